"""What the player's front end is given: the picture once, and each step as what it changes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from gradviz.drawing import Drawing, draw_recording, steps
from gradviz.drawing.cells import all_grids
from gradviz.drawing.palette import inks
from gradviz.drawing.target import PLAYER
from gradviz.finding.recorded import whys
from gradviz.player.events import brackets, sums
from gradviz.player.facts import chains, facts
from gradviz.player.folds import depths, every_operation, places
from gradviz.player.memory import memory
from gradviz.recording.folding import as_written
from gradviz.recording.model import Recording
from gradviz.recording.replay import nudges
from gradviz.recording.strange import first_strange

VERSION = 1
"""Raised when the front end of an older gradviz could not read what this one writes."""


def payload(drawing: Drawing) -> dict[str, Any]:
    """Return what the front end needs to step through a drawing's recording, as plain JSON data.

    Parameters
    ----------
    drawing
        A drawing at any of its steps: the payload starts from the first.

    Returns
    -------
    dict
        ``version``, ``title``, ``prefix``, ``svg``, ``grids``, ``inks``, ``scales``, ``code``, ``steps``, ``sums``, ``brackets``,
        ``facts``, ``paths``, ``nudges``, ``places``, ``depth``, ``every``, ``memory``, ``whys``,
        ``strange`` and ``remarks``.
    """
    first = at_step(drawing, 0)
    recording = first.shown
    now, most = depths(first)
    strange = first_strange(recording)
    return {
        "version": VERSION,
        "title": recording.title,
        "prefix": first.prefix,
        # The plain light picture: the player's own style sheet knows whether the page around it is dark.
        "svg": first.to_svg(theme="light"),
        "code": [{**asdict(code), "lines": list(code.lines)} for code in recording.graph.code],
        "steps": steps(recording, first.view),
        "sums": sums(recording, first.view),
        "brackets": brackets(recording),
        "facts": facts(recording),
        "paths": chains(drawing.recording if drawing.options.every_operation else as_written(drawing.recording)),
        "nudges": nudges(drawing.recording),
        **geometry(first),
        "places": places(recording, drawing.recording),
        "depth": {"now": now, "most": most} if most else None,
        "every": every_operation(drawing),
        "memory": memory(recording, drawing.recording),
        "whys": whys(recording),
        "strange": None if strange is None else {"step": strange.step, "sentence": strange.sentence},
        "remarks": list(recording.remarks),
    }


def geometry(drawing: Drawing) -> dict[str, Any]:
    """Return where each tensor's entries stand in the picture (``grids``), and the colours of shades (``inks``, ``scales``)."""
    grids = all_grids(drawing.view, drawing.layout)
    return {
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
