"""Schedules for the learning rate, as PyTorch's ``torch.optim.lr_scheduler``."""

from typing import Any

from gradviz import absent
from gradviz.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from gradviz.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from gradviz.optim.lr_scheduler.cycles import CyclicLR, OneCycleLR
from gradviz.optim.lr_scheduler.factors import (
    ConstantLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from gradviz.optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from gradviz.optim.lr_scheduler.plateau import ReduceLROnPlateau
from gradviz.optim.lr_scheduler.scheduler import LRScheduler
from gradviz.optim.lr_scheduler.scheduler import _LRScheduler as _LRScheduler

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


def __getattr__(name: str) -> Any:
    return absent.attribute("optim.lr_scheduler", name, __all__)
