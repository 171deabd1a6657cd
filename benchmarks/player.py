"""The player in a real browser: how long it takes to open and to step, how large its pages are.

Run with ``python -m benchmarks.player``, with ``--lab`` to play a training in a notebook too (see `benchmarks.playback`); needs ``pip install playwright`` and Chromium. A step is timed from the key press to
the end of the layout that follows it. Prints a table and writes ``benchmarks/player.json``.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gradviz as gv
from benchmarks import playback
from gradviz.drawing import draw_recording, reduce
from gradviz.player import page
from gradviz.recording import Recording, record_graph

OUT = Path(__file__).with_suffix(".json")
OPENINGS = 5
STARTS = 9

OPENED = """() => {
    const [navigation] = performance.getEntriesByType("navigation");
    return navigation.loadEventEnd - navigation.startTime;
}"""

# Each step with what it leads to at once: patching, style and layout. Between two steps the page is painted.
STEPS = """async () => {
    const player = document.querySelector(".gradviz-player");
    const press = key => player.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const last = Number(document.querySelector(".gp-track").getAttribute("aria-valuemax")) - 1;
    const channel = new MessageChannel();
    const painted = () => new Promise(resolve => requestAnimationFrame(() => {
        channel.port1.onmessage = resolve; // after the frame has been laid out and painted
        channel.port2.postMessage(0);
    }));
    const step = async key => {
        await painted();
        const start = performance.now();
        press(key);
        player.getBoundingClientRect(); // the layout, now
        return performance.now() - start;
    };
    const times = [];
    press("Home");
    for (let k = 0; k < Math.min(last, 200); k += 1) times.push(await step("ArrowRight"));
    press("End");
    for (let k = 0; k < Math.min(last, 200); k += 1) times.push(await step("ArrowLeft"));
    return times;
}"""


# To either end and back, as the steps are timed.
JUMPS = (
    STEPS.partition("const times")[0]
    + """
    const times = { Home: [], End: [] };
    for (let k = 0; k < 9; k += 1) for (const key of ["End", "Home"]) times[key].push(await step(key));
    return times;
}"""
)


# Into the first module, its steps, and out again: from the key press until the other picture is there.
INSIDE = """async () => {
    const there = inside => new Promise(resolve => {
        const look = () => (document.querySelectorAll(".gp-crumbs li").length > 1) === inside ? resolve() : requestAnimationFrame(look);
        look();
    });
    const press = key => document.querySelector(".gradviz-player").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const times = [];
    for (let k = 0; k < 5; k += 1) {
        const start = performance.now();
        document.querySelector(".gv-chevron").dispatchEvent(new MouseEvent("click", { bubbles: true }));
        await there(true);
        times.push(performance.now() - start);
        press("Backspace");
        await there(false);
    }
    return times;
}"""


def mlp(layers: int) -> Recording:
    """A network of equal layers; a layer is three operations."""
    gv.manual_seed(0)
    model = gv.nn.Sequential(*[part for _ in range(layers) for part in (gv.nn.Linear(8, 8), gv.nn.ReLU())])
    loss = (model(gv.ones(4, 8)) ** 2).mean()
    return record_graph(loss, backward=True, names={"loss": loss}, variables=[{"model": model}])


def neurons() -> Recording:
    """A network of single numbers, as in micrograd: 4 inputs, two layers of 8 neurons, one output; 235 operations."""
    chance = random.Random(0)

    def number() -> Any:
        return gv.tensor(chance.uniform(-1, 1), requires_grad=True)

    layer = [number() for _ in range(4)]
    for width in (8, 8, 1):
        previous, layer = layer, []
        for _ in range(width):
            total = number()
            for x in previous:
                total = total + number() * x
            layer.append(gv.tanh(total))
    loss = layer[0]
    for _ in range(5):
        loss = (loss - number()) ** 2
    return record_graph(loss, backward=True, names={"loss": loss})


class Bottleneck(gv.nn.Module):
    """A block of ResNet-50."""

    def __init__(self, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        nn, after = gv.nn, 4 * width
        self.conv1, self.bn1 = nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, after, 1, bias=False), nn.BatchNorm2d(after)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride > 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Any) -> Any:
        """Three convolutions, and a way past them."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet() -> Recording:
    """As many operations as ResNet-50, with few channels and small images."""
    gv.manual_seed(0)
    nn, before, stages = gv.nn, 4, []
    for stage, count in enumerate((3, 4, 6, 3)):
        width = 4 * 2**stage
        strides = [2 if stage else 1, *[1] * (count - 1)]
        stages.append(nn.Sequential(*[Bottleneck(4 * width if k else before, width, s) for k, s in enumerate(strides)]))
        before = 4 * width
    stem = (nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))
    loss = nn.functional.cross_entropy(model(gv.randn(2, 3, 16, 16)), gv.tensor([1, 7]))
    return record_graph(loss, backward=True, names={"loss": loss}, variables=[{"model": model}])


def transformer() -> Recording:
    """Twelve blocks of an encoder."""
    gv.manual_seed(0)
    model = gv.nn.TransformerEncoder(gv.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 12)
    loss = (model(gv.randn(2, 6, 16)) ** 2).mean()
    return record_graph(loss, backward=True, names={"loss": loss}, variables=[{"model": model}])


PLAYED = {
    "235 operations": (neurons, {"detail": "full"}),
    "235, matrices": (lambda: mlp(77), {"detail": "full", "depth": 2}),  # each with 128 coloured cells on its card
    "1,000 operations": (lambda: mlp(333), {"detail": "compact", "depth": 2}),
    "1,000, folded": (lambda: mlp(333), {}),  # as it is shown unless told otherwise
    "Transformer, 12": (transformer, {}),
    "ResNet-50": (resnet, {}),
}
reduce.MOST_SHOWN = 10_000  # a picture is folded from 1,500 parts on; here the front end is to bear them all


def chromium() -> str:
    """Return where the browser is."""
    named = os.environ.get("GRADVIZ_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        sys.exit("needs a Chromium browser: apt-get install chromium, or set GRADVIZ_CHROMIUM")
    return found


def in_browser(browser: Any, path: Path, steps: str = STEPS) -> dict[str, Any]:
    """Time a page: opening it anew a few times, then stepping through it with a script that returns each step's time."""
    openings = []
    for _ in range(OPENINGS):
        tab = browser.new_page(viewport={"width": 1280, "height": 720})
        tab.emulate_media(reduced_motion="reduce")
        tab.goto(path.as_uri(), wait_until="load")
        tab.locator(".gradviz-player").wait_for()
        openings.append(tab.evaluate(OPENED))
        if len(openings) < OPENINGS:
            tab.close()
    times = tab.evaluate(steps)
    jumps = tab.evaluate(JUMPS) if steps is STEPS else {}
    entered = tab.evaluate(INSIDE) if tab.locator(".gv-chevron").count() else []
    tab.close()
    return {
        "open_ms": round(statistics.median(openings), 1),
        "step_ms": round(statistics.median(times), 2),
        "step_ms_95": round(sorted(times)[int(0.95 * len(times))], 2),
        "step_ms_most": round(max(times), 2),
        **{f"{key.lower()}_ms": round(statistics.median(taken), 1) for key, taken in jumps.items()},
        **({"inside_ms": round(statistics.median(entered), 1)} if entered else {}),
        "kB": round(path.stat().st_size / 1000, 1),
    }


def started(program: str) -> float:
    """Time a program inside a fresh interpreter, so that starting Python itself does not count."""
    timed = f"import time\nstart = time.perf_counter()\n{program}\nprint(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)


def example_sizes() -> dict[str, float]:
    """Return the size of the saved page of each of the tutorial's examples, in kB."""
    from gradviz.examples import EXAMPLES, run

    return {example.name: round(len(page(run(example).recording).encode()) / 1000, 1) for example in EXAMPLES}


def main() -> None:
    """Print a table and write the JSON file."""
    from playwright.sync_api import sync_playwright

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        for name, (make, options) in PLAYED.items():
            drawing = draw_recording(make(), **options)
            path = Path(folder) / "page.html"
            path.write_text(page(drawing), encoding="utf-8")
            graph = drawing.shown.graph
            found[name] = {"operations": len(graph.operations), **in_browser(browser, path)}
            print(
                f"{name:18} opens in {found[name]['open_ms']:7.1f} ms   a step takes {found[name]['step_ms']:5.2f} ms "
                f"(95 %: {found[name]['step_ms_95']:5.2f}, most: {found[name]['step_ms_most']:5.2f})   Home {found[name]['home_ms']:5.1f} ms, "
                f"End {found[name]['end_ms']:5.1f} ms   inside {found[name].get('inside_ms', 0):5.1f} ms   {found[name]['kB']:8.1f} kB"
            )
        found["training"] = playback.measured(browser, "--lab" in sys.argv)
        browser.close()
    found["pages_kB"] = example_sizes()
    for name, size in found["pages_kB"].items():
        print(f"{name:18} {size:6.1f} kB as a page")
    # Interleaved, so that a slow moment of the machine hits both alike.
    pairs = [(started("import gradviz"), started("import numpy")) for _ in range(STARTS)]
    with_gradviz, numpy = (statistics.median(times) for times in zip(*pairs, strict=True))
    found["import_over_numpy_s"] = round(with_gradviz - numpy, 4)
    print(
        f"import gradviz takes {found['import_over_numpy_s'] * 1e3:.0f} ms more than import numpy ({numpy * 1e3:.0f} ms)"
    )
    OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
