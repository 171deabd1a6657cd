"""What a function of a program's own keeps between its two halves: ``ctx``."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from gradviz.engine import advice, dtypes, inplace
from gradviz.engine.memory import counter_of
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["FunctionCtx"]

if TYPE_CHECKING:
    from gradviz.autograd.function import FunctionNode

LEGACY = (
    "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function with "
    "static forward method. (Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
)


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved tensors, and any attribute you like to set.

    Attributes
    ----------
    needs_input_grad
        For each argument of ``forward``, whether its gradient is wanted; where it is not, ``backward`` may return
        ``None`` and spare the work.

    References
    ----------
    PyTorch, "Extending torch.autograd": https://pytorch.org/docs/stable/notes/extending.html
    """

    to_save: tuple[Tensor | None, ...] = ()
    dirty_tensors: tuple[Tensor, ...] = ()
    non_differentiable: tuple[Tensor, ...] = ()
    materialize_grads = True

    _saved: tuple[Saved | None, ...] = ()
    _freed = False
    # The node holds the ctx; if the ctx held the node, neither would be freed when the last tensor is gone.
    _node: weakref.ref[FunctionNode] | None = None

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs (or ``None``) for ``backward``, where they are `saved_tensors`.

        Tensors saved so are freed after the backward pass, and a change in place to them is noticed.
        """
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Do nothing: it serves ``jvp`` in forward mode, which gradviz does not have."""

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs ``forward`` has changed in place. They have to be among its outputs."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which outputs have no gradient, such as places or counts. ``backward`` gets zeros for them."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Say what ``backward`` gets for an output that nothing used: zeros (the default), or with False ``None``."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors given to `save_for_backward`, with the graph that made them.

        Raises
        ------
        RuntimeError
            If a backward pass has freed them, or one was changed in place since.
        """
        node = None if self._node is None else self._node()
        if node is None:
            return ()  # forward is still running
        if self._freed:
            raise node.used_twice()
        return tuple(None if saved is None else saved.unpack(node) for saved in self._saved)

    def _seal(self, node: FunctionNode) -> None:
        """After forward: keep what is needed, and drop what would hold on to the outputs, which hold the node."""
        for place, tensor in enumerate(self.to_save):
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {place} is of type "
                    f"{type(tensor).__name__}"
                )
        self._node = weakref.ref(node)
        self._saved = tuple(None if tensor is None else Saved(tensor, node) for tensor in self.to_save)
        self.to_save = self.dirty_tensors = self.non_differentiable = ()


class Saved:
    """A tensor kept for ``backward``; of the function's own output only the array, since the tensor holds the node."""

    __slots__ = ("array", "count", "counter", "output_nr", "tensor")

    def __init__(self, tensor: Tensor, node: FunctionNode) -> None:
        self.tensor = None if tensor._grad_fn is node else tensor
        self.array, self.output_nr = tensor.array, tensor._output_nr
        self.counter = counter_of(tensor)
        self.count = self.counter.count

    def unpack(self, node: FunctionNode) -> Tensor:
        """Return the tensor, if it is still what it was."""
        tensor = wrap(self.array, node, self.output_nr) if self.tensor is None else self.tensor
        if self.counter.count != self.count:
            source = tensor._grad_fn
            which = "" if source is None else f", which is output {tensor._output_nr} of {inplace.plain_name(source)},"
            kind = dtypes.tensor_type_name(tensor.dtype)
            shape = list(tensor.shape)
            raise RuntimeError(
                advice.modified(kind, shape, which, self.counter.count, self.count, node, self.counter.origin)
            )
        return tensor
