"""The notebooks and the tutorial's cells, run by gradviz or by PyTorch, for what they draw."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import gradviz
from gradviz import examples
from gradviz.recording import Recording
from gradviz.recording.observe import record_graph

FOLDER = Path(__file__).parents[1] / "notebooks"

ONLY_OURS = re.compile(
    r"torch\.(record|compare|check|why|explain|landscape|widget|sweep|train)\b|gradviz\.engine|\brun\b"
)
"""What a cell has that PyTorch has not."""

Drawn = dict[str, Recording]


def cells_of(path: Path) -> list[str]:
    """Return what a notebook runs, without what PyTorch cannot."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    return [source for cell in cells if not ONLY_OURS.search(source := "".join(cell["source"]))]


def notebook(torch: Any, path: Path) -> Drawn:
    """Run a notebook; return what it draws, by where."""
    return _run(torch, {f"cell {place}": source for place, source in enumerate(cells_of(path))}, as_drawn=True)


def tutorial(torch: Any, name: str) -> Drawn:
    """Run one of the tutorial's examples; return what it computes, by its variables."""
    example = next(one for one in examples.EXAMPLES if one.name == name)
    return _run(torch, {cell: examples.cell(cell) for cell in example.cells}, as_drawn=False)


def _run(torch: Any, cells: dict[str, str], *, as_drawn: bool) -> Drawn:
    space: dict[str, Any] = {"__name__": "__main__", "torch": torch}
    found: Drawn = {}

    def draw(*outputs: Any, backward: bool | None = None, **how: Any) -> None:
        tensors = [one for one in outputs if isinstance(one, torch.Tensor)]
        given = {name: how[name] for name in ("gradient", "names") if name in how}
        found[f"{where}, drawing {len(found)}"] = record_graph(*tensors, backward=backward, variables=[space], **given)

    def backprop(*outputs: Any, **how: Any) -> None:
        draw(*outputs, backward=True, **how)

    space |= {"draw": draw, "backprop": backprop}
    torch.manual_seed(0)
    for where, source in cells.items():
        with redirect_stdout(io.StringIO()):
            exec(compile(_of(torch, source), where, "exec"), space)
        if not as_drawn:
            for name, one in [*space.items()]:
                if isinstance(one, torch.Tensor) and one.grad_fn is not None:
                    found[f"{where}, {name}"] = record_graph(one, variables=[space])
    return found


def _of(torch: Any, source: str) -> str:
    """Return a cell as it is run with a library."""
    source = re.sub(r"\btorch\.(draw|backprop)\(", r"\1(", source)
    source = re.sub(r"^import gradviz\.as_torch\n", "", source, flags=re.MULTILINE)
    theirs = re.sub(r"\bgradviz\b", "torch", source).replace("import torch as torch", "import torch")
    if torch is not gradviz:
        return theirs
    return re.sub(r"^import torch\b(?!\.)", "import gradviz as torch", theirs, flags=re.MULTILINE).replace(
        "import torch.", "import gradviz."
    )
