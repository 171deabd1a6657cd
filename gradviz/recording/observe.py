"""From the engine to a recording: what was computed, and what the backward pass did.

Nothing here differentiates anything. The values are the arrays that the operations read and made; the gradients are
those that the engine's own backward pass carried along each edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradviz.engine import notation
from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor as EngineTensor
from gradviz.engine.tensor import wrap
from gradviz.recording import words
from gradviz.recording.model import (
    Argument,
    Contribution,
    Frame,
    Gradient,
    Graph,
    Module,
    Operation,
    Recording,
    Role,
    Tensor,
    Value,
)
from gradviz.recording.names import Names, find_names
from gradviz.recording.passes import Key, Pass, freed, nodes_behind, past_pass, places_of, trial_pass
from gradviz.recording.source import code_of, source_of
from gradviz.recording.values import dtype_text, value_of
from gradviz.recording.words import Operand

IN_WORDS = 4000
"""Operations that are put into words; of longer computations only the first and the last ones are."""


def record_graph(
    *outputs: EngineTensor,
    gradient: EngineTensor | None = None,
    backward: bool | None = None,
    names: Mapping[Any, Any] | None = None,
    variables: Sequence[Mapping[str, Any]] = (),
    title: str = "",
) -> Recording:
    """Make a recording of everything the outputs depend on.

    Parameters
    ----------
    outputs
        Results of recorded operations. A gradient starts from the first.
    gradient
        What to start with, for an output that is not a single number.
    backward
        True to run a backward pass for the recording, or show the one that has been run if its graph is freed; False
        for none; ``None`` for the one that has been run, if any.
    names
        Names that win over those found in `variables`.
    variables
        The caller's variables, the nearest scope first, from which tensors and modules get their names.
    title
        For a page's heading; by default the output and its expression.

    Raises
    ------
    TypeError, ValueError
        If an output is not a tensor, or has no graph, with what to do about it.
    """
    for output in outputs:
        _check(output)
    return record_named(outputs, find_names(variables, names), gradient=gradient, backward=backward, title=title)


def record_named(
    outputs: Sequence[EngineTensor],
    names: Names,
    *,
    gradient: EngineTensor | None = None,
    backward: bool | None = None,
    title: str = "",
) -> Recording:
    """Make a recording where all names are known already; as `record_graph` otherwise."""
    nodes = nodes_behind(outputs)
    ran = _the_pass(outputs, nodes, gradient, backward)
    return _Builder(outputs, nodes, ran, names).recording(title)


def structure_of(
    output: EngineTensor, nodes: Sequence[Node], variables: Sequence[Mapping[str, Any]] = ()
) -> tuple[Graph, str, dict[Key, str]]:
    """Write down a graph without its numbers, for a loop in which it is computed again and again.

    Parameters
    ----------
    output, nodes
        The result, and `nodes_behind` it.
    variables
        As for `record_graph`.

    Returns
    -------
    tuple
        The graph; a title; and the tensors' ids, by ``(node, number of the output)`` for a result, ``("leaf", id(tensor))``
        for a leaf and ``("constant", node, place)`` for a plain number.
    """
    builder = _Builder((output,), nodes, None, find_names(variables))
    return builder.graph(), builder.title(), builder.ids


def _in_words(output: Any) -> str:
    """Say what was passed in place of a tensor, and how that may have come about."""
    kind = type(output)
    known = kind.__module__.partition(".")[0]
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    if output is None:
        return "None (backward() and print() return nothing: call them on a line of their own, and pass the tensor)"
    if isinstance(output, list | tuple | dict | set):
        return f"a {name} (pass the tensors in it one by one: draw(a, b))"
    if isinstance(output, bool | int | float | str):
        return f"{name} {output!r:.40} (a plain value has no graph; .item(), float() and .tolist() leave it behind)"
    if hasattr(kind, "forward"):
        return f"the module {kind.__name__} (pass what it computes: draw(model(x)))"
    if known == "torch":
        return f"{name}, which is PyTorch's own (gradviz draws what was computed with gradviz)"
    if known == "numpy":
        return f"{name} (NumPy records nothing; .numpy() leaves the graph behind)"
    return name


def _check(output: Any) -> None:
    if not isinstance(output, EngineTensor):
        raise TypeError(
            f"expected a gradviz tensor, but got {_in_words(output)}. Pass the result of a computation made with "
            "`import gradviz as torch`, as in draw(loss)."
        )
    if output._grad_fn is None:
        why = (
            "it is a leaf, nothing was computed yet"
            if output.requires_grad
            else "nothing it was computed from has requires_grad=True, or it was computed under no_grad() or detached"
        )
        raise ValueError(
            f"this tensor has no graph to show: {why}. Give an input requires_grad=True, compute a result from it, and "
            "pass that result."
        )


def _the_pass(
    outputs: Sequence[EngineTensor], nodes: Sequence[Node], gradient: EngineTensor | None, backward: bool | None
) -> Pass | None:
    if backward is False:
        return None
    if backward is None or freed(nodes):
        past = past_pass(outputs, nodes)
        if past is not None or backward is None:
            return past
        raise RuntimeError(
            "this graph has been freed by a backward pass that started elsewhere, or whose gradients were too many to be "
            "kept; call backward(retain_graph=True), or compute the result anew"
        )
    seed = gradient
    if seed is None:
        if outputs[0].numel() != 1:
            shape = words.shape_text(tuple(outputs[0].shape))
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs\n\n"
                f"This result has shape {shape}: backpropagation starts from one number. Reduce it with .sum() or "
                ".mean(), or pass gradient= of the same shape."
            )
        seed = wrap(np.ones_like(outputs[0].array))
    return trial_pass(outputs[:1], [seed])


class _Builder:
    """Gives everything an id and a name, and writes it down."""

    def __init__(self, outputs: Sequence[EngineTensor], nodes: Sequence[Node], ran: Pass | None, names: Names) -> None:
        self.outputs, self.nodes, self.ran, self.names = outputs, nodes, ran, names
        self.output_keys = [(tensor._grad_fn, tensor._output_nr) for tensor in outputs]
        self.ids: dict[Key, str] = {}
        self.tensors: dict[Key, Tensor] = {}
        self.operands: dict[Key, Operand] = {}
        self.arguments: dict[Node, list[Key]] = {}
        self.outputs_of: dict[Node, list[Key]] = {}
        self.node_ids = {node: f"o{place}" for place, node in enumerate(nodes)}
        self.leaves: dict[Key, EngineTensor] = {}
        self.modules: dict[int, Module] = {}
        self.unnamed: dict[str, int] = {}
        self.detached: set[Key] = set()
        # Of a computation so long that its middle will be folded, the middle is not put into words.
        ends = IN_WORDS // 2
        self.wordless = frozenset(nodes[ends:-ends]) if len(nodes) > IN_WORDS else frozenset()

    def recording(self, title: str) -> Recording:
        graph = self.graph()
        frames = (self._first_frame(), *self._forward_frames(), *self._backward_frames())
        from gradviz import __version__

        return Recording(graph, frames, title or self.title(), f"gradviz {__version__}")

    def graph(self) -> Graph:
        """Give everything its id and name; the frames are made of these."""
        results = self._results()
        operations = []
        for node in self.nodes:
            keys = [self._argument(node, place) for place in range(len(node.inputs))]
            self.arguments[node] = keys
            # Of many results only those are drawn that something uses.
            self.outputs_of[node] = [(node, place) for place in places_of(node) if (node, place) in results]
            for key in self.outputs_of[node]:
                self._add_result(node, key, results[key])
            operations.append(self._operation(node, keys))
        self._adopt_parameters()
        return Graph(
            tuple(self.tensors.values()),
            tuple(operations),
            tuple(self.modules.values()),
            code_of(node.origin for node in self.nodes),
        )

    # --- tensors ------------------------------------------------------------------------------------------------

    def _results(self) -> dict[Key, EngineTensor]:
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
                self.operands[key] = Operand("None", True, np.asarray(None), ())
                return key
            array = np.asarray(argument)
            name = notation.number(array.item()) if array.size == 1 else "constant"
            self._enter(key, name, True, "constant", array, requires_grad=False)
            return key
        leaf = edge[0].variable if edge is not None else argument
        key = ("leaf", id(leaf))
        if key not in self.tensors:
            self.leaves[key] = leaf
            found, in_formulas = self._leaf_name(leaf)
            role: Role = "parameter" if edge is not None else "input"
            if edge is None and _detached_from(leaf) is not None:
                self.detached.add(key)
            values = leaf.values_at(node.made)
            if found is None and edge is None and np.ndim(leaf.array) == 0 and values is not None:
                # A number that nobody has named is called by what it is, as one written in the program.
                self._enter(
                    key, notation.number(np.asarray(values).item()), True, "constant", values, requires_grad=False
                )
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

    def _add_result(self, node: Node, key: Key, tensor: EngineTensor) -> None:
        own_name = self.names.results.get((id(node), key[1]))
        operands = [self.operands[argument] for argument in self.arguments[node]]
        name = own_name or (
            f"{node.operation.name}(…)"
            if node in self.wordless
            else words.composed_name(node, operands, self._module(node))
        )
        if own_name is None and node.many:
            name += f"[{key[1]}]"
        role: Role = "output" if key in self.output_keys else "intermediate"
        array = tensor.values_at(node.made)
        self._enter(
            key,
            name,
            own_name is not None,
            role,
            array,
            requires_grad=True,
            producer=self.node_ids[node],
            module=self._module(node),
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
        self.operands[key] = Operand(in_formulas or name, named, shown, tuple(np.shape(shown)))
        self.tensors[key] = Tensor(
            self.ids[key],
            name,
            named,
            role,
            tuple(np.shape(shown)),
            dtype_text(np.asarray(shown).dtype),
            requires_grad,
            producer,
            module,
        )

    # --- operations and modules ---------------------------------------------------------------------------------

    def _operation(self, node: Node, keys: list[Key]) -> Operation:
        row = node.operation
        operands = [self.operands[key] for key in keys]
        arguments = []
        for place, (slot, key, edge) in enumerate(zip(row.inputs, keys, node.edges, strict=True)):
            if key not in self.ids:
                continue
            labelled = edge is not None and node not in self.wordless
            label = words.local_label(node, slot, operands) if labelled else ""
            with_number = words.local_number(node, slot, operands, label) if labelled else ""
            arguments.append(Argument(f"{self.node_ids[node]}_{place}", slot, self.ids[key], label, with_number))
        settings = words.settings_words(node)
        by_slot = {slot: key for slot, key in zip(row.inputs, keys, strict=True) if key in self.ids}
        saved = tuple(
            (
                name,
                self.ids[by_slot[name]] if name in by_slot else settings.get(name, self.ids[self.outputs_of[node][0]]),
            )
            for name in node.saved_names()
        )
        return Operation(
            id=self.node_ids[node],
            name=row.name,
            grad_fn=type(node).__name__,
            symbol=words.symbol_of(node),
            inputs=tuple(arguments),
            outputs=tuple(self.ids[key] for key in self.outputs_of[node]),
            sequence=node.made - self.nodes[0].made,
            attributes=tuple(settings.items()),
            saved=saved,
            module=self._module(node),
            source=source_of(node.origin),
            sentence=row.sentence,
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
            known = self.modules.get(id(tag))
            if known is None:
                name = self.names.modules.get(id(tag))
                if name is None:  # no variable leads to it: call it by its class, and count those of one class
                    kind = (f"{path}." if path else "") + tag.class_name.lower()
                    self.unnamed[kind] = self.unnamed.get(kind, 0) + 1
                    name = kind if self.unnamed[kind] == 1 else f"{kind}{self.unnamed[kind]}"
                known = Module(name, tag.class_name, tag.label, path or None)
                self.modules[id(tag)] = known
            path = known.path
        return path

    def _adopt_parameters(self) -> None:
        """Put each parameter into the module whose path its name begins with."""
        paths = {module.path for module in self.modules.values()}
        for key, tensor in self.tensors.items():
            owner = tensor.name.rpartition(".")[0]
            if key[0] == "leaf" and owner in paths:
                self.tensors[key] = replace(tensor, module=owner)

    # --- frames -------------------------------------------------------------------------------------------------

    def title(self) -> str:
        """Name the output and say what it is."""
        node = self.outputs[0]._grad_fn
        assert node is not None
        operands = [self.operands[key] for key in self.arguments[node]]
        name, expression = self.operands[self.output_keys[0]].name, words.composed_name(node, operands)
        return name if name == expression else f"{name} = {expression}"

    def _value(self, key: Key) -> Value:
        return value_of(self.operands[key].array)

    def _first_frame(self) -> Frame:
        start = [key for key, tensor in self.tensors.items() if tensor.producer is None]
        sentence = "Inputs and parameters have their values. Nothing has been computed yet."
        for cut in _listed_up_to(3, [self.operands[key].name for key in start if key in self.detached]):
            sentence += f" {cut} was cut off by detach(): no gradient goes back beyond it."
        return Frame(
            "forward",
            "",
            "Start",
            sentence,
            values=tuple((self.ids[key], self._value(key)) for key in start),
        )

    def _forward_frames(self) -> Iterator[Frame]:
        for node in self.nodes:
            keys, result = self.arguments[node], self.outputs_of[node][0]
            operands = [self.operands[key] for key in keys]
            name = self.operands[result].name
            if node in self.wordless:
                values = tuple((self.ids[key], self._value(key)) for key in self.outputs_of[node])
                yield Frame("forward", self.node_ids[node], name, f"{name} is computed.", values=values)
                continue
            sources = _listed(dict.fromkeys(self.operands[key].name for key in keys if key in self.ids))
            yield Frame(
                "forward",
                self.node_ids[node],
                name,
                f"{name} is computed from {sources}.",
                equation=(words.forward_equation(node, operands, name, self.operands[result].array),),
                values=tuple((self.ids[key], self._value(key)) for key in self.outputs_of[node]),
            )

    def _backward_frames(self) -> Iterator[Frame]:
        ran = self.ran
        if ran is None:
            return
        root = self.output_keys[0]
        assert root[0] is not None  # checked before anything was recorded
        seed = ran.arrived_at(root)
        ones = bool(np.all(np.asarray(seed) == 1))
        # A gradient other than 1 was given, or came from a result further on that is not in this picture.
        output = self.operands[root].name if ones else "L"
        yield self._seed_frame(root, seed, output, ones)
        expected: dict[Key, int] = {}
        for node in ran.order:
            for key in self._targets(node):
                expected[key] = expected.get(key, 0) + 1
        arrived: dict[Key, tuple[int, Any]] = {}
        for node in ran.order:
            yield self._backward_frame(node, output, expected, arrived)

    def _targets(self, node: Node) -> list[Key]:
        assert self.ran is not None
        sent = self.ran.contributions[node]
        return [key for key, gradient in zip(self.arguments[node], sent, strict=True) if gradient is not None]

    def _seed_frame(self, root: Key, seed: Any, output: str, ones: bool) -> Frame:
        name, scalar = self.operands[root].name, np.ndim(seed) == 0
        if ones:
            equation = f"{words.gradient_name(output, name)} = 1"
            sentence = (
                f"Backpropagation starts at the end. If {name} changes by a little, {name} changes by just as much: "
            )
            sentence += "its gradient is 1." if scalar else "every entry of its gradient is 1."
        else:
            value = notation.number(np.asarray(seed).item()) if scalar else words.shape_text(np.shape(seed))
            equation = f"{words.gradient_name(output, name)} = {value}"
            sentence = f"Backpropagation enters this picture at {name}, with a gradient that was given, or came from further on."
        equations = [equation]
        return Frame(
            "backward",
            self.ids[root],
            "Start of backward",
            sentence,
            gradients=(self._gradient(root, seed, True, equations),),
            equation=tuple(equations),
        )

    def _backward_frame(
        self, node: Node, output: str, expected: Mapping[Key, int], arrived: dict[Key, tuple[int, Any]]
    ) -> Frame:
        assert self.ran is not None
        row, result = node.operation, self.operands[self.outputs_of[node][0]]
        operands = [self.operands[key] for key in self.arguments[node]]
        upstream = self.ran.gradient_of(self.outputs_of[node][0])
        entered = self.ran.upstream[node][self.outputs_of[node][0][1]] if node.many else self.ran.upstream[node]
        equation: list[str] = []
        contributions: list[Contribution] = []
        gradients: dict[Key, Gradient] = {}
        for place, (slot, key, gradient, sent) in enumerate(
            zip(row.inputs, self.arguments[node], self.ran.contributions[node], self.ran.sent(node), strict=True)
        ):
            if gradient is None:
                continue
            partial = expected[key] > 1
            if node not in self.wordless and sent is not None:
                equation.append(
                    words.backward_equation(node, slot, operands, output, result, entered, sent, partial=partial)
                )
                if not contributions and not _same(upstream, entered):
                    equation.append(_hook_line(f"{type(node).__name__} had made {result.name}'s gradient", entered))
            if not _same(sent, gradient):
                equation.append(_hook_line(f"{type(node).__name__} made it", gradient))
            target = operands[place]
            axes = words.summed_over(node, target)
            local = None if node in self.wordless else words.local_entries(node, slot, operands)
            kept = None if local is None else value_of(local)
            contributions.append(Contribution(f"{self.node_ids[node]}_{place}", value_of(gradient), axes, kept))
            count, so_far = arrived.get(key, (0, None))
            total = gradient if so_far is None else so_far + gradient
            arrived[key] = (count + 1, total)
            complete = count + 1 == expected[key]
            if so_far is not None:
                equation.append(_sum_line(words.gradient_name(output, target.name), so_far, gradient, total))
            gradients[key] = self._gradient(key, total, complete, equation)
        return Frame(
            "backward",
            self.node_ids[node],
            type(node).__name__,
            row.sentence,
            reason=f"All of {result.name}'s gradient has arrived, so this operation can pass it on.{_saved(node, operands)}",
            equation=tuple(equation),
            contributions=tuple(contributions),
            gradients=tuple(gradients.values()),
        )

    def _gradient(self, key: Key, so_far: Any, complete: bool, equation: list[str]) -> Gradient:
        """Return what a tensor has collected; once it is complete, what the engine itself made of it."""
        assert self.ran is not None
        if not complete:
            return Gradient(self.ids[key], value_of(so_far), complete)
        name, before = self.operands[key].name, None
        arrived = made = so_far
        if isinstance(key[0], Node):
            if key[0] in self.ran.upstream:
                arrived, made = self.ran.arrived_at(key), self.ran.gradient_of(key)
        elif (leaf := self.leaves[key]) in self.ran.total:  # else its last gradient came from outside of this picture
            arrived, made, before = self.ran.arrived[leaf], self.ran.total[leaf], self.ran.before[leaf]
        if not _same(so_far, arrived):
            equation.append(f"{name} so far: more came from outside of this picture, in all {_told(arrived)}")
        hooked = not _same(arrived, made)
        if hooked:
            equation.append(_hook_line(f"{name} made it", made))
        total = made
        if before is not None:
            total = before + made
            equation.append(_sum_line(f"{name}.grad", before, made, total) + "   (the first was there already)")
        return Gradient(
            self.ids[key],
            value_of(total),
            complete,
            before=None if before is None else value_of(before),
            replaced=(value_of(arrived), value_of(made)) if hooked else None,
        )


def _sum_line(name: str, first: Any, second: Any, total: Any) -> str:
    """Write how contributions add up: ``∂z/∂x = 9 + 5 = 14``."""
    if np.ndim(total) == 0:
        numbers = [notation.number(np.asarray(part).item()) for part in (first, second, total)]
        second_text = f"({numbers[1]})" if numbers[1].startswith("−") else numbers[1]
        return f"{name} so far: {numbers[0]} + {second_text} = {numbers[2]}"
    return f"{name} so far: what had arrived before + this   ({words.shape_text(np.shape(total))})"


def _saved(node: Node, operands: Sequence[Operand]) -> str:
    """Say what an operation had kept for this step, and whether it still has it."""
    names = dict(zip(node.operation.inputs, (operand.name for operand in operands), strict=True))
    kept = [
        names.get(name, "its own result") for name in node.saved_names() if name in (*names, *node.operation.outputs)
    ]
    if not kept:
        return ""
    after = " It is freed now; retain_graph=True would have kept it." if node.values is None else ""
    return f" For this it had saved {_listed(dict.fromkeys(kept))}.{after}"


def _same(first: Any, second: Any) -> bool:
    return first is second or (
        first is not None and second is not None and np.array_equal(first, second, equal_nan=True)
    )


def _hook_line(what: str, made: Any) -> str:
    """Say that a hook has put another gradient in the place of the one that arrived."""
    return f"a hook on {what} {_told(made)}"


def _told(gradient: Any) -> str:
    if gradient is None:
        return "nothing"
    return notation.number(np.asarray(gradient).item()) if np.ndim(gradient) == 0 else "another gradient"


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _listed_up_to(most: int, names: list[str]) -> list[str]:
    """Return names to be told one by one; of many, the last is how many more there are."""
    return names if len(names) <= most else [*names[:most], f"Each of {len(names) - most} others"]


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
