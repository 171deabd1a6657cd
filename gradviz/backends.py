"""What PyTorch code asks about the machine's libraries, as ``torch.backends``."""

from types import SimpleNamespace
from typing import Any

from gradviz import absent
from gradviz import cuda as _cuda

__all__ = ["cuda", "cudnn", "mps"]

mps = SimpleNamespace(is_available=_cuda.is_available, is_built=_cuda.is_available)
"""Apple's graphics: not used here."""
cuda = SimpleNamespace(is_built=_cuda.is_available)
"""NVIDIA's: not used here."""
cudnn = SimpleNamespace(is_available=_cuda.is_available, enabled=False, deterministic=True, benchmark=False)
"""Its settings may be set and change nothing: gradviz is always deterministic."""


def __getattr__(name: str) -> Any:
    return absent.attribute("backends", name, __all__)
