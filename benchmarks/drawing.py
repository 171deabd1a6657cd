"""From a result to its picture: what recording, folding and drawing take.

Run with ``python -m benchmarks.drawing``. Four computations, each from its result to the text of an SVG, and each new in every round,
so that nothing is found again. All of it is time of the processor: that of Graphviz, a program of its own, stands beside that of
gradviz. The median of the rounds is told, beside what is wanted, and written to ``benchmarks/drawing.json``; and how fast the machine
was meanwhile, as the time of a loop of a million additions.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gradviz as gv

OUT = Path(__file__).with_suffix(".json")


class Figure(NamedTuple):
    """What is measured.

    Attributes
    ----------
    make
        Computes the result.
    options
        Of the picture.
    wanted
        In milliseconds.
    alone
        Whether Graphviz does not count.
    rounds
        How often.
    """

    make: Callable[[], Any]
    options: dict[str, Any]
    wanted: float
    alone: bool
    rounds: int = 15


def chain(operations: int) -> Any:
    """Return one number, sent through many operations."""
    y = gv.tensor(1.0, requires_grad=True)
    for _ in range(operations // 2):
        y = y * 1.001 + 0.001
    return y


def mlp(layers: int) -> Any:
    """Return the loss of a network of equal layers, of three operations each: the weight is turned, multiplied, and a ReLU."""
    nn = gv.nn
    model = nn.Sequential(*[part for _ in range(layers) for part in (nn.Linear(8, 8), nn.ReLU())])
    return (model(gv.ones(4, 8)) ** 2).mean()


def transformer() -> Any:
    """Return the loss of an encoder of six layers with two heads of attention: 383 operations."""
    layer = gv.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = gv.nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
    return (model(gv.randn(2, 5, 16)) ** 2).mean()


FIGURES = {
    "100,000 operations": Figure(lambda: chain(100_000), {}, 3000.0, alone=False, rounds=3),
    "1,000 operations, folded": Figure(lambda: mlp(333), {}, 60.0, alone=True),
    "235 operations, full detail": Figure(lambda: mlp(77), {"detail": "full"}, 150.0, alone=False),
    "Transformer, folded": Figure(transformer, {}, 50.0, alone=True),
}


def spent() -> tuple[float, float]:
    """Return the milliseconds of the processor that this program has taken, and those that it has run."""
    taken = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, others = ((of.ru_utime + of.ru_stime) * 1e3 for of in taken)
    return own, others


def stages(figure: Figure) -> dict[str, float]:
    """Time one picture in milliseconds: its recording, what is drawn of it and where, its SVG; and Graphviz."""
    from gradviz.drawing import draw_recording, layout
    from gradviz.recording import record_graph

    result = figure.make()
    layout._laid_out.cache_clear()
    gc.collect()  # what other rounds have left is not this one's
    moments = [spent()]
    recording = record_graph(result)
    moments.append(spent())
    drawing = draw_recording(recording, **figure.options)
    assert drawing.shown is not None
    moments.append(spent())
    drawing.to_svg()
    moments.append(spent())
    own = [later[0] - before[0] for before, later in pairwise(moments)]
    return {**dict(zip(("record", "choose", "finish"), own, strict=True)), "Graphviz": moments[-1][1] - moments[0][1]}


def a_million() -> float:
    """Time a loop of a million additions, in milliseconds."""
    start, total = time.process_time(), 0
    for number in range(1_000_000):
        total += number
    return (time.process_time() - start) * 1e3


def main() -> int:
    """Measure, print, write, and return an exit status."""
    found: dict[str, Any] = {
        "load": os.getloadavg()[0],
        "a million additions": statistics.median([a_million() for _ in range(5)]),
    }
    print(
        f"{'ms':30}" + "".join(f"{name:>10}" for name in ("record", "choose", "finish", "Graphviz", "figure", "wanted"))
    )
    for name, figure in FIGURES.items():
        stages(figure._replace(make=lambda: chain(10)))  # everything is imported
        rounds = [stages(figure) for _ in range(figure.rounds)]
        median = {stage: statistics.median(times[stage] for times in rounds) for stage in rounds[0]}
        counted = [sum(times.values()) - times["Graphviz"] * figure.alone for times in rounds]
        told = {**median, "figure": statistics.median(counted), "wanted": figure.wanted}
        print(f"{name:30}" + "".join(f"{number:10.1f}" for number in told.values()))
        found[name] = told
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
