"""How much an expression on the command line may take: it is looked at before it is computed.

Nobody means ``9**9**9`` or ``ones(10**12)``; a machine that tries is lost. Every operator, call and index of an expression
goes through here, and what would be too large is refused in a sentence.

How much an operation makes is told by the tables here, of what makes much of few or takes no more than its arguments, and by
`extent`, of the rows of the engine's table. Whatever none of them knows is taken to make as much as such a function may.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

import numpy as np

from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor
from gradviz.recording import extent
from gradviz.usage import UsageError

MOST_ENTRIES = 10_000_000
"""Larger tensors are refused."""

MOST_BITS = 10_000
"""Larger integers are refused."""

NUMBERS = Tensor | int | float | complex

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
    "MatMult": operator.matmul,
    "LShift": operator.lshift,
    "RShift": operator.rshift,
    "BitAnd": operator.and_,
    "BitOr": operator.or_,
    "BitXor": operator.xor,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
}


def bounded(tree: ast.Expression) -> ast.Expression:
    """Let `MEANINGS` compute the operators, calls and indices of an expression.

    It goes through the tree in a loop, for that may be nested deeply.
    """

    def through(node: Any) -> Any:
        options: list[ast.keyword] = []
        if isinstance(node, ast.BinOp):
            kind = ast.copy_location(ast.Constant(type(node.op).__name__), node)
            name, arguments = "_operate", [kind, node.left, node.right]
        elif isinstance(node, ast.Compare):
            kind = ast.copy_location(ast.Constant(type(node.ops[0]).__name__), node)
            name, arguments = "_operate", [kind, node.left, node.comparators[0]]
        elif isinstance(node, ast.Call):
            name, arguments, options = "_call", [node.func, *node.args], node.keywords
        elif isinstance(node, ast.Subscript):
            name, arguments = "_index", [node.value, node.slice]
        elif isinstance(node, ast.Slice):
            nothing = ast.copy_location(ast.Constant(None), node)
            name, arguments = "_slice", [each or nothing for each in (node.lower, node.upper, node.step)]
        else:
            return node
        function = ast.copy_location(ast.Name(name, ast.Load()), node)
        return ast.copy_location(ast.Call(function, arguments, options), node)

    for node in reversed(list(ast.walk(tree))):  # the inner ones first
        for field, child in ast.iter_fields(node):
            setattr(node, field, [through(each) for each in child] if isinstance(child, list) else through(child))
    return tree


def operate(name: str, left: Any, right: Any) -> Any:
    """Compute one operator, named as Python's syntax trees do, if what comes out is small enough to be meant."""
    if isinstance(left, int) and isinstance(right, int):
        bits = {"Pow": left.bit_length() * right, "LShift": left.bit_length() + right}.get(name, 0)
        if bits > MOST_BITS:
            raise UsageError(f"a whole number in it would have more than {MOST_BITS * 3 // 10:,} digits")
    elif not isinstance(left, NUMBERS) or not isinstance(right, NUMBERS):
        words = not_a_number(left) or not_a_number(right)
        raise UsageError(
            words or "its operators take numbers and tensors only; a list becomes a tensor with tensor([...])"
        )
    else:
        _check(_together(name, left, right))
    return OPERATORS[name](left, right)


def not_a_number(value: Any) -> str:
    """Say what has been forgotten where a function, or several results, stand for a number; ``""`` for all else."""
    if callable(value) and not isinstance(value, Tensor):
        name = getattr(value, "__name__", "it")
        return f"{name} is a function, and is called with parentheses: {name}()"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        name = type(value).__name__
        meant = {"max": "; the larger of w and 0 is relu(w)", "min": "; the smaller of w and 0 is clamp(w, max=0)"}.get(
            name, ""
        )
        return f"{name}() has several results: take one, as in {name}(...).{value._fields[0]}{meant}"
    if isinstance(value, tuple | list) and any(isinstance(each, Tensor) for each in value):
        return "it is several tensors: take one, as in (...)[0], or join them with stack([...])"
    return ""


def index(value: Any, key: Any) -> Any:
    """Take a part of a tensor, or of several, by an index or several."""
    if isinstance(value, Tensor):
        parts = [
            part.array if isinstance(part, Tensor) else part for part in (key if isinstance(key, tuple) else (key,))
        ]
        with suppress(ValueError, IndexError, TypeError):  # the index itself has better words for it
            _check(extent.of_index(value.shape, parts))
    return value[key]


def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function, if what it makes is small enough to be meant."""
    name, around = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    package = str(getattr(function, "__module__", "")).partition(".")[0]
    if package != "gradviz" and not isinstance(around, Tensor | Size):
        raise UsageError("it calls gradviz's functions and the methods of tensors only")
    given = (around, *arguments) if isinstance(around, Tensor) else arguments
    entries = None
    with suppress(TypeError, ValueError, ArithmeticError):  # the function itself has better words for wrong arguments
        entries = _entries(name, given, options)
        _check(0 if entries is None else entries)
    if entries is None and _careful(given, options) > MOST_ENTRIES:
        raise UsageError(
            f"{name}() may need more than {MOST_ENTRIES:,} entries for arguments such as these; a script may have larger ones"
        )
    made = function(*arguments, **options)
    for each in made if isinstance(made, tuple | list) else (made,):
        if isinstance(each, Tensor):
            _check(each.numel())
    return made


MEANINGS = {"_operate": operate, "_call": call, "_index": index, "_slice": slice}
"""What `bounded` calls, by the names that it writes."""


def _check(entries: float) -> None:
    if entries > MOST_ENTRIES:
        raise UsageError(f"a tensor in it would have more than {MOST_ENTRIES:,} entries; a script may have larger ones")


# --- how many entries ------------------------------------------------------------------------------------------------


def _entries(name: str, given: Sequence[Any], options: dict[str, Any]) -> float | None:
    """Count the entries that a function makes, or return ``None`` if nobody knows."""
    name = name.removesuffix("_")  # changes its first argument in place
    if name in ENTRIES:
        return ENTRIES[name](*given, **options)
    name = ALIASES.get(name, name)
    if name in MORE or (name in ("cat", "stack") and isinstance(given[0], Tensor)):  # which is taken to pieces
        return None
    return extent.of_shapes(name, _shapes(*given, **options))


def _parts(values: Any) -> Iterator[Any]:
    """Walk through what is in lists and tuples; an expression is too short for deep ones."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from _parts(value)
        else:
            yield value


def _shapes(*values: Any, **options: Any) -> list[tuple[int, ...]]:
    return [value.shape for value in _parts((*values, *options.values())) if isinstance(value, Tensor)]


def _stretched(*values: Any, **options: Any) -> int:
    """Count the entries of all tensors stretched to one shape."""
    return math.prod(map(max, zip_longest(*(shape[::-1] for shape in _shapes(*values, **options)), fillvalue=1)))


def _careful(given: Sequence[Any], options: dict[str, Any]) -> float:
    """Count as if each entry met each other one, as often as all numbers say: a size, a padding, a class that is counted to."""
    tensors, times = 0, 1.0
    for value in _parts((*given, *options.values())):
        number = value
        if isinstance(value, Tensor):
            tensors += value.numel()
            number = int(np.abs(value.array).max()) if value.numel() and value.array.dtype.kind in "iu" else 1
        if isinstance(number, int | float):
            times *= min(max(abs(number), 1), 1e30)
    return times * max(tensors, 1) ** 2


def _together(name: str, *values: Any) -> float:
    """Count the entries of what an operator makes of several tensors."""
    shapes = [value.shape for value in values if isinstance(value, Tensor)]
    try:
        if name == "MatMult":
            return extent.of_shapes("mm", shapes) or 0
        return math.prod(np.broadcast_shapes(*shapes))
    except (ValueError, TypeError):  # the operation itself has better words for it
        return 0


def _pairs(*values: Any, **options: Any) -> int:
    """Count the entries of what has one for each choice of an entry from each tensor."""
    shapes = _shapes(*values, **options)
    return math.prod(map(math.prod, shapes)) * len(shapes)


def _choices(input: Tensor, r: int = 2, with_replacement: bool = False) -> float:
    """Count what ``combinations`` lays out: each choice in each order."""
    return float(input.numel()) ** r * r


def _letters(equation: str, *operands: Any) -> int:
    """Count the products of an ``einsum``: one for each choice of a place along each letter."""
    lengths: dict[str, int] = {}
    for letters, operand in zip(equation.partition("->")[0].replace(" ", "").split(","), _parts(operands), strict=True):
        if len(letters) != operand.dim():  # it has an ellipsis
            return _pairs(*operands)
        lengths.update(zip(letters, operand.shape, strict=True))
    return math.prod(lengths.values())


def _of_linear(input: Tensor, weight: Tensor, bias: Any = None) -> int:
    return input.numel() // max(input.shape[-1], 1) * weight.shape[0]


def _normed(input: Tensor, normalized_shape: Any, *arguments: Any, **options: Any) -> float:
    return max(input.numel(), _sizes(normalized_shape))


def _sizes(*arguments: Any, **options: Any) -> float:
    """Multiply the sizes, which are given as a tuple, or as so many numbers."""
    given = [*arguments, *options.values()]
    whole = next((each for each in given if isinstance(each, tuple | list)), given)
    if any(isinstance(each, Tensor) for each in whole):
        raise TypeError("a size is a number")
    return math.prod(each for each in whole if type(each) in (int, float))


def _new_sizes(input: Tensor, *arguments: Any, **options: Any) -> float:
    return _sizes(*arguments, **options)


def _times(input: Tensor, *arguments: Any, **options: Any) -> float:
    """Multiply as many entries as there are with the sizes."""
    return input.numel() * _sizes(*arguments, **options)


def _span(start: float, end: float | None = None, step: float = 1, **options: Any) -> float:
    first, last = (0, start) if end is None else (start, end)
    return (_number(last) - _number(first)) / _number(step)


def _number(value: Any) -> float:
    if not isinstance(value, int | float):
        raise TypeError("a size is a number")
    return value


def _named(names: str, entries: Callable[..., float]) -> Iterable[tuple[str, Callable[..., float]]]:
    return ((name, entries) for name in names.split())


ENTRIES: dict[str, Callable[..., float]] = dict(
    [
        *_named("ones zeros empty full rand randn randint normal", _sizes),
        *_named("expand broadcast_to new_ones new_zeros new_empty new_full", _new_sizes),
        *_named("repeat tile", _times),
        *_named("outer ger kron meshgrid cartesian_prod tensordot", _pairs),
        *_named("linspace logspace", lambda start, end, steps, **options: _number(steps)),
        *_named("arange range", _span),
        ("randperm", lambda n, **options: _number(n)),
        ("eye", lambda n, m=None, **options: _number(n) * _number(n if m is None else m)),
        ("combinations", _choices),
        ("einsum", _letters),
        ("linear", _of_linear),
        *_named("layer_norm rms_norm", _normed),
        *_named(
            "absolute adjoint all any alpha_dropout arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin "
            "argsort argwhere as_tensor asarray atleast_1d atleast_2d atleast_3d backward binary_cross_entropy_with_logits "
            "bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bool broadcast_tensors "
            "clip contiguous copy cosine_embedding_loss cosine_similarity count_nonzero cpu cross cross_entropy detach dim "
            "divide double dropout dropout1d dropout2d dropout3d dsplit eq empty_like equal expand_as feature_alpha_dropout "
            "feature_dropout fix flatten fliplr flipud float float_power full_like gaussian_nll_loss gcd ge greater "
            "greater_equal gt gumbel_softmax half hinge_embedding_loss instance_norm int is_complex is_floating_point "
            "is_nonzero is_tensor isclose isfinite isinf isnan isneginf isposinf isreal item kl_div l1_loss lcm le less "
            "less_equal logical_and logical_not logical_or logical_xor logsigmoid long lt manual_seed margin_ranking_loss "
            "moveaxis movedim msort multilabel_soft_margin_loss multiply nanmean narrow ne negative nonzero "
            "normalize not_equal numel ones_like pairwise_distance poisson_nll_loss positive rand_like randint_like "
            "randn_like ravel relu6 requires_grad reshape_as scalar_tensor selu signbit size softmin softsign square subtract "
            "swapaxes swapdims tanhshrink tensor trapezoid trapz triplet_margin_loss true_divide type_as unflatten unique "
            "view_as zero zeros_like",
            _stretched,
        ),
    ]
)
"""How many entries a function makes of its arguments: those that make many of few, and those beside the table that do not."""

MORE = {
    "bernoulli", "cauchy", "exponential", "fractional_max_pool2d", "fractional_max_pool3d", "geometric",
    "histogram", "index_put", "log_normal", "normal", "random", "renorm", "split", "unbind", "uniform",
}  # fmt: skip
"""Operations that make a tensor of each piece, or whose functions do more on the way to the row than the row does."""

ALIASES = {
    "matmul": "mm",
    **dict.fromkeys(("concat", "concatenate", "hstack", "vstack", "dstack", "column_stack", "row_stack"), "cat"),
}
"""Functions that make as much as the row of another name."""
