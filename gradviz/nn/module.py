"""`Module`: a piece of a network that holds parameters and other modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from gradviz.engine import scope
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn.parameter import Parameter


class Module:
    """Base class of all modules. A subclass makes its parts in ``__init__`` and uses them in ``forward``.

    Examples
    --------
    >>> import gradviz as torch
    >>> class Doubler(torch.nn.Module):
    ...     def forward(self, x):
    ...         return 2 * x
    >>> Doubler()(torch.ones(2))
    tensor([2., 2.])
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        for name in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, name, {})
        object.__setattr__(self, "training", True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; every subclass has its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, with each operation noting that it ran in this module, so that a picture can frame it."""
        outer = scope.current
        scope.current = scope.Call(self._tag(), outer)
        try:
            return self.forward(*args, **kwargs)
        finally:
            scope.current = outer

    def _tag(self) -> scope.ModuleTag:
        tag = self.__dict__.get("_module_tag")
        if tag is None:
            tag = scope.ModuleTag(type(self).__name__, _short_label(self), any(True for _ in self.parameters()))
            object.__setattr__(self, "_module_tag", tag)
        return tag

    # --- parts --------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        parts = self.__dict__.get("_parameters")
        if isinstance(value, Parameter | Module) and parts is None:
            kind = "parameters" if isinstance(value, Parameter) else "module"
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if isinstance(value, Parameter):
            self._forget(name)
            self._parameters[name] = value
        elif isinstance(value, Module):
            self._forget(name)
            self._modules[name] = value
        elif parts is not None and name in self._parameters:
            if value is not None:
                kind = value.type() if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(f"cannot assign '{kind}' as parameter '{name}' (torch.nn.Parameter or None expected)")
            self._parameters[name] = None
        elif parts is not None and name in self._buffers:
            self._buffers[name] = value
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for kind in ("_parameters", "_buffers", "_modules"):
            parts = self.__dict__.get(kind)
            if parts is not None and name in parts:
                return parts[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            object.__delattr__(self, name)

    def _forget(self, name: str) -> bool:
        found = False
        for kind in (self._parameters, self._buffers, self._modules, self.__dict__):
            found = kind.pop(name, kind) is not kind or found
        return found

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; ``None`` for one that this module does without."""
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module's state and is not learned."""
        self._buffers[name] = tensor

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name."""
        self._modules[name] = module

    # --- going through the parts ----------------------------------------------------------------------------------

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Every module inside, itself first, each once, with its path."""
        seen: set[int] = set()
        waiting: list[tuple[str, Module]] = [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            inside = [(f"{path}.{name}" if path else name, part) for name, part in module._modules.items() if part]
            waiting.extend(reversed(inside))

    def modules(self) -> Iterator[Module]:
        """Every module inside, itself first."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside."""
        return ((name, module) for name, module in self._modules.items() if module is not None)

    def children(self) -> Iterator[Module]:
        """The modules directly inside."""
        return (module for _, module in self.named_children())

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Every parameter, each once, with its path: ``"0.weight"``."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, parameter in module._parameters.items():
                if parameter is not None and id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield (f"{path}.{name}" if path else name), parameter

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter, as an optimiser wants them."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Call a function on every module inside, innermost first, and on itself."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # --- state ----------------------------------------------------------------------------------------------------

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """Return every parameter and buffer by its path, sharing memory."""
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules():
            for parts in (module._parameters, module._buffers):
                for name, tensor in parts.items():
                    if tensor is not None:
                        state[f"{path}.{name}" if path else name] = tensor.detach()
        return state

    def load_state_dict(self, state_dict: dict[str, Tensor], strict: bool = True) -> None:
        """Copy the numbers of a state into this module's parameters and buffers."""
        own = self.state_dict()
        missing, unexpected = [k for k in own if k not in state_dict], [k for k in state_dict if k not in own]
        if strict and (missing or unexpected):
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:"
                + (f"\n\tMissing key(s) in state_dict: {', '.join(map(repr, missing))}. " if missing else "")
                + (f"\n\tUnexpected key(s) in state_dict: {', '.join(map(repr, unexpected))}. " if unexpected else "")
            )
        with no_grad():
            for name, tensor in own.items():
                if name in state_dict:
                    tensor.copy_(state_dict[name])

    def train(self, mode: bool = True) -> Module:
        """Switch to training behaviour (or not)."""
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Module:
        """Switch to evaluation behaviour."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            forget_gradient(parameter, set_to_none)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Set whether all parameters require gradients."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Module:
        """Accept a device, and do nothing: there is only the CPU."""
        return self

    # --- printing ---------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Return the settings to show in brackets."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        name, extra = type(self).__name__, self.extra_repr()
        if not lines:
            return f"{name}({extra})"
        return f"{name}({extra}\n  " + "\n  ".join(lines) + "\n)"


def forget_gradient(parameter: Tensor, set_to_none: bool = True) -> None:
    """Set a gradient to ``None``, or to zeros in place."""
    if set_to_none or parameter._grad is None:
        parameter._grad = None
    else:
        parameter._grad.detach_().zero_()


def _short_label(module: Module) -> str:
    """Name a module as one writes it: ``Linear(3, 2)``."""
    settings = [setting.split("=", 1)[-1].strip() for setting in module.extra_repr().split(",") if setting.strip()]
    shown = ", ".join(setting for setting in settings if setting not in ("True", "False", "None"))
    return f"{type(module).__name__}({shown})" if shown else type(module).__name__
