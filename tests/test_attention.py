"""Attention and transformers: digits, numbers, masks, graphs and messages beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from beside import assert_same, assert_same_module, outcome

import gradviz as gv

pytestmark = pytest.mark.filterwarnings("ignore")

random = np.random.default_rng(0)


def R(*shape):  # noqa: N802
    return random.standard_normal(shape)


def X(*shape):  # noqa: N802
    return R(*shape).astype("f")


def F(t):  # noqa: N802
    return t.nn.functional


# --- scaled_dot_product_attention ------------------------------------------------------------------------------------

Q, K, V = R(2, 3, 4, 5), R(2, 3, 6, 5), R(2, 3, 6, 7)
MAY_LOOK = random.random((4, 6)) > 0.4
MAY_LOOK[1] = False  # one that sees nothing gets zeros


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}], ids=str)
@pytest.mark.parametrize("pick", [..., 0, (0, 0)], ids=["4D", "3D", "2D"])
def test_attention(torch, pick, options):
    def function(t, q, k, v):
        return F(t).scaled_dot_product_attention(q, k, v, **options)

    assert_same(torch, function, Q[pick], K[pick], V[pick], second=pick is not ... or bool(options.get("scale")))


def test_masks(torch):
    def by_bools(t, q, k, v):
        return F(t).scaled_dot_product_attention(q, k, v, t.tensor(MAY_LOOK))

    def by_numbers(t, q, k, v, mask):
        return F(t).scaled_dot_product_attention(q, k, v, mask)

    assert_same(torch, by_bools, Q[0], K[0], V[0])
    assert_same(torch, by_numbers, Q, K, V, R(3, 4, 6))


def test_heads_that_share(torch):
    def function(t, q, k, v):
        return F(t).scaled_dot_product_attention(q, k, v, enable_gqa=True)

    assert_same(torch, function, R(2, 6, 4, 5), R(2, 3, 6, 5), R(2, 2, 6, 5), second=False)


def tree(node):
    names = [type(node).__name__]
    for following, _ in node.next_functions:
        if following is not None:
            names.append(tree(following))
    return names


@pytest.mark.parametrize("masked", [False, True])
def test_the_graph_is_pytorchs(torch, masked):
    def made(t):
        q, k, v = (t.ones(2, 4, 3, requires_grad=True) for _ in range(3))
        return F(t).scaled_dot_product_attention(q, k, v, t.ones(4, 4, requires_grad=True) if masked else None)

    assert "SafeSoftmaxBackward0" in str(tree(made(gv).grad_fn))
    assert tree(made(gv).grad_fn) == tree(made(torch).grad_fn)


def test_dropout_leaves_out_weights():
    gv.manual_seed(0)
    ones = gv.ones(1, 50, 4)
    out = gv.nn.functional.scaled_dot_product_attention(ones, ones, ones, dropout_p=0.5).numpy()
    assert 0.7 < out.mean() < 1.3
    assert len(np.unique(out)) > 5


Z = "q = torch.zeros(2, 4, 3); "
BAD = [
    Z + "F.scaled_dot_product_attention(q, q, q, attn_mask=torch.ones(4, 4), is_causal=True)",
    Z + "F.scaled_dot_product_attention(q[0, 0], q, q)",
    Z + "F.scaled_dot_product_attention(q, torch.zeros(2, 4, 5), torch.zeros(2, 4, 5))",
    Z + "F.scaled_dot_product_attention(q, torch.zeros(2, 5, 3), torch.zeros(2, 6, 3))",
    Z + "F.scaled_dot_product_attention(q, q.double(), q)",
    Z + "F.scaled_dot_product_attention(q, q, q, attn_mask=torch.zeros(4, 4).long())",
    Z + "F.scaled_dot_product_attention(q, q, q, attn_mask=torch.zeros(3, 4))",
    "nn.MultiheadAttention(5, 2)",
    "nn.MultiheadAttention(0, 2)",
    *(
        f"m = nn.MultiheadAttention(4, 2); x = torch.zeros(5, 2, 4); m({call})"
        for call in [
            "x[0, 0], x, x", "x, x[0], x", "x[:, :, :3], x, x", "x, x, x[:4]", "x, x, x, attn_mask=torch.zeros(4, 4)",
            "x, x, x, attn_mask=torch.zeros(1, 4, 4)", "x, x, x, attn_mask=torch.zeros(4)", "x, x, x, is_causal=True",
            "x, x, x, key_padding_mask=torch.zeros(4, 4)", "x, x, x, key_padding_mask=torch.zeros(4)",
            "x, x, x, attn_mask=torch.zeros(5, 5).long()", "x[:, 0], x[:, 0], x[:, 0], attn_mask=torch.zeros(1, 5, 5)",
        ]
    ),
    "nn.MultiheadAttention(4, 2, kdim=3)(torch.zeros(5, 2, 4), torch.zeros(5, 2, 3), torch.zeros(4, 2, 4))",
    "nn.Transformer(4, 2, 1, 1, 8)(torch.zeros(5, 2, 4), torch.zeros(5, 3, 4))",
    "nn.Transformer(4, 2, 1, 1, 8)(torch.zeros(5, 2, 3), torch.zeros(5, 2, 4))",
    "nn.TransformerEncoderLayer(4, 2, activation='elephant')",
]  # fmt: skip


@pytest.mark.parametrize("code", BAD)
def test_bad_input_gets_pytorchs_words(torch, code):
    assert outcome(gv, code)[0] == outcome(torch, code)[0]  # PyTorch may warn that it will be slow


# --- MultiheadAttention ----------------------------------------------------------------------------------------------


def attending(t, call, **options):
    """Make a module that calls an attention layer in one of the ways to call it."""

    class Attending(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = t.nn.MultiheadAttention(4, 2, **options)

        def forward(self, *inputs):
            output, weights = call(self.attention, *inputs)
            return output if weights is None else (output, weights)

    return Attending()


OPTIONS = [{}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"batch_first": True}]


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("options", [*OPTIONS, {"kdim": 3, "vdim": 5}, {"kdim": 3, "vdim": 5, "bias": False}], ids=str)
def test_queries_keys_and_values(torch, options, need_weights):
    def call(attention, q, k, v):
        return attention(q, k, v, need_weights=need_weights)

    kdim, vdim = options.get("kdim", 4), options.get("vdim", 4)
    assert_same_module(torch, lambda t: attending(t, call, **options), X(5, 2, 4), X(5, 2, kdim), X(5, 2, vdim))
    assert_same_module(torch, lambda t: attending(t, call, **options), X(5, 4), X(6, kdim), X(6, vdim))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_self_attention_and_memory(torch, options, need_weights, training):
    def self_attention(attention, x):
        return attention(x, x, x, need_weights=need_weights)

    def memory(attention, x, y):
        return attention(x, y, y, need_weights=need_weights, average_attn_weights=False)

    assert_same_module(torch, lambda t: attending(t, self_attention, **options), X(5, 2, 4), training=training)
    assert_same_module(torch, lambda t: attending(t, memory, **options), X(5, 2, 4), X(5, 2, 4), training=training)


PADDED = np.array([[False] * 3 + [True] * 2, [False] * 5])
LATER = np.triu(np.ones((5, 5), bool), 1)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("options", OPTIONS[:4], ids=str)
@pytest.mark.parametrize("kind", ["padding", "mask", "both", "a mask for each head", "numbers"])
def test_masks_of_heads(torch, kind, options, need_weights):
    padding = PADDED if kind in ("padding", "both") else None
    mask = {"padding": None, "a mask for each head": np.broadcast_to(LATER, (4, 5, 5)).copy()}.get(kind, LATER)
    if kind == "numbers":
        mask = np.where(LATER, -np.inf, 0.5).astype("f")

    def call(attention, x, *masks):
        masks = list(masks)
        options = {"key_padding_mask": None if padding is None else masks.pop(0)}
        options["attn_mask"] = None if mask is None else masks.pop(0).detach()
        return attention(x, x, x, need_weights=need_weights, **options)

    masks = [array for array in (padding, mask) if array is not None]
    assert_same_module(torch, lambda t: attending(t, call, **options), X(5, 2, 4), *masks)


def test_names_of_the_parameters_with_their_digits(torch):
    for options in ({}, {"kdim": 3, "vdim": 5}, {"add_bias_kv": True}):
        states = []
        for t in (torch, gv):
            t.manual_seed(1)
            state = t.nn.MultiheadAttention(4, 2, **options).state_dict()
            states.append({name: tensor.numpy() for name, tensor in state.items()})
        assert list(states[0]) == list(states[1])
        for name, array in states[0].items():
            np.testing.assert_allclose(states[1][name], array, rtol=1e-6)


def test_what_is_not_supported_is_refused_by_name():
    x, w = gv.zeros(1, 1, 4), gv.zeros(12, 4)
    arguments = (x, x, x, 4, 1, w, None, None, None, False, 0.0, w[:4], None)
    with pytest.raises(NotImplementedError, match="static_k"):
        gv.nn.functional.multi_head_attention_forward(*arguments, static_k=x)


# --- transformers ----------------------------------------------------------------------------------------------------

LAYERS = [{}, {"batch_first": True}, {"norm_first": True}, {"activation": "gelu"}, {"bias": False}]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_transformer_layers(torch, options, training):
    sizes = {"d_model": 4, "nhead": 2, "dim_feedforward": 8, "dropout": 0.0} | options

    def encoder(t):
        layer = t.nn.TransformerEncoderLayer(**sizes)
        return t.nn.TransformerEncoder(layer, 2, t.nn.LayerNorm(4), enable_nested_tensor=False)

    def decoder(t):
        return t.nn.TransformerDecoder(t.nn.TransformerDecoderLayer(**sizes), 2)

    assert_same_module(torch, encoder, X(5, 2, 4), training=training)
    assert_same_module(torch, decoder, X(5, 2, 4), X(5, 2, 4), training=training)


@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_a_whole_transformer(torch, options):
    sizes = {"num_encoder_layers": 1, "num_decoder_layers": 2, "dim_feedforward": 8, "dropout": 0.0} | options
    assert_same_module(torch, lambda t: t.nn.Transformer(4, 2, **sizes), X(5, 2, 4), X(5, 2, 4))


def test_a_transformer_that_does_not_look_ahead(torch):
    def make(t):
        class Masked(t.nn.Module):
            def __init__(self):
                super().__init__()
                self.inside = t.nn.Transformer(4, 2, 2, 2, 8, 0.0)

            def forward(self, source, target, padding):
                mask = t.nn.Transformer.generate_square_subsequent_mask(5)
                options = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding}
                return self.inside(source, target, src_mask=mask, tgt_mask=mask, **options)

        return Masked()

    assert_same_module(torch, make, X(5, 2, 4), X(5, 2, 4), PADDED)


def test_layers_of_an_encoder_are_copies():
    layer = gv.nn.TransformerEncoderLayer(4, 2, 8)
    encoder = gv.nn.TransformerEncoder(layer, 2)
    assert encoder.layers[0].linear1.weight is not encoder.layers[1].linear1.weight
    assert encoder.layers[0].linear1.weight.tolist() == encoder.layers[1].linear1.weight.tolist()
    assert len(list(encoder.parameters())) == 24


def test_the_causal_mask(torch):
    code = "r = nn.Transformer.generate_square_subsequent_mask(3)"
    assert outcome(gv, code) == outcome(torch, code)
