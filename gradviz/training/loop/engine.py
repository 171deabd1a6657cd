"""What gradviz's own engine tells of training. No other module of this folder reads the engine's graph."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from opcode import opmap
from types import CodeType
from typing import Any

import numpy as np

from gradviz.engine import backward
from gradviz.engine.creation import get_rng_state, set_rng_state
from gradviz.engine.modes import enable_grad
from gradviz.engine.node import AccumulateGrad, Node
from gradviz.engine.tensor import Tensor
from gradviz.optim import optimizer as optimizers
from gradviz.optim.optimizer import Optimizer
from gradviz.recording.engine import ENGINE
from gradviz.recording.values import dtype_text
from gradviz.training.loop.told import Hearer, Library, Passed
from gradviz.training.run.program import Place, Program, written_down

CACHE, PRECALL = opmap["CACHE"], opmap.get("PRECALL")


class EngineLibrary:
    """The engine as a library that trains: see `gradviz.training.loop.told.Library`."""

    def listen(self, hearer: Hearer) -> Callable[[], None]:
        def passed(outputs: list[Tensor]) -> None:
            def see() -> Passed | None:
                return None if outputs[0]._grad_fn is None else EnginePassed(outputs)

            hearer.passed(see)

        stepping = _Stepping(hearer)
        backward.watchers.append(passed)
        optimizers.watchers.append(stepping)

        def stop() -> None:
            optimizers.watchers.remove(stepping)
            backward.watchers.remove(passed)

        return stop

    def silent(self) -> str:
        return ""

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Tensor)

    def array(self, tensor: Tensor) -> Any:
        return tensor.array

    def gradient(self, tensor: Tensor) -> Any:
        return None if tensor._grad is None else tensor._grad.array

    def dtype(self, tensor: Tensor) -> str:
        return dtype_text(tensor.array.dtype)

    def remembered(self, optimizer: Optimizer, tensor: Tensor) -> Mapping[str, Any]:
        return optimizer._told(tensor)

    def enable_grad(self) -> AbstractContextManager[Any]:
        return enable_grad()

    @contextmanager
    def refusing(self, optimizer: Optimizer, words: str) -> Iterator[None]:
        guard = _NoStep(optimizer, words)
        optimizers.watchers.insert(0, guard)  # before the recorder, which must not be told of a step that is refused
        try:
            yield
        finally:
            optimizers.watchers.remove(guard)

    def random_state(self) -> Any:
        return get_rng_state()

    def set_random_state(self, state: Any) -> None:
        set_rng_state(state)


LIBRARY = EngineLibrary()


@dataclass(frozen=True)
class _Stepping:
    """Tells a recorder of every step of every optimiser."""

    hearer: Hearer

    def step_starts(self, optimizer: Optimizer) -> None:
        self.hearer.step_starts(LIBRARY, optimizer)

    def step_ends(self, optimizer: Optimizer) -> None:
        self.hearer.step_ends(LIBRARY, optimizer)


@dataclass(frozen=True)
class _NoStep:
    """Refuses the steps of one optimiser."""

    optimizer: Optimizer
    words: str

    def step_starts(self, optimizer: Optimizer) -> None:
        if optimizer is self.optimizer:
            raise RuntimeError(self.words)

    def step_ends(self, optimizer: Optimizer) -> None:
        pass


class EnginePassed:
    """A backward pass of the engine's: see `gradviz.training.loop.told.Passed`."""

    library: Library = LIBRARY
    notes: Sequence[str] = ()

    def __init__(self, outputs: Sequence[Tensor]) -> None:
        self._output = outputs[0]
        self.outputs, self.loss = len(outputs), float(self._output.array.sum())
        self._known: list[Node] | None = None

    @property
    def _nodes(self) -> list[Node]:
        if self._known is None:
            self._known = ENGINE.operations_behind((self._output,))
        return self._known

    @property
    def started_with(self) -> Any:
        node = self._output._grad_fn
        assert node is not None
        if node.seen is None or node.seen[1] is None:
            return None
        upstream = node.seen[1][self._output._output_nr] if node.many else node.seen[1]
        if upstream is None or (self._output.array.size == 1 and upstream.item() == 1):
            return None
        return upstream

    def signature(self) -> Hashable:
        places = {node: place for place, node in enumerate(self._nodes)}
        leaves: dict[int, int] = {}
        parts: list[Any] = []
        for node in self._nodes:
            parts += (type(node), node.output_shape, instruction(*node.origin))
            for argument, edge in zip(node.inputs, node.edges, strict=True):
                if edge is not None and type(edge[0]) is not AccumulateGrad:
                    parts.append((places[edge[0]], edge[1]))
                elif isinstance(argument, Tensor):
                    leaf = argument if edge is None else edge[0].variable
                    known = leaves.setdefault(id(leaf), len(leaves))
                    parts += (known if edge is None else -1 - known, argument.array.shape)
                else:
                    parts.append(None)
            parts += [hashable(setting) for setting in node.settings]
        return tuple(parts)

    def program(self, variables: Sequence[Mapping[str, Any]]) -> tuple[Program, list[Place]]:
        return written_down(ENGINE, self._output, self._nodes, variables)

    def lost(self, program: Program, places: Sequence[Place]) -> str:
        return ""  # the engine has computed it once

    def leaf(self, place: Place) -> Tensor:
        return self._end(place).variable

    def earlier(self, place: Place) -> Any:
        seen = self._end(place).seen
        return None if seen is None else seen[1]

    def _end(self, place: Place) -> AccumulateGrad:
        """Return where the gradient of the parameter in a slot arrives."""
        at, argument = place
        assert isinstance(argument, int)
        edge = self._nodes[at].edges[argument]
        assert edge is not None
        assert isinstance(edge[0], AccumulateGrad)
        return edge[0]

    def found(self, place: Place) -> Any:
        at, way = place
        node = self._nodes[at]
        if isinstance(way, tuple):
            found: Any = node.settings
            for step in way:
                found = found[step]
            return found
        argument = node.inputs[way]
        if not isinstance(argument, Tensor):
            return argument
        array = argument.values_at(node.made)
        return argument.array if array is None else array

    def holder(self, place: Place) -> tuple[Any, int] | None:
        at, way = place
        argument = None if isinstance(way, tuple) else self._nodes[at].inputs[way]
        return (argument, argument._version) if isinstance(argument, Tensor) else None


def instruction(code: CodeType, offset: int) -> int:
    """Return where an instruction begins, however Python runs it.

    Before Python 3.13 one that was run often enough to be specialised stands at the end of its inline cache while it calls;
    and Python 3.11 writes a call as two, of which the specialised first does the work of both.
    """
    text = code.co_code
    if offset >= len(text):  # of nobody's line
        return offset
    while text[offset] == CACHE:
        offset -= 2
    return offset + 4 if text[offset] == PRECALL else offset


def hashable(setting: Any) -> Hashable:
    """Return what of a setting is the same in graphs of the same structure."""
    if setting is None or isinstance(setting, int | float | str):
        return setting
    if isinstance(setting, np.ndarray):
        return setting.shape
    if isinstance(setting, tuple | list):
        return tuple(hashable(part) for part in setting)
    return repr(setting)
