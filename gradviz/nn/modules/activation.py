"""Activations: what bends a network."""

from __future__ import annotations

from typing import Any

from gradviz.engine import creation
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn.module import Module
from gradviz.nn.parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "ReLU", "ReLU6", "RReLU", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d",
    "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _InPlace(Module):
    """An activation that can change its input itself."""

    inplace: bool

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return whether it works in place, where it does."""
        return "inplace=True" if self.inplace else ""


def _and_in_place(text: str, inplace: bool) -> str:
    return f"{text}, inplace=True" if inplace else text


class ReLU(_InPlace):
    """``max(x, 0)``, entry by entry.

    Examples
    --------
    >>> import gradviz as torch
    >>> ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.relu(input, self.inplace)


class ReLU6(_InPlace):
    """``min(max(x, 0), 6)``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.relu6(input, self.inplace)


class LeakyReLU(Module):
    """x where it is positive, a small part of it elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return _and_in_place(f"negative_slope={self.negative_slope}", self.inplace)


class PReLU(Module):
    """A leaky ReLU that learns its slope: one for all, or one for each channel.

    Parameters
    ----------
    num_parameters
        1, or the number of channels (axis 1 of the input).
    init
        What the slopes are to begin with.

    References
    ----------
    He et al., "Delving Deep into Rectifiers" (2015).
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(creation.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope back to where it began."""
        self.weight.detach().fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """A leaky ReLU whose slope is drawn by lot in training."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return _and_in_place(f"lower={self.lower}, upper={self.upper}", self.inplace)


class _WithAlpha(Module):
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return the settings."""
        return _and_in_place(f"alpha={self.alpha}", self.inplace)


class ELU(_WithAlpha):
    """x where it is positive, ``alpha · (exp(x) − 1)`` elsewhere."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.elu(input, self.alpha, self.inplace)


class CELU(_WithAlpha):
    """x where it is positive, ``alpha · (exp(x / alpha) − 1)`` elsewhere."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.celu(input, self.alpha, self.inplace)


class SELU(_InPlace):
    """The ELU scaled so that means and variances settle at 0 and 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.selu(input, self.inplace)


class GELU(Module):
    """x times the share of a normal distribution that lies below x; `approximate` is ``"none"`` or ``"tanh"``."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"approximate={self.approximate!r}"


class SiLU(_InPlace):
    """``x · sigmoid(x)``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.silu(input, self.inplace)


class Mish(_InPlace):
    """``x · tanh(softplus(x))``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.mish(input, self.inplace)


class Softplus(Module):
    """``log(1 + exp(beta·x)) / beta``, and x itself where ``beta·x`` is beyond the threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """``x / (1 + |x|)``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.softsign(input)


class Sigmoid(Module):
    """``1 / (1 + exp(−x))``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    """The logarithm of the sigmoid, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.tanh(input)


class Tanhshrink(Module):
    """``x − tanh(x)``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.tanhshrink(input)


class Hardtanh(Module):
    """x, cut off at two limits."""

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        if min_value is not None or max_value is not None:
            raise NotImplementedError(
                "gradviz has no Hardtanh(min_value=, max_value=), which PyTorch has given up too; supported: min_val, max_val"
            )
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return _and_in_place(f"min_val={self.min_val}, max_val={self.max_val}", self.inplace)


class _Hard(Module):
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class Hardsigmoid(_Hard):
    """A sigmoid of three straight lines."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(_Hard):
    """x times a sigmoid of three straight lines."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.hardswish(input, self.inplace)


class Threshold(Module):
    """x where it is larger than `threshold`, `value` elsewhere."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Return the settings."""
        return _and_in_place(f"threshold={self.threshold}, value={self.value}", self.inplace)


class _WithLambda(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Return how far from 0 it reaches."""
        return str(self.lambd)


class Hardshrink(_WithLambda):
    """x where it is farther from 0 than `lambd`, 0 elsewhere."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.hardshrink(input, self.lambd)


class Softshrink(_WithLambda):
    """x moved towards 0 by `lambd`, 0 where it is closer than that."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.softshrink(input, self.lambd)


class GLU(Module):
    """One half of the entries along `dim`, multiplied by the sigmoid of the other half: a gate."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


class _AlongAxis(Module):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


class Softmax(_AlongAxis):
    """Probabilities from scores along `dim`."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongAxis):
    """Logarithms of probabilities, from scores along `dim`."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.log_softmax(input, self.dim)


class Softmin(_AlongAxis):
    """Probabilities from scores along `dim`, the higher the lower the score."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """Probabilities of the channels at each place of an image, (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)
