"""What the pages and docstrings say is what the code does: their examples run."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import itertools
import json
import linecache
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import gradviz as gv
from gradviz import arguments, cli, lab
from gradviz.standin import standing_in

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
PAGES = [page for page in PAGES if "_copied" not in page.parts]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "gradviz").rglob("*.py"))
    if "node_modules" not in path.parts and ">>> " in path.read_text(encoding="utf-8")
]


def blocks(path, *languages):
    """The code blocks of a page, each with the text that the page says is printed, if it says so."""
    text = path.read_text(encoding="utf-8")
    found = list(BLOCK.finditer(text))
    for block, following in itertools.zip_longest(found, found[1:]):
        if block[1] in languages:
            after = following and not text[block.end() : following.start()].strip()
            yield block[2], following[2] if after and following[1] == "text" else None


def test_the_table_of_notebooks_has_their_titles():
    listed = re.findall(
        r"\[(.+)\]\(_copied/(notebooks/.+\.ipynb)\)", (DOCS / "notebooks.md").read_text(encoding="utf-8")
    )
    titles = {
        f"notebooks/{path.name}": json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"][0].strip()
        for path in (ROOT / "notebooks").glob("*.ipynb")
    }
    assert {name: f"# {number} · {title}" for number, (title, name) in enumerate(listed, start=1)} == titles


def test_the_page_of_operations_is_up_to_date():
    script = runpy.run_path(str(DOCS / "operations.py"))
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"](), "run python docs/operations.py"


def test_the_picture_of_the_house_is_up_to_date():
    script = runpy.run_path(str(DOCS / "architecture.py"))
    assert script["PICTURE"].read_text(encoding="utf-8") == script["house"]() + "\n", "run python docs/architecture.py"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = doctest.testmod(importlib.import_module(name))
    assert ran.failed == 0
    assert ran.attempted


def prepared():
    """What the pages' shorter examples speak of: a loss of a model, and two pictures of it."""
    gv.manual_seed(0)
    linear = gv.nn.Linear(2, 1)
    loss = gv.nn.functional.mse_loss(linear(gv.randn(3, 2)), gv.randn(3, 1))
    before = gv.draw(loss)
    after = gv.draw(gv.nn.functional.mse_loss(linear(gv.randn(3, 2)), gv.randn(3, 1)))
    return {"torch": gv, "gradviz": gv, "linear": linear, "loss": loss, "before": before, "after": after}


@pytest.mark.usefixtures("_same_table")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_python_on_the_pages_runs_and_prints_what_is_said(path, tmp_path, monkeypatch):
    """A page's blocks run one after the other, as its reader would type them."""
    monkeypatch.chdir(tmp_path)
    space = prepared()
    for number, (code, said) in enumerate(blocks(path, "python"), start=1):
        file = f"<{path.name}, block {number}>"
        linecache.cache[file] = (len(code), None, code.splitlines(True), file)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), standing_in():
            exec(compile(code, file, "exec"), space)
        if said is not None:
            assert printed.getvalue() == said
    for picture in re.findall(r"_copied/assets/(\w+\.svg)", path.read_text(encoding="utf-8")):
        if (tmp_path / picture).exists():  # made by this page's own code
            assert (tmp_path / picture).read_bytes() == (ROOT / "assets" / picture).read_bytes(), picture


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_on_the_pages_run(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lab, "is_there", lambda: True)
    monkeypatch.setattr(lab, "start", lambda command: 0)  # a server would not come to an end
    monkeypatch.setattr(cli, "open_page", lambda page: True)
    (tmp_path / "train.py").write_text(
        "import gradviz as torch\nw = torch.tensor(2.0, requires_grad=True)\nloss = (w * 3 - 1) ** 2\n"
    )
    listed = [line for code, _ in blocks(path, "sh") for line in code.splitlines()]
    listed += re.findall(r"`(gradviz [a-z]+ [^`]*)`", path.read_text(encoding="utf-8"))
    for line in listed:
        words = shlex.split(line.rpartition("&&")[2], comments=True)
        if words and words[0] == "gradviz":
            assert cli.main(words[1:]) == 0, line
    assert "error" not in capsys.readouterr().err


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_the_commands_on_the_pages_draw_has_gradients(path):
    """A picture of backpropagation in which every gradient is 0 shows nothing."""
    for line in (line for code, _ in blocks(path, "sh") for line in code.splitlines()):
        words = shlex.split(line, comments=True)
        if words[:2] in (["gradviz", "draw"], ["gradviz", "play"]):
            given = arguments.parse(words[1:])
            in_the_page = getattr(given, "edit", False)  # Python computes nothing then
            if given.arguments and not in_the_page:  # it is an expression
                frames = cli._record(given).frames
                assert any(any(gradient.value.data) for gradient in frames[-1].gradients), line


def test_there_are_such_examples():
    """An empty list of blocks would pass all of the above."""
    languages = [match[1] for page in PAGES for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert languages.count("python") > 10
    assert languages.count("sh") > 8
    assert len(MODULES) > 50


# --- the command line's own help ------------------------------------------------------------------------------------------

COMMANDS = ("demo", "draw", "play", "run", "lab", "doctor")


def help_of(*words):
    done = subprocess.run(
        [sys.executable, "-m", "gradviz.cli", *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PATH": "", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"},
    )
    assert done.stderr == ""
    return done.stdout


def test_help_names_every_command():
    text = help_of()
    for command in COMMANDS:
        assert re.search(rf"^ +{command} +\w", text, re.MULTILINE)
    assert "gradviz demo" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_every_option_does(command):
    text = help_of(command)
    options = next(
        action
        for action in arguments.make_parser()._actions
        if isinstance(action.choices, dict) and command in action.choices
    ).choices[command]
    assert " ".join(options.description.split()) in " ".join(text.split())
    for action in options._actions:
        assert action.help, f"gradviz {command} {action.dest}"
        assert " ".join((action.help % {"default": action.default}).split()) in " ".join(text.split())
        for name in action.option_strings:
            assert name in text
    for line in text.splitlines():
        assert len(line) <= 100
