"""What a step says beside its equation: what happens, why now, and how gradients add up. The words are the catalogue's."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from gradviz.catalogue import text
from gradviz.engine.numerals import number
from gradviz.recording.model import Value
from gradviz.recording.words import Applied, reduced_axes, summed_over

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


def computed(name: str, sources: Iterable[str]) -> str:
    """Say what a result was computed from."""
    return text("computed", name=name, sources=listed(sources))


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
        told.append(_stretched({given[slot]: axes for slot, axes in stretched.items()}, len(applied.output_shape)))
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


def _stretched(axes: Mapping[str, Sequence[int]], dimensions: int) -> str:
    """Say that arguments were broadcast, and their gradients are summed."""
    along = next(iter(axes.values()))
    names = listed(axes)
    if len(axes) > 1:
        return text("stretched many", names=names)
    if len(along) == dimensions:
        return text("stretched all", names=names)
    if dimensions == 2:
        unit = "row" if 0 in along else "column"
        return text("stretched", names=names, unit=text(unit), axes=text(f"{unit}s"))
    told = ", ".join(map(str, along))
    return text(
        "stretched",
        names=names,
        unit=text("entry along", axes=told),
        axes=text("axis" if len(along) == 1 else "axes", axes=told),
    )


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
