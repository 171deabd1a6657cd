"""In which epoch of a run, and in which operation, the first nan or infinity was made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradviz.catalogue import text
from gradviz.recording.strange import first_strange
from gradviz.training.run.history import gradient_norm
from gradviz.training.run.log import Entry

if TYPE_CHECKING:
    from gradviz.training.run.run import Run


def strange_note(run: Run) -> str:
    """Say where the first number that is none was made; nothing if all of a run's last step is finite.

    Once there is one it does not go away again, so the last step tells whether there is anything to look for.

    Parameters
    ----------
    run
        What happened.
    """
    entries = run.log.entries
    if not entries or not _is_strange(run, entries[-1]):
        return ""
    first = next(entry for entry in entries if _is_strange(run, entry))
    where = text("strange in a run", "why", epoch=run.log.epoch_of[first.index], step=first.index)
    if not first.complete:
        return where
    strange = first_strange(run.recording_of(first))
    return where if strange is None else f"{where} {strange.sentence}"


def _is_strange(run: Run, entry: Entry) -> bool:
    norms = (gradient_norm(part) for part in entry.parameters.values())
    return not (math.isfinite(run.log.losses[entry.index]) and all(one is None or math.isfinite(one) for one in norms))
