"""What all functions that make tensors take: a size, a dtype, a device, whether a gradient is wanted."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Signature, signature
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes
from gradviz.engine.devices import check_device
from gradviz.engine.formats import preserve_format, strided
from gradviz.engine.tensor import Tensor, wrap


def creating(make: Callable[..., Any]) -> Callable[..., Tensor]:
    """Let a function that makes an array make a tensor, and take the options that all of them have.

    Parameters
    ----------
    make
        What makes the array, of a size or of numbers, in a dtype.
    """
    code = make.__code__
    own = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])

    @wraps(make)
    def made(*args: Any, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
        if not options:
            check_device(device)
            return leaf(make(*args), requires_grad)
        if "size" in options and "size" not in own:  # collected from the places, so the name is left to us
            args = (options.pop("size"),)
        given = {name: options.pop(name) for name in own.intersection(options)}
        check_options(device, options)
        return leaf(make(*args, **given), requires_grad)

    taken, options = (
        list(signature(make).parameters.values()),
        list(signature(made, follow_wrapped=False).parameters.values()),
    )
    made.__signature__ = Signature([*taken, *options[1:]], return_annotation=Tensor)  # type: ignore[attr-defined]
    del made.__wrapped__
    made.named = own | {"device", "requires_grad"}  # type: ignore[attr-defined]
    return made


def leaf(array: Any, requires_grad: bool) -> Tensor:
    """Make a leaf around an array of its own."""
    out = wrap(array)
    if requires_grad:
        if array.dtype.kind != "f":
            words = "Only Tensors of floating point and complex dtype can require gradients"
            raise RuntimeError(advice.not_floating(words))
        out._requires_grad = True
    return out


def check_options(device: Any, options: dict[str, Any]) -> None:
    """Refuse what there is not: another device, other layouts.

    Options that change nothing in what is computed are accepted: ``pin_memory``, ``layout`` of ordinary tensors, ...
    """
    check_device(device)
    for name, value in options.items():
        if name not in ("layout", "memory_format", "out", "pin_memory"):
            raise TypeError(f"got an unexpected keyword argument '{name}'")
        if value not in (None, False, strided, preserve_format):
            raise NotImplementedError(f"gradviz has no {name}={value!r}; supported: the default")


def shape_of(size: tuple[Any, ...], name: str = "zeros") -> tuple[int, ...]:
    """Return a size, given as numbers or as one tuple of them, if it is one."""
    if len(size) == 1 and isinstance(size[0], tuple | list):
        size = tuple(size[0])
    lengths = []
    for length in size:
        if isinstance(length, bool) or not hasattr(length, "__index__"):
            kind = type(length).__name__
            raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {kind}")
        lengths.append(length.__index__())
    for length in lengths:
        if length < 0 and name == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        if length < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {length}: {lengths}")
    return tuple(lengths)


def kind_of(dtype: Any) -> np.dtype[Any]:
    """Return NumPy's dtype: the default one for ``None``."""
    return dtypes.to_numpy(dtype) if dtype is not None else dtypes.get_default_dtype().numpy


def number_of(value: Any) -> Any:
    """Return a tensor of one entry as a number of Python's, and a number as it is."""
    return value.item() if isinstance(value, Tensor | np.generic) else value
