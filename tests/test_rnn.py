"""Recurrent layers and cells: digits, numbers, shapes and messages beside PyTorch; each step visible in the graph."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from beside import assert_same, assert_same_module, outcome

import gradviz as gv

pytestmark = pytest.mark.filterwarnings("ignore")

random = np.random.default_rng(0)


def numbers(*shape):
    return random.standard_normal(shape).astype("f")


def flat(t, layer):
    """Make a layer return its results in one tuple, and take its states as arguments."""

    class Flat(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, *state):
            output, end = self.layer(x, state if len(state) == 2 else state[0] if state else None)
            return (output, *end) if isinstance(end, tuple) else (output, end)

    return Flat()


OPTIONS = [
    {}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}, {"bias": False}, {"batch_first": True},
    {"num_layers": 3, "dropout": 0.4},
]  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 3)], ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_layers(torch, name, options, shape, training):
    if options.get("dropout") and training:
        gv.manual_seed(0)
        torch.manual_seed(0)
        mine = gv.engine.random.default_generator.bernoulli(0.3, (99,)).tolist()
        if torch.empty(99).bernoulli_(0.3).tolist() != mine:
            pytest.skip("PyTorch draws the masks of dropout differently on this processor")
    assert_same_module(
        torch, lambda t: flat(t, getattr(t.nn, name)(3, 4, **options)), numbers(*shape), training=training
    )


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_layers_that_start_somewhere(torch, name):
    states = [numbers(4, 2, 4) for _ in range(1 + (name == "LSTM"))]

    def make(t):
        return flat(t, getattr(t.nn, name)(3, 4, 2, bidirectional=True))

    assert_same_module(torch, make, numbers(5, 2, 3), *states)
    assert_same_module(torch, make, numbers(5, 3), *(state[:, 0].copy() for state in states))


@pytest.mark.parametrize(
    "options", [{"proj_size": 2}, {"proj_size": 2, "bidirectional": True, "num_layers": 2}], ids=str
)
def test_a_projected_lstm(torch, options):
    assert_same_module(torch, lambda t: flat(t, t.nn.LSTM(3, 4, **options)), numbers(5, 2, 3))


def test_a_network_of_relus(torch):
    assert_same_module(torch, lambda t: flat(t, t.nn.RNN(3, 4, 2, "relu")), numbers(5, 2, 3))
    assert_same_module(torch, lambda t: flat(t, t.nn.RNN(3, 4, nonlinearity="relu")), numbers(5, 2, 3))


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("front", [(2,), ()], ids=["batch", "single"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RNNCell", {}),
        ("RNNCell", {"nonlinearity": "relu", "bias": False}),
        ("GRUCell", {}),
        ("GRUCell", {"bias": False}),
    ],
)
def test_cells(torch, name, options, front, state):
    arrays = [numbers(*front, 3), numbers(*front, 4)]
    assert_same_module(torch, lambda t: getattr(t.nn, name)(3, 4, **options), *arrays[: 1 + state])


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("front", [(2,), ()], ids=["batch", "single"])
def test_lstm_cells(torch, front, state):
    def make(t):
        class Flat(t.nn.Module):
            def __init__(self):
                super().__init__()
                self.cell = t.nn.LSTMCell(3, 4)

            def forward(self, x, *state):
                return self.cell(x, state or None)

        return Flat()

    arrays = [numbers(*front, 3), numbers(*front, 4), numbers(*front, 4)]
    assert_same_module(torch, make, *arrays[: 1 + 2 * state])


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_second_derivatives(torch, name):
    def function(t, x):
        t.manual_seed(0)
        return getattr(t.nn, name)(3, 4).double()(x)[0]

    assert_same(torch, function, random.standard_normal((4, 2, 3)), rtol=1e-4, atol=1e-6)


def operations_of(tensor):
    seen, waiting, names = set(), [tensor.grad_fn], Counter()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        names[type(node).__name__] += 1
        waiting.extend(edge[0] for edge in node.next_functions)
    return names


@pytest.mark.parametrize(("name", "tanhs", "sigmoids"), [("RNN", 1, 0), ("GRU", 1, 2), ("LSTM", 2, 3)])
def test_every_step_and_gate_is_in_the_graph(name, tanhs, sigmoids):
    output, _ = getattr(gv.nn, name)(3, 4)(gv.randn(5, 1, 3))
    names = operations_of(output)
    assert names["TanhBackward0"] == 5 * tanhs
    assert names["SigmoidBackward0"] == 5 * sigmoids


def test_cells_have_pytorchs_graph(torch):
    for name in ("RNNCell", "GRUCell"):
        mine = operations_of(getattr(gv.nn, name)(3, 4)(gv.ones(1, 3), gv.ones(1, 4)))
        theirs = operations_of(getattr(torch.nn, name)(3, 4)(torch.ones(1, 3), torch.ones(1, 4)))
        assert sorted(mine.values()) == sorted(theirs.values())
        assert set(theirs) == set(mine)


def test_all_weights_and_flatten_parameters(torch):
    for t in (torch, gv):
        layer = t.nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
        assert [len(weights) for weights in layer.all_weights] == [5] * 4
        assert layer.all_weights[3][0] is layer.weight_ih_l1_reverse
        layer.flatten_parameters()


BAD = [
    *(
        call.format(name, f"nn.{name}(3, 4)", state.format("torch.zeros(2, 4)"))
        for name, state in (("RNN", "{0}"), ("GRU", "{0}"), ("LSTM", "({0}, {0})"))
        for call in [
            "{1}(torch.zeros(3))", "{1}(torch.zeros(5, 2, 4))", "{1}(torch.zeros(5, 2, 3).double())",
            "{1}(torch.zeros(5, 2, 3), {2})", "{1}(torch.zeros(5, 3), {2})",
            "nn.{0}(3, 4, dropout=2)", "nn.{0}(3, 4, num_layers=0)", "nn.{0}(3, 4, bias=1)", "nn.{0}(3, 4, batch_first=1)",
            "nn.{0}(3, 4, proj_size=5)", "nn.{0}(3, 4, proj_size=-1)", "nn.{0}(0, 1)", "nn.{0}(1, 0)", "nn.{0}(1.0, 1)",
            "r = nn.{0}(3, 4, dropout=0.5)",
            "nn.{0}Cell(3, 4)(torch.zeros(2, 2, 3))", "nn.{0}Cell(3, 4)(torch.zeros(2, 4))",
            "nn.{0}Cell(3, 4)(torch.zeros(3, 3), {2})", "nn.{0}Cell(3, 5)(torch.zeros(2, 3), {2})",
        ]
    ),
    "nn.RNN(3, 4)(torch.zeros(5, 3), torch.zeros(1, 2, 4))",
    "nn.LSTM(3, 4)(torch.zeros(5, 3), (torch.zeros(1, 2, 4),) * 2)",
    "nn.GRU(3, 4)(torch.zeros(5, 2, 3), torch.zeros(1, 3, 4))",
    "nn.LSTM(3, 4)(torch.zeros(5, 2, 3), (torch.zeros(1, 2, 4), torch.zeros(1, 2, 5)))",
    "nn.RNN(1, 2, nonlinearity='elephant')",
    "nn.RNNCell(1, 2, nonlinearity='elephant')(torch.zeros(1, 1))",
    "nn.RNNCell(3, 4)(torch.zeros(2, 3), torch.zeros(1, 2, 4))",
    "nn.LSTMCell(3, 4)(torch.zeros(2, 3), (torch.zeros(1, 2, 4), torch.zeros(2, 4)))",
]  # fmt: skip


@pytest.mark.parametrize("code", BAD)
def test_bad_input_gets_pytorchs_words(torch, code):
    assert outcome(gv, code) == outcome(torch, code)


@pytest.mark.parametrize(
    "code", ["r = nn.RNN(3, 4, 2, bias=False)", "r = nn.LSTM(3, 4, proj_size=2, batch_first=True)"]
)
def test_print(torch, code):
    assert outcome(gv, code) == outcome(torch, code)
