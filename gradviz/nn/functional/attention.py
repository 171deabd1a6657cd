"""Attention: every place of a sequence looks at the others, and takes from each as much as it matters."""

from __future__ import annotations

import math

import numpy as np

from gradviz.engine import dtypes, functions
from gradviz.engine.functions.shapes import contiguous
from gradviz.engine.operations import scalars
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.functional.activations import softmax
from gradviz.nn.functional.dropouts import dropout
from gradviz.nn.functional.layers import linear
from gradviz.nn.functional.padding import pad
from gradviz.nn.operations import attention as rows

__all__ = [
    "multi_head_attention_forward", "scaled_dot_product_attention",
]  # fmt: skip


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return ``softmax(query @ key.T * scale + mask) @ value``.

    Every step is an operation of its own, which a picture shows. (PyTorch does all in one for some shapes.)

    Parameters
    ----------
    query
        What each place looks for: (..., L, E).
    key
        What each place offers: (..., S, E).
    value
        What is taken from it: (..., S, D).
    attn_mask
        Of a shape that broadcasts to (..., L, S): False where a place may not look, or numbers to be added.
    dropout_p
        The probability of leaving an attention weight out, also in evaluation.
    is_causal
        No place may look at later ones.
    scale
        By default 1 / √E.
    enable_gqa
        Let several heads of the query share one of key and value (the third axis from the end).

    Returns
    -------
    Tensor
        Of shape (..., L, D).

    References
    ----------
    Vaswani et al., "Attention is all you need" (2017).
    """
    _check_attention(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = (_for_each_head(part, query.shape[-3]) for part in (key, value))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None and query.shape[-1] else (scale or 0.0)
    # As PyTorch: half of the scale for the query, half for the key, so that neither gets large.
    root = math.sqrt(abs(factor))
    scores = functions.matmul(
        scalars.mul(query, math.copysign(root, factor)), scalars.mul(functions.transpose(key, -2, -1), root)
    )
    if is_causal:
        attn_mask = wrap(np.tri(query.shape[-2], key.shape[-2], dtype=bool))
    if attn_mask is not None:
        scores = scores + _added(attn_mask, query)
    weights = rows.safe_softmax(scores, scores.ndim - 1)
    return functions.matmul(dropout(weights, dropout_p), value)


def _check_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    three = (query, key, value)
    if any(part.ndim < 2 for part in three):
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if len({part.array.dtype for part in three}) > 1:
        names = [_c_name(part) for part in three]
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: {} key.dtype: {} and "
            "value.dtype: {} instead.".format(*names)
        )
    if mask is None:
        return
    if is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if mask.array.dtype not in (np.bool_, np.float32, query.array.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{_c_name(mask)} and  query.dtype: {_c_name(query)} instead."
        )


def _c_name(tensor: Tensor) -> str:
    name = dtypes.scalar_type_name(tensor.dtype).lower()
    return "long int" if name == "long" else name


def _for_each_head(part: Tensor, heads: int) -> Tensor:
    """Repeat each head of a key or a value for the heads of the query that share it."""
    own = part.shape[-3]
    if heads % own:
        raise RuntimeError("Number of heads in key and value must divide the number of heads in ")
    front, back = part.shape[:-2], part.shape[-2:]
    wide = functions.expand(functions.unsqueeze(part, -3), (*front, heads // own, *back))
    return functions.reshape(wide, (*part.shape[:-3], heads, *back))


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """Turn a mask of "may look" into numbers to add: 0, or minus infinity where a place may not look."""
    if mask.array.dtype != bool:
        return mask
    return wrap(np.where(mask.array, 0.0, -np.inf).astype(like.array.dtype))


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Let several heads attend, each with projections of its own, and join what they find.

    This is what `gradviz.nn.MultiheadAttention` computes; its attributes have the same names as the parameters here.

    Parameters
    ----------
    query
        Of shape (L, N, E), or (L, E) for a single example.
    key, value
        Of shapes (S, N, ...) or (S, ...).
    key_padding_mask
        Of shape (N, S): True for places to be ignored, or numbers to be added.
    need_weights
        Return the attention weights as well.
    attn_mask
        Of shape (L, S) or (N · num_heads, L, S): True where a place may not look, or numbers to be added.
    average_attn_weights
        Return the mean over the heads.
    is_causal
        A hint that `attn_mask` is causal.

    Returns
    -------
    tuple
        The output (L, N, E), and the weights (N, L, S), or (N, num_heads, L, S), or ``None``.
    """
    if static_k is not None or static_v is not None:
        raise NotImplementedError("gradviz has no static_k and static_v; supported: key and value")
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = (functions.unsqueeze(part, 1) for part in (query, key, value))
        if key_padding_mask is not None:
            key_padding_mask = functions.unsqueeze(key_padding_mask, 0)
    target, batch, width = query.shape
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
        q, k, v = _projected(query, key, value, (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias)
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _projected_together(query, key, value, in_proj_weight, in_proj_bias)

    padding = _mask_to_add(key_padding_mask, "key_padding_mask", query)
    mask = _mask_to_add(attn_mask, "attn_mask", query)
    if padding is not None:
        for axis, length in enumerate((batch, key.shape[0])):
            if padding.shape[axis] != length:
                raise AssertionError(
                    f"Expected key_padded_mask.shape[{axis}] to be {length}, but got {padding.shape[axis]}"
                )
    if mask is not None:
        mask = _checked_mask(mask, target, key.shape[0], batch * num_heads)
    if bias_k is not None and bias_v is not None:
        k = functions.cat([k, functions.repeat(bias_k, 1, batch, 1)])
        v = functions.cat([v, functions.repeat(bias_v, 1, batch, 1)])
        mask, padding = _one_more(mask), _one_more(padding)

    # Each head is an example of its own: (N · heads, L, head).
    q = functions.transpose(functions.view(q, target, batch * num_heads, head), 0, 1)
    k = functions.transpose(functions.view(k, k.shape[0], batch * num_heads, head), 0, 1)
    v = functions.transpose(functions.view(v, v.shape[0], batch * num_heads, head), 0, 1)
    if add_zero_attn:
        nothing = wrap(np.zeros((batch * num_heads, 1, head), k.array.dtype))
        k, v = functions.cat([k, nothing], 1), functions.cat([v, nothing], 1)
        mask, padding = _one_more(mask), _one_more(padding)
    source = k.shape[1]
    if padding is not None:
        wide = np.broadcast_to(padding.array[:, None, None, :], (batch, num_heads, 1, source))
        padding = wrap(wide.reshape(batch * num_heads, 1, source))
        mask = padding if mask is None else mask + padding
    if not training:
        dropout_p = 0.0

    if need_weights:
        q, k = q * math.sqrt(1.0 / head), functions.transpose(k, -2, -1)
        scores = functions.bmm(q, k) if mask is None else functions.baddbmm(mask, q, k)
        weights = dropout(softmax(scores, -1), dropout_p)
        found = functions.bmm(weights, v)
        joined = functions.reshape(functions.transpose(found, 0, 1), (target * batch, width))
        output = functions.view(linear(joined, out_proj_weight, out_proj_bias), target, batch, out_proj_weight.shape[0])
        weights = functions.view(weights, batch, num_heads, target, source)
        if average_attn_weights:
            weights = functions.mean(weights, 1)
        if not batched:
            return functions.squeeze(output, 1), functions.squeeze(weights, 0)
        return output, weights

    if mask is not None:
        mask = (
            functions.unsqueeze(mask, 0)
            if mask.shape[0] == 1
            else functions.view(mask, batch, num_heads, *mask.shape[1:])
        )
    q, k, v = (functions.view(part, batch, num_heads, part.shape[1], head) for part in (q, k, v))
    found = scaled_dot_product_attention(q, k, v, mask, dropout_p)
    joined = functions.reshape(functions.permute(found, 2, 0, 1, 3), (batch * target, width))
    output = functions.view(linear(joined, out_proj_weight, out_proj_bias), target, batch, out_proj_weight.shape[0])
    return (output if batched else functions.squeeze(output, 1)), None


def _is_batched(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, num_heads: int
) -> bool:
    """Check the number of axes, in PyTorch's words; return whether there is one of examples."""
    if query.ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    kind = "batched (3-D)" if query.ndim == 3 else "unbatched (2-D)"
    if key.ndim != query.ndim or value.ndim != query.ndim:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {query.ndim}-D but found {key.ndim}-D and "
            f"{value.ndim}-D tensors respectively"
        )
    if padding is not None and padding.ndim != query.ndim - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {query.ndim - 1}-D but found "
            f"{padding.ndim}-D tensor instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    if mask is not None and query.ndim == 2 and mask.ndim == 3:
        expected = (num_heads, query.shape[0], key.shape[0])
        if mask.shape != expected:
            raise AssertionError(f"Expected `attn_mask` shape to be {expected} but got {mask.shape}")
    return query.ndim == 3


def _mask_to_add(mask: Tensor | None, name: str, like: Tensor) -> Tensor | None:
    """Turn a mask of "to be ignored" into numbers to add: minus infinity where it holds."""
    if mask is None or mask.is_floating_point():
        return mask
    if mask.array.dtype != bool:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return wrap(np.where(mask.array, -np.inf, 0.0).astype(like.array.dtype))


def _checked_mask(mask: Tensor, target: int, source: int, count: int) -> Tensor:
    wanted = (target, source) if mask.ndim == 2 else (count, target, source)
    if mask.shape != wanted:
        raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {wanted}.")
    return functions.unsqueeze(mask, 0) if mask.ndim == 2 else mask


def _one_more(mask: Tensor | None) -> Tensor | None:
    """Let every place look at the one that was added to the keys."""
    if mask is None:
        return None
    return pad(mask, (0, 1))


def _parts(projected: Tensor, count: int) -> list[Tensor]:
    """Take queries, keys and values that were computed in one product apart; each is contiguous then."""
    split = functions.view(projected, *projected.shape[:-1], count, projected.shape[-1] // count)
    moved = contiguous(functions.squeeze(functions.transpose(functions.unsqueeze(split, 0), 0, -2), -2))
    return [moved[place] for place in range(count)]


def _projected_together(query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Tensor | None) -> list[Tensor]:
    """Project by one weight for all, in as few products as possible."""
    width = query.shape[-1]
    if key is not value:
        weights = functions.chunk(weight, 3)
        biases = (None,) * 3 if bias is None else functions.chunk(bias, 3)
        three = zip((query, key, value), weights, biases, strict=True)
        return [linear(part, own_weight, own_bias) for part, own_weight, own_bias in three]
    if query is key:
        return _parts(linear(query, weight, bias), 3)
    first, rest = functions.split(weight, [width, 2 * width])
    first_bias, rest_bias = (None, None) if bias is None else functions.split(bias, [width, 2 * width])
    return [linear(query, first, first_bias), *_parts(linear(key, rest, rest_bias), 2)]


def _projected(
    query: Tensor, key: Tensor, value: Tensor, weights: tuple[Tensor | None, ...], bias: Tensor | None
) -> list[Tensor]:
    """Project by a weight for each, where keys and values have sizes of their own."""
    biases = (None,) * 3 if bias is None else functions.chunk(bias, 3)
    projected = []
    for name, part, weight, own in zip("qkv", (query, key, value), weights, biases, strict=True):
        if weight is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        projected.append(linear(part, weight, own))
    return projected
