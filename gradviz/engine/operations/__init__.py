"""The rows of the operations table, by family."""

from gradviz.engine.operations import (
    activations,
    elementary,
    elementwise,
    losses,
    matrix,
    reductions,
    selection,
    shapes,
)

__all__ = ["activations", "elementary", "elementwise", "losses", "matrix", "reductions", "selection", "shapes"]
