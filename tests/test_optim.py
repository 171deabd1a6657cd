"""Optimisers and schedules: PyTorch's numbers, state, printing and errors."""

from __future__ import annotations

import copy
import doctest
import importlib
import itertools
import math
import warnings

import numpy as np
import pytest

import gradviz as gv
from gradviz.nn import utils
from gradviz.optim.rule import sign

STEPS = 20
SHAPES = [(), (7,), (33, 5)]


def options(**choices):
    """Every combination of the choices."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


COMMON = {"weight_decay": [0, 0.1], "maximize": [False, True]}
OPTIONS = {
    "SGD": [
        kwargs
        for kwargs in options(momentum=[0, 0.9], dampening=[0, 0.3], nesterov=[False, True], **COMMON)
        if not kwargs["nesterov"] or (kwargs["momentum"] and not kwargs["dampening"])
    ],
    "Adam": options(
        betas=[(0.9, 0.999), (0.4, 0.8)], amsgrad=[False, True], decoupled_weight_decay=[False, True], **COMMON
    ),
    "AdamW": options(amsgrad=[False, True], **COMMON),
    "Adamax": options(**COMMON),
    "NAdam": options(decoupled_weight_decay=[False, True], momentum_decay=[4e-3, 0.1], **COMMON),
    "RAdam": options(decoupled_weight_decay=[False, True], betas=[(0.9, 0.999), (0.9, 0.9)], **COMMON),
    "Adagrad": options(lr_decay=[0, 0.1], initial_accumulator_value=[0, 0.5], **COMMON),
    "RMSprop": options(momentum=[0, 0.9], centered=[False, True], alpha=[0.99, 0.3], **COMMON),
    "Adadelta": options(rho=[0.9, 0.5], **COMMON),
    "Rprop": options(etas=[(0.5, 1.2), (0.3, 1.5)], maximize=[False, True]),
    "ASGD": options(t0=[1e6, 5], lambd=[1e-4, 0.1], **COMMON),
}
ROOTLESS = ["SGD", "Adamax", "Rprop", "ASGD"]
"""Those that take no square root. PyTorch's is off by a bit now and then, and differently from machine to machine."""
AFTER_THE_ROOT = ["parameter", "acc_delta", "momentum_buffer"]
"""What the others compute with it; with weight decay, parameters act on all the rest."""


class Pair:
    """The same parameters in PyTorch and in gradviz, and the same gradients."""

    def __init__(self, torch, dtype="float32", shapes=SHAPES):
        self.torch = torch
        self.dtype = dtype
        self.random = np.random.default_rng(0)
        start = [self.draw(shape) for shape in shapes]
        self.theirs = [torch.tensor(array, requires_grad=True) for array in start]
        self.mine = [gv.tensor(array, requires_grad=True) for array in start]

    def draw(self, shape):
        return np.asarray(self.random.standard_normal(shape), self.dtype)

    def optimizers(self, name, **kwargs):
        return getattr(self.torch.optim, name)(self.theirs, **kwargs), getattr(gv.optim, name)(self.mine, **kwargs)

    def gradients(self):
        for theirs, mine in zip(self.theirs, self.mine, strict=True):
            array = self.draw(mine.shape)
            theirs.grad, mine.grad = self.torch.tensor(array), gv.tensor(array)

    def run(self, theirs, mine, steps=STEPS):
        for _ in range(steps):
            self.gradients()
            theirs.step()
            mine.step()

    def tensors(self, theirs, mine):
        """Parameters and all that is remembered of them, as pairs of arrays."""
        for their_p, my_p in zip(self.theirs, self.mine, strict=True):
            yield "parameter", their_p.detach().numpy(), my_p.detach().numpy()
            their_memory, my_memory = theirs.state.get(their_p, {}), mine.state.get(my_p, {})
            assert list(my_memory) == list(their_memory)
            for key, value in their_memory.items():
                assert str(my_memory[key].dtype) == str(value.dtype)
                yield key, value.numpy(), my_memory[key].numpy()


@pytest.mark.parametrize("name", OPTIONS)
def test_pytorchs_numbers(torch, name):
    for kwargs in OPTIONS[name]:
        pair = Pair(torch)
        theirs, mine = pair.optimizers(name, **kwargs)
        assert repr(mine) == repr(theirs)
        pair.run(theirs, mine)
        # A bit in a root is a bit in the parameter; and where the variance is near 0, much more.
        near = (1e-4, 1e-4) if kwargs.get("centered") else (2e-6, 1e-6)
        for what, expected, got in pair.tensors(theirs, mine):
            exact = name in ROOTLESS or (what not in AFTER_THE_ROOT and not kwargs["weight_decay"])
            tolerance = (0, 0) if exact else (1e-5, 1e-5) if what == "momentum_buffer" else near
            np.testing.assert_allclose(got, expected, *tolerance, err_msg=f"{name}({kwargs}): {what}")


@pytest.mark.parametrize("name", OPTIONS)
def test_pytorchs_numbers_in_float64(torch, name):
    for kwargs in OPTIONS[name]:
        pair = Pair(torch, "float64")
        theirs, mine = pair.optimizers(name, **kwargs)
        pair.run(theirs, mine)
        for what, expected, got in pair.tensors(theirs, mine):
            np.testing.assert_allclose(got, expected, 1e-9, 1e-12, err_msg=f"{name}({kwargs}): {what}")


@pytest.mark.parametrize("name", OPTIONS)
def test_a_learning_rate_can_be_a_tensor(torch, name):
    pair = Pair(torch)
    theirs = getattr(torch.optim, name)(pair.theirs, lr=torch.tensor(0.01))
    mine = getattr(gv.optim, name)(pair.mine, lr=gv.tensor(0.01))
    pair.run(theirs, mine)
    for what, expected, got in pair.tensors(theirs, mine):
        np.testing.assert_allclose(got, expected, 1e-5, 1e-6, err_msg=what)


def test_betas_can_be_tensors(torch):
    pair = Pair(torch)
    theirs = torch.optim.Adam(pair.theirs, betas=(torch.tensor(0.8), torch.tensor(0.99)))
    mine = gv.optim.Adam(pair.mine, betas=(gv.tensor(0.8), gv.tensor(0.99)))
    pair.run(theirs, mine)
    for what, expected, got in pair.tensors(theirs, mine):
        np.testing.assert_allclose(got, expected, 2e-6, 1e-6, err_msg=what)


# --- groups -------------------------------------------------------------------------------------------------------------


def test_groups_have_settings_of_their_own(torch):
    results = []
    for t in (torch, gv):
        a, b, c = (t.tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
        optimizer = t.optim.SGD([{"params": a}, {"params": [b], "lr": 0.5, "momentum": 0.1}], lr=0.25)
        optimizer.add_param_group({"params": c, "weight_decay": 0.5})
        for parameter in (a, b, c):
            parameter.grad = t.tensor([1.0, -1.0])
        optimizer.step()
        optimizer.step()
        results.append((repr(optimizer), a.tolist(), b.tolist(), c.tolist()))
    assert results[0] == results[1]


def test_named_parameters(torch):
    results = []
    for t in (torch, gv):
        optimizer = t.optim.Adam(t.nn.Linear(2, 1).named_parameters())
        results.append((optimizer.param_groups[0]["param_names"], optimizer.state_dict(), repr(optimizer)))
    assert results[0] == results[1]
    assert results[1][0] == ["weight", "bias"]


def test_a_group_given_is_not_changed():
    group = {"params": [gv.ones(1, requires_grad=True)]}
    gv.optim.SGD([group], lr=0.5)
    assert list(group) == ["params"]


MISUSE = [
    "SGD(w, lr=0.1)",
    "SGD([], lr=0.1)",
    "SGD(3)",
    "SGD([1.0])",
    "SGD([w, 'a'])",
    "SGD([{'params': [w]}, 3])",
    "SGD([{'params': {w, v}}])",
    "SGD([w * 2])",
    "SGD([{'params': [w]}, {'params': [w]}])",
    "SGD([('w', w), v])",
    "SGD([{'params': [('w', w)]}, {'params': [v]}])",
    "SGD([w], lr=-0.1)",
    "SGD([w], lr=t.tensor(-1.0))",
    "SGD([w], lr=t.ones(2))",
    "SGD([w], momentum=-1)",
    "SGD([w], weight_decay=-1)",
    "SGD([w], nesterov=True)",
    "SGD([w], momentum=0.5, dampening=0.5, nesterov=True)",
    "SGD([w], fused=True, foreach=True)",
    "SGD([w], fused=True, differentiable=True)",
    "SGD([w], 0.1, 0.9, 0, 0, False, True)",
    *(f"{name}([w], lr=-1)" for name in [*OPTIONS, "LBFGS"]),
    *(f"{name}([w], lr=t.ones(2))" for name in [*OPTIONS, "LBFGS"]),
    *(f"{name}([w], weight_decay=-1)" for name in OPTIONS if name != "Rprop"),
    *(
        f"{name}([w], eps=-1)"
        for name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adagrad", "RMSprop", "Adadelta")
    ),
    *(f"{name}([w], betas=(1.0, 0.9))" for name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam")),
    *(f"{name}([w], betas=(0.9, -0.1))" for name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam")),
    "Adam([w], betas=(0, 0.9))",
    "Adam([w], lr=t.tensor(0.1), foreach=True)",
    "Adam([w], betas=(t.tensor(0.1), t.tensor(0.1)), foreach=True)",
    "Adam([w], betas=(t.tensor(0.1), t.ones(2) * 0.1))",
    "NAdam([w], momentum_decay=-1)",
    "Adagrad([w], lr_decay=-1)",
    "Adagrad([w], initial_accumulator_value=-1)",
    "RMSprop([w], alpha=-1)",
    "RMSprop([w], momentum=-1)",
    "Adadelta([w], rho=1.5)",
    "Rprop([w], etas=(1.5, 1.2))",
    "LBFGS([{'params': [w]}, {'params': [v]}])",
    "LBFGS([w]).step()",
    "SGD([w]).load_state_dict({'state': {}, 'param_groups': []})",
    "SGD([w]).load_state_dict({'state': {}, 'param_groups': [{'params': [0, 1]}]})",
    "lr_scheduler.StepLR(3, 1)",
    "lr_scheduler.StepLR(SGD([w]), 1, last_epoch=3)",
    "lr_scheduler.LambdaLR(SGD([w]), [len, len])",
    "lr_scheduler.MultiplicativeLR(SGD([w]), 3)",
    "lr_scheduler.ConstantLR(SGD([w]), factor=2)",
    "lr_scheduler.LinearLR(SGD([w]), start_factor=0)",
    "lr_scheduler.LinearLR(SGD([w]), end_factor=2)",
    "lr_scheduler.CosineAnnealingWarmRestarts(SGD([w]), T_0=0)",
    "lr_scheduler.CosineAnnealingWarmRestarts(SGD([w]), T_0=1, T_mult=0)",
    "lr_scheduler.CosineAnnealingWarmRestarts(SGD([w]), T_0=1, eta_min='1')",
    "lr_scheduler.CosineAnnealingWarmRestarts(SGD([w]), T_0=1).step(-1)",
    "lr_scheduler.OneCycleLR(SGD([w]), 0.1)",
    "lr_scheduler.OneCycleLR(SGD([w]), 0.1, total_steps=0)",
    "lr_scheduler.OneCycleLR(SGD([w]), 0.1, epochs=0, steps_per_epoch=1)",
    "lr_scheduler.OneCycleLR(SGD([w]), 0.1, epochs=1, steps_per_epoch=1.5)",
    "lr_scheduler.OneCycleLR(SGD([w]), 0.1, total_steps=9, pct_start=2.0)",
    "lr_scheduler.OneCycleLR(SGD([w]), 0.1, total_steps=9, anneal_strategy='sin')",
    "lr_scheduler.OneCycleLR(SGD([w]), [0.1, 0.2], total_steps=9)",
    "lr_scheduler.OneCycleLR(Rprop([w]), 0.1, total_steps=9)",
    "lr_scheduler.CyclicLR(SGD([w]), 0.1, 1.0, mode='square')",
    "lr_scheduler.CyclicLR(Rprop([w]), 0.1, 1.0)",
    "lr_scheduler.ReduceLROnPlateau(SGD([w]), factor=1.0)",
    "lr_scheduler.ReduceLROnPlateau(SGD([w]), mode='best')",
    "lr_scheduler.ReduceLROnPlateau(SGD([w]), threshold_mode='best')",
    "lr_scheduler.ReduceLROnPlateau(SGD([w]), min_lr=[0, 0])",
    "lr_scheduler.ReduceLROnPlateau(3)",
    "lr_scheduler.SequentialLR(SGD([w]), [], [])",
    "lr_scheduler.SequentialLR((o := SGD([w])), [lr_scheduler.StepLR(o, 1)], [3])",
    "lr_scheduler.SequentialLR((o := SGD([w])), [lr_scheduler.ReduceLROnPlateau(o)], [])",
    "lr_scheduler.SequentialLR(SGD([w]), [lr_scheduler.StepLR(SGD([w]), 1)], [])",
    "lr_scheduler.SequentialLR(SGD([w]), [3], [])",
    "lr_scheduler.ChainedScheduler([])",
    "lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(SGD([w]), 1), lr_scheduler.StepLR(SGD([w]), 1)])",
]


@pytest.mark.parametrize("code", MISUSE)
def test_pytorchs_errors(torch, code):
    raised = []
    for t in (torch, gv):
        w, v = t.ones(2, requires_grad=True), t.ones(2, requires_grad=True)
        names = {name: getattr(t.optim, name) for name in [*OPTIONS, "LBFGS", "lr_scheduler"]}
        with pytest.raises(Exception) as caught:  # noqa: PT011 (which, is what is compared)
            eval(code, {**names, "t": t, "w": w, "v": v})
        raised.append((type(caught.value), str(caught.value).partition("\n\n")[0]))
    assert raised[1] == raised[0]


def test_a_parameter_twice_in_a_group_is_warned_about(torch):
    for t in (torch, gv):
        w = t.ones(2, requires_grad=True)
        with pytest.warns(UserWarning, match="optimizer contains a parameter group with duplicate parameters"):
            t.optim.SGD([w, w])


@pytest.mark.parametrize("option", ["capturable", "differentiable"])
def test_what_is_not_supported_says_so(option):
    w = gv.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match=rf"gradviz has no {option}=True.*supported: {option}=False"):
        gv.optim.Adam([w], **{option: True})
    with pytest.raises(AttributeError, match=r"gradviz has no optim\.Muon; there are: ASGD, Adadelta, "):
        gv.optim.Muon  # noqa: B018
    with pytest.raises(AttributeError, match=r"gradviz has no optim\.lr_scheduler\.NoamLR; there are: Chained"):
        gv.optim.lr_scheduler.NoamLR  # noqa: B018


# --- steps --------------------------------------------------------------------------------------------------------------


def test_a_step_with_a_closure_returns_its_loss():
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = w**2
        loss.backward()
        return loss

    with gv.no_grad():  # the closure records nevertheless
        assert optimizer.step(closure).item() == 4
    assert w.item() == 1


def test_parameters_without_a_gradient_stay():
    w, v = gv.ones(2, requires_grad=True), gv.ones(2, requires_grad=True)
    optimizer = gv.optim.AdamW([w, v])
    v.grad = gv.ones(2)
    optimizer.step()
    assert w.tolist() == [1, 1]
    assert v.tolist() != [1, 1]
    assert list(optimizer.state) == [v]


def test_a_step_counts_as_a_change_in_place():
    w = gv.ones(2, requires_grad=True)
    loss = (w * w).sum()
    w.grad = gv.ones(2)
    gv.optim.SGD([w], lr=0.5).step()
    assert w._version == 1
    assert w.is_leaf
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        loss.backward()


def test_memory_stays_in_place_from_step_to_step():
    w = gv.ones(3, requires_grad=True)
    w.grad = gv.ones(3)
    optimizer = gv.optim.Adam([w], amsgrad=True)
    optimizer.step()
    before = {key: (tensor, tensor.numpy()) for key, tensor in optimizer.state[w].items()}
    array = w.data.numpy()
    optimizer.step()
    assert w.data.numpy() is array
    for key, (tensor, numbers) in before.items():
        assert optimizer.state[w][key] is tensor
        assert tensor.numpy() is numbers


def test_diverging_is_silent():
    for name in OPTIONS:
        w = gv.tensor([1.0, 2.0, 3.0], requires_grad=True)
        optimizer = getattr(gv.optim, name)([w], lr=1e38)
        for gradient in (3e38, -3e38, math.inf, math.nan):
            w.grad = gv.full((3,), gradient)
            optimizer.step()
        assert not np.isfinite(w.detach().numpy()).all() or name == "Rprop"


def test_zero_grad():
    w = gv.ones(2, requires_grad=True)
    optimizer = gv.optim.SGD([w])
    w.grad = gv.ones(2)
    kept = w.grad
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is kept
    assert w.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert w.grad is None


def test_an_optimiser_of_ones_own():
    class Halving(gv.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"share": 0.5})

        def step(self, closure=None):
            with gv.no_grad():
                for group in self.param_groups:
                    for parameter in group["params"]:
                        parameter.mul_(group["share"])

    w = gv.ones(2, requires_grad=True)
    optimizer = Halving([w])
    calls = []
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    scheduler = gv.optim.lr_scheduler.LambdaLR
    optimizer.step()
    assert w.tolist() == [0.5, 0.5]
    assert calls == ["after"]
    assert repr(optimizer) == "Halving (\nParameter Group 0\n    share: 0.5\n)"
    with pytest.raises(KeyError, match="lr"):
        scheduler(optimizer, lambda step: 1)
    w.grad = gv.ones(2)
    with pytest.raises(NotImplementedError):
        gv.optim.Optimizer([w], {}).step()


# --- hooks --------------------------------------------------------------------------------------------------------------


def hooked(t):
    """Register every hook there is; return what they were called with."""
    w = t.ones(2, requires_grad=True)
    w.grad = t.ones(2)
    optimizer = t.optim.SGD([w], lr=0.5)
    heard = []

    def hear(word):
        def hook(*args):
            heard.append((word, len(args), args[0] is optimizer))

        return hook

    handles = [
        optimizer.register_step_pre_hook(hear("step pre")),
        optimizer.register_step_post_hook(hear("step post")),
        optimizer.register_state_dict_pre_hook(hear("state pre")),
        optimizer.register_state_dict_pre_hook(hear("state pre first"), prepend=True),
        optimizer.register_state_dict_post_hook(hear("state post")),
        optimizer.register_load_state_dict_pre_hook(hear("load pre")),
        optimizer.register_load_state_dict_post_hook(hear("load post")),
        optimizer.register_load_state_dict_post_hook(hear("load post first"), prepend=True),
    ]
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    for handle in handles:
        handle.remove()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    return heard


def test_hooks(torch):
    assert hooked(gv) == hooked(torch)
    assert len(hooked(gv)) == 8


def test_hooks_are_called_once_where_a_step_calls_its_base_class():
    class Shouting(gv.optim.SGD):
        def step(self, closure=None):
            heard.append("step")
            return super().step(closure)

    heard = []
    optimizer = Shouting([gv.ones(1, requires_grad=True)])
    optimizer.register_step_pre_hook(lambda *_: heard.append("before"))
    optimizer.register_step_post_hook(lambda *_: heard.append("after"))
    optimizer.step()
    assert heard == ["before", "step", "after"]


def test_hooks_can_replace(torch):
    results = []
    for t in (torch, gv):
        w = t.ones(2, requires_grad=True)
        optimizer = t.optim.SGD([w], lr=0.5)
        called = []

        def closure(w=w, t=t, called=called):
            called.append(1)
            w.grad = t.ones(2)

        optimizer.register_step_pre_hook(lambda o, args, kwargs, closure=closure: ((o, closure), {}))
        optimizer.step()
        optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
        optimizer.register_load_state_dict_pre_hook(lambda o, state: {**state, "state": {}})
        state = optimizer.state_dict()
        optimizer.load_state_dict(state)
        optimizer.register_step_pre_hook(lambda *_: 3)
        with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3\."):
            optimizer.step()
        results.append((w.tolist(), called, state["more"]))
    assert results[0] == results[1] == ([0.5, 0.5], [1], 1)


# --- state ----------------------------------------------------------------------------------------------------------------


def plain(state):
    """A state with lists in place of tensors."""
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(plain(item) for item in state)
    return state.tolist() if hasattr(state, "tolist") else state


@pytest.mark.parametrize("name", OPTIONS)
def test_training_goes_on_from_a_saved_state(torch, name):
    pair = Pair(torch)
    theirs, mine = pair.optimizers(name)
    pair.run(theirs, mine, 3)
    state = mine.state_dict()
    expected = theirs.state_dict()
    assert list(state) == list(expected)
    assert list(state["state"]) == list(expected["state"])
    assert plain(state["param_groups"]) == plain(expected["param_groups"])
    assert list(state["param_groups"][0]) == list(expected["param_groups"][0])

    copies = [gv.tensor(p.detach().numpy(), requires_grad=True) for p in pair.mine]
    other = getattr(gv.optim, name)(copies, lr=77.0)
    other.load_state_dict(copy.deepcopy(state))
    assert other.param_groups[0]["lr"] == mine.param_groups[0]["lr"]
    for _ in range(3):
        pair.gradients()
        for copied, p in zip(copies, pair.mine, strict=True):
            copied.grad = p.grad
        mine.step()
        other.step()
    for copied, p in zip(copies, pair.mine, strict=True):
        np.testing.assert_array_equal(copied.detach().numpy(), p.detach().numpy())
    assert plain(other.state_dict()) == plain(mine.state_dict())


def test_a_loaded_state_is_a_copy_in_the_parameters_dtype():
    w = gv.ones(2, requires_grad=True)
    w.grad = gv.ones(2)
    optimizer = gv.optim.Adam([w])
    optimizer.step()
    state = optimizer.state_dict()
    v = gv.ones(2, dtype=gv.float64, requires_grad=True)
    other = gv.optim.Adam([v])
    other.load_state_dict(state)
    assert other.state[v]["exp_avg"].dtype is gv.float64
    assert other.state[v]["step"].dtype is gv.float32
    optimizer.step()
    assert other.state[v]["step"].item() == 1


def test_a_refused_state_changes_nothing():
    w = gv.ones(2, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.5)
    state = optimizer.state_dict()
    state["param_groups"][0]["lr"] = 3.0
    state["param_groups"][0]["differentiable"] = True
    with pytest.raises(NotImplementedError, match="differentiable"):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_adamw_takes_over_from_adam():
    w = gv.ones(2, requires_grad=True)
    optimizer = gv.optim.AdamW([w])
    optimizer.load_state_dict(gv.optim.Adam([w]).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True


def test_an_optimiser_can_be_copied():
    w = gv.ones(2, requires_grad=True)
    w.grad = gv.ones(2)
    optimizer = gv.optim.SGD([w], lr=0.5, momentum=0.9)
    optimizer.step()
    other = copy.deepcopy(optimizer)
    other.step()
    assert w.tolist() == [0.5, 0.5]
    (v,) = other.param_groups[0]["params"]
    assert v.tolist() == pytest.approx([-0.45, -0.45])


# --- L-BFGS ---------------------------------------------------------------------------------------------------------------


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize(
    "kwargs",
    [
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "max_iter": 3, "history_size": 2},
        {"line_search_fn": "strong_wolfe", "max_eval": 3},
        {"line_search_fn": "strong_wolfe", "lr": 30.0},
        {"line_search_fn": "strong_wolfe", "lr": 1e-4, "max_iter": 8},
        {"lr": 0.01},
        {"lr": 0.01, "max_iter": 4, "tolerance_grad": 30.0},
        {"lr": 0.001, "tolerance_change": 1.0},
    ],
)
def test_lbfgs_makes_pytorchs_moves(torch, kwargs):
    ways = []
    for t in (torch, gv):
        x = t.tensor([-1.2, 1.0, 0.5, -0.3], dtype=t.float64, requires_grad=True)
        y = t.tensor(3.0, dtype=t.float64, requires_grad=True)
        optimizer = t.optim.LBFGS([x, y], **kwargs)
        losses = []

        def closure(optimizer=optimizer, losses=losses, x=x, y=y):
            optimizer.zero_grad()
            loss = rosenbrock(x) + (y - x.sum()) ** 4
            loss.backward()
            losses.append(loss.item())
            return loss

        for _ in range(3):
            optimizer.step(closure)
        state = optimizer.state[x]
        ways.append((losses, state["n_iter"], state["func_evals"], x.tolist(), float(state["t"])))
    assert len(ways[1][0]) == len(ways[0][0])
    assert ways[1][1:3] == ways[0][1:3]
    for mine, theirs in zip((ways[1][0], *ways[1][3:]), (ways[0][0], *ways[0][3:]), strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-6, 1e-9)


def test_lbfgs_goes_on_from_a_saved_state(torch):
    ends = []
    for resumed in (False, True):
        x = gv.tensor([-1.2, 1.0], requires_grad=True)
        optimizer = gv.optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=4)
        for _ in range(20):
            if resumed:
                state = copy.deepcopy(optimizer.state_dict())
                optimizer = gv.optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=4)
                optimizer.load_state_dict(state)

            def closure(optimizer=optimizer, x=x):
                optimizer.zero_grad()
                loss = rosenbrock(x)
                loss.backward()
                return loss

            optimizer.step(closure)
        ends.append(x.tolist())
        assert set(optimizer.state[x]) == {
            "func_evals", "n_iter", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss",
        }  # fmt: skip
    assert ends[0] == ends[1] == pytest.approx([1, 1], abs=1e-3)


def test_lbfgs_knows_one_line_search():
    w = gv.ones(1, requires_grad=True)
    w.grad = gv.ones(1)
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        gv.optim.LBFGS([w], line_search_fn="armijo").step(lambda: gv.ones(()))


# --- schedules ------------------------------------------------------------------------------------------------------------


def chained(s, o):
    return s.ChainedScheduler([s.ConstantLR(o, 0.1, 20), s.ExponentialLR(o, 0.9)])


def sequential(s, o):
    return s.SequentialLR(o, [s.LinearLR(o, 0.1, total_iters=10), s.StepLR(o, 7), s.CosineAnnealingLR(o, 30)], [10, 40])


SCHEDULES = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda step: 0.95**step),
    "LambdaLR, one each": lambda s, o: s.LambdaLR(o, [lambda step: 0.95**step, lambda step: 1 / (1 + step)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda step: 0.9 + 0.1 * (step % 2)),
    "StepLR": lambda s, o: s.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 30, 30, 80]),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.3, 12),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.9, 30),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.97),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 70, 1.7),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 23, 0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 9, 2, 0.01),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.7, total_steps=100),
    "OneCycleLR, linear": lambda s, o: s.OneCycleLR(
        o, [0.7, 0.2], epochs=10, steps_per_epoch=10, anneal_strategy="linear"
    ),
    "OneCycleLR, three phases": lambda s, o: s.OneCycleLR(o, 0.7, total_steps=100, three_phase=True, pct_start=0.2),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, [0.5, 0.9], 7, 11),
    "CyclicLR, triangular2": lambda s, o: s.CyclicLR(o, 0.01, 0.5, 7, mode="triangular2"),
    "CyclicLR, exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.5, 7, mode="exp_range", gamma=0.98),
    "CyclicLR, own": lambda s, o: s.CyclicLR(o, 0.01, 0.5, 7, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    "ChainedScheduler": chained,
    "SequentialLR": sequential,
}


def two_groups(t, optimizer="SGD"):
    groups = [{"params": [t.ones(1, requires_grad=True)]}, {"params": [t.ones(1, requires_grad=True)], "lr": 0.3}]
    momentum = {"momentum": 0.9} if optimizer == "SGD" else {}
    return getattr(t.optim, optimizer)(groups, lr=0.5, **momentum)


def rates(t, make, optimizer="SGD", steps=100, change=None):
    """All settings of the groups, step by step, and the schedule's state in the end."""
    o = two_groups(t, optimizer)
    schedule = make(t.optim.lr_scheduler, o)
    seen = []
    for step in range(steps):
        seen.append([{k: v for k, v in group.items() if k != "params"} for group in o.param_groups])
        seen.append(list(schedule.get_last_lr()))
        o.step()
        if change is None:
            schedule.step()
        else:
            schedule = change(schedule, step)
    return seen, schedule.state_dict()


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_pytorchs_learning_rates(torch, name, optimizer):
    assert rates(gv, SCHEDULES[name], optimizer) == rates(torch, SCHEDULES[name], optimizer)


@pytest.mark.parametrize("kwargs", [
    {}, {"mode": "max"}, {"patience": 2, "cooldown": 3}, {"threshold_mode": "abs", "threshold": 0.3, "patience": 1},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.3, "patience": 1}, {"min_lr": [0.2, 0.01], "patience": 0},
    {"eps": 0.1, "patience": 0},
])  # fmt: skip
def test_a_plateau(torch, kwargs):
    losses = np.round(np.random.default_rng(1).random(100), 2)

    def step(schedule, number):
        schedule.step(losses[number])
        return schedule

    def make(s, o):
        return s.ReduceLROnPlateau(o, **kwargs)

    mine, theirs = rates(gv, make, change=step), rates(torch, make, change=step)
    assert mine == theirs
    assert mine[0][0] != mine[0][-2] or kwargs.get("mode") == "max"


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_a_saved_state(name):
    make = SCHEDULES[name]

    def resume(schedule, step):
        schedule.step()
        if step % 10 == 3:
            state = copy.deepcopy(schedule.state_dict())
            groups = [dict(group) for group in schedule.optimizer.param_groups]
            new = make(gv.optim.lr_scheduler, schedule.optimizer)
            for group, kept in zip(schedule.optimizer.param_groups, groups, strict=True):
                group.update(kept)
            new.load_state_dict(state)
            schedule = new
        return schedule

    assert rates(gv, make, change=resume) == rates(gv, make)


@pytest.mark.parametrize(
    "name", ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR", "CosineAnnealingLR"]
)
def test_going_to_an_epoch(torch, name):
    def go(schedule, step):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            schedule.step((step * 37) % 50)
        assert "The epoch parameter in `scheduler.step()` was not necessary" in str(caught[0].message)
        return schedule

    assert rates(gv, SCHEDULES[name], change=go) == rates(torch, SCHEDULES[name], change=go)


@pytest.mark.parametrize("factor", [1, 2])
def test_warm_restarts_between_epochs(torch, factor):
    def make(s, o):
        return s.CosineAnnealingWarmRestarts(o, 4, factor)

    def go(schedule, step):
        schedule.step(step / 3)
        return schedule

    assert rates(gv, make, change=go) == rates(torch, make, change=go)


@pytest.mark.parametrize("name", ["StepLR", "ExponentialLR", "LinearLR", "CosineAnnealingLR", "LambdaLR"])
def test_resuming_by_last_epoch(torch, name):
    makes = {
        "StepLR": lambda s, o, last: s.StepLR(o, 3, last_epoch=last),
        "ExponentialLR": lambda s, o, last: s.ExponentialLR(o, 0.9, last_epoch=last),
        "LinearLR": lambda s, o, last: s.LinearLR(o, 0.1, total_iters=9, last_epoch=last),
        "CosineAnnealingLR": lambda s, o, last: s.CosineAnnealingLR(o, 9, last_epoch=last),
        "LambdaLR": lambda s, o, last: s.LambdaLR(o, lambda step: 1 / (1 + step), last_epoch=last),
    }
    seen = []
    for t in (torch, gv):
        o = two_groups(t)
        for group in o.param_groups:
            group["initial_lr"] = group["lr"]
        schedule = makes[name](t.optim.lr_scheduler, o, 4)
        seen.append([schedule.get_last_lr()])
        for _ in range(6):
            o.step()
            schedule.step()
            seen[-1].append(schedule.get_last_lr())
    assert seen[0] == seen[1]


def test_a_learning_rate_that_is_a_tensor_is_changed_in_place(torch):
    seen = []
    for t in (torch, gv):
        lr = t.tensor(0.5)
        o = t.optim.SGD([t.ones(1, requires_grad=True)], lr=lr)
        schedules = [t.optim.lr_scheduler.StepLR(o, 2, 0.5), t.optim.lr_scheduler.CosineAnnealingLR(o, 5)]
        for _ in range(4):
            o.step()
            for schedule in schedules:
                schedule.step()
        assert o.param_groups[0]["lr"] is lr
        seen.append((lr.item(), schedules[0].get_last_lr()[0].item(), schedules[0].base_lrs[0].item()))
    assert seen[1] == pytest.approx(seen[0], rel=1e-6)


def test_the_wrong_order_is_warned_about(torch):
    for t in (torch, gv):
        o = two_groups(t)
        schedule = t.optim.lr_scheduler.StepLR(o, 3)
        with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
            schedule.step()
        with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
            schedule.get_lr()
        o = two_groups(t)
        schedule = t.optim.lr_scheduler.StepLR(o, 3)
        o.step = lambda: None
        with pytest.warns(UserWarning, match=r"`optimizer.step\(\)` has been overridden after learning rate scheduler"):
            schedule.step()
        o = two_groups(t)
        o.step()  # before the schedule was made, this does not count
        schedule = t.optim.lr_scheduler.StepLR(o, 3)
        with pytest.warns(UserWarning, match="Detected call"):
            schedule.step()


def test_too_many_steps(torch):
    raised = []
    for t in (torch, gv):
        o = two_groups(t)
        schedule = t.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=2)
        o.step()
        schedule.step()
        schedule.step()
        with pytest.raises(ValueError, match="Tried to step 3 times") as caught:
            schedule.step()
        raised.append(str(caught.value))
    assert raised[0] == raised[1]


# --- nn.utils -------------------------------------------------------------------------------------------------------------


def with_gradients(t, scale=1.0):
    random = np.random.default_rng(0)
    parameters = [t.ones(*shape, requires_grad=True) for shape in [(3,), (2, 4), (5,)]]
    for parameter in parameters[:2]:
        parameter.grad = t.tensor(np.asarray(random.standard_normal(parameter.shape) * scale, "float32"))
    return parameters


@pytest.mark.parametrize("norm_type", [2, 1, 3.5, math.inf, 0])
@pytest.mark.parametrize("max_norm", [0.5, 100])
def test_clip_grad_norm(torch, norm_type, max_norm):
    results = []
    for t, clip in ((torch, torch.nn.utils.clip_grad_norm_), (gv, utils.clip_grad_norm_)):
        parameters = with_gradients(t)
        total = clip(parameters, max_norm, norm_type)
        assert str(total.dtype) == "torch.float32"
        assert parameters[2].grad is None
        results.append([total.numpy(), *(parameter.grad.numpy() for parameter in parameters[:2])])
    for mine, theirs in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(mine, theirs, 5e-7)


def test_clip_grad_norm_in_odd_cases(torch):
    for t, u in ((torch, torch.nn.utils), (gv, utils)):
        assert u.clip_grad_norm_([], 1.0).item() == 0
        with pytest.warns(UserWarning, match="`parameters` is an empty generator, no gradient clipping will occur"):
            u.clip_grad_norm_((p for p in ()), 1.0)
        w = t.ones(2, requires_grad=True)
        w.grad = t.tensor([math.inf, 1.0])
        with pytest.raises(
            RuntimeError, match=r"The total norm of order 2\.0 for gradients from `parameters` is non-fin"
        ):
            u.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)
        assert w.grad.tolist() == [math.inf, 1.0]
        assert u.clip_grad_norm_(w, 1.0).item() == math.inf
        assert math.isnan(w.grad.tolist()[0])
        assert w.grad.tolist()[1] == 0
        assert u.get_total_norm([t.tensor([3.0]), t.tensor([[4.0]])]).item() == 5


def test_clip_grad_value(torch):
    results = []
    for t, u in ((torch, torch.nn.utils), (gv, utils)):
        parameters = with_gradients(t)
        before = parameters[0].grad
        u.clip_grad_value_(parameters, 0.4)
        assert parameters[0].grad is before
        results.append([parameter.grad.tolist() for parameter in parameters[:2]])
    assert results[0] == results[1]
    assert np.abs(results[1][0]).max() == np.float32(0.4)


def test_parameters_to_a_vector_and_back(torch):
    for t, u in ((torch, torch.nn.utils), (gv, utils)):
        parameters = [t.ones(2, 3, requires_grad=True), t.zeros(4, requires_grad=True)]
        vector = u.parameters_to_vector(parameters)
        assert vector.tolist() == [1] * 6 + [0] * 4
        (vector * t.arange(10.0)).sum().backward()
        assert parameters[1].grad.tolist() == [6, 7, 8, 9]
        u.vector_to_parameters(t.arange(10.0), parameters)
        assert parameters[0].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert parameters[1].tolist() == [6, 7, 8, 9]
        assert parameters[0].requires_grad
        with pytest.raises(TypeError, match=r"expected torch\.Tensor, but got: list"):
            u.vector_to_parameters([1.0], parameters)


# --- docstrings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "module",
    [
        "optim.optimizer",
        "optim.lbfgs",
        *(f"optim.lr_scheduler.{m}" for m in ("scheduler", "combined", "plateau")),
        "nn.utils",
    ],
)
def test_examples(module):
    results = doctest.testmod(importlib.import_module(f"gradviz.{module}"))
    assert results.attempted
    assert not results.failed


@pytest.mark.parametrize("name", ["SGD", "Adam", "RAdam", "Rprop", "ASGD"])
def test_a_large_parameter_moves_as_its_parts_do(name):
    """It is computed a block of entries after the other, where its entries are in order in memory."""
    random = np.random.default_rng(0)
    values, gradients = random.standard_normal((2, 400, 500)).astype("f")
    settings = {"momentum": 0.9} if name == "SGD" else {}
    whole, turned = gv.tensor(values, requires_grad=True), gv.tensor(values.T.copy()).T.requires_grad_()
    parts = [gv.tensor(row, requires_grad=True) for row in values]
    optimizers = [getattr(gv.optim, name)(moved, **settings) for moved in ([whole], [turned], parts)]
    assert not turned.is_contiguous()
    for _ in range(3):
        whole.grad, turned.grad = gv.tensor(gradients), gv.tensor(gradients)
        for part, row in zip(parts, gradients, strict=True):
            part.grad = gv.tensor(row)
        for optimizer in optimizers:
            optimizer.step()
        gradients = gradients[::-1].copy()
    expected = np.stack([part.detach().numpy() for part in parts])
    assert (expected != values).any()
    np.testing.assert_array_equal(whole.detach().numpy(), expected)
    np.testing.assert_array_equal(turned.detach().numpy(), expected)


def test_a_rule_of_ones_own_is_stated_as_terms():
    class Lion(gv.optim.Optimizer):
        def __init__(self, params, lr=0.1, beta=0.9, weight_decay=0.0):
            super().__init__(params, {"lr": lr, "beta": beta, "weight_decay": weight_decay})

        @staticmethod
        def _rule(sheet):
            grad, beta = sheet.gradient(), sheet.setting("beta")
            m = sheet.average(sheet.memory("m", "exp_avg"), beta, grad)
            sheet.line("w", sheet.w - sheet.setting("lr") * sign(m), "w moves against the sign of the average.")

    w = gv.tensor([1.0, -2.0, 0.0], requires_grad=True)
    optimizer = Lion([w])
    for _ in range(2):
        w.grad = gv.tensor([3.0, -1.0, 0.0])
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), [0.8, -1.8, 0.0], rtol=1e-6)
    assert list(optimizer.state[w]) == ["step", "exp_avg"]
    optimizer.param_groups[0]["weight_decay"] = 10.0  # another form of the rule, from the next step on
    w.grad = gv.tensor([0.0, 0.0, 0.0])
    optimizer.step()
    assert optimizer.state[w]["exp_avg"][1].item() == pytest.approx(0.9 * -0.19 + 0.1 * -18, rel=1e-5)
