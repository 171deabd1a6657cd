"""`Function`: an operation of the user's own, with a backward of the user's own.

The rows of the operations table say in formulas what an operation does to a gradient. A `Function` says it in a method:
``backward`` is called with the gradients of its outputs and returns those of its inputs. In the graph it is a node like
any other.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradviz.autograd.context import LEGACY, FunctionCtx
from gradviz.catalogue import text
from gradviz.engine import advice, inplace, views
from gradviz.engine.core.clock import moment
from gradviz.engine.core.unbroadcast import unbroadcast, unbroadcast_tensor
from gradviz.engine.memory import counter_of
from gradviz.engine.modes import mode, no_grad
from gradviz.engine.node import Node
from gradviz.engine.operation import Operation
from gradviz.engine.tensor import Tensor, edge_of, wrap

__all__ = ["Function", "once_differentiable"]
NOT_RETURNED = (
    "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified "
    "inplace must all be outputs of the Function."
)
NOT_AN_INPUT = (
    "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been mutated should be passed "
    "to ctx.mark_dirty()."
)


class Unused(np.ndarray):
    """The zeros that stand for the gradient of an output that nothing used, so that they can be told from others."""


class FunctionNode(Node):
    """The node of a `Function`. Its derivative is not a formula: it calls ``backward``.

    Attributes
    ----------
    function
        The user's class.
    ctx
        What its forward left.
    takes
        For each argument of forward, whether it was a tensor.
    gives
        For each output of forward, whether it is a tensor.
    """

    function: type[Function]
    rows: dict[Any, Operation]

    def __init__(
        self, ctx: FunctionCtx, arguments: Sequence[Any], keywords: tuple[str, ...], results: Sequence[Any]
    ) -> None:
        self.ctx = ctx
        self.takes = tuple(isinstance(argument, Tensor) for argument in arguments)
        self.gives = tuple(isinstance(result, Tensor) for result in results)
        inputs = tuple(argument for argument in arguments if isinstance(argument, Tensor))
        edges = tuple(edge_of(tensor) for tensor in inputs)
        # Of the outputs the engine needs no more than the shape and dtype: one zero, seen as many.
        blanks = [_blank(result.array) if isinstance(result, Tensor) else _blank(np.zeros(())) for result in results]
        arrays = [tensor.array for tensor in inputs]
        super().__init__(inputs, edges, (*arrays, *blanks), blanks[self.gives.index(True)].shape)
        self.many = len(results) > 1
        self.settings_ = tuple(argument for argument in arguments if not isinstance(argument, Tensor))
        self.operation = self._row(keywords, len(results))

    def _row(self, keywords: tuple[str, ...], outputs: int) -> Operation:
        """Return the words for it in a picture, in place of a row of the table."""
        key = (keywords, self.takes, outputs)
        if key not in self.rows:
            name, names = self.function.__name__, _names(self.function, len(self.takes), keywords)
            inputs = tuple(word for word, tensor in zip(names, self.takes, strict=True) if tensor)
            self.rows[key] = Operation(
                name,
                self.function.forward,
                inputs,
                {},
                tuple(word for word, tensor in zip(names, self.takes, strict=True) if not tensor),
                grad_fn=type(self).__name__,
                symbol=name,
                expression=f"{name}({', '.join(names)})",
                local=dict.fromkeys(inputs, f"{name}_back(grad)"),
                sentence=text("own function", name=name),
                outputs=("result",) if outputs == 1 else tuple(f"result{place}" for place in range(outputs)),
                many=outputs > 1,
            )
        return self.rows[key]

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{type(self).__name__} object at {id(self):#x}>"

    def __getattr__(self, name: str) -> Any:
        # In PyTorch the ctx is the node; here what forward left on the ctx can at least be read from the node.
        if name != "ctx" and hasattr(self.ctx, name):
            return getattr(self.ctx, name)
        return super().__getattr__(name)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that gradients go to next, one for each tensor: of any of them backward might know a derivative."""
        return tuple(edge if edge is not None else (None, 0) for edge in self.edges)

    @property
    def settings(self) -> tuple[Any, ...]:
        """The arguments that are not tensors."""
        return self.settings_

    def saved_names(self) -> list[str]:
        """Return the names of the inputs that were saved."""
        saved = {id(entry.tensor) for entry in self.ctx._saved if entry is not None and entry.tensor is not None}
        return [name for name, given in zip(self.operation.inputs, self.inputs, strict=True) if id(given) in saved]

    def contributions(self, upstream: Any, create_graph: bool = False) -> list[Any]:
        """Call ``backward`` on tensors: without a graph; or with one, and what it does is recorded in its turn."""
        gradients, gives = upstream if self.many else (upstream,), self.ctx.materialize_grads
        if create_graph:
            received = [_received(one.array, gives) if isinstance(one.array, Unused) else one for one in gradients]
        else:
            received = [_received(one, gives) for one in gradients]
        pairs = zip(self._returned(received), self.inputs, strict=True)
        if create_graph:
            return [None if gradient is None else unbroadcast_tensor(gradient, given) for gradient, given in pairs]
        return [
            None if gradient is None else unbroadcast(gradient.array, given.array.shape, given.array.dtype)
            for gradient, given in pairs
        ]

    def _returned(self, received: Sequence[Tensor | None]) -> Iterator[Tensor | None]:
        """Call the user's backward, and return a gradient for each tensor that forward was given, if all is well."""
        if self.values is None:
            raise self.used_twice()
        backward = _backward_of(self.function)
        answer = backward(
            self.ctx, *[gradient if gives else None for gradient, gives in zip(received, self.gives, strict=True)]
        )
        gradients = answer if isinstance(answer, tuple) else (answer,)
        wanted = len(self.takes)
        if len(gradients) < wanted or any(extra is not None for extra in gradients[wanted:]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {wanted}, got "
                f"{len(gradients)})"
            )
        for place, (gradient, tensor) in enumerate(zip(gradients, self.takes, strict=False)):
            if gradient is not None and not tensor:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {place + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            if gradient is not None and not isinstance(gradient, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(gradient).__name__})")
        of_tensors = [gradient for gradient, tensor in zip(gradients, self.takes, strict=False) if tensor]
        for place, (gradient, given) in enumerate(zip(of_tensors, self.inputs, strict=True)):
            if gradient is None or self.edges[place] is None:
                yield None
                continue
            if not _is_stretched(given.shape, gradient.shape):
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {place} - got "
                    f"{list(gradient.shape)} but expected shape compatible with {list(given.shape)}"
                )
            yield gradient

    def release(self) -> None:
        """Drop what was saved. What is kept on the ctx as an attribute stays, as in PyTorch."""
        if self.ctx._saved:
            self.values = None
        self.ctx._saved, self.ctx._freed = (), True


class Function:
    """Base class of operations with a backward of their own.

    A subclass has static methods ``forward(ctx, *args)`` and ``backward(ctx, *grad_outputs)``, and is used by
    ``apply``. What ``backward`` needs is left on `ctx` (see `FunctionCtx`). It gets one gradient for each output and returns
    one for each argument of ``forward``, ``None`` for those that need none.

    Or ``forward(*args)`` goes without a `ctx`, and ``setup_context(ctx, inputs, output)`` fills it afterwards.

    Check yours with `gradviz.autograd.gradcheck`.

    Examples
    --------
    >>> import gradviz as torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * grad_output
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> y = Square.apply(x)
    >>> y
    tensor(9., grad_fn=<SquareBackward>)
    >>> y.backward()
    >>> x.grad
    tensor(6.)

    References
    ----------
    PyTorch, "Extending torch.autograd": https://pytorch.org/docs/stable/notes/extending.html
    """

    _backward_cls: type[FunctionNode]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        members = {"function": cls, "rows": {}, "__module__": __name__}
        cls._backward_cls = type(f"{cls.__name__}Backward", (FunctionNode,), members)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should invoke "
            "them on the class itself. Instantiating an autograd function will raise an error in a future version of "
            "PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise: a function is used by ``apply``."""
        raise RuntimeError(LEGACY)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: a tensor or a tuple. Every subclass has its own."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Fill the `ctx` after a ``forward`` that takes none."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradient of each argument of ``forward``, given the gradients of its outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` on these arguments and record it.

        Raises
        ------
        RuntimeError
            If a leaf that requires a gradient is marked dirty, or a dirty input is not returned.
        """
        separate = _is_separate(cls)
        if separate:
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        arguments = (*args, *kwargs.values())
        ctx = FunctionCtx(tuple(isinstance(given, Tensor) and given._requires_grad for given in arguments))
        started = moment() - 1  # what changes from now on is newer
        with no_grad():
            if separate:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, arguments, result)
            else:
                result = cls.forward(ctx, *args, **kwargs)
        results = result if isinstance(result, tuple) else (result,)
        node = None
        if mode.enabled and any(ctx.needs_input_grad) and any(isinstance(part, Tensor) for part in results):
            _check_dirty(ctx, arguments, results)
            dirty = [id(tensor) for tensor in ctx.dirty_tensors]
            # Where an input is changed, it stands for the output from now on; the graph keeps what it was.
            before = [_as_it_was(given, started) if id(given) in dirty else given for given in arguments]
            node = cls._backward_cls(ctx, before, tuple(kwargs), results)
        outputs = tuple(_output(part, place, node, ctx, arguments) for place, part in enumerate(results))
        if node is not None:
            ctx._seal(node)
        return outputs if isinstance(result, tuple) else outputs[0]


def _backward_of(function: type[Function]) -> Callable[..., Any]:
    """Return the method that the user wrote, under either of its two names."""
    own, alias = function.backward is not Function.backward, function.vjp is not Function.vjp
    if own and alias:
        raise RuntimeError(
            "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one "
            "of them."
        )
    return function.vjp if alias else function.backward


def _names(function: type[Function], count: int, keywords: Sequence[str]) -> list[str]:
    """Name each of `count` arguments as forward does: ``x``, ``weight``; of ``*xs`` each by its place."""
    names: list[str] = []
    by_place = count - len(keywords)
    parameters = list(inspect.signature(function.forward).parameters.values())
    for parameter in parameters if _is_separate(function) else parameters[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names.extend(f"{parameter.name}{place}" for place in range(by_place - len(names)))
        elif len(names) < by_place:
            names.append(parameter.name)
    return [*names, *keywords]


def _is_separate(function: type[Function]) -> bool:
    """Return True if forward takes no ctx, because another method fills it."""
    return function.setup_context is not Function.setup_context


def _check_dirty(ctx: FunctionCtx, arguments: Sequence[Any], results: Sequence[Any]) -> None:
    """Refuse changes in place that the graph could not follow."""
    for tensor in ctx.dirty_tensors:
        if not any(tensor is given for given in arguments):
            warnings.warn(NOT_AN_INPUT, UserWarning, stacklevel=3)
            continue
        if not any(tensor is part for part in results):
            raise RuntimeError(NOT_RETURNED)
        if tensor._requires_grad and tensor._grad_fn is None:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        if tensor._base is not None or views.living_views(tensor):
            raise NotImplementedError(
                "gradviz has no mark_dirty() of a tensor that is a view or has views; supported: a tensor with memory of "
                "its own. Call the function on x.clone(), or return a new tensor"
            )


def _as_it_was(tensor: Tensor, moment: int) -> Tensor:
    """Return a stand-in for an input that forward has changed: the old numbers at the old place in the graph."""
    array = tensor.values_at(moment)
    before = wrap(np.array(tensor.array if array is None else array), tensor._grad_fn, tensor._output_nr)
    before._requires_grad = tensor._requires_grad
    return before


def _output(part: Any, place: int, node: FunctionNode | None, ctx: FunctionCtx, arguments: Sequence[Any]) -> Any:
    """Make one of forward's results an output of the node."""
    if not isinstance(part, Tensor):
        return part
    differentiable = part.array.dtype.kind == "f" and not any(part is tensor for tensor in ctx.non_differentiable)
    if any(part is given for given in arguments):
        if any(part is tensor for tensor in ctx.dirty_tensors):
            inplace.write(part, part.array)  # counted as a change, even if it was made through part.numpy()
        else:
            # One tensor cannot be at two places of the graph: a second one looks at the same memory.
            with no_grad():
                part = part.view_as(part)
    if node is not None and differentiable:
        part._grad_fn, part._requires_grad, part._output_nr = node, True, place
        if part._base is not None:
            part._creation, part._inherits, part._stale = "several" if node.many else "function", False, None
            counter_of(part).tells(part)
    elif part._requires_grad and node is not None:
        part = part.detach()
    return part


def _received(gradient: Any, materialize: bool) -> Tensor | None:
    """Return an upstream gradient as backward gets it."""
    if isinstance(gradient, Unused):
        return wrap(np.asarray(gradient)) if materialize else None
    return wrap(gradient)


def _blank(array: Any) -> np.ndarray[Any, Any]:
    """Return what the engine makes the zeros from, for an output that no gradient comes to."""
    return np.broadcast_to(np.zeros((), array.dtype), array.shape).view(Unused)


def _is_stretched(shape: Sequence[int], gradient: Sequence[int]) -> bool:
    """Return True if a tensor of this shape broadcasts to the gradient's: the engine will sum the copies."""
    try:
        return np.broadcast_shapes(tuple(shape), tuple(gradient)) == tuple(gradient)
    except ValueError:
        return False


class _Error(Function):
    """Passes values through; their gradient is an error."""

    @staticmethod
    def forward(ctx: Any, *values: Any) -> Any:
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError(advice.TWICE)


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a ``backward`` that is not made of recorded operations: to differentiate it again is then an error.

    Without it, such a ``backward`` would be taken for a constant, and second derivatives be wrong in silence.

    Examples
    --------
    >>> import gradviz as torch
    >>> class Exp(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.e = x.exp()
    ...         return ctx.e.clone()
    ...
    ...     @staticmethod
    ...     @torch.autograd.function.once_differentiable
    ...     def backward(ctx, grad_output):
    ...         return ctx.e * grad_output
    """

    @functools.wraps(fn)
    def once(ctx: Any, *gradients: Any) -> Any:
        with no_grad():
            result = fn(ctx, *gradients)
        if not (mode.enabled and any(isinstance(part, Tensor) and part._requires_grad for part in gradients)):
            return result
        parts = result if isinstance(result, tuple) else (result,)
        guarded = _Error.apply(
            *(part.detach().requires_grad_() if isinstance(part, Tensor) else part for part in parts)
        )
        return guarded if isinstance(result, tuple) else guarded[0]

    return once
