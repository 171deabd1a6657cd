"""What all losses do at the end: their ``reduction=``; and what they check first."""

from __future__ import annotations

from typing import Any

from gradviz.engine import advice, dtypes, functions
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor
from gradviz.nn.operations import losses as rows


def reduction_number(name: str, size_average: Any = None, reduce: Any = None) -> int:
    """Return PyTorch's number for a way to reduce."""
    refuse_old_names(size_average, reduce)
    if name not in rows.REDUCTIONS:
        raise ValueError(f"{name} is not a valid value for reduction")
    return rows.REDUCTIONS[name]


def refuse_old_names(size_average: Any, reduce: Any) -> None:
    """Say that there is `reduction` in place of PyTorch's older arguments."""
    if size_average is not None or reduce is not None:
        raise NotImplementedError(
            "gradviz has no size_average and reduce, which PyTorch gave up; supported: reduction='mean', 'sum' or 'none'"
        )


def reduced(losses: Tensor, how: int) -> Tensor:
    """Reduce losses in the way that has this number."""
    return losses if how == 0 else functions.mean(losses) if how == 1 else functions.sum(losses)


def same_size(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Broadcast predictions and targets to one shape, with PyTorch's warning: it is nearly always a mistake."""
    if target.array.shape == input.array.shape:
        return input, target
    words = (
        f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
        "likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
    )
    warn(advice.broadcast_loss(words, input, target))
    input, target = functions.broadcast_tensors(input, target)
    return input, target


def check_fits(input: Tensor, target: Tensor) -> None:
    """Say that a loss that is kept in the dtype of its input has no room there."""
    if input.array.dtype.kind != "f":
        kind = dtypes.result_type(input.array, target.array)
        names = [dtypes.scalar_type_name(dtypes.from_numpy(each)) for each in (kind, input.array.dtype)]
        raise RuntimeError("result type {} can't be cast to the desired output type {}".format(*names))


def check_floating(name: str, input: Tensor, target: Tensor) -> None:
    """Say that there is no loss of whole numbers."""
    if input.array.dtype.kind != "f" and target.array.dtype.kind != "f":
        kind = dtypes.result_type(input.array, target.array)
        name_of = dtypes.scalar_type_name(dtypes.from_numpy(kind))
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{name_of}'")


def weight_of_same_size(weight: Tensor, input: Tensor) -> Tensor:
    """Return a weight for each entry, if it is that."""
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return weight
