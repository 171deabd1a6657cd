"""What functions between distributions have in common, and how they are put together, and turned around."""

from __future__ import annotations

import functools
import operator
from typing import Any

from gradviz.distributions import constraints
from gradviz.distributions.utils import lazy_property, sum_rightmost
from gradviz.engine import creation
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor

__all__ = ["ComposeTransform", "IndependentTransform", "Transform", "identity_transform"]


class Transform:
    """Base class: y = f(x).

    Parameters
    ----------
    cache_size
        1 to remember the last x and its y, so that the inverse of that y is that very x; 0 not to.

    Attributes
    ----------
    domain, codomain
        Where x and y lie.
    bijective
        Whether each y comes from one x.
    """

    bijective = False
    domain: Any
    codomain: Any
    _inv: Any = None

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._cached_x_y: tuple[Any, Any] = (None, None)

    @property
    def sign(self) -> Any:
        """1 where f rises, -1 where it falls."""
        raise NotImplementedError

    @property
    def event_dim(self) -> int:
        """Over how many of the last axes it works on a value as a whole."""
        if self.domain.event_dim == self.codomain.event_dim:
            return self.domain.event_dim
        raise ValueError("Please use either .domain.event_dim or .codomain.event_dim")

    @property
    def inv(self) -> Transform:
        """The inverse."""
        return _InverseTransform(self)

    def _settings(self) -> tuple[Any, ...]:
        """Return the arguments that make another one like this."""
        return ()

    def with_cache(self, cache_size: int = 1) -> Any:
        """Return the same function, with a cache or without."""
        if self._cache_size == cache_size:
            return self
        kind: Any = type(self)
        return kind(*self._settings(), cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return False
        return all(_same(a, b) for a, b in zip(self._settings(), other._settings(), strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x: Tensor) -> Tensor:
        """Compute y = f(x)."""
        if self._cache_size and x is self._cached_x_y[0]:
            return self._cached_x_y[1]
        return self._remember(x, self._call(x))[1]

    def _inv_call(self, y: Tensor) -> Tensor:
        if self._cache_size and y is self._cached_x_y[1]:
            return self._cached_x_y[0]
        return self._remember(self._inverse(y), y)[0]

    def _remember(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if self._cache_size:
            self._cached_x_y = (x, y)
        return x, y

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``log |dy/dx|``: how much f stretches at x."""
        raise NotImplementedError

    def forward_shape(self, shape: Any) -> Size:
        """Return the shape of y for a shape of x."""
        return shape

    def inverse_shape(self, shape: Any) -> Size:
        """Return the shape of x for a shape of y."""
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _same(a: Any, b: Any) -> bool:
    equal = a == b
    return bool(equal.all()) if isinstance(equal, Tensor) else bool(equal)


class _InverseTransform(Transform):
    """The other way round."""

    def __init__(self, transform: Transform) -> None:
        self._inv = transform
        self._cache_size = transform._cache_size

    @property
    def domain(self) -> Any:
        return self._inv.codomain

    @property
    def codomain(self) -> Any:
        return self._inv.domain

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self._inv.bijective

    @property
    def sign(self) -> Any:
        return self._inv.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Any:
        return self._inv.with_cache(cache_size).inv

    def _settings(self) -> tuple[Any, ...]:
        return (self._inv,)

    def __call__(self, x: Tensor) -> Tensor:
        return self._inv._inv_call(x)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Size:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Size:
        return self._inv.forward_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._inv!r})"


class ComposeTransform(Transform):
    """Several functions, one after the other.

    Parameters
    ----------
    parts
        The functions, the first first.
    """

    def __init__(self, parts: list[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else parts

    def _settings(self) -> tuple[Any, ...]:
        return (self.parts,)

    @property
    def domain(self) -> Any:
        return _joined([(part.domain, part.codomain) for part in self.parts])

    @property
    def codomain(self) -> Any:
        return _joined([(part.codomain, part.domain) for part in reversed(self.parts)])

    @lazy_property
    def bijective(self) -> bool:
        return all(part.bijective for part in self.parts)

    @lazy_property
    def sign(self) -> Any:
        return functools.reduce(operator.mul, (part.sign for part in self.parts), 1)

    @property
    def inv(self) -> Transform:
        return ComposeTransform([part.inv for part in reversed(self.parts)])

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _inv_call(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.parts:
            return creation.zeros_like(x)
        between = [x]
        for part in self.parts[:-1]:
            between.append(part(between[-1]))
        between.append(y)
        terms = []
        event_dim = self.domain.event_dim
        for part, before, after in zip(self.parts, between[:-1], between[1:], strict=True):
            terms.append(sum_rightmost(part.log_abs_det_jacobian(before, after), event_dim - part.domain.event_dim))
            event_dim += part.codomain.event_dim - part.domain.event_dim
        return functools.reduce(operator.add, terms)

    def forward_shape(self, shape: Any) -> Size:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Size:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n    " + ",\n    ".join(map(repr, self.parts)) + "\n)"


def _joined(sides: list[tuple[Any, Any]]) -> Any:
    """Return the near side of the first of several functions, for values as large as any of them needs.

    Parameters
    ----------
    sides
        For each function its near and its far side, the nearest function first.
    """
    if not sides:
        return constraints.real
    near = sides[0][0]
    event_dim = sides[-1][1].event_dim
    for here, there in reversed(sides):
        event_dim = max(event_dim + here.event_dim - there.event_dim, here.event_dim)
    return constraints.independent(near, event_dim - near.event_dim) if event_dim > near.event_dim else near


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A function of numbers, taken as one of vectors: the stretches along the last axes are added up.

    Parameters
    ----------
    base_transform
        The function.
    reinterpreted_batch_ndims
        How many of the last axes to join.
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def _settings(self) -> tuple[Any, ...]:
        return self.base_transform, self.reinterpreted_batch_ndims

    @property
    def domain(self) -> Any:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> Any:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        if x.ndim < self.domain.event_dim:
            raise ValueError("Too few dimensions on input")
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        if y.ndim < self.codomain.event_dim:
            raise ValueError("Too few dimensions on input")
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Size:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Size:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_transform!r}, {self.reinterpreted_batch_ndims})"
