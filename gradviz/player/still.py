"""The still picture beside a player in a notebook, for when the notebook is opened again without its kernel."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

AFTER = 0.5
"""Seconds without a further change, after which a still picture is made anew."""

_ABOVE = '.jp-OutputArea-child:has(> .jp-OutputArea-output > [class^="gradviz-still-"])'
_LOST = f"{_ABOVE} + .jp-OutputArea-child > .jupyter-widgets:not(:has(*))"
"""Where JupyterLab says, with nothing but text, that it has no model for the widget: the still picture says so already."""

_LIVE = f"{_ABOVE}:has(+ .jp-OutputArea-child .jupyter-widgets > *)"
"""What stands above a widget that works, in JupyterLab and Notebook: a box can hide nothing by itself."""

AGAIN = "To work with this, run the notebook again."

# A sanitizer that takes the element away and leaves its text finds a comment; in a style sheet the signs mean nothing.
_STYLE = f"""\
<style><!--
{_LIVE}, {_LOST} {{ display: none; }}
--></style>
"""


class Still:
    """An output of its own, with a picture of what a widget shows, which is hidden while the widget works.

    A notebook that is opened again without its kernel says in place of a widget that there is no model for it, whatever else
    the same output could show.

    Attributes
    ----------
    name
        The class by which the front end of a player finds the picture, to hide it.
    """

    def __init__(self) -> None:
        self.name = f"gradviz-still-{uuid.uuid4().hex}"
        self._handle: Any = None
        self._waiting: asyncio.TimerHandle | None = None

    def html(self, pictures: str) -> str:
        """Return pictures as HTML of this class, with what is to be done to have the widget again."""
        return f'<div class="{self.name}">{_STYLE}{pictures}<p style="margin: 0; opacity: 0.7">{AGAIN}</p></div>'

    def show(self, pictures: str, words: str) -> None:
        """Show HTML as an output of its own; the widget is to be the next."""
        from IPython.display import display

        bundle = {"text/html": self.html(pictures), "text/plain": words}
        self._handle = display(bundle, raw=True, display_id=True)

    def follow(self, pictures: Callable[[], str], words: str) -> None:
        """Change what is shown, once there have been no changes for a while: the notebook that is saved has the last one."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # nobody who could wait
            return
        if self._handle is None:
            return  # it has not been shown
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = loop.call_later(AFTER, self._change, pictures, words)

    def _change(self, pictures: Callable[[], str], words: str) -> None:
        self._handle.update({"text/html": self.html(pictures()), "text/plain": words}, raw=True)
