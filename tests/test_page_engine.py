"""The engine of a page gives Python's numbers: every operation that it has, and whole computations; or says what it lacks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from programs_in_node import RUNNABLE, case, problems, shuffled
from test_rows import IMPLICIT, examples_of, function_of

import gradviz as gv
import gradviz.nn.functional as F
from gradviz.engine.operation import table
from gradviz.recording import dumps, loads, record_graph
from gradviz.recording.program import LEAF_NUMBERS, Missing, Program, program_of

APART = ("detach", "manual_seed", "rrelu")
"""Examples whose leaves follow other leaves, or draw random numbers: changed, they are another computation."""


def loss_of(function):
    """One number of all results, each of whose entries counts differently."""

    def loss(*tensors):
        results = function(*tensors)
        total = None
        for part in results if isinstance(results, tuple) else (results,):
            if isinstance(part, gv.Tensor) and part.requires_grad:
                weights = np.resize(np.linspace(0.5, 1.4, 7), part.shape).astype(part.detach().numpy().dtype)
                share = (part * gv.tensor(weights)).sum()
                total = share if total is None else total + share
        return total

    return loss


def cases_of(names):
    """Fixtures for the examples of rows, in double and in single precision, and all operations in them."""
    for name in names:
        for code in examples_of(name):
            if any(word in code for word in APART):
                continue
            for kind in (np.float64, np.float32):
                if kind is np.float32 and "double" in code:
                    continue
                function, given = function_of(code)
                tensors = [gv.tensor(one.detach().numpy().astype(kind), requires_grad=True) for one in given]
                try:
                    found = case(
                        f"{code} in {kind.__name__}", loss_of(function), tensors, [shuffled(t) for t in tensors]
                    )
                except RuntimeError:  # a line that mixes dtypes, or is not defined for other numbers
                    continue
                if isinstance(found, dict):
                    yield found


def test_each_operation_computes_what_python_computes(node, tmp_path, sampled):
    mine = [grad_fn for grad_fn, row in table().items() if row.name in RUNNABLE and grad_fn not in IMPLICIT]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = list(cases_of(sampled(sorted(mine), 24)))
    assert len(cases) >= 24
    assert problems(node, cases, tmp_path) == []


def test_equal_entries_share_as_in_python(node, tmp_path):
    tied = gv.tensor([[2.0, 5.0, 5.0], [1.0, 1.0, 1.0]], requires_grad=True)
    zeros = gv.tensor([[0.0, 2.0, 0.0], [3.0, 0.0, -1.0]], requires_grad=True)
    others = tuple((one.detach() + 1.0).requires_grad_() for one in (zeros, tied))
    lines = {
        "amax": lambda x, y: x.amax(1).sum() + y.amin((0, 1)),
        "max": lambda x, y: x.max() * y.min(),
        "max along": lambda x, y: (x.max(1).values * y.min(1).values).sum(),
        "maximum": lambda x, y: (gv.maximum(x, x.flip(1)) + gv.minimum(y, x)).sum(),
        "relu": lambda x, y: (y.relu() * F.leaky_relu(y) + F.hardtanh(x) + y.abs() + y.sign() * x).sum(),
        "prod": lambda x, y: y.prod() + y.prod(1).sum() + x.prod(),
        "sort": lambda x, y: (x.sort(1, descending=True).values * y.sort(0).values).sum() + x.topk(2).values.sum(),
        "clamp": lambda x, y: (x.clamp(1, 5) * y.clamp(min=0) * y.clamp(max=0)).sum(),
        "pool": lambda x, y: F.max_pool2d(x[None], 2, 1).sum() + F.max_pool1d(y, 3).sum(),
        "norm": lambda x, y: y.norm() + gv.linalg.vector_norm(y, 1, 1).sum() + x.norm(3),
        "pow": lambda x, y: (y**2 + y**x + 2**y + x**-1.5).sum(),
        "special": lambda x, y: (gv.special.xlogy(y, x) + gv.atan2(y, x) + gv.hypot(y, x) + gv.logaddexp(x, y)).sum(),
    }
    assert problems(node, [case(name, f, (tied, zeros), others) for name, f in lines.items()], tmp_path) == []


# --- whole computations ------------------------------------------------------------------------------------------------


def numbers(*shape, seed=0, scale=1.0, grad=False):
    made = np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * scale
    return gv.tensor(made, requires_grad=grad)


def with_parameters(model, loss, *inputs):
    """A function of inputs and parameters that runs a model on them."""
    names = [name for name, _ in model.named_parameters()]

    def run(*tensors):
        parameters = dict(zip(names, tensors[len(inputs) :], strict=True))
        return loss(gv.func.functional_call(model, parameters, tensors[0]), *tensors[1 : len(inputs)])

    return run, (*inputs, *[p.detach().requires_grad_() for p in model.parameters()])


def _mlp(activation, loss, target, out=2):
    model = gv.nn.Sequential(gv.nn.Linear(3, 5), activation, gv.nn.Linear(5, 4), activation, gv.nn.Linear(4, out))
    return with_parameters(model, loss, numbers(6, 3), target)


def _attention():
    def run(x, q, k, v):
        return F.scaled_dot_product_attention(x @ q, x @ k, x @ v, is_causal=True).pow(2).mean()

    return run, (numbers(1, 4, 6), *[numbers(6, 6, seed=s, scale=0.5, grad=True) for s in (1, 2, 3)])


def _embedding():
    places = gv.tensor([0, 2, 2, 1])

    def run(table, w):
        return F.cross_entropy(F.embedding(places, table) @ w, gv.tensor([1, 0, 2, 2]))

    return run, (numbers(3, 4, grad=True), numbers(4, 3, seed=2, grad=True))


def _recurrence():
    def run(x, w, u, b):
        h = gv.zeros(2, 3)
        for t in range(4):
            h = gv.tanh(x[t] @ w + h @ u + b)
        return (h * h).sum()

    return run, (
        numbers(4, 2, 2, grad=True),
        numbers(2, 3, seed=1, grad=True),
        numbers(3, 3, seed=2, grad=True),
        numbers(3, seed=3, grad=True),
    )


def _convolutional():
    model = gv.nn.Sequential(
        gv.nn.Conv2d(1, 2, 3, padding=1, bias=False),
        gv.nn.BatchNorm2d(2),
        gv.nn.ReLU(),
        gv.nn.MaxPool2d(2),
        gv.nn.Flatten(),
        gv.nn.Linear(8, 3),
    )
    return with_parameters(
        model, lambda y, t: F.cross_entropy(y, gv.tensor([2, 0])) + t.sum() * 0, numbers(2, 1, 4, 4), numbers(1)
    )


def _normed():
    model = gv.nn.Sequential(
        gv.nn.Linear(4, 6), gv.nn.LayerNorm(6), gv.nn.GELU(), gv.nn.Linear(6, 4), gv.nn.GroupNorm(1, 4), gv.nn.SiLU()
    )
    return with_parameters(model, lambda y, t: F.smooth_l1_loss(y, t), numbers(3, 4), numbers(3, 4, seed=5))


def _by_hand():
    def run(w1, b1, w2, x, y):
        p = gv.softmax(gv.relu(x @ w1 + b1) @ w2, 1)
        return -(y * p.log()).sum() / 3 + 0.01 * (w1.norm() + w2.pow(2).sum())

    y = gv.tensor(np.eye(3, dtype=np.float32))
    return run, (
        numbers(2, 4, grad=True),
        numbers(4, seed=1, grad=True),
        numbers(4, 3, seed=2, grad=True),
        numbers(3, 2, seed=3),
        y,
    )


def _scalar():
    def run(w, x, b, y):
        return (gv.tanh(w * x + b) - y) ** 2

    return run, tuple(gv.tensor(v, requires_grad=k != 1) for k, v in enumerate((0.5, 2.0, -0.3, 1.0)))


COMPUTATIONS = {
    "a neuron": _scalar,
    "a polynomial": lambda: (
        lambda a, b, c, d, x: ((a + b * x + c * x**2 + d * x**3) - gv.sin(x)).pow(2).sum(),
        (*[numbers(seed=s, grad=True) for s in range(4)], numbers(20, grad=True)),
    ),
    "regression": lambda: _mlp(gv.nn.Tanh(), F.mse_loss, numbers(6, 2, seed=9)),
    "two classes": lambda: _mlp(
        gv.nn.LeakyReLU(), F.binary_cross_entropy_with_logits, gv.tensor(np.eye(6, 2, dtype=np.float32))
    ),
    "huber": lambda: _mlp(gv.nn.Softplus(), F.huber_loss, numbers(6, 2, seed=9)),
    "by hand": _by_hand,
    "attention": _attention,
    "embedding": _embedding,
    "a recurrence": _recurrence,
    "a convolution": _convolutional,
    "norms": _normed,
}


def test_whole_computations_give_python_s_numbers(node, tmp_path):
    gv.manual_seed(0)
    cases = []
    for name, make in COMPUTATIONS.items():
        function, tensors = make()
        found = case(name, function, tensors, [shuffled(tensor) for tensor in tensors])
        assert isinstance(found, dict), f"{name}: {found}"
        # Sums of many terms in another order.
        cases.append(found | {"tolerance": {"float32": 2e-5, "float64": 1e-12}})
    assert problems(node, cases, tmp_path) == []


@pytest.mark.parametrize(
    "activation",
    ["ReLU", "LeakyReLU", "Tanh", "Sigmoid", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus", "LogSigmoid", "Softsign",
     "Hardtanh", "ReLU6", "Hardswish", "Hardsigmoid", "Softshrink", "Hardshrink", "Tanhshrink", "PReLU", "Softmax", "LogSoftmax", "GLU"],
)  # fmt: skip
def test_a_page_can_run_every_common_activation(activation):
    kind = getattr(gv.nn, activation)
    model = kind(1) if "Softmax" in activation else kind()
    x = numbers(3, 4, grad=True)
    assert isinstance(program_of(record_graph(model(x).sum(), backward=True), RUNNABLE), Program)


@pytest.mark.parametrize(
    "loss",
    [
        F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits, F.gaussian_nll_loss,
        F.poisson_nll_loss, F.hinge_embedding_loss, F.cosine_embedding_loss, F.cross_entropy, F.nll_loss, F.multi_margin_loss,
        F.binary_cross_entropy, F.margin_ranking_loss, F.triplet_margin_loss,
    ],
    ids=lambda loss: loss.__name__,
)  # fmt: skip
def test_a_page_can_run_every_common_loss(loss):
    x, y = numbers(3, 4, grad=True), numbers(3, 4, seed=1).abs() * 0.2
    classes, signs = gv.tensor([1, 0, 3]), gv.tensor([1.0, -1.0, 1.0])
    more = {
        "gaussian_nll_loss": (y, y + 1),
        "cosine_embedding_loss": (y, signs),
        "cross_entropy": (classes,),
        "nll_loss": (classes,),
        "multi_margin_loss": (classes,),
        "margin_ranking_loss": (y, signs[:, None]),
        "triplet_margin_loss": (y, y + 1),
        "hinge_embedding_loss": (signs[:, None].expand(3, 4).contiguous(),),
    }.get(loss.__name__, (y,))
    found = program_of(record_graph(loss(x.sigmoid(), *more), backward=True), RUNNABLE)
    assert isinstance(found, Program), found


# --- what is missing ---------------------------------------------------------------------------------------------------


def test_what_a_page_cannot_run_is_named():
    x = gv.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    assert program_of(record_graph(gv.linalg.inv(x).sum(), backward=True), RUNNABLE) == Missing(
        "operation", ("linalg_inv_ex",)
    )
    large = gv.ones(200, 200, requires_grad=True)
    assert program_of(record_graph(large.sum(), backward=True), RUNNABLE) == Missing("large", ("large",))
    many = [gv.ones(100, 120, requires_grad=True) for _ in range(1 + LEAF_NUMBERS // 12_000)]
    assert program_of(record_graph(sum(one.sum() for one in many), backward=True), RUNNABLE) == Missing("large")
    recording = record_graph((x * x).sum(), backward=True)
    assert program_of(loads(dumps(recording)), RUNNABLE) == Missing("file")
    y = x * 2
    y.register_hook(lambda grad: grad * 2)
    assert program_of(record_graph(y.sum(), backward=True), RUNNABLE) == Missing("hook")
    assert program_of(record_graph(x.half().sum(), backward=True), RUNNABLE) == Missing("dtype", ("float16",))


def test_a_formula_that_looks_at_the_numbers_to_choose_is_found_out():
    """Else its choice would stand in the program as a constant, and be wrong for other numbers."""
    x = gv.tensor([1.0, 5.0, 2.0], requires_grad=True)
    found = program_of(record_graph(gv.linalg.vector_norm(x, float("inf")), backward=True), RUNNABLE)
    assert isinstance(found, Missing)
    assert found.kind == "operation"


def test_a_leaf_that_was_made_of_another_says_so():
    x = gv.tensor([1.0, -5.0, 2.0], requires_grad=True)
    program = program_of(record_graph(gv.where(x > 0, x, x * 0.1).sum(), backward=True), RUNNABLE)
    assert isinstance(program, Program)
    assert len(program.cut) == 1
    assert "comparison" in next(iter(program.cut.values())) or ">" in next(iter(program.cut.values()))
