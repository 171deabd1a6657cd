"""The rows of the operations table, by family. Those of linear algebra are in `engine.linalg.operations`, those of networks in `nn.operations`."""

from gradviz.engine.operations import (
    assignment,
    elementary,
    elementwise,
    histograms,
    piecewise,
    reductions,
    sampling,
    scalars,
    scans,
    selection,
    shapes,
    softmax,
    special,
)

__all__ = [
    "assignment", "elementary", "elementwise", "histograms", "piecewise", "reductions", "sampling", "scalars", "scans",
    "selection", "shapes", "softmax", "special",
]  # fmt: skip
