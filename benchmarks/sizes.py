"""How large the text of a picture is on a slide of 1280×720: of gradviz beside torchview, torchviz and TorchLens.

Run with ``python -m benchmarks.sizes``; the comparison needs ``pip install ".[bench]" torchview torchlens`` and Graphviz's ``dot`` on
the PATH. Each tool draws the same computation as SVG, with its own default options and with others that its documentation names for
pictures of this kind; what is measured is the size of the picture in pixels and of its smallest text, scaled down to the slide where
it is larger. Prints a table in Markdown, that of ``docs/comparison.md``; names of computations choose some of them, and
``--pictures FOLDER`` also writes the slides, of each tool that with the largest text.
"""

from __future__ import annotations

import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

SLIDE = 1280.0, 720.0
PATIENCE = 90
"""Seconds after which a picture is given up, where that is possible."""

TESTS = Path(__file__).parent.parent / "tests"
_UNIT = {"": 1.0, "px": 1.0, "pt": 96 / 72}
_SIZE = re.compile(r'<svg\b[^>]*?\bwidth="([\d.]+)(px|pt|)"\s[^>]*?\bheight="([\d.]+)(?:px|pt|)"', re.DOTALL)

Made = tuple[Any, tuple[Any, ...], Any]
Way = dict[str, Any]


def measured(svg: str) -> dict[str, float]:
    """Return a picture's size, and that of its smallest text on the slide, in pixels.

    What Graphviz's ``size`` has shrunk, as torchview and torchviz have it do, is shrunk by a ``scale()`` around all text: font sizes
    alone would say too much.
    """
    head = svg[svg.index("<svg") :]
    width, height = _extent(head)
    inside = float(re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+)', head)[1])  # type: ignore[index]
    shrunk = re.search(r'class="graph" transform="scale\(([\d.]+)', head)
    scale = width / inside * (float(shrunk[1]) if shrunk else 1.0)
    sizes = [float(size) for size in re.findall(r'<text[^>]*font-size="([\d.]+)', head)]
    # What Graphviz leaves out is its default.
    sizes += [14.0] if re.search(r"<text(?![^>]*font-size)", head) else []
    text = min(sizes) * scale * min(1.0, SLIDE[0] / width, SLIDE[1] / height)
    return {"width": round(width), "height": round(height), "text": round(text, 1), "kB": round(len(svg) / 1e3)}


def _extent(svg: str) -> tuple[float, float]:
    wide, unit, high = _SIZE.search(svg).groups()  # type: ignore[union-attr]
    return float(wide) * _UNIT[unit], float(high) * _UNIT[unit]


def slide(svg: str) -> str:
    """Return a picture in the middle of a slide, scaled down if it is larger."""
    inner = svg[svg.index("<svg") :]
    width, height = _extent(inner)
    scale = min(1.0, SLIDE[0] / width, SLIDE[1] / height)
    wide, high = width * scale, height * scale
    at = f'x="{(SLIDE[0] - wide) / 2:.1f}" y="{(SLIDE[1] - high) / 2:.1f}" width="{wide:.1f}" height="{high:.1f}"'
    head, rest = inner.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    ground = f'<rect width="{SLIDE[0]:.0f}" height="{SLIDE[1]:.0f}" fill="#ffffff" stroke="#d0d7de"/>'
    rest = re.sub(r"\n?<!--.*?-->|<title>.*?</title>", "", rest, flags=re.DOTALL)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SLIDE[0]:.0f} {SLIDE[1]:.0f}">{ground}'
        f"{head} {at}>{rest.rstrip()}</svg>\n"
    )


def with_gradviz(made: Made, way: Way) -> str:
    """Draw with this library."""
    import gradviz

    model, inputs, loss = made  # noqa: RUF059 (variables name what they hold)
    names = {"loss": loss} | ({"x": inputs[0]} if len(inputs) == 1 else {})
    return gradviz.draw(loss, names=names, **way).to_svg(theme="light")


def with_torchview(made: Made, way: Way) -> str:
    """Draw PyTorch's model with torchview."""
    import torchview

    model, inputs, _ = made
    if model is None:
        raise ValueError("draws modules only")
    return str(torchview.draw_graph(model, input_data=list(inputs), **way).visual_graph.pipe("svg", encoding="utf-8"))


def with_torchviz(made: Made, way: Way) -> str:
    """Draw PyTorch's graph with torchviz."""
    import torchviz

    model, _, loss = made
    named = dict(model.named_parameters()) if model is not None else None
    return str(torchviz.make_dot(loss, params=named, **way).pipe("svg", encoding="utf-8"))


def with_torchlens(made: Made, way: Way) -> str:
    """Draw PyTorch's model with TorchLens."""
    import torchlens

    model, inputs, _ = made
    if model is None:
        raise ValueError("draws modules only")
    with tempfile.TemporaryDirectory() as folder:
        trace = torchlens.trace(model, list(inputs))
        trace.draw(vis_outpath=f"{folder}/picture", vis_fileformat="svg", vis_save_only=True, **way)
        return next(Path(folder).glob("*.svg")).read_text(encoding="utf-8")


TOOLS: dict[str, tuple[Callable[[Made, Way], str], tuple[Way, ...]]] = {
    "gradviz": (with_gradviz, ({},)),
    "torchview": (
        with_torchview,
        ({}, {"depth": 1}, {"depth": 2}, {"roll": True}, {"roll": True, "depth": 1}, {"graph_dir": "LR"}, {"graph_dir": "LR", "depth": 1}),
    ),
    "torchviz": (with_torchviz, ({},)),
    "TorchLens": (
        with_torchlens,
        (
            {},
            {"collapse": "auto"},
            {"collapse": "max"},
            {"vis_mode": "rolled"},
            {"vis_mode": "rolled", "collapse": "max"},
            {"direction": "leftright"},
            {"direction": "leftright", "collapse": "max"},
        ),
    ),
}  # fmt: skip
"""How each draws: with its defaults first."""


def drawn(tool: str, name: str) -> tuple[list[tuple[dict[str, float], Way]], str]:
    """Return the measures of a tool's pictures of a computation, each with its options, and the picture with the largest text."""
    from networks import made

    draw, ways = TOOLS[tool]
    if tool == "gradviz":
        import gradviz as library
    else:
        import torch as library
    found: list[tuple[dict[str, float], Way]] = []
    best = ""
    for way in ways:
        signal.signal(signal.SIGALRM, _give_up)
        signal.alarm(PATIENCE)
        try:
            svg = draw(made(name, library, backward=tool == "gradviz"), way)
        except Exception as error:  # not installed, not able to, or not in time
            print(f"{tool}, {name}, {way}: {type(error).__name__}: {error}".splitlines()[0][:160], file=sys.stderr)
            if not way:
                break
            continue
        finally:
            signal.alarm(0)
        size = measured(svg)
        if not found or size["text"] > max(one["text"] for one, _ in found):
            best = svg
        found.append((size, way))
    return found, best


def _give_up(*_: object) -> None:
    raise TimeoutError(f"not drawn within {PATIENCE} s")


def cell(found: list[tuple[dict[str, float], Way]]) -> str:
    """Write the size of the smallest text with the defaults, and the largest with other options, if there is a larger one."""
    if not found:
        return "–"
    first, _ = found[0]
    written = f"{first['text']:.1f} ({first['width']:.0f}×{first['height']:.0f})"
    best, way = max(found, key=lambda one: one[0]["text"])  # the first of equals
    if best["text"] <= first["text"]:
        return written
    options = ", ".join(f"{name}={value!r}" for name, value in way.items()).replace("'", '"')
    return f"{written}; **{best['text']:.1f}** `{options}`"


def main() -> int:
    """Measure, print, and return an exit status."""
    sys.path.insert(0, str(TESTS))
    from networks import COMPUTATIONS

    warnings.simplefilter("ignore")
    names = sys.argv[1:]
    folder = None
    if "--pictures" in names:
        place = names.index("--pictures")
        folder = Path(names[place + 1])
        folder.mkdir(parents=True, exist_ok=True)
        del names[place : place + 2]
    print(f"| computation | {' | '.join(TOOLS)} |\n| --- |{' --- |' * len(TOOLS)}")
    for name in names or COMPUTATIONS:
        cells = []
        for tool in TOOLS:
            found, best = drawn(tool, name)
            cells.append(cell(found))
            if folder is not None and best:
                stem = re.sub(r"\W+", "-", name.lower()).strip("-")
                (folder / f"{stem}-{tool.lower()}.svg").write_text(slide(best), encoding="utf-8")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
