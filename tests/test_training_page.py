"""The saved page of a run, opened from the disk in a real browser."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
from browser import with_a_clock_of_its_own, with_payload
from conftest import missing

import gradviz as gv
from gradviz.engine.numerals import number
from gradviz.player.training import training_page
from gradviz.player.training.carried import graphs
from gradviz.player.training.graphs import SAMPLES, GraphPicture, evenly
from gradviz.player.training.payload import chosen_entries
from gradviz.training.analysis.fit import fit_of
from gradviz.training.run.recordings import Recordings

pytestmark = pytest.mark.browser


def seed(epochs=10, **settings):
    """The seed's second training example."""
    gv.manual_seed(0)
    x, y = gv.randn(10, 3), gv.randn(10, 2)
    linear, criterion = gv.nn.Linear(3, 2), gv.nn.MSELoss()
    optimizer = gv.optim.SGD(linear.parameters(), **{"lr": 0.01, **settings})
    with gv.record() as run:
        for epoch in range(epochs):  # noqa: B007
            pred = linear(x)
            loss = criterion(pred, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return run


def scalar(rate=0.01, epochs=5, forget=False):
    """One number, moved by hand."""
    w = gv.tensor(2.0, requires_grad=True)
    with gv.record() as run:
        for epoch in range(epochs):  # noqa: B007
            loss = 1.25 * w**2
            loss.backward()
            w.data -= rate * w.grad
            if not forget:
                w.grad = None
    return run


def classes():
    gv.manual_seed(0)
    x = gv.randn(40, 2)
    y = (x[:, 0] > 0).long()
    net = gv.nn.Sequential(gv.nn.Linear(2, 4), gv.nn.Tanh(), gv.nn.Linear(4, 2))
    optimizer = gv.optim.Adam(net.parameters(), lr=0.1)
    with gv.record() as run:
        for epoch in range(12):  # noqa: B007
            loss = gv.nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return run


def place(page):
    return page.locator(".gt-place b").text_content()


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def numbers_on(page, name, row):
    cells = page.locator(f'.gt-graph .gv-card[aria-label^="{name},"] text[id*="_{row}"]')
    return cells.all_text_contents()


def rule(page):
    """The rule as it is read: what each formula says, line by line."""
    return [
        " ".join(formula.get_attribute("alttext") for formula in line.locator("math").all())
        for line in page.locator(".gt-rule .gp-formula").all()
    ]


def test_every_epoch_shows_the_runs_numbers(open_html):
    run = seed(momentum=0.9)
    page = open_html(training_page(run))
    weight = run.parameter("linear.weight")
    for epoch in range(10):
        assert place(page) == f"epoch {epoch} / 9"
        assert page.locator(".gt-place").text_content().endswith(f"loss {number(run.losses[epoch])}")
        # The graph is the one that Python draws of that epoch.
        assert numbers_on(page, "linear.weight", "v") == [number(n) for n in weight.values[epoch].ravel()]
        assert numbers_on(page, "linear.weight", "g") == [number(n) for n in weight.gradients[epoch].ravel()]
        # So are the card and the rule.
        card = page.locator(".gt-card").first
        value, after = (float(weight.values[k, 0, 0]) for k in (epoch, epoch + 1))
        gradient = float(weight.gradients[epoch, 0, 0])
        assert card.locator("b").all_text_contents() == [number(n) for n in (value, gradient, after - value)]
        assert rule(page)[-1].endswith(f"= {number(after)}")
        if epoch < 9:
            button(page, "Next epoch").click()
    assert button(page, "Next epoch").is_disabled()


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "folded"])
def test_the_graph_of_any_epoch_is_computed_in_the_page(open_html, monkeypatch, whole):
    if not whole:
        monkeypatch.setattr("gradviz.player.training.graphs.WHOLE_UP_TO", 0)
    run = classes()
    page = open_html(training_page(run, panels=["graph", "loss"]))
    button = page.get_by_role("button", name=re.compile("Step through the backpropagation of epoch"))
    picture = GraphPicture([run.recording_of(entry) for entry in run.log.entries[::4]])
    for epoch in (0, 5, 11):
        page.get_by_role("slider", name="Epoch").fill(str(epoch))
        assert button.text_content().endswith(f"epoch {epoch}")
        wanted = picture.face(run.recording_of(run.log.entries[epoch]))
        shown = page.evaluate(SHOWN, list(wanted["text"]))
        assert shown == wanted["text"]
        # The cards of layers, too: how their activations are spread, and how far each was moved.
        assert any(key.endswith("_n") for key in shown) is not whole
        drawn = page.evaluate(DRAWN, [key for key in wanted["path"] if key.endswith("_ha")])
        for key, path in drawn.items():
            assert numbers_in(path) == pytest.approx(numbers_in(wanted["path"][key]), abs=0.11)
    button.click()
    assert "Backpropagation, epoch 11: loss" in page.locator(".gt-back").text_content()
    page.locator(".gt-inside .gradviz-player").press("End")
    loss = page.locator('.gt-inside .gv-card[aria-label^="loss,"] text[id$="_v0"]')
    assert loss.text_content() == number(run.losses[11])


def scalars():
    """A network of 41 numbers, each a tensor of its own; most of its graph is folded away."""
    random = np.random.default_rng(0)
    parameters = [gv.tensor(float(number), requires_grad=True) for number in random.uniform(-1, 1, 41)]
    points = [(random.uniform(-1, 1, 3).tolist(), target) for target in (1.0, -1.0)]

    def net(values):
        left = iter(parameters)
        for count in (4, 4, 1):
            made = []
            for _ in range(count):
                total = next(left)
                for value in values:
                    total = total + next(left) * value
                made.append(total.tanh())
            values = made
        return values[0]

    with gv.record(progress=False) as run:
        for _ in range(6):
            loss = 0
            for x, target in points:
                loss = loss + (net(x) - target) ** 2
            for parameter in parameters:
                parameter.grad = None
            loss.backward()
            for parameter in parameters:
                parameter.data -= 0.05 * parameter.grad
    return run


def test_a_graph_of_which_most_is_folded_away_is_computed_too(open_html):
    run = scalars()
    (program,) = graphs(run, chosen_entries(run), Recordings(run), most=4, opened=1, room=0)["programs"]
    assert program["steps"] == list(range(6))
    assert "computed" in program
    html = training_page(run, panels=["graph", "loss"])
    assert len(html) < 320_000
    page = open_html(html)
    picture = GraphPicture([run.recording_of(entry) for entry in evenly(run.log.entries, SAMPLES)])
    for epoch in (0, 4):
        page.get_by_role("slider", name="Epoch").fill(str(epoch))
        wanted = picture.face(run.recording_of(run.log.entries[epoch]))
        assert page.evaluate(SHOWN, list(wanted["text"])) == wanted["text"]
        assert page.evaluate(WIDE, list(wanted["width"])) == pytest.approx(wanted["width"])


SHOWN = """keys => {
    const prefix = document.querySelector(".gt-graph svg.gv [id]").id.split("_")[0];
    return Object.fromEntries(keys.map(key => [key, document.getElementById(`${prefix}_${key}`).textContent]));
}"""
DRAWN = SHOWN.replace("textContent", 'getAttribute("d")')


WIDE = SHOWN.replace(
    "document.getElementById(`${prefix}_${key}`).textContent",
    "+document.querySelector(`#${prefix}_${key} :is(.gv-back, .gv-line)`).getAttribute('stroke-width')",
)


def numbers_in(path):
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]


def test_the_rule_is_written_out_with_numbers(open_html):
    page = open_html(training_page(scalar()))
    assert rule(page) == ["w ← w − rate · grad = 2 − 0.01 × 5 = 1.95"]
    assert page.locator(".gt-rule h3").text_content() == "The update of w: by hand"
    button(page, "Next epoch").click()
    assert rule(page) == ["w ← w − rate · grad = 1.95 − 0.01 × 4.875 = 1.90125"]


def test_keys_and_the_track_go_through_the_epochs(open_html):
    page = open_html(training_page(seed()))
    player = page.locator(".gradviz-training")
    player.focus()
    for key, epoch in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 9), ("Home", 0)]:
        page.keyboard.press(key)
        assert place(page) == f"epoch {epoch} / 9"
    page.get_by_role("slider", name="Epoch").fill("6")
    assert place(page) == "epoch 6 / 9"
    # A click in the loss curve goes there; its cursor moves along.
    page.locator(".gt-lines .gt-chart").first.click(position={"x": 60, "y": 80})
    assert place(page) == "epoch 0 / 9"


def test_play_goes_to_the_end_and_can_be_paused(browser_page, open_html):
    page = browser_page
    with_a_clock_of_its_own(page, open_html, training_page(seed()))
    button(page, "Play").click()
    while place(page) == "epoch 0 / 9":
        page.clock.run_for(100)
    button(page, "Pause").click()
    stopped = place(page)
    assert stopped == "epoch 1 / 9"
    page.get_by_label("Speed").select_option("4")
    page.clock.run_for(5000)
    assert place(page) == stopped
    button(page, "Play").click()
    page.clock.run_for(10_000)
    assert place(page) == "epoch 9 / 9"
    button(page, "Play").wait_for()


def test_from_any_epoch_into_its_backpropagation_and_back(open_html):
    run = seed()
    page = open_html(training_page(run))
    page.get_by_role("slider", name="Epoch").fill("4")
    button(page, "Step through the backpropagation of epoch 4").click()
    inside = page.locator(".gt-inside")
    assert "epoch 4" in inside.locator("h3").first.text_content()
    inside.get_by_role("button", name="Last step").click()
    gradient = run.parameter("linear.bias").gradients[4]
    shown = inside.locator('.gv-card[aria-label^="linear.bias,"] text[id*="_g"]').all_text_contents()
    assert shown == [number(n) for n in gradient]
    assert page.locator(".gt-board").count() == 0
    button(page, "← Back to the training").click()
    assert place(page) == "epoch 4 / 9"
    assert page.locator(".gt-board").is_visible()


def test_an_entry_is_chosen_by_a_click(open_html):
    run = seed()
    page = open_html(training_page(run))
    page.locator(".gt-card").first.get_by_role("button").nth(4).click()
    assert page.locator(".gt-rule h3").text_content() == "The update of linear.weight[1, 1]: SGD"
    value, gradient, after = (
        float(column[0, 1, 1])
        for column in (
            run.parameter("linear.weight").values,
            run.parameter("linear.weight").gradients,
            run.parameter("linear.weight").values[1:],
        )
    )
    (line,) = rule(page)
    assert line.startswith(f"w ← w − lr · grad = {number(value)} − 0.01 × ")
    assert number(abs(gradient)) in line
    assert line.endswith(f"= {number(after)}")


PAINTED = "(canvas) => canvas.toDataURL()"


def test_the_surface_and_the_fit(open_html):
    page = open_html(training_page(classes(), panels=["surface", "fit"]))
    surface = page.locator(".gt-panel", has_text="The loss surface")
    assert surface.locator(".gt-band").count() > 5
    here = surface.locator(".gt-here")
    before = here.bounding_box()
    fit = page.locator(".gt-panel", has_text="The data and the model's classes")
    field, reading = fit.locator(".gt-regions"), fit.locator(".gt-reading")
    painted, said = field.evaluate(PAINTED), reading.text_content()
    button(page, "Last epoch").click()
    assert here.bounding_box() != before
    assert field.evaluate(PAINTED) != painted
    # How many are on the wrong side is counted, not guessed.
    run = classes()
    wrong = re.search(r"(\d+) of 40 wrong", reading.text_content())
    assert wrong
    assert reading.text_content() != said
    fitted = fit_of(run)
    at = [np.argmin(np.hypot(*(fitted.grid - point).T)) for point in fitted.x]
    near = (fitted.values(run.log.entries[-1])[at] >= 0.5) != (fitted.y == 1)
    assert int(wrong[1]) == pytest.approx(near.sum(), abs=3)  # some lie next to the line


def test_forgotten_zero_grad_is_said_in_words(open_html):
    page = open_html(training_page(scalar(forget=True)))
    assert (
        "gradients are accumulating over epochs: zero_grad() was not called" in page.locator(".gt-notes").text_content()
    )


def test_a_run_that_diverges(open_html):
    page = open_html(training_page(scalar(rate=1e6, epochs=12)))
    assert "diverged: the loss is inf" in page.locator(".gt-notes").text_content()
    assert re.search(r"(∞|nan) from here", page.locator(".gt-lines .gt-chart").first.text_content())
    button(page, "Last epoch").click()
    assert re.search(r"loss (∞|nan)", page.locator(".gt-place").text_content())


def test_a_long_run_says_what_is_shown_and_moves_at_once(open_html):
    run = seed(3000, lr=0.001)
    page = open_html(training_page(run))
    page.get_by_role("slider", name="Epoch").fill("1717")
    assert place(page) == "epoch 1717 / 2999"
    # The page computes the graph of any epoch.
    page.get_by_role("button", name="Step through the backpropagation of epoch 1717").wait_for()
    assert numbers_on(page, "linear.bias", "v") == [
        number(n) for n in run.parameter("linear.bias").values[1717].ravel()
    ]


def test_names_are_text(open_html):
    w = gv.tensor(2.0, requires_grad=True)
    with gv.record(title="</script><img src=x onerror=alert(1)>") as run:
        for _ in range(3):
            (w**2).backward()
            w.data -= 0.1 * w.grad
            w.grad = None
    page = open_html(training_page(run))
    assert page.locator("h1").text_content() == "</script><img src=x onerror=alert(1)>"
    assert page.locator("img").count() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data | {"version": 99}, "this one has version 99"),
        (lambda data: data | {"steps": None}, "This run is damaged and cannot be shown"),
        (lambda data: data | {"losses": {"type": "float64", "shape": [3], "data": "!"}}, "This run is damaged"),
    ],
)
def test_a_damaged_page_says_so(open_html, change, message):
    page = open_html(with_payload(training_page(scalar()), lambda data: json.dumps(change(json.loads(data)))))
    assert message in page.locator(".gp-error").text_content()


def test_the_seeds_run_is_a_small_page():
    assert len(training_page(seed()).encode()) < 400_000


def test_a_run_of_nothing_is_no_page():
    with pytest.warns(UserWarning, match="nothing was recorded"), gv.record() as run:
        pass
    with pytest.raises(ValueError, match="there is nothing to show"):
        training_page(run)


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("make", [seed, classes], ids=["seed", "classes"])
def test_the_page_is_accessible_and_fits(browser_page, open_html, make, scheme, size):
    import importlib.util

    if importlib.util.find_spec("axe_playwright_python") is None:
        missing("needs axe-core: pip install axe-playwright-python")
    from axe_playwright_python.sync_playwright import Axe

    browser_page.set_viewport_size({"width": size[0], "height": size[1]})
    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page = open_html(training_page(make()))
    button(page, "Next epoch").click()
    found = Axe().run(page)
    serious = [rule for rule in found.response["violations"] if rule["impact"] in ("serious", "critical")]
    assert not serious, json.dumps(serious, indent=1)[:3000]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("GRADVIZ_SHOTS"):
        page.screenshot(path=f"{folder}/{make.__name__}-{scheme}-{size[0]}.png", full_page=True)


def test_a_page_that_has_just_been_opened_listens_to_the_keys(open_html):
    page = open_html(training_page(seed()))
    page.keyboard.press("ArrowRight")
    assert place(page) == "epoch 1 / 9"
    page.get_by_label("Speed").focus()
    page.keyboard.press("End")
    assert place(page) == "epoch 1 / 9"
    # In the backpropagation of an epoch the keys are that player's.
    page.evaluate("document.activeElement.blur()")
    button(page, "Step through the backpropagation of epoch 1").click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    inside = page.locator(".gt-inside")
    assert inside.locator(".gp-place").text_content().startswith("forward 2 /")
    page.keyboard.press("Escape")
    assert page.locator(".gt-board").is_visible()
    assert place(page) == "epoch 1 / 9"


def test_a_curve_that_leaves_the_frame_stays_straight(open_html):
    x = gv.linspace(-1, 1, 20).reshape(-1, 1)
    linear = gv.nn.Linear(1, 1)
    with gv.no_grad():
        linear.weight.fill_(30.0)
    optimizer = gv.optim.SGD(linear.parameters(), lr=0.1)
    with gv.record() as run:
        for _epoch in range(30):
            loss = gv.nn.functional.mse_loss(linear(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    page = open_html(training_page(run))
    fit = page.locator(".gt-panel", has_text="The data and the model's curve")
    numbers = re.findall(r"[-\d.]+", fit.locator(".gt-fitted").get_attribute("d"))
    points = [(float(a), float(b)) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    (left, start), (right, end) = points[0], points[-1]
    straight = [start + (end - start) * (across - left) / (right - left) for across, _ in points]
    assert [up for _, up in points] == pytest.approx(straight, abs=2)
    # It is painted inside the frame, and not beyond it.
    top, high = (float(fit.locator(".gt-frame").get_attribute(name)) for name in ("y", "height"))
    painted = """(curve, [x, y]) => {
        const at = new DOMPoint(x, y).matrixTransform(curve.closest(".gt-chart").getScreenCTM());
        return document.elementFromPoint(at.x, at.y) === curve;
    }"""
    fit.scroll_into_view_if_needed()
    for up, expected in [(top + high / 2, True), (top + high / 4, True), (top - 5, False), (top + high + 5, False)]:
        across = left + (up - start) * (right - left) / (end - start)
        assert fit.locator(".gt-fitted").evaluate(painted, [across, up]) == expected


def test_a_line_above_zero_does_not_lie_on_the_axis(open_html):
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1)
    with gv.record() as run:
        for _epoch in range(12):
            loss = w**2 + 20
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    page = open_html(training_page(run))
    chart = page.locator(".gt-lines").first.locator(".gt-chart")
    line, axis = chart.locator(".gt-line").bounding_box(), chart.locator(".gt-axis").bounding_box()
    assert axis["y"] - (line["y"] + line["height"]) > 5
    drawn = run.plot().svg
    lowest = max(
        float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", re.search(r'class="gc-line[^>]* d="([^"]*)"', drawn)[1])
    )
    assert re.search(r'class="gc-axis"[^>]* d="M[\d.]+ ([\d.]+)', drawn)[1] == "276"
    assert lowest < 265


def test_a_run_that_waits_says_what_to_do():
    w = gv.tensor(2.0, requires_grad=True)
    run = gv.training.Trainer(lambda: w**2, gv.optim.SGD([w], lr=0.1)).run
    assert "Run this cell, then press play." in run.plot().svg


# --- one screen ---------------------------------------------------------------------------------------------------------


def titles(page):
    return [title.text_content() for title in page.locator(".gt-board .gt-panel > header h3").all()]


def test_all_of_it_is_on_one_screen(open_html):
    page = open_html(training_page(classes()))
    assert titles(page) == [
        "The network",
        "The data and the model's classes",
        "The loss",
        "The update of net.0.weight[0, 0]: Adam",
        "The parameters",
    ]
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    for panel in page.locator(".gt-panel").all():
        box = panel.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 150
        assert box["y"] + box["height"] <= 720


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_becomes_nan_is_readable(open_html):
    page = open_html(training_page(scalar(rate=1e6, epochs=40)))
    page.set_viewport_size({"width": 1280, "height": 720})
    label = page.locator(".gt-lines .gt-bad")
    assert label.text_content().endswith(" from here")
    text, chart = label.bounding_box(), page.locator(".gt-lines .gt-chart").first.bounding_box()
    assert chart["x"] <= text["x"]
    assert text["x"] + text["width"] <= chart["x"] + chart["width"]
    notes = page.locator(".gt-notes").text_content()
    assert notes.endswith(".")
    assert ".." not in notes
    # The notes take their room from the board.
    page.wait_for_function("document.scrollingElement.scrollHeight <= 720")
    button(page, "Last epoch").click()
    # A later epoch holds the nan from the beginning: none of its operations is marked.
    assert numbers_on(page, "w", "v") == ["nan"]
    assert page.locator(".gt-graph .gv-alarm").count() == 0


def test_large_type_enlarges_panels_and_stays_on_one_screen(open_html):
    page = open_html(training_page(classes()))
    page.set_viewport_size({"width": 1280, "height": 720})
    heading, tick = page.locator(".gt-fit h3"), page.locator(".gt-lines .gt-tick").first
    before = [one.bounding_box()["height"] for one in (heading, tick)]
    button(page, "Large type, for a projector").click()
    after = [one.bounding_box()["height"] for one in (heading, tick)]
    assert all(large > 1.2 * usual for usual, large in zip(before, after, strict=True))
    page.wait_for_function("document.scrollingElement.scrollHeight <= 720")


def test_panels_are_chosen_sized_and_remembered(open_html):
    page = open_html(training_page(classes()))
    page.get_by_text("Panels", exact=True).click()
    menu = page.get_by_role("group", name="Panels")
    for name in ("The parameters", "The update", "The network"):
        menu.get_by_label(name, exact=True).uncheck()
    menu.get_by_label("The loss surface").check()
    page.keyboard.press("Escape")
    assert titles(page) == ["The data and the model's classes", "The loss", "The loss surface"]
    bar = page.get_by_role("separator", name="Width of the first panel")
    first = page.locator(".gt-panel").first
    before = first.bounding_box()["width"]
    bar.focus()
    page.keyboard.press("ArrowLeft")
    assert first.bounding_box()["width"] < before
    assert place(page) == "epoch 0 / 11"  # the arrow was the bar's
    page.reload()
    page.locator(".gt-board").wait_for()
    assert titles(page) == ["The data and the model's classes", "The loss", "The loss surface"]
    assert first.bounding_box()["width"] < before
    page.get_by_text("Panels", exact=True).click()
    button(page, "Reset the panels").click()
    assert titles(page)[0] == "The network"


def test_the_author_chooses_the_panels(open_html):
    run = classes()
    assert titles(open_html(training_page(run, panels=["fit", "loss"]))) == [
        "The data and the model's classes",
        "The loss",
    ]
    with pytest.raises(ValueError, match="there is no panel 'los'; there are: 'network', 'graph'"):
        run.show("los")


def test_a_neurons_sum_is_the_networks(open_html):
    run = classes()
    page = open_html(training_page(run))
    page.get_by_role("slider", name="Epoch").fill("7")
    page.get_by_label("example").fill("3")
    page.get_by_label("example").press("Enter")
    neuron = page.get_by_role("button", name="Layer 1, neuron 2")
    assert page.locator(".gt-neuron").count() == 2 + 4 + 2
    neuron.hover()
    table = page.locator(".gt-sum")
    weight, bias = run.parameter("net.0.weight"), run.parameter("net.0.bias")
    x = fit_of(run).x[3]
    rows = [row.locator("td").all_text_contents() for row in table.locator("tbody tr").all()]
    for at in (0, 1):
        w, grad = float(weight.values[7, 2, at]), float(weight.gradients[7, 2, at])
        assert rows[at] == [number(n, 3) for n in (w, float(x[at]), w * float(x[at]), grad)]
    z = float(weight.values[7, 2] @ x + bias.values[7, 2])
    assert f"= {number(z)}" in table.text_content()
    assert f"= {number(float(np.tanh(z)))}" in table.text_content()
    # A click holds it, and its weight is the one whose update is shown.
    neuron.click()
    assert page.locator(".gt-rule h3").text_content() == "The update of net.0.weight[2, 0]: Adam"
    page.keyboard.press("Escape")
    assert not table.is_visible()
    neuron.click()
    table.get_by_role("button", name="x[1]").click()
    assert page.locator(".gt-rule h3").text_content() == "The update of net.0.weight[2, 1]: Adam"
    table.get_by_role("button", name="Open its weight in the graph").click()
    assert page.locator(".gt-inside").is_visible()
    assert page.locator(".gt-inside .gv-selected").get_attribute("aria-label").startswith("net.0.weight,")
    # At the entry: its gradient is a sum over the examples.
    assert page.locator(".gt-inside .gp-entry").text_content().startswith("net.0.weight.grad[2, 1]")


def test_a_line_between_neurons_is_its_weight(open_html):
    run = classes()
    page = open_html(training_page(run))
    page.get_by_role("slider", name="Epoch").fill("7")
    stage, table = page.locator(".gt-stage").bounding_box(), page.locator(".gt-sum")
    rings = [one.bounding_box() for one in page.locator(".gt-neuron").all()]  # of the inputs, the layer, the outputs
    ends = [(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2) for ring in (rings[1], rings[2])]
    middle = [sum(end[axis] for end in ends) / 2 for axis in (0, 1)]
    page.mouse.move(*middle)
    weight = run.parameter("net.0.weight")
    told = table.text_content()
    assert told.startswith("net.0.weight[0, 1]")
    for value in (weight.values[7, 0, 1], weight.gradients[7, 0, 1], weight.values[8, 0, 1]):
        assert number(float(value)) in told
    page.mouse.click(*middle)
    assert page.locator(".gt-rule h3").text_content() == "The update of net.0.weight[0, 1]: Adam"
    page.mouse.move(stage["x"] + 3, stage["y"] + stage["height"] - 3)
    assert table.is_visible()
    page.mouse.click(stage["x"] + 3, stage["y"] + stage["height"] - 3)
    assert not table.is_visible()


def test_the_lines_show_weights_gradients_or_updates_on_a_scale_of_the_run(open_html):
    run = classes()
    page = open_html(training_page(run))
    for mode in ("gradients", "updates", "weights"):
        button(page, mode).click()
        assert button(page, mode).get_attribute("aria-pressed") == "true"
        layers = [run.parameter(f"net.{at}.{part}") for at in (0, 2) for part in ("weight", "bias")]
        columns = {
            "weights": [one.values[:-1] for one in layers],
            "gradients": [one.gradients for one in layers],
            "updates": [np.diff(one.values, axis=0) for one in layers],
        }
        most = max(float(np.abs(column).max()) for column in columns[mode])
        assert f"±{number(most, 3)}" in page.locator(".gt-network .gt-legend").text_content()


def test_a_run_that_leaves_its_picture_is_marked_where_it_left(open_html):
    page = open_html(training_page(scalar(rate=0.9, epochs=12), panels=["surface"]))
    button(page, "Last epoch").click()
    surface = page.locator(".gt-over")
    assert surface.locator(".gt-here").is_visible()
    assert "The run is outside of this picture here: w = " in surface.text_content()
    button(page, "First epoch").click()
    assert "outside" not in surface.text_content()


@pytest.mark.costly
@pytest.mark.parametrize("make", [classes, seed], ids=["classes", "seed"])
def test_what_a_page_weighs(make):
    assert len(training_page(make()).encode()) < 250_000
