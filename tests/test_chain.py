"""The chain rule path by path: their values add up to the gradient, and each is the product of what it passes through."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from test_linking import PROGRAMS, number_of_output, numbers_for, run

import gradviz as gv
from gradviz.engine.core.node import Gradients
from gradviz.player.facts import chains
from gradviz.recording import record_graph
from gradviz.recording.engine import ENGINE
from gradviz.recording.folding import as_written
from gradviz.recording.paths import LISTED, paths_of


def array(value):
    return np.reshape(np.asarray(value.data, float), value.shape)


def along(edges, recording, nodes, output, seed):
    """Send the seed along some edges, each by the engine's own node."""
    gradient, at = seed, output
    for edge in edges:
        id, _, place = edge.partition("_")
        node, operation = nodes[id], recording.graph.operation(id)
        if node.many:
            which = number_of_output(recording.graph.tensor(at).name)
            results = node.values[len(node.inputs) :][: len(node.operation.outputs)]
            gradient = Gradients(gradient if k == which else np.zeros(one.shape) for k, one in enumerate(results))
            gradient.arrived = tuple(k == which for k in range(len(results)))
        gradient = node.contributions(gradient)[int(place)]
        at = next(argument.tensor for argument in operation.inputs if argument.id == edge)
    return gradient


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_paths_add_up_to_pytorchs_gradient(torch, name):
    code, shapes = PROGRAMS[name]
    arrays = numbers_for(shapes)
    leaves = {key: gv.tensor(one, requires_grad=True) for key, one in arrays.items()}
    out = run(gv, code, leaves)
    seed = np.arange(1.0, out.numel() + 1).reshape(out.shape)
    recording = record_graph(out, gradient=gv.tensor(seed), backward=True, names=leaves)
    theirs = {key: torch.tensor(one, requires_grad=True) for key, one in arrays.items()}
    run(torch, code, theirs).backward(torch.tensor(seed))
    names = {tensor.id: tensor.name for tensor in recording.graph.tensors}
    nodes = dict(zip([one.id for one in recording.graph.operations], ENGINE.operations_behind([out]), strict=True))
    (output,) = (tensor.id for tensor in recording.graph.tensors if tensor.role == "output")
    found = paths_of(recording)
    assert {names[leaf] for leaf in found} == set(leaves)
    for leaf, paths in found.items():
        wanted = theirs[names[leaf]].grad.numpy()
        by_the_nodes = [along(path.edges, recording, nodes, output, seed[()]) for path in paths.paths]
        total = np.zeros(wanted.shape)
        for path, sent in zip(paths.paths, by_the_nodes, strict=True):
            assert (path.value is None) == (paths.count == 1)
            if path.value is not None:
                np.testing.assert_allclose(array(path.value), sent, rtol=1e-6, atol=1e-9)
            total = total + sent
        if paths.rest is not None:
            assert paths.count > len(paths.paths) == LISTED
            total = total + array(paths.rest)
        np.testing.assert_allclose(total, wanted, rtol=1e-6, atol=1e-9)
        sizes = [np.linalg.norm(sent) for sent in by_the_nodes]
        assert sizes == sorted(sizes, reverse=True)


# --- in symbols ----------------------------------------------------------------------------------------------------------


class Term:
    """A matrix or a number in a product as it is written: ``|`` is the spaced dot, ``&`` is ⊙."""

    def __init__(self, array):
        self.array = np.asarray(array, float)

    def __or__(self, other):
        left, right = self.array, other.array
        return Term(left @ right if left.ndim and right.ndim else left * right)

    def __and__(self, other):
        assert self.array.shape == other.array.shape
        return Term(self.array * other.array)

    T = property(lambda self: Term(self.array.T))
    rows = property(lambda self: Term(self.array.sum(0)))
    columns = property(lambda self: Term(self.array.sum(1)))
    total = property(lambda self: Term(self.array.sum()))

    def __neg__(self):
        return Term(-self.array)


for sign in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow"):

    def apply(self, other, sign=sign):
        other = other.array if isinstance(other, Term) else np.asarray(other, float)
        return Term(getattr(self.array, f"__{sign}__")(other))

    setattr(Term, f"__{sign}__", apply)


def worked_out(text, values):
    """The value of a product as it is written; a number stands for itself."""
    text = re.sub(r"Σ (rows|columns) (\w+|\((?:[^()]|\([^()]*\))*\))", r"(\2).\1", text)
    for written, python in ((" · ", " | "), ("⊙", "&"), ("·", "*"), ("−", "-"), ("²", "**2"), ("ᵀ", ".T")):
        text = text.replace(written, python)
    text = re.sub(r"(?<![\w.*])(\d+(?:\.\d+)?)(?![\w.])", r"Term(\1)", text)
    functions = {"tanh": lambda one: Term(np.tanh(one.array)), "Term": Term}
    return eval(text, {**functions, **{name: Term(value) for name, value in values.items()}}).array


WRITTEN = {
    "as in the picture": (
        "h = X @ W + c\nL = h.pow(2).sum() + W.pow(2).sum()",
        {"W": ["Xᵀ · 2·h", "2·W"], "c": ["Σ rows (2·h)"]},
    ),
    "two of one kind": ("h = X @ W + c\nL = (h * h).sum()", {"W": ["Xᵀ · h", "Xᵀ · h"], "c": ["Σ rows h", "Σ rows h"]}),
    "from either side": (
        "y = X @ W\nz = V @ y\nL = z.pow(2).sum()",
        {"W": ["Xᵀ · Vᵀ · 2·z"], "V": ["2·z · yᵀ"]},
    ),
    "entry by entry in between": (
        "h = X @ W + c\na = h * X\ny = a @ V\nL = y.pow(2).sum()",
        {"W": ["Xᵀ · ((2·y · Vᵀ) ⊙ X)"], "c": ["Σ rows ((2·y · Vᵀ) ⊙ X)"], "V": ["aᵀ · 2·y"]},
    ),
    "turned": ("y = X @ W.t()\nL = y.pow(2).sum()", {"W": ["(Xᵀ · 2·y)ᵀ"]}),
    "scaled": ("y = (X @ W) * s\nL = y.pow(2).sum()", {"W": ["Xᵀ · 2·y · s"]}),
    "numbers": ("y = s * s * 3\nL = y * s", {"s": ["y", "s · 3 · s", "s · 3 · s"]}),
}


AS_WRITTEN = {"turned": {"W": ["(2·y)ᵀ · X"]}}
"""What is written otherwise where a transpose is part of the product."""


@pytest.mark.parametrize("name", WRITTEN)
def test_a_path_as_it_is_written_is_worth_what_it_brings(name):
    program, expected = WRITTEN[name]
    chance = np.random.default_rng(2)
    leaves = {key: gv.tensor(chance.normal(size=(2, 2)), requires_grad=key != "X") for key in "XWV"}
    leaves |= {
        "c": gv.tensor([1.0, -2.0], dtype=gv.float64, requires_grad=True),
        "s": gv.tensor(1.5, requires_grad=True),
    }
    space = dict(leaves)
    exec(program, space)
    tensors = {key: one for key, one in space.items() if isinstance(one, gv.Tensor)}
    recording = record_graph(space["L"], backward=True, names=tensors)
    names = {tensor.id: tensor.name for tensor in recording.graph.tensors}
    values = {key: one.detach().numpy() for key, one in tensors.items()}
    gradients = {names[leaf]: one.value for leaf, one in recording.at().gradients.items()}
    for told in (recording, as_written(recording)):
        found = {names[leaf]: paths for leaf, paths in paths_of(told).items()}
        for key, texts in expected.items():
            if told is recording or key not in AS_WRITTEN.get(name, ()):
                assert sorted(path.text for path in found[key].paths) == sorted(texts)
            else:
                assert [path.text for path in found[key].paths] == AS_WRITTEN[name][key]
            for path in found[key].paths:
                value = array(path.value or gradients[key])
                np.testing.assert_allclose(worked_out(path.text, values), value, rtol=1e-5)


# --- bounds --------------------------------------------------------------------------------------------------------------


def test_there_may_be_more_paths_than_anybody_could_walk():
    x = gv.tensor(1.0, dtype=gv.float64, requires_grad=True)
    y = x
    for _ in range(200):
        y = y + y
    recording = record_graph(y, backward=True)
    (paths,) = paths_of(recording).values()
    assert paths.count == 2**200
    assert len(paths.paths) == LISTED
    assert paths.rest.data[0] == pytest.approx(2.0**200)
    (told,) = chains(recording).values()
    assert told["more"] == pytest.approx(2.0**200, rel=1e-3)
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_of_many_paths_the_largest_are_told_and_the_rest_is_added_up():
    x = gv.tensor(2.0, dtype=gv.float64, requires_grad=True)
    y = sum(x * factor for factor in range(1, 21))
    (paths,) = paths_of(record_graph(y, backward=True)).values()
    assert [path.value.data[0] for path in paths.paths] == [20, 19, 18, 17, 16, 15]
    assert paths.rest.data == (sum(range(1, 15)),)


def test_a_gradient_that_a_hook_changed_is_not_the_sum_of_its_paths():
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda grad: grad * 10)
    (paths,) = paths_of(record_graph((x * x).sum(), backward=True)).values()
    assert [path.value.data for path in paths.paths] == [(1.0, 2.0)] * 2
    assert paths.rest.data == (18.0, 36.0)


def test_what_stood_in_grad_before_came_along_no_path():
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    (x * 3).sum().backward()
    (paths,) = paths_of(record_graph((x * x).sum(), backward=True)).values()
    assert paths.rest is None


def test_without_a_backward_pass_or_where_nothing_arrives_there_are_none():
    x, w = gv.ones(2, requires_grad=True), gv.ones(2, requires_grad=True)
    assert paths_of(record_graph((x * w).sum(), backward=False)) == {}
    loss = (x * w.detach()).sum()
    assert len(paths_of(record_graph(loss, backward=True))) == 1


def test_of_a_long_computation_or_of_large_tensors_no_page_has_them_all():
    x = gv.ones(3, requires_grad=True)
    y = x
    for _ in range(1200):
        y = y + 1
    assert paths_of(record_graph(y.sum(), backward=True)) == {}
    wide = gv.ones(50, 60, requires_grad=True)
    (paths,) = paths_of(record_graph((wide * wide).sum(), backward=True)).values()
    assert (paths.count, len(paths.paths)) == (2, 1)


def test_a_long_product_is_not_written_out():
    x = gv.ones(2, requires_grad=True)
    y = x
    for _ in range(100):
        y = (y * 1.5).tanh()
    (paths,) = paths_of(record_graph(y.sum(), backward=True)).values()
    assert len(paths.paths[0].edges) == 201
    assert len(paths.paths[0].text) < 200
    assert "…" in paths.paths[0].text


def test_what_comes_along_an_edge_without_a_link_is_in_the_rest():
    class Double(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    x = gv.ones(2, requires_grad=True)
    (paths,) = paths_of(record_graph((Double.apply(x) + x).sum(), backward=True)).values()
    assert (paths.count, [path.value.data for path in paths.paths]) == (2, [(1.0, 1.0)])
    assert paths.rest.data == (2.0, 2.0)
