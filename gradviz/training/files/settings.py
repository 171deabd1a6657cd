"""The settings of an operation or an update rule as plain JSON data, and back.

What JSON has too stands for itself; all else is a dictionary of what it is and what is in it. Nothing is looked up by a name
that a file gives, but in the tables below.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.size import Size
from gradviz.nn.operations.convolution import Geometry
from gradviz.recording.guards import DamageError
from gradviz.training.run.program import FromSlot

SEQUENCES: dict[str, type[tuple[Any, ...]] | type[list[Any]]] = {"tuple": tuple, "list": list, "size": Size}
DTYPES = {dtype.name: dtype for dtype in dtypes.ALL}
DEEPEST = 20


class NoWordsError(TypeError):
    """A setting that a file cannot hold."""


def pack(value: Any) -> Any:
    """Return a setting as JSON data.

    Raises
    ------
    NoWordsError
        If it is of another kind.

    Examples
    --------
    >>> pack((0.9, None))
    {'tuple': [0.9, None]}
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.bool_ | np.integer | np.floating) and value.dtype.name in DTYPES:
        return {value.dtype.name: pack(value.item())}
    if isinstance(value, np.dtype) and value.name in DTYPES:
        return {"numpy": value.name}
    if isinstance(value, dtypes.dtype):
        return {"dtype": value.name}
    if kind is slice:
        return {"slice": [pack(part) for part in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": []}
    if kind is FromSlot:
        return {"slot": value.number}
    if kind is Geometry:
        return {"geometry": [list(value.stride), list(value.padding), list(value.dilation), value.groups]}
    for name, sequence in SEQUENCES.items():
        if kind is sequence:
            return {name: [pack(part) for part in value]}
    raise NoWordsError(f"a setting of the type {kind.__name__}")


def unpack(data: Any, where: str, slots: int = 0, depth: int = 0) -> Any:
    """Return the setting that `pack` has described.

    Parameters
    ----------
    data
        From a file.
    where
        Its place there, for errors.
    slots
        How many slots there are to be referred to.
    depth
        How deep in other settings it is.

    Raises
    ------
    DamageError
        If it is not as `pack` writes it.
    """
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if not isinstance(data, dict) or len(data) != 1 or depth > DEEPEST:
        raise DamageError(f"{where} has a setting that is not one")
    ((kind, inner),) = data.items()
    if kind == "float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if kind in DTYPES and not isinstance(inner, str):
        number = unpack(inner, where, slots, depth + 1)
        if isinstance(number, bool | int | float):
            try:
                return DTYPES[kind].numpy.type(number)
            except (OverflowError, ValueError):
                raise DamageError(f"{where} has a setting {number!r} that is no {kind}") from None
    if kind in ("numpy", "dtype") and isinstance(inner, str) and inner in DTYPES:
        return DTYPES[inner].numpy if kind == "numpy" else DTYPES[inner]
    if kind == "slot" and _is_count(inner) and inner < slots:
        return FromSlot(inner)
    if kind == "geometry" and isinstance(inner, list) and len(inner) == 4:
        *lists, groups = inner
        if all(isinstance(one, list) and all(map(_is_count, one)) for one in lists) and _is_count(groups):
            stride, padding, dilation = map(tuple, lists)
            return Geometry(stride, padding, dilation, groups)
    if kind == "ellipsis":
        return Ellipsis
    if isinstance(inner, list) and (kind in SEQUENCES or (kind == "slice" and len(inner) == 3)):
        parts = [unpack(part, where, slots, depth + 1) for part in inner]
        if kind == "slice":
            return slice(*parts)
        try:
            return SEQUENCES[kind](parts)
        except TypeError:
            pass  # a size of something else than numbers
    raise DamageError(f"{where} has a setting that is not one: {str(data)[:60]}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
