"""What a reader can search for: modules, tensors, and both by their shapes and classes; and where each is to be seen."""

from __future__ import annotations

from typing import Any

from gradviz.player.insides import Insides, joined
from gradviz.recording import shape_text

MOST = 4000
"""So many things can be found; those farther inside come last."""


def findable(insides: Insides) -> list[dict[str, str]]:
    """Return what can be searched for as plain JSON data.

    Returns
    -------
    list
        Of each its ``name``, ``kind`` (``"module"`` or ``"tensor"``), ``more`` to be said of it, which is searched as well, the
        key of the picture to be opened (``inside``), and the ``key`` of what is to be selected in it, if anything.
    """
    modules: dict[str, dict[str, str]] = {}
    tensors: dict[str, dict[str, str]] = {}
    for one in insides:
        graph = one.drawing.shown.graph
        first = {operation.module: operation.id for operation in reversed(graph.operations) if operation.module}
        for module in graph.modules:
            if module.path in first:
                name = joined(one.path, module.path)
                modules.setdefault(name, _item(name, "module", module.label, one.key, first[module.path]))
        for key, fold in one.folds.items():
            assert fold.block is not None
            if fold.block.path and fold.block.times == 1 and not fold.block.number:
                name = joined(one.path, fold.block.path)
                modules[name] = _item(name, "module", fold.block.label, key, "")
        for tensor in graph.tensors:
            if tensor.role != "constant":
                more = " · ".join(part for part in (tensor.role, shape_text(tensor.shape)) if part)
                tensors.setdefault(tensor.id, _item(tensor.name, "tensor", more, one.key, tensor.id))
        if len(modules) + len(tensors) > MOST:
            break
    return [*modules.values(), *tensors.values()][:MOST]


def _item(name: str, kind: str, more: str, inside: str, key: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "more": more, "inside": inside, "key": key}
