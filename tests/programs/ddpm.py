"""A diffusion model of points on a spiral: a schedule of noise, timestep embeddings, an averaged copy, sampling."""

import copy
import math

import torch
from torch import nn
from progress import tqdm

torch.manual_seed(0)


class SinusoidalPositionEmbeddings(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, time):
        device = time.device
        half_dim = self.dim // 2
        embeddings = math.log(10000) / (half_dim - 1)
        embeddings = torch.exp(torch.arange(half_dim, device=device) * -embeddings)
        embeddings = time[:, None] * embeddings[None, :]
        return torch.cat((embeddings.sin(), embeddings.cos()), dim=-1)


class Denoiser(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.time_mlp = nn.Sequential(SinusoidalPositionEmbeddings(hidden), nn.Linear(hidden, hidden), nn.SiLU())
        self.inp = nn.Linear(2, hidden)
        self.mid = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(2)])
        self.norm = nn.GroupNorm(4, hidden)
        self.out = nn.Linear(hidden, 2)

    def forward(self, x, t):
        h = self.inp(x)
        time = self.time_mlp(t)
        for layer in self.mid:
            h = h + nn.functional.gelu(layer(self.norm(h) + time))
        return self.out(h)


T = 20
betas = torch.linspace(1e-4, 0.3, T)
alphas = 1.0 - betas
alphas_cumprod = torch.cumprod(alphas, axis=0)
alphas_cumprod_prev = nn.functional.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
sqrt_recip_alphas = torch.sqrt(1.0 / alphas)
sqrt_alphas_cumprod = torch.sqrt(alphas_cumprod)
sqrt_one_minus_alphas_cumprod = torch.sqrt(1.0 - alphas_cumprod)
posterior_variance = betas * (1.0 - alphas_cumprod_prev) / (1.0 - alphas_cumprod)


def get_index_from_list(vals, t, x_shape):
    batch_size = t.shape[0]
    out = vals.gather(-1, t.cpu())
    return out.reshape(batch_size, *((1,) * (len(x_shape) - 1))).to(t.device)


def forward_diffusion_sample(x_0, t):
    noise = torch.randn_like(x_0)
    mean = get_index_from_list(sqrt_alphas_cumprod, t, x_0.shape) * x_0
    return mean + get_index_from_list(sqrt_one_minus_alphas_cumprod, t, x_0.shape) * noise, noise


@torch.no_grad()
def sample_timestep(model, x, t):
    betas_t = get_index_from_list(betas, t, x.shape)
    noise_scale = get_index_from_list(sqrt_one_minus_alphas_cumprod, t, x.shape)
    mean = get_index_from_list(sqrt_recip_alphas, t, x.shape) * (x - betas_t * model(x, t) / noise_scale)
    if t[0] == 0:
        return mean
    return mean + torch.sqrt(get_index_from_list(posterior_variance, t, x.shape)) * torch.randn_like(x)


angle = torch.linspace(0, 3 * math.pi, 128)
data = torch.stack([angle * torch.cos(angle), angle * torch.sin(angle)], dim=1) / 9

model = Denoiser()
ema = copy.deepcopy(model).eval().requires_grad_(False)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60)
for step in tqdm(range(60)):
    optimizer.zero_grad()
    batch = data[torch.randint(0, len(data), (32,))]
    t = torch.randint(0, T, (32,)).long()
    x_noisy, noise = forward_diffusion_sample(batch, t)
    loss = nn.functional.mse_loss(noise, model(x_noisy, t))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    scheduler.step()
    with torch.no_grad():
        for e, p in zip(ema.parameters(), model.parameters()):
            e.lerp_(p, 0.1)
    if step % 20 == 0:
        print(f"step {step:03d} loss: {loss.item():.3f} lr {scheduler.get_last_lr()[0]:.2e}")

x = torch.randn(64, 2)
for i in range(T)[::-1]:
    x = sample_timestep(ema, x, torch.full((64,), i, dtype=torch.long))
print(x.shape, torch.isfinite(x).all(), f"{x.std():.1f}")
