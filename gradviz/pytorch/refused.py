"""What of PyTorch's is not drawn, or not with numbers: told by its name, before anything of it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from gradviz.catalogue import text
from gradviz.pytorch.graph import Behind
from gradviz.recording.told import RefusedError

_plain: dict[type, bool] = {torch.Tensor: True, torch.nn.Parameter: True}
"""By class: whether a tensor of it holds its numbers itself."""


def has_numbers(tensor: torch.Tensor) -> bool:
    """Return True for a tensor that holds its numbers itself.

    One that computes in its own way holds others, or nothing: DTensor, NestedTensor, FakeTensor.
    """
    kind = type(tensor)
    known = _plain.get(kind)
    if known is None:
        known = _plain[kind] = kind.__torch_dispatch__ is torch._C._disabled_torch_dispatch_impl
    return known and not tensor.is_nested


def is_plain(tensor: torch.Tensor) -> bool:
    """Return True for a tensor that has memory of its own, in which its numbers lie as its strides say."""
    return has_numbers(tensor) and tensor.layout is torch.strided and not tensor.is_meta


def kind_of(tensor: torch.Tensor) -> str:
    """Return what is unusual about a tensor: ``"nested"``; nothing for one that can be drawn."""
    names = {base.__name__ for base in type(tensor).__mro__}
    if names & {"DTensor", "FlatParameter"}:
        return "distributed"
    if tensor.is_nested:
        return "nested"
    if tensor.is_quantized:
        return "quantised"
    if tensor.is_meta or "FakeTensor" in names:
        return "meta"
    if tensor.is_complex():
        return "complex"
    return "" if is_plain(tensor) or tensor.layout is not torch.strided else "own"


def refuse(outputs: Sequence[torch.Tensor], graph: Behind) -> None:
    """Refuse a graph in which there is what cannot be drawn.

    Raises
    ------
    RefusedError
        With the name of what it is, and what to do.
    """
    for kind, name in _unusual(outputs, graph):
        if kind and kind != "meta":
            raise RefusedError(text(f"refused {kind}", "pytorch", name=name))


def is_structure(outputs: Sequence[torch.Tensor], graph: Behind) -> bool:
    """Return True for a graph without numbers: of meta tensors, or of stand-ins for tensors."""
    return any(kind == "meta" for kind, _ in _unusual(outputs, graph))


def _unusual(outputs: Sequence[torch.Tensor], graph: Behind) -> Iterator[tuple[str, str]]:
    for tensor in (*outputs, *(node.variable for node in graph.leaves)):
        yield kind_of(tensor), type(tensor).__name__
    for node in graph.nodes:
        for meta in _metadata(node):
            if meta.is_nested_tensor:
                yield "nested", "NestedTensor"
            elif meta.dtype.is_complex:
                yield "complex", "Tensor"
            elif meta.device.type == "meta":
                yield "meta", "Tensor"


def _metadata(node: Any) -> Sequence[Any]:
    found: Sequence[Any] = node._input_metadata
    return found
