"""The cheat sheet is what the code says today: its calls run, its keys are the player's, and both files are one page's words."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import gradviz as gv

ROOT = Path(__file__).parents[1]
KEYS_OF_THE_PLAYER = ROOT / "gradviz" / "player" / "frontend" / "src" / "keys.js"


@pytest.fixture(scope="module")
def sheet():
    return runpy.run_path(str(ROOT / "docs" / "cheatsheet.py"))


def words(page):
    return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def test_it_is_not_stale(sheet):
    """If this fails: python docs/cheatsheet.py, and look at both files."""
    kept = (ROOT / "docs" / "_static" / "cheatsheet.html").read_text(encoding="utf-8")
    assert words(kept) == words(sheet["page"]())
    assert (ROOT / "docs" / "_static" / "cheatsheet.pdf").read_bytes().startswith(b"%PDF")


def test_all_of_it_is_on_the_page_to_print(sheet):
    printed = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", sheet["sheet"]()))
    for rows in (sheet["CALLS"], sheet["SHELL"], sheet["KEYS"]):
        for term, says in rows:
            assert term.replace('"', "&quot;") in printed
            assert says.split()[-1] in printed.replace("&#x27;", "'")
    lowest = max(float(y) for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)" font-size="1[01]', sheet["sheet"]()))
    assert lowest < sheet["HIGH"] - 16


def test_its_numbers_lie_in_the_picture(sheet):
    drawn, wide, high = sheet["annotated"]()
    places = re.findall(r'<g class="sheet-badge"><circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert len(places) == len(sheet["READING"]) == len(set(places))
    assert all(0 < float(x) < wide and 0 < float(y) < high for x, y in places)


def test_its_calls_are_there(sheet):
    for call, _ in sheet["CALLS"]:
        for name in re.findall(r"gv\.([\w.]+)", call):
            found = gv
            for part in name.split("."):
                found = getattr(found, part)
            assert callable(found)


def test_its_keys_are_the_players(sheet):
    keys = KEYS_OF_THE_PLAYER.read_text(encoding="utf-8")
    said = {key.lower() for row, _ in sheet["KEYS"] for key in row.split()}
    named = {"ArrowLeft": "←", "ArrowRight": "→", " ": "space", "-": "−", "Escape": "esc"}
    table = keys[keys.index("const PLAIN") : keys.index("const SHIFTED")]
    bound = re.findall(r'^  "?([^":]+?)"?: "', table, flags=re.MULTILINE)
    assert len(bound) > 10
    assert {named.get(key, key).lower() for key in bound} - {"="} <= said
