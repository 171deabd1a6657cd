"""Every formula that the table of operations prints is true: worked out, it is what the operation computes.

The forward of each row, and what it sends to each argument, are compared in shape and value with what the row says of
them, on the examples of `tests/test_rows.py` and on more shapes of arguments. A word that stands for an operation's own way
back (``put(g)``) is worked out by measuring slopes, and not by the row's formula.
"""

from __future__ import annotations

import ast
import warnings

import numpy as np
import pytest
from test_rows import EXAMPLES, ON_DEMAND, examples_of, function_of

import gradviz as gv
from gradviz.engine.evaluating import FUNCTIONS, contribution, expression
from gradviz.engine.notation import is_factor
from gradviz.engine.operation import TABLE


BY_CONVENTION = {
    "CholeskyBackward0": "its matrix is symmetric: both halves share what the one that is read would get",
    "LinalgCholeskyExBackward0": "its matrix is symmetric: both halves share what the one that is read would get",
    "LinalgEighBackward0": "its matrix is symmetric: both halves share what the one that is read would get",
    "CholeskyInverseBackward0": "PyTorch's formula also fills the half of the factor that is not read",
    "CholeskySolveBackward0": "PyTorch's formula also fills the half of the factor that is not read",
    "LinalgSvdBackward0": "the vectors beyond the rank, and the signs of all, are free",
    "CtcLossBackward0": "it takes its argument to come from a log-softmax, as PyTorch does",
    "_DirichletBackward": "a draw moves with its distribution, which no second draw shows: test_rows looks at their mean",
}
"""Rows whose own way back is not the slope that can be measured, and why. Their word is held to the shape alone."""

UNKNOWN = {
    ("SpecialZetaBackward0", "self"): "PyTorch knows no derivative either: a gradient that comes here is an error",
    ("IgammaBackward0", "self"): "PyTorch knows no derivative either: a gradient that comes here is an error",
}
"""Arguments of which nothing is ever printed, and why."""


def nodes_of(result):
    """All nodes behind a result."""
    waiting = [part.grad_fn for part in (result if isinstance(result, tuple | list) else (result,))]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen and hasattr(node, "values"):
            seen.add(node)
            yield node
            waiting.extend(before for before, _ in node.next_functions)


def nodes_in(code, name):
    """The nodes of one kind in an example, and in its gradient's."""
    function, tensors = function_of(code)
    found = function(*tensors)
    nodes = list(nodes_of(found))
    if not any(type(node).__name__ == name for node in nodes):
        results = [part for part in (found if isinstance(found, tuple) else (found,)) if part.requires_grad]
        starts = [gv.ones_like(part).requires_grad_() for part in results]
        gradients = gv.autograd.grad(results, tensors, starts, create_graph=True, allow_unused=True)
        nodes = list(nodes_of([part for part in gradients if part is not None]))
    return [node for node in nodes if type(node).__name__ == name]


def slopes_of(row, values, slot):
    """The derivative of a row's result with respect to an argument, measured: (result entries, argument entries)."""
    given = {name: values[name] for name in (*row.inputs, *row.settings)}
    start = np.array(given[slot], float)

    def at(entries):
        found = row.forward(*(given | {slot: entries}).values())
        if row.reduction:
            return np.ravel(found)
        return np.concatenate([np.ravel(part) for part in found]) if row.many else np.ravel(first_of(row, found))

    columns = []
    for place in np.ndindex(start.shape):
        step = 1e-6
        up, down = start.copy(), start.copy()
        up[place] += step
        down[place] -= step
        columns.append((at(up) - at(down)) / (2 * step))
    return np.stack(columns, -1) if columns else np.zeros((np.size(at(start)), 0))


def first_of(row, found):
    return found[0] if len(row.outputs) > 1 else found


def check(node):
    """Compare what a node did with what its row says, for each argument."""
    row = node.operation
    values = dict(zip(row.fields, node.values, strict=True))
    given = {name: values[name] for name in (*row.inputs, *row.settings)}
    results = [values[name] for name in row.outputs]
    with np.errstate(all="ignore"):
        said = expression(row, given)
    said = said if isinstance(said, tuple) else (said,)
    if row.reduction:
        assert np.shape(said[0]) == node.output_shape, f"{row.expression}: {np.shape(said[0])}, not {node.output_shape}"
        said = [np.reshape(said[0], np.shape(results[0]))]
    for one, computed in zip(said, results, strict=False):
        assert np.shape(one) == np.shape(computed), f"{row.expression}: {np.shape(one)}, not {np.shape(computed)}"
        close = 1e-6 if np.asarray(computed).dtype == np.float32 else 1e-10
        np.testing.assert_allclose(one, computed, rtol=close, atol=close, err_msg=row.expression, equal_nan=True)
    random = np.random.default_rng(3)
    grads = tuple(random.uniform(0.5, 1.5, np.shape(one)).astype(np.asarray(one).dtype) for one in results)
    grad = grads if row.many else grads[0]
    for place, slot in enumerate(row.inputs):
        if row.rules[place] is None or values[slot] is None or not isinstance(node.inputs[place], gv.Tensor):
            continue
        if (row.grad_fn, slot) in UNKNOWN:
            with pytest.raises(NotImplementedError):
                row.rules[place](grad, node.values)
            continue
        shape = np.shape(values[slot])
        sent = row.rules[place](grad, node.values)
        sent = np.zeros(shape) if sent is None else np.asarray(sent)
        sent = unbroadcast(np.broadcast_to(sent, np.broadcast_shapes(sent.shape, shape)), shape)

        def measured(_, slot=slot):
            slopes = slopes_of(row, values, slot)
            return np.reshape(np.concatenate([np.ravel(one) for one in (grads if row.many else grads[:1])]) @ slopes, shape)

        by_convention = row.grad_fn in BY_CONVENTION
        said = np.asarray(contribution(row, slot, grad, values, None if by_convention else measured))
        if is_factor(row.local[slot]):
            said = np.broadcast_to(said, shape)
        assert said.shape == shape, f"{row.local[slot]}: {said.shape}, not {shape}"
        np.testing.assert_allclose(said, sent, rtol=1e-5, atol=1e-6, err_msg=f"{slot}: {row.local[slot]}")


def unbroadcast(array, shape):
    from gradviz.engine.core.unbroadcast import summed_axes

    return np.reshape(array.sum(summed_axes(array.shape, shape), keepdims=True), shape)


def all_examples(name):
    return [ON_DEMAND[name]] if name in ON_DEMAND else examples_of(name)


@pytest.mark.parametrize("name", sorted([*TABLE, *ON_DEMAND]))
def test_a_rows_formulas_are_what_it_computes(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checked = 0
        for code in all_examples(name):
            for node in nodes_in(code, name):
                check(node)
                checked += 1
        assert checked, f"no {name} in its examples"
