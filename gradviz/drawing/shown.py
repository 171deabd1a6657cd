"""What shows itself where pictures are shown: in Jupyter by its formats, in marimo as HTML."""

from __future__ import annotations

from typing import Any


class Shown:
    """Something with a ``_repr_mimebundle_``."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        raise NotImplementedError

    def _still_(self) -> str:
        """Return it as HTML, for a notebook that has lost the widget in which it was."""
        return self._repr_mimebundle_()["text/html"]

    def _mime_(self) -> tuple[str, str]:
        """Return one format for marimo, which would offer a choice of all that there are."""
        return "text/html", self._still_()
