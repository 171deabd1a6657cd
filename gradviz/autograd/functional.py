"""Jacobians, Hessians, and their products with a vector, of whole functions: PyTorch's ``torch.autograd.functional``.

For a function f with Jacobian J, one backward pass gives ``vᵀJ`` (`vjp`) at the cost of f itself. The whole J (`jacobian`)
takes one pass for each entry of the output. All others are made of these two.
"""

from __future__ import annotations

from typing import Any

from gradviz.autograd.checked import (
    OF_FUNCTION,
    STRATEGIES,
    Function,
    Tensors,
    check_forward_mode,
    finished,
    fresh,
    gradients_of,
    jacobian_of,
    or_zeros,
    require_gradients,
    tensors_of,
    the_one_number,
    vector_for,
    vector_or_one,
    zeros_for,
)
from gradviz.engine.modes import enable_grad, is_grad_enabled, set_grad_enabled
from gradviz.engine.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


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
        several_in, given = tensors_of(inputs, "inputs", "vjp")
        given = fresh(given, create_graph)
        several_out, outputs = tensors_of(func(*given), OF_FUNCTION, "vjp")
        require_gradients(outputs, "outputs", strict)
        if v is not None:
            v = vector_for(v, outputs, several_out, "vjp", create_graph)
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
            )
    with set_grad_enabled(create_graph or is_grad_enabled()):
        product = or_zeros(gradients_of(outputs, given, v, create_graph), given, strict, create_graph, "output")
    return finished(outputs, several_out, create_graph), finished(product, several_in, create_graph)


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
        several_in, given = tensors_of(inputs, "inputs", "jvp")
        given = fresh(given, create_graph)
        v = vector_or_one(v, given, several_in, "jvp", create_graph)
        several_out, outputs = tensors_of(func(*given), OF_FUNCTION, "jvp")
        require_gradients(outputs, "outputs", strict)
        any_values = zeros_for(outputs)
        transposed = gradients_of(outputs, given, any_values, create_graph=True)
        require_gradients(transposed, "grad_inputs", strict)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = gradients_of(transposed, any_values, v, create_graph)
        product = or_zeros(found, outputs, strict, create_graph, "trick")
    return finished(outputs, several_out, create_graph), finished(product, several_out, create_graph)


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
        check_forward_mode(create_graph, strict, vectorize)
    with enable_grad():
        several_in, given = tensors_of(inputs, "inputs", "jacobian")
        given = fresh(given, create_graph)
        several_out, outputs = tensors_of(func(*given), OF_FUNCTION, "jacobian")
        require_gradients(outputs, "outputs", strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. Please "
                "either set `strict=False` or `vectorize=False`."
            )
        rows = [
            finished(jacobian_of(number, output, given, strict, create_graph), several_in, create_graph)
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
    several, given = tensors_of(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def one_number(*tensors: Tensor) -> Tensor:
        return the_one_number(func(*tensors), "hessian", strict).squeeze()

    def gradient(*tensors: Tensor) -> Tensors:
        rows = jacobian(one_number, tensors, create_graph=True)
        require_gradients(rows, "jacobian", strict)
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
        several, given = tensors_of(inputs, "inputs", "vhp")
        given = fresh(given, create_graph)
        v = vector_or_one(v, given, several, "vhp", create_graph)
        output = the_one_number(func(*given), "vhp", strict)
        gradient = gradients_of((output,), given, None, create_graph=True)
        require_gradients(gradient, "jacobian", strict)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        product = or_zeros(gradients_of(gradient, given, v, create_graph), given, strict, create_graph, "jacobian")
    return finished((output,), False, create_graph), finished(product, several, create_graph)


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
        several, given = tensors_of(inputs, "inputs", "hvp")
        given = fresh(given, create_graph)
        v = vector_or_one(v, given, several, "hvp", create_graph)
        output = the_one_number(func(*given), "hvp", strict)
        gradient = gradients_of((output,), given, None, create_graph=True)
        require_gradients(gradient, "jacobian", strict)
        any_values = zeros_for(given)
        transposed = gradients_of(gradient, given, any_values, create_graph=True)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = gradients_of(transposed, any_values, v, create_graph)
        product = or_zeros(found, given, strict, create_graph, "hessian trick")
    return finished((output,), False, create_graph), finished(product, several, create_graph)
