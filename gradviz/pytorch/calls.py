"""Which module is running, while a watch lasts."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from gradviz.engine.scope import Call, ModuleTag, label


class Calls:
    """The modules that run in one thread.

    Attributes
    ----------
    current
        The innermost call, ``None`` outside of any module.
    composed
        Whether recurrent layers are to run as single operations, gate by gate.
    """

    def __init__(self, *, composed: bool) -> None:
        self.current: Call | None = None
        self.composed = composed
        self._tags: dict[int, ModuleTag] = {}
        self._modules: dict[int, torch.nn.Module] = {}  # as long as their tags are, or an id may become another's
        self._running: list[tuple[torch.nn.Module, Call | None, tuple[bool, bool] | None]] = []
        self._thread = threading.get_ident()
        self._handles: list[Any] = []

    def start(self) -> None:
        """Listen to the calls of all modules."""
        self._handles = [
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        ]

    def stop(self) -> None:
        """Listen no more, and put back what was switched for calls that are still running."""
        for handle in self._handles:
            handle.remove()
        while self._running:
            self._end()

    def tag(self, module: torch.nn.Module) -> ModuleTag:
        """Return what stands for a module."""
        known = self._tags.get(id(module))
        if known is None:
            name, has_parameters = type(module).__name__, next(module.parameters(), None) is not None
            known = self._tags[id(module)] = ModuleTag(name, label(name, module.extra_repr()), has_parameters)
            self._modules[id(module)] = module
        return known

    def tags(self) -> dict[int, ModuleTag]:
        """Return the tags of the modules that ran, by the modules' ids."""
        return dict(self._tags)

    def modules(self) -> dict[int, torch.nn.Module]:
        """Return the modules that ran, by their tags' ids."""
        return {id(tag): self._modules[key] for key, tag in self._tags.items()}

    def _enter(self, module: torch.nn.Module, args: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        flags = None
        if self.composed and isinstance(module, torch.nn.RNNBase):
            flags = torch._C._get_mkldnn_enabled(), torch._C._get_cudnn_enabled()
            torch._C._set_mkldnn_enabled(False)
            torch._C._set_cudnn_enabled(False)
        self._running.append((module, self.current, flags))
        self.current = Call(self.tag(module), self.current)

    def _leave(self, module: torch.nn.Module, args: Any, result: Any) -> None:
        if threading.get_ident() != self._thread or all(module is not running for running, _, _ in self._running):
            return
        while self._end() is not module:  # what an error ended without telling
            pass

    def _end(self) -> torch.nn.Module:
        module, self.current, flags = self._running.pop()
        if flags is not None:
            torch._C._set_mkldnn_enabled(flags[0])
            torch._C._set_cudnn_enabled(flags[1])
        return module
