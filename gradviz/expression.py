"""From text to a tensor: an expression on the command line, or a script that computes something."""

from __future__ import annotations

import ast
import linecache
import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradviz
from gradviz.engine.tensor import Tensor

SCRIPT = re.compile(r"(?P<file>.*\.py)(?::(?P<name>\w+))?", re.DOTALL)

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

IN_PLACE_OF_TORCH = "write `import gradviz as torch` in place of `import torch`"

LONGEST = 2000
"""Longer expressions are refused: Python's own parser recurses over them."""


class UsageError(Exception):
    """Something the user can mend, as one sentence; indented below it may be what else is known."""


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
    made = _compute(expression, values, "the expression")
    used = {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}
    idle = [name for name in values if name not in used]
    if idle:
        there = (
            f"its variables are {', '.join(sorted(used & set(values)))}"
            if used & set(values)
            else "it has no variables"
        )
        raise UsageError(f"there is no {idle[0]} in {expression!r} ({there})")
    return _as_tensor(
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
    made = _compute(text, {}, f"the value of {name}")
    try:
        # gradients need floating point, so w=2 means 2.0
        tensor = (
            made.detach().to(gradviz.float32) if isinstance(made, Tensor) else gradviz.tensor(made).to(gradviz.float32)
        )
    except (TypeError, ValueError, RuntimeError):
        raise UsageError(
            f"cannot read {name}={text}: give a number or lists of numbers, as in {name}=2 or {name}='[1, 2]'"
        ) from None
    return tensor.requires_grad_(requires_grad)


def _compute(text: str, values: Mapping[str, Any], what: str) -> Any:
    if len(text) > LONGEST:
        raise UsageError(f"{what} is {len(text)} characters long; put it into a script instead")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"cannot read {what} {text!r}: {getattr(error, 'msg', error)}") from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise UsageError(
                f"{what} {text!r} may hold numbers, names, operators and function calls, but no {_kind(node)}"
            )
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            raise UsageError(f"{what} {text!r} may not use the private name {node.attr!r}")
        if isinstance(node, ast.Name) and node.id not in values and not callable(_function(node.id)):
            raise UsageError(_unknown_name(node.id, values))
    functions = {node.id: _function(node.id) for node in ast.walk(tree) if isinstance(node, ast.Name)}
    label = "expression"
    linecache.cache[label] = (len(text), None, [text + "\n"], label)
    try:
        return eval(compile(tree, label, "eval"), {"__builtins__": {}, **functions, **values})
    except Exception as error:
        raise UsageError(f"cannot compute {text!r}: {in_short(error)}") from None


def _kind(node: ast.AST) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).lower()


def _function(name: str) -> Any:
    """Return gradviz's function of this name, an activation or loss, or ``None``."""
    if name.startswith("_"):
        return None
    found = vars(gradviz).get(name) or vars(gradviz.nn.functional).get(name)
    module = getattr(found, "__module__", "") or ""
    return found if callable(found) and not isinstance(found, type) and module.partition(".")[0] == "gradviz" else None


def _unknown_name(name: str, values: Mapping[str, Any]) -> str:
    known = f"known are {', '.join(values)}" if values else "no values were given"
    return f"unknown name {name!r}: give it a value, as in {name}=2 ({known}), or use one of gradviz's functions"


def run_script(target: str) -> tuple[Tensor, dict[str, Any]]:
    """Run ``script.py:loss`` and return the tensor called ``loss``, with all the script's variables.

    Raises
    ------
    UsageError
        If there is no such file, it fails, or it has no such tensor.
    """
    match = SCRIPT.fullmatch(target)
    assert match is not None
    file, name = match["file"], match["name"]
    if not Path(file).is_file():
        raise UsageError(f"no such file: {file}")
    if name is None:
        raise UsageError(f"which tensor of {file} shall be shown? Name it after a colon: {file}:loss")
    try:
        variables = runpy.run_path(file, run_name="__main__")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise UsageError(_failure(error, file)) from None
        raise UsageError(
            f"{file} imports torch{_line_of(error, file)}: {IN_PLACE_OF_TORCH}, and use torch.nn for what is imported from "
            "torch.nn"
        ) from None
    except SystemExit:
        raise UsageError(f"{file} ended with sys.exit() before there was anything to show") from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UsageError(_failure(error, file)) from None
    tensors = [key for key, value in variables.items() if isinstance(value, Tensor) and value.grad_fn is not None]
    there = f"tensors with a graph are {', '.join(tensors)}" if tensors else "it has no tensor with a graph"
    if name not in variables:
        raise UsageError(f"{file} has no variable {name!r} ({there})")
    return _as_tensor(variables[name], f"{file}:{name}", there), variables


def _failure(error: BaseException, file: str) -> str:
    return f"{file} failed{_line_of(error, file)}: {type(error).__name__}: {in_short(error)}"


def _line_of(error: BaseException, file: str) -> str:
    """Find the line of the script on which it failed, the innermost."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f" in line {lines[-1]}" if lines else ""


def in_short(error: BaseException) -> str:
    """Return the first line of an error's message and, indented below it, the advice that gradviz has added."""
    words, _, advice = (str(error).strip() or type(error).__name__).partition("\n\n")
    return "\n  ".join([words.splitlines()[0], *advice.splitlines()])


def _as_tensor(value: Any, what: str, advice: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if type(value).__module__.partition(".")[0] == "torch":
        advice = IN_PLACE_OF_TORCH
    raise UsageError(f"{what} is not a gradviz tensor but {type(value).__name__}; {advice}")
