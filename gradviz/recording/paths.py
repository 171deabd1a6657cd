"""The chain rule, path by path: from the output back to a leaf, each with its product in order and with its value.

A gradient is the sum over all paths. There may be more of them than anybody could walk: they are counted, the largest that a
bounded search finds are told one by one, and what is left is told as their sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.catalogue import text as text_of
from gradviz.engine.notation import binding
from gradviz.recording.links import ALL, ONE_BY_ONE, sent_back
from gradviz.recording.model import Argument, Link, RecordedOperation, RecordedTensor, Recording, Value
from gradviz.recording.values import value_of

Array = np.ndarray[Any, Any]

LISTED = 6
"""So many paths to a leaf are told one by one: all of them, if there are no more; else the largest that are found."""

MOST_EDGES = 1000
"""A recording with more edges has no paths that are told: the picture of each would be all of it."""

LONGEST_TEXT = 120
"""A product of more characters is written as … from there on."""

MOST_NUMBERS = 4096
"""So many numbers stand in the values of all paths of one page."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way of a gradient from the output to a leaf.

    Attributes
    ----------
    edges
        The ids of the arguments along it, from the output on.
    text
        The product along it, in order; matrix products with a dot, entry by entry ⊙. Factors of 1 are left out.
    value
        What comes to the leaf along it; ``None`` if it is the only path, and so all of the gradient.
    """

    edges: tuple[str, ...]
    text: str
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class Paths:
    """All paths to one leaf.

    Attributes
    ----------
    count
        How many there are.
    paths
        Those that are told, the largest first. Where there are several, one along which something is not known is not told.
    rest
        What the others bring together, and hooks that changed a gradient; ``None`` if that is nothing.
    """

    count: int
    paths: tuple[Path, ...]
    rest: Value | None = None


def paths_of(recording: Recording) -> dict[str, Paths]:
    """Find the paths along which gradients have come to the leaves.

    Parameters
    ----------
    recording
        With its backward pass; without one there are none.

    Returns
    -------
    dict
        By the id of a leaf.

    Examples
    --------
    >>> import gradviz as gv
    >>> from gradviz.recording import record_graph
    >>> x = gv.tensor(3.0, requires_grad=True)
    >>> found = paths_of(record_graph(x * x + x, backward=True, names={"x": x}))["t0"]
    >>> [(path.text, path.value.data) for path in found.paths]
    [('x', (3.0,)), ('x', (3.0,)), ('1', (1.0,))]
    """
    seed = next((frame for frame in recording.frames if frame.phase == "backward"), None)
    edges = sum(len(operation.inputs) for operation in recording.graph.operations)
    if seed is None or not seed.gradients or seed.gradients[0].value.data is None or edges > MOST_EDGES:
        return {}
    return _Search(recording, seed.current, _array(seed.gradients[0].value)).found()


@dataclass(frozen=True, slots=True)
class _Way:
    """A way that has been gone from the output to some tensor: what came there, if it is known."""

    edges: tuple[str, ...]
    text: str
    gradient: Array | None


class _Search:
    """Goes back over a recording once, with the largest ways that lead to each tensor."""

    def __init__(self, recording: Recording, output: str, seed: Array) -> None:
        self.graph = recording.graph
        moment = recording.at()
        self.values, self.arrived = moment.values, moment.gradients
        self.carried = set(moment.contributions)
        self.output = output
        self.counts = self._counts()
        self.several = self._leading_to_several()
        start = _Way((), "" if np.all(seed == 1) else "g", seed)
        self.ways: dict[str, list[_Way]] = {output: [start]}

    def _edges_back(self) -> Iterator[tuple[RecordedOperation, str, Argument]]:
        """Go through all edges that have carried a gradient, from the output back: each with the result that it leads from."""
        for operation in reversed(self.graph.operations):
            for output in operation.outputs:
                for argument in operation.inputs:
                    if argument.id in self.carried:
                        yield operation, output, argument

    def _counts(self) -> dict[str, int]:
        """Count the ways from the output to each tensor. None of them is gone."""
        counts = {self.output: 1}
        for _, output, argument in self._edges_back():
            if output in counts:
                counts[argument.tensor] = counts.get(argument.tensor, 0) + counts[output]
        return counts

    def _leading_to_several(self) -> set[str]:
        """Return the tensors from which a gradient goes on to a leaf that gets several: along the others nothing is worked out."""
        leading = {id for id, count in self.counts.items() if count > 1}
        for operation in self.graph.operations:
            if any(one.id in self.carried and one.tensor in leading for one in operation.inputs):
                leading.update(operation.outputs)
        return leading

    def found(self) -> dict[str, Paths]:
        """Find the paths to all leaves."""
        for operation, output, argument in self._edges_back():
            there = self._largest(output)
            if there:
                further = [self._along(operation, argument, output, way) for way in there]
                self.ways.setdefault(argument.tensor, []).extend(further)
        numbers, found = MOST_NUMBERS, dict[str, Paths]()
        for tensor in self.graph.tensors:
            if tensor.producer is None and tensor.requires_grad and tensor.id in self.counts:
                room = numbers // max(math.prod(tensor.shape), 1)
                paths = self._told(tensor, room if self.counts[tensor.id] > 1 else 1)
                numbers -= sum(math.prod(path.value.shape) for path in paths.paths if path.value is not None)
                found[tensor.id] = paths
        return found

    def _largest(self, tensor: str) -> list[_Way]:
        """Return the largest ways to a tensor, and forget the others: all that lead there have been gone."""
        ways = self.ways.get(tensor, [])
        if len(ways) > LISTED:
            ways = self.ways[tensor] = sorted(ways, key=lambda way: -_size(way.gradient))[:LISTED]
        return ways

    def _along(self, operation: RecordedOperation, argument: Argument, output: str, way: _Way) -> _Way:
        """Go one edge further."""
        edges, link = (*way.edges, argument.id), argument.link
        text = _product(way.text if len(way.text) <= LONGEST_TEXT else "…", operation, argument)
        if link is None or way.gradient is None or argument.tensor not in self.several:
            return _Way(edges, text, None)
        factor = self.values.get(link.tensor) if link.tensor else link.value
        if (factor is None and (link.factor or link.tensor)) or (factor is not None and factor.data is None):
            return _Way(edges, text, None)
        made = [self.graph.tensor(id).shape for id in operation.outputs]
        upstream = [
            np.ravel(way.gradient) if id == output else np.zeros(math.prod(shape))
            for id, shape in zip(operation.outputs, made, strict=True)
        ]
        own = self.graph.tensor(argument.tensor).shape
        numbers = None if factor is None else _array(factor)
        return _Way(edges, text, sent_back(link, own, made, np.concatenate(upstream), numbers))

    def _told(self, leaf: RecordedTensor, room: int) -> Paths:
        count, gradient = self.counts[leaf.id], self.arrived[leaf.id]
        known = [way for way in self._largest(leaf.id) if count == 1 or way.gradient is not None]
        ways = sorted(known, key=lambda way: -_size(way.gradient))[:room]
        paths = tuple(
            Path(
                way.edges,
                way.text or "1",
                None if count == 1 or way.gradient is None else value_of(way.gradient.astype(leaf.dtype)),
            )
            for way in ways
        )
        if count == 1 or gradient.value.data is None:
            return Paths(count, paths)
        total = _array(gradient.value) - (_array(gradient.before) if gradient.before is not None else 0)
        rest = total - sum((way.gradient for way in ways if way.gradient is not None), np.zeros(leaf.shape))
        large = max([_size(total), *(_size(way.gradient) for way in ways)])
        if len(ways) == count and _size(rest) <= 1e-4 * large:
            return Paths(count, paths)
        return Paths(count, paths, value_of(rest.astype(leaf.dtype)))


def _array(value: Value) -> Array:
    return np.reshape(np.asarray(value.data, np.float64), value.shape)


def _size(gradient: Array | None) -> float:
    return math.inf if gradient is None else float(np.sqrt(np.sum(gradient * gradient)))


# --- the product in symbols ----------------------------------------------------------------------------------------------


def _product(text: str, operation: RecordedOperation, argument: Argument) -> str:
    """Write the product along a path one edge further; empty as long as there are only factors of 1."""
    link = argument.link
    if link is None or link.starts:
        moves = link is not None and not link.factors and len(set(np.diff(link.starts).tolist()) | {0, 1}) == 2
        return text if moves else text_of("back through", name=operation.name, gradient=text or "1")
    if link.argument == ALL:
        return text
    if not link.factor and not link.text:
        return _moved(text, link)
    factor = link.text or f"{operation.name}′"
    met = [letter for letter in link.result if letter != ONE_BY_ONE and letter not in link.argument]
    summed = [letter for letter in met if letter not in link.factor]
    if link.factor and len(met) > len(summed) and link.result.replace(ONE_BY_ONE, "") and link.tensor:
        return _matrix_product(text, factor, link, next(letter for letter in reversed(met) if letter not in summed))
    together = _entry_by_entry(text, factor, link)
    return _added_up(together, link) if summed else together


def _moved(text: str, link: Link) -> str:
    own, made = (letters.replace(ONE_BY_ONE, "") for letters in (link.argument, link.result))
    if link.scale != 1:
        text = f"{text} · {link.scale:g}" if text else f"{link.scale:g}"
    if set(made) - set(own):
        return _added_up(text, link)
    if own != made and sorted(own) == sorted(made) and text:
        return _turned(text)
    return text


def _added_up(text: str, link: Link) -> str:
    """Write a sum over the copies of a stretched argument."""
    gone = [axis for axis, letter in enumerate(link.result) if letter != ONE_BY_ONE and letter not in link.argument]
    over = {(2, 0): " rows", (2, 1): " columns"}.get((len(link.result), gone[0]), "") if len(gone) == 1 else ""
    return f"Σ{over} {_tight(text or '1')}"


def _entry_by_entry(text: str, factor: str, link: Link) -> str:
    if not text:
        return factor
    sign = "⊙" if link.factor.replace(ONE_BY_ONE, "") and link.result.replace(ONE_BY_ONE, "") else "·"
    return f"{_factor(text, sign)} {sign} {_factor(factor, sign)}"


def _matrix_product(text: str, factor: str, link: Link, met: str) -> str:
    """Write a product of matrices in order: each of the two turned, if the letter over which they meet stands on its other side."""
    own = [letter for letter in link.argument if letter in link.result or letter in link.factor]
    of_factor = [own.index(letter) for letter in own if letter not in link.result]
    of_result = [own.index(letter) for letter in own if letter not in link.factor]
    first = bool(of_factor) and (not of_result or of_factor[0] < of_result[0])  # whether the factor comes first

    def written(text: str, letters: str, *, left: bool) -> str:
        matrix = letters.replace(ONE_BY_ONE, "")[-2:]
        turned = len(matrix) == 2 and (matrix[0] if left else matrix[1]) == met
        return _factor(_turned(text) if turned and text != "1" else text, "·")

    both = written(factor, link.factor, left=first), written(text or "1", link.result, left=not first)
    return " · ".join(both if first else both[::-1])


def _turned(text: str) -> str:
    """Transpose what is written; twice is not at all."""
    return text[:-1] if text.endswith("ᵀ") and binding(text) == binding("x") else f"{_tight(text)}ᵀ"


def _factor(text: str, sign: str) -> str:
    """Put brackets round what is not a factor, or is a product of the other kind."""
    other = "·" if sign == "⊙" else "⊙"
    return f"({text})" if binding(text) < binding("a·b") or text.startswith("−") or other in _outside(text) else text


def _tight(text: str) -> str:
    return f"({text})" if binding(text) < binding("x") or text.startswith("Σ") else text


def _outside(text: str) -> str:
    """Return what stands outside of all brackets."""
    depth, found = 0, []
    for sign in text:
        depth -= sign in ")]}"
        if not depth:
            found.append(sign)
        depth += sign in "([{"
    return "".join(found)
