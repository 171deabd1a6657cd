"""Elementary functions: powers and logarithms, angles, hyperbolas; of one argument and of two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.layout import as_operands
from gradviz.engine.operation import binary, general, unary


def _function(
    name: str, grad_fn: str, forward: Any, derivative: Any, local: str, symbol: str = ""
) -> Callable[..., Any]:
    return unary(
        name,
        grad_fn,
        symbol or name,
        forward,
        derivative,
        expression=f"{name}(self)",
        local=local,
        to_float=True,
    )


exp2 = _function(
    "exp2",
    "Exp2Backward0",
    np.exp2,
    lambda grad, result: grad * (result * math.log(2)),
    "2 ** self * log(2)",
    symbol="2^( )",
)
expm1 = _function(
    "expm1",
    "Expm1Backward0",
    np.expm1,
    lambda grad, result: grad * (result + 1),
    "exp(self)",
)
log2 = _function(
    "log2",
    "Log2Backward0",
    np.log2,
    lambda grad, self: grad / (self * math.log(2)),
    "1 / (self * log(2))",
    symbol="log₂",
)
log10 = _function(
    "log10",
    "Log10Backward0",
    np.log10,
    lambda grad, self: grad / (self * math.log(10)),
    "1 / (self * log(10))",
    symbol="log₁₀",
)
log1p = _function(
    "log1p",
    "Log1PBackward0",
    np.log1p,
    lambda grad, self: grad / (self + 1),
    "1 / (1 + self)",
)
rsqrt = _function(
    "rsqrt",
    "RsqrtBackward0",
    lambda self: 1 / np.sqrt(self),
    lambda grad, result: grad * (result * result * result * -0.5),
    "-1 / (2 * self * sqrt(self))",
    symbol="1/√",
)
tan = _function(
    "tan",
    "TanBackward0",
    np.tan,
    lambda grad, result: grad * (result * result + 1),
    "1 + tan(self) ** 2",
)
sinh = _function(
    "sinh",
    "SinhBackward0",
    np.sinh,
    lambda grad, self: grad * np.cosh(self),
    "cosh(self)",
)
cosh = _function(
    "cosh",
    "CoshBackward0",
    np.cosh,
    lambda grad, self: grad * np.sinh(self),
    "sinh(self)",
)
asin = _function(
    "asin",
    "AsinBackward0",
    np.arcsin,
    lambda grad, self: grad / np.sqrt(1 - self * self),
    "1 / sqrt(1 - self ** 2)",
)
acos = _function(
    "acos",
    "AcosBackward0",
    np.arccos,
    lambda grad, self: -grad / np.sqrt(1 - self * self),
    "-1 / sqrt(1 - self ** 2)",
)
atan = _function(
    "atan",
    "AtanBackward0",
    np.arctan,
    lambda grad, self: grad / (self * self + 1),
    "1 / (1 + self ** 2)",
)
asinh = _function(
    "asinh",
    "AsinhBackward0",
    np.arcsinh,
    lambda grad, self: grad / np.sqrt(self * self + 1),
    "1 / sqrt(1 + self ** 2)",
)
acosh = _function(
    "acosh",
    "AcoshBackward0",
    np.arccosh,
    lambda grad, self: grad / np.sqrt(self * self - 1),
    "1 / sqrt(self ** 2 - 1)",
)
atanh = _function(
    "atanh",
    "AtanhBackward0",
    np.arctanh,
    lambda grad, self: grad / (1 - self * self),
    "1 / (1 - self ** 2)",
)
deg2rad = _function(
    "deg2rad",
    "Deg2RadBackward0",
    np.deg2rad,
    lambda grad: grad * (math.pi / 180),
    "pi / 180",
)
rad2deg = _function(
    "rad2deg",
    "Rad2DegBackward0",
    np.rad2deg,
    lambda grad: grad * (180 / math.pi),
    "180 / pi",
)


def _no_frac(self: Any) -> Any:
    kind = dtypes.scalar_type_name(dtypes.from_numpy(self.dtype))
    raise NotImplementedError(f"\"frac_cpu\" not implemented for '{kind}'")


frac = unary(
    "frac",
    "FracBackward0",
    "frac",
    lambda self: self - np.trunc(self) if self.dtype.kind == "f" else _no_frac(self),
    lambda grad: grad,
    expression="frac(self)",
    local="1",
)

# --- functions of two arguments -----------------------------------------------------------------------------------------


def _quotient(top: Any, bottom: Any) -> Any:
    """Divide; 0 where the denominator is 0."""
    return np.where(bottom == 0, 0, top / np.where(bottom == 0, 1, bottom))


atan2 = binary(
    "atan2",
    "Atan2Backward0",
    "atan2",
    np.arctan2,
    {
        "self": lambda grad, self, other: grad * _quotient(other, self * self + other * other),
        "other": lambda grad, self, other: grad * -_quotient(self, self * self + other * other),
    },
    expression="atan2(self, other)",
    local={"self": "other / (self ** 2 + other ** 2)", "other": "-self / (self ** 2 + other ** 2)"},
    to_float=True,
)
hypot = binary(
    "hypot",
    "HypotBackward0",
    "hypot",
    np.hypot,
    {
        "self": lambda grad, self, result: grad * (self / result),
        "other": lambda grad, other, result: grad * (other / result),
    },
    expression="hypot(self, other)",
    local={"self": "self / hypot(self, other)", "other": "other / hypot(self, other)"},
)
logaddexp = binary(
    "logaddexp",
    "LogaddexpBackward0",
    "LSE",
    np.logaddexp,
    {
        "self": lambda grad, self, other: grad / (1 + np.exp(other - self)),
        "other": lambda grad, self, other: grad / (1 + np.exp(self - other)),
    },
    expression="logaddexp(self, other)",
    local={"self": "sigmoid(self - other)", "other": "sigmoid(other - self)"},
)
logaddexp2 = binary(
    "logaddexp2",
    "Logaddexp2Backward0",
    "LSE₂",
    np.logaddexp2,
    {
        "self": lambda grad, self, other: grad / (1 + np.exp2(other - self)),
        "other": lambda grad, self, other: grad / (1 + np.exp2(self - other)),
    },
    expression="logaddexp2(self, other)",
    local={"self": "1 / (1 + 2 ** (other - self))", "other": "1 / (1 + 2 ** (self - other))"},
)
copysign = binary(
    "copysign",
    "CopysignBackward0",
    "±",
    np.copysign,
    {
        "self": lambda grad, self, result: grad * np.where(self == 0, 0, result / self),
        "other": lambda grad: np.zeros_like(grad),
    },
    expression="copysign(self, other)",
    local={"self": "sign(self) * sign(other)", "other": "0"},
    to_float=True,
)
copysign_number = general(
    "copysign",
    "CopysignBackward1",
    lambda other: "±",
    as_operands(lambda self, other: np.copysign(self, other)),
    "self",
    {"self": lambda grad, self, result: grad * np.where(self == 0, 0, result / self)},
    settings="other",
    expression="copysign(self, other)",
    local={"self": "sign(self) * sign(other)"},
)
ldexp = binary(
    "ldexp",
    "LdexpBackward0",
    "ldexp",
    lambda self, other: self * np.exp2(other),
    {
        "self": lambda grad, other: grad * np.exp2(other),
        "other": lambda grad, result: grad * (result * math.log(2)),
    },
    expression="self * 2 ** other",
    local={"self": "2 ** other", "other": "self * 2 ** other * log(2)"},
    to_float=True,
)
frexp = general(
    "frexp",
    "FrexpBackward0",
    "frexp",
    np.frexp,
    "self",
    {"self": lambda grad, exponent: grad / np.exp2(exponent)},
    outputs="mantissa exponent",
    expression="frexp(self)",
    local={"self": "grad / 2.0 ** exponent"},
)


def _x_log_y(name: str, base: str, log: Any, edge: int, sign: str) -> tuple[Any, Any, Any]:
    """Add the rows for x·log(y), that is 0 where x is 0: of two tensors, and with one of them a number."""

    def forward(self: Any, other: Any) -> Any:
        return np.where((self == 0) & (other == other), 0, self * log(other)).astype(np.result_type(self, other))

    formulas: dict[str, Any] = {
        "self": lambda grad, self, other: np.where(
            ((self == 0) & (other <= edge)) | ((grad == 0) & (other == other)), 0, grad * log(other)
        ),
        "other": lambda grad, self, other: grad * (self / (other - edge)),
    }
    local = {"self": f"log({sign})", "other": f"self / ({sign})"}
    words: dict[str, Any] = {"expression": f"self * log({sign})"}
    tensors = binary(name, f"{base}0", name, forward, formulas, local=local, to_float=True, **words)
    first = general(
        name,
        f"{base}1",
        name,
        lambda other, self: forward(self, other).astype(other.dtype, copy=False),
        "other",
        {"other": formulas["other"]},
        settings="self",
        local={"other": local["other"]},
        **words,
    )
    second = general(
        name,
        f"{base}2",
        name,
        lambda self, other: forward(self, other).astype(self.dtype, copy=False),
        "self",
        {"self": formulas["self"]},
        settings="other",
        local={"self": local["self"]},
        **words,
    )
    return tensors, first, second


xlogy, xlogy_number, xlogy_of_number = _x_log_y("xlogy", "XlogyBackward", np.log, 0, "other")
xlog1py, xlog1py_number, xlog1py_of_number = _x_log_y("xlog1py", "SpecialXlog1PyBackward", np.log1p, -1, "1 + other")
nan_to_num = general(
    "nan_to_num",
    "NanToNumBackward0",
    "nan→0",
    as_operands(lambda self, nan, posinf, neginf: np.nan_to_num(self, nan=nan, posinf=posinf, neginf=neginf)),
    "self",
    {"self": lambda grad, self: grad * np.isfinite(self)},
    settings="nan posinf neginf",
    expression="nan_to_num(self)",
    local={"self": "1 if isfinite(self) else 0"},
)


def _sinc(self: Any) -> Any:
    x = np.where(self == 0, 1, self) * math.pi
    return np.where(self == 0, 1, np.sin(x) / x)


def _sinc_slope(self: Any) -> Any:
    x = np.where(self == 0, 1, self)  # any other number: at 0 the slope is 0
    slope = (np.cos(x * math.pi) * (x * math.pi) - np.sin(x * math.pi)) / (x * x * math.pi)
    return np.where(self == 0, 0, slope)


sinc = unary(
    "sinc",
    "SincBackward0",
    "sinc",
    _sinc,
    lambda grad, self: grad * _sinc_slope(self),
    expression="sinc(self)",
    local="(cos(pi * self) - sinc(self)) / self",
    to_float=True,
)
