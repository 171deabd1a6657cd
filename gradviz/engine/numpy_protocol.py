"""NumPy's functions on tensors: ``np.sin(x)`` in a derivative formula is recorded as ``torch.sin(x)`` is.

Formulas are written with NumPy's functions, and this is what lets them run on tensors. A program's own ``np.sin(x)`` on a
tensor that requires a gradient is refused, as PyTorch refuses it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import advice
from gradviz.engine import functions as f
from gradviz.engine.arguments import array_of
from gradviz.engine.functions import joining
from gradviz.engine.linalg import functions as linalg
from gradviz.engine.modes import mode
from gradviz.engine.operations import choosing, elementary
from gradviz.engine.tensor import NUMPY_OF_TRACKED, Tensor, wrap

UFUNCS: dict[Any, Any] = {
    np.add: f.add,
    np.subtract: lambda x, y: f.sub(x, y) if isinstance(x, Tensor) else y.__rsub__(x),
    np.multiply: f.mul,
    np.true_divide: lambda x, y: f.div(x, y) if isinstance(x, Tensor) else y.__rtruediv__(x),
    np.floor_divide: f.floor_divide,
    np.power: f.pow,
    np.matmul: lambda x, y: f.matmul(_tensor(x), _tensor(y)),
    np.negative: f.neg,
    np.absolute: f.abs,
    np.reciprocal: f.reciprocal,
    np.square: f.square,
    np.sqrt: f.sqrt,
    np.exp: f.exp,
    np.log: f.log,
    np.sin: f.sin,
    np.cos: f.cos,
    np.tanh: f.tanh,
    np.maximum: choosing.maximum,
    np.minimum: choosing.minimum,
    np.sign: f.sign,
    np.exp2: f.exp2,
    np.expm1: f.expm1,
    np.log2: f.log2,
    np.log10: f.log10,
    np.log1p: f.log1p,
    np.tan: f.tan,
    np.sinh: f.sinh,
    np.cosh: f.cosh,
    np.arcsin: f.asin,
    np.arccos: f.acos,
    np.arctan: f.atan,
    np.arcsinh: f.asinh,
    np.arccosh: f.acosh,
    np.arctanh: f.atanh,
    np.deg2rad: f.deg2rad,
    np.rad2deg: f.rad2deg,
    np.floor: f.floor,
    np.ceil: f.ceil,
    np.trunc: f.trunc,
    np.isnan: f.isnan,
    np.isinf: f.isinf,
    np.isfinite: f.isfinite,
    np.remainder: f.remainder,
    np.fmod: f.fmod,
    np.arctan2: elementary.atan2,
    np.hypot: elementary.hypot,
    np.logaddexp: elementary.logaddexp,
    np.logaddexp2: elementary.logaddexp2,
    np.fmax: choosing.fmax,
    np.fmin: choosing.fmin,
    np.equal: f.eq,
    np.not_equal: f.ne,
    np.less: f.lt,
    np.less_equal: f.le,
    np.greater: f.gt,
    np.greater_equal: f.ge,
    np.logical_and: f.logical_and,
    np.logical_or: f.logical_or,
    np.logical_not: f.logical_not,
}


def _sum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    return f.sum(x, axis, keepdims)


def _mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    return f.mean(x, axis, keepdims)


FUNCTIONS: dict[Any, Any] = {
    np.sum: _sum,
    np.mean: _mean,
    np.amax: lambda x, axis=(), keepdims=False: f.amax(x, axis, keepdims),
    np.amin: lambda x, axis=(), keepdims=False: f.amin(x, axis, keepdims),
    np.reshape: lambda x, shape: f.reshape(x, shape),
    np.transpose: lambda x, axes=None: f.permute(x, tuple(range(x.ndim))[::-1] if axes is None else axes),
    np.swapaxes: f.transpose,
    np.squeeze: lambda x, axis=None: f.squeeze(x, axis),
    np.expand_dims: f.unsqueeze,
    np.broadcast_to: f.broadcast_to,
    np.concatenate: lambda tensors, axis=0: joining.cat([_tensor(x) for x in tensors], axis),
    np.stack: lambda tensors, axis=0: joining.stack([_tensor(x) for x in tensors], axis),
    np.where: lambda condition, x, y: f.where(_tensor(condition), x, y),
    np.flip: lambda x, axis=None: f.flip(x, tuple(range(x.ndim)) if axis is None else axis),
    np.cumsum: lambda x, axis: f.cumsum(x, axis),
    np.cumprod: lambda x, axis: f.cumprod(x, axis),
    np.roll: lambda x, shift, axis=None: f.roll(x, shift, axis),
    np.dot: lambda x, y: f.matmul(_tensor(x), _tensor(y)),
    np.outer: f.outer,
    np.inner: f.inner,
    np.kron: f.kron,
    np.trace: lambda x: f.trace(x),
    np.einsum: lambda equation, *tensors: f.einsum(equation, *(_tensor(x) for x in tensors)),
    np.tensordot: lambda x, y, axes=2: f.tensordot(_tensor(x), _tensor(y), axes),
    np.linalg.norm: lambda x, ord=None, axis=None, keepdims=False: linalg.norm(x, ord, axis, keepdims),
    np.linalg.det: linalg.det,
    np.linalg.inv: linalg.inv,
    np.linalg.pinv: linalg.pinv,
    np.linalg.cholesky: linalg.cholesky,
    np.linalg.matrix_power: linalg.matrix_power,
    np.shape: lambda x: tuple(x.shape),
    np.size: lambda x: x.numel(),
    np.ndim: lambda x: x.ndim,
    np.zeros_like: lambda x: wrap(np.zeros_like(x.array)),
    np.ones_like: lambda x: wrap(np.ones_like(x.array)),
    np.allclose: lambda x, y, **how: bool(np.allclose(array_of(x), array_of(y), **how)),
    np.array_equal: lambda x, y: bool(np.array_equal(array_of(x), array_of(y))),
}


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(np.asarray(value))


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    if mode.enabled and not mode.formulas and any(isinstance(x, Tensor) and x._requires_grad for x in inputs):
        raise RuntimeError(advice.numpy_of_tracked(NUMPY_OF_TRACKED, self))
    function = UFUNCS.get(ufunc)
    if function is None or method != "__call__" or kwargs:
        how = f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else "")
        raise TypeError(
            f"gradviz cannot record {how} on a tensor"
            + (f" with {', '.join(kwargs)}=" if kwargs else "")
            + "; call it on tensor.detach().numpy() if no gradient is needed"
        )
    if not any(isinstance(value, Tensor) for value in inputs[:1]) and isinstance(inputs[0], np.ndarray):
        inputs = (wrap(inputs[0]), *inputs[1:])
    return function(*inputs)


def _array_function(self: Tensor, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    ours = FUNCTIONS.get(function)
    if ours is None:
        raise TypeError(
            f"gradviz cannot record np.{function.__name__} on a tensor; call it on tensor.detach().numpy() if no "
            "gradient is needed"
        )
    return ours(*args, **kwargs)


def install() -> None:
    """Let tensors answer NumPy."""
    Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
    Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]
