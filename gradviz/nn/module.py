"""`Module`: a piece of a network that holds parameters and other modules.

The file is longer than others since a class stands in one piece.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gradviz.engine import advice, devices, dtypes, formats, mixed, scope
from gradviz.engine.cut import Origin, forgotten, line
from gradviz.engine.handles import RemovableHandle
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn import hooks, state
from gradviz.nn.hooks import Hook, ModuleHooks
from gradviz.nn.parameter import Buffer, Parameter


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

    _version = 1
    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]
    _hooks: ModuleHooks | None = None  # few modules ever have any

    def __init__(self) -> None:
        for name in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, name, {})
        object.__setattr__(self, "_non_persistent_buffers_set", set())
        object.__setattr__(self, "training", True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; every subclass has its own."""
        words = f'Module [{type(self).__name__}] is missing the required "forward" function'
        raise NotImplementedError(advice.no_forward(words, self))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, with each operation noting that it ran in this module, so that a picture can frame it."""
        running = scope.running
        outer = running.call
        running.call = scope.Call(self._tag(), outer)
        try:
            if self._hooks is None:
                return self.forward(*args, **kwargs)
            return hooks.call(self, self._hooks, args, kwargs)
        except (AttributeError, TypeError) as error:
            other = mixed.met(error, *args, *kwargs.values())
            if other is None:
                raise
            raise other from None
        finally:
            running.call = outer

    def _tag(self) -> scope.ModuleTag:
        tag = self.__dict__.get("_module_tag")
        if tag is None:
            name, has_parameters = type(self).__name__, any(True for _ in self.parameters())
            tag = scope.ModuleTag(name, scope.label(name, self.extra_repr()), has_parameters)
            object.__setattr__(self, "_module_tag", tag)
        return tag

    # --- parts --------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        parts = self.__dict__.get("_parameters")
        if parts is None:
            if isinstance(value, Parameter | Module | Buffer):
                kind = "module" if isinstance(value, Module) else type(value).__name__.lower()
                plural = "s" if isinstance(value, Parameter) else ""
                words = f"cannot assign {kind}{plural} before Module.__init__() call"
                raise AttributeError(advice.before_init(words, self, name))
            object.__setattr__(self, name, value)
        elif isinstance(value, Parameter):
            self._forget(name, but=self._parameters)
            self.register_parameter(name, value)
        elif name in parts:
            if value is not None:
                words = f"cannot assign '{_kind(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)"
                raise TypeError(mixed.explained(words, value))
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            self._forget(name, but=self._modules)
            self._modules[name] = value
        elif name in self._modules:
            if value is not None:
                words = f"cannot assign '{_kind(value)}' as child module '{name}' (torch.nn.Module or None expected)"
                raise TypeError(mixed.explained(words, value))
            self._modules[name] = None
        elif isinstance(value, Buffer):
            self._forget(name, but=self._buffers)
            self.register_buffer(name, value, value.persistent)
        elif name in self._buffers:
            if value is not None and not isinstance(value, Tensor):
                words = f"cannot assign '{_kind(value)}' as buffer '{name}' (torch.nn.Buffer, torch.Tensor or None expected)"
                raise TypeError(mixed.explained(words, value))
            self._buffers[name] = value
        elif mixed.is_pytorchs(value) and hasattr(value, "requires_grad_"):  # its module or parameter would be lost
            words = f"cannot assign '{_kind(value)}' as '{name}' of a module of gradviz's"
            raise TypeError(mixed.explained(words, value))
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for kind in ("_parameters", "_buffers", "_modules"):
            parts = self.__dict__.get(kind)
            if parts is not None and name in parts:
                return parts[name]
        words = f"'{type(self).__name__}' object has no attribute '{name}'"
        if "_parameters" not in self.__dict__:
            raise AttributeError(advice.before_init(words, self, name))
        raise AttributeError(words + advice.similar(name, dir(self)))

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[:1].isdigit())

    def _forget(self, name: str, but: Any = None) -> bool:
        """Remove a part, wherever it is; `but` there a new one will take its place, and its position."""
        found = False
        for kind in (self._parameters, self._buffers, self._modules, self.__dict__):
            if kind is not but:
                found = kind.pop(name, kind) is not kind or found
        self._non_persistent_buffers_set.discard(name)
        return found

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; ``None`` for one that this module does without."""
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            words = f"cannot assign '{_kind(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            raise TypeError(mixed.explained(words, param))
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To "
                f"express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module's state and is not learned.

        Parameters
        ----------
        name
            The attribute it can be found under.
        tensor
            The tensor; ``None`` for one that this module does without.
        persistent
            Whether it belongs to the ``state_dict``.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            words = f"cannot assign '{_kind(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            raise TypeError(mixed.explained(words, tensor))
        self._buffers[name] = tensor
        change = self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add
        change(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(mixed.explained(f"{_kind(module)} is not a Module subclass", module))
        self._check_name("module", name, "_modules")
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name."""
        self.add_module(name, module)

    def _check_name(self, part: str, name: str, kind: str) -> None:
        if kind not in self.__dict__:
            words = f"cannot assign {part} before Module.__init__() call"
            raise AttributeError(advice.before_init(words, self, name))
        if not isinstance(name, str):
            raise TypeError(f"{part} name should be a string. Got {_kind(name)}")
        if "." in name:
            raise KeyError(f'{part} name can\'t contain "."' + (f", got: {name}" if part == "module" else ""))
        if not name:
            raise KeyError(f'{part} name can\'t be empty string ""')
        places = (
            vars(self),
            *(self.__dict__[each] for each in ("_parameters", "_buffers", "_modules") if each != kind),
        )
        if name not in self.__dict__[kind] and (hasattr(type(self), name) or any(name in place for place in places)):
            raise KeyError(f"attribute '{name}' already exists")

    # --- going through the parts ----------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Every module inside, itself first, each once unless told otherwise, with its path."""
        seen: set[int] = set() if memo is None else memo
        waiting: list[tuple[str, Module]] = [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            if remove_duplicate:
                if id(module) in seen:
                    continue
                seen.add(id(module))
            yield path, module
            start = f"{path}." if path else ""
            inside = [(start + name, part) for name, part in module._modules.items() if part is not None]
            waiting.extend(reversed(inside))

    def modules(self) -> Iterator[Module]:
        """Every module inside, itself first."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly inside."""
        return (module for _, module in self.named_children())

    def _named_members(
        self, members: Callable[[Module], Mapping[str, Any]], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, member in members(module).items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter, each once unless told otherwise, with its path: ``"0.weight"``."""
        return self._named_members(lambda module: module._parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter, as an optimiser wants them."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Every buffer, each once unless told otherwise, with its path."""
        return self._named_members(lambda module: module._buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Every buffer."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module at a path such as ``"encoder.layers.0"``."""
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module in the place of the one at a path; with `strict` there has to be one already."""
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path such as ``"encoder.weight"``."""
        return self._member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a path."""
        return self._member(target, "_buffers", "a buffer")

    def _member(self, target: str, kind: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in module.__dict__[kind]:
            raise AttributeError(f"`{name}` is not {what}")
        return module.__dict__[kind][name]

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call a function on every module inside, children before parents, and last on itself."""
        waiting: list[tuple[Module, Iterator[Module]]] = [(self, self.children())]
        while waiting:
            module, rest = waiting[-1]
            child = next(rest, None)
            if child is not None:
                waiting.append((child, child.children()))
            else:
                waiting.pop()
                fn(module)
        return self

    # --- state ----------------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Return every parameter and persistent buffer by its path, sharing memory.

        Parameters
        ----------
        destination
            A dictionary to put them into.
        prefix
            What to put before each path.
        keep_vars
            Return the parameters themselves, and not their data cut off from the graph.
        """
        return state.collect(self, destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Copy the numbers of a state into this module's parameters and buffers.

        Parameters
        ----------
        state_dict
            As `state_dict` returns it.
        strict
            Raise an error if keys are missing, or there are more than expected.
        assign
            Let the module have the state's own tensors in place of copying their numbers.

        Returns
        -------
        tuple
            The missing keys and the unexpected ones.
        """
        return state.load(self, state_dict, strict, assign)

    def get_extra_state(self) -> Any:
        """Return what else belongs in the ``state_dict``; a subclass that has something defines this."""
        raise RuntimeError(f"{type(self).__name__} has no extra state")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` returned; a subclass that has something defines this."""
        raise RuntimeError(f"{type(self).__name__} has no extra state")

    def has_extra_state(self) -> bool:
        """Return True if the class defines `get_extra_state`."""
        return type(self).get_extra_state is not Module.get_extra_state

    def train(self, mode: bool = True) -> Module:
        """Switch to training behaviour (or not)."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Module:
        """Switch to evaluation behaviour."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters."""
        origin = line()
        for parameter in self.parameters():
            forget_gradient(parameter, set_to_none, origin)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Set whether all parameters require gradients."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    # --- precision ------------------------------------------------------------------------------------------------

    def _apply(self, fn: Callable[[Tensor], Tensor]) -> Module:
        """Replace the numbers of every parameter (its gradient's too) and buffer by what a function makes of them."""
        with no_grad():
            for module in self.modules():
                for parameter in module._parameters.values():
                    if parameter is not None:
                        parameter.data = fn(parameter.data)
                        if parameter._grad is not None:
                            parameter._grad = fn(parameter._grad)
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Module:
        """Convert floating-point parameters and buffers to another precision: ``to(torch.float64)``.

        A device may be named; there is only the CPU.
        """
        kind = kwargs.get("dtype")
        for argument in (*args, kwargs.get("device")):
            if isinstance(argument, Tensor):
                kind = argument.dtype
            elif isinstance(argument, dtypes.dtype):
                kind = argument
            elif argument is not None and not isinstance(argument, bool | formats.memory_format):
                devices.check_device(argument)
        if kind is None:
            return self
        if not kind.is_floating_point:
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={kind}")
        return self._apply(lambda tensor: tensor.to(kind) if tensor.is_floating_point() else tensor)

    def type(self, dst_type: Any) -> Module:
        """Convert all parameters and buffers, integers as well, to a dtype."""
        return self._apply(lambda tensor: tensor.to(dst_type))

    def float(self) -> Module:
        """Convert floating-point parameters and buffers to float32."""
        return self.to(dtypes.float32)

    def double(self) -> Module:
        """Convert floating-point parameters and buffers to float64."""
        return self.to(dtypes.float64)

    def half(self) -> Module:
        """Convert floating-point parameters and buffers to float16."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> Module:
        """Refuse: NumPy has no such numbers."""
        raise NotImplementedError("gradviz has no bfloat16; supported: float(), double(), half()")

    def cpu(self) -> Module:
        """Return the module: it is on the CPU already."""
        return self

    def cuda(self, device: Any = None) -> Module:
        """Say that there is only the CPU."""
        return self.to("cuda")

    # --- hooks ----------------------------------------------------------------------------------------------------

    def _all_hooks(self) -> ModuleHooks:
        if self._hooks is None:
            object.__setattr__(self, "_hooks", ModuleHooks())
        assert self._hooks is not None
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before `forward`; what it returns, if anything, takes the place of `args`.

        Parameters
        ----------
        hook
            The function.
        prepend
            Call it before the hooks that are already there.
        with_kwargs
            Call ``hook(module, args, kwargs)``; it may return both.
        """
        return self._all_hooks().before.add(Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after `forward`; what it returns, if anything, replaces the output.

        Parameters
        ----------
        hook
            The function.
        prepend
            Call it before the hooks that are already there.
        with_kwargs
            Call ``hook(module, args, kwargs, output)``.
        always_call
            Call it even if `forward` raises an error.
        """
        return self._all_hooks().after.add(Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` in the backward pass, before the module; it may return new gradients."""
        return self._all_hooks().before_backward.add(Hook(hook), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` in the backward pass, after the module.

        A tuple that it returns takes the place of `grad_input`.
        """
        return self._all_hooks().after_backward.add(Hook(hook), prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Refuse: PyTorch gave up these hooks, which saw the wrong gradients."""
        raise NotImplementedError("gradviz has no register_backward_hook; supported: register_full_backward_hook")

    # --- printing ---------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return the settings to show in brackets."""
        return ""

    def __repr__(self) -> str:
        settings = self.extra_repr().split("\n") if self.extra_repr() else []
        parts = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        lines = settings + parts
        if len(settings) <= 1 and not parts:
            return f"{self._get_name()}({''.join(settings)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


def forget_gradient(parameter: Tensor, set_to_none: bool = True, origin: Origin | None = None) -> None:
    """Set a gradient to ``None``, or to zeros in place; `origin` is the line that wants it."""
    if parameter._grad is not None:
        forgotten(parameter, origin)
    if set_to_none or parameter._grad is None:
        parameter._grad = None
    else:
        parameter._grad.detach_().zero_()


def _kind(value: Any) -> str:
    """Name a type as PyTorch's messages do."""
    if isinstance(value, Tensor):
        return value.type()
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
