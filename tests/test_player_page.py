"""The saved page, opened from the disk in a real browser."""

from __future__ import annotations

import base64
import json
import re

import pytest
from browser import with_a_clock_of_its_own, with_payload

import gradviz as gv
from gradviz.drawing import draw_recording, face
from gradviz.drawing.cells import all_grids, shade_paths
from gradviz.drawing.palette import inks
from gradviz.drawing.target import SMALLEST_TEXT
from gradviz.player import page
from gradviz.player.page import script as player_script
from gradviz.player.payload import at_step, payload
from gradviz.recording import record_graph

PARTS = ("text", "fill", "state", "width", "path", "label")

# What the page shows now, in the words of a Face: for every id in the drawing, whatever a step may patch.
READ_FACE = """prefix => {
    const states = ["pending", "forward", "partial", "done", "backward"];
    const found = { text: {}, fill: {}, state: {}, width: {}, path: {}, label: {} };
    for (const element of document.querySelectorAll(".gradviz-player svg.gv [id]")) {
        const key = element.id.slice(prefix.length + 1);
        if (element.localName === "text") found.text[key] = element.textContent;
        if (element.localName === "path") found.path[key] = element.getAttribute("d");
        const paths = element.classList.contains("gv-cells") ? [...element.children] : [];
        if (paths.length) found.fill[key] = paths.map(
            path => ["stroke", "stroke-width", "d"].map(name => path.getAttribute(name)).filter(value => value !== null));
        found.label[key] = element.getAttribute("aria-label");
        found.state[key] = states.filter(state => element.classList.contains("gv-" + state)).join(" ");
        const width = (element.querySelector(".gv-back") ?? element.querySelector(".gv-line"))?.getAttribute("stroke-width");
        if (width) found.width[key] = Number(width);
    }
    return found;
}"""


def drawn(body, shades):
    """The paths of a heatmap, as Python draws it."""
    return [list(re.findall(r'"([^"]*)"', path)) for path in shade_paths(body, shades, inks("purple-teal"))]


def line(**names):
    """y = w*x + b with w = 2, x = 5, b = 3."""
    w, x, b = (gv.tensor(value, requires_grad=True) for value in (2.0, 5.0, 3.0))
    y = w * x + b
    return record_graph(y, backward=True, names={"w": w, "x": x, "b": b, "y": y, **names}, title="y = w·x + b")


def network():
    """A small network whose tensors are matrices, one of them large enough for a heatmap."""
    gv.manual_seed(0)
    x = gv.randn(6, 8)
    w1, w2 = gv.randn(8, 5, requires_grad=True), gv.randn(5, 2, requires_grad=True)
    loss = ((gv.relu(x @ w1) @ w2) ** 2).mean()
    return record_graph(loss, backward=True, names={"x": x, "w1": w1, "w2": w2, "loss": loss})


def classifier():
    """Scores, classes and the bars of their loss."""
    scores = gv.tensor([[2.0, 1.0, 0.1], [0.5, 2.5, -1.0]], requires_grad=True)
    y = gv.tensor([0, 2])
    loss = gv.nn.functional.cross_entropy(scores, y)
    return draw_recording(record_graph(loss, backward=True, names={"scores": scores, "y": y, "loss": loss})).shown


def chain(operations):
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(operations):
        y = y + x
    return record_graph(y, backward=True, names={"x": x, "y": y})


def shown(browser_page, name, row):
    """The number on the card of this name: row "v" is the value, "g" the gradient."""
    return browser_page.locator(f'.gv-card[aria-label^="{name},"] [id$="_{row}0"]').text_content()


def numbers(browser_page):
    return [shown(browser_page, name, "v") for name in "wxb"], [shown(browser_page, name, "g") for name in "wxby"]


def button(browser_page, name):
    return browser_page.get_by_role("button", name=name, exact=True)


def place(browser_page):
    return browser_page.locator(".gp-place").text_content()


@pytest.mark.browser
def test_numbers_appear_step_by_step_and_go_again(open_html):
    browser_page = open_html(page(line()))
    pending = "·"
    seen = []
    for _ in range(6):
        seen.append((shown(browser_page, "y", "v"), *numbers(browser_page)))
        if button(browser_page, "Next step").is_enabled():
            button(browser_page, "Next step").click()
    leaves = ["2", "5", "3"]
    assert seen == [
        (pending, leaves, [pending] * 4),
        (pending, leaves, [pending] * 4),
        ("13", leaves, [pending] * 4),
        ("13", leaves, [pending, pending, pending, "1"]),
        ("13", leaves, [pending, pending, "1", "1"]),
        ("13", leaves, ["5", "2", "1", "1"]),
    ]
    assert button(browser_page, "Next step").is_disabled()
    assert button(browser_page, "Last step").is_disabled()
    for expected in reversed(seen[:-1]):
        button(browser_page, "Previous step").click()
        assert (shown(browser_page, "y", "v"), *numbers(browser_page)) == expected
    assert button(browser_page, "Previous step").is_disabled()
    assert button(browser_page, "First step").is_disabled()


@pytest.mark.browser
@pytest.mark.parametrize(
    "make", [line, network, classifier, lambda: chain(12)], ids=["line", "network", "classifier", "chain"]
)
def test_each_step_shows_what_python_draws(open_html, make):
    recording = make()
    drawing = at_step(recording, -1)
    browser_page = open_html(page(recording))
    prefix = payload(drawing)["prefix"]
    grids = all_grids(drawing.view, drawing.layout)
    last = len(recording.frames) - 1
    there_and_back = [*range(last + 1), *range(last - 1, -1, -1), last, 0]
    track = browser_page.get_by_role("slider", name="Step")
    box = track.bounding_box()
    on_the_way = {}
    for k in there_and_back:
        browser_page.mouse.click(box["x"] + (k + 0.5) * box["width"] / (last + 1), box["y"] + box["height"] / 2)
        assert track.get_attribute("aria-valuenow") == str(k + 1)
        expected = face(drawing.shown, drawing.view, k)
        found = browser_page.evaluate(READ_FACE, prefix)
        for part in PARTS:
            wanted = dict(getattr(expected, part))
            if part == "fill":
                wanted = {key: drawn(grids[key].body, shades) for key, shades in wanted.items()}
            assert wanted == {key: found[part].get(key) for key in wanted}, (part, k)
        # Coming back, a step looks as it did on the way there, down to what its face does not mention.
        assert found == on_the_way.setdefault(k, found)


@pytest.mark.browser
def test_current_elements_and_words(open_html):
    recording = line()
    data = payload(draw_recording(recording))
    browser_page = open_html(page(recording))
    for step in data["steps"]:
        panel = browser_page.locator(".gp-panel")
        current = browser_page.evaluate("[...document.querySelectorAll('svg .gv-current')].map(e => e.id)")
        touched = browser_page.evaluate("[...document.querySelectorAll('svg .gv-touched')].map(e => e.id)")
        assert set(current) == {f"{data['prefix']}_{key}" for key in step["current"]}
        assert set(touched) == {f"{data['prefix']}_{key}" for key in step["touched"] if key not in step["current"]}
        assert panel.locator(".gp-sentence").text_content() == step["sentence"]
        assert panel.locator(".gp-reason").text_content() == step["reason"]
        written = "row => [...row.querySelectorAll('math')].map(math => math.getAttribute('alttext')).join(' ')"
        assert [row.evaluate(written) for row in panel.locator(".gp-equation > div").all()] == [
            line["text"] for line in step["equation"]
        ]
        assert step["sentence"] in browser_page.get_by_role("status").text_content()
        assert panel.locator("h3:visible").first.text_content() == f"This step · {step['title']}"
        browser_page.locator(".gradviz-player").press("ArrowRight")
    browser_page.get_by_text(f"Steps so far ({len(data['steps'])})").click()
    sentences = browser_page.locator(".gp-log li span")
    sentences.first.wait_for()
    assert sentences.all_text_contents() == [step["sentence"] for step in data["steps"]]
    browser_page.locator(".gradviz-player").press("ArrowLeft")
    assert sentences.all_text_contents() == [step["sentence"] for step in data["steps"][:-1]]
    browser_page.locator(".gp-jump").nth(1).click()
    assert place(browser_page) == "forward 2 / 3"


@pytest.mark.browser
def test_the_code_that_runs_is_marked_to_the_column(open_html):
    browser_page = open_html(page(line()))
    marks = []
    for _ in range(6):
        marks.append(browser_page.locator("mark").all_text_contents())
        browser_page.locator(".gradviz-player").press("ArrowRight")
    assert marks == [[], ["w * x"], ["w * x + b"], [], ["w * x + b"], ["w * x"]]


@pytest.mark.browser
def test_keys(open_html):
    browser_page = open_html(page(line()))
    player = browser_page.locator(".gradviz-player")
    player.focus()
    places = []
    for key in ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "ArrowLeft", "Home", "ArrowLeft"]:
        browser_page.keyboard.press(key)
        places.append(place(browser_page))
    assert places == [
        "forward 2 / 3",
        "forward 3 / 3",
        "forward 2 / 3",
        "backward 3 / 3",
        "backward 3 / 3",
        "backward 2 / 3",
        "forward 1 / 3",
        "forward 1 / 3",
    ]


@pytest.mark.browser
def test_shift_and_an_arrow_go_to_the_border_between_forward_and_backward(open_html):
    browser_page = open_html(page(line()))
    browser_page.locator(".gradviz-player").focus()
    places = []
    for key in ["Right", "Right", "Right", "Left", "Left", "Left"]:
        browser_page.keyboard.press(f"Shift+Arrow{key}")
        places.append(place(browser_page))
    assert places == [
        "forward 3 / 3",
        "backward 1 / 3",
        "backward 3 / 3",
        "backward 1 / 3",
        "forward 3 / 3",
        "forward 1 / 3",
    ]
    border, track = browser_page.locator(".gp-border").bounding_box(), browser_page.locator(".gp-track").bounding_box()
    assert border["x"] + border["width"] / 2 == pytest.approx(track["x"] + track["width"] / 2, abs=1)


@pytest.mark.browser
def test_keys_are_kept_from_the_page_but_not_taken_from_it(open_html):
    browser_page = open_html(page(line()))
    browser_page.evaluate(
        """() => {
            window.leaked = [];
            document.addEventListener("keydown", event => window.leaked.push(event.key));
            const field = document.body.appendChild(document.createElement("input"));
            field.id = "field";
        }"""
    )
    browser_page.locator(".gradviz-player").focus()
    for key in ["ArrowRight", "ArrowLeft", "End", "Home", " ", " ", "a", "Control+ArrowRight"]:
        browser_page.keyboard.press(key)
    assert browser_page.evaluate("leaked") == ["a", "Control", "ArrowRight"]
    assert place(browser_page) == "forward 1 / 3"
    browser_page.locator("#field").focus()
    browser_page.keyboard.press("ArrowRight")
    browser_page.keyboard.type("a b")
    assert place(browser_page) == "forward 1 / 3"
    assert browser_page.locator("#field").input_value() == "a b"


@pytest.mark.browser
def test_keys_go_on_working_when_a_button_is_disabled_under_the_focus(open_html):
    browser_page = open_html(page(line()))
    button(browser_page, "Last step").focus()
    browser_page.keyboard.press("Enter")
    assert button(browser_page, "Last step").is_disabled()
    browser_page.keyboard.press("ArrowLeft")
    assert place(browser_page) == "backward 2 / 3"
    button(browser_page, "Next step").click()
    browser_page.keyboard.press("Home")
    assert place(browser_page) == "forward 1 / 3"


@pytest.mark.browser
def test_play_stops_at_the_end_and_starts_again_from_there(browser_page, open_html):
    with_a_clock_of_its_own(browser_page, open_html, page(line()))
    button(browser_page, "Play").click()
    places = []
    for _ in range(5):
        browser_page.clock.run_for(1250)
        places.append(place(browser_page))
    assert places == ["forward 2 / 3", "forward 3 / 3", "backward 1 / 3", "backward 2 / 3", "backward 3 / 3"]
    assert button(browser_page, "Play").is_visible()  # and not "Pause": it has stopped
    browser_page.clock.run_for(5000)
    assert place(browser_page) == "backward 3 / 3"
    browser_page.keyboard.press(" ")
    assert place(browser_page) == "forward 1 / 3"
    browser_page.clock.run_for(1250)
    assert place(browser_page) == "forward 2 / 3"
    button(browser_page, "Pause").click()
    browser_page.clock.run_for(5000)
    assert place(browser_page) == "forward 2 / 3"


@pytest.mark.browser
def test_stepping_by_hand_pauses(browser_page, open_html):
    with_a_clock_of_its_own(browser_page, open_html, page(line()))
    button(browser_page, "Play").click()
    button(browser_page, "Next step").click()
    browser_page.clock.run_for(5000)
    assert place(browser_page) == "forward 2 / 3"


@pytest.mark.browser
def test_speed_and_loop(browser_page, open_html):
    with_a_clock_of_its_own(browser_page, open_html, page(line()))
    browser_page.get_by_role("combobox", name="Speed").select_option("4×")
    button(browser_page, "Loop").click()
    assert button(browser_page, "Loop").get_attribute("aria-pressed") == "true"
    button(browser_page, "Play").click()
    places = []
    for _ in range(7):
        browser_page.clock.run_for(301)
        places.append(place(browser_page))
    assert places[4:] == ["backward 3 / 3", "forward 1 / 3", "forward 2 / 3"]
    browser_page.get_by_role("combobox", name="Speed").select_option("0.5×")
    browser_page.clock.run_for(2300)
    assert place(browser_page) == "forward 2 / 3"
    browser_page.clock.run_for(200)
    assert place(browser_page) == "forward 3 / 3"
    # The keys of the list of speeds are its own.
    browser_page.get_by_role("combobox", name="Speed").focus()
    browser_page.keyboard.press("ArrowDown")
    assert place(browser_page) == "forward 3 / 3"


SCALE = "document.querySelector('svg.gv').getScreenCTM().a"


@pytest.mark.browser
def test_zoom_and_pan(open_html):
    browser_page = open_html(page(network()))
    fitted = browser_page.evaluate(SCALE)
    figure = browser_page.locator(".gp-figure")
    button(browser_page, "Zoom in").click()
    assert browser_page.evaluate(SCALE) == pytest.approx(1.25 * fitted, rel=0.01)
    browser_page.keyboard.press("+")
    browser_page.keyboard.press("+")
    large = browser_page.evaluate(SCALE)
    assert large == pytest.approx(1.25**3 * fitted, rel=0.01)
    # Resizing the window does not undo what was chosen.
    browser_page.set_viewport_size({"width": 1200, "height": 700})
    browser_page.wait_for_timeout(100)
    assert browser_page.evaluate(SCALE) == pytest.approx(large, rel=0.01)
    # Dragging moves the picture, and is no click on what is under the pointer.
    box = figure.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = figure.evaluate("f => [f.scrollLeft, f.scrollTop]")
    browser_page.mouse.move(x, y)
    browser_page.mouse.down()
    browser_page.mouse.move(x + 30, y - 10)
    browser_page.mouse.move(x + 60, y - 40)
    browser_page.mouse.up()
    assert figure.evaluate("f => [f.scrollLeft, f.scrollTop]") == pytest.approx([before[0] - 60, before[1] + 40], abs=2)
    assert browser_page.locator(".gv-selected").count() == 0
    # The wheel with Control zooms where the pointer is: what is there stays there.
    card = browser_page.locator('.gv-card[aria-label^="loss,"]')
    browser_page.keyboard.press("0")
    whole = browser_page.evaluate(SCALE)
    assert whole < fitted
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth && f.scrollHeight <= f.clientHeight")  # fit is fit
    for _ in range(5):
        browser_page.keyboard.press("+")
    before_wheel = browser_page.evaluate(SCALE)
    card.scroll_into_view_if_needed()
    box = card.bounding_box()
    x, y = box["x"] + 5, box["y"] + 5
    browser_page.mouse.move(x, y)
    browser_page.keyboard.down("Control")
    browser_page.mouse.wheel(0, -100)
    browser_page.keyboard.up("Control")
    browser_page.wait_for_function(f"{SCALE} > {1.3 * before_wheel}")
    assert browser_page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('.gv-card')?.ariaLabel", [x, y])
    assert browser_page.evaluate("window.devicePixelRatio") == 1


@pytest.mark.browser
def test_large_type_and_full_screen(open_html):
    browser_page = open_html(page(line()))
    size = "parseFloat(getComputedStyle(document.querySelector('.gp-sentence')).fontSize)"
    small = browser_page.evaluate(size)
    button(browser_page, "Large type, for a projector").click()
    assert browser_page.evaluate(size) >= 1.2 * small
    assert browser_page.evaluate(SCALE) >= 1.29
    button(browser_page, "Large type, for a projector").click()
    assert browser_page.evaluate(size) == small
    button(browser_page, "Full screen").click()
    browser_page.wait_for_function("document.fullscreenElement?.matches('.gradviz-player')")
    browser_page.wait_for_timeout(300)
    player = browser_page.locator(".gradviz-player").bounding_box()
    bar, main = browser_page.locator(".gp-bar").bounding_box(), browser_page.locator(".gp-main").bounding_box()
    assert bar["height"] + main["height"] == pytest.approx(player["height"], abs=3)
    browser_page.locator(".gradviz-player").press("ArrowRight")
    assert place(browser_page) == "forward 2 / 3"
    browser_page.keyboard.press("f")
    browser_page.wait_for_function("document.fullscreenElement === null")


def modules():
    """A network of two blocks, each of two layers."""
    gv.manual_seed(0)

    class Block(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = gv.nn.Linear(3, 3), gv.nn.Linear(3, 3)

        def forward(self, x):
            return self.second(gv.relu(self.first(x)))

    net = gv.nn.Sequential(Block(), Block())
    x = gv.ones(2, 3)
    loss = (net(x) ** 2).mean()
    return record_graph(loss, backward=True, names={"loss": loss, "x": x}, variables=[{"net": net}])


def a_frame_later(page):
    """Another picture is shown with the next frame."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.browser
def test_modules_fold_and_unfold(open_html):
    browser_page = open_html(page(draw_recording(modules(), depth=3)))
    nodes = browser_page.locator(".gv-disc, .gv-card, .gv-chip")
    all_nodes = nodes.count()
    assert button(browser_page, "Unfold modules").is_disabled()
    button(browser_page, "Last step").click()
    counts = []
    while button(browser_page, "Fold modules").is_enabled():
        button(browser_page, "Fold modules").click()
        a_frame_later(browser_page)
        counts.append(nodes.count())
        # The same moment of the run: the end, with every gradient there.
        assert button(browser_page, "Next step").is_disabled()
        assert shown(browser_page, "loss", "g") == "1"
    assert len(counts) == 3
    assert all_nodes > counts[0] > counts[1] > counts[2]
    button(browser_page, "First step").click()
    for _ in range(3):
        button(browser_page, "Unfold modules").click()
        a_frame_later(browser_page)
    assert nodes.count() == all_nodes
    assert shown(browser_page, "loss", "g") == "·"


@pytest.mark.browser
def test_without_modules_there_is_nothing_to_fold(open_html):
    browser_page = open_html(page(line()))
    assert button(browser_page, "Fold modules").count() == 0


@pytest.mark.browser
def test_every_node_is_reached_by_keyboard_in_the_order_of_the_computation(open_html):
    recording = line()
    browser_page = open_html(page(recording))
    browser_page.locator(".gradviz-player").press("End")
    browser_page.get_by_role("button", name="Full screen").focus()
    browser_page.keyboard.press("Tab")
    assert browser_page.evaluate("document.activeElement.textContent") == "Skip the picture and its 7 nodes"
    labels = []
    for _ in range(7):
        browser_page.keyboard.press("Tab")
        labels.append(browser_page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert labels == [
        "w, parameter, value 2, gradient 5",
        "x, parameter, value 5, gradient 2",
        "mul, MulBackward0, gradient passed on",
        "w·x, intermediate, value 10, gradient 1",
        "b, parameter, value 3, gradient 1",
        "add, AddBackward0, gradient passed on",
        "y, output, value 13, gradient 1",
    ]
    assert browser_page.evaluate("document.activeElement.getAttribute('role')") == "button"
    browser_page.locator(".gp-skip").focus()
    browser_page.keyboard.press("Enter")
    assert browser_page.evaluate("document.activeElement.className") == "gp-panel"


@pytest.mark.browser
def test_each_step_is_announced_once(open_html):
    recording = line()
    browser_page = open_html(page(recording))
    browser_page.evaluate(
        """() => {
            window.said = [];
            const region = document.querySelector('[role="status"]');
            new MutationObserver(() => said.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    for _ in recording.frames[1:]:
        browser_page.locator(".gradviz-player").press("ArrowRight")
    said = browser_page.evaluate("said")
    assert len(said) == 5
    for k, (text, frame) in enumerate(zip(said, recording.frames[1:], strict=True), start=2):
        assert text.startswith(f"Step {k} of 6, {frame.phase} ")
        assert text.endswith(f"{frame.title}. {frame.sentence}")


@pytest.mark.browser
def test_nothing_is_animated_for_those_who_prefer_that(browser_page, open_html):
    browser_page.emulate_media(reduced_motion="reduce")
    open_html(page(chain(60)))
    browser_page.locator(".gradviz-player").press("End")
    assert browser_page.evaluate("document.getAnimations().length") == 0
    # What is scrolled to is there at once.
    assert browser_page.locator(".gp-figure").evaluate(CURRENT_IS_IN_VIEW)


@pytest.mark.browser
def test_the_track_can_be_dragged(open_html):
    x = y = gv.tensor(1.0, requires_grad=True)
    for _ in range(100):
        y = -y
    recording = record_graph(y, backward=True, names={"x": x, "y": y})
    browser_page = open_html(page(draw_recording(recording, fit=False)))
    track = browser_page.get_by_role("slider", name="Step")
    box = track.bounding_box()
    count = int(track.get_attribute("aria-valuemax"))
    middle = box["y"] + box["height"] / 2
    browser_page.mouse.move(box["x"] + 1, middle)
    browser_page.mouse.down()
    for k in [10, 150, count - 1]:
        browser_page.mouse.move(box["x"] + (k + 0.5) * box["width"] / count, middle)
        assert track.get_attribute("aria-valuenow") == str(k + 1)
        marker = browser_page.locator(".gp-marker").bounding_box()
        assert box["x"] - 1 <= marker["x"]
        assert marker["x"] + marker["width"] <= box["x"] + box["width"] + 8
    browser_page.mouse.move(box["x"] - 50, middle - 200)
    browser_page.mouse.up()
    assert track.get_attribute("aria-valuenow") == "1"
    browser_page.mouse.move(box["x"] + box["width"] / 2, middle)
    assert track.get_attribute("aria-valuenow") == "1"


@pytest.mark.browser
def test_a_click_or_enter_selects_at_the_step_that_is_shown(open_html):
    recording = line()
    browser_page = open_html(page(recording))
    details = browser_page.locator(".gp-inspect")
    for key, where in [("Home", "forward 1 / 3"), ("End", "backward 3 / 3")]:
        browser_page.locator(".gradviz-player").press(key)
        for target in [
            f'[id$="_{recording.graph.operations[0].id}"]',
            '.gv-card[aria-label^="y,"]',
            ".gv-edge .gv-hit",
        ]:
            browser_page.locator(target).first.click(force=True)
            assert place(browser_page) == where
            assert details.is_visible()
            assert browser_page.locator(".gv-selected").count() == 1
        browser_page.locator(".gp-figure").click(position={"x": 3, "y": 3})
        assert browser_page.locator(".gv-selected").count() == 0
        assert details.is_hidden()
        browser_page.locator('.gv-card[aria-label^="b,"]').focus()
        browser_page.keyboard.press("Enter")
        assert browser_page.locator(".gv-selected").get_attribute("aria-label").startswith("b,")
        assert details.is_visible()
        assert place(browser_page) == where
        browser_page.keyboard.press("Escape")
    # Jumping is by the links of the details.
    browser_page.locator('.gv-card[aria-label^="b,"]').click()
    details.get_by_role("button", name="computed in step").or_(
        details.get_by_role("button", name="gradient in step")
    ).first.click()
    assert place(browser_page) != "backward 3 / 3"


HOSTILE = [
    "</script><script>document.title = 'broken in'</script>",
    "<img src=x onerror=\"document.title = 'broken in'\">",
    "</noscript></title><h1>broken in</h1>",
    "\u2028\u2029\ud800 &amp; ${1} `",
]


@pytest.mark.browser
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(open_html, name):
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(5.0, requires_grad=True)
    y = w * x
    recording = record_graph(y, backward=True, names={name: w, "x": x, "y": y}, title=name)
    browser_page = open_html(page(recording))
    for _ in recording.frames:
        browser_page.locator(".gradviz-player").press("ArrowRight")
    for summary in browser_page.locator("summary:visible").all():
        summary.click()
    assert browser_page.evaluate("document.querySelectorAll('h1').length") == 1
    assert (
        browser_page.evaluate("document.querySelectorAll('script:not([type=\"application/octet-stream\"])').length")
        == 2  # what unpacks the player, and the player
    )
    assert browser_page.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0
    assert browser_page.title() != "broken in"
    readable = re.sub("\ud800", "\ufffd", name)
    assert browser_page.evaluate("document.querySelector('h1').textContent") in (readable, name.replace("\ud800", "?"))
    assert place(browser_page).startswith("backward")


@pytest.mark.browser
def test_a_drawing_from_elsewhere_cannot_run_or_load_anything(open_html):
    poison = (
        '<script>document.title = "broken in"</script><style>@import "https://example.invalid/a.css";</style>'
        '<a href="javascript:1"><rect width="9" height="9"/></a><image href="https://example.invalid/a.png"/>'
        '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>'
        '<image xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="https://example.invalid/b.png"/>'
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">markup</p></foreignObject>'
        '<rect onclick="1" fill="url(https://example.invalid/a.svg#b)" style="fill:red" width="1" height="1"/></svg>'
    )
    picture = payload(draw_recording(line()))["svg"].replace("</svg>", poison)
    browser_page = open_html(with_payload(page(line()), with_changes(svg=picture)))
    svg = browser_page.locator(".gradviz-player svg.gv")
    assert svg.locator("script, style, a, image, foreignObject").count() == 0
    attributes = svg.evaluate("s => [...s.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert not {"onclick", "style", "href"} & set(attributes)
    assert "example.invalid" not in svg.evaluate("s => s.outerHTML")
    assert browser_page.title() != "broken in"
    # The parser met the onclick before it was taken out, and the page's policy had already refused it.
    assert all("inline event handler" in problem for problem in browser_page.problems)
    browser_page.problems.clear()


def with_changes(**changes):
    def change(data):
        data = json.loads(data)
        for path, value in changes.items():
            *way, last = path.split("__")
            target = data
            for part in way:
                target = target[int(part) if isinstance(target, list) else part]
            if value is None:
                del target[int(last) if isinstance(target, list) else last]
            else:
                target[int(last) if isinstance(target, list) else last] = value
        return json.dumps(data)

    return change


@pytest.mark.browser
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_changes(version=2), "version 1; this one has version 2"),
        (with_changes(version=None), "version unknown"),
        (with_changes(svg="<svg"), "not a readable SVG"),
        (with_changes(svg=7), "its picture is missing"),
        (with_changes(steps=[]), "no steps"),
        (with_changes(steps="all of them"), "its steps are missing"),
        (with_changes(steps__1__phase=None), "step 2 has no phase"),
        (with_changes(steps__2__touched=[1]), "step 3 has no touched, or one of another kind"),
        (with_changes(facts=None), "its facts are missing"),
        (with_changes(facts__frames__0=None), "do not belong together"),
        (with_changes(facts__operations__0__inputs=3), "damaged and cannot be played"),
        (lambda data: data[: len(data) // 2], "empty or not a recording"),
        (lambda data: "", "empty or not a recording"),
        (lambda data: "[1, 2]", "empty or not a recording"),
        (with_changes(grids={"t0_v": {"x": 0}}), "where its entries stand is missing, or impossible"),
        (with_changes(grids__t0_v__columns=10**9), "where its entries stand is missing, or impossible"),
        (with_changes(inks=[3]), "its colours are missing"),
    ],
)
def test_what_cannot_be_played_is_said(open_html, change, message):
    browser_page = open_html(with_payload(page(line()), change))
    assert message in browser_page.get_by_role("alert").text_content()


@pytest.mark.browser
@pytest.mark.parametrize("cut", [lambda data: data[: len(data) // 2], lambda data: "!" + data, lambda data: ""])
def test_a_page_whose_payload_was_damaged_says_so(open_html, cut):
    before, start, rest = page(line()).partition('id="gradviz-payload">')
    data, end, after = rest.partition("</script>")
    browser_page = open_html(before + start + cut(data) + end + after)
    assert "empty or not a recording" in browser_page.get_by_role("alert").text_content()


@pytest.mark.browser
def test_fields_that_this_player_does_not_know_are_left_alone(open_html):
    browser_page = open_html(
        with_payload(page(line()), with_changes(news="<b>yes</b>", steps__0__more=[1], facts__more={}))
    )
    browser_page.locator(".gradviz-player").press("End")
    assert place(browser_page) == "backward 3 / 3"


@pytest.mark.browser
def test_markup_in_any_text_of_a_payload_stays_text(open_html):
    evil = "<img src=x onerror=\"document.title = 'broken in'\"><script>document.title = 'broken in'</script>"

    def poison(data):
        def replaced(value, key=""):
            if isinstance(value, dict):
                return {name: replaced(inner, name) for name, inner in value.items()}
            if isinstance(value, list):
                return [replaced(inner, key) for inner in value]
            spoiled = key in (
                "title",
                "sentence",
                "reason",
                "name",
                "local",
                "local_number",
                "slot",
                "module",
                "equation",
                "lines",
            )
            return evil if spoiled and isinstance(value, str) else value

        return json.dumps(replaced(json.loads(data)))

    browser_page = open_html(with_payload(page(line()), poison))
    for key in ["w,", "mul,"]:
        browser_page.locator(f'[aria-label^="{key}"]').click()
        browser_page.locator(".gp-inspect").wait_for()
    browser_page.locator(".gv-edge").first.locator(".gv-hit").click(force=True)
    button(browser_page, "Predict").click()
    browser_page.locator(".gradviz-player").press("End")
    button(browser_page, "Hint").click()
    assert evil in browser_page.locator(".gp-predict").text_content()
    assert browser_page.locator("img, script:not([type])").count() == 0
    assert browser_page.title() != "broken in"


@pytest.mark.browser
def test_ten_players_opened_and_closed_leave_no_listener(browser_page, open_html):
    script = player_script()
    data = json.dumps(payload(draw_recording(modules()))).replace("<", "\\u003c")
    # Everything that outlives a player is counted: what listens to the page, and what observes it.
    count = """
        window.alive = new Map();
        const count = (key, by) => alive.set(key, (alive.get(key) ?? 0) + by);
        const outside = target => [window, document, document.body, document.documentElement].includes(target) || target instanceof MediaQueryList;
        for (const [name, by] of [["addEventListener", 1], ["removeEventListener", -1]]) {
            const original = EventTarget.prototype[name];
            EventTarget.prototype[name] = function (type, ...rest) {
                if (outside(this)) count("listens to " + type, by);
                return original.call(this, type, ...rest);
            };
        }
        for (const kind of ["ResizeObserver", "MutationObserver", "IntersectionObserver"]) {
            const Original = window[kind];
            window[kind] = class extends Original {
                observe(...given) { if (!this.on) count(kind, 1); this.on = true; super.observe(...given); }
                disconnect() { if (this.on) count(kind, -1); this.on = false; super.disconnect(); }
            };
        }
        for (const [start, stop] of [["setTimeout", "clearTimeout"], ["setInterval", "clearInterval"]]) {
            const original = window[start], clear = window[stop], running = new Set();
            window[start] = (act, ms) => {
                const id = original(() => { if (running.delete(id)) count(start, -1); act(); }, ms);
                running.add(id); count(start, 1);
                return id;
            };
            window[stop] = id => { if (running.delete(id)) count(start, -1); clear(id); };
        }
    """
    run = """async ([bundle, text]) => {
        const url = URL.createObjectURL(new Blob([bundle], { type: "text/javascript" }));
        const { default: { render } } = await import(url);
        const payload = JSON.parse(text);
        const values = { payload, step: 0, playing: false, selected: "", predict: false, depth: 3 };
        const listeners = new Map();
        const model = {
            get: name => values[name],
            set: (name, value) => { values[name] = value; for (const f of [...(listeners.get("change:" + name) ?? [])]) f(); },
            on: (event, f) => listeners.set(event, [...(listeners.get(event) ?? []), f]),
            off: (event, f) => listeners.set(event, (listeners.get(event) ?? []).filter(g => g !== f)),
            save_changes: () => {},
        };
        const before = new Map(alive);
        let most = 0;
        for (let i = 0; i < 10; i += 1) {
            const el = document.body.appendChild(document.createElement("div"));
            const stop = render({ model, el });
            model.set("playing", true);
            model.set("selected", "t0");
            model.set("predict", true);
            model.set("step", 5);
            model.set("payload", i % 2 ? payload : structuredClone(payload));
            model.set("playing", true);
            most = Math.max(most, [...alive.values()].reduce((a, b) => a + b, 0));
            stop();
            model.set("playing", false); model.set("predict", false); model.set("selected", ""); model.set("step", 0);
            el.remove();
        }
        const left = [...alive].filter(([key, number]) => number !== (before.get(key) ?? 0));
        return { most, left, model: [...listeners.values()].flat().length };
    }"""
    browser_page.set_content(f"<script>{count}</script>")
    found = browser_page.evaluate(run, [script, data])
    assert found["most"] >= 5, "what a player listens to was not counted"
    assert found["left"] == []
    assert found["model"] == 0


@pytest.mark.browser
def test_two_players_on_a_page_do_not_disturb_each_other(browser_page, open_html):
    # The same recording twice: even the ids are the same.
    script = player_script()
    data = json.dumps(payload(draw_recording(line()))).replace("<", "\\u003c")
    start = """
        const bundle = new Blob([BUNDLE], { type: "text/javascript" });
        const { default: { render } } = await import(URL.createObjectURL(bundle));
        const model = () => {
            const values = { payload: DATA, step: 0, playing: false, selected: "" };
            const listeners = {};
            return {
                get: name => values[name],
                set: (name, value) => { values[name] = value; for (const f of listeners["change:" + name] ?? []) f(); },
                on: (event, f) => (listeners[event] ??= []).push(f),
                off: (event, f) => { listeners[event] = listeners[event].filter(g => g !== f); },
                save_changes: () => { throw new Error("no kernel"); },
                listeners,
            };
        };
        window.models = [model(), model()];
        window.stop = ["one", "two"].map((id, i) => render({ model: models[i], el: document.getElementById(id) }));
        window.ready = true;
    """
    start = start.replace("BUNDLE", json.dumps(script).replace("<", "\\u003c")).replace("DATA", data)
    browser_page.set_content(f'<div id="one"></div><div id="two"></div><script type="module">{start}</script>')
    browser_page.wait_for_function("window.ready")
    one, two = browser_page.locator("#one"), browser_page.locator("#two")
    two.get_by_role("button", name="Last step").click()
    assert one.locator(".gp-place").text_content() == "forward 1 / 3"
    assert two.locator(".gp-place").text_content() == "backward 3 / 3"
    assert one.locator('.gv-card[aria-label^="w,"] [id$="_g0"]').text_content() == "·"
    assert two.locator('.gv-card[aria-label^="w,"] [id$="_g0"]').text_content() == "5"
    browser_page.evaluate("stop[1]()")
    assert two.locator("*").count() == 0
    assert browser_page.evaluate("Object.values(models[1].listeners).flat().length") == 0


def luminance(browser_page, selector, name):
    """Relative luminance of a computed colour, for telling light from dark and for contrast."""
    colour = browser_page.locator(selector).first.evaluate("(e, name) => getComputedStyle(e)[name]", name)
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_readable(browser_page, open_html, scheme):
    browser_page.emulate_media(color_scheme=scheme)
    open_html(page(line()))
    browser_page.locator(".gradviz-player").press("End")
    browser_page.wait_for_timeout(400)
    paper = luminance(browser_page, ".gradviz-player", "backgroundColor")
    assert (paper < 0.05) == (scheme == "dark")
    for selector in [".gp-sentence", ".gp-reason", ".gp-place", ".gp-result", ".gp-code", "mark"]:
        ink = luminance(browser_page, selector, "color")
        lighter, darker = max(ink, paper), min(ink, paper)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, selector


# How light a picture of an element is, on average: its pixels in grey, from 0 to 1.
LIGHTNESS = """async bytes => {
    const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), sign => sign.charCodeAt(0))]));
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, picture.width, picture.height);
    return data.filter((_, i) => i % 4 < 3).reduce((sum, channel) => sum + channel, 0) / (data.length * 0.75 * 255);
}"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_zero_is_the_colour_of_the_page_in_every_heatmap(browser_page, open_html, scheme):
    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    x, w = gv.zeros(6, 8), gv.eye(8)[:, :6].clone().requires_grad_()
    open_html(page(record_graph((x @ w).sum(), backward=True, names={"x": x, "w": w})))
    browser_page.keyboard.press("ArrowRight")
    browser_page.locator('.gv-card[aria-label^="x,"]').click()
    browser_page.get_by_role("button", name="Show colours").first.click()
    for heatmap in (".gv .gv-cells", ".gp-equation .gp-heat", ".gp-heatmap"):
        picture = base64.b64encode(browser_page.locator(heatmap).first.screenshot()).decode()
        assert (browser_page.evaluate(LIGHTNESS, picture) < 0.25) == (scheme == "dark"), heatmap


@pytest.mark.browser
def test_theme_changes_while_open(browser_page, open_html):
    open_html(page(line()))
    assert luminance(browser_page, ".gradviz-player", "backgroundColor") > 0.9
    browser_page.evaluate("document.body.setAttribute('data-jp-theme-light', 'false')")
    browser_page.wait_for_function("document.querySelector('.gradviz-player').dataset.theme === 'dark'")
    browser_page.evaluate("document.body.setAttribute('data-jp-theme-light', 'true')")
    browser_page.emulate_media(color_scheme="dark")
    browser_page.wait_for_function("document.querySelector('.gradviz-player').dataset.theme === 'light'")


@pytest.mark.browser
@pytest.mark.parametrize("make", [line, network, lambda: chain(40)], ids=["line", "network", "chain"])
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=["projector", "phone"])
def test_nothing_is_cut_off(browser_page, open_html, make, size):
    browser_page.set_viewport_size({"width": size[0], "height": size[1]})
    recording = make()
    open_html(page(recording))
    assert browser_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    figure = browser_page.locator(".gp-figure")
    # Every card can be reached by scrolling the figure.
    inside = figure.evaluate(
        """figure => {
            const view = figure.getBoundingClientRect();
            return [...figure.querySelectorAll(".gv-card, .gv-disc")].every(card => {
                const box = card.getBoundingClientRect();
                const left = box.left - view.left + figure.scrollLeft, top = box.top - view.top + figure.scrollTop;
                return left >= 0 && top >= 0
                    && left + box.width <= figure.scrollWidth && top + box.height <= figure.scrollHeight;
            });
        }"""
    )
    assert inside
    scale = figure.evaluate("f => { const m = f.querySelector('svg').getScreenCTM(); return m.a; }")
    assert scale * SMALLEST_TEXT >= 9.0  # pixels, which can be read
    assert scale <= 1.5
    panel = browser_page.locator(".gp-panel").bounding_box()
    box = figure.bounding_box()
    below = panel["y"] >= box["y"] + box["height"] - 1
    assert below == (size[0] == 390)
    bar = browser_page.locator(".gp-bar").bounding_box()
    for control in [*browser_page.locator(".gp-button").all(), browser_page.locator(".gp-track")]:
        control = control.bounding_box()
        assert bar["x"] <= control["x"]
        assert control["x"] + control["width"] <= bar["x"] + bar["width"]


CURRENT_IS_IN_VIEW = """figure => {
    const view = figure.getBoundingClientRect();
    const box = figure.querySelector(".gv-disc.gv-current").getBoundingClientRect();
    return box.left >= view.left && box.right <= view.right && box.top >= view.top && box.bottom <= view.bottom;
}"""


@pytest.mark.browser
def test_the_current_step_is_scrolled_into_view(open_html):
    browser_page = open_html(page(draw_recording(chain(60), fit=False)))
    track = browser_page.get_by_role("slider", name="Step")
    box = track.bounding_box()
    for part in [0.25, 0.48, 0.75, 0.98]:
        browser_page.mouse.click(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
        figure = browser_page.locator(".gp-figure")
        for _ in range(100):  # it scrolls smoothly, which takes its time on a busy machine
            browser_page.wait_for_timeout(100)
            if seen := figure.evaluate(CURRENT_IS_IN_VIEW):
                break
        assert seen, part
    assert browser_page.evaluate("window.scrollY") == 0


@pytest.mark.browser
def test_nothing_moves_while_one_steps(open_html):
    recording = network()
    browser_page = open_html(page(recording))
    boxes = []
    for _ in recording.frames:
        boxes.append(
            browser_page.evaluate(
                """[...document.querySelectorAll(".gradviz-player, .gp-figure, .gp-bar, .gv-card")].map(element => {
                    const { x, y, width, height } = element.getBoundingClientRect();
                    return [x, y, width, height].map(Math.round);
                })"""
            )
        )
        browser_page.locator(".gradviz-player").press("ArrowRight")
        browser_page.evaluate("document.querySelector('.gp-figure').scrollTo(0, 0)")
    assert all(box == boxes[0] for box in boxes)


@pytest.mark.browser
def test_without_javascript_the_finished_picture_is_there(chromium, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page(line()), encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False)
    quiet = context.new_page()
    quiet.goto(path.as_uri())
    picture = quiet.locator("#gradviz-picture svg")
    assert picture.bounding_box()["width"] > 100
    assert "13" in picture.locator('.gv-card[aria-label^="y,"]').text_content()
    context.close()


def test_same_recording_same_bytes():
    recording = line()
    assert page(recording) == page(recording)
    assert page(recording) == page(draw_recording(recording, step=1))


def test_title():
    recording = line()
    assert "<title>y = w·x + b</title>" in page(recording)
    assert "<title>a &lt; b</title>" in page(recording, title="a < b")


def test_payload_is_plain_json_and_starts_from_the_first_step():
    recording = network()
    data = payload(draw_recording(recording))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert len(data["steps"]) == len(recording.frames)
    assert data == payload(draw_recording(recording, step=0))


# What is typed beside the player stays there: in a field, on a link, on a button.
BESIDE = """() => document.body.insertAdjacentHTML("afterbegin", `
    <p><input id="field" value="ab"> <a id="link" href="#here">a link</a> <button id="button">a button</button></p>`)"""


@pytest.mark.browser
def test_a_page_that_has_just_been_opened_listens_to_the_keys(open_html):
    browser_page = open_html(page(line()))
    assert browser_page.evaluate("document.activeElement === document.body")
    for key, expected in [("ArrowRight", "forward 2 / 3"), ("End", "backward 3 / 3"), ("Home", "forward 1 / 3")]:
        browser_page.keyboard.press(key)
        assert place(browser_page) == expected
    browser_page.keyboard.press(" ")
    assert button(browser_page, "Pause").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("id", ["field", "link", "button"])
def test_what_has_the_focus_keeps_its_keys(open_html, id):
    browser_page = open_html(page(line()))
    browser_page.evaluate(BESIDE)
    browser_page.locator(f"#{id}").focus()
    for key in ("ArrowRight", "End", " "):
        browser_page.keyboard.press(key)
    assert place(browser_page) == "forward 1 / 3"
    assert button(browser_page, "Play").is_visible()
    browser_page.evaluate("document.activeElement.blur()")
    browser_page.keyboard.press("ArrowRight")
    assert place(browser_page) == "forward 2 / 3"


@pytest.mark.browser
def test_a_key_is_a_command_once(open_html):
    """The player hears it when it has the focus, and the page hears it too."""
    browser_page = open_html(page(line()))
    browser_page.locator(".gradviz-player").focus()
    browser_page.keyboard.press("ArrowRight")
    assert place(browser_page) == "forward 2 / 3"


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=["wide", "narrow"])
def test_no_equation_is_cut_off(browser_page, open_html, size):
    browser_page.set_viewport_size({"width": size[0], "height": size[1]})
    x = gv.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first = gv.tensor(2.0, requires_grad=True)
    z = (x**3 + 7 * x**2 + gv.relu(first * 3.5 + 0.25) * x).mean()
    recording = record_graph(z, backward=True, names={"x": x, "first": first, "z": z})
    browser_page = open_html(page(recording))
    button(browser_page, "Large type, for a projector").click()
    browser_page.keyboard.press("End")
    equation = browser_page.locator(".gp-equation").first
    everything = " ".join(line.text for frame in recording.frames for line in frame.equation)
    assert "∂z/∂x = [[5.3125, 8.8125], [12.3125, 15.8125]] + " in everything
    assert "(1 if 3.5·first + 0.25 > 0, else 0)" in everything
    while button(browser_page, "Previous step").is_enabled():
        box = equation.evaluate("box => [box.scrollWidth, box.clientWidth]")
        assert box[0] <= box[1], equation.text_content()
        browser_page.keyboard.press("ArrowLeft")


def test_the_numbers_of_an_equation_stand_in_the_order_of_its_names():
    x, w = gv.tensor(3.0, requires_grad=True), gv.tensor(1.0, requires_grad=True)
    for made, expected in [
        (x * 2, "a = 2·x = 2 · 3 = 6"),
        (2 * x, "a = 2·x = 2 · 3 = 6"),
        (w * x, "a = w·x = 1 · 3 = 3"),
        (x - w, "a = x − w = 3 − 1 = 2"),
        (x / w, "a = x/w = 3/1 = 3"),
        (x + 2 * w, "a = x + 2·w = 3 + 2 = 5"),
    ]:
        frames = record_graph(made, backward=True, names={"x": x, "w": w, "a": made}).frames
        assert [frame.equation[0].text for frame in frames if frame.phase == "forward" and frame.equation][
            -1
        ] == expected


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_line_has_the_colour_of_what_came_along_it(browser_page, open_html, scheme):
    """The picture in the page is that of the last step; at the first no gradient has come along any line."""
    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    browser_page = open_html(page(line()))
    read = "edges => edges.map(edge => getComputedStyle(edge.querySelector('.gv-line')).stroke)"
    edges = browser_page.locator(".gradviz-player .gv-edge")
    colours = []
    for key in ("Home", "End", "Home"):
        browser_page.keyboard.press(key)
        colours.append(set(edges.evaluate_all(read)))
    assert len(colours[0]) == 1
    assert len(colours[1]) == 1
    assert colours[0] != colours[1]
    assert colours[2] == colours[0]


@pytest.mark.browser
def test_a_fraction_stands_without_brackets_where_a_line_of_text_needs_them(open_html):
    x, w = gv.ones(2, 3), gv.ones(3, 2, requires_grad=True)
    loss = gv.sigmoid(x @ w).sum()
    recording = record_graph(loss, backward=True, names={"x": x, "w": w, "loss": loss})
    written = "xᵀ · ∂loss/∂(x @ w)"
    assert any(written in line.text for frame in recording.frames for line in frame.equation)
    browser_page = open_html(page(recording))
    browser_page.keyboard.press("End")
    formulas = browser_page.locator(".gp-equation").first.locator("math")
    assert [formula.get_attribute("alttext") for formula in formulas.all()][1:3] == ["= xᵀ ·", "∂loss/∂(x @ w)"]
    signs = formulas.nth(2).locator("mo").all_text_contents()
    assert signs == ["∂", "∂", "(", "@", ")"]  # the brackets below the line, and none around it
