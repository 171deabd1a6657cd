"""Numbers of PyTorch's as those of a recording: arrays where they are few, statistics made on their device where they are many."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from gradviz.recording.later import changed
from gradviz.recording.model import Summary, Value
from gradviz.recording.told import Printed
from gradviz.recording.values import COPIED_UP_TO, PREVIEW_LAYERS, PREVIEW_OF_A_LAYER, PREVIEW_SIZE, kept, value_of

NOT_NUMPYS = (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
"""What NumPy has no dtype for: drawn from the same numbers in single precision."""


@lru_cache(maxsize=64)
def dtype_text(dtype: torch.dtype) -> str:
    """Name a dtype: ``"float32"``, ``"bfloat16"``."""
    return str(dtype).removeprefix("torch.")


def array_of(tensor: torch.Tensor) -> Any:
    """Return a tensor's numbers as an array of NumPy's, on this machine; of a single number a NumPy scalar."""
    tensor = tensor.detach()
    if tensor.dtype is torch.float32 and tensor.layout is torch.strided and tensor.is_cpu and not tensor.is_neg():
        array = tensor.numpy()  # nothing of what may have to be done to others
        return array if array.ndim else array[()]
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.dtype in NOT_NUMPYS:
        tensor = tensor.float()
    array = tensor.numpy(force=True)
    return array[()] if array.ndim == 0 else array


def kept_numbers(tensor: torch.Tensor, printed: Printed | None = None) -> tuple[Any, Value]:
    """Keep numbers: see `gradviz.recording.values.kept`. Those on another device, if they are many, stay there."""
    if _stays(tensor):
        return None, summarised(tensor)
    array, value = kept(array_of(tensor), None if printed is None else _here(printed))
    named = dtype_text(tensor.dtype)
    return array, value if value.dtype == named else changed(value, dtype=named)


def _stays(tensor: torch.Tensor) -> bool:
    return tensor.device.type != "cpu" and tensor.numel() * tensor.element_size() > COPIED_UP_TO


def _here(printed: Printed) -> Printed | None:
    """Bring what says how a number is to be printed to this machine; ``None`` if that is too much for the digits of a few numbers."""
    if any(isinstance(one, torch.Tensor) and _stays(one) for one in printed):
        return None
    function, *given = printed
    return (function, *(array_of(one) if isinstance(one, torch.Tensor) else one for one in given))


def summarised(tensor: torch.Tensor) -> Value:
    """Return the statistics of many numbers and a preview of them, made where they are."""
    tensor = tensor.detach()
    if tensor.device.type == "cpu":
        value = value_of(array_of(tensor))
        return changed(value, dtype=dtype_text(tensor.dtype))
    preview = value_of(_preview(tensor).cpu().numpy())
    return Value(tuple(tensor.shape), dtype_text(tensor.dtype), None, _summary(tensor), preview)


def _summary(tensor: torch.Tensor) -> Summary:
    numbers = tensor.reshape(-1).to(torch.float64 if tensor.device.type != "mps" else torch.float32)
    finite = torch.isfinite(numbers)
    count = finite.sum().clamp(min=1)
    calm = torch.where(finite, numbers, 0)
    mean = calm.sum() / count
    spread = (torch.where(finite, numbers - mean, 0).square().sum() / count).sqrt()
    least, most = torch.where(finite, numbers, math.inf).amin(), torch.where(finite, numbers, -math.inf).amax()
    counts = [(numbers == 0).sum(), torch.isnan(numbers).sum(), torch.isinf(numbers).sum()]
    told = torch.stack(
        [mean, spread, least, most, *[one.to(mean.dtype) for one in counts]]
    ).tolist()  # one journey for all
    known = [number if math.isfinite(number) else 0.0 for number in told[:4]]
    zeros, nans, infs = map(int, told[4:])
    return Summary(known[0], known[1], known[2], known[3], zeros, nans, infs)


def _preview(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.ndim < 3:
        return _blocks(tensor.reshape(-1, tensor.shape[-1]), PREVIEW_SIZE)
    layers = tensor.reshape(-1, *tensor.shape[-2:])[:PREVIEW_LAYERS]
    return torch.stack([_blocks(layer, PREVIEW_OF_A_LAYER) for layer in layers])


def _blocks(matrix: torch.Tensor, most: int) -> torch.Tensor:
    matrix = matrix.float()
    for axis in (0, 1):
        length = matrix.shape[axis]
        count = min(most, length)
        edges = [place * length // count for place in range(count + 1)]
        matrix = torch.stack([matrix.narrow(axis, a, b - a).mean(axis) for a, b in pairwise(edges)], axis)
    return matrix


def alike(first: torch.Tensor, other: torch.Tensor) -> bool:
    """Return True if two tensors are equal but for the order in which their sums were added up."""
    if first is other or (first.data_ptr() == other.data_ptr() and first.shape == other.shape):
        return True
    if first.shape != other.shape:
        return False
    size = other.detach().abs().amax().item() if other.numel() else 0.0
    few = torch.finfo(other.dtype).eps * 64 if other.dtype.is_floating_point else 0.0
    least = few * size if np.isfinite(size) else 0.0
    return torch.allclose(first.to(other.dtype), other, rtol=few, atol=least, equal_nan=True)
