"""Which row of the operations table tells of one of PyTorch's operations, and what its slots hold.

A node is found by the name of its class, its arguments by PyTorch's own names for them, which the table has too. What the table
has not gets a row of its own, of which no more is known than its name: an opaque box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch

from gradviz.catalogue import text
from gradviz.engine.operation import BESIDE, FAMILIES, Operation, table
from gradviz.pytorch.settings import Numbers, plain, settings_of
from gradviz.pytorch.windows import Given


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
        The row's settings: see `gradviz.pytorch.settings.settings_of`.
    """

    operation: Operation
    slots: tuple[str, ...]
    settings: tuple[Any, ...]


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
    "CtcLossBackward1": "CtcLossBackward0",
    "TransposeBackward1": "TransposeBackward0",
    "UnsafeSplitBackward0": "SplitBackward0",
    "UnsafeSplitWithSizesBackward0": "SplitWithSizesBackward0",
}
"""Nodes that are told of as another is."""


def row_of(
    name: str,
    arguments: Mapping[str, Given],
    shapes: Mapping[str, tuple[int, ...]],
    results: int,
    numbers: Numbers,
    *,
    seen: bool = True,
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
    numbers
        Returns what stands in a tensor among the arguments.
    seen
        Whether these are all that there are: else the row has only words where its settings are among those that nobody knows.

    Returns
    -------
    Found or None
        ``None`` if the table does not have it, means another way of calling it, or its settings are not known.
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
    settings = settings_of(row, known, slots, arguments, shapes, numbers)
    if settings is None:
        return None if seen else Found(_words_of(row, name), slots, ())
    if any(isinstance(plain(one), torch.dtype) for one in settings):
        row = _without_formula(row, name)  # NumPy has no such numbers
    elif row.grad_fn != name:
        row = _called(row, name)
    return Found(row, slots, settings)


def rows_called(operator: str) -> tuple[str, ...]:
    """Return the nodes that PyTorch's operators of a name may have, of those that the table has."""
    return _by_operator().get(operator.partition("::")[2].replace("_", "").lower(), ())


@lru_cache(maxsize=1)
def _by_operator() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(table()):
        operator = name.rstrip("0123456789").removesuffix("s").removesuffix("Backward").lower()
        found[operator] = (*found.get(operator, ()), name)
    return found


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


JOINING = {"CatBackward0": "cat", "StackBackward0": "stack", "BlockDiagBackward0": "block_diag"}
"""Nodes with any number of arguments, by the family that their rows are of."""


def _of_a_family(name: str, arguments: Mapping[str, Given], results: int) -> Operation | None:
    many = sum(key.startswith("tensors") for key in arguments)
    joins = JOINING.get(name)
    if joins is not None and many:
        found: Operation = FAMILIES[joins](many).operation
        return found
    if name == "CloneBackward0" and arguments.get("memory_format") is torch.contiguous_format:
        found = BESIDE["contiguous"]
        return found
    if name == "ConvolutionBackward0" and arguments.get("transposed"):
        found = BESIDE["conv_transpose"]
        return found
    if name == "PermuteBackward0" and [axis % 2 for axis in arguments["dims"]] == [1, 0]:
        found = BESIDE["T"]
        return found
    plain, copied, _ = name.partition("_copy")
    if plain == "UnbindBackward0":
        found = FAMILIES["unbind"](results, bool(copied)).operation
        return found
    if plain in ("SplitBackward0", "SplitWithSizesBackward0"):
        found = FAMILIES["split"](results, name, bool(copied)).operation
        return found
    return None


@lru_cache(maxsize=1024)
def opaque(name: str, short: str, slots: tuple[str, ...], results: int, own: bool = False) -> Operation:
    """Make a row for an operation of which no more is known than what went in, what came out, and what it sent back.

    Parameters
    ----------
    name, short
        The class of its node, and what to call it.
    slots
        Its arguments.
    results
        How many it has.
    own
        Whether it is a function of the user's.
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
        sentence=text("own function" if own else "opaque", name=short),
        outputs=("result",) if results == 1 else tuple(f"result{place}" for place in range(results)),
        many=results > 1,
    )
