"""Operations that take or put whole layers along an axis, and entries where a mask holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.layout import as_first, in_rows
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import recorded, zeros_for
from gradviz.engine.operations.piecewise import only
from gradviz.engine.operations.scattering import put

# --- whole layers along an axis ------------------------------------------------------------------------------------------


def _layers(array: Any, dim: int, index: np.ndarray) -> Any:
    """Return what picks layers along an axis; a number is a tensor of one layer."""
    return (*(slice(None),) * dim, index) if np.ndim(array) else (index,)


def _selected(self: Any, dim: int, index: np.ndarray, self_sym_sizes: Any = None) -> np.ndarray:
    if not np.ndim(self):
        return np.array(self)
    return np.take(self, np.atleast_1d(index), dim)


def _with_layers(self: Any, source: Any, dim: int, index: np.ndarray, alpha: Any = None) -> np.ndarray:
    """Replace layers in a copy, or, given a factor, add to them."""
    out = np.array(self)
    whole, index = np.atleast_1d(out), np.atleast_1d(index)
    if np.ndim(source) and np.ndim(source) == out.ndim:
        part = source
    else:  # one layer without its axis
        part = np.expand_dims(source, dim) if out.ndim and np.ndim(source) == out.ndim - 1 else source
    if alpha is None:
        whole[_layers(whole, dim, index)] = part
    else:
        np.add.at(whole, _layers(whole, dim, index), part if alpha == 1 else np.asarray(part * alpha).astype(out.dtype))
    return out


def _from_layers(grad: Any, source: Any, dim: int, index: np.ndarray) -> Any:
    """Take the gradients of layers, in the shape of what they were."""
    return np.reshape(recorded(index_select)(grad, dim, index, np.shape(grad)), np.shape(source))


def _not_layers(grad: Any, dim: int, index: np.ndarray) -> Any:
    return recorded(index_fill_number)(grad, dim, index, 0)


index_select = general(
    "index_select",
    "IndexSelectBackward0",
    "[…]",
    in_rows(_selected),
    "self",
    {
        "self": lambda grad, dim, index, self_sym_sizes: recorded(index_add)(
            zeros_for(grad, self_sym_sizes), grad, dim, index, 1
        )
    },
    settings="dim index self_sym_sizes",
    tensors="index",
    expression="index_select(self)",
    local={"self": "put(grad)"},
)
index_add: Any = general(
    "index_add",
    "IndexAddBackward0",
    "+ at",
    in_rows(_with_layers),
    "self source",
    {
        "self": lambda grad: grad,
        "source": lambda grad, source, dim, index, alpha: (
            _from_layers(grad, source, dim, index) if alpha == 1 else _from_layers(grad, source, dim, index) * alpha
        ),
    },
    settings="dim index alpha",
    tensors="index",
    expression="index_add(self, source)",
    local={"self": "1", "source": "taken(alpha * grad)"},
)
index_copy = general(
    "index_copy",
    "IndexCopyBackward0",
    "[…] =",
    in_rows(_with_layers),
    "self source",
    {"self": _not_layers, "source": _from_layers},
    settings="dim index",
    tensors="index",
    expression="index_copy(self, source)",
    local={"self": "0 if replaced else 1", "source": "taken(grad)"},
)
index_fill_number = general(
    "index_fill",
    "IndexFillBackward0",
    "[…] =",
    lambda self, dim, index, value: _with_layers(self, value, dim, index),
    "self",
    {"self": _not_layers},
    settings="dim index value",
    tensors="index",
    expression="index_fill(self)",
    local={"self": "0 if replaced else 1"},
)
index_fill = general(
    "index_fill",
    "IndexFillBackward1",
    "[…] =",
    lambda self, value, dim, index: _with_layers(self, value, dim, index),
    "self value",
    {
        "self": _not_layers,
        "value": lambda grad, dim, index: np.sum(recorded(index_select)(grad, dim, np.unique(index), np.shape(grad))),
    },
    settings="dim index",
    tensors="index",
    expression="index_fill(self, value)",
    local={"self": "0 if replaced else 1", "value": "sum_taken(grad)"},
)

# --- by a mask -----------------------------------------------------------------------------------------------------------


def _with_masked(self: Any, source: Any, mask: np.ndarray) -> np.ndarray:
    """Put the first entries of a source, in order, where a mask holds."""
    out = np.array(np.broadcast_to(self, mask.shape))
    out[mask] = np.ravel(source)[: np.count_nonzero(mask)]
    return out


def _masked_source(grad: Any, source_sym_sizes: tuple[int, ...], mask: np.ndarray) -> Any:
    """Collect the gradients of the entries that were put; those that were not needed get 0."""
    taken, length = recorded(masked_select)(grad, mask), int(np.prod(source_sym_sizes))
    used = np.arange(np.count_nonzero(mask))
    return np.reshape(recorded(put)(zeros_for(grad, (length,)), taken, used, True), source_sym_sizes)


masked_fill_number = general(
    "masked_fill",
    "MaskedFillBackward0",
    "mask",
    in_rows(lambda self, mask, value: np.where(mask, np.asarray(value).astype(self.dtype), self)),
    "self",
    {"self": lambda grad, mask: only(~mask, grad)},
    settings="mask value",
    tensors="mask",
    expression="masked_fill(self)",
    local={"self": "0 if mask else 1"},
)
masked_fill = general(
    "masked_fill",
    "MaskedFillBackward1",
    "mask",
    in_rows(lambda self, value, mask: np.where(mask, np.asarray(value).astype(self.dtype), self)),
    "self value",
    {"self": lambda grad, mask: only(~mask, grad), "value": lambda grad, mask: only(mask, grad)},
    settings="mask",
    tensors="mask",
    expression="masked_fill(self, value)",
    local={"self": "0 if mask else 1", "value": "1 if mask else 0"},
)
masked_select = general(
    "masked_select",
    "MaskedSelectBackward0",
    "mask",
    lambda self, mask: np.broadcast_to(self, mask.shape)[mask],
    "self",
    {"self": lambda grad, self, mask: recorded(masked_scatter)(zeros_for(grad, mask.shape), grad, mask)},
    settings="mask",
    tensors="mask",
    expression="masked_select(self)",
    local={"self": "put(grad)"},
)
masked_scatter: Any = general(
    "masked_scatter",
    "MaskedScatterBackward0",
    "mask",
    in_rows(_with_masked),
    "self source",
    {"self": lambda grad, mask: only(~mask, grad), "source": _masked_source},
    settings="mask",
    tensors="mask",
    expression="masked_scatter(self, source)",
    local={"self": "0 if mask else 1", "source": "taken(grad)"},
)
fill_number = general(
    "fill",
    "FillBackward0",
    "=",
    as_first(lambda self, value: np.full_like(self, value)),
    "self",
    {"self": lambda grad: np.zeros_like(grad)},
    settings="value",
    expression="filled(self, value)",
    local={"self": "0"},
)
fill = general(
    "fill",
    "FillBackward1",
    "=",
    as_first(lambda self, value: np.full_like(self, value)),
    "self value",
    {"self": lambda grad: np.zeros_like(grad), "value": lambda grad: np.sum(grad)},
    expression="filled(self, value)",
    local={"self": "0", "value": "1"},
)
