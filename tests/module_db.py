"""PyTorch's own module database as a measure: every class of ours that is in it, with every sample it has.

Run ``python tests/module_db.py`` for a report, ``python tests/module_db.py --write`` to update ``module_db_passing.txt``, the
list of classes that `test_module_db.py` holds on to.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from pathlib import Path

import numpy as np
from op_db import to_gradviz

import gradviz as gv

PASSING = Path(__file__).with_name("module_db_passing.txt")


def entries():
    """The database's entries for the classes that gradviz has, by name."""
    import torch
    from torch.testing._internal.common_modules import module_db

    return {
        info.name.removeprefix("nn."): info
        for info in module_db
        if hasattr(torch.nn, info.module_cls.__name__) and info.module_cls.__name__ in dir_of_nn()
    }


def dir_of_nn():
    return set(gv.nn.__all__)


def samples(info, training):
    """The database's inputs for a class, in float64."""
    import torch

    torch.manual_seed(0)
    return info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training)


def built(info, sample, training):
    """The same module in PyTorch and here, with the same parameters and buffers."""
    import torch

    torch.manual_seed(0)
    given = sample.constructor_input
    settings = dict(given.kwargs)
    if "dtype" in inspect.signature(info.module_cls.__init__).parameters:
        settings["dtype"] = torch.float64
    theirs = info.module_cls(*given.args, **settings).double().train(training)
    arguments = [ours(argument) for argument in given.args]
    options = {name: ours(value) for name, value in given.kwargs.items() if name not in ("device", "dtype")}
    mine = getattr(gv.nn, info.module_cls.__name__)(*arguments, **options).double().train(training)
    state = theirs.state_dict().items()
    numbers = {name: gv.tensor(value.numpy().copy()) for name, value in state if not torch.nn.parameter.is_lazy(value)}
    mine.load_state_dict(
        numbers, strict=len(numbers) == len(state)
    )  # a lazy layer draws its numbers at its first input
    return theirs, mine


def ours(value):
    """A constructor's argument for gradviz: a tensor, a function of the same name, a module built in the same way."""
    import torch

    if isinstance(value, torch.nn.TransformerEncoderLayer | torch.nn.TransformerDecoderLayer):
        activation = "relu" if value.activation is torch.nn.functional.relu else "gelu"
        return getattr(gv.nn, type(value).__name__)(
            value.self_attn.embed_dim,
            value.self_attn.num_heads,
            value.linear1.out_features,
            value.dropout.p,
            activation,
            value.norm1.eps,
            value.self_attn.batch_first,
            value.norm_first,
            value.linear1.bias is not None,
        )
    if isinstance(value, torch.nn.Module):
        raise NotImplementedError(f"a {type(value).__name__} as an argument")
    if callable(value) and hasattr(gv.nn.functional, getattr(value, "__name__", "")):
        return getattr(gv.nn.functional, value.__name__)
    return to_gradviz(value, [])


def parts(result, kind):
    """The tensors in a result, however they are nested."""
    if isinstance(result, kind):
        return [result]
    return [leaf for item in result for leaf in parts(item, kind)] if isinstance(result, list | tuple) else []


def compare(info, sample, training):
    """Run one sample both ways; raise where results or gradients differ."""
    import torch

    theirs, mine = built(info, sample, training)
    given, pairs = sample.forward_input, []
    arguments = [to_gradviz(argument, pairs) for argument in given.args]
    options = {name: to_gradviz(value, pairs) for name, value in given.kwargs.items()}
    torch.manual_seed(0)  # what draws at random draws the same here and there
    expected = parts(theirs(*given.args, **given.kwargs), torch.Tensor)
    gv.manual_seed(0)
    found = parts(mine(*arguments, **options), gv.Tensor)
    assert len(found) == len(expected), f"{len(found)} results in place of {len(expected)}"
    for x, y in zip(found, expected, strict=True):
        assert tuple(x.shape) == tuple(y.shape), f"shape {tuple(x.shape)} in place of {tuple(y.shape)}"
        assert x.requires_grad == y.requires_grad, "requires_grad differs"
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-7, atol=1e-9)
    if not any(y.requires_grad for y in expected):
        return
    sum((y * y).sum() for y in expected if y.requires_grad).backward()
    sum((x * x).sum() for x in found if x.requires_grad).backward()
    named = zip(theirs.named_parameters(), mine.named_parameters(), strict=True)
    leaves = [(name, p.grad, q.grad) for (name, p), (_, q) in named]
    leaves += [("an input", y.grad, x.grad) for x, y in pairs if y.is_leaf]
    for name, gradient, ours_ in leaves:
        assert (gradient is None) == (ours_ is None), f"{name}: one has a gradient"
        if gradient is not None:
            np.testing.assert_allclose(ours_.numpy(), gradient.numpy(), rtol=1e-6, atol=1e-8, err_msg=name)


def check(info):
    """Run all of a class's samples, training and not; return ``None`` or what went wrong first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for training in (True, False):
            for place, sample in enumerate(samples(info, training)):
                try:
                    compare(info, sample, training)
                except Exception as error:
                    first = (str(error).strip() or type(error).__name__).splitlines()[0]
                    return f"sample {place}, train={training}: {type(error).__name__}: {first}"[:170]
    return None


def main():
    """Print a report."""
    from torch.testing._internal.common_modules import module_db

    found = entries()
    results = {name: check(info) for name, info in found.items()}
    for name, problem in sorted(results.items()):
        if problem is not None:
            print(f"{name:28} {problem}")
    passing = sorted(name for name, problem in results.items() if problem is None)
    missing = sorted({info.name.removeprefix("nn.") for info in module_db} - set(found))
    print(f"{len(passing)} pass, {len(results) - len(passing)} fail, {len(missing)} are missing: {', '.join(missing)}")
    if "--write" in sys.argv:
        PASSING.write_text("\n".join(passing) + "\n")


if __name__ == "__main__":
    main()
