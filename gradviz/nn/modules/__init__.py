"""The modules, by family; each family's ``__all__`` says which classes are ``torch.nn.<name>``."""

from gradviz.nn.modules import (
    activation,
    container,
    convolution,
    dropout,
    lazy,
    linear,
    loss,
    normalization,
    padding,
    pooling,
    recurrent,
    sparse,
    transformer,
)
from gradviz.nn.modules.activation import *
from gradviz.nn.modules.container import *
from gradviz.nn.modules.convolution import *
from gradviz.nn.modules.dropout import *
from gradviz.nn.modules.lazy import *
from gradviz.nn.modules.linear import *
from gradviz.nn.modules.loss import *
from gradviz.nn.modules.normalization import *
from gradviz.nn.modules.padding import *
from gradviz.nn.modules.pooling import *
from gradviz.nn.modules.recurrent import *
from gradviz.nn.modules.sparse import *
from gradviz.nn.modules.transformer import *

FAMILIES = (
    activation,
    container,
    convolution,
    dropout,
    lazy,
    linear,
    loss,
    normalization,
    padding,
    pooling,
    recurrent,
    sparse,
    transformer,
)

__all__ = [name for family in FAMILIES for name in family.__all__]
