"""Steps that go as steps before them: of each operation it is only looked whether it is the one that is expected.

All steps that were watched in full make one tree: what has followed what. A step goes down that tree as long as each of its operations
is one of those expected there: the same function, called from the same place, with the same settings, on results of the same
operations, on the same parameters, and on other tensors of the same shapes. Of these others, and of nothing else, it is kept which
they were. The first operation that is not expected ends that: those before it are told as if they had been watched in full.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from gradviz.pytorch.numbers import dtype_text
from gradviz.pytorch.seen import MARK, Origin, Seen, Source, is_argument, is_mutable
from gradviz.recording.told import Unknown
from gradviz.training.loop.engine import instruction

if TYPE_CHECKING:
    from gradviz.pytorch.watch import Watch

MOST_BESIDE = 31
"""So many of what has followed an operation are kept when something else follows it."""

MOST_EXPECTED = 20_000
"""Operations in the tree. When they are reached no further ones are learned: what is not in it is watched in full."""

Way = tuple[Any, ...]
"""The way to one of an operation's arguments, from the pair of those by place and those by name."""


Held = weakref.ref[torch.Tensor]
"""A parameter. A loop that makes them anew in each step does not keep the old ones through this."""


def there(held: Held) -> torch.Tensor:
    """Return a parameter that is known to be still there: it is among the arguments of what has just run."""
    leaf = held()
    assert leaf is not None
    return leaf


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A backward pass that was seen in a step before.

    Attributes
    ----------
    structure
        What its graph has in common with others.
    numbers
        Those of its operations, counted from the first of the step.
    leaves
        The parameters behind it.
    places
        By operation of the graph, and the way to an argument: the parameter, or which of all that was given.
    """

    structure: Any
    numbers: tuple[int, ...]
    leaves: tuple[Held, ...]
    places: dict[tuple[int, Way], Held | int]


@dataclass(frozen=True, slots=True)
class Given:
    """In the place of an argument that each step brings: of a tensor that needs no gradient, or of a plain number.

    Attributes
    ----------
    number
        Which of all that are given it is.
    kind, shape
        The tensor's dtype and shape; or the number's type, and ``None``.
    """

    number: int
    kind: Any
    shape: torch.Size | None


@dataclass(slots=True, eq=False)
class Expected:
    """One operation, and what has followed it.

    Attributes
    ----------
    seen
        As it was watched, but numbers are counted from the first of the step, and what the step brought is `Given`.
    before
        The one that it followed.
    settings, leaves, made, given
        Its arguments, each with its place among all: what is the same, parameters, results, and what the step brings.
    next, ends
        What has followed it, and the passes that have begun then, by the number of the operation they began from.
    """

    seen: Seen
    before: Expected | None = None
    number: int = 0  # how many operations a step has had with it
    count: int = 0
    flat: bool = True  # no argument is a list
    mutable: bool = False
    settings: list[tuple[int, Any]] = field(default_factory=list)
    leaves: list[tuple[int, Held, torch.Size]] = field(default_factory=list)
    made: list[tuple[int, int, int]] = field(default_factory=list)
    given: list[tuple[int, Given]] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    next: list[Expected] = field(default_factory=list)
    ends: dict[int, Known] = field(default_factory=dict)

    @property
    def key(self) -> Any:
        """What two that are the same have in common."""
        seen = self.seen
        leaves = [(place, id(leaf()), shape) for place, leaf, shape in self.leaves]
        return (
            (seen.function, seen.number, instruction(*seen.origin), seen.origin[0]),
            (tuple(seen.keywords), self.settings, leaves, self.made, self.given),
        )


class Repeated:
    """Goes down the tree, one step after the other.

    Parameters
    ----------
    watch
        For whom.

    Attributes
    ----------
    given
        What the step has brought so far: tensors, each with what was kept of its values, and numbers.
    off
        Whether something was not expected.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch, self._keep = watch, watch.memory.keep
        self._root = Expected(Seen(None, 0, (), {}, None, (_nowhere.__code__, 0), None))
        self._size = 0
        self.begin()

    def begin(self) -> None:
        """Begin a step."""
        self.off = False
        self.given: list[Any] = []
        self._at, self._first = self._root, 0
        self._numbers: dict[int, int] = {}  # of what is given, by id
        self._watched: list[Seen] = []

    @property
    def first(self) -> int:
        """The number of the step's first operation."""
        return self._first

    def follows(
        self, function: Any, number: int, args: Any, kwargs: Any, line: Callable[[], Origin]
    ) -> Expected | None:
        """Return what was expected, if this is it, and go there."""
        for one in self._at.next:
            if one.seen.function is function:
                break
        else:
            return None
        if self._at is self._root:
            self._first = number
        here = line()
        for one in self._at.next:
            if one.seen.function is function and self._is(one, number, args, kwargs, here):
                self._at = one
                return one
        return None

    def _is(self, one: Expected, number: int, args: Any, kwargs: Any, here: Origin) -> bool:
        seen, first = one.seen, self._first
        if number - first != seen.number or len(kwargs) != len(seen.keywords):
            return False
        if kwargs:
            if tuple(kwargs) != tuple(seen.keywords):
                return False
            args = (*args, *kwargs.values())
        if not one.flat:
            args = _flattened(args)
        if len(args) != one.count:
            return False
        code, offset = seen.origin
        if here[0] is not code or (here[1] != offset and instruction(*here) != instruction(code, offset)):
            return False
        for place, setting in one.settings:
            value = args[place]
            if value is not setting and (type(value) is not type(setting) or value != setting):
                return False
        for place, leaf, shape in one.leaves:
            known = leaf()
            if known is None or args[place] is not known or not known.requires_grad or known.shape != shape:
                return False
        for place, made, output in one.made:
            value = args[place]
            node = value.grad_fn if isinstance(value, torch.Tensor) else None
            if node is None or node._sequence_nr() - first != made or value.output_nr != output:
                return False
            node.metadata[MARK] = self._watch  # as `gradviz.pytorch.seen.source` does
        return not one.given or self._takes(one, args)

    def _takes(self, one: Expected, args: Any) -> bool:
        """Take what the step brings, if it is of the kind that was expected."""
        numbers, before = self._numbers, len(self.given)
        for place, told in one.given:
            value = args[place]
            if told.shape is None:
                fits = type(value) is told.kind
            else:
                fits = (
                    isinstance(value, torch.Tensor)
                    and value.dtype is told.kind
                    and not value.requires_grad
                    and not value.is_nested
                    and value.shape == told.shape
                    and numbers.get(id(value), len(self.given)) == told.number
                )
            if not fits:
                self._take_back(before)
                return False
            if told.number == len(self.given):
                if told.shape is not None:
                    numbers[id(value)] = told.number
                    value = value, self._keep(value)
                self.given.append(value)
        return True

    def _take_back(self, count: int) -> None:
        for value in self.given[count:]:
            if isinstance(value, tuple):
                del self._numbers[id(value[0])]
        del self.given[count:]

    def leave(self) -> list[Seen]:
        """Go no further: something is not as expected. Return what ran until then, as if it had been watched in full."""
        if self.off:
            return []
        self.off = True
        self._watched = [_put_back(one.seen, self._first, self.given) for one in _way_to(self._at)]
        return list(self._watched)

    def watched(self, seen: Seen) -> None:
        """Hear of an operation that was watched in full."""
        self._watched.append(seen)

    def known(self, number: int) -> Known | None:
        """Return the pass that begins from an operation now, if it is known."""
        return None if self.off or self._at is self._root else self._at.ends.get(number - self._first)

    def rest(self, numbers: Sequence[int]) -> list[Seen]:
        """Return what ran in this step and has none of some numbers, as if it had been watched in full."""
        if self.off or self._at.number == len(numbers):
            return []
        known = {number - self._first for number in numbers}
        rest = [one for one in _way_to(self._at) if one.seen.number not in known]
        return [_put_back(one.seen, self._first, self.given) for one in rest]

    def learn(
        self,
        structure: Any,
        root: int,
        numbers: Sequence[int],
        seen: Sequence[Seen | None],
        leaves: Sequence[torch.Tensor],
    ) -> None:
        """Learn how a step went that was watched in full, if all of it can be expected.

        Parameters
        ----------
        structure, leaves
            As of `Known`.
        root
            The number of the operation that the pass began from.
        numbers, seen
            Those of the graph's operations, and what was watched of each.
        """
        if not self.off or not self._watched or self._size > MOST_EXPECTED or None in seen:
            return
        first, at = self._watched[0].number, self._root
        known: dict[int, int] = {}
        bring: list[int] = []
        places: dict[tuple[int, Way], Held | int] = {}
        of_graph = {id(one): place for place, one in enumerate(seen)}
        for one in self._watched:
            made = _expected(one, first, known, bring)
            if made is None:
                return
            key = made.key
            same = next((other for other in at.next if other.key == key), None)
            if same is None:
                made.before, made.number = at, at.number + 1
                at.next = [*at.next[-MOST_BESIDE:], made]
                self._size += 1
            at = same or made
            place = of_graph.get(id(one))
            if place is not None:
                places |= {(place, at.ways[n]): given.number for n, given in at.given}
                places |= {(place, at.ways[n]): leaf for n, leaf, _ in at.leaves}
        counted = tuple([number - first for number in numbers])
        at.ends[root - first] = Known(structure, counted, tuple([weakref.ref(leaf) for leaf in leaves]), places)


def _nowhere() -> None:
    """Stand for the code that calls the root of the tree."""


def _way_to(at: Expected) -> list[Expected]:
    found = []
    while at.before is not None:
        found.append(at)
        at = at.before
    return found[::-1]


def _flattened(values: Any) -> list[Any]:
    """Return arguments one after the other; a list as its length and its entries."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list | tuple) and not is_argument(value):
            found += [len(value), *_flattened(value)]
        else:
            found.append(value)
    return found


def _ways(values: Iterator[tuple[Way, Any]]) -> list[Way]:
    """Return the ways to what `_flattened` returns."""
    found: list[Way] = []
    for way, value in values:
        found.append(way)
        if isinstance(value, list | tuple) and not is_argument(value):
            found += _ways(((*way, step), each) for step, each in enumerate(value))
    return found


def _expected(seen: Seen, first: int, known: dict[int, int], bring: list[int]) -> Expected | None:
    """Return what was watched as something to be expected, ``None`` if it cannot be.

    Parameters
    ----------
    seen, first
        What was watched, and the number of the first operation of the step.
    known, bring
        By id the tensors that the step has brought until then, and one entry for each that it has brought.
    """
    if isinstance(seen.function, type) or seen.whole is not None:
        return None
    numbers = places_of_numbers(seen)
    possible = True

    def told(value: Any, place: Any = None) -> Any:
        nonlocal possible
        if is_argument(value):
            made, kept = value
            if made.leaf is None:
                possible = possible and made.number >= first
                return (replace(made, number=made.number - first), kept)
            if made.leaf.requires_grad:
                possible = possible and made.flows
                return weakref.ref(made.leaf)
            tensor = made.leaf
            if id(tensor) not in known:
                known[id(tensor)] = len(bring)
                bring.append(len(bring))
            return Given(known[id(tensor)], tensor.dtype, torch.Size(kept.shape))
        if place in numbers:
            bring.append(len(bring))
            return Given(bring[-1], type(value), None)
        return tuple([told(each) for each in value]) if isinstance(value, list | tuple) else value

    arguments = tuple([told(value, place) for place, value in enumerate(seen.arguments)])
    keywords = {name: told(value) for name, value in seen.keywords.items()}
    if not possible:
        return None
    kept = replace(seen, number=seen.number - first, arguments=arguments, keywords=keywords, results=None)
    given = (*arguments, *keywords.values())
    items = _flattened(given)
    by_way = [((0, place), one) for place, one in enumerate(arguments)] + [
        ((1, name), one) for name, one in keywords.items()
    ]
    found = Expected(kept, count=len(items), flat=len(items) == len(given), mutable=is_mutable(seen.function))
    found.ways = _ways(iter(by_way))
    for place, item in enumerate(items):
        if isinstance(item, Given):
            found.given.append((place, item))
        elif isinstance(item, weakref.ref):
            found.leaves.append((place, item, there(item).shape))
        elif is_argument(item):
            found.made.append((place, item[0].number, item[0].place))
        else:
            found.settings.append((place, item))
    return found


def _put_back(seen: Seen, first: int, given: Sequence[Any]) -> Seen:
    """Return what was expected, as it ran in a step."""

    def told(value: Any) -> Any:
        if isinstance(value, Given):
            found = given[value.number]
            return (Source(found[0], flows=False), found[1]) if value.shape is not None else found
        if isinstance(value, weakref.ref):
            leaf = there(value)
            return Source(leaf), Unknown(tuple(leaf.shape), dtype_text(leaf.dtype))
        if is_argument(value):
            made, kept = value
            return replace(made, number=made.number + first), kept
        return tuple([told(each) for each in value]) if isinstance(value, tuple) else value

    arguments = tuple([told(value) for value in seen.arguments])
    keywords = {name: told(value) for name, value in seen.keywords.items()}
    return replace(seen, number=seen.number + first, arguments=arguments, keywords=keywords)


def places_of_numbers(seen: Seen) -> list[int]:
    """Return where a plain number stands in the place of a tensor: another step may have another one there."""
    given = seen.arguments
    return [n for n in _places_of_tensors(seen.function) if n < len(given) and type(given[n]) in (int, float)]


@lru_cache(maxsize=4096)
def _places_of_tensors(function: Any) -> tuple[int, ...]:
    if isinstance(function, type):
        return ()
    return tuple([place for place, one in enumerate(function._schema.arguments) if str(one.type) == "Tensor"])
