"""Changes in place: the same programs run in PyTorch and here, and end with the same numbers or the same error."""

from __future__ import annotations

import copy
import gc
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradviz as gv


def tree(node):
    if node is None:
        return "None"
    inside = ",".join(tree(before) for before, _ in node.next_functions)
    return type(node).__name__ + (f"({inside})" if inside else "")


def run(library, program):
    """Run a program's lines; return what is left, as plain data: the numbers, or the error's type and first line."""
    space = {
        "torch": library,
        "a": library.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], dtype=library.float64, requires_grad=True),
        "w": library.tensor([2.0, -3.0, 0.5], dtype=library.float64, requires_grad=True),
        "c": library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=library.float64),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for line in program:
                exec(line, space)
            leaves = [name for name in ("a", "w") if space[name].requires_grad]
            left = {name: space[name].detach().numpy().copy() for name in ("x", "v", "c") if name in space}
            trees = {name: tree(space[name].grad_fn) for name in ("x", "v") if name in space}
            if space["x"].requires_grad:
                weights = library.arange(1.0, 1 + space["x"].numel(), dtype=library.float64).reshape(space["x"].shape)
                (space["x"] * weights).sum().backward()
            for name in leaves:
                left[f"{name}.grad"] = None if space[name].grad is None else space[name].grad.numpy().copy()
            return left, trees
    except Exception as error:
        return type(error).__name__, str(error).splitlines()[0]


def assert_same(torch, program, whole_message=True):
    theirs, ours = run(torch, program), run(gv, program)
    if not whole_message and isinstance(theirs[0], str) and isinstance(ours[0], str):
        # Which of several views of one memory it was is told differently; that it happened is not.
        theirs, ours = (theirs[0], theirs[1].split("[")[0]), (ours[0], ours[1].split("[")[0])
    if isinstance(theirs[0], str) or isinstance(ours[0], str):
        assert ours == theirs, program
        return
    assert ours[0].keys() == theirs[0].keys(), program
    for name, value in theirs[0].items():
        if value is None:
            assert ours[0][name] is None, (name, program)
        else:
            np.testing.assert_allclose(ours[0][name], value, rtol=1e-12, err_msg=f"{name} after {program}")
    if not any(any(mark in line for mark in ("detach().mul_", "no_grad", "t_()")) for line in program):
        assert ours[1] == theirs[1], program


PROGRAMS = {
    "a number into a part": ["x = a * 1", "x[0] = 7.0"],
    "a tensor into a part": ["x = a * 1", "x[0] = w"],
    "into a tensor without a gradient": ["x = c * 1", "x[:, 0] = w[0]"],
    "twice": ["x = torch.zeros(2, 3, dtype=torch.float64)", "x[0] = w", "x[1] = w * 2"],
    "part of a part": ["x = a * 1", "v = x[1]", "v[1:] *= 3"],
    "a view of everything": ["x = a * 1", "v = x.view(6)", "v.mul_(w[0])"],
    "a view follows its base": ["x = a * 1", "v = x[1]", "x.mul_(w)", "x = v * 1"],
    "a transposed view": ["x = a * 1", "v = x.t()", "v[0] = 5.0"],
    "by a list": ["x = a * 1", "x[[0, 1], [2, 0]] = w[:2]"],
    "by a mask": ["x = a * 1", "x[c > 2] = w[1]"],
    "a mask times": ["x = a * 1", "x[x > 0] *= 2"],
    "fill": ["x = a * 1", "x.fill_(2.0)"],
    "fill with a tensor": ["x = a * 1", "x.fill_(w[0])"],
    "zero": ["x = a * w", "x.zero_()"],
    "copy": ["x = a * 1", "x.copy_(w)"],
    "unsqueeze": ["x = a * 1", "x.unsqueeze_(0)"],
    "transpose": ["x = a * 1", "x.t_()"],
    "saved and changed": ["x = a * 1", "v = x * x", "x.add_(1)", "x = v * 1"],
    "a result saved and changed": ["x = a.exp()", "x.add_(1)"],
    "a view saved, its base changed": ["x = a * 1", "v = x[0] * x[0]", "x.mul_(2)", "x = v * 1"],
    "leaf": ["a.add_(1)", "x = a"],
    "leaf by operator": ["a += 1", "x = a"],
    "leaf in part": ["a[0] = 1.0", "x = a"],
    "view of a leaf": ["v = a[0]", "v.mul_(2)", "x = a"],
    "one of several views": ["x = a * 1", "v, _ = x.unbind()", "v.mul_(2)"],
    "view made in no_grad": ["x = a * 1", "with torch.no_grad(): v = x[0]", "v.mul_(2)"],
    "leaf in no_grad": ["with torch.no_grad(): a[0] = 4.0; a += 1; a[1:] *= 2", "x = a * a"],
    "detached": ["x = a * 1", "v = x.detach()", "v.zero_()"],
    "detached, saved": ["x = a * a", "v = x.detach()", "v.zero_()"],
    "too many rows": ["x = a * 1", "x.add_(torch.ones(2, 2, 3, dtype=torch.float64))"],
    "out of range": ["x = a * 1", "x[5] = 1.0"],
    "wrong size": ["x = a * 1", "x[0] = torch.ones(2, dtype=torch.float64)"],
    "a part, then turned": ["x = a * 1", "x[0] = w", "x.t_()"],
    "own part": ["x = a * 1", "x[0] = x[1]"],
    "its gradient, differentiated": [
        "x = a * 1",
        "x[0] = w * w",
        "x[:, 1:] *= w[0]",
        "x = torch.autograd.grad((x * x).sum(), w, create_graph=True)[0].sum()",
        "x = torch.stack(torch.autograd.grad(x, [w, a], create_graph=False)[:1]).requires_grad_()",
    ],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_as_in_pytorch(torch, name):
    assert_same(torch, PROGRAMS[name])


VIEWS = ["x[0]", "x[1]", "x[:, 1:]", "x[:, 0]", "x.view(6)", "x.t()", "x.view(3, 2)", "x[0:1]", "x[..., ::2]", "x"]
BEHIND_THE_GRAPH = ["{}.detach().mul_(2)", "torch.no_grad()(lambda: {}.add_(1))()", "x.t_()"]
"""Changes after which PyTorch makes views anew, by ``AsStridedBackward0``; here they stay what they were, which is the same."""
CHANGES = [
    "{} += 1.5",
    "{}.mul_(2)",
    "{}.mul_(w[0])",
    "{}.add_({}.detach() * 0.5)",
    "{}.copy_({} * w[1])",
    "{}.fill_(w[2])",
    "{}.zero_()",
    "{}.neg_()",
    "{}[0] = w[1]",
    "{}[0] = 3.0",
    "{}.exp_()",
    "{}.sub_({})",
    "{}[0].mul_({}[-1])",
    *BEHIND_THE_GRAPH,
]


@st.composite
def programs(draw):
    lines = [draw(st.sampled_from(["x = a * 1", "x = a * w", "x = (a * w).sin()", "x = (a * w).sigmoid()"]))]
    names = ["x"]
    for number in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            name = f"v{number}"
            view = draw(st.sampled_from(VIEWS))
            lines.append(f"{name} = {view}")
            names.append(name)
        name = draw(st.sampled_from(names))
        lines.append(draw(st.sampled_from(CHANGES)).format(name, name))
    if draw(st.booleans()):
        lines.append(f"x = {draw(st.sampled_from(names))} * 1")
    return lines


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs())
def test_any_program_ends_as_in_pytorch(torch, program):
    assert_same(torch, program, whole_message=False)


def test_what_was_changed_in_place_is_freed_without_the_garbage_collector():
    import weakref

    gc.disable()
    try:
        a = gv.tensor([1.0, 2.0, 3.0], requires_grad=True)
        x = a * 1
        v = x[1:]
        v *= 2
        x[0] = 5.0
        x.sum().backward()
        nodes = [weakref.ref(x.grad_fn), weakref.ref(v.grad_fn), weakref.ref(x)]
        del x, v
        assert [node() for node in nodes] == [None] * 3
    finally:
        gc.enable()


def test_detaching_does_not_keep_the_graph():
    import weakref

    gc.disable()
    try:
        y = gv.tensor(1.0, requires_grad=True) * 2
        node, loss = weakref.ref(y.grad_fn), y.detach()
        del y
        assert node() is None
        assert loss.item() == 2
    finally:
        gc.enable()


def test_a_copy_of_a_view_is_nobodys_view():
    x = gv.zeros(3)
    copied = copy.deepcopy(x[1:])
    copied += 1
    assert x.tolist() == [0, 0, 0]


SHARING = [
    "x.view(1)", "x.view(1, 1)", "x.reshape(1)", "x.unsqueeze(0)", "x[None]", "x[...]", "x.view_as(x)", "x.t()", "x.detach()",
    "x.data", "x.flatten()", "x.expand(1)", "x.view(1).squeeze()", "x.view(1)[0]",
]  # fmt: skip


@pytest.mark.parametrize("number", ["torch.tensor(3.0)", "torch.tensor(1.5) * 2", "torch.tensor([1.0, 2.0]).sum()"])
@pytest.mark.parametrize("view", SHARING)
def test_a_view_of_a_number_shares_its_memory(number, view):
    x = eval(number, {"torch": gv})
    v = eval(view, {"x": x})
    v += 1
    assert x.item() == 4
    x += 1
    assert v.tolist() in (5, [5], [[5]])


def test_numpy_shares_a_numbers_memory():
    x = gv.tensor(3.0)
    array = x.numpy()
    array += 1
    assert x.item() == 4
