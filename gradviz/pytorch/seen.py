"""What was seen of an operation: which node it is the operation of, and its arguments by PyTorch's names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import torch

from gradviz.pytorch.kept import Kept
from gradviz.pytorch.watch import Seen, Source


def seen_of(name: str, candidates: Sequence[Seen]) -> Seen | None:
    """Return which of the operations that ran under a node's number is the node's own."""
    if len(candidates) == 1:
        return candidates[0]
    return next((one for one in candidates if fits(name, one)), None)


def fits(name: str, seen: Seen) -> bool:
    """Return True if an operation is called as a node is."""
    return not isinstance(seen.function, type) and _fits(name, seen.function._schema.name)


@lru_cache(maxsize=4096)
def _fits(name: str, operator: str) -> bool:
    plain, copied, _ = name.partition("_copy")
    wanted = plain.rstrip("0123456789").removesuffix("Backward").lower() + copied.removeprefix("_")
    short = operator.partition("::")[2].replace("_", "").lower()
    return wanted.startswith(short) or short.startswith(wanted)


def is_argument(argument: Any) -> bool:
    """Return True for a tensor among the arguments of an operation that was watched."""
    return isinstance(argument, tuple) and len(argument) == 2 and isinstance(argument[0], Source)


def tensor_in(kept: Any) -> Any:
    """Return the tensor that was kept; ``None`` if it was let go."""
    return kept.tensor if isinstance(kept, Kept) else kept


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


def results_of(seen: Seen) -> tuple[Any, ...]:
    """Return what was kept of its results, also of a single one."""
    return seen.results if isinstance(seen.results, tuple) else (seen.results,)


def short_name(name: str, seen: Seen | None) -> str:
    """Return what to call a node that has no row."""
    if seen is not None and not isinstance(seen.function, type):
        return str(seen.function._schema.name.partition("::")[2]).strip("_")
    return name.rstrip("0123456789").removesuffix("Backward") or name
