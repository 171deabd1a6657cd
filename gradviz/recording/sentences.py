"""What a step says beside its equation: what happens, why now, and how gradients add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradviz.engine.numerals import number
from gradviz.recording.model import Value
from gradviz.recording.words import Applied


def start(cut_off: Sequence[str]) -> str:
    """Say how things stand before anything is computed."""
    sentence = "Inputs and parameters have their values. Nothing has been computed yet."
    for name in _up_to(3, cut_off):
        sentence += f" {name} was cut off by detach(): no gradient goes back beyond it."
    return sentence


def computed(name: str, sources: Iterable[str]) -> str:
    """Say what a result was computed from."""
    return f"{name} is computed from {_listed(sources)}."


def seeded(name: str, seed: Value, *, ones: bool) -> str:
    """Say with what the backward pass starts."""
    if ones:
        return f"Backpropagation starts at the end. If {name} changes by a little, {name} changes by just as much: " + (
            "every entry of its gradient is 1." if seed.shape else "its gradient is 1."
        )
    return f"Backpropagation enters this picture at {name}, with a gradient that was given, or came from further on."


def passed_on(applied: Applied, saved: Sequence[str], *, freed: bool) -> str:
    """Say why an operation can send its gradient on: it has all of it, and what it had saved."""
    reason = f"All of {applied.results[0].name}'s gradient has arrived, so this operation can pass it on."
    names = dict(zip(applied.operation.inputs, (operand.name for operand in applied.operands), strict=True))
    kept = [names.get(one, "its own result") for one in saved if one in names or one in applied.operation.outputs]
    if kept:
        reason += f" For this it had saved {_listed(kept)}."
        reason += " It is freed now; retain_graph=True would have kept it." if freed else ""
    return reason


HELD = "   (the first was there already)"
"""Said after the sum where a leaf's ``.grad`` held an earlier gradient."""


def more_arrived(name: str, arrived: Value | None) -> str:
    """Say that a gradient came from operations that are not in the picture."""
    return f"{name} so far: more came from outside of this picture, in all {_of_a_hook(arrived)}"


def replaced(what: str, made: Value | None) -> str:
    """Say that a hook has put another gradient in the place of the one that arrived."""
    return f"a hook on {what} {_of_a_hook(made)}"


def _of_a_hook(gradient: Value | None) -> str:
    if gradient is None:
        return "nothing"
    return number(gradient.data[0]) if gradient.shape == () and gradient.data else "another gradient"


def _listed(names: Iterable[str]) -> str:
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last


def _up_to(most: int, names: Sequence[str]) -> Sequence[str]:
    """Return names to be told one by one; of many, the last is how many more there are."""
    return names if len(names) <= most else [*names[:most], f"Each of {len(names) - most} others"]
