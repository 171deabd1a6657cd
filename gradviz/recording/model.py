"""The facts about one computation, frozen.

Everything downstream (the picture, the player, a saved file) reads these and nothing else, and nothing in them is
particular to gradviz's engine: a recording made from a real PyTorch graph fits as well.

A computation is a bipartite graph. *Tensors* hold numbers, *operations* turn tensors into tensors. An operation names
the tensor in each of its argument slots, so ``x * x`` is one operation with two arguments that name the same tensor,
and the picture has two edges. A *frame* is one moment of the run, written as what changed since the moment before.

Words and numbers may be written when they are first read: see `gradviz.recording.later`.

The file is longer than others since it is the format of what is saved, in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Annotated, Any, Literal

from gradviz.recording.later import Later, Row
from gradviz.recording.outline import Outline

Role = Literal["parameter", "input", "constant", "intermediate", "output"]
Phase = Literal["forward", "backward"]
Number = float | int | bool


@dataclass(frozen=True)
class Must:
    """What a value must be beside its type: for those who read one from a file.

    Attributes
    ----------
    be
        In words.
    holds
        Returns whether a value is.
    schema
        The same in a JSON Schema, as far as that can say it.
    """

    be: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any] = field(default_factory=dict, compare=False)


MOST_AXES, MOST_ENTRIES = 64, 2**53

Count = Annotated[int, Must("a count, from 0 on", lambda number: number >= 0, {"minimum": 0})]
Ordinal = Annotated[int, Must("a number, from 1 on", lambda number: number >= 1, {"minimum": 1})]
Id = Annotated[
    str,
    Must("letters and digits", lambda text: text.isalnum() and text.isascii(), {"pattern": "^[A-Za-z0-9]+$"}),
]
Shape = Annotated[
    tuple[Count, ...],
    Must(
        "the shape of a tensor",
        lambda shape: len(shape) <= MOST_AXES and math.prod(shape) <= MOST_ENTRIES,
        {"maxItems": MOST_AXES},
    ),
]

FOLD = "fold"
"""The name of an operation that stands for several: its `Block` says which."""

FULL_VALUE_LIMIT = 4096
"""Tensors of up to this many entries are kept in full; larger ones as a summary and a small preview."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of a tensor too large to keep in full.

    Attributes
    ----------
    mean, sd, min, max
        Over the finite entries; 0 if there are none.
    zeros, nans, infs
        How many entries are 0, are not a number, are infinite.
    spread, sizes
        How many entries are where between min and max, and how many are how large: see `gradviz.recording.histogram`.
    """

    mean: float
    sd: float
    min: float
    max: float
    zeros: Count
    nans: Count
    infs: Count
    spread: tuple[Count, ...] = ()
    sizes: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class Pixels:
    """The first matrices of a tensor that is too large to be kept in full, for its picture.

    Attributes
    ----------
    shape
        How many matrices, their rows and columns: a block of entries is a pixel, which has their mean.
    scale
        What all numbers are multiplied with.
    data
        The numbers row by row as half floats, the low byte first, packed with zlib, in base 64.
    """

    shape: Annotated[
        tuple[Count, Count, Count], Must("the shape of a few small matrices", lambda shape: max(shape) <= 64)
    ]
    scale: float
    data: str


@dataclass(frozen=True, slots=True)
class Value(Later):
    """The numbers in one tensor at one moment.

    Attributes
    ----------
    shape
        As the tensor's; ``()`` for a scalar.
    dtype
        ``"float32"``, ``"int64"``, ``"bool"``, ...
    data
        Every entry in row-major order, or ``None`` when there are more than `FULL_VALUE_LIMIT`.
    summary, preview
        What is kept instead when `data` is ``None``: the statistics; and, again as a `Value`, the means of at most 12 by
        12 blocks of a matrix (or a vector), or of at most 8 by 8 blocks of each of the first 8 matrices in a tensor with
        more axes.
    digits
        With how many significant digits its entries are to be printed, if they have no short exact text: more than four where
        they are exact, as what they were computed from is.
    dust
        The places in `data` of entries that are rounding error and nothing else: smaller than what rounding the numbers they
        were computed from may have changed.
    image
        Of a large tensor that is drawn as an image or as maps: its pixels. It stands with the values and gradients that a frame
        makes known, and nowhere else.
    """

    costly = ("digits", "dust")

    shape: Shape
    dtype: str
    data: tuple[Number, ...] | None
    summary: Summary | None = None
    preview: Value | None = None
    digits: Count = 4
    dust: tuple[Count, ...] = ()
    image: Pixels | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where in the user's program an operation was written.

    Attributes
    ----------
    file
        Its name, without the folder; of a notebook's cell ``"In[5]"``.
    line, end_line
        The first and the last line, counted from 1.
    column, end_column
        Where in these it begins and ends, in characters, counted from 0.
    """

    file: str
    line: Ordinal
    column: Count | None = None
    end_line: Ordinal | None = None
    end_column: Count | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A stretch of the user's program, to be shown beside the picture.

    Attributes
    ----------
    file
        As in `Source`.
    first_line
        The number of the first of the lines.
    lines
        The text, line by line.
    """

    file: str
    first_line: Ordinal
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedTensor:
    """One tensor of the graph.

    Attributes
    ----------
    id
        Unique in the graph, letters and digits only: ``"t0"``.
    name
        What the learner calls it: the variable (``"w"``), the parameter's path (``"linear.weight"``), the number
        itself for a constant, or the expression that made it (``"w·x"``).
    named
        True when the name is the user's own, False when it was composed.
    role
        ``parameter`` (a leaf that collects a gradient), ``input`` (a leaf that does not), ``constant`` (a number
        written in the program), ``intermediate``, or ``output`` (what backward starts from).
    shape, dtype
        As in `Value`.
    requires_grad
        Whether gradients go to it, or through it.
    producer
        The id of the operation that made it, ``None`` for a leaf.
    module
        Path of the module it belongs to, ``""`` for none.
    view_of, viewed
        The name and the shape of a tensor of which this one is the same entries in another shape, made outside of the graph.
    cut
        Why no gradient goes back beyond it, in a sentence, where it was cut off from what it was computed from.
    """

    id: Id
    name: str
    named: bool
    role: Role
    shape: Shape
    dtype: str
    requires_grad: bool
    producer: str | None = None
    module: str = ""
    view_of: str = ""
    viewed: Shape = ()
    cut: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Which entries of an operation's results an entry of one of its arguments feeds, and with which factor.

    It is the Jacobian of one edge, ∂result/∂argument, written so that each of its entries can be found. Most operations
    need no more than letters for that, one for each axis: the gradient of the argument is, as in ``einsum``,

        scale · Σ (upstream gradient) · (factor)

    over the letters that the argument does not have. Where letters cannot say it, a table does, entry by entry.

    Attributes
    ----------
    argument, result, factor
        The letters of the axes of the argument, of the result, and of what is multiplied with: of ``x @ w`` the argument
        ``w`` has ``"kj"``, the result ``"ij"``, the factor ``x`` ``"ik"``. A dot is an axis of length 1 that was stretched,
        or kept. A single star stands for all axes, if the entries lie in the argument and in the result one after another
        in the same order.
    tensor
        The id of the tensor whose numbers are the factor; empty if they are in `value`, or if the factor is `scale` alone.
    value
        The numbers of a factor that is no tensor's.
    text
        The factor in symbols: ``"x"``, ``"2·x"``.
    scale
        What all factors are multiplied with.
    starts, results, factors
        The table, empty if there are letters: entry n of the argument (row by row) feeds the entries
        ``results[starts[n]:starts[n + 1]]`` of the results (row by row, one result after the other), with as many `factors`, or
        with none where all of them are 1.
    """

    argument: str = ""
    result: str = ""
    factor: str = ""
    tensor: str = ""
    value: Value | None = None
    text: str = ""
    scale: float = 1.0
    starts: tuple[Count, ...] = ()
    results: tuple[Count, ...] = ()
    factors: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument(Later):
    """One argument slot of an operation; one edge of the picture.

    Attributes
    ----------
    id
        Unique in the graph: ``"o1_0"`` is the first argument of operation ``"o1"``.
    slot
        The parameter's name: ``"self"``, ``"other"``, ``"weight"``.
    tensor
        The id of the tensor in the slot.
    local
        The local derivative for the edge's label, in short: ``"w"``, ``"2·x"``, ``"· w2ᵀ"``. Empty where no gradient
        flows.
    local_number
        The same with its number, when the tensors are scalars: ``"2"``, ``"14"``. Empty when they are not, or
        when it would repeat `local`.
    link
        Which entries of the results its entries feed; ``None`` where it has no derivative, or there are too many to be told.
    """

    costly = ("link",)

    id: str
    slot: str
    tensor: str
    local: str = ""
    local_number: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What was folded into one operation: a call of a module, several that are alike, or a stretch that has no name.

    Norms and histograms are not here: they are numbers of a moment, and are worked out where a face is.

    Attributes
    ----------
    path
        Of the module, ``"layer1.0"``; of several the first one's; ``""`` for a stretch without one.
    class_name, label
        The module's class, and with its sizes: ``"Linear(3, 2)"``; of a stretch what it is called.
    operations
        How many it stands for.
    parameters
        How many numbers it learns, each shared tensor counted once.
    times
        For how many alike it stands: 1, or 6 for six layers.
    number
        Which call of the module it is, from 0 on; of several the first one's.
    inside
        The ids of the operations, in the recording that it was folded from.
    weights
        The ids of its parameters there, with how many numbers each has.
    parts
        Of several that are alike: each of them.
    """

    path: str
    class_name: str
    label: str
    operations: Count
    parameters: Count = 0
    times: Ordinal = 1
    number: Count = 0
    inside: tuple[Id, ...] = ()
    weights: tuple[tuple[Id, Count], ...] = ()
    parts: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedOperation:
    """One operation of the graph.

    Attributes
    ----------
    id
        Unique in the graph: ``"o0"``.
    name
        ``"mul"``, ``"relu"``, ``"mse_loss"``.
    grad_fn
        ``"MulBackward0"``, or ``None`` when no gradient flows through it.
    symbol
        What the disc shows, at most a few characters: ``"×"``, ``"relu"``.
    inputs, outputs
        Its arguments, in order; and the ids of its results, of which those are left out that nothing uses.
    sequence
        Its number in order of creation, counted from the graph's first, which the backward engine runs downwards.
    attributes
        Settings that are not tensors, as text: ``(("dim", "0"),)``.
    saved
        What it saved for backward: the field's name, and the id of the tensor or the setting as text.
    module, call
        The path of the module in which it ran, ``""`` for none; and in which of the graph's calls, if it is known.
    source
        Where it was written, if that is known.
    sentence
        How it passes the gradient on, in one plain sentence.
    block
        What it stands for, if it was folded from several.
    """

    id: Id
    name: str
    grad_fn: str | None
    symbol: str
    inputs: tuple[Argument, ...]
    outputs: tuple[str, ...]
    sequence: int
    attributes: tuple[tuple[str, str], ...] = ()
    saved: tuple[tuple[str, str], ...] = ()
    module: str = ""
    source: Source | None = None
    sentence: str = ""
    call: Count | None = None
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class RecordedModule:
    """A module in which operations ran.

    Attributes
    ----------
    path
        Unique in the graph: ``"encoder.linear"``.
    class_name, label
        Its class, ``"Linear"``; and with its sizes, ``"Linear(3, 2)"``.
    parent
        The path of the module in which it ran, which comes before it; ``None`` for none.
    """

    path: str
    class_name: str
    label: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call of a module.

    Attributes
    ----------
    module
        The module's path.
    outer
        In which other call, by its place in the graph's calls, which is before its own; ``None`` for none.
    """

    module: str
    outer: Count | None = None


@dataclass(frozen=True)
class Graph:
    """Everything that was computed, in order of creation.

    Attributes
    ----------
    tensors, operations
        An operation comes after those that made its arguments.
    modules, calls
        The modules in which operations ran, and each of their calls.
    code
        The stretches of the program in which operations were written.
    """

    tensors: tuple[RecordedTensor, ...]
    operations: tuple[RecordedOperation, ...]
    modules: tuple[RecordedModule, ...] = ()
    code: tuple[Code, ...] = ()
    calls: tuple[RecordedCall, ...] = ()

    @cached_property
    def outline(self) -> Outline:
        """The same in columns, for those who look at all of it."""
        return Outline(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def tensor(self, id: str) -> RecordedTensor:
        """Return the tensor with this id; `KeyError` if there is none."""
        return self.tensors[self.outline.tensor_places[id]]

    def operation(self, id: str) -> RecordedOperation:
        """Return the operation with this id; `KeyError` if there is none."""
        return self.operations[self.outline.places[id]]

    def arguments(self) -> Iterator[tuple[RecordedOperation, Argument]]:
        """Every edge from a tensor into an operation."""
        for operation in self.operations:
            for argument in operation.inputs:
                yield operation, argument


@dataclass(frozen=True, slots=True)
class Contribution(Later):
    """A gradient that arrived along one edge: upstream gradient times local derivative.

    Attributes
    ----------
    argument
        The edge, by its `Argument` id.
    value
        What was delivered, in the shape of the tensor it was delivered to.
    summed_axes
        The axes that had been broadcast in the forward pass and were summed over on the way back; usually none.
    local
        The local derivative, entry by entry, where the upstream gradient was multiplied with one and it is small enough to
        be kept.
    """

    argument: str
    value: Value
    summed_axes: tuple[Count, ...] = ()
    local: Value | None = None


@dataclass(frozen=True, slots=True)
class Gradient:
    """The gradient a tensor has collected so far.

    Attributes
    ----------
    tensor
        The tensor's id.
    value
        The sum so far.
    complete
        True once every contribution has arrived.
    before
        For a leaf: what its ``.grad`` held from an earlier ``backward()``, if anything. It is part of `value`.
    replaced
        What had arrived and what a hook put in its place, if one did. The latter is part of `value`.
    """

    tensor: str
    value: Value
    complete: bool
    before: Value | None = None
    replaced: tuple[Value, Value] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an equation: a sign, or something that has a value.

    Attributes
    ----------
    text
        What is printed.
    kind
        ``"sign"`` for what stands between values, and for a raised exponent, which has one; ``"symbol"`` for a name, ``"number"``
        and ``"array"`` for numbers themselves.
    value
        Its numbers, in the shape of the tensor that they are of; ``None`` for a sign, and where none are kept.
    tensor
        Whose numbers they are: the id of a tensor, or for a contribution that of the argument.
    role
        What of it: its value, the gradient that it has so far, what was sent along the argument, or the local derivative.
    transposed
        True where the numbers stand transposed, in print and in the equation: in `value` they do not.
    covers
        Of a function: how many of the parts after it are its arguments and their brackets. Its value is what it makes of them.
    """

    text: str
    kind: Literal["symbol", "sign", "number", "array"]
    value: Value | None = None
    tensor: str = ""
    role: Literal["", "value", "gradient", "contribution", "local"] = ""
    transposed: bool = False
    covers: Count = 0


@dataclass(frozen=True, slots=True)
class Equation:
    """A line of what a step says in symbols and numbers, which can be printed, worked out, and lit up part by part.

    Attributes
    ----------
    text
        The line as it is printed: ``"∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5"``.
    kind
        What it is about: what is computed, the gradient that backward starts from, what an operation sends to an argument, how
        contributions add up; or a note, which has no sides.
    argument
        The argument's id, of a contribution and of a sum that it is added to.
    sides, relations
        Its sides, each in parts; and the signs between them. ``"+="`` says that this is only one term of what is left of it.
    """

    text: str
    kind: Literal["forward", "seed", "contribution", "sum", "note"]
    argument: str = ""
    sides: tuple[tuple[Part, ...], ...] = ()
    relations: tuple[Literal["=", "≈", "+="], ...] = ()


@dataclass(frozen=True, slots=True)
class Frame(Later):
    """One moment of the run, as what changed since the moment before. What is not known yet is absent, not zero.

    Attributes
    ----------
    phase
        ``"forward"`` or ``"backward"``.
    current
        The id of the operation that runs; of the output tensor when backward is seeded; ``""`` in the first frame,
        in which the leaves receive their values.
    title
        ``"w · x"`` going forward, ``"MulBackward0"`` going backward.
    sentence, reason
        What happens, in one plain sentence; and why it happens now.
    equation
        The same in symbols and numbers, one line per argument.
    values
        Tensors whose values became known.
    contributions, gradients
        What was delivered along each edge, and what the tensors at the other end have collected since.
    """

    phase: Phase
    current: str
    title: str
    sentence: str
    reason: str = ""
    equation: tuple[Equation, ...] = ()
    values: tuple[tuple[str, Value], ...] = ()
    contributions: tuple[Contribution, ...] = ()
    gradients: tuple[Gradient, ...] = ()


@dataclass(frozen=True)
class Moment:
    """The state after some frame: everything the frames up to it have made known."""

    step: int
    frame: Frame | None
    values: dict[str, Value]
    gradients: dict[str, Gradient]
    contributions: dict[str, Contribution]
    done: set[str]


def _written(frames: Callable[[], Iterable[Frame]]) -> Mapping[str, Any]:
    found = frames()
    return {"frames": found if isinstance(found, Row) else tuple(found)}


@dataclass(frozen=True)
class Recording(Later):
    """A graph and the frames of the run over it: one forward pass and, if there was one, one backward pass.

    Attributes
    ----------
    graph
        What was computed.
    frames
        The moments, in order. The first has the leaves' values only.
    title
        For a page's heading.
    producer
        The program that made the recording: ``"gradviz 0.1.0"``.
    updates
        Of one step of a training: by how much it changed each parameter then, as the norm of the difference.
    remarks
        What is to be known of how it came about, in sentences: that a model was run for it, what that left out.
    again
        What can run the computation again, while the process lasts that made the recording: see `gradviz.recording.replay`.
        No file has it, and no copy.
    whole
        Of a recording with folds: the one that they were folded from. No file has it.
    folds
        Of a recording with folds: which stretches of that one were folded, and of what this made, and so on. No file has it.
    written
        The recording that `gradviz.recording.folding.as_written` has made of this one, once it has been asked for; ``()`` if
        that is this one itself.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> recording = gv.draw(w * 3).recording
    >>> len(recording.frames), recording.graph.operations[0].name
    (2, 'mul')
    """

    graph: Graph
    frames: tuple[Frame, ...]
    title: str = ""
    producer: str = ""
    updates: tuple[tuple[Id, Number], ...] = ()
    remarks: tuple[str, ...] = ()
    again: Any = field(init=False, default=None, repr=False, compare=False)
    whole: Recording | None = field(init=False, default=None, repr=False, compare=False)
    folds: tuple[Any, ...] = field(init=False, default=(), repr=False, compare=False)
    written: tuple[Recording, ...] | None = field(init=False, default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        known = {**vars(self), "frames": self.frames}  # which may not have been written yet
        return {name: value for name, value in known.items() if name not in ("again", "written")}

    def told(self, **other: Any) -> Recording:
        """Return the same computation, of which something else is told; it can still be run again.

        Parameters
        ----------
        **other
            Fields, by their names.
        """
        made = replace(self, **other)
        object.__setattr__(made, "again", self.again)
        return made

    def of(self, graph: Graph, frames: Callable[[], Iterable[Frame]]) -> Recording:
        """Return a recording of what was made of its graph.

        Parameters
        ----------
        graph
            What was made of it.
        frames
            Returns the moments, once they are read.
        """
        other = replace(self, graph=graph, frames=())
        object.__delattr__(other, "frames")
        object.__setattr__(other, "_write", (_written, frames))
        return other

    def __repr__(self) -> str:
        count = len(self.frames)
        return f"<Recording {self.title!r}: {len(self.graph.operations)} operations, {count} step{'s' * (count != 1)}>"

    def at(self, step: int = -1) -> Moment:
        """Return the state after a frame.

        Parameters
        ----------
        step
            The number of the frame; a negative one counts from the end.

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        if not -len(self.frames) <= step < len(self.frames):
            raise IndexError(f"step {step} is out of range: this recording has {len(self.frames)} steps")
        step %= len(self.frames)
        return next(islice(self.moments(), step, None))

    def moments(self) -> Iterator[Moment]:
        """Go through the states after each frame. They share their dictionaries: look at one before taking the next."""
        moment = Moment(-1, None, {}, {}, {}, set())
        for step, frame in enumerate(self.frames):
            moment.values.update(frame.values)
            moment.gradients.update((gradient.tensor, gradient) for gradient in frame.gradients)
            moment.contributions.update((c.argument, c) for c in frame.contributions)
            moment.done.add(f"{frame.phase}:{frame.current}")
            yield replace(moment, step=step, frame=frame)
