"""Which of PyTorch's inner workings a watch needs, and what is done with a PyTorch that has them not."""

from __future__ import annotations

import warnings
from pkgutil import resolve_name
from types import TracebackType

import torch

from gradviz.catalogue import text

TESTED = "2.13"
"""The version of PyTorch that the tests run with; others are tried by what they have."""

NEEDED = (
    "torch._C._autograd:_get_sequence_nr",
    "torch.utils._python_dispatch:TorchDispatchMode",
    "torch.utils._python_dispatch:_get_current_dispatch_mode",
    "torch.utils._python_dispatch:_pop_mode_temporarily",
    "torch.nn.attention:sdpa_kernel",
    "torch.nn.modules.module:register_module_forward_hook",
    "torch.optim.optimizer:register_optimizer_step_post_hook",
    "torch.autograd.graph:get_gradient_edge",
    "torch.compiler:set_stance",
)
"""What a watch uses of PyTorch's that not every version has."""


def missing() -> str:
    """Return what this PyTorch lacks for a watch; nothing if it has all of it."""
    for name in NEEDED:
        try:
            resolve_name(name)
        except (ImportError, AttributeError):
            return name.replace(":", ".")
    return ""


def told(lack: str) -> str:
    """Say what a PyTorch lacks, and what can be done with it."""
    return text("unwatched", "pytorch", version=torch.__version__, lack=lack, tested=TESTED)


class Unwatched:
    """Stands where a watch would, and sees nothing: what was computed is drawn after the fact.

    Parameters
    ----------
    lack
        What this PyTorch has not.
    """

    def __init__(self, lack: str) -> None:
        self.lack = lack

    def __enter__(self) -> Unwatched:
        warnings.warn(told(self.lack), stacklevel=2)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
