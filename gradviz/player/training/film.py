"""A run for slides: a picture that moves, one page for each epoch, or one image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradviz.drawing import export
from gradviz.drawing.animate import Scene, played
from gradviz.drawing.options import Theme
from gradviz.drawing.svg import size
from gradviz.player.training.graphs import SAMPLES, GraphPicture, evenly, sampled
from gradviz.recording import number_text
from gradviz.recording.files import write_file
from gradviz.training.run import Run
from gradviz.training.run.log import Entry

MOST = 60
"""Epochs of a run that are shown, evenly over it."""

SECONDS = 12.0
"""How long a film is, without its end."""

SLOWEST = 0.7
"""Seconds that an epoch is seen at most."""


@dataclass(frozen=True)
class Film:
    """A run's graph in some of its epochs, all drawn in the same place.

    Attributes
    ----------
    picture
        The graph, with room for the numbers of all of them.
    scenes
        What it shows in each.
    title
        The run's.
    """

    picture: GraphPicture
    scenes: tuple[Scene, ...]
    title: str

    def svg(self, scenes: Sequence[Scene], theme: Theme = "light") -> str:
        """Write some of its scenes as one picture: of several it moves."""
        view, layout = self.picture.view, self.picture.layout
        return played(scenes, view, layout, prefix=self.picture.prefix, theme=theme, title=self.title, panel=True)


def film(run: Run) -> Film:
    """Make a film of a run: of the structure that most of its steps have, in at most `MOST` of them.

    Raises
    ------
    ValueError
        If no step of the run can be computed again.
    """
    by_program: dict[int, list[Entry]] = {}
    for entry in run.log.entries:
        if entry.complete and entry.program is not None:
            by_program.setdefault(entry.program, []).append(entry)
    if not by_program:
        run.nearest(0)  # says why there is none
    entries = sampled(max(by_program.values(), key=len), MOST)
    recordings = [run.recording_of(entry) for entry in entries]
    picture = GraphPicture(evenly(recordings, SAMPLES))
    seconds = min(SLOWEST, SECONDS / len(entries))
    scenes = []
    for entry, recording in zip(entries, recordings, strict=True):
        when, _, what = recording.title.partition(": ")
        said = f"{when}, loss {number_text(run.log.losses[entry.index])}"
        scenes.append(Scene(picture.look(recording), said, what, seconds))
    return Film(picture, tuple(scenes), run.title)


def save_moving(run: Run, path: str | os.PathLike[str]) -> Path:
    """Save a run as an ``.svg`` that moves, or as a ``.pdf`` with a page for each epoch."""
    made = film(run)
    if os.fspath(path).lower().endswith(".svg"):
        return write_file(path, made.svg(made.scenes, "auto"))
    return write_file(path, export.pages([made.svg([scene]) for scene in made.scenes], made.title))


def save_frames(run: Run, folder: str | os.PathLike[str], scale: float) -> list[Path]:
    """Save one image for each epoch, all of one size, numbered from ``frame-000.png``."""
    made = film(run)
    Path(folder).mkdir(parents=True, exist_ok=True)
    wide, high = size(made.picture.view, made.picture.layout)
    digits = max(3, len(str(len(made.scenes) - 1)))
    return [
        write_file(
            Path(folder) / f"frame-{place:0{digits}}.png", export.png(made.svg([scene]), wide, high, scale=scale)
        )
        for place, scene in enumerate(made.scenes)
    ]
