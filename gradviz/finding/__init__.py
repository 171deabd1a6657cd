"""Finding causes: why a gradient is missing, where it vanishes, which operation made the first nan."""

from gradviz.finding.answer import Answer, Finding
from gradviz.finding.flow import Flow
from gradviz.finding.lines import Line
from gradviz.finding.measured import flow
from gradviz.finding.why import answer, why

__all__ = ["Answer", "Finding", "Flow", "Line", "answer", "flow", "why"]
