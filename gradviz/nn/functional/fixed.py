"""Arguments through which no gradient flows: weights of losses, running statistics."""

from __future__ import annotations

import numpy as np

from gradviz.engine.modes import mode
from gradviz.engine.tensor import Tensor


def fixed(function: str, argument: str, tensor: Tensor | None) -> np.ndarray | None:
    """Return the array of an argument without a derivative; say so if a gradient is wanted for it.

    Parameters
    ----------
    function, argument
        PyTorch's names, for the message.
    tensor
        The argument; ``None`` if there is none.
    """
    if tensor is None:
        return None
    if tensor.requires_grad and mode.enabled:
        raise RuntimeError(
            f"The function '{function}' is not differentiable with respect to argument '{argument}'. This input cannot "
            "have requires_grad True."
        )
    return tensor.array
