"""What the player says of what was found: the first nan, a model's run, why a gradient is zero, what is held for backward."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.finding.recorded import whys
from gradviz.player import page
from gradviz.player.memory import held_in, memory, size_text
from gradviz.player.payload import payload
from gradviz.recording import record_graph


def network():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    with gv.no_grad():
        model[0].bias[1] = -50.0
    loss = ((model(gv.randn(5, 2)) - gv.randn(5, 1)) ** 2).mean()
    return record_graph(loss, backward=True, variables=({"model": model, "loss": loss},))


def test_what_is_held_grows_forward_and_is_let_go_backward():
    recording = network()
    told = memory(recording, held_in(recording))
    held, border = told["held"], sum(frame.phase == "forward" for frame in recording.frames)
    assert held[0] == held[-1] == 0
    assert held[:border] == sorted(held[:border])
    assert held[border:] == sorted(held[border:], reverse=True)
    # relu's result, tanh's, and the difference that is squared: what formulas read of results.
    assert told["most"] == max(held) == 4 * (5 * 4 + 5 * 3 + 5 * 1)
    assert "160 bytes" in told["sentence"]


def test_a_folded_picture_holds_the_same():
    recording = network()
    drawing = gv.draw(recording, depth=0)
    told = payload(drawing)["memory"]
    assert len(told["held"]) == len(drawing.shown.frames)
    assert told["held"][-1] == 0
    assert max(told["held"]) == told["most"] == memory(recording, held_in(recording))["most"]


@pytest.mark.parametrize(("count", "said"), [(8, "8 bytes"), (1234, "1.23 kB"), (45_600_000, "45.6 MB")])
def test_sizes_are_short(count, said):
    assert size_text(count) == said


def test_why_a_gradient_is_zero_is_known_of_a_recording():
    told = whys(network())
    assert any("1 of 4 units" in said for said in told.values())
    w, mask = gv.tensor([1.0, 2.0], requires_grad=True), gv.zeros(2)
    h = w * 3.0
    loss = (h * mask).sum()
    loss.backward()
    recording = gv.draw(loss).recording
    names = {tensor.id: tensor.name for tensor in recording.graph.tensors}
    said = {names[id]: sentence for id, sentence in whys(recording).items()}
    assert said["w"] == said["h"]  # which takes its reason from where the gradient ended
    assert "lets nothing of it through" in said["w"]


def test_a_recording_knows_where_a_leaf_was_cut_off(tmp_path):
    w, v = (gv.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    z = (w * 2).detach()
    drawing = gv.draw((z * v).sum())
    cuts = {tensor.name: tensor.cut for tensor in drawing.recording.graph.tensors if tensor.cut}
    assert cuts.keys() == {"z"}
    assert cuts["z"].startswith("detach() cut it off in line")
    drawing.save(tmp_path / "z.json")
    assert gv.load(tmp_path / "z.json") == drawing.recording


@pytest.mark.browser
def test_the_page_says_it(open_html):
    w = gv.tensor([0.0, 4.0], requires_grad=True)
    loss = (w.sqrt() * 2).sum()
    browser_page = open_html(page(record_graph(loss, backward=True)))
    alarm = browser_page.locator(".gp-strange")
    assert "1 / (2·√0) = ∞" in alarm.text_content()
    alarm.get_by_role("button").click()
    assert "SqrtBackward0" in browser_page.locator(".gp-panel h3", has_text="This step").text_content()
    assert browser_page.locator(".gv-alarm").count() == 1
    assert browser_page.locator(".gp-track .gp-held").count() == 1
    assert "Held for backward after this step: 0 bytes." in browser_page.locator(".gp-memory").text_content()
    browser_page.locator(".gradviz-player").press("Home")
    browser_page.locator(".gradviz-player").press("ArrowRight")
    assert "8 bytes" in browser_page.locator(".gp-memory span").text_content()


@pytest.mark.browser
def test_the_details_say_why(open_html):
    browser_page = open_html(page(network()))
    browser_page.locator(".gradviz-player").press("End")
    browser_page.locator(".gv-disc", has_text="relu").first.click()
    assert "1 of 4 units pass nothing back (1)" in browser_page.locator(".gp-inspect dl").text_content()


@pytest.mark.browser
def test_a_model_that_was_run_for_the_page_is_said(open_html):
    browser_page = open_html(page(gv.draw(nn.Linear(2, 1), gv.ones(1, 2))))
    assert "run once for this picture" in browser_page.locator(".gp-remark").first.text_content()
    assert np.isfinite(browser_page.evaluate("innerHeight"))
