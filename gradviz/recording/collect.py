"""What was computed, collected: everything gets an id and a name, and is kept as it is now.

What is said about it is written when it is read, from an `Applied` operation, which holds none of the engine's graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor as EngineTensor
from gradviz.recording import words
from gradviz.recording.later import later
from gradviz.recording.model import Argument, Graph, Module, Operation, Role, Tensor, Value
from gradviz.recording.names import Names
from gradviz.recording.passes import Key, places_of
from gradviz.recording.source import Places
from gradviz.recording.values import dtype_text, kept
from gradviz.recording.words import Applied, Operand


class Collection:
    """A graph, and for those who tell of its run what each part of it is called and holds.

    Parameters
    ----------
    outputs, nodes
        The results, and `nodes_behind` them.
    names
        What the learner calls things.
    numbers
        False to keep no numbers, for a graph that is computed again and again.

    Attributes
    ----------
    graph
        As it is recorded.
    ids
        The tensors' ids: by ``(node, number of the output)`` for a result, ``("leaf", id(tensor))`` for a leaf and
        ``("constant", node, place)`` for a plain number.
    operands, applied
        How tensors and operations take part in formulas.
    arguments, results
        By node, the keys of what it was given, and of those of its outputs that something uses.
    leaves, detached
        The leaves by their keys; and of these the keys of those that were cut off by ``detach()``.
    """

    def __init__(
        self, outputs: Sequence[EngineTensor], nodes: Sequence[Node], names: Names, *, numbers: bool = True
    ) -> None:
        self.outputs, self.nodes, self.names, self.numbers = outputs, nodes, names, numbers
        self.output_keys: list[Key] = [(tensor._grad_fn, tensor._output_nr) for tensor in outputs]
        self.node_ids = {node: f"o{place}" for place, node in enumerate(nodes)}
        self.ids: dict[Key, str] = {}
        self.operands: dict[Key, Operand] = {}
        self.applied: dict[Node, Applied] = {}
        self.arguments: dict[Node, list[Key]] = {}
        self.results: dict[Node, list[Key]] = {}
        self.leaves: dict[Key, EngineTensor] = {}
        self.detached: set[Key] = set()
        self._tensors: dict[Key, Tensor] = {}
        self._kept: dict[int, tuple[Any, Any, Value]] = {}
        self._modules: dict[int, Module] = {}
        self._unnamed: dict[str, int] = {}
        self._places = Places()
        self.graph = self._graph()

    def kept(self, array: Any) -> tuple[Any, Value]:
        """Return `gradviz.recording.values.kept` of an array, once for all who hold it."""
        known = self._kept.get(id(array))
        if known is None:
            known = self._kept[id(array)] = (array, *kept(array))  # with the array, or its id may become another's
        return known[1:]

    def value(self, array: Any) -> Value:
        """Return an array as it is now."""
        return self.kept(array)[1]

    def title(self) -> str:
        """Name the output and say what it is."""
        node = self.outputs[0]._grad_fn
        assert node is not None
        name, expression = self.operands[self.output_keys[0]].name, words.composed_name(self.applied[node])
        return name if name == expression else f"{name} = {expression}"

    def _graph(self) -> Graph:
        used = self._used()
        operations = []
        for node in self.nodes:
            keys = self.arguments[node] = [self._argument(node, place) for place in range(len(node.inputs))]
            row, settings = node.operation, node.settings
            applied = self.applied[node] = Applied(
                row,
                # A function of the user's own has no formula that reads them.
                tuple(map(words.kept_setting, settings)) if row.derivatives and self.numbers else (),
                words.settings_words(row, settings) if settings else (),
                tuple([self.operands[key] for key in keys]),
                node.output_shape,
            )
            module = self._module(node)
            # Of many results only those are drawn that something uses.
            results = self.results[node] = [(node, place) for place in places_of(node) if (node, place) in used]
            for key in results:
                self._add_result(node, key, used[key], module)
            operations.append(self._operation(node, applied, module))
        self._adopt_parameters()
        return Graph(
            tuple(self._tensors.values()), tuple(operations), tuple(self._modules.values()), self._places.code()
        )

    # --- tensors ------------------------------------------------------------------------------------------------

    def _used(self) -> dict[Key, EngineTensor]:
        """The tensor of each result: the one some operation used, or an output."""
        results: dict[Key, EngineTensor] = {}
        for node in self.nodes:
            for argument, edge in zip(node.inputs, node.edges, strict=True):
                if edge is not None and isinstance(edge[0], Node):
                    results.setdefault(edge, argument)
        for tensor, key in zip(self.outputs, self.output_keys, strict=True):
            results.setdefault(key, tensor)
        return results

    def _argument(self, node: Node, place: int) -> Key:
        """Return the key of one argument; enter it if it is a leaf or a number."""
        argument, edge = node.inputs[place], node.edges[place]
        if edge is not None and isinstance(edge[0], Node):
            return edge
        if not isinstance(argument, EngineTensor):
            key: Key = ("constant", node, place)
            if argument is None:  # a bias that there is not: nothing to draw
                self.operands[key] = Operand("None", True, np.asarray(None), None, ())
                return key
            array = np.asarray(argument)
            name = words.setting_text(array.item()) if array.size == 1 else "constant"
            self._enter(key, name, True, "constant", array, requires_grad=False)
            return key
        leaf = edge[0].variable if edge is not None else argument
        key = ("leaf", id(leaf))
        if key not in self._tensors:
            self.leaves[key] = leaf
            found, in_formulas = self._leaf_name(leaf)
            role: Role = "parameter" if edge is not None else "input"
            if edge is None and _detached_from(leaf) is not None:
                self.detached.add(key)
            values = leaf.values_at(node.made)
            if found is None and edge is None and np.ndim(leaf.array) == 0 and values is not None:
                # A number that nobody has named is called by what it is, as one written in the program.
                self._enter(key, words.setting_text(values.item()), True, "constant", values, requires_grad=False)
                return key
            self._enter(
                key,
                found or _slot_name(node.operation.inputs[place]),
                found is not None,
                role,
                values,
                requires_grad=edge is not None,
                now=leaf.array,
                in_formulas=in_formulas,
            )
        return key

    def _leaf_name(self, leaf: EngineTensor) -> tuple[str | None, str | None]:
        """Return what a leaf is called on its card, and in formulas."""
        name = self.names.leaves.get(id(leaf))
        if name is None and leaf._source is None and leaf._base is not None:
            name = self.names.leaves.get(id(leaf._base))
            if name is not None:
                return _view_name(name, leaf._base.array, leaf.array)
        elif name is None and (source := _detached_from(leaf)) is not None:
            of = self.names.leaves.get(id(source)) or self.names.results.get((id(source._grad_fn), source._output_nr))
            name = None if of is None else f"{of}.detach()"
        return name, name

    def _add_result(self, node: Node, key: Key, tensor: EngineTensor, module: str) -> None:
        own_name = self.names.results.get((id(node), key[1]))
        name = own_name or words.composed_name(self.applied[node], module)
        if own_name is None and node.many:
            name += f"[{key[1]}]"
        role: Role = "output" if key in self.output_keys else "intermediate"
        self._enter(
            key,
            name,
            own_name is not None,
            role,
            tensor.values_at(node.made),
            requires_grad=True,
            producer=self.node_ids[node],
            module=module,
            now=tensor.array,
        )

    def _enter(
        self,
        key: Key,
        name: str,
        named: bool,
        role: Role,
        array: Any,
        *,
        requires_grad: bool,
        producer: str | None = None,
        module: str = "",
        now: Any = None,
        in_formulas: str | None = None,
    ) -> None:
        shown = array if array is not None else now
        self.ids[key] = f"t{len(self.ids)}"
        copy, value = self.kept(shown) if self.numbers else (None, None)
        self.operands[key] = Operand(in_formulas or name, named, copy, value, shown.shape)
        self._tensors[key] = Tensor(
            self.ids[key], name, named, role, shown.shape, dtype_text(shown.dtype), requires_grad, producer, module
        )

    # --- operations and modules ---------------------------------------------------------------------------------

    def _operation(self, node: Node, applied: Applied, module: str) -> Operation:
        row, id, keys, results = node.operation, self.node_ids[node], self.arguments[node], self.results[node]
        arguments, by_slot = [], {}
        for place, (slot, key, edge) in enumerate(zip(row.inputs, keys, node.edges, strict=True)):
            tensor = self.ids.get(key)
            if tensor is None:
                continue
            by_slot[slot] = tensor
            name = f"{id}_{place}"
            if edge is not None and row.local.get(slot):
                write = partial(words.edge_words, applied, slot)
                arguments.append(later(Argument, write, id=name, slot=slot, tensor=tensor))
            else:
                arguments.append(Argument(name, slot, tensor))
        saved: list[tuple[str, str]] = []
        if names := node.saved_names():
            known = {**dict(applied.texts), **by_slot}
            saved = [(name, known.get(name, self.ids[results[0]])) for name in names]
        return Operation(
            id,
            row.name,
            type(node).__name__,
            row.symbol if isinstance(row.symbol, str) else row.symbol(*node.settings),
            tuple(arguments),
            tuple([self.ids[key] for key in results]),
            node.made - self.nodes[0].made,
            applied.texts,
            tuple(saved),
            module,
            self._places.source(node.origin),
            row.sentence,
        )

    def _module(self, node: Node) -> str:
        """Return the path of the innermost module that holds parameters, entering it and those around it."""
        calls = []
        call = node.call
        while call is not None:
            if call.tag.has_parameters:
                calls.append(call.tag)
            call = call.outer
        path = ""
        for tag in reversed(calls):
            known = self._modules.get(id(tag))
            if known is None:
                name = self.names.modules.get(id(tag))
                if name is None:  # no variable leads to it: call it by its class, and count those of one class
                    kind = (f"{path}." if path else "") + tag.class_name.lower()
                    self._unnamed[kind] = self._unnamed.get(kind, 0) + 1
                    name = kind if self._unnamed[kind] == 1 else f"{kind}{self._unnamed[kind]}"
                known = Module(name, tag.class_name, tag.label, path or None)
                self._modules[id(tag)] = known
            path = known.path
        return path

    def _adopt_parameters(self) -> None:
        """Put each parameter into the module whose path its name begins with."""
        paths = {module.path for module in self._modules.values()}
        for key, tensor in self._tensors.items():
            owner = tensor.name.rpartition(".")[0]
            if key[0] == "leaf" and owner in paths:
                self._tensors[key] = replace(tensor, module=owner)


def _detached_from(leaf: EngineTensor) -> EngineTensor | None:
    """Return the tensor that a leaf was detached from, if it is still there and takes part in a graph."""
    source = None if leaf._source is None else leaf._source()
    return source if source is not None and source._requires_grad else None


def _view_name(name: str, base: Any, view: Any) -> tuple[str, str]:
    """Return what a view of a named tensor is called on its card, and in formulas.

    A vector that takes part in a matrix product does so as a row or a column: its card says so, as it has a shape that the
    vector has not, and formulas leave it at the name.
    """
    if view.shape == base.shape and view.strides == base.strides:
        return name, name
    if view.size < base.size:
        return f"{name}[…]", f"{name}[…]"
    if view.ndim == 2 and view.shape == base.shape[::-1] and view.strides == base.strides[::-1]:
        return f"{name}ᵀ", f"{name}ᵀ"
    if base.ndim == 1 and view.shape == (1, base.size):
        return f"{name} as a row", name
    if base.ndim == 1 and view.shape == (base.size, 1):
        return f"{name} as a column", name
    return f"{name}, reshaped" if view.size == base.size else f"{name}, stretched", name


def _slot_name(slot: str) -> str:
    """Call a tensor without a name by its part in the operation, where that says something."""
    return slot if slot in ("target", "weight", "bias", "condition") else "tensor"
