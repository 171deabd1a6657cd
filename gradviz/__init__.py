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

import gc as _gc
import sys as _sys
from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

_collecting = _gc.isenabled()
_gc.disable()  # what an import makes stays, and looking through it for garbage takes a third of the time

from gradviz import absent, autograd, backends, nn
from gradviz.engine import calls, creation, functions, methods
from gradviz.engine.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from gradviz.engine.creation import *
from gradviz.engine.devices import device
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
from gradviz.engine.formats import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
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
from gradviz.engine.random import Generator, default_generator
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor
from gradviz.settings import *

_on_top = methods.on_top()
globals().update(_on_top)
calls.open_to("", [*creation.__all__, *functions.__all__, *_on_top], globals())

newaxis = None

__version__ = "0.1.0"
__gradviz__ = __version__
"""How a program can ask which one computes, where `torch` may be either: ``hasattr(torch, "__gradviz__")``."""

# What makes a computation visible, or is needed once in a while, is imported when first used: the engine starts fast.
_LATER = {
    "GradScaler": "amp",
    "OutOfMemoryError": "cuda",
    "autocast": "amp",
    "backprop": "show",
    "compare": "runs",
    "draw": "show",
    "epochs": "runs",
    "flow": "finding",
    "load": "serialization",
    "record": "runs",
    "sandbox": "player.sandbox",
    "save": "serialization",
    "sweep": "runs",
    "train": "runs",
    "vmap": "func",
    "watch": "show",
    "why": "finding",
}
_ROOMS = (
    "accelerator", "amp", "check", "cpu", "cuda", "distributions", "drawing", "func", "linalg", "mps", "optim", "player",
    "recording", "special", "testing", "utils", "version", "xpu",
)  # fmt: skip

if TYPE_CHECKING:
    from gradviz import accelerator, amp, cpu, cuda, func, linalg, mps, optim, special, utils, version, xpu
    from gradviz.amp import GradScaler, autocast
    from gradviz.cuda import OutOfMemoryError
    from gradviz.func import vmap
    from gradviz.nn.native import *


def __getattr__(name: str) -> Any:
    if name in _LATER or name in _ROOMS:
        return later(__name__, name, _LATER.get(name, name))
    if not name.startswith("__"):
        from gradviz.nn import native

        if name in native.__all__:
            globals()[name] = found = getattr(native, name)
            return found
    return absent.attribute("", name, __dir__())


def __dir__() -> list[str]:
    from gradviz.nn import native

    return sorted({*globals(), *_LATER, *_ROOMS, *native.__all__})


if _sys.platform == "emscripten":  # in a browser Graphviz is loaded while the learner reads on
    later(__name__, "drawing", "drawing").layout.engines()
if "IPython" in _sys.modules:
    later(__name__, "notebook", "notebook").watch_boxes()

if not _gc.get_freeze_count():
    _gc.freeze()  # all that there is goes to the oldest generation by these two, and nothing is looked through for it
    _gc.unfreeze()
if _collecting:
    _gc.enable()
