# import the library
import gradviz as torch

# Assign the input variable
x = torch_input=torch.tensor([[1.0,2.0,3.0],
                              [4.0,5.0,6.0],
                              [7.0,8.0,9.0]],requires_grad=True)

# define the function
def f(x):
    return (x**3) + 7*(x**2) + 5*x + 10

# Assign the sum to another variable z
# Because torch.autograd.grad() works only for scalar input
z=f(x).sum()

# Compute the gradient
z.backward()

# Find the gradient value
print(x.grad)

# Calculation by hand
print(3*x**2+14*x+5)
