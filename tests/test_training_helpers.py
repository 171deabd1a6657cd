"""Averaged models, checkpoints and modules on several devices: small things around a training loop, as in PyTorch."""

from __future__ import annotations

import textwrap

import pytest
from beside import outcome

import gradviz as gv

AVERAGED = """
S = torch.optim.swa_utils
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
x = torch.rand(8, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def step():
    optimizer.zero_grad()
    net(x).pow(2).mean().backward()
    optimizer.step()
def train(averaged):
    for _ in range(4):
        step()
        averaged.update_parameters(net)
    return list(averaged.state_dict().items()), averaged.eval()(x)
"""

CHECKPOINT = """
C = torch.utils.checkpoint
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 1))
x = torch.rand(4, 3, requires_grad=True)
def f(a, b=1):
    log.append("called")
    return a.sin() * b
"""

SNIPPETS = {
    "averaged": AVERAGED + "r = train(S.AveragedModel(net))",
    "averaged, printed": AVERAGED + "r = S.AveragedModel(net)",
    "averaged with buffers": AVERAGED + "r = train(S.AveragedModel(net, use_buffers=True))",
    "moving average": AVERAGED + "r = train(S.AveragedModel(net, multi_avg_fn=S.get_ema_multi_avg_fn(0.9)))",
    "moving average with buffers": AVERAGED + "r = train(S.AveragedModel(net, multi_avg_fn=S.get_ema_multi_avg_fn(0.9), use_buffers=True))",
    "moving average, one by one": AVERAGED + "r = train(S.AveragedModel(net, avg_fn=S.get_ema_avg_fn(0.9)))",
    "plain, one by one": AVERAGED + "r = train(S.AveragedModel(net, avg_fn=S.get_swa_avg_fn()))",
    "plain, many": AVERAGED + "r = train(S.AveragedModel(net, multi_avg_fn=S.get_swa_multi_avg_fn()))",
    "plain, many, with buffers": AVERAGED + "r = train(S.AveragedModel(net, multi_avg_fn=S.get_swa_multi_avg_fn(), use_buffers=True))",
    "one's own average": AVERAGED + "r = train(S.AveragedModel(net, device='cpu', avg_fn=lambda mine, theirs, n: 0.5 * mine + 0.5 * theirs))",
    "two averages": AVERAGED + "S.AveragedModel(net, avg_fn=S.get_ema_avg_fn(), multi_avg_fn=S.get_ema_multi_avg_fn())",
    "decay": AVERAGED + "S.get_ema_avg_fn(1.5)",
    "decay of many": AVERAGED + "S.get_ema_multi_avg_fn(-0.5)",
    "update_bn": AVERAGED + """
averaged = S.AveragedModel(net)
train(averaged)
data = [(torch.rand(5, 3), torch.zeros(5)) for _ in range(3)]
S.update_bn(data, averaged)
S.update_bn([batch for batch, _ in data], net, device="cpu")
r = list(averaged.state_dict().items()), list(net.state_dict().items()), averaged.training, net[1].momentum""",
    "update_bn without one": AVERAGED + "r = S.update_bn([], nn.Linear(2, 2))",
    "SWALR": AVERAGED + """
for options in ({}, {"anneal_epochs": 3}, {"anneal_epochs": 3, "anneal_strategy": "linear"}, {"anneal_epochs": 0}):
    groups = [{"params": [net[0].weight], "lr": 0.3}, {"params": [net[0].bias], "lr": 0.01}]
    optimizer = torch.optim.SGD(groups)
    schedule = S.SWALR(optimizer, swa_lr=[0.05, 0.02], **options)
    for _ in range(6):
        optimizer.step()
        schedule.step()
        log.append(schedule.get_last_lr())
log.append(sorted(schedule.state_dict()))
r = log""",
    "SWALR, copied": AVERAGED + """
a, b = (S.SWALR(optimizer, swa_lr=0.05, anneal_epochs=5, anneal_strategy=way) for way in ("linear", "cos"))
optimizer.step()
a.step()
b.load_state_dict(a.state_dict())
b.step()
r = b.get_last_lr(), b.last_epoch""",
    "SWALR, no strategy": AVERAGED + "S.SWALR(optimizer, 0.1, anneal_strategy='other')",
    "SWALR, no epochs": AVERAGED + "S.SWALR(optimizer, 0.1, anneal_epochs=-1)",
    "SWALR, too many rates": AVERAGED + "S.SWALR(optimizer, [0.1, 0.2])",
    "after another schedule": AVERAGED + """
first, second = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10), S.SWALR(optimizer, swa_lr=0.05)
for epoch in range(8):
    step()
    (first if epoch < 4 else second).step()
    log.append(optimizer.param_groups[0]["lr"])
r = log""",
    **{
        f"checkpoint, {name}, use_reentrant={reentrant}": CHECKPOINT + code.replace("HOW", f"use_reentrant={reentrant}")
        for reentrant in (True, False)
        for name, code in {
            "a function": "y = C.checkpoint(f, x, HOW); y.sum().backward(); r = y, x.grad, log",
            "a network": "y = C.checkpoint(net, x, HOW); y.sum().backward(); r = y, x.grad, [p.grad for p in net.parameters()], torch.rand(1)",
            "other numbers": "y = C.checkpoint(net, x, preserve_rng_state=False, HOW); r = y, torch.rand(1)",
            "running statistics": "m = nn.BatchNorm1d(3); C.checkpoint(m, x, HOW).sum().backward(); r = m.running_mean, m.num_batches_tracked",
            "two results": "a, b = C.checkpoint(lambda x: (x.sin(), x.cos()), x, HOW); (a * 2 + b).sum().backward(); r = x.grad",
            "other arguments": "y = C.checkpoint(lambda x, n, t: x * n + t, x, 3, torch.ones(3), HOW); y.sum().backward(); r = y, x.grad",
            "no gradient": "r = C.checkpoint(f, x.detach(), HOW)",
            "under no_grad": "with torch.no_grad():\n    r = C.checkpoint(f, x, HOW)",
            "in segments": "y = C.checkpoint_sequential(net, 2, x, HOW); y.sum().backward(); r = y, x.grad, [p.grad for p in net.parameters()]",
            "in many segments": "y = C.checkpoint_sequential(list(net), 3, x, HOW); y.sum().backward(); r = y, x.grad, torch.rand(1)",
            "in one segment": "y = C.checkpoint_sequential(net, 1, x, HOW); y.sum().backward(); r = y, x.grad",
            "twice": "y = C.checkpoint(f, C.checkpoint(f, x, HOW), HOW); y.sum().backward(); r = x.grad, log",
        }.items()
    },
    "checkpoint, which way": CHECKPOINT + "y = C.checkpoint(f, x); y.sum().backward(); r = y, x.grad",
    "segments, which way": CHECKPOINT + "r = C.checkpoint_sequential(net, 2, x)",
    "checkpoint, keywords": CHECKPOINT + "y = C.checkpoint(f, x, b=3, use_reentrant=False); y.sum().backward(); r = y, x.grad",
    "checkpoint, keywords refused": CHECKPOINT + "C.checkpoint(f, x, b=3, use_reentrant=True)",
    "checkpoint, debug refused": CHECKPOINT + "C.checkpoint(f, x, debug=True, use_reentrant=True)",
    "segments, keywords refused": CHECKPOINT + "C.checkpoint_sequential(net, 2, x, use_reentrant=True, other=1)",
    "checkpoint, grad": CHECKPOINT + "r = torch.autograd.grad(C.checkpoint(f, x, use_reentrant=False).sum(), x), log",
    "checkpoint, node": CHECKPOINT + "r = [type(C.checkpoint(f, x, use_reentrant=way).grad_fn).__name__ for way in (True, False)]",
    "checkpoint without gradient": CHECKPOINT + "y = C.checkpoint(lambda x: x.detach(), x, use_reentrant=True); y.sum().backward()",
    "DataParallel": """
torch.manual_seed(0)
m = nn.DataParallel(nn.Linear(3, 2))
y = m(torch.ones(4, 3))
y.sum().backward()
r = m, y, m.module.weight.grad, list(m.state_dict().items()), m.module, [name for name, _ in m.named_modules()], m.device_ids""",
    "DataParallel to and fro": """
torch.manual_seed(0)
m, k = nn.DataParallel(nn.Linear(3, 2)), nn.Linear(3, 2)
r = k.load_state_dict(m.module.state_dict()), torch.equal(k.weight, m.module.weight), nn.DataParallel(k).load_state_dict(m.state_dict())""",
    "DataParallel, other state": "nn.DataParallel(nn.Linear(3, 2)).load_state_dict(nn.Linear(3, 2).state_dict())",
    "DataParallel with ids": "r = nn.parallel.DataParallel(nn.Linear(3, 2), device_ids=[0, 1], output_device=0, dim=0)",
}  # fmt: skip


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    code = "r = None\n" + textwrap.dedent(SNIPPETS[name]).strip()
    assert outcome(gv, code) == outcome(torch, code)


def test_what_was_checkpointed_can_be_drawn():
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    for way in (True, False):
        y = gv.utils.checkpoint.checkpoint(gv.tanh, x, use_reentrant=way).sum()
        y.backward()
        assert "<svg" in gv.draw(y).to_svg()
