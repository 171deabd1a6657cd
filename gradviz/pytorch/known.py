"""Whether what is to be drawn can be: whose it is, and whether it was watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from gradviz.pytorch.source import PyTorch
from gradviz.pytorch.telling import seen_at
from gradviz.pytorch.watch import WATCHES, Watch
from gradviz.recording.sources import without_graph


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


def watching(**options: Any) -> Watch:
    """Return a watch for a run of our own."""
    return Watch(**options)


def _watch_of(output: torch.Tensor) -> Watch | None:
    return next((watch for watch in WATCHES if seen_at(output.grad_fn, watch, output) is not None), None)


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
