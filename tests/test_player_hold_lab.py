"""A number that is changed in a real JupyterLab: the page follows by itself, and Python reads back what came of it."""

from __future__ import annotations

import pytest
from test_player_lab import MAKE, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.costly("player_hold_lab")]


def test_a_number_is_changed_in_jupyterlab_and_read_back(lab, browser_page):
    from playwright.sync_api import expect

    cells = [
        MAKE,
        "print(player.values['w'].item(), player.values['y'].item(), player.gradients['x'].item())",
        "player.held = []",
    ]
    write_notebook(lab.folder / "hold.ipynb", cells)
    errors: list[str] = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.set_viewport_size({"width": 1600, "height": 1000})
    lab.open(browser_page, "hold.ipynb")
    cell = browser_page.locator(".jp-CodeCell")

    def run(number):
        cell.nth(number).locator(".jp-InputArea").click()
        lab.command(browser_page, "notebook:run-cell")

    run(0)
    player = browser_page.locator(".gradviz-player")
    player.get_by_role("button", name="Last step").click()
    field = player.locator(".gp-set-to")
    expect(field).to_have_value("2")
    field.fill("7")
    field.press("Enter")
    expect(player.locator('.gv-card[aria-label^="y,"] [id$="_v0"]')).to_have_text("38")
    expect(player.locator('.gv-card[aria-label^="x,"] [id$="_g0"]')).to_have_text("7")
    run(1)
    expect(cell.nth(1).locator(".jp-OutputArea-output")).to_have_text("7.0 38.0 7.0")
    # And Python takes it back.
    run(2)
    expect(player.locator('.gv-card[aria-label^="y,"] [id$="_v0"]')).to_have_text("13")
    assert errors == []
    browser_page.problems.clear()  # JupyterLab itself logs now and then
