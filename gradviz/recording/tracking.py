"""Where the axes of a tensor go when it is turned, reshaped and stretched: the letters with which the factors of a product meet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


@dataclass(eq=False, slots=True)
class Axis:
    """One axis of more than one entry, wherever it is now.

    Attributes
    ----------
    length
        How many entries it has.
    same
        The axis that it has been found to be, if any.
    """

    length: int
    same: Axis | None = None

    def first(self) -> Axis:
        """Return the axis that all that are the same have in common."""
        axis = self
        while axis.same is not None:
            axis = axis.same
        return axis


Axes = list[list[Axis]]
"""For each axis of a shape those that lie in it, the outer ones first: none for one of length 1."""


def axes_of(shape: Sequence[int]) -> Axes:
    """Return the axes of a tensor that nothing has happened to yet."""
    return [[Axis(length)] if length != 1 else [] for length in shape]


class Move(NamedTuple):
    """What an operation that only moves entries does to a shape.

    Attributes
    ----------
    name, settings
        Those of the operation.
    before, shape
        What enters, and what comes out.
    """

    name: str
    settings: tuple[tuple[str, str], ...]
    before: tuple[int, ...]
    shape: tuple[int, ...]


def after(axes: Axes, *moves: Move) -> Axes | None:
    """Follow axes through operations that only move entries; ``None`` where they are torn apart."""
    found: Axes | None = axes
    for move in moves:
        found = None if found is None else _moved(found, move)
    return found


def _moved(axes: Axes, move: Move) -> Axes | None:
    settings, shape = dict(move.settings), move.shape
    if move.name in ("permute", "T", "t", "transpose"):
        order = _order(move.name, settings, len(axes))
        moved = [axes[place] for place in order] if sorted(order) == [*range(len(axes))] else None
    elif move.name == "expand":
        # Of an axis that is stretched nothing is known but its length.
        before: Axes = [*([] for _ in range(len(shape) - len(axes))), *axes]
        moved = [
            there if there or length == 1 else [Axis(length)] for there, length in zip(before, shape, strict=False)
        ]
    else:
        moved = reshaped(axes, shape)
    return moved if moved is not None and lengths(moved) == [*shape] else None


def _order(name: str, settings: Mapping[str, str], count: int) -> list[int]:
    """Return where the axes come from that an operation changes the order of, as its settings say."""
    order = [*range(count)]
    if name in ("permute", "T"):
        return [int(place) for place in re.findall(r"\d+", settings.get("dims", ""))] or order[::-1]
    first, second = settings.get("dim0", "0"), settings.get("dim1", "1")
    if not (first.isdecimal() and second.isdecimal() and max(int(first), int(second)) < count):
        return []
    order[int(first)], order[int(second)] = int(second), int(first)
    return order


def lengths(axes: Axes) -> list[int]:
    """Return the shape that axes have."""
    return [math.prod([axis.length for axis in group]) for group in axes]


def reshaped(axes: Axes, shape: Sequence[int]) -> Axes | None:
    """Put axes into another shape, in the same order; ``None`` if one would have to be divided."""
    waiting, found = [axis for group in axes for axis in group][::-1], list[list[Axis]]()
    for length in shape:
        group, entries = list[Axis](), 1
        while entries < length and waiting:
            group.append(waiting.pop())
            entries *= group[-1].length
        if entries != length:
            return None
        found.append(group)
    return None if waiting else found


def meet(first: Sequence[Axis], second: Sequence[Axis]) -> bool:
    """Note that the axes in one place of two factors are the same; return False if they cannot be."""
    if [axis.length for axis in first] != [axis.length for axis in second]:
        return False
    for one, other in zip(first, second, strict=True):
        if one.first() is not other.first():
            other.first().same = one.first()
    return True


def lettered(*tensors: Axes) -> Iterator[str]:
    """Write the axes of some tensors, which have one each, in letters: the same for the same; a dot for one of length 1.

    Raises
    ------
    ValueError
        If two axes lie in one, or there are not enough letters.
    """
    letters: dict[Axis, str] = {}
    for axes in tensors:
        word = ""
        for group in axes:
            if len(group) > 1 or len(letters) == len(LETTERS):
                raise ValueError("an axis of which there is no letter")
            word += letters.setdefault(group[0].first(), LETTERS[len(letters)]) if group else "."
        yield word
