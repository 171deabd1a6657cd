"""A real browser and a real JupyterLab, for tests that look at what a user sees."""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

PATIENCE = 60_000
"""Milliseconds after which what is waited for will not come: a busy machine takes its time."""


def missing(reason: str) -> None:
    from conftest import missing

    missing(reason)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium, driven by Playwright. Closed with the module: while it is open no other event loop can run."""
    named = os.environ.get("GRADVIZ_CHROMIUM")
    program = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if program is None:
        missing("needs a Chromium browser: apt-get install chromium, or set GRADVIZ_CHROMIUM")
    if importlib.util.find_spec("playwright") is None:
        missing("needs Playwright to drive the browser: pip install playwright")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def browser_page(chromium: Any) -> Iterator[Any]:
    """A fresh page of 1280×720. The test fails if anything went wrong on it that a user would not see."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.problems = problems
    yield page
    context.close()
    assert problems == []


@pytest.fixture
def open_html(browser_page: Any, tmp_path: Path) -> Callable[[str], Any]:
    """Save HTML text to a file and open it from the disk; whatever else the page asks for is a failure."""
    path = tmp_path / "page.html"

    def request_is_the_file_itself(request: Any) -> None:
        if request.url != path.as_uri():
            browser_page.problems.append(f"the page requested {request.url[:200]}")

    def open_it(text: str) -> Any:
        path.write_text(text, encoding="utf-8")
        browser_page.on("request", request_is_the_file_itself)
        browser_page.goto(path.as_uri())
        # Unpacking what the page carries takes a moment.
        if browser_page.locator("#gradviz-page").count():
            browser_page.locator("#gradviz-page > *").first.wait_for(state="attached")
        return browser_page

    return open_it


_PAYLOAD = re.compile(r'(?<=id="gradviz-payload">)[^<]*')


def payload_of(page: str) -> str:
    """Return the payload of a saved page, as JSON text."""
    found = _PAYLOAD.search(page)
    assert found is not None
    return zlib.decompress(base64.b64decode(found[0])).decode()


def with_payload(page: str, change: Callable[[str], str]) -> str:
    """Return a saved page whose payload, as JSON text, somebody has changed."""

    packed = base64.b64encode(zlib.compress(change(payload_of(page)).encode())).decode()
    return _PAYLOAD.sub(packed, page, count=1)


def with_a_clock_of_its_own(browser_page: Any, open_html: Callable[[str], Any], content: str) -> None:
    """Open a page whose time stands still but for `run_for`: however busy the machine is."""
    browser_page.clock.install(time=0)
    open_html(content)
    browser_page.clock.pause_at(3600)


class Lab:
    """A JupyterLab server of our own, with nothing of the user's settings."""

    def __init__(self, address: str, token: str, folder: Path) -> None:
        self.address, self.token, self.folder = address, token, folder

    def open(self, page: Any, name: str) -> None:
        """Open a notebook and wait for its kernel, without which JupyterLab would ask to select one."""
        page.goto(f"{self.address}/lab/tree/{name}?token={self.token}&reset")
        page.locator(".jp-NotebookPanel:visible").wait_for()
        page.evaluate(
            """async () => {
                const session = jupyterapp.shell.currentWidget.sessionContext;
                await session.ready;
                await session.session.kernel.info;
            }"""
        )

    @staticmethod
    def command(page: Any, name: str, *, wait: bool = True) -> None:
        """Run one of JupyterLab's own commands; and wait until it is done, as running a cell is when the cell has run."""
        page.evaluate(
            "([name, wait]) => { const done = jupyterapp.commands.execute(name); return wait ? done : null; }",
            [name, wait],
        )


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab on the loopback interface."""
    if importlib.util.find_spec("jupyterlab") is None:
        missing("needs JupyterLab: pip install jupyterlab")
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    python_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": python_path,
    }
    log = home / "server.log"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", "--ServerApp.allow_root=True"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 600
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token={token}", timeout=10).close()
                break
            except OSError:
                time.sleep(0.2)
        yield Lab(f"http://127.0.0.1:{port}", token, folder)
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
