"""A line that says how far a run is: in a terminal one line that changes, in Jupyter too."""

from __future__ import annotations

import sys
import time
from typing import TextIO

PATIENCE, EVERY = 1.0, 0.2
"""Seconds before the first line, and between two."""


class Progress:
    """Says, now and then, which epoch it is and what the loss is.

    Parameters
    ----------
    total
        How many epochs there will be, if that is known.
    wanted
        True for always, False for never, ``None`` for runs longer than a second where somebody can see it: a terminal or a
        notebook, and not a file.
    """

    def __init__(self, total: int | None, wanted: bool | None) -> None:
        # In a notebook what goes to stderr looks like an error.
        self.total, self.stream = total, sys.stdout if _in_notebook(sys.stdout) else sys.stderr
        self.shown = 0
        self.wanted = _visible(self.stream) if wanted is None else wanted
        self.started = time.monotonic()
        self.next = self.started + (PATIENCE if wanted is None else 0.0)

    def show(self, epoch: int, loss: float) -> None:
        """Say where the run is, unless that was said just now."""
        if not self.wanted:
            return
        now = time.monotonic()
        if now >= self.next:
            self._write(epoch, loss, now)
            self.next = now + EVERY

    def done(self, epoch: int, loss: float) -> None:
        """Finish the line, if one was begun."""
        if self.shown:
            self._write(epoch, loss, time.monotonic())
            self.stream.write("\n")
            self.stream.flush()

    def _write(self, epoch: int, loss: float, now: float) -> None:
        count = epoch + 1
        line = f"epoch {epoch:,}"  # they count from 0, here as in the player
        if self.total:
            share = min(1.0, count / self.total)
            line = f"{share:4.0%} {'━' * round(20 * share):20} {line} / {self.total - 1:,}"
            if count < self.total:
                line += f", {(now - self.started) / count * (self.total - count):.0f} s to go"
        line += f", loss {loss:.4g}"
        # Carriage return goes to the start of the line, in a terminal and in Jupyter; the blanks cover what was longer.
        self.stream.write("\r" + line.ljust(self.shown))
        self.stream.flush()
        self.shown = len(line)


def _visible(stream: TextIO) -> bool:
    return bool(getattr(stream, "isatty", lambda: False)()) or _in_notebook(stream)


def _in_notebook(stream: TextIO) -> bool:
    return type(stream).__module__.startswith("ipykernel")
