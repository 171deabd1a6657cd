"""What a reader may ask the player about: every tensor and operation, and what each step made known, in full."""

from __future__ import annotations

from typing import Any

from gradviz.recording.codec import encode
from gradviz.recording.model import Recording


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
                "values": encode(frame.values),
                "contributions": encode(frame.contributions),
                "gradients": encode(frame.gradients),
            }
            for frame in recording.frames
        ],
    }
