"""Expressions on the command line are bounded: whatever may be called, with whatever arguments, takes little."""

from __future__ import annotations

import inspect
import time
import tracemalloc
import warnings

import pytest

import gradviz as gv
from gradviz import bounds
from gradviz.expression import function_named
from gradviz.usage import UsageError

LARGE = 10**8
MOST_BYTES = 15 * bounds.MOST_ENTRIES
MOST_SECONDS = 5

NAMES = sorted(
    name
    for name in {*vars(gv), *vars(gv.nn.functional), *dir(gv.Tensor)}
    if not name.startswith(("_", "set_", "use_")) and name not in ("numpy", "manual_seed", "printoptions")
)


def arguments_of(function):
    """Arguments that nobody means: long tensors together, large numbers in each place and for each parameter."""
    line, tall, hundred = gv.ones(20_000), gv.ones(20_000, 1), gv.ones(100)
    small, image, large = gv.ones(1, 1, 3), gv.ones(1, 1, 4, 4), gv.tensor([LARGE])
    yield from (
        (given, {})
        for given in [
            (line,), (tall,), (line, line), (tall, tall), (tall, tall.T), (large,), (line, large), (hundred, 4), (LARGE,),
            (30_000, 30_000), ([line, line],), ([hundred] * 6,), (hundred,) * 4, (tall, 2), (line, 2, 2),
            ("a,b,c,d->abcd", *[hundred] * 4), ("a,b->ab", line, line),
        ]
    )  # fmt: skip
    for first in (small, image, line):
        for others in [
            (LARGE,),
            (3, LARGE),
            (1, 1, LARGE),
            ((LARGE, LARGE),),
            (first, None, 1, LARGE),
            (large,),
            (1e8,),
            (first, LARGE),
        ]:
            yield (first, *others), {}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return
    for name in set(parameters) - {"self", "input", "args", "kwargs"}:
        for number in (LARGE, (LARGE,), (LARGE, LARGE), 1e8):
            for given in ((small,), (image,), (small, small), (image, image), (line,)):
                yield given, {name: number}


def called(name):
    """Each way to call a name: as a function, and as a method of its first argument."""
    function = function_named(name)
    if function is not None:
        yield from ((function, given, options) for given, options in arguments_of(function))
    elif callable(getattr(gv.Tensor, name, None)):
        for (first, *others), options in arguments_of(getattr(gv.Tensor, name)):
            if isinstance(first, gv.Tensor):
                yield getattr(first, name), others, options


def test_whatever_is_called_is_refused_or_takes_little(sampled):
    refused = 0
    tracemalloc.start()
    try:
        for name in sampled(NAMES, 100):
            for function, given, options in called(name):
                tracemalloc.reset_peak()
                before, start = tracemalloc.get_traced_memory()[0], time.monotonic()
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        bounds.call(function, *given, **options)
                except UsageError:
                    refused += 1
                except MemoryError:
                    pytest.fail(f"{name}{given} {options}: asked for more than there is")
                except Exception:
                    pass  # most of these are no arguments of this function
                assert tracemalloc.get_traced_memory()[1] - before < MOST_BYTES, (name, given, options)
                assert time.monotonic() - start < MOST_SECONDS, (name, given, options)
    finally:
        tracemalloc.stop()
    assert refused > 100


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), gv.zeros(10**5).long()),
        gv.zeros(10**5).long(),
        (gv.zeros(10**4, 1).long(), gv.zeros(10**4).long()),
    ],
)
def test_an_index_is_bounded_too(index):
    with pytest.raises(UsageError, match="more than 10,000,000 entries"):
        bounds.index(gv.ones(200, 200), index)


def test_what_courses_compute_is_within_bounds():
    """In sizes that are drawn."""
    F = gv.nn.functional
    image, kernel, x = gv.ones(1, 3, 16, 16), gv.ones(4, 3, 3, 3), gv.ones(64, 100)
    for function, given, options in [
        (F.conv2d, (image, kernel), {"padding": 1}),
        (F.max_pool2d, (image, 2), {}),
        (F.interpolate, (image,), {"scale_factor": 2}),
        (F.pad, (x[:3], (1, 1)), {}),
        (F.linear, (x, gv.ones(50, 100), gv.ones(50)), {}),
        (F.layer_norm, (x, (100,)), {}),
        (F.cross_entropy, (x, gv.zeros(64).long()), {}),
        (F.one_hot, (gv.arange(10),), {}),
        (gv.einsum, ("ij,kj->ik", x, x), {}),
        (gv.stack, ([x, x],), {}),
        (gv.cdist, (x, x), {}),
        (gv.combinations, (gv.ones(10),), {}),
        (gv.diag, (gv.ones(100),), {}),
        (gv.tril, (gv.ones(1000, 1000),), {}),
        (F.gelu, (gv.ones(10**6),), {}),
        (gv.ones(10**6).sigmoid, (), {}),
        (gv.ones(3162, 3162).matmul, (gv.ones(3162, 1),), {}),
    ]:
        bounds.call(function, *given, **options)
