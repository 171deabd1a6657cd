"""The modules, by family; each family's ``__all__`` says which classes are ``torch.nn.<name>``."""

from typing import Any

from gradviz import absent
from gradviz.nn.module import Module as Module
from gradviz.nn.modules import (
    activation,
    attention,
    cells,
    container,
    convolution,
    dropout,
    lazy,
    linear,
    loss,
    normalization,
    padding,
    parameterlists,
    pooling,
    recurrent,
    sparse,
    transformer,
)
from gradviz.nn.modules.activation import *
from gradviz.nn.modules.attention import *
from gradviz.nn.modules.cells import *
from gradviz.nn.modules.container import *
from gradviz.nn.modules.convolution import *
from gradviz.nn.modules.dropout import *
from gradviz.nn.modules.lazy import *
from gradviz.nn.modules.linear import *
from gradviz.nn.modules.loss import *
from gradviz.nn.modules.normalization import *
from gradviz.nn.modules.padding import *
from gradviz.nn.modules.parameterlists import *
from gradviz.nn.modules.pooling import *
from gradviz.nn.modules.recurrent import *
from gradviz.nn.modules.sparse import *
from gradviz.nn.modules.transformer import *

FAMILIES = (
    activation, attention, cells, container, convolution, dropout, lazy, linear, loss, normalization, padding, parameterlists,
    pooling, recurrent, sparse, transformer,
)  # fmt: skip

__all__ = [name for family in FAMILIES for name in family.__all__]


def __getattr__(name: str) -> Any:
    """Look for what PyTorch has in one family, and gradviz in another, among all of them."""
    if name in __all__:
        return globals()[name]
    return absent.attribute("nn.modules", name, __all__)


for _family in FAMILIES:
    _family.__getattr__ = __getattr__  # type: ignore[method-assign]
