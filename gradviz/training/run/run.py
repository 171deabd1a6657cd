"""A recorded training run, to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import numpy as np

from gradviz.recording.model import Recording
from gradviz.training.run.history import History
from gradviz.training.run.log import Entry, Log, array_of
from gradviz.training.run.model import Parameter
from gradviz.training.run.outputs import Outputs
from gradviz.training.run.steps import Steps, updates_of
from gradviz.training.run.strange import strange_note
from gradviz.training.run.table import columns_of, table_of

PICKLES = "gradviz.training.files.codec:dumps", "gradviz.training.files.codec:loads"
"""What writes a run as bytes, and reads one of them."""

MOST_LOSSES = 6
"""So many losses of different names are told apart."""


class Run(Outputs):
    """What happened in a training loop.

    Attributes
    ----------
    finished
        Whether the loop is over.
    owners
        By program and slot: which of the run's parameters goes in there.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> with torch.record() as run:
    ...     for epoch in range(2):
    ...         loss = (w - 1.0) ** 2
    ...         loss.backward()
    ...         w.data -= 0.25 * w.grad
    ...         w.grad = None
    >>> run.losses
    array([1.  , 0.25])
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.finished = False
        self.owners: list[dict[int, int]] = []
        self._listeners: list[Callable[[Run], None]] = []
        self._strange = ""  # where the first nan was made, once that is known

    # --- while it is being made ---------------------------------------------------------------------------------

    def grown(self) -> None:
        """Tell those who look that there is one more step."""
        for listener in tuple(self._listeners):
            listener(self)

    def finish(self) -> None:
        """Say that the loop is over."""
        self.finished = True
        self.grown()

    def watch(self, listener: Callable[[Run], None]) -> None:
        """Call ``listener(run)`` after every further step, and at the end.

        Parameters
        ----------
        listener
            What is called, with the run.
        """
        self._listeners.append(listener)

    def unwatch(self, listener: Callable[[Run], None]) -> None:
        """Stop calling a listener.

        Parameters
        ----------
        listener
            As given to `watch`.
        """
        if listener in self._listeners:
            self._listeners.remove(listener)

    # --- what it was --------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The heading: by default the loss and its expression."""
        return self.log.title or "Training"

    @property
    def producer(self) -> str:
        """What made it: ``"gradviz 0.1.0"``."""
        return self.log.producer

    @property
    def losses(self) -> np.ndarray[Any, Any]:
        """The loss of every step, also of those that are not kept in full."""
        return np.array(self.log.losses, dtype=np.float64)

    @property
    def losses_by_name(self) -> dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
        """The steps and the losses, by what the losses are called: a loop may have several, as that of a GAN has.

        Where there is one only, or far too many to tell apart, it is called ``"loss"``.
        """
        names, which = self.log.loss_names, np.array(self.log.loss_of, dtype=np.int64)
        if not 1 < len(names) <= MOST_LOSSES:
            return {"loss": (np.arange(len(which)), self.losses)}
        return {name: (at := np.flatnonzero(which == n), self.losses[at]) for n, name in enumerate(names)}

    @property
    def epoch_of(self) -> np.ndarray[Any, Any]:
        """The epoch of every step."""
        return np.array(self.log.epoch_of, dtype=np.int64)

    @property
    def epochs(self) -> int:
        """How many epochs there were."""
        return self.log.epoch_of[-1] + 1 if self.log.epoch_of else 0

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The tensors that were trained."""
        return tuple(self.log.parameters)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the run, in words: that it was thinned, diverged, was stopped by an error, ..."""
        log = self.log
        notes = list(log.notes)
        if log.stride > 1:
            notes.append(
                f"thinned: of {len(log.losses):,} steps every {_ordinal(log.stride)} is kept, because all of them would take "
                f"more than {_megabytes(log.budget)}; every loss is kept"
            )
        if log.whole_stride > log.stride:
            notes.append(
                f"large tensors are kept in full for every {_ordinal(log.whole_stride)} step, within "
                f"{_megabytes(log.budget)}, and as statistics with a small picture for the others"
            )
        self._strange = self._strange or strange_note(self)
        return (*notes, *filter(None, [self._strange]))

    @property
    def steps(self) -> Steps:
        """The steps that are kept, as a sequence of `Step`."""
        return Steps(self)

    @property
    def kept(self) -> np.ndarray[Any, Any]:
        """The indices of the steps that are kept."""
        return np.array([entry.index for entry in self.log.entries], dtype=np.int64)

    def parameter(self, name: str) -> History:
        """Return one parameter's way through the run.

        Parameters
        ----------
        name
            What it is called: ``"fc1.weight"``.

        Raises
        ------
        KeyError
            If no parameter has that name.
        """
        return History(self, self._number(name))

    def _number(self, name: str) -> int:
        names = [parameter.name for parameter in self.log.parameters]
        if name not in names:
            known = ", ".join(names) or "none, because nothing was recorded"
            raise KeyError(f"there is no parameter called {name!r} in this run; there is: {known}")
        return names.index(name)

    # --- one moment of it ---------------------------------------------------------------------------------------

    def at(self, epoch: int | None = None, *, step: int | None = None) -> Recording:
        """Return the computation of one step, for `draw` and `backprop`.

        Parameters
        ----------
        epoch
            Whose last step is meant; negative numbers count from the end.
        step
            Which step, instead.

        Returns
        -------
        Recording
            Of the nearest step that is kept in full; its title says which.

        Raises
        ------
        IndexError
            If there is no such epoch or step.
        ValueError
            If the computation cannot be done again, because not all that went into it was kept.

        Examples
        --------
        >>> import gradviz as torch
        >>> w = torch.tensor(2.0, requires_grad=True)
        >>> with torch.record() as run:
        ...     for epoch in range(3):
        ...         w.grad = None
        ...         loss = (w - 1.0) ** 2
        ...         loss.backward()
        ...         w.data -= 0.25 * w.grad
        >>> run.at(epoch=1).title
        'epoch 1: loss = (w − 1)²'
        """
        return self.recording_of(self.nearest(self._index(epoch, step)))

    def _index(self, epoch: int | None, step: int | None) -> int:
        number = epoch if step is None else step
        if (epoch is None) == (step is None) or not isinstance(number, int | np.integer) or isinstance(number, bool):
            raise TypeError("say either which epoch or which step, by its number: run.at(epoch=3), run.at(step=100)")
        count = self.epochs if step is None else len(self.log.losses)
        what = "epoch" if step is None else "step"
        if not -count <= number < count:
            have = f"it has {what}s 0 to {count - 1}" if count else "nothing was recorded"
            raise IndexError(f"{what} {number} is not in this run: {have}")
        number %= count
        if what == "step":
            return number
        return max(place for place, one in enumerate(self.log.epoch_of) if one == number)

    def nearest(self, index: int, *, complete: bool = True) -> Entry:
        """Return the kept step nearest to one.

        Parameters
        ----------
        index
            The number of the step that is looked for.
        complete
            Whether it has to be one that can be computed again.
        """
        entries = [entry for entry in self.log.entries if entry.complete or not complete]
        if not entries:
            why = "no graph was kept" if self.log.entries else "nothing was recorded"
            if self.log.losses and not self.log.entries:
                why = "the first one is not over"
            raise ValueError(f"no step of this run can be computed again: {why}")
        return min(entries, key=lambda entry: abs(entry.index - index))

    def recording_of(self, entry: Entry) -> Recording:
        """Return the computation of a kept step.

        Parameters
        ----------
        entry
            The step, as `nearest` returns it.
        """
        return self.recorded(entry)[0]

    def recorded(self, entry: Entry) -> tuple[Recording, list[Any]]:
        """Return the computation of a kept step, and what stood in each slot of its program.

        Parameters
        ----------
        entry
            The step, as `nearest` returns it.
        """
        assert entry.program is not None
        program = self.log.programs[entry.program]
        epoch = self.log.epoch_of[entry.index]
        when = f"epoch {epoch}" if self._one_by_one else f"epoch {epoch}, step {entry.index}"
        earlier = {slot: array_of(kept) for slot, kept in entry.earlier.items()}
        made, slots = program.recorded(entry.numbers(), earlier, array_of(entry.seed), f"{when}: {program.title}")
        made = made.told(updates=updates_of(self.log, entry, made))
        last = made.at()
        again = last.values.get(_output_id(made))
        if again is not None and again.data is not None and not _close(sum(again.data), self.log.losses[entry.index]):
            made = made.told(title=f"{made.title} (computed again, with another result)")
        return made, slots

    @property
    def _one_by_one(self) -> bool:
        return len(self.log.losses) == self.epochs

    # --- out of here --------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain arrays.

        Returns
        -------
        dict
            ``"loss"`` and ``"epoch"`` of every step; ``"step"``, the indices of the steps that are kept; and for each of
            these, by parameter: ``"w"`` (its value before the step) and ``"w.grad"``, where it is small, ``"w.grad_norm"`` and
            ``"w.update_norm"``. Where a parameter took no part in a step, there is NaN. A parameter that is called as a
            column is becomes ``"loss (parameter)"``.
        """
        return columns_of(self)

    def to_pandas(self) -> Any:
        """Return a table (a `pandas.DataFrame`): one row for each step that is kept, one column for each number.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        return table_of(self)

    def plot(self, *, log: bool | None = None) -> Any:
        """Draw the loss over the steps, as a small picture.

        Parameters
        ----------
        log
            A logarithmic scale; by default where the losses span a factor of 100 or more.

        Returns
        -------
        Chart
            Shows itself in Jupyter; ``.save("loss.svg")`` writes a file.
        """
        from gradviz.drawing.charts.lines import Line, chart

        lines = [
            Line(name, tuple(losses.tolist()), tuple(steps.tolist()))
            for name, (steps, losses) in self.losses_by_name.items()
        ]
        return chart(lines, title=self.title, across=self.across, log=log)

    @property
    def across(self) -> str:
        """What the loss is drawn over: ``"epoch"``, or ``"step"`` where an epoch has several."""
        return "epoch" if self._one_by_one else "step"

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how a pickle keeps a run, for other processes: as its file."""
        dumps, loads = map(resolve_name, PICKLES)
        return loads, (dumps(self),)

    def __len__(self) -> int:
        return len(self.log.losses)

    def __repr__(self) -> str:
        count = len(self.log.losses)
        if not count:
            return f"<Run {self.title!r}: nothing recorded{'' if self.finished else ' yet'}>"
        steps = "" if self._one_by_one else f", {count} steps"
        return (
            f"<Run {self.title!r}: {self.epochs} epoch{'s' * (self.epochs != 1)}{steps}, loss "
            f"{self.log.losses[0]:.4g} → {self.log.losses[-1]:.4g}>"
        )


# --- helpers ---------------------------------------------------------------------------------------------------------


def _output_id(recording: Recording) -> str:
    return next(tensor.id for tensor in recording.graph.tensors if tensor.role == "output")


def _close(first: float, second: float) -> bool:
    return bool(np.isclose(first, second, rtol=1e-5, atol=1e-12, equal_nan=True))


def _ordinal(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, 'th') }"


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.3g} MB"
