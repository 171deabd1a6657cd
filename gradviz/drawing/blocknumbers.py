"""What happened inside blocks, in numbers: how activations and gradients are spread, and how large gradients are.

They are taken from the recording that was folded, in which nothing is hidden. What a weight got that several blocks share is told
of each block by what came through it; what it got in all is told where it is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.drawing.skips import skip_of
from gradviz.recording.frames import Steps
from gradviz.recording.histogram import BINS, LEAST, MOST, sizes, spread
from gradviz.recording.model import Block, Frame, Recording, Value
from gradviz.recording.values import entries_of

RATIO, OF_UPDATE = "‖∂‖/‖w‖", "‖Δw‖/‖w‖"
"""What a block's ratio is called: in a single picture, and in a training."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How numbers are spread: by where they are between the smallest and largest, or by their size.

    Attributes
    ----------
    counts
        One for each bin.
    zeros
        Exact zeros, which have no size.
    """

    counts: tuple[int, ...]
    zeros: int = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is known of a block when it has run forward, and when it has sent gradients back.

    Attributes
    ----------
    activations
        Of its last result.
    gradients
        Of its parameters, by size; ``None`` where there are none, or where they are not known.
    norm, weight
        The Euclidean norms of the gradients of its parameters, all together, and of the parameters.
    update
        In a training: by how much the step changed its parameters.
    each
        Of several blocks that are alike: the ratio of each.
    passed
        The norms of the gradients of what it passes on, by what that is called: ``h`` and ``c`` of a cell. Of several steps
        through time, one after the other.
    """

    activations: Spread | None = None
    gradients: Spread | None = None
    norm: float | None = None
    weight: float | None = None
    update: float | None = None
    each: tuple[float | None, ...] = ()
    passed: tuple[tuple[tuple[str, float | None], ...], ...] = ()

    @property
    def ratio(self) -> float | None:
        """‖update‖/‖weight‖ in a training, else ‖∂‖/‖weight‖."""
        size = self.norm if self.update is None else self.update
        return None if size is None or not self.weight else size / self.weight


class Whole:
    """A recording in which blocks are looked up, each once. Of a long one nothing is made that no block needs."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.graph, self.updates = recording, recording.graph, dict(recording.updates)
        self.outline = recording.graph.outline
        frames: Any = recording.frames
        self._steps = frames if isinstance(frames, Steps) else None
        self._back: Sequence[Frame] = frames if self._steps is None else self._steps.back
        self._numbers: dict[tuple[Block, tuple[str, ...]], Numbers] = {}
        self._skips: dict[Block, str] = {}

    def value(self, tensor: str) -> Value | None:
        """Return what a tensor holds; ``None`` if that is not known."""
        if self._steps is None:
            return self._values.get(tensor)
        place = self.outline.tensor_places.get(tensor)
        return None if place is None else self._steps.value(place)

    @cached_property
    def _values(self) -> dict[str, Value]:
        return {id: value for frame in self.recording.frames for id, value in frame.values}

    @cached_property
    def gradients(self) -> dict[str, Value]:
        """By tensor: the gradient that it has in the end."""
        return {one.tensor: one.value for frame in self._back for one in frame.gradients}

    @cached_property
    def sent(self) -> dict[str, Value]:
        """By argument: what was delivered along it."""
        return {one.argument: one.value for frame in self._back for one in frame.contributions}

    @cached_property
    def users(self) -> dict[str, list[int]]:
        """By tensor: the numbers of the operations that use it, once for each argument."""
        found: dict[int, list[int]] = {}
        for number, inputs in enumerate(self.outline.inputs):
            for tensor in inputs:
                found.setdefault(tensor, []).append(number)
        ids = self.outline.tensor_ids
        return {ids[tensor]: users for tensor, users in found.items()}

    def numbers(self, block: Block, outputs: Sequence[str]) -> Numbers:
        """Return what is known of a block that has these results."""
        key = block, tuple(outputs)
        if key not in self._numbers:  # one card after the other is tried for it
            self._numbers[key] = self._found(*key)
        return self._numbers[key]

    def skip(self, block: Block) -> str:
        """Return what leads past layers inside a block, in a word."""
        if block not in self._skips:
            self._skips[block] = skip_of(self.outline, block)
        return self._skips[block]

    def _found(self, block: Block, outputs: Sequence[str]) -> Numbers:
        value = self.value(outputs[-1]) if outputs else None
        inside = self._places(block)
        known = [self._gradient(id, inside) for id, _ in block.weights]
        gradients = [gradient for gradient in known if gradient is not None]
        told = bool(gradients) and len(gradients) == sum(id in self.gradients for id, _ in block.weights)
        weights = [held for id, _ in block.weights if (held := self.value(id)) is not None]
        return Numbers(
            None if value is None else _activations(value),
            _by_size(gradients) if told else None,
            norm(gradients) if told else None,
            norm(weights) if len(weights) == len(block.weights) and weights else None,
            math.hypot(*updates)
            if (updates := [self.updates[id] for id, _ in block.weights if id in self.updates])
            else None,
            tuple(self.numbers(part, ()).ratio for part in block.parts),
            tuple(self._passed(part) for part in block.parts or (block,)) if self.gradients else (),
        )

    def _passed(self, block: Block) -> tuple[tuple[str, float | None], ...]:
        """Return how large the gradients are of what leaves a block."""
        found = {
            name: norm([self.gradients[tensor]]) if tensor in self.gradients else None
            for tensor, name in self.states(block).items()
        }
        return tuple((name, found[name]) for name in ("h", "c") if name in found)

    def states(self, block: Block) -> dict[str, str]:
        """Name what leaves a cell: h, and the c of an LSTM, which is a sum of which a product shows a part."""
        outline, inside = self.outline, self._places(block)
        return {
            outline.tensor_ids[tensor]: "c"
            if block.class_name.startswith("LSTM") and outline.names[place] == "add"
            else "h"
            for place in sorted(inside)
            for tensor in outline.outputs[place]
            if self._leaves(outline.tensor_ids[tensor], inside)
        }

    def _places(self, block: Block) -> set[int]:
        """Return the numbers of the operations in a block."""
        return {self.outline.places[id] for id in block.inside}

    def _leaves(self, tensor: str, inside: set[int]) -> bool:
        users = self.users.get(tensor)
        return not users or not inside.issuperset(users)

    def _gradient(self, tensor: str, inside: set[int]) -> Value | None:
        """Return the gradient that a parameter got: all of it, or where others use it too what came from inside."""
        users = self.users.get(tensor, ())
        if inside.issuperset(users):
            return self.gradients.get(tensor)
        operations = [self.graph.operations[number] for number in dict.fromkeys(users) if number in inside]
        edges = [edge.id for operation in operations for edge in operation.inputs if edge.tensor == tensor]
        return _total([self.sent[edge] for edge in edges if edge in self.sent])


def _total(parts: Sequence[Value]) -> Value | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    arrays = [entries.astype(float).ravel() for part in parts if (entries := entries_of(part)) is not None]
    if len(arrays) < len(parts):
        return None  # of large ones their sum is not known
    sums = np.sum(arrays, axis=0)
    return Value(parts[0].shape, parts[0].dtype, tuple(sums.tolist()))


def norm(values: Iterable[Value]) -> float:
    """Return the Euclidean norm of all entries of some values together."""
    return math.sqrt(sum(_square(value) for value in values))


def _square(value: Value) -> float:
    entries = entries_of(value)
    if entries is not None:
        numbers = entries.astype(float).ravel()
        with np.errstate(all="ignore"):
            return float(numbers @ numbers)
    summary = value.summary
    assert summary is not None
    if summary.nans or summary.infs:
        return math.nan if summary.nans else math.inf
    return (summary.mean * summary.mean + summary.sd * summary.sd) * math.prod(value.shape)


def _finite(value: Value) -> np.ndarray[Any, Any] | None:
    """Return the finite entries of a value, ``None`` if not all are kept."""
    entries = entries_of(value)
    if entries is None:
        return None
    numbers = entries.astype(float).ravel()
    return numbers[np.isfinite(numbers)]


def _activations(value: Value) -> Spread | None:
    numbers = _finite(value)
    if numbers is not None:
        counts = spread(numbers)
    else:
        assert value.summary is not None
        counts = value.summary.spread
    return Spread(counts) if any(counts) and len(counts) == BINS else None


def _by_size(values: Sequence[Value]) -> Spread:
    counts, zeros = np.zeros(MOST - LEAST, int), 0
    for value in values:
        numbers = _finite(value)
        if numbers is not None:
            counts += np.asarray(sizes(numbers))
            zeros += int((numbers == 0).sum())
        elif value.summary is not None and value.summary.sizes:
            counts += np.asarray(value.summary.sizes)
            zeros += value.summary.zeros
    return Spread(tuple(counts.tolist()), zeros)


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """A scale from one number to a larger one."""

    low: float
    high: float

    def share(self, number: float | None) -> float:
        """Return where a number stands on it, from 0 to 1."""
        if number is None or not number > 0:  # nan too
            return 0.0
        if self.high <= self.low or math.isinf(number):
            return 1.0
        share = (math.log(number) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return min(max(share, 0.0), 1.0)


NO_SCALE = Logarithmic(1.0, 1.0)

LEAST_DECADES = 2
"""A scale spans at least a factor of a hundred: what differs little is not to look as if it differed much."""


@dataclass(frozen=True, slots=True)
class Scales:
    """What all cards of a picture share, so that they can be compared.

    Attributes
    ----------
    ratios, passed
        The scales of gradients beside their weights, and of gradients of what cells pass on.
    first, last
        The powers of two between which gradients are.
    """

    ratios: Logarithmic = NO_SCALE
    passed: Logarithmic = NO_SCALE
    first: int = LEAST
    last: int = LEAST


def scales(blocks: Iterable[Numbers]) -> Scales:
    """Return the scales on which blocks are compared."""
    blocks = list(blocks)
    powers = {
        place + LEAST for block in blocks if block.gradients for place, n in enumerate(block.gradients.counts) if n
    }
    first, last = (min(powers), max(powers) + 1) if powers else (LEAST, LEAST)
    return Scales(
        _scale(n for block in blocks for n in (block.ratio, *block.each)),
        _scale(n for block in blocks for step in block.passed for _, n in step),
        first,
        last,
    )


def _scale(numbers: Iterable[float | None]) -> Logarithmic:
    known = [number for number in numbers if number is not None and number > 0 and math.isfinite(number)]
    if not known:
        return NO_SCALE
    return Logarithmic(min(*known, max(known) / 10**LEAST_DECADES), max(known))
