"""What a person wrote as one product is one operation: its helpers fold into its edges, and nothing that it says is less true."""

from __future__ import annotations

import numpy as np
import pytest
from test_equations import check

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.recording import dumps, loads, record_graph
from gradviz.recording.folding import STANDS_FOR, as_written
from gradviz.recording.links import sent_back

F = gv.nn.functional

# What is written, and the signs of the discs in its picture.
WRITTEN = {
    "x @ W.T": "@ Wᵀ",
    "W.T @ x.T": "Wᵀ @ xᵀ",
    "x @ W.mT + b": "@ Wᵀ, +",
    "x @ W.transpose(0, 1)": "@ Wᵀ",
    "x @ x.T": "@ xᵀ",
    "F.linear(x, W)": "@ Wᵀ",
    "F.linear(x, W, b)": "@ Wᵀ +",
    "F.linear(h, W, b)": "@ Wᵀ +",
    "F.linear(h[0, 0], W, b)": "[i], [i], @ Wᵀ +",
    "linear(h)": "@ weightᵀ +",
    "torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))(h)": "reshape, @ ᵀ +",
    "q @ k.transpose(-2, -1)": "@ kᵀ",
    "q.mT @ k": "qᵀ @",
    "q @ k[0].mT": "[i], @ ᵀ",
    "torch.matmul(q, k.mT) / 2": "@ kᵀ, ÷",
    "h @ W.T": "@ Wᵀ",
    "v @ W": "@",
    "W @ v[:3]": "[a:b], @",
    "W.T @ v": "Wᵀ @",
    "h @ w3": "@",
    "(q @ k.mT).reshape(-1)": "@ kᵀ, reshape",
    "(x.reshape(3, 4)).T @ v3": "reshape, ᵀ @",
    "(lambda t: x @ t + (x @ t) * 2)(W.T)": "( )ᵀ, @, @, ×, +",
    "x @ (W.T * 2)": "( )ᵀ, ×, @",
    "raw @ W.T": "@ Wᵀ",
    "raw[0] @ W.T": "@ Wᵀ",
    "(raw @ W.T).sum(1) @ W + (raw @ W.T)[:, 0] @ W": "@ Wᵀ, Σ, @, @ Wᵀ, [i], @, +",
    "linear(raw)": "@ weightᵀ +",
    "flat @ W.T + linear(flat)": "@ Wᵀ, @ weightᵀ +, +",
    "linear(raw[0, 0])": "@ weightᵀ +, reshape",
    "torch.einsum('ij,kj->ik', x, W)": "@ Wᵀ",
    "torch.einsum('ij,jk->ik', x, W.T)": "@ Wᵀ",
    "torch.einsum('bij,kj->bik', h, W)": "@ Wᵀ",
    "torch.einsum('bij,kj->bki', h, W)": "einsum",
    "torch.einsum('bij,kj->ibk', h, W) * 2": "einsum, ×",
    "torch.einsum('bhid,bhjd->bhij', q, k)": "@ kᵀ",
    "torch.einsum('bihd,bjhd->bhij', q.transpose(1, 2), k.transpose(1, 2))": "( )ᵀ, ( )ᵀ, einsum",
    "linear(torch.tanh(linear2(x)))": "@ weightᵀ +, tanh, @ weightᵀ +",
}  # fmt: skip


def made(code):
    gv.manual_seed(0)

    def leaf(*shape):
        return gv.randn(*shape, requires_grad=True)

    space = {
        "torch": gv, "F": F, "x": leaf(4, 3), "W": leaf(2, 3), "b": leaf(2), "h": leaf(2, 4, 3), "v": leaf(2), "w3": leaf(3), "v3": leaf(3),
        "q": leaf(1, 2, 3, 4), "k": leaf(2, 2, 5, 4) if "k[" in code else leaf(1, 2, 3, 4) if "einsum" in code else leaf(2, 1, 3, 4), "raw": gv.randn(2, 4, 3), "flat": gv.randn(3), "linear": gv.nn.Linear(3, 2), "linear2": gv.nn.Linear(3, 3),
    }  # fmt: skip
    if code == "W @ v[:3]":
        space["v"] = leaf(4)
    if code == "W.T @ x.T":
        space["x"] = leaf(4, 2)
    result = eval(compile(code, "<products>", "eval"), space)
    weights = gv.randn(*result.shape)
    return record_graph(result, gradient=weights, backward=True, variables=[space])


@pytest.mark.sample(None)
@pytest.mark.parametrize("code", WRITTEN)
def test_one_disc_for_what_was_written_as_one_product(code, monkeypatch):
    import linecache

    monkeypatch.setitem(linecache.cache, "<products>", (len(code), None, [code], "<products>"))
    before = made(code)
    after = as_written(before)
    assert ", ".join(operation.symbol for operation in after.graph.operations) == WRITTEN[code]
    # What is in both has the same numbers, and every gradient that arrives at a tensor comes from its edges.
    values, gradients = before.at().values, before.at().gradients
    now = after.at().values
    assert {id: value.data for id, value in now.items()} == {t.id: values[t.id].data for t in after.graph.tensors}
    assert all(now[tensor.id].shape == tensor.shape for tensor in after.graph.tensors)
    assert not any(", reshaped" in tensor.name or " as a " in tensor.name for tensor in after.graph.tensors)
    wanted = {tensor.id for tensor in after.graph.tensors if tensor.requires_grad}
    assert {id: gradient.value for id, gradient in after.at().gradients.items()} == {
        id: gradients[id].value for id in wanted
    }
    assert all(gradient.complete for gradient in after.at().gradients.values())
    # Each edge's link and each equation says what was sent along it.
    for operation, argument in after.graph.arguments():
        sent = after.at().contributions.get(argument.id)
        if sent is None or argument.link is None:
            continue
        link, array = argument.link, lambda value: np.array(value.data).reshape(value.shape)
        factor = array(now[link.tensor]) if link.tensor else None if link.value is None else array(link.value)
        upstream = array(after.at().gradients[operation.outputs[0]].value)
        shapes = [after.graph.tensor(id).shape for id in operation.outputs]
        target = after.graph.tensor(argument.tensor).shape
        assert np.allclose(sent_back(link, target, shapes, upstream, factor), array(sent.value), atol=1e-5), argument.id
    for frame in after.frames:
        for line in frame.equation:
            check(line)
    assert loads(dumps(after)) == after


def test_what_is_folded_is_found():
    linear = gv.nn.Linear(3, 2)
    drawing = gv.draw(linear(gv.ones(1, 3)).sum())
    operation = drawing.shown.graph.operations[0]
    assert dict(operation.attributes) == {STANDS_FOR: "TBackward0, AddmmBackward0"}
    assert [tensor.name for tensor in drawing.shown.graph.tensors][:3] == ["linear.weight", "linear.bias", "ones(1, 3)"]
    assert [operation.grad_fn for operation in gv.draw(linear(gv.ones(1, 3)).sum(), every_operation=True).shown.graph.operations] == [
        "TBackward0", "AddmmBackward0", "SumBackward0"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="every_operation is 1; it has to be True or False"):
        gv.draw(linear(gv.ones(1, 3)).sum(), every_operation=1)


def test_a_tensor_with_a_name_stays():
    x, W = gv.ones(4, 3), gv.ones(2, 3, requires_grad=True)
    turned = W.T
    y = (x @ turned).sum()
    assert "turned" in [tensor.name for tensor in gv.draw(y).shown.graph.tensors]


def test_the_steps_of_several_runs_fold_too():
    W = gv.ones(2, 3, requires_grad=True)
    recording = record_graph((gv.ones(4, 3) @ W.T).sum(), backward=True)
    twice = draw_recording(type(recording)(recording.graph, recording.frames * 2)).shown
    once = draw_recording(recording).shown
    assert [frame.current for frame in twice.frames] == [frame.current for frame in once.frames] * 2


def test_a_player_brings_every_operation_back_at_the_moment_that_is_shown():
    from gradviz.player import Player, page

    linear = gv.nn.Linear(3, 2)
    drawing = gv.draw(linear(gv.ones(1, 3)).sum(), depth=1)
    player = Player(drawing, step=-1)
    assert player.payload["every"] is False
    player.every_operation = True
    names = [operation["name"] for operation in player.payload["facts"]["operations"]]
    assert (names, player.payload["every"], player.step) == (["t", "addmm", "sum"], True, 3)
    player.every_operation = False
    assert (len(player.payload["facts"]["operations"]), player.step) == (2, 2)
    assert Player(drawing, every_operation=True).payload["every"] is True
    assert Player(gv.draw(linear.weight.sum())).payload["every"] is None
    assert len(page(drawing)) > len(page(gv.draw(linear(gv.ones(1, 3)).detach().requires_grad_().exp().sum())))


def test_the_command_line_shows_every_operation(tmp_path, monkeypatch):
    from gradviz.cli import main

    monkeypatch.chdir(tmp_path)
    for option, turned in (([], False), (["--every-operation"], True)):
        assert main(["draw", "(x @ W.T).sum()", "x=ones(2,3)", "W=ones(4,3)", "-o", "y.dot", *option]) == 0
        assert ("o0_0" in (tmp_path / "y.dot").read_text(encoding="utf-8")) is turned
        assert (
            main(["play", "(x @ W.T).sum()", "x=ones(2,3)", "W=ones(4,3)", "-o", "y.html", "--no-open", *option]) == 0
        )


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("permute", (("dims", "(7, 8)"),)),
        ("permute", ()),
        ("transpose", (("dim0", "9"), ("dim1", "x"))),
        ("expand", ()),
        ("view", ()),
    ],
)
def test_what_a_file_says_of_axes_need_not_be_true(name, attributes):
    from dataclasses import replace

    W = gv.ones(2, 3, requires_grad=True)
    recording = record_graph((gv.ones(4, 3) @ W.T).sum(), backward=True)
    graph = recording.graph
    other = replace(graph.operations[0], name=name, attributes=attributes)
    changed = replace(recording, graph=replace(graph, operations=(other, *graph.operations[1:])))
    assert len(as_written(changed).graph.operations) in (2, 3)
    assert "<svg" in draw_recording(changed).to_svg()
