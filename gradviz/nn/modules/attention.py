"""Attention with several heads."""

from __future__ import annotations

from typing import Any

from gradviz.engine import creation, functions
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn import init
from gradviz.nn.module import Module
from gradviz.nn.modules.linear import NonDynamicallyQuantizableLinear
from gradviz.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Several heads, each of which looks at all places of a sequence in a way of its own.

    Parameters
    ----------
    embed_dim
        The length E of queries and outputs.
    num_heads
        The number of heads; each works with E / num_heads numbers.
    dropout
        The probability of leaving an attention weight out, in training.
    bias
        Whether the projections have biases.
    add_bias_kv
        Learn one more key and value, added to each sequence.
    add_zero_attn
        Add a key and a value of zeros to each sequence.
    kdim, vdim
        The lengths of keys and values, if they are not E.
    batch_first
        Inputs and outputs have the shape (N, L, E); by default (L, N, E).

    References
    ----------
    Vaswani et al., "Attention is all you need" (2017).
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim == self.vdim
        self.batch_first, self.add_zero_attn = batch_first, add_zero_attn
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def parameter(*size: int) -> Parameter:
            return Parameter(creation.empty(*size, device=device, dtype=dtype))

        together = self._qkv_same_embed_dim
        self.register_parameter("q_proj_weight", None if together else parameter(embed_dim, embed_dim))
        self.register_parameter("k_proj_weight", None if together else parameter(embed_dim, self.kdim))
        self.register_parameter("v_proj_weight", None if together else parameter(embed_dim, self.vdim))
        self.register_parameter("in_proj_weight", parameter(3 * embed_dim, embed_dim) if together else None)
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self.register_parameter("bias_k", parameter(1, 1, embed_dim) if add_bias_kv else None)
        self.register_parameter("bias_v", parameter(1, 1, embed_dim) if add_bias_kv else None)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Let each place of the query look at the keys and take from the values.

        See `gradviz.nn.functional.multi_head_attention_forward` for the arguments.

        Returns
        -------
        tuple
            The output, and the attention weights or ``None``.
        """
        turned = self.batch_first and query.ndim == 3
        if turned:
            # What is one tensor stays one: then queries, keys and values are projected in one product.
            turn = {id(part): functions.transpose(part, 1, 0) for part in (query, key, value)}
            query, key, value = turn[id(query)], turn[id(key)], turn[id(value)]
        output, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (functions.transpose(output, 1, 0) if turned else output), weights
