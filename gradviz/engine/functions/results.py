"""What functions of several results return: tuples whose parts have names, printed as PyTorch prints them."""

from __future__ import annotations

from operator import itemgetter
from typing import Any


class Results(tuple[Any, ...]):
    """Several results, each with a name: a `namedtuple` can do more, and to make forty of them takes a while."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def __new__(cls, *values: Any) -> Results:  # noqa: D102
        return super().__new__(cls, values)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        parts = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"torch.return_types.{type(self).__name__}(\n{parts})"


def return_type(name: str, fields: str) -> Any:
    """Make the class of what a function returns.

    Parameters
    ----------
    name
        The function's name.
    fields
        The names of the results, with spaces between.

    Examples
    --------
    >>> return_type("max", "values indices")(3, 0)
    torch.return_types.max(
    values=3,
    indices=0)
    """
    names = tuple(fields.split())
    words = f"What ``{name}`` returns: {', '.join(names)}."
    parts = {field: property(itemgetter(place)) for place, field in enumerate(names)}
    return type(
        name,
        (Results,),
        {"__slots__": (), "_fields": names, "__match_args__": names, "__doc__": words, "__module__": __name__, **parts},
    )
