"""The parameters of a run, each looked at again and again: what they were before a step, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.training.loop.told import Library
from gradviz.training.run.log import (
    LARGE_OVERHEAD,
    Entry,
    Large,
    Log,
    ParameterEntry,
    Stored,
    array_of,
    in_full,
    size_of,
    stored,
)
from gradviz.training.run.model import BY_HAND, UNMOVED, Parameter, Rule
from gradviz.training.run.walk import moved, norm

HAND, STILL = Rule(BY_HAND), Rule(UNMOVED)


@dataclass
class Watched:
    """A parameter, as it was when it was last looked at.

    Attributes
    ----------
    library, tensor
        Whose it is, and the leaf.
    kept
        Its copy, as it is in the log, where a large one may be thinned out.
    array
        The copy itself.
    entry, part
        The newest step in which it took part, and what is kept of it there.
    by_optimizer
        Whether an optimiser has ever moved it.
    used
        Whether it has been moved since its gradient was last 0 or not there: by then the gradient has been made use of.
    suspected
        The step whose gradient was added to one that had been made use of.
    """

    library: Library
    tensor: Any
    kept: Stored | None = None
    array: Any = None
    entry: Entry | None = None
    part: ParameterEntry | None = None
    by_optimizer: bool = False
    used: bool = False
    suspected: int | None = None

    def now(self) -> Any:
        """Return what stands in it now."""
        return self.library.array(self.tensor)


class Parameters:
    """The parameters of a run, by their numbers in its log.

    Attributes
    ----------
    together
        By the id of each optimiser that was at work, the ids of all that it moves.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.together: dict[int, set[int]] = {}
        self._watched: list[Watched] = []

    def __len__(self) -> int:
        return len(self._watched)

    def __getitem__(self, number: int) -> Watched:
        return self._watched[number]

    def __iter__(self) -> Iterator[Watched]:
        return iter(self._watched)

    # --- which is which -------------------------------------------------------------------------------------------

    def owner(self, library: Library, leaf: Any, name: str, taken: set[int], *, named: bool = True) -> int:
        """Return which of the parameters a leaf is: by identity, by the name that the learner has given it, or a new one."""
        log = self._log
        shape = tuple(leaf.shape)
        itself = [number for number, watched in enumerate(self._watched) if watched.tensor is leaf]
        # What nobody has named is called otherwise in a graph of another structure.
        free = [number for number in range(len(self)) if named and number not in taken]
        for number in itself or [number for number in free if log.parameters[number].name == name]:
            if log.parameters[number].shape == shape:
                return number
            log.note(
                f"{name} changed its shape",
                f"{name} changed its shape from {log.parameters[number].shape} to {shape} in step {len(log.losses)}: "
                "from there on it is a parameter of its own",
            )
        names = {parameter.name for parameter in log.parameters}
        own, count = name, 2
        while own in names:
            own, count = f"{name} ({count})", count + 1
        log.parameters.append(Parameter(own, shape, library.dtype(leaf)))
        self._watched.append(Watched(library, leaf))
        return len(self._watched) - 1

    def may_be(self, number: int, leaf: Any) -> bool:
        """Return True if a leaf is a parameter, or may be what a loop has made of it.

        It is another one if it is known as that, or if an optimiser has both.
        """
        known = self._watched[number].tensor
        if known is leaf:
            return True
        if any(watched.tensor is leaf for watched in self._watched):
            return False
        return not any(id(known) in ids and id(leaf) in ids for ids in self.together.values())

    def renew(self, number: int, tensor: Any) -> None:
        """A parameter is another tensor now. Where nobody else moves it, to make it anew is how a loop does that by hand."""
        watched = self._watched[number]
        if tensor is watched.tensor:
            return
        if watched.by_optimizer:
            self._settle(watched)
            watched.array = watched.part = None
        watched.tensor = tensor

    def find_renewed(self, scopes: Sequence[Mapping[str, Any]]) -> None:
        """Where a loop makes ``w`` anew in each step, the last one is only found under its name."""
        for number, parameter in enumerate(self._log.parameters[: len(self)] if scopes else ()):
            found = next((scope[parameter.name] for scope in scopes if parameter.name in scope), None)
            if found is not None and self[number].library.is_tensor(found) and tuple(found.shape) == parameter.shape:
                self.renew(number, found)

    # --- before a step --------------------------------------------------------------------------------------------

    def begin(self, number: int, entry: Entry) -> None:
        """Keep a parameter as it is at the beginning of a step in which it takes part, and its gradient."""
        watched = self._watched[number]
        if watched.array is None:
            watched.kept = in_full(watched.now())
            watched.array = array_of(watched.kept)
            entry.size += size_of(watched.kept)
        assert watched.kept is not None
        part = entry.parameters[number] = ParameterEntry(watched.kept, None, HAND)
        watched.entry, watched.part = entry, part
        self.note_gradient(watched)

    def note_gradient(self, watched: Watched) -> None:
        """Keep the gradient of a parameter, as it stands in ``.grad`` now: after ``backward()``, or after clipping."""
        array, part, entry = watched.library.gradient(watched.tensor), watched.part, watched.entry
        if array is None:
            return
        assert part is not None
        assert entry is not None
        if array.size <= FULL_VALUE_LIMIT:
            if part.gradient is None:
                self._log.grow(entry, size_of(array))
            part.gradient = stored(array)
        elif part.gradient is None:
            self._log.grow(entry, LARGE_OVERHEAD)
            part.gradient, part.gradient_norm = Large.seen(array)
        elif norm(array) != part.gradient_norm:  # else it is as it was after backward(): nothing has clipped it
            part.gradient, part.gradient_norm = Large.seen(array)

    def note_earlier(self, number: int, slot: int, earlier: Any, entry: Entry) -> None:
        """Keep what stood in ``.grad`` before; and suspect that zero_grad() was forgotten, if it has been made use of."""
        watched = self._watched[number]
        if earlier is None or not earlier.any():
            watched.used, watched.suspected = False, None
            return
        entry.earlier[slot] = in_full(earlier)
        entry.size += size_of(entry.earlier[slot])
        if watched.used and watched.suspected is None:
            watched.suspected = entry.index

    # --- after it -------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """See what became of them since they were last looked at."""
        for watched in self._watched:
            self._settle(watched)

    def _settle(self, watched: Watched) -> None:
        """See what became of a parameter.

        A step may move a parameter whose gradient is from an earlier step: two losses, two calls of ``backward()``, and one
        ``step()``. Then the earlier step is told late.
        """
        part, entry, before = watched.part, watched.entry, watched.array
        if part is None or before is None:
            return
        array = watched.now()
        assert entry is not None
        if array.shape != before.shape:  # it goes on as a parameter of its own
            part.after, part.update_norm = part.before, 0.0
            watched.array = watched.part = None
            return
        first_look = part.after is None
        large = array.size > FULL_VALUE_LIMIT
        # Of few entries their bytes are by far the fastest way to compare them.
        if not (moved(before, array) if large else before.tobytes() != array.tobytes()):
            if first_look:
                part.after, part.update_norm = part.before, 0.0
                part.rule = STILL if part.rule is HAND else part.rule
            return
        kept, length = Large.added(array, before) if large else (stored(array), None)
        if first_look or part.after is part.before:  # else it has had its step, and was moved once more
            part.rule = HAND if part.rule is STILL else part.rule
            part.update_norm = length
            if first_look:
                part.after = kept
                entry.size += size_of(kept)
            else:
                self._log.complete(entry, part, kept)
        self._note_use(watched)
        watched.kept, watched.array = kept, array_of(kept)

    def _note_use(self, watched: Watched) -> None:
        """A parameter has been moved: its gradient has been made use of."""
        watched.used = True
        if watched.suspected is not None:
            index, watched.suspected = watched.suspected, None
            self._log.note(
                "gradients are accumulating",
                "gradients are accumulating over epochs: zero_grad() was not called between step "
                f"{index - 1} and step {index}, so the gradient of the earlier step is part of the later one's",
            )
