"""Distributions: the same digits, shapes, gradients, prints and errors as PyTorch's."""

from __future__ import annotations

import copy
import itertools
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from beside import outcome

import gradviz as gv

MAKERS = {
    "Bernoulli probs": "D.Bernoulli(torch.tensor([0.1, 0.5, 0.9]))",
    "Bernoulli logits": "D.Bernoulli(logits=torch.tensor([[0.3, -2.0]]))",
    "Bernoulli number": "D.Bernoulli(0.3)",
    "Bernoulli sure": "D.Bernoulli(torch.tensor([0.0, 1.0]))",
    "Categorical probs": "D.Categorical(torch.tensor([0.25, 0.75]))",
    "Categorical logits": "D.Categorical(logits=torch.tensor([[0.3, -2.0, 1.0], [0.0, 0.0, 0.0]]))",
    "Categorical impossible": "D.Categorical(torch.tensor([0.0, 1.0, 3.0]))",
    "OneHotCategorical": "D.OneHotCategorical(torch.tensor([[0.2, 0.8], [0.5, 0.5]]))",
    "OneHotCategorical logits": "D.OneHotCategorical(logits=torch.tensor([0.2, 0.8, 0.1]))",
    "OneHotCategoricalStraightThrough": "D.OneHotCategoricalStraightThrough(torch.tensor([0.2, 0.8]))",
    "Normal": "D.Normal(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.1]))",
    "Normal numbers": "D.Normal(0, 2.0)",
    "Normal broadcast": "D.Normal(torch.zeros(2, 1), torch.ones(3))",
    "Normal double": "D.Normal(torch.zeros(2).double(), 1.5)",
    "LogNormal": "D.LogNormal(torch.tensor([0.0, 1.0]), 0.5)",
    "LogNormal numbers": "D.LogNormal(0.0, 1.0)",
    "MultivariateNormal": "D.MultivariateNormal(torch.tensor([1.0, -1.0]), torch.tensor([[2.0, 0.5], [0.5, 1.0]]))",
    "MultivariateNormal tril": "D.MultivariateNormal(torch.zeros(3, 2), scale_tril=torch.tensor([[2.0, 0.0], [0.5, 1.0]]))",
    "MultivariateNormal batch": "D.MultivariateNormal(torch.zeros(2), torch.tensor([[2.0, 0.5], [0.5, 1.0]]).expand(3, 1, 2, 2))",
    "MultivariateNormal precision": "D.MultivariateNormal(torch.zeros(2), precision_matrix=torch.tensor([[2.0, 0.5], [0.5, 1.0]]))",
    "Uniform": "D.Uniform(torch.tensor([0.0, -1.0]), torch.tensor([1.0, 3.0]))",
    "Uniform numbers": "D.Uniform(1, 3)",
    "Exponential": "D.Exponential(torch.tensor([1.0, 0.2]))",
    "Exponential number": "D.Exponential(2.0)",
    "Laplace": "D.Laplace(torch.tensor([0.0, 1.0]), 2.0)",
    "Beta": "D.Beta(torch.tensor([0.5, 2.0, 9.0]), torch.tensor([0.5, 3.0, 8.0]))",
    "Beta numbers": "D.Beta(0.5, 0.7)",
    "Gamma": "D.Gamma(torch.tensor([0.3, 1.0, 2.5, 12.0]), torch.tensor(2.0))",
    "Gamma numbers": "D.Gamma(1.0, 1.0)",
    "Dirichlet": "D.Dirichlet(torch.tensor([[0.5, 0.5, 0.9], [9.0, 8.0, 7.0]]))",
    "Independent": "D.Independent(D.Normal(torch.zeros(2, 3), torch.ones(2, 3)), 1)",
    "Independent of none": "D.Independent(D.Bernoulli(torch.tensor([0.3, 0.6])), 0)",
    "Independent of all": "D.Independent(D.Categorical(torch.ones(2, 3)), 1)",
    "affine": "D.TransformedDistribution(D.Normal(torch.zeros(2), 1.0), D.AffineTransform(1.0, torch.tensor([2.0, -3.0])))",
    "affine wide": "D.TransformedDistribution(D.Normal(0.0, 1.0), [D.AffineTransform(torch.tensor([1.0, 2.0]), 2.0)])",
    "affine falling": "D.TransformedDistribution(D.Laplace(0.0, 1.0), D.AffineTransform(1.0, -2.0))",
    "affine vectors": "D.TransformedDistribution(D.Normal(torch.zeros(3), 1.0), D.AffineTransform(1.0, 2.0, event_dim=1))",
    "exp": "D.TransformedDistribution(D.Uniform(torch.zeros(2), 1.0), [D.ExpTransform()])",
    "sigmoid": "D.TransformedDistribution(D.Normal(torch.zeros(2), 1.0), [D.SigmoidTransform()])",
    "tanh": "D.TransformedDistribution(D.Normal(torch.zeros(2), 1.0), D.TanhTransform(cache_size=1))",
    "logistic": "D.TransformedDistribution(D.Uniform(0.0, 1.0), [D.SigmoidTransform().inv, D.AffineTransform(1.0, 2.0)])",
    "squashed policy": "D.Independent(D.TransformedDistribution(D.Normal(torch.zeros(2, 3), 0.5), [D.TanhTransform()]), 1)",
    "composed": "D.TransformedDistribution(D.Exponential(1.0), D.ComposeTransform([D.PowerTransform(0.5), D.AffineTransform(0.0, 2.0)]))",
    "softplus": "D.TransformedDistribution(D.Normal(0.0, 1.0), D.SoftplusTransform())",
    "no transforms": "D.TransformedDistribution(D.Normal(0.0, 1.0), [])",
}

QUESTIONS = (
    "repr(d)", "d.batch_shape, d.event_shape", "d.sample()", "d.sample((3,))", "d.sample(torch.Size([2, 1]))",
    "d.rsample((2,))", "d.has_rsample, d.has_enumerate_support", "d.mean", "d.mode", "d.variance", "d.stddev", "d.support",
    "d.entropy()", "d.perplexity()", "d.log_prob(d.sample())", "d.log_prob(d.sample((2,)))", "d.cdf(d.sample((2,)))",
    "d.icdf(torch.tensor(0.3))", "d.enumerate_support()", "d.enumerate_support(expand=False)",
    "d.expand((4, *d.batch_shape))", "d.expand((2, *d.batch_shape)).sample()", "d.expand((2, *d.batch_shape)).log_prob(d.sample())",
    "d.expand((2, *d.batch_shape)).mean", "d.log_prob(torch.full((7, 5), 0.5))", "d.log_prob(0.5)", "d.log_prob(d.sample() * float('nan'))",
    "torch.rand(1)", "d._validate_args", "[repr(c) for c in d.arg_constraints.values()]", "d.param_shape", "d.loc, d.scale",
    "d.probs, d.logits", "d.scale_tril, d.covariance_matrix, d.precision_matrix",
)  # fmt: skip


def start(code):
    return "D = torch.distributions\ntorch.manual_seed(0)\n" + textwrap.dedent(code).strip()


def both(torch, code):
    answer, told = outcome(gv, start(code))
    return (answer.replace("'gradviz.", "'torch."), told), outcome(torch, start(code))


def assert_same(torch, code):
    mine, theirs = both(torch, code)
    assert mine == theirs


@pytest.mark.parametrize("name", MAKERS)
def test_every_question_is_answered_as_in_pytorch(torch, name):
    """What it prints for the answer or the error; all from one seed, so that each draw moves the generator as far."""
    space = {}
    for question in QUESTIONS:
        mine, theirs = both(torch, f"d = {MAKERS[name]}\nr = {question}")
        if mine[0].startswith("AttributeError") and theirs[0].startswith("AttributeError"):
            continue
        space[question] = (mine, theirs)
    wrong = {question: pair for question, pair in space.items() if pair[0] != pair[1]}
    assert not wrong


GRADIENTS = {
    "Normal": ("D.Normal(a, b)", (0.3, 1.2)),
    "LogNormal": ("D.LogNormal(a, b)", (0.3, 0.7)),
    "Uniform": ("D.Uniform(a, b)", (0.3, 1.2)),
    "Laplace": ("D.Laplace(a, b)", (0.3, 1.2)),
    "Exponential": ("D.Exponential(a)", (0.3, 1.2)),
    "Gamma": ("D.Gamma(a, b)", (0.3, 1.2)),
    "Gamma in the middle": ("D.Gamma(a, b)", (3.0, 1.2)),
    "large Gamma": ("D.Gamma(a, b)", (20.0, 1.2)),
    "Beta": ("D.Beta(a, b)", (0.3, 1.2)),
    "large Beta": ("D.Beta(a, b)", (9.0, 7.2)),
    "Dirichlet": ("D.Dirichlet(torch.stack([a, b, b], -1))", (1.3, 2.2)),
    "MultivariateNormal": ("D.MultivariateNormal(a, torch.diag(b) + 0.1)", (1.3, 2.2)),
    "tanh": ("D.TransformedDistribution(D.Normal(a, b), [D.TanhTransform(cache_size=1)])", (0.3, 1.2)),
    "Independent": ("D.Independent(D.Normal(a, b), 1)", (0.3, 1.2)),
    "Bernoulli": ("D.Bernoulli(logits=a)", (0.3, 1.2)),
    "Categorical": ("D.Categorical(logits=a)", (0.3, 1.2)),
    "Categorical probs": ("D.Categorical(a)", (0.3, 1.2)),
    "straight through": ("D.OneHotCategoricalStraightThrough(logits=a)", (0.3, 1.2)),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(torch, name):
    """Through a sample, through its logarithm of probability, through the entropy."""
    make, (a, b) = GRADIENTS[name]
    code = f"""
a = (torch.rand(3).double() * 0.5 + {a}).requires_grad_()
b = (torch.rand(3).double() * 0.5 + {b}).requires_grad_()
d = {make}
x = d.rsample((2,)) if d.has_rsample else d.sample((2,))
log.append(x)
for y in ([x] if d.has_rsample else []) + [d.log_prob(x)]:
    log.append(torch.autograd.grad((y * y).sum(), (a, b), retain_graph=True, allow_unused=True))
try:
    log.append(torch.autograd.grad(d.entropy().sum(), (a, b), allow_unused=True))
except NotImplementedError:
    log.append("none")
torch.set_printoptions(precision=7)
r = str(log)
torch.set_printoptions(precision=4)"""
    assert_same(torch, code)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_gamma_and_dirichlet_draws_have_pytorchs_very_digits(torch, kind):
    concentrations = np.random.default_rng(0).uniform(0.05, 30, (40, 3)).astype(kind)
    drawn = []
    for library in (gv, torch):
        library.manual_seed(0)
        D, alpha = library.distributions, library.tensor(concentrations)
        drawn.append(
            [D.Gamma(alpha, alpha).sample().numpy(), D.Dirichlet(alpha).sample().numpy(), library.rand(1).numpy()]
        )
    for mine, theirs in zip(*drawn, strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def test_slopes_of_draws_are_pytorchs_approximations(torch):
    """In every range of the arguments, and these are a few digits from the truth."""
    from gradviz.engine import gammamath

    random = np.random.default_rng(0)
    alpha = np.concatenate([random.uniform(0.01, 8, 300), random.uniform(8, 60, 300)])
    x = np.maximum(random.gamma(alpha), 1e-6)
    ours = gammamath.gamma_slope(alpha, x)
    np.testing.assert_allclose(
        ours, torch._standard_gamma_grad(torch.tensor(alpha), torch.tensor(x)).numpy(), rtol=1e-12
    )
    concentration = random.uniform(0.05, 30, (600, 2))
    shares = random.beta(concentration[:, 0], concentration[:, 1]).clip(1e-9, 1 - 1e-9)
    first, total = concentration[:, 0].copy(), concentration.sum(-1)
    theirs = torch._dirichlet_grad(*(torch.tensor(array) for array in (shares, first, total))).numpy()
    np.testing.assert_allclose(gammamath.dirichlet_slope(shares, first, total), theirs, rtol=1e-9)


def test_a_slope_keeps_the_draw_in_its_place():
    """−(∂F/∂α)/(∂F/∂x), measured on the distribution function, is what flows back."""
    alpha = gv.tensor([0.4, 1.5, 4.0, 9.0, 30.0], dtype=gv.float64, requires_grad=True)
    gv.manual_seed(1)
    x = gv.distributions.Gamma(alpha, 1.0).rsample()
    (slope,) = gv.autograd.grad(x.sum(), alpha)
    at, eps = x.detach(), 1e-5
    F = gv.special.gammainc
    by_alpha = (F(alpha.detach() + eps, at) - F(alpha.detach() - eps, at)) / (2 * eps)
    by_x = (F(alpha.detach(), at + eps) - F(alpha.detach(), at - eps)) / (2 * eps)
    np.testing.assert_allclose(slope.numpy(), (-by_alpha / by_x).numpy(), rtol=2e-3)


# --- divergences --------------------------------------------------------------------------------------------------------

PAIRS = {
    "Bernoulli": ("D.Bernoulli(torch.tensor([0.1, 0.5, 0.0, 1.0]))", "D.Bernoulli(torch.tensor([0.3, 1.0, 0.2, 1.0]))"),
    "Categorical": ("D.Categorical(torch.tensor([0.1, 0.5, 0.0]))", "D.Categorical(torch.tensor([0.3, 1.0, 0.2]))"),
    "Categorical, impossible": ("D.Categorical(torch.tensor([0.1, 0.5]))", "D.Categorical(torch.tensor([0.0, 1.0]))"),
    "OneHotCategorical": ("D.OneHotCategorical(torch.ones(2, 3))", "D.OneHotCategorical(torch.tensor([1.0, 2.0, 3.0]))"),
    "Normal": ("D.Normal(torch.tensor([0.0, 1.0]), 2.0)", "D.Normal(1.0, torch.tensor([[0.5], [3.0]]))"),
    "LogNormal": ("D.LogNormal(0.0, 2.0)", "D.LogNormal(1.0, 0.5)"),
    "MultivariateNormal": (
        "D.MultivariateNormal(torch.zeros(2), torch.tensor([[2.0, 0.5], [0.5, 1.0]]))",
        "D.MultivariateNormal(torch.ones(3, 2), torch.eye(2))",
    ),
    "MultivariateNormal, sizes": (
        "D.MultivariateNormal(torch.zeros(2), torch.eye(2))", "D.MultivariateNormal(torch.zeros(3), torch.eye(3))",
    ),
    "Uniform": ("D.Uniform(torch.tensor([0.0, -1.0]), 1.0)", "D.Uniform(-0.5, 2.0)"),
    "Exponential": ("D.Exponential(1.0)", "D.Exponential(torch.tensor([0.5, 2.0]))"),
    "Laplace": ("D.Laplace(0.0, 2.0)", "D.Laplace(1.0, torch.tensor([0.5, 2.0]))"),
    "Gamma": ("D.Gamma(torch.tensor([0.5, 2.0]), 1.0)", "D.Gamma(1.5, 2.0)"),
    "Beta": ("D.Beta(torch.tensor([0.5, 2.0]), 1.0)", "D.Beta(1.5, 2.0)"),
    "Dirichlet": ("D.Dirichlet(torch.tensor([0.5, 2.0]))", "D.Dirichlet(torch.ones(3, 2))"),
    "Independent": ("D.Independent(D.Normal(torch.zeros(3), 1.0), 1)", "D.Independent(D.Normal(torch.ones(3), 2.0), 1)"),
    "Independent, other": ("D.Independent(D.Normal(torch.zeros(3), 1.0), 1)", "D.Independent(D.Normal(torch.ones(3), 2.0), 0)"),
    "Transformed": (
        "D.TransformedDistribution(D.Normal(0.0, 1.0), [D.TanhTransform(), D.AffineTransform(0.0, 2.0)])",
        "D.TransformedDistribution(D.Normal(1.0, 1.0), [D.TanhTransform(), D.AffineTransform(0.0, 2.0)])",
    ),
    "Transformed, other": (
        "D.TransformedDistribution(D.Normal(0.0, 1.0), [D.AffineTransform(0.0, 2.0)])",
        "D.TransformedDistribution(D.Normal(1.0, 1.0), [D.AffineTransform(torch.tensor(0.0), 3.0)])",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_divergence_of_two_of_a_kind(torch, name):
    p, q = PAIRS[name]
    assert_same(torch, f"r = D.kl_divergence({p}, {q})")
    assert_same(torch, f"r = D.kl.kl_divergence({q}, {p})")


SINGLE = {
    "Bernoulli": "D.Bernoulli(0.3)",
    "Categorical": "D.Categorical(torch.ones(2))",
    "Normal": "D.Normal(0.3, 2.0)",
    "Uniform": "D.Uniform(0.1, 0.9)",
    "wide Uniform": "D.Uniform(-0.1, 2.0)",
    "Exponential": "D.Exponential(1.5)",
    "Laplace": "D.Laplace(0.3, 2.0)",
    "Gamma": "D.Gamma(1.5, 0.7)",
    "Beta": "D.Beta(1.5, 0.7)",
}


def test_divergence_of_any_two(torch):
    wrong = {}
    for p, q in itertools.product(SINGLE, SINGLE):
        mine, theirs = both(torch, f"r = D.kl_divergence({SINGLE[p]}, {SINGLE[q]})")
        if mine != theirs:
            wrong[p, q] = mine, theirs
    assert not wrong


# --- snippets -----------------------------------------------------------------------------------------------------------

SNIPPETS = {
    "the case": "m = D.Categorical(torch.tensor([0.25, 0.75])); a = m.sample(); r = a, m.log_prob(a), m.entropy()",
    "reinforce": """
        logits = torch.tensor([[0.2, -0.1], [0.5, 0.3]], requires_grad=True)
        m = D.Categorical(logits=logits)
        a = m.sample()
        (-m.log_prob(a) * torch.tensor([1.0, 2.0])).mean().backward()
        r = a, logits.grad""",
    "both": "r = D.Categorical(torch.ones(2), torch.ones(2))",
    "none": "r = D.Bernoulli()",
    "number for probs": "r = D.Categorical(torch.tensor(1.0))",
    "number for logits": "r = D.Categorical(logits=torch.tensor(1.0))",
    "negative scale": "r = D.Normal(torch.zeros(2), torch.tensor([1.0, -1.0]))",
    "zero scale": "r = D.Normal(0.0, 0.0)",
    "nan": "r = D.Normal(torch.tensor([float('nan')]), 1.0)",
    "no simplex": "r = D.Categorical(torch.tensor([-0.5, 1.5]))",
    "not a probability": "r = D.Bernoulli(1.5)",
    "one hot, not a simplex": "r = D.OneHotCategorical(torch.tensor([-0.5, 1.5]))",
    "empty interval": "r = D.Uniform(1.0, 0.0)",
    "negative rate": "r = D.Exponential(-1.0)",
    "negative concentration": "r = D.Gamma(-1.0, 1.0)",
    "negative Beta": "r = D.Beta(-1.0, 1.0)",
    "negative Dirichlet": "r = D.Dirichlet(torch.tensor([1.0, -1.0]))",
    "Dirichlet of a number": "r = D.Dirichlet(torch.tensor(1.0))",
    "not a number": "r = D.Normal('a', 1.0)",
    "shapes": "r = D.Normal(torch.zeros(2), torch.ones(3))",
    "covariance": "r = D.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]]))",
    "asymmetric": "r = D.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 2.0], [0.0, 1.0]]))",
    "no root": "r = D.MultivariateNormal(torch.zeros(2), scale_tril=torch.tensor([[1.0, 2.0], [0.0, 1.0]]))",
    "two matrices": "r = D.MultivariateNormal(torch.zeros(2), torch.eye(2), torch.eye(2))",
    "no matrix": "r = D.MultivariateNormal(torch.zeros(2), torch.ones(2))",
    "no vector": "r = D.MultivariateNormal(torch.tensor(0.0), torch.eye(2))",
    "unchecked": "d = D.Normal(0.0, -1.0, validate_args=False); r = d, d.log_prob(torch.tensor(1.0)), d._validate_args",
    "set_default": """
        D.Distribution.set_default_validate_args(False)
        r = D.Normal(0.0, -1.0)
        D.Distribution.set_default_validate_args(True)""",
    "set_default to what": "r = D.Distribution.set_default_validate_args(3)",
    "outside": "r = D.Uniform(0.0, 1.0).log_prob(torch.tensor(2.0))",
    "outside, unchecked": "r = D.Uniform(0.0, 1.0, validate_args=False).log_prob(torch.tensor([2.0, 0.0, 1.0]))",
    "outside Gamma": "r = D.Gamma(1.0, 1.0).log_prob(-1)",
    "Gamma of a number": "r = D.Gamma(1.0, 1.0).log_prob(2)",
    "outside Beta": "r = D.Beta(1.0, 1.0).cdf(torch.tensor(0.5))",
    "half a class": "r = D.Categorical(torch.ones(2)).log_prob(torch.tensor(0.5))",
    "not one hot": "r = D.OneHotCategorical(torch.ones(2)).log_prob(torch.tensor([1.0, 1.0]))",
    "event shape": "r = D.MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.zeros(3))",
    "batch shape": "r = D.Normal(torch.zeros(2), 1.0).log_prob(torch.zeros(3))",
    "too many": "r = D.Independent(D.Normal(0.0, 1.0), 1)",
    "Independent, no enumeration": "r = D.Independent(D.Bernoulli(torch.ones(2)), 1).enumerate_support()",
    "expand too far": "r = D.Normal(torch.zeros(2), 1.0).expand((3,))",
    "not transforms": "r = D.TransformedDistribution(D.Normal(0.0, 1.0), 3)",
    "not a transform": "r = D.TransformedDistribution(D.Normal(0.0, 1.0), [3])",
    "too few dimensions": "r = D.TransformedDistribution(D.Normal(0.0, 1.0), D.AffineTransform(0.0, 1.0, event_dim=1))",
    "sample_n": "r = D.Normal(0.0, 1.0).sample_n(3)",
    "no kl": "r = D.kl_divergence(D.Normal(0.0, 1.0), D.Bernoulli(0.5))",
    "a distribution of one's own": """
        class Point(D.Distribution):
            arg_constraints = {}
            support = D.constraints.real
            has_rsample = True
            def __init__(self, at):
                self.at = at
                super().__init__(at.shape)
            def rsample(self, sample_shape=torch.Size()):
                return self.at.expand(self._extended_shape(sample_shape))
        d = Point(torch.zeros(2))
        try:
            d.expand((3,))
        except NotImplementedError as error:
            log.append(str(error))
        r = d, d.sample((3,)), d.batch_shape, log""",
    "without constraints": """
        class Point(D.Distribution):
            pass
        Point()
        r = 1""",
    "a subclass that expands": """
        class Mine(D.Normal):
            pass
        r = Mine(torch.zeros(2), 1.0).expand((3, 2))""",
    "a subclass that expands what it has": """
        class Mine(D.Normal):
            def __init__(self, loc, scale, more):
                self.more = more
                super().__init__(loc, scale)
            def expand(self, batch_shape, _instance=None):
                new = self._get_checked_instance(Mine, _instance)
                new.more = self.more.expand(batch_shape)
                return super().expand(batch_shape, _instance=new)
        d = Mine(torch.zeros(2), 1.0, torch.ones(2)).expand((3, 2))
        r = d, d.more.shape, d.batch_shape, d.sample().shape""",
    "a subclass that cannot expand": """
        class Mine(D.Normal):
            def __init__(self):
                super().__init__(0.0, 1.0)
        r = Mine().expand((3,))""",
    "a kl of one's own": """
        class Mine(D.Normal):
            pass
        @D.register_kl(Mine, Mine)
        def _(p, q):
            return torch.tensor(7.0)
        a, b = Mine(0.0, 1.0), D.Normal(0.0, 2.0)
        r = D.kl_divergence(a, a), D.kl_divergence(a, b)""",
    "a family of one's own": """
        class Poisson(D.ExponentialFamily):
            arg_constraints = {"rate": D.constraints.positive}
            _mean_carrier_measure = 0
            def __init__(self, rate):
                self.rate = rate
                super().__init__(rate.shape)
            @property
            def _natural_params(self):
                return (self.rate.log(),)
            def _log_normalizer(self, x):
                return x.exp()
        p, q = Poisson(torch.tensor([1.0, 2.0])), Poisson(torch.tensor([1.5, 0.5]))
        r = p.entropy(), D.kl_divergence(p, q), p""",
    "straight through": """
        logits = torch.zeros(3, requires_grad=True)
        x = D.OneHotCategoricalStraightThrough(logits=logits).rsample()
        (x * torch.arange(3)).sum().backward()
        r = x, logits.grad""",
    "grad_fn of rsample": """
        a = torch.ones(2, requires_grad=True)
        r = [type(d.rsample().grad_fn).__name__ for d in (D.Normal(a, 1.0), D.Gamma(a, 1.0), D.Dirichlet(a), D.Beta(a, a))]""",
    "second derivative of gamma": """
        a = torch.ones(2, requires_grad=True)
        g, = torch.autograd.grad(torch.distributions.Gamma(a, 1.0).rsample().sum(), a, create_graph=True)
        r = g.requires_grad""",
    "transforms": """
        for t in (D.ExpTransform(), D.SigmoidTransform(), D.TanhTransform(), D.AffineTransform(1.0, -2.0), D.SoftplusTransform(),
                  D.AbsTransform(), D.PowerTransform(torch.tensor(2.0)), D.SoftmaxTransform(), D.ExpTransform().inv,
                  D.ComposeTransform([D.ExpTransform(), D.AffineTransform(0.5, 2.0)]),
                  D.ComposeTransform([D.ExpTransform(), D.AffineTransform(0.5, 2.0)]).inv,
                  D.IndependentTransform(D.ExpTransform(), 1)):
            x = torch.tensor([0.3, 0.7])
            y = t(x)
            log += [t, t.domain, t.codomain, t.bijective, y, t.inv(y), t.inv.domain, t.inv.inv(x), t.forward_shape((2,)), t.inverse_shape((2,))]
            for question in (lambda: t.sign, lambda: t.log_abs_det_jacobian(x, y), lambda: t.event_dim, lambda: t.with_cache()):
                try:
                    log.append(question())
                except NotImplementedError:
                    log.append("no")
        r = log""",
    "equal transforms": """
        a, b = D.AffineTransform(0.0, 1.0), D.AffineTransform(0.0, torch.tensor(1.0))
        r = [a == b, a == D.AffineTransform(0.0, 2.0), D.ExpTransform() == D.ExpTransform(), D.ExpTransform() == 3,
             D.ExpTransform().inv == D.ExpTransform().inv, D.ComposeTransform([a]) == D.ComposeTransform([b])]""",
    "cache": """
        t = D.TanhTransform(cache_size=1)
        x = torch.tensor(20.0)
        y = t(x)
        r = t.inv(y), D.TanhTransform().inv(y), t.inv(y) is x""",
    "cache of two": "r = D.ExpTransform(cache_size=2)",
    "constraints": """
        c = D.constraints
        x = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0, float('nan')])
        for each in (c.boolean, c.nonnegative_integer, c.positive_integer, c.integer_interval(0, 1), c.real, c.positive,
                     c.nonnegative, c.greater_than(0.5), c.greater_than_eq(0.5), c.less_than(0.5), c.unit_interval,
                     c.interval(-1.0, 1.0), c.half_open_interval(0.0, 1.0), c.real_vector, c.simplex, c.one_hot,
                     c.multinomial(3), c.independent(c.positive, 1)):
            log += [each, each.check(x), each.is_discrete, each.event_dim]
        m = torch.tensor([[[2.0, 0.5], [0.5, 1.0]], [[1.0, 0.0], [2.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]])
        for each in (c.lower_triangular, c.lower_cholesky, c.square, c.symmetric):
            log += [each, each.check(m), each.event_dim]
        for each in (c.positive_definite, c.positive_semidefinite):
            log += [each, each.check(m), each.check(m[:1]), each.check(m[2:])]
        r = log""",
    "dependent": """
        c = D.constraints
        log += [c.is_dependent(c.dependent), c.is_dependent(c.real), c.dependent, c.is_dependent(D.Uniform.support)]
        log += [D.Uniform.support.event_dim, D.Categorical.support.is_discrete, D.Normal.support]
        log += [c.dependent(event_dim=1).event_dim]
        r = log""",
    "dependent, unknown": "r = D.constraints.dependent.event_dim",
    "dependent, checked": "r = D.constraints.dependent.check(torch.ones(2))",
    "independent of too many": "r = D.constraints.independent(D.constraints.real, 2).check(torch.ones(2))",
    "registry": """
        c, x = D.constraints, torch.tensor([0.3, -0.2])
        for each in (c.real, c.positive, c.nonnegative, c.greater_than(1.0), c.less_than(1.0), c.unit_interval, c.interval(1.0, 3.0),
                     c.independent(c.positive, 1), c.real_vector):
            log += [D.transform_to(each), D.transform_to(each)(x), D.biject_to(each)(x)]
        r = log, D.transform_to(c.simplex)(x)""",
    "registry, unknown": "r = D.transform_to(D.constraints.boolean)",
    "registry, wrong": "r = D.transform_to.register(3)(len)",
    "utils": """
        u = D.utils
        x = torch.tensor([0.0, 0.4, 1.0])
        r = u.broadcast_all(1, x), u.clamp_probs(x), u.probs_to_logits(x), u.probs_to_logits(x, True), u.logits_to_probs(x), u.logits_to_probs(x, is_binary=True)""",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    assert_same(torch, SNIPPETS[name])


@pytest.mark.parametrize("name", MAKERS)
def test_copies(name):
    """A distribution can be copied and pickled, and draws the same."""
    first = eval(MAKERS[name], {"D": gv.distributions, "torch": gv})
    for second in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert type(second) is type(first)
        assert second.event_shape == first.event_shape
        gv.manual_seed(0)
        one = first.sample().numpy()
        gv.manual_seed(0)
        np.testing.assert_array_equal(second.sample().numpy(), one)


def test_every_import_line():
    code = """
import gradviz
import sys
assert "gradviz.distributions" not in sys.modules  # loaded when first used
import gradviz.distributions as D
from gradviz.distributions import Normal, constraints, kl_divergence, transforms
from gradviz.distributions.categorical import Categorical
from gradviz.distributions.kl import kl_divergence as again
from gradviz.distributions.transforms import AffineTransform
assert gradviz.distributions is D and D.Normal is Normal and again is kl_divergence and D.Categorical is Categorical
assert gradviz.distributions.transforms.AffineTransform is D.AffineTransform is AffineTransform
assert gradviz.distributions.constraints is constraints
assert gradviz.distributions.normal.Normal is Normal
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_not_here_is_refused_by_name():
    with pytest.raises(AttributeError, match=r"gradviz has no distributions\.Weibull"):
        gv.distributions.Weibull  # noqa: B018


def test_distributions_that_are_not_here_have_their_reason(torch):
    theirs = torch.distributions
    missing = {
        name
        for name in theirs.__all__
        if isinstance(getattr(theirs, name), type) and issubclass(getattr(theirs, name), theirs.Distribution)
    }
    missing -= set(gv.distributions.__all__)
    assert {"Poisson", "StudentT"} < missing
    for name in missing:
        with pytest.raises(AttributeError, match="it is not among the distributions that are here"):
            getattr(gv.distributions, name)
