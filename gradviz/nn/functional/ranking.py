"""Losses of pairs and triples: which belong together, and which comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine import creation, functions
from gradviz.engine.operations import scalars
from gradviz.engine.tensor import Tensor
from gradviz.nn.functional.distances import pairwise_distance
from gradviz.nn.functional.reductions import reduced, reduction_number

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return distances of pairs that belong together (target 1), and what the others' lack of `margin` (target −1)."""
    how = reduction_number(reduction, size_average, reduce)
    zeros = creation.zeros_like(input)
    lack = functions.clamp_min(creation.full_like(input, margin) - input, 0)
    apart, together = (
        functions.where(functions.ne(target, 1), lack, zeros),
        functions.where(functions.ne(target, -1), input, zeros),
    )
    return reduced(apart + together, how)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return 1 − cosine for pairs that belong together (target 1), and the cosine above `margin` for others (target −1).

    Parameters
    ----------
    input1, input2
        Vectors: (N, D) or (D).
    target
        1 or −1 for each pair: (N) or ().
    margin
        How small a cosine is small enough.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    """
    how = reduction_number(reduction, size_average, reduce)
    if target.ndim not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.ndim == 1 and (input1.ndim != 2 or input2.ndim != 2):
        raise RuntimeError(
            f"1D target tensor expects 2D input tensors, but found inputs with sizes {list(input1.shape)} and "
            f"{list(input2.shape)}."
        )
    if target.ndim == 0 and (input1.ndim != 1 or input2.ndim != 1):
        raise RuntimeError(
            f"0D target tensor expects 1D input tensors, but found inputs with sizes {list(input1.shape)} and "
            f"{list(input2.shape)}."
        )
    eps = 1e-12
    product = functions.sum(input1 * input2, target.ndim)
    size1 = scalars.add(functions.sum(input1 * input1, target.ndim), eps)
    size2 = scalars.add(functions.sum(input2 * input2, target.ndim), eps)
    cosine = product / functions.sqrt(size1 * size2)
    zeros = creation.zeros_like(cosine)
    near, far = creation.ones_like(cosine) - cosine, scalars.sub(cosine, float(margin)).clamp_min_(0)
    together = functions.where(functions.eq(target, 1), near, zeros)
    apart = functions.where(functions.eq(target, -1), far, zeros)
    return reduced(together + apart, how)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return by how much the first of each pair is not ranked higher (target 1) or lower (target −1) by `margin`."""
    how = reduction_number(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return reduced(functions.clamp_min(scalars.add(-target * (input1 - input2), float(margin)), 0), how)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return by how much the positive of each triple is not closer to the anchor than the negative by `margin`.

    Parameters
    ----------
    anchor, positive, negative
        Vectors: (N, D) or (D).
    margin
        By how much the positive should be closer.
    p
        Which norm measures the distance.
    eps
        Added to each difference.
    swap
        Use the distance from the positive to the negative where it is smaller.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.

    References
    ----------
    Balntas et al., "Learning shallow convolutional feature descriptors with triplet losses" (2016).
    """
    how = reduction_number(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    return _triplet(anchor, positive, negative, lambda x, y: pairwise_distance(x, y, p, eps), margin, swap, how)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return the same as `triplet_margin_loss` with any function of two tensors for the distance."""
    how = reduction_number(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, how)


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[..., Tensor],
    margin: float,
    swap: bool,
    how: int,
) -> Tensor:
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = functions.minimum(far, distance(positive, negative))
    return reduced(functions.clamp_min(scalars.add(near, margin) - far, 0), how)
