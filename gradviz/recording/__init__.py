"""What was computed, as frozen facts: made by watching a program or told by hand, saved and loaded as JSON."""

from gradviz.engine.numerals import DIGITS, NEARLY_ZERO, epsilon, shown
from gradviz.engine.numerals import number as number_text
from gradviz.recording.builder import Builder
from gradviz.recording.byhand import BuiltTensor
from gradviz.recording.codec import dumps, load, loads, save
from gradviz.recording.model import (
    Argument,
    Code,
    Contribution,
    Equation,
    Frame,
    Gradient,
    Graph,
    Link,
    Moment,
    Part,
    RecordedModule,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Source,
    Summary,
    Value,
)
from gradviz.recording.names import variables_of
from gradviz.recording.observe import record_graph
from gradviz.recording.replay import Nudge, ReplayError, nudge
from gradviz.recording.rowsbyhand import Words
from gradviz.recording.told import Unknown
from gradviz.recording.values import preview_shape
from gradviz.recording.words import shape_text

__all__ = [
    "DIGITS",
    "NEARLY_ZERO",
    "Argument",
    "Builder",
    "BuiltTensor",
    "Code",
    "Contribution",
    "Equation",
    "Frame",
    "Gradient",
    "Graph",
    "Link",
    "Moment",
    "Nudge",
    "Part",
    "RecordedModule",
    "RecordedOperation",
    "RecordedTensor",
    "Recording",
    "ReplayError",
    "Source",
    "Summary",
    "Unknown",
    "Value",
    "Words",
    "dumps",
    "epsilon",
    "load",
    "loads",
    "nudge",
    "number_text",
    "preview_shape",
    "record_graph",
    "save",
    "shape_text",
    "shown",
    "variables_of",
]
