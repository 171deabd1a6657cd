"""Parameters that several distributions have: probabilities or logits; a place and a scale."""

from __future__ import annotations

from typing import Any

from gradviz.distributions.distribution import Parametrized
from gradviz.distributions.utils import lazy_property, logits_to_probs, probs_to_logits
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor


class ByProbability(Parametrized):
    """A distribution that is given by probabilities, or by their logits; the other is worked out when asked for."""

    _binary = False
    """Whether a probability is that of yes, and its logit the log-odds; else there is one for each class."""

    def _one_of(self, probs: Any, logits: Any) -> Any:
        """Return what was given of the two, and note which."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._given = "logits" if probs is None else "probs"
        return logits if probs is None else probs

    @lazy_property
    def logits(self) -> Tensor:
        """The logits of the probabilities."""
        return probs_to_logits(self.probs, is_binary=self._binary)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits, is_binary=self._binary)

    @property
    def _param(self) -> Tensor:
        return getattr(self, self._given)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._param.shape


class ByPlace(Parametrized):
    """A distribution around a place, as wide as its scale."""

    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self._parametrize(validate_args, loc=loc, scale=scale)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc
