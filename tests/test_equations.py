"""Every equation that a step prints is true: its sides, worked out, have one shape and one value, and so has what is printed.

The rows of the table are recorded on the examples of `tests/test_rows.py`, with numbers, vectors, matrices and batches, and in
all the ways of `tests/test_formulas.py`. A side is worked out from its parts as a reader would: by its signs, with NumPy.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from test_formulas import SHAPES, WAYS
from test_rows import ON_DEMAND, TENSORS, examples_of, function_of

import gradviz as gv
from gradviz.engine.numerals import read
from gradviz.engine.operation import TABLE
from gradviz.recording import record_graph

BY_NAME = {"FrexpBackward0": "its exponent is a whole number beside its result: what nobody uses is not recorded"}
"""Rows whose lines have a symbol that nothing is known of, and why."""


# --- working a side out ----------------------------------------------------------------------------------------------


class UnknownError(Exception):
    """A symbol of which no numbers are known, or a function of which only the name is printed."""


def entrywise(work):
    return lambda self, other: Number(work(self.array, other.array))


class Number:
    """A number or an array, as the signs of an equation treat it."""

    def __init__(self, array):
        self.array = np.asarray(array)

    __add__, __sub__, __truediv__, __mod__, __pow__, __and__ = map(
        entrywise, (np.add, np.subtract, np.divide, np.mod, np.power, np.logical_and)
    )
    __lt__, __gt__, __le__, __ge__, __eq__, __ne__ = map(
        entrywise, (np.less, np.greater, np.less_equal, np.greater_equal, np.equal, np.not_equal)
    )
    __floordiv__ = entrywise(np.multiply)  # ⊙

    def __neg__(self):
        return Number(-self.array)

    def __mul__(self, other):  # · is for one number with anything, and for matrices
        if self.array.size == 1 or other.array.size == 1:
            return Number(self.array * other.array)
        return Number(self.array @ other.array)

    @property
    def T(self):  # noqa: N802
        return Number(np.swapaxes(self.array, -2, -1))


SIGNS = {
    "−": "-", "·": "*", "×": "*", "@": "*", "⊙": "//", "ᵀ": ".T", "≤": "<=", "≥": ">=", "≠": "!=", "=": "==", "mod": "%",
}  # fmt: skip


def worked_out(side, numbers_of):
    """Work a side out; `numbers_of` gives the numbers of a part, or raises `UnknownError`."""
    values, code, place = [], "", 0
    while place < len(side):
        part = side[place]
        place += 1 + part.covers
        if part.kind == "sign" and part.value is None:
            code += part.text
        else:
            raised = part.kind == "sign"
            values.append(Number(numbers_of(part)))
            code += f"{'**' if raised else ''}v[{len(values) - 1}]"
    code = re.sub("|".join(map(re.escape, SIGNS)), lambda sign: SIGNS[sign[0]], code)
    return eval(_choices(code), {"v": values, "where": _where}).array


def _where(chosen, yes, no):
    return Number(np.where(chosen.array, yes.array, no.array))


def _choices(code):
    """Write ``a if b, else c`` as a function, from the innermost brackets outwards."""
    inner = re.compile(r"\(([^()]*)\)")
    kept = []

    def keep(found):
        kept.append(f"({_choice(found[1])})")
        return f"\0{len(kept) - 1}\1"

    while inner.search(code):
        code = inner.sub(keep, code)
    code = _choice(code)
    while "\0" in code:
        code = re.sub("\0(\\d+)\1", lambda found: kept[int(found[1])], code)
    return code


def _choice(code):
    yes, choice, rest = code.partition(" if ")
    if not choice:
        return code
    when, _, no = rest.partition(", else ")
    sides = re.split(r"(<=|>=|<|>)", when)
    if len(sides) == 5:  # between two ends
        when = f"({''.join(sides[:3])}) & ({''.join(sides[2:])})"
    return f"where({when}, {yes}, {_choice(no)})"


def as_data(part):
    if part.value is None or part.value.data is None:
        raise UnknownError(part.text)
    array = np.array(part.value.data, "float64" if part.value.dtype == "bfloat16" else part.value.dtype)
    array = array.reshape(part.value.shape)
    return np.swapaxes(array, -2, -1) if part.transposed else array


def as_printed(part):
    if part.covers or part.kind == "symbol":
        raise UnknownError(part.text)
    if part.kind == "sign":
        return as_data(part)
    return np.array(_read(part.text))


def _read(text):
    """Read a number, or the rows of an array, in as many brackets as it has axes."""
    if not text.startswith("["):
        try:
            return read(text)
        except ValueError:
            raise UnknownError(text) from None  # a name and a shape
    if text.startswith("[[["):
        return [_read(text[1:-1])]
    if text.startswith("[["):
        return [_read(f"[{row}]") for row in text[2:-2].split("], [")]
    return [read(number) for number in text[1:-1].split(", ")]


# --- checking a line -------------------------------------------------------------------------------------------------


def check(equation):
    """See that an equation holds, and that it does so as it is printed; return the symbols that nothing is known of."""
    if not equation.sides:
        return []
    assert equation.text.startswith("".join(part.text for part in equation.sides[0]))
    added = equation.relations[:1] == ("+=",)
    sides = equation.sides[1:] if added else equation.sides
    unknown, found = [], []
    for side in sides:
        try:
            with np.errstate(all="ignore"):
                found.append(worked_out(side, as_data))
        except UnknownError as symbol:
            unknown.append(str(symbol))
    for value in found[:-1]:
        assert value.shape == found[-1].shape, f"{equation.text}: {value.shape} and {found[-1].shape}"
        np.testing.assert_allclose(value, found[-1], rtol=1e-4, atol=1e-6, err_msg=equation.text)
    _check_print(equation)
    return unknown


def _check_print(equation):
    """See that the numbers that are printed give the result that is printed, or that the line says ≈."""
    if len(equation.sides) < 2 or equation.relations[-1] == "≈":
        return
    try:
        with np.errstate(all="ignore"):
            before, after = (worked_out(side, as_printed) for side in equation.sides[-2:])
    except UnknownError:
        return
    printed = re.findall(r"[^\[\], ]+", "".join(part.text for part in equation.sides[-1]))
    for one, there, text in zip(np.ravel(before), np.ravel(after), printed, strict=True):
        if np.isfinite(there):
            assert abs(one - there) <= 0.5001 * _unit(text) + 1e-12 * abs(there), f"{equation.text}: {one}, not {text}"


def _unit(text):
    """The worth of the last digit of a number."""
    digits, _, power = text.replace("−", "-").partition("e")
    return 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))


# --- all rows --------------------------------------------------------------------------------------------------------


def recording_of(code, given, name=""):
    """Record an example, or its gradient where that is what has the row; added up with weights, so that no gradient is 1."""
    function, tensors = function_of(code, given)
    found = function(*tensors)
    results = [part for part in (found if isinstance(found, tuple) else (found,)) if part.requires_grad]
    if "BackwardBackward" in name or name.endswith("BackwardBackward0"):
        starts = [gv.ones_like(part).requires_grad_() for part in results]
        gradients = gv.autograd.grad(results, tensors, starts, create_graph=True, allow_unused=True)
        results = [part for part in gradients if part is not None and part.requires_grad]
    random = np.random.default_rng(5)
    total = sum(
        (part * gv.tensor(random.uniform(0.5, 1.5, tuple(part.shape))).to(part.dtype)).sum() for part in results
    )
    return record_graph(total, backward=True)


def check_all(recording):
    """Check all lines; return the rows with symbols that nothing is known of."""
    unknown = {}
    rows = {operation.id: operation.grad_fn for operation in recording.graph.operations}
    for frame in recording.frames:
        for equation in frame.equation:
            for symbol in check(equation):
                unknown[rows[frame.current]] = f"{symbol} in {equation.text}"
    return unknown


@pytest.mark.sample(40)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted([*TABLE, *ON_DEMAND]))
def test_the_lines_of_a_row_are_true(name):
    for code in [ON_DEMAND[name]] if name in ON_DEMAND else examples_of(name):
        for shape, change in SHAPES.items():
            try:
                recording = recording_of(code, {key: change(array) for key, array in TENSORS.items()}, name)
            except Exception:
                assert shape != "as it is"
                continue
            unknown = check_all(recording)
            assert unknown.keys() <= BY_NAME.keys(), unknown


@pytest.mark.sample(30)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", [code for line in WAYS.splitlines() for code in line.split("|")])
def test_lines_are_true_in_all_the_ways_that_a_row_is_used(code):
    unknown = check_all(recording_of(code, TENSORS))
    assert unknown.keys() <= BY_NAME.keys(), unknown


# --- what is printed -------------------------------------------------------------------------------------------------


def lines_of(result, **names):
    return [line.text for frame in record_graph(result, backward=True, names=names).frames for line in frame.equation]


def test_a_matrix_step_stands_there_with_its_numbers():
    x, w = gv.tensor([[1.0, 2.0], [3.0, 4.0]]), gv.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    c = gv.tensor([1.0, -2.0], requires_grad=True)
    h = x @ w + c
    out = (h * h).sum() + (w * w).sum()
    lines = lines_of(out, X=x, W=w, c=c, h=h, out=out)
    for line in (
        "X @ W = [[1, 2], [3, 4]] @ [[0.5, −1], [2, 0.25]] = [[4.5, −0.5], [9.5, −2]]",
        "∂out/∂c = Σ rows (∂out/∂h) = Σ rows ([[11, −5], [21, −8]]) = [32, −13]",
        "∂out/∂W += Xᵀ · ∂out/∂(X @ W) = [[1, 3], [2, 4]] · [[11, −5], [21, −8]] = [[74, −29], [106, −42]]",
        "∂out/∂W = [[1, −2], [4, 0.5]] + [[74, −29], [106, −42]] = [[75, −31], [110, −41.5]]",
    ):
        assert line in lines


def test_a_larger_array_stands_there_with_its_name_and_shape():
    x, w = gv.ones(2, 6), gv.full((6, 5), 0.5, requires_grad=True)
    h = gv.relu(x @ w)
    lines = lines_of(h.sum(), x=x, w=w, h=h)
    assert "x (2×6) @ w (6×5) = (2×5)" in lines
    assert "∂Σ(h)/∂w = xᵀ (6×2) · ∂Σ(h)/∂(x @ w) (2×5) = (6×5)" in lines


def test_a_matrix_in_more_axes_stands_there_with_its_numbers():
    image = gv.tensor([[[[1.0, -2.0], [3.0, 0.5]]]], requires_grad=True)
    assert "relu(image) = relu([[[[1, −2], [3, 0.5]]]]) = [[[[1, 0], [3, 0.5]]]]" in lines_of(image.relu().sum(), image=image)
    two = image.detach().repeat(2, 1, 1, 1)
    assert not any("[[" in line for line in lines_of(two.requires_grad_().relu().sum(), two=two))


def test_a_line_that_rounding_makes_false_says_so():
    x = gv.tensor([1.0, 3.0], requires_grad=True)
    lines = lines_of((x / 3).sum(), x=x)
    assert "x/3 = [1, 3] / 3 = [0.3333, 1]" in lines
    assert any(" ≈ " in line for line in lines_of((gv.sin(x * 3.14159265) * 1e6).sum(), x=x))


def test_a_false_line_would_be_found(monkeypatch):
    """The check itself: a wrong factor, a product the wrong way round, a sum that is left out, and a false number fail."""
    for name, local in (
        ("MulBackward0", {"self": "self", "other": "self"}),
        ("MmBackward0", {"self": "mat2 @ grad", "mat2": "grad @ self"}),
        ("SumBackward0", {"self": "ones(self) * 2"}),
        ("TBackward0", {"self": "grad"}),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(TABLE[name].__dict__, "local", local)
            with pytest.raises((AssertionError, ValueError)):
                test_the_lines_of_a_row_are_true(name)
    x = gv.tensor([[1.0, 2.0]], requires_grad=True)
    frame = record_graph((x * 3).sum(), backward=True).frames[1]
    (line,) = frame.equation
    *before, (made,) = line.sides
    with pytest.raises(AssertionError):
        check(replace(line, sides=(*before, (replace(made, text="[[3, 5]]"),))))
