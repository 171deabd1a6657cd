"""The door through which a program's calls come in: PyTorch's names for arguments, ``out=``, and PyTorch's errors.

A function or method behind it is called at once, as it is given. Only a call with a keyword that is not its own is
looked up among PyTorch's signatures (NumPy's ``axis=``, ``out=``, a name that is another here), and only where a call
fails is it asked whether PyTorch would have taken it at all. So all of that stands in one place, and costs a call that needs
none of it about a tenth of a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import is_
from types import FunctionType
from typing import Any, NamedTuple

from gradviz.engine import mixed
from gradviz.engine.scope import warn
from gradviz.engine.subclasses import dispatch, kept, wanted
from gradviz.engine.tensor import Tensor


def public(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Put a function behind the door.

    Parameters
    ----------
    name
        Its name in the table of signatures: ``"sum"``, ``"linalg.inv"``, ``"Tensor.sum"``.
    function
        What computes. For a method, its first argument is the tensor.
    """

    def call(*args: Any, **keywords: Any) -> Any:
        if keywords:
            return door.named(call, args, keywords)
        if kept and wanted(args):
            return dispatch(call, args, keywords)
        try:
            result = function(*args)
        except Exception as error:
            return door.failed(error, args, keywords)
        return door.failed(None, args, keywords) if result is NotImplemented else result

    door = Door(name, function)
    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__
    call.__wrapped__ = call.behind = function  # type: ignore[attr-defined]
    return call


class Door:
    """What happens to calls of a function that are not plain: those with keywords, and those that fail."""

    __slots__ = ("function", "name", "orders", "own")

    own: frozenset[str] | None
    """The function's own keywords, once one was given."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function, self.own = name, function, None
        self.orders: dict[Any, Order] = {}

    def named(self, call: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call with keywords; or let a class of the program's own say how."""
        if kept and wanted((*args, *keywords.values())):
            return dispatch(call, args, keywords)
        try:
            if self.own is None:
                code = self.function.__code__
                own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
                self.own = frozenset(getattr(self.function, "named", None) or own) - {"out"}
            if self.own.issuperset(keywords):
                result = self.function(*args, **keywords)
            else:
                result = self.by_pytorchs_names(args, keywords)
        except Exception as error:
            return self.failed(error, args, keywords)
        return self.failed(None, args, keywords) if result is NotImplemented else result

    def failed(self, error: Exception | None, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Raise what PyTorch raises for the call; or compute what PyTorch has given up, and still takes."""
        from gradviz.engine import signatures

        given = self.given(args)
        refused = signatures.refusal(self.name, given, keywords)
        if refused is None and error is not None:
            found = signatures.bound(self.name, given, keywords)
            if found is not None and found[0].old:
                return self.by_pytorchs_names(args, keywords)
        error = error or TypeError(f"{self.function.__name__}() does not take these arguments")
        other = mixed.met(refused or error, *args, *keywords.values())
        if other is not None:
            raise other from None
        if refused is None or str(refused).partition("\n")[0] == str(error).partition("\n")[0]:
            raise error
        raise refused from None

    def given(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments without the tensor whose method this is."""
        return args[1:] if self.name.startswith("Tensor.") else args

    def by_pytorchs_names(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function whose arguments have PyTorch's names, or NumPy's: by their place, as PyTorch orders them."""
        from gradviz.engine import out as writing
        from gradviz.engine import signatures

        kinds = _kinds(args, keywords)
        if kinds in self.orders:
            return self.orders[kinds].call(self.function, args, keywords)
        given = self.given(args)
        found = signatures.bound(self.name, given, keywords)
        if found is None:
            return self.function(*args, **keywords)
        signature, values = found
        first = args[: len(args) - len(given)]
        if signature.old:
            others = "".join(f"\n\t{each.name}{each}" for each in signatures.of(self.name) if not each.old)
            warn(
                f"This overload of {signature.name} is deprecated:\n\t{signature.name}{signature}\n"
                f"Consider using one of the following signatures instead:{others}"
            )
            first = first or (values.pop("input"),)
            return self.named(self.function, first, values)
        out = values.pop("out", None)
        by_place, by_name, gap = list(first), {}, False
        for parameter in signature.parameters:
            if parameter.name not in values:
                gap = True
            elif parameter.by_keyword or gap:
                by_name[parameter.name] = values[parameter.name]
            else:
                by_place.append(values[parameter.name])
        if out is None:
            if kinds is not None:
                self._note(kinds, signature, args, keywords, (by_place, by_name))
            return self.function(*by_place, **by_name)
        return writing.written(self.name, self.function, out, *by_place, **by_name)

    def _note(
        self, kinds: Any, signature: Any, args: Any, keywords: Any, found: tuple[list[Any], dict[str, Any]]
    ) -> None:
        """Remember the order of a call's arguments for others of its kinds."""
        methods = len(args) - len(self.given(args))
        sources = {
            name: source + methods if isinstance(source, int) else source
            for name, source in signature.sources(len(args) - methods, keywords).items()
        }
        by_name = {name: sources.pop(name) for name in found[1]}
        order = Order((*range(methods), *sources.values()), by_name)
        placed, named = order.of(args, keywords)
        if (
            len(placed) == len(found[0])
            and all(map(is_, placed, found[0]))
            and all(named[n] is found[1][n] for n in named)
        ):
            self.orders[kinds] = order  # (where ints stand for a tuple of them, a value has no one source)


class Order(NamedTuple):
    """Where a function's arguments come from: places among those of a call, or its keywords."""

    by_place: tuple[int | str, ...]
    by_name: dict[str, int | str]

    def of(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Put the arguments of a call in order."""
        return (
            [args[source] if type(source) is int else keywords[source] for source in self.by_place],  # type: ignore[index]
            {
                name: args[source] if type(source) is int else keywords[source]  # type: ignore[index]
                for name, source in self.by_name.items()
            },
        )

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function with them."""
        placed, named = self.of(args, keywords)
        return function(*placed, **named)


_PLAIN = frozenset((int, float, bool, str, type(None)))


def _kinds(args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Return what of a call decides which signature it fits: the types, and the keywords. ``None`` if values do, too."""
    if "out" in keywords:
        return None
    kinds: list[Any] = []
    for value in (*args, *keywords.values()):
        kind = type(value)
        if kind in _PLAIN:
            kinds.append(kind)
        elif isinstance(value, Tensor) and value.array.ndim:  # one without dimensions may be taken for a number
            kinds.append(Tensor)
        else:
            return None
    return (*kinds, *keywords)


def open_to(room: str, names: Iterable[str], space: dict[str, Any]) -> None:
    """Put the functions of a module behind the door.

    Parameters
    ----------
    room
        The module, as the table of signatures has it: ``""``, ``"linalg"``, ``"nn.functional"``.
    names
        Its functions.
    space
        Its names, which are changed.
    """
    for name in names:
        if type(space[name]) is FunctionType:
            function = getattr(space[name], "behind", space[name])  # it may have come in under another name
            space[name] = call = public(f"{room}.{name}" if room else name, function)
            call.__module__ = space["__name__"]  # a pickle looks for it there
            call.__name__ = call.__qualname__ = name
