"""Special functions, as PyTorch's ``torch.special``.

Examples
--------
>>> import gradviz as torch
>>> torch.special.entr(torch.tensor([0.0, 0.5, 0.25]))
tensor([0.0000, 0.3466, 0.3466])
"""

from __future__ import annotations

import math
from typing import Any

from gradviz import absent
from gradviz.engine import calls, functions
from gradviz.engine.functions import (
    arithmetic,
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    i0,
    log1p,
    log_softmax,
    logit,
    logsumexp,
    mvlgamma,
    polygamma,
    sigmoid,
    sinc,
    softmax,
    xlogy,
)
from gradviz.engine.functions.arithmetic import x_log
from gradviz.engine.operations import elementary, scalars
from gradviz.engine.operations import special as rows
from gradviz.engine.operations.special import entr, erfcx, i0e, i1, i1e, log_ndtr, ndtri
from gradviz.engine.tensor import Tensor

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaln", "i0", "i0e", "i1", "i1e",
    "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi",
    "round", "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

expit, gammaln, multigammaln, psi = sigmoid, functions.lgamma, mvlgamma, digamma


def ndtr(input: Tensor) -> Tensor:
    """Return the distribution function of the standard normal distribution: the share of it that lies below x."""
    return scalars.mul(scalars.add(erf(scalars.mul(arithmetic.floating(input), math.sqrt(0.5))), 1), 0.5)


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round to so many decimals; a half goes to the even neighbour."""
    return functions.round(input, decimals=decimals)


def xlog1py(input: Any, other: Any) -> Tensor:
    """Return ``input · log(1 + other)``, and 0 where `input` is 0."""
    return x_log(input, other, (elementary.xlog1py, elementary.xlog1py_number, elementary.xlog1py_of_number))


def gammainc(input: Any, other: Any) -> Tensor:
    """Return the regularised lower incomplete gamma function: the share of a gamma distribution that lies below a number.

    There is a derivative for `other` only.

    Parameters
    ----------
    input
        The concentration of the distribution.
    other
        The number.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.special.gammainc(torch.tensor(1.0), torch.tensor(2.0))  # 1 - exp(-2)
    tensor(0.8647)
    """
    return rows.gammainc(*functions.arithmetic.aligned(input, other))


def zeta(input: Any, other: Any) -> Tensor:
    """Return Hurwitz' zeta function: the sum of ``(other + k)**-input`` over k = 0, 1, 2, ...

    There is a derivative for `other` only.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.special.zeta(torch.tensor(2.0), torch.tensor(1.0))  # π²/6
    tensor(1.6449)
    """
    x, y = functions.arithmetic.aligned(input, other)
    if x.array.dtype.kind == "f":
        if not isinstance(input, Tensor):
            return rows.zeta_of_number(y, float(input))
        if not isinstance(other, Tensor):
            return rows.zeta_at_number(x, float(other))
    return rows.zeta(x, y)


calls.open_to("special", __all__, globals())


def __getattr__(name: str) -> Any:
    return absent.attribute("special", name, __all__)
