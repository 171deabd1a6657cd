"""What a step says beside its equation: what happens, why now, and how gradients add up. The words are the catalogue's."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from gradviz.catalogue import text, text_or_nothing
from gradviz.engine.core.unbroadcast import summed_axes
from gradviz.engine.numerals import number
from gradviz.recording.applied import Applied
from gradviz.recording.model import Value
from gradviz.recording.words import is_factor, reduced_axes, summed_over

MOST = 2
"""Sentences of a step."""

MOST_NAMES = 4
"""Names that are told one by one."""


def start(cut_off: Sequence[str]) -> str:
    """Say how things stand before anything is computed."""
    if not cut_off:
        return text("start")
    if len(cut_off) == 1:
        return f"{text('start')} {text('cut off', name=cut_off[0])}"
    told = list(cut_off) if len(cut_off) <= MOST_NAMES else [*cut_off[:2], text("others", count=len(cut_off) - 2)]
    return f"{text('start')} {text('cut off many', names=listed(told))}"


def computed(name: str, sources: Iterable[str], more: str = "") -> str:
    """Say what a result was computed from, and how."""
    return f"{text('computed', name=name, sources=listed(sources))} {more}".strip()


def forward(applied: Applied) -> str:
    """Say what an operation computed, from what, and how: entry by entry, with an argument that was broadcast."""
    name, shape = applied.results[0].name, applied.output_shape
    there = [operand for operand in applied.operands if operand.id]
    sources = [operand.name for operand in (*there, *applied.targets.values()) if operand.id]
    if not _entry_by_entry(applied):
        return computed(name, sources, _way_forward(applied))
    stretched = {operand.name: summed_axes(shape, operand.shape) for operand in there if operand.shape}
    clauses = [
        broadcast(name, axes, len(shape), added=applied.operation.name == "add")
        for name, axes in stretched.items()
        if axes
    ]
    told = text("computed entrywise", name=name, sources=listed(sources))
    return (
        f"{told} {text('and', first=clauses[0], last=clauses[1]) if len(clauses) == 2 else clauses[0]}."
        if clauses
        else told
    )


def broadcast(name: str, axes: Sequence[int], dimensions: int, *, added: bool) -> str:
    """Say that what was stretched is used, or added, for every row."""
    unit = text("entry") if len(axes) == dimensions else _unit(axes, dimensions)[0]
    return text("broadcast, added" if added else "broadcast, used", name=name, unit=unit)


def _entry_by_entry(applied: Applied) -> bool:
    """Return True where each entry of the result is made of the entries at its place."""
    operation, shapes = applied.operation, [operand.shape for operand in applied.operands if operand.id]
    factors = all(is_factor(operation, slot) for slot in operation.inputs)
    if not applied.output_shape or operation.reduction or operation.many or not factors:
        return False
    try:
        return np.broadcast_shapes(*shapes) == applied.output_shape
    except ValueError:
        return False


def _way_forward(applied: Applied) -> str:
    """Say how an operation computes its result, where the catalogue says that."""
    given = {slot: operand.name for slot, operand in zip(applied.operation.inputs, applied.operands, strict=True)}
    axis = dict(zip(applied.operation.settings, applied.settings, strict=False)).get("dim")
    dimensions = len(applied.operands[0].shape)
    given["group"] = text("the vector")
    if isinstance(axis, int) and dimensions > 1:
        axis %= dimensions  # a row is what goes along the columns' axis
        given["group"] = (
            text("each row" if axis else "each column") if dimensions == 2 else text("stretch along", axis=axis)
        )
    return text_or_nothing(applied.operation.name, "forward", **given)


def seeded(name: str, seed: Value, *, ones: bool) -> str:
    """Say with what the backward pass starts."""
    if not ones:
        return text("seeded elsewhere", name=name)
    return text("seeded entries" if seed.shape else "seeded", name=name)


def sends(applied: Applied, slots: Collection[str]) -> str:
    """Say how an operation passes its gradient on, as it happened.

    Parameters
    ----------
    applied
        The operation.
    slots
        The arguments that get a gradient.
    """
    operation = applied.operation
    operands = dict(zip(operation.inputs, applied.operands, strict=True))
    stretched = {
        slot: axes
        for slot in slots
        if (axes := summed_over(operation, slot, applied.output_shape, operands[slot].shape))
    }
    given = {slot: operand.name for slot, operand in operands.items()}
    able = [slot for slot, operand in operands.items() if slot in operation.derivatives and operand.id]
    missing = [slot for slot in able if slot not in slots]
    to = f"to {'+'.join(slot for slot in able if slot in slots)}"
    cases = ["twice"] if len(slots) > 1 and len({operands[slot].id for slot in slots}) == 1 else []
    cases += [f"stretched {to}"] * bool(missing) + ["stretched"] if stretched else []
    cases += [to]
    cases += _reduced(applied, given)
    told = [operation.told(cases, given)]
    if stretched:
        told.append(summed({given[slot]: axes for slot, axes in stretched.items()}, len(applied.output_shape)))
    elif missing and slots and len(able) > 1 and to not in operation.cases:
        told.append(text("only", to=listed(given[slot] for slot in able if slot in slots)))
    return " ".join(_sentences(" ".join(told))[:MOST])


def _reduced(applied: Applied, given: dict[str, str]) -> list[str]:
    """Return whether a reduction is of all axes or of some, and note over how many entries it is."""
    if not applied.operation.reduction:
        return []
    shape = applied.operands[0].shape
    given["n"] = str(max(math.prod(shape) // max(math.prod(applied.output_shape), 1), 1))
    return ["all" if len(reduced_axes(applied)) == len(shape) else "along"]


def summed(axes: Mapping[str, Sequence[int]], dimensions: int) -> str:
    """Say that arguments were broadcast, and their gradients are summed."""
    along = next(iter(axes.values()))
    names = listed(axes)
    if len(axes) > 1:
        return text("stretched many", names=names)
    if len(along) == dimensions:
        return text("stretched all", names=names)
    unit, axes_told = _unit(along, dimensions)
    return text("stretched", names=names, unit=unit, axes=axes_told)


def _unit(along: Sequence[int], dimensions: int) -> tuple[str, str]:
    """Name what is copied, or summed, along axes: one of them, and all."""
    if dimensions == 2:
        unit = "row" if 0 in along else "column"
        return text(unit), text(f"{unit}s")
    told = ", ".join(map(str, along))
    return text("entry along", axes=told), text("axis" if len(along) == 1 else "axes", axes=told)


def _sentences(told: str) -> list[str]:
    return [sentence if sentence.endswith(".") else f"{sentence}." for sentence in told.split(". ")]


def passed_on(applied: Applied, saved: Sequence[str], freed: bool, contributions: int, first: bool, new: bool) -> str:
    """Say why an operation can send its gradient on now, where that is news.

    Parameters
    ----------
    applied
        The operation.
    saved
        The names of what it had saved.
    freed
        Whether that is freed now.
    contributions
        Of how many contributions its gradient is the sum.
    first
        Whether this is the first operation of the backward pass.
    new
        Whether nothing saved has been spoken of yet.
    """
    told = []
    if contributions > 1:
        key = "waited for both" if contributions == 2 else "waited"
        told.append(text(key, name=applied.results[0].name, count=contributions))
    elif first:
        told.append(text("all arrived", name=applied.results[0].name))
    names = dict(zip(applied.operation.inputs, (operand.name for operand in applied.operands), strict=True))
    own = text("its own result")
    kept = [names.get(one, own) for one in saved if one in names or one in applied.operation.outputs]
    if kept and (freed or new):
        key = "had saved" if not freed else "had saved, freed first" if new else "had saved, freed"
        told.append(text(key, saved=listed(kept)))
    return " ".join(told)


HELD = f"   ({text('held')})"
"""Said after the sum where a leaf's ``.grad`` held an earlier gradient."""


def more_arrived(name: str, arrived: Value | None) -> str:
    """Say that a gradient came from operations that are not in the picture."""
    return text("more arrived", name=name, gradient=_of_a_hook(arrived))


def replaced(what: str, made: Value | None) -> str:
    """Say that a hook has put another gradient in the place of the one that arrived."""
    return text("replaced", what=what, gradient=_of_a_hook(made))


def _of_a_hook(gradient: Value | None) -> str:
    if gradient is None:
        return text("nothing")
    return number(gradient.data[0]) if gradient.shape == () and gradient.data else text("another gradient")


def listed(names: Iterable[str]) -> str:
    """Put names in a row: ``"a, b and c"``."""
    *first, last = dict.fromkeys(names)
    return text("and", first=", ".join(first), last=last) if first else last
