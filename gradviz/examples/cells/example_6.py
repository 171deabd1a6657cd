import gradviz.nn as nn

# Create tensors of shape (10, 3) and (10, 2).
x = torch.randn(10,3)
y = torch.randn(10,2)

# Build a fully connected layer
linear = nn.Linear(3,2)
print("w:", linear.weight)
print("b:", linear.bias)

# Build loss function and optimizer.
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(linear.parameters(), lr = 0.01)

# Forward Pass
pred = linear(x)

# Compute loss
loss = criterion(pred, y)
print("Loss:", loss.item())

# Backward pass
loss.backward()
print("dL/dw:", linear.weight.grad)
print("dL/db:", linear.bias.grad)

# 1-Step gradient descent
optimizer.step()

# You can also perform gradient descent at the low level.
# linear.weight.data.sub_(0.01 * linear.weight.grad.data)
# linear.bias.data.sub_(0.01 * linear.bias.grad.data)
# This is an in-place subtraction operation in PyTorch. It subtracts the value from linear.bias.data directly.

# Loss after 1-step gradient descent.
pred = linear(x)
loss = criterion(pred, y)
print("Loss after 1 step optimization:", loss.item())
