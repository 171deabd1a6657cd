"""What we add to PyTorch's error messages: which variable, which line, and what to do.

PyTorch's own words come first, unchanged, so that a search for them finds what the world has written; then, after an
empty line, what we know and PyTorch does not.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine import mixed
from gradviz.engine.scope import PACKAGE, running

if TYPE_CHECKING:
    from gradviz.engine.node import Node
    from gradviz.engine.tensor import Tensor


SECOND_TIME = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward."
)

TWICE = "trying to differentiate twice a function that was marked with @once_differentiable"


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


def unused(words: str, output: Tensor | None) -> str:
    """A gradient is asked for with respect to a tensor that the result does not depend on."""
    return (
        f"{words}\n\n{_called(output)} plays no part in what was computed, so its gradient is not zero but missing. Look "
        "for a name that was used twice, or a copy made with detach() or torch.tensor(...) in between; "
        "draw(result) shows what it was computed from. With allow_unused=True the answer is None."
    )


def not_floating(words: str, tensor: Tensor | None = None) -> str:
    """A gradient is wanted for integers or bools."""
    start = f"{_called(tensor)} holds {_kind(tensor)} numbers" if tensor is not None else "These are integers or bools"
    return (
        f"{words}\n\n{start}. A gradient says what happens when a number changes a little, and these cannot change a "
        "little. Write them with a decimal point, torch.tensor([1.0, 2.0], requires_grad=True), or convert them first "
        "with .float()."
    )


def only_floating_mean(words: str, tensor: Tensor) -> str:
    """The mean of integers is asked for."""
    return (
        f"{words}\n\n{_called(tensor)} holds {_kind(tensor)} numbers, whose mean is rarely one of them. Convert them "
        f"first: {_name(tensor) or 'x'}.float().mean()."
    )


def inner_sizes(words: str, left: Tensor, right: Tensor) -> str:
    """Two matrices do not fit together."""
    (rows, columns), (first, last) = left.array.shape, right.array.shape
    parts = [
        f"In a matrix product each row of the left meets each column of the right, so the left's columns ({columns}) must "
        f"be as many as the right's rows ({first})."
    ]
    inside = running.call
    if inside is not None:
        parts.append(
            f"This happened in the module {inside.tag.label}: its input has rows of {columns} features, and its weight "
            f"takes {first}. Give the layer in_features={columns}, or give it other data."
        )
    else:
        a, b = _name(left) or "a", _name(right) or "b"
        fits = [
            f"{x} @ {y} gives ({m} × {n})"
            for x, y, m, k, j, n in (
                (f"{a}.T", b, columns, rows, first, last),
                (a, f"{b}.T", rows, columns, last, first),
            )
            if k == j
        ]
        parts.append(f"What fits: {', '.join(fits)}." if fits else f"{_listed(left, right)}.")
    return f"{words}\n\n{' '.join(parts)}"


def other_dtypes(words: str, left: Tensor, right: Tensor) -> str:
    """Two matrices hold different kinds of numbers."""
    which = left if left.array.dtype.kind != "f" else right
    return (
        f"{words}\n\nThe matrices hold {_kind(left)} and {_kind(right)} numbers. Convert one of them, for example "
        f"{_name(which) or 'x'}.to({_name(right if which is left else left) or 'w'}.dtype)."
    )


def do_not_broadcast(words: str, left: Any, right: Any) -> str:
    """Two shapes do not fit together, entry by entry."""
    return (
        f"{words}\n\n{_listed(left, right)}. Entry by entry, sizes are compared from the last to the first, and two of "
        "them fit when they are equal or one of them is 1. Reshape one with .reshape(...), .unsqueeze(...) or .T, or take "
        "as many entries from both."
    )


def many_numbers(words: str, tensor: Tensor) -> str:
    """One number is wanted, and there are many, or none."""
    name = _name(tensor) or "x"
    return (
        f"{words}\n\n{_called(tensor)} has shape {list(tensor.shape)}: {tensor.numel()} numbers. Make one of them, with "
        f"{name}.sum() or {name}.mean(), or pick one, {name}[...]; {name}.tolist() gives them all."
    )


def ambiguous_truth(words: str, tensor: Tensor) -> str:
    """``if`` or ``and`` asks many numbers for one answer."""
    return (
        f"{words}\n\n{_called(tensor)} has shape {list(tensor.shape)}, and `if`, `while`, `and`, `or` and `not` need one "
        "yes or no. Say which: .any() (at least one), .all() (each of them); or compute entry by entry with &, | and "
        "torch.where(condition, a, b). `if x is not None:` asks whether there is a tensor at all."
    )


def numpy_of_tracked(words: str, tensor: Tensor) -> str:
    """An array is wanted of a tensor that gradients flow to."""
    return (
        f"{words}\n\nNumPy does not record what it computes, so the graph behind {_called(tensor, start=False)} would end there "
        f"without a word. For a plot, write {_name(tensor) or 'x'}.detach().numpy(); in a loss, compute with torch's own "
        "functions, torch.sin(x) for np.sin(x.numpy())."
    )


def grad_of_non_leaf(words: str, tensor: Tensor) -> str:
    """``.grad`` is read of an intermediate result."""
    made = type(tensor.grad_fn).__name__
    return (
        f"{words}\n\n{_called(tensor)} was computed (by {made}); backward() passes its gradient on and keeps only those of "
        f"leaves. To see it, call {_name(tensor) or 'y'}.retain_grad() before backward(), or draw the graph, which shows it."
    )


def gradient_shape(words: str, output: Any, gradient: Any) -> str:
    """A gradient has another shape than what it belongs to."""
    return (
        f"{words}\n\nA gradient has one number for each number of its tensor: {_called(output, start=False)} has shape "
        f"{list(output.shape)}, and the gradient given has {list(gradient.shape)}. torch.ones_like(...) has the right one."
    )


def no_parameters(words: str) -> str:
    """An optimizer is made for nothing."""
    theirs = "torch" in sys.modules and not hasattr(sys.modules["torch"], "__gradviz__")
    also = (
        " Or it is a module of PyTorch's own, which is imported here too and does not find gradviz's layers."
        if theirs
        else ""
    )
    return (
        f"{words}\n\nNothing was given to optimize. Either the model has no parameters (a layer kept in a plain list or "
        "dict is not found: use nn.ModuleList or nn.ModuleDict), or model.parameters() was looped over before: it can be "
        f"gone through once, so call it anew: torch.optim.SGD(model.parameters(), lr=0.1).{also}"
    )


def one_parameter(words: str, tensor: Tensor) -> str:
    """An optimizer is given a tensor in place of a list of them."""
    name = _name(tensor) or "w"
    return f"{words}\n\nPut the tensor into a list, even if it is the only one: [{name}]."


def not_a_parameter(words: str, tensor: Tensor) -> str:
    """An optimizer is given the result of a computation."""
    made = type(tensor.grad_fn).__name__
    return (
        f"{words}\n\n{_called(tensor)} was computed (by {made}), so it would be computed anew from the old numbers in the "
        "next step. Give the optimizer what it was computed from; or, if this is the start, make it a leaf: "
        f"{_name(tensor) or 'w'}.detach().requires_grad_()."
    )


def before_init(words: str, module: Any, name: str) -> str:
    """A module is used before its base class has been set up."""
    line = "anything else" if name.startswith("_") else f"the line with self.{name}"
    return (
        f"{words}\n\nThe class {type(module).__name__} has to begin its __init__ with super().__init__(), before {line}: it "
        "makes the place where layers and parameters are kept."
    )


def no_forward(words: str, module: Any) -> str:
    """A module without ``forward`` is called."""
    return (
        f"{words}\n\nWrite `def forward(self, x): ...` in the class {type(module).__name__}, inside of it (look at the "
        "indentation), and return the result."
    )


def not_a_tensor(words: str, value: Any) -> str:
    """A layer is given plain numbers."""
    if mixed.is_pytorchs(value):
        return mixed.explained(words, value)
    return f"{words}\n\nMake a tensor of it first: torch.tensor(...), or torch.from_numpy(...) for an array of NumPy's."


def one_hot_integers(words: str, target: Tensor) -> str:
    """The target of a cross-entropy has the shape of probabilities and the numbers of classes."""
    name = _name(target) or "target"
    return (
        f"{words}\n\n{_called(target)} has a number for each class, so it is read as probabilities, and those have a decimal "
        f"point: {name}.float(). If it is one-hot, the numbers of the classes do as well, and cost less: "
        f"{name}.argmax(dim=1)."
    )


def class_numbers(words: str, target: Tensor) -> str:
    """The target of a cross-entropy has the shape of class numbers and is not integer."""
    name = _name(target) or "target"
    return (
        f"{words}\n\n{_called(target)} has one number for each example, so it is read as the number of its class, 0, 1, 2, "
        f"...: write {name}.long(). For yes or no, one score for each example, use nn.BCEWithLogitsLoss, which takes "
        "floats."
    )


def class_out_of_bounds(words: str, classes: int) -> str:
    """A target names a class that has no score."""
    return (
        f"{words}\n\nThere are scores for {classes} classes, which are numbered from 0 to {classes - 1}. If your classes "
        "start with 1, subtract 1; else give the last layer more outputs."
    )


def not_probabilities(words: str, input: Tensor) -> str:
    """Binary cross-entropy is given something else than probabilities."""
    low, high = float(input.array.min()), float(input.array.max())
    return (
        f"{words}\n\n{_called(input)} goes from {low:.4g} to {high:.4g}: these are scores (logits), not probabilities. Put "
        "a sigmoid before the loss, or give the scores to nn.BCEWithLogitsLoss (F.binary_cross_entropy_with_logits), "
        "which has the sigmoid in it and does not overflow."
    )


def not_float_targets(words: str, target: Tensor) -> str:
    """Binary cross-entropy is given integer targets."""
    return (
        f"{words}\n\n{_called(target)} holds {_kind(target)} numbers. Here a target is a probability, 0.0 or 1.0 or in "
        f"between: write {_name(target) or 'target'}.float()."
    )


def broadcast_loss(words: str, input: Tensor, target: Tensor) -> str:
    """A loss compares every prediction with every target."""
    pairs = broadcast_count(input.array.shape, target.array.shape)
    return (
        f"{words}\n\n{_listed(input, target)}. Broadcast, they make {pairs} differences, where there are "
        f"{max(input.numel(), target.numel())} examples: predictions meet targets that are not theirs. Give both one "
        f"shape, for example {_name(target) or 'target'}.reshape({', '.join(map(str, input.shape))})."
    )


def broadcast_count(left: tuple[int, ...], right: tuple[int, ...]) -> int | str:
    """Return how many entries two shapes make together."""
    try:
        return math.prod(np.broadcast_shapes(left, right))
    except ValueError:
        return "no"


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


def _name(tensor: Any) -> str | None:
    """Return the name under which the caller knows a tensor, of which an array may be all that we have."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    for names in (frame.f_locals, frame.f_globals):
        for name, value in list(names.items()):
            ours = type(value).__module__.startswith("gradviz.")
            if (value is tensor or (ours and getattr(value, "array", None) is tensor)) and not name.startswith("_"):
                return name
    return None


def _called(tensor: Any, start: bool = True) -> str:
    name = _name(tensor)
    return f"`{name}`" if name else "This tensor" if start else "this tensor"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _listed(left: Any, right: Any) -> str:
    first, second = (f"`{name}`" if (name := _name(each)) else None for each in (left, right))
    shapes = [list(np.shape(getattr(each, "array", each))) for each in (left, right)]
    return f"{first or 'The first'} has shape {shapes[0]}, {second or 'the second'} {shapes[1]}"


def similar(name: str, names: Iterable[str]) -> str:
    """Say which names come close to one that is not there; of private names, for which programs ask often, none does."""
    import difflib

    public = [] if name.startswith("_") else [each for each in names if not each.startswith("_")]
    close = difflib.get_close_matches(name, public, n=3, cutoff=0.75)
    return f". Did you mean {' or '.join(close)}?" if close else ""
