"""The command line, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gradviz.cli import main, open_page


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaint(capsys, *arguments):
    """Run a command that must fail; return what it says."""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse's own errors
        status = stop.code
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    return said.err


def test_an_expression_with_no_python_file_at_all(here, capsys):
    assert main(["draw", "w*x + b", "w=2", "x=5", "b=3", "-o", "y.svg"]) == 0
    assert capsys.readouterr().out == "wrote y.svg\n"
    svg = (here / "y.svg").read_text()
    assert svg.startswith(("<svg", "<?xml"))
    for text in (">13<", ">10<", ">5<", ">2<"):
        assert text in svg
    assert files_in(here) == ["y.svg"]


@pytest.mark.parametrize("suffix", ["svg", "dot", "json", "html"])
def test_every_format(here, suffix):
    assert main(["draw", "relu(x @ w).sum()", "x=[[1, 2]]", "w=randn(2, 3)", "-o", f"g.{suffix}"]) == 0
    assert (here / f"g.{suffix}").stat().st_size > 200


def test_values_may_be_constants_and_gradients_are_there(here):
    assert main(["draw", "w*x", "w=2", "x=5", "--constant", "x", "-o", "g.json"]) == 0
    recording = json.loads((here / "g.json").read_text())
    roles = {t["name"]: t["role"] for t in recording["graph"]["tensors"]}
    assert (roles["w"], roles["x"]) == ("parameter", "input")
    assert any(frame["phase"] == "backward" for frame in recording["frames"])


def test_play_writes_a_page(here):
    assert main(["play", "w*x + b", "w=2", "x=5", "b=3", "-o", "y.html", "--no-open"]) == 0
    assert "<script" in (here / "y.html").read_text()


def test_a_script_names_the_tensor(here, capsys):
    (here / "fit.py").write_text(
        "import gradviz as torch\nw = torch.tensor(2.0, requires_grad=True)\nloss = (w * 3 - 1) ** 2\n"
    )
    assert main(["draw", "fit.py:loss", "-o", "loss.json"]) == 0
    recording = json.loads((here / "loss.json").read_text())
    assert recording["title"].startswith("loss = ")
    operation = recording["graph"]["operations"][0]
    assert (operation["source"]["file"], operation["source"]["line"]) == ("fit.py", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw", "w*x", "w=2"], "unknown name 'x': give it a value, as in x=2 (known are w)"),
        (["draw", "w*x", "w=2", "x=two"], "unknown name 'two'"),
        (["draw", "w*x", "w=2", "x=[1, [2]]"], "cannot read x=[1, [2]]"),
        (["draw", "w*x", "w=2", "x"], "'x' is not a value; give values as name=value"),
        (["draw", "w*x", "w=2", "2x=3"], "'2x' is not a name"),
        (["draw", "w*", "w=2"], "cannot read the expression 'w*'"),
        (
            ["draw", "3*4"],
            "is not a gradviz tensor but int; numbers alone have no gradients: write a name and give it a",
        ),
        (["draw", "w*x", "w=2", "x=1", "q=5"], "there is no q in 'w*x' (its variables are w, x)"),
        (["draw", "3*4", "q=5"], "there is no q in '3*4' (it has no variables)"),
        (["draw"], "the following arguments are required: EXPR|SCRIPT.py:NAME\n"),
        (["draw", "w", "w=2"], "it is a leaf, nothing was computed yet"),
        (["draw", "w + v", "w=[1,2]", "v=[1,2,3]"], "The size of tensor a (2) must match the size of tensor b (3)"),
        (["draw", "w.__class__", "w=2"], "may not use the private name '__class__'"),
        (["draw", "(lambda: w)()", "w=2"], "but no lambda"),
        (["draw", "__import__('os')", "w=2"], "unknown name '__import__'"),
        (["draw", "nothing.py:loss"], "no such file: nothing.py"),
        (["draw", "here.py"], "Name it after a colon: here.py:loss"),
        (["draw", "here.py:loss"], "here.py has no variable 'loss' (tensors with a graph are y)"),
        (["draw", "here.py:n"], "here.py:n is not a gradviz tensor but int; tensors with a graph are y"),
        (["draw", "here.py:y", "w=2"], "a script has its own"),
        (["draw", "bad.py:y"], "bad.py failed in line 2: ZeroDivisionError: division by zero"),
        (["draw", "syntax.py:y"], "syntax.py failed"),
        (
            ["draw", "w*w", "w=2", "-o", "g.bmp"],
            "cannot write g.bmp: the name must end in .svg or .pdf or .png or .dot or .json or .html",
        ),
        (["play", "w*w", "w=2", "-o", "g.svg"], "cannot write g.svg: the name must end in .html"),
        (["draw", "w*w", "w=2", "-o", "no/g.svg"], "cannot write no/g.svg: there is no folder no"),
        (["draw", "w*w", "w=2", "-o", "folder.svg"], "cannot write folder.svg: it is a folder"),
        (["draw", "w*w", "w=2", "--constant", "v"], "--constant v: there is no value of that name"),
        (["demo", "here.py"], "cannot write to here.py: it is a file, not a folder"),
        (["lab", "here.py"], "cannot write to here.py: it is a file, not a folder"),
        (["lab", "here.py/x"], "cannot write to here.py/x: Not a directory"),
        (["lab", "--allow-root"], "unrecognized arguments: --allow-root (for JupyterLab: --jupyter=--allow-root)"),
        (["demo", "--allow-root"], "unrecognized arguments: --allow-root\n"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["drwa", "w*x"], "; did you mean draw?"),
        (["draw", "w*w", "w=2", "--theme", "drak"], "; did you mean dark?"),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing_behind(here, capsys, arguments, message):
    (here / "here.py").write_text("import gradviz as torch\nn = 3\ny = torch.ones(1, requires_grad=True) * n\n")
    (here / "bad.py").write_text("x = 1\ny = x / 0\n")
    (here / "syntax.py").write_text("y = (\n")
    (here / "folder.svg").mkdir()
    before = files_in(here)
    said = complaint(capsys, *arguments)
    assert message in said
    lines = [line for line in said.splitlines() if not line.startswith(("usage:", " "))]
    assert len(lines) == 1
    assert files_in(here) == before


def test_a_script_of_pytorchs_is_told_which_line_to_change(here, monkeypatch, capsys):
    (here / "train.py").write_text("import sys\nimport torch.nn as nn\n")
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    told = complaint(capsys, "draw", "train.py:loss")
    assert "train.py imports torch in line 2: write `import gradviz as torch` in place of `import torch`" in told
    (here / "train.py").write_text("import no_such_module\n")
    told = complaint(capsys, "draw", "train.py:loss")
    assert "train.py failed in line 1: ModuleNotFoundError: No module named 'no_such_module'" in told


def test_a_tensor_of_pytorchs_is_told_apart(torch, here, capsys):
    (here / "train.py").write_text("import torch\nloss = torch.ones(2, requires_grad=True).sum()\n")
    told = complaint(capsys, "draw", "train.py:loss")
    assert "train.py:loss is not a gradviz tensor but Tensor; write `import gradviz as torch`" in told


def test_the_advice_of_an_error_is_shown(here, capsys):
    (here / "train.py").write_text("import gradviz as torch\ny = torch.ones(2, requires_grad=True) * 2\ny.backward()\n")
    for arguments, words, advice in (
        (["train.py:y"], "train.py failed in line 3: RuntimeError: grad can be", "  `y` has shape [2]: 2 numbers"),
        (["x @ w", "x=[[1, 2]]", "w=[[1, 2]]"], "mat1 and mat2 shapes", "  In a matrix product each row of"),
    ):
        first, second = complaint(capsys, "draw", *arguments).splitlines()
        assert words in first
        assert second.startswith(advice)


def test_a_failing_write_leaves_the_old_file(here, monkeypatch, capsys):
    (here / "y.svg").write_text("old")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert "No space left on device" in complaint(capsys, "draw", "w*w", "w=2", "-o", "y.svg")
    assert (here / "y.svg").read_text() == "old"
    assert files_in(here) == ["y.svg"]


def test_demo_writes_a_gallery(here, capsys):
    assert main(["demo", "out", "--no-open"]) == 0
    said = capsys.readouterr().out
    names = files_in(here / "out")
    assert len(names) == 7 * 3 + 1
    assert "index.html" in names
    for name in names:
        assert name in said
    index = (here / "out" / "index.html").read_text()
    for name in names:
        if name != "index.html":
            assert f'"{name}"' in index


def test_a_browser_is_opened_only_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not open_page(tmp_path / "index.html")
    monkeypatch.setenv("DISPLAY", ":0")
    assert open_page(tmp_path / "index.html")
    assert opened == [(tmp_path / "index.html").as_uri()]


def test_the_command_is_installed_and_has_help():
    done = subprocess.run([sys.executable, "-m", "gradviz.cli", "--help"], capture_output=True, text=True, check=True)
    for command in ("demo", "draw", "play"):
        assert command in done.stdout
