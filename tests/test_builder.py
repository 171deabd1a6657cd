"""Recordings told by hand: what they say is what a recording of the engine says of the same, and what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as gv
from gradviz.recording import Builder, Unknown, Words, dumps, loads, nudge, record_graph


def array_in(value):
    array = np.array(value.data, value.dtype).reshape(value.shape)
    return array if value.shape else array[()]


def retold(recording, settings):
    """Tell a recording of the engine again, by hand."""
    builder, known = Builder(recording.title, recording.producer), {}
    graph, at = recording.graph, recording.at(-1)
    name = {tensor.id: tensor.name if tensor.named else "" for tensor in graph.tensors}
    for tensor in graph.tensors:
        if tensor.role == "constant":
            known[tensor.id] = array_in(at.values[tensor.id]).item()
        elif tensor.producer is None:
            numbers = array_in(at.values[tensor.id])
            known[tensor.id] = builder.leaf(numbers, name[tensor.id], requires_grad=tensor.requires_grad)
    for operation in graph.operations:
        (made,) = operation.outputs
        inputs = [known[argument.tensor] for argument in operation.inputs]
        own = {key: one for key, one in settings.items() if key in dict(operation.attributes)}
        known[made] = builder.operation(operation.grad_fn, inputs, array_in(at.values[made]), name[made], settings=own)
    back = [frame for frame in recording.frames if frame.phase == "backward"]
    builder.seed(known[back[0].current], array_in(back[0].gradients[0].value))
    for frame in back[1:]:
        operation = graph.operation(frame.current)
        slots = {argument.id: argument.slot for argument in operation.inputs}
        sent = {slots[one.argument]: array_in(one.value) for one in frame.contributions}
        builder.send(known[operation.outputs[0]], sent)
    return builder.recording()


def a_line():
    w, x, b = gv.tensor(2.0, requires_grad=True), gv.tensor(5.0), gv.tensor(3.0, requires_grad=True)
    y = w * x + b
    return record_graph(y, backward=True, variables=(locals(),)), {}


def a_square_used_twice():
    x = gv.tensor([3.0, -1.0], requires_grad=True)
    loss = (x * x + x**2 * 2).sum()
    return record_graph(loss, backward=True, variables=(locals(),)), {"exponent": 2, "dim": None}


def a_layer():
    w, b = gv.randn(3, 2, requires_grad=True), gv.randn(2, requires_grad=True)
    x = gv.randn(4, 3)
    loss = ((x @ w + b).tanh() - 1).sum(0).exp().mean()
    return record_graph(loss, backward=True, variables=(locals(),)), {"dim": (0,), "keepdim": False}


@pytest.mark.parametrize("program", [a_line, a_square_used_twice, a_layer], ids=lambda program: program.__name__)
def test_what_is_told_by_hand_is_what_the_engine_tells(program):
    recording, settings = program()
    if program is a_layer:  # the mean at its end is of all
        settings = {"keepdim": False, "dim": (0,)}
    other = retold(recording, settings)
    assert other.title == recording.title
    assert [(t.id, t.role, t.shape, t.dtype) for t in other.graph.tensors] == [
        (t.id, t.role, t.shape, t.dtype) for t in recording.graph.tensors
    ]
    assert list(map(lambda pair: pair[1], other.graph.arguments())) == [a for _, a in recording.graph.arguments()]
    for mine, theirs in zip(other.frames, recording.frames, strict=True):
        assert (mine.phase, mine.current, mine.sentence) == (theirs.phase, theirs.current, theirs.sentence)
        assert mine.equation == theirs.equation
        assert mine.values == theirs.values
        assert (mine.contributions, mine.gradients) == (theirs.contributions, theirs.gradients)
    assert loads(dumps(other)) == other
