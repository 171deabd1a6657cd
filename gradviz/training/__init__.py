"""Training: a loop recorded as it is written, step by step."""

from gradviz.training.analysis.compare import RunComparison, compare
from gradviz.training.loop.record import epochs, record
from gradviz.training.run import Run
from gradviz.training.run.model import Parameter, ParameterStep, Rule, Step
from gradviz.training.sweep import sweep
from gradviz.training.trainer import Trainer

__all__ = [
    "Parameter",
    "ParameterStep",
    "Rule",
    "Run",
    "RunComparison",
    "Step",
    "Trainer",
    "compare",
    "epochs",
    "record",
    "sweep",
]
