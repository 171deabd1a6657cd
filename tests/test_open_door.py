"""The adapters in `examples/`: other programs' computations, with the gradients that these programs find themselves."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import numpy as np
import pytest

import gradviz as gv
from gradviz.recording import dumps, loads

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def adapter(monkeypatch):
    """Import an adapter, if that for which it is one is there."""

    def load(name):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install {name}")
        monkeypatch.syspath_prepend(str(EXAMPLES))
        return importlib.import_module(f"from_{name}").recorded

    return load


def gradients(recording):
    """Return the gradients of named tensors as arrays."""
    found = {recording.graph.tensor(key): gradient.value for key, gradient in recording.at(-1).gradients.items()}
    return {tensor.name: np.reshape(value.data, tensor.shape) for tensor, value in found.items() if tensor.named}


def is_whole(recording):
    """It can be drawn, stepped through, saved and read, and each gradient in it is complete."""
    assert all(gradient.complete for gradient in recording.at(-1).gradients.values())
    assert loads(dumps(recording)) == recording
    assert len(gv.draw(recording).to_svg()) > 1000
    assert repr(gv.backprop(recording)).startswith("Player(")


def said(recording):
    return [equation.text for frame in recording.frames for equation in frame.equation]


# --- micrograd --------------------------------------------------------------------------------------------------------


def test_micrograds_own_example(adapter):
    """The one of its README: sums in place, powers, division, subtraction."""
    recorded = adapter("micrograd")
    from micrograd.engine import Value

    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    before = (a.grad, b.grad)
    recording = recorded(g, locals())
    assert (a.grad, b.grad) == before
    found = gradients(recording)
    assert math.isclose(found["a"], 138.83381924198252)
    assert math.isclose(found["b"], 645.5772594752186)
    assert recording.at(-1).values[recording.graph.operations[-1].outputs[0]].data == (g.data,)
    is_whole(recording)


def test_x_times_x_has_two_arguments(adapter):
    recorded = adapter("micrograd")
    from micrograd.engine import Value

    x = Value(3.0)
    y = x * x + x
    recording = recorded(y, {"x": x, "y": y})
    assert len(recording.graph.operations[0].inputs) == 2
    assert recording.title == "y = x·x + x"
    assert "∂y/∂x += ∂y/∂(x·x) · x = 1 × 3 = 3" in said(recording)
    assert gradients(recording)["x"] == 7.0
    assert x.grad == 0


def test_what_micrograd_was_given_without_a_name_is_a_number(adapter):
    recorded = adapter("micrograd")
    from micrograd.engine import Value
    from micrograd.nn import Neuron

    neuron = Neuron(2)
    y = neuron([Value(1.0), -2]) * 0.5 + 3
    weights = {f"w{number}": weight for number, weight in enumerate(neuron.w)} | {"b": neuron.b, "y": y}
    y.backward()
    recording = recorded(y, weights)
    assert {t.name for t in recording.graph.tensors if t.role == "constant"} >= {"1", "−2", "0.5", "3"}
    found = gradients(recording)
    assert [found["w0"], found["w1"], found["b"]] == [neuron.w[0].grad, neuron.w[1].grad, neuron.b.grad]
    is_whole(recording)


# --- JAX --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def jax(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    return pytest.importorskip("jax", reason="jax is not installed: pip install jax")


def network(jax):
    jnp = jax.numpy
    keys = jax.random.split(jax.random.key(0), 4)
    weights = {
        "w1": jax.random.normal(keys[0], (3, 4)),
        "b1": jnp.ones(4) / 2,
        "w2": jax.random.normal(keys[1], (4, 2)),
    }

    def loss(p, x, y):
        h = jax.nn.relu(jnp.tanh(x @ p["w1"] + p["b1"]))
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(h @ p["w2"]) * y, axis=1))

    return loss, (weights, jax.random.normal(keys[2], (5, 3)), jax.nn.one_hot(jnp.array([0, 1, 0, 1, 1]), 2))


def test_a_network_of_jax(adapter, jax):
    recorded = adapter("jax")
    loss, arguments = network(jax)
    recording = recorded(loss, *arguments)
    found = gradients(recording)
    for name, gradient in jax.grad(loss)(*arguments).items():
        np.testing.assert_allclose(found[f"p['{name}']"], gradient, rtol=1e-5, atol=1e-6)
    assert recording.producer.startswith("jax ")
    assert [module.path for module in recording.graph.modules] == ["log_softmax"]
    assert {"mm", "tanh", "relu", "sum", "exp", "neg"} <= {operation.name for operation in recording.graph.operations}
    is_whole(recording)


def scalar(jax, w, x, b):
    return (w * x + b) ** 2


def of_its_own(jax, w, x, b):
    jnp = jax.numpy
    return jnp.sum(jnp.cumsum(jnp.sort(jnp.arange(3.0) * w)) * jnp.where(x > b, x, b)) + jnp.linalg.det(jnp.eye(2) * w)


def of_many(jax, w, x, b):
    first, second = jax.numpy.split(jax.numpy.stack([w, x, b, w * x]), 2)
    return jax.numpy.dot(first, second) + jax.jit(lambda z: z / 3)(first[0])


@pytest.mark.parametrize("function", [scalar, of_its_own, of_many], ids=lambda function: function.__name__)
def test_functions_of_jax(adapter, jax, function):
    recorded = adapter("jax")
    numbers = (2.0, 5.0, 3.0)
    recording = recorded(lambda w, x, b: function(jax, w, x, b), *numbers, argnums=(0, 2))
    found = gradients(recording)
    theirs = jax.grad(lambda w, x, b: function(jax, w, x, b), argnums=(0, 2))(*numbers)
    np.testing.assert_allclose([found["w"], found["b"]], theirs, rtol=1e-5)
    is_whole(recording)


def test_x_times_x_has_two_arguments_in_jax_too(adapter, jax):
    recording = adapter("jax")(lambda x: x * x, 3.0)
    (last,) = (frame for frame in recording.frames if frame.contributions)
    assert [one.value.data for one in last.contributions] == [(3.0,), (3.0,)]


def test_a_line_of_jax_is_told_in_the_tables_words(adapter, jax):
    recorded = adapter("jax")
    recording = recorded(lambda w, x, b: (w * x + b) ** 2, 2.0, 5.0, 3.0, argnums=(0, 2))
    assert recording.title == "(w·x + b)²"
    assert said(recording)[-1] == "∂((w·x + b)²)/∂w = ∂((w·x + b)²)/∂(w·x) · x = 26 × 5 = 130"
