"""The entries of tensors in the player: found by their place, reached by the arrow keys, and lit by one overlay."""

from __future__ import annotations

import re

import pytest

import gradviz as gv
from gradviz.drawing.cells import all_grids
from gradviz.player import page
from gradviz.player.payload import at_step, payload
from gradviz.recording import record_graph


def product():
    """A matrix product whose result is multiplied with ones: every entry can be worked out by hand."""
    a = gv.arange(1.0, 7.0).reshape(2, 3).requires_grad_()
    b = gv.arange(1.0, 25.0).reshape(3, 8).requires_grad_()
    loss = (a @ b).sum()
    return record_graph(loss, backward=True, names={"a": a, "b": b, "loss": loss})


def stack():
    """Six matrices on one card, a preview of means, and a row of numbers."""
    images = gv.arange(0.0, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4).requires_grad_()
    large = gv.arange(0.0, 20 * 13).reshape(20, 13).requires_grad_()
    few = gv.tensor([10.0, 20.0, 30.0], requires_grad=True)
    loss = images.sum() + large.sum() + few.sum()
    return record_graph(loss, backward=True, names={"images": images, "large": large, "few": few, "loss": loss})


@pytest.fixture
def opened(open_html):
    def open_(recording):
        shown = open_html(page(recording))
        shown.locator(".gradviz-player").focus()
        shown.keyboard.press("End")
        return shown

    return open_


def card(shown, name):
    return shown.locator(f'.gv-card[aria-label^="{name},"]')


def said(shown):
    """What is said of the entry that is lit: as words, or what a formula reads like."""
    return shown.evaluate(
        """() => {
            const element = document.querySelector(".gp-working");
            const written = node => node.nodeType === 3 ? node.data : node.localName === "mover" ? written(node.children[0])
                : [...node.childNodes].map(written).join("");
            return written(element).replace(/\\s+/g, " ").trim();
        }"""
    )


NOTHING = "Point at an entry, or pick one: it shows what it is made of."


def centre_of(shown, recording, name, part, index):
    """Where an entry is on the page, worked out from Python's places and the picture's scale."""
    drawing = at_step(recording, -1)  # as a page draws it
    tensor = next(tensor.id for tensor in recording.graph.tensors if tensor.name == name)
    grid = all_grids(drawing.view, drawing.layout)[f"{tensor}_{part}"]
    x, y = grid.body.corners()[index]
    point = [grid.x + x + grid.body.cell_width / 2, grid.y + y + grid.body.cell_height / 2]
    card(shown, name).scroll_into_view_if_needed()
    return shown.evaluate(
        """([x, y]) => {
            const origin = document.querySelector(".gradviz-player svg.gv > g");
            const found = new DOMPoint(x, y).matrixTransform(origin.getScreenCTM());
            return [found.x, found.y];
        }""",
        point,
    )


def ring(shown):
    """The middle of what is lit, on the page."""
    box = shown.locator(".gv-lit-here").bounding_box()
    return box and [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]


@pytest.mark.parametrize(
    ("make", "name", "part", "index", "words"),
    [
        (product, "b", "v", 10, "b12= 11"),
        (product, "b", "g", 23, "∂loss/∂b27= 3·1 +6·1 =3+6 =9"),
        (product, "a", "v", 4, "a11= 5"),
        (stack, "images", "v", 16 * 4 + 5, "images1,1,1,1= 69"),
        (stack, "large", "v", 0, "large, row 0, column 0: mean"),
        (stack, "large", "v", 143, "large, rows 18 to 19, columns 11 to 12: mean"),
        (stack, "few", "v", 2, "few2= 30"),
    ],
)
def test_the_entry_under_the_pointer_is_found_by_its_place(opened, make, name, part, index, words):
    recording = make()
    shown = opened(recording)
    x, y = centre_of(shown, recording, name, part, index)
    shown.mouse.move(x, y)
    assert said(shown).startswith(words) if name == "large" else said(shown) == words
    middle = ring(shown)
    assert middle == pytest.approx([x, y], abs=6)
    shown.mouse.move(5, 5)
    assert said(shown) == NOTHING
    assert shown.locator(".gv-lit-here").get_attribute("d") == ""
    # A click stays there.
    shown.mouse.click(x, y)
    shown.mouse.move(5, 5)
    assert said(shown).startswith(words)


def test_no_entry_of_a_heatmap_has_an_element_of_its_own(opened):
    shown = opened(product())
    cells = shown.locator('[id$="_g"].gv-cells')
    assert cells.count() > 0
    counts = cells.evaluate_all("all => all.map(cells => cells.children.length)")
    assert max(counts) <= 8  # of the 24 entries of b's gradient there are three different numbers
    shown.keyboard.press("Home")
    counts = cells.evaluate_all("all => all.map(cells => cells.children.length)")
    assert set(counts) == {1}  # all of them are not computed yet: one path


def test_the_arrow_keys_go_from_entry_to_entry(opened):
    shown = opened(product())
    card(shown, "b").focus()
    shown.keyboard.press("ArrowDown")
    grid = shown.get_by_role("grid")
    assert grid.get_attribute("aria-label") == "Entries of b, its value"
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("3", "8")

    def active():
        cell = shown.locator(f'[id="{grid.get_attribute("aria-activedescendant")}"]')
        assert cell.get_attribute("role") == "gridcell"
        row, column = cell.locator("..").get_attribute("aria-rowindex"), cell.get_attribute("aria-colindex")
        return int(row), int(column), cell.text_content()

    assert active() == (1, 1, "b[0, 0] = 1")
    seen = set()
    for key, place, number in [
        ("ArrowRight", (1, 2), 2), ("ArrowDown", (2, 2), 10), ("End", (2, 8), 16), ("ArrowRight", (2, 8), 16),
        ("ArrowLeft", (2, 7), 15), ("Home", (2, 1), 9), ("Control+End", (3, 8), 24), ("ArrowUp", (2, 8), 16),
        ("ArrowDown", (3, 8), 24),
    ]:  # fmt: skip
        shown.keyboard.press(key)
        assert active() == (*place, f"b[{place[0] - 1}, {place[1] - 1}] = {number}"), key
        assert said(shown) == f"b{place[0] - 1}{place[1] - 1}= {number}"
        seen.add(grid.get_attribute("aria-activedescendant"))
    assert len(seen) == 6  # each entry has an id of its own, so that a screen reader says it
    shown.keyboard.press("ArrowDown")  # over the edge of the value is the gradient
    assert grid.get_attribute("aria-label") == "Entries of b, its gradient"
    assert active()[:2] == (1, 8)
    assert shown.locator(".gp-place").text_content().startswith("backward")
    shown.keyboard.press("Escape")
    assert card(shown, "b").evaluate("element => element === document.activeElement")
    assert said(shown) == NOTHING


def test_while_one_steps_on_an_entry_its_number_changes(opened):
    shown = opened(product())
    card(shown, "a").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown"):
        shown.keyboard.press(key)
    assert said(shown).startswith("∂loss/∂a00= 1·")
    shown.keyboard.press("Enter")  # picked: it stays when the focus goes
    card(shown, "b").focus()
    assert said(shown).startswith("∂loss/∂a00= 1·")
    shown.get_by_role("button", name="Previous step").click()
    card(shown, "a").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown"):
        shown.keyboard.press(key)
    assert shown.get_by_role("gridcell").text_content() == "not computed yet"


def test_entries_are_not_told_while_the_reader_predicts(opened):
    recording = product()
    shown = opened(recording)
    x, y = centre_of(shown, recording, "b", "v", 3)
    shown.get_by_role("button", name="Predict").click()
    shown.mouse.move(x, y)
    assert shown.locator(".gp-entry").is_hidden()
    assert shown.locator(".gp-entries").is_hidden()
    card(shown, "b").focus()
    shown.keyboard.press("ArrowDown")
    assert shown.locator(".gp-entries").is_hidden()
    shown.get_by_role("button", name="Predict").click()
    shown.mouse.move(x + 1, y)
    assert re.fullmatch(r"b\d\d= \d+", said(shown))


def test_every_place_in_a_picture_is_where_the_browser_draws_it(opened):
    """Each number's text lies in its cell, and each heatmap covers its grid, as its places say."""
    recording = stack()
    shown = opened(recording)
    drawing = at_step(recording, -1)  # as a page draws it
    grids = all_grids(drawing.view, drawing.layout)
    boxes = shown.evaluate(
        """prefix => Object.fromEntries([...document.querySelectorAll(`.gradviz-player svg.gv [id^="${prefix}_t"]`)].map(element => {
            const { x, y, width, height } = element.getBBox({ fill: true, stroke: true });
            const shift = element.transform.baseVal.consolidate()?.matrix;
            return [element.id.slice(prefix.length + 1), [x + (shift?.e ?? 0), y + (shift?.f ?? 0), width, height]];
        }))""",
        payload(drawing)["prefix"],
    )
    for key, grid in grids.items():
        body = grid.body
        if body.kind in ("heatmap", "preview"):
            x, y, wide, _ = boxes[key]
            assert x == pytest.approx(grid.x, abs=0.6), key
            assert y == pytest.approx(grid.y + (body.cell_height - 1) / 2, abs=6.6), key
            assert wide == pytest.approx(body.width - 1, abs=0.6), key
        elif body.kind == "numbers":
            for place, (left, top) in enumerate(body.corners()):
                x, y, wide, high = boxes[f"{key}{place}"]
                assert grid.x + left - 1 <= x, key
                assert x + wide <= grid.x + left + body.cell_width + 1, key
                assert grid.y + top - 3 <= y, key
                assert y + high <= grid.y + top + body.cell_height + 3, key
