"""A computation as a list of operations, forward and back, that a page can run on other numbers.

`program_of` runs what was recorded once more, and traces it: the formulas of the table run on tensors, so the way back is itself a
list of forward operations. No derivative is written down a second time.
"""

from gradviz.recording.program.build import LEAF_NUMBERS, computed_with, program_of
from gradviz.recording.program.model import Missing, Numbers, Program, Step
from gradviz.recording.program.places import final_gradients, places_in

__all__ = [
    "LEAF_NUMBERS",
    "Missing",
    "Numbers",
    "Program",
    "Step",
    "computed_with",
    "final_gradients",
    "places_in",
    "program_of",
]
