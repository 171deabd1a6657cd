"""What a step says: the names of results, the local derivatives, and the equations with their numbers.

All of it comes from the rows of the operations table, printed with the learner's own names and numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.engine.core.node import summed_axes
from gradviz.engine.node import Node
from gradviz.engine.notation import binding, formula, number

LONGEST_NAME = 16
"""A result without a name is called by its expression, up to this many characters."""

LONGEST_LABEL = 20
"""So long may a local derivative be on its edge, before tensors without a name are left out of it."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One tensor or number as it takes part in an operation.

    Attributes
    ----------
    name
        What the learner calls it.
    named
        Whether that is a name of the user's own (or a number), and not composed.
    array
        Its numbers; ``None`` where they are not known any more.
    shape
        Its shape.
    """

    name: str
    named: bool
    array: Any
    shape: tuple[int, ...]

    @property
    def is_scalar(self) -> bool:
        """True when its number can be written into a formula."""
        return self.array is not None and np.size(self.array) == 1 and len(self.shape) == 0


def settings_words(node: Node) -> dict[str, str]:
    """Write an operation's settings for use in a formula: ``{"exponent": "2"}``; an array by its name."""
    return {
        name: name if isinstance(value, np.ndarray) else setting_text(value)
        for name, value in zip(node.operation.settings, node.settings, strict=True)
    }


def setting_text(value: Any) -> str:
    """Write one setting."""
    if isinstance(value, bool | int | float):
        return number(value)
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def composed_name(node: Node, operands: list[Operand], module: str = "") -> str:
    """Name a result by what made it: ``w·x``; what would be long is shortened to ``… + b``.

    Parameters
    ----------
    node
        The operation.
    operands
        Its arguments, in order.
    module
        Path of the module it ran in; what is too long is called by it: ``linear(x)``.
    """
    settings = settings_words(node)
    expression = node.operation.expression or f"{node.operation.name}(self)"
    inside = [operand.name.startswith(f"{module}.") for operand in operands]
    outside = [operand.name if operand.named else "…" for operand, own in zip(operands, inside, strict=True) if not own]

    def named_by(names: Iterable[str]) -> str:
        return formula(expression, settings | dict(zip(node.operation.inputs, names, strict=True)))

    name = named_by(operand.name for operand in operands)
    if len(name) <= LONGEST_NAME:
        return name
    if module and outside:
        return f"{module}({', '.join(outside)})"
    if module:  # all of it is the module's own: then its path need not be said again
        name = named_by(operand.name[len(module) + 1 :] for operand in operands)
    else:
        name = named_by(operand.name if operand.named else "…" for operand in operands)
    return name if len(name) <= LONGEST_NAME else f"{node.operation.name}(…)"


def symbol_of(node: Node) -> str:
    """Return what the operation's disc shows."""
    symbol = node.operation.symbol
    return symbol if isinstance(symbol, str) else symbol(*node.settings)


def is_factor(node: Node, slot: str) -> bool:
    """Return True where the gradient is multiplied with a local derivative, entry by entry."""
    return "grad" not in node.operation.local.get(slot, "grad")


def _words(node: Node, operands: list[Operand], *, numbers: bool) -> dict[str, str]:
    words = settings_words(node)
    for slot, operand in zip(node.operation.inputs, operands, strict=True):
        words[slot] = number(np.asarray(operand.array).item()) if numbers else operand.name
    return words | _averaged_over(node, operands)


def _averaged_over(node: Node, operands: list[Operand]) -> dict[str, str]:
    """Return how many entries, and how many rows, a mean is over: what the table's rows call n and rows."""
    settings = dict(zip(node.operation.settings, node.settings, strict=True))
    if settings.get("reduction", 1) != 1:  # a loss that is not averaged
        return {"n": "1", "rows": "1"}
    entries = math.prod(operands[0].shape) // max(math.prod(node.output_shape), 1)
    return {"n": str(max(entries, 1)), "rows": str(operands[0].shape[0] if operands[0].shape else 1)}


def local_label(node: Node, slot: str, operands: list[Operand]) -> str:
    """Write the local derivative for an edge: ``2·x``; for a matrix product what to multiply with: ``· wᵀ``."""
    written = node.operation.local.get(slot, "")
    if not written:
        return ""
    words = _words(node, operands, numbers=False)
    words = {name: "…" if len(word) > LONGEST_NAME else word for name, word in words.items()}
    if is_factor(node, slot):
        text = formula(written, words)
        if len(text) <= LONGEST_LABEL:
            return text
        unnamed = {s: "…" for s, o in zip(node.operation.inputs, operands, strict=True) if not o.named}
        return formula(written, words | unnamed)
    # The upstream gradient itself is not written: what remains is what it is multiplied with.
    text = _with_dots(written, words | {"grad": "\0"})
    if text.startswith("\0 · "):
        return text[len("\0 ") :]
    if text.endswith(" · \0"):
        return text[: -len(" \0")]
    return f"{node.operation.name}′"


def _with_dots(written: str, words: dict[str, str]) -> str:
    """Print a formula with the mathematician's dot for matrix products, but leave the ``@`` in names as it is."""
    hidden = {name: word.replace("@", "\1") for name, word in words.items()}
    return formula(written, hidden).replace(" @ ", " · ").replace("\1", "@")


def local_number(node: Node, slot: str, operands: list[Operand], label: str) -> str:
    """Write the local derivative as one number, where everything is scalar and the label is not that number already."""
    text = scalar_local(node, slot, operands)
    return "" if text == label else text


def scalar_local(node: Node, slot: str, operands: list[Operand]) -> str:
    """Work out the local derivative by sending a gradient of 1 through the operation's own formula."""
    if not is_factor(node, slot) or node.output_shape or not all(operand.is_scalar for operand in operands):
        return ""
    index = node.operation.inputs.index(slot)
    rule = node.operation.rules[index]
    arrays = [operand.array for operand in operands]
    kind = np.asarray(arrays[index]).dtype
    with np.errstate(all="ignore"):
        result = node.operation.forward(*arrays, *node.settings) if not node.operation.reduction else arrays[0]
        results = result if len(node.operation.outputs) > 1 else (result,)
        values = (*arrays, *results, *node.settings)
        local = np.asarray(rule(kind.type(1), values))
    return number(local.item()) if local.size == 1 else ""  # a setting that is an array may have stretched it


LOCAL_ENTRIES = 256
"""A local derivative of a tensor is kept entry by entry if it has no more than this many."""


def local_entries(node: Node, slot: str, operands: list[Operand]) -> Any:
    """Work out the local derivative of a tensor entry by entry, by sending ones through the operation's own formula.

    ``None`` where the gradient is not simply multiplied with one, or there are too many entries.
    """
    size = math.prod(node.output_shape)
    arrays = [operand.array for operand in operands]
    if not 1 < size <= LOCAL_ENTRIES or not is_factor(node, slot) or node.operation.reduction or node.many:
        return None
    if any(array is None or np.asarray(array).dtype == object for array in arrays):
        return None  # it is not known, or was not given, as one end of a clamp may be
    index = node.operation.inputs.index(slot)
    with np.errstate(all="ignore"):
        result = node.operation.forward(*arrays, *node.settings)
        results = result if len(node.operation.outputs) > 1 else (result,)
        ones = np.ones(node.output_shape, np.asarray(arrays[index]).dtype)
        local = node.operation.rules[index](ones, (*arrays, *results, *node.settings))
    return local if np.shape(local) == node.output_shape else None


def forward_equation(node: Node, operands: list[Operand], name: str, result: Any) -> str:
    """Write what an operation computed: ``w·x = 2 · 5 = 10``; for tensors the shapes."""
    expression = node.operation.expression
    names = _words(node, operands, numbers=False)
    written = formula(expression, names) if expression else name
    start = written if written == name or len(written) > 40 else f"{name} = {written}"
    if all(operand.is_scalar for operand in operands) and np.ndim(result) == 0:
        with_numbers = formula(expression, _words(node, operands, numbers=True), names) if expression else ""
        value = number(np.asarray(result).item())
        return " = ".join(dict.fromkeys(part for part in (start, with_numbers, value) if part))
    shapes = ", ".join(shape_text(operand.shape) for operand in operands if operand.shape)
    if np.ndim(result) == 0:
        return f"{start} = {number(np.asarray(result).item())}   ({shapes} → one number)"
    return f"{start}   ({shapes} → {shape_text(np.shape(result))})"


def gradient_name(output: str, tensor: str) -> str:
    """Write a gradient as a fraction: ``∂y/∂x``."""
    return f"∂{_in_fraction(output)}/∂{_in_fraction(tensor)}"


def _in_fraction(name: str) -> str:
    simple = name.replace(".", "").replace("_", "").isalnum() or binding(name) == binding("x")
    return name if simple else f"({name})"


def backward_equation(
    node: Node,
    slot: str,
    operands: list[Operand],
    output: str,
    result: Operand,
    upstream: Any,
    contribution: Any,
    *,
    partial: bool,
) -> str:
    """Write one product of the chain rule: ``∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5``.

    Parameters
    ----------
    node, slot
        The operation and the argument that gets this contribution.
    operands, result
        Its arguments and its result.
    output
        The name of what is differentiated.
    upstream, contribution
        The gradient that arrived, and what was sent on.
    partial
        True where the argument gets other contributions too, so that this is not all of its gradient.
    """
    target = operands[node.operation.inputs.index(slot)]
    left = gradient_name(output, target.name)
    left = f"to {left}: " if partial else f"{left} = "
    above = gradient_name(output, result.name)
    written = node.operation.local.get(slot, "")
    words = _words(node, operands, numbers=False)
    words = {name: "…" if len(word) > LONGEST_NAME else word for name, word in words.items()}
    number_text = scalar_local(node, slot, operands)
    if number_text:
        local = formula(written, words)
        symbols = f"{above} · {_bracketed(local)}"
        numbers = f"{number(np.asarray(upstream).item())} × {_bracketed(number_text)}"
        return f"{left}{symbols} = {numbers} = {number(np.asarray(contribution).item())}"
    shape = shape_text(target.shape) if target.shape else "one number"
    if is_factor(node, slot):
        local = formula(written, words)
        symbols = above if local == "1" else f"{above} · {_bracketed(local)}"
    else:
        symbols = _with_dots(written, words | {"grad": above})
    line = f"{left}{symbols}   ({shape})"
    axes = summed_over(node, target)
    return f"{line}, {summed_text(axes)}" if axes else line


def summed_over(node: Node, target: Operand) -> tuple[int, ...]:
    """Return the axes along which an argument was stretched to the shape of the result, and so is summed on the way back.

    Only entry-by-entry operations stretch their arguments, and the last step of ``x @ w + b`` in one operation.
    """
    if node.operation.reduction or node.operation.local.get("self", "") == "" or target.shape == node.output_shape:
        return ()
    try:
        if np.broadcast_shapes(target.shape, node.output_shape) != node.output_shape:
            return ()
    except ValueError:
        return ()
    return summed_axes(node.output_shape, target.shape)


def summed_text(axes: tuple[int, ...]) -> str:
    """Say over which axes a broadcast gradient was summed."""
    return f"summed over {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"


def _bracketed(text: str) -> str:
    return f"({text})" if binding(text) < binding("a·b") or text.startswith("−") else text


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape: ``10×3``; a vector of five as ``5``."""
    return "×".join(map(str, shape)) if shape else "()"
