"""Registering functions to be called later, and the handles by which they are taken away again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_ids = itertools.count()


class Hooks(Generic[T]):
    """Functions in the order in which they are called. Each registration is one of its own, also of the same function."""

    __slots__ = ("_by_id",)

    def __init__(self) -> None:
        self._by_id: dict[int, T] = {}

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._by_id.values()))  # a hook may take itself away

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, hook: T, prepend: bool = False) -> RemovableHandle:
        """Register a hook behind the others, or in front of them."""
        number = next(_ids)
        if prepend:
            self._by_id = {number: hook, **self._by_id}
        else:
            self._by_id[number] = hook
        return RemovableHandle(self, number)

    def remove(self, number: int) -> None:
        """Take a registration away; a second time does nothing."""
        self._by_id.pop(number, None)

    def remove_where(self, unwanted: Callable[[T], bool]) -> None:
        """Take away all registrations of some hooks."""
        self._by_id = {number: hook for number, hook in self._by_id.items() if not unwanted(hook)}


class RemovableHandle:
    """What registering a hook returns: `remove` takes the hook away again. Also a context manager.

    Attributes
    ----------
    id
        The number of the registration.
    """

    def __init__(self, hooks: Hooks[Any], id: int) -> None:
        self._hooks, self.id = hooks, id

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._hooks.remove(self.id)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
