"""A run as one HTML file: its numbers, its graphs, and the training player. It asks nothing of any server."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gradviz.player.frame import Static
from gradviz.player.page import document
from gradviz.player.training.graphs import graphs
from gradviz.player.training.payload import fits_for_page, run_payload, surface_payload
from gradviz.recording.files import write_file
from gradviz.training.run import Run

MOST_BYTES = 1_500_000
"""About how much the graphs in a page may take."""

MOST_GRAPHS, FEWEST_GRAPHS = 120, 8
"""Between so many steps of a run can be opened in a page, if it has so many."""


def training_page(run: Run, *, title: str | None = None) -> str:
    """Write a run as one self-contained HTML page.

    Parameters
    ----------
    run
        What was recorded.
    title
        The heading; by default the run's own.

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
        raise ValueError(
            "there is nothing to show: this run has no steps (was loss.backward() called in the with block?)"
        )
    heading = (title or run.title).encode("utf-8", "replace").decode("utf-8")
    made = graphs(run, how_many(run))
    data = {
        **run_payload(run),
        "title": heading,
        "graphs": made,
        "surface": surface_payload(run),
        "fit": fits_for_page(run),
        "live": None,
    }
    picture = run.plot().svg
    return document(data, picture, heading, run.producer, bundle="training")


def how_many(run: Run) -> int:
    """Return for how many steps a page has room for the graph."""
    few = graphs(run, 2)
    each = max(len(json.dumps(row)) for row in few["rows"].values()) if few["rows"] else 1
    return max(FEWEST_GRAPHS, min(MOST_GRAPHS, MOST_BYTES // each))


def save_page(run: Run, path: str | os.PathLike[str]) -> Path:
    """Save a run as a page."""
    return write_file(path, training_page(run))


def framed(run: Run) -> Static:
    """Put a run's page into one HTML output: see `Run.static`."""
    return Static(run.title or "Training, step by step", training_page(run), run.plot().svg)
