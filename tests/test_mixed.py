"""PyTorch's own objects where gradviz's are meant, and the reverse: the sentence that says what to write."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gradviz as gv
from gradviz.engine.mixed import TWO_LIBRARIES

MEETINGS = {  # t, nn, F are PyTorch's; g, gnn, gF gradviz's
    "gradviz's tensors in PyTorch": [
        "nn.Linear(2, 2)(g)",
        "nn.Sequential(nn.Linear(2, 2), nn.ReLU())(g)",
        "nn.CrossEntropyLoss()(g, t)",
        "F.relu(g)",
        "F.mse_loss(g, g)",
        "torch.add(g, g)",
        "torch.stack([g, g])",
        "torch.cat([t, g])",
        "torch.einsum('ij,jk->ik', g, t)",
        "torch.equal(t, g)",
        "t.copy_(g)",
        "t.matmul(g)",
    ],
    "operators": [
        f"{a} {sign} {b}" for a, b in ("tg", "gt") for sign in ("+", "-", "*", "/", "@", "**", "<", "//", "%")
    ],
    "PyTorch's tensors in gradviz's brackets": [
        "g[t.long()]",
        "g[torch.tensor(0)]",
        "g[torch.tensor([0])]",
        "g[0, torch.tensor([0])]",
        "g[[torch.tensor(0), torch.tensor(1)]]",
        "g[torch.tensor([True, False])]",
        "g.__setitem__(torch.tensor([0]), 1.0)",
        "g.__setitem__(torch.tensor(0), 1.0)",
        "g.__setitem__(0, torch.tensor(5.0))",
        "g.__setitem__(0, nn.Parameter(torch.tensor(5.0)))",
        "g.__setitem__(0, [torch.tensor(5.0), 1.0])",
        "g.detach().__setitem__(slice(None), t)",
        "g.fill_(torch.tensor(5.0))",
        "g.copy_(t)",
        "g.index_put((torch.tensor([0]),), g[0])",
    ],
    "PyTorch's tensors in gradviz": [
        "gnn.Linear(2, 2)(t)",
        "gnn.Sequential(gnn.Linear(2, 2), gnn.ReLU())(t)",
        "gnn.ReLU()(t)",
        "gnn.CrossEntropyLoss()(g, t)",
        "gnn.MSELoss()(t, t)",
        "gnn.LSTM(2, 2)(t)",
        "gnn.Embedding(2, 2)(t.long())",
        "gnn.MultiheadAttention(2, 1)(t, t, t)",
        "gF.relu(t)",
        "gF.mse_loss(g, t)",
        "gF.cross_entropy(g, t)",
        "gv.exp(t)",
        "gv.sum(t)",
        "gv.max(t, 1)",
        "gv.add(g, t)",
        "gv.maximum(g, t)",
        "gv.stack([g, t])",
        "gv.cat([t, t])",
        "gv.einsum('ij,jk->ik', g, t)",
        "gv.linalg.norm(t)",
        "gv.allclose(g, t)",
        "gv.from_numpy(t)",
        "gv.autograd.grad(t.sum(), g)",
        "gv.autograd.Variable(t)",
        "gv.func.grad(lambda x: (x * x).sum())(t)",
        "gv.save(t, 'x.pt')",
        "g.matmul(t)",
        "g.backward(t)",
        "g.sum().backward(gradient=t.sum())",
        "setattr(g, 'grad', t)",
        "setattr(g, 'data', t)",
        "list(gv.utils.data.DataLoader(torch.utils.data.TensorDataset(t)))",
    ],
    "PyTorch's modules, parameters and optimisers": [
        "gnn.Sequential(nn.Linear(2, 2))",
        "gnn.ModuleList([nn.Linear(2, 2)])",
        "setattr(gnn.ReLU(), 'linear', nn.Linear(2, 2))",
        "setattr(gnn.ReLU(), 'weight', nn.Parameter(t))",
        "setattr(gnn.Linear(2, 2), 'weight', nn.Parameter(t))",
        "gnn.ReLU().register_parameter('weight', nn.Parameter(t))",
        "gnn.ReLU().register_buffer('mean', t)",
        "gnn.Linear(2, 2).load_state_dict(nn.Linear(2, 2).state_dict())",
        "gv.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)",
        "gv.optim.lr_scheduler.StepLR(torch.optim.SGD([nn.Parameter(t)], lr=0.1), 1)",
    ],
    "PyTorch's dtypes": [
        "gv.zeros(2, dtype=torch.float32)",
        "gv.tensor([1.0], dtype=torch.float64)",
        "g.to(torch.float64)",
        "gv.set_default_dtype(torch.float64)",
    ],
}


@pytest.mark.parametrize("code", [code for codes in MEETINGS.values() for code in codes])
def test_two_libraries_that_meet_are_told_apart(torch, code):
    space = {
        "torch": torch,
        "nn": torch.nn,
        "F": torch.nn.functional,
        "gv": gv,
        "gnn": gv.nn,
        "gF": gv.nn.functional,
        "t": torch.ones(2, 2),
        "g": gv.ones(2, 2, requires_grad=True),
    }
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        eval(code, space)
    assert TWO_LIBRARIES in str(caught.value)


@pytest.mark.torch
@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("code", "warned"),
    [
        ("import gradviz as torch\nfrom torch.optim import SGD", [2]),
        ("import gradviz as torch\nimport torch.nn as nn", [2]),
        ("import gradviz as torch\nfrom torch.utils.data import DataLoader\nimport torch.optim", [2]),
        ("def f():\n    from torch.utils.data import DataLoader\nimport gradviz as torch\nf()", [2]),
        ("import gradviz as gv\nfrom torch.optim import SGD", []),
        ("import gradviz.as_torch\nimport torch\nfrom torch.optim import SGD", []),
        ("import gradviz as torch\nfrom gradviz.optim import SGD", []),
    ],
)
def test_an_import_of_pytorch_beside_gradviz_as_torch_is_said(code, warned):
    told = (
        "import warnings\nwith warnings.catch_warnings(record=True) as caught:\n    warnings.simplefilter('always')\n"
        f"    exec(compile({code!r}, 'train.py', 'exec'), {{}})\n"
        "print([each.lineno for each in caught if 'this import brings' in str(each.message) and each.filename == 'train.py'])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(warned)


def test_a_module_of_pytorchs_that_holds_gradvizs_layers_has_no_parameters(torch):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = gv.nn.Linear(1, 1)

    with pytest.raises(ValueError, match="a module of PyTorch's own"):
        gv.optim.SGD(Model().parameters(), lr=0.1)


def test_mistakes_within_one_library_are_its_own(torch):
    for code in ("gv.relu('a')", "gv.ones(2) + 'a'", "gv.nn.Linear(2, 2)(3)", "gv.zeros(2, dtype='a')"):
        with pytest.raises(TypeError) as caught:
            eval(code)
        assert "PyTorch itself" not in str(caught.value)
