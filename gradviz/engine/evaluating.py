"""What the formulas of the table say, worked out.

The table writes, for learners, what an operation computes and what its gradient is multiplied with. Here those formulas are
computed with NumPy, name by name: a test holds each row to what it prints, and a page can put numbers in a name's place.

In a formula ``a if b else c`` chooses entry by entry, ``.T`` turns the last two axes, and an argument that was not given is
left out of a sum or a comparison. What a function takes by keyword is a setting: needed here, and not printed. A function
that is not known here is the operation itself (``gelu(self)``, in its expression) or its own way back (``put(grad)``, in a
local derivative): a name for what would help nobody if it were written out. Within a formula, axes that are added up stay,
with length 1.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial, reduce
from typing import Any

import numpy as np

from gradviz.engine import gammamath, specialmath
from gradviz.engine.arguments import normal_axes
from gradviz.engine.core.unbroadcast import summed_axes
from gradviz.engine.notation import GRADIENT, is_factor, names_in, without
from gradviz.engine.operation import Operation

Values = Mapping[str, Any]
Array = np.ndarray[Any, Any]


def expression(operation: Operation, values: Values) -> Any:
    """Work out what a row says that it computes.

    Parameters
    ----------
    operation
        The row.
    values
        By name, its arguments as arrays (``None`` where not given) and its settings.

    Examples
    --------
    >>> from gradviz.engine.operation import TABLE
    >>> expression(TABLE["MulBackward0"], {"self": np.array([1.0, 2.0]), "other": np.array(3.0)})
    array([3., 6.])
    """
    given = [values[name] for name in (*operation.inputs, *operation.settings)]
    return evaluated(operation.expression, operation, values, lambda *_, **__: operation.forward(*given))


def contribution(
    operation: Operation, slot: str, grad: Any, values: Values, own: Callable[[str, Any], Any] | None = None
) -> Any:
    """Work out what a row says that it sends to an argument.

    Parameters
    ----------
    operation, slot
        The row, and the argument.
    grad
        The upstream gradient; of a reduction with the axes that were reduced, at length 1.
    values
        By name, the arguments as arrays, the results and the settings.
    own
        What a word that names the operation's own way back stands for, given the word: by default the row's own formula.

    Returns
    -------
    numpy.ndarray
        In the shape of the argument.
    """
    text, shape = operation.local[slot], np.shape(values[slot])
    rule = operation.rules[operation.inputs.index(slot)]
    fields = tuple(values[name] for name in operation.fields)

    def way_back(word: str, *_: Any, **__: Any) -> Any:
        return own(word, grad) if own else rule(grad, fields)

    found = evaluated(text, operation, {**values, GRADIENT: grad}, way_back)
    if not is_factor(text):
        return found
    sent = np.asarray(grad * found)
    return np.reshape(np.add.reduce(sent, summed_axes(sent.shape, shape), keepdims=True), shape)


def local(operation: Operation, slot: str, values: Values) -> Any:
    """Work out a local derivative that the upstream gradient is multiplied with, entry by entry."""
    return evaluated(operation.local[slot], operation, values, None)


def known(name: str) -> bool:
    """Return True for a function that means the same wherever it stands."""
    return name in FUNCTIONS


# --- names that follow from the arguments --------------------------------------------------------------------------------


def averaged(operation: Operation, values: Values) -> tuple[Any, Any]:
    """Return over how many entries, and over how many rows (of what weight), a mean is taken: ``n`` and ``rows``."""
    reduced = values.get("reduction", 1) == 1
    first = values[operation.inputs[0]]
    if "result" in values and operation.reduction:
        return np.size(first) // max(np.size(values["result"]), 1), 1
    rows = np.sum(_weights(values)) if reduced and "target" in operation.settings else 1
    return (max(np.size(first), 1) if reduced else 1), rows or 1


def _weights(values: Values) -> Array:
    """Return how much each target of a classification counts: nothing where it is ignored, else its class's weight."""
    target, weight = values["target"], values.get("weight")
    counts = target != values.get("ignore_index")
    return counts * 1.0 if weight is None else np.where(counts, weight[np.where(counts, target, 0)], 0)


def _derived(name: str, operation: Operation, values: Values) -> Any:
    first = values[operation.inputs[0]]
    if name in ("n", "rows"):
        return averaged(operation, values)[name == "rows"]
    if name == "w":
        weights = _weights(values)
        return 1 if values.get("weight") is None and np.all(weights) else np.expand_dims(weights, _classes(first))
    if name == "ties":
        won = first == values["result"]
        return np.sum(
            won, axis=tuple(i for i, n in enumerate(np.shape(values["result"])) if n == 1) or None, keepdims=True
        )
    if name == "replaced":  # what stands there is the same, whatever stood there before
        rest = [values[other] for other in (*operation.inputs[1:], *operation.settings)]
        before, after = (operation.forward(np.full_like(first, fill), *rest) for fill in (0, 1))
        return before == after
    raise NameError(f"{operation.name} has nothing that is called {name!r}")


def _classes(scores: Any) -> int:
    return 0 if np.ndim(scores) == 1 else 1


# --- functions -------------------------------------------------------------------------------------------------------


def _reducing(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(x: Any, dim: Any = None, keepdim: bool = True) -> Any:
        return ufunc(np.asarray(x), axis=normal_axes(dim, np.ndim(x)), keepdims=keepdim)

    return reduced


def _softmax(x: Any, dim: Any = None) -> Any:
    raised = np.exp(x - _max(x, dim))
    return raised / _sum(raised, dim)


def _spread_of(x: Any, dim: Any = None, correction: float = 0, keepdim: bool = True) -> Any:
    distance = x - _mean(x, dim)
    size = np.size(x) / max(np.size(_sum(x, dim)), 1)
    return _sum(distance**2, dim, keepdim) / max(size - correction, 0)


def _norm(x: Any, dim: Any = None, keepdim: bool = True, ord: float = 2) -> Any:
    if math.isinf(ord):
        return (_max if ord > 0 else _min)(np.abs(x), dim, keepdim)
    return _sum(x != 0, dim, keepdim) if ord == 0 else _sum(np.abs(x) ** ord, dim, keepdim) ** (1 / ord)


def _direction(x: Any, dim: Any = None, ord: float = 2) -> Any:
    """Return how fast the norm of `x` grows with each of its entries."""
    length = _norm(x, dim, True, ord)
    if math.isinf(ord):
        won = np.abs(x) == length
        return np.sign(x) * won / _sum(won, dim)
    return np.sign(x) * (np.abs(x) / np.where(length == 0, 1, length)) ** (ord - 1) if ord else np.zeros_like(x)


def _gelu_slope(x: Any) -> Any:
    inner, steep = (f * math.sqrt(2 / math.pi) for f in (x + 0.044715 * x**3, 1 + 3 * 0.044715 * x**2))
    return (1 + np.tanh(inner)) / 2 + x / 2 * (1 - np.tanh(inner) ** 2) * steep


def _median(x: Any, dim: Any = None, keepdim: bool = True) -> Any:
    """Return the entry in the middle: of an even number the lower of the two."""
    if dim is None or not np.ndim(x):
        numbers = np.sort(x[x == x])
        return numbers[(len(numbers) - 1) // 2]
    found = np.take(np.sort(x, dim), [(np.shape(x)[dim] - 1) // 2], dim)
    return found if keepdim else np.squeeze(found, dim)


def _prod_of_others(x: Any, dim: Any = None) -> Any:
    """Return, for each entry, the product of all others that it is multiplied with."""
    axes = normal_axes(dim, np.ndim(x))
    factors = np.moveaxis(x, axes, range(-len(axes), 0))
    flat = np.reshape(factors, (*factors.shape[: np.ndim(x) - len(axes)], -1))
    without = [np.prod(np.delete(flat, place, -1), -1) for place in range(flat.shape[-1])]
    return np.moveaxis(np.reshape(np.stack(without, -1), factors.shape), range(-len(axes), 0), axes)


def _dirac(places: Any, count: int, axis: int) -> Any:
    return np.moveaxis(np.eye(count)[places], -1, axis)


def _cumulated_back(x: Any, dim: int) -> Any:
    return np.flip(np.cumsum(np.flip(x, dim), dim), dim) if np.ndim(x) else x


def _groups(x: Any, normalized_shape: tuple[int, ...] | None, group: int | None) -> tuple[Array, tuple[int, ...]]:
    """Return what a layer standardises together, as an array and the axes: of a layer, a group, or a channel."""
    if normalized_shape is not None:
        return x, tuple(range(np.ndim(x) - len(normalized_shape), np.ndim(x)))
    if group is not None:
        return np.reshape(x, (np.shape(x)[0], group, -1)), (2,)
    return x, (0, *range(2, np.ndim(x)))


def _standard(
    x: Any,
    eps: float,
    normalized_shape: Any = None,
    group: Any = None,
    training: bool = True,
    mean: Any = None,
    var: Any = None,
) -> Any:
    rows, axes = _groups(x, normalized_shape, group)
    if not training:
        return (x - _per_channel(mean, x)) / np.sqrt(_per_channel(var, x) + eps)
    return np.reshape((rows - _mean(rows, axes)) / np.sqrt(_spread_of(rows, axes) + eps), np.shape(x))


def _sd(
    x: Any,
    eps: float,
    normalized_shape: Any = None,
    group: Any = None,
    training: bool = True,
    mean: Any = None,
    var: Any = None,
) -> Any:
    rows, axes = _groups(x, normalized_shape, group)
    if not training:
        return np.sqrt(_per_channel(var, x) + eps)
    return np.reshape(np.broadcast_to(np.sqrt(_spread_of(rows, axes) + eps), np.shape(rows)), np.shape(x))


def _residual(g: Any, of: Any, eps: float, normalized_shape: Any = None, group: Any = None, **_: Any) -> Any:
    rows, axes = _groups(g, normalized_shape, group)
    standard = _groups(_standard(of, eps, normalized_shape, group), normalized_shape, group)[0]
    return np.reshape(rows - _mean(rows, axes) - standard * _mean(rows * standard, axes), np.shape(g))


def _per_channel(numbers: Any, x: Any) -> Any:
    """Lay a number for each channel along the axis of the channels."""
    return numbers if np.ndim(numbers) == 0 else np.reshape(numbers, (-1, *(1,) * (np.ndim(x) - 2)))


def _solve(a: Any, b: Any, left: bool = True) -> Any:
    """Return the x of ``a @ x == b``; or, on the other side, of ``x @ a == b``."""
    if np.ndim(b) < np.ndim(a):
        return np.linalg.solve(a, b[..., None])[..., 0]
    return np.linalg.solve(a, b) if left else _turned(np.linalg.solve(_turned(a), _turned(b)))


def _times_turned(x: Any, y: Any, of: Any, left: bool = True) -> Any:
    """Return ``x @ y.T``, of a vector for each matrix as of a column; or, on the other side, ``y.T @ x``."""
    if np.ndim(x) < np.ndim(of):
        return x[..., :, None] * y[..., None, :]
    return x @ _turned(y) if left else _turned(y) @ x


def _half(x: Any, dim: int, which: int) -> Any:
    return np.split(x, 2, dim)[which]


def _turned(x: Any) -> Any:
    return np.swapaxes(x, -2, -1) if np.ndim(x) > 1 else x


_sum, _mean, _max, _min, _prod = (
    _reducing(ufunc) for ufunc in (np.add.reduce, np.mean, np.maximum.reduce, np.minimum.reduce, np.multiply.reduce)
)

FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in (
        ["abs", "cos", "cosh", "exp", "floor", "hypot", "isfinite", "isnan", "log", "maximum", "minimum", "pi", "sign", "sin", "sinc", "sinh", "sqrt", "tan", "tanh", "trunc"]
    )},
    **{name: getattr(specialmath, name) for name in (
        ["digamma", "erfcx", "erfinv", "i0", "i0e", "i1", "i1e", "lgamma", "ndtri", "zeta"]
    )},
    "polygamma": lambda n, x: specialmath.polygamma(np.asarray(x), n),
    "gamma_slope": gammamath.gamma_slope,
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan, "atanh": np.arctanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x, beta=1, threshold=math.inf: np.where(beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta),
    "Phi": lambda x: specialmath.erfc(-np.asarray(x) / math.sqrt(2)) / 2,
    "phi": lambda x: np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi),
    "clip": np.clip, "relu": lambda x: np.maximum(x, 0),
    "sum": _sum, "mean": _mean, "max": _max, "min": _min, "prod": _prod,
    "var": lambda x, dim=None, keepdim=True, correction=0: _spread_of(x, dim, correction, keepdim),
    "std": lambda x, dim=None, keepdim=True, correction=0: np.sqrt(_spread_of(x, dim, correction, keepdim)),
    "softmax": _softmax,
    "log_softmax": lambda x, dim=None: np.log(_softmax(x, dim)),
    "logsumexp": lambda x, dim=None, keepdim=True: (
        _max(x, dim, keepdim) + np.log(_sum(np.exp(x - _max(x, dim)), dim, keepdim))
    ),
    "norm": _norm, "direction": _direction, "prod_of_others": _prod_of_others,
    "dist": lambda x, y, p: _norm(x - y, None, False, p),
    "median": _median,
    "nansum": lambda x, dim=None, keepdim=True: _sum(np.where(np.isnan(x), 0, x), dim, keepdim),
    "fmod": np.fmod,
    "maximum": lambda *arrays: reduce(np.maximum, arrays),
    "ones": np.ones_like,
    "zeros": np.zeros_like,
    "identity": lambda x: np.eye(*np.shape(x)),
    "outer": np.multiply.outer,
    "cross": lambda a, b, dim: np.cross(a, b, axis=dim),
    "inv": np.linalg.inv, "pinv": np.linalg.pinv, "det": np.linalg.det,
    "solve": _solve, "times_turned": _times_turned,
    "per_matrix": lambda x: np.asarray(x)[..., None, None],
    "tril": lambda x, diagonal: np.tril(x, diagonal),
    "triu": lambda x, diagonal: np.triu(x, diagonal),
    "gate": lambda x, dim: _half(x, dim, 1), "content": lambda x, dim: _half(x, dim, 0),
    "joined": lambda a, b, dim: np.concatenate([a, b], dim),
    "sum_of_digammas": lambda x, p: sum(specialmath.digamma(np.asarray(x - i / 2)) for i in range(p)),
    "gelu_slope": _gelu_slope,
    "each": lambda g, scores: np.expand_dims(g, _classes(scores)) if np.ndim(g) else g,
    "at_target": lambda scores, target: (
        _dirac(np.where(target < 0, 0, target), np.shape(scores)[_classes(scores)], _classes(scores)) > 0
    ),
    "cumsum_T": _cumulated_back,
    "logcumsumexp": lambda x, dim: np.logaddexp.accumulate(x, dim) if np.ndim(x) else x,
    "standard": _standard, "sd": _sd, "residual": _residual, "per_channel": _per_channel,
    "sum_positions": lambda g: np.sum(g, axis=(0, *range(2, np.ndim(g)))) if np.ndim(g) > 1 else g,
    "turned": _turned,
    "chosen": np.where,
}  # fmt: skip
"""What each function of the formulas computes."""


# --- working a formula out -----------------------------------------------------------------------------------------------


def evaluated(text: str, operation: Operation, values: Values, own: Callable[..., Any] | None) -> Any:
    """Work a formula out, or a part of it.

    Parameters
    ----------
    text
        The formula.
    operation, values
        The row, and by name what its names stand for.
    own
        What a function that is not known here gives; it is told its name, and what it is called with.

    Raises
    ------
    NameError
        If the formula has a name that nothing is known of.
    """
    absent = frozenset(name for name, value in values.items() if value is None)
    code, names, called = _compiled(text, absent)
    scope: dict[str, Any] = {"turned": _turned, "chosen": np.where}
    for name in names:
        if name in called:
            scope[name] = FUNCTIONS[name] if name in FUNCTIONS else partial(own, name) if own else None
        elif name in values:
            scope[name] = values[name]
        else:
            scope[name] = FUNCTIONS[name] if name in FUNCTIONS else _derived(name, operation, values)
    with np.errstate(all="ignore"):
        return eval(code, scope)


@lru_cache(maxsize=1024)
def _compiled(text: str, absent: frozenset[str]) -> tuple[Any, frozenset[str], frozenset[str]]:
    """Compile a formula for arrays, without the arguments that were not given."""
    tree = ast.parse(text, mode="eval")
    called = frozenset(
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    tree.body = _ForArrays().visit(without(tree.body, absent))
    return compile(ast.fix_missing_locations(tree), text, "eval"), names_in(text), called


class _ForArrays(ast.NodeTransformer):
    """Let choices, comparisons of three, and ``.T`` work on arrays."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        return _call("chosen", node.test, node.body, node.orelse)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        pairs = [ast.Compare(sides[i], [sign], [sides[i + 1]]) for i, sign in enumerate(node.ops)]
        found: ast.expr = pairs[0]
        for pair in pairs[1:]:
            found = ast.BinOp(found, ast.BitAnd(), pair)
        return found

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        return _call("turned", node.value)


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
