"""The house rule: a module imports only from the rows above its own."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gradviz"

ABOVE = {
    "catalogue": set(),
    "engine": {"catalogue"},
    "autograd": {"catalogue", "engine"},
    "backends": set(),
    "cuda": {"engine", "amp"},
    "nn": {"engine"},
    "optim": {"engine", "nn"},
    "func": {"engine", "nn"},
    "utils": {"engine", "autograd"},
    "distributions": {"engine", "autograd", "nn", "special"},
    "recording": {"catalogue", "engine"},
    "drawing": {"catalogue", "recording"},
    "training": {"catalogue", "engine", "nn", "optim", "recording", "drawing"},
    "finding": {"catalogue", "engine", "nn", "optim", "recording", "drawing", "training"},
    "player": {"catalogue", "drawing", "recording", "training", "finding"},
    "pytorch": {
        "catalogue",
        "engine",
        "nn",
        "recording",
        "training",
        "finding",
    },  # real PyTorch, as a source of recordings
}
"""What each folder may import, itself aside (and the modules of functions that stand beside the folders). What lies beside the folders (`show`, `cli`, ...) may import all."""

FIRST = "absent"
"""What every module asks for names that it has not. It imports none of them."""


def statements(path):
    """All of a file that runs: what is imported for type checkers alone is not."""
    waiting = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            waiting.extend(ast.iter_child_nodes(node))


def imports_of(path, nodes=None):
    """Every ``gradviz`` module a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if nodes is None else nodes:
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


ENGINE = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path
    for path in (PACKAGE / "engine").rglob("*.py")
}
ENGINE = {name.removesuffix(".__init__"): path for name, path in ENGINE.items()}
FUNCTIONS = ("functions", "linalg.functions", "methods", "creation")
FORBIDDEN = {
    "core": lambda other: not other.startswith("core"),
    "operations": lambda other: other.startswith(FUNCTIONS),
    "linalg.operations": lambda other: other.startswith(FUNCTIONS),
    "functions": lambda other: other == "methods",
    "linalg.functions": lambda other: other == "methods",
}
"""What a folder inside `engine/` may not import: what is around it, or made of it."""


def inside(path):
    """The engine's modules that a file of the engine imports, each by its own name."""
    for node in statements(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from (names & ENGINE.keys()) or ({node.module} & ENGINE.keys())


def test_inside_the_engine_nothing_goes_round_in_circles():
    """Not even by imports that wait inside a function."""
    order = list(graphlib.TopologicalSorter({name: set(inside(path)) for name, path in ENGINE.items()}).static_order())
    assert set(order) == set(ENGINE)


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_inside_the_engine_nothing_imports_what_is_around_it(folder):
    files = [path for name, path in ENGINE.items() if name.startswith(f"gradviz.engine.{folder}")]
    assert files
    for path in files:
        for name in inside(path):
            assert not FORBIDDEN[folder](name.removeprefix("gradviz.engine.")), f"{path.name} imports {name}"


ROOMS = {"run": set(), "loop": {"run"}, "files": {"run"}, "analysis": {"run"}}
"""What each room inside `training/` may import, itself aside. What stands beside the rooms may import all of them."""


@pytest.mark.parametrize("room", ROOMS)
def test_inside_training_a_room_imports_only_from_those_it_stands_on(room):
    files = list((PACKAGE / "training" / room).glob("*.py"))
    assert files
    for path in files:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[1] == "training":
                assert len(parts) > 2, f"{path.name} imports {name}"
                assert parts[2] in {room, *ROOMS[room]}, f"{path.name} imports {name}"


LONG = 450
"""So many lines a module has at the most, unless its docstring says why it is longer than others."""


def test_each_module_says_what_stands_in_it_and_why_it_is_long():
    for path in PACKAGE.rglob("*.py"):
        if {"node_modules", "cells"} & set(path.parts):
            continue
        text = path.read_text(encoding="utf-8")
        told = ast.get_docstring(ast.parse(text)) or ""
        assert told.partition("\n")[0], f"{path.relative_to(PACKAGE)} does not say what stands in it"
        assert len(text.splitlines()) <= LONG or "longer than others" in told, path.relative_to(PACKAGE)


GRAPH = ("backward", "node", "tensor", "copyslices", "memory", "hooks", "core.backward")


def test_one_module_of_recording_reads_the_engines_graph():
    """All others are told of it, as of PyTorch's: `sources` asks whose a tensor is."""
    readers = {
        path.name
        for path in (PACKAGE / "recording").glob("*.py")
        if {f"gradviz.engine.{name}" for name in GRAPH} & set(imports_of(path))
    }
    assert readers == {"engine.py", "sources.py"}


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


def test_importing_gradviz_imports_what_everybody_needs_and_no_more():
    """Networks, optimisers and loaders come when they are asked for, and the garbage collector runs on."""
    import subprocess
    import sys

    code = (
        "import gc, sys, gradviz as torch; assert gc.isenabled()\n"
        "print(*[m for m in ('nn.modules', 'nn.functional', 'optim', 'utils', 'func') if f'gradviz.{m}' in sys.modules])\n"
        "print(torch.nn.Linear(1, 1), torch.conv2d.__name__, torch.optim.SGD.__name__, 'dropout' in dir(torch))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == ""
    assert second == "Linear(in_features=1, out_features=1, bias=True) conv2d SGD True"


def test_no_comprehension_hides_a_global_that_its_function_uses():
    """Python 3.12.1 takes the global for the comprehension's variable then, and has no value for it."""
    comprehension = (ast.ListComp, ast.SetComp, ast.DictComp)
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = {part.name for part in tree.body if isinstance(part, ast.FunctionDef | ast.ClassDef)}
        known |= {a.asname or a.name for part in tree.body if isinstance(part, ast.ImportFrom) for a in part.names}
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.Lambda):
                continue
            bound = {}
            for part in ast.walk(function):
                if isinstance(part, comprehension):
                    targets = [name for g in part.generators for name in ast.walk(g.target)]
                    for name in {name.id for name in targets if isinstance(name, ast.Name)} & known:
                        bound.setdefault(name, set()).update(map(id, ast.walk(part)))
            for part in ast.walk(function):
                if isinstance(part, ast.Name) and part.id in bound and id(part) not in bound[part.id]:
                    found.append(f"{path.name}, line {part.lineno}: {part.id}")
    assert found == []
