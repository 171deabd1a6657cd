"""Redrawing as a slider moves: how often the layout is found again, and what a redraw costs beside a first picture.

Run with ``python -m benchmarks.redraw``. Everything is told as shares and ratios of processor time in the same run: ``hits``, of the 60
positions of a slider after the first the share that finds its layouts; ``redraw``, a picture with other numbers over the first of its kind, which
has to be laid out; ``update``, a player that takes a new result over one that is made. With ``--lab`` also in a real JupyterLab
(needs ``pip install jupyterlab playwright`` and Chromium): ``lag``, how long after the last of 20 moves within 0.4 s its numbers are
shown, over how long one move alone takes; and of the 20, how many were drawn. Prints a table and writes ``benchmarks/redraw.json``.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gradviz as gv
from gradviz.drawing import layout

OUT = Path(__file__).with_suffix(".json")
PLACES = [k / 10 for k in range(-30, 31)]
ROUNDS = 7


def line(value: float) -> Any:
    """One number through a few operations."""
    w, x = gv.tensor(value, requires_grad=True), gv.tensor(5.0)
    return (w * x + 3.0) ** 2


def paths(value: float) -> Any:
    """A number in several places, where gradients are added."""
    a, b = gv.tensor(value, requires_grad=True), gv.tensor(2.0, requires_grad=True)
    c = a + b
    d = a * b + b**3
    return (c + c + 1 - d) ** 2 / 2.0


def matrix(value: float) -> Any:
    """A product of matrices, one entry of which is moved."""
    x = gv.tensor([[1.0, 2.0], [3.0, 4.0]])
    w = gv.tensor([[value, -1.0], [2.0, 0.25]], requires_grad=True)
    return ((x @ w) ** 2).sum()


def network(value: float) -> Any:
    """A small classifier, one input of which is moved."""
    gv.manual_seed(0)
    net = gv.nn.Sequential(gv.nn.Linear(2, 3), gv.nn.Tanh(), gv.nn.Linear(3, 2))
    return gv.nn.functional.cross_entropy(net(gv.tensor([[value, 1.0]])), gv.tensor([1]))


MOVED: dict[str, Callable[[float], Any]] = {"line": line, "paths": paths, "matrix": matrix, "network": network}


def spent(run: Callable[[], Any]) -> float:
    """Return the processor time of something, that of Graphviz included."""

    def used() -> float:
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in both)

    before = used()
    run()
    return used() - before


def measured(of: Callable[[float], Any]) -> dict[str, float]:
    """Return the ratios of one computation."""
    layout._laid_out.cache_clear()
    misses = []  # before each position: one picture may need several layouts
    for value in PLACES:
        misses.append(layout._laid_out.cache_info().misses)
        assert gv.draw(of(value)).layout.width
    misses.append(layout._laid_out.cache_info().misses)
    hits = sum(before == after for before, after in pairwise(misses[1:])) / (len(PLACES) - 1)

    def first() -> None:
        layout._laid_out.cache_clear()
        gv.draw(of(2.0)).to_svg()

    firsts = statistics.median(spent(first) for _ in range(ROUNDS))
    again = statistics.median(spent(lambda k=k: gv.draw(of(2.0 - k / 10)).to_svg()) for k in range(ROUNDS))  # type: ignore[misc]
    made = statistics.median(spent(lambda: gv.backprop(of(2.0))) for _ in range(ROUNDS))
    player = gv.backprop(of(2.0))
    updated = statistics.median(spent(lambda k=k: player.update(of(2.0 - k / 10))) for k in range(ROUNDS))  # type: ignore[misc]
    return {"hits": round(hits, 3), "redraw": round(again / firsts, 3), "update": round(updated / made, 3)}


CELLS = [
    """\
import gradviz as gv, ipywidgets
from benchmarks.redraw import line
def slider():
    return ipywidgets.FloatSlider(value=2.0, min=-3, max=3, step=0.1)
ipywidgets.interact(lambda value: gv.draw(line(value)), value=slider());""",
    """\
player, moved = gv.backprop(line(2.0)), slider()
moved.observe(lambda change: player.update(line(change.new)), "value")
ipywidgets.VBox([moved, player])""",
]

# Moves a slider so many times, and waits until what is shown is where it stands.
MOVES = """async ([place, count]) => {
    const cell = document.querySelectorAll(".jp-CodeCell")[place];
    const handle = cell.querySelector(".noUi-handle");
    const decode = text => new TextDecoder().decode(Uint8Array.from(atob(text), sign => sign.charCodeAt(0)));
    const shown = () => {
        const card = cell.querySelector(".gradviz-player .gv-card");
        if (card) return card.getAttribute("aria-label");
        const image = cell.querySelector(".widget-interact img");
        return image ? decode(image.src.split(",")[1]) : "";
    };
    const wanted = () => `value ${String(Math.round(Number(handle.getAttribute("aria-valuetext")) * 10) / 10).replace("-", "\\u2212")},`;
    let drawn = 0;
    let before = shown();
    const observer = new MutationObserver(() => {
        const now = shown();
        drawn += now !== before;
        before = now;
    });
    observer.observe(cell, { subtree: true, childList: true, attributes: true });
    for (let k = 0; k < count; k += 1) {
        handle.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
        if (k < count - 1) await new Promise(resolve => setTimeout(resolve, 20));
    }
    const start = performance.now();
    while (!shown().includes(wanted())) await new Promise(requestAnimationFrame);
    const lag = performance.now() - start;
    await new Promise(resolve => setTimeout(resolve, 1500));
    observer.disconnect();
    return [lag, drawn];
}"""


def in_jupyterlab() -> dict[str, dict[str, float]]:
    """Move the sliders of a notebook in a real JupyterLab, as the tests have it."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import pytest
    from browser import CHROMIUM_ARGUMENTS, lab
    from playwright.sync_api import sync_playwright
    from test_player_lab import write_notebook

    from benchmarks.player import chromium

    found: dict[str, dict[str, float]] = {}
    with pytest.MonkeyPatch.context(), sync_playwright() as playwright:
        servers = lab.__wrapped__(_Folders())  # the fixture's own function
        server = next(servers)
        write_notebook(server.folder / "redraw.ipynb", CELLS)
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1400})
        page.set_default_timeout(120_000)
        server.open(page, "redraw.ipynb")
        server.command(page, "notebook:run-all-cells")
        page.locator(".widget-interact img").wait_for()
        page.locator(".gradviz-player .gv-card").first.wait_for()
        for place, name in enumerate(("interact", "update")):
            alone = statistics.median(page.evaluate(MOVES, [place, 1])[0] for _ in range(5))
            many = [page.evaluate(MOVES, [place, 20]) for _ in range(2)]
            found[name] = {
                "one_ms": round(alone, 1),
                "lag_ms": round(statistics.median(lag for lag, _ in many), 1),
                "lag": round(statistics.median(lag for lag, _ in many) / alone, 2),
                "drawn_of_20": statistics.median(drawn for _, drawn in many),
            }
        browser.close()
        servers.close()
    return found


class _Folders:
    """What the tests' JupyterLab asks pytest for."""

    def mktemp(self, name: str) -> Path:
        import tempfile

        return Path(tempfile.mkdtemp(prefix=name))


def main() -> int:
    """Measure, print, write, and return an exit status."""
    found: dict[str, Any] = {"ratios": {name: measured(of) for name, of in MOVED.items()}}
    print(f"{'':12}{'hits':>8}{'redraw':>9}{'update':>9}")
    for name, ratios in found["ratios"].items():
        print(f"{name:12}{ratios['hits']:8.0%}{ratios['redraw']:9.2f}{ratios['update']:9.2f}")
    if "--lab" in sys.argv:
        found["JupyterLab"] = in_jupyterlab()
        for name, told in found["JupyterLab"].items():
            print(
                f"{name}: one move takes {told['one_ms']:.0f} ms, the last of 20 is shown after {told['lag']:.1f} times that "
                f"({told['lag_ms']:.0f} ms); {told['drawn_of_20']:.0f} of them were drawn"
            )
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
