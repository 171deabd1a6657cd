"""The player as a Jupyter widget. Importing this module imports the widget stack; the package itself does not."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from gradviz.drawing import Drawing, image_tag
from gradviz.player.finding import findable
from gradviz.player.folds import at_depth, depths, step_at, with_every_operation
from gradviz.player.frame import Static, static_wanted
from gradviz.player.held import checked, read_back
from gradviz.player.insides import Insides
from gradviz.player.laboratory import program_data, shown_data
from gradviz.player.page import engine, page, script, style_sheet
from gradviz.player.payload import at_step, common, drawn, told
from gradviz.player.still import Still
from gradviz.recording import record_graph, variables_of
from gradviz.recording.codec import encode
from gradviz.recording.compare import structure_difference
from gradviz.recording.files import write_file
from gradviz.recording.model import Recording
from gradviz.recording.replay import Nudge, nudge


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
    predict
        Ask for each gradient before it is shown.
    **traits
        The first values of the attributes below.

    Attributes
    ----------
    step : int
        The step now shown. Setting one that does not exist is a `traitlets.TraitError`.
    playing : bool
        Whether it steps on by itself.
    selected : str
        The id of the tensor, operation or edge that was clicked last, such as ``"t3"``; ``""`` for none.
    predict : bool
        Whether each gradient is asked for before it is shown.
    grain : str
        ``"operation"``: a step is an operation; ``"event"``: each backward step is taken apart into upstream gradient,
        local derivative, product and accumulation.
    event : int
        Which event inside the step is shown, if steps are taken apart; one that is too large is the last.
    depth : int or None
        How far modules are unfolded: 0 shows each outermost module as one box. ``None`` without modules.
    every_operation : bool
        Whether products show the operations that only turn or reshape their factors.
    direction : str
        Which way data flows in the pictures: ``"LR"``, left to right, ``"TB"``, top to bottom, or ``"auto"``: as suits each.
    inside : str
        The module whose inside is shown, by its path; ``""`` for the whole. `step` then counts its own steps.
    held : list
        What was changed in the player: of each entry the id of its tensor, its place there row by row, and its number now. It can
        be set too: ``[]`` takes everything back.
    moment : int
        Which step of the whole run that is; it is kept when one goes in or out.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> player = Player(gv.draw(w * 3).recording)
    >>> player.step = 1
    >>> player
    Player('3·w', step 1 of 0 to 1)
    """

    _esm = script()
    _css = style_sheet()

    payload = traitlets.Dict(read_only=True).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    predict = traitlets.Bool(False).tag(sync=True)
    grain = traitlets.Enum(("operation", "event"), "operation").tag(sync=True)
    event = traitlets.Int(0).tag(sync=True)
    depth = traitlets.Int(None, allow_none=True).tag(sync=True)
    every_operation = traitlets.Bool(False).tag(sync=True)
    direction = traitlets.Enum(("auto", "LR", "TB"), "auto").tag(sync=True)
    inside = traitlets.Unicode("").tag(sync=True)
    moment = traitlets.Int(0).tag(sync=True)
    held: Any = traitlets.List().tag(sync=True)
    still = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self, recording_or_drawing: Recording | Drawing, *, step: int = 0, predict: bool = False, **traits: Any
    ) -> None:
        self._final, self._still = at_step(recording_or_drawing, -1), Still()
        self._asked = self._final.options
        now, self._deepest = depths(self._final)
        every = self._final.options.every_operation
        if traits.setdefault("every_operation", every) != every:
            self._final = with_every_operation(self._final, not every)
        self._take(self._final)
        super().__init__(step=step, predict=predict, depth=now if self._deepest else None, **traits)
        self.set_trait("payload", self._told())
        self.moment = self.payload["places"][self.step]
        self.set_trait("still", self._still.name)
        self.on_msg(self._answer)

    @property
    def recording(self) -> Recording:
        """What is played."""
        return self._final.recording

    @property
    def drawing(self) -> Drawing:
        """The picture at the step now shown, to be saved or drawn elsewhere."""
        return at_step(self._shown, self.step)

    @property
    def values(self) -> dict[str, np.ndarray[Any, Any]]:
        """The numbers of all tensors by their names, with what was changed in the player, and what followed.

        Examples
        --------
        >>> import gradviz as gv
        >>> w = gv.tensor([2.0, 3.0], requires_grad=True)
        >>> player = gv.backprop((w * w).sum())
        >>> player.held = [["t0", 0, 5.0]]
        >>> player.values["w"], player.gradients["w"]
        (array([5., 3.], dtype=float32), array([10.,  6.], dtype=float32))
        """
        return read_back(self.recording, self.held)[0]

    @property
    def gradients(self) -> dict[str, np.ndarray[Any, Any]]:
        """The gradients of the tensors in `values`, by the same names."""
        return read_back(self.recording, self.held)[1]

    def _take(self, drawing: Drawing) -> None:
        """Play a drawing of the recording."""
        self._final, self._insides = drawing, Insides(drawing)
        self._common = common(drawing, self._insides)

    def _told(self) -> dict[str, Any]:
        """Return what the front end needs to show what is open."""
        return {**told(self._insides, self.inside), **drawn(self._shown), **self._common}

    @property
    def _shown(self) -> Drawing:
        """The whole, or what is shown of it."""
        drawing = self._insides[self.inside].drawing
        return drawing if self.direction in ("auto", drawing.view.direction) else drawing.turned

    def update(self, *outputs: Any, gradient: Any = None, names: Mapping[Any, Any] | None = None) -> None:
        """Play a new result: the same computation on other numbers, say those of a slider.

        The picture stays as it is, but for its numbers, and so do the step, the selection and the size. Of another computation
        the player says so, and shows it from its beginning.

        Parameters
        ----------
        *outputs
            As for `gradviz.backprop`: results, the first of which is differentiated; or one recording.
        gradient
            The gradient to start with, for a result that is not a single number.
        names
            Names for tensors; by default the variables that hold them, as for `gradviz.backprop`.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If there is nothing to play; the player then stays as it is.

        Examples
        --------
        >>> import gradviz as gv
        >>> def y(value):
        ...     w = gv.tensor(value, requires_grad=True)
        ...     return (w * 3.0) ** 2
        >>> player = gv.backprop(y(2.0))
        >>> player.step = 3
        >>> player.update(y(-0.5))
        >>> player.step
        3
        """
        if len(outputs) == 1 and isinstance(outputs[0], Recording):
            recording = outputs[0]
        elif not outputs or any(isinstance(output, Recording) for output in outputs):
            raise TypeError("pass the results of a computation, or one recording: player.update(y)")
        else:
            known = variables_of(sys._getframe(1))
            recording = record_graph(*outputs, gradient=gradient, backward=True, names=names, variables=known)
        parted = structure_difference(self.recording, recording)
        final = Drawing(recording, options=self._asked if parted else self._final.options)
        now, self._deepest = depths(final)
        self._take(final)
        with self.hold_sync():
            self.playing = False
            self.held = []
            if parted:
                self.set_trait("payload", {})  # until it is whole, nothing is shown of it
                self.inside = ""
            self.depth, self.every_operation = now if self._deepest else None, final.options.every_operation
            if parted:
                self.selected = ""
            new = self._told() | ({"note": parted} if parted else {})
            self.step = 0 if parted else min(self.step, len(new["steps"]) - 1)
            self.set_trait("payload", new)
            self.moment = new["places"][self.step]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the whole player as a page (``.html``) that asks and takes apart as it does; or the picture at the step now shown.

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
        if Path(path).suffix.lower() != ".html":
            return self.drawing.save(path)
        return write_file(path, self._page())

    def static(self) -> Static:
        """Return the player for where there is no kernel: one HTML output that carries its whole page in a frame.

        Returns
        -------
        Static
            Shows itself in a notebook, and there goes on playing in what nbconvert, Sphinx or Quarto make of it; ``.html`` is
            text to be put into any page.

        Examples
        --------
        >>> import gradviz as gv
        >>> w = gv.tensor(2.0, requires_grad=True)
        >>> text = gv.backprop(w * 3).static().html
        >>> "<iframe" in text
        True
        """
        return Static(
            self.recording.title or "Backpropagation, step by step",
            self._page(),
            self._final.to_svg(panel=True),
        )

    def nudge(self, tensor: Any, index: int | Sequence[int] = (), by: float = 0.1) -> Nudge:
        """Compare what a gradient says about a small change with what the change does.

        What a gradient means: if the entry rose by a little, by how much the output would. The recorded operations are run again
        to see by how much it does. Nothing of your own code runs, and no tensor changes.

        Parameters
        ----------
        tensor
            A tensor of the computation, of any shape and of floating point; or its name as the picture has it, or its id.
        index
            Which entry of it: as many whole numbers as it has axes, none for a single number.
        by
            What is added to the entry.

        Returns
        -------
        Nudge
            ``predicted``, the gradient times the step; ``before`` and ``after``, the output; ``change``, what it has changed.

        Raises
        ------
        ValueError, IndexError, TypeError
            If there is no such tensor, no such entry, or if it is not of floating point.
        RuntimeError
            If something that depends on it cannot be run again: a function of your own, or random numbers from a distribution
            that has changed.

        Examples
        --------
        >>> import gradviz as gv
        >>> w = gv.tensor([3.0, 4.0], requires_grad=True)
        >>> player = gv.backprop((w * w).sum())
        >>> found = player.nudge(w, 0, 0.1)
        >>> round(found.predicted, 4), round(found.change, 4)
        (0.6, 0.61)
        """
        return nudge(self.recording, tensor, index, by)

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        """Answer the front end, which asks with ``{"type": "nudge", "tensor": "t0", "index": 3, "by": 0.1}``, ``{"type": "find"}`` or ``{"type": "laboratory"}``."""
        if isinstance(content, dict) and content.get("type") == "find":
            self.send({"type": "found", "items": findable(self._insides)})
            return
        if isinstance(content, dict) and content.get("type") == "laboratory":
            return self._open(content)
        if not isinstance(content, dict) or content.get("type") != "nudge":
            return
        answer = {**{key: content.get(key) for key in ("tensor", "index", "by")}, "type": "nudged"}
        try:
            shape = self.recording.graph.tensor(content["tensor"]).shape
            index = tuple(int(k) for k in np.unravel_index(content["index"], shape)) if shape else ()
            found = self.nudge(content["tensor"], index, float(content["by"]))
            answer |= {"before": encode(found.before), "after": encode(found.after)}
        except Exception as error:  # the front end says it; a kernel that hears nonsense goes on
            answer["error"] = str(error.args[0]) if error.args else type(error).__name__
        self.send(answer)

    def _open(self, asked: Mapping[str, Any]) -> None:
        """Send what the front end needs to run the computation on other numbers: the program, and the engine unless it has that."""
        answer = {"type": "laboratory", "at": asked.get("at", ""), "program": program_data(self.recording)}
        if "missing" not in answer["program"]:
            answer["shown"] = shown_data(self.recording, self._shown)
        self.send(answer | ({"text": engine()} if asked.get("engine") else {}))

    def _page(self) -> str:
        """Return the page that asks and takes apart as this player does."""
        return page(self._final, predict=self.predict, grain=self.grain, direction=self.direction)

    @traitlets.validate("step")
    def _existing_step(self, proposal: Any) -> int:
        step, count = proposal["value"], len(self._shown.shown.frames)
        if not -count <= step < count:
            raise traitlets.TraitError(
                f"step {step} is out of range: this recording has {count} steps, 0 to {count - 1} (or −1 for the last)"
            )
        return step % count

    @traitlets.validate("selected")
    def _existing_element(self, proposal: Any) -> str:
        key, graph = proposal["value"], self.recording.graph
        ids = {tensor.id for tensor in graph.tensors} | {operation.id for operation in graph.operations}
        ids |= {argument.id for _, argument in graph.arguments()}
        ids |= {f"{operation.id}_{output}" for operation in graph.operations for output in operation.outputs}
        if key and key not in ids:
            raise traitlets.TraitError(
                f"selected is {key!r}, but this recording has no tensor or operation of that id, and no edge; "
                'use an id such as "t0", "o0" or "o0_1", or "" for none'
            )
        return key

    @traitlets.validate("held")
    def _known_entries(self, proposal: Any) -> list[Any]:
        try:
            return checked(self.recording, proposal["value"])
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("depth")
    def _existing_depth(self, proposal: Any) -> int | None:
        depth, most = proposal["value"], self._deepest
        if not most and depth is not None:
            raise traitlets.TraitError(f"depth is {depth}, but nothing here ran in a module that could be folded")
        if most and (depth is None or not 0 <= depth <= most):
            raise traitlets.TraitError(f"depth is {depth}; in this recording it can be 0 to {most}")
        return depth

    @traitlets.validate("inside")
    def _existing_inside(self, proposal: Any) -> str:
        key = str(proposal["value"])
        try:
            return self._insides[key].key
        except KeyError:
            known = ", ".join(repr(one.key) for one in islice(self._insides, 1, 13)) or "none"
            raise traitlets.TraitError(f"there is no inside of {key!r} to be shown; there are: {known}") from None

    @traitlets.observe("depth", "every_operation")
    def _fold(self, change: Any) -> None:
        drawing, new = self._final, change["new"]
        now = depths(drawing)[0] if change["name"] == "depth" else drawing.options.every_operation
        if not self.payload or now == new:
            return  # as it is being made
        self._take(at_depth(drawing, new) if change["name"] == "depth" else with_every_operation(drawing, new))
        if self.inside:
            self.inside = ""
        else:
            self._show()

    @traitlets.observe("inside", "direction")
    def _go(self, _: Any) -> None:
        if self.payload:  # and not as it is being made
            self._show()

    def _show(self) -> None:
        """Show another picture at the same moment."""
        seen = self.moment
        data = self._told()
        with self.hold_sync():  # so that the front end never has the one without the other
            self.playing = False
            self.step = step_at(seen, data["places"])
            self.set_trait("payload", data)
            self.moment = seen

    @traitlets.observe("step")
    def _move(self, change: Any) -> None:
        if self.payload and change["new"] < len(self.payload["places"]):
            self.moment = self.payload["places"][change["new"]]

    def _still_(self) -> str:
        """Return the finished picture as HTML that the front end hides while it works."""
        return f'<div class="{self.still}">{image_tag(self._final.to_svg(panel=True), self.recording.title)}</div>'

    @traitlets.observe("payload")
    def _redraw(self, _: Any) -> None:
        self._still.follow(self._still_, repr(self))

    def __repr__(self) -> str:
        return f"Player({self.recording.title!r}, step {self.step} of 0 to {len(self._shown.shown.frames) - 1})"

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the finished picture as an output of its own, which the player hides while it works, and the player."""
        from IPython.display import display

        if static_wanted():
            display(self.static())
            return
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        self._still.show(self._still_(), repr(self))
        display(data, metadata=metadata, raw=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the widget, and the finished picture for wherever there can be no widget."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**self._final._repr_mimebundle_(), **data}, metadata
