"""PyTorch's own optimiser database as a measure: its settings and its misuses, run in gradviz and compared.

Run ``python tests/optim_db.py`` for a report, ``python tests/optim_db.py --write`` to update ``optim_db_passing.txt``,
the list of entries that `test_optim_db.py` holds on to.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import gradviz as gv

PASSING = Path(__file__).with_name("optim_db_passing.txt")
STEPS = 10
CLOSURE_STEPS = 2
"""Of those that call the closure many times in a step: without a line search, L-BFGS makes much of the last bit."""


def entries():
    """Every setting to train with, and every misuse, of each optimiser: a name, and a function that checks it."""
    import torch
    from torch.testing._internal.common_optimizers import optim_db

    for info in optim_db:
        name = info.optim_cls.__name__
        for sample in info.optim_inputs_func(device="cpu"):
            settings = ", ".join(f"{key}={value}" for key, value in sample.kwargs.items())
            yield f"{name}({settings})", Training(name, sample.kwargs, info.step_requires_closure)
        for sample in info.optim_error_inputs_func("cpu", torch.float32):
            given = sample.optimizer_error_input
            settings = ", ".join(f"{key}={value}" for key, value in given.kwargs.items())
            yield f"{name} refuses: {given.desc}: {settings}".removesuffix(": "), Misuse(name, sample)


class Training:
    """Train the same small network in both libraries, and compare losses, parameters and what is remembered."""

    def __init__(self, name, kwargs, needs_closure):
        self.name, self.kwargs, self.needs_closure = name, kwargs, needs_closure

    def __call__(self):
        import torch

        tolerances = {"float64": 1e-6} if self.needs_closure else {"float64": 1e-8, "float32": 2e-4}
        for dtype, tolerance in tolerances.items():
            theirs = self.trained(torch, dtype)
            mine = self.trained(gv, dtype)
            for what, expected in theirs.items():
                np.testing.assert_allclose(mine[what], expected, tolerance, tolerance, err_msg=f"{dtype} {what}")

    def trained(self, t, dtype):
        """Return every number that came up, by name."""
        random = np.random.default_rng(0)

        def draw(*shape):
            return t.tensor(random.standard_normal(shape).astype(dtype))

        parameters = [draw(3, 4).requires_grad_(), draw(4).requires_grad_(), draw(4, 1).requires_grad_()]
        x, y = draw(8, 3), draw(8, 1)
        made = getattr(t.optim, self.name)(parameters, **converted(t, self.kwargs))
        losses = []

        def closure():
            made.zero_grad()
            w, b, v = parameters
            loss = (((x @ w + b).tanh() @ v - y) ** 2).mean()
            loss.backward()
            losses.append(loss.item())
            return loss

        for _ in range(CLOSURE_STEPS if self.needs_closure else STEPS):
            made.step(closure)
        numbers = {"losses": losses}
        for place, parameter in enumerate(parameters):
            numbers[f"parameter {place}"] = parameter.detach().numpy()
            for key, value in made.state.get(parameter, {}).items():
                if hasattr(value, "numpy") and not self.needs_closure:
                    numbers[f"{key} of {place}"] = value.numpy()
        return numbers


class Misuse:
    """Misuse an optimiser; the error, or warning, must be the one PyTorch's own tests look for."""

    def __init__(self, name, sample):
        self.name, self.sample = name, sample

    def __call__(self):
        given, seen = self.sample.optimizer_error_input, {}
        params = [gv.ones(2, requires_grad=True)] if given.params is None else converted(gv, given.params, seen)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(self.sample.error_type, match=self.sample.error_regex):
                getattr(gv.optim, self.name)(params, **converted(gv, given.kwargs, seen))


def converted(t, value, seen=None):
    """Turn a setting's tensors into those of a library; the same tensor is the same again."""
    import torch

    seen = {} if seen is None else seen
    if t is torch:
        return value
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            seen[id(value)] = gv.tensor(value.detach().numpy().copy(), requires_grad=value.requires_grad)
        return seen[id(value)]
    if isinstance(value, list | tuple):
        return type(value)(converted(t, item, seen) for item in value)
    if isinstance(value, dict):
        return {key: converted(t, item, seen) for key, item in value.items()}
    return value


def check(entry):
    """Run an entry; return ``None`` or what went wrong."""
    if not hasattr(gv.optim, entry.name):
        return "missing"
    try:
        entry()
    except (Exception, pytest.fail.Exception) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return f"{type(error).__name__}: {text}"[:160]
    return None


def main():
    """Print a report."""
    results = {name: check(entry) for name, entry in entries()}
    passing = sorted(name for name, problem in results.items() if problem is None)
    missing = sorted({re.split(r"\W", name)[0] for name, problem in results.items() if problem == "missing"})
    failing = {name: problem for name, problem in results.items() if problem not in (None, "missing")}
    for name, problem in sorted(failing.items()):
        print(f"{name:60} {problem}")
    print(f"{len(passing)} pass, {len(failing)} fail; gradviz has no {', '.join(missing)}")
    if "--write" in sys.argv:
        PASSING.write_text("\n".join(passing) + "\n")


if __name__ == "__main__":
    main()
