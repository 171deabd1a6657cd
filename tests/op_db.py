"""PyTorch's own operator database as a measure: its sample inputs, run through gradviz and compared.

Run ``python tests/op_db.py`` for a report, ``python tests/op_db.py --write`` to update ``op_db_passing.txt``, the list of
entries that `test_op_db.py` holds on to.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

import gradviz as gv

PASSING = Path(__file__).with_name("op_db_passing.txt")


def entries():
    """The differentiable float64 entries, by name and variant."""
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    for entry in op_db:
        if entry.supports_autograd and torch.float64 in entry.dtypes:
            name = f"{entry.name}.{entry.variant_test_name}" if entry.variant_test_name else entry.name
            yield name, entry


# Where the database calls a function in an order of its own.
CALLED = {
    "where": lambda where: lambda input, condition, other: where(condition, input, other),
    "einsum": lambda einsum: lambda tensors, equation: einsum(equation, *tensors),
    "linalg.pinv.singular": lambda pinv: lambda a, b: pinv(a @ b.mT),
    "normal.number_mean": lambda normal: lambda std, mean, *more, **how: normal(mean, std, *more, **how),
    "nn.functional.embedding": lambda embedding: lambda weight, index, **how: embedding(index, weight, **how),
    "nn.functional.embedding_bag": lambda bag: lambda weight, index, **how: bag(index, weight, **how),
}


def resolve(name, variant=""):
    """Return gradviz's function of the same dotted name, or its method, or ``None``."""
    found = gv
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = getattr(gv.Tensor, part, None) if found is gv else None
        if found is None:
            return None
    if isinstance(found, property):
        found = found.fget
    if not callable(found):
        return None
    return CALLED.get(variant, CALLED.get(name, lambda function: function))(found)


def to_gradviz(value, tensors):
    """Turn a sample's argument into gradviz's; collect the pairs of tensors that require gradients."""
    import torch

    if isinstance(value, torch.Tensor):
        mine = gv.tensor(np.array(value.detach().numpy()))  # (which lies in memory as that does)
        if value.requires_grad:
            mine.requires_grad_()
            tensors.append((mine, value))
        return mine
    if isinstance(value, torch.dtype | torch.layout):
        return getattr(gv, str(value).split(".")[1])
    if isinstance(value, list | tuple) and type(value) in (list, tuple, torch.Size):
        return (tuple if isinstance(value, tuple) else list)(to_gradviz(item, tensors) for item in value)
    if isinstance(value, dict):
        return {key: to_gradviz(item, tensors) for key, item in value.items()}
    return value


def flat(result, kind):
    if isinstance(result, kind):
        return [result]
    if isinstance(result, list | tuple):
        return [leaf for item in result for leaf in flat(item, kind)]
    raise TypeError(f"returned {type(result).__name__}")


def compare(sample, function, entry):
    """Run one sample both ways; raise where values or gradients differ."""
    import torch

    tensors = []
    input, args, kwargs = (to_gradviz(part, tensors) for part in (sample.input, sample.args, sample.kwargs))
    torch.manual_seed(42)  # as the database itself, so that what draws at random draws the same here and there
    theirs = flat(sample.output_process_fn_grad(entry(sample.input, *sample.args, **sample.kwargs)), torch.Tensor)
    gv.manual_seed(42)
    # What is not unique, such as the signs of eigenvectors, the database takes out of a result before comparing it.
    mine = flat(sample.output_process_fn_grad(function(input, *args, **kwargs)), gv.Tensor)
    if len(mine) < len(theirs):
        raise AssertionError(f"{len(mine)} results in place of {len(theirs)}")
    pairs = list(zip(mine, theirs, strict=False))
    random = np.random.default_rng(0)
    seeds, starts = [], []
    for x, y in pairs:
        values = y.detach().numpy()
        assert tuple(x.shape) == values.shape, f"shape {tuple(x.shape)} in place of {values.shape}"
        assert str(x.dtype) == str(y.dtype), f"{x.dtype} in place of {y.dtype}"
        np.testing.assert_allclose(x.detach().numpy(), values, rtol=1e-7, atol=1e-9)
        if y.requires_grad:
            assert x.requires_grad, "requires no gradient"
            seeds.append(random.standard_normal(values.shape))
            starts.append((x, y))
    if not starts:
        return
    gv.autograd.backward([x for x, _ in starts], [gv.tensor(np.asarray(seed)) for seed in seeds])
    gradients = torch.autograd.grad(
        [y for _, y in starts], [y for _, y in tensors], [torch.tensor(seed) for seed in seeds], allow_unused=True
    )
    for (x, _), theirs in zip(tensors, gradients, strict=True):
        if theirs is None:
            assert x.grad is None or not x.grad.numpy().any()
        else:
            assert x.grad is not None, "no gradient"
            np.testing.assert_allclose(x.grad.numpy(), theirs.numpy(force=True), rtol=1e-6, atol=1e-8)


def check(entry):
    """Run all of an entry's samples; return ``None`` or what went wrong first."""
    import torch

    function = resolve(entry.name, f"{entry.name}.{entry.variant_test_name}" if entry.variant_test_name else "")
    if function is None:
        return "missing"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        for place, sample in enumerate(entry.sample_inputs("cpu", torch.float64, requires_grad=True)):
            try:
                compare(sample, function, entry)
            except Exception as error:
                first = (str(error).strip() or type(error).__name__).splitlines()[0]
                return f"sample {place}: {type(error).__name__}: {first}"[:160]
    return None


def main():
    """Print a report."""
    results = {name: check(entry) for name, entry in entries()}
    passing = sorted(name for name, problem in results.items() if problem is None)
    missing = [name for name, problem in results.items() if problem == "missing"]
    for name, problem in sorted(results.items()):
        if problem not in (None, "missing"):
            print(f"{name:45} {problem}")
    print(f"{len(passing)} pass, {len(results) - len(passing) - len(missing)} fail, {len(missing)} are missing")
    if "--write" in sys.argv:
        PASSING.write_text("\n".join(passing) + "\n")


if __name__ == "__main__":
    main()
