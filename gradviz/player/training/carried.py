"""The graphs of a run's steps that a page carries: what it computes itself, and else what each shows, a few of them in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.drawing.face import PARTS
from gradviz.player.page import packed
from gradviz.player.training.computed import Places, alike, computed_data, without_known
from gradviz.player.training.graphs import SAMPLES, GraphPicture, evenly, sampled
from gradviz.recording.model import Recording
from gradviz.training.run import Run
from gradviz.training.run.log import Entry
from gradviz.training.run.recordings import Recordings


def graphs(run: Run, chosen: Places, recordings: Recordings, *, most: int, opened: int, room: int) -> dict[str, Any]:
    """Return the graphs of a run's steps for a page: what all have in common once, and what differs.

    Parameters
    ----------
    run
        What was recorded.
    chosen
        By parameter, which of its entries the page has.
    recordings
        Of steps of the run.
    most
        For how many steps the page has what the picture shows, where it cannot compute that.
    opened, room
        How many of these can be stepped through, if they take no more than so many bytes; one can always.

    Returns
    -------
    dict
        ``programs``: for each structure ``base``, the part of a player's payload that its steps share; ``steps``, the indices of
        its steps; and ``opened``, by index, what `GraphPicture.numbers` says of the steps that can be opened. If the page can
        compute them, that is the first, and ``computed`` is what `computed_data` says. Else there is ``face``, what the picture
        shows in the first of its steps; ``slots``, the parts of it that differ in others, each a part and a key; and
        ``columns``, for each slot what stands there in each of the steps.
    """
    complete = [entry for entry in run.log.entries if entry.complete]
    numbers = alike(run, complete, chosen)
    by_program: dict[int, list[Entry]] = {}
    for entry in sampled(complete, most):
        assert entry.program is not None
        by_program.setdefault(entry.program, []).append(entry)
    opened, room = -(-opened // max(len(by_program), 1)), room // max(len(by_program), 1)
    found = []
    for number, few in by_program.items():
        of_it = [(entry, mine) for entry, mine in zip(complete, numbers, strict=True) if entry.program == number]
        some = evenly(few, SAMPLES)
        picture = GraphPicture([recordings.of(entry) for entry in some])
        made = None
        if all(mine == number for _, mine in of_it):
            made = _computed(run, picture, [entry for entry, _ in of_it], recordings.of(some[0]))
        found.append(made or _stored(picture, few, recordings, opened, room))
    return {"programs": found}


def _computed(run: Run, picture: GraphPicture, entries: Sequence[Entry], first: Recording) -> dict[str, Any] | None:
    computed = computed_data(run, picture, entries[0], first)
    if computed is None:
        return None
    steps = [entry.index for entry in entries]
    numbers = picture.numbers(first, lambda shown: without_known(shown, computed))
    return {"base": picture.base, "steps": steps, "computed": computed, "opened": {str(steps[0]): numbers}}


def _stored(
    picture: GraphPicture, entries: Sequence[Entry], recordings: Recordings, opened: int, room: int
) -> dict[str, Any]:
    faces = [picture.face(recordings.of(entry)) for entry in entries]
    first, one = faces[0], picture.numbers(recordings.of(entries[0]))
    count = min(opened, room // len(packed(one)))
    others = evenly(range(len(entries)), count)[1:]
    slots = [
        (part, key)
        for part in PARTS
        for key in first[part]
        if any(other[part].get(key) != first[part][key] for other in faces)
    ]
    return {
        "base": picture.base,
        "face": first,
        "slots": slots,
        "steps": [entry.index for entry in entries],
        "columns": [[face[part].get(key) for face in faces] for part, key in slots],
        "opened": {
            str(entries[0].index): one,
            **{str(entries[at].index): picture.numbers(recordings.of(entries[at])) for at in others},
        },
    }
