"""``autograd.grad`` of a batch of gradients, and tensors that share memory with arrays: as in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from beside import outcome

import gradviz as gv

BATCHED = {
    "a Jacobian": "x**2, x, torch.eye(3)",
    "two outputs": "(x**2, x.sum()), x, (torch.eye(3), torch.ones(3))",
    "two inputs": "x*w, (x, w), torch.eye(3)",
    "one that is not used": "x**2, (x, w), torch.eye(3), allow_unused=True",
    "zeros for it": "x**2, (x, w), torch.eye(3), materialize_grads=True",
    "one that is not used and should be": "x**2, (x, w), torch.eye(3)",
    "a batch of one": "x.sum(), x, torch.ones(1)",
    "no gradients": "x**2, x",
    "no batch": "x**2, x, torch.ones(3)",
    "another shape": "x**2, x, torch.ones(2, 4)",
    "two sizes": "(x**2, x.sum()), x, (torch.eye(3), torch.ones(2))",
    "none at all": "x**2, x, torch.ones(0, 3)",
}


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_of_gradients(torch, name):
    program = (
        "x = torch.arange(3., requires_grad=True); w = torch.ones(3, requires_grad=True)\n"
        f"r = torch.autograd.grad({BATCHED[name]}, is_grads_batched=True)"
    )
    assert outcome(gv, program) == outcome(torch, program)


def test_it_is_differentiable_and_frees_the_graph():
    x = gv.arange(3.0).requires_grad_()
    y = x**3
    (jacobian,) = gv.autograd.grad(y, x, gv.eye(3), is_grads_batched=True, create_graph=True)
    jacobian.sum().backward()
    assert x.grad.tolist() == [0, 6, 12]
    z = x**3
    gv.autograd.grad(z, x, gv.eye(3), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="second time"):
        z.sum().backward()


@pytest.mark.parametrize("make", ["from_numpy", "as_tensor", "asarray", "tensor"])
@pytest.mark.parametrize(
    "array", ["a[::-1]", "a.reshape(2, 3)[:, ::-1]", "a[::2]", "a.reshape(2, 3).T", "a[:0]", "a[3:4][::-1]"]
)
def test_arrays_that_are_read_another_way(torch, make, array):
    program = f"a = np.arange(6.); r = torch.{make}({array})"
    assert outcome(gv, program) == outcome(torch, program)


@pytest.mark.parametrize("change", ["t.add_(1)", "t[0] = 1", "t.zero_()", "t.copy_(gv.zeros(3))", "t[1:].mul_(2)"])
def test_an_array_that_is_not_writable_stays_as_it_is(change):
    """PyTorch writes to it; NumPy has promised somebody that nobody does."""
    from gradviz.engine import creation

    creation.data._not_writable.cache_clear()
    array = np.arange(3.0)
    array.flags.writeable = False
    with pytest.warns(
        UserWarning, match="The given NumPy array is not writable, and PyTorch does not support non-writable"
    ):
        t = gv.from_numpy(array)
    with pytest.raises(RuntimeError, match=r"not writable, so it cannot be changed in place"):
        exec(change, {"t": t, "gv": gv})
    assert array.tolist() == [0, 1, 2]
    assert (t * 2).tolist() == [0, 2, 4]


CHANGED = [
    "logsumexp(x, 0)",
    "logsumexp(x, 1)",
    "logsumexp(x, (0, 1))",
    "logsumexp(x, 1, keepdim=True)",
    "norm(x)",
    "prod(x)",
    "amax(x, 1)",
    "std(x, 1)",
]


@pytest.mark.parametrize("call", CHANGED)
def test_the_shape_of_a_result_that_was_changed(torch, call):
    program = f"x = torch.ones(2, 3, requires_grad=True); y = torch.{call}; y.add_(1); y.sum().backward(); r = x.grad"
    assert outcome(gv, program) == outcome(torch, program)
