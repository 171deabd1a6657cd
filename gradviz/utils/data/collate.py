"""Make one batch of several items: tensors and numbers are stacked, dictionaries and lists taken apart first."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from gradviz.engine import creation, dtypes, functions, mixed
from gradviz.engine.tensor import Tensor

NOT_A_BATCH = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def default_collate(batch: Any) -> Any:
    """Put items of the same form into one, with a new first dimension.

    Parameters
    ----------
    batch
        A list of items: tensors, arrays, numbers, strings, or tuples, lists and dictionaries of such.

    Returns
    -------
    Any
        Tensors of all tensors, arrays and numbers; a list for a tuple or a list, a dictionary for a dictionary.

    Examples
    --------
    >>> from gradviz.utils.data import default_collate
    >>> default_collate([(1, {"a": 0.5}), (2, {"a": 1.5})])
    [tensor([1, 2]), {'a': tensor([0.5000, 1.5000], dtype=torch.float64)}]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return functions.stack(list(batch), 0)
    if isinstance(first, np.ndarray):
        if first.dtype.kind in "OSU":
            raise TypeError(NOT_A_BATCH.format(first.dtype))
        return default_collate([creation.as_tensor(array) for array in batch])
    if isinstance(first, np.generic) and not isinstance(first, np.character):
        return creation.as_tensor(np.array(batch))
    if isinstance(first, float):
        return creation.tensor(batch, dtype=dtypes.float64)
    if isinstance(first, int):
        return creation.tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _mapping_like(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if not isinstance(first, Sequence):
        raise TypeError(mixed.explained(NOT_A_BATCH.format(type(first)), first))
    if not (isinstance(first, tuple) and hasattr(first, "_fields")) and any(len(item) != len(first) for item in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    columns = [default_collate(column) for column in zip(*batch, strict=False)]
    return columns if type(first) is tuple else _sequence_like(first, columns)


def default_convert(data: Any) -> Any:
    """Make tensors of the arrays in an item that is not put into a batch.

    Parameters
    ----------
    data
        An array, or tuples, lists and dictionaries of such; all else stays as it is.
    """
    if isinstance(data, np.ndarray | np.generic):
        return data if data.dtype.kind in "OSU" else creation.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        parts = [default_convert(value) for value in data]
        return parts if type(data) is tuple else _sequence_like(data, parts)
    return data


def _mapping_like(given: Any, values: dict[Any, Any]) -> Any:
    """Return a mapping of the type given, with other values."""
    return _like(given, values, MutableMapping, lambda new: new.update(values))


def _sequence_like(given: Any, values: list[Any]) -> Any:
    """Return a sequence of the type given, with other values."""
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        return type(given)(*values)

    def fill(new: Any) -> None:
        for place, value in enumerate(values):
            new[place] = value

    return values if isinstance(given, tuple) else _like(given, values, MutableSequence, fill)


def _like(given: Any, values: Any, changeable: type, fill: Callable[[Any], None]) -> Any:
    """Fill a copy if that can be changed, for it may have more to it than its items; otherwise make a new one."""
    try:
        if not isinstance(given, changeable):
            return type(given)(values)
        new = copy.copy(given)
        fill(new)
    except TypeError:  # such as range: neither can be done
        return values
    return new
