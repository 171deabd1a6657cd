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
        "chain": _chain,
        "micrograd": _micrograd(),
        "small_mlp": network([2, 16, 16, 1], 64),
        "mlp": network([784, 128, 10], 256),
        "cnn": _cnn(),
        "attention": _attention(),
        "lstm": _lstm(),
        "adam": _adam(),
    }


def _chain() -> Any:
    y, slopes = np.float32(1), []
    factor, term = np.float32(1.001), np.float32(0.001)
    for _ in range(500):
        y = y * factor + term
        slopes.append(factor)
    gradient = np.float32(1)
    for slope in reversed(slopes):
        gradient = gradient * slope
    return y, gradient


def _micrograd() -> Once:
    """The numbers of a layer one by one: that is what is measured."""
    hidden = [[np.float32(v) for v in randn(3)] for _ in range(4)]
    last = [np.float32(v) for v in randn(5)]
    points = [([np.float32(v) for v in randn(2)], np.float32(1)) for _ in range(4)]

    def once() -> Any:
        slopes = [[np.float32(0)] * 3 for _ in range(4)]
        slopes_of_last = [np.float32(0)] * 5
        for (a, b), y in points:
            sums = [w[0] * a + w[1] * b + w[2] for w in hidden]
            values = [max(total, np.float32(0)) for total in sums]
            out = last[4]
            for weight, value in zip(last, values, strict=False):
                out = out + weight * value
            gradient = 2 * (out - y)
            slopes_of_last[4] += gradient
            for place, (total, value) in enumerate(zip(sums, values, strict=True)):
                slopes_of_last[place] += gradient * value
                if total > 0:
                    inner = gradient * last[place]
                    for at, entry in enumerate((a, b, np.float32(1))):
                        slopes[place][at] += inner * entry
        return slopes, slopes_of_last

    return once


def _windows(x: np.ndarray) -> np.ndarray:
    """The 3×3 windows of images, as columns: (9 · channels, images · height · width)."""
    n, c, h, w = x.shape
    wide = np.zeros((n, c, h + 2, w + 2), np.float32)
    wide[:, :, 1:-1, 1:-1] = x
    seen = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), axis=(2, 3))
    return seen.transpose(1, 4, 5, 0, 2, 3).reshape(c * 9, n * h * w)


def _cnn() -> Once:
    first, second = randn(8, 9) / 3, randn(16, 72) / np.float32(8)
    biases, head, head_bias = [randn(8), randn(16)], randn(784, 10) / np.float32(28), randn(10)
    x, y = randn(64, 1, 28, 28), RANDOM.integers(0, 10, 64)

    def layer(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> tuple[Any, ...]:
        columns = _windows(x)
        made = (weight @ columns + bias[:, None]).reshape(-1, x.shape[0], *x.shape[2:])
        made = np.maximum(made, 0)
        cells = made.reshape(*made.shape[:2], made.shape[2] // 2, 2, made.shape[3] // 2, 2)
        corners = [cells[:, :, :, row, :, column] for row in range(2) for column in range(2)]
        pooled = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
        return columns, made, cells, pooled

    def back(gradient: np.ndarray, weight: np.ndarray, kept: tuple[Any, ...]) -> tuple[Any, ...]:
        columns, made, cells, pooled = kept
        spread = (cells == pooled[:, :, :, None, :, None]) * gradient[:, :, :, None, :, None]
        inner = (spread.reshape(made.shape) * (made > 0)).reshape(len(weight), -1)
        return inner, inner @ columns.T, inner.sum(1)

    def once() -> Any:
        one = layer(x, first, biases[0])
        images = one[3].transpose(1, 0, 2, 3)
        two = layer(images, second, biases[1])
        flat = two[3].transpose(1, 0, 2, 3).reshape(64, -1)
        scores = flat @ head + head_bias
        scores -= scores.max(1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(1, keepdims=True)
        shares[np.arange(64), y] -= 1
        shares /= 64
        gradient = (shares @ head.T).reshape(64, 16, 7, 7).transpose(1, 0, 2, 3)
        inner, *slopes = back(gradient, second, two)
        columns = (second.T @ inner).reshape(8, 3, 3, 64, 14, 14)
        wide = np.zeros((8, 64, 16, 16), np.float32)
        for row, column in itertools.product(range(3), range(3)):
            wide[:, :, row : row + 14, column : column + 14] += columns[:, row, column]
        return flat.T @ shares, slopes, back(wide[:, :, 1:-1, 1:-1], first, one)

    return once


def _attention() -> Once:
    x, (wq, wk, wv) = randn(16, 64, 32), (randn(32, 32) * np.float32(0.2) for _ in range(3))

    def once() -> Any:
        q, k, v = x @ wq, x @ wk, x @ wv
        scores = q @ k.swapaxes(1, 2) / np.float32(32**0.5)
        shares = np.exp(scores - scores.max(2, keepdims=True))
        shares /= shares.sum(2, keepdims=True)
        out = shares @ v
        gradient = np.ones_like(out)
        dv, back = shares.swapaxes(1, 2) @ gradient, gradient @ v.swapaxes(1, 2)
        inner = shares * (back - (back * shares).sum(2, keepdims=True)) / np.float32(32**0.5)
        dq, dk = inner @ k, inner.swapaxes(1, 2) @ q
        flat = x.reshape(-1, 32).T
        return [flat @ part.reshape(-1, 32) for part in (dq, dk, dv)]

    return once


def _lstm() -> Once:
    x, width = randn(64, 20, 32), 64
    wx, wh, bias = randn(32, 256) / 8, randn(64, 256) / 8, randn(256)

    def once() -> Any:
        h = c = np.zeros((64, width), np.float32)
        given, kept = x @ wx + bias, []
        for step in range(20):
            gates = given[:, step] + h @ wh
            write, forget, show = (
                1 / (1 + np.exp(-gates[:, part])) for part in (slice(64), slice(64, 128), slice(192, 256))
            )
            new = np.tanh(gates[:, 128:192])
            before, c = c, forget * c + write * new
            shown = np.tanh(c)
            kept.append((h, before, write, forget, new, show, shown))
            h = show * shown
        dh, dc = np.full_like(h, 1 / h.size), np.zeros_like(c)
        dgates = np.empty((20, 64, 256), np.float32)
        dwh = np.zeros_like(wh)
        for step in range(19, -1, -1):
            h, before, write, forget, new, show, shown = kept[step]
            dc = dc + dh * show * (1 - shown * shown)
            into = dgates[step]
            into[:, :64] = dc * new * write * (1 - write)
            into[:, 64:128] = dc * before * forget * (1 - forget)
            into[:, 128:192] = dc * write * (1 - new * new)
            into[:, 192:] = dh * shown * show * (1 - show)
            dwh += h.T @ into
            dh, dc = into @ wh.T, dc * forget
        return x.transpose(1, 0, 2).reshape(-1, 32).T @ dgates.reshape(-1, 256), dwh, dgates.sum((0, 1))

    return once


def _adam() -> Once:
    """Each line rounded as NumPy rounds it: the last digits are not PyTorch's, which adds to a product before it rounds."""
    w, grad, m, v = randn(100_000), randn(100_000), np.zeros(100_000, np.float32), np.zeros(100_000, np.float32)
    one, two = np.empty_like(w), np.empty_like(w)

    def once() -> None:
        np.multiply(m, np.float32(0.9), m)
        np.multiply(grad, np.float32(0.1), one)
        np.add(m, one, m)
        np.multiply(v, np.float32(0.999), v)
        np.multiply(grad, np.float32(0.001), one)
        np.multiply(one, grad, one)
        np.add(v, one, v)
        np.sqrt(v, two)
        np.divide(two, np.float32(0.9), two)
        np.add(two, np.float32(1e-8), two)
        np.multiply(m, np.float32(0.001), one)
        np.divide(one, two, one)
        np.subtract(w, one, w)

    return once


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


PARTS = ("forward", "calls", "recording", "formulas", "walk")


def measure(runs: dict[str, Once]) -> dict[str, float]:
    """Return the best processor time of each in µs: they take turns, and what else the machine does disturbs the slowest only."""
    counts = {}
    for name, once in runs.items():
        once()
        start = time.process_time()
        once()
        counts[name] = max(1, int(SECONDS / (time.process_time() - start)))
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, once in runs.items():
            start = time.process_time()
            for _ in range(counts[name]):
                once()
            best[name] = min(best[name], (time.process_time() - start) / counts[name] * 1e6)
    return best


def split(once: Once) -> dict[str, float] | None:
    """Return where the time goes, in µs, and how much of it is left over when a part is taken away.

    ``forward`` is what the rows compute, by itself; ``calls`` what stands around it without a graph (functions, checks, new
    tensors); ``recording`` what the graph costs; ``formulas`` the derivatives, by themselves; ``walk`` what is around them.
    """
    import gradviz
    from gradviz import Tensor
    from gradviz.engine.core.backward import nodes_behind
    from gradviz.engine.core.tensor import edge_of

    outputs: list[Any] = []
    backward = Tensor.backward

    def with_backward(replaced: Any, function: Once) -> None:
        Tensor.backward = replaced  # type: ignore[method-assign]
        try:
            function()
        finally:
            Tensor.backward = backward  # type: ignore[method-assign]

    with_backward(lambda self: outputs.append(self) or backward(self, retain_graph=True), once)
    if not outputs:
        return None
    forwards: list[tuple[Any, tuple[Any, ...]]] = []
    formulas: list[tuple[Any, tuple[Any, ...]]] = []
    for node in nodes_behind([edge_of(output) for output in outputs])[0]:
        row, values = node.operation, node.values
        assert values is not None
        count, end = len(row.inputs), len(row.inputs) + len(row.outputs)
        takes = getattr(getattr(row.forward, "__wrapped__", row.forward), "__code__", None)
        given = (*values[:count], *values[end:])
        # A ufunc has no code and takes the inputs; a sum has kept the axes, and need not be told to.
        given = given if takes is None or takes.co_flags & 4 else given[: takes.co_argcount]
        try:
            row.forward(*given)
            forwards.append((row.forward, given))
        except TypeError:  # a reduction that was told no axes; its function works them out
            forwards.append((np.add.reduce, (given[0], None)))
        if node.seen is not None:
            formulas.append((node.contributions, (node.seen[1],)))

    def all_of(calls: list[tuple[Any, tuple[Any, ...]]]) -> None:
        for function, arguments in calls:
            function(*arguments)

    def unrecorded() -> None:
        with gradviz.no_grad():
            once()

    parts = {"forward": lambda: all_of(forwards), "formulas": lambda: all_of(formulas), "all": once}
    best = dict.fromkeys([*parts, "recorded", "unrecorded"], float("inf"))
    for _ in range(2 * ROUNDS):
        for name, function in parts.items():
            best[name] = min(best[name], _once(function))
        with_backward(lambda self: None, lambda: best.update(recorded=min(best["recorded"], _once(once))))
        with_backward(lambda self: None, lambda: best.update(unrecorded=min(best["unrecorded"], _once(unrecorded))))
    return {
        "forward": best["forward"],
        "calls": best["unrecorded"] - best["forward"],
        "recording": best["recorded"] - best["unrecorded"],
        "formulas": best["formulas"],
        "walk": best["all"] - best["recorded"] - best["formulas"],
    }


def _once(function: Once) -> float:
    start = time.process_time()
    for _ in range(5):
        function()
    return (time.process_time() - start) / 5 * 1e6


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
    heads = "".join(f"{name:>15}" for name in names)
    print(f"{'µs':12}{heads}{'ratio':>9}{'wanted':>8}{'':4}{''.join(f'{part:>11}' for part in PARTS)}")
    results: dict[str, Any] = {}
    for workload in WORKLOADS:
        runs = {"gradviz": workload(gradviz), "torch": workload(torch)}
        runs |= {name: made[workload.__name__] for name, made in others.items() if workload.__name__ in made}
        times = measure(runs)
        ratio = times["gradviz"] / times["torch"]
        # Where a row falls short, this says why.
        parts = split(runs["gradviz"])
        results[workload.__name__] = {
            "microseconds": times,
            "ratio_to_torch": ratio,
            "split": parts,
            "wanted": WANTED[workload.__name__],
        }
        cells = "".join(f"{times[name]:15.1f}" if name in times else f"{'–':>15}" for name in names)
        shares = "" if parts is None else "".join(f"{parts[part]:11.1f}" for part in PARTS)
        print(f"{workload.__name__:12}{cells}{ratio:9.2f}{WANTED[workload.__name__]:8}{'':4}{shares}", flush=True)
    machine = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "load": os.getloadavg()[0],
    }
    OUT.write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
