"""Averages of a model's parameters over the course of training, as PyTorch's ``torch.optim.swa_utils``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from gradviz import absent
from gradviz.engine import creation, dtypes
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn.module import Module
from gradviz.nn.modules.normalization import _BatchNorm
from gradviz.optim.lr_scheduler.scheduler import LRScheduler, per_group
from gradviz.optim.optimizer import Optimizer

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip

Average = Callable[[Tensor, Tensor, Any], Tensor]
AverageOfMany = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def _checked(decay: float) -> float:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")
    return decay


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return the update of a moving average: the old one counts `decay`, the new number the rest.

    Parameters
    ----------
    decay
        From 0 to 1.
    """
    decay = _checked(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Average:
    """Return the update of a plain average, in which all numbers count the same."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageOfMany:
    """Return the update of a moving average, for many tensors at once, in place.

    Parameters
    ----------
    decay
        From 0 to 1.
    """
    decay = _checked(decay)

    @no_grad()
    def ema_update(ema_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor], _: Any) -> None:
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> AverageOfMany:
    """Return the update of a plain average, for many tensors at once, in place."""

    @no_grad()
    def swa_update(
        averaged_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor], num_averaged: Any
    ) -> None:
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(current, float(1 / (num_averaged + 1)))
            else:
                average.addcdiv_(current - average, creation.as_tensor(num_averaged + 1))

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's, so far.

    Parameters
    ----------
    model
        The model; it is copied.
    device
        ``"cpu"``; there is no other.
    avg_fn
        What makes the new average of the old one, the model's number and how many there were; a plain average by default.
    multi_avg_fn
        The same for many tensors at once, in place.
    use_buffers
        Whether to average buffers as well; otherwise they are copied.

    Attributes
    ----------
    module
        The averages, as a model.
    n_averaged
        How many were averaged.

    Examples
    --------
    >>> import gradviz as torch
    >>> model = torch.nn.Linear(2, 1)
    >>> averaged = torch.optim.swa_utils.AveragedModel(model)
    >>> averaged.update_parameters(model)
    >>> averaged.n_averaged
    tensor(1)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: AverageOfMany | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", creation.tensor(0, dtype=dtypes.int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters, as they are now, into the average.

        Parameters
        ----------
        model
            The model, with the same parameters in the same order.
        """
        pairs = [(mine.detach(), theirs.detach()) for mine, theirs in zip(*self._averaged(model), strict=False)]
        if self.n_averaged.item() == 0:
            for average, current in pairs:
                average.copy_(current)
        elif self.multi_avg_fn is not None:
            for kind in dict.fromkeys(average.dtype for average, _ in pairs):
                alike = [pair for pair in pairs if pair[0].dtype is kind]
                self.multi_avg_fn([mine for mine, _ in alike], [theirs for _, theirs in alike], self.n_averaged)
        else:
            update = self.avg_fn or get_swa_avg_fn()
            for average, current in pairs:
                average.copy_(update(average, current, self.n_averaged))
        if not self.use_buffers:
            for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                mine.detach().copy_(theirs.detach())
        self.n_averaged += 1

    def _averaged(self, model: Module) -> tuple[Iterable[Tensor], Iterable[Tensor]]:
        if self.use_buffers:
            mine, theirs = self.module, model
            return itertools.chain(mine.parameters(), mine.buffers()), itertools.chain(
                theirs.parameters(), theirs.buffers()
            )
        return self.parameters(), model.parameters()


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Set the running statistics of all batch normalisations to those of a whole data set.

    Parameters
    ----------
    loader
        The data, batch by batch; of a list or tuple, the first part is the input.
    model
        The model, as a rule an averaged one, whose statistics belong to other parameters.
    device
        ``"cpu"``; there is no other.
    """
    momenta = {module: module.momentum for module in model.modules() if isinstance(module, _BatchNorm)}
    for norm in momenta:
        norm.reset_running_stats()
    if not momenta:
        return
    was_training = model.training
    model.train()
    for norm in momenta:
        norm.momentum = None
    for batch in loader:
        batch = batch[0] if isinstance(batch, list | tuple) else batch
        model(batch if device is None else batch.to(device))
    for norm, momentum in momenta.items():
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Go from each group's learning rate to one that stays, for the epochs that are averaged.

    Parameters
    ----------
    optimizer
        Its groups get the learning rates.
    swa_lr
        The learning rate at the end; one, or a list with one per group.
    anneal_epochs
        In how many steps.
    anneal_strategy
        Along ``"cos"``, half a cosine wave, or ``"linear"``.
    last_epoch
        How many steps were made before; −1 for a new schedule.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for lr, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """Return how far to go by a step: 0 to 1."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[Any]:
        """Compute the learning rates, one per group."""
        self._warn_if_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates


def __getattr__(name: str) -> Any:
    return absent.attribute("optim.swa_utils", name, __all__)
