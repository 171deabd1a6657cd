"""Views and what is written through them: small programs that leave the same in PyTorch and here, or fail alike."""

from __future__ import annotations

import re

import pytest
from beside import outcome

import gradviz as gv

CUSTOM = """
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return {}
    @staticmethod
    def backward(ctx, *grads): return grads[0].view(2, 3) * 3
"""
LEAF = "w = torch.tensor([[1., 2., 3.], [4., 5., 6.]], requires_grad=True)\n"

PROGRAMS = {
    # what is saved
    "add to a mean": "w = torch.tensor([1., 2.], requires_grad=True)\n"
    "loss = ((w - 3)**2).mean(); loss += 0.1*(w**2).sum(); loss.backward(); r = w.grad",
    "divide an L1 loss in place": "w = torch.tensor([1., 2.], requires_grad=True)\n"
    "loss = F.l1_loss(w, torch.zeros(2)); loss /= 4; loss.backward(); r = w.grad",
    "centre in place": "x = torch.tensor([1., 2., 6.], requires_grad=True)\n"
    "h = x*1; h -= h.mean(); (h**2).sum().backward(); r = x.grad",
    "exp changed through detach": LEAF + "y = w.exp(); y.detach().mul_(2); y.sum().backward()",
    "sigmoid zeroed through detach": LEAF + "y = w.sigmoid(); y.detach().zero_(); y.sum().backward()",
    "tanh changed through a view of detach": LEAF
    + "y = w.tanh(); y.detach().view(-1)[0:1].zero_(); y.sum().backward()",
    "a number, through detach": "w = torch.tensor(2., requires_grad=True); y = w.exp(); y.detach().mul_(2); y.backward()",
    "a result, after detach_()": LEAF + "y = w.exp(); z = y*1; y.detach_(); y.mul_(2); z.sum().backward()",
    "a result that was saved after it was changed": LEAF + "y = (w*1).exp_(); y.sum().backward(); r = w.grad",
    "and changed again": LEAF + "y = (w*1).exp_(); z = y*2; y.add_(1); z.sum().backward()",
    "part of a result": LEAF + "y = w*1; y[0].exp_(); z = y*2; y.add_(1); z.sum().backward()",
    "a running mean": "n = nn.BatchNorm1d(3).eval(); y = n(torch.ones(2, 3)); n.running_mean.add_(1); y.sum().backward()",
    "a running mean moved by another batch": "n = nn.BatchNorm1d(3); x = torch.arange(6.).view(2, 3)\n"
    "y = n(x).sum() + n(x*2).sum(); y.backward(); r = n.running_mean._version, n.bias.grad",
    # twice
    "backward twice through a view": "x = torch.tensor([1., 2., 3., 4.], requires_grad=True)\n"
    "h = x.view(2, 2); h[0].sum().backward(); h[1].sum().backward(); r = x.grad",
    "a transpose shared by two losses": "w = torch.ones(2, 3, requires_grad=True); t = w.T\n"
    "(torch.ones(1, 3) @ t).sum().backward(); (torch.ones(2, 3) @ t).sum().backward(); r = w.grad",
    "what was saved is gone": LEAF + "h = w*w; h[0].sum().backward(); h[1].sum().backward()",
    # what counts as a change
    "its shape": LEAF + "x = w*1; y = x*x; x.t_(); y.sum().backward()",
    "the shape of a result": LEAF + "y = w.exp(); y.unsqueeze_(0); y.sum().backward()",
    "the shape of what is detached": LEAF + "y = w.exp(); d = y.detach(); d.t_(); y.sum().backward()",
    "a leaf, in no_grad": LEAF + "with torch.no_grad(): w.t_()\nr = w.shape, w._version",
    "what read its own other part": LEAF + "x = w.clone(); x[0].add_(x[1]); x.sum().backward(); r = w.grad",
    "what read another tensor": LEAF + "x = w.clone(); x[0].mul_(w[1]); x.sum().backward(); r = w.grad",
    "data": LEAF + "y = w.exp(); y.data.mul_(2); y.sum().backward(); r = w.grad.round()",
    "data of an input": LEAF + "y = w*w; w.data.add_(1); y.sum().backward(); r = w.grad",
    "its array": LEAF + "x = torch.zeros(2, 3); y = w*x; x.numpy()[:] = 7; y.sum().backward(); r = w.grad",
    "a leaf that was read": LEAF + "y = w*w\nwith torch.no_grad(): w.add_(1)\ny.sum().backward()",
    "a leaf that was not": LEAF + "y = w.exp()\nwith torch.no_grad(): w.add_(1)\ny.sum().backward(); r = w.grad",
    "an index that was found": LEAF + "y = w.max(1); y.indices.zero_(); y.values.sum().backward()",
    "another, through detach": LEAF + "y = w.sort(1); y.indices.detach().zero_(); y.values.sum().backward()",
    "a sum along an axis": LEAF + "y = w.sum(1); z = y*y; y.detach().add_(1); z.sum().backward()",
    "of a gradient": LEAF + "y = w.exp(); g, = torch.autograd.grad(y.sum(), w, create_graph=True)\n"
    "y.detach().mul_(2); g.sum().backward()",
    "a bias": "m = nn.Linear(3, 2); y = m(torch.ones(1, 3))\nwith torch.no_grad(): m.bias.add_(1)\n"
    "y.sum().backward(); r = m.weight.grad",
    "a step of an optimiser": LEAF + "m = nn.Linear(3, 2); o = torch.optim.SGD(m.parameters(), 0.1); y = m(w)\n"
    "y.sum().backward(retain_graph=True); o.step(); y.sum().backward()",
    "a rectifier in place": LEAF + "m = nn.Sequential(nn.Sigmoid(), nn.ReLU(inplace=True)); m(w).sum().backward()",
    # what fails changes nothing
    "a failed assignment": "x = torch.tensor([[1., 2.]], requires_grad=True); y = x.logsumexp(-1); z = (y*y).sum()\n"
    "with torch.no_grad():\n"
    "    try: y[:, 0] = 1.\n"
    "    except IndexError: pass\n"
    "u = x*1; u.add_(1); z.backward(); r = x.grad, y._version",
    "a failed assignment of a wrong size": LEAF + "y = w*1; z = y*y\n"
    "with torch.no_grad():\n"
    "    try: y[0] = torch.ones(2)\n"
    "    except RuntimeError: pass\n"
    "z.sum().backward(); r = w.grad, y._version",
    # views made in no_grad
    "a view of a leaf in no_grad": LEAF + "with torch.no_grad(): v = w[0]\nr = v.requires_grad, v.is_leaf, v.grad_fn",
    "a view of a result in no_grad": LEAF + "with torch.no_grad(): v = (w*1)[0]\nr = v.requires_grad, v.is_leaf",
    "no gradient goes on from it": LEAF + "with torch.no_grad(): v = w[0]\n"
    "y = v*2; y.sum().backward(); r = w.grad, v.grad, y.grad_fn.next_functions",
    "nor is it an input": LEAF + "with torch.no_grad(): v = w[0]\nr = torch.autograd.grad((v*2).sum(), v)",
    "it is no loss": LEAF + "with torch.no_grad(): v = w.sum().view(1)\nv.backward()",
    "unless it is asked to": LEAF
    + "with torch.no_grad(): v = w[0]\nv.requires_grad_(); (v*2).sum().backward(); r = v.grad",
    "it cannot be asked not to": LEAF + "with torch.no_grad(): v = w[0]\nv.requires_grad_(False); r = v.requires_grad",
    "as its base does": "w = torch.ones(2, 3); v = w[0]; w.requires_grad_(); r = [v.requires_grad]\n"
    "w.requires_grad_(False); r += [v.requires_grad]",
    "as an array": LEAF + "with torch.no_grad(): v = w[0]; r = v.numpy(), w.numpy()",
    "as an array outside": LEAF + "with torch.no_grad(): v = w[0]\nv.numpy()",
    "changed": LEAF + "with torch.no_grad(): v = w[0]\nv.mul_(2)",
    "changed in there": LEAF + "with torch.no_grad(): v = w[0]; v.mul_(2)\nr = w, v, v.requires_grad",
    "used after it was changed": LEAF + "with torch.no_grad(): v = w[0]; v.mul_(2)\nv.sum()",
    "asked after it was changed": LEAF + "with torch.no_grad(): v = w[0]; v.mul_(2)\nv.is_leaf",
    "its base changed": LEAF + "x = w*1\nwith torch.no_grad(): v = x[0]\nx.mul_(2); v.grad_fn",
    "its base changed by what is tracked": LEAF
    + "x = torch.ones(2, 3)\nwith torch.no_grad(): v = x[0]\nx.mul_(w); v.sum()",
    "multiplied by what is tracked": LEAF + "x = torch.ones(2, 3)\nwith torch.no_grad(): v = x[0]\nv.mul_(w[0])",
    "multiplied by what is not": "x = torch.ones(2, 3)\nwith torch.no_grad(): v = x[0]\nv.mul_(2); r = x",
    "a view of it": LEAF + "with torch.no_grad(): v = w[0]\nu = v[1:]; r = u.requires_grad, u.is_leaf; u.mul_(2)",
    "in inference mode": LEAF
    + "with torch.inference_mode(): v = w[0]\nr = v.requires_grad, v.is_inference(); v.mul_(2)",
    "changed in inference mode": LEAF + "with torch.inference_mode(): v = w[0]; v.mul_(2)\nv.sum()",
    "of an inference tensor": "with torch.inference_mode(): x = torch.ones(2, 3); v = x[0]\n"
    "r = v.is_inference(), v._is_view(); v.mul_(2)",
    "detached in inference mode": LEAF + "with torch.inference_mode(): v = w.detach()\nr = v.is_inference()",
    "recording asked for in inference mode": LEAF + "with torch.inference_mode(), torch.enable_grad(): y = w*2\n"
    "r = y.requires_grad, y.is_inference()",
    # one of several
    "one of several, changed": LEAF + "a, b = (w*1).unbind(); a.mul_(2)",
    "one of several, its base changed": LEAF + "x = w*1; a, b = x.unbind(); x.mul_(2); a.sum()",
    "one of several, its base changed in no_grad": LEAF
    + "x = w*1; a, b = x.split(1)\nwith torch.no_grad(): x.mul_(2)\na.sum()",
    "one of several, another changed through detach": LEAF + "x = w*1; a, b = x.chunk(2); b.detach().zero_(); a.sum()",
    "one of several, not tracked": "x = torch.ones(2, 3); a, b = x.unbind(); a.mul_(2); r = x",
    "one of several, not tracked, by what is": LEAF + "a, b = torch.ones(2, 3).unbind(); a.mul_(w[0])",
    # custom functions
    "a view from a custom function": CUSTOM.format("x.view(-1)")
    + LEAF
    + "y = F.apply(w*1); r = y._is_view(); y.mul_(2)",
    "of a leaf": CUSTOM.format("x.view(-1)") + LEAF + "y = F.apply(w); y.mul_(2)",
    "its base is changed": CUSTOM.format("x.view(-1)") + LEAF + "x = w*1; y = F.apply(x); x.mul_(2); y.sum()",
    "it is changed in no_grad": CUSTOM.format("x.view(-1)")
    + LEAF
    + "x = w*1; y = F.apply(x)\nwith torch.no_grad(): y.mul_(2)\ny.sum()",
    "a view of it is changed": CUSTOM.format("x.view(-1)") + LEAF + "y = F.apply(w*1); v = y[1:]; v.mul_(2)",
    "one of several results": CUSTOM.format("(x.view(-1), x*2)") + LEAF + "y, z = F.apply(w*1); y.mul_(2)",
    "what is no view": CUSTOM.format("(x.view(-1), x*2)") + LEAF + "y, z = F.apply(w*1); z.mul_(2); r = z.is_leaf",
    "the input itself": CUSTOM.format("x") + LEAF + "x = w*1; y = F.apply(x); r = y is x; y.mul_(2)",
    "a new tensor": CUSTOM.format("x*2")
    + LEAF
    + "y = F.apply(w*1); v = y[1:]; v.mul_(2); y.sum().backward(); r = w.grad",
    "what is not tracked": CUSTOM.format("x.view(-1)") + "x = torch.ones(2, 3); y = F.apply(x); y.mul_(2); r = x",
}


def with_nodes_alike(answer):
    return re.sub(r" at 0x[0-9a-f]+", "", answer)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_as_in_pytorch(torch, name):
    theirs, ours = (with_nodes_alike(outcome(library, f"r = None\n{PROGRAMS[name]}")[0]) for library in (torch, gv))
    assert ours == theirs


WRITES = [
    "y.add_(1)", "y.mul_(2)", "y.exp_()", "y.clamp_(1)", "y.copy_(torch.ones(2, 4))", "y.normal_()", "y.bernoulli_(1.0)",
    "y.fill_(1)", "y.fill_(torch.tensor(2.))", "y.zero_()", "y.tril_()", "y.t_()", "y.masked_fill_(y == 0, 2.)",
    "y.masked_fill_(y == 0, torch.tensor(2.))", "y.index_fill_(1, torch.tensor([0]), 2.)", "y[0] = 1", "y[:, 1] = 1",
    "y[:, 1:3] = 1", "y[:, 1:2] = 1", "y[0, 1] = 1", "y[None] = 1", "y[...] = 1", "y[:] = torch.ones(2, 4)",
    "y[0] = torch.tensor(2.)", "y[:, 0] += 1", "y[[0, 1]] = 3.", "y[[0, 1], [0, 1]] = 3.", "y[0].fill_(1)",
    "y.index_put_((torch.tensor([0]),), torch.tensor(1.))", "y.scatter_(1, torch.tensor([[0], [1]]), 2.)",
    "y.index_add_(1, torch.tensor([0]), torch.ones(2, 1))", "y.masked_scatter_(y == 0, torch.arange(8.))",
    "y.put_(torch.tensor([0]), torch.tensor([1.]))", "torch.nn.init.ones_(y)", "torch.nn.init.normal_(y)", "y.data.fill_(3)",
    "y.data.add_(1)", "y[:, 0] = w[:, 0]", "y[1, 2] = w[0, 0] * 2", "y[0, 1].mul_(5.)", "y[:, 1].copy_(w[:, 0] ** 2)",
]  # fmt: skip


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_writing_to_an_expanded_tensor_ends_as_in_pytorch(torch, write, tracked):
    """Several of its entries are one in memory: what writes to one of them is written to all, what writes to two fails."""
    made = "w * 1" if tracked else "torch.tensor([[3.], [4.]])"
    code = f"w = torch.tensor([[1.], [2.]], requires_grad=True); torch.manual_seed(0); x = {made}; y = x.expand(2, 4)\n{write}\n"
    code += "r = [x, y.shape, y.tolist()]\n"
    if tracked:
        code += "(y * torch.arange(8.).view(y.shape)).sum().backward(); r.append(w.grad)"
    theirs, ours = (outcome(library, code) for library in (torch, gv))
    assert ours[0] == theirs[0]
    assert [text[:80] for text in ours[1]] == [text[:80] for text in theirs[1]]
