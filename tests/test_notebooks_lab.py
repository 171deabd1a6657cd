"""Every notebook in a real JupyterLab: all cells run, and each player in it stepped to its end."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from notebooks import FOLDER, skip_without_pytorch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.sample(3), pytest.mark.costly("notebooks_lab")]

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SHOTS = os.environ.get("GRADVIZ_SHOTS")


@pytest.fixture
def panel(lab, browser_page, request):
    """A notebook, opened and run: all its cells, and not only those in view. At its end its kernel is stopped."""
    path = request.param
    skip_without_pytorch(path)
    errors: list[str] = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    browser_page.set_viewport_size({"width": 1600, "height": 1000})
    shutil.copy(path, lab.folder / path.name)
    lab.open(browser_page, path.name)
    browser_page.evaluate(
        """() => {
            const notebook = jupyterapp.shell.currentWidget.content;
            notebook.notebookConfig = {...notebook.notebookConfig, windowingMode: "none"};
        }"""
    )
    lab.command(browser_page, "notebook:run-all-cells")
    yield browser_page.locator(".jp-NotebookPanel:visible")
    browser_page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    assert errors == []
    browser_page.problems.clear()  # warnings are JupyterLab's own


def shot(element, name):
    """A picture to look at: of the whole element, and of where its animation ends."""
    if SHOTS:
        page, usual = element.page, element.page.viewport_size
        if element.bounding_box()["height"] > usual["height"] - 150:
            page.set_viewport_size({**usual, "height": 4000})
        page.wait_for_timeout(500)
        element.screenshot(path=f"{SHOTS}/{name}.png")
        page.set_viewport_size(usual)


def step_through(player, name):
    """Press *next* as long as it can be pressed: each step is another one, and the last is the end of the backward pass."""
    from playwright.sync_api import expect

    onward, place = player.get_by_role("button", name="Next step"), player.locator(".gp-place")
    expect(place).to_have_text(re.compile("^forward 1 / "))
    seen = [place.text_content()]
    shot(player, f"{name}-first")
    while onward.is_enabled():
        onward.click()
        expect(place).not_to_have_text(seen[-1])
        seen.append(place.text_content())
    shot(player, f"{name}-last")
    words = [text.split() for text in seen]  # ["forward", "1", "/", "3"]
    for half in ("forward", "backward"):
        counted = [(step, steps) for kind, step, _, steps in words if kind == half]
        assert counted == [(str(step), str(len(counted))) for step in range(1, len(counted) + 1)]
        assert counted
    assert words[-1][0] == "backward"


def step_through_training(player, name):
    """To the last epoch, and through its backpropagation; a player that trains computes two epochs first."""
    from playwright.sync_api import expect

    place = player.locator(".gt-place b")
    expect(place).not_to_be_empty()
    shot(player, f"{name}-first")
    if "no epoch yet" in place.text_content():
        for epoch in range(2):
            player.get_by_role("button", name="Next epoch").click()
            expect(place).to_have_text(f"epoch {epoch} / {epoch}")
    else:
        last = re.search(r"/ (\d+)$", place.text_content())[1]
        player.get_by_role("button", name="Last epoch").click()
        expect(place).to_have_text(f"epoch {last} / {last}")
    inward = player.get_by_role("button", name=re.compile("Step through the backpropagation of epoch"))
    if not player.locator(".gt-graph").is_visible():  # a network is shown in its place
        player.get_by_text("Panels", exact=True).click()
        player.get_by_role("group", name="Panels").get_by_label("The graph").check()
        player.page.keyboard.press("Escape")
    expect(inward).to_be_visible()
    shot(player, f"{name}-last")
    inward.click()
    step_through(player.locator(".gt-inside .gradviz-player"), f"{name}-inside")
    player.get_by_role("button", name="Back to the training").click()
    expect(inward).to_be_visible()


@pytest.mark.parametrize("panel", NOTEBOOKS, ids=lambda path: path.stem, indirect=True)
def test_a_notebook_in_jupyterlab(panel, request):
    from playwright.sync_api import expect

    name = request.node.callspec.id
    expect(panel.locator(".jp-InputPrompt", has_text="[*]")).to_have_count(0)
    expect(panel.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    expect(panel.locator("[data-mime-type='application/vnd.jupyter.error']")).to_have_count(0)
    # Each player is alone: its still picture is for where it cannot be.
    for still in panel.locator("[class^=gradviz-still]").all():
        expect(still).to_be_hidden()
    for number, output in enumerate(panel.locator(".jp-OutputArea:not(:has(.gradviz-player)) img").all()):
        assert output.evaluate("image => image.decode().then(() => image.naturalWidth)") > 50
        shot(output, f"{name}-drawing-{number}")

    players = panel.locator(".gradviz-player").all()
    assert players
    for number, player in enumerate(players):
        player.scroll_into_view_if_needed()
        training = "gradviz-training" in player.get_attribute("class")
        (step_through_training if training else step_through)(player, f"{name}-player-{number}")
