"""Watching and recording PyTorch beside PyTorch itself, and TorchLens's forward pass beside both.

Run with ``python -m benchmarks.pytorch [ResNet Transformer ...]``; needs ``pip install ".[bench]" torchlens`` (without
TorchLens the last column is skipped). What is compared takes turns, on one thread, and is timed in seconds of the processor: compare the ratios, not
the times. Prints a table and writes ``benchmarks/pytorch.json``.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import gradviz as gv
from tests.networks import resnet_18

OUT = Path(__file__).with_suffix(".json")
ROUNDS = 5

Made = tuple[torch.nn.Module, torch.Tensor, torch.Tensor]


def mlp() -> Made:
    """784-128-10, on a batch of 64."""
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    return model, torch.randn(64, 784), torch.randint(0, 10, (64,))


def mlp_256() -> Made:
    """The same on a batch of 256."""
    model, _, _ = mlp()
    return model, torch.randn(256, 784), torch.randint(0, 10, (256,))


def resnet() -> Made:
    """ResNet-18, on one image of 224×224 pixels."""
    return resnet_18(torch), torch.randn(1, 3, 224, 224), torch.randint(0, 1000, (1,))


def transformer() -> Made:
    """Six blocks 512 wide with 8 heads, on two sequences of 128."""
    layer = torch.nn.TransformerEncoderLayer(512, 8, 2048, dropout=0.0, batch_first=True)
    return torch.nn.TransformerEncoder(layer, 6), torch.randn(2, 128, 512), torch.randint(0, 512, (2, 128))


MODELS: dict[str, tuple[Callable[[], Made], int, float | None, float | None, float | None]] = {
    "MLP 784-128-10, batch 64": (mlp, 100, None, None, 2.0),
    "MLP 784-128-10, batch 256": (mlp_256, 60, None, None, 2.0),
    "ResNet-18, 224×224": (resnet, 2, 1.3, 1.5, 1.2),
    "Transformer, 6 blocks of 512": (transformer, 2, 1.3, 1.5, None),
}
"""Each model, how often it runs in a row, and at most how many times as long forward, backward and a recorded step may take."""


def loss_of(model: torch.nn.Module, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Run a model to its loss."""
    out = model(x)
    return torch.nn.functional.cross_entropy(out.flatten(0, -2), target.flatten())


def passes(made: Made, count: int, around: Callable[[], AbstractContextManager[Any]]) -> tuple[float, float]:
    """Return how many seconds of the processor a forward and a backward pass take."""
    forward = backward = 0.0
    for _ in range(count):
        with around():
            start = time.process_time()
            loss = loss_of(*made)
            middle = time.process_time()
            loss.backward()
            end = time.process_time()
        forward, backward = forward + middle - start, backward + end - middle
        del loss
        made[0].zero_grad()
    return forward / count, backward / count


def steps(made: Made, count: int, *, recorded: bool) -> float:
    """Return how many seconds of the processor a training step takes."""
    optimizer = torch.optim.SGD(made[0].parameters(), lr=1e-3)
    with gv.record(progress=False) if recorded else nullcontext():
        for step in range(count + 1):
            if step == 1:  # the first one writes the plan
                start = time.process_time()
            loss = loss_of(*made)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return (time.process_time() - start) / count


def torchlens_forward(made: Made, plain: float) -> str | float:
    """Return how many times as long a forward pass takes with TorchLens; why not, if it cannot be tried."""
    try:
        import torchlens
    except ImportError:
        return "skipped: torchlens is not installed here"
    log = getattr(torchlens, "log_forward_pass", None) or torchlens.trace
    log(made[0], made[1])
    start = time.process_time()
    log(made[0], made[1])
    return round((time.process_time() - start) / plain, 1)


def measured(make: Callable[[], Made], count: int) -> dict[str, Any]:
    """Let plain PyTorch and what is watched take turns."""
    torch.manual_seed(0)
    made = make()
    ways: dict[str, Callable[[], AbstractContextManager[Any]]] = {
        "plain": nullcontext,
        "fused": lambda: gv.watch(fused=True),
        "plain, composed": lambda: sdpa_kernel(SDPBackend.MATH),
        "composed": gv.watch,
    }
    for around in ways.values():
        passes(made, 1, around)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    recording: list[float] = []
    for _ in range(ROUNDS):
        for name, around in ways.items():
            times[name].append(passes(made, count, around))
        without = steps(made, count, recorded=False)
        recording.append(steps(made, count, recorded=True) / without)

    def ratio(name: str, other: str, place: int) -> float:
        return round(statistics.median(a[place] / b[place] for a, b in zip(times[name], times[other], strict=True)), 2)

    plain = statistics.median(one[0] for one in times["plain"])
    return {
        "forward": ratio("fused", "plain", 0),
        "backward": ratio("fused", "plain", 1),
        "forward, composed": ratio("composed", "plain, composed", 0),
        "backward, composed": ratio("composed", "plain, composed", 1),
        "recorded step": round(statistics.median(recording), 2),
        "plain forward, ms": round(plain * 1e3, 2),
        "TorchLens forward": torchlens_forward(made, plain),
    }


def main() -> None:
    """Measure all, print a table and write it down."""
    torch.set_num_threads(1)
    found: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    found["torch"] = torch.__version__
    for name, (make, count, *wanted) in MODELS.items():
        if not any(word in name for word in sys.argv[1:] or [""]):
            continue
        found[name] = measured(make, count) | {"wanted": wanted}
        OUT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(name, *(f"{key}: {value}" for key, value in found[name].items()), sep="\n    ", flush=True)


if __name__ == "__main__":
    main()
