"""What a saved page carries of the insides of modules: the numbers of each, and the picture of those that look alike once."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.player.insides import Inside, Insides
from gradviz.player.payload import geometry, told
from gradviz.player.placed import Placed, renamed, with_common_room
from gradviz.recording.codec import encode
from gradviz.recording.values import preview_of, summary_of, value_of

BYTES, OF_A_PAGE = 2_200_000, 3_100_000
"""About so many bytes of a page are the insides of modules at most, and all of it; packed as well as can be, it is less than 3 MB."""

MOST_OPERATIONS = 1500
"""Operations in all pictures that a page carries beside the whole: each takes its time to be put into words."""

LARGE = 256
"""Entries of a tensor of which a page has all where it has little room."""

OF_AN_ENTRY = 8
"""So many bytes a number takes in a page at least."""

SHORT = 8
"""A row of so many numbers is written as often as it comes."""

Part = tuple[str, str, Any]
"""A kind, a name, and what it says."""


def carry(insides: Insides, taken: int = 0) -> tuple[list[Part], set[str]]:
    """Return the parts of a page, and the keys of the insides that have one.

    Parameters
    ----------
    insides
        All pictures. If they take more bytes than there are to spend, they do without their pictures the other way round; then
        without the entries of large tensors, which have their statistics and a small preview, as still larger ones have
        everywhere; if that is not enough, what is farthest inside stays out.
    taken
        Bytes that the rest of the page has.
    """
    room = min(BYTES, OF_A_PAGE - taken)
    drawn = _within(insides)
    drawings = with_common_room([one.drawing for one in drawn if isinstance(one.drawing, Placed)])
    patterns: dict[str, tuple[str, Placed]] = {}
    found: list[tuple[Inside, list[Part]]] = []
    looks: list[tuple[str, Placed]] = []
    for one, drawing in zip(drawn, drawings, strict=True):
        skeleton, mine = drawing.skeleton, list[Part]()
        if skeleton not in patterns:
            patterns[skeleton] = name, _ = str(len(patterns)), drawing
            mine.append(("picture", name, picture(drawing, f"gv{hashlib.sha256(skeleton.encode()).hexdigest()[:10]}")))
        name, pattern = patterns[skeleton]
        looks.append((name, drawing))
        part = told(insides, one.key, drawing)
        part["picture"] = name
        part["ids"] = {common: id for id, common in drawing.ids.items() if id != common}
        part["words"] = others(drawing.words, pattern.words)
        mine.append(("inside", one.key, part))
        found.append((one, mine))
    large = sum(_large_entries(mine) for _, mine in found)
    sizes = [size(*(said for _, _, said in mine)) for _, mine in found] if large * OF_AN_ENTRY <= room else [room + 1]
    if sum(sizes) <= room:
        _turn(found, looks, dict(patterns.values()), room - sum(sizes))
    else:
        for _, mine in found:
            _without_entries(mine)
        sizes = [size(*(said for _, _, said in mine)) for _, mine in found]
    parts: list[Part] = []
    carried = {""}
    for (one, mine), taking in zip(found, sizes, strict=True):
        room -= taking
        if room < 0:
            break
        carried.add(one.key)
        parts += mine
    for kind, _, part in parts:
        if kind == "inside":
            part["opens"] = {id: key for id, key in part["opens"].items() if key in carried}
            part["numbers"] = numbers_once(part["facts"]["frames"])
    return parts, carried


def _turn(
    found: Sequence[tuple[Inside, list[Part]]],
    looks: Sequence[tuple[str, Placed]],
    patterns: Mapping[str, Placed],
    room: int,
) -> None:
    """Add the pictures the other way round, if there is room for all of them."""
    words = {name: pattern.turned.words for name, pattern in patterns.items()}
    turned: list[tuple[dict[str, Any], Any]] = []
    for (_, mine), (name, drawing) in zip(found, looks, strict=True):
        for kind, _, part in mine:
            if kind == "inside":
                turned.append((part, others(drawing.turned.words, words[name])))
            else:
                turned.append((part, turned_picture(patterns[name], part["prefix"])))
    if size([more for _, more in turned]) <= room:
        for part, more in turned:
            part["turned"] = more


def _within(insides: Insides) -> list[Inside]:
    """Return the insides that a page has time for, the outer ones first."""
    found, left = [], MOST_OPERATIONS
    for one in insides:
        if one.key:
            left -= len(one.drawing.shown.graph.operations)
            if left < 0:
                break
            found.append(one)
    return found


def others(words: Sequence[str], common: Sequence[str]) -> dict[str, str] | None:
    """Return which words of a picture are other than those of the one it looks like, by their places; ``None`` if it has not as many."""
    if len(words) != len(common):
        return None
    return {str(place): word for place, (word, one) in enumerate(zip(words, common, strict=True)) if word != one}


def picture(drawing: Placed, prefix: str) -> dict[str, Any]:
    """Return a picture that several insides have in common, before anything is known in it."""
    return {"prefix": prefix, **_picture(drawing, prefix)}


def turned_picture(drawing: Placed, prefix: str) -> dict[str, Any]:
    """Return what is other in it with its data flowing the other way."""
    other = _picture(drawing.turned, prefix)
    return {name: other[name] for name in ("svg", "direction", "grids")}


def _picture(drawing: Placed, prefix: str) -> dict[str, Any]:
    where = geometry(drawing)
    where["grids"] = {renamed(key, drawing.ids): grid for key, grid in where["grids"].items()}
    return {"svg": drawing.blank.replace("gvinside", prefix), **where}


def numbers_once(frames: Any) -> list[list[Any]]:
    """Put in the place of all longer rows of numbers in some steps where they are in a list, and return that.

    What is sent along an edge is mostly the gradient that arrives; a tensor that only turns or reshapes another has its numbers.
    """
    found: list[list[Any]] = []
    places: dict[tuple[Any, ...], int] = {}
    waiting = [frames]
    while waiting:
        part = waiting.pop()
        inner = part.values() if isinstance(part, dict) else part
        waiting.extend(each for each in inner if isinstance(each, dict | list))
        if isinstance(part, dict) and isinstance(part.get("data"), list) and len(part["data"]) > SHORT:
            row = part["data"]
            place = places.setdefault((type(row[0]), *row), len(found))
            if place == len(found):
                found.append(row)
            part["data"] = place
    return found


def _large_entries(parts: Iterable[Part]) -> int:
    """Count the entries of larger tensors."""
    waiting: list[Any] = [part["facts"]["frames"] for kind, _, part in parts if kind == "inside"]
    count = 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict) and isinstance(part.get("data"), list):
            count += len(part["data"]) if len(part["data"]) > LARGE else 0
        else:
            inner = part.values() if isinstance(part, dict) else part
            waiting.extend(each for each in inner if isinstance(each, dict | list))
    return count


def _without_entries(parts: Iterable[Part]) -> None:
    for kind, _, part in parts:
        if kind == "inside":
            without_large(part["facts"]["frames"])


def without_large(frames: Any) -> None:
    """Put in the place of the entries of larger tensors what is kept of the largest: their statistics, and a preview."""
    waiting = [frames]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict) and isinstance(part.get("data"), list) and len(part["data"]) > LARGE:
            entries = np.array(part["data"], dtype=float).reshape(part["shape"])
            whole = {"summary": summary_of(entries), "preview": value_of(preview_of(entries))}
            part |= {"data": None, **{name: encode(said) for name, said in whole.items()}}
        else:
            inner = part.values() if isinstance(part, dict) else part
            waiting.extend(each for each in inner if isinstance(each, dict | list))


def size(*said: Any) -> int:
    """How many bytes something that is said takes in a page, about."""
    texts = (json.dumps(each, separators=(",", ":")).encode() for each in said)
    return sum(len(zlib.compress(text, 1)) * 4 // 3 for text in texts)
