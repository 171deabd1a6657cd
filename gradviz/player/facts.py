"""What a reader may ask the player about: every tensor and operation, and what each step made known, in full."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradviz.recording.codec import encode
from gradviz.recording.later import changed
from gradviz.recording.model import Recording, Value
from gradviz.recording.paths import paths_of


def facts(recording: Recording) -> dict[str, Any]:
    """Return the graph and the numbers of a recording as plain JSON data, in the recording's own format.

    Parameters
    ----------
    recording
        The one that is drawn, so that its ids are those of the picture.

    Returns
    -------
    dict
        ``tensors`` and ``operations``, and for each step in ``frames`` the values, contributions and gradients that it
        made known. Fields that have their default are left out; numbers that JSON does not know are ``"nan"``, ``"inf"``
        and ``"-inf"``.
    """
    return {
        "tensors": encode(recording.graph.tensors),
        "operations": encode(recording.graph.operations),
        "frames": [
            {
                "values": encode(tuple((id, _without_pixels(value)) for id, value in frame.values)),
                "contributions": encode(frame.contributions),
                "gradients": encode(
                    tuple(replace(gradient, value=_without_pixels(gradient.value)) for gradient in frame.gradients)
                ),
            }
            for frame in recording.frames
        ],
    }


def _without_pixels(value: Value) -> Value:
    """Return a value without what is kept for its picture: the page has the picture."""
    return value if value.image is None else changed(value, image=None)


MOST_COUNTED = 2**53
"""Up to here whole numbers are exact in JavaScript."""


def chains(recording: Recording) -> dict[str, Any]:
    """Return the paths from the output to the leaves as plain JSON data.

    Parameters
    ----------
    recording
        What was computed, all of it: the paths are the same however far its modules are folded.

    Returns
    -------
    dict
        By the id of a leaf: ``paths``, each with its ``edges``, its ``text`` and, unless it is the only one, its ``value``;
        ``more``, how many paths there are beside these; and ``rest``, what they bring together, if anything.
    """
    found: dict[str, Any] = {}
    for leaf, all_of_them in paths_of(recording).items():
        more = all_of_them.count - len(all_of_them.paths)
        about = more if more < MOST_COUNTED else float(f"{more:.4g}") if more < 10**300 else "inf"
        found[leaf] = {"paths": encode(all_of_them.paths), "more": about}
        if all_of_them.rest is not None:
            found[leaf]["rest"] = encode(all_of_them.rest)
    return found
