"""The gallery: every picture of assets/, each with the sentence that stands where it is made."""

from __future__ import annotations

import runpy
from pathlib import Path

from gradviz.examples import EXAMPLES


def write(assets: Path, target: Path) -> None:
    """Write the figures, for docs/gallery.md."""
    made = runpy.run_path(str(assets / "make.py"))["PICTURES"]
    captions = {name: (make.__doc__ or "").strip() for name, make in made.items()}
    captions |= {f"example_{n}": f"{one.title}: {one.words}" for n, one in enumerate(EXAMPLES, start=1)}
    figures = [
        f"```{{figure}} _copied/assets/{name}.svg\n:alt: {caption}\n\n{caption}\n```"
        for name, caption in captions.items()
    ]
    target.write_text("\n\n".join(figures) + "\n", encoding="utf-8")
