"""Whose program is asked about: what `gradviz.why` has to know of it beside its tensors.

The engine's own stands here, PyTorch's in `gradviz.pytorch.asked`. A tensor, a node and a cut have the engine's attributes, whoever
computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from gradviz.engine import cut
from gradviz.engine.cut import Cut
from gradviz.engine.tensor import Tensor
from gradviz.nn.module import Module
from gradviz.optim.optimizer import Optimizer, lives
from gradviz.recording.engine import ENGINE
from gradviz.recording.model import Recording
from gradviz.recording.names import Names, find_names
from gradviz.recording.observe import record_named
from gradviz.recording.told import Pass


class World(Protocol):
    """A program that is asked about.

    Attributes
    ----------
    happened
        In which order things happened: see `gradviz.engine.cut`.
    names
        What the user calls things.
    variables
        The user's variables, the nearest scope first.
    sees_cuts
        Whether it would know of a cut.
    """

    happened: Any
    names: Names
    variables: Sequence[Mapping[str, Any]]

    @property
    def sees_cuts(self) -> bool:
        """Whether it would know of a cut."""
        ...

    def aside(self) -> AbstractContextManager[Any]:
        """Return a context in which nobody watches what is computed for an answer."""
        ...

    def tensor(self, value: Any) -> Any:
        """Return a tensor with the engine's attributes; ``None`` for what is no tensor."""
        ...

    def is_module(self, value: Any) -> bool:
        """Return True for one of its modules."""
        ...

    def module_name(self, module: Any) -> str | None:
        """Return what the user calls a module."""
        ...

    def is_optimizer(self, value: Any) -> bool:
        """Return True for one of its optimisers."""
        ...

    def name_of(self, tensor: Any) -> str | None:
        """Return what the user calls a tensor."""
        ...

    def operations_behind(self, output: Any) -> list[Any]:
        """Return every operation that a result depends on, oldest first."""
        ...

    def pass_through(self, output: Any, operations: Sequence[Any]) -> Pass | None:
        """Return the backward pass through a result: the one that has been, else one tried without changing anything."""
        ...

    def escapes(self) -> Sequence[Cut]:
        """Return where numbers left the graph as plain numbers."""
        ...

    def optimizers(self) -> Sequence[Any]:
        """Return the optimisers that there are."""
        ...

    def parameters_of(self, optimizer: Any) -> Sequence[Any]:
        """Return the tensors that an optimiser has, with the engine's attributes."""
        ...

    def life_of(self, optimizer: Any) -> Any:
        """Return where an optimiser was made, and its last steps; ``None`` if that is not known."""
        ...

    def recorded(self, results: Sequence[Any]) -> Recording:
        """Record some results."""
        ...

    def id_in(self, recording: Recording, tensor: Any) -> str | None:
        """Return the id of a tensor in a recording."""
        ...


class EngineWorld:
    """A program of gradviz's own engine."""

    sees_cuts = True

    def __init__(self, variables: Sequence[Mapping[str, Any]]) -> None:
        self.variables = variables
        self.names = find_names(ENGINE, variables)
        self.happened = cut.happened

    def aside(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def tensor(self, value: Any) -> Tensor | None:
        return value if isinstance(value, Tensor) else None

    def is_module(self, value: Any) -> bool:
        return isinstance(value, Module)

    def module_name(self, module: Any) -> str | None:
        return self.names.modules.get(id(module._tag()))

    def is_optimizer(self, value: Any) -> bool:
        return isinstance(value, Optimizer)

    def name_of(self, tensor: Any) -> str | None:
        return self.names.of(tensor)

    def operations_behind(self, output: Any) -> list[Any]:
        return list(ENGINE.operations_behind([output]))

    def pass_through(self, output: Any, operations: Sequence[Any]) -> Pass | None:
        past = ENGINE.past_pass([output], operations) if operations else None
        if past is not None or not operations or ENGINE.freed(operations) or output.array.size != 1:
            return past
        try:
            return ENGINE.trial_pass([output], None)
        except RuntimeError:
            return None

    def escapes(self) -> Sequence[Cut]:
        return list(cut.escapes.values())

    def optimizers(self) -> Sequence[Any]:
        return list(lives.keys())

    def parameters_of(self, optimizer: Any) -> Sequence[Any]:
        return list(optimizer._parameters())

    def life_of(self, optimizer: Any) -> Any:
        return lives.get(optimizer)

    def recorded(self, results: Sequence[Any]) -> Recording:
        return record_named(results, self.names)

    def id_in(self, recording: Recording, tensor: Any) -> str | None:
        found: str | None = recording.again.id_of(tensor) if recording.again is not None else None
        return found
