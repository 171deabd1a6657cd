"""The README's two commands, on a machine that has only Python and pip."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def commands():
    """The one-line commands in the README's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_the_readme_has_both_commands_on_a_line_each():
    assert "pip install . && gradviz demo" in commands()
    assert 'pip install ".[test]" && pytest -n auto' in commands()


def test_nobody_is_told_to_install_somebody_elses_package():
    for path in [ROOT / "README.md", *(ROOT / "gradviz").rglob("*.py"), *(ROOT / "docs").rglob("*.md")]:
        assert not re.search(r"pip install +['\"]?gradviz(?!-studio)\b", path.read_text(encoding="utf-8")), path


@pytest.mark.slow
@pytest.mark.costly
def test_the_first_command_installs_everything_and_does_the_main_job(tmp_path):
    """In a clean virtual environment, from a copy of the files that git knows."""
    copy, home = tmp_path / "copy", tmp_path / "home"
    copy.mkdir()
    home.mkdir()
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    else:  # an unpacked source archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
    for name in names:
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())

    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    # Nothing of this machine's that a fresh one would not have: no graphviz, no node, no display, no PYTHONPATH.
    path = os.pathsep.join([str(scripts), "/usr/bin", "/bin"])
    keep = {
        k: v
        for k, v in os.environ.items()
        if k.startswith(("PIP_", "SSL_", "REQUESTS_")) or k.endswith(("_proxy", "_PROXY"))
    }
    done = subprocess.run(
        ["sh", "-ec", "pip install . && gradviz demo"],
        cwd=copy,
        env={**keep, "PATH": path, "HOME": os.environ.get("HOME", str(home)), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    written = {path.name for path in (copy / "gradviz-demo").iterdir()}
    assert written == {"index.html"} | {f"example_{n}.{s}" for n in range(1, 8) for s in ("svg", "html", "json")}
    assert "Open gradviz-demo" in done.stdout
    assert ">13<" in (copy / "gradviz-demo" / "example_3.svg").read_text(encoding="utf-8")

    # The wheel holds what the player needs, and not its sources' tools.
    show = subprocess.run(
        [str(scripts / "python"), "-I", "-c", "import gradviz, pathlib; print(pathlib.Path(gradviz.__file__).parent)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    installed = Path(show.stdout.strip())
    assert (installed / "player" / "static" / "player.js").stat().st_size < 120_000
    assert (installed / "py.typed").exists()
    assert not (installed / "player" / "frontend").exists()


def test_commands_can_be_split_as_a_shell_does():
    for command in commands():
        assert shlex.split(command)
    assert sys.version_info >= (3, 11)
