"""The pages of functions in the reference, written from the families' own lists when the documentation is built."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import gradviz
import gradviz.nn.functional
from gradviz.engine.functions import FAMILIES

PAGES = {
    "functions": (
        "Functions",
        "`torch.<name>`, and most of them are methods of a tensor too. Those with a derivative stand with it in "
        "[the operations](../../operations.md).",
        "gradviz",
        FAMILIES,
    ),
    "functional": (
        "Functions of neural networks",
        "`torch.nn.functional.<name>`, in PyTorch's teaching code usually `F.<name>`.",
        "gradviz.nn.functional",
        gradviz.nn.functional.FAMILIES,
    ),
}


def page(title: str, introduction: str, module: str, families: tuple[ModuleType, ...]) -> str:
    """One page, with a section for each family."""
    parts = [f"# {title}\n\n{introduction}\n"]
    for family in families:
        heading = (family.__doc__ or family.__name__).splitlines()[0].rstrip(".:")
        names = sorted(family.__all__)
        listed = "\n".join(f".. autofunction:: {module}.{name}" for name in names)
        parts.append(f"## {heading}\n\n```{{eval-rst}}\n{listed}\n```\n")
    return "\n".join(parts)


def write(folder: Path) -> None:
    """Write all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in PAGES.items():
        (folder / f"{name}.md").write_text(page(*content), encoding="utf-8")
