"""Making tensors from data: lists, arrays, other tensors; and as PyTorch's old constructors do."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine import dtypes, size
from gradviz.engine.creation.options import leaf, shape_of
from gradviz.engine.cut import cut
from gradviz.engine.devices import check_device
from gradviz.engine.operations import shapes
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap
from gradviz.engine.views import view_of

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "as_tensor", "asarray", "from_numpy", "tensor",
]  # fmt: skip


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """Make a tensor from numbers; the data is copied.

    Parameters
    ----------
    data
        A number, nested lists of numbers, or an array.
    dtype
        By default float32 for Python floats, int64 for ints, bool for bools, an array's own for arrays.
    device
        ``"cpu"``; there is no other.
    requires_grad
        Whether ``backward()`` should compute a gradient for it.
    pin_memory
        As in PyTorch. Without effect: there is no other memory to copy to.

    Raises
    ------
    ValueError
        If nested lists differ in length.
    TypeError
        If the data is not numbers.
    RuntimeError
        If `requires_grad` is asked for integers.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], requires_grad=True)
    """
    check_device(device)
    if isinstance(data, Tensor):
        warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
        )
        array = np.array(data.array)
    else:
        array = _array_from(data, None if dtype is None else dtypes.to_numpy(dtype))
    if dtype is not None:
        array = array.astype(dtypes.to_numpy(dtype), copy=False)
    # A NumPy scalar computes ten times as fast as an array without dimensions.
    made = leaf(array if array.ndim else array[()], requires_grad)
    return cut(made, "tensor", data) if isinstance(data, Tensor) else _cut_of_list(made, data)


def _cut_of_list(made: Tensor, data: Any) -> Tensor:
    """Note that numbers were taken from tensors in a list."""
    if isinstance(data, list | tuple):
        for item in data:
            if isinstance(item, Tensor) and (item._requires_grad or item._cut is not None):
                return cut(made, "tensor", item, "list")
    return made


def _array_from(data: Any, kind: np.dtype[Any] | None) -> np.ndarray[Any, Any]:
    if isinstance(data, np.ndarray | np.generic):
        dtypes.from_numpy(data.dtype)  # a dtype we cannot hold is an error here, not later
        _check_forwards(data)
        return np.array(data)
    plain = _without_tensors(data)
    _check_regular(plain)
    array = np.array(plain)
    if array.dtype.kind == "f":
        # Python's floats have no precision of their own; numbers from arrays and tensors in a list do.
        given = _first(plain)
        own = isinstance(given, np.ndarray | np.generic)
        return array if own or kind is not None else array.astype(dtypes.get_default_dtype().numpy)
    if array.dtype.kind in "iub":
        if array.dtype == np.uint64:
            raise ValueError("Overflow when unpacking long long")
        if kind is not None and kind.kind in "iu":
            _check_range(array, kind)
        return array
    wrong = next((type(item).__name__ for item in array.ravel() if not isinstance(item, bool | int | float)), "object")
    if array.dtype.kind in "US":
        raise TypeError(f"new(): invalid data type '{wrong.removesuffix('_')}'")
    if array.dtype.kind == "c":
        raise TypeError("gradviz has no complex numbers; use a tensor for the real and one for the imaginary part")
    raise RuntimeError(f"Could not infer dtype of {wrong}")


def _check_range(array: np.ndarray, kind: np.dtype) -> None:
    high = np.iinfo(kind).max
    low = -high if kind.kind == "u" else np.iinfo(kind).min  # as PyTorch, -1 is the largest number without a sign
    if array.size and (array.max() > high or array.min() < low):
        raise RuntimeError(f"value cannot be converted to type {kind.name} without overflow")


def _without_tensors(data: Any) -> Any:
    """Replace tensors inside nested lists by their numbers."""
    if isinstance(data, Tensor):
        if data.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return data.array.reshape(())[()]
    if isinstance(data, list | tuple):
        return [_without_tensors(item) for item in data]
    if isinstance(data, range):
        return list(data)
    return data


def _check_regular(data: Any, depth: int = 0) -> None:
    if not isinstance(data, list) or not data:
        return
    if isinstance(data[0], list):
        for item in data:
            length = len(item) if isinstance(item, list) else 0
            if length != len(data[0]):
                raise ValueError(f"expected sequence of length {len(data[0])} at dim {depth + 1} (got {length})")
        for item in data:
            _check_regular(item, depth + 1)


def _first(data: Any) -> Any:
    while isinstance(data, list) and data:
        data = data[0]
    return data


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Make a tensor, sharing memory with a tensor or an array where possible."""
    check_device(device)
    made = data if isinstance(data, Tensor) else from_numpy(data) if isinstance(data, np.ndarray) else tensor(data)
    return made if dtype is None else made.to(dtype)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Make a tensor, sharing memory with a tensor or an array where possible, unless a copy is asked for."""
    made = as_tensor(obj, dtype, device)
    made = made.clone() if copy and made._writable() is getattr(obj, "array", obj) else made
    return made.requires_grad_() if requires_grad else made


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """Make a tensor that shares memory with an array.

    Raises
    ------
    TypeError, ValueError
        If it is no array, or one of a dtype that tensors do not have, or read backwards in memory.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtypes.from_numpy(array.dtype)
    _check_forwards(array)
    if not array.flags.writeable:
        _not_writable()
    return wrap(array)


def _check_forwards(array: Any) -> None:
    if any(stride < 0 for stride in array.strides):
        raise ValueError(BACKWARDS)


BACKWARDS = (
    "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently "
    "supported. (You can probably work around this by making a copy of your array  with array.copy().) "
)


@lru_cache(maxsize=1)
def _not_writable() -> None:
    """Warn, once in a program, as PyTorch does."""
    warn(
        "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing to "
        "this tensor will result in undefined behavior. You may want to copy the array to protect its data or make it "
        "writable before converting it to a tensor. This type of warning will be suppressed for the rest of this program.\n\n"
        "Here a write to it is an error, and the array stays as it is."
    )


def new(cls: type[Tensor], *data: Any, **words: Any) -> Tensor:
    """Make a float tensor of numbers, ``Tensor([1, 2])``, or of a size, ``Tensor(2, 3)``; `gradviz.tensor` is clearer."""
    made = legacy((words.pop("data"),) if "data" in words else data, dtypes.get_default_dtype())
    if made.__class__ is not cls:
        made.__class__ = cls
    return made


def legacy(data: tuple[Any, ...], kind: dtypes.dtype) -> Tensor:
    """Make what PyTorch's old constructors make: zeros of some sizes, or a tensor of given numbers."""
    if len(data) == 1 and isinstance(data[0], size.Size):
        data = tuple(data[0])
    if all(isinstance(length, int) for length in data):
        return leaf(np.zeros(shape_of(data or (0,)), kind.numpy), requires_grad=False)
    given = data[0]
    if len(data) != 1 or not isinstance(given, Tensor | np.ndarray | list | tuple | range | str):
        raise TypeError(f"new(): data must be a sequence (got {type(given).__name__})")
    if isinstance(given, Tensor):
        if given.dtype is not kind:
            raise TypeError(f"expected {_options(kind)} (got {_options(given.dtype)})")
        return alias(given)
    return as_tensor(given, kind) if isinstance(given, np.ndarray) else tensor(given, dtype=kind)


def alias(input: Tensor) -> Tensor:
    """Return another tensor of the same memory, in the same place of the graph."""
    return view_of(input, shapes.alias(input))


def _options(kind: dtypes.dtype) -> str:
    return (
        f"TensorOptions(dtype={dtypes.CPP_NAMES[kind.name]}, device=cpu, layout=Strided, requires_grad=false (default), "
        "pinned_memory=false (default), memory_format=(nullopt))"
    )


class tensortype(type):  # noqa: N801 (PyTorch's name)
    """The class of PyTorch's old classes of tensors, one for each dtype: a tensor of that dtype is an instance of it."""

    dtype: dtypes.dtype

    def __call__(cls, *data: Any) -> Tensor:
        return legacy(data, cls.dtype)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor) and value.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


def _constructor(kind: dtypes.dtype) -> Any:
    words = f"Make a tensor of {kind.name}, from numbers or of some sizes, as in old code; today: `tensor`."
    name = dtypes.tensor_type_name(kind).removeprefix("torch.")
    return tensortype(name, (), {"dtype": kind, "__doc__": words, "__module__": __name__})


DoubleTensor, FloatTensor, HalfTensor, LongTensor, IntTensor, ShortTensor, CharTensor, ByteTensor, BoolTensor = map(
    _constructor, dtypes.ALL
)
