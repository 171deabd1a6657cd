"""The documentation is built without a warning and without the network, and its links lead somewhere."""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import missing

from gradviz.engine.operation import TABLE

ROOT = Path(__file__).parents[1]
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built once."""
    try:
        import furo  # noqa: F401
        import myst_nb  # noqa: F401
    except ImportError:
        missing("the documentation is built with Sphinx: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(folder / "trees")]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        text=True,
        env={**os.environ, **NO_NETWORK, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "html"


class Reader(html.parser.HTMLParser):
    """Collect what a page links to, what it loads, and what can be linked to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag in ("img", "script", "iframe") and given.get("src"):
            self.loads.append(given["src"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload") and given.get("href"):
            self.loads.append(given["href"])


@pytest.fixture(scope="module")
def pages(site):
    return {path: Reader(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


@pytest.mark.slow
def test_it_has_a_page_for_everything(site):
    for name in ("index", "start", "notebooks", "mistakes", "for-teachers", "for-authors", "operations", "comparison"):
        assert (site / f"{name}.html").exists()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert (site / "_copied" / "notebooks" / f"{path.stem}.html").exists()
    operations = (site / "operations.html").read_text(encoding="utf-8")
    assert not [name for name in TABLE if f">{name}<" not in operations]
    pictures = (site / "reference" / "pictures.html").read_text(encoding="utf-8")
    for name in ("draw", "backprop", "Drawing", "Options", "Player"):
        assert f'<span class="pre">{name}</span>' in pictures
    assert 'id="gradviz.relu"' in (site / "_copied" / "reference" / "functions.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_links_between_pages_lead_somewhere(site, pages):
    count = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme in ("https", "http", "mailto"), link
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in pages[target].ids, f"{path.relative_to(site)}: {link}"
            count += 1
    assert count > 500


@pytest.mark.slow
def test_it_can_be_read_without_the_network(site, pages):
    for path, page in pages.items():
        fetched = [load for load in page.loads if urlsplit(load).scheme not in ("", "data")]
        assert not fetched, f"{path.relative_to(site)} asks for {fetched}"
        for load in page.loads:
            parts = urlsplit(load)
            if not parts.scheme:
                assert (path.parent / unquote(parts.path)).exists(), f"{path.relative_to(site)}: {load}"


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", ["index", "start", "operations", "for-teachers", "comparison", "reference/pictures"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_window_and_have_no_errors(site, browser_page, name, scheme):
    browser_page.emulate_media(color_scheme=scheme)
    browser_page.goto((site / f"{name}.html").as_uri())
    assert browser_page.locator("h1").first.is_visible()
    assert browser_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shown, page = browser_page.evaluate(
        "[getComputedStyle(document.querySelector('article p')).color, getComputedStyle(document.body).backgroundColor]"
    )
    light = [sum(int(n) for n in re.findall(r"\d+", colour)[:3]) > 380 for colour in (shown, page)]
    assert light == ([False, True] if scheme == "light" else [True, False])


@pytest.mark.slow
@pytest.mark.browser
def test_players_in_the_notebooks_play(site, browser_page):
    asked = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.goto((site / "_copied" / "notebooks" / "02_a_matrix.html").as_uri())
    frame = browser_page.frame_locator("iframe.gradviz-frame").first
    player = frame.locator(".gradviz-player")
    player.press("End")
    frame.get_by_text("backward 9 / 9", exact=True).wait_for()
    browser_page.evaluate("document.body.dataset.theme = 'dark'")
    frame.locator('.gradviz-player[data-theme="dark"]').wait_for()
    assert browser_page.locator(".gradviz-still").first.is_hidden()
    assert [url for url in asked if not url.startswith(("file:", "about:", "data:"))] == []
