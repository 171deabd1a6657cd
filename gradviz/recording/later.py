"""Facts of which a part is written when it is first read.

Of a long computation most is folded away before anybody looks. To put all of it into words, and all arrays into numbers, would
be most of what a picture costs. So a recording keeps references and numbers, and its equations, labels and entries are made
when something asks for them: a drawing, a file, a comparison. To those who read, the fields are there as any others.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import MISSING, Field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast


@contextmanager
def all_kept() -> Iterator[None]:
    """Let Python look for no garbage meanwhile: there is none, and of many new objects it would look at all, again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # else the user keeps objects frozen, which are to stay so
            gc.freeze()
            gc.unfreeze()  # all that is new is among what is old, and is not looked at as soon as Python may
        gc.enable()


Write = tuple[Any, ...]
"""What makes the fields that are not there yet: a function that returns them by their names, and what it is given."""

_set, _get = object.__setattr__, object.__getattribute__


class Later:
    """A frozen dataclass with slots, of which some may be empty until they are read.

    Copies, pickles, files and comparisons read all fields, and so have all of them.

    Attributes
    ----------
    costly
        The names of the fields that cost more, or are asked for less, than the others: they are written apart.
    """

    __slots__ = ("_apart", "_write")

    costly: ClassVar[tuple[str, ...]] = ()

    if not TYPE_CHECKING:  # there are no other fields than those of the dataclass

        def __getattr__(self, name: str) -> Any:
            """Write what is missing. Python asks for it where a slot is empty."""
            if name not in type(self).__dataclass_fields__:
                return _get(self, name)
            slot = "_apart" if name in self.costly else "_write"
            write = _made_by(self, slot)
            if write is not None:
                function, *given = write
                for field, value in function(*given).items():
                    _set(self, field, value)
                with suppress(AttributeError):  # another thread has done the same
                    object.__delattr__(self, slot)
            return _get(self, name)


def waiting(part: Later) -> Any:
    """Return what would write a part's fields, ``None`` once they are written: it may have what it writes in another form."""
    return _made_by(part, "_write")


def _made_by(part: Later, slot: str) -> Any:
    try:
        return _get(part, slot)
    except AttributeError:
        return None


Part = TypeVar("Part", bound=Later)
Made = TypeVar("Made")


def maker(kind: type[Made], *names: str) -> Callable[..., Made]:
    """Return a function that makes parts of a recording, as fast as Python makes objects: a long computation has many.

    A frozen dataclass is slow to make, each of its fields is set by a call. So the part is made as one of a class of the same
    slots which is not frozen.

    Parameters
    ----------
    kind
        The dataclass.
    names
        The fields that are there, in the order in which the function takes them.

    Returns
    -------
    Callable
        Takes what writes the other fields, or ``None``; what writes those that are `costly`, or ``None``; and the fields,
        of which those that have a default may be left out.

    Examples
    --------
    >>> from gradviz.recording.model import Argument
    >>> edge = maker(Argument, "id", "slot", "tensor", "link")
    >>> edge((lambda of: {"local": f"2·{of}", "local_number": "6"}, "x"), None, "o0_0", "self", "t0", None).local
    '2·x'
    """
    loose = type(kind.__name__, kind.__bases__, {"__slots__": kind.__slots__})  # type: ignore[attr-defined]
    known: dict[str, Field[Any]] = kind.__dataclass_fields__  # type: ignore[attr-defined]  # it is a dataclass
    defaults = {name: field.default for name, field in known.items() if field.default is not MISSING}
    given = [f"{name}=defaults[{name!r}]" if name in defaults else name for name in names]
    lines = [
        f"def make(_write, _apart, {', '.join(given)}):",
        " part = loose()",
        *(f" part.{name} = {name}" for name in names),
        " if _write is not None: part._write = _write",
        " if _apart is not None: part._apart = _apart",
        " part.__class__ = kind",
        " return part",
    ]
    made: dict[str, Any] = {"loose": loose, "kind": kind, "defaults": defaults}
    exec("\n".join(lines), made)  # as `dataclasses` itself does
    return cast("Callable[..., Made]", made["make"])


_maker: Callable[..., Callable[..., Any]] = cache(maker)


def later(kind: type[Part], write: Write | None, apart: Write | None = None, **known: Any) -> Part:
    """Make a part of a recording of which some fields are still to be written.

    Parameters
    ----------
    kind
        The dataclass.
    write
        Makes the fields that are missing, all of them. It is kept until then, with what it refers to. ``None`` if there are
        none.
    apart
        Makes those that are `costly`, if they are missing.
    **known
        The fields that are there.
    """
    part: Part = _maker(kind, *known)(write, apart, *known.values())
    return part


def changed(part: Part, **changes: Any) -> Part:
    """Return a part with other values in some fields, as `dataclasses.replace` does, without writing what is not written yet."""
    other: Part = object.__new__(type(part))
    missing: dict[str, list[str]] = {}
    for name in type(part).__dataclass_fields__:  # type: ignore[attr-defined]  # it is a dataclass
        try:
            _set(other, name, changes[name] if name in changes else _get(part, name))
        except AttributeError:
            missing.setdefault("_apart" if name in part.costly else "_write", []).append(name)
    for slot, names in missing.items():
        _set(other, slot, (_as_in, part, names))
    return other


def replaced(part: Made, **changes: Any) -> Made:
    """Return a part with other values in some fields: `dataclasses.replace`, as fast as parts are made here."""
    names = part.__dataclass_fields__  # type: ignore[attr-defined]  # it is a dataclass
    values = [changes[name] if name in changes else getattr(part, name) for name in names]
    return cast("Made", _maker(type(part), *names)(None, None, *values))


def _as_in(part: Later, names: Iterable[str]) -> Mapping[str, Any]:
    return {name: getattr(part, name) for name in names}


class Row(Sequence[Any]):
    """A tuple whose parts are made when they are asked for, each once.

    Parameters
    ----------
    count
        How many there are.
    make
        Returns the part at a place.
    """

    __slots__ = ("_count", "_made", "_make", "_whole")

    def __init__(self, count: int, make: Callable[[int], Any]) -> None:
        self._count, self._make, self._made = count, make, dict[int, Any]()
        self._whole: tuple[Any, ...] | None = None  # once all of it was read

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: Any) -> Any:
        part = self._made.get(place) if type(place) is int else None
        if part is not None:
            return part
        if isinstance(place, slice):
            return tuple([self[each] for each in range(*place.indices(self._count))])
        place = range(self._count)[place]  # from the end, or an error
        return self._made.get(place) or self._made.setdefault(place, self._make(place))  # by another thread, perhaps

    def __iter__(self) -> Iterator[Any]:
        return self._one_by_one() if self._whole is None else iter(self._whole)

    def _one_by_one(self) -> Iterator[Any]:
        for place in range(self._count):
            yield self[place]
        self._whole = self[:]

    def __add__(self, other: Iterable[Any]) -> tuple[Any, ...]:
        return (*self, *other)

    def __radd__(self, other: Iterable[Any]) -> tuple[Any, ...]:
        return (*other, *self)

    def __mul__(self, times: int) -> tuple[Any, ...]:
        return tuple(self) * times

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, tuple | Row) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)
