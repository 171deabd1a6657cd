"""Tensors that want a gradient and that a module does not know as its parameters: nobody will train them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradviz.finding.answer import Finding, found

MOST_ITEMS = 256
"""Of a longer container only so many are looked at."""


def unregistered(module: Any) -> Iterator[tuple[str, str, str]]:
    """Go through what a module, the engine's or PyTorch's, holds in plain attributes and should have registered.

    Yields
    ------
    tuple
        The path of the attribute, what is in it (``"modules"`` or ``"tensors"``), and how it is held: ``"list"``, ``"dict"`` or
        ``"attribute"``.
    """
    known = {id(one) for one in module.parameters()}
    for path, part in module.named_modules():
        for name, value in list(vars(part).items()):
            if name.startswith("_"):
                continue
            held = "dict" if isinstance(value, dict) else "list" if isinstance(value, list | tuple) else "attribute"
            items = list(value.values()) if isinstance(value, dict) else list(value) if held == "list" else [value]
            kind = _kind(items[:MOST_ITEMS], known)
            if kind:
                yield f"{path}.{name}" if path else name, kind, held


def _kind(items: list[Any], known: set[int]) -> str:
    for item in items:
        if not isinstance(item, type) and hasattr(item, "named_parameters"):
            if any(id(one) not in known for one in item.parameters()):
                return "modules"
        elif getattr(item, "requires_grad", False) and getattr(item, "is_leaf", False) and id(item) not in known:
            return "tensors"
    return ""


def left_out(module: Any, name: str) -> list[Finding]:
    """Say what a module has not registered, and what to do."""
    return [
        found("unregistered", None, f"unregistered {kind}", advice=f"{kind} in a {held}", name=f"{name}.{path}")
        for path, kind, held in unregistered(module)
    ]
