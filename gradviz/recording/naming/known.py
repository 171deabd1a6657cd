"""What the learner calls the tensors of a graph: by variables and modules' paths, and as it is written where they take part.

A tensor is called, in this order, by

- a name that was given, a module's path, or a variable that the caller sees (`gradviz.recording.names`),
- the variable to which its value was assigned where it was computed, or in which it was used: ``w`` of ``w, b = p``,
- its place in a container: ``p[0]``,
- a number by what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.recording import words, written
from gradviz.recording.names import Names
from gradviz.recording.naming.called import Called, Name, counted
from gradviz.recording.placed import place_in
from gradviz.recording.runs import Run, called_at, calls_module
from gradviz.recording.told import ToldOperation
from gradviz.recording.wiring import GIVEN, NUMBER, RESULT, Wiring

TELLING = ("target", "weight", "bias", "condition")
"""Slots by which a leaf is called that has no name."""

RECURRENT = ("RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU")
"""Modules that begin with a state of zeros where none is given."""


class Known:
    """Finds what the learner calls things.

    Parameters
    ----------
    wiring
        The graph.
    names
        What is known from the variables.
    runs
        What single instructions made.

    Attributes
    ----------
    called
        The names: those that are not known are ``None``.
    bases
        All of them, before those that several have were counted.
    """

    def __init__(self, wiring: Wiring, names: Names, runs: Sequence[Run]) -> None:
        self._wiring, self._source, self._names = wiring, wiring.source, names
        self._hints = self._operands_as_written(runs)
        self.called = Called(len(wiring.kinds))
        self._prefer_places(self._as_known())
        self.bases = {text for text in self.called.texts if text is not None}
        self._count()

    # --- where it is written ------------------------------------------------------------------------------------

    def _operands_as_written(self, runs: Sequence[Run]) -> dict[int, str]:
        """Return what results were assigned to, and by which variables leaves were used, where the operations ran."""
        hints: dict[int, str] = {}
        wiring, parameters = self._wiring, self._names.parameters
        for run in runs:
            as_written, last = run.written, run.last
            if as_written.target and not wiring.nodes[last].many and not self._goes_on(run):
                hints[wiring.results[last][0]] = as_written.target
            operands = as_written.operands
            if as_written.function in (*written.DERIVING, *written.MIXING) or not any(operands):
                continue
            if all(wiring.leafless[run.start : run.end]):
                continue
            outside = self._taken(run)
            outside = [tensor for tensor in outside if wiring.identity(tensor) not in parameters]
            for named in (operands, operands[1:] if as_written.received else (), tuple(filter(None, operands))):
                if len(named) == len(outside):
                    for tensor, name in zip(outside, named, strict=True):
                        if name and wiring.kinds[tensor] is not RESULT:
                            hints.setdefault(tensor, name)
                    break
        return hints

    def _taken(self, run: Run) -> list[int]:
        """Return what an instruction took, in the order in which it is written: without the parameters of a module that it called.

        What several operations took is used in one order, and stands in another in what they make of it, where a library takes
        what is written first last. Only where both agree it is known which is which.
        """
        wiring = self._wiring
        used = wiring.outside(run.operations)
        if any(map(self._is_parameter, used)) and calls_module(wiring.nodes[run.start]):
            used = [tensor for tensor in used if not self._is_parameter(tensor)]
        if len(used) > 1 and self._is_recurrent(wiring.nodes[run.start]):
            taken = used = self._input_first(used)
        elif run.end - run.start == 1 or len(used) == 1:
            taken = used
        else:
            taken = [tensor for tensor in wiring.taken(run.operations) if tensor in used]
        if run.written.function == "linear" and len(taken) == 3:
            taken = used = [*taken[1:], taken[0]]  # x, W, b, of which b comes first: it is added to
        if used != taken or (run.written.sign == "@" and len(taken) == 2 and not self._multiply(*taken)):
            return []
        return used

    def _multiply(self, first: int, other: int) -> bool:
        """Return False if what an instruction took is too many or too few to be multiplied in this order."""
        shapes = [
            np.shape(self._source.layout_of(self._wiring.holders[one])) for one in (first, other) if self._is_leaf(one)
        ]
        return len(shapes) < 2 or not all(shapes) or shapes[0][-1] == shapes[1][-2:][0]

    def _is_leaf(self, tensor: int) -> bool:
        return self._wiring.kinds[tensor] is not RESULT and self._source.is_tensor(self._wiring.holders[tensor])

    def _is_parameter(self, tensor: int) -> bool:
        return type(self._wiring.holders[tensor]).__name__ == "Parameter"

    def _goes_on(self, run: Run) -> bool:
        """Return True for an operation in the midst of Python's own ``sum()``: what that adds up is not yet its result."""
        return run.written.function in ("sum", "reduce") and run.last in self._feeding

    @cached_property
    def _feeding(self) -> set[int]:
        """Those whose result the same instruction uses again."""
        wiring, nodes = self._wiring, self._wiring.nodes
        return {
            made
            for number, tensors in enumerate(wiring.inputs)
            for tensor in tensors
            if tensor >= 0
            and wiring.kinds[tensor] is RESULT
            and _is_at(nodes[made := wiring.at[tensor]].origin, nodes[number].origin)
        }

    # --- what is known ------------------------------------------------------------------------------------------

    def _as_known(self) -> dict[int, str]:
        """Call everything as its variable is called; return what got its name where it was used."""
        called, hinted, wiring = self.called, dict[int, str](), self._wiring
        kinds, holders = wiring.kinds, wiring.holders
        for tensor, kind in enumerate(kinds):
            if kind is NUMBER:
                called.texts[tensor] = words.setting_text(holders[tensor])
                called.numbers[tensor] = True
            elif kind is RESULT:
                self._as_result(tensor, hinted)
            else:
                self._as_leaf(tensor, hinted)
        return hinted

    def _as_result(self, tensor: int, hinted: dict[int, str]) -> None:
        hint, names = self._hints.get(tensor, ""), self._names
        if names.results:
            identity = self._wiring.identity(tensor)
            name = names.by(identity)
            if name is not None and not (hint and names.places.get(identity) == name):
                self.called.give(tensor, Name(name, named=identity not in names.composed))
                return
        if hint:
            self.called.texts[tensor] = hinted[tensor] = hint

    def _as_leaf(self, tensor: int, hinted: dict[int, str]) -> None:
        leaf, hint, places = self._wiring.holders[tensor], self._hints.get(tensor, ""), self._names.places
        if hint.endswith(")") and self._source.is_tensor(leaf) and self._may_be_a_number(leaf):
            hint = ""  # a number is shorter than what made it
        known = self._known(leaf)
        if known is not None and not (hint and places.get(self._wiring.identity(tensor)) == known.text):
            self.called.give(tensor, known)
        elif hint.endswith(written.RESHAPED):
            self.called.give(tensor, Name(hint.removesuffix(written.RESHAPED), form=written.RESHAPED))
        elif hint:
            self.called.texts[tensor] = hinted[tensor] = hint
        else:
            self.called.give(tensor, self._unknown(tensor, leaf))

    def _known(self, leaf: Any) -> Name | None:
        """Return the name that a leaf has in the caller's variables, if any."""
        source = self._source
        if not source.is_tensor(leaf):
            return None
        identity = source.identity(leaf)
        name = self._names.by(identity)
        if name is not None:
            return Name(name, named=identity not in self._names.composed)
        before, base = source.detached_from(leaf), source.base_of(leaf)
        if before is None and base is not None:
            name = self._names.by(source.identity(base))
            return None if name is None else _view(name, source.layout_of(base), source.layout_of(leaf))
        if before is None or not source.requires_grad(before):
            return None
        name = self._names.by(source.identity(before))
        return None if name is None else Name(f"{name}.detach()")

    def _unknown(self, tensor: int, leaf: Any) -> Name:
        """Call a leaf without a name by the number it is, or by its part in the operation, where that says something."""
        if not self._source.is_tensor(leaf):
            array = np.asarray(leaf)
            return _number(array.item()) if array.size == 1 else Name("constant")
        wiring = self._wiring
        if self._may_be_a_number(leaf):
            number = self._source.written_number(leaf, wiring.nodes[wiring.at[tensor]])
            if number is not None:
                return _number(number)
        slot = wiring.slot_of(tensor)
        return Name(self._state(tensor) or (slot if slot in TELLING else "tensor"), named=False)

    def _is_recurrent(self, node: ToldOperation) -> bool:
        """Return True in a module of the library's that the learner's instruction called; theirs may have the same names."""
        return any(call.tag.class_name in RECURRENT for call in called_at(node))

    def _input_first(self, used: Sequence[int]) -> list[int]:
        """Return what a cell took as it is written: it computes with its state first. Nothing where the two cannot be told apart."""
        states = [tensor for tensor in used if self._state(tensor)]
        given = [tensor for tensor in used if self._wiring.kinds[tensor] is GIVEN and tensor not in states]
        inputs = given or [tensor for tensor in used if tensor not in states]
        return [*inputs, *[tensor for tensor in used if tensor not in inputs]] if len(inputs) == 1 else []

    def _state(self, tensor: int) -> str:
        """Return which state of a recurrent module a leaf is: what is multiplied by its weights, or by a gate; empty for none."""
        wiring, kinds = self._wiring, self._wiring.kinds
        number = wiring.at[tensor]
        if kinds[tensor] is not GIVEN or not self._is_recurrent(wiring.nodes[number]):
            return ""
        beside = [one for one in wiring.inputs[number] if one >= 0 and one != tensor]
        makers = [wiring.at[one] for one in beside if kinds[one] is RESULT]
        factors = [*beside, *[one for maker in makers for one in wiring.inputs[maker] if one >= 0]]
        names = (self._names.by(wiring.identity(one)) or "" for one in factors if self._is_parameter(one))
        if any("weight_hh" in name for name in names):
            return "h₀"
        operations = [wiring.nodes[one].operation.name for one in (number, *makers)]
        return "c₀" if operations == ["mul", "sigmoid"] else ""

    def _may_be_a_number(self, leaf: Any) -> bool:
        return not self._source.requires_grad(leaf) and self._source.layout_of(leaf).ndim == 0

    # --- names that several have --------------------------------------------------------------------------------

    def _prefer_places(self, hinted: Mapping[int, str]) -> None:
        """Call what lies in a container by its place, where a variable of another moment or function would be several things."""
        called, places = self.called, self._names.places
        if not places:
            return
        holders = Counter(called.texts)
        for tensor, name in hinted.items():
            place = places.get(self._wiring.identity(tensor))
            if place is not None and (holders[name] > 1 or not name.isidentifier()):
                called.give(tensor, Name(place))

    def _count(self) -> None:
        """Count those that have one name."""
        called, given = self.called, self._names.given
        alike: dict[str, list[int]] = {}
        for tensor, (text, number) in enumerate(zip(called.texts, called.numbers, strict=True)):
            if text is not None and not number:
                form = called.forms.get(tensor)
                alike.setdefault(text if form is None else text + form, []).append(tensor)
        for tensors in alike.values():
            if len(tensors) > 1:
                others = (
                    [tensor for tensor in tensors if self._wiring.identity(tensor) not in given] if given else tensors
                )
                for count, tensor in enumerate(others):
                    called.texts[tensor] = counted(called.name(tensor), count)


def _number(number: Any) -> Name:
    """Return the name of something that is called by the number it is: all of one number are called alike, and never counted."""
    return Name(words.setting_text(number), number=True)


def _is_at(origin: tuple[Any, int], other: tuple[Any, int]) -> bool:
    return origin[0] is other[0] and origin[1] == other[1]  # code is compared by all that is in it, which takes long


def _turned(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return what is told of axes with the last two exchanged."""
    return (*axes[:-2], *axes[:-3:-1])


def _view(name: str, base: Any, view: Any) -> Name:
    """Name a view of a named tensor.

    A vector that takes part in a matrix product does so as a row or a column: its card says so, as it has a shape that the
    vector has not, and formulas leave it at the name.
    """
    if view.shape == base.shape and view.strides == base.strides:
        return Name(name)
    if view.size < base.size:
        return Name(f"{name}[{place_in(base, view)}]")
    if view.ndim > 1 and (view.shape, view.strides) == (_turned(base.shape), _turned(base.strides)):
        return Name(f"{name}ᵀ")
    row, column = base.ndim == 1 and view.shape == (1, base.size), base.ndim == 1 and view.shape == (base.size, 1)
    otherwise = written.RESHAPED if view.size == base.size else ", stretched"
    form = " as a row" if row else " as a column" if column else otherwise
    same = view.size == base.size and view.flags.c_contiguous and base.flags.c_contiguous
    return Name(name, form=form, viewed=base.shape if same else ())
