"""Loops as people write them: what is recorded of each is what happened."""

from __future__ import annotations

import itertools
import signal
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradviz as gv
from gradviz.training.loop.epochs import EpochCounter
from gradviz.training.run.log import Large

F = gv.nn.functional


def kept_again(run, tmp_path):
    """A run, saved and loaded."""
    return gv.load(run.save(tmp_path / "run.zip"))


def model(width=1):
    gv.manual_seed(0)
    linear = gv.nn.Linear(2, width)
    return linear, gv.optim.SGD(linear.parameters(), lr=0.1), gv.randn(6, 2)


def step(linear, optimizer, x):
    optimizer.zero_grad()
    (linear(x) ** 2).mean().backward()
    optimizer.step()


# --- epochs ---------------------------------------------------------------------------------------------------------


def in_a_function(linear, optimizer, x, epochs):
    for epoch in range(epochs):  # noqa: B007
        for _ in range(3):
            step(linear, optimizer, x)


def test_epochs_are_found_in_the_function_that_trains():
    with gv.record() as run:
        in_a_function(*model(), 4)
    assert list(run.epoch_of) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("labels", [np.arange(3), range(1, 7, 2), [5, 4, 3]])
def test_an_epoch_is_what_has_one_number(labels):
    linear, optimizer, x = model()
    with gv.record() as run:
        for epoch in labels:  # noqa: B007
            for _ in range(2):
                step(linear, optimizer, x)
    assert list(run.epoch_of) == [0, 0, 1, 1, 2, 2]
    assert run.at(epoch=1).title.startswith("epoch 1, step 3")


def test_two_loops_in_one_recording(tmp_path):
    linear, optimizer, x = model()
    with gv.record() as run:
        for _ in range(2):
            for epoch in range(3):  # noqa: B007
                step(linear, optimizer, x)
    assert list(run.epoch_of) == [0, 1, 2, 3, 4, 5]
    assert list(kept_again(run, tmp_path).epoch_of) == [0, 1, 2, 3, 4, 5]


def test_a_variable_left_over_from_another_loop_counts_nothing():
    linear, optimizer, x = model()
    for epoch in range(5):  # noqa: B007 (it is left over)
        pass
    with gv.record() as run:
        for _ in range(3):
            step(linear, optimizer, x)
    assert list(run.epoch_of) == [0, 1, 2]
    with gv.record() as run:
        step(linear, optimizer, x)  # still the old one
        for epoch in range(2):  # noqa: B007
            step(linear, optimizer, x)
    assert list(run.epoch_of) == [0, 1, 2]


def test_the_number_left_over_may_be_the_first_ones():
    linear, optimizer, x = model()
    epoch = 0
    with gv.record() as run:
        for epoch in range(2):  # noqa: B007
            for _ in range(2):
                step(linear, optimizer, x)
    assert list(run.epoch_of) == [0, 0, 1, 1]


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=30), st.one_of(st.none(), st.integers(0, 3)))
def test_epochs_count_up_one_by_one(labels, stale):
    counter = EpochCounter(stale)
    for label in labels:
        assert counter.add(label) == counter.epoch_of[-1]
    assert counter.epoch_of[:1] in ([], [0])
    assert set(np.diff(counter.epoch_of)) <= {0, 1}
    for (a, first), (b, second) in itertools.pairwise(zip(labels, counter.epoch_of, strict=True)):
        if a != b:
            assert first < second
    if stale is None and None not in labels:
        assert (counter.epoch_of[-1] + 1 if labels else 0) == len(list(itertools.groupby(labels)))


@given(st.integers(0, 50), st.integers(1, 12))
def test_steps_are_shared_out(count, epochs):
    counter = EpochCounter()
    for _ in range(count):
        counter.add(None)
    even = counter.share_out(epochs)
    sizes = [len(list(group)) for _, group in itertools.groupby(counter.epoch_of)]
    assert sum(sizes) == count
    assert len(sizes) <= epochs
    assert even == (count <= epochs or count % epochs == 0)
    assert len(set(sizes[:-1])) <= 1


# --- several losses, several optimisers ---------------------------------------------------------------------------


def test_two_losses_before_one_step(tmp_path):
    a, b = gv.tensor(1.0, requires_grad=True), gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([a, b], lr=0.1)
    with gv.record() as run:
        for epoch in range(3):  # noqa: B007
            optimizer.zero_grad()
            ((a - 5) ** 2).backward()
            ((b - 7) ** 2).backward()
            optimizer.step()
    for name, target, start in (("a", 5, 1), ("b", 7, 2)):
        wanted = [start := np.float32(start - 0.2 * (start - target)) for _ in range(3)]
        np.testing.assert_allclose(run.parameter(name).values[1:], wanted, rtol=1e-6)
        parts = [step.parameters[name] for step in run.steps if name in step.parameters]
        assert [part.rule.name for part in parts] == ["SGD"] * 3
        np.testing.assert_allclose([part.update_norm for part in parts], np.abs(np.diff(run.parameter(name).values)))
    assert run.notes == ()
    assert list(kept_again(run, tmp_path).parameter("a").values) == list(run.parameter("a").values)


def test_rows_of_a_table_are_steps_also_where_a_parameter_took_no_part():
    a, b = gv.tensor(1.0, requires_grad=True), gv.tensor([2.0, 3.0], requires_grad=True)
    with gv.record() as run:
        for _ in range(2):
            (a**2).backward()
            (b**2).sum().backward()
    told = run.to_dict()
    assert {len(column) for column in told.values()} == {4}
    np.testing.assert_array_equal(told["a"], [1, np.nan, 1, np.nan])
    np.testing.assert_array_equal(told["b"], [[np.nan] * 2, [2, 3], [np.nan] * 2, [2, 3]])
    assert run.to_pandas().shape == (4, 2 + 4 + 6)


def test_a_parameter_with_the_name_of_a_column():
    step = loss = gv.tensor(1.0, requires_grad=True)
    with gv.record() as run:
        (step**2).backward()
    del loss
    name = run.parameters[0].name
    assert name in ("step", "loss")
    assert f"{name} (parameter)" in run.to_dict()
    assert f"{name} (parameter)" in run.to_pandas()


def gan(x):
    g, d = gv.nn.Linear(2, 2), gv.nn.Linear(2, 1)
    return g, d, gv.optim.SGD(g.parameters(), lr=0.1), gv.optim.SGD(d.parameters(), lr=0.1)


def test_pytorchs_gan_loop():
    gv.manual_seed(0)
    x = gv.randn(5, 2)
    g, d, g_step, d_step = gan(x)
    with gv.record() as run:
        for epoch in range(3):  # noqa: B007
            d.zero_grad()
            F.softplus(-d(x)).mean().backward()
            fake = g(gv.randn(5, 2))
            F.softplus(d(fake.detach())).mean().backward()
            d_step.step()
            g.zero_grad()
            F.softplus(-d(fake)).mean().backward()  # it fills the gradients of d too, which nobody uses
            g_step.step()
    assert run.notes == ()
    rules = [{name: part.rule.name for name, part in step.parameters.items()} for step in list(run.steps)[:3]]
    assert rules == [
        {"d.weight": "unmoved", "d.bias": "unmoved"},
        {"d.weight": "SGD", "d.bias": "SGD"},
        {"g.weight": "SGD", "g.bias": "SGD", "d.weight": "unmoved", "d.bias": "unmoved"},
    ]


def adversarial(epochs):
    gv.manual_seed(0)
    x = gv.randn(5, 2)
    g, d, g_step, d_step = gan(x)
    with gv.record() as run:
        for epoch in range(epochs):  # noqa: B007
            d_step.zero_grad()
            fake = g(gv.randn(5, 2))
            loss_d = F.softplus(-d(x)).mean() + F.softplus(d(fake.detach())).mean()
            loss_d.backward()
            d_step.step()
            g_step.zero_grad()
            loss_g = F.softplus(-d(fake)).mean()
            loss_g.backward()
            g_step.step()
    return run


def test_losses_of_two_names_are_two_lines(tmp_path):
    run = adversarial(6)
    for told in (run, kept_again(run, tmp_path)):
        (d_steps, d_losses), (g_steps, g_losses) = (told.losses_by_name[name] for name in ("loss_d", "loss_g"))
        assert list(d_steps) == [0, 2, 4, 6, 8, 10]
        assert list(g_steps) == [1, 3, 5, 7, 9, 11]
        np.testing.assert_array_equal(d_losses, run.losses[::2])
        np.testing.assert_array_equal(g_losses, run.losses[1::2])
    assert [(line.name, line.steps) for line in run.plot().lines] == [
        ("loss_d", tuple(range(0, 12, 2))),
        ("loss_g", tuple(range(1, 12, 2))),
    ]


@pytest.mark.browser
def test_what_takes_part_now_and_then_has_lines_all_the_same(open_html):
    from gradviz.player.training import training_page

    panels = ["loss", "gradients", "parameters", "surface"]
    page = open_html(training_page(adversarial(12), panels=panels))
    legends = page.locator(".gt-lines .gt-legend").all_text_contents()
    assert "loss_d" in legends[0]
    assert "loss_g" in legends[0]
    # Each line is in one piece: it begins once.
    paths = page.locator(
        ".gt-lines .gt-drawn path.gt-line[d*=L], .gt-way path.gt-way-line, .gt-over .gt-way-line"
    ).all()
    assert len(paths) >= 2 + 4 + 4 + 1
    assert {path.get_attribute("d").count("M") for path in paths} == {1}


def test_a_graph_that_grows_has_one_loss_all_the_same():
    w, past = gv.tensor(1.0, requires_grad=True), gv.tensor(0.0)
    with gv.record() as run:
        for _ in range(9):
            past = past + w
            (past * 2).backward(retain_graph=True)
    assert list(run.losses_by_name) == ["loss"]


def test_accumulating_says_that_nothing_moved_until_the_step():
    linear, optimizer, x = model()
    with gv.record() as run:
        optimizer.zero_grad()
        for half in (x[:3], x[3:]):
            (linear(half) ** 2).mean().backward()
        optimizer.step()
    first, second = (step.parameters["linear.weight"] for step in run.steps)
    assert (first.rule.name, first.update_norm) == ("unmoved", 0)
    assert second.rule.name == "SGD"
    assert second.update_norm > 0
    page = run.show().payload["steps"]["forms"]
    assert page[0]["lines"][0]["sentence"] == "After this step w is what it was before."


def test_several_tensors_at_once_are_told_of():
    w = gv.tensor(1.0, requires_grad=True)
    with gv.record() as run:
        gv.autograd.backward([(w - 1) ** 2, (w - 3) ** 2])
    assert run.notes[0].startswith("backward() was called for 2 tensors at once")


def test_a_model_made_anew_is_not_an_update(tmp_path):
    x = gv.randn(6, 2)
    with gv.record() as run:
        for fold in range(2):
            linear = gv.nn.Linear(2, 1)
            with gv.no_grad():
                linear.weight.fill_(100.0 * fold)
            optimizer = gv.optim.SGD(linear.parameters(), lr=1e-3)
            for epoch in range(2):  # noqa: B007
                step(linear, optimizer, x)
    weights = run.parameter("linear.weight")
    assert weights.update_norms[1] < 1
    np.testing.assert_allclose(weights.values[2], [[100, 100]])
    kept_again(run, tmp_path)


def test_an_evaluation_before_a_step_with_a_closure_is_a_step_of_its_own():
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = w**2
        loss.backward()
        return loss

    with gv.record() as run:
        (w**2).backward()
        optimizer.step(closure)
    first, second = (step.parameters["w"] for step in run.steps)
    assert (first.rule.name, second.rule.name) == ("unmoved", "SGD")
    assert second.update_norm == pytest.approx(0.4)


def test_an_optimiser_with_settings_of_its_own():
    class Tagged(gv.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": 0.1, "tags": ([1, 2],), "about": {"a": 1}})

        def step(self):
            for group in self.param_groups:
                for tensor in group["params"]:
                    tensor.data -= group["lr"] * tensor.grad

    w = gv.tensor(2.0, requires_grad=True)
    optimizer = Tagged([w])
    with gv.record() as run:
        (w**2).backward()
        optimizer.step()
    assert run.steps[0].parameters["w"].rule.name == "Tagged"
    assert run.steps[0].parameters["w"].rule.settings == {"lr": 0.1}


# --- memory ---------------------------------------------------------------------------------------------------------


def held(run):
    """Bytes of the arrays that a run really holds."""
    seen = {}

    def add(kept):
        array = kept.array if isinstance(kept, Large) else kept
        if isinstance(array, np.ndarray):
            seen[id(array)] = array.nbytes

    for entry in run.log.entries:
        for kept in (*entry.inputs, *entry.earlier.values(), entry.seed):
            add(kept)
        for part in entry.parameters.values():
            for kept in (part.before, part.after, part.gradient, *part.state.values()):
                add(kept)
    return sum(seen.values())


def accumulation():
    linear = gv.nn.Linear(100, 60)
    optimizer, x = gv.optim.SGD(linear.parameters(), lr=0.1), gv.randn(8, 100)
    for _ in range(60):
        optimizer.zero_grad()
        for _ in range(4):
            (linear(x) ** 2).mean().backward()
        optimizer.step()


def warming_up():
    linear = gv.nn.Linear(100, 60)
    optimizer = gv.optim.SGD(linear.parameters(), lr=0.0)  # it stands still
    x = gv.randn(8, 100)
    for _ in range(150):
        step(linear, optimizer, x)


def adversaries():
    g, d = gv.nn.Linear(60, 100), gv.nn.Linear(100, 60)
    g_step, d_step = gv.optim.SGD(g.parameters(), lr=0.1), gv.optim.SGD(d.parameters(), lr=0.1)
    z, real = gv.randn(4, 60), gv.randn(4, 100)
    for _ in range(60):
        fake = g(z)
        d_step.zero_grad()
        (d(real).mean() - d(fake.detach()).mean()).backward()
        d_step.step()
        g_step.zero_grad()
        d(fake).mean().backward()
        g_step.step()


def seeded():
    w = gv.randn(80, 80, requires_grad=True)
    for _ in range(150):
        w.grad = None
        (w * 2).backward(gv.randn(80, 80))
        w.data -= 0.001 * w.grad


def scheduled():
    w = gv.ones(3, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1)
    schedule = gv.optim.lr_scheduler.ExponentialLR(optimizer, 0.999)
    for _ in range(1000):
        optimizer.zero_grad()
        (w**2).sum().backward()
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("loop", [accumulation, warming_up, adversaries, seeded, scheduled])
def test_memory_is_bounded_whatever_the_loop(loop):
    budget = 600_000
    with gv.record(budget=budget, progress=False) as run:
        loop()
    log = run.log
    assert log.used + log.whole_used <= budget
    assert held(run) <= 1.1 * budget
    assert any(entry.complete for entry in log.entries)
    run.at(-1)  # the last step is always there in full
    assert sum(entry.size for entry in log.entries) == log.used
    if loop is scheduled:
        assert len({id(part.rule) for entry in log.entries for part in entry.parameters.values()}) == len(log.entries)


def test_data_that_never_changes_is_beside_the_budget():
    x, w = gv.randn(5000, 10), gv.ones(10, requires_grad=True)
    with gv.record(budget=100_000, progress=False) as run:
        for _ in range(20):
            w.grad = None
            ((x @ w) ** 2).mean().backward()
            w.data -= 0.01 * w.grad
    assert len(run.steps) == 20
    assert run.notes == (
        "the data takes 0.191 MB: it is kept once, beside the budget of 0.0954 MB for what the steps do with it",
    )


def test_a_budget_too_small_for_anything_keeps_the_first_and_the_last_step():
    linear, optimizer, x = model(width=3000)
    with gv.record(budget=10, progress=False) as run:
        for _ in range(9):
            step(linear, optimizer, x)
    assert list(run.kept) == [0, 8]


def test_large_data_changed_behind_the_engines_back_is_seen():
    x, w = gv.zeros(100, 100), gv.tensor(1.0, requires_grad=True)
    with gv.record(progress=False) as run:
        for number in range(3):
            x.numpy()[:] = number
            (x * w).mean().backward()
            w.grad = None
        x[0, 0] = 1000.0  # the engine changes one of them
        (x * w).mean().backward()
    data = next(tensor.id for tensor in run.at(step=0).graph.tensors if tensor.name == "x")
    assert [run.at(step=number).at().values[data].summary.max for number in range(4)] == [0, 1, 2, 1000]


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_parameter_that_changes_its_shape_in_place(tmp_path):
    w = gv.ones(3, requires_grad=True)
    with gv.record() as run:
        for epoch in range(4):
            if epoch == 2:
                w.data, w.grad = gv.ones(5), None
            (w**2).sum().backward()
            w.data -= 0.1 * w.grad
            w.grad = None
    assert [(parameter.name, parameter.shape) for parameter in run.parameters] == [("w", (3,)), ("w (2)", (5,))]
    assert run.parameter("w").values.shape == (3, 3)
    assert kept_again(run, tmp_path).parameter("w (2)").values.shape == (3, 5)


def test_an_error_of_ours_does_not_end_the_loop(monkeypatch):
    linear, optimizer, x = model()
    recorder = gv.record()

    def loop():
        with recorder:
            step(linear, optimizer, x)
            monkeypatch.setattr(recorder, "_see", lambda outputs: (_ for _ in ()).throw(ZeroDivisionError("oh")))
            for _ in range(3):
                step(linear, optimizer, x)

    with pytest.warns(UserWarning, match="an error of gradviz's own, ZeroDivisionError: oh"):
        loop()
    run = recorder.run
    assert len(run) == 1
    assert "ended in step 1" in run.notes[0]


def test_a_loop_in_another_thread_is_told_of():
    thread = threading.Thread(target=step, args=model())

    def loop():
        with gv.record():
            thread.start()
            thread.join()

    with pytest.warns(UserWarning, match="but by another thread"):
        loop()


def test_autograd_grad_alone_is_told_of():
    w = gv.tensor(1.0, requires_grad=True)
    with pytest.warns(UserWarning, match=r"grad\(\) alone is not recorded"), gv.record():
        gv.autograd.grad(w**2, w)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # where Python itself swallows it
@pytest.mark.parametrize("after", np.linspace(0.0005, 0.01, 30).round(5))
def test_an_interrupt_anywhere_leaves_a_run_that_can_be_used(after):
    linear, optimizer, x = model()

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    run = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with gv.record(progress=False) as run:
                signal.setitimer(signal.ITIMER_REAL, after)
                for _ in range(500):  # an interrupt in the wrong place, a destructor, is swallowed by Python
                    step(linear, optimizer, x)
    except KeyboardInterrupt:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert run is not None
    assert len(run.losses) == len(run.epoch_of)
    told = run.to_dict()
    assert len(told["step"]) == len(run.steps)
    assert all(step.loss == run.losses[step.index] for step in run.steps)
    if run.steps:
        run.at(-1)
