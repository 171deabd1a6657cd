"""NVIDIA's libraries, as ``torch.backends.cuda``: not used here. Settings may be made, and change nothing."""

from types import SimpleNamespace

matmul = SimpleNamespace(
    allow_tf32=False, allow_fp16_reduced_precision_reduction=True, allow_bf16_reduced_precision_reduction=True
)


def is_built() -> bool:
    """Return False."""
    return False
