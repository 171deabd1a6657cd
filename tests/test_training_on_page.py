"""A saved page of a run trains on by itself: other settings, a point dragged, another start; and back to the recording."""

from __future__ import annotations

import pytest
from test_training_on import Classes, Line, Moons, adam, sgd, train

import gradviz as gv
from gradviz.engine.numerals import number
from gradviz.player.training import training_page

pytestmark = pytest.mark.browser


def run_of(task, optimizer, steps=12):
    made = task()
    with gv.record() as run:
        train(made, optimizer(made.parameters), 0, steps)
    return run


def at(page, k):
    page.locator(".gt-track, .gp-bar .gt-range").first.evaluate(
        "(range, k) => { range.value = k; range.dispatchEvent(new Event('input', { bubbles: true })); }", str(k)
    )


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def shown(page):
    return page.locator(".gt-place").text_content()


def field(page, name):
    return page.locator(".gt-onward").get_by_label(name, exact=True)


def wait_for_own(page, least=1):
    page.wait_for_function("(least) => parseInt(document.querySelector('.gt-told').textContent) >= least", arg=least)


LAST_MARK = """(marks) => {
    const [, x, y] = [...marks.getAttribute("d").matchAll(/M([\\d.-]+) ([\\d.-]+)/g)].at(-1).map(Number);
    const { x: across, y: up } = new DOMPoint(x + 4, y).matrixTransform(marks.getScreenCTM());
    return [across, up];
}"""
"""Where on the page the last point is."""


def losses_with(task, optimizer, first, then, steps):
    """What Python makes of it: so many steps, then with other settings."""
    made = task()
    optimiser = optimizer(made.parameters)
    found = train(made, optimiser, 0, first)
    for group in optimiser.param_groups:
        group.update(then)
    return [one["loss"] for one in found + train(made, optimiser, first, first + steps)]


def test_it_goes_on_with_another_learning_rate_and_comes_back(open_html):
    run = run_of(Line, sgd())
    page = open_html(training_page(run))
    at(page, 5)
    field(page, "lr").fill("0.4")
    # Before it is done, the first step is said: of the entry that is chosen.
    page.wait_for_function("() => document.querySelector('.gt-told').textContent.startsWith('First step: ')")
    chosen = run.parameters[0].name
    before, after = (run.parameter(chosen).values[at].ravel()[0] for at in (5, 6))
    with_mine = before + (after - before) * 4  # the recorded rate is 0.1
    told = page.locator(".gt-told").text_content()
    assert f"{number(before)} → " in told
    assert float(told.split("→ ")[1].split(" ")[0].replace("−", "-")) == pytest.approx(with_mine, rel=1e-3)
    assert told.endswith(f"(recorded: → {number(after)})")
    press(page, "Train on")
    wait_for_own(page, 4)
    press(page, "Stop")
    mine = losses_with(Line, sgd(), 5, {"lr": 0.4}, 10)
    for k in (5, 6, 8):
        at(page, k)
        loss = float(shown(page).split("loss ")[1].replace("−", "-"))
        assert loss == pytest.approx(mine[k], rel=2e-3)  # as many digits as are shown
    # Beside it stands the recording, in the chart and in the fit.
    assert page.locator(".gt-lines .gt-legend").first.text_content().startswith("recorded")
    assert page.locator(".gt-fit .gt-ghost").get_attribute("d")
    assert (
        "0.4 ×" in page.locator(".gt-rule").inner_text().replace("\u2009", " ")
        or "0.4" in page.locator(".gt-rule").inner_text()
    )
    page.keyboard.press("u")
    assert shown(page).startswith("epoch 5 / 11")
    assert shown(page).endswith(number(run.losses[5]))
    assert page.locator(".gt-fit .gt-ghost").get_attribute("d") == ""
    assert page.locator(".gt-lines .gt-legend").first.text_content() == ""  # nothing of two lines where there is one
    assert not page.locator(".gt-home").is_visible()


def test_a_point_is_dragged_and_the_model_follows(open_html):
    page = open_html(training_page(run_of(Line, sgd())))
    at(page, 11)
    before = shown(page)
    x, y = page.locator(".gt-fit .gt-example").first.evaluate(LAST_MARK)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 20, steps=4)
    page.mouse.move(x, y + 60, steps=4)
    page.mouse.up()
    page.wait_for_function("(before) => document.querySelector('.gt-place').textContent !== before", arg=before)
    assert page.locator(".gt-moved").get_attribute("d")
    line = page.locator(".gt-fitted").get_attribute("d")
    press(page, "Train on")
    wait_for_own(page, 5)
    press(page, "Stop")
    assert page.locator(".gt-fitted").get_attribute("d") != line  # it has moved towards the point
    press(page, "Back to the recording")
    assert shown(page) == before
    assert not page.locator(".gt-moved").get_attribute("d")


def test_points_of_classes_move_by_keys(open_html):
    page = open_html(training_page(run_of(Moons, adam())))
    handle = page.locator(".gt-fit .gt-handle")
    handle.focus()
    assert handle.get_attribute("aria-label").startswith("Point 1 of ")
    page.keyboard.press("PageDown")
    label = handle.get_attribute("aria-label")
    assert label.startswith("Point 2 of ")
    page.keyboard.press("ArrowUp")
    page.wait_for_function(
        "(label) => document.querySelector('.gt-fit .gt-handle').getAttribute('aria-label') !== label", arg=label
    )
    page.locator(".gt-home").wait_for()


def test_another_optimiser_and_another_start(open_html):
    run = run_of(Classes, adam())
    page = open_html(training_page(run))
    recorded = field(page, "lr").input_value()
    page.locator(".gt-choice").select_option(label="RMSprop")  # with the same rate its steps would have another size
    assert field(page, "lr").input_value() == "0.01"
    page.locator(".gt-choice").select_option(label="SGD, Nesterov")
    assert field(page, "lr").input_value() == recorded
    assert field(page, "momentum").input_value() == "0.9"
    press(page, "Train on")
    wait_for_own(page, 2)
    press(page, "Stop")
    assert page.locator(".gt-rule h3").text_content().endswith("SGD")
    press(page, "Back to the recording")
    assert page.locator(".gt-choice").input_value() == ""
    # A number is typed for the entry that is chosen.
    page.locator(".gt-start summary").click()
    page.locator(".gt-start .gt-number").fill("2.5")
    page.locator(".gt-home").wait_for()
    assert page.locator(".gt-card button[aria-pressed=true]").first.text_content() == "2.5"
    press(page, "Start from other numbers")
    page.wait_for_function("() => document.querySelector('.gt-card button[aria-pressed=true]').textContent !== '2.5'")
    assert shown(page).startswith("epoch 0")


def test_whatever_is_typed_nothing_breaks(open_html):
    page = open_html(training_page(run_of(Line, sgd())))
    lr = field(page, "lr")
    for text in ("nan", "1e400", "-1", "alert(1)", "<img src=x onerror=alert(1)>", "", "0x10", "1,5"):
        lr.fill(text)
        assert lr.get_attribute("aria-invalid") == "true"
        assert "cannot be taken here" in page.locator(".gt-told").text_content()
    lr.press("Escape")
    assert lr.input_value() == "0.1"
    assert page.locator(".gt-told").text_content() == ""
    # A rate at which it diverges is a number: it ends where the loss is none.
    lr.fill("1e30")
    press(page, "Train on")
    page.wait_for_function("() => document.querySelector('.gt-train').textContent === 'Train on'")
    assert "leaves the chart: up to " in page.locator(".gt-lines").first.text_content()
    press(page, "Back to the recording")
    assert shown(page).startswith("epoch 0 / 11")


def test_what_cannot_go_on_says_so(open_html):
    x, y = gv.randn(8, 2), gv.randn(8, 1)
    net = gv.nn.Sequential(gv.nn.Linear(2, 4), gv.nn.Dropout(0.5), gv.nn.Linear(4, 1))
    optimizer = gv.optim.SGD(net.parameters(), lr=0.1)
    with gv.record() as run:
        for _ in range(3):
            optimizer.zero_grad()
            ((net(x) - y) ** 2).mean().backward()
            optimizer.step()
    text = training_page(run)
    page = open_html(text)
    assert page.locator(".gt-cannot").text_content().startswith("This page cannot train on: dropout")
    assert page.get_by_role("button", name="Train on").count() == 0
    assert "data-gradviz-engine" not in text  # nothing is carried that nobody can use
