"""What PyTorch's ``torch.nn`` has, in one list."""

from gradviz.nn import functional, init, modules, parallel, utils
from gradviz.nn.module import Module
from gradviz.nn.modules import *
from gradviz.nn.parallel import DataParallel
from gradviz.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer", "DataParallel", "Module", "Parameter", "UninitializedBuffer", "UninitializedParameter", "functional", "init",
    "parallel", "utils",
    *modules.__all__,
]  # fmt: skip
