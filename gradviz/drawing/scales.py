"""Which numbers share a scale of colours: a role has one, so that small gradients are seen beside large values.

A scale is its largest number, and only those are there that something is drawn by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from gradviz.drawing.palette import largest
from gradviz.recording.model import RecordedTensor, Value

Role = Literal["values", "weights", "gradients", "saliency"]
Scales = Mapping[Role, float]

ROLES: tuple[Role, ...] = ("values", "weights", "gradients", "saliency")
"""In the order of their legends. Saliency is the size of the gradient of an image."""


def role_of(tensor: RecordedTensor, part: str, *, photo: bool = False) -> Role:
    """Return the role of a tensor's values ("v") or its gradient ("g")."""
    if part == "g":
        return "saliency" if photo else "gradients"
    return "weights" if tensor.role == "parameter" else "values"


def scales_of(shown: Iterable[tuple[Role, Iterable[Value]]], *, one: bool) -> Scales:
    """Return the scales of everything that is shown in colours: each role's own, or `one` for all."""
    tops: dict[Role, float] = {}
    for role, values in shown:
        tops[role] = max(tops.get(role, 0.0), largest(values))
    if one:
        tops = dict.fromkeys(tops, max(tops.values(), default=0.0))
    return {role: tops[role] or 1.0 for role in ROLES if role in tops}


def shared(several: Iterable[Scales]) -> Scales:
    """Return the scales that fit several pictures."""
    tops: dict[Role, float] = {}
    for scales in several:
        for role, top in scales.items():
            tops[role] = max(tops.get(role, 0.0), top)
    return tops
