"""What ``torch`` itself has of products and linear algebra, in one list."""

from typing import Any

from gradviz.engine.functions import contractions, older, products
from gradviz.engine.functions.contractions import *  # noqa: F403
from gradviz.engine.functions.older import *  # noqa: F403
from gradviz.engine.functions.products import *  # noqa: F403
from gradviz.engine.tensor import Tensor

__all__: list[str] = []
__all__ += products.__all__
__all__ += contractions.__all__
__all__ += older.__all__


def _swapped(self: Tensor, other: Any) -> Any:
    return products.matmul(other, self) if isinstance(other, Tensor) else NotImplemented


METHODS = {"__rmatmul__": _swapped}

NOT_METHODS = [*products.NOT_METHODS, *contractions.NOT_METHODS, *older.NOT_METHODS]

IN_PLACE = [*products.IN_PLACE]
