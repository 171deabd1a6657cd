"""The clock: nodes are numbered as they are made."""

from __future__ import annotations

import sys
from operator import length_hint

_numbers = iter(range(sys.maxsize))
next_number = _numbers.__next__
"""Take the next number. (One call that no other thread can come between.)"""


def moment() -> int:
    """Return the number that the next node will have: the time at which something else happens than an operation."""
    return sys.maxsize - length_hint(_numbers)
