import gradviz as torch

# Define Input variables
x = torch.tensor(5., requires_grad=True)
w = torch.tensor(2., requires_grad=True)
b = torch.tensor(3., requires_grad=True)

# Define the graph structure
# Forward pass
y = w * x + b

# Backward pass
y.backward()

#View the outputs
print("Gradient of x:", x.grad)
print("Gradient of b:", b.grad)
print("Gradient of w:", w.grad)

# Update parameters
w.data -= 0.01 * w.grad.data
b.data -= 0.01 * b.grad.data

y1 = torch.zeros(3)  # expected output
loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y1)

print("y:",y)
print("Updated b:", b.data)
print("Updated W:", w.data)
print("Loss:",loss)
