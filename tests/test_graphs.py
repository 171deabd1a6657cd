"""The graph that a computation leaves is PyTorch's: names, edges with their numbers, and the order of the nodes.

Over the examples of all rows, PyTorch's operator database and its module database. Two things PyTorch does on a CPU are left
out of the comparison, as they cannot be seen into: attention in one node (`PLAIN` asks it for the other form), and recurrent
layers in one node (which it has for float32 only; the databases' numbers are float64).
"""

from __future__ import annotations

import itertools
import warnings
from contextlib import contextmanager

import module_db
import op_db
import pytest
from beside import outcome
from test_rows import FOREIGN, TENSORS, examples_of

import gradviz as gv
from gradviz.engine.operation import TABLE

DIFFERENT = {
    # rows
    "CircularPadBackward0": "PyTorch copies slice by slice into a new tensor; here it is one operation that can be explained",
    # the operator database
    "cat": "an old exception: an empty vector beside matrices gets a shape that fits, by an operation of its own",
    "diff": "n=0 is a copy; PyTorch writes into a new tensor",
    "gradient": "one formula for even and uneven spacing, where PyTorch has two",
    "nn.functional.embedding_bag": "made of the steps that it stands for: look up, weigh, add up",
    "nn.functional.multi_margin_loss": "a single number is made a vector first",
    "nn.functional.multilabel_margin_loss": "a single number is made a vector first",
    "nn.functional.pad.circular": "PyTorch copies slice by slice into a new tensor; here it is one operation",
    "ravel": "of nothing, which is in order here and need not be copied",
    "to": "a memory format is no difference here, and nothing is copied for its sake",
    # modules
    "CircularPad1d": "PyTorch copies slice by slice into a new tensor; here it is one operation",
    "CircularPad2d": "PyTorch copies slice by slice into a new tensor; here it is one operation",
    "CircularPad3d": "PyTorch copies slice by slice into a new tensor; here it is one operation",
}
"""What is different by design, and why."""

REFUSED = {"FractionalMaxPool3DBackward0", "FractionalMaxPool3DBackwardBackward0"}
"""Rows whose example PyTorch refuses: one window as long as the axis."""

SAMPLES = 12
"""So many of a database's samples are looked at, of each entry."""


def tree(outputs):
    """The graph behind some tensors: each node's name, where its edges go, and its place in the order of making."""
    numbers, order = {}, []
    waiting = [tensor.grad_fn for tensor in reversed(outputs)]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in numbers:
            numbers[node] = len(order)
            order.append(node)
            waiting.extend(before for before, _ in reversed(node.next_functions))
    made = sorted((node for node in order if node.next_functions), key=lambda node: node._sequence_nr())
    rank = {node: place for place, node in enumerate(made)}
    return [
        f"{numbers[node]} {node.name()} made {rank.get(node, 'for a leaf')}: "
        + ", ".join(f"{numbers.get(before)}.{place}" for before, place in node.next_functions)
        for node in order
    ]


@contextmanager
def plain():
    """Have PyTorch compute attention in steps, and nobody warn."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        warnings.simplefilter("ignore")
        yield


def check(name, pairs):
    """Compare pairs of trees; where a difference is by design, there must be one."""
    if name in DIFFERENT:
        assert any(mine != theirs for mine, theirs in pairs), f"{name} is as in PyTorch: take it out of DIFFERENT"
        return
    for place, (mine, theirs) in enumerate(pairs):
        assert mine == theirs, f"sample {place}"


# --- the rows' examples --------------------------------------------------------------------------------------------------


def tree_of(library, code):
    given = {name: library.tensor(array, requires_grad=True) for name, array in TENSORS.items()}
    library.manual_seed(0)
    result = eval(f"({code}\n)", {**FOREIGN, "torch": library, "N": library.nn.functional, **given})
    return tree([tensor for tensor in op_db.flat(result, library.Tensor) if tensor.requires_grad])


@pytest.mark.parametrize("name", sorted(set(TABLE) - REFUSED))
def test_example(torch, name):
    with plain():
        check(name, [(tree_of(gv, code), tree_of(torch, code)) for code in examples_of(name)])


# --- PyTorch's databases -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def operators(torch):
    return dict(op_db.entries())


@pytest.fixture(scope="module")
def modules(torch):
    return module_db.entries()


@pytest.mark.parametrize("name", op_db.PASSING.read_text().split())
def test_operator(torch, operators, name):
    entry, pairs = operators[name], []
    function = op_db.resolve(entry.name, name)
    with plain():
        torch.manual_seed(0)
        for sample in itertools.islice(entry.sample_inputs("cpu", torch.float64, requires_grad=True), SAMPLES):
            input, args, options = (op_db.to_gradviz(part, []) for part in (sample.input, sample.args, sample.kwargs))
            torch.manual_seed(0)
            theirs = op_db.flat(entry(sample.input, *sample.args, **sample.kwargs), torch.Tensor)
            gv.manual_seed(0)
            mine = op_db.flat(function(input, *args, **options), gv.Tensor)
            pairs.append([tree([x for x in part if x.requires_grad]) for part in (mine, theirs)])
    check(name, pairs)


def as_leaves(torch, value):
    """A sample's argument without what made it, and row by row in memory."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone(memory_format=torch.contiguous_format).requires_grad_(value.requires_grad)
    return type(value)(as_leaves(torch, part) for part in value) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", module_db.PASSING.read_text().split())
def test_module(torch, modules, name):
    info, pairs = modules[name], []
    with plain():
        for training in (True, False):
            for sample in itertools.islice(module_db.samples(info, training), SAMPLES):
                theirs, mine = module_db.built(info, sample, training)
                args = as_leaves(torch, sample.forward_input.args)
                options = {key: as_leaves(torch, value) for key, value in sample.forward_input.kwargs.items()}
                torch.manual_seed(0)
                expected = module_db.parts(theirs(*args, **options), torch.Tensor)
                gv.manual_seed(0)
                ours = [op_db.to_gradviz(part, []) for part in (args, options)]
                found = module_db.parts(mine(*ours[0], **ours[1]), gv.Tensor)
                pairs.append([tree([x for x in part if x.requires_grad]) for part in (found, expected)])
    check(name, pairs)


def test_what_is_different_by_design_has_an_entry():
    known = {*TABLE, *op_db.PASSING.read_text().split(), *module_db.PASSING.read_text().split()}
    assert set(DIFFERENT) <= known


# --- by name -------------------------------------------------------------------------------------------------------------

LINES = """
def line(tensor):
    names, node = [], tensor.grad_fn
    while node is not None:
        names.append((node.name(), len(node.next_functions)))
        node = node.next_functions[0][0] if node.next_functions else None
    return names
def numbers(*tensors):
    first = tensors[0].grad_fn._sequence_nr()
    return [tensor.grad_fn._sequence_nr() - first for tensor in tensors]
torch.manual_seed(0)
l = nn.Linear(3, 2)
x, w = torch.ones(2, requires_grad=True), torch.tensor([1.0, 2.0], requires_grad=True)
"""

SAME = {
    "linear on a transposed batch": "r = line(l(torch.randn(2, 4, 3).transpose(0, 1)))",
    "linear on a transposed batch that wants a gradient": "x = torch.randn(2, 4, 3, requires_grad=True); r = line(l(x.permute(1, 0, 2)))",
    "linear on four axes": "r = line(l(torch.randn(2, 2, 4, 3))), line(l(torch.randn(2, 2, 4, 3).transpose(0, 1)))",
    "linear on a vector": "r = line(l(torch.randn(3)))",
    "linear on nothing": "r = line(l(torch.randn(4, 0, 3).transpose(0, 1))), line(l(torch.randn(0, 3)))",
    "linear without bias": "l = nn.Linear(3, 2, bias=False); r = line(l(torch.randn(2, 4, 3).transpose(0, 1)))",
    "attention with batch_first": "a = nn.MultiheadAttention(4, 2, batch_first=True); y, _ = a(*[torch.randn(2, 3, 4)] * 3); r = line(y)",
    "attention in eval mode": "a = nn.MultiheadAttention(4, 2, batch_first=True).eval(); y, _ = a(*[torch.randn(2, 3, 4)] * 3); r = line(y)",
    "an LSTM cell": "r = [line(part) for part in nn.LSTMCell(2, 2)(torch.randn(1, 2))]",
    "a GRU cell": "r = line(nn.GRUCell(2, 2)(torch.randn(1, 2)))",
    "a bilinear layer": "r = line(nn.Bilinear(2, 3, 4)(torch.ones(5, 2), torch.ones(5, 3)))",
    "where": "r = line(torch.where(torch.tensor([True, False]), x, w)), line(torch.where(x > 0, w, 0.0))",
    "alpha": "r = [line(y) for y in (torch.add(x, w, alpha=2), torch.sub(x, w, alpha=2), torch.rsub(x, w, alpha=2), x.add(3, alpha=2))]",
    "alpha in place": "y = x * 1; y.add_(w, alpha=3); z = w * 1; z.sub_(x, alpha=0.5); r = line(y), line(z), y, z",
    "alpha of whole numbers": "a = torch.arange(3); r = torch.add(a, a, alpha=2), torch.sub(a, 1, alpha=3), torch.rsub(a, 1, alpha=3)",
    "alpha that is a tensor": "r = torch.add(x, w, alpha=torch.tensor(2)), x.sub(w, alpha=torch.tensor(0.5))",
    "a fraction of whole numbers": "r = torch.add(torch.arange(3), 1, alpha=0.5)",
    "alpha of bools": "r = torch.sub(torch.tensor(True), torch.tensor(1), alpha=2)",
    "numbers of nodes": "y = x * 2; z = y.exp(); u = z + w; r = numbers(y, z, u)",
    "numbers of nodes around a change in place": "y = x * 2; y.detach().add_(1); b = torch.ones(2); b.mul_(3); z = y * b; r = numbers(y, z)",
    "numbers of nodes in place": "y = x * 2; a = y.exp(); y.add_(1); b = y.exp(); r = numbers(a, y, b)",
    "numbers of nodes around no_grad": "y = x * 2\nwith torch.no_grad(): x * 3\nr = numbers(y, y * 2)",
    "a leaf's number": "r = (x * 2).grad_fn.next_functions[0][0]._sequence_nr()",
}


@pytest.mark.parametrize("title", SAME)
def test_the_same_as_in_pytorch(torch, title):
    assert outcome(gv, LINES + SAME[title]) == outcome(torch, LINES + SAME[title])
