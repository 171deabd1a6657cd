"""Recording a training loop beside the same loop without it, and a long run in a real browser.

Run with ``python -m benchmarks.training``; needs ``pip install playwright`` and Chromium. A loop and its recording take turns, on
one thread, so that a slow moment of the machine hits both; compare their ratio, not the times. Moving to another epoch is timed
from the input to the end of the layout that follows it. Prints a table and writes ``benchmarks/training.json``.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gradviz as gv
from benchmarks.player import chromium, in_browser
from gradviz.training import Run

OUT = Path(__file__).with_suffix(".json")
ROUNDS = 7

Loop = Callable[[int], None]

# The track is dragged: to 200 epochs, far apart, each with what it leads to at once: patching, style and layout. Between two
# the page is painted.
SCRUBS = """async () => {
    const player = document.querySelector(".gradviz-training");
    const track = document.querySelector(".gt-range");
    const last = Number(track.max);
    const channel = new MessageChannel();
    const painted = () => new Promise(resolve => requestAnimationFrame(() => {
        channel.port1.onmessage = resolve; // after the frame has been laid out and painted
        channel.port2.postMessage(0);
    }));
    const times = [];
    for (let k = 0; k < 200; k += 1) {
        await painted();
        const start = performance.now();
        track.value = String(Math.round((k * 0.618034 % 1) * last));
        track.dispatchEvent(new Event("input", { bubbles: true }));
        player.getBoundingClientRect(); // the layout, now
        times.push(performance.now() - start);
    }
    return times;
}"""


def seed() -> Loop:
    """The tutorial's last example: Linear, MSELoss and SGD, on ten examples."""
    gv.manual_seed(0)
    x, y = gv.randn(10, 3), gv.randn(10, 2)
    linear, criterion = gv.nn.Linear(3, 2), gv.nn.MSELoss()
    optimizer = gv.optim.SGD(linear.parameters(), lr=0.01)

    def loop(epochs: int) -> None:
        for epoch in range(epochs):  # noqa: B007
            pred = linear(x)
            loss = criterion(pred, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return loop


def network(batch: int, optimizer_class: Any = gv.optim.SGD) -> Loop:
    """A 784-128-10 network on one batch of made-up digits."""
    gv.manual_seed(0)
    x, y = gv.randn(batch, 784), gv.randint(0, 10, (batch,))
    model = gv.nn.Sequential(gv.nn.Linear(784, 128), gv.nn.ReLU(), gv.nn.Linear(128, 10))
    criterion = gv.nn.CrossEntropyLoss()
    optimizer = optimizer_class(model.parameters(), lr=0.01)

    def loop(epochs: int) -> None:
        for epoch in range(epochs):  # noqa: B007
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return loop


LOOPS: dict[str, tuple[Callable[[], Loop], int, float | None]] = {
    "the seed, 10,000 epochs": (seed, 10_000, 2.0),
    "784-128-10, batch 64, 200 epochs": (lambda: network(64), 200, 1.2),
    "784-128-10, batch 256, 200 epochs": (lambda: network(256), 200, 1.2),
    "784-128-10, batch 1,024, 50 epochs": (lambda: network(1024), 50, 1.2),
    "784-128-10, batch 256, Adam, 200 epochs": (lambda: network(256, gv.optim.Adam), 200, None),
}
"""Each loop, for how many epochs, and at most how many times as long it may take when it is recorded."""


def timed(loop: Loop, epochs: int, *, recorded: bool) -> tuple[float, Run | None]:
    """Run a loop and return how many seconds it took, and what was recorded."""
    start = time.perf_counter()
    with gv.record(progress=False) if recorded else nullcontext() as run:
        loop(epochs)
    return time.perf_counter() - start, run


def overhead(make: Callable[[], Loop], epochs: int) -> dict[str, Any]:
    """Measure what recording adds to a loop."""
    ratios, bare, run = [], [], None
    timed(make(), max(epochs // 10, 5), recorded=False)
    timed(make(), max(epochs // 10, 5), recorded=True)
    for _ in range(ROUNDS):
        run = None  # the one before is freed outside of what is timed
        without, _nothing = timed(make(), epochs, recorded=False)
        with_it, run = timed(make(), epochs, recorded=True)
        bare.append(without)
        ratios.append(with_it / without)
    assert run is not None
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in sorted(ratios)],
        "bare_us_per_epoch": round(statistics.median(bare) / epochs * 1e6, 1),
        "kept_MB": round((run.log.used + run.log.whole_used) / 2**20, 1),
        "notes": list(run.notes),
    }


def files(run: Run, folder: Path) -> dict[str, Any]:
    """Return how large a run's files are, in kB, and how long each takes to write and to read, in ms."""
    found: dict[str, Any] = {}
    for ending in ("json", "json.gz", "html"):
        start = time.perf_counter()
        path = run.save(folder / f"run.{ending}")
        written = time.perf_counter()
        found[ending] = {"kB": round(path.stat().st_size / 1000, 1), "save_ms": round((written - start) * 1e3)}
        if ending != "html":
            gv.load(path)
            found[ending]["load_ms"] = round((time.perf_counter() - written) * 1e3)
    return found


def main() -> None:
    """Print a table and write the JSON file."""
    from playwright.sync_api import sync_playwright

    found: dict[str, Any] = {"recording": {}, "files": {}, "page": {}}
    for name, (make, epochs, wanted) in LOOPS.items():
        found["recording"][name] = told = {**overhead(make, epochs), "wanted": wanted}
        wish = "" if wanted is None else f", {wanted} wanted"
        print(
            f"{name:40} {told['bare_us_per_epoch']:9.1f} µs an epoch, recorded {told['ratio']:.2f} times that"
            f" ({told['ratios'][0]:.2f} to {told['ratios'][-1]:.2f}{wish}), {told['kept_MB']} MB kept"
        )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        for epochs in (10, 10_000):
            run = timed(seed(), epochs, recorded=True)[1]
            assert run is not None
            name = f"the seed, {epochs:,} epochs"
            found["files"][name] = files(run, Path(folder))
            found["page"][name] = in_browser(browser, Path(folder) / "run.html", SCRUBS)
            for ending, told in found["files"][name].items():
                read = f", read in {told['load_ms']} ms" if "load_ms" in told else ""
                print(f"{name:40} .{ending:8} {told['kB']:8.1f} kB, written in {told['save_ms']} ms{read}")
            told = found["page"][name]
            print(
                f"{name:40} opens in {told['open_ms']:.1f} ms, another epoch takes {told['step_ms']:.2f} ms "
                f"(95 %: {told['step_ms_95']:.2f}, most: {told['step_ms_most']:.2f})"
            )
        browser.close()
    OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
