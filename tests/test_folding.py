"""Folded and partial pictures: what is left says the same as the whole."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.drawing.fit import fitted
from gradviz.drawing.fold import fold
from gradviz.drawing.opened import inside
from gradviz.drawing.options import options
from gradviz.drawing.reduce import MOST_SHOWN
from gradviz.drawing.stretches import Stretch, depth_of, middle, modules_below, repeats
from gradviz.recording import dumps, loads, record_graph
from gradviz.recording.codec import RecordingError


class Block(gv.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.a, self.b = gv.nn.Linear(size, size), gv.nn.Linear(size, size)

    def forward(self, x):
        return x + self.b(gv.relu(self.a(x)))


class Net(gv.nn.Module):
    def __init__(self, blocks=4, size=6):
        super().__init__()
        self.blocks = gv.nn.Sequential(*[Block(size) for _ in range(blocks)])
        self.head = gv.nn.Linear(size, 2)

    def forward(self, x):
        return self.head(self.blocks(x))


@pytest.fixture(scope="module")
def network():
    gv.manual_seed(0)
    net, x = Net(), gv.randn(5, 6)
    loss = (net(x) ** 2).mean()
    loss.backward()
    return net, loss, record_graph(loss, variables=[{"net": net, "x": x, "loss": loss}])


@pytest.fixture(scope="module")
def recording(network):
    return network[2]


def symbols(recording):
    return [operation.symbol for operation in recording.graph.operations]


def consistent(recording):
    """A fold is a recording like any other: it can be saved, loaded and stepped through, and nothing hangs loose."""
    assert loads(dumps(recording)) == recording
    tensors = {tensor.id for tensor in recording.graph.tensors}
    made = {output for operation in recording.graph.operations for output in operation.outputs}
    seen = set()
    for tensor in recording.graph.tensors:
        assert (tensor.producer is None) == (tensor.id not in made)
    for operation in recording.graph.operations:
        for argument in operation.inputs:
            assert argument.tensor in tensors
            assert argument.tensor in seen or argument.tensor not in made, "used before it is made"
        seen.update(operation.outputs)
    edges = {argument.id for _, argument in recording.graph.arguments()}
    assert len(edges) == sum(len(operation.inputs) for operation in recording.graph.operations)
    for frame in recording.frames:
        assert {id for id, _ in frame.values} <= tensors
        assert {contribution.argument for contribution in frame.contributions} <= edges
        assert {gradient.tensor for gradient in frame.gradients} <= tensors


def test_a_depth_of_zero_shows_the_model_as_one_box(network, recording):
    folded = fold(recording, modules_below(recording.graph, 0))
    consistent(folded)
    assert symbols(folded) == ["Net", "( )²", "mean"]
    box = folded.graph.operations[0]
    net = network[0]
    parameters = sum(p.numel() for p in net.parameters())
    assert (box.block.path, box.block.class_name, box.block.parameters) == ("net", "Net", parameters)
    assert box.attributes == ()
    assert [folded.graph.tensor(argument.tensor).name for argument in box.inputs] == ["x"]


def test_each_depth_unfolds_one_level_more(recording):
    assert depth_of(recording.graph) == 4
    sizes = []
    for depth in range(5):
        folded = fold(recording, modules_below(recording.graph, depth))
        consistent(folded)
        sizes.append(len(folded.graph.operations))
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(recording.graph.operations)


def test_blocks_that_are_alike_become_one(recording):
    folded = fold(recording, modules_below(recording.graph, 2))
    assert symbols(folded)[:4] == ["Block"] * 4
    again = fold(folded, repeats(folded.graph))
    consistent(again)
    assert symbols(again)[0] == "Block × 4"
    block = again.graph.operations[0].block
    assert (block.path, block.times, block.parameters) == ("net.blocks.0", 4, 4 * 2 * (36 + 6))
    assert len(block.inside) == block.operations == sum(o.block.operations for o in folded.graph.operations[:4])


def test_values_and_gradients_outside_of_folds_are_those_of_the_whole(recording):
    folded = fold(recording, modules_below(recording.graph, 1))
    whole, part = recording.at(), folded.at()
    for tensor in folded.graph.tensors:
        assert part.values[tensor.id] == whole.values[tensor.id]
        assert part.gradients.get(tensor.id) == whole.gradients.get(tensor.id)


def test_a_fold_sends_the_sum_of_what_it_sends_inside():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x + x.sin() + x
    y.backward()
    recording = record_graph(y, names={"x": x, "y": y})
    folded = fold(recording, [Stretch(0, 3, "x² + sin x")])
    consistent(folded)
    assert symbols(folded) == ["x² + sin x", "+"]
    (edge,) = folded.graph.operations[0].inputs
    sent = folded.at().contributions[edge.id].value.data[0]
    assert sent == pytest.approx(2 * 3 + math.cos(3), rel=1e-6)
    assert len(folded.frames) == 6  # the start, two steps forward, the seed, two steps back


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_stretches_fold_into_a_recording(data):
    random = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    leaves = [gv.tensor(float(number), requires_grad=True) for number in (1.0, 2.0)]
    known = list(leaves)
    for _ in range(data.draw(st.integers(2, 14))):
        a, b = (known[i] for i in random.integers(0, len(known), 2))
        known.append([a * b, a + b, a.sin(), a * 2.0][random.integers(4)])
    known[-1].backward()
    recording = record_graph(known[-1])
    count = len(recording.graph.operations)
    cuts = sorted(set(random.integers(0, count + 1, 4).tolist()))
    stretches = [Stretch(a, b, f"{a} to {b}") for a, b in zip(cuts[::2], cuts[1::2], strict=False) if b > a]
    folded = fold(recording, stretches)
    consistent(folded)
    whole, part = recording.at(), folded.at()
    for tensor in folded.graph.tensors:
        assert part.gradients.get(tensor.id) == whole.gradients.get(tensor.id)
    ET.fromstring(draw_recording(folded).to_svg())


def test_a_small_graph_is_drawn_in_full(recording):
    picture = fitted(recording, options(every_operation=True, fit=False))
    assert picture.shown is recording
    assert picture.view.options.detail == "full"


def test_a_large_network_is_folded_until_it_fits():
    gv.manual_seed(0)
    loss = (Net(blocks=60)(gv.randn(5, 6)) ** 2).mean()
    drawing = gv.draw(loss)
    assert len(drawing.recording.graph.operations) > 100
    assert len(drawing.view.cards) + len(drawing.view.discs) <= 100
    assert any("× 60" in disc.symbol for disc in drawing.view.discs)


@pytest.mark.slow
@pytest.mark.costly
def test_a_chain_of_100_000_operations_draws():
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(50_000):
        y = y * 1.0001 + 0.0001
    recording = record_graph(y, names={"x": x, "y": y})
    drawing = draw_recording(recording)
    ET.fromstring(drawing.to_svg())
    names = [card.name for card in drawing.view.cards]
    assert "x" in names
    assert "y" in names
    assert any(disc.operation.block is not None and "the same × " in disc.symbol for disc in drawing.view.discs)


def test_what_was_asked_for_in_full_is_folded_only_when_nothing_else_helps():
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(MOST_SHOWN):
        y = y.sin()
    drawing = draw_recording(record_graph(y), detail="full", fit=False)
    assert len(drawing.view.discs) < 100


def test_the_middle_of_a_short_computation_is_left_alone(recording):
    assert middle(recording.graph, len(recording.graph.operations)) == []


def test_a_focus_shows_what_is_near(recording):
    drawing = draw_recording(recording, focus="net.head.weight", hops=1)
    assert symbols(drawing.shown) == ["@ weightᵀ +"]
    assert symbols(draw_recording(recording, focus="net.head.weight", hops=1, every_operation=True).shown) == ["( )ᵀ"]
    wider = draw_recording(recording, focus="net.head.weight", hops=2, every_operation=True)
    assert symbols(wider.shown) == ["( )ᵀ", "@ +"]
    ET.fromstring(wider.to_svg())
    moment = wider.shown.at()
    head = next(tensor for tensor in wider.shown.graph.tensors if tensor.name == "net.head.weight")
    assert moment.gradients[head.id].complete


def test_a_focus_that_is_not_there_says_what_comes_close(recording):
    with pytest.raises(ValueError, match=r"no tensor called 'net\.head\.wieght'.*did you mean 'net\.head\.weight'"):
        draw_recording(recording, focus="net.head.wieght")


def test_a_fold_keeps_to_itself_what_it_made_itself():
    """The masks of dropouts belong to the box; the network's own input does not, even if nobody gave it a name."""
    gv.manual_seed(0)
    net = gv.nn.Sequential(gv.nn.Linear(4, 4), gv.nn.Dropout(0.5), gv.nn.Linear(4, 4), gv.nn.Dropout(0.5))
    loss = (net(gv.ones(2, 4)) ** 2).sum()
    drawing = draw_recording(record_graph(loss, variables=[{"net": net}]), depth=0)
    leaves = [tensor for tensor in drawing.shown.graph.tensors if tensor.producer is None and tensor.role == "input"]
    assert len(leaves) == 1
    fold_ = drawing.shown.graph.operations[0]
    assert [argument.tensor for argument in fold_.inputs] == [leaves[0].id]
    consistent(drawing.shown)


def test_each_call_of_a_module_is_a_block_with_the_same_weights():
    gv.manual_seed(0)
    cell = gv.nn.LSTMCell(3, 4)
    x, h, c = gv.randn(6, 2, 3), gv.zeros(2, 4), gv.zeros(2, 4)
    for t in range(6):
        h, c = cell(x[t], (h, c))
    loss = (h**2).mean()
    loss.backward()
    recording = record_graph(loss, variables=[{"cell": cell, "x": x, "loss": loss}])
    folded = fold(recording, modules_below(recording.graph, 0))
    consistent(folded)
    blocks = [operation.block for operation in folded.graph.operations if operation.block is not None]
    assert [(block.path, block.number, block.parameters) for block in blocks] == [("cell", t, 144) for t in range(6)]
    assert blocks[0].weights == blocks[5].weights
    whole = fold(folded, [Stretch(0, len(folded.graph.operations), "everything")])
    consistent(whole)
    assert whole.graph.operations[0].block.parameters == 144


def test_a_parameter_used_twice_in_a_block_counts_once():
    class Twice(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = gv.nn.Linear(2, 2)

        def forward(self, x):
            return self.lin(gv.tanh(self.lin(x)))

    shown = gv.draw(Twice()(gv.randn(1, 2)).sum(), depth=0).to_svg()
    assert "6 parameters" in shown
    assert "12 parameters" not in shown


def test_a_call_runs_in_the_module_that_called_it():
    """A layer that two modules share is in each of them where it is called, whatever its path."""

    class User(gv.nn.Module):
        def __init__(self, shared):
            super().__init__()
            self.shared, self.own = shared, gv.nn.Linear(3, 3)

        def forward(self, x):
            return self.own(gv.tanh(self.shared(x)))

    shared = gv.nn.Linear(3, 3)
    one, two = User(shared), User(shared)
    y = two(one(gv.ones(1, 3))).sum()
    recording = record_graph(y, variables=[{"one": one, "two": two}])
    folded = fold(recording, modules_below(recording.graph, 0))
    consistent(folded)
    assert [(o.block.path, o.block.parameters) for o in folded.graph.operations if o.block] == [
        ("one", 24),
        ("two", 24),
    ]


def test_what_is_inside_a_block_is_a_recording(recording):
    block = inside(recording, "net.blocks.2")
    consistent(block)
    graph = block.graph
    assert {operation.module for operation in graph.operations} == {f"net.blocks.2{end}" for end in ("", ".a", ".b")}
    roles = [tensor.role for tensor in graph.tensors]
    assert (roles.count("input"), roles.count("output"), roles.count("parameter")) == (1, 1, 4)
    whole, part = recording.at(), block.at()
    (leaves,) = (tensor.id for tensor in graph.tensors if tensor.role == "output")
    assert part.gradients[leaves] == whole.gradients[leaves]
    assert set(part.values) == {tensor.id for tensor in graph.tensors}
    for tensor in graph.tensors:
        if tensor.role == "parameter":
            assert part.gradients[tensor.id] == whole.gradients[tensor.id]
    ET.fromstring(draw_recording(block).to_svg())
    with pytest.raises(ValueError, match=r"call 0 of a module 'net\.block'"):
        inside(recording, "net.block")


def test_each_call_can_be_looked_into():
    lin = gv.nn.Linear(2, 2)
    x = gv.ones(1, 2)
    y = lin(gv.tanh(lin(x))).sum()
    y.backward()
    recording = record_graph(y, variables=[{"lin": lin, "x": x}])
    first, second = (inside(recording, "lin", number) for number in (0, 1))
    for part in (first, second):
        consistent(part)
        assert sum(frame.phase == "backward" for frame in part.frames) > 1
    assert {o.id for o in first.graph.operations}.isdisjoint(o.id for o in second.graph.operations)
    assert any(tensor.name == "x" for tensor in first.graph.tensors)
    assert not any(tensor.name == "x" for tensor in second.graph.tensors)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda g: g["operations"][0]["block"].update(parameters=7), "7 parameters, but not those of its tensors"),
        (lambda g: g["operations"][0]["block"].update(operations=1), "stands for 1 operations"),
        (lambda g: g["operations"][0]["block"].update(times=0), "not a number, from 1 on"),
        (lambda g: g["operations"][0].update(call=99), "call 99 of its module, which there was not"),
        (lambda g: g["calls"][0].update(module="nowhere"), "a call 0 of a module that is not there"),
    ],
)
def test_a_block_that_contradicts_itself_is_damage(recording, damage, message):
    body = json.loads(dumps(fold(recording, modules_below(recording.graph, 2))))
    damage(body["graph"])
    with pytest.raises(RecordingError, match=message):
        loads(json.dumps(body))


def test_two_steps_through_time_are_no_long_recurrence():
    cell, h = gv.nn.RNNCell(2, 3), gv.zeros(1, 3)
    for _ in range(2):
        h = cell(gv.randn(1, 2), h)
    assert gv.backprop(h.sum(), fit=False).recording.graph.operations
