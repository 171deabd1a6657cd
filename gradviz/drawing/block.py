"""The card of a block: what of a module is said on it, and how large it is.

A card has a full form, a small one for crowded pictures, and one for a step through time. All numbers that change with a step are
texts and paths with ids, so that the player needs to know nothing of blocks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gradviz.catalogue import text
from gradviz.drawing.blocknumbers import Numbers, Scales, Whole, scales
from gradviz.drawing.options import Options
from gradviz.drawing.room import SHORT, room
from gradviz.drawing.stretches import recurrences
from gradviz.drawing.text import mono_width, shorten, width
from gradviz.recording import number_text, shape_text
from gradviz.recording.model import Block, Graph, RecordedOperation, Recording

TITLE, LINE, SMALL, NUMBER = 14.0, 11.0, 11.0, 12.0
"""Sizes of text: of a path, of what is below it, of captions, of a norm."""

SIDE = 10.0
WIDTH, SMALL_WIDTH, STEP_WIDTH = 156.0, 96.0, 84.0
CHART, CAPTION = 26.0, 13.0
"""Heights of a histogram and of what is written below it."""
BARS = 40.0
"""The height of a step's bar."""
BAND = 20.0
BETWEEN = 12.0
"""Between two histograms."""
EACH, MOST_WIDE = 9.0, 110.0
"""The width of a bar where there is one for each of several, and of all of them together."""

FULL_UP_TO = 24
"""Blocks that a picture shows in full; of more it shows path, class and norm."""

LONGEST_PATH = 26

_SQUARE = re.compile(r"(?<=[ (])\((\d+), \1\)")
"""A size that is the same both ways, among a module's settings: ``Linear(16, 16)`` has none."""

PENDING = "·"
"""In the place of a number that is not known yet."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Where on a card things are, in pixels from its top; ``None`` for what it has not."""

    shapes: float | None = None
    parameters: float | None = None
    charts: float | None = None
    bars: float | None = None
    passed: float | None = None
    band: float | None = None


@dataclass(frozen=True, slots=True)
class BlockCard:
    """What is said on a block's card.

    Attributes
    ----------
    form
        ``full``, ``small``, or ``step``: one through time.
    title, subtitle
        The module's path and its class with sizes; of a step its time.
    shapes
        What goes in and what comes out, in pieces: text, and whether it is a number that changes.
    parameters
        How many numbers it learns, in words.
    skip
        What leads past what is inside, ``""`` if nothing does.
    numbers, scales
        What is known at the end, and how it is compared with other cards.
    charts
        How wide its histograms are.
    told
        A sentence about it and those after it, once gradients have come back to it.
    """

    form: Literal["full", "small", "step"]
    title: str
    subtitle: str
    width: float
    height: float
    rows: Rows
    shapes: tuple[tuple[str, bool], ...] = ()
    parameters: str = ""
    skip: str = ""
    numbers: Numbers = Numbers()  # noqa: RUF009 (frozen)
    scales: Scales = Scales()  # noqa: RUF009 (frozen)
    charts: tuple[float, float] = (0.0, 0.0)
    told: str = ""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The cards of a picture's blocks, by operation, and what is said once for all of them."""

    cards: Mapping[str, BlockCard]
    note: str = ""
    states: Mapping[str, str] = field(default_factory=dict)
    """What steps through time pass on, by tensor: ``h`` or ``c``."""
    rows: tuple[tuple[str, ...], ...] = ()
    """What stands in a row: the steps of each recurrence, and the h between them."""
    beside: tuple[tuple[str, str], ...] = ()
    """Inputs that only one step takes, each with it."""


def blocks_of(recording: Recording, options: Options, whole: Whole | None = None) -> Blocks:
    """Make a card for each folded module of a recording; a stretch without a module has none.

    Parameters
    ----------
    recording
        With folds.
    options
        How it is to look.
    whole
        Where blocks are looked up, if that has been made already.
    """
    graph = recording.graph
    operations = graph.operations
    folded = {o.id: o for o in operations if o.block is not None and o.block.path}
    if not folded:
        return Blocks({})
    with_numbers = options.detail != "structure" and (options.shows("values") or options.shows("grads"))
    if whole is None and recording.whole is not None:
        whole = Whole(recording.whole)
    known = {
        id: whole.numbers(operation.block, operation.outputs) if whole is not None and operation.block else Numbers()
        for id, operation in folded.items()
    }
    if not with_numbers:
        known = dict.fromkeys(known, Numbers())
    elif not options.shows("grads"):
        known = {id: Numbers(activations=numbers.activations) for id, numbers in known.items()}
    shared = scales(known.values())
    root = _root(operation.block for operation in folded.values() if operation.block is not None)
    steps = _steps(graph)
    batch = _batch(graph, folded.values()) if options.shows("shapes") else None
    cards: dict[str, BlockCard] = {}
    for id, operation in folded.items():
        block, numbers = operation.block, known[id]
        assert block is not None
        if id in steps:
            cards[id] = _step(block, steps[id], numbers, shared)
        elif len(folded) > FULL_UP_TO:
            cards[id] = _small(block, root, numbers, shared)
        else:
            shapes = _shapes(graph, operation, batch) if options.shows("shapes") else ()
            skip = whole.skip(block) if whole is not None else ""
            cards[id] = _full(block, shapes, skip, _shares(graph, operation), root, numbers, shared)
    for chain in recurrences(graph):
        first, last = (operations[place].id for place in (chain[0], chain[-1]))
        cards[first] = replace(cards[first], told=_compared(cards[first], cards[last]))
    states: dict[str, str] = {}
    for id in steps:
        block = folded[id].block
        if whole is not None and block is not None:
            states |= whole.states(block.parts[-1] if block.parts else block)
    rows = tuple(
        tuple(id for place in chain for id in (operations[place].id, *_passed(operations[place], states)))
        for chain in recurrences(graph)
    )
    return Blocks(_alike_steps(cards), _note(cards.values(), batch, shared), states, rows, _beside(graph, steps))


def _beside(graph: Graph, steps: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    users: dict[str, set[str]] = {}
    for operation, argument in graph.arguments():
        users.setdefault(argument.tensor, set()).add(operation.id)
    return tuple(
        (next(iter(users[tensor.id])), tensor.id)
        for tensor in graph.tensors
        if tensor.role == "input" and len(users.get(tensor.id, ())) == 1 and users[tensor.id] <= steps.keys()
    )


def _passed(operation: RecordedOperation, states: Mapping[str, str]) -> list[str]:
    return [output for output in operation.outputs if states.get(output) == "h"]


def _shares(graph: Graph, operation: RecordedOperation) -> bool:
    """Return True if its weights are drawn outside, as others use them too."""
    block = operation.block
    weights = {id for id, _ in block.weights} if block is not None else set()
    return any(argument.tensor in weights for argument in operation.inputs)


def _steps(graph: Graph) -> dict[str, str]:
    """Say of each step through time which it is: ``t = 3``, or ``t = 3 … 27``."""
    found: dict[str, str] = {}
    for chain in recurrences(graph):
        first = graph.operations[chain[0]].block
        for place in chain:
            block = graph.operations[place].block
            assert block is not None
            assert first is not None
            start = block.number - first.number
            found[graph.operations[place].id] = f"t = {start}" + (
                f" … {start + block.times - 1}" if block.times > 1 else ""
            )
    return found


# --- shapes -----------------------------------------------------------------------------------------------------------


def _ends(graph: Graph, operation: RecordedOperation) -> list[tuple[int, ...]]:
    """Return the shapes of what enters a block first, and of what leaves it last."""
    return [graph.tensor(id).shape for id in (*_entering(graph, operation)[:1], *operation.outputs[-1:])]


def _entering(graph: Graph, operation: RecordedOperation) -> list[str]:
    """Return what an operation takes that was computed, or given: no number, and no weight of a module."""
    tensors = (graph.tensor(argument.tensor) for argument in operation.inputs)
    return [t.id for t in tensors if t.role != "constant" and not (t.role == "parameter" and t.module)]


def _batch(graph: Graph, operations: Iterable[RecordedOperation]) -> int | None:
    """Return how many examples there are in a batch, if everything that enters or leaves blocks has such an axis."""
    shapes = [shape for operation in operations for shape in _ends(graph, operation)]
    sizes = {shape[0] if len(shape) > 1 else None for shape in shapes}
    return sizes.pop() if len(sizes) == 1 and len(shapes) > 2 else None


def shapes_told(graph: Graph, cards: Mapping[str, BlockCard]) -> set[str]:
    """Return the tensors of which another place says the shape: the card of a block, or what they were made from and are as large as."""
    made = {output: operation for operation in graph.operations for output in operation.outputs[-1:]}
    found = {output for output, operation in made.items() if operation.id in cards and cards[operation.id].shapes}
    for operation, argument in graph.arguments():
        if (
            operation.id in cards
            and cards[operation.id].shapes
            and _entering(graph, operation)[:1] == [argument.tensor]
        ):
            found.add(argument.tensor)
    for output, operation in made.items():
        shapes = {graph.tensor(argument.tensor).shape for argument in operation.inputs}
        if operation.id not in cards and graph.tensor(output).shape in shapes:
            found.add(output)
    return found


def sized(shape: tuple[int, ...]) -> str:
    """Write a shape on a card; that of a number is 1."""
    return shape_text(shape) if shape else "1"


def _shapes(graph: Graph, operation: RecordedOperation, batch: int | None) -> tuple[tuple[str, bool], ...]:
    ends = [shape[batch is not None and batch > 1 :] for shape in _ends(graph, operation)]
    if len(ends) < 2:
        return ((sized(ends[0]), False),) if ends else ()
    before, after = ends
    pieces: list[tuple[str, bool]] = [(f"{sized(before)} → ", False)]
    if len(before) != len(after):
        return (*pieces, (sized(after), True))
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        pieces += [("×", False)] if place else []
        pieces.append((str(new), old != new))
    return tuple(pieces)


# --- the forms -----------------------------------------------------------------------------------------------------------


def counted(parameters: int, times: int = 1) -> str:
    """Say how many parameters there are."""
    if not parameters:
        return ""
    each = f"{times} × " if times > 1 and parameters % times == 0 else ""
    number = f"{parameters // times if each else parameters:,}".replace(",", " ")  # a narrow space
    return f"{each}{number} parameter{'s' if each or parameters > 1 else ''}"


def _root(blocks: Iterable[Block]) -> str:
    """Return the path that all blocks are in, with its dot: it stands on the frame around them."""
    paths = [block.path for block in blocks]
    root = paths[0].partition(".")[0] + "."
    # A number alone is no name: net.0 stays net.0.
    return root if all(path.startswith(root) and not path.removeprefix(root).isdigit() for path in paths) else ""


def _titles(block: Block, root: str) -> tuple[str, str]:
    """Return the path, in which a name is never cut, and the class with its sizes."""
    path = block.path.removeprefix(root)
    while len(path) > LONGEST_PATH and "." in path.removeprefix("…"):
        path = "…" + path.removeprefix("…").partition(".")[2]
    if block.times > 1 and len(block.parts) == block.times:
        last = block.parts[-1].path.rpartition(".")[2]
        path = f"{path} … {last}" if last != path.rpartition(".")[2] else path
    return shorten(path, LONGEST_PATH + 8), shorten(_SQUARE.sub(r"\1×\1", block.label), 32)


def _full(
    block: Block,
    shapes: tuple[tuple[str, bool], ...],
    skip: str,
    shared_weights: bool,
    root: str,
    numbers: Numbers,
    shared: Scales,
) -> BlockCard:
    title, subtitle = _titles(block, root)
    parameters = counted(block.parameters, block.times) + (text("shared") if shared_weights else "")
    rows: dict[str, float] = {}
    y = 40.0
    for row, there in (("shapes", shapes), ("parameters", parameters)):
        if there:
            rows[row] = y + 11
            y += 15
    each = numbers.each if block.times > 1 and any(ratio is not None for ratio in numbers.each) else ()
    if each:
        rows["bars"] = y + 5
        y += 5 + CHART + CAPTION
    elif numbers.activations is not None or numbers.gradients is not None:
        rows["charts"] = y + 5
        y += 5 + CHART + CAPTION
    high = y + 7
    if numbers.ratio is not None:
        rows["band"] = high - 1
        high += BAND
    zeros = zeros_of(numbers)
    charts = width("activations", SMALL), width("log |∂|", SMALL) + (8 + width(zeros, SMALL) if zeros else 0)
    texts = (
        width(title, TITLE, bold=True),
        width(subtitle, LINE) + (width(skip, SMALL) + 34 if skip else 0),
        mono_width("".join(piece for piece, _ in shapes), LINE),
        width(parameters, LINE),
        len(each) * each_of(len(each)),
        width("of each", SMALL) + BETWEEN + mono_width("0" * _from_to_length(each), LINE) if each else 0.0,
        sum(charts) + BETWEEN,
    )
    wide = max(WIDTH, round(max(texts) + 2 * SIDE))
    more = (wide - 2 * SIDE - BETWEEN - sum(charts)) / 2
    charts = charts[0] + more, charts[1] + more
    return BlockCard(
        "full", title, subtitle, wide, round(high), Rows(**rows), shapes, parameters, skip, numbers, shared, charts
    )


def _small(block: Block, root: str, numbers: Numbers, shared: Scales) -> BlockCard:
    title, subtitle = _titles(block, root)
    title, subtitle = shorten(title, 20), shorten(subtitle.partition("(")[0], 22)
    wide = max(SMALL_WIDTH, width(title, NUMBER, bold=True) + 16, width(subtitle, SMALL) + 16)
    has_norm = numbers.ratio is not None
    return BlockCard(
        "small",
        title,
        subtitle,
        round(wide),
        56.0 if has_norm else 38.0,
        Rows(band=37.0) if has_norm else Rows(),
        numbers=numbers,
        scales=shared,
    )


def _step(block: Block, when: str, numbers: Numbers, shared: Scales) -> BlockCard:
    rows, high = Rows(), 36.0
    lines = max((len(step) for step in numbers.passed), default=0)
    if any(number is not None for step in numbers.passed for _, number in step):
        rows = Rows(bars=28.0, passed=28.0 + BARS + 14)
        high = 28.0 + BARS + 14 * lines + 9
    passed = ([dict(step).get(name) for step in numbers.passed if name in dict(step)] for name in ("h", "c"))
    said = max(_from_to_length(norms) for norms in passed)
    wide = max(
        STEP_WIDTH,
        width(when, TITLE, bold=True) + 2 * SIDE,
        width("h", NUMBER, bold=True) + BETWEEN / 2 + mono_width("0" * said, LINE) + 2 * SIDE,
        len(numbers.passed) * each_of(len(numbers.passed)) + 2 * SIDE,
    )
    return BlockCard("step", when, "", round(wide), round(high), rows, numbers=numbers, scales=shared)


def _from_to_length(norms: Sequence[float | None]) -> int:
    """Return how many characters the first and the last of several norms take, as they grow."""
    ends = (norms[0], norms[-1]) if len(norms) > 1 else ()
    return sum(room(len(number_text(end, 2)), SHORT) for end in ends if end is not None) + 3 * bool(ends)


def _compared(first: BlockCard, last: BlockCard) -> str:
    """Say how large the gradient is at the first step beside that at the last; the numbers decide what is said."""
    early, late = (
        dict(card.numbers.passed[place]).get("h") if card.numbers.passed else None
        for card, place in ((first, 0), (last, -1))
    )
    if not early or not late or not math.isfinite(early / late):
        return ""
    times = max(early / late, late / early)
    told = "h as large" if times < 1.05 else "h smaller" if early < late else "h larger"
    return text(told, first=first.title, last=last.title, times=number_text(times, 2))


def _alike_steps(cards: dict[str, BlockCard]) -> dict[str, BlockCard]:
    """Make all steps equally high."""
    high = max((card.height for card in cards.values() if card.form == "step"), default=0.0)
    return {id: replace(card, height=high) if card.form == "step" else card for id, card in cards.items()}


def _note(cards: Iterable[BlockCard], batch: int | None, shared: Scales) -> str:
    """Say once what holds for all cards."""
    cards = list(cards)
    said = []
    if batch is not None and any(card.shapes for card in cards):
        said.append(text("per example", batch=batch) if batch > 1 else text("of one example"))
    if any(card.rows.charts is not None and card.numbers.gradients is not None for card in cards):
        least, most = (number_text(2.0**power, 1) for power in (shared.first, shared.last))
        said.append(text("log axis", least=least, most=most))
    if any(card.rows.band is not None for card in cards):
        in_training = any(card.numbers.update is not None for card in cards)
        said.append(text("updates beside weights" if in_training else "beside weights"))
    if any(card.form == "step" and card.rows.bars is not None for card in cards):
        both = any("c" in dict(step) for card in cards for step in card.numbers.passed if card.form == "step")
        said.append(text("passed on back, both" if both else "passed on back"))
    return " · ".join(said)


def zeros_of(numbers: Numbers) -> str:
    """Say how many gradients are exactly zero, which have no size."""
    zeros = numbers.gradients.zeros if numbers.gradients is not None else 0
    if zeros == 1:
        return text("one zero")
    return text("zeros", count=f"{zeros:,}".replace(",", " ")) if zeros else ""


def each_of(count: int) -> float:
    """Return how wide a bar is, with the room beside it, where there are several."""
    return min(EACH, MOST_WIDE / max(count, 1))
