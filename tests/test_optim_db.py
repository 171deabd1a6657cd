"""Entries of PyTorch's optimiser database that pass must go on passing."""

from __future__ import annotations

import pytest
from optim_db import PASSING, check, entries

NAMES = PASSING.read_text().splitlines()


@pytest.fixture(scope="module")
def database(torch):
    try:
        return dict(entries())
    except ImportError as error:
        from conftest import missing

        missing(f"PyTorch's optimiser database needs {error.name}: pip install {error.name}")


@pytest.mark.sample(40)
@pytest.mark.parametrize("name", NAMES)
def test_an_entry_that_passed_still_passes(database, name):
    assert check(database[name]) is None
