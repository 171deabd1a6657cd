"""Loops of real PyTorch, recorded as they are written: what is recorded is as with gradviz, and nothing is changed or left behind."""

import gc
import sys
import threading
import weakref
from contextlib import nullcontext

import numpy as np
import pytest

import gradviz as gv
from gradviz.training.analysis.rules import lines_of


def line(lib, optimizer, record=gv.record, epochs=4, **settings):
    """Fit a line, with the same numbers on both engines."""
    x = lib.tensor([[1.0], [2.0], [3.0], [4.0]])
    y = 2 * x + 1
    w, b = lib.tensor([[0.5]], requires_grad=True), lib.tensor([0.25], requires_grad=True)
    moving = getattr(lib.optim, optimizer)([w, b], **settings)
    with record() as run:
        for epoch in range(epochs):  # noqa: B007  # the variable is what counts

            def closure():
                moving.zero_grad()
                loss = ((x @ w + b - y) ** 2).mean()
                loss.backward()
                return loss

            if optimizer == "LBFGS":
                moving.step(closure)
            else:
                closure()
                moving.step()
    return run


def same(mine, theirs, rtol=2e-4):
    """Hold two runs against each other."""
    np.testing.assert_allclose(theirs.losses, mine.losses, rtol=rtol, atol=1e-6)
    assert theirs.title == mine.title
    assert theirs.parameters == mine.parameters
    assert list(theirs.epoch_of) == list(mine.epoch_of)
    assert theirs.notes == mine.notes
    for own, other in zip(mine.steps, theirs.steps, strict=True):
        np.testing.assert_allclose(other.evaluations, own.evaluations, rtol=rtol, atol=1e-5)
        for name, part in own.parameters.items():
            beside = other.parameters[name]
            assert beside.rule.name == part.rule.name
            assert lines_of(beside.rule) == lines_of(part.rule)
            assert set(part.state) <= set(beside.state)
            for value in ("before", "after", "gradient"):
                one, two = getattr(part, value), getattr(beside, value)
                np.testing.assert_allclose(two.data, one.data, rtol=rtol, atol=2e-3 if value == "gradient" else 1e-5)


OPTIMIZERS = {
    "SGD": {"lr": 0.05},
    "SGD with momentum": {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "Adam": {"lr": 0.1, "amsgrad": True},
    "AdamW": {"lr": 0.1, "fused": True},
    "RMSprop": {"lr": 0.05, "centered": True, "momentum": 0.5},
    "Adagrad": {"lr": 0.3, "foreach": True},
    "Adadelta": {"lr": 1.0},
    "Adamax": {"lr": 0.1},
    "NAdam": {"lr": 0.1},
    "RAdam": {"lr": 0.1},
    "Rprop": {"lr": 0.1},
    "ASGD": {"lr": 0.05},
    "LBFGS": {"lr": 0.5, "max_iter": 3},
}


@pytest.mark.parametrize("which", OPTIMIZERS)
def test_a_run_is_the_engines_own(torch, which):
    name, settings = which.partition(" ")[0], OPTIMIZERS[which]
    theirs = line(torch, name, **settings)
    mine = line(gv, name, **settings)
    same(mine, theirs)
    assert theirs.log.programs[0].graph.tensors == mine.log.programs[0].graph.tensors
    assert theirs.at(step=2).title == mine.at(step=2).title


def network(torch, record, optimizer, *, epochs=2, failing=False):
    """Train a small network as a tutorial would: batches, clipping, a scheduler, dropout; and look at the accuracy."""
    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.randn(32, 6), torch.randint(0, 3, (32,)))
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(8, 3)
    )
    moving = optimizer(net.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(moving, 1, 0.5)
    losses = []
    with record() as run:
        for epoch in range(epochs):
            for x, y in loader:
                moving.zero_grad()
                out = net(x)
                loss = torch.nn.functional.cross_entropy(out, y)
                right = (out.argmax(1) == y).float().mean()  # noqa: F841
                loss.backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
                moving.step()
                losses.append(loss.item())
                if failing and epoch:
                    raise RuntimeError("as loops do")
            scheduler.step()
    state = [tensor.clone() for tensor in net.state_dict().values()]
    return run, losses, state, torch.get_rng_state()


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda torch, p: torch.optim.AdamW(p, lr=0.01, fused=True),
        lambda torch, p: torch.optim.RMSprop(p, lr=0.01, foreach=True),
    ],
    ids=["plain", "fused", "foreach"],
)
def test_recording_changes_no_bit(torch, optimizer):
    run, losses, state, random = network(torch, gv.record, lambda p: optimizer(torch, p))
    _, plain, beside, after = network(torch, nullcontext, lambda p: optimizer(torch, p))
    assert losses == plain
    assert all(torch.equal(one, two) for one, two in zip(state, beside, strict=True))
    assert torch.equal(random, after)
    np.testing.assert_array_equal(run.losses, losses)
    assert len(run.log.programs) == 1  # the first step's plan is used again
    assert [parameter.name for parameter in run.parameters][:2] == ["net.0.weight", "net.0.bias"]
    assert run.at(step=5).title == "epoch 1, step 5: loss = cross_entropy(out, y)"
    for entry in run.log.entries:
        assert run.log.programs[0].loss(entry.numbers()) == pytest.approx(losses[entry.index], rel=1e-5)
    rates = [next(iter(step.parameters.values())).rule.settings["lr"] for step in run.steps]
    assert rates[0] == 2 * rates[-1]


def left(torch):
    from torch.optim import optimizer
    from torch.utils._python_dispatch import _get_current_dispatch_mode

    hooks = torch.nn.modules.module
    return (
        torch.autograd.backward,
        torch.amp.GradScaler.scale,
        torch.compile,
        dict(optimizer._global_optimizer_pre_hooks),
        dict(optimizer._global_optimizer_post_hooks),
        dict(hooks._global_forward_hooks),
        dict(hooks._global_forward_pre_hooks),
        _get_current_dispatch_mode(),
    )


def test_nothing_is_left_behind(torch):
    before = left(torch)
    network(torch, gv.record, lambda p: torch.optim.Adam(p))
    assert left(torch) == before
    with pytest.raises(RuntimeError, match="as loops do"):
        network(torch, gv.record, lambda p: torch.optim.Adam(p), failing=True)
    assert left(torch) == before
    net = torch.nn.Linear(2, 1)
    weak = weakref.ref(net)
    with gv.record() as run:
        loss = net(torch.ones(3, 2)).sum()
        loss.backward()
    assert left(torch) == before
    del net, loss
    gc.collect()
    assert weak() is None
    assert len(run) == 1


def test_an_optimizer_that_fails_ends_no_recording(torch):
    before = left(torch)
    w = torch.tensor(2.0, requires_grad=True)

    class Failing(torch.optim.SGD):
        def step(self, closure=None):
            raise ValueError("no step today")

    failing, good = Failing([w], lr=0.1), torch.optim.SGD([w], lr=0.25)
    with gv.record() as run:
        for epoch in range(3):  # noqa: B007
            good.zero_grad()
            loss = (w - 1) ** 2
            loss.backward()
            with pytest.raises(ValueError, match="no step today"):
                failing.step()
            good.step()
    assert left(torch) == before
    np.testing.assert_allclose(run.losses, [1.0, 0.25, 0.0625])
    with pytest.raises(ValueError, match="no step today"), gv.record():
        failing.step()
    assert left(torch) == before


def test_by_hand_and_anew(torch):
    def loop(lib, anew):
        x = lib.tensor([-1.0, 0.5, 2.0])
        w = lib.tensor(0.5, requires_grad=True)
        with gv.record() as run:
            for epoch in range(4):  # noqa: B007
                loss = ((w * x - 3 * x) ** 2).mean()
                loss.backward()
                if anew:
                    w = (w - 0.1 * w.grad).detach().requires_grad_()
                else:
                    with lib.no_grad():
                        w -= 0.1 * w.grad
                    w.grad.zero_()
        return run

    for anew in (False, True):
        same(loop(gv, anew), loop(torch, anew))


def test_accumulation_and_several_losses(torch):
    def loop(lib):
        x = lib.tensor([[1.0, 2.0], [3.0, -1.0]])
        w, v = lib.tensor([0.5, 1.0], requires_grad=True), lib.tensor([1.0], requires_grad=True)
        one, two = lib.optim.SGD([w], lr=0.05), lib.optim.Adam([v], lr=0.1)
        with gv.record() as run:
            for epoch in range(3):  # noqa: B007
                one.zero_grad()
                for row in range(2):
                    loss = (x[row] * w).sum() ** 2 / 2
                    loss.backward()
                one.step()
                two.zero_grad()
                other = (v * w.detach()).sum() ** 2
                other.backward()
                two.step()
        return run

    mine, theirs = loop(gv), loop(torch)
    same(mine, theirs)
    assert theirs.losses_by_name.keys() == mine.losses_by_name.keys() == {"loss", "other"}


def test_a_graph_is_kept_over_another_backward_pass(torch):
    """As in a GAN: what the second loss needs was computed before the first's backward()."""
    torch.manual_seed(0)
    made, judge = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    with gv.record() as run:
        for epoch in range(3):
            fake = made(torch.ones(4, 2) * epoch)
            apart = judge(fake.detach()).square().mean()
            apart.backward()
            together = judge(fake).sigmoid().mean()
            together.backward()
    assert run.notes == ()
    assert len(run.log.programs) == 2
    for entry in run.log.entries:
        found = run.log.programs[entry.program].loss(entry.numbers())
        assert found == pytest.approx(run.losses[entry.index], rel=1e-5)


def convolutions(torch):
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1),
        torch.nn.GELU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(27, 3),
    )
    return net, torch.randn(4, 1, 6, 6)


def attention(torch):
    layer = torch.nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
    return torch.nn.Sequential(layer, torch.nn.Flatten(), torch.nn.Linear(24, 3)), torch.randn(4, 3, 8)


def recurrence(torch):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = torch.nn.GRU(2, 4, batch_first=True), torch.nn.Linear(4, 3)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    return Net(), torch.randn(4, 3, 2)


@pytest.mark.parametrize("made", [convolutions, attention, recurrence])
def test_models_are_computed_again(torch, made, tmp_path):
    torch.manual_seed(0)
    net, x = made(torch)
    y = torch.randint(0, 3, (4,))
    moving = torch.optim.Adam(net.parameters(), lr=0.01)
    with gv.record() as run:
        for epoch in range(3):  # noqa: B007
            moving.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            moving.step()
    assert run.notes == ()
    run.save(tmp_path / "run.zip")
    again = gv.load(tmp_path / "run.zip")
    assert len(again.log.programs) == 1
    for entry in again.log.entries:
        found = again.log.programs[0].loss(entry.numbers())
        assert found == pytest.approx(run.losses[entry.index], rel=1e-5)


def test_a_number_may_be_another_one_in_each_step(torch):
    w = torch.tensor(2.0, requires_grad=True)
    with gv.record() as run:
        for epoch in range(4):
            loss = (w - 1) ** 2 * (0.5**epoch) + 3 / w
            loss.backward()
    assert len(run.log.programs) == 1
    for entry in run.log.entries:
        assert run.log.programs[0].loss(entry.numbers()) == pytest.approx(run.losses[entry.index])


def test_a_scaler_is_named(torch):
    w = torch.tensor(2.0, requires_grad=True)
    moving, scaler = torch.optim.SGD([w], lr=0.25), torch.amp.GradScaler(device="cpu")
    with gv.record() as run:
        for epoch in range(3):  # noqa: B007
            moving.zero_grad()
            loss = (w - 1) ** 2
            scaler.scale(loss).backward()
            scaler.step(moving)
            scaler.update()
    assert "a GradScaler is at work" in run.notes[0]
    np.testing.assert_allclose(run.losses, [1.0, 0.25, 0.0625])
    np.testing.assert_allclose(run.parameter("w").gradients, [2.0, 1.0, 0.5])
    assert run.at(step=1).title == "epoch 1: loss = (w − 1)²"


def test_what_cannot_be_computed_again_is_said_by_name(torch, tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)
    moving = torch.optim.SGD(net.parameters(), lr=0.1)

    def loop(compute):
        with gv.record() as run:
            for epoch in range(3):  # noqa: B007
                moving.zero_grad()
                loss = compute()
                loss.backward()
                moving.step()
        return run

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    run = loop(lambda: Own.apply(net(torch.ones(2, 3))).square().mean())
    assert "no formula for Own" in run.notes[0]
    assert len(run.losses) == len(run.steps) == 3
    assert next(iter(run.steps[0].parameters.values())).rule.name == "SGD"
    run.save(tmp_path / "run.html")
    run.save(tmp_path / "run.zip")
    assert len(gv.load(tmp_path / "run.zip")) == 3

    def half():
        with torch.autocast("cpu", torch.bfloat16):
            return net(torch.ones(2, 3)).square().mean()

    run = loop(half)
    assert "NumPy has no bfloat16" in run.notes[0]
    assert next(iter(run.steps[1].parameters.values())).rule.name == "SGD"


def test_it_is_saved_shown_trained_and_compared(torch, tmp_path):
    run = line(torch, "Adam", lr=0.1)
    run.save(tmp_path / "run.html")
    run.save(tmp_path / "run.zip")
    again = gv.load(tmp_path / "run.zip")
    np.testing.assert_array_equal(again.losses, run.losses)
    assert again.at(step=1).graph == run.at(step=1).graph
    assert run.show() is not None
    both = gv.compare(run, line(gv, "Adam", lr=0.1))
    assert both is not None

    w = torch.tensor(2.0, requires_grad=True)
    moving = torch.optim.SGD([w], lr=0.25)
    from gradviz.training import Trainer

    trainer = Trainer(lambda: (w - 1.0) ** 2, moving, epochs=4)
    trainer.train(2)
    np.testing.assert_allclose(trainer.run.losses, [1.0, 0.25])
    trainer.set(lr=0.5)
    trainer.train()
    assert trainer.run.losses[-1] == 0
    trainer.reset()
    assert w.item() == 2.0
    trainer = Trainer(lambda: moving.step(), moving, epochs=2)
    trainer.train()
    assert "leave that to gv.train" in trainer.message
    assert "step" not in vars(moving)


def test_another_threads_backward_is_not_this_loops(torch):
    w = torch.tensor(2.0, requires_grad=True)

    def loop():
        with gv.record():
            thread = threading.Thread(target=lambda: (w**2).backward())
            thread.start()
            thread.join()

    with pytest.warns(UserWarning, match="another thread"):
        loop()


def test_pytorch_must_be_there_first(torch, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.warns(UserWarning, match="imported after it had begun"), gv.record():
        sys.modules["torch"] = torch


@pytest.mark.parametrize("kind", ["attention", "recurrence"])
def test_what_runs_in_one_go_can_be_recorded_step_by_step(torch, kind):
    def train(**settings):
        torch.manual_seed(0)
        x = torch.randn(2, 5, 4)
        model = (
            torch.nn.LSTM(4, 4, batch_first=True)
            if kind == "recurrence"
            else torch.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        with gv.record(progress=False, **settings) as run:
            for _ in range(3):
                made = model(x)
                loss = ((made[0] if kind == "recurrence" else made) ** 3).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return run

    whole, stepwise = train(), train(fused=False)
    assert "gv.record(fused=False)" in whole.notes[0]
    assert stepwise.notes == ()
    np.testing.assert_allclose(stepwise.losses, whole.losses, rtol=1e-4)
    recording = stepwise.at(2)
    assert recording.frames[-1].phase
    assert not [
        operation for operation in recording.graph.operations if operation.name.startswith(("mkldnn", "scaled"))
    ]
