"""Images that are turned, shifted and bent: sampled at the places of a grid."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.tensor import Tensor
from gradviz.nn.operations import gridding

__all__ = ["affine_grid", "grid_sample"]

ALIGN = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)
UNIT_SIZE = (
    "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This is not an "
    "intended use case of affine_grid. See the documentation of affine_grid for details."
)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Sample an image, or a volume, at given places.

    Parameters
    ----------
    input
        Of shape (N, C, H, W), or (N, C, D, H, W).
    grid
        The places, from −1 to 1, x first, then y: of shape (N, H', W', 2), or (N, D', H', W', 3).
    mode
        ``"bilinear"`` between pixels, ``"nearest"``, or ``"bicubic"`` (of an image).
    padding_mode
        What lies outside: ``"zeros"``, the ``"border"`` or its ``"reflection"``.
    align_corners
        Whether −1 and 1 are the middles of the first and last pixels, and not their outer edges.

    Returns
    -------
    Tensor
        Of shape (N, C, H', W'), or (N, C, D', H', W').

    Examples
    --------
    >>> import gradviz as torch
    >>> image = torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> middle = torch.zeros(1, 1, 1, 2)
    >>> torch.nn.functional.grid_sample(image, middle, align_corners=False)
    tensor([[[[1.5000]]]])
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(ALIGN, stacklevel=2)
    _check(input, grid, mode)
    how = gridding.Sampler(mode, padding_mode, bool(align_corners))
    return gridding.grid_sampler[input.ndim - 2](input, grid, how)


def _check(input: Tensor, grid: Tensor, mode: str) -> None:
    where = "grid_sampler(): expected "
    sizes, places = list(input.shape), list(grid.shape)
    if sizes[0] != places[0]:
        raise RuntimeError(
            f"{where}grid and input to have same batch size, but got input with sizes {sizes} and grid with sizes {places}"
        )
    if places[-1] != input.ndim - 2:
        raise RuntimeError(
            f"{where}grid to have size {input.ndim - 2} in last dimension, but got grid with sizes {places}"
        )
    if 0 in sizes[2:]:
        raise RuntimeError(
            f"{where}input to have non-empty spatial dimensions, but input has sizes {sizes} with dimension "
            f"{2 + sizes[2:].index(0)} being empty"
        )
    count = 4 if input.ndim == 4 else 5
    if input.ndim != count or grid.ndim != count:
        raise RuntimeError(
            f"{where}{count}D input and grid with same number of dimensions, but got input with sizes {sizes} and grid with "
            f"sizes {places}"
        )
    if input.ndim == 5 and mode == "bicubic":
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if input.dtype is not grid.dtype:
        wanted, found = (dtypes.scalar_type_name(tensor.dtype) for tensor in (input, grid))
        raise RuntimeError(f"expected scalar type {wanted} but found {found}")


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Return where the pixels of an image come from when it is turned, scaled, sheared or shifted: a grid for `grid_sample`.

    Parameters
    ----------
    theta
        A matrix for each image, of shape (N, 2, 3), or (N, 3, 4) for volumes: the places are ``theta @ (x, y, 1)``.
    size
        The size of the result of `grid_sample`: (N, C, H, W), or (N, C, D, H, W).
    align_corners
        As of `grid_sample`.

    Returns
    -------
    Tensor
        Of shape (N, H, W, 2), or (N, D, H, W, 3).

    Examples
    --------
    >>> import gradviz as torch
    >>> unmoved = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> torch.nn.functional.affine_grid(unmoved, (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    if align_corners is None:
        warnings.warn(ALIGN, stacklevel=2)
        align_corners = False
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    count = len(size) - 2
    if count not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}."
        )
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (count, count + 1):
        raise ValueError(
            f"Expected a batch of {count}D affine matrices of shape Nx{count}x{count + 1} for size {size}. Got "
            f"{theta.shape}."
        )
    sizes = tuple(int(length) for length in size[2:])
    if align_corners and min(sizes) == 1:
        warnings.warn(UNIT_SIZE, stacklevel=2)
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    return gridding.affine_grid(theta, gridding.base_grid(sizes, align_corners, theta.array.dtype), sizes)
