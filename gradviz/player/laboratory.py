"""What a page needs to run its computation on other numbers: the program, and where in it each number of a picture stands."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from gradviz.catalogue import text
from gradviz.drawing import Drawing
from gradviz.drawing.bars import Bars
from gradviz.drawing.view import Disc
from gradviz.recording.model import Recording
from gradviz.recording.program import Program, places_in, program_of

_LIST = Path(__file__).parent / "static" / "engine.json"

SLOTS = {"softmax": "result", "log_softmax": "result"}
"""Of which argument the bars of an operation tell, if not of its first."""


@cache
def runnable() -> frozenset[str]:
    """Return the names of the operations that the page's engine has."""
    return frozenset(json.loads(_LIST.read_text(encoding="utf-8")))


def program_data(recording: Recording) -> dict[str, Any]:
    """Return a recorded computation as a program, as plain JSON data; or ``missing``, in a sentence what a page lacks to run it."""
    program = program_of(recording, runnable())
    if isinstance(program, Program):
        return program.encoded()
    key = "large, all" if program.kind == "large" and not program.names else program.kind
    return {"missing": text(key, "laboratory", names=", ".join(program.names))}


def shown_data(recording: Recording, drawing: Drawing) -> dict[str, Any] | None:
    """Return where the numbers of a picture stand in the program of the recording that it was drawn from.

    Parameters
    ----------
    recording
        All that was computed.
    drawing
        Of that, or of a part of it.

    Returns
    -------
    dict or None
        ``places`` for each step, and ``bars`` by operation; ``None`` if there is no program.
    """
    program = program_of(recording, runnable())
    if not isinstance(program, Program):
        return None
    return {
        "places": places_in(program, recording, drawing.shown),
        "bars": {disc.operation.id: _bars(disc, disc.bars) for disc in drawing.view.discs if disc.bars is not None},
    }


def _bars(disc: Disc, bars: Bars) -> dict[str, Any]:
    operation = disc.operation
    by_slot = {argument.slot: argument.tensor for argument in operation.inputs}
    attributes = dict(operation.attributes)
    return {
        "rule": operation.name,
        "tops": [bars.top(line) for line in range(len(bars.labels))],
        "scale": bars.scale,
        "spread": bars.spread,
        "signed": bars.signed,
        "targets": len(bars.captions) > 1,
        "probabilities": bars.captions[0] == "p",
        "labels": [[int(place) for place in label.split(",")] if label else [] for label in bars.labels],
        "prediction": operation.outputs[0] if operation.name in SLOTS else operation.inputs[0].tensor,
        "target": by_slot.get("target", ""),
        "ignore": int(attributes.get("ignore_index", "-100").replace("−", "-")),
    }
