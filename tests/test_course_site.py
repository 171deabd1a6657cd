"""The course as a static site, and what publishes it: the workflows, the one version, and what it cannot be built of."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import course
import pytest
from conftest import missing

import gradviz

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def builder():
    try:
        import nbformat  # noqa: F401
    except ImportError:
        missing("the site is built with nbformat: pip install nbformat")
    return course.builder()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_can_be_read(path):
    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(told) >= {"name", True, "permissions", "jobs"}  # to YAML, `on` is True
    for job in told["jobs"].values():
        assert job["runs-on"]
        assert {job.get("needs")} <= {None, *told["jobs"]}
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_workflows_call_what_is_there():
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r"(?:\.|\))\[([\w-]+)\]", text)) == {"site", "core-test"} <= set(extras)
    assert all((ROOT / path).exists() for path in re.findall(r"python (docs/\S+\.py)", text))


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    text = (ROOT / project["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    found = re.findall(r'^__version__ = "(.*)"$', text, flags=re.MULTILINE)  # as the workflow reads it
    assert found == [gradviz.__version__]


def test_what_cannot_be_built_is_said(builder, tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SystemExit):
        builder.main([str(tmp_path)])
    assert "is not empty" in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"has no pyodide-lock\.json in it"):
        builder.pyodide(str(tmp_path), tmp_path)
    (tmp_path / "pyodide-lock.json").write_text('{"packages": {}}')
    with pytest.raises(SystemExit, match="is no whole distribution of Pyodide"):
        builder.pyodide(str(tmp_path), tmp_path)
    with pytest.raises(SystemExit, match="lacks contourpy, ipython, micropip, numpy"):
        builder.distribution(tmp_path, tmp_path / "out")
