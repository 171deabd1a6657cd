"""Convolutions, pooling, padding and interpolation: digits, first and second derivatives, print, messages, beside PyTorch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from beside import assert_same, assert_same_module, outcome
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import gradviz as gv

pytestmark = pytest.mark.filterwarnings("ignore")

random = np.random.default_rng(0)


def R(*shape):  # noqa: N802
    return random.standard_normal(shape)


def different(*shape):
    """Numbers that are all different, so that the largest of some is never two of them."""
    return random.permutation(np.arange(float(np.prod(shape)))).reshape(shape) / 7


def F(t):  # noqa: N802
    return t.nn.functional


# --- convolutions ----------------------------------------------------------------------------------------------------

CONVOLUTIONS = [
    {},
    {"stride": 2},
    {"padding": 1},
    {"padding": "same"},
    {"padding": "valid"},
    {"padding": "same", "dilation": 2},
    {"dilation": 2, "padding": 2},
    {"groups": 2, "stride": 2, "padding": 1},
]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_convolution(torch, axes, options, bias):
    groups = options.get("groups", 1)

    def function(t, x, w, b=None):
        return getattr(F(t), f"conv{axes}d")(x, w, b, **options)

    size, kernel = (7, 6, 5)[:axes], (3, 2, 2)[:axes]
    assert_same(torch, function, R(2, 4, *size), R(2, 4 // groups, *kernel), *([R(2)] * bias))


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2}, {"groups": 2}],
    ids=str,
)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_transposed_convolution(torch, axes, options):
    groups = options.get("groups", 1)

    def function(t, x, w, b):
        return getattr(F(t), f"conv_transpose{axes}d")(x, w, b, **options)

    size, kernel = (4, 3, 2)[:axes], (3, 2, 2)[:axes]
    assert_same(torch, function, R(2, 4, *size), R(4, 2, *kernel), R(2 * groups))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 2]),
)
def test_any_convolution_of_two_axes(torch, size, kernel, stride, padding, dilation, groups):
    long = zip(size, kernel, padding, dilation, strict=True)
    assume(all(n + 2 * p >= d * (k - 1) + 1 for n, k, p, d in long))

    def function(t, x, w):
        return F(t).conv2d(x, w, None, stride, padding, dilation, groups)

    assert_same(torch, function, R(2, 2, *size), R(2, 2 // groups, *kernel))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_single_examples_need_no_batch(torch, axes):
    size = (5, 4, 3)[:axes]
    kernel = (2,) * axes
    assert_same(torch, lambda t, x, w: getattr(F(t), f"conv{axes}d")(x, w), R(3, *size), R(2, 3, *kernel))
    assert_same(torch, lambda t, x, w: getattr(F(t), f"conv_transpose{axes}d")(x, w), R(3, *size), R(3, 2, *kernel))


def test_float32_agrees_to_its_precision(torch):
    x, w = R(4, 3, 12, 12).astype(np.float32), R(8, 3, 3, 3).astype(np.float32)
    assert_same(torch, lambda t, x, w: F(t).conv2d(x, w, padding=1), x, w, rtol=2e-4, atol=2e-4)


# --- pooling ---------------------------------------------------------------------------------------------------------

POOLS = [
    "(x, 2)",
    "(x, 3, 1)",
    "(x, 3, 2, 1)",
    "(x, 2, ceil_mode=True)",
    "(x, 3, stride=2, padding=1, ceil_mode=True)",
]


@pytest.mark.parametrize("call", POOLS)
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_pooling(torch, kind, axes, call):
    x = different(2, 3, *(7, 6, 5)[:axes])
    assert_same(torch, lambda t, x: eval(f"F.{kind}_pool{axes}d{call}", {"F": F(t), "x": x}), x)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_max_pooling_says_where_the_largest_were(torch, axes):
    def function(t, x):
        values, places = getattr(F(t), f"max_pool{axes}d")(x, 2, return_indices=True)
        return values, getattr(F(t), f"max_unpool{axes}d")(values, places, 2)

    assert_same(torch, function, different(2, 3, *(6, 4, 4)[:axes]))


@pytest.mark.parametrize("code", ["dilation=2", "dilation=2, stride=1, padding=1"])
def test_max_pooling_with_gaps(torch, code):
    assert_same(torch, lambda t, x: eval(f"F.max_pool2d(x, 2, {code})", {"F": F(t), "x": x}), different(1, 2, 7, 7))


@pytest.mark.parametrize("code", ["count_include_pad=False", "divisor_override=3"])
def test_what_an_average_is_divided_by(torch, code):
    assert_same(torch, lambda t, x: eval(f"F.avg_pool2d(x, 3, 2, 1, {code})", {"F": F(t), "x": x}), R(1, 2, 7, 7))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_adaptive_pooling(torch, kind, axes, size):
    x = different(2, 2, *(7, 6, 5)[:axes])
    assert_same(torch, lambda t, x: getattr(F(t), f"adaptive_{kind}_pool{axes}d")(x, size), x)


@pytest.mark.parametrize("size", ["(None, 2)", "(3, None)"])
def test_adaptive_pooling_may_keep_an_axis(torch, size):
    assert_same(torch, lambda t, x: F(t).adaptive_avg_pool2d(x, eval(size)), R(2, 3, 5, 4))


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_power_average_pooling(torch, axes, power):
    x = np.abs(R(2, 2, *(6, 4, 4)[:axes])) + 0.1
    assert_same(torch, lambda t, x: getattr(F(t), f"lp_pool{axes}d")(x, power, 2), x)


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_nan_goes_into_the_pools_it_is_in_and_into_no_other(torch, kind):
    x = R(1, 1, 4, 4)
    x[0, 0, 0, 0] = np.nan
    ours, theirs = (getattr(F(t), f"{kind}_pool2d")(t.tensor(x), 2).numpy() for t in (gv, torch))
    np.testing.assert_allclose(ours, theirs)


# --- padding and other sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_padding(torch, axes, mode):
    pad = (1, 2, 0, 1, 1, 1)[: 2 * axes]
    assert_same(torch, lambda t, x: F(t).pad(x, pad, mode), R(2, 2, *(4, 3, 3)[:axes]))


@pytest.mark.parametrize("pad", [(1, 1), (-1, 2), (0, -1, 1, 0), (1, 0, 2, -1, -1, 1)], ids=str)
def test_padding_with_a_number_may_also_cut(torch, pad):
    assert_same(torch, lambda t, x: F(t).pad(x, pad, value=2.5), R(3, 4, 5))


MODES = {
    1: ["nearest", "nearest-exact", "linear"],
    2: ["nearest", "nearest-exact", "bilinear", "bicubic"],
    3: ["nearest", "trilinear"],
}


@pytest.mark.parametrize(("axes", "mode"), [(axes, mode) for axes, modes in MODES.items() for mode in modes])
@pytest.mark.parametrize("how", ["size=7", "size=2", "scale_factor=2", "scale_factor=1.7", "scale_factor=0.6"])
def test_interpolation(torch, axes, mode, how):
    x = R(2, 2, *(4, 5, 3)[:axes])
    corners = [""] if "nearest" in mode else ["", ", align_corners=True", ", align_corners=False"]
    for corner in corners:
        code = f"F.interpolate(x, {how}, mode={mode!r}{corner})"
        assert_same(torch, lambda t, x, code=code: eval(code, {"F": F(t), "x": x}), x)


def test_the_scale_may_be_worked_out_anew(torch):
    for again in (True, False):
        assert_same(
            torch,
            lambda t, x, again=again: F(t).interpolate(
                x, scale_factor=1.5, mode="bilinear", recompute_scale_factor=again
            ),
            R(1, 2, 5, 5),
        )


def test_windows_as_columns_and_back(torch):
    for options in ({}, {"stride": 2}, {"padding": 1}, {"dilation": 2}):
        assert_same(torch, lambda t, x, o=options: F(t).unfold(x, (2, 3), **o), R(2, 3, 6, 7))
    assert_same(torch, lambda t, x: F(t).fold(x, (4, 5), 2, padding=1, stride=2), R(2, 8, 9))


def test_pixels_and_channels(torch):
    assert_same(torch, lambda t, x: F(t).pixel_shuffle(x, 2), R(2, 8, 3, 2))
    assert_same(torch, lambda t, x: F(t).pixel_unshuffle(x, 2), R(2, 2, 4, 6))
    assert_same(torch, lambda t, x: F(t).channel_shuffle(x, 2), R(2, 4, 3, 2))


# --- layers ----------------------------------------------------------------------------------------------------------

LAYERS = [
    ("Conv1d(2, 3, 2)", (2, 2, 5)),
    ("Conv2d(2, 4, 3, padding=1, groups=2)", (2, 2, 5, 4)),
    ("Conv2d(2, 3, (3, 2), stride=2, dilation=(1, 2), bias=False)", (2, 2, 6, 6)),
    ("Conv2d(2, 3, 3, padding=1, padding_mode='reflect')", (2, 2, 5, 5)),
    ("Conv2d(2, 3, 3, padding='same', padding_mode='circular')", (2, 2, 5, 5)),
    ("Conv3d(2, 3, 2)", (1, 2, 3, 3, 3)),
    ("ConvTranspose1d(2, 3, 2, stride=2)", (2, 2, 4)),
    ("ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2)", (2, 2, 3, 3)),
    ("ConvTranspose3d(2, 3, 2)", (1, 2, 2, 2, 2)),
    ("MaxPool1d(2)", (2, 2, 5)),
    ("MaxPool2d(3, stride=2, padding=1)", (2, 2, 5, 5)),
    ("MaxPool3d(2)", (1, 2, 4, 4, 4)),
    ("AvgPool1d(2)", (2, 2, 5)),
    ("AvgPool2d(2, ceil_mode=True)", (2, 2, 5, 5)),
    ("AvgPool3d(2)", (1, 2, 4, 4, 4)),
    ("AdaptiveAvgPool2d((1, 2))", (2, 2, 5, 5)),
    ("AdaptiveMaxPool2d(2)", (2, 2, 5, 5)),
    ("AdaptiveAvgPool1d(3)", (2, 2, 5)),
    ("LPPool2d(2, 2)", (2, 2, 4, 4)),
    ("ZeroPad2d(1)", (2, 2, 3, 3)),
    ("ConstantPad1d((1, 2), 0.5)", (2, 2, 3)),
    ("ReflectionPad2d(1)", (2, 2, 3, 3)),
    ("ReplicationPad3d(1)", (1, 2, 3, 3, 3)),
    ("CircularPad2d((1, 0, 2, 1))", (2, 2, 3, 3)),
    ("Upsample(scale_factor=2, mode='bilinear')", (2, 2, 3, 3)),
    ("UpsamplingNearest2d(size=5)", (2, 2, 3, 3)),
    ("PixelShuffle(2)", (2, 4, 3, 3)),
    ("Unfold(2)", (2, 2, 3, 3)),
    ("Fold((3, 3), 2)", (2, 8, 4)),
]


@pytest.mark.parametrize(("code", "shape"), LAYERS, ids=lambda x: str(x) if isinstance(x, str) else "")
def test_layers(torch, code, shape):
    def make(t):
        return eval(f"nn.{code}", {"nn": t.nn}).double()

    assert_same_module(torch, make, np.abs(different(*shape)) + 0.1)
    assert outcome(gv, f"r = nn.{code}") == outcome(torch, f"r = nn.{code}")


BAD = [
    "F.conv2d(torch.ones(1, 2, 5, 5), torch.ones(3, 3, 2, 2))",
    "F.conv2d(torch.ones(5, 5), torch.ones(3, 3, 2, 2))",
    "F.conv2d(torch.ones(1, 3, 2, 2), torch.ones(3, 3, 5, 5))",
    "F.conv1d(torch.ones(1, 3, 2, 2), torch.ones(3, 3, 5))",
    "F.conv2d(torch.ones(1, 3, 5, 5), torch.ones(3, 3, 2, 2), torch.ones(2))",
    "F.conv2d(torch.ones(1, 3, 5, 5), torch.ones(3, 3, 2, 2), stride=0)",
    "F.conv2d(torch.ones(1, 3, 5, 5), torch.ones(3, 3, 2, 2), padding=-1)",
    "F.conv2d(torch.ones(1, 3, 5, 5).double(), torch.ones(3, 3, 2, 2))",
    "F.conv2d(torch.ones(1, 4, 5, 5), torch.ones(3, 2, 2, 2), groups=2)",
    "F.conv2d(torch.ones(1, 3, 5, 5), torch.ones(3, 3, 2, 2), padding='same', stride=2)",
    "F.conv2d(torch.ones(1, 3, 5, 5), torch.ones(3, 3, 2, 2), padding='other')",
    "F.max_pool2d(torch.ones(1, 1, 2, 2), 3)",
    "F.max_pool2d(torch.ones(1, 1, 4, 4), 2, padding=2)",
    "F.max_pool1d(torch.ones(1, 1, 2), 3)",
    "F.max_pool3d(torch.ones(1, 1, 2, 2, 2), 3)",
    "F.avg_pool1d(torch.ones(1, 1, 2), 3)",
    "F.avg_pool3d(torch.ones(1, 1, 2, 2, 2), 3)",
    "F.max_pool1d(torch.ones(4), 2)",
    "F.max_pool2d(torch.ones(4), 2)",
    "F.max_pool3d(torch.ones(4), 2)",
    "F.avg_pool2d(torch.ones(1, 1, 2, 2), 3)",
    "F.avg_pool2d(torch.ones(1, 1, 4, 4), 2, padding=2)",
    "F.pad(torch.ones(1, 1, 3), (3, 0), 'reflect')",
    "F.pad(torch.ones(1, 1, 3), (1, 0, 1), 'constant')",
    "F.pad(torch.ones(3), (1, 0), 'reflect')",
    "F.interpolate(torch.ones(1, 1, 3, 3))",
    "F.interpolate(torch.ones(1, 1, 3, 3), size=2, scale_factor=2)",
    "F.interpolate(torch.ones(1, 1, 3, 3), size=(2, 2, 2))",
    "F.interpolate(torch.ones(1, 1, 3, 3), size=2, mode='linear')",
    "F.interpolate(torch.ones(1, 1, 3, 3), size=2, align_corners=True)",
    "F.pixel_shuffle(torch.ones(1, 3, 2, 2), 2)",
    "F.unfold(torch.ones(1, 1, 2, 2), 3)",
    "nn.Conv2d(3, 4, 2, groups=2)",
    "nn.Conv2d(3, 4, 2, padding='same', stride=2)",
    "nn.Conv2d(3, 4, 2, padding_mode='mirror')",
    "nn.Conv2d(3, 4, 2)(torch.ones(1, 2, 5, 5))",
]


@pytest.mark.parametrize("code", BAD)
def test_bad_input_gets_pytorchs_words(torch, code):
    ours, theirs = outcome(gv, f"r = {code}"), outcome(torch, f"r = {code}")
    assert ":" in theirs[0].splitlines()[0]
    assert ours[0].splitlines()[0] == theirs[0].splitlines()[0]


def test_every_layer_starts_with_pytorchs_digits(torch):
    for name, axes in itertools.product(["Conv", "ConvTranspose"], [1, 2, 3]):
        digits = []
        for t in (gv, torch):
            t.manual_seed(3)
            layer = getattr(t.nn, f"{name}{axes}d")(2, 3, 2)
            digits.append([parameter.tolist() for parameter in layer.parameters()])
        assert digits[0] == digits[1]
