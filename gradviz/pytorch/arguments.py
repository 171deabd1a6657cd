"""The arguments of an operation that was watched, by PyTorch's names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch

from gradviz.pytorch.seen import Seen, is_argument


def arguments_of(seen: Seen) -> Iterator[tuple[str, Any]]:
    """Go through the arguments of an operation by PyTorch's names; a list of tensors is taken apart."""
    if isinstance(seen.function, type):
        yield from zip(_names_of(seen.function, len(seen.arguments)), seen.arguments, strict=True)
        return
    for place, argument in enumerate(seen.function._schema.arguments):
        name = argument.name
        if place < len(seen.arguments):
            value = seen.arguments[place]
        elif name in seen.keywords:
            value = seen.keywords[name]
        else:
            value = argument.default_value
        if (
            isinstance(value, tuple)
            and not is_argument(value)
            and any(is_argument(each) for each in value)
            and name == "tensors"
        ):
            yield from ((f"{name}{number}", each) for number, each in enumerate(value))
        else:
            yield name, value


def _names_of(function: Any, count: int) -> list[str]:
    """Return what the author of a function has called its arguments."""
    names = list(inspect.signature(function.forward).parameters)
    given = names if function.setup_context is not torch.autograd.Function.setup_context else names[1:]
    return [*given[:count], *(f"input{place}" for place in range(len(given), count))]


def tensors_of(seen: Seen) -> Iterator[tuple[str, Any]]:
    """Go through the tensors among the arguments of an operation, also those in lists."""
    for name, value in arguments_of(seen):
        if is_argument(value):
            yield name, value
        elif isinstance(value, list | tuple):
            yield from ((f"{name}{place}", one) for place, one in enumerate(value) if is_argument(one))


def short_name(name: str, seen: Seen | None) -> str:
    """Return what to call a node that has no row."""
    if seen is not None and not isinstance(seen.function, type):
        return str(seen.function._schema.name.partition("::")[2]).strip("_")
    return name.rstrip("0123456789").removesuffix("Backward") or name
