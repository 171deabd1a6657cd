"""Functions that make derivatives of functions: PyTorch's ``torch.func``.

``grad(f)`` is a function again, so it can be handed to ``grad`` in its turn, to any depth. Each runs `f` on fresh copies of
its inputs, which keeps the derivatives of different depths apart. A result carries a graph only if something outside can
ask for it: a surrounding transformation, or a tensor with ``requires_grad=True``.
"""

from __future__ import annotations

from typing import Any

from gradviz import absent
from gradviz.func.batching import vmap
from gradviz.func.derivatives import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from gradviz.func.stateless import functional_call

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "vjp",
    "vmap",
]


def __getattr__(name: str) -> Any:
    return absent.attribute("func", name, __all__)
