"""The training player as a Jupyter widget. Importing this module imports the widget stack; the package itself does not."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gradviz.drawing import image_tag
from gradviz.player.frame import static_wanted
from gradviz.player.page import engine, script, style_sheet
from gradviz.player.still import Still
from gradviz.player.training.computed import computed_data, without_known
from gradviz.player.training.graphs import GraphPicture, sampled
from gradviz.player.training.onward import onward_payload
from gradviz.player.training.payload import POINTS, fits_payload, surface_payload
from gradviz.player.training.stream import Stream
from gradviz.training.run import Run
from gradviz.training.run.panels import chosen_panels
from gradviz.training.trainer import Trainer

PATIENCE = 0.04
"""Seconds between two looks at a run that goes on: so many that they look like a film."""

SHARE = 0.1
"""Of the time of a running loop, at most about so much is spent on showing it."""

ROOM_FOR = 4
"""Steps besides the one asked for that a picture has room for, when it is drawn."""

SLICE = 0.12
"""Seconds that a live run trains on before it answers: short enough for a click on pause to be heard."""


class TrainingPlayer(anywidget.AnyWidget):
    """Step through a training run, in a notebook; and train on, if it is a live one.

    Parameters
    ----------
    run
        What was recorded, or a `Trainer`. A run that goes on is followed while it does.
    panels
        What is shown at first, the largest first: see `gradviz.training.Run.show`.

    Attributes
    ----------
    place : int
        Which of the run's kept steps is shown; negative numbers count from the end.
    live : dict or None
        Of a live run: ``lr`` and ``momentum`` as they are set, ``epochs``, ``done``, and a ``message`` where it was stopped
        by an error.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> with gv.record() as run:
    ...     for epoch in range(3):
    ...         w.grad = None
    ...         loss = (w - 1.0) ** 2
    ...         loss.backward()
    ...         w.data -= 0.25 * w.grad
    >>> TrainingPlayer(run)
    TrainingPlayer('loss = (w − 1)²', 3 epochs)
    """

    _esm = script("training")
    _css = style_sheet("training")

    payload = traitlets.Dict(read_only=True).tag(sync=True)
    place = traitlets.Int(0).tag(sync=True)
    live = traitlets.Dict(None, allow_none=True, read_only=True).tag(sync=True)
    still = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, run: Run | Trainer, *, panels: Sequence[str] | None = None, **traits: Any) -> None:
        self._panels = chosen_panels(panels)
        self._trainer = run if isinstance(run, Trainer) else None
        self._pictures: dict[int, GraphPicture] = {}
        super().__init__(**traits)
        self._still = Still()
        self.set_trait("still", self._still.name)
        self.on_msg(self._heard)
        self._follow(run.run if isinstance(run, Trainer) else run)

    def _follow(self, run: Run) -> None:
        """Show this run from now on, and what comes of it."""
        self._run, self._id = run, uuid.uuid4().hex
        self._next_look = 0.0
        self._pictures.clear()
        self._stream = Stream(run, self._panels)
        self._further: dict[str, Any] | None = None  # what a page loads when it is to train on
        self._send_all()
        if not run.finished:
            run.watch(self._grown)

    @property
    def run(self) -> Run:
        """What is shown."""
        return self._run

    # --- what is told ---------------------------------------------------------------------------------------------

    def _send_all(self) -> None:
        """Tell all of the run: to pages that there are, and to those that will be opened."""
        with self.hold_sync():
            self.set_trait("live", self._live())
            self.set_trait("payload", {**self._stream.all(), "id": self._id, "onward": self._onward()})

    def _send_more(self) -> None:
        """Tell what has come since; when it is over all of it, for pages that will be opened."""
        started = time.monotonic()
        over = self._run.finished if self._trainer is None else self._trainer.done >= self._trainer.epochs
        more = None if over else self._stream.more()
        if more is None:
            self._send_all()
        else:
            self.set_trait("live", self._live())
            self.send({"told": "more", "run": self._id, **more})
        now = time.monotonic()
        self._next_look = now + max(PATIENCE, (now - started) / SHARE)

    def _grown(self, run: Run) -> None:
        """Show what a loop that is running has done since; not so often that it is slowed down."""
        if run is not self._run or (self._trainer is not None and not run.finished):
            run.unwatch(self._grown)  # a live run is sent when it answers
        elif run.finished or time.monotonic() >= self._next_look:
            self._send_more()
            if run.finished:
                run.unwatch(self._grown)

    def _onward(self) -> dict[str, Any] | None:
        """Return what a page says of training on by itself: of a run that is over, and that no trainer goes on with."""
        if self._trainer is not None or not self._run.finished or not self._run.log.entries:
            return None
        told, self._further = onward_payload(self._run, POINTS, False)
        return told

    def _live(self) -> dict[str, Any] | None:
        trainer = self._trainer
        if trainer is None:
            return None
        return {
            "lr": trainer.setting("lr"),
            "momentum": trainer.setting("momentum"),
            "epochs": trainer.epochs,
            "done": trainer.done,
            "message": trainer.message,
        }

    # --- what is asked --------------------------------------------------------------------------------------------

    def _heard(self, _: Any, asked: dict[str, Any], __: Any) -> None:
        if asked.get("run", self._id) != self._id:
            return  # it is about a run that has been replaced, and so is the page that asked
        try:
            if asked.get("do") == "run":
                self._train(asked.get("epochs"))
            elif asked.get("do") == "set":
                self._set(asked)
            elif asked.get("do") == "reset":
                self.reset()
            elif asked.get("ask") == "all":
                if self._stream.lacks(int(asked["kept"]), int(asked["losses"])):
                    self._send_all()
            elif asked.get("ask") == "onward":
                self.send({"told": "onward", "onward": self._further, "engine": engine()})
            elif asked.get("ask") == "graph":
                self._send_graph(int(asked["index"]), whole=asked.get("whole") is True)
            elif asked.get("ask") == "surface":
                first, second = asked.get("first"), asked.get("second")
                told = surface_payload(self._run, first, None if second == first else second)
                self.send({"told": "surface", "surface": told})
            elif asked.get("ask") == "fit":
                entry = self._run.nearest(int(asked["index"]), complete=False)
                self.send({"told": "fit", "fit": fits_payload(self._run, [entry], self._stream.network)})
        except (Exception, KeyboardInterrupt) as error:  # in a message's handler nobody would see it
            self.send({"told": "failed", "asked": asked.get("ask"), "message": f"{type(error).__name__}: {error}"})

    def _train(self, epochs: int | None) -> None:
        if self._trainer is None:
            return
        try:
            self._trainer.train(epochs, seconds=SLICE)
        except KeyboardInterrupt:
            self._trainer.message = "Interrupted: the kernel was told to stop. What was trained so far is here."
        finally:
            self._send_more()
            # A message overtakes a state that was sent before it, so it says itself why there is no going on.
            self.send({"told": "done", "message": self._trainer.message})

    def _set(self, asked: dict[str, Any]) -> None:
        if self._trainer is not None:
            self._trainer.set(lr=asked.get("lr"), momentum=asked.get("momentum"))
            self.set_trait("live", self._live())

    def _send_graph(self, index: int, whole: bool) -> None:
        """Send what the graph shows in a step; the `whole` of its backpropagation only where that is opened."""
        entry = self._run.nearest(index)
        recording = self._run.recording_of(entry)
        assert entry.program is not None
        picture = self._pictures.get(entry.program)
        new = picture is None
        if picture is None:
            # With room for the steps that are there already, so that it need not be drawn anew for each.
            entries = [other for other in self._run.log.entries if other.program == entry.program]
            others = [self._run.recording_of(other) for other in sampled(entries, ROOM_FOR)]
            picture = GraphPicture([*others, recording])
        elif not picture.has_room(recording):
            new, picture = True, picture.widened(recording)
        self._pictures[entry.program] = picture
        told = {"told": "graph", "index": index, "program": entry.program, "face": picture.face(recording)}
        if new:
            told["base"] = picture.base
            told |= self._what_computes(entry.program, picture)
        if whole:
            told["numbers"] = picture.numbers(recording)
        self.send(told)

    def _what_computes(self, program: int, picture: GraphPicture) -> dict[str, Any]:
        """Return what lets a page compute what a picture shows in all steps that are like the first of its program."""
        first = next(entry for entry in self._run.log.entries if entry.program == program and entry.complete)
        recording = self._run.recording_of(first)
        computed = computed_data(self._run, picture, first, recording)
        if computed is None:
            return {}
        numbers = picture.numbers(recording, lambda shown: without_known(shown, computed))
        return {"computed": {**computed, "first": numbers}, "engine": engine()}

    # --- for code -------------------------------------------------------------------------------------------------

    def train(self, epochs: int | None = None) -> None:
        """Train on, as the play button does.

        Parameters
        ----------
        epochs
            How many; by default all that are left.

        Raises
        ------
        RuntimeError
            If this is no live run.
        ValueError
            If `epochs` is no whole number of at least 1.
        """
        self._needs_trainer().train(epochs)
        self._send_more()

    def set(self, *, lr: float | None = None, momentum: float | None = None) -> None:
        """Change the learning rate or the momentum from the next epoch on, as the sliders do.

        Raises
        ------
        RuntimeError
            If this is no live run.
        ValueError
            If the optimiser has no such setting, or a value makes no sense.
        """
        self._needs_trainer().set(lr=lr, momentum=momentum)
        self.set_trait("live", self._live())

    def reset(self) -> None:
        """Go back to the weights and buffers of the beginning; the run so far stays in the variables that hold it.

        What else the closure has changed stays, such as a learning rate that a scheduler has set: see `Trainer.reset`.
        """
        trainer = self._needs_trainer()
        trainer.reset()
        self.place = 0
        self._follow(trainer.run)
        self.send({"told": "done", "message": ""})

    def _needs_trainer(self) -> Trainer:
        if self._trainer is None:
            raise RuntimeError(
                "this player shows a run that was recorded: gv.train(closure, optimizer) makes one that trains"
            )
        return self._trainer

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the run: see `Run.save`."""
        return self._run.save(path)

    def _still_(self) -> str:
        """Return the loss as HTML that the front end hides while it works."""
        return f'<div class="{self.still}">{image_tag(self._run.plot().svg, self._run.title or "nothing trained yet")}</div>'

    def __repr__(self) -> str:
        return f"TrainingPlayer({self._run.title!r}, {self._run.epochs} epochs)"

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Show the loss as an output of its own, which the player hides while it works, and the player."""
        from IPython.display import display

        if static_wanted() and len(self._run):
            display(self._run.static())
            return
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        self._still.show(self._still_(), repr(self))
        display(data, metadata=metadata, raw=True)
