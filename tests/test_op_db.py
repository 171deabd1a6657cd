"""Entries of PyTorch's operator database that pass must go on passing: every sample, value and gradient."""

from __future__ import annotations

import pytest
from op_db import PASSING, check, entries

NAMES = PASSING.read_text().split()


@pytest.fixture(scope="module")
def database(torch):
    try:
        return dict(entries())
    except ImportError as error:
        from conftest import missing

        missing(f"PyTorch's operator database needs {error.name}: pip install {error.name}")


@pytest.mark.sample(50)
@pytest.mark.parametrize("name", NAMES)
def test_an_entry_that_passed_still_passes(database, name):
    assert check(database[name]) is None
