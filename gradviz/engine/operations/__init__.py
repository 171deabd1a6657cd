"""The rows of the operations table, by family."""

from gradviz.engine.operations import elementary, elementwise, losses, matrix, reductions, selection, shapes

__all__ = ["elementary", "elementwise", "losses", "matrix", "reductions", "selection", "shapes"]
