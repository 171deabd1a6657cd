"""Classes of tensors that a program makes: ``class Named(torch.Tensor)``. What is computed from one is one, as in PyTorch.

Where a program makes none they cost nothing: whether there are any is one question to an empty set. While there is one, the
arguments of every call are looked at, and a call that is not about one goes on as ever; operators, which come through no door, are put behind one in the class
itself when it is made.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from gradviz.engine import mixed
from gradviz.engine.creation.data import alias
from gradviz.engine.tensor import Tensor

kept: set[weakref.ref[type]] = set()
"""The classes that a program has made and still has; each carries the mark `MARK`."""
MARK = "_of_the_program"


class _Running(threading.local):
    """How many computations are under way in a thread whose class has been seen to."""

    depth = 0


_running = _Running()


def made(cls: type) -> None:
    """Note a new class of tensors, and let its operators keep it. Parameters are this package's own: they give tensors."""
    if cls.__module__.startswith("gradviz."):
        return
    if not any(base is Tensor or getattr(base, MARK, False) for base in cls.__bases__):
        return
    if Tensor in cls.__bases__:
        for name, member in vars(Tensor).items():
            if (
                name.startswith("__")
                and name in OPERATORS
                and name not in vars(cls)
                and isinstance(member, FunctionType)
            ):
                setattr(cls, name, _keeping(member))
    setattr(cls, MARK, True)
    kept.add(weakref.ref(cls, kept.discard))


OPERATORS = frozenset(
    f"__{prefix}{name}__"
    for name in (
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "and",
        "or",
        "xor",
        "lshift",
        "rshift",
    )
    for prefix in ("", "r", "i")
) | {f"__{name}__" for name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert", "getitem")}


def _keeping(member: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(member)
    def method(self: Tensor, *args: Any) -> Any:
        if _running.depth:
            return member(self, *args)
        return dispatch(member, (self, *args), {})

    return method


def wanted(args: Any) -> bool:
    """Return True if a call is about one of these classes, and has not been seen to yet."""
    for argument in args:
        kind = type(argument)
        if kind is Tensor or kind is int or kind is float:
            continue  # of most calls there is no more to ask
        if next(_classes((argument,)), None) is not None:
            return not _running.depth
    return False


def _classes(args: Any) -> Iterator[type]:
    for argument in args:
        if getattr(type(argument), MARK, False):
            yield type(argument)
        elif isinstance(argument, tuple | list):
            yield from _classes(argument)


def dispatch(function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Let the class say how to compute: by its ``__torch_function__``, a tensor's own unless it has another."""
    types = tuple(dict.fromkeys(_classes((*args, *keywords.values()))))
    chosen: Any = next(kind for kind in types if not any(kind in other.__mro__[1:] for other in types))
    return chosen.__torch_function__(function, types, args, keywords)


def torch_function(
    cls: type, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """Compute, and give the results the class of what they were computed from.

    Raises
    ------
    TypeError
        If the function is PyTorch's own, which asks here too when it is given gradviz's tensors.
    """
    if not (getattr(func, "__module__", None) or "").startswith("gradviz"):
        name = getattr(func, "__name__", "PyTorch")
        raise TypeError(f"{name}(): expected PyTorch's tensors, but got gradviz's\n\n{mixed.TWO_LIBRARIES}")
    _running.depth += 1
    try:
        result = func(*args, **(kwargs or {}))
    finally:
        _running.depth -= 1
    return _as(cls, result, args)


def _as(cls: type, result: Any, args: Any) -> Any:
    if type(result) is Tensor and not any(result is argument for argument in args):
        result.__class__ = cls
    elif type(result) in (tuple, list):
        return type(result)(_as(cls, item, args) for item in result)
    elif isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*(_as(cls, item, args) for item in result))
    return result


def as_subclass(self: Tensor, cls: type) -> Tensor:
    """Return a tensor of another class, with the same memory and the same place in the graph."""
    if not isinstance(cls, type):
        raise TypeError(f"cls must be a type (got {type(cls).__name__})")
    out = alias(self)
    out.__class__ = cls
    return out
