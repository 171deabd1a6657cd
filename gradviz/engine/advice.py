"""What we add to PyTorch's error messages: which variable, which line, and what to do.

PyTorch's own words come first, unchanged, so that a search for them finds what the world has written; then, after an
empty line, what we know and PyTorch does not.
"""

from __future__ import annotations

import difflib
import linecache
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz.engine.node import Node
    from gradviz.engine.tensor import Tensor

_PACKAGE = str(Path(__file__).parents[1])

SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward."
)


def second_time(node: Node) -> str:
    """A graph that has been freed is used again."""
    return (
        f"{SECOND_TIME}\n\nWhat {_where(node.origin)} had saved was dropped by the first backward pass. If you want two "
        "passes over one graph, call backward(retain_graph=True) the first time; in a training loop, compute the loss "
        "anew from the inputs in every step."
    )


def not_a_scalar(output: Tensor) -> str:
    """``backward()`` is called on many numbers."""
    name = _name(output) or "loss"
    return (
        f"grad can be implicitly created only for scalar outputs\n\n{_called(output)} has shape {list(output.shape)}: "
        f"{output.numel()} numbers, and backward() starts from one. Make one of them first, with {name}.sum().backward() "
        f"or {name}.mean().backward(), or say how much each one counts: {name}.backward(gradient=...), of the same shape."
    )


def nothing_to_do(output: Tensor, index: int) -> str:
    """``backward()`` is called on a tensor without a graph."""
    return (
        f"element {index} of tensors does not require grad and does not have a grad_fn\n\n{_called(output)} has no graph "
        "behind it: nothing it was computed from has requires_grad=True, or it was computed under no_grad() or after "
        "detach(). Make the tensors you want gradients for with requires_grad=True before computing with them."
    )


def leaf_in_place(leaf: Tensor, view: bool = False) -> str:
    """A leaf that wants a gradient is changed in place."""
    which = "a view of a leaf Variable" if view else "a leaf Variable"
    return (
        f"{which} that requires grad is being used in an in-place operation.\n\n{_called(leaf)} is a leaf: its gradient "
        "belongs to the numbers it holds now. To update it by hand, write the change inside `with torch.no_grad():`; to "
        "compute with a changed copy, write the operation without the underscore or the assignment."
    )


def modified(kind: str, shape: list[int], which: str, version: int, expected: int, node: Node, change: Any) -> str:
    """What an operation saved has been changed in place."""
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{kind} {shape}]{which} is at version {version}; expected version {expected} instead. Hint: enable anomaly "
        "detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False).\n\n"
        f"The gradient of {_where(node.origin)} needs the numbers that were there when it ran; they have been "
        f"overwritten since{f' by {_where(change)}' if change else ''}. Use the operation that makes a new tensor "
        "instead of the one that changes it (y = y + 1 for y += 1, relu(x) for relu_(x)), or change it after backward()."
    )


# --- what we know ----------------------------------------------------------------------------------------------------


def line_of(origin: tuple[Any, int]) -> tuple[str, int, str, str]:
    """Return file, line number, function and text of the line that ran an operation."""
    code, instruction = origin
    number = next(
        (line for start, end, line in code.co_lines() if line is not None and start <= instruction < end),
        code.co_firstlineno,
    )
    return code.co_filename, number, code.co_name, linecache.getline(code.co_filename, number).strip()


def traceback_line(origin: tuple[Any, int]) -> str:
    """Return a line of the forward pass as Python's tracebacks show it."""
    file, number, function, text = line_of(origin)
    return f'  File "{file}", line {number}, in {function}\n' + (f"    {text}\n" if text else "")


def _where(origin: tuple[Any, int]) -> str:
    _, number, _, text = line_of(origin)
    shown = text if len(text) <= 60 else text[:59] + "…"
    return f"`{shown}` (line {number})" if text else f"line {number}"


def _name(tensor: Tensor) -> str | None:
    """Return the name under which the caller knows a tensor."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    for names in (frame.f_locals, frame.f_globals):
        for name, value in list(names.items()):
            if value is tensor and not name.startswith("_"):
                return name
    return None


def _called(tensor: Tensor) -> str:
    name = _name(tensor)
    return f"`{name}`" if name else "This tensor"


def absent(module: str, name: str, names: Iterable[str]) -> AttributeError:
    """Return the error for a name that a module of PyTorch's may have, and that of ours does not.

    Parameters
    ----------
    module, name
        ``"nn.functional"``, ``"grid_sample"``.
    names
        What there is.
    """
    there = sorted(names)
    if len(there) <= 30:
        return AttributeError(f"gradviz has no {module}.{name}; there are: {', '.join(there)}")
    close = difflib.get_close_matches(name, there, n=3, cutoff=0.7)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return AttributeError(f"gradviz has no {module}.{name}.{hint} What there is: dir(gradviz.{module})")
