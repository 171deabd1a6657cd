"""PyTorch as the oracle of recordings: a program that both engines run is told alike by both, field by field.

That holds the engine to PyTorch's word, and what is told of PyTorch to the engine's. Where they differ by design, the reason stands
here; and what no longer differs has to be taken out.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass

import lessons
import networks
import op_db
import pytest
from both import PROGRAMS
from recordings import alike_at_the_leaves, differences, nodes
from test_graphs import REFUSED, plain
from test_rows import FOREIGN, TENSORS, examples_of

import gradviz as gv
from gradviz.engine.operation import TABLE
from gradviz.examples import EXAMPLES
from gradviz.recording.observe import record_graph


@dataclass(frozen=True)
class Known:
    """A difference that is meant.

    Attributes
    ----------
    reason
        Why.
    where
        Which fields differ, as a pattern. Without one the graphs are others: then their results and the gradients of their leaves
        are compared.
    """

    reason: str
    where: str = ""


MULTIPLES = Known("PyTorch multiplies the slope of a power by a plain number; here the number is drawn as a factor")
SLOPES = Known("slopes of slopes: PyTorch has a node of its own where the table has a formula")
ZEROS = Known("what is exactly 0 is another rounding error in each", r"numbers|\.text$|part")
MASK = Known("PyTorch saves a mask as it is; here the places that it names", r"(attributes|saved)\[0\]\[1\]$")
NOTHING_CAME = Known(
    "to a result that nothing uses comes no gradient in PyTorch, and a gradient of zeros here",
    r"equation\[\d\]\.(text|sides)$",
)

KNOWN = {
    # programs
    "a loss by hand": ZEROS,
    "masks": MASK,
    "equations": Known(
        "what was compared inside of a function of PyTorch's is told as if it stood in the line", r"\.cut$"
    ),
    "cut off": Known("under no_grad() nothing is watched", r"\.cut$"),
    "a second derivative": MULTIPLES,
    "a step of maml": MULTIPLES,
    "a gradient penalty": SLOPES,
    "a physical law": SLOPES,
    "weight norm": Known("PyTorch has one operation for it, which is drawn as a box"),
    # networks
    "Siamese": ZEROS,
    "MAML inner step": MULTIPLES,
    # lessons
    "12_second_derivatives": MULTIPLES,
    # examples of rows
    "AminmaxBackward0": NOTHING_CAME,
    "LinalgLstsqBackward0": NOTHING_CAME,
    "LinalgLuBackward0": NOTHING_CAME,
    "LinalgQrBackward0": NOTHING_CAME,
    "LuUnpackBackward0": NOTHING_CAME,
    "StdMeanBackward0": NOTHING_CAME,
    "TriangularSolveBackward0": NOTHING_CAME,
    "VarMeanBackward0": NOTHING_CAME,
    "IndexBackward0": MASK,
    "AsStridedScatterBackward0": Known(
        "PyTorch sends the first tensor the gradient of what was replaced, and 0 for what was kept",
        r"^frame \d+ backward",
    ),
    "CircularPadBackward0": Known("PyTorch copies slice by slice into a new tensor; here it is one operation"),
    "CtcLossBackward0": Known("PyTorch has another name for it where lengths are given as tensors"),
    "LinalgSvdBackward0": Known("the signs of singular vectors are anybody's choice", r"numbers|\.text$|part"),
    "_DirichletBackward": Known(
        "PyTorch has a function of Python's for it, which is drawn as one", "operations|frame|name|title"
    ),
}
"""By program, network, lesson or row: what differs by design."""


@contextmanager
def doubles(torch):
    """Compute in double precision: of deep networks single precision leaves too few digits to be compared."""
    for library in (gv, torch):
        library.set_default_dtype(library.float64)
    try:
        yield
    finally:
        for library in (gv, torch):
            library.set_default_dtype(library.float32)


def watched(torch, run):
    """Run something under a watch that sees all."""
    from gradviz.pytorch.watch import Watch

    with Watch() as watch, plain():
        found = run()
    return found, watch  # which must live as long as the results are drawn


def check(name, mine, theirs):
    """Compare two recordings, or several by their names; where a difference is by design, there must be one."""
    if not isinstance(mine, dict):
        mine, theirs = {"": mine}, {"": theirs}
    assert mine.keys() == theirs.keys()
    known, seen = KNOWN.get(name), False
    for key in mine:
        if known is not None and not known.where and nodes(mine[key]) != nodes(theirs[key]):
            seen = True
            assert not list(alike_at_the_leaves(mine[key], theirs[key]))
            continue
        found = list(differences(mine[key], theirs[key]))
        if known is not None and known.where:
            seen = seen or bool(found)
            found = [one for one in found if not re.search(known.where, one[0])]
        assert not found, f"{key} {len(found)} differences, the first: {found[0]}"
    assert known is None or seen, f"{name} is as in PyTorch: take it out of KNOWN"


# --- programs --------------------------------------------------------------------------------------------------------


def recorded(library, make):
    library.manual_seed(0)
    scope = make(library)
    loss = scope["loss"]
    return record_graph(
        loss, gradient=None if loss.shape == () else library.ones_like(loss), backward=True, variables=[scope]
    )


@pytest.mark.sample(16)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_told_alike(torch, name):
    theirs, _ = watched(torch, lambda: recorded(torch, PROGRAMS[name]))
    check(name, recorded(gv, PROGRAMS[name]), theirs)


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", networks.COMPUTATIONS)
def test_a_network_is_told_alike(torch, name):
    def made(library):
        model, _, loss = networks.COMPUTATIONS[name](library)
        return {"model": model, "loss": loss}

    with doubles(torch):
        theirs, _ = watched(torch, lambda: recorded(torch, made))
        check(name, recorded(gv, made), theirs)


# --- lessons ---------------------------------------------------------------------------------------------------------

NOTEBOOKS = {path.stem: path for path in sorted(lessons.FOLDER.glob("*.ipynb"))}
OURS = {
    "07_epochs": "it draws what was recorded of a run",
    "11_learning_rate_and_momentum": "it compares runs, which PyTorch has not",
    "15_the_engine": "it reads the engine's own code",
    "16_your_own_pytorch": "it is about PyTorch",
}
"""Notebooks that cannot be run on PyTorch, and why."""


@pytest.mark.sample(8)
@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name not in OURS])
def test_a_notebook_draws_alike(torch, name):
    theirs, _ = watched(torch, lambda: lessons.notebook(torch, NOTEBOOKS[name]))
    assert theirs
    check(name, lessons.notebook(gv, NOTEBOOKS[name]), theirs)


@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_the_tutorial_is_told_alike(torch, name):
    theirs, _ = watched(torch, lambda: lessons.tutorial(torch, name))
    check(name, lessons.tutorial(gv, name), theirs)


# --- the rows' examples ----------------------------------------------------------------------------------------------


def example(library, code):
    given = {name: library.tensor(array, requires_grad=True) for name, array in TENSORS.items()}
    library.manual_seed(0)
    result = eval(f"({code}\n)", {**FOREIGN, "torch": library, "N": library.nn.functional, **given})
    outputs = [one for one in op_db.flat(result, library.Tensor) if one.requires_grad]
    first = outputs[0]
    start = (
        None if first.shape == () else library.linspace(0.3, 1, first.numel(), dtype=first.dtype).reshape(first.shape)
    )
    return record_graph(*outputs, gradient=start, backward=True, variables=[given])


@pytest.mark.sample(40)
@pytest.mark.parametrize("name", sorted(set(TABLE) - REFUSED))
def test_an_operation_is_told_alike(torch, name):
    mine, theirs = {}, {}
    for code in examples_of(name):
        mine[code] = example(gv, code)
        theirs[code], _ = watched(torch, lambda code=code: example(torch, code))
    check(name, mine, theirs)


def test_what_is_known_to_differ_has_an_entry():
    assert KNOWN.keys() <= {*PROGRAMS, *networks.COMPUTATIONS, *NOTEBOOKS, *TABLE}
