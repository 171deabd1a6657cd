"""Whole programs walked in a real browser, from the first step to the last: what is said and shown at each, beside PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_player_page import button

import gradviz as gv
from gradviz import examples
from gradviz.drawing.cells import all_grids
from gradviz.player import page
from gradviz.player.payload import at_step, payload
from gradviz.recording import record_graph


def mlp(torch, x, w1, b1, w2, b2, y):
    h = torch.tanh(x @ w1 + b1)
    scores = h @ w2 + b2
    loss = torch.nn.functional.cross_entropy(scores, y)
    return loss


def rnn(torch, x, h0, wx, wh, b, target):
    h = h0
    for t in range(4):
        h = torch.tanh(x[t] @ wx + h @ wh + b)
    loss = ((h - target) ** 2).sum()
    return loss


def attention(torch, x, wq, wk, wv):
    q, k, v = x @ wq, x @ wk, x @ wv
    p = torch.softmax(q @ k.transpose(-2, -1) / 2**0.5, -1)
    out = p @ v
    loss = (out * out).mean()
    return loss


def convolution(torch, image, kernel, bias):
    out = torch.nn.functional.conv2d(image, kernel, bias)
    loss = (torch.relu(out) ** 2).sum()
    return loss


def numbers(*shape):
    """Numbers of at most two digits, none of them twice."""
    count = math.prod(shape)
    return [] if not count else np.round(np.sin(np.arange(1, count + 1) * 2.4) * 2, 2).reshape(shape).tolist()


# Of each program what is given: what is learned, and the data.
OWN = {
    "mlp": (
        mlp,
        {"w1": numbers(2, 3), "b1": [0.5, -0.5, 0.1], "w2": numbers(3, 3), "b2": [0.1, 0.2, -0.3]},
        {"x": [[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0], [-1.0, -0.75]], "y": [0, 2, 1, 0]},
    ),
    "rnn": (
        rnn,
        {"wx": [[0.5, -0.25], [0.75, 1.0]], "wh": [[0.2, 0.6], [-0.4, 0.3]], "b": [0.1, -0.1]},
        {"x": numbers(4, 1, 2), "h0": [[0.0, 0.0]], "target": [[0.5, -0.5]]},
    ),
    "attention": (
        attention,
        {"wq": numbers(4, 2), "wk": numbers(4, 2), "wv": (np.array(numbers(4, 2)) / 2).tolist()},
        {"x": [[1.0, 0.0, 0.5, -1.0], [0.0, 2.0, -0.5, 1.0], [-1.0, 1.0, 0.25, 0.5]]},
    ),
    "convolution": (
        convolution,
        {"kernel": [[[[0.5, -1.0], [2.0, 0.25]]]], "bias": [0.1]},
        {"image": numbers(1, 1, 4, 4)},
    ),
}

# The tutorial's seven, of their leaves; in a program that runs once more they are written as they are.
TUTORIAL = {
    "example_1": lambda torch, x: x**2 + 3,
    "example_2": lambda torch, x: (x**3 + 7 * x**2 + 5 * x + 10).sum(),
    "example_3": lambda torch, w, x, b: w * x + b,
    "example_4": lambda torch, x, w1, b1, w2, b2: torch.relu(x @ w1 + b1) @ w2 + b2,
    "example_5": lambda torch, x, w, b, y: torch.nn.functional.binary_cross_entropy_with_logits(x @ w + b, y[None]),
    "example_6": lambda torch, x, weight, bias, y: torch.nn.functional.mse_loss(x @ weight.T + bias, y),
    "example_7": lambda torch, x, weight, bias, y: torch.nn.functional.mse_loss(x @ weight.T + bias, y),
}


def recorded(name):
    if name in TUTORIAL:
        return examples.run(next(example for example in examples.EXAMPLES if example.name == name)).recording
    program, learned, data = OWN[name]
    given = {key: gv.tensor(value, requires_grad=key in learned) for key, value in {**learned, **data}.items()}
    return record_graph(program(gv, **given), backward=True, names=given, title=name)


class Beside:
    """The same program in PyTorch, in double precision, from the numbers that the recording began with."""

    def __init__(self, torch, name, recording):
        self.torch = torch
        first = {id: value for frame in recording.frames for id, value in frame.values}
        leaves = [one for one in recording.graph.tensors if one.producer is None and one.role != "constant"]
        self.learned = {one.id: one.name.split(".")[-1] for one in leaves if one.requires_grad}
        if name in OWN:
            self.program, learned, data = OWN[name]
            self.given = {key: torch.tensor(value) for key, value in {**learned, **data}.items()}
        else:
            self.program = TUTORIAL[name]
            key = {one.id: one.name.removesuffix(" as a row").split(".")[-1] for one in leaves}
            self.given = {key[one.id]: torch.tensor(first[one.id].data).reshape(one.shape) for one in leaves}
        for key, tensor in self.given.items():
            if tensor.is_floating_point():
                self.given[key] = tensor.double().requires_grad_(key in self.learned.values())
        self.output = self.program(torch, **self.given).sum()
        self.output.backward()

    def gradient(self, id):
        return self.given[self.learned[id]].grad.numpy().ravel()

    def change(self, id, index, by):
        """The output's, if an entry of a leaf rises."""
        with self.torch.no_grad():
            moved = self.given[self.learned[id]].clone()
            moved.view(-1)[index] += by
            changed = self.program(self.torch, **{**self.given, self.learned[id]: moved}).sum()
            return float(changed - self.output)


# --- what the page shows -------------------------------------------------------------------------------------------------

READ = """() => {
    const lines = [...document.querySelectorAll(".gp-equation .gp-formula")];
    return {
        place: document.querySelector(".gp-place").textContent,
        title: document.querySelector(".gp-reading h3 strong")?.textContent,
        sentence: document.querySelector(".gp-sentence").textContent,
        lines: lines.map(line => line.getAttribute("aria-label") ?? line.textContent),
        maths: lines.map(line => line.querySelectorAll("math").length),
        cells: [...document.querySelectorAll(".gp-equation [data-entry]")].map(cell => [cell.dataset.entry, cell.textContent]),
    };
}"""

# The entries of an equation, picked one after the other: of each what the working says that it comes to.
PICK = """places => places.map(place => {
    const cell = document.querySelectorAll(".gp-equation [data-entry]")[place];
    cell.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    const [working, ringed] = [document.querySelector(".gp-working"), cell.classList.contains("gp-picked")];
    return [(working.querySelector(".gp-formula:last-of-type .gp-sum") ?? [...working.querySelectorAll("mn[data-entry]")].at(-1))?.textContent, ringed];
})"""

TOTAL = """() => {
    const working = document.querySelector(".gp-working");
    return ([...working.querySelectorAll(".gp-sum")].at(-1) ?? [...working.querySelectorAll("mn[data-entry]")].at(-1))?.textContent;
}"""

# Where a place of the picture is on the screen, after it has been scrolled to.
POINT = """([x, y]) => {
    const figure = document.querySelector(".gp-figure");
    const at = () => new DOMPoint(x, y).matrixTransform(document.querySelector(".gv-lit").getScreenCTM());
    const view = figure.getBoundingClientRect();
    figure.scrollBy({ left: at().x - view.left - view.width / 2, top: at().y - view.top - view.height / 2, behavior: "instant" });
    return [at().x, at().y];
}"""


def number(text):
    return float(text.replace("−", "-").replace("∞", "inf").removeprefix("≈ "))


def as_printed(text, wanted):
    """Whether a text is a number, as far as its digits go."""
    return number(text) == pytest.approx(wanted, rel=6e-4, abs=1e-7)


def spread(count, most):
    return sorted({round(k * (count - 1) / max(most - 1, 1)) for k in range(min(count, most))}) if count else []


def numbers_at(moment):
    """Every number of a moment, by how an entry is written on an element."""
    return {
        **{f"{id}:v": value.data for id, value in moment.values.items()},
        **{f"{id}:g": gradient.value.data for id, gradient in moment.gradients.items()},
        **{f"{id}:c": given.value.data for id, given in moment.contributions.items()},
    }


def on_the_way(frame, held, edges):
    """What a gradient has been while the contributions of a step were added up: an equation shows that, too."""
    found = {}
    for given in frame.contributions:
        id = edges[given.argument]
        before = found.get(id, [np.array(held[id]) if id in held else np.zeros(len(given.value.data))])
        found[id] = [*before, before[-1] + np.array(given.value.data)]
    return found


class Walk:
    """A page of a program, and what it is to show."""

    def __init__(self, browser_page, open_html, name):
        self.name, self.recording = name, recorded(name)
        self.drawing = at_step(self.recording, -1)  # as a page draws it
        self.grids = all_grids(self.drawing.view, self.drawing.layout)
        browser_page.emulate_media(reduced_motion="reduce")  # nothing is on its way when it is looked at
        self.page = open_html(page(self.recording))
        self.page.locator(".gradviz-player").focus()

    def point_at(self, tensor, part, index):
        """Move the pointer to an entry on its card."""
        grid = self.grids[f"{tensor}_{part}"].encoded()
        layer, rest = divmod(index, grid["rows"] * grid["columns"])
        row, column = divmod(rest, grid["columns"])
        x = layer % grid["across"] * (grid["columns"] * grid["wide"] + grid["gap"]) + (column + 0.5) * grid["wide"]
        y = layer // grid["across"] * (grid["rows"] * grid["high"] + grid["gap"]) + (row + 0.5) * grid["high"]
        self.page.mouse.move(*self.page.evaluate(POINT, [grid["x"] + x, grid["y"] + y]))


@pytest.fixture
def walk(browser_page, open_html):
    return lambda name: Walk(browser_page, open_html, name)


@pytest.mark.browser
@pytest.mark.sample(3)
@pytest.mark.parametrize("name", [*TUTORIAL, *OWN])
def test_a_program_from_its_first_step_to_its_last(walk, torch, name):
    """At each step equations, entries and cards; at the end paths and nudges, beside PyTorch."""
    walked = walk(name)
    shown = walked.page
    edges = {one.id: one.tensor for _, one in walked.drawing.shown.graph.arguments()}
    checked, held = 0, {}
    for k, moment in enumerate(walked.drawing.shown.moments()):
        if k:
            shown.keyboard.press("ArrowRight")
        seen, given = shown.evaluate(READ), numbers_at(moment)
        at = f"{name}, step {k}"
        assert seen["place"].startswith(moment.frame.phase), at
        assert seen["sentence"], at
        assert seen["lines"] == [equation.text for equation in moment.frame.equation], at
        assert all(seen["maths"]) or not moment.frame.equation[0].sides, at
        # Of the equation: each number is that of the recording, and so is what its working comes to.
        so_far = on_the_way(moment.frame, held, edges)
        for key, text in seen["cells"]:
            whose, _, index = key.rpartition(":")
            known = [given[whose], *so_far.get(whose.split(":")[0], [])] if whose.endswith(":g") else [given[whose]]
            if text:  # and no cell of a heatmap
                assert any(as_printed(text, float(one[int(index)])) for one in known), (at, key, text)
        held = {id: gradient.value.data for id, gradient in moment.gradients.items()}
        chosen = spread(len(seen["cells"]), 4)
        for which, (total, ringed) in zip(chosen, shown.evaluate(PICK, chosen), strict=True):
            whose, _, index = seen["cells"][which][0].rpartition(":")
            assert ringed, at
            assert as_printed(total, float(given[whose][int(index)])), (at, seen["cells"][which], total)
            checked += 1
        # Of a card that has just got its numbers: the last of them.
        new = [(id, "v") for id, _ in moment.frame.values] + [(one.tensor, "g") for one in moment.frame.gradients]
        for id, part in [one for one in new if "_".join(one) in walked.grids][-1:]:
            grid = walked.grids[f"{id}_{part}"]
            index = len(given[f"{id}:{part}"]) - 1
            if grid.body.kind in ("numbers", "heatmap"):
                walked.point_at(id, part, index)
                total = shown.evaluate(TOTAL)
                assert as_printed(total, float(given[f"{id}:{part}"][index])), (at, id, part, total)
                checked += 1
                shown.mouse.move(0, 0)
    assert checked > k
    assert button(shown, "Next step").is_disabled()

    theirs = Beside(torch, name, walked.recording)
    final, data = walked.drawing.shown.at(), payload(walked.drawing)
    output = shown.locator(".gp-nudge .gp-outcome")
    for id, leaf in theirs.learned.items():
        gradient = theirs.gradient(id)
        np.testing.assert_allclose(np.array(final.gradients[id].value.data), gradient, rtol=1e-5, atol=1e-6)
        chain = data["paths"][id]
        if len(chain["paths"]) > 1:
            total = np.sum([path["value"]["data"] for path in chain["paths"]], 0)
            np.testing.assert_allclose(total, gradient, rtol=1e-5, atol=1e-6)
        if walked.grids[f"{id}_g"].body.kind == "preview":
            continue
        for index in spread(len(gradient), 2):
            walked.point_at(id, "g", index)
            paths = shown.locator(".gp-paths")
            assert as_printed(paths.locator(".gp-route-sum b").inner_text(), gradient[index]), (leaf, index)
            routes = [number(text) for text in paths.locator(".gp-route b").all_inner_texts()]
            assert sum(routes) == pytest.approx(gradient[index], rel=1e-3, abs=1e-3 * max(map(abs, routes)))
            said, true = shown.locator(".gp-nudged > :last-child").all_inner_texts()
            assert as_printed(said.split("= ")[-1].removeprefix("+"), gradient[index] * 0.1), (leaf, index, said)
            assert as_printed(true.removeprefix("+"), theirs.change(id, index, 0.1)), (leaf, index, true)
            before, after = (number(text) for text in output.inner_text().split(": ")[1].split(" → "))
            assert before == pytest.approx(float(theirs.output.detach()), rel=1e-6)
            assert after - before == pytest.approx(
                theirs.change(id, index, 0.1), abs=2e-6 * max(abs(before), abs(after))
            )


def focused(shown):
    return shown.evaluate(
        "[document.activeElement.className.baseVal ?? document.activeElement.className, document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent]"
    )


def tab_to(shown, kind, label="", key="Tab"):
    """Press Tab until something of this class and name has the focus."""
    for _ in range(90):
        shown.keyboard.press(key)
        found, name = focused(shown)
        if kind in found.split() and label in name:
            return name
    raise AssertionError(f"no way by {key} to {kind} {label}")


@pytest.mark.browser
def test_a_program_by_keyboard_alone(walk):
    """To the end, to a card, to one of its entries, a path, the nudge, and back."""
    walked = walk("attention")
    shown, status = walked.page, walked.page.get_by_role("status")
    final = walked.drawing.shown.at()
    ids = {one.name: one.id for one in walked.drawing.shown.graph.tensors}
    gradient = final.gradients[ids["wk"]].value.data
    for k, frame in enumerate(walked.drawing.shown.frames):
        if k:
            shown.keyboard.press("ArrowRight")
        assert frame.sentence in status.text_content()
    # A card; Enter selects it, and its entries are below it.
    tab_to(shown, "gv-card", "wk,")
    shown.keyboard.press("Enter")
    assert "wk" in shown.locator(".gp-inspect").inner_text()
    for key in ("ArrowDown", *["ArrowDown"] * 4, "ArrowRight"):  # over the value's four rows to the gradient
        shown.keyboard.press(key)
    assert focused(shown) == ["gp-entries", "Entries of wk, its gradient"]
    assert as_printed(shown.evaluate(TOTAL), gradient[1])
    shown.keyboard.press("Enter")
    # Numbers of the working: each arrow goes to another, and says it.
    tab_to(shown, "gp-working")
    told = status.text_content()
    shown.keyboard.press("ArrowRight")
    assert status.text_content() != told
    # The paths of the entry that was picked; each lights while it has the focus, and stays when it is chosen.
    tab_to(shown, "gp-route")
    assert shown.locator(".gv-edge.gv-path").count() > 3
    shown.keyboard.press("Enter")
    assert as_printed(shown.locator(".gp-route-sum b").inner_text(), gradient[1])
    tab_to(shown, "gp-small", "Nudge it less", key="Shift+Tab")
    assert shown.locator(".gp-route[aria-pressed=true]").count() == 1
    assert shown.locator(".gp-nudge-head b").inner_text() == "0.1"
    shown.keyboard.press("Enter")
    assert shown.locator(".gp-nudge-head b").inner_text() == "0.01"
    assert "gradient says" in status.text_content()
    # Back: to the card, out of its details, and to the first step.
    tab_to(shown, "gp-entries", key="Shift+Tab")
    shown.keyboard.press("Escape")
    assert "wk," in focused(shown)[1]
    shown.keyboard.press("Escape")
    assert shown.locator(".gp-inspect").is_hidden()
    shown.keyboard.press("Home")
    assert shown.locator(".gp-place").inner_text().startswith("forward 1")
