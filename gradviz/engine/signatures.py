"""How PyTorch's functions and methods may be called: their signatures, and what PyTorch says when none fits.

`signatures.txt` holds them, one a line, as PyTorch's own parser of arguments knows them: ``ints1`` are several ints or
one, a ``?`` takes None, ``Tensor+`` a number too, and a ``!`` marks an old form that is taken and no longer named. The
file is read when it is first needed: for a keyword that is not the function's own (NumPy's ``axis=``), or after a
mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

NUMPY_NAMES = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}
"""What PyTorch takes for some of its names, so that code written for NumPy runs."""

LISTS = {
    "ints": "tuple of ints",
    "floats": "tuple of floats",
    "Tensors": "tuple of Tensors",
    "Numbers": "tuple of Scalars",
}
PLACES = dict.fromkeys(("dtype", "layout", "device", "memory_format", "Size"), "torch.") | {"Generator": "torch._C."}
"""Where PyTorch has some types, which it says with their name."""


def type_name(value: Any) -> str:
    """Return the name of a value's type as PyTorch prints it."""
    kind = type(value)
    if kind.__module__ == "numpy":
        return f"numpy.{kind.__name__}"
    return (PLACES.get(kind.__name__, "") if kind.__module__.startswith("gradviz.") else "") + kind.__name__


@dataclass(frozen=True)
class Parameter:
    """One parameter of a signature: its name, what kind of value it takes, and what it is if it is not given."""

    name: str
    kind: str
    none: bool
    default: str | None
    by_keyword: bool

    @property
    def words(self) -> str:
        """What it takes, in PyTorch's words."""
        kind = self.kind.rstrip("1+")
        return f"torch.{kind}" if kind in PLACES else LISTS.get(kind, kind)

    def given(self, keywords: Mapping[str, Any]) -> str | None:
        """Return the keyword that gives it, among those of a call: its own name, or NumPy's."""
        return next((name for name in (self.name, *NUMPY_NAMES.get(self.name, ())) if name in keywords), None)

    def __str__(self) -> str:
        default = "" if self.default is None else " = " + self.default.replace("'", '"')
        return f"{self.words} {self.name}{default}"


@dataclass(frozen=True)
class Signature:
    """One way to call a function."""

    name: str
    parameters: tuple[Parameter, ...]
    old: bool = False

    def __str__(self) -> str:
        words = [str(parameter) for parameter in self.parameters]
        if self.positional < len(words):
            words.insert(self.positional, "*")
        return f"({', '.join(words)})"

    @property
    def positional(self) -> int:
        """How many arguments may be given by their place."""
        return sum(not parameter.by_keyword for parameter in self.parameters)

    @property
    def least(self) -> int:
        """How many arguments have to be given."""
        return sum(parameter.default is None for parameter in self.parameters)

    def bind(self, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any] | str:
        """Return the arguments by PyTorch's names for them; or, where they do not fit, what PyTorch says of that."""
        if not self.parameters and keywords:  # here it is Python that says so
            return f"TensorBase.{self.name}() takes no keyword arguments"
        in_a_row = self.positional == 1 and self.parameters[0].kind in ("ints", "ints1") and _are_ints(args)
        if len(args) > self.positional and not in_a_row:
            return self._too_many(len(args))
        bound: dict[str, Any] = {}
        place, left = 0, len(keywords)
        for index, parameter in enumerate(self.parameters):
            keyword = None
            if place < len(args):
                if parameter.by_keyword:
                    return self._too_many(len(args))
                value = args[place]
            elif (keyword := parameter.given(keywords)) is not None:
                value = keywords[keyword]
            elif parameter.default is None:
                return self._missing(index)
            else:
                continue
            if parameter.kind == "Tensors" and isinstance(value, tuple | list):
                _check_tensors(value, index)
            if not (value is None and parameter.none) and not fits(parameter.kind, value):
                if not (in_a_row and place == 0 and keyword is None):
                    return self._wrong(parameter, value, place if keyword is None else None)
                value, place = args, len(args) - 1
            bound[parameter.name] = value
            if keyword is None:
                place += 1
            else:
                left -= 1
        return self._unexpected(keywords, len(args)) if left else bound

    def sources(self, count: int, keywords: Mapping[str, Any]) -> dict[str, int | str]:
        """Return where each argument of a call that fits comes from: its place among so many, or its keyword."""
        found: dict[str, int | str] = {}
        for place, parameter in enumerate(self.parameters):
            source = place if place < count else parameter.given(keywords)
            if source is not None:
                found[parameter.name] = source
        return found

    def unpacked(self, bound: Mapping[str, Any]) -> str | None:
        """Return what PyTorch says of elements of lists that are of another kind, which it looks at last."""
        for parameter in self.parameters:
            values = bound.get(parameter.name)
            if parameter.kind not in ("ints", "ints1", "floats") or not isinstance(values, tuple | list):
                continue
            one = _is_float if parameter.kind == "floats" else _is_int
            wrong = next((index for index, value in enumerate(values) if not one(value)), None)
            if wrong is not None and one is _is_float:
                return (
                    f"{self.name}(): argument '{parameter.name}' must be tuple of floats, but found element of type "
                    f"{type_name(values[wrong])} at pos {wrong + 1}"
                )
            if wrong is not None:
                return (
                    f"{self.name}(): argument '{parameter.name}' failed to unpack the object at pos {wrong + 1} with error "
                    f'"type must be tuple of ints,but got {type_name(values[wrong])}"'
                )
        return None

    def _too_many(self, given: int) -> str:
        least, most = self.least, self.positional
        if not self.parameters:
            return f"TensorBase.{self.name}() takes no arguments ({given} given)"
        if least != most:
            return f"{self.name}() takes from {least} to {most} positional arguments but {given} were given"
        plural, were = "" if most == 1 else "s", "was" if given == 1 else "were"
        return f"{self.name}() takes {most} positional argument{plural} but {given} {were} given"

    def _missing(self, index: int) -> str:
        names = [f'"{p.name}"' for p in self.parameters[index:] if p.default is None]
        plural = "s" if len(names) == 1 else ""  # the wrong way round, as in PyTorch
        return f"{self.name}() missing {len(names)} required positional argument{plural}: {', '.join(names)}"

    def _wrong(self, parameter: Parameter, value: Any, place: int | None) -> str:
        where = "" if place is None else f" (position {place + 1})"
        start = f"{self.name}(): argument '{parameter.name}'{where} must be {parameter.words}, "
        if place is not None and parameter.kind.startswith("ints") and isinstance(value, tuple | list):
            return start + f"but found element of type {type_name(value[0])} at pos 0"
        return start + f"not {type_name(value)}"

    def _unexpected(self, keywords: Mapping[str, Any], given: int) -> str:
        for keyword in keywords:
            place = next((i for i, p in enumerate(self.parameters) if p.name == keyword), None)
            if place is None:
                return f"{self.name}() got an unexpected keyword argument '{keyword}'"
            if place < given:
                return f"{self.name}() got multiple values for argument '{keyword}'"
        return "invalid keyword arguments"


# --- what fits -----------------------------------------------------------------------------------------------------------


def _tensor(value: Any) -> bool:
    from gradviz.engine.tensor import Tensor

    return isinstance(value, Tensor)


def _number_in(value: Any, kinds: str) -> bool:
    """Return True for a tensor without dimensions that PyTorch takes for a number."""
    return _tensor(value) and not value.ndim and not value.requires_grad and value.array.dtype.kind in kinds


def _is_int(value: Any) -> bool:
    if isinstance(value, int | np.integer):
        return not isinstance(value, bool)
    return _number_in(value, "iub")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex | np.number | np.bool_) or _number_in(value, "iubf")


def _is_float(value: Any) -> bool:
    return isinstance(value, int | float | np.floating | np.integer) or _number_in(value, "iubf")


def _are_ints(value: Any) -> bool:
    return isinstance(value, tuple | list) and (not value or _is_int(value[0]))


def _is_list(value: Any) -> bool:
    return isinstance(value, tuple | list)


def _check_tensors(values: Any, argument: int) -> None:
    for place, value in enumerate(values):
        if not _tensor(value) and value is not None:
            raise TypeError(f"expected Tensor as element {place} in argument {argument}, but got {type_name(value)}")


PYTHONS = (float, int, bool, complex)


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy"


def _called(name: str) -> Callable[[Any], bool]:
    return lambda value: type(value).__name__ == name


FITS: dict[str, Callable[[Any], bool]] = {
    "Tensor": _tensor,
    "Tensor+": lambda value: _tensor(value) or _is_number(value),
    "Number": _is_number,
    "int": _is_int,
    "float": _is_float,
    "bool": lambda value: isinstance(value, bool | np.bool_),
    "str": lambda value: isinstance(value, str),
    "ints": _are_ints,
    "ints1": lambda value: _are_ints(value) or _is_int(value),
    "floats": lambda value: _is_list(value) and (not value or _is_float(value[0])),
    "Numbers": _is_list,
    "Tensors": _is_list,
    "dtype": lambda value: (
        (type(value).__name__ == "dtype" and not _is_numpy(value)) or any(value is kind for kind in PYTHONS)
    ),
    "device": lambda value: type(value).__name__ == "device" or (isinstance(value, str | int) and value is not True),
    "layout": _called("layout"),
    "memory_format": _called("memory_format"),
    "Generator": _called("Generator"),
}
"""For each kind of parameter, whether PyTorch takes a value for it."""


def fits(kind: str, value: Any) -> bool:
    """Return True if PyTorch takes the value for a parameter of the kind."""
    test = FITS.get(kind)
    return test is None or test(value)


# --- the table -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _lines() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "signatures.txt").read_text("utf-8").splitlines():
        name, _, parameters = line.removesuffix(")").partition("(")
        found.setdefault(name, []).append(parameters)
    return found


@lru_cache(maxsize=256)
def of(name: str) -> tuple[Signature, ...]:
    """Return the ways to call a function (``"sum"``, ``"linalg.inv"``) or a method (``"Tensor.sum"``)."""
    room, _, last = name.rpartition(".")
    shown = f"{room}_{last}" if room in ("linalg", "special") else last
    return tuple(_signature(shown, parameters) for parameters in _lines().get(name, ()))


def _signature(name: str, text: str) -> Signature:
    before, _, after = text.removeprefix("!").partition("*")
    parameters = [_parameter(part, False) for part in before.split(", ") if part]
    parameters += [_parameter(part, True) for part in after.split(", ") if part]
    return Signature(name, tuple(parameters), text.startswith("!"))


def _parameter(text: str, by_keyword: bool) -> Parameter:
    kind, _, rest = text.partition(" ")
    name, _, default = rest.partition("=")
    return Parameter(name, kind.rstrip("?"), kind.endswith("?") or default == "None", default or None, by_keyword)


def bound(name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> tuple[Signature, dict[str, Any]] | None:
    """Return the first signature that a call fits, with the arguments by PyTorch's names; None if there is none.

    Raises
    ------
    TypeError
        If what should be a list of tensors holds something else: PyTorch looks no further then.
    """
    for signature in of(name):
        found = signature.bind(args, keywords)
        if isinstance(found, dict):
            return signature, found
    return None


def refusal(name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> TypeError | None:
    """Return PyTorch's error for a call that fits none of the signatures; None if one fits, or none is known."""
    try:
        found = bound(name, args, keywords)
    except TypeError as error:
        return error
    if found is not None:
        words = found[0].unpacked(found[1])
        return None if words is None else TypeError(words)
    known = of(name)
    if not known:
        return None
    named = [signature for signature in known if not signature.old]
    count = len(args) + len(keywords)
    plausible = [s for s in named if s.least <= count <= len(s.parameters)] if len(known) > 1 else known
    if len(plausible) == 1:
        return TypeError(plausible[0].bind(args, keywords))
    return TypeError(_no_combination(known[0].name, named, args, keywords))


def _no_combination(name: str, named: list[Signature], args: tuple[Any, ...], keywords: Mapping[str, Any]) -> str:
    start = f"{name}() received an invalid combination of arguments - got "
    if len(named) == 1:
        unknown = [key for key in keywords if all(key != p.name for p in named[0].parameters)]
        if unknown:
            return f"{start}unrecognized keyword arguments: {', '.join(unknown)}"
    by_name = "".join(f"{key}={type_name(value)}, " for key, value in keywords.items())
    given = ", ".join(type_name(value) for value in args)
    if by_name:  # the comma that is left over where all is given by name is PyTorch's
        given = f"{given}, {by_name.removesuffix(', ')}" if args else by_name
    if len(named) == 1:
        return f"{start}({given}), but expected {named[0]}"
    return f"{start}({given}), but expected one of:\n" + "".join(f" * {signature}\n" for signature in named)
