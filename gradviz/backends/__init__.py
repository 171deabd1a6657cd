"""What PyTorch code asks about the machine's libraries, as ``torch.backends``. gradviz computes with NumPy alone."""

from typing import Any

from gradviz import absent
from gradviz.backends import cuda, cudnn, unused

cpu = mkl = mkldnn = mps = openmp = opt_einsum = unused

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]


def __getattr__(name: str) -> Any:
    return absent.attribute("backends", name, __all__)
