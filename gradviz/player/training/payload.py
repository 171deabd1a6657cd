"""What the training player's front end is given: a run as columns of numbers, its graphs, and pictures of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from gradviz.drawing.charts.geometry import LOOK, Box
from gradviz.drawing.charts.relief import FINER, bands, curve
from gradviz.player.training.columns import column
from gradviz.player.training.computed import alike
from gradviz.player.training.graphs import sampled
from gradviz.player.training.steps import entries_of, entry_text, step_columns
from gradviz.training.analysis.divergence import why_it_diverged
from gradviz.training.analysis.fit import Fit, fit_of
from gradviz.training.analysis.network import Network
from gradviz.training.analysis.surface import surface, usual_pair
from gradviz.training.run import Run
from gradviz.training.run.log import Entry

VERSION = 1
"""Raised when the front end of an older gradviz could not read what this one writes."""

MOST_BYTES = 4_000_000
"""About how much a page's columns may take; of a longer run fewer steps are sent."""

FITS = 48
"""Steps for which a page has the model's predictions."""

BOX = Box(*(LOOK["surface"][side] for side in ("left", "top", "right", "bottom")))
"""Where the page draws a loss surface."""

EVALUATIONS, FEWEST, ALONG = 6_000, 13, 21
"""Operations that may be computed for the loss over two entries; and how many points its grid has along each axis, at least and at most."""

POINTS = 500
"""Examples shown beside the model's fit."""


def run_payload(
    run: Run,
    network: Network | None = None,
    panels: Sequence[str] | None = None,
    chosen: Sequence[Sequence[int]] | None = None,
) -> dict[str, Any]:
    """Return a run as plain JSON data: everything but its graphs, which are large, and pictures that need computing.

    Parameters
    ----------
    run
        What was recorded.
    network
        What it trains, if that is known.
    panels
        What is shown at first; by default what tells most.
    chosen
        By parameter, which of its entries are shown one by one; by default those of `chosen_entries`.

    Returns
    -------
    dict
        ``kind`` (``"training"``), ``version``, ``title``, ``across`` (what the steps are called), ``notes``, ``finished``,
        ``losses`` and ``epochs`` of all steps, ``parameters``, the columns of `step_columns` under ``steps`` with ``alike`` of the function of that name, ``network``, and
        ``panels``.
    """
    chosen = chosen_entries(run, network) if chosen is None else chosen
    entries, notes = thinned(run, chosen)
    return {
        "kind": "training",
        "version": VERSION,
        "title": run.title,
        "across": run.across,
        "parameters": [
            {
                "name": parameter.name,
                "shape": list(parameter.shape),
                "size": parameter.size,
                "entries": [[place, entry_text(parameter, place)] for place in places],
                "whole": parameter.size == len(places),
            }
            for parameter, places in zip(run.parameters, chosen, strict=True)
        ],
        "steps": steps_told(run, entries, None, chosen),
        **state_of(run, 0),
        "notes": [*run.notes, *notes],
        "network": None if network is None else _network(network),
        "panels": None if panels is None else list(panels),
    }


def _network(network: Network) -> dict[str, Any]:
    every = -(-len(network.x) // POINTS)
    return {
        "layers": [asdict(layer) for layer in network.layers],
        "name": network.name,
        "kind": network.kind,
        "x": column(network.x[::every]),
        "y": column(network.y[::every]),
    }


def steps_told(
    run: Run, entries: Sequence[Entry], before: Entry | None, chosen: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Return the columns of some kept steps, and which of them a page can compute the graph of."""
    return {
        **step_columns(run, entries, before, chosen),
        "alike": column(alike(run, entries, chosen), "int32"),
    }


def state_of(run: Run, start: int) -> dict[str, Any]:
    """Return what is cheap to tell of a run: the losses from a step on, and the notes."""
    log = run.log
    return {
        "losses": column(log.losses[start:], "float64"),
        "lines": {name: column(steps[steps >= start], "int32") for name, (steps, _) in run.losses_by_name.items()},
        "epochs": column(log.epoch_of[start:], "int32"),
        "notes": list(run.notes),
        "finished": run.finished,
        "total": log.epochs,
    }


def chosen_entries(run: Run, network: Network | None = None) -> list[tuple[int, ...]]:
    """Return, by parameter, the entries that are shown one by one: all of those whose neurons are drawn."""
    whole = {number for layer in (network.layers if network else ()) for number in (layer.weight, layer.bias)}
    return [entries_of(run, number, number in whole) for number in range(len(run.parameters))]


def thinned(run: Run, chosen: Sequence[Sequence[int]]) -> tuple[list[Entry], list[str]]:
    """Return the kept steps that a page has room for, and what is to be said of it."""
    entries = run.log.entries
    each = 200 + sum(24 * len(places) + 80 for places in chosen)
    most = max(MOST_BYTES // each, 50)
    if len(entries) <= most:
        return entries, []
    # A power of two, so that those that were shown stay while there come more.
    stride = 1 << (-(-len(entries) // most) - 1).bit_length()
    kept = [*entries[:-1:stride], entries[-1]]
    return kept, [
        f"shown here: {len(kept):,} of the {len(entries):,} steps that were kept; the loss curve has all of them"
    ]


# --- pictures that are computed ---------------------------------------------------------------------------------------


def surface_payload(run: Run, first: str | None = None, second: str | None = None) -> dict[str, Any] | None:
    """Return the loss over one or two entries of the parameters; by default the ones that tell most.

    Returns
    -------
    dict or None
        ``names``, from where to where the axes go (``x``, ``y``; ``loss`` over one entry), ``ground``: the bands, or the curve,
        as paths in the box that ``look.json`` gives the page, ``sentence``, and ``why`` the run leaves it. ``None`` where there is nothing to choose from.
    """
    if first is None:
        pair = usual_pair(run)
        if pair is None:
            return None
        first, second = pair
    size = None if second is None else _size(run)
    made = surface(run, first, second, size=size).finer(FINER if size is None else 2 * FINER)
    x, y = made.scales(BOX)
    if second is None:
        ground: list[dict[str, Any]] = [{"d": curve(made, x, y), "loss": None}]
    else:
        ground = [{"d": d, "loss": level} for level, d in bands(made, x, y)]
    return {
        "names": list(made.names),
        "x": [float(made.x[0]), float(made.x[-1])],
        "y": None if second is None else [float(made.y[0]), float(made.y[-1])],
        "loss": list(made.extent),
        "ground": ground,
        "sentence": made.sentence,
        "why": why_it_diverged(run),
    }


def _size(run: Run) -> int:
    """Return how many points the loss over two entries is computed at, along each axis: the same each time, however fast it goes."""
    program = run.log.programs[run.nearest(len(run) - 1).program or 0]
    return int(np.clip(np.sqrt(EVALUATIONS / len(program.instructions)), FEWEST, ALONG))


def fits_payload(run: Run, entries: Sequence[Entry], network: Network | None = None) -> dict[str, Any] | None:
    """Return the data and what the model makes of it in some steps; ``None`` if its inputs cannot be drawn.

    What a `network` of one input or two predicts the page computes itself, from the parameters of each step.
    """
    fit = fit_of(run)
    if fit is None:
        return None
    if network is not None and network.layers[0].inputs == (2 if fit.classes else 1):
        return {**_data(fit), "rows": {}, "computed": True}
    kind = "uint8" if fit.classes else "float32"
    rows = {}
    for entry in entries:
        values = fit.values(entry)
        if values is not None:
            if fit.classes:  # an image has no more shades; 255 is no number
                values = np.where(np.isfinite(values), (values * (254 if fit.classes == 2 else 1)).round(), 255)
            rows[str(entry.index)] = column(values, kind)
    return {**_data(fit), "rows": rows, "computed": False}


def _data(fit: Fit) -> dict[str, Any]:
    step = -(-len(fit.x) // POINTS)
    return {
        "kind": fit.kind,
        "classes": fit.classes,
        "levels": list(fit.levels),
        "x": column(np.asarray(fit.x)[::step]),
        "y": column(np.asarray(fit.y)[::step]),
        "grid": column(fit.grid),
        "names": list(fit.names),
        "sentence": fit.sentence,
    }


def fits_for_page(run: Run, network: Network | None) -> dict[str, Any] | None:
    """Return the model's fit in as many steps as a page has room for."""
    return fits_payload(run, sampled(run.log.entries, FITS), network)
