"""From the engine to a recording: what was computed, and what the backward pass did.

Nothing here differentiates anything. The values are the arrays that the operations read and made; the gradients are
those that the engine's own backward pass carried along each edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor, wrap
from gradviz.recording.collect import Collection
from gradviz.recording.frames import frames_of
from gradviz.recording.later import all_kept
from gradviz.recording.model import Graph, Recording
from gradviz.recording.names import Names, find_names
from gradviz.recording.passes import Key, Pass, freed, nodes_behind, past_pass, trial_pass
from gradviz.recording.replay import Replay
from gradviz.recording.words import shape_text


def record_graph(
    *outputs: Tensor,
    gradient: Tensor | None = None,
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
    for output in outputs:
        _check(output)
    return record_named(outputs, find_names(variables, names), gradient=gradient, backward=backward, title=title)


def record_named(
    outputs: Sequence[Tensor],
    names: Names,
    *,
    gradient: Tensor | None = None,
    backward: bool | None = None,
    title: str = "",
) -> Recording:
    """Make a recording where all names are known already; as `record_graph` otherwise."""
    from gradviz import __version__

    nodes = nodes_behind(outputs)
    ran = _the_pass(outputs, nodes, gradient, backward)
    with all_kept():
        collected = Collection(outputs, nodes, names)
        frames = tuple(frames_of(collected, ran))
    recording = Recording(collected.graph, frames, title or collected.title(), f"gradviz {__version__}")
    object.__setattr__(recording, "again", Replay(collected, ran))  # it is frozen for everybody else
    return recording


def structure_of(
    output: Tensor, nodes: Sequence[Node], variables: Sequence[Mapping[str, Any]] = ()
) -> tuple[Graph, str, dict[Key, str]]:
    """Write down a graph without its numbers, for a loop in which it is computed again and again.

    Parameters
    ----------
    output, nodes
        The result, and `nodes_behind` it.
    variables
        As for `record_graph`.

    Returns
    -------
    tuple
        The graph; a title; and the tensors' ids, by ``(node, number of the output)`` for a result, ``("leaf", id(tensor))``
        for a leaf and ``("constant", node, place)`` for a plain number.
    """
    collected = Collection((output,), nodes, find_names(variables), numbers=False)
    ids = {key: operand.id for key, operand in collected.operands.items()}
    return collected.graph, collected.title(), ids


def _in_words(output: Any) -> str:
    """Say what was passed in place of a tensor, and how that may have come about."""
    kind = type(output)
    known = kind.__module__.partition(".")[0]
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    if output is None:
        return "None (backward() and print() return nothing: call them on a line of their own, and pass the tensor)"
    if isinstance(output, list | tuple | dict | set):
        return f"a {name} (pass the tensors in it one by one: draw(a, b))"
    if isinstance(output, bool | int | float | str):
        return f"{name} {output!r:.40} (a plain value has no graph; .item(), float() and .tolist() leave it behind)"
    if hasattr(kind, "forward"):
        return f"the module {kind.__name__} (pass what it computes: draw(model(x)))"
    if known == "torch":
        return f"{name}, which is PyTorch's own (gradviz draws what was computed with gradviz)"
    if known == "numpy":
        return f"{name} (NumPy records nothing; .numpy() leaves the graph behind)"
    return name


def _check(output: Any) -> None:
    if not isinstance(output, Tensor):
        raise TypeError(
            f"expected a gradviz tensor, but got {_in_words(output)}. Pass the result of a computation made with "
            "`import gradviz as torch`, as in draw(loss)."
        )
    if output._grad_fn is None:
        why = (
            "it is a leaf, nothing was computed yet"
            if output.requires_grad
            else "nothing it was computed from has requires_grad=True, or it was computed under no_grad() or detached"
        )
        raise ValueError(
            f"this tensor has no graph to show: {why}. Give an input requires_grad=True, compute a result from it, and "
            "pass that result."
        )


def _the_pass(
    outputs: Sequence[Tensor], nodes: Sequence[Node], gradient: Tensor | None, backward: bool | None
) -> Pass | None:
    if backward is False:
        return None
    if backward is None or freed(nodes):
        past = past_pass(outputs, nodes)
        if past is not None or backward is None:
            return past
        raise RuntimeError(
            "this graph has been freed by a backward pass that started elsewhere, or whose gradients were too many to be "
            "kept; call backward(retain_graph=True), or compute the result anew"
        )
    seed = gradient
    if seed is None:
        if outputs[0].numel() != 1:
            shape = shape_text(tuple(outputs[0].shape))
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs\n\n"
                f"This result has shape {shape}: backpropagation starts from one number. Reduce it with .sum() or "
                ".mean(), or pass gradient= of the same shape."
            )
        seed = wrap(np.ones_like(outputs[0].array))
    return trial_pass(outputs[:1], [seed])
