"""Helpers for many parameters at once: clip their gradients, put them into one vector and back."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from gradviz import absent
from gradviz.engine import functions, inplace
from gradviz.engine.later import later
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.utils import rnn

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]

_LATER = {
    "parametrizations": "parametrizations",
    "parametrize": "parametrize",
    "remove_spectral_norm": "normed",
    "remove_weight_norm": "normed",
    "spectral_norm": "normed",
    "weight_norm": "normed",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return later(__name__, name, _LATER[name])
    return absent.attribute("nn.utils", name, __all__)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Shrink all gradients by one factor, so that their norm, taken together, is at most `max_norm`.

    Parameters
    ----------
    parameters
        One tensor or several; their gradients are changed in place.
    max_norm
        The largest norm to leave.
    norm_type
        Which norm: 2 for the length, ``float("inf")`` for the largest entry.
    error_if_nonfinite
        Raise an error if the norm is infinite or not a number.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.

    Returns
    -------
    Tensor
        The norm before.

    Examples
    --------
    >>> import gradviz as torch
    >>> from gradviz.nn.utils import clip_grad_norm_
    >>> w = torch.zeros(2, requires_grad=True)
    >>> w.grad = torch.tensor([3.0, 4.0])
    >>> clip_grad_norm_(w, max_norm=1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    listed = _listed(parameters)
    if isinstance(parameters, types.GeneratorType) and not listed:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    norm = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(listed, max_norm, norm, foreach)
    return norm


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of several tensors, as if they were one vector.

    Parameters
    ----------
    tensors
        One tensor or several.
    norm_type
        Which norm: 2 for the length, ``float("inf")`` for the largest entry.
    error_if_nonfinite
        Raise an error if the norm is infinite or not a number.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    """
    arrays = [np.ravel(tensor.array) for tensor in _listed(tensors)]
    norm_type = float(norm_type)
    if not arrays:
        return wrap(np.array(0.0, np.float32))
    with np.errstate(all="ignore"):
        norms = [np.linalg.norm(array, norm_type) for array in arrays]
        total = np.linalg.norm(np.array(norms, arrays[0].dtype), norm_type).astype(arrays[0].dtype)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be clipped. "
            "To disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return wrap(np.asarray(total))


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Shrink all gradients by the factor that brings a norm, known already, down to `max_norm`.

    Parameters
    ----------
    parameters
        One tensor or several; their gradients are changed in place.
    max_norm
        The largest norm to leave.
    total_norm
        Their norm, from `get_total_norm`.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    """
    with np.errstate(all="ignore"):
        # By a factor of 1 too where nothing is to be clipped, as PyTorch does: a norm that is nan shows everywhere.
        factor = np.minimum(np.reciprocal(total_norm.array + 1e-6) * float(max_norm), 1.0)
        for gradient in _gradients(_listed(parameters)):
            inplace.write(gradient, gradient.array * factor)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Bring every entry of every gradient between ``-clip_value`` and ``clip_value``.

    Parameters
    ----------
    parameters
        One tensor or several; their gradients are changed in place.
    clip_value
        The largest entry to leave.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    """
    limit = float(clip_value)
    for gradient in _gradients(_listed(parameters)):
        inplace.write(gradient, np.clip(gradient.array, -limit, limit))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all parameters behind each other, as one vector; gradients flow through it.

    Parameters
    ----------
    parameters
        Tensors of any shapes.
    """
    return functions.cat([functions.reshape(parameter, (-1,)) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give parameters the numbers of a vector; they share its memory from then on.

    Parameters
    ----------
    vec
        A vector, as from `parameters_to_vector`.
    parameters
        Tensors with as many entries in all.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    place = 0
    for parameter in parameters:
        end = place + parameter.numel()
        parameter.data = functions.view(vec.data[place:end], parameter.shape)
        place = end


def _listed(tensors: Any) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [parameter._grad for parameter in parameters if parameter._grad is not None]
