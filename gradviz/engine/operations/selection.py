"""Operations that pick entries by their size or place, and those that take a tensor apart."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine.operation import general, unlisted


def put_along(grad: Any, index: np.ndarray, dim: int, self_sym_sizes: tuple[int, ...]) -> Any:
    """Put gradients back to the places along an axis that entries were taken from; those taken twice get both."""
    from gradviz.engine.tensor import Tensor

    if isinstance(grad, Tensor):
        return put_zeros(grad, index, dim, self_sym_sizes)
    full = np.zeros(self_sym_sizes, grad.dtype)
    if not full.ndim or not index.ndim:
        full, grad, index = np.atleast_1d(full), np.atleast_1d(grad), np.atleast_1d(index)
    places: list[Any] = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    np.add.at(full, tuple(places), grad)
    return full.reshape(self_sym_sizes)


def _along(array: Any, index: np.ndarray, dim: int) -> np.ndarray:
    """Take entries along an axis; an index may be shorter than the tensor along the others."""
    if not index.ndim:
        return _along(np.atleast_1d(array), np.atleast_1d(index), 0).reshape(())
    array = np.atleast_1d(array)
    places: list[Any] = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    return array[tuple(places)]


_TAKEN = "What was taken gets its gradient; what was left gets 0."

gather = general(
    "gather",
    "GatherBackward0",
    "gather",
    lambda self, dim, index, self_sym_sizes: _along(self, index, dim),
    "self",
    {"self": lambda grad, dim, index, self_sym_sizes: put_along(grad, index, dim, self_sym_sizes)},
    settings="dim index self_sym_sizes",
    expression="gather(self)",
    local={"self": "1 if taken else 0"},
    sentence=f"Entries are taken along an axis, each by a place of its own. {_TAKEN}",
)


def _take_back(grad: Any, index: np.ndarray, dim: int) -> Any:
    if isinstance(grad, np.ndarray | np.generic):
        return _along(grad, index, dim)
    return gather(grad, dim, index, tuple(grad.shape))


put_zeros = general(
    "scatter_add",
    "ScatterAddBackward0",
    "scatter",
    lambda self, index, dim, sizes: put_along(self, index, dim, sizes),
    "self",
    {"self": _take_back},
    settings="index dim sizes",
    expression="scatter(self)",
    local={"self": "1"},
    sentence="Entries are added into a larger tensor of zeros; their gradients are taken from there.",
)


def _extreme(find: Any) -> Any:
    def forward(self: np.ndarray, dim: int, keepdim: bool, self_sym_sizes: Any) -> tuple[np.ndarray, np.ndarray]:
        if not self.ndim:
            return self + 0, np.zeros((), np.int64)
        places = np.expand_dims(find(self, axis=dim), dim)
        values = np.take_along_axis(self, places, dim)
        return (values, places) if keepdim else (values.squeeze(dim), places.squeeze(dim))

    return forward


def _back_to_winner(grad: Any, indices: np.ndarray, dim: int, keepdim: bool, self_sym_sizes: tuple[int, ...]) -> Any:
    if not keepdim and self_sym_sizes:
        grad, indices = np.expand_dims(grad, dim), np.expand_dims(indices, dim)
    return put_along(grad, indices, dim, self_sym_sizes)


_EXTREME: dict[str, Any] = {
    "inputs": "self",
    "derivatives": {"self": _back_to_winner},
    "settings": "dim keepdim self_sym_sizes",
    "outputs": "result indices",
    "sentence": "The first entry that won along the axis gets the whole gradient; the others get 0.",
}


max_dim = general(
    "max",
    "MaxBackward0",
    "max",
    _extreme(np.argmax),
    expression="max(self)",
    local={"self": "1 if largest else 0"},
    **_EXTREME,
)
min_dim = general(
    "min",
    "MinBackward0",
    "min",
    _extreme(np.argmin),
    expression="min(self)",
    local={"self": "1 if smallest else 0"},
    **_EXTREME,
)


def _sorted(self: np.ndarray, dim: int, descending: bool, self_sym_sizes: Any) -> tuple[np.ndarray, np.ndarray]:
    if not self.ndim:
        return self + 0, np.zeros((), np.int64)
    # A stable sort from the back, of the tensor turned around, keeps equal entries in their order.
    if descending:
        turned = np.flip(self, dim)
        order = np.flip(self.shape[dim] - 1 - np.argsort(turned, axis=dim, kind="stable"), dim)
    else:
        order = np.argsort(self, axis=dim, kind="stable")
    return np.take_along_axis(self, order, dim), order


sort = general(
    "sort",
    "SortBackward0",
    "sort",
    _sorted,
    "self",
    {"self": lambda grad, indices, dim, self_sym_sizes: put_along(grad, indices, dim, self_sym_sizes)},
    settings="dim descending self_sym_sizes",
    outputs="result indices",
    expression="sort(self)",
    local={"self": "1"},
    sentence="The entries are put in order; each gradient goes back to where its entry came from.",
)


def _top(self: np.ndarray, k: int, dim: int, largest: bool, self_sym_sizes: Any) -> tuple[np.ndarray, np.ndarray]:
    values, order = _sorted(self, dim, largest, self_sym_sizes)
    if not self.ndim:
        return values, order
    first = (slice(None),) * dim + (slice(k),)
    return values[first], order[first]


topk = general(
    "topk",
    "TopkBackward0",
    "top k",
    _top,
    "self",
    {"self": lambda grad, indices, dim, self_sym_sizes: put_along(grad, indices, dim, self_sym_sizes)},
    settings="k dim largest self_sym_sizes",
    outputs="result indices",
    expression="topk(self, k)",
    local={"self": "1 if taken else 0"},
    sentence=f"The k largest entries are taken. {_TAKEN}",
)


# Taking apart gives as many results as there are parts, so there is a row for each number, made when first needed.


@lru_cache(maxsize=64)
def unbind(count: int) -> Any:
    """Return the operation that takes a tensor with `count` layers along an axis apart."""
    return unlisted(
        "unbind",
        "UnbindBackward0",
        "unbind",
        lambda self, dim: tuple(np.moveaxis(self, dim, 0)[place, ...] for place in range(count)),
        "self",
        {"self": lambda grads, dim: np.stack(grads, dim)},
        settings="dim",
        outputs=" ".join(f"result{place}" for place in range(count)),
        many=True,
        expression="unbind(self)",
        local={"self": "stack(grad)"},
        sentence="Each layer gets its own gradient; stacked again, they are the gradient of the whole.",
    )


@lru_cache(maxsize=64)
def split(count: int, grad_fn: str) -> Any:
    """Return the operation that cuts a tensor into `count` stretches along an axis."""
    return unlisted(
        "split",
        grad_fn,
        "split",
        lambda self, dim, ends: tuple(
            self[(slice(None),) * dim + (slice(start, end),)] for start, end in itertools.pairwise(ends)
        ),
        "self",
        {"self": lambda grads, dim: np.concatenate(grads, dim)},
        settings="dim ends",
        outputs=" ".join(f"result{place}" for place in range(count)),
        many=True,
        expression="split(self)",
        local={"self": "cat(grad)"},
        sentence="Each stretch gets its own gradient; joined again, they are the gradient of the whole.",
    )
