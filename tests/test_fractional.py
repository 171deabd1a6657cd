"""Pooling in windows at random distances, with PyTorch's digits."""

from __future__ import annotations

import pytest
from beside import outcome

import gradviz as gv

SNIPPETS = {
    "image": "x = torch.rand(2, 3, 7, 6).requires_grad_(); y = F.fractional_max_pool2d(x, 2, (4, 3)); (y * y).sum().backward(); r = y, x.grad, torch.rand(1)",
    "volume": "x = torch.rand(2, 1, 5, 6, 7).requires_grad_(); y = F.fractional_max_pool3d(x, (2, 1, 3), (2, 3, 4)); y.sum().backward(); r = y, x.grad",
    "indices": "r = F.fractional_max_pool2d(torch.rand(1, 2, 5, 5), 3, 2, return_indices=True)",
    "ratio": "r = F.fractional_max_pool2d(torch.rand(1, 2, 5, 7), 2, output_ratio=(0.5, 0.7))",
    "no batch": "r = F.fractional_max_pool2d(torch.rand(2, 5, 7), 2, 3), F.fractional_max_pool3d(torch.rand(2, 5, 7, 5), 2, 3)",
    "double": "r = F.fractional_max_pool2d(torch.rand(1, 2, 9, 9).double(), 2, 5)",
    "samples given": "r = F.fractional_max_pool2d(torch.rand(1, 2, 9, 9), 2, 5, _random_samples=torch.tensor([[[0.1, 0.9], [0.5, 0.3]]]))",
    "one window": "r = F.fractional_max_pool2d(torch.rand(1, 1, 4, 4), 2, 1)",
    "an empty batch": """
x, z = torch.ones(0, 1, 4, 5, requires_grad=True), torch.ones(0, 1, 4, 5, requires_grad=True)
(F.fractional_max_pool2d(x, 2, 2).sum() + F.max_pool2d(z, 2).sum()).backward()
r = x.grad, z.grad""",
    "node": "r = type(F.fractional_max_pool2d(torch.rand(1, 1, 4, 4, requires_grad=True), 2, 2).grad_fn).__name__",
    "too large": "r = F.fractional_max_pool2d(torch.rand(1, 1, 3, 5), (2, 6), 2)",
    "too many": "r = F.fractional_max_pool2d(torch.rand(1, 1, 3, 3), 2, 3)",
    "too large a volume": "r = F.fractional_max_pool3d(torch.rand(1, 1, 3, 3, 3), 4, 2)",
    "a volume with no room to spare": "r = F.fractional_max_pool3d(torch.rand(1, 1, 3, 3, 3), 2, 2)",
    "a volume as small as can be": "r = F.fractional_max_pool3d(torch.rand(1, 1, 4, 4, 4), 2, 2)",
    "a volume too large along two axes": "r = F.fractional_max_pool3d(torch.rand(1, 1, 4, 3, 3), 2, 2)",
    "an axis of none": "r = F.fractional_max_pool2d(torch.rand(1, 1, 0, 3), 2, 2)",
    "no channel": "r = F.fractional_max_pool3d(torch.rand(1, 0, 4, 4, 4), 2, 2)",
    "no window": "r = F.fractional_max_pool2d(torch.rand(1, 1, 3, 3), 2, 0).shape",
    "kernel of a volume": "r = F.fractional_max_pool3d(torch.rand(1, 1, 3, 3, 3), (2, 2), 2)",
    "no size": "r = F.fractional_max_pool2d(torch.rand(1, 1, 3, 3), 2)",
    "kernel": "r = F.fractional_max_pool2d(torch.rand(1, 1, 3, 3), (2, 2, 2), 2)",
    "output": "r = F.fractional_max_pool2d(torch.rand(1, 1, 3, 3), 2, (2, 2, 2))",
    "dimensions": "r = F.fractional_max_pool2d(torch.rand(3, 3), 2, 2)",
    "samples of another size": "r = F.fractional_max_pool2d(torch.rand(1, 1, 4, 4), 2, 3, _random_samples=torch.rand(1, 1, 3))",
    "module": "m = nn.FractionalMaxPool2d(2, output_ratio=0.5, return_indices=True); r = m, m(torch.rand(1, 1, 6, 6)), list(m.state_dict())",
    "module of volumes": "m = nn.FractionalMaxPool3d(2, output_size=(1, 2, 3)); r = m, m(torch.rand(1, 1, 6, 6, 6))",
    "module, neither": "r = nn.FractionalMaxPool2d(2)",
    "module, both": "r = nn.FractionalMaxPool3d(2, 3, 0.5)",
    "module, ratio": "r = nn.FractionalMaxPool2d(2, output_ratio=1.5)",
    "module, kernel": "r = nn.FractionalMaxPool3d(0, 2)",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    code = f"torch.manual_seed(0)\n{SNIPPETS[name]}"
    assert outcome(gv, code) == outcome(torch, code)
