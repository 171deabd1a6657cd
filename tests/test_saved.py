"""What is saved for backward, over all rows of the table, side by side with PyTorch.

Each row's example (see `test_rows`) is run in both libraries. What it saves has the same names; a change in place to any
input, index, mask or result, through any tensor that looks at its memory, is noticed by both or by neither; a second
backward pass is refused by both or by neither; and in every mode the results say the same of themselves.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import warnings

import numpy as np
import pytest
import test_rows as rows

import gradviz as gv

EXAMPLES = {
    # in PyTorch the backward pass fails if the source is larger than the index
    "ScatterBackward0": "torch.scatter(a, 1, torch.tensor([[0, 1], [2, 1]]), m2[:2])",
    "ScatterAddBackward0": "torch.scatter_add(a, 1, torch.tensor([[0, 0], [2, 1]]), m2[:2])",
    # PyTorch wants one dtype
    "NativeBatchNormBackward0": "N.batch_norm(t2, None, None, b, v, training=True) + N.batch_norm("
    "t2, torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64), b)",
}
"""Lines in place of those of `test_rows`, which PyTorch does not run."""

OTHER_GRADIENT = {
    "AsStridedScatterBackward0": "in PyTorch 2.13 what was replaced gets the gradient, and what was kept none"
}
OTHER_GRAPH = {
    "CircularPadBackward0": "PyTorch writes the parts of a circular padding into an empty tensor, one after the other",
    "SpecialZetaBackward0": "PyTorch has a row for each of a number and a tensor as the first argument",
}
"""Rows whose graph is another one in PyTorch."""

FACTORS = "PyTorch keeps the factors that it solved with; here the matrix is factored again"
OTHER_NAMES = {
    "LinalgDetBackward0": FACTORS,
    "LinalgSlogdetBackward0": FACTORS,
    "LinalgSolveExBackward0": FACTORS,
    "LinalgLuSolveBackward0": "which rows change places is a setting here: whole numbers, that only this function reads",
    "LogSigmoidBackward0": "PyTorch has a buffer that is used on GPUs",
    "CtcLossBackward0": "PyTorch keeps the losses and the forward walk; here it is walked again",
    "MultilabelMarginLossBackward0": "PyTorch keeps which classes are labels; here they are found again",
    "NllLossBackward0": "PyTorch keeps the sum of the weights; here they are added up again",
    "NllLoss2DBackward0": "PyTorch keeps the sum of the weights; here they are added up again",
    "_DirichletBackward": "in PyTorch a Function written in Python, whose saved tensors have no names of their own",
}
"""Rows that save what stands behind the same tensors under other names, or that PyTorch saves helpers for."""
REFUSES_INFERENCE = {"_DirichletBackward": "in PyTorch a Function, which saves no tensor of the inference mode"}
"""Rows that PyTorch does not run on the tensors of every mode."""
RENAMED = {("PowBackward1", "other"): "exponent", ("IndexReduceBackward0", "src"): "source"}


OF_SEVERAL_ROWS = """
N.l1_loss(a, a2)
N.hinge_embedding_loss(a, torch.tensor([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]]).double())
N.poisson_nll_loss(a, p)
N.gaussian_nll_loss(a, a2, p)
N.margin_ranking_loss(a[0], a[1], torch.tensor([1.0, -1.0, 1.0]).double())
N.kl_div(a, q)
N.kl_div(a, q, reduction="batchmean", log_target=True)
N.cosine_embedding_loss(a, a2, torch.tensor([1.0, -1.0]))
N.triplet_margin_loss(a, a2, u)
N.cross_entropy(a, torch.tensor([2, 0]))
N.cross_entropy(a, q)
N.cross_entropy(a, torch.tensor([2, 0]), label_smoothing=0.1)
N.multilabel_soft_margin_loss(a, torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]).double())
N.normalize(a)
N.cosine_similarity(a, a2)
N.rms_norm(a, (3,))
N.instance_norm(line)
N.local_response_norm(image, 2)
N.dropout(a, 0.5)
N.embedding_bag(torch.tensor([[0, 2], [2, 1]]), m)
N.lp_pool2d(image, 2, 2)
N.gumbel_softmax(a)
N.softmin(a, 1)
N.tanhshrink(a)
N.softsign(a)
N.linear(t, m, v)
torch.cov(a)
torch.corrcoef(a)
torch.einsum("ij,jk->ik", a, m)
torch.tensordot(a, m, 1)
torch.linalg.matrix_power(m, 3)
torch.linalg.multi_dot([m, m2])
torch.linalg.norm(m, "nuc")
torch.linalg.cond(m)
torch.logdet(m @ m.T)
torch.quantile(a, 0.3)
torch.nanmean(a)
torch.diff(a)
torch.trapezoid(a)
torch.gradient(v)
torch.meshgrid(v, b, indexing="ij")
torch.cartesian_prod(v, b)
torch.combinations(v)
torch.hstack([a, a2])
torch.rot90(a)
torch.repeat_interleave(a, 2, 1)
torch.take_along_dim(a, torch.tensor([[0], [1]]), 1)
torch.kron(a, m)
torch.float_power(p, 2)
torch.special.logit(q)
a.std(1) / a.mean()
a[a > 0]
a[torch.tensor([True, False])]
a[:, [0, 2]]
1 / p
a // 2
""".strip().splitlines()
"""Functions that are made of several rows."""
OTHER_NODES = {"torch.trapezoid(a)", "torch.gradient(v)"}
"""Where PyTorch multiplies with a number inside of C++: by ``MulBackward1``, which saves nothing and can run twice."""


class _Lifted(ast.NodeTransformer):
    """Gives a name to each tensor of constants in a line, so that it can be changed too."""

    def __init__(self):
        self.made = {}

    def visit_Call(self, node):
        self.generic_visit(node)
        if ast.unparse(node.func) != "torch.tensor":
            return node
        self.made[f"k{len(self.made)}"] = ast.unparse(node)
        return ast.Name(f"k{len(self.made) - 1}", ast.Load())


@functools.cache
def line_of(code):
    """An example as a line, its constants by name, and the names of the tensors it uses."""
    lifted = _Lifted()
    tree = ast.fix_missing_locations(lifted.visit(ast.parse(code.strip(), mode="eval")))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return compile(tree, code, "eval"), lifted.made, [key for key in rows.TENSORS if key in used]


@functools.cache
def lines_of(name):
    """A row's examples."""
    own = EXAMPLES.get(name, rows.ON_DEMAND.get(name))
    return [line_of(code) for code in (rows.examples_of(name)[:2] if own is None else [own])]


def tensors_in(result, library):
    if isinstance(result, library.Tensor):
        return [result]
    return (
        [tensor for part in result for tensor in tensors_in(part, library)] if isinstance(result, tuple | list) else []
    )


def started(library, line, given=lambda leaf: leaf * 1, alone=None):
    """Run a line on results made from leaves; return the leaves, all that can be changed by name, and the results.

    With `alone`, this leaf alone requires a gradient.
    """
    code, made, names = line
    library.manual_seed(0)
    space = {"torch": library, "N": library.nn.functional, "np": np}
    wanted = [alone] if alone else names
    leaves = {name: library.tensor(rows.TENSORS[name], requires_grad=name in wanted) for name in names}
    subjects = {name: given(leaf) for name, leaf in leaves.items()}
    subjects |= {name: eval(text, space) for name, text in made.items()}
    results = tensors_in(eval(code, space | subjects), library)
    subjects |= {f"result {place}": result for place, result in enumerate(results)}
    return leaves, subjects, results


def told(error):
    return f"{type(error).__name__}: {str(error).split('[')[0].partition(chr(10))[0]}"


def gradients(library, leaves, results):
    moving = [result for result in results if result.requires_grad]
    try:
        found = library.autograd.grad(
            moving, list(leaves.values()), [library.ones_like(result) for result in moving], allow_unused=True
        )
    except Exception as error:
        return told(error)
    return [None if gradient is None else gradient.detach().numpy(force=True) for gradient in found]


ALIASES = {
    "itself": lambda x: x,
    "what is detached from it": lambda x: x.detach(),
    "a view of what is detached from it": lambda x: x.detach().view_as(x),
    "a view": lambda x: x.view_as(x),
    "its data": lambda x: x.data,
}


def after_a_change(library, line, subject, alias):
    """The gradients after one tensor was changed in place through another, or what was said against it."""
    leaves, subjects, results = started(library, line)
    try:
        changed = ALIASES[alias](subjects[subject])
        changed.mul_(2) if changed.is_floating_point() else changed.zero_()
    except Exception as error:
        return told(error)
    return gradients(library, leaves, results)


def after_two_passes(library, line):
    """The gradients of a second pass, or what was said against it."""
    leaves, _, results = started(library, line, lambda leaf: leaf)
    gradients(library, leaves, results)
    return gradients(library, leaves, results)


def assert_same(theirs, ours, where):
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs, where
        return
    for x, y in zip(ours, theirs, strict=True):
        assert (x is None) == (y is None), where
        if x is not None:
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-9, err_msg=str(where))


NAMES = sorted({*rows.TABLE, *rows.ON_DEMAND})


@pytest.fixture(autouse=True)
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", NAMES)
def test_a_change_in_place_is_noticed_where_pytorch_notices_it(torch, name):
    """What a formula reads is watched, whatever it was changed through; what it does not read may change."""
    for line in lines_of(name):
        _, subjects, _ = started(gv, line)
        for subject in subjects:
            for alias in ALIASES:
                theirs, ours = (after_a_change(library, line, subject, alias) for library in (torch, gv))
                if alias == "its data" or name in OTHER_GRADIENT:
                    # Nothing is noticed; the formula reads the new numbers, and need not be the one that PyTorch has.
                    theirs, ours = (found if isinstance(found, str) else "no error" for found in (theirs, ours))
                assert_same(theirs, ours, (name, subject, alias))


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OTHER_GRAPH)))
def test_backward_runs_twice_where_it_does_in_pytorch(torch, name):
    for line in lines_of(name):
        theirs, ours = after_two_passes(torch, line), after_two_passes(gv, line)
        if name in OTHER_GRADIENT:
            theirs, ours = (found if isinstance(found, str) else "no error" for found in (theirs, ours))
        assert_same(theirs, ours, name)


@pytest.mark.parametrize("code", OF_SEVERAL_ROWS)
def test_so_it_is_for_functions_of_several_rows(torch, code):
    line = line_of(code)
    _, subjects, _ = started(gv, line)
    for subject in subjects:
        for alias in ("itself", "what is detached from it"):
            theirs, ours = (after_a_change(library, line, subject, alias) for library in (torch, gv))
            assert_same(theirs, ours, (code, subject, alias))
    if code not in OTHER_NODES:
        assert_same(after_two_passes(torch, line), after_two_passes(gv, line), code)


def saved_by_pytorch(torch, node):
    found = {name: getattr(node, name) for name in dir(node) if name.startswith("_saved_")}
    return {name.removeprefix("_saved_") for name, value in found.items() if tensors_in(value, torch)}


def saved_here(node):
    kind = type(node).__name__
    names = node.saved_names()
    given = {name for name, _ in node.given}
    unset = {name for name in node.operation.tensors if name in names and node.saved(name) is None} - given
    return {RENAMED.get((kind, name), name) for name in names if name not in unset}


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OTHER_GRAPH)))
def test_each_row_saves_what_pytorchs_saves(torch, name):
    """All together, and for each argument what its formula alone reads."""
    for line in lines_of(name):
        for alone in (None, *(line[2] if len(line[2]) > 1 else ())):
            (_, _, theirs), (_, _, ours) = (started(library, line, lambda x: x, alone) for library in (torch, gv))
            pairs = [(x.grad_fn, y.grad_fn) for x, y in zip(theirs, ours, strict=True)]
            seen = set()
            while pairs:
                a, b = pairs.pop()
                kind = type(b).__name__
                if a is None or kind != type(a).__name__ or kind == "AccumulateGrad" or (a, b) in seen:
                    continue
                seen.add((a, b))
                if kind not in OTHER_NAMES:
                    assert saved_here(b) == saved_by_pytorch(torch, a), (kind, alone)
                pairs.extend((x, y) for (x, _), (y, _) in zip(a.next_functions, b.next_functions, strict=False))


MODES = {
    "grad": lambda library: [],
    "no_grad": lambda library: [library.no_grad()],
    "inference_mode": lambda library: [library.inference_mode()],
    "enable_grad in no_grad": lambda library: [library.no_grad(), library.enable_grad()],
    "enable_grad in inference_mode": lambda library: [library.inference_mode(), library.enable_grad()],
    "inference_mode(False) in it": lambda library: [library.inference_mode(), library.inference_mode(False)],
}
GIVEN = {
    "leaves": lambda x: x,
    "views of leaves": lambda x: x.view_as(x),
    "views of results": lambda x: (x * 1).view_as(x),
    "detached": lambda x: x.detach(),
    "results changed in place": lambda x: (x * 1).mul_(1),
}


def what_it_says_of_itself(tensor):
    node = tensor.grad_fn
    kind = None if node is None else type(node).__name__
    return tensor.requires_grad, tensor.is_inference(), tensor.is_leaf, kind, tensor._is_view()


def in_a_mode(library, line, mode, given):
    """What the results of a line say, made of what was made outside and of what is made in there, and again outside."""
    code, made, names = line
    library.manual_seed(0)
    space = {"torch": library, "N": library.nn.functional, "np": np}
    space |= {name: eval(text, space) for name, text in made.items()}
    leaves = {name: library.tensor(rows.TENSORS[name], requires_grad=True) for name in names}
    outside = {name: given(leaf) for name, leaf in leaves.items()}
    with contextlib.ExitStack() as stack:
        for each in mode(library):
            stack.enter_context(each)
        inside = {name: given(leaf) for name, leaf in leaves.items()}
        results = [x for some in (outside, inside) for x in tensors_in(eval(code, space | some), library)]
        known = [what_it_says_of_itself(result) for result in results]
    return known + [what_it_says_of_itself(result) for result in results]


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OTHER_GRAPH) - set(REFUSES_INFERENCE)))
def test_results_say_the_same_of_themselves_in_every_mode(torch, name):
    line = lines_of(name)[0]
    for mode, given in ((mode, given) for mode in MODES for given in GIVEN):
        theirs, ours = (in_a_mode(library, line, MODES[mode], GIVEN[given]) for library in (torch, gv))
        assert ours == theirs, (name, mode, given)
