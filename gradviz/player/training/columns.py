"""Numbers as columns: one row for each step, in the form in which a browser reads them fastest."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.training.run.log import Large

Array = np.ndarray[Any, Any]


def column(array: Any, kind: str = "float32") -> dict[str, Any]:
    """Return an array as JSON data: its type, its shape, and its bytes in base64, made for being compressed.

    Each row is written as its difference (exclusive or) to the row before, which changes little from step to step; and of all
    numbers first the lowest bytes, then the next, for those alike to stand together. Nothing is lost.
    """
    with np.errstate(over="ignore"):  # what is too large for float32 is infinite in the picture too
        array = np.asarray(array).astype(np.dtype(kind).newbyteorder("<"))
    bits = np.atleast_1d(array).view(f"<u{array.itemsize}")
    changes = bits.copy()
    changes[1:] ^= bits[:-1]
    planes = np.ascontiguousarray(changes).view(np.uint8).reshape(-1, array.itemsize).T
    return {"type": kind, "shape": list(array.shape), "data": base64.b64encode(planes.tobytes()).decode("ascii")}


def narrow(array: Array, known: Mapping[str, Array]) -> dict[str, Any]:
    """Return a column of numbers; one number where all are the same, one for each step where its entries have the same.

    Where they are those of a column that is there, the name of that.
    """
    one = array[:1, :1]
    if np.isfinite(one).all() and (array == one).all():
        return {"type": "constant", "value": float(one[0, 0])}
    if (array == array[:, :1]).all():
        return column(array[:, :1])
    for name, its in known.items():
        if np.array_equal(array, its, equal_nan=True):
            return {"type": "same", "of": name}
    return column(array)


def rows_of(kept: Sequence[Any], flat: list[int]) -> Array:
    """Return some entries of what was kept, a row for each; NaN where they are not known. A single number stands in all places."""
    if kept and all(type(one) is np.ndarray and one.shape == kept[0].shape for one in kept):
        rows = np.array(kept, np.float64).reshape(len(kept), -1)
        return _picked(rows, flat)
    return np.stack(
        [
            np.full(len(flat), np.nan)
            if one is None or isinstance(one, Large)
            else _picked(np.asarray(one, np.float64).reshape(1, -1), flat)[0]
            for one in kept
        ]
    )


def _picked(rows: Array, flat: list[int]) -> Array:
    if rows.shape[1] == 1:
        return rows.repeat(len(flat), axis=1)
    return rows[:, flat] if rows.shape[1] > max(flat) else np.full((len(rows), len(flat)), np.nan)
