"""Which numbers of a picture stand in which slots of a program."""

from __future__ import annotations

from typing import Any

from gradviz.recording.model import Recording
from gradviz.recording.program.model import Program

Place = int | list[int] | None
"""The slot of a number; several, where it is their sum; ``None`` where it is in none."""

Places = list[dict[str, list[Place]]]
"""For each step: the places of its values, of its contributions and their local derivatives, and of its gradients."""


def places_in(program: Program, recording: Recording, shown: Recording) -> Places:
    """Find where the numbers of what is shown stand in a program.

    Parameters
    ----------
    program
        That of the recording.
    recording
        As it was made.
    shown
        What was folded from it, or cut out of it: a number is known by itself, whatever it is called there.
    """
    slots: dict[int, int] = {}
    of_argument: dict[int, int] = {}
    for frame in recording.frames:
        slots.update((id(value), program.values[of]) for of, value in frame.values if of in program.values)
        for sent in frame.contributions:
            if sent.argument in program.contributions:
                slots[id(sent.value)] = program.contributions[sent.argument]
                if sent.argument in program.locals:
                    of_argument[id(sent)] = program.locals[sent.argument]
        for gradient in frame.gradients:
            slot = _sum(program, frame, gradient)
            if slot is not None:
                slots[id(gradient.value)] = slot
    sums = _sums(program, recording, shown)
    return [
        {
            "values": [program.values.get(of, slots.get(id(value))) for of, value in frame.values],
            "contributions": [
                sums.get((k, sent.argument), _contribution(program, slots, sent)) for sent in frame.contributions
            ],
            "locals": [of_argument.get(id(sent), program.locals.get(sent.argument)) for sent in frame.contributions],
            "gradients": [
                _sum(program, frame, gradient) if id(gradient.value) not in slots else slots[id(gradient.value)]
                for gradient in frame.gradients
            ],
        }
        for k, frame in enumerate(shown.frames)
    ]


def _sums(program: Program, recording: Recording, shown: Recording) -> dict[tuple[int, str], Place]:
    """Return what a fold has sent so far along an edge of its own, by step and edge: the sum of what is sent along several inside of it."""
    inside = {operation.id: operation for operation in recording.graph.operations}
    owner: dict[str, str] = {}  # by operation: the fold it is in
    edges: dict[str, str] = {}  # by edge: that of the fold
    for fold in shown.graph.operations:
        if fold.block is None or not inside.keys() >= set(fold.block.inside):
            continue
        entering = {argument.tensor: argument.id for argument in fold.inputs}
        for id in fold.block.inside:
            owner[id] = fold.id
            edges |= {edge.id: entering[edge.tensor] for edge in inside[id].inputs if edge.tensor in entering}
    found: dict[tuple[int, str], list[int]] = {}
    so_far: dict[str, list[int]] = {}
    k, before = -1, ("", "")
    for frame in recording.frames if owner else ():
        now = owner.get(frame.current, ""), frame.phase
        if not now[0] or now != before:  # the steps inside of a fold that follow one another are one
            k, before = k + 1, now
        for sent in frame.contributions:
            edge, slot = edges.get(sent.argument), program.contributions.get(sent.argument)
            if edge is not None and slot is not None:
                so_far.setdefault(edge, []).append(slot)
                found[k, edge] = list(so_far[edge])
    if k + 1 < len(shown.frames):
        return {}
    return {at: several if len(several) > 1 else several[0] for at, several in found.items()}


def final_gradients(program: Program, recording: Recording) -> dict[str, int]:
    """Return the slots of the gradients that the tensors of a program's recording have in the end, by their ids."""
    found: dict[str, int] = {}
    for frame in recording.frames:
        for gradient in frame.gradients:
            slot = _sum(program, frame, gradient)
            if slot is not None:
                found[gradient.tensor] = slot
    return found


def _sum(program: Program, frame: Any, gradient: Any) -> int | None:
    known = program.sums.get(f"{frame.current}:{gradient.tensor}")
    return program.sums.get(f":{gradient.tensor}") if known is None and frame.current == gradient.tensor else known


def _contribution(program: Program, slots: dict[int, int], sent: Any) -> Place:
    return slots.get(id(sent.value), program.contributions.get(sent.argument))
