"""What PyTorch itself still knows of an operation that nobody watched: what it saved for its backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from gradviz.pytorch.graph import Behind, Edge, Node

WRAPPED = 2**64
"""PyTorch writes negative numbers among its settings as those that many larger."""


FREED = "already been freed"
"""What PyTorch says of what a backward pass has dropped."""


def saved_by(node: Node) -> dict[str, Any]:
    """Return what a node saved, by PyTorch's names; without what a backward pass has dropped, and what a hook would have to bring.

    A checkpoint would run all of its part again for each of them.
    """
    found = {}
    for attribute in dir(node):
        if attribute.startswith("_saved_") and not _hooked(node, attribute):
            try:
                found[attribute.removeprefix("_saved_")] = _signed(getattr(node, attribute))
            except RuntimeError:  # freed, or changed in place
                continue
    return found


def is_freed(node: Node) -> bool:
    """Return True if a backward pass has dropped what a node saved."""
    for attribute in dir(node):
        if (attribute.startswith("_saved_") or attribute == "saved_tensors") and not _hooked(node, attribute):
            try:
                getattr(node, attribute)
            except RuntimeError as error:
                return FREED in str(error)
    return False


def _hooked(node: Node, attribute: str) -> bool:
    """Return True for what was put away by a hook: a checkpoint's, or one that saves elsewhere."""
    try:
        raw = getattr(node, f"_raw_{attribute.lstrip('_')}", None)
    except RuntimeError:
        return False
    return any(getattr(one, "unpack_hook", None) is not None for one in (raw if isinstance(raw, tuple) else (raw,)))


def values_in(graph: Behind) -> dict[Edge, torch.Tensor]:
    """Return the values of results that are known as somebody saved them, by the node that made them, and its place."""
    found: dict[Edge, torch.Tensor] = {}
    for node in graph.nodes:
        for name, tensor in _tensors(node):
            if tensor.grad_fn is not None:
                found[tensor.grad_fn, tensor.output_nr] = tensor.detach()
            elif name == "result":
                found[node, 0] = tensor
    return found


def _tensors(node: Node) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in saved_by(node).items():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, torch.Tensor):
                yield name, each
    try:
        given = (
            () if _hooked(node, "saved_tensors") else getattr(node, "saved_tensors", ())
        )  # of a function of the user's
    except RuntimeError:
        return
    yield from (("", each) for each in given if isinstance(each, torch.Tensor))


def _signed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple([_signed(each) for each in value])
    if isinstance(value, int) and not isinstance(value, bool) and value >= WRAPPED // 2:
        return value - WRAPPED
    return value
