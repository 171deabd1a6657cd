"""Computing a part of a network twice in place of keeping what it computed, as PyTorch's ``torch.utils.checkpoint``.

PyTorch saves memory in this way. gradviz keeps what it needs to draw, so it saves none; everything else is as there: when
a function runs again, with which random numbers, and what flows back.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradviz import absent
from gradviz.autograd import Function, backward
from gradviz.engine import random
from gradviz.engine.modes import enable_grad, mode, no_grad
from gradviz.engine.tensor import Tensor

__all__ = ["checkpoint", "checkpoint_sequential"]

EXPLICIT = (
    "torch.utils.checkpoint{}: the use_reentrant parameter should be passed explicitly. {} use_reentrant=False is "
    "recommended, but if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs "
    "for more details on the differences between the two variants."
)


@contextmanager
def _numbers_from(state: Any) -> Iterator[None]:
    """Draw the same random numbers again, and go back afterwards to where the generator is now."""
    if state is None:  # other numbers will do
        yield
        return
    now = random.default_generator.get_state()
    random.default_generator.set_state(state)
    try:
        yield
    finally:
        random.default_generator.set_state(now)


def _tensors(result: Any) -> list[Tensor]:
    parts = result if isinstance(result, list | tuple) else [result]
    return [part for part in parts if isinstance(part, Tensor)]


class CheckpointFunction(Function):
    """Run a function without recording it; in the backward pass run it again, recorded, and walk back through that."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        """Run the function."""
        if not any(tensor.requires_grad for tensor in _tensors(args)):
            warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)
        ctx.run_function = run_function
        ctx.state = random.default_generator.get_state() if preserve else None
        ctx.others = [None if isinstance(arg, Tensor) else arg for arg in args]
        ctx.places = [place for place, arg in enumerate(args) if isinstance(arg, Tensor)]
        ctx.save_for_backward(*_tensors(args))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Run it again and walk back."""
        inputs = list(ctx.others)
        for place, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            inputs[place] = tensor.detach().requires_grad_(tensor.requires_grad)
        with _numbers_from(ctx.state), enable_grad():
            outputs = ctx.run_function(*inputs)
        outputs = outputs if isinstance(outputs, list | tuple) else (outputs,)
        pairs = [
            (output, grad)
            for output, grad in zip(outputs, grads, strict=False)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([output for output, _ in pairs], [grad for _, grad in pairs])
        return (None, None, *(part._grad if isinstance(part, Tensor) else None for part in inputs))


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Run a function, and run it again when the backward pass comes to it.

    Parameters
    ----------
    function
        The function, or a module.
    *args, **kwargs
        What to call it with; ``preserve_rng_state=False`` lets the second run draw other random numbers.
    use_reentrant
        Whether the second run has a backward pass of its own (PyTorch's older way: at least one tensor among the arguments
        has to require a gradient, and ``autograd.grad`` cannot be used), or the first is recorded as usual.
    context_fn, determinism_check, debug, early_stop
        PyTorch's further settings for ``use_reentrant=False``. Accepted, and without effect.

    Examples
    --------
    >>> import gradviz as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.utils.checkpoint.checkpoint(torch.square, x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """
    if use_reentrant is None:
        more = "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception."
        warnings.warn(EXPLICIT.format("", more), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if not use_reentrant:
        return _recorded(function, preserve, args, kwargs)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not None or debug:
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    return CheckpointFunction.apply(function, preserve, *args)


def _recorded(function: Callable[..., Any], preserve: bool, args: Any, kwargs: Any) -> Any:
    """Run a function, recorded as usual, and see to it that it runs again before the gradients come back."""
    state = random.default_generator.get_state() if preserve else None
    result = function(*args, **kwargs)
    node = next((tensor.grad_fn for tensor in _tensors(result) if tensor.grad_fn is not None), None)
    if node is not None and mode.enabled:

        def again(gradients: Any) -> None:
            with _numbers_from(state), enable_grad():
                function(*args, **kwargs)

        node.register_prehook(again)
    return result


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run a chain of modules in segments, each with `checkpoint`, but for the last.

    Parameters
    ----------
    functions
        A `Sequential`, or a list of modules or functions.
    segments
        How many segments.
    input
        What goes into the first.
    use_reentrant
        As of `checkpoint`.
    **kwargs
        ``preserve_rng_state``.
    """
    if use_reentrant is None:
        more = "In version 2.9 we will raise an exception if use_reentrant is not passed."
        warnings.warn(EXPLICIT.format(".checkpoint_sequential", more), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    chain = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(chain) // segments
    ends = [size * count for count in range(1, segments)]
    for start, end in zip([0, *ends], ends, strict=False):
        input = checkpoint(_in_a_row(chain[start:end]), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _in_a_row(chain[ends[-1] if ends else 0 :])(input)


def _in_a_row(functions: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(input: Any) -> Any:
        for function in functions:
            input = function(input)
        return input

    return run


def __getattr__(name: str) -> Any:
    return absent.attribute("utils.checkpoint", name, __all__)
