"""Write ``docs/operations.md``: every row of the operations table, as a learner sees it.

Run ``python docs/operations.py`` after adding a row; a test says when the page is stale.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import gradviz
import gradviz.nn.functional
from gradviz.catalogue import meaning
from gradviz.engine.notation import formula
from gradviz.engine.operation import FAMILY, Operation, table
from gradviz.nn import native

PAGE = Path(__file__).with_suffix(".md")
CHECKS = Path(__file__).parents[1] / "tests" / "test_rows.py"
HEAD = """\
# The operations

Every operation that gradviz can differentiate, as it is in the table that the engine runs. For each argument that a gradient
can flow to, the table says what the *upstream gradient* is multiplied with: the local derivative. Where the way back is more
than a product, it shows the whole contribution, with the upstream gradient called `grad`. On a disc, `( )` stands for what
comes in: `( )²` squares it. What the words in the formulas stand for is said at the end.

*Checked* says how often the formula was compared with measured slopes, by `gradcheck` and `gradgradcheck` in
`tests/test_rows.py`: **twice** is the derivative and the derivative of the derivative, **once** the derivative alone. A random
number that keeps its place in its distribution can be measured **in the mean** only, over many draws. No row can be added
unchecked.

This page is written by `python docs/operations.py`.
"""
PLACES = {
    "torch": gradviz,
    "nn.functional": gradviz.nn.functional,
    "special": gradviz.special,
    "linalg": gradviz.linalg,
}


def cell(text: str) -> str:
    """Keep a text inside its cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ").replace("*", "\\*").replace("_", "\\_")


def name_in_pytorch(row: Operation) -> str:
    """Where PyTorch has the function; the bare name of what only others are made of."""
    for place, module in PLACES.items():
        if (
            row.name in dir(module)
            and callable(getattr(module, row.name))
            and not (
                module is gradviz and row.name in native.__all__  # the other is the one that people know
            )
        ):
            return f"{place}.{row.name}"
    return f"Tensor.{row.name}" if row.name in dir(gradviz.Tensor) else row.name


@cache
def sets_of_the_checks() -> dict[str, set[str]]:
    """The exceptions that the gradient check makes, by the names they have there."""
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(CHECKS.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Set)
    }


def checked(row: Operation) -> str:
    """How often the row's formula is compared with measured slopes."""
    sets = sets_of_the_checks()
    if row.grad_fn in sets["DEFINED_AS_ZERO"]:
        return "is 0"
    if row.grad_fn in sets["IMPLICIT"]:
        return "in the mean"
    return "once" if row.grad_fn in sets["ONCE"] else "twice"


def line(row: Operation) -> str:
    """One row of the table as one row of the page."""
    words = {name: name for name in (*row.inputs, *row.settings)}
    local = "<br>".join(f"{cell(name)}: {cell(formula(text, words))}" for name, text in row.local.items())
    symbol = row.symbol if isinstance(row.symbol, str) else row.name
    cells = (
        f"`{name_in_pytorch(row)}`<br>`{row.grad_fn}`",
        cell(symbol),
        cell(formula(row.expression, words)),
        local,
        checked(row),
        cell(row.sentence),
    )
    return f"| {' | '.join(cells)} |"


def page() -> str:
    """The whole page."""
    parts, every = [HEAD], table()
    for family in sorted(set(FAMILY.values())):
        rows = [every[name] for name, module in FAMILY.items() if module == family]
        title = (sys.modules[family].__doc__ or family).splitlines()[0].rstrip(".")
        parts.append(f"## {title}\n")
        parts.append(
            "| PyTorch's name, grad_fn | disc | forward | local derivative | checked | in words |\n"
            "| --- | --- | --- | --- | --- | --- |"
        )
        parts.append("\n".join(line(row) for row in rows) + "\n")
    parts.append("## What the words in the formulas stand for\n")
    parts.append("\n".join(f"- {cell(meaning)}" for meaning in sorted(meanings())) + "\n")
    return "\n".join(parts)


def meanings() -> set[str]:
    """What is said of the functions in all formulas, and of the names that follow from the arguments."""
    nodes = [
        node
        for row in table().values()
        for text in (row.expression, *row.local.values())
        for node in ast.walk(ast.parse(text, mode="eval"))
    ]
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    named = {node.id for node in nodes if isinstance(node, ast.Name)} - called
    words = called | (named & {"grad", "n", "replaced", "rows", "ties", "w"})
    return {said for word in words if (said := meaning(word, "F"))}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
