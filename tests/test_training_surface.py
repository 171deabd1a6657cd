"""The loss surface is the real loss; the model's fit is what the model predicts. PyTorch is asked for both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.drawing.charts.geometry import Box
from gradviz.drawing.charts.relief import Relief, bands
from gradviz.training.analysis.fit import fit_of
from gradviz.training.analysis.surface import Surface, surface, usual_pair


def line(library, epochs=5, lr=0.05):
    """The seed's example; returns the layer too, for another library's answer."""
    random = np.random.default_rng(0)
    x, y = (library.tensor(random.standard_normal((10, count)).astype("f")) for count in (3, 2))
    linear = library.nn.Linear(3, 2)
    linear.load_state_dict(
        {
            name: library.tensor(random.standard_normal(tuple(parameter.shape)).astype("f"))
            for name, parameter in linear.named_parameters()
        }
    )
    criterion, optimizer = library.nn.MSELoss(), library.optim.SGD(linear.parameters(), lr=lr)
    for _ in range(epochs):
        optimizer.zero_grad()
        criterion(linear(x), y).backward()
        optimizer.step()
    return linear, x, y


def recorded(*args, **kwargs):
    with gv.record(progress=False) as run:
        line(gv, *args, **kwargs)
    return run


# --- the surface ------------------------------------------------------------------------------------------------------


def test_the_loss_on_the_grid_is_pytorchs(torch):
    run = recorded()
    made = surface(run, "linear.weight[0, 1]", ("linear.bias", (1,)), size=15, step=2)
    linear, x, y = line(torch, epochs=2)
    expected = np.empty((15, 15))
    for row, up in enumerate(made.y):
        for column, across in enumerate(made.x):
            with torch.no_grad():
                linear.weight[0, 1], linear.bias[1] = float(across), float(up)
                expected[row, column] = torch.nn.functional.mse_loss(linear(x), y)
    np.testing.assert_allclose(made.loss, expected, rtol=1e-5)
    assert made.names == ("linear.weight[0, 1]", "linear.bias[1]")
    assert made.sentence == "The loss on this data, with all other entries as they were in epoch 2."


def test_the_way_is_the_runs_and_lies_on_the_grid():
    run = recorded()
    made = surface(run, "linear.weight[0, 1]", "linear.weight[1, 2]")
    values = run.parameter("linear.weight").values
    np.testing.assert_array_equal(made.path_x, values[:, 0, 1])
    np.testing.assert_array_equal(made.path_y, values[:, 1, 2])
    np.testing.assert_array_equal(made.path_loss[:-1], run.losses)
    assert np.isnan(made.path_loss[-1])
    for axis, path in ((made.x, made.path_x), (made.y, made.path_y)):
        assert axis[0] < path.min() <= path.max() < axis[-1]
        assert (np.diff(axis) > 0).all()


def test_one_entry_makes_a_curve():
    run = recorded()
    made = surface(run, "linear.bias[0]", size=21)
    assert made.x.shape == made.loss.shape == (21,)
    assert made.y.size == made.path_y.size == 0
    assert made.names == ("linear.bias[0]",)


def valley(start, rate, steps=30):
    """A loop over two numbers, whose minimum is at (3, −2)."""
    a, b = (gv.tensor(value, requires_grad=True) for value in start)
    with gv.record(progress=False) as run:
        for _ in range(steps):
            a.grad = b.grad = None
            ((a - 3.0) ** 2 + 2.0 * (b + 2.0) ** 2).backward()
            a.data -= rate * a.grad
            b.data -= rate * b.grad
    return run


@given(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([0.01, 0.1, 0.3]))
@settings(max_examples=25, deadline=None)
def test_every_point_of_the_grid_is_the_function(a, b, rate):
    made = surface(valley((a, b), rate, 4), "a", "b", size=13)
    expected = (made.x - 3) ** 2 + 2 * (made.y[:, None] + 2) ** 2
    np.testing.assert_allclose(made.loss, expected, rtol=1e-4, atol=1e-4)
    assert made.sentence == "The loss."


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6), st.integers(2, 5))
@settings(max_examples=50, deadline=None)
def test_between_the_points_of_the_grid_a_bowl_stays_a_bowl(of, times):
    def bowl(x, y):
        return of[0] + of[1] * x + of[2] * y + of[3] * x**2 + of[4] * x * y + of[5] * y**2

    x, y = np.linspace(-1, 2, 7), np.linspace(0, 5, 9)
    nothing = np.empty(0)
    made = Surface(x, y, bowl(x, y[:, None]), ("a", "b"), "", nothing, nothing, nothing).finer(times)
    assert made.loss.shape == (8 * times + 1, 6 * times + 1)
    np.testing.assert_allclose(made.loss, bowl(made.x, made.y[:, None]), atol=1e-10)


@pytest.mark.parametrize("loss", [abs, lambda x: 1e6 * (x > 0), lambda x: np.where(x > 0.4, np.nan, x)])
def test_between_the_points_of_the_grid_a_kink_or_a_cliff_makes_no_waves(loss):
    x, nothing = np.linspace(-1, 1, 9), np.empty(0)
    given = loss(x) * np.ones((9, 1))
    made = Surface(x, x, given, ("a", "b"), "", nothing, nothing, nothing).finer(4)
    assert (made.loss.min(), made.loss.max()) == (np.nanmin(given), np.nanmax(given))
    slope = np.sign(np.diff(made.loss[0]))
    assert np.count_nonzero(np.diff(slope[slope != 0])) <= 1  # it goes up, or down and then up


def test_a_minimum_close_by_is_enclosed():
    run = valley((1.0, 0.0), 0.05, steps=6)  # about half of the way
    made = surface(run, "a", "b")
    assert run.parameter("a").values.max() < 2.5
    assert made.x[0] < 3 < made.x[-1]
    assert made.y[0] < -2 < made.y[-1]


def test_a_way_that_stands_still_has_a_region_too():
    run = valley((3.0, -2.0), 0.1, steps=2)
    made = surface(run, "a", "b")
    assert made.x[0] < 3 < made.x[-1]
    assert made.y[0] < -2 < made.y[-1]


def test_bounds_are_kept():
    made = surface(valley((1.0, 0.0), 0.1), "a", "b", bounds=((-1, 1), (5, 6)), size=13)
    assert (made.x[0], made.x[-1], made.y[0], made.y[-1]) == (-1, 1, 5, 6)


def test_a_diverging_run_shows_where_it_began():
    run = valley((1.0, 0.0), 1.5, steps=300)
    assert not np.isfinite(run.losses[-1])
    made = surface(run, "a", "b")
    assert made.x[-1] - made.x[0] < 100
    assert np.isfinite(made.loss).all()


def test_what_is_not_finite_is_nan():
    w = gv.tensor(0.5, requires_grad=True)
    with gv.record(progress=False) as run:
        w.log().backward()
        w.data -= 0.1
    made = surface(run, "w", bounds=((-1, 1),), size=21)
    np.testing.assert_array_equal(np.isnan(made.loss), made.x <= 0)


def test_the_run_is_as_it_was_afterwards():
    run = recorded()
    before = [run.parameter(name).values for name in ("linear.weight", "linear.bias")]
    surface(run, "linear.weight[0, 0]", "linear.bias[0]")
    for name, values in zip(("linear.weight", "linear.bias"), before, strict=True):
        np.testing.assert_array_equal(run.parameter(name).values, values)


def test_the_sentence_names_the_data_where_they_differ():
    x = gv.tensor(np.arange(6, dtype="f"))

    def run(batches, data=x, loss=lambda error: error**2):
        w, b = gv.tensor(0.1, requires_grad=True), gv.tensor(0.0, requires_grad=True)
        with gv.record(progress=False) as made:
            for epoch in range(2):  # noqa: B007  the recording counts epochs by it
                for part in data.chunk(batches):
                    w.grad = b.grad = None
                    loss(w * part + b - 2 * part).mean().backward()
                    w.data -= 0.01 * w.grad
                    b.data -= 0.01 * b.grad
        return made

    def sentence(first, *others):
        return surface(first, "w", "b", size=13, others=others, whose="A" if others else "").sentence

    assert sentence(run(1)) == sentence(run(1), run(1, x.clone())) == "The loss on this data."
    assert sentence(run(2)) == "The loss on the data of step 3."
    assert sentence(run(2), run(2)) == "The loss on the data of step 3 of A."
    assert sentence(run(1), run(1, x + 1)) == sentence(run(1), run(2)) == "The loss of A on its data."
    assert sentence(run(1), run(1, loss=abs)) == "The loss of A on its data."
    assert surface(run(1), "w", size=13, others=[run(1)], whose="A").sentence == (
        "The loss on this data, with all other entries as they were in epoch 1 of A."
    )
    assert surface(run(2), "w", size=13).sentence == (
        "The loss on the data of step 3, with all other entries as they were then."
    )


def test_dropout_is_told_of():
    x = gv.randn(8, 2)
    net = gv.nn.Sequential(gv.nn.Linear(2, 4), gv.nn.Dropout(0.5), gv.nn.Linear(4, 1))
    with gv.record(progress=False) as run:
        (net(x) ** 2).mean().backward()
        net[0].bias.data -= 0.1
    made = surface(run, "net.0.bias[0]", size=13)
    assert made.sentence.endswith("A mask, as dropout makes it, is the one of that epoch.")
    here = surface(run, "net.0.bias[0]", size=3, bounds=((made.path_x[0] - 1, made.path_x[0] + 1),))
    assert here.loss[1] == pytest.approx(run.losses[0], rel=1e-5)


def test_names_with_brackets_of_their_own():
    weights = [gv.tensor([1.0, 2.0], requires_grad=True), gv.tensor([3.0], requires_grad=True)]
    with gv.record(progress=False) as run:
        ((weights[0] * weights[1]) ** 2).sum().backward()
        weights[0].data -= 0.1
    names = [parameter.name for parameter in run.parameters]
    made = surface(run, f"{names[0]}[-1]", names[1], size=13)
    assert made.names == (f"{names[0]}[1]", f"{names[1]}[0]")
    assert made.path_x.tolist() == pytest.approx([2.0, 1.9])


@pytest.mark.parametrize(
    ("named", "error", "words"),
    [
        ("v", KeyError, "no parameter called 'v'.*linear.weight, linear.bias"),
        ("linear.weight", IndexError, r"shape \(2, 3\).*2 indices.*'linear.weight\[0, 0\]'"),
        ("linear.weight[0]", IndexError, "2 indices, but got 1"),
        ("linear.weight[0, 3]", IndexError, "index 3 is out of range.*3 along dimension 1"),
        (("linear.bias", (-3,)), IndexError, "index -3 is out of range"),
        ("__import__('os')[0]", KeyError, "no parameter"),
    ],
)
def test_entries_that_do_not_exist(named, error, words):
    with pytest.raises(error, match=words):
        surface(recorded(2), named)


def test_other_mistakes_are_told():
    run = recorded(2)
    with pytest.raises(IndexError, match="steps 0 to 1"):
        surface(run, "linear.bias[0]", step=7)
    with pytest.raises(ValueError, match=r"both entries are linear.bias\[0\]"):
        surface(run, "linear.bias[0]", ("linear.bias", (-2,)))
    with pytest.raises(ValueError, match="at least 2, but got 1"):
        surface(run, "linear.bias[0]", size=1)
    with pytest.raises(ValueError, match="from a smaller number to a larger"):
        surface(run, "linear.bias[0]", bounds=((1, 0),))
    with pytest.raises(ValueError, match="for each of the 1 entries"):
        surface(run, "linear.bias[0]", bounds=((0, 1), (0, 1)))


def test_large_parameters_are_not_kept_one_by_one():
    x, w, b = gv.randn(4, 5000), gv.zeros(5000, requires_grad=True), gv.tensor(1.0, requires_grad=True)
    with gv.record(progress=False) as run:
        ((x @ w + b) ** 2).mean().backward()
        b.data -= 0.1
    with pytest.raises(ValueError, match="5,000"):
        surface(run, "w[0]")
    assert usual_pair(run) == ("b", None)


def test_the_usual_pair_moved_most():
    assert usual_pair(valley((1.0, 0.0), 0.1)) == ("a", "b")
    run = recorded(20)
    moved = {
        f"{name}[{', '.join(map(str, place))}]": np.ptp(run.parameter(name).values[(slice(None), *place)])
        for name in ("linear.weight", "linear.bias")
        for place in np.ndindex(run.parameter(name).parameter.shape)
    }
    assert set(usual_pair(run)) == set(sorted(moved, key=moved.get)[-2:])
    with pytest.warns(UserWarning, match="nothing was recorded"), gv.record(progress=False) as nothing:
        pass
    assert usual_pair(nothing) is None


# --- the model's fit --------------------------------------------------------------------------------------------------


def train(net, criterion, x, y, *, epochs=3, size=None):
    """Train in batches; return the run and the network."""
    optimizer = gv.optim.SGD(net.parameters(), lr=0.1)
    with gv.record(progress=False) as run:
        for epoch in range(epochs):  # noqa: B007  the recording counts epochs by it
            for start in range(0, len(x), size or len(x)):
                xb, yb = (data[start : start + (size or len(x))] for data in (x, y))
                optimizer.zero_grad()
                criterion(net(xb), yb).backward()
                optimizer.step()
    return run


def before_the_last_step(run, net, inputs):
    """What the network answers with the parameters as they were before the last step."""
    for name, parameter in net.named_parameters():
        parameter.data = gv.tensor(run.parameter(f"net.{name}").values[-2])
    with gv.no_grad():
        return net(gv.tensor(inputs.astype("f"))).numpy()


@pytest.fixture
def random():
    gv.manual_seed(0)
    return np.random.default_rng(0)


@pytest.mark.parametrize("criterion", ["MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"])
@pytest.mark.parametrize("size", [None, 5, 7], ids=["one batch", "batches", "uneven batches"])
def test_a_curve_over_one_feature(random, criterion, size):
    data = random.standard_normal((20, 1)).astype("f")
    net = gv.nn.Sequential(gv.nn.Linear(1, 8), gv.nn.Tanh(), gv.nn.Linear(8, 1))
    run = train(net, getattr(gv.nn, criterion)(), gv.tensor(data), gv.tensor(data**2), size=size)
    fit = fit_of(run)
    assert (fit.kind, fit.names) == ("curve", ("xb", "yb"))
    np.testing.assert_array_equal(fit.x, data[:, 0])
    np.testing.assert_array_equal(fit.y, (data**2)[:, 0])
    assert fit.grid.shape == (48,)
    assert fit.grid[0] < data.min() < data.max() < fit.grid[-1]
    expected = before_the_last_step(run, net, fit.grid[:, None])[:, 0]
    np.testing.assert_allclose(fit.values(run.log.entries[-1]), expected, rtol=1e-5, atol=1e-6)
    assert fit.sentence.startswith("The data of the last epoch" if size else "The data, and")


def test_where_nobody_counts_epochs_the_data_are_the_last_steps(random):
    w = gv.tensor(1.0, requires_grad=True)
    with gv.record(progress=False) as run:
        for _ in range(3):
            x = gv.tensor(random.standard_normal(8).astype("f"))
            w.grad = None
            ((w * x - 2 * x) ** 2).mean().backward()
            w.data -= 0.1 * w.grad
    fit = fit_of(run)
    np.testing.assert_array_equal(fit.x, x.numpy())
    assert fit.sentence.startswith("The data of the last step, and")


def test_each_step_has_a_fit_of_its_own(random):
    data = random.standard_normal((20, 1)).astype("f")
    net = gv.nn.Sequential(gv.nn.Linear(1, 1))
    run = train(net, gv.nn.MSELoss(), gv.tensor(data), gv.tensor(3 * data), epochs=4)
    fit = fit_of(run)
    for at, entry in enumerate(run.log.entries):
        w, b = (run.parameter(name).values[at].item() for name in ("net.0.weight", "net.0.bias"))
        np.testing.assert_allclose(fit.values(entry), w * fit.grid + b, rtol=1e-4, atol=1e-5)


def by_hand(loss, **starts):
    values = {name: gv.tensor(start, requires_grad=True) for name, start in starts.items()}
    with gv.record(progress=False) as run:
        for _ in range(2):
            loss(**values).backward()
            for value in values.values():
                value.data -= 0.01 * value.grad
                value.grad = None
    return run


X = np.linspace(-1, 1, 9, dtype="f")


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y, w, b: ((w * x + b - y) ** 2).mean(),
        lambda x, y, w, b: (y - (w * x + b)).pow(2).sum() / 9,
        lambda x, y, w, b: (y - (w * x + b)).abs().mean() + 0.1 * w**2,
    ],
    ids=["mean square", "sum of squares", "with a penalty"],
)
def test_a_loss_written_by_hand(loss):
    x, y = gv.tensor(X), gv.tensor(2 * X)
    run = by_hand(lambda w, b: loss(x, y, w, b), w=1.0, b=0.5)
    fit = fit_of(run)
    np.testing.assert_allclose(fit.values(run.log.entries[0]), fit.grid + 0.5, rtol=1e-5, atol=1e-6)


def test_a_polynomial_of_the_feature():
    x, y = gv.tensor(X), gv.tensor(np.sin(X))
    run = by_hand(lambda a, b, c: (a + b * x + c * x**3 - y).pow(2).sum(), a=0.5, b=1.0, c=2.0)
    fit = fit_of(run)
    np.testing.assert_allclose(fit.values(run.log.entries[0]), 0.5 + fit.grid + 2 * fit.grid**3, rtol=1e-4, atol=1e-5)


def test_one_example_at_a_time():
    w = gv.tensor(1.0, requires_grad=True)
    with gv.record(progress=False) as run:
        for epoch in range(2):  # noqa: B007  the recording counts epochs by it
            for x, y in zip(gv.tensor(X), gv.tensor(2 * X), strict=True):
                w.grad = None
                ((w * x - y) ** 2).backward()
                w.data -= 0.1 * w.grad
    fit = fit_of(run)
    np.testing.assert_allclose(fit.x, X)
    np.testing.assert_allclose(fit.values(run.log.entries[0]), fit.grid, rtol=1e-5, atol=1e-6)


def classes(random):
    data = random.standard_normal((30, 2)).astype("f")
    return data, (data[:, 0] * data[:, 1] > 0).astype("i8")


def on_the_grid(fit):
    """The grid is 32 rows of 32: the first feature changes along a row, the second from row to row."""
    across, up = fit.grid.reshape(32, 32, 2).transpose(2, 0, 1)
    assert (across == across[0]).all()
    assert (up == up[:, :1]).all()
    assert (np.diff(across[0]) > 0).all()
    assert (np.diff(up[:, 0]) > 0).all()


@pytest.mark.parametrize("outside", [False, True], ids=["probabilities", "logits"])
def test_two_classes_by_one_output(random, outside):
    data, label = classes(random)
    layers = [gv.nn.Linear(2, 4), gv.nn.Tanh(), gv.nn.Linear(4, 1)] + [gv.nn.Sigmoid()] * (not outside)
    net = gv.nn.Sequential(*layers)
    criterion = gv.nn.BCEWithLogitsLoss() if outside else gv.nn.BCELoss()
    run = train(net, criterion, gv.tensor(data), gv.tensor(label[:, None].astype("f")))
    fit = fit_of(run)
    assert (fit.kind, fit.classes, fit.names) == ("classes", 2, ("xb[:, 0]", "xb[:, 1]"))
    np.testing.assert_array_equal(fit.x, data)
    np.testing.assert_array_equal(fit.y, label)
    on_the_grid(fit)
    raw = before_the_last_step(run, net, fit.grid)[:, 0]
    expected = 1 / (1 + np.exp(-raw)) if outside else raw
    np.testing.assert_allclose(fit.values(run.log.entries[-1]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3])
def test_a_logit_for_each_class(torch, random, count):
    data, _ = classes(random)
    label = random.integers(0, count, 30)
    net = gv.nn.Sequential(gv.nn.Linear(2, 8), gv.nn.ReLU(), gv.nn.Linear(8, count))
    run = train(net, gv.nn.CrossEntropyLoss(), gv.tensor(data), gv.tensor(label))
    fit = fit_of(run)
    assert (fit.kind, fit.classes) == ("classes", count)
    np.testing.assert_array_equal(fit.y, label)
    answer = fit.values(run.log.entries[-1])
    raw = torch.tensor(before_the_last_step(run, net, fit.grid))
    expected = raw.softmax(1)[:, 1] if count == 2 else raw.argmax(1)
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-5)


def test_two_classes_told_apart_by_a_number(random):
    data, label = classes(random)
    net = gv.nn.Sequential(gv.nn.Linear(2, 4), gv.nn.Tanh(), gv.nn.Linear(4, 1))
    run = train(net, gv.nn.MSELoss(), gv.tensor(data), gv.tensor(2 * label[:, None].astype("f") - 1))
    fit = fit_of(run)
    np.testing.assert_array_equal(fit.y, label)
    expected = np.clip((before_the_last_step(run, net, fit.grid)[:, 0] + 1) / 2, 0, 1)
    np.testing.assert_allclose(fit.values(run.log.entries[-1]), expected, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_drawn_or_told_for_certain_has_no_fit(random):
    two, three = (gv.tensor(random.standard_normal((10, count)).astype("f")) for count in (2, 3))
    one = two[:, :1]
    together = gv.nn.Sequential(gv.nn.Linear(1, 4), gv.nn.BatchNorm1d(4), gv.nn.Linear(4, 1))
    for net, x, y in (
        (gv.nn.Linear(3, 2), three, two),  # the seed's example: three features
        (gv.nn.Linear(1, 2), one, two),  # two outputs
        (gv.nn.Linear(2, 1), two, one),  # a number over two features
        (together, one, one),  # examples are normalised together
    ):
        assert fit_of(train(net, gv.nn.MSELoss(), x, y)) is None
    w = {"w": 1.0, "b": 0.5}
    x = gv.tensor(X)
    assert fit_of(by_hand(lambda w, b: (w - 1) ** 2 + b**2, **w)) is None  # no data
    assert fit_of(by_hand(lambda w, b: (w * x + b).sum(), **w)) is None  # no target
    assert fit_of(by_hand(lambda w, b: (x - w * x - b).pow(2).sum(), **w)) is None  # w · x + b stands nowhere
    assert fit_of(by_hand(lambda w, b: (w * x + b * x.sin() - x).pow(2).sum(), **w)) is None  # sin was not recorded


def test_a_cliff_leaves_contours_on_the_plain():
    x = np.linspace(-3.0, 3.0, 49)
    over = np.add.outer(x, x)
    cliff = Relief(x, x, np.exp(5 * over), ("a", "b"), "")
    box = Box(0, 0, 100, 100)
    levels = [level for level, _ in bands(cliff, *cliff.scales(box))]
    assert len(levels) > 6
    assert levels[len(levels) // 2] < np.exp(5 * over).max() / 1e6
