"""A function of one example, applied to each of a batch."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gradviz.engine import functions, random
from gradviz.engine.tensor import Tensor
from gradviz.func.trees import Function, Tree, form_of, leaves_of, rebuilt


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
            results.append(func(*rebuilt(args, example), **kwargs))
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
    inputs = leaves_of(args)
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
        return [dims] * len(leaves_of(tree))
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [axis for key, part in tree.items() for axis in _spread(dims[key], part, complaint)]
    fits = isinstance(dims, tuple | list) and isinstance(tree, tuple | list) and len(dims) == len(tree)
    if not fits:
        raise ValueError(f"{complaint} They are {form_of(dims)} and {form_of(tree)}")
    return [axis for inner, part in zip(dims, tree, strict=True) for axis in _spread(inner, part, complaint)]


def _stacked(results: list[Tree], out_dims: Any, name: str) -> Tree:
    """Stack the results of all examples."""
    first = results[0]
    complaint = (
        f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of `outputs`."
    )
    axes = _spread(out_dims, first, complaint)
    outputs = []
    for parts, axis in zip(zip(*map(leaves_of, results), strict=True), axes, strict=True):
        if axis is None:
            outputs.append(parts[0])  # the same for all of them, says the caller
            continue
        if not isinstance(parts[0], Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(parts[0])}. Did you mean to set "
                "out_dims= to None for output?"
            )
        outputs.append(functions.stack(list(parts), axis))
    return rebuilt(first, outputs)
