"""`draw` and `backprop`: a computation made visible."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gradviz.recording import Recording, record_graph, variables_of

if TYPE_CHECKING:
    from gradviz.drawing import Comparison, Drawing
    from gradviz.engine.tensor import Tensor
    from gradviz.player import Player
    from gradviz.pytorch.needs import Unwatched
    from gradviz.pytorch.watch import Watch

__all__ = ["backprop", "draw", "watch"]


def draw(
    *outputs: Any,
    names: Mapping[Any, Any] | None = None,
    title: str = "",
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Drawing | Comparison:
    """Draw the computational graph behind a result, with values and, after ``backward()``, gradients.

    Parameters
    ----------
    *outputs
        Results of a computation; or one recording; or two recordings of the same structure, to be compared; or a model and
        what to call it with, ``draw(model, x)``: then it is run once for the picture, also one that is frozen or in
        ``eval()``, and random numbers, buffers, modes and every ``.grad`` stay as they were.
    names
        Names for tensors, ``{"w": tensor}``. By default a tensor is called by the variable that holds it, a module's
        parameter by its path.
    title
        A title for screen readers and saved pages; by default the result and its expression.
    kwargs
        With a model: further arguments for it, by name.
    **options
        How it is to look: ``direction``, ``detail``, ``show``, ``theme``, ``depth``, ``focus`` and the others of
        `gradviz.drawing.Options`; and ``step``, which moment of the run (by default the last).

    Returns
    -------
    Drawing
        Shows itself in Jupyter; ``.save("y.svg")`` writes a file.

    Raises
    ------
    ValueError
        If a tensor has no graph, because nothing it was computed from requires a gradient.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> x, b = gv.tensor(5.0), gv.tensor(3.0, requires_grad=True)
    >>> y = w * x + b
    >>> gv.draw(y)
    <Drawing 'y = w·x + b': 5 tensors, 2 operations, 3 steps>
    """
    from gradviz.drawing import compare as compare_drawings
    from gradviz.drawing import draw_recording

    recordings = [output for output in outputs if isinstance(output, Recording)]
    if len(outputs) == len(recordings) == 2:
        return compare_drawings(*(draw_recording(one, **options) for one in recordings))
    found = _recording_of(outputs, None, None, names, title, sys._getframe(1), kwargs)
    if _is_model(outputs[0]):  # no gradient comes to what was run for its picture
        options = {"show": {"grads": False}} | options
    return draw_recording(found, **options)


def backprop(
    *outputs: Any,
    gradient: Tensor | None = None,
    names: Mapping[Any, Any] | None = None,
    predict: bool = False,
    grain: str = "operation",
    apply: bool = False,
    title: str = "",
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Player:
    """Step through backpropagation from a result to its inputs, forwards and backwards in time.

    The backward pass is run for the player alone: every ``.grad``, retained ones included, and everything saved for backward
    stays as it is. Hooks that may change a gradient are called, as in every backward pass. If ``backward()`` has been called
    already and its graph is freed, that pass is shown.

    Parameters
    ----------
    *outputs
        Results of a computation, the first of which is differentiated; or one recording; or a model and what to call it with,
        as for `draw`.
    gradient
        The gradient to start with, for a result that is not a single number.
    names
        As for `draw`.
    predict
        Ask for each gradient before it is shown.
    grain
        ``"operation"``: a step is an operation; ``"event"``: each backward step is taken apart into what happens in it.
    apply
        Call ``backward()``, and play that pass: the gradients are added to the leaves' ``.grad``, and what was saved is
        freed.
    title, kwargs
        As for `draw`.
    **options
        How the picture is to look: see `draw`.

    Returns
    -------
    Player
        A widget for Jupyter; ``.save("y.html")`` writes the same as one page that needs no network.

    Raises
    ------
    ValueError, RuntimeError
        If a tensor has no graph, or is not a single number and no `gradient` is given.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> y = w * 5.0 + 3.0
    >>> player = gv.backprop(y)
    >>> player.step = 2
    >>> player
    Player('y = 5·w + 3', step 2 of 0 to 5)
    """
    from gradviz.drawing import draw_recording
    from gradviz.player import Player

    run: bool | None = True
    if apply and outputs and hasattr(outputs[0], "backward"):
        outputs[0].backward(gradient)
        run = None  # the one that has been
    found = _recording_of(outputs, run, gradient, names, title, sys._getframe(1), kwargs)
    return Player(draw_recording(found, **options), predict=predict, grain=grain)


def watch(*, fused: bool = False, budget: int | None = None) -> Watch | Unwatched:
    """Watch real PyTorch compute, so that everything of it can be drawn: each value, its line, its module.

    Parameters
    ----------
    fused
        False to run attention and recurrent layers as single operations, so that each can be seen; True to run what
        production runs.
    budget
        How many bytes of values may be held, 2 GiB unless told otherwise. Of the oldest beyond it statistics are kept.

    Returns
    -------
    Watch
        For a ``with`` statement. What was computed in it is drawn as everything is: ``gv.draw(loss)``. A PyTorch that lacks what
        a watch needs is not watched, which a warning says: what was computed is drawn after the fact.

    Raises
    ------
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch, gradviz as gv  # doctest: +SKIP
    >>> with gv.watch():  # doctest: +SKIP
    ...     loss = model(x).square().mean()
    >>> gv.draw(loss)  # doctest: +SKIP
    """
    from gradviz.pytorch.known import watching

    return watching(fused=fused) if budget is None else watching(fused=fused, budget=budget)


def _is_model(output: Any) -> bool:
    return hasattr(type(output), "named_parameters")


def _recording_of(
    outputs: tuple[Any, ...],
    backward: bool | None,
    gradient: Any,
    names: Any,
    title: str,
    frame: Any,
    kwargs: Mapping[str, Any] | None = None,
) -> Recording:
    if not outputs:
        raise TypeError("nothing to show: pass the result of a computation, as in gv.draw(loss)")
    if _is_model(outputs[0]):
        model, *inputs = outputs
        if not inputs and not kwargs:
            raise TypeError(
                f"to draw the module {type(model).__name__}, pass what it is called with, too: draw(model, x); or pass what "
                "it has computed: draw(model(x))"
            )
        from gradviz.forward import is_model, recording_of_a_model

        if not is_model(model):
            raise TypeError(
                f"{type(model).__name__} is no module of gradviz's or PyTorch's: run it yourself, and pass what it has computed, "
                "draw(model(x))"
            )
        variables = variables_of(frame)
        return recording_of_a_model(
            model, inputs, kwargs, variables, names, title, backward=backward, gradient=gradient
        )
    if kwargs is not None:
        raise TypeError("kwargs= is for a model: draw(model, x, kwargs={'mask': mask})")
    if isinstance(outputs[0], Recording):
        if len(outputs) > 1:
            raise TypeError("pass one recording at a time")
        return outputs[0]
    return record_graph(
        *outputs, gradient=gradient, backward=backward, names=names, variables=variables_of(frame), title=title
    )
