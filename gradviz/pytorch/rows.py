"""Which row of the operations table tells of one of PyTorch's operations, and what its slots and settings hold.

A node is found by the name of its class, its arguments by PyTorch's own names for them, which the table has too. What is said
otherwise there (a row has its window as matrices, PyTorch as sizes) is worked out here. What the table has not gets a row of its
own, of which no more is known than its name: an opaque box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from gradviz.catalogue import text
from gradviz.engine.operation import BESIDE, FAMILIES, Operation, table
from gradviz.nn.functional.pooling import several
from gradviz.nn.operations import pooling
from gradviz.nn.operations.convolution import Geometry

Given = Any
"""What stands in a slot: a tensor as it was told of, a plain number, or ``None``."""


@dataclass(frozen=True, slots=True)
class Found:
    """The row that tells of an operation.

    Attributes
    ----------
    operation
        The row.
    slots
        For each of its inputs the name of PyTorch's argument.
    settings
        The row's settings; ``None`` if they could not be worked out: then the row has words, and no formula.
    """

    operation: Operation
    slots: tuple[str, ...]
    settings: tuple[Any, ...] | None


SLOTS = {
    "PowBackward1": {"other": "exponent"},
    "PowBackward2": {"base": "self"},
    "IndexReduceBackward0": {"src": "source"},
    "LinalgEighBackward0": {"A": "self"},
}
"""By node: the names that a row has for PyTorch's arguments, where they differ."""

BATCH_NORMS = {
    "CudnnBatchNormBackward0": "NativeBatchNormBackward0",
    "MiopenBatchNormBackward0": "NativeBatchNormBackward0",
}
CONVOLUTIONS = {
    "CudnnConvolutionBackward0": "ConvolutionBackward0",
    "MkldnnConvolutionBackward0": "ConvolutionBackward0",
}
ALIASES = {
    **BATCH_NORMS,
    **CONVOLUTIONS,
    "TransposeBackward1": "TransposeBackward0",
    "UnsafeSplitBackward0": "SplitBackward0",
    "UnsafeSplitWithSizesBackward0": "SplitWithSizesBackward0",
}
"""Nodes that are told of as another is."""


def row_of(
    name: str, arguments: Mapping[str, Given], shapes: Mapping[str, tuple[int, ...]], results: int
) -> Found | None:
    """Find the row of an operation.

    Parameters
    ----------
    name
        The class of its node: ``"MulBackward0"``.
    arguments
        PyTorch's arguments by their names, lists of tensors taken apart (``tensors0``, ``tensors1``); tensors as they are.
    shapes
        Of those that are tensors.
    results
        How many results it has.

    Returns
    -------
    Found or None
        ``None`` if the table does not have it, or means another way of calling it.
    """
    known = ALIASES.get(name, name)
    made = _of_a_family(known, arguments, results)
    row = made or table().get(known)
    if row is None:
        return None
    names = SLOTS.get(known, {})
    slots = tuple([names.get(slot, slot) for slot in row.inputs])
    if any(slot not in arguments for slot in slots):
        tensors = tuple([slot for slot in arguments if slot in shapes])
        if len(tensors) != len(row.inputs):
            return None
        slots = tensors  # called otherwise, and in the same order
    try:
        settings = tuple([_setting(known, setting, slots, arguments, shapes) for setting in row.settings])
    except (KeyError, TypeError, ValueError, IndexError):
        settings = None
    if settings is None:
        row = _words_of(row, name)
    elif any(isinstance(plain(one), torch.dtype) for one in settings):
        row = _without_formula(row, name)  # NumPy has no such numbers
    elif row.grad_fn != name:
        row = _called(row, name)
    return Found(row, slots, settings)


@lru_cache(maxsize=256)
def _called(row: Operation, name: str) -> Operation:
    made = replace(row, grad_fn=name)
    object.__setattr__(made, "function", row.function)  # which is no argument
    return made


@lru_cache(maxsize=256)
def _words_of(row: Operation, name: str) -> Operation:
    """Make a row that says what this one does, and cannot run: what it would need is not known."""
    symbol = row.symbol if isinstance(row.symbol, str) else row.name
    return replace(row, grad_fn=name, symbol=symbol, settings=(), tensors=(), derivatives={})


@lru_cache(maxsize=256)
def _without_formula(row: Operation, name: str) -> Operation:
    return replace(row, grad_fn=name, derivatives={})


def _of_a_family(name: str, arguments: Mapping[str, Given], results: int) -> Operation | None:
    many = sum(key.startswith("tensors") for key in arguments)
    if name in ("CatBackward0", "StackBackward0") and many:
        found: Operation = FAMILIES[name.removesuffix("Backward0").lower()](many).operation
        return found
    if name == "CloneBackward0" and arguments.get("memory_format") is torch.contiguous_format:
        found = BESIDE["contiguous"]
        return found
    if name == "UnbindBackward0":
        found = FAMILIES["unbind"](results).operation
        return found
    if name in ("SplitBackward0", "SplitWithSizesBackward0"):
        found = FAMILIES["split"](results, name).operation
        return found
    return None


@lru_cache(maxsize=1024)
def opaque(name: str, short: str, slots: tuple[str, ...], results: int) -> Operation:
    """Make a row for an operation of which no more is known than what went in, what came out, and what it sent back.

    Parameters
    ----------
    name, short
        The class of its node, and what to call it.
    slots
        Its arguments.
    results
        How many it has.
    """
    return Operation(
        short,
        None,  # type: ignore[arg-type]  # nothing runs it
        slots,
        {},
        (),
        grad_fn=name,
        symbol=short,
        expression=f"{short}({', '.join(slots)})",
        local=dict.fromkeys(slots, f"{short}_back(grad)"),
        sentence=text("opaque", name=short),
        outputs=("result",) if results == 1 else tuple(f"result{place}" for place in range(results)),
        many=results > 1,
    )


# --- settings ----------------------------------------------------------------------------------------------------------

Shapes = Mapping[str, tuple[int, ...]]


def _geometry(arguments: Mapping[str, Given], shapes: Shapes) -> Geometry:
    count = len(shapes["input"]) - 2
    if arguments.get("transposed"):
        raise ValueError("a transposed convolution has a row of its own")
    strides, pads, apart = (
        several(tuple(arguments[name]), count, name, name) for name in ("stride", "padding", "dilation")
    )
    return Geometry(strides, pads, apart, arguments["groups"])


def _averages(arguments: Mapping[str, Given], shapes: Shapes) -> tuple[Any, ...]:
    kernel = tuple(arguments["kernel_size"])
    count = len(kernel)
    strides = tuple(arguments["stride"]) or kernel
    pads = several(tuple(arguments["padding"]), count, "padding", "padding")
    divisor = arguments["divisor_override"]
    matrices = [
        pooling.averages(n, k, s, p, arguments["ceil_mode"], arguments["count_include_pad"], divisor is None)
        for n, k, s, p in zip(shapes["self"][-count:], kernel, strides, pads, strict=True)
    ]
    if divisor is not None:
        matrices[0] = matrices[0] / divisor
    return tuple(matrices)


def _adaptive(arguments: Mapping[str, Given], shapes: Shapes) -> tuple[Any, ...]:
    sizes = tuple(arguments["output_size"])
    return tuple([pooling.shares(n, count) for n, count in zip(shapes["self"][-len(sizes) :], sizes, strict=True)])


def _windows(arguments: Mapping[str, Given], shapes: Shapes) -> tuple[Any, ...]:
    kernel = tuple(arguments["kernel_size"])
    count = len(kernel)
    strides = tuple(arguments["stride"]) or kernel
    pads, apart = (several(tuple(arguments[name]), count, name, name) for name in ("padding", "dilation"))
    return tuple(
        [
            pooling.windows(n, k, s, p, d, arguments["ceil_mode"])
            for n, k, s, p, d in zip(shapes["self"][-count:], kernel, strides, pads, apart, strict=True)
        ]
    )


def _split_sizes(arguments: Mapping[str, Given], shapes: Shapes) -> tuple[int, ...]:
    length = shapes["self"][arguments["dim"]]
    size = arguments.get("split_size", arguments.get("split_sizes"))
    if isinstance(size, list | tuple):
        return tuple(size)
    return tuple([min(size, length - start) for start in range(0, length, size)]) or (0,)


WORKED_OUT: dict[tuple[str, str], Callable[[Mapping[str, Given], Shapes], Any]] = {
    ("ConvolutionBackward0", "geometry"): _geometry,
    ("AvgPool2DBackward0", "matrices"): _averages,
    ("AvgPool3DBackward0", "matrices"): _averages,
    ("AdaptiveAvgPool2DBackward0", "matrices"): _adaptive,
    ("AdaptiveAvgPool3DBackward0", "matrices"): _adaptive,
    ("MaxPool2DWithIndicesBackward0", "places"): _windows,
    ("MaxPool3DWithIndicesBackward0", "places"): _windows,
    ("SplitBackward0", "split_sizes"): _split_sizes,
    ("SplitWithSizesBackward0", "split_sizes"): _split_sizes,
    ("SqueezeBackward1", "dim"): lambda arguments, shapes: (arguments["dim"] % max(len(shapes["self"]), 1),),
    ("ConstantPadNdBackward0", "pads"): lambda arguments, shapes: tuple(arguments["pad"]),
    ("NormBackward1", "ord"): lambda arguments, shapes: arguments["p"],
    ("PixelShuffleBackward0", "factor"): lambda arguments, shapes: arguments["upscale_factor"],
    ("PixelUnshuffleBackward0", "factor"): lambda arguments, shapes: arguments["downscale_factor"],
}
"""By node and setting: what the row has in another form than PyTorch."""

DEFAULTS = {"dim": None, "keepdim": False}
"""Of reductions that have neither."""


def _setting(name: str, setting: str, slots: Sequence[str], arguments: Mapping[str, Given], shapes: Shapes) -> Any:
    work_out = WORKED_OUT.get((name, setting))
    if work_out is not None:
        return work_out(arguments, shapes)
    if setting.endswith("_sym_sizes"):
        return shapes[setting.removesuffix("_sym_sizes")]
    key = SLOTS.get(name, {}).get(setting, setting)
    if key not in arguments and setting in DEFAULTS:
        return DEFAULTS[setting]
    value = arguments[key]
    return _from_the_front(value, setting, name, len(shapes[slots[0]])) if setting in AXES else value


AXES = ("dim", "dim0", "dim1", "dim2", "dims")
"""Settings that name axes, which PyTorch also counts from the end."""


def _from_the_front(axes: Any, setting: str, name: str, count: int) -> Any:
    if isinstance(axes, list | tuple):
        return tuple([_from_the_front(axis, setting, name, count) for axis in axes])
    if not isinstance(axes, int) or axes >= 0:
        return axes
    return axes + count + (name in ("UnsqueezeBackward0", "StackBackward0"))


def plain(value: Any) -> Any:
    """Write a setting as rows have them: sequences as tuples, dtypes as NumPy's where it has them."""
    if isinstance(value, torch.dtype):
        return getattr(np, str(value).removeprefix("torch."), value)
    if isinstance(value, list | tuple | torch.Size):
        return tuple([plain(each) for each in value])
    return value
