"""A tensor as text: what PyTorch's ``repr`` prints, character by character.

All entries of a tensor share one notation (whole numbers, fixed point or scientific) and one width, both chosen from
the entries that are shown. The rules are PyTorch's, including the odd ones, because a learner compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any, NamedTuple

import numpy as np

from gradviz.engine import dtypes


class Options(NamedTuple):
    """How tensors are printed; see `set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=math.inf),
}

_options = Options()


def get_printoptions() -> dict[str, Any]:
    """Return the options in force, as keyword arguments for `set_printoptions`."""
    return _options._asdict()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors are printed; what is not given stays as it is, except `sci_mode`.

    Parameters
    ----------
    precision
        Digits after the point; 4 by default.
    threshold
        Tensors with more entries than this show only the first and last of each axis; 1000 by default.
    edgeitems
        How many of the first and last; 3 by default.
    linewidth
        Columns before a line is broken; 80 by default.
    profile
        ``"default"``, ``"short"`` (two digits, two edge items) or ``"full"`` (every entry); the other arguments
        then change this profile.
    sci_mode
        True for scientific notation always, False for never, None (as every call that does not say otherwise) for
        where the numbers call for it.

    Raises
    ------
    ValueError
        If the profile does not exist, or precision or edgeitems are negative.

    Examples
    --------
    >>> set_printoptions(precision=2)
    >>> tensor_text(np.array(3.14159, dtype=np.float32))
    'tensor(3.14)'
    >>> set_printoptions(profile="default")
    """
    global _options
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}: expected one of {', '.join(map(repr, PROFILES))}")
    for name, count in (("precision", precision), ("edgeitems", edgeitems)):
        if count is not None and count < 0:
            raise ValueError(f"{name} must be 0 or more, not {count}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    base = PROFILES[profile] if profile is not None else _options
    _options = base._replace(**changes, sci_mode=sci_mode)


@contextmanager
def printoptions(**changes: Any) -> Iterator[None]:
    """Set print options, with the arguments of `set_printoptions`, for the length of a ``with`` block."""
    global _options
    before = _options
    set_printoptions(**changes)
    try:
        yield
    finally:
        _options = before


def tensor_text(
    array: np.ndarray,
    *,
    grad_fn: str | None = None,
    requires_grad: bool = False,
    indent: int = 0,
    name: str = "tensor",
) -> str:
    """Return a tensor's ``repr``.

    Parameters
    ----------
    array
        The tensor's numbers, of any shape and any dtype that tensors support.
    grad_fn
        The name of the node that made it: ``"MulBackward0"``.
    requires_grad
        Whether it collects a gradient; shown only where there is no `grad_fn`.
    indent
        The column the text starts in, for a text with something before it.
    name
        What stands before the bracket: for a tensor of a program's own class, the class.

    Examples
    --------
    >>> print(tensor_text(np.array([[1.0, 2.5], [3.0, 4.0]], dtype=np.float32), grad_fn="MulBackward0"))
    tensor([[1.0000, 2.5000],
            [3.0000, 4.0000]], grad_fn=<MulBackward0>)
    """
    column = indent + len(name) + 1
    body = f"{name}(" + (_body(array, column) if array.size else "[]")
    return _with_suffixes(body, _suffixes(array, grad_fn, requires_grad), column, indent) + ")"


def parameter_text(
    array: np.ndarray, *, grad_fn: str | None = None, requires_grad: bool = True, indent: int = 0
) -> str:
    """Return a parameter's ``repr``: that of its tensor, under a heading."""
    text = tensor_text(array, grad_fn=grad_fn, requires_grad=requires_grad, indent=indent)
    return f"Parameter containing:\n{' ' * indent}{text}"


# --- the numbers ------------------------------------------------------------------------------------------------------


def _body(array: np.ndarray, column: int) -> str:
    """Return the bracketed numbers, for text that starts in this column."""
    edge = _options.edgeitems
    summarize = array.size > _options.threshold
    if summarize and array.ndim and not edge:
        return "[...]"
    cut = [summarize and length > 2 * edge for length in array.shape]
    for axis, is_cut in enumerate(cut):
        if is_cut:
            array = np.take(array, [*range(edge), *range(-edge, 0)], axis)

    pieces, width = _entries(array)
    last = array.ndim - 1
    per_line = max(1, (_options.linewidth - column - last) // (width + len(", ")))
    # Join the innermost axis first, then the rows to matrices, and so on outwards.
    for axis in range(last, -1, -1):
        length = array.shape[axis]
        line_end = ",\n" + "\n" * (last - axis - 1) + " " * (column + axis + 1)
        joined = []
        for start in range(0, len(pieces), length):
            group = pieces[start : start + length]
            if cut[axis]:
                group.insert(edge, " ..." if axis == last else "...")
            if axis == last:
                group = [", ".join(group[i : i + per_line]) for i in range(0, len(group), per_line)]
            joined.append(f"[{line_end.join(group)}]")
        pieces = joined
    return pieces[0]


def _entries(array: np.ndarray) -> tuple[list[str], int]:
    """Return the text of every entry in row-major order, and the width they are padded to."""
    numbers = array.ravel().tolist()
    if array.dtype.kind != "f":
        texts = [str(number) for number in numbers]
        width = max(map(len, texts))
    else:
        # Zeros and non-finite numbers have no say in the notation or the width.
        ordinary = [bool(number) and math.isfinite(number) for number in numbers]
        notation = _notation(list(compress(numbers, ordinary)))
        texts = [notation(number) for number in numbers]
        width = max(map(len, compress(texts, ordinary)), default=1)
    return [text.rjust(width) for text in texts], width


def _notation(ordinary: list[float]) -> Callable[[float], str]:
    """Choose how to write the numbers of a tensor whose non-zero, finite entries are these."""
    precision = _options.precision
    if ordinary and _is_scientific(ordinary):
        return f"{{:.{precision}e}}".format
    if all(number.is_integer() for number in ordinary):
        return lambda number: f"{number:.0f}." if math.isfinite(number) else f"{number:.0f}"
    return f"{{:.{precision}f}}".format


def _is_scientific(ordinary: list[float]) -> bool:
    if _options.sci_mode is not None:
        return _options.sci_mode
    magnitudes = [abs(number) for number in ordinary]
    low, high = min(magnitudes), max(magnitudes)
    return high / low > 1000 or high > 1e8 or low < 1e-4


# --- what follows the numbers -----------------------------------------------------------------------------------------


def _suffixes(array: np.ndarray, grad_fn: str | None, requires_grad: bool) -> list[str]:
    suffixes = []
    evident = [dtypes.get_default_dtype()]
    if array.size:
        evident += dtypes.int64, dtypes.bool  # plain to see from the numbers
    brackets_show_size = bool(_options.edgeitems) if array.size else array.ndim == 1
    if not brackets_show_size:
        suffixes.append(f"size={array.shape}")
    dtype = dtypes.from_numpy(array.dtype)
    if dtype not in evident:
        suffixes.append(f"dtype={dtype}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return suffixes


def _with_suffixes(text: str, suffixes: list[str], column: int, indent: int) -> str:
    last_line = text.rpartition("\n")[2]
    used = len(last_line) + (0 if len(last_line) < len(text) else indent)
    used += 2  # PyTorch's count starts two columns late
    for suffix in suffixes:
        if used + len(", ") + len(suffix) > _options.linewidth:
            text += ",\n" + " " * column + suffix
            used = column + len(suffix)
        else:
            text += ", " + suffix
            used += len(", ") + len(suffix)
    return text
