"""``gradviz lab``: the notebooks are copied, and nobody's work is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

from gradviz import lab
from gradviz.cli import main

ROOT = Path(__file__).parents[1]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two notebooks, and a function that gives it a new edition of the first."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "01_a.ipynb").write_text("first edition")
    (source / "02_b.ipynb").write_text("other")
    monkeypatch.setattr(lab, "notebooks", lambda: {path.name: path for path in sorted(source.iterdir())})
    return lambda text: (source / "01_a.ipynb").write_text(text)


def test_all_notebooks_are_copied(tmp_path, capsys):
    assert main(["lab", str(tmp_path / "mine"), "--copy-only"]) == 0
    said = capsys.readouterr().out
    names = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assert names
    for name in names:
        assert (tmp_path / "mine" / name).read_bytes() == (ROOT / "notebooks" / name).read_bytes()
        assert f"copied {tmp_path / 'mine' / name}" in said


def test_what_is_there_already_is_counted(course, tmp_path, capsys):
    for said in ("copied", "2 are there already"):
        assert main(["lab", str(tmp_path / "mine"), "--copy-only"]) == 0
        assert capsys.readouterr().out.startswith(said)


def test_an_installation_without_notebooks_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lab, "__file__", str(tmp_path / "gradviz" / "lab.py"))
    assert main(["lab", str(tmp_path / "mine"), "--copy-only"]) == 2
    assert (
        "this installation of gradviz has no notebooks; in the folder of its source: pip install"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("user", "options", "status", "told"),
    [(0, [], 1, True), (0, ["--jupyter=--allow-root"], 1, False), (0, [], 0, False), (1000, [], 1, False)],
)
def test_who_is_root_is_told_how_to_start_jupyterlab(
    course, tmp_path, capsys, monkeypatch, user, options, status, told
):
    monkeypatch.setattr(lab, "is_there", lambda: True)
    monkeypatch.setattr(lab, "start", lambda command: status)
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    assert main(["lab", str(tmp_path / "mine"), *options]) == (2 if told else status)
    assert ("gradviz lab --jupyter=--allow-root" in capsys.readouterr().err) is told


def test_what_was_edited_is_kept_and_said(course, tmp_path, capsys):
    folder = tmp_path / "mine"
    lab.copy_notebooks(folder)
    (folder / "01_a.ipynb").write_text("my work")
    course("second edition")
    for _ in range(2):  # however often
        assert main(["lab", str(folder), "--copy-only"]) == 0
        assert f"kept as you left it: {folder / '01_a.ipynb'}" in capsys.readouterr().out
        assert (folder / "01_a.ipynb").read_text() == "my work"


def test_what_was_not_edited_is_renewed(course, tmp_path):
    folder = tmp_path / "mine"
    assert lab.copy_notebooks(folder).new == ("01_a.ipynb", "02_b.ipynb")
    course("second edition")
    copied = lab.copy_notebooks(folder)
    assert (copied.renewed, copied.same) == (("01_a.ipynb",), ("02_b.ipynb",))
    assert (folder / "01_a.ipynb").read_text() == "second edition"
    course("third edition")
    assert lab.copy_notebooks(folder).renewed == ("01_a.ipynb",)


def test_a_file_that_was_there_before_is_not_ours_to_change(course, tmp_path):
    (tmp_path / "01_a.ipynb").write_text("somebody's")
    assert lab.copy_notebooks(tmp_path).kept == ("01_a.ipynb",)
    course("second edition")
    assert lab.copy_notebooks(tmp_path).kept == ("01_a.ipynb",)
    assert (tmp_path / "01_a.ipynb").read_text() == "somebody's"


def test_a_link_and_a_folder_of_that_name_are_left_alone(course, tmp_path):
    elsewhere, folder = tmp_path / "elsewhere.ipynb", tmp_path / "mine"
    folder.mkdir()
    elsewhere.write_text("somebody's")
    (folder / "01_a.ipynb").symlink_to(elsewhere)
    (folder / "02_b.ipynb").mkdir()
    assert lab.copy_notebooks(folder).kept == ("01_a.ipynb", "02_b.ipynb")
    assert elsewhere.read_text() == "somebody's"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"01_a.ipynb": 3}', "\x00"])
def test_without_a_list_of_what_was_copied_nothing_is_replaced(course, tmp_path, damage):
    lab.copy_notebooks(tmp_path / "mine")
    (tmp_path / "mine" / lab.MANIFEST).write_text(damage)
    course("second edition")
    assert lab.copy_notebooks(tmp_path / "mine").kept == ("01_a.ipynb",)
    assert isinstance(json.loads((tmp_path / "mine" / lab.MANIFEST).read_text()), dict)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["lab", str(tmp_path / "file"), "--copy-only"]) == 2
    assert f"cannot write to {tmp_path / 'file'}" in capsys.readouterr().err


def test_without_jupyterlab_it_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lab, "is_there", lambda: False)
    assert main(["lab", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert f"the notebooks are in {tmp_path}" in said.err
    assert "pip install jupyterlab" in said.err


@pytest.mark.slow
def test_jupyterlab_opens_the_first_notebook(tmp_path):
    """The real command starts a real server, which has the copies, and stops when it is told to."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "home"
    options = [f"--port={port}", "--ip=127.0.0.1", "--IdentityProvider.token=abc", "--allow-root"]
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home),
        "JUPYTER_DATA_DIR": str(home),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "gradviz.cli", "lab", "mine", "--no-browser"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *(f"--jupyter={option}" for option in options)],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        listing, deadline = None, time.monotonic() + 600
        while listing is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                address = f"http://127.0.0.1:{port}/api/contents?token=abc"
                listing = json.load(urllib.request.urlopen(address, timeout=60))
            except OSError:
                time.sleep(0.3)
        first = sorted(path.name for path in (tmp_path / "mine").glob("*.ipynb"))[0]
        assert first in {item["name"] for item in listing["content"]}
        assert f"/lab/tree/{first}" in log.read_text()
    finally:
        # JupyterLab is in the process group of the command, and nothing else is.
        os.killpg(process.pid, 15)
        process.wait(600)


def test_ctrl_c_is_left_to_jupyterlab(monkeypatch):
    """It asks whether to stop; this program goes when it goes."""
    calls = []

    class Process:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def wait(self):
            calls.append("wait")
            if len(calls) == 1:
                raise KeyboardInterrupt
            return 0

    monkeypatch.setattr(lab.subprocess, "Popen", lambda command: Process())
    assert lab.start(["jupyter"]) == 0
    assert calls == ["wait", "wait"]


@pytest.mark.slow
def test_the_notebooks_travel_in_the_wheel(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"gradviz/notebooks/{path.name}" in inside
    assert not [name for name in inside if ".ipynb_checkpoints" in name]
