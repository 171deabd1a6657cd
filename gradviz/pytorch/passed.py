"""One backward pass of a training loop of PyTorch's, told to a recorder: see `gradviz.training.loop.told.Passed`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gradviz.catalogue import text
from gradviz.pytorch.graph import Behind, behind
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import array_of, dtype_text
from gradviz.pytorch.refused import kind_of
from gradviz.pytorch.repeated import Known, places_of_numbers, there
from gradviz.pytorch.seen import MARK, Seen, arguments_in, is_argument, seen_of
from gradviz.pytorch.source import PyTorch
from gradviz.pytorch.telling import Told
from gradviz.recording.told import RefusedError, Unknown
from gradviz.training.loop.engine import hashable, instruction
from gradviz.training.loop.told import Library
from gradviz.training.run.program import Program, written_down

if TYPE_CHECKING:
    from gradviz.pytorch.following import Following

MOST_TRIED = 2**22
"""Entries of all results of a step, up to which it is computed once by the table's formulas, to see whether that can be done."""

SCALED = (
    "a GradScaler is at work: it multiplies the loss before backward(), so backpropagation starts with its scale and not with 1, "
    "and the optimizer moves by gradients that have been divided by it again. The loss is told as it was before"
)

CLOSE = 1e-3
"""How near, as a share of it, that has to come to the loss; in half precision as near as rounding lets it."""

IN_ONE_GO = ("scaled_dot_product", "mkldnn_rnn", "cudnn_rnn", "miopen_rnn", "thnn_fused")
"""How the names of what PyTorch runs in one go begin, where a watch can have it run step by step."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a graph has the numbers that go into a slot.

    Attributes
    ----------
    at
        The number of the operation.
    path
        The way to a tensor among its arguments; ``None`` if it is always the same.
    fixed
        Then what it is.
    """

    at: int
    path: tuple[Any, ...] | None
    fixed: Any = None


@dataclass(frozen=True, slots=True)
class Structure:
    """What graphs of the same structure have in common, hashed once."""

    parts: tuple[Any, ...]
    hashed: int = field(compare=False)

    @classmethod
    def of(cls, parts: Sequence[Any]) -> Structure:
        found = tuple(parts)
        return cls(found, hash(found))

    def __hash__(self) -> int:
        return self.hashed


def place_among_processes() -> tuple[int, int]:
    """Return the rank of this process among those that train together, and how many these are."""
    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    return (torch.distributed.get_rank(), torch.distributed.get_world_size()) if together else (0, 1)


class _Begun:
    """What is known of a backward pass as soon as it begins.

    Attributes
    ----------
    output, start
        What it starts from, before a GradScaler has multiplied it; and what it starts with, ``None`` for the number 1.
    """

    def __init__(self, watch: Following, outputs: Sequence[torch.Tensor], grad_tensors: Any) -> None:
        self.library: Library = watch.library
        self.outputs = len(outputs)
        rank, count = place_among_processes()
        self.notes: Sequence[str] = (text("first rank", "pytorch", rank=rank, count=count),) if count > 1 else ()
        self._watch, self.output = watch, outputs[0]
        start = grad_tensors[0] if isinstance(grad_tensors, list | tuple) else grad_tensors
        scaled = watch.unscaled(self.output)
        if scaled is not None:
            self.notes = (*self.notes, SCALED)
            self.output, scale = scaled
            start = torch.full_like(self.output, scale) if start is None else start * scale
        self.start: torch.Tensor | None = start
        if kind_of(self.output) == "meta":
            raise RefusedError(text("structure, recorded", "pytorch"))
        self.loss = float(self.output.detach().sum())
        self._before: dict[int, torch.Tensor] = {}

    def _note_before(self, leaves: Iterable[torch.Tensor]) -> None:
        """Copy what stands in ``.grad`` now."""
        self._before = {id(leaf): leaf.grad.detach().clone() for leaf in leaves if leaf.grad is not None}

    @property
    def started_with(self) -> Any:
        if self.start is None or (self.output.numel() == 1 and self.start.item() == 1):
            return None
        return array_of(self.start)

    def earlier(self, place: Spot) -> Any:
        grad = self._before.get(id(self.leaf(place))) if self._before else None
        return None if grad is None else array_of(grad)

    def leaf(self, place: Spot) -> torch.Tensor:
        raise NotImplementedError


class TorchPassed(_Begun):
    """A backward pass of PyTorch's: see `gradviz.training.loop.told.Passed`. Made before it runs."""

    def __init__(self, watch: Following, outputs: Sequence[torch.Tensor], grad_tensors: Any) -> None:
        super().__init__(watch, outputs, grad_tensors)
        self._behind: Behind = behind((self.output,))
        self.numbers: Sequence[int] = [node._sequence_nr() for node in self._behind.nodes]
        self.leaves = [node.variable for node in self._behind.leaves]
        self._note_before(self.leaves)
        root, operations = self.output.grad_fn, watch.operations
        self.seen: list[Seen | None] = [
            # Each thread counts for itself: whose results a watched operation was given, that has its mark.
            None
            if (candidates := operations.get(number)) is None
            or (node is not root and node.metadata.get(MARK) is not watch)
            else candidates[0]
            if len(candidates) == 1
            else seen_of(node.name().rpartition("::")[2], candidates)
            for number, node in zip(self.numbers, self._behind.nodes, strict=True)
        ]
        self._structure: Structure | None = None

    @property
    def structure(self) -> Structure | None:
        """What its graph has in common with others, if anybody has asked for it."""
        return self._structure

    def signature(self) -> Hashable:
        if self._structure is None:
            self._structure = Structure.of(self._parts())
        return self._structure

    def _parts(self) -> list[Any]:
        places = {number: place for place, number in enumerate(self.numbers)}
        leaves: dict[int, int] = {}
        parts: list[Any] = []

        def told(argument: Any) -> Hashable:
            if not is_argument(argument):
                if isinstance(argument, list | tuple):
                    return tuple([told(each) for each in argument])
                return hashable(argument)
            made, kept = argument
            if made.leaf is None:
                return places.get(made.number), made.place
            known = leaves.setdefault(id(made.leaf), len(leaves))
            return (-1 - known if made.leaf.requires_grad else known), kept.shape

        for node, seen in zip(self._behind.nodes, self.seen, strict=True):
            parts.append(node.name())
            if seen is None:
                parts += [tuple(meta.shape) for meta in node._input_metadata]
                continue
            parts += (seen.function, instruction(*seen.origin))
            numbers = places_of_numbers(seen)
            parts += [None if place in numbers else told(one) for place, one in enumerate(seen.arguments)]
            parts += [(name, told(argument)) for name, argument in seen.keywords.items()]
        return parts

    def program(self, variables: Sequence[Mapping[str, Any]]) -> tuple[Program, list[Spot]]:
        telling = PyTorch((self.output,), self._watch)
        operations = telling.operations_behind((self.output,))
        program, places = written_down(telling, self.output, operations, variables)
        return program, [self._spot(operations[at], at, way) for at, way in places]

    def _spot(self, told: Told, at: int, way: int | tuple[int, ...]) -> Spot:
        """Say where the numbers of a slot stand in what was seen, rather than in what was told of it."""
        argument: Any = told.given
        if isinstance(way, tuple):
            fixed = _at(told.settings, way)
            for step in way:
                argument = argument if is_argument(argument) else argument[step]
        else:
            fixed, argument = told.inputs[way], told.arguments[way] if told.arguments else None
        seen = self.seen[at]
        if seen is not None and is_argument(argument):
            for path, one in arguments_in((seen.arguments, seen.keywords)):
                if one is argument:
                    return Spot(at, path)
        if seen is not None and isinstance(way, int) and type(argument) in (int, float):
            for place in places_of_numbers(seen):
                if seen.arguments[place] is argument:
                    return Spot(at, (0, place))
        return Spot(at, None, fixed)

    def lost(self, program: Program, places: Sequence[Spot]) -> str:
        if self._watch.moved_meanwhile:
            return text("moved meanwhile", "pytorch")
        for told in program.instructions:
            for dtype in (setting for setting in told.settings if isinstance(setting, torch.dtype)):
                return f"NumPy has no {dtype_text(dtype)}, so this graph cannot be computed again with it"
        without = [told.operation.name for told in program.instructions if told.run is None]
        if without:
            names = ", ".join(dict.fromkeys(without))
            composed = self._watch.fused and any(name.startswith(IN_ONE_GO) for name in without)
            return text("no formula, fused" if composed else "no formula", "pytorch", names=names)
        size = sum(int(np.prod(meta.shape)) for node in self._behind.nodes for meta in node._input_metadata)
        if size > MOST_TRIED:
            return ""
        try:
            with np.errstate(all="ignore"):
                loss = program.loss([self.found(place) for place in places])
        except ValueError as error:
            return f"this graph cannot be computed again with NumPy ({error})"
        # Of a loss near 0 nothing may be left but what rounding has left of larger numbers.
        rounding = 8 * max(_precision(meta.dtype) for node in self._behind.nodes for meta in node._input_metadata)
        if np.isfinite(self.loss) and not abs(loss - self.loss) <= max(CLOSE, rounding) * abs(self.loss) + rounding:
            return f"computed again with NumPy this graph gives {loss:.6g}, and not {self.loss:.6g} as here"
        return ""

    def leaf(self, place: Spot) -> torch.Tensor:
        leaf: torch.Tensor = place.fixed if place.path is None else self._argument(place)[0].leaf
        return leaf

    def found(self, place: Spot) -> Any:
        if place.path is None:
            return array_of(place.fixed) if isinstance(place.fixed, torch.Tensor) else place.fixed
        found = self._argument(place)
        if not is_argument(found):
            return found
        made, kept = found
        tensor = made.leaf if isinstance(kept, Unknown) else kept.tensor
        return None if tensor is None else array_of(tensor)

    def holder(self, place: Spot) -> tuple[Any, int] | None:
        found = None if place.path is None else self._argument(place)
        leaf = found[0].leaf if found is not None and is_argument(found) else None
        return None if leaf is None else (leaf, leaf._version)

    def _argument(self, place: Spot) -> Any:
        seen = self.seen[place.at]
        assert seen is not None  # as in the graph that the place was found in
        assert place.path is not None
        return _at((seen.arguments, seen.keywords), place.path)


class KnownPassed(_Begun):
    """A backward pass that was seen in a step before: all that is looked up of it is what the step has brought."""

    def __init__(
        self, watch: Following, outputs: Sequence[torch.Tensor], grad_tensors: Any, known: Known, given: Sequence[Any]
    ) -> None:
        super().__init__(watch, outputs, grad_tensors)
        self.numbers = [number + watch.repeated.first for number in known.numbers]
        self._known, self._given, self._grad_tensors = known, given, grad_tensors
        self._first = outputs
        self._note_before([there(leaf) for leaf in known.leaves])
        self._full: TorchPassed | None = None

    def signature(self) -> Hashable:
        structure: Structure = self._known.structure
        return structure

    def program(self, variables: Sequence[Mapping[str, Any]]) -> tuple[Program, list[Spot]]:
        """Write it down, which was not done when it was seen for the first time: within an optimiser's step, say."""
        return self._in_full.program(variables)

    def lost(self, program: Program, places: Sequence[Spot]) -> str:
        return self._in_full.lost(program, places)

    @property
    def _in_full(self) -> TorchPassed:
        if self._full is None:
            self._watch.unfold()
            self._full = TorchPassed(self._watch, self._first, self._grad_tensors)
        return self._full

    def leaf(self, place: Spot) -> torch.Tensor:
        if place.path is None:
            fixed: torch.Tensor = place.fixed
            return fixed
        found = self._known.places[place.at, place.path]
        assert not isinstance(found, int)
        return there(found)

    def found(self, place: Spot) -> Any:
        if place.path is None:
            return array_of(place.fixed) if isinstance(place.fixed, torch.Tensor) else place.fixed
        found = self._brought(place)
        if not isinstance(found, tuple):
            return found
        return None if found[1].tensor is None else array_of(found[1].tensor)

    def holder(self, place: Spot) -> tuple[Any, int] | None:
        found = None if place.path is None else self._brought(place)
        return (found[0], found[0]._version) if isinstance(found, tuple) else None

    def _brought(self, place: Spot) -> Any:
        """Return what the step has brought there: a tensor, with what was kept of it, or a number."""
        assert place.path is not None
        found = self._known.places[place.at, place.path]
        if isinstance(found, int):
            return self._given[found]
        leaf = self.leaf(place)
        return leaf, Kept(leaf)


def _precision(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps if dtype.is_floating_point else 0.0


def _at(inside: Any, path: Sequence[Any]) -> Any:
    for step in path:
        inside = inside[step]
    return inside
