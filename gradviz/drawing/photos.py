"""Which tensors are images, and are drawn as such: those that look like one, and those that `show` names.

A shape alone does not say it: a batch of sequences may have the shape of an image, and so may the weights of a convolution. So what
is done with a tensor counts too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradviz.drawing.options import Options
from gradviz.recording import shape_text
from gradviz.recording.model import RecordedTensor, Recording, Value
from gradviz.recording.naming import uncounted
from gradviz.recording.pixels import LEAST_SIDE, may_be_image

RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""From black to white, or from none of a colour to all of it."""

_OF_ROWS = ("mm", "addmm", "bmm", "baddbmm", "matmul", "dot", "mv", "attention", "embedding", "rnn", "lstm", "gru")
"""Ends of the names of operations that take rows of numbers, not images."""

_RESHAPES = ("view", "reshape", "unsafe_view", "flatten", "unsqueeze", "squeeze")


@dataclass(frozen=True, slots=True)
class Photo:
    """How a tensor's numbers are an image's.

    Attributes
    ----------
    channels
        1 (grey) or 3 (red, green and blue).
    low, high
        The numbers that are black and white.
    told
        Whether that has to be said, since it is not one of the usual ranges.
    """

    channels: int
    low: float
    high: float
    told: bool = False


def photos(recording: Recording, options: Options) -> dict[str, Photo]:
    """Return how tensors are images, by their ids.

    Parameters
    ----------
    recording
        All of what was computed, for what is done with a tensor may be folded away.
    options
        As they were given.

    Raises
    ------
    ValueError
        If a tensor that is named does not exist or cannot be an image.
    """
    if options.images is None:
        return {}
    named = _named(recording, options.images)
    graph = recording.graph
    # Of others than those that are named only what has three axes and more may look like one.
    least, shapes = 2 if named else 3, graph.outline.shapes
    shaped = [graph.tensors[at] for at, shape in enumerate(shapes) if len(shape) >= least and may_be_image(shape)]
    shaped = [tensor for tensor in shaped if tensor.id in named or _looks_like_one(tensor, recording)]
    values: dict[str, Value] = {}
    for frame in recording.frames if shaped else ():
        for id, value in frame.values:
            values.setdefault(id, value)
    found = {}
    for tensor in shaped:
        if tensor.id not in values:
            continue
        value = values[tensor.id]
        if value.data is None and value.image is None:
            continue
        channels = 1 if len(tensor.shape) == 2 else tensor.shape[-3]
        low, high = _ends(value)
        usual = next(((black, white) for black, white in RANGES if black <= low and high <= white), None)
        if tensor.id in named:
            black, white = usual or (low, high if high > low else low + 1)
            found[tensor.id] = Photo(channels, black, white, usual is None)
        elif usual is not None and low < high:
            found[tensor.id] = Photo(channels, *usual)
    return found


def _looks_like_one(tensor: RecordedTensor, recording: Recording) -> bool:
    """Return True if what is done with a leaf is what is done with images."""
    if tensor.producer is not None or tensor.role not in ("input", "parameter") or tensor.dtype == "bool":
        return False
    if len(tensor.shape) < 3 or tensor.module:
        return False
    uses = [
        (operation.name, place)
        for operation in recording.graph.operations
        for place, argument in enumerate(operation.inputs)
        if argument.tensor == tensor.id
    ]
    if any(name.endswith(_OF_ROWS) for name, _ in uses):
        return False
    if tensor.role == "input" and len(tensor.shape) == 4:
        return True
    # Three axes may also be a batch of sequences, and what collects a gradient may be weights: then there has to be a sign.
    return bool(uses) and all(place == 0 and _takes_images(name) for name, place in uses)


def _takes_images(name: str) -> bool:
    return name == "convolution" or "2d" in name or name in _RESHAPES


def _ends(value: Value) -> tuple[float, float]:
    """Return the least and the greatest number; if some are none, what no image has."""
    if value.summary is not None:
        low, high, odd = value.summary.min, value.summary.max, value.summary.nans + value.summary.infs
    else:
        numbers = [float(number) for number in value.data or ()]
        finite = [number for number in numbers if math.isfinite(number)] or [0.0]
        low, high, odd = min(finite), max(finite), len(numbers) - len(finite)
    return (low, high) if not odd else (min(low, -256.0), high)


def _named(recording: Recording, names: tuple[str, ...]) -> set[str]:
    """Return the ids of the tensors that are to be images."""
    graph = recording.graph
    found = set()
    for name in names:
        alike = [tensor for tensor in graph.tensors if name in (tensor.name, uncounted(tensor.name), tensor.view_of)]
        if not alike:
            known = [tensor.name for tensor in graph.tensors if may_be_image(tensor.shape)]
            hint = f"; it could be one of: {', '.join(known[:12])}" if known else "; none in it has the shape of one"
            raise ValueError(f"there is no tensor called {name!r} in the picture to show as an image{hint}")
        for tensor in alike:
            why = _why_not(tensor, recording)
            if why:
                raise ValueError(f"{name!r} cannot be shown as an image: {why}")
            found.add(tensor.id)
    return found


def _why_not(tensor: RecordedTensor, recording: Recording) -> str:
    if not may_be_image(tensor.shape):
        return (
            f"its shape is {shape_text(tensor.shape) or '()'}, and an image's is (N,) C, H, W with C = 1 or 3, or H, W, and at least "
            f"{LEAST_SIDE}×{LEAST_SIDE}"
        )
    if tensor.role == "parameter" and tensor.module:
        return "it is a parameter of a module, whose numbers are drawn in the colours of their signs"
    maker = recording.graph.operation(tensor.producer).name if tensor.producer is not None else ""
    if "softmax" in maker or "attention" in maker:
        return "it is made by a softmax, and its numbers are shares of one"
    return ""
