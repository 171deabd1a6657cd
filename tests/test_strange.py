"""The first nan or infinity: in pictures, with the reason that its numbers give, and in training."""

from __future__ import annotations

import pytest

import gradviz as gv
from gradviz import nn
from gradviz.recording.strange import first_strange

FORWARD = {
    "log of 0": ("x.log()", [1.0, 0.0], "log", "−∞", "log(0) = −∞"),
    "log of a negative number": ("x.log()", [1.0, -2.0], "log", "nan", "log(−2) = nan"),
    "0 / 0": ("x / (x - x)", [0.0, 2.0], "div", "nan", "0 / 0 = nan"),
    "1 / 0": ("1.0 / x", [1.0, 0.0], "reciprocal", "∞", "0"),
    "exp": ("x.exp()", [1.0, 100.0], "exp", "∞", "more than float32 holds"),
    "inf − inf": ("(x * 1e38 * 10.0) - (x * 1e38 * 10.0)", [1.0, 1.0], "mul", "∞", "more than float32 holds"),
    "root": ("x.sqrt()", [4.0, -1.0], "sqrt", "nan", "√(−1) = nan"),
    "power": ("x ** 0.5", [4.0, -1.0], "pow", "nan", "= nan"),
    "softmax": ("x.masked_fill(x < 9.0, float('-inf')).softmax(0)", [1.0, 2.0], "softmax", "nan", "0 / 0"),
    "far back": ("(x.log() * 2.0).sin()", [1.0, -2.0], "log", "nan", "log(−2) = nan"),
}
BACKWARD = {
    "root at 0": ("x.sqrt()", [4.0, 0.0], "sqrt", "∞", "1 / (2·√0) = ∞"),
    "power at 0": ("x ** 0.5", [4.0, 0.0], "pow", "∞", "∞"),
    "a mask after a root": ("torch.where(x > 0, x.sqrt(), torch.zeros(2))", [4.0, 0.0], "sqrt", "nan", "0 · ∞ = nan"),
}


def recorded(code, numbers):
    x = gv.tensor(numbers, requires_grad=True)
    y = eval(code, {"torch": gv, "x": x})
    loss = y.sum()
    loss.backward()
    return gv.draw(loss)


@pytest.mark.sample(None)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*FORWARD, *BACKWARD])
def test_the_first_is_found_with_its_reason(name):
    code, numbers, operation, what, short = {**FORWARD, **BACKWARD}[name]
    drawing = recorded(code, numbers)
    found = first_strange(drawing.recording)
    assert found is not None
    graph = drawing.recording.graph
    assert graph.operation(found.operation).name.strip("_") == operation
    assert (found.what, found.phase) == (what, "forward" if name in FORWARD else "backward"), found
    assert short in found.short
    assert found.short in found.sentence
    assert drawing.recording.frames[found.step].current == found.operation
    svg = drawing.to_svg()
    assert svg.count("gv-alarm") >= 1
    marked = [disc.operation.name for disc in drawing.view.discs if disc.alarm]
    assert [one.strip("_") for one in marked] == [operation]


@pytest.mark.parametrize(
    "code", ["x * 2.0", "x.masked_fill(x > 1.0, float('-inf')).softmax(0)[0]", "x.clamp(max=float('inf'))"]
)
def test_where_all_is_well_nothing_is_marked(code):
    drawing = recorded(code, [1.0, 2.0])
    assert first_strange(drawing.recording) is None
    assert not any(disc.alarm for disc in drawing.view.discs)


@pytest.mark.filterwarnings("ignore")
def test_a_run_says_in_which_epoch_and_operation():
    w = gv.tensor(3.0, requires_grad=True)
    with gv.record() as run:
        for _ in range(6):
            w.grad = None
            loss = (w.log() - 2.0) ** 2
            loss.backward()
            with gv.no_grad():
                w -= 4.0
    said = run.notes[-1]
    assert "epoch 1" in said
    assert "log(−1) = nan" in said


def test_a_run_in_which_all_is_well_says_nothing():
    w = gv.tensor(3.0, requires_grad=True)
    with gv.record() as run:
        for _ in range(3):
            w.grad = None
            loss = (w - 2.0) ** 2
            loss.backward()
            with gv.no_grad():
                w -= 0.1 * w.grad
    assert not any("nan" in note for note in run.notes)


def test_attention_with_a_mask_is_well():
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    x = gv.randn(1, 3, 4)
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    out, _ = layer(x, x, x, attn_mask=mask)
    out.sum().backward()
    assert first_strange(gv.draw(out.sum()).recording) is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("number", "what"), [(float("nan"), "nan"), (float("inf"), "∞")])
def test_what_a_leaf_has_already_no_operation_made(number, what):
    w = gv.tensor([[number, 1.0]], requires_grad=True)
    loss = (w @ gv.tensor([[-1.0], [2.0]])).sum()
    loss.backward()
    drawing = gv.draw(loss)
    found = first_strange(drawing.recording)
    assert (found.phase, found.operation, found.what) == ("given", "", what)
    assert found.sentence == f"w holds {what} from the beginning: no operation here has made it."
    assert not any(disc.alarm for disc in drawing.view.discs)
