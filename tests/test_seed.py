"""PyTorch's autograd tutorial, cell by cell: with ``import gradviz as torch`` it prints what PyTorch prints."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout

import pytest
from beside import in_pytorchs_words

import gradviz
from gradviz import examples

# As its author ran it: Example 3 uses the `z` of Example 5.
AS_RUN = (
    "example_1",
    "example_2",
    "example_5",
    "example_3",
    "example_3_grad_fn",
    "example_4",
    "example_5",
    "no_grad",
    "detach",
    "example_6",
    "example_7",
)


def run_cells(torch, names, seed):
    """Run cells one after the other in one namespace; return what each printed, or the error that stopped it."""
    torch.manual_seed(seed)
    variables = {"torch": torch, "__name__": "__main__"}
    printed = {}
    for name in names:
        source = examples.cell(name)
        if torch is not gradviz:
            source = source.replace("import gradviz as torch", "import torch").replace(
                "import gradviz.nn", "import torch.nn"
            )
        out = io.StringIO()
        with redirect_stdout(out):
            try:
                exec(compile(source, name, "exec"), variables)
            except Exception as error:
                print(f"{type(error).__name__}: {in_pytorchs_words(error)}")
        printed[name] = re.sub(r"0x[0-9a-f]+", "0x…", out.getvalue())
    return printed


LONG_FLOAT = re.compile(r"-?\d+\.\d{8,}(?:e-?\d+)?")


def same_print(ours, theirs):
    """Compare to the letter; only where a float32 is printed with all the digits of a float64, as ``loss.item()`` is.

    There the last bit shows, and it depends on the order in which a processor adds up a matrix product. Four units in
    the last place are let pass.
    """
    assert LONG_FLOAT.sub("#", ours) == LONG_FLOAT.sub("#", theirs)
    for x, y in zip(LONG_FLOAT.findall(ours), LONG_FLOAT.findall(theirs), strict=True):
        assert float(x) == pytest.approx(float(y), rel=4 * 2**-23)


@pytest.mark.parametrize("seed", [0, 1, 42, 2026])
def test_every_cell_prints_what_pytorch_prints(torch, seed):
    ours, theirs = run_cells(gradviz, AS_RUN, seed), run_cells(torch, AS_RUN, seed)
    for name in AS_RUN:
        assert ours[name], name
        same_print(ours[name], theirs[name])


def test_top_to_bottom_it_stops_where_pytorch_stops(torch):
    """Read from top to bottom, Example 3 finds the wrong `z`, and says so in the same words."""
    order = ("example_1", "example_2", "example_3")
    ours, theirs = run_cells(gradviz, order, 0), run_cells(torch, order, 0)
    assert "ValueError: Target size" in ours["example_3"]
    assert ours == theirs


# What PyTorch 2.13.0 prints, for machines without it.
WITHOUT_TORCH = {
    "example_1": "tensor(14.)\n",
    "example_2": """\
tensor([[ 22.,  45.,  74.],
        [109., 150., 197.],
        [250., 309., 374.]])
tensor([[ 22.,  45.,  74.],
        [109., 150., 197.],
        [250., 309., 374.]], grad_fn=<AddBackward0>)
""",
    "no_grad": "True\nFalse\n",
    "detach": "False\n",
}


def test_the_cells_that_are_not_random_print_what_the_tutorial_shows():
    ours = run_cells(gradviz, AS_RUN, 0)
    for name, expected in WITHOUT_TORCH.items():
        assert ours[name] == expected
    assert ours["example_3"].startswith(
        "Gradient of x: tensor(2.)\nGradient of b: tensor(1.)\nGradient of w: tensor(5.)\n"
        "y: tensor(13., grad_fn=<AddBackward0>)\nUpdated b: tensor(2.9900)\nUpdated W: tensor(1.9500)\n"
    )
    assert ours["example_3_grad_fn"] == (
        "Gradient function for z = <AddBackward0 object at 0x…>\n"
        "Gradient function for loss = <BinaryCrossEntropyWithLogitsBackward0 object at 0x…>\n"
    )
