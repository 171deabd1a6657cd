"""Derivatives of functions, as functions: gradients, Jacobians, products with them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gradviz.engine import functions
from gradviz.engine.tensor import Tensor, wrap
from gradviz.func.runs import Linear, Run, basis_of, transposed_rows
from gradviz.func.trees import Function, Tree, form_of, leaves_of, rebuilt


def grad(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of a function.

    Parameters
    ----------
    func
        Returns one number, as a tensor without dimensions.
    argnums
        Which arguments to differentiate with respect to. These may be tuples, lists and dictionaries of tensors, too.
    has_aux
        True if `func` returns ``(number, aux)``; the gradient function then returns ``(gradient, aux)``.

    Returns
    -------
    callable
        Takes what `func` takes, and returns gradients in the form of the chosen arguments.

    Raises
    ------
    RuntimeError, ValueError
        When called: if `func` does not return one number, or an argument is not a tensor or does not exist.

    Examples
    --------
    >>> import gradviz as torch
    >>> from gradviz.func import grad
    >>> cube = lambda x: x**3
    >>> x = torch.tensor(2.0)
    >>> grad(cube)(x), grad(grad(cube))(x), grad(grad(grad(cube)))(x)
    (tensor(12.), tensor(12.), tensor(6.))
    """
    with_value = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = with_value(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of a function, and its value beside.

    Parameters
    ----------
    func, argnums, has_aux
        As for `grad`.

    Returns
    -------
    callable
        Returns ``(gradient, value)``, or ``(gradient, (value, aux))``.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.func.grad_and_value(lambda x: x**2)(torch.tensor(3.0))
    (tensor(6.), tensor(9.))
    """

    @functools.wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        name = "grad_and_value(f)(*args)"
        run = Run(func, args, kwargs, argnums, has_aux, name)
        value = run.output
        if not isinstance(value, Tensor):
            raise RuntimeError(f"{name}: Expected f(*args) to return a Tensor, got {type(value)}")
        if value.ndim:
            raise RuntimeError(
                f"{name}: Expected f(*args) to return a scalar Tensor, got tensor with {value.ndim} dims. Maybe you wanted "
                "to use the vjp or jacrev APIs instead?"
            )
        gradient = run.shaped(run.pull_back([wrap(np.ones_like(value.array))]))
        value = run.settled(value)
        return gradient, (value, run.settled(run.aux)) if has_aux else value

    return gradient_and_value


def vjp(func: Function, *primals: Tree, has_aux: bool = False) -> tuple[Any, ...]:
    """Run a function, and return beside its output a function that sends gradients back through it.

    Parameters
    ----------
    func
        Returns tensors.
    primals
        Its arguments.
    has_aux
        True if `func` returns ``(output, aux)``.

    Returns
    -------
    tuple
        ``(output, vjp_fn)`` or ``(output, vjp_fn, aux)``, where ``vjp_fn(cotangents)`` takes gradients in the form of the
        output and returns a tuple with one for each of `primals`. It may be called many times.

    Raises
    ------
    RuntimeError
        If the output is anything but floating-point tensors, or cotangents do not fit it.

    Examples
    --------
    >>> import gradviz as torch
    >>> output, vjp_fn = torch.func.vjp(lambda x: x**2, torch.tensor([1.0, 2.0]))
    >>> vjp_fn(torch.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    run = Run(func, primals, {}, None, has_aux, "vjp(f, *primals)")
    run.check_output()
    for output in run.outputs:
        if not output.is_floating_point():
            raise RuntimeError(
                "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                f"{output.dtype}"
            )

    def vjp_fn(cotangents: Tree, retain_graph: bool = True, create_graph: bool | None = None) -> tuple[Any, ...]:
        if form_of(cotangents) != form_of(run.output):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {form_of(cotangents)}, primal output: {form_of(run.output)}"
            )
        return run.shaped(run.pull_back(leaves_of(cotangents), retain_graph, create_graph))

    output = run.settled(run.output)
    return (output, vjp_fn, run.settled(run.aux)) if has_aux else (output, vjp_fn)


def jvp(
    func: Function,
    primals: tuple[Tree, ...],
    tangents: tuple[Tree, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """Run a function, and tell how its output changes if its arguments move in a given direction.

    Parameters
    ----------
    func
        Returns tensors.
    primals
        The tuple of its arguments.
    tangents
        The direction, in the same form.
    strict
        Raise an error for an output that does not depend on the arguments.
    has_aux
        True if `func` returns ``(output, aux)``.

    Returns
    -------
    tuple
        ``(output, change)`` or ``(output, change, aux)``.

    Raises
    ------
    RuntimeError
        If `primals` is not a tuple, or `tangents` does not fit it.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.func.jvp(lambda x: x**2, (torch.tensor([1.0, 2.0]),), (torch.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    name = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{name}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    if not primals:
        raise RuntimeError(f"{name}: Expected primals to contain at least one Tensor.")
    if form_of(primals) != form_of(tangents):
        raise RuntimeError(
            f"{name}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple "
            f"of 3 tensors, tangents also must be. Got primals with structure {form_of(primals)} and tangents with structure "
            f"{form_of(tangents)}"
        )
    run = Run(func, primals, {}, None, has_aux, name)
    run.check_output()
    if strict and not all(output.requires_grad for output in run.outputs):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with "
            "strict=True."
        )
    change = rebuilt(run.output, Linear(run).push_forward(leaves_of(tangents)))
    output = run.settled(run.output)
    return (output, change, run.settled(run.aux)) if has_aux else (output, change)


def linearize(func: Function, *primals: Tree) -> tuple[Any, Function]:
    """Run a function, and return beside its output the linear function that it looks like there.

    Parameters
    ----------
    func
        Returns tensors.
    primals
        Its arguments.

    Returns
    -------
    tuple
        ``(output, jvp_fn)``, where ``jvp_fn(*tangents)`` gives the change of the output as `jvp` does, without running
        `func` again.

    Examples
    --------
    >>> import gradviz as torch
    >>> output, jvp_fn = torch.func.linearize(lambda x: x**2, torch.tensor([1.0, 2.0]))
    >>> jvp_fn(torch.tensor([1.0, 10.0]))
    tensor([ 2., 40.])
    """
    run = Run(func, primals, {}, None, False, "linearize(f, *primals)")
    run.check_output()
    linear = Linear(run)

    def jvp_fn(*tangents: Tree) -> Tree:
        if form_of(tangents) != form_of(primals):
            raise RuntimeError(
                f"Expected the tangents to be of the form of the primals: got {form_of(tangents)} for {form_of(primals)}"
            )
        return rebuilt(run.output, linear.push_forward(leaves_of(tangents)))

    return run.settled(run.output), jvp_fn


def jacrev(
    func: Function, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Function:
    """Return the function that computes the Jacobian of a function, row by row: one pass for each entry of the output.

    Parameters
    ----------
    func
        Returns tensors.
    argnums, has_aux
        As for `grad`.
    chunk_size
        Accepted; rows are always computed one by one.

    Returns
    -------
    callable
        Returns Jacobians of shape ``(*output.shape, *input.shape)``, in the form of the output and in that of the chosen
        arguments.

    Raises
    ------
    RuntimeError, ValueError
        When called, as `vjp`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.func.jacrev(lambda x: x**2)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = Run(func, args, kwargs, argnums, has_aux, "vjp(f, *primals)")
        run.check_output()
        zeros = [wrap(np.zeros_like(output.array)) for output in run.outputs]
        blocks = []
        for place, output in enumerate(run.outputs):
            rows = [run.pull_back([*zeros[:place], one, *zeros[place + 1 :]]) for one in basis_of(output)]
            shape = tuple(output.shape)
            blocks.append(
                run.shaped(
                    functions.stack(row, 0).reshape((*shape, *given.shape))
                    if row
                    else wrap(np.zeros((*shape, *given.shape), given.array.dtype))
                    for given, row in zip(run.inputs, transposed_rows(rows, len(run.inputs)), strict=True)
                )
            )
        found = rebuilt(run.output, blocks)
        return (found, run.settled(run.aux)) if has_aux else found

    return jacobian


def jacfwd(
    func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """Return the function that computes the Jacobian of a function, column by column: one pass for each input entry.

    Parameters
    ----------
    func, argnums, has_aux
        As for `jacrev`, which is faster if there are fewer outputs than inputs.
    randomness
        Accepted; `func` runs only once.

    Returns
    -------
    callable
        As `jacrev`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.func.jacfwd(lambda x: x**2)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = Run(func, args, kwargs, argnums, has_aux, "jvp(f, primals, tangents)")
        run.check_output()
        linear = Linear(run)
        zeros = [wrap(np.zeros_like(given.array)) for given in run.inputs]
        blocks: list[list[Tensor]] = [[] for _ in run.outputs]
        for place, given in enumerate(run.inputs):
            columns = [linear.push_forward([*zeros[:place], one, *zeros[place + 1 :]]) for one in basis_of(given)]
            for block, output, column in zip(
                blocks, run.outputs, transposed_rows(columns, len(run.outputs)), strict=True
            ):
                shape = (*output.shape, *given.shape)
                block.append(
                    functions.stack(column, -1).reshape(shape) if column else wrap(np.zeros(shape, output.array.dtype))
                )
        found = rebuilt(run.output, [run.shaped(block) for block in blocks])
        return (found, run.settled(run.aux)) if has_aux else found

    return jacobian


def hessian(func: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """Return the function that computes all second derivatives of a function.

    Parameters
    ----------
    func, argnums
        As for `jacrev`; `func` usually returns one number.

    Returns
    -------
    callable
        Returns Hessians of shape ``(*output.shape, *input.shape, *input.shape)``.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
