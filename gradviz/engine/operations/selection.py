"""Operations that pick entries by their size or place, those that put them somewhere, and those that take a tensor apart."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from gradviz.engine import ties
from gradviz.engine.layout import as_first, in_rows
from gradviz.engine.operation import family, general, unlisted
from gradviz.engine.operations.elementwise import not_differentiable
from gradviz.engine.operations.piecewise import only
from gradviz.engine.operations.shapes import plain, recorded, zeros_for

_TAKEN = "What was taken gets its gradient; what was left gets 0."
_REPLACED = "The entries that were replaced send their gradients to the new numbers; the others pass theirs on."

# --- along an axis, each entry by a place of its own -------------------------------------------------------------------


def _places(index: np.ndarray, dim: int) -> tuple[Any, ...]:
    """Return the index, as NumPy wants it, of the entries with places of their own along one axis."""
    places: list[Any] = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    return tuple(places)


def _along(array: Any, index: np.ndarray, dim: int) -> np.ndarray:
    """Take entries along an axis; an index may be shorter than the tensor along the others."""
    array = np.asarray(array)
    if not index.size:
        return np.zeros(index.shape, array.dtype)
    return np.atleast_1d(array)[_places(np.atleast_1d(index), dim)].reshape(index.shape)


_REDUCTIONS = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _with(self: Any, src: Any, dim: int, index: np.ndarray, reduce: str | None = None) -> np.ndarray:
    """Put entries into a copy, each to a place of its own along an axis: in place of what stands there, or combined."""
    out = np.array(self, order="C")
    if index.size:
        whole, index = np.atleast_1d(out), np.atleast_1d(index)
        src = np.broadcast_to(src, index.shape)
        if reduce is None:
            whole[_places(index, dim)] = src
        else:
            _REDUCTIONS[reduce].at(whole, _places(index, dim), src)
    return out


def put_along(grad: Any, index: np.ndarray, dim: int, self_sym_sizes: tuple[int, ...]) -> Any:
    """Put gradients back to the places along an axis that entries were taken from; those taken twice get both."""
    return recorded(scatter_add)(zeros_for(grad, self_sym_sizes), grad, dim, plain(index))


def _put_once(grad: Any, index: np.ndarray, dim: int, self_sym_sizes: tuple[int, ...]) -> Any:
    """Do the same where none was taken twice."""
    return recorded(scatter)(zeros_for(grad, self_sym_sizes), grad, dim, index)


def _not_along(grad: Any, dim: int, index: np.ndarray) -> Any:
    """Let pass what was not replaced."""
    return recorded(scatter_value)(grad, dim, index, 0)


gather = general(
    "gather",
    "GatherBackward0",
    "gather",
    in_rows(lambda self, dim, index, self_sym_sizes: _along(self, index, dim)),
    "self",
    {"self": lambda grad, self, dim, index: put_along(grad, index, dim, tuple(np.shape(self)))},
    settings="dim index self_sym_sizes",
    tensors="index",
    expression="gather(self)",
    local={"self": "put(grad)"},
    sentence=f"Entries are taken along an axis, each by a place of its own. {_TAKEN}",
)
_gathered = recorded(gather)
scatter = general(
    "scatter",
    "ScatterBackward0",
    "scatter",
    in_rows(lambda self, src, dim, index: _with(self, src, dim, index)),
    "self src",
    {"self": _not_along, "src": lambda grad, dim, index: _gathered(grad, dim, index, np.shape(grad))},
    settings="dim index",
    tensors="index",
    expression="scatter(self, src)",
    local={"self": "0 if replaced else 1", "src": "taken(grad)"},
    sentence=_REPLACED,
)
scatter_value = general(
    "scatter",
    "ScatterBackward1",
    "scatter",
    in_rows(lambda self, dim, index, value: _with(self, value, dim, index)),
    "self",
    {"self": _not_along},
    settings="dim index value",
    tensors="index",
    expression="scatter(self)",
    local={"self": "0 if replaced else 1"},
    sentence="Where numbers were replaced no gradient comes back; elsewhere all of it does.",
)
scatter_add = general(
    "scatter_add",
    "ScatterAddBackward0",
    "+ at",
    in_rows(lambda self, src, dim, index: _with(self, src, dim, index, "sum")),
    "self src",
    {"self": lambda grad: grad, "src": lambda grad, dim, index: _gathered(grad, dim, index, np.shape(grad))},
    settings="dim index",
    tensors="index",
    expression="scatter_add(self, src)",
    local={"self": "1", "src": "taken(grad)"},
    sentence="Entries are added at places of their own; each gets the gradient of its place, and what it was added to too.",
)


# --- along an axis, combined ---------------------------------------------------------------------------------------------


def combined(self: Any, src: Any, dim: int, index: np.ndarray, reduce: str, include_self: bool) -> np.ndarray:
    """Combine entries that go to the same place along an axis, with each other and with what stands there."""
    start = np.array(self, order="C")
    if not include_self:  # what is combined with nothing is not changed
        neutral = {"prod": 1, "amax": _lowest(start.dtype), "amin": _highest(start.dtype)}.get(reduce, 0)
        start = _with(start, neutral, dim, index)
    out = _with(start, src, dim, index, reduce)
    if reduce == "mean":
        count = _count(out, dim, index, include_self)
        out = out / count if out.dtype.kind == "f" else out // count.astype(out.dtype)
    return out


def _lowest(kind: np.dtype) -> Any:
    return -np.inf if kind.kind == "f" else kind.kind != "b" and np.iinfo(kind).min


def _highest(kind: np.dtype) -> Any:
    return np.inf if kind.kind == "f" else kind.kind == "b" or np.iinfo(kind).max


def _count(like: Any, dim: int, index: np.ndarray, include_self: bool) -> np.ndarray:
    """Return how many entries come together at each place; 1 where none does."""
    like = np.asarray(like)
    kind = like.dtype if like.dtype.kind == "f" else np.float64
    count = _with(np.full(like.shape, include_self, kind), 1, dim, index, "sum")
    return np.maximum(count, 1)


def _reduce_back_to_self(
    grad: Any, self: Any, src: Any, result: Any, dim: int, index: np.ndarray, reduce: str, include_self: bool
) -> Any:
    if reduce == "mean":
        grad = grad / _count(plain(result), dim, index, include_self)
    elif reduce == "prod":
        # The result over the entry itself: the product of the others. Where that is 0, of a product with 1 in its place.
        factor = np.where(plain(self) == 0, 1, self)
        grad = grad * recorded(scatter_reduce)(factor, src, dim, index, "prod", include_self) / factor
    elif reduce in ("amax", "amin"):
        grad = (grad / _winners(self, src, result, dim, index, include_self)) * (plain(self) == plain(result))
    return grad if include_self else _not_along(grad, dim, index)


def _reduce_back_to_src(
    grad: Any, self: Any, src: Any, result: Any, dim: int, index: np.ndarray, reduce: str, include_self: bool
) -> Any:
    if reduce == "mean":
        grad = grad / _count(plain(result), dim, index, include_self)
    elif reduce == "prod":
        zero = plain(src) == 0
        zeros = _along(_with(np.zeros(np.shape(self)), zero, dim, index, "sum"), index, dim)
        alone = zero & (zeros == 1)  # the only 0 in its product: its slope is the product of the others
        without = recorded(scatter_reduce)(self, np.where(alone, 1, src), dim, index, "prod", include_self)
        return np.where(
            alone,
            _gathered(grad * without, dim, index, np.shape(grad)),
            _gathered(grad * result, dim, index, np.shape(grad)) / np.where(zero, 1, src),
        )
    elif reduce in ("amax", "amin"):
        won = plain(src) == _along(plain(result), index, dim)
        return _gathered(grad / _winners(self, src, result, dim, index, include_self), dim, index, np.shape(grad)) * won
    return _gathered(grad, dim, index, np.shape(grad))


def _winners(self: Any, src: Any, result: Any, dim: int, index: np.ndarray, include_self: bool) -> np.ndarray:
    """Return how many entries share the extreme at each place, and so its gradient."""
    self, src, result = plain(self), plain(src), plain(result)
    won = (src == _along(result, index, dim)).astype(result.dtype)
    return _with((self == result).astype(result.dtype), won, dim, index, "sum")


_reduce: dict[str, Any] = {
    "forward": combined,
    "inputs": "self src",
    "derivatives": {"self": _reduce_back_to_self, "src": _reduce_back_to_src},
    "settings": "dim index reduce include_self",
    "tensors": "index",
    "local": {"self": "combined_back(grad)", "src": "combined_back(grad)"},
    "sentence": "Entries that come to the same place are combined there; the gradient goes back to each as to a term, a "
    "factor or a winner.",
}
scatter_reduce = general(
    "scatter_reduce", "ScatterReduceBackward0", "combine", expression="scatter_reduce(self, src)", **_reduce
)
index_reduce = general(
    "index_reduce", "IndexReduceBackward0", "combine", expression="index_reduce(self, src)", **_reduce
)

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
    sentence=f"Whole layers are taken along an axis. {_TAKEN}",
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
    sentence="Layers are added to some of a tensor's; each gets the gradient of its place, and what it was added to too.",
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
    sentence=_REPLACED,
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
    sentence="Where numbers were replaced no gradient comes back; elsewhere all of it does.",
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
    sentence="The number that was put everywhere gets the sum of the gradients of its places; the others pass theirs on.",
)

# --- by place in the flattened tensor ---------------------------------------------------------------------------------


def _put(self: Any, source: Any, index: np.ndarray, accumulate: bool) -> np.ndarray:
    out = np.array(self, order="C")
    flat = out.reshape(-1)
    if accumulate:
        np.add.at(flat, index.ravel(), np.ravel(source))
    else:
        flat[index.ravel()] = np.ravel(source)
    return out


take = general(
    "take",
    "TakeBackward0",
    "take",
    lambda self, index, self_sym_sizes: np.ravel(self)[index],
    "self",
    {
        "self": lambda grad, self, index: recorded(put)(
            zeros_for(grad, tuple(np.shape(self))), grad, np.asarray(index), True
        )
    },
    settings="index self_sym_sizes",
    tensors="index",
    expression="take(self)",
    local={"self": "put(grad)"},
    sentence=f"Entries are taken by their place in the flattened tensor. {_TAKEN}",
)
put: Any = general(
    "put",
    "PutBackward0",
    "put",
    as_first(_put),
    "self source",
    {
        "self": lambda grad, index, accumulate: (
            grad if accumulate else recorded(put)(grad, zeros_for(grad, index.shape), index, False)
        ),
        "source": lambda grad, source, index: np.reshape(recorded(take)(grad, index, np.shape(grad)), np.shape(source)),
    },
    settings="index accumulate",
    tensors="index",
    expression="put(self, source)",
    local={"self": "0 if replaced else 1", "source": "taken(grad)"},
    sentence=_REPLACED,
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
    sentence="Where the mask holds the numbers are replaced, and no gradient comes back; elsewhere all of it does.",
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
    sentence="Where the mask holds the number was put, which gets the gradients from there; elsewhere they pass.",
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
    sentence=f"The entries where a mask holds are taken. {_TAKEN}",
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
    sentence=_REPLACED,
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
    sentence="Every entry is the same number now; nothing of the old ones is left, so they get 0.",
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
    sentence="Every entry is the same number now, which gets the gradients of all; the old ones get 0.",
)

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
    return _put_once(grad, indices, dim, self_sym_sizes)


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
    return _put_once(grad, plain(indices), dim, self_sym_sizes)


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
        sentence="The entries are put in order; each gradient goes back to where its entry came from.",
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
    sentence=f"The k largest entries are taken. {_TAKEN}",
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
        sentence="Each layer gets its own gradient; stacked again, they are the gradient of the whole.",
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
        sentence="Each stretch gets its own gradient; joined again, they are the gradient of the whole.",
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
