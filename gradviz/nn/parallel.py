"""Modules spread over several devices, as PyTorch's ``torch.nn.parallel``: on one CPU they just run."""

from __future__ import annotations

from typing import Any

from gradviz import absent
from gradviz.nn.module import Module

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

__all__ = ["DataParallel"]


class DataParallel(Module):
    """A module that runs on several GPUs where there are any; there are none, so it runs as it is.

    Parameters
    ----------
    module
        The module; its parameters are found under ``module.``.
    device_ids, output_device, dim
        Where PyTorch would put the parts of a batch, and along which axis it would divide it. Without effect.

    Examples
    --------
    >>> import gradviz as torch
    >>> list(torch.nn.DataParallel(torch.nn.Linear(2, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Run the module."""
        return self.module(*inputs, **kwargs)


def __getattr__(name: str) -> Any:
    return absent.attribute("nn.parallel", name, __all__)
