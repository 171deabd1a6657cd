"""Work per frame while a run is played, from the browser's own trace: script, style, layout and paint, as processor time.

`benchmarks.player` calls it; alone it runs with ``python -m benchmarks.playback``, with ``--lab`` in a real JupyterLab too (needs
``pip install jupyterlab``). What the trace says of the thread of the page is summed up between two changes of the epoch that is
shown; times are those of the processor, so that what else the machine does does not count. A frame is dropped where an epoch was to
be shown within a thirtieth of a second of work and could not: its work took longer than that.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gradviz as gv
from gradviz.training import Run

OUT = Path(__file__).with_name("player.json")
KINDS = {
    "script": {
        "FunctionCall",
        "EvaluateScript",
        "FireAnimationFrame",
        "TimerFire",
        "EventDispatch",
        "RunMicrotasks",
        "MinorGC",
        "MajorGC",
    },
    "style": {"UpdateLayoutTree"},
    "layout": {"Layout"},
    "paint": {"PrePaint", "Paint", "Layerize", "Commit"},
}
WANTED = {"page": 16.0, "notebook": 33.0}
"""Milliseconds that the median frame may take."""

FRAME_MS = 1000 / 30

# Every epoch that is shown leaves a mark in the trace.
MARKED = """() => {
    const place = document.querySelector(".gt-place");
    new MutationObserver(() => performance.mark("epoch")).observe(place, { childList: true, characterData: true, subtree: true });
}"""
ENDED = "() => document.querySelector('.gradviz-training .gp-play').getAttribute('aria-label') === 'Play'"


def rings(epochs: int = 100) -> Run:
    """A 2-8-8-2 network that tells a disc from the ring around it, by 120 examples."""
    gv.manual_seed(0)
    x = gv.randn(120, 2)
    y = ((x**2).sum(1) > 1.4).long()
    nn = gv.nn
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = gv.optim.SGD(model.parameters(), lr=0.5)
    with gv.record(progress=False) as run:
        for epoch in range(epochs):  # noqa: B007
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return run


def played(browser: Any, page: Any) -> dict[str, Any]:
    """Play the run that a page shows, at four times the usual speed, and return the work of each frame in milliseconds."""
    page.evaluate(MARKED)
    page.locator(".gradviz-training .gp-speed").select_option("4")
    browser.start_tracing(page=page, categories=["devtools.timeline", "blink.user_timing"])
    page.locator(".gradviz-training .gp-play").click()
    page.wait_for_function(ENDED, timeout=120_000)
    return told(json.loads(browser.stop_tracing())["traceEvents"])


def told(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum up a trace: the median and the 95th percentile of the work between two marks, in all and by kind."""
    marks = [one for one in events if one.get("name") == "epoch" and "user_timing" in one.get("cat", "")]
    thread = (marks[0]["pid"], marks[0]["tid"])
    times = sorted(one["ts"] for one in marks)
    frames = [dict.fromkeys(KINDS, 0.0) for _ in times]
    ends: float = 0
    for event in sorted(
        (one for one in events if one.get("ph") == "X"), key=lambda one: (one["ts"], -one.get("dur", 0))
    ):
        kind = next((kind for kind, names in KINDS.items() if event["name"] in names), None)
        if kind is None or (event["pid"], event["tid"]) != thread or not times[0] <= event["ts"] < times[-1]:
            continue
        place = sum(time <= event["ts"] for time in times) - 1
        inside = event["ts"] < ends  # of an event that was counted, such as a layout that a script asked for
        if not inside:
            frames[place][kind] += event.get("tdur", 0) / 1000
            ends = event["ts"] + event.get("dur", 0)
    frames = frames[:-1]
    whole = [sum(frame.values()) for frame in frames]
    return {
        "frames": len(frames),
        "median_ms": round(statistics.median(whole), 1),
        "ms_95": round(sorted(whole)[int(0.95 * len(whole))], 1),
        **{f"{kind}_ms": round(statistics.median(frame[kind] for frame in frames), 1) for kind in KINDS},
        "dropped": round(sum(one > FRAME_MS for one in whole) / len(whole), 3),
    }


def in_page(browser: Any) -> dict[str, Any]:
    """Play a saved page."""
    with tempfile.TemporaryDirectory() as folder:
        path = rings().save(Path(folder) / "run.html")
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(path.as_uri())
        page.locator(".gradviz-training .gt-network").wait_for()
        page.wait_for_timeout(500)
        found = played(browser, page)
        page.close()
    return found


def in_notebook(browser: Any) -> dict[str, Any]:
    """Play the same run in a real JupyterLab, as the tests have it."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from browser import lab
    from test_player_lab import write_notebook

    from benchmarks.redraw import _Folders

    servers = lab.__wrapped__(_Folders())  # the fixture's own function
    server = next(servers)
    write_notebook(server.folder / "played.ipynb", ["from benchmarks.playback import rings\nrings()"])
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    server.open(page, "played.ipynb")
    server.command(page, "notebook:run-all-cells")
    page.locator(".gradviz-training .gt-network").wait_for()
    page.wait_for_timeout(3000)
    found = played(browser, page)
    page.close()
    servers.close()
    return found


def measured(browser: Any, notebook: bool) -> dict[str, Any]:
    """Return what was found, and print it."""
    found = {"page": in_page(browser), **({"notebook": in_notebook(browser)} if notebook else {})}
    for name, one in found.items():
        parts = ", ".join(f"{kind} {one[f'{kind}_ms']:.1f}" for kind in KINDS)
        print(
            f"2-8-8-2 played in a {name}: {one['median_ms']:.1f} ms of work a frame ({parts}; 95 %: {one['ms_95']:.1f}; "
            f"{WANTED[name]:.0f} wanted), {one['dropped']:.0%} of {one['frames']} frames dropped"
        )
    return found


def main() -> None:
    """Measure, and put what was found among the player's numbers."""
    from playwright.sync_api import sync_playwright

    from benchmarks.player import chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        found = measured(browser, "--lab" in sys.argv)
        browser.close()
    known = json.loads(OUT.read_text())
    OUT.write_text(json.dumps({**known, "training": {**known.get("training", {}), **found}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
