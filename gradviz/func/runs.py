"""One call of a function whose derivative is wanted, and what comes back through its graph."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.engine import mixed
from gradviz.engine.backward import grad as gradients_of
from gradviz.engine.modes import enable_grad, is_grad_enabled
from gradviz.engine.node import AccumulateGrad
from gradviz.engine.tensor import Tensor, wrap
from gradviz.func.trees import Function, Tree, leaves_of, map_leaves, places_of, rebuilt

# --- a function that is differentiated -------------------------------------------------------------------------------


class Run:
    """A function that was run on fresh inputs, recorded.

    Attributes
    ----------
    inputs
        The fresh tensors it is differentiated with respect to, and `outputs` its results, as flat lists.
    output, aux
        What it returned.
    wanted
        Whether someone outside records.
    """

    def __init__(
        self,
        func: Function,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        argnums: int | tuple[int, ...] | None,
        has_aux: bool,
        name: str,
    ) -> None:
        self.name = name
        self.wanted = is_grad_enabled()
        self.level = _Level()
        with enable_grad(), self.level:
            chosen = range(len(args)) if argnums is None else places_of(argnums, len(args))
            fresh = {place: map_leaves(self._fresh, args[place]) for place in chosen}
            # What the chosen arguments looked like: one tree, or a tuple of trees.
            self.form: Tree = fresh[chosen[0]] if isinstance(argnums, int) else tuple(fresh[place] for place in chosen)
            self.inputs: list[Tensor] = leaves_of(self.form)
            result = func(*[fresh.get(place, argument) for place, argument in enumerate(args)], **kwargs)
        self.aux: Any = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True")
            result, self.aux = result
        self.output: Tree = result
        self.outputs: list[Any] = leaves_of(result)

    def _fresh(self, given: Any) -> Tensor:
        """Return a tensor with the same numbers, at the end of a graph of its own, or of the one outside."""
        if not isinstance(given, Tensor):
            words = f"Thing passed to transform API must be Tensor, got {type(given)}"
            raise ValueError(mixed.explained(words, given))
        if given.requires_grad and self.wanted:
            return given.view_as(given)
        return self.level.mark(given.detach().requires_grad_())

    def check_output(self) -> None:
        """Refuse outputs that are not tensors."""
        if not self.outputs or self.output is None:
            raise RuntimeError(
                f"{self.name}: Expected f to be a function that has non-empty output (got output = {self.outputs})"
            )
        for output in self.outputs:
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"{self.name}: expected f(*primals) to return only tensors, got unsupported type {type(output)}"
                )

    def pull_back(
        self, cotangents: Sequence[Tensor], retain_graph: bool = True, create_graph: bool | None = None
    ) -> list[Tensor]:
        """Send gradients of the outputs back to the inputs; zeros arrive where nothing depends on an input."""
        if create_graph is None:
            create_graph = is_grad_enabled() and (
                self.depends_on_outside or any(start.requires_grad for start in cotangents)
            )
        found = pulled(self.outputs, self.inputs, cotangents, retain_graph, create_graph)
        return [self.settled(gradient) for gradient in found]

    def shaped(self, parts: Iterable[Any]) -> Tree:
        """Put one thing for each input into the form of the chosen arguments."""
        return rebuilt(self.form, parts)

    def settled(self, tree: Tree) -> Tree:
        """Return results without a graph, unless it leads to something outside."""
        return map_leaves(self._settle, tree)

    def _settle(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        return value if self.wanted and _reaches_outside(value) else value.detach()

    @functools.cached_property
    def depends_on_outside(self) -> bool:
        """Whether any output could be differentiated with respect to something outside."""
        return any(map(_reaches_outside, self.outputs))


class _Level:
    """One depth of transformations, by which the leaves that were made for it are known."""

    def __init__(self) -> None:
        self.running = False

    def __enter__(self) -> None:
        self.running = True

    def __exit__(self, *exc: object) -> None:
        self.running = False

    def mark(self, leaf: Tensor) -> Tensor:
        """Let a leaf be known as made for this level."""
        leaf._level = self  # type: ignore[attr-defined]
        return leaf


def _reaches_outside(tensor: Tensor) -> bool:
    """Return True if a tensor's graph leads to a leaf whose gradient someone can still ask for.

    Such are the user's own, and those of the transformations around whose function is running. Those of a function that
    has run are nobody's.
    """
    if not tensor.requires_grad:
        return False
    seen: set[Any] = set()
    waiting: list[Any] = [tensor.gradient_edge()[0]]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if not isinstance(node, AccumulateGrad):
            waiting.extend(edge[0] for edge in node.edges if edge is not None)
            continue
        level = getattr(node.variable, "_level", None)
        if level is None or level.running:
            return True
    return False


class Linear:
    """A run as a linear function of the directions of its inputs: its Jacobian, to be multiplied from the right.

    Forward mode would carry a direction along with the values. Here the way back, which is linear in the gradients it starts
    from, is differentiated with respect to those: reverse over reverse.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        with enable_grad():
            self.starts = [run.level.mark(wrap(np.zeros_like(output.array))) for output in run.outputs]
            for output, start in zip(run.outputs, self.starts, strict=True):
                start.requires_grad_(output.is_floating_point())
            self.back = pulled(run.outputs, run.inputs, self.starts, True, True)
        self.depends_on_outside = any(map(_reaches_outside, self.back))

    def push_forward(self, tangents: Sequence[Tensor]) -> list[Tensor]:
        """Return the change of each output for a direction of the inputs."""
        run = self.run
        for given, tangent in zip(run.inputs, tangents, strict=True):
            if given.shape != tangent.shape:
                raise RuntimeError(
                    "Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                    f"not supported. Tensor is of size {list(given.shape)} while the given forward gradient is of size "
                    f"{list(tangent.shape)}."
                )
        record = is_grad_enabled() and (self.depends_on_outside or any(tangent.requires_grad for tangent in tangents))
        changing = [start for start in self.starts if start.requires_grad]
        found = iter(pulled(self.back, changing, tangents, True, record))
        return [run.settled(next(found)) if start.requires_grad else start for start in self.starts]


def pulled(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    starts: Sequence[Tensor],
    retain_graph: bool,
    create_graph: bool,
) -> list[Tensor]:
    """Do as ``autograd.grad``, where outputs may be constant; zeros where nothing depends on an input."""
    pairs = [(output, start) for output, start in zip(outputs, starts, strict=True) if output.requires_grad]
    if not pairs or not inputs:
        return [wrap(np.zeros_like(given.array)) for given in inputs]
    changing, seeds = zip(*pairs, strict=True)
    found = gradients_of(
        changing, inputs, seeds, retain_graph=retain_graph, create_graph=create_graph, materialize_grads=True
    )
    return [gradient for gradient in found if gradient is not None]


def basis_of(tensor: Tensor) -> list[Tensor]:
    """Return the tensors of a shape that are 1 in one entry, and 0 in the others."""
    array = tensor.array
    return [wrap(one) for one in np.eye(array.size, dtype=array.dtype).reshape(array.size, *array.shape)]


def transposed_rows(rows: Sequence[Sequence[Tensor]], count: int) -> list[tuple[Tensor, ...]]:
    """Swap rows and columns; `count` says how many columns there are, should there be no rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * count
