"""Operations that join tensors, and those that take them apart again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.layout import in_rows
from gradviz.engine.operation import family, unlisted
from gradviz.engine.operations.formulas import at_axis

# --- joining ---------------------------------------------------------------------------------------------------------

# Joining takes any number of tensors, so there is a row for each number, made when it is first needed.


def _joining(name: str, grad_fn: str, forward: Any, part: Any, settings: str) -> Any:
    @family(name)
    def of(count: int) -> Any:
        inputs = [f"tensors{i}" for i in range(count)]
        return unlisted(
            name,
            grad_fn,
            name,
            in_rows(forward),
            " ".join(inputs),
            {argument: part(i) for i, argument in enumerate(inputs)},
            settings=settings,
            expression=f"{name}({', '.join(inputs)})",
            local=dict.fromkeys(inputs, "taken(grad)"),
        )

    return of


def _together(arrays: Sequence[Any]) -> Sequence[Any]:
    """Bring arrays that are to be joined to the dtype PyTorch gives them together."""
    if all(array.dtype is arrays[0].dtype for array in arrays):
        return arrays
    kind = dtypes.result_type(*arrays)
    return [np.asarray(array, kind) for array in arrays]


def _blocks(*matrices: Any) -> np.ndarray:
    """Put matrices along the diagonal of a larger one."""
    matrices = tuple(np.atleast_2d(matrix) for matrix in _together(matrices))
    rows, columns = (sum(matrix.shape[axis] for matrix in matrices) for axis in (0, 1))
    full = np.zeros((rows, columns), matrices[0].dtype)
    row = column = 0
    for matrix in matrices:
        full[row : row + matrix.shape[0], column : column + matrix.shape[1]] = matrix
        row, column = row + matrix.shape[0], column + matrix.shape[1]
    return full


def _block(place: int) -> Any:
    def part(grad: Any, sizes: tuple[tuple[int, ...], ...]) -> Any:
        full = [(1,) * (2 - len(size)) + size for size in sizes]
        row, column = (sum(size[axis] for size in full[:place]) for axis in (0, 1))
        height, width = full[place]
        return np.reshape(grad[row : row + height, column : column + width], sizes[place])

    return part


cat = _joining(
    "cat",
    "CatBackward0",
    lambda *args: np.concatenate(_together(args[:-2]), args[-2]),
    lambda i: lambda grad, dim, ends: grad[at_axis(dim, slice(ends[i], ends[i + 1]))],
    "dim ends",
)
stack = _joining(
    "stack",
    "StackBackward0",
    lambda *args: np.stack(_together(args[:-1]), args[-1]),
    lambda i: lambda grad, dim: grad[at_axis(dim, i)],
    "dim",
)
block_diag = _joining(
    "block_diag",
    "BlockDiagBackward0",
    lambda *args: _blocks(*args[:-1]),
    _block,
    "sizes",
)


# --- taking apart --------------------------------------------------------------------------------------------------------

# Taking apart gives as many results as there are parts, so there is a row for each number, made when first needed.


@family("unbind")
def unbind(count: int, copies: bool = False) -> Any:
    """Return the operation that takes a tensor with `count` layers along an axis apart."""

    def layers(self: np.ndarray, dim: int) -> tuple[np.ndarray, ...]:
        parts = (np.moveaxis(self, dim, 0)[place, ...] for place in range(count))
        return tuple(np.array(part, order="C") for part in parts) if copies else tuple(parts)

    return unlisted(
        "unbind",
        "UnbindBackward0_copy" if copies else "UnbindBackward0",
        "unbind",
        layers,
        "self",
        {"self": lambda grads, dim: np.stack(grads, dim)},
        settings="dim",
        outputs=" ".join(f"result{place}" for place in range(count)),
        many=True,
        expression="unbind(self)",
        local={"self": "stack(grad)"},
    )


@family("split")
def split(count: int, grad_fn: str, copies: bool = False) -> Any:
    """Return the operation that cuts a tensor into `count` stretches, of the sizes in `split_sizes`, along an axis."""

    def stretches(self: np.ndarray, dim: int, split_sizes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
        ends = itertools.accumulate(split_sizes, initial=0)
        parts = (self[(slice(None),) * dim + (slice(start, end),)] for start, end in itertools.pairwise(ends))
        return tuple(np.array(part, order="C") for part in parts) if copies else tuple(parts)

    return unlisted(
        "split",
        grad_fn,
        "split",
        stretches,
        "self",
        {"self": lambda grads, dim: np.concatenate(grads, dim)},
        settings="dim split_sizes",
        outputs=" ".join(f"result{place}" for place in range(count)),
        many=True,
        expression="split(self)",
        local={"self": "cat(grad)"},
    )
