"""`Optimizer`: what all optimisers have in common."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gradviz.engine import advice, inplace, mixed
from gradviz.engine.cut import Origin, happened, line
from gradviz.engine.handles import Hooks, RemovableHandle
from gradviz.engine.modes import enable_grad
from gradviz.engine.node import caller
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.module import forget_gradient
from gradviz.optim.compiled import compiled, scalar
from gradviz.optim.rule import Sheet

Group = dict[str, Any]
"""Parameters, under ``"params"``, and the settings to move them by."""


class Watcher(Protocol):
    """Someone who wants to know when parameters are about to move, and when they have."""

    def step_starts(self, optimizer: Optimizer) -> None:
        """See the gradients and the settings that the step will use."""

    def step_ends(self, optimizer: Optimizer) -> None:
        """See what it did; also told if the step failed."""


watchers: list[Watcher] = []
"""Told of every step of every optimiser."""


@dataclass(slots=True)
class Life:
    """What is known of an optimiser: the line that made it; of its last two steps the line, and when they were."""

    made: Origin | None
    steps: tuple[tuple[Origin | None, int], ...] = ()


lives: weakref.WeakKeyDictionary[Optimizer, Life] = weakref.WeakKeyDictionary()
"""The optimisers that there are."""


class Optimizer:
    """Base class: parameters in groups, each with settings of its own.

    A subclass states in `_rule` how one parameter moves, or has a `step` of its own.

    Parameters
    ----------
    params
        Tensors, or pairs of a name and a tensor, or dictionaries with such under ``"params"`` and settings.
    defaults
        The settings of a group that says nothing else.

    Attributes
    ----------
    param_groups
        Dictionaries of settings, each with a list ``"params"``.
    state
        What the optimiser remembers about each parameter.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000, 1.6000], requires_grad=True)
    """

    # Whether `step` has been called since a scheduler of learning rates looks on; None while none does.
    _opt_called: bool | None = None

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            words = (
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + params.type()
            )
            raise TypeError(advice.one_parameter(words, params))
        given = list(params)
        if not given:
            raise ValueError(advice.no_parameters("optimizer got an empty parameter list"))
        self.defaults = defaults
        lives[self] = Life(line())
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._hooks: defaultdict[str, Hooks[Callable[..., Any]]] = defaultdict(Hooks)
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)
        if defaults.get("fused") and defaults.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    # --- groups -------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with settings of their own; what is not given is as in `defaults`.

        Parameters
        ----------
        param_group
            A dictionary with ``"params"`` and settings.

        Raises
        ------
        ValueError
            If a parameter is the result of a computation, or is in another group already.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
                "sets will change between runs. Please use a list instead."
            )
        listed = [given] if isinstance(given, Tensor) else list(given)
        names = [item[0] for item in listed if isinstance(item, tuple)]
        parameters = [item[1] if isinstance(item, tuple) else item for item in listed]
        if names and len(names) != len(parameters):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        for parameter in parameters:
            if not isinstance(parameter, Tensor):
                words = f"optimizer can only optimize Tensors, but one of the params is {_type_name(parameter)}"
                raise TypeError(mixed.explained(words, parameter))
            if not (parameter.is_leaf or parameter.retains_grad):
                raise ValueError(advice.not_a_parameter("can't optimize a non-leaf Tensor", parameter))
        group = {**param_group, "params": parameters}
        if names:
            group["param_names"] = names
        for name, default in self.defaults.items():
            group.setdefault(name, default)
        _refuse_unsupported(group)
        if len(set(parameters)) != len(parameters):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group "
                    f"{'with' if 'param_names' in group else 'without'} names to the optimizer"
                )
        if not {id(p) for p in self._parameters()}.isdisjoint(id(p) for p in parameters):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    def _parameters(self) -> Iterator[Tensor]:
        """Every parameter, in the order of the groups."""
        return (parameter for group in self.param_groups for parameter in group["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; otherwise the next ``backward()`` adds to them.

        Parameters
        ----------
        set_to_none
            Set them to ``None``; else to zeros.
        """
        origin = line()
        for parameter in self._parameters():
            forget_gradient(parameter, set_to_none, origin)

    # --- a step -------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient by one step.

        Parameters
        ----------
        closure
            Computes the loss and its gradients anew; what it returns is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        origin = caller()
        if (life := lives.get(self)) is not None:  # a copy has none
            life.steps = (*life.steps[-1:], (origin, happened.next()))
        with np.errstate(all="ignore"):  # where training diverges, PyTorch computes inf and nan in silence
            for group in self.param_groups:
                rule = compiled(self._rule, group)
                moving = []
                for parameter in group["params"]:
                    gradient = parameter._grad
                    if gradient is not None:
                        array, before = inplace.begin(parameter)
                        memory = self.state[parameter] if rule.states else {}
                        moving.append((array, gradient.array, memory, (parameter, before)))
                rule.move(group, moving)
                for *_, (parameter, before) in moving:
                    inplace.end(parameter, before, origin)
        return loss

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        """Write how one parameter moves; every optimiser has its own way."""
        raise NotImplementedError("this optimizer says neither in step() nor in _rule() how parameters move")

    def _told(self, parameter: Tensor) -> Mapping[str, Any]:
        """Return what there is to tell of a parameter's last step to who records it: what is remembered."""
        return self.state.get(parameter, {})

    # --- state --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return the settings and all that is remembered, with parameters replaced by their numbers 0, 1, 2, ...

        The tensors in it share memory with the optimiser's.
        """
        for hook in self._hooks["before state_dict"]:
            hook(self)
        places: dict[int, int] = {}
        for place, parameter in enumerate(self._parameters()):
            places.setdefault(id(parameter), place)
        state = {
            "state": {places[id(key)] if isinstance(key, Tensor) else key: kept for key, kept in self.state.items()},
            "param_groups": [
                {**settings_of(group), "params": [places[id(parameter)] for parameter in group["params"]]}
                for group in self.param_groups
            ],
        }
        for hook in self._hooks["after state_dict"]:
            changed = hook(self, state)
            if changed is not None:
                state = changed
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and memory from a `state_dict`; its tensors are copied.

        Raises
        ------
        ValueError
            If it has other groups, or other numbers of parameters in them.
        """
        state_dict = dict(state_dict)
        for hook in self._hooks["before load_state_dict"]:
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(new["params"]) != len(own["params"]) for new, own in zip(groups, self.param_groups, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        places = (place for group in groups for place in group["params"])
        parameters = dict(zip(places, self._parameters(), strict=True))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, kept in state_dict["state"].items():
            if key in parameters:
                state[parameters[key]] = _copied(kept, parameters[key])
            else:
                state[key] = kept
        loaded = []
        for new, own in zip(groups, self.param_groups, strict=True):
            names = {"param_names": own["param_names"]} if "param_names" in own else {}
            settings = {name: _copied(value) for name, value in settings_of(new).items()}
            loaded.append({**self.defaults, **names, **settings, "params": own["params"]})
            _refuse_unsupported(loaded[-1])
        self.state, self.param_groups = state, loaded
        for hook in self._hooks["after load_state_dict"]:
            hook(self)

    # --- hooks --------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return other arguments for it."""
        return self._register("before step", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return self._register("after step", hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before each `state_dict`."""
        return self._register("before state_dict", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after each `state_dict`; it may return another."""
        return self._register("after state_dict", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before each `load_state_dict`; it may return another to load."""
        return self._register("before load_state_dict", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after each `load_state_dict`."""
        return self._register("after load_state_dict", hook, prepend)

    def _register(self, when: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        return self._hooks[when].add(hook, prepend)

    # --- printing -----------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for place, group in enumerate(self.param_groups):
            settings = "".join(f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params")
            text += f"\nParameter Group {place}\n{settings}"
        return f"{text})"


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Call an optimiser's hooks before and after its step."""

    @functools.wraps(step)
    def stepping(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._opt_called is not None:
            self._opt_called = True
        # A step that a subclass's step calls has been told of already.
        if not (self._hooks or watchers) or type(self).step is not stepping:
            return step(self, *args, **kwargs)
        given: tuple[Any, ...] = (self, *args)
        for watcher in tuple(watchers):
            watcher.step_starts(self)
        for hook in self._hooks["before step"]:
            changed = hook(self, given, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                given, kwargs = changed
        try:
            result = step(*given, **kwargs)
        finally:
            for watcher in tuple(watchers):
                watcher.step_ends(self)
        for hook in self._hooks["after step"]:
            hook(self, given, kwargs)
        return result

    return stepping


Optimizer.step = _with_hooks(Optimizer.step)  # type: ignore[method-assign]


# --- what the optimisers share -----------------------------------------------------------------------------------------


def settings_of(group: Group) -> Group:
    """Return a group without its parameters."""
    return {name: value for name, value in group.items() if name != "params"}


def _refuse_unsupported(group: Group) -> None:
    if group.get("capturable"):
        raise NotImplementedError("gradviz has no capturable=True: it is for CUDA graphs; supported: capturable=False")
    if group.get("differentiable"):
        if group.get("fused"):
            raise RuntimeError("`fused` does not support `differentiable`")
        raise NotImplementedError(
            "gradviz has no differentiable=True: a step is not recorded in the graph; supported: differentiable=False. "
            "For a step that gradients flow through, write it out: w = w - lr * torch.autograd.grad(loss, w, "
            "create_graph=True)[0]"
        )


def _copied(value: Any, parameter: Tensor | None = None, key: Any = None) -> Any:
    """Copy a value of a loaded state; floating-point tensors take the parameter's dtype, but for the count of steps."""
    if isinstance(value, Tensor):
        array = np.array(value.array)
        if parameter is not None and key != "step" and parameter.is_floating_point():
            array = array.astype(parameter.array.dtype, copy=False)
        return wrap(array)
    if key == "step" and isinstance(value, int | float):
        return scalar(value)
    if isinstance(value, dict):
        return {name: _copied(item, parameter, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item, parameter) for item in value)
    return value


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
