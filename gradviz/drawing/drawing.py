"""A drawing: shows itself in a notebook, and saves itself."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

from gradviz.drawing import export
from gradviz.drawing.animate import animated
from gradviz.drawing.dot import dot
from gradviz.drawing.face import Face, face
from gradviz.drawing.fit import Picture, arranged, fitted
from gradviz.drawing.layout import Layout
from gradviz.drawing.options import DIFFERENCE, Options, Theme, options
from gradviz.drawing.photos import Photo, photos
from gradviz.drawing.shown import Shown
from gradviz.drawing.svg import size, svg
from gradviz.drawing.view import View
from gradviz.recording import Recording, dumps
from gradviz.recording.compare import difference
from gradviz.recording.files import write_file

SAVERS: dict[str, Callable[[Drawing], str | bytes]] = {
    ".svg": lambda drawing: drawing.to_svg(),
    ".pdf": lambda drawing: export.pdf(drawing.to_svg(theme=drawing.paper_theme), drawing.recording.title),
    ".png": lambda drawing: drawing.to_png(),
    ".dot": lambda drawing: drawing.dot,
    ".json": lambda drawing: dumps(drawing.recording),
    ".html": lambda drawing: resolve_name("gradviz.player:page")(drawing),  # it stands above this
}
"""What each file ending is written with."""

OF_A_STEP = ("step", "face", "prefix", "turned")
"""What of a drawing is another's at another step."""

_displays = itertools.count(1)
_SIZE = re.compile(r' width="([\d.]+)" height="([\d.]+)"')


@dataclass(frozen=True)
class Drawing(Shown):
    """A picture of a recording at one step. Evaluate it in a notebook cell to see it.

    Attributes
    ----------
    recording
        What was computed, all of it.
    step
        Which moment of what is shown.
    options
        How it is to look.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> drawing = gv.draw(w * 3)
    >>> drawing.to_svg().startswith("<svg")
    True
    """

    recording: Recording
    step: int = -1
    options: Options = Options()  # noqa: RUF009 (frozen)

    @cached_property
    def _picture(self) -> Picture:
        return fitted(self.recording, self.options, self.photos)

    @property
    def shown(self) -> Recording:
        """What is drawn: the part of the recording that was asked for, folded until it fits."""
        return self._picture.shown

    @cached_property
    def photos(self) -> dict[str, Photo]:
        """How tensors are images, by their ids: of those that are drawn as one."""
        return photos(self.recording, self.options)

    @cached_property
    def view(self) -> View:
        """What there is to draw, and how large."""
        return self._picture.view

    @cached_property
    def dot(self) -> str:
        """The graph in Graphviz's language."""
        return dot(self.view, title=self.recording.title)

    @property
    def layout(self) -> Layout:
        """Where everything goes."""
        return self._picture.layout

    @cached_property
    def face(self) -> Face:
        """What the picture shows at its step."""
        return face(self.shown, self.view, self.step)

    @cached_property
    def prefix(self) -> str:
        """What every id begins with: the same for the same picture, so that a file does not change by itself."""
        seen = hashlib.sha256(f"{self.options}{self.dot}".encode())
        for part in (self.face.text, self.face.fill, self.face.image, self.face.state, self.face.width):
            seen.update("\n".join(map(str, part.values())).encode())
        return "gv" + seen.hexdigest()[:10]

    def at_step(self, step: int) -> Drawing:
        """Return the same picture at another step: nothing is folded or laid out again.

        Parameters
        ----------
        step
            Which moment of what is shown.
        """
        other = replace(self, step=step)
        vars(other).update((name, made) for name, made in vars(self).items() if name not in OF_A_STEP)
        return other

    @cached_property
    def turned(self) -> Drawing:
        """The same picture with its data flowing the other way, from top to bottom or left to right: nothing is folded anew."""
        direction: Literal["LR", "TB"] = "TB" if self.view.direction == "LR" else "LR"
        other = replace(self, options=replace(self.options, direction=direction))
        vars(other).update(photos=self.photos, _picture=arranged(self.shown, self.view, direction))
        return other

    def to_svg(self, theme: Theme | None = None, *, prefix: str | None = None, panel: bool = False) -> str:
        """Return the picture as SVG text.

        Parameters
        ----------
        theme
            Instead of the drawing's own.
        prefix
            Begins every id; by default derived from the recording.
        panel
            Draw a background, so that the picture can be read on a page of any colour.
        """
        return svg(
            self.view,
            self.layout,
            self.face,
            prefix=prefix or self.prefix,
            theme=theme or self.options.theme,
            title=self.recording.title,
            panel=panel,
        )

    def to_animated_svg(self, theme: Theme | None = None, *, prefix: str | None = None, panel: bool = False) -> str:
        """Return a picture that steps forward and back by itself, as SVG text without a script.

        Parameters
        ----------
        theme
            Instead of the drawing's own.
        prefix
            Begins every id; by default derived from the recording.
        panel
            Draw a background, so that the picture can be read on a page of any colour.
        """
        return animated(
            self.shown,
            self.view,
            self.layout,
            prefix=prefix or self.prefix,
            theme=theme or self.options.theme,
            panel=panel,
        )

    @property
    def paper_theme(self) -> Theme:
        """The theme for files that cannot ask their reader: light in place of auto."""
        return "light" if self.options.theme == "auto" else self.options.theme

    def to_png(self, scale: float = 2.0) -> bytes:
        """Return the picture as a PNG image.

        Parameters
        ----------
        scale
            How many pixels there are to one of the picture.
        """
        return export.png(self.to_svg(theme=self.paper_theme), *size(self.view, self.layout), scale=scale)

    def show(self) -> None:
        """Show the picture here and now: in the middle of a notebook's cell, or of a loop in one.

        Outside of a notebook it says what it is.
        """
        try:
            from IPython.display import display
        except ImportError:
            print(self)
        else:
            display(self)

    def diff(self, other: Drawing) -> Drawing:
        """Return the drawing of what changed from this drawing's numbers to another's of the same structure.

        Parameters
        ----------
        other
            The drawing of the same computation with other numbers.

        Raises
        ------
        ValueError
            If the two are not of one structure.
        """
        shown = tuple(part for part in self.options.show if part != "local")
        return Drawing(
            difference(self.recording, other.recording),
            options=replace(self.options, show=shown, images=None, captions=DIFFERENCE),
        )

    def save(self, path: str | os.PathLike[str], *, animate: bool = False, scale: float | None = None) -> Path:
        """Write the picture to a file, whole or not at all.

        Parameters
        ----------
        path
            Ends in ``.svg``, ``.pdf`` (text can be selected), ``.png``, ``.dot`` (for Graphviz), ``.json`` (the recording)
            or ``.html`` (a page that steps through it).
        animate
            For ``.svg``: a picture that steps through the run by itself, in an endless loop.
        scale
            For ``.png``: how many pixels there are to one of the picture; 2 unless told otherwise.

        Returns
        -------
        pathlib.Path
            The path.

        Raises
        ------
        ValueError
            For another ending, or a setting that it does not have.
        ImportError
            For ``.pdf`` and ``.png``, if the library that makes them is not installed.
        OSError
            If the file cannot be written; an older one stays as it was.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in SAVERS:
            raise ValueError(f"cannot save a drawing as {os.fspath(path)!r}: the name must end in {', '.join(SAVERS)}")
        for setting, given, ending in (("animate", animate, ".svg"), ("scale", scale is not None, ".png")):
            if given and suffix != ending:
                raise ValueError(f"{setting}= is for {ending} files, and {os.fspath(path)!r} is none")
        folder = Path(path).parent
        if not folder.is_dir():
            raise FileNotFoundError(f"cannot save {os.fspath(path)!r}: there is no folder {str(folder)!r}")
        if animate:
            return write_file(path, self.to_animated_svg())
        return write_file(path, self.to_png(scale) if scale is not None else SAVERS[suffix](self))

    def __repr__(self) -> str:
        graph = self.recording.graph
        title = self.recording.title
        return (
            f"<Drawing {title!r}: {len(graph.tensors)} tensors, {len(graph.operations)} operations, "
            f"{len(self.recording.frames)} steps>{''.join(f' {said}' for said in self.recording.remarks)}"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the picture, and fall back to an image: a notebook reopened without trust shows no SVG of its own."""
        # Two pictures on one page must not share ids, even of the same recording.
        picture = self.to_svg(prefix=f"{self.prefix}_{next(_displays)}", panel=True)
        return {
            "image/svg+xml": picture,
            "text/html": image_tag(picture, self.recording.title) + "".join(map(_paragraph, self.recording.remarks)),
            "text/plain": repr(self),
        }


def _paragraph(said: str) -> str:
    from html import escape

    return f'<p style="font:13px/1.5 system-ui,Helvetica,Arial,sans-serif;max-width:60em">{escape(said)}</p>'


def image_tag(picture: str, title: str) -> str:
    """Return an ``<img>`` that carries a picture in itself; it has its size at once, so that nothing moves while it is read."""
    from html import escape

    data = base64.b64encode(picture.encode()).decode()
    size = _SIZE.search(picture, 0, picture.find(">"))
    room = f' width="{size[1]}" height="{size[2]}"' if size else ""
    return (
        f'<img alt="{escape(title)}" style="max-width: 100%; height: auto"{room} decoding="sync" '
        f'src="data:image/svg+xml;base64,{data}">'
    )


def draw_recording(recording: Recording, *, step: int = -1, **given: Any) -> Drawing:
    """Draw a recording.

    Parameters
    ----------
    recording
        What was computed.
    step
        Which moment of what is shown; negative numbers count from the end.
    **given
        How it is to look: see `Options`.

    Raises
    ------
    ValueError, TypeError
        If an option does not exist or has another value than it can.
    IndexError
        If there is no such step.
    """
    drawing = Drawing(recording, step, options(**given))
    if step != -1 or drawing.options.focus is not None:  # the last step there always is
        drawing.shown.at(step)
    if drawing.options.images:
        _ = drawing.photos  # of which one may be named that cannot be
    return drawing
