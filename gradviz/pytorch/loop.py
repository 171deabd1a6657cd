"""A training loop of PyTorch's, told to a recorder: see `gradviz.training.loop.told`.

Every operation of a step is seen, and of its numbers only those kept that no other operation of the step makes: the data, the
targets, a dropout's mask. How the step is computed is written down once; of each further one it is only looked whether it is
the same, and where in it the numbers stand.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from threading import get_ident
from typing import Any

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from gradviz.pytorch.graph import Behind, behind
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import array_of, dtype_text
from gradviz.pytorch.source import PyTorch
from gradviz.pytorch.telling import Told, Unknown, is_argument, seen_of
from gradviz.pytorch.watch import WATCHES, Argument, Seen, Watch, source
from gradviz.training.loop.engine import hashable, instruction
from gradviz.training.loop.told import Hearer, Library, Passed
from gradviz.training.run.program import Program, written_down

MOST_TRIED = 2**22
"""Entries of all results of a step, up to which it is computed once by the table's formulas, to see whether that can be done."""

SCALED = (
    "a GradScaler is at work: it multiplies the loss before backward(), so backpropagation starts with its scale and not with 1, "
    "and the optimizer moves by gradients that have been divided by it again. The loss is told as it was before"
)

CLOSE = 1e-3
"""How near, as a share of it, that has to come to the loss."""


class TorchLibrary:
    """PyTorch as a library that trains: see `gradviz.training.loop.told.Library`."""

    def __init__(self) -> None:
        # What stood in the parameters before a step that is made of several moves.
        self.before: dict[int, torch.Tensor] = {}

    def listen(self, hearer: Hearer) -> Callable[[], None]:
        following = Following(self, hearer)
        following.__enter__()
        return following.end

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor)

    def array(self, tensor: torch.Tensor) -> Any:
        return array_of(tensor)

    def gradient(self, tensor: torch.Tensor) -> Any:
        return None if tensor.grad is None else array_of(tensor.grad)

    def dtype(self, tensor: torch.Tensor) -> str:
        return dtype_text(tensor.dtype)

    def remembered(self, optimizer: Any, tensor: torch.Tensor) -> Mapping[str, Any]:
        if isinstance(optimizer, torch.optim.LBFGS):
            return self._of_all(optimizer, tensor)
        found: Mapping[str, Any] = optimizer.state.get(tensor, {})
        return found

    def _of_all(self, optimizer: torch.optim.LBFGS, tensor: torch.Tensor) -> Mapping[str, Any]:
        """Return the parameter's part of what LBFGS remembers as one vector for all, and what its moves before the last came to."""
        parameters = optimizer.param_groups[0]["params"]
        memory = dict(optimizer.state.get(parameters[0], {}))
        before = self.before.get(id(tensor))
        if before is None:
            return memory
        place = 0
        for other in parameters:
            if other is tensor:
                break
            place += other.numel()
        for name in ("d", "prev_flat_grad"):
            if isinstance(memory.get(name), torch.Tensor):
                memory[name] = memory[name][place : place + tensor.numel()].view_as(tensor)
        memory["d"] = memory.get("d", torch.zeros_like(tensor))
        memory["t"] = torch.as_tensor(memory.get("t", 0.0))
        memory["earlier"] = tensor.detach() - before - memory["t"] * memory["d"]
        return memory

    # --- for who runs a loop himself ------------------------------------------------------------------------------

    def enable_grad(self) -> AbstractContextManager[Any]:
        return torch.enable_grad()

    @contextmanager
    def refusing(self, optimizer: Any, words: str) -> Iterator[None]:
        def refuse(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError(words)

        own = vars(optimizer).get("step")  # a scheduler's, say
        optimizer.step = refuse
        try:
            yield
        finally:
            del optimizer.step
            if own is not None:
                optimizer.step = own

    def random_state(self) -> Any:
        return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def set_random_state(self, state: Any) -> None:
        torch.set_rng_state(state[0])
        if state[1]:
            torch.cuda.set_rng_state_all(state[1])


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


class Following(Watch):
    """Watches a training loop: what goes into each step, its backward pass, and the optimisers.

    Parameters
    ----------
    library, hearer
        Who tells, and who is told.
    """

    def __init__(self, library: TorchLibrary, hearer: Hearer) -> None:
        super().__init__(fused=True)
        self.library, self._hearer = library, hearer
        # By the number of the product: what a GradScaler has multiplied, and by how much.
        self._scaled: dict[int, tuple[torch.Tensor, float]] = {}
        self._resting: ExitStack | None = None  # while an optimiser makes its step
        self._telling = False  # whether the recorder is being told of something
        self._over = False  # whether it has heard enough
        self._old = 0  # what was computed before is of steps that are over

    def __enter__(self) -> Following:
        super().__enter__()
        WATCHES.discard(self)  # it keeps too little for a picture
        assert self._ends is not None
        for handle in (
            register_optimizer_step_pre_hook(self._step_starts),
            register_optimizer_step_post_hook(self._step_ends),
        ):
            self._ends.callback(handle.remove)
        scale = torch.amp.GradScaler.scale

        def scaled(scaler: Any, outputs: Any) -> Any:
            made = scale(scaler, outputs)
            self._note_scaled(scaler, outputs, made)
            return made

        torch.amp.GradScaler.scale = scaled
        self._ends.callback(setattr, torch.amp.GradScaler, "scale", scale)
        return self

    def end(self) -> None:
        """Watch no more: at once, or as soon as what is being told to the recorder has been heard."""
        self._over = True
        if not self._telling:
            self._wake()
            self.__exit__(None, None, None)
            self.clear()

    @contextmanager
    def _tell(self) -> Iterator[None]:
        """Look away while the recorder is told of something."""
        self._telling = True
        try:
            with nullcontext() if self._resting else self._dispatch.aside():
                yield
        finally:
            self._telling = False
            if self._over:
                self.end()

    # --- operations ---------------------------------------------------------------------------------------------------

    def given(self, tensor: torch.Tensor) -> Argument:
        """Keep what nothing that is watched has made. What stands in a parameter the recorder keeps itself."""
        if tensor.requires_grad:
            return source(tensor), Unknown(tuple(tensor.shape), dtype_text(tensor.dtype))
        return source(tensor), self.memory.keep(tensor)

    def made(self, results: Any) -> None:
        """Keep nothing: it is computed again from what goes into the step."""

    def _forget(self, numbers: Sequence[int]) -> None:
        """Forget a graph that has been freed, and what has stood there for longer than a step."""
        operations = self.operations
        self._scaled.clear()
        for number in numbers:
            operations.pop(number, None)
        for number in [number for number in operations if number < self._old]:
            del operations[number]
        self._old = torch._C._autograd._get_sequence_nr()
        self.memory.clear()
        for seen in (one for several in operations.values() for one in several):
            for _, argument in _arguments_in((seen.arguments, seen.keywords)):
                kept = argument[1]
                if isinstance(kept, Kept) and kept.tensor is not None:
                    self.memory.keep(kept.tensor, kept)

    # --- backward passes ----------------------------------------------------------------------------------------------

    def _backward(self, plain: Callable[..., None], tensors: Any, *args: Any, **kwargs: Any) -> None:
        """Run a backward pass, as `torch.autograd.backward` would, and tell of it."""
        if get_ident() != self.thread:
            plain(tensors, *args, **kwargs)
            self._hearer.passed(lambda: None)
            return
        self._wake()
        outputs = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
        names = ("grad_tensors", "retain_graph", "create_graph")
        told = {**dict(zip(names, args, strict=False)), **kwargs}
        create = bool(told.get("create_graph"))
        retained = create if told.get("retain_graph") is None else bool(told["retain_graph"])
        failed: Exception | None = None
        passed: TorchPassed | None = None

        def see() -> Passed | None:
            if failed is not None:
                raise failed
            return passed

        with self._tell():
            try:
                if outputs and isinstance(outputs[0], torch.Tensor) and outputs[0].grad_fn is not None:
                    passed = TorchPassed(self, outputs, told.get("grad_tensors"))
            except Exception as error:
                failed = error
            if not create:
                plain(tensors, *args, **kwargs)
                self._hear(see, passed, retained=retained)
        if create:  # it is to be differentiated itself
            plain(tensors, *args, **kwargs)
            with self._tell():
                self._hear(see, passed, retained=retained)

    def _hear(self, see: Callable[[], Passed | None], passed: TorchPassed | None, *, retained: bool) -> None:
        self._hearer.passed(see)
        if passed is not None and not retained:
            self._forget(passed.numbers)

    def unscaled(self, output: torch.Tensor) -> tuple[torch.Tensor, float] | None:
        """Return what a GradScaler has multiplied, and by how much, if that is what a pass starts from."""
        return None if output.grad_fn is None else self._scaled.get(output.grad_fn._sequence_nr())

    def _note_scaled(self, scaler: Any, outputs: Any, made: Any) -> None:
        """Remember of what a GradScaler has multiplied what it was: that is the loss."""
        losses, products = (each if isinstance(each, list | tuple) else [each] for each in (outputs, made))
        for loss, product in zip(losses, products, strict=True):
            if product is not loss and product.grad_fn is not None and loss.grad_fn is not None:
                self._scaled[product.grad_fn._sequence_nr()] = loss, scaler.get_scale()

    # --- optimisers ---------------------------------------------------------------------------------------------------

    def _step_starts(self, optimizer: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if get_ident() != self.thread:
            return
        self._wake()  # of a step that has failed
        if all(value is None for value in (*args[1:], *kwargs.values())):  # no closure, which computes the loss
            self._resting = ExitStack()
            self._resting.enter_context(self._dispatch.aside())
        with self._tell():
            if isinstance(optimizer, torch.optim.LBFGS):
                for tensor in optimizer.param_groups[0]["params"]:
                    self.library.before[id(tensor)] = tensor.detach().clone()
            self._hearer.step_starts(self.library, optimizer)

    def _step_ends(self, optimizer: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if get_ident() != self.thread:
            return
        with self._tell():
            self._hearer.step_ends(self.library, optimizer)
        self._wake()

    def _wake(self) -> None:
        """Look again at what is computed."""
        if self._resting is not None:
            self._resting.close()
            self._resting = None


class TorchPassed:
    """A backward pass of PyTorch's: see `gradviz.training.loop.told.Passed`. Made before it runs."""

    def __init__(self, watch: Following, outputs: Sequence[torch.Tensor], grad_tensors: Any) -> None:
        self.library: Library = watch.library
        self.outputs = len(outputs)
        self.notes: Sequence[str] = ()
        self._watch, self._output = watch, outputs[0]
        start = grad_tensors[0] if isinstance(grad_tensors, list | tuple) else grad_tensors
        scaled = watch.unscaled(self._output)
        if scaled is not None:
            self.notes = (SCALED,)
            self._output, scale = scaled
            start = torch.full_like(self._output, scale) if start is None else start * scale
        self._start: torch.Tensor | None = start
        self._behind: Behind = behind((self._output,))
        self.numbers = [node._sequence_nr() for node in self._behind.nodes]
        self._earlier = {
            id(leaf): leaf.grad.detach().clone()
            for leaf in (node.variable for node in self._behind.leaves)
            if leaf.grad is not None
        }
        self.loss = float(self._output.detach().sum())
        self._seen: list[Seen | None] = [
            None
            if (candidates := watch.operations.get(number)) is None
            else seen_of(node.name().rpartition("::")[2], candidates)
            for number, node in zip(self.numbers, self._behind.nodes, strict=True)
        ]

    @property
    def started_with(self) -> Any:
        if self._start is None or (self._output.numel() == 1 and self._start.item() == 1):
            return None
        return array_of(self._start)

    def signature(self) -> Hashable:
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

        for node, seen in zip(self._behind.nodes, self._seen, strict=True):
            parts.append(node.name())
            if seen is None:
                parts += [tuple(meta.shape) for meta in node._input_metadata]
                continue
            parts += (seen.function, instruction(*seen.origin))
            parts += [told(argument) for argument in seen.arguments]
            parts += [(name, told(argument)) for name, argument in seen.keywords.items()]
        return tuple(parts)

    def program(self, variables: Sequence[Mapping[str, Any]]) -> tuple[Program, list[Spot]]:
        telling = PyTorch((self._output,), self._watch)
        operations = telling.operations_behind((self._output,))
        program, places = written_down(telling, self._output, operations, variables)
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
        seen = self._seen[at]
        if seen is not None and is_argument(argument):
            for path, one in _arguments_in((seen.arguments, seen.keywords)):
                if one is argument:
                    return Spot(at, path)
        return Spot(at, None, fixed)

    def lost(self, program: Program, places: Sequence[Spot]) -> str:
        without = [told.operation.name for told in program.instructions if told.run is None]
        if without:
            return f"gradviz has no formula for {', '.join(dict.fromkeys(without))}, so this graph cannot be computed again"
        for told in program.instructions:
            for dtype in (setting for setting in told.settings if isinstance(setting, torch.dtype)):
                return f"NumPy has no {dtype_text(dtype)}, so this graph cannot be computed again with it"
        size = sum(int(np.prod(meta.shape)) for node in self._behind.nodes for meta in node._input_metadata)
        if size > MOST_TRIED:
            return ""
        try:
            with np.errstate(all="ignore"):
                loss = program.loss([self.found(place) for place in places])
        except ValueError as error:
            return f"this graph cannot be computed again with NumPy ({error})"
        scale = max(abs(self.loss), 1e-6)
        if np.isfinite(self.loss) and not abs(loss - self.loss) <= CLOSE * scale:
            return f"computed again with NumPy this graph gives {loss:.6g}, and not {self.loss:.6g} as here"
        return ""

    def leaf(self, place: Spot) -> torch.Tensor:
        leaf: torch.Tensor = place.fixed if place.path is None else self._argument(place)[0].leaf
        return leaf

    def earlier(self, place: Spot) -> Any:
        grad = self._earlier.get(id(self.leaf(place)))
        return None if grad is None else array_of(grad)

    def found(self, place: Spot) -> Any:
        if place.path is None:
            return array_of(place.fixed) if isinstance(place.fixed, torch.Tensor) else place.fixed
        made, kept = self._argument(place)
        tensor = made.leaf if isinstance(kept, Unknown) else kept.tensor
        return None if tensor is None else array_of(tensor)

    def holder(self, place: Spot) -> tuple[Any, int] | None:
        leaf = None if place.path is None else self._argument(place)[0].leaf
        return None if leaf is None else (leaf, leaf._version)

    def _argument(self, place: Spot) -> Argument:
        seen = self._seen[place.at]
        assert seen is not None  # as in the graph that the place was found in
        assert place.path is not None
        found: Argument = _at((seen.arguments, seen.keywords), place.path)
        return found


def _at(inside: Any, path: Sequence[Any]) -> Any:
    for step in path:
        inside = inside[step]
    return inside


def _arguments_in(inside: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Argument]]:
    """Go through the tensors among arguments, which may be in lists, each with the way to it."""
    if is_argument(inside):
        yield path, inside
    elif isinstance(inside, list | tuple | dict):
        for step, each in inside.items() if isinstance(inside, dict) else enumerate(inside):
            yield from _arguments_in(each, (*path, step))
