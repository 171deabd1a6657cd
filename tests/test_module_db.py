"""Classes of PyTorch's module database that pass must go on passing: every sample, in training and not."""

from __future__ import annotations

import pytest
from module_db import PASSING, check, entries

NAMES = PASSING.read_text().split()


@pytest.fixture(scope="module")
def database(torch):
    try:
        return entries()
    except ImportError as error:
        from conftest import missing

        missing(f"PyTorch's module database needs {error.name}: pip install {error.name}")


@pytest.mark.sample(15)
@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_passed_still_passes(database, name):
    assert check(database[name]) is None
