"""What was changed in a player: whether that can be, and what came of it, read back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.player.laboratory import program_data
from gradviz.recording.model import Recording
from gradviz.recording.program import computed_with

Arrays = dict[str, np.ndarray[Any, Any]]


def checked(recording: Recording, changes: Sequence[Any]) -> list[Any]:
    """Return changes as they were given.

    Raises
    ------
    ValueError
        If one is not the id of a leaf, the place of one of its entries and a finite number; or if nothing can be changed.
    """
    leaves = {one.id: math.prod(one.shape) for one in recording.graph.tensors if one.producer is None}
    for change in changes:
        match change:
            case [str(id), int(index), int() | float() as number] if 0 <= index < leaves.get(id, 0):
                if math.isfinite(number):
                    continue
        raise ValueError(
            f"held has {change!r:.60}; a change is the id of a leaf, the place of an entry in it, and a finite number"
        )
    if changes and "missing" in (program := program_data(recording)):
        raise ValueError(program["missing"])
    return list(changes)


def read_back(recording: Recording, changes: Sequence[Any]) -> tuple[Arrays, Arrays]:
    """Return the values and the gradients of a recording's tensors by their names, with some changes in its leaves.

    Of tensors that share a name each but the first is called by its id.
    """
    if changes:
        values, gradients = computed_with(recording, changes)
    else:
        last = recording.at()
        values = {id: value.data for id, value in last.values.items()}
        gradients = {id: gradient.value.data for id, gradient in last.gradients.items()}
    return _by_name(recording, values), _by_name(recording, gradients)


def _by_name(recording: Recording, found: dict[str, Any]) -> Arrays:
    named: Arrays = {}
    for tensor in recording.graph.tensors:
        numbers = found.get(tensor.id)
        if numbers is not None:  # of a large tensor they are not kept
            array = np.array(numbers, tensor.dtype).reshape(tensor.shape)
            named[tensor.id if tensor.name in named else tensor.name] = array
    return named
