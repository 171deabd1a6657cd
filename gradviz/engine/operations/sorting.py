"""Operations that pick entries by their size, and those that put them in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import ties
from gradviz.engine.arguments import array_of
from gradviz.engine.layout import as_first, in_rows
from gradviz.engine.operation import general, reduction
from gradviz.engine.operations.formulas import not_differentiable, plain
from gradviz.engine.operations.reductions import to_winners
from gradviz.engine.operations.scattering import put_along, put_once

# --- by size -------------------------------------------------------------------------------------------------------------


def _extreme(find: Any) -> Any:
    def forward(self: np.ndarray, dim: int, keepdim: bool, self_sym_sizes: Any) -> tuple[np.ndarray, np.ndarray]:
        if not self.ndim:
            return self.copy(), np.zeros((), np.int64)
        places = np.expand_dims(find(self, axis=dim), dim)
        values = np.take_along_axis(self, places, dim)
        return (values, places) if keepdim else (values.squeeze(dim), places.squeeze(dim))

    return forward


def _back_to_winner(grad: Any, indices: np.ndarray, dim: int, keepdim: bool, self_sym_sizes: tuple[int, ...]) -> Any:
    indices = plain(indices)
    if not keepdim and self_sym_sizes:
        grad, indices = np.expand_dims(grad, dim), np.expand_dims(indices, dim)
    return put_once(grad, indices, dim, self_sym_sizes)


_EXTREME: dict[str, Any] = {
    "inputs": "self",
    "derivatives": {"self": _back_to_winner},
    "settings": "dim keepdim self_sym_sizes",
    "outputs": "result indices",
}


max_dim = general(
    "max",
    "MaxBackward0",
    "max",
    _extreme(np.argmax),
    expression="max(self, dim=dim, keepdim=keepdim)",
    local={"self": "put(grad)"},
    **_EXTREME,
)
min_dim = general(
    "min",
    "MinBackward0",
    "min",
    _extreme(np.argmin),
    expression="min(self, dim=dim, keepdim=keepdim)",
    local={"self": "put(grad)"},
    **_EXTREME,
)


def _sorted(
    self: np.ndarray, dim: int, descending: bool, self_sym_sizes: Any, stable: bool
) -> tuple[np.ndarray, np.ndarray]:
    if not self.ndim:
        return self.copy(), np.zeros((), np.int64)
    order = _stable_order(self, dim, descending)
    if not stable and self.shape[dim] > 16:  # PyTorch sorts fewer by insertion, which is stable too
        entries, orders = np.moveaxis(self, dim, -1), np.moveaxis(order, dim, -1)
        for row in ties.rows_with(np.take_along_axis(self, order, dim), dim):
            orders[row] = ties.sort(ties.keys_of(entries[row], descending))
    return np.take_along_axis(self, order, dim), order


def _stable_order(self: np.ndarray, dim: int, descending: bool) -> np.ndarray:
    # A stable sort from the back, of the tensor turned around, keeps equal entries in their order.
    if descending:
        turned = np.flip(self, dim)
        return np.flip(self.shape[dim] - 1 - np.argsort(turned, axis=dim, kind="stable"), dim)
    return np.argsort(self, axis=dim, kind="stable")


def _back_to_places(grad: Any, indices: Any, dim: int, self_sym_sizes: tuple[int, ...]) -> Any:
    return put_once(grad, plain(indices), dim, self_sym_sizes)


def _sort(grad_fn: str) -> Any:
    return general(
        "sort",
        grad_fn,
        "sort",
        as_first(_sorted),
        "self",
        {"self": _back_to_places},
        settings="dim descending self_sym_sizes stable",
        outputs="result indices",
        expression="sort(self)",
        local={"self": "sort_inverse(grad)"},
    )


sort = _sort("SortBackward0")
sort_as_asked = _sort("SortBackward1")  # where the call said whether equal entries keep their order


def _top(
    self: np.ndarray, k: int, dim: int, largest: bool, self_sym_sizes: Any, in_order: bool
) -> tuple[np.ndarray, np.ndarray]:
    if not self.ndim:
        return self.copy(), np.zeros((), np.int64)
    order = _stable_order(self, dim, largest)
    front = (slice(None),) * dim
    first = order[(*front, slice(k))]
    # Only ties among those taken, or with the next one, leave a choice.
    entries, firsts = np.moveaxis(self, dim, -1), np.moveaxis(first, dim, -1)
    for row in ties.rows_with(np.take_along_axis(self, order[(*front, slice(k + 1))], dim), dim):
        firsts[row] = ties.smallest(ties.keys_of(entries[row], largest), k, in_order)
    return np.take_along_axis(self, first, dim), first


topk = general(
    "topk",
    "TopkBackward0",
    "top k",
    in_rows(_top),
    "self",
    {"self": _back_to_places},
    settings="k dim largest self_sym_sizes in_order",
    outputs="result indices",
    expression="topk(self, k)",
    local={"self": "put(grad)"},
)


# --- which entries there are ---------------------------------------------------------------------------------------------

unique, unique_dim, unique_consecutive = (
    not_differentiable(
        name, "unique", lambda self, found: np.ascontiguousarray(found), "self", "found", grad_fn=grad_fn
    )
    for name, grad_fn in (
        ("_unique2", "Unique2Backward0"),
        ("unique_dim", "UniqueDimBackward0"),
        ("unique_consecutive", "UniqueConsecutiveBackward0"),
    )
)


# --- by rank ------------------------------------------------------------------------------------------------------------


def _middle(self: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return the median of all entries: of an even number the lower of the middle two; nan if any is."""
    flat = np.sort(self, axis=None)  # what is nan goes to the end
    if not flat.size:
        return np.full((1,) * self.ndim, np.nan, self.dtype)
    found = flat[-1] if flat[-1] != flat[-1] else flat[(flat.size - 1) // 2]
    return np.full((1,) * self.ndim, found)


def _nan_middle(self: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    numbers = self[self == self]
    return _middle(numbers, (0,)).reshape((1,) * self.ndim)


_MEDIAN: dict[str, Any] = {
    "derivative": to_winners,
    "expression": "median(self)",
    "local": "1 / ties if self == median(self) else 0",
}
median_all = reduction("median", "MedianBackward0", "median", _middle, **_MEDIAN)
nanmedian_all = reduction("nanmedian", "NanmedianBackward0", "median", _nan_middle, **_MEDIAN)


def _back_to_place(grad: Any, indices: Any, dim: int, keepdim: bool, self_sym_sizes: tuple[int, ...]) -> Any:
    indices = np.asarray(array_of(indices))
    if not keepdim and self_sym_sizes:
        grad, indices = np.expand_dims(grad, dim), np.expand_dims(indices, dim)
    return put_along(grad, indices, dim, self_sym_sizes)


def _picked(name: str, grad_fn: str, find: Callable[..., np.ndarray], settings: str = "", among: Any = None) -> Any:
    """Add the row of an operation that picks one entry of each row.

    `find` says which, of those sorted. Where equal entries leave a choice, `among` says which PyTorch picks of the row as
    it is.
    """

    def forward(
        self: np.ndarray, dim: int, keepdim: bool, self_sym_sizes: Any, *more: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        if not self.ndim:
            return self.copy(), np.zeros((), np.int64)
        order = np.argsort(self, axis=dim, kind="stable")
        rank = find(np.take_along_axis(self, order, dim), dim, *more)
        places = np.take_along_axis(order, rank, dim)
        if among is not None:
            entries, picked = np.moveaxis(self, dim, -1), np.moveaxis(places, dim, -1)
            for row in ties.rows_with(np.take_along_axis(self, order, dim), dim):
                picked[row] = among(entries[row], *more)
        values = np.take_along_axis(self, places, dim)
        return (values, places) if keepdim else (values.squeeze(dim), places.squeeze(dim))

    return general(
        name,
        grad_fn,
        name,
        forward,
        "self",
        {"self": _back_to_place},
        settings=f"dim keepdim self_sym_sizes {settings}",
        outputs="result indices",
        expression=f"{name}(self, dim=dim, keepdim=keepdim)",
        local={"self": "put(grad)"},
    )


def _everywhere(sorted_: np.ndarray, dim: int, rank: int) -> np.ndarray:
    return np.full([1 if axis == dim else n for axis, n in enumerate(sorted_.shape)], rank)


def _median_rank(sorted_: np.ndarray, dim: int) -> np.ndarray:
    middle = _everywhere(sorted_, dim, (sorted_.shape[dim] - 1) // 2)
    missing = np.isnan(sorted_) if sorted_.dtype.kind == "f" else np.zeros(sorted_.shape, bool)
    first_missing = np.argmax(missing, axis=dim, keepdims=True)
    return np.where(missing.any(axis=dim, keepdims=True), first_missing, middle)


def _nanmedian_rank(sorted_: np.ndarray, dim: int) -> np.ndarray:
    numbers = np.sum(sorted_ == sorted_, axis=dim, keepdims=True)
    return np.maximum((numbers - 1) // 2, 0)


def _mode_rank(sorted_: np.ndarray, dim: int) -> np.ndarray:
    """Return where the longest stretch of equal entries ends: the first of those, if there are several."""
    turned = np.moveaxis(sorted_, dim, -1)
    place = np.arange(turned.shape[-1])
    starts = np.concatenate([np.ones_like(turned[..., :1], bool), turned[..., 1:] != turned[..., :-1]], -1)
    length = place - np.maximum.accumulate(np.where(starts, place, 0), -1)
    return np.moveaxis(np.argmax(length, axis=-1, keepdims=True), -1, dim)


def _mode_among(row: np.ndarray) -> int:
    """Return the last of the most frequent entries; as PyTorch sorts here, what is not a number stays where it is."""
    order = ties.sort(row.tolist())
    ordered = row[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return order[ends[np.argmax(np.diff(ends, prepend=-1))]]


median_dim = _picked("median", "MedianBackward1", _median_rank)
nanmedian_dim = _picked("nanmedian", "NanmedianBackward1", _nanmedian_rank)
mode = _picked("mode", "ModeBackward0", _mode_rank, among=_mode_among)
kthvalue = _picked(
    "kthvalue",
    "KthvalueBackward0",
    lambda sorted_, dim, k: _everywhere(sorted_, dim, k - 1),
    "k",
    among=lambda row, k: ties.quickselect(ties.keys_of(row), k - 1),
)
