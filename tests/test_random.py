"""Random numbers: the same seed gives PyTorch's digits."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradviz.engine import cpumath, random
from gradviz.engine.random import Generator

F16, F32, F64, I64 = (np.dtype(name) for name in ("float16", "float32", "float64", "int64"))


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


# --- what torch 2.13.0 draws after manual_seed(0) ---------------------------------------------------------------------

GOLDEN = {
    "rand": (lambda g: g.random((4,), F32), F32, [0.4962566, 0.7682218, 0.08847743, 0.13203049]),
    "rand float64": (
        lambda g: g.random((3,), F64),
        F64,
        [float.fromhex(x) for x in ("0x1.f0aac97c4aa2fp-1", "0x1.6a675d821ccc0p-1", "0x1.d6687b744a5f6p-2")],
    ),
    "rand float16": (lambda g: g.random((3,), F16), F16, [0.4963, 0.768, 0.0885]),
    "uniform_": (lambda g: g.uniform(-0.3, 0.7, (2, 2), F32), F32, [0.19625658, 0.46822178, -0.21152258, -0.16796952]),
    "uniform_ float64": (
        lambda g: g.uniform(0.1, 0.7, (3,), F64),
        F64,
        [float.fromhex(x) for x in ("0x1.5d3345b0f994fp-1", "0x1.0ca46b4e11473p-1", "0x1.80a516df5fd2dp-2")],
    ),
    "randn": (lambda g: g.normal((5,), F32), F32, [1.5409961, -0.2934289, -2.1787894, 0.56843126, -1.0845224]),
    "normal_": (lambda g: g.normal((3,), F32, 3, 0.1), F32, [3.1540997, 2.970657, 2.782121]),
    "randn of 17": (
        lambda g: g.normal((17,), F32),
        F32,
        [
            float.fromhex(x)
            for x in (
                "-0x1.20370ap+0", "-0x1.b2288cp+0", "0x1.222008p-1", "0x1.9646bap-1", "0x1.329b16p-1",
                "-0x1.8e1ab6p+0", "-0x1.5d8d94p-2", "0x1.da5e9cp+0", "0x1.df54aap-2", "-0x1.2bc656p-1",
                "-0x1.631dd6p-3", "0x1.77c348p-3", "0x1.63ad80p+0", "0x1.961a00p+0", "0x1.e48138p-1",
                "-0x1.aff666p-1", "0x1.dd1860p-1",
            )
        ],
    ),
    "randn of 17 float16": (
        lambda g: g.normal((17,), F16),
        F16,
        [
            -1.126, -1.3525, -1.6963, 0.5669, 0.7935, 0.5986, -1.5547, -0.3413, 1.8525,
            0.75, -0.5854, -0.1733, 0.1835, 1.3896, 1.5859, 0.9463, -0.8438,
        ],
    ),
    "randint": (lambda g: g.integers(0, 10, (8,)), I64, [4, 9, 3, 0, 3, 9, 7, 3]),
    "randint, wide": (lambda g: g.integers(0, 2**40, (3,)), I64, [741280623151, 506137267392, 291447657211]),
    "randint, widest": (
        lambda g: g.integers(-(2**63), 2**63 - 1, (3,)),
        I64,
        [900450186894289455, 3969543146641149120, 1895649597198586619],
    ),
    "randperm": (lambda g: g.permutation(8), I64, [4, 0, 7, 3, 2, 5, 1, 6]),
    "bernoulli": (lambda g: g.bernoulli(np.full(8, 0.3, F32)), F32, [0, 0, 1, 1, 0, 0, 0, 0]),
    "bernoulli_": (lambda g: g.bernoulli(0.3, (8,), F32), F32, [0, 0, 0, 0, 0, 0, 1, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_pytorchs_digits(name):
    draw, dtype, numbers = GOLDEN[name]
    drawn = draw(seeded(0))
    assert drawn.dtype == dtype
    assert drawn.ravel().tolist() == np.array(numbers, dtype).tolist()


def test_the_second_of_a_pair_of_normal_numbers_is_kept_for_the_next_call():
    g = seeded(1)
    pair = seeded(1).normal((4,))
    assert g.normal((3,)).tolist() == pair[:3].tolist()
    g.random((5,))
    g.normal((20,))  # comes from blocks, and leaves the kept one alone
    assert g.normal(()) == pair[3]


def test_a_seed_forgets_the_kept_normal_number():
    g = seeded(1)
    g.normal((1,))
    assert g.manual_seed(1).normal((1,)) == seeded(1).normal((1,))


# --- PyTorch as the oracle --------------------------------------------------------------------------------------------

lengths = st.one_of(st.integers(0, 40), st.sampled_from([100, 1000]))
shapes = st.one_of(
    lengths.map(lambda n: (n,)), st.lists(st.integers(0, 6), max_size=3).map(tuple), st.sampled_from([(4, 4), (3, 50)])
)
floats = st.sampled_from(["float32", "float64", "float16"])
bounds = st.floats(-1000, 1000, width=16)
seeds = st.integers(-(2**63), 2**64 - 1)


@st.composite
def integer_bounds(draw) -> tuple[int, int]:
    bits = draw(st.sampled_from([4, 27, 28, 29, 32, 33, 62]))
    low = draw(st.integers(-(2**bits), 2**bits))
    return low, low + draw(st.integers(1, 2**bits))


# A call is its name and its arguments.
calls = st.one_of(
    st.tuples(st.just("rand"), shapes, floats),
    st.tuples(st.just("randn"), shapes, floats),
    st.tuples(st.just("normal_"), shapes, floats, bounds, st.floats(0, 10, width=16)),
    st.tuples(st.just("uniform_"), shapes, floats, st.tuples(bounds, bounds).map(sorted)),
    st.tuples(st.just("randint"), shapes, integer_bounds()),
    st.tuples(st.just("randperm"), lengths),
    st.tuples(st.just("bernoulli"), lengths, floats),
)


def probabilities(n: int, dtype: str) -> np.ndarray:
    return np.linspace(0, 1, n).astype(dtype)


def ours(g: Generator, call: tuple) -> np.ndarray:
    match call:
        case "rand", shape, dtype:
            return g.random(shape, np.dtype(dtype))
        case "randn", shape, dtype:
            return g.normal(shape, np.dtype(dtype))
        case "normal_", shape, dtype, mean, std:
            return g.normal(shape, np.dtype(dtype), mean, std)
        case "uniform_", shape, dtype, (low, high):
            return g.uniform(low, high, shape, np.dtype(dtype))
        case "randint", shape, (low, high):
            return g.integers(low, high, shape)
        case "randperm", n:
            return g.permutation(n)
        case "bernoulli", n, dtype:
            return g.bernoulli(probabilities(n, dtype))
    raise AssertionError(call)


def theirs(torch, call: tuple) -> np.ndarray:
    match call:
        case "rand", shape, dtype:
            return torch.rand(shape, dtype=getattr(torch, dtype)).numpy()
        case "randn", shape, dtype:
            return torch.randn(shape, dtype=getattr(torch, dtype)).numpy()
        case "normal_", shape, dtype, mean, std:
            return torch.empty(shape, dtype=getattr(torch, dtype)).normal_(mean, std).numpy()
        case "uniform_", shape, dtype, (low, high):
            return torch.empty(shape, dtype=getattr(torch, dtype)).uniform_(low, high).numpy()
        case "randint", shape, (low, high):
            return torch.randint(low, high, shape).numpy()
        case "randperm", n:
            return torch.randperm(n).numpy()
        case "bernoulli", n, dtype:
            return torch.bernoulli(torch.from_numpy(probabilities(n, dtype))).numpy()
    raise AssertionError(call)


def assert_same(torch, call: tuple, mine: np.ndarray, oracle: np.ndarray) -> None:
    assert (mine.shape, mine.dtype) == (oracle.shape, oracle.dtype), call
    exact = call[0] not in {"randn", "normal_", "uniform_"} or (
        # Other processors round otherwise, and in float64 NumPy's own sine is not always PyTorch's.
        mine.dtype != F64 and torch.backends.cpu.get_cpu_capability().startswith("AVX")
    )
    if exact:
        assert mine.tobytes() == oracle.tobytes(), call
    else:
        spread = np.abs(np.hstack([1.0, *call[3:]])).max()
        np.testing.assert_allclose(mine, oracle, rtol=0, atol=64 * spread * float(np.finfo(mine.dtype).eps))


@given(seeds, st.lists(calls, min_size=1, max_size=12))
@settings(deadline=None, max_examples=300)
def test_any_sequence_of_calls_draws_what_pytorch_draws(torch, seed, sequence):
    g = seeded(seed)
    assert g.initial_seed() == torch.manual_seed(seed).initial_seed()
    for call in sequence:
        assert_same(torch, call, ours(g, call), theirs(torch, call))


@given(seeds, st.floats(0, 1), lengths, floats)
@settings(deadline=None)
def test_bernoulli_with_one_probability(torch, seed, p, n, dtype):
    cpus = Path("/proc/cpuinfo")
    if not cpus.exists() or "GenuineIntel" in cpus.read_text():
        pytest.skip("PyTorch draws dropout masks with Intel's own generator on Intel's processors")
    torch.manual_seed(seed)
    oracle = torch.empty(n, dtype=getattr(torch, dtype)).bernoulli_(p)
    assert seeded(seed).bernoulli(p, (n,), np.dtype(dtype)).tolist() == oracle.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_million_normal_numbers(torch, dtype):
    torch.manual_seed(7)
    call = ("randn", (1_000_003,), dtype)
    assert_same(torch, call, ours(seeded(7), call), theirs(torch, call))


def test_the_upper_end_is_never_drawn(torch):
    """Between 1e6 and 1e6 + 1 there are 16 steps in float32, and many draws round up to the last."""
    call = ("uniform_", (1000,), "float32", (1e6, 1e6 + 1))
    torch.manual_seed(3)
    drawn = ours(seeded(3), call)
    assert drawn.max() < 1e6 + 1
    assert_same(torch, call, drawn, theirs(torch, call))


# --- shapes and dtypes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (1,), (2, 3), (4, 4), (3, 5, 7)])
def test_every_draw_is_an_array_of_the_shape_asked_for(shape):
    g = seeded()
    for drawn in (
        g.random(shape),
        g.uniform(-1, 1, shape),
        g.normal(shape),
        g.integers(0, 5, shape),
        g.bernoulli(0.5, shape),
        g.bernoulli(np.full(shape, 0.5)),
    ):
        assert isinstance(drawn, np.ndarray)
        assert drawn.shape == shape


def test_far_out_numbers_do_not_warn():
    g = seeded()
    assert np.isinf(g.normal((20,), F16, 0, 1e6)).any()
    assert np.isinf(g.normal((3,), F32, 1e39, 1)).all()
    wide = g.uniform(-8e307, 8e307, (1000,), F64)
    assert np.isfinite(wide).all()
    assert wide.min() < -7e307
    assert wide.max() > 7e307


@pytest.mark.parametrize(
    ("draw", "error", "text"),
    [
        (lambda g: g.random((2,), I64), NotImplementedError, "not implemented for 'Long'"),
        (lambda g: g.normal((2,), I64), NotImplementedError, "\"normal_kernel_cpu\" not implemented for 'Long'"),
        (lambda g: g.normal((2,), F32, 0, -1), RuntimeError, r"normal expects std >= 0\.0, but found std -1"),
        (lambda g: g.uniform(2, 1, (2,)), RuntimeError, r"a \[from, to\) range, but found from=2 > to=1"),
        (lambda g: g.uniform(0, np.inf, (2,)), RuntimeError, "to is out of bounds for float32"),
        (lambda g: g.uniform(np.nan, 1, (2,)), RuntimeError, "from is out of bounds for float32"),
        (lambda g: g.uniform(-3e38, 3e38, (2,)), RuntimeError, "uniform_ expects to-from"),
        (lambda g: g.integers(5, 3, (2,)), RuntimeError, "'from' to be less than 'to', but got from=5 >= to=3"),
        (lambda g: g.integers(0, 2**63, (2,)), ValueError, "Overflow when unpacking long long"),
        (lambda g: g.permutation(-1), RuntimeError, r"Trying to create tensor with negative dimension -1: \[-1\]"),
        (lambda g: g.random((2, -3)), RuntimeError, r"negative dimension -3: \[2, -3\]"),
        (lambda g: g.bernoulli(1.5), RuntimeError, r"bernoulli_ expects p to be in \[0, 1\], but got p=1\.5"),
        (lambda g: g.bernoulli(np.array([0.5, np.nan])), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
        (lambda g: g.bernoulli(np.array([1])), NotImplementedError, '"bernoulli_tensor_cpu_p_" not implemented'),
        (lambda g: Generator("cuda"), RuntimeError, "'cpu' only, not for 'cuda'"),
    ],
)
def test_what_cannot_be_drawn_says_why(draw, error, text):
    with pytest.raises(error, match=text):
        draw(seeded())


# --- seeds and states -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, -1, -2, 2**32, 2**63, 2**64 - 1, -(2**63), np.int64(3)])
def test_seeds(torch, seed):
    g = Generator()
    assert g.manual_seed(seed) is g
    assert g.initial_seed() == torch.manual_seed(int(seed)).initial_seed()
    assert g.random((3,)).tolist() == torch.rand(3).tolist()


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_a_seed_out_of_range_is_refused(torch, seed):
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        Generator().manual_seed(seed)
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [1.5, "a", None, True])
def test_a_seed_that_is_not_an_integer_is_refused(torch, seed):
    with pytest.raises(RuntimeError) as mine:
        Generator().manual_seed(seed)
    with pytest.raises(RuntimeError) as oracle:
        torch.Generator().manual_seed(seed)
    assert str(mine.value) == str(oracle.value)


def test_the_default_generator():
    assert random.manual_seed(5) is random.default_generator
    assert random.default_generator.random((2,)).tolist() == seeded(5).random((2,)).tolist()
    assert random.manual_seed(1.5).initial_seed() == 1  # as torch.manual_seed does


def test_a_new_generator_has_pytorchs_default_seed(torch):
    assert Generator().initial_seed() == torch.Generator().initial_seed()
    assert Generator().random((3,)).tolist() == torch.rand(3, generator=torch.Generator()).tolist()


def test_seed_is_a_new_one_every_time():
    g = Generator()
    first, second = g.seed(), g.seed()
    assert first != second == g.initial_seed()
    assert g.random((3,)).tolist() == seeded(second).random((3,)).tolist()


@given(seeds, st.lists(calls, max_size=5), st.lists(calls, min_size=1, max_size=5))
@settings(deadline=None)
def test_going_back_to_a_state(seed, before, after):
    g = seeded(seed)
    for call in before:
        ours(g, call)
    state = g.get_state()
    untouched = state.copy()
    copies = [copy.deepcopy(g), pickle.loads(pickle.dumps(g)), Generator().set_state(state)]
    first = [ours(g, call).tobytes() for call in after]
    for other in [g.set_state(state), *copies]:
        assert [ours(other, call).tobytes() for call in after] == first
        assert other.initial_seed() == g.initial_seed()
    assert (state == untouched).all()


def test_a_damaged_state_is_refused_and_changes_nothing():
    g = seeded(3)
    state = g.get_state()
    for wrong, error, text in (
        (state[:-1], RuntimeError, "size"),
        (np.zeros_like(state), RuntimeError, "Invalid mt19937 state"),
        (np.full_like(state, 255), RuntimeError, "Invalid mt19937 state"),
        (state.astype(np.float32), TypeError, "ByteTensor"),
    ):
        with pytest.raises(error, match=text):
            g.set_state(wrong)
    assert g.random((3,)).tolist() == seeded(3).random((3,)).tolist()


# --- arithmetic -------------------------------------------------------------------------------------------------------


def fractions_fma(a: float, b: float, c: float) -> float:
    from fractions import Fraction

    return float(Fraction(a) * Fraction(b) + Fraction(c))  # exact, then rounded once


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e12, 1e12))
def test_fma_rounds_at_most_once_in_float64(a, b, c):
    exact = fractions_fma(a, b, c)
    assert abs(float(cpumath.fma(np.array(a), b, c)) - exact) <= np.spacing(abs(exact))


def test_fma_keeps_the_sign_of_zero():
    for dtype in (F32, F64):
        assert np.signbit(cpumath.fma(np.array([-0.0], dtype), 1.0, -0.0)).all()
        assert not np.signbit(cpumath.fma(np.array([-0.0], dtype), 1.0, 0.0)).any()


def test_fma_in_float64_is_what_one_rounding_gives():
    rng = np.random.default_rng(0)
    a, b, c = rng.random((3, 5000))
    exact = np.array([fractions_fma(*numbers) for numbers in zip(a, b, c, strict=True)])
    assert (a * b + c != exact).mean() > 0.1  # two roundings do show
    assert (cpumath.fma(a, b, c) == exact).all()


@given(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32))
def test_fma_in_float32(a, b, c):
    fused = cpumath.fma(np.array([a], F32), b, c)
    assert fused.dtype == F32
    exact = fractions_fma(a, b, c)
    assert abs(float(fused[0]) - exact) <= 0.5001 * float(np.spacing(np.float32(abs(exact))))


def test_logarithm_sine_and_cosine_are_right_to_the_last_bits():
    rng = np.random.default_rng(0)
    x = rng.random(100_000).astype(F32) + np.float32(2**-24)
    np.testing.assert_allclose(cpumath.log(x), np.log(x.astype(F64)), rtol=3e-7, atol=1e-7)
    angle = x * np.float32(2 * np.pi)
    sin, cos = cpumath.sin_cos(angle)
    np.testing.assert_allclose(sin, np.sin(angle.astype(F64)), atol=1.5e-7)
    np.testing.assert_allclose(cos, np.cos(angle.astype(F64)), atol=1.5e-7)


def test_numpy_random_is_imported_at_the_first_draw():
    program = (
        "import sys; from gradviz.engine import random; early = 'numpy.random' in sys.modules; "
        "random.manual_seed(0).random((1,)); assert not early, early; assert 'numpy.random' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)
