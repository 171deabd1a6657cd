"""Optimisers, as PyTorch's ``torch.optim``."""

from typing import Any

from gradviz import absent
from gradviz.engine.later import later
from gradviz.optim import lr_scheduler
from gradviz.optim.adadelta import Adadelta
from gradviz.optim.adagrad import Adagrad
from gradviz.optim.adam import Adam, AdamW
from gradviz.optim.adamax import Adamax
from gradviz.optim.asgd import ASGD
from gradviz.optim.lbfgs import LBFGS
from gradviz.optim.nadam import NAdam
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.radam import RAdam
from gradviz.optim.rmsprop import RMSprop
from gradviz.optim.rprop import Rprop
from gradviz.optim.sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]


def __getattr__(name: str) -> Any:
    if name == "swa_utils":
        return later(__name__, name, name)
    return absent.attribute("optim", name, __all__)
