"""Write ``docs/operations.md``: every row of the operations table, as a learner sees it.

Run ``python docs/operations.py`` after adding a row; a test says when the page is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gradviz  # noqa: F401 (fills the table)
from gradviz.engine.notation import formula
from gradviz.engine.operation import FAMILY, TABLE, Operation

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


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for family in sorted(set(FAMILY.values())):
        rows = [TABLE[name] for name, module in FAMILY.items() if module == family]
        title = (sys.modules[family].__doc__ or family).splitlines()[0].rstrip(".")
        parts.append(f"## {title}\n")
        parts.append(
            "| torch. | grad_fn | disc | forward | local derivative | in words |\n| --- | --- | --- | --- | --- | --- |"
        )
        parts.append("\n".join(line(row) for row in rows) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
