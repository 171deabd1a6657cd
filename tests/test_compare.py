"""Two recordings of one structure, and what changed from one to the other."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import gradviz as gv
from gradviz.drawing import Comparison
from gradviz.recording.compare import StructureError, difference


@pytest.fixture(scope="module")
def steps():
    """A layer before and after a step of training."""
    gv.manual_seed(1)
    linear, x = gv.nn.Linear(3, 2), gv.randn(6, 3)
    optimizer = gv.optim.SGD(linear.parameters(), lr=0.5)
    drawings, states = [], []
    for _ in range(2):
        optimizer.zero_grad()
        loss = (linear(x) ** 2).mean()
        loss.backward()
        drawings.append(gv.draw(loss))
        states.append((linear.weight.detach().numpy().copy(), linear.weight.grad.numpy().copy()))
        optimizer.step()
    return drawings, states


def test_the_difference_is_of_values_and_of_gradients(steps):
    (before, after), states = steps
    change = before.diff(after)
    weight = next(tensor for tensor in change.recording.graph.tensors if tensor.name == "linear.weight")
    moment = change.recording.at()
    np.testing.assert_allclose(
        moment.values[weight.id].data, (states[1][0] - states[0][0]).ravel(), rtol=1e-4, atol=1e-7
    )
    found = moment.gradients[weight.id].value.data
    np.testing.assert_allclose(found, (states[1][1] - states[0][1]).ravel(), rtol=1e-4, atol=1e-7)
    svg = change.to_svg()
    assert "Δ value" in svg
    assert "Δ grad" in svg


def test_side_by_side_shares_one_scale_and_no_ids(steps):
    (before, after), _ = steps
    both = gv.draw(before.recording, after.recording)
    assert isinstance(both, Comparison)
    assert both.before.view.scales == both.after.view.scales
    root = ET.fromstring(both.to_svg())
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    pictures = [element for element in root if element.tag.endswith("svg")]
    ends = [float(picture.get("y")) + float(picture.get("height")) for picture in pictures]
    assert float(pictures[1].get("y")) >= ends[0]
    assert ends[1] <= float(root.get("height"))


def test_a_comparison_saves_itself(steps, tmp_path):
    (before, after), _ = steps
    both = gv.draw(before.recording, after.recording)
    assert ET.parse(both.save(tmp_path / "both.svg"))
    with pytest.raises(ValueError, match=r"the name must end in \.svg"):
        both.save(tmp_path / "both.png")
    assert set(both._repr_mimebundle_()) == {"image/svg+xml", "text/html", "text/plain"}


def test_large_tensors_differ_by_the_means_of_their_blocks():
    x, recordings = gv.randn(100, 80), []
    for scale in (1.0, 3.0):
        w = gv.full((100, 80), scale, requires_grad=True)
        y = (w * x).sum()
        y.backward()
        recordings.append(gv.draw(y, names={"w": w}).recording)
    change = difference(*recordings)
    w = next(tensor for tensor in change.graph.tensors if tensor.name == "w")
    value = change.at().values[w.id]
    assert value.summary.mean == pytest.approx(2)
    assert set(value.preview.data) == {2.0}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda a, b: a + b, "operation 1 is mul in the first and add in the second"),
        (lambda a, b: (a * b).sin(), "the first has 1 operations, the second 2"),
        (lambda a, b: gv.stack([a, a]) * b, "stack"),
        (lambda a, b: a * a, "connected"),
    ],
)
def test_what_cannot_be_compared_is_said(other, message):
    a, b = gv.tensor(1.0, requires_grad=True), gv.tensor(2.0, requires_grad=True)
    first, second = gv.draw(a * b), gv.draw(other(a, b))
    with pytest.raises(StructureError, match=message):
        first.diff(second)
