"""PyTorch as a source of recordings: see `gradviz.recording.told.Source`.

Of a graph that was watched everything is known. Of one that was not, PyTorch itself still has the structure, what was saved for
the backward pass, and every gradient of a pass that is run to be seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from gradviz.catalogue import text
from gradviz.pytorch.backward import Ran, trial
from gradviz.pytorch.cutoff import CutOff, cut_off_in
from gradviz.pytorch.graph import Node, is_leaf
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import alike, array_of, dtype_text, kept_numbers
from gradviz.pytorch.seen import tensor_in
from gradviz.pytorch.telling import Result, Telling, Told
from gradviz.recording.model import Pixels
from gradviz.recording.pixels import pixels_of
from gradviz.recording.told import Identity, Key, Pass, Printed, Replaced, Unknown
from gradviz.recording.values import dtype_text as array_dtype
from gradviz.recording.values import kept


class PyTorch(Telling):
    """PyTorch, telling of the graph behind some results: see `Telling` for its parameters."""

    operation = Told

    # --- what the learner's variables hold ----------------------------------------------------------------------------

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor | Result)

    def is_module(self, value: Any) -> bool:
        return isinstance(value, torch.nn.Module)

    def tags_of(self, module: torch.nn.Module) -> Sequence[tuple[str, int]]:
        tags = {} if self.watch is None else self.watch.calls.tags()
        return [(path, id(tags[id(part)])) for path, part in module.named_modules() if id(part) in tags]

    def parameters_of(self, module: torch.nn.Module) -> Sequence[tuple[str, Any]]:
        return list(module.named_parameters())

    # --- the graph ----------------------------------------------------------------------------------------------------

    def operations_behind(self, outputs: Sequence[torch.Tensor]) -> list[Told]:
        return [self.told[node] for node in self.behind.nodes]

    def past_pass(self, outputs: Sequence[torch.Tensor], operations: Sequence[Told]) -> Pass | None:
        if self.is_structure:
            return None
        root = outputs[0].grad_fn
        number, place = root._sequence_nr(), outputs[0].output_nr
        for ran in () if self.watch is None else reversed(self.watch.passes):
            arrived = ran.upstream.get(number, ())
            if place < len(arrived) and arrived[place] is not None:
                return self._pass(ran)
        return self._what_is_left() if self._was_missed else None

    @cached_property
    def _was_missed(self) -> bool:
        """Whether a backward pass has been that nobody saw: it has dropped what was saved, where no other one went."""
        passes = () if self.watch is None else self.watch.passes
        gone = {number for ran in passes for number in ran.upstream}
        return any(node._sequence_nr() not in gone for node in self.freed_nodes)

    def _what_is_left(self) -> Pass:
        """Return what a backward pass that nobody saw has left in the leaves."""
        leaves = [node.variable for node in self.behind.leaves]
        total = {leaf: leaf.grad for leaf in leaves if leaf.grad is not None}
        return Pass((), {}, {}, dict.fromkeys(total), total, total, {})

    def trial_pass(self, outputs: Sequence[torch.Tensor], gradient: torch.Tensor | None) -> Pass:
        if self.is_structure:
            return Pass((), {}, {}, {}, {}, {}, {})
        return self._pass(trial(outputs, gradient, Kept))

    def _pass(self, ran: Ran) -> Pass:
        nodes = {node._sequence_nr(): node for node in self.behind.nodes}
        order, upstream, contributions = [], {}, {}
        for number in ran.order:
            if number not in nodes:  # it belongs to something else that the pass went through
                continue
            told, node = self.by_number[number], nodes[number]
            order.append(told)
            made = [None if one is None else tensor_in(one) for one in ran.upstream[number]]
            upstream[told] = told.by_place(made) if told.many else next((one for one in made if one is not None), None)
            contributions[told] = self._by_slot(node, told, ran.sent[number])
        leaves = {leaf.variable: leaf for leaf in ran.leaves.values() if leaf.total is not None}
        total = {variable: tensor_in(leaf.total) for variable, leaf in leaves.items()}
        before = {v: None if leaf.before is None else tensor_in(leaf.before) for v, leaf in leaves.items()}
        sums = self._sums(order, contributions)
        arrived = {leaf: _before_hooks(leaf, one, sums.get((self.end(leaf), 0))) for leaf, one in total.items()}
        return Pass(tuple(order), upstream, contributions, before, total, arrived, self._replaced(sums, upstream))

    def _sums(self, order: Sequence[Told], contributions: Mapping[Told, Sequence[Any]]) -> dict[Key, Any]:
        """Add up what was sent, for each tensor."""
        sums: dict[Key, Any] = {}
        for told in order:
            for edge, sent in zip(told.edges, contributions[told], strict=True):
                if edge is not None and sent is not None:
                    sums[edge] = sums[edge] + sent if edge in sums else sent
        return sums

    def _by_slot(self, node: Node, told: Told, sent: Sequence[Kept | None]) -> list[Any]:
        """Bring what a node sent, one for each argument with a derivative, into the order of its row's slots."""
        left = [
            (*((self.end(before.variable), 0) if is_leaf(before) else self.told[before].result(place)), one)
            for (before, place), one in zip(node.next_functions, sent, strict=False)
            if before is not None
        ]
        found: list[Any] = []
        for edge in told.edges:
            at = (
                None if edge is None else next((n for n, one in enumerate(left) if one[:2] == (edge[0], edge[1])), None)
            )
            kept = None if at is None else left.pop(at)[2]
            found.append(None if kept is None else tensor_in(kept))
        return found

    def _replaced(self, sums: Mapping[Key, Any], upstream: Mapping[Told, Any]) -> dict[Told, Replaced]:
        """Find where hooks of tensors put something in the place of what had arrived: what was sent does not add up to it."""
        found: dict[Told, dict[int, Any]] = {}
        for (told, place), arrived in sums.items():
            if not isinstance(told, Told):
                continue
            made = upstream.get(told)
            made = made[place] if told.many and made is not None else made
            if made is not None and not self.same(arrived, made):
                found.setdefault(told, {})[place] = arrived
        return {told: Replaced(outputs) for told, outputs in found.items()}

    def remarks(self, ran: Pass | None) -> Sequence[str]:
        if self.is_structure:
            return (text("structure", "pytorch"),)
        if not self._was_missed or (ran is not None and ran.was_seen):
            return ()
        return (text("left" if self.watch is None else "left, watched", "pytorch"),)

    def freed(self, operations: Sequence[Told]) -> bool:
        return self.is_left and not self.is_structure

    def is_freed(self, operation: Told) -> bool:
        return operation in self._freed

    @cached_property
    def _freed(self) -> frozenset[Told]:
        return frozenset([self.told[node] for node in self.freed_nodes])

    def name_of(self, operation: Told) -> str:
        return operation.name

    def targets_of(self, operation: Told) -> Sequence[tuple[str, Any]]:
        return operation.targets

    def part_of(self, operation: Told) -> tuple[Any, ...] | None:
        return operation.part

    # --- tensors ------------------------------------------------------------------------------------------------------

    def identity(self, tensor: Any) -> Identity:
        if isinstance(tensor, Result):
            return id(tensor.made[0]), tensor.made[1]
        if tensor.grad_fn is None:
            return id(tensor)
        told, place = self.made_by(tensor)
        return (id(told), place) if told is not None else (0, 0)

    def requires_grad(self, tensor: Any) -> bool:
        return isinstance(tensor, Result) or tensor.requires_grad

    def base_of(self, tensor: Any) -> Any:
        return None if isinstance(tensor, Result) else tensor._base

    def view_of(self, tensor: Any) -> Any:
        if isinstance(tensor, Result) or tensor._base is None or tensor.requires_grad:
            return None
        return id(tensor._base), tuple(tensor.shape), tensor.stride(), tensor.storage_offset()

    def detached_from(self, tensor: Any) -> Any:
        cut = self._cut_of(tensor)
        if cut is None or cut.kind != "detach":
            return None
        return cut.source.leaf if cut.source.leaf is not None else self._given((cut.source, cut.numbers))[0]

    def cut_of(self, tensor: Any) -> tuple[str, str, Any] | None:
        cut = self._cut_of(tensor)
        return None if cut is None else (cut.kind, cut.word, cut.origin)

    def _cut_of(self, tensor: Any) -> CutOff | None:
        kept = None if isinstance(tensor, Result) else self.leaf_numbers.get(id(tensor))
        return None if kept is None or tensor.requires_grad else self._cuts.get(id(kept))

    @cached_property
    def _cuts(self) -> Mapping[int, CutOff]:
        return {} if self.watch is None else cut_off_in(self.watch)

    def layout_of(self, tensor: Any) -> Any:
        if isinstance(tensor, Result):
            told, place = tensor.made
            one = told.outputs[place]
            return _layout(tuple(one.shape))
        step = tensor.element_size()
        strides = tuple(step * one for one in tensor.stride()) if tensor.layout is torch.strided else None
        return _layout(tuple(tensor.shape), strides, tensor.storage_offset() * step, step)

    def reference_to(self, tensor: Any) -> Callable[[], Any]:
        return (lambda: None) if isinstance(tensor, Result) else weakref.ref(tensor)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def written_number(self, tensor: Any, operation: Told) -> Any:
        found = self.numbers_in(tensor, operation)
        return array_of(found).item() if isinstance(found, torch.Tensor) else None

    def kind_of(self, numbers: Any) -> tuple[tuple[int, ...], str]:
        if isinstance(numbers, torch.Tensor):
            return tuple(numbers.shape), dtype_text(numbers.dtype)
        if isinstance(numbers, Unknown):
            return numbers.shape, numbers.dtype
        if isinstance(numbers, Kept):
            return numbers.shape, numbers.value.dtype  # type: ignore[union-attr]  # it was let go
        return numbers.shape, array_dtype(numbers.dtype)

    def copied(self, numbers: Any) -> Any:
        return None  # it is kept at once

    def kept(self, numbers: Any, printed: Printed | None = None) -> tuple[Any, Any]:
        if isinstance(numbers, Unknown):
            return None, None
        if isinstance(numbers, torch.Tensor):
            return kept_numbers(numbers, printed)
        if isinstance(numbers, Kept):
            return None, numbers.value
        return kept(numbers, printed)

    def pixels(self, numbers: Any, shape: tuple[int, int, int]) -> Pixels | None:
        if isinstance(numbers, Unknown | Kept):
            return None
        if isinstance(numbers, torch.Tensor):
            if numbers.layout is not torch.strided:
                return None
            numbers = array_of(numbers.detach().reshape(-1, *numbers.shape[-2:])[: shape[0]])
        return pixels_of(numbers, shape)

    def same(self, numbers: Any, others: Any) -> bool:
        return numbers is others or (numbers is not None and others is not None and alike(numbers, others))

    def all_ones(self, numbers: Any) -> bool:
        return bool((numbers == 1).all())


def _before_hooks(leaf: torch.Tensor, total: Any, sent: Any) -> Any:
    """Return what had arrived at a leaf: what was sent to it, if hooks of its own have changed that."""
    return sent if leaf._backward_hooks and sent is not None else total


_GROUND = np.zeros(1, np.uint8)


@dataclass(frozen=True, slots=True)
class _Lying:
    """Says to NumPy where an array lies."""

    __array_interface__: dict[str, Any]


def _layout(
    shape: tuple[int, ...], strides: tuple[int, ...] | None = None, offset: int = 0, step: int = 4
) -> np.ndarray[Any, Any]:
    """Return an array that lies as a tensor does, which may be on another device: its entries must never be read."""
    place = _GROUND.__array_interface__["data"][0] + offset, True
    return np.asarray(_Lying({"shape": shape, "strides": strides, "typestr": f"|V{step}", "data": place, "version": 3}))
