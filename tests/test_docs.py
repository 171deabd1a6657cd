"""The pages under docs/ say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_operations_is_up_to_date():
    script = runpy.run_path(str(DOCS / "operations.py"))
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"](), "run python docs/operations.py"
