"""Functions that make derivatives of functions: PyTorch's ``torch.func``.

``grad(f)`` is a function again, so it can be handed to ``grad`` in its turn, to any depth. Each runs `f` on fresh copies of
its inputs, which keeps the derivatives of different depths apart. A result carries a graph only if something outside can
ask for it: a surrounding transformation, or a tensor with ``requires_grad=True``.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz import absent
from gradviz.engine import functions, mixed, random
from gradviz.engine.backward import grad as gradients_of
from gradviz.engine.modes import enable_grad, is_grad_enabled
from gradviz.engine.node import AccumulateGrad
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.module import Module

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "vjp",
    "vmap",
]

Function = Callable[..., Any]
Tree = Any
"""A tensor, or tuples, lists and dictionaries of trees."""


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
        run = _Run(func, args, kwargs, argnums, has_aux, name)
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
    run = _Run(func, primals, {}, None, has_aux, "vjp(f, *primals)")
    run.check_output()
    for output in run.outputs:
        if not output.is_floating_point():
            raise RuntimeError(
                "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                f"{output.dtype}"
            )

    def vjp_fn(cotangents: Tree, retain_graph: bool = True, create_graph: bool | None = None) -> tuple[Any, ...]:
        if _form(cotangents) != _form(run.output):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {_form(cotangents)}, primal output: {_form(run.output)}"
            )
        return run.shaped(run.pull_back(_leaves(cotangents), retain_graph, create_graph))

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
    if _form(primals) != _form(tangents):
        raise RuntimeError(
            f"{name}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple "
            f"of 3 tensors, tangents also must be. Got primals with structure {_form(primals)} and tangents with structure "
            f"{_form(tangents)}"
        )
    run = _Run(func, primals, {}, None, has_aux, name)
    run.check_output()
    if strict and not all(output.requires_grad for output in run.outputs):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with "
            "strict=True."
        )
    change = _again(run.output, _Linear(run).push_forward(_leaves(tangents)))
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
    run = _Run(func, primals, {}, None, False, "linearize(f, *primals)")
    run.check_output()
    linear = _Linear(run)

    def jvp_fn(*tangents: Tree) -> Tree:
        if _form(tangents) != _form(primals):
            raise RuntimeError(
                f"Expected the tangents to be of the form of the primals: got {_form(tangents)} for {_form(primals)}"
            )
        return _again(run.output, linear.push_forward(_leaves(tangents)))

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
        run = _Run(func, args, kwargs, argnums, has_aux, "vjp(f, *primals)")
        run.check_output()
        zeros = [wrap(np.zeros_like(output.array)) for output in run.outputs]
        blocks = []
        for place, output in enumerate(run.outputs):
            rows = [run.pull_back([*zeros[:place], one, *zeros[place + 1 :]]) for one in _basis(output)]
            shape = tuple(output.shape)
            blocks.append(
                run.shaped(
                    functions.stack(row, 0).reshape((*shape, *given.shape))
                    if row
                    else wrap(np.zeros((*shape, *given.shape), given.array.dtype))
                    for given, row in zip(run.inputs, _transposed(rows, len(run.inputs)), strict=True)
                )
            )
        found = _again(run.output, blocks)
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
        run = _Run(func, args, kwargs, argnums, has_aux, "jvp(f, primals, tangents)")
        run.check_output()
        linear = _Linear(run)
        zeros = [wrap(np.zeros_like(given.array)) for given in run.inputs]
        blocks: list[list[Tensor]] = [[] for _ in run.outputs]
        for place, given in enumerate(run.inputs):
            columns = [linear.push_forward([*zeros[:place], one, *zeros[place + 1 :]]) for one in _basis(given)]
            for block, output, column in zip(blocks, run.outputs, _transposed(columns, len(run.outputs)), strict=True):
                shape = (*output.shape, *given.shape)
                block.append(
                    functions.stack(column, -1).reshape(shape) if column else wrap(np.zeros(shape, output.array.dtype))
                )
        found = _again(run.output, [run.shaped(block) for block in blocks])
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


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other parameters than its own: the module as a function of its parameters.

    Parameters
    ----------
    module
        What is called; it is left as it was.
    parameter_and_buffer_dicts
        By name, as in ``module.named_parameters()``: what stands for its parameters and buffers. Or several such
        dictionaries without a name in common. Those not named stay.
    args, kwargs
        For the call: one argument, or a tuple of them.
    tie_weights
        Let a parameter that the module knows under several names be replaced under all of them.
    strict
        Raise an error for names that are missing or unknown.

    Returns
    -------
    Any
        What the module returns.

    Examples
    --------
    >>> import gradviz as torch
    >>> model = torch.nn.Linear(2, 1)
    >>> parameters = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    >>> loss = lambda parameters, x: torch.func.functional_call(model, parameters, x).sum()
    >>> torch.func.grad(loss)(parameters, torch.tensor([3.0, 4.0]))
    {'weight': tensor([[3., 4.]]), 'bias': tensor([1.])}
    """
    given = _one_dictionary(parameter_and_buffer_dicts)
    for value in given.values():
        if not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    replacing = _with_tied_names(own, given) if tie_weights else given
    if strict and own.keys() != replacing.keys():
        problems = [
            f"{what} key(s): {', '.join(repr(name) for name in sorted(names))}."
            for what, names in (
                ("Unexpected", replacing.keys() - own.keys()),
                ("Missing", own.keys() - replacing.keys()),
            )
            if names
        ]
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(problems))
    places = {name: _place_of(module, name) for name in replacing}
    before = {name: holder.get(last, _ABSENT) for name, (holder, last) in places.items()}
    try:
        for name, (holder, last) in places.items():
            holder[last] = replacing[name]
        arguments = () if args is None else args if isinstance(args, tuple) else (args,)
        return module(*arguments, **(kwargs or {}))
    finally:
        for name, (holder, last) in places.items():
            if name in given and last in holder:
                given[name] = holder[last]  # what the module has changed, a running mean for one, is found there
            if before[name] is _ABSENT:
                holder.pop(last, None)
            else:
                holder[last] = before[name]


def vmap(
    func: Function, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Function:
    """Return the function that runs a function for every example in a batch.

    The examples are run one after another, and their results stacked. PyTorch rewrites the operations so that they take
    the whole batch at once; the numbers are the same, and here each example can be seen in a picture.

    Parameters
    ----------
    func
        Takes and returns tensors, or tuples, lists and dictionaries of them.
    in_dims
        The axis of the examples, for all arguments or for each; ``None`` for an argument that all examples share.
        Keyword arguments are shared.
    out_dims
        Where that axis is to be in what is returned.
    randomness
        ``"different"`` lets each example draw its own random numbers, ``"same"`` gives all of them the same ones, and
        ``"error"`` forbids drawing any.
    chunk_size
        Has no effect: there is never more than one example at a time.

    Raises
    ------
    ValueError, RuntimeError
        When called: as in PyTorch, for arguments that have no such axis, are not equally long there, and the like.

    Examples
    --------
    >>> import gradviz as torch
    >>> slopes = torch.func.vmap(torch.func.grad(lambda x: x**3))
    >>> slopes(torch.tensor([1.0, 2.0]))
    tensor([ 3., 12.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    name = getattr(func, "__name__", repr(func))

    @functools.wraps(func)
    def of_all(*args: Any, **kwargs: Any) -> Any:
        called = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
        inputs, axes = _mapped(args, in_dims, called)
        sizes = {part.shape[axis] for part, axis in zip(inputs, axes, strict=True) if axis is not None}
        if len(sizes) != 1:
            got = [part.shape[axis] for part, axis in zip(inputs, axes, strict=True) if axis is not None]
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                f"{got} for the mapped dimension"
            )
        (count,) = sizes
        if count == 0:
            raise NotImplementedError("gradviz has no vmap over a batch of no examples; supported: one or more")
        source = random.default_generator
        before = source.get_state()
        results = []
        for place in range(count):
            if randomness == "same":
                source.set_state(before)
            example = [
                part if axis is None else functions.select(part, axis, place)
                for part, axis in zip(inputs, axes, strict=True)
            ]
            results.append(func(*_again(args, example), **kwargs))
            if randomness == "error" and not np.array_equal(source.get_state(), before):
                raise RuntimeError(RANDOM)
        return _stacked(results, out_dims, name)

    return of_all


RANDOM = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness "
    "flags on vmap or perform the randomness operation out of vmap"
)


def _mapped(args: tuple[Any, ...], in_dims: Any, called: str) -> tuple[list[Any], list[int | None]]:
    """Return the leaves of the arguments, and for each the axis of the examples."""
    if not isinstance(in_dims, int | tuple) or isinstance(in_dims, bool):
        raise ValueError(
            f"{called}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, "
            f"got: {type(in_dims)}."
        )
    if not args:
        called = called.partition(",")[0] + ")(<inputs>)"
        raise ValueError(
            f"{called}: got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function with no "
            "inputs. The latter is unsupported."
        )
    inputs = _leaves(args)
    axes = _spread(in_dims, args, f"{called}: in_dims is not compatible with the structure of `inputs`.")
    for part, axis in zip(inputs, axes, strict=True):
        if axis is None:
            continue
        if not isinstance(part, Tensor):
            raise ValueError(
                f"{called}: Got in_dim={axis} for an input but the input is of type {type(part)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -part.ndim <= axis < part.ndim:
            raise ValueError(
                f"{called}: Got in_dim={axis} for some input, but that input is a Tensor of dimensionality {part.ndim} so "
                f"expected in_dim to satisfy -{part.ndim} <= in_dim < {part.ndim}."
            )
    return inputs, axes


def _spread(dims: Any, tree: Tree, complaint: str) -> list[int | None]:
    """Give each leaf of a tree its axis, where one axis may stand for all leaves of a branch."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(_leaves(tree))
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [axis for key, part in tree.items() for axis in _spread(dims[key], part, complaint)]
    fits = isinstance(dims, tuple | list) and isinstance(tree, tuple | list) and len(dims) == len(tree)
    if not fits:
        raise ValueError(f"{complaint} They are {_form(dims)} and {_form(tree)}")
    return [axis for inner, part in zip(dims, tree, strict=True) for axis in _spread(inner, part, complaint)]


def _stacked(results: list[Tree], out_dims: Any, name: str) -> Tree:
    """Stack the results of all examples."""
    first = results[0]
    complaint = (
        f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of `outputs`."
    )
    axes = _spread(out_dims, first, complaint)
    outputs = []
    for parts, axis in zip(zip(*map(_leaves, results), strict=True), axes, strict=True):
        if axis is None:
            outputs.append(parts[0])  # the same for all of them, says the caller
            continue
        if not isinstance(parts[0], Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(parts[0])}. Did you mean to set "
                "out_dims= to None for output?"
            )
        outputs.append(functions.stack(list(parts), axis))
    return _again(first, outputs)


def __getattr__(name: str) -> Any:
    return absent.attribute("func", name, __all__)


# --- a function that is differentiated -------------------------------------------------------------------------------


class _Run:
    """A function that was run on fresh inputs, recorded.

    Attributes
    ----------
    inputs
        The fresh tensors it is differentiated with respect to, and `outputs` its results, as flat lists.
    output, aux
        What it returned.
    wanted
        Whether someone outside records.
    """

    def __init__(
        self,
        func: Function,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        argnums: int | tuple[int, ...] | None,
        has_aux: bool,
        name: str,
    ) -> None:
        self.name = name
        self.wanted = is_grad_enabled()
        self.level = _Level()
        with enable_grad(), self.level:
            chosen = range(len(args)) if argnums is None else _places(argnums, len(args))
            fresh = {place: _map(self._fresh, args[place]) for place in chosen}
            # What the chosen arguments looked like: one tree, or a tuple of trees.
            self.form: Tree = fresh[chosen[0]] if isinstance(argnums, int) else tuple(fresh[place] for place in chosen)
            self.inputs: list[Tensor] = _leaves(self.form)
            result = func(*[fresh.get(place, argument) for place, argument in enumerate(args)], **kwargs)
        self.aux: Any = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True")
            result, self.aux = result
        self.output: Tree = result
        self.outputs: list[Any] = _leaves(result)

    def _fresh(self, given: Any) -> Tensor:
        """Return a tensor with the same numbers, at the end of a graph of its own, or of the one outside."""
        if not isinstance(given, Tensor):
            words = f"Thing passed to transform API must be Tensor, got {type(given)}"
            raise ValueError(mixed.explained(words, given))
        if given.requires_grad and self.wanted:
            return given.view_as(given)
        return self.level.mark(given.detach().requires_grad_())

    def check_output(self) -> None:
        """Refuse outputs that are not tensors."""
        if not self.outputs or self.output is None:
            raise RuntimeError(
                f"{self.name}: Expected f to be a function that has non-empty output (got output = {self.outputs})"
            )
        for output in self.outputs:
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"{self.name}: expected f(*primals) to return only tensors, got unsupported type {type(output)}"
                )

    def pull_back(
        self, cotangents: Sequence[Tensor], retain_graph: bool = True, create_graph: bool | None = None
    ) -> list[Tensor]:
        """Send gradients of the outputs back to the inputs; zeros arrive where nothing depends on an input."""
        if create_graph is None:
            create_graph = is_grad_enabled() and (
                self.depends_on_outside or any(start.requires_grad for start in cotangents)
            )
        found = _gradients(self.outputs, self.inputs, cotangents, retain_graph, create_graph)
        return [self.settled(gradient) for gradient in found]

    def shaped(self, parts: Iterable[Any]) -> Tree:
        """Put one thing for each input into the form of the chosen arguments."""
        return _again(self.form, parts)

    def settled(self, tree: Tree) -> Tree:
        """Return results without a graph, unless it leads to something outside."""
        return _map(self._settle, tree)

    def _settle(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        return value if self.wanted and _reaches_outside(value) else value.detach()

    @functools.cached_property
    def depends_on_outside(self) -> bool:
        """Whether any output could be differentiated with respect to something outside."""
        return any(map(_reaches_outside, self.outputs))


class _Level:
    """One depth of transformations, by which the leaves that were made for it are known."""

    def __init__(self) -> None:
        self.running = False

    def __enter__(self) -> None:
        self.running = True

    def __exit__(self, *exc: object) -> None:
        self.running = False

    def mark(self, leaf: Tensor) -> Tensor:
        """Let a leaf be known as made for this level."""
        leaf._level = self  # type: ignore[attr-defined]
        return leaf


def _reaches_outside(tensor: Tensor) -> bool:
    """Return True if a tensor's graph leads to a leaf whose gradient someone can still ask for.

    Such are the user's own, and those of the transformations around whose function is running. Those of a function that
    has run are nobody's.
    """
    if not tensor.requires_grad:
        return False
    seen: set[Any] = set()
    waiting: list[Any] = [tensor.gradient_edge()[0]]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if not isinstance(node, AccumulateGrad):
            waiting.extend(edge[0] for edge in node.edges if edge is not None)
            continue
        level = getattr(node.variable, "_level", None)
        if level is None or level.running:
            return True
    return False


class _Linear:
    """A run as a linear function of the directions of its inputs: its Jacobian, to be multiplied from the right.

    Forward mode would carry a direction along with the values. Here the way back, which is linear in the gradients it starts
    from, is differentiated with respect to those: reverse over reverse.
    """

    def __init__(self, run: _Run) -> None:
        self.run = run
        with enable_grad():
            self.starts = [run.level.mark(wrap(np.zeros_like(output.array))) for output in run.outputs]
            for output, start in zip(run.outputs, self.starts, strict=True):
                start.requires_grad_(output.is_floating_point())
            self.back = _gradients(run.outputs, run.inputs, self.starts, True, True)
        self.depends_on_outside = any(map(_reaches_outside, self.back))

    def push_forward(self, tangents: Sequence[Tensor]) -> list[Tensor]:
        """Return the change of each output for a direction of the inputs."""
        run = self.run
        for given, tangent in zip(run.inputs, tangents, strict=True):
            if given.shape != tangent.shape:
                raise RuntimeError(
                    "Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                    f"not supported. Tensor is of size {list(given.shape)} while the given forward gradient is of size "
                    f"{list(tangent.shape)}."
                )
        record = is_grad_enabled() and (self.depends_on_outside or any(tangent.requires_grad for tangent in tangents))
        changing = [start for start in self.starts if start.requires_grad]
        found = iter(_gradients(self.back, changing, tangents, True, record))
        return [run.settled(next(found)) if start.requires_grad else start for start in self.starts]


def _gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    starts: Sequence[Tensor],
    retain_graph: bool,
    create_graph: bool,
) -> list[Tensor]:
    """Do as ``autograd.grad``, where outputs may be constant; zeros where nothing depends on an input."""
    pairs = [(output, start) for output, start in zip(outputs, starts, strict=True) if output.requires_grad]
    if not pairs or not inputs:
        return [wrap(np.zeros_like(given.array)) for given in inputs]
    changing, seeds = zip(*pairs, strict=True)
    found = gradients_of(
        changing, inputs, seeds, retain_graph=retain_graph, create_graph=create_graph, materialize_grads=True
    )
    return [gradient for gradient in found if gradient is not None]


def _basis(tensor: Tensor) -> list[Tensor]:
    """Return the tensors of a shape that are 1 in one entry, and 0 in the others."""
    array = tensor.array
    return [wrap(one) for one in np.eye(array.size, dtype=array.dtype).reshape(array.size, *array.shape)]


def _transposed(rows: Sequence[Sequence[Tensor]], count: int) -> list[tuple[Tensor, ...]]:
    """Swap rows and columns; `count` says how many columns there are, should there be no rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * count


# --- trees of tensors ------------------------------------------------------------------------------------------------


def _map(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Replace every leaf of a tree."""
    if isinstance(tree, dict):
        return type(tree)((key, _map(function, part)) for key, part in tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*(_map(function, part) for part in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(_map(function, part) for part in tree)
    return function(tree)


def _leaves(tree: Tree) -> list[Any]:
    found: list[Any] = []
    _map(found.append, tree)
    return found


def _again(form: Tree, leaves: Iterable[Any]) -> Tree:
    """Make a tree of the same form with other leaves."""
    following = iter(leaves)
    return _map(lambda _: next(following), form)


def _form(tree: Tree) -> str:
    """Sketch a tree, with a star for each leaf: ``(*, {'w': *})``."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {_form(part)}" for key, part in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_form, tree)) + "]"
    if isinstance(tree, tuple):
        return "(" + ", ".join(map(_form, tree)) + (",)" if len(tree) == 1 else ")")
    return "*"


def _places(argnums: Any, count: int) -> tuple[int, ...]:
    """Return the places of the chosen arguments, counted from the front."""
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)
    if not chosen:
        raise RuntimeError("argnums must be non-empty")
    for place in chosen:
        if not isinstance(place, int):
            raise RuntimeError(f"argnum must be int, got: {type(place)}")
        if not -count <= place < count:
            raise RuntimeError(f"Got argnum={place}, but only {count} positional inputs")
    places = tuple(place % count for place in chosen)
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return places


# --- modules as functions --------------------------------------------------------------------------------------------

_ABSENT = object()


def _one_dictionary(given: Any) -> dict[str, Tensor]:
    """Join several dictionaries of parameters."""
    if isinstance(given, dict):
        return given
    if not isinstance(given, Sequence):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(given)}"
        )
    if not all(isinstance(part, dict) for part in given):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    repeated = [name for name, count in Counter(name for part in given for name in part).items() if count > 1]
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {name: value for part in given for name, value in part.items()}


def _with_tied_names(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add the other names of each parameter that a module has under several."""
    names_of: dict[int, list[str]] = {}
    for name, tensor in own.items():
        names_of.setdefault(id(tensor), []).append(name)
    replacing = dict(given)
    for names in names_of.values():
        values = [given[name] for name in names if name in given]
        if any(value is not values[0] for value in values):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(names)}, which are tied. Consider using "
                "tie_weights=False"
            )
        if values:
            replacing.update(dict.fromkeys(names, values[0]))
    return replacing


def _place_of(module: Module, name: str) -> tuple[dict[str, Any], str]:
    """Return the dictionary in which a module, or one inside it, keeps a parameter, and its name there."""
    *path, last = name.split(".")
    for part in path:
        inside = module._modules.get(part)
        if inside is None:
            raise AttributeError(f"{type(module).__name__} has no attribute `{part}`")
        module = inside
    kinds: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
    return next((kind for kind in kinds if last in kind), module.__dict__), last
