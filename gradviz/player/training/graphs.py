"""The graphs of a run's steps: each structure drawn once, with room for the numbers of every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from gradviz.drawing import Drawing, draw_recording, steps
from gradviz.drawing.view import view
from gradviz.player.events import brackets, sums
from gradviz.player.facts import facts
from gradviz.player.payload import VERSION, geometry
from gradviz.recording.later import changed
from gradviz.recording.model import Graph, Recording
from gradviz.training.run import Run
from gradviz.training.run.log import Entry

SAMPLES = 12
"""Steps that are looked at to see how wide a run's numbers get."""


class GraphPicture:
    """One structure, drawn with room for the numbers of several steps.

    Parameters
    ----------
    recordings
        Some steps of the same structure.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._seen = tuple(recordings)
        frames = tuple(frame for recording in recordings for frame in recording.frames)
        graph = without_numbers(recordings[-1].graph)
        self._drawing = draw_recording(
            Recording(graph, frames, _untimed(recordings[-1].title), recordings[-1].producer)
        )

    def has_room(self, recording: Recording) -> bool:
        """Whether the numbers of another step fit into the cards."""
        needed = view(self._shown(recording), self._drawing.view.options)
        return all(new.width <= old.width for new, old in zip(needed.cards, self._drawing.view.cards, strict=True))

    def widened(self, recording: Recording) -> GraphPicture:
        """Return a picture with room for this step too."""
        return GraphPicture((*self._seen[-SAMPLES:], recording))

    @property
    def base(self) -> dict[str, Any]:
        """The part of a player's payload that all steps share: the picture, and the code."""
        drawing = self._drawing
        first = replace(drawing, step=0)
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

    def still(self, recording: Recording) -> Drawing:
        """Return the picture of one step, for where nothing moves."""
        return draw_recording(recording)

    def numbers(self, recording: Recording) -> dict[str, Any]:
        """Return the part that belongs to one step: what each moment of its backpropagation shows and says."""
        shown = self._shown(recording)
        picture = self._drawing.view
        return {
            "title": recording.title,
            "steps": steps(shown, picture),
            "sums": sums(shown, picture),
            "brackets": brackets(shown),
            "facts": facts(shown),
        }

    def _shown(self, recording: Recording) -> Recording:
        graph = without_numbers(recording.graph)
        return Drawing(replace(recording, graph=graph), options=self._drawing.options).shown


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
    if len(complete) <= most:
        return complete
    places = np.unique(np.linspace(0, len(complete) - 1, most).round().astype(int))
    return [complete[place] for place in places]


def graphs(run: Run, most: int) -> dict[str, Any]:
    """Return the graphs of at most so many steps, for a page: what all have in common once, and what differs.

    Returns
    -------
    dict
        ``programs``: for each structure ``base``, a player's payload, and ``slots``, the paths in it at which steps differ;
        ``rows``: for each step (by its index) the number of its program and what stands at the slots.
    """
    chosen = sampled(run.log.entries, most)
    by_program: dict[int, list[Entry]] = {}
    for entry in chosen:
        assert entry.program is not None
        by_program.setdefault(entry.program, []).append(entry)
    programs: list[dict[str, Any]] = []
    rows = {}
    for entries in by_program.values():
        recordings = [run.recording_of(entry) for entry in entries]
        picture = GraphPicture(recordings)
        told = [picture.numbers(recording) for recording in recordings]
        slots = list(differences(told))
        for entry, numbers in zip(entries, told, strict=True):
            rows[str(entry.index)] = [len(programs), [_at(numbers, path) for path in slots]]
        programs.append({"base": {**told[0], **picture.base}, "slots": slots})
    return {"programs": programs, "rows": rows}


def differences(trees: Sequence[Any]) -> Iterator[list[Any]]:
    """Go through the paths at which some trees of JSON data differ; below a path that is returned nothing else is."""
    waiting: list[tuple[list[Any], list[Any]]] = [([], list(trees))]
    while waiting:
        path, parts = waiting.pop()
        first = parts[0]
        if isinstance(first, dict) and all(isinstance(part, dict) and part.keys() == first.keys() for part in parts):
            waiting += [([*path, key], [part[key] for part in parts]) for key in reversed(first)]
        elif isinstance(first, list) and all(isinstance(part, list) and len(part) == len(first) for part in parts):
            waiting += [([*path, place], [part[place] for part in parts]) for place in reversed(range(len(first)))]
        elif any(part != first for part in parts):
            yield path


def _at(tree: Any, path: Sequence[Any]) -> Any:
    for step in path:
        tree = tree[step]
    return tree
