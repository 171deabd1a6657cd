"""What is marked in a picture as wrong: where a path is cut, and the first operation that made a nan or an infinity."""

from __future__ import annotations

from gradviz.catalogue import text
from gradviz.recording.model import RecordedOperation
from gradviz.recording.strange import Strange

CUT = "cut"
"""The name of an operation that stands for a place where no gradient goes on: it says why in its attributes."""

ALARMED = "marked"
"""The attribute of an operation that is marked for something else, in a word: what."""

ALARM = ("#fdecea", "#b3261e", 2.4)
"""Fill, border and border width of what is marked."""

DARK_ALARM = "fill:#3b1512;stroke:#ff8a7a"


def notes_of(operation: RecordedOperation, strange: Strange | None) -> list[str]:
    """Return what is written below the sign of an operation that is marked; nothing for others."""
    alarmed = [value for name, value in operation.attributes if name == ALARMED]
    if alarmed:
        return alarmed
    if operation.name == CUT:
        return [value for name, value in operation.attributes if name in ("why", "where")]
    if strange is not None and strange.operation == operation.id:
        return [strange.short, text(f"mark, {strange.phase}", "why", what=strange.what)]
    return []
