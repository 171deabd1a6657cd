"""What was computed, collected: everything gets an id and a name, and is kept as it is now.

What is said about it is written when it is read, from an `Applied` operation, which holds nothing of the program's graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from gradviz.catalogue import text
from gradviz.engine.scope import ModuleTag
from gradviz.recording import words
from gradviz.recording.applied import Applied, Operand, printed_by
from gradviz.recording.made import Extra, Made, Ran
from gradviz.recording.model import Graph, Pixels, RecordedCall, RecordedModule, Role
from gradviz.recording.names import Names
from gradviz.recording.naming import Naming
from gradviz.recording.pixels import Room
from gradviz.recording.runs import calls_of
from gradviz.recording.source import Places
from gradviz.recording.told import Key, Source, ToldOperation

NO_TARGETS: Mapping[str, Operand] = {}


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
    operands
        How tensors take part in formulas: by ``(node, number of the output)`` for a result, ``("leaf", id(tensor))`` for a leaf
        and ``("constant", node, place)`` for a plain number.
    applied
        By node.
    tensors
        The operands that are tensors of the graph, in order.
    constants
        Those that are plain numbers.
    detached
        The leaves that were cut off by ``detach()``.
    pictured
        By the id of a large tensor, what of its value is kept for its picture.
    seen
        By ``id``: what returns one of the program's tensors, as long as it is there, and the id that it has got.
    """

    def __init__(
        self,
        source: Source,
        outputs: Sequence[Any],
        nodes: Sequence[ToldOperation],
        names: Names,
        *,
        numbers: bool = True,
    ) -> None:
        self.source = source
        self.outputs, self.nodes, self.names, self.numbers = outputs, nodes, names, numbers
        self.output_keys: list[Key] = [source.made_by(tensor) for tensor in outputs]
        self.operands: dict[Key, Operand] = {}
        self.applied: dict[ToldOperation, Applied] = {}
        self.constants: list[Operand] = []
        self.detached: list[Operand] = []
        self.seen: dict[int, tuple[Callable[[], Any], str]] = {}
        self.tensors: list[Operand] = []
        self._extras: dict[str, Extra] = {}
        self._modules: dict[int, RecordedModule] = {}
        self._calls: dict[int, tuple[int, RecordedCall]] = {}  # by the engine's call, which a node keeps alive
        self._unnamed: dict[str, int] = {}
        self._places = Places()
        self._room = Room()
        self._paths: set[str] = set()  # of the modules
        self.pictured: dict[str, Pixels] = {}
        self.graph = self._graph()

    def title(self) -> str:
        """Name the output and say what it is."""
        name, expression = self.operands[self.output_keys[0]].name, self.naming.expression(self.output_keys[0])
        return name if name == expression else f"{name} = {expression}"

    def _graph(self) -> Graph:
        used = self._used()
        source = self.source
        self.naming = Naming(source, self.nodes, used, self.names)
        naming, known = self.naming, self.operands
        where: dict[int, tuple[str, int | None]] = {id(None): ("", None)}
        for node in self.nodes:
            if id(node.call) not in where:
                where[id(node.call)] = self._call(node)
        self._paths = {module.path for module in self._modules.values()}
        ran: list[Ran] = []
        for number, node in enumerate(self.nodes):
            row, settings = node.operation, node.settings
            module, call = where[id(node.call)]
            operands = tuple(
                [
                    known.get(key or ()) or self._argument(node, place, module)
                    for place, key in enumerate(naming.inputs[node])
                ]
            )
            targets = naming.targets.get(node)
            # Of many results only those are drawn that something uses.
            keys = naming.results[node]
            applied = self.applied[node] = Applied(
                f"o{number}",
                row,
                # A function of the user's own has no formula that reads them.
                tuple(map(words.kept_setting, settings)) if settings and row.derivatives and self.numbers else (),
                naming.texts.get(node, ()),
                operands,
                (),
                keys[0][1],
                node.output_shape,
                tuple([place for _, place in keys]) if node.many else (0,),
                source.part_of(node),
                {name: self._target(node, tensor, module) for name, tensor in targets} if targets else NO_TARGETS,
            )
            applied.results = tuple([self._result(applied, key, used[key], module) for key in keys])
            ran.append(self._ran(node, module, call))
        for place, (view, first) in naming.alike.items():
            known["leaf", place] = known["leaf", id(first)]
            self.seen[place] = source.reference_to(view), known["leaf", place].id
        calls = tuple(call for _, call in self._calls.values())
        made = Made(self.tensors, self._extras, tuple(self.applied.values()), ran, numbers=self.numbers)
        tensors, operations = cast("Any", made.tensors()), cast("Any", made.operations())
        graph = Graph(tensors, operations, tuple(self._modules.values()), self._places.code(), calls)
        vars(graph)["outline"] = made
        return graph

    # --- tensors ------------------------------------------------------------------------------------------------

    def _used(self) -> dict[Key, Any]:
        """The tensor of each result: the one some operation used, or an output."""
        results: dict[Key, Any] = {}
        made = self.source.operation
        for node in self.nodes:
            for argument, edge in zip(node.inputs, node.edges, strict=True):
                if edge is not None and isinstance(edge[0], made):
                    results.setdefault(edge, argument)
        for tensor, key in zip(self.outputs, self.output_keys, strict=True):
            results.setdefault(key, tensor)
        return results

    def _argument(self, node: ToldOperation, place: int, module: str) -> Operand:
        """Enter an argument that is a leaf or a number, and return how it takes part."""
        argument, edge = node.inputs[place], node.edges[place]
        if edge is None and not self.source.is_tensor(argument):
            if argument is None:  # a bias that there is not: nothing to draw
                return Operand("", "None", True, np.asarray(None), None, ())
            constant = self._enter(("constant", node, place), "constant", np.asarray(argument))
            self.constants.append(constant)
            return constant
        leaf = edge[0].variable if edge is not None else argument
        first = leaf if edge is not None else self.naming.first_alike(leaf)
        key = ("leaf", id(first))
        return self.operands.get(key) or self._leaf(key, first, edge is not None, node, module)

    def _target(self, node: ToldOperation, tensor: Any, module: str) -> Operand:
        """Return what a loss compares with: no gradient flows there, so for the row of the table it is a setting."""
        key = self.naming.key_of_target(tensor)
        return self.operands.get(key) or self._leaf(key, tensor, False, node, module)

    def _leaf(self, key: Key, leaf: Any, requires_grad: bool, node: ToldOperation, module: str) -> Operand:
        """Enter a leaf: into the module whose path its name begins with; a parameter without a name where it is used first."""
        called = self.naming.called[key]
        role: Role = "parameter" if requires_grad else "constant" if called.number else "input"
        owner = (called.text + called.form).rpartition(".")[0]
        if owner not in self._paths:
            owner = module if role == "parameter" and not called.named else ""
        numbers = self.source.numbers_in(leaf, node)
        operand = self._enter(key, role, numbers, module=owner, cut=self._cut(leaf))
        self.seen[id(leaf)] = self.source.reference_to(leaf), operand.id
        if not requires_grad and self._cut_off(leaf):
            self.detached.append(operand)
        return operand

    def _cut(self, leaf: Any) -> str:
        """Say why no gradient goes back beyond a leaf, where it was made of what had a graph."""
        cut = self.source.cut_of(leaf)
        if cut is None:
            return ""
        kind, word, origin = cut
        source = None if origin is None else self._places.source(origin)
        line = f" in line {source.line}" if source is not None else ""
        return text(f"recorded cut by {kind}", "why", word=word, line=line)

    def _result(self, applied: Applied, key: Key, tensor: Any, module: str) -> Operand:
        role: Role = "output" if key in self.output_keys else "intermediate"
        numbers = self.source.numbers_in(tensor, key[0], done=True)
        operand = self._enter(key, role, numbers, maker=applied, module=module)
        self.seen[id(tensor)] = self.source.reference_to(tensor), operand.id
        return operand

    def _enter(
        self, key: Key, role: Role, numbers: Any, *, maker: Applied | None = None, module: str = "", cut: str = ""
    ) -> Operand:
        number, called = len(self.tensors), self.naming.called[key]
        id = f"t{number}"
        copy = value = None
        if self.numbers and (copy := self.source.copied(numbers)) is None:
            copy, value = self.source.kept(numbers, None if maker is None else printed_by(maker, key[1]))
        shape, dtype = self.source.kind_of(numbers)
        operand = Operand(id, called.text, called.named, copy, value, shape, dtype, role, module, number, maker)
        self.operands[key] = operand
        self.tensors.append(operand)
        if called.form or called.viewed or cut:
            self._extras[id] = Extra(called.form, called.viewed, cut)
        if self.numbers and len(shape) > 1 and (pixels := self._room.take(operand, self.source, numbers)) is not None:
            self.pictured[id] = pixels
        return operand

    def _cut_off(self, leaf: Any) -> bool:
        """Return True if a leaf was detached from a tensor that is still there and takes part in a graph."""
        before = self.source.detached_from(leaf)
        return before is not None and self.source.requires_grad(before)

    # --- operations and modules ---------------------------------------------------------------------------------

    def _ran(self, node: ToldOperation, module: str, call: int | None) -> Ran:
        row = node.operation
        return Ran(
            self.source.name_of(node),
            row.symbol if isinstance(row.symbol, str) else row.symbol(*node.settings),
            node.made - self.nodes[0].made,
            module,
            call,
            self._places.source(node.origin),
            tuple([edge is not None for edge in node.edges]),
            node.saved_names() if row.readers else (),
        )

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
