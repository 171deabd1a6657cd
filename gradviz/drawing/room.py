"""How much room numbers are given: a little more than their digits need, so that nothing moves when they change.

Sizes stand in the text of a layout, and a text that has been laid out is not laid out again. So a slider that takes a number
from 2 to −2.25 finds the layout it had; only a number that is much longer asks for a new one.
"""

from __future__ import annotations

import re

from gradviz.drawing.text import width

ALONE = 9
"""Characters of a number on its card: a sign, four digits and what makes them small, ``−0.001235``; or an exponent, ``−1.2e−7``."""

IN_A_ROW, SHORT = 8, 4
"""Characters of a number among others. In rows of three and more, numbers that are all short are given less: ``−1.5``."""

IN_TEXT, IN_A_PILL, ON_AN_ARROW = 4, 5, 7
"""Characters of a number within an expression, of one that is written in the program, and of a local derivative, ``−0.1966``."""

_NUMBER = re.compile(r"(?<![\w.\[⁽])−?\d+(?:\.\d+)?(?:e−?\d+)?(?![\w.\]])")


def room(length: int, least: int, step: int = 2) -> int:
    """Return for how many characters there is to be room: at least so many, and then in steps.

    Examples
    --------
    >>> room(1, 8), room(8, 8), room(9, 8), room(11, 8)
    (8, 8, 10, 12)
    """
    return least + max(0, -(-(length - least) // step)) * step


def characters(longest: int, columns: int) -> int:
    """Return for how many characters each number of a tensor is given room, of the longest and how many stand in a row."""
    return room(longest, SHORT if columns > 2 and longest <= SHORT else IN_A_ROW)


def of_sum(text: str, terms: int) -> int:
    """Return for how many characters a sum of so many terms is given room: ``−2.25 − 2.25 = −4.5`` for two."""
    return room(len(text), 20 + 8 * max(0, terms - 2), 8)


def roomy(text: str, least: int = IN_TEXT) -> str:
    """Return a text in which each number that is written out has grown to where it may grow, to be measured.

    Examples
    --------
    >>> roomy("2.5·w1 + 1"), roomy("h[0]"), roomy("x = −0.125", 7)
    ('0000·w1 + 0000', 'h[0]', 'x = 0000000')
    """
    return _NUMBER.sub(lambda number: "0" * room(len(number[0]), least, 3), text)


def text_width(text: str, size: float, least: int = IN_TEXT, *, bold: bool = False) -> float:
    """Return how wide a text may become, in pixels, whatever its numbers are."""
    return max(width(roomy(text, least), size, bold=bold), width(text, size, bold=bold))
