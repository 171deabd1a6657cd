"""Schedules given by a function of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.optim.lr_scheduler.scheduler import LRScheduler, state_of_function
from gradviz.optim.optimizer import Optimizer

Function = Callable[[int], float]


class _FunctionLR(LRScheduler):
    """A schedule with one function per group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1) -> None:
        groups = len(optimizer.param_groups)
        if not isinstance(lr_lambda, list | tuple):
            self.lr_lambdas = [lr_lambda] * groups
        elif len(lr_lambda) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
        else:
            self.lr_lambdas = list(lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimiser; of functions, only the attributes of callable objects."""
        return {**super().state_dict(), "lr_lambdas": [state_of_function(function) for function in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to where a `state_dict` was taken; the functions stay."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for function, state in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if state is not None:
                vars(function).update(state)


class LambdaLR(_FunctionLR):
    """The learning rate is the initial one times a function of the step's number.

    Parameters
    ----------
    optimizer
        Its groups get the learning rates.
    lr_lambda
        Returns the factor; one function, or a list with one for each group.
    last_epoch
        How many steps were made before; −1 for a new schedule.
    """

    def get_lr(self) -> list[Any]:
        """Compute the learning rates, one per group."""
        self._warn_if_outside_step()
        return [lr * function(self.last_epoch) for function, lr in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_FunctionLR):
    """In every step, multiply the learning rate by a function of the step's number.

    Parameters
    ----------
    optimizer
        Its groups get the learning rates.
    lr_lambda
        Returns the factor; one function, or a list with one for each group.
    last_epoch
        How many steps were made before; −1 for a new schedule.
    """

    def get_lr(self) -> list[Any]:
        """Compute the learning rates, one per group."""
        self._warn_if_outside_step()
        if self._is_initial:
            return self._current()
        return [
            group["lr"] * function(self.last_epoch)
            for function, group in zip(self.lr_lambdas, self.optimizer.param_groups, strict=True)
        ]
