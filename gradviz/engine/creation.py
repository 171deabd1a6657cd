"""Making tensors: from data, filled with a number, or at random."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gradviz.engine import dtypes, random
from gradviz.engine.tensor import Tensor, wrap

Size = Any  # ints, or one tuple or list of ints


class device:  # noqa: N801 (PyTorch's name)
    """Where a tensor lives. gradviz computes on the CPU only."""

    def __init__(self, type: str = "cpu", index: int | None = None) -> None:
        name, _, number = str(type).partition(":")
        if name != "cpu":
            raise RuntimeError(f"gradviz computes on the CPU only: there is no device {str(type)!r}. Use 'cpu'.")
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return "device(type='cpu')" if self.index is None else f"device(type='cpu', index={self.index})"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.type == other.type

    def __hash__(self) -> int:
        return hash(self.type)


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor from numbers; the data is copied.

    Parameters
    ----------
    data
        A number, nested lists of numbers, or an array.
    dtype
        By default float32 for Python floats, int64 for ints, bool for bools, an array's own for arrays.
    requires_grad
        Whether ``backward()`` should compute a gradient for it.

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
    _check_device(device)
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        array = np.array(data.array)
    else:
        array = _array_from(data, None if dtype is None else dtypes.to_numpy(dtype))
    if dtype is not None:
        array = array.astype(dtypes.to_numpy(dtype), copy=False)
    # A NumPy scalar computes ten times as fast as an array without dimensions.
    return leaf(array if array.ndim else array[()], requires_grad)


def leaf(array: Any, requires_grad: bool) -> Tensor:
    """Make a leaf around an array of its own."""
    out = wrap(array)
    if requires_grad:
        if array.dtype.kind != "f":
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        out._requires_grad = True
    return out


def _array_from(data: Any, kind: np.dtype[Any] | None) -> np.ndarray[Any, Any]:
    if isinstance(data, np.ndarray | np.generic):
        dtypes.from_numpy(data.dtype)  # a dtype we cannot hold is an error here, not later
        return np.array(data)
    plain = _without_tensors(data)
    _check_regular(plain)
    array = np.array(plain)
    if array.dtype.kind == "f":
        # Python's floats have no precision of their own; numbers from arrays and tensors in a list do.
        given = _first(plain)
        own = isinstance(given, np.ndarray | np.generic) and not isinstance(given, float)
        return array if own or kind is not None else array.astype(dtypes.get_default_dtype().numpy)
    if array.dtype.kind in "iub":
        return array
    wrong = next((type(item).__name__ for item in array.ravel() if not isinstance(item, bool | int | float)), "object")
    if array.dtype.kind in "US":
        raise TypeError(f"new(): invalid data type '{wrong.removesuffix('_')}'")
    if array.dtype.kind == "c":
        raise TypeError("gradviz has no complex numbers; use a tensor for the real and one for the imaginary part")
    raise RuntimeError(f"Could not infer dtype of {wrong}")


def _without_tensors(data: Any) -> Any:
    """Replace tensors inside nested lists by their numbers."""
    if isinstance(data, Tensor):
        return data.array
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
    _check_device(device)
    made = data if isinstance(data, Tensor) else from_numpy(data) if isinstance(data, np.ndarray) else tensor(data)
    return made if dtype is None else made.to(dtype)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """Make a tensor that shares memory with an array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtypes.from_numpy(array.dtype)
    return wrap(array)


def _check_device(wanted: Any) -> None:
    if wanted is not None and not isinstance(wanted, device):
        device(wanted)


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    if len(size) == 1 and isinstance(size[0], tuple | list):
        size = tuple(size[0])
    lengths = tuple(int(length) for length in size)
    for length in lengths:
        if length < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {length}: {list(lengths)}")
    return lengths


def _kind(dtype: Any) -> np.dtype[Any]:
    return dtypes.to_numpy(dtype) if dtype is not None else dtypes.get_default_dtype().numpy


def zeros(*size: Size, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of zeros: ``zeros(3)``, ``zeros(2, 3)``, ``zeros((2, 3))``."""
    _check_device(device)
    return leaf(np.zeros(_shape(size), _kind(dtype)), requires_grad)


def ones(*size: Size, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of ones."""
    _check_device(device)
    return leaf(np.ones(_shape(size), _kind(dtype)), requires_grad)


def empty(*size: Size, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor to be filled later (with zeros, so that nobody sees what was in memory)."""
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of one number over and over."""
    _check_device(device)
    made = tensor(fill_value, dtype=dtype)
    return leaf(np.full(_shape((size,) if isinstance(size, int) else tuple(size)), made.array), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make zeros of a tensor's shape and dtype."""
    return leaf(np.zeros(input.shape, _kind(dtype or input.dtype)), requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make ones of a tensor's shape and dtype."""
    return leaf(np.ones(input.shape, _kind(dtype or input.dtype)), requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make one number over and over in a tensor's shape and dtype."""
    return leaf(np.full(input.shape, fill_value, _kind(dtype or input.dtype)), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a matrix with ones on its diagonal."""
    return leaf(np.eye(n, m, dtype=_kind(dtype)), requires_grad)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Make numbers from start up to, not including, end."""
    _check_device(device)
    if end is None:
        start, end = 0, start
    whole = all(isinstance(number, int) for number in (start, end, step))
    kind = np.dtype(np.int64) if dtype is None and whole else _kind(dtype)
    return leaf(np.arange(start, end, step).astype(kind), requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make evenly spaced numbers from start to end, both included."""
    return leaf(np.linspace(start, end, steps).astype(_kind(dtype)), requires_grad)


# --- at random -------------------------------------------------------------------------------------------------------


def manual_seed(seed: int) -> random.Generator:
    """Start the random numbers anew; the same seed gives the digits PyTorch gives."""
    return random.manual_seed(seed)


def _generator(generator: random.Generator | None) -> random.Generator:
    return generator or random.default_generator


def rand(
    *size: Size, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Make random numbers, uniform between 0 and 1."""
    _check_device(device)
    return leaf(np.asarray(_generator(generator).random(_shape(size), _kind(dtype))), requires_grad)


def randn(
    *size: Size, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Make random numbers from the normal distribution with mean 0 and standard deviation 1."""
    _check_device(device)
    return leaf(np.asarray(_generator(generator).normal(_shape(size), _kind(dtype))), requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make random integers from low up to, not including, high: ``randint(10, (3,))`` or ``randint(1, 7, (3,))``."""
    if size is None:
        low, high, size = 0, low, high
    numbers = _generator(generator).integers(low, high, _shape((tuple(size),)))
    return leaf(np.asarray(numbers).astype(_kind(dtype or dtypes.int64)), requires_grad)


def randperm(n: int, *, generator: Any = None) -> Tensor:
    """Make the numbers 0 to n − 1 in random order."""
    return wrap(np.asarray(_generator(generator).permutation(n)))


def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make `rand` numbers of a tensor's shape and dtype."""
    return rand(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make `randn` numbers of a tensor's shape and dtype."""
    return randn(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """Toss a coin for each entry, which gives the probability of a 1."""
    drawn = _generator(generator).bernoulli(input.array)
    return wrap(np.asarray(drawn).astype(input.array.dtype))
