"""The widget in a real JupyterLab: clicks reach Python, settings reach the page."""

from __future__ import annotations

import re

import pytest

from gradviz.player.still import AGAIN

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.costly("player_lab")]

MAKE = """\
import gradviz as gv
from gradviz.player import Player
from gradviz.recording import record_graph
w, x, b = (gv.tensor(value, requires_grad=True) for value in (2.0, 5.0, 3.0))
y = w * x + b
player = Player(record_graph(y, backward=True, names={"w": w, "x": x, "b": b, "y": y}))
player"""


def write_notebook(path, cells):
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def read_notebook(path):
    import nbformat

    return nbformat.read(path, as_version=4)


def test_player_in_jupyterlab(lab, browser_page):
    from playwright.sync_api import expect

    cells = [MAKE, "print('step', player.step, 'selected', player.selected)", "player.step = -1"]
    write_notebook(lab.folder / "player.ipynb", cells)

    # JupyterLab itself logs to the console now and then; what counts here is whether any script fails.
    errors: list[str] = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.set_viewport_size({"width": 1600, "height": 1000})
    lab.open(browser_page, "player.ipynb")
    cell = browser_page.locator(".jp-CodeCell")

    def run(number):
        cell.nth(number).locator(".jp-InputArea").click()
        lab.command(browser_page, "notebook:run-cell")

    run(0)
    player = browser_page.locator(".gradviz-player")
    place = player.locator(".gp-place")
    expect(place).to_have_text("forward 1 / 3")
    expect(player).to_have_count(1)
    # The still picture is for when there is no player.
    expect(cell.nth(0).locator(".jp-OutputArea-output img")).to_be_hidden()

    # Clicks and keys step, and Python sees it; the keys do not move JupyterLab's selection nor run or add cells.
    player.get_by_role("button", name="Next step").click()
    expect(place).to_have_text("forward 2 / 3")
    cells_before = cell.count()
    selected = browser_page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex")
    for key in ["ArrowRight", "ArrowRight", "ArrowLeft", "Home", "End", "ArrowLeft"]:
        browser_page.keyboard.press(key)
    expect(place).to_have_text("backward 2 / 3")
    assert cell.count() == cells_before
    assert browser_page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex") == selected
    assert player.locator('.gv-card[aria-label^="b,"] [id$="_g0"]').text_content() == "1"
    run(1)
    expect(cell.nth(1).locator(".jp-OutputArea-output")).to_have_text("step 4 selected ")

    # And Python's step reaches the page.
    run(2)
    expect(place).to_have_text("backward 3 / 3")
    assert player.locator('.gv-card[aria-label^="w,"] [id$="_g0"]').text_content() == "5"

    # Dark where JupyterLab is dark, whatever the system says.
    expect(player).to_have_attribute("data-theme", "light")
    browser_page.evaluate("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    expect(player).to_have_attribute("data-theme", "dark")

    # The kernel restarts and knows nothing of the player; stepping goes on.
    browser_page.evaluate(
        """async () => {
            const session = jupyterapp.shell.currentWidget.sessionContext;
            await session.restartKernel();
            await session.session.kernel.info;
        }"""
    )
    player.get_by_role("button", name="First step").click()
    expect(place).to_have_text("forward 1 / 3")
    player.get_by_role("button", name="Next step").click()
    expect(place).to_have_text("forward 2 / 3")

    # And the cell, run again, makes a player that talks to the new kernel.
    run(0)
    expect(place).to_have_text("forward 1 / 3")
    player.get_by_role("button", name="Last step").click()
    run(1)
    expect(cell.nth(1).locator(".jp-OutputArea-output")).to_have_text("step 5 selected ")
    assert errors == []
    browser_page.problems.clear()


MODULES = """\
import gradviz as gv
from gradviz.player import Player
from gradviz.recording import record_graph
gv.manual_seed(0)
net = gv.nn.Sequential(gv.nn.Linear(3, 3), gv.nn.ReLU(), gv.nn.Linear(3, 1))
loss = (net(gv.ones(2, 3)) ** 2).mean()
recording = record_graph(loss, backward=True, names={"loss": loss}, variables=[{"net": net}])
player = Player(gv.draw(recording, fit=False))  # else it begins with what fits beside the panel
player"""


def test_folds_predictions_and_details_in_jupyterlab(lab, browser_page):
    from playwright.sync_api import expect

    cells = [
        MODULES,
        "print(player.depth, player.step, player.predict, player.selected)",
        "player.depth = 2; player.predict = True",
        "player.step = -1",
        "player.predict = False; player.step = -1; player.selected = player.recording.graph.operations[1].id",
    ]
    write_notebook(lab.folder / "modules.ipynb", cells)
    errors: list[str] = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.set_viewport_size({"width": 1600, "height": 1000})
    lab.open(browser_page, "modules.ipynb")
    cell = browser_page.locator(".jp-CodeCell")
    output = cell.nth(1).locator(".jp-OutputArea-output")

    def run(number):
        cell.nth(number).locator(".jp-InputArea").click()
        lab.command(browser_page, "notebook:run-cell")

    run(0)
    player = browser_page.locator(".gradviz-player")
    discs = player.locator(".gv-disc")
    expect(discs.first).to_be_visible()
    unfolded = discs.count()
    # Python folds the modules and keeps the moment of the run.
    player.get_by_role("button", name="Last step").click()
    fold = player.get_by_role("button", name="Fold modules", exact=True)
    fold.click()
    expect(player.get_by_role("button", name="Unfold modules", exact=True)).to_be_enabled()
    fold.click()  # a linear layer is one disc, folded or not
    expect(discs).not_to_have_count(unfolded)
    expect(player.get_by_role("button", name="Next step")).to_be_disabled()
    assert discs.count() < unfolded
    # Set from Python: unfolded again, and predictions are asked for.
    run(2)
    expect(discs).to_have_count(unfolded)
    expect(player.get_by_role("button", name="Predict")).to_have_attribute("aria-pressed", "true")
    # Not even Python leads past a question; what is on the page is what Python has.
    run(3)
    expect(player.locator(".gp-question")).to_have_text("Backward starts here. What will the gradient of loss be?")
    place = player.locator(".gp-place").text_content()
    assert place.startswith("forward")
    run(1)
    expect(output).to_have_text(f"2 {int(place.split()[1]) - 1} True ")
    # What is typed into the page reaches no shortcut of JupyterLab's, such as "dd", which deletes a cell.
    count = cell.count()
    player.locator(".gp-answer input").fill("")
    player.locator(".gp-answer input").press_sequentially("dd11")
    assert cell.count() == count
    player.locator(".gp-answer input").fill("1")
    browser_page.keyboard.press("Enter")
    expect(player.locator(".gp-feedback")).to_have_text("Right. The gradient of loss is 1.")
    expect(player.locator(".gp-place")).to_contain_text("backward 1")
    run(4)
    expect(player.locator(".gp-predict")).to_be_hidden()
    expect(player.locator(".gp-inspect")).to_be_visible()
    run(1)
    expect(output).to_have_text(re.compile(r"^2 \d+ False o1\s*$"))
    assert errors == []
    browser_page.problems.clear()


OTHERS = """\
import ipywidgets
with gv.record() as run:
    for epoch in range(2):
        (w * x).backward()
display(run, player, ipywidgets.HTML("another widget"))"""


def test_a_reopened_notebook_shows_the_pictures(lab, browser_page):
    from playwright.sync_api import expect

    write_notebook(lab.folder / "reopened.ipynb", [MAKE, OTHERS])
    browser_page.set_viewport_size({"width": 1600, "height": 1000})
    lab.open(browser_page, "reopened.ipynb")
    lab.command(browser_page, "notebook:run-all-cells")
    players = browser_page.locator(".jp-OutputArea-output:has(.gradviz-player)")
    expect(players).to_have_count(3)
    for player in players.all():
        expect(player).to_be_visible()
        expect(player).to_have_css("visibility", "visible")
        assert player.evaluate("node => getComputedStyle(node, '::after').content") == "none"
    pictures = browser_page.locator("[class^=gradviz-still] img")
    expect(pictures).to_have_count(3)
    for picture in pictures.all():
        expect(picture).to_be_hidden()
    lab.command(browser_page, "docmanager:save")
    browser_page.evaluate(
        """async () => {
            const context = jupyterapp.shell.currentWidget.context;
            while (context.model.dirty) await new Promise(resolve => setTimeout(resolve, 100));
            await jupyterapp.shell.currentWidget.sessionContext.shutdown();
        }"""
    )
    browser_page.goto("about:blank")
    lab.open(browser_page, "reopened.ipynb")
    expect(pictures).to_have_count(3)
    for picture in pictures.all():
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    # JupyterLab says of each widget that it is lost: of ours the still says it, in our words.
    lost = browser_page.locator(".jp-OutputArea-output", has_text="Error displaying widget: model not found")
    expect(lost).to_have_count(4)
    assert [output.is_visible() for output in lost.all()] == [False, False, False, True]
    assert all(AGAIN in still.inner_text() for still in browser_page.locator("[class^=gradviz-still]:has(> p)").all())
    # A site that takes the style element away and leaves its text has nothing to show but the picture.
    outputs = [output for cell in read_notebook(lab.folder / "reopened.ipynb").cells for output in cell.outputs]
    stills = [output.data["text/html"] for output in outputs if "gradviz-still" in output.data.get("text/html", "")]
    assert len(stills) == 3
    for still in stills:
        browser_page.set_content(re.sub("</?style>", "", still))
        assert browser_page.inner_text("body") == AGAIN
    browser_page.problems.clear()  # JupyterLab itself logs that it has no model for the widgets
