"""Build the course as a static site: ``python docs/site.py OUT``, after ``pip install ".[site]"``.

One folder: a landing page with a live player, the documentation, the notebooks with live players, the gallery. It works from any
static host, under any path, and asks nothing of anybody else. With ``--pyodide``, a folder of Pyodide or its tarball, by path or
address, Python runs in the pages too: programs that can be changed, and the notebooks in JupyterLite. Pyodide has to bring NumPy
and contourpy, and be of the version that JupyterLite's kernel in the ``site`` extra is made for: 0.27.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import nbformat

DOCS = Path(__file__).parent
ROOT = DOCS.parent

PURE = (
    "graphviz",
    "ipywidgets",
    "anywidget",
    "psygnal",
    "comm",
    "typing_extensions",
    "jupyterlab_widgets",
    "mypy_extensions",
)
"""What gradviz needs beside what Pyodide brings: wheels of pure Python, from PyPI, which become a part of the site."""

WANTED = {
    "asttokens", "contourpy", "decorator", "executing", "ipython", "jedi", "matplotlib-inline", "micropip", "numpy", "packaging",
    "parso", "prompt-toolkit", "pure-eval", "pygments", "six", "sqlite3", "ssl", "openssl", "stack-data", "traitlets",
    "wcwidth", "pexpect", "ptyprocess",
}  # fmt: skip
"""Pyodide's packages that come along, of several hundred in a full distribution."""

RUNTIME = ("pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")

INSTALL = """\
# Once, in each notebook: gradviz, out of this site.
%pip install -q gradviz-studio gradviz-wasm
import gradviz_wasm
await gradviz_wasm.ready()  # Graphviz, for the pictures"""


def call(*command: str | Path, cwd: Path | None = None, **environment: str) -> None:
    """Run a program; if it fails, so does the build."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, **environment}
    subprocess.run([sys.executable, "-m", *command], check=True, cwd=cwd, env=environment)


def pages(out: Path, work: Path, python: bool, quick: bool) -> None:
    """Build the documentation, which the other pages are a part of."""
    tags = ["-t", "pyodide"] if python else []
    call(
        "sphinx", "-q", "-W", "--keep-going", *tags, "-d", work / "trees", DOCS, out, GRADVIZ_DOCS_QUICK=str(int(quick))
    )
    (out / ".nojekyll").touch()  # on GitHub Pages a folder whose name begins with _ would be left out


def pyodide(given: str, work: Path) -> Path:
    """Return the folder of a Pyodide, which may be given as a folder, a tarball, or the address of one."""
    if given.startswith(("https://", "http://")):
        given, _ = urllib.request.urlretrieve(given, work / "pyodide.tar.bz2")
    place = Path(given)
    if place.is_file():
        with tarfile.open(place) as packed:
            packed.extractall(work / "unpacked", filter="data")
        place = work / "unpacked"
    found = [lock.parent for lock in sorted(place.rglob("pyodide-lock.json"))]
    if not found:
        raise SystemExit(f"{given} has no pyodide-lock.json in it: it is no distribution of Pyodide")
    if missing := [name for name in RUNTIME if not (found[0] / name).exists()]:
        raise SystemExit(f"{found[0]} is no whole distribution of Pyodide: {', '.join(missing)} is missing")
    return found[0]


def distribution(source: Path, out: Path) -> None:
    """Copy what of a Pyodide is needed, with a list that names no more than that."""
    out.mkdir()
    lock = json.loads((source / "pyodide-lock.json").read_text(encoding="utf-8"))
    kept = {}
    for name, package in lock["packages"].items():
        if name in WANTED and (source / package["file_name"]).exists():
            kept[name] = package
            shutil.copyfile(source / package["file_name"], out / package["file_name"])
    if missing := {"numpy", "contourpy", "ipython", "micropip"} - set(kept):
        raise SystemExit(f"the Pyodide in {source} lacks {', '.join(sorted(missing))}: take the full distribution")
    for name in RUNTIME:
        shutil.copyfile(source / name, out / name)
    (out / "pyodide-lock.json").write_text(json.dumps({**lock, "packages": kept}), encoding="utf-8")


def wheels(out: Path) -> None:
    """Build our two wheels, and fetch those of pure Python that they need."""
    out.mkdir()
    call("pip", "wheel", "-q", "--no-deps", "-w", out, ROOT, DOCS / "browser")
    anywhere = ["--only-binary=:all:", "--platform", "any", "--implementation", "py", "--python-version", "3.12"]
    call("pip", "download", "-q", "--no-deps", *anywhere, "-d", out, *PURE)
    names = sorted(path.name for path in out.glob("*.whl"))
    (out / "wheels.json").write_text(json.dumps(names), encoding="utf-8")


def lite(out: Path, work: Path, packages: Path, notebooks: Iterable[Path]) -> None:
    """Build JupyterLite, with the notebooks, on the wheels of this site and the Pyodide that will stand beside it."""
    contents, settings = work / "contents", work / "lite"
    contents.mkdir()
    settings.mkdir()
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        first = next(place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        notebook.cells.insert(first, nbformat.v4.new_code_cell(INSTALL, id="install"))
        notebook.metadata.kernelspec = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, contents / path.name)
    kernel = {"pyodideUrl": "./../pyodide/pyodide.js", "disablePyPIFallback": True}
    (settings / "jupyter-lite.json").write_text(
        json.dumps(
            {
                "jupyter-lite-schema-version": 0,
                "jupyter-config-data": {
                    "appName": "gradviz",
                    "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel},
                },
            }
        ),
        encoding="utf-8",
    )
    command = [
        "--lite-dir",
        settings,
        "--contents",
        contents,
        "--output-dir",
        out,
        "--no-sourcemaps",
        "--no-unused-shared-packages",
        "--apps",
        "lab",
    ]
    given = [part for path in sorted(packages.glob("*.whl")) for part in ("--piplite-wheels", path)]
    call("jupyterlite_core.app", "build", *command, *given, cwd=work)  # it leaves a file where it runs


def main(arguments: list[str] | None = None) -> int:
    """Build the site."""
    parser = argparse.ArgumentParser(description="Build the course as a static site.")
    parser.add_argument("out", type=Path, help="the folder to write; it must not be there, or be empty")
    parser.add_argument("--pyodide", metavar="PATH_OR_URL", help="a Pyodide distribution: Python runs in the pages too")
    parser.add_argument(
        "--quick", action="store_true", help="take the notebooks as they are saved, with stills: do not run them"
    )
    given = parser.parse_args(arguments)
    out = given.out.resolve()
    if out.exists() and any(out.iterdir()):
        parser.error(f"{out} is not empty")
    if given.pyodide and find_spec("jupyterlite_core") is None:
        parser.error(
            "JupyterLite is not installed: pip install jupyterlite-core==0.5.1 jupyterlite-pyodide-kernel==0.5.2"
        )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source = pyodide(given.pyodide, work) if given.pyodide else None
        pages(out, work, source is not None, given.quick)
        if source is not None:
            distribution(source, out / "pyodide")
            wheels(out / "wheels")
            lite(out / "lite", work, out / "wheels", sorted((ROOT / "notebooks").glob("*.ipynb")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
