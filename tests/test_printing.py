"""What a tensor looks like as text: what PyTorch prints, character by character."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradviz.engine import dtypes, printing
from gradviz.engine.printing import parameter_text, set_printoptions, tensor_text


@pytest.fixture(autouse=True)
def _same_options_afterwards():
    yield
    set_printoptions(profile="default")


def f32(numbers) -> np.ndarray:
    return np.array(numbers, dtype=np.float32)


# --- what torch 2.13.0 prints -----------------------------------------------------------------------------------------

nan, inf = math.nan, math.inf

SHORT = [
    (f32(1.0), "tensor(1.)"),
    (np.array(1), "tensor(1)"),
    (np.array(True), "tensor(True)"),
    (f32([1.0, 2.0]), "tensor([1., 2.])"),
    (f32([1.5, 2.0]), "tensor([1.5000, 2.0000])"),
    (f32([1.0, nan, inf]), "tensor([1., nan, inf])"),
    (f32([0.5, nan, -inf]), "tensor([0.5000,    nan,   -inf])"),
    (f32([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
    (f32([1e-5]), "tensor([1.0000e-05])"),
    (f32([1.0, 1e4]), "tensor([1.0000e+00, 1.0000e+04])"),
    (f32([1.0, 1001.0]), "tensor([1.0000e+00, 1.0010e+03])"),
    (f32([0.5, 501.0]), "tensor([5.0000e-01, 5.0100e+02])"),
    (f32([1e9]), "tensor([1.0000e+09])"),
    (f32([0.0, 0.0]), "tensor([0., 0.])"),
    (f32([]), "tensor([])"),
    (np.zeros((0, 3), np.float32), "tensor([], size=(0, 3))"),
    (np.zeros(0, np.int64), "tensor([], dtype=torch.int64)"),
    (np.array([1, 2], np.int32), "tensor([1, 2], dtype=torch.int32)"),
    (np.array([1.0]), "tensor([1.], dtype=torch.float64)"),
    (np.array([True, False]), "tensor([ True, False])"),
    (np.arange(10), "tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])"),
    (np.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (f32(np.arange(1001)), "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])"),
    (f32([0.1, 0.1]), "tensor([0.1000, 0.1000])"),
    (f32(3.14159265), "tensor(3.1416)"),
    (f32(1e-8), "tensor(1.0000e-08)"),
    (f32(123456.789), "tensor(123456.7891)"),
    (f32(0.00012), "tensor(0.0001)"),
    (f32(-0.0), "tensor(-0.)"),
    (f32([-1.5, 22.25]), "tensor([-1.5000, 22.2500])"),
    (f32([1e-5, 0.0]), "tensor([1.0000e-05, 0.0000e+00])"),
    (np.array([1, -22, 333]), "tensor([  1, -22, 333])"),
]


@pytest.mark.parametrize(("array", "text"), SHORT, ids=[text for _, text in SHORT])
def test_short_texts(array, text):
    assert tensor_text(array) == text


LONG = [
    (
        np.eye(3, dtype=np.float32),
        """\
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.]])""",
    ),
    (
        np.zeros((2, 2, 2), np.float32),
        """\
        tensor([[[0., 0.],
                 [0., 0.]],

                [[0., 0.],
                 [0., 0.]]])""",
    ),
    (
        np.zeros((1, 2, 1, 2), np.float32),
        """\
        tensor([[[[0., 0.]],

                 [[0., 0.]]]])""",
    ),
    (
        np.linspace(0, 1, 25, dtype=np.float32),
        """\
        tensor([0.0000, 0.0417, 0.0833, 0.1250, 0.1667, 0.2083, 0.2500, 0.2917, 0.3333,
                0.3750, 0.4167, 0.4583, 0.5000, 0.5417, 0.5833, 0.6250, 0.6667, 0.7083,
                0.7500, 0.7917, 0.8333, 0.8750, 0.9167, 0.9583, 1.0000])""",
    ),
    (
        np.zeros((30, 40), np.float32),
        """\
        tensor([[0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.],
                ...,
                [0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.]])""",
    ),
    (
        f32([[1.0, -2.0], [300.0, 4.0]]),
        """\
        tensor([[  1.,  -2.],
                [300.,   4.]])""",
    ),
    (
        f32([[1e10, 1.0], [0.0, 2.0]]),
        """\
        tensor([[1.0000e+10, 1.0000e+00],
                [0.0000e+00, 2.0000e+00]])""",
    ),
]


@pytest.mark.parametrize(("array", "text"), LONG, ids=[str(array.shape) for array, _ in LONG])
def test_long_texts(array, text):
    assert tensor_text(array) == textwrap.dedent(text)


def test_what_follows_the_numbers():
    two = f32([1.0, 2.0])
    assert tensor_text(two, requires_grad=True) == "tensor([1., 2.], requires_grad=True)"
    assert tensor_text(two, requires_grad=True, grad_fn="MulBackward0") == "tensor([1., 2.], grad_fn=<MulBackward0>)"
    assert tensor_text(f32(4.0), grad_fn="PowBackward0") == "tensor(4., grad_fn=<PowBackward0>)"
    assert (
        tensor_text(two.astype(np.float64), grad_fn="MulBackward0")
        == "tensor([1., 2.], dtype=torch.float64, grad_fn=<MulBackward0>)"
    )
    assert parameter_text(np.ones(2, np.float32)) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


def test_what_follows_the_numbers_goes_to_a_new_line_when_the_line_is_full():
    text = tensor_text(np.linspace(0, 1, 25, dtype=np.float32), grad_fn="MulBackward0")
    assert text.endswith("0.9583, 1.0000],\n       grad_fn=<MulBackward0>)")


def test_text_that_starts_further_right():
    at_the_margin = tensor_text(np.eye(2, dtype=np.float32), grad_fn="MulBackward0")
    indented = tensor_text(np.eye(2, dtype=np.float32), grad_fn="MulBackward0", indent=4)
    assert "    " + indented == textwrap.indent(at_the_margin, "    ")
    for indent in range(60):  # and it still fits: no line is longer than 80 columns, the last one's bracket aside
        text = " " * indent + tensor_text(f32(np.arange(50) / 8), grad_fn="MulBackward0", indent=indent)
        assert max(map(len, text.splitlines())) <= max(81, indent + len("       grad_fn=<MulBackward0>)"))


def test_the_default_dtype_is_not_mentioned():
    dtypes.set_default_dtype(dtypes.float64)
    try:
        assert tensor_text(np.ones(1)) == "tensor([1.])"
        assert tensor_text(f32([1.0])) == "tensor([1.], dtype=torch.float32)"
        assert tensor_text(np.ones((2, 0))) == "tensor([], size=(2, 0))"
    finally:
        dtypes.set_default_dtype(dtypes.float32)


def test_an_unsupported_dtype_is_an_error():
    with pytest.raises(TypeError, match="can't convert"):
        tensor_text(np.ones(2, np.complex64))


def test_printing_leaves_the_array_alone():
    array = np.arange(12.0).reshape(3, 4)
    view = array[::2, ::-1]
    view.flags.writeable = False
    tensor_text(view)
    assert (array == np.arange(12.0).reshape(3, 4)).all()


# --- options ----------------------------------------------------------------------------------------------------------


def test_precision():
    set_printoptions(precision=2)
    assert tensor_text(f32([1.12345])) == "tensor([1.12])"


def test_threshold_and_edgeitems():
    set_printoptions(threshold=5, edgeitems=1)
    assert tensor_text(np.arange(10)) == "tensor([0,  ..., 9])"
    assert tensor_text(np.arange(5)) == "tensor([0, 1, 2, 3, 4])"


def test_sci_mode_lasts_until_the_next_call():
    set_printoptions(sci_mode=True)
    assert tensor_text(f32([1.0])) == "tensor([1.0000e+00])"
    set_printoptions(sci_mode=False)
    assert tensor_text(f32([1e-6])) == "tensor([0.0000])"
    set_printoptions(precision=3)
    assert tensor_text(f32([1e-6])) == "tensor([1.000e-06])"


def test_profiles():
    set_printoptions(profile="short")
    assert tensor_text(f32([0.5])) == "tensor([0.50])"
    set_printoptions(profile="full")
    assert "..." not in tensor_text(np.arange(1001))
    set_printoptions(profile="full", threshold=4)
    assert "..." in tensor_text(np.arange(10))
    set_printoptions(profile="default")
    assert printing.get_printoptions() == {
        "precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None
    }  # fmt: skip


def test_options_for_a_block():
    set_printoptions(precision=6)
    with printing.printoptions(precision=1):
        assert tensor_text(f32([0.5])) == "tensor([0.5])"
    assert tensor_text(f32([0.5])) == "tensor([0.500000])"


def test_options_for_a_block_that_fails():
    with pytest.raises(ZeroDivisionError), printing.printoptions(precision=1):
        _ = 1 / 0
    assert tensor_text(f32([0.5])) == "tensor([0.5000])"


@pytest.mark.parametrize("wrong", [{"profile": "tiny"}, {"precision": -1}, {"edgeitems": -1}])
def test_a_wrong_option_is_refused_and_changes_nothing(wrong):
    before = printing.get_printoptions()
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        set_printoptions(**wrong)
    assert printing.get_printoptions() == before


# --- PyTorch as the oracle --------------------------------------------------------------------------------------------


def whole(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(float)


numbers = {
    "whole": whole(-20, 20),
    "large whole": whole(-(10**12), 10**12),
    "ordinary": st.floats(-100, 100, width=16),
    "any magnitude": st.builds(lambda m, e: m * 10.0**e, st.floats(-10, 10, width=32), st.integers(-12, 12)),
    "special": st.sampled_from([0.0, -0.0, nan, inf, -inf, 1.0, 0.25, 1e-4, 1e8, 999.9999, 1000.0]),
    "anything": st.floats(),
}


@st.composite
def arrays(draw) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from([d.name for d in dtypes.ALL])))
    shape = draw(st.one_of(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5), st.just((1, 40))))
    if dtype.kind == "f":
        entries = st.one_of([numbers[kind] for kind in draw(st.sets(st.sampled_from(sorted(numbers)), min_size=1))])
        array = draw(hnp.arrays(np.float64, shape, elements=entries))
        with np.errstate(over="ignore"):
            return array.astype(dtype)
    return draw(hnp.arrays(dtype, shape))


@st.composite
def large_arrays(draw) -> np.ndarray:
    """Arrays with more entries than are shown, made by repeating a few."""
    few = draw(arrays().filter(lambda array: array.size > 0))
    shape = draw(st.sampled_from([(1001,), (2000,), (6, 200), (7, 7, 21), (2, 501), (501, 2), (3, 400), (8, 1, 130)]))
    return np.resize(few, shape)


def both_texts(torch, array: np.ndarray, history: str) -> tuple[str, str]:
    """Return our text and PyTorch's, for a leaf, a parameter or a computed tensor."""
    tensor = torch.from_numpy(array.copy())
    if not tensor.is_floating_point() or history == "constant":
        return tensor_text(array), repr(tensor)
    tensor.requires_grad_()
    if history == "leaf":
        return tensor_text(array, requires_grad=True), repr(tensor)
    return tensor_text(array, requires_grad=True, grad_fn="CloneBackward0"), repr(tensor.clone())


histories = st.sampled_from(["constant", "leaf", "computed"])
options = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.one_of(st.integers(0, 60), st.just(inf)),
        "edgeitems": st.integers(0, 5),
        "linewidth": st.integers(0, 130),
        "profile": st.sampled_from(["default", "short", "full"]),
        "sci_mode": st.sampled_from([None, True, False]),
    },
)


@given(arrays(), histories)
@settings(deadline=None, max_examples=400)
def test_any_tensor_prints_as_in_pytorch(torch, array, history):
    ours, theirs = both_texts(torch, array, history)
    assert ours == theirs


@given(large_arrays(), histories)
@settings(deadline=None, max_examples=100)
def test_any_large_tensor_prints_as_in_pytorch(torch, array, history):
    ours, theirs = both_texts(torch, array, history)
    assert ours == theirs


@given(arrays(), histories, options)
@settings(deadline=None, max_examples=200)
def test_any_options_do_what_they_do_in_pytorch(torch, array, history, options):
    set_printoptions(**options)
    torch.set_printoptions(**options)
    try:
        ours, theirs = both_texts(torch, array, history)
    finally:
        set_printoptions(profile="default")
        torch.set_printoptions(profile="default")
    assert ours == theirs


@pytest.mark.parametrize(("array", "text"), SHORT, ids=[text for _, text in SHORT])
def test_the_texts_above_are_pytorchs(torch, array, text):
    assert repr(torch.from_numpy(array)) == text
