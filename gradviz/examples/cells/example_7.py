import gradviz.nn as nn

# Create tensors of shape (10, 3) and (10, 2).
x = torch.randn(10,3)
y = torch.randn(10,2)

# Build a fully connected layer
linear = nn.Linear(3,2)

# Build loss function and optimizer.
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(linear.parameters(), lr = 0.01)

epochs = 10

for epoch in range(epochs):
    pred = linear(x)
    loss = criterion(pred, y)
    print(f"Epoch [{epoch+1}/{epochs}], Loss: {loss.item()}")
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()

print("Final Loss after all epochs:", loss.item())
