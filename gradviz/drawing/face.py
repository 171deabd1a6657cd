"""What a picture shows at one moment, as plain dictionaries keyed by the parts of the picture.

The picture on disk is written from a face, and the player is sent the differences between faces: there is one source
of truth for what a moment looks like.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.drawing.bars import Bars, entries
from gradviz.drawing.block import BlockCard
from gradviz.drawing.blockface import shown_numbers
from gradviz.drawing.blocknumbers import OF_UPDATE, RATIO, norm
from gradviz.drawing.body import Body, grid
from gradviz.drawing.options import Options
from gradviz.drawing.palette import NOT_YET, shaded
from gradviz.drawing.rasters import map_raster, photo_raster, saliency_raster
from gradviz.drawing.scales import role_of
from gradviz.drawing.statistics import statistics
from gradviz.drawing.text import clean
from gradviz.drawing.view import Arrow, Card, Disc, View, sum_text
from gradviz.recording import number_text, shape_text
from gradviz.recording.model import Gradient, Moment, RecordedOperation, Recording, Value
from gradviz.recording.values import entries_of

THINNEST, THICKEST = 1.4, 4.6

PENDING = "·"
"""What is not computed yet: not a zero."""


PARTS = ("text", "fill", "image", "state", "width", "path", "label")
"""What a face is in parts: the names of its fields."""


@dataclass(frozen=True)
class Face:
    """How every part looks at one moment.

    Attributes
    ----------
    text
        Of numbers, statistics and edge labels.
    fill
        The shades of a heatmap's cells, row by row, a sign for each as `palette.shaded` writes them.
    image
        Of what is an image of its own: its address, with all of it inside.
    state
        ``pending``, ``forward``, ``partial`` or ``done`` of cards and discs; ``pending``, ``forward`` or ``backward`` of
        edges.
    width
        Of edges' lines.
    path
        What bars and marks do, as the paths of an SVG.
    label
        What a screen reader says of a card or disc.
    """

    text: dict[str, str] = field(default_factory=dict)
    fill: dict[str, str] = field(default_factory=dict)
    image: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    width: dict[str, float] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    label: dict[str, str] = field(default_factory=dict)

    def take(self, other: Face) -> dict[str, dict[str, Any]]:
        """Take over how another face shows its parts, and return what that changed."""
        changed = {}
        for part in PARTS:
            mine, theirs = getattr(self, part), getattr(other, part)
            changed[part] = {key: value for key, value in theirs.items() if mine.get(key) != value}
            mine.update(changed[part])
        return changed


def face(recording: Recording, view: View, step: int = -1) -> Face:
    """Return what the picture shows after a step.

    Parameters
    ----------
    recording
        What was computed.
    view
        How it is shown.
    step
        Which moment; negative numbers count from the end.

    Raises
    ------
    IndexError
        If there is no such step.
    """
    shown = Face()
    show(shown, view, recording.at(step), view.cards, view.discs, view.arrows)
    return shown


def show(
    shown: Face, view: View, moment: Moment, cards: Iterable[Card], discs: Iterable[Disc], arrows: Iterable[Arrow]
) -> None:
    """Enter into a face how some of a picture's parts look at a moment."""
    for card in cards:
        _show_card(shown, card, view, moment)
    for disc in discs:
        operation = disc.operation
        forward = any(output in moment.values for output in operation.outputs)
        done = f"backward:{operation.id}" in moment.done
        shown.state[operation.id] = "done" if done else "forward" if forward else "pending"
        shown.label[operation.id] = ", ".join(
            part for part in (clean(operation.name), clean(operation.grad_fn or ""), _progress(forward, done)) if part
        )
        if disc.block is not None:
            texts, paths = shown_numbers(operation.id, disc.block, forward, done, view.options)
            shown.text.update(texts)
            shown.path.update(paths)
            shown.label[operation.id] = _block_label(disc.block, texts, _progress(forward, done))
        if disc.bars is not None:
            _show_bars(shown, operation, disc.bars, moment if forward else None, done or not disc.bars.waits)
    for arrow in arrows:
        _show_arrow(shown, arrow, view, moment)


def _block_label(block: BlockCard, texts: dict[str, str], progress: str) -> str:
    shapes = "".join(piece for piece, _ in block.shapes)
    ratio = RATIO if block.numbers.update is None else OF_UPDATE
    norms = []
    for key, value in texts.items():
        part = key.rpartition("_")[2]
        if part.endswith("n"):  # the ratio of the card, or the length of the gradient of what it passes on: "t = 2"
            norms.append(f"{ratio} {value}" if part == "n" else f"{part.replace('n', '')} ‖∂‖ {value}")
    return ", ".join(part for part in (block.title, block.subtitle, shapes, block.parameters, *norms, progress) if part)


def _progress(forward: bool, done: bool) -> str:
    return text("passed on" if done else "is computed" if forward else "pending")


def _show_bars(shown: Face, operation: RecordedOperation, bars: Bars, moment: Moment | None, ended: bool) -> None:
    """Show predictions and targets once they are computed, and their differences once the gradient has been passed on."""
    lines = range(len(bars.labels))
    known = None if moment is None else entries(operation, moment, len(lines))
    predictions, targets = (None, None) if known is None else known
    differences = predictions - targets if predictions is not None and targets is not None and ended else None
    for part, numbers in (("p", predictions), ("y", targets), ("d", differences)):
        if part == "p" or len(bars.captions) > 1:
            for line in lines:
                # An example that does not count has no target.
                none = part != "p" and targets is not None and bars.captions[0] == "p" and math.isnan(targets[line])
                told = PENDING if numbers is None else "none" if none else number_text(float(numbers[line]))
                shown.text[f"{operation.id}_{part}{line}"] = told

    def path(numbers: Any, draw: Callable[[int, float], str]) -> str:
        return (
            "" if numbers is None else "".join(draw(k, float(numbers[k])) for k in lines if math.isfinite(numbers[k]))
        )

    shown.path[f"{operation.id}_bp"] = path(
        predictions, lambda line, value: bars.rectangle(line, value, bars.scale, signed=bars.signed)
    )
    if len(bars.captions) > 1:
        shown.path[f"{operation.id}_by"] = path(targets, bars.mark)
        shown.path[f"{operation.id}_bd"] = path(
            differences, lambda line, value: bars.rectangle(line, value, bars.spread, signed=True)
        )


def _show_card(shown: Face, card: Card, view: View, moment: Moment) -> None:
    id = card.tensor.id
    value, gradient = moment.values.get(id), moment.gradients.get(id)
    if value is None:
        state = "pending"
    elif gradient is None:
        state = "forward"
    else:
        state = "done" if gradient.complete else "partial"
    shown.state[id] = state
    shown.label[id] = _card_label(card, value, gradient)
    if card.has_value:
        _show_numbers(shown, card, "v", value, value, view)
    if card.shared is not None:
        _show_weights(shown, card, card.shared.tensors, moment, view.options)
    elif card.has_gradient:
        _show_numbers(shown, card, "g", gradient.value if gradient else None, value, view)
        if card.meets and gradient is not None:
            shown.text[f"{id}_g0"] = sum_text(card.meets, moment, gradient, view.options)


def _show_weights(shown: Face, card: Card, tensors: Sequence[str], moment: Moment, options: Options) -> None:
    """Show of weights that several blocks share how large their gradient, or update, is beside them, once it is complete."""
    gradients = [moment.gradients.get(id) for id in tensors]
    weights = [moment.values.get(id) for id in tensors]
    told = PENDING
    if all(gradient is not None and gradient.complete for gradient in gradients) and None not in weights:
        size = norm(value for value in weights if value is not None)
        found = norm(gradient.value for gradient in gradients if gradient is not None)
        if card.shared is not None and card.shared.update is not None:
            found = card.shared.update
        told = options.number(found / size, 2) if size else PENDING
    if card.shared is not None and card.shared.told:
        shown.text[f"{card.tensor.id}_n"] = told


def _show_numbers(shown: Face, card: Card, part: str, numbers: Value | None, value: Value | None, view: View) -> None:
    """Show the numbers of a tensor's value ("v"), or of its gradient ("g"), which an image has over its `value`."""
    key, body, options = f"{card.tensor.id}_{part}", card.body, view.options
    if body.kind == "empty":
        shown.text[f"{key}0"] = "empty" if numbers is not None else PENDING
    elif body.kind == "numbers":
        for place in range(body.count):
            known = numbers is not None and numbers.data is not None
            shown.text[f"{key}{place}"] = options.entry(numbers, place) if numbers is not None and known else PENDING
    elif card.photo is not None and body.raster == "photo":
        if part == "v":
            shown.image[key] = photo_raster(value, body, card.photo, options.palette)
        else:
            shown.image[key] = saliency_raster(
                numbers, value, body, card.photo, view.scales["saliency"], options.palette
            )
    else:
        scale = view.scales.get(role_of(card.tensor, part), 1.0)  # of gradients that are not there yet there is none
        if body.raster:
            shown.image[key] = map_raster(numbers, body, scale, options.palette)
        else:
            shown.fill[key] = NOT_YET * body.count if numbers is None else shaded(cells(numbers, body), scale)
        if body.has_statistics:
            lines = (PENDING, "") if numbers is None else statistics(numbers)
            shown.text[f"{key}s0"], shown.text[f"{key}s1"] = lines


def cells(value: Value, body: Body) -> Iterator[float]:
    """Return the number behind each cell of a heatmap: an entry, or the mean of a block of them."""
    shown = value if value.data is not None else value.preview
    assert shown is not None
    assert shown.data is not None
    layers, rows, columns = grid(shown.shape)
    if (layers, rows, columns) == (body.layers, body.rows, body.columns):
        yield from shown.data
        return
    for layer in range(body.layers):
        start = layer * rows * columns
        for row in range(body.rows):
            top, bottom = row * rows // body.rows, (row + 1) * rows // body.rows
            for column in range(body.columns):
                left, right = column * columns // body.columns, (column + 1) * columns // body.columns
                block = [shown.data[start + i * columns + j] for i in range(top, bottom) for j in range(left, right)]
                yield sum(block) / len(block)


def _show_arrow(shown: Face, arrow: Arrow, view: View, moment: Moment) -> None:
    operation, into = arrow.operation, arrow.operation == arrow.head
    gradient = None
    if into:
        contribution = moment.contributions.get(arrow.key) if arrow.carries_gradient else None
        gradient = None if contribution is None else contribution.value
        flowed = arrow.tail in moment.values and f"forward:{operation}" in moment.done
    else:
        flowed = arrow.head in moment.values
        if f"backward:{operation}" in moment.done and arrow.carries_gradient:
            arrived = moment.gradients.get(arrow.head)
            gradient = None if arrived is None else arrived.value
    if not view.back:
        gradient = None
    shown.state[arrow.key] = "backward" if gradient is not None else "forward" if flowed else "pending"
    shown.width[arrow.key] = THINNEST if gradient is None else line_width(gradient)
    if arrow.label:
        shown.text[f"{arrow.key}_l"] = arrow.label if flowed else ""


def line_width(gradient: Value) -> float:
    """Return how thick a line is on which a gradient came back: by the logarithm of its root mean square.

    A gradient of 1 is in the middle; a thousand times more or less is as thick or thin as it gets.
    """
    known = entries_of(gradient)
    if known is None and gradient.preview is not None:
        known = entries_of(gradient.preview)
    numbers = np.zeros(0) if known is None else known.astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)].tolist()
    size = math.hypot(*finite) / math.sqrt(len(finite) or 1)
    if size == 0:
        return THINNEST
    share = (max(-3.0, min(3.0, math.log10(size))) + 3) / 6
    return round(THINNEST + share * (THICKEST - THINNEST), 2)


def _card_label(card: Card, value: Value | None, gradient: Gradient | None) -> str:
    tensor = card.tensor
    parts = [clean(tensor.name)[:200], tensor.role]
    if tensor.shape:
        parts.append(f"shape {shape_text(tensor.shape)}")
    if card.photo is not None and card.body.raster == "photo":
        parts += [text("drawn as image"), *card.body.said]
    parts.append(f"value {_spoken(value)}")
    if tensor.requires_grad:
        parts.append(f"gradient {_spoken(gradient.value if gradient else None)}")
        if gradient is not None and gradient.replaced is not None:
            arrived, made = (_spoken(part) for part in gradient.replaced)
            parts.append(text("hooked", arrived=arrived, made=made))
    return ", ".join(parts)


def _spoken(value: Value | None) -> str:
    if value is None:
        return text("pending")
    if math.prod(value.shape) > 16 or value.data is None:
        return ", ".join(filter(None, statistics(value)))
    return " ".join(Options().entry(value, place) for place in range(len(value.data))) or "empty"
