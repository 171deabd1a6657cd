"""What is drawn can be told from what it is drawn on: every text, arrow and border of whole pictures, in each theme."""

from __future__ import annotations

from pathlib import Path

import pytest
from networks import COMPUTATIONS, made
from test_looks import contrast

import gradviz as gv

ASSETS = sorted((Path(__file__).parents[1] / "assets").glob("*.svg"))

GROUNDS = {"light": "#ffffff", "dark": "#0d1117", "print": "#ffffff"}

LARGE, LARGE_BOLD = 24.0, 18.66
"""Pixels from which WCAG asks less of a text."""

# Each text with the fill that it stands on, each line and border with what is beside it: of marks of one look one is enough.
MARKS = """ground => {
    const hex = colour => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
        return a === 0 ? null : "#" + [r, g, b].map(part => Math.round(part).toString(16).padStart(2, "0")).join("");
    };
    const svg = document.querySelector("svg");
    const style = element => getComputedStyle(element);
    const filled = element => element.matches("rect, circle, path, ellipse, polygon") && style(element).fill !== "none"
        && !element.closest(".gv-cells, .gv-head") && !element.matches(".gv-head") && hex(style(element).fill);
    // What is filled at a place, below an element if one is given.
    const behind = (x, y, element) => {
        const all = document.elementsFromPoint(x, y).filter(other => svg.contains(other));
        const below = element && all.includes(element) ? all.slice(all.indexOf(element) + 1) : all.filter(other => other !== element);
        const box = below.find(filled);
        return box ? hex(style(box).fill) : ground;
    };
    const found = new Map();
    const add = (kind, ink, on, what, size = 0, bold = false) => {
        const key = [kind, ink, on, size, bold].join();
        if (!found.has(key)) found.set(key, { kind, ink, on, what, size, bold });
    };
    for (const text of svg.querySelectorAll("text")) {
        if (!text.textContent.trim()) continue;
        const box = text.getBoundingClientRect(), look = style(text);
        const on = behind(box.left + box.width / 2, box.top + box.height / 2, text);
        add("text", hex(look.fill), on, text.textContent, parseFloat(look.fontSize), Number(look.fontWeight) >= 700);
    }
    for (const line of svg.querySelectorAll(".gv-line, .gv-back, .gv-skip, .gv-mark")) {
        if (style(line).stroke === "none" || !line.getTotalLength || !line.getTotalLength()) continue;
        const middle = line.getPointAtLength(line.getTotalLength() / 2).matrixTransform(line.getScreenCTM());
        add("line", hex(style(line).stroke), behind(middle.x, middle.y, line), line.getAttribute("class"));
    }
    for (const head of svg.querySelectorAll(".gv-head")) {
        if (!head.getTotalLength()) continue;  // nothing has come along yet
        const tip = head.getPointAtLength(1).matrixTransform(head.getScreenCTM());
        add("line", hex(style(head).fill), behind(tip.x, tip.y, head), "head in " + head.parentElement.getAttribute("class"));
    }
    for (const border of svg.querySelectorAll(".gv-card > .gv-box, .gv-disc > .gv-box, .gv-tag > .gv-box, .gv-module > .gv-box")) {
        const box = border.getBoundingClientRect();
        const beside = behind(box.left - 3, box.top + box.height / 2);
        if (style(border).stroke !== "none") add("border", hex(style(border).stroke), beside, border.parentElement.getAttribute("class"));
    }
    return [...found.values()];
}"""


def faults(page, picture, theme):
    """Return what cannot be told well enough from what it is drawn on."""
    ground = GROUNDS[theme]
    page.set_content(
        f"<style>body {{ margin: 0; background: {ground} }}"
        "svg { display: block; max-width: 1280px; max-height: 720px }</style>" + picture
    )
    found = page.evaluate(MARKS, ground)
    assert found
    bad = []
    for mark in found:
        large = mark["size"] >= (LARGE_BOLD if mark["bold"] else LARGE)
        least = 4.5 if mark["kind"] == "text" and not large else 3
        if contrast(mark["ink"], mark["on"]) < least:
            bad.append(
                (mark["kind"], mark["what"], mark["ink"], mark["on"], round(contrast(mark["ink"], mark["on"]), 2))
            )
    return bad


@pytest.mark.browser
@pytest.mark.sample(3)
@pytest.mark.parametrize("theme", GROUNDS)
@pytest.mark.parametrize("name", COMPUTATIONS)
def test_all_of_a_picture_stands_out_from_its_ground(browser_page, name, theme):
    *_, loss = made(name, gv)
    assert faults(browser_page, gv.draw(loss, theme=theme).to_svg(), theme) == []


@pytest.mark.browser
@pytest.mark.sample(3)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.stem)
def test_so_does_all_of_the_pictures_that_are_kept(browser_page, path, scheme):
    browser_page.emulate_media(color_scheme=scheme)
    assert faults(browser_page, path.read_text(encoding="utf-8"), scheme) == []
