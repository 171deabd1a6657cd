"""Players where there is no kernel: one HTML output that carries itself, in a real browser."""

from __future__ import annotations

import re

import pytest

import gradviz as gv

HEIGHTS = (
    "() => [...document.querySelectorAll('iframe.gradviz-frame')].map(frame => frame.getBoundingClientRect().height)"
)


def player():
    x = gv.tensor([[1.0, 2.0], [3.0, 4.0]])
    w = gv.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    return gv.backprop(((x @ w) ** 2).sum())


def run():
    w = gv.tensor(1.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1)
    with gv.record() as run:
        for _epoch in range(5):
            optimizer.zero_grad()
            loss = (w - 3.0) ** 2
            loss.backward()
            optimizer.step()
    return run


def document(*outputs, style=""):
    return f"<!doctype html><meta charset=utf-8><style>{style}</style><body>{'<p>between</p>'.join(outputs)}</body>"


@pytest.fixture
def shown(browser_page, tmp_path):
    """Open a page, from which nothing else may be requested."""

    def shown(text):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        allowed = (path.as_uri(), "about:srcdoc", "data:")
        browser_page.on(
            "request",
            lambda request: request.url.startswith(allowed) or browser_page.problems.append(request.url[:100]),
        )
        browser_page.goto(path.as_uri())
        return browser_page

    return shown


def test_the_output_holds_a_line_for_markdown_and_nothing_of_its_own_page_leaks():
    output = player().static()
    assert repr(output).startswith("<Static '")
    assert output._repr_html_() == output.html
    assert "\n\n" not in output.html
    assert "<h1" not in output.html  # the page is an attribute, escaped


def test_players_play_in_a_page_and_take_their_own_heights(shown):
    page = shown(document(player().static().html, run().static().html))
    first, second = (page.frame_locator("iframe.gradviz-frame").nth(place) for place in (0, 1))
    first.locator("svg.gv").wait_for()
    second.locator(".gradviz-training").wait_for()
    page.wait_for_function(f"({HEIGHTS})().every(height => height !== 560)")
    one, two = page.evaluate(HEIGHTS)
    assert 200 < one < two < 720  # a run is one screen
    for frame in (first, second):  # all of each is seen
        assert frame.locator("html").evaluate("root => root.scrollHeight <= innerHeight + 1")
    assert page.locator(".gradviz-still").first.is_hidden()
    first.locator(".gradviz-player").press("End")
    first.get_by_text("backward 4 / 4", exact=True).wait_for()
    second.locator(".gradviz-training").press("End")
    second.get_by_text("epoch 4 / 4", exact=True).wait_for()
    assert page.evaluate(HEIGHTS)[0] == pytest.approx(one, abs=200)  # it does not grow for ever


def test_light_and_dark_follow_the_page_around(shown):
    dark = "body { background: #fff } body.dark { background: #111 }"
    page = shown(document(player().static().html, style=dark))
    inside = page.frame_locator("iframe.gradviz-frame").locator(".gradviz-player")
    inside.wait_for()
    page.wait_for_function(f"({HEIGHTS})()[0] !== 560")
    assert inside.get_attribute("data-theme") == "light"
    page.evaluate("document.body.className = 'dark'")
    page.frame_locator("iframe.gradviz-frame").locator('.gradviz-player[data-theme="dark"]').wait_for()
    page.evaluate("document.body.className = ''")
    page.frame_locator("iframe.gradviz-frame").locator('.gradviz-player[data-theme="light"]').wait_for()


def test_the_frame_reaches_nothing_of_the_page_around_it(shown):
    page = shown(document(player().static().html))
    page.frame_locator("iframe.gradviz-frame").locator("svg.gv").wait_for()
    (frame,) = (frame for frame in page.frames if frame.parent_frame)
    reached = "(() => { try { return typeof parent.document } catch (error) { return error.name } })()"
    assert frame.evaluate(reached) == "SecurityError"


def test_where_frames_are_taken_away_the_still_is_seen(shown):
    text = re.sub(r"<(iframe|script|style)\b.*?</\1>", "", player().static().html, flags=re.DOTALL)
    page = shown(document(text))
    image = page.locator(".gradviz-still img")
    assert image.is_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
