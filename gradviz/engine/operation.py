"""The table of operations: one row each, and everything else follows from the row.

A row says how to compute the operation, how to differentiate it, and what a learner should see. From it come the
function (``torch.mul``) and the tensor's method, the ``grad_fn`` class with its name, what is saved for backward and
shown as ``_saved_*``, the gradient check in the tests, the label in a picture and the sentence in the player.

What a formula is, `gradviz.engine.core.operation` says. The arguments and results that it names are watched for changes in
place, and dropped after a backward pass; settings and sizes are no such values.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any

from gradviz import catalogue
from gradviz.engine import dtypes, fast, layout, mixed
from gradviz.engine.arguments import NUMBERS, array_of, is_bool, normal_axes, promoted
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.core import operation as core
from gradviz.engine.core.operation import parameters
from gradviz.engine.fast import operation as quick
from gradviz.engine.memory import counter_of
from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor

TABLE: dict[str, Operation] = {}
"""Every operation, by the name of its ``grad_fn``: two operations may share a name (``max`` of all, ``max`` of a row),
but not a derivative. Those of networks are entered when the first is used, or `table` asks for all."""

BESIDE: dict[str, Operation] = {}
"""Operations, by their own name, that share the name of their ``grad_fn`` with a row of the table."""

FAMILIES: dict[str, Callable[..., Any]] = {}
"""Where there is a row for each number of arguments or results: what makes it when it is first needed."""

FAMILY: dict[str, str] = {}
"""In which module each row stands."""

apply, record = (quick.apply, quick.record) if fast.enabled else (core.apply, core.record)


@dataclass(frozen=True, eq=False, kw_only=True)
class Operation(core.Operation):
    """A row with all that PyTorch shows of it, and a learner should see.

    Attributes
    ----------
    grad_fn
        The name of its node: ``"MulBackward0"``.
    symbol
        What its disc in a picture shows: ``"×"``; or a function of the settings that returns it.
    tensors
        Those settings that are tensors, without a derivative: an index, a mask, a target.
    expression
        The operation as one would write it, in Python's notation over the arguments' names: ``"self * other"``.
    local
        The local derivative for each argument in the same notation. What the upstream gradient is multiplied with;
        or, where it is not a plain product, the whole contribution, with the upstream gradient called ``grad``.
    sentence
        How it passes the gradient on, for someone who sees it for the first time: a text of its own; by default what the
        catalogue says of it.
    cases
        What the catalogue says of it, by case; nothing if its sentence is its own.
    meets
        Of a product, which entries of its two factors (the last two `inputs`) meet: ``"ik,kj->ij"``, as in ``einsum``.
    together
        True when PyTorch computes its derivatives in one function, and saves all that is read for any of them.
    sparing
        True when PyTorch saves no more than what the formulas that will run read, be it one or several that read it.
    function
        What runs it on tensors and records it: takes the `inputs`, then the `settings`.
    member
        Of a family: its name, and which of its operations this is.
    """

    grad_fn: str
    symbol: str | Callable[..., str]
    tensors: tuple[str, ...] = ()
    expression: str = ""
    local: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""
    meets: str = ""
    together: bool = False
    sparing: bool = False
    cases: Mapping[str, str] = field(init=False, repr=False)
    function: Callable[..., Any] = field(init=False, repr=False)
    member: tuple[str, tuple[Any, ...]] | None = field(init=False, repr=False, default=None)

    rule = quick.rule if fast.enabled else core.Operation.rule
    result = cached_property(quick.maker)

    def __post_init__(self) -> None:
        keys = (self.grad_fn.removesuffix("_copy"), self.name.removesuffix("_copy"))
        object.__setattr__(self, "cases", {} if self.sentence else catalogue.cases_of(keys))
        if not self.sentence:
            object.__setattr__(self, "sentence", self.told())

    def told(self, cases: Iterable[str] = (), given: Mapping[str, str] | None = None) -> str:
        """Say how it passes the gradient on, in words of the catalogue; in its own, if it brought some.

        Parameters
        ----------
        cases
            What is the case, the closest first, as in the catalogue.
        given
            What to call its arguments there.
        """
        if not self.cases:
            return self.sentence
        scaled = ("scaled",) if "alpha" in self.settings else ()
        case = next((case for case in (*scaled, *cases) if case in self.cases), "")
        return self.cases[case].format_map({"name": self.name, **(given or {})})

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """For each argument and result that is read, the arguments whose formulas read it."""
        found: dict[str, list[str]] = {}
        for argument, formula in self.derivatives.items():
            for name in parameters(formula)[1:]:
                if name in self.inputs or name in self.outputs or name in self.tensors:
                    found.setdefault(name, []).append(argument)
        return found

    def saved_names(self, wanted: tuple[bool, ...]) -> list[str]:
        """Return the names of what is saved: as in PyTorch all that is read, but for what one unwanted formula alone reads."""
        known = self._saved.get(wanted)
        if known is None:
            needed = {argument for argument, flows in zip(self.inputs, wanted, strict=True) if flows}
            spared = {
                name
                for name, by in self.readers.items()
                if needed.isdisjoint(by)
                and (len(by) == 1 or self.sparing)
                and name not in self.outputs
                and not self.together
            }
            known = self._saved[wanted] = sorted(set(self.readers) - spared)
        return known

    @cached_property
    def saves(self) -> bool | None:
        """True if anything is saved whatever is wanted, False if nothing is, ``None`` if it depends."""
        if not self.readers:
            return False
        read = [any(argument in by for by in self.readers.values()) for argument in self.derivatives]
        return True if all(read) or self.saved_names((False,) * len(self.inputs)) else None

    @cached_property
    def _saved(self) -> dict[tuple[bool, ...], list[str]]:
        return {}

    def refuse(self, inputs: tuple[Any, ...], edges: Sequence[Any]) -> None:
        """Say that a tensor made in inference mode would have to be saved, if so."""
        saved = self.saved_names(tuple(edge is not None for edge in edges))
        for name, argument in zip(self.inputs, inputs, strict=False):
            if name in saved and isinstance(argument, Tensor) and argument._barred:
                raise RuntimeError(argument._barred)

    @cached_property
    def node_type(self) -> type[Node]:
        """The class of its nodes."""
        return type(self.grad_fn, (Node,), {"operation": self, "many": self.many, "__module__": __name__})


def table() -> Mapping[str, Operation]:
    """Return the whole `TABLE`."""
    import_module("gradviz.nn.operations")
    return TABLE


# --- rows ------------------------------------------------------------------------------------------------------------


def row(operation: Operation) -> Operation:
    """Enter an operation into the table; one that a notebook's cell has made takes the place of what the cell made before."""
    module = _module_of_the_row()
    ours = module.startswith("gradviz.")
    if operation.grad_fn in TABLE and (FAMILY[operation.grad_fn] != module or ours):
        raise ValueError(f"two rows are called {operation.grad_fn}")
    if not ours:  # a test checks those
        from gradviz.engine.checking import check

        check(operation)
    TABLE[operation.grad_fn] = operation
    FAMILY[operation.grad_fn] = module
    return operation


def _module_of_the_row() -> str:
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "__main__"))


def unary(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Callable[..., Any],
    derivative: Callable[..., Any],
    *,
    expression: str,
    local: str,
    sentence: str = "",
    to_float: bool = False,
) -> Callable[[Tensor], Tensor]:
    """Add a row for an elementwise operation of one argument, and return its function.

    `to_float` is for those, like ``exp``, that turn integers into floating point.
    """
    operation = row(
        Operation(
            name,
            forward,
            ("self",),
            {"self": derivative},
            grad_fn=grad_fn,
            symbol=symbol,
            expression=expression,
            local={"self": local},
            sentence=sentence,
        )
    )

    def function(input: Tensor) -> Tensor:
        x = input.array
        if to_float and x.dtype.kind != "f":
            x = x.astype(dtypes.get_default_dtype().numpy)
        out = forward(x)
        if out.ndim > 1 and not x.flags.c_contiguous:
            out = layout.follow(out, x)
        return record(operation, (input,), (x, out), out)

    return _named(quick.unary(operation, function) if fast.enabled else function, operation)


def binary(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Callable[..., Any],
    derivatives: Mapping[str, Callable[..., Any]],
    *,
    expression: str,
    local: Mapping[str, str],
    sentence: str = "",
    to_float: bool = False,
    no_bools: Callable[[bool], str] | None = None,
) -> Callable[[Any, Any], Tensor]:
    """Add a row for an elementwise operation of two arguments, with broadcasting and PyTorch's type promotion.

    `no_bools` says why there is none on bools; it is told whether both are.
    """
    operation = row(
        Operation(
            name,
            forward,
            ("self", "other"),
            derivatives,
            grad_fn=grad_fn,
            symbol=symbol,
            expression=expression,
            local=local,
            sentence=sentence,
        )
    )

    def function(input: Any, other: Any) -> Tensor:
        left, right = isinstance(input, Tensor), isinstance(other, Tensor)
        x = input.array if left else array_of(input)
        y = other.array if right else array_of(other)
        # Two float arrays of one dtype, or one and a Python number, need no promotion: nearly every call.
        if right:
            same = left and x.dtype is y.dtype and x.dtype.kind == "f"
        else:
            same = (type(y) is float or type(y) is int) and x.dtype.kind == "f"
        if not same:
            if not isinstance(y, NUMBERS):
                return mixed.declined(y)  # as Python's operators want it: the other side may know what to do
            if no_bools is not None and (bools := [is_bool(x), is_bool(y)]) and any(bools):
                raise RuntimeError(no_bools(all(bools)))
            x, y = promoted(x, y)
            if to_float and x.dtype.kind != "f":
                kind = dtypes.get_default_dtype().numpy
                x, y = x.astype(kind), y.astype(kind)
        try:
            out = forward(x, y)
        except ValueError:
            raise broadcast_error(x, y) from None
        if out.ndim > 1 and not (x if left and x.ndim == out.ndim else y).flags.c_contiguous:
            out = layout.follow(out, x, y)
        return record(operation, (input, other), (x, y, out), out)

    return _named(quick.binary(operation, function) if fast.enabled else function, operation)


def reduction(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Callable[..., Any],
    derivative: Callable[..., Any],
    *,
    expression: str,
    local: str,
    sentence: str = "",
    settings: tuple[str, ...] = (),
) -> Callable[..., Tensor]:
    """Add a row for an operation that reduces axes.

    `forward` takes an array, a tuple of axes and any further `settings`, and keeps the axes at length 1. The function
    returned takes ``(self, dim, keepdim, *settings)``.
    """
    operation = row(
        Operation(
            name,
            forward,
            ("self",),
            {"self": derivative},
            ("dim", "keepdim", *settings),
            grad_fn=grad_fn,
            symbol=symbol,
            expression=expression,
            local={"self": local},
            sentence=sentence,
            reduction=True,
        )
    )

    def function(input: Tensor, dim: Any = None, keepdim: bool = False, *more: Any) -> Tensor:
        x = input.array
        axes = tuple(range(x.ndim)) if dim is None else normal_axes(dim, x.ndim)
        kept = layout.rows(forward(x, axes, *more))
        if keepdim:
            out = kept
        elif len(axes) == x.ndim:
            out = kept.reshape(())[()]  # a NumPy scalar computes ten times as fast as an array without dimensions
        else:
            out = kept.reshape([size for axis, size in enumerate(kept.shape) if axis not in axes])
        return record(operation, (input,), (x, kept, dim, keepdim, *more), out)

    return _named(function, operation)


def general(name: str, grad_fn: str, *args: Any, **words: Any) -> Callable[..., Any]:
    """Add a row for any other operation of fixed arguments and one result; see `unlisted` for the parameters."""
    function = unlisted(name, grad_fn, *args, **words)
    row(function.operation)  # type: ignore[attr-defined]
    return function


def beside(name: str, grad_fn: str, *args: Any, **words: Any) -> Callable[..., Any]:
    """Make an operation that stands beside the table; see `unlisted` for the parameters."""
    if name in BESIDE:
        raise ValueError(f"two operations are called {name}")
    function = unlisted(name, grad_fn, *args, **words)
    BESIDE[name] = function.operation  # type: ignore[attr-defined]
    return function


def family(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say that a function makes operations, one for each of its arguments' values; each is made once."""

    def of(make: Callable[..., Any]) -> Callable[..., Any]:
        @lru_cache(maxsize=64)
        def made(*which: Any) -> Any:
            function = make(*which)
            object.__setattr__(function.operation, "member", (name, which))
            return function

        FAMILIES[name] = made
        return made

    return of


def unlisted(
    name: str,
    grad_fn: str,
    symbol: str | Callable[..., str],
    forward: Callable[..., Any],
    inputs: str,
    derivatives: Mapping[str, Callable[..., Any]],
    *,
    expression: str,
    local: Mapping[str, str],
    sentence: str = "",
    meets: str = "",
    settings: str = "",
    tensors: str = "",
    outputs: str = "result",
    many: bool = False,
    together: bool = False,
    sparing: bool = False,
) -> Callable[..., Any]:
    """Make an operation and its function without entering it into the table.

    `forward` takes the `inputs` as arrays and then the `settings`; both are given as names with spaces between. With
    several `outputs` it returns a tuple, and so does the function. The settings in `tensors` are given as arrays too;
    `watching` notes the tensors that they come from.
    """
    operation = Operation(
        name,
        forward,
        tuple(inputs.split()),
        derivatives,
        tuple(settings.split()),
        grad_fn=grad_fn,
        symbol=symbol,
        tensors=tuple(tensors.split()),
        expression=expression,
        local=local,
        sentence=sentence,
        meets=meets,
        outputs=tuple(outputs.split()),
        many=many,
        together=together,
        sparing=sparing,
    )
    count = len(operation.inputs)

    def function(*arguments: Any) -> Any:
        inputs = tuple(one if isinstance(one, Tensor) else array_of(one) for one in arguments[:count])
        result = apply(operation, inputs, arguments[count:])
        if outputs != "result" and not many and (node := result[0]._grad_fn) is not None:
            # Those that have no gradient do not know the node, which may have saved them.
            for place, tensor in enumerate(result[1:], start=1):
                node.counts(place, counter_of(tensor))
        return result

    if not fast.enabled or outputs != "result" or not derivatives:
        return _named(function, operation)
    return _named((quick.of_one if count == 1 else quick.of_several)(operation, function), operation)


def _named(function: Callable[..., Tensor], operation: Operation) -> Callable[..., Tensor]:
    function.__name__ = function.__qualname__ = operation.name
    function.__module__ = _module_of_the_row()  # a pickle looks for it there, under its name
    function.__doc__ = operation.sentence
    function.operation = operation  # type: ignore[attr-defined]
    object.__setattr__(operation, "function", function)
    return function
