"""What PyTorch code asks about graphics cards before it falls back to the CPU, as ``torch.cuda``.

Questions are answered as PyTorch answers them on a machine without a card: there is none, and it uses no memory. What needs
one says so in PyTorch's words.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gradviz import absent
from gradviz.cuda import amp
from gradviz.engine.devices import ADVICE

__all__ = [
    "OutOfMemoryError", "amp", "current_device", "current_stream", "default_stream", "device_count", "empty_cache",
    "get_arch_list", "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state",
    "get_rng_state_all", "init", "initial_seed", "ipc_collect", "is_available", "is_bf16_supported", "is_initialized",
    "is_tf32_supported", "manual_seed", "manual_seed_all", "max_memory_allocated", "max_memory_cached", "max_memory_reserved",
    "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved", "memory_stats", "memory_summary",
    "reset_accumulated_memory_stats", "reset_max_memory_allocated", "reset_max_memory_cached", "reset_peak_memory_stats",
    "seed", "seed_all", "set_device", "set_rng_state", "set_rng_state_all", "synchronize",
]  # fmt: skip


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises when a card's memory is full; never raised here."""


def _answering(name: str, answer: Any, words: str) -> Callable[..., Any]:
    """Make a function that has always the same answer."""

    def function(*args: Any, **settings: Any) -> Any:
        return answer() if callable(answer) else answer

    function.__name__ = function.__qualname__ = name
    function.__doc__ = words
    return function


def _refusing(name: str) -> Callable[..., Any]:
    """Make a function that needs a card."""

    def function(*args: Any, **settings: Any) -> Any:
        raise AssertionError(f"Torch not compiled with CUDA enabled{ADVICE}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Raise, as PyTorch does on a machine without a card."
    return function


def is_available() -> bool:
    """Return False: gradviz computes on the CPU."""
    return False


is_initialized = _answering("is_initialized", False, "Return False: there is nothing to set up.")
is_bf16_supported = _answering("is_bf16_supported", False, "Return False: there is no card.")
is_tf32_supported = _answering("is_tf32_supported", False, "Return False: there is no card.")
device_count = _answering("device_count", 0, "Return 0.")
get_arch_list = _answering("get_arch_list", list, "Return an empty list.")
get_rng_state_all = _answering("get_rng_state_all", list, "Return an empty list: there is no generator on a card.")
memory_stats = _answering("memory_stats", OrderedDict, "Return an empty dictionary.")
memory_summary = _answering("memory_summary", "", "Return an empty text.")

_COUNTERS = (
    "max_memory_allocated", "max_memory_cached", "max_memory_reserved", "memory_allocated", "memory_cached", "memory_reserved",
)  # fmt: skip
_NOTHING = (
    "empty_cache", "init", "ipc_collect", "manual_seed", "manual_seed_all", "reset_accumulated_memory_stats",
    "reset_max_memory_allocated", "reset_max_memory_cached", "reset_peak_memory_stats", "seed", "seed_all",
    "set_rng_state_all", "synchronize",
)  # fmt: skip
_NEEDING = (
    "current_device", "current_stream", "default_stream", "get_device_capability", "get_device_name", "get_device_properties",
    "get_rng_state", "initial_seed", "mem_get_info", "set_device", "set_rng_state",
)  # fmt: skip
for _name in _COUNTERS:
    globals()[_name] = _answering(_name, 0, "Return 0: there is no card's memory.")
for _name in _NOTHING:
    globals()[_name] = _answering(_name, None, "Do nothing: there is no card.")
for _name in _NEEDING:
    globals()[_name] = _refusing(_name)


def __getattr__(name: str) -> Any:
    return absent.attribute("cuda", name, __all__)
