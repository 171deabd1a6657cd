"""Parts of a package that are imported when they are first used, so that ``import gradviz`` stays fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def later(package: str, name: str, module: str) -> Any:
    """Import a part of a package, and return it.

    Parameters
    ----------
    package
        The package: ``"gradviz.nn.utils"``.
    name
        What is asked for: one of its modules, or something in one.
    module
        The module.
    """
    found = import_module(f"{package}.{module}")
    return found if name == module else getattr(found, name)
