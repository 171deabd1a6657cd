"""The steps of recurrent layers: PyTorch runs them in one go, gate by gate, and calls no module for a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import torch

from gradviz.engine.scope import Call, ModuleTag
from gradviz.pytorch.calls import Calls

BETWEEN = ("Stack", "Cat", "Slice", "Split", "Unbind", "Select", "Transpose", "View", "Unsqueeze", "Squeeze", "Index")
"""How the names of operations begin that stand between steps and not in them."""


def put_into_cells(operations: Sequence[Any], calls: Calls) -> None:
    """Let the operations of each step be those of a call of the layer's cell, as they would be if it was written with cells.

    Parameters
    ----------
    operations
        As they are told (`gradviz.pytorch.telling.Told`), oldest first.
    calls
        The modules that ran.
    """
    modules = calls.modules()
    for call, run in groupby(operations, lambda told: told.call):
        module = None if call is None else modules.get(id(call.tag))
        if isinstance(module, torch.nn.RNNBase):
            for cell, told in _steps([*run], module, call):
                told.call = cell


def _steps(run: Sequence[Any], module: torch.nn.RNNBase, call: Call) -> Iterator[tuple[Call, Any]]:
    """Go through what belongs to steps, each operation with the call of its step: a step begins with the weights of the state."""
    weights = {
        id(one): name.removeprefix("weight_hh_")
        for name, one in module.named_parameters()
        if name.startswith("weight_hh_")
    }
    tags: dict[str, ModuleTag] = {}
    cell: Call | None = None
    for place, told in enumerate(run):
        layer = weights.get(id(told.inputs[0])) if told.name.startswith("TBackward") else None
        if layer is not None:
            cell = Call(tags.setdefault(layer, _tag(module, layer)), call)
            if place and run[place - 1].name.startswith("UnsafeSplit"):  # the gates of what comes from the input
                yield cell, run[place - 1]
        elif told.name.startswith(BETWEEN) or (told.name.startswith("TBackward") and not _is_projection(told, module)):
            cell = None
        if cell is not None:
            yield cell, told


def _tag(module: torch.nn.RNNBase, layer: str) -> ModuleTag:
    kind = f"{module.mode.partition('_')[0]}Cell"
    return ModuleTag(kind, f"{kind}({module.hidden_size})", True, layer)


def _is_projection(told: Any, module: torch.nn.RNNBase) -> bool:
    return any(one is told.inputs[0] for name, one in module.named_parameters() if name.startswith("weight_hr_"))
