"""The committed bundle is what the sources give, without needing Node to find out."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

# The repository's, wherever gradviz itself is imported from: an installed package has the bundle without its sources.
PLAYER = Path(__file__).parents[1] / "gradviz" / "player"
SOURCES = PLAYER / "frontend" / "src"
SHARED = ["catalogue/pages.en.json", "drawing/charts/look.json"]
"""What the front end and Python both read."""

BUNDLE = ["backprop.js", "player.js", "player.css", "training.js", "training.css", "engine.js"]


def hash_of_sources() -> str:
    found = hashlib.sha256()
    files = {path.relative_to(SOURCES).as_posix(): path for path in SOURCES.rglob("*") if path.is_file()}
    for name, path in sorted(files.items()):
        found.update(f"{name}\n".encode())
        found.update(path.read_bytes().replace(b"\r\n", b"\n"))
    for name in SHARED:
        found.update(f"{name}\n".encode())
        found.update((PLAYER.parent / name).read_bytes().replace(b"\r\n", b"\n"))
    return found.hexdigest()


@pytest.mark.parametrize("name", BUNDLE)
def test_bundle_is_built_from_these_sources(name):
    first_line = (PLAYER / "static" / name).read_text(encoding="utf-8").partition("\n")[0]
    carried = re.search(r"sources sha256:([0-9a-f]{64})", first_line)
    assert carried, f"{name} does not say what it was built from"
    assert carried[1] == hash_of_sources(), f"{name} is stale: run `npm run build` in gradviz/player/frontend"


@pytest.mark.parametrize("name", BUNDLE)
def test_bundle_is_small(name):
    assert (PLAYER / "static" / name).stat().st_size < 120_000


@pytest.mark.parametrize("bundle", ["backprop", "player", "training", "engine"])
def test_bundle_can_stand_inside_a_script_element(bundle):
    script = (PLAYER / "static" / f"{bundle}.js").read_text(encoding="utf-8").lower()
    assert "</script" not in script
    assert "<!--" not in script


def test_bundle_loads_nothing_from_elsewhere():
    for name in BUNDLE:
        text = (PLAYER / "static" / name).read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", text))
        # These are namespaces, not addresses.
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}


def test_data_never_becomes_markup():
    dangerous = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    sources = list(SOURCES.rglob("*.js"))
    assert sources
    for path in sources:
        assert not dangerous.search(path.read_text(encoding="utf-8")), path.name


def test_importing_the_player_does_not_import_the_widget_stack():
    program = (
        "import sys, gradviz.player; gradviz.player.page; "
        "print([m for m in ('anywidget', 'ipywidgets', 'traitlets', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PLAYER.parents[1]
    )
    assert done.stdout.strip() == "[]"


def test_the_bundle_has_nothing_in_it_that_others_wrote():
    """Whoever adds a library sees to it that its licence comes with the bundle, and says so here."""
    assert "dependencies" not in json.loads((PLAYER / "frontend" / "package.json").read_text(encoding="utf-8"))
