"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operation import general


def product(left: Any, right: Any) -> Any:
    """Multiply matrices.

    A column times a row has nothing to add up. NumPy's BLAS still adds each product to 0, which turns −0 into 0 where
    PyTorch prints ``-0.``; multiplying is exact, and faster.
    """
    if left.shape[-1] == 1 and left.ndim == 2 == right.ndim:
        return left * right
    return left @ right


_matrix_sentence = (
    "A matrix product sends each factor the gradient above it times the other factor transposed, from the same side."
)
mm = general(
    "mm",
    "MmBackward0",
    "@",
    product,
    "self mat2",
    {
        "self": lambda grad, mat2: product(grad, np.transpose(mat2)),
        "mat2": lambda grad, self: product(np.transpose(self), grad),
    },
    expression="self @ mat2",
    local={"self": "grad @ mat2.T", "mat2": "self.T @ grad"},
    sentence=_matrix_sentence,
)
mv = general(
    "mv",
    "MvBackward0",
    "@",
    product,
    "self vec",
    {
        "self": lambda grad, vec: np.expand_dims(grad, 1) * np.expand_dims(vec, 0),
        "vec": lambda grad, self: np.transpose(self) @ grad,
    },
    expression="self @ vec",
    local={"self": "outer(grad, vec)", "vec": "self.T @ grad"},
    sentence="The matrix gets the gradient of each row times the vector; the vector gets the transposed matrix times it.",
)
dot = general(
    "dot",
    "DotBackward0",
    "·",
    np.dot,
    "self tensor",
    {"self": lambda grad, tensor: grad * tensor, "tensor": lambda grad, self: grad * self},
    expression="self @ tensor",
    local={"self": "tensor", "tensor": "self"},
    sentence="A dot product sends each vector the gradient above it times the other vector.",
)
bmm = general(
    "bmm",
    "BmmBackward0",
    "@",
    product,
    "self mat2",
    {
        "self": lambda grad, mat2: grad @ np.swapaxes(mat2, 1, 2),
        "mat2": lambda grad, self: np.swapaxes(self, 1, 2) @ grad,
    },
    expression="self @ mat2",
    local={"self": "grad @ mat2.T", "mat2": "self.T @ grad"},
    sentence=_matrix_sentence,
)
addmm = general(
    "addmm",
    "AddmmBackward0",
    "@ +",
    lambda self, mat1, mat2: product(mat1, mat2) + self,
    "self mat1 mat2",
    {
        "self": lambda grad: grad,
        "mat1": lambda grad, mat2: product(grad, np.transpose(mat2)),
        "mat2": lambda grad, mat1: product(np.transpose(mat1), grad),
    },
    expression="mat1 @ mat2 + self",
    local={"self": "1", "mat1": "grad @ mat2.T", "mat2": "mat1.T @ grad"},
    sentence="What is added gets the gradient unchanged; each factor gets it times the other factor transposed.",
)
