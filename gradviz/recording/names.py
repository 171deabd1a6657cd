"""What the user calls things: names for tensors and modules, found in the variables of the calling code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from types import FrameType, ModuleType
from typing import Any

from gradviz.recording.told import Identity, Source

MOST_ITEMS = 64
"""Containers longer than this are data, not a handful of named tensors."""


@dataclass(frozen=True)
class Names:
    """Names by identity.

    Attributes
    ----------
    source
        The program whose tensors have them.
    leaves
        By the ``id`` of the tensor.
    results
        By the ``id`` of the node and the number of its output.
    modules
        By the ``id`` of a module's tag: its path, ``"net.0"``.
    given, places, parameters
        By the key of a tensor among the leaves or results. Those whose names were given; for those in a container that place,
        ``"p[0]"``; and those that are parameters of a module, whose path is their name.
    composed
        Those whose names are no names of the learner's, but were composed when the graph was drawn before.
    """

    source: Source
    leaves: dict[int, str] = field(default_factory=dict)
    results: dict[tuple[int, int], str] = field(default_factory=dict)
    modules: dict[int, str] = field(default_factory=dict)
    given: set[Identity] = field(default_factory=set)
    places: dict[Identity, str] = field(default_factory=dict)
    parameters: set[Identity] = field(default_factory=set)
    composed: set[Identity] = field(default_factory=set)

    def give(self, name: str, tensor: Any) -> None:
        """Name a tensor, unless it has a name already."""
        identity = self.source.identity(tensor)
        self._among(identity).setdefault(identity, name)

    def of(self, tensor: Any) -> str | None:
        """Return the name of a tensor, if it has one."""
        return self.by(self.source.identity(tensor))

    def by(self, identity: Identity) -> str | None:
        """Return the name of what has an identity."""
        return self._among(identity).get(identity)

    def _among(self, identity: Identity) -> dict[Any, str]:
        return self.leaves if isinstance(identity, int) else self.results

    def put(self, place: str, tensor: Any) -> None:
        """Name a tensor by its place in a container, unless it has a name already."""
        self.places.setdefault(self.source.identity(tensor), place)
        self.give(place, tensor)

    def take(self, tensor: Any) -> None:
        """Take a name away."""
        identity = self.source.identity(tensor)
        self._among(identity).pop(identity, None)


def variables_of(frame: FrameType) -> list[Mapping[str, Any]]:
    """Return the variables that code in a frame sees: its own, then its module's."""
    return [frame.f_locals] if frame.f_locals is frame.f_globals else [frame.f_locals, frame.f_globals]


def let_go(frame: FrameType) -> None:
    """Let go of the variables of a frame that have been looked at: before Python 3.13 a function keeps that look alive."""
    if sys.version_info < (3, 13) and frame.f_code.co_flags & CO_OPTIMIZED:
        frame.f_locals.clear()


def find_names(source: Source, scopes: Sequence[Mapping[str, Any]], given: Mapping[Any, Any] | None = None) -> Names:
    """Look through variables for tensors and modules.

    Parameters
    ----------
    source
        The program whose tensors and modules they are.
    scopes
        Variables by name, the nearest scope first.
    given
        Names that win over those found: ``{"w": tensor}`` or ``{tensor: "w"}``.

    Raises
    ------
    TypeError
        If `given` holds something else.
    """
    names = Names(source)
    is_tensor, is_module = source.is_tensor, source.is_module
    for key, value in (given or {}).items():
        name, tensor = (key, value) if isinstance(key, str) else (value, key)
        if not is_tensor(tensor) or not isinstance(name, str):
            raise TypeError(
                f"names= takes {{'name': tensor}} or {{tensor: 'name'}}, but got {type(key).__name__}: "
                f"{type(value).__name__}"
            )
        names.give(name, tensor)
        names.given.add(source.identity(tensor))
    variables = [item for scope in scopes for item in list(scope.items()) if not item[0].startswith("_")]
    containers = [(name, inside) for name, value in variables if (inside := list(_inside(source, value)))]
    left_over = _left_over(source, variables, containers)
    variables = [(name, value) for name, value in variables if name not in left_over]
    # A module's path is better than a variable: that may be left over from ``for p in net.parameters()``. A name of its own is
    # better than a place in a container, so containers come last.
    for name, value in variables:
        if is_module(value):
            _name_parts(names, name, value)
    for name, value in variables:
        if is_tensor(value):
            names.give(name, value)
    for name, inside in containers:
        for place, item in inside:
            if is_tensor(item):
                names.put(f"{name}{place}", item)
            elif is_module(item):
                _name_parts(names, f"{name}{place}", item)
    return names


def _left_over(source: Source, variables: Sequence[tuple[str, Any]], containers: Iterable[tuple[str, Any]]) -> set[str]:
    """Return the variables that a loop over a container has left behind: they hold its last, and the others have no names."""

    def is_ours(value: Any) -> bool:
        return source.is_tensor(value) or source.is_module(value)

    holders: dict[int, list[str]] = {}
    for name, value in variables:
        if is_ours(value):
            holders.setdefault(id(value), []).append(name)
    found: set[str] = set()
    for _, inside in containers:
        items = [item for place, item in inside if place[0] == "[" and is_ours(item)]
        if len(items) > 1 and not any(id(item) in holders for item in items[:-1]):
            found.update(holders.get(id(items[-1]), ()))
    return found


def _name_parts(names: Names, name: str, module: Any) -> None:
    for path, tag in names.source.tags_of(module):
        names.modules.setdefault(tag, f"{name}.{path}" if path else name)
    for path, parameter in names.source.parameters_of(module):
        names.give(f"{name}.{path}", parameter)
        names.parameters.add(names.source.identity(parameter))


def _inside(source: Source, value: Any) -> Iterator[tuple[str, Any]]:
    """What a small container or a plain object of the user's holds, with the way to write it."""
    if isinstance(value, list | tuple):
        if len(value) <= MOST_ITEMS:
            yield from ((f"[{place}]", item) for place, item in enumerate(value))
    elif isinstance(value, dict):
        if len(value) <= MOST_ITEMS:
            yield from ((f"[{key!r}]", item) for key, item in list(value.items()) if isinstance(key, str | int))
    elif not (isinstance(value, ModuleType | type) or source.is_tensor(value) or source.is_module(value)):
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and len(attributes) <= MOST_ITEMS:
            yield from ((f".{key}", item) for key, item in list(attributes.items()))
