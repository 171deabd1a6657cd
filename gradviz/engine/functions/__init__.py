"""PyTorch's functions on tensors, by family.

Most are rows of the table (`gradviz.engine.operations`); some choose between rows (`matmul`, `max`), are made of
several, or need no gradient at all (comparisons). A function in a family's ``__all__`` is ``torch.<name>`` and, unless the
family's ``NOT_METHODS`` names it, the tensor's method of that name; one in its ``IN_PLACE`` has a twin with an underscore,
too. What is a method only stands in its ``METHODS``.
"""

from typing import Any

from gradviz.engine.functions import (
    arithmetic,
    conversion,
    diagonals,
    differences,
    elementwise,
    histograms,
    indexing,
    joining,
    logic,
    members,
    properties,
    reductions,
    repeating,
    sampling,
    scans,
    scattering,
    searching,
    shapes,
    sorting,
    statistics,
    striding,
    windows,
)
from gradviz.engine.functions.arithmetic import *
from gradviz.engine.functions.conversion import *
from gradviz.engine.functions.diagonals import *
from gradviz.engine.functions.differences import *
from gradviz.engine.functions.elementwise import *
from gradviz.engine.functions.histograms import *
from gradviz.engine.functions.indexing import *
from gradviz.engine.functions.joining import *
from gradviz.engine.functions.logic import *
from gradviz.engine.functions.members import *
from gradviz.engine.functions.properties import *
from gradviz.engine.functions.reductions import *
from gradviz.engine.functions.repeating import *
from gradviz.engine.functions.scans import *
from gradviz.engine.functions.scattering import *
from gradviz.engine.functions.searching import *
from gradviz.engine.functions.shapes import *
from gradviz.engine.functions.sorting import *
from gradviz.engine.functions.statistics import *
from gradviz.engine.functions.striding import *
from gradviz.engine.functions.windows import *
from gradviz.engine.linalg.functions import contractions, distances, multiplication, products, toplevel
from gradviz.engine.linalg.functions.contractions import *
from gradviz.engine.linalg.functions.distances import *
from gradviz.engine.linalg.functions.multiplication import *
from gradviz.engine.linalg.functions.products import *
from gradviz.engine.linalg.functions.toplevel import *

FAMILIES = (
    arithmetic, elementwise, reductions, statistics, sorting, scans, differences, histograms, multiplication,
    products, contractions, distances, toplevel, shapes, repeating, diagonals, striding, conversion, indexing,
    joining, scattering, searching, logic, properties, sampling, members, windows,
)  # fmt: skip

NOT_METHODS = frozenset(name for family in FAMILIES for name in getattr(family, "NOT_METHODS", ()))

IN_PLACE = [name for family in FAMILIES for name in getattr(family, "IN_PLACE", ())]

METHODS: dict[str, Any] = {
    name: method for family in FAMILIES for name, method in getattr(family, "METHODS", {}).items()
}

__all__ = [name for family in FAMILIES for name in family.__all__]
