"""From a program to a recording: what was computed, and what the backward pass did.

Nothing here differentiates anything. The values are the arrays that the operations read and made; the gradients are
those that the program's own backward pass carried along each edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from gradviz.recording.collect import Collection
from gradviz.recording.frames import frames_of
from gradviz.recording.later import all_kept
from gradviz.recording.model import Graph, Recording
from gradviz.recording.names import Names, find_names
from gradviz.recording.replay import Replay
from gradviz.recording.sources import source_of
from gradviz.recording.told import Pass, Source, ToldOperation
from gradviz.recording.words import shape_text


def record_graph(
    *outputs: Any,
    gradient: Any = None,
    backward: bool | None = None,
    names: Mapping[Any, Any] | None = None,
    variables: Sequence[Mapping[str, Any]] = (),
    title: str = "",
) -> Recording:
    """Make a recording of everything the outputs depend on.

    Parameters
    ----------
    outputs
        Results of recorded operations. A gradient starts from the first.
    gradient
        What to start with, for an output that is not a single number.
    backward
        True to run a backward pass for the recording, or show the one that has been run if its graph is freed; False
        for none; ``None`` for the one that has been run, if any.
    names
        Names that win over those found in `variables`.
    variables
        The caller's variables, the nearest scope first, from which tensors and modules get their names.
    title
        For a page's heading; by default the output and its expression.

    Raises
    ------
    TypeError, ValueError
        If an output is not a tensor, or has no graph, with what to do about it.
    """
    source = source_of(outputs)
    found = find_names(source, variables, names)
    return record_named(outputs, found, gradient=gradient, backward=backward, title=title)


def record_named(
    outputs: Sequence[Any],
    names: Names,
    *,
    gradient: Any = None,
    backward: bool | None = None,
    title: str = "",
    producer: str = "",
) -> Recording:
    """Make a recording where all names are known already; as `record_graph` otherwise, but for the program named as its `producer`."""
    from gradviz import __version__

    source = names.source
    operations = source.operations_behind(outputs)
    ran = _the_pass(source, outputs, operations, gradient, backward)
    with all_kept():
        collected = Collection(source, outputs, operations, names)
        frames = cast("Any", frames_of(collected, ran))
    recording = Recording(
        collected.graph,
        frames,
        title or collected.title(),
        producer or f"gradviz {__version__}",
        remarks=tuple(source.remarks(ran)),
    )
    again = Replay(collected, ran if ran is not None and ran.was_seen else None)
    object.__setattr__(recording, "again", again)  # it is frozen for everybody else
    return recording


def structure_of(
    source: Source, output: Any, operations: Sequence[ToldOperation], variables: Sequence[Mapping[str, Any]] = ()
) -> tuple[Graph, str, Sequence[tuple[str, ...]]]:
    """Write down a graph without its numbers, for a loop in which it is computed again and again.

    Parameters
    ----------
    source
        The program that computed.
    output, operations
        The result, and the operations behind it.
    variables
        As for `record_graph`.

    Returns
    -------
    tuple
        The graph; a title; and for each operation the ids of what stood in its slots, ``""`` where nothing was given.
    """
    collected = Collection(source, (output,), operations, find_names(source, variables), numbers=False)
    ids = [*collected.made.tensor_ids, ""]  # the last is that of what is `ABSENT`
    return (
        collected.graph,
        collected.title(),
        [tuple([ids[tensor] for tensor in tensors]) for tensors in collected.wiring.inputs],
    )


def _the_pass(
    source: Source, outputs: Sequence[Any], operations: Sequence[ToldOperation], gradient: Any, backward: bool | None
) -> Pass | None:
    if backward is False:
        return None
    if backward is None or source.freed(operations):
        past = source.past_pass(outputs, operations)
        if past is not None or backward is None:
            return past
        raise RuntimeError(
            "this graph has been freed by a backward pass that started elsewhere, or whose gradients were too many to be "
            "kept; call backward(retain_graph=True), or compute the result anew"
        )
    if gradient is None and outputs[0].numel() != 1:
        raise RuntimeError(
            "grad can be implicitly created only for scalar outputs\n\n"
            f"This result has shape {shape_text(tuple(outputs[0].shape))}: backpropagation starts from one number. Reduce it "
            "with .sum() or .mean(), or pass gradient= of the same shape."
        )
    return source.trial_pass(outputs, gradient)
