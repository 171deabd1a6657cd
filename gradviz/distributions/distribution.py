"""`Distribution`: what all distributions share, shapes and checks above all.

A tensor of samples has three kinds of axes: first those that were asked for, then one distribution beside the other
(`batch_shape`), last what one sample is made of (`event_shape`).
"""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.distributions import constraints
from gradviz.distributions.utils import broadcast_all, lazy_property
from gradviz.engine.modes import no_grad
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor

__all__ = ["Distribution"]


class Distribution:
    """Base class of all distributions.

    Parameters
    ----------
    batch_shape
        The shape of the parameters: how many distributions stand beside each other.
    event_shape
        The shape of one sample of one of them.
    validate_args
        Whether to check parameters and values; by default yes.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    def __init__(
        self, batch_shape: Size = Size(), event_shape: Size = Size(), validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    def _parametrize(self, validate_args: bool | None, **parameters: Any) -> None:
        """Set parameters of single numbers, in one shape, which is the batch's."""
        tensors = broadcast_all(*parameters.values())
        for name, tensor in zip(parameters, tensors, strict=True):
            setattr(self, name, tensor)
        some = any(isinstance(value, Tensor) for value in parameters.values())
        Distribution.__init__(self, tensors[0].shape if some else Size(), validate_args=validate_args)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether distributions check their parameters and values, if they are not told otherwise."""
        if value not in [True, False]:
            raise ValueError
        Distribution._validate_args = value

    # --- what a subclass defines --------------------------------------------------------------------------------------

    @property
    def arg_constraints(self) -> Any:
        """Where the parameters may lie, by name."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """Where samples lie."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most likely value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        """Draw samples that gradients flow through, to the parameters."""
        raise NotImplementedError

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability, or density, at a value."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """Return the share of the distribution up to a value."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value up to which there is a share of the distribution."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all values that a discrete distribution can take, along the first axis."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """Return the entropy, in nats."""
        raise NotImplementedError

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the same distribution for a larger batch shape; the parameters are stretched, not copied."""
        raise NotImplementedError

    # --- what follows from it -----------------------------------------------------------------------------------------

    @property
    def batch_shape(self) -> Size:
        """The shape in which distributions stand beside each other."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one distribution."""
        return self._event_shape

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """Draw samples, cut off from the parameters.

        Parameters
        ----------
        sample_shape
            How many. The result has this shape, then the batch's, then the event's.
        """
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Tensor:
        """Draw n samples; an old name for ``sample((n,))``."""
        warnings.warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def perplexity(self) -> Tensor:
        """Return exp of the entropy: how many equally likely values would be as uncertain."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Any = Size()) -> Size:
        return Size(sample_shape) + self._batch_shape + self._event_shape

    # --- checks -------------------------------------------------------------------------------------------------------

    def _validate_parameters(self) -> None:
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            wanted = {}
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
        for name, constraint in wanted.items():
            computed = name not in vars(self) and isinstance(getattr(type(self), name, None), lazy_property)
            if constraints.is_dependent(constraint) or computed:
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        start = value.ndim - len(self._event_shape)
        if value.shape[start:] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}."
            )
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(expected), strict=False):
            if i != j and 1 not in (i, j):
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the distribution "
                "with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    # --- copies and print ---------------------------------------------------------------------------------------------

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """Return an empty distribution of this kind, to be filled by `expand`."""
        if _instance is not None:
            return _instance
        if type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also define a "
                "custom .expand() method."
            )
        return object.__new__(type(self))

    def _copied(self, family: type, instance: Any, batch_shape: Any, **parts: Any) -> Any:
        """Return a copy for another batch shape, with some parts exchanged; what an `instance` has already, it keeps."""
        new = self._get_checked_instance(family, instance)
        vars(new).update(vars(self) | vars(new) | parts, _batch_shape=Size(batch_shape))
        return new

    def __repr__(self) -> str:
        parameters = {name: vars(self)[name] for name in self.arg_constraints if name in vars(self)}
        shown = (f"{name}: {value if value.numel() == 1 else value.shape}" for name, value in parameters.items())
        return f"{type(self).__name__}({', '.join(shown)})"


class Parametrized(Distribution):
    """A distribution with parameters of its own: they are the attributes that `arg_constraints` names."""

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the same distribution for a larger batch shape; the parameters are stretched, not copied.

        Parameters
        ----------
        batch_shape
            The shape to stretch to.
        """
        family = next(kind for kind in type(self).__mro__ if kind.__module__.startswith(__package__))
        new = self._copied(family, _instance, batch_shape)
        facts = vars(new)
        for name, constraint in self.arg_constraints.items():
            if name in facts:
                event = facts[name].shape[facts[name].ndim - constraint.event_dim :]
                facts[name] = facts[name].expand(Size(batch_shape) + event)
        return new
