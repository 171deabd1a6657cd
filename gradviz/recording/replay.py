"""Running what was recorded again, from changed numbers: what a gradient only foretells, computed.

The operations are those of the recording, with the settings, the random numbers and the parts that they had then; nothing of the
user's program runs, and nothing of it is changed. It is computed in double precision, as it is small differences that count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.engine import strides
from gradviz.engine.core.tensor import wrap
from gradviz.engine.modes import no_grad
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.collect import Collection
from gradviz.recording.model import Gradient, RecordedTensor, Recording, Value
from gradviz.recording.told import Pass
from gradviz.recording.wiring import ABSENT, ARRAY, NUMBER

Array = np.ndarray[Any, Any]

BY = (-1.0, -0.1, -0.01, 0.01, 0.1, 1.0)
"""By how much an entry is nudged for a page that has no kernel to ask."""

MOST_RUNS = 3000
"""So many operations may be run for such a page."""

MOVES_WITH_ITS_CHANCE = {"StandardGammaBackward0", "_DirichletBackward"}
"""Draws that gradients flow through: where one would have fallen is not known once its distribution has changed."""


class ReplayError(RuntimeError):
    """Says why a computation cannot be run again from changed numbers."""


@dataclass(frozen=True, slots=True)
class Nudge:
    """What becomes of the output when one entry of a tensor changes.

    Attributes
    ----------
    tensor, index, by
        Which entry of which tensor (by its id) was changed, and by how much.
    predicted
        What the gradient says: its entry times `by`. ``None`` where there is no gradient.
    before, after
        The output before and after, computed. Of an output that is not one number it is the sum of its entries, each times
        the gradient that the backward pass started with.
    """

    tensor: str
    index: tuple[int, ...]
    by: float
    predicted: float | None
    before: float
    after: float

    @property
    def change(self) -> float:
        """The true change."""
        return self.after - self.before


class Replay:
    """A computation that can be run again.

    Parameters
    ----------
    collected
        What was computed.
    ran
        What the backward pass did, if there was one: the gradient it started with is what the output is weighed with.

    Attributes
    ----------
    output, seed
        The id of what is differentiated; and the gradient that the backward pass started with.
    before
        By leaf, what its ``.grad`` held already.
    hooked
        Whether hooks have put other gradients in the place of some.
    applied
        The operations in order.
    flowed
        The operations in the order of the backward pass, by their ids: to which of their arguments a gradient went.
    """

    def __init__(self, collected: Collection, ran: Pass | None) -> None:
        # Neither of the two is kept: they hold the graph.
        self.applied = collected.made.applied
        self._made, self._kinds = collected.made, collected.wiring.kinds
        self.flowed = () if ran is None else tuple(_flowed(collected, ran))
        root, kept = collected.output_keys[0], collected.source.kept
        self.output = collected.made.tensor_ids[collected.wiring.outputs[0]]
        self.seed = None if ran is None else kept(ran.arrived_at(root))[0]
        self.hooked = ran is not None and bool(ran.replaced)
        self.before: dict[str, Any] = {}
        for leaf, before in ({} if ran is None else ran.before).items():
            operand = collected.operand(("leaf", id(leaf)))
            if before is not None and operand is not None:
                self.before[operand.id] = kept(before)[0]
        self._seen = collected.seen
        self._base: dict[str, Any] | None = None
        # For a page, which may be written several times.
        self.nudged: dict[str, dict[str, Any]] | None = None
        self.program: Any = None

    def id_of(self, tensor: Any) -> str | None:
        """Return the id of a tensor in the recording."""
        # The last: one that was changed in place is what it was last.
        return next((f"t{number}" for seen, number in reversed(self._seen) if seen() is tensor), None)

    @cached_property
    def leaves(self) -> tuple[Operand, ...]:
        """What they began with."""
        return tuple([self._made.operands[number] for number, maker in enumerate(self._made.makers) if maker == ABSENT])

    @cached_property
    def numbers(self) -> set[str]:
        """The ids of those that are plain numbers, which never decide a dtype."""
        ids = self._made.tensor_ids
        return {ids[number] for number, kind in enumerate(self._kinds) if kind is NUMBER or kind is ARRAY}

    @property
    def size(self) -> int:
        """How many operations there are."""
        return len(self.applied)

    @property
    def base(self) -> Mapping[str, Any]:
        """All tensors by their ids as they are without any change; those are left out that cannot be known."""
        if self._base is None:
            values: dict[str, Any] = {}
            for operand in self.leaves:
                if operand.array is not None:
                    array = _in_double(operand.array)
                    values[operand.id] = array.item() if operand.id in self.numbers and array.size == 1 else array
            self._base = self._run(values, None)
        return self._base

    def output_with(self, changes: Mapping[str, Array]) -> float:
        """Run again what depends on some tensors.

        Parameters
        ----------
        changes
            Other numbers for tensors, by their ids; also for results, which are then not computed.

        Returns
        -------
        float
            The output; if it is not one number the sum of its entries, each times the gradient it started with.

        Raises
        ------
        ReplayError
            If an operation on the way cannot be run again.
        """
        values = self._run({**self.base, **changes}, set(changes)) if changes else self.base
        if self.output not in values:
            raise ReplayError("this cannot be computed again: its result is too large to be kept")
        result = np.asarray(values[self.output])
        return float(np.sum(result if self.seed is None else result * self.seed))

    def _run(self, values: dict[str, Any], changed: set[str] | None) -> dict[str, Any]:
        """Run what depends on what has changed; everything, as far as it can be, if that is ``None``."""
        with no_grad(), np.errstate(all="ignore"):
            for applied in self.applied:
                if changed is not None and changed.isdisjoint(operand.id for operand in applied.operands):
                    continue
                wanted = [result for result in applied.results if changed is None or result.id not in changed]
                try:
                    made = dict(
                        zip([result.id for result in applied.results], self._again(applied, values), strict=True)
                    )
                except ReplayError:
                    if changed is not None:
                        raise
                    made = {one.id: _in_double(one.array) for one in applied.results if one.array is not None}
                values.update((one.id, made[one.id]) for one in wanted if one.id in made)
                if changed is not None:
                    changed.update(one.id for one in wanted)
        return values

    def _again(self, applied: Applied, values: Mapping[str, Any]) -> Iterator[Any]:
        """Run one operation on other numbers."""
        row = applied.operation
        name = f"{row.name} ({row.grad_fn})"
        if row.grad_fn in MOVES_WITH_ITS_CHANCE:
            raise ReplayError(
                f"{name} draws random numbers from a distribution that has changed: what it would have drawn is not known"
            )
        if not row.derivatives:
            raise ReplayError(
                f"{name} is a function of your own, which is not called again here: call it yourself to see"
            )
        given = []
        for slot, operand in zip(row.inputs, applied.operands, strict=True):
            if operand.id and operand.id not in values:
                raise ReplayError(f"the {slot} of {name} is too large to be kept with the recording")
            given.append(values[operand.id] if operand.id else None)
        if any(isinstance(one, np.ndarray) and not one.size for one in applied.settings):
            raise ReplayError(f"a setting of {name} is too large to be kept with the recording")
        if applied.part is not None:  # a change in place of a part
            whole, where = np.asarray(given[0]), applied.part
            part = row.forward(strides.part(whole, *where).copy(), *given[1:], *applied.settings)
            return iter([strides.with_part(whole, part, *where)])
        plain = [operand.id in self.numbers or not operand.id for operand in applied.operands]
        tensors = [one if number else wrap(one) for one, number in zip(given, plain, strict=True)]
        try:
            made = row.function(*tensors, *applied.settings)
        except TypeError as error:  # a dtype, say, that NumPy has not
            raise ReplayError(f"{name} cannot be computed again with NumPy: {error}") from error
        results = made if isinstance(made, tuple | list) else (made,)
        return iter([results[place].array for place in applied.places])


def _flowed(collected: Collection, ran: Pass) -> Iterator[tuple[str, tuple[bool, ...]]]:
    for node in ran.order:
        yield collected.applied(node).id, tuple([one is not None for one in ran.contributions[node]])


def _in_double(array: Any) -> Array:
    array = np.asarray(array)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


# --- nudges ------------------------------------------------------------------------------------------------------------


def nudge(recording: Recording, tensor: Any, index: int | Sequence[int] = (), by: float = 0.1) -> Nudge:
    """Compare what a gradient says about a small change with what the change does.

    Parameters
    ----------
    recording
        One that was made in this process: a file has no operations that could be run.
    tensor
        A tensor of the computation; or its name, or its id in the recording.
    index
        Which entry of it: as many whole numbers as it has axes.
    by
        What is added to the entry.

    Returns
    -------
    Nudge
        What the gradient says, and what is.

    Raises
    ------
    ValueError, IndexError, TypeError
        If there is no such tensor, no such entry, or if it is not of floating point.
    ReplayError
        If something that depends on it cannot be run again.

    Examples
    --------
    >>> import gradviz as gv
    >>> from gradviz.recording import record_graph
    >>> w = gv.tensor([3.0, 4.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> found = nudge(record_graph(loss, backward=True, names={"w": w}), "w", (0,), 0.1)
    >>> round(found.predicted, 4), round(found.change, 4)
    (0.6, 0.61)
    """
    replay = replay_of(recording)
    found = _found(recording, replay, tensor)
    place = (index,) if isinstance(index, int) else tuple(index)
    if isinstance(by, bool) or not isinstance(by, int | float):
        raise TypeError(f"by must be a number, by how much {found.name} is to rise, but got {by!r:.60}")
    if not found.dtype.startswith("float"):
        raise TypeError(f"{found.name} is of {found.dtype}: only numbers of floating point can change by a little")
    if len(place) != len(found.shape) or not all(-n <= k < n for k, n in zip(place, found.shape, strict=True)):
        raise IndexError(f"{found.name} has the shape {list(found.shape)}, in which there is no entry {list(place)}")
    place = tuple(k % n for k, n in zip(place, found.shape, strict=True))
    if found.id not in replay.base:
        raise ReplayError(f"{found.name} is not known, or too large to be kept with the recording")
    gradient = recording.at().gradients.get(found.id)
    return Nudge(
        found.id,
        place,
        by,
        None if gradient is None else _entry(gradient, place) * by,
        replay.output_with({}),
        replay.output_with({found.id: _moved(replay, found.id, place, by)}),
    )


def _found(recording: Recording, replay: Replay, tensor: Any) -> RecordedTensor:
    if not isinstance(tensor, str):
        id = replay.id_of(tensor)
        if id is None:
            raise ValueError(f"this tensor is not in the recording; there are: {_names(recording)}")
        return recording.graph.tensor(id)
    named = [one for one in recording.graph.tensors if one.id == tensor] or [
        one for one in recording.graph.tensors if one.name == tensor
    ]
    if not named:
        raise ValueError(f"there is no tensor {tensor!r} in this recording; there are: {_names(recording)}")
    if len(named) > 1:
        ids = ", ".join(one.id for one in named)
        raise ValueError(f"{len(named)} tensors are called {tensor!r} in this recording: say which by its id ({ids})")
    return named[0]


def _moved(replay: Replay, id: str, place: tuple[int, ...], by: float) -> Array:
    array = np.array(replay.base[id], np.float64)
    array[place] += by
    return array


def _names(recording: Recording) -> str:
    names = list(dict.fromkeys(tensor.name for tensor in recording.graph.tensors))
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")


def _entry(gradient: Gradient, place: tuple[int, ...]) -> float:
    """Return an entry of what this backward pass alone has brought."""
    return _number(gradient.value, place) - (_number(gradient.before, place) if gradient.before is not None else 0)


def _number(value: Value, place: tuple[int, ...]) -> float:
    if value.data is None:
        raise ReplayError("the gradient is too large to be kept with the recording")
    return float(value.data[int(np.ravel_multi_index(place, value.shape))] if place else value.data[0])


def replay_of(recording: Recording) -> Replay:
    """Return what can run a recording again.

    Raises
    ------
    ReplayError
        If it comes from a file, or has no numbers.
    """
    if not isinstance(recording.again, Replay):
        raise ReplayError(
            "this recording cannot be computed again: it was read from a file, which has no operations that could be run. "
            "Make it anew from the computation"
        )
    return recording.again


def nudges(recording: Recording) -> dict[str, dict[str, Any]]:
    """Nudge each entry of the leaves of a small computation, for a page that has no kernel to ask.

    Parameters
    ----------
    recording
        What was computed; of one that is large, or that cannot be run again, nothing is worked out.

    Returns
    -------
    dict
        By the id of a leaf: ``by``, the steps; ``before``, the output as it is; ``results``, for each entry (row by row) the
        output after each step.
    """
    if not isinstance(recording.again, Replay):
        return {}
    if recording.again.nudged is None:
        recording.again.nudged = _nudged(recording, recording.again)
    return recording.again.nudged


def _nudged(recording: Recording, replay: Replay) -> dict[str, dict[str, Any]]:
    found, left = dict[str, dict[str, Any]](), MOST_RUNS
    leaves = [one for one in recording.graph.tensors if one.producer is None and one.dtype.startswith("float")]
    for leaf in sorted(leaves, key=lambda one: not one.requires_grad):  # what is learned comes first
        left -= math.prod(leaf.shape) * len(BY) * replay.size
        if leaf.role == "constant" or left < 0 or leaf.id not in replay.base:
            continue
        try:
            before = _short(replay.output_with({}))
            results = [
                [_short(replay.output_with({leaf.id: _moved(replay, leaf.id, place, by)})) for by in BY]
                for place in np.ndindex(leaf.shape)
            ]
        except (ReplayError, ValueError):
            continue
        found[leaf.id] = {"by": list(BY), "before": before, "results": results}
    return found


def _short(number: float) -> float | str:
    """Write a number with as many digits as anybody will see."""
    return float(f"{number:.10g}") if math.isfinite(number) else str(number)
