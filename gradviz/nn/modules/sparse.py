"""Layers that look numbers up."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import creation, inplace
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn import init
from gradviz.nn.module import Module
from gradviz.nn.parameter import Parameter

__all__ = [
    "Embedding", "EmbeddingBag",
]  # fmt: skip


class _Table(Module):
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        _weight: Tensor | None,
        _freeze: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        if _weight is None:
            weight = creation.empty(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.weight = Parameter(weight, requires_grad=not _freeze)
            self.reset_parameters()
        else:
            if list(_weight.shape) != [num_embeddings, embedding_dim]:
                raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew, from a normal distribution; the row for padding is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                inplace.write(self.weight, np.zeros((), self.weight.array.dtype), self.padding_idx)


class Embedding(_Table):
    """A table of vectors to learn, one for each class number.

    Parameters
    ----------
    num_embeddings
        The number of rows.
    embedding_dim
        The length of each.
    padding_idx
        The number of a row that stays 0: it stands for "nothing here".
    max_norm, norm_type, scale_grad_by_freq, sparse
        As for `gradviz.nn.functional.embedding`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.nn.Embedding(10, 3)(torch.tensor([[1, 2], [4, 5]])).shape
    torch.Size([2, 2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype)
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Make one from a table that is there already; unless told otherwise it is not learned."""
        if embeddings.ndim != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, length = embeddings.shape
        return cls(
            rows,
            length,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight=embeddings,
            _freeze=freeze,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Look up class numbers."""
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the usual ones."""
        return f"{self.num_embeddings}, {self.embedding_dim}" + _unusual(
            self, padding_idx=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, sparse=False
        )


class EmbeddingBag(_Table):
    """A table of vectors to learn, summed, averaged or maximised over bags of class numbers.

    Parameters
    ----------
    num_embeddings
        The number of rows.
    embedding_dim
        The length of each.
    max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx
        As for `gradviz.nn.functional.embedding_bag`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight, False, device, dtype)
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """Look up bags of class numbers."""
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the usual ones."""
        start = f"{self.num_embeddings}, {self.embedding_dim}"
        shortened = _unusual(self, max_norm=None, norm_type=2, scale_grad_by_freq=False)
        return start + shortened + f", mode='{self.mode}'" + _unusual(self, padding_idx=None)


def _unusual(module: Module, **usual: Any) -> str:
    settings = [(name, getattr(module, name)) for name in usual]
    return "".join(f", {name}={value}" for name, value in settings if value != usual[name])
