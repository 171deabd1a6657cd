"""A run that goes on, told to its page bit by bit: the page has the same in the end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import gradviz as gv
from gradviz.player.training.stream import Stream

PROGRAM = Path(__file__).parent / "frontend" / "streams.js"


def by_hand(epochs):
    """A loop moves its parameter itself: what became of it is known with the next step."""
    w = gv.tensor([2.0, -1.0], requires_grad=True)
    for _ in range(epochs):
        w.grad = None
        loss = ((w - 1.0) ** 2).sum()
        loss.backward()
        with gv.no_grad():
            w -= 0.1 * w.grad
        yield


def with_momentum(epochs):
    """The optimiser remembers something, and its learning rate falls."""
    gv.manual_seed(0)
    x, y = gv.randn(6, 3), gv.randn(6, 2)
    linear = gv.nn.Linear(3, 2)
    optimizer = gv.optim.SGD(linear.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 if epoch < 7 else 0.01
        loss = gv.nn.functional.mse_loss(linear(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield


def in_batches(epochs):
    """Every step has other data."""
    gv.manual_seed(0)
    linear = gv.nn.Linear(3, 1)
    optimizer = gv.optim.Adam(linear.parameters(), lr=0.1)
    for _ in range(epochs):
        loss = (linear(gv.randn(4, 3)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield


@pytest.mark.parametrize("loop", [by_hand, with_momentum, in_batches])
def test_what_was_told_bit_by_bit_is_the_whole_run(node, tmp_path, loop):
    told, first, stream = [], None, None
    with gv.record(epochs=12, progress=False) as run:
        for number, _ in enumerate(loop(12)):
            if number < 2:
                continue  # of the first steps a page is told all, whenever there is a new structure or parameter
            if stream is None:
                stream = Stream(run, None)
                first = stream.all()
            elif number in (3, 4, 8, 9):
                told.append(stream.more())
    told.append(stream.more())
    assert None not in told
    if loop is with_momentum:  # what is told grows with what is new, not with the run
        assert told[-1]["start"] >= 8
    assert not stream.lacks(len(run), len(run))
    assert stream.lacks(len(run) - 1, len(run))
    path = tmp_path / "told.json"
    path.write_text(json.dumps({"first": first, "further": told, "whole": Stream(run, None).all()}))
    done = subprocess.run([node, str(PROGRAM), str(path)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_a_new_parameter_means_that_all_is_told_anew():
    w, b = gv.tensor(2.0, requires_grad=True), gv.tensor(1.0, requires_grad=True)
    with gv.record(progress=False) as run:
        for epoch in range(4):
            loss = w**2 if epoch < 3 else (w + b) ** 2
            loss.backward()
            if epoch == 2:
                stream = Stream(run, None)
                stream.all()
    assert stream.more() is None
    assert len(stream.all()["parameters"]) == 2
    assert stream.more() is not None


def test_a_network_is_found_though_it_was_looked_for_in_the_middle_of_the_first_step():
    x, y, net = gv.randn(20, 2), gv.randn(20, 1), gv.nn.Sequential(gv.nn.Linear(2, 3), gv.nn.Tanh(), gv.nn.Linear(3, 1))
    optimizer = gv.optim.SGD(net.parameters(), lr=0.1)
    with gv.record(progress=False) as run:
        stream = Stream(run, None)
        for _ in range(3):
            optimizer.zero_grad()
            gv.nn.functional.mse_loss(net(x), y).backward()
            stream.all()
            optimizer.step()
    assert stream.all()["network"] is not None
