"""`record` and `epochs`: what a user writes around a loop, or for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from gradviz.training.loop.recorder import Recorder
from gradviz.training.run import Run
from gradviz.training.run.log import DEFAULT_BUDGET


def record(
    epochs: int | None = None,
    *,
    title: str = "",
    budget: int = DEFAULT_BUDGET,
    progress: bool | None = None,
    fused: bool = True,
) -> Recorder:
    """Record the training loop in a ``with`` block. The loop is written as it always is, with gradviz or with PyTorch itself.

    Of PyTorch's every number comes out as it would without the recording. ``import torch`` has to stand before the block.

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
    fused
        Of PyTorch's: False to run attention and recurrent layers as single operations, as `gradviz.watch` does, so that each can
        be seen and computed again; the numbers may then differ in their last digits from what they are without the recording.

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
    return Recorder(epochs, title, budget, progress, fused=fused)


class Epochs:
    """An iteration over epochs that records itself; see `epochs`."""

    def __init__(self, recorder: Recorder, count: int) -> None:
        self._recorder, self._count = recorder, count

    def __iter__(self) -> Iterator[int]:
        recorder = self._recorder
        recorder.surroundings.counted = 0
        recorder.start(sys._getframe(1))
        try:
            for recorder.surroundings.counted in range(self._count):
                yield recorder.surroundings.counted
        finally:  # also after a break, and an exception in the loop's body
            recorder.stop()

    def __len__(self) -> int:
        return self._count

    @property
    def run(self) -> Run:
        """What was recorded. Asking for it ends a recording whose loop was left early."""
        return self._recorder.stop()


def epochs(
    count: int, *, title: str = "", budget: int = DEFAULT_BUDGET, progress: bool | None = None, fused: bool = True
) -> Epochs:
    """Loop over epochs and record them: ``for epoch in (training := gv.epochs(10)):``, then ``training.run``.

    Parameters
    ----------
    count
        How many.
    title, budget, progress, fused
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
    return Epochs(Recorder(count, title, budget, progress, fused=fused), count)
