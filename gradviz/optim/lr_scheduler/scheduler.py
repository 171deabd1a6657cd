"""`LRScheduler`: what all schedules have in common."""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable
from typing import Any

from gradviz.engine import mixed
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Group, Optimizer

TOO_EARLY = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call them "
    "in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in PyTorch "
    "skipping the first value of the learning rate schedule. See more details at "
    "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
)
OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make sure "
    "to call `optimizer.step()` before `lr_scheduler.step()`. See more details at "
    "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
)
EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed form "
    "is used instead of the new chainable form, where available. Please open an issue if you are unable to replicate "
    "your use case: https://github.com/pytorch/pytorch/issues/new/choose."
)


class LRScheduler:
    """Base class: sets the learning rate of every group of an optimiser, once per `step`.

    A subclass says in `get_lr` what the learning rates are at ``self.last_epoch``.

    Parameters
    ----------
    optimizer
        Its groups get the learning rates.
    last_epoch
        How many steps were made before, to resume a schedule; −1 for a new one.

    Attributes
    ----------
    base_lrs
        The learning rate each group started from.
    last_epoch
        How many times `step` has been called.

    Examples
    --------
    >>> import gradviz as torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
    >>> for epoch in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.1]
    """

    optimizer: Optimizer
    base_lrs: list[Any]
    _last_lr: list[Any]
    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer)
        for place, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{place}] when resuming scheduler with "
                    "last_epoch >= 0.\nThis typically happens when:\n1. You're trying to resume training from a "
                    "checkpoint but haven't properly loaded the optimizer state\n2. You're using last_epoch >= 0 for a "
                    "fresh training run (not recommended)"
                )
        self.base_lrs = settings(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        if optimizer._opt_called is None:
            optimizer._opt_called = False
        self._initial_step()

    def _attach(self, optimizer: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            words = f"{type(optimizer).__name__} is not an Optimizer"
            raise TypeError(mixed.explained(words, optimizer))
        self.optimizer = optimizer

    def _initial_step(self) -> None:
        """Set the learning rates to begin with."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_last_lr(self) -> list[Any]:
        """Return the learning rates in use, one per group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """Compute the learning rates at ``self.last_epoch``, one per group; ask `get_last_lr` instead."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr(), so it cannot be a part of another schedule")

    def step(self, epoch: int | None = None) -> None:
        """Go on by one step; call it after the optimiser's.

        Parameters
        ----------
        epoch
            Go to this one instead. PyTorch advises against it.
        """
        if self._step_count == 1:
            if "step" in vars(self.optimizer):
                warnings.warn(OVERRIDDEN, UserWarning, stacklevel=2)
            elif not self.optimizer._opt_called:
                warnings.warn(TOO_EARLY, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed_form = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self._set(self._asked(closed_form or self.get_lr))

    def _asked(self, question: Callable[[], list[Any]]) -> list[Any]:
        """Call `get_lr` as it should be: from within a step."""
        self._get_lr_called_within_step = True
        try:
            return question()
        finally:
            self._get_lr_called_within_step = False

    def _warn_if_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def _set(self, lrs: list[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            set_lr(group, lr)
        self._last_lr = self._current()

    def _current(self) -> list[Any]:
        """Return the learning rates of all groups."""
        return settings(self.optimizer, "lr")

    def _times(self, factor: float) -> list[Any]:
        """Return the learning rates of all groups times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    # --- state ------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimiser."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to where a `state_dict` was taken."""
        vars(self).update(state_dict)


def settings(optimizer: Optimizer, name: str) -> list[Any]:
    """Return a setting of all groups, so that changing the list changes none."""
    return [_own(group[name]) for group in optimizer.param_groups]


def set_lr(group: Group, lr: Any) -> None:
    """Set a learning rate; one that is a tensor is changed in place."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(float(lr))
    else:
        group["lr"] = lr


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return one value for each group, from a list of such or a value for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        value = [value] * groups
    elif len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, param_groups "
            f"has {groups}."
        )
    return [_own(item) for item in value]


def state_of_function(function: Any) -> dict[str, Any] | None:
    """Return what of a function can be saved: the attributes of a callable object, ``None`` for a plain function."""
    return None if isinstance(function, types.FunctionType) else dict(vars(function))


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


class _LRScheduler(LRScheduler):
    """The base class by its old name, from which many programs derive theirs."""
