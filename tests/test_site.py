"""The site is built without a warning and without the network; its links lead somewhere, its players play, Python runs in it."""

from __future__ import annotations

import html.parser
import importlib.util
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import course
import pytest
from conftest import missing
from test_player_lab import write_notebook

from gradviz.engine.operation import TABLE

pytestmark = pytest.mark.costly("site")

ROOT = Path(__file__).parents[1]
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
LITE = "needs JupyterLite, in an environment of its own: pip install '.[site,pyodide]' pytest hypothesis playwright"

LESSON = [
    """\
import gradviz as gv
w = gv.tensor(2.0, requires_grad=True)
y = (w * 5.0 + 3.0) ** 2
gv.draw(y)""",
    "gv.backprop(y)",
    """\
u = gv.tensor(1.0, requires_grad=True)
with gv.record() as run:
    for _epoch in range(5):
        u.grad = None
        loss = (u - 3.0) ** 2
        loss.backward()
        u.data -= 0.1 * u.grad
run""",
    """\
model = gv.nn.Linear(1, 1)
x = gv.linspace(-1, 1, 8).reshape(-1, 1)
def closure():
    return gv.nn.functional.mse_loss(model(x), 2 * x)
live = gv.train(closure, gv.optim.SGD(model.parameters(), lr=0.1), epochs=4)
live.train(2)
gv.check.gradient(130.0, of=y, to=w)
live""",
    """\
gv.save({"w": w}, "w.pt")
run.save("run.zip")
gv.draw(y).save("y.svg")
print(gv.load("w.pt")["w"].item(), len(gv.load("run.zip")), open("y.svg").read()[:4])""",
]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A folder to be served, built once: the site is in `a/course`, with Python in its pages where there is a Pyodide for it.

    What could not be had is told in `without`, by the folder of the site that it leaves out.
    """
    try:
        import furo  # noqa: F401
        import myst_nb  # noqa: F401
    except ImportError:
        missing("the documentation is built with Sphinx: pip install '.[docs]'")
    builder, work, folder = course.builder(), tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("site")
    out, without = folder / "a" / "course", {}
    given = course.pyodide()
    if given is None:
        without = dict.fromkeys(("wheels", "lite"), course.NEEDS_PYODIDE)
    else:
        try:
            builder.wheels(work / "wheels")
        except subprocess.CalledProcessError:
            without = dict.fromkeys(
                ("wheels", "lite"), "needs PyPI, for the wheels of pure Python that the site carries"
            )
        if importlib.util.find_spec("jupyterlite_core") is None:
            without.setdefault("lite", LITE)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NO_NETWORK.items():
            patch.setenv(name, value)
        builder.pages(out, work, "wheels" not in without, quick=False)
        if "wheels" not in without:
            builder.distribution(builder.pyodide(given, work), out / "pyodide")
            (work / "wheels").rename(out / "wheels")
        if "lite" not in without:
            write_notebook(work / "lesson.ipynb", LESSON)
            builder.lite(out / "lite", work, out / "wheels", [work / "lesson.ipynb"])
    return folder, without


@pytest.fixture(scope="module")
def site(host):
    return host[0] / "a" / "course"


@pytest.fixture
def visit(host, browser_page):
    """Open a page of the site as a static host has it, under a path. In the end nothing was asked of anybody else."""
    folder, without = host
    asked = []

    def go(path, needs=None):
        if needs in without:
            pytest.skip(without[needs])
        browser_page.goto(address + path)
        return browser_page

    with course.hosted(folder) as root:
        address = root + "a/course/"
        browser_page.context.on("request", lambda request: asked.append(request.url))
        yield go
        browser_page.goto("about:blank")  # before its server goes
    # JupyterLite's service worker is woken by an address of the host itself.
    own = (address, root + "api/service-worker-heartbeat", "data:", "blob:", "about:")
    assert [url for url in asked if not url.startswith(own)] == []


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
    return {
        path: Reader(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if "lite" not in path.parts
    }


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
            if "lite" in target.parts and not (site / "lite").exists():
                continue  # without JupyterLite it is not built, and its own test says so
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
def test_a_player_is_light_or_dark_as_its_page(visit):
    page = visit("_copied/notebooks/02_a_matrix.html")
    page.evaluate("document.body.dataset.theme = 'dark'")
    page.frame_locator("iframe.gradviz-frame").first.locator('.gradviz-player[data-theme="dark"]').wait_for()
    assert page.locator(".gradviz-still").first.is_hidden()


@pytest.mark.slow
@pytest.mark.browser
def test_every_player_goes_to_its_end(site, pages, visit):
    live = [path for path in pages if 'class="gradviz-frame"' in path.read_text(encoding="utf-8")]
    assert {site / "index.html", *(site / "_copied" / "notebooks").glob("*.html")} <= set(live)
    for path in live:
        page = visit(path.relative_to(site).as_posix())
        frames = page.locator("iframe.gradviz-frame")
        for number in range(frames.count()):
            frames.nth(number).scroll_into_view_if_needed()
            player = frames.nth(number).content_frame.locator(".gradviz-player")
            player.press("End")
            player.get_by_text(re.compile(r"^(backward|epoch|step) (\d+) / \2$")).wait_for()


@pytest.mark.slow
@pytest.mark.browser
def test_programs_in_a_page_are_changed_and_run(visit):
    page = visit("try.html", "wheels")
    line, layer, training = page.locator(".gradviz-cell").all()

    line.get_by_role("button", name="Run").click()
    line.get_by_text("Done.", exact=True).wait_for(timeout=240_000)
    frame = line.frame_locator("iframe.gradviz-frame")
    frame.locator(".gradviz-player").press("End")
    frame.get_by_text("backward 3 / 3", exact=True).wait_for()
    code = page.get_by_role("textbox", name="Program 1")
    code.fill(code.input_value().replace("2.0", "7.0") + "\nprint(y.item())")
    code.press("Shift+Enter")
    line.get_by_text("38.0", exact=True).wait_for()
    code.fill("print(1 / 0)")
    code.press("Shift+Enter")
    line.get_by_text("ZeroDivisionError: division by zero").wait_for()

    layer.get_by_role("button", name="Run").click()
    picture = layer.locator(".gradviz-shown img")
    picture.wait_for()
    assert picture.bounding_box()["width"] > 300
    training.get_by_role("button", name="Run").click()
    frame = training.frame_locator("iframe.gradviz-frame")
    frame.locator(".gradviz-training").press("End")
    frame.get_by_text("epoch 11 / 11", exact=True).wait_for()


@pytest.mark.slow
@pytest.mark.browser
def test_a_notebook_in_jupyterlite_runs_to_its_end(visit):
    """Installed out of the site; a picture drawn, a player and a run stepped, a check answered, files written and read."""
    from playwright.sync_api import expect

    page = visit("lite/lab/index.html?path=lesson.ipynb", "lite")
    page.set_viewport_size({"width": 1280, "height": 2400})  # cells out of sight are not rendered
    page.locator(".jp-NotebookPanel:visible").wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=240_000)
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first.click()
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    prompts = cells.locator(".jp-InputArea-prompt")
    expect(prompts).to_have_text([f"[{number + 1}]:" for number in range(len(LESSON) + 1)], timeout=240_000)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
    expect(cells.nth(1).locator("svg, img").first).to_be_visible()
    player, training = page.locator(".gradviz-player").first, page.locator(".gradviz-training").first
    player.press("End")
    expect(player.get_by_text("backward 4 / 4", exact=True)).to_be_visible()
    training.press("End")
    expect(training.get_by_text("epoch 4 / 4", exact=True)).to_be_visible()
    # A training goes on when it is told to.
    live = page.locator(".gradviz-training").nth(1)
    expect(live.get_by_text("epoch 1 / 1", exact=True)).to_be_visible()
    live.get_by_role("button", name="Play").click()
    expect(live.get_by_text("epoch 3 / 3", exact=True)).to_be_visible()
    expect(cells.nth(4)).to_contain_text("Right: ∂y/∂w = 130")
    expect(cells.nth(5)).to_contain_text("2.0 5 <svg")
    page.problems.clear()  # JupyterLite's own warnings
