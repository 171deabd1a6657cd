"""A program of PyTorch's, asked why: its tensors, nodes and cuts with the engine's attributes. See `gradviz.finding.world.World`.

PyTorch remembers no line and no cut. What it does not know a watch has seen, and the rest the program's own lines say.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import _disable_current_modes

from gradviz.engine.cut import Cut
from gradviz.pytorch.arguments import short_name
from gradviz.pytorch.cuts import CutSeen
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.known import source_of
from gradviz.pytorch.numbers import array_of
from gradviz.pytorch.program import Program, code_at, switched_off
from gradviz.pytorch.refused import is_plain
from gradviz.pytorch.rows import opaque
from gradviz.pytorch.seen import WATCHES, Origin, Seen, Source, arguments_in, results_of
from gradviz.pytorch.source import PyTorch
from gradviz.pytorch.telling import End, Result, Told
from gradviz.pytorch.terms import Asked, Finish, Happened, Life, Step, Used, cut_by, kind_of_cut
from gradviz.pytorch.watch import Watch
from gradviz.recording.model import Frame, Graph, Recording
from gradviz.recording.names import Names, find_names
from gradviz.recording.observe import record_graph
from gradviz.recording.told import Pass

MOST_BEFORE = 64
"""So many cuts are followed on the way back."""


class TorchWorld:
    """A program of PyTorch's.

    Parameters
    ----------
    subject, loss
        What is asked about.
    variables, file
        The user's, the nearest scope first; and where the code stands that asks.
    """

    def __init__(self, subject: Any, loss: Any, variables: Sequence[Mapping[str, Any]], file: str) -> None:
        self.variables = variables
        self.program = Program(file)
        self._asked: dict[int, Asked] = {}
        self._ends: dict[int, Finish] = {}
        self._steps: dict[int, Step] = {}
        self._sources: dict[int, PyTorch] = {}
        self._of_told: dict[Told, Step] = {}
        self._results: dict[int, int] | None = None
        self._subject = self.tensor(subject)
        tensors = [one for scope in variables for one in list(scope.values()) if isinstance(one, torch.Tensor)]
        results = [one for one in (loss, *tensors) if isinstance(one, torch.Tensor) and one.grad_fn is not None]
        self.watch: Watch | None = max(WATCHES, key=lambda one: (one.has_seen, one.began), default=None)
        self.names: Names = find_names(_Names(self.watch), variables)
        self.happened = self._what_happened(results)

    # --- tensors and modules ----------------------------------------------------------------------------------------

    @property
    def sees_cuts(self) -> bool:
        return self.watch is not None and self.watch.has_seen

    def aside(self) -> AbstractContextManager[Any]:
        found: AbstractContextManager[Any] = _disable_current_modes()
        return found

    def tensor(self, value: Any) -> Any:
        if isinstance(value, Asked):
            return value
        if not isinstance(value, torch.Tensor):
            return None
        found = self._asked.get(id(value))
        if found is None:
            found = self._asked[id(value)] = Asked(self, value)  # which keeps the tensor, and so its id
        return found

    def is_module(self, value: Any) -> bool:
        return isinstance(value, torch.nn.Module)

    def module_name(self, module: Any) -> str | None:
        return next((name for scope in self.variables for name, value in list(scope.items()) if value is module), None)

    def name_of(self, tensor: Any) -> str | None:
        return self.names.of(tensor.raw) if isinstance(tensor, Asked) and tensor.raw is not None else None

    def end_of(self, tensor: Asked) -> Finish:
        """Return where the gradient of a leaf goes."""
        return self._ends.setdefault(id(tensor), Finish(tensor))

    # --- operations -------------------------------------------------------------------------------------------------

    def operations_behind(self, output: Asked) -> list[Step]:
        found: set[Step] = set()
        waiting = [output._grad_fn]
        while waiting:
            step = waiting.pop()
            if step is None or step in found:
                continue
            found.add(step)
            waiting.extend(edge[0] for edge in step.edges if edge is not None and isinstance(edge[0], Step))
        return sorted(found, key=lambda step: step.made)

    def step_of(self, output: torch.Tensor) -> Step:
        """Return the operation that made a result."""
        source = self._source_of(output)
        return self._of_told[source.told[output.grad_fn]]

    def _source_of(self, output: torch.Tensor) -> PyTorch:
        source = self._sources.get(id(output))
        if source is None:
            source = self._sources[id(output)] = source_of([output])
            for node in source.behind.nodes:
                told = source.told[node]
                self._of_told[told] = self._told(told, node._sequence_nr(), source)
        return source

    def _told(self, told: Told, number: int, source: PyTorch) -> Step:
        inputs: list[Any] = []
        edges: list[Any] = []
        for argument, edge in zip(told.inputs, told.edges, strict=True):
            if isinstance(argument, Result):
                inputs.append(Used(source.known(argument.made[0].outputs[argument.made[1]])))
            else:
                inputs.append(self.tensor(argument) or argument)
            if edge is None:
                edges.append(None)
            elif isinstance(edge[0], End):
                edges.append((self.end_of(self.tensor(edge[0].variable)), 0))
            else:
                edges.append((self._of_told[edge[0]], edge[1]))
        given = tuple([(name, self.tensor(tensor)) for name, tensor in told.targets])
        seen = (0,) if source.is_left else None
        origin = None if told.origin[0].co_filename == "?" else told.origin
        return Step(told.operation, number, origin, tuple(inputs), tuple(edges), given, seen)

    def past_step(self, number: int) -> Step | None:
        """Return an operation that a watch saw, whether its node is still there or not."""
        waiting = [number]
        while waiting and self.watch is not None:
            one = waiting[-1]
            seen = self.watch.operations.get(one, ())
            if one in self._steps or not seen:
                waiting.pop()
                continue
            arguments = [argument for argument, _ in _arguments(seen[0])]
            missing = [made.number for made in arguments if made.leaf is None and made.number not in self._steps]
            missing = [each for each in missing if each < one and self.watch.operations.get(each)]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            self._steps[one] = self._past(seen[0], arguments)
        return self._steps.get(number)

    def _past(self, seen: Seen, arguments: Sequence[Source]) -> Step:
        name = short_name(getattr(seen.function, "__name__", ""), seen)
        inputs: list[Any] = []
        edges: list[Any] = []
        for made in arguments:
            leaf = None if made.leaf is None else self.tensor(made.leaf)
            inputs.append(Used(None) if leaf is None else leaf)
            if leaf is not None:
                edges.append((self.end_of(leaf), 0) if leaf._requires_grad else None)
            else:
                before = self._steps.get(made.number)
                edges.append(None if before is None else (before, made.place))
        row = opaque(name, name, tuple([f"input{place}" for place in range(len(inputs))]), 1)
        return Step(row, seen.number, seen.origin, tuple(inputs), tuple(edges))

    def pass_through(self, output: Asked, operations: Sequence[Step]) -> Pass | None:
        if output.raw is None or not operations:
            return None
        source = self._source_of(output.raw)
        told = source.operations_behind([output.raw])
        ran = source.past_pass([output.raw], told)
        if ran is None and output.raw.numel() == 1 and not source.is_left:
            try:
                ran = source.trial_pass([output.raw], None)
            except RuntimeError:
                return None
        if ran is None or not ran.order:
            return None
        step = self._of_told
        return Pass(
            tuple([step[one] for one in ran.order]),
            {step[one]: _arrays(gradient) for one, gradient in ran.upstream.items()},
            {step[one]: [_arrays(each) for each in sent] for one, sent in ran.contributions.items()},
            {}, {}, {}, {},
        )  # fmt: skip

    # --- cuts -------------------------------------------------------------------------------------------------------

    def escapes(self) -> Sequence[Cut]:
        if self.watch is None:
            return []
        found = [self._told_cut(cut) for cut in self.watch.cuts.escapes[-MOST_BEFORE:]]
        codes = [several[0].origin[0] for several in self.watch.operations.values()]
        origin = self.program.left_for_numpy(self._name_of_subject, codes) if self._name_of_subject else None
        return found if origin is None else [*found, cut_by("numpy", origin, self._subject)]

    def cut_of(self, tensor: torch.Tensor) -> Cut | None:
        """Return what cut a tensor off, if it wants no gradient."""
        if tensor.grad_fn is not None or self.watch is None or (tensor.requires_grad and tensor is self._raw_subject):
            return None
        if not is_plain(tensor):
            return None
        memory = tensor.untyped_storage()._cdata
        memories = [memory]
        seen, is_subject = self.watch.cuts.of(tensor), tensor is self._raw_subject
        while seen is not None:
            if seen.sources or (not is_subject and self._shares(seen.memories)):
                return self._told_cut(seen)
            memories += seen.memories
            seen = seen.before[0] if seen.before else None
        if tensor.requires_grad:  # a new leaf, in the memory of something computed
            number = self._memories().get(memory)
            origin = self.program.assigned(self.names.of(tensor) or "?")
            return None if number is None else cut_by("parameter", origin, Asked(self, None, number), "Parameter")
        if is_subject:
            return None
        if self._shares((memory,)):
            return cut_by("data", self._first_use(tensor), self._subject)
        return self._copied(memories)

    def _copied(self, memories: Sequence[int]) -> Cut | None:
        """Return that ``torch.tensor(...)`` copied the numbers of a tensor that wants a gradient, if the line says so."""
        for scope in self.variables:
            for name, value in list(scope.items()):
                plain = isinstance(value, torch.Tensor) and not value.requires_grad and is_plain(value)
                origin = self.program.assigned(name) if plain and value.untyped_storage()._cdata in memories else None
                code = "" if origin is None else code_at(origin)
                plain = not any(word in code for word in (".item(", "float(", ".tolist("))
                if (
                    plain
                    and "tensor(" in code
                    and self._name_of_subject
                    and re.search(rf"\b{self._name_of_subject}\b", code)
                ):
                    return cut_by("tensor", origin, self._subject)
        return None

    @property
    def _name_of_subject(self) -> str:
        raw = self._raw_subject
        return re.escape(self.names.of(raw) or "") if raw is not None else ""

    def _memories(self) -> dict[int, int]:
        """Return by their memory the numbers of the results that a watch saw."""
        if self._results is None:
            self._results = {}
            for number, several in (self.watch.operations if self.watch is not None else {}).items():
                for seen in several:
                    for kept in results_of(seen):
                        if isinstance(kept, Kept) and kept.tensor is not None and is_plain(kept.tensor):
                            self._results[kept.tensor.untyped_storage()._cdata] = number
        return self._results

    @property
    def _raw_subject(self) -> torch.Tensor | None:
        return getattr(self, "_subject", None) and self._subject.raw

    def _shares(self, memories: Sequence[int]) -> bool:
        raw = self._raw_subject
        if raw is None or not is_plain(raw) or raw.untyped_storage()._cdata not in memories:
            return False
        return self.switched(self._subject) is None  # else it may have been itself, before it was asked for a gradient

    def _first_use(self, tensor: torch.Tensor) -> Origin | None:
        assert self.watch is not None
        for several in self.watch.operations.values():
            for seen in several:
                if any(made.leaf is tensor for made, _ in _arguments(seen)):
                    return seen.origin
        return None

    def _told_cut(self, seen: CutSeen) -> Cut:
        origin, name = seen.lines[0] if seen.lines else None, seen.function._schema.name.partition("::")[2]
        source = self._cut_off(seen) if seen.sources else self._subject
        code = "" if origin is None else code_at(origin)
        kind, word = kind_of_cut(seen, name, code)
        if kind == "no_grad":
            origin, word = switched_off(seen.lines)
        if not seen.sources:
            kind = word = "data"
        return cut_by(kind, origin, source, word, seen.value)

    def _cut_off(self, seen: CutSeen) -> Asked:
        """Return what a cut kept a gradient from: one tensor, or as if all its arguments had been put together there."""
        sources: dict[Any, Asked] = {}
        waiting, known = [seen], {id(seen)}
        while waiting:
            one = waiting.pop()
            for source in one.sources:
                made = self.tensor(source.leaf) if source.leaf is not None else Asked(self, None, source.number)
                sources[id(source.leaf) if source.leaf is not None else ("past", source.number)] = made
            for before in one.before:
                if id(before) not in known and len(known) < MOST_BEFORE:
                    known.add(id(before))
                    waiting.append(before)
        found = list(sources.values())
        if len(found) == 1:
            return found[0]
        edges = tuple([(self.end_of(one), 0) if one.raw is not None else (one._grad_fn, 0) for one in found])
        row = opaque("Cut", "cut", tuple([f"input{place}" for place in range(len(found))]), 1)
        together = Step(row, -1, None, tuple(found), tuple([edge if edge[0] is not None else None for edge in edges]))
        return Asked(self, None, None, together)

    # --- what happened to gradients ---------------------------------------------------------------------------------

    def _what_happened(self, results: Sequence[torch.Tensor]) -> Happened:
        passes = [] if self.watch is None else self.watch.passes
        if passes:
            last = passes[-1]
            made = next((one for one in results if (one.grad_fn._sequence_nr(), one.output_nr) == last.root), None)
            return Happened(last.when, None if made is None else lambda: self.tensor(made), last.origin)
        return Happened()

    def switched(self, tensor: Asked) -> Origin | None:
        """Return where a tensor was told to want a gradient, or none."""
        name = self.name_of(tensor)
        if tensor.raw is None or name is None or not tensor.raw.is_leaf:
            return None
        return self.program.switched(name, on=tensor.raw.requires_grad)

    def forgotten(self, tensor: Asked) -> tuple[Origin | None, float] | None:
        """Return where and when a gradient was taken away."""
        raw, watch, last = tensor.raw, self.watch, self.happened.last
        if raw is None or not raw.requires_grad:
            return None
        brought = [ran for ran in watch.passes if _brought(ran, raw)] if watch is not None else []
        if raw.grad is not None:
            before = brought[-1].leaves[id(raw)].before if brought else None
            held = before is not None and (before.tensor is None or bool(before.tensor.any()))
            return (None, last - 0.5) if brought and not held else None
        if brought:
            steps = [one for one in watch.steps if one.when > last] if watch is not None else []
            before_step = any(id(raw) in one.gone for one in steps)
            when = last + 0.5 if before_step or not steps else steps[-1].when + 0.5
            return self.program.cleared(self.name_of(tensor) or "?"), when
        if watch is None or not watch.operations:  # nobody saw it, but its graph is gone
            origin = self.program.cleared(self.name_of(tensor) or "?")
            freed = any(source.is_left for source in self._sources.values())
            return (origin, last) if freed and origin is not None else None
        return None

    # --- optimisers -------------------------------------------------------------------------------------------------

    def is_optimizer(self, value: Any) -> bool:
        return isinstance(value, torch.optim.Optimizer)

    def optimizers(self) -> Sequence[Any]:
        # None of PyTorch's own lists has them.
        return [one for one in gc.get_objects() if issubclass(type(one), torch.optim.Optimizer)]

    def parameters_of(self, optimizer: Any) -> Sequence[Any]:
        return [self.tensor(one) for group in optimizer.param_groups for one in group["params"]]

    def life_of(self, optimizer: Any) -> Life:
        named = (name for scope in self.variables for name, value in list(scope.items()) if value is optimizer)
        name = next(named, None)
        made = None if name is None else self.program.assigned(name)
        if self.watch is None or not self.watch.passes:
            return Life(made, ((None, 0.0),))  # whether it has made a step nobody knows
        steps = [one for one in self.watch.steps if one.optimizer() is optimizer]
        return Life(made, tuple([(None, float(one.when)) for one in steps[-2:]]))

    # --- the picture ------------------------------------------------------------------------------------------------

    def recorded(self, results: Sequence[Any]) -> Recording:
        there = [one.raw for one in results if one.raw is not None]
        if not there:
            return Recording(Graph((), ()), (Frame("forward", "", "", ""),))
        return record_graph(*there, variables=self.variables)

    def id_in(self, recording: Recording, tensor: Any) -> str | None:
        if recording.again is None or tensor.raw is None:
            return None
        found: str | None = recording.again.id_of(tensor.raw)
        return found


class _Names(PyTorch):
    """PyTorch as a source of names alone: nothing was computed."""

    def __init__(self, watch: Watch | None) -> None:
        self.watch, self.told = watch, {}

    def identity(self, tensor: Any) -> Any:
        return id(tensor)


def _brought(ran: Any, leaf: torch.Tensor) -> bool:
    found = ran.leaves.get(id(leaf))
    return found is not None and found.variable is leaf and found.total is not None


def _arguments(seen: Seen) -> Iterator[tuple[Source, Any]]:
    for _, argument in arguments_in((seen.arguments, seen.keywords)):
        yield argument


def _arrays(gradient: Any) -> Any:
    if isinstance(gradient, tuple | list):
        return tuple([_arrays(one) for one in gradient])
    return np.asarray(array_of(gradient)) if isinstance(gradient, torch.Tensor) else gradient
