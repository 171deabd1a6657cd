"""PyTorch's functions on tensors, by family.

Most are rows of the table (`gradviz.engine.operations`); some choose between rows (`matmul`, `max`), are made of
several, or need no gradient at all (comparisons). A function in a family's ``__all__`` is ``torch.<name>`` and, unless the
family's ``NOT_METHODS`` names it, the tensor's method of that name; one in its ``IN_PLACE`` has a twin with an underscore,
too. What is a method only stands in its ``METHODS``.
"""

from typing import Any

from gradviz.engine.functions import (
    arithmetic,
    counting,
    facts,
    indexing,
    logic,
    matrices,
    members,
    reductions,
    sampling,
    shapes,
    windows,
)
from gradviz.engine.functions.arithmetic import *
from gradviz.engine.functions.counting import *
from gradviz.engine.functions.facts import *
from gradviz.engine.functions.indexing import *
from gradviz.engine.functions.joining import *
from gradviz.engine.functions.logic import *
from gradviz.engine.functions.matrices import *
from gradviz.engine.functions.members import *
from gradviz.engine.functions.reductions import *
from gradviz.engine.functions.scattering import *
from gradviz.engine.functions.searching import *
from gradviz.engine.functions.shapes import *
from gradviz.engine.functions.windows import *

FAMILIES = (arithmetic, reductions, counting, matrices, shapes, indexing, logic, facts, sampling, members, windows)

NOT_METHODS = frozenset(name for family in FAMILIES for name in getattr(family, "NOT_METHODS", ()))

IN_PLACE = [name for family in FAMILIES for name in getattr(family, "IN_PLACE", ())]

METHODS: dict[str, Any] = {
    name: method for family in FAMILIES for name, method in getattr(family, "METHODS", {}).items()
}

__all__ = [name for family in FAMILIES for name in family.__all__]
