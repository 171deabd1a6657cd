"""Data sets, samplers and loaders: PyTorch's batches in PyTorch's order."""

from __future__ import annotations

import doctest
import importlib
import random
import warnings
from collections import OrderedDict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import gradviz as gv
from gradviz.utils import data

Point = namedtuple("Point", "x y")


def plain(value):
    """A value with its tensors as arrays, to compare across libraries."""
    if hasattr(value, "detach"):
        return ("tensor", str(value.dtype), tuple(value.shape), value.tolist())
    if isinstance(value, dict | MappingProxyType):
        return (type(value).__name__, [(key, plain(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        return (type(value).__name__, [plain(item) for item in value])
    return value


@pytest.fixture
def both(torch):
    """Run a function of ``(torch, torch.utils.data)`` in both libraries; the results must be equal."""

    def run(function):
        theirs = function(torch, torch.utils.data)
        mine = function(gv, data)
        assert plain(mine) == plain(theirs)
        return mine

    return run


def rows(t, d, count=10):
    return d.TensorDataset(t.arange(2.0 * count).reshape(count, 2), t.arange(count))


def raised(t, d, code):
    """What an expression raises, as text."""
    names = {name: getattr(d, name) for name in data.__all__}
    with pytest.raises(Exception) as caught:  # noqa: PT011 (which, is what is compared)
        eval(code, {**names, "t": t, "rows": rows(t, d), "Stream": stream_class(d)})
    return type(caught.value).__name__, str(caught.value)


def stream_class(d):
    class Stream(d.IterableDataset):
        def __init__(self, count):
            self.count = count

        def __iter__(self):
            return iter(range(self.count))

        def __len__(self):
            return self.count

        def __repr__(self):
            return "Stream"

    return Stream


# --- order ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    {}, {"batch_size": 4}, {"batch_size": 4, "shuffle": True}, {"batch_size": 4, "shuffle": True, "drop_last": True},
    {"batch_size": 5, "drop_last": True}, {"batch_size": None}, {"batch_size": None, "shuffle": True},
    {"batch_size": 20, "shuffle": True},
])  # fmt: skip
@pytest.mark.parametrize("own_generator", [False, True])
def test_batches_come_in_pytorchs_order(both, options, own_generator):
    def epochs(t, d):
        t.manual_seed(3)
        generator = {"generator": t.Generator().manual_seed(5)} if own_generator else {}
        loader = d.DataLoader(rows(t, d), **options, **generator)
        batches = [list(loader) for _ in range(3)]
        return batches, len(loader), t.rand(2), t.rand(2, **generator)

    both(epochs)


def test_two_loaders_at_once(both):
    def interleaved(t, d):
        t.manual_seed(1)
        loaders = [d.DataLoader(rows(t, d), 3, shuffle=True) for _ in range(2)]
        return [pair for _ in range(2) for pair in zip(*loaders, strict=True)]

    both(interleaved)


SAMPLERS = {
    "SequentialSampler": lambda d, g: d.SequentialSampler(range(7)),
    "RandomSampler": lambda d, g: d.RandomSampler(range(7), generator=g),
    "RandomSampler, many": lambda d, g: d.RandomSampler(range(7), num_samples=20, generator=g),
    "RandomSampler, few": lambda d, g: d.RandomSampler(range(7), num_samples=3, generator=g),
    "RandomSampler, replacement": lambda d, g: d.RandomSampler(range(7), True, num_samples=70, generator=g),
    "RandomSampler, replacement 64": lambda d, g: d.RandomSampler(range(7), True, num_samples=64, generator=g),
    "SubsetRandomSampler": lambda d, g: d.SubsetRandomSampler([2, 3, 5, 7, 11], generator=g),
    "WeightedRandomSampler": lambda d, g: d.WeightedRandomSampler([0.1, 3, 0, 1.5], 30, generator=g),
    "WeightedRandomSampler, once": lambda d, g: d.WeightedRandomSampler([1.0, 2, 3], 2, False, generator=g),
    "WeightedRandomSampler, one": lambda d, g: d.WeightedRandomSampler([1.0, 2, 3], 1, generator=g),
    "BatchSampler": lambda d, g: d.BatchSampler(d.RandomSampler(range(7), generator=g), 3, False),
    "BatchSampler, drop_last": lambda d, g: d.BatchSampler(d.RandomSampler(range(7), generator=g), 3, True),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("own_generator", [False, True])
def test_samplers(both, name, own_generator):
    def drawn(t, d):
        t.manual_seed(0)
        generator = t.Generator().manual_seed(7) if own_generator else None
        sampler = SAMPLERS[name](d, generator)
        return [list(sampler), list(sampler)], len(sampler), t.rand(3)

    both(drawn)


def test_samplers_of_ones_own(both):
    def loaded(t, d):
        class Backwards(d.Sampler):
            def __iter__(self):
                t.rand(1)  # when it draws matters
                return iter(range(9, -1, -1))

            def __len__(self):
                return 10

        t.manual_seed(0)
        loaders = [
            d.DataLoader(rows(t, d), 4, sampler=Backwards()),
            d.DataLoader(rows(t, d), None, sampler=Backwards()),
            d.DataLoader(rows(t, d), batch_sampler=[[1, 2], [3]]),
            d.DataLoader(rows(t, d), sampler=d.WeightedRandomSampler([1.0] * 10, 5), batch_size=2),
        ]
        return [(list(loader), len(loader), t.rand(1)) for loader in loaders]

    both(loaded)


@pytest.mark.parametrize("lengths", [[7, 3], [0.7, 0.3], [0.5, 0.25, 0.25], [0.33, 0.33, 0.34], [10], [5, 0, 5], [1.0]])
@pytest.mark.parametrize("own_generator", [False, True])
def test_random_split(both, lengths, own_generator):
    def split(t, d):
        t.manual_seed(4)
        generator = {"generator": t.Generator().manual_seed(5)} if own_generator else {}
        parts = d.random_split(rows(t, d), lengths, **generator)
        return [[list(part), len(part), part.indices] for part in parts], t.rand(1)

    both(split)


def test_an_empty_part_is_warned_about(both):
    def split(t, d):
        with pytest.warns(UserWarning, match="Length of split at index 2 is 0. This might result in an empty dataset"):
            return [len(part) for part in d.random_split(range(3), [0.5, 0.3, 0.2])]

    both(split)


# --- data sets ------------------------------------------------------------------------------------------------------------


def test_data_sets(both):
    def items(t, d):
        five, three = rows(t, d, 5), rows(t, d, 3)
        joined = five + three
        subset = d.Subset(joined, [7, 0, 5])
        stacked = d.StackDataset(five, range(5))
        named = d.StackDataset(row=five, number=range(5))
        return (
            [five[2], five[-1], five[1:3], len(five)],
            [joined[4], joined[5], joined[-8], len(joined), list(joined)],
            [subset[0], len(subset), list(d.DataLoader(subset, 2))],
            [d.Subset(five, [3, 1])[[0, 1]]],
            [stacked[1], len(stacked), list(d.DataLoader(stacked, 3))],
            [named[1], list(d.DataLoader(named, 3))],
        )

    both(items)


def test_streams(both):
    def batches(t, d):
        stream = stream_class(d)
        t.manual_seed(0)
        both_streams = stream(3) + stream(4)
        return (
            [list(d.DataLoader(stream(7), 3)), len(d.DataLoader(stream(7), 3))],
            [list(d.DataLoader(stream(7), 3, drop_last=True)), len(d.DataLoader(stream(7), 3, drop_last=True))],
            [list(d.DataLoader(stream(7), None)), len(d.DataLoader(stream(7), None))],
            [list(both_streams), len(both_streams)],
            t.rand(1),
        )

    both(batches)


def test_a_data_set_of_ones_own(both):
    def loaded(t, d):
        class Squares(d.Dataset):
            def __len__(self):
                return 5

            def __getitem__(self, number):
                return {"n": number, "square": float(number) ** 2, "name": str(number)}

        class Several(Squares):
            def __getitems__(self, numbers):
                return [self[number + 100] for number in numbers]

        return list(d.DataLoader(Squares(), 2)), list(d.DataLoader(Several(), 2))

    both(loaded)


def test_a_generator_function_is_read_as_it_is_asked_for():
    read = []

    class Stream(data.IterableDataset):
        def __iter__(self):
            for number in range(100):
                read.append(number)
                yield number

    assert next(iter(data.DataLoader(Stream(), 3))).tolist() == [0, 1, 2]
    assert read == [0, 1, 2]


# --- batches --------------------------------------------------------------------------------------------------------------

ITEMS = {
    "ints": lambda t: [1, 2],
    "floats": lambda t: [1.5, 2.5],
    "bools": lambda t: [True, False],
    "strings": lambda t: ["a", "b"],
    "bytes": lambda t: [b"a", b"b"],
    "tensors": lambda t: [t.ones(2), t.zeros(2)],
    "tensors without dimensions": lambda t: [t.tensor(1), t.tensor(2)],
    "arrays": lambda t: [np.ones(2), np.zeros(2)],
    "float32 arrays": lambda t: [np.ones(2, "f"), np.zeros(2, "f")],
    "float64 scalars": lambda t: [np.float64(1), np.float64(2)],
    "float32 scalars": lambda t: [np.float32(1), np.float32(2)],
    "int32 scalars": lambda t: [np.int32(1), np.int32(2)],
    "bool scalars": lambda t: [np.bool_(True), np.bool_(False)],
    "tuples": lambda t: [(1, 2.5), (3, 4.5)],
    "lists": lambda t: [[1, t.ones(2)], [3, t.ones(2)]],
    "dictionaries": lambda t: [{"a": 1, "b": [1, 2]}, {"a": 2, "b": [3, 4]}],
    "ordered dictionaries": lambda t: [OrderedDict(b=1, a=2), OrderedDict(b=3, a=4)],
    "read-only dictionaries": lambda t: [MappingProxyType({"a": 1}), MappingProxyType({"a": 2})],
    "named tuples": lambda t: [Point(1, 2.5), Point(3, 4.5)],
    "ranges": lambda t: [range(2), range(1, 3)],
    "nested": lambda t: [((1, {"x": t.ones(1)}), [Point(1, 2)]), ((2, {"x": t.zeros(1)}), [Point(3, 4)])],
}


@pytest.mark.parametrize("name", ITEMS)
def test_default_collate(both, name):
    both(lambda t, d: d.default_collate(ITEMS[name](t)))
    both(lambda t, d: d.default_convert(ITEMS[name](t)))
    both(lambda t, d: list(d.DataLoader(ITEMS[name](t), 2)))


def test_collating_leaves_the_items_alone():
    items = [{"a": [1, 2]}, {"a": [3, 4]}]
    data.default_collate(items)
    assert items == [{"a": [1, 2]}, {"a": [3, 4]}]


def test_rows_at_once_are_the_same_batches(both):
    def batches(t, d):
        def joined(items):
            return d.default_collate(items)

        table = d.TensorDataset(t.arange(12.0).reshape(6, 2), t.arange(6), t.ones(6, 1, 2))
        part = d.Subset(d.Subset(table, [5, 3, 1, 0]), [3, 1, 2])
        found = [
            (list(d.DataLoader(x, 2, sampler=sampler)), list(d.DataLoader(x, 2, sampler=sampler, collate_fn=joined)))
            for x in (table, part)
            for sampler in ([0, 2, 1], [-1, 0], np.array([1, 2]))
        ]
        for fast, slow in found:
            assert plain(fast) == plain(slow)
        for fast, _ in found:
            fast[0][0][0] = 77  # a copy
        with pytest.raises(IndexError):
            list(d.DataLoader(table, 2, sampler=[1, 6]))
        with pytest.raises(IndexError):
            list(d.DataLoader(table, batch_sampler=[[]]))
        return found, table[:]

    both(batches)


def test_a_batch_of_ones_own_making(both):
    both(lambda t, d: list(d.DataLoader(range(5), 2, collate_fn=lambda items: t.tensor(items) * 10)))


def test_gradients_flow_through_batches(both):
    def gradient(t, d):
        x = t.ones(4, 2, requires_grad=True)
        for (batch,) in d.DataLoader(d.TensorDataset(x), 3):
            (batch * len(batch)).sum().backward()
        return x.grad

    both(gradient)


# --- misuse ---------------------------------------------------------------------------------------------------------------

MISUSE = [
    "DataLoader(rows, num_workers=-1)",
    "DataLoader(rows, timeout=-1)",
    "DataLoader(rows, prefetch_factor=2)",
    "DataLoader(rows, persistent_workers=True)",
    "DataLoader(rows, multiprocessing_context='spawn')",
    "DataLoader(rows, shuffle=True, sampler=[1])",
    "DataLoader(rows, 2, batch_sampler=[[1]])",
    "DataLoader(rows, drop_last=True, batch_sampler=[[1]])",
    "DataLoader(rows, None, drop_last=True)",
    "DataLoader(rows, 0)",
    "DataLoader(rows, 2.0)",
    "DataLoader(rows, drop_last=1)",
    "DataLoader([], shuffle=True)",
    "DataLoader(Stream(3), shuffle=True)",
    "DataLoader(Stream(3), sampler=[1])",
    "DataLoader(Stream(3), batch_sampler=[[1]])",
    "setattr(DataLoader(rows), 'batch_size', 3)",
    "setattr(DataLoader(rows), 'dataset', 3)",
    "next(iter(DataLoader([[1], [1, 2]], 2)))",
    "next(iter(DataLoader([None, None], 2)))",
    "next(iter(DataLoader([t.ones(1), t.ones(2)], 2)))",
    "default_collate([Sampler(), 1]) if False else default_collate([{1, 2}])",
    "TensorDataset(t.ones(2), t.ones(3))",
    "ConcatDataset([])",
    "ConcatDataset([Stream(3)])",
    "ConcatDataset([[1, 2]])[-3]",
    "list(ChainDataset([[1, 2]]))",
    "len(ChainDataset([[1, 2]]))",
    "StackDataset()",
    "StackDataset([1], [1, 2])",
    "StackDataset([1], a=[1])",
    "Dataset()[0]",
    "random_split(rows, [3, 3])",
    "random_split(rows, [1.5, -0.5])",
    "RandomSampler(rows, replacement=1)",
    "RandomSampler(rows, num_samples=0)",
    "BatchSampler([1], 0, False)",
    "BatchSampler([1], 1, 0)",
    "WeightedRandomSampler([1.0], 0)",
    "WeightedRandomSampler([1.0], 1, 1)",
    "WeightedRandomSampler([[1.0]], 1)",
    "list(WeightedRandomSampler([1.0, -1.0], 2))",
    "list(WeightedRandomSampler([0.0, 0.0], 2))",
    "list(WeightedRandomSampler([1.0, 1.0], 3, False))",
    "list(WeightedRandomSampler([1.0, float('inf')], 2))",
    "list(WeightedRandomSampler([1.0, float('nan')], 2))",
    "list(WeightedRandomSampler([1.0, float('inf')], 1))",
    "list(WeightedRandomSampler([1.0, -1.0], 2, False))",
    "list(WeightedRandomSampler([0.0, 0.0], 1))",
]


@pytest.mark.parametrize("code", MISUSE)
def test_pytorchs_errors(both, code):
    both(lambda t, d: raised(t, d, code))


def test_what_is_not_supported_says_so():
    with pytest.raises(
        AttributeError, match=r"gradviz has no utils\.data\.DistributedSampler; there are: BatchSampler, "
    ):
        data.DistributedSampler  # noqa: B018
    import gradviz.utils

    with pytest.raises(AttributeError, match=r"gradviz has no utils\.tensorboard: it does not write files"):
        gradviz.utils.tensorboard  # noqa: B018


def test_pinned_memory_is_warned_about(torch):
    loader = data.DataLoader(range(3), pin_memory=True)
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        list(loader)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(data.DataLoader(range(3)))


@pytest.mark.parametrize("module", ["collate", "datasets", "loader", "samplers"])
def test_examples(module):
    assert doctest.testmod(importlib.import_module(f"gradviz.utils.data.{module}")).failed == 0


class Noisy:
    """A data set whose items are drawn when they are asked for, in three ways."""

    def __init__(self, library):
        self.library = library

    def __len__(self):
        return 7

    def __getitem__(self, number):
        return number, random.random(), float(np.random.rand()), self.library.rand(2)


def streaming(library):
    """An iterable data set that shares its numbers out among the workers, as PyTorch's documentation does it."""

    class Stream(library.utils.data.IterableDataset):
        def __init__(self):
            super().__init__()
            self.start, self.end = 0, 11

        def __iter__(self):
            told = library.utils.data.get_worker_info()
            seen = [0, 1, -1] if told is None else [told.id, told.num_workers, told.dataset is self]
            return iter([(number, *seen) for number in range(self.start, self.end)])

    return Stream()


def shares_out(library):
    def share(number):
        told = library.utils.data.get_worker_info()
        assert told.id == number
        dataset = told.dataset
        each = -(-dataset.end // told.num_workers)
        dataset.start, dataset.end = number * each, min(dataset.end, (number + 1) * each)

    return share


def flat(batches):
    return [[part.tolist() if hasattr(part, "tolist") else part for part in batch] for batch in batches]


def test_workers_load_what_pytorchs_do(torch):
    def run(library):
        library.manual_seed(3)
        random.seed(5)
        loader = library.utils.data.DataLoader(Noisy(library), batch_size=2, shuffle=True, num_workers=2)
        found = [flat(loader), flat(loader)]  # two epochs
        lasting = library.utils.data.DataLoader(Noisy(library), 3, num_workers=2, persistent_workers=True)
        found += [flat(lasting), flat(lasting)]
        shared = library.utils.data.DataLoader(streaming(library), 2, num_workers=2, worker_init_fn=shares_out(library))
        found += [flat(shared), flat(library.utils.data.DataLoader(streaming(library), 4, num_workers=2))]
        # What is drawn outside of the workers goes on as if they were not there.
        return found, random.random(), library.rand(2).tolist(), loader.prefetch_factor

    assert run(gv) == run(torch)
    assert gv.utils.data.get_worker_info() is None
