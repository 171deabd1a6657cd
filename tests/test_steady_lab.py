"""Sliders in a real JupyterLab: numbers change and nothing moves, and a saved notebook keeps a still of what stood in a box."""

from __future__ import annotations

import pytest
from test_player_lab import read_notebook, write_notebook

from gradviz.player.still import AGAIN

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.costly("steady_lab")]

MAKE = """\
import gradviz as gv
import ipywidgets
def of(value):
    w = gv.tensor(value, requires_grad=True)
    x = gv.tensor(5.0)
    y = (w * x + 3.0) ** 2
    return y
def slider():
    return ipywidgets.FloatSlider(value=2.0, min=-3, max=3, step=0.1)"""

INTERACT = "ipywidgets.interact(lambda value: gv.draw(of(value)), value=slider());"

UPDATE = """\
player, moved = gv.backprop(of(2.0)), slider()
moved.observe(lambda change: player.update(of(change.new)), "value")
ipywidgets.VBox([moved, player])"""

OTHER = "player.update(of(1.0) * 2.0)"

# Where some elements stand, from frame to frame, while something is done to the page.
WATCH = """selector => {
    window.seen = new Set();
    const look = () => {
        const boxes = [...document.querySelectorAll(selector)].map(node => node.getBoundingClientRect());
        window.seen.add(JSON.stringify(boxes.map(({ x, y, width, height }) => [x, y, width, height].map(Math.round))));
        window.watching = requestAnimationFrame(look);
    };
    look();
}"""
SEEN = "() => { cancelAnimationFrame(window.watching); return window.seen.size; }"

_READ = "picture => new TextDecoder().decode(Uint8Array.from(atob(picture), sign => sign.charCodeAt(0)))"
DRAWN = f"""text => {{
    const image = document.querySelector(".widget-interact img");
    return image && ({_READ})(image.src.split(",")[1]).includes(text);
}}"""
STILL = f"""([place, text]) => {{
    const output = jupyterapp.shell.currentWidget.content.model.cells.get(place).outputs.toJSON()[0];
    return ({_READ})(output.data["text/html"].match(/base64,([^"]+)/)[1]).includes(text);
}}"""


def test_a_slider_changes_numbers_and_moves_nothing(lab, browser_page):
    from playwright.sync_api import expect

    write_notebook(lab.folder / "steady.ipynb", [MAKE, INTERACT, UPDATE, OTHER])
    errors: list[str] = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.set_viewport_size({"width": 1600, "height": 1400})
    lab.open(browser_page, "steady.ipynb")
    cell = browser_page.locator(".jp-CodeCell")

    def run(number):
        cell.nth(number).locator(".jp-InputArea").click()
        lab.command(browser_page, "notebook:run-cell")

    def move(number):
        cell.nth(number).locator(".noUi-handle").focus()
        for _ in range(30):
            browser_page.keyboard.press("ArrowLeft")

    for number in (0, 1, 2):
        run(number)
    player = cell.nth(2).locator(".gradviz-player")
    place, value = player.locator(".gp-place"), player.locator('.gv-card[aria-label^="w,"] .gv-value')
    expect(value).to_have_text("2")
    stills = browser_page.locator("[class^=gradviz-still]")
    expect(stills.first).to_be_hidden()  # while there is what it stands for
    expect(stills.nth(1)).to_be_hidden()

    # A drawing that is made anew with each move: neither it nor what is below moves, at any moment.
    browser_page.evaluate(WATCH, ".widget-interact img, .jp-CodeCell:nth-of-type(3) .jp-InputArea")
    move(1)
    browser_page.wait_for_function(DRAWN, arg="value −1,")
    assert browser_page.evaluate(SEEN) == 1

    # A player that is given new results: it stays at its step, its selection and its size.
    player.get_by_role("button", name="Last step").click()
    player.locator('.gv-card[aria-label^="w,"]').click()
    player.get_by_role("button", name="Zoom in").click()
    player.get_by_role("button", name="Loop").click()
    player.locator(".gp-figure").evaluate("figure => figure.scrollTo({ left: 60, behavior: 'instant' })")
    browser_page.evaluate(WATCH, ".gradviz-player .gv-card > :first-child")
    move(2)
    expect(value).to_have_text("−1")
    assert browser_page.evaluate(SEEN) == 1
    expect(place).to_have_text("backward 4 / 4")
    expect(player.locator(".gp-inspect")).to_be_visible()
    expect(player.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "true")
    expect(player.locator(".gp-note")).to_have_count(0)

    # Of another computation it says so.
    run(3)
    expect(place).to_have_text("forward 1 / 5")
    expect(player.locator(".gp-note")).to_contain_text("another computation")
    expect(player.locator(".gp-inspect")).to_be_hidden()

    # The stills follow, and are what is left without a kernel.
    browser_page.wait_for_function(STILL, arg=[1, "value −1,"])
    browser_page.wait_for_function(STILL, arg=[2, "value 1,"])
    lab.command(browser_page, "docmanager:save")
    browser_page.evaluate(
        """async () => {
            const context = jupyterapp.shell.currentWidget.context;
            while (context.model.dirty) await new Promise(resolve => setTimeout(resolve, 100));
            await jupyterapp.shell.currentWidget.sessionContext.shutdown();
        }"""
    )
    saved = [still_in(cell.outputs) for cell in read_notebook(lab.folder / "steady.ipynb").cells[1:3]]
    assert "value −1," in saved[0]
    assert "value 1," in saved[1]
    browser_page.goto("about:blank")
    lab.open(browser_page, "steady.ipynb")
    pictures = browser_page.locator("[class^=gradviz-still] img")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        expect(picture).to_be_visible()
    lost = browser_page.locator(".jp-OutputArea-output", has_text="Error displaying widget: model not found")
    expect(lost).to_have_count(2)
    assert not any(output.is_visible() for output in lost.all())
    expect(browser_page.get_by_text(AGAIN)).to_have_count(2)
    assert errors == []
    browser_page.problems.clear()  # JupyterLab itself logs that it has no model for the widgets


def still_in(outputs):
    """The still picture of a cell, as SVG text."""
    import base64
    import re

    texts = [
        output.data["text/html"] for output in outputs if "gradviz-still" in output.get("data", {}).get("text/html", "")
    ]
    (picture,) = re.findall(r"base64,([^\"]+)", texts[0])
    return base64.b64decode(picture).decode()
