"""PyTorch's settings of the machine: they are kept, checked as PyTorch checks them, and change nothing in what is computed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.devices import get_default_device, set_default_device
from gradviz.engine.scope import warn

__all__ = [
    "are_deterministic_algorithms_enabled", "compile", "get_autocast_dtype", "get_default_device",
    "get_deterministic_debug_mode", "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
    "is_autocast_enabled", "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled", "set_default_device",
    "set_default_tensor_type", "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal",
    "set_num_interop_threads", "set_num_threads", "set_warn_always", "typename", "use_deterministic_algorithms",
]  # fmt: skip

_kept: dict[str, Any] = {
    "interop_threads": None,
    "threads": None,
    "precision": "highest",
    "deterministic": 0,
    "warn": False,
}


def compile(model: Any = None, **options: Any) -> Any:
    """Return a function or a module as it is: there is nothing to compile. Also ``@torch.compile``, with options or without."""
    return model if model is not None else lambda function: function


# --- threads -------------------------------------------------------------------------------------------------------------


def _count(name: str, number: Any) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise RuntimeError(f"{name} expects an int, but got {type(number).__name__}")
    if number < 1:
        raise RuntimeError(f"{name} expects a positive integer")
    return number


def get_num_threads() -> int:
    """Return how many threads PyTorch would use: as many as were set, or as there are processors."""
    return _kept["threads"] or os.cpu_count() or 1


def set_num_threads(number: int) -> None:
    """Keep the number. NumPy's threads are set before it is imported: ``OMP_NUM_THREADS=1 python ...``."""
    _kept["threads"] = _count("set_num_threads", number)


def get_num_interop_threads() -> int:
    """Return how many operations PyTorch would run side by side."""
    return _kept["interop_threads"] or os.cpu_count() or 1


def set_num_interop_threads(number: int) -> None:
    """Keep the number."""
    _kept["interop_threads"] = _count("set_num_interop_threads", number)


# --- precision and order -------------------------------------------------------------------------------------------------


def get_float32_matmul_precision() -> str:
    """Return what was set: ``"highest"``, unless told otherwise."""
    return str(_kept["precision"])


def set_float32_matmul_precision(precision: str) -> None:
    """Keep ``"highest"``, ``"high"`` or ``"medium"``; products here are always of the highest."""
    if precision in ("highest", "high", "medium"):
        _kept["precision"] = precision


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Keep it; every operation here gives the same result each time."""
    _kept["deterministic"] = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Return what was set."""
    return bool(_kept["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return what was set."""
    return _kept["deterministic"] == 1


def get_deterministic_debug_mode() -> int:
    """Return 0, 1 (warn) or 2 (raise)."""
    return int(_kept["deterministic"])


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Keep 0 or ``"default"``, 1 or ``"warn"``, 2 or ``"error"``."""
    modes: dict[Any, int] = {"default": 0, "warn": 1, "error": 2, 0: 0, 1: 1, 2: 2}
    if not isinstance(debug_mode, int | str):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if debug_mode not in modes:
        raise RuntimeError(
            "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got " + str(debug_mode)
            if isinstance(debug_mode, str)
            else f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    _kept["deterministic"] = modes[debug_mode]


def set_warn_always(b: bool) -> None:
    """Keep it."""
    _kept["warn"] = bool(b)


def is_warn_always_enabled() -> bool:
    """Return what was set."""
    return bool(_kept["warn"])


def set_flush_denormal(mode: bool) -> bool:
    """Return False for True: numbers close to 0 stay what they are here."""
    return not mode


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Return False: see `gradviz.amp`."""
    return False


def get_autocast_dtype(device_type: str) -> dtypes.dtype:
    """Return float32: what is computed in, within ``autocast`` too."""
    return dtypes.float32


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by an old class of tensors, ``torch.DoubleTensor``, or by its name."""
    names: dict[Any, dtypes.dtype] = {dtypes.tensor_type_name(kind): kind for kind in dtypes.ALL}
    kind = names.get(t) if isinstance(t, str) else getattr(t, "dtype", None)
    if kind is None:
        raise TypeError(f"invalid type object: {t}" if not isinstance(t, str) else f"invalid type: '{t}'")
    if not kind.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    warn(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
        "torch.set_default_device() as alternatives."
    )
    dtypes.set_default_dtype(kind)


def typename(obj: Any) -> str:
    """Return a name for what something is: ``"torch.FloatTensor"``, ``"int"``, ``"torch.nn.modules.linear.Linear"``."""
    if hasattr(obj, "array") and hasattr(obj, "type"):
        return str(obj.type())
    kind: Callable[..., Any] | type = obj if hasattr(obj, "__qualname__") else type(obj)
    module = kind.__module__ or ""
    module = f"torch{module.removeprefix('gradviz')}" if module.split(".")[0] == "gradviz" else module
    return kind.__qualname__ if module in ("", "builtins") else f"{module}.{kind.__qualname__}"
