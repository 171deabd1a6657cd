"""What a saved notebook keeps of widgets in a box: a still picture of the drawings and players among them.

A box is a widget, and knows nothing of still pictures; nor does the box of sliders that ``interact`` makes, of the drawing below
them. So IPython is told to show the pictures above the box, as a player does above itself: hidden while it works.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any


def watch_boxes() -> None:
    """Have IPython ask us when it shows a box of ipywidgets; where there is no IPython, or no ipywidgets, nothing happens."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    formatter = getattr(getattr(shell, "display_formatter", None), "mimebundle_formatter", None)
    if formatter is not None:
        formatter.for_type_by_name("ipywidgets.widgets.widget_box", "Box", _bundle)


def _bundle(box: Any) -> Any:
    """Return what the box shows of itself; before it, show what is to be seen where there is no widget."""
    parts = list(_in(box))
    if not any(map(_seen, parts)):
        return box._repr_mimebundle_()
    from gradviz.player.frame import static_wanted
    from gradviz.player.still import Still

    if static_wanted():
        return {"text/html": _pictures(parts, live=True), "text/plain": repr(box)}
    still = Still()
    still.show(_pictures(parts), repr(box))

    def follow(_: Any) -> None:
        still.follow(lambda: _pictures(parts), repr(box))

    for part in parts:
        if hasattr(type(part), "_still_"):
            part.observe(follow, "payload")
        for control in getattr(part, "kwargs_widgets", ()):  # of `interact`, which has drawn anew before we are told
            control.observe(follow, "value")
    return box._repr_mimebundle_()


def _in(box: Any) -> Iterator[Any]:
    """Go through a box and all that is in it, in its order."""
    waiting = [box]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(reversed(getattr(part, "children", ())))


def _seen(part: Any) -> Any:
    """Return what there is to see of a part: a player; or what `interact` has called last, below its sliders."""
    thing = getattr(part, "result", part)
    return thing if hasattr(type(thing), "_still_") else None


def _pictures(parts: list[Any], *, live: bool = False) -> str:
    """Return as HTML what is to be seen in a box; or, of players, what plays without a kernel."""
    seen = [thing for part in parts if (thing := _seen(part)) is not None]
    return "\n".join(thing.static().html if live and hasattr(thing, "static") else thing._still_() for thing in seen)
