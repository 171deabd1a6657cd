"""Watching a training loop as it is written.

Nothing in the loop changes. Whoever trains tells of every ``backward()`` and of every optimiser's step; what is moved by hand is
found by looking at the parameters again when the next step begins.

A step begins with a ``backward()`` and lasts until the next: only then is it known what was made of its gradients. Of the
graph only copies of what went into it are kept, so that it is freed as it always is.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from threading import get_ident
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from gradviz.recording.told import RefusedError
from gradviz.training.loop.epochs import EpochCounter, label_in
from gradviz.training.loop.graphs import Graphs
from gradviz.training.loop.libraries import came_late, libraries
from gradviz.training.loop.optimizers import Optimizers
from gradviz.training.loop.parameters import Parameters
from gradviz.training.loop.plan import Plan
from gradviz.training.loop.progress import Progress
from gradviz.training.loop.surroundings import Surroundings
from gradviz.training.loop.told import Library, Passed
from gradviz.training.run import Run
from gradviz.training.run.log import Entry, Log

NOTHING = "nothing was recorded: loss.backward() was not called while the recording was on"


class Recorder:
    """Records a training loop: the context manager that `record` returns.

    Attributes
    ----------
    log, run
        What is kept, and what the user looks at.
    backwards
        How many backward passes were seen.
    surroundings
        The code around the loop.
    """

    def __init__(
        self, epochs: int | None, title: str, budget: int, progress: bool | None, *, fused: bool = True
    ) -> None:
        if epochs is not None and (not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1):
            raise ValueError(f"epochs must be a whole number of at least 1, but got {epochs!r}")
        if isinstance(budget, bool) or not isinstance(budget, int | float) or not budget > 0:
            raise ValueError(f"budget is in bytes and must be positive, but got {budget!r}")
        from gradviz import __version__

        self.log = Log(budget=int(budget), title=title, producer=f"gradviz {__version__}", epochs=epochs)
        self.run = Run(self.log)
        self.backwards = 0
        self.surroundings = Surroundings()
        self._begin_anew()
        self._open: Entry | None = None
        self._counter = EpochCounter()
        self._wanted, self._fused = progress, fused
        self._progress: Progress | None = None
        self._stops: list[Callable[[], None]] = []  # while it watches: what ends that
        self._libraries: tuple[Library, ...] = ()
        self._thread = get_ident()
        self._elsewhere = False  # whether another thread has called backward()
        self._silent = False  # whether another process records
        self._over = False  # whether it was given up, and said why

    def _begin_anew(self) -> None:
        self._parameters = Parameters(self.log)
        self._optimizers = Optimizers(self.log, self._parameters)
        self._graphs = Graphs(self.run, self._parameters, self.surroundings)

    # --- from when to when --------------------------------------------------------------------------------------

    def start(self, frame: FrameType | None = None) -> Run:
        """Begin to watch; `frame` is the code the loop is in, for names and the variable ``epoch``."""
        if self.run.finished or self._stops:
            raise RuntimeError("a recording can be made only once: call gv.record() again for another run")
        self.surroundings.home = frame
        if not self.log.losses:
            self._counter = EpochCounter(label_in(frame))
            self.log.epoch_of = self._counter.epoch_of
        if self._wanted is not False:
            self._progress = Progress(self.log.epochs, self._wanted)
        self._thread = get_ident()
        self._libraries = libraries(fused=self._fused)
        for library in self._libraries:
            if why := library.silent():
                self._silent = True
                self.log.note(why, why)
            else:
                self._stops.append(library.listen(self))
        return self.run

    def pause(self) -> None:
        """Stop watching for a while; what was seen so far is complete."""
        if self._stops:
            self._unwatch()
            self._parameters.find_renewed(self.surroundings.variables())
            self._close()
            self.run.grown()
            self.surroundings.rest()

    def _unwatch(self) -> None:
        while self._stops:
            self._stops.pop()()

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
        if not log.losses and not self._silent and not self._over:
            log.notes.append(self._why_nothing())
        # The run outlives the loop; the loop's variables must not live on through it.
        self.surroundings.home = None
        self._begin_anew()
        self.run.finish()
        return self.run

    def _why_nothing(self) -> str:
        if self._elsewhere:
            return f"{NOTHING}, but by another thread: record in the thread that trains"
        if came_late(self._libraries):
            return f"{NOTHING} of PyTorch, which was imported after it had begun: write `import torch` before the recording"
        return f"{NOTHING}. (torch.autograd.grad() alone is not recorded.)"

    def __enter__(self) -> Run:
        return self.start(sys._getframe(1))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop(error)
        if error is None and not self.log.losses and not self._silent and not self._over:
            warnings.warn(self.log.notes[-1], stacklevel=2)

    # --- what it is told ----------------------------------------------------------------------------------------

    def step_starts(self, library: Library, optimizer: Any) -> None:
        """Hear from an optimiser that it begins a step."""
        if get_ident() == self._thread:
            self._optimizers.starts(library, optimizer)

    def step_ends(self, library: Library, optimizer: Any) -> None:
        """Hear from an optimiser that it has made its step."""
        if get_ident() == self._thread:
            self._optimizers.ends(self._open)

    def passed(self, see: Callable[[], Passed | None]) -> None:
        """See what went into a backward pass that has just ended, and the gradients it left."""
        if get_ident() != self._thread:  # another thread may train something else
            self._elsewhere = True
            return
        try:
            seen = see()
            if seen is not None:
                self._see(seen)
        except RefusedError as error:
            self._give_up(f"nothing is recorded from step {len(self.log.losses)} on: {error}")
        except Exception as error:  # must not end the loop
            where, what = f"in step {len(self.log.losses)}", f"{type(error).__name__}: {error}"
            words = f"the recording ended {where} by an error of gradviz's own, {what}"
            self._give_up(words, " Please report it, with the loop.")

    def _see(self, passed: Passed) -> None:
        if passed.outputs > 1:
            self.log.note(
                "backward() was called for",
                f"backward() was called for {passed.outputs} tensors at once: the graph and the loss are those of the first. "
                "Add the losses up, to see them all",
            )
        for note in passed.notes:
            self.log.note(note, note)
        self.backwards += 1
        stepping = self._optimizers.at_work
        if stepping is not None and stepping.opened is not None and stepping.opened is self._open:
            stepping.opened.evaluations.append(passed.loss)  # the optimiser evaluates once more within one step
            return
        if stepping is not None:
            stepping.unclaim()
        signature = passed.signature()
        known, plan = self._graphs.find(signature, passed)
        if not known:
            self._close()
            self._graphs.learn(signature, passed)
            _, plan = self._graphs.find(signature, passed)
        if plan is not None:
            for slot, owner in plan.owners.items():
                self._parameters.renew(owner, passed.leaf(plan.places[slot]))
        self._close()
        self._open_step(passed, plan)
        if stepping is not None:
            stepping.opened = self._open

    def _give_up(self, why: str, request: str = "") -> None:
        self._unwatch()
        self._open, self._over = None, True
        self.log.notes.append(why)
        warnings.warn(f"{why}. The loop goes on.{request}", stacklevel=2)

    # --- a step -------------------------------------------------------------------------------------------------

    def _open_step(self, passed: Passed, plan: Plan | None) -> None:
        log, loss = self.log, passed.loss
        index = len(log.losses)
        entry = Entry(index, None if plan is None else plan.number, [], {}, [loss])
        for owner in dict.fromkeys(range(len(self._parameters)) if plan is None else plan.owners.values()):
            self._parameters.begin(owner, entry)
        if plan is not None:
            self._graphs.keep_inputs(entry, plan, passed)
        epoch = self._counter.add(self.surroundings.label())
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

    def _close(self) -> None:
        """See what became of the parameters; the step that is open is over."""
        self._parameters.settle()
        entry, self._open = self._open, None
        if entry is not None and entry.index < len(self.log.losses):
            self.log.add(entry)
