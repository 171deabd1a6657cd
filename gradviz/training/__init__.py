"""Training: a loop recorded as it is written, step by step."""

from gradviz.training import codec  # noqa: F401 (a run learns to save itself as .json)
from gradviz.training.compare import RunComparison, compare
from gradviz.training.model import Parameter, ParameterStep, Rule, Step
from gradviz.training.record import epochs, record
from gradviz.training.run import SAVERS, SHOWERS, Run
from gradviz.training.sweep import sweep
from gradviz.training.trainer import Trainer

__all__ = [
    "SAVERS",
    "SHOWERS",
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
