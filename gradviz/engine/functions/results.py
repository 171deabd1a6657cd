"""What functions of several results return: tuples whose parts have names, printed as PyTorch prints them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


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
    base: Any = namedtuple(name, fields)  # type: ignore[misc]

    def as_text(self: Any) -> str:
        parts = ",\n".join(f"{field}={getattr(self, field)!r}" for field in self._fields)
        return f"torch.return_types.{name}(\n{parts})"

    words = f"What ``{name}`` returns: {', '.join(fields.split())}."
    return type(name, (base,), {"__slots__": (), "__repr__": as_text, "__doc__": words, "__module__": __name__})
