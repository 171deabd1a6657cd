"""What a training loop of PyTorch's does, told to a recorder: each step with what went into it, and the optimisers.

Every operation of a step is seen, and of its numbers only those kept that no other operation of the step makes: the data, the
targets, a dropout's mask. How the step is computed is written down once; of each further one it is only looked whether it is
the same, and where in it the numbers stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from threading import get_ident
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from gradviz.pytorch.kept import Kept
from gradviz.pytorch.numbers import dtype_text
from gradviz.pytorch.passed import KnownPassed, TorchPassed
from gradviz.pytorch.repeated import Repeated
from gradviz.pytorch.seen import WATCHES, Argument, Seen, arguments_in, source
from gradviz.pytorch.watch import Dispatch, Watch, line, next_number, written
from gradviz.recording.told import Unknown
from gradviz.training.loop.told import Hearer, Passed

if TYPE_CHECKING:
    from gradviz.pytorch.loop import TorchLibrary


class Following(Watch):
    """Watches a training loop: what goes into each step, its backward pass, and the optimisers.

    Parameters
    ----------
    library, hearer
        Who tells, and who is told.
    """

    def __init__(self, library: TorchLibrary, hearer: Hearer) -> None:
        super().__init__(fused=library.fused)
        self.library, self._hearer = library, hearer
        # By the number of the product: what a GradScaler has multiplied, and by how much.
        self._scaled: dict[int, tuple[torch.Tensor, float]] = {}
        self._resting: ExitStack | None = None  # while an optimiser makes its step
        self._telling = False  # whether the recorder is being told of something
        self._over = False  # whether it has heard enough
        self._running = False  # whether a backward pass runs
        self.moved_meanwhile = False  # whether an optimiser has made a step while the last one ran
        self.repeated = Repeated(self)
        self._old = 0  # what was computed before is of steps that are over

    def __enter__(self) -> Following:
        super().__enter__()
        WATCHES.discard(self)  # it keeps too little for a picture
        assert self._ends is not None
        scale = torch.amp.GradScaler.scale

        def scaled(scaler: Any, outputs: Any) -> Any:
            made = scale(scaler, outputs)
            self._note_scaled(scaler, outputs, made)
            return made

        torch.amp.GradScaler.scale = scaled
        self._ends.callback(setattr, torch.amp.GradScaler, "scale", scale)
        # An optimiser brackets its step, and zero_grad(), for a profiler: that is told by operators, which nobody need look at.
        bracket = torch.autograd.profiler.record_function
        for name in ("__enter__", "__exit__"):
            plain = getattr(bracket, name)
            setattr(bracket, name, self._unseen(plain))
            self._ends.callback(setattr, bracket, name, plain)
        return self

    def _unseen(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            with self._dispatch.aside():
                return plain(*args)

        return run

    def cut(self, function: Any, tensors: list[torch.Tensor], results: Any, *, switched_off: bool) -> None:
        """Note nothing: nobody asks a recording why."""

    def _listen_to_steps(self, ends: ExitStack) -> None:
        for handle in (
            register_optimizer_step_pre_hook(self._step_starts),
            register_optimizer_step_post_hook(self._step_ends),
        ):
            ends.callback(handle.remove)

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
            return source(tensor, self), Unknown(tuple(tensor.shape), dtype_text(tensor.dtype))
        return source(tensor, self), self.memory.keep(tensor)

    def made(self, results: Any) -> None:
        """Keep nothing: it is computed again from what goes into the step."""

    def note(self, seen: Seen) -> None:
        """Keep an operation that was not expected, and from there on all of the step."""
        self.unfold()
        super().note(seen)
        self.repeated.watched(seen)

    def unfold(self) -> None:
        """Have what went as expected until now as if it had been watched in full."""
        for seen in self.repeated.leave():
            super().note(seen)

    def _looking(self) -> Dispatch:
        return Expecting(self)

    def _forget(self, passed: TorchPassed | KnownPassed) -> None:
        """Forget a graph that has been freed, and what has stood there for longer than a step; a new step begins."""
        operations, numbers = self.operations, passed.numbers
        for seen in self.repeated.rest(numbers):
            super().note(seen)
        self.repeated.begin()
        self._scaled.clear()
        for number in numbers:
            operations.pop(number, None)
        for number in [number for number in operations if number < self._old]:
            del operations[number]
        self._old = torch._C._autograd._get_sequence_nr()
        self.memory.clear()
        for seen in (one for several in operations.values() for one in several):
            for _, argument in arguments_in((seen.arguments, seen.keywords)):
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
        if (
            self._running
        ):  # part of the one that runs: a checkpoint of the older kind goes back through what it computes again
            plain(tensors, *args, **kwargs)
            return
        self._wake()
        outputs = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
        names = ("grad_tensors", "retain_graph", "create_graph")
        told = {**dict(zip(names, args, strict=False)), **kwargs}
        create = bool(told.get("create_graph"))
        retained = create if told.get("retain_graph") is None else bool(told["retain_graph"])
        failed: Exception | None = None
        passed: TorchPassed | KnownPassed | None = None

        def see() -> Passed | None:
            if failed is not None:
                raise failed
            return passed

        with self._tell():
            try:
                if outputs and isinstance(outputs[0], torch.Tensor) and outputs[0].grad_fn is not None:
                    passed = self._passed(outputs, told.get("grad_tensors"))
            except Exception as error:
                failed = error
            if not create:
                self._run(plain, tensors, *args, **kwargs)
                self._hear(see, passed, retained=retained)
        if create:  # it is to be differentiated itself
            self._run(plain, tensors, *args, **kwargs)
            with self._tell():
                self._hear(see, passed, retained=retained)

    def _run(self, plain: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        self._running, self.moved_meanwhile = True, False
        try:
            plain(*args, **kwargs)
        finally:
            self._running = False

    def _passed(self, outputs: Sequence[torch.Tensor], grad_tensors: Any) -> TorchPassed | KnownPassed:
        """Tell of a pass that begins: as one that is known, or in full."""
        scaled = self.unscaled(outputs[0])
        node = (outputs[0] if scaled is None else scaled[0]).grad_fn
        known = None if node is None else self.repeated.known(node._sequence_nr())
        if known is not None:
            return KnownPassed(self, outputs, grad_tensors, known, self.repeated.given)
        self.unfold()
        return TorchPassed(self, outputs, grad_tensors)

    def _hear(
        self, see: Callable[[], Passed | None], passed: TorchPassed | KnownPassed | None, *, retained: bool
    ) -> None:
        self._hearer.passed(see)
        if isinstance(passed, TorchPassed) and passed.structure is not None:
            root = passed.output.grad_fn._sequence_nr()
            self.repeated.learn(passed.structure, root, passed.numbers, passed.seen, passed.leaves)
        if passed is not None and not retained:
            self._forget(passed)

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
        self.moved_meanwhile = self.moved_meanwhile or self._running
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


class Expecting(Dispatch):
    """Is called for every operator: of one that is expected it is only looked whether it is that."""

    watch: Following

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        watch, named = self.watch, kwargs or {}
        if not (self.resting or types or watch.repeated.off) and torch.is_grad_enabled():
            expected = watch.repeated.follows(function, next_number() - 1, args, named, line)
            if expected is not None:
                if expected.mutable:
                    watch.memory.before_write(written(function, args, named))
                return function(*args, **named)
        return super().__torch_dispatch__(function, types, args, kwargs)
