"""`record`, `train`, `compare` and `sweep`: a training loop made visible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradviz.training import Trainer, compare, epochs, record, sweep

if TYPE_CHECKING:
    from gradviz.optim import Optimizer
    from gradviz.player.training import TrainingPlayer
    from gradviz.training.trainer import Closure

__all__ = ["compare", "epochs", "record", "sweep", "train"]


def train(
    closure: Closure,
    optimizer: Optimizer,
    epochs: int = 100,
    *,
    title: str = "",
    panels: Sequence[str] | None = None,
    fused: bool = True,
) -> TrainingPlayer:
    """Train in a notebook, epoch by epoch, and watch: play, pause, change the learning rate, start again.

    Parameters
    ----------
    closure
        Computes the loss and returns it. It may call ``zero_grad()`` and ``backward()`` itself, as PyTorch's closures do; if
        it does not, that is done for it. The ``optimizer.step()`` it leaves to this.
    optimizer
        What moves the parameters.
    epochs
        How many epochs there are to be.
    title
        A heading; by default the loss and its expression.
    panels
        What is shown at first, the largest first, such as ``["fit", "loss"]``: see `gradviz.training.Run.show`.
    fused
        As for `record`.

    Returns
    -------
    TrainingPlayer
        A widget for Jupyter. ``.run`` is what happened so far, ``.train(10)`` trains on from code, ``.save("run.html")``
        writes a page.

    Raises
    ------
    TypeError
        If an argument is of another kind.
    ValueError
        If there is no such panel.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> player = gv.train(lambda: (w - 1.0) ** 2, gv.optim.SGD([w], lr=0.25), epochs=20)
    >>> player.train(3)
    >>> player.run.losses
    array([1.    , 0.25  , 0.0625])
    """
    from gradviz.player.training import TrainingPlayer

    return TrainingPlayer(Trainer(closure, optimizer, epochs, title=title, fused=fused), panels=panels)
