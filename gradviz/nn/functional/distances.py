"""How far vectors are apart, and in which directions they point."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes, functions, inplace
from gradviz.engine.functions.repeating import broadcast_shape
from gradviz.engine.linalg.functions.distances import pdist
from gradviz.engine.linalg.operations import norms
from gradviz.engine.modes import no_grad
from gradviz.engine.operations import scalars
from gradviz.engine.out import written
from gradviz.engine.tensor import Tensor
from gradviz.nn.operations import normalization

__all__ = [
    "cosine_similarity", "normalize", "pairwise_distance", "pdist",
]  # fmt: skip


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Return the distance of each vector in one tensor from the one in the other.

    Parameters
    ----------
    x1, x2
        Of shape (..., D); broadcast.
    p
        Which norm: 2 for the length, 1 for the sum of absolute values.
    eps
        Added to each difference, so that the slope exists where two vectors are equal.
    keepdim
        Keep the axis of length D with length 1.
    """
    difference = scalars.add(x1 - x2, eps)
    return normalization.norm(difference, difference.ndim - 1, keepdim, p)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return the cosine of the angle between vectors along `dim`.

    Parameters
    ----------
    x1, x2
        Tensors, broadcast to one shape.
    dim
        The axis along which the vectors lie.
    eps
        The shortest length to divide by.
    """
    kind = dtypes.from_numpy(dtypes.result_type(x1.array, x2.array))
    if not kind.is_floating_point:
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {dtypes.scalar_type_name(kind)}"
        )
    x1, x2 = (x if x.is_floating_point() else x.to(kind) for x in (x1, x2))
    shape = broadcast_shape(x1, x2)
    if x1.shape != x2.shape:  # then both are expanded, as in PyTorch
        x2, x1 = functions.expand(x2, shape), functions.expand(x1, shape)
    length1, length2 = _length(x1, dim, eps), _length(x2, dim, eps)
    second = x2 / length2
    return functions.sum(x1 / length1 * second, dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    """Return the lengths of vectors; for those shorter than `eps`, that."""
    length = functions.clone(norms.vector_norm(x, dim, True, 2.0))
    with no_grad():
        inplace.write(length, np.maximum(length.array, eps))
    return length


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Tensor:
    """Divide vectors along `dim` by their norm, or by `eps` if that is larger.

    Examples
    --------
    >>> import gradviz as torch
    >>> normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    if out is not None:
        return written("div", normalize, out, input, p, dim, eps)
    length = functions.clamp_min(norms.vector_norm(input, dim, True, p), eps)
    return input / functions.expand(length, input.shape)
