"""What a page needs to compute the graph of any step itself: the step's program, and which parameters go into it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np

from gradviz.player.laboratory import program_data, shown_in
from gradviz.player.training.graphs import GraphPicture
from gradviz.recording.model import Frame, Recording, Value
from gradviz.recording.program.places import Place
from gradviz.training.run import Run
from gradviz.training.run.log import Entry

Places = Sequence[Sequence[int]]
"""By parameter, which of its entries a page has."""


def alike(run: Run, entries: Sequence[Entry], chosen: Places) -> list[int]:
    """Return for each of some steps the number of its program, if its parameters are all that it does not share with the first of these.

    A step that has other data, or a gradient from before, gets −1; so does one of whose parameters a page has not all.
    """
    first: dict[int, Entry] = {}
    for entry in run.log.entries:
        if entry.program is not None and entry.program not in first and entry.complete:
            first[entry.program] = entry
            if len(first) == len(run.log.programs):
                break
    return [_alike(run, entry, first, chosen) for entry in entries]


def _alike(run: Run, entry: Entry, first: dict[int, Entry], chosen: Places) -> int:
    number = entry.program
    if number is None or number not in first or entry.earlier or entry.seed is not None:
        return -1
    owners = run.owners[number]
    for slot, (mine, its) in enumerate(zip(entry.inputs, first[number].inputs, strict=True)):
        if slot not in owners:
            if not _same(mine, its):
                return -1
            continue
        owner = owners[slot]
        part = entry.parameters.get(owner)
        if part is None or len(chosen[owner]) != run.parameters[owner].size or not _same(part.before, mine):
            return -1
    return number


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return isinstance(one, int | float) and one == other


def _is_known(frame: Frame, places: Any, constants: Container[str]) -> bool:
    """Say whether a page computes all numbers that a step makes known, but for those that are the same in all steps of a run."""
    known = all(
        place is not None or id in constants for (id, _), place in zip(frame.values, places["values"], strict=True)
    )
    return known and None not in (*places["contributions"], *places["gradients"])


def without_known(shown: Recording, computed: dict[str, Any]) -> Recording:
    """Leave out of what is shown of a step the numbers that the page computes.

    Parameters
    ----------
    shown
        Of the step.
    computed
        What `computed_data` says of it.
    """

    def left(value: Value, slot: Place) -> Value:
        return value if slot is None else Value(value.shape, value.dtype, ())

    frames = []
    for frame, slots in zip(shown.frames, computed["shown"]["places"], strict=True):
        sent = [
            replace(one, value=left(one.value, slot), local=None if one.local is None else left(one.local, local))
            for one, slot, local in zip(frame.contributions, slots["contributions"], slots["locals"], strict=True)
        ]
        arrived = [
            replace(one, value=left(one.value, slot))
            for one, slot in zip(frame.gradients, slots["gradients"], strict=True)
        ]
        values = tuple((id, left(value, slot)) for (id, value), slot in zip(frame.values, slots["values"], strict=True))
        frames.append(replace(frame, values=values, contributions=tuple(sent), gradients=tuple(arrived)))
    return replace(shown, frames=tuple(frames))


def computed_data(run: Run, picture: GraphPicture, entry: Entry, recording: Recording) -> dict[str, Any] | None:
    """Return how a page computes what a picture shows, of one step and of those that are like it; ``None`` if it cannot.

    Parameters
    ----------
    run, entry, recording
        The step that is told, and what was computed in it.
    picture
        The picture of its structure.

    Returns
    -------
    dict or None
        ``number`` of the program; the ``program`` and where in it the numbers of the picture stand (``shown``), as a page has them of
        a computation; and ``parameters``: by the id of a tensor the number of the parameter that it is.
    """
    program = program_data(recording)
    shown = None if "missing" in program else shown_in(recording, picture.shown(recording), picture.view)
    cards = {disc.operation.id for disc in picture.view.discs if disc.block is not None}
    constants = {tensor.id for tensor in recording.graph.tensors if tensor.role == "constant"}
    if (
        shown is None
        or not cards <= shown["blocks"].keys()
        or not all(map(_is_known, picture.shown(recording).frames, shown["places"], repeat(constants)))
    ):
        return None
    # What nobody has named is called otherwise in a graph of another structure than in the run.
    assert entry.program is not None  # its recording was computed by it
    told = run.log.programs[entry.program]
    of_graph = {tensor.id: tensor.name for tensor in told.graph.tensors}
    names = {of_graph[told.slots[slot].tensor]: owner for slot, owner in run.owners[entry.program].items()}
    leaves = {one["tensor"] for one in program["numbers"] if "tensor" in one}
    parameters = {
        one.id: names[one.name] for one in recording.graph.tensors if one.id in leaves and one.role == "parameter"
    }
    return {"number": entry.program, "program": program, "shown": shown, "parameters": parameters}
