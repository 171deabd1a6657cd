"""Watching PyTorch compute: every operation of a forward pass, with its values, its line and its module, and every backward pass.

What is watched leaves what it would have left unwatched, bit for bit; and when the watch ends, nothing of it is left behind.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode, _pop_mode_temporarily

from gradviz.engine.scope import PACKAGE
from gradviz.pytorch.backward import Listening, Ran
from gradviz.pytorch.calls import Calls
from gradviz.pytorch.cuts import Cuts, leaves_the_graph
from gradviz.pytorch.kept import BUDGET, Memory, each_tensor
from gradviz.pytorch.refused import has_numbers
from gradviz.pytorch.seen import WATCHES, Argument, Origin, Seen, Whole, is_mutable, source

TORCH = os.path.join(os.path.dirname(torch.__file__), "")
next_number = torch._C._autograd._get_sequence_nr
"""The sequence number of the next node. Below autograd, the node of the operation that runs has been made: its own is one less."""


_watches = itertools.count(1)

MOST_STEPS = 8
"""So many of the last steps of optimisers are known."""

MOST_OF_A_WHOLE = 8 * 2**20
"""Bytes of a tensor that is copied for each change to part of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """One step of an optimiser.

    Attributes
    ----------
    optimizer
        Whose, weakly.
    when
        See `Watch.count`.
    gone
        The ids of those of its parameters that had no gradient.
    """

    optimizer: weakref.ref[Any]
    when: int
    gone: set[int]


@dataclass(eq=False)
class Watch:
    """Watches PyTorch for the length of a ``with`` statement.

    Parameters
    ----------
    fused
        False to run attention and recurrent layers as single operations, so that each can be seen; True to run what
        production runs. Everything else runs as always.
    budget
        How many bytes of values may be held; of what is beyond, the oldest are let go, and drawn without numbers.

    Attributes
    ----------
    operations
        By sequence number: what ran. Mostly one; further ones had no node of their own.
    calls
        The modules.
    passes
        The backward passes.
    memory
        What is kept.
    began
        Which of all watches it is.
    cuts, steps
        What left the graph, and the last steps of optimisers: what `gradviz.why` asks about.
    """

    fused: bool = False
    budget: int = BUDGET
    operations: dict[int, list[Seen]] = field(default_factory=dict, repr=False)
    passes: list[Ran] = field(default_factory=list, repr=False)
    thread: int = field(init=False, default=0, repr=False)
    calls: Calls = field(init=False, repr=False)
    memory: Memory = field(init=False, repr=False)
    cuts: Cuts = field(init=False, default_factory=Cuts, repr=False)
    steps: list[Stepped] = field(init=False, default_factory=list, repr=False)
    began: int = field(init=False, default=0, repr=False)
    _count: int = field(init=False, default=0, repr=False)
    _dispatch: Dispatch = field(init=False, repr=False)
    _ends: ExitStack | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self.calls, self.memory = Calls(composed=not self.fused), Memory(self.budget)

    def __enter__(self) -> Watch:
        if self._ends is not None:
            raise RuntimeError("this watch is running already: gv.watch() makes a new one")
        self.thread = threading.get_ident()
        WATCHES.add(self)
        self.began = next(_watches)
        with ExitStack() as ends:
            self.calls.start()
            ends.callback(self.calls.stop)
            ends.enter_context(_unwarned("Using `torch.compile(module)` when there are global hooks"))
            ends.enter_context(_uncompiled())
            if not self.fused:
                ends.enter_context(sdpa_kernel(SDPBackend.MATH))
            plain = torch.autograd.backward
            torch.autograd.backward = partial(self._backward, plain)
            ends.callback(setattr, torch.autograd, "backward", plain)
            self._listen_to_steps(ends)
            ends.enter_context(_functions_heard(self._applied))
            self._dispatch = ends.enter_context(self._looking())
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ends, self._ends = self._ends, None
        if ends is not None:
            ends.close()

    def _backward(self, plain: Callable[..., None], tensors: Any, *args: Any, **kwargs: Any) -> None:
        """Run a backward pass, as `torch.autograd.backward` would, and listen to it."""
        if threading.get_ident() != self.thread:
            return plain(tensors, *args, **kwargs)
        outputs = (
            [tensors]
            if isinstance(tensors, torch.Tensor)
            else [each for each in tensors if isinstance(each, torch.Tensor)]
        )
        again = kwargs.get("create_graph", args[2] if len(args) > 2 else False)
        listening = Listening(outputs, self.memory.keep) if outputs else None
        try:
            # Nothing in it is recorded, unless it is to be differentiated itself.
            with nullcontext() if again else self._dispatch.aside():
                return plain(tensors, *args, **kwargs)
        finally:
            if listening is not None:
                ran = listening.stop()
                ran.when, ran.origin = self.count(), line()
                self.passes.append(ran)

    def _applied(self, function: type, plain: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function of the user's, and keep what it was given and what it made."""
        resting = self._dispatch.resting or not all(has_numbers(one) for one in _tensors(args, kwargs))
        if threading.get_ident() != self.thread or resting:
            return plain(*args, **kwargs)
        given = tuple([each_tensor(value, self.given) for value in args])
        results = plain(*args, **kwargs)
        first = next((one.grad_fn for one in _tensors((results,), {}) if one.grad_fn is not None), None)
        if isinstance(first, torch.autograd.function.BackwardCFunction):
            number, made = first._sequence_nr(), self.made(results)
            self.note(Seen(function, number, given, {}, made, line(), self.calls.current))
        return results

    def note(self, seen: Seen) -> None:
        """Keep an operation."""
        self.operations.setdefault(seen.number, []).append(seen)

    def given(self, tensor: torch.Tensor) -> Argument:
        """Keep what an operation is given."""
        return source(tensor, self), self.memory.keep(tensor)

    def made(self, results: Any) -> Any:
        """Keep what an operation has made."""
        return each_tensor(results, self.memory.keep)

    def _looking(self) -> Dispatch:
        """Return what is called for every operator."""
        return Dispatch(self)

    def cut(self, function: Any, tensors: list[torch.Tensor], results: Any, *, switched_off: bool) -> None:
        """Note an operation that is no part of the graph."""
        self.cuts.note(function, tensors, results, switched_off=switched_off)

    @property
    def has_seen(self) -> bool:
        """Whether anything was computed that it could tell of."""
        return bool(self.operations) or bool(self.cuts)

    def count(self) -> int:
        """Count one thing more that happened: a backward pass, or a step."""
        self._count += 1
        return self._count

    def _listen_to_steps(self, ends: ExitStack) -> None:
        def step(optimizer: Any, *_: Any) -> None:
            if threading.get_ident() == self.thread:
                gone = {id(one) for group in optimizer.param_groups for one in group["params"] if one.grad is None}
                self.steps = [*self.steps[-MOST_STEPS:], Stepped(weakref.ref(optimizer), self.count(), gone)]

        ends.callback(register_optimizer_step_pre_hook(step).remove)

    def clear(self) -> None:
        """Forget what was seen so far."""
        self.operations.clear()
        self.cuts.clear()
        self.steps = []
        self.passes.clear()
        self.memory.clear()


class Dispatch(TorchDispatchMode):
    """Is called for every operator, below autograd."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch
        self.resting = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say that the compiler need not be loaded, which takes seconds, to be kept away from this."""
        return False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Look away for a while, at no cost where no other mode stands above this one."""
        if _get_current_dispatch_mode() is self:
            with _pop_mode_temporarily():
                yield
            return
        self.resting = True
        try:
            yield
        finally:
            self.resting = False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        watch, kwargs = self.watch, kwargs or {}
        if (
            self.resting or types
        ):  # tensors that compute in their own way, which are asked nothing, not even for their node
            return function(*args, **kwargs)
        mutable = is_mutable(function)
        tensors = _tensors(args, kwargs)
        wanted = False
        for tensor in tensors:
            if tensor.is_nested:
                return function(*args, **kwargs)
            wanted = wanted or tensor.requires_grad
        if not (wanted and torch.is_grad_enabled()):
            if mutable:
                watch.memory.before_write(written(function, args, kwargs))
                return function(*args, **kwargs)
            results = function(*args, **kwargs)
            watch.cut(function, tensors, results, switched_off=wanted)
            return results
        number = next_number() - 1
        given = watch.given
        arguments = tuple([given(one) if isinstance(one, torch.Tensor) else each_tensor(one, given) for one in args])
        keywords = {name: each_tensor(value, given) for name, value in kwargs.items()} if kwargs else kwargs
        whole, part = None, part_of(args[0]) if mutable and args else None
        before = None if part is None else given(part[0])
        if mutable:
            watch.memory.before_write(written(function, args, kwargs))
        results = function(*args, **kwargs)
        if part is not None and before is not None:
            whole = Whole(part[1], before, watch.memory.keep(part[0]))
        if leaves_the_graph(function, results):
            watch.cut(function, tensors, results, switched_off=False)
        made, origin = watch.made(results), line()
        watch.note(Seen(function, number, arguments, keywords, made, origin, watch.calls.current, whole))
        return results


def part_of(tensor: Any) -> tuple[torch.Tensor, tuple[Any, ...]] | None:
    """Return of a view the tensor whose part it is, and which part; ``None`` if it is none, or of much."""
    whole = tensor._base if isinstance(tensor, torch.Tensor) else None
    if whole is None or whole.layout is not torch.strided or whole.nbytes > MOST_OF_A_WHOLE:
        return None
    offset = tensor.storage_offset() - whole.storage_offset()
    return whole, (tuple(tensor.shape), tensor.stride(), offset, None if whole.is_contiguous() else whole.stride())


def _tensors(args: Any, kwargs: dict[str, Any]) -> list[torch.Tensor]:
    found = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += [each for each in value if isinstance(each, torch.Tensor)]
    return found


def written(function: Any, args: Any, kwargs: dict[str, Any]) -> Iterator[torch.Tensor]:
    """Go through the tensors that an operator is going to change."""
    for place, argument in enumerate(function._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[place] if place < len(args) else kwargs.get(argument.name)
            yield from _tensors((value,), {})


_theirs: dict[str, bool] = {}
"""By file: whether it is PyTorch's or ours."""


def line() -> Origin:
    """Return the instruction of the user's that is being run."""
    frame = first = sys._getframe(2)
    while (known := _theirs.get(file := frame.f_code.co_filename)) or (known is None and is_theirs(file)):
        if frame.f_back is None:
            return first.f_code, first.f_lasti
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def is_theirs(file: str) -> bool:
    """Return True for a file of PyTorch's, or of this package."""
    known = _theirs[file] = file.startswith((TORCH, PACKAGE, "<frozen"))
    return known


@contextmanager
def _functions_heard(applied: Callable[..., Any]) -> Iterator[None]:
    """Let a listener run what users have made of ``torch.autograd.Function``."""
    base: Any = torch.autograd.Function
    plain = vars(base)["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        return applied(cls, partial(plain.__func__, cls), *args, **kwargs)

    base.apply = classmethod(apply)
    try:
        yield
    finally:
        base.apply = plain


@contextmanager
def _unwarned(start: str) -> Iterator[None]:
    """Keep back the warnings that begin so: they are of what a watch does, and not of what the user does."""
    warnings.filterwarnings("ignore", re.escape(start))
    ours = warnings.filters[0]
    try:
        yield
    finally:
        if ours in warnings.filters:  # else somebody has put others there
            warnings.filters.remove(ours)  # type: ignore[attr-defined]


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Let compiled functions run as they are written, and be compiled again afterwards.

    Under a watch the compiler would give up a function for good. It is not loaded for this: where it is not in the process,
    nothing is compiled yet, and ``torch.compile`` is told when it is called.
    """
    with ExitStack() as ends:

        def aside() -> None:
            ends.enter_context(torch.compiler.set_stance("force_eager"))

        if "torch._dynamo" in sys.modules:
            aside()
            yield
            return
        plain: Callable[..., Any] = torch.compile

        def compile(*args: Any, **kwargs: Any) -> Any:
            torch.compile = plain
            compiled = plain(*args, **kwargs)
            aside()
            return compiled

        torch.compile = compile
        try:
            yield
        finally:
            torch.compile = plain
