"""What a watch keeps of an operation, and how it is found again: by the number of its node, if that has the same arguments."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

import torch

from gradviz.engine.scope import Call
from gradviz.pytorch.graph import Node, is_leaf, is_own, name_of
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.refused import is_plain

if TYPE_CHECKING:
    from gradviz.pytorch.watch import Watch

Origin = tuple[CodeType, int]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where a tensor among the arguments came from.

    Attributes
    ----------
    leaf
        The tensor itself, if it is a leaf or no gradient goes to it.
    number, place
        Else the sequence number of the node that made it, and which of its results it is. The node itself is not kept, or the
        watch would keep the graph alive.
    flows
        Whether a gradient goes there: of a leaf that was asked for one later none does.
    """

    leaf: torch.Tensor | None
    number: int = -1
    place: int = 0
    flows: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """The tensor of which part was changed in place.

    Attributes
    ----------
    part
        Where the part stands in it: see `gradviz.engine.strides`.
    before, after
        What it was, as an argument; and what was kept of its values when that was done.
    """

    part: tuple[Any, ...]
    before: tuple[Source, Any]
    after: Any


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One operation, as it ran.

    Attributes
    ----------
    function
        PyTorch's operator: ``torch.ops.aten.mul.Tensor``; or the class of a function of the user's.
    number
        The sequence number of its node.
    arguments, keywords
        As they were given, each tensor as a pair of its `Source` and what was kept of its values.
    results
        What was kept of the values of what it returned.
    origin
        The line of the user's that called it.
    call
        The modules that ran.
    whole
        Of a change in place to part of a tensor: that tensor.
    """

    function: Any
    number: int
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    results: Any
    origin: Origin
    call: Call | None
    whole: Whole | None = None


Argument = tuple[Source, Any]

SPARSE = (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


WATCHES: weakref.WeakSet[Watch] = weakref.WeakSet()
"""All that are still there."""

MARK = "gradviz.watch"
"""Under which a node has the watch that saw its result being used."""

PART = "CopySlices"
"""The node of a change in place to part of a tensor."""


def source(tensor: torch.Tensor, watch: Watch | None = None) -> Source:
    """Return where a tensor comes from; its node remembers the watch."""
    if not tensor.requires_grad:
        return Source(tensor, flows=False)
    node = tensor.grad_fn
    if node is None:
        return Source(tensor)
    if watch is not None:
        node.metadata[MARK] = watch  # which lives as long as the graph, whether anybody has a name for it or not
    return Source(None, node._sequence_nr(), tensor.output_nr)


def seen_at(node: Node, watch: Watch, output: torch.Tensor | None = None, claimed: Collection[int] = ()) -> Seen | None:
    """Return what was watched of a node: what ran under its number, if it was this one.

    Each thread counts for itself, so another's node may have the number of one that was watched. It has not the same arguments;
    and where all of these are leaves, not the same memory for its result.

    Parameters
    ----------
    node, watch
        Whose, and by whom.
    output
        Its result, if that is known.
    claimed
        The ids of what is known to be another's.
    """
    found = _at(node, watch, claimed)
    if found is None or not arguments_fit(node, found, watch):
        return None
    if output is not None and is_plain(output) and output._version == 0:  # else what was kept of it is a copy
        made = [one.tensor for one in results_of(found) if isinstance(one, Kept)]
        places = {one.data_ptr() for one in made if one is not None and is_plain(one)}
        if places and None not in made and output.data_ptr() not in places:
            return None
    return found


def _at(node: Node, watch: Watch, claimed: Collection[int]) -> Seen | None:
    """Return what ran under a node's number. Of what is changed in place a copy may have been made first, and counted."""
    name, number = name_of(node), node._sequence_nr()
    if name == PART:
        return next((one for one in watch.operations.get(number - 1, ()) if one.whole is not None), None)
    here, after = (
        [one for one in watch.operations.get(place, ()) if id(one) not in claimed] for place in (number, number + 1)
    )
    if is_own(node):
        return next((one for one in here if isinstance(one.function, type)), None)
    found = seen_of(name, here)
    return found or next((one for one in after if fits(name, one) and one.function._schema.is_mutable), None)


def arguments_fit(node: Node, seen: Seen, watch: Watch) -> bool:
    """Return True if a node got its arguments from where an operation got them that was watched."""
    leaves, numbers = set[int](), set[int]()
    given = (seen.arguments, seen.keywords, () if seen.whole is None else seen.whole.before)
    for _, (source, _) in arguments_in(given):
        if source.leaf is None:
            numbers.add(source.number)
        else:
            leaves.add(id(source.leaf))
    for before, _ in node.next_functions:
        if before is None:
            continue
        if is_leaf(before):
            if id(before.variable) not in leaves:
                return False
        elif before._sequence_nr() not in numbers or before.metadata.get(MARK) is not watch:
            return False
    return True


def seen_of(name: str, candidates: Sequence[Seen]) -> Seen | None:
    """Return which of the operations that ran under a node's number is the node's own."""
    if len(candidates) == 1:
        return candidates[0]
    return next((one for one in candidates if fits(name, one)), None)


def fits(name: str, seen: Seen) -> bool:
    """Return True if an operation is called as a node is."""
    return not isinstance(seen.function, type) and _fits(name, seen.function._schema.name)


@lru_cache(maxsize=4096)
def _fits(name: str, operator: str) -> bool:
    plain, copied, _ = name.partition("_copy")
    wanted = plain.rstrip("0123456789").removesuffix("Backward").lower() + copied.removeprefix("_")
    short = operator.partition("::")[2].replace("_", "").lower()
    return wanted.startswith(short) or short.startswith(wanted)


@lru_cache(maxsize=4096)
def is_mutable(function: Any) -> bool:
    """Return True for an operator that changes one of its arguments."""
    mutable: bool = function._schema.is_mutable
    return mutable


def is_argument(argument: Any) -> bool:
    """Return True for a tensor among the arguments of an operation that was watched."""
    return isinstance(argument, tuple) and len(argument) == 2 and isinstance(argument[0], Source)


def arguments_in(inside: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Argument]]:
    """Go through the tensors among arguments, which may be in lists, each with the way to it."""
    if is_argument(inside):
        yield path, inside
    elif isinstance(inside, list | tuple | dict):
        for step, each in inside.items() if isinstance(inside, dict) else enumerate(inside):
            yield from arguments_in(each, (*path, step))


def tensor_in(kept: Any) -> Any:
    """Return the tensor that was kept; ``None`` if it was let go. What has few entries that are not zero is written out."""
    tensor = kept.tensor if isinstance(kept, Kept) else kept
    return tensor.to_dense() if isinstance(tensor, torch.Tensor) and tensor.layout in SPARSE else tensor


def results_of(seen: Seen) -> tuple[Any, ...]:
    """Return what was kept of the results of an operation, in order."""
    return seen.results if isinstance(seen.results, tuple) else (seen.results,)
