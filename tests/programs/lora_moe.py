"""Low-rank adapters on a frozen layer, merged in the end; and a mixture of experts with a noisy top-k router."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.parametrize as parametrize

torch.manual_seed(2)


class LoRALayer(nn.Module):
    def __init__(self, in_dim, out_dim, rank, alpha):
        super().__init__()
        self.A = nn.Parameter(torch.empty(in_dim, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.B = nn.Parameter(torch.zeros(rank, out_dim))
        self.alpha, self.rank = alpha, rank

    def forward(self, x):
        return (self.alpha / self.rank) * (x @ self.A @ self.B)


class LinearWithLoRA(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        self.linear = linear
        self.lora = LoRALayer(linear.in_features, linear.out_features, rank, alpha)

    def forward(self, x):
        return self.linear(x) + self.lora(x)


def replace_linear_with_lora(model, rank, alpha):
    for name, module in model.named_children():
        if isinstance(module, nn.Linear):
            setattr(model, name, LinearWithLoRA(module, rank, alpha))
        else:
            replace_linear_with_lora(module, rank, alpha)


base = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Sequential(nn.Linear(16, 3)))
for param in base.parameters():
    param.requires_grad = False
replace_linear_with_lora(base, rank=2, alpha=4)
trainable = sum(p.numel() for p in base.parameters() if p.requires_grad)
total = sum(p.numel() for p in base.parameters())
print(f"trainable {trainable} of {total} ({100 * trainable / total:.1f}%)")
x, y = torch.randn(64, 6), torch.randint(0, 3, (64,))
frozen = base[0].linear.weight.clone()
optimizer = torch.optim.AdamW(filter(lambda p: p.requires_grad, base.parameters()), lr=0.05)
for step in range(30):
    loss = F.cross_entropy(base(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"lora {step}: {loss.item():.3f}")
print(torch.equal(frozen, base[0].linear.weight), base[0].linear.weight.grad)


class Adapter(nn.Module):
    """The same as a parametrisation of the weight."""

    def __init__(self, out_dim, in_dim, rank=1):
        super().__init__()
        self.A = nn.Parameter(torch.randn(rank, in_dim) * 0.1)
        self.B = nn.Parameter(torch.zeros(out_dim, rank))
        self.enabled = True

    def forward(self, W):
        return W + self.B @ self.A if self.enabled else W


layer = nn.Linear(4, 4)
before = layer.weight.detach().clone()
parametrize.register_parametrization(layer, "weight", Adapter(4, 4))
layer.parametrizations.weight.original.requires_grad_(False)
print(sorted(name for name, p in layer.named_parameters()), torch.equal(layer.weight, before))
(layer(torch.ones(1, 4)) ** 2).sum().backward()
print([name for name, p in layer.named_parameters() if p.grad is not None])
parametrize.remove_parametrizations(layer, "weight")
print(type(layer.weight).__name__, layer.weight.shape)


class Expert(nn.Module):
    def __init__(self, n_embd):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_embd, 2 * n_embd), nn.ReLU(), nn.Linear(2 * n_embd, n_embd))

    def forward(self, x):
        return self.net(x)


class NoisyTopkRouter(nn.Module):
    def __init__(self, n_embed, num_experts, top_k):
        super().__init__()
        self.top_k = top_k
        self.topkroute_linear = nn.Linear(n_embed, num_experts)
        self.noise_linear = nn.Linear(n_embed, num_experts)

    def forward(self, mh_output):
        logits = self.topkroute_linear(mh_output)
        noise = torch.randn_like(logits) * F.softplus(self.noise_linear(mh_output))
        noisy_logits = logits + noise
        top_k_logits, indices = noisy_logits.topk(self.top_k, dim=-1)
        zeros = torch.full_like(noisy_logits, float("-inf"))
        sparse_logits = zeros.scatter(-1, indices, top_k_logits)
        return F.softmax(sparse_logits, dim=-1), indices


class SparseMoE(nn.Module):
    def __init__(self, n_embed, num_experts, top_k):
        super().__init__()
        self.router = NoisyTopkRouter(n_embed, num_experts, top_k)
        self.experts = nn.ModuleList([Expert(n_embed) for _ in range(num_experts)])

    def forward(self, x):
        gating_output, indices = self.router(x)
        final_output = torch.zeros_like(x)
        flat_x = x.view(-1, x.size(-1))
        flat_gating_output = gating_output.view(-1, gating_output.size(-1))
        for i, expert in enumerate(self.experts):
            expert_mask = (indices == i).any(dim=-1)
            flat_mask = expert_mask.view(-1)
            if flat_mask.any():
                expert_output = expert(flat_x[flat_mask])
                gating_scores = flat_gating_output[flat_mask, i].unsqueeze(1)
                final_output[expert_mask] += (expert_output * gating_scores).squeeze(1)
        return final_output, gating_output


moe = SparseMoE(8, 4, 2)
opt = torch.optim.Adam(moe.parameters(), lr=1e-2)
tokens, target = torch.randn(4, 6, 8), torch.randn(4, 6, 8)
for step in range(15):
    out, gates = moe(tokens)
    balance = gates.mean(dim=(0, 1)).var()
    loss = F.mse_loss(out, target) + 0.1 * balance
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if step % 5 == 0:
        print(f"moe {step}: {loss.item():.3f}, experts used {(gates > 0).sum(dim=(0, 1)).tolist()}")
