"""A model of PyTorch's run once for its picture, watched, and left as it was: nothing is trained, counted, drawn from or remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from gradviz.catalogue import text
from gradviz.pytorch.kept import Kept
from gradviz.pytorch.known import source_of, watching
from gradviz.recording.names import find_names
from gradviz.recording.ran import Ran, modules_as_they_were, nothing_to_draw, results_in


def run(
    model: torch.nn.Module,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    variables: Sequence[Mapping[str, Any]],
    names: Mapping[Any, Any] | None,
) -> Ran:
    """Run a model once with copies of its buffers, watched: see `gradviz.forward.run`."""
    model = _inside(model)
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(text("scripted", "pytorch", model=getattr(model, "original_name", "model")))
    if lazy := [path for path, one in (*model.named_parameters(), *model.named_buffers()) if is_lazy(one)]:
        raise ValueError(text("lazy", "pytorch", names=", ".join(lazy[:3]), model=type(model).__name__))
    instead: dict[int, torch.Tensor] = {}  # by the id of what it stands for
    given: dict[str, torch.Tensor] = {}

    def stand_in(tensor: torch.Tensor) -> torch.Tensor:
        """Return another tensor with the same memory that wants a gradient."""
        other = normal(tensor).detach().requires_grad_()
        instead[id(tensor)] = other
        return other

    def normal(tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor that may be saved for a backward pass: one made in inference mode may not."""
        if not tensor.is_inference():
            return tensor
        copy = instead[id(tensor)] = tensor.clone()
        return copy

    with ExitStack() as ends:
        ends.enter_context(torch.inference_mode(False))
        ends.enter_context(torch.enable_grad())
        for path, buffer in model.named_buffers():
            given[path] = buffer.clone()
        for path, parameter in model.named_parameters():
            if not parameter.requires_grad and parameter.is_floating_point():
                given[path] = stand_in(parameter)
        arguments = [normal(one) if isinstance(one, torch.Tensor) else one for one in inputs]
        if not any(True for _ in model.parameters()):
            arguments = [
                stand_in(one)
                if isinstance(one, torch.Tensor) and not one.requires_grad and one.is_floating_point()
                else other
                for one, other in zip(inputs, arguments, strict=True)
            ]
        watch = watching()
        ends.enter_context(_left_as_it_was(model, watch))
        with watch:
            made = functional_call(model, given, tuple(arguments), dict(kwargs or {}))
    results = [
        (place, one) for place, one in results_in(made, lambda one: isinstance(one, torch.Tensor)) if one.requires_grad
    ]
    results = [(place, one) for place, one in results if one.grad_fn is not None]
    if not results:
        raise nothing_to_draw(model)
    outputs = tuple(one for _, one in results)
    found = find_names(source_of(outputs), variables, names)
    parts = (*model.named_parameters(), *model.named_buffers(), *(("x", one) for one in inputs))
    for path, tensor in parts:
        if isinstance(tensor, torch.Tensor) and (other := instead.get(id(tensor), given.get(path))) is not None:
            found.give(found.of(tensor) or path, other)
    for place, one in results:
        found.give(place or "out", one)
    return Ran(outputs, found, tuple(instead.values()))


def _inside(model: torch.nn.Module) -> torch.nn.Module:
    """Return the model that others wait for to be run, or to be compiled: it computes the same by itself."""
    if isinstance(model, torch.nn.parallel.DistributedDataParallel | torch.nn.DataParallel):
        return _inside(model.module)
    original = getattr(model, "_orig_mod", None)
    return model if original is None else _inside(original)


@contextmanager
def _left_as_it_was(model: torch.nn.Module, watch: Any) -> Iterator[None]:
    """Put back, also after an error, what running a model may have changed.

    That is: the state of the generators of random numbers, and of each module its mode, its attributes, its parameters and buffers
    as they are registered. What a forward pass writes into parameters is put back, too; buffers are copies while it runs.
    """
    gradients = [(one, one.grad) for one in model.parameters()]
    # A watch copies what is about to be written; else everything has to be copied.
    keep = watch.memory.keep if hasattr(watch, "memory") else lambda tensor: Kept(tensor.detach().clone())
    written = [(one, keep(one), one._version) for one in (*model.parameters(), *model.buffers())]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices), modules_as_they_were(model.modules()):
        try:
            yield
        finally:
            for parameter, gradient in gradients:
                parameter.grad = gradient
            for tensor, kept, version in written:
                if tensor._version != version and kept.tensor is not None:
                    numbers = kept.tensor.clone()  # the picture keeps what stood there
                    tensor.data.copy_(numbers)
                    torch._C._autograd._unsafe_set_version_counter((tensor,), (version,))
