"""What a model computed that was run once for its picture."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.recording.names import Names

MOST_DEPTH = 16
"""So deep lists and dictionaries of results are looked into."""


@dataclass(frozen=True)
class Ran:
    """What a model computed.

    Attributes
    ----------
    results
        Its results that have a graph.
    names
        What everything is called.
    frozen
        The stand-ins of parameters and inputs that want no gradient, and were given one only to be recorded.
    """

    results: tuple[Any, ...]
    names: Names
    frozen: tuple[Any, ...]


def nothing_to_draw(model: Any) -> ValueError:
    """Say that nothing of what a model computed has a graph."""
    return ValueError(
        f"{type(model).__name__} computed nothing that can be drawn: what it returns was not made by recorded operations "
        "from its parameters. Is all of it detached, or made of whole numbers?"
    )


def results_in(made: Any, is_tensor: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    """Go through the tensors in what a model returned, with a name for each."""
    waiting: list[tuple[str, Any, int]] = [("", made, 0)]
    seen: set[int] = set()
    while waiting:
        place, one, depth = waiting.pop(0)
        if is_tensor(one):
            if id(one) not in seen:
                seen.add(id(one))
                yield place, one
        elif depth < MOST_DEPTH and isinstance(one, Mapping):
            waiting += [(f"{place}.{key}" if place else str(key), value, depth + 1) for key, value in one.items()]
        elif depth < MOST_DEPTH and isinstance(one, list | tuple):
            fields = getattr(one, "_fields", range(len(one)))
            waiting += [
                (f"{place or 'out'}[{key}]" if isinstance(key, int) else key, value, depth + 1)
                for key, value in zip(fields, one, strict=True)
            ]


@contextmanager
def modules_as_they_were(modules: Iterable[Any]) -> Iterator[None]:
    """Put back, also after an error, the modes and attributes of modules, what is registered in them, and Python's and NumPy's random state.

    Parameters
    ----------
    modules
        All modules of a model, of this library's or of PyTorch's.
    """
    modules = list(modules)
    attributes = [(one, dict(vars(one))) for one in modules]
    registered: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (held, dict(held)) for one in modules for held in (one._parameters, one._buffers, one._modules)
    ]
    python, plain = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(plain)
        for held, before in registered:
            held.clear()
            held.update(before)
        for one, known in attributes:
            vars(one).clear()
            vars(one).update(known)
