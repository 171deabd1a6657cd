"""Class numbers and what stands for them."""

from __future__ import annotations

import numpy as np

from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "one_hot",
]  # fmt: skip


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Turn class numbers into rows with a single 1."""
    count = int(tensor.array.max()) + 1 if num_classes < 0 else num_classes
    return wrap((tensor.array[..., None] == np.arange(count)).astype(np.int64))
