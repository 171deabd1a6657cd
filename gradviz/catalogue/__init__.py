"""Every sentence that gradviz says, in one catalogue: ``en.json``, by what is said and in which case.

- ``rows``: how each row of the table of operations passes the gradient on, by the row's name; by the name of its ``grad_fn``
  where several rows share one and each says something else. A row has one text, or one for each case: ``""`` is what is true
  whatever happened; ``to w`` where that argument alone gets a gradient (``to a+b``: those two do); ``twice`` where one tensor is
  all arguments; ``stretched`` where one was broadcast (before other conditions: ``stretched to w``); ``all`` and ``along`` for a
  reduction of all axes, and of some; ``scaled`` for a row with a factor. ``{"same": key}`` refers to another row.
- ``forward``: how a row computes its result, where that is worth a sentence.
- ``step``: what is said beside that at a step.
- ``meaning``: what the words in formulas stand for.
- ``laboratory``: why a page cannot run a computation on other numbers; ``onward``: why it cannot train a run on.
- ``player`` and ``training``: the pages' own words, for the front end.
- ``why``: what `gradviz.why` answers, in ``why.en.json``: for each cause a sentence, and under ``do: cause`` what to do about it.
- ``pytorch``: what a picture of PyTorch's own computation leaves out, and why, in ``pytorch.en.json``.

A ``{name}`` in a text is filled in.
"""

from __future__ import annotations

import json
import os.path
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

__all__ = ["cases_of", "meaning", "text", "text_or_nothing"]


def _read(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


@cache
def catalogue() -> Mapping[str, Any]:
    """Return all texts, by section and key."""
    apart = {section: json.loads(_read(f"{section}.en.json")) for section in ("why", "pytorch")}
    return {**json.loads(_read("en.json")), **apart}


def text(key: str, section: str = "step", **given: object) -> str:
    """Return a text.

    Parameters
    ----------
    key, section
        Which.
    **given
        What to write for the names in it.

    Raises
    ------
    KeyError
        If there is none, or a name in it is not given.

    Examples
    --------
    >>> text("computed", name="y", sources="w and x")
    'y is computed from w and x.'
    """
    written: str = catalogue()[section][key]
    return written.format_map(given)


def text_or_nothing(key: str, section: str, **given: object) -> str:
    """Return a text as `text` does; nothing if there is none.

    Examples
    --------
    >>> text_or_nothing("mm", "forward", self="x", mat2="w"), text_or_nothing("add", "forward")
    ('Each entry is a row of x times a column of w.', '')
    """
    return text(key, section, **given) if key in catalogue()[section] else ""


def cases_of(keys: Iterable[str]) -> Mapping[str, str]:
    """Return what a row says of how it passes the gradient on, by case.

    Parameters
    ----------
    keys
        Under which it may stand: the name of its ``grad_fn``, its own.

    Returns
    -------
    dict
        Its texts; none if the catalogue does not have the row.

    Examples
    --------
    >>> cases_of(["NegBackward0", "neg"])
    {'': 'A minus sign turns the gradient around.'}
    """
    rows = catalogue()["rows"]
    found: Any = next((rows[key] for key in keys if key in rows), {})
    while "same" in found and isinstance(found, dict):
        found = rows[found["same"]]
    return {"": found} if isinstance(found, str) else found


def meaning(word: str, operation: str = "") -> str:
    """Say what a function in a formula stands for; empty if it needs no explanation.

    Parameters
    ----------
    word
        The function's name in the formula, or that of a number that follows from the arguments.
    operation
        What to call the operation of whose way back the word speaks; by default as the word does.

    Examples
    --------
    >>> meaning("put")
    'put(g): each entry of g goes back to where it was taken from; all other places get 0.'
    >>> meaning("avg_pool2d_T", "F")
    'Fᵀ(g): each entry of g goes back to the entries that it was made of, with the weight that each had.'
    """
    meanings = catalogue()["meaning"]
    if word in meanings:
        return str(meanings[word])
    name, _, ending = word.rpartition("_")
    return str(meanings[ending]).format(name=operation or name) if ending in meanings and name else ""
