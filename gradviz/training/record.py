"""Watching a training loop as it is written.

Nothing in the loop changes. The engine tells of every ``backward()``, the optimisers of every step; what is moved by hand is
found by looking at the parameters again when the next step begins.

A step begins with a ``backward()`` and lasts until the next: only then is it known what was made of its gradients. Of the
graph only copies of what went into it are kept, so that it is freed as it always is.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import get_ident
from types import CodeType, FrameType, TracebackType
from typing import Any

import numpy as np

from gradviz.engine import backward
from gradviz.engine.node import Node
from gradviz.engine.scope import PACKAGE
from gradviz.engine.tensor import Tensor
from gradviz.optim import optimizer as optimizers
from gradviz.optim.optimizer import Optimizer, settings_of
from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.recording.names import let_go, variables_of
from gradviz.recording.observe import structure_of
from gradviz.recording.passes import nodes_behind
from gradviz.recording.values import dtype_text
from gradviz.training.counting import EpochCounter, label_in
from gradviz.training.log import (
    DEFAULT_BUDGET,
    LARGE_OVERHEAD,
    RULE_OVERHEAD,
    Entry,
    Log,
    ParameterEntry,
    Stored,
    array_of,
    in_full,
    norm,
    size_of,
    stored,
)
from gradviz.training.model import BY_HAND, UNMOVED, Parameter, Rule
from gradviz.training.plan import Plan, signature_of, upstream_of
from gradviz.training.program import array_at, program_of
from gradviz.training.progress import Progress
from gradviz.training.run import Run

HAND, STILL = Rule(BY_HAND), Rule(UNMOVED)

MOST_PROGRAMS = 32
"""Different graphs that are kept of one run."""

NOTHING = "nothing was recorded: loss.backward() was not called while the recording was on"


@dataclass
class Watched:
    """A parameter, as it was when it was last looked at.

    Attributes
    ----------
    tensor
        The leaf.
    kept
        Its copy, as it is in the log, where a large one may be thinned out.
    array
        The copy itself.
    entry, part
        The newest step in which it took part, and what is kept of it there.
    by_optimizer
        Whether an optimiser has ever moved it.
    used
        Whether it has been moved since its gradient was last 0 or not there: by then the gradient has been made use of.
    suspected
        The step whose gradient was added to one that had been made use of.
    """

    tensor: Tensor
    kept: Stored | None = None
    array: Any = None
    entry: Entry | None = None
    part: ParameterEntry | None = None
    by_optimizer: bool = False
    used: bool = False
    suspected: int | None = None


@dataclass
class Stepping:
    """An optimiser that is making its step.

    Attributes
    ----------
    claimed
        The parts of steps that are its work, as far as is known: a closure opens a step of its own.
    opened
        The step that its closure has opened.
    """

    optimizer: Optimizer
    claimed: list[tuple[ParameterEntry, Watched]] = field(default_factory=list)
    opened: Entry | None = None


class Recorder:
    """Records a training loop: the context manager that `record` returns."""

    def __init__(self, epochs: int | None, title: str, budget: int, progress: bool | None) -> None:
        if epochs is not None and (not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1):
            raise ValueError(f"epochs must be a whole number of at least 1, but got {epochs!r}")
        if isinstance(budget, bool) or not isinstance(budget, int | float) or not budget > 0:
            raise ValueError(f"budget is in bytes and must be positive, but got {budget!r}")
        from gradviz import __version__

        self.log = Log(budget=int(budget), title=title, producer=f"gradviz {__version__}", epochs=epochs)
        self.run = Run(self.log)
        self.counted: int | None = None  # the epoch, where somebody counts for us
        self.backwards = 0  # how many backward passes were seen
        self.scopes: list[Mapping[str, Any]] = []  # where else names are looked for
        self._wanted = progress
        self._plans: dict[Any, Plan | None] = {}
        self._watched: list[Watched] = []  # by number of the run's parameters
        self._rules: dict[tuple[int, int], Rule] = {}  # by optimiser and group, the one at work
        self._open: Entry | None = None
        self._stepping: list[Stepping] = []
        self._counter = EpochCounter()
        self._scratch: dict[Any, Any] = {}  # by shape and dtype: room for what was added to a large parameter
        self._data = 0  # bytes of what goes into the computation and is the same in every step
        self._counting: CodeType | None = None  # the code that counts the epochs
        self._frame: FrameType | None = None
        self._thread = get_ident()
        self._elsewhere = False  # whether another thread has called backward()
        self._progress: Progress | None = None

    # --- from when to when --------------------------------------------------------------------------------------

    def start(self, frame: FrameType | None = None) -> Run:
        """Begin to watch; `frame` is the code the loop is in, for names and the variable ``epoch``."""
        if self.run.finished or self in optimizers.watchers:
            raise RuntimeError("a recording can be made only once: call gv.record() again for another run")
        self._frame = frame
        if not self.log.losses:
            self._counter = EpochCounter(label_in(frame))
            self.log.epoch_of = self._counter.epoch_of
        if self._wanted is not False:
            self._progress = Progress(self.log.epochs, self._wanted)
        self._thread = get_ident()
        backward.watchers.append(self._backward)
        optimizers.watchers.append(self)
        return self.run

    def pause(self) -> None:
        """Stop watching for a while; what was seen so far is complete."""
        if self in optimizers.watchers:
            self._unwatch()
            self._find_renewed()
            self._close()
            self.run.grown()
            if self._frame is not None:
                let_go(self._frame)

    def _unwatch(self) -> None:
        optimizers.watchers.remove(self)
        backward.watchers.remove(self._backward)

    def take_back(self, count: int) -> None:
        """Take out of the run what was seen after so many steps: of an epoch that was stopped on the way."""
        if len(self.log.losses) > count:
            self._counter.take_back(count)
            self.log.take_back(count)
            self.run.grown()

    def stop(self, error: BaseException | None = None) -> Run:
        """Stop watching; what was recorded is complete. An error that ended the loop is noted."""
        if self.run.finished:
            return self.run
        self.pause()
        log = self.log
        del log.epoch_of[len(log.losses) :], log.loss_of[len(log.losses) :]  # an interrupt may have come between them
        if not self._counter.counts and log.epochs and not self._counter.share_out(log.epochs):
            log.notes.append(
                f"{len(log.losses)} steps do not divide evenly into {log.epochs} epochs: epochs of "
                f"{log.epoch_of.count(0)} steps are shown. Loop over gv.epochs(...), or call the loop's variable epoch, to "
                "have them counted"
            )
        if self._progress is not None and log.losses:
            self._progress.done(log.epoch_of[-1], log.losses[-1])
        if error is not None:
            where = f" in epoch {log.epoch_of[-1]}" if log.losses else " before the first step"
            log.notes.append(f"stopped by {type(error).__name__}{where}{f': {error}' if str(error) else ''}")
        if not log.losses:
            log.notes.append(self._why_nothing())
        # The run outlives the loop; the loop's variables must not live on through it.
        self._frame, self._watched, self._plans, self._stepping, self._scratch = None, [], {}, [], {}
        self.run.finish()
        return self.run

    def _why_nothing(self) -> str:
        if self._elsewhere:
            return f"{NOTHING}, but by another thread: record in the thread that trains"
        return f"{NOTHING}. (torch.autograd.grad() alone is not recorded.)"

    def __enter__(self) -> Run:
        return self.start(sys._getframe(1))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop(error)
        if error is None and not self.log.losses:
            warnings.warn(self.log.notes[-1], stacklevel=2)

    def _find_renewed(self) -> None:
        """Where a loop makes ``w`` anew in each step, the last one is only found under its name."""
        if self._frame is None:
            return
        scopes = variables_of(self._frame)
        for parameter, watched in zip(self.log.parameters, self._watched, strict=True):
            found = next((scope[parameter.name] for scope in scopes if parameter.name in scope), None)
            if isinstance(found, Tensor) and tuple(found.shape) == parameter.shape:
                self._renew(watched, found)

    # --- what the engine tells ----------------------------------------------------------------------------------

    def _backward(self, outputs: list[Tensor]) -> None:
        """See what went into a backward pass that has just ended, and the gradients it left."""
        if get_ident() != self._thread:  # another thread may train something else
            self._elsewhere = True
            return
        try:
            self._see(outputs)
        except Exception as error:
            self._give_up(error)

    def _see(self, outputs: Sequence[Tensor]) -> None:
        output = outputs[0]
        if output._grad_fn is None:
            return
        if len(outputs) > 1:
            self.log.note(
                "backward() was called for",
                f"backward() was called for {len(outputs)} tensors at once: the graph and the loss are those of the first. "
                "Add the losses up, to see them all",
            )
        loss = float(output.array.sum())
        self.backwards += 1
        stepping = self._stepping[-1] if self._stepping else None
        if stepping is not None and stepping.opened is not None and stepping.opened is self._open:
            stepping.opened.evaluations.append(loss)  # the optimiser evaluates once more within one step
            return
        if stepping is not None:
            self._unclaim(stepping)  # what is open is not its work, but what its closure opens now
        nodes = nodes_behind((output,))
        key = signature_of(nodes)
        if key not in self._plans:
            self._close()
            self._plans[key] = self._learn(output, nodes)
        plan = self._plans[key]
        if plan is not None:
            for slot, owner in plan.owners.items():
                self._renew(self._watched[owner], plan.leaf(slot, nodes).variable)
        self._close()
        self._open_step(loss, plan, nodes, output)
        if stepping is not None:
            stepping.opened = self._open

    def _renew(self, watched: Watched, tensor: Tensor) -> None:
        """A parameter is another tensor now. Where nobody else moves it, to make it anew is how a loop does that by hand."""
        if tensor is watched.tensor:
            return
        if watched.by_optimizer:
            self._settle(watched)
            watched.array = watched.part = None
        watched.tensor = tensor

    def _give_up(self, error: Exception) -> None:
        """An error of ours must not end the loop."""
        self._unwatch()
        self._open = None
        words = f"the recording ended in step {len(self.log.losses)} by an error of gradviz's own, {type(error).__name__}: {error}"
        self.log.notes.append(words)
        warnings.warn(f"{words}. The loop goes on. Please report it, with the loop.", stacklevel=2)

    # --- a step -------------------------------------------------------------------------------------------------

    def _open_step(self, loss: float, plan: Plan | None, nodes: list[Node], output: Tensor) -> None:
        log = self.log
        index = len(log.losses)
        entry = Entry(index, None if plan is None else plan.number, [], {}, [loss])
        for owner in dict.fromkeys(range(len(self._watched)) if plan is None else plan.owners.values()):
            self._begin_part(owner, entry)
        if plan is not None:
            self._inputs(entry, plan, nodes)
            upstream = upstream_of(output)
            if upstream is not None:
                entry.seed = in_full(upstream)
                entry.size += size_of(entry.seed)
        epoch = self._counter.add(self._label())
        log.add_loss(loss, "loss" if plan is None else plan.program.title.partition(" = ")[0])
        self._open = entry  # last: an interrupt leaves no step without a loss
        if not np.isfinite(loss):
            log.note(
                "diverged",
                f"diverged: the loss is {loss} in epoch {epoch}. A smaller learning rate often helps; nan comes from inf − "
                "inf, 0/0 or the logarithm of a negative number",
            )
        if self._progress is not None:
            self._progress.show(epoch, loss)
        self.run.grown()

    def _begin_part(self, owner: int, entry: Entry) -> None:
        watched = self._watched[owner]
        if watched.array is None:
            watched.kept = in_full(watched.tensor.array)
            watched.array = array_of(watched.kept)
            entry.size += size_of(watched.kept)
        assert watched.kept is not None
        part = entry.parameters[owner] = ParameterEntry(watched.kept, None, HAND)
        watched.entry, watched.part = entry, part
        self._note_gradient(part, watched, entry)

    def _inputs(self, entry: Entry, plan: Plan, nodes: list[Node]) -> None:
        """Keep what went into the computation; what has not changed since the last step is not copied again."""
        for slot, where in enumerate(plan.found):
            owner = plan.owners.get(slot)
            if owner is not None:
                entry.inputs.append(entry.parameters[owner].before)
                self._note_earlier(slot, self._watched[owner], plan.leaf(slot, nodes).seen, entry)
                continue
            array = array_at(nodes, where)
            if not isinstance(array, np.ndarray | np.generic):
                entry.inputs.append(array)
            elif plan.same(slot, array, nodes):
                entry.inputs.append(plan.last[slot])
            elif plan.last[slot] is None:
                # Data that is there in every step is kept once, for good: it is not part of what is thinned.
                plan.last[slot] = np.array(array)
                entry.inputs.append(plan.last[slot])
                self._note_data(array.nbytes)
            else:
                entry.inputs.append(in_full(array))
                entry.size += size_of(entry.inputs[-1])
                if array.size <= FULL_VALUE_LIMIT:
                    plan.last[slot] = entry.inputs[-1]

    def _note_data(self, size: int) -> None:
        self._data += size
        if self._data > self.log.budget:
            self.log.note(
                "the data takes",
                f"the data takes {self._data / 2**20:.3g} MB: it is kept once, beside the budget of "
                f"{self.log.budget / 2**20:.3g} MB for what the steps do with it",
            )

    def _note_earlier(self, slot: int, watched: Watched, seen: Any, entry: Entry) -> None:
        """Keep what stood in ``.grad`` before; and suspect that zero_grad() was forgotten, if it has been made use of."""
        earlier = None if seen is None else seen[1]
        if earlier is None or not earlier.any():
            watched.used, watched.suspected = False, None
            return
        entry.earlier[slot] = in_full(earlier)
        entry.size += size_of(entry.earlier[slot])
        if watched.used and watched.suspected is None:
            watched.suspected = entry.index

    def _note_gradient(self, part: ParameterEntry, watched: Watched, entry: Entry) -> None:
        held = watched.tensor._grad
        if held is None:
            return
        array, length = held.array, None
        if array.size > FULL_VALUE_LIMIT:
            length = norm(array)
            if part.gradient is not None and length == part.gradient_norm:
                return  # as it was after backward(): nothing has clipped it
            part.gradient_norm = length
        if part.gradient is None:
            self.log.grow(entry, size_of(array) if length is None else LARGE_OVERHEAD)
        part.gradient = stored(array, length)

    def _close(self) -> None:
        """See what became of the parameters; the step that is open is over."""
        for watched in self._watched:
            self._settle(watched)
        entry, self._open = self._open, None
        if entry is not None and entry.index < len(self.log.losses):
            self.log.add(entry)

    def _settle(self, watched: Watched) -> None:
        """See what became of a parameter since it was last looked at.

        A step may move a parameter whose gradient is from an earlier step: two losses, two calls of ``backward()``, and one
        ``step()``. Then the earlier step is told late.
        """
        part, entry, array, before = watched.part, watched.entry, watched.tensor.array, watched.array
        if part is None or before is None:
            return
        assert entry is not None
        if array.shape != before.shape:  # it goes on as a parameter of its own
            part.after, part.update_norm = part.before, 0.0
            watched.array = watched.part = None
            return
        first_look = part.after is None
        moved, length = self._change(before, array)
        if not moved:
            if first_look:
                part.after, part.update_norm = part.before, 0.0
                part.rule = STILL if part.rule is HAND else part.rule
            return
        kept = in_full(array)
        if first_look or part.after is part.before:  # else it has had its step, and was moved once more
            part.rule = HAND if part.rule is STILL else part.rule
            part.update_norm = length
            if first_look:
                part.after = kept
                entry.size += size_of(kept)
            else:
                self.log.complete(entry, part, kept)
        self._note_use(watched)
        watched.kept, watched.array = kept, array_of(kept)

    def _change(self, before: Any, array: Any) -> tuple[bool, float | None]:
        """Say whether an array has changed, and of a large one by how much: the length of what was added."""
        if array.size <= FULL_VALUE_LIMIT:
            return before.tobytes() != array.tobytes(), None  # of few entries by far the fastest way to compare them
        key = array.shape, array.dtype
        if key not in self._scratch:  # fresh memory for it in every step would cost more than to compute it
            self._scratch[key] = np.empty(array.shape, array.dtype)
        with np.errstate(all="ignore"):
            change = np.subtract(array, before, out=self._scratch[key])
        length = norm(change)
        return length != 0 or bool(change.any()), length  # a small length may have come out as 0

    def _note_use(self, watched: Watched) -> None:
        """A parameter has been moved: its gradient has been made use of."""
        watched.used = True
        if watched.suspected is not None:
            index, watched.suspected = watched.suspected, None
            self.log.note(
                "gradients are accumulating",
                "gradients are accumulating over epochs: zero_grad() was not called between step "
                f"{index - 1} and step {index}, so the gradient of the earlier step is part of the later one's",
            )

    # --- what the optimisers tell -------------------------------------------------------------------------------

    def step_starts(self, optimizer: Optimizer) -> None:
        """Note the settings, and the gradients as they are after clipping."""
        if get_ident() == self._thread:
            self._stepping.append(Stepping(optimizer))
            self._claim(self._stepping[-1])

    def step_ends(self, optimizer: Optimizer) -> None:
        """Note what the optimiser remembers now; a step that it opened itself, by calling a closure, is its own."""
        if get_ident() != self._thread or not self._stepping:
            return
        stepping = self._stepping.pop()
        for outer in self._stepping:
            outer.opened = None  # what its closure has opened is this one's
        if stepping.opened is not None and stepping.opened is self._open:
            self._claim(stepping)
        for part, watched in stepping.claimed:
            watched.by_optimizer = True
            state = optimizer._told(watched.tensor)
            if state:
                assert watched.entry is not None
                part.state = _kept_state(state)
                self.log.grow(watched.entry, sum(size_of(kept) for kept in part.state.values()))

    def _claim(self, stepping: Stepping) -> None:
        """Note that the newest gradients of an optimiser's parameters are those that it makes its step with."""
        watched_by_id = {id(watched.tensor): watched for watched in self._watched}
        for number, group in enumerate(stepping.optimizer.param_groups):
            rule = None
            for tensor in group["params"]:
                watched = watched_by_id.get(id(tensor))
                part = None if watched is None else watched.part
                if watched is None or part is None or not (part.rule is HAND or part.rule is STILL):
                    continue
                if part.after is not None and part.after is not part.before:
                    continue  # of a step that is over, in which it was moved
                assert watched.entry is not None
                rule = rule or self._rule_of(stepping.optimizer, number, watched.entry)
                part.rule = rule
                self._note_gradient(part, watched, watched.entry)
                stepping.claimed.append((part, watched))

    def _unclaim(self, stepping: Stepping) -> None:
        for part, _ in stepping.claimed:
            part.rule = HAND if part.after is None else STILL
        stepping.claimed.clear()

    def _rule_of(self, optimizer: Optimizer, number: int, entry: Entry) -> Rule:
        """Return the rule of a group of parameters: the same object as long as its settings are the same."""
        settings = {}
        for name, value in settings_of(optimizer.param_groups[number]).items():
            if isinstance(value, Tensor) and value.numel() == 1:
                settings[name] = value.item()
            elif isinstance(value, int | float | str) or (isinstance(value, tuple) and _plain(value)):
                settings[name] = value
        name, key = type(optimizer).__name__, (id(optimizer), number)
        known = self._rules.get(key)
        if known is None or known.name != name or known.settings != settings:
            known = self._rules[key] = Rule(name, settings)
            self.log.grow(entry, RULE_OVERHEAD)
        return known

    # --- a graph of a new structure -----------------------------------------------------------------------------

    def _learn(self, output: Tensor, nodes: list[Node]) -> Plan | None:
        log = self.log
        if len(log.programs) >= MOST_PROGRAMS:
            log.note(
                f"more than {MOST_PROGRAMS}",
                f"more than {MOST_PROGRAMS} different graphs were computed: of the others the losses and the parameters are "
                "kept, but no graph. (Batches of different sizes have different graphs; and one that grows from step to step "
                "means that something of the step before is still in it: detach() it, or update under no_grad().)",
            )
            return None
        frames = list(_frames(self._frame))
        scopes = [scope for frame in frames for scope in variables_of(frame)]
        graph, title, ids = structure_of(output, nodes, [*scopes, *self.scopes])
        for frame in frames:
            let_go(frame)
        program, found = program_of(nodes, output, graph, title, ids)
        plan = Plan(len(log.programs), program, found, {})
        for slot, told in enumerate(program.slots):
            if told.kind == "parameter":
                leaf = plan.leaf(slot, nodes).variable
                plan.owners[slot] = self._owner(leaf, graph.tensor(told.tensor).name, set(plan.owners.values()))
        log.title = log.title or title
        log.programs.append(program)
        self.run.owners.append(plan.owners)
        return plan

    def _owner(self, leaf: Tensor, name: str, taken: set[int]) -> int:
        """Return which of the run's parameters a leaf is: by identity, by name, or a new one."""
        log = self.log
        shape = tuple(leaf.shape)
        for number, watched in enumerate(self._watched):
            same = watched.tensor is leaf or (number not in taken and log.parameters[number].name == name)
            if same and log.parameters[number].shape == shape:
                return number
            if same:
                log.note(
                    f"{name} changed its shape",
                    f"{name} changed its shape from {log.parameters[number].shape} to {shape} in step {len(log.losses)}: "
                    "from there on it is a parameter of its own",
                )
        names = {parameter.name for parameter in log.parameters}
        own, count = name, 2
        while own in names:
            own, count = f"{name} ({count})", count + 1
        log.parameters.append(Parameter(own, shape, dtype_text(leaf.array.dtype)))
        self._watched.append(Watched(leaf))
        return len(self._watched) - 1

    def _label(self) -> int | None:
        """Return what the epoch is called: as it was counted for us, or by the nearest variable called ``epoch``."""
        if self.counted is not None:
            return self.counted
        if self._frame is None:
            return None
        for frame in _frames(self._frame):
            if self._counting is None or frame.f_code is self._counting:  # where it was found the last time
                label = label_in(frame)
                if label is not None:
                    self._counting = frame.f_code
                    return label
        self._counting = None
        return None


def record(
    epochs: int | None = None, *, title: str = "", budget: int = DEFAULT_BUDGET, progress: bool | None = None
) -> Recorder:
    """Record the training loop in a ``with`` block. The loop is written as it always is.

    Parameters
    ----------
    epochs
        How many epochs there will be, for the progress line; and to tell epochs from steps, where the loop runs over
        mini-batches and has no variable called ``epoch``.
    title
        A heading; by default the loss and its expression.
    budget
        How many bytes to keep at most, about. Above it steps are thinned evenly; every loss is kept.
    progress
        Show a line of progress; by default for loops that take longer than a second, in a terminal and in Jupyter.

    Returns
    -------
    Recorder
        To be used as ``with gv.record() as run:``; ``run`` is a `Run`, which grows while the loop runs. An exception in
        the loop ends it, and leaves everything up to there.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> with torch.record() as run:
    ...     for epoch in range(3):
    ...         loss = (w - 1.0) ** 2
    ...         loss.backward()
    ...         w.data -= 0.25 * w.grad
    ...         w.grad = None
    >>> run.losses
    array([1.    , 0.25  , 0.0625])
    >>> run.parameter("w").values
    array([2.   , 1.5  , 1.25 , 1.125], dtype=float32)
    """
    return Recorder(epochs, title, budget, progress)


class Epochs:
    """An iteration over epochs that records itself; see `epochs`."""

    def __init__(self, recorder: Recorder, count: int) -> None:
        self._recorder, self._count = recorder, count

    def __iter__(self) -> Iterator[int]:
        recorder = self._recorder
        recorder.counted = 0
        recorder.start(sys._getframe(1))
        try:
            for recorder.counted in range(self._count):
                yield recorder.counted
        finally:  # also after a break, and an exception in the loop's body
            recorder.stop()

    def __len__(self) -> int:
        return self._count

    @property
    def run(self) -> Run:
        """What was recorded. Asking for it ends a recording whose loop was left early."""
        return self._recorder.stop()


def epochs(count: int, *, title: str = "", budget: int = DEFAULT_BUDGET, progress: bool | None = None) -> Epochs:
    """Loop over epochs and record them: ``for epoch in (training := gv.epochs(10)):``, then ``training.run``.

    Parameters
    ----------
    count
        How many.
    title, budget, progress
        As for `record`.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.25)
    >>> for epoch in (training := torch.epochs(2)):
    ...     optimizer.zero_grad()
    ...     (w**2).backward()
    ...     optimizer.step()
    >>> training.run.losses
    array([4., 1.])
    """
    return Epochs(Recorder(count, title, budget, progress), count)


# --- helpers ---------------------------------------------------------------------------------------------------------


def _kept_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what an optimiser remembers, where it is a number or a tensor; LBFGS keeps lists of tensors too."""
    kept: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, Tensor):
            kept[name] = stored(value.array)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            kept[name] = np.float64(value)
    return kept


def _plain(value: tuple[Any, ...]) -> bool:
    return all(isinstance(part, int | float | str) for part in value)


def _frames(home: FrameType | None) -> Iterator[FrameType]:
    """Go from where ``backward()`` was called out to the loop."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame is not home and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    while frame is not None:
        yield frame
        if frame is home or home is None:
            return
        frame = frame.f_back


@cache
def _is_ours(filename: str) -> bool:
    return filename.startswith(PACKAGE)
