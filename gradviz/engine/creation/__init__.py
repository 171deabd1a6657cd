"""Making tensors: from data, filled with a number, or at random."""

from gradviz.engine.creation import data, filled, random
from gradviz.engine.creation.data import *
from gradviz.engine.creation.filled import *
from gradviz.engine.creation.random import *

__all__ = [*data.__all__, *filled.__all__, *random.__all__]
