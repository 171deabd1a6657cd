"""How the axes of a product meet: which letter each of them has, and whether it is a product of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradviz.recording.tracking import Axes, Move, after, axes_of, lengths, lettered, meet, reshaped

Way = tuple[tuple[int, ...], tuple[int, ...], tuple[Move, ...]]
"""How a factor comes to its product: the shape of its tensor, that of the view of it which is used, and what helpers do to it."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the axes of a product meet.

    Attributes
    ----------
    left, right, result, added
        Their letters.
    helpers
        How many helpers of each factor, and of the result, belong to it.
    turned
        Which factors are turned; ``None`` if it is no product of matrices.
    """

    left: str
    right: str
    result: str
    added: str
    helpers: tuple[int, int, int]
    turned: tuple[bool, bool] | None


def is_turn(move: Move) -> bool:
    """Return True for what exchanges the last two axes, as a person may write within a product."""
    before = axes_of(move.before)
    return after(before, move) == [*before[:-2], *before[:-3:-1]]


def form_of(
    left: Way,
    right: Way,
    added: tuple[int, ...] | None,
    made: tuple[int, ...],
    following: tuple[Move, ...],
    summed: bool,
) -> Form | None:
    """Find out how the axes of a product meet; ``None`` if not every axis of its tensors has one letter."""
    (own, here, before), (other, there, beside) = _entered(*left), _entered(*right)
    product = _multiplied(here, there)
    stretched = [] if product is None or added is None else _stretched_to(product, added)
    if product is None or stretched is None:
        return None
    for count in (len(following), 0):  # or what entered has lost its shape outside of the graph
        axes = after(product, *following[:count])
        if axes is None or lengths(axes) != [*(following[count - 1].shape if count else made)]:
            continue
        try:
            first, second, result, plus = lettered(own, other, axes, stretched)
        except ValueError:
            continue
        turned = turns(first, second, result)
        if turned is not None or summed:
            return Form(first, second, result, plus, (before, beside, count), turned)
    return None


def _entered(shape: tuple[int, ...], seen: tuple[int, ...], moves: tuple[Move, ...]) -> tuple[Axes, Axes, int]:
    """Go back through the helpers of a factor as far as its axes stay whole.

    Returns
    -------
    tuple
        The axes of its tensor, those that the product sees, and through how many helpers that was.
    """
    own = axes_of(shape)
    found = own, reshaped(own, seen) or axes_of(seen), 0
    for count in range(1, len(moves) + 1):
        own = axes_of(moves[-count].before)
        here = after(own, *moves[-count:])
        if here is None:
            break
        found = own, here, count
    return found


def _multiplied(left: Axes, right: Axes) -> Axes | None:
    """Return the axes of a product of matrices, of batches of them, or with a vector; ``None`` if they do not meet."""
    batch = len(left) - 2
    if batch < 0 or not right:
        return None
    if len(right) == 1:
        return left[:-1] if meet(left[-1], right[0]) else None
    fits = all(map(meet, left[:batch], right[:batch])) and meet(left[-1], right[-2])
    return [*left[:-1], right[-1]] if fits else None


def _stretched_to(made: Axes, shape: Sequence[int]) -> Axes | None:
    """Return the axes of what is added to a product; ``None`` if it does not fit."""
    aligned = made[max(len(made) - len(shape), 0) :]
    stretched = [[] if length == 1 else axis for length, axis in zip(shape, aligned, strict=False)]
    return stretched if lengths(stretched) == [*shape] else None


def turns(left: str, right: str, result: str) -> tuple[bool, bool] | None:
    """Return which factors of a product of matrices are turned, by the letters of their axes; ``None`` if it is none.

    Examples
    --------
    >>> turns("ij", "kj", "ik"), turns("abij", "abkj", "abik"), turns("ij", "ij", "i")
    ((False, True), (False, True), None)
    """
    for first in (False, True) if len(left) > 1 else (False,):
        for second in (False, True) if len(right) > 1 else (False,):
            if _are_matrices(_turned(left, first), _turned(right, second), result):
                return first, second
    return None


def _turned(letters: str, turned: bool) -> str:
    return letters[:-2] + letters[:-3:-1] if turned else letters


def _are_matrices(left: str, right: str, result: str) -> bool:
    batches, rows = (left[:-2], left[-2]) if len(left) > 1 else ("", "")
    others, inner, columns = (right[:-2], right[-2], right[-1]) if len(right) > 1 else ("", right, "")
    lead = result[: len(result) - len(rows + columns)]
    if left[-1] != inner or result != lead + rows + columns:
        return False
    return all(
        len(batch) <= len(lead)
        and all(one in (other, ".") for one, other in zip(batch[::-1], lead[::-1], strict=False))
        for batch in (batches, others)
    )
