"""`gradcheck`: compare the gradients that backpropagation gives with slopes measured by trying.

To nudge one entry of an input by ``eps`` up and down and to watch the outputs gives one row of the Jacobian, with no
calculus at all. To send a gradient of 1 back from one entry of an output gives one column. The two must agree.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradviz.engine import creation, dtypes
from gradviz.engine.backward import grad
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Function = Callable[..., Any]

NOT_REENTRANT = (
    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different "
    "values, although analytical gradient matches numerical gradient.The tolerance for nondeterminism was {}."
)
UNDEFINED = (
    'Expected all input grads to be undefined or zero when all output grads are undefined or zero. Please look at "Notes '
    'about undefined output gradients" in "tools/autograd/derivatives.yaml"'
)
NOT_DOUBLE = (
    "Input #{} requires gradient and is not a double precision floating point or complex. This check will likely fail if "
    "all the inputs are not of double precision floating point or complex. "
)
STRIDE_0 = (
    "The {}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be able to "
    "compute the numerical gradients correctly. You should call .contiguous on the input before passing it to gradcheck."
)
NO_INPUT = "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."


class GradcheckError(RuntimeError):
    """A gradient that backpropagation gives differs from the slope that was measured."""


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Check the gradients of a function against slopes measured by small changes of its inputs.

    Parameters
    ----------
    func
        Takes the inputs, returns a tensor or several.
    inputs
        A tensor or a tuple. Those that require gradients are checked; give them dtype float64.
    eps
        How far an entry is moved, up and down.
    atol, rtol
        How far the two may differ: by ``atol + rtol * abs(slope)``.
    raise_exception
        False to return False in place of raising an error.
    nondet_tol
        How far two runs of the same backward pass may differ.
    check_undefined_grad
        Check that an output without a gradient counts as one with a gradient of zeros.
    check_grad_dtypes
        Check that gradients have the dtype of their inputs.
    fast_mode, masked
        Accepted; every entry of the Jacobian is compared all the same.
    check_batched_grad, check_batched_forward_grad, check_forward_ad, check_backward_ad
        Of the kinds of differentiation that these choose, gradviz has backward mode.

    Returns
    -------
    bool
        True if all gradients agree.

    Raises
    ------
    GradcheckError
        If they do not; the message shows both Jacobians.
    ValueError
        If no input requires a gradient.
    NotImplementedError
        If forward mode or batched gradients are asked for.

    Examples
    --------
    >>> import gradviz as torch
    >>> x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(lambda x: (x**3).sum(), x)
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    if check_forward_ad:
        raise NotImplementedError("gradviz has no check_forward_ad=True: it differentiates backward; supported: False")
    if check_batched_grad:
        raise NotImplementedError("gradviz has no check_batched_grad=True: supported: False")
    arguments = _as_tuple(inputs)
    _check_inputs(arguments)
    try:
        _compare(func, arguments, eps, atol, rtol, nondet_tol, check_grad_dtypes)
        _check_zero_in_zero_out(func, arguments, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check the second derivatives of a function: `gradcheck` of its gradient.

    Parameters
    ----------
    func, inputs, eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, check_grad_dtypes
        As for `gradcheck`.
    grad_outputs
        The gradients to start the first backward pass with; by default random ones between -1 and 1.
    gen_non_contig_grad_outputs
        Make those random ones from every second entry of a larger tensor.
    check_batched_grad, check_fwd_over_rev, check_rev_over_rev, fast_mode, masked
        As for `gradcheck`: gradviz has backward mode over backward mode.

    Returns
    -------
    bool
        True if all second derivatives agree.

    Raises
    ------
    GradcheckError, ValueError, NotImplementedError
        As `gradcheck`.

    Examples
    --------
    >>> import gradviz as torch
    >>> x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(lambda x: x.exp(), x)
    True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_undefined_grad=True requires check_rev_over_rev to be True")
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_batched_grad=True requires check_rev_over_rev to be True")
    if check_fwd_over_rev:
        raise NotImplementedError(
            "gradviz has no check_fwd_over_rev=True: it differentiates backward; supported: False"
        )
    arguments = _as_tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*arguments))
        starts = tuple(_random_like(output, gen_non_contig_grad_outputs) for output in outputs)
    else:
        starts = _as_tuple(grad_outputs)
    wanted = [place for place, given in enumerate(arguments) if isinstance(given, Tensor) and given.requires_grad]

    def gradient(*given: Any) -> tuple[Tensor, ...]:
        """The gradient as a function of the inputs and of the gradients that arrive."""
        outputs = _differentiable(func(*given[: len(arguments)]))
        targets = [given[place] for place in wanted]
        found = grad(outputs, targets, given[len(arguments) :], create_graph=True, allow_unused=True)
        return tuple(part for part in found if part is not None)

    return gradcheck(
        gradient,
        arguments + starts,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


# As an attribute of the package the function hides this module; the error is found at its full name all the same.
gradcheck.GradcheckError = GradcheckError  # type: ignore[attr-defined]


# --- the two Jacobians -----------------------------------------------------------------------------------------------


def _compare(
    func: Function,
    arguments: tuple[Any, ...],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    check_grad_dtypes: bool,
) -> None:
    """Compare the Jacobian of every output with respect to every input."""
    everything = _as_tuple(func(*arguments))
    inputs, outputs = _wanted(arguments), _differentiable(everything)
    measured = [_measured_jacobians(func, arguments, given, eps) for given in inputs]
    if not outputs:
        if any(jacobian.any() for jacobians in measured for jacobian in jacobians):
            raise GradcheckError("Numerical gradient for function expected to be zero")
        return
    places = [place for place, output in enumerate(everything) if output.requires_grad]
    for number, (place, output) in enumerate(zip(places, outputs, strict=True)):
        computed = _computed_jacobians(inputs, output, nondet_tol, check_grad_dtypes)
        for index, jacobian in enumerate(computed):
            slope = measured[index][place].astype(jacobian.dtype)
            if not np.allclose(jacobian, slope, rtol, atol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {number} with respect to input {index},\n"
                    f"numerical:{wrap(slope)}\nanalytical:{wrap(jacobian)}\n"
                )


def _measured_jacobians(func: Function, arguments: tuple[Any, ...], given: Tensor, eps: float) -> list[Any]:
    """Nudge each entry of an input, and measure what that does to each output.

    Returns
    -------
    list of arrays
        One for each output, with a row for each entry of the input and a column for each of the output.
    """
    entries = given._writable()  # changed without autograd's notice: the graph made before must stay valid
    rows: list[list[Any]] = []
    for place in np.ndindex(entries.shape):
        middle = entries[place]
        entries[place] = middle - eps
        below = _values(func(*arguments))
        entries[place] = middle + eps
        above = _values(func(*arguments))
        entries[place] = middle
        rows.append([_slope(low, high, place, eps) for low, high in zip(below, above, strict=True)])
    if not rows:
        return [np.zeros((0, output.size)) for output in _values(func(*arguments))]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _values(outputs: Any) -> list[Any]:
    """Copy the outputs' numbers: an output may be a view of the input that is being nudged."""
    return [np.array(output.array) for output in _as_tuple(outputs)]


def _slope(low: Any, high: Any, place: tuple[int, ...], eps: float) -> Any:
    kinds = dtypes.from_numpy(low.dtype), dtypes.from_numpy(high.dtype)
    for what, before, after in (("shape", Size(low.shape), Size(high.shape)), ("dtype", *kinds)):
        if before != after:
            raise AssertionError(
                f"Expected `func` to return outputs with the same {what} when inputs are perturbed on index {place} by "
                f"{eps}, but got: {what}s {before} and {after}."
            )
    return (high.ravel() - low.ravel()) / (2 * eps) if low.dtype.kind == "f" else np.zeros(low.size)


def _computed_jacobians(inputs: list[Tensor], output: Tensor, nondet_tol: float, check_grad_dtypes: bool) -> list[Any]:
    """Send a gradient of 1 back from each entry of an output.

    Returns
    -------
    list of arrays
        One for each input, with a row for each entry of the input and a column for each of the output.
    """
    first, second = (_columns(inputs, output, check_grad_dtypes) for _ in range(2))
    for before, after in zip(first, second, strict=True):
        if before.size and np.abs(before - after).max() > nondet_tol:
            raise GradcheckError(NOT_REENTRANT.format(nondet_tol))
    return first


def _columns(inputs: list[Tensor], output: Tensor, check_grad_dtypes: bool) -> list[Any]:
    jacobians = [np.zeros((given.numel(), output.numel()), given.array.dtype) for given in inputs]
    for column in range(output.numel()):
        one = np.zeros(output.shape, output.array.dtype)
        one.reshape(-1)[column] = 1
        gradients = grad(output, inputs, wrap(one), retain_graph=True, allow_unused=True)
        for given, gradient, jacobian in zip(inputs, gradients, jacobians, strict=True):
            if gradient is None:
                continue
            if gradient.shape != given.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            if check_grad_dtypes and gradient.dtype != given.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            jacobian[:, column] = gradient.array.ravel()
    return jacobians


def _check_zero_in_zero_out(func: Function, arguments: tuple[Any, ...], undefined: bool) -> None:
    """Check that backward multiplies by the gradient that arrives: from zeros, and from none, come zeros."""
    inputs = _wanted(arguments)
    outputs = _differentiable(func(*arguments))
    if not outputs:
        return
    if any(gradient.array.any() for gradient in _from_zeros(outputs, inputs)):
        raise GradcheckError("backward not multiplied by grad_output")
    if not undefined or len(outputs) == 1:
        return
    for left_out in range(len(outputs)):
        again = _differentiable(func(*arguments))
        if any(gradient.array.any() for gradient in _from_zeros([*again[:left_out], *again[left_out + 1 :]], inputs)):
            raise GradcheckError(UNDEFINED)


def _from_zeros(outputs: Sequence[Tensor], inputs: list[Tensor]) -> Iterator[Tensor]:
    zeros = [wrap(np.zeros_like(output.array)) for output in outputs]
    return (gradient for gradient in grad(outputs, inputs, zeros, allow_unused=True) if gradient is not None)


# --- inputs and outputs ----------------------------------------------------------------------------------------------


def _check_inputs(arguments: tuple[Any, ...]) -> None:
    """Refuse or warn of inputs for which the check would fail."""
    for index, given in enumerate(arguments):
        if not isinstance(given, Tensor) or not given.requires_grad:
            continue
        if given.dtype != dtypes.float64:
            warnings.warn(NOT_DOUBLE.format(index), UserWarning, stacklevel=3)
        array = given.array
        if array.size and any(
            stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True)
        ):
            raise RuntimeError(STRIDE_0.format(index))
    if not _wanted(arguments):
        raise ValueError(NO_INPUT)


def _as_tuple(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, tuple | list) else (given,)


def _wanted(arguments: tuple[Any, ...]) -> list[Tensor]:
    return [given for given in arguments if isinstance(given, Tensor) and given.requires_grad]


def _differentiable(outputs: Any) -> tuple[Tensor, ...]:
    return tuple(output for output in _as_tuple(outputs) if output.requires_grad)


def _random_like(output: Tensor, spread: bool) -> Tensor:
    """Return random numbers between -1 and 1 in a tensor's shape; with `spread`, every second entry of a larger one."""
    shape = (*output.shape[:-1], 2 * output.shape[-1]) if spread and output.ndim else tuple(output.shape)
    made = creation.rand(shape, dtype=output.dtype) * 2 - 1
    return (made[..., ::2] if shape != tuple(output.shape) else made).detach().requires_grad_()
