"""The player: step through a recording in a notebook, or in a page saved as one file.

`Player` brings the widget stack with it when it is first asked for; `page` never does.
"""

from typing import TYPE_CHECKING, Any

from gradviz.player.page import page

if TYPE_CHECKING:
    from gradviz.player.widget import Player

__all__ = ["Player", "page"]


def __getattr__(name: str) -> Any:
    if name == "Player":
        from gradviz.player.widget import Player

        return Player
    raise AttributeError(f"gradviz.player has no {name!r}; it has {' and '.join(__all__)}")
