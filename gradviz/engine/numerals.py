"""Numbers as a learner reads them, and arithmetic that is right as it is printed.

One rule for every number of gradviz, in pictures, equations and panels (the front end has the same in ``number.js``): a number
is written as the shortest text that reads back as that number in its own dtype, if this is short; else rounded to four
digits. Where an equation then would not be right as printed it gets more digits, up to seven; where these do not do either,
or a larger array would get them, which nobody could read, ``≈`` stands for ``=``. What is smaller than the rounding error of what it was computed from is a zero with dust on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

DIGITS = 4
"""Significant digits of a number that has no short exact text."""

MOST_DIGITS = 7
"""Digits that the numbers of an equation may get, for the equation to be right as it is printed."""

FEW = 4
"""So many numbers in an operand may get more digits than others have; in a larger array they could not be read."""

# Bits of the significand, and the exponent of the smallest normal number.
_PRECISIONS = {"float16": (11, -14), "bfloat16": (8, -126), "float32": (24, -126), "float64": (53, -1022)}

_OF_NUMPY = {"float16": np.float16, "float32": np.float32}
"""Those of which NumPy knows the shortest text itself."""

_TO_WHOLE = 1.5 * 2.0**52
"""Added to a number and taken off again, it rounds to a whole number, halves to even."""

NEARLY_ZERO = "≈ 0"
"""What stands for a number that is nothing but rounding error."""


def nearest(value: float, dtype: str) -> float:
    """Round to the nearest number of a dtype; a dtype that is not of floating point holds all.

    Examples
    --------
    >>> nearest(0.1, "float32"), nearest(0.1, "bfloat16")
    (0.10000000149011612, 0.10009765625)
    """
    value = float(value)  # NumPy's own would compute in their own precision
    bits, least = _PRECISIONS.get(dtype, (53, -1022))
    if bits == 53 or not value or not math.isfinite(value):
        return value
    unit = 2.0 ** (max(math.frexp(value)[1] - 1, least) - bits + 1)
    return (value / unit + _TO_WHOLE - _TO_WHOLE) * unit


def epsilon(dtype: str) -> float:
    """Return the distance from 1 to the next number of a dtype; 0 where numbers are whole."""
    return 2.0 ** (1 - _PRECISIONS[dtype][0]) if dtype in _PRECISIONS else 0.0


def number(value: object, digits: int = DIGITS, dtype: str = "float64") -> str:
    """Write a number as a learner would: exactly where that is short, else with few digits; with a real minus sign.

    Parameters
    ----------
    value
        Python's or NumPy's; what is no number is written by ``str``.
    digits
        How many significant digits it gets where its shortest exact text has more than two characters more than this, a minus
        sign not counted; digits before the decimal point are kept up to five.
    dtype
        In which the text has to read back as the same number. A number of NumPy's brings its own.

    Examples
    --------
    >>> number(30.25), number(-0.012345), number(1e-7), number(123456.0), number(1 / 3)
    ('30.25', '−0.01235', '1e−7', '123456', '0.3333')
    >>> number(0.10009765625), number(0.10009765625, dtype="bfloat16")
    ('0.1001', '0.1')
    """
    if isinstance(value, np.generic):
        dtype, value = _name(value.dtype), value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    return ("−" if value < 0 else "") + _of_size(abs(value), digits, dtype) if value else "0"


@cache
def _name(dtype: np.dtype[Any]) -> str:
    """Name a dtype; NumPy works its names out anew each time."""
    return dtype.name


def _of_size(size: float, digits: int, dtype: str) -> str:
    most = digits + 2
    size = _shortest(size, dtype)
    # Within 15 digits no two texts read as one float64, so that the longest, without its zeros, is the shortest.
    text, exponent = _scientific(size, min(most, MOST_DIGITS))
    plain, power = _plain(text, exponent), _power(text, exponent)
    if float(power.replace("−", "-")) == size and min(len(plain), len(power)) <= most:
        return plain if -5 < exponent < most else power
    kept = max(digits, len(str(int(size)))) if size < 10**5 else digits
    text, exponent = _scientific(size, kept)
    return _plain(text, exponent) if -5 < exponent < kept else _power(text, exponent)


def _shortest(size: float, dtype: str) -> float:
    """Return the number with the fewest digits that is the same in a dtype: 0.1 for what a float32 holds of it."""
    if _PRECISIONS.get(dtype, (53,))[0] == 53:
        return size
    if dtype in _OF_NUMPY:
        with np.errstate(over="ignore"):
            found = float(str(_OF_NUMPY[dtype](size)))
        return found if found and math.isfinite(found) else size  # else it is none of the dtype's
    whole = nearest(size, dtype)
    written = (float(f"{size:.{digits}e}") for digits in range(9))
    return next((one for one in written if nearest(one, dtype) == whole), size)


def _scientific(size: float, digits: int) -> tuple[str, int]:
    """Return a number's first digits, rounded and without zeros at their end; and its exponent."""
    if not isinstance(size, float):
        from decimal import Decimal  # whole numbers are rarely as long

        size = Decimal(size)
    mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
    return mantissa.replace(".", "").rstrip("0"), int(exponent)


def _plain(digits: str, exponent: int) -> str:
    if exponent < 0:
        return f"0.{'0' * (-exponent - 1)}{digits}"
    whole, rest = digits[: exponent + 1], digits[exponent + 1 :]
    return whole.ljust(exponent + 1, "0") + (f".{rest}" if rest else "")


def _power(digits: str, exponent: int) -> str:
    return f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{exponent}".replace("-", "−")


def read(text: str) -> float:
    """Return the number that a text of `number` says."""
    named = {"∞": math.inf, "−∞": -math.inf, "True": 1.0, "False": 0.0, NEARLY_ZERO: 0.0}
    return named[text] if text in named else float(text.replace("−", "-"))


# --- arithmetic ------------------------------------------------------------------------------------------------------

Texts = str | tuple[str, ...]
"""A number's text, or those of an array's entries, row by row."""


class Shown(NamedTuple):
    """An equation's numbers as they are to be printed.

    Attributes
    ----------
    operands, result
        The texts; of an array a tuple of them, row by row.
    relation
        ``"="`` if the result is what the printed operands give: exactly where seven digits are enough for that; else rounded to
        the result's four, with as many digits of the operands as that takes. ``"≈"`` where seven are not enough.
    digits
        With how many the result is written.
    dust
        Which of the result's entries are rounding error and nothing else.
    """

    operands: tuple[Texts, ...]
    result: Texts
    relation: str
    digits: int
    dust: tuple[int, ...] = ()


def shown(operands: Sequence[Any], result: Any, compute: Callable[..., Any], dtype: str = "float64") -> Shown:
    """Write the numbers of an equation so that it is right as printed, or says that it is not.

    Parameters
    ----------
    operands, result
        Numbers or arrays.
    compute
        Gives the result, from operands such as these.
    dtype
        In which the result was computed.

    Examples
    --------
    >>> shown([5.5, 5.5], 30.25, lambda a, b: a * b)
    Shown(operands=('5.5', '5.5'), result='30.25', relation='=', digits=4, dust=())
    >>> shown([162.75, 5.3125], 168.0625, lambda a, b: a + b)[1:4]
    ('168.0625', '=', 6)
    >>> shown([3, 1 / 3], 1.0, lambda a, b: a * b)[1:3]
    ('1', '≈')
    >>> shown([0.1, 0.2, -0.3], 5.551115123125783e-17, lambda a, b, c: a + b + c)[1:3]
    ('0', '≈')
    """
    dusty = dust(operands, result, compute, dtype)
    there = _texts(result, DIGITS, dtype, dusty)
    ways = range(DIGITS, MOST_DIGITS + 1)
    printed = [tuple(_texts(operand, digits, dtype) for operand in operands) for digits in ways]
    if not dusty:
        for digits, texts in zip(ways, printed, strict=True):  # all of them exactly, if that can be had
            exact = _texts(result, digits, dtype)
            if all(map(_reads_back, (*texts, exact), (*operands, result), repeat(dtype))):
                if _is_right(_worked_out(compute, texts, operands), exact):
                    return Shown(texts, exact, "=", digits)
                break
        rounds = not _reads_back(there, result, dtype)  # else it says that it is exact
        few = all(np.size(operand) <= FEW for operand in operands)
        for texts in printed if few else printed[:1]:  # or the operands so exactly that they give it
            if _is_right(_worked_out(compute, texts, operands), there, rounds=rounds):
                return Shown(texts, there, "=", DIGITS)
    return Shown(printed[0], there, "≈", DIGITS, dusty)


def _worked_out(compute: Callable[..., Any], texts: Sequence[Texts], operands: Sequence[Any]) -> Any:
    with np.errstate(all="ignore"):
        return compute(*map(_read, texts, operands))


def _is_right(given: Any, printed: Texts, *, rounds: bool = False) -> bool:
    """Return True if what was worked out is what is printed, but for float64's own rounding; or is so when it is rounded."""
    pairs = (
        [(float(given), printed)] if isinstance(printed, str) else zip(np.ravel(given).tolist(), printed, strict=True)
    )
    return all(
        _one(one, there := read(text)) or abs(one - there) <= 1e-12 * abs(there) or (rounds and number(one) == text)
        for one, text in pairs
    )


def is_exact(numbers: Any, digits: int, dtype: str) -> bool:
    """Return True if a number, or all of an array, are written exactly with so many digits."""
    most = min(digits + 2, MOST_DIGITS)
    if any(len(str(one).partition("e")[0].replace(".", "").strip("-0")) > most for one in np.ravel(numbers)):
        return False  # which is seen at a glance
    return _reads_back(_texts(numbers, digits, dtype), numbers, dtype)


def _reads_back(texts: Texts, numbers: Any, dtype: str) -> bool:
    pairs = [(texts, numbers)] if isinstance(texts, str) else zip(texts, np.ravel(numbers).tolist(), strict=True)
    return all(_one(nearest(read(text), dtype), nearest(one, dtype)) for text, one in pairs)


def _one(first: float, other: float) -> bool:
    return first == other or (first != first and other != other)


def _texts(numbers: Any, digits: int, dtype: str, zeros: Sequence[int] = ()) -> Texts:
    if not np.ndim(numbers):
        return "0" if zeros else number(_own(numbers), digits, dtype)
    flat = np.asarray(numbers).ravel()
    return tuple("0" if place in zeros else number(_own(one), digits, dtype) for place, one in enumerate(flat))


def _own(value: Any) -> Any:
    return value[()] if isinstance(value, np.ndarray) else value


def _read(texts: Texts, like: Any) -> Any:
    return read(texts) if isinstance(texts, str) else np.array([read(text) for text in texts]).reshape(np.shape(like))


_NUDGE = 2.0**-26
"""By how much of itself an operand is moved, to see what its rounding error does: small, and far from float64's own."""

REACH = 16
"""So many units in the last place of the largest operand, for each operand, is the largest that may be rounding error."""

MOST_NUDGES = 256
"""Entries of operands that are moved, one after the other."""

TRIES, MARGIN = 4, 4
"""How often all are moved at once, to see whether that is needed, and how far off the answer may be."""


def dust(operands: Sequence[Any], result: Any, compute: Callable[..., Any], dtype: str) -> tuple[int, ...]:
    """Return which entries of a result are rounding error and nothing else.

    Such an entry is smaller than it would be moved if each entry of the operands were off by a unit in its last place: half of
    that is its own rounding error, and what is computed on the way is rounded too. Or it is small, and quite another number when
    it is computed in float64. So are the sum of 1, 1e−8 and −1 in float32, and sin(π). A small product of small factors is not.

    Parameters
    ----------
    operands, result
        Numbers or arrays.
    compute
        Gives the result, from operands in float64.
    dtype
        In which it was computed.
    """
    eps, values = epsilon(dtype), np.asarray(result)
    arrays = [np.asarray(operand, np.float64) for operand in operands]
    entries = sum(array.size for array in arrays)
    # What no rounding error of the operands could reach, however it is computed, needs no closer look; nor does a zero.
    reach = REACH * eps * entries * max([1.0, *(float(np.max(np.abs(array), initial=0.0)) for array in arrays)])
    suspect = (values != 0) & (np.abs(values) < reach)
    if not suspect.any() or entries > MOST_NUDGES:
        return ()
    with np.errstate(all="ignore"):
        base = np.asarray(compute(*arrays), np.float64)
        off = np.abs(values - np.broadcast_to(base, values.shape)) > np.abs(values) / 2
        # A few moves of all operands at once show, within a wide margin, what moving one after the other could add up to.
        at_once = np.zeros(base.shape)
        for shifts in np.random.default_rng(0).standard_normal((TRIES, entries)):
            rest = iter(np.split(1 + _NUDGE * shifts, np.cumsum([array.size for array in arrays])[:-1]))
            shifted = [array * next(rest).reshape(array.shape) for array in arrays]
            at_once = np.maximum(at_once, np.abs(np.asarray(compute(*shifted), np.float64) - base))
        near = np.broadcast_to(at_once, values.shape) * (MARGIN * math.sqrt(entries) * eps / _NUDGE)
        suspect &= off | ~(np.abs(values) > near)
        if not suspect.any():
            return ()
        moved = np.zeros(base.shape)
        for place, array in enumerate(arrays):
            for index in np.ndindex(array.shape):
                nudged = array.copy()
                nudged[index] *= 1 + _NUDGE
                others = (*arrays[:place], nudged, *arrays[place + 1 :])
                moved += np.abs(np.asarray(compute(*others), np.float64) - base)
    bound = np.broadcast_to(moved, values.shape) * (eps / _NUDGE)
    return tuple(np.flatnonzero(suspect & (off | (np.abs(values) < bound))).tolist())
