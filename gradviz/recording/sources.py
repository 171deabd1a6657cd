"""Which program computed what is to be recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Any

from gradviz.engine.mixed import is_pytorchs
from gradviz.engine.tensor import Tensor
from gradviz.recording.engine import ENGINE
from gradviz.recording.told import Source


def source_of(outputs: Sequence[Any]) -> Source:
    """Return the program that computed some results.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a tensor, or has no graph, with what to do about it.
    """
    if outputs and is_pytorchs(outputs[0]):
        # It stands above this, and is loaded where PyTorch is.
        found: Source = resolve_name("gradviz.pytorch.known:source_of")(outputs)
        return found
    for output in outputs:
        _check(output)
    return ENGINE


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
        return f"{name}, which is PyTorch's own (draw what each of the two has computed by itself)"
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
        raise without_graph(output)


def without_graph(output: Any) -> ValueError:
    """Say why a tensor, the engine's or PyTorch's, has no graph to show."""
    why = (
        "it is a leaf, nothing was computed yet"
        if output.requires_grad
        else "nothing it was computed from has requires_grad=True, or it was computed under no_grad() or detached"
    )
    return ValueError(
        f"this tensor has no graph to show: {why}. Give an input requires_grad=True, compute a result from it, and "
        "pass that result."
    )
