"""What changes in place leave in the graph: assignment, filling, and views of what was changed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import strides
from gradviz.engine.layout import as_first
from gradviz.engine.operation import general
from gradviz.engine.operations.scattering import put_along
from gradviz.engine.tensor import Tensor

copy = general(
    "copy",
    "CopyBackwards",
    "=",
    lambda self, src: np.broadcast_to(src, self.shape).astype(self.dtype),
    "self src",
    {"self": lambda grad: np.zeros_like(grad), "src": lambda grad: grad},
    expression="filled(self, src)",
    local={"self": "0", "src": "1"},
)
fill = general(
    "fill",
    "FillBackward3",
    "=",
    as_first(lambda self, value: np.broadcast_to(value, self.shape).astype(self.dtype)),
    "self value",
    {"self": lambda grad: np.zeros_like(grad), "value": lambda grad: np.sum(grad)},
    expression="filled(self, value)",
    local={"self": "0", "value": "1"},
)
fill_number = general(
    "fill",
    "FillBackward2",
    "=",
    as_first(lambda self, value: np.full_like(self, value)),
    "self",
    {"self": lambda grad: np.zeros_like(grad)},
    settings="value",
    expression="filled(self, value)",
    local={"self": "0"},
)
fill_number.__name__ = fill_number.__qualname__ = "fill_number"  # it is another function than `fill`
zero = general(
    "zero",
    "ZeroBackward0",
    "= 0",
    as_first(np.zeros_like),
    "self",
    {"self": lambda grad: np.zeros_like(grad)},
    expression="zeros(self)",
    local={"self": "0"},
)


def back_to(
    grad: Any, size: Any, stride: Any, storage_offset: Any, lies: strides.Lies, self_sym_sizes: tuple[int, ...]
) -> Any:
    """Put gradients where the entries of a part stand in the whole; where several stand at one place, it gets their sum."""
    where = size, stride, storage_offset, lies
    if not isinstance(grad, Tensor) and not strides.overlap(size, stride):
        return strides.with_part(np.zeros(self_sym_sizes, grad.dtype), grad, *where)
    count = math.prod(self_sym_sizes)
    places = strides.part(np.arange(count).reshape(self_sym_sizes), *where)
    flat = put_along(np.reshape(grad, (-1,)), np.ravel(places), 0, (count,))
    return np.reshape(flat, self_sym_sizes)


as_strided = general(
    "as_strided",
    "AsStridedBackward0",
    "view",
    strides.part,
    "self",
    {"self": back_to},
    settings="size stride storage_offset lies",
    expression="view(self)",
    local={"self": "put(grad)"},
)
