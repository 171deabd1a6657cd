"""PyTorch as a library that trains, told to a recorder: see `gradviz.training.loop.told`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from gradviz.catalogue import text
from gradviz.pytorch.needs import missing, told
from gradviz.pytorch.numbers import array_of, dtype_text
from gradviz.pytorch.passed import place_among_processes
from gradviz.training.loop.told import Hearer


class TorchLibrary:
    """PyTorch as a library that trains: see `gradviz.training.loop.told.Library`."""

    def __init__(self, *, fused: bool = True) -> None:
        self.fused = fused
        # What stood in the parameters before a step that is made of several moves.
        self.before: dict[int, torch.Tensor] = {}

    def listen(self, hearer: Hearer) -> Callable[[], None]:
        from gradviz.pytorch.following import Following

        following = Following(self, hearer)
        following.__enter__()
        return following.end

    def silent(self) -> str:
        if lack := missing():
            return told(lack)
        rank, count = place_among_processes()
        return text("another rank", "pytorch", rank=rank, count=count) if rank else ""

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor)

    def array(self, tensor: torch.Tensor) -> Any:
        return array_of(tensor)

    def gradient(self, tensor: torch.Tensor) -> Any:
        return None if tensor.grad is None else array_of(tensor.grad)

    def dtype(self, tensor: torch.Tensor) -> str:
        return dtype_text(tensor.dtype)

    def remembered(self, optimizer: Any, tensor: torch.Tensor) -> Mapping[str, Any]:
        if isinstance(optimizer, torch.optim.LBFGS):
            return self._of_all(optimizer, tensor)
        found: Mapping[str, Any] = optimizer.state.get(tensor, {})
        return found

    def _of_all(self, optimizer: torch.optim.LBFGS, tensor: torch.Tensor) -> Mapping[str, Any]:
        """Return the parameter's part of what LBFGS remembers as one vector for all, and what its moves before the last came to."""
        parameters = optimizer.param_groups[0]["params"]
        memory = dict(optimizer.state.get(parameters[0], {}))
        before = self.before.get(id(tensor))
        if before is None:
            return memory
        place = 0
        for other in parameters:
            if other is tensor:
                break
            place += other.numel()
        for name in ("d", "prev_flat_grad"):
            if isinstance(memory.get(name), torch.Tensor):
                memory[name] = memory[name][place : place + tensor.numel()].view_as(tensor)
        memory["d"] = memory.get("d", torch.zeros_like(tensor))
        memory["t"] = torch.as_tensor(memory.get("t", 0.0))
        memory["earlier"] = tensor.detach() - before - memory["t"] * memory["d"]
        return memory

    # --- for who runs a loop himself ------------------------------------------------------------------------------

    def enable_grad(self) -> AbstractContextManager[Any]:
        return torch.enable_grad()

    @contextmanager
    def refusing(self, optimizer: Any, words: str) -> Iterator[None]:
        def refuse(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError(words)

        own = vars(optimizer).get("step")  # a scheduler's, say
        optimizer.step = refuse
        try:
            yield
        finally:
            del optimizer.step
            if own is not None:
                optimizer.step = own

    def random_state(self) -> Any:
        return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def set_random_state(self, state: Any) -> None:
        torch.set_rng_state(state[0])
        if state[1]:
            torch.cuda.set_rng_state_all(state[1])
