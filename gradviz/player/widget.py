"""The player as a Jupyter widget. Importing this module imports the widget stack; the package itself does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gradviz.drawing import Drawing
from gradviz.player.page import script, style_sheet
from gradviz.player.payload import at_step, payload
from gradviz.recording.model import Recording


class Player(anywidget.AnyWidget):
    """Step through a recording, in a notebook.

    The whole recording is sent to the browser at once: stepping needs no kernel, and goes on when it is restarted.
    The step travels both ways; it can be set from code, observed, and linked with ``jslink``.

    Parameters
    ----------
    recording_or_drawing
        What to play; a drawing keeps its direction.
    step
        The step shown first; negative counts from the end.

    Attributes
    ----------
    step : int
        The step now shown. Setting one that does not exist is a `traitlets.TraitError`.
    playing : bool
        Whether it steps on by itself.
    selected : str
        The id of the tensor or operation that was clicked last, such as ``"t3"``; ``""`` for none.

    Examples
    --------
    >>> player = Player(recording)  # doctest: +SKIP
    >>> player.step = -1  # doctest: +SKIP
    >>> player.save("backward.html")  # doctest: +SKIP
    """

    _esm = script()
    _css = style_sheet()

    payload = traitlets.Dict(read_only=True).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)

    def __init__(self, recording_or_drawing: Recording | Drawing, *, step: int = 0, **traits: Any) -> None:
        self._final = at_step(recording_or_drawing, -1)
        super().__init__(step=step, **traits)
        self.set_trait("payload", payload(self._final))

    @property
    def recording(self) -> Recording:
        """What is played."""
        return self._final.recording

    @property
    def drawing(self) -> Drawing:
        """The picture at the step now shown, to be saved or drawn elsewhere."""
        return at_step(self._final, self.step)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the whole player as a page (``.html``), or the picture at the step now shown.

        Parameters
        ----------
        path
            Ends in ``.html``, or in what a drawing can be saved as: ``.svg``, ``.dot``, ``.json``.

        Returns
        -------
        pathlib.Path
            The path.

        Raises
        ------
        ValueError
            For another ending.
        OSError
            If the file cannot be written; an older one stays as it was.
        """
        return self.drawing.save(path)

    @traitlets.validate("step")
    def _existing_step(self, proposal: Any) -> int:
        step, count = proposal["value"], len(self.recording.frames)
        if not -count <= step < count:
            raise traitlets.TraitError(
                f"step {step} is out of range: this recording has {count} steps, 0 to {count - 1} (or −1 for the last)"
            )
        return step % count

    @traitlets.validate("selected")
    def _existing_element(self, proposal: Any) -> str:
        key, graph = proposal["value"], self.recording.graph
        ids = {tensor.id for tensor in graph.tensors} | {operation.id for operation in graph.operations}
        if key and key not in ids:
            raise traitlets.TraitError(
                f"selected is {key!r}, but this recording has no tensor or operation of that id; "
                'use an id such as "t0" or "o0", or "" for none'
            )
        return key

    def __repr__(self) -> str:
        return f"Player({self.recording.title!r}, step {self.step} of 0 to {len(self.recording.frames) - 1})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Show the widget, and the finished picture wherever there can be no widget.

        A notebook that is opened again without its kernel drops the SVG unless the reader trusts it; the image stays.
        """
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**self._final._repr_mimebundle_(), **data}, metadata
