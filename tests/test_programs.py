"""Whole programs of the kind that courses use, as they were written: they print the same under PyTorch and here.

The programs stand in `programs/`, in our own words and on data that they make themselves. None of them knows gradviz. A
line of numbers is printed with as many digits as float32 leaves after some dozens of steps, in either library.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "programs"
HELPERS = {"progress"}  # what a program imports from its own folder
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in HELPERS)


def printed_by_pytorch(torch, script: Path) -> str:
    """Run a script in this process, as ``python script.py`` would, and return what it prints."""
    out = io.StringIO()
    modules, arguments, places = set(sys.modules), sys.argv, sys.path[:]
    sys.argv, sys.path[:0] = [str(script)], [str(script.parent)]
    try:
        # Once PyTorch's own test tools were imported, its flags may be set in such a block only.
        may_set_flags = getattr(torch.backends, "__allow_nonbracketed_mutation")
        with contextlib.redirect_stdout(out), warnings.catch_warnings(), may_set_flags():
            warnings.simplefilter("ignore")
            runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = arguments, places
        for name in (set(sys.modules) - modules) & HELPERS:
            del sys.modules[name]
    return out.getvalue()


def printed_by_gradviz(script: Path) -> str:
    """Run ``gradviz run script.py`` and return what the script prints."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "gradviz", "run", str(script)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


@pytest.mark.sample(10)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_the_same_under_both(name, torch):
    script = FOLDER / f"{name}.py"
    theirs = printed_by_pytorch(torch, script)
    assert len(theirs.splitlines()) > 2
    assert printed_by_gradviz(script) == theirs


def test_the_programs_are_written_for_pytorch_alone():
    assert len(PROGRAMS) >= 15
    for name in PROGRAMS:
        source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        assert re.search(r"^(import|from) torch", source, re.MULTILINE), name
        assert "gradviz" not in source, name
