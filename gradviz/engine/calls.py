"""The door through which a program's calls come in: PyTorch's names for arguments, ``out=``, and PyTorch's errors.

A function or method behind it is called at once, as it is given. Only a call with a keyword that is not its own is
looked up among PyTorch's signatures (NumPy's ``axis=``, ``out=``, a name that is another here), and only where a call
fails is it asked whether PyTorch would have taken it at all. So all of that stands in one place, and costs a call that needs
none of it a few nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any

from gradviz.engine import mixed
from gradviz.engine.scope import warn
from gradviz.engine.subclasses import dispatch, kept, wanted


def public(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Put a function behind the door.

    Parameters
    ----------
    name
        Its name in the table of signatures: ``"sum"``, ``"linalg.inv"``, ``"Tensor.sum"``.
    function
        What computes. For a method, its first argument is the tensor.
    """
    code = function.__code__
    own = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) - {"out"}

    def call(*args: Any, **keywords: Any) -> Any:
        if kept and wanted((*args, *keywords.values())):
            return dispatch(call, args, keywords)
        try:
            if not keywords:
                result = function(*args)
            elif own.issuperset(keywords):
                result = function(*args, **keywords)
            else:
                result = _by_pytorchs_names(name, function, args, keywords)
        except Exception as error:
            refused = _refusal(name, args, keywords)
            if refused is None and _is_old(name, args, keywords):
                return _by_pytorchs_names(name, function, args, keywords)
            other = mixed.met(refused or error, *args, *keywords.values())
            if other is not None:
                raise other from None
            if refused is None or str(refused).partition("\n")[0] == str(error).partition("\n")[0]:
                raise
            raise refused from None
        if result is NotImplemented:
            raise _refusal(name, args, keywords) or TypeError(f"{function.__name__}() does not take these arguments")
        return result

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__
    call.__wrapped__ = call.behind = function  # type: ignore[attr-defined]
    return call


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


def _refusal(name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> TypeError | None:
    from gradviz.engine import signatures

    return signatures.refusal(name, args[1:] if name.startswith("Tensor.") else args, keywords)


def _is_old(name: str, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> bool:
    """Return True for a call in a form that PyTorch has given up and still takes: ``add(x, 2, y)`` for ``x + 2 · y``."""
    from gradviz.engine import signatures

    found = signatures.bound(name, args[1:] if name.startswith("Tensor.") else args, keywords)
    return found is not None and found[0].old


def _by_pytorchs_names(
    name: str, function: Callable[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]
) -> Any:
    """Call a function whose arguments have PyTorch's names, or NumPy's: by their place, as PyTorch orders them."""
    from gradviz.engine import out as writing
    from gradviz.engine import signatures

    first = args[:1] if name.startswith("Tensor.") else ()
    found = signatures.bound(name, args[len(first) :], keywords)
    if found is None:
        return function(*args, **keywords)
    signature, given = found
    if signature.old:
        warn(f"This overload of {signature.name} is deprecated: {signature.name}{signature}")
        rest = {key: value for key, value in given.items() if key != "input"}
        return public(name, function)(*(first or (given["input"],)), **rest)
    out = given.pop("out", None)
    by_place, by_name, gap = list(first), {}, False
    for parameter in signature.parameters:
        if parameter.name not in given:
            gap = True
        elif parameter.by_keyword or gap:
            by_name[parameter.name] = given[parameter.name]
        else:
            by_place.append(given[parameter.name])
    if out is None:
        return function(*by_place, **by_name)
    return writing.written(name, function, out, *by_place, **by_name)
