"""A model run once for its picture, and left as it was: nothing is trained, counted, drawn from or remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pkgutil import resolve_name
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.engine import mixed
from gradviz.engine.modes import enable_grad, inference_mode
from gradviz.engine.random import default_generator
from gradviz.engine.tensor import Tensor, wrap
from gradviz.finding.registered import unregistered
from gradviz.func.stateless import functional_call
from gradviz.nn.module import Module
from gradviz.nn.parameter import Parameter
from gradviz.recording.engine import ENGINE
from gradviz.recording.model import Recording
from gradviz.recording.names import find_names
from gradviz.recording.observe import record_named
from gradviz.recording.ran import Ran, modules_as_they_were, nothing_to_draw, results_in


def is_model(value: Any) -> bool:
    """Return whether something is a module, the engine's or PyTorch's, to be run for a picture."""
    return isinstance(value, Module) or (mixed.is_pytorchs(value) and hasattr(type(value), "named_parameters"))


def recording_of_a_model(
    model: Any,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    variables: Sequence[Mapping[str, Any]],
    names: Mapping[Any, Any] | None,
    title: str,
    *,
    backward: bool | None,
    gradient: Any = None,
) -> Recording:
    """Run a model once, and record that.

    Parameters
    ----------
    model
        What is run, in the mode that it is in (``train()`` or ``eval()``).
    inputs, kwargs
        What it is called with.
    variables, names
        For the names in the picture: the caller's variables, and names that win over those.
    title
        By default the call.
    backward
        Whether to run a backward pass, too: True, or ``None`` for none.
    gradient
        What that starts with.

    Raises
    ------
    ValueError
        If nothing that it computes can be recorded.
    """
    # PyTorch's stands above this, and is loaded where PyTorch is.
    theirs = mixed.is_pytorchs(model)
    run_it: Callable[..., Ran] = resolve_name("gradviz.pytorch.forward:run") if theirs else run
    ran = run_it(model, inputs, kwargs, variables, names)
    recording = record_named(ran.results, ran.names, gradient=gradient, backward=backward or False)
    ids = {id for one in ran.frozen if (id := recording.again.id_of(one)) is not None}
    graph = recording.graph
    tensors = tuple(replace(one, role="input", requires_grad=False) if one.id in ids else one for one in graph.tensors)
    name = next((name for scope in variables for name, value in scope.items() if value is model), type(model).__name__)
    source = ran.names.source
    given = [*(ran.names.of(one) or "…" if source.is_tensor(one) else repr(one) for one in inputs), *(kwargs or {})]
    told = [text("run for the picture", "why", name=name, mode="train()" if model.training else "eval()")]
    told += [
        text(f"unregistered {kind}", "why", name=f"{name}.{path}") + " " + text(f"do: {kind} in a {held}", "why")
        for path, kind, held in unregistered(model)
    ]
    made = replace(
        recording,
        graph=replace(graph, tensors=tensors),
        title=title or f"{name}({', '.join(given)})",
        remarks=(*told, *recording.remarks),
    )
    object.__setattr__(made, "again", recording.again)
    return made


def run(
    model: Module,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    variables: Sequence[Mapping[str, Any]],
    own_names: Mapping[Any, Any] | None,
) -> Ran:
    """Run a model once with copies of its buffers, in a mode in which everything is recorded.

    Parameters
    ----------
    model, inputs, kwargs
        What is run, and with what.
    variables, own_names
        For the names: the caller's variables, and names that win over those.

    Raises
    ------
    ValueError
        If nothing that it computes can be recorded.
    """
    names = find_names(ENGINE, variables, own_names)
    given: dict[str, Tensor] = {}
    frozen: list[Tensor] = []

    def stand_in(tensor: Tensor, name: str) -> Tensor:
        """Return another tensor with the same memory that wants a gradient, under the same name."""
        with inference_mode(False), enable_grad():
            other = Parameter(tensor.detach())
            other._cut = None
        names.give(names.of(tensor) or name, other)
        frozen.append(other)
        return other

    for path, buffer in model.named_buffers():
        with inference_mode(False):
            copy = wrap(np.array(buffer.array))
        if (called := names.of(buffer)) is not None:
            names.give(called, copy)
        given[path] = copy
    for path, parameter in model.named_parameters():
        if not parameter._requires_grad and parameter.array.dtype.kind == "f":
            given[path] = stand_in(parameter, path)
    arguments = list(inputs)
    if not any(True for _ in model.parameters()):
        arguments = [
            stand_in(one, "x")
            if isinstance(one, Tensor) and not one._requires_grad and one.is_floating_point()
            else one
            for one in arguments
        ]
    with left_as_it_was(model), inference_mode(False), enable_grad():
        made = functional_call(model, given, tuple(arguments), dict(kwargs or {}))
    found = results_in(made, lambda one: isinstance(one, Tensor))
    results = [(place, one) for place, one in found if one._grad_fn is not None]
    if not results:
        raise nothing_to_draw(model)
    for place, one in results:
        names.give(place or "out", one)
    return Ran(tuple(one for _, one in results), names, tuple(frozen))


@contextmanager
def left_as_it_was(model: Module) -> Iterator[None]:
    """Put back, also after an error, what running a model may have changed.

    That is: the state of all generators of random numbers, and of each module its mode, its attributes, its parameters and
    buffers as they are registered, and every ``.grad``. Numbers that a forward pass writes into a buffer or parameter are
    put back, too.
    """
    # Buffers are replaced while it runs; here is what is written through other names, as a parameter under no_grad.
    tensors = [*model.parameters(), *model.buffers()]
    numbers = [(one, one.array, np.array(one.array), one._grad, _count(one)) for one in tensors]
    state = default_generator.get_state()
    try:
        with modules_as_they_were(model.modules()):
            yield
    finally:
        default_generator.set_state(state)
        for tensor, array, copy, gradient, count in numbers:
            if isinstance(array, np.ndarray) and not np.array_equal(array, copy, equal_nan=array.dtype.kind == "f"):
                array[...] = copy
            tensor.array, tensor._grad = array, gradient
            if count is not None and tensor._counter is not None:
                tensor._counter.count = count


def _count(tensor: Tensor) -> int | None:
    return None if tensor._counter is None else tensor._counter.count
