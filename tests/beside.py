"""Run the same code in PyTorch and in gradviz, side by side."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import numpy as np

import gradviz as gv


def in_pytorchs_words(error):
    """Return what an error says, without the paragraph that gradviz adds."""
    return str(error).partition("\n\n")[0]


@contextmanager
def all_warnings(library):
    """Hear each warning, and not once in a process: another test may have had that one."""
    always = library.is_warn_always_enabled()
    library.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        library.set_warn_always(always)


def outcome(library, code):
    """Run a snippet that leaves its answer in `r`; return it in print, or the error; and the warnings."""
    space = {"torch": library, "nn": library.nn, "F": library.nn.functional, "np": np, "log": []}
    with all_warnings(library) as caught:
        try:
            exec(code, space)
            answer = str(space["r"])
        except Exception as error:
            answer = f"{type(error).__name__}: {in_pytorchs_words(error)}"
    told = [str(warning.message).splitlines()[0] for warning in caught if warning.category is UserWarning]
    return answer, told


def tensors_in(result, kind):
    if isinstance(result, kind):
        return [result]
    if isinstance(result, list | tuple):
        return [tensor for item in result for tensor in tensors_in(item, kind)]
    return []


def derivatives(library, function, arrays, second):
    """Return values, first and second derivatives of a function of tensors (those of floating point are inputs)."""
    inputs = [library.tensor(array) for array in arrays]
    wanted = [tensor.requires_grad_() for tensor in inputs if tensor.is_floating_point()]
    random = np.random.default_rng(1)

    def total(tensors):
        seeds = [library.tensor(np.asarray(random.standard_normal(tuple(x.shape)))).to(x.dtype) for x in tensors]
        return sum((x * seed).sum() for x, seed in zip(tensors, seeds, strict=True))

    results = tensors_in(function(library, *inputs), library.Tensor)
    found = [[x.detach().numpy() for x in results]]
    tensors = [x for x in results if x.requires_grad]
    for order in range(1 + second):
        if not tensors:
            break
        gradients = library.autograd.grad(total(tensors), wanted, create_graph=order < second, allow_unused=True)
        plain = [np.zeros(tuple(x.shape)) if g is None else g.detach() for x, g in zip(wanted, gradients, strict=True)]
        found.append([g if isinstance(g, np.ndarray) else np.asarray(g.numpy()) for g in plain])
        tensors = [g for g in gradients if g is not None and g.requires_grad]
    return found


def assert_same(torch, function, *arrays, second=True, rtol=1e-8, atol=1e-9):
    """Compare values, gradients and second derivatives of ``function(library, *tensors)``."""
    theirs = derivatives(torch, function, arrays, second)
    mine = derivatives(gv, function, arrays, second)
    while len(mine) < len(theirs):  # gradients that depend on nothing have no derivatives
        mine.append([np.zeros_like(array) for array in theirs[len(mine)]])
    while len(theirs) < len(mine):
        theirs.append([np.zeros_like(array) for array in mine[len(theirs)]])
    for order, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        for place, (x, y) in enumerate(zip(a, b, strict=True)):
            assert x.shape == y.shape, f"order {order}, place {place}: {x.shape} in place of {y.shape}"
            np.testing.assert_allclose(x, y, rtol=rtol, atol=atol, err_msg=f"order {order}, place {place}")


def trained(library, make, arrays, training=True, steps=2):
    """Make a module from a seed and run it a few times; return its print, its state, its results and gradients."""
    library.manual_seed(0)
    module = make(library)
    module.train(training)
    numbers = []
    for _ in range(steps):
        inputs = [library.tensor(array) for array in arrays]
        wanted = [tensor.requires_grad_() for tensor in inputs if tensor.is_floating_point()]
        results = tensors_in(module(*inputs), library.Tensor)
        numbers += [x.detach().numpy() for x in results]
        sum((x * x).sum() for x in results if x.requires_grad).backward()
        numbers += [x.grad.numpy() for x in wanted if x.grad is not None]
    numbers += [p.grad.numpy() for p in module.parameters() if p.grad is not None]
    state = {name: (str(tensor.dtype), tensor.numpy()) for name, tensor in module.state_dict().items()}
    return repr(module), state, numbers


def assert_same_module(torch, make, *arrays, training=True):
    """Compare a module that ``make(library)`` returns: its print, the digits of its parameters, what it computes."""
    shown, state, numbers = trained(gv, make, arrays, training)
    their_shown, their_state, their_numbers = trained(torch, make, arrays, training)
    assert shown == their_shown
    assert list(state) == list(their_state)
    for name, (dtype, array) in state.items():
        assert dtype == their_state[name][0]
        np.testing.assert_allclose(array, their_state[name][1], rtol=1e-5, atol=1e-6, err_msg=name)
    assert len(numbers) == len(their_numbers)
    for place, (x, y) in enumerate(zip(numbers, their_numbers, strict=True)):
        assert x.dtype == y.dtype
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=5e-5, err_msg=str(place))
