"""Gradient flow at a glance: what it says comes from the numbers, and the numbers are those of the run."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.drawing.charts.heat import LEVELS, Scale


def deep(activation, layers=6, epochs=4, lr=0.01):
    stack = []
    for _ in range(layers):
        stack += [nn.Linear(6, 6), activation()]
    model = nn.Sequential(*stack, nn.Linear(6, 1))
    x, y = gv.randn(32, 6), gv.randn(32, 1)
    optimizer = gv.optim.SGD(model.parameters(), lr=lr)
    with gv.record() as run:
        for _ in range(epochs):
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
    return model, run, loss


def test_where_it_vanishes_is_marked_and_said():
    _model, run, _loss = deep(nn.Sigmoid)
    flow = gv.flow(run)
    assert flow.layers == tuple(f"model.{n}" for n in range(0, 13, 2))
    assert flow.columns == ("0", "1", "2", "3")
    assert flow.vanishing[0].all()
    assert not flow.vanishing[-1].any()
    assert flow.words[0].startswith("The gradient vanishes at model.0")
    told = flow.words[0].replace(" · 10⁴", "e4").replace(" · 10⁵", "e5")
    times = float(re.search(r"it is (\S+) times smaller than", told)[1])
    column = flow.ratios[:, 0]
    assert times == pytest.approx(column.max() / column.min(), rel=0.06)
    svg = flow.to_svg()
    assert "gh-mark" in svg
    assert "vanishing" in svg


def test_its_numbers_are_those_of_the_run():
    _model, run, _loss = deep(nn.Tanh)
    flow = gv.flow(run)
    step = run.steps[-1]
    for i, layer in enumerate(flow.layers):
        parts = [step.parameters[f"{layer}.{name}"] for name in ("weight", "bias")]
        weights = math.hypot(*(np.linalg.norm(part.before.data) for part in parts))
        assert flow.gradients[i, -1] == pytest.approx(math.hypot(*(part.gradient_norm for part in parts)), rel=1e-5)
        assert flow.ratios[i, -1] == pytest.approx(flow.gradients[i, -1] / weights, rel=1e-5)
        assert flow.updates[i, -1] == pytest.approx(0.01 * flow.ratios[i, -1], rel=1e-3)
    table = flow.to_dict()
    assert len(table["layer"]) == len(flow.layers) * len(flow.columns)
    assert flow.losses[-1] == pytest.approx(run.losses[-1])


def test_a_single_pass_has_one_column():
    model, run, loss = deep(nn.Tanh)
    flow = gv.flow(loss)
    assert flow.ratios.shape == (7, 1)
    assert np.allclose(flow.ratios[:, 0], gv.flow(run).ratios[:, -1], rtol=1e-4)
    assert np.allclose(gv.flow(gv.draw(loss).recording).ratios, flow.ratios)
    fresh = ((model(gv.randn(3, 6))) ** 2).mean()
    before = model[0].weight.grad.tolist()
    assert gv.flow(fresh).ratios.shape == (7, 1)  # tried for the picture
    assert model[0].weight.grad.tolist() == before


def test_where_all_is_well_it_says_so():
    w = gv.tensor([3.0, 4.0], requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    assert str(gv.flow(loss)) == "Gradients neither vanish nor explode: they are 2 times as long as the weights."


def test_explosions_too_long_steps_and_what_never_moves_are_said():
    w, v = gv.tensor(2.0, requires_grad=True), gv.tensor(1.0, requires_grad=True)
    with gv.record() as run:
        for _ in range(3):
            w.grad = v.grad = None
            loss = 100.0 * w * w * v
            loss.backward()
            with gv.no_grad():
                w -= 0.01 * w.grad
    flow = gv.flow(run)
    assert "explodes" in flow.words[0]
    assert any("too long at w" in words for words in flow.words)
    assert any(words.startswith("v did not move") for words in flow.words)


def test_it_saves_itself(tmp_path):
    _, run, _ = deep(nn.Tanh, layers=2)
    flow = gv.flow(run)
    for ending in ("svg", "png", "pdf", "csv"):
        assert flow.save(tmp_path / f"flow.{ending}").stat().st_size > 100
    assert "prefers-color-scheme" in flow.to_svg()
    assert set(flow._repr_mimebundle_()) == {"image/svg+xml", "text/html", "text/plain"}
    lines = (tmp_path / "flow.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "layer,epoch,gradient,ratio,update"
    assert len(lines) == 1 + 3 * 4


def test_many_epochs_share_columns_and_names_stay_apart():
    _, run, _ = deep(nn.Tanh, layers=1, epochs=100)
    flow = gv.flow(run)
    assert len(flow.columns) <= 40
    assert flow.columns[0] == "0–2"


def test_the_ticks_of_a_scale_are_true():
    scale = Scale.of([3e-5, 0.2, math.nan, 0.0])
    assert (scale.low, scale.high) == (-5, 0)
    assert scale.level(1.0) == len(LEVELS) - 1
    assert scale.level(1e-9) == scale.level(0.0) == 0
    assert scale.level(math.nan) is None
    assert scale.level(10**-2.5) == len(LEVELS) // 2


def test_bad_input_gets_a_clear_answer():
    with pytest.raises(TypeError, match="a run, a recording or a result"):
        gv.flow(3.0)
    with pytest.warns(UserWarning, match="nothing was recorded"), gv.record() as run:
        pass
    with pytest.raises(ValueError, match="nothing was recorded"):
        gv.flow(run)
