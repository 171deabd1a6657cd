"""What a page needs to run its computation on other numbers: the program, and where in it each number of a picture stands."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from gradviz.catalogue import text
from gradviz.drawing import Drawing
from gradviz.drawing.bars import Bars
from gradviz.drawing.view import Disc, View
from gradviz.recording.model import Recording
from gradviz.recording.program import Program, final_gradients, places_in, program_of

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
    return shown_in(recording, drawing.shown, drawing.view)


def shown_in(recording: Recording, shown: Recording, view: View) -> dict[str, Any] | None:
    """Return the same of what was made of a recording to be shown, and how it is shown."""
    program = program_of(recording, runnable())
    if not isinstance(program, Program):
        return None
    return {
        "places": places_in(program, recording, shown),
        "bars": {disc.operation.id: _bars(disc, disc.bars) for disc in view.discs if disc.bars is not None},
        "blocks": _blocks(program, recording, view),
    }


def _blocks(program: Program, recording: Recording, view: View) -> dict[str, Any]:
    """Return where the numbers stand that the cards of blocks are made of; of those whose cards say no more than these do."""
    slots = final_gradients(program, recording)
    found: dict[str, Any] = {}
    for disc in view.discs:
        card, block = disc.block, disc.operation.block
        if card is None or block is None or card.form == "step" or card.rows.bars is not None or card.told:
            continue
        weights = [(program.values.get(id), slots.get(id)) for id, _ in block.weights]
        value = program.values.get(disc.operation.outputs[-1])
        if value is None or any(None in one for one in weights):
            continue
        found[disc.operation.id] = {
            "value": value,
            "weights": weights,
            "tensors": [id for id, _ in block.weights],
            "charts": None if card.rows.charts is None else list(card.charts),
            "first": card.scales.first,
            "last": card.scales.last,
            "band": card.rows.band is not None,
            "update": card.numbers.update is not None,
        }
    return found


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
