"""What was computed, collected: everything gets an id and a name, and is kept as it is now.

What is said about it is written when it is read, from an `Applied` operation, which holds none of the engine's graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradviz.engine.inplace import CopySlices
from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor as EngineTensor
from gradviz.recording import linking, rounding, words
from gradviz.recording.later import later
from gradviz.recording.model import Argument, Graph, Module, Operation, Role, Tensor
from gradviz.recording.names import Names
from gradviz.recording.passes import Key, places_of
from gradviz.recording.source import Places
from gradviz.recording.values import dtype_text, kept
from gradviz.recording.words import Applied, Operand

TARGETS = ("target", "targets")
"""Settings that are drawn as arguments are: what losses compare with."""


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
    operands
        How tensors take part in formulas: by ``(node, number of the output)`` for a result, ``("leaf", id(tensor))`` for a leaf
        and ``("constant", node, place)`` for a plain number.
    applied
        By node.
    detached
        The leaves that were cut off by ``detach()``.
    """

    def __init__(
        self, outputs: Sequence[EngineTensor], nodes: Sequence[Node], names: Names, *, numbers: bool = True
    ) -> None:
        self.outputs, self.nodes, self.names, self.numbers = outputs, nodes, names, numbers
        self.output_keys: list[Key] = [(tensor._grad_fn, tensor._output_nr) for tensor in outputs]
        self.operands: dict[Key, Operand] = {}
        self.applied: dict[Node, Applied] = {}
        self.detached: list[Operand] = []
        self._tensors: list[Tensor] = []
        self._leaves: list[int] = []  # places among the tensors
        self._modules: dict[int, Module] = {}
        self._unnamed: dict[str, int] = {}
        self._places = Places()
        self.graph = self._graph()

    def title(self) -> str:
        """Name the output and say what it is."""
        node = self.outputs[0]._grad_fn
        assert node is not None
        name, expression = self.operands[self.output_keys[0]].name, words.composed_name(self.applied[node])
        return name if name == expression else f"{name} = {expression}"

    def _graph(self) -> Graph:
        used = self._used()
        operations = []
        for number, node in enumerate(self.nodes):
            row, settings = node.operation, node.settings
            operands = tuple([self._argument(node, place) for place in range(len(node.inputs))])
            targets = {name: self._target(node, name, tensor) for name, tensor in node.given if name in TARGETS}
            texts = words.settings_words(row, settings) if settings else ()
            applied = self.applied[node] = Applied(
                f"o{number}",
                row,
                # A function of the user's own has no formula that reads them.
                tuple(map(words.kept_setting, settings)) if settings and row.derivatives and self.numbers else (),
                tuple([(name, targets[name].name if name in targets else text) for name, text in texts]),
                operands,
                (),
                0,
                node.output_shape,
                targets=targets,
                part=node.part if isinstance(node, CopySlices) else None,
            )
            module = self._module(node)
            # Of many results only those are drawn that something uses.
            keys = [key for place in places_of(node) if (key := (node, place)) in used]
            applied.first, applied.places = keys[0][1], tuple([place for _, place in keys])
            applied.results = tuple([self._result(applied, key, used[key], module) for key in keys])
            operations.append(self._operation(node, applied, module))
        self._adopt_parameters()
        return Graph(tuple(self._tensors), tuple(operations), tuple(self._modules.values()), self._places.code())

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

    def _argument(self, node: Node, place: int) -> Operand:
        """Return how one argument takes part; enter it if it is a leaf or a number."""
        argument, edge = node.inputs[place], node.edges[place]
        if edge is not None and isinstance(edge[0], Node):
            return self.operands[edge]
        if not isinstance(argument, EngineTensor):
            if argument is None:  # a bias that there is not: nothing to draw
                return Operand("", "None", True, np.asarray(None), None, ())
            array = np.asarray(argument)
            name = words.setting_text(array.item()) if array.size == 1 else "constant"
            return self._enter(("constant", node, place), name, True, "constant", array, requires_grad=False)
        leaf = edge[0].variable if edge is not None else argument
        key = ("leaf", id(leaf))
        known = self.operands.get(key)
        return known or self._leaf(key, leaf, edge is not None, node, node.operation.inputs[place])

    def _target(self, node: Node, slot: str, tensor: EngineTensor) -> Operand:
        """Return what a loss compares with: no gradient flows there, so for the row of the table it is a setting."""
        known = self.operands.get((tensor._grad_fn, tensor._output_nr)) or self.operands.get(("leaf", id(tensor)))
        return known or self._leaf(("leaf", id(tensor)), tensor, False, node, slot)

    def _leaf(self, key: Key, leaf: EngineTensor, requires_grad: bool, node: Node, slot: str) -> Operand:
        self._leaves.append(len(self._tensors))
        found, in_formulas = self._leaf_name(leaf)
        values = leaf.values_at(node.made)
        if found is None and not requires_grad and np.ndim(leaf.array) == 0 and values is not None:
            # A number that nobody has named is called by what it is, as one written in the program.
            name = words.setting_text(values.item())
            operand = self._enter(key, name, True, "constant", values, requires_grad=False)
        else:
            operand = self._enter(
                key,
                found or _slot_name(slot),
                found is not None,
                "parameter" if requires_grad else "input",
                leaf.array if values is None else values,
                requires_grad=requires_grad,
                in_formulas=in_formulas,
            )
        if not requires_grad and _detached_from(leaf) is not None:
            self.detached.append(operand)
        return operand

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

    def _result(self, applied: Applied, key: Key, tensor: EngineTensor, module: str) -> Operand:
        node, place = key
        own_name = self.names.results.get((id(node), place))
        name = own_name or words.composed_name(applied, module)
        if own_name is None and node.many:
            name += f"[{place}]"
        role: Role = "output" if key in self.output_keys else "intermediate"
        values = tensor.values_at(node.made)
        array = tensor.array if values is None else values
        printed = partial(rounding.of_result, applied, place if len(node.operation.outputs) > 1 else 0)
        return self._enter(
            key,
            name,
            own_name is not None,
            role,
            array,
            requires_grad=True,
            producer=applied.id,
            module=module,
            printed=printed if node.operation.derivatives else None,
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
        in_formulas: str | None = None,
        printed: Callable[[Any], Mapping[str, Any]] | None = None,
    ) -> Operand:
        id, shape = f"t{len(self._tensors)}", array.shape
        copy, value = kept(array, printed) if self.numbers else (None, None)
        operand = self.operands[key] = Operand(id, in_formulas or name, named, copy, value, shape)
        self._tensors.append(
            Tensor(id, name, named, role, shape, dtype_text(array.dtype), requires_grad, producer, module)
        )
        return operand

    # --- operations and modules ---------------------------------------------------------------------------------

    def _operation(self, node: Node, applied: Applied, module: str) -> Operation:
        row, id, results = node.operation, applied.id, [result.id for result in applied.results]
        arguments = []
        for place, (slot, operand, edge) in enumerate(zip(row.inputs, applied.operands, node.edges, strict=True)):
            tensor = operand.id
            if not tensor:
                continue
            name = f"{id}_{place}"
            known: dict[str, Any] = {"id": name, "slot": slot, "tensor": tensor}
            write, apart = None, None
            if edge is not None and row.local.get(slot):
                write = partial(words.edge_words, applied, slot)
            else:
                known |= {"local": "", "local_number": ""}
            if self.numbers and row.differentiable[place]:
                apart = {"link": partial(linking.link_of, applied, slot, len(self.nodes))}
            else:
                known["link"] = None
            arguments.append(later(Argument, write, apart, **known))
        for place, (slot, operand) in enumerate(applied.targets.items(), start=len(row.inputs)):
            arguments.append(Argument(f"{id}_{place}", slot, operand.id))
        saved: tuple[tuple[str, str], ...] = ()
        if row.readers:
            known = {**dict(applied.texts), **{argument.slot: argument.tensor for argument in arguments}}
            saved = tuple([(name, known.get(name, results[0])) for name in node.saved_names()])
        return Operation(
            id,
            row.name,
            type(node).__name__,
            row.symbol if isinstance(row.symbol, str) else row.symbol(*node.settings),
            tuple(arguments),
            tuple(results),
            node.made - self.nodes[0].made,
            applied.texts,
            saved,
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
        for place in self._leaves:
            tensor = self._tensors[place]
            owner = tensor.name.rpartition(".")[0]
            if owner in paths:
                self._tensors[place] = replace(tensor, module=owner)


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
