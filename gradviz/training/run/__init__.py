"""A recorded run: what is kept of it while it goes on, and how it is looked at afterwards.

`log` is what is kept, `program` computes a step again, `model` holds the frozen facts of one step, and `run` is what a user
has in hand; `steps`, `history` and `table` are its ways of telling.
"""

from gradviz.training.run.history import History
from gradviz.training.run.run import Run

__all__ = ["History", "Run"]
