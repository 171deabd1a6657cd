"""Dropout: leaving out at random, so that no number comes to rely on another."""

from __future__ import annotations

import math

import numpy as np

from gradviz.engine import functions, layout, random
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout",
]  # fmt: skip

ALPHA = 1.7580993408473766  # −(what a SELU tends to far below 0): scale · alpha


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set entries to 0 with probability `p`, and make up for it in the others: they are divided by 1 − p.

    Parameters
    ----------
    input
        A tensor of any shape.
    p
        The probability of leaving an entry out.
    training
        Otherwise nothing happens.
    inplace
        Change the input itself.

    References
    ----------
    Srivastava et al., "Dropout" (2014).

    Examples
    --------
    >>> import gradviz as torch
    >>> _ = torch.manual_seed(0)
    >>> dropout(torch.ones(6))
    tensor([0., 0., 2., 0., 0., 0.])
    """
    return _dropped(input, p, training, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Leave out whole channels of (N, C, L) or (C, L), with probability `p`."""
    _check(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to provide "
            "channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension "
            "(i.e. 2D or 3D inputs)."
        )
    channels = 1 if input.ndim == 2 else 2
    return _dropped(input, p, training, inplace, (*input.shape[:channels], 1))


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Leave out whole channels of (N, C, H, W), with probability `p`.

    References
    ----------
    Tompson et al., "Efficient object localization using convolutional networks" (2015).
    """
    _check(p)
    if input.ndim not in (3, 4):
        _warn_of_dimensions("dropout2d", input, 2, "3D or 4D")
    if input.ndim == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - "
            "input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future "
            "release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D "
            "channel-wise dropout behavior, please switch to using dropout1d instead."
        )
    return _dropped(input, p, training, inplace, _feature_shape(input))


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Leave out whole channels of (N, C, D, H, W) or (C, D, H, W), with probability `p`."""
    _check(p)
    if input.ndim not in (4, 5):
        _warn_of_dimensions("dropout3d", input, 3, "4D or 5D")
    if input.ndim == 5:
        return _dropped(input, p, training, inplace, _feature_shape(input))
    batch = input.unsqueeze_(0) if inplace else functions.unsqueeze(input, 0)
    dropped = _dropped(batch, p, training, inplace, _feature_shape(batch))
    return dropped.squeeze_(0) if inplace else functions.squeeze(dropped, 0)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Leave out entries by setting them to what a SELU gives far below 0; mean and variance stay what they are.

    References
    ----------
    Klambauer et al., "Self-normalizing neural networks" (2017).
    """
    return _alpha_dropped(input, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Do `alpha_dropout` to whole channels of (N, C, ...)."""
    return _alpha_dropped(input, p, training, inplace, _feature_shape(input) if training else ())


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _warn_of_dimensions(name: str, input: Tensor, spatial: int, wanted: str) -> None:
    warn(
        f"{name}: Received a {input.ndim}-D input to {name}, which is deprecated and will result in an error in a future "
        f"release. To retain the behavior and silence this warning, please use dropout instead. Note that {name} exists "
        f"to provide channel-wise dropout on inputs with {spatial} spatial dimensions, a channel dimension, and an optional "
        f"batch dimension (i.e. {wanted} inputs)."
    )


def _feature_shape(input: Tensor) -> tuple[int, ...]:
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return (*input.shape[:2], *(1,) * (input.ndim - 2))


def _kept(input: Tensor, p: float, features: tuple[int, ...] | None) -> np.ndarray:
    """Toss a coin for each entry, in the order of memory, or for each channel: 1 with probability 1 − p."""
    kind = input.array.dtype
    coins = layout.empty_like(input.array) if features is None else np.empty(features, kind)
    return layout.drawn(coins, lambda shape: random.default_generator.bernoulli(1 - p, shape, kind))


def _dropped(input: Tensor, p: float, training: bool, inplace: bool, features: tuple[int, ...] | None = None) -> Tensor:
    _check(p)
    if not training or p == 0 or not input.numel():
        return input
    if p == 1:
        noise = np.zeros((), input.array.dtype)
    else:
        kept = _kept(input, p, features)
        noise = kept / kept.dtype.type(1 - p)
    return input.mul_(wrap(noise)) if inplace else input * wrap(noise)


def _alpha_dropped(
    input: Tensor, p: float, training: bool, inplace: bool, features: tuple[int, ...] | None = None
) -> Tensor:
    _check(p)
    if not training or p == 0 or not input.numel():
        return input
    if p == 1:
        nothing = wrap(np.zeros((), input.array.dtype))
        return input.mul_(nothing) if inplace else input * nothing
    kept = _kept(input, p, features)
    scale = 1 / math.sqrt((ALPHA**2 * p + 1) * (1 - p))
    kind = kept.dtype.type
    shift = (kept - 1) * kind(ALPHA * scale) + kind(ALPHA * scale * p)
    noise = kept * kind(scale)
    if inplace:
        return input.mul_(wrap(noise)).add_(wrap(shift))
    return input * wrap(noise) + wrap(shift)
