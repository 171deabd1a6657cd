"""From an expression on the command line to a tensor, within bounds of time and memory."""

from __future__ import annotations

import ast
import difflib
import linecache
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

import gradviz
from gradviz.bounds import MEANINGS, OPERATORS, bounded, not_a_number
from gradviz.engine.tensor import Tensor
from gradviz.usage import UsageError, in_short

# What an expression may be made of. It is the user's own text, but it may have been copied from anywhere.
_ALLOWED = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.Call,
    ast.keyword,
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.expr_context,
)

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}

MODULES = (
    "torch",
    "F",
    "nn.functional",
    "torch.nn.functional",
    "gradviz",
    "gv",
    "gradviz.nn.functional",
    "gv.nn.functional",
)
"""What PyTorch's functions are written with in a script."""

LONGEST = 2000
"""Longer expressions are refused: Python's own parser recurses over them."""

POWER = "a power is written `**` in Python, as in w**2; `^` is the exclusive or of bits"

PRODUCT = "a product is written with `*`, as in 2*w"
TOO_LARGE = "a number in it is too large; the largest in a tensor is 3.4e38"


def evaluate(expression: str, values: Mapping[str, Any]) -> Tensor:
    """Compute an expression such as ``w*x + b`` or ``relu(x @ w).sum()``.

    Parameters
    ----------
    expression
        Python's notation, with gradviz's functions by their bare names.
    values
        The names that may be used.

    Raises
    ------
    UsageError
        If it is not an expression, uses an unknown name, has no use for a value, or cannot be computed.
    """
    used, made = _compute(expression, values)
    idle = [name for name in values if name not in used]
    if idle:
        there = (
            f"its variables are {', '.join(sorted(used & set(values)))}"
            if used & set(values)
            else "it has no variables"
        )
        raise UsageError(f"there is no {idle[0]} in {expression!r} ({there})")
    return as_tensor(
        made, expression, 'numbers alone have no gradients: write a name and give it a value, as in "w*4" w=3'
    )


def parse_value(name: str, text: str, requires_grad: bool) -> Tensor:
    """Read a value given for a name: a number, nested lists, or a call such as ``randn(3, 2)``.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    if not name.isidentifier():
        raise UsageError(f"{name!r} is not a name; give values as name=value, for example w=2")
    _, made = _compute(text, {}, name)
    try:
        # gradients need floating point, so w=2 means 2.0
        tensor = (
            made.detach().to(gradviz.float32) if isinstance(made, Tensor) else gradviz.tensor(made).to(gradviz.float32)
        )
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise UsageError(
            f"cannot read {name}={text}: give a number or lists of numbers, as in {name}=2 or {name}='[1, 2]'"
        ) from None
    if not isinstance(made, Tensor) and (np.isinf(tensor.array) & ~np.isinf(np.asarray(made, np.float64))).any():
        raise UsageError(f"{name}={text}: {TOO_LARGE}")
    return tensor.requires_grad_(requires_grad)


def _compute(text: str, values: Mapping[str, Any], name: str | None = None) -> tuple[set[str], Any]:
    """Compute an expression, or the value of a name; return the names in it and what it makes."""
    what, shown = ("the expression", text) if name is None else (f"the value of {name}", f"{name}={text}")
    if len(text) > LONGEST:
        raise UsageError(f"{what} is {len(text)} characters long; put it into a script instead")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        product = f"; {PRODUCT}" if re.search(r"\b\d+[^\W\d]", text) else ""
        words = getattr(error, "msg", None) or in_short(error)
        raise UsageError(f"cannot read {what} {text!r}: {words}{product}") from None
    tree = _without_modules(tree, values)
    nodes = list(ast.walk(tree))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    modules = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        _check(node, values, what, text)
        if isinstance(node, ast.Name) and node.id not in values and _meaning(node.id) is None:
            if id(node) in modules:
                raise UsageError(
                    f"cannot compute {shown!r}: it has no {node.id}; functions are written bare, as in relu(w)"
                )
            raise UsageError(_unknown_name(node.id, values, shown, id(node) in called, name))
    meanings = {node.id: _meaning(node.id) for node in nodes if isinstance(node, ast.Name)}
    label = "expression"
    linecache.cache[label] = (len(text), None, [text + "\n"], label)
    try:
        code = compile(bounded(tree), label, "eval")
        made = eval(code, {"__builtins__": {}, **meanings, **values, **MEANINGS})
    except MemoryError:
        words = "there is not enough memory for it"
    except OverflowError:
        words = TOO_LARGE
    except Exception as error:
        words = in_short(error)
        if any(isinstance(node, ast.BitXor) for node in nodes):
            words = f"{words}; {POWER}"
    else:
        words = not_a_number(made)
        if not words:
            return set(meanings), made
    raise UsageError(f"cannot compute {shown!r}: {words}")


def _without_modules(tree: ast.Expression, values: Mapping[str, Any]) -> ast.Expression:
    """Write ``relu`` for ``torch.relu`` and ``F.relu``: in an expression PyTorch's names stand bare."""

    def path(node: Any) -> str:
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) and node.id not in values else ""

    for node in ast.walk(tree):
        for field, child in ast.iter_fields(node):
            children = child if isinstance(child, list) else [child]
            bare = [
                ast.copy_location(ast.Name(each.attr, ast.Load()), each)
                if isinstance(each, ast.Attribute) and path(each.value) in MODULES
                else each
                for each in children
            ]
            setattr(node, field, bare if isinstance(child, list) else bare[0])
    return tree


def _check(node: ast.AST, values: Mapping[str, Any], what: str, text: str) -> None:
    """Refuse what an expression may not be made of, and what it cannot mean."""
    if not isinstance(node, _ALLOWED):
        raise UsageError(f"{what} {text!r} may hold numbers, names, operators and function calls, but no {_kind(node)}")
    if isinstance(node, ast.Compare) and (len(node.ops) > 1 or type(node.ops[0]).__name__ not in OPERATORS):
        raise UsageError(f"cannot compute {text!r}: tensors are compared two at a time, as in (0 < w) & (w < 1)")
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        raise UsageError(f"{what} {text!r} may not use the private name {node.attr!r}")
    if isinstance(node, ast.Attribute) and node.attr == "numpy":  # whose arrays can write files
        raise UsageError(f"{what} {text!r} computes with tensors, and may not leave them for NumPy's arrays")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor) and _is_number(node.right):
        raise UsageError(f"cannot compute {text!r}: {POWER}")
    if isinstance(node, ast.Constant) and node.value in (math.inf, complex(0, math.inf)):
        raise UsageError(f"cannot compute {text!r}: {TOO_LARGE}")


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.UnaryOp) and not isinstance(getattr(node, "value", None), bool)


def _kind(node: ast.AST) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).lower()


def function_named(name: str) -> Any:
    """Return gradviz's function of this name, an activation or loss, or ``None``."""
    if name.startswith("_"):
        return None
    found = vars(gradviz).get(name) or vars(gradviz.nn.functional).get(name)
    module = getattr(found, "__module__", "") or ""
    return found if callable(found) and not isinstance(found, type) and module.partition(".")[0] == "gradviz" else None


def _meaning(name: str) -> Any:
    """Return what a name means that nobody has given a value: a function, a constant, or ``None``."""
    return CONSTANTS.get(name) or function_named(name)


def _unknown_name(name: str, values: Mapping[str, Any], shown: str, called: bool, of: str | None) -> str:
    """Say what may have been meant by a name: by a function's, in an expression, or by the value `of` a name."""
    functions = [
        each
        for each in {*vars(gradviz), *vars(gradviz.nn.functional)}
        if not each.endswith("_") and function_named(each)
    ]
    close = difflib.get_close_matches(name.lower(), sorted(functions), n=1, cutoff=0.7)
    meant = f"; did you mean {close[0]}?" if close and (called or of is not None) else ""
    if called:
        return f"cannot compute {shown!r}: there is no function {name}{meant}"
    if of is not None:
        return f"cannot read {shown}: {name!r} is no number; give a number, or lists of numbers, as in {of}='[1, 2]'{meant}"
    known = f"known are {', '.join(values)}" if values else "no values were given"
    return f"unknown name {name!r}: give it a value, as in {name}=2 ({known}), or use one of gradviz's functions"


def as_tensor(value: Any, what: str, advice: str) -> Tensor:
    """Return a value, if it is one of gradviz's tensors."""
    if isinstance(value, Tensor):
        return value
    kind, where = type(value).__name__, type(value).__module__.partition(".")[0]
    if where == "torch":
        kind, advice = f"PyTorch's own {kind}", "leave out --torch=real, and let gradviz compute it"
    raise UsageError(f"{what} is not a gradviz tensor but {kind}; {advice}")
