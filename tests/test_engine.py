"""The engine: gradients, the graph PyTorch would have made, the order of the backward pass, and what is freed."""

from __future__ import annotations

import gc
import warnings
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.engine.backward import run
from gradviz.engine.checking import check
from gradviz.engine.notation import formula
from gradviz.engine.operation import TABLE

# --- every row of the table -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        # A part of the graph that is freed already, and leads to nothing that is asked for.
        "h = x**2; h.backward(); y = h * w; out = torch.autograd.grad(y, w)",
        "h = x**2; h.backward(); y = h * w; y.backward(inputs=[w]); out = (w.grad, x.grad)",
        "h = x**2; y = h * w; out = torch.autograd.grad(y, h); out += torch.autograd.grad(h * w, w)",
        "h = x**2; y = h * w; out = torch.autograd.grad(y, [h, x], retain_graph=True)",
        "h = x**2; y = h * w + h; out = torch.autograd.grad(y, [h, w]); h.backward(); out += (x.grad,)",
        "a, b = torch.stack([x, w]).unbind(0); y = a * 3 + b; out = torch.autograd.grad(y, a)",
        # What does not run calls no hook.
        "h = x**2; h.register_hook(seen.append); y = h * w; out = torch.autograd.grad(y, w); out += (len(seen),)",
        "x.register_hook(seen.append); y = x * w; out = torch.autograd.grad(y, w); out += (len(seen),)",
        "h = x**2; h.retain_grad(); y = h * w; out = torch.autograd.grad(y, w); out += (h.grad is None,)",
        "h = x**2; h.backward(); y = h * w; y.backward()",
    ],
)
def test_only_what_leads_to_what_is_wanted_runs(torch, code):
    answers = []
    for library in (torch, gv):
        x, w = (library.tensor(number, requires_grad=True) for number in (3.0, 2.0))
        variables = {"torch": library, "x": x, "w": w, "seen": []}
        try:
            exec(code, variables)
            answers.append([getattr(part, "tolist", lambda part=part: part)() for part in variables["out"]])
        except RuntimeError as error:
            answers.append(str(error).partition("\n")[0])
    assert answers[0] == answers[1]


def test_every_row_can_be_differentiated_and_says_something_to_a_learner():
    for name, row in TABLE.items():
        check(row)
        assert row.sentence.endswith("."), name
        assert row.symbol, name
        assert set(row.local) == set(row.derivatives), name
        words = {argument: argument for argument in (*row.inputs, *row.settings)}
        for text in (row.expression, *row.local.values()):
            assert formula(text, words), name


# --- the graph --------------------------------------------------------------------------------------------------------


def tree(node):
    if node is None:
        return "None"
    if type(node).__name__ == "AccumulateGrad":
        return "AG"
    inside = ",".join(tree(edge[0]) for edge in node.next_functions)
    return f"{type(node).__name__}({inside})"


EXPRESSIONS = {
    "x+y": "AddBackward0(AG,AG)",
    "x+1": "AddBackward0(AG,None)",
    "1+x": "AddBackward0(AG,None)",
    "x-y": "SubBackward0(AG,AG)",
    "1-x": "RsubBackward1(AG)",
    "-x": "NegBackward0(AG)",
    "2*x": "MulBackward0(AG,None)",
    "x/2": "DivBackward0(AG,None)",
    "1/x": "MulBackward0(ReciprocalBackward0(AG),None)",
    "x**2": "PowBackward0(AG)",
    "x**y": "PowBackward1(AG,AG)",
    "2**x": "PowBackward2(AG)",
    "A@B": "MmBackward0(AG,AG)",
    "A@x": "MvBackward0(AG,AG)",
    "x@A": "SqueezeBackward4(MmBackward0(UnsqueezeBackward0(AG),AG))",
    "x@y": "DotBackward0(AG,AG)",
    "x.sum()": "SumBackward0(AG)",
    "A.sum(0)": "SumBackward1(AG)",
    "x.mean()": "MeanBackward0(AG)",
    "A.mean(0)": "MeanBackward1(AG)",
    "x.max()": "MaxBackward1(AG)",
    "t.relu(x)": "ReluBackward0(AG)",
    "x[0]": "SelectBackward0(AG)",
    "x[1:]": "SliceBackward0(AG)",
    "A.t()": "TBackward0(AG)",
    "A.T": "PermuteBackward0(AG)",
    "A.reshape(9)": "ViewBackward0(AG)",
    "A.T.reshape(9)": "UnsafeViewBackward0(CloneBackward0(PermuteBackward0(AG)))",
    "t.cat([x,y])": "CatBackward0(AG,AG)",
    "t.stack([x,y])": "StackBackward0(AG,AG)",
    "A.max(1)[0]": "MaxBackward0(AG)",
    "A.min(0, keepdim=True).values": "MinBackward0(AG)",
    "A.sort(1, descending=True)[0]": "SortBackward0(AG)",
    "A.topk(2)[0]": "TopkBackward0(AG)",
    "t.gather(A, 1, t.tensor([[0, 2], [1, 1], [2, 0]]))": "GatherBackward0(AG)",
    "A.unbind(1)[2]": "UnbindBackward0(AG)",
    "list(A)[1]": "UnbindBackward0(AG)",
    "A.split(2)[1]": "SplitBackward0(AG)",
    "A.chunk(3, 1)[1]": "SplitBackward0(AG)",
    "t.stack(A.unbind(0)[::-1])": "StackBackward0(UnbindBackward0(AG),UnbindBackward0(AG),UnbindBackward0(AG))",
    "t.nn.functional.mse_loss(x,y.detach())": "MseLossBackward0(AG,None)",
    "t.nn.functional.linear(A,B,x)": "AddmmBackward0(AG,AG,TBackward0(AG))",
    "t.nn.functional.linear(A.detach(),B,x)": "AddmmBackward0(AG,None,TBackward0(AG))",
    "t.nn.functional.cross_entropy(A,t.tensor([0,1,2]))": "NllLossBackward0(LogSoftmaxBackward0(AG))",
}


def names_for(t):
    return {
        "t": t,
        "x": t.tensor([1.0, 2.0, 3.0], requires_grad=True),
        "y": t.tensor([0.5, 1.5, 2.5], requires_grad=True),
        "A": t.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]], requires_grad=True),
        "B": t.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]], requires_grad=True),
    }


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_graph_is_the_one_pytorch_records(expression):
    assert tree(eval(expression, names_for(gv)).grad_fn) == EXPRESSIONS[expression]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_values_and_gradients_are_pytorchs(torch, expression):
    ours, theirs = names_for(gv), names_for(torch)
    mine, other = eval(expression, ours), eval(expression, theirs)
    assert repr(mine) == repr(other)
    assert tree(mine.grad_fn) == tree(other.grad_fn)
    (mine * mine).sum().backward()
    (other * other).sum().backward()
    for name in ("x", "y", "A", "B"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert repr(ours[name].grad) == repr(theirs[name].grad), name


# --- the backward pass ------------------------------------------------------------------------------------------------


def order_of(make):
    """Names in the order in which nodes run; leaves as ``x``."""
    out = make()
    ran = []
    run([out], [gv.ones_like(out).array], wanted=(), observer=lambda node, *_: ran.append(type(node).__name__))
    return ran


def test_nodes_run_in_pytorchs_order():
    """As in torch 2.13.0: youngest first, and a leaf as soon as its gradient is complete."""
    a, b, c = (gv.tensor(2.0, requires_grad=True) for _ in range(3))
    assert order_of(lambda: (a * b) + (b * c)) == [
        "AddBackward0",
        "MulBackward0",
        "AccumulateGrad",
        "MulBackward0",
        "AccumulateGrad",
        "AccumulateGrad",
    ]
    assert order_of(lambda: (a * b + c) * gv.sin(a)) == [
        "MulBackward0",
        "SinBackward0",
        "AddBackward0",
        "AccumulateGrad",
        "MulBackward0",
        "AccumulateGrad",
        "AccumulateGrad",
    ]


@st.composite
def programs(draw):
    """A few operations, each on results of earlier ones: any graph of additions, products and sines."""
    steps = draw(
        st.lists(st.tuples(st.sampled_from("+*s"), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=25)
    )
    return steps


def run_program(t, steps, values):
    made = [t.tensor(value, dtype=t.float64, requires_grad=True) for value in values]
    leaves = list(made)
    for kind, i, j in steps:
        x, y = made[i % len(made)], made[j % len(made)]
        made.append(x + y if kind == "+" else x * y if kind == "*" else t.sin(x))
    made[-1].backward()
    return [leaf.grad for leaf in leaves]


@settings(max_examples=60, deadline=None)
@given(programs(), st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3))
def test_any_graph_has_pytorchs_gradients(torch, steps, values):
    for mine, theirs in zip(run_program(gv, steps, values), run_program(torch, steps, values), strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            assert mine.item() == pytest.approx(theirs.item(), rel=1e-9, abs=1e-12)


def test_x_plus_x_doubled_sixty_times_takes_sixty_steps():
    """One run for each node, however many paths lead to it."""
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_a_chain_of_100_000_operations_runs_and_is_freed_by_reference_counting():
    x = gv.tensor(1.0, requires_grad=True)
    gc.disable()
    try:
        y = x
        for _ in range(100_000):
            y = y + 0.0
        node = weakref.ref(y.grad_fn.next_functions[0][0])
        y.backward()
        assert x.grad.item() == 1.0
        assert node() is not None
        del y
        assert node() is None
    finally:
        gc.enable()


def test_a_second_backward_says_that_the_graph_is_freed():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    with pytest.raises(RuntimeError, match="directly access saved tensors"):
        _ = y.grad_fn._saved_self
    z = x + x  # nothing was saved, so PyTorch lets it pass
    z.backward()
    z.backward()
    assert x.grad.item() == 6 + 2 + 2


def test_gradients_accumulate_in_place():
    x = gv.tensor(3.0, requires_grad=True)
    (x * 2).backward()
    first = x.grad
    (x * 5).backward()
    assert x.grad is first
    assert first.item() == 7.0


def test_gradients_of_two_leaves_never_share_memory():
    a, b = gv.ones(2, requires_grad=True), gv.ones(2, requires_grad=True)
    (a + b).sum().backward()
    a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0]


def test_only_what_the_formulas_need_is_saved():
    x, w = gv.tensor(2.0, requires_grad=True), gv.tensor(3.0)
    node = (x * w).grad_fn
    assert node._saved_self is None
    assert node._saved_other is w
    with pytest.raises(AttributeError):
        _ = node._saved_nonsense


def test_hooks_see_and_replace_gradients():
    x = gv.tensor(2.0, requires_grad=True)
    y = x * 3
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.item()) or g * 10)
    (y * 4).backward()
    assert (seen, x.grad.item()) == ([4.0], 120.0)
    handle.remove()
    x.grad = None
    (y.detach() * x).backward()
    assert seen == [4.0]


def test_changing_what_backward_needs_is_an_error_that_names_it():
    x = gv.ones(3, requires_grad=True)
    y = x.exp()
    z = y * y
    y += 1
    with pytest.raises(
        RuntimeError, match=r"modified by an inplace operation: \[torch.FloatTensor \[3\]\].*is at version 1"
    ):
        z.sum().backward()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        x += 1


def test_second_derivatives():
    x = gv.tensor(2.0, requires_grad=True)
    (first,) = gv.autograd.grad(x**3, x, create_graph=True)
    (second,) = gv.autograd.grad(first, x, create_graph=True)
    (third,) = gv.autograd.grad(second, x)
    assert (first.item(), second.item(), third.item()) == (12.0, 12.0, 6.0)


@pytest.mark.parametrize(
    "call", ["np.sin(x)", "np.add(x, 1)", "np.add(np.ones(2), x)", "np.cbrt(x)", "np.add.reduce(x)"]
)
def test_numpys_functions_are_for_tensors_that_are_not_tracked(torch, call):
    for library in (torch, gv):
        x = library.tensor([0.5, 1.0], requires_grad=True)
        with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
            eval(call)
    x = gv.tensor([0.5, 1.0], requires_grad=True)
    assert np.sin(x.detach()).tolist() == pytest.approx(np.sin([0.5, 1.0]))
    with gv.no_grad():
        assert np.sin(x).tolist() == pytest.approx(np.sin([0.5, 1.0]))
    with pytest.raises(TypeError, match=r"cannot record np\.cbrt on a tensor"):
        np.cbrt(x.detach())


MISUSES = {
    "t.ones(3, requires_grad=True).exp().backward()": "grad can be implicitly created only for scalar outputs",
    "t.ones(1).backward()": "element 0 of tensors does not require grad and does not have a grad_fn",
    "t.ones(3) + t.ones(4)": "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0",
    "t.ones(2,3) @ t.ones(2,3)": "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)",
    "t.tensor([1], requires_grad=True)": "Only Tensors of floating point and complex dtype can require gradients",
    "t.ones(3, requires_grad=True).numpy()": "Can't call numpy() on Tensor that requires grad",
    "t.ones(3).item()": "a Tensor with 3 elements cannot be converted to Scalar",
    "bool(t.ones(2))": "Boolean value of Tensor with more than one value is ambiguous",
    "t.tensor([[1.], [1., 2.]])": "expected sequence of length 1 at dim 1 (got 2)",
    "t.tensor('a')": "new(): invalid data type 'str'",
    "t.ones(6).reshape(4)": "shape '[4]' is invalid for input of size 6",
    "t.ones(3)[5]": "index 5 is out of bounds for dimension 0 with size 3",
    "t.ones(3).sum(2)": "Dimension out of range (expected to be in range of [-1, 0], but got 2)",
    "t.tensor([1,2]).mean()": "mean(): could not infer output dtype",
    "t.optim.SGD([], lr=0.1)": "optimizer got an empty parameter list",
    "t.optim.SGD([t.ones(1)], lr=-0.1)": "Invalid learning rate: -0.1",
    "t.nn.Module()(1)": 'Module [Module] is missing the required "forward" function',
    "t.nn.Linear(3, 4)(t.ones(2, 5))": "mat1 and mat2 shapes cannot be multiplied (2x5 and 3x4)",
    "t.ones(2) + [1]": "unsupported operand type(s) for +: 'Tensor' and 'list'",
    "t.ones(2).foo": "'Tensor' object has no attribute 'foo'",
}


@pytest.mark.parametrize("code", MISUSES)
def test_misuse_is_answered_in_pytorchs_words(code):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (the message is compared below)
        eval(code, {"t": gv})
    assert MISUSES[code] in str(caught.value)


@pytest.mark.parametrize("code", MISUSES)
def test_they_really_are_pytorchs_words(torch, code):
    with pytest.raises(Exception) as ours:  # noqa: PT011
        eval(code, {"t": gv})
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        eval(code, {"t": torch})
    assert type(ours.value) is type(theirs.value)
    assert MISUSES[code] in str(theirs.value)


PRINTED = [
    "A.max(1)",
    "A.detach().max(0)",
    "A.min(0, keepdim=True)",
    "A.sort(1, descending=True)",
    "A.topk(2, largest=False)",
    "t.tensor([2., 1., 2., 1.]).sort(descending=True, stable=True)",
    "A.split([1, 2], 1)",
    "x.unbind()",
    "A.argsort(0)",
    "t.tensor([[1, 2], [3, 4]]).max(1)",
]


@pytest.mark.parametrize("code", PRINTED)
def test_results_that_come_in_several_parts_print_as_pytorchs(torch, code):
    assert repr(eval(code, names_for(gv))) == repr(eval(code, names_for(torch)))


def test_gradients_of_many_outputs_meet_and_missing_ones_are_zero():
    x = gv.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    first, _, last = x
    (first * 2 + last * first).sum().backward()
    assert x.grad.tolist() == [[7.0, 8.0], [0.0, 0.0], [1.0, 2.0]]


def test_second_derivatives_through_many_outputs():
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    a, b = x.unbind()
    (first,) = gv.autograd.grad(a**3 * b, x, create_graph=True)
    (second,) = gv.autograd.grad(first.sum(), x)
    assert first.tolist() == [6.0, 1.0]
    assert second.tolist() == [12.0 + 3.0, 3.0]


def test_a_script_in_a_folder_with_nearly_the_packages_name_is_the_users():
    path = f"{gv.__path__[0]}_course/script.py"
    scope = {"gv": gv}
    exec(compile("y = gv.ones(1, requires_grad=True) * 2", path, "exec"), scope)
    assert scope["y"].grad_fn.origin[0].co_filename == path
