"""Entries picked by lists of places and by masks, as square brackets do it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.layout import follow, rows
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import recorded, zeros_for


def place_of(indices: Any) -> Any:
    """Turn one array per axis, or ``None`` for a whole axis, into an index as NumPy wants it."""
    return tuple(slice(None) if part is None else part for part in indices) if isinstance(indices, tuple) else indices


def _picked(self: Any, indices: Any, self_sym_sizes: Any) -> np.ndarray:
    """Pick entries; the axes that are picked whole lie to each other as they did."""
    array = np.asarray(self)
    out = array[place_of(indices)]
    if array.flags.c_contiguous or not isinstance(indices, tuple) or not all(map(_places_or_whole, indices)):
        return rows(out)
    picked = [axis for axis, part in enumerate(indices) if part is not None]
    index = np.broadcast_arrays(*(indices[axis] for axis in picked))[0].copy()
    first = picked[0] if picked[-1] - picked[0] == len(picked) - 1 else 0
    steps = [step for axis, step in enumerate(array.strides) if axis not in picked]
    steps[first:first] = [0] * index.ndim
    index = index.reshape(index.shape + (1,) * (out.ndim - first - index.ndim))
    return follow(out, np.lib.stride_tricks.as_strided(array, out.shape, steps), index)


def _places_or_whole(part: Any) -> bool:
    return part is None or (isinstance(part, np.ndarray) and part.dtype.kind in "iu")


def once(indices: Any) -> bool:
    """Return True for an index that can take no entry twice: masks, numbers and slices."""
    parts = indices if isinstance(indices, tuple) else (indices,)
    return all(not isinstance(part, np.ndarray) or part.dtype == bool for part in parts)


def basic(index: Any) -> bool:
    """Return True for an index of numbers and slices, which NumPy answers with a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts)


def scatter(grad: Any, index: Any, self_sym_sizes: tuple[int, ...]) -> Any:
    """Put a gradient back where indexing took entries from; entries taken twice get both."""
    return recorded(index_put)(zeros_for(grad, self_sym_sizes), grad, index, True)


def _put(self: np.ndarray, values: Any, indices: Any, accumulate: bool) -> np.ndarray:
    out, place = np.array(self), place_of(indices)
    if not accumulate:
        out[place] = values
    elif once(indices):
        out[place] += values
    else:
        np.add.at(out, place, values)
    return out


def _not_replaced(grad: Any, indices: Any, accumulate: bool) -> Any:
    return grad if accumulate else recorded(index_put)(grad, zeros_for(grad), indices, False)


index = general(
    "index",
    "IndexBackward0",
    "[…]",
    _picked,
    "self",
    {"self": lambda grad, indices, self_sym_sizes: scatter(grad, indices, self_sym_sizes)},
    settings="indices self_sym_sizes",
    tensors="indices",
    expression="taken(self)",
    local={"self": "put(grad)"},
)
index_put = general(
    "index_put",
    "IndexPutBackward0",
    "[…] =",
    _put,
    "self values",
    {"self": _not_replaced, "values": lambda grad, indices: recorded(index)(grad, indices, np.shape(grad))},
    settings="indices accumulate",
    tensors="indices",
    expression="index_put(self, values)",
    local={"self": "0 if replaced else 1", "values": "taken(grad)"},
)
