"""Where in the user's program a loop stands: the names of its variables, and the epoch that it counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import CodeType, FrameType
from typing import Any

from gradviz.engine.scope import PACKAGE
from gradviz.recording.names import let_go, variables_of
from gradviz.training.loop.epochs import label_in


class Surroundings:
    """The code around a loop.

    Attributes
    ----------
    home
        The frame that the loop is in; ``None`` where that is not known.
    counted
        The epoch, where somebody counts for us.
    scopes
        Where else names are looked for.
    """

    def __init__(self) -> None:
        self.home: FrameType | None = None
        self.counted: int | None = None
        self.scopes: list[Mapping[str, Any]] = []
        self._counting: CodeType | None = None  # the code that counts the epochs

    def variables(self) -> Sequence[Mapping[str, Any]]:
        """Return the variables of the loop itself."""
        return [] if self.home is None else variables_of(self.home)

    def all_variables(self) -> tuple[list[FrameType], list[Mapping[str, Any]]]:
        """Return the variables from where ``backward()`` was called out to the loop; the frames are to be let go."""
        frames = list(_frames(self.home))
        return frames, [*(scope for frame in frames for scope in variables_of(frame)), *self.scopes]

    def label(self) -> int | None:
        """Return what the epoch is called: as it was counted for us, or by the nearest variable called ``epoch``."""
        if self.counted is not None:
            return self.counted
        if self.home is None:
            return None
        for frame in _frames(self.home):
            if self._counting is None or frame.f_code is self._counting:  # where it was found the last time
                label = label_in(frame)
                if label is not None:
                    self._counting = frame.f_code
                    return label
        self._counting = None
        return None

    def rest(self) -> None:
        """Let go of the loop's variables until they are looked at again."""
        if self.home is not None:
            let_go(self.home)


def _frames(home: FrameType | None) -> Iterator[FrameType]:
    """Go from where ``backward()`` was called out to the loop, past what stands in a library."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        outside = not _is_a_librarys(frame.f_code.co_filename, frame.f_globals.get("__name__", ""))
        if outside or frame is home:
            yield frame
        if frame is home or (outside and home is None):
            return
        frame = frame.f_back


@cache
def _is_a_librarys(filename: str, module: str) -> bool:
    return filename.startswith(PACKAGE) or module.partition(".")[0] == "torch"
