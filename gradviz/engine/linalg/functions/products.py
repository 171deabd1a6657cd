"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

from gradviz.engine import advice, dtypes
from gradviz.engine.arguments import array_of, normal_axis
from gradviz.engine.functions.arithmetic import mul
from gradviz.engine.functions.repeating import broadcast_shape, expand
from gradviz.engine.functions.shapes import reshape
from gradviz.engine.linalg.checks import check_tensor, type_names
from gradviz.engine.linalg.operations import products as rows
from gradviz.engine.operations import shapes
from gradviz.engine.tensor import Tensor

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cross", "dot", "ger", "kron", "mm", "mv", "outer", "trace",
    "vdot",
]  # fmt: skip

IN_PLACE = ["addbmm", "addmm", "addmv", "addr", "baddbmm"]

_C_NAMES = {
    dtypes.float64: "double", dtypes.float32: "float", dtypes.float16: "c10::Half", dtypes.int64: "long int",
    dtypes.int32: "int", dtypes.int16: "short int", dtypes.int8: "signed char", dtypes.uint8: "unsigned char",
    dtypes.bool: "bool",
}  # fmt: skip
"""What C++ calls the dtypes; a few of PyTorch's messages do, too."""


def _not_bool(tensor: Tensor, kernel: str) -> None:
    if tensor.array.dtype.kind == "b":
        raise NotImplementedError(f"\"{kernel}\" not implemented for 'Bool'")


def _sizes(*matrices: Tensor) -> tuple[str, ...]:
    return tuple("x".join(map(str, tensor.array.shape)) for tensor in matrices)


def _check_inner(mat1: Tensor, mat2: Tensor) -> None:
    if mat1.array.shape[1] != mat2.array.shape[0]:
        words = "mat1 and mat2 shapes cannot be multiplied ({} and {})".format(*_sizes(mat1, mat2))
        raise RuntimeError(advice.inner_sizes(words, mat1, mat2))


# --- one product ---------------------------------------------------------------------------------------------------------


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply two matrices, (n, m) and (m, p)."""
    if not isinstance(mat2, Tensor):
        check_tensor("mm", mat2=mat2)
    x, y = input.array, mat2.array
    if x.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if y.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    if x.shape[1] != y.shape[0]:
        _check_inner(input, mat2)
    if x.dtype is not y.dtype or x.dtype.kind != "f":
        if x.dtype != y.dtype:
            names = _C_NAMES[input.dtype], _C_NAMES[mat2.dtype]
            words = "expected m1 and m2 to have the same dtype, but got: {} != {}".format(*names)
            raise RuntimeError(advice.other_dtypes(words, input, mat2))
        _not_bool(input, "addmm_impl_cpu_")
    return rows.mm(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Multiply a matrix (n, m) and a vector (m)."""
    check_tensor("mv", vec=vec)
    input.size(0)  # or say that there is none, which PyTorch asks first
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    n, m = input.array.shape
    if m != vec.array.shape[0]:
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({vec.shape[0]})")
    _check_addmv(vec, input, vec)
    return rows.mv(input, vec)


def _check_addmv(input: Tensor, mat: Tensor, vec: Tensor) -> None:
    if not input.array.dtype == mat.array.dtype == vec.array.dtype:
        names = type_names(input, mat, vec)
        raise RuntimeError("addmv input tensors must have the same dtype, but got {}, {}, and {}".format(*names))
    _not_bool(mat, "addmv_impl_cpu")


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Multiply two vectors entry by entry and add up."""
    check_tensor("dot", tensor=tensor)
    _check_dot(input, tensor)
    return rows.dot(input, tensor)


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Do the same: for real numbers there is no difference to `dot`."""
    check_tensor("vdot", other=other)
    _check_dot(input, other)
    return rows.vdot(input, other)


def _check_dot(input: Tensor, other: Tensor) -> None:
    if input.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {other.ndim}D tensors")
    if input.array.dtype != other.array.dtype:
        names = type_names(input, other)
        raise RuntimeError("dot : expected both vectors to have same dtype, but found {} and {}".format(*names))
    m, n = input.numel(), other.numel()
    if m != n:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{m}] and src [{n}] to have the same number of elements, "
            f"but got {m} and {n} elements respectively"
        )
    _not_bool(input, "dot")


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply matrices pair by pair, (b, n, m) and (b, m, p)."""
    if not isinstance(mat2, Tensor):
        check_tensor("bmm", mat2=mat2)
    if input.array.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if mat2.array.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    _check_batches(input, mat2)
    return rows.bmm(input, mat2)


def _check_batches(batch1: Tensor, batch2: Tensor) -> None:
    x, y = batch1.array, batch2.array
    if x.shape[0] != y.shape[0] or x.shape[2] != y.shape[1]:
        want, got = [x.shape[0], x.shape[2]], list(y.shape[:2])
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: {want} but got: {got}.")
    if x.dtype is not y.dtype or x.dtype.kind != "f":
        if x.dtype != y.dtype:
            raise RuntimeError("expected scalar type {} but found {}".format(*type_names(batch1, batch2)))
        _not_bool(batch1, "bmm")


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Multiply every entry of one vector with every entry of another: (n) and (m) give (n, m)."""
    check_tensor("outer", vec2=vec2)
    _check_vectors("outer", self=input, vec2=vec2)
    return mul(reshape(input, (-1, 1)), vec2)


ger = outer


def _check_vectors(function: str, **vectors: Tensor) -> None:
    for name, vector in vectors.items():
        if vector.ndim != 1:
            raise RuntimeError(f"{function}: Expected 1-D argument {name}, but got {vector.ndim}-D")


# --- a product and a sum -------------------------------------------------------------------------------------------------


def _factors(tensor: Tensor, beta: Any, alpha: Any) -> tuple[Any, Any]:
    """Return two settings as numbers; for integer tensors as integers."""
    kind = float if tensor.array.dtype.kind == "f" else int
    beta, alpha = (one if type(one) is int else kind(array_of(one)) for one in (beta, alpha))
    return beta, alpha


def _check_expands(input: Tensor, size: tuple[int, ...]) -> None:
    """Say why what is to be added does not fit."""
    shape = input.array.shape
    if len(shape) <= len(size) and shape == size[len(size) - len(shape) :]:  # as a bias does
        return
    if len(shape) > len(size):
        raise RuntimeError(
            f"expand({input.type()}{{{list(shape)}}}, size={list(size)}): the number of sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    expand(input.detach(), size)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Multiply two matrices and add: ``beta * input + alpha * (mat1 @ mat2)``.

    Parameters
    ----------
    input
        What is added; broadcast to (n, p).
    mat1, mat2
        Of shapes (n, m) and (m, p).
    beta, alpha
        Factors; with `beta` 0, `input` is ignored.
    """
    if not (isinstance(mat1, Tensor) and isinstance(mat2, Tensor)):
        check_tensor("addmm", mat1=mat1, mat2=mat2)
    x, y, start = mat1.array, mat2.array, input.array
    for name, array in (("mat1", x), ("mat2", y)):
        if array.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {array.ndim}-D tensor")
    if x.shape[1] != y.shape[0]:
        _check_inner(mat1, mat2)
    size = (x.shape[0], y.shape[1])
    if start.shape != size:
        _check_expands(input, size)
    if not start.dtype is x.dtype is y.dtype or x.dtype.kind != "f":
        if start.dtype != y.dtype:
            names = type_names(input, mat2)
            raise RuntimeError("self and mat2 must have the same dtype, but got {} and {}".format(*names))
        if x.dtype != y.dtype:
            names = type_names(mat1, mat2)
            raise RuntimeError("mat1 and mat2 must have the same dtype, but got {} and {}".format(*names))
        _not_bool(mat1, "addmm_impl_cpu_")
        beta, alpha = _factors(mat1, beta, alpha)
    return rows.addmm(input, mat1, mat2, beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Multiply a matrix and a vector and add: ``beta * input + alpha * (mat @ vec)``. See `addmm`."""
    check_tensor("addmv", mat=mat, vec=vec)
    if mat.ndim != 2 or vec.ndim != 1 or input.ndim > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}")
    n, m = mat.array.shape
    if m != vec.shape[0] or (input.ndim and input.shape[0] not in (1, n)):
        length = input.shape[0] if input.ndim else n
        raise RuntimeError(f"size mismatch, got input ({length}), mat ({n}x{m}), vec ({vec.shape[0]})")
    _check_addmv(input, mat, vec)
    return rows.addmv(input, mat, vec, *_factors(mat, beta, alpha))


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Multiply matrices pair by pair and add: ``beta * input + alpha * (batch1 @ batch2)``. See `addmm`."""
    check_tensor("baddbmm", batch1=batch1, batch2=batch2)
    _check_expands(input, _batch_size(batch1, batch2))
    for name, batch in (("batch1", batch1), ("batch2", batch2)):
        if batch.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    _check_batches(batch1, batch2)
    if input.array.dtype != batch1.array.dtype:
        names = (_C_NAMES[x.dtype] for x in (input, batch1, batch2))
        raise RuntimeError("Input dtypes must be the same, got: input {}, batch1: {}, batch2: {}".format(*names))
    return rows.baddbmm(input, batch1, batch2, *_factors(batch1, beta, alpha))


def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Multiply matrices pair by pair, add up all products, and add those: see `baddbmm`."""
    check_tensor("addbmm", batch1=batch1, batch2=batch2)
    _check_expands(input, _batch_size(batch1, batch2)[1:])
    if batch1.shape[0] != batch2.shape[0]:
        b, c = batch1.shape[0], batch2.shape[0]
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {b} and {c}")
    for name, batch in (("batch1", batch1), ("batch2", batch2)):
        if batch.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(
            f"Incompatible matrix sizes for bmm ({batch1.shape[1]}x{batch1.shape[2]} and "
            f"{batch2.shape[1]}x{batch2.shape[2]})"
        )
    for x, y, words in ((input, batch2, "self and mat2"), (batch1, batch2, "mat1 and mat2")):
        if x.array.dtype != y.array.dtype:
            raise RuntimeError(f"{words} must have the same dtype, but got {{}} and {{}}".format(*type_names(x, y)))
    _not_bool(batch1, "addmm_impl_cpu_")
    return rows.addbmm(input, batch1, batch2, *_factors(batch1, beta, alpha))


def _batch_size(batch1: Tensor, batch2: Tensor) -> tuple[int, int, int]:
    """Return the shape of the products of two batches, before it is known that they are batches."""
    normal_axis(1, batch1.ndim), normal_axis(2, batch2.ndim)
    return batch1.shape[0], batch1.shape[1], batch2.shape[2]


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add the products of all entries of two vectors: ``beta * input + alpha * outer(vec1, vec2)``. See `addmm`."""
    check_tensor("addr", vec1=vec1, vec2=vec2)
    _check_vectors("addr", vec1=vec1, vec2=vec2)
    _check_expands(input, (vec1.shape[0], vec2.shape[0]))
    kind = dtypes.result_type(input.array, vec1.array, vec2.array)
    if kind.kind != "f":
        for name, value in (("beta", beta), ("alpha", alpha)):
            if isinstance(value, float):
                what = "Boolean" if kind.kind == "b" else "integral"
                raise RuntimeError(f"For {what} input tensors, argument {name} must not be a floating point number.")
    input, vec1, vec2 = (x if x.array.dtype == kind else x.to(kind) for x in (input, vec1, vec2))
    return rows.addr(input, vec1, vec2, beta, alpha)


# --- others --------------------------------------------------------------------------------------------------------------


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Put a copy of `other`, times each entry of `input`, where that entry stands: the Kronecker product.

    Parameters
    ----------
    input, other
        Tensors of any shape; the one with fewer axes gets axes of length 1 in front.

    Returns
    -------
    Tensor
        Along each axis as long as the two lengths multiplied.
    """
    check_tensor("kron", other=other)
    ndim = max(input.ndim, other.ndim)
    m, n = ((1,) * (ndim - x.ndim) + tuple(x.shape) for x in (input, other))
    left = tuple(length for size in m for length in (size, 1))
    right = tuple(length for size in n for length in (1, size))
    products = mul(
        shapes.unsafe_view(input, left, tuple(input.shape)), shapes.unsafe_view(other, right, tuple(other.shape))
    )
    return shapes.unsafe_view(products, tuple(a * b for a, b in zip(m, n, strict=True)), tuple(products.shape))


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the cross product of vectors of length 3 along an axis; by default the first of that length."""
    check_tensor("cross", other=other)
    if dim is None:
        dim = next((axis for axis, length in enumerate(input.shape) if length == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return cross_along(input, other, dim)


def cross_along(input: Tensor, other: Tensor, dim: int) -> Tensor:
    """Return the cross product along an axis that is named."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = normal_axis(dim, input.ndim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and {other.shape[axis]}"
        )
    broadcast_shape(input, other)
    if input.array.dtype != other.array.dtype:
        raise RuntimeError("expected scalar type {} but found {}".format(*type_names(input, other)))
    _not_bool(input, "cross")
    return rows.cross(input, other, axis - input.ndim)


def trace(input: Tensor) -> Tensor:
    """Add up the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    _not_bool(input, "trace")
    return rows.trace(input, tuple(input.shape))
