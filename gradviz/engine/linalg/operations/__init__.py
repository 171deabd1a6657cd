"""The rows of linear algebra, by family."""

from gradviz.engine.linalg.operations import decompositions, distances, equations, norms, powers, products

__all__ = ["decompositions", "distances", "equations", "norms", "powers", "products"]
