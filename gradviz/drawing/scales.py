"""Which numbers share a scale of colours: a role has one, so that small gradients are seen beside large values.

A scale is its largest number, and only those are there that something is drawn by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from gradviz.drawing.palette import largest
from gradviz.recording.model import RecordedTensor, Value

if TYPE_CHECKING:
    from gradviz.drawing.view import Card

Role = Literal["values", "weights", "gradients", "saliency"]
Scales = Mapping[Role, float]

ROLES: tuple[Role, ...] = ("values", "weights", "gradients", "saliency")
"""In the order of their legends. Saliency is the size of the gradient of an image."""


def role_of(tensor: RecordedTensor, part: str, *, photo: bool = False) -> Role:
    """Return the role of a tensor's values ("v") or its gradient ("g")."""
    if part == "g":
        return "saliency" if photo else "gradients"
    return "weights" if tensor.role == "parameter" else "values"


def in_colours(
    cards: Iterable[Card], values: Mapping[str, list[Value]], gradients: Mapping[str, list[Value]]
) -> Iterator[tuple[Role, list[Value]]]:
    """What is shown in colours, by roles; what is shown in numbers has no part in a scale, nor have an image's own colours."""
    for card in cards:
        photo = card.body.raster == "photo"
        if card.body.coloured and card.has_value and not photo:
            yield role_of(card.tensor, "v"), values.get(card.tensor.id, [])
        if card.body.coloured and card.has_gradient and (known := gradients.get(card.tensor.id)):
            yield role_of(card.tensor, "g", photo=photo), known


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
