"""A run as one HTML file: its numbers, its graphs, and the training player. It asks nothing of any server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gradviz.player.carried import Part
from gradviz.player.frame import Static
from gradviz.player.page import document, engine
from gradviz.player.training.carried import graphs
from gradviz.player.training.onward import onward_payload
from gradviz.player.training.payload import POINTS, chosen_entries, fits_for_page, run_payload, surface_payload
from gradviz.recording.files import write_file
from gradviz.training.analysis.network import network_of
from gradviz.training.run import Run
from gradviz.training.run.recordings import Recordings

MOST_FACES, MOST_OPENED, ROOM = 40, 12, 80_000
"""For so many steps of a run a page has what its graph shows, if it cannot compute that; of so many all of its backpropagation, in so many bytes."""


def training_page(run: Run, *, title: str | None = None, panels: Sequence[str] | None = None) -> str:
    """Write a run as one self-contained HTML page.

    Parameters
    ----------
    run
        What was recorded.
    title
        The heading; by default the run's own.
    panels
        What is shown at first, as in `Run.show`.

    Returns
    -------
    str
        The HTML text, to be saved as UTF-8.

    Raises
    ------
    ValueError
        If nothing was recorded.
    """
    if not run.log.entries:
        why = run.notes[-1] if run.notes else "this run has no steps (was loss.backward() called in the with block?)"
        raise ValueError(f"there is nothing to show: {why}")
    heading = (title or run.title).encode("utf-8", "replace").decode("utf-8")
    network, recordings = network_of(run), Recordings(run)
    data = {
        **run_payload(run, network, panels),
        "title": heading,
        "graphs": graphs(run, chosen_entries(run, network), recordings, most=MOST_FACES, opened=MOST_OPENED, room=ROOM),
        "surface": surface_payload(run),
        "fit": fits_for_page(run, network),
        "live": None,
    }
    data["onward"], onward = onward_payload(run, POINTS, bool(data["fit"] and data["fit"]["computed"]), recordings)
    picture = run.plot().svg
    computes = any("computed" in one for one in data["graphs"]["programs"])
    parts: list[Part] = [("engine", "", engine())] if computes or onward is not None else []
    parts += [] if onward is None else [("onward", "", onward)]
    return document(data, picture, heading, run.producer, bundle="training", parts=parts)


def save_page(run: Run, path: str | os.PathLike[str]) -> Path:
    """Save a run as a page."""
    return write_file(path, training_page(run))


def framed(run: Run, panels: Sequence[str] | None = None) -> Static:
    """Put a run's page into one HTML output: see `Run.static`."""
    return Static(run.title or "Training, step by step", training_page(run, panels=panels), run.plot().svg)
