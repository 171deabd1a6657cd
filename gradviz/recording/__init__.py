"""What was computed, as frozen facts: made by watching the engine, saved and loaded as JSON."""

from gradviz.recording.codec import dumps, load, loads, save
from gradviz.recording.model import (
    Argument,
    Code,
    Contribution,
    Frame,
    Gradient,
    Graph,
    Module,
    Moment,
    Operation,
    Recording,
    Source,
    Summary,
    Tensor,
    Value,
)
from gradviz.recording.names import variables_of
from gradviz.recording.observe import record_graph

__all__ = [
    "Argument",
    "Code",
    "Contribution",
    "Frame",
    "Gradient",
    "Graph",
    "Module",
    "Moment",
    "Operation",
    "Recording",
    "Source",
    "Summary",
    "Tensor",
    "Value",
    "dumps",
    "load",
    "loads",
    "record_graph",
    "save",
    "variables_of",
]
