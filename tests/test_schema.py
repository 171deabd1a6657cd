"""The schema of a recording: what is written keeps to it, what it refuses cannot be read, and it says what each field means."""

from __future__ import annotations

import copy
import json
import runpy
from pathlib import Path

import jsonschema
import pytest
from damage import Damages
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz import examples
from gradviz.recording import dumps, loads, record_graph
from gradviz.recording.codec import RecordingError

SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "schema.py"))
SCHEMA = json.loads(SCRIPT["FILE"].read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)


def of_a_network():
    """Modules and their calls, a large tensor, a table of entries, numbers that JSON does not know."""
    net = gv.nn.Sequential(gv.nn.Linear(80, 60), gv.nn.ReLU(), gv.nn.Linear(60, 2))
    x = gv.randn(3, 80)
    x[0, 0] = float("inf")
    loss = net(x)[gv.tensor([0, 2])].sum()
    return json.loads(dumps(record_graph(loss, backward=True, variables=({"net": net, "x": x, "loss": loss},))))


def of_a_line():
    w, mask = gv.tensor([1.0, float("nan")], requires_grad=True), gv.tensor([True, False])
    return json.loads(dumps(record_graph((w * 2).where(mask, w).sum(), backward=True)))


DOCUMENTS = [of_a_line(), json.loads(dumps(examples.run(examples.EXAMPLES[0]).recording))]


def test_the_schema_is_up_to_date():
    assert SCRIPT["FILE"].read_text(encoding="utf-8") == SCRIPT["written"](), "run python docs/schema.py"


def test_it_is_a_schema_that_tells_of_everything():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    untold = [
        f"{name}.{field}"
        for name, kind in (("Recording", SCHEMA), *SCHEMA["$defs"].items())
        for field, told in kind.get("properties", {}).items()
        if not told.get("description")
    ]
    assert untold == []


def test_recordings_keep_to_it():
    network = of_a_network()
    assert network["graph"]["calls"]
    for document in (network, *DOCUMENTS):
        VALID.validate(document)


@pytest.mark.parametrize("example", examples.EXAMPLES[1:4], ids=lambda example: example.name)
def test_the_tutorials_recordings_keep_to_it(example):
    VALID.validate(json.loads(dumps(examples.run(example).recording)))


def without(way):
    return lambda document: at(document, way[:-1]).pop(way[-1])


def given_as(way, value):
    return lambda document: at(document, way[:-1]).__setitem__(way[-1], value)


def at(tree, way):
    for step in way:
        tree = tree[step]
    return tree


@pytest.mark.parametrize(
    "damage",
    [
        without(["format"]), without(["version"]), without(["frames"]), without(["graph", "tensors", 0, "name"]),
        given_as(["version"], 1), given_as(["version"], "2"), given_as(["format"], "gradviz.run"), given_as(["extra"], 1),
        given_as(["graph", "tensors", 0, "id"], "t_0"), given_as(["graph", "tensors", 0, "role"], "weight"),
        given_as(["graph", "tensors", 0, "shape"], [-1]), given_as(["graph", "tensors", 0, "shape"], [1] * 65),
        given_as(["graph", "tensors", 0, "shape"], 3), given_as(["graph", "tensors", 0, "requires_grad"], 1),
        given_as(["graph", "operations", 0, "inputs", 0, "colour"], "red"), given_as(["frames", 0, "phase"], "sideways"),
        given_as(["frames", 0, "values", 0], ["t0"]), given_as(["frames", 0, "values", 0, 1, "data"], ["infinite"]),
        given_as(["graph", "operations", 0, "sequence"], 2**60), given_as(["graph", "operations", 0, "grad_fn"], 7),
    ],
)  # fmt: skip
def test_what_is_damaged_does_not_and_cannot_be_read(damage):
    document = copy.deepcopy(DOCUMENTS[0])
    damage(document)
    assert not VALID.is_valid(document)
    with pytest.raises(RecordingError):
        loads(json.dumps(document))


DAMAGES = Damages(*DOCUMENTS)


@given(st.data())
@settings(max_examples=60)
def test_what_can_be_read_keeps_to_it(data):
    """It is never stricter than the reader, which knows more: that what is mentioned is there, and has its shape."""
    _, document = DAMAGES.one(data.draw)
    try:
        loads(json.dumps(document))
    except RecordingError:
        return
    VALID.validate(document)
