"""From a recording to a picture: view, DOT, layout, SVG, file."""

from gradviz.drawing.compare import Comparison, compare
from gradviz.drawing.drawing import SAVERS, Drawing, draw_recording, image_tag
from gradviz.drawing.face import Face, face
from gradviz.drawing.layout import LayoutError
from gradviz.drawing.options import Options
from gradviz.drawing.steps import steps
from gradviz.drawing.view import View, view

__all__ = [
    "SAVERS",
    "Comparison",
    "Drawing",
    "Face",
    "LayoutError",
    "Options",
    "View",
    "compare",
    "draw_recording",
    "face",
    "image_tag",
    "steps",
    "view",
]
