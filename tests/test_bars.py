"""Probability, target and probability minus target in the picture of a loss: each number is PyTorch's."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gradviz as gv
from gradviz.drawing import draw_recording, face, steps
from gradviz.drawing.bars import BAR, MOST_LINES
from gradviz.nn import functional as F
from gradviz.recording import dumps, loads, number_text, record_graph

TICK = "tick: y, 1 at the right class"
SCORES = [[2.0, 1.0, 0.1], [0.5, 2.5, -1.0], [0.0, 0.0, 0.0], [-1.0, 3.0, 0.2]]


def leaf(numbers):
    return gv.tensor(numbers, requires_grad=True)


def drawn(result, **names):
    drawing = draw_recording(record_graph(result, backward=True, names=names))
    disc = next(disc for disc in drawing.view.discs if disc.bars is not None)
    return drawing.shown, drawing.view, disc


def column(shown, disc, part):
    return [shown.text[f"{disc.operation.id}_{part}{line}"] for line in range(len(disc.bars.labels))]


def written(numbers):
    return [number_text(float(number)) for number in np.asarray(numbers).ravel()]


CASES = {
    "cross_entropy": (SCORES, [0, 1, 2, 1], {}),
    "cross_entropy, summed": (SCORES, [0, 1, 2, 1], {"reduction": "sum"}),
    "cross_entropy of one example": (SCORES[0], 2, {}),
    "binary_cross_entropy_with_logits": ([2.0, -1.0, 0.5, -3.0], [1.0, 0.0, 0.25, 1.0], {}),
    "binary_cross_entropy": ([[0.9, 0.2], [0.4, 0.5]], [[1.0, 0.0], [0.0, 1.0]], {}),
    "mse_loss": ([[0.5], [2.5], [-0.5]], [[1.0], [2.0], [0.0]], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_bars_are_pytorchs_predictions_and_targets_and_their_difference_its_gradient(torch, case):
    scores, target, settings = CASES[case]
    name = case.split(",")[0].split()[0]
    theirs, y = torch.tensor(scores, requires_grad=True), torch.tensor(target)
    getattr(torch.nn.functional, name)(theirs, y, **settings).backward()
    predictions = {
        "cross_entropy": lambda: theirs.softmax(-1),
        "binary_cross_entropy_with_logits": lambda: theirs.sigmoid(),
    }.get(name, lambda: theirs)().detach()
    hot = torch.nn.functional.one_hot(y, 3).float() if name == "cross_entropy" else y

    mine, targets = leaf(scores), gv.tensor(target)
    recording, view, disc = drawn(getattr(F, name)(mine, targets, **settings), scores=mine, y=targets)
    end = face(recording, view)
    read = [
        np.array([float(text.replace("−", "-")) for text in column(end, disc, part)]).reshape(np.shape(scores))
        for part in "pyd"
    ]
    assert read[0] == pytest.approx(predictions.numpy(), abs=6e-5)
    assert read[1].tolist() == hot.tolist()
    assert read[2] == pytest.approx((predictions - hot).numpy(), abs=6e-5)
    # What is written under them makes the gradient of it.
    form = disc.notes[-1].partition(" = ")[2].replace("ŷ", "p").replace("−", "-").replace("·", "*").replace("))", ")) ")
    p, truth = predictions.numpy(), hot.numpy()
    assert eval(form, {"p": p, "y": truth}) == pytest.approx(theirs.grad.numpy(), abs=1e-6)
    assert disc.bars.labels == tuple(",".join(map(str, index)) for index in np.ndindex(np.shape(scores)))


def test_lengths_are_the_numbers(torch):
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    recording, view, disc = drawn(F.cross_entropy(logits, y), logits=logits, y=y)
    end, id = face(recording, view), disc.operation.id
    p = torch.tensor(SCORES).softmax(1).numpy()
    lengths = [float(length) for length in re.findall(r"h([\d.]+)v", end.path[f"{id}_bp"])]
    assert lengths == pytest.approx((p * BAR).ravel(), abs=0.06)
    assert end.path[f"{id}_by"].count("M") == 4  # one right class each
    starts = [float(start) for start in re.findall(r"M([\d.]+) ", end.path[f"{id}_bd"])]
    hot = np.eye(3)[[0, 1, 2, 1]]
    assert starts == pytest.approx((BAR / 2 + np.minimum(p - hot, 0) * BAR / 2).ravel(), abs=0.06)


def test_a_softmax_has_its_probabilities(torch):
    scores = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    for dim in (0, 1, -1):
        x = leaf(scores)
        recording, view, disc = drawn((F.softmax(x, dim) * gv.arange(3.0)).sum(), x=x)
        p = torch.tensor(scores).softmax(dim).numpy()
        labels = [tuple(map(int, label.split(","))) for label in disc.bars.labels]
        assert column(face(recording, view), disc, "p") == written([p[label] for label in labels])
        along = dim % 2
        assert [label[1 - along] for label in labels] == sorted(label[1 - along] for label in labels)
        assert disc.bars.captions == ("p",)


def test_bars_wait_for_their_step():
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    recording, view, disc = drawn(F.cross_entropy(logits, y), logits=logits, y=y)
    id = disc.operation.id
    moments = [(moment.step, moment.frame) for moment in recording.moments()]
    forward = next(step for step, frame in moments if (frame.phase, frame.current) == ("forward", id))
    backward = next(step for step, frame in moments if (frame.phase, frame.current) == ("backward", id))
    for step, _ in moments:
        shown = face(recording, view, step)
        assert (set(column(shown, disc, "p")) == {"·"}) == (step < forward)
        assert (set(column(shown, disc, "d")) == {"·"}) == (step < backward)
        assert bool(shown.path[f"{id}_bd"]) == (step >= backward)
    # The player's steps, one after the other, come to the same.
    so_far = {}
    for change in steps(recording, view):
        so_far.update(change["path"])
    assert so_far == face(recording, view).path


def test_targets_are_in_the_graph_with_their_numbers():
    x, y = leaf([[0.5, -1.0], [2.0, 0.1]]), gv.tensor([1, 0])
    losses = {
        "cross_entropy": F.cross_entropy(x, y),
        "nll_loss": F.nll_loss(x, y),
        "multi_margin_loss": F.multi_margin_loss(x, y),
        "soft_margin_loss": F.soft_margin_loss(x, gv.tensor([[1.0, -1.0], [1.0, 1.0]])),
        "an image of classes": F.cross_entropy(gv.zeros(1, 2, 2, 2, requires_grad=True), gv.tensor([[[0, 1], [1, 1]]])),
        "ctc_loss": F.ctc_loss(gv.zeros(3, 1, 4, requires_grad=True).log_softmax(2), gv.tensor([[1, 2]]), (3,), (2,)),
    }
    for name, loss in losses.items():
        recording = record_graph(loss, backward=True, names={"x": x, "y": y})
        operation = recording.graph.operations[-1] if name != "ctc_loss" else None
        operation = operation or next(o for o in recording.graph.operations if o.name == "ctc_loss")
        argument = operation.inputs[-1]
        assert argument.slot in ("target", "targets"), name
        assert argument.local == ""
        target = recording.graph.tensor(argument.tensor)
        assert (target.role, target.requires_grad) == ("input", False)
        assert dict(recording.frames[0].values)[target.id].data, name
        assert loads(dumps(recording)) == recording
        assert len({argument.id for _, argument in recording.graph.arguments()}) == sum(
            len(operation.inputs) for operation in recording.graph.operations
        )


def test_examples_that_do_not_count_have_no_target():
    logits, y = leaf(SCORES), gv.tensor([0, -100, 2, 1])
    recording, view, disc = drawn(F.cross_entropy(logits, y), logits=logits, y=y)
    end = face(recording, view)
    assert column(end, disc, "y")[3:6] == column(end, disc, "d")[3:6] == ["none"] * 3
    assert disc.notes == (TICK,)  # (p − y) / 4 would not be true


def test_where_examples_do_not_count_alike_no_formula_is_written():
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    *_, disc = drawn(F.cross_entropy(logits, y, weight=gv.tensor([1.0, 2.0, 3.0])), logits=logits, y=y)
    assert disc.notes == (TICK,)


def test_of_many_examples_the_first_are_shown_and_of_many_classes_none():
    logits, y = gv.zeros(32, 5, requires_grad=True), gv.zeros(32, dtype=gv.int64)
    *_, disc = drawn(F.cross_entropy(logits, y), logits=logits, y=y)
    assert len(disc.bars.labels) == 10 <= MOST_LINES
    assert disc.notes == (TICK, "the first 2 of 32", "∂/∂scores = (p − y) / 32")
    wide = gv.zeros(2, 50, requires_grad=True)
    view = draw_recording(record_graph(F.cross_entropy(wide, gv.tensor([0, 1])), backward=True)).view
    assert all(disc.bars is None for disc in view.discs)


def test_without_a_backward_pass_the_difference_is_there_with_the_loss():
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    drawing = draw_recording(record_graph(F.cross_entropy(logits, y), backward=False))
    recording, view = drawing.shown, drawing.view
    disc = next(disc for disc in view.discs if disc.bars is not None)
    assert "·" not in column(face(recording, view), disc, "d")


def test_what_is_not_finite_has_no_bar():
    x, y = leaf([float("inf"), 1.0, float("nan")]), gv.tensor([1.0, 2.0, 3.0])
    recording, view, disc = drawn(F.mse_loss(x, y), x=x, y=y)
    end = face(recording, view)
    assert column(end, disc, "p") == ["∞", "1", "nan"]
    assert end.path[f"{disc.operation.id}_bp"].count("M") == 1
    assert "nan" not in end.path[f"{disc.operation.id}_bd"]


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_bars_are_drawn_in_every_theme_and_inside_their_box(theme):
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    recording, view, disc = drawn(F.cross_entropy(logits, y), logits=logits, y=y)
    svg = draw_recording(recording, theme=theme).to_svg()
    for kind in ("gv-bar-p", "gv-bar-y", "gv-bar-d"):
        assert f'class="{kind}"' in svg
        assert theme == "light" or f".{kind}{{" in svg
    assert disc.bars.height < disc.height
    first = draw_recording(recording, step=0)
    assert (first.view.discs, first.layout) == (view.discs, draw_recording(recording).layout)  # nothing moves


# --- one disc for what was written as one ------------------------------------------------------------------------------


def test_a_cross_entropy_is_one_operation_whose_step_says_probability_minus_target(torch):
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    loss = F.cross_entropy(logits, y)
    recording, _, disc = drawn(loss, logits=logits, y=y, loss=loss)
    assert [operation.name for operation in recording.graph.operations] == ["cross_entropy"]
    assert dict(disc.operation.attributes)["stands for"] == "LogSoftmaxBackward0, NllLossBackward0"
    assert [tensor.name for tensor in recording.graph.tensors] == ["logits", "y", "loss"]
    assert [frame.phase for frame in recording.frames] == ["forward", "forward", "backward", "backward"]
    last = recording.frames[-1]
    forward = recording.frames[1]
    assert forward.sentence == (
        "loss is computed from logits and y. It is the mean of −ln p of the right class over 4 examples, "
        "where p is softmax(logits)."
    )
    assert forward.equation[0].text.startswith("loss = cross_entropy(logits, y) = −(ln(0.659) + ln(0.85798) + ln(")
    right = [part.value.data[0] for part in forward.equation[0].sides[2] if part.text.startswith("0.")]
    assert -np.mean(np.log(right)) == pytest.approx(loss.item())
    assert last.sentence == (
        "logits gets p − onehot(y), over the 4 examples of the mean; p is softmax(logits). "
        "A step against this gradient raises each right class and lowers the others."
    )
    (line,) = last.equation
    assert line.text.startswith("∂loss/∂logits = (p − onehot(y))/4 = ([[0.659")
    theirs = torch.tensor(SCORES, requires_grad=True)
    torch.nn.functional.cross_entropy(theirs, torch.tensor([0, 1, 2, 1])).backward()
    sent = last.contributions[0]
    assert sent.argument == recording.graph.operations[0].inputs[0].id
    assert np.reshape(sent.value.data, (4, 3)) == pytest.approx(theirs.grad.numpy())
    # With the numbers in the equation it comes to the same.
    p, truth = (
        next(part.value for part in line.sides[-2] if part.text.startswith(start)) for start in ("[[0.6", "[[1")
    )
    worked_out = (np.array(p.data) - np.array(truth.data)) / 4
    assert worked_out == pytest.approx(np.array(sent.value.data), abs=1e-7)
    # And so does the link: what one entry of the scores does to the loss.
    assert np.array(recording.graph.operations[0].inputs[0].link.value.data) == pytest.approx(np.array(sent.value.data))
    assert loads(dumps(recording)) == recording


@pytest.mark.parametrize(
    ("scores", "target", "reduction", "told", "right"),
    [
        (SCORES[0], 1, "mean", "It is −ln p of the right class, where p is softmax(s).", "−ln(0.2424)"),
        (SCORES[:2], [1, 0], "sum", "It is the sum of −ln p of the right class over 2 examples", "−(ln(0.2424) + ln(0.1161))"),
        (SCORES * 2, [1] * 8, "mean", "It is the mean of −ln p of the right class over 8 examples", "cross_entropy(s, y)"),
    ],
)  # fmt: skip
def test_a_cross_entropy_says_what_it_is(scores, target, reduction, told, right):
    s, y = leaf(scores), gv.tensor(target)
    loss = F.cross_entropy(s, y, reduction=reduction)
    forward = drawn(loss, s=s, y=y, loss=loss)[0].frames[1]
    assert told in forward.sentence
    assert re.split(" [=≈] ", forward.equation[0].text)[-2] == right


def test_a_cross_entropy_further_back_multiplies_with_what_arrives():
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    recording, *_ = drawn(F.cross_entropy(logits, y) * 3, logits=logits, y=y)
    line = recording.frames[-1].equation[0].text
    assert " · (p − onehot(y))/4 = 3 · ([[" in line


@pytest.mark.parametrize(
    "case", ["weighted", "one does not count", "log_softmax by hand", "named", "every operation", "smoothed"]
)
def test_what_is_not_plainly_one_stays_as_it_is(case):
    logits, y = leaf(SCORES), gv.tensor([0, 1, 2, 1])
    scores = F.log_softmax(logits, 1)
    loss = {
        "weighted": lambda: F.cross_entropy(logits, y, weight=gv.tensor([1.0, 2.0, 3.0])),
        "one does not count": lambda: F.cross_entropy(logits, gv.tensor([0, -100, 2, 1])),
        "log_softmax by hand": lambda: F.nll_loss(F.log_softmax(logits, 1), y),
        "named": lambda: F.nll_loss(scores, y),
        "every operation": lambda: F.cross_entropy(logits, y),
        "smoothed": lambda: F.cross_entropy(logits, y, label_smoothing=0.1),
    }[case]()
    recording = record_graph(loss, backward=True, names={"logits": logits, "scores": scores, "loss": loss})
    drawing = draw_recording(recording, every_operation=case == "every operation")
    names = [operation.name for operation in drawing.shown.graph.operations]
    assert {"log_softmax", "nll_loss"} <= set(names)
    assert "cross_entropy" not in names
