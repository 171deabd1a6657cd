"""From a recording to a view: which cards, discs and arrows there are, how large, and where things sit in a card.

A view depends on the whole recording and on no single moment of it, so that nothing moves while one steps through.
All lengths are in pixels of the finished picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradviz.drawing.palette import largest
from gradviz.drawing.statistics import statistics
from gradviz.drawing.text import mono_width, shorten, width
from gradviz.recording import number_text, shape_text
from gradviz.recording.model import Argument, Operation, Recording, Tensor, Value

NAME_SIZE, SHAPE_SIZE, CAPTION_SIZE, NUMBER_SIZE, LABEL_SIZE, STAT_SIZE = 14.0, 12.0, 11.0, 13.0, 12.0, 11.0
PADDING = 10.0
HEADER = 27.0
ROW = 19.0
CAPTION = 40.0
GAP = 10.0
BETWEEN = 7.0
LONGEST_NAME = 22
LONGEST_LABEL = 26

NUMBERS_UP_TO = 4
HEATMAP_UP_TO = 12
WIDEST_ROW = 6
"""A vector of up to this many entries is one row of numbers."""

SCREEN = (1400.0, 850.0)
"""What a picture should fit, scaled down as little as possible: that decides its direction."""

Direction = Literal["LR", "TB"]


@dataclass(frozen=True, slots=True)
class Body:
    """How the numbers of a tensor are shown.

    Attributes
    ----------
    kind
        ``numbers``, ``heatmap``, ``preview`` (a small heatmap of means, with a line of statistics) or ``empty``.
    rows, columns
        Of the cells shown.
    cell_width, cell_height
        Of one cell.
    digits
        How many significant digits a number gets.
    """

    kind: Literal["numbers", "heatmap", "preview", "empty"]
    rows: int
    columns: int
    cell_width: float
    cell_height: float
    digits: int = 4

    @property
    def width(self) -> float:
        """Width of all cells."""
        return self.columns * self.cell_width

    @property
    def height(self) -> float:
        """Height of all cells, and of the line of statistics where there is one."""
        return self.rows * self.cell_height + (STAT_SIZE + 5 if self.kind == "preview" else 0)


@dataclass(frozen=True, slots=True)
class Card:
    """A tensor's place in the picture. A constant is a pill with just its number."""

    tensor: Tensor
    name: str
    shape: str
    body: Body
    has_gradient: bool
    pill: bool
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Disc:
    """An operation's place in the picture: a circle, or a rounded box where its symbol is longer."""

    operation: Operation
    symbol: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge: into an operation, along an argument; or out of one, to its result.

    Attributes
    ----------
    key
        The argument's id, ``"o1_0"``; or the operation's and the tensor's, ``"o1_t3"``.
    operation
        The operation at one of its ends.
    tail, head
        Ids of what it joins, in the direction of the forward pass.
    label
        The local derivative, ``""`` for none.
    carries_gradient
        Whether a gradient may come back along it.
    """

    key: str
    operation: str
    tail: str
    head: str
    label: str
    label_width: float
    carries_gradient: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """A module's frame around what belongs to it."""

    key: str
    path: str
    label: str
    parent: str | None
    members: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """Everything that will be drawn, with sizes and without places."""

    direction: Direction
    cards: tuple[Card, ...]
    discs: tuple[Disc, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[Cluster, ...]
    value_scale: float
    gradient_scale: float


def view(recording: Recording, *, direction: Direction | None = None) -> View:
    """Choose how a recording is shown.

    Parameters
    ----------
    recording
        What was computed.
    direction
        ``"LR"`` for left to right, ``"TB"`` for top to bottom; by default what fits.

    Raises
    ------
    ValueError
        If the direction is neither.
    """
    if direction not in (None, "LR", "TB"):
        raise ValueError(f"direction is {direction!r}; it can be 'LR' (left to right) or 'TB' (top to bottom)")
    graph = recording.graph
    values, gradients = _all_numbers(recording)
    cards = tuple(
        _card(tensor, [*values.get(tensor.id, ()), *gradients.get(tensor.id, ())]) for tensor in graph.tensors
    )
    discs = tuple(_disc(operation) for operation in graph.operations)
    arrows = []
    for operation in graph.operations:
        for argument in operation.inputs:
            arrows.append(_arrow_in(operation, argument, graph.tensor(argument.tensor)))
        for output in operation.outputs:
            arrows.append(
                Arrow(
                    f"{operation.id}_{output}",
                    operation.id,
                    operation.id,
                    output,
                    "",
                    0.0,
                    operation.grad_fn is not None,
                )
            )
    if direction is None:
        direction = _direction(recording, cards, arrows)
    return View(
        direction,
        cards,
        discs,
        tuple(arrows),
        _clusters(recording),
        largest(value for many in values.values() for value in many),
        largest(value for many in gradients.values() for value in many),
    )


def _all_numbers(recording: Recording) -> tuple[dict[str, list[Value]], dict[str, list[Value]]]:
    """Collect what each tensor ever shows, so that its card has room for all of it."""
    values: dict[str, list[Value]] = {}
    gradients: dict[str, list[Value]] = {}
    for frame in recording.frames:
        for id, value in frame.values:
            values.setdefault(id, []).append(value)
        for gradient in frame.gradients:
            gradients.setdefault(gradient.tensor, []).append(gradient.value)
    return values, gradients


def _direction(recording: Recording, cards: tuple[Card, ...], arrows: list[Arrow]) -> Direction:
    """Choose the direction in which the longest way through the picture fits a screen better.

    Left to right if both do; and a little rather from top to bottom, the way pages scroll.
    """
    labels = {arrow.key: arrow.label_width for arrow in arrows}
    across = _longest_way(recording, {card.tensor.id: card.width for card in cards}, labels) / SCREEN[0]
    down = _longest_way(recording, {card.tensor.id: card.height for card in cards}, {}) / SCREEN[1]
    return "LR" if across <= max(1.0, 0.85 * down) else "TB"


def _longest_way(recording: Recording, card_length: dict[str, float], label_length: dict[str, float]) -> float:
    """Return about how long a picture becomes along its direction, in pixels."""
    end = dict(card_length)
    for operation in recording.graph.operations:  # in order of creation, so inputs come first
        start = max((end[a.tensor] + max(label_length.get(a.id, 0), 30.0) for a in operation.inputs), default=0.0)
        for output in operation.outputs:
            end[output] = start + 95.0 + card_length[output]
    return max(end.values(), default=0.0)


def _card(tensor: Tensor, shown: list[Value]) -> Card:
    name = shorten(tensor.name, LONGEST_NAME)
    if tensor.role == "constant" and tensor.shape == ():
        pill_width = mono_width(name, NUMBER_SIZE) + 2 * PADDING
        return Card(tensor, name, "", Body("numbers", 1, 1, 0, 0), False, True, max(pill_width, 30.0), 26.0)
    body = _body(tensor, shown)
    shape = shape_text(tensor.shape) if tensor.shape else ""
    header = width(name, NAME_SIZE, bold=True) + (14 + width(shape, SHAPE_SIZE) if shape else 0)
    cells = CAPTION + body.width + (0 if body.kind == "numbers" else 2)
    lines = (
        max((mono_width(statistics(value), STAT_SIZE) for value in shown), default=0) if body.kind == "preview" else 0
    )
    inner = max(header, cells, lines, 72.0)
    parts = 2 if tensor.requires_grad else 1
    height = HEADER + parts * body.height + (parts - 1) * BETWEEN + PADDING
    return Card(tensor, name, shape, body, tensor.requires_grad, False, round(inner + 2 * PADDING), round(height))


def grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the rows and columns of a tensor seen as a matrix: its last axis across."""
    if not shape:
        return 1, 1
    columns = shape[-1]
    rows = 1
    for length in shape[:-1]:
        rows *= length
    return rows, columns


def _body(tensor: Tensor, shown: list[Value]) -> Body:
    rows, columns = grid(tensor.shape)
    if rows * columns == 0:
        return Body("empty", 1, 1, 40.0, ROW)
    few = (rows <= NUMBERS_UP_TO and columns <= NUMBERS_UP_TO) or (rows == 1 and columns <= WIDEST_ROW)
    if few:
        digits = 4 if rows * columns == 1 else 3
        texts = [number_text(number, digits) for value in shown for number in value.data or ()]
        widest = max((len(text) for text in texts), default=1)
        return Body("numbers", rows, columns, mono_width("0" * widest, NUMBER_SIZE) + GAP, ROW, digits)
    if rows <= HEATMAP_UP_TO and columns <= HEATMAP_UP_TO:
        return Body("heatmap", rows, columns, 14.0, 12.0)
    preview = next((value.preview for value in shown if value.preview is not None), None)
    if preview is not None:
        rows, columns = grid(preview.shape)
    else:  # small enough to be kept in full, too large to be shown so: one block of means or more on each side
        rows, columns = min(rows, HEATMAP_UP_TO), min(columns, HEATMAP_UP_TO)
    return Body("preview", rows, columns, min(max(11.0, 132.0 / columns), 24.0), 11.0)


def _disc(operation: Operation) -> Disc:
    symbol = shorten(operation.symbol, 14)
    text = width(symbol, symbol_size(symbol), bold=True)
    if text <= 26:
        return Disc(operation, symbol, 38.0, 38.0)
    return Disc(operation, symbol, round(text + 26), 36.0)


def symbol_size(symbol: str) -> float:
    """Return the size of an operation's symbol: signs large, words smaller."""
    return 19.0 if len(symbol) <= 2 else 15.0


def _arrow_in(operation: Operation, argument: Argument, tensor: Tensor) -> Arrow:
    label = edge_label(argument, tensor)
    wide = width(label, LABEL_SIZE) + 10 if label else 0.0
    carries = operation.grad_fn is not None and tensor.requires_grad
    return Arrow(argument.id, operation.id, tensor.id, operation.id, label, wide, carries)


def edge_label(argument: Argument, tensor: Tensor) -> str:
    """Write a local derivative on its edge: ``∂/∂w = x = 5``, or just the factor where that is all there is to say."""
    if not argument.local:
        return ""
    forms = [argument.local]
    if argument.local_number:
        forms = [f"{argument.local} = {argument.local_number}", argument.local_number]
        if len(tensor.name) <= 4:
            forms.insert(0, f"∂/∂{tensor.name} = {forms[0]}")
    fitting = next((form for form in forms if len(form) <= LONGEST_LABEL), forms[-1])
    return shorten(fitting, LONGEST_LABEL)


def _clusters(recording: Recording) -> tuple[Cluster, ...]:
    graph = recording.graph
    paths = {module.path for module in graph.modules}
    members: dict[str, list[str]] = {path: [] for path in paths}
    for id, module in [*((t.id, t.module) for t in graph.tensors), *((o.id, o.module) for o in graph.operations)]:
        if module in members:
            members[module].append(id)
    return tuple(
        Cluster(
            f"m{place}",
            frame.path,
            shorten(f"{frame.path} : {frame.label}", 40),
            frame.parent if frame.parent in paths else None,
            tuple(members[frame.path]),
        )
        for place, frame in enumerate(graph.modules)
    )
