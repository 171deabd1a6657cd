"""Watching a training loop as it is written.

Nothing in the loop changes. The engine tells of every ``backward()``, the optimisers of every step; what is moved by hand is
found by looking at the parameters again when the next step begins.

A step begins with a ``backward()`` and lasts until the next: only then is it known what was made of its gradients. Of the
graph only copies of what went into it are kept, so that it is freed as it always is.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from threading import get_ident
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from gradviz.engine import backward
from gradviz.engine.node import AccumulateGrad, Node
from gradviz.engine.tensor import Tensor
from gradviz.optim import optimizer as optimizers
from gradviz.optim.optimizer import Optimizer, settings_of
from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.recording.names import let_go, variables_of
from gradviz.recording.observe import nodes_behind, structure_of
from gradviz.recording.values import dtype_text
from gradviz.training.log import DEFAULT_BUDGET, Entry, Large, Log, ParameterEntry, norm, size_of, stored
from gradviz.training.model import BY_HAND, Parameter, Rule
from gradviz.training.program import Program, array_at, program_of
from gradviz.training.progress import Progress
from gradviz.training.run import Run

HAND = Rule(BY_HAND)

SAMPLE = 256
"""Of how many entries of large data it is looked at whether they have changed."""

MOST_PROGRAMS = 32
"""Different graphs that are kept of one run."""

NOTHING = (
    "nothing was recorded: loss.backward() was not called while the recording was on. Put the whole training loop into the "
    "with block."
)


class Plan:
    """Where, among the nodes of a graph of known structure, the numbers to keep are found."""

    def __init__(self, number: int, program: Program, found: list[Any], owners: dict[int, int]) -> None:
        self.number, self.program, self.found, self.owners = number, program, found, owners
        self.last: list[Any] = [None] * len(found)  # what was kept last time, to be kept again if it has not changed
        self._seen: list[Any] = [None] * len(found)  # of large data: the tensor it was in, and the tensor's version

    def same(self, slot: int, array: Any, nodes: list[Node]) -> bool:
        """Whether what stands in a slot is what was kept of it last time.

        To compare large data takes as long as to compute with it. A tensor whose version is the same was not changed by the
        engine; by NumPy it may have been, behind the engine's back, so some of its entries are compared all the same.
        """
        known = self.last[slot]
        if known is None or known.shape != array.shape:
            return False
        if array.size > FULL_VALUE_LIMIT:
            holder = _holder(nodes, self.found[slot])
            seen = None if holder is None else (holder, holder._version)
            before, self._seen[slot] = self._seen[slot], seen
            if seen is not None and before is not None and seen[0] is before[0] and seen[1] == before[1]:
                stride = array.size // SAMPLE
                return bool((known.ravel()[::stride] == array.ravel()[::stride]).all())
        return bool((known == array).all())


class Recorder:
    """Records a training loop: the context manager that `record` returns."""

    def __init__(self, epochs: int | None, title: str, budget: int, progress: bool | None) -> None:
        if epochs is not None and (not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1):
            raise ValueError(f"epochs must be a whole number of at least 1, but got {epochs!r}")
        if not budget > 0:
            raise ValueError(f"budget is in bytes and must be positive, but got {budget!r}")
        from gradviz import __version__

        self.log = Log(budget=budget, title=title, producer=f"gradviz {__version__}", epochs=epochs)
        self.run = Run(self.log)
        self.counted: int | None = None  # the epoch, where somebody counts for us
        self.backwards = 0  # how many backward passes were seen
        self.scopes: list[Mapping[str, Any]] = []  # where else names are looked for
        self._wanted = progress
        self._plans: dict[Any, Plan | None] = {}
        self._tensors: list[Tensor] = []  # the run's parameters, as they are now
        self._rules: dict[Any, Rule] = {}
        self._open: Entry | None = None
        self._opened_by: Optimizer | None = None
        self._stepped: set[int] = set()  # the optimisers that have made their step of the open one
        self._stepping: list[Optimizer] = []
        self._moving: tuple[Entry | None, list[tuple[ParameterEntry, Tensor, Rule]]] = (None, [])
        self._moved = False  # whether the step before changed a parameter
        self._first_epoch: int | None = None
        self._stale: Any = None  # what a variable called epoch held before the loop
        self._frame: FrameType | None = None
        self._thread = get_ident()
        self._progress: Progress | None = None

    # --- from when to when --------------------------------------------------------------------------------------

    def start(self, frame: FrameType | None = None) -> Run:
        """Begin to watch; `frame` is the code the loop is in, for names and the variable ``epoch``."""
        if self.run.finished or self in optimizers.watchers:
            raise RuntimeError("a recording can be made only once: call gv.record() again for another run")
        self._frame = frame
        self._stale = None if frame is None else frame.f_locals.get("epoch")
        if self._wanted is not False:
            self._progress = Progress(self.log.epochs, self._wanted)
        self._thread = get_ident()
        backward.watchers.append(self._backward)
        optimizers.watchers.append(self)
        return self.run

    def pause(self) -> None:
        """Stop watching for a while; what was seen so far is complete."""
        if self in optimizers.watchers:
            optimizers.watchers.remove(self)
            backward.watchers.remove(self._backward)
            self._find_renewed()
            self._close({})
            self.run.grown()
            if self._frame is not None:
                let_go(self._frame)

    def stop(self, error: BaseException | None = None) -> Run:
        """Stop watching; what was recorded is complete. An error that ended the loop is noted."""
        if self.run.finished:
            return self.run
        self.pause()
        log = self.log
        if self._progress is not None and log.losses:
            self._progress.done(log.epoch_of[-1], log.losses[-1])
        if error is not None:
            where = f" in epoch {log.epoch_of[-1]}" if log.losses else " before the first step"
            log.notes.append(f"stopped by {type(error).__name__}{where}{f': {error}' if str(error) else ''}")
        if not log.losses:
            log.notes.append(NOTHING)
        self._spread_epochs()
        # The run outlives the loop; the loop's variables must not live on through it.
        self._frame = self._opened_by = None
        self._tensors, self._plans, self._moving = [], {}, (None, [])
        self.run.finish()
        return self.run

    def __enter__(self) -> Run:
        return self.start(sys._getframe(1))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop(error)
        if error is None and not self.log.losses:
            warnings.warn(NOTHING, stacklevel=2)

    def _find_renewed(self) -> None:
        """Where a loop makes ``w`` anew in each step, the last one is only found under its name."""
        if self._frame is None:
            return
        scopes = variables_of(self._frame)
        for number, (parameter, tensor) in enumerate(zip(self.log.parameters, self._tensors, strict=True)):
            found = next((scope[parameter.name] for scope in scopes if parameter.name in scope), None)
            if isinstance(found, Tensor) and found is not tensor and tuple(found.shape) == parameter.shape:
                self._tensors[number] = found

    def _spread_epochs(self) -> None:
        """Where nobody counted the epochs, but their number was given: the steps are shared out among them."""
        log = self.log
        if self.counted == 0 and self._first_epoch is not None and self._first_epoch == self._stale and log.epochs != 1:
            self.counted = None  # nobody counts: the variable is left over from another loop
            log.epoch_of[:] = range(len(log.losses))
        elif self.counted is not None:
            return
        size = -(-len(log.losses) // log.epochs) if log.epochs else 1
        size = max(size, 1)
        log.epoch_of[:] = [index // size for index in range(len(log.losses))]
        for entry in log.entries:
            entry.epoch = log.epoch_of[entry.index]
        if log.epochs and len(log.losses) > log.epochs and len(log.losses) % log.epochs:
            log.notes.append(
                f"{len(log.losses)} steps do not divide evenly into {log.epochs} epochs: epochs of {size} steps are shown. "
                "Loop over gv.epochs(...), or call the loop's variable epoch, to have them counted."
            )

    # --- a step -------------------------------------------------------------------------------------------------

    def _backward(self, outputs: list[Tensor]) -> None:
        """See what went into a backward pass that has just ended, and the gradients it left."""
        output = outputs[0]
        if output._grad_fn is None or get_ident() != self._thread:  # another thread may train something else
            return
        loss = float(output.array.sum())
        self.backwards += 1
        entry = self._open
        if self._stepping and entry is not None and self._opened_by is self._stepping[-1]:
            entry.evaluations.append(loss)  # the optimiser evaluates once more within one step
            return
        nodes = nodes_behind((output,))
        key = _signature(nodes)
        if key not in self._plans:
            self._close({})
            self._plans[key] = self._learn(output, nodes)
        plan = self._plans[key]
        present: dict[int, Tensor] = {}
        if plan is not None:
            for slot, owner in plan.owners.items():
                present[owner] = _end_of(nodes, plan.found[slot]).variable
        self._close(present)
        for owner, tensor in present.items():
            self._tensors[owner] = tensor
        self._open_step(loss, plan, nodes, output, present)

    def _open_step(
        self, loss: float, plan: Plan | None, nodes: list[Node], output: Tensor, present: dict[int, Tensor]
    ) -> None:
        log = self.log
        index = len(log.losses)
        epoch = self._epoch_now(index)
        taking_part = present if plan is not None else dict(enumerate(self._tensors))
        entry = Entry(index, epoch, None if plan is None else plan.number, [], {}, [loss])
        for owner, tensor in taking_part.items():
            entry.parameters[owner] = self._parameter_entry(owner, tensor, entry)
        if plan is not None:
            self._inputs(entry, plan, nodes)
            assert output._grad_fn is not None
            seen = output._grad_fn.seen
            upstream = None if seen is None else seen[1][output._output_nr] if output._grad_fn.many else seen[1]
            if upstream is not None and not (output.array.size == 1 and float(np.ravel(upstream)[0]) == 1):
                entry.seed = np.array(upstream)
        self._open = entry
        self._stepped.clear()
        self._opened_by = self._stepping[-1] if self._stepping else None
        log.losses.append(loss)
        log.epoch_of.append(epoch)
        if not np.isfinite(loss):
            log.note(
                "diverged",
                f"diverged: the loss is {loss} in epoch {epoch}. A smaller learning rate often helps; nan comes from inf − "
                "inf, 0/0 or the logarithm of a negative number",
            )
        if entry.earlier and self._moved:
            log.note(
                "gradients are accumulating",
                "gradients are accumulating over epochs: zero_grad() was not called between step "
                f"{index - 1} and step {index}, so the gradient of the earlier step is part of the later one's",
            )
        if self._progress is not None:
            self._progress.show(epoch, loss)
        self.run.grown()

    def _inputs(self, entry: Entry, plan: Plan, nodes: list[Node]) -> None:
        """Keep what went into the computation; what has not changed since the last step is not copied again."""
        for slot, where in enumerate(plan.found):
            owner = plan.owners.get(slot)
            if owner is not None:
                entry.inputs.append(entry.parameters[owner].before)
                end = _end_of(nodes, where)
                if end.seen is not None and end.seen[1] is not None and end.seen[1].any():
                    entry.earlier[slot] = np.array(end.seen[1])
                continue
            array = array_at(nodes, where)
            if not isinstance(array, np.ndarray | np.generic):
                entry.inputs.append(array)
                continue
            if plan.same(slot, array, nodes):
                entry.inputs.append(plan.last[slot])
                continue
            # Data that is there in every step is kept once, for good; large data that changes, while there is room.
            kept: Any
            if plan.last[slot] is None or array.size <= FULL_VALUE_LIMIT:
                kept = plan.last[slot] = np.array(array)
            else:
                kept = Large(array, whole=True)
            entry.size += size_of(kept)
            entry.inputs.append(kept)

    def _parameter_entry(self, owner: int, tensor: Tensor, entry: Entry) -> ParameterEntry:
        array, held = tensor.array, tensor._grad
        last = self.log.entries[-1].parameters.get(owner) if self.log.entries else None
        if last is not None and last.after is not None and self.log.entries[-1].index == entry.index - 1:
            before = last.after  # nothing has touched it since
        else:
            before = np.array(array) if array.size <= FULL_VALUE_LIMIT else Large(array, whole=True)
            entry.size += size_of(before)
        part = ParameterEntry(before, None, HAND)
        _note_gradient(part, held)
        if part.gradient is not None:
            entry.size += size_of(part.gradient)
        return part

    def _close(self, renewed: Mapping[int, Tensor]) -> None:
        """The step that is open is over: see what became of the parameters."""
        entry, self._open = self._open, None
        if entry is None:
            return
        moved = False
        for owner, part in entry.parameters.items():
            array = renewed.get(owner, self._tensors[owner]).array
            before = part.before.array if isinstance(part.before, Large) else part.before
            assert before is not None  # of the newest step everything is there in full
            same_shape = before.shape == array.shape
            if isinstance(part.before, Large):
                part.update_norm = norm(array - before) if same_shape else None
                still = part.update_norm == 0
            else:
                still = same_shape and bool((before == array).all())
            if still:
                part.after, part.update_norm = part.before, 0.0
                continue
            moved = True
            part.after = Large(array, whole=True) if isinstance(part.before, Large) else np.array(array)
            entry.size += size_of(part.after)
        self._moved = moved
        self.log.add(entry)

    # --- what the optimisers tell -------------------------------------------------------------------------------

    def step_starts(self, optimizer: Optimizer) -> None:
        """Note the settings, and the gradients as they are after clipping."""
        if get_ident() != self._thread:
            return
        self._stepping.append(optimizer)
        entry = self._open
        # A second step begins with a closure that opens a step of its own: what is open now is over.
        over = entry is None or id(optimizer) in self._stepped
        self._moving = entry, [] if entry is None or over else self._parts_of(optimizer, entry)
        for part, tensor, rule in self._moving[1]:
            part.rule = rule
            _note_gradient(part, tensor._grad)

    def step_ends(self, optimizer: Optimizer) -> None:
        """Note what the optimiser remembers now; a step that it opened itself, by calling a closure, is its own."""
        if get_ident() != self._thread:
            return
        if self._stepping:
            self._stepping.pop()
        if self._open is not None:
            entry, parts = self._moving
            if entry is not self._open:  # the optimiser has opened it itself, by calling a closure
                parts = self._parts_of(optimizer, self._open)
                for part, tensor, rule in parts:
                    part.rule = rule
                    _note_gradient(part, tensor._grad)
            self._stepped.add(id(optimizer))
            for part, tensor, _ in parts:
                state = optimizer.state.get(tensor)
                if state:
                    part.state = _kept_state(state)
                    self._open.size += sum(size_of(kept) for kept in part.state.values())
        self._opened_by = None

    def _parts_of(self, optimizer: Optimizer, entry: Entry) -> list[tuple[ParameterEntry, Tensor, Rule]]:
        """Return those of an optimiser's parameters that take part in a step, and what moves them."""
        parts = []
        owners = {id(self._tensors[owner]): part for owner, part in entry.parameters.items()}
        for group in optimizer.param_groups:
            rule = None
            for tensor in group["params"]:
                part = owners.get(id(tensor))
                if part is not None:
                    rule = rule or self._rule_of(optimizer, group)
                    parts.append((part, tensor, rule))
        return parts

    def _rule_of(self, optimizer: Optimizer, group: dict[str, Any]) -> Rule:
        """Return a rule, the same object for the same settings."""
        settings = {}
        for name, value in settings_of(group).items():
            if isinstance(value, Tensor) and value.numel() == 1:
                settings[name] = value.item()
            elif isinstance(value, int | float | str | tuple):
                settings[name] = value
        name = type(optimizer).__name__
        return self._rules.setdefault((name, *settings.items()), Rule(name, settings))

    # --- a graph of a new structure -----------------------------------------------------------------------------

    def _learn(self, output: Tensor, nodes: list[Node]) -> Plan | None:
        log = self.log
        if len(log.programs) >= MOST_PROGRAMS:
            log.note(
                f"more than {MOST_PROGRAMS}",
                f"more than {MOST_PROGRAMS} different graphs were computed: of the others the losses and the parameters are "
                "kept, but no graph. (A graph that grows from step to step means that something of the step before is "
                "still in it: detach() it, or update under no_grad().)",
            )
            return None
        graph, title, ids = structure_of(output, nodes, [*_scopes(self._frame), *self.scopes])
        program, found = program_of(nodes, output, graph, title, ids)
        owners: dict[int, int] = {}
        for slot, told in enumerate(program.slots):
            if told.kind == "parameter":
                leaf = _end_of(nodes, found[slot]).variable
                owners[slot] = self._owner(leaf, graph.tensor(told.tensor).name, set(owners.values()))
        log.title = log.title or title
        log.programs.append(program)
        self.run.owners.append(owners)
        return Plan(len(log.programs) - 1, program, found, owners)

    def _owner(self, leaf: Tensor, name: str, taken: set[int]) -> int:
        """Return which of the run's parameters a leaf is: by identity, by name, or a new one."""
        log = self.log
        shape = tuple(leaf.shape)
        for number, tensor in enumerate(self._tensors):
            same = tensor is leaf or (number not in taken and log.parameters[number].name == name)
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
        self._tensors.append(leaf)
        return len(self._tensors) - 1

    def _epoch_now(self, index: int) -> int:
        """Return the epoch of a step: counted for us, or the loop's own variable ``epoch``, or one for each step."""
        if self._frame is None or (self.counted is not None and self._first_epoch is None):
            return index if self.counted is None else self.counted
        found = self._frame.f_locals.get("epoch")
        if isinstance(found, int) and not isinstance(found, bool):
            if self._first_epoch is None:
                self._first_epoch = found
            if found >= self._first_epoch:
                self.counted = found - self._first_epoch
                return self.counted
        return index


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


def _note_gradient(part: ParameterEntry, held: Tensor | None) -> None:
    if held is None:
        return
    array, length = held.array, None
    if array.size > FULL_VALUE_LIMIT:
        length = norm(array)
        if part.gradient is not None and length == part.gradient_norm:
            return  # as it was after backward(): nothing has clipped it
        part.gradient_norm = length
    part.gradient = stored(array, length)


def _kept_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what an optimiser remembers, where it is a number or a tensor; LBFGS keeps lists of tensors too."""
    kept: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, Tensor):
            kept[name] = stored(value.array)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            kept[name] = np.float64(value)
    return kept


def _holder(nodes: list[Node], where: tuple[int, Any]) -> Tensor | None:
    """Return the tensor that brings what stands in a slot, if it is one."""
    at, place = where
    argument = None if isinstance(place, tuple) else nodes[at].inputs[place]
    return argument if isinstance(argument, Tensor) else None


def _end_of(nodes: list[Node], where: tuple[int, Any]) -> AccumulateGrad:
    """Return where the gradient of a parameter arrives, given where it goes into the graph."""
    edge = nodes[where[0]].edges[where[1]]
    assert edge is not None
    assert isinstance(edge[0], AccumulateGrad)
    return edge[0]


def _signature(nodes: list[Node]) -> tuple[Any, ...]:
    """Return what two graphs of the same structure have in common."""
    places = {node: place for place, node in enumerate(nodes)}
    leaves: dict[int, int] = {}
    parts: list[Any] = []
    for node in nodes:
        parts += (type(node), node.output_shape, node.origin[1])
        for argument, edge in zip(node.inputs, node.edges, strict=True):
            if edge is not None and type(edge[0]) is not AccumulateGrad:
                parts.append((places[edge[0]], edge[1]))
            elif isinstance(argument, Tensor):
                leaf = argument if edge is None else edge[0].variable
                known = leaves.setdefault(id(leaf), len(leaves))
                parts += (known if edge is None else -1 - known, argument.array.shape)
            else:
                parts.append(None)
        parts += [_told(setting) for setting in node.settings]
    return tuple(parts)


def _told(setting: Any) -> Any:
    if setting is None or isinstance(setting, int | float | str):
        return setting
    if isinstance(setting, np.ndarray):
        return setting.shape
    if isinstance(setting, tuple | list):
        return tuple(_told(part) for part in setting)
    return repr(setting)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "gradviz"


def _scopes(home: FrameType | None) -> list[Mapping[str, Any]]:
    """Return the variables from where ``backward()`` was called out to the loop, the nearest first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame is not home and _is_ours(frame):
        frame = frame.f_back
    scopes: list[Mapping[str, Any]] = []
    while frame is not None:
        scopes += variables_of(frame)
        if frame is home or home is None:
            break
        frame = frame.f_back
    return scopes
