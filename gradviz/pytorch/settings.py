"""The settings of a row, from PyTorch's arguments.

Most have PyTorch's names and hold what PyTorch was given. What a row says otherwise (a window as matrices, an axis counted from
the front, a mask as wide as what it covers) is worked out here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradviz.engine.operation import Operation
from gradviz.pytorch.windows import WINDOWS, Arguments, Given, Shapes, at_random, dtype_of

RESULT = "result"
"""Among the arguments: what the operation made, from which some rows have their numbers."""

Numbers = Callable[[Given], Any]
"""Returns the array in a tensor among the arguments; anything else as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A setting that a row has in another form.

    Attributes
    ----------
    given
        What PyTorch was given.
    value
        What the row has in its place.
    """

    given: Given
    value: Any


def settings_of(
    row: Operation, name: str, slots: Sequence[str], arguments: Arguments, shapes: Shapes, numbers: Numbers
) -> tuple[Any, ...] | None:
    """Return the settings of a row.

    Parameters
    ----------
    row, name
        The row, and the name of the node that it is found by.
    slots
        For each of its inputs the name of PyTorch's argument.
    arguments, shapes
        See `gradviz.pytorch.rows.row_of`.
    numbers
        Returns what stands in a tensor among them.

    Returns
    -------
    tuple or None
        Each as it was given, or a `Read`; ``None`` if they cannot be told.
    """
    try:
        return tuple([_setting(row, name, one, slots, arguments, shapes, numbers) for one in row.settings])
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def _setting(
    row: Operation,
    name: str,
    setting: str,
    slots: Sequence[str],
    arguments: Arguments,
    shapes: Shapes,
    numbers: Numbers,
) -> Any:
    work_out = WORKED_OUT.get((name, setting)) or WORKED_OUT.get((row.name, setting))
    if work_out is not None:
        return work_out(arguments, shapes)
    if setting.endswith("_sym_sizes"):
        return shapes[setting.removesuffix("_sym_sizes")]
    if setting == "numbers":  # drawn at random
        return arguments[RESULT]
    key = SETTINGS.get((name, setting), setting)
    read = READ.get((name, setting))
    if read is not None:
        given = arguments.get(key)
        return Read(given, read(numbers(given), arguments, shapes))
    if (name, setting) == ("RreluWithNoiseBackward0", "noise") and not arguments["training"]:
        return Read(None, _slopes(numbers(arguments["self"]), arguments))
    if key not in arguments and setting in DEFAULTS:
        return DEFAULTS[setting]
    value = arguments[key]
    if setting in AXES and not row.reduction:
        return _from_the_front(value, len(shapes[slots[0]]), name)
    return float(value) if (name, setting) in FRACTIONS else value


SETTINGS = {
    ("PowBackward2", "base"): "self",
    ("NormBackward1", "ord"): "p",
    ("PixelShuffleBackward0", "factor"): "upscale_factor",
    ("PixelUnshuffleBackward0", "factor"): "downscale_factor",
    ("MaxUnpool2DBackward0", "size"): "output_size",
    ("MaxUnpool3DBackward0", "size"): "output_size",
    ("TopkBackward0", "in_order"): "sorted",
    ("FractionalMaxPool2DBackward0", "places"): "random_samples",
    ("FractionalMaxPool3DBackward0", "places"): "random_samples",
}
"""By node and setting: what PyTorch calls it."""

DEFAULTS = {"dim": None, "keepdim": False, "stable": False, "lies": None}
"""Of what PyTorch does not pass on."""

FRACTIONS = {
    ("DistBackward0", "p"), ("EluBackward0", "scale"), ("HardtanhBackward0", "max_val"), ("HardtanhBackward0", "min_val"),
    ("LinalgVectorNormBackward0", "ord"), ("RenormBackward0", "p"), ("SoftplusBackward0", "threshold"),
}  # fmt: skip
"""Settings of floating point, which PyTorch may have as whole numbers."""

AXES = ("dim", "dim0", "dim1", "dim2", "dims")
"""Settings that name axes, which PyTorch also counts from the end."""


def _from_the_front(axes: Any, count: int, name: str) -> Any:
    if isinstance(axes, list | tuple):
        return tuple([_from_the_front(axis, count, name) for axis in axes])
    if not isinstance(axes, int) or axes >= 0:
        return axes
    return axes + count + name.startswith(("UnsqueezeBackward0", "StackBackward0", "DiagEmbedBackward0"))


# --- matrices -----------------------------------------------------------------------------------------------------------


def _least_share(arguments: Arguments, shapes: Shapes) -> float:
    given: float | None = arguments["rcond"]
    return float(np.finfo(dtype_of(arguments["self"])).eps) * max(shapes["self"][-2:]) if given is None else given


def _absolute(atol: Any, arguments: Arguments, shapes: Shapes) -> Any:
    return np.asarray(0.0 if atol is None else atol)


def _relative(rtol: Any, arguments: Arguments, shapes: Shapes) -> Any:
    if rtol is not None:
        return np.asarray(rtol)
    least = float(np.finfo(dtype_of(arguments["self"])).eps) * max(shapes["self"][-2:])
    return np.asarray(least if arguments.get("atol") is None else 0.0)


# --- axes and places ----------------------------------------------------------------------------------------------------


def _split_sizes(arguments: Arguments, shapes: Shapes) -> tuple[int, ...]:
    length = shapes["self"][arguments["dim"]]
    size = arguments.get("split_size", arguments.get("split_sizes"))
    if isinstance(size, list | tuple):
        return tuple(size)
    return tuple([min(size, length - start) for start in range(0, length, size)]) or (0,)


def _ends(arguments: Arguments, shapes: Shapes) -> tuple[int, ...]:
    """Return where each of the tensors that are joined begins in the result, and where the last ends."""
    parts = [size for slot, size in shapes.items() if slot.startswith("tensors")]
    axis = arguments["dim"] % max(len(parts[0]), 1)
    return tuple(itertools.accumulate([size[axis] for size in parts], initial=0))


def _place(arguments: Arguments, shapes: Shapes) -> int:
    place: int = arguments["index"]
    return place if place >= 0 else place + shapes["self"][arguments["dim"]]


def _squeezed(arguments: Arguments, shapes: Shapes) -> tuple[int, ...]:
    return (arguments["dim"] % max(len(shapes["self"]), 1),)


def _bound(which: int) -> Callable[[Arguments, Shapes], int]:
    """Return what works out where a slice begins, or ends: PyTorch leaves open what reaches to the end."""

    def bound(arguments: Arguments, shapes: Shapes) -> int:
        sizes = shapes.get("self") or shapes.get("src") or ()
        given = slice(arguments.get("start"), arguments.get("end"))
        start, end, _ = given.indices(sizes[arguments["dim"]])
        return (start, max(start, end))[which]

    return bound


def _as_wide(other: str) -> Callable[[Any, Arguments, Shapes], Any]:
    """Return what stretches a mask over all that it covers."""

    def wide(mask: Any, arguments: Arguments, shapes: Shapes) -> Any:
        return np.broadcast_to(mask, np.broadcast_shapes(mask.shape, shapes[other]))

    return wide


def _slopes(x: Any, arguments: Arguments) -> Any:
    """Return the slopes of a leaky line that is not in training: nobody has drawn any."""
    return np.where(x > 0, 1, (arguments["lower"] + arguments["upper"]) / 2).astype(x.dtype)


def _along(index: Any, arguments: Arguments, shapes: Shapes) -> Any:
    """Write the places along an axis once for each entry."""
    sizes, axis = shapes["source"], arguments["dim"] % max(len(shapes["self"]), 1)
    return np.broadcast_to(index.reshape([-1 if place == axis else 1 for place in range(len(sizes))]), sizes)


def _strided_places(arguments: Arguments, shapes: Shapes) -> Any:
    size, places = tuple(arguments["size"]), np.full(tuple(arguments["size"]), arguments["storage_offset"] or 0)
    for axis, (length, step) in enumerate(zip(size, arguments["stride"], strict=True)):
        places += (np.arange(length) * step).reshape((length,) + (1,) * (len(size) - axis - 1))
    return places


def _trilinear(arguments: Arguments, shapes: Shapes) -> str:
    """Write the sum of products of `torch._trilinear` as an equation; each factor has axes put in where it has none."""
    letters = [
        [
            letter
            for place, letter in enumerate("bonm"[: len(shapes[factor]) + len(arguments[f"expand{n}"])])
            if place not in arguments[f"expand{n}"]
        ]
        for n, factor in enumerate(("i1", "i2", "i3"), 1)
    ]
    out = [letter for place, letter in enumerate("bonm") if place not in arguments["sumdim"]]
    return ",".join("".join(one) for one in letters) + "->" + "".join(out)


def plain(value: Any) -> Any:
    """Write a setting as rows have them: sequences as tuples, dtypes as NumPy's where it has them."""
    if isinstance(value, torch.dtype):
        kind = getattr(np, str(value).removeprefix("torch."), None)
        return value if kind is None else np.dtype(kind)
    if type(value) in (list, tuple, torch.Size):
        return tuple([plain(each) for each in value])
    return value


WORKED_OUT: dict[tuple[str, str], Callable[[Arguments, Shapes], Any]] = {
    **WINDOWS,
    ("SelectBackward0", "index"): _place,
    ("SelectBackward0_copy", "index"): _place,
    ("SelectScatterBackward0", "index"): _place,
    ("CatBackward0", "ends"): _ends,
    **{
        (f"Split{kind}Backward0{copied}", "split_sizes"): _split_sizes
        for kind in ("", "WithSizes")
        for copied in ("", "_copy")
    },
    ("BlockDiagBackward0", "sizes"): lambda arguments, shapes: tuple(
        [size for slot, size in shapes.items() if slot.startswith("tensors")]
    ),
    **{
        (name, "size"): lambda arguments, shapes: tuple(arguments[RESULT][1].shape)
        for name in (
            "ViewBackward0",
            "ViewBackward0_copy",
            "UnsafeViewBackward0",
            "ReshapeAliasBackward0",
            "ExpandBackward0",
        )
    },
    **{(f"SqueezeBackward{n}", "dim"): _squeezed for n in (1, 4)},
    ("SqueezeBackward1_copy", "dim"): _squeezed,
    **{(name, "start"): _bound(0) for name in ("SliceBackward0", "SliceBackward0_copy", "SliceScatterBackward0")},
    **{(name, "end"): _bound(1) for name in ("SliceBackward0", "SliceBackward0_copy", "SliceScatterBackward0")},
    ("LinalgCrossBackward0", "dim"): lambda arguments, shapes: (
        arguments["dim"] % len(shapes["self"]) - len(shapes["self"])
    ),
    ("LinalgLstsqBackward0", "rcond"): _least_share,
    ("LinalgLstsqBackward0", "driver"): lambda arguments, shapes: arguments["driver"] or "gelsy",
    ("AsStridedScatterBackward0", "places"): _strided_places,
    ("TrilinearBackward0", "equation"): _trilinear,
}
"""By node, or row, and setting: what the row has in another form than PyTorch."""

READ: dict[tuple[str, str], Callable[[Any, Arguments, Shapes], Any]] = {
    ("FractionalMaxPool2DBackward0", "places"): at_random(2),
    ("FractionalMaxPool3DBackward0", "places"): at_random(3),
    ("LinalgPinvBackward0", "atol"): _absolute,
    ("LinalgPinvBackward0", "rtol"): _relative,
    ("IndexReduceBackward0", "index"): _along,
    ("MaskedSelectBackward0", "mask"): _as_wide("self"),
    ("MaskedScatterBackward0", "mask"): _as_wide("self"),
    ("NanToNumBackward0", "nan"): lambda nan, arguments, shapes: 0.0 if nan is None else nan,
    **{
        (f"{name}Backward0", "correction"): lambda correction, arguments, shapes: (
            1 if correction is None else correction
        )
        for name in ("Std", "Var", "StdMean", "VarMean")
    },
}
"""The same, where it depends on the numbers in a tensor, or is a number itself."""
