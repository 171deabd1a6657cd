"""A loop is recorded as it is written, and every number of it is PyTorch's."""

from __future__ import annotations

import gc
import runpy
import warnings
import weakref
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.training.trainer import Trainer


def line(library, optimizer="SGD", **settings):
    """The seed's example: ten examples of three features, a linear layer, a loss and an optimiser."""
    random = np.random.default_rng(0)
    x, y = (library.tensor(random.standard_normal((10, count)).astype("f")) for count in (3, 2))
    linear = library.nn.Linear(3, 2)
    with library.no_grad():
        for parameter in linear.parameters():
            parameter.copy_(library.tensor(random.standard_normal(tuple(parameter.shape)).astype("f")))
    parameters = linear.parameters()
    return x, y, linear, library.nn.MSELoss(), getattr(library.optim, optimizer)(parameters, **settings)


def train(library, epochs, optimizer="SGD", each=lambda linear, loss: None, **settings):
    x, y, linear, criterion, optimizer = line(library, optimizer, **settings)
    for _ in range(epochs):
        pred = linear(x)
        loss = criterion(pred, y)
        loss.backward()
        each(linear, loss)
        optimizer.step()
        optimizer.zero_grad()


def by_torch(torch, epochs, optimizer, **settings):
    """What PyTorch computes: loss, weights and gradients of every epoch."""
    seen = []
    train(
        torch,
        epochs,
        optimizer,
        lambda linear, loss: seen.append(
            (
                loss.item(),
                linear.weight.detach().numpy().copy(),
                linear.weight.grad.numpy().copy(),
                linear.bias.grad.numpy().copy(),
            )
        ),
        **settings,
    )
    return seen


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        ("SGD", {"lr": 0.01}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        ("Adam", {"lr": 0.05}),
        ("RMSprop", {"lr": 0.01}),
        ("Adagrad", {"lr": 0.1}),
    ],
)
def test_every_epoch_has_pytorchs_numbers(torch, optimizer, settings):
    with gv.record() as run:
        train(gv, 10, optimizer, **settings)
    expected = by_torch(torch, 10, optimizer, **settings)
    assert len(run) == run.epochs == len(run.steps) == 10
    weight, bias = run.parameters
    assert weight.shape == (2, 3)
    path = run.parameter(weight.name)
    for epoch, (loss, value, gradient, bias_gradient) in enumerate(expected):
        assert run.losses[epoch] == pytest.approx(loss, rel=1e-5)
        np.testing.assert_allclose(path.values[epoch], value, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(path.gradients[epoch], gradient, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(run.parameter(bias.name).gradients[epoch], bias_gradient, rtol=1e-4, atol=1e-6)
        step = run.steps[epoch]
        assert step.parameters[weight.name].rule.name == optimizer
        assert step.parameters[weight.name].rule.settings["lr"] == settings["lr"]
        assert step.parameters[weight.name].gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
    moved = np.linalg.norm(np.diff(path.values, axis=0).reshape(10, -1), axis=1)
    np.testing.assert_allclose(path.update_norms, moved, rtol=1e-5)


def test_one_step_of_the_seeds_second_example(torch):
    with gv.record() as run:
        x, y, linear, criterion, optimizer = line(gv, lr=0.01)
        loss = criterion(linear(x), y)
        loss.backward()
        optimizer.step()
        after = criterion(linear(x), y).item()
    (expected,) = by_torch(torch, 1, "SGD", lr=0.01)
    assert run.losses[0] == pytest.approx(expected[0], rel=1e-6)
    assert after < run.losses[0]
    np.testing.assert_allclose(run.parameter("linear.weight").gradients[0], expected[2], rtol=1e-5)


def test_what_the_optimiser_remembers_is_there(torch):
    with gv.record() as run:
        train(gv, 3, "Adam", lr=0.01)
    x, y, linear, criterion, adam = line(torch, "Adam", lr=0.01)
    for step in run.steps:
        criterion(linear(x), y).backward()
        adam.step()
        adam.zero_grad()
        state = adam.state[linear.bias]
        mine = step.parameters["linear.bias"].state
        assert mine["step"].data == (state["step"].item(),)
        np.testing.assert_allclose(mine["exp_avg"].data, state["exp_avg"].numpy(), rtol=1e-5)
        np.testing.assert_allclose(mine["exp_avg_sq"].data, state["exp_avg_sq"].numpy(), rtol=1e-5)


def test_updates_by_hand():
    w = gv.tensor(2.0, requires_grad=True)
    with gv.record() as run:
        for _ in range(3):
            loss = (w - 1.0) ** 2
            loss.backward()
            w.data -= 0.25 * w.grad
            w.grad.zero_()
    np.testing.assert_array_equal(run.parameter("w").values, np.array([2, 1.5, 1.25, 1.125], "f"))
    np.testing.assert_array_equal(run.parameter("w").gradients, np.array([2, 1, 0.5], "f"))
    assert run.steps[0].parameters["w"].rule.name == "by hand"
    assert run.notes == ()


def test_a_parameter_that_is_made_anew_in_each_step():
    w = gv.tensor(2.0, requires_grad=True)
    with gv.record() as run:
        for _ in range(3):
            loss = (w - 1.0) ** 2
            loss.backward()
            w = (w - 0.25 * w.grad).detach().requires_grad_()
    np.testing.assert_array_equal(run.parameter("w").values, np.array([2, 1.5, 1.25, 1.125], "f"))


def test_the_gradient_is_the_one_that_moved_the_parameter():
    """After clipping, and not as backward() left it."""
    x, y, linear, criterion, optimizer = line(gv, lr=0.1)
    with gv.record() as run:
        for _ in range(2):
            optimizer.zero_grad()
            criterion(linear(x), y).backward()
            gv.nn.utils.clip_grad_norm_(linear.parameters(), 0.1)
            optimizer.step()
    norms = [run.parameter(p.name).gradient_norms for p in run.parameters]
    np.testing.assert_allclose(np.hypot(*norms), 0.1, rtol=1e-4)


def test_a_schedule_changes_the_rule():
    x, y, linear, criterion, optimizer = line(gv, lr=1.0)
    scheduler = gv.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with gv.record() as run:
        for _ in range(3):
            optimizer.zero_grad()
            criterion(linear(x), y).backward()
            optimizer.step()
            scheduler.step()
    assert [step.parameters["linear.bias"].rule.settings["lr"] for step in run.steps] == [1.0, 0.5, 0.25]


def test_a_step_with_a_closure_is_one_step():
    x, y, linear, criterion, optimizer = line(gv, "LBFGS", lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = criterion(linear(x), y)
        loss.backward()
        return loss

    with gv.record() as run:
        for _ in range(3):
            optimizer.step(closure)
    assert len(run) == 3
    assert all(len(step.evaluations) > 1 for step in run.steps)
    assert run.steps[0].parameters["linear.weight"].rule.name == "LBFGS"
    assert run.losses[2] < run.losses[0]


def test_two_optimisers():
    x, y, linear, criterion, _ = line(gv, lr=0.1)
    first, second = gv.optim.SGD([linear.weight], lr=0.1), gv.optim.Adam([linear.bias], lr=0.2)
    with gv.record() as run:
        for _ in range(2):
            linear.zero_grad()
            criterion(linear(x), y).backward()
            first.step()
            second.step()
    parts = run.steps[1].parameters
    assert (parts["linear.weight"].rule.name, parts["linear.bias"].rule.name) == ("SGD", "Adam")
    assert (parts["linear.weight"].rule.settings["lr"], parts["linear.bias"].rule.settings["lr"]) == (0.1, 0.2)


def test_epochs_are_those_of_the_loop():
    x, y, linear, criterion, optimizer = line(gv, lr=0.1)
    with gv.record() as run:
        for epoch in range(3):  # noqa: B007 (that name is what counts the epochs)
            for start in (0, 5):
                optimizer.zero_grad()
                criterion(linear(x[start : start + 5]), y[start : start + 5]).backward()
                optimizer.step()
    assert list(run.epoch_of) == [0, 0, 1, 1, 2, 2]
    assert run.at(epoch=1).title.startswith("epoch 1, step 3")
    assert run.across == "step"


def test_epochs_where_only_their_number_is_known():
    with gv.record(epochs=2) as run:
        train(gv, 6, lr=0.1)
    assert list(run.epoch_of) == [0, 0, 0, 1, 1, 1]
    with gv.record(epochs=4) as run:
        train(gv, 6, lr=0.1)
    assert any("do not divide evenly" in note for note in run.notes)


def test_a_loop_over_gv_epochs():
    x, y, linear, criterion, optimizer = line(gv, lr=0.1)
    for epoch in (training := gv.epochs(5)):
        optimizer.zero_grad()
        criterion(linear(x), y).backward()
        optimizer.step()
        if epoch == 2:
            break
    assert len(training.run) == 3
    assert training.run.finished


# --- any step can be computed again -----------------------------------------------------------------------------------


def models():
    """Losses over one batch of data, each a function of an input and a target."""
    nn, F = gv.nn, gv.nn.functional
    mlp = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    norm = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 2))
    net = nn.Sequential(nn.Conv1d(1, 2, 2), nn.Sigmoid(), nn.Flatten(), nn.Linear(4, 2))
    lstm, head = nn.LSTM(3, 4), nn.Linear(4, 2)
    w = gv.randn(3, 2, requires_grad=True)
    return {
        "mse": (list(mlp.parameters()), lambda x, y: F.mse_loss(mlp(x), y)),
        "classes": (list(mlp.parameters()), lambda x, y: F.cross_entropy(mlp(x), (y[:, 0] > 0).long())),
        "norm": (list(norm.parameters()), lambda x, y: (norm(x) - y).abs().mean()),
        "conv": (list(net.parameters()), lambda x, y: F.smooth_l1_loss(net(x.unsqueeze(1)), y)),
        "lstm": ([*lstm.parameters(), *head.parameters()], lambda x, y: F.mse_loss(head(lstm(x)[0]), y)),
        "hand": ([w], lambda x, y: ((x @ w - y) ** 2).sum(0).max() + w[0].norm() + w.T[1, 1:].exp().sum()),
        "rows": ([w], lambda x, y: sum(((x[i] @ w - y[i]) ** 2).sum() for i in range(3)) / 3),
    }


@pytest.mark.parametrize("name", sorted(models()))
def test_a_step_computed_again_gives_what_it_gave(name):
    parameters, loss_of = models()[name]
    optimizer = gv.optim.Adam(parameters, lr=0.05)
    seen = []
    with gv.record() as run:
        for _ in range(4):
            x, y = gv.randn(5, 3), gv.randn(5, 2)
            optimizer.zero_grad()
            loss = loss_of(x, y)
            loss.backward()
            seen.append((loss.item(), [p.grad.numpy().copy() for p in parameters]))
            optimizer.step()
    assert len(run.log.programs) == 1
    for step, (loss, gradients) in enumerate(seen):
        entry = run.log.entries[step]
        assert run.log.programs[0].loss(entry.numbers()) == loss  # to the last bit
        moment = run.at(step=step).at()
        found = {
            t.name: moment.gradients[t.id].value for t in run.at(step=step).graph.tensors if t.id in moment.gradients
        }
        owners = [run.log.parameters[number].name for number in run.owners[0].values()]
        by_shape = sorted((found[name].shape, found[name].data) for name in owners)
        assert by_shape == sorted((g.shape, tuple(float(str(n)) for n in g.ravel())) for g in gradients)


FORMS = {
    "operator": lambda w: (w * 2 - w / 3) @ w,
    "index": lambda w: w[0] + w[1:].sum() + w[0, ...].exp(),
    "property": lambda w: w[:, None].T.sum() + w[:, None].mT.sum(),
    "function": lambda w: gv.relu(w).sum() + gv.nn.functional.softplus(w).sum(),
    "method": lambda w: w.exp().sum() + w.sum(0),
    "starred": lambda w: gv.add(*(w, w)).sum() + gv.mul(w, *[w]).sum(),
    "rows": lambda w: sum(row * row for row in w),
    "comprehension": lambda w: sum([row.exp() for row in w if row > 0]),
    "module": lambda w: gv.nn.Tanh()(w).sum(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_loop_is_one_program_however_python_runs_its_instructions(form):
    """Python runs an instruction differently once it has seen it often enough: what was written is still the same."""
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    with gv.record() as run:
        for epoch in range(40):
            assert run.log.epoch_of[epoch:] == []
            FORMS[form](w).backward()
            w.grad = None
    assert len(run.log.programs) == 1
    assert run.log.epoch_of == list(range(40))


@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    values=st.lists(st.floats(-3, 3, width=32), min_size=2, max_size=5),
    lr=st.sampled_from([0.5, 0.1, 0.003]),
)
def test_any_chain_of_operations_can_be_computed_again(data, values, lr):
    w = gv.tensor(values, requires_grad=True)
    chain = data.draw(st.lists(st.sampled_from(["sin", "tanh", "sigmoid", "exp", "abs"]), max_size=3))
    factor = data.draw(st.floats(-2, 2))
    with gv.record() as run:
        for _ in range(2):
            made = w * factor
            for name in chain:
                made = getattr(made, name)()
            loss = made.sum()
            w.grad = None
            loss.backward()
            w.data -= lr * w.grad
    for entry, loss in zip(run.log.entries, run.losses, strict=True):
        np.testing.assert_equal(run.log.programs[0].loss(entry.numbers()), loss)


def test_a_program_of_the_users_own_function_can_be_computed_again():
    class Twice(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.factor, None

    w = gv.tensor(3.0, requires_grad=True)
    with gv.record() as run:
        Twice.apply(w, 2).backward()
    assert run.at(step=0).at().values
    assert run.log.programs[0].loss(run.log.entries[0].numbers()) == 6


def test_pictures_of_an_epoch_have_the_loops_names_and_numbers(tmp_path):
    x, y, linear, criterion, optimizer = line(gv, lr=0.01)
    with gv.record() as run:
        for epoch in range(3):  # noqa: B007
            pred = linear(x)
            loss = criterion(pred, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    recording = run.at(epoch=1)
    assert recording.title == "epoch 1: loss = mse(pred, y)"
    names = {tensor.name for tensor in recording.graph.tensors if tensor.named}
    assert names == {"linear.weight", "linear.bias", "x", "y", "pred", "loss"}
    loss_id = next(tensor.id for tensor in recording.graph.tensors if tensor.name == "loss")
    assert recording.at().values[loss_id].data[0] == pytest.approx(run.losses[1])
    assert len(gv.draw(recording).to_svg()) > 1000
    assert run.save(tmp_path / "run.svg", epoch=1).read_text(encoding="utf-8").startswith("<")


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_forgotten_zero_grad_is_noticed():
    x, y, linear, criterion, optimizer = line(gv, lr=0.01)
    with gv.record() as run:
        for _ in range(3):
            criterion(linear(x), y).backward()
            optimizer.step()
    assert any(note.startswith("gradients are accumulating") for note in run.notes)
    # The picture says what was there before.
    last = run.at(step=2).at()
    assert any(gradient.before is not None for gradient in last.gradients.values())


def test_several_backwards_before_a_step_are_meant():
    x, y, linear, criterion, optimizer = line(gv, lr=0.01)
    with gv.record() as run:
        for _ in range(2):
            optimizer.zero_grad()
            for start in (0, 5):
                criterion(linear(x[start : start + 5]), y[start : start + 5]).backward()
            optimizer.step()
    assert run.notes == ()
    assert len(run) == 4


def test_a_run_that_diverges_is_kept_and_says_so():
    w = gv.tensor(1.0, requires_grad=True)
    with gv.record() as run:
        for _ in range(90):
            w.grad = None
            (w**4).backward()
            w.data -= 1e3 * w.grad
    assert any(note.startswith("diverged") for note in run.notes)
    assert len(run) == 90
    assert not np.isfinite(run.losses[-1])
    assert "inf" in repr(run) or "nan" in repr(run)


@pytest.mark.parametrize("error", [ValueError("the data is gone"), KeyboardInterrupt()])
def test_an_error_leaves_what_happened(error):
    w = gv.tensor(2.0, requires_grad=True)
    with pytest.raises(type(error)), gv.record() as run:  # noqa: PT012
        for epoch in range(5):
            w.grad = None
            loss = (w - 1.0) ** 2
            loss.backward()
            w.data -= 0.25 * w.grad
            if epoch == 2:
                raise error
    assert len(run) == len(run.steps) == 3
    np.testing.assert_array_equal(run.parameter("w").values, np.array([2, 1.5, 1.25, 1.125], "f"))
    assert any(note.startswith(f"stopped by {type(error).__name__} in epoch 2") for note in run.notes)
    assert run.finished


def test_a_loop_in_which_nothing_is_recorded():
    with (
        pytest.warns(UserWarning, match=r"nothing was recorded: loss\.backward\(\) was not called"),
        gv.record() as run,
    ):
        pass
    assert "nothing recorded" in repr(run)
    with pytest.raises(IndexError, match="nothing was recorded"):
        run.at(epoch=0)
    with pytest.raises(KeyError, match="there is no parameter called 'w'"):
        run.parameter("w")


def test_a_parameter_that_changes_its_shape():
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    with gv.record() as run:
        for size in (2, 2, 3):
            if size == 3:
                w = gv.tensor([1.0, 2.0, 3.0], requires_grad=True)
            w.grad = None
            (w**2).sum().backward()
            w.data -= 0.1 * w.grad
    assert [parameter.shape for parameter in run.parameters] == [(2,), (3,)]
    assert any("w changed its shape from (2,) to (3,)" in note for note in run.notes)


def test_a_graph_that_grows_is_bounded():
    w = gv.tensor(1.0, requires_grad=True)
    total = gv.tensor(0.0)
    with gv.record() as run:
        for _ in range(40):
            w.grad = None
            total = total + (w - 1.5) ** 2
            total.backward(retain_graph=True)
    assert len(run) == 40
    assert len(run.log.programs) <= 32
    assert any("different graphs" in note for note in run.notes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, but got 0"),
        ({"epochs": 2.5}, "epochs must be a whole number"),
        ({"budget": 0}, "budget is in bytes and must be positive"),
    ],
)
def test_settings_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        gv.record(**arguments)


def test_a_recording_is_made_once():
    recorder = gv.record()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with recorder:
            pass
    with pytest.raises(RuntimeError, match=r"call gv\.record\(\) again"), recorder:
        pass


def test_what_other_threads_train_is_not_part_of_it():
    from concurrent.futures import ThreadPoolExecutor

    def train(start):
        w = gv.tensor(start, requires_grad=True)
        optimizer = gv.optim.SGD([w], lr=0.1)
        with gv.record(progress=False) as run:
            for _epoch in range(200):
                optimizer.zero_grad()
                (w**2).backward()
                optimizer.step()
        return run

    starts = [1.0, 2.0, 3.0, 4.0]
    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(train, starts))
    for start, run in zip(starts, runs, strict=True):
        assert run.losses.tolist() == train(start).losses.tolist()


def test_after_a_recording_nothing_is_watched_and_nothing_is_held():
    from gradviz.engine import backward
    from gradviz.optim import optimizer as optimizers

    x, y, linear, criterion, optimizer = line(gv, lr=0.1)
    nodes = []
    with gv.record() as run:
        for _ in range(3):
            loss = criterion(linear(x), y)
            nodes.append(weakref.ref(loss.grad_fn))
            loss.backward()
            optimizer.step()
        gc.collect()
        assert [node() is None for node in nodes[:2]] == [True, True]  # while the recording was on
    assert backward.watchers == []
    assert optimizers.watchers == []
    model = weakref.ref(linear)
    del linear, optimizer, loss
    gc.collect()
    assert model() is None
    assert len(run) == 3


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_over_the_budget_steps_are_thinned_evenly_and_every_loss_is_kept():
    with gv.record(budget=100_000) as run:
        train(gv, 500, lr=0.01)
    assert len(run.losses) == 500
    kept = run.kept
    assert 20 < len(kept) < 250
    assert set(np.diff(kept[:-1])) == {run.log.stride}
    assert kept[0] == 0
    assert kept[-1] == 499
    assert any(note.startswith("thinned: of 500 steps every") for note in run.notes)
    assert run.log.used + run.log.whole_used <= 100_000
    for step in run.steps:
        assert run.losses[step.index] == step.loss


def test_large_parameters_are_kept_as_statistics_with_a_picture():
    model = gv.nn.Linear(100, 60)
    x, y = gv.randn(4, 100), gv.randn(4, 60)
    optimizer = gv.optim.SGD(model.parameters(), lr=0.1)
    weights = []
    with gv.record(budget=300_000) as run:
        for _ in range(20):
            optimizer.zero_grad()
            gv.nn.functional.mse_loss(model(x), y).backward()
            weights.append((model.weight.detach().numpy().copy(), model.weight.grad.numpy().copy()))
            optimizer.step()
    assert run.log.used + run.log.whole_used <= 300_000
    assert any(note.startswith("large tensors are kept in full for every") for note in run.notes)
    for step, (weight, gradient) in zip(run.steps, weights, strict=True):
        part = step.parameters["model.weight"]
        for value, array in ((part.before, weight), (part.gradient, gradient)):
            assert value.data is None
            assert value.shape == (60, 100)
            assert value.summary.mean == pytest.approx(array.mean(), abs=1e-6)
            assert value.summary.sd == pytest.approx(array.std(), rel=1e-4)
            assert (value.summary.min, value.summary.max) == (array.min(), array.max())
        assert part.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    with pytest.raises(ValueError, match="are not kept in full: it has 6,000 entries"):
        _ = run.parameter("model.weight").values
    again = run.at(epoch=7)
    assert "epoch" in again.title


# --- out of it ------------------------------------------------------------------------------------------------------


def test_plain_arrays_and_a_table():
    pandas = pytest.importorskip("pandas", reason="to_pandas() is tested where pandas is installed: pip install pandas")
    with gv.record() as run:
        train(gv, 4, lr=0.1)
    columns = run.to_dict()
    assert columns["loss"].shape == (4,)
    assert columns["linear.weight"].shape == columns["linear.weight.grad"].shape == (4, 2, 3)
    table = run.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert list(table.index) == [0, 1, 2, 3]
    assert table["linear.weight[1, 2]"].iloc[3] == columns["linear.weight"][3, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "say either which epoch or which step"),
        ({"epoch": 1, "step": 1}, "say either which epoch or which step"),
    ],
)
def test_at_needs_one_of_both(arguments, message):
    with gv.record() as run:
        train(gv, 2, lr=0.1)
    with pytest.raises(TypeError, match=message):
        run.at(**arguments)
    with pytest.raises(IndexError, match="epoch 7 is not in this run: it has epochs 0 to 1"):
        run.at(epoch=7)


def test_saving_under_another_ending():
    with gv.record() as run:
        train(gv, 2, lr=0.1)
    with pytest.raises(ValueError, match=r"cannot save a run as 'run\.txt'"):
        run.save("run.txt")


# --- a loop that goes on when it is told to --------------------------------------------------------------------------


def trainer(epochs=10, **settings):
    w = gv.tensor([2.0, -1.0], requires_grad=True)
    return w, Trainer(lambda: ((w - 1.0) ** 2).sum(), gv.optim.SGD([w], **{"lr": 0.1, **settings}), epochs)


def test_training_on(torch):
    w, live = trainer(momentum=0.5)
    live.train(3)
    live.set(lr=0.2, momentum=0.0)
    live.train()
    assert live.done == len(live.run) == 10
    rates = [step.parameters["w"].rule.settings["lr"] for step in live.run.steps]
    assert rates == [0.1] * 3 + [0.2] * 7
    other = torch.tensor([2.0, -1.0], requires_grad=True)
    sgd = torch.optim.SGD([other], lr=0.1, momentum=0.5)
    for epoch in range(10):
        if epoch == 3:
            sgd.param_groups[0].update(lr=0.2, momentum=0.0)
        sgd.zero_grad()
        loss = ((other - 1.0) ** 2).sum()
        assert live.run.losses[epoch] == pytest.approx(loss.item(), rel=1e-4, abs=1e-12)
        loss.backward()
        sgd.step()
    np.testing.assert_allclose(w.numpy(force=True), other.detach().numpy(), rtol=1e-4)


def test_starting_again_gives_the_same_run():
    x = gv.randn(8, 3)
    model = gv.nn.Sequential(gv.nn.Linear(3, 4), gv.nn.Dropout(0.5), gv.nn.Linear(4, 1))
    live = Trainer(lambda: model(x).pow(2).mean(), gv.optim.Adam(model.parameters(), lr=0.1), 5)
    live.train()
    first = live.run
    live.reset()
    assert live.done == 0
    live.train()
    assert live.run is not first
    np.testing.assert_array_equal(live.run.losses, first.losses)


def test_a_closure_may_do_it_all_itself():
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (w - 1.0) ** 2
        loss.backward()
        return loss

    live = Trainer(closure, optimizer, 3)
    live.train()
    np.testing.assert_array_equal(live.run.losses, [1, 0.25, 0.0625])
    assert live.run.notes == ()
    assert live.run.title == "loss = (w − 1)²"


@pytest.mark.parametrize(
    ("closure", "message"),
    [
        (lambda w: None, "the closure returned nothing; it must return the loss"),
        (lambda w: 3.0, "the closure returned float; it must return the loss"),
        (lambda w: w * 2, "grad can be implicitly created only for scalar outputs"),
        (lambda w: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda w: (w * float("nan")).sum(), "The loss is nan in epoch 0: training has diverged"),
    ],
)
def test_a_closure_that_does_not_work_stops_with_its_message(closure, message):
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    live = Trainer(lambda: closure(w), gv.optim.SGD([w], lr=0.1), 5)
    live.train()
    assert message in live.message
    assert live.done <= 1


def test_a_closure_that_steps_itself_is_told_not_to():
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1)

    def step():
        optimizer.zero_grad()
        loss = (w - 1.0) ** 2
        loss.backward()
        optimizer.step()
        return loss

    live = Trainer(step, optimizer, 5)
    live.train(2)
    assert "the closure calls optimizer.step(); leave that to gv.train" in live.message
    assert live.message.endswith(f"(line {step.__code__.co_firstlineno + 4} in step)")
    assert (live.done, len(live.run), w.item()) == (0, 0, 2.0)


def test_a_closure_may_step_another_optimizer():
    w, v = (gv.tensor(2.0, requires_grad=True) for _ in range(2))
    other = gv.optim.SGD([v], lr=0.1)

    def closure():
        other.zero_grad()
        (v**2).backward()
        other.step()
        optimizer.zero_grad()
        loss = (w - 1.0) ** 2
        loss.backward()
        return loss

    optimizer = gv.optim.SGD([w], lr=0.25)
    live = Trainer(closure, optimizer, 3)
    live.train()
    assert live.message == ""
    assert v.item() == pytest.approx(2 * 0.8**3)
    assert w.item() == 1.125
    assert live.done == live.run.epochs == 3
    assert live.run.losses[1::2].tolist() == [1.0, 0.25, 0.0625]


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_an_epoch_that_fails_after_its_backward_is_made_once_more(kind):
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.25)
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = (w - 1.0) ** 2
        loss.backward()
        calls.append(w.item())
        if len(calls) == 2:
            raise kind("coffee")
        return loss

    live = Trainer(closure, optimizer, 3)
    with suppress(KeyboardInterrupt):
        live.train()
    assert (live.done, live.run.losses.tolist()) == (1, [1.0])
    live.train()
    np.testing.assert_array_equal(live.run.losses, [1, 0.25, 0.0625])
    np.testing.assert_array_equal(live.run.parameter("w").values, [2, 1.5, 1.25, 1.125])
    assert (live.done, live.message, live.run.across) == (3, "", "epoch")


def test_starting_again_resets_the_buffers_too():
    x = gv.randn(8, 3)
    nets = {"one": gv.nn.Sequential(gv.nn.Linear(3, 4), gv.nn.BatchNorm1d(4))}

    def loss_of():
        return nets["one"](x).pow(2).mean()

    live = Trainer(lambda: loss_of(), gv.optim.SGD(nets["one"].parameters(), lr=0.1), 5)
    before = {name: value.clone() for name, value in nets["one"].state_dict().items()}
    live.train()
    assert nets["one"][1].num_batches_tracked == 5
    live.reset()
    for name, value in nets["one"].state_dict().items():
        assert gv.equal(value, before[name]), name


def test_the_buffers_of_a_method_are_found():
    class Task:
        def __init__(self):
            self.net = gv.nn.BatchNorm1d(2)

        def loss(self):
            return (self.net(gv.ones(3, 2)) - 1).pow(2).mean()

    task = Task()
    live = Trainer(task.loss, gv.optim.SGD(task.net.parameters(), lr=0.1), 2)
    live.train()
    live.reset()
    assert task.net.num_batches_tracked == 0


@pytest.mark.parametrize("epochs", [-1, 0, "3", 2.0, True])
def test_training_on_by_what_is_no_count_of_epochs(epochs):
    _, live = trainer()
    with pytest.raises(ValueError, match=f"epochs must be a whole number of at least 1, but got {epochs!r}"):
        live.train(epochs)
    live.train(np.int64(2))
    assert live.done == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr": True}, "lr must be a number that is not negative, but got True"),
        ({"lr": "0.1"}, "lr must be a number"),
        ({"lr": float("nan")}, "lr must be a number"),
        ({"momentum": 2.0}, "momentum must be at most 1"),
        ({"lr": 0.3, "momentum": -1}, "momentum must be a number that is not negative"),
    ],
)
def test_settings_that_make_no_sense_change_nothing(settings, words):
    _, live = trainer(momentum=0.5)
    with pytest.raises(ValueError, match=words):
        live.set(**settings)
    assert (live.setting("lr"), live.setting("momentum")) == (0.1, 0.5)
    live.set(lr=np.float32(0.5), momentum=1)
    assert (live.setting("lr"), live.setting("momentum")) == (0.5, 1.0)


@pytest.mark.parametrize("folder", ["gradviz", "a/gradviz/b"])
def test_the_line_of_an_error_is_told_in_a_folder_called_gradviz_too(tmp_path, folder):
    path = tmp_path / folder / "script.py"
    path.parent.mkdir(parents=True)
    path.write_text("def closure():\n    return 1 / 0\n")
    scope = runpy.run_path(str(path))
    w, _ = trainer()
    live = Trainer(scope["closure"], gv.optim.SGD([w], lr=0.1), 1)
    live.train()
    assert live.message == "Epoch 0 was stopped by ZeroDivisionError: division by zero  (line 2 in closure)"


def test_an_interrupt_keeps_what_was_trained_and_is_said_by_the_player():
    w = gv.tensor(2.0, requires_grad=True)
    asked = []

    def closure():
        asked.append(w.item())
        if len(asked) == 3:
            raise KeyboardInterrupt
        return (w - 1) ** 2

    player = gv.train(closure, gv.optim.SGD([w], lr=0.1), epochs=10)
    player._heard(None, {"do": "run", "epochs": None}, None)
    assert player.live["message"].startswith("Interrupted")
    assert len(player.run) == 2
    player._heard(None, {"do": "run", "epochs": 1}, None)
    assert player.live["message"] == ""
    assert len(player.run) == 3


def test_the_same_entry_for_both_axes_gives_a_curve():
    w = gv.tensor([2.0, 1.0], requires_grad=True)
    player = gv.train(lambda: (w**2).sum(), gv.optim.SGD([w], lr=0.1), epochs=3)
    player.train()
    sent = []
    player.send = sent.append
    player._heard(None, {"ask": "surface", "first": "w[0]", "second": "w[0]"}, None)
    assert sent[0]["surface"]["names"] == ["w[0]"]
    player._heard(None, {"ask": "surface", "first": "w[9]", "second": "w[0]"}, None)
    assert sent[1]["told"] == "failed"
    assert "out of range" in sent[1]["message"]


def test_what_a_trainer_needs():
    w, live = trainer()
    with pytest.raises(TypeError, match="closure must be a function"):
        Trainer(3, live.optimizer)
    with pytest.raises(TypeError, match=r"optimizer must be one of gradviz\.optim or torch\.optim, but got float"):
        Trainer(lambda: w.sum(), 0.1)
    with pytest.raises(ValueError, match="lr must be a number that is not negative, but got -1"):
        live.set(lr=-1)
    with pytest.raises(ValueError, match="Adam has no momentum"):
        Trainer(lambda: w.sum(), gv.optim.Adam([w])).set(momentum=0.5)


def test_a_graph_computed_again_has_the_names_it_had_whoever_asks_for_it():
    model = gv.nn.Linear(1, 1)
    optimizer = gv.optim.SGD(model.parameters(), lr=0.1)
    x = gv.linspace(-1, 1, 4).reshape(-1, 1)
    with gv.record() as run:
        for _epoch in range(2):
            optimizer.zero_grad()
            loss = ((model(x) - 2 * x) ** 2).mean()
            loss.backward()
            optimizer.step()
    names = [tensor.name for tensor in run.log.programs[0].graph.tensors]

    def ask(epoch):  # as a widget's message handler does, in which other variables stand
        made = run.at(epoch).graph
        return [tensor.name for tensor in made.tensors]

    elsewhere = {"ask": ask}
    exec("told = (lambda value, kwargs: ask(value))(1, 2)", elsewhere)
    assert ask(0) == elsewhere["told"] == names
    assert "loss" in names
