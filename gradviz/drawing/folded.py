"""The columns of a recording with folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

from gradviz.drawing.stretches import Stretch
from gradviz.recording.derived import Derived
from gradviz.recording.model import FOLD, Block, Graph
from gradviz.recording.outline import Numbers, Outline


class Folding(Protocol):
    """What has to be known of how a graph was folded: see `Derived`, and `gradviz.drawing.fold`.

    Attributes
    ----------
    entering, leaving, blocks
        By fold: the tensors that enter it, what it makes known, and what it stands for.
    """

    outline: Outline
    stretches: Sequence[Stretch]
    tensors: list[int]
    operations: list[int]

    @property
    def entering(self) -> Sequence[Numbers]: ...  # noqa: D102

    @property
    def leaving(self) -> Sequence[Numbers]: ...  # noqa: D102

    @property
    def blocks(self) -> Sequence[Block]: ...  # noqa: D102

    def owner(self, module: str) -> str:
        """Return the innermost module that stays around what belonged to one."""
        ...

    def grad_fn(self, number: int) -> str | None:
        """Return the sign of a fold through which gradients flow."""
        ...


class Folded(Derived):
    """The columns of a fold."""

    def __init__(self, graph: Graph, folding: Folding, calls: Mapping[int, int]) -> None:
        super().__init__(graph, folding.outline, folding.tensors, folding.operations)
        self._folding, self._calls = folding, calls

    def like(self, new: int) -> int:  # noqa: D102
        return self._folding.stretches[new].start

    @cached_property
    def owners(self) -> Sequence[str]:  # noqa: D102
        owners = super().owners
        found = {module: self._folding.owner(module) for module in set(owners)}
        return [found[module] for module in owners]

    @cached_property
    def names(self) -> Sequence[str]:  # noqa: D102
        return self.of_operations(self.before.names, lambda new: FOLD)

    @cached_property
    def symbols(self) -> Sequence[str]:  # noqa: D102
        known = self.before.symbols if max(self.operations, default=-1) >= 0 else ()  # which may have to be written
        return self.of_operations(known, lambda new: self._folding.stretches[new].label)

    @cached_property
    def grad_fns(self) -> Sequence[str | None]:  # noqa: D102
        return self.of_operations(self.before.grad_fns, self._folding.grad_fn)

    @cached_property
    def sequences(self) -> Sequence[int]:  # noqa: D102
        before = self.before.sequences
        return self.of_operations(before, lambda new: before[self._folding.stretches[new].end - 1])

    @cached_property
    def modules(self) -> Sequence[str]:  # noqa: D102
        return self.of_operations(self.before.modules, lambda new: self._folding.stretches[new].module)

    @cached_property
    def calls(self) -> Sequence[int | None]:  # noqa: D102
        calls = self.of_operations(self.before.calls, lambda new: self._folding.stretches[new].call)
        return [None if call is None else self._calls[call] for call in calls]

    @cached_property
    def attributes(self) -> Sequence[tuple[tuple[str, str], ...]]:  # noqa: D102
        return self.of_operations(self.before.attributes, lambda new: ())

    @cached_property
    def slots(self) -> Sequence[tuple[str, ...]]:  # noqa: D102
        return self.of_operations(self.before.slots, lambda new: ("input",) * len(self._folding.entering[new]))

    @cached_property
    def inputs(self) -> Sequence[Numbers]:  # noqa: D102
        return self.renumbered(self.of_operations(self.before.inputs, self._folding.entering.__getitem__))

    @cached_property
    def outputs(self) -> Sequence[Numbers]:  # noqa: D102
        return self.renumbered(self.of_operations(self.before.outputs, self._folding.leaving.__getitem__))

    @cached_property
    def blocks(self) -> Mapping[int, Block]:  # noqa: D102
        own = ((place, ~number) for place, number in enumerate(self.operations) if number < 0)
        return {**super().blocks, **{place: self._folding.blocks[new] for place, new in own}}
