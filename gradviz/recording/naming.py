"""What everything in a graph is called: by the learner where there is such a name, else by what made it; no two things alike.

A tensor is called, in this order, by

- a name that was given, a module's path, or a variable that the caller sees (`gradviz.recording.names`),
- the variable to which its value was assigned where it was computed, or in which it was used: ``w`` of ``w, b = p``,
- its place in a container: ``p[0]``,
- what made it: ``w·x``, ``fc1(x)``, ``cross_entropy(logits, y)``.

A name that several tensors have, as ``h`` of a loop, is counted from 0 in the order in which they came to be: ``h⁽⁰⁾``, ``h⁽¹⁾``.
Only numbers written in a program may look alike.

The file is longer than others since each rule reads what the rules before it have left without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from gradviz.engine.notation import binding, formula
from gradviz.engine.scope import Call
from gradviz.recording import words, written
from gradviz.recording.names import Names
from gradviz.recording.placed import place_in
from gradviz.recording.runs import Run, runs_of, within_calls
from gradviz.recording.told import Key, Source, ToldOperation, is_result, places_of

MOST_OPERANDS = 64
"""So many tensors are looked at to learn what an expression is about."""

PLAIN = frozenset((float, int, bool))
"""What a plain number is an object of."""

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(slots=True)
class Called:
    """What one tensor is called.

    Attributes
    ----------
    text
        Its name.
    named
        Whether that is a name of the learner's own (or a number), and not composed.
    number
        Whether it is just a number, which is called by what it is.
    form
        How it differs from the tensor of that name, as a card says it and formulas do not: ``", reshaped"``.
    viewed
        The shape of that tensor, if it has the same entries in the same order.
    """

    text: str
    named: bool = True
    number: bool = False
    form: str = ""
    viewed: tuple[int, ...] = ()


_NOTHING = Called("None")


def counted(name: str, count: int) -> str:
    """Tell a tensor from others of its name: the first one is ``h⁽⁰⁾``.

    Examples
    --------
    >>> counted("h", 0), counted("w·x", 12)
    ('h⁽⁰⁾', '(w·x)⁽¹²⁾')
    """
    return f"{_atom(name)}⁽{str(count).translate(_RAISED)}⁾"


@lru_cache(maxsize=256)
def _atom(name: str) -> str:
    return name if binding(name) >= binding("x") else f"({name})"


def uncounted(name: str) -> str:
    """Return a name without its count: ``"h"`` of ``"h⁽¹⁾"``."""
    start, mark, _ = name.rpartition("⁽")
    return start if mark and name.endswith("⁾") else name


class Naming:
    """The names of all tensors of a graph.

    Parameters
    ----------
    source
        The program that computed.
    nodes
        The graph, oldest first.
    used
        The results that are drawn.
    names
        What is known from the variables.

    Attributes
    ----------
    called
        By key, as in `gradviz.recording.collect.Collection.operands`.
    texts
        By node: the words for its settings, if it has any.
    inputs
        By node: the keys of its arguments; ``None`` for a bias that there is not.
    results
        By node: the keys of those of its results that are drawn.
    targets
        By node: what it compares with, if it is such a loss.
    alike
        By the ``id`` of a view: it, and the first view of the same numbers in the same shape, in whose place it stands.
    """

    def __init__(self, source: Source, nodes: Sequence[ToldOperation], used: Mapping[Key, Any], names: Names) -> None:
        self._source = source
        self._nodes, self._used, self._names = nodes, used, names
        self._within = within_calls(nodes)
        self._runs = list(runs_of(nodes))
        self._run_of = {node: run for run in self._runs for node in run.nodes}
        self._call_at = self._calls_at_their_ends()
        self._views: dict[Any, Any] = {}
        self.alike: dict[int, tuple[Any, Any]] = {}
        self._numbers: dict[str, Called] = {}
        self._about: dict[ToldOperation, tuple[tuple[str, ...], tuple[tuple[str, str], ...], str]] = {}
        self._entering: dict[int, tuple[Any, list[Key]]] = {}  # what enters some operations, by their list
        self.targets = {node: told for node in nodes if (told := source.targets_of(node))}
        self._leafless: set[ToldOperation] = set()  # those that take nothing but results and plain numbers
        self.inputs = {node: self._keys_of_arguments(node) for node in nodes}
        self.results = {node: self._keys_of_results(node) for node in nodes}
        self._hints = self._operands_as_written()
        self.texts = {n: words.settings_words(n.operation, n.settings) for n in nodes if n.operation.settings}
        self.called: dict[Key, Called] = {}
        hinted = self._as_known()
        self._prefer_places(hinted)
        self._bases = {called.text for called in self.called.values()}
        self._count()
        for node, targets in self.targets.items():
            names_of = {slot: self.called[self.key_of_target(tensor)].text for slot, tensor in targets}
            self.texts[node] = tuple([(name, names_of.get(name, text)) for name, text in self.texts[node]])
        self._compose()

    def key_of_target(self, tensor: Any) -> Key:
        """Return the key of what a loss compares with: a result of the graph, or a leaf."""
        made = self._source.made_by(tensor)
        return made if made in self._used else ("leaf", id(self.first_alike(tensor)))

    def first_alike(self, leaf: Any) -> Any:
        """Return the first view of the same numbers in the same shape: a library makes one for each product with them."""
        view = self._source.view_of(leaf)
        first = leaf if view is None else self._views.setdefault(view, leaf)
        if first is not leaf:
            self.alike[id(leaf)] = leaf, first
        return first

    def _keys_of_arguments(self, node: ToldOperation) -> list[Key | None]:
        made, keys, plain = self._source.operation, list[Key | None](), node not in self.targets
        for place, edge in enumerate(node.edges):
            if edge is not None:
                if isinstance(edge[0], made):
                    keys.append(edge)
                    continue
                keys.append(("leaf", id(edge[0].variable)))
                plain = False
                continue
            argument = node.inputs[place]
            if type(argument) in PLAIN:
                keys.append(("constant", node, place))
            elif self._source.is_tensor(argument):
                keys.append(("leaf", id(self.first_alike(argument))))
                plain = False
            else:
                keys.append(None if argument is None else ("constant", node, place))
                plain = False
        if plain:
            self._leafless.add(node)
        return keys

    def _keys_of_results(self, node: ToldOperation) -> list[Key]:
        if not node.many:
            return [key] if (key := (node, 0)) in self._used else []
        return [key for place in places_of(node) if (key := (node, place)) in self._used]

    def _outside(self, nodes: Sequence[ToldOperation]) -> list[Key]:
        """Return the tensors that enter some operations, in the order in which they are used."""
        if (
            len(nodes) > 1 and id(nodes) in self._entering
        ):  # a model is one of a thousand operations, asked about by each
            return list(self._entering[id(nodes)][1])
        inside = set(nodes)
        keys: list[Key | None] = []
        for node in nodes:
            arguments = zip(self.inputs[node], node.inputs, strict=True)
            keys += [
                key
                for key, argument in arguments
                if isinstance(argument, np.ndarray) or self._source.is_tensor(argument)
            ]
            keys += [self.key_of_target(tensor) for _, tensor in self.targets.get(node, ())]
        found = list(dict.fromkeys(key for key in keys if key is not None and key[0] not in inside))
        if len(nodes) > 1:
            self._entering[id(nodes)] = nodes, found
        return list(found)

    def _calls_at_their_ends(self) -> dict[ToldOperation, Call]:
        """Return the module whose result each operation is, if all of that module's was run by one instruction of the learner's.

        Of modules within each other it is the outermost.
        """
        found: dict[ToldOperation, Call] = {}
        for call, inside in self._within.values():  # those around it come before a call
            if self._run_of[inside[0]] is self._run_of[inside[-1]]:
                found.setdefault(inside[-1], call)
        return found

    # --- what the learner says ----------------------------------------------------------------------------------

    def _as_known(self) -> dict[Key, str]:
        """Call everything as its variable is called, in the order in which it came to be; return what got its name where it was used."""
        called, hints, hinted, named = self.called, self._hints, dict[Key, str](), self._names.results
        for node in self._nodes:
            for place, (key, edge) in enumerate(zip(self.inputs[node], node.edges, strict=True)):
                if key is edge or key is None or key in called:
                    continue
                leaf = node.inputs[place] if edge is None else edge[0].variable
                if type(leaf) in PLAIN:
                    called[key] = self._as_number(words.setting_text(leaf))
                else:
                    self._as_leaf(key, leaf, node, node.operation.inputs[place], hinted)
            for slot, tensor in self.targets.get(node, ()):
                if (key := self.key_of_target(tensor)) not in called and not is_result(key):
                    self._as_leaf(key, tensor, node, slot, hinted)
            for key in self.results[node]:
                hint = hints.get(key, "")
                result = id(node), key[1]
                name = named.get(result) if named else None
                if name is not None and not (hint and self._names.places.get(result) == name):
                    called[key] = Called(name, named=result not in self._names.composed)
                elif hint:
                    called[key], hinted[key] = Called(hint), hint
        return hinted

    def _as_leaf(self, key: Key, leaf: Any, node: ToldOperation, slot: str, hinted: dict[Key, str]) -> None:
        known, hint = self._known(leaf), self._hints.get(key, "")
        if hint.endswith(")") and self._source.is_tensor(leaf) and self._may_be_a_number(leaf):
            hint = ""  # a number is shorter than what made it
        if known is not None and not (hint and self._names.places.get(_identity(key)) == known.text):
            self.called[key] = known
        elif hint:
            self.called[key], hinted[key] = Called(hint), hint
        else:
            self.called[key] = self._unknown_leaf(leaf, node, slot)

    def _known(self, leaf: Any) -> Called | None:
        """Return the name that a leaf has in the caller's variables, if any."""
        source = self._source
        if not source.is_tensor(leaf):
            return None
        identity = source.identity(leaf)
        name = self._names.by(identity)
        if name is not None:
            return Called(name, named=identity not in self._names.composed)
        before, base = source.detached_from(leaf), source.base_of(leaf)
        if before is None and base is not None:
            name = self._names.by(source.identity(base))
            return None if name is None else _view(name, source.layout_of(base), source.layout_of(leaf))
        if before is None or not source.requires_grad(before):
            return None
        name = self._names.by(source.identity(before))
        return None if name is None else Called(f"{name}.detach()")

    def _unknown_leaf(self, leaf: Any, node: ToldOperation, slot: str) -> Called:
        """Call a leaf without a name by the number it is, or by its part in the operation, where that says something."""
        if not self._source.is_tensor(leaf):
            array = np.asarray(leaf)
            return self._as_number(words.setting_text(array.item())) if array.size == 1 else Called("constant")
        if self._may_be_a_number(leaf):
            number = self._source.written_number(leaf, node)
            if number is not None:
                return self._as_number(words.setting_text(number))
        return Called(slot if slot in ("target", "weight", "bias", "condition") else "tensor", named=False)

    def _as_number(self, text: str) -> Called:
        """Call something by the number it is: all that are called so are called alike, and are never counted."""
        known = self._numbers.get(text)
        if known is None:
            known = self._numbers[text] = Called(text, number=True)
        return known

    def _may_be_a_number(self, leaf: Any) -> bool:
        return not self._source.requires_grad(leaf) and self._source.layout_of(leaf).ndim == 0

    def _slots_of_arrays(self, node: ToldOperation) -> tuple[str, ...]:
        """Return the slots of an operation in which there are no single numbers."""
        source, arguments = self._source, zip(node.operation.inputs, node.inputs, strict=True)
        return tuple(
            [
                slot
                for slot, each in arguments
                if type(each) not in PLAIN
                and (source.layout_of(each).ndim if source.is_tensor(each) else np.ndim(each))
            ]
        )

    def _operands_as_written(self) -> dict[Key, str]:
        """Return what results were assigned to, and by which variables leaves were used, where the operations ran."""
        hints: dict[Key, str] = {}
        for run in self._runs:
            target, last = run.written.target, run.nodes[-1]
            if target and not last.many and not self._goes_on(run):
                hints[last, 0] = target
            if self._leafless.issuperset(run.nodes):
                continue
            if run.written.function in written.DERIVING or not any(run.written.operands):
                continue
            outside = [key for key in self._outside(run.nodes) if _identity(key) not in self._names.parameters]
            operands = run.written.operands
            for named in (operands, operands[1:] if run.written.received else (), tuple(filter(None, operands))):
                if len(named) == len(outside):
                    for key, name in zip(outside, named, strict=True):
                        if name and not is_result(key):
                            hints.setdefault(key, name)
                    break
        return hints

    def _goes_on(self, run: Run) -> bool:
        """Return True for an operation in the midst of Python's own ``sum()``: what that adds up is not yet its result."""
        return run.written.function in ("sum", "reduce") and run.nodes[-1] in self._feeding

    @cached_property
    def _feeding(self) -> set[ToldOperation]:
        """Those whose result the same instruction uses again."""
        edges = ((node, edge[0]) for node in self._nodes for edge in node.edges if edge is not None)
        return {
            made
            for node, made in edges
            if isinstance(made, self._source.operation) and _is_at(made.origin, node.origin)
        }

    def _prefer_places(self, hinted: Mapping[Key, str]) -> None:
        """Call what lies in a container by its place, where a variable of another moment or function would be several things."""
        holders: dict[str, int] = {}
        for called in self.called.values() if self._names.places else ():
            holders[called.text] = holders.get(called.text, 0) + 1
        for key, name in hinted.items():
            place = self._names.places.get(_identity(key))
            if place is not None and (holders[name] > 1 or not name.isidentifier()):
                self.called[key] = Called(place)

    def _count(self) -> None:
        """Count those that have one name."""
        alike: dict[str, list[Key]] = {}
        for key, called in self.called.items():
            if not called.number:
                alike.setdefault(called.text + called.form, []).append(key)
        for keys in alike.values():
            others = [key for key in keys if _identity(key) not in self._names.given]
            if len(keys) > 1:
                for count, key in enumerate(others):
                    self.called[key].text = counted(self.called[key].text, count)

    # --- what is composed ---------------------------------------------------------------------------------------

    def _compose(self) -> None:
        """Name each result that has no name yet by what made it."""
        plain: dict[Key, str] = {}
        alike: dict[str, int] = {}
        missing = [key for node in self._nodes for key in self.results[node] if key not in self.called]
        draft = dict(self.called)
        for key in missing:
            plain[key] = self._composed(key, draft)
            draft[key] = Called(plain[key], named=False)
            alike[plain[key]] = alike.get(plain[key], 0) + 1
        taken = {called.text for called in self.called.values()}
        counts: dict[str, int] = {}
        others: set[Key] = set()  # what is called otherwise than in the draft
        for key in missing:
            same = not others or others.isdisjoint(self._read_by(key))
            name = plain[key] if same else self._composed(key, self.called)
            if name in taken and alike[plain[key]] == 1:  # wᵀᵀ is not w itself
                name = self._as_called(key[:1], key[0].operation.name, self.called) or name
            if name in taken or (name == plain[key] and alike[name] > 1):
                place = f"[{key[1]}]" if key[0].many else ""
                base = name
                while (name := counted(base.removesuffix(place), counts.get(base, 0)) + place) in taken:
                    counts[base] = counts.get(base, 0) + 1
            if name != plain[key]:
                others.add(key)
            taken.add(name)
            self.called[key] = Called(name, named=False)

    def expression(self, key: Key) -> str:
        """Write what made a result, whatever it is called: as it was written where there is no other short form."""
        name = self._composed(key, self.called)
        return (self._text(self._run_of[key[0]], self.called, written.LONGEST) if "…" in name else "") or name

    def _composed(self, key: Key, called: Mapping[Key, Called]) -> str:
        """Name a result by what made it: ``w·x``, ``fc1(x)``."""
        node, place = key
        run, call = self._run_of[node], self._call_at.get(node)
        name = self._by_operation(node, called)
        if call is not None and (call.tag.has_parameters or "…" in name):
            path = self._names.modules.get(id(call.tag), "")
            name = (
                (path and self._as_called(self._within[id(call)][1], path, called)) or self._text(run, called) or name
            )
        elif node is run.nodes[-1]:
            name = self._as_written(run, name, called)
        elif run.written.sign and name == self._as_product(run, called):
            # What the learner wrote is the last one's name.
            name = self._as_called((node,), node.operation.name, called)
        return f"{name}[{place}]" if node.many else name

    def _read_by(self, key: Key) -> Iterator[Key | None]:
        """Go through the tensors whose names may stand in a composed one."""
        run, call = self._run_of[key[0]], self._call_at.get(key[0])
        yield from self.inputs[key[0]]
        if call is not None:
            yield from self._outside(self._within[id(call)][1])
        if run.written.sign or key[0] is run.nodes[-1]:
            yield from self._outside(run.nodes)

    def _by_operation(self, node: ToldOperation, called: Mapping[Key, Called]) -> str:
        names = []
        for of in self.inputs[node]:
            own = _NOTHING if of is None else called[of]
            names.append(own if of is None or "ᵀ" not in own.text else _in_names(of, called))
        if _turns(node):
            return formula("self.T", {"self": names[0].text})
        about = self._about.get(node)
        if about is None:  # most are asked for twice
            about = self._about[node] = self._slots_of_arrays(node), self.texts.get(node, ()), self._module(node)
        texts, named = tuple([each.text for each in names]), tuple([each.named for each in names])
        return words.composed(node.operation, texts, named, *about)

    def _as_written(self, run: Run, name: str, called: Mapping[Key, Called]) -> str:
        """Name the result of several operations as one thing, and what would be long as it was written."""
        function = run.written.function
        if len(run.nodes) > 1 and run.written.sign:
            name = self._as_product(run, called) or self._text(run, called) or name
        elif len(run.nodes) > 1 and function:
            entered = "" if function in written.DERIVING else self._as_called(run.nodes, function, called)
            name = self._text(run, called) or entered or name
        return (self._text(run, called) if "…" in name else "") or name

    def _as_product(self, run: Run, called: Mapping[Key, Called]) -> str:
        """Name the result of an operator that took several operations by that operator."""
        outside, operands = [_in_names(key, called).text for key in self._outside(run.nodes)], run.written.operands
        if len(operands) != 2 or len(outside) != len({*operands} if all(operands) else operands):
            return ""  # 1/w has one tensor, and x @ x
        words_of = {"self": outside[0], "other": outside[-1]}
        arrays = ("self", "other") if run.nodes[-1].output_shape else ()
        name = formula(f"self {run.written.sign} other", words_of, arrays=arrays)
        return name if len(name) <= words.LONGEST_NAME else ""

    def _as_called(self, nodes: Sequence[ToldOperation], function: str, called: Mapping[Key, Called]) -> str:
        """Name the result of a function or module by what entered it: ``fc1(x)``."""
        outside = [called[key] for key in self._outside(nodes)]
        outside = [each for each in outside if not each.text.startswith(f"{function}.")]
        if not outside:
            return ""
        for texts in ([each.text for each in outside], [each.text if each.named else "…" for each in outside]):
            name = f"{function}({', '.join(dict.fromkeys(texts))})"
            if len(name) <= words.LONGEST_NAME:
                return name
        return f"{function}(…)"

    def _text(self, run: Run, called: Mapping[Key, Called], most: int = words.LONGEST_NAME) -> str:
        """Return the learner's own expression, unless a variable in it is what something else in the picture is called."""
        text, elsewhere = run.written.text, run.written.variables & self._bases
        if run.nodes[-1].output_shape:
            text = run.written.entrywise
        return "" if len(text) > most or (elsewhere and elsewhere - self._own(run, called, elsewhere)) else text

    def _own(self, run: Run, called: Mapping[Key, Called], wanted: Iterable[str]) -> set[str]:
        """Return which of some variables an expression really is about: those that enter what is written in it."""
        waiting, seen, found = self._outside(run.nodes), set[Key](), set[str]()
        while waiting and len(seen) < MOST_OPERANDS:
            key = waiting.pop()
            if key in seen:
                continue
            seen.add(key)
            made = self._run_of.get(key[0])
            if called[key].named:
                found.add(uncounted(called[key].text))
            elif made is not None and made.is_part_of(run):
                waiting.extend(self._outside(made.nodes))
        return found.intersection(wanted)

    def _module(self, node: ToldOperation) -> str:
        """Return the path of the innermost module with parameters around an operation."""
        call = node.call
        while call is not None and not call.tag.has_parameters:
            call = call.outer
        return "" if call is None else self._names.modules.get(id(call.tag), "")


def _is_at(origin: tuple[Any, int], other: tuple[Any, int]) -> bool:
    return origin[0] is other[0] and origin[1] == other[1]  # code is compared by all that is in it, which takes long


def _in_names(key: Key, called: Mapping[Key, Called]) -> Called:
    """Return what a tensor is called in the names of others: which of its tensor's transposes it is says nothing there."""
    own = called[key]
    if "ᵀ" not in own.text:
        return own
    turned = is_result(key) and not own.named and uncounted(own.text).endswith("ᵀ")
    return Called(uncounted(own.text), named=False) if turned else own


def _identity(key: Key) -> Any:
    return key[1] if key[0] == "leaf" else (id(key[0]), key[1])


def _turns(node: ToldOperation) -> bool:
    """Return True for an operation that exchanges the last two axes."""
    if node.operation.name != "transpose":
        return False
    axes = len(node.output_shape)
    return axes > 2 and {*node.settings} == {axes - 2, axes - 1}


def _view(name: str, base: Any, view: Any) -> Called:
    """Name a view of a named tensor.

    A vector that takes part in a matrix product does so as a row or a column: its card says so, as it has a shape that the
    vector has not, and formulas leave it at the name.
    """
    if view.shape == base.shape and view.strides == base.strides:
        return Called(name)
    if view.size < base.size:
        return Called(f"{name}[{place_in(base, view)}]")
    if view.ndim == 2 and view.shape == base.shape[::-1] and view.strides == base.strides[::-1]:
        return Called(f"{name}ᵀ")
    row, column = base.ndim == 1 and view.shape == (1, base.size), base.ndim == 1 and view.shape == (base.size, 1)
    form = (
        " as a row" if row else " as a column" if column else ", reshaped" if view.size == base.size else ", stretched"
    )
    same = view.size == base.size and view.flags.c_contiguous and base.flags.c_contiguous
    return Called(name, form=form, viewed=base.shape if same else ())
