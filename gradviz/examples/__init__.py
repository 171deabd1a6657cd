"""The examples of PyTorch's autograd tutorial, as they are written there, with `import gradviz as torch`."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import get_ident
from typing import Any

import gradviz
from gradviz.engine import backward, creation
from gradviz.engine.tensor import Tensor
from gradviz.recording import Recording, record_graph

CELLS = Path(__file__).parent / "cells"

SEED = 0
"""The tutorial's random numbers are not fixed; here they are, so that the demo shows the same every time."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example of the tutorial.

    Attributes
    ----------
    name
        The name of its file, without the ending.
    title, words
        What it is about, and what to look at.
    cells
        The cells to run, in order; the last one is the example itself.
    shows
        Which of the passes ``backward()`` makes is shown: 0 for the first, -1 for the last.
    """

    name: str
    title: str
    words: str
    cells: tuple[str, ...]
    shows: int = 0


EXAMPLES = (
    Example(
        "example_1",
        "A scalar: x² + 3",
        "The slope of x² at 7 is 2·7 = 14. The added 3 makes no difference to it.",
        ("example_1",),
    ),
    Example(
        "example_2",
        "A polynomial of a matrix",
        "x is used three times, so three gradients arrive at it and are added up, entry by entry.",
        ("example_2",),
    ),
    Example(
        "example_3",
        "Linear regression: y = w·x + b",
        "Each factor of a product gets the gradient times the other factor: x gets w, w gets x.",
        ("example_5", "example_3"),
        shows=1,
    ),
    Example(
        "example_4",
        "A network with one hidden layer",
        "Where ReLU gave 0, no gradient comes back: those columns of w1 get none.",
        ("example_4",),
    ),
    Example(
        "example_5",
        "Logits and binary cross-entropy",
        "The inputs x are all 1, so every row of w gets the same gradient.",
        ("example_5",),
    ),
    Example(
        "example_6",
        "nn.Linear, MSELoss and one step of SGD",
        "The layer's weight and bias sit in a frame of their own; the data x and y get no gradient.",
        ("example_6",),
    ),
    Example(
        "example_7",
        "Ten epochs",
        "The last of ten passes through the same graph; the weights have moved, and the loss is smaller.",
        ("example_7",),
        shows=-1,
    ),
)


def cell(name: str) -> str:
    """Return the source of one cell."""
    return (CELLS / f"{name}.py").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Run:
    """What running an example gave: the recording, what it printed, and its variables."""

    example: Example
    recording: Recording
    printed: str
    variables: dict[str, Any]


def run(example: Example) -> Run:
    """Run an example on the engine and record the backward pass it is about."""
    creation.manual_seed(SEED)
    # The tutorial imports torch once, in an earlier cell than some that use it.
    variables: dict[str, Any] = {"__name__": "__main__", "torch": gradviz}
    recordings: list[Recording] = []

    def watch(outputs: list[Tensor]) -> None:
        recordings.append(record_graph(*outputs, variables=[variables], title=example.title))

    printed = StringIO()
    with watching(watch), redirect_stdout(printed):
        for name in example.cells:
            exec(compiled(cell(name), f"{name}.py"), variables)  # the package's own files
    return Run(example, recordings[example.shows], printed.getvalue(), variables)


@contextmanager
def watching(watcher: Any) -> Iterator[None]:
    """Call `watcher` with the outputs after each ``backward()`` in this thread."""
    thread = get_ident()

    def told(outputs: list[Tensor]) -> None:
        if get_ident() == thread:
            watcher(outputs)

    backward.watchers.append(told)
    try:
        yield
    finally:
        backward.watchers.remove(told)


def compiled(source: str, name: str) -> Any:
    """Compile source under a name of its own, so that its lines can be shown."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, "exec")
