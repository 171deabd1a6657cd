"""The shape of a tensor: a tuple that says so."""

from __future__ import annotations

import math
from typing import Any, SupportsIndex, overload


class Size(tuple[int, ...]):
    """The lengths of a tensor's axes; a tuple in everything but its name, and slices and sums of it are sizes too.

    Examples
    --------
    >>> Size((2, 3))
    torch.Size([2, 3])
    >>> Size((2, 3)).numel()
    6
    >>> Size((2, 3))[1:] + (4,)
    torch.Size([3, 4])
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return how many entries a tensor of this size has."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(repr, self))}])"

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Size: ...
    def __getitem__(self, index: SupportsIndex | slice) -> int | Size:
        item = tuple.__getitem__(self, index)
        return Size(item) if isinstance(item, tuple) else item

    def __add__(self, other: Any) -> Size:
        if not isinstance(other, tuple):
            raise TypeError(f"can only concatenate tuple (not {type(other).__name__}) to torch.Size")
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Size:
        return Size(other) + self if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: SupportsIndex) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__
