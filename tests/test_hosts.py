"""What other hosts than JupyterLab show, in a real browser: marimo, Notebook 7, the page that nbconvert makes.

marimo and Notebook are too large to be required: where one is not installed its test is skipped, and says how to have it.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest
from browser import PATIENCE, REPOSITORY
from test_player_lab import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.costly("hosts")]

CELLS = [
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
]


@contextmanager
def served(command, folder, path):
    """Start a server on a free port, which the command has as ``{port}``, and return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = folder / "home"
    home.mkdir()
    python_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    own = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "PYTHONPATH": python_path,
        "IPYTHONDIR": str(home / "ipython"),
    }
    own |= {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    log, address = folder / "server.log", f"http://127.0.0.1:{port}/{path}"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [part.format(port=port) for part in command],
            env={**os.environ, **own},
            stdout=output,
            stderr=output,
            cwd=folder,
        )
    try:
        deadline = time.monotonic() + 300
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{log.read_text()}")
            try:
                urllib.request.urlopen(address, timeout=10).close()
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def play_to_the_end(page):
    """Step the player and the run on a page, or in its frame, from their beginnings to their ends."""
    from playwright.sync_api import expect

    player, training = page.locator(".gradviz-player").first, page.locator(".gradviz-training").first
    place = player.locator(".gp-place")
    expect(place).to_have_text("forward 1 / 4")
    onward = player.get_by_role("button", name="Next step")
    for _ in range(7):
        onward.click()
    expect(place).to_have_text("backward 4 / 4")
    expect(onward).to_be_disabled()
    training.press("End")
    expect(training.get_by_text("epoch 4 / 4", exact=True)).to_be_visible()


def fits(page):
    """At the width of a phone nothing reaches beyond the page."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(300)
    return page.evaluate(
        "Math.max(0, ...[...document.querySelectorAll('.gradviz-player, .gradviz-training, iframe.gradviz-frame, img')]"
        ".map(node => node.getBoundingClientRect().right)) <= window.innerWidth + 1"
    )


def test_notebook_7(browser_page, tmp_path):
    if importlib.util.find_spec("notebook") is None:
        pytest.skip("needs Notebook 7: pip install notebook")
    write_notebook(tmp_path / "lesson.ipynb", CELLS)
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "notebook", "--no-browser", "--ip=127.0.0.1", "--port={port}", "--allow-root"]
    command += [
        f"--IdentityProvider.token={token}",
        "--ServerApp.port_retries=0",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    browser_page.set_viewport_size({"width": 1280, "height": 1400})
    with served(command, tmp_path, f"api/status?token={token}") as address:
        browser_page.goto(address.replace("api/status", "notebooks/lesson.ipynb"))
        browser_page.locator(".jp-NotebookPanel:visible").wait_for()
        browser_page.evaluate(
            """async () => {
                const session = jupyterapp.shell.currentWidget.sessionContext;
                await session.ready;
                await session.session.kernel.info;
                await jupyterapp.commands.execute("notebook:run-all-cells");
            }"""
        )
        play_to_the_end(browser_page)
        assert browser_page.locator("[class^=gradviz-still]").first.is_hidden()
        browser_page.goto("about:blank")  # before its server goes
    browser_page.problems.clear()  # Notebook's own, which misses its settings where it was not installed in the usual place


def test_marimo(browser_page, tmp_path):
    program = os.environ.get("GRADVIZ_MARIMO", "")
    if not program and importlib.util.find_spec("marimo") is None:
        pytest.skip(
            "needs marimo: pip install marimo, or set GRADVIZ_MARIMO to a marimo that has gradviz's dependencies"
        )
    from playwright.sync_api import expect

    lesson = tmp_path / "lesson.py"
    lesson.write_bytes((REPOSITORY / "tests" / "hosts_marimo.py").read_bytes())
    command = [program] if program else [sys.executable, "-m", "marimo"]
    command += ["--quiet", "run", str(lesson), "--headless", "--port={port}", "--no-token"]
    errors = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.set_viewport_size({"width": 1280, "height": 1600})
    with served(command, tmp_path, "") as address:
        browser_page.goto(address)
        # The learner's own lines, without the function around them.
        code = browser_page.locator(".gradviz-player .gp-code")
        expect(code).to_contain_text("v = gv.tensor([3.0, 4.0], requires_grad=True)", timeout=2 * PATIENCE)
        expect(code).not_to_contain_text("def _")
        expect(browser_page.get_by_text("Not quite.")).to_be_visible()  # a check
        # A slider redraws, and the picture stays where it is.
        image = browser_page.locator("img[alt^='y =']")
        before = image.get_attribute("src")
        box = image.bounding_box()
        handle = browser_page.locator("[role=slider][data-testid=thumb]")
        handle.focus()
        for _ in range(30):
            browser_page.keyboard.press("ArrowLeft")
        expect(image).not_to_have_attribute("src", before)
        browser_page.wait_for_function(
            """() => {
                const signs = atob(document.querySelector("img[alt^='y =']").src.split(",")[1]);
                return new TextDecoder().decode(Uint8Array.from(signs, sign => sign.charCodeAt(0))).includes("value −1,");
            }"""
        )
        assert image.bounding_box() == box
        player = browser_page.locator(".gradviz-player").first
        player.press("End")
        expect(player.locator(".gp-place")).to_have_text("backward 3 / 3")
        training = browser_page.locator(".gradviz-training").first
        training.press("End")
        expect(training.get_by_text("epoch 4 / 4", exact=True)).to_be_visible()
        assert fits(browser_page)
        browser_page.goto("about:blank")  # before its server goes
    assert errors == []
    browser_page.problems.clear()  # marimo itself logs now and then


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_that_nbconvert_makes(browser_page, tmp_path, monkeypatch, scheme):
    monkeypatch.setenv("GRADVIZ_STATIC", "1")
    write_notebook(tmp_path / "lesson.ipynb", CELLS)
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "html",
        "--execute",
        "--embed-images",
        f"--HTMLExporter.theme={scheme}",
    ]
    python_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    subprocess.run(
        [*command, "lesson.ipynb"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": python_path},
    )
    browser_page.route("http**", lambda route: route.abort())  # the page asks for MathJax, and is complete without
    browser_page.goto((tmp_path / "lesson.html").as_uri())
    frames = browser_page.locator("iframe.gradviz-frame")
    assert frames.count() == 2
    from playwright.sync_api import expect

    player = browser_page.frame_locator("iframe.gradviz-frame").nth(0).locator(".gradviz-player")
    expect(player).to_have_attribute("data-theme", scheme)
    place, onward = player.locator(".gp-place"), player.get_by_role("button", name="Next step")
    for _ in range(7):
        onward.click()
    expect(place).to_have_text("backward 4 / 4")
    training = browser_page.frame_locator("iframe.gradviz-frame").nth(1).locator(".gradviz-training")
    training.press("End")
    expect(training.get_by_text("epoch 4 / 4", exact=True)).to_be_visible()
    assert fits(browser_page)
    browser_page.problems.clear()  # what it could not have
