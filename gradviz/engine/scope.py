"""Which ``nn.Module`` call is running, so that a node can remember where in the model it was made; and whose code is whose."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
"""Where this package's code is, with a slash at the end: a user's folder may begin with the same name."""


OURS: dict[str, bool] = {}
"""Whether a source file is part of this package, for the files met so far."""


def line_above(frame: FrameType | None) -> tuple[Any, int] | None:
    """Return the code object and instruction, from a frame on upwards, that called into this package: the line of the program.

    ``None`` if no line of Python's did.
    """
    while frame is not None:
        code = frame.f_code
        ours = OURS.get(code.co_filename)
        if ours is None:
            ours = OURS[code.co_filename] = code.co_filename.startswith(PACKAGE)
        if not ours:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called into this package, however deep in it the call is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level + 1)


class ModuleTag:
    """Stands for one module without holding on to it: a node must not keep a model (and through it itself) alive."""

    __slots__ = ("class_name", "has_parameters", "label", "name")

    def __init__(self, class_name: str, label: str, has_parameters: bool, name: str = "") -> None:
        self.class_name, self.label, self.has_parameters = class_name, label, has_parameters
        # What it is called in the module around it, where it is no module itself: a layer of an LSTM.
        self.name = name


def label(class_name: str, settings: str) -> str:
    """Name a module as one writes it, ``Linear(3, 2)``, from what it tells of itself: ``in_features=3, out_features=2, bias=True``."""
    told = [setting.split("=", 1)[-1].strip() for setting in settings.split(",") if setting.strip()]
    shown = ", ".join(setting for setting in told if setting not in ("True", "False", "None"))
    return f"{class_name}({shown})" if shown else class_name


class Call(NamedTuple):
    """One running ``module(...)``, and the call around it."""

    tag: ModuleTag
    outer: Call | None


@contextmanager
def called(tag: ModuleTag) -> Iterator[None]:
    """Let what is computed meanwhile be part of a call of what a tag stands for."""
    outer = running.call
    running.call = Call(tag, outer)
    try:
        yield
    finally:
        running.call = outer


class _Running(threading.local):
    """What runs in this thread."""

    call: Call | None = None
    """The innermost call, ``None`` outside of any module."""


running = _Running()
