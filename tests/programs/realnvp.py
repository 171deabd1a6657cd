"""Normalising flows: affine couplings with masks, a base MultivariateNormal, and distributions' own transforms."""

import torch
from torch import distributions, nn
from torch.distributions import transforms as T

torch.manual_seed(0)


class RealNVP(nn.Module):
    def __init__(self, nets, nett, mask, prior):
        super(RealNVP, self).__init__()
        self.prior = prior
        self.mask = nn.Parameter(mask, requires_grad=False)
        self.t = torch.nn.ModuleList([nett() for _ in range(len(mask))])
        self.s = torch.nn.ModuleList([nets() for _ in range(len(mask))])

    def g(self, z):
        x = z
        for i in range(len(self.t)):
            x_ = x * self.mask[i]
            s = self.s[i](x_) * (1 - self.mask[i])
            t = self.t[i](x_) * (1 - self.mask[i])
            x = x_ + (1 - self.mask[i]) * (x * torch.exp(s) + t)
        return x

    def f(self, x):
        log_det_J, z = x.new_zeros(x.shape[0]), x
        for i in reversed(range(len(self.t))):
            z_ = self.mask[i] * z
            s = self.s[i](z_) * (1 - self.mask[i])
            t = self.t[i](z_) * (1 - self.mask[i])
            z = (1 - self.mask[i]) * (z - t) * torch.exp(-s) + z_
            log_det_J -= s.sum(dim=1)
        return z, log_det_J

    def log_prob(self, x):
        z, logp = self.f(x)
        return self.prior.log_prob(z) + logp

    def sample(self, batchSize):
        z = self.prior.sample((batchSize, 1))
        return self.g(z)


nets = lambda: nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(), nn.Linear(16, 2), nn.Tanh())
nett = lambda: nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(), nn.Linear(16, 2))
masks = torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 2)
prior = distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
flow = RealNVP(nets, nett, masks, prior)

angle = torch.rand(256) * 3.1415
moons = torch.stack([angle.cos() + (torch.arange(256) % 2), angle.sin() * (1 - 2 * (torch.arange(256) % 2))], 1)
moons = moons + 0.05 * torch.randn(256, 2)
optimizer = torch.optim.Adam([p for p in flow.parameters() if p.requires_grad], lr=5e-3)
for t in range(61):
    loss = -flow.log_prob(moons[torch.randint(0, 256, (64,))]).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
    if t % 20 == 0:
        print("iter %s:" % t, "loss = %.3f" % loss)

z, _ = flow.f(moons)
print("there and back:", torch.allclose(flow.g(z), moons, atol=1e-4))
print(flow.sample(5).shape)

# The same idea with the library's own transforms: a scale and shift, learned by maximum likelihood.
loc = nn.Parameter(torch.zeros(1))
log_scale = nn.Parameter(torch.zeros(1))
data = torch.exp(0.5 * torch.randn(300) + 1.0)
opt = torch.optim.Adam([loc, log_scale], lr=0.1)
for _ in range(60):
    base = distributions.Normal(torch.zeros(1), torch.ones(1))
    target = distributions.TransformedDistribution(base, [T.AffineTransform(loc, log_scale.exp()), T.ExpTransform()])
    nll = -target.log_prob(data.unsqueeze(1)).mean()
    opt.zero_grad()
    nll.backward()
    opt.step()
print(f"loc {loc.item():.3f} scale {log_scale.exp().item():.3f} nll {nll.item():.3f}")
lognormal = distributions.LogNormal(loc.detach(), log_scale.exp().detach())
print(torch.allclose(lognormal.log_prob(data.unsqueeze(1)).mean(), -nll, atol=1e-2))
print(distributions.kl_divergence(distributions.Normal(0.0, 1.0), distributions.Normal(1.0, 2.0)))
