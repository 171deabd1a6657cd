"""The player turns its picture, from left to right to top to bottom and back, and stays where it was."""

from __future__ import annotations

import pytest
import traitlets
from test_player_inside import BLOCKS, FIRST, arrive, folded, module, opening
from test_player_page import button, place

from gradviz.player import Player, carried, page
from gradviz.player.carried import carry
from gradviz.player.insides import Insides
from gradviz.player.payload import payload

# --- in Python --------------------------------------------------------------------------------------------------------


def test_a_turned_drawing_shows_the_same_the_other_way():
    drawing = folded()
    turned = drawing.turned
    assert (drawing.view.direction, turned.view.direction) == ("LR", "TB")
    assert turned.shown is drawing.shown
    assert turned.view.discs == drawing.view.discs
    first, last = (turned.view.discs[place].operation.id for place in (0, -1))
    assert turned.layout.centres[first][1] < turned.layout.centres[last][1] - 100
    assert turned.turned.layout == drawing.layout
    assert turned.at_step(0).layout is turned.layout
    assert turned.at_step(0).turned.step == 0


def test_a_player_turns_and_keeps_its_step_and_place():
    player = Player(folded(), step=3)
    player.inside = BLOCKS
    step, steps = player.step, player.payload["steps"]
    way = player.payload["direction"]
    other = "TB" if way == "LR" else "LR"
    player.direction = other
    assert player.payload["direction"] == other == player.drawing.view.direction
    assert (player.inside, player.step, player.payload["steps"]) == (BLOCKS, step, steps)
    player.inside = ""
    assert player.payload["direction"] == other
    player.direction = "auto"
    assert player.payload["direction"] == Player(folded()).payload["direction"]
    with pytest.raises(traitlets.TraitError):
        player.direction = "RL"


def test_a_page_carries_both_ways_unless_it_would_become_too_large(monkeypatch):
    parts, _ = carry(Insides(folded(2)))
    pictures = {name: part for kind, name, part in parts if kind == "picture"}
    insides = {name: part for kind, name, part in parts if kind == "inside"}
    for part in insides.values():
        picture = pictures[part["picture"]]
        assert {picture["direction"], picture["turned"]["direction"]} == {"LR", "TB"}
        assert picture["turned"]["grids"].keys() == picture["grids"].keys()
        assert part["turned"] is not None
    assert insides[f"{BLOCKS}.1"]["turned"].keys()  # its own names
    monkeypatch.setattr(carried, "BYTES", 30_000)
    parts, keys = carry(Insides(folded(2)))
    assert keys >= {"", FIRST + "×3"}
    assert not any("turned" in part for kind, _, part in parts if kind == "picture")


# --- in a browser -----------------------------------------------------------------------------------------------------


def shape(browser_page):
    """How the discs of the picture follow one another: how far apart the first and the last are, across and down."""
    return browser_page.evaluate(
        """() => {
            const boxes = [...document.querySelectorAll("svg.gv .gv-disc > .gv-box")].map(box => box.getBoundingClientRect());
            const [first, last] = [boxes[0], boxes.at(-1)];
            return [Math.abs(last.x - first.x), Math.abs(last.y - first.y)];
        }"""
    )


def turned_to(browser_page, label):
    browser_page.wait_for_function(
        "label => document.querySelector('.gp-tools [aria-label=\"' + label + '\"]') !== null", arg=label
    )


DOWN, ACROSS = "Draw it from top to bottom", "Draw it from left to right"


@pytest.mark.browser
def test_a_page_turns_its_picture_by_button_and_key_and_keeps_step_place_and_numbers(open_html):
    drawing = folded(2)
    browser_page = open_html(page(drawing))
    player = browser_page.locator(".gradviz-player")
    for _ in range(9):
        player.press("ArrowRight")
    here, numbers = place(browser_page), sorted(browser_page.locator("svg.gv text[id]").all_text_contents())
    current = browser_page.locator(".gv-disc.gv-current").get_attribute("id")
    across = shape(browser_page)
    button(browser_page, DOWN).click()
    turned_to(browser_page, ACROSS)
    down = shape(browser_page)
    assert across[0] > across[1]
    assert down[1] > down[0]
    assert place(browser_page) == here
    assert browser_page.locator(".gv-disc.gv-current").get_attribute("id") == current
    assert sorted(browser_page.locator("svg.gv text[id]").all_text_contents()) == numbers
    # Inside of a module it stays as the reader wants it, and comes back so.
    many = f"{FIRST}×3"
    module(browser_page, drawing, many).locator(".gv-chevron").click()
    arrive(browser_page, "model.blocks.0 × 3")
    each = opening(payload(drawing, many))[f"{BLOCKS}.1"]
    browser_page.locator(f'[id$="_{each}"] .gv-chevron').click()
    arrive(browser_page, "model.blocks.0 × 3", "1")
    turned_to(browser_page, ACROSS)
    prefix = browser_page.locator("svg.gv").get_attribute("id")
    names = browser_page.locator("svg.gv .gv-card .gv-name").all_text_contents()
    player.press("d")
    turned_to(browser_page, DOWN)
    assert browser_page.locator("svg.gv").get_attribute("id") == prefix
    assert sorted(browser_page.locator("svg.gv .gv-card .gv-name").all_text_contents()) == sorted(names)
    browser_page.keyboard.press("Escape")
    arrive(browser_page, "model.blocks.0 × 3")
    browser_page.keyboard.press("Escape")
    arrive(browser_page)
    turned_to(browser_page, DOWN)
    assert shape(browser_page) == pytest.approx(across, abs=2)


@pytest.mark.browser
def test_a_page_of_a_turned_player_begins_turned(open_html):
    player = Player(folded())
    player.direction = "TB"
    browser_page = open_html(player._page())
    turned_to(browser_page, ACROSS)
    across, down = shape(browser_page)
    assert down > across


@pytest.mark.browser
def test_next_goes_on_outside_after_the_last_step_inside(open_html):
    drawing = folded()
    browser_page = open_html(page(drawing))
    module(browser_page).locator(".gv-chevron").click()
    arrive(browser_page, "model.blocks")
    player = browser_page.locator(".gradviz-player")
    player.press("End")
    inside = payload(drawing, BLOCKS)
    assert button(browser_page, "Next step").is_enabled()
    player.press("ArrowRight")
    arrive(browser_page)
    # Outside, what comes next is the step back of the layer before.
    outside = payload(drawing)
    step = next(k for k, start in enumerate(outside["places"]) if start > inside["until"][-1])
    assert browser_page.locator(".gp-track").get_attribute("aria-valuenow") == str(step + 1)
