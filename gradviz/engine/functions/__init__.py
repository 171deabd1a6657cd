"""PyTorch's functions on tensors, by family.

Most are rows of the table (`gradviz.engine.operations`); some choose between rows (`matmul`, `max`), are made of
several, or need no gradient at all (comparisons). A function in a family's ``__all__`` is ``torch.<name>`` and, unless it
is named in `NOT_METHODS`, the tensor's method of that name; one in its ``IN_PLACE`` has a twin with an underscore, too.
"""

from gradviz.engine.functions import arithmetic, indexing, logic, matrices, reductions, shapes
from gradviz.engine.functions.arithmetic import *
from gradviz.engine.functions.indexing import *
from gradviz.engine.functions.logic import *
from gradviz.engine.functions.matrices import *
from gradviz.engine.functions.reductions import *
from gradviz.engine.functions.shapes import *

FAMILIES = (arithmetic, reductions, matrices, shapes, indexing, logic)

NOT_METHODS = frozenset({"cat", "concat", "concatenate", "is_tensor", "stack"})

IN_PLACE = [name for family in FAMILIES for name in getattr(family, "IN_PLACE", ())]

__all__ = [name for family in FAMILIES for name in family.__all__]
