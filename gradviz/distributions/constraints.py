"""Where a parameter, or a sample, may lie; ``check`` says for each whether it does.

Examples
--------
>>> import gradviz as torch
>>> torch.distributions.constraints.positive.check(torch.tensor([-1.0, 2.0]))
tensor([False,  True])
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from gradviz import absent
from gradviz.engine import creation, functions
from gradviz.engine.linalg import functions as linalg

__all__ = [
    "Constraint", "boolean", "dependent", "dependent_property", "greater_than", "greater_than_eq", "half_open_interval",
    "independent", "integer_interval", "interval", "is_dependent", "less_than", "lower_cholesky", "lower_triangular",
    "multinomial", "nonnegative", "nonnegative_integer", "one_hot", "positive", "positive_definite", "positive_integer",
    "positive_semidefinite", "real", "real_vector", "simplex", "square", "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """Base class: a region that values may lie in.

    Attributes
    ----------
    is_discrete
        Whether it is made of separate points.
    event_dim
        Over how many of the last axes it speaks about a value as a whole: 0 for numbers, 1 for vectors.
    """

    is_discrete: Any = False
    event_dim: Any = 0

    def check(self, value: Any) -> Any:
        """Return, for each value, whether it lies in the region."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__.removeprefix('_')}()"


class _Dependent(Constraint):
    """A region that depends on the distribution's parameters, and is known from an instance only."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._is_discrete, self._event_dim = is_discrete, event_dim

    def _known(self, name: str) -> Any:
        fact = getattr(self, f"_{name}")
        if fact is NotImplemented:
            raise NotImplementedError(f".{name} cannot be determined statically")
        return fact

    @property
    def is_discrete(self) -> Any:
        """Whether it is made of separate points, where that is known."""
        return self._known("is_discrete")

    @property
    def event_dim(self) -> Any:
        """Over how many of the last axes it speaks, where that is known."""
        return self._known("event_dim")

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> Constraint:
        given = is_discrete, event_dim
        known = [
            b if a is NotImplemented else a for a, b in zip(given, (self._is_discrete, self._event_dim), strict=True)
        ]
        return _Dependent(is_discrete=known[0], event_dim=known[1])

    def check(self, value: Any) -> Any:
        """Refuse: ask an instance of the distribution."""
        raise ValueError("Cannot determine validity of dependent constraint")


class _DependentProperty(property, _Dependent):
    """A property of a distribution that returns a constraint; on the class it stands for a `dependent` one."""

    def __init__(
        self,
        fn: Callable[..., Any] | None = None,
        *,
        is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ) -> None:
        super().__init__(fn)
        self._is_discrete, self._event_dim = is_discrete, event_dim

    def __call__(self, fn: Callable[..., Any]) -> _DependentProperty:  # type: ignore[override]
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


class _IndependentConstraint(Constraint):
    """Several values are in the region together: all along the last axes."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> Any:
        """As of the region of each."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> Any:
        """Over how many of the last axes it speaks."""
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Any) -> Any:
        """Return whether all of them lie in the region."""
        result = self.base_constraint.check(value)
        if result.ndim < self.reinterpreted_batch_ndims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return result.reshape((*result.shape[: result.ndim - self.reinterpreted_batch_ndims], -1)).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__[1:]}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class _Bounded(Constraint):
    """Numbers between bounds; which, and whether the bounds themselves belong to them, a subclass says."""

    above: Any = None  # how the lower bound has to compare with a value
    below: Any = None  # how a value has to compare with the upper bound
    lower_bound: Any
    upper_bound: Any

    def __init__(self, *bounds: Any, **named: Any) -> None:
        names = [name for name, way in (("lower_bound", self.above), ("upper_bound", self.below)) if way is not None]
        vars(self).update(zip(names, bounds, strict=False), **named)

    def check(self, value: Any) -> Any:
        """Return whether each number lies between the bounds."""
        tests = [value % 1 == 0] if self.is_discrete else []
        if self.above is not None:
            tests.append(self.above(self.lower_bound, value))
        if self.below is not None:
            tests.append(self.below(value, self.upper_bound))
        inside = tests[0]
        for test in tests[1:]:
            inside = inside & test
        return inside

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}={bound}" for name, bound in vars(self).items())
        return f"{type(self).__name__[1:]}({bounds})"


class _GreaterThan(_Bounded):
    above = staticmethod(operator.lt)


class _GreaterThanEq(_Bounded):
    above = staticmethod(operator.le)


class _LessThan(_Bounded):
    below = staticmethod(operator.lt)


class _Interval(_Bounded):
    above, below = staticmethod(operator.le), staticmethod(operator.le)


class _HalfOpenInterval(_Bounded):
    above, below = staticmethod(operator.le), staticmethod(operator.lt)


class _IntegerInterval(_Interval):
    is_discrete = True


class _IntegerGreaterThan(_GreaterThanEq):
    is_discrete = True


class _Real(Constraint):
    def check(self, value: Any) -> Any:
        return value == value  # nan is not equal to itself


class _Boolean(Constraint):
    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value == 0) | (value == 1)


class _OneHot(Constraint):
    is_discrete = True
    event_dim = 1

    def check(self, value: Any) -> Any:
        return ((value == 0) | (value == 1)).all(-1) & value.sum(-1).eq(1)


class _Simplex(Constraint):
    event_dim = 1

    def check(self, value: Any) -> Any:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _Multinomial(Constraint):
    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Any) -> Any:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


class _LowerTriangular(Constraint):
    event_dim = 2

    def check(self, value: Any) -> Any:
        return (value.tril() == value).all(-1).all(-1)


class _LowerCholesky(_LowerTriangular):
    def check(self, value: Any) -> Any:
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _Square(Constraint):
    event_dim = 2

    def check(self, value: Any) -> Any:
        return creation.full(tuple(value.shape[:-2]), value.shape[-2] == value.shape[-1])


class _Symmetric(_Square):
    def check(self, value: Any) -> Any:
        square = super().check(value)
        return functions.isclose(value, value.mT, atol=1e-6).all(-2).all(-1) if square.all() else square


class _PositiveSemidefinite(_Symmetric):
    def check(self, value: Any) -> Any:
        symmetric = super().check(value)
        return linalg.eigvalsh(value).ge(0).all(-1) if symmetric.all() else symmetric


class _PositiveDefinite(_Symmetric):
    def check(self, value: Any) -> Any:
        symmetric = super().check(value)
        return linalg.cholesky_ex(value)[1].eq(0) if symmetric.all() else symmetric


def is_dependent(constraint: Any) -> bool:
    """Return True for a region that depends on parameters which are not known yet."""
    return isinstance(constraint, _Dependent)


dependent = _Dependent()
dependent_property = _DependentProperty
independent = _IndependentConstraint
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real = _Real()
real_vector = independent(real, 1)
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()


def __getattr__(name: str) -> Any:
    return absent.attribute("distributions.constraints", name, __all__)
