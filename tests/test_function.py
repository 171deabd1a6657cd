"""Functions with a backward of the user's own: the same snippets run in PyTorch and here."""

from __future__ import annotations

import gc
import re
import textwrap
import weakref

import numpy as np
import pytest
from beside import all_warnings
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.recording.observe import record_graph


def outcome(library, code, **names):
    """Run a snippet that leaves its answer in `r`; return it in print, or the error's type and first paragraph.

    What the snippet has noted in `log` and every `UserWarning` go with it.
    """
    space = {"torch": library, "Function": library.autograd.Function, "log": [], **names}
    with all_warnings(library) as caught:
        try:
            exec(textwrap.dedent(code), space)
            answer = repr(space["r"])
        except Exception as error:
            answer = f"{type(error).__name__}: {str(error).split(chr(10) * 2)[0]}"
    told = [str(warning.message).split(" (Triggered")[0] for warning in caught if warning.category is UserWarning]
    return re.sub(r"0x[0-9a-f]+", "0x", answer), repr(space["log"]), told


FUNCTIONS = """
class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g

class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]

class Power(Function):
    @staticmethod
    def forward(x, power=2):
        return x**power

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.power = inputs
        ctx.save_for_backward(x, output)
        log.append(torch.is_grad_enabled())

    @staticmethod
    def backward(ctx, g):
        x, _ = ctx.saved_tensors
        return g * ctx.power * x ** (ctx.power - 1), None

class Double(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return 2 * g

def made(forward, backward=None, **more):
    members = {"forward": staticmethod(forward), **{name: staticmethod(value) for name, value in more.items()}}
    if backward is not None:
        members["backward"] = staticmethod(backward)
    return type("Made", (Function,), members)

def leaf(values, requires_grad=True):
    return torch.tensor(values, requires_grad=requires_grad)
"""

SNIPPETS = {
    "graph": """
x = leaf(3.0); y = Square.apply(x); y.backward()
r = y, x.grad, y.grad_fn, y.grad_fn.name(), y.grad_fn.next_functions, y.grad_fn.needs_input_grad, y.output_nr
""",
    "saved tensors": """
x = leaf([1.0, 2.0]); y = Square.apply(x); z = Exp.apply(x)
r = y.grad_fn.saved_tensors, z.grad_fn.saved_tensors, y.grad_fn.saved_tensors[0] is x
""",
    "second time": "x = leaf(3.0); y = Square.apply(x); y.backward(); y.backward()",
    "saved tensors afterwards": "y = Square.apply(leaf(3.0)); y.backward(); y.grad_fn.saved_tensors",
    "retain graph": "x = leaf(3.0); y = Square.apply(x); y.backward(retain_graph=True); y.backward(); r = x.grad",
    "nothing saved": """
x = leaf(3.0); y = made(lambda ctx, x: x * 2, lambda ctx, g: g * 2).apply(x)
log.append(y.grad_fn.saved_tensors); y.backward(); y.backward(); r = x.grad
""",
    "nothing saved, asked afterwards": """
y = made(lambda ctx, x: x * 2, lambda ctx, g: g * 2).apply(leaf(3.0)); y.backward(); y.grad_fn.saved_tensors
""",
    "in forward nothing is saved yet": """
made(lambda ctx, x: (ctx.save_for_backward(x), log.append(ctx.saved_tensors), x * 2)[2]).apply(leaf(1.0)); r = 0
""",
    "twice": """
x = leaf(3.0); g, = torch.autograd.grad(Square.apply(x) * x, x, create_graph=True)
r = g, torch.autograd.grad(g, x)
""",
    "three times, through an output": """
x = leaf(1.0); y = Exp.apply(x)
for _ in range(3):
    y, = torch.autograd.grad(y, x, create_graph=True); log.append(y)
r = y
""",
    "in a larger graph": """
x = leaf([1.0, 2.0]); w = leaf([3.0, 4.0])
y = (Square.apply(x * w) + Exp.apply(w).sum() * Square.apply(Square.apply(x))).sum(); y.backward(); r = y, x.grad, w.grad
""",
    "keyword": "x = leaf(3.0); y = Square.apply(x=x); y.backward(); r = x.grad",
    "setup_context": """
x = leaf(3.0); y = Power.apply(x) + Power.apply(x, 3) + Power.apply(x, power=4); y.backward(); r = y, x.grad
""",
    "setup_context, twice": """
x = leaf(2.0); g, = torch.autograd.grad(Power.apply(x, 3), x, create_graph=True); g.backward(); r = g, x.grad
""",
    "needs_input_grad": """
f = made(lambda ctx, a, b, c, d: (log.append(ctx.needs_input_grad), a * b)[1], lambda ctx, g: (g, None, None, None))
r = f.apply(leaf(1.0), leaf(2.0, False), 3, "word")
""",
    "attributes of any name": """
def forward(ctx, x, n):
    ctx.n, ctx.values, ctx.inputs, ctx.name_, ctx.edges = n, 7, "in", 1, 2
    return x * n
x = leaf([1.0, 2.0])
y = made(forward, lambda ctx, g: (log.append((ctx.values, ctx.inputs, ctx.name_, ctx.edges)), (g * ctx.n, None))[1]).apply(x, 3)
y.sum().backward(); r = x.grad, y.grad_fn.n
""",
    "modes": """
x = leaf(1.0)
f = made(lambda ctx, x: (log.append((torch.is_grad_enabled(), x.requires_grad)), x * 2)[1],
         lambda ctx, g: (log.append((torch.is_grad_enabled(), g.requires_grad)), g * 2)[1])
torch.autograd.grad(f.apply(x), x); r = torch.autograd.grad(f.apply(x), x, create_graph=True)
""",
    "gradients inside forward": """
def forward(ctx, x):
    with torch.enable_grad():
        z = x.detach().requires_grad_()
        y = (z**3).sum()
        ctx.g, = torch.autograd.grad(y, z)
    return y.detach()
x = leaf([1.0, 2.0]); made(forward, lambda ctx, g: g * ctx.g).apply(x).backward(); r = x.grad
""",
    "no_grad": """
x = leaf(2.0)
with torch.no_grad():
    y = Square.apply(x)
r = y, y.requires_grad, Square.apply(leaf(2.0, False))
""",
    "two outputs": """
x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
f = made(lambda ctx, x, w: (ctx.save_for_backward(x, w), x * w, x + w)[1:],
         lambda ctx, g, h: (g * ctx.saved_tensors[1] + h, g * ctx.saved_tensors[0] + h))
a, b = f.apply(x, w); (a * b).sum().backward(); r = a, b, a.output_nr, b.output_nr, a.grad_fn is b.grad_fn, x.grad, w.grad
""",
    "an unused output": """
x = leaf([1.0, 2.0]); f = made(lambda ctx, x: (x * 2, x * 3), lambda ctx, *g: (log.append(g), g[1])[1])
y, z = f.apply(x); z.sum().backward(); r = x.grad
""",
    "an unused output, differentiated twice": """
x = leaf([1.0, 2.0])
f = made(lambda ctx, x: (ctx.save_for_backward(x), x * 2, x * x)[1:], lambda ctx, g, h: g * 2 + h * 2 * ctx.saved_tensors[0])
g, = torch.autograd.grad(f.apply(x)[1].sum(), x, create_graph=True); g.sum().backward(); r = g, x.grad
""",
    "not materialized": """
def forward(ctx, x):
    ctx.set_materialize_grads(False)
    return x * 2, x * 3
x = leaf([1.0, 2.0]); f = made(forward, lambda ctx, *g: (log.append(g), g[1])[1])
y, z = f.apply(x); z.sum().backward(); log.append(x.grad)
y, z = f.apply(x); r = torch.autograd.grad(z.sum(), x, create_graph=True)
""",
    "not differentiable": """
def forward(ctx, x):
    places, three = x > 1, x * 3
    ctx.mark_non_differentiable(three)
    return x * 2, three, (x * 10).long()
x = leaf([1.0, 2.0]); outputs = made(forward, lambda ctx, *g: (log.append(g), g[0])[1]).apply(x)
outputs[0].sum().backward(); r = outputs, x.grad
""",
    "outputs that are no tensors": """
x = leaf(1.0); f = made(lambda ctx, x: (x * 2, 5, None, x * 3), lambda ctx, *g: (log.append(g), g[0])[1])
a, five, none, b = f.apply(x); (a + b).backward(); r = a, five, none, b, a.output_nr, b.output_nr, x.grad
""",
    "a tuple of one": """
x = leaf(1.0); y = made(lambda ctx, x: (x * 2,), lambda ctx, *g: (log.append(g), g[0])[1]).apply(x)
y[0].backward(); r = y, x.grad
""",
    "a list is no tuple of outputs": "r = made(lambda ctx, x: [x * 2]).apply(leaf(1.0))",
    "no tensor at all": "r = made(lambda ctx, x: None).apply(leaf(1.0)), made(lambda ctx, n: torch.ones(n)).apply(2)",
    "an input returned": """
x = leaf([1.0]); y = made(lambda ctx, x: x, lambda ctx, g: g * 7).apply(x)
y.backward(); r = y is x, y, y._is_view(), x.grad
""",
    "an input returned, without a graph": """
x = leaf([1.0], False); y = made(lambda ctx, x: x).apply(x); r = y is x, y._is_view()
""",
    "an input marked as not differentiable": """
r = made(lambda ctx, x: (ctx.mark_non_differentiable(x), x)[1]).apply(leaf(1.0))
""",
    "in place": """
x = leaf([1.0, 2.0]); a = x.clone(); b = Double.apply(a)
log.append((b is a, b, b._version)); (b * b).sum().backward(); r = x.grad
""",
    "in place, on a constant": """
def forward(ctx, w, x):
    w.add_(x); ctx.mark_dirty(w); return w
x = leaf([1.0, 2.0]); w = torch.zeros(2); y = made(forward, lambda ctx, g: (g, g * 3)).apply(w, x)
(w * 2).sum().backward(); r = y is w, w.requires_grad, w.is_leaf, x.grad
""",
    "in place, of what was saved before": """
x = leaf([1.0, 2.0]); a = x * 2; y = a * a; Double.apply(a); y.sum().backward()
""",
    "in place, on a leaf": "Double.apply(leaf([1.0, 2.0]))",
    "in place, not returned": """
made(lambda ctx, x: (ctx.mark_dirty(x), x * 2)[1]).apply(leaf([1.0]).clone())
""",
    "in place, no input": """
def forward(ctx, x):
    y = x * 2; ctx.mark_dirty(y); return y
r = made(forward).apply(leaf([1.0]))
""",
    "a saved input is changed": """
x = leaf([1.0, 2.0]).clone(); y = Square.apply(x); x.add_(1); y.sum().backward()
""",
    "a saved output is changed": """
y = Exp.apply(leaf([1.0, 2.0])); y.add_(1); y.sum().backward()
""",
    "nothing saved for an argument": """
def forward(ctx, x):
    ctx.save_for_backward(x, None); return x * 2
made(forward, lambda ctx, g: (log.append(ctx.saved_tensors), g)[1]).apply(leaf([1.0])).sum().backward(); r = 0
""",
    "saving a number": "made(lambda ctx, x: (ctx.save_for_backward(x, 3), x * 2)[1]).apply(leaf([1.0]))",
    "the gradient is summed": """
x = leaf([1.0, 2.0]); made(lambda ctx, x: x * 2, lambda ctx, g: torch.ones(5, 2)).apply(x).sum().backward(); r = x.grad
""",
    "the gradient's dtype": """
x = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
made(lambda ctx, x: x * 2, lambda ctx, g: g.float()).apply(x).sum().backward(); r = x.grad
""",
    "no gradient": """
x = leaf([1.0]); f = made(lambda ctx, x: x * 2, lambda ctx, g: None)
f.apply(x).sum().backward(); r = x.grad, torch.autograd.grad(f.apply(x), x, allow_unused=True)
""",
    "the node's hooks": """
x = leaf([1.0, 2.0]); y = Square.apply(x); y.grad_fn.register_hook(lambda into, out: log.append((into, out)))
y.register_hook(lambda g: g * 10); y.sum().backward(); r = x.grad
""",
    "a list of tensors is not looked into": "r = made(lambda ctx, xs: xs[0] * 2).apply([leaf(1.0)])",
    "vjp for backward": """
x = leaf(1.0); made(lambda ctx, x: x * 2, vjp=lambda ctx, g: g * 2).apply(x).backward(); r = x.grad
""",
    "vjp and backward": "made(lambda ctx, x: x * 2, lambda ctx, g: g, vjp=lambda ctx, g: g).apply(leaf(1.0)).backward()",
    "too few gradients": "made(lambda ctx, a, b: a * b, lambda ctx, g: g).apply(leaf(1.0), leaf(2.0)).backward()",
    "too many gradients": "made(lambda ctx, a: a * 2, lambda ctx, g: (g, g)).apply(leaf(1.0)).backward()",
    "too many, but of nothing": """
x = leaf(1.0); made(lambda ctx, a: a * 2, lambda ctx, g: (g, None, None)).apply(x).backward(); r = x.grad
""",
    "a gradient of another shape": """
made(lambda ctx, x: x * 2, lambda ctx, g: g.sum().reshape(1)).apply(leaf([1.0, 2.0])).sum().backward()
""",
    "a number for a gradient": "made(lambda ctx, x: x * 2, lambda ctx, g: 3.0).apply(leaf(1.0)).backward()",
    "a gradient for a number": "made(lambda ctx, x, n: x * n, lambda ctx, g: (g, g)).apply(leaf(1.0), 2).backward()",
    "no backward": "made(lambda ctx, x: x * 2).apply(leaf(1.0)).backward()",
    "no forward": "Function.apply(leaf(1.0))",
    "a missing argument": "Power.apply()",
    "an instance": "Square()(leaf(1.0))",
    "once_differentiable": """
once = torch.autograd.function.once_differentiable(lambda ctx, g: 2 * ctx.saved_tensors[0] * g)
f = made(lambda ctx, x: (ctx.save_for_backward(x), x * x)[1], once)
x = leaf(3.0); f.apply(x).backward(); log.append(x.grad)
g, = torch.autograd.grad(f.apply(x) * x, x, create_graph=True); log.append(g); g.backward()
""",
    "anomaly mode": """
with torch.autograd.detect_anomaly():
    made(lambda ctx, x: x * 2, lambda ctx, g: g * float("nan")).apply(leaf(1.0)).backward()
""",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    mine, theirs = (outcome(library, FUNCTIONS + SNIPPETS[name]) for library in (gv, torch))
    if name == "anomaly mode":  # its second warning quotes a traceback, which is the machine's own
        mine[2][1:], theirs[2][1:] = ([text.splitlines()[0] for text in told[1:]] for told in (mine[2], theirs[2]))
    assert mine == theirs


def test_ctx_without_an_attribute():
    with pytest.raises(AttributeError, match="no attribute 'power'"):
        outcome_of("made(lambda ctx, x: x * ctx.power).apply(leaf(1.0))")


def outcome_of(code):
    space = {"torch": gv, "Function": gv.autograd.Function, "log": []}
    exec(FUNCTIONS + code, space)
    return space.get("r")


def test_in_place_on_a_view_is_refused_by_name():
    with pytest.raises(NotImplementedError, match="gradviz has no mark_dirty"):
        outcome_of("Double.apply(leaf([1.0, 2.0]).clone()[:1])")


def test_a_returned_view_cannot_be_changed_in_place():
    """PyTorch has words of its own for this; what matters is that no wrong gradient comes of it."""
    with pytest.raises(RuntimeError, match="view"):
        outcome_of("made(lambda ctx, x: x, lambda ctx, g: g).apply(leaf([1.0]).clone()).add_(1)")


def test_a_ufunc_of_numpy_inside():
    """The usual reason for a function of one's own: a computation that is not recorded."""

    class Arctan(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return gv.from_numpy(np.arctan(x.detach().numpy()))

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g / (1 + x * x)

    x = gv.tensor([0.5, -2.0], dtype=gv.float64, requires_grad=True)
    assert gv.autograd.gradcheck(Arctan.apply, x)
    assert gv.autograd.gradgradcheck(Arctan.apply, x)


def test_a_graph_is_freed_by_reference_counts_alone():
    class Both(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            product = x * y
            x.add_(1)
            ctx.mark_dirty(x)
            ctx.save_for_backward(x, y, product)
            ctx.note = "kept"
            return product, x

        @staticmethod
        def backward(ctx, g, h):
            return g, h

    gc.disable()
    try:
        leaf = gv.ones(3, requires_grad=True)
        outputs = Both.apply(leaf * 2, leaf * 3)
        node = weakref.ref(outputs[0].grad_fn)
        del outputs
        assert node() is None
    finally:
        gc.enable()


def test_a_long_chain():
    class Next(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1

        @staticmethod
        def backward(ctx, g):
            return g

    x = y = gv.tensor(0.0, requires_grad=True)
    for _ in range(3000):
        y = Next.apply(y)
    y.backward()
    assert y.item() == 3000
    assert x.grad.item() == 1


class Cube(gv.autograd.Function):
    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return 3 * ctx.saved_tensors[0] ** 2 * g, None


class Parts(gv.autograd.Function):
    @staticmethod
    def forward(ctx, *xs):
        return xs[0] * 2, xs[1] * 3, "word"

    @staticmethod
    def backward(ctx, g, h, _):
        return 2 * g, 3 * h


@pytest.mark.parametrize("after_backward", [False, True])
def test_it_is_drawn(after_backward):
    x = gv.tensor(2.0, requires_grad=True)
    w = gv.tensor([1.0, 5.0], requires_grad=True)
    cube = Cube.apply(x, 3)
    a, _, _ = Parts.apply(w * cube, w)
    loss = a.sum()
    if after_backward:
        loss.backward()
    recording = gv.draw(loss).recording
    by_name = {operation.name: operation for operation in recording.graph.operations}
    assert by_name["Cube"].symbol == "Cube"
    assert by_name["Cube"].grad_fn == "CubeBackward"
    assert [argument.slot for argument in by_name["Cube"].inputs] == ["x"]
    assert by_name["Cube"].attributes == (("power", "3"),)
    assert [argument.slot for argument in by_name["Parts"].inputs] == ["xs0", "xs1"]
    assert "Cube is a function of your own" in by_name["Cube"].sentence
    assert ">Cube<" in gv.draw(loss).to_svg()


def test_it_is_stepped_through():
    x = gv.tensor(2.0, requires_grad=True)
    y = Cube.apply(x, 3)
    frames = record_graph(y, backward=True, names={"x": x, "y": y}).frames
    assert any("y = Cube(x, 3) = Cube(2, 3) = 8" in line.text for frame in frames for line in frame.equation)
    assert any("∂y/∂x = Cube′(∂y/∂y) = Cube′(1) = 12" in line.text for frame in frames for line in frame.equation)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["square", "exp", "double", "mul", "sum", "power"]), min_size=1, max_size=6),
    st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=3),
)
def test_programs_of_custom_and_other_operations(torch, steps, numbers):
    code = FUNCTIONS + (
        "x = torch.tensor(numbers, dtype=torch.float64, requires_grad=True); y = x * 1\n"
        + "\n".join(
            {
                "square": "y = Square.apply(y)",
                "exp": "y = Exp.apply(torch.tanh(y))",
                "double": "y = Double.apply(y.clone())",
                "mul": "y = y * x",
                "sum": "y = y + y.sum()",
                "power": "y = Power.apply(torch.tanh(y), 3)",
            }[step]
            for step in steps
        )
        + "\ng, = torch.autograd.grad(y.sum(), x, create_graph=True)\n"
        + "h = torch.autograd.grad(g.sum(), x, allow_unused=True)[0] if g.requires_grad else None\n"
        + "r = [t if t is None else t.detach().numpy() for t in (y, g, h)]"
    )
    answers = []
    for library in (gv, torch):
        space = {"torch": library, "Function": library.autograd.Function, "log": [], "numbers": numbers}
        exec(code, space)
        answers.append(space["r"])
    for mine, theirs in zip(*answers, strict=True):
        if mine is None or theirs is None:
            assert not np.any(mine if theirs is None else theirs)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)
