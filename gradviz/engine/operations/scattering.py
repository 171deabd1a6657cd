"""Operations that take or put entries along an axis, or in the flattened tensor, each by a place of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.layout import as_first, in_rows
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import plain, recorded, zeros_for

TAKEN = "What was taken gets its gradient; what was left gets 0."
REPLACED = "The entries that were replaced send their gradients to the new numbers; the others pass theirs on."

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


def put_once(grad: Any, index: np.ndarray, dim: int, self_sym_sizes: tuple[int, ...]) -> Any:
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
}
scatter_reduce = general(
    "scatter_reduce", "ScatterReduceBackward0", "combine", expression="scatter_reduce(self, src)", **_reduce
)
index_reduce = general(
    "index_reduce", "IndexReduceBackward0", "combine", expression="index_reduce(self, src)", **_reduce
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
)
