"""Recordings: what they hold is what the engine did, and a file gives back what was saved, or one clear sentence."""

from __future__ import annotations

import copy
import gc
import json
import math
import pickle
import sys
import weakref
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz import examples
from gradviz.drawing import draw_recording
from gradviz.recording import dumps, equations, load, loads, made, record_graph, save, source, variables_of, words
from gradviz.recording.codec import RecordingError
from gradviz.recording.later import changed, later
from gradviz.recording.model import FULL_VALUE_LIMIT, Argument
from gradviz.recording.values import value_of


def record(*outputs, **options):
    """Record with the names of the calling test's variables."""
    return record_graph(*outputs, variables=variables_of(sys._getframe(1)), **options)


@pytest.fixture
def line():
    """The one example everybody knows: y = w·x + b."""
    w, x, b = (gv.tensor(v, requires_grad=True) for v in (2.0, 5.0, 3.0))
    y = w * x + b
    return record(y, backward=True)


def printed(frame):
    return [equation.text for equation in frame.equation]


def last_gradients(recording):
    moment = recording.at(-1)
    return {recording.graph.tensor(key).name: gradient for key, gradient in moment.gradients.items()}


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_y_is_w_x_plus_b(line):
    graph = line.graph
    assert line.title == "y = w·x + b"
    assert [(t.name, t.role) for t in graph.tensors] == [
        ("w", "parameter"),
        ("x", "parameter"),
        ("w·x", "intermediate"),
        ("b", "parameter"),
        ("y", "output"),
    ]
    assert [(o.grad_fn, o.symbol) for o in graph.operations] == [("MulBackward0", "×"), ("AddBackward0", "+")]
    product = graph.operations[0]
    assert [(a.local, a.local_number) for a in product.inputs] == [("x", "5"), ("w", "2")]
    assert product.source is not None
    text = next(code for code in graph.code).lines
    source_line = text[product.source.line - graph.code[0].first_line]
    assert source_line[product.source.column : product.source.end_column] == "w * x"


def test_its_frames_are_the_two_passes(line):
    assert [(f.phase, f.title) for f in line.frames] == [
        ("forward", "Start"),
        ("forward", "w·x"),
        ("forward", "y"),
        ("backward", "Start of backward"),
        ("backward", "AddBackward0"),
        ("backward", "MulBackward0"),
    ]
    assert printed(line.frames[2]) == ["y = w·x + b = 10 + 3 = 13"]
    assert printed(line.frames[5]) == [
        "∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5",
        "∂y/∂x = ∂y/∂(w·x) · w = 1 × 2 = 2",
    ]
    start = line.at(0)
    assert len(start.values) == 3
    assert not start.gradients
    assert {name: g.value.data for name, g in last_gradients(line).items()} == {
        "y": (1.0,),
        "w·x": (1.0,),
        "b": (1.0,),
        "w": (5.0,),
        "x": (2.0,),
    }


def test_the_users_graph_and_gradients_stay_as_they_were():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x
    record(y, backward=True)
    record(y, backward=True)
    assert x.grad is None
    y.backward()
    assert x.grad.item() == 6.0


def test_x_times_x_is_two_edges_whose_contributions_add_up():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x + x
    recording = record(y, backward=True)
    product = recording.graph.operations[0]
    assert [a.tensor for a in product.inputs] == ["t0", "t0"]
    assert len({a.id for a in product.inputs}) == 2
    partial = recording.frames[-2].gradients
    assert [(g.tensor, g.value.data, g.complete) for g in partial] == [("t1", (1.0,), True), ("t0", (1.0,), False)]
    assert last_gradients(recording)["x"].value.data == (7.0,)
    assert "∂y/∂x = 4 + 3 = 7" in printed(recording.frames[-1])


def test_a_change_in_place_is_shown_with_what_it_made():
    """And what comes after it, with no operation in between, is not."""
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    for after in (False, True):
        y = x.clone()
        y.add_(1)
        if after:
            with gv.no_grad():
                y.mul_(10)
        z = (y + 0).sum()
        frames = record(z, backward=True).frames
        assert [value.data for frame in frames[1:3] for _, value in frame.values] == [(1.0, 2.0), (2.0, 3.0)]


def test_a_gradient_left_over_from_before_is_shown_as_that():
    x = gv.tensor(3.0, requires_grad=True)
    (x * 2).backward()
    y = x * 5
    gradient = last_gradients(record(y, backward=True))["x"]
    assert gradient.before.data == (2.0,)
    assert gradient.value.data == (7.0,)


def test_before_backward_there_are_no_gradients_and_after_it_those_of_that_pass():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x
    assert all(frame.phase == "forward" for frame in record(y).frames)
    y.backward()
    assert last_gradients(record(y))["x"].value.data == (6.0,)
    x.grad = None
    assert last_gradients(record(y))["x"].value.data == (6.0,)


def test_a_picture_made_after_the_update_shows_the_numbers_of_the_run():
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(5.0)
    y = w * x
    y.backward()
    w.data -= 0.01 * w.grad.data
    assert w.item() == pytest.approx(1.95)
    recording = record(y)
    assert recording.at(0).values["t0"].data == (2.0,)
    optimizer = gv.optim.SGD([w], lr=0.1)
    optimizer.step()
    assert record(y).at(0).values["t0"].data == (2.0,)


# --- words and numbers are written when they are read -----------------------------------------------------------------


def test_a_folded_picture_writes_no_words_that_nobody_sees(monkeypatch):
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    y = x
    for _ in range(1000):
        y = y * 1.001 + 0.001
    y.sum().backward()
    written = []
    for of, name in ((equations, "computed"), (equations, "sent"), (words, "local_label"), (words, "local_entries")):
        write = getattr(of, name)
        monkeypatch.setattr(of, name, lambda *a, _write=write, **k: written.append(1) or _write(*a, **k))
    recording = record(y)
    assert not written
    assert "operations" in draw_recording(recording).to_svg()
    assert len(written) < 100  # the labels of the ends
    assert printed(recording.frames[1000]) == [
        "y⁽⁴⁹⁹⁾ = 1.001·y⁽⁴⁹⁸⁾ + 0.001 = [2.296, 3.944] + 0.001 = [2.297, 3.945]"
    ]


def test_a_place_in_the_source_is_looked_up_once(monkeypatch):
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(500):
        y = y + 1
    looked_up = []
    find = source._characters
    monkeypatch.setattr(source, "_characters", lambda *place: looked_up.append(place) or find(*place))
    recording = record(y)
    assert len(looked_up) == 2  # where it starts and ends
    assert len({operation.source for operation in recording.graph.operations}) == 1


def several_kinds():
    """A computation of many kinds of operations, with what can be changed in place afterwards."""
    gv.manual_seed(0)
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    large = gv.randn(150, 150, requires_grad=True)
    places, mask = gv.tensor([0, 2]), gv.tensor([[True, False, True], [False, True, False]])
    net = gv.nn.Sequential(gv.nn.Linear(3, 4), gv.nn.Tanh(), gv.nn.Dropout(0.5), gv.nn.Linear(4, 3))
    target = gv.tensor([0, 2])
    parts = [
        (w * x + 0.5)[:, places].sum() * w**3 / 7,
        x.masked_fill(mask, 4.0).clamp(min=1.5).mean(),
        gv.where(mask, x, w).prod(),
        gv.nn.functional.cross_entropy(net(x), target),
        (large @ large).relu().mean(),
        x.max(dim=1).values.sum(),
    ]
    w.register_hook(lambda gradient: gradient * 2)
    loss = sum(parts)
    return loss, [w, x, large, places, mask, target, *parts, *net.parameters()]


@pytest.mark.parametrize("ran", [False, True], ids=["watched", "has been"])
def test_words_and_numbers_are_those_of_the_moment_whatever_is_changed_later(ran):
    loss, tensors = several_kinds()
    if ran:
        loss.backward()
    options = {"backward": None if ran else True}
    at_once = dumps(record(loss, **options))
    later = record(loss, **options)
    with gv.no_grad():
        for tensor in tensors:
            for held in [tensor.detach(), tensor.grad if tensor.is_leaf else None]:
                if held is not None:
                    held.numpy()[...] = 0  # without the engine's knowledge
    assert dumps(later) == at_once


def test_what_nobody_has_read_yet_keeps_no_graph():
    def recorded():
        loss, tensors = several_kinds()
        at_once = dumps(record(loss, backward=True))
        return at_once, record(loss, backward=True), weakref.ref(loss.grad_fn), weakref.ref(tensors[0])

    at_once, recording, node, leaf = recorded()
    gc.collect()
    assert node() is None
    assert leaf() is None
    assert dumps(recording) == at_once


@pytest.mark.parametrize(
    "again",
    [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy, copy.copy, lambda r: loads(dumps(r))],
    ids=["pickle", "deepcopy", "copy", "file"],
)
def test_a_copy_of_a_recording_has_all_words(again):
    loss, _ = several_kinds()
    assert again(record(loss, backward=True)) == record(loss, backward=True)


def test_a_part_is_changed_without_writing_the_rest():
    read = []

    def write():
        read.append(1)
        return {"local": "w", "local_number": "2"}

    part = later(Argument, (write,), (lambda: {"link": read.append(2)},), id="o0_0", slot="self", tensor="t0")
    assert read == []
    assert part.local_number == "2"
    assert read == [1]
    part = later(Argument, (write,), (lambda: {"link": read.append(2)},), id="o0_0", slot="self", tensor="t0")
    read.clear()
    for copied in (replace(changed(part, tensor="t1"), tensor="t2"), changed(changed(part, tensor="t1"), tensor="t2")):
        assert copied == Argument("o0_0", "self", "t2", "w", "2")
    other = changed(part, local="x", local_number="")
    assert (other.local, other.local_number) == ("x", "")
    assert sorted(read) == [1, 2]
    assert hash(part) == hash(Argument("o0_0", "self", "t0", "w", "2"))
    with pytest.raises(AttributeError, match="lokal"):
        part.lokal  # noqa: B018


def test_a_fault_in_what_writes_is_not_taken_for_a_missing_field():
    part = later(Argument, (lambda: {}.nothing,), id="o0_0", slot="self", tensor="t0")
    with pytest.raises(AttributeError, match="nothing"):
        part.local  # noqa: B018


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_come_from_variables_modules_and_containers():
    class Box:
        pass

    linear = gv.nn.Linear(3, 2)
    ws, box = [gv.ones(2, requires_grad=True)], Box()
    box.shift = gv.ones(2, requires_grad=True)
    data = {"x": gv.ones(4, 3)}
    out = (linear(data["x"]) * ws[0] + box.shift).sum()
    names = {t.name for t in record(out).graph.tensors}
    assert {"linear.weight", "linear.bias", "ws[0]", "box.shift", "data['x']", "out"} <= names
    module = record(out).graph.modules[0]
    assert (module.path, module.label) == ("linear", "Linear(3, 2)")
    given = record(out, names={"loss": out, linear.weight: "W"})
    assert {"loss", "W"} <= {t.name for t in given.graph.tensors}
    with pytest.raises(TypeError, match="names= takes"):
        record(out, names={"w": 3})


def test_broadcasting_is_recorded_as_the_sum_it_is():
    x, b = gv.ones(4, 3, requires_grad=True), gv.ones(3, requires_grad=True)
    loss = (x + b).sum()
    recording = record(loss, backward=True)
    contributions = {c.argument: c for f in recording.frames for c in f.contributions}
    assert contributions["o0_0"].summed_axes == ()
    assert contributions["o0_1"].summed_axes == (0,)
    assert contributions["o0_1"].value.data == (4.0, 4.0, 4.0)


def test_what_cannot_be_shown_says_why():
    with pytest.raises(ValueError, match="requires_grad=True"):
        record(gv.ones(2) * 3)
    with pytest.raises(ValueError, match="leaf, nothing was computed yet"):
        record(gv.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match=r"expected a gradviz tensor, but got numpy\.ndarray"):
        record(np.ones(2))
    vector = gv.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match=r"only for scalar outputs\s+This result has shape 2"):
        record(vector, backward=True)
    assert last_gradients(record(vector, backward=True, gradient=gv.tensor([1.0, 2.0])))["vector"].value.data == (
        1.0,
        2.0,
    )


def test_a_long_chain_is_recorded_without_recursion():
    many = sys.getrecursionlimit() + 200
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(many):
        y = y + 1
    recording = record(y, backward=True)
    assert len(recording.frames) == 2 * many + 2
    assert loads(dumps(recording)) == recording


@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda e: e.name)
def test_the_tutorials_gradients_agree_with_pytorch_at_every_node(torch, example):
    """Every upstream gradient in the recording is the one PyTorch's node hooks see."""
    recording = examples.run(example).recording
    passes = []
    variables = {"torch": torch, "__name__": "__main__"}
    torch.manual_seed(examples.SEED)
    backward = torch.Tensor.backward

    def watched(self, *args, **kwargs):
        seen = []

        def hook(node):
            node.register_prehook(lambda grads: seen.append((node.name(), grads[0].numpy().copy())))

        waiting, found = [self.grad_fn], set()
        while waiting:
            node = waiting.pop()
            if node is not None and node not in found:
                found.add(node)
                hook(node)
                waiting += [edge for edge, _ in node.next_functions]
        keep.append(found)
        backward(self, *args, **kwargs)
        passes.append([entry for entry in seen if "AccumulateGrad" not in entry[0]])

    keep = []
    torch.Tensor.backward = watched
    try:
        for name in example.cells:
            source = examples.cell(name).replace("import gradviz as torch", "import torch")
            exec(source.replace("import gradviz.nn", "import torch.nn"), variables)
    finally:
        torch.Tensor.backward = backward
    theirs = passes[example.shows]
    ours = [f for f in recording.frames if f.phase == "backward"][1:]
    assert [f.title for f in ours] == [name for name, _ in theirs]
    gradients = recording.at(-1).gradients
    for frame, (_, gradient) in zip(ours, theirs, strict=True):
        mine = gradients[recording.graph.operation(frame.current).outputs[0]].value
        assert mine.shape == gradient.shape
        np.testing.assert_allclose(mine.data, gradient.ravel(), rtol=1e-4, atol=1e-6)


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_large_tensor_is_kept_as_statistics_and_a_preview():
    array = np.arange(784 * 128, dtype=np.float32).reshape(784, 128)
    array[0, 0], array[0, 1] = np.nan, np.inf
    value = value_of(array)
    assert value.data is None
    assert value.preview.shape == (12, 12)
    assert (value.summary.nans, value.summary.infs, value.summary.max) == (1, 1, 784 * 128 - 1)
    assert value_of(np.zeros(FULL_VALUE_LIMIT)).data is not None


@given(st.floats(width=32))
def test_float32_numbers_are_written_short_and_read_back_exactly(number):
    (kept,) = value_of(np.float32(number)).data
    assert np.float32(kept) == np.float32(number) or math.isnan(number)
    assert len(repr(kept)) <= len(repr(float(np.float32(number))))


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda e: e.name)
def test_a_file_gives_back_what_was_saved(example, tmp_path):
    recording = examples.run(example).recording
    path = save(recording, tmp_path / "r.json")
    assert load(path) == recording
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]
    assert json.loads(path.read_text())["version"] == 2


def test_numbers_that_json_does_not_know(tmp_path):
    x = gv.tensor([0.0, -1.0, 1.0], requires_grad=True)
    y = (1 / x).log().sum()
    recording = record(y, backward=True)
    text = dumps(recording)
    assert "NaN" not in text
    assert "Infinity" not in text
    assert repr(loads(text)) == repr(recording)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: d.clear(), "does not say"),
        (lambda d: d.update(version=99), "newer gradviz"),
        (lambda d: d.update(version="1"), "version"),
        (lambda d: d.pop("graph"), "has no graph"),
        (lambda d: d.update(extra=1), "has a field 'extra'"),
        (lambda d: d["graph"]["tensors"][0].update(name=3), r"tensors\[0\].name is 3, not str"),
        (lambda d: d["graph"]["tensors"][0].update(role="boss"), "role is 'boss', not one of"),
        (lambda d: d["graph"]["tensors"][0].update(id="a b"), "letters and digits"),
        (lambda d: d["graph"]["tensors"][0].update(id="t1"), "uses an id twice"),
        (lambda d: d["graph"]["operations"][0]["inputs"][0].update(tensor="t99"), "t99"),
        (lambda d: d["graph"]["operations"][0]["inputs"][0].update(id="x"), "calls argument 0"),
        (lambda d: d["frames"][1].update(current="o99"), "frame 1 is about 'o99'"),
        (lambda d: d["frames"][1]["values"][0][1].update(data=[1, 2]), "2 numbers for a tensor of shape"),
        (lambda d: d["frames"][1]["values"][0][1].update(data=["<script>"]), "where a number should be"),
        (lambda d: d["frames"][4]["contributions"][0].update(argument="o9_9"), "along 'o9_9'"),
        (lambda d: d.update(frames={}), "frames is {}, not a list"),
    ],
)
def test_a_damaged_file_gives_one_clear_sentence(line, damage, message):
    body = json.loads(dumps(line))
    damage(body)
    with pytest.raises(RecordingError, match=message) as caught:
        loads(json.dumps(body))
    assert len(str(caught.value).splitlines()) == 1


@settings(max_examples=150, deadline=None)
@given(cut=st.floats(0, 1), data=st.data())
def test_no_damage_gives_anything_but_a_recording_or_a_recording_error(cut, data):
    w = gv.tensor(2.0, requires_grad=True)
    y = w * w
    text = dumps(record(y, backward=True))
    place = int(cut * (len(text) - 1))
    broken = text[:place] + data.draw(st.text(max_size=3)) + text[place + data.draw(st.integers(0, 3)) :]
    with suppress(RecordingError):
        loads(broken)


def test_deeply_nested_json_is_refused():
    with pytest.raises(RecordingError):
        loads("[" * 200_000)


@pytest.mark.parametrize(("reduction", "label"), [("mean", "2·(p − t)/6"), ("sum", "2·(p − t)")])
def test_a_mean_says_over_how_many_and_a_sum_does_not(reduction, label):
    p, t = gv.ones(2, 3, requires_grad=True), gv.zeros(2, 3)
    loss = gv.nn.functional.mse_loss(p, t, reduction=reduction)
    assert record(loss).graph.operations[0].inputs[0].local == label


def test_cross_entropy_is_averaged_over_the_rows():
    scores = gv.ones(4, 5, requires_grad=True)
    loss = gv.nn.functional.cross_entropy(scores, gv.tensor([0, 1, 2, 3]))
    recording = record(loss, backward=True)
    assert recording.graph.operations[-1].inputs[0].local == "−1/4 if target, else 0"
    assert min(recording.at(-1).gradients["t1"].value.data) == -0.25


def test_a_variable_left_over_from_a_loop_does_not_name_a_modules_parameter():
    net = gv.nn.Linear(2, 1)
    for p in net.parameters():
        p.data *= 0.5
    found = record(net(gv.ones(1, 2)).sum(), backward=False)
    assert p is net.bias
    assert {tensor.name for tensor in found.graph.tensors if tensor.role == "parameter"} == {"net.weight", "net.bias"}


def test_names_of_results_are_short_and_true():
    net = gv.nn.Sequential(gv.nn.Linear(3, 4), gv.nn.Tanh(), gv.nn.Linear(4, 1))
    x = gv.ones(2, 3)
    loss = net(x).sum()
    graph = record(loss, backward=True).graph
    names = [tensor.name for tensor in graph.tensors]
    assert "net.0(x)" in names
    assert "tanh(net.0(x))" in names
    labels = [argument.local for operation in graph.operations for argument in operation.inputs]
    assert "· net.2.weight" in labels  # turned twice is not turned


def test_parts_are_made_when_they_are_read_and_are_as_any_tuple() -> None:
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    recording = record_graph((x * x).sum(), names={"x": x})
    tensors = recording.graph.tensors
    assert tensors == tuple(tensors)
    assert tuple(tensors) == tensors
    assert tensors[-1] is tensors[2] is tensors[1:][-1]
    assert recording.graph.tensor("t0") is tensors[0]
    with pytest.raises(IndexError):
        tensors[3]
    for copied in (pickle.loads(pickle.dumps(recording)), copy.deepcopy(recording), loads(dumps(recording))):
        assert copied == recording


def test_of_a_long_computation_that_is_folded_few_parts_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[str] = []
    for name in ("_operation", "_tensor"):
        make = getattr(made, name)
        monkeypatch.setattr(made, name, lambda *given, make=make: parts.append(given[2]) or make(*given))
    y = gv.tensor(1.0, requires_grad=True)
    for _ in range(1000):
        y = y * 1.001 + 0.001
    drawing = gv.draw(y)
    assert "2" in drawing.to_svg()
    assert len(parts) < 100
    assert len(drawing.recording.graph.operations) == 2000


def test_of_a_network_whose_blocks_are_folded_few_operations_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for its products as they were written, nor for the boxes of its layers, nor to look up what is inside of them."""
    parts: list[str] = []
    make = made._operation
    monkeypatch.setattr(made, "_operation", lambda *given: parts.append(given[2]) or make(*given))
    nn = gv.nn
    net = nn.Sequential(*[part for _ in range(60) for part in (nn.Linear(4, 4), nn.ReLU())])
    drawing = gv.draw(net(gv.ones(2, 4)).sum())
    assert "Linear" in drawing.to_svg()
    assert len(parts) < 40
    shown = drawing.shown.graph
    boxes = [operation for operation in shown.operations if operation.block is not None]
    assert sum(box.block.parameters for box in boxes) == 60 * 20
    assert [operation.id for operation in shown.operations] == list(shown.outline.ids)
    assert [tensor.id for tensor in shown.tensors] == list(shown.outline.tensor_ids)
