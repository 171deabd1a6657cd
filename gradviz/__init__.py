"""gradviz: see backpropagation happen.

``import gradviz as torch`` runs PyTorch teaching code on a NumPy engine; `draw` shows any result as a picture of its
computational graph, with values and gradients, and `backprop` lets you step through it.

>>> import gradviz as gv
>>> x = gv.tensor(7.0, requires_grad=True)
>>> f = x**2 + 3
>>> f.backward()
>>> x.grad
tensor(14.)
"""

from typing import Any

from gradviz import accelerator, autograd, backends, cuda, func, linalg, nn, optim, special, utils
from gradviz.engine.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from gradviz.engine.creation import *
from gradviz.engine.dtypes import (
    bool,
    double,
    dtype,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
)
from gradviz.engine.functions import *
from gradviz.engine.later import later
from gradviz.engine.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from gradviz.engine.printing import get_printoptions, printoptions, set_printoptions
from gradviz.engine.random import Generator
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor
from gradviz.func import vmap
from gradviz.nn.functional import log_softmax, softmax

__version__ = "0.1.0"

# What makes a computation visible, or is needed once in a while, is imported when first used: the engine starts fast.
_LATER = {
    "backprop": "show",
    "compare": "runs",
    "draw": "show",
    "epochs": "runs",
    "load": "serialization",
    "record": "runs",
    "save": "serialization",
    "sweep": "runs",
    "train": "runs",
}
_VISIBLE = ("check", "distributions", "drawing", "player", "recording", "testing")


def __getattr__(name: str) -> Any:
    if name in _LATER or name in _VISIBLE:
        return later(__name__, name, _LATER.get(name, name))
    raise AttributeError(
        f"gradviz has no {name!r}. If PyTorch has it, gradviz does not support it; supported: see dir(gradviz)"
        + _similar(name)
    )


def _similar(name: str) -> str:
    """Say which names come close to one that is not there."""
    import difflib

    close = difflib.get_close_matches(name, __dir__(), n=3, cutoff=0.75)
    return f". Did you mean {' or '.join(close)}?" if close else ""


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
