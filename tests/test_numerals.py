"""How numbers are written: they read back, what is printed as an equation is right as printed, and Python and JavaScript agree."""

from __future__ import annotations

import json
import math
import operator
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.engine.numerals import dust, epsilon, nearest, number, read, shown

SOURCES = Path(__file__).parents[1] / "gradviz" / "player" / "frontend" / "src"
DTYPES = ("float16", "bfloat16", "float32", "float64")

# Numbers as they come in lessons (a few digits), and any at all.
LESSONS = st.builds(lambda whole, places: whole / 10**places, st.integers(-(10**7), 10**7), st.integers(0, 9))
ANY = st.floats(-1e30, 1e30, allow_nan=False)
FINITE = LESSONS | ANY

OPERATIONS = {
    "+": (operator.add, "(a, b) => a + b"),
    "−": (operator.sub, "(a, b) => a - b"),
    "×": (operator.mul, "(a, b) => a * b"),
}


def shortest(value, dtype):
    """The length of the shortest text that reads back, without its sign, as NumPy finds it (for what NumPy has)."""
    kind = np.dtype(dtype).type
    plain = np.format_float_positional(kind(abs(value)), unique=True, trim="-")
    mantissa, power = np.format_float_scientific(kind(abs(value)), unique=True, trim="-").split("e")
    return min(len(plain), len(f"{mantissa}e{int(power)}"))


@given(FINITE, st.sampled_from(["float16", "float32", "float64"]))
def test_what_is_short_reads_back_as_the_same_number(value, dtype):
    value = float(np.dtype(dtype).type(min(max(value, -6e4), 6e4)))
    text = number(value, dtype=dtype)
    if shortest(value, dtype) <= 6:
        assert nearest(read(text), dtype) == value
    else:
        assert sum(sign.isdigit() for sign in text.split("e")[0].replace("0.", "").lstrip("−0")) <= 5
    assert number(np.dtype(dtype).type(value)) == text  # a number of NumPy's brings its dtype


@given(FINITE, st.sampled_from(DTYPES))
def test_what_is_not_is_rounded_to_four_digits(value, dtype):
    value = nearest(value, dtype)
    text = number(value, dtype=dtype)
    if nearest(read(text), dtype) != value:
        assert abs(read(text) - value) <= abs(value) * 0.5001e-3
    assert number(-value, dtype=dtype) == ("−" + text if not text.startswith("−") else text[1:]) or value == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.5**2, "30.25"),
        (10.5**2, "110.25"),
        (162.75, "162.75"),
        (-162.75, "−162.75"),  # as many digits as without the sign: or −x would not be x turned over
        (1 / 3, "0.3333"),
        (100000.0, "100000"),
        (1e6, "1e6"),
        (1234567.0, "1.235e6"),
        (0.00012, "0.00012"),
        (1.5e-7, "1.5e−7"),
        (0.0, "0"),
        (-0.0, "0"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
        (12345.678, "12346"),
        (3, "3"),
        (10**400, "1e400"),
        (True, "True"),
        ("mean", "mean"),
        (np.float32(0.1), "0.1"),
        (np.float32(1.2345), "1.2345"),
        (np.float32(12345.6), "12346"),
        (np.float16(0.1), "0.1"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_a_recorded_number_is_read_in_its_dtype_too():
    """A recording keeps of a float32 the shortest decimal, 1.2345, which is another float64."""
    assert number(1.2345, dtype="float32") == "1.2345"
    assert shown([0.1, 0.2], 0.3, operator.add, "float32")[1:3] == ("0.3", "=")
    numbers = [np.float32(162.75), np.float32(5.3125)]
    assert shown(numbers, np.float32(168.0625), operator.add, "float32")[1:3] == ("168.0625", "=")


@given(st.tuples(FINITE, FINITE), st.sampled_from(sorted(OPERATIONS)), st.sampled_from(["float32", "float64"]))
def test_printed_arithmetic_is_right_or_says_that_it_is_not(operands, sign, dtype):
    compute = OPERATIONS[sign][0]
    operands = [nearest(operand, dtype) for operand in operands]
    result = nearest(compute(*operands), dtype)
    printed = shown(operands, result, compute, dtype)
    there = read(printed.result)
    worked_out = compute(*map(read, printed.operands))
    if printed.relation == "=":
        assert worked_out == pytest.approx(there, rel=0.5001e-3, abs=1e-13 * max(map(abs, operands)))
        assert number(worked_out, printed.digits) == printed.result or worked_out == pytest.approx(there, rel=1e-12)
    else:
        assert printed.relation == "≈"
        closer = compute(*(read(number(operand, 7, dtype)) for operand in operands))
        exact = nearest(there, dtype) == result
        assert there == 0 or (
            closer != pytest.approx(there, rel=1e-12, abs=0) if exact else number(closer) != printed.result
        )


def test_of_the_issue_nothing_contradicts_the_arithmetic():
    squares = [shown([x, x], x * x, operator.mul) for x in (5.5, -2.5, 10.5, -4.0)]
    assert [one.result for one in squares] == ["30.25", "6.25", "110.25", "16"]
    total = shown([read(one.result) for one in squares], 162.75, lambda *terms: sum(terms))
    assert (total.result, total.relation) == ("162.75", "=")
    assert shown([162.75, 5.3125], 168.0625, operator.add)[1:3] == ("168.0625", "=")
    assert shown([0.49671415, -0.1382643], 0.35844985, operator.add).operands == ("0.4967", "−0.1383")
    more = shown([0.49671415, 0.1382643], 0.49671415 * 0.1382643, operator.mul)
    assert (more.operands, more.result, more.relation) == (("0.49671", "0.13826"), "0.06868", "=")
    assert shown([1 / 3, 3.0], 1.0, operator.mul)[1:3] == ("1", "≈")


def test_matrices_are_one_equation():
    x, w = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), np.array([[0.5, -1.0], [2.0, 0.25]], np.float32)
    printed = shown([x, w], x @ w, operator.matmul, "float32")
    assert printed.operands == (("1", "2", "3", "4"), ("0.5", "−1", "2", "0.25"))
    assert (printed.result, printed.relation) == (("4.5", "−0.5", "9.5", "−2"), "=")
    assert shown([math.nan, 1.0], math.nan, operator.add) == (("nan", "1"), "nan", "=", 4, ())
    assert shown([math.inf, 1.0], math.inf, operator.add) == (("∞", "1"), "∞", "=", 4, ())
    assert shown([np.ones((0, 2))], np.ones(0), lambda a: a.sum(1)).relation == "="


@pytest.mark.parametrize(
    ("operands", "compute", "dtype", "is_dust"),
    [
        ([1.0, 1.49e-8, -1.0], lambda *x: sum(x), "float32", True),
        ([math.pi], np.sin, "float32", True),
        ([math.pi], np.sin, "float64", True),
        ([0.1, 0.2, -0.3], lambda *x: sum(x), "float64", True),
        ([np.array([0.1, 0.2, -0.3])], np.mean, "float64", True),
        ([1e-5, 1e-5], operator.mul, "float32", False),  # small, and all of it meant
        ([1.0, 0.999999], operator.sub, "float32", False),
        ([1e-20, 2e-20], operator.sub, "float32", False),
        ([1.0, 1.0], operator.sub, "float32", False),  # a zero as it is
        ([3, 3], operator.sub, "int64", False),
    ],
)
def test_what_is_below_the_rounding_error_of_its_operands_is_dust(operands, compute, dtype, is_dust):
    result = nearest(float(compute(*operands)), dtype) if dtype != "float32" else float(compute(*operands))
    assert dust(operands, result, compute, dtype) == ((0,) if is_dust else ())
    if is_dust:
        assert shown(operands, result, compute, dtype)[1:3] == ("0", "≈")


def test_epsilon_is_numpys():
    assert [epsilon(dtype) for dtype in ("float16", "float32", "float64", "int64")] == [
        *(float(np.finfo(dtype).eps) for dtype in ("float16", "float32", "float64")),
        0.0,
    ]


@pytest.fixture(scope="module")
def in_javascript(node):
    """Run a function of the front end on each of some cases."""

    def run(function, cases):
        program = (
            f"import {{ numberText }} from {json.dumps((SOURCES / 'number.js').as_uri())};"
            f"import {{ shown }} from {json.dumps((SOURCES / 'arithmetic.js').as_uri())};"
            'let text = ""; process.stdin.on("data", part => { text += part; });'
            f'process.stdin.on("end", () => process.stdout.write(JSON.stringify(JSON.parse(text).map({function}))));'
        )
        command = [node, "--input-type=module", "-e", program]
        return json.loads(
            subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=True).stdout
        )

    return run


def sample(count):
    """Numbers of every size and kind, the same each time."""
    chance = np.random.default_rng(0)
    some = [0.0, 1.0, -1.0, 0.5, 1e5, 99999.0, 123456.0, -0.012345, 1e-7, 9.9996, 9999.6, 99999.99, 1e-5, 1e22, -3e-40]
    some += [math.pi, 1 / 3]
    some += (chance.uniform(-10, 10, count) * 10.0 ** chance.integers(-12, 12, count)).tolist()
    some += [float(n) for n in chance.integers(-200_000, 200_000, count // 10)]
    some += (chance.integers(-(10**6), 10**6, count) / 10.0 ** chance.integers(0, 7, count)).tolist()
    return some


def test_javascript_writes_numbers_as_python_does(in_javascript):
    cases = [
        (nearest(value, dtype), digits, dtype)
        for place, value in enumerate(sample(2000))
        for digits, dtype in [((2, 3, 4, 5, 7)[place % 5], DTYPES[place % 4]), (4, "float64"), (4, "float32")]
    ]
    cases = [case for case in cases if case[2] != "float16" or abs(case[0]) <= 65504]
    written = in_javascript("([n, digits, dtype]) => numberText(n, digits, dtype)", cases)
    assert [(case, text) for case, text in zip(cases, written, strict=True) if text != number(*case)] == []


def test_javascript_prints_arithmetic_as_python_does(in_javascript):
    numbers = sample(400)
    for sign, (compute, script) in OPERATIONS.items():
        for dtype in ("float32", "float64"):
            pairs = [[nearest(a, dtype), nearest(b, dtype)] for a, b in zip(numbers, reversed(numbers), strict=True)]
            cases = [(pair, nearest(compute(*pair), dtype)) for pair in pairs]
            cases += [(pair, result * (1 + 1e-4)) for pair, result in cases[:100]]  # which is not right
            there = in_javascript(
                f"(([operands, result]) => Object.values(shown(operands, result, {script}, '{dtype}')))", cases
            )
            here = [
                [list(one.operands), one.result, one.relation]
                for case in cases
                for one in [shown(*case, compute, dtype)]
            ]
            assert [pair for pair in zip(cases, here, there, strict=True) if pair[1] != pair[2]] == [], (sign, dtype)
