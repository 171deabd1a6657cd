"""What was computed, collected: everything gets an id and a name, and is kept as it is now.

What is said about it is written when it is read, from an `Applied` operation, which holds nothing of the program's graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from gradviz.catalogue import text
from gradviz.engine.scope import ModuleTag
from gradviz.recording import words
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.made import Made, Operations, Tensors
from gradviz.recording.model import FULL_VALUE_LIMIT, Graph, Pixels, RecordedCall, RecordedModule, Role, Source, Value
from gradviz.recording.names import Names
from gradviz.recording.naming import Naming
from gradviz.recording.pixels import Room
from gradviz.recording.runs import calls_of
from gradviz.recording.source import Places
from gradviz.recording.told import Key, ToldOperation
from gradviz.recording.told import Source as Program
from gradviz.recording.wiring import ABSENT, ARRAY, LEARNED, NUMBER, RESULT, Wiring

Kept = tuple[Any, Value | None, tuple[int, ...], str]
"""Numbers as they are now: a copy, or a value made at once; their shape and dtype."""


class Collection:
    """A graph, and for those who tell of its run what each part of it is called and holds.

    Parameters
    ----------
    source
        The program that computed.
    outputs, nodes
        The results, and the operations behind them, oldest first.
    names
        What the learner calls things.
    numbers
        False to keep no numbers, for a graph that is computed again and again.

    Attributes
    ----------
    graph
        As it is recorded.
    wiring, made
        How it hangs together; and all that is known of its parts.
    output_keys
        Where the results come from.
    detached
        The numbers of the leaves that were cut off by ``detach()``.
    pictured
        By the id of a large tensor, what of its value is kept for its picture.
    seen
        What returns one of the program's tensors, as long as it is there, and its number.
    """

    def __init__(
        self,
        source: Program,
        outputs: Sequence[Any],
        nodes: Sequence[ToldOperation],
        names: Names,
        *,
        numbers: bool = True,
    ) -> None:
        self.source, self.nodes, self.names, self.numbers = source, nodes, names, numbers
        self.output_keys: list[Key] = [source.made_by(tensor) for tensor in outputs]
        self.wiring = Wiring(source, outputs, nodes)
        self.naming = Naming(self.wiring, names)
        self.detached: list[int] = []
        self.pictured: dict[str, Pixels] = {}
        self.seen: list[tuple[Callable[[], Any], int]] = []
        self._modules: dict[int, RecordedModule] = {}
        self._calls: dict[int, tuple[int, RecordedCall]] = {}  # by the engine's call, which a node keeps alive
        self._unnamed: dict[str, int] = {}
        self._places = Places()
        self._sources: list[Source | None] = []
        self._room = Room()
        self._known: dict[tuple[type, Any], Kept] = {}
        self.made, self.graph = self._collected()

    def title(self) -> str:
        """Name the output and say what it is."""
        output = self.wiring.outputs[0]
        name, expression = self.naming.called.name(output), self.naming.expression(output)
        return name if name == expression else f"{name} = {expression}"

    def operand(self, key: Key) -> Operand | None:
        """Return how a result or a leaf takes part; ``None`` for what does not."""
        number = self.wiring.number_of(key)
        return None if number == ABSENT else cast("Operand", self.made.operands[number])

    def applied(self, node: ToldOperation) -> Applied:
        """Return an operation as it was applied."""
        return cast("Applied", self.made.applied[self.wiring.operation_number(node)])

    def _collected(self) -> tuple[Made, Graph]:
        where = self._where()
        of_tensors = self._tensor_columns()
        made = Made(of_tensors, self._operation_columns(where), numbers=self.numbers)
        self._enter_all(made, of_tensors, [path for path, _ in where])
        self._find_sources(len(self.nodes))
        self.seen.extend((self.source.reference_to(view), number) for view, number in self.wiring.alike)
        tensors, operations = cast("Any", made.tensors()), cast("Any", made.operations())
        calls = tuple(call for _, call in self._calls.values())
        graph = Graph(tensors, operations, tuple(self._modules.values()), self._places.code(), calls)
        vars(graph)["outline"] = made
        return made, graph

    # --- tensors ------------------------------------------------------------------------------------------------

    def _tensor_columns(self) -> Tensors:
        wiring, called = self.wiring, self.naming.called
        makers = [at if kind is RESULT else ABSENT for kind, at in zip(wiring.kinds, wiring.at, strict=True)]
        names = cast("list[str]", called.texts)
        return Tensors(names, called.named, makers, wiring.slots, forms=called.forms, viewed=called.viewed)

    def _enter_all(self, made: Made, of: Tensors, modules: Sequence[str]) -> None:
        """Keep what stands in each tensor, and say where it belongs."""
        wiring, source, nodes, outputs = self.wiring, self.source, self.nodes, set(self.wiring.outputs)
        paths = {module.path for module in self._modules.values()}
        role: Role
        for number, (kind, at, holder) in enumerate(zip(wiring.kinds, wiring.at, wiring.holders, strict=True)):
            owner = ""
            if kind is NUMBER:
                role, kept = "constant", self._plain(holder)
            elif kind is RESULT:
                role, owner = "output" if number in outputs else "intermediate", modules[at]
                numbers = source.numbers_in(holder, nodes[at], done=True)
                kept = self._kept(numbers, made, number)
            elif kind is not ARRAY:
                role = "parameter" if kind is LEARNED else "constant" if self.naming.called.numbers[number] else "input"
                owner = self._owner(number, modules[at] if role == "parameter" else "", paths)
                numbers = source.numbers_in(holder, nodes[at])
                kept = self._kept(numbers, made, number)
                self._ask_where_from(number, of)
            else:
                role, numbers = "constant", np.asarray(holder)
                kept = self._kept(numbers, made, number)
            copy, value, shape, dtype = kept
            of.roles.append(role)
            of.owners.append(owner)
            of.shapes.append(shape)
            of.dtypes.append(dtype)
            of.arrays.append(copy)
            if value is not None:
                of.values[number] = value
            if kind is not NUMBER and kind is not ARRAY:
                self.seen.append((source.reference_to(holder), number))
            if self.numbers and len(shape) > 1 and math.prod(shape) > FULL_VALUE_LIMIT:
                pixels = self._room.take(made.operands[number], source, numbers)
                if pixels is not None:
                    self.pictured[f"t{number}"] = pixels

    def _kept(self, numbers: Any, made: Made, tensor: int) -> Kept:
        source = self.source
        copy = value = None
        if self.numbers and (copy := source.copied(numbers)) is None:
            copy, value = source.kept(numbers, made.printed_by(tensor))
        return copy, value, *source.kind_of(numbers)

    def _plain(self, number: Any) -> Kept:
        """Keep a plain number: once for all places where it stands, but for 0 and −0, which are equal."""
        known = self._known.get((type(number), number)) if number else None
        if known is None:
            source, numbers = self.source, np.asarray(number)
            copy = value = None
            if self.numbers and (copy := source.copied(numbers)) is None:
                copy, value = source.kept(numbers)
            known = self._known[type(number), number] = copy, value, *source.kind_of(numbers)
        return known

    def _owner(self, leaf: int, module: str, paths: set[str]) -> str:
        """Return the module whose path a leaf's name begins with; a parameter without a name belongs where it is used first."""
        called = self.naming.called
        owner = (called.name(leaf) + called.forms.get(leaf, "")).rpartition(".")[0]
        if owner in paths:
            return owner
        written_inside = called.name(leaf).startswith("self.")  # of a module that no variable leads to
        return "" if called.named[leaf] and not written_inside else module

    def _ask_where_from(self, number: int, of: Tensors) -> None:
        """Learn of a leaf why no gradient goes back beyond it, where it was made of what had a graph."""
        wiring, source = self.wiring, self.source
        leaf = wiring.holders[number]
        cut = source.cut_of(leaf)
        if cut is not None:
            kind, word, origin = cut
            self._find_sources(wiring.at[number])
            place = None if origin is None else self._places.source(origin)
            line = f" in line {place.line}" if place is not None else ""
            of.cuts[number] = text(f"recorded cut by {kind}", "why", word=word, line=line)
        if wiring.kinds[number] is not LEARNED:
            before = source.detached_from(leaf)
            if before is not None and source.requires_grad(before):  # it is still there and takes part in a graph
                self.detached.append(number)

    # --- operations and modules ---------------------------------------------------------------------------------

    def _operation_columns(self, where: Sequence[tuple[str, int | None]]) -> Operations:
        nodes, source, wiring = self.nodes, self.source, self.wiring
        rows = [node.operation for node in nodes]
        first = nodes[0].made if nodes else 0
        with_settings = [(number, node) for number, node in enumerate(nodes) if node.settings]
        symbols = [
            row.symbol if isinstance(row.symbol, str) else row.symbol(*node.settings)
            for row, node in zip(rows, nodes, strict=True)
        ]
        settings = {
            number: tuple(map(words.kept_setting, node.settings))
            for number, node in with_settings
            # A function of the user's own has no formula that reads them.
            if self.numbers and node.operation.derivatives
        }
        return Operations(
            rows,
            wiring.inputs,
            wiring.results,
            wiring.targets,
            self.naming.texts,
            [node.output_shape for node in nodes],
            [source.name_of(node) for node in nodes],
            symbols,
            [node.made - first for node in nodes],
            [path for path, _ in where],
            [call for _, call in where],
            self._sources,
            [tuple([edge is not None for edge in node.edges]) for node in nodes],
            {
                number: saved
                for number, node in enumerate(nodes)
                if rows[number].readers and (saved := node.saved_names())
            },
            settings,
            {number: part for number, node in enumerate(nodes) if (part := source.part_of(node)) is not None},
        )

    def _find_sources(self, until: int) -> None:
        """Look up where operations were written, up to one."""
        self._sources.extend([self._places.source(node.origin) for node in self.nodes[len(self._sources) : until]])

    def _where(self) -> list[tuple[str, int | None]]:
        """Return for each operation in which module it ran, and in which call."""
        found: dict[int, tuple[str, int | None]] = {id(None): ("", None)}
        for node in self.nodes:
            if id(node.call) not in found:
                found[id(node.call)] = self._call(node)
        return [found[id(node.call)] for node in self.nodes]

    def _call(self, node: ToldOperation) -> tuple[str, int | None]:
        """Return the path of the innermost module that holds parameters, and which call it was; enter those around it."""
        path, place = "", None
        for call in calls_of(node):
            if call.tag.has_parameters:
                path = self._module(call.tag, path)
                made = RecordedCall(path, place)
                place, _ = self._calls.setdefault(id(call), (len(self._calls), made))
        return path, place

    def _module(self, tag: ModuleTag, around: str) -> str:
        """Return a module's path; enter it if it is new."""
        known = self._modules.get(id(tag))
        if known is None:
            name = self.names.modules.get(id(tag))
            if name is None:  # no variable leads to it: call it by its class, and count those of one class
                kind = (f"{around}." if around else "") + (tag.name or tag.class_name.lower())
                self._unnamed[kind] = self._unnamed.get(kind, 0) + 1
                name = kind if self._unnamed[kind] == 1 else f"{kind}{self._unnamed[kind]}"
            known = self._modules[id(tag)] = RecordedModule(name, tag.class_name, tag.label, around or None)
        return known.path
