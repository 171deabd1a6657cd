"""Training: a loop recorded as it is written, step by step."""

from gradviz.training.model import Parameter, ParameterStep, Rule, Step
from gradviz.training.record import epochs, record
from gradviz.training.run import SAVERS, SHOWERS, Run
from gradviz.training.trainer import Trainer

__all__ = ["SAVERS", "SHOWERS", "Parameter", "ParameterStep", "Rule", "Run", "Step", "Trainer", "epochs", "record"]
