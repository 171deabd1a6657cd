"""Lazy layers: they read their size off the first input, as in PyTorch."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from beside import outcome

import gradviz as gv

SNIPPETS = {
    "the case": "torch.manual_seed(0); net = nn.LazyLinear(3); r = net(torch.ones(1, 5)), net",
    "a network": """
        torch.manual_seed(0)
        net = nn.Sequential(nn.LazyConv2d(4, 3, padding=1), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        before = repr(net)
        r = before, net(torch.rand(2, 3, 4, 4)), net, [(k, v.shape, v.sum()) for k, v in net.state_dict().items()]""",
    "state before": "r = list(nn.LazyBatchNorm1d().state_dict().items())",
    "state without running stats": "r = list(nn.LazyInstanceNorm1d(track_running_stats=False).state_dict().items())",
    "parameters": "r = list(nn.LazyConv1d(2, 3, bias=False).parameters())",
    "class and type": "p = nn.LazyLinear(2).weight; r = isinstance(p, nn.Parameter), p.requires_grad, p.dtype, p.is_leaf",
    "double": "m = nn.LazyLinear(2).double(); m(torch.ones(1, 3).double()); r = m.weight.dtype, m.weight.shape",
    "dtype given": "m = nn.LazyLinear(2, dtype=torch.float64); r = m(torch.ones(1, 3).double()).dtype, m.bias.dtype",
    "batch norm double": "m = nn.LazyBatchNorm1d().double(); m(torch.ones(2, 3).double()); r = m.running_mean.dtype, type(m.running_var).__name__",
    "shape": "r = nn.LazyLinear(2).weight.shape",
    "size": "r = nn.LazyLinear(2).weight.size()",
    "not implemented": """
        class Mine(nn.modules.lazy.LazyModuleMixin, nn.Module):
            pass
        r = Mine()(torch.ones(2))""",
    "not fully": """
        class Mine(nn.modules.lazy.LazyModuleMixin, nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.UninitializedParameter()
            def initialize_parameters(self, x): pass
        r = Mine()(torch.ones(2))""",
    "one's own": """
        class Mine(nn.modules.lazy.LazyModuleMixin, nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.UninitializedParameter()
                self.b = nn.UninitializedBuffer()
            def initialize_parameters(self, x, scale=1):
                log.append("initialize")
                if self.has_uninitialized_params():
                    self.w.materialize((2, x.shape[-1]))
                    self.b.materialize((2,))
                    with torch.no_grad():
                        self.w.fill_(scale), self.b.zero_()
            def forward(self, x, scale=1):
                return x @ self.w.t() + self.b
        m = Mine()
        r = m(torch.ones(1, 3), scale=2), m(torch.ones(1, 3)), log, type(m).__name__, list(m.named_parameters()), list(m.buffers())""",
    "conv of the wrong shape": "r = nn.LazyConv2d(2, 3)(torch.ones(2, 3))",
    "transposed conv of the wrong shape": "r = nn.LazyConvTranspose1d(2, 3)(torch.ones(2))",
    "groups do not fit": "r = nn.LazyConv2d(4, 3, groups=2)(torch.ones(1, 3, 5, 5))",
    "unbatched": "torch.manual_seed(0); m = nn.LazyConv2d(2, 3); r = m(torch.ones(3, 5, 5)), m",
    "an optimizer before the first input": """
        torch.manual_seed(0)
        net = nn.Sequential(nn.LazyLinear(3), nn.Tanh(), nn.LazyLinear(1))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            net(torch.ones(2, 4)).pow(2).sum().backward()
            optimizer.step()
        r = list(net.parameters()), optimizer""",
    "loaded": """
        torch.manual_seed(0)
        m, lazy = nn.Linear(3, 2), nn.LazyLinear(2)
        r = lazy.load_state_dict(m.state_dict()), lazy, lazy(torch.ones(1, 3)), lazy, m(torch.ones(1, 3))""",
    "loaded, then another size": """
        lazy = nn.LazyLinear(2)
        lazy.load_state_dict(nn.Linear(3, 2).state_dict())
        r = lazy(torch.ones(1, 4))""",
    "loaded batch norm": """
        m, lazy = nn.BatchNorm1d(3), nn.LazyBatchNorm1d()
        m(torch.arange(6.).reshape(2, 3))
        r = lazy.load_state_dict(m.state_dict()), lazy.running_mean, lazy.running_var, lazy.num_batches_tracked""",
    "lazy into lazy": "a, b = nn.LazyLinear(2), nn.LazyLinear(2); r = a.load_state_dict(b.state_dict()), a.weight",
    "lazy into ready": "r = nn.Linear(3, 2).load_state_dict(nn.LazyLinear(2).state_dict())",
    "a key is missing": "r = nn.LazyLinear(2).load_state_dict({'weight': torch.ones(2, 3)})",
    "no grad": "r = nn.UninitializedParameter(requires_grad=False).requires_grad",
    "materialized": "p = nn.UninitializedParameter(dtype=torch.float64); p.materialize((2, 3)); r = type(p).__name__, p.shape, p.dtype, p.requires_grad, p.is_leaf",
    "is_lazy": "p = nn.UninitializedBuffer(); a = nn.parameter.is_lazy(p); p.materialize(()); r = a, nn.parameter.is_lazy(p), p.shape",
    "a hook sees the ready module": """
        m = nn.LazyLinear(2)
        m.register_forward_pre_hook(lambda module, args: log.append((type(module).__name__, module.in_features)))
        m(torch.ones(1, 3)); r = log""",
    "zero_grad": "m = nn.LazyLinear(2); r = m.zero_grad(), m.eval().training",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    import textwrap

    code = textwrap.dedent(SNIPPETS[name]).strip()
    assert outcome(gv, code) == outcome(torch, code)


LAYERS = {
    "LazyLinear": [("5, bias=False", (2, 3))],
    "LazyConv1d": [("4, 3, 2, 1, 2, 2, True, 'circular'", (2, 4, 9)), ("4, 3, bias=False", (3, 8))],
    "LazyConv2d": [("4, (3, 1), padding='same'", (2, 3, 5, 5))],
    "LazyConv3d": [("2, 2", (1, 3, 3, 3, 3))],
    "LazyConvTranspose1d": [("4, 3, 2, 1, 1, 2, True, 1", (2, 4, 5))],
    "LazyConvTranspose2d": [("4, 3, bias=False", (3, 4, 4))],
    "LazyConvTranspose3d": [("2, 2", (1, 2, 3, 3, 3))],
    "LazyBatchNorm1d": [("1e-3, 0.2", (4, 3)), ("affine=False", (4, 3)), ("bias=False", (4, 3, 2))],
    "LazyBatchNorm2d": [("track_running_stats=False", (2, 3, 2, 2))],
    "LazyBatchNorm3d": [("momentum=None", (2, 3, 2, 2, 2))],
    "LazyInstanceNorm1d": [("", (2, 3, 4)), ("affine=False, track_running_stats=False", (2, 3, 4))],
    "LazyInstanceNorm2d": [("", (2, 3, 4, 4))],
    "LazyInstanceNorm3d": [("", (2, 3, 2, 2, 2))],
}


def test_every_lazy_layer_of_pytorch_is_here(torch):
    assert {name for name in dir(torch.nn) if name.startswith("Lazy")} == set(LAYERS)


@pytest.mark.parametrize(("name", "settings", "shape"), [(n, s, x) for n, cases in LAYERS.items() for s, x in cases])
def test_layers(torch, name, settings, shape):
    """Print, digits, class and state: before the first input and after it."""
    code = f"""
torch.manual_seed(0)
m = nn.{name}({settings})
log += [repr(m), list(m.state_dict())]
y = m(torch.rand(*{shape}))
log += [repr(m), type(m).__name__, list(m.state_dict().items()), y.shape, y.sum().abs() < 1e9, torch.rand(1)]
r = log"""
    assert outcome(gv, code) == outcome(torch, code)


def test_what_has_no_numbers_says_so():
    layer = gv.nn.LazyLinear(2)
    uses = (lambda: layer.weight + 1, lambda: layer.weight.sum(), lambda: layer.weight.numel(), layer.requires_grad_)
    for use in uses:
        with pytest.raises(ValueError, match=r"Attempted to use an uninitialized parameter.*UninitializedParameter"):
            use()


def test_copies_wait_for_inputs_of_their_own():
    first = gv.nn.Sequential(gv.nn.LazyLinear(2), gv.nn.LazyBatchNorm1d()).double()
    second, third = copy.deepcopy(first), pickle.loads(pickle.dumps(first))
    for net, features in ((first, 3), (second, 4), (third, 5)):
        net(gv.ones(2, features).double())
        assert net[0].weight.shape == (2, features)
        assert net[0].weight.dtype is gv.float64
    assert first[0].weight is not second[0].weight
    assert first[1].running_mean is not second[1].running_mean


def test_a_picture_shows_the_layer_that_it_became():
    net = gv.nn.Sequential(gv.nn.LazyLinear(2), gv.nn.LazyConv1d(2, 1))
    y = net(gv.ones(3, 4)).sum()
    assert "Lazy" not in gv.draw(y, depth=1).to_svg()
    assert np.isfinite(y.item())
