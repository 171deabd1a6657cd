"""Reading a link: the entries that meet along an edge, the Jacobian as a matrix, a gradient sent back along it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.recording.model import Link

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

ONE_BY_ONE, ALL = ".", "*"
"""In place of a letter: an axis of length 1 that was stretched or kept; and in place of all letters: the same order."""


def entries(
    link: Link, argument: Shape, results: Sequence[Shape], factor: Array | None = None
) -> tuple[Array, Array, Array]:
    """Write a link out.

    Parameters
    ----------
    link
        Of one edge.
    argument, results
        The shapes of the argument, and of the operation's results.
    factor
        The numbers of the tensor that is the factor, if there is one.

    Returns
    -------
    tuple
        Three arrays of one length: entries of the argument, entries of the results that they feed, both counted row by row
        (and one result after the other), and the factors. Each pair stands there once.

    Examples
    --------
    >>> entries(Link("ij", "j", scale=0.5), (2, 3), [(3,)])
    (array([0, 1, 2, 3, 4, 5]), array([0, 1, 2, 0, 1, 2]), array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]))
    """
    if link.starts:
        feeds = np.repeat(np.arange(len(link.starts) - 1), np.diff(link.starts))
        factors = np.asarray(link.factors, np.float64) if link.factors else np.ones(len(feeds))
        return feeds, np.asarray(link.results, np.int64), link.scale * factors
    if link.argument == ALL:
        same = np.arange(math.prod(argument))
        return same, same, np.full(same.size, link.scale)
    sizes = _sizes(link, argument, results[0], factor)
    place = {letter: at for at, letter in enumerate(sizes)}
    grid = np.indices(tuple(sizes.values())).reshape(len(sizes), -1) if sizes else np.zeros((0, 1), np.int64)

    def flat(letters: str, shape: Shape) -> Array:
        found = np.zeros(grid.shape[1], np.int64)
        for letter, size in zip(letters, shape, strict=True):
            found = found * size + (grid[place[letter]] if letter != ONE_BY_ONE else 0)
        return found

    numbers = np.ones(()) if factor is None else np.asarray(factor, np.float64)
    factors = link.scale * numbers.ravel()[flat(link.factor, numbers.shape)]
    return flat(link.argument, argument), flat(link.result, results[0]), factors


def _sizes(link: Link, argument: Shape, result: Shape, factor: Array | None) -> dict[str, int]:
    shapes = [(link.argument, argument), (link.result, result)]
    if factor is not None:
        shapes.append((link.factor, factor.shape))
    return {
        letter: size
        for letters, shape in shapes
        for letter, size in zip(letters, shape, strict=True)
        if letter != ONE_BY_ONE
    }


def dense(link: Link, argument: Shape, results: Sequence[Shape], factor: Array | None = None) -> Array:
    """Return the Jacobian of an edge as a matrix: a row for each entry of the results, a column for each of the argument.

    Parameters
    ----------
    link, argument, results, factor
        As for `entries`.

    Examples
    --------
    >>> dense(Link("j", "ij"), (2,), [(2, 2)])
    array([[1., 0.],
           [0., 1.],
           [1., 0.],
           [0., 1.]])
    """
    matrix = np.zeros((sum(map(math.prod, results)), math.prod(argument)))
    feeds, fed, factors = entries(link, argument, results, factor)
    matrix[fed, feeds] = factors
    return matrix


def sent_back(
    link: Link, argument: Shape, results: Sequence[Shape], upstream: Array, factor: Array | None = None
) -> Array:
    """Send a gradient back along an edge: the upstream gradient times the Jacobian.

    Parameters
    ----------
    link, argument, results, factor
        As for `entries`.
    upstream
        The gradient of the result; of several results one after another, in one axis.

    Returns
    -------
    ndarray
        The contribution to the argument's gradient, in its shape.
    """
    if link.argument == ALL:
        return link.scale * upstream.reshape(argument)
    if link.starts:
        feeds, fed, factors = entries(link, argument, results, factor)
        products = upstream.ravel()[fed] * factors
        return np.bincount(feeds, products, math.prod(argument)).reshape(argument)
    operands, letters = [upstream.reshape(_kept(link.result, results[0]))], [link.result.replace(ONE_BY_ONE, "")]
    if factor is not None:
        operands.append(factor.reshape(_kept(link.factor, factor.shape)))
        letters.append(link.factor.replace(ONE_BY_ONE, ""))
    own = link.argument.replace(ONE_BY_ONE, "")
    known = "".join(letter for letter in own if any(letter in there for there in letters))
    made = np.einsum(f"{','.join(letters)}->{known}", *operands)
    # A letter that nothing else has is an axis that was added up: each of its entries gets the same.
    shape = tuple(size if letter in known else 1 for letter, size in zip(link.argument, argument, strict=True))
    return link.scale * np.broadcast_to(made.reshape(shape), argument)


def _kept(letters: str, shape: Shape) -> Shape:
    return tuple(size for letter, size in zip(letters, shape, strict=True) if letter != ONE_BY_ONE)
