"""`autograd.functional` and `func`: derivatives of whole functions, beside PyTorch's."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_function import outcome

import gradviz as gv
import gradviz.func

SETUP = """
f, F = torch.autograd.functional, torch.func
def T(values, requires_grad=False):
    return torch.tensor(values, requires_grad=requires_grad)
x, y, s, v = T([[1.0, 2.0], [3.0, 4.0]]), T([1.0, 3.0]), T(2.0), T([1.0, 10.0])
xr, yr = T([[1.0, 2.0], [3.0, 4.0]], True), T([1.0, 3.0], True)
rows = lambda x: (x**3).sum(1)
two = lambda x, y: (x * y, y.sum())
number = lambda x, y: (x**2 * y).sum()
cube = lambda x: x**3
constant = lambda x: torch.ones(2)
"""


def same(torch, code):
    """Run a snippet in both; the names of nodes aside, which differ with the way a derivative is put together."""
    answers = []
    for library in (gv, torch):
        answer, log, _ = outcome(library, SETUP + code)
        plain = re.sub(r"grad_fn=<\w+>", "grad_fn", answer).replace("gradviz.engine.tensor.Tensor", "torch.Tensor")
        answers.append((plain, log))
    mine, theirs = answers
    assert mine == theirs
    return mine[0]


# --- autograd.functional ---------------------------------------------------------------------------------------------

FLAGS = [f"create_graph={create_graph}, strict={strict}" for create_graph in (False, True) for strict in (False, True)]
PRODUCTS = {
    "one": ("rows, x, {v}", "v", "x"),
    "one, recorded": ("rows, xr, {v}", "v", "x"),
    "two": ("two, (xr, yr), {v}", "(x, s)", "(x, y)"),
    "constant": ("constant, xr, {v}", "v", "x"),
    "linear": ("lambda x: x.sum(1) * 2, xr, {v}", "v", "x"),
    "independent": ("lambda x, y: x * 2, (xr, y), {v}", "x", "(x, y)"),
}


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("case", PRODUCTS)
@pytest.mark.parametrize("name", ["vjp", "jvp"])
def test_products_with_the_jacobian(torch, name, case, flags):
    call, left, right = PRODUCTS[case]
    same(torch, f"r = f.{name}({call.format(v=left if name == 'vjp' else right)}, {flags})")


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    "call",
    [
        "lambda x: (x**4).sum(), xr, x",
        "lambda x: (x**4).sum(), x, x",
        "number, (xr, yr), (x, y)",
        "number, (xr, y), (x, y)",
        "lambda x: x.sum(), xr, x",
        "lambda x: s, xr, x",
    ],
)
@pytest.mark.parametrize("name", ["vhp", "hvp"])
def test_products_with_the_hessian(torch, name, call, flags):
    same(torch, f"r = f.{name}({call}, {flags})")


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    "call",
    [
        "rows, xr",
        "rows, x",
        "two, (xr, y)",
        "two, (xr, yr)",
        "constant, xr",
        "lambda x: x * 2, y",
        "lambda x: x.sum(), y",
        "lambda x, y: x * 2, (y, y)",
        "cube, s",
        "lambda x: (x * 2,), (y,)",
    ],
)
def test_jacobian(torch, call, flags):
    answer = same(torch, f"r = f.jacobian({call}, {flags})")
    # In another order of computing, the same numbers.
    if not answer.startswith("RuntimeError") and "create_graph=False" in flags:
        again = "[part.tolist() for part in (r if isinstance(r[0], torch.Tensor) else sum(r, ()))]"
        for way in ("vectorize=True", 'vectorize=True, strategy="forward-mode"'):
            code = f"r = f.jacobian({call}, {way}); r = r if isinstance(r, tuple) else (r,); r = {again}"
            plain = f"r = f.jacobian({call}); r = r if isinstance(r, tuple) else (r,); r = {again}"
            assert outcome(gv, SETUP + code)[0] == outcome(gv, SETUP + plain)[0]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    "call",
    [
        "lambda x: (x**4).sum(), xr",
        "lambda x: (x**4).sum(), x",
        "number, (xr, y)",
        "number, (xr, yr)",
        "lambda x: (x**3).sum(), (y,)",
        "lambda x: x.sum(), y",
        "lambda x: x**4, s",
        "lambda x: (x**4).sum().reshape(1, 1), y",
    ],
)
def test_hessian(torch, call, flags):
    same(torch, f"r = f.hessian({call}, {flags})")


@pytest.mark.parametrize(
    "code",
    [
        "f.vjp(rows, x)",
        "r = f.vjp(cube, s)",
        "f.vjp(two, (x, y), (x,))",
        "f.vjp(rows, x, (v, v))",
        "f.vjp(rows, x, torch.ones(3))",
        "f.vjp(two, (x, y), (torch.ones(3), s))",
        "f.vjp(rows, [x], v)",
        "f.vjp(rows, (x, 3), v)",
        "f.vjp(lambda x: 3, x, v)",
        "f.vjp(lambda x: (x, 3), x, v)",
        "f.vjp(rows, x, 3)",
        "f.jvp(rows, x)",
        "r = f.jvp(cube, s)",
        "f.jvp(two, (x, y), (x,))",
        "f.jvp(rows, x, (v, v))",
        "f.jvp(rows, x, torch.ones(3))",
        "f.jvp(rows, [x], v)",
        "f.vhp(number, (x, y))",
        "r = f.vhp(cube, s)",
        "f.vhp(lambda x: (x**3,), s)",
        "f.vhp(cube, y, y)",
        "f.hvp(number, (x, y))",
        "r = f.hvp(cube, s)",
        "f.hvp(lambda x: (x**3,), s)",
        "f.hvp(cube, y, y)",
        "f.hvp(number, (x, y), (x, x))",
        "f.hessian(lambda x: (x.sum(),), x)",
        "f.hessian(cube, x)",
        "f.hessian(lambda x: 3, x)",
        "f.jacobian(rows, 3)",
        'f.jacobian(rows, x, strategy="sideways")',
        'f.hessian(rows, x, outer_jacobian_strategy="sideways")',
        'f.jacobian(rows, x, strategy="forward-mode")',
        'f.jacobian(rows, x, strategy="forward-mode", create_graph=True)',
        'f.jacobian(rows, x, strategy="forward-mode", strict=True)',
        "f.jacobian(rows, x, vectorize=True, strict=True)",
        "h = f.hessian(lambda x: (x**5).sum(), yr, create_graph=True); h.sum().backward(); r = yr.grad",
        "with torch.no_grad():\n    r = f.jacobian(rows, xr), f.jvp(rows, xr, x), f.hvp(lambda x: (x**3).sum(), y, y)",
        "f.jacobian(rows, xr); f.hessian(lambda x: (x**3).sum(), xr); r = xr.grad",
    ],
)
def test_arguments_and_errors(torch, code):
    same(torch, code)


def test_the_jacobian_of_nothing():
    """PyTorch cannot."""
    assert tuple(gv.autograd.functional.jacobian(lambda x: x * 2, gv.zeros(0)).shape) == (0, 0)


# --- func ------------------------------------------------------------------------------------------------------------

FUNC = {
    "grad": "r = F.grad(cube)(s), F.grad(F.grad(cube))(s), F.grad(F.grad(F.grad(cube)))(s)",
    "grad of an argument": "r = F.grad(number, argnums=1)(x, y), F.grad(number, argnums=-1)(x, y)",
    "grad of several arguments": "r = F.grad(number, argnums=(0, 1))(x, y), F.grad(number, argnums=(1,))(x, y)",
    "grad of a dictionary": """
r = F.grad(lambda p, y: (p["w"] * y + p["b"][0]).sum())({"w": y, "b": [s, s]}, y)
""",
    "grad with a keyword": "r = F.grad(lambda x, k: (x * k).sum())(y, k=3.0)",
    "grad of what is not used": "r = F.grad(lambda x, y: (y * 1.0).sum())(y, y), F.grad(lambda x: torch.tensor(3.0))(y)",
    "aux": """
aux = lambda x: ((x**2).sum(), {"twice": x * 2})
r = F.grad(aux, has_aux=True)(y), F.grad_and_value(aux, has_aux=True)(y), F.grad_and_value(lambda x: x**2)(s)
""",
    "a result is recorded if its input is": "r = F.grad(lambda x: (x**3).sum())(yr)",
    "a result is recorded if something captured is": "r = F.grad(lambda x: (x**3 * yr).sum())(y), F.grad(cube)(s)",
    "a result is not recorded under no_grad": """
with torch.no_grad():
    r = F.grad(lambda x: (x**3).sum())(yr), F.grad(F.grad(cube))(s)
""",
    "backward through grad": "F.grad(lambda x: (x**3 * yr).sum())(yr).sum().backward(); r = yr.grad",
    "levels are kept apart": """
r = F.grad(lambda x: x * F.grad(lambda y: x + y)(T(1.0)))(T(2.0)), F.grad(lambda x: x * F.grad(lambda y: x * y)(x))(T(3.0))
""",
    "vjp": "o, p = F.vjp(cube, y); r = o, p(v), p(y)",
    "vjp of two": "o, p = F.vjp(lambda a, b: (a * b, b * b), y, s); r = o, p((v, s))",
    "vjp of a dictionary": 'o, p = F.vjp(lambda a: {"a": a * 2, "b": [a]}, y); r = o, p({"a": v, "b": [v]})',
    "vjp with aux": "o, p, aux = F.vjp(lambda x: (x * 2, x), y, has_aux=True); r = o, p(v), aux",
    "vjp of vjp": "r = F.vjp(lambda x: F.vjp(cube, x)[1](v)[0], y)[1](v)",
    "vjp in its vector": "r = F.jacrev(lambda u: F.vjp(cube, y)[1](u)[0])(v)",
    "jvp": "r = F.jvp(cube, (y,), (v,)), F.jvp(lambda a, b: (a * b, b), (y, s), (v, s))",
    "jvp with aux": "r = F.jvp(lambda a: (a * 2, a), (y,), (v,), has_aux=True)",
    "jvp of a constant": "r = F.jvp(constant, (y,), (v,))",
    "jvp of jvp": "r = F.jvp(lambda x: F.jvp(cube, (x,), (v,))[1], (y,), (v,))",
    "jvp of grad": "r = F.jvp(F.grad(lambda x: (x**4).sum()), (y,), (v,))",
    "grad of jvp": "r = F.grad(lambda x: F.jvp(cube, (x,), (v,))[1].sum())(y)",
    "grad of jvp in its direction": "r = F.grad(lambda u: F.jvp(cube, (y,), (u,))[1].sum())(v)",
    "jacrev": "r = F.jacrev(rows)(x), F.jacrev(cube)(s), F.jacrev(two, argnums=(0, 1))(x, y), F.jacrev(two, argnums=(1,))(x, y)",
    "jacrev of dictionaries": 'r = F.jacrev(lambda p: {"q": p["w"] * p["b"], "l": [p["w"]]})({"w": y, "b": s})',
    "jacrev with aux": "r = F.jacrev(lambda a: (a * 2, a), has_aux=True)(y)",
    "jacrev in parts": "r = F.jacrev(rows, chunk_size=1)(x)",
    "jacfwd": "r = F.jacfwd(rows)(x), F.jacfwd(cube)(s), F.jacfwd(two, argnums=(0, 1))(x, y), F.jacfwd(two, argnums=(1,))(x, y)",
    "jacfwd of dictionaries": 'r = F.jacfwd(lambda p: {"q": p["w"] * p["b"], "l": [p["w"]]})({"w": y, "b": s})',
    "jacfwd with aux": "r = F.jacfwd(lambda a: (a * 2, a), has_aux=True)(y)",
    "hessian": "r = F.hessian(lambda x: (x**4).sum())(y), F.hessian(number, argnums=(0, 1))(x, y), F.hessian(cube)(y)",
    "jacobians of jacobians": """
r = F.jacrev(F.jacrev(cube))(y), F.jacfwd(F.jacfwd(cube))(y), F.jacrev(F.jacfwd(F.jacrev(cube)))(y)
""",
    "grad: many numbers": "F.grad(cube)(y)",
    "grad: one number in a vector": "F.grad(lambda x: x.sum().reshape(1))(y)",
    "grad: no tensor": "F.grad(lambda x: 3.0)(y)",
    "grad: a tuple": "F.grad(lambda x: (x.sum(), x))(y)",
    "grad: no such argument": "F.grad(cube, argnums=1)(y)",
    "grad: argnums is a float": "F.grad(cube, argnums=1.0)(y)",
    "grad: no argnums": "F.grad(cube, argnums=())(y)",
    "grad: the same twice": "F.grad(cube, argnums=(0, 0))(y)",
    "grad: of a number": "F.grad(cube)(3.0)",
    "grad: of integers": "F.grad(lambda x: x.sum() * 2.0)(torch.tensor([1, 2]))",
    "grad: no aux": "F.grad(lambda x: x.sum(), has_aux=True)(y)",
    "vjp: no aux": "F.vjp(cube, y, has_aux=True)",
    "vjp: another form": "F.vjp(cube, y)[1]((v,))",
    "vjp: another shape": "F.vjp(cube, y)[1](torch.ones(3))",
    "vjp: no tensor": "F.vjp(lambda x: 3, y)",
    "vjp: integers": "F.vjp(lambda x: x.long(), y)",
    "vjp: nothing": "F.vjp(lambda x: None, y)",
    "jvp: no tuple": "F.jvp(cube, y, y)",
    "jvp: another shape": "F.jvp(cube, (y,), (torch.ones(3),))",
    "jvp: strict": "F.jvp(constant, (y,), (y,), strict=True)",
    "jvp: no input": "F.jvp(lambda: 3, (), ())",
    "jacrev: no output": "F.jacrev(lambda x: ())(y)",
    "jacrev: of a number": "F.jacrev(cube)(3.0)",
    "jacrev: no tensor": "F.jacrev(lambda x: 3.0)(y)",
    "jacrev: parts of nothing": "F.jacrev(cube, chunk_size=0)",
    "jacfwd: no tensor": "F.jacfwd(lambda x: 3.0)(y)",
}


@pytest.mark.parametrize("name", FUNC)
def test_func_as_in_pytorch(torch, name):
    same(torch, FUNC[name])


def test_forms_are_compared():
    with pytest.raises(RuntimeError, match=r"primals with structure \(\*,\) and tangents with structure \(\*, \*\)"):
        gv.func.jvp(lambda x: x, (gv.ones(1),), (gv.ones(1), gv.ones(1)))
    with pytest.raises(RuntimeError, match="of the form of the primals"):
        gv.func.linearize(lambda x: x, gv.ones(1))[1](gv.ones(1), gv.ones(1))


def test_linearize():
    output, push = gv.func.linearize(lambda x, y: (x * y, {"y": y**2}), gv.tensor([1.0, 2.0]), gv.tensor(3.0))
    assert repr(output) == "(tensor([3., 6.]), {'y': tensor(9.)})"
    for _ in range(2):
        assert repr(push(gv.tensor([1.0, 1.0]), gv.tensor(1.0))) == "(tensor([4., 5.]), {'y': tensor(6.)})"


def test_a_custom_function_is_differentiated():
    """In PyTorch only those with a setup_context are."""

    class Square(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    assert gv.func.hessian(Square.apply)(gv.tensor(3.0)).item() == 2


def test_inputs_are_left_alone():
    x = gv.tensor([1.0, 2.0])
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    gv.func.grad(lambda x: (x * w).sum())(x)
    gv.func.hessian(lambda w: (w**3).sum())(w)
    assert not x.requires_grad
    assert x.is_leaf
    assert w.grad is None


@pytest.mark.parametrize("name", ["functionalize", "stack_module_state", "hvp"])
def test_what_there_is_not_is_refused_by_name(name):
    with pytest.raises(AttributeError, match=f"gradviz has no func.{name}"):
        getattr(gv.func, name)


# --- one example after another --------------------------------------------------------------------------------------------

VMAPS = [
    "vmap(lambda a: a * 2)(X)",
    "vmap(lambda a, b: a @ b)(X, X)",
    "vmap(lambda a, b: a @ b, in_dims=(0, None))(X, X[0])",
    "vmap(lambda a: a.sum(), in_dims=1)(X)",
    "vmap(lambda a: (a, a * 2), out_dims=(0, 1))(X)",
    "vmap(lambda a: {'y': [a, -a]}, in_dims=-1, out_dims=1)(X)",
    "vmap(lambda p, x: p['w'] * x + p['b'], in_dims=({'w': None, 'b': 0}, 0))({'w': X[0], 'b': X[:, 0]}, X)",
    "vmap(vmap(lambda a, b: a * b, (None, 0)), (0, None))(X[0], X[1])",
    "vmap(func.grad(lambda w, x: (w * x).sum() ** 2), (None, 0))(X[0], X)",
    "vmap(lambda a, k: a * k, in_dims=(0, None))(X, 3.0)",
    "vmap(lambda a: (a, 7), out_dims=(0, None))(X)[0]",
]
BAD_VMAPS = [
    "vmap(lambda a, b: a + b)(X, X[:1])",
    "vmap(lambda a: a, in_dims=None)(X)",
    "vmap(lambda a: a)(3.0)",
    "vmap(lambda a: 3.0)(X)",
    "vmap(lambda a: a, in_dims=5)(X)",
    "vmap(lambda a: a, in_dims='a')(X)",
    "vmap(lambda a: a)(torch.tensor(1.0))",
    "vmap(lambda a: a + torch.rand(3))(X)",
    "vmap(lambda a: a, randomness='no')",
    "vmap(lambda a: a)()",
    "vmap(lambda a: a, out_dims=3)(X)",
]


def with_vmap(t, code):
    X = t.arange(6.0).reshape(2, 3) + 1
    return eval(code, {"vmap": t.func.vmap, "torch": t, "func": t.func, "X": X})


def listed(tree):
    if isinstance(tree, dict):
        return {key: listed(part) for key, part in tree.items()}
    return [listed(part) for part in tree] if isinstance(tree, tuple | list) else tree.tolist()


@pytest.mark.parametrize("code", VMAPS)
def test_vmap_is_pytorchs(torch, code):
    assert listed(with_vmap(gv, code)) == listed(with_vmap(torch, code))


@pytest.mark.parametrize("code", BAD_VMAPS)
def test_vmap_refuses_in_pytorchs_words(torch, code):
    errors = []
    for t in (gv, torch):
        with pytest.raises((ValueError, RuntimeError, IndexError)) as error:
            with_vmap(t, code)
        errors.append((type(error.value), str(error.value)))
    assert errors[0] == errors[1]


def test_vmap_sends_gradients_back_and_draws_random_numbers_as_told():
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    gv.func.vmap(lambda x: (w * x).sum())(gv.ones(3, 2)).sum().backward()
    assert w.grad.tolist() == [3, 3]
    same = gv.vmap(lambda x: x * 0 + gv.rand(()), randomness="same")(gv.ones(3)).tolist()
    assert len(set(same)) == 1
    assert len(set(gv.vmap(lambda x: x * 0 + gv.rand(()), randomness="different")(gv.ones(3)).tolist())) == 3
    with pytest.raises(
        ValueError, match=r"in_dims is not compatible with the structure of `inputs`\. They are \(\*, \*\)"
    ):
        gv.vmap(lambda x: x, in_dims=(0, 0))(gv.ones(3))
    with pytest.raises(NotImplementedError, match="no examples"):
        gv.vmap(lambda x: x)(gv.ones(0, 2))


# --- programs of any kind --------------------------------------------------------------------------------------------

PIECES = [
    "torch.sin({})",
    "torch.tanh({})",
    "{} * x",
    "{} * {} + y",
    "{} * x.sum()",
    "{}.cumsum(0)",
    "{}.flip(0)",
    "{}.exp() * 0.1",
]
TRANSFORMED = [
    "F.jacrev(function)(x, y)",
    "F.jacfwd(function, argnums=1)(x, y)",
    "F.hessian(lambda x: function(x, y).sum())(x)",
    "F.jvp(function, (x, y), (y, x))[1]",
    "F.vjp(function, x, y)[1](x)[1]",
    "F.jacfwd(F.jacrev(F.grad(lambda x: function(x, y).sum())))(x)",
    "F.grad(lambda y: F.jvp(lambda x: function(x, y), (x,), (y,))[1].sum())(y)",
    "f.jacobian(function, (x, y))[1]",
    "f.hessian(lambda x: function(x, y).sum(), x)",
    "f.hvp(lambda x: function(x, y).sum(), x, y)[1]",
    "f.vhp(lambda x: function(x, y).sum(), x, y)[1]",
    "f.jvp(function, (x, y), (y, x))[1]",
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4),
    st.sampled_from(TRANSFORMED),
    st.lists(st.floats(-1, 1), min_size=2, max_size=2),
)
def test_programs(torch, pieces, transformed, numbers):
    body = "x * y"
    for piece in pieces:
        body = piece.format(*[f"({body})"] * 2)
    answers = []
    for library in (gv, torch):
        space = {"torch": library, "f": library.autograd.functional, "F": library.func, "numbers": numbers}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(
                "x = torch.tensor(numbers, dtype=torch.float64); y = torch.tensor([0.3, -0.7], dtype=torch.float64)\n"
                f"def function(x, y):\n    return {body}\n"
                f"r = {transformed}",
                space,
            )
        answers.append(space["r"].detach().numpy())
    np.testing.assert_allclose(*answers, rtol=1e-6, atol=1e-8)


# --- modules ---------------------------------------------------------------------------------------------------------

MODULES = """
torch.manual_seed(0)
N, F = torch.nn, torch.func
linear = N.Linear(2, 1)
ones = {name: torch.ones_like(value) for name, value in linear.named_parameters()}
x = torch.tensor([1.0, 2.0])
class Tied(N.Module):
    def __init__(self):
        super().__init__()
        self.a = N.Linear(2, 2, bias=False)
        self.b = N.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight
    def forward(self, x):
        return self.b(self.a(x))
tied, eye = Tied(), torch.eye(2)
"""


@pytest.mark.parametrize(
    "code",
    [
        "r = F.functional_call(linear, ones, (x,)), F.functional_call(linear, ones, x)",
        "r = F.functional_call(linear, ones, kwargs={'input': x})",
        "r = F.functional_call(linear, {'weight': ones['weight']}, x)",
        "r = F.functional_call(linear, ({'weight': ones['weight']}, {'bias': ones['bias']}), x)",
        "F.functional_call(linear, ones, x); r = linear.weight, linear.bias",
        "r = F.functional_call(linear, {'unknown': x}, x); r = r, hasattr(linear, 'unknown')",
        "F.functional_call(linear, {'weight': ones['weight']}, x, strict=True)",
        "F.functional_call(linear, {**ones, 'unknown': x}, x, strict=True)",
        "F.functional_call(linear, (ones, {'bias': ones['bias']}), x)",
        "F.functional_call(linear, 3, x)",
        "F.functional_call(linear, (3,), x)",
        "F.functional_call(linear, {'weight': 3}, x)",
        "F.functional_call(N.Sequential(linear), {'1.weight': x}, x)",
        "r = F.functional_call(N.Sequential(linear), {'0.weight': ones['weight'], '0.bias': ones['bias']}, x)",
        "r = F.grad(lambda p: F.functional_call(linear, p, x).sum())(ones)",
        "r = F.grad(lambda p: F.functional_call(linear, p, x).sum())(dict(linear.named_parameters()))",
        "r = F.hessian(lambda p: (F.functional_call(linear, p, x) ** 2).sum())(ones)",
        "r = F.functional_call(tied, {'a.weight': eye * 2}, x)",
        "r = F.functional_call(tied, {'a.weight': eye * 2}, x, tie_weights=False)",
        "F.functional_call(tied, {'a.weight': eye * 2, 'b.weight': eye}, x)",
        "same = eye * 2; r = F.functional_call(tied, {'a.weight': same, 'b.weight': same}, x)",
        """
norm = N.BatchNorm1d(2)
state = {"running_mean": torch.zeros(2), "running_var": torch.ones(2), "num_batches_tracked": torch.tensor(0)}
F.functional_call(norm, state, torch.tensor([[1.0, 2.0], [3.0, 5.0]]))
r = state, norm.running_mean, norm.num_batches_tracked
""",
        """
try:
    F.functional_call(linear, ones, torch.ones(3))
except RuntimeError:
    r = linear.weight
""",
    ],
)
def test_functional_call(torch, code):
    mine, theirs = (outcome(library, MODULES + code)[0] for library in (gv, torch))
    assert mine.replace("Parameter containing:\n", "") == theirs.replace("Parameter containing:\n", "")
