"""Normalisation, dropout and embeddings: digits, first and second derivatives, statistics, messages, beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from beside import assert_same, assert_same_module, outcome

import gradviz as gv

pytestmark = pytest.mark.filterwarnings("ignore")

random = np.random.default_rng(0)


def R(*shape):  # noqa: N802
    return random.standard_normal(shape)


def F(t):  # noqa: N802
    return t.nn.functional


# --- functions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learned", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 2), (2,)])
def test_layer_norm(torch, shape, learned):
    def function(t, x, *learned):
        return F(t).layer_norm(x, shape, *learned, eps=0.01)

    assert_same(torch, function, R(4, 3, 2), *(R(*shape) for _ in range(learned)))


@pytest.mark.parametrize("learned", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (2, 4, 2, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_group_norm(torch, groups, shape, learned):
    def function(t, x, *learned):
        return F(t).group_norm(x, groups, *learned)

    assert_same(torch, function, R(*shape), *(R(4) for _ in range(learned)))


@pytest.mark.parametrize("learned", [0, 1, 2])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_and_what_it_keeps(torch, training, shape, learned):
    def function(t, x, *learned):
        mean, variance = t.tensor(np.arange(3.0) / 3), t.tensor(np.arange(3.0) + 1)
        return F(t).batch_norm(x, mean, variance, *learned, training=training, momentum=0.3), mean, variance

    assert_same(torch, function, R(*shape), *(R(3) for _ in range(learned)))


@pytest.mark.parametrize("learned", [0, 1, 2])
@pytest.mark.parametrize("of_input", [True, False])
def test_instance_norm_and_what_it_keeps(torch, of_input, learned):
    def function(t, x, *learned):
        mean, variance = t.tensor(np.arange(3.0) / 3), t.tensor(np.arange(3.0) + 1)
        return F(t).instance_norm(x, mean, variance, *learned, use_input_stats=of_input), mean, variance

    assert_same(torch, function, R(2, 3, 4), *(R(3) for _ in range(learned)))


def test_norms_without_running_statistics(torch):
    assert_same(torch, lambda t, x: F(t).batch_norm(x, None, None, training=True), R(4, 3))
    assert_same(torch, lambda t, x: F(t).instance_norm(x), R(4, 3, 5))


def test_rms_norm(torch):
    assert_same(torch, lambda t, x, w: F(t).rms_norm(x, (2,), w), R(4, 3, 2), R(2))
    assert_same(torch, lambda t, x: F(t).rms_norm(x, (3, 2), eps=0.1), R(4, 3, 2))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 5, 3, 2), (1, 6, 2, 2, 2)])
def test_local_response_norm(torch, shape, size):
    assert_same(torch, lambda t, x: F(t).local_response_norm(x, size, alpha=0.5, k=2.0), R(*shape))


def test_a_statistic_changed_later_does_not_change_what_was_computed():
    mean, variance = gv.zeros(2), gv.ones(2)
    x = gv.randn(3, 2, requires_grad=True)
    y = gv.nn.functional.batch_norm(x, mean, variance)
    gv.nn.functional.batch_norm(x, mean, variance, training=True)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / np.sqrt(1 + 1e-5), rtol=1e-6)


Z = "x = torch.zeros(2, 3); l = torch.tensor([1]); "
MESSAGES = [
    Z + "F.layer_norm(x, (4,))",
    Z + "F.layer_norm(x, (3,), torch.zeros(2))",
    Z + "F.layer_norm(x, ())",
    Z + "F.layer_norm(x[0], (2, 3))",
    Z + "F.batch_norm(x[:1], None, None, training=True)",
    Z + "F.batch_norm(x, torch.zeros(4), torch.zeros(3))",
    Z + "F.batch_norm(x, None, None)",
    Z + "F.batch_norm(x, torch.zeros(3), None)",
    Z + "F.batch_norm(x, torch.zeros(3), torch.zeros(3), torch.zeros(2))",
    Z + "F.group_norm(torch.zeros(2, 5), 2)",
    Z + "F.group_norm(torch.zeros(2, 4), 2, torch.zeros(2))",
    Z + "F.group_norm(torch.zeros(1, 2), 2)",
    Z + "F.instance_norm(torch.zeros(2, 3, 1))",
    Z + "F.instance_norm(torch.zeros(2, 3, 4), use_input_stats=False)",
    Z + "F.local_response_norm(x, 2)",
    "nn.BatchNorm1d(3)(torch.zeros(2, 3, 4, 5))",
    "nn.BatchNorm2d(3)(torch.zeros(2, 3, 4))",
    "nn.BatchNorm3d(3)(torch.zeros(2, 3, 4))",
    "nn.BatchNorm1d(3)(torch.zeros(2, 4))",
    "nn.BatchNorm1d(3)(torch.zeros(1, 3))",
    "nn.InstanceNorm1d(3)(torch.zeros(3))",
    "r = nn.InstanceNorm1d(3)(torch.zeros(4, 4)).shape",
    "nn.InstanceNorm1d(3, affine=True)(torch.zeros(4, 4))",
    "nn.InstanceNorm2d(3)(torch.zeros(4, 4))",
    "nn.GroupNorm(2, 5)",
    "nn.Dropout(2.0)",
    Z + "F.dropout(x, -1)",
    Z + "F.dropout1d(x[0])",
    Z + "r = F.dropout2d(x).shape",
    Z + "r = F.dropout2d(torch.zeros(2, 3, 4)).shape",
    Z + "r = F.dropout3d(x).shape",
    Z + "F.feature_alpha_dropout(x[0], training=True)",
    "nn.Embedding(3, 2, padding_idx=3)",
    "nn.Embedding(3, 2)(torch.tensor([3]))",
    "nn.Embedding(3, 2)(torch.tensor([-1]))",
    "nn.Embedding(3, 2)(torch.tensor([1.0]))",
    "nn.Embedding(3, 2)(torch.tensor([True]))",
    "nn.Embedding(3, 2, _weight=torch.zeros(3, 3))",
    "nn.Embedding.from_pretrained(torch.zeros(3))",
    Z + "F.embedding(l, x[0])",
    Z + "F.embedding(l, x, padding_idx=5)",
    Z + "F.one_hot(x)",
    Z + "F.one_hot(l, 1)",
    Z + "F.one_hot(-l, 3)",
    Z + "F.one_hot(l.int(), 3)",
    Z + "F.one_hot(l[:0])",
    Z + "F.one_hot(l, -2)",
    Z + "r = F.one_hot(l[:0], 3), F.one_hot(torch.tensor(2)), F.one_hot(torch.tensor([[1, 0]]))",
    Z + "F.embedding_bag(l, x)",
    Z + "F.embedding_bag(l, x, l)",
    Z + "F.embedding_bag(l, x, torch.tensor([0, 5]))",
    Z + "F.embedding_bag(l, x, torch.tensor([0]), mode='x')",
    Z + "F.embedding_bag(l, x, torch.tensor([0]), per_sample_weights=x[0, :1])",
    Z + "F.embedding_bag(l, x, torch.tensor([0]), per_sample_weights=x[0], mode='sum')",
    Z + "F.embedding_bag(torch.zeros(1, 1, 1).long(), x)",
]


@pytest.mark.parametrize("code", MESSAGES)
def test_bad_input_gets_pytorchs_words(torch, code):
    mine, theirs = outcome(gv, code), outcome(torch, code)
    assert mine[0].splitlines()[0] == theirs[0].splitlines()[0]  # PyTorch adds where in its source it was
    assert mine[1] == theirs[1]


# --- layers ----------------------------------------------------------------------------------------------------------


def X(*shape):  # noqa: N802
    return R(*shape).astype("f")


NORMS = [{}, {"affine": False}, {"track_running_stats": False}, {"bias": False}, {"eps": 0.1, "momentum": 0.5}]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [*NORMS, {"momentum": None}], ids=str)
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("BatchNorm1d", (4, 3)),
        ("BatchNorm1d", (4, 3, 5)),
        ("BatchNorm2d", (4, 3, 2, 2)),
        ("BatchNorm3d", (4, 3, 2, 2, 1)),
    ],
)
def test_batch_norm_layers(torch, name, shape, options, training):
    assert_same_module(torch, lambda t: getattr(t.nn, name)(3, **options), X(*shape), training=training)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"affine": True, "track_running_stats": True}, {"affine": True, "bias": False}]
)
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("InstanceNorm1d", (3, 4)),
        ("InstanceNorm1d", (4, 3, 5)),
        ("InstanceNorm2d", (4, 3, 2, 2)),
        ("InstanceNorm3d", (3, 2, 2, 2)),
    ],
)
def test_instance_norm_layers(torch, name, shape, options, training):
    assert_same_module(torch, lambda t: getattr(t.nn, name)(3, **options), X(*shape), training=training)


INDEX = np.array([[0, 1], [2, 1]])
BAGS = [np.array([0, 1, 2, 1, 3]), np.array([0, 2, 2, 5])]


@pytest.mark.parametrize(
    ("make", "arrays"),
    [
        (lambda t: t.nn.LayerNorm((3, 2)), [X(4, 3, 2)]),
        (lambda t: t.nn.LayerNorm(2, bias=False), [X(4, 3, 2)]),
        (lambda t: t.nn.LayerNorm([2], elementwise_affine=False), [X(4, 3, 2)]),
        (lambda t: t.nn.RMSNorm(2), [X(4, 3, 2)]),
        (lambda t: t.nn.RMSNorm(2, eps=0.1, elementwise_affine=False), [X(4, 3, 2)]),
        (lambda t: t.nn.GroupNorm(2, 4), [X(4, 4, 2)]),
        (lambda t: t.nn.GroupNorm(2, 4, affine=False), [X(4, 4, 2)]),
        (lambda t: t.nn.GroupNorm(2, 4, bias=False), [X(4, 4, 2)]),
        (lambda t: t.nn.LocalResponseNorm(2), [X(4, 4, 2)]),
        (lambda t: t.nn.Embedding(4, 3), [INDEX]),
        (lambda t: t.nn.Embedding(4, 3, padding_idx=1), [INDEX]),
        (lambda t: t.nn.Embedding(4, 3, padding_idx=-2, scale_grad_by_freq=True), [INDEX]),
        (lambda t: t.nn.Embedding(4, 3, max_norm=0.5), [INDEX]),
        (lambda t: t.nn.Embedding(4, 3, max_norm=0.5, norm_type=1.0), [INDEX]),
        (lambda t: t.nn.Embedding.from_pretrained(t.ones(4, 3), freeze=False), [INDEX]),
        *((lambda t, m=m: t.nn.EmbeddingBag(4, 3, mode=m), [INDEX]) for m in ("sum", "mean", "max")),
        *((lambda t, m=m: t.nn.EmbeddingBag(4, 3, mode=m, padding_idx=1), [INDEX]) for m in ("sum", "mean", "max")),
        *((lambda t, m=m: t.nn.EmbeddingBag(4, 3, mode=m), BAGS) for m in ("sum", "mean", "max")),
        (lambda t: t.nn.EmbeddingBag(4, 3, include_last_offset=True), BAGS),
        (lambda t: t.nn.EmbeddingBag(4, 3, mode="sum"), [*BAGS, X(5)]),
    ],
)
def test_other_layers(torch, make, arrays):
    assert_same_module(torch, make, *arrays)


def test_second_derivatives_of_embeddings(torch):
    def looked_up(t, weight):
        return F(t).embedding(t.tensor(INDEX), weight, padding_idx=0) ** 3

    assert_same(torch, looked_up, R(4, 3))
    assert_same(torch, lambda t, weight: F(t).embedding_bag(t.tensor(INDEX), weight) ** 3, R(4, 3), second=False)


def test_sparse_gradients_are_refused():
    with pytest.raises(NotImplementedError, match="sparse"):
        gv.nn.Embedding(3, 2, sparse=True)(gv.tensor([0]))


# --- dropout: PyTorch itself draws other digits on processors by Intel ------------------------------------------------


def draws_like_others(torch):
    torch.manual_seed(0)
    gv.manual_seed(0)
    return (
        torch.empty(1000).bernoulli_(0.3).tolist()
        == gv.engine.random.default_generator.bernoulli(0.3, (1000,)).tolist()
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Dropout", (40, 7)), ("Dropout1d", (5, 6, 3)), ("Dropout1d", (6, 3)), ("Dropout2d", (5, 6, 3, 2)),
        ("Dropout2d", (5, 6, 2)), ("Dropout3d", (5, 6, 3, 1, 2)), ("Dropout3d", (5, 6, 3, 2)), ("AlphaDropout", (5, 7)),
        ("FeatureAlphaDropout", (5, 6, 7)),
    ],
)  # fmt: skip
def test_dropout_has_pytorchs_digits(torch, name, shape, p, training):
    if not draws_like_others(torch):
        pytest.skip("PyTorch draws the masks differently on this processor")
    assert_same_module(torch, lambda t: getattr(t.nn, name)(p), X(*shape), training=training)


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_dropout_in_place(name):
    gv.manual_seed(0)
    expected = getattr(gv.nn.functional, name)(gv.ones(9), 0.4, True)
    gv.manual_seed(0)
    x = gv.ones(9)
    assert getattr(gv.nn.functional, name)(x, 0.4, True, inplace=True) is x
    assert x.tolist() == expected.tolist()


def test_dropout_leaves_out_whole_channels():
    gv.manual_seed(1)
    x = gv.ones(20, 10, 3, 3)
    kept = gv.nn.functional.dropout2d(x, 0.25).numpy()
    per_channel = kept.reshape(200, 9)
    assert (per_channel == per_channel[:, :1]).all()
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.75)}
    assert 0.6 < (per_channel[:, 0] > 0).mean() < 0.9
