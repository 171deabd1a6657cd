"""Operations that take a part of a tensor, and those that put a part back in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.layout import in_rows
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import at_axis, recorded, zeros_for
from gradviz.engine.operations.shapes import copied


def _layer(self: np.ndarray, dim: int, index: int, self_sym_sizes: Any = None) -> np.ndarray:
    return self[(*at_axis(dim, index), ...)]  # with an Ellipsis NumPy returns a view, even of a single number


def _stretch(self: np.ndarray, dim: int, start: int, end: int, step: int, self_sym_sizes: Any = None) -> np.ndarray:
    return self[at_axis(dim, slice(start, end, step))]


def _diagonal(self: np.ndarray, offset: int, dim1: int, dim2: int, self_sym_sizes: Any = None) -> np.ndarray:
    part = np.diagonal(self, offset, dim1, dim2)
    if self.flags.writeable:
        part.flags.writeable = True
    return part


def _replaced(part: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a forward that replaces a part of a tensor."""

    def forward(self: np.ndarray, src: Any, *place: Any) -> np.ndarray:
        out = np.array(self)
        part(out, *place)[...] = src
        return out

    return forward


def _in_zeros(part: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a forward that puts a part into a tensor of zeros, whose sizes come last."""

    def forward(grad: Any, *place: Any) -> np.ndarray:
        full = np.zeros(place[-1], grad.dtype)
        part(full, *place[:-1])[...] = grad
        return full

    return forward


def _part(name: str, grad_fn: str, symbol: str, part: Any, back: Any, settings: str, taken: str = "taken(self)") -> Any:
    return general(
        name,
        grad_fn,
        symbol,
        part,
        "self",
        {"self": back},
        settings=f"{settings} self_sym_sizes".strip(),
        expression=taken,
        local={"self": "put(grad)"},
    )


def _put_back(name: str, grad_fn: str, part: Any, taken: Any, settings: str) -> Any:
    return general(
        name,
        grad_fn,
        "into 0",
        _in_zeros(part),
        "grad_output",
        {"grad_output": taken},
        settings=f"{settings} sizes",
        expression="put(grad_output)",
        local={"grad_output": "taken(grad)"},
    )


def _scatter(name: str, grad_fn: str, forward: Any, kept: Any, taken: Any, settings: str) -> Any:
    return general(
        name,
        grad_fn,
        "[…] =",
        forward,
        "self src",
        {"self": kept, "src": taken},
        settings=settings,
        expression=f"{name}(self, src)",
        local={"self": "0 if replaced else 1", "src": "taken(grad)"},
    )


select = _part(
    "select",
    "SelectBackward0",
    "[i]",
    _layer,
    lambda grad, dim, index, self_sym_sizes: recorded(select_backward)(grad, dim, index, self_sym_sizes),
    "dim index",
    "taken_one(self, dim=dim, index=index)",
)
select_backward: Any = _put_back(
    "select_backward",
    "SelectBackwardBackward0",
    _layer,
    lambda grad, dim, index: recorded(select)(grad, dim, index, np.shape(grad)),
    "dim index",
)
select_scatter: Any = _scatter(
    "select_scatter",
    "SelectScatterBackward0",
    _replaced(_layer),
    lambda grad, dim, index: recorded(select_scatter)(grad, zeros_for(grad), dim, index),
    lambda grad, dim, index: recorded(select)(grad, dim, index, np.shape(grad)),
    "dim index",
)
select_copy = copied(select)

slice_ = _part(
    "slice",
    "SliceBackward0",
    "[a:b]",
    _stretch,
    lambda grad, dim, start, end, step, self_sym_sizes: recorded(slice_backward)(
        grad, dim, start, end, step, self_sym_sizes
    ),
    "dim start end step",
    "taken_stretch(self, dim=dim, start=start, end=end, step=step)",
)
slice_backward: Any = _put_back(
    "slice_backward",
    "SliceBackwardBackward0",
    _stretch,
    lambda grad, dim, start, end, step: recorded(slice_)(grad, dim, start, end, step, np.shape(grad)),
    "dim start end step",
)
slice_scatter: Any = _scatter(
    "slice_scatter",
    "SliceScatterBackward0",
    _replaced(_stretch),
    lambda grad, dim, start, end, step: recorded(slice_scatter)(grad, zeros_for(grad), dim, start, end, step),
    lambda grad, dim, start, end, step: recorded(slice_)(grad, dim, start, end, step, np.shape(grad)),
    "dim start end step",
)
slice_copy = copied(slice_)
narrow_copy = _part(
    "narrow_copy",
    "NarrowCopyBackward0",
    "[a:b]",
    in_rows(lambda self, dim, start, length, self_sym_sizes: np.array(_stretch(self, dim, start, start + length, 1))),
    lambda grad, dim, start, length, self_sym_sizes: recorded(slice_backward)(
        grad, dim, start, start + length, 1, self_sym_sizes
    ),
    "dim start length",
)

diagonal = _part(
    "diagonal",
    "DiagonalBackward0",
    "diagonal",
    _diagonal,
    lambda grad, offset, dim1, dim2, self_sym_sizes: recorded(diagonal_backward)(
        grad, offset, dim1, dim2, self_sym_sizes
    ),
    "offset dim1 dim2",
)
diagonal_backward: Any = _put_back(
    "diagonal_backward",
    "DiagonalBackwardBackward0",
    _diagonal,
    lambda grad, offset, dim1, dim2: recorded(diagonal)(grad, offset, dim1, dim2, np.shape(grad)),
    "offset dim1 dim2",
)
diagonal_scatter: Any = _scatter(
    "diagonal_scatter",
    "DiagonalScatterBackward0",
    _replaced(_diagonal),
    lambda grad, offset, dim1, dim2: recorded(diagonal_scatter)(grad, zeros_for(grad), offset, dim1, dim2),
    lambda grad, offset, dim1, dim2: recorded(diagonal)(grad, offset, dim1, dim2, np.shape(grad)),
    "offset dim1 dim2",
)
diagonal_copy = copied(diagonal)


def _diag_embed(self: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    length = self.shape[-1] + abs(offset)
    out = np.zeros((*self.shape[:-1], length, length), self.dtype)
    _diagonal(out, offset, -2, -1)[...] = self
    return np.ascontiguousarray(np.moveaxis(out, (-2, -1), (dim1, dim2)))


diag_embed = general(
    "diag_embed",
    "DiagEmbedBackward0",
    "diagonal",
    _diag_embed,
    "self",
    {"self": lambda grad, offset, dim1, dim2: recorded(diagonal)(grad, offset, dim1, dim2, np.shape(grad))},
    settings="offset dim1 dim2",
    expression="diag_embed(self)",
    local={"self": "diagonal(grad)"},
)


def _triangle(name: str, grad_fn: str, keep: Any) -> Any:
    def back(grad: Any, diagonal: int) -> Any:
        return recorded(row)(grad, diagonal)

    row = general(
        name,
        grad_fn,
        name,
        in_rows(keep),
        "self",
        {"self": back},
        settings="diagonal",
        expression=f"{name}(self, diagonal=diagonal)",
        local={"self": f"{name}(grad, diagonal=diagonal)"},
    )
    return row


tril = _triangle("tril", "TrilBackward0", lambda self, diagonal: np.tril(self, diagonal))
triu = _triangle("triu", "TriuBackward0", lambda self, diagonal: np.triu(self, diagonal))


def _strided_replaced(self: np.ndarray, src: Any, places: np.ndarray) -> np.ndarray:
    out = np.array(self, order="C")
    out.reshape(-1)[places] = src
    return out


strided_scatter: Any = _scatter(
    "as_strided_scatter",
    "AsStridedScatterBackward0",
    _strided_replaced,
    lambda grad, places: recorded(strided_scatter)(grad, zeros_for(grad), places),
    lambda grad, places: np.reshape(grad, (-1,))[places],
    "places",
)
