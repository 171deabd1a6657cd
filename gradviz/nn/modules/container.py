"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradviz.nn.module import Module

__all__ = [
    "Sequential",
]  # fmt: skip


class Sequential(Module):
    """Modules one after the other."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        """Pass the input through all of them."""
        for module in self.children():
            input = module(input)
        return input

    def __getitem__(self, index: int | slice) -> Module:
        parts = list(self.children())
        return Sequential(*parts[index]) if isinstance(index, slice) else parts[index]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()
