"""axe-core, the accessibility checker, finds nothing serious on a saved page, whatever is open on it."""

from __future__ import annotations

import importlib.util

import pytest
from conftest import missing
from test_player_page import line, network

from gradviz.player import page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def axe():
    if importlib.util.find_spec("axe_playwright_python") is None:
        missing("needs axe-core: pip install axe-playwright-python")
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


def as_opened(browser_page):
    pass


def at_the_end(browser_page):
    browser_page.locator(".gradviz-player").press("End")
    browser_page.locator(".gp-panel summary:visible").first.click()


def with_details(browser_page):
    browser_page.locator(".gradviz-player").press("End")
    browser_page.locator(".gv-role-parameter").first.click()
    browser_page.locator(".gp-inspect").wait_for()


def with_a_question(browser_page):
    browser_page.get_by_role("button", name="Predict").click()
    browser_page.locator(".gradviz-player").press("End")
    browser_page.get_by_role("button", name="Hint").click()


def in_large_type(browser_page):
    browser_page.get_by_role("button", name="Large type, for a projector").click()
    browser_page.locator(".gradviz-player").press("End")


STATES = [as_opened, at_the_end, with_details, with_a_question, in_large_type]


@pytest.mark.sample(8)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("make", [line, network], ids=["line", "network"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(axe, browser_page, open_html, scheme, make, state):
    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    open_html(page(make()))
    state(browser_page)
    found = axe.run(browser_page).response
    assert len(found["passes"]) > 10, "axe did not look at the page"
    grave = [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert grave == []


def test_axe_would_find_something(axe, open_html):
    # A button without a name and text that cannot be read: if these go unnoticed, the tests above say nothing.
    text = page(line()).replace("<h1>", '<button></button><p style="color:#eee;background:#fff">faint</p><h1>')
    found = {violation["id"] for violation in axe.run(open_html(text)).response["violations"]}
    assert {"button-name", "color-contrast"} <= found
