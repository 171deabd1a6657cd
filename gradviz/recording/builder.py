"""The open door: a recording made by hand, so that any program can make one.

A program tells what it computed, and what its backward pass sent, one operation at a time. What the table of operations knows is
said in its words, and everything else (names, equations, which entries meet, what is checked) is as in every recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradviz.engine.scope import Call, ModuleTag
from gradviz.recording.byhand import LEAF, BuiltOperation, BuiltTensor, ByHand
from gradviz.recording.engine import TARGETS
from gradviz.recording.model import Recording
from gradviz.recording.names import Names
from gradviz.recording.observe import record_named
from gradviz.recording.rowsbyhand import Words, as_tuple, check, row_of, row_of_words
from gradviz.recording.told import Pass, Unknown, places_of

Numbers = Any
"""An array, or anything that NumPy makes one of; or `Unknown`."""


class Builder:
    """Builds a recording, told by hand what a program computed and what its backward pass sent.

    Every method that makes a tensor returns what stands for it, to be used as an argument of what comes next.

    Parameters
    ----------
    title
        For a page's heading; by default the result and its expression.
    producer
        The program that computed, with its version: ``"micrograd 0.1.0"``.

    Examples
    --------
    >>> import gradviz as gv
    >>> builder = gv.recording.Builder(producer="pencil and paper")
    >>> w, x = builder.leaf(2.0, "w", requires_grad=True), builder.leaf(5.0, "x")
    >>> product = builder.operation("mul", [w, x], 10.0)
    >>> y = builder.operation("add", [product, 3.0], 13.0, "y")
    >>> builder.seed(y)
    >>> builder.send(y, [1.0])
    >>> builder.send(product, [5.0])
    >>> recording = builder.recording()
    >>> recording
    <Recording 'y = w·x + 3': 2 operations, 6 steps>
    >>> print(recording.frames[-1].equation[0].text)
    ∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5
    >>> gv.draw(recording)
    <Drawing 'y = w·x + 3': 5 tensors, 2 operations, 6 steps>
    """

    def __init__(self, title: str = "", producer: str = "") -> None:
        self._title, self._producer = title, producer
        self._names = Names(ByHand())
        self._tensors: set[BuiltTensor] = set()
        self._results: dict[BuiltOperation, tuple[BuiltTensor, ...]] = {}
        self._tags: dict[str, ModuleTag] = {}
        self._call: Call | None = None
        self._root: BuiltTensor | None = None
        self._gradients: dict[BuiltTensor, Any] = {}
        self._sent: dict[BuiltOperation, Sequence[Any]] = {}
        self._upstream: dict[BuiltOperation, Any] = {}

    # --- what was computed --------------------------------------------------------------------------------------------

    def leaf(self, value: Numbers, name: str = "", *, requires_grad: bool = False) -> BuiltTensor:
        """Tell of a tensor that the program was given.

        Parameters
        ----------
        value
            Its numbers, of which a copy is kept; or `Unknown`.
        name
            What it is called. Several of one name are counted.
        requires_grad
            True for a parameter, whose gradient is wanted; False for an input.

        Returns
        -------
        BuiltTensor
            What stands for it.

        Raises
        ------
        TypeError, ValueError
            If these are no numbers; or it is to get a gradient and is not of floating point.
        """
        numbers = _numbers(value, name or "the leaf")
        tensor = self._enter(BuiltTensor(numbers, requires_grad), name)
        if requires_grad and not _is_floating(tensor):
            raise ValueError(f"{name or 'the leaf'} is of {tensor.dtype}: only floating point can have a gradient")
        return tensor

    def operation(
        self,
        name: str,
        inputs: Sequence[Any] | Mapping[str, Any],
        result: Numbers,
        called: str | Sequence[str] = "",
        *,
        settings: Mapping[str, Any] | None = None,
        words: Words | None = None,
    ) -> Any:
        """Tell of an operation that was run.

        It is drawn if one of its arguments has a gradient and its result is of floating point: else its result is an input of
        what comes after it, as in PyTorch.

        Parameters
        ----------
        name
            What it is called. By a name of the table of operations (``"mul"``, or ``"MulBackward0"`` where several share one) it
            is told of in the table's words; see ``docs/operations.md``. Any other has a formula of its own.
        inputs
            Its arguments in order, or by their names: tensors, plain numbers, or ``None`` where nothing was given.
        result
            The numbers that it made, or `Unknown`; of several results a tuple of these.
        called
            What the result is called, if it has a name of its own.
        settings
            Its other arguments, by their names in the table: ``{"dim": 1, "keepdim": True}``.
        words
            What to say of it in place of what the table says: of an operation of its own.

        Returns
        -------
        BuiltTensor or tuple
            What stands for the result; for each, if they came as a tuple.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this recording; the table's operation has other arguments or settings, or would make
            something else of these; or the words are no formulas.
        """
        results = tuple([_numbers(one, f"the result of {name}") for one in as_tuple(result)])
        if not results:
            raise ValueError(f"{name} has no result: an operation makes something")
        given = dict(inputs) if isinstance(inputs, Mapping) else list(inputs)
        arguments = [self._argument(one, name) for one in (given.values() if isinstance(given, dict) else given)]
        slots = tuple(given) if isinstance(given, dict) else None
        found = None if words is not None else row_of(name, slots, arguments, settings or {}, len(results))
        if found is None:
            slots = slots or (("self",) if len(arguments) == 1 else tuple(f"input{n}" for n in range(len(arguments))))
            row, ordered, values = (
                row_of_words(name, slots, words or Words(), len(results)),
                arguments,
                dict(settings or {}),
            )
            moving = [True] * len(ordered)
        else:
            row, ordered, values = found
            moving = list(row.differentiable)
        flows = [
            isinstance(one, BuiltTensor) and one.requires_grad and moves
            for one, moves in zip(ordered, moving, strict=True)
        ]
        floating = [_is_floating(BuiltTensor(one, False)) for one in results]
        made = BuiltOperation(
            row,
            tuple(ordered),
            tuple([_edge(one) if flow else None for one, flow in zip(ordered, flows, strict=True)]),
            tuple([one.numbers if isinstance(one, BuiltTensor) else one for one in values.values()]) if found else (),
            tuple([(key, one) for key, one in values.items() if key in TARGETS and isinstance(one, BuiltTensor)]),
            tuple(results[0].shape),
            row.many,
            len(self._results),
            self._call,
        )
        if found is not None:
            check(made, results)
        drawn = [any(flows) and floating[place] and place in places_of(made) for place in range(len(results))]
        tensors = tuple(
            [
                BuiltTensor(one, True, (made, place)) if flow else BuiltTensor(one, False, LEAF)
                for place, (one, flow) in enumerate(zip(results, drawn, strict=True))
            ]
        )
        if any(drawn):
            self._results[made] = tensors
        names = (called,) if isinstance(called, str) else tuple(called)
        for place, tensor in enumerate(tensors):
            self._enter(tensor, names[place] if place < len(names) else "", of=name)
        return tensors if isinstance(result, tuple) else tensors[0]

    def name(self, tensor: BuiltTensor, name: str) -> None:
        """Tell what a tensor is called, if that becomes known after it was made.

        Parameters
        ----------
        tensor
            A tensor of this recording.
        name
            Its name. It takes the place of the one that it had.
        """
        self._names.take(self._own_tensor(tensor, "name()"))
        self._names.give(name, tensor)
        self._names.composed.discard(self._names.source.identity(tensor))

    @contextmanager
    def module(self, path: str, label: str = "Module") -> Iterator[None]:
        """Put what is told of in a ``with`` statement into a module, which can be folded and looked into.

        Parameters
        ----------
        path
            Where it is in the model: ``"encoder.0"``. Parameters whose names begin with it belong to it.
        label
            What it is: ``"Linear(3, 2)"``.
        """
        tag = self._tags.setdefault(path, ModuleTag(label.partition("(")[0], label, True))
        self._names.modules[id(tag)] = path
        around, self._call = self._call, Call(tag, self._call)
        try:
            yield
        finally:
            self._call = around

    # --- the backward pass --------------------------------------------------------------------------------------------

    def seed(self, output: BuiltTensor, gradient: Numbers = None) -> None:
        """Tell from which result the backward pass started.

        Parameters
        ----------
        output
            The result.
        gradient
            With which gradient; by default 1, for a single number.

        Raises
        ------
        TypeError, ValueError
            If it is not a result of this recording with a gradient, the gradient has another shape, or it has started already.
        """
        self._own_tensor(output, "seed()")
        if output.made is LEAF:
            raise ValueError("the backward pass starts from a result that needs a gradient: nothing has made this one")
        if self._root is not None:
            raise ValueError("the backward pass has been started already: a recording has one")
        if gradient is None and output.shape:
            raise ValueError(
                f"give the gradient to start with: {self._called(output)} has the shape {list(output.shape)}"
            )
        start = np.ones((), output.dtype) if gradient is None else gradient
        self._gradients[output] = self._gradient(start, output, "the backward pass starts")
        self._root = output

    def send(
        self, result: BuiltTensor | Sequence[BuiltTensor], contributions: Sequence[Any] | Mapping[str, Any]
    ) -> None:
        """Tell what an operation sent back, once all of the gradient of its result had arrived.

        Contributions to one tensor are added up, and its gradient is complete with the last.

        Parameters
        ----------
        result
            The operation's result; any, if it has several.
        contributions
            What went to each of its arguments, in order or by their names; ``None`` for what got nothing. Arguments without
            a gradient may be left out.

        Raises
        ------
        TypeError, ValueError
            If no gradient has arrived at the result, it was sent on already, or a contribution goes to something that has no
            gradient, comes too late, or has another shape.
        """
        tensor = self._own_tensor(result if isinstance(result, BuiltTensor) else _first(result), "send()")
        made = tensor.made[0]
        if made is None:
            raise ValueError(
                f"{self._called(tensor)} is a leaf: no operation has made it that could send a gradient on"
            )
        row, results = made.operation, self._results[made]
        if made in self._sent:
            raise ValueError(f"{row.name} has sent the gradient of {self._called(tensor)} on already")
        arrived = [self._gradients.get(one) for one in results]
        if all(one is None for one in arrived):
            raise ValueError(
                f"no gradient has arrived at {self._called(tensor)} yet: start with seed(), and tell of operations in the order "
                "in which the backward pass ran them"
            )
        sent: list[Any] = []
        for place, (slot, gradient) in enumerate(zip(row.inputs, self._by_slot(made, contributions), strict=True)):
            what = f"{row.name} sends to its {slot}"
            if gradient is not None and made.edges[place] is None:
                raise ValueError(f"{what}, which has no gradient: it is a number, or was told of without requires_grad")
            sent.append(None if gradient is None else self._gradient(gradient, made.inputs[place], what))
        self._upstream[made] = tuple(arrived) if made.many else arrived[0]
        self._sent[made] = sent
        for target, gradient in zip(made.inputs, sent, strict=True):
            if gradient is not None:
                before = self._gradients.get(target)
                self._gradients[target] = gradient if before is None else before + gradient

    def gradient_of(self, tensor: BuiltTensor) -> Any:
        """Return what has arrived at a tensor so far, added up; ``None`` if nothing has.

        Parameters
        ----------
        tensor
            A tensor of this recording.
        """
        return self._gradients.get(self._own_tensor(tensor, "gradient_of()"))

    def recording(self, *outputs: BuiltTensor) -> Recording:
        """Return the recording of what was told so far.

        Parameters
        ----------
        *outputs
            The results to be shown with all that they depend on. By default that from which the backward pass started; without
            one the last.

        Raises
        ------
        TypeError, ValueError
            If nothing was computed from something that has a gradient; or another result stands first than that from which the
            backward pass started.
        """
        if not self._results:
            raise ValueError(
                "there is no operation to show: tell of one with an argument that has a gradient "
                "(leaf(..., requires_grad=True))"
            )
        shown = outputs or (self._root or next(one for one in [*self._results.values()][-1] if one.requires_grad),)
        for output in shown:
            if self._own_tensor(output, "recording()").made is LEAF:
                raise ValueError(f"{self._called(output)} has no graph to show: it is a leaf, or needs no gradient")
        if self._root is not None and shown[0] is not self._root:
            raise ValueError(f"the backward pass started from {self._called(self._root)}: name it first")
        source = ByHand(self._pass())
        names = Names(source, **{key: one for key, one in vars(self._names).items() if key != "source"})
        return record_named(shown, names, title=self._title, producer=self._producer)

    def _pass(self) -> Pass | None:
        root = self._root
        if root is None:
            return None
        upstream = dict(self._upstream)
        if (made := root.made[0]) not in upstream:  # nothing has been sent yet
            arrived = tuple([self._gradients.get(one) for one in self._results[made]])
            upstream[made] = arrived if made.many else arrived[0]
        leaves = {tensor: one for tensor, one in self._gradients.items() if tensor.made is LEAF}
        return Pass(tuple(self._sent), upstream, self._sent, dict.fromkeys(leaves), leaves, leaves, {})

    # --- what was given -----------------------------------------------------------------------------------------------

    def _enter(self, tensor: BuiltTensor, name: str, *, of: str = "") -> BuiltTensor:
        self._tensors.add(tensor)
        if name:
            self._names.give(name, tensor)
        elif of and tensor.made is LEAF and tensor.shape:
            self._names.give(f"{of}(…)", tensor)
            self._names.composed.add(self._names.source.identity(tensor))
        return tensor

    def _own_tensor(self, tensor: Any, where: str) -> BuiltTensor:
        if not isinstance(tensor, BuiltTensor):
            raise TypeError(f"{where} takes what leaf() and operation() return, but got {type(tensor).__name__}")
        if tensor not in self._tensors:
            raise ValueError(f"{where} got a tensor of another builder: {tensor!r}")
        return tensor

    def _argument(self, one: Any, name: str) -> Any:
        if isinstance(one, BuiltTensor):
            return self._own_tensor(one, name)
        if one is None or isinstance(one, bool | int | float | np.number):
            return one.item() if isinstance(one, np.number) else one
        raise TypeError(
            f"an argument of {name} is {type(one).__name__}: give what leaf() or operation() returned for it, or a plain number"
        )

    def _by_slot(self, made: BuiltOperation, contributions: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
        """Return what was sent, for each slot."""
        slots = made.operation.inputs
        if isinstance(contributions, Mapping):
            if unknown := [slot for slot in contributions if slot not in slots]:
                raise ValueError(
                    f"{made.operation.name} has no argument {unknown[0]!r}: its arguments are {', '.join(slots)}"
                )
            return [contributions.get(slot) for slot in slots]
        sent = list(contributions)
        wanting = [place for place, edge in enumerate(made.edges) if edge is not None]
        if len(sent) == len(wanting) < len(slots):
            by_place = dict(zip(wanting, sent, strict=True))
            return [by_place.get(place) for place in range(len(slots))]
        if len(sent) != len(slots):
            raise ValueError(
                f"{made.operation.name} has {len(slots)} arguments ({', '.join(slots)}), {len(wanting)} of them with a gradient, but "
                f"{len(sent)} contributions were given"
            )
        return sent

    def _gradient(self, gradient: Any, target: BuiltTensor, what: str) -> Any:
        """Return a gradient as an array, if it can be one of this tensor, now."""
        numbers = _numbers(gradient, f"what {what}")
        if isinstance(numbers, Unknown):
            raise TypeError(f"what {what} must be known: gradients are added up")
        if numbers.shape != target.shape:
            raise ValueError(
                f"{what} a gradient of shape {list(numbers.shape)}, but {self._called(target)} has the shape {list(target.shape)}"
            )
        if target.made[0] in self._sent:
            raise ValueError(f"{what} too late: the gradient of {self._called(target)} has been sent on already")
        return numbers

    def _called(self, tensor: BuiltTensor) -> str:
        made = tensor.made[0]
        return self._names.of(tensor) or ("this leaf" if made is None else f"the result of {made.operation.name}")


def _first(tensors: Any) -> Any:
    return tensors[0] if isinstance(tensors, tuple | list) and tensors else tensors


def _numbers(value: Any, what: str) -> Any:
    """Return a copy of numbers, as an array."""
    if isinstance(value, Unknown):
        return value
    try:
        array = np.array(value)
    except ValueError:
        raise ValueError(f"{what} has rows of different lengths: {value!r:.60}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} is of {array.dtype}: it must be bools, whole numbers or floating point of NumPy's")
    return array if array.shape else array[()]


def _is_floating(tensor: BuiltTensor) -> bool:
    return "float" in tensor.dtype


def _edge(tensor: BuiltTensor) -> tuple[Any, int]:
    return (tensor, 0) if tensor.made is LEAF else (tensor.made[0], tensor.made[1])
