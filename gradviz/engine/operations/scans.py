"""Operations that go along an axis and keep every step: cumulative products, maxima, soft maxima."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.arguments import array_of
from gradviz.engine.layout import in_rows
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import on_both
from gradviz.engine.operations.piecewise import only
from gradviz.engine.operations.scattering import put_along


def from_the_end(grad: Any, dim: int) -> Any:
    """Add up along an axis from the end: what comes back through a sum of all that came before."""
    return np.flip(np.cumsum(np.flip(grad, dim), dim), dim) if np.ndim(grad) else grad


def has_zeros(x: Any) -> bool:
    """Return True if any entry of an array or a tensor is 0."""
    return not np.all(getattr(x, "array", x))


def products_of_others(x: Any, dim: int) -> Any:
    """Return for each entry the product of the others along an axis, where dividing by it is not possible: by 0."""
    before = _products_before(x, dim)
    return before * np.flip(_products_before(np.flip(x, dim), dim), dim)


def _products_before(x: Any, dim: int) -> Any:
    first = (slice(None),) * dim + (slice(0, 1),)
    rest = (slice(None),) * dim + (slice(0, -1),)
    return np.cumprod(np.concatenate([np.ones_like(x[first]), x[rest]], dim), dim)


def _cumprod_back(grad: Any, self: Any, result: Any, dim: int) -> Any:
    if not np.ndim(self) or not np.size(self):
        return grad
    if not has_zeros(self):
        return from_the_end(grad * result, dim) / self
    # By what the product up to each j, without the entry k, moves with k: a table of k and j, for each row.
    grad, x = np.swapaxes(grad, dim, -1), np.swapaxes(self, dim, -1)
    length = np.shape(x)[-1]
    without = np.where(np.eye(length, dtype=bool), 1, np.expand_dims(x, -2))
    later = np.triu(np.ones((length, length), bool))
    slopes = np.where(later, np.cumprod(without, without.ndim - 1), 0)
    return np.swapaxes(np.sum(np.expand_dims(grad, -2) * slopes, axis=-1), dim, -1)


cumprod = general(
    "cumprod",
    "CumprodBackward0",
    "cumprod",
    in_rows(
        lambda self, dim: (
            np.cumprod(self, dim, dtype=None if self.dtype.kind == "f" else np.int64) if self.ndim else self + 0
        )
    ),
    "self",
    {"self": _cumprod_back},
    settings="dim",
    expression="cumprod(self)",
    local={"self": "cumprod_back(grad, self)"},
)


def _running(accumulate: Any) -> Any:
    def forward(self: np.ndarray, dim: int, self_sym_sizes: Any) -> tuple[np.ndarray, np.ndarray]:
        if not self.ndim:
            return self.copy(), np.zeros((), np.int64)
        values = accumulate(self, dim)
        # The record so far, or one that equals it: whichever came last. What is not a number stays the record.
        shape = [1] * self.ndim
        shape[dim] = -1
        places = np.arange(self.shape[dim]).reshape(shape)
        won = np.where((self == values) | (self != self), places, 0)
        return values, np.maximum.accumulate(won, dim)

    return forward


def _records(name: str, grad_fn: str, accumulate: Any) -> Any:
    return general(
        name,
        grad_fn,
        name,
        in_rows(_running(accumulate)),
        "self",
        {
            "self": lambda grad, self, indices, dim: put_along(
                grad, np.asarray(array_of(indices)), dim, tuple(np.shape(self))
            )
        },
        settings="dim self_sym_sizes",
        outputs="result indices",
        expression=f"{name}(self)",
        local={"self": "put(grad)"},
    )


cummax = _records("cummax", "CummaxBackward0", np.maximum.accumulate)
cummin = _records("cummin", "CumminBackward0", np.minimum.accumulate)


def _logcumsumexp_back(grad: Any, self: Any, result: Any, dim: int) -> Any:
    # The sum of grad·exp(self − result) from the end, in logarithms, so that nothing overflows; these have no sign, so
    # what is positive and what is negative is added up apart.
    return _exp_part(grad, grad > 0, self, result, dim) - _exp_part(-grad, grad < 0, self, result, dim)


def _exp_part(grad: Any, positive: Any, self: Any, result: Any, dim: int) -> Any:
    if not np.ndim(self):
        return only(positive, grad)
    logs = np.where(positive, np.log(np.where(positive, grad, 1)) - result, -np.inf)
    return np.exp(self + np.flip(_logcumsumexp(np.flip(logs, dim), dim), dim))


logcumsumexp = general(
    "logcumsumexp",
    "LogcumsumexpBackward0",
    "cum LSE",
    in_rows(lambda self, dim: np.logaddexp.accumulate(self, dim) if self.ndim else self + 0),
    "self",
    {"self": _logcumsumexp_back},
    settings="dim",
    expression="logcumsumexp(self, dim=dim)",
    local={"self": "cumsum_T(grad * exp(-logcumsumexp(self, dim=dim)), dim=dim) * exp(self)"},
)
_logcumsumexp = on_both(logcumsumexp)


cumsum = general(
    "cumsum",
    "CumsumBackward0",
    "cumsum",
    in_rows(
        lambda self, dim: (
            np.cumsum(self, dim, dtype=None if self.dtype.kind == "f" else np.int64) if self.ndim else self + 0
        )
    ),
    "self",
    {"self": lambda grad, dim: np.flip(np.cumsum(np.flip(grad, dim), dim), dim) if np.ndim(grad) else grad},
    settings="dim",
    expression="cumsum(self)",
    local={"self": "cumsum_T(grad, dim=dim)"},
)
