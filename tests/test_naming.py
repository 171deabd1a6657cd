"""No two tensors of a picture share a name, and a name is the one nearest to what the learner wrote."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import json
import linecache
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import gradviz as gv
from gradviz.recording import observe, record_graph
from gradviz.recording.collect import Collection
from gradviz.recording.naming import counted, uncounted
from gradviz.standin import standing_in

ROOT = Path(__file__).parents[1]

START = """
torch.manual_seed(0)
w, v = (torch.tensor(number, requires_grad=True) for number in (0.5, 2.0))
x, y, W = torch.ones(4, 2), torch.ones(4, 1), torch.ones(2, 2, requires_grad=True)
"""

# What a learner writes, and all names in its picture beside those of numbers and of parameters of modules.
NAMED = {
    "loss = torch.tanh(w * 1)": "w, w·1, loss",
    "loss = 1 * w + w / 1 + w**1": "w, w·1, w/1, w·1 + w/1, pow(w), loss",
    "loss = w.clone() * w": "w, clone(w), loss",
    "loss = (w * 2) * (w * 2)": "w, (2·w)⁽⁰⁾, (2·w)⁽¹⁾, loss",
    "loss = torch.exp(w) + torch.exp(w)": "w, exp(w)⁽⁰⁾, exp(w)⁽¹⁾, loss",
    "loss = w * v + v": "w, v, w·v, loss",
    "loss = 3 * w\nloss = loss + w": "w, loss⁽⁰⁾, loss⁽¹⁾",
    "h = w * 2\nh += 1\nloss = h * v": "w, h⁽⁰⁾, h⁽¹⁾, v, loss",
    "loss = (h := w * 2) * h": "w, h, loss",
    "a, b = w * 2, w * 3\nloss = a * b": "w, a, b, loss",
    "a: object = w * 2\nloss = a * a": "w, a, loss",
    "loss = (w\n    .exp()\n    .log())": "w, exp(w), loss",
    "reconstruction = w * 2\nkl = v * 3\n_ = reconstruction + kl": "w, reconstruction, v, kl, reconstruction + kl",
    "prediction = W @ torch.ones(2)\ntarget = torch.zeros(2)\nloss = (prediction - target).abs().sum()":
        "W, ones(2), prediction, target, prediction − target, |prediction − target|, loss",
    "def f(a, b):\n    total = a + b\n    return total * total\nloss = f(w, v).exp()": "w, v, total, total·total, loss",
    "def f(p):\n    a, b = p\n    return a * b\nparams = [torch.tensor(2.0, requires_grad=True) for _ in 'ab']\nloss = f(params)":
        "a, b, loss",
    "def f(p):\n    a, b = p\n    return a * b\nps = [torch.tensor(2.0, requires_grad=True) for _ in 'ab']\nloss = f(ps) + f(ps[::-1])":
        "a, b, a·b, b·a, loss",
    "p = {'a': torch.tensor(2.0, requires_grad=True)}\nloss = p['a'] * 2": "p['a'], loss",
    "class Pair:\n    a = None\npair = Pair()\npair.a = torch.tensor(2.0, requires_grad=True)\nloss = pair.a * 2": "pair.a, loss",
    "xs = [torch.tensor(float(i), requires_grad=True) for i in range(3)]\ntotal = 0\nfor one in xs:\n    total = total + one\nloss = total * 2":
        "xs[0], total⁽⁰⁾, xs[1], total⁽¹⁾, xs[2], total⁽²⁾, loss",
    "xs = [torch.tensor(float(i), requires_grad=True) for i in range(3)]\nfor one in xs:\n    pass\nloss = xs[2] * xs[0]":
        "xs[2], xs[0], loss",
    "xs = [w, v]\nfor one in xs:\n    pass\nloss = one * w": "v, w, loss",
    "hs = []\nh = torch.zeros(2)\nfor t in range(2):\n    h = torch.tanh(W @ h)\n    hs.append(h)\nloss = h.sum()":
        "W, h, W @ h, hs[0], W @ hs[0], hs[1], loss",
    "h = torch.zeros(1, 2)\nfor t in range(3):\n    h = torch.tanh(h @ W)\nloss = h.sum()":
        "h⁽⁰⁾, W, h⁽⁰⁾ @ W, h⁽¹⁾, h⁽¹⁾ @ W, h⁽²⁾, h⁽²⁾ @ W, h⁽³⁾, loss",
    "loss = sum(a * a for a in (w, v))": "w, w·w, w·w + 0, v, v·v, loss",
    "def act(a):\n    return a * torch.sigmoid(a)\nh = x @ W\nloss = act(act(h)).sum()":
        "x, W, h, σ(h), h⊙σ(h), σ(h⊙σ(h)), h⊙σ(h)⊙σ(h⊙σ(h)), loss",
    "loss = torch.nn.functional.cross_entropy(x @ W, torch.tensor([0, 1, 0, 1])).sqrt()":
        "x, W, x @ W, log_softmax(x @ W), target, cross_entropy(…), loss",
    "logits = x @ W\n_ = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 0, 1]))":
        "x, W, logits, log_softmax(logits), target, cross_entropy(logits, …)",
    "linear = torch.nn.Linear(2, 1)\nloss = torch.nn.functional.mse_loss(linear(x), y)": "x, linear(x), y, loss",
    "criterion = torch.nn.CrossEntropyLoss()\n_ = criterion(x @ W, torch.tensor([0, 1, 0, 1]))":
        "x, W, x @ W, log_softmax(x @ W), target, criterion(x @ W, target)",
    "net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))\nloss = net(x).sum()":
        "x, net.0(x), relu(net.0(x)), net(x), loss",
    "lin = torch.nn.Linear(2, 2)\nloss = lin(torch.tanh(lin(x))).sum()": "x, lin(x), tanh(lin(x)), lin(tanh(lin(x))), loss",
    "emb = torch.nn.Embedding(5, 2)\nidx = torch.tensor([1, 2])\nloss = emb(idx).sum()": "emb(idx), loss",
    "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc1 = torch.nn.Linear(2, 2)\n        self.fc2 = torch.nn.Linear(2, 1)\n    def forward(self, x):\n        h = torch.relu(self.fc1(x))\n        return self.fc2(h)\nnet = Net()\n_ = net(x).sum()":
        "x, net.fc1(x), h, net.fc2(h), Σ(net.fc2(h))",
    "layers = [torch.nn.Linear(2, 2) for _ in range(2)]\nh = x\nfor layer in layers:\n    h = layer(h)\nloss = h.sum()":
        "x, h⁽⁰⁾, h⁽¹⁾, loss",
    "q, k = torch.ones(2, 3, 4, requires_grad=True), torch.ones(2, 3, 4)\nscores = q @ k.mT\nloss = scores.softmax(-1).sum()": None,
    "z = x.mean(0)\nloss = (W @ z - z).norm()": "W, z, W @ z, W @ z − z, loss",
    "a = (w * 3).detach()\nloss = a * w": "a, w, loss",
    "h = w * 3\nloss = h.detach() * h": "w, h, h.detach(), loss",
    "loss = torch.where(x > 0, x @ W, 0.5 * (x @ W)).sum()": None,
    "q, k = W.chunk(2)\nloss = (q * k).sum()": "W, q, k, q⊙k, loss",
    "loss = (W.T.T @ W).sum()": "W, Wᵀ, T(Wᵀ), T(Wᵀ) @ W, loss",
    "loss = 1 / w + w @ v if False else 1 / w": None,
    "def mse(a, b):\n    return ((a - b) ** 2).mean()\n_ = mse(x @ W, torch.zeros(4, 2))":
        "x, W, x @ W, b, x @ W − b, (x @ W − b)², mean((x @ W − b)²)",
    "def step(a, b):\n    out = a * b\n    return out\nloss = step(step(w, v), w) + step(v, v)":
        "w, v, out⁽⁰⁾, out⁽¹⁾, out⁽²⁾, loss",
    "n = torch.tensor(3.0)\nloss = w * n": "w, n, loss",
    "loss = w * torch.tensor(3.0)": "w, loss",
    "w2 = w ** 3\ng, = torch.autograd.grad(w2, w, create_graph=True)\nloss = g * w": "w, w², 3·w², g, loss",
    "loss = torch.einsum('ij,kj->ik', x, W).sum()": None,
    "loss = torch.nn.functional.normalize(W, dim=0).sum()": None,
    "loss = torch.matmul(x[0], W).sum() + torch.mm(x, W).sum() + x[1].matmul(W).sum()": None,
    "z = torch.ones(2)\nloss = torch.matmul(z, W).sum() + z.matmul(W).sum()":
        "z as a row, W, mm(z, W)⁽⁰⁾, (z @ W)⁽⁰⁾, Σ((z @ W)⁽⁰⁾), mm(z, W)⁽¹⁾, (z @ W)⁽¹⁾, Σ((z @ W)⁽¹⁾), loss",
    "rnn = torch.nn.LSTM(2, 3)\nout, last = rnn(x[:, None])\nloss = out.sum()": None,
    "m = torch.nn.MultiheadAttention(4, 2, batch_first=True)\nz = torch.randn(1, 3, 4)\nloss = m(z, z, z)[0].sum()": None,
    "m = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)\nz = torch.randn(1, 3, 4)\nloss = m(z).sum()": None,
    "x = torch.relu(x @ W)\nx = torch.relu(x @ W)\nloss = x.sum()": "x⁽⁰⁾, W, x⁽⁰⁾ @ W, x⁽¹⁾, x⁽¹⁾ @ W, x⁽²⁾, loss",
}  # fmt: skip


def run(code, name="<naming>"):
    """Run a program, of which Python knows the text, and return its variables and what is to be drawn."""
    linecache.cache[name] = len(code), None, code.splitlines(keepends=True), name
    space = {"torch": gv, "__name__": name}
    exec(compile(code, name, "exec"), space)
    result = space.pop("_") if "_" in space else space["loss"]
    return space, result


def alike(graph):
    """The names that several tensors have; a number is called by what it is, however often it was written."""
    counts = Counter(tensor.name for tensor in graph.tensors if tensor.role != "constant" or tensor.shape)
    return [name for name, count in counts.items() if count > 1]


@pytest.mark.sample(None)
@pytest.mark.parametrize("code", NAMED)
def test_each_tensor_has_the_name_nearest_to_what_was_written(code):
    space, result = run(START + code)
    graph = record_graph(result, backward=False, variables=[space]).graph
    assert alike(graph) == []
    parameters = {
        name for name, value in space.items() if isinstance(value, gv.nn.Module | list) and name not in ("xs", "hs")
    }
    names = [
        tensor.name
        for tensor in graph.tensors
        if tensor.role != "constant" and not re.match(rf"({'|'.join(parameters)})[.\[].*(weight|bias)", tensor.name)
    ]
    if NAMED[code] is not None:
        assert ", ".join(names) == NAMED[code]


def test_a_name_is_not_the_learners_own_expression_where_that_would_be_something_else():
    """Within a function x is something else than in the picture."""
    space, result = run(
        START + "def act(x):\n    return (x * torch.exp(x) + torch.exp(-x) - 1).sum()\nloss = act(w * x) * 2"
    )
    names = [tensor.name for tensor in record_graph(result, backward=False, variables=[space]).graph.tensors]
    assert not any(name.startswith("x·exp(x)") for name in names)


def test_given_names_stay_as_they_are():
    w = gv.tensor(2.0, requires_grad=True)
    h = w * 2
    y = h * 3
    graph = record_graph(y, backward=False, names={"h": w}, variables=[{"h": h, "y": y}]).graph
    assert [tensor.name for tensor in graph.tensors if tensor.role != "constant"] == ["h", "h⁽⁰⁾", "y"]


def test_counting_can_be_taken_back():
    assert [uncounted(counted(name, 12)) for name in ("h", "p[0]", "x")] == ["h", "p[0]", "x"]
    assert uncounted("x⁻¹") == "x⁻¹"
    h = gv.ones(1, requires_grad=True)
    for _ in range(3):
        h = h * 2
    drawing = gv.draw(h.sum(), focus="h", hops=1)
    assert [tensor.name for tensor in drawing.shown.graph.tensors if tensor.named][:2] == ["h⁽⁰⁾", "2"]


# --- what there is to run ------------------------------------------------------------------------------------------------


@pytest.fixture
def graphs(monkeypatch):
    """Every graph that is recorded meanwhile."""
    found = []

    def collected(*args, **keywords):
        collection = Collection(*args, **keywords)
        found.append(collection.graph)
        return collection

    monkeypatch.setattr(observe, "Collection", collected)
    return found


def cells(path):
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            yield f"<{path.stem}, cell {number}>", "".join(cell["source"])


@pytest.mark.usefixtures("_same_table")
@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_notebooks_tensors_have_names_of_their_own(path, graphs, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    space = {"__name__": "notebook", "display": lambda *objects: None}
    with standing_in():  # some put gradviz in PyTorch's place, from where it is to be gone again
        for name, code in cells(path):
            linecache.cache[name] = len(code), None, code.splitlines(keepends=True), name
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.suppress(Exception),
            ):  # some cells show what fails
                exec(compile(code, name, "exec"), space)
    assert graphs
    assert [names for graph in graphs if (names := alike(graph))] == []


PROGRAMS = """
import contextlib, io, json, sys
from pathlib import Path
import gradviz
from gradviz.engine.tensor import Tensor
from gradviz.recording import record_graph
from gradviz.script import Script, as_main

class Seen(BaseException):
    pass

def backward(self, *args, **keywords):
    frame = sys._getframe(1)
    while "gradviz" in frame.f_code.co_filename and "programs" not in frame.f_code.co_filename:
        frame = frame.f_back
    raise Seen(record_graph(self, backward=False, variables=[frame.f_locals, frame.f_globals]).graph)

Tensor.backward = backward
found = {}
for path in sys.argv[1:]:
    script = Script(path)
    with as_main(script) as main, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), main.__dict__)
        except Seen as seen:
            tensors = seen.args[0].tensors
            found[Path(path).stem] = [t.name for t in tensors if t.role != "constant" or t.shape]
        except Exception as error:
            found[Path(path).stem] = repr(error)
print(json.dumps(found))
"""


def test_the_tensors_of_whole_programs_have_names_of_their_own():
    """As they are at the first `backward()` of each."""
    paths = sorted(map(str, (ROOT / "tests" / "programs").glob("*.py")))
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAMS, *paths],
        capture_output=True, text=True, encoding="utf-8", check=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    found = json.loads(ran.stdout)
    assert {name: names for name, names in found.items() if isinstance(names, str)} == {}
    assert len(found) > 20
    assert {name: [n for n, count in Counter(names).items() if count > 1] for name, names in found.items()} == {
        name: [] for name in found
    }


def test_a_layer_of_a_module_is_none_of_what_entered_it():
    class Reader(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = gv.nn.LSTMCell(3, 4)

        def forward(self, x):
            h, c = gv.zeros(2, 4), gv.zeros(2, 4)
            h, c = self.cell(x[0], (h, c))
            return h.sum()

    reader, x = Reader(), gv.ones(1, 2, 3)
    names = {tensor.name for tensor in gv.draw(reader(x)).recording.graph.tensors}
    assert "self" not in names


def test_where_one_operand_is_several_they_name_nothing():
    gv.manual_seed(0)
    cell, x = gv.nn.LSTMCell(3, 4), gv.randn(2, 3)
    state = gv.zeros(2, 4)
    h, _ = cell(x, (state, state))
    inputs = {tensor.name for tensor in gv.draw(h.sum()).recording.graph.tensors if tensor.role == "input"}
    assert inputs == {"x", "state"}

    def called(x):
        start = gv.zeros(2, 4)
        return cell(x, (start, start))[0].sum()

    shapes = {t.name: t.shape for t in gv.draw(called(x)).recording.graph.tensors if t.role == "input"}
    assert shapes["x"] == (2, 3)
    assert len(shapes) == 2


@pytest.mark.parametrize("library", ["gradviz", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
def test_the_zeros_with_which_a_cell_begins_are_no_input(kind, library):
    """It computes with its state first, and none may be written."""
    torch = pytest.importorskip(library)
    cell = getattr(torch.nn, kind)(3, 4)

    def inputs(drawing):
        return {
            (tensor.name.removesuffix("⁽⁰⁾"), tensor.shape)
            for tensor in drawing.recording.graph.tensors
            if tensor.role == "input"
        }

    def loss(after):
        return (after if isinstance(after, torch.Tensor) else after[0]).sum()

    def read(sequence):
        state = None
        for step in sequence:
            state = cell(step, state)
        return state

    with gv.watch() if library == "torch" else contextlib.nullcontext():
        x = torch.ones(2, 3)
        once, along = loss(cell(x)), loss(read(torch.ones(1, 2, 3)))
    assert inputs(gv.draw(once)) == {("x", (2, 3)), ("h₀", (2, 4))}
    assert inputs(gv.draw(along)) == {("step", (2, 3)), ("state", (2, 4))}


def test_what_a_module_of_that_name_multiplies_is_no_state():
    class RNN(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.read, self.again = gv.nn.Linear(3, 4), gv.nn.Linear(4, 4)

        def forward(self, x):
            return (self.read(x) + self.again(gv.zeros(2, 4))).sigmoid() * gv.ones(2, 4)

    own, layer = RNN(), gv.nn.LSTM(3, 4, 2, dropout=0.5)
    tensors = gv.draw(own(gv.ones(2, 3)).sum()).recording.graph.tensors
    assert not {tensor.name for tensor in tensors} & {"h₀", "c₀"}
    names = {
        tensor.name: tensor.shape
        for tensor in gv.draw(layer(gv.ones(5, 2, 3))[0].sum(), fit=False).recording.graph.tensors
    }
    assert [names[name] for name in ("h₀⁽⁰⁾", "h₀⁽¹⁾", "c₀⁽⁰⁾", "c₀⁽¹⁾")] == [(2, 4)] * 4
    assert "c₀⁽²⁾" not in names  # what dropout keeps is none


def test_a_model_that_is_drawn_names_no_tensor():
    model = gv.nn.Linear(3, 1)
    inputs = [t.name for t in gv.draw(model, gv.ones(1, 3)).recording.graph.tensors if t.role == "input"]
    assert inputs == ["tensor"]


@pytest.mark.parametrize("library", ["gradviz", pytest.param("torch", marks=pytest.mark.torch)])
def test_what_is_reshaped_on_the_way_is_called_by_what_it_was(library):
    """As it is written where the layer takes it: what it is a view of may have no name, or it may be a copy."""
    torch = pytest.importorskip(library)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(12, 2)

        def forward(self, x, way):
            if way == "view":
                return self.fc(x.view(x.shape[0], -1))
            if way == "function":
                return self.fc(torch.flatten(x, 1))
            if way == "copy":
                return self.fc(x.permute(0, 2, 1).reshape(2, -1).contiguous())
            return x.flatten(1).float() @ self.fc.weight.T

    net, batch = Net(), [torch.randn(4, 3, 4)[:2]]
    for way in ("view", "function", "copy", "product"):
        with gv.watch() if library == "torch" else contextlib.nullcontext():
            y = net(batch[0], way).sum()
        graph = gv.draw(y).recording.graph
        assert "x, reshaped" in [tensor.name for tensor in graph.tensors if tensor.role == "input"], way


TAKEN = {
    "F.linear(a, b, c)": ((4, 3), (5, 3), (5,)),
    "F.linear(a, b, c) + 1": ((2, 4, 3), (5, 3), (5,)),
    "F.bilinear(a, b, c)": ((4, 3), (4, 5), (2, 3, 5)),
    "F.conv2d(a, b, c)": ((1, 1, 5, 5), (2, 1, 3, 3), (2,)),
    "gv.einsum('big,iog->bo', a, b)": ((8, 2, 5), (2, 4, 5)),
    "gv.addmm(a, b, c)": ((4, 5), (4, 3), (3, 5)),
    "gv.lerp(a, b, c)": ((3,), (3,), (3,)),
    "gv.kron(a, b)": ((2, 3), (4, 3)),
    "gv.matmul(a, b)": ((4, 3), (2, 3, 5)),
    "a @ b": ((2, 4, 3), (3, 5)),
    "b @ a": ((3, 5), (2, 4, 3)),
    "a / b": ((2, 1), (3,)),
    "F.scaled_dot_product_attention(a, b, c)": ((1, 2, 4, 3),) * 3,
    "F.cosine_similarity(a, b)": ((4, 3), (4, 3)),
    "F.triplet_margin_loss(a, b, c)": ((4, 3),) * 3,
    "F.margin_ranking_loss(a, b, c)": ((4,),) * 3,
    "F.layer_norm(a, (3,), b, c)": ((4, 3), (3,), (3,)),
    "net.keys(a) + net.both(b, c)": ((4, 3), (4, 3), (4, 2)),
}


def test_no_tensor_gets_the_name_of_another(tmp_path, monkeypatch):
    """Which tensors a function took is known from what it computed with; in which order they were written, not always."""
    lines = ["import gradviz as gv", "F = gv.nn.functional"]
    for number, (text, shapes) in enumerate(TAKEN.items()):
        variables = ", ".join("abc"[: len(shapes)])
        lines += [f"def f{number}(net, given):", f"    {variables} = given", f"    return {text}"]
    (tmp_path / "taken.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    functions = importlib.import_module("taken")
    net = gv.nn.Module()
    net.keys, net.both = gv.nn.Linear(3, 4, bias=False), gv.nn.Bilinear(3, 2, 4)
    found = 0
    for number, (text, shapes) in enumerate(TAKEN.items()):
        for wanted in itertools.product((False, True), repeat=len(shapes)):
            given = [gv.rand(*shape).requires_grad_(wants) for shape, wants in zip(shapes, wanted, strict=True)]
            result = getattr(functions, f"f{number}")(net, given)
            if not result.requires_grad:
                continue
            recording = record_graph(result.sum(), variables=[])
            for tensor in recording.graph.tensors:
                name = re.match(r"[abc](?=$|ᵀ|,)", tensor.name)
                value = recording.at().values[tensor.id]
                if tensor.producer is None and name:
                    found += 1
                    own = given["abc".index(name[0])].tolist()
                    assert sorted(value.data) == pytest.approx(sorted(flattened(own)), abs=1e-4), (text, wanted)
                assert tensor.name.partition("⁽")[0] != "net", text
    assert found > 100


def flattened(numbers):
    return [each for part in numbers for each in flattened(part)] if isinstance(numbers, list) else [numbers]
