"""From a result to a picture: how long each stage takes, beside torchviz and torchlens on the same networks.

Run with ``python -m benchmarks.drawing``; the comparison needs ``pip install ".[bench]"`` and Graphviz's ``dot``
on the PATH. Prints a table and writes ``benchmarks/drawing.json``. All of it is time of the processor, that of other programs
which do a part of the work (``dot``) too: what else the machine does has a smaller part in it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROUNDS = 5
MOST_PLAYED = 1000
"""Operations of which a page has the data too."""

OUT = Path(__file__).with_suffix(".json")


def mlp(t: Any, layers: int) -> Any:
    """A network of equal layers, and its loss."""
    model = t.nn.Sequential(*[part for _ in range(layers) for part in (t.nn.Linear(8, 8), t.nn.ReLU())])
    return model, (model(t.ones(4, 8)) ** 2).mean()


def transformer(t: Any) -> Any:
    """Twelve blocks of a Transformer's encoder with two heads of attention, and a loss: about 760 operations."""
    layer = t.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = t.nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
    return model, (model(t.ones(4, 8, 16)) ** 2).mean()


def chain(t: Any, operations: int) -> Any:
    """One number through many operations."""
    x = t.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(operations // 2):
        y = y * 1.001 + 0.001
    return None, y


# A layer is three operations: the weight's transpose, the product with the bias, the activation.
NETWORKS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "10 operations": (lambda t: chain(t, 10), {}),
    "235 operations": (lambda t: mlp(t, 77), {}),
    "235 operations, full": (lambda t: mlp(t, 77), {"detail": "full"}),
    "12-block Transformer": (transformer, {}),
    "1,000 operations": (lambda t: mlp(t, 333), {}),
    "1,000, after backward()": (lambda t: after_backward(mlp(t, 333)), {}),
    "10,000 operations": (lambda t: chain(t, 10_000), {}),
    "100,000 operations": (lambda t: chain(t, 100_000), {}),
    "100,000, after backward()": (lambda t: after_backward(chain(t, 100_000)), {}),
}


def milliseconds() -> float:
    """Return the time of the processor that this program and those that it has run have taken."""
    taken = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(of.ru_utime + of.ru_stime for of in taken) * 1e3


def after_backward(computed: tuple[Any, Any]) -> tuple[Any, Any]:
    """Run the backward pass, which is then drawn too."""
    computed[1].backward()
    return computed


def stages(loss: Any, options: dict[str, Any]) -> dict[str, float]:
    """Time each stage from a result to its picture and to its player's data, in ms; the layout anew each time."""
    from gradviz.drawing import draw_recording, layout
    from gradviz.player.payload import payload
    from gradviz.recording import record_graph

    layout._laid_out.cache_clear()
    times = {}
    start = milliseconds()

    def lap(name: str) -> None:
        nonlocal start
        now = milliseconds()
        times[name] = now - start
        start = now

    recording = record_graph(loss)
    lap("record")
    drawing = draw_recording(recording, **options)
    assert drawing.shown is not None
    lap("fold")
    assert drawing.view.cards
    lap("view")
    assert drawing.dot
    lap("DOT")
    assert drawing.layout.centres
    lap("layout")
    drawing.to_svg()
    lap("finish")
    if len(recording.graph.operations) <= MOST_PLAYED:
        payload(drawing)
        lap("player")
    return times


def best(run: Callable[[], dict[str, float]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the fastest of a few runs."""
    runs = [run() for _ in range(rounds)]
    return min(runs, key=lambda times: sum(times.values()))


def with_torchviz(make: Callable[[Any], Any]) -> float:
    """Draw PyTorch's graph of the same with torchviz, in ms."""
    import torch
    import torchviz

    model, loss = make(torch)
    start = milliseconds()
    torchviz.make_dot(loss, params=dict(model.named_parameters()) if model else None).pipe(format="svg")
    return milliseconds() - start


def with_torchlens(make: Callable[[Any], Any]) -> float:
    """Draw the same with torchlens, which runs the model itself, in ms."""
    import torch
    import torchlens

    model, _ = make(torch)
    if model is None:
        raise ValueError("torchlens draws modules")
    with tempfile.TemporaryDirectory() as folder:
        start = milliseconds()
        size = (4, 8, 16) if isinstance(model, torch.nn.TransformerEncoder) else (4, 8)
        trace = torchlens.trace(model, torch.ones(size))
        trace.draw(vis_outpath=f"{folder}/picture", vis_fileformat="svg", vis_save_only=True)
        return milliseconds() - start


def main() -> int:
    """Measure, print, write, and return an exit status."""
    import gradviz

    results: dict[str, Any] = {}
    names = ("record", "fold", "view", "DOT", "layout", "finish")
    print(
        f"{'ms':26}"
        + "".join(f"{name:>9}" for name in (*names, "all", "player"))
        + f"{'torchviz':>11}{'torchlens':>11}"
    )
    for name, (make, options) in NETWORKS.items():
        _, loss = make(gradviz)
        rounds = 1 if "100,000" in name else ROUNDS
        times = best(lambda loss=loss, options=options: stages(loss, options), rounds)  # type: ignore[misc]
        peers = {}
        for peer, draw in {"torchviz": with_torchviz, "torchlens": with_torchlens}.items():
            if "0,000" in name or "backward" in name:
                continue  # minutes, or a crash; or the same once more
            try:
                peers[peer] = min(draw(make) for _ in range(2))
            except Exception as error:  # not installed, or not able to
                print(f"without {peer}: {str(error).splitlines()[0][:90]}", file=sys.stderr)
        total = sum(times[stage] for stage in names)
        cells = "".join(f"{times[stage]:9.1f}" for stage in names)
        others = "".join(
            f"{peers[peer]:11.0f}" if peer in peers else f"{'–':>11}" for peer in ("torchviz", "torchlens")
        )
        player = f"{times['player']:9.1f}" if "player" in times else f"{'–':>9}"
        print(f"{name:26}{cells}{total:9.1f}{player}{others}")
        results[name] = {"milliseconds": times, "total": total, "peers": peers}
    OUT.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
