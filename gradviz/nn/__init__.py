"""Modules, losses and their functions, as PyTorch's ``torch.nn``.

They are imported when the first is asked for, so that ``import gradviz`` stays fast; and with them their rows of the table of
operations.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradviz import absent

if TYPE_CHECKING:
    from gradviz.nn.listed import *

_FILES = (
    "functional",
    "hooks",
    "init",
    "listed",
    "module",
    "modules",
    "native",
    "operations",
    "parallel",
    "parameter",
    "state",
    "utils",
)


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return import_module(f"gradviz.nn.{name}")
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module 'gradviz.nn' has no attribute {name!r}")
    from gradviz.nn import listed

    if name != "__all__" and name not in listed.__all__:
        return absent.attribute("nn", name, listed.__all__)
    globals()[name] = found = getattr(listed, name)
    return found


def __dir__() -> list[str]:
    from gradviz.nn import listed

    return sorted({*globals(), *listed.__all__})
