"""A training loop that goes on when it is told to: epoch by epoch, with other settings, or once more from the start."""

from __future__ import annotations

import inspect
import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradviz.engine.creation import get_rng_state, set_rng_state
from gradviz.engine.modes import enable_grad
from gradviz.engine.tensor import Tensor, wrap
from gradviz.optim.optimizer import Optimizer
from gradviz.training.log import DEFAULT_BUDGET
from gradviz.training.record import Recorder
from gradviz.training.run import Run

Closure = Callable[[], Tensor]


class Trainer:
    """Train a model epoch by epoch, and record it.

    Parameters
    ----------
    closure
        Computes the loss and returns it. It may call ``zero_grad()`` and ``backward()`` itself, as PyTorch's closures do; if
        it does not, that is done for it.
    optimizer
        What moves the parameters.
    epochs
        How many epochs there are to be.
    title, budget
        As for `gradviz.record`.

    Attributes
    ----------
    run : Run
        What has happened so far.
    message : str
        Why training was stopped by an error; empty if it was not.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> trainer = Trainer(lambda: (w - 1.0) ** 2, torch.optim.SGD([w], lr=0.25), epochs=10)
    >>> trainer.train(2)
    >>> trainer.run.losses
    array([1.  , 0.25])
    """

    def __init__(
        self,
        closure: Closure,
        optimizer: Optimizer,
        epochs: int = 100,
        *,
        title: str = "",
        budget: int = DEFAULT_BUDGET,
    ) -> None:
        if not callable(closure):
            raise TypeError(
                f"closure must be a function that computes the loss and returns it, but got {closure!r:.80}"
            )
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be one of gradviz.optim, but got {type(optimizer).__name__}")
        self.closure, self.optimizer, self.epochs = closure, optimizer, epochs
        self._title, self._budget = title, budget
        self._parameters = [tensor for group in optimizer.param_groups for tensor in group["params"]]
        self._initial = [np.array(tensor.array) for tensor in self._parameters]
        self._random = get_rng_state()
        self.message = ""
        self._begin()

    def _begin(self) -> None:
        self._recorder = Recorder(self.epochs, self._title, self._budget, False)
        self._recorder.counted = 0
        self._recorder.scopes = _names_in(self.closure)
        self.run: Run = self._recorder.run

    @property
    def done(self) -> int:
        """How many epochs have been trained."""
        return len(self.run)

    def train(self, epochs: int | None = None, *, seconds: float = math.inf) -> None:
        """Train on.

        Parameters
        ----------
        epochs
            How many epochs; by default all that are left. It ends earlier when an error occurs, or the loss is no longer a
            finite number; `message` then says why.
        seconds
            Begin no further epoch after so long.
        """
        end = self.epochs if epochs is None else min(self.done + epochs, self.epochs)
        started = time.monotonic()
        recorder = self._recorder
        self.message = ""
        recorder.start()
        try:
            while self.done < end and not self.message:
                recorder.counted = self.done
                self._one()
                if time.monotonic() - started >= seconds:
                    break
        finally:
            recorder.pause()

    def _one(self) -> None:
        epoch = self.done
        try:
            self.optimizer.step(self._loss)
        except Exception as error:  # whatever the user's closure does wrong is shown beside the picture
            self.message = f"Epoch {epoch} was stopped by {type(error).__name__}: {error}{_where(error)}"
            return
        if len(self.run) == epoch:
            self.message = f"Epoch {epoch}: no backward() was seen, so nothing could be recorded."
        elif not math.isfinite(self.run.log.losses[-1]):
            self.message = (
                f"The loss is {self.run.log.losses[-1]} in epoch {epoch}: training has diverged. A smaller learning rate often "
                "helps; start again with one."
            )

    def _loss(self) -> Tensor:
        """Compute the loss and its gradients, as the optimiser wants it."""
        seen = self._recorder.backwards
        with enable_grad():
            loss = self.closure()
            if not isinstance(loss, Tensor):
                raise TypeError(
                    f"the closure returned {'nothing' if loss is None else type(loss).__name__}; it must return the loss, a "
                    "tensor: end it with `return loss`"
                )
            if self._recorder.backwards == seen:
                self.optimizer.zero_grad()
                loss.backward()
        return loss

    def set(self, *, lr: float | None = None, momentum: float | None = None) -> None:
        """Change the learning rate or the momentum of all parameters, from the next epoch on.

        Raises
        ------
        ValueError
            If the optimiser has no such setting, or a value makes no sense.
        """
        for name, value, least in (("lr", lr, 0.0), ("momentum", momentum, 0.0)):
            if value is None:
                continue
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= least):
                raise ValueError(f"{name} must be a number that is not negative, but got {value!r}")
            if self.setting(name) is None:
                raise ValueError(f"{type(self.optimizer).__name__} has no {name}")
            for group in self.optimizer.param_groups:
                group[name] = float(value)

    def setting(self, name: str) -> float | None:
        """Return a setting of the first group, ``None`` if the optimiser has none of that name."""
        value = self.optimizer.param_groups[0].get(name)
        value = value.item() if isinstance(value, Tensor) else value
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def reset(self) -> None:
        """Go back to the weights of the beginning, with the settings that are set now; the run so far is left as it is."""
        self._recorder.stop()
        for tensor, array in zip(self._parameters, self._initial, strict=True):
            tensor.data.copy_(wrap(array))
            tensor.grad = None
        self.optimizer.state.clear()
        set_rng_state(self._random)
        self.message = ""
        self._begin()


def _names_in(closure: Closure) -> list[Mapping[str, Any]]:
    """Return the variables that a function sees, so that they can be called by their names."""
    function = inspect.unwrap(closure)
    if not inspect.isfunction(function):
        return []
    seen = inspect.getclosurevars(function)
    return [seen.nonlocals, seen.globals]


def _where(error: Exception) -> str:
    """Say in which line of the user's an error arose."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "gradviz" not in frame.filename.split("/")
    ]
    return f"  (line {frames[-1].lineno} in {frames[-1].name})" if frames else ""
