"""The pictures of a player: the whole, and the inside of whatever is folded in one of them, and so on.

Each is a drawing of a recording of its own, cut from that of the whole, with the same ids. It is made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from gradviz.drawing import Drawing
from gradviz.drawing.fold import fold
from gradviz.drawing.opened import opened
from gradviz.drawing.stretches import modules_below
from gradviz.player.folds import moments
from gradviz.player.memory import Held, held_in
from gradviz.player.placed import Placed
from gradviz.recording.folding import as_written
from gradviz.recording.model import Graph, RecordedOperation, Recording

MOST = 400
"""So many insides are looked at when all of them are wanted."""


@dataclass(frozen=True)
class Inside:
    """One of the pictures.

    Attributes
    ----------
    key
        What it is asked for by: the path of the module, ``""`` for the whole. A later call has its number, ``"cell#2"``, several
        alike have how many they are, ``"layers.0×12"``, and a stretch without a module has its first operation.
    label
        What it is called in the picture around it.
    outer
        The key of that picture.
    path
        Of the module around everything in it: paths in its recording are relative to it.
    recording
        What happened in it, all of it.
    drawing
        At its last step.
    """

    key: str
    label: str
    outer: str
    path: str
    recording: Recording
    drawing: Drawing

    @cached_property
    def folds(self) -> dict[str, RecordedOperation]:
        """What can be opened in it, by the key of its inside."""
        found: dict[str, RecordedOperation] = {}
        for operation in self.drawing.shown.graph.operations:
            # Several of which there is nothing else to see would open into themselves.
            if operation.block is not None and (key := self.key_of(operation)) != self.key:
                found.setdefault(key, operation)
        return found

    def key_of(self, fold: RecordedOperation) -> str:
        """Return by which key one asks for what is folded."""
        block = fold.block
        assert block is not None
        if not block.path:
            return f"{fold.id}+{block.operations}"
        number = f"#{block.number}" if block.number else ""
        return joined(self.path, block.path) + number + (f"×{block.times}" if block.times > 1 else "")


class Insides:
    """All pictures of a drawing, made when they are asked for.

    Parameters
    ----------
    whole
        The drawing from which one goes in.

    Attributes
    ----------
    moments
        Which step of the whole run each one is.
    held
        What the run holds for its backward pass.
    """

    def __init__(self, whole: Drawing) -> None:
        written = whole.recording if whole.options.every_operation else as_written(whole.recording)
        self.moments = moments(whole.recording)
        self._known = {"": Inside("", "", "", "", written, whole)}

    @cached_property
    def held(self) -> Held | None:  # noqa: D102 (told above)
        return held_in(self._known[""].drawing.recording)

    def __getitem__(self, key: str) -> Inside:
        """Return one of the pictures; `KeyError` if there is none of that key."""
        if key not in self._known:
            for one in self:
                if one.key == key:
                    return one
            raise KeyError(key)
        return self._known[key]

    def __iter__(self) -> Iterator[Inside]:
        """Go through all of them, the outer ones first."""
        waiting = [self._known[""]]
        for count, one in enumerate(waiting):
            if count >= MOST:
                return
            yield one
            waiting.extend(self._opened(key, one, fold) for key, fold in one.folds.items())

    def trail(self, key: str) -> list[Inside]:
        """Return the pictures through which one comes to one of them, from the whole on; it is the last."""
        found = [self[key]]
        while found[-1].key:
            found.append(self[found[-1].outer])
        return found[::-1]

    def _opened(self, key: str, outer: Inside, fold: RecordedOperation) -> Inside:
        if key not in self._known:
            self._known[key] = self._made(key, outer, fold)
        return self._known[key]

    def _made(self, key: str, outer: Inside, operation: RecordedOperation) -> Inside:
        block = operation.block
        assert block is not None
        around = block.path.rpartition(".")[0] if block.times > 1 else block.path
        path = joined(outer.path, around)
        inside = set(block.inside)
        places = [place for place, one in enumerate(outer.recording.graph.operations) if one.id in inside]
        recording = relative(opened(outer.recording, places, outer.recording.title), around)
        # Several that are alike are to be seen one by one.
        shown = fold(recording, modules_below(recording.graph, 0)) if block.times > 1 else recording
        names = {t.name: shortened(t.name, path) for t in recording.graph.tensors} if path else {}
        options = self._known[""].drawing.options
        changed = {old: new for old, new in names.items() if old != new} | dict(options.names)
        options = replace(options, depth=None, focus=None, names=tuple(changed.items()))
        label = f"{block.path} × {block.times}" if block.times > 1 else block.path or operation.symbol
        label += f" ({block.number + 1})" if block.number else ""
        return Inside(key, label, outer.key, path, recording, Placed(shown, -1, options))


def joined(outer: str, path: str) -> str:
    """Return a path that is relative to another in full."""
    return f"{outer}.{path}" if outer and path else outer or path


def shortened(name: str, path: str) -> str:
    """Return a tensor's name without the path of the module that it is seen in."""
    return name.replace(f"{path}.", "")


def relative(recording: Recording, path: str) -> Recording:
    """Return a recording of what is inside of a module, with paths that begin there."""
    if not path:
        return recording
    graph, start = recording.graph, f"{path}."

    def cut(module: str) -> str:
        return module.removeprefix(start) if module.startswith(start) else ""

    kept = {place: call for place, call in enumerate(graph.calls) if call.module.startswith(start)}
    number = {place: new for new, place in enumerate(kept)}
    return replace(
        recording,
        graph=Graph(
            tuple(replace(tensor, module=cut(tensor.module)) for tensor in graph.tensors),
            tuple(
                replace(
                    operation,
                    module=cut(operation.module),
                    call=None if operation.call is None else number.get(operation.call),
                )
                for operation in graph.operations
            ),
            tuple(
                replace(module, path=cut(module.path), parent=cut(module.parent or "") or None)
                for module in graph.modules
                if module.path.startswith(start)
            ),
            graph.code,
            tuple(
                replace(call, module=cut(call.module), outer=None if call.outer is None else number.get(call.outer))
                for call in kept.values()
            ),
        ),
    )
