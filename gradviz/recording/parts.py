"""Which part of an array another one is, as one writes it."""

from __future__ import annotations

from typing import Any

import numpy as np


def index_of(base: Any, view: Any) -> str:
    """Write the index that takes a view out of an array: ``0``, ``1,2``, ``2:4``, ``:,0``; ``…`` for one of another kind."""
    if not base.flags.c_contiguous or not view.size:
        return "…"
    start = np.unravel_index((_address(view) - _address(base)) // base.itemsize, base.shape)
    places: list[tuple[int | slice, ...]] = [start[:count] for count in range(1, base.ndim + 1)]
    if base.ndim > 1:
        places.append((slice(None), start[1]))
    if view.ndim == base.ndim:
        stretches = [slice(int(first), int(first) + length) for first, length in zip(start, view.shape, strict=True)]
        places += [(*[slice(None)] * axis, stretches[axis]) for axis in range(base.ndim)]
    for place in places:
        part = base[(*place, ...)]
        if (_address(part), part.shape, part.strides) == (_address(view), view.shape, view.strides):
            return ",".join(map(_index_text, place))
    return "…"


def _index_text(index: Any) -> str:
    if not isinstance(index, slice):
        return str(index)
    return ":" if index.start is None else f"{index.start}:{index.stop}"


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
