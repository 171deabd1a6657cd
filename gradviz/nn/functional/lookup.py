"""Class numbers and what stands for them."""

from __future__ import annotations

import numpy as np

from gradviz.engine import functions, inplace
from gradviz.engine.arguments import watching
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.operations import embedding as rows

__all__ = [
    "embedding", "embedding_bag", "one_hot",
]  # fmt: skip


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Turn class numbers into rows with a single 1.

    Parameters
    ----------
    tensor
        Class numbers (int64), of any shape.
    num_classes
        The length of the rows; by default one more than the largest number.

    Examples
    --------
    >>> import gradviz as torch
    >>> one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.array.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not tensor.numel() and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if tensor.numel() and tensor.array.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    count = int(tensor.array.max()) + 1 if num_classes == -1 else num_classes
    if tensor.numel() and tensor.array.max() >= count:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return wrap((np.asarray(tensor.array)[..., None] == np.arange(count)).astype(np.int64))


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Look up rows of a table.

    Parameters
    ----------
    input
        Row numbers, of any shape.
    weight
        The table (rows, D).
    padding_idx
        The number of a row that gets no gradient: it stands for "nothing here".
    max_norm
        Shrink the rows that are looked up to this norm, in place, if they are longer.
    norm_type
        Which norm.
    scale_grad_by_freq
        Divide each row's gradient by how often it was looked up.
    sparse
        Not supported.

    Returns
    -------
    Tensor
        Of shape ``(*input.shape, D)``.
    """
    if sparse:
        raise NotImplementedError("gradviz has no sparse gradients; supported: sparse=False")
    if weight.ndim and padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise AssertionError("Padding_idx must be within num_embeddings")
    if weight._requires_grad:
        weight.size(0)  # or it says that there is none; its derivative would need it
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    padding = -1 if padding_idx is None else padding_idx % weight.shape[0]
    indices = _row_numbers(input, weight, "embedding")
    if max_norm is not None:
        _shorten(weight, indices, max_norm, norm_type)
    return watching(rows.embedding(weight, indices, padding, scale_grad_by_freq), indices=input)


def _row_numbers(input: Tensor, weight: Tensor, name: str) -> np.ndarray:
    indices = np.asarray(input.array)
    if indices.dtype not in (np.int64, np.int32):
        got = "CPUBoolType" if indices.dtype == bool else input.type()
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{got} instead (while checking arguments for {name})"
        )
    if indices.size and (indices.min() < 0 or indices.max() >= weight.shape[0]):
        raise IndexError("index out of range in self")
    return indices


def _shorten(weight: Tensor, indices: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Shrink the rows that are looked up to a norm, in place."""
    table = np.array(weight.array)
    used = np.unique(indices)
    norms = np.linalg.norm(table[used], norm_type, axis=1, keepdims=True)
    table[used] = np.where(norms > max_norm, table[used] * (max_norm / (norms + 1e-7)), table[used])
    with no_grad():
        inplace.write(weight, table)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Look up rows of a table and sum, average or maximise them over bags of row numbers.

    Parameters
    ----------
    input
        Row numbers: (B, n) for B bags of n; or all bags one after the other.
    weight
        The table (rows, D).
    offsets
        Where each bag starts, if `input` has one axis.
    max_norm, norm_type, scale_grad_by_freq, sparse
        As for `embedding`.
    mode
        ``"sum"``, ``"mean"`` or ``"max"``.
    per_sample_weights
        Of the shape of `input`: how much each row counts in a sum.
    include_last_offset
        Whether `offsets` ends with the length of `input`.
    padding_idx
        The number of a row that does not count.

    Returns
    -------
    Tensor
        Of shape (bags, D); zeros for empty bags.
    """
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the same "
            f"shape as the input ({input.shape})"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if scale_grad_by_freq and mode == "max":
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )
    starts = _bag_starts(input, offsets, include_last_offset)
    flat = functions.reshape(input, (-1,))
    if not len(starts):
        return wrap(np.zeros((0, weight.shape[1]), weight.array.dtype))
    found = embedding(flat, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    bag = np.searchsorted(starts, np.arange(flat.numel()), side="right") - 1
    member = bag == np.arange(len(starts))[:, None]
    if padding_idx is not None:
        member &= flat.array != padding_idx % weight.shape[0]
    if mode == "max":
        return _bag_maximum(found, member)
    if per_sample_weights is not None:
        found = found * functions.reshape(per_sample_weights, (-1, 1))
    share = member / np.maximum(member.sum(1, keepdims=True), 1) if mode == "mean" else member
    return functions.matmul(wrap(share.astype(weight.array.dtype)), found)


def _bag_starts(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> np.ndarray:
    """Return where each bag starts in the row of all bags."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        return np.arange(input.shape[0]) * input.shape[1]
    if input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts = np.asarray(offsets.array)
    if len(starts) and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, "
            f"got {starts[0]}"
        )
    if len(starts) and starts[-1] > input.shape[0]:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {input.shape[0]} but got offsets[-1] of {starts[-1]}"
        )
    return starts[:-1] if include_last_offset else starts


def _bag_maximum(found: Tensor, member: np.ndarray) -> Tensor:
    """Return the largest entry of each column in each bag; 0 where a bag is empty."""
    columns = found.shape[1]
    if not found.numel():
        return wrap(np.zeros((len(member), columns), found.array.dtype))
    inside = np.where(member[:, :, None], found.array, -np.inf)
    largest = functions.gather(found, 0, wrap(inside.argmax(1)))
    empty = np.broadcast_to(~member.any(1, keepdims=True), tuple(largest.shape))
    return functions.masked_fill(largest, wrap(empty), 0.0)
