"""What the functions of `gradviz.autograd.functional` are made of: inputs, vectors and outputs, checked in PyTorch's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.engine import functions
from gradviz.engine.backward import grad
from gradviz.engine.tensor import Tensor, wrap

Function = Callable[..., Any]
Tensors = tuple[Tensor, ...]

OF_FUNCTION = "outputs of the user-provided function"
STRATEGIES = ("forward-mode", "reverse-mode")

# What `strict` refuses, by what turned out to be constant.
NO_GRADIENT = {
    "outputs": (
        "Output {} of the user-provided function does not require gradients. The outputs must be computed in a "
        "differentiable manner from the input when running in strict mode."
    ),
    "grad_inputs": (
        "The gradient with respect to input {} is independent of the inputs of the user-provided function. This is not "
        "allowed in strict mode."
    ),
    "jacobian": (
        "While computing the hessian, found that the jacobian of the user-provided function with respect to input {} is "
        "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
        "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for "
        "example)."
    ),
}
INDEPENDENT = {
    "output": "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "entry": "Output {output} of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "trick": (
        "The gradient with respect to the input is independent of entry {} in the grad_outputs when using the double "
        "backward trick to compute forward mode gradients. This is not allowed in strict mode."
    ),
    "jacobian": "The jacobian of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "hessian trick": (
        "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. This is not allowed in "
        "strict mode as it prevents from using the double backward trick to replace forward mode AD."
    ),
}
CONSTANT = (
    "The {} of the user-provided function is independent of input {}. This is not allowed in strict mode when "
    "create_graph=True."
)


# --- parts -----------------------------------------------------------------------------------------------------------


def jacobian_of(number: int, output: Tensor, inputs: Tensors, strict: bool, create_graph: bool) -> Tensors:
    """Return the Jacobian of one output with respect to each input: a backward pass for each entry of the output."""
    shape, count = tuple(output.shape), output.numel()
    rows = []
    for one in np.eye(count, dtype=output.array.dtype).reshape(count, *shape):
        found = gradients_of((output,), inputs, (wrap(one),), create_graph, retain_graph=True)
        rows.append(or_zeros(found, inputs, strict, create_graph, "entry", number))
    if not rows:
        return tuple(wrap(np.zeros((*shape, *given.shape), given.array.dtype)) for given in inputs)
    return tuple(
        functions.stack(column, 0).reshape((*shape, *given.shape))
        for given, column in zip(inputs, zip(*rows, strict=True), strict=True)
    )


def gradients_of(
    outputs: Sequence[Tensor | None],
    inputs: Tensors,
    vector: Tensors | None,
    create_graph: bool,
    retain_graph: bool | None = None,
) -> tuple[Tensor | None, ...]:
    """Do as ``autograd.grad``, where outputs may be constant or missing."""
    vectors = [None] * len(outputs) if vector is None else vector
    pairs = [
        (output, start)
        for output, start in zip(outputs, vectors, strict=True)
        if output is not None and output.requires_grad
    ]
    if not pairs:
        return (None,) * len(inputs)
    starts, seeds = zip(*pairs, strict=True)
    return grad(starts, inputs, seeds, retain_graph=retain_graph, create_graph=create_graph, allow_unused=True)


def tensors_of(value: Any, what: str, function: str) -> tuple[bool, Tensors]:
    """Return whether a value is a tuple, and the tuple."""
    several = isinstance(value, tuple)
    tensors = value if several else (value,)
    for index, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            which = f"value at index {index}" if several else f"given {what}"
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the {which} has type "
                f"{type(tensor)}."
            )
    return several, tensors


def fresh(tensors: Tensors, create_graph: bool, need_graph: bool = True) -> Tensors:
    """Return new tensors with the same numbers: the function may use the old ones elsewhere, as constants."""
    return tuple(
        tensor.view_as(tensor) if create_graph and tensor.requires_grad else tensor.detach().requires_grad_(need_graph)
        for tensor in tensors
    )


def zeros_for(tensors: Tensors) -> Tensors:
    """Return variables for the double backward trick. What they hold does not matter, since it is linear in them."""
    return tuple(wrap(np.zeros_like(tensor.array)).requires_grad_() for tensor in tensors)


def vector_for(v: Any, others: Tensors, several: bool, function: str, create_graph: bool) -> Tensors:
    """Return `v` as a tuple, if it has the shapes of the others."""
    _, vector = tensors_of(v, "v", function)
    vector = fresh(vector, create_graph, need_graph=False)
    if len(vector) != len(others):
        if several:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(others)} but got {len(vector)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for index, (part, other) in enumerate(zip(vector, others, strict=True)):
        if part.shape != other.shape:
            which = f"Entry {index} in " if several else ""
            raise RuntimeError(f"{which}v has invalid size: should be {other.shape} but got {part.shape}.")
    return vector


def vector_or_one(v: Any, inputs: Tensors, several: bool, function: str, create_graph: bool) -> Tensors | None:
    """Return `v` as a tuple; ``None``, which stands for 1, where the input is a single number."""
    if v is not None:
        return vector_for(v, inputs, several, function, create_graph)
    if len(inputs) != 1 or inputs[0].numel() != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single Tensor with a single "
            "element."
        )
    return None


def the_one_number(output: Any, function: str, strict: bool) -> Tensor:
    """Return what a function gave, if it is a tensor with one entry."""
    several, outputs = tensors_of(output, OF_FUNCTION, function)
    require_gradients(outputs, "outputs", strict)
    if several:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return outputs[0]


def require_gradients(tensors: Sequence[Tensor | None], what: str, strict: bool) -> None:
    """In strict mode, refuse what does not depend on the inputs."""
    if not strict:
        return
    for index, tensor in enumerate(tensors):
        if tensor is None:
            raise RuntimeError(INDEPENDENT["output"].format(index))
        if not tensor.requires_grad:
            raise RuntimeError(NO_GRADIENT[what].format(index))


def or_zeros(
    gradients: Sequence[Tensor | None], like: Tensors, strict: bool, create_graph: bool, stage: str, number: int = 0
) -> Tensors:
    """Return zeros for what nothing depends on; in strict mode, refuse it, and what is constant."""
    if strict:
        derivative = "hessian" if stage in ("jacobian", "hessian trick") else "jacobian"
        for index, gradient in enumerate(gradients):
            if gradient is None:
                raise RuntimeError(INDEPENDENT[stage].format(index, output=number))
            if create_graph and not gradient.requires_grad:
                raise RuntimeError(CONSTANT.format(derivative, index))
    return tuple(
        wrap(np.zeros_like(other.array)) if gradient is None else gradient
        for gradient, other in zip(gradients, like, strict=True)
    )


def finished(tensors: Tensors, several: bool, create_graph: bool) -> Any:
    """Return tensors as the caller knows them: a tuple or a single one, with a graph only if one was asked for."""
    done = tensors if create_graph else tuple(tensor.detach() for tensor in tensors)
    return done if several else done[0]


def check_forward_mode(create_graph: bool, strict: bool, vectorize: bool) -> None:
    """Refuse what does not go together with forward mode in PyTorch."""
    for option, value in (("create_graph", create_graph), ("strict", strict)):
        if value:
            kind = NotImplementedError if option == "create_graph" else RuntimeError
            raise kind(
                f'torch.autograd.functional.jacobian: `{option}=True` and `strategy="forward-mode"` are not supported '
                f'together (yet). Please either set `{option}=False` or `strategy="reverse-mode"`.'
            )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for `vectorize=True`."
        )
