"""The engine beside PyTorch on one thread, in one run and interleaved.

Run with ``python -m benchmarks.engine``; needs ``pip install "torch==2.13.0"``. Prints a table of ratios and writes
JSON. Compare ratios, not times.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

# One thread each: NumPy's must be told before it is imported, and idle threads of one would slow down the other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROUNDS = 7


def scalar(t: Any) -> Callable[[], None]:
    """The tutorial's first example: x² + 3."""

    def once() -> None:
        x = t.tensor(7.0, requires_grad=True)
        ((x**2) + 3).backward()

    return once


def polynomial(t: Any) -> Callable[[], None]:
    """Its second: a polynomial of a 3×3 matrix."""
    x = t.ones(3, 3, requires_grad=True)

    def once() -> None:
        x.grad = None
        ((x**3) + 7 * (x**2) + 5 * x + 10).sum().backward()

    return once


def epoch(t: Any) -> Callable[[], None]:
    """Its last: one epoch of Linear, MSELoss and SGD."""
    linear, criterion = t.nn.Linear(3, 2), t.nn.MSELoss()
    optimizer = t.optim.SGD(linear.parameters(), lr=0.0)
    x, y = t.ones(10, 3), t.ones(10, 2)

    def once() -> None:
        criterion(linear(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    return once


def chain(t: Any) -> Callable[[], None]:
    """A thousand operations on one number."""
    x = t.tensor(1.0, requires_grad=True)

    def once() -> None:
        y = x
        for _ in range(500):
            y = y * 1.001 + 0.001
        y.backward()

    return once


def mlp(t: Any) -> Callable[[], None]:
    """A 784-128-10 network on a batch of 256."""
    first, second = t.nn.Linear(784, 128), t.nn.Linear(128, 10)
    x, y = t.ones(256, 784), t.ones(256, 10)

    def once() -> None:
        t.nn.functional.mse_loss(second(t.relu(first(x))), y).backward()
        for layer in (first, second):
            layer.zero_grad()

    return once


WORKLOADS = {scalar: 300, polynomial: 150, epoch: 150, chain: 4, mlp: 4}


def main() -> int:
    """Measure, print, and return an exit status."""
    import gradviz

    try:
        import torch
    except ImportError:
        print('this compares with PyTorch: pip install "torch==2.13.0"', file=sys.stderr)
        return 1
    torch.set_num_threads(1)
    results = {}
    for make, count in WORKLOADS.items():
        runs = {"gradviz": make(gradviz), "torch": make(torch)}
        times: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, once in runs.items():
                start = time.perf_counter()
                for _ in range(count):
                    once()
                times[name].append((time.perf_counter() - start) / count * 1e6)
        ours, theirs = (statistics.median(times[name]) for name in ("gradviz", "torch"))
        results[make.__name__] = {"gradviz_us": ours, "torch_us": theirs, "ratio": ours / theirs}
        print(f"{make.__name__:12} gradviz {ours:10.1f} µs   torch {theirs:10.1f} µs   ratio {ours / theirs:5.2f}")
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
