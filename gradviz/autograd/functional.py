"""Jacobians, Hessians, and their products with a vector, of whole functions: PyTorch's ``torch.autograd.functional``.

For a function f with Jacobian J, one backward pass gives ``vᵀJ`` (`vjp`) at the cost of f itself. The whole J (`jacobian`)
takes one pass for each entry of the output. All others are made of these two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.engine import functions
from gradviz.engine.backward import grad
from gradviz.engine.modes import enable_grad, is_grad_enabled, set_grad_enabled
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

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


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply a vector with the Jacobian of a function, from the left: one backward pass.

    Parameters
    ----------
    func
        Takes tensors, returns a tensor or a tuple.
    inputs
        Where: a tensor or a tuple.
    v
        Of the shapes of the outputs; may be left out if that is a single number.
    create_graph
        Record, so that the results can be differentiated with respect to `inputs`.
    strict
        Raise an error where an output does not depend on an input, in place of a result of zeros.

    Returns
    -------
    tuple
        The outputs, and the product, of the shapes of the inputs.

    Raises
    ------
    TypeError, RuntimeError
        If something is not a tensor, or `v` does not fit, or `strict` is set and something is constant.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.autograd.functional.vjp(lambda x: x**2, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        several_in, given = _tensors(inputs, "inputs", "vjp")
        given = _fresh(given, create_graph)
        several_out, outputs = _tensors(func(*given), OF_FUNCTION, "vjp")
        _require_gradients(outputs, "outputs", strict)
        if v is not None:
            v = _vector(v, outputs, several_out, "vjp", create_graph)
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
            )
    with set_grad_enabled(create_graph or is_grad_enabled()):
        product = _or_zeros(_gradients(outputs, given, v, create_graph), given, strict, create_graph, "output")
    return _finished(outputs, several_out, create_graph), _finished(product, several_in, create_graph)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply the Jacobian of a function with a vector, from the right: the slope along a direction.

    Forward mode would do this in one pass. Here it takes two passes backward: ``vᵀJ`` is linear in its ``v``, so its own
    derivative with respect to that ``v`` is J again, the other way round.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As for `vjp`.
    v
        Of the shapes of the inputs; may be left out if that is a single number.

    Returns
    -------
    tuple
        The outputs, and the product, of the shapes of the outputs.

    Raises
    ------
    TypeError, RuntimeError
        As `vjp`.

    References
    ----------
    J. Townsend, "A new trick for calculating Jacobian vector products", 2017:
    https://j-towns.github.io/2017/06/12/A-new-trick.html

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.autograd.functional.jvp(lambda x: x**2, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        several_in, given = _tensors(inputs, "inputs", "jvp")
        given = _fresh(given, create_graph)
        v = _vector_or_one(v, given, several_in, "jvp", create_graph)
        several_out, outputs = _tensors(func(*given), OF_FUNCTION, "jvp")
        _require_gradients(outputs, "outputs", strict)
        any_values = _zeros(outputs)
        transposed = _gradients(outputs, given, any_values, create_graph=True)
        _require_gradients(transposed, "grad_inputs", strict)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _gradients(transposed, any_values, v, create_graph)
        product = _or_zeros(found, outputs, strict, create_graph, "trick")
    return _finished(outputs, several_out, create_graph), _finished(product, several_out, create_graph)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Compute the Jacobian of a function: the derivative of every entry of the output by every entry of the input.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As for `vjp`.
    vectorize, strategy
        Accepted, with PyTorch's rules for what goes together; the result is that of one backward pass for each entry of the
        output in any case.

    Returns
    -------
    Tensor or tuple
        Of shape ``(*output.shape, *input.shape)``. Several inputs make a tuple with one for each, several outputs a tuple
        of those.

    Raises
    ------
    TypeError, RuntimeError
        As `vjp`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.autograd.functional.jacobian(lambda x: x**2, torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in STRATEGIES:
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than '
            'inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        _check_forward_mode(create_graph, strict, vectorize)
    with enable_grad():
        several_in, given = _tensors(inputs, "inputs", "jacobian")
        given = _fresh(given, create_graph)
        several_out, outputs = _tensors(func(*given), OF_FUNCTION, "jacobian")
        _require_gradients(outputs, "outputs", strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. Please "
                "either set `strict=False` or `vectorize=False`."
            )
        rows = [
            _finished(_jacobian_of(number, output, given, strict, create_graph), several_in, create_graph)
            for number, output in enumerate(outputs)
        ]
    return tuple(rows) if several_out else rows[0]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Compute the Hessian of a function that returns one number: all its second derivatives.

    Parameters
    ----------
    func, inputs, create_graph, strict, vectorize
        As for `jacobian`.
    outer_jacobian_strategy
        As `strategy` of `jacobian`, of which this is the Jacobian of the Jacobian.

    Returns
    -------
    Tensor or tuple of tuples
        Of shape ``(*input.shape, *input.shape)``. For several inputs ``hessian[i][j]`` is by the i-th and the j-th.

    Raises
    ------
    TypeError, RuntimeError
        As `vjp`; or if the function returns anything but one number.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.autograd.functional.hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several, given = _tensors(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def one_number(*tensors: Tensor) -> Tensor:
        return _one_number(func(*tensors), "hessian", strict).squeeze()

    def gradient(*tensors: Tensor) -> Tensors:
        rows = jacobian(one_number, tensors, create_graph=True)
        _require_gradients(rows, "jacobian", strict)
        return rows

    rows = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows if several else rows[0][0]


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply a vector with the Hessian of a function that returns one number: `vjp` of the gradient.

    Parameters
    ----------
    func, inputs, v, create_graph, strict
        As for `jvp`.

    Returns
    -------
    tuple
        The output, and the product, of the shapes of the inputs.

    Raises
    ------
    TypeError, RuntimeError
        As `hessian`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.autograd.functional.vhp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        several, given = _tensors(inputs, "inputs", "vhp")
        given = _fresh(given, create_graph)
        v = _vector_or_one(v, given, several, "vhp", create_graph)
        output = _one_number(func(*given), "vhp", strict)
        gradient = _gradients((output,), given, None, create_graph=True)
        _require_gradients(gradient, "jacobian", strict)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        product = _or_zeros(_gradients(gradient, given, v, create_graph), given, strict, create_graph, "jacobian")
    return _finished((output,), False, create_graph), _finished(product, several, create_graph)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply the Hessian of a function that returns one number with a vector: `jvp` of the gradient.

    A Hessian is symmetric, so this is what the faster `vhp` gives, too.

    Parameters
    ----------
    func, inputs, v, create_graph, strict
        As for `jvp`.

    Returns
    -------
    tuple
        The output, and the product, of the shapes of the inputs.

    Raises
    ------
    TypeError, RuntimeError
        As `hessian`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.autograd.functional.hvp(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        several, given = _tensors(inputs, "inputs", "hvp")
        given = _fresh(given, create_graph)
        v = _vector_or_one(v, given, several, "hvp", create_graph)
        output = _one_number(func(*given), "hvp", strict)
        gradient = _gradients((output,), given, None, create_graph=True)
        _require_gradients(gradient, "jacobian", strict)
        any_values = _zeros(given)
        transposed = _gradients(gradient, given, any_values, create_graph=True)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _gradients(transposed, any_values, v, create_graph)
        product = _or_zeros(found, given, strict, create_graph, "hessian trick")
    return _finished((output,), False, create_graph), _finished(product, several, create_graph)


# --- parts -----------------------------------------------------------------------------------------------------------


def _jacobian_of(number: int, output: Tensor, inputs: Tensors, strict: bool, create_graph: bool) -> Tensors:
    """Return the Jacobian of one output with respect to each input: a backward pass for each entry of the output."""
    shape, count = tuple(output.shape), output.numel()
    rows = []
    for one in np.eye(count, dtype=output.array.dtype).reshape(count, *shape):
        found = _gradients((output,), inputs, (wrap(one),), create_graph, retain_graph=True)
        rows.append(_or_zeros(found, inputs, strict, create_graph, "entry", number))
    if not rows:
        return tuple(wrap(np.zeros((*shape, *given.shape), given.array.dtype)) for given in inputs)
    return tuple(
        functions.stack(column, 0).reshape((*shape, *given.shape))
        for given, column in zip(inputs, zip(*rows, strict=True), strict=True)
    )


def _gradients(
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


def _tensors(value: Any, what: str, function: str) -> tuple[bool, Tensors]:
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


def _fresh(tensors: Tensors, create_graph: bool, need_graph: bool = True) -> Tensors:
    """Return new tensors with the same numbers: the function may use the old ones elsewhere, as constants."""
    return tuple(
        tensor.view_as(tensor) if create_graph and tensor.requires_grad else tensor.detach().requires_grad_(need_graph)
        for tensor in tensors
    )


def _zeros(tensors: Tensors) -> Tensors:
    """Return variables for the double backward trick. What they hold does not matter, since it is linear in them."""
    return tuple(wrap(np.zeros_like(tensor.array)).requires_grad_() for tensor in tensors)


def _vector(v: Any, others: Tensors, several: bool, function: str, create_graph: bool) -> Tensors:
    """Return `v` as a tuple, if it has the shapes of the others."""
    _, vector = _tensors(v, "v", function)
    vector = _fresh(vector, create_graph, need_graph=False)
    if len(vector) != len(others):
        if several:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(others)} but got {len(vector)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for index, (part, other) in enumerate(zip(vector, others, strict=True)):
        if part.shape != other.shape:
            which = f"Entry {index} in " if several else ""
            raise RuntimeError(f"{which}v has invalid size: should be {other.shape} but got {part.shape}.")
    return vector


def _vector_or_one(v: Any, inputs: Tensors, several: bool, function: str, create_graph: bool) -> Tensors | None:
    """Return `v` as a tuple; ``None``, which stands for 1, where the input is a single number."""
    if v is not None:
        return _vector(v, inputs, several, function, create_graph)
    if len(inputs) != 1 or inputs[0].numel() != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single Tensor with a single "
            "element."
        )
    return None


def _one_number(output: Any, function: str, strict: bool) -> Tensor:
    """Return what a function gave, if it is a tensor with one entry."""
    several, outputs = _tensors(output, OF_FUNCTION, function)
    _require_gradients(outputs, "outputs", strict)
    if several:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return outputs[0]


def _require_gradients(tensors: Sequence[Tensor | None], what: str, strict: bool) -> None:
    """In strict mode, refuse what does not depend on the inputs."""
    if not strict:
        return
    for index, tensor in enumerate(tensors):
        if tensor is None:
            raise RuntimeError(INDEPENDENT["output"].format(index))
        if not tensor.requires_grad:
            raise RuntimeError(NO_GRADIENT[what].format(index))


def _or_zeros(
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


def _finished(tensors: Tensors, several: bool, create_graph: bool) -> Any:
    """Return tensors as the caller knows them: a tuple or a single one, with a graph only if one was asked for."""
    done = tensors if create_graph else tuple(tensor.detach() for tensor in tensors)
    return done if several else done[0]


def _check_forward_mode(create_graph: bool, strict: bool, vectorize: bool) -> None:
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
