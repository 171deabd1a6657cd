"""``gradviz doctor``: it says what works by trying it."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import missing

from gradviz.cli import main
from gradviz.drawing import layout

ROOT = Path(__file__).parents[1]


def checks(capsys):
    status = main(["doctor", "--json"])
    body = json.loads(capsys.readouterr().out)
    assert body["ok"] == (status == 0)
    return status, {check["name"]: check for check in body["checks"]}


@pytest.fixture
def machine(monkeypatch):
    """Replace the layout engines of this machine."""
    return lambda **programs: monkeypatch.setattr(
        layout, "engines", lambda: {name: layout.Program(name, path) for name, path in programs.items()}
    )


def test_a_machine_on_which_the_tests_run_is_well(capsys):
    status, found = checks(capsys)
    assert status == 0
    for name in ("Python", "numpy", "graphviz-pure", "picture", "anywidget", "ipywidgets", "player", "notebooks"):
        assert found[name]["ok"], found[name]
        assert not found[name]["mend"]
    assert "lays out a graph" in found["graphviz-pure"]["found"]


def test_without_any_layout_engine_it_says_what_to_install(capsys, machine):
    machine()
    status, found = checks(capsys)
    assert status == 1
    assert not found["Graphviz"]["ok"]
    assert found["Graphviz"]["mend"] == layout.PURE
    assert not found["picture"]["ok"]


def test_an_engine_that_is_there_and_does_not_work_is_found_out(capsys, machine, tmp_path):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\ncat >/dev/null\nexit 1\n")
    broken.chmod(0o755)
    machine(dot=str(broken))
    status, found = checks(capsys)
    assert status == 1
    assert found["dot"]["needed"]
    assert "dot could not lay out the picture" in found["dot"]["found"]


def test_one_engine_that_works_is_enough(capsys, machine, tmp_path):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    machine(**{"graphviz-pure": layout.engines()["graphviz-pure"].path, "dot": str(broken)})
    status, found = checks(capsys)
    assert status == 0
    assert found["graphviz-pure"]["ok"]
    assert not found["dot"]["ok"]
    assert not found["dot"]["needed"]


def test_a_missing_extra_is_no_illness(capsys, monkeypatch):
    real = __import__("importlib.metadata").metadata.version

    def version(name):
        if name == "vl-convert-python":
            raise __import__("importlib.metadata").metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr("gradviz.doctor.importlib.metadata.version", version)
    status, found = checks(capsys)
    assert status == 0
    assert found["export"]["found"] == "vl-convert-python is not installed"
    assert found["export"]["mend"] == "pip install vl-convert-python"


def test_jupyterlab_without_its_extensions_for_widgets_is_found_out(capsys, monkeypatch, tmp_path):
    if find_spec("jupyterlab") is None:
        missing("needs JupyterLab: pip install jupyterlab")
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path)])
    _, found = checks(capsys)
    assert not found["JupyterLab"]["ok"]
    assert "@jupyter-widgets/jupyterlab-manager" in found["JupyterLab"]["found"]


def test_the_text_has_a_line_for_each_and_ends_with_the_answer(capsys, machine):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for name in ("numpy", "graphviz-pure", "anywidget", "JupyterLab"):
        assert name in text
    assert text.splitlines()[-1] == "Everything works." or "What gradviz needs works." in text.splitlines()[-1]
    machine()
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "BROKEN" in text
    assert layout.PURE in text
    assert "gradviz does not work here yet" in text.splitlines()[-1]


def installed_by(text):
    """Name what each command in a text installs."""
    return re.findall(r"pip install (?:--[\w-]+ )*[\"'\\]*(\.|\w[\w-]*)(?![\w-])", text)


def test_every_command_it_gives_names_what_is_missing(capsys, machine):
    machine()
    _, found = checks(capsys)
    for check in found.values():
        if check["mend"]:
            assert len(installed_by(check["mend"])) == 1


def test_whatever_is_said_to_be_installed_can_be():
    """gradviz itself is installed from its folder until it is released; everything else is what it declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    known = {".", *(re.match(r"[\w-]+", each)[0] for each in declared)}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    code = [path for folder in ("gradviz", "tests", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")]
    said = {(path.name, name) for path in (*pages, *code) for name in installed_by(path.read_text("utf-8"))}
    assert {"vl-convert-python", "jupyterlab", ".", "torch"} <= {name for _, name in said}
    assert {(file, name) for file, name in said if name not in known} == set()
