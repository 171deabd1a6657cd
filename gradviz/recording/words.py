"""What a step says: the names of results, the local derivatives, and the equations with their numbers.

All of it comes from the rows of the operations table, printed with the learner's own names and numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine import notation, strides
from gradviz.engine.arguments import normal_axes
from gradviz.engine.core.unbroadcast import summed_axes
from gradviz.engine.notation import binding, formula, pieces
from gradviz.engine.numerals import number
from gradviz.engine.operation import Operation
from gradviz.recording.applied import Applied
from gradviz.recording.model import Value
from gradviz.recording.values import COPIED_UP_TO, value_of

LONGEST_NAME = 24
"""A result without a name is called by its expression, up to this many characters."""

LONGEST_FACTOR = 40
"""So long may a local derivative be as a factor in the product along a path."""

LONGEST_LABEL = 26
"""So long may a local derivative be on its edge; what is longer is called ``tanh′`` there."""


def settings_words(operation: Operation, settings: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    """Write an operation's settings for use in a formula: ``(("exponent", "2"),)``; an array by its name, a single axis without brackets."""
    pairs = zip(operation.settings, settings, strict=True)
    return tuple(
        [(name, name if isinstance(value, np.ndarray) else setting_text(_alone(name, value))) for name, value in pairs]
    )


def _alone(name: str, value: Any) -> Any:
    return value[0] if name == "dim" and type(value) is tuple and len(value) == 1 else value


def kept_setting(value: Any) -> Any:
    """Keep a setting as it is now: of a large array only that it is one."""
    if isinstance(value, np.ndarray):
        return np.empty(0, value.dtype) if value.nbytes > COPIED_UP_TO else value.copy()
    return tuple(map(kept_setting, value)) if type(value) is tuple else value


_number = lru_cache(maxsize=1024, typed=True)(number)


def setting_text(value: Any) -> str:
    """Write one setting, or a number."""
    if isinstance(value, bool | int | float):
        return _number(value)
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def composed(
    operation: Operation,
    names: tuple[str, ...],
    named: tuple[bool, ...],
    arrays: tuple[str, ...],
    settings: tuple[tuple[str, str], ...],
    module: str = "",
) -> str:
    """Name a result by what made it: ``w·x``; what would be long is shortened to ``… + b``.

    Parameters
    ----------
    operation
        The row of the table.
    names, named
        Of its arguments; and for each whether that is a name of the user's own.
    arrays
        The slots of those that are no single numbers.
    settings
        In words.
    module
        Path of the module in which it ran; in what would be too long it is not said again.
    """
    counts = dict.fromkeys([count for name in names if "⁽" in name for count in _COUNT.findall(name)])
    if not counts or len(counts) > len(_RAISED):
        return _composed(operation, names, named, arrays, settings, module)
    # In a long loop all is alike but the counts: they are put in afterwards.
    if len(counts) == 1:
        (count,) = counts
        only = f"⁽{_RAISED[0] * (len(count) - 2)}⁾"
        name = _composed(operation, tuple([n.replace(count, only) for n in names]), named, arrays, settings, module)
        return name.replace(only, count)
    alike = {own: f"⁽{digit * (len(own) - 2)}⁾" for own, digit in zip(counts, _RAISED, strict=False)}
    others = tuple([_with_counts(name, alike) for name in names])
    name = _composed(operation, others, named, arrays, settings, module)
    return _with_counts(name, {digits: own for own, digits in alike.items()})


def _with_counts(name: str, others: Mapping[str, str]) -> str:
    """Put other counts into a name."""
    start = name.find("⁽")
    if start < 0:
        return name
    end = name.find("⁾", start) + 1
    count = name[start:end]
    if "⁽" in name[end:]:
        return _COUNT.sub(lambda found: others.get(found[0], found[0]), name)
    return name[:start] + others.get(count, count) + name[end:]


_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_COUNT = re.compile(f"⁽[{_RAISED}]+⁾")


@lru_cache(maxsize=4096)
def _composed(
    operation: Operation,
    names: tuple[str, ...],
    named: tuple[bool, ...],
    arrays: tuple[str, ...],
    settings: tuple[tuple[str, str], ...],
    module: str,
) -> str:
    expression = operation.expression or f"{operation.name}(self)"
    short = [name if own else "…" for name, own in zip(names, named, strict=True)]

    def named_by(names: Iterable[str]) -> str:
        by_slot = {**dict(settings), **dict(zip(operation.inputs, names, strict=True))}
        name = formula(expression, by_slot, arrays=arrays)
        if name not in by_slot.values():
            return name
        # w·1 is not w: it has a gradient of its own, of which w's is only the sum.
        name = formula(expression, by_slot, {slot: slot for slot in by_slot}, arrays=arrays)
        return name if name not in by_slot.values() else f"{operation.name}({name})"

    ways = [names, short]
    if module:
        ways[1:1] = [[name.removeprefix(f"{module}.") for name in names]]
    return next((name for name in map(named_by, ways) if len(name) <= LONGEST_NAME), f"{operation.name}(…)")


def is_factor(operation: Operation, slot: str) -> bool:
    """Return True where the gradient is multiplied with a local derivative, entry by entry."""
    return notation.is_factor(operation.local.get(slot, ""))


def names_in_formulas(applied: Applied) -> dict[str, str]:
    """Return what to write for the names in an operation's formulas: for arguments their names, for settings what they are."""
    operands = zip(applied.operation.inputs, applied.operands, strict=True)
    settings = dict(applied.texts)
    # A function of a learner's own may have a setting n.
    derived = {name: word for name, word in _averaged_over(applied).items() if name == "dim" or name not in settings}
    return {**settings, **{slot: operand.name for slot, operand in operands}, **derived}


def reduced_axes(applied: Applied) -> tuple[int, ...]:
    """Return the axes that an operation has reduced, and dropped or kept at length 1."""
    given = dict(zip(applied.operation.settings, applied.settings, strict=False))
    if not applied.operation.reduction or "dim" not in given:
        return ()
    dimensions = len(applied.operands[0].shape)
    return tuple(range(dimensions)) if given["dim"] is None else normal_axes(given["dim"], dimensions)


def _averaged_over(applied: Applied) -> dict[str, str]:
    """Return what to write for the names that follow from the arguments: over how many entries a mean is, and the like."""
    given = dict(zip(applied.operation.settings, applied.settings, strict=False))
    first = applied.operands[0]
    shape = first.shape
    found = {"n": "1", "rows": "1", "w": "1", "ties": "1"}
    if given.get("reduction", 1) == 1:  # else a loss is not averaged
        entries = math.prod(shape) // max(math.prod(applied.output_shape), 1)
        found |= {"n": str(max(entries, 1)), "rows": _rows(shape, given)}
    if given.get("weight") is not None:
        found["w"] = "w"
    if first.array is not None and applied.operation.reduction and applied.results[0].array is not None:
        found["ties"] = _ties(first.array, applied)
    axes = given.get("dim")
    if axes is not None and (len(shape) <= 1 or (isinstance(axes, tuple) and len(axes) == len(shape))):
        found["dim"] = "None"  # along all there are
    return found


def _rows(shape: tuple[int, ...], given: Mapping[str, Any]) -> str:
    """Return over how many examples a loss is averaged, or over what weight: those whose target is not to be ignored."""
    target = given.get("target")
    if not isinstance(target, np.ndarray):
        return str(shape[0] if shape else 1)
    if given.get("weight") is not None:
        return "Σ(w)"
    kept = target.size or not math.prod(shape)  # else it was too large to be copied
    return str(np.count_nonzero(target != given.get("ignore_index")) if kept else math.prod(shape) // shape[1])


def _ties(entries: Any, applied: Applied) -> str:
    """Return how many entries are the one that was picked: mostly 1."""
    result = np.asarray(applied.results[0].array)
    share = np.count_nonzero(np.isin(entries, result)) > max(result.size, 1)
    return "ties" if share else "1"


def edge_words(applied: Applied, slot: str) -> dict[str, str]:
    """Write the local derivative for an edge, in short and with its number: what an `Argument` says."""
    label = local_label(applied, slot)
    return {"local": label, "local_number": local_number(applied, slot, label)}


def local_label(applied: Applied, slot: str) -> str:
    """Write the local derivative for an edge: ``2·x``; for a matrix product what to multiply with: ``· wᵀ``."""
    written = applied.operation.local.get(slot, "")
    if not written:
        return ""
    text = _shortened(applied, slot, LONGEST_LABEL)
    axes = summed_over(
        applied.operation, slot, applied.output_shape, applied.operands[applied.operation.inputs.index(slot)].shape
    )
    if axes:
        added = f"Σ {axes_name(axes, len(applied.output_shape))}"
        text = added if text == "1" else f"{text}, {added}"
    return text if len(text) <= LONGEST_LABEL + len(axes and added) else f"{applied.operation.name}′"


def factor_text(applied: Applied, slot: str) -> str:
    """Write what the upstream gradient is multiplied with, as a factor among others; empty if it is not a factor.

    It says nothing of the axes over which the product is then added up.
    """
    if not applied.operation.local.get(slot, ""):
        return ""
    text = _shortened(applied, slot, LONGEST_FACTOR)
    names = names_in_formulas(applied).values()
    if not is_factor(applied.operation, slot) and re.search(rf"\b{_gradient_beside(names)}\b", text):
        return ""
    return text if len(text) <= LONGEST_FACTOR else f"{applied.operation.name}′"


def _shortened(applied: Applied, slot: str, most: int) -> str:
    """Write a local derivative with names that are shortened as far as it has to be."""
    words = names_in_formulas(applied)
    operands = list(zip(applied.operation.inputs, applied.operands, strict=True))
    arrays = [slot for slot, operand in operands if operand.shape]
    if applied.output_shape:
        arrays.append(notation.GRADIENT)
    shorter = {name: _without_path(word) for name, word in words.items()}
    without = {**shorter, **{slot: "…" for slot, operand in operands if not operand.named}}
    for names, short in ((words, False), (words, True), (shorter, True), (without, True)):
        text = _label(applied.operation.local[slot], names, arrays, short=short)
        if len(text) <= most:
            break
    return text


def _gradient_beside(words: Collection[str]) -> str:
    """Return what to call the upstream gradient: ``g``, if nothing else is called so."""
    return notation.GRADIENT if "g" in words else "g"


def _label(written: str, words: Mapping[str, str], arrays: Sequence[str], *, short: bool) -> str:
    """Write a local derivative, or what becomes of the upstream gradient: ``· wᵀ``, ``gᵀ``."""
    gradient = _gradient_beside(words.values())
    words = {**words, notation.GRADIENT: "\0"}
    text = "".join([piece.text for piece in pieces(written, words, arrays=arrays, product=" · ", short=short)])
    # What the gradient itself is multiplied with can stand alone, on the side that it stands.
    if text.startswith("\0 · "):
        text = text[len("\0 ") :]
    elif text.endswith(" · \0"):
        text = text[: -len(" \0")]
    elif text.startswith(("\0·", "\0⊙")) and "\0" not in text[2:]:
        text = text[2:]
        text = text[1:-1] if text.startswith("(") and binding(text[1:-1]) < binding("a·b") else text
    elif text.endswith("′(\0)"):
        text = text[: -len("(\0)")]
    return text.replace("\0", gradient)


def in_label(name: str) -> str:
    """Write a factor so that there is room for it beside an arrow."""
    return next((text for text in (name, _without_path(name)) if len(text) <= LONGEST_NAME - 4), "…")


def _without_path(name: str) -> str:
    """Leave out where in a network something is, if what is left says enough: ``fc1(x)`` of ``net.fc1(x)``."""
    path, bracket, tail = name.partition("(")
    parts = path.split(".")
    return parts[-1] + bracket + tail if all(map(str.isalnum, parts)) and not parts[-1].isdigit() else name


def local_number(applied: Applied, slot: str, label: str) -> str:
    """Write the local derivative as one number, where everything is scalar and the label is not that number already."""
    text = scalar_local(applied, slot)
    return "" if text == label else text


def scalar_local(applied: Applied, slot: str) -> str:
    """Work out the local derivative as a number; empty where there is not one number."""
    operation, operands = applied.operation, applied.operands
    if applied.output_shape or not is_factor(operation, slot) or not all(operand.is_scalar for operand in operands):
        return ""
    if slot not in operation.derivatives:
        return ""  # words alone, with no rule that could be run
    local = _ones_sent_back(applied, slot)
    return number(local.reshape(())[()]) if local.size == 1 else ""  # a setting that is an array may have stretched it


LOCAL_ENTRIES = 256
"""A local derivative of a tensor is kept entry by entry if it has no more than this many."""


def local_entries(applied: Applied, slot: str) -> Value | None:
    """Work out the local derivative of a tensor, entry by entry.

    ``None`` where the gradient is not simply multiplied with one, or there are too many entries.
    """
    operation = applied.operation
    if not 1 < math.prod(applied.output_shape) <= LOCAL_ENTRIES or operation.reduction or operation.many:
        return None
    if not is_factor(operation, slot) or slot not in operation.derivatives:
        return None
    if any(operand.value is None or operand.array is None for operand in applied.operands):
        return None  # it is not known, or was not given, as one end of a clamp may be
    local = _ones_sent_back(applied, slot)
    return value_of(local) if local.shape == applied.output_shape else None


def _ones_sent_back(applied: Applied, slot: str) -> np.ndarray[Any, Any]:
    """Send a gradient of ones through the operation's own formula."""
    operation = applied.operation
    arrays = [operand.array for operand in applied.operands]
    whole, part = arrays[0], applied.part
    if part is not None:  # only that is computed with
        arrays[0] = strides.part(whole, *part).copy()
    place = operation.inputs.index(slot)
    with np.errstate(all="ignore"):
        result = arrays[0] if operation.reduction else operation.forward(*arrays, *applied.settings)
        results = result if len(operation.outputs) > 1 else (result,)
        shape = applied.output_shape if part is None else np.shape(arrays[0])
        ones = np.ones(shape, np.asarray(arrays[place]).dtype)[()]
        sent = np.asarray(operation.rules[place](ones, (*arrays, *results, *applied.settings)))
    if part is None or place:
        return sent
    return np.asarray(strides.with_part(np.ones_like(whole), sent, *part))


def gradient_name(output: str, tensor: str) -> str:
    """Write a gradient as a fraction: ``∂y/∂x``."""
    return f"∂{_in_fraction(output)}/∂{_in_fraction(tensor)}"


def _in_fraction(name: str) -> str:
    simple = name.replace(".", "").replace("_", "").isalnum() or binding(name) == binding("x")
    return name if simple else f"({name})"


def told(value: Value) -> str:
    """Write a value where it is one number, or else its shape."""
    return shape_text(value.shape) if value.shape or not value.data else number(value.data[0])


def summed_over(operation: Operation, slot: str, made: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes along which an argument was stretched to the shape of the result, and so is summed on the way back.

    Only entry-by-entry operations stretch their arguments, and the last step of ``x @ w + b`` in one operation.

    Parameters
    ----------
    operation, slot
        The row of the table, and the argument.
    made, target
        Shapes of the result and of the argument.
    """
    if target == made or operation.reduction or not is_factor(operation, slot):
        return ()
    try:
        if np.broadcast_shapes(target, made) != made:
            return ()
    except ValueError:
        return ()
    return summed_axes(made, target)


def axes_name(axes: Sequence[int], dimensions: int) -> str:
    """Name the axes along which something is summed: ``"rows"``, ``"columns"``, ``"axes 0, 1"``; of all ``"all"``.

    Examples
    --------
    >>> axes_name((0,), 2), axes_name((1,), 2), axes_name((0, 1), 3), axes_name((0,), 1)
    ('rows', 'columns', 'axes 0, 1', 'all')
    """
    if len(axes) == dimensions:
        return "all"
    if dimensions == 2:
        return "rows" if 0 in axes else "columns"
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape: ``10×3``; a vector of five as ``5``."""
    return "×".join(map(str, shape)) if shape else "()"
