"""Special functions: the error function, the gamma function, Bessel functions and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import specialmath
from gradviz.engine.arguments import array_of
from gradviz.engine.layout import as_operands, in_rows
from gradviz.engine.numerals import number
from gradviz.engine.operation import beside, binary, general, unary
from gradviz.engine.operations.formulas import on_both

_ROOT_PI = math.sqrt(math.pi)


def _function(
    name: str,
    grad_fn: str,
    derivative: Callable[..., Any],
    local: str,
    *,
    symbol: str = "",
    forward: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    return unary(
        name,
        grad_fn,
        symbol or name,
        forward or getattr(specialmath, name),
        derivative,
        expression=f"{name}(self)",
        local=local,
        to_float=True,
    )


# --- the error function and the normal distribution ---------------------------------------------------------------------

erf = _function(
    "erf",
    "ErfBackward0",
    lambda grad, self: grad * (2 / _ROOT_PI * np.exp(-(self * self))),
    "2 / sqrt(pi) * exp(-self ** 2)",
)
erfc = _function(
    "erfc",
    "ErfcBackward0",
    lambda grad, self: grad * (-2 / _ROOT_PI * np.exp(-(self * self))),
    "-2 / sqrt(pi) * exp(-self ** 2)",
)
erfcx = _function(
    "erfcx",
    "SpecialErfcxBackward0",
    lambda grad, self, result: grad * (2 * (self * result - 1 / _ROOT_PI)),
    "2 * self * erfcx(self) - 2 / sqrt(pi)",
)
erfinv = _function(
    "erfinv",
    "ErfinvBackward0",
    lambda grad, self: grad * (_ROOT_PI / 2 * np.exp(_erfinv(self) ** 2)),
    "sqrt(pi) / 2 * exp(erfinv(self) ** 2)",
    symbol="erf⁻¹",
)
_erfinv: Callable[..., Any] = on_both(erfinv)
ndtri = _function(
    "ndtri",
    "SpecialNdtriBackward0",
    lambda grad, result: grad * (math.sqrt(2 * math.pi) * np.exp(result * result / 2)),
    "sqrt(2 * pi) * exp(ndtri(self) ** 2 / 2)",
    symbol="Φ⁻¹",
)
log_ndtr = _function(
    "log_ndtr",
    "SpecialLogNdtrBackward0",
    lambda grad, self, result: grad * (math.sqrt(2 / math.pi) / _erfcx(self * -math.sqrt(0.5))),
    "sqrt(2 / pi) / erfcx(-self / sqrt(2))",
    symbol="log Φ",
)
_erfcx: Callable[..., Any] = on_both(erfcx)

# --- the gamma function -------------------------------------------------------------------------------------------------

polygamma = general(
    "polygamma",
    "PolygammaBackward0",
    lambda n: f"ψ⁽{n}⁾",
    as_operands(lambda self, n: specialmath.polygamma(self, n)),
    "self",
    {"self": lambda grad, self, n: grad * _polygamma(self, n + 1)},
    settings="n",
    expression="polygamma(n, self)",
    local={"self": "polygamma(n + 1, self)"},
)
_polygamma: Callable[..., Any] = on_both(polygamma)
digamma = _function(
    "digamma",
    "DigammaBackward0",
    lambda grad, self: grad * _polygamma(self, 1),
    "polygamma(1, self)",
    symbol="ψ",
)
_digamma: Callable[..., Any] = on_both(digamma)
lgamma = _function(
    "lgamma",
    "LgammaBackward0",
    lambda grad, self: grad * _digamma(self),
    "digamma(self)",
    symbol="log Γ",
)


def _along_p(self: Any, p: int, function: Callable[..., Any]) -> Any:
    """Add up a function of self, self − ½, ..., self − (p − 1)/2."""
    return sum((function(self - i / 2) for i in range(1, p)), start=function(self))


mvlgamma = general(
    "mvlgamma",
    "MvlgammaBackward0",
    "log Γₚ",
    in_rows(lambda self, p: _along_p(self, p, specialmath.lgamma) + p * (p - 1) / 4 * math.log(math.pi)),
    "self",
    {"self": lambda grad, self, p: grad * _along_p(self, p, _digamma)},
    settings="p",
    expression="mvlgamma(self, p)",
    local={"self": "sum_of_digammas(self, p=p)"},
)


def _no_slope(grad: Any) -> Any:
    raise NotImplementedError("the derivative for 'zeta' is not implemented.")


zeta = binary(
    "zeta",
    "SpecialZetaBackward0",
    "ζ",
    specialmath.zeta,
    {"self": _no_slope, "other": lambda grad, self, other: grad * (-self * _zeta(self + 1, other))},
    expression="zeta(self, other)",
    local={"self": "zeta_back(grad)", "other": "-self * zeta(self + 1, other)"},
    to_float=True,
)
_zeta: Callable[..., Any] = on_both(zeta)
zeta_of_number = general(
    "zeta",
    "SpecialZetaBackward1",
    lambda self: f"ζ {number(self)}",
    lambda other, self: specialmath.zeta(other.dtype.type(self), other),
    "other",
    {"other": lambda grad, other, self: grad * (-self * _zeta_of_number(other, self + 1))},
    settings="self",
    expression="zeta(self, other)",
    local={"other": "-self * zeta(self + 1, other)"},
)
_zeta_of_number: Callable[..., Any] = on_both(zeta_of_number)
zeta_at_number = beside(
    "zeta",
    "SpecialZetaBackward2",
    lambda other: f"ζ at {number(other)}",
    lambda self, other: specialmath.zeta(self, self.dtype.type(other)),
    "self",
    {"self": _no_slope},
    settings="other",
    expression="zeta(self, other)",
    local={},
)


def _no_slope_of_order(grad: Any) -> Any:
    raise NotImplementedError("the derivative for 'self' is not implemented.")


gammainc = binary(
    "gammainc",
    "IgammaBackward0",
    "P",
    specialmath.gammainc,
    {
        "self": _no_slope_of_order,
        "other": lambda grad, self, other: grad * np.exp((self - 1) * np.log(other) - other - _lgamma(self)),
    },
    expression="gammainc(self, other)",
    local={"self": "gammainc_back(grad)", "other": "exp((self - 1) * log(other) - other - lgamma(self))"},
    to_float=True,
)
_lgamma: Callable[..., Any] = on_both(lgamma)

# --- Bessel functions ---------------------------------------------------------------------------------------------------


def _unless_tiny(self: Any, slope: Callable[[Any], Any]) -> Any:
    """Return a slope that divides by x, and its limit, ½, where that is 0 or not a number."""
    size = np.absolute(array_of(self))
    tiny = ~(size > np.finfo(size.dtype).eps)
    return np.where(tiny, 0.5, slope(np.where(tiny, 1, self)))


i0 = _function(
    "i0",
    "I0Backward0",
    lambda grad, self: grad * _i1(self),
    "i1(self)",
    symbol="I₀",
)
i0e = _function(
    "i0e",
    "SpecialI0EBackward0",
    lambda grad, self, result: grad * (_i1e(self) - np.sign(self) * result),
    "i1e(self) - sign(self) * i0e(self)",
)
i1 = _function(
    "i1",
    "SpecialI1Backward0",
    lambda grad, self, result: grad * _unless_tiny(self, lambda x: _i0(x) - result / x),
    "i0(self) - i1(self) / self",
    symbol="I₁",
)
i1e = _function(
    "i1e",
    "SpecialI1EBackward0",
    lambda grad, self, result: grad * _unless_tiny(self, lambda x: _i0e(x) - result * (np.sign(x) + 1 / x)),
    "i0e(self) - i1e(self) * (sign(self) + 1 / self)",
)
_i0: Callable[..., Any] = on_both(i0)
_i1: Callable[..., Any] = on_both(i1)
_i0e: Callable[..., Any] = on_both(i0e)
_i1e: Callable[..., Any] = on_both(i1e)

# --- entropies and odds -------------------------------------------------------------------------------------------------


def _entr(self: Any) -> Any:
    inside = np.where(self > 0, self, 1)
    return np.where(self > 0, -inside * np.log(inside), np.where(self == 0, 0, np.where(self < 0, -math.inf, self)))


entr = _function(
    "entr",
    "SpecialEntrBackward0",
    lambda grad, self: grad * -(np.log(self) + 1),
    "-log(self) - 1",
    forward=_entr,
)
logit = general(
    "logit",
    "LogitBackward0",
    "logit",
    as_operands(lambda self, eps: _logit(self if eps is None else np.clip(self, eps, 1 - eps))),
    "self",
    {
        "self": lambda grad, self, eps: (
            np.where((self < 0) | (self > 1), math.nan, grad / np.absolute(self * (1 - self)))
            if eps is None
            else np.where((self < eps) | (self > 1 - eps), 0, grad / (self * (1 - self)))
        )
    },
    settings="eps",
    expression="logit(self)",
    local={"self": "1 / (self * (1 - self))"},
)


def _logit(self: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.log(self / (1 - self))
