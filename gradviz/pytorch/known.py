"""Whether what is to be drawn can be: whose it is, and whether it was watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from gradviz.pytorch.kept import BUDGET
from gradviz.pytorch.needs import Unwatched, missing
from gradviz.pytorch.seen import WATCHES, seen_at
from gradviz.pytorch.source import PyTorch
from gradviz.recording.sources import without_graph

if TYPE_CHECKING:
    from gradviz.pytorch.watch import Watch


def source_of(outputs: Sequence[Any]) -> PyTorch:
    """Return PyTorch as the source of some results, with the watch that saw them being computed, if one did.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a tensor of PyTorch's, or has no graph, with what to do about it.
    """
    for output in outputs:
        _check(output)
    return PyTorch(outputs, _watch_of(outputs[0]))


def watching(*, fused: bool = False, budget: int = BUDGET) -> Watch | Unwatched:
    """Return a watch; what stands in its place if this PyTorch cannot be watched."""
    if lack := missing():
        return Unwatched(lack)
    from gradviz.pytorch.watch import Watch

    return Watch(fused, budget)


def _watch_of(output: torch.Tensor) -> Watch | None:
    # A view of what has been changed in place is made anew when it is asked for, and nobody sees that.
    made = [one for one in (output, output._base) if one is not None and one.grad_fn is not None]
    return next((watch for one in made for watch in WATCHES if seen_at(one.grad_fn, watch, one) is not None), None)


def _check(output: Any) -> None:
    if isinstance(output, torch.nn.Module):
        raise TypeError(
            f"expected a tensor, but got the module {type(output).__name__}. Pass what it computes: draw(model(x)), or the "
            "module with its input: draw(model, x)."
        )
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"expected a tensor of PyTorch's, as the first one, but got {type(output).__name__}")
    if output.grad_fn is None:
        raise without_graph(output)
