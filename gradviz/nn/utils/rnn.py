"""Helpers for sequences of different lengths, as PyTorch's ``torch.nn.utils.rnn``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradviz.engine import functions
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["pad_sequence", "unpad_sequence"]


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
    raise AttributeError(f"gradviz has no nn.utils.rnn.{name}; there are: {', '.join(__all__)}")
