"""The widget in a real JupyterLab: clicks reach Python, settings reach the page."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MAKE = """\
import gradviz as gv
from gradviz.player import Player
from gradviz.recording import record_graph
w, x, b = (gv.tensor(value, requires_grad=True) for value in (2.0, 5.0, 3.0))
y = w * x + b
player = Player(record_graph(y, backward=True, names={"w": w, "x": x, "b": b, "y": y}))
player"""


def test_player_in_jupyterlab(lab, browser_page):
    nbformat = pytest.importorskip("nbformat")
    from playwright.sync_api import expect

    cells = [MAKE, "print('step', player.step, 'selected', player.selected)", "player.step = -1"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.folder / "player.ipynb")

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
    assert cell.nth(0).locator(".jp-OutputArea-output img, .jp-OutputArea-output > svg").count() == 0

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
    assert errors == []
    browser_page.problems.clear()
