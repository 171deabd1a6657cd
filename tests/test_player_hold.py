"""Taking hold of a number in a saved page: what follows is what Python would have recorded, at every step."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gradviz as gv
import gradviz.nn.functional as F
from gradviz.player import page
from gradviz.player.laboratory import program_data, shown_data
from gradviz.recording import record_graph
from gradviz.recording.names import variables_of

TEXTS = """() => {
  const picture = document.querySelector(".gp-figure svg");
  const strip = (id) => id.replace(/^[^_]*_/, "");
  const shown = {};
  for (const element of picture.querySelectorAll("text[id]")) shown[strip(element.id)] = element.textContent;
  for (const element of picture.querySelectorAll("g[aria-label]")) shown[`label ${strip(element.id)}`] = element.getAttribute("aria-label");
  const fills = [...picture.querySelectorAll("g.gv-heat, g[id$=_v] path, g[id$=_g] path")].map((path) => path.getAttribute("d"));
  return { shown, fills, title: document.querySelector(".gp-panel h3").textContent };
}"""


def recorded(computation, **given):
    """Record a computation of leaves, each of which has its name."""
    leaves = {name: gv.tensor(value, requires_grad=name[0] != "x") for name, value in given.items()}
    return record_graph(computation(**leaves), backward=True, names=leaves)


def matrix(xX, W, c):
    h = xX @ W + c
    return h.pow(2).sum() + W.pow(2).sum()


def neuron(w, xin, b):
    return gv.tanh(w * xin + b) * w


def mean_of_relus(xX, W, c):
    return F.relu(xX @ W + c).mean() - gv.sigmoid(W).sum()


def classes(logits):
    return F.cross_entropy(logits, gv.tensor([2, 0]))


def squares(W, xt):
    return F.mse_loss(gv.exp(W) * 0.5, xt)


def heat(W):
    return (W.tanh() * W).mean(1).sum()


TWO = [[0.5, -1.0], [2.0, 0.25]]
COMPUTATIONS = {
    "matrix": (matrix, {"xX": [[1.0, 2.0], [3.0, 4.0]], "W": TWO, "c": [1.0, -2.0]}, "W", 2, 3.5),
    "neuron": (neuron, {"w": 0.5, "xin": 2.0, "b": -0.25}, "w", 0, -1.5),
    "relus": (mean_of_relus, {"xX": [[1.0, 2.0], [3.0, 4.0]], "W": TWO, "c": [1.0, -2.0]}, "c", 1, -9.0),
    "classes": (classes, {"logits": [[1.0, -0.5, 0.25], [0.75, 2.0, -1.0]]}, "logits", 0, 3.25),
    "squares": (squares, {"W": TWO, "xt": [[1.0, 1.0], [0.0, 2.0]]}, "xt", 3, -4.0),
    "heat": (heat, {"W": (np.arange(48).reshape(6, 8) / 16 - 1).tolist()}, "W", 9, 0.625),
}


def changed(value, index, number):
    array = np.array(value, np.float32)
    array.reshape(-1)[index] = number
    return array.tolist()


def near(opened, tensor, recording, index=0):
    """Come near, and return where an entry of a tensor's value stands."""
    opened.locator(".gp-figure").hover()
    opened.locator(".gp-grip").wait_for(state="visible")
    ids = {one.name: one.id for one in recording.graph.tensors}
    return opened.locator(f'.gp-figure text[id$="_{ids[tensor]}_v{index}"]')


def pick(opened, tensor, recording, index):
    """Pick an entry by where it stands in the picture."""
    ids = {one.name: one.id for one in recording.graph.tensors}
    opened.locator(".gp-figure").hover()
    opened.locator(".gp-grip").wait_for(state="visible")
    cell = opened.locator(f'.gp-figure text[id$="_{ids[tensor]}_v{index}"]')
    if cell.count():
        cell.click()
    else:  # a heatmap: by the keys
        opened.locator(f'.gp-figure g[id$="_{ids[tensor]}"]').first.focus()
        opened.keyboard.press("ArrowDown")
        shape = recording.graph.tensor(ids[tensor]).shape
        for _ in range(index // shape[-1]):
            opened.keyboard.press("ArrowDown")
        for _ in range(index % shape[-1]):
            opened.keyboard.press("ArrowRight")
        opened.keyboard.press("Enter")


def set_to(opened, number):
    field = opened.locator(".gp-set-to")
    field.fill(str(number))
    field.press("Enter")


def at_each_step(opened):
    """What the picture shows at each step, from the first on."""
    opened.locator(".gradviz-player").focus()
    opened.keyboard.press("Home")
    count = opened.locator(".gp-segment").count()
    found = []
    for _ in range(count):
        found.append(opened.evaluate(TEXTS))
        opened.keyboard.press("ArrowRight")
    return found


@pytest.mark.browser
@pytest.mark.sample(3)
@pytest.mark.parametrize("name", COMPUTATIONS)
def test_a_changed_page_shows_what_python_records_of_the_changed_computation(open_html, name):
    computation, given, tensor, index, number = COMPUTATIONS[name]
    recording = recorded(computation, **given)
    opened = open_html(page(recording))
    before = at_each_step(opened)
    opened.keyboard.press("End")
    pick(opened, tensor, recording, index)
    set_to(opened, number)
    mine = at_each_step(opened)
    assert mine != before
    opened.keyboard.press("u")
    assert at_each_step(opened) == before
    other = recorded(computation, **given | {tensor: changed(given[tensor], index, number)})
    theirs = at_each_step(open_html(page(other)))
    # A scale of colours is that of the numbers that were recorded; and how many digits an exact number gets, what it is made of says.
    for step, (one, two) in enumerate(zip(mine, theirs, strict=True)):
        assert one["title"] == two["title"]
        assert one["shown"].keys() == two["shown"].keys()
        for key, text in two["shown"].items():
            assert same(one["shown"][key], text), f"step {step}, {key}"


def same(mine, theirs):
    """Whether two texts say the same: numbers may have another number of digits."""
    number = re.compile(r"−?\d+(?:\.\d+)?(?:e−?\d+)?")
    if number.sub("#", mine.replace("≈", "=")) != number.sub("#", theirs.replace("≈", "=")):
        return False
    read = [[float(one.replace("−", "-")) for one in number.findall(text)] for text in (mine, theirs)]
    return all(abs(a - b) <= 6e-4 * max(abs(a), abs(b)) + 1e-6 for a, b in zip(*read, strict=True))


@pytest.mark.browser
def test_a_number_is_dragged_and_taken_back_with_one_key(open_html):
    computation, given, *_ = COMPUTATIONS["matrix"]
    recording = recorded(computation, **given)
    opened = open_html(page(recording))
    opened.keyboard.press("End")
    cell = near(opened, "W", recording, 0)
    box = cell.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opened.mouse.move(x, y)
    opened.mouse.down()
    for moved in range(1, 26):
        opened.mouse.move(x + 2 * moved, y)
    opened.wait_for_function("document.querySelector('.gp-set-to').value === '1'")
    opened.mouse.up()
    assert cell.text_content() == "1"
    assert opened.locator(".gp-grip").inner_text().count("was 0.5") == 1
    assert opened.locator(".gradviz-player").get_attribute("data-changed") == ""
    # h00 = 1·1 + 2·2 + 1 = 6, h10 = 3·1 + 4·2 + 1 = 12: W00 gets 2·(6 + 3·12) + 2·1.
    ids = {one.name: one.id for one in recording.graph.tensors}
    assert opened.locator(f'.gp-figure text[id$="_{ids["W"]}_g0"]').text_content() == "86"
    equation = opened.locator(".gp-equation").inner_text().replace("\n", "")
    assert "86" in equation
    assert "75" not in equation
    opened.keyboard.press("u")
    assert cell.text_content() == "0.5"
    assert opened.locator(".gradviz-player").get_attribute("data-changed") is None


@pytest.mark.browser
def test_steps_events_prediction_and_entries_go_on_with_the_changed_numbers(open_html):
    computation, given, *_ = COMPUTATIONS["neuron"]
    recording = recorded(computation, **given)
    opened = open_html(page(recording))
    pick(opened, "w", recording, 0)
    set_to(opened, 2)
    opened.locator(".gradviz-player").focus()
    opened.keyboard.press("End")
    opened.keyboard.press("e")  # taken apart
    product = float(np.tanh(np.float32(3.75)))
    events = []
    for _ in range(30):
        events.append(opened.locator(".gp-panel").inner_text().replace("\n", ""))
        opened.keyboard.press("ArrowLeft")
    assert any(f"{product:.4f}" in text for text in events)
    assert not any("0.6351" in text for text in events)  # tanh(0.75), as it was
    opened.keyboard.press("e")
    opened.get_by_role("button", name="Predict").click()
    opened.locator(".gradviz-player[data-predicting]").wait_for()
    assert opened.locator(".gp-grip").is_hidden()  # who predicts changes nothing


@pytest.mark.browser
def test_whatever_is_typed_is_answered_and_nothing_breaks(open_html):
    computation, given, *_ = COMPUTATIONS["classes"]
    recording = recorded(computation, **given)
    opened = open_html(page(recording))
    opened.keyboard.press("End")
    pick(opened, "logits", recording, 1)
    before = opened.evaluate(TEXTS)
    said = opened.locator(".gp-grip p")
    for text, answer in {
        "nan": "not a number",
        "1e400": "larger than a float32",
        "": "Nothing stands here",
        "<img src=x onerror=alert(1)>": "not a number",
        "0.5; alert(1)": "not a number",
        "∞": "not a number",
    }.items():
        set_to(opened, text)
        assert answer in said.inner_text()
        assert opened.evaluate(TEXTS) == before
    opened.keyboard.press("Escape")
    # The largest numbers there are make inf and nan, which are shown as such.
    set_to(opened, "3e38")
    assert "nan" not in opened.locator(".gp-set-to").input_value()
    set_to(opened, "-1e30")
    opened.locator(".gradviz-player").focus()
    opened.keyboard.press("u")
    opened.keyboard.press("u")
    assert opened.evaluate(TEXTS) == before


@pytest.mark.browser
def test_a_nudge_is_worked_out_from_the_numbers_there_are(open_html):
    computation, given, *_ = COMPUTATIONS["neuron"]
    opened = open_html(page(recorded(computation, **given)))
    opened.keyboard.press("End")
    pick(opened, "w", recorded(computation, **given), 0)
    set_to(opened, 1)
    w = np.float64(1.0)
    of = lambda w: np.tanh(2 * w - 0.25) * w
    slope = (of(w + 1e-6) - of(w - 1e-6)) / 2e-6
    text = opened.locator(".gp-nudge").inner_text().replace("−", "-")
    assert f"+{of(1.1) - of(1.0):.4g}" in text
    assert f"{slope * 0.1:.4g}"[:5] in text
    assert f"has the slope {slope:.5g}"[:-1] in text


# --- what a page carries -----------------------------------------------------------------------------------------------


def test_a_page_that_cannot_run_its_computation_says_what_is_missing():
    x = gv.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    recording = record_graph(gv.linalg.inv(x).sum(), backward=True, names={"x": x})
    assert program_data(recording) == {
        "missing": "These numbers stay as they were recorded: a page cannot run linalg_inv_ex."
    }
    drawing = gv.draw(gv.linalg.inv(x).sum())
    assert shown_data(drawing.recording, drawing) is None
    assert 'data-gradviz-engine=""' not in page(recording)


def test_the_numbers_of_folded_pictures_are_found_in_the_program():
    model = gv.nn.Sequential(gv.nn.Linear(2, 3), gv.nn.Tanh(), gv.nn.Linear(3, 1))
    loss = F.mse_loss(model(gv.randn(4, 2)), gv.randn(4, 1))
    recording = record_graph(loss, backward=True, variables=variables_of(__import__("sys")._getframe(0)))
    drawing = gv.draw(recording)
    shown = shown_data(recording, drawing)
    assert shown is not None
    assert len(shown["places"]) == len(drawing.shown.frames)
    for places, frame in zip(shown["places"], drawing.shown.frames, strict=True):
        assert len(places["values"]) == len(frame.values)
        assert None not in places["values"] + places["gradients"] + places["contributions"]
