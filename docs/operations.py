"""Write ``docs/operations.md``: every row of the operations table, as a learner sees it.

Run ``python docs/operations.py`` after adding a row; a test says when the page is stale.
"""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

from gradviz.engine import operations
from gradviz.engine.notation import formula
from gradviz.engine.operation import TABLE, Operation

PAGE = Path(__file__).with_suffix(".md")
HEAD = """\
# The operations

Every operation that gradviz can differentiate, as it is in the table that the engine runs. For each argument that a gradient
can flow to, the table says what the *upstream gradient* is multiplied with: the local derivative. Where the way back is more
than a product, it shows the whole contribution, with the upstream gradient called `grad`.

This page is written by `python docs/operations.py`.
"""


def cell(text: str) -> str:
    """Keep a text inside its cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ").replace("*", "\\*").replace("_", "\\_")


def line(row: Operation) -> str:
    """One row of the table as one row of the page."""
    words = {name: name for name in (*row.inputs, *row.settings)}
    local = "<br>".join(f"{cell(name)}: {cell(formula(text, words))}" for name, text in row.local.items())
    symbol = row.symbol if isinstance(row.symbol, str) else row.name
    return f"| `{row.name}` | `{row.grad_fn}` | {cell(symbol)} | {cell(formula(row.expression, words))} | {local} | {cell(row.sentence)} |"


def assigned(module: ModuleType) -> list[str]:
    """The names that a module gives to something itself, in order; not those it imports."""
    assert module.__file__ is not None
    nodes = ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body
    targets = (target for node in nodes if isinstance(node, ast.Assign) for target in node.targets)
    return [target.id for target in targets if isinstance(target, ast.Name)]


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    listed: set[str] = set()
    for family in (getattr(operations, name) for name in operations.__all__):
        found = [getattr(getattr(family, name), "operation", None) for name in assigned(family)]
        rows = [row for row in found if row is not None and TABLE.get(row.grad_fn) is row]
        if not rows:
            continue
        listed.update(row.grad_fn for row in rows)
        parts.append(f"## {(family.__doc__ or family.__name__).splitlines()[0].rstrip('.')}\n")
        parts.append(
            "| torch. | grad_fn | disc | forward | local derivative | in words |\n| --- | --- | --- | --- | --- | --- |"
        )
        parts.append("\n".join(line(row) for row in rows) + "\n")
    missing = set(TABLE) - listed
    assert not missing, f"these rows belong to no family: {sorted(missing)}"
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
