"""The pictures under assets/ are those that the code draws today, and they can be read."""

from __future__ import annotations

import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import gradviz as gv
from gradviz.drawing.text import width
from gradviz.drawing.theme import SANS

ASSETS = Path(__file__).parents[1] / "assets"
PICTURES = sorted(path.name for path in ASSETS.glob("*.svg"))

# Does any text leave the box it stands in, or touch another text?
CROWDED = """(() => {
    const texts = [...document.querySelectorAll("svg.gv text")].filter(text => text.textContent.trim());
    const place = text => text.getBoundingClientRect();
    const leaving = texts.flatMap(text => {
        const box = text.closest(".gv-card, .gv-disc")?.querySelector(".gv-box").getBoundingClientRect();
        const at = place(text);
        return box && (at.left < box.left + 3 || at.right > box.right - 3) ? ["leaves its box: " + text.textContent] : [];
    });
    const touching = texts.flatMap((text, i) => texts.slice(i + 1).flatMap(other => {
        const [a, b] = [place(text), place(other)];
        const lines = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
        const card = text.closest(".gv-block");  // whose shapes are set in pieces
        return !(card && card === other.closest(".gv-block")) && lines && a.left < b.right + 2 && b.left < a.right + 2 ? [`touch: ${text.textContent} | ${other.textContent}`] : [];
    }));
    return [...leaving, ...touching];
})()"""

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
    return [...outside, ...piled, ...CROWDED];
}""".replace("CROWDED", CROWDED)


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
        "svg", "title", "desc", "style", "clipPath", "g", "rect", "circle", "path", "text", "image",
    }  # fmt: skip
    images = [element for element in root.iter() if element.tag.endswith("}image")]
    assert all(image.get("href").startswith("data:image/png;base64,") for image in images)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.browser
@pytest.mark.parametrize("name", [name for name in PICTURES if name != "line.svg"])
def test_nothing_is_cut_off_or_covered(browser_page, name):
    browser_page.set_content((ASSETS / name).read_text(encoding="utf-8"))
    assert browser_page.evaluate(FAULTS) == []


NAMES = [
    "convolution_of_the_image",
    "mmmmmmmmmmmmmmmmmmmmmmmm",
    "WWWWWWWWWWWWWWWWWWWWWWWW",
    "iiiiiiiiiiiiiiiiiiiiiiii",
    "__hidden_state__",
    "Größe",
    "σ_max",
    "入力",
]


@pytest.mark.browser
@pytest.mark.parametrize("detail", ["full", "compact"])
@pytest.mark.parametrize("name", NAMES)
def test_long_names_stay_in_their_boxes(browser_page, name, detail):
    w = gv.tensor([[1.0, -2.0, 3.25]], requires_grad=True)
    b = gv.tensor(2.5, requires_grad=True)
    y = gv.relu(w.exp().neg() * b).sum()
    y.backward()
    picture = gv.draw(y, names={name: w, f"{name}.bias": b, "y": y}, detail=detail, direction="LR")
    browser_page.set_content(picture.to_svg())
    assert browser_page.evaluate(CROWDED) == []
    assert browser_page.locator("svg text", has_text=name[:10]).count() > 0


SIGNS = "".join(chr(sign) for sign in range(33, 127))


@pytest.mark.browser
@pytest.mark.costly
@pytest.mark.parametrize("bold", [False, True], ids=["regular", "bold"])
def test_text_is_drawn_no_wider_than_was_reserved(browser_page, bold):
    """The layout is made without a font; what a browser draws has to fit in."""
    texts = [
        "convolution(…)",
        "target",
        "total",
        "Cube(x) + 1",
        "p.detach()",
        "∂/∂w = 2·x = −0.3333",
        "windows(signal) ·",
        "σ(x)²",
        *SIGNS,
    ]
    texts += [SIGNS[start : start + 12] for start in range(0, len(SIGNS), 12)]
    weight = "bold " if bold else ""
    drawn = browser_page.evaluate(
        """([font, texts]) => {
            const pen = document.createElement("canvas").getContext("2d");
            pen.font = font;
            return texts.map(text => pen.measureText(text).width);
        }""",
        [f"{weight}100px {SANS}", texts],
    )
    reserved = [width(text, 100, bold=bold) for text in texts]
    assert [text for text, a, b in zip(texts, drawn, reserved, strict=True) if a > b + 0.1] == []
    assert sum(reserved) < 1.35 * sum(drawn)  # and not much is wasted, whichever font is there
