"""One structure of a run's graphs, drawn once for all of its steps: what it shows in each of them, and says when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from gradviz.drawing import Drawing, Options, face, steps
from gradviz.drawing.face import PARTS, Face
from gradviz.drawing.fold import folded_like
from gradviz.drawing.layout import Layout
from gradviz.drawing.reduce import wanted
from gradviz.drawing.stretches import modules_below
from gradviz.drawing.target import Target
from gradviz.drawing.view import View, view
from gradviz.player.events import brackets, sums
from gradviz.player.facts import facts
from gradviz.player.payload import VERSION, geometry
from gradviz.recording.later import changed
from gradviz.recording.model import Graph, Recording
from gradviz.recording.strange import first_strange
from gradviz.training.run.log import Entry

SAMPLES = 4
"""Steps that are looked at to see how wide a run's numbers get."""

PANEL = Target(760.0, 460.0, shrinks=False)
"""The graph's part of the screen, in a training player on a page of 1280×720."""

WHOLE_UP_TO, WHOLE = 16, Options(target=Target(1100.0, 700.0, shrinks=False), depth=16)
"""Operations of a graph whose modules are not folded, so that each entry of their parameters can be gone to; and how it is drawn."""


class GraphPicture:
    """One structure, drawn with room for the numbers of several steps.

    Parameters
    ----------
    recordings
        Some steps of the same structure.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._seen = tuple(recordings)
        # An operation that made a nan is marked in its own step only, so not in a picture of several.
        sound = [recording for recording in recordings if first_strange(recording) is None] or recordings
        frames = tuple(frame for recording in sound for frame in recording.frames)
        graph = without_numbers(recordings[-1].graph)
        last = recordings[-1]
        merged = Recording(graph, frames, _untimed(last.title), last.producer, updates=last.updates)
        small = len(graph.operations) <= WHOLE_UP_TO and modules_below(graph, 0)
        self._drawing = Drawing(merged, options=WHOLE if small else Options(target=PANEL))
        self._folded = any(operation.block is not None for operation in self._drawing.shown.graph.operations)

    def has_room(self, recording: Recording) -> bool:
        """Whether the numbers of another step fit into the cards."""
        needed = view(self.shown(recording), self._drawing.view.options)
        return all(new.width <= old.width for new, old in zip(needed.cards, self._drawing.view.cards, strict=True))

    def widened(self, recording: Recording) -> GraphPicture:
        """Return a picture with room for this step too."""
        return GraphPicture((*self._seen[-SAMPLES:], recording))

    @property
    def base(self) -> dict[str, Any]:
        """The part of a player's payload that all steps share: the picture, and the code."""
        drawing = self._drawing
        first = drawing.at_step(0)
        return {
            "version": VERSION,
            "prefix": first.prefix,
            "svg": first.to_svg(theme="light"),
            **geometry(first),
            "code": [{**asdict(code), "lines": list(code.lines)} for code in drawing.recording.graph.code],
            "places": [],
            "depth": None,
            "every": None,
        }

    @property
    def graph(self) -> Graph:
        """What is drawn of the graph."""
        return self._drawing.shown.graph

    @property
    def view(self) -> View:
        """How the graph is shown."""
        return self._drawing.view

    @property
    def layout(self) -> Layout:
        """Where everything is."""
        return self._drawing.layout

    @property
    def prefix(self) -> str:
        """Begins the ids of the picture."""
        return self._drawing.prefix

    def look(self, recording: Recording) -> Face:
        """Return what the picture shows at the end of a step's backpropagation."""
        shown = self.shown(recording)
        return face(shown, self._view(shown))

    def face(self, recording: Recording) -> dict[str, dict[str, Any]]:
        """Return the same as plain JSON data."""
        found = self.look(recording)
        return {part: getattr(found, part) for part in PARTS}

    def numbers(self, recording: Recording, known: Callable[[Recording], Recording] | None = None) -> dict[str, Any]:
        """Return the part that belongs to one step: what each moment of its backpropagation shows and says.

        Parameters
        ----------
        recording
            What was computed in the step.
        known
            Leaves out numbers that its reader knows otherwise.
        """
        shown = self.shown(recording)
        picture = self._view(shown)
        return {
            "title": recording.title,
            "steps": steps(shown, picture),
            "sums": sums(shown, picture),
            "brackets": brackets(shown),
            "facts": facts(shown if known is None else known(shown)),
        }

    def _view(self, shown: Recording) -> View:
        """Return what is drawn; of a block the numbers are this step's, and its place is the picture's."""
        picture = self._drawing.view
        return replace(picture, discs=view(shown, picture.options).discs) if self._folded else picture

    def shown(self, recording: Recording) -> Recording:
        """Return what of a step is drawn."""
        recording = replace(recording, graph=without_numbers(recording.graph))
        return folded_like(wanted(recording, self._drawing.options), self._drawing.shown)


def without_numbers(graph: Graph) -> Graph:
    """Leave out the numbers of local derivatives: they are another step's."""
    operations = tuple(
        replace(operation, inputs=tuple(changed(argument, local_number="") for argument in operation.inputs))
        for operation in graph.operations
    )
    return replace(graph, operations=operations)


def _untimed(title: str) -> str:
    return title.partition(": ")[2] or title


def sampled(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Return at most so many of some steps, evenly, with the first and the last; those that can be computed again."""
    complete = [entry for entry in entries if entry.complete]
    return evenly(complete, most)


def evenly(entries: Sequence[Any], most: int) -> list[Any]:
    """Return at most so many of something, evenly, with the first and the last."""
    if len(entries) <= most:
        return list(entries)
    places = np.unique(np.linspace(0, len(entries) - 1, most).round().astype(int))
    return [entries[place] for place in places]
