"""An energy-based model trained by contrastive divergence: Langevin steps on the input, a buffer, frozen weights."""

import random

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)
random.seed(42)


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class Energy(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, hidden), Swish(), nn.Linear(hidden, hidden), Swish(), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.layers(x).squeeze(dim=-1)


class Sampler:
    def __init__(self, model, sample_size, max_len=256):
        self.model, self.sample_size, self.max_len = model, sample_size, max_len
        self.examples = [(torch.rand((1, 2)) * 2 - 1) for _ in range(self.sample_size)]

    def sample_new_exmps(self, steps=10, step_size=1.0):
        n_new = sum(random.random() < 0.1 for _ in range(self.sample_size))
        rand = torch.rand((n_new, 2)) * 2 - 1
        old = torch.cat(random.choices(self.examples, k=self.sample_size - n_new), dim=0)
        inputs = torch.cat([rand, old], dim=0).detach()
        inputs = Sampler.generate_samples(self.model, inputs, steps=steps, step_size=step_size)
        self.examples = list(inputs.chunk(self.sample_size, dim=0)) + self.examples
        self.examples = self.examples[: self.max_len]
        return inputs

    @staticmethod
    def generate_samples(model, inputs, steps=10, step_size=1.0, return_each_step=False):
        is_training = model.training
        model.eval()
        for p in model.parameters():
            p.requires_grad = False
        inputs.requires_grad = True
        had_gradients_enabled = torch.is_grad_enabled()
        torch.set_grad_enabled(True)
        noise = torch.randn(inputs.shape)
        each = []
        for _ in range(steps):
            noise.normal_(0, 0.005)
            inputs.data.add_(noise.data)
            inputs.data.clamp_(min=-1.0, max=1.0)
            out = -model(inputs)
            out.sum().backward()
            inputs.grad.data.clamp_(-0.03, 0.03)
            inputs.data.add_(-step_size * inputs.grad.data)
            inputs.grad.detach_()
            inputs.grad.zero_()
            inputs.data.clamp_(min=-1.0, max=1.0)
            if return_each_step:
                each.append(inputs.clone().detach())
        for p in model.parameters():
            p.requires_grad = True
        model.train(is_training)
        torch.set_grad_enabled(had_gradients_enabled)
        return torch.stack(each, dim=0) if return_each_step else inputs


angles = torch.rand(200) * 6.2831
data = 0.7 * torch.stack([angles.cos(), angles.sin()], dim=1)
model = Energy()
sampler = Sampler(model, 32)
optimizer = optim.Adam(model.parameters(), lr=5e-3, betas=(0.0, 0.999))
scheduler = optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.97)
for epoch in range(12):
    real = data[torch.randint(0, 200, (32,))]
    small_noise = torch.randn_like(real) * 0.005
    real.add_(small_noise).clamp_(min=-1.0, max=1.0)
    fake = sampler.sample_new_exmps()
    inp = torch.cat([real, fake], dim=0)
    real_out, fake_out = model(inp).chunk(2, dim=0)
    reg_loss = 0.1 * (real_out**2 + fake_out**2).mean()
    cdiv_loss = fake_out.mean() - real_out.mean()
    loss = reg_loss + cdiv_loss
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), 0.1)
    optimizer.step()
    scheduler.step()
    if epoch % 4 == 0:
        print(f"{epoch}: loss {loss.item():+.3f} reg {reg_loss.item():.3f} cdiv {cdiv_loss.item():+.3f}")
path = Sampler.generate_samples(model, torch.rand(3, 2), steps=5, return_each_step=True)
print(path.shape, all(p.requires_grad for p in model.parameters()), all(p.grad is not None for p in model.parameters()))

# Score matching on the same network: a gradient with respect to the input, differentiated once more.
x = data[:16].clone().requires_grad_(True)
score = torch.autograd.grad(model(x).sum(), x, create_graph=True)[0]
trace = sum(torch.autograd.grad(score[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(2))
objective = (trace + 0.5 * score.pow(2).sum(1)).mean()
optimizer.zero_grad()
objective.backward()
print(f"{objective.item():.2f}", [name for name, p in model.named_parameters() if p.grad is None])
