"""Images sampled at the places of a grid, against PyTorch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from beside import assert_same, outcome

import gradviz as gv

random = np.random.default_rng(0)
IMAGE, VOLUME = random.standard_normal((2, 3, 4, 5)), random.standard_normal((2, 2, 3, 4, 2))
PLACES = random.uniform(-1.7, 1.7, (2, 3, 2, 2))
PLACES_3D = random.uniform(-1.7, 1.7, (2, 2, 3, 1, 3))

WAYS = list(itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (True, False)))


@pytest.mark.parametrize(("mode", "padding", "corners"), WAYS)
def test_images(torch, mode, padding, corners):
    def sampled(library, image, grid):
        return library.nn.functional.grid_sample(image, grid, mode, padding, corners)

    assert_same(torch, sampled, IMAGE, PLACES)
    if mode != "bicubic":
        assert_same(torch, sampled, VOLUME, PLACES_3D)


@pytest.mark.parametrize(("mode", "padding", "corners"), WAYS)
def test_places_that_are_not_finite(torch, mode, padding, corners):
    """Forward only: PyTorch's own gradient of an image at such places ends the process."""
    places = random.choice([np.nan, np.inf, -np.inf, 1e5, -1e5, 0.2], (2, 6, 2, 2))
    in_volume = random.choice([np.nan, np.inf, -np.inf, 1e5, -1e5, 0.2], (2, 6, 3, 1, 3))
    for values, grid in ((IMAGE, places),) if mode == "bicubic" else ((IMAGE, places), (VOLUME, in_volume)):
        mine, theirs = (
            library.nn.functional.grid_sample(library.tensor(values), library.tensor(grid), mode, padding, corners)
            for library in (gv, torch)
        )
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-9)


def derivatives_of_derivatives(library, mode, axes, wanted):
    """Differentiate up to five times: what each gradient adds up to, and whether it has a graph; None if there is none."""
    values, grid = (IMAGE, PLACES) if axes == 2 else (VOLUME, PLACES_3D)
    tensors = {"image": library.tensor(values), "grid": library.tensor(grid / 2)}
    inputs = [tensors[name].requires_grad_() for name in wanted]
    outputs = [library.nn.functional.grid_sample(*tensors.values(), mode, align_corners=True)]
    told = []
    for _ in range(5):
        ones = [library.ones_like(output) for output in outputs]
        found = library.autograd.grad(outputs, inputs, ones, create_graph=True, allow_unused=True)
        told.append([part if part is None else (part.requires_grad, float(part.detach().sum())) for part in found])
        outputs = [part for part in found if part is not None and part.requires_grad]
        if not outputs:
            break
    return told


@pytest.mark.parametrize("wanted", [("image",), ("grid",), ("image", "grid")])
@pytest.mark.parametrize(
    ("mode", "axes"), [("bilinear", 2), ("nearest", 2), ("bicubic", 2), ("bilinear", 3), ("nearest", 3)]
)
def test_derivatives_end_where_pytorchs_do(torch, mode, axes, wanted):
    mine, theirs = (derivatives_of_derivatives(library, mode, axes, wanted) for library in (gv, torch))
    assert len(mine) == len(theirs)
    for order, (ours, expected) in enumerate(zip(mine, theirs, strict=True)):
        for x, y in zip(ours, expected, strict=True):
            assert (x is None) == (y is None), f"order {order}: {ours} in place of {expected}"
            assert x is None or (x[0] is y[0] and x[1] == pytest.approx(y[1], rel=1e-6, abs=1e-6)), f"order {order}"


@pytest.mark.parametrize("corners", [True, False])
def test_affine_grids(torch, corners):
    for theta, size in (
        (random.standard_normal((2, 2, 3)), (2, 1, 3, 4)),
        (random.standard_normal((2, 3, 4)), (2, 1, 3, 2, 4)),
    ):
        assert_same(
            torch, lambda library, x, size=size: library.nn.functional.affine_grid(x, size, corners) ** 2, theta
        )


SNIPPETS = {
    "a spatial transformer": """
        torch.manual_seed(0)
        x, theta = torch.rand(2, 1, 4, 4), torch.tensor([[[1.0, 0.1, 0.2], [0.0, 0.9, -0.3]]]).repeat(2, 1, 1).requires_grad_()
        y = F.grid_sample(x, F.affine_grid(theta, x.size()))
        y.pow(2).sum().backward()
        r = y, theta.grad""",
    "exactly on pixels": "r = F.grid_sample(torch.arange(9.0).reshape(1, 1, 3, 3), F.affine_grid(torch.eye(2, 3)[None], (1, 1, 3, 3), align_corners=True), align_corners=True)",
    "one pixel": "r = F.grid_sample(torch.ones(1, 1, 1, 1), torch.tensor([[[[0.3, 0.2], [3.0, 0.0]]]]), padding_mode='reflection', align_corners=True)",
    "no mode": "r = F.grid_sample(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 2), mode='other')",
    "no padding": "r = F.grid_sample(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 2), padding_mode='other')",
    "dimensions": "r = F.grid_sample(torch.ones(1, 2, 2), torch.ones(1, 1, 2), align_corners=False)",
    "other dimensions": "r = F.grid_sample(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1, 2), align_corners=False)",
    "batches": "r = F.grid_sample(torch.ones(1, 1, 2, 2), torch.ones(2, 1, 1, 2), align_corners=False)",
    "coordinates": "r = F.grid_sample(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 3), align_corners=False)",
    "dtypes": "r = F.grid_sample(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 2).double(), align_corners=False)",
    "empty": "r = F.grid_sample(torch.ones(1, 1, 0, 2), torch.ones(1, 1, 1, 2), align_corners=False)",
    "bicubic volume": "r = F.grid_sample(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 1, 1, 3), 'bicubic', align_corners=False)",
    "theta of integers": "r = F.affine_grid(torch.ones(1, 2, 3).long(), (1, 1, 2, 2), align_corners=False)",
    "theta of another shape": "r = F.affine_grid(torch.ones(1, 2, 2), (1, 1, 2, 2), align_corners=False)",
    "theta of a volume": "r = F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2, 2, 2), align_corners=False)",
    "no size": "r = F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2), align_corners=False)",
    "size of 0": "r = F.affine_grid(torch.ones(1, 2, 3), (1, 1, 0, 2), align_corners=False)",
    "size of 1": "r = F.affine_grid(torch.ones(1, 2, 3), (1, 1, 1, 2), align_corners=True)",
    "nodes": """
        x, theta = torch.ones(1, 1, 2, 2, requires_grad=True), torch.ones(1, 2, 3, requires_grad=True)
        grid = F.affine_grid(theta, (1, 1, 2, 2), align_corners=False)
        r = type(grid.grad_fn).__name__, type(F.grid_sample(x, grid, align_corners=False).grad_fn).__name__""",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    import textwrap

    code = textwrap.dedent(SNIPPETS[name]).strip()
    assert outcome(gv, code) == outcome(torch, code)
