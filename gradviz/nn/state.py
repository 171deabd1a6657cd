"""A module's state: its parameters and buffers by name, to be saved, loaded and compared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gradviz.engine import mixed
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn.parameter import Parameter, is_lazy

if TYPE_CHECKING:
    from gradviz.nn.module import Module

EXTRA = "_extra_state"


class _IncompatibleKeys(NamedTuple):
    """What ``load_state_dict()`` returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def entries(module: Module, prefix: str = "") -> Iterator[tuple[str, Module, str, Tensor | None]]:
    """Everything that belongs to a module's state: key, the module it stands in, its name there, the tensor.

    A tensor that is shared appears under each of its names. Extra state comes as ``None``.
    """
    for path, part in module.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
        start = f"{path}." if path else ""
        for name, parameter in part._parameters.items():
            if parameter is not None:
                yield start + name, part, name, parameter
        for name, buffer in part._buffers.items():
            if buffer is not None and name not in part._non_persistent_buffers_set:
                yield start + name, part, name, buffer
        if part.has_extra_state():
            yield start + EXTRA, part, EXTRA, None


def collect(module: Module, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Put a module's state into a dictionary, sharing memory."""
    state = destination
    if state is None:
        state = OrderedDict()
        state._metadata = OrderedDict()  # type: ignore[attr-defined]  # the versions of the modules' formats, as PyTorch notes them
    metadata = getattr(state, "_metadata", None)
    if metadata is not None:
        for path, part in module.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
            metadata[path] = {"version": part._version}
    for key, part, _, tensor in entries(module, prefix):
        if tensor is None:
            state[key] = part.get_extra_state()
        else:
            state[key] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
    return state


def load(module: Module, state: Mapping[str, Any], strict: bool, assign: bool) -> _IncompatibleKeys:
    """Copy the numbers of a state into a module's parameters and buffers, or let it have the state's own tensors."""
    if not isinstance(state, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state)}.")
    problems: list[str] = []
    missing: list[str] = []
    known: set[str] = set()
    for key, part, name, tensor in list(entries(module)):
        known.add(key)
        if key not in state:
            missing.append(key)
        elif tensor is None:
            part.set_extra_state(state[key])
        else:
            problem = _load_one(key, part, name, tensor, state[key], assign)
            if problem:
                problems.append(problem)
    unexpected = [key for key in state if key not in known]
    if strict and unexpected:
        problems.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    if strict and missing:
        problems.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if problems:
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(problems))
    return _IncompatibleKeys(missing, unexpected)


def _load_one(key: str, part: Module, name: str, tensor: Tensor, given: Any, assign: bool) -> str | None:
    """Load one tensor; return what is wrong with it."""
    if not isinstance(given, Tensor):
        return mixed.explained(
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from checkpoint but '
            f"received {type(given)}",
            given,
        )
    if is_lazy(tensor):
        if is_lazy(given):
            return None
        tensor.materialize(given.shape)
    if tensor.ndim == 0 and not is_lazy(given) and given.ndim == 1:
        given = given[0]  # as PyTorch does: numbers were once saved as tensors of length 1
    if given.shape != tensor.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, the shape in current "
            f"model is {tensor.shape}."
        )
    if not assign:
        with no_grad():
            tensor.copy_(given)
    elif isinstance(tensor, Parameter) and not isinstance(given, Parameter):
        setattr(part, name, Parameter(given, tensor.requires_grad))
    else:
        setattr(part, name, given.requires_grad_(tensor.requires_grad) if isinstance(tensor, Parameter) else given)
    return None


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
