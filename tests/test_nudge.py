"""If this entry rose by a little: what its gradient says, and what is; the recorded operations run again."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from test_linking import PROGRAMS, numbers_for, run
from test_rows import IMPLICIT, examples_of, function_of

import gradviz as gv
import gradviz.nn.functional as F
from gradviz import nn
from gradviz.engine.operation import TABLE
from gradviz.player.payload import payload
from gradviz.recording import ReplayError, dumps, loads, nudge, record_graph
from gradviz.recording.replay import BY, nudges, replay_of


def recorded(code, shapes, **kind):
    leaves = {key: gv.tensor(array, requires_grad=True, **kind) for key, array in numbers_for(shapes).items()}
    out = run(gv, code, leaves)
    seed = gv.arange(1.0, out.numel() + 1).reshape(out.shape).to(out.dtype)
    return leaves, record_graph(out, gradient=seed, backward=True, names=leaves)


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_sides_of_a_nudge_are_pytorchs(torch, name):
    """The output before and after, and what the gradient foretells, for an entry of each leaf."""
    code, shapes = PROGRAMS[name]
    leaves, recording = recorded(code, shapes, dtype=gv.float64)
    for key, leaf in leaves.items():
        index = tuple(n // 2 for n in leaf.shape)
        found = nudge(recording, leaf, index, 0.01)
        outputs = []
        for by in (0, 0.01):
            given = {one: torch.tensor(array) for one, array in numbers_for(shapes).items()}
            given[key][index] += by
            given = {one: tensor.requires_grad_() for one, tensor in given.items()}
            out = run(torch, code, given)
            outputs.append((out * torch.arange(1.0, out.numel() + 1).reshape(out.shape)).sum())
            if not by:
                outputs[0].backward()
                gradient = given[key].grad[index].item()
        np.testing.assert_allclose([found.before, found.after], [one.item() for one in outputs], rtol=1e-9)
        np.testing.assert_allclose(found.predicted, gradient * 0.01, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(found.change, found.after - found.before)


@pytest.mark.parametrize("name", PROGRAMS)
def test_without_a_change_everything_is_as_it_was(name):
    code, shapes = PROGRAMS[name]
    for kind in (gv.float32, gv.float64):
        _, recording = recorded(code, shapes, dtype=kind)
        base = replay_of(recording).base
        for id, value in recording.at().values.items():
            recorded_numbers = np.reshape(np.asarray(value.data, float), value.shape)
            within = 1e-12 if kind is gv.float64 else 1e-5
            np.testing.assert_allclose(base[id], recorded_numbers, rtol=within, atol=within)


@pytest.mark.sample(60)
@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_row_can_be_run_again(name):
    """An example computed again is what it was; and with an entry changed what the same code makes of that."""
    function, tensors = function_of(examples_of(name)[0])
    gv.manual_seed(5)
    results = function(*tensors)
    results = [one for one in (results if isinstance(results, tuple) else (results,)) if getattr(one, "grad_fn", None)]
    for result in results:
        recording = record_graph(result, backward=False)
        for id, value in recording.at().values.items():
            np.testing.assert_allclose(
                np.ravel(replay_of(recording).base[id]), np.asarray(value.data, float), rtol=1e-6, atol=1e-12
            )
        if any(operation.grad_fn in IMPLICIT for operation in recording.graph.operations):
            with pytest.raises(ReplayError, match="draws random numbers"):
                nudge(recording, tensors[0], (0,) * tensors[0].ndim)
            continue
        for leaf in recording.graph.tensors:
            if leaf.producer is None and leaf.requires_grad:
                nudge(recording, leaf.id, (0,) * len(leaf.shape))


def test_what_stands_in_the_picture_of_a_matrix_step():
    X, W = gv.tensor([[1.0, 2.0], [3.0, 4.0]]), gv.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    c = gv.tensor([1.0, -2.0], requires_grad=True)
    h = X @ W + c
    L = (h * h).sum() + (W * W).sum()
    found = gv.backprop(L).nudge(W, (1, 0), 0.1)
    assert (found.before, round(found.after, 4)) == (168.0625, 179.2725)
    assert (round(found.predicted, 4), round(found.change, 4)) == (11.0, 11.21)
    assert gv.backprop(L).nudge("W", (1, 0), 0.1) == found


def test_any_value_can_be_nudged_also_one_that_was_computed():
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    h = w * w
    loss = (h * h).sum()
    recording = record_graph(loss, backward=True)
    found = nudge(recording, h, 1, 0.5)
    assert (found.predicted, found.change) == (4.0, 4.25)
    assert nudge(recording, loss, (), 1).change == 1


def test_an_input_without_a_gradient_has_a_true_change_only():
    x, w = gv.tensor([1.0, 2.0]), gv.tensor([3.0, 4.0], requires_grad=True)
    found = nudge(record_graph((x * w).sum(), backward=True), x, 0, 1)
    assert (found.predicted, found.change) == (None, 3.0)


def test_what_an_earlier_pass_left_in_grad_foretells_nothing():
    w = gv.tensor([3.0, 4.0], requires_grad=True)
    (w * 5).sum().backward()
    found = nudge(record_graph((w * w).sum(), backward=True), w, 0, 0.1)
    assert found.predicted == pytest.approx(0.6)


def test_random_numbers_stay_as_they_were_drawn():
    w = gv.ones(8, requires_grad=True)
    out = F.dropout(w * 2, 0.5)
    kept = int(np.flatnonzero(out.detach().numpy())[0])
    lost = int(np.flatnonzero(out.detach().numpy() == 0)[0])
    recording = record_graph(out.sum(), backward=True)
    state = gv.get_rng_state()
    assert nudge(recording, w, kept, 0.5).change == pytest.approx(2.0)
    assert nudge(recording, w, lost, 0.5).change == 0
    assert gv.equal(state, gv.get_rng_state())


def test_nothing_of_the_users_is_run_or_changed():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    x = gv.randn(4, 3, requires_grad=True)
    loss = model(x).pow(2).sum()
    called = []
    loss.register_hook(lambda grad: called.append(grad))
    model.register_forward_hook(lambda *given: called.append(given))
    recording = record_graph(loss, backward=True)
    called.clear()
    before = {name: array.numpy().copy() for name, array in model.state_dict().items()}, x.detach().numpy().copy()
    nudge(recording, x, (1, 1))
    nudges(recording)
    assert called == []
    assert x.grad is None
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array.numpy(), before[0][name])
    np.testing.assert_array_equal(x.detach().numpy(), before[1])
    x.data[:] = 0  # what is recorded stays
    assert nudge(recording, x, (1, 1)).before == pytest.approx(loss.item(), rel=1e-5)


def test_what_cannot_be_run_again_says_why():
    class Double(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            called.append(1)
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    called = []
    w, v = gv.ones(2, requires_grad=True), gv.ones(2, requires_grad=True)
    recording = record_graph((Double.apply(w) * v).sum(), backward=True, names={"w": w, "v": v})
    with pytest.raises(ReplayError, match=r"Double \(DoubleBackward\) is a function of your own"):
        nudge(recording, w, 0)
    assert nudge(recording, v, 0, 1).change == 2
    assert called == [1]
    with pytest.raises(ValueError, match="no tensor 'z' in this recording; there are: w, "):
        nudge(recording, "z", 0)
    with pytest.raises(ValueError, match="this tensor is not in the recording"):
        nudge(recording, gv.ones(2), 0)
    with pytest.raises(IndexError, match=r"w has the shape \[2\], in which there is no entry \[2\]"):
        nudge(recording, "w", 2)
    with pytest.raises(IndexError, match=r"in which there is no entry \[\]"):
        nudge(recording, "w")
    large = gv.ones(200, 200, requires_grad=True)
    with pytest.raises(ReplayError, match="too large to be kept"):
        nudge(record_graph(large.sum(), backward=True), large, (0, 0))
    for again in (loads(dumps(recording)), copy.copy(recording), pickle.loads(pickle.dumps(recording))):
        assert again == recording
        with pytest.raises(ReplayError, match="read from a file"):
            nudge(again, "w", 0)


def test_a_page_has_the_nudges_of_the_leaves_of_a_small_computation():
    w, x = gv.tensor([[1.0, -2.0], [3.0, 0.5]], requires_grad=True), gv.tensor([1.0, 2.0])
    loss = (w @ x).exp().sum()
    recording = record_graph(loss, backward=True, names={"w": w, "x": x})
    names = {tensor.id: tensor.name for tensor in recording.graph.tensors}
    found = payload(gv.draw(recording))["nudges"]
    assert json.loads(json.dumps(found)) == found
    assert {names[id] for id in found} == {"w", "x"}
    for id, nudged in found.items():
        tensor = recording.graph.tensor(id)
        assert nudged["by"] == list(BY)
        for place, results in zip(np.ndindex(tensor.shape), nudged["results"], strict=True):
            for by, result in zip(BY, results, strict=True):
                assert result == pytest.approx(nudge(recording, id, place, by).after, rel=1e-9)
        assert nudged["before"] == pytest.approx(loss.item(), rel=1e-6)


def test_of_a_large_computation_a_page_has_none():
    x = gv.ones(3, requires_grad=True)
    y = x
    for _ in range(400):
        y = y * 1.001
    assert nudges(record_graph(y.sum(), backward=True)) == {}


def test_numbers_that_json_does_not_know_are_words():
    x = gv.tensor(800.0, requires_grad=True)
    ((results,),) = [found["results"] for found in nudges(record_graph(x.double().exp(), backward=True)).values()]
    assert set(results) == {"inf"}


def test_the_front_end_is_answered_and_nonsense_is_told():
    w = gv.tensor([[1.0, -2.0], [3.0, 0.5]], requires_grad=True)
    player = gv.backprop((w * w).sum())
    sent = []
    player.send = lambda content, buffers=None: sent.append(content)

    def ask(**content):
        sent.clear()
        player._handle_custom_msg(content, [])
        return sent[0] if sent else None

    question = {"tensor": "t0", "index": 2, "by": 0.5}
    answer = ask(type="nudge", **question)
    assert answer == {"type": "nudged", **question, "before": 14.25, "after": 17.5}
    assert json.loads(json.dumps(answer)) == answer
    assert ask(type="nudge", tensor="t0", index=0, by=1e300)["after"] == "inf"
    assert "out of bounds" in ask(type="nudge", tensor="t0", index=4, by=0.5)["error"]
    assert "t9" in ask(type="nudge", tensor="t9", index=0, by=0.5)["error"]
    assert "error" in ask(type="nudge", tensor="t0", index=0, by="much")
    assert "error" in ask(type="nudge")
    assert ask(type="something else") is None
