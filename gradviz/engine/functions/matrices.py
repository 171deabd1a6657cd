"""Products of vectors and matrices. What is in ``torch`` of linear algebra is listed here too."""

from gradviz.engine.functions import contractions, products
from gradviz.engine.functions.contractions import *
from gradviz.engine.functions.products import *

__all__ = [*products.__all__, *contractions.__all__]

NOT_METHODS = [*products.NOT_METHODS, *contractions.NOT_METHODS]

IN_PLACE = [*products.IN_PLACE]
