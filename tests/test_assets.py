"""The pictures under assets/ are those that the code draws today, and they can be read."""

from __future__ import annotations

import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[1] / "assets"
PICTURES = sorted(path.name for path in ASSETS.glob("*.svg"))

# Is any text outside the picture, or does any card lie over another? Asked of a real browser, in pixels.
FAULTS = """() => {
    const picture = document.querySelector("svg").getBoundingClientRect();
    const texts = [...document.querySelectorAll("svg text")].filter(text => text.textContent.trim());
    const outside = texts.filter(text => {
        const box = text.getBoundingClientRect();
        return box.left < picture.left || box.right > picture.right || box.top < picture.top || box.bottom > picture.bottom;
    }).map(text => "outside: " + text.textContent);
    const boxes = [...document.querySelectorAll(".gv-card .gv-box, .gv-disc .gv-box")].map(e => e.getBoundingClientRect());
    const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    const piled = boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => over(a, b)).map(() => "a card over another"));
    return [...outside, ...piled];
}"""


def test_they_are_what_is_drawn_today(tmp_path):
    """If this fails because a picture was meant to change: python assets/make.py, and look at every picture."""
    made = runpy.run_path(str(ASSETS / "make.py"))
    made["main"](tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == PICTURES
    stale = [name for name in PICTURES if (tmp_path / name).read_bytes() != (ASSETS / name).read_bytes()]
    assert not stale, f"{', '.join(stale)}: run python assets/make.py and look at them"


def test_the_moving_picture_is_the_one_the_readme_tells_how_to_make(tmp_path):
    from gradviz.cli import main

    line = tmp_path / "line.svg"
    assert main(["draw", "w*x + b", "w=2", "x=5", "b=3", "--constant", "x", "--animate", "-o", str(line)]) == 0
    assert line.read_bytes() == (ASSETS / "line.svg").read_bytes()


@pytest.mark.parametrize("name", PICTURES)
def test_they_need_nothing_from_anywhere(name):
    root = ET.parse(ASSETS / name).getroot()
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg", "title", "desc", "style", "clipPath", "g", "rect", "circle", "path", "text",
    }  # fmt: skip
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.browser
@pytest.mark.parametrize("name", [name for name in PICTURES if name != "line.svg"])
def test_nothing_is_cut_off_or_covered(browser_page, name):
    browser_page.set_content((ASSETS / name).read_text(encoding="utf-8"))
    assert browser_page.evaluate(FAULTS) == []
