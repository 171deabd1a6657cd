"""Which numbers of a picture stand in which slots of a program."""

from __future__ import annotations

from typing import Any

from gradviz.recording.model import Recording
from gradviz.recording.program.model import Program

Places = list[dict[str, list[int | None]]]
"""For each step: the slots of its values, of its contributions and their local derivatives, and of its gradients; ``None`` where a number is in none."""


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
    return [
        {
            "values": [program.values.get(of, slots.get(id(value))) for of, value in frame.values],
            "contributions": [_contribution(program, slots, sent) for sent in frame.contributions],
            "locals": [of_argument.get(id(sent), program.locals.get(sent.argument)) for sent in frame.contributions],
            "gradients": [
                _sum(program, frame, gradient) if id(gradient.value) not in slots else slots[id(gradient.value)]
                for gradient in frame.gradients
            ],
        }
        for frame in shown.frames
    ]


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


def _contribution(program: Program, slots: dict[int, int], sent: Any) -> int | None:
    return slots.get(id(sent.value), program.contributions.get(sent.argument))
