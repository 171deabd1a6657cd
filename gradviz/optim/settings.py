"""What the optimisers' settings have in common: what they mean, and which values they may have; said once for all."""

from __future__ import annotations

import inspect
import re
from typing import Any, TypeVar

from gradviz.engine.tensor import Tensor
from gradviz.optim.arithmetic import number

Class = TypeVar("Class", bound=type[Any])


def documented(optimizer: Class) -> Class:
    """Add to a class's documentation the parameters that mean the same in every optimiser."""
    if optimizer.__doc__ is None:  # python -OO
        return optimizer
    code = optimizer.__init__.__code__
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    start, title, rest = inspect.cleandoc(optimizer.__doc__).partition("Parameters\n----------\n")
    own, gap, end = rest.partition("\n\n")
    headed = [(re.split(" :|\n", entry)[0], entry) for entry in re.split(r"\n(?=\S)", own) if entry]
    entries = {tuple(head.split(", ")): entry for head, entry in headed}
    told = {name for entry in entries for name in entry}
    for text in dict.fromkeys(MEANINGS.values()):
        missing = [name for name in names if name not in told and MEANINGS.get(name) == text]
        if missing:
            entries[tuple(missing)] = f"{', '.join(missing)}\n    {text}"
    own = "\n".join(entries[key] for key in sorted(entries, key=lambda key: names.index(key[0])))
    optimizer.__doc__ = f"{start}{title}{own}{gap}{end}"
    return optimizer


WITHOUT_EFFECT, NOT_HERE = "How PyTorch computes, not what. Accepted, and without effect.", "Only ``False``."
MEANINGS = {
    "params": 'Tensors, or dictionaries with ``"params"`` and settings.',
    "lr": "The learning rate.",
    "betas": "How much of each average is kept in a step: of the gradient's, of its square's.",
    "eps": "Keeps the quotient finite.",
    "weight_decay": "Adds this share of the parameter to its gradient.",
    "decoupled_weight_decay": "Let weight decay shrink the parameter itself, as `AdamW` does.",
    "maximize": "Step along the gradient instead.",
    "foreach": WITHOUT_EFFECT,
    "fused": WITHOUT_EFFECT,
    "capturable": NOT_HERE,
    "differentiable": NOT_HERE,
}
"""What settings mean, where an optimiser says nothing else."""


def checked(settings: dict[str, Any], order: str = "") -> dict[str, Any]:
    """Return the settings among the arguments of an ``__init__``, if they are such as an optimiser can work with.

    Parameters
    ----------
    settings
        Its ``locals()``.
    order
        Their names, where PyTorch has them in another order in its groups than in its ``__init__``.

    Raises
    ------
    ValueError
        If one is out of its bounds.
    """
    settings = {name: value for name, value in settings.items() if name not in ("self", "params", "__class__")}
    for name, value in settings.items():
        if name == "lr" and isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if name in NOT_NEGATIVE and not value >= 0:
            raise ValueError(f"Invalid {NOT_NEGATIVE[name]}: {number(value)}")
        for place in (0, 1) if name == "betas" else ():
            if not 0 <= value[place] < 1:
                raise ValueError(f"Invalid beta parameter at index {place}: {value[place]}")
    return {name: settings[name] for name in order.split() or settings}


NOT_NEGATIVE = {
    "lr": "learning rate",
    "eps": "epsilon value",
    **{name: f"{name} value" for name in ("weight_decay", "momentum", "lr_decay", "momentum_decay")},
    "initial_accumulator_value": "initial_accumulator_value value",
}
"""Settings that must not be negative, and what the error calls them."""
