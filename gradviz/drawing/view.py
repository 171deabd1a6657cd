"""From a recording to a view: which cards, discs and arrows there are, how large, and where things sit in a card.

A view depends on the whole recording and on no single moment of it, so that nothing moves while one steps through.
All lengths are in pixels of the finished picture. The file is longer than others since sizes depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from gradviz.drawing import room
from gradviz.drawing.alarms import notes_of
from gradviz.drawing.bars import Bars, bars, columns
from gradviz.drawing.block import BlockCard, blocks_of, shapes_told, sized
from gradviz.drawing.blocknumbers import Whole
from gradviz.drawing.body import NO_BODY, NUMBER_SIZE, ROW, STAT_SIZE, Body, alone, body_of
from gradviz.drawing.clusters import Cluster, clusters_of
from gradviz.drawing.options import Options
from gradviz.drawing.photos import Photo
from gradviz.drawing.scales import Scales, in_colours, scales_of
from gradviz.drawing.sharing import Shared, shared, with_shared, without_others
from gradviz.drawing.statistics import statistics
from gradviz.drawing.text import clean, mono_width, shorten, width
from gradviz.recording import shape_text, shown
from gradviz.recording.model import (
    Argument,
    Gradient,
    Graph,
    Moment,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Value,
)
from gradviz.recording.strange import Strange, first_strange

NAME_SIZE, SHAPE_SIZE, CAPTION_SIZE, LABEL_SIZE = 14.0, 12.0, 11.0, 12.0
NOTE_SIZE, NOTE_LINE = 11.0, 14.0
PADDING = 10.0
HEADER = 27.0
CAPTION = 42.0
BETWEEN = 7.0
DOT = 10.0
"""A result of which there is nothing to say on its line."""

LONGEST_NAME = 26
LONGEST_LABEL = 30
LONGEST_STATISTICS = 26

MOST_MEETING = 3
"""Gradients that meet are written as a sum if they are no more than this."""


@dataclass(frozen=True, slots=True)
class Card:
    """A tensor's place in the picture.

    Attributes
    ----------
    form
        ``card``; ``pill``: a constant, just its number; ``chip``: an intermediate result in a compact picture, its number
        or its shape, on the line.
    has_value, has_gradient
        Whether there is room for the numbers of either.
    meets
        Where several gradients meet in one number: the edges they come along, for ``3 + 4 = 7``.
    photo
        How its numbers are those of an image, if they are.
    shared
        Of tensors that are drawn together, what their card says.
    """

    tensor: RecordedTensor
    name: str
    shape: str
    body: Body
    has_value: bool
    has_gradient: bool
    form: Literal["card", "pill", "chip"]
    width: float
    height: float
    meets: tuple[str, ...] = ()
    photo: Photo | None = None
    shared: Shared | None = None


@dataclass(frozen=True, slots=True)
class Disc:
    """An operation's place in the picture: a circle, or a rounded box where there is more to say than a sign.

    Attributes
    ----------
    notes
        Small lines under the symbol: of a fold, what is in it; and what was asked for with `show`.
    bars
        Of a softmax or a loss, its probabilities.
    block
        Of a folded module, what stands on its card.
    alarm
        Whether it is marked: the path is cut here, or the first nan was made here.
    """

    operation: RecordedOperation
    symbol: str
    notes: tuple[str, ...]
    width: float
    height: float
    bars: Bars | None = None
    block: BlockCard | None = None
    alarm: bool = False

    @property
    def round(self) -> bool:
        """Whether it is a circle."""
        return self.width == self.height and self.bars is None and self.block is None


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
        Whether a gradient may come back along it, and be shown there.
    """

    key: str
    operation: str
    tail: str
    head: str
    label: str
    label_width: float
    carries_gradient: bool


@dataclass(frozen=True)
class View:
    """Everything that will be drawn, with sizes and without places."""

    options: Options
    direction: Literal["LR", "TB"]
    cards: tuple[Card, ...]
    discs: tuple[Disc, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[Cluster, ...]
    scales: Scales
    back: Literal["", "turned", "beside"] = ""
    """How gradients are shown on arrows: not at all; the arrow turns; or on a lane beside it."""
    note: str = ""
    """What was folded or shortened so that the picture can be read."""
    hint: str = ""
    """The option that takes it back."""
    about: str = ""
    """What holds for all cards of blocks."""
    remarks: tuple[str, ...] = ()
    """What is to be known of how the recording came about."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Ids of what stands in a row: steps through time, and the h that they pass on."""
    beside: tuple[tuple[str, str], ...] = ()
    """Steps through time and what enters them there: they stand side by side, across the direction of the picture."""


def view(
    recording: Recording,
    options: Options = Options(),  # noqa: B008 (frozen)
    images: Mapping[str, Photo] = MappingProxyType({}),
    *,
    leaves: bool = True,
    whole: Whole | None = None,
) -> View:
    """Choose how a recording is shown.

    Parameters
    ----------
    recording
        What was computed.
    options
        How it is to look; a `detail` of ``"auto"`` counts as ``"full"`` here, a `direction` as ``"LR"``.
    images
        Which tensors are drawn as images, by their ids.
    leaves
        Whether the tensors that are no intermediate results have their numbers in a compact picture, too.
    whole
        Where blocks are looked up, for one who makes several views of one computation.
    """
    graph = recording.graph
    values, gradients = _all_numbers(recording)
    names = _names_on_cards(recording, dict(options.names))
    last = recording.at() if recording.frames else None
    edges = _edges_back(recording)
    blocks = blocks_of(recording, options, whole)
    names |= blocks.states
    told = shapes_told(graph, blocks.cards)
    cards = tuple(
        _card(
            tensor,
            [*values.get(tensor.id, ()), *gradients.get(tensor.id, ())],
            names[tensor.id],
            options,
            leaves,
            edges.get(tensor.id, ()),
            last,
            images.get(tensor.id),
            # What steps through time pass on is of one shape, and called by its usual name.
            state=tensor.id in blocks.states,
            shape_told=tensor.id in told,
        )
        for tensor in graph.tensors
    )
    strange = first_strange(recording)
    discs = tuple(
        _of_block(operation, blocks.cards[operation.id])
        if operation.id in blocks.cards
        else _disc(operation, recording, options, last, strange)
        for operation in graph.operations
    )
    arrows = []
    for operation in graph.operations:
        for argument in operation.inputs:
            arrows.append(_arrow_in(operation, argument, graph, options))
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
    together = shared(graph)
    cards, arrows = with_shared(together, cards, dict(recording.updates), options), without_others(together, arrows)
    return View(
        options,
        "LR" if options.direction == "auto" else options.direction,
        cards,
        discs,
        tuple(arrows),
        clusters_of(graph, [card.tensor for card in cards]),
        scales_of(in_colours(cards, values, gradients), one=options.scale == "one"),
        back=_back(recording, options),
        about=blocks.note,
        remarks=recording.remarks,
        rows=blocks.rows,
        beside=tuple(pair for pair in blocks.beside if pair[1] in {card.tensor.id for card in cards}),
    )


def _back(recording: Recording, options: Options) -> Literal["", "turned", "beside"]:
    """An arrow turns only where everything is a number and no module is drawn: else the flow of data stays as it is."""
    some = any(frame.phase == "backward" for frame in recording.frames)
    if not some or options.detail == "structure" or not options.shows("grads"):
        return ""
    graph = recording.graph
    numbers = not graph.modules and all(tensor.shape == () for tensor in graph.tensors)
    return "turned" if numbers else "beside"


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


def _names_on_cards(recording: Recording, others: dict[str, str]) -> dict[str, str]:
    """Return a name for each tensor's card, by the tensor's id: what is cut short is still no other's name."""
    names = {tensor.id: clean(others.get(tensor.name, tensor.name)) for tensor in recording.graph.tensors}
    taken = {name for name in names.values() if len(name) <= LONGEST_NAME}
    for id, name in names.items():
        if len(name) > LONGEST_NAME:
            # What differs is rather at the end: of a path, or of a count.
            ways = (f"{name[:head].rstrip()}…{name[head + 1 - LONGEST_NAME :]}" for head in (*range(8, 20, 2), 4))
            names[id] = next((way for way in ways if way not in taken), name)
            taken.add(names[id])
    return names


def _card(
    tensor: RecordedTensor,
    shown: list[Value],
    name: str,
    options: Options,
    leaves: bool,
    edges: tuple[str, ...],
    last: Moment | None,
    photo: Photo | None,
    *,
    state: bool = False,
    shape_told: bool = False,
) -> Card:
    shape = shape_text(tensor.shape) if tensor.shape and options.shows("shapes") and not state else ""
    structure = options.detail == "structure"
    if tensor.role == "constant" and tensor.shape == ():
        pill_width = mono_width("0" * room.room(len(name), room.IN_A_PILL), NUMBER_SIZE) + 1.4 * PADDING
        return Card(tensor, name, "", NO_BODY, False, False, "pill", round(pill_width), 26.0)
    numbers = options.detail in ("full", "auto") or tensor.shape == () or (leaves and tensor.role != "intermediate")
    numbers = numbers and not structure
    has_value = numbers and options.shows("values")
    has_gradient = numbers and tensor.requires_grad and options.shows("grads")
    body = body_of(tensor, shown, options, photo) if has_value or has_gradient else NO_BODY
    parts = has_value + has_gradient
    meets: tuple[str, ...] = ()
    gradient = (
        last.gradients.get(tensor.id) if last is not None and has_gradient and options.detail != "compact" else None
    )
    if last is not None and gradient is not None and edges:
        meets = edges if len(edges) > 1 or gradient.before is not None or gradient.replaced is not None else ()
        text = sum_text(meets, last, gradient, options)
        if meets:
            body = replace(body, cell_width=max(body.cell_width, alone(room.of_sum(text, len(meets)))))
    if tensor.role == "intermediate" and options.detail in ("compact", "structure"):
        named = tensor.named or state
        quiet = shape_told and not named
        return _chip(tensor, name if named else "", "" if quiet else shape, body, has_value, has_gradient)
    header = room.text_width(name, NAME_SIZE, bold=True) + (14 + width(shape, SHAPE_SIZE) if shape else 0)
    cells = CAPTION + body.width + (0 if body.kind == "numbers" else 2) if parts else 0.0
    told = [line for value in shown * body.has_statistics for line in statistics(value)]
    lines = max((mono_width(line, STAT_SIZE) for line in body.said), default=0.0)
    if told:
        longest = max(map(len, told))
        lines = max(lines, mono_width("0" * room.room(longest, LONGEST_STATISTICS, 6), STAT_SIZE))
    inner = max(header, cells, lines, 72.0 if parts else 24.0)
    height = HEADER + parts * body.height + (parts - 1) * BETWEEN + PADDING if parts else HEADER + 3
    wide = round(inner + 2 * PADDING)
    return Card(tensor, name, shape, body, has_value, has_gradient, "card", wide, round(height), meets, photo)


def _chip(tensor: RecordedTensor, name: str, shape: str, body: Body, has_value: bool, has_gradient: bool) -> Card:
    """An intermediate result in a few characters: the user's name for it, its number and its gradient, or its shape."""
    text = width(name, SHAPE_SIZE, bold=True)
    if body.kind != "numbers":
        lines = bool(name) + bool(shape)
        if not lines:
            return Card(tensor, name, shape, NO_BODY, False, False, "chip", DOT, DOT)
        text = max(text, width(shape, SHAPE_SIZE))
        return Card(tensor, name, shape, NO_BODY, False, False, "chip", round(text + 12), round(lines * ROW + 2))
    high = (bool(name) + has_value + has_gradient) * ROW + 4
    wide = max(body.width, text) + 8
    return Card(tensor, name, "", body, has_value, has_gradient, "chip", round(wide), round(high))


def _disc(
    operation: RecordedOperation, recording: Recording, options: Options, last: Moment | None, strange: Strange | None
) -> Disc:
    folded = operation.block is not None
    symbol = shorten(operation.symbol, 30 if folded else 14)
    marked = notes_of(operation, strange)
    notes = tuple(shorten(note, 34) for note in (*marked, *_notes(operation, recording, options)))
    text = width(symbol, symbol_size(symbol), bold=True)
    detailed = last is not None and options.detail in ("auto", "full") and options.shows("values")
    if last is not None and detailed and (shown := bars(operation, recording, last)) is not None:
        *_, (_, _, end) = columns(shown, 0, mono_width("0", STAT_SIZE))
        notes += tuple(note for note in shown.notes)
        wide = max([end, text, *(width(note, NOTE_SIZE) for note in notes)]) + 2 * PADDING
        high = HEADER + shown.height + NOTE_LINE * len(notes) + PADDING
        return Disc(operation, symbol, notes, round(wide), round(high), shown, alarm=bool(marked))
    if text <= 26 and not notes:
        return Disc(operation, symbol, (), 38.0, 38.0)
    widest = max([text, *(room.text_width(note, NOTE_SIZE, room.IN_A_ROW) for note in notes)])
    high = round(36.0 + (10 if folded or marked else 0) + NOTE_LINE * len(notes))
    return Disc(operation, symbol, notes, round(widest + 26), high, alarm=bool(marked))


def _of_block(operation: RecordedOperation, card: BlockCard) -> Disc:
    return Disc(operation, shorten(operation.symbol, 30), (), card.width, card.height, block=card)


def _notes(operation: RecordedOperation, recording: Recording, options: Options) -> list[str]:
    """What is written small below an operation's symbol."""
    notes = []
    if operation.block is not None:
        graph = recording.graph
        if options.shows("shapes"):
            ends = [graph.tensor(argument.tensor) for argument in operation.inputs[:1]]
            ends += [graph.tensor(output) for output in operation.outputs[-1:]]
            if any(tensor.shape for tensor in ends):
                notes.append(" → ".join(sized(tensor.shape) for tensor in ends))
        if operation.block.parameters:
            notes.append(f"{operation.block.parameters:,} parameters".replace(",", " "))
    if options.shows("saved") and operation.saved:
        graph = recording.graph
        ids = {tensor.id for tensor in graph.tensors}
        kept = [graph.tensor(what).name if what in ids else f"{name} = {what}" for name, what in operation.saved]
        notes.append(f"saves {', '.join(kept)}")
    if options.shows("source") and operation.source is not None:
        notes.append(f"line {operation.source.line}")
    return notes


def symbol_size(symbol: str) -> float:
    """Return the size of an operation's symbol: signs large, words smaller."""
    return 19.0 if len(symbol) <= 2 else 15.0


def _edges_back(recording: Recording) -> dict[str, tuple[str, ...]]:
    """For each number, the edges along which gradients come back to it, if there are two or three."""
    numbers = {tensor.id for tensor in recording.graph.tensors if tensor.shape == ()}
    found: dict[str, list[str]] = {}
    sent = {c.argument for frame in recording.frames for c in frame.contributions}
    for _, argument in recording.graph.arguments():
        if argument.id in sent and argument.tensor in numbers:
            found.setdefault(argument.tensor, []).append(argument.id)
    return {tensor: tuple(edges) for tensor, edges in found.items() if len(edges) <= MOST_MEETING}


def sum_text(meets: tuple[str, ...], moment: Moment, gradient: Gradient, options: Options) -> str:
    """Write a gradient that several paths brought, as their sum: ``3 + 4 = 7``; what a hook made of it as ``7 → 14``."""
    arrived = [contribution.value for edge, contribution in moment.contributions.items() if edge in meets]
    if gradient.replaced is not None:
        hooked = " → ".join(options.entry(value, 0) for value in gradient.replaced if value.data)
        if gradient.before is None or not gradient.before.data or not gradient.value.data:
            return hooked
        return f"{options.entry(gradient.before, 0)} + ({hooked}) = {options.entry(gradient.value, 0)}"
    parts = [value for value in (gradient.before, *arrived) if value is not None and value.data]
    if not gradient.value.data:
        return "0"
    if not 2 <= len(parts) <= MOST_MEETING:
        return options.entry(gradient.value, 0)
    terms, total, sign = [options.entry(part, 0) for part in parts], options.entry(gradient.value, 0), "="
    if options.number_format is None:
        numbers = [part.data[0] for part in parts if part.data]
        right = shown(numbers, gradient.value.data[0], lambda *terms: sum(terms), gradient.value.dtype)
        terms, total, sign = [str(text) for text in right.operands], str(right.result), right.relation
    first, *others = terms
    written = "".join(f" − {other[1:]}" if other.startswith("−") else f" + {other}" for other in others)
    return f"{first}{written} {sign} {total}"


def _arrow_in(operation: RecordedOperation, argument: Argument, graph: Graph, options: Options) -> Arrow:
    tensor = graph.tensor(argument.tensor)
    label = edge_label(argument, tensor) if options.shows("local") and options.detail in ("auto", "full") else ""
    carries = operation.grad_fn is not None and tensor.requires_grad
    if not label:
        return Arrow(argument.id, operation.id, tensor.id, operation.id, "", 0.0, carries)
    # A number by itself is what it is, as the 1 of a sum, unless a number was written where it comes from.
    fixed = not any(graph.tensor(other.tensor).role == "constant" for other in operation.inputs)
    grown = label if fixed and label == argument.local else _with_room(argument, label)
    wide = max(width(label, LABEL_SIZE), width(grown, LABEL_SIZE)) + 10
    return Arrow(argument.id, operation.id, tensor.id, operation.id, label, wide, carries)


def edge_label(argument: Argument, tensor: RecordedTensor) -> str:
    """Write a local derivative on its edge: ``∂/∂w = x = 5``, or just the factor where that is all there is to say."""
    if not argument.local:
        return ""
    # What a product multiplies the gradient that arrives with, on its side: g is that gradient.
    written = argument.local
    written = f"g·{written[2:]}" if written.startswith("· ") else written
    written = f"{written[:-2]}·g" if written.endswith(" ·") else written
    forms = [written]
    if argument.local_number:
        forms = [f"{argument.local} = {argument.local_number}", argument.local_number]
        if len(tensor.name) <= 4:
            name = tensor.name if tensor.named else f"({tensor.name})"
            forms.insert(0, f"∂/∂{name} = {forms[0]}")
    fitting = next((form for form in forms if len(_with_room(argument, form)) <= LONGEST_LABEL), forms[-1])
    return shorten(fitting, LONGEST_LABEL)


def _with_room(argument: Argument, label: str) -> str:
    """Return a label with its numbers grown to where they may grow."""
    number = argument.local_number
    written = label.removesuffix(number) if number else label
    return room.roomy(written) + (room.roomy(number, room.ON_AN_ARROW) if len(written) < len(label) else "")
