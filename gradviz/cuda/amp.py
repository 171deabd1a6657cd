"""Mixed precision by its older names, as ``torch.cuda.amp``: it is off where there is no graphics card, as in PyTorch."""

from __future__ import annotations

from typing import Any

from gradviz import absent
from gradviz import amp as today
from gradviz.engine.scope import warn

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]

DEPRECATED = "`torch.cuda.amp.{0}(args...)` is deprecated. Please use `torch.amp.{0}('cuda', args...)` instead."


class autocast(today.autocast):  # noqa: N801 (PyTorch's name)
    """``torch.amp.autocast("cuda")``."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        warn(DEPRECATED.format("autocast"), FutureWarning)
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(today.GradScaler):
    """``torch.amp.GradScaler("cuda")``."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        warn(DEPRECATED.format("GradScaler"), FutureWarning)
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


custom_fwd, custom_bwd = today.custom_fwd, today.custom_bwd


def __getattr__(name: str) -> Any:
    return absent.attribute("cuda.amp", name, __all__)
