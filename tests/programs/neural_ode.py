"""A neural ODE by hand: a Runge-Kutta step, a field, and the adjoint method as a custom autograd Function."""

import torch
import torch.nn as nn

torch.manual_seed(3)


def rk4(f, z0, t0, t1, steps=4):
    h = (t1 - t0) / steps
    z, t = z0, t0
    for _ in range(steps):
        k1 = f(z, t)
        k2 = f(z + h / 2 * k1, t + h / 2)
        k3 = f(z + h / 2 * k2, t + h / 2)
        k4 = f(z + h * k3, t + h)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        t = t + h
    return z


class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.1)
                nn.init.constant_(m.bias, val=0)

    def forward(self, z, t):
        return self.net(z**3)

    def forward_with_grad(self, z, t, grad_outputs):
        out = self.forward(z, t)
        adfdz, *adfdp = torch.autograd.grad(
            (out,), (z,) + tuple(self.parameters()), grad_outputs=(grad_outputs), allow_unused=True, retain_graph=True
        )
        adfdp = torch.cat([p_grad.flatten() for p_grad in adfdp]).unsqueeze(0)
        adfdp = adfdp.expand(len(z), -1) / len(z)
        return out, adfdz, adfdp

    def flatten_parameters(self):
        return torch.cat([p.flatten() for p in self.parameters()])


class ODEAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z0, t, flat_parameters, func):
        with torch.no_grad():
            z1 = rk4(func, z0, t[0], t[1])
        ctx.func = func
        ctx.save_for_backward(t, z1.clone(), flat_parameters)
        return z1

    @staticmethod
    def backward(ctx, dLdz):
        func = ctx.func
        t, z1, flat_parameters = ctx.saved_tensors
        bs, n = z1.shape
        n_params = flat_parameters.size(0)

        def augmented(aug, t):
            z, a = aug[:, :n], aug[:, n : 2 * n]
            with torch.set_grad_enabled(True):
                z = z.detach().requires_grad_(True)
                f, adfdz, adfdp = func.forward_with_grad(z, t, grad_outputs=a)
            return torch.cat((f.detach(), -adfdz, -adfdp), dim=1)

        with torch.no_grad():
            aug = torch.cat((z1, dLdz, torch.zeros(bs, n_params)), dim=-1)
            back = rk4(augmented, aug, t[1], t[0])
        return back[:, n : 2 * n], None, back[:, 2 * n :].sum(0), None


true_A = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
z0 = torch.randn(10, 2)
with torch.no_grad():
    target = rk4(lambda z, t: torch.mm(z**3, true_A), z0, 0.0, 0.3)

func = Field()
span = torch.tensor([0.0, 0.3])
start = z0.clone().requires_grad_()
loss = ((ODEAdjoint.apply(start, span, func.flatten_parameters(), func) - target) ** 2).mean()
loss.backward()
adjoint = [p.grad.clone() for p in func.parameters()]
func.zero_grad()
plain = ((rk4(func, z0, 0.0, 0.3) - target) ** 2).mean()
plain.backward()
print("adjoint agrees:", all(torch.allclose(a, p.grad, atol=1e-3) for a, p in zip(adjoint, func.parameters())))
print(loss.item() == plain.item() or abs(loss.item() - plain.item()) < 1e-6, start.grad.shape)

optimizer = torch.optim.RMSprop(func.parameters(), lr=1e-2)
for itr in range(1, 31):
    optimizer.zero_grad()
    pred = rk4(func, z0, 0.0, 0.3)
    loss = torch.mean(torch.abs(pred - target))
    loss.backward()
    optimizer.step()
    if itr % 10 == 0:
        with torch.no_grad():
            print("Iter {:04d} | Total Loss {:.3f}".format(itr, loss.item()))
