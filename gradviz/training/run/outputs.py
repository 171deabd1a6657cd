"""What a run is turned into: files, pages, pictures, players. Whoever makes them stands above this, and is found by name when asked."""

from __future__ import annotations

import os
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from gradviz.training.run.panels import chosen_panels

if TYPE_CHECKING:
    from gradviz.recording.model import Recording
    from gradviz.training.run.log import Log

SAVERS = {".zip": "gradviz.training.files.codec:save", ".html": "gradviz.player.training:save_page"}
"""Who saves a run, by the file's ending; looked up when it is asked for, for some of it stands above this."""

SHOWER = "gradviz.player.training:TrainingPlayer"
"""What makes a widget of a run."""

FRAMER = "gradviz.player.training:framed"
"""What makes an output of a run that needs no kernel."""

MOVER, MOVING = "gradviz.player.training.film:save_moving", (".svg", ".pdf")
"""What saves all epochs in one file, and how that ends."""

FRAMES = "gradviz.player.training.film:save_frames"
"""What saves them as images."""

PICTURES = (".svg", ".pdf", ".png", ".dot")
"""Endings of the picture of one epoch."""

JSON = (
    ". A run has more numbers than a .json is good for; of one epoch: gradviz.draw(run.at(epoch=3)).save('epoch.json')"
)
"""Said to those who ask for one."""


class Outputs:
    """The part of a `Run` that shows and saves it."""

    log: Log
    finished: bool

    if TYPE_CHECKING:  # a run has it

        def at(self, epoch: int | None = None, *, step: int | None = None) -> Recording:
            """Return the computation of one step."""
            raise NotImplementedError

    def save(self, path: str | os.PathLike[str], *, epoch: int | None = None, animate: bool = False) -> Path:
        """Save the run.

        Parameters
        ----------
        path
            ``.zip``: all of it, to be read by `gradviz.load`. ``.html``: a page with the training player. ``.svg``,
            ``.pdf``, ``.png``: the picture of one epoch.
        epoch
            Which epoch a picture shows: by default the last.
        animate
            All epochs, or sixty of them: an ``.svg`` that goes through them by itself, without a script; a ``.pdf`` with a page
            for each, for a sequence of slides.

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
        name = os.fspath(path).lower()
        if animate:
            if not name.endswith(MOVING) or epoch is not None:
                raise ValueError(f"animate= shows all epochs, in a file that ends in {' or '.join(MOVING)}")
            made: Path = resolve_name(MOVER)(self, path)
            return made
        if name.endswith(PICTURES):
            from gradviz.drawing import draw_recording

            return draw_recording(self.at(epoch=-1 if epoch is None else epoch)).save(path)
        for ending, saver in SAVERS.items():
            if name.endswith(ending):
                if epoch is not None:
                    raise ValueError(f"a {ending} file holds the whole run: leave epoch= out, or save a picture (.svg)")
                saved: Path = resolve_name(saver)(self, path)
                return saved
        raise ValueError(
            f"cannot save a run as {os.fspath(path)!r}: the name must end in {', '.join(SAVERS)}, or, for the picture of one "
            f"epoch, in {', '.join(PICTURES)}{JSON if name.endswith(('.json', '.json.gz')) else ''}"
        )

    def frames(self, folder: str | os.PathLike[str], *, scale: float = 2.0) -> list[Path]:
        """Save the graph of each epoch, or of sixty of them, as an image, for a GIF or a film.

        Parameters
        ----------
        folder
            Where ``frame-000.png``, ``frame-001.png`` and so on are written; it is made if there is none.
        scale
            How many pixels of an image there are to one of the picture.

        Returns
        -------
        list of pathlib.Path
            The images, in their order, all of one size.

        Raises
        ------
        ImportError
            If the library that makes them is not installed.
        ValueError
            If no step of the run can be computed again.
        """
        made: list[Path] = resolve_name(FRAMES)(self, folder, scale)
        return made

    def show(self, *panels: str) -> Any:
        """Return the training player for this run: a widget, which goes on while the loop does.

        Parameters
        ----------
        *panels
            What it shows at first, the largest first: ``"network"``, ``"graph"``, ``"fit"``, ``"surface"``, ``"loss"``,
            ``"gradients"``, ``"parameters"``, ``"rule"``. By default what tells most of this run; a menu has the others.

        Raises
        ------
        ValueError
            If there is no such panel.

        Examples
        --------
        >>> import gradviz as torch
        >>> w = torch.tensor(2.0, requires_grad=True)
        >>> with torch.record() as run:
        ...     (w**2).backward()
        >>> run.show("loss", "rule")
        TrainingPlayer('w²', 1 epochs)
        """
        return resolve_name(SHOWER)(self, panels=chosen_panels(panels))

    def static(self, *panels: str) -> Any:
        """Return the training player for where there is no kernel: one HTML output that carries its whole page in a frame.

        Parameters
        ----------
        *panels
            What it shows at first, as in `show`.

        Returns
        -------
        gradviz.player.frame.Static
            Shows itself; ``.html`` is text to be put into any page.
        """
        return resolve_name(FRAMER)(self, panels=chosen_panels(panels))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if self.log.losses or not self.finished:
            self.show()._ipython_display_()
        else:
            display({"text/plain": repr(self)}, raw=True)

    def _display_(self) -> Any:
        """Show the player in marimo."""
        return self.show() if self.log.losses or not self.finished else repr(self)
