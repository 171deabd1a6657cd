"""A player and a training page made from real PyTorch, saved and opened in a real browser."""

from __future__ import annotations

import re

import pytest

import gradviz as gv
from gradviz.engine.numerals import number
from gradviz.player.training import training_page

pytestmark = pytest.mark.browser


def network(torch):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    return model, torch.tensor([[1.0, 2.0], [-1.0, 0.5]]), torch.tensor([[1.0], [0.0]])


def test_a_player_of_pytorchs_graph_steps_to_its_end(torch, open_html, tmp_path):
    from playwright.sync_api import expect

    model, x, target = network(torch)
    with gv.watch():
        loss = torch.nn.functional.mse_loss(model(x), target)
        loss.backward()
    player = gv.backprop(loss)
    player.save(tmp_path / "player.html")
    page = open_html((tmp_path / "player.html").read_text(encoding="utf-8"))
    place, onward = page.locator(".gp-place"), page.get_by_role("button", name="Next step")
    expect(place).to_have_text(re.compile("^forward 1 / "))
    while onward.is_enabled():
        before = place.text_content()
        onward.click()
        expect(place).not_to_have_text(before)
    expect(place).to_have_text(re.compile(r"^backward (\d+) / \1"))
    shown = page.locator("svg.gv").first.text_content()
    assert number(loss.item()) in shown


def test_what_is_left_of_a_graph_says_so_on_the_page(torch, open_html, tmp_path):
    from playwright.sync_api import expect

    model, x, target = network(torch)
    loss = torch.nn.functional.mse_loss(model(x), target)
    loss.backward()
    gv.backprop(loss).save(tmp_path / "left.html")
    page = open_html((tmp_path / "left.html").read_text(encoding="utf-8"))
    expect(page.locator(".gp-remark")).to_contain_text("call backward(retain_graph=True)")


def test_a_training_page_of_pytorchs_loop_shows_its_epochs_and_steps_inside(torch, open_html):
    from playwright.sync_api import expect

    model, x, target = network(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    with gv.record(progress=False) as run:
        for epoch in range(4):  # noqa: B007
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x), target)
            loss.backward()
            optimizer.step()
    page = open_html(training_page(run, panels=["graph", "loss"]))
    expect(page.locator(".gt-place b")).not_to_be_empty()
    page.get_by_role("button", name="Last epoch").click()
    expect(page.locator(".gt-place b")).to_have_text("epoch 3 / 3")
    page.get_by_role("button", name=re.compile("Step through the backpropagation of epoch")).click()
    inside = page.locator(".gt-inside .gradviz-player")
    expect(inside.locator(".gp-place")).to_have_text(re.compile("^forward 1 / "))
    inside.get_by_role("button", name="Next step").click()
    expect(inside.locator(".gp-place")).to_have_text(re.compile("^forward 2 / "))
