"""Functions of neural networks, as PyTorch's ``torch.nn.functional``.

Each family's ``__all__`` says which of its functions are ``torch.nn.functional.<name>``.
"""

from typing import Any

from gradviz import absent
from gradviz.engine import calls
from gradviz.nn.functional import (
    activations,
    attention,
    classification,
    convolution,
    ctc,
    distances,
    dropouts,
    fractional,
    gridding,
    layers,
    lookup,
    losses,
    normalization,
    padding,
    pooling,
    ranking,
)
from gradviz.nn.functional.activations import *
from gradviz.nn.functional.attention import *
from gradviz.nn.functional.classification import *
from gradviz.nn.functional.convolution import *
from gradviz.nn.functional.ctc import *
from gradviz.nn.functional.distances import *
from gradviz.nn.functional.dropouts import *
from gradviz.nn.functional.fractional import *
from gradviz.nn.functional.gridding import *
from gradviz.nn.functional.layers import *
from gradviz.nn.functional.lookup import *
from gradviz.nn.functional.losses import *
from gradviz.nn.functional.normalization import *
from gradviz.nn.functional.padding import *
from gradviz.nn.functional.pooling import *
from gradviz.nn.functional.ranking import *

FAMILIES = (
    activations, attention, classification, convolution, ctc, distances, dropouts, fractional, gridding, layers, lookup,
    losses, normalization, padding, pooling, ranking,
)  # fmt: skip

__all__ = [name for family in FAMILIES for name in family.__all__]
calls.open_to("nn.functional", __all__, globals())


def __getattr__(name: str) -> Any:
    return absent.attribute("nn.functional", name, __all__)
