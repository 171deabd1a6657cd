"""A training loop that goes on when it is told to: epoch by epoch, with other settings, or once more from the start."""

from __future__ import annotations

import inspect
import math
import operator
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gradviz.engine.scope import PACKAGE
from gradviz.training.loop.libraries import library_of
from gradviz.training.loop.recorder import Recorder
from gradviz.training.run import Run
from gradviz.training.run.log import DEFAULT_BUDGET

Closure = Callable[[], Any]

NO_STEP = (
    "the closure calls optimizer.step(); leave that to gv.train, which makes one step for each call of the closure"
)


class Trainer:
    """Train a model epoch by epoch, and record it.

    Parameters
    ----------
    closure
        Computes the loss and returns it. It may call ``zero_grad()`` and ``backward()`` itself, as PyTorch's closures do; if
        it does not, that is done for it. It leaves ``optimizer.step()`` to the trainer.
    optimizer
        What moves the parameters; PyTorch's own too, where the closure computes with PyTorch.
    epochs
        How many epochs there are to be.
    title, budget, fused
        As for `gradviz.record`.

    Attributes
    ----------
    run : Run
        What has happened so far.
    done : int
        How many epochs have been trained. One that was stopped on the way is not, and is made once more.
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
        optimizer: Any,
        epochs: int = 100,
        *,
        title: str = "",
        budget: int = DEFAULT_BUDGET,
        fused: bool = True,
    ) -> None:
        if not callable(closure):
            raise TypeError(
                f"closure must be a function that computes the loss and returns it, but got {closure!r:.80}"
            )
        library = library_of(optimizer)
        if library is None:
            raise TypeError(
                f"optimizer must be one of gradviz.optim or torch.optim, but got {type(optimizer).__name__}"
            )
        self.closure, self.optimizer, self.epochs = closure, optimizer, epochs
        self._library = library
        self._title, self._budget, self._fused = title, budget, fused
        self._parameters = [tensor for group in optimizer.param_groups for tensor in group["params"]]
        self._weights = [tensor.detach().clone() for tensor in self._parameters]
        # Of a buffer the place is kept: a module may put another tensor there.
        self._buffers = [
            (module._buffers, name, buffer.detach().clone())
            for module in _modules_in(closure)
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        self._random = library.random_state()
        self.message = ""
        self._begin()

    def _begin(self) -> None:
        self._recorder = Recorder(self.epochs, self._title, self._budget, False, fused=self._fused)
        self._recorder.surroundings.counted = 0
        self._recorder.surroundings.scopes = _names_in(self.closure)
        self.run: Run = self._recorder.run
        self.done = 0
        self._complete = 0  # how many of the run's steps are of epochs that are over

    def train(self, epochs: int | None = None, *, seconds: float = math.inf) -> None:
        """Train on.

        Parameters
        ----------
        epochs
            How many epochs; by default all that are left. It ends earlier when an error occurs, or the loss is no longer a
            finite number; `message` then says why.
        seconds
            Begin no further epoch after so long.

        Raises
        ------
        ValueError
            If `epochs` is no whole number of at least 1.
        """
        end = self.epochs if epochs is None else min(self.done + _count(epochs), self.epochs)
        started = time.monotonic()
        recorder = self._recorder
        self.message = ""
        recorder.start()
        try:
            while self.done < end and not self.message:
                recorder.surroundings.counted = self.done
                self._one()
                if time.monotonic() - started >= seconds:
                    break
        finally:
            recorder.pause()
            recorder.take_back(self._complete)

    def _one(self) -> None:
        epoch = self.done
        try:
            self.optimizer.step(self._loss)
        except Exception as error:  # whatever the user's closure does wrong is shown beside the picture
            self.message = f"Epoch {epoch} was stopped by {type(error).__name__}: {error}{_where(error)}"
            return
        if len(self.run) == self._complete:
            self.message = f"Epoch {epoch}: no backward() was seen, so nothing could be recorded."
            return
        self.done, self._complete = self.done + 1, len(self.run)
        if not math.isfinite(self.run.log.losses[-1]):
            self.message = (
                f"The loss is {self.run.log.losses[-1]} in epoch {epoch}: training has diverged. A smaller learning rate often "
                "helps; start again with one."
            )

    def _loss(self) -> Any:
        """Compute the loss and its gradients, as the optimiser wants it."""
        seen = self._recorder.backwards
        with self._library.enable_grad():
            loss = self._of_the_closure()
            if not self._library.is_tensor(loss):
                raise TypeError(
                    f"the closure returned {'nothing' if loss is None else type(loss).__name__}; it must return the loss, a "
                    "tensor: end it with `return loss`"
                )
            if self._recorder.backwards == seen:
                self.optimizer.zero_grad()
                loss.backward()
        return loss

    def _of_the_closure(self) -> Any:
        with self._library.refusing(self.optimizer, NO_STEP):
            return self.closure()

    def set(self, *, lr: float | None = None, momentum: float | None = None) -> None:
        """Change the learning rate or the momentum of all parameters, from the next epoch on.

        Parameters
        ----------
        lr, momentum
            The new values; ``None`` leaves one as it is.

        Raises
        ------
        ValueError
            If the optimiser has no such setting, or a value makes no sense.
        """
        chosen = {name: value for name, value in (("lr", lr), ("momentum", momentum)) if value is not None}
        for name, value in chosen.items():
            number = float(value) if isinstance(value, int | float | np.number) else math.nan
            if isinstance(value, bool) or not 0 <= number < math.inf:
                raise ValueError(f"{name} must be a number that is not negative, but got {value!r}")
            if name == "momentum" and number > 1:
                raise ValueError(f"momentum must be at most 1, the share of each step that goes on, but got {value!r}")
            if self.setting(name) is None:
                raise ValueError(f"{type(self.optimizer).__name__} has no {name}")
        for name, value in chosen.items():  # all of them, or none
            for group in self.optimizer.param_groups:
                group[name] = float(value)

    def setting(self, name: str) -> float | None:
        """Return a setting of the first group, ``None`` if the optimiser has none of that name.

        Parameters
        ----------
        name
            PyTorch's name of it: ``"lr"``.
        """
        value = self.optimizer.param_groups[0].get(name)
        value = value.item() if self._library.is_tensor(value) else value
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def reset(self) -> None:
        """Go back to the weights of the beginning, with the settings that are set now; the run so far is left as it is.

        The buffers of the modules that the closure uses go back too, such as a batch normalisation's running mean. What else
        the closure has changed stays as it is: a learning rate that a scheduler has set, for instance, and the scheduler's
        count.
        """
        self._recorder.stop()
        for tensor, kept in zip(self._parameters, self._weights, strict=True):
            tensor.data.copy_(kept)
            tensor.grad = None
        for buffers, name, kept in self._buffers:
            buffers[name] = kept.clone()
        self.optimizer.state.clear()
        self._library.set_random_state(self._random)
        self.message = ""
        self._begin()


def _count(epochs: Any) -> int:
    try:
        count = -1 if isinstance(epochs, bool) else operator.index(epochs)
    except TypeError:
        count = -1
    if count < 1:
        raise ValueError(f"epochs must be a whole number of at least 1, but got {epochs!r}")
    return count


def _names_in(closure: Any) -> list[Mapping[str, Any]]:
    """Return the variables that a function sees, so that they can be called by their names."""
    function = inspect.unwrap(closure)
    if inspect.ismethod(function):
        return [{"self": function.__self__}, *_names_in(function.__func__)]
    if not inspect.isfunction(function):
        return []
    seen = inspect.getclosurevars(function)
    return [seen.nonlocals, seen.globals]


def _modules_in(closure: Closure) -> list[Any]:
    """Return the modules that a function finds in its variables, or in those of functions beside it that it calls."""
    found: dict[int, Any] = {}
    home = getattr(inspect.unwrap(closure), "__globals__", None)
    waiting, seen = [closure], {id(closure)}
    while waiting:
        for scope in _names_in(waiting.pop()):
            for value in _within(scope):
                if hasattr(type(value), "named_buffers"):  # a module; nn stands in another row of the house
                    found |= {id(module): module for module in value.modules()}
                elif inspect.isfunction(value) and value.__globals__ is home and id(value) not in seen:
                    seen.add(id(value))
                    waiting.append(value)
    return list(found.values())


def _within(scope: Mapping[str, Any]) -> Iterator[Any]:
    """Yield variables, and what is in those that hold others: lists, dictionaries, the object of a method."""
    for name, value in scope.items():
        yield value
        if isinstance(value, list | tuple):
            yield from value
        elif isinstance(value, Mapping):
            yield from value.values()
        elif name == "self":
            yield from getattr(value, "__dict__", {}).values()


def _where(error: Exception) -> str:
    """Say in which line of the user's an error arose."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(PACKAGE)]
    return f"  (line {frames[-1].lineno} in {frames[-1].name})" if frames else ""
