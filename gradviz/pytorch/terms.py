"""PyTorch's tensors, operations and cuts in the engine's terms, for who looks for causes: with the attributes of the engine's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gradviz.engine.cut import Cut
from gradviz.engine.operation import Operation
from gradviz.pytorch.cuts import CutSeen
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import array_of
from gradviz.pytorch.seen import Origin

if TYPE_CHECKING:
    from gradviz.pytorch.asked import TorchWorld

CHOICES = (
    "argmax",
    "argmin",
    "topk",
    "sort",
    "argsort",
    "max",
    "min",
    "mode",
    "kthvalue",
    "searchsorted",
    "multinomial",
)
"""Operations whose whole numbers are positions."""

WHOLE = ("long", "int", "short", "byte", "char", "bool")


@dataclass(eq=False)
class Asked:
    """A tensor of PyTorch's, or one that was and is known by what a watch saw, with the engine's attributes."""

    world: TorchWorld = field(repr=False)
    raw: torch.Tensor | None = None
    number: int | None = None
    step: Step | None = None

    @property
    def array(self) -> Any:
        """Its numbers."""
        return np.empty(0, np.float32) if self.raw is None else np.asarray(array_of(self.raw))

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return () if self.raw is None else tuple(self.raw.shape)

    @property
    def dtype(self) -> Any:
        """Its dtype."""
        return torch.float32 if self.raw is None else self.raw.dtype

    @property
    def _requires_grad(self) -> bool:
        return self.raw is None or self.raw.requires_grad

    @property
    def _retains_grad(self) -> bool:
        return self.raw is not None and self.raw.retains_grad

    @property
    def _output_nr(self) -> int:
        return 0 if self.raw is None else self.raw.output_nr

    @property
    def _grad(self) -> Asked | None:
        if self.raw is None or not (self.raw.is_leaf or self.raw.retains_grad) or self.raw.grad is None:
            return None
        return self.world.tensor(self.raw.grad)

    @property
    def _grad_fn(self) -> Step | None:
        if self.step is not None:
            return self.step
        if self.number is not None:
            return self.world.past_step(self.number)
        return None if self.raw is None or self.raw.grad_fn is None else self.world.step_of(self.raw)

    @cached_property
    def _cut(self) -> Cut | None:
        return None if self.raw is None else self.world.cut_of(self.raw)

    @property
    def _switched(self) -> Origin | None:
        return self.world.switched(self)

    @property
    def _forgotten(self) -> tuple[Origin | None, float] | None:
        return self.world.forgotten(self)

    def _accumulate(self) -> Any:
        return self.world.end_of(self)

    def values_at(self, made: float) -> Any:
        """Return nothing: what stood there before is kept with the operation that used it."""
        return None


@dataclass(eq=False)
class Used:
    """A result as the argument of an operation: it is known by its numbers."""

    numbers: Any

    @property
    def array(self) -> Any:
        """Its numbers."""
        found = self.numbers.tensor if isinstance(self.numbers, Kept) else self.numbers
        return np.asarray(array_of(found)) if isinstance(found, torch.Tensor) else np.empty(0, np.float32)

    def values_at(self, made: float) -> Any:
        """Return nothing: they are those of then already."""
        return None


@dataclass(eq=False)
class Finish:
    """Where the gradient of a leaf goes."""

    variable: Asked


@dataclass(eq=False)
class Step:
    """An operation, with the attributes of the engine's nodes."""

    operation: Operation
    made: int
    origin: Origin | None
    inputs: tuple[Any, ...] = ()
    edges: tuple[Any, ...] = ()
    given: tuple[tuple[str, Any], ...] = ()
    seen: Any = None


@dataclass
class Happened:
    """In which order things happened: see `gradviz.engine.cut`."""

    last: float = 0
    output: Callable[[], Asked | None] | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Life:
    """Where an optimiser was made, and its last steps with their times."""

    made: Origin | None
    steps: tuple[tuple[Origin | None, float], ...]


def cut_by(kind: str, origin: Origin | None, source: Any, word: str = "", value: Any = None) -> Cut:
    """Make a cut that keeps what it was cut off from."""
    made = Cut(kind, origin, None, word, value)
    if source is not None:
        made.source = lambda: source  # type: ignore[assignment]  # nobody else holds it
    return made


def kind_of_cut(seen: CutSeen, name: str, code: str) -> tuple[str, str]:
    """Return what cut, and the word for it, from the operator and the line."""
    if seen.switched_off:
        return "no_grad", "no_grad"
    if seen.value is not None:
        if "tensor(" in code and ".item(" not in code and "float(" not in code:
            return "tensor", "tensor"
        for kind in ("tolist", "float", "numpy"):
            if f"{kind}(" in code and ".item(" not in code:
                return kind, kind
        return "item", "item"
    if name == "detach":
        if "Parameter(" in code:
            return "parameter", "Parameter"
        return ("data", "data") if ".data" in code and "detach" not in code else ("detach", "detach")
    short = name.strip("_")
    if short in CHOICES:
        return "choice", short
    if short in (
        "gt",
        "lt",
        "ge",
        "le",
        "eq",
        "ne",
        "isnan",
        "isinf",
        "isfinite",
        "logical_not",
        "logical_and",
        "logical_or",
    ):
        return "comparison", short
    return "integers", next(
        (f"{word}()" for word in WHOLE if f".{word}(" in code), "to()" if short == "_to_copy" else short
    )
