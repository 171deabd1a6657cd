"""Sequences of different lengths in one batch, beside PyTorch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import gradviz as gv
from gradviz.nn.utils import rnn

LENGTHS = [[4, 3, 1], [2, 4, 3], [3, 3, 3]]


def packed(t, lengths, batch_first=True):
    longest = max(lengths)
    x = t.arange(len(lengths) * longest * 3.0).reshape(len(lengths), longest, 3) / 10 - 1
    x = x.requires_grad_()
    data = x if batch_first else x.transpose(0, 1)
    pack = t.nn.utils.rnn.pack_padded_sequence
    return x, pack(data, t.tensor(lengths), batch_first=batch_first, enforce_sorted=lengths == sorted(lengths)[::-1])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_packing_and_padding(torch, lengths, batch_first):
    seen = []
    for t in (gv, torch):
        x, sequence = packed(t, lengths, batch_first)
        padded, sizes = t.nn.utils.rnn.pad_packed_sequence(sequence, batch_first, padding_value=-7.0, total_length=5)
        (padded**2).sum().backward()
        seen.append(
            [sequence.data.tolist(), sequence.batch_sizes.tolist(), padded.tolist(), sizes.tolist(), x.grad.tolist()]
        )
        seen[-1] += [None if i is None else i.tolist() for i in sequence[2:]]
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("name", "both", "start"), [*itertools.product(["RNN", "GRU", "LSTM"], [False, True], [False, True])]
)
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_recurrent_layers_stop_at_the_end_of_each_sequence(torch, name, both, start, lengths):
    seen = []
    for t in (gv, torch):
        t.manual_seed(0)
        layer = getattr(t.nn, name)(3, 2, num_layers=2, bidirectional=both)
        x, sequence = packed(t, lengths, batch_first=False)
        h = t.arange((2 + 2 * both) * len(lengths) * 2.0).reshape(2 + 2 * both, len(lengths), 2) / 5
        first = ((h, h / 2) if name == "LSTM" else h,) if start else ()
        output, last = layer(sequence, *first)
        padded, _ = t.nn.utils.rnn.pad_packed_sequence(output)
        last = last if isinstance(last, tuple) else (last,)
        ((padded**2).sum() + sum((part * 3).sum() for part in last)).backward()
        arrays = [padded, *last, x.grad, *(p.grad for p in layer.parameters())]
        seen.append([array.detach().numpy() for array in arrays])
    for ours, theirs in zip(*seen, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_lists_of_sequences(torch):
    for t in (gv, torch):
        parts = [t.tensor([1.0, 2, 3]), t.tensor([4.0]), t.tensor([5.0, 6])]
        sequence = t.nn.utils.rnn.pack_sequence(parts, enforce_sorted=False)
        assert sequence.data.tolist() == [1, 5, 4, 2, 6, 3]
        assert [part.tolist() for part in t.nn.utils.rnn.unpack_sequence(sequence)] == [[1, 2, 3], [4], [5, 6]]
    assert isinstance(sequence, tuple)
    assert rnn.PackedSequence(gv.ones(1), gv.ones(1)).double().data.dtype is gv.float64


@pytest.mark.parametrize("lengths", [[1, 2], [2, 0], [2], [-1, -2]], ids=str)
def test_lengths_that_cannot_be_are_refused_in_pytorchs_words(torch, lengths):
    said = []
    for t in (gv, torch):
        with pytest.raises(RuntimeError) as error:
            t.nn.utils.rnn.pack_padded_sequence(t.ones(2, 2), lengths)
        said.append(str(error.value))
    assert said[0] == said[1]


def test_a_sequence_longer_than_its_row_is_refused():
    with pytest.raises(RuntimeError, match="a sequence is 5 long, but the input has only 2 steps"):
        rnn.pack_padded_sequence(gv.ones(2, 2), [5, 1])
    with pytest.raises(ValueError, match="total_length=1"):
        rnn.pad_packed_sequence(rnn.pack_padded_sequence(gv.ones(2, 2), [2, 1]), total_length=1)
