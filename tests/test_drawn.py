"""Whatever can be computed can be drawn: every operation, before and after backward, and whatever happened since."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest
from test_rows import FOREIGN, TENSORS, examples_of

import gradviz as gv
from gradviz.engine.operation import BESIDE, TABLE
from gradviz.recording import record_graph

BESIDE_THE_TABLE = {
    "T": "a.T",
    "add": "torch.add(a, b, alpha=2)",
    "contiguous": "a.T.contiguous()",
    "conv_transpose": "N.conv_transpose1d(line, kernel1)",
    "floor_divide": "(a // 0.7) * (s // b)",
    "heaviside": "torch.heaviside(a, c)",
    "histogram": "torch.histogram(a, 3)",
    "nextafter": "torch.nextafter(a, c)",
    "remainder": "5 % b",
    "rsub": "torch.rsub(a, b, alpha=2)",
    "rsub.Scalar": "torch.rsub(a, 3, alpha=2)",
    "sub": "torch.sub(a, b, alpha=2)",
    "_unique2": "torch.unique(a)",
    "unique_consecutive": "torch.unique_consecutive(a)",
    "unique_dim": "torch.unique(a, dim=0)",
    "zeta": "torch.special.zeta(p + 1, 2.0)",
}
"""An example for each operation that is not in the table; derivatives that are rows are met when gradients are drawn."""


def test_no_operation_is_left_out():
    assert set(BESIDE_THE_TABLE) == {name for name in BESIDE if "_backward" not in name and not name.endswith("_grad")}


def as_they_are(array):
    return array


def as_numbers(array):
    """Each tensor as its first entry, without a dimension."""
    return array.reshape(-1)[0]


def as_nothing(array):
    """Each tensor as an empty one."""
    return np.zeros((0, *array.shape[1:])) if array.ndim else array


def tensors_in(result):
    if isinstance(result, list | tuple):
        return [tensor for part in result for tensor in tensors_in(part)]
    return [result] if isinstance(result, gv.Tensor) and result.grad_fn is not None else []


def results_of(code, shaped, dtype):
    """Run an example on tensors of another shape or dtype; nothing where it cannot be computed."""
    given = {name: gv.tensor(np.asarray(shaped(array), dtype), requires_grad=True) for name, array in TENSORS.items()}
    gv.manual_seed(0)
    try:
        return tensors_in(eval(f"({code}\n)", {**FOREIGN, **given}))
    except Exception:  # not of this shape, or not of this dtype
        return []


def draw_the_gradient(total):
    """Draw the graph of a gradient, if it has one."""
    seen, waiting = set(), [total.grad_fn]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(before for before, _ in node.next_functions if before is not None)
    leaves = [node.variable for node in seen if hasattr(node, "variable")]
    try:
        gradients = gv.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    except (RuntimeError, NotImplementedError):  # no derivative
        return
    with_graph = [gradient for gradient in gradients if gradient is not None and gradient.grad_fn is not None]
    if with_graph:
        assert record_graph(*with_graph).graph.operations


def drawn_before_and_after(code):
    for shaped, dtype in (
        (as_they_are, np.float64),
        (as_they_are, np.float16),
        (as_numbers, np.float32),
        (as_nothing, np.float32),
    ):
        results = results_of(code, shaped, dtype)
        if not results:
            continue
        assert record_graph(*results).frames
        total = sum(result.float().sum() * 1.5 for result in results)
        freed = dtype is not np.float64
        if not freed:
            draw_the_gradient(total)
        try:
            total.backward(retain_graph=not freed)
        except (RuntimeError, NotImplementedError):  # no derivative, or none of this
            continue
        with gv.no_grad():
            recording = record_graph(total)
        assert recording.frames[-1].phase == "backward"
        assert record_graph(*results).graph.operations
        if not freed:
            assert record_graph(total, backward=True).frames[-1].phase == "backward"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_row_can_be_drawn(name):
    drawn_before_and_after(examples_of(name)[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(BESIDE_THE_TABLE))
def test_every_operation_beside_the_table_can_be_drawn(name):
    drawn_before_and_after(BESIDE_THE_TABLE[name])


# --- whatever happened since ---------------------------------------------------------------------------------------------

GIVEN = """
w = gv.tensor(2.5, requires_grad=True)
v = gv.tensor([1.0, 2.0], requires_grad=True)
m = gv.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
r = gv.ones(2, 3, requires_grad=True)
"""
SINCE = {
    "another pass through the same leaf": "y = w*3; y.backward(); z = w*4; z.backward()",
    "another pass that accumulates": "y = (w*w).exp(); y.backward(); (w*4).backward(); (w*5).backward()",
    "a pass from further on": "x = w*3; y = x*2; (y + x*5).backward()",
    "a pass through a part": "x = w*3; x.backward(); y = x*2",
    "a check of the gradient": "y = w*3; gv.check.gradient(w.detach()*0 + 3, of=y, to=w); y.backward()",
    "gradcheck": "y = w*w; y.backward(); gv.autograd.gradcheck(lambda a: a*w, (v.double().detach().requires_grad_(),))",
    "a loop that was recorded": """
y = (v*v).sum()
y.backward()
with gv.record(progress=False):
    for epoch in range(2):
        (v*3).sum().backward()
""",
    "the result was turned round": "y = r*1; y.t_()",
    "the result was turned round, and used": "y = (r*1).t_() @ r",
    "an input was turned round": "x = r*1; y = x*x*3; x.t_()",
    "a constant was turned round": "b = gv.ones(2, 3); y = (r*1)*b; b.t_()",
    "an input got an axis": "x = w*1; y = x*2; x.unsqueeze_(0); y = y + x",
    "an input lost an axis": "x = r[:1]*1; y = x*2; x.squeeze_()",
    "an input was changed": "b = gv.tensor(2.0); y = w*b; b.mul_(3)",
    "a part was changed": "y = v.clone(); y[0] = 5.0; y = y.sum()",
    "a view was changed": "y = m*1; z = y[0]; z.mul_(2)",
    "all was zeroed": "y = v.clone(); y.zero_(); y = y.sum()",
    "a leaf got other data": "y = w*2; w.data = gv.ones(3)",
    "a leaf got data of another shape": "y = v*2; v.data = gv.ones(5)",
    "a leaf wants no gradient any more": "y = w*2; w.requires_grad_(False)",
    "an input was cut off": "x = w*1; y = x*x; x.detach_()",
    "an optimiser's step": "y = (v*v).sum(); y.backward(); gv.optim.Adam([v]).step()",
    "zero_grad": "y = (v*v).sum(); y.backward(); v.grad = None",
    "a second derivative": "g, = gv.autograd.grad(w**3, w, create_graph=True); y, = gv.autograd.grad(g, w, create_graph=True)",
    "hooks": "y = w*3; y.register_hook(lambda g: g*2); w.register_hook(lambda g: g*0); y.grad_fn.register_hook(lambda a, b: None)",
    "a hook that stops the gradient": "x = w*3; x.grad_fn.register_hook(lambda a, b: (None, None)); y = x*2",
    "nothing that wants a gradient is left": "y = v[0:0].sum()",
    "no number divides": "y = (w // 0.7) * 1.0",
    "infinity": "y = w*float('inf') - w*float('inf')",
    "in inference mode": "y = w*2\nwith gv.inference_mode(): z = y*3",
}


@pytest.mark.parametrize("title", SINCE)
def test_it_can_still_be_drawn(title):
    space = {"gv": gv}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(GIVEN + SINCE[title], space)
        result = space["y"]
        assert "<svg" in gv.draw(result).to_svg()
        for _ in range(2):
            # Changed in place, freed, or without a derivative: the picture is there all the same.
            with contextlib.suppress(RuntimeError):
                result.sum().backward(retain_graph=True)
            assert "<svg" in gv.draw(result).to_svg()


def test_an_older_pass_is_shown_as_it_was():
    """The gradient and what was in .grad before are those of its own pass, not of the last one through the leaf."""
    w = gv.tensor(2.0, requires_grad=True)
    (w * 10).backward()
    y = w * 3
    y.backward()
    (w * 4).backward()
    *_, last = gv.draw(y).recording.frames
    (gradient,) = last.gradients
    assert (gradient.before.data, gradient.value.data) == ((10.0,), (13.0,))


def test_what_came_from_outside_of_a_picture_is_not_called_a_hook():
    x = gv.tensor(2.0, requires_grad=True)
    h = x * 3
    (h * 5 + h.sin() + x).backward()
    lines = [line.text for frame in gv.draw(h).recording.frames for line in frame.equation]
    assert any("more came from outside of this picture" in line for line in lines)
    assert not any("a hook" in line for line in lines)
