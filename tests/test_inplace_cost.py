"""A change to part of a tensor costs what the part costs: counted in bytes, which no machine's speed changes."""

from __future__ import annotations

import tracemalloc

import pytest
from beside import outcome

import gradviz as gv
from gradviz.engine.copyslices import CopySlices

BYTES = 4_000_000
"""Of the tensors here of which a part is changed."""


def asked_for(run):
    """Return the most bytes that a call had in use at once, besides what was there before."""
    run()  # what is made once is made
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


CHANGES = {
    "add_": lambda b: b[0].add_(1),
    "+=": lambda b: b[0].__iadd__(1),
    "an item": lambda b: b.__setitem__((3, 4), 1.0),
    "a row": lambda b: b.__setitem__(3, gv.ones(1000)),
    "a column": lambda b: b[:, 3].mul_(2),
    "a diagonal": lambda b: b.diagonal().zero_(),
    "a transpose's row": lambda b: b.T[5].fill_(2),
    "a view's view": lambda b: b.view(-1)[10:20].view(2, 5)[1].exp_(),
    "a copy": lambda b: b[:2].copy_(gv.zeros(1000)),
    "of a list of indices": lambda b: b.__setitem__([1, 3], 0.0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", ["plain", "no_grad", "no_grad of a leaf"])
def test_what_is_not_recorded_costs_the_part(change, way):
    base = gv.zeros(1000, 1000, requires_grad=way == "no_grad of a leaf")
    with gv.set_grad_enabled(way == "plain"):
        assert asked_for(lambda: CHANGES[change](base)) < BYTES / 20


@pytest.mark.parametrize("change", [name for name in CHANGES if name != "of a list of indices"])  # that is no view
def test_what_is_recorded_costs_the_part_once_the_line_is_long(change, monkeypatch):
    monkeypatch.setattr(CopySlices, "LIMIT", 0)
    base = gv.zeros(1000, 1000) * gv.ones(1, requires_grad=True)
    assert asked_for(lambda: CHANGES[change](base)) < BYTES / 20


def recurrent(steps):
    """Collect a recurrence's states by assignment, as courses do."""
    weight, state, out = gv.eye(32, requires_grad=True), gv.ones(16, 32), gv.zeros(steps, 16, 32)
    for step in range(steps):
        state = gv.tanh(state @ weight)
        out[step] = state
    out.sum().backward()
    return out


def test_a_loop_costs_what_it_writes(monkeypatch):
    """Four times as many steps cost four times as much, and not sixteen times."""
    monkeypatch.setattr(CopySlices, "LIMIT", 0)
    few, many = asked_for(lambda: recurrent(40)), asked_for(lambda: recurrent(160))
    assert many < 5 * few


def test_living_views_are_not_looked_up_entry_by_entry(monkeypatch):
    monkeypatch.setattr(CopySlices, "LIMIT", 0)
    base = gv.zeros(1000, 1000) * gv.ones(1, requires_grad=True)
    rows = [base[row] for row in range(20)]
    assert asked_for(lambda: rows[0].add_(1)) < BYTES / 20


def test_of_a_long_line_the_first_are_kept_for_pictures(monkeypatch):
    monkeypatch.setattr(CopySlices, "LIMIT", 3 * 4 * 8)
    x = gv.ones(8, requires_grad=True)
    y = x * 1
    for place in range(5):
        y[place] = 0.0
    y.sum().backward()
    node, known = y.grad_fn, []
    while isinstance(node, CopySlices):
        known.append((node.inputs[0].values_at(node.made) is not None, node.seen[1] is not None))
        node = node.next_functions[0][0]
    assert known == [(False, False)] * 2 + [(True, True)] * 3
    assert x.grad.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


def changed_four_times():
    x = gv.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x * 2
    for place in range(4):
        y[place] = y[place] * 10
    return x, (y * y).sum()


def shown(recording):
    """Return the numbers and the gradients that a picture shows, frame by frame."""
    return [
        (
            frame.phase,
            [(key, value and value.data) for key, value in frame.values],
            [(g.tensor, g.value.data) for g in frame.gradients],
        )
        for frame in recording.frames
    ]


def test_a_pass_that_was_too_much_to_keep_is_not_shown_in_part(monkeypatch):
    """What is not known any more is not shown, and a pass that is run for the picture is the same as ever."""
    x, loss = changed_four_times()
    whole = shown(gv.backprop(loss).recording)
    loss.backward()
    assert shown(gv.draw(loss).recording) == whole
    monkeypatch.setattr(CopySlices, "LIMIT", 0)
    x, loss = changed_four_times()
    assert shown(gv.backprop(loss).recording) == whole
    loss.backward()
    assert x.grad.tolist() == [800, 1600, 2400, 3200]
    assert shown(gv.draw(loss).recording) == [frame for frame in whole if not frame[2]]
    with pytest.raises(RuntimeError, match="too many to be kept; call backward"):
        gv.backprop(loss)


BASES = {
    "rows": "x * 2",
    "columns": "x.T * 2",
    "permuted": "x.view(2, 2, 6).permute(2, 0, 1) * 1.5",
    "with gaps": "torch.from_numpy(a[::2, ::3])",
    "one number": "x.sum()",
    "empty": "x[:0] * 2",
    "one row": "(x * 2)[:1] * 1",
}
VIEWS = [
    "y[0]",
    "y.transpose(0, -1)",
    "y.diagonal()",
    "y[..., ::2]",
    "y.reshape(-1)",
    "y[0:1][:, 1:]",
    "y[:]",
    "y[:0]",
    "y[None, ..., None]",
]
WAYS = ["v.mul_(w.sum())", "v.pow_(2)", "v.copy_(w[0, 0] * w[0, 1])", "v.zero_()", "v.add_(1)"]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("base", BASES)
def test_wherever_the_part_stands(torch, base, view):
    """The numbers, both derivatives and the graphs of a base and of two views of it are PyTorch's."""
    for way in WAYS:
        program = (
            "import numpy as np; a = np.arange(24.0).reshape(4, 6) / 10\n"
            "x = torch.tensor(a, requires_grad=True); w = torch.tensor(a[:2, :2] + 0.5, requires_grad=True)\n"
            f"y = {BASES[base]}; other = {view}; v = {view}; {way}\n"
            "s = (y**2).sum() + (other * 3).sum(); g = torch.autograd.grad(s, (x, w), create_graph=True, allow_unused=True)\n"
            "t = sum((q**2).sum() for q in g if q is not None)\n"
            "h = torch.autograd.grad(t, (x, w), allow_unused=True)\n"
            "r = y.tolist(), other.tolist(), y.grad_fn.name(), other.grad_fn.name(), "
            "[q if q is None else (torch.round(q, decimals=6) + 0.0).tolist() for q in (*g, *h)]"
        )
        assert outcome(gv, program) == outcome(torch, program), way
