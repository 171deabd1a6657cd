"""What is kept of a run while it goes on: copies of small arrays, summaries of large ones, and a bound on both.

Copying is all that is done during the loop. Frozen values are made from the copies when somebody looks at them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.recording.model import FULL_VALUE_LIMIT, Summary, Value
from gradviz.recording.values import dtype_text, preview_of, summary_of, value_of
from gradviz.training.run.model import Parameter, Rule
from gradviz.training.run.program import Program
from gradviz.training.run.walk import Walk, added, norm, walk

DEFAULT_BUDGET = 64 * 1024 * 1024
ENTRY_OVERHEAD, ARRAY_OVERHEAD, LARGE_OVERHEAD, RULE_OVERHEAD = 900, 130, 1500, 1100
"""Bytes that a step, an array beside its entries, the summary of a large array, and a rule's settings take, about."""


CACHED = 2**18
"""Of what has more entries, and does not fit into a processor's cache, everything is found out while it is copied."""


class Large:
    """A large array: in full while there is room for it, then as its statistics and a small picture.

    Attributes
    ----------
    holders
        How many of the kept steps have it in full: what one step leaves behind is what the next begins with.
    """

    __slots__ = ("_known", "array", "dtype", "holders", "shape")

    def __init__(self, array: Any, *, whole: bool) -> None:
        self.shape, self.dtype, self.holders = array.shape, array.dtype, 0
        self.array = np.array(array) if whole else None
        self._known = None if whole else _known(array)

    @classmethod
    def added(cls, array: Any, before: Any) -> tuple[Large, float]:
        """Return one in full, with what is known of it, and the length of what was added to what stood there before."""
        if array.dtype.kind != "f":
            return cls(array, whole=True), norm(array - before)
        made = cls.known(array.shape, array.dtype, None)
        made.array = np.empty(array.shape, array.dtype)
        if array.size <= CACHED:
            return made, added(array, before, made.array)
        walked = walk(array, before, made.array)
        made._known = _known(made.array, walked)
        return made, math.sqrt(walked.added)

    @classmethod
    def seen(cls, array: Any) -> tuple[Large, float]:
        """Return what is known of one, and its length."""
        walked = walk(array) if array.dtype.kind == "f" else None
        made = cls.known(array.shape, array.dtype, _known(array, walked))
        return made, norm(array) if walked is None else math.sqrt(walked.squares)

    @classmethod
    def known(cls, shape: tuple[int, ...], dtype: Any, facts: tuple[Summary, Any] | None) -> Large:
        """Return one of which only statistics and a picture are left."""
        made = cls.__new__(cls)
        made.shape, made.dtype, made.holders, made.array, made._known = shape, dtype, 0, None, facts
        return made

    @property
    def facts(self) -> tuple[Summary, Any]:
        """The statistics and the small picture, as an array."""
        return self._known if self._known is not None else _known(self.array)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in full."""
        return 0 if self.array is None else self.array.nbytes

    def shrink(self) -> None:
        """Give up the array itself."""
        if self.array is not None:
            self._known, self.array = self.facts, None

    @property
    def value(self) -> Value:
        """What is known of it, frozen."""
        summary, preview = self.facts
        return Value(self.shape, dtype_text(self.dtype), None, summary, value_of(preview))


Stored = np.ndarray[Any, Any] | Large
"""A small array, copied; or a large one."""


def stored(array: Any) -> Stored:
    """Keep an array: a copy if it is small, else what is known of it."""
    return np.array(array) if array.size <= FULL_VALUE_LIMIT else Large(array, whole=False)


def in_full(array: Any) -> Stored:
    """Keep an array in full: a copy; of a large one until there is no more room for it."""
    return np.array(array) if array.size <= FULL_VALUE_LIMIT else Large(array, whole=True)


def array_of(kept: Any) -> Any:
    """Return what was kept, as an array; ``None`` where only statistics are left of it."""
    return kept.array if isinstance(kept, Large) else kept


def _known(array: Any, walked: Walk | None = None) -> tuple[Summary, Any]:
    """Return statistics and a preview; in far less time than `summary_of` takes where all is well."""
    if array.dtype.kind != "f":
        return summary_of(array), preview_of(array)
    walked = walk(array) if walked is None else walked
    if not (math.isfinite(walked.low) and math.isfinite(walked.high) and math.isfinite(walked.squares)):
        return summary_of(array), preview_of(array)
    mean, squares = walked.total / array.size, walked.squares / array.size
    spread = squares - mean * mean
    if spread < squares / 1000:  # nearly all digits have cancelled
        return summary_of(array), preview_of(array)
    return Summary(mean, math.sqrt(spread), walked.low, walked.high, walked.zeros, 0, 0), preview_of(array)


def frozen(kept: Stored) -> Value:
    """Return what was kept as a `Value`."""
    return kept.value if isinstance(kept, Large) else value_of(kept)


def size_of(kept: Any) -> int:
    """Return about how many bytes something kept takes, large arrays in full aside."""
    return LARGE_OVERHEAD if isinstance(kept, Large) else ARRAY_OVERHEAD + getattr(kept, "nbytes", 0)


@dataclass(slots=True)
class ParameterEntry:
    """One parameter in one step, as kept. Of a large one the norms are noted at once."""

    before: Stored
    gradient: Stored | None
    rule: Rule
    after: Stored | None = None
    gradient_norm: float | None = None
    update_norm: float | None = None
    state: Mapping[str, Stored] = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """One step, as kept.

    Attributes
    ----------
    inputs
        By slot of the program, what went in: an array, a number, or a `Large` array.
    earlier
        By slot: what stood in ``.grad`` before ``backward()``.
    seed
        What backpropagation started with, if not with 1.
    evaluations
        The losses that were computed within the step.
    whole
        Whether its large arrays are kept in full; ``None`` before the log has it, and after.
    """

    index: int
    program: int | None
    inputs: list[Any]
    parameters: dict[int, ParameterEntry]
    evaluations: list[float]
    earlier: dict[int, Stored] = field(default_factory=dict)
    seed: Stored | None = None
    size: int = ENTRY_OVERHEAD
    whole: bool | None = None

    @property
    def complete(self) -> bool:
        """Whether the step can be computed again."""
        needed = (*self.inputs, *self.earlier.values(), *(() if self.seed is None else (self.seed,)))
        lost = any(isinstance(kept, Large) and kept.array is None for kept in needed)  # None is an argument not given
        return self.program is not None and not lost

    def large(self) -> list[Large]:
        """Return the large arrays that it has, each once."""
        afters = [kept for part in self.parameters.values() for kept in (part.before, part.after)]
        kept = (*self.inputs, *self.earlier.values(), self.seed, *afters)
        found = [one for one in kept if type(one) is Large]
        return list({id(one): one for one in found}.values()) if found else found

    def numbers(self) -> list[Any]:
        """Return what went in, in full."""
        return [array_of(kept) for kept in self.inputs]


@dataclass
class Log:
    """Everything kept of a run, in order; grows while the loop runs.

    Attributes
    ----------
    losses, epoch_of
        Of every step, whether it was kept or not.
    loss_names, loss_of
        What the losses are called, and which of these each step has: a loop may have several.
    used, whole_used
        Bytes that the kept steps take, about: without the large arrays that are kept in full, and these. Data that is the
        same in every step is not among them: no thinning would make it less.
    entries
        The steps that were kept: every `stride`-th, and the last.
    whole_stride
        Of which steps the large arrays are kept in full. They are the first to go: while they take most of the room, they
        are thinned, and the steps themselves are not.
    """

    budget: int = DEFAULT_BUDGET
    title: str = ""
    producer: str = ""
    epochs: int | None = None
    programs: list[Program] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    epoch_of: list[int] = field(default_factory=list)
    loss_names: list[str] = field(default_factory=list)
    loss_of: list[int] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stride: int = 1
    whole_stride: int = 1
    used: int = 0
    whole_used: int = 0

    def add_loss(self, loss: float, name: str) -> None:
        """Note the loss of a further step."""
        if name not in self.loss_names:
            self.loss_names.append(name)
        self.loss_of.append(self.loss_names.index(name))
        self.losses.append(loss)

    def note(self, kind: str, text: str) -> None:
        """Add a note, unless there is one of its kind (its first words) already."""
        if not any(note.startswith(kind) for note in self.notes):
            self.notes.append(text)

    def add(self, entry: Entry) -> None:
        """Keep a step; over the budget, drop every other one of those before, or what is large in it."""
        self._hold(entry)  # before others let go of what it shares with them
        if self.entries:
            before = self.entries[-1]  # it may have been kept only for being the last
            if before.index % self.stride:
                self._forget(self.entries.pop())
            elif before.index % self.whole_stride:
                self._shrink(before)
        self.entries.append(entry)
        self._make_room()

    def complete(self, entry: Entry, part: ParameterEntry, after: Stored) -> None:
        """Note late what became of a parameter, in a step that is kept already."""
        part.after = after
        if entry.whole is None:
            return  # it was thinned out
        self.grow(entry, size_of(after))
        if isinstance(after, Large):
            if entry.whole:
                self._hold_one(after)
            else:
                after.shrink()
        self._make_room()

    def take_back(self, count: int) -> None:
        """Drop the steps after so many."""
        del self.losses[count:], self.loss_of[count:]
        while self.entries and self.entries[-1].index >= count:
            self._forget(self.entries.pop())

    def grow(self, entry: Entry, size: int) -> None:
        """Note that more is kept of a step: so many bytes."""
        entry.size += size
        if entry.whole is not None:
            self.used += size

    def _make_room(self) -> None:
        """Drop every other step, or what is large in it, until the rest fits; the first and the last always stay."""
        most = len(self.losses)
        while self.used + self.whole_used > self.budget:
            *older, last = self.entries
            if self.whole_used > self.used and self.whole_stride <= most:
                self.whole_stride *= 2
                for kept in older:
                    if kept.index % self.whole_stride:
                        self._shrink(kept)
            elif self.stride <= most:
                self.stride *= 2
                self.whole_stride = max(self.whole_stride, self.stride)
                for kept in older:
                    if kept.index % self.stride:
                        self._forget(kept)
                self.entries = [*(kept for kept in older if kept.index % self.stride == 0), last]
            else:
                return

    def _hold(self, entry: Entry) -> None:
        entry.whole = True
        self.used += entry.size
        for large in entry.large():
            self._hold_one(large)

    def _hold_one(self, large: Large) -> None:
        if not large.holders:
            self.whole_used += large.nbytes
        large.holders += 1

    def _forget(self, entry: Entry) -> None:
        self._shrink(entry)
        self.used -= entry.size
        entry.whole = None

    def _shrink(self, entry: Entry) -> None:
        if not entry.whole:
            return
        entry.whole = False
        for large in entry.large():
            large.holders -= 1
            if not large.holders:
                self.whole_used -= large.nbytes
                large.shrink()
