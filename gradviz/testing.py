"""Comparing results in tests, as PyTorch's ``torch.testing``.

Examples
--------
>>> import gradviz as torch
>>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-7]))
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz import absent
from gradviz.engine import creation, dtypes, functions
from gradviz.engine.tensor import Tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""By dtype: how far numbers may be apart, as a share of the expected one, and in any case; others not at all."""

Words = str | Callable[[str], str] | None


class _Rules(NamedTuple):
    """What is compared, and how strictly."""

    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_dtype: bool
    check_stride: bool

    def tolerances(self, *kinds: str) -> tuple[float, float]:
        if (self.rtol is None) != (self.atol is None):
            missing = "rtol" if self.rtol is None else "atol"
            raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        usual = [TOLERANCES.get(kind, (0.0, 0.0)) for kind in kinds]
        return max(rtol for rtol, _ in usual), max(atol for _, atol in usual)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Words = None,
) -> None:
    """Raise an error unless two results are equal, but for rounding.

    Parameters
    ----------
    actual, expected
        Tensors, arrays, numbers, ``None``, or sequences and mappings of them.
    allow_subclasses
        Whether a subclass of the other's type will do.
    rtol, atol
        The numbers are close where ``|actual − expected| ≤ atol + rtol · |expected|``. Both or neither; by default as
        tight as rounding in the dtype allows.
    equal_nan
        Whether nan equals nan.
    check_device, check_layout
        Accepted; there is one device and one layout.
    check_dtype, check_stride
        Whether the dtypes, and the strides, have to be the same.
    msg
        What to say instead, or a function of what would be said.

    Raises
    ------
    AssertionError
        If they are not close; it says where, and how far apart.
    TypeError
        If there is nothing to compare in them.
    """
    rules = _Rules(allow_subclasses, rtol, atol, equal_nan, check_dtype, check_stride)
    for one, other, path in list(_pairs(actual, expected, ())):
        try:
            _compare(one, other, rules)
        except (AssertionError, TypeError, ValueError) as problem:
            words = str(problem)
            if path:
                words += f"\n\nThe failure occurred for item {''.join(str([step]) for step in path)}"
            if isinstance(problem, AssertionError) and msg is not None:
                words = msg(words) if callable(msg) else msg
            raise type(problem)(words) from None


def _pairs(actual: Any, expected: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, Any, tuple[Any, ...]]]:
    """Go through two nested results side by side; for each pair, how to get there."""

    def fail(words: str) -> None:
        where = f"\n\nThe failure occurred for item {''.join(str([step]) for step in path)}" if path else ""
        raise AssertionError(words + where)

    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
        for place, (one, other) in enumerate(zip(actual, expected, strict=True)):
            yield from _pairs(one, other, (*path, place))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing, additional = expected.keys() - actual.keys(), actual.keys() - expected.keys()
        if missing or additional:
            fail(
                f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {sorted(missing)}\n"
                f"Additional keys in the actual mapping: {sorted(additional)}"
            )
        for key in actual:
            yield from _pairs(actual[key], expected[key], (*path, key))
    else:
        yield actual, expected, path


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _compare(actual: Any, expected: Any, rules: _Rules) -> None:
    if actual is None or expected is None:
        if actual is not expected:
            raise AssertionError(f"None mismatch: {actual} is not {expected}")
    elif isinstance(actual, bool | np.bool_) and isinstance(expected, bool | np.bool_):
        if bool(actual) is not bool(expected):
            raise AssertionError(f"Booleans mismatch: {bool(actual)} is not {bool(expected)}")
    elif isinstance(actual, numbers.Number) and isinstance(expected, numbers.Number):
        _compare_numbers(_plain(actual), _plain(expected), rules)
    else:
        one, other = _tensors(actual, expected, rules)
        _compare_tensors(one, other, rules)


def _plain(number: Any) -> Any:
    return number.item() if isinstance(number, np.generic) else number


def _tensors(actual: Any, expected: Any, rules: _Rules) -> tuple[Tensor, Tensor]:
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if related and (rules.allow_subclasses or type(actual) is type(expected)):
        try:
            return creation.as_tensor(actual), creation.as_tensor(expected)
        except (TypeError, ValueError, RuntimeError):
            pass  # they are no numbers
    raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.")


def _compare_numbers(actual: Any, expected: Any, rules: _Rules) -> None:
    names = {float: "float64", int: "int64"}
    rtol, atol = rules.tolerances(*(names.get(type(number), "") for number in (actual, expected)))
    if rules.check_dtype and type(actual) is not type(expected):
        raise AssertionError(f"The (d)types do not match: {type(actual)} != {type(expected)}.")
    if actual == expected or (rules.equal_nan and math.isnan(actual) and math.isnan(expected)):
        return
    difference = abs(actual - expected)
    if not (math.isfinite(difference) and difference <= atol + rtol * abs(expected)):
        raise AssertionError(_scalars_differ(actual, expected, rtol, atol))


def _compare_tensors(actual: Tensor, expected: Tensor, rules: _Rules) -> None:
    checks: list[tuple[str, Any, Any]] = [("shape", actual.shape, expected.shape)]
    if rules.check_stride:
        checks.append(("stride()", actual.stride(), expected.stride()))
    if rules.check_dtype:
        checks.append(("dtype", actual.dtype, expected.dtype))
    rtol, atol = rules.tolerances(actual.dtype.name, expected.dtype.name)
    for name, mine, other in checks:
        if mine != other:
            raise AssertionError(f"The values for attribute '{name}' do not match: {mine} != {other}.")
    kind = dtypes.from_numpy(dtypes.promote_types(actual.array.dtype, expected.array.dtype))
    actual, expected = actual.detach().to(kind), expected.detach().to(kind)
    matches = functions.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=rules.equal_nan)
    if not matches.all():
        if not actual.shape:
            raise AssertionError(_scalars_differ(actual.item(), expected.item(), rtol, atol))
        raise AssertionError(_tensors_differ(actual, expected, matches.numpy(), rtol, atol))


def _scalars_differ(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    difference = abs(actual - expected)
    share = math.inf if expected == 0 else difference / abs(expected)
    facts = f"Expected {expected} but got {actual}."
    return _differ("Scalars", facts, (difference, None), (share, None), rtol, atol)


def _tensors_differ(actual: Tensor, expected: Tensor, matches: np.ndarray, rtol: float, atol: float) -> str:
    if not actual.is_floating_point():
        actual, expected = actual.long(), expected.long()
    wrong = int((~matches).sum())
    distance = (actual - expected).abs()
    shares = distance / expected.abs()
    greatest = []
    for numbers_ in (distance, shares):
        array = np.where(matches, 0, numbers_.numpy())
        flat = int(functions.argmax(creation.from_numpy(array)).item())
        place = tuple(int(index) for index in np.unravel_index(flat, array.shape))
        greatest.append((array[place].item(), place))
    facts = f"Mismatched elements: {wrong} / {matches.size} ({wrong / matches.size:.1%})"
    return _differ("Tensor-likes", facts, greatest[0], greatest[1], rtol, atol)


def _differ(what: str, facts: str, absolute: Any, relative: Any, rtol: float, atol: float) -> str:
    exact = rtol == 0 and atol == 0
    lines = [f"{what} are not {'equal' if exact else 'close'}!\n", facts]
    for name, (difference, place), allowed in (("absolute", absolute, atol), ("relative", relative, rtol)):
        if place is None:
            line = f"{name.title()} difference: {difference}"
        else:
            line = f"Greatest {name} difference: {difference} at index {place}"
        lines.append(line if exact else f"{line} (up to {allowed} allowed)")
    return "\n".join(lines)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """Raise an error unless two results are close; an old name for `assert_close`, which is stricter."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please use "
        "`torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
        "https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, Tensor):
        actual = creation.tensor(actual)
    if not isinstance(expected, Tensor):
        expected = creation.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        loose = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}
        usual = [loose.get(tensor.dtype.name, (0.0, 0.0)) for tensor in (actual, expected)]
        rtol, atol = (max(column) for column in zip(*usual, strict=True))
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )


def make_tensor(
    *shape: Any,
    dtype: dtypes.dtype,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Make a tensor of random numbers, to try things on.

    Parameters
    ----------
    *shape
        The size.
    dtype
        The kind of number.
    device
        ``"cpu"``; there is no other.
    low, high
        The numbers are from low up to high, which is left out; by default from −9 to 9, bools both.
    requires_grad
        Whether gradients flow to it.
    noncontiguous
        Whether its entries shall not lie beside each other in memory.
    exclude_zero
        Whether to put the smallest number in the place of zeros.
    memory_format
        Accepted; there is one layout.
    """
    size = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    floating = dtype.is_floating_point
    if requires_grad and not floating:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype!r}"
        )
    noncontiguous = noncontiguous and math.prod(size) > 1
    if noncontiguous:
        size = (*size[:-1], 2 * size[-1])
    low, high = _limits(dtype, low, high)
    if floating:
        wide = high - low >= functions.finfo(dtype).max
        numbers_ = creation.empty(*size, dtype=dtype, device=device)
        result = numbers_.uniform_(low / 2, high / 2).mul_(2) if wide else numbers_.uniform_(low, high)
    else:
        result = creation.randint(math.ceil(low), math.ceil(high), size, dtype=dtype, device=device)
    if noncontiguous:
        result = result[..., 1::2]
    if exclude_zero:
        result[result == 0] = functions.finfo(dtype).tiny if floating else 1
    return result.requires_grad_(requires_grad) if floating else result


def _limits(dtype: dtypes.dtype, low: float | None, high: float | None) -> tuple[float, float]:
    """Return the limits of random numbers, within what the dtype can hold."""
    least: float
    end: float
    if dtype is dtypes.bool:
        least, end, usual = 0, 2, (0, 2)
    elif dtype.is_floating_point:
        least, end, usual = functions.finfo(dtype).min, functions.finfo(dtype).max, (-9, 9)
    else:
        limits = functions.iinfo(dtype)
        least, end, usual = limits.min, limits.max + (dtype is not dtypes.int64), (-9, 10)
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low!r} and high={high!r}")
    if low == high and dtype.is_floating_point:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated since 2.1 and "
            "will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < least or low >= end:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} only supports [{least}, {end})"
        )
    return min(max(low, least), end), min(max(high, least), end)


def __getattr__(name: str) -> Any:
    return absent.attribute("testing", name, __all__)
