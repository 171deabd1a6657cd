"""What PyTorch code asks about the machine's libraries, as ``torch.backends``. Settings may be set, and change nothing."""

from types import SimpleNamespace
from typing import Any

from gradviz import absent

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]


def _no(*args: Any) -> bool:
    return False


def _nothing(*args: Any) -> None:
    return None


mps = SimpleNamespace(is_available=_no, is_built=_no, is_macos13_or_newer=_no)
"""Apple's graphics: not used here."""
cuda = SimpleNamespace(
    is_built=_no, matmul=SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True)
)
"""NVIDIA's: not used here."""
cudnn = SimpleNamespace(
    is_available=_no,
    version=_nothing,
    enabled=True,
    deterministic=False,
    benchmark=False,
    allow_tf32=True,
    benchmark_limit=10,
)
"""Its settings: gradviz is deterministic whatever they are."""
mkl, mkldnn = SimpleNamespace(is_available=_no), SimpleNamespace(is_available=_no, enabled=True)
"""Intel's libraries: NumPy computes here, with its own."""
openmp = SimpleNamespace(is_available=_no)
"""Threads: NumPy's are its own."""
cpu = SimpleNamespace(get_cpu_capability=lambda: "DEFAULT")
"""The processor."""


def __getattr__(name: str) -> Any:
    return absent.attribute("backends", name, __all__)
