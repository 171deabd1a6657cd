"""Players that carry themselves: on a page there is no kernel to ask. The notebooks are run once more for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbclient
import nbformat


def line() -> str:
    """Return the player of the landing page, as HTML."""
    import gradviz as torch

    w = torch.tensor(2.0, requires_grad=True)
    x = torch.tensor(5.0)
    b = torch.tensor(3.0, requires_grad=True)

    y = w * x + b
    player = torch.backprop(y)
    return player.static().html


def write(source: Path, target: Path) -> None:
    """Run all notebooks of a folder, and write them with what they show into another.

    With ``GRADVIZ_DOCS_QUICK=1`` in the environment they are taken as they are saved, with stills: for who writes a page.
    """
    if os.environ.get("GRADVIZ_DOCS_QUICK", "0") not in ("", "0"):
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        return
    root = str(Path(__file__).parents[1])
    environment = {
        **os.environ,
        "GRADVIZ_STATIC": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
    }

    def run(path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)
        client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3")
        client.execute(cwd=str(source), env=environment, stderr=subprocess.DEVNULL)
        nbformat.write(notebook, target / path.name)

    with ThreadPoolExecutor(2) as several:
        list(several.map(run, sorted(source.glob("*.ipynb"))))
