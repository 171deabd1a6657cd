"""A library that PyTorch may compute with and gradviz does not: ``torch.backends.mps``, ``.mkl``, ``.openmp`` and others."""

enabled = False


def is_available() -> bool:
    """Return False."""
    return False


def is_built() -> bool:
    """Return False."""
    return False


def get_cpu_capability() -> str:
    """Return ``"DEFAULT"``: NumPy chooses what it computes with by itself."""
    return "DEFAULT"
