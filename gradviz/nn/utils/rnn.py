"""Helpers for sequences of different lengths, as PyTorch's ``torch.nn.utils.rnn``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from gradviz import absent
from gradviz.engine import functions
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

UNSORTED = (
    "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` "
    "to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not need ONNX exportability."
)


class PackedSequence(NamedTuple):
    """Sequences of different lengths, the longest first, without any padding: what `pack_padded_sequence` returns.

    Attributes
    ----------
    data
        First the first entries of all sequences, then the second ones of those that have one, and so on.
    batch_sizes
        How many sequences are that long, for each step.
    sorted_indices, unsorted_indices
        Where each sequence was before they were sorted by length, and where it is now; ``None`` if nothing was sorted.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Convert the data, as `Tensor.to` does."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def float(self) -> PackedSequence:
        """Convert the data to float32."""
        return self._replace(data=self.data.float())

    def double(self) -> PackedSequence:
        """Convert the data to float64."""
        return self._replace(data=self.data.double())


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | list[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Leave the padding out of a batch of sequences, so that a recurrent layer stops at the end of each.

    Parameters
    ----------
    input
        Of shape (L, N, ...), or (N, L, ...) with `batch_first`.
    lengths
        Of each sequence.
    enforce_sorted
        Expect the longest first; otherwise they are sorted here.

    Raises
    ------
    RuntimeError
        If a length is not between 1 and L, or they are not sorted.

    Examples
    --------
    >>> import gradviz as torch
    >>> pack_padded_sequence(torch.tensor([[1, 2], [3, 0]]), [2, 1], batch_first=True).data
    tensor([1, 3, 2])
    """
    sizes = np.asarray(lengths.tolist() if isinstance(lengths, Tensor) else lengths, np.int64)
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
        input = functions.index_select(input, 0 if batch_first else 1, wrap(order))
    rows = functions.transpose(input, 0, 1) if batch_first else input
    longest, count = rows.shape[:2]
    if len(sizes) != count:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={count})"
        )
    if (np.diff(sizes) > 0).any():
        raise RuntimeError(UNSORTED)
    if not len(sizes) or sizes[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if sizes[0] > longest:
        raise RuntimeError(f"a sequence is {sizes[0]} long, but the input has only {longest} steps")
    step, sequence = np.nonzero(np.arange(sizes[0])[:, None] < sizes)
    data = functions.reshape(rows, (longest * count, *rows.shape[2:]))
    batch_sizes = wrap(np.bincount(step, minlength=sizes[0]))
    sorted_indices = None if order is None else wrap(order)
    return PackedSequence(
        functions.index_select(data, 0, wrap(step * count + sequence)),
        batch_sizes,
        sorted_indices,
        invert_permutation(sorted_indices),
    )


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Undo `pack_padded_sequence`: return the padded sequences, in their first order, and their lengths.

    Parameters
    ----------
    sequence
        What was packed.
    batch_first
        Return (N, L, ...) in place of (L, N, ...).
    padding_value
        What to fill up with.
    total_length
        Pad to this length, at least the longest sequence's.
    """
    counts = sequence.batch_sizes.array
    longest = len(counts)
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {longest}"
        )
    lengths = (counts[:, None] > np.arange(counts[0])).sum(0)
    steps = total_length or longest
    # Each place takes its entry of the data, or the row of padding after the last one.
    starts = np.concatenate([np.cumsum(counts) - counts, np.zeros(steps - longest, np.int64)])
    place = starts[:, None] + np.arange(counts[0])
    place[np.arange(steps)[:, None] >= lengths] = counts.sum()
    filler = wrap(np.full((1, *sequence.data.shape[1:]), padding_value, sequence.data.array.dtype))
    flat = functions.index_select(functions.cat([sequence.data, filler]), 0, wrap(place.reshape(-1)))
    padded = functions.reshape(flat, (steps, int(counts[0]), *sequence.data.shape[1:]))
    if batch_first:
        padded = functions.transpose(padded, 0, 1)
    if sequence.unsorted_indices is not None:
        padded = functions.index_select(padded, 0 if batch_first else 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.array]
    return padded, wrap(lengths)


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors of shapes (L, ...) that differ in L alone; see `pack_padded_sequence`."""
    return pack_padded_sequence(
        pad_sequence(sequences), [len(part) for part in sequences], enforce_sorted=enforce_sorted
    )


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undo `pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the permutation that undoes another one."""
    return None if permutation is None else wrap(np.argsort(permutation.array))


def pad_sequence(
    sequences: Tensor | list[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Make sequences equally long, and stack them.

    Parameters
    ----------
    sequences
        Tensors of shapes (L, ...) that differ in L alone.
    batch_first
        Return (N, L, ...) in place of (L, N, ...).
    padding_value
        What to fill up with.
    padding_side
        ``"right"`` to fill up at the end, ``"left"`` at the beginning.

    Examples
    --------
    >>> import gradviz as torch
    >>> pad_sequence([torch.ones(2), torch.ones(3)], batch_first=True)
    tensor([[1., 1., 0.],
            [1., 1., 1.]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    parts = list(sequences)
    if not parts:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest = max(part.shape[0] for part in parts)
    padded = []
    for part in parts:
        missing = longest - part.shape[0]
        if missing:
            filler = wrap(np.full((missing, *part.shape[1:]), padding_value, part.array.dtype))
            part = functions.cat([part, filler] if padding_side == "right" else [filler, part])
        padded.append(part)
    return functions.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Take sequences of different lengths out of a padded tensor again."""
    rows = padded_sequences if batch_first else functions.transpose(padded_sequences, 0, 1)
    return [row[: int(length)] for row, length in zip(functions.unbind(rows), lengths.tolist(), strict=True)]


def __getattr__(name: str) -> Any:
    return absent.attribute("nn.utils.rnn", name, __all__)
