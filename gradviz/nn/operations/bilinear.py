"""Products of three, for a layer of two inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operation import general


def _contracted(i1: np.ndarray, i2: np.ndarray, i3: np.ndarray, equation: str) -> np.ndarray:
    return np.ascontiguousarray(np.einsum(equation, i1, i2, i3, optimize=True))


def _in_place_of(which: int) -> Any:
    """Return the formula for one factor: the same sum, with the gradient in that factor's place."""

    def formula(grad: Any, *given: Any) -> Any:
        *factors, equation = given
        *axes, out = equation.replace("->", ",").split(",")
        factors.insert(which, grad)
        own, axes[which] = axes[which], out
        compute: Any = _contracted if isinstance(grad, np.ndarray) else trilinear
        return compute(*factors, f"{','.join(axes)}->{own}")

    return formula


_first, _second, _third = (_in_place_of(which) for which in range(3))

trilinear = general(
    "_trilinear",
    "TrilinearBackward0",
    "Σ × ×",
    _contracted,
    "i1 i2 i3",
    {
        "i1": lambda grad, i2, i3, equation: _first(grad, i2, i3, equation),
        "i2": lambda grad, i1, i3, equation: _second(grad, i1, i3, equation),
        "i3": lambda grad, i1, i2, equation: _third(grad, i1, i2, equation),
    },
    settings="equation",
    expression="sum_of_products(i1, i2, i3)",
    local={
        "i1": "sum_of_products(grad, i2, i3)",
        "i2": "sum_of_products(i1, grad, i3)",
        "i3": "sum_of_products(i1, i2, grad)",
    },
    sparing=True,
)
