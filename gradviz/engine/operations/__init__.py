"""The rows of the operations table, by family."""

from gradviz.engine.operations import elementwise, losses, matrix, reductions, selection, shapes

__all__ = ["elementwise", "losses", "matrix", "reductions", "selection", "shapes"]
