"""Two recordings of one structure: side by side, or as the difference of their numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gradviz.drawing.drawing import Drawing, image_tag
from gradviz.drawing.svg import quoted, size
from gradviz.recording.files import write_file
from gradviz.recording.model import Frame, Gradient, Recording, Summary, Value

BETWEEN = 24.0
TITLE = 24.0


class StructureError(ValueError):
    """Two recordings are not of one structure; the message says where they part."""


def check_structure(before: Recording, after: Recording) -> None:
    """Make sure that two recordings are of the same computation on other numbers.

    Raises
    ------
    StructureError
        If they are not.
    """
    first, second = before.graph, after.graph
    for place, (one, other) in enumerate(zip(first.operations, second.operations, strict=False), start=1):
        if one.name != other.name:
            raise StructureError(
                f"these two cannot be compared: operation {place} is {one.name} in the first and {other.name} in the second"
            )
    if len(first.operations) != len(second.operations):
        raise StructureError(
            f"these two cannot be compared: the first has {len(first.operations)} operations, the second "
            f"{len(second.operations)}"
        )
    for one_tensor, other_tensor in zip(first.tensors, second.tensors, strict=False):
        if one_tensor.shape != other_tensor.shape:
            raise StructureError(
                f"these two cannot be compared: {one_tensor.name} has shape {list(one_tensor.shape)} in the first and "
                f"{list(other_tensor.shape)} in the second"
            )
    wires = [
        [(argument.tensor, operation.outputs) for operation in graph.operations for argument in operation.inputs]
        for graph in (first, second)
    ]
    if wires[0] != wires[1]:
        raise StructureError("these two cannot be compared: their operations are not connected in the same way")


def difference(before: Recording, after: Recording) -> Recording:
    """Return a recording of what changed: every value and gradient is that of `after` less that of `before`.

    Of tensors too large to be kept in full, the difference is that of the means of their blocks.

    Raises
    ------
    StructureError
        If the two are not of one structure.
    """
    check_structure(before, after)
    first, last = before.at(), after.at()
    values = _less(last.values, first.values)
    earlier = {id: gradient.value for id, gradient in first.gradients.items()}
    later = {id: gradient.value for id, gradient in last.gradients.items()}
    gradients = tuple(Gradient(id, value, complete=True) for id, value in _less(later, earlier).items())
    done = [operation.id for operation in after.graph.operations]
    frames = [
        Frame("forward", "", "Change", "What changed from the first to the second.", values=tuple(values.items()))
    ]
    frames += [Frame("forward", id, "Change", "") for id in done]
    frames += [Frame("backward", "", "Change of the gradients", "And of the gradients.", gradients=gradients)]
    return replace(after, frames=tuple(frames), title=f"{after.title}: what changed")


def _less(later: Mapping[str, Value], earlier: Mapping[str, Value]) -> dict[str, Value]:
    return {id: _minus(value, earlier[id]) for id, value in later.items() if id in earlier}


def _minus(value: Value, other: Value) -> Value:
    if value.data is not None and other.data is not None:
        return replace(value, data=tuple(float(a) - float(b) for a, b in zip(value.data, other.data, strict=True)))
    assert value.preview is not None
    assert other.preview is not None
    preview = _minus(value.preview, other.preview)
    assert preview.data is not None
    numbers = [float(number) for number in preview.data if math.isfinite(number)] or [0.0]
    mean = sum(numbers) / len(numbers)
    sd = math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))
    unknown = len(preview.data) - len(numbers)
    return replace(value, preview=preview, summary=Summary(mean, sd, min(numbers), max(numbers), 0, unknown, 0))


@dataclass(frozen=True)
class Comparison:
    """Two drawings of one structure, one above or beside the other. Evaluate it in a notebook cell to see it.

    Attributes
    ----------
    before, after
        The drawings.
    """

    before: Drawing
    after: Drawing

    def diff(self) -> Drawing:
        """Return the drawing of what changed between the two."""
        return self.before.diff(self.after)

    def to_svg(self, *, prefix: str | None = None, panel: bool = False) -> str:
        """Return both pictures as one, in SVG text."""
        sizes = [tuple(map(math.ceil, size(drawing.view, drawing.layout))) for drawing in (self.before, self.after)]
        below = self.before.view.direction == "LR"  # long pictures one below the other, tall ones side by side
        titles = [drawing.recording.title for drawing in (self.before, self.after)]
        if titles[0] == titles[1]:
            titles = ["before", "after"]
        wide = max(w for w, _ in sizes) if below else sum(w for w, _ in sizes) + BETWEEN
        high = sum(h + TITLE for _, h in sizes) + BETWEEN if below else max(h for _, h in sizes) + TITLE
        name = prefix or f"{self.before.prefix}_{self.after.prefix[2:]}"
        label = f"{titles[0]} and {titles[1]}"
        parts = [
            f'<svg id="{name}" xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
            f'viewBox="0 0 {wide:.0f} {high:.0f}" role="group" aria-label={quoted(label)}>'
        ]
        if panel:
            parts.append(f'<rect width="{wide:.0f}" height="{high:.0f}" rx="8" fill="#ffffff"/>')
        x = y = 0.0
        for drawing, title, (w, h), part in zip((self.before, self.after), titles, sizes, "ab", strict=True):
            parts.append(
                f'<text x="{x + 12:.0f}" y="{y + 18:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="14" '
                f'font-weight="700" fill="#59636e">{quoted(title)[1:-1]}</text>'
            )
            picture = drawing.to_svg(prefix=f"{name}_{part}", theme=drawing.paper_theme if panel else None)
            parts.append(picture.replace("<svg ", f'<svg x="{x:.0f}" y="{y + TITLE:.0f}" ', 1))
            x, y = (x, y + h + TITLE + BETWEEN) if below else (x + w + BETWEEN, y)
        parts.append("</svg>")
        return "\n".join(parts)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write both pictures to one ``.svg`` file, whole or not at all.

        Raises
        ------
        ValueError
            For another ending.
        """
        if Path(path).suffix.lower() != ".svg":
            raise ValueError(f"cannot save a comparison as {os.fspath(path)!r}: the name must end in .svg")
        return write_file(path, self.to_svg())

    def __repr__(self) -> str:
        return f"<Comparison of {self.before!r} and {self.after!r}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        picture = self.to_svg(panel=True)
        return {"image/svg+xml": picture, "text/html": image_tag(picture, repr(self)), "text/plain": repr(self)}


def compare(before: Drawing, after: Drawing) -> Comparison:
    """Put two drawings of one structure next to each other, their heatmaps on one scale.

    Raises
    ------
    StructureError
        If they are not of one structure.
    """
    check_structure(before.recording, after.recording)
    scales = [drawing.view for drawing in (before, after)]
    shared = (
        max(view.value_scale for view in scales),
        max(view.gradient_scale for view in scales),
    )
    both = []
    for drawing in (before, after):
        same = replace(drawing)
        object.__setattr__(same, "view", replace(drawing.view, value_scale=shared[0], gradient_scale=shared[1]))
        both.append(same)
    return Comparison(*both)
