"""Random numbers: PyTorch's, digit by digit, for the same seed.

PyTorch on a CPU draws 32-bit words from the Mersenne Twister, which NumPy has as well. What this module adds is what
becomes of the words: which bits make a float, how many words a number takes, and how normal numbers come in pairs.
"""

from __future__ import annotations

import math
import operator
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine import cpumath, devices, dtypes

if TYPE_CHECKING:
    from numpy.random import MT19937

Shape = tuple[int, ...]

FLOAT32 = np.dtype(np.float32)
DEFAULT_SEED = 67280421310721
BLOCK = 16  # normal numbers are made in blocks of this many, if there are enough of them
_WIDE_RANGE = 2**28  # from here on, a random integer takes two words

_STATE = np.dtype(
    [
        ("seed", np.uint64),
        ("next_normal", np.float64),
        ("has_next_normal", np.uint32),
        ("position", np.uint32),
        ("words", np.uint32, 624),
    ]
)


class Generator:
    """A stream of random numbers. Every draw moves it on, and a seed starts it anew.

    Parameters
    ----------
    device
        ``"cpu"``; there is no other.

    Examples
    --------
    >>> Generator().manual_seed(0).random((3,))
    array([0.4962566 , 0.7682218 , 0.08847743], dtype=float32)
    """

    __slots__ = ("_next_normal", "_seed", "_twister")

    _seed: int
    _next_normal: float | None  # normal numbers are made in pairs: the one that nobody has asked for yet
    _twister: MT19937 | None  # made at the first draw: numpy.random takes a while to import

    def __init__(self, device: Any = "cpu") -> None:
        if str(device) != "cpu":
            raise RuntimeError(f"there are generators for the device 'cpu' only, not for {str(device)!r}")
        self._start(DEFAULT_SEED)

    @property
    def device(self) -> devices.device:
        """The CPU."""
        return devices.CPU

    # --- seeds and states ---------------------------------------------------------------------------------------------

    def manual_seed(self, seed: int) -> Generator:
        """Start anew from a seed, and return the generator itself.

        Raises
        ------
        RuntimeError
            If the seed is not an integer.
        ValueError
            If it is outside −2**63 … 2**64 − 1. Negative seeds count from 2**64 downwards.
        """
        try:
            number = None if isinstance(seed, bool) else operator.index(seed)
        except TypeError:
            number = None
        if number is None:
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(2**63) <= number < 2**64:
            raise ValueError(f"Overflow when unpacking long long: a seed is from -2**63 to 2**64 - 1, not {number}")
        self._start(number % 2**64)
        return self

    def seed(self) -> int:
        """Start anew from a seed nobody can know, and return it."""
        self._start(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed this stream started from."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """Return the state as an array of bytes, to go back to with `set_state`."""
        state = np.zeros((), _STATE)
        twister = self._started().state["state"]
        state["seed"] = self._seed
        state["has_next_normal"] = self._next_normal is not None
        state["next_normal"] = self._next_normal or 0.0
        state["position"] = twister["pos"]
        state["words"] = twister["key"]
        return np.frombuffer(bytearray(state.tobytes()), np.uint8)

    def set_state(self, state: np.ndarray) -> Generator:
        """Go back to a state that `get_state` returned, and return the generator itself.

        Raises
        ------
        TypeError
            If it is not an array of bytes (uint8).
        RuntimeError
            If it has another size, or `get_state` cannot have made it.
        """
        array = np.asarray(state)
        if array.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if array.size != _STATE.itemsize:
            raise RuntimeError(f"Expected a generator state of size {_STATE.itemsize}, but found {array.size}")
        fields = np.frombuffer(array.tobytes(), _STATE)[0]
        if not 1 <= fields["position"] <= len(fields["words"]):
            raise RuntimeError("Invalid mt19937 state: it does not come from a generator's get_state()")
        self._start(int(fields["seed"]))
        if fields["has_next_normal"]:
            self._next_normal = float(fields["next_normal"])
        self._started().state = {
            "bit_generator": "MT19937",
            "state": {"key": fields["words"].copy(), "pos": int(fields["position"])},
        }
        return self

    def _start(self, seed: int) -> None:
        self._seed = seed
        self._next_normal = None
        self._twister = None

    def _started(self) -> MT19937:
        if self._twister is None:
            from numpy.random import MT19937, RandomState

            self._twister = MT19937(0)
            RandomState(self._twister).seed(self._seed & 0xFFFFFFFF)  # the classic way to seed it, as in PyTorch
        return self._twister

    # --- words and unit numbers ---------------------------------------------------------------------------------------

    def _words(self, count: int) -> np.ndarray:
        """Draw 32-bit words, as uint64."""
        return self._started().random_raw(count)

    def _double_words(self, count: int) -> np.ndarray:
        """Draw 64-bit words, which take two 32-bit words each."""
        words = self._words(2 * count)
        return words[::2] << 32 | words[1::2]

    def _unit32(self, count: int) -> np.ndarray:
        return ((self._words(count) & (2**24 - 1)) * 2.0**-24).astype(np.float32)

    def _unit64(self, count: int) -> np.ndarray:
        return (self._double_words(count) & (2**53 - 1)) * 2.0**-53

    def _unit(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Draw numbers in [0, 1): float64 ones for float64, else float32 ones."""
        return self._unit64(count) if dtype == np.float64 else self._unit32(count)

    # --- distributions ------------------------------------------------------------------------------------------------

    def random(self, shape: Shape, dtype: np.dtype = FLOAT32) -> np.ndarray:
        """Draw numbers uniformly from [0, 1): ``torch.rand``."""
        return self.uniform(0.0, 1.0, shape, dtype)

    def uniform(self, low: float, high: float, shape: Shape, dtype: np.dtype = FLOAT32) -> np.ndarray:
        """Draw numbers uniformly from [low, high): ``tensor.uniform_(low, high)``.

        Raises
        ------
        RuntimeError
            If `low` is above `high`, or one of them, or their difference, is too large for the dtype.
        """
        dtype = _floating(dtype, "check_uniform_bounds")
        limit = float(np.finfo(dtype).max)
        for name, bound in (("from", low), ("to", high)):
            if not abs(bound) <= limit:
                raise RuntimeError(f"{name} is out of bounds for {dtype}: {bound}")
        if low > high:
            raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
        if high - low > limit:
            raise RuntimeError(
                f"uniform_ expects to-from to be at most {limit:g} for {dtype}, but found to={high:g} and from={low:g}"
            )
        numbers = self._unit(_count(shape), dtype)
        if (low, high) != (0, 1):
            low, high = numbers.dtype.type(low), numbers.dtype.type(high)
            numbers = cpumath.fma(numbers, high - low, low)
        numbers = numbers.astype(dtype, copy=False)
        if dtype == np.float16 or (low, high) != (0, 1):
            # Rounding can reach the upper end, which does not belong to the interval.
            numbers = np.where(numbers == dtype.type(high), dtype.type(low), numbers)
        return numbers.reshape(shape)

    def normal(
        self, shape: Shape, dtype: np.dtype = FLOAT32, mean: float = 0.0, std: float = 1.0, *, blocks: bool = True
    ) -> np.ndarray:
        """Draw normally distributed numbers: ``torch.randn``, ``tensor.normal_(mean, std)``.

        Parameters
        ----------
        shape, dtype, mean, std
            What the numbers are.
        blocks
            Whether many are made in blocks, as PyTorch does for memory that they fill row by row, or one by one.

        Raises
        ------
        RuntimeError
            If `std` is negative.
        """
        dtype = _floating(dtype, "normal_kernel_cpu")
        if std < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        count = _count(shape)
        if count < BLOCK or not blocks:
            numbers = np.array([self._one_normal() for _ in range(count)], np.float64)
        else:
            numbers = _box_muller(self._normal_blocks(count, dtype)).ravel()
            # The last numbers come from a block of their own, which overlaps the one before.
            numbers = np.concatenate([numbers[: count - BLOCK], numbers[-BLOCK:]])
        numbers = numbers + numbers.dtype.type(mean) if std == 1 else cpumath.fma(numbers, std, mean)
        with np.errstate(over="ignore"):
            return numbers.astype(dtype, copy=False).reshape(shape)

    def _normal_blocks(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Draw the unit numbers for `count` normal ones, in rows of `BLOCK`."""
        rest = count % BLOCK
        whole = count - rest
        units = self._unit(whole, dtype)
        if rest:
            if dtype != np.float16:
                self._unit(rest, dtype)  # drawn, and not used
            units = np.concatenate([units, self._unit(BLOCK, dtype)])
        return units.reshape(-1, BLOCK)

    def _one_normal(self) -> float:
        number = self._next_normal
        if number is not None:
            self._next_normal = None
            return number
        turn, u = self._unit64(2).tolist()
        radius = math.sqrt(-2 * math.log1p(-u))
        angle = 2 * math.pi * turn
        self._next_normal = radius * math.sin(angle)
        return radius * math.cos(angle)

    def integers(self, low: int, high: int, shape: Shape) -> np.ndarray:
        """Draw integers (int64) uniformly from low to high − 1: ``torch.randint``.

        Raises
        ------
        RuntimeError
            If there is no integer in that range.
        ValueError
            If the bounds do not fit in 64 bits.
        """
        if not (-(2**63) <= low < 2**63 and -(2**63) <= high < 2**63):
            raise ValueError(f"Overflow when unpacking long long: integers from {low} to {high} do not fit in 64 bits")
        if low >= high:
            raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
        span, count = high - low, _count(shape)
        words = self._words(count) if span < _WIDE_RANGE else self._double_words(count)
        shifted = words % np.uint64(span) + np.uint64(low % 2**64)  # modulo 2**64, as int64 is
        return shifted.view(np.int64).reshape(shape)

    def permutation(self, n: int) -> np.ndarray:
        """Return the integers 0 to n − 1 in random order: ``torch.randperm``."""
        _count((n,))
        order = list(range(n))
        remaining = np.arange(n, 1, -1, dtype=np.uint64)  # the last one has no choice
        for i, jump in enumerate((self._words(len(remaining)) % remaining).tolist()):
            order[i], order[i + jump] = order[i + jump], order[i]
        return np.array(order, np.int64)

    def bernoulli(self, p: np.ndarray | float, shape: Shape | None = None, dtype: np.dtype = FLOAT32) -> np.ndarray:
        """Draw ones, with probability `p`, and zeros.

        Parameters
        ----------
        p
            An array of one probability for each number, as for ``torch.bernoulli(p)``; the result has its shape and
            dtype. Or one probability for all, as for ``tensor.bernoulli_(p)``. (The two draw differently. With one
            probability PyTorch itself draws differently on processors by Intel; these are the others' digits.)
        shape, dtype
            Of the result, where `p` is one number.

        Raises
        ------
        RuntimeError
            If a probability is not between 0 and 1.
        """
        if isinstance(p, np.ndarray):
            dtype = _floating(p.dtype, "bernoulli_tensor_cpu_p_")
            if not ((p >= 0) & (p <= 1)).all():
                raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false: not a probability")
            return (self._unit(p.size, dtype) < p.ravel()).astype(dtype).reshape(p.shape)
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        shape = () if shape is None else shape
        return (self._unit64(_count(shape)) < p).astype(dtype).reshape(shape)


def _count(shape: Shape) -> int:
    if any(length < 0 for length in shape):
        negative = next(length for length in shape if length < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {negative}: {list(shape)}")
    return math.prod(shape)


def _floating(dtype: np.dtype, kernel: str) -> np.dtype:
    """Return the dtype if it is a floating-point one; raise PyTorch's error if it is not."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        name = dtypes.scalar_type_name(dtypes.from_numpy(dtype))
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{name}': it needs a floating-point dtype")
    return dtype


def _box_muller(units: np.ndarray) -> np.ndarray:
    """Turn rows of numbers in [0, 1) into rows of normally distributed ones.

    The first half of a row gives radii and the second half angles; their points in the plane are normally distributed
    along both axes.
    """
    half = BLOCK // 2
    one_minus, turn = 1 - units[:, :half], units[:, half:]
    angle = units.dtype.type(2 * np.pi) * turn
    if units.dtype == np.float32:
        radius = np.sqrt(-2 * cpumath.log(one_minus))
        sin, cos = cpumath.sin_cos(angle)
    else:
        radius = np.sqrt(-2 * np.log(one_minus))
        sin, cos = np.sin(angle), np.cos(angle)
    return np.concatenate([radius * cos, radius * sin], axis=1)


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything draws that is given no other, and return it."""
    return default_generator.manual_seed(int(seed))
