"""Comparing runs, and training with several settings in parallel."""

from __future__ import annotations

import copy
import pickle
import re
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import combinations as combinations_of

import numpy as np
import pytest

import gradviz as torch
from gradviz.drawing.charts.lines import Line, chart
from gradviz.training.sweep import combinations


def train(lr=0.1, momentum=0.0, epochs=20, optimizer="SGD", fail=False):
    """Fit a line, as a user would write it."""
    if fail:
        raise RuntimeError("out of coffee")
    x = torch.linspace(-1, 1, 20).reshape(-1, 1)
    y = 2 * x + 0.5 + 0.1 * torch.randn(20, 1)
    w = torch.tensor([[-1.0]], requires_grad=True)
    b = torch.tensor([-1.0], requires_grad=True)
    chosen = (
        torch.optim.SGD([w, b], lr=lr, momentum=momentum) if optimizer == "SGD" else torch.optim.Adam([w, b], lr=lr)
    )
    with torch.record(progress=False) as run:
        for _epoch in range(epochs):
            chosen.zero_grad()
            loss = ((x @ w + b - y) ** 2).mean()
            loss.backward()
            chosen.step()
    return run


def by_hand(rate):
    w = torch.tensor(2.0, requires_grad=True)
    with torch.record(progress=False) as run:
        for _epoch in range(5):
            loss = (w - 1.0) ** 2
            loss.backward()
            w.data -= rate * w.grad
            w.grad = None
    return run


def parsed(svg):
    tree = ElementTree.fromstring(svg)
    return tree, "".join(tree.itertext())


# --- labels -----------------------------------------------------------------------------------------------------------


def test_runs_are_labelled_by_what_differs():
    assert torch.compare(train(0.1), train(0.2)).labels == ("lr=0.1", "lr=0.2")
    assert torch.compare(train(0.1, 0.9), train(0.1)).labels == ("momentum=0.9", "momentum=0")
    assert torch.compare(train(0.1), train(0.1, optimizer="Adam")).labels == ("SGD", "Adam")
    assert torch.compare(train(0.1), train(0.1)).labels == ("run 1", "run 2")
    assert torch.compare(by_hand(0.1), by_hand(0.4)).labels == ("lr=0.1", "lr=0.4")


def test_labels_can_be_given_and_are_made_unique():
    a, b = train(0.1), train(0.2)
    assert torch.compare(a, b, labels=["slow", "fast"]).labels == ("slow", "fast")
    assert torch.compare({"slow": a, "fast": b}).labels == ("slow", "fast")
    assert torch.compare(a, b, labels=["x", "x"]).labels == ("x", "x (2)")


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_the_losses_are_on_the_same_axes():
    a, b = train(0.01), train(0.1, epochs=40)
    told = torch.compare(a, b)
    made = told.chart()
    assert [line.numbers for line in made.lines] == [tuple(a.losses), tuple(b.losses)]
    _, words = parsed(made.svg)
    assert "lr=0.01" in words
    assert "lr=0.1" in words
    assert made.log == (max(*a.losses, *b.losses) / min(*a.losses, *b.losses) >= 100)
    assert told.chart(log=True).log


def test_a_run_that_diverges_leaves_the_others_their_room():
    good, bad = by_hand(0.3), by_hand(1e6)
    drawn = torch.compare(good, bad)
    picture = drawn.chart(log=False).svg
    paths = re.findall(r'<path class="gc-line gc-c0"[^>]* clip-path[^>]* d="M([^"]*)"', picture)
    heights = [float(point.split()[1]) for point in paths[0].split("L")]
    assert max(heights) - min(heights) > 200  # of the 236 pixels that there are
    assert drawn.rows[1].words.startswith("diverges")
    assert drawn.rows[0].words == ""
    assert "diverges" in repr(drawn)


@pytest.mark.parametrize(
    ("losses", "diverges"),
    [
        ([0.0, 0.26], False),
        ([0.0, 0.0], False),
        ([0.0, 0.1, 5.0], True),
        ([1.0, 11.0], True),
        ([1.0, 9.0], False),
        ([-1.0, 9.0], False),
        ([1.0, float("nan")], True),
        ([float("inf"), 1.0], False),
    ],
)
def test_a_run_diverges_if_it_ends_far_above_where_it_began(losses, diverges):
    w = torch.tensor(1.0, requires_grad=True)
    with torch.record(progress=False) as run:
        for loss in losses:
            (w * loss).backward()
    assert ("diverges" in torch.compare(run).rows[0].words) == diverges


def test_paths_go_over_the_first_runs_surface():
    a, b = train(0.05), train(0.2)
    picture = torch.compare(a, b).paths("w", "b[0]")
    assert picture.surface.names == ("w[0, 0]", "b[0]")
    for drawn, run in zip(picture.ways, (a, b), strict=True):
        np.testing.assert_array_equal(drawn.x, run.parameter("w").values[:, 0, 0])
        np.testing.assert_array_equal(drawn.y, run.parameter("b").values[:, 0])
        # The region encloses all ways.
        assert picture.surface.x[0] <= drawn.x.min()
        assert picture.surface.x[-1] >= drawn.x.max()
        assert picture.surface.y[0] <= drawn.y.min()
        assert picture.surface.y[-1] >= drawn.y.max()
    tree, words = parsed(picture.svg)
    assert "w[0, 0]" in words
    assert len(tree.findall(".//{*}path[@class='gc-band']")) >= 8


def steep(lr=0.01, momentum=0.0, epochs=40):
    """A valley: 14.5 times as steep along w as along b, with its floor at (0.5, 2)."""
    x = torch.tensor([-5.0, -2.0, 2.0, 5.0])
    w, b = (torch.tensor(-1.0, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.SGD([w, b], lr=lr, momentum=momentum)
    with torch.record(progress=False) as run:
        for _epoch in range(epochs):
            optimizer.zero_grad()
            ((w * x + b - (0.5 * x + 2)) ** 2).mean().backward()
            optimizer.step()
    return run


def test_every_contour_goes_where_the_loss_is_the_same_without_corners():
    told = torch.compare(steep()).paths("w", "b")
    tree, _ = parsed(told.svg)
    frame = tree.find(".//{*}clipPath/{*}rect").attrib
    left, top, wide, high = (float(frame[name]) for name in ("x", "y", "width", "height"))
    x, y = told.surface.x, told.surface.y
    scale = np.array([(x[-1] - x[0]) / wide, -(y[-1] - y[0]) / high])
    low, span = 0.0, np.ptp(told.surface.loss)
    bands = tree.findall(".//{*}path[@class='gc-band']")
    assert len(bands) == 12
    for place, band in enumerate(bands):
        for ring in band.get("d").removesuffix("Z").removeprefix("M").split("ZM"):
            points = np.array([[float(n) for n in point.split()] for point in ring.split("L")])
            points = np.concatenate(
                [points, (points + np.roll(points, 1, axis=0)) / 2]
            )  # in the middle of each line, too
            inside = (np.abs(points - [left + wide / 2, top + high / 2]) < [wide / 2 - 1, high / 2 - 1]).all(axis=1)
            w, b = (points[inside] - [left, top + high]).T * scale[:, None] + [[x[0]], [y[0]]]
            loss = 14.5 * (w - 0.5) ** 2 + (b - 2) ** 2
            slope = np.hypot(29 * (w - 0.5) * scale[0], 2 * (b - 2) * scale[1])  # per pixel
            level = low + span * ((place + 0.25) / 12) ** 2
            assert (np.abs(loss - level) / slope).max(initial=0) < 0.7, place  # pixels


def rings(told):
    """The ends of the ways as they are drawn: by colour, the place, the radius; and what is drawn after the first of them."""
    tree, _ = parsed(told.svg)
    found = [circle for circle in tree if "gc-end" in circle.get("class", "")]
    places = {
        circle.get("class").split()[-1]: tuple(float(circle.get(name)) for name in ("cx", "cy", "r"))
        for circle in found
    }
    return places, list(tree)[list(tree).index(found[0]) :]


@pytest.mark.parametrize("rates", [(0.1, 0.4, 0.9), (0.4, 0.45, 0.5)], ids=["apart", "in one place"])
def test_the_ends_of_all_ways_are_seen_at_the_bottom_of_a_curve(rates):
    told = torch.compare(*map(by_hand, rates)).paths()
    places, last = rings(told)
    assert len(places) == len(last) == 3  # nothing is drawn over them but they
    tree, _ = parsed(told.svg)
    axis = float(re.search(r"V([\d.]+)H", tree.find(".//{*}path[@class='gc-axis']").get("d"))[1])
    assert all(cy + r < axis for _, cy, r in places.values())
    for one, other in combinations_of(places.values(), 2):
        assert abs(one[2] - other[2]) > 2 or np.hypot(one[0] - other[0], one[1] - other[1]) > 4


def test_where_a_way_begins_at_the_top_of_a_curve_there_is_room():
    w = torch.tensor(0.01, requires_grad=True)
    with torch.record(progress=False) as run:
        for _epoch in range(20):
            w.grad = None
            (w**4 - 2 * w**2).backward()
            w.data -= 0.1 * w.grad
    tree, _ = parsed(torch.compare(run).paths().svg)
    start = next(path.get("d") for path in tree.iter() if path.get("d", "").endswith("m0 -8l-8 8"))
    top = float(tree.find(".//{*}clipPath/{*}rect").get("y"))
    assert float(start.split()[1].split("l")[0]) > top


def test_the_end_of_a_way_that_has_left_the_picture_is_not_drawn():
    places, _ = rings(torch.compare(steep(), steep(0.1), steep(0.01, 0.8)).paths("w", "b"))
    assert set(places) == {"gc-c0"}  # the colour of the learning rate that two of them have


def test_the_caption_is_for_all_runs_where_they_share_the_data():
    told = torch.compare(steep(), steep(0.02), labels=["a", "b"]).paths("w", "b")
    assert "The loss on this data." in parsed(told.svg)[1]
    told = torch.compare(steep(), steep(0.02), labels=["a", "b"]).paths("w")
    assert "The loss on this data, with all other entries as they were in epoch 39 of a." in parsed(told.svg)[1]


def test_one_entry_gives_a_curve():
    picture = torch.compare(by_hand(0.1), by_hand(0.4)).paths()
    assert picture.surface.names == ("w",)
    lowest = picture.surface.x[np.nanargmin(picture.surface.loss)]
    assert abs(lowest - 1.0) < 0.05
    assert "gc-curve" in picture.svg


def test_a_way_that_leaves_the_picture_far_behind_is_cut():
    told = torch.compare(by_hand(0.3), by_hand(1e12))
    numbers = [float(n) for n in re.findall(r"-?\d+\.\d+", " ".join(re.findall(r' d="([^"]*)"', told.paths().svg)))]
    assert np.abs(numbers).max() < 10_000


def test_user_text_is_never_markup(tmp_path):
    told = torch.compare(train(0.1), train(0.2), labels=["<script>a</script>", '"><b>'], notes=["<i>note"])
    for text in (
        told.svg,
        told.html,
        told._repr_mimebundle_()["text/html"],
        told.save(tmp_path / "x.html").read_text(),
    ):
        assert not re.search(r"<script|<b>|<i>", text)
    parsed(told.svg)


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_says_which_is_faster():
    slow, fast = train(0.05, epochs=60), train(0.3, epochs=60)
    first, second = torch.compare(slow, fast).rows
    assert (first.steps, first.first, first.last) == (60, slow.losses[0], slow.losses[-1])
    assert first.lowest == slow.losses.min()
    assert first.reached_at > second.reached_at
    goal = torch.compare(slow, fast).goal
    assert goal == max(slow.losses.min(), fast.losses.min())
    assert slow.losses[first.reached_at] <= goal < slow.losses[first.reached_at - 1]


def test_runs_of_different_lengths_and_one_alone():
    told = torch.compare(train(epochs=3), train(epochs=30))
    assert [row.steps for row in told.rows] == [3, 30]
    assert len(torch.compare(train())) == 1
    assert "down to" not in torch.compare(train()).html


def test_runs_of_different_models_have_losses_but_no_surface():
    told = torch.compare(by_hand(0.1), train(0.1))
    parsed(told.svg)
    assert "gc-region" not in told.svg
    with pytest.raises(
        ValueError, match=r"lr=0\.1 \(2\) trains other parameters than|SGD trains other parameters than"
    ):
        told.paths()
    with pytest.raises(KeyError, match="there is no parameter called"):
        torch.compare(train()).paths("nobody")


def test_a_comparison_can_be_saved(tmp_path):
    told = torch.compare(train(0.1), train(0.2))
    assert told.save(tmp_path / "x.svg").read_text() == told.svg
    page = told.save(tmp_path / "x.html").read_text()
    assert "<table>" in page
    assert "script" not in page
    assert told.save(tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"
    assert told.save(tmp_path / "x.pdf").read_bytes()[:4] == b"%PDF"
    assert told.chart().save(tmp_path / "loss.svg").exists()
    assert told.paths().save(tmp_path / "paths.png").exists()
    with pytest.raises(ValueError, match=r"\.svg, \.pdf, \.png, \.html"):
        told.save(tmp_path / "x.docx")
    columns = told.to_dict()
    assert list(columns) == ["lr=0.1", "lr=0.2"]
    assert len(columns["lr=0.1"]["loss"]) == 20


def test_many_lines_keep_their_names_apart():
    made = chart([Line(f"line {n}", (1.0, 2.0)) for n in range(40)], title="many", across="epoch")
    _, words = parsed(made.svg)
    assert "line 15" in words
    assert "and 24 more" in words


@pytest.mark.parametrize("how", [lambda told: pickle.loads(pickle.dumps(told)), copy.deepcopy], ids=["pickle", "copy"])
def test_runs_and_comparisons_can_be_sent_to_another_process(how):
    told = torch.compare(train(0.1), train(0.2), notes=["a note"])
    again = how(told)
    assert (again.svg, again.html, again.labels) == (told.svg, told.html, told.labels)
    assert repr(again.runs[1].at(epoch=3)) == repr(told.runs[1].at(epoch=3))


def test_a_process_can_return_a_run():
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(by_hand, 0.25).result().losses.tolist() == by_hand(0.25).losses.tolist()


# --- mistakes ---------------------------------------------------------------------------------------------------------


def test_what_is_no_run_is_said():
    with pytest.raises(TypeError, match="nothing to compare"):
        torch.compare()
    with pytest.raises(TypeError, match="argument 2 is a float, not a run"):
        torch.compare(train(), 3.0)
    with pytest.raises(ValueError, match="3 labels for 1 runs"):
        torch.compare(train(), labels=["a", "b", "c"])
    with pytest.warns(UserWarning, match="nothing"), torch.record() as empty:
        pass
    with pytest.raises(ValueError, match="run 2 is empty"):
        torch.compare(train(), empty)


# --- sweeps -----------------------------------------------------------------------------------------------------------


def losses_of(told):
    return [run.losses.tolist() for run in told.runs]


def alone(**settings):
    torch.manual_seed(0)
    return train(**settings)


def test_a_sweep_gives_what_training_one_by_one_gives():
    told = torch.sweep(train, {"lr": [0.05, 0.2], "momentum": [0.0, 0.9]}, ThreadPoolExecutor(1))
    assert told.labels == (
        "lr=0.05, momentum=0.0",
        "lr=0.05, momentum=0.9",
        "lr=0.2, momentum=0.0",
        "lr=0.2, momentum=0.9",
    )
    expected = [alone(lr=lr, momentum=momentum) for lr in (0.05, 0.2) for momentum in (0.0, 0.9)]
    assert losses_of(told) == [run.losses.tolist() for run in expected]
    assert repr(told.runs[2].at(epoch=4)) == repr(expected[2].at(epoch=4))


def test_processes_are_the_default_and_take_functions_that_are_nowhere_but_here():
    told = torch.sweep(lambda lr: train(lr), [{"lr": 0.05}, {"lr": 0.2}])
    assert losses_of(told) == [alone(lr=lr).losses.tolist() for lr in (0.05, 0.2)]


def test_a_dask_cluster_works_as_it_stands():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        told = torch.sweep(train, {"lr": [0.05, 0.2]}, client.get_executor())
    assert losses_of(told) == [alone(lr=lr).losses.tolist() for lr in (0.05, 0.2)]


def test_one_training_that_fails_does_not_take_the_others_with_it():
    told = torch.sweep(train, [{"lr": 0.1}, {"fail": True}, {"lr": 0.2}], ThreadPoolExecutor(1))
    assert told.labels == ("lr=0.1", "lr=0.2")
    assert told.notes == ("fail=True failed: RuntimeError: out of coffee",)
    assert "out of coffee" in told.html
    with pytest.raises(RuntimeError, match=r"all trainings failed\. fail=True failed: RuntimeError: out of coffee"):
        torch.sweep(train, [{"fail": True}], ThreadPoolExecutor(1))


class UnsendableError(Exception):
    """Cannot be unpickled: it is made of two arguments, and keeps one."""

    def __init__(self, a, b):
        super().__init__(f"{a}{b}")


def sometimes(lr, ending):
    """Fail at 0.2, in a way that is easily more than one training's end."""
    if lr == 0.2 and ending == "exit":
        sys.exit("enough")
    if lr == 0.2:
        raise UnsendableError("out of ", "coffee")
    return train(lr)


@pytest.mark.parametrize(
    ("ending", "words"), [("exit", "SystemExit: enough"), ("error", "UnsendableError: out of coffee")]
)
@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor], ids=["processes", "threads"])
def test_however_a_training_ends_the_others_go_on(executor, ending, words):
    told = torch.sweep(partial(sometimes, ending=ending), {"lr": [0.1, 0.2, 0.3]}, executor and executor(1))
    assert told.labels == ("lr=0.1", "lr=0.3")
    assert told.notes == (f"lr=0.2 failed: {words}",)


def test_where_all_fail_it_is_said_in_which_line():
    with pytest.raises(RuntimeError, match="all trainings failed") as caught:
        torch.sweep(train, [{"fail": True}])
    assert 'raise RuntimeError("out of coffee")' in caught.value.__notes__[0]


def activated(act):
    x = torch.linspace(-1, 1, 8)
    w = torch.tensor(0.5, requires_grad=True)
    with torch.record(progress=False) as run:
        for _epoch in range(2):
            w.grad = None
            ((act(w * x) - x) ** 2).mean().backward()
            w.data -= 0.1 * w.grad
    return run


def test_functions_and_modules_can_be_settings_in_other_processes():
    acts = [torch.relu, torch.nn.functional.tanh, torch.Tensor.sigmoid, torch.nn.ReLU(), torch.nn.PReLU()]
    told = torch.sweep(activated, {"act": acts})
    assert told.notes == ()
    assert told.labels == ("act=relu", "act=tanh", "act=sigmoid", "act=ReLU()", "act=PReLU(num_parameters=1)")
    assert losses_of(told) == [activated(act).losses.tolist() for act in acts]


def test_a_function_of_a_notebook_may_use_what_it_imported_by_name():
    relu = torch.relu
    told = torch.sweep(lambda lr: activated(lambda x: lr * relu(x)), {"lr": [0.1, 0.2]})
    assert told.notes == ()


def test_threads_train_in_turn_so_that_all_begin_alike():
    settings = {"lr": [0.1] * 8}
    told = torch.sweep(train, settings, ThreadPoolExecutor(4), seed=0)
    assert {tuple(losses) for losses in losses_of(told)} == {tuple(alone(lr=0.1).losses)}


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ({"opt": [torch.optim.SGD, torch.optim.Adam]}, ["opt=SGD", "opt=Adam"]),
        ({"lr": [np.float32(0.2), 0.1 + 0.2]}, ["lr=0.2", "lr=0.3"]),
        ({"lr": [torch.tensor(0.2), 0.25]}, ["lr=0.2", "lr=0.25"]),
        ({"lr": [0.12345678, 0.12345679]}, ["lr=0.12345678", "lr=0.12345679"]),
        ({"lr": [1e-5, 100.0]}, ["lr=1e-05", "lr=100.0"]),
        ({"lr": np.linspace(0.1, 0.3, 3)}, ["lr=0.1", "lr=0.2", "lr=0.3"]),
        ({"lr": torch.tensor([0.1, 0.7])}, ["lr=0.1", "lr=0.7"]),
        ({"size": range(1, 3)}, ["size=1", "size=2"]),
        ({"size": (size for size in (1, 2))}, ["size=1", "size=2"]),
        ([{"lr": 0.1, "size": 2}, {"size": 2}, {"size": 3}], ["lr=0.1, size=2", "size=2", "size=3"]),
    ],
)
def test_labels_say_what_differs_in_few_letters(settings, labels):
    assert list(torch.sweep(lambda **_: train(epochs=1), settings, ThreadPoolExecutor(1)).labels) == labels


@pytest.mark.parametrize("values", [np.array([1, 2], np.float32), torch.tensor([1.0, 2.0])])
def test_the_numbers_of_an_array_are_as_if_they_had_been_written(values):
    (first, second) = combinations({"lr": values})
    assert (first, second) == ({"lr": 1.0}, {"lr": 2.0})
    assert type(first["lr"]) is float


def test_a_function_that_returns_no_run_is_told_how_to():
    with pytest.raises(RuntimeError, match="must return the run that gv"):
        torch.sweep(lambda lr: None, {"lr": [0.1]}, ThreadPoolExecutor(1))


def test_seeds():
    told = torch.sweep(train, {"lr": [0.1, 0.1]}, ThreadPoolExecutor(1), seed=3)
    assert losses_of(told)[0] == losses_of(told)[1]
    assert losses_of(told) != losses_of(torch.sweep(train, {"lr": [0.1, 0.1]}, ThreadPoolExecutor(1), seed=4))


def test_an_interrupt_cancels_what_has_not_begun():
    started = []

    class Pool(ThreadPoolExecutor):
        def submit(self, function, *arguments):
            future = super().submit(function, *arguments)
            started.append(future)
            return future

    def interrupted(lr):
        raise KeyboardInterrupt

    with Pool(1) as pool, pytest.raises(KeyboardInterrupt):
        torch.sweep(interrupted, {"lr": [0.1] * 50}, pool)
    assert started[-1].cancelled()


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ([], ValueError, "no settings"),
        ({}, ValueError, "no settings"),
        ({"lr": []}, ValueError, "no settings"),
        ({"lr": 0.1}, TypeError, "must be a list"),
        ({"lr": "0.1"}, TypeError, "must be a list"),
        ({"lr": np.array(0.1)}, TypeError, "must be a list"),
        ({"lr": {0.1: 1}}, TypeError, "must be a list"),
        ([0.1], TypeError, "each setting must be a dictionary"),
        (3, TypeError, "settings must be a list of dictionaries.*but got 3"),
        ({name: range(10**5) for name in "abc"}, ValueError, "1,000,000,000,000,000 trainings"),
        ({"lr": list(range(200)), "momentum": list(range(200))}, ValueError, "40,000 trainings"),
    ],
)
def test_settings_that_are_none(settings, error, sentence):
    with pytest.raises(error, match=sentence):
        combinations(settings)
    with pytest.raises(error, match=sentence):
        torch.sweep(train, settings)


def test_the_function_must_be_one():
    with pytest.raises(TypeError, match="must be a function"):
        torch.sweep(train(), {"lr": [0.1]})


# --- many runs --------------------------------------------------------------------------------------------------------


def nine():
    def train(lr, momentum):
        w = torch.tensor(2.0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum)
        with torch.record() as run:
            for _epoch in range(8):
                optimizer.zero_grad()
                loss = (w - 1.0) ** 2
                loss.backward()
                optimizer.step()
        return run

    rates, momenta = (0.01, 0.1, 1.5), (0.0, 0.5, 0.9)
    return torch.compare({f"lr={lr}, momentum={m}": train(lr, m) for lr in rates for m in momenta})


def test_of_two_settings_one_is_the_colour_and_one_the_dashes():
    drawn = nine().chart().svg
    lines = re.findall(r'class="gc-line gc-c(\d)"[^>]*?(?: stroke-dasharray="([^"]*)")? clip-path', drawn)
    assert len(lines) == 9
    assert len(set(lines)) == 9
    for first in range(3):
        assert len({colour for colour, _ in lines[3 * first : 3 * first + 3]}) == 1
    assert len({dashes for _, dashes in lines}) == 3
    assert [dashes for _, dashes in lines[:3]] == [dashes for _, dashes in lines[3:6]]


def test_the_best_run_comes_first_and_two_settings_make_a_table():
    told = nine()
    last = [row.last for row in told.best_first().rows if not row.words]
    assert last == sorted(last)
    assert told.best_first().labels[-1].startswith("lr=1.5")  # which diverge
    combined = told.html.partition("</table>")[0]
    assert combined.count("<td") == 9 + 1
    assert "diverges" in combined
    best = min(last)
    framed = re.search(r"outline: 3px[^>]*>([^<]*)<", combined)
    assert framed[1] == torch.engine.numerals.number(best)
    # The table below begins with it too.
    assert (
        re.search(r"<tbody><tr><th scope='row'[^>]*>([^<]*)<", told.html.partition("</table>")[2])[1]
        == told.best_first().labels[0]
    )
    assert torch.compare({"a": told.runs[0], "b": told.runs[1]}).grid is None
