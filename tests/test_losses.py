"""Losses and distances: values, first and second derivatives, messages, beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from beside import assert_same, assert_same_module, outcome

import gradviz as gv

pytestmark = pytest.mark.filterwarnings("ignore")

random = np.random.default_rng(0)
REDUCTIONS = ["mean", "sum", "none"]


def R(*shape):  # noqa: N802
    return random.standard_normal(shape)


def U(*shape):  # noqa: N802
    return random.random(shape) * 0.8 + 0.1


def doubles(t, numbers):
    return None if numbers is None else t.tensor(numbers, dtype=t.float64)


def F(t):  # noqa: N802
    return t.nn.functional


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, [[1.0, 2.0]] * 3])
@pytest.mark.parametrize("name", ["mse_loss", "huber_loss"])
def test_distances_of_numbers(torch, name, weight, reduction):
    options = {"delta": 0.7} if name == "huber_loss" else {}

    def loss(t, x, y):
        return getattr(F(t), name)(x, y, reduction=reduction, weight=doubles(t, weight), **options)

    assert_same(torch, loss, R(3, 2), R(3, 2))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, [[1.0, 2.0]] * 3])
def test_l1(torch, weight, reduction):
    def loss(t, x, y):
        return F(t).l1_loss(x, y, reduction=reduction, weight=doubles(t, weight))

    assert_same(torch, loss, R(3, 2), R(3, 2), second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("beta", [0.7, 0.0])
def test_smooth_l1(torch, beta, reduction):
    def loss(t, x, y):
        return F(t).smooth_l1_loss(x, y, reduction=reduction, beta=beta)

    assert_same(torch, loss, R(3, 2), R(3, 2), second=beta > 0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, [1.0, 2.0]])
@pytest.mark.parametrize("pos_weight", [None, [3.0, 2.0]])
def test_yes_or_no(torch, pos_weight, weight, reduction):
    def of_probabilities(t, x, y):
        return F(t).binary_cross_entropy(x, y, doubles(t, weight), reduction=reduction)

    def of_scores(t, x, y):
        options = {"reduction": reduction, "pos_weight": doubles(t, pos_weight)}
        return F(t).binary_cross_entropy_with_logits(x, y, doubles(t, weight), **options)

    if pos_weight is None:
        assert_same(torch, of_probabilities, U(3, 2), U(3, 2))
    assert_same(torch, of_scores, R(3, 2) * 3, U(3, 2))


def test_a_prediction_that_is_sure_and_wrong_has_a_finite_loss(torch):
    def loss(t, x, y):
        return F(t).binary_cross_entropy(x, y, reduction="none")

    sure, right = np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0, 0.0, 0.5])
    assert_same(torch, loss, sure, right, rtol=1e-7, second=False)


TARGETS = {
    "one": ((3,), 1),
    "rows": ((3, 3), [1, 0, 2]),
    "sequences": ((2, 3, 2), [[1, 0], [2, 1]]),
    "images": ((2, 3, 1, 2), [[[1, 0]], [[2, 1]]]),
    "volumes": ((2, 3, 1, 1, 2), [[[[1, 0]]], [[[2, 1]]]]),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
@pytest.mark.parametrize("ignore_index", [-100, 0, 1])
@pytest.mark.parametrize("label_smoothing", [None, 0.0, 0.2])
@pytest.mark.parametrize("kind", TARGETS)
def test_class_numbers(torch, kind, label_smoothing, ignore_index, weight, reduction):
    shape, target = TARGETS[kind]

    def loss(t, x):
        options = {"weight": doubles(t, weight), "ignore_index": ignore_index, "reduction": reduction}
        if label_smoothing is None:
            return F(t).nll_loss(x, t.tensor(target), **options)
        return F(t).cross_entropy(x, t.tensor(target), label_smoothing=label_smoothing, **options)

    assert_same(torch, loss, R(*shape))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 3, 2)])
def test_class_probabilities(torch, shape, label_smoothing, weight, reduction):
    def loss(t, x, y):
        options = {"weight": doubles(t, weight), "label_smoothing": label_smoothing, "reduction": reduction}
        return F(t).cross_entropy(x, y, **options)

    assert_same(torch, loss, R(*shape), U(*shape))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_all_targets_ignored(torch, label_smoothing):
    def loss(t, x):
        return F(t).cross_entropy(x, t.tensor([-100, -100]), label_smoothing=label_smoothing) ** 2

    assert_same(torch, loss, R(2, 3), second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
def test_margins(torch, weight, p, reduction):
    def rows(t, x):
        options = {"p": p, "margin": 0.6, "weight": doubles(t, weight), "reduction": reduction}
        return F(t).multi_margin_loss(x, t.tensor([1, 0, 2]), **options)

    def one(t, x):
        return F(t).multi_margin_loss(x, t.tensor(1), p=p, margin=0.6, reduction=reduction)

    assert_same(torch, rows, R(3, 3), second=False)  # PyTorch has no second derivative here
    assert_same(torch, one, R(3), second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("target", [[[1, -1, 0], [2, 0, -1], [-1, 0, 1], [2, 2, 1]], [1, -1, 0]])
def test_margins_of_several_labels(torch, target, reduction):
    def loss(t, x):
        return F(t).multilabel_margin_loss(x, t.tensor(target), reduction=reduction)

    assert_same(torch, loss, R(*np.shape(target)), second=False)


def sign(t, *shape):
    return t.tensor(np.where(np.arange(np.prod(shape)).reshape(shape) % 3 == 1, 1.0, -1.0))


OTHERS = {
    "soft margin": (lambda t, x, **k: F(t).soft_margin_loss(x, sign(t, 3, 2), **k), [R(3, 2)]),
    "several soft margins": (lambda t, x, y, **k: F(t).multilabel_soft_margin_loss(x, y, **k), [R(4, 3), U(4, 3)]),
    "hinge": (lambda t, x, **k: F(t).hinge_embedding_loss(x, sign(t, 3, 3), margin=0.7, **k), [U(3, 3)]),
    "cosine": (lambda t, x, y, **k: F(t).cosine_embedding_loss(x, y, sign(t, 3), 0.1, **k), [R(3, 4), R(3, 4)]),
    "one cosine": (lambda t, x, y, **k: F(t).cosine_embedding_loss(x, y, t.tensor(1), **k), [R(4), R(4)]),
    "ranking": (lambda t, x, y, **k: F(t).margin_ranking_loss(x, y, sign(t, 2, 3), 0.1, **k), [R(2, 3), R(2, 3)]),
    "triplets": (lambda t, *x, **k: F(t).triplet_margin_loss(*x, **k), [R(3, 4), R(3, 4), R(3, 4)]),
    "swapped": (lambda t, *x, **k: F(t).triplet_margin_loss(*x, swap=True, **k), [R(3, 4), R(3, 4), R(3, 4)]),
    "triplets of 3": (lambda t, *x, **k: F(t).triplet_margin_loss(*x, p=3, **k), [R(3, 4), R(3, 4), R(3, 4)]),
    "kl": (lambda t, x, y, **k: F(t).kl_div(x, y, **k), [R(4, 3), U(4, 3)]),
    "kl of logarithms": (lambda t, x, y, **k: F(t).kl_div(x, y, log_target=True, **k), [R(4, 3), R(4, 3)]),
    "poisson": (lambda t, x, y, **k: F(t).poisson_nll_loss(x, y, **k), [U(4, 3), U(4, 3) * 4]),
    "full poisson": (lambda t, x, y, **k: F(t).poisson_nll_loss(x, y, False, True, **k), [U(4, 3), U(4, 3) * 4]),
    "gauss": (lambda t, x, y, v, **k: F(t).gaussian_nll_loss(x, y, v, **k), [R(4, 3), R(4, 3), U(4, 3)]),
    "full gauss": (lambda t, x, y, v, **k: F(t).gaussian_nll_loss(x, y, v, True, 0.5, **k), [R(4, 3), R(4, 3), U(4)]),
    "one variance": (lambda t, x, y, **k: F(t).gaussian_nll_loss(x, y, 0.3, **k), [R(4, 3), R(4, 3)]),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", OTHERS)
def test_other_losses(torch, name, reduction):
    function, arrays = OTHERS[name]
    assert_same(torch, lambda t, *x: function(t, *x, reduction=reduction), *arrays)


@pytest.mark.parametrize("swap", [False, True])
def test_triplets_with_a_distance_of_ones_own(torch, swap):
    def loss(t, *x):
        def distance(a, b):
            return 1 - F(t).cosine_similarity(a, b)

        return F(t).triplet_margin_with_distance_loss(*x, distance_function=distance, swap=swap)

    assert_same(torch, loss, R(3, 4), R(3, 4), R(3, 4))


def test_kl_per_example(torch):
    assert_same(torch, lambda t, x, y: F(t).kl_div(x, y, reduction="batchmean"), R(4, 3), U(4, 3))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 1.5, float("inf")])
def test_norms(torch, p):
    second = p not in (1.0, float("inf"))
    assert_same(torch, lambda t, x, y: F(t).pairwise_distance(x, y, p), R(3, 4), R(3, 4), second=second)
    assert_same(torch, lambda t, x, y: F(t).pairwise_distance(x, y, p, keepdim=True), R(4), R(3, 4), second=second)
    assert_same(torch, lambda t, x: F(t).normalize(x, p, dim=0), R(3, 4), second=second)


def test_cosine_similarity(torch):
    assert_same(torch, lambda t, x, y: F(t).cosine_similarity(x, y), R(3, 4), R(3, 4))
    assert_same(torch, lambda t, x, y: F(t).cosine_similarity(x, y, dim=0), R(3, 4), R(4))
    assert_same(torch, lambda t, x, y: F(t).cosine_similarity(x, y, 0, 10.0), R(3, 4), R(3, 4))


def test_a_vector_of_zeros_has_no_direction(torch):
    assert_same(torch, lambda t, x: F(t).normalize(x), np.zeros((2, 3)), second=False)


CTC = {
    "rows": ([[1, 2, 2], [3, 3, 0]], [7, 6], [3, 2]),
    "one after the other": ([1, 2, 2, 3, 3], [7, 6], [3, 2]),
    "too few steps": ([[1, 2, 2], [3, 3, 0]], [3, 6], [3, 2]),
    "no labels": ([[1, 2, 2], [3, 3, 0]], [7, 5], [3, 0]),
    "no steps": ([[1, 2, 2], [3, 3, 0]], [7, 0], [3, 0]),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("blank", [0, 4])
@pytest.mark.parametrize("kind", CTC)
def test_ctc(torch, kind, blank, zero_infinity, reduction):
    targets, steps, labels = CTC[kind]

    def loss(t, x):
        targets_, lengths = t.tensor(targets), (t.tensor(steps), t.tensor(labels))
        return F(t).ctc_loss(x.log_softmax(2), targets_, *lengths, blank, reduction, zero_infinity)

    assert_same(torch, loss, R(7, 2, 5), second=False)


def test_one_example_of_ctc(torch):
    for reduction in REDUCTIONS:

        def loss(t, x, reduction=reduction):
            return t.nn.CTCLoss(reduction=reduction)(x.log_softmax(1), t.tensor([1, 2]), (5,), (2,))

        assert_same(torch, loss, R(5, 4), second=False)


def test_ctc_has_no_second_derivative():
    x = gv.randn(5, 1, 4, requires_grad=True)
    loss = gv.nn.functional.ctc_loss(x, gv.tensor([[1, 2]]), (5,), (2,))
    (first,) = gv.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="derivative for aten::_ctc_loss_backward is not implemented"):
        first.sum().backward()


@pytest.mark.parametrize(
    "call",
    [
        "[[1, 2]], (6,), (2,)", "[[1, 2]], (5, 5), (2,)", "[[1, 2]], (5,), (2, 2)", "[[1, 2]], (5,), (2,), blank=7",
        "[1, 2, 3], (5,), (2,)", "[[1], [2]], (5,), (1,)", "[[1, 2]], (5,), (-1,)", "[[1, 2]], (5,), (2,), reduction='avg'",
        "[[1, 2]], torch.tensor([5.0]), torch.tensor([2])",
    ],
)  # fmt: skip
def test_bad_input_of_ctc(torch, call):
    targets, rest = call.split("], ", 1) if "]], " not in call else call.split("]], ", 1)
    code = f"F.ctc_loss(torch.zeros(5, 1, 4), torch.tensor({targets}{']]' if ']], ' in call else ']'}), {rest})"
    mine, theirs = outcome(gv, code)[0], outcome(torch, code)[0].split(" (while checking")[0]
    assert mine == theirs


Z = "x = torch.zeros(2, 3); l = torch.zeros(2).long(); "
MESSAGES = [
    *(Z + f"F.{name}(x, x, reduction='avg')" for name in ("mse_loss", "l1_loss", "kl_div", "soft_margin_loss")),
    *(Z + f"F.{name}(x, x, reduction='avg')" for name in ("huber_loss", "binary_cross_entropy", "poisson_nll_loss")),
    Z + "F.mse_loss(x, x[0, :2])",
    Z + "r = F.mse_loss(x, x[0])",
    Z + "F.mse_loss(x, x, weight=x[0])",
    Z + "F.smooth_l1_loss(x, x, beta=-1.0)",
    Z + "F.huber_loss(x, x, delta=-1.0)",
    Z + "r = F.kl_div(x, x)",
    *(
        Z + call.format(f"F.{name}")
        for name in ("nll_loss", "cross_entropy")
        for call in [
            "{}(x, torch.zeros(3).long())", "{}(x, x[:, 0])", "{}(x, l.int())", "{}(x, l + 5)", "{}(x, l - 1)",
            "{}(x, l.reshape(2, 1))", "{}(x, l, weight=x[0, :2])", "{}(x, l, reduction='avg')", "{}(x, torch.tensor(1))",
            "{}(torch.zeros(2, 3, 4), x.long())", "{}(torch.zeros(2, 3, 4, 5), x.long())", "{}(torch.tensor(1.0), l)",
            "{}(torch.zeros(2, 3, 4, 5), torch.zeros(2, 4, 4).long())", "{}(x[0], torch.tensor(5))", "{}(x[0], l)",
            "{}(torch.zeros(2, 3, 1, 1), torch.zeros(2, 1, 1).long(), weight=l.float())",
        ]
    ),
    Z + "F.cross_entropy(x, l, label_smoothing=2.0)",
    Z + "F.cross_entropy(x, x.long())",
    Z + "F.cross_entropy(x, x, ignore_index=1)",
    Z + "F.cross_entropy(x, x, weight=l.float())",
    Z + "F.binary_cross_entropy(x - 1, x)",
    Z + "F.binary_cross_entropy(x, x[0])",
    Z + "F.binary_cross_entropy(x, x.long())",
    Z + "F.binary_cross_entropy_with_logits(x, x[0])",
    Z + "F.binary_cross_entropy_with_logits(x, x, weight=torch.zeros(4))",
    Z + "F.gaussian_nll_loss(x, x, torch.zeros(3))",
    Z + "F.gaussian_nll_loss(x, x, x - 1)",
    Z + "F.gaussian_nll_loss(x, x, x + 1, reduction='avg')",
    Z + "F.gaussian_nll_loss(x, x, -1.0)",
    Z + "F.multi_margin_loss(x, torch.zeros(3).long())",
    Z + "F.multi_margin_loss(x, l + 7)",
    Z + "F.multi_margin_loss(x, l, p=3)",
    Z + "F.multi_margin_loss(torch.zeros(2, 3, 4), l)",
    Z + "F.multi_margin_loss(x, l, weight=l.float())",
    Z + "F.multilabel_margin_loss(x, l)",
    Z + "F.multilabel_margin_loss(x, x.long() + 5)",
    Z + "F.cosine_embedding_loss(x, x, x)",
    Z + "F.cosine_embedding_loss(x, x, torch.tensor(1))",
    Z + "F.cosine_embedding_loss(x[0], x[0], l)",
    Z + "F.margin_ranking_loss(x, x, l)",
    Z + "F.triplet_margin_loss(x, x[0], x)",
    Z + "F.triplet_margin_loss(x, x, x, margin=-1.0)",
    Z + "F.triplet_margin_with_distance_loss(x, x, x, margin=-1.0)",
    Z + "F.cosine_similarity(x.long(), x.long())",
    "nn.MultiMarginLoss(p=3)",
    "nn.MultiMarginLoss(weight=torch.ones(1, 1))",
    "nn.TripletMarginLoss(margin=0)",
    "nn.TripletMarginWithDistanceLoss(margin=0)",
]  # fmt: skip


@pytest.mark.parametrize("code", MESSAGES)
def test_bad_input_gets_pytorchs_words(torch, code):
    assert outcome(gv, code) == outcome(torch, code)


W = "x = torch.full((4, 3), 0.5, requires_grad=True); l = torch.zeros(4).long(); w = torch.ones(3, requires_grad=True); "


@pytest.mark.parametrize(
    "call",
    [
        "F.soft_margin_loss(x, x)", "F.nll_loss(x, l, w)", "F.cross_entropy(x, l, w, label_smoothing=0.1)",
        "F.nll_loss(x.reshape(4, 3, 1, 1), l.reshape(4, 1, 1), w)", "F.binary_cross_entropy(x, x, w)",
        "F.binary_cross_entropy_with_logits(x, x, w)", "F.binary_cross_entropy_with_logits(x, x, pos_weight=w)",
        "F.multi_margin_loss(x, l, weight=w)", "F.batch_norm(x, w, w)", "r = F.cross_entropy(x, x, w)",
    ],
)  # fmt: skip
def test_gradients_that_do_not_exist_are_not_passed_over_in_silence(torch, call):
    assert outcome(gv, W + call)[0].split(", grad_fn")[0] == outcome(torch, W + call)[0].split(", grad_fn")[0]


def test_old_names_for_the_reduction_are_refused():
    with pytest.raises(NotImplementedError, match="size_average"):
        gv.nn.functional.mse_loss(gv.ones(1), gv.ones(1), size_average=True)
    with pytest.raises(NotImplementedError, match="size_average"):
        gv.nn.BCELoss(reduce=False)


X, Y, N = R(4, 3).astype("f"), U(4, 3).astype("f"), np.array([0, 2, 1, 1])
MODULES = {
    "L1Loss": ({}, [X, Y]),
    "MSELoss": ({"reduction": "sum"}, [X, Y]),
    "SmoothL1Loss": ({"beta": 0.5}, [X, Y]),
    "HuberLoss": ({"delta": 0.5}, [X, Y]),
    "PoissonNLLLoss": ({"log_input": False, "full": True, "eps": 0.1}, [Y, 4 * Y]),
    "GaussianNLLLoss": ({"full": True, "eps": 0.1}, [X, X + 1, Y]),
    "KLDivLoss": ({"log_target": True, "reduction": "batchmean"}, [X, Y]),
    "BCELoss": ({}, [Y, Y[::-1].copy()]),
    "BCEWithLogitsLoss": ({"reduction": "none"}, [X, Y]),
    "NLLLoss": ({"ignore_index": 1}, [X, N]),
    "CrossEntropyLoss": ({"ignore_index": 0, "label_smoothing": 0.1}, [X, N]),
    "MultiMarginLoss": ({"p": 2, "margin": 0.5}, [X, N]),
    "MultiLabelMarginLoss": ({}, [X, np.array([[0, -1, -1]] * 4)]),
    "MultiLabelSoftMarginLoss": ({}, [X, Y]),
    "SoftMarginLoss": ({}, [X, np.sign(X[::-1]).astype(int)]),
    "HingeEmbeddingLoss": ({"margin": 2.0}, [X, np.sign(X[::-1])]),
    "CosineEmbeddingLoss": ({"margin": 0.1}, [X, Y, np.array([1, -1, 1, -1])]),
    "MarginRankingLoss": ({"margin": 0.1}, [X, Y, np.sign(X[::-1])]),
    "TripletMarginLoss": ({"margin": 0.5, "p": 1.5, "swap": True}, [X, Y, X - Y]),
    "TripletMarginWithDistanceLoss": ({"margin": 0.5}, [X, Y, X - Y]),
    "PairwiseDistance": ({"p": 1.0, "keepdim": True}, [X, Y]),
    "CosineSimilarity": ({"dim": 0}, [X, Y]),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(torch, name):
    options, arrays = MODULES[name]
    assert_same_module(torch, lambda t: getattr(t.nn, name)(**options), *arrays)


@pytest.mark.parametrize("name", ["BCELoss", "NLLLoss", "CrossEntropyLoss", "MultiMarginLoss", "BCEWithLogitsLoss"])
def test_weights_are_buffers(torch, name):
    target = N if "BCE" not in name else Y
    scores = Y if name == "BCELoss" else X
    assert_same_module(torch, lambda t: getattr(t.nn, name)(weight=t.tensor([1.0, 2.0, 3.0])), scores, target)
