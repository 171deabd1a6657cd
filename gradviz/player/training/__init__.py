"""The training player: step through a run in a notebook, or in a page saved as one file."""

from typing import TYPE_CHECKING, Any

from gradviz.player.training.page import framed, save_page, training_page

if TYPE_CHECKING:
    from gradviz.player.training.widget import TrainingPlayer

__all__ = ["TrainingPlayer", "framed", "save_page", "training_page"]


def __getattr__(name: str) -> Any:
    if name == "TrainingPlayer":
        from gradviz.player.training.widget import TrainingPlayer

        return TrainingPlayer
    raise AttributeError(f"gradviz.player.training has no {name!r}; it has {', '.join(__all__)}")
