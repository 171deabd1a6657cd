"""Counts, through which no gradient goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operations.formulas import not_differentiable


def _histogram(x: Any, edges: Any, weight: Any, density: bool) -> tuple[Any, Any]:
    """Find for each entry how many edges it has reached; the last stretch includes its right edge."""
    x, bins = x.ravel(), len(edges) - 1
    inside = (edges[0] <= x) & (x <= edges[-1])
    places = np.minimum(np.searchsorted(edges, x[inside], "right") - 1, bins - 1)
    hist = np.bincount(places, None if weight is None else weight.ravel()[inside], bins).astype(x.dtype)
    if density:
        hist = hist / hist.sum() / np.diff(edges)
    return hist, edges.copy()


histogram = not_differentiable(
    "histogram", "count", _histogram, "self bins weight", settings="density", outputs="hist bin_edges", many=True
)
