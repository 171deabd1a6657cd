"""The parts of a training player, by name."""

from __future__ import annotations

from collections.abc import Sequence

PANELS = ("network", "graph", "fit", "surface", "loss", "gradients", "parameters", "rule")
"""What a training player can show: the neurons, the graph of a step, the data and the model's fit, the loss over two entries of
the parameters, the loss and the lengths of the gradients over the steps, the parameters, and the update of one of them."""


def chosen_panels(panels: Sequence[str] | None) -> tuple[str, ...] | None:
    """Read which panels a player is to show, the largest first; ``None`` for those that it chooses itself.

    Parameters
    ----------
    panels
        Names of `PANELS`; what is named twice counts once.

    Raises
    ------
    ValueError
        If there is no such panel.
    """
    for panel in panels or ():
        if panel not in PANELS:
            raise ValueError(f"there is no panel {panel!r}; there are: {', '.join(map(repr, PANELS))}")
    return tuple(dict.fromkeys(panels or ())) or None
