"""What the player's front end is given: the picture once, and each step as what it changes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from gradviz.drawing import Drawing, draw_recording, steps
from gradviz.drawing.cells import all_grids
from gradviz.drawing.palette import inks
from gradviz.drawing.target import PLAYER
from gradviz.player.events import brackets, sums
from gradviz.player.facts import chains, facts
from gradviz.player.folds import depths, every_operation, spans
from gradviz.player.insides import Insides
from gradviz.player.memory import memory
from gradviz.player.overview import groups, overview
from gradviz.recording.folding import as_written
from gradviz.recording.model import Recording
from gradviz.recording.replay import nudges
from gradviz.recording.strange import first_strange

VERSION = 1
"""Raised when the front end of an older gradviz could not read what this one writes."""


def payload(drawing: Drawing, inside: str = "", insides: Insides | None = None) -> dict[str, Any]:
    """Return what the front end needs to step through a drawing's recording, as plain JSON data.

    Parameters
    ----------
    drawing
        Of the whole, at any of its steps: the payload starts from the first.
    inside
        Which of its pictures.
    insides
        All of them, if they are there already.

    Returns
    -------
    dict
        What is `told` of that picture, what is `drawn` of it, and what is `common` to all.
    """
    insides = insides or Insides(drawing)
    return {**told(insides, inside), **drawn(insides[inside].drawing), **common(drawing, insides)}


def picture_of(drawing: Drawing, *, paths: bool) -> dict[str, Any]:
    """Return what the front end needs of another picture of the same recording.

    Parameters
    ----------
    drawing
        With other folds.
    paths
        Whether its paths are others too; the numbers that can be changed never are.
    """
    insides = Insides(drawing)
    made = {**told(insides, ""), **drawn(drawing), **_about(drawing, insides)}
    return {**made, "paths": _paths(drawing)} if paths else made


def common(drawing: Drawing, insides: Insides) -> dict[str, Any]:
    """Return what is the same whichever picture is shown: ``code``, ``paths``, ``nudges`` and ``overview``."""
    return {**_about(drawing, insides), "paths": _paths(drawing), "nudges": nudges(drawing.recording)}


def _about(drawing: Drawing, insides: Insides) -> dict[str, Any]:
    code = [{**asdict(code), "lines": list(code.lines)} for code in drawing.recording.graph.code]
    return {"code": code, "overview": overview(drawing, insides)}


def _paths(drawing: Drawing) -> dict[str, Any]:
    recording = drawing.recording
    return chains(recording if drawing.options.every_operation else as_written(recording))


def told(insides: Insides, inside: str, drawing: Drawing | None = None) -> dict[str, Any]:
    """Return the numbers and words of one of a drawing's pictures.

    Parameters
    ----------
    insides, inside
        All pictures, and which one.
    drawing
        In place of its own.

    Returns
    -------
    dict
        ``version``, ``at`` (which picture it is), ``title``, ``steps``, ``sums``, ``brackets``, ``facts``, ``places`` and ``until`` (which steps of the whole run
        each step stands for), ``after`` (in which picture around it the run goes on, and at which of its steps), ``depth``, ``every``, ``opens`` (which operation opens which picture), ``memory``,
        ``whys``, ``strange`` and ``remarks`` (what was found), ``trail`` (from the whole to
        this one, if there is any to go into) and ``groups`` for the track.
    """
    one, whole = insides[inside], insides[""].drawing
    drawing = drawing or one.drawing
    recording, view = drawing.shown, drawing.view
    now, most = depths(whole)
    whole_run = spans(recording, insides.moments)
    strange = first_strange(recording)
    data: dict[str, Any] = {
        "version": VERSION,
        "at": inside,
        "title": whole.recording.title,
        "steps": steps(recording, view),
        "sums": sums(recording, view),
        "brackets": brackets(recording),
        "facts": facts(recording),
        "places": [start for start, _ in whole_run],
        "until": [end for _, end in whole_run],
        "after": _after(insides, inside, whole_run[-1][1]) if inside else None,
        "depth": {"now": now, "most": most} if most and not inside else None,
        "every": None if inside else every_operation(whole),
        "opens": {fold.id: key for key, fold in one.folds.items()},
        "memory": memory(recording, insides.held),
        "whys": _whys(recording),
        "strange": None if strange is None else {"step": strange.step, "sentence": strange.sentence},
        "remarks": list(recording.remarks),
        "trail": [[step.key, step.label] for step in insides.trail(inside)] if inside or one.folds else [],
        "groups": groups(one),
    }
    if inside:
        data["facts"]["output"] = _output(whole.recording)
    return data


def _after(insides: Insides, inside: str, last: int) -> tuple[str, int] | None:
    """Return the innermost of the pictures around one in which something comes after its last step, and which step of the whole run that is."""
    for around in reversed(insides.trail(inside)[:-1]):
        starts = (start for start, _ in spans(around.drawing.shown, insides.moments))
        following = min((start for start in starts if start > last), default=None)
        if following is not None:
            return around.key, following
    return None


def _output(recording: Recording) -> dict[str, str] | None:
    """Return what is differentiated: what the first step of the backward pass is about."""
    first = next((gradient.tensor for frame in recording.frames for gradient in frame.gradients), None)
    return None if first is None else {"id": first, "name": recording.graph.tensor(first).name}


def drawn(drawing: Drawing) -> dict[str, Any]:
    """Return a picture: its ``prefix``, ``svg``, ``direction``, ``grids``, ``inks`` and ``scales``."""
    first = at_step(drawing, 0)
    # The plain light picture: the player's own style sheet knows whether the page around it is dark.
    return {"prefix": first.prefix, "svg": first.to_svg(theme="light"), **geometry(first)}


def turned(drawing: Drawing, prefix: str) -> dict[str, Any]:
    """Return what is other in a picture whose data flows the other way: its ``svg``, ``direction`` and ``grids``."""
    first = at_step(drawing.turned, 0)
    where = geometry(first)
    return {"svg": first.to_svg(theme="light", prefix=prefix), "direction": where["direction"], "grids": where["grids"]}


def geometry(drawing: Drawing) -> dict[str, Any]:
    """Return the picture's ``direction``, where each tensor's entries stand (``grids``), and the colours of shades (``inks``, ``scales``)."""
    grids = all_grids(drawing.view, drawing.layout)
    return {
        "direction": drawing.view.direction,
        "grids": {key: grid.encoded() for key, grid in grids.items()},
        "inks": dict(inks(drawing.view.options.palette)),
        "scales": dict(drawing.view.scales),
    }


def at_step(recording_or_drawing: Recording | Drawing, step: int) -> Drawing:
    """Return the same drawing at another step, or the drawing of a recording: one that fits a player unless it was told where."""
    if not isinstance(recording_or_drawing, Drawing):
        return at_step(draw_recording(recording_or_drawing), step)
    drawing = recording_or_drawing
    if drawing.options.target is None:
        drawing = replace(drawing, options=replace(drawing.options, target=PLAYER))
    return drawing.at_step(step)


def _whys(recording: Recording) -> Any:
    """Say what is found in a recording. What looks for causes is imported when a page needs it first: one of a run does not."""
    from gradviz.finding.recorded import whys

    return whys(recording)
