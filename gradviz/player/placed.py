"""Drawings that are laid out together: modules that look alike have one picture, and differ in words and numbers only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from gradviz.drawing import Drawing
from gradviz.drawing.face import Face, show
from gradviz.drawing.fit import arranged
from gradviz.drawing.layout import Layout
from gradviz.drawing.svg import svg
from gradviz.drawing.view import Card, Disc, View
from gradviz.recording.model import Moment

_TEXT = re.compile(r'((?<=>)[^<>]+(?=</text>)|(?<= aria-label=")[^"]*|(?<= class="gv-tint)\d*" fill="[^"]*)')
"""What may differ in pictures that are alike: words, and how strong a tint is."""


@dataclass(frozen=True)
class Placed(Drawing):
    """A drawing that may be laid out as another one.

    Attributes
    ----------
    pattern
        One of those that look alike: everything goes where it is in that one.
    """

    pattern: Placed | None = None

    def with_room(self, room: View, pattern: Placed | None) -> Placed:
        """Return the same drawing with room for the numbers of others that look alike."""
        made = replace(self, pattern=pattern)
        own = self._picture
        if pattern is not None:
            own = replace(own, view=room)
        elif room != own.view:
            own = arranged(own.shown, room, room.direction)
        vars(made).update(photos=self.photos, _picture=own)
        return made

    @cached_property
    def turned(self) -> Placed:
        """The same picture with its data flowing the other way."""
        if self.pattern is None:
            other = super().turned
            assert isinstance(other, Placed)
            return other
        direction = self.pattern.turned.view.direction
        other = replace(self, pattern=self.pattern.turned, options=replace(self.options, direction=direction))
        turned = replace(self._picture, view=replace(self.view, direction=direction))
        vars(other).update(photos=self.photos, _picture=turned)
        return other

    @cached_property
    def ids(self) -> dict[str, str]:
        """What its tensors and operations are called in the common picture, by their ids: ``t0``, ``o0`` and so on."""
        found = {card.tensor.id: f"t{place}" for place, card in enumerate(self.view.cards)}
        return found | {disc.operation.id: f"o{place}" for place, disc in enumerate(self.view.discs)}

    @cached_property
    def layout(self) -> Layout:
        """Where everything goes."""
        if self.pattern is None:
            return super().layout
        own = {name: id for id, name in self.ids.items()}
        placed, names = self.pattern.layout, {id: own[name] for id, name in self.pattern.ids.items()}
        changed: dict[str, Any] = {
            field.name: {renamed(key, names): where for key, where in part.items()}
            for field in fields(placed)
            if isinstance(part := getattr(placed, field.name), dict)
        }
        return replace(placed, **changed)

    @cached_property
    def blank(self) -> str:
        """The picture before anything is known, with the ids of the common one."""
        nothing, view = Face(), self.view
        show(nothing, view, Moment(-1, None, {}, {}, {}, set()), view.cards, view.discs, view.arrows)
        picture = svg(view, self.layout, nothing, prefix="gvinside", theme="light", title=self.recording.title)
        return re.sub(r'(?<= id="gvinside_)\w+', lambda found: renamed(found[0], self.ids), picture)

    @cached_property
    def _pieces(self) -> list[str]:
        """What is between the words of the blank picture, and the words, in turn."""
        return _TEXT.split(self.blank)

    @property
    def skeleton(self) -> str:
        """The blank picture without its words."""
        return "".join(self._pieces[::2])

    @property
    def words(self) -> list[str]:
        """The words of the blank picture, in its order."""
        return self._pieces[1::2]


def renamed(key: str, names: Mapping[str, str]) -> str:
    """Return the key of a part of a picture with other ids: ``o3_0_l`` is ``o0_0_l``."""
    return "_".join(names.get(part, part) for part in key.split("_"))


def with_common_room(drawings: Iterable[Placed]) -> list[Placed]:
    """Return drawings of which those that look alike have room for each other's numbers, so that they have one layout."""
    drawings = list(drawings)
    alike: dict[object, list[int]] = {}
    for place, drawing in enumerate(drawings):
        alike.setdefault(_look(drawing.view), []).append(place)
    for places in alike.values():
        views = [drawings[place].view for place in places]
        for place, room in zip(places, _common(views), strict=True):
            drawings[place] = drawings[place].with_room(room, None if place == places[0] else drawings[places[0]])
    return drawings


def _look(view: View) -> object:
    """Return everything that has to be the same in views with one picture: all but words, numbers and how wide they are."""
    names = {card.tensor.id: place for place, card in enumerate(view.cards)}
    names |= {disc.operation.id: -place for place, disc in enumerate(view.discs, start=1)}
    cards = tuple(
        (card.tensor.role, card.form, card.height, card.has_value, card.has_gradient, len(card.meets), bool(card.name), card.shape, replace(card.body, cell_width=0.0))
        for card in view.cards
    )  # fmt: skip
    discs = tuple(
        (
            disc.symbol,
            disc.height,
            disc.round,
            len(disc.notes),
            disc.bars,
            disc.block and (disc.block.form, disc.block.height, disc.block.skip),
        )
        for disc in view.discs
    )
    arrows = tuple((names[arrow.tail], names[arrow.head], arrow.carries_gradient) for arrow in view.arrows)
    clusters = tuple((cluster.label, tuple(names[member] for member in cluster.members)) for cluster in view.clusters)
    return view.direction, cards, discs, arrows, clusters


def _common(views: Sequence[View]) -> list[View]:
    cards = [_widest_cards(alike) for alike in zip(*(view.cards for view in views), strict=True)]
    discs = [_widest_discs(alike) for alike in zip(*(view.discs for view in views), strict=True)]
    labels = [max(arrow.label_width for arrow in alike) for alike in zip(*(view.arrows for view in views), strict=True)]
    return [
        replace(
            view,
            cards=tuple(cards_of[place] for cards_of in cards),
            discs=tuple(discs_of[place] for discs_of in discs),
            arrows=tuple(replace(a, label_width=wide) for a, wide in zip(view.arrows, labels, strict=True)),
        )
        for place, view in enumerate(views)
    ]


def _widest_cards(alike: Sequence[Card]) -> list[Card]:
    wide, cell = max(card.width for card in alike), max(card.body.cell_width for card in alike)
    return [replace(card, width=wide, body=replace(card.body, cell_width=cell)) for card in alike]


def _widest_discs(alike: Sequence[Disc]) -> list[Disc]:
    wide = max(disc.width for disc in alike)
    blocks = [disc.block for disc in alike if disc.block is not None]
    if len(blocks) < len(alike):
        return [replace(disc, width=wide) for disc in alike]
    # Its charts are as wide as there is room for them.
    widest = max(blocks, key=lambda block: block.width)
    return [
        replace(disc, width=wide, block=replace(block, width=widest.width, charts=widest.charts))
        for disc, block in zip(alike, blocks, strict=True)
    ]
