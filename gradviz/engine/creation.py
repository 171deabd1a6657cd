"""Making tensors: from data, filled with a number, or at random."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine import advice, cpumath, distributions, dtypes, layout, random, size
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.devices import check_device
from gradviz.engine.formats import contiguous_format, preserve_format, strided
from gradviz.engine.operations import sampling, shapes
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap
from gradviz.engine.views import view_of

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "arange", "as_tensor", "asarray", "bernoulli", "empty", "empty_like", "eye", "from_numpy", "full",
    "full_like", "get_rng_state", "initial_seed", "linspace", "logspace", "manual_seed", "multinomial", "normal", "ones",
    "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "scalar_tensor",
    "seed", "set_rng_state", "tensor", "zeros", "zeros_like",
]  # fmt: skip

Size = Any  # ints, or one tuple or list of ints


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
    return leaf(array if array.ndim else array[()], requires_grad)


def leaf(array: Any, requires_grad: bool) -> Tensor:
    """Make a leaf around an array of its own."""
    out = wrap(array)
    if requires_grad:
        if array.dtype.kind != "f":
            words = "Only Tensors of floating point and complex dtype can require gradients"
            raise RuntimeError(advice.not_floating(words))
        out._requires_grad = True
    return out


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


def _shape(size: tuple[Any, ...], name: str = "zeros") -> tuple[int, ...]:
    if len(size) == 1 and isinstance(size[0], tuple | list):
        size = tuple(size[0])
    lengths = []
    for length in size:
        if isinstance(length, bool) or not hasattr(length, "__index__"):
            kind = type(length).__name__
            raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {kind}")
        lengths.append(length.__index__())
    for length in lengths:
        if length < 0 and name == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        if length < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {length}: {lengths}")
    return tuple(lengths)


def _kind(dtype: Any) -> np.dtype[Any]:
    return dtypes.to_numpy(dtype) if dtype is not None else dtypes.get_default_dtype().numpy


def check_options(device: Any, options: dict[str, Any]) -> None:
    """Refuse what there is not: another device, other layouts.

    Options that change nothing in what is computed are accepted: ``pin_memory``, ``layout`` of ordinary tensors, ...
    """
    check_device(device)
    for name, value in options.items():
        if name not in ("layout", "memory_format", "out", "pin_memory"):
            raise TypeError(f"got an unexpected keyword argument '{name}'")
        if value not in (None, False, strided, preserve_format):
            raise NotImplementedError(f"gradviz has no {name}={value!r}; supported: the default")


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
        return zeros(*data, dtype=kind) if data else zeros(0, dtype=kind)
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

# --- filled with a number ----------------------------------------------------------------------------------------------


def zeros(*size: Size, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Make a tensor of zeros: ``zeros(3)``, ``zeros(2, 3)``, ``zeros((2, 3))``.

    Parameters
    ----------
    *size
        The length of each axis.
    dtype
        The default dtype if not given, float32.
    device
        ``"cpu"``; there is no other.
    requires_grad
        Whether ``backward()`` should compute a gradient for it.
    """
    size = (options.pop("size"),) if "size" in options else size
    check_options(device, options)
    return leaf(np.zeros(_shape(size), _kind(dtype)), requires_grad)


def ones(*size: Size, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Make a tensor of ones."""
    size = (options.pop("size"),) if "size" in options else size
    check_options(device, options)
    return leaf(np.ones(_shape(size, "ones"), _kind(dtype)), requires_grad)


def empty(*size: Size, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Make a tensor to be filled later (with zeros, so that nobody sees what was in memory)."""
    size = (options.pop("size"),) if "size" in options else size
    check_options(device, options)
    return leaf(np.zeros(_shape(size, "empty"), _kind(dtype)), requires_grad)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Make a tensor of one number over and over."""
    check_options(device, options)
    if not isinstance(size, tuple | list):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    made = tensor(fill_value.item() if isinstance(fill_value, Tensor) else fill_value, dtype=dtype)
    return leaf(np.full(_shape(tuple(size), "full"), made.array), requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Make a matrix with ones on its diagonal."""
    check_options(device, options)
    for name, length in (("n", n), ("m", n if m is None else m)):
        if length < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {length}")
    return leaf(np.eye(n, m, dtype=_kind(dtype)), requires_grad)


def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Make a tensor of one number, in the default dtype."""
    check_options(device, options)
    return leaf(np.array(s).astype(_kind(dtype)), requires_grad)


# --- evenly spaced -------------------------------------------------------------------------------------------------------


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor | np.generic) else value


def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make numbers from start up to, not including, end: ``arange(3)``, ``arange(1, 10, 2)``."""
    check_options(device, options)
    if end is None:
        start, end = 0, start
    start, end, step = _number(start), _number(end), _number(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (np.isfinite(start) and np.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole = all(isinstance(number, int) for number in (start, end, step))
    kind = np.dtype(np.int64) if dtype is None and whole else _kind(dtype)
    if whole:
        return leaf(np.arange(start, end, step).astype(kind), requires_grad)
    count = math.ceil((end - start) / step)
    return leaf((start + np.arange(count) * step).astype(kind), requires_grad)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make evenly spaced numbers from start to end, both included.

    Parameters
    ----------
    steps
        How many numbers.
    """
    check_options(device, options)
    return leaf(_spaced(_number(start), _number(end), steps, _kind(dtype)), requires_grad)


def _spaced(start: float, end: float, steps: int, kind: np.dtype) -> np.ndarray:
    """Count up from the start in the first half, and down from the end in the second, as PyTorch does."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if steps == 1:
        return np.full(1, start).astype(kind)
    places, real = np.arange(steps), kind.kind == "f" and kind != np.float16
    scalar = kind.type if real else np.float64
    if not steps:
        return np.zeros(0, kind)
    first, last = scalar(start), scalar(end)
    step = (last - first) / scalar(steps - 1)
    up = cpumath.fma(places.astype(scalar), step, first) if real else first + step * places
    back = steps - 1 - places
    down = cpumath.fma(back.astype(scalar), -step, last) if real else last - step * back
    return np.where(places < steps // 2, up, down).astype(kind)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make numbers from ``base ** start`` to ``base ** end`` whose logarithms are evenly spaced."""
    check_options(device, options)
    kind = _kind(dtype)
    powers = _spaced(_number(start), _number(end), steps, np.dtype(np.float64))
    return leaf(np.power(float(base), powers).astype(kind), requires_grad)


# --- like another tensor -------------------------------------------------------------------------------------------------


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Make zeros of a tensor's shape and dtype."""
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad, **options)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Make ones of a tensor's shape and dtype."""
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad, **options)


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Make a tensor of another's shape and dtype, to be filled later (with zeros until then)."""
    return zeros_like(input, dtype=dtype, device=device, requires_grad=requires_grad, **options)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make one number over and over in a tensor's shape and dtype."""
    made = _like(input, dtype, device, options)
    made[...] = _number(fill_value)
    return leaf(made, requires_grad)


def _like(input: Tensor, dtype: Any, device: Any, options: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return an array for the entries of a tensor like another, which lies in memory as that does unless told."""
    rows = options.get("memory_format") is contiguous_format
    check_options(device, {} if rows else options)
    kind = _kind(dtype or input.dtype)
    return np.empty(input.shape, kind) if rows else layout.empty_like(input.array, kind)


def _new(make: Any) -> Any:
    """Turn a function that makes tensors into the method that does so in a tensor's own dtype."""

    def method(self: Tensor, *args: Any, dtype: Any = None, **how: Any) -> Tensor:
        return make(*args, dtype=dtype or self.dtype, **how)

    method.__doc__ = f"As `{make.__name__}`, in this tensor's dtype if no other is given."
    return method


METHODS = {f"new_{make.__name__}": _new(make) for make in (zeros, ones, empty, full, tensor)}
"""Methods of tensors that make others."""

# --- at random -------------------------------------------------------------------------------------------------------


def manual_seed(seed: int) -> random.Generator:
    """Start the random numbers anew; the same seed gives the digits PyTorch gives."""
    return random.manual_seed(seed)


def seed() -> int:
    """Start the random numbers anew from a seed nobody can know, and return it."""
    return random.default_generator.seed()


def initial_seed() -> int:
    """Return the seed the random numbers started from."""
    return random.default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the random numbers, to go back to with `set_rng_state`."""
    return wrap(random.default_generator.get_state())


def set_rng_state(new_state: Tensor) -> None:
    """Go back to a state of the random numbers that `get_rng_state` returned."""
    random.default_generator.set_state(new_state.numpy())


def source(generator: random.Generator | None) -> random.Generator:
    """Return the generator to draw from: the one given, or the default one."""
    return random.default_generator if generator is None else generator


def rand(
    *size: Size,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make random numbers, uniform between 0 and 1."""
    size = (options.pop("size"),) if "size" in options else size
    check_options(device, options)
    return leaf(np.asarray(source(generator).random(_shape(size, "rand"), _kind(dtype))), requires_grad)


def randn(
    *size: Size,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make random numbers from the normal distribution with mean 0 and standard deviation 1."""
    size = (options.pop("size"),) if "size" in options else size
    check_options(device, options)
    return leaf(np.asarray(source(generator).normal(_shape(size, "randn"), _kind(dtype))), requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make random integers from low up to, not including, high: ``randint(10, (3,))`` or ``randint(1, 7, (3,))``."""
    check_options(device, options)
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    numbers = source(generator).integers(int(low), int(high), _shape((tuple(size),), "randint"))
    return leaf(np.asarray(numbers).astype(_kind(dtype or dtypes.int64)), requires_grad)


def randperm(
    n: int,
    *,
    generator: Any = None,
    dtype: Any = dtypes.int64,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make the numbers 0 to n − 1 in random order."""
    check_options(device, options)
    return leaf(np.asarray(source(generator).permutation(n)).astype(_kind(dtype), copy=False), requires_grad)


def rand_like(
    input: Tensor,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make `rand` numbers of a tensor's shape and dtype."""
    made, draw = _like(input, dtype, device, options), source(generator)
    return leaf(layout.drawn(made, lambda shape: draw.random(shape, made.dtype)), requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make `randn` numbers of a tensor's shape and dtype."""
    made, draw = _like(input, dtype, device, options), source(generator)
    return leaf(distributions.normal(draw, made), requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make `randint` numbers of a tensor's shape and dtype: up to `low`, or from low up to high."""
    made, draw = _like(input, dtype, device, options), source(generator)
    first, end = (0, low) if high is None else (low, high)
    numbers = layout.drawn(made, lambda shape: draw.integers(int(first), int(end), shape).astype(made.dtype))
    return leaf(numbers, requires_grad)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make random numbers from normal distributions.

    Parameters
    ----------
    mean, std
        A number for all, or a tensor with one for each.
    size
        The shape, where both are numbers.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.normal(0.0, 1.0, (2, 3)).shape
    torch.Size([2, 3])
    """
    check_options(device, options)
    draw = source(generator)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        numbers = draw.normal(_shape((() if size is None else tuple(size),), "normal"), _kind(dtype), mean, std)
        return leaf(np.asarray(numbers), requires_grad)
    if isinstance(std, Tensor):
        if (std.array < 0).any():
            raise RuntimeError("normal expects all elements of std >= 0.0")
        means = mean.array if isinstance(mean, Tensor) else mean
        kind = (mean if isinstance(mean, Tensor) else std).array.dtype
        try:
            shape = np.broadcast_shapes(np.shape(means), std.array.shape)
        except ValueError:
            raise broadcast_error(means, std.array) from None
        numbers = np.asarray(draw.normal(shape, kind) * std.array + np.asarray(means, kind)).astype(kind)
        if not isinstance(mean, Tensor):
            return sampling.normal_of_std(std, numbers)
        return sampling.normal_of_both(mean, std, numbers)
    kind = mean.array.dtype
    return sampling.normal_of_mean(mean, np.asarray(draw.normal(tuple(mean.shape), kind, 0.0, std) + mean.array))


def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None) -> Tensor:
    """Toss a coin for each entry, which gives the probability of a 1; or `p`, which gives it for all."""
    draw = source(generator)
    if p is not None:
        return sampling.bernoulli_of_number(input, draw.bernoulli(p, tuple(input.shape), input.array.dtype))
    numbers = np.asarray(draw.bernoulli(np.asarray(input.array))).astype(input.array.dtype)
    return sampling.bernoulli(input, numbers)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Draw places at random: the larger an entry, the more often its place. No gradient comes back.

    Parameters
    ----------
    input
        Weights, not negative, as a row or as several rows; they need not add up to 1.
    num_samples
        How many to draw from each row.
    replacement
        Whether a place may be drawn again.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.multinomial(torch.tensor([0.0, 1.0, 0.0]), 1)
    tensor([1])
    """
    weights = np.asarray(input.array)
    if weights.dtype.kind != "f":
        name = dtypes.scalar_type_name(input.dtype)
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {name}")
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not sampling.finite(weights):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not (weights.sum(-1) > 0).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    draw = source(generator)
    if not replacement or num_samples == 1:
        # The places of the largest weights, each divided by an exponential number of its own.
        waiting = layout.empty_like(weights)
        race = weights / layout.drawn(waiting, lambda shape: distributions.exponential(draw, shape, weights.dtype))
        return wrap(layout.rows(np.argsort(-race, axis=-1, kind="stable")[..., :num_samples]))
    ends = np.cumsum(weights, axis=-1)
    ends = ends / ends[..., -1:]
    ends[..., -1] = 1
    drawn = draw.random((*weights.shape[:-1], num_samples), np.dtype(np.float64))
    return wrap((ends[..., None, :] < drawn[..., None]).sum(-1))
