"""Mixed precision, as ``torch.amp``, on a machine without a graphics card.

`autocast` for a card is off, as it is in PyTorch where there is none; for the CPU it leaves float32 as it is, where PyTorch
would compute products in bfloat16. `GradScaler` scales the loss if it is told to on the CPU, by PyTorch's rules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz import absent
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

NO_CARD = "CUDA is not available or torch_xla is imported. Disabling autocast."
NO_SCALER = "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling."


class autocast:  # noqa: N801 (PyTorch's name)
    """A block, or with ``@``, a function, in which PyTorch may compute in a smaller precision. Here it computes as always.

    Parameters
    ----------
    device_type
        ``"cuda"``, which is not here (a warning says so), or ``"cpu"``.
    dtype, cache_enabled
        Accepted, and without effect.
    enabled
        False for nothing at all.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if enabled and device_type == "cuda":
            warn(NO_CARD)
        self.device, self.fast_dtype = device_type, dtype

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, which runs inside of such a block."""

        @functools.wraps(function)
        def inside(*args: Any, **keywords: Any) -> Any:
            with self:
                return function(*args, **keywords)

        return inside


def is_autocast_available(device_type: str) -> bool:
    """Return True for the devices PyTorch's CPU build can compute in mixed precision on."""
    return device_type in ("cpu", "cuda")


def custom_fwd(fwd: Any = None, *, device_type: str = "cuda", cast_inputs: Any = None) -> Any:
    """Return a custom function's ``forward`` as it is."""
    return fwd if fwd is not None else lambda function: function


def custom_bwd(bwd: Any = None, *, device_type: str = "cuda") -> Any:
    """Return a custom function's ``backward`` as it is."""
    return bwd if bwd is not None else lambda function: function


class GradScaler:
    """Multiplies the loss so that small gradients do not vanish, and divides the gradients before a step.

    Parameters
    ----------
    device
        ``"cuda"``, where it is off because there is no card, or ``"cpu"``.
    init_scale
        What the loss is multiplied by at first.
    growth_factor, growth_interval
        By how much that grows after so many steps without an infinite gradient.
    backoff_factor
        By how much it shrinks after an infinite one, whose step is left out.
    enabled
        False for nothing at all.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device, self._enabled = device, enabled
        if enabled and device == "cuda":
            warn(NO_SCALER)
            self._enabled = False
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._scale, self._good_steps = float(init_scale), 0
        self._growth_factor, self._backoff_factor, self._growth_interval = (
            growth_factor,
            backoff_factor,
            growth_interval,
        )
        self._seen: dict[int, bool] = {}
        """For each optimiser whose gradients have been divided, whether one was infinite."""

    def scale(self, outputs: Any) -> Any:
        """Multiply a loss, or several, by the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, list | tuple):
            return type(outputs)(map(self.scale, outputs))
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimiser's parameters by the scale: once before each step."""
        if not self._enabled:
            return
        if id(optimizer) in self._seen:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        infinite = False
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.mul_(1.0 / self._scale)
                    infinite |= not bool(np.isfinite(parameter.grad.array).all())
        self._seen[id(optimizer)] = infinite

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Divide the gradients if that has not been done, and let the optimiser make its step unless one is infinite."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        if id(optimizer) not in self._seen:
            self.unscale_(optimizer)
        return None if self._seen[id(optimizer)] else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Choose the next scale: smaller after an infinite gradient, larger after many steps without one."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._seen:
            raise AssertionError("No inf checks were recorded prior to update.")
        elif any(self._seen.values()):
            self._scale, self._good_steps = self._scale * self._backoff_factor, 0
        else:
            self._good_steps += 1
            if self._good_steps == self._growth_interval:
                self._scale, self._good_steps = self._scale * self._growth_factor, 0
        self._seen.clear()

    def get_scale(self) -> float:
        """Return the scale; 1 where it is off."""
        return self._scale if self._enabled else 1.0

    def is_enabled(self) -> bool:
        """Return whether it does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on from here; nothing where it is off."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._good_steps,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` returned."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._scale, self._good_steps = state_dict["scale"], state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]


def __getattr__(name: str) -> Any:
    return absent.attribute("amp", name, __all__)
