"""Names of results that nobody named, by what made them: ``w·x``, ``fc1(x)``, ``cross_entropy(logits, y)``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from gradviz.engine.notation import formula
from gradviz.recording import words, written
from gradviz.recording.naming.called import Called, counted, uncounted
from gradviz.recording.runs import Run, Within
from gradviz.recording.told import ToldOperation
from gradviz.recording.wiring import ABSENT, NUMBER, RESULT, Wiring

MOST_OPERANDS = 64
"""So many tensors are looked at to learn what an expression is about."""


class Composed:
    """Names each result that has no name by what made it.

    Parameters
    ----------
    wiring
        The graph.
    modules
        The paths of modules, by the ``id`` of their tags.
    runs, within
        What single instructions made, and what ran in each call of a module.
    called
        What is known: those without a name get one here.
    bases
        The names that are known, without their counts.
    texts
        By operation: the words for its settings, if it has any.
    """

    def __init__(
        self,
        wiring: Wiring,
        modules: Mapping[int, str],
        runs: Sequence[Run],
        within: Mapping[int, Within],
        called: Called,
        bases: Set[str],
        texts: Mapping[int, tuple[tuple[str, str], ...]],
    ) -> None:
        self._wiring, self._modules, self._within, self._texts = wiring, modules, within, texts
        self._run_of = [run for run in runs for _ in range(run.start, run.end)]
        self._call_at = self._calls_at_their_ends()
        self._called, self._bases = called, bases
        self._about: list[tuple[tuple[str, ...], tuple[tuple[str, str], ...], str] | None] = [None] * len(wiring.nodes)
        self._turning: set[int] = set()
        self._entering: dict[
            tuple[int, int, int], list[int]
        ] = {}  # what enters some operations: the first, the last, their count
        self._name_all(called)

    def _calls_at_their_ends(self) -> dict[int, Within]:
        """Return the module whose result each operation is, if all of that module's was run by one instruction of the learner's.

        Of modules within each other it is the outermost.
        """
        found: dict[int, Within] = {}
        for within in self._within.values():  # those around it come before a call
            first, last = within.operations[0], within.operations[-1]
            if self._run_of[first] is self._run_of[last]:
                found.setdefault(last, within)
        return found

    def expression(self, tensor: int) -> str:
        """Write what made a result, whatever it is called: as it was written where there is no other short form."""
        name = self._composed(tensor, self._called)
        run = self._run_of[self._wiring.at[tensor]]
        return (self._text(run, self._called, written.LONGEST) if "…" in name else "") or name

    # --- all of them, so that no two are alike ------------------------------------------------------------------

    def _name_all(self, called: Called) -> None:
        texts, at = called.texts, self._wiring.at
        missing, taken = [tensor for tensor, text in enumerate(texts) if text is None], set(texts)
        draft, plain, alike = called.copy(), dict[int, str](), dict[str, int]()
        for tensor in missing:
            name = plain[tensor] = draft.texts[tensor] = self._composed(tensor, draft)
            draft.named[tensor] = False
            alike[name] = alike.get(name, 0) + 1
        counts: dict[str, int] = {}
        others: set[int] = set()  # what is called otherwise than in the draft
        for tensor in missing:
            name = drafted = plain[tensor]
            if others and self._reads(at[tensor], others):
                name = self._composed(tensor, called)
            if name in taken and alike[drafted] == 1:  # wᵀᵀ is not w itself
                number = at[tensor]
                name = self._as_called((number,), self._wiring.nodes[number].operation.name, called) or name
            if name in taken or (name == drafted and alike[name] > 1):
                place = self._place(tensor)
                base = name
                while (name := counted(base.removesuffix(place), counts.get(base, 0)) + place) in taken:
                    counts[base] = counts.get(base, 0) + 1
            if name != drafted:
                others.add(tensor)
            taken.add(name)
            texts[tensor], called.named[tensor] = name, False

    def _reads(self, number: int, tensors: Set[int]) -> bool:
        """Return True if the name that an operation gives may have those of some tensors in it."""
        run, within = self._run_of[number], self._call_at.get(number)
        if not tensors.isdisjoint(self._wiring.inputs[number]):
            return True
        if within is not None and not tensors.isdisjoint(self._outside(within.operations)):
            return True
        own = run.written.sign or number == run.last
        return bool(own) and not tensors.isdisjoint(self._outside(run.operations))

    # --- one of them --------------------------------------------------------------------------------------------

    def _composed(self, tensor: int, called: Called) -> str:
        """Name a result by what made it: ``w·x``, ``fc1(x)``."""
        number = self._wiring.at[tensor]
        run, within = self._run_of[number], self._call_at.get(number)
        if within is not None and within.call.tag.has_parameters:
            name = self._as_module(run, within, called) or self._by_operation(number, called)
        else:
            name = self._by_operation(number, called)
            if within is not None and "…" in name:
                name = self._as_module(run, within, called) or name
            elif number == run.last:
                if "…" in name or run.end - run.start > 1:
                    name = self._as_written(run, name, called)
            elif run.written.sign and name == self._as_product(run, called):
                # What the learner wrote is the last one's name.
                name = self._as_called((number,), self._wiring.nodes[number].operation.name, called)
        return name + self._place(tensor) if self._wiring.nodes[number].many else name

    def _place(self, tensor: int) -> str:
        """Say which result of several it is."""
        wiring = self._wiring
        return f"[{wiring.slots[tensor]}]" if wiring.nodes[wiring.at[tensor]].many else ""

    def _by_operation(self, number: int, called: Called) -> str:
        wiring, texts, named = self._wiring, called.texts, called.named
        node, tensors = wiring.nodes[number], wiring.inputs[number]
        names: list[Any] = [texts[tensor] for tensor in tensors]
        own = [named[tensor] for tensor in tensors]
        for place, tensor in enumerate(tensors):
            if tensor == ABSENT:
                names[place], own[place] = "None", True
            elif "ᵀ" in names[place]:
                names[place], own[place] = self._in_names(tensor, called)
        about = self._about[number]
        if about is None:  # most are asked for twice
            about = self._about[number] = self._slots_of_arrays(number), self._texts.get(number, ()), self._module(node)
            if _turns(node):
                self._turning.add(number)
        if number in self._turning:
            return formula("self.T", {"self": names[0]})
        return words.composed(node.operation, tuple(names), tuple(own), *about)

    def _slots_of_arrays(self, number: int) -> tuple[str, ...]:
        """Return the slots of an operation in which there are no single numbers."""
        source, kinds, node = self._wiring.source, self._wiring.kinds, self._wiring.nodes[number]
        found = []
        for slot, tensor, given in zip(node.operation.inputs, self._wiring.inputs[number], node.inputs, strict=True):
            if tensor != ABSENT and kinds[tensor] is not NUMBER:
                axes = source.layout_of(given).ndim if source.is_tensor(given) else np.ndim(given)
                if axes:
                    found.append(slot)
        return tuple(found)

    def _module(self, node: ToldOperation) -> str:
        """Return the path of the innermost module with parameters around an operation."""
        call = node.call
        while call is not None and not call.tag.has_parameters:
            call = call.outer
        return "" if call is None else self._modules.get(id(call.tag), "")

    # --- several operations as one thing ------------------------------------------------------------------------

    def _as_module(self, run: Run, within: Within, called: Called) -> str:
        """Name the result of a module by its path, or as it was written."""
        path = self._modules.get(id(within.call.tag), "")
        return (path and self._as_called(within.operations, path, called)) or self._text(run, called)

    def _as_written(self, run: Run, name: str, called: Called) -> str:
        """Name the result of several operations as one thing, and what would be long as it was written."""
        function, several = run.written.function, run.end - run.start > 1
        if several and run.written.sign:
            name = self._as_product(run, called) or self._text(run, called) or name
        elif several and function:
            entered = "" if function in written.DERIVING else self._as_called(run.operations, function, called)
            name = self._text(run, called) or entered or name
        return (self._text(run, called) if "…" in name else "") or name

    def _as_product(self, run: Run, called: Called) -> str:
        """Name the result of an operator that took several operations by that operator."""
        operands, entering = run.written.operands, self._outside(run.operations)
        if len(operands) != 2 or len(entering) != len({*operands} if all(operands) else operands):
            return ""  # 1/w has one tensor, and x @ x
        outside = [self._in_names(tensor, called)[0] for tensor in (entering[0], entering[-1])]
        arrays = ("self", "other") if self._wiring.nodes[run.last].output_shape else ()
        name = formula(f"self {run.written.sign} other", {"self": outside[0], "other": outside[1]}, arrays=arrays)
        return name if len(name) <= words.LONGEST_NAME else ""

    def _as_called(self, operations: Sequence[int], function: str, called: Called) -> str:
        """Name the result of a function or module by what entered it: ``fc1(x)``."""
        outside = [(called.name(tensor), called.named[tensor]) for tensor in self._outside(operations)]
        outside = [each for each in outside if not each[0].startswith(f"{function}.")]
        if not outside:
            return ""
        for texts in ([text for text, _ in outside], [text if own else "…" for text, own in outside]):
            name = f"{function}({', '.join(dict.fromkeys(texts))})"
            if len(name) <= words.LONGEST_NAME:
                return name
        return f"{function}(…)"

    def _text(self, run: Run, called: Called, most: int = words.LONGEST_NAME) -> str:
        """Return the learner's own expression, unless a variable in it is what something else in the picture is called."""
        text = run.written.entrywise if self._wiring.nodes[run.last].output_shape else run.written.text
        if not text or len(text) > most:
            return ""
        elsewhere = run.written.variables & self._bases
        return "" if elsewhere and elsewhere - self._own(run, called, elsewhere) else text

    def _own(self, run: Run, called: Called, wanted: Iterable[str]) -> set[str]:
        """Return which of some variables an expression really is about: those that enter what is written in it."""
        waiting, seen, found, wiring = [*self._outside(run.operations)], set[int](), set[str](), self._wiring
        while waiting and len(seen) < MOST_OPERANDS:
            tensor = waiting.pop()
            if tensor in seen:
                continue
            seen.add(tensor)
            if called.named[tensor]:
                found.add(uncounted(called.name(tensor)))
            elif wiring.kinds[tensor] is RESULT and (made := self._run_of[wiring.at[tensor]]).is_part_of(run):
                waiting.extend(self._outside(made.operations))
        return found.intersection(wanted)

    def _outside(self, operations: Sequence[int]) -> list[int]:
        """Return the tensors that enter some operations, in the order in which they are used."""
        stretch = (
            operations[0],
            operations[-1],
            len(operations),
        )  # a model is one of a thousand operations, asked about by each
        known = self._entering.get(stretch)
        if known is None:
            known = self._entering[stretch] = self._wiring.outside(operations)
        return known

    def _in_names(self, tensor: int, called: Called) -> tuple[str, bool]:
        """Return what a tensor is called in the names of others: which of its tensor's transposes it is says nothing there."""
        if tensor == ABSENT:
            return "None", True
        text, named = called.name(tensor), called.named[tensor]
        if "ᵀ" not in text:
            return text, named
        turned = self._wiring.kinds[tensor] is RESULT and not named and uncounted(text).endswith("ᵀ")
        return (uncounted(text), False) if turned else (text, named)


def _turns(node: ToldOperation) -> bool:
    """Return True for an operation that exchanges the last two axes."""
    if node.operation.name != "transpose":
        return False
    axes = len(node.output_shape)
    return axes > 2 and {*node.settings} == {axes - 2, axes - 1}
