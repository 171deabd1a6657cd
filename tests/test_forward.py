"""A model that nobody trained, drawn: it runs once for its picture, and is left as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.drawing import draw_recording


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop, self.last = (
            nn.Linear(3, 4),
            nn.BatchNorm1d(4),
            nn.Dropout(0.5),
            nn.Linear(4, 2),
        )
        self.calls, self.fails = 0, False

    def forward(self, x, scale=1.0):
        self.calls += 1
        self.seen = x
        h = self.drop(self.norm(self.first(x)).relu())
        with gv.no_grad():
            self.last.bias += 1.0
        random.random(), np.random.rand()
        if self.fails:
            raise ZeroDivisionError
        return {"logits": self.last(h) * scale, "hidden": (h, h.argmax(1))}


def state_of(net):
    return {
        "random": (gv.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()),
        "numbers": {name: value.tolist() for name, value in net.state_dict().items()},
        "versions": [one._version for one in (*net.parameters(), *net.buffers())],
        "modes": [one.training for one in net.modules()],
        "grads": [one.grad if one.grad is None else one.grad.tolist() for one in net.parameters()],
        "attributes": [sorted(vars(one)) for one in net.modules()],
        "calls": net.calls,
        "wants": [one.requires_grad for one in net.parameters()],
    }


@pytest.mark.parametrize("mode", ["train", "eval", "frozen", "no_grad", "inference_mode", "fails"])
def test_a_model_is_drawn_and_left_as_it_was(mode):
    net, x = Net(), gv.randn(5, 3)
    net(x)["logits"].sum().backward()
    net.train(mode != "eval")
    if mode == "frozen":
        net.requires_grad_(False)
    net.fails = mode == "fails"
    before = state_of(net)
    block = {"no_grad": gv.no_grad, "inference_mode": gv.inference_mode}.get(mode, gv.enable_grad)
    with block():
        if mode == "fails":
            with pytest.raises(ZeroDivisionError):
                gv.draw(net, x)
        else:
            recording = gv.draw(net, x, kwargs={"scale": 2.0}).recording
    assert state_of(net) == before
    if mode == "fails":
        return
    assert "run once for this picture" in recording.remarks[0]
    assert "run once for this picture" in draw_recording(recording).to_svg()  # under it, too
    assert ("eval()" if mode == "eval" else "train()") in recording.remarks[0]
    names = {tensor.name: tensor for tensor in recording.graph.tensors}
    assert {"net.first.weight", "net.last.bias", "logits", "hidden[0]", "x"} <= set(names)
    assert names["net.first.weight"].requires_grad == (mode != "frozen")
    assert names["net.norm.running_mean"].role == "input" if "net.norm.running_mean" in names else True
    assert not recording.at().gradients


def test_an_earlier_graph_can_still_go_back_after_a_picture():
    net, x = Net(), gv.randn(5, 3)
    loss = net(x)["logits"].sum()
    gv.draw(net, x)
    loss.backward()


def test_a_model_can_be_stepped_through():
    line = nn.Linear(2, 1)
    player = gv.backprop(line, gv.ones(1, 2))
    assert player.recording.at().gradients
    assert line.weight.grad is None


def test_a_model_without_parameters_is_drawn_for_its_structure():
    recording = gv.draw(nn.Sequential(nn.ReLU(), nn.Tanh()), gv.ones(3)).recording
    assert [one.name for one in recording.graph.operations] == ["relu", "tanh"]


def test_what_nobody_registered_is_pointed_out():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(2, 2)]
            self.table = {"a": gv.ones(2, requires_grad=True)}
            self.scale = gv.ones(2, requires_grad=True)
            self.head = nn.Linear(2, 1)
            self.known = [self.head]

        def forward(self, x):
            return self.head(self.layers[0](x) * self.table["a"] * self.scale)

    odd = Odd()
    _, *said = gv.draw(odd, gv.ones(1, 2)).recording.remarks
    assert [(one.split()[0], word in one) for one, word in zip(said, ("ModuleList", "ParameterDict", "register_parameter"), strict=True)] == [
        ("odd.layers", True), ("odd.table", True), ("odd.scale", True),
    ]  # fmt: skip


def test_bad_calls_get_clear_answers():
    with pytest.raises(TypeError, match=r"draw\(model, x\)"):
        gv.draw(nn.Linear(2, 1))
    with pytest.raises(TypeError, match="for a model"):
        gv.draw(gv.ones(1, requires_grad=True) * 2, kwargs={})
    with pytest.raises(ValueError, match="nothing that can be drawn"):
        gv.draw(nn.Identity(), gv.tensor([1, 2]))


def test_remarks_are_saved_with_a_recording(tmp_path):
    drawing = gv.draw(nn.Linear(2, 1), gv.ones(1, 2))
    drawing.save(tmp_path / "line.json")
    assert gv.load(tmp_path / "line.json").remarks == drawing.recording.remarks
