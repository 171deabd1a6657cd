"""Hooks, modes, anomalies and messages: the same snippets run in PyTorch and here."""

from __future__ import annotations

import numpy as np
import pytest
from beside import all_warnings

import gradviz as gv


def outcome(library, code):
    """Run a snippet that leaves its answer in `r`; return it in print, or the error's type and first paragraph."""
    space = {"torch": library, "np": np, "log": []}
    with all_warnings(library) as caught:
        try:
            exec(code, space)
            answer = repr(space["r"])
        except Exception as error:
            answer = f"{type(error).__name__}: {str(error).split(chr(10) * 2)[0].splitlines()[0]}"
    told = [str(warning.message).splitlines()[0] for warning in caught if warning.category is UserWarning]
    return answer, [text.split(" (Triggered")[0] for text in told]


SNIPPETS = {
    "the order of all hooks": """
x = torch.tensor(3.0, requires_grad=True); w = torch.tensor(2.0, requires_grad=True)
y = x * w; z = y * y
y.grad_fn.register_hook(lambda into, out: log.append(("after", into, out)))
y.grad_fn.register_prehook(lambda out: log.append(("before", out)) or (out[0] * 10,))
y.retain_grad()
y.register_hook(lambda g: log.append(("tensor", g)) or g * 2)
leaf = y.grad_fn.next_functions[0][0]
leaf.register_hook(lambda into, out: log.append(("leaf after", into, out)))
leaf.register_prehook(lambda out: log.append(("leaf before", out)))
x.register_post_accumulate_grad_hook(lambda p: log.append(("accumulated", p.grad)))
x.register_hook(lambda g: log.append(("leaf tensor", g)))
z.backward()
r = log, y.grad, x.grad, w.grad
""",
    "a node's hook replaces": """
x = torch.tensor([1.0, 2.0], requires_grad=True); y = x * 3
y.grad_fn.register_hook(lambda into, out: (into[0] * 5, None))
y.sum().backward(); r = x.grad
""",
    "a hook is taken away": """
x = torch.tensor(1.0, requires_grad=True); y = x * 2
h = y.register_hook(lambda g: g * 100); h.remove(); h.remove()
with y.grad_fn.register_prehook(lambda g: (g[0] * 100,)): pass
y.backward(); r = x.grad
""",
    "hooks and create_graph": """
x = torch.tensor(3.0, requires_grad=True); y = x * x
y.register_hook(lambda g: g * 2)
g, = torch.autograd.grad(y * y, x, create_graph=True); g2, = torch.autograd.grad(g, x); r = g, g2
""",
    "post-accumulate on a result": "x = torch.ones(2, requires_grad=True) * 2; x.register_post_accumulate_grad_hook(print)",
    "too many from a node's hook": """
x = torch.tensor(1.0, requires_grad=True); y = x * 2
y.grad_fn.register_hook(lambda into, out: (1, 2, 3)); y.backward()
""",
    "not a tuple from a prehook": """
x = torch.tensor(1.0, requires_grad=True); y = x * 2
y.grad_fn.register_prehook(lambda out: 3); y.backward()
""",
    "a hook changes the size": """
x = torch.ones(3, requires_grad=True); x.register_hook(lambda g: g[:1]); x.sum().backward()
""",
    "a hook returns a number": "x = torch.ones(3, requires_grad=True); x.register_hook(lambda g: 1); x.sum().backward()",
    "inference mode": """
x = torch.ones(2, requires_grad=True)
with torch.inference_mode():
    y = x * 2; inside = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
r = y, y.requires_grad, y.is_inference(), inside, torch.is_inference_mode_enabled()
""",
    "inference tensors cannot be saved": """
with torch.inference_mode(): y = torch.ones(2) * 2
r = torch.ones(2, requires_grad=True) * y
""",
    "inference tensors cannot be changed": "\nwith torch.inference_mode(): y = torch.ones(2) * 2\ny.add_(1)",
    "inference tensors cannot require grad": "\nwith torch.inference_mode(): y = torch.ones(2)\ny.requires_grad_()",
    "inference mode off": """
x = torch.ones(2, requires_grad=True)
with torch.inference_mode():
    with torch.inference_mode(False): y = x * 2
r = y
""",
    "inference mode as a decorator": """
@torch.inference_mode()
def f(x): return x * 2
r = f(torch.ones(2, requires_grad=True)).requires_grad, torch.is_inference_mode_enabled()
""",
    "anomaly": """
with torch.autograd.set_detect_anomaly(True):
    x = torch.tensor([-1.0], requires_grad=True)
    (x.sqrt() * 0).sum().backward()
""",
    "anomaly without nan": """
with torch.autograd.set_detect_anomaly(True, check_nan=False):
    x = torch.tensor([-1.0], requires_grad=True)
    (x.sqrt() * 0).sum().backward()
    r = x.grad, torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
""",
    "anomaly announced": "\nwith torch.autograd.detect_anomaly(): r = torch.is_anomaly_enabled()",
    "anomaly over": "\nwith torch.autograd.set_detect_anomaly(True): pass\nr = torch.is_anomaly_enabled()",
    "a shape too many": "x = torch.ones(2, 3, requires_grad=True); (x * 2).backward()",
    "no graph": "torch.ones(2).sum().backward()",
    "second time": "x = torch.ones(2, requires_grad=True); y = (x * x).sum(); y.backward(); y.backward()",
    "a freed tensor": "x = torch.ones(2, requires_grad=True); y = x * x; y.sum().backward(); y.grad_fn._saved_self",
    "saved and shown": """
x = torch.ones(2, requires_grad=True); y = torch.exp(x)
r = y.grad_fn._saved_result is not None, (x ** 3).grad_fn._saved_exponent, x.sum(0, True).grad_fn._saved_keepdim
""",
    "sizes": "r = tuple(torch.ones(2, 3, requires_grad=True).sum().grad_fn._saved_self_sym_sizes)",
    "metadata": "y = torch.ones(2, requires_grad=True) * 2; y.grad_fn.metadata['a'] = 1; r = y.grad_fn.metadata",
    "leaf in place": "w = torch.ones(2, requires_grad=True); w -= 1",
    "not tensors": "torch.autograd.backward(torch.ones(1, requires_grad=True) * 2, 3.0)",
    "T of three": "r = torch.ones(2, 3, 4).T.shape",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_answers_as_pytorch(torch, name):
    theirs, ours = outcome(torch, SNIPPETS[name]), outcome(gv, SNIPPETS[name])
    assert ours == theirs


def paragraph(code):
    """The second paragraph of an error: what we add."""
    with pytest.raises(RuntimeError) as caught:
        exec(compile(code, "<lesson>", "exec"), {"torch": gv})
    first, _, second = str(caught.value).partition("\n\n")
    assert first
    return second


def test_a_second_backward_says_which_line_and_what_to_do():
    import linecache

    code = "w = torch.tensor(2.0, requires_grad=True)\nloss = w * w\nloss.backward()\nloss.backward()\n"
    linecache.cache["<lesson>"] = (len(code), None, code.splitlines(True), "<lesson>")
    words = paragraph(code)
    assert "`loss = w * w` (line 2)" in words
    assert "retain_graph=True" in words


def test_a_vector_says_its_name_and_shape():
    words = paragraph("errors = torch.ones(3, requires_grad=True) * 2\nerrors.backward()")
    assert "`errors` has shape [3]" in words
    assert "errors.sum().backward()" in words


def test_nothing_to_differentiate_says_how_to_begin():
    assert "`y` has no graph" in paragraph("y = torch.ones(3).sum()\ny.backward()")


def test_updating_a_parameter_says_no_grad():
    words = paragraph("w = torch.ones(3, requires_grad=True)\nw -= 0.1")
    assert "`w` is a leaf" in words
    assert "with torch.no_grad():" in words


def test_a_change_in_place_says_both_lines():
    import linecache

    code = "x = torch.ones(3, requires_grad=True)\ny = x.exp()\nz = y * y\ny += 1\nz.sum().backward()\n"
    linecache.cache["<lesson>"] = (len(code), None, code.splitlines(True), "<lesson>")
    words = paragraph(code)
    assert "`z = y * y` (line 3)" in words
    assert "`y += 1` (line 4)" in words


def test_anomaly_mode_names_the_forward_line():
    with gv.autograd.set_detect_anomaly(True):
        x = gv.tensor([-1.0], requires_grad=True)
        y = x.sqrt() * 0
        with (
            pytest.warns(UserWarning, match=r"(?s)SqrtBackward0.*test_semantics\.py.*y = x\.sqrt\(\) \* 0"),
            pytest.raises(RuntimeError, match="returned nan values in its 0th output"),
        ):
            y.sum().backward()


def test_an_error_in_the_middle_leaves_the_modes_as_they_were():
    x = gv.ones(2, requires_grad=True)
    y = x * 2

    def fail(gradient):
        raise ValueError("no")

    y.register_hook(fail)
    with pytest.raises(ValueError, match="no"):
        y.sum().backward()
    assert gv.is_grad_enabled()
    assert (x * 2).requires_grad


def test_a_hook_may_run_a_backward_pass_of_its_own():
    x = gv.tensor(3.0, requires_grad=True)
    seen = []

    def inner(gradient):
        z = gv.tensor(2.0, requires_grad=True)
        with gv.enable_grad():
            (z * z).backward()
        seen.append(z.grad.item())

    y = x * 2
    y.register_hook(inner)
    y.backward()
    assert seen == [4.0]
    assert x.grad.item() == 2.0


# --- words for what there is not, and for what cannot be ----------------------------------------------------------------

REFUSED = [
    "torch.tensor([True]) - torch.tensor([True])",
    "torch.tensor([True]) - True",
    "torch.ones(1) - torch.tensor([True])",
    "1 - torch.tensor([True])",
    "torch.rsub(torch.tensor([True]), torch.tensor([False]))",
    "torch.ones(2, 2).sum((0, -2))",
    "torch.ones(2, 2).mean((1, 1))",
    "torch.ones(2, 2).amax((0, 0))",
    "torch.ones(1).expand(3).add_(1)",
    "torch.ones(3, 1).expand(3, 2).mul_(2)",
    "torch.ones(3, 1).expand(3, 2).__setitem__(0, 1)",
]


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_is_refused_in_pytorchs_words(torch, code):
    said = []
    for t in (gv, torch):
        with pytest.raises(RuntimeError) as error:
            eval(code, {"torch": t})
        said.append(str(error.value).splitlines()[0])
    assert said[0] == said[1]


@pytest.mark.parametrize("divisor", ["3", "-3", "3.0", "torch.tensor(3.0)", "torch.tensor([-3.0])"])
def test_a_remainder_has_pytorchs_sign_even_if_it_is_zero(torch, divisor):
    ours, theirs = (
        eval(f"torch.tensor([-6.0, 6.0, -0.0, 0.0, 7.0, -7.5]) % {divisor}", {"torch": t}) for t in (gv, torch)
    )
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["elu", "leaky_relu", "selu", "celu", "rrelu", "relu", "hardtanh", "silu", "mish"])
def test_activations_in_place_have_pytorchs_nodes(torch, name):
    seen = []
    for t in (gv, torch):
        x = t.tensor([-1.0, 2.0], requires_grad=True)
        y = getattr(t.nn.functional, name)(x * 1, inplace=True)
        y.sum().backward()
        seen.append((y.grad_fn.name(), repr(x.grad)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("torch.fft", "gradviz has no fft: Fourier transforms need complex numbers"),
        ("torch.nn.functional.grid_samples", "gradviz has no nn.functional.grid_samples. Did you mean grid_sample"),
        ("torch.nn.functional.sofmax", "Did you mean softmax"),
        ("torch.nn.Liner", "gradviz has no nn.Liner. Did you mean Linear"),
        ("torch.optim.Muon", "gradviz has no optim.Muon; there are: ASGD"),
    ],
)
def test_a_name_that_is_not_there_is_said_with_what_comes_close(code, text):
    with pytest.raises(AttributeError) as error:
        eval(code, {"torch": gv})
    assert text in str(error.value)
    assert len(str(error.value)) < 400
