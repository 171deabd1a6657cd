"""Meta-learning of sine waves: an inner step that is differentiated through, by hand and with functional_call."""

import math
from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call

torch.manual_seed(0)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            OrderedDict([
                ("l1", nn.Linear(1, 20)), ("relu1", nn.ReLU()),
                ("l2", nn.Linear(20, 20)), ("relu2", nn.ReLU()),
                ("l3", nn.Linear(20, 1)),
            ])
        )

    def forward(self, x):
        return self.net(x)

    def argforward(self, x, weights):
        x = F.relu(F.linear(x, weights[0], weights[1]))
        x = F.relu(F.linear(x, weights[2], weights[3]))
        return F.linear(x, weights[4], weights[5])


def task():
    amplitude = torch.empty(1).uniform_(0.5, 2.0)
    phase = torch.rand(1) * math.pi
    return lambda x: amplitude * torch.sin(x + phase)


model = Regressor()
meta_optimiser = torch.optim.Adam(list(model.parameters()), 5e-3)
inner_lr = 0.05
for iteration in range(12):
    meta_optimiser.zero_grad()
    meta_loss = 0
    for _ in range(3):
        f = task()
        x = torch.rand(8, 1) * 6 - 3
        temp_weights = [w.clone() for w in list(model.parameters())]
        for step in range(2):
            loss = F.mse_loss(model.argforward(x, temp_weights), f(x))
            grad = torch.autograd.grad(loss, temp_weights, create_graph=True)
            temp_weights = [w - inner_lr * g for w, g in zip(temp_weights, grad)]
        x_new = torch.rand(8, 1) * 6 - 3
        meta_loss += F.mse_loss(model.argforward(x_new, temp_weights), f(x_new)) / 3
    meta_grads = torch.autograd.grad(meta_loss, list(model.parameters()))
    for w, g in zip(list(model.parameters()), meta_grads):
        w.grad = g
    meta_optimiser.step()
    if iteration % 4 == 0:
        print(f"{iteration}: {meta_loss.item():.3f}")

# The same inner step with functional_call, and the two meta-gradients compared.
f, x = task(), torch.linspace(-3, 3, 10).view(-1, 1)
params = dict(model.named_parameters())
loss = F.mse_loss(functional_call(model, params, (x,)), f(x))
grads = torch.autograd.grad(loss, tuple(params.values()), create_graph=True)
fast = {name: p - inner_lr * g for (name, p), g in zip(params.items(), grads)}
outer = F.mse_loss(functional_call(model, fast, (x,)), f(x))
first = torch.autograd.grad(outer, tuple(params.values()))
weights = [p - inner_lr * g for p, g in zip(model.parameters(), torch.autograd.grad(F.mse_loss(model(x), f(x)), list(model.parameters()), create_graph=True))]
second = torch.autograd.grad(F.mse_loss(model.argforward(x, weights), f(x)), list(model.parameters()))
print(all(torch.allclose(a, b, atol=1e-5) for a, b in zip(first, second)), outer.item() < loss.item())

# What gradients through the inner step add: first-order MAML differs.
detached = [p - inner_lr * g.detach() for p, g in zip(model.parameters(), grads)]
fomaml = torch.autograd.grad(F.mse_loss(model.argforward(x, detached), f(x)), list(model.parameters()))
print(any(not torch.allclose(a, b, atol=1e-4) for a, b in zip(first, fomaml)))
