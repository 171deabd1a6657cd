"""A module called with parameters that are given, in place of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.nn.module import Module


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other parameters than its own: the module as a function of its parameters.

    Parameters
    ----------
    module
        What is called; it is left as it was.
    parameter_and_buffer_dicts
        By name, as in ``module.named_parameters()``: what stands for its parameters and buffers. Or several such
        dictionaries without a name in common. Those not named stay.
    args, kwargs
        For the call: one argument, or a tuple of them.
    tie_weights
        Let a parameter that the module knows under several names be replaced under all of them.
    strict
        Raise an error for names that are missing or unknown.

    Returns
    -------
    Any
        What the module returns.

    Examples
    --------
    >>> import gradviz as torch
    >>> model = torch.nn.Linear(2, 1)
    >>> parameters = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    >>> loss = lambda parameters, x: torch.func.functional_call(model, parameters, x).sum()
    >>> torch.func.grad(loss)(parameters, torch.tensor([3.0, 4.0]))
    {'weight': tensor([[3., 4.]]), 'bias': tensor([1.])}
    """
    given = _one_dictionary(parameter_and_buffer_dicts)
    for value in given.values():
        if not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    replacing = _with_tied_names(own, given) if tie_weights else given
    if strict and own.keys() != replacing.keys():
        problems = [
            f"{what} key(s): {', '.join(repr(name) for name in sorted(names))}."
            for what, names in (
                ("Unexpected", replacing.keys() - own.keys()),
                ("Missing", own.keys() - replacing.keys()),
            )
            if names
        ]
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(problems))
    places = {name: _place_of(module, name) for name in replacing}
    before = {name: holder.get(last, _ABSENT) for name, (holder, last) in places.items()}
    try:
        for name, (holder, last) in places.items():
            holder[last] = replacing[name]
        arguments = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*arguments, **(kwargs or {}))
    finally:
        for name, (holder, last) in places.items():
            if name in given and last in holder:
                given[name] = holder[last]  # what the module has changed, a running mean for one, is found there
            if before[name] is _ABSENT:
                holder.pop(last, None)
            else:
                holder[last] = before[name]


# --- modules as functions --------------------------------------------------------------------------------------------

_ABSENT = object()


def _one_dictionary(given: Any) -> dict[str, Tensor]:
    """Join several dictionaries of parameters."""
    if isinstance(given, dict):
        return given
    if not isinstance(given, Sequence):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(given)}"
        )
    if not all(isinstance(part, dict) for part in given):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    repeated = [name for name, count in Counter(name for part in given for name in part).items() if count > 1]
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {name: value for part in given for name, value in part.items()}


def _with_tied_names(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add the other names of each parameter that a module has under several."""
    names_of: dict[int, list[str]] = {}
    for name, tensor in own.items():
        names_of.setdefault(id(tensor), []).append(name)
    replacing = dict(given)
    for names in names_of.values():
        values = [given[name] for name in names if name in given]
        if any(value is not values[0] for value in values):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(names)}, which are tied. Consider using "
                "tie_weights=False"
            )
        if values:
            replacing.update(dict.fromkeys(names, values[0]))
    return replacing


def _place_of(module: Module, name: str) -> tuple[dict[str, Any], str]:
    """Return the dictionary in which a module, or one inside it, keeps a parameter, and its name there."""
    *path, last = name.split(".")
    for part in path:
        inside = module._modules.get(part)
        if inside is None:
            raise AttributeError(f"{type(module).__name__} has no attribute `{part}`")
        module = inside
    kinds: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
    return next((kind for kind in kinds if last in kind), module.__dict__), last
