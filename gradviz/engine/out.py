"""``out=``: writing a result into a tensor that is given, by PyTorch's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gradviz.engine import dtypes, inplace
from gradviz.engine.functions.results import return_type
from gradviz.engine.modes import mode, no_grad
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor

NO_GRADIENT = "{}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad."
RESIZED = (
    "An output with one or more elements was resized since it had shape {}, which does not match the required output shape "
    "{}. This behavior is deprecated, and in a future PyTorch release outputs will not be resized unless they have zero "
    "elements. You can explicitly reuse an out tensor t by resizing it, inplace, to zero elements with t.resize_(0)."
)
OVERLAPS = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
    "Please clone() the tensor before performing the operation."
)

CASTS = "result type {result} can't be cast to the desired output type {out}"
"""The rule of most functions: what can be converted without loss of kind is converted."""

SAME = "Expected out tensor to have dtype {cpp_result}, but got {cpp_out} instead"
SAFELY = "{name}: Expected result to be safely castable from {result} dtype, but got result with dtype {out}"

RULES = {
    SAME: "addmm addmv baddbmm bmm cross expand_copy diagonal_copy alias_copy isin lu_unpack lu_solve softmax aminmax as_strided_copy "
    "topk mm view_copy permute_copy qr slice_scatter triangular_solve gather index_copy index_add index_reduce sort scatter "
    "scatter_add unbind_copy unfold_copy msort renorm squeeze_copy take_along_dim unsqueeze_copy transpose_copy tril triu "
    "log_softmax matmul svd t_copy argmax argmin scatter_reduce max min norm linalg.cross linalg.det linalg.cholesky linalg.cholesky_ex "
    "linalg.eigh linalg.eigvalsh linalg.qr linalg.slogdet linalg.vector_norm linalg.lu_factor linalg.lu_factor_ex linalg.lu "
    "linalg.lu_solve linalg.inv linalg.inv_ex linalg.solve linalg.solve_ex linalg.svdvals nn.functional.avg_pool2d "
    "nn.functional.avg_pool3d nn.functional.linear",
    "Found dtype {out} but expected {result}": "abs bitwise_not ceil conj_physical frac floor neg round sign sgn trunc clamp "
    "nn.functional.softshrink nn.functional.hardshrink nn.functional.gelu nn.functional.softplus",
    "result dtype {out} does not match input dtype {result}": "dot vdot",
    "expected scalar_type {result} but found {out}": "cummax cummin logcumsumexp diff",
    "quantile() out tensor must be same dtype as the input tensor": "quantile nanquantile",
    "tensordot: Expected the output tensor to have dtype {result}, but got an output tensor with dtype {out}": "inner tensordot",
    "Expected the dtype for input and out to match, but got {result} for input's dtype and {out} for out's dtype.": "amax amin",
    "masked_select(): self and result must have the same scalar type": "masked_select",
    "index_select(): self and result must have the same scalar type": "index_select",
    "output values must be of same type as input": "kthvalue",
    "nan_to_num: dtype of out: {out} should be same as input: {result}": "nan_to_num",
    "take(): self and out expected to have the same dtype, but got self.dtype = {result} and out.dtype = {out}": "take",
    "multinomial expects {result} tensor out, got: {out}": "multinomial",
    "Expected out type to be {result} but got {out}": "where",
    "nonzero: Expected out tensor to have scalar type Long but got scalar type{out}": "nonzero",
    "{name} only supports bool tensor for result, got: {out}": "all any",
    "{name} does not support non-boolean outputs.": "isposinf isneginf signbit",
    "the output given to float_power has dtype {out} but the operation's result requires dtype {result}": "float_power",
    "multi_dot(): expected out tensor to have dtype {cpp_result} but got {cpp_out}": "linalg.multi_dot",
    "torch.histogram: input tensor and {field} tensor should have the same dtype, but got input {cpp_result} and {field} {cpp_out}": (
        "histogram"
    ),
    "{name} expected out tensor dtype {result} but got: {out}": "linalg.norm linalg.matrix_norm",
}
"""What is said where only one dtype will do, and the functions for which it is so."""

LOOSE = {
    "torch.cat(): input types can't be cast to the desired output type {out}": "cat concat concatenate stack hstack vstack dstack "
    "column_stack row_stack",
    "mean.dtype_out(): input types can't be cast to the desired output type {out}": "",
    "diag: result type {result} can't be cast to the desired out= type {out}": "diag",
    SAFELY: "cholesky_inverse cholesky_solve cholesky linalg.cond linalg.pinv linalg.tensorinv linalg.tensorsolve",
    "": "sum prod nansum nanmean cumsum cumprod arange linspace logspace zeros ones empty full eye rand randn randint randperm "
    "bernoulli normal lu",
}
"""What is said where the result cannot be converted, if that is not `CASTS`; nothing, where anything can."""

_EXACT = {name: words for words, names in RULES.items() for name in names.split()}
_LOOSE = {name: words for words, names in LOOSE.items() for name in names.split()}

MADE_BY = {
    "hstack": "cat", "vstack": "cat", "dstack": "cat", "column_stack": "cat", "row_stack": "cat", "concat": "cat",
    "concatenate": "cat", "true_divide": "div", "divide": "div", "multiply": "mul", "subtract": "sub", "outer": "mul",
    "kron": "mul", "float_power": "pow", "square": "pow", "msort": "sort", "take_along_dim": "gather", "nanmean": "nansum",
    "norm": "linalg_vector_norm", "linalg.inv": "linalg_inv_ex", "linalg.cholesky": "linalg_cholesky_ex",
    "linalg.eigvalsh": "_linalg_eigh", "linalg.solve": "_linalg_solve_ex", "linalg.svdvals": "_linalg_svd",
    "linalg.det": "_linalg_det", "linalg.eigh": "_linalg_eigh", "linalg.svd": "_linalg_svd", "svd": "_linalg_svd",
    "linalg.slogdet": "_linalg_slogdet", "linalg.vecdot": "vdot", "linalg.multi_dot": "mm",
}  # fmt: skip
"""Functions that PyTorch makes of another, which its error names."""


def written(name: str, function: Callable[..., Any], out: Any, *args: Any, **settings: Any) -> Any:
    """Compute, without a graph, and write the result into the tensors given for it."""
    with no_grad():
        result = function(*args, **settings)
    return write(name, out, result, (*args, *settings.values()))


def write(name: str, out: Any, result: Any, arguments: Iterable[Any]) -> Any:
    """Write a function's result into the tensors given for it, and return those.

    Parameters
    ----------
    name
        The function.
    out
        A tensor, or as many as there are results.
    result
        What the function computed, without a graph.
    arguments
        What it computed that from.

    Raises
    ------
    RuntimeError
        If a gradient would have to flow, the result cannot be converted to the dtype of `out`, or `out` shares part of its
        memory with an argument.
    """
    several = isinstance(result, tuple | list)
    pairs = list(zip(out if isinstance(out, tuple | list) else (out,), result if several else (result,), strict=False))
    given = list(_tensors(arguments))
    fields = getattr(result, "_fields", ("result",) * len(pairs))
    for field, (tensor, computed) in zip(fields, pairs, strict=False):
        _check_dtype(name, field, computed, tensor)
    differentiable = any(computed.array.dtype.kind == "f" for _, computed in pairs)
    if mode.enabled and differentiable and any(t._requires_grad for t in (*given, *(tensor for tensor, _ in pairs))):
        raise RuntimeError(NO_GRADIENT.format(MADE_BY.get(name, name.replace("linalg.", "linalg_").split(".")[-1])))
    for tensor, computed in pairs:
        _write_one(name, tensor, computed.array, given)
    if not several:
        return out
    kind = type(result)
    return return_type(f"{kind.__name__}_out", " ".join(kind._fields))(*out) if hasattr(kind, "_fields") else out


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors(value)


def _check_dtype(name: str, field: str, computed: Tensor, out: Tensor) -> None:
    if computed.array.dtype == out.array.dtype:
        return
    exact = _EXACT.get(name)
    if exact is None:
        words = _LOOSE.get(name, CASTS)
        questions = computed.array.dtype.kind == "b"  # a yes or no can be written as any number
        if not words or questions or _can_cast(computed.array.dtype.kind, out.array.dtype.kind):
            return
    else:
        words = exact
    kind = TypeError if words.startswith("torch.cat()") else RuntimeError
    raise kind(
        words.format(
            name=name,
            field=field,
            result=dtypes.scalar_type_name(computed.dtype),
            out=dtypes.scalar_type_name(out.dtype),
            cpp_result=dtypes.CPP_NAMES[computed.dtype.name],
            cpp_out=dtypes.CPP_NAMES[out.dtype.name],
        )
    )


def _can_cast(kind: str, to: str) -> bool:
    return "buif".index(kind) <= "buif".index(to) or {kind, to} == {"u", "i"}


def _write_one(name: str, out: Tensor, array: Any, given: list[Tensor]) -> None:
    shape = np.shape(array)
    if tuple(out.array.shape) != shape:
        if out.array.size and name not in _LOOSE_SIZES:
            warn(RESIZED.format(list(out.array.shape), list(shape)))
        inplace.resize(out, shape)
    if any(_partly_the_same(tensor.array, out.array) for tensor in given):
        raise RuntimeError(OVERLAPS)
    inplace.write(out, array)


_LOOSE_SIZES = frozenset(
    ["linspace", "logspace", "zeros", "ones", "empty", "full", "eye", "rand", "randn", "randint", "randperm"]
)
"""Functions that make a tensor, and resize the one that is given without a word."""


def _partly_the_same(x: Any, y: Any) -> bool:
    """Return True for two dense arrays that share some memory but are not the same."""
    if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)) or not np.may_share_memory(x, y):
        return False
    same = (
        x.__array_interface__["data"] == y.__array_interface__["data"] and x.shape == y.shape and x.strides == y.strides
    )
    return not same and all(array.flags.c_contiguous or array.flags.f_contiguous for array in (x, y))
