"""Tensors in tuples, lists and dictionaries, however deep."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Function = Callable[..., Any]
Tree = Any
"""A tensor, or tuples, lists and dictionaries of trees."""


# --- trees of tensors ------------------------------------------------------------------------------------------------


def map_leaves(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Replace every leaf of a tree."""
    if isinstance(tree, dict):
        return type(tree)((key, map_leaves(function, part)) for key, part in tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*(map_leaves(function, part) for part in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(map_leaves(function, part) for part in tree)
    return function(tree)


def leaves_of(tree: Tree) -> list[Any]:
    """Return what stands at the ends of a tree."""
    found: list[Any] = []
    map_leaves(found.append, tree)
    return found


def rebuilt(form: Tree, leaves: Iterable[Any]) -> Tree:
    """Make a tree of the same form with other leaves."""
    following = iter(leaves)
    return map_leaves(lambda _: next(following), form)


def form_of(tree: Tree) -> str:
    """Sketch a tree, with a star for each leaf: ``(*, {'w': *})``."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {form_of(part)}" for key, part in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(form_of, tree)) + "]"
    if isinstance(tree, tuple):
        return "(" + ", ".join(map(form_of, tree)) + (",)" if len(tree) == 1 else ")")
    return "*"


def places_of(argnums: Any, count: int) -> tuple[int, ...]:
    """Return the places of the chosen arguments, counted from the front."""
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)
    if not chosen:
        raise RuntimeError("argnums must be non-empty")
    for place in chosen:
        if not isinstance(place, int):
            raise RuntimeError(f"argnum must be int, got: {type(place)}")
        if not -count <= place < count:
            raise RuntimeError(f"Got argnum={place}, but only {count} positional inputs")
    places = tuple(place % count for place in chosen)
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return places
