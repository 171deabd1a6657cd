"""Probabilities as bars: what a model says, what was to be said, and the difference, which is the gradient.

A softmax has a bar for each of its probabilities. A loss has bars for the predictions it was given, a mark on each where the
target is, and bars for prediction minus target. All of it is worked out from what a recording says of the operation's
arguments and settings; where bars stand depends on no single moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.drawing.room import room
from gradviz.recording import number_text
from gradviz.recording.crossentropy import softmax
from gradviz.recording.model import Moment, RecordedOperation, Recording, Value

MOST_LINES = 12
"""Bars below each other; of more examples the first are shown."""

LINE, APART, HEAD = 15.0, 4.0, 17.0
BAR, SPACE = 58.0, 9.0

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars in an operation's box.

    Attributes
    ----------
    labels
        The index of the entry that each line is about, as in the code: ``"2,0"``.
    starts
        The lines at which a new example begins.
    captions
        Above the columns: of the predictions, the targets and the differences; or of the predictions only.
    scale, spread
        The largest prediction or target, and the largest difference; a whole bar is as long.
    signed
        Whether there may be predictions below zero: then bars begin in the middle.
    digits
        How many characters the widest number of each column has.
    waits
        True where differences are shown once the gradient has been passed on.
    notes
        What the ticks mark; how many examples are shown, if not all; and the gradient in symbols.
    """

    labels: tuple[str, ...]
    starts: frozenset[int]
    captions: tuple[str, ...]
    scale: float
    spread: float
    signed: bool
    digits: tuple[int, ...]
    waits: bool
    notes: tuple[str, ...]

    def top(self, line: int) -> float:
        """Return how far below the top of all the middle of a line is."""
        return HEAD + line * LINE + LINE / 2 + APART * sum(start <= line for start in self.starts if start)

    @property
    def height(self) -> float:
        """Of all lines and what stands above them."""
        return self.top(len(self.labels) - 1) + LINE / 2

    def rectangle(self, line: int, value: float, largest: float, *, signed: bool) -> str:
        """Draw a bar from zero to a value; from the left, or from the middle where values may be negative."""
        room = BAR / 2 if signed else BAR
        length = room * max(-1.0, min(1.0, value / largest)) if largest and np.isfinite(value) else 0.0
        start = room if signed else 0.0
        y = self.top(line) - LINE / 2 + 2.5
        return f"M{start + min(length, 0):.1f} {y:.1f}h{abs(length):.1f}v{LINE - 5:g}h{-abs(length):.1f}z"

    def mark(self, line: int, value: float) -> str:
        """Draw where on its bar a target is; a probability of 0 needs none."""
        if not value and self.captions[0] == "p":
            return ""
        room = BAR / 2 if self.signed else BAR
        place = room * value / self.scale + (room if self.signed else 0.0)
        return f"M{place:.1f} {self.top(line) - LINE / 2 + 0.5:.1f}v{LINE - 1:g}"


def bars(operation: RecordedOperation, recording: Recording, last: Moment) -> Bars | None:
    """Return the bars of an operation, if it is a softmax or a loss of which they can be shown.

    Parameters
    ----------
    operation
        One of the recording's.
    recording, last
        What was computed, and its last moment.
    """
    told = _told(operation, last)
    if told is None or _is_told_by_a_loss(operation, recording):
        return None
    predictions, targets, index = told
    examples, classes = predictions.shape
    if not predictions.size or classes > MOST_LINES:
        return None
    shown = min(examples, MOST_LINES // classes)
    differences = None if targets is None else predictions - targets
    everything = [part[:shown] for part in (predictions, targets, differences) if part is not None]
    longest = [max(len(number_text(float(number))) for number in part.ravel()) for part in everything]
    finite = np.concatenate([part[np.isfinite(part)].ravel() for part in everything[:2]])
    rule = RULES[operation.name]
    scale = float(np.max(np.abs(finite), initial=0.0)) if rule.symbol == "ŷ" else 1.0
    notes = [text("first of", shown=shown, count=examples)] if shown < examples else []
    if rule.gradient and targets is not None and not np.isnan(targets).any():
        notes.append(rule.gradient(dict(operation.attributes), predictions.shape))
    if targets is not None:
        notes.insert(0, text("mark of a class" if rule.gradient is _of_classes else "mark"))
    backward = any(frame.phase == "backward" and frame.current == operation.id for frame in recording.frames)
    return Bars(
        tuple(",".join(map(str, place)) for place in index[: shown * classes]),
        frozenset(range(0, shown * classes, classes)) if classes > 1 else frozenset(),
        (rule.symbol,) if targets is None else (rule.symbol, "y", f"{rule.symbol} − y"),
        scale or 1.0,
        1.0 if rule.symbol != "ŷ" else max(_largest(differences), 1e-300),
        rule.symbol == "ŷ" and bool(np.any(finite < 0)),
        # A target is one of a few numbers, or a number as any other.
        tuple(length if place == 1 and rule.symbol == "p" else room(length, 7) for place, length in enumerate(longest)),
        backward,
        tuple(note for note in notes if note),
    )


def entries(operation: RecordedOperation, moment: Moment, lines: int) -> tuple[Array, Array | None] | None:
    """Return the predictions and targets behind the first lines of an operation's bars; nothing where they are not known."""
    told = _told(operation, moment)
    if told is None:
        return None
    predictions, targets, _ = told
    return predictions.ravel()[:lines], None if targets is None else targets.ravel()[:lines]


def _largest(numbers: Array | None) -> float:
    return 0.0 if numbers is None else float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0))


# --- what each operation says ------------------------------------------------------------------------------------------

Arguments = Mapping[str, Array]
Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """What the bars of an operation are.

    Attributes
    ----------
    symbol
        Of a prediction: ``p`` for a probability, ``ŷ`` for a number of any size.
    predictions
        What they are, of the arguments and the result.
    targets
        In the predictions' shape; nan where there is none. ``None`` for an operation that has none.
    axis
        Along which predictions belong together; ``None`` where each stands for itself.
    gradient
        Writes what the gradient of the loss is, of the settings and how many examples and classes there are.
    """

    symbol: str
    predictions: Callable[[Arguments], Array]
    targets: Callable[[Arguments, Settings], Array] | None = None
    axis: Callable[[int, Settings], int] | None = None
    gradient: Callable[[Settings, tuple[int, ...]], str] | None = None


def _of_scores(scores: Array) -> Array:
    return np.asarray(softmax(scores, _classes(scores.ndim, {})))


def _sigmoid(scores: Array) -> Array:
    return np.asarray(np.where(scores >= 0, 1.0, np.exp(-np.abs(scores))) / (1 + np.exp(-np.abs(scores))))


def _classes(dimensions: int, settings: Settings) -> int:
    return 0 if dimensions == 1 else 1


def _dim(dimensions: int, settings: Settings) -> int:
    return _whole(settings["dim"]) % max(dimensions, 1)


def _whole(text: str) -> int:
    return int(text.replace("−", "-"))


def _right_classes(arguments: Arguments, settings: Settings) -> Array:
    """Return a 1 at the right class of each example, and 0 elsewhere; nothing for an example that does not count."""
    shape, target = arguments["self"].shape, arguments["target"]
    axis = _classes(len(shape), settings)
    classes = np.arange(shape[axis]).reshape([-1 if place == axis else 1 for place in range(len(shape))])
    wide = np.expand_dims(target.reshape([length for place, length in enumerate(shape) if place != axis]), axis)
    return np.where(wide == _whole(settings.get("ignore_index", "-100")), np.nan, wide == classes)


def _over(settings: Settings, count: int) -> str:
    return f" / {count}" if settings.get("reduction") == "1" and count > 1 else ""


def _plainly(settings: Settings) -> bool:
    """Return True if each example counts as much as any other."""
    return all(settings.get(name, "None") == "None" for name in ("weight", "pos_weight"))


def _of_classes(settings: Settings, shape: tuple[int, ...]) -> str:
    return f"∂/∂scores = (p − y){_over(settings, shape[0])}" if _plainly(settings) else ""


def _of_entries(form: str) -> Callable[[Settings, tuple[int, ...]], str]:
    return lambda settings, shape: form + _over(settings, shape[0] * shape[1]) if _plainly(settings) else ""


def _target(arguments: Arguments, settings: Settings) -> Array:
    return np.broadcast_to(arguments["target"], arguments["self"].shape)


RULES = {
    "softmax": Rule("p", lambda given: given["result"], axis=_dim),
    "log_softmax": Rule("p", lambda given: np.exp(given["result"]), axis=_dim),
    "nll_loss": Rule("p", lambda given: np.exp(given["self"]), _right_classes, _classes, _of_classes),
    "cross_entropy": Rule("p", lambda given: _of_scores(given["self"]), _right_classes, _classes, _of_classes),
    "binary_cross_entropy": Rule(
        "p", lambda given: given["self"], _target, gradient=_of_entries("∂/∂p = (p − y)/(p·(1 − p))")
    ),
    "binary_cross_entropy_with_logits": Rule(
        "p", lambda given: _sigmoid(given["self"]), _target, gradient=_of_entries("∂/∂scores = (p − y)")
    ),
    "mse_loss": Rule("ŷ", lambda given: given["self"], _target, gradient=_of_entries("∂/∂ŷ = 2·(ŷ − y)")),
}
"""By the names of operations."""


def _told(operation: RecordedOperation, moment: Moment) -> tuple[Array, Array | None, list[tuple[int, ...]]] | None:
    """Return predictions and targets, a row for each example, and where in the argument the entries of the rows stand."""
    rule = RULES.get(operation.name)
    if rule is None:
        return None
    given = {argument.slot: _array(moment.values.get(argument.tensor)) for argument in operation.inputs}
    given["result"] = _array(moment.values.get(operation.outputs[0]))
    if any(array is None for array in given.values()) or (rule.targets is not None and "target" not in given):
        return None
    arrays = {slot: array for slot, array in given.items() if array is not None}
    settings = dict(operation.attributes)
    with np.errstate(all="ignore"):
        predictions = rule.predictions(arrays)
        targets = None if rule.targets is None else rule.targets(arrays, settings)
    places = np.arange(predictions.size).reshape(predictions.shape)

    def rows(array: Array) -> Array:
        if rule.axis is None or not array.ndim:
            return array.reshape(-1, 1)
        axis = rule.axis(array.ndim, settings)
        return np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])

    order = rows(places).ravel()
    index = [tuple(map(int, np.unravel_index(place, predictions.shape))) for place in order] if order.size else []
    return rows(predictions), None if targets is None else rows(targets), index


def _array(value: Value | None) -> Array | None:
    return None if value is None or value.data is None else np.array(value.data, float).reshape(value.shape)


def _is_told_by_a_loss(operation: RecordedOperation, recording: Recording) -> bool:
    """Return True for the log_softmax of a loss that shows its probabilities, with the targets."""
    if operation.name != "log_softmax":
        return False
    users = [other for other, argument in recording.graph.arguments() if argument.tensor in operation.outputs]
    return bool(users) and all(other.name == "nll_loss" for other in users)


def columns(bars: Bars, left: float, character: float) -> Iterator[tuple[str, float, float]]:
    """Return for each column of bars its caption, where its bars begin, and where its numbers end."""
    x = left + max(map(len, bars.labels)) * character + SPACE
    for place, caption in enumerate(bars.captions):
        has_bars = place != 1  # a target is a mark on the prediction's bar
        end = x + (BAR + SPACE if has_bars else 0) + bars.digits[place] * character
        yield caption, x, end
        x = end + SPACE * 1.6
