"""The front end's pure parts, tested by Node's own test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent / "frontend"


def files():
    return sorted(TESTS.rglob("*.test.js"))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_frontend(node, path):
    done = subprocess.run([node, "--test", "--test-reporter=tap", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 0\n" not in done.stdout, "no test ran"
