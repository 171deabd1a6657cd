"""Elementary functions of one argument: powers and logarithms, angles, hyperbolas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.operation import unary


def _function(
    name: str, grad_fn: str, forward: Any, derivative: Any, local: str, sentence: str, symbol: str = ""
) -> Callable[..., Any]:
    return unary(
        name,
        grad_fn,
        symbol or name,
        forward,
        derivative,
        expression=f"{name}(self)",
        local=local,
        sentence=sentence,
        to_float=True,
        quiet=True,
    )


exp2 = _function(
    "exp2",
    "Exp2Backward0",
    np.exp2,
    lambda grad, result: grad * (result * math.log(2)),
    "2 ** self * log(2)",
    "Two to the power x grows by log 2 times itself.",
    symbol="2ˣ",
)
expm1 = _function(
    "expm1",
    "Expm1Backward0",
    np.expm1,
    lambda grad, result: grad * (result + 1),
    "exp(self)",
    "The exponential less 1 has the exponential's slope.",
    symbol="eˣ−1",
)
log2 = _function(
    "log2",
    "Log2Backward0",
    np.log2,
    lambda grad, self: grad / (self * math.log(2)),
    "1 / (self * log(2))",
    "The logarithm to base 2 divides the gradient by its input times log 2.",
    symbol="log₂",
)
log10 = _function(
    "log10",
    "Log10Backward0",
    np.log10,
    lambda grad, self: grad / (self * math.log(10)),
    "1 / (self * log(10))",
    "The logarithm to base 10 divides the gradient by its input times log 10.",
    symbol="log₁₀",
)
log1p = _function(
    "log1p",
    "Log1PBackward0",
    np.log1p,
    lambda grad, self: grad / (self + 1),
    "1 / (1 + self)",
    "The logarithm of 1 + x divides the gradient by 1 + x.",
)
rsqrt = _function(
    "rsqrt",
    "RsqrtBackward0",
    lambda self: 1 / np.sqrt(self),
    lambda grad, result: grad * (result * result * result * -0.5),
    "-1 / (2 * self * sqrt(self))",
    "One over the root falls ever more slowly: its slope is −½ of its own third power.",
    symbol="1/√",
)
tan = _function(
    "tan",
    "TanBackward0",
    np.tan,
    lambda grad, result: grad * (result * result + 1),
    "1 + tan(self) ** 2",
    "The slope of the tangent is 1 plus its square.",
)
sinh = _function(
    "sinh",
    "SinhBackward0",
    np.sinh,
    lambda grad, self: grad * np.cosh(self),
    "cosh(self)",
    "The slope of the hyperbolic sine is the hyperbolic cosine.",
)
cosh = _function(
    "cosh",
    "CoshBackward0",
    np.cosh,
    lambda grad, self: grad * np.sinh(self),
    "sinh(self)",
    "The slope of the hyperbolic cosine is the hyperbolic sine.",
)
asin = _function(
    "asin",
    "AsinBackward0",
    np.arcsin,
    lambda grad, self: grad / np.sqrt(1 - self * self),
    "1 / sqrt(1 - self ** 2)",
    "The arcsine is steepest at its ends, −1 and 1.",
)
acos = _function(
    "acos",
    "AcosBackward0",
    np.arccos,
    lambda grad, self: -grad / np.sqrt(1 - self * self),
    "-1 / sqrt(1 - self ** 2)",
    "The arccosine falls where the arcsine rises.",
)
atan = _function(
    "atan",
    "AtanBackward0",
    np.arctan,
    lambda grad, self: grad / (self * self + 1),
    "1 / (1 + self ** 2)",
    "The arctangent is steepest at 0, and flattens out on both sides.",
)
asinh = _function(
    "asinh",
    "AsinhBackward0",
    np.arcsinh,
    lambda grad, self: grad / np.sqrt(self * self + 1),
    "1 / sqrt(1 + self ** 2)",
    "The inverse hyperbolic sine flattens out like a logarithm.",
)
acosh = _function(
    "acosh",
    "AcoshBackward0",
    np.arccosh,
    lambda grad, self: grad / np.sqrt(self * self - 1),
    "1 / sqrt(self ** 2 - 1)",
    "The inverse hyperbolic cosine starts steep at 1 and flattens out.",
)
atanh = _function(
    "atanh",
    "AtanhBackward0",
    np.arctanh,
    lambda grad, self: grad / (1 - self * self),
    "1 / (1 - self ** 2)",
    "The inverse hyperbolic tangent gets steeper towards −1 and 1.",
)
deg2rad = _function(
    "deg2rad",
    "Deg2RadBackward0",
    np.deg2rad,
    lambda grad: grad * (math.pi / 180),
    "pi / 180",
    "Degrees are turned into radians, and so are their gradients.",
)
rad2deg = _function(
    "rad2deg",
    "Rad2DegBackward0",
    np.rad2deg,
    lambda grad: grad * (180 / math.pi),
    "180 / pi",
    "Radians are turned into degrees, and so are their gradients.",
)
frac = unary(
    "frac",
    "FracBackward0",
    "frac",
    lambda self: self - np.trunc(self),
    lambda grad: grad,
    expression="frac(self)",
    local="1",
    sentence="What stands behind the point moves just as the number does.",
)
