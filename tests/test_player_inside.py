"""Going inside of modules: the overview, the breadcrumbs, the search, and what a page carries for them."""

from __future__ import annotations

import json
import re

import pytest
import traitlets
from test_player_axe import axe  # noqa: F401
from test_player_page import button, place

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.player import Player, carried, page
from gradviz.player.carried import carry, numbers_once, without_large
from gradviz.player.finding import findable
from gradviz.player.insides import Insides
from gradviz.player.overview import overview
from gradviz.player.payload import at_step, payload
from gradviz.recording import record_graph

nn = gv.nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return gv.relu(self.second(gv.relu(self.first(x))) + x)


class Net(nn.Module):
    """Three blocks that look alike, and one layer before and after them."""

    def __init__(self):
        super().__init__()
        self.stem, self.blocks, self.head = nn.Linear(4, 3), nn.Sequential(Block(), Block(), Block()), nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


def network():
    gv.manual_seed(0)
    model, x = Net(), gv.randn(2, 4)
    loss = (model(x) ** 2).mean()
    return record_graph(loss, backward=True, names={"loss": loss, "x": x}, variables=[{"model": model}])


def folded(depth=1):
    return draw_recording(network(), depth=depth)


BLOCKS, FIRST = "model.blocks", "model.blocks.0"


# --- what there is to go into -----------------------------------------------------------------------------------------


def test_the_insides_are_a_tree_of_pictures():
    insides = Insides(folded())
    keys = [one.key for one in insides]
    assert keys[:4] == ["", "model.stem", BLOCKS, "model.head"]
    assert all(one.outer in keys[:place] for place, one in enumerate(insides) if place)
    assert [one.label for one in insides.trail(BLOCKS)] == ["", "model.blocks"]
    with pytest.raises(KeyError):
        insides["model.nothing"]


def test_what_is_folded_several_times_over_opens_into_each():
    drawing = folded(2)  # three blocks that are alike are one disc
    insides = Insides(drawing)
    many = f"{FIRST}×3"
    assert many in [one.key for one in insides]
    assert list(insides[many].folds) == [f"{BLOCKS}.{k}" for k in range(3)]
    inner = insides[f"{BLOCKS}.1"]
    assert [one.key for one in insides.trail(inner.key)] == ["", many, inner.key]
    assert [o.block.path for o in inner.drawing.shown.graph.operations if o.block] == ["first", "second"]
    assert list(inner.folds) == [f"{inner.key}.first", f"{inner.key}.second"]
    assert not insides[f"{inner.key}.first"].folds  # there is the operation


def opening(data):
    """Which operation of a picture opens which inside."""
    return {key: id for id, key in data["opens"].items()}


def whole_run(recording):
    """What every step of the whole run has made known, by tensor."""
    values, gradients = {}, {}
    for frame in recording.frames:
        values |= dict(frame.values)
        gradients |= {gradient.tensor: gradient.value for gradient in frame.gradients}
    return values, gradients


def test_the_numbers_inside_are_those_of_the_whole():
    drawing = folded(2)
    values, gradients = whole_run(drawing.recording)
    seen = 0
    for one in Insides(drawing):
        inner_values, inner_gradients = whole_run(one.drawing.shown)
        seen += len(inner_values)
        assert inner_values.items() <= values.items()
        assert inner_gradients.items() <= gradients.items()
        # All that the picture has is known at its end: nothing was lost on the way in.
        assert inner_values.keys() == {tensor.id for tensor in one.drawing.shown.graph.tensors if tensor.id in values}
    assert seen > 40


def test_steps_inside_are_steps_of_the_whole_run():
    drawing = folded(2)
    insides = Insides(drawing)
    frames = drawing.recording.frames
    for one in insides:
        data = payload(drawing, one.key, insides)
        assert data["places"] == sorted(data["places"])
        assert all(start <= end < len(frames) for start, end in zip(data["places"], data["until"], strict=True))
        for step, start in zip(one.drawing.shown.frames, data["places"], strict=True):
            if step.current and step.current == frames[start].current and step.phase == "forward":
                assert step.values
    outside, inside = payload(drawing), payload(drawing, f"{FIRST}×3", insides)
    many = opening(outside)[f"{FIRST}×3"]
    fold = next(
        k for k, step in enumerate(outside["steps"]) if step["phase"] == "backward" and step["current"][0] == many
    )
    # The fold's step back covers all steps back inside, but the one in which the gradient has arrived.
    back = [place for place, step in zip(inside["places"], inside["steps"], strict=True) if step["phase"] == "backward"]
    assert back[0] == outside["places"][fold] - 1
    assert outside["places"][fold] == back[1]
    assert outside["until"][fold] >= back[-1]


def test_the_overview_has_every_operation_in_the_modules_that_a_reader_knows():
    drawing = folded()
    told = overview(drawing, Insides(drawing))
    assert [group["label"] for group in told["groups"]] == ["stem", "blocks", "head", "loss"]
    assert [group["inside"] for group in told["groups"]] == ["model.stem", BLOCKS, "model.head", ""]
    bars = [bar for group in told["groups"] for bar in group["bars"]]
    assert len(bars) == sum(group["count"] for group in told["groups"])
    assert [bar[0] for bar in bars] == sorted(bar[0] for bar in bars)
    assert all(bar[1] > bar[0] for bar in bars)
    assert all(bar[2] <= told["high"] for bar in bars)


def test_few_operations_need_no_overview():
    w = gv.tensor(2.0, requires_grad=True)
    data = payload(gv.draw(w * 3))
    assert (data["overview"], data["opens"], data["trail"], data["groups"]) == (None, {}, [], [])


def test_modules_tensors_and_shapes_can_be_found_where_they_are_shown():
    insides = Insides(folded(2))
    found = {item["name"]: item for item in findable(insides)}
    assert found["x"] == {"name": "x", "kind": "tensor", "more": "input · 2×4", "inside": "", "key": found["x"]["key"]}
    assert found[f"{BLOCKS}.1"] | {"more": ""} == {
        "name": f"{BLOCKS}.1", "kind": "module", "more": "", "inside": f"{BLOCKS}.1", "key": "",
    }  # fmt: skip
    weight = found[f"{BLOCKS}.1.second.weight"]
    assert weight["inside"] == f"{BLOCKS}.1.second"
    assert weight["key"] in {tensor.id for tensor in insides[weight["inside"]].drawing.shown.graph.tensors}


# --- what a page carries ----------------------------------------------------------------------------------------------


def test_blocks_that_look_alike_have_one_picture():
    parts, keys = carry(Insides(folded(2)))
    inside = {name: part for kind, name, part in parts if kind == "inside"}
    assert keys == {"", *inside}
    pictures = {name: part["picture"] for name, part in inside.items()}
    assert pictures[f"{BLOCKS}.1"] == pictures[f"{BLOCKS}.2"]
    assert len(set(pictures.values())) == sum(kind == "picture" for kind, _, _ in parts) < len(pictures)


def test_a_page_stays_small_and_says_nothing_of_what_it_has_not(monkeypatch):
    monkeypatch.setattr(carried, "BYTES", 9_000)
    text = page(folded(2))
    have = set(re.findall(r'data-gradviz-inside="([^"]*)"', text))
    assert len(have) < 4
    insides = Insides(folded(2))
    parts, keys = carry(insides)
    assert all(set(part["opens"].values()) <= keys for kind, _, part in parts if kind == "inside")


def test_numbers_that_come_again_are_carried_once():
    row = [0.5 + k for k in range(20)]
    frames = [
        {
            "values": [["t0", {"shape": [20], "data": row}]],
            "gradients": [{"value": {"data": list(row)}}],
            "short": {"data": [1]},
        }
    ]
    assert numbers_once(frames) == [row]
    assert frames[0]["values"][0][1]["data"] == frames[0]["gradients"][0]["value"]["data"] == 0
    assert frames[0]["short"]["data"] == [1]


def test_large_tensors_do_without_their_entries_where_there_is_no_room(monkeypatch):
    monkeypatch.setattr(carried, "LARGE", 10)
    frames = [{"value": {"shape": [4, 5], "dtype": "float32", "data": [float(k) for k in range(19)] + ["nan"]}}]
    without_large(frames)
    value = frames[0]["value"]
    assert value["data"] is None
    assert (value["summary"]["max"], value["summary"]["nans"]) == (18.0, 1)
    assert value["preview"]["shape"] == [4, 5]
    json.dumps(frames, allow_nan=False)


# --- in a browser -----------------------------------------------------------------------------------------------------


def module(browser_page, drawing=None, key=BLOCKS):
    """The card of a module that one can go into."""
    return browser_page.locator(f'[id$="_{opening(payload(drawing or folded()))[key]}"]')


def crumbs(browser_page):
    return browser_page.locator(".gp-crumbs li").all_text_contents()


def arrive(browser_page, *trail):
    browser_page.wait_for_function(
        "trail => [...document.querySelectorAll('.gp-crumbs li')].map(e => e.textContent).join('/') === trail",
        arg="/".join(("Whole", *trail)),
    )


def step_to_the_blocks(browser_page, phase):
    """Step until the folded blocks are at work in a pass."""
    blocks = module(browser_page)
    browser_page.locator(".gradviz-player").press("Home")
    while not (place(browser_page).startswith(phase) and "gv-current" in blocks.get_attribute("class")):
        assert button(browser_page, "Next step").is_enabled()
        browser_page.locator(".gradviz-player").press("ArrowRight")


@pytest.mark.browser
def test_one_goes_in_and_out_and_the_moment_stays(open_html):
    browser_page = open_html(page(folded()))
    assert crumbs(browser_page) == ["Whole"]
    blocks = module(browser_page)
    browser_page.locator(".gradviz-player").press("End")
    end = place(browser_page)
    blocks.locator(".gv-chevron").click()
    arrive(browser_page, "model.blocks")
    assert button(browser_page, "Next step").is_disabled()  # the end of the run is the end inside, too
    assert browser_page.evaluate("document.activeElement.className") == "gradviz-player"
    browser_page.keyboard.press("Escape")
    arrive(browser_page)
    assert place(browser_page) == end
    blocks.dblclick()
    arrive(browser_page, "model.blocks")
    browser_page.get_by_role("button", name="Whole", exact=True).click()
    arrive(browser_page)
    blocks.focus()
    browser_page.keyboard.press("Shift+Enter")
    arrive(browser_page, "model.blocks")
    browser_page.keyboard.press("Backspace")
    arrive(browser_page)
    browser_page.keyboard.press("Backspace")  # out of the whole there is no way
    assert crumbs(browser_page) == ["Whole"]
    browser_page.locator(".gv-card").first.dblclick()  # nothing is inside a tensor
    assert browser_page.locator(".gp-inspect").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("phase", ["forward", "backward"])
def test_a_step_is_followed_inside_one_by_one(open_html, phase):
    drawing = folded()
    inside = payload(at_step(drawing, -1), BLOCKS)  # which fits a player, as in the page
    browser_page = open_html(page(drawing))
    step_to_the_blocks(browser_page, phase)
    outside = place(browser_page)
    assert browser_page.locator(".gv-disc.gv-current .gv-chevron").count() == 1  # the module is lit
    browser_page.locator(".gp-follow").click()
    arrive(browser_page, "model.blocks")
    first = next(
        k
        for k, step in enumerate(inside["steps"])
        if step["phase"] == phase and step["current"] and step["current"][0][0] == "o"
    )
    mine = [step for step in inside["steps"][first:] if step["phase"] == phase]
    prefix = browser_page.locator("svg.gv").get_attribute("id")
    for step in mine:
        current = browser_page.locator(".gv-disc.gv-current").get_attribute("id")
        assert current == f"{prefix}_{step['current'][0]}"
        assert browser_page.locator(".gp-sentence").text_content() == step["sentence"]
        shown = {key: text for key, text in step["text"].items() if not key.endswith("_l")}
        found = browser_page.evaluate(
            "([prefix, keys]) => Object.fromEntries(keys.map(key => [key, document.getElementById(prefix + '_' + key)?.textContent]))",
            [prefix, list(shown)],
        )
        assert found == shown
        browser_page.locator(".gradviz-player").press("ArrowRight")
    browser_page.keyboard.press("ArrowLeft")
    browser_page.keyboard.press("Escape")
    arrive(browser_page)
    assert place(browser_page) == outside  # outside, all that was one step


@pytest.mark.browser
def test_alike_blocks_show_their_own_numbers_and_names(open_html):
    drawing = folded(2)
    browser_page = open_html(page(drawing))
    many = f"{FIRST}×3"
    outside = module(browser_page, drawing, many)
    each = opening(payload(drawing, many))
    for k in (1, 2):
        outside.locator(".gv-chevron").click()
        arrive(browser_page, "model.blocks.0 × 3")
        browser_page.locator(".gradviz-player").press("End")
        browser_page.locator(f'[id$="_{each[f"{BLOCKS}.{k}"]}"] .gv-chevron').click()
        arrive(browser_page, "model.blocks.0 × 3", str(k))
        inside = payload(drawing, f"{BLOCKS}.{k}")
        prefix = browser_page.locator("svg.gv").get_attribute("id")
        texts = {}
        for step in inside["steps"]:
            texts |= step["text"]
        shown = browser_page.evaluate(
            "prefix => Object.fromEntries([...document.querySelectorAll('svg.gv text[id]')].map(e => [e.id.slice(prefix.length + 1), e.textContent]))",
            prefix,
        )
        assert len(shown) > 10
        assert shown == {key: text for key, text in texts.items() if key in shown}
        browser_page.keyboard.press("Backspace")
        arrive(browser_page, "model.blocks.0 × 3")
        browser_page.keyboard.press("Backspace")
        arrive(browser_page)


@pytest.mark.browser
def test_search_goes_to_what_was_chosen(open_html):
    browser_page = open_html(page(folded()))
    browser_page.keyboard.press("/")
    field = browser_page.locator(".gp-field")
    assert field.evaluate("e => e === document.activeElement")
    browser_page.keyboard.type("blocks.1.second")
    options = browser_page.locator(".gp-found [role=option]")
    options.first.wait_for()
    assert "model.blocks.1.second" in options.first.text_content()
    browser_page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    browser_page.keyboard.press("ArrowUp")
    browser_page.keyboard.press("Enter")
    browser_page.locator(".gp-crumbs li:last-child", has_text="second").wait_for()
    browser_page.keyboard.press("/")
    browser_page.keyboard.type("blocks.1.second.weight")
    options.first.wait_for()
    browser_page.keyboard.press("Enter")
    browser_page.locator('.gv-selected[aria-label^="model.blocks.1.second.weight,"]').wait_for()
    assert browser_page.locator(".gp-inspect").is_visible()
    browser_page.keyboard.press("/")
    browser_page.keyboard.type("2x4")  # a shape, in whatever signs
    options.first.wait_for()
    assert "x" in options.first.text_content()
    options.first.click()
    arrive(browser_page)
    assert browser_page.locator(".gv-selected").get_attribute("aria-label").startswith("x,")
    browser_page.keyboard.press("/")
    browser_page.keyboard.type("nothing like it")
    assert "Nothing" in options.first.text_content()
    browser_page.keyboard.press("Escape")
    assert browser_page.locator(".gp-found").is_hidden()
    assert browser_page.evaluate("document.activeElement.className") == "gradviz-player"


@pytest.mark.browser
def test_the_overview_shows_where_the_run_is_and_leads_there(open_html):
    browser_page = open_html(page(folded()))
    lit = ".gp-bars [data-now]"
    browser_page.locator(".gradviz-player").press("ArrowRight")
    assert browser_page.locator(lit).count() == 1
    step_to_the_blocks(browser_page, "forward")
    blocks = browser_page.get_by_role("button", name=re.compile("^blocks:"))
    assert browser_page.locator(lit).count() == blocks.locator("i").count()  # all that happens in the step
    blocks.locator(".gp-label").click()
    arrive(browser_page, "model.blocks")
    assert browser_page.locator(lit).count() == 1
    assert browser_page.locator(".gp-part[data-open]").count() == 1
    blocks.locator("i").nth(3).click()  # in what is open
    assert browser_page.locator(lit).evaluate("e => [...e.parentElement.children].indexOf(e)") == 3
    assert crumbs(browser_page) == ["Whole", "model.blocks"]
    browser_page.get_by_role("button", name=re.compile("^head:")).locator("i").first.click()
    arrive(browser_page)
    assert browser_page.locator("button[aria-label^='head:'] [data-now]").count() == 1


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_inside(axe, browser_page, open_html, scheme):  # noqa: F811
    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    open_html(page(folded()))
    module(browser_page).locator(".gv-chevron").click()
    arrive(browser_page, "model.blocks")
    browser_page.keyboard.press("End")
    browser_page.keyboard.press("/")
    browser_page.keyboard.type("stem")
    browser_page.locator(".gp-found [role=option]").first.wait_for()
    found = axe.run(browser_page).response
    assert [violation for violation in found["violations"] if violation["impact"] in ("serious", "critical")] == []


@pytest.mark.browser
def test_what_is_chosen_stays_as_one_goes_inside(open_html):
    browser_page = open_html(page(folded(), grain="event"))
    browser_page.get_by_role("combobox", name="Speed").select_option("4")
    button(browser_page, "Large type, for a projector").click()
    button(browser_page, "Loop").click()
    module(browser_page).locator(".gv-chevron").click()
    arrive(browser_page, "model.blocks")
    assert browser_page.get_by_role("combobox", name="Speed").input_value() == "4"
    for name in ("Loop", "Large type, for a projector", "Take apart"):
        assert button(browser_page, name).get_attribute("aria-pressed") == "true"


# --- in a notebook ----------------------------------------------------------------------------------------------------


def test_a_widget_shows_the_inside_that_is_asked_for():
    player = Player(folded())
    fold = opening(player.payload)[BLOCKS]
    at = next(k for k, step in enumerate(player.payload["steps"]) if step["current"][:1] == [fold])
    player.step = at
    player.inside = BLOCKS
    assert [key for key, _ in player.payload["trail"]] == ["", BLOCKS]
    assert player.payload["steps"][player.step]["phase"] == "forward"
    assert player.payload["places"][player.step] == player.moment
    assert player.drawing.shown.graph != player.recording.graph
    player.step += 2
    player.inside = ""
    assert player.step == at
    assert opening(player.payload)[BLOCKS] == fold


def test_a_widget_can_begin_inside_and_knows_what_it_has_not():
    player = Player(folded(), inside=BLOCKS, step=-1)
    assert player.step == len(player.payload["steps"]) - 1
    assert player.moment == player.payload["places"][-1]
    with pytest.raises(traitlets.TraitError, match=r"there is no inside of 'model.nothing'.*'model.blocks'"):
        player.inside = "model.nothing"
    player.depth = 0
    assert player.inside == ""
    assert [key for key, _ in player.payload["trail"]] == [""]


def test_a_widget_is_asked_what_can_be_found():
    player, said = Player(folded()), []
    player.send = said.append
    player._answer(None, {"type": "find"}, [])
    assert said == [{"type": "found", "items": findable(Insides(folded()))}]
