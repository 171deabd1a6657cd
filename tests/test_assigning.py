"""Assignment to a part, ``x[...] = value``: the steps that it takes in the graph, the numbers, gradients and errors."""

from __future__ import annotations

import itertools
import warnings

import pytest

import gradviz as gv

# A shape, an index, and the shape of what is assigned (or a number).
ASSIGNMENTS = """
(2, 3)|...|() ; (2, 3)|...|2.0 ; (2, 3)|...|(3,) ; (2, 3)|0|() ; (2, 3)|0|(1,) ; (2, 3)|0|(4,) ; (2, 3)|0|(2, 3) ; (2, 3)|0|True
(2, 3, 2)|0|(2,) ; (2, 3, 2)|0|(1, 2) ; (2, 3)|slice(None)|(1, 3) ; (2, 3)|slice(0, 1)|(3,) ; (2,)|None|0.0 ; ()|None|0.0
()|...|0.0 ; ()|()|0.0 ; ()|torch.tensor(True)|0.0 ; ()|torch.tensor(True)|() ; ()|torch.tensor(True)|(1,)
(2,)|torch.tensor(True)|0.0 ; (2,)|True|0.0 ; (2, 3)|False|() ; (2,)|torch.tensor([True, False])|0.0 ; (2,)|[0]|() ; (2,)|[0]|(1,)
(2,)|([0, 1],)|(2,) ; (2, 2)|([0, 1],)|(2,) ; (2,)|(None, [0, 1])|(2,) ; (2, 2)|(0, [0, 1])|(2,) ; (2, 3)|(slice(None), [0, 2])|(2, 2)
(2, 3)|(slice(None), [0, 2])|(2, 3) ; (2, 3)|torch.ones(2, 3) > 0|(5,) ; (2, 3)|torch.ones(2, 3) > 0|(6,) ; (2, 3)|(0, 5)|()
(2, 3)|5|() ; (2,)|[5]|0.0 ; (2, 3, 2)|(slice(None), 0, [0, 1])|(2,) ; (2, 3, 2)|([0, 1], slice(None), [0, 1])|(2, 3)
(3,)|torch.tensor([0, 0])|(2,) ; (2, 3)|[[0, 1], [0, 1]]|(2,) ; (2, 3)|(torch.tensor([0, 1]), torch.tensor([0, 1]))|3
(2, 3)|torch.tensor(1)|(3,) ; (2, 3)|(..., 0)|(2,) ; (2, 3)|(..., [0])|(2, 1)
""".replace("\n", ";").split(";")
CASES = [case.strip() for case in ASSIGNMENTS if case.strip()]


def tree(node):
    if node is None:
        return "-"
    return f"{node.name()}({', '.join(tree(after) for after, _ in node.next_functions)})"


def assigned(torch, case, tracked, wanted, dtype):
    """Assign in one of the libraries, and return all that can be seen of it."""
    shape, index, given = (eval(part, {"torch": torch}) for part in case.split("|"))
    value = given
    if isinstance(given, tuple):
        value = torch.ones(given, dtype=getattr(torch, dtype), requires_grad=wanted)
    x = torch.ones(shape, requires_grad=tracked).clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            x[index] = value
        except Exception as error:
            return type(error).__name__, str(error).splitlines()[0]
    gradient = None
    if x.requires_grad:
        (x * x).sum().backward()
        gradient = value.grad.tolist() if isinstance(given, tuple) and value.grad is not None else None
    return tree(x.grad_fn), x.tolist(), gradient


@pytest.mark.parametrize("case", CASES)
def test_assigning_to_a_part_takes_pytorchs_steps(torch, case):
    for tracked, wanted, dtype in itertools.product((True, False), (True, False), ("float32", "float64")):
        assert assigned(gv, case, tracked, wanted, dtype) == assigned(torch, case, tracked, wanted, dtype)
