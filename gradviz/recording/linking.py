"""Which entries an entry is made of: the Jacobian of one edge, found from the operation's own rule.

A rule is linear in the gradient that it is given, so what it makes of a few chosen gradients says all. Most operations tell
their whole Jacobian to two of them: where each entry of the result is made of one entry of the argument, a gradient of ones
comes back as the local derivatives; where entries are only moved, or added up, a gradient of numbered entries comes back as
the places that they were moved to. Each time another gradient, of any numbers, is sent after it, and what comes back must be
what was foretold. Only what is left is asked entry by entry. Products say themselves which entries meet: see `Operation.meets`.
"""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine import strides
from gradviz.engine.arguments import normal_axes
from gradviz.engine.core.node import Gradients
from gradviz.engine.core.operation import parameters
from gradviz.engine.core.unbroadcast import unbroadcast
from gradviz.recording import words
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.links import ALL, ONE_BY_ONE, entries
from gradviz.recording.model import FULL_VALUE_LIMIT, Link, Value
from gradviz.recording.values import value_of

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

LETTERS = "ijklmnopqrstuvwxyzabcdefgh" + string.ascii_uppercase
TABLE = 4096
"""A table has no more lines than this."""

WORK, LEAST_WORK = 2**24, 2**15
"""Of how many numbers rules may make what is asked entry by entry: in a whole recording; and in any case for one edge."""


def link_of(applied: Applied, slot: str, operations: int) -> Link | None:
    """Find which entries of an operation's results the entries of an argument feed.

    Parameters
    ----------
    applied, slot
        The operation and the argument.
    operations
        How many operations the recording has, which share the time.

    Returns
    -------
    Link or None
        ``None`` if the argument has no derivative, if numbers that the rule reads were too many to be kept, or if it would take
        too many lines.
    """
    row = applied.operation
    if slot not in row.derivatives or (row.settings and not applied.settings) or _emptied(applied.settings):
        return None
    place, work = row.inputs.index(slot), max(WORK // operations, LEAST_WORK)
    try:
        with np.errstate(all="ignore"):
            if applied.part is not None:
                return _of_a_part(applied, place, work)
            return _stated(applied, place) or _Edge(applied, place).link(work)
    except Exception:  # it has no derivative for these arguments, or trips over gradients that nobody has sent
        return None


class _UnknownError(Exception):
    """Says that numbers are missing."""


def _emptied(settings: Any) -> bool:
    """Return True where a setting is an array that was too large to be kept."""
    if isinstance(settings, tuple):
        return any(map(_emptied, settings))
    return isinstance(settings, np.ndarray) and not settings.size


# --- what is stated ----------------------------------------------------------------------------------------------------


def _stated(applied: Applied, place: int) -> Link | None:
    """Write the link of a factor of a product, whose row says with which letters its factors meet."""
    row = applied.operation
    first = len(row.inputs) - 2
    if not row.meets or place < first:
        return None
    factors, result = row.meets.split("->")
    letters = factors.split(",")
    other = applied.operands[first + (place == first)]
    scale = dict(zip(row.settings, applied.settings, strict=True)).get("alpha", 1)
    return Link(
        letters[place - first],
        result,
        letters[1 - (place - first)],
        other.id,
        text=other.name,
        scale=float(scale),
    )


# --- what the rule tells ------------------------------------------------------------------------------------------------


class _Edge:
    """An operation's rule for one argument, ready to be asked."""

    def __init__(self, applied: Applied, place: int) -> None:
        row = applied.operation
        self.applied, self.place, self.slot, self.row = applied, place, row.inputs[place], row
        self.argument = _array_of(applied.operands[place])
        if not self.argument.size:
            raise _UnknownError
        given = [
            None if _is_absent(operand) else (_exact if slot in row.derivatives else _array_of)(operand)
            for slot, operand in zip(row.inputs, applied.operands, strict=True)
        ]
        self.outputs = self._outputs()
        self.values = (*given, *map(_in_double, self.outputs), *applied.settings)
        self.shapes = [np.shape(self.outputs[at]) for at in applied.places]
        self.size = sum(map(math.prod, self.shapes))
        if not self.size:
            raise _UnknownError

    def _outputs(self) -> Sequence[Any]:
        """Return the results as the rule reads them."""
        applied, row = self.applied, self.row
        if len(row.outputs) > 1:
            given = [None if _is_absent(operand) else _array_of(operand) for operand in applied.operands]
            return [np.asarray(result) for result in row.forward(*given, *applied.settings)]
        result = _array_of(applied.results[0])
        return [result.reshape(self._kept()) if row.reduction else result]

    def _kept(self) -> Shape:
        """Return the shape of the result of a reduction before the axes that were reduced are dropped."""
        axes = normal_axes(self.applied.settings[0], self.argument.ndim)
        return tuple(1 if axis in axes else size for axis, size in enumerate(self.argument.shape))

    def raw(self, upstream: Array) -> Array:
        """Send a gradient of the results, one after another, through the rule; as it comes, not brought into shape."""
        if self.row.many:
            parts = np.split(upstream, np.cumsum([math.prod(shape) for shape in self.shapes])[:-1])
            arrived = dict(zip(self.applied.places, parts, strict=True))
            all_of_them = Gradients(
                arrived[at].reshape(output.shape) if at in arrived else np.zeros(output.shape)
                for at, output in enumerate(map(np.asarray, self.outputs))
            )
            all_of_them.arrived = tuple(at in arrived for at in range(len(self.outputs)))
            sent = self.row.rules[self.place](all_of_them, self.values)
        else:
            sent = self.row.rules[self.place](upstream.reshape(self.shapes[0])[()], self.values)
        return np.zeros(self.argument.shape) if sent is None else np.asarray(sent)

    def sent(self, upstream: Array) -> Array:
        """Do the same, and bring what comes into the argument's shape."""
        return np.asarray(unbroadcast(self.raw(upstream), self.argument.shape, np.dtype(np.float64)))

    def link(self, work: int) -> Link | None:
        """Find the shortest way to write the Jacobian."""
        if max(self.argument.ndim, *map(len, self.shapes)) > len(LETTERS):
            return None
        ones, chance = np.ones(self.size), _any_numbers(self.size)
        if not self.row.many:
            link = self._entry_by_entry(ones, chance) or self._added_up(ones, chance)
            if link is not None:
                return link
        moved = self._moved(ones, chance)
        if moved is None:
            return self._asked(work)
        feeds, results, factors = moved
        if not self.row.many and feeds.all() and np.all(factors == 1) and len(results) == self.size:
            letters = _axes_moved(results, self.argument.shape, self.shapes[0])
            if letters is not None:
                return Link(*letters)
        return self._table(np.concatenate([[0], np.cumsum(feeds)]), results, factors)

    def _entry_by_entry(self, ones: Array, chance: Array) -> Link | None:
        """Write the link where each entry of the result is made of one entry of the argument, which may be stretched."""
        shape, own = self.shapes[0], self.argument.shape
        if self.row.reduction or not _stretches(own, shape):
            return None
        factors = self.raw(ones)
        if factors.shape != shape:
            return None
        if self.size > 1 and not _close(self.raw(chance), chance.reshape(shape) * factors):
            return None
        letters = LETTERS[: len(shape)]
        return self._with_factor(_stretched(own, shape), letters, letters, factors)

    def _added_up(self, ones: Array, chance: Array) -> Link | None:
        """Write the link where each entry of the argument feeds the one result of its row, of its block, or of all."""
        shape, own = self.shapes[0], self.argument.shape
        if not self.row.reduction and self.size > 1:
            return None
        factors = self.sent(ones)
        letters = LETTERS[: len(own)]
        if self.size == 1:
            result = ONE_BY_ONE * len(self.applied.results[0].shape)
        elif _close(self.sent(chance), factors * np.broadcast_to(chance.reshape(shape), own)):
            result = "".join(
                ONE_BY_ONE if size == 1 != had else letter
                for letter, size, had in zip(letters, shape, own, strict=True)
            )
            if len(self.applied.results[0].shape) < len(own):
                dropped = normal_axes(self.applied.settings[0], len(own))
                result = "".join(letter for axis, letter in enumerate(result) if axis not in dropped)
        else:
            return None
        return self._with_factor(letters, result, letters, factors)

    def _with_factor(self, argument: str, result: str, letters: str, factors: Array) -> Link:
        """Say whose numbers the factors are: a tensor's, all the same, or their own."""
        row, applied, written = self.row, self.applied, self.row.local.get(self.slot, "")
        text = words.factor_text(applied, self.slot) if written not in row.inputs else ""
        if written in row.inputs:
            other = applied.operands[row.inputs.index(written)]
            if _stretches(other.shape, factors.shape) and _close(
                np.broadcast_to(_exact(other), factors.shape), factors
            ):
                own = _stretched(other.shape, factors.shape, letters)
                return Link(argument, result, own, other.id, text=other.name)
        result_of = applied.results[0]
        if written == row.expression and result_of.shape == factors.shape and _close(_exact(result_of), factors, 1e-4):
            return Link(argument, result, letters, result_of.id, text=text)
        first = float(factors.flat[0])
        if not self._read and np.all(factors == first):
            return Link(argument, result, text=text if first != 1 else "", scale=first)
        if all(np.size(self.values[row.fields[name]]) == 1 for name in self._read) and np.all(factors == first):
            letters, factors = "", factors.ravel()[0]
        return Link(argument, result, letters, value=self._value(factors), text=text)

    @property
    def _read(self) -> set[str]:
        """What the rule reads beside settings and sizes."""
        row = self.row
        return {*row.inputs, *row.outputs}.intersection(parameters(row.derivatives[self.slot])[1:])

    def numbers(self, link: Link) -> Array | None:
        """Return the numbers of a link's factor."""
        if link.value is not None:
            return np.reshape(np.asarray(link.value.data, np.float64), link.value.shape)
        tensors = {operand.id: operand for operand in (*self.applied.operands, *self.applied.results)}
        return _exact(tensors[link.tensor]) if link.tensor else None

    def _value(self, factors: Array) -> Value | None:
        return value_of(factors.astype(self._dtype)) if factors.size <= FULL_VALUE_LIMIT else None

    @property
    def _dtype(self) -> Any:
        """The dtype that the gradient has."""
        return self.argument.dtype if self.argument.dtype.kind == "f" else np.asarray(self.outputs[0]).dtype

    def _moved(self, ones: Array, chance: Array) -> tuple[Array, Array, Array] | None:
        """Find where entries go that feed one entry of the results each, or none: which do, where to, with which factor."""
        factors = self.sent(ones).ravel()
        places = self.sent(1 + np.arange(self.size, dtype=np.float64)).ravel()
        feeds = factors != 0
        if not np.isfinite(factors).all() or not np.isfinite(places).all() or (places[~feeds] != 0).any():
            return None
        found = np.rint(places[feeds] / factors[feeds])
        if (np.abs(found - (self.size + 1) / 2) > self.size / 2).any():
            return None
        results = found.astype(np.int64) - 1
        foretold = np.zeros_like(factors)
        foretold[feeds] = chance[results] * factors[feeds]
        if not _close(places[feeds], found * factors[feeds]) or not _close(self.sent(chance).ravel(), foretold):
            return None
        return feeds, results, factors[feeds]

    def _asked(self, work: int) -> Link | None:
        """Ask for the gradient of each entry of the results, one at a time."""
        if self.size * max(self.argument.size, self.size) > work:
            return None
        rows: list[Array] = []
        count = 0
        for at in range(self.size):
            one = np.zeros(self.size)
            one[at] = 1
            rows.append(self.sent(one).ravel())
            count += int(np.count_nonzero(rows[-1]))
            if count > TABLE:
                return None
        jacobian = np.array(rows).T  # a line for each entry of the argument
        feeds, results = np.nonzero(jacobian)
        starts = np.concatenate([[0], np.cumsum(np.count_nonzero(jacobian, axis=1))])
        return self._table(starts, results, jacobian[feeds, results])

    def _table(self, starts: Array, results: Array, factors: Array) -> Link | None:
        if max(len(starts), len(results)) > TABLE:
            return None
        text = words.factor_text(self.applied, self.slot)
        table = Link(text=text, starts=tuple(starts.tolist()), results=tuple(results.tolist()))
        if np.all(factors == 1):
            return replace(table, text="")
        return replace(table, factors=value_of(factors.astype(self._dtype)).data or ())


def _is_absent(operand: Operand) -> bool:
    """Return True for an argument that was not given, as the weight of a normalisation need not be."""
    return operand.name == "None" and not operand.id


def _array_of(operand: Operand) -> Array:
    if operand.array is None:
        raise _UnknownError
    return np.asarray(operand.array)


def _exact(operand: Operand) -> Array:
    """Return an operand's numbers in double precision, so that what is measured is the rule and not its rounding."""
    array = _array_of(operand)
    return array.astype(np.float64) if array.dtype.kind in "fiubO" else array


def _in_double(array: Any) -> Any:
    array = np.asarray(array)
    return array.astype(np.float64)[()] if array.dtype.kind == "f" else array[()]


@lru_cache(maxsize=64)
def _any_numbers(count: int) -> Array:
    """Return whole numbers in no order, the same each time."""
    return np.random.default_rng(count).integers(1, 1 << 16, count).astype(np.float64)


def _close(first: Array, second: Array, within: float = 1e-6) -> bool:
    same = first == second
    if np.all(same):
        return True
    near = np.abs(first - second) <= within * np.abs(second)  # False beside infinities, which are the same or are not
    return bool(np.all(same | near | ((first != first) & (second != second))))


def _stretches(shape: Shape, to: Shape) -> bool:
    """Return True if a tensor of a shape is stretched to another by broadcasting."""
    return len(shape) <= len(to) and all(own in (1, size) for own, size in zip(shape[::-1], to[::-1], strict=False))


def _stretched(shape: Shape, to: Shape, letters: str = LETTERS) -> str:
    """Return the letters of a tensor that is stretched to a shape."""
    first = len(to) - len(shape)
    return "".join(letters[first + axis] if size == to[first + axis] else ONE_BY_ONE for axis, size in enumerate(shape))


def _axes_moved(results: Array, argument: Shape, result: Shape) -> tuple[str, str] | None:
    """Return the letters for entries that are all moved along with their axes."""
    if np.array_equal(results, np.arange(len(results))):
        return ALL, ALL
    letters = [LETTERS[axis] if size > 1 else ONE_BY_ONE for axis, size in enumerate(argument)]
    steps = [math.prod(argument[axis + 1 :]) for axis in range(len(argument))]
    came_from = np.argsort(results).reshape(result)
    made = ""
    for axis, size in enumerate(result):
        if size == 1:
            made += ONE_BY_ONE
            continue
        step = came_from.take(1, axis).flat[0]
        own = [at for at, length in enumerate(argument) if length == size > 1 and steps[at] == step]
        if not own:
            return None
        made += letters[own[0]]
    return ("".join(letters), made) if _is_that(came_from, "".join(letters), made, argument) else None


def _is_that(came_from: Array, argument: str, result: str, shape: Shape) -> bool:
    if len(set(result) - {ONE_BY_ONE}) < len(result.replace(ONE_BY_ONE, "")):
        return False
    numbered = np.arange(math.prod(shape)).reshape(tuple(size for size in shape if size > 1))
    own, made = argument.replace(ONE_BY_ONE, ""), result.replace(ONE_BY_ONE, "")
    return np.array_equal(np.einsum(f"{own}->{made}", numbered).ravel(), came_from.ravel())


# --- changes in place to a part -------------------------------------------------------------------------------------------


def _of_a_part(applied: Applied, place: int, work: int) -> Link | None:
    """Write the link of a change in place to a part of a tensor: that of the change, with the places in the whole."""
    assert applied.part is not None
    whole, result = applied.operands[0], applied.results[0]
    where = applied.part
    places = strides.part(np.arange(math.prod(whole.shape)).reshape(whole.shape), *where)
    if len(np.unique(places)) < places.size:
        return None

    def part(operand: Operand) -> Operand:
        array = np.array(strides.part(_array_of(operand), *where))
        return Operand(operand.id, operand.name, operand.named, array, operand.value, array.shape)

    inner = replace(
        applied,
        operands=(part(whole), *applied.operands[1:]),
        results=(part(result),),
        output_shape=places.shape,
        part=None,
    )
    edge = _Edge(inner, place)
    link = edge.link(work)
    if link is None:
        return None
    feeds, results, factors = entries(link, edge.argument.shape, edge.shapes, edge.numbers(link))
    results = places.ravel()[results]
    size = edge.argument.size
    if place == 0:
        rest = np.setdiff1d(np.arange(math.prod(whole.shape)), places)
        feeds = np.concatenate([places.ravel()[feeds], rest])
        results, factors = np.concatenate([results, rest]), np.concatenate([factors, np.ones(len(rest))])
        size = math.prod(whole.shape)
    kept = factors != 0
    feeds, results, factors = feeds[kept], results[kept], factors[kept]
    order = np.lexsort((results, feeds))
    starts = np.concatenate([[0], np.cumsum(np.bincount(feeds, minlength=size))])
    return edge._table(starts, results[order], factors[order])
