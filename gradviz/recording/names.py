"""What the user calls things: names for tensors and modules, found in the variables of the calling code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from types import FrameType, ModuleType
from typing import Any

from gradviz.engine.tensor import Tensor

MOST_ITEMS = 64
"""Containers longer than this are data, not a handful of named tensors."""


@dataclass(frozen=True)
class Names:
    """Names by identity.

    Attributes
    ----------
    leaves
        By the ``id`` of the tensor.
    results
        By the ``id`` of the node and the number of its output.
    modules
        By the ``id`` of a module's tag: its path, ``"net.0"``.
    """

    leaves: dict[int, str] = field(default_factory=dict)
    results: dict[tuple[int, int], str] = field(default_factory=dict)
    modules: dict[int, str] = field(default_factory=dict)

    def give(self, name: str, tensor: Tensor) -> None:
        """Name a tensor, unless it has a name already."""
        if tensor._grad_fn is None:
            self.leaves.setdefault(id(tensor), name)
        else:
            self.results.setdefault((id(tensor._grad_fn), tensor._output_nr), name)


def variables_of(frame: FrameType) -> list[Mapping[str, Any]]:
    """Return the variables that code in a frame sees: its own, then its module's."""
    return [frame.f_locals] if frame.f_locals is frame.f_globals else [frame.f_locals, frame.f_globals]


def let_go(frame: FrameType) -> None:
    """Let go of the variables of a frame that have been looked at: before Python 3.13 a function keeps that look alive."""
    if sys.version_info < (3, 13) and frame.f_code.co_flags & CO_OPTIMIZED:
        frame.f_locals.clear()


def find_names(scopes: Sequence[Mapping[str, Any]], given: Mapping[Any, Any] | None = None) -> Names:
    """Look through variables for tensors and modules.

    Parameters
    ----------
    scopes
        Variables by name, the nearest scope first.
    given
        Names that win over those found: ``{"w": tensor}`` or ``{tensor: "w"}``.

    Raises
    ------
    TypeError
        If `given` holds something else.
    """
    names = Names()
    for key, value in (given or {}).items():
        if isinstance(value, Tensor) and isinstance(key, str):
            names.give(key, value)
        elif isinstance(key, Tensor) and isinstance(value, str):
            names.give(value, key)
        else:
            raise TypeError(
                f"names= takes {{'name': tensor}} or {{tensor: 'name'}}, but got {type(key).__name__}: "
                f"{type(value).__name__}"
            )
    variables = [item for scope in scopes for item in list(scope.items()) if not item[0].startswith("_")]
    # A module's path is better than a variable: that may be left over from ``for p in net.parameters()``. A name of its own is
    # better than a place in a container, so containers come last.
    for name, value in variables:
        if _is_module(value):
            _name_parts(names, name, value)
    for name, value in variables:
        if isinstance(value, Tensor):
            names.give(name, value)
    for name, value in variables:
        for place, item in _inside(value):
            if isinstance(item, Tensor):
                names.give(f"{name}{place}", item)
            elif _is_module(item):
                _name_parts(names, f"{name}{place}", item)
    return names


def _is_module(value: Any) -> bool:
    # Without importing nn: recording knows the engine only.
    return hasattr(type(value), "named_parameters") and hasattr(type(value), "_tag")


def _name_parts(names: Names, name: str, module: Any) -> None:
    for path, part in module.named_modules():
        names.modules.setdefault(id(part._tag()), f"{name}.{path}" if path else name)
    for path, parameter in module.named_parameters():
        names.give(f"{name}.{path}", parameter)


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    """What a small container or a plain object of the user's holds, with the way to write it."""
    if isinstance(value, list | tuple):
        if len(value) <= MOST_ITEMS:
            yield from ((f"[{place}]", item) for place, item in enumerate(value))
    elif isinstance(value, dict):
        if len(value) <= MOST_ITEMS:
            yield from ((f"[{key!r}]", item) for key, item in list(value.items()) if isinstance(key, str | int))
    elif not isinstance(value, ModuleType | type | Tensor) and not _is_module(value):
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and len(attributes) <= MOST_ITEMS:
            yield from ((f".{key}", item) for key, item in list(attributes.items()))
