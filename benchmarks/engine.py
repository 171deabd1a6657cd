"""The engine beside PyTorch on one thread, MyGrad, HIPS autograd and NumPy by hand, in one run and interleaved.

Run with ``python -m benchmarks.engine``; needs ``pip install ".[bench]"``. Prints a table of ratios to
PyTorch and writes ``benchmarks/engine.json``. Compare ratios, not times.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# One thread each: NumPy's must be told before it is imported, and idle threads of one would slow down the other.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 (after the threads are set)

ROUNDS = 15
SECONDS = 0.02  # per library, workload and round
OUT = Path(__file__).with_suffix(".json")

Once = Callable[[], Any]
RANDOM = np.random.default_rng(0)


def randn(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape, dtype=np.float32)


# --- with PyTorch's interface: torch and gradviz ---------------------------------------------------------------------


def scalar(t: Any) -> Once:
    """The tutorial's first example: x² + 3."""

    def once() -> None:
        x = t.tensor(7.0, requires_grad=True)
        ((x**2) + 3).backward()

    return once


def polynomial(t: Any) -> Once:
    """Its second: a polynomial of a 3×3 matrix."""
    x = t.ones(3, 3, requires_grad=True)

    def once() -> None:
        x.grad = None
        ((x**3) + 7 * (x**2) + 5 * x + 10).sum().backward()

    return once


def epoch(t: Any) -> Once:
    """Its last: one epoch of Linear, MSELoss and SGD."""
    linear, criterion = t.nn.Linear(3, 2), t.nn.MSELoss()
    optimizer = t.optim.SGD(linear.parameters(), lr=0.01)
    x, y = t.tensor(randn(10, 3)), t.tensor(randn(10, 2))

    def once() -> None:
        criterion(linear(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    return once


def chain(t: Any) -> Once:
    """A thousand operations on one number."""
    x = t.tensor(1.0, requires_grad=True)

    def once() -> None:
        y = x
        for _ in range(500):
            y = y * 1.001 + 0.001
        y.backward()

    return once


def _trained(t: Any, model: Any, x: np.ndarray, loss_of: Callable[[Any], Any]) -> Once:
    inputs, parameters = t.tensor(x), list(model.parameters())

    def once() -> None:
        for parameter in parameters:
            parameter.grad = None
        loss_of(model(inputs)).backward()

    return once


def small_mlp(t: Any) -> Once:
    """A 2-16-16-1 network on a batch of 64, mean squared error."""
    nn = t.nn
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
    y = t.tensor(randn(64, 1))
    return _trained(t, model, randn(64, 2), lambda out: nn.functional.mse_loss(out, y))


def mlp(t: Any) -> Once:
    """A 784-128-10 network on a batch of 256, mean squared error."""
    nn = t.nn
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    y = t.tensor(randn(256, 10))
    return _trained(t, model, randn(256, 784), lambda out: nn.functional.mse_loss(out, y))


def cnn(t: Any) -> Once:
    """Two convolutions with pooling and a linear layer on 64 images of 28×28, cross-entropy."""
    nn = t.nn
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 10),
    )
    y = t.tensor(RANDOM.integers(0, 10, 64))
    return _trained(t, model, randn(64, 1, 28, 28), lambda out: nn.functional.cross_entropy(out, y))


def attention(t: Any) -> Once:
    """One attention head of width 32 over 16 sequences of 64 tokens, written out."""
    x = t.tensor(randn(16, 64, 32))
    weights = [t.tensor(randn(32, 32) * np.float32(0.2), requires_grad=True) for _ in range(3)]

    def once() -> None:
        for weight in weights:
            weight.grad = None
        q, k, v = (x @ weight for weight in weights)
        scores = q @ k.transpose(-2, -1) / 32**0.5
        (t.softmax(scores, -1) @ v).sum().backward()

    return once


def lstm(t: Any) -> Once:
    """An LSTM of width 64 over 64 sequences of 20 steps, the mean of its last state."""
    model = t.nn.LSTM(32, 64, batch_first=True)
    return _trained(t, model, randn(64, 20, 32), lambda out: out[0][:, -1].mean())


def transformer(t: Any) -> Once:
    """A transformer block of width 32 with 4 heads over 8 sequences of 16 tokens."""
    model = t.nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
    return _trained(t, model, randn(8, 16, 32), lambda out: out.mean())


def adam(t: Any) -> Once:
    """One step of Adam on 100,000 parameters."""
    w = t.tensor(randn(100_000), requires_grad=True)
    w.grad = t.tensor(randn(100_000))
    return t.optim.Adam([w]).step


def micrograd(t: Any) -> Once:
    """micrograd's own example on scalars: a 2-4-1 network, each number a tensor, on 4 points."""
    chance = random.Random(0)
    layers = [
        [([t.tensor(chance.uniform(-1, 1), requires_grad=True) for _ in range(n)], t.tensor(0.0, requires_grad=True))
         for _ in range(m)]
        for n, m in ((2, 4), (4, 1))
    ]  # fmt: skip
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]
    points = [([chance.uniform(-1, 1), chance.uniform(-1, 1)], chance.choice([-1.0, 1.0])) for _ in range(4)]

    def once() -> None:
        for parameter in parameters:
            parameter.grad = None
        total = t.tensor(0.0)
        for x, y in points:
            values: list[Any] = x
            for place, layer in enumerate(layers):
                values = [sum((w * v for w, v in zip(weights, values, strict=True)), bias) for weights, bias in layer]
                values = [value.relu() for value in values] if place == 0 else values
            total = total + (values[0] - y) ** 2
        total.backward()

    return once


# --- the others ------------------------------------------------------------------------------------------------------


def mygrad() -> dict[str, Once]:
    """The same in MyGrad."""
    import mygrad as mg

    mg.turn_memory_guarding_off()  # a safety net that the others do not have either

    def scalar() -> None:
        x = mg.tensor(7.0)
        ((x**2) + 3).backward()

    ones = mg.ones((3, 3), dtype=np.float32)

    def polynomial() -> None:
        ones.null_grad()
        ((ones**3) + 7 * (ones**2) + 5 * ones + 10).sum().backward()

    w, b = mg.tensor(randn(3, 2)), mg.tensor(randn(2))
    x, y = randn(10, 3), randn(10, 2)

    def epoch() -> None:
        ((mg.matmul(x, w) + b - y) ** 2).mean().backward()
        for parameter in (w, b):
            parameter.data -= 0.01 * parameter.grad
            parameter.null_grad()

    def chain() -> None:
        out = start
        for _ in range(500):
            out = out * 1.001 + 0.001
        out.backward()

    start = mg.tensor(1.0)

    def network(sizes: list[int], batch: int) -> Once:
        layers = [
            (mg.tensor(randn(a, b) / np.float32(a**0.5)), mg.tensor(randn(b))) for a, b in itertools.pairwise(sizes)
        ]
        x, y = randn(batch, sizes[0]), randn(batch, sizes[-1])

        def once() -> None:
            out = x
            for place, (weight, bias) in enumerate(layers):
                weight.null_grad(), bias.null_grad()
                out = mg.matmul(out, weight) + bias
                if place < len(layers) - 1:
                    out = mg.maximum(out, 0)
            ((out - y) ** 2).mean().backward()

        return once

    return {
        "scalar": scalar,
        "polynomial": polynomial,
        "epoch": epoch,
        "chain": chain,
        "small_mlp": network([2, 16, 16, 1], 64),
        "mlp": network([784, 128, 10], 256),
    }


def hips() -> dict[str, Once]:
    """The same in HIPS autograd."""
    import autograd.numpy as anp
    from autograd import grad

    square = grad(lambda x: x**2 + 3)
    polynomial = grad(lambda x: anp.sum((x**3) + 7 * (x**2) + 5 * x + 10))
    ones = np.ones((3, 3), np.float32)

    def power(x: Any) -> Any:
        for _ in range(500):
            x = x * 1.001 + 0.001
        return x

    chained = grad(power)

    def network(sizes: list[int], batch: int, rate: float = 0.0) -> Once:
        layers = [[randn(a, b) / np.float32(a**0.5), randn(b)] for a, b in itertools.pairwise(sizes)]
        x, y = randn(batch, sizes[0]), randn(batch, sizes[-1])

        def loss(layers: Any) -> Any:
            out = x
            for place, (weight, bias) in enumerate(layers):
                out = anp.dot(out, weight) + bias
                if place < len(layers) - 1:
                    out = anp.maximum(out, 0)
            return anp.mean((out - y) ** 2)

        slope = grad(loss)

        def once() -> None:
            for layer, (dw, db) in zip(layers, slope(layers), strict=True):
                layer[0] -= rate * dw
                layer[1] -= rate * db

        return once

    return {
        "scalar": lambda: square(7.0),
        "polynomial": lambda: polynomial(ones),
        "epoch": network([3, 2], 10, 0.01),
        "chain": lambda: chained(1.0),
        "small_mlp": network([2, 16, 16, 1], 64),
        "mlp": network([784, 128, 10], 256),
    }


def by_hand() -> dict[str, Once]:
    """The same in NumPy, with the derivatives worked out on paper."""
    ones = np.ones((3, 3), np.float32)

    def scalar() -> Any:
        x = np.float32(7.0)
        return x * x + 3, 2 * x

    def polynomial() -> Any:
        squared = ones * ones
        return (squared * ones + 7 * squared + 5 * ones + 10).sum(), 3 * squared + 14 * ones + 5

    def network(sizes: list[int], batch: int, rate: float = 0.0) -> Once:
        layers = [[randn(a, b) / np.float32(a**0.5), randn(b)] for a, b in itertools.pairwise(sizes)]
        x, y = randn(batch, sizes[0]), randn(batch, sizes[-1])

        def once() -> None:
            outs = [x]
            for place, (weight, bias) in enumerate(layers):
                out = outs[-1] @ weight + bias
                outs.append(np.maximum(out, 0) if place < len(layers) - 1 else out)
            error = outs[-1] - y
            np.square(error).mean()
            gradient = error * (2 / error.size)
            for place in range(len(layers) - 1, -1, -1):
                weight, bias = layers[place]
                dw, db = outs[place].T @ gradient, gradient.sum(0)
                if place:
                    gradient = (gradient @ weight.T) * (outs[place] > 0)
                if rate:
                    weight -= rate * dw
                    bias -= rate * db

        return once

    return {
        "scalar": scalar,
        "polynomial": polynomial,
        "epoch": network([3, 2], 10, 0.01),
        "small_mlp": network([2, 16, 16, 1], 64),
        "mlp": network([784, 128, 10], 256),
    }


# --- measuring -------------------------------------------------------------------------------------------------------

WORKLOADS = (scalar, polynomial, epoch, chain, micrograd, small_mlp, mlp, cnn, attention, transformer, lstm, adam)
WANTED = {
    "scalar": 0.5,
    "polynomial": 0.6,
    "epoch": 0.5,
    "chain": 0.5,
    "micrograd": 1,
    "small_mlp": 0.8,
    "mlp": 1.1,
    "cnn": 2,
    "attention": 1.1,
    "transformer": 1.6,
    "lstm": 2,
    "adam": 1,
}


def measure(runs: dict[str, Once]) -> dict[str, float]:
    """Return the best time of each in µs: they take turns, and what else the machine does disturbs the slowest only."""
    counts = {}
    for name, once in runs.items():
        once()
        start = time.perf_counter()
        once()
        counts[name] = max(1, int(SECONDS / (time.perf_counter() - start)))
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, once in runs.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                once()
            best[name] = min(best[name], (time.perf_counter() - start) / counts[name] * 1e6)
    return best


def main() -> int:
    """Measure, print, write, and return an exit status."""
    import gradviz

    try:
        import torch
    except ImportError:
        print('this compares with PyTorch: pip install ".[bench]"', file=sys.stderr)
        return 1
    torch.set_num_threads(1)
    others: dict[str, dict[str, Once]] = {}
    for name, make in {"MyGrad": mygrad, "HIPS autograd": hips, "by hand": by_hand}.items():
        try:
            others[name] = make()
        except ImportError as error:
            print(f"without {name}: {error}")
    names = ["gradviz", "torch", *others]
    print(f"{'µs':12}" + "".join(f"{name:>15}" for name in names) + f"{'ratio':>9}{'wanted':>8}")
    results: dict[str, Any] = {}
    for workload in WORKLOADS:
        runs = {"gradviz": workload(gradviz), "torch": workload(torch)}
        runs |= {name: made[workload.__name__] for name, made in others.items() if workload.__name__ in made}
        times = measure(runs)
        ratio = times["gradviz"] / times["torch"]
        results[workload.__name__] = {
            "microseconds": times,
            "ratio_to_torch": ratio,
            "wanted": WANTED[workload.__name__],
        }
        cells = "".join(f"{times[name]:15.1f}" if name in times else f"{'–':>15}" for name in names)
        print(f"{workload.__name__:12}{cells}{ratio:9.2f}{WANTED[workload.__name__]:8}")
    machine = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    OUT.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
