"""PyTorch's ``torch.linalg``, and what ``torch`` itself has of linear algebra, by family.

All functions take batches: a tensor of shape (..., m, n) holds matrices (m, n), and each is treated by itself.
"""

from gradviz.engine.linalg.checks import LinAlgError
from gradviz.engine.linalg.functions import decompositions, equations, norms, powers
from gradviz.engine.linalg.functions.decompositions import *
from gradviz.engine.linalg.functions.equations import *
from gradviz.engine.linalg.functions.multiplication import matmul
from gradviz.engine.linalg.functions.norms import *
from gradviz.engine.linalg.functions.powers import *

__all__ = ["LinAlgError", "matmul", *decompositions.__all__, *equations.__all__, *norms.__all__, *powers.__all__]
