"""A step of PyTorch's that goes as one before it is recorded as if it had been watched in full; and what is different is noticed."""

from __future__ import annotations

import contextlib
import weakref

import numpy as np
import pytest

import gradviz as gv
from gradviz.player.training.page import training_page

pytestmark = pytest.mark.torch


def batches(torch, step):
    """The last batch of each epoch is smaller, and data and noise stand where those of the last step have stood."""
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.ReLU(inplace=True), torch.nn.Dropout(0.5), torch.nn.Linear(4, 2)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    data, noise = torch.empty(5, 3), torch.empty(5, 2)
    for epoch in range(6):
        few = 3 if epoch % 3 == 2 else 5
        out = model(data.normal_()[:few]) + noise.normal_()[:few]
        noise.zero_()
        step(torch.nn.functional.cross_entropy(out, torch.arange(few) % 2), optimizer)


def layers(torch, step):
    """Which layers are computed is chosen by chance: steps part late, or go together again."""
    layers = torch.nn.ModuleList(torch.nn.Linear(3, 3) for _ in range(3))
    optimizer, x = torch.optim.Adam(layers.parameters(), lr=0.1), torch.randn(4, 3)
    for _ in range(8):
        hidden = layers[0](x)
        for layer in layers[1:]:
            if torch.rand(()) < 0.5:
                hidden = hidden + torch.cat([layer(hidden).tanh()[:, :2], torch.zeros(4, 1)], dim=1)
        step(hidden.square().mean(), optimizer)


def experts(torch, step):
    """Whom a row is sent to depends on the parameters; nobody has a name for one of them."""
    gate, each = torch.nn.Linear(3, 3), [torch.nn.Linear(3, 2) for _ in range(3)]
    optimizer = torch.optim.SGD([p for one in (gate, *each) for p in one.parameters()], lr=0.5)
    for _ in range(6):
        x = torch.randn(3, 3)
        weights, chosen = gate(x).softmax(-1).max(-1)
        out = torch.zeros(3, 2)
        for number, one in enumerate(each):
            rows = torch.where(chosen == number)[0]
            if len(rows):
                out = out.index_add(0, rows, weights[rows, None] * one(x[rows]))
        step((out - 1).square().mean(), optimizer)


def settings(torch, step):
    """Numbers that change from step to step; two losses of one graph; one more that is only looked at."""
    w = torch.randn(4, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for epoch in range(6):
        square = (w * (1 + epoch)).square()
        (square.sum() * 2).detach()
        if epoch % 2:
            step(square.clamp(max=1 + epoch // 3).sum(), optimizer)
        else:
            square.sum().backward(retain_graph=True)
            step(square.mean(), optimizer)


def adversaries(torch, step):
    """What the second loss needs was computed before the first's backward()."""
    made, judge = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    optimizers = torch.optim.Adam(judge.parameters(), lr=0.1), torch.optim.Adam(made.parameters(), lr=0.1)
    for _ in range(4):
        fake = made(torch.randn(4, 2))
        step(judge(fake.detach()).square().mean(), optimizers[0])
        step(judge(fake).sigmoid().mean(), optimizers[1])


LOOPS = [batches, layers, experts, settings, adversaries]


def recorded(torch, loop, *, watched=True):
    losses = []

    def step(loss, optimizer):
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    torch.manual_seed(0)
    with gv.record(progress=False) if watched else contextlib.nullcontext() as run:
        loop(torch, step)
    return run, losses


@pytest.fixture
def counted(torch, monkeypatch):
    """How many backward passes were known."""
    from gradviz.pytorch import following

    found = []

    class Counted(following.KnownPassed):
        def __init__(self, *args):
            found.append(self)
            super().__init__(*args)

    monkeypatch.setattr(following, "KnownPassed", Counted)
    return found


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_a_step_that_is_known_is_recorded_as_one_that_is_not(torch, monkeypatch, counted, loop):
    from gradviz.pytorch.repeated import Repeated

    run, losses = recorded(torch, loop)
    assert counted
    assert losses == recorded(torch, loop, watched=False)[1]
    monkeypatch.setattr(Repeated, "learn", lambda *args: None)
    count = len(counted)
    full, _ = recorded(torch, loop)
    assert len(counted) == count
    assert (run.notes, list(run.losses)) == (full.notes, list(full.losses))
    assert [one.name for one in run.parameters] == [one.name for one in full.parameters]
    for entry, other in zip(run.log.entries, full.log.entries, strict=True):
        assert entry.program == other.program
        assert sorted(entry.parameters) == sorted(other.parameters)
        for mine, its in zip(entry.numbers(), other.numbers(), strict=True):
            np.testing.assert_array_equal(mine, its)
        for number, part in entry.parameters.items():
            its = other.parameters[number]
            assert part.rule == its.rule
            for one, another in ((part.before, its.before), (part.gradient, its.gradient), (part.after, its.after)):
                np.testing.assert_array_equal(one, another)
        if entry.program is not None:
            again = run.log.programs[entry.program].loss(entry.numbers())
            assert again == pytest.approx(run.losses[entry.index], rel=1e-4, abs=1e-6)
    if loop is experts:
        assert training_page(run)


def test_an_operation_on_another_line_is_another_one(torch):
    w = torch.ones(2, requires_grad=True)
    with gv.record(progress=False) as run:
        for epoch in range(6):
            if epoch < 3:  # noqa: SIM108 - on one line they would be one
                loss = (w * 2).sum()
            else:
                loss = (w * 2).sum()
            loss.backward()
            w.grad = None
    assert len(run.log.programs) == 2


def test_a_checkpoint_that_goes_back_by_itself_is_no_step(torch):
    """The older kind runs backward() within backward()."""
    from torch.utils.checkpoint import checkpoint

    model = torch.nn.Linear(3, 3)
    optimizer, x = torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(4, 3, requires_grad=True)
    losses = []
    with gv.record(progress=False) as run:
        for _ in range(3):
            loss = checkpoint(lambda given: model(given).tanh(), x, use_reentrant=True).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert list(run.losses) == losses
    assert not any("shape" in note for note in run.notes)


def test_an_optimizer_that_steps_within_backward_is_named(torch):
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def step(leaf):
        optimizer.step()
        optimizer.zero_grad()

    w.register_post_accumulate_grad_hook(step)
    with gv.record(progress=False) as run:
        for _ in range(3):
            w.square().sum().backward()
    assert list(run.losses) == pytest.approx([3.0, 3 * 0.8**2, 3 * 0.64**2])
    assert any("while backward() still runs" in note for note in run.notes)


def test_a_page_whose_steps_cannot_be_computed_again_says_so(torch):
    """A gradient of a gradient goes through what the table has no formula for; nothing in it was too large."""
    from gradviz.training.analysis.onward import onward_of

    w, x = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    with gv.record(progress=False) as run:
        for _ in range(3):
            optimizer.zero_grad()
            (slope,) = torch.autograd.grad((w * x).tanh().sum(), x, create_graph=True)
            slope.square().sum().backward()
            optimizer.step()
    assert onward_of(run, ()).kind == "no graph"


def test_parameters_that_a_loop_makes_anew_are_not_kept(torch):
    w = torch.ones(500, requires_grad=True)
    old = []
    with gv.record(progress=False, budget=1):
        for _ in range(40):
            (w * 2).square().sum().backward()
            old.append(weakref.ref(w))
            w = (w - 0.01 * w.grad).detach().requires_grad_()
    assert sum(one() is not None for one in old) < 4
