"""One walk through a large array finds what NumPy finds of it in one look after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gradviz.training.run import walk as walking
from gradviz.training.run.log import CACHED, Large
from gradviz.training.run.walk import added, moved, norm, walk

FLOATS = st.sampled_from([np.float16, np.float32, np.float64])


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    """Small blocks, so that small arrays have several and a part of one."""
    monkeypatch.setattr(walking, "BLOCK", 5)


@settings(max_examples=60, deadline=None)
@given(st.data(), FLOATS, st.integers(1, 23))
def test_it_finds_what_numpy_finds(data, dtype, size):
    numbers = st.floats(-1000, 1000, width=16)
    array, before = (data.draw(arrays(dtype, size, elements=numbers)) for _ in range(2))
    copy = np.full_like(array, np.nan)
    found, wide = walk(array, before, copy), array.astype(np.float64)
    np.testing.assert_array_equal(copy, array)
    assert (found.low, found.high, found.zeros) == (wide.min(), wide.max(), np.sum(wide == 0))
    scale = max(1.0, np.abs(wide).sum())
    assert found.total == pytest.approx(wide.sum(), abs=1e-5 * scale)
    assert found.squares == pytest.approx(np.dot(wide, wide), rel=1e-5)
    assert found.added == pytest.approx(((wide - before) ** 2).sum(), rel=1e-5)
    again = np.full_like(array, np.nan)
    assert added(array, before, again) ** 2 == pytest.approx(found.added, rel=1e-5)
    np.testing.assert_array_equal(again, array)
    assert norm(array) ** 2 == pytest.approx(found.squares, rel=1e-12)
    assert moved(before, array) == bool((before != array).any())
    assert not moved(array, copy)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_squares_may_be_too_large_for_the_dtype(dtype):
    largest = np.full(7, np.finfo(dtype).max)
    assert walk(largest).squares == pytest.approx(7 * float(np.finfo(dtype).max) ** 2)
    assert norm(largest) == pytest.approx(7**0.5 * float(np.finfo(dtype).max))


def test_what_is_not_finite_shows():
    array = np.arange(12, dtype=np.float32)
    array[7] = np.nan
    found = walk(array)
    assert np.isnan([found.low, found.high, found.total, found.squares]).all()
    assert moved(array, array)  # nan is not equal to itself: nobody can say that it stayed
    array[7] = np.inf
    assert walk(array).high == np.inf
    assert norm(array) == np.inf


def test_an_array_may_lie_in_any_way():
    array = np.arange(24.0).reshape(4, 6).T
    copy = np.empty(array.shape)
    assert walk(array, np.zeros_like(array), copy).added == walk(array).squares
    np.testing.assert_array_equal(copy, array)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [2000, CACHED + 5])
def test_a_large_parameter_may_diverge_without_a_warning(size):
    before = np.full(size, np.inf, np.float32)
    kept, length = Large.added(before, before.copy())
    assert np.isnan(length)
    np.testing.assert_array_equal(kept.array, before)
