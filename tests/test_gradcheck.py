"""gradcheck and gradgradcheck: they find what is wrong, in PyTorch's words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_function import FUNCTIONS, outcome

import gradviz as gv

SETUP = (
    FUNCTIONS
    + """
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck
def T(values, requires_grad=True):
    return torch.tensor(values, dtype=torch.float64, requires_grad=requires_grad)

Wrong = made(lambda ctx, x: x * 2, lambda ctx, g: g * 3)
Shifted = made(lambda ctx, x: x * 2, lambda ctx, g: g * 2 + 1e-7)
Frozen = made(lambda ctx, x: (ctx.save_for_backward(x), x**3)[1], lambda ctx, g: 3 * ctx.saved_tensors[0].detach() ** 2 * g)
calls = []
Restless = made(lambda ctx, x: x * 2, lambda ctx, g: (calls.append(0), g * (2 + 1e-9 * len(calls)))[1])
"""
)

SNIPPETS = {
    "right": "r = gradcheck(lambda x: x**3, T([1.0, 2.0]))",
    "wrong": "gradcheck(Wrong.apply, T([1.0, 2.0]))",
    "wrong, without an error": "r = gradcheck(Wrong.apply, T([1.0, 2.0]), raise_exception=False)",
    "the second output is wrong": "gradcheck(lambda x, y: (x * y, Wrong.apply(y)), (T([1.0, 2.0]), T([3.0])))",
    "the second input is wrong": "gradcheck(lambda x, y: x * Wrong.apply(y), (T([1.0, 2.0]), T([3.0])))",
    "an output that is not differentiable comes first": """
gradcheck(lambda x: (x.detach() * 5, Wrong.apply(x)), T([1.0, 2.0]))
""",
    "several inputs and outputs": "r = gradcheck(lambda x, y: (x * y, x + y), (T([1.0, 2.0]), T([3.0])))",
    "a list": "r = gradcheck(lambda x, y: [x * y], [T([1.0, 2.0]), T(3.0)])",
    "an input that is no tensor": "r = gradcheck(lambda x, n: x * n, (T([1.0, 2.0]), 3))",
    "an input that needs no gradient": "r = gradcheck(lambda x, y: x * y, (T([1.0, 2.0]), T([3.0, 4.0], False)))",
    "an unused input": "r = gradcheck(lambda x, y: x * 2, (T([1.0, 2.0]), T(2.0)))",
    "a number": "r = gradcheck(lambda x: x * x, T(3.0))",
    "an empty tensor": "r = gradcheck(lambda x: x * 2, T([]))",
    "an input with a graph": "r = gradcheck(lambda x: x**2, T([1.0, 3.0]) * 2)",
    "a view": "r = gradcheck(lambda x: x.view(-1), T([1.0, 2.0]))",
    "captured": "x = T([1.0, 2.0]); r = gradcheck(lambda _: x**2, x)",
    "no input": "gradcheck(lambda x: x * 2, T([1.0, 2.0], False))",
    "single precision": "gradcheck(lambda x: x**2, torch.tensor([0.2, 1.0, 1.8], requires_grad=True))",
    "stride 0": "gradcheck(lambda x: x**2, T([1.0], False).expand(3).requires_grad_())",
    "not differentiable, but depends": "gradcheck(lambda x: x.detach() * 2, T([1.0, 2.0]))",
    "not differentiable": "r = gradcheck(lambda x: x.detach() * 0, T([1.0, 2.0]))",
    "the output's shape changes": "gradcheck(lambda x: x[: 1 + int(x.detach().sum() > 3)], T([1.0, 2.0]))",
    "not reentrant": "gradcheck(Restless.apply, T([1.0, 2.0]))",
    "not reentrant, allowed": "r = gradcheck(Restless.apply, T([1.0, 2.0]), nondet_tol=1e-6)",
    "not multiplied": "gradcheck(Shifted.apply, T([1.0, 2.0]))",
    "None is not handled": """
def forward(ctx, x):
    ctx.set_materialize_grads(False)
    return x * 2, x * 3
r = gradcheck(made(forward, lambda ctx, g, h: g * 2 + h * 3).apply, T([1.0, 2.0]), check_undefined_grad=False)
""",
    "tolerances": """
near = made(lambda ctx, x: x * 2, lambda ctx, g: g * 2.1)
r = [gradcheck(near.apply, T([1.0, 2.0]), raise_exception=False, **t) for t in ({}, {"atol": 0.2}, {"rtol": 0.2})]
""",
    "eps": "gradcheck(lambda x: x**3, T([1.0]), eps=0.1)",
    "an output that is no tensor": "gradcheck(lambda x: 3.0, T([1.0]))",
    "neither direction": "gradcheck(lambda x: x, T([1.0]), check_backward_ad=False)",
    "batched forward": "gradcheck(lambda x: x, T([1.0]), check_batched_forward_grad=True)",
    "batched, not backward": """
gradcheck(lambda x: x, T([1.0]), check_batched_grad=True, check_forward_ad=True, check_backward_ad=False)
""",
    "fast mode": "r = gradcheck(lambda x: x**3, T([1.0, 2.0]), fast_mode=True)",
    "masked": "r = gradcheck(lambda x: x**3, T([1.0, 2.0]), masked=True)",
    "second": "r = gradgradcheck(lambda x, y: x**2 * y, (T([1.0, 2.0]), T([3.0])))",
    "second, linear": "r = gradgradcheck(lambda x: x * 2, T([1.0, 2.0]))",
    "second, of a sum": "r = gradgradcheck(lambda x: x.sum(), T([1.0, 2.0]))",
    "second, given starts": "r = gradgradcheck(lambda x, y: x**2 * y, (T([1.0, 2.0]), T([3.0])), T([1.0, 1.0]))",
    "second, given constants": "r = gradgradcheck(lambda x: x**2, T([1.0, 2.0]), T([1.0, 1.0], False))",
    "second, spread out": "r = gradgradcheck(lambda x: x**2, T([1.0, 2.0]), gen_non_contig_grad_outputs=True)",
    "the first is right": "r = gradcheck(Frozen.apply, T([1.0, 2.0]))",
    "the second is wrong": "gradgradcheck(Frozen.apply, T([1.0, 2.0]), T([1.0, 1.0]))",
    "second, without an error": "r = gradgradcheck(Frozen.apply, T([1.0, 2.0]), raise_exception=False)",
    "second, neither": "gradgradcheck(lambda x: x, T([1.0]), check_rev_over_rev=False)",
    "second, undefined": "gradgradcheck(lambda x: x, T([1.0]), check_fwd_over_rev=True, check_rev_over_rev=False)",
    "second, batched": """
gradgradcheck(lambda x: x, T([1.0]), check_fwd_over_rev=True, check_rev_over_rev=False, check_undefined_grad=False,
              check_batched_grad=True)
""",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    mine, theirs = (outcome(library, SETUP + SNIPPETS[name]) for library in (gv, torch))
    assert mine == theirs


def test_an_error_of_its_own_kind():
    with pytest.raises(gv.autograd.gradcheck.GradcheckError) as caught:
        gv.autograd.gradcheck(lambda x: x.detach() * 2, gv.ones(2, dtype=gv.float64, requires_grad=True))
    assert isinstance(caught.value, RuntimeError)


CARELESS = """
def forward(ctx, x):
    ctx.set_materialize_grads(False)
    return x * 2, x * 3
def backward(ctx, g, h):
    return torch.ones(2, dtype=torch.float64) if g is None or h is None else g * 2 + h * 3
gradcheck(made(forward, backward).apply, T([1.0, 2.0]))
"""


def test_no_gradient_is_no_gradient_of_zeros(torch):
    """PyTorch says the same, and adds a warning to old callers of its own."""
    mine, theirs = (outcome(library, SETUP + CARELESS)[0] for library in (gv, torch))
    assert mine == theirs
    assert mine.startswith("GradcheckError")


@pytest.mark.parametrize(
    "option", [{"check_forward_ad": True}, {"check_batched_grad": True}, {"check_fwd_over_rev": True}]
)
def test_what_there_is_not_is_refused_by_name(option):
    check = gv.autograd.gradgradcheck if "check_fwd_over_rev" in option else gv.autograd.gradcheck
    with pytest.raises(NotImplementedError, match=f"gradviz has no {next(iter(option))}=True"):
        check(lambda x: x, gv.ones(1, dtype=gv.float64, requires_grad=True), **option)


def test_inputs_are_left_as_they_were():
    x = gv.tensor([0.1, 0.2, 0.3], dtype=gv.float64, requires_grad=True)
    before, version = x.detach().numpy().copy(), x._version
    y = (x**2).sum()
    gv.autograd.gradcheck(lambda x: x.exp(), x)
    np.testing.assert_array_equal(x.detach().numpy(), before)
    assert x._version == version
    assert x.grad is None
    y.backward()  # the graph made before still works


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.floats(-2, 2), st.floats(1e-3, 2))
def test_any_wrong_entry_is_found(place, slope, error):
    """One entry of a Jacobian of 2 x 3 is off."""
    matrix = np.linspace(-1, 1, 6).reshape(2, 3) * slope
    claimed = matrix.copy()
    claimed.reshape(-1)[place] += error * (1 + abs(matrix.reshape(-1)[place]))

    class Linear(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return gv.from_numpy(matrix) @ x

        @staticmethod
        def backward(ctx, g):
            return gv.from_numpy(used).T @ g

    x = gv.tensor([0.5, -1.0, 2.0], dtype=gv.float64, requires_grad=True)
    used = matrix
    assert gv.autograd.gradcheck(Linear.apply, x)
    used = claimed
    assert not gv.autograd.gradcheck(Linear.apply, x, raise_exception=False)
