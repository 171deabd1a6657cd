"""At the edges every row does what PyTorch does.

The examples of `test_rows.py` are run in PyTorch too: with nan and infinities among the gradients that arrive, with 0, ±∞, nan
and equal entries among the inputs, and with derivatives of derivatives, up to the third. What stays different stands in a
list with its reason, and fails here once it no longer is.
"""

from __future__ import annotations

import ast
import warnings

import numpy as np
import pytest
import test_rows
from beside import outcome, tensors_in
from test_rows import DEFINED_AS_ZERO, ON_DEMAND, TENSORS, examples_of

import gradviz as gv
from gradviz.engine import ties
from gradviz.engine.operation import TABLE

ROWS = {name: examples_of(name) for name in sorted(set(TABLE) - DEFINED_AS_ZERO)}
ROWS |= {name: [code] for name, code in ON_DEMAND.items()}

MATRICES = "sums over many entries mix nan and infinities, and which comes out depends on the order they are added in"
WEIGHTS = "an entry with the weight 0 is not looked at; PyTorch multiplies it by 0, which makes nan of an infinity"
AFFINE = (
    "PyTorch computes three gradients in one node: that of the bias has a graph, though nothing comes back through it"
)
SCATTERED = "PyTorch's own gradient of the tensor written into is wrong: it fails PyTorch's gradcheck"


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run(library, code, tensors=TENSORS):
    """Run an example; return its tensors, and those of its results that require a gradient."""
    tree = ast.parse(code, code, "eval")
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    inputs = {name: library.tensor(array.copy()).requires_grad_() for name, array in tensors.items() if name in used}
    library.manual_seed(0)
    result = eval(compile(tree, code, "eval"), {"torch": library, "N": library.nn.functional, "np": np, **inputs})
    results = tensors_in(tuple(result) if isinstance(result, tuple) else result, library.Tensor)
    return list(inputs.values()), [tensor for tensor in results if tensor.requires_grad]


def array(tensor):
    if tensor is None:
        return None
    tensor = tensor.detach()
    return tensor.numpy() if isinstance(tensor, gv.Tensor) else tensor.numpy(force=True)


def gradients(library, code, seeds, tensors=TENSORS, only=None):
    """Return the gradients of an example's tensors; or, of a mistake, what it says first."""
    try:
        inputs, outputs = run(library, code, tensors)
        given = [library.tensor(seed).to(output.dtype) for seed, output in zip(seeds, outputs, strict=True)]
        if only is not None:
            outputs, given = [outputs[only]], [given[only]]
        found = library.autograd.grad(outputs, inputs, given, allow_unused=True)
        return [array(gradient) for gradient in (*outputs, *found)]
    except (RuntimeError, ValueError, IndexError, NotImplementedError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def same(mine, theirs, rtol=1e-5):
    if isinstance(mine, str) or isinstance(theirs, str):
        return mine == theirs
    return len(mine) == len(theirs) and all(
        (x is None) == (y is None)
        and (x is None or (np.shape(x) == np.shape(y) and np.allclose(x, y, rtol=rtol, atol=1e-7, equal_nan=True)))
        for x, y in zip(mine, theirs, strict=True)
    )


def assert_same_unless(listed, key, problems):
    """Fail with the problems; or, where the key is listed as different, if there are none (sums differ by machine)."""
    if key in listed:
        assert listed[key] is MATRICES or problems, f"{key} is as in PyTorch now: take it off the list"
    else:
        assert not problems, problems[0]


# --- what arrives from above ---------------------------------------------------------------------------------------------

MIXED = {
    "TrilinearBackward0": MATRICES,
    "AsStridedScatterBackward0": SCATTERED,
    "LinalgDetBackward0": MATRICES,
    "LinalgLuBackward0": MATRICES,
    "LinalgLuSolveBackward0": MATRICES,
    "LinalgPinvBackward0": MATRICES,
    "LinalgQrBackward0": MATRICES,
    "LinalgSlogdetBackward0": MATRICES,
    "LuUnpackBackward0": MATRICES,
    "NativeGroupNormBackward0": MATRICES,
    "NativeLayerNormBackward0": MATRICES,
    "UpsampleBicubic2DBackward0": MATRICES,
    "UpsampleBilinear2DBackward0": WEIGHTS,
    "UpsampleLinear1DBackward0": WEIGHTS,
    "UpsampleTrilinear3DBackward0": WEIGHTS,
}
"""Rows through which nan and infinities spread differently."""


def arriving(outputs):
    """Gradients for the outputs: ordinary ones, with nan and inf at single entries, and of these alone."""
    random = np.random.default_rng(3)
    plain = [np.asarray(random.uniform(0.5, 1.5, tuple(output.shape))) for output in outputs]
    yield "ordinary", plain
    for bad in (np.nan, np.inf):
        yield f"all {bad}", [np.full_like(seed, bad) for seed in plain]
        for which, seed in enumerate(plain):
            for place in sorted({0, seed.size // 2, seed.size - 1}) if seed.size else ():
                seeds = [other.copy() for other in plain]
                seeds[which].reshape(-1)[place] = bad
                yield f"{bad} at entry {place} of result {which}", seeds


@pytest.mark.parametrize("name", ROWS)
def test_what_is_not_a_number_goes_where_it_goes_in_pytorch(torch, name):
    """A mask selects: what was not chosen gets 0, whatever arrives. Each output without a gradient counts as nothing."""
    problems = []
    for code in ROWS[name]:
        outputs = run(torch, code)[1]
        for what, seeds in arriving(outputs):
            mine, theirs = gradients(gv, code, seeds), gradients(torch, code, seeds)
            if not same(mine, theirs):
                problems.append(f"{code}, {what}: {mine} in place of {theirs}")
        for only in range(len(outputs)) if len(outputs) > 1 else ():
            for value in (1.0, np.nan, np.inf):
                seeds = [np.full(tuple(output.shape), value) for output in outputs]
                mine, theirs = (gradients(library, code, seeds, only=only) for library in (gv, torch))
                if not same(mine, theirs):
                    problems.append(f"{code}, {value} to result {only} alone: {mine} in place of {theirs}")
    assert_same_unless(MIXED, name, problems)


# --- inputs --------------------------------------------------------------------------------------------------------------


def with_first(value):
    changed = {name: array.copy() for name, array in TENSORS.items()}
    for tensor in changed.values():
        tensor.reshape(-1)[0] = value
    return changed


def every_third(value, then):
    """Put a value at each third entry, another (if any) at the next, and round the rest, so that entries are equal."""
    changed = {}
    for name, tensor in TENSORS.items():
        place = np.arange(tensor.size).reshape(tensor.shape) % 3
        rest = np.round(tensor) if then is None else np.where(place == 1, then, np.round(tensor))
        changed[name] = np.where(place == 0, value, rest)
    return changed


SPECIAL = {
    **{f"first {value}": with_first(value) for value in (0.0, 1.0, -1.0, np.inf, -np.inf, np.nan)},
    **{
        f"all {value}": {name: np.full_like(tensor, value) for name, tensor in TENSORS.items()}
        for value in (0.0, 1.0, np.inf, -np.inf, np.nan)
    },
    "ties": {name: np.round(tensor) for name, tensor in TENSORS.items()},
    "some nan": every_third(np.nan, None),
    "some inf and 0": every_third(np.inf, 0.0),
}

SOLVED = ("Linalg", "Lu", "Cholesky", "TriangularSolve")
"""Rows that solve equations: what LAPACK makes of such matrices is its own."""

POLES = "at a pole PyTorch returns a large number that its rounding of π leaves"
OTHER_FORM = "PyTorch's form is nan where that of gradviz has a limit"
SPECIAL_DIFFERENT = {
    "TrilinearBackward0": MATRICES,
    "AsStridedScatterBackward0": SCATTERED,
    "BernoulliBackward0": "what is no probability is refused in fewer words",
    "BernoulliBackward1": "what is no probability is refused in fewer words",
    "CdistBackward0": OTHER_FORM,
    "CtcLossBackward0": OTHER_FORM,
    "CumprodBackward0": "of 0 and infinities in one product PyTorch looks at the first only",
    "DigammaBackward0": POLES,
    "NativeLayerNormBackward0": MATRICES,
    "PolygammaBackward0": POLES,
    "SoftMarginLossBackward0": OTHER_FORM,
    "SpecialLogNdtrBackward0": OTHER_FORM,
    "UpsampleBicubic2DBackward0": MATRICES,
    "UpsampleBilinear2DBackward0": WEIGHTS,
    "UpsampleLinear1DBackward0": WEIGHTS,
    "UpsampleTrilinear3DBackward0": WEIGHTS,
}
"""Rows that make something else of special numbers."""

CRASHES = {"GridSampler2DBackward0": "t", "GridSampler2DBackwardBackward0": "t"}
"""Tensors that PyTorch wants finite: with others its own gradient of a sampled image ends the process (a segmentation fault)."""


def survived(name, tensors):
    kept = CRASHES.get(name)
    return tensors if kept is None or np.isfinite(tensors[kept]).all() else {**tensors, kept: TENSORS[kept]}


@pytest.mark.parametrize("name", [name for name in ROWS if not name.startswith(SOLVED)])
def test_special_inputs(torch, name):
    problems = []
    for code in ROWS[name]:
        seeds = next(arriving(run(torch, code)[1]))[1]
        for what, tensors in SPECIAL.items():
            tensors = survived(name, tensors)
            mine, theirs = gradients(gv, code, seeds, tensors), gradients(torch, code, seeds, tensors)
            if not same(mine, theirs):
                problems.append(f"{code}, {what}: {mine} in place of {theirs}")
    assert_same_unless(SPECIAL_DIFFERENT, name, problems)


# --- derivatives of derivatives ------------------------------------------------------------------------------------------


def story(library, code, tensors=TENSORS):
    """Differentiate up to three times: for each gradient its value and whether it has a graph, ``None`` if there is none."""
    told = []
    try:
        inputs, outputs = run(library, code, tensors)
        for _ in range(3):
            ones = [library.ones_like(output) for output in outputs]
            found = library.autograd.grad(outputs, inputs, ones, create_graph=True, allow_unused=True)
            told.append([None if part is None else (array(part), part.requires_grad) for part in found])
            outputs = [gradient for gradient in found if gradient is not None and gradient.requires_grad]
            if not outputs:
                break
    except (RuntimeError, NotImplementedError, ValueError) as error:
        told.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
    return told


def graphs(told):
    return [found if isinstance(found, str) else [gradient and gradient[1] for gradient in found] for found in told]


def values(told):
    return [gradient and gradient[0] for found in told if not isinstance(found, str) for gradient in found]


GRAPHS_DIFFERENT = {
    "AsStridedScatterBackward0": SCATTERED,
    "ConvolutionBackward0": AFFINE,
    "ConvolutionBackwardBackward1": AFFINE,
    "ConvolutionBackwardBackward2": AFFINE,
    "LogcumsumexpBackward0": "PyTorch's third derivative is nan, out of the logarithm of 0",
    "NativeBatchNormBackward0": AFFINE,
    "NativeLayerNormBackward0": AFFINE,
}
"""Rows whose derivatives of derivatives are not PyTorch's."""


@pytest.mark.parametrize("name", ROWS)
def test_derivatives_of_derivatives_have_pytorchs_graphs(torch, name):
    """A gradient has a graph exactly where PyTorch's has; what then comes back is zeros, nothing or an error as there."""
    problems = []
    for code in ROWS[name]:
        mine, theirs = story(gv, code), story(torch, code)
        if graphs(mine) != graphs(theirs):
            problems.append(f"{code}: {graphs(mine)} in place of {graphs(theirs)}")
        elif not same(values(mine), values(theirs), rtol=1e-4):
            problems.append(f"{code}: {values(mine)} in place of {values(theirs)}")
    assert_same_unless(GRAPHS_DIFFERENT, name, problems)


KINKED = [
    "torch.relu(a)", "N.leaky_relu(a)", "N.hardtanh(a)", "N.relu6(a)", "torch.abs(a)", "N.threshold(a, 0., 1.)",
    "N.hardshrink(a)", "N.softshrink(a)", "N.hardswish(a)", "N.hardsigmoid(a)", "torch.clamp(a, -1, 1)",
    "torch.clamp(a, c, b)", "N.elu(a)", "N.celu(a)", "N.selu(a)", "torch.maximum(a, a2)", "torch.max(a)", "torch.amax(a, 1)",
    "N.max_pool2d(image, 2)", "N.avg_pool2d(image, 2)", "N.l1_loss(a, a2)", "N.smooth_l1_loss(a, a2)", "N.huber_loss(a, a2)",
    "N.hinge_embedding_loss(a, torch.ones(2, 3).double())", "N.margin_ranking_loss(a, a2, torch.ones(2, 3).double())",
    "N.triplet_margin_loss(a, a2, u)", "torch.linalg.vector_norm(a, 1)", "torch.dist(a, a2, 1)", "torch.where(a > 0, a, a2)",
    "torch.sort(a)[0]", "torch.topk(a, 2)[0]", "torch.median(a)", "torch.kthvalue(a, 2)[0]", "torch.cummax(a, 1)[0]",
    "torch.fmod(a, b)", "torch.remainder(a, b)", "torch.copysign(a, b)", "torch.sign(a)", "torch.floor(a)",
    "N.pad(image, (1, 1, 1, 1), mode='reflect')", "N.nll_loss(a, torch.tensor([0, 2]))", "a ** 2", "a ** 1", "a ** 0",
]  # fmt: skip
"""Piecewise functions, by name, whatever examples the rows have."""


@pytest.mark.parametrize("code", KINKED)
@pytest.mark.parametrize("kind", ["ordinary", "first 0.0", "all 0.0", "ties"])
def test_piecewise_functions_twice(torch, code, kind):
    tensors = SPECIAL.get(kind, TENSORS)
    mine, theirs = story(gv, code, tensors), story(torch, code, tensors)
    assert graphs(mine) == graphs(theirs)
    assert same(values(mine), values(theirs), rtol=1e-4), f"{values(mine)} in place of {values(theirs)}"


PROGRAMS = {
    "infinity at one entry": "x = torch.tensor([0., 3., 5.], requires_grad=True); x.min().sqrt().backward(); r = x.grad",
    "nan from above": "x = torch.tensor([0., 3., 5.], requires_grad=True); (x.max()*float('nan')).backward(); r = x.grad",
    "relu twice": """
x = torch.tensor(2.0, requires_grad=True)
g, = torch.autograd.grad(torch.relu(x), x, create_graph=True); r = g, torch.autograd.grad(g, x)""",
    "leaky relu twice": """
x = torch.tensor([2., -1.], requires_grad=True)
g, = torch.autograd.grad(F.leaky_relu(x).sum(), x, create_graph=True); r = g, torch.autograd.grad(g.sum(), x)""",
    "ties of kthvalue": "x = torch.tensor([1., 2., 2., 0.], requires_grad=True); x.kthvalue(3)[0].backward(); r = x.grad",
    "a gradient penalty on a network of relus": """
torch.manual_seed(0); net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
x = torch.tensor([[0.5, -1.0], [2.0, 1.0]], requires_grad=True)
g, = torch.autograd.grad(net(x).sum(), x, create_graph=True)
((g.norm(dim=1) - 1) ** 2).mean().backward(); r = x.grad, [p.grad for p in net.parameters()]""",
    "only the mean of std_mean": """
x = torch.tensor([1., float("nan")], requires_grad=True); s, m = torch.std_mean(x); m.backward(); r = x.grad""",
    "the names of these nodes": """
r = []
for f in (torch.relu, F.leaky_relu, F.hardtanh, F.softshrink, F.hardshrink, F.hardsigmoid, lambda x: F.max_pool1d(x[None], 2)):
    x = torch.tensor([[2., -1.]], requires_grad=True)
    g, = torch.autograd.grad(f(x).sum(), x, create_graph=True); r.append(g.grad_fn.name())""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(torch, name):
    mine, theirs = (outcome(library, PROGRAMS[name]) for library in (gv, torch))
    assert mine == theirs


# --- equal entries -------------------------------------------------------------------------------------------------------

CHOICES = [
    "torch.kthvalue(x, {k}, 1)", "torch.topk(x, {k}, 1)", "torch.topk(x, {k}, 1, False)", "torch.topk(x, {k}, sorted=False)",
    "torch.median(x, 1)", "torch.nanmedian(x, 1)", "torch.mode(x, 1)", "torch.sort(x, 1)", "torch.sort(x, 1, True)",
    "torch.sort(x, dim=1, stable=True)", "torch.argsort(x, 0)", "torch.msort(x)", "torch.max(x, 1)", "torch.min(x, 0)",
    "torch.cummax(x, 1)", "torch.cummin(x, 1)", "torch.aminmax(x, dim=1)", "torch.max(x)", "torch.min(x)", "torch.median(x)",
    "torch.nanmedian(x)", "torch.amax(x, 1)", "torch.amin(x)", "torch.quantile(x, 0.5, 1)", "torch.nanquantile(x, 0.3)",
    "torch.maximum(x, x.flip(1))", "torch.fmin(x, x.flip(1))", "torch.clamp(x, x.flip(1), x.flip(0))", "torch.kthvalue(x, 2, 0)",
    "N.max_pool1d(x, 2, 2, 1, return_indices=True)", "N.adaptive_max_pool1d(x, 2)", "N.max_pool2d(x[None], 2, 1, 1)",
]  # fmt: skip


def of_equals(kind, length):
    random = np.random.default_rng(length)
    x = np.round(random.standard_normal((3, length)) * 1.5)
    if kind == "all equal":
        x[:] = 1
    elif kind == "nan":
        x[random.random(x.shape) < 0.3] = np.nan
    elif kind == "inf":
        x[random.random(x.shape) < 0.3] = np.inf
        x[random.random(x.shape) < 0.3] = -np.inf
    return x


def chosen(library, code, x):
    x = library.tensor(x).requires_grad_()
    result = eval(code, {"torch": library, "N": library.nn.functional, "x": x})
    results = tensors_in(tuple(result) if isinstance(result, tuple) else result, library.Tensor)
    moving = [part for part in results if part.requires_grad]
    found = library.autograd.grad([part.sum() for part in moving], [x]) if moving else []
    return [array(part) for part in (*results, *found)]


@pytest.mark.parametrize("kind", ["rounded", "all equal", "nan", "inf"])
@pytest.mark.parametrize("length", [2, 3, 7, 16, 17, 40, 150])
def test_equal_entries(torch, kind, length):
    x = of_equals(kind, length)
    for form in CHOICES:
        for k in sorted({1, (length + 1) // 2, length}) if "{k}" in form else (1,):
            code = form.format(k=k)
            mine, theirs = chosen(gv, code, x), chosen(torch, code, x)
            assert same(mine, theirs), f"{code} of {x.tolist()}: {mine} in place of {theirs}"


def test_a_search_among_equals_has_a_bound():
    """Longer rows are sorted by NumPy, whatever is equal in them."""
    x = gv.zeros(ties.LONGEST + 1)
    assert (x.sort().indices == gv.arange(len(x))).all()


# --- the checks themselves -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "check"),
    [
        (lambda grad, self: grad * (self > 0), test_what_is_not_a_number_goes_where_it_goes_in_pytorch),
        (lambda grad, self: np.where(getattr(self, "array", self) > 0, grad, 0),
         test_derivatives_of_derivatives_have_pytorchs_graphs),
        (lambda grad, self: np.where(self > 0, grad, 0), test_special_inputs),
    ],
)  # fmt: skip
def test_a_wrong_row_would_be_found(torch, monkeypatch, formula, check):
    test_rows.spoil(monkeypatch, test_rows.TABLE["ReluBackward0"], formula)
    with pytest.raises(AssertionError):
        check(torch, "ReluBackward0")


@pytest.mark.parametrize("kind", ["some inf and 0", "first inf", "all nan"])
def test_a_determinant_of_what_is_not_finite_is_not_searched_for_ever(kind):
    matrix = gv.tensor(SPECIAL[kind]["m"], requires_grad=True)
    gv.linalg.det(matrix).backward()
    assert not matrix.grad.isfinite().any()
