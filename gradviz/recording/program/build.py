"""From a recording to a program, or to what is missing for one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.recording.model import Recording
from gradviz.recording.products import originals_of
from gradviz.recording.program.model import SLOT, Missing, MissingError, Program
from gradviz.recording.program.trace import Trace
from gradviz.recording.replay import Replay

LEAF_NUMBERS = 100_000
"""So many numbers may stand in the leaves of a computation that a page carries to run it."""

MOST_OPERATIONS = 1_000
"""So many operations may it have."""


def program_of(recording: Recording, runnable: Collection[str]) -> Program | Missing:
    """Return a recorded computation as a program.

    Parameters
    ----------
    recording
        What was computed, in this process.
    runnable
        The names of the operations that can be run.

    Returns
    -------
    Program or Missing
        The program; or why there is none.
    """
    replay = recording.again
    if not isinstance(replay, Replay):
        return Missing("file")
    if replay.program is None:  # a page asks for each of its pictures
        replay.program = _program_of(recording, replay, runnable)
    known: Program | Missing = replay.program
    return known


def computed_with(
    recording: Recording, changes: Sequence[tuple[str, int, float]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compute what was recorded with other numbers in its leaves.

    Parameters
    ----------
    recording
        What was computed, in this process.
    changes
        Of each entry that is another: the id of its leaf, its place there row by row, and the number.

    Returns
    -------
    tuple
        The values and the gradients, as arrays, by the ids of tensors.
    """
    replay = recording.again
    twins, leaves = _twins(recording), dict[str, Any]()
    known = {leaf.id: leaf.array for leaf in replay.leaves}
    for id, index, number in changes:
        for one in (id, *twins.get(id, ())):
            if one in known:
                leaves.setdefault(one, np.array(known[one])).reshape(-1)[index] = number
    trace = Trace(replay, leaves)
    values = {id: np.array(getattr(tensor, "array", tensor)) for id, tensor in trace.tensors.items()}
    return values, {id: np.array(tensor.array) for id, tensor in trace.gradients.items()}


def _program_of(recording: Recording, replay: Replay, runnable: Collection[str]) -> Program | Missing:
    if replay.size > MOST_OPERATIONS:
        return Missing("long", (str(replay.size),))
    leaves = [leaf for leaf in replay.leaves if leaf.id not in replay.numbers]
    large = [leaf.name for leaf in leaves if leaf.array is None]
    if large or sum(np.size(leaf.array) for leaf in leaves) > LEAF_NUMBERS:
        return Missing("large", tuple(large))
    if replay.hooked:
        return Missing("hook")
    try:
        trace = Trace(replay, {})
        program = trace.program({one.id: one.cut for one in recording.graph.tensors if one.cut}, _twins(recording))
        strange = sorted({step.name for step in program.steps} - set(runnable))
        if strange:
            return Missing("operation", tuple(strange))
        # Elsewhere the same steps must run, on the same constants: else a formula has looked at the numbers to choose.
        elsewhere = Trace(replay, {leaf.id: _moved(leaf.array) for leaf in leaves}).program({}, {})
    except MissingError as error:
        return error.missing
    except Exception as error:  # what is not defined elsewhere, as an inverse, or has no second derivative
        return Missing("operation", (str(error).split("\n")[0][:80],))
    odd = _difference(program, elsewhere)
    return Missing("operation", (odd,)) if odd else program


def _twins(recording: Recording) -> dict[str, tuple[str, ...]]:
    """Return, for each leaf that is a view of another or has views, the others."""
    same: dict[str, dict[str, None]] = {}
    for view, original in originals_of(recording).items():
        same.setdefault(original.id, {original.id: None})[view] = None
    groups = [tuple(group) for group in same.values() if len(group) > 1]
    return {id: tuple(other for other in group if other != id) for group in groups for id in group}


def _moved(array: Any) -> Any:
    """Return quite other numbers: each in another place, with another sign and size; whole numbers stay."""
    array = np.asarray(array)
    if array.dtype.kind != "f":
        return array
    flat = np.roll(array.ravel(), 1)
    factors = np.resize(np.array([-0.7, 1.3, 0.9, -1.1, 1.7], array.dtype), flat.shape)
    return (flat * factors + array.dtype.type(0.01)).reshape(array.shape)


def _difference(one: Program, other: Program) -> str:
    """Return the first step that is not the same in two programs, by name; nothing if they are the same."""
    for mine, its in zip(one.steps, other.steps, strict=False):
        if mine != its:
            return mine.name
    if len(one.steps) != len(other.steps) or len(one.numbers) != len(other.numbers):
        return (one if len(one.steps) >= len(other.steps) else other).steps[-1].name
    users = _users(one)
    for mine_, its_ in zip(one.numbers, other.numbers, strict=True):
        if not mine_.tensor and not np.array_equal(mine_.array, its_.array, equal_nan=mine_.array.dtype.kind == "f"):
            return users.get(mine_.slot, "a constant")
    return ""


def _users(program: Program) -> Mapping[int, str]:
    found: dict[int, str] = {}
    for step in program.steps:
        waiting = list(step.arguments.values())
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict) and SLOT in one:
                found.setdefault(one[SLOT], step.name)
            elif isinstance(one, list):
                waiting.extend(one)
    return found
