"""How large the text of a default picture is on a slide of 1280×720: beside torchview, torchviz and TorchLens.

Run with ``python -m benchmarks.sizes``; the comparison needs ``pip install ".[bench]" torchview`` and Graphviz's ``dot`` on the
PATH. Each tool draws the same computation with its own default options, after ``backward()``, as SVG; what is measured is the size
of the picture in pixels and of its smallest text, scaled down to the slide where it is larger. Prints a table in Markdown, that
of ``docs/comparison.md``; names of computations choose some of them.
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

SLIDE = 1280.0, 720.0
TESTS = Path(__file__).parent.parent / "tests"
_UNIT = {"": 1.0, "px": 1.0, "pt": 96 / 72}


def measured(svg: str) -> dict[str, float]:
    """Return a picture's size, and that of its smallest text on the slide, in pixels."""
    head = svg[svg.index("<svg") :]
    (wide, unit), (high, _) = (
        re.search(rf'\b{name}="([\d.]+)(px|pt|)"', head).groups() for name in ("width", "height")
    )  # type: ignore[union-attr]
    width, height = float(wide) * _UNIT[unit], float(high) * _UNIT[unit]
    inside = float(re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+)', head)[1])  # type: ignore[index]
    shrunk = re.search(r'class="graph" transform="scale\(([\d.]+)', head)
    scale = width / inside * (float(shrunk[1]) if shrunk else 1.0)
    sizes = [float(size) for size in re.findall(r'<text[^>]*font-size="([\d.]+)', head)]
    # What Graphviz leaves out is its default.
    sizes += [14.0] if re.search(r"<text(?![^>]*font-size)", head) else []
    text = min(sizes) * scale * min(1.0, SLIDE[0] / width, SLIDE[1] / height)
    return {"width": round(width), "height": round(height), "text": round(text, 1), "kB": round(len(svg) / 1e3)}


def with_gradviz(make: Callable[[Any], Any]) -> str:
    """Draw with this library."""
    import gradviz

    *_, loss = make(gradviz)
    return gradviz.draw(loss).to_svg(theme="light")


def with_torchview(make: Callable[[Any], Any]) -> str:
    """Draw PyTorch's model with torchview."""
    import torch
    import torchview

    model, inputs, _ = make(torch)
    if model is None:
        raise ValueError("draws modules only")
    return str(torchview.draw_graph(model, input_data=list(inputs)).visual_graph.pipe("svg", encoding="utf-8"))


def with_torchviz(make: Callable[[Any], Any]) -> str:
    """Draw PyTorch's graph with torchviz."""
    import torch
    import torchviz

    model, _, loss = make(torch)
    named = dict(model.named_parameters()) if model is not None else None
    return str(torchviz.make_dot(loss, params=named).pipe("svg", encoding="utf-8"))


def with_torchlens(make: Callable[[Any], Any]) -> str:
    """Draw PyTorch's model with TorchLens."""
    import torch
    import torchlens

    model, inputs, _ = make(torch)
    if model is None:
        raise ValueError("draws modules only")
    with tempfile.TemporaryDirectory() as folder:
        trace = torchlens.trace(model, list(inputs))
        trace.draw(vis_outpath=f"{folder}/picture", vis_fileformat="svg", vis_save_only=True)
        return next(Path(folder).glob("*.svg")).read_text(encoding="utf-8")


TOOLS = {"gradviz": with_gradviz, "torchview": with_torchview, "torchviz": with_torchviz, "TorchLens": with_torchlens}


def main() -> int:
    """Measure, print, and return an exit status."""
    sys.path.insert(0, str(TESTS))
    from networks import COMPUTATIONS, made

    warnings.simplefilter("ignore")
    print(f"| computation | {' | '.join(TOOLS)} |\n| --- |{' --- |' * len(TOOLS)}")
    for name in sys.argv[1:] or COMPUTATIONS:
        found: dict[str, dict[str, Any]] = {}
        for tool, draw in TOOLS.items():
            try:
                found[tool] = measured(
                    draw(lambda library, name=name: made(name, library, backward=library.__name__ == "gradviz"))
                )  # type: ignore[misc]
            except Exception as error:  # not installed, or not able to
                found[tool] = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:120]}
        cells = [
            f"{one['text']:.1f} ({one['width']:.0f}×{one['height']:.0f})" if "text" in one else "–"
            for one in found.values()
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
