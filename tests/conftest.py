"""What a test needs from the machine, asked for by name.

A test that needs PyTorch takes the fixture ``torch``; one that needs a browser takes ``browser_page`` (see
`browser.py` beside this file). Where the thing is missing the test is skipped with a reason that says what to install. With
``GRADVIZ_REQUIRE_ALL=1``, as in CI, it fails instead.
"""

from __future__ import annotations

import os

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
