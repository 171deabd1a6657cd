"""The house rule: a module imports only from the rows above its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gradviz"

ABOVE = {
    "engine": set(),
    "autograd": {"engine"},
    "backends": set(),
    "cuda": {"engine", "amp"},
    "nn": {"engine"},
    "optim": {"engine", "nn"},
    "utils": {"engine", "autograd"},
    "distributions": {"engine", "autograd", "nn", "special"},
    "recording": {"engine"},
    "drawing": {"recording"},
    "training": {"engine", "optim", "recording", "drawing"},
    "player": {"drawing", "recording", "training"},
}
"""What each folder may import, itself aside (and the modules of functions that stand beside the folders). What lies beside the folders (`show`, `cli`, ...) may import all."""

FIRST = "absent"
"""What every module asks for names that it has not. It imports none of them."""


def imports_of(path):
    """Every ``gradviz`` module a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "gradviz")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "gradviz":
            if node.module == "gradviz":
                yield from (f"gradviz.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which row they reach into"


@pytest.mark.parametrize("folder", sorted(ABOVE))
def test_a_folder_imports_only_from_rows_above_it(folder):
    files = [path for path in (PACKAGE / folder).rglob("*.py") if "node_modules" not in path.parts]
    assert files
    for path in files:
        for name in imports_of(path):
            row = name.split(".")[1]
            if row.startswith("__"):  # gradviz.__version__
                continue
            assert row in {folder, FIRST, *ABOVE[folder]}, f"{path.relative_to(PACKAGE)} imports {name}"


def test_what_all_may_import_imports_nothing():
    assert list(imports_of(PACKAGE / f"{FIRST}.py")) == []


def test_every_folder_of_the_package_has_a_row():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders - {"examples"} == set(ABOVE)


def test_importing_gradviz_leaves_the_widgets_alone():
    """The engine starts fast: pictures and widgets are imported when they are first used."""
    import subprocess
    import sys

    code = (
        "import sys, gradviz; print(*[m for m in ('ipywidgets','anywidget','IPython','graphviz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
