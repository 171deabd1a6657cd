"""The hooks of modules: functions of the user's that are called before and after ``forward``, and on the way back.

A forward hook is called by `call`, which runs a module. A backward hook has to be called when a gradient passes, so two
operations that change nothing are put around the module, and the hooks on their nodes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradviz.engine.handles import Hooks
from gradviz.engine.modes import mode
from gradviz.engine.operation import family, unlisted
from gradviz.engine.tensor import Tensor, wrap
from gradviz.engine.views import view_of

if TYPE_CHECKING:
    from gradviz.nn.module import Module


NO_INPUT = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
    "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module."
    "register_full_backward_hook for more details."
)


class Hook(NamedTuple):
    """One function, and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always: bool = False


class ModuleHooks:
    """All hooks of one module, of each kind in the order of the calls."""

    def __init__(self) -> None:
        self.before: Hooks[Hook] = Hooks()
        self.after: Hooks[Hook] = Hooks()
        self.before_backward: Hooks[Hook] = Hooks()
        self.after_backward: Hooks[Hook] = Hooks()


def call(module: Module, hooks: ModuleHooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a module with its hooks around it."""
    waiting = list(hooks.after)
    result = None
    try:
        for hook in hooks.before:
            args, kwargs = _prepared(module, hook, args, kwargs)
        passage = Passage(module, hooks) if hooks.before_backward or hooks.after_backward else None
        if passage is not None:
            args = passage.enter(args)
        result = module.forward(*args, **kwargs)
        while waiting:
            answer = _finished(module, waiting.pop(0), args, kwargs, result)
            result = result if answer is None else answer
        return result if passage is None else passage.leave(result)
    except Exception:
        for hook in waiting:
            if hook.always:
                try:
                    _finished(module, hook, args, kwargs, result)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that was silenced as another "
                        f"error was raised in forward: {error}",
                        stacklevel=2,
                    )
        raise


def _prepared(module: Module, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a hook before the module; return the arguments, or what it put in their place."""
    if not hook.with_kwargs:
        answer = hook.function(module, args)
        return (args if answer is None else answer if isinstance(answer, tuple) else (answer,)), kwargs
    answer = hook.function(module, args, kwargs)
    if answer is not None and not (isinstance(answer, tuple) and len(answer) == 2):
        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {answer}.")
    return (args, kwargs) if answer is None else answer


def _finished(module: Module, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
    if hook.with_kwargs:
        return hook.function(module, args, kwargs, result)
    return hook.function(module, args, result)


class Passage:
    """One call of a module, from the point of view of its gradients.

    In the backward pass they first arrive at the outputs, where the hooks before the module may replace them, and then
    leave at the inputs, where the hooks after it may.
    """

    def __init__(self, module: Module, hooks: ModuleHooks) -> None:
        self.module = module
        self.before, self.after = tuple(hooks.before_backward), tuple(hooks.after_backward)
        self.arrived: tuple[Tensor | None, ...] | None = None
        self.places: list[int] | None = None  # which of the inputs require gradients, if any does
        self.empty: tuple[Any, ...] = ()  # for each input, the gradient of one that requires none

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put the operation that changes nothing before the module."""
        self.empty = tuple(wrap(np.zeros_like(x.array)) if isinstance(x, Tensor) else None for x in args)
        args, places, node = _passed(args)
        if node is not None:
            self.places = places
            node.register_hook(self._leaving)
        return args

    def leave(self, result: Any) -> Any:
        """Put the operation that changes nothing behind the module."""
        if not isinstance(result, Tensor | tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                f"{type(result)}",
                stacklevel=2,
            )
            return result
        results = result if isinstance(result, tuple) else (result,)
        passed, places, node = _passed(results)
        if node is None:
            return result
        nothing = (None,) * len(results)
        node.register_prehook(lambda grad_outputs: self._arriving(grad_outputs, places, nothing))
        if isinstance(result, Tensor):
            return passed[0]
        return type(result)(*passed) if hasattr(result, "_fields") else passed

    def _arriving(self, gradients: tuple[Any, ...], places: list[int], empty: tuple[Any, ...]) -> tuple[Any, ...]:
        arrived = _spread(gradients, places, empty)
        for hook in self.before:
            arrived = _checked(hook.function(self.module, arrived), arrived)
        if self.places is None:
            # No input requires a gradient, so the gradients end inside of the module, and the hooks have their turn now.
            if self.after:
                warnings.warn(NO_INPUT, stacklevel=2)
            for hook in self.after:
                answer = hook.function(self.module, (None,) * len(self.empty), arrived)
                if answer is not None and not (isinstance(answer, tuple) and all(part is None for part in answer)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or None "
                        "for all gradients."
                    )
        else:
            self.arrived = arrived
        return tuple(arrived[place] for place in places)

    def _leaving(self, grad_inputs: tuple[Any, ...], grad_outputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self.arrived is None or self.places is None:
            return None  # a gradient from elsewhere: an input was used outside of the module
        leaving = _spread(grad_inputs, self.places, self.empty)
        for hook in self.after:
            leaving = _checked(hook.function(self.module, leaving, self.arrived), leaving)
        self.arrived = None
        return tuple(leaving[place] for place in self.places)


def _passed(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int], Any]:
    """Send the tensors that require gradients through an operation that changes nothing; return its node, too."""
    places = [place for place, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not places or not mode.enabled:
        return values, places, None
    tensors = [values[place] for place in places]
    through = list(values)
    for place, tensor, out in zip(places, tensors, _identity(len(places))(*tensors), strict=True):
        through[place] = view_of(tensor, out, "function" if len(places) == 1 else "several")
    return tuple(through), places, through[places[0]].grad_fn


@family("hook")
def _identity(count: int) -> Any:
    names = [f"input{place}" for place in range(count)]
    return unlisted(
        "hook",
        "BackwardHookFunctionBackward",
        "hook",
        lambda *arrays: arrays,
        " ".join(names),
        {name: _part(place) for place, name in enumerate(names)},
        outputs=" ".join(f"result{place}" for place in range(count)),
        many=True,
        expression=names[0],
        local=dict.fromkeys(names, "1"),
    )


def _part(place: int) -> Any:
    return lambda grads: grads[place]


def _spread(gradients: tuple[Any, ...], places: list[int], empty: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put gradients in their places among those of what requires none."""
    full = list(empty)
    for place, gradient in zip(places, gradients, strict=True):
        full[place] = gradient
    return tuple(full)


def _checked(answer: Any, before: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what a backward hook put in the place of the gradients; they are as before if it returned ``None``."""
    if answer is None:
        return before
    answer = answer if isinstance(answer, tuple) else (answer,)
    if len(answer) != len(before):
        raise RuntimeError(
            f"Backward hook returned an invalid number of grad_input, got {len(answer)}, but expected {len(before)}"
        )
    return answer
