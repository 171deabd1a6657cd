"""How much an operation makes is known before it runs: over PyTorch's samples for every row, and with their settings made large."""

from __future__ import annotations

import math
import os
import random
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import op_db
import pytest

import gradviz as gv
from gradviz import recording
from gradviz.nn.operations.convolution import Geometry
from gradviz.recording import extent
from gradviz.recording.engine import ENGINE
from gradviz.training.files import codec

SAMPLE = int(os.environ.get("GRADVIZ_EXTENTS", "30"))
"""How many of the database's entries are looked at: ``GRADVIZ_EXTENTS=1000 pytest tests/test_extent.py`` takes all."""

MOST = 2**20
"""Entries that may be made: 8 MB."""


def computations_of(entry):
    """Functions that compute the first samples of an entry, down to one number."""
    import torch

    name = f"{entry.name}.{entry.variant_test_name}" if entry.variant_test_name else entry.name
    function = op_db.resolve(entry.name, name)
    if function is None:
        return
    for sample, _ in zip(entry.sample_inputs("cpu", torch.float64, requires_grad=True), range(2), strict=False):
        given, args, kwargs = (op_db.to_gradviz(part, []) for part in (sample.input, sample.args, sample.kwargs))

        def compute(function=function, given=given, args=args, kwargs=kwargs):
            results = op_db.flat(function(given, *args, **kwargs), gv.Tensor)
            return sum(result.sum() for result in results if result.requires_grad)

        try:
            if isinstance(compute(), gv.Tensor):
                yield compute
        except Exception:
            continue


def whole_numbers(value, way=()):
    """The ways to the whole numbers in a setting."""
    if isinstance(value, tuple | list):
        for place, part in enumerate(value):
            yield from whole_numbers(part, (*way, place))
    elif isinstance(value, Geometry):
        for name in ("stride", "padding", "dilation"):
            yield from whole_numbers(getattr(value, name), (*way, name))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield way


def changed(value, way, number):
    if not way:
        return number
    if isinstance(value, Geometry):
        return replace(value, **{way[0]: changed(getattr(value, way[0]), way[1:], number)})
    parts = list(value)
    parts[way[0]] = changed(parts[way[0]], way[1:], number)
    return type(value)(parts)


def asked_for(row, shapes, settings):
    return max(extent.result(row, shapes, settings), extent.on_the_way(row, shapes, settings))


@pytest.fixture(scope="module")
def computations(torch):
    entries = [entry for _, entry in op_db.entries()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chosen = random.Random(0).sample(entries, min(SAMPLE, len(entries)))
        return [compute for entry in chosen for compute in computations_of(entry)]


@pytest.fixture(scope="module")
def nodes(computations):
    found = [node for compute in computations for node in ENGINE.operations_behind([compute()])]
    assert len({type(node) for node in found}) > SAMPLE / 4
    return found


def test_a_result_is_as_large_as_was_foreseen(nodes):
    for node in nodes:
        row, shapes = node.operation, [np.shape(getattr(given, "array", given)) for given in node.inputs]
        foreseen = extent.result(row, shapes, node.settings)
        made = math.prod(node.output_shape) if isinstance(node.output_shape, tuple) and not node.many else 0
        assert made <= foreseen, row.name
        assert foreseen <= 2 * max(made, *map(math.prod, shapes), 100), row.name


def test_what_was_recorded_can_be_loaded(computations):
    """Of every operation: its recording, and a run in which it takes part."""
    for compute in computations:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recording.loads(recording.dumps(recording.record_graph(compute(), backward=True)))
            with gv.record(progress=False) as run:
                compute().backward()
            assert codec.loads(codec.dumps(run)).at(step=0).graph.operations


def test_settings_made_large_are_seen_through_or_make_little(nodes):
    seen = set()
    for node in nodes:
        if type(node) in seen:
            continue
        seen.add(type(node))
        row, arrays = node.operation, [getattr(given, "array", given) for given in node.inputs]
        shapes, settings = [np.shape(array) for array in arrays], tuple(node.settings)
        for way in [(place, *rest) for place, setting in enumerate(settings) for rest in whole_numbers(setting)]:
            for large in (20_011, 3_000_017):
                given = changed(settings, way, large)
                try:
                    if asked_for(row, shapes, given) > MOST:
                        continue
                except Exception:
                    continue
                tracemalloc.start()
                try:
                    with np.errstate(all="ignore"):
                        row.forward(*arrays, *given)
                except Exception:
                    pass
                finally:
                    peak = tracemalloc.get_traced_memory()[1]
                    tracemalloc.stop()
                assert peak < 4 * 8 * MOST, (row.name, row.settings[way[0]])
