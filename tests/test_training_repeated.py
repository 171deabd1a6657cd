"""A page computes the numbers of update rules from the gradients: they are those that Python has recorded."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import gradviz as gv
from gradviz.player.training import rules
from gradviz.player.training.page import training_page
from gradviz.player.training.payload import run_payload

PROGRAM = Path(__file__).parent / "frontend" / "repeats.js"

OPTIMISERS = {
    "SGD": lambda parameters: gv.optim.SGD(parameters, lr=0.1),
    "momentum": lambda parameters: gv.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "Nesterov": lambda parameters: gv.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "dampening": lambda parameters: gv.optim.SGD(parameters, lr=0.1, momentum=0.9, dampening=0.1, maximize=True),
    "Adam": lambda parameters: gv.optim.Adam(parameters, lr=0.02),
    "AMSGrad": lambda parameters: gv.optim.Adam(parameters, lr=0.02, amsgrad=True, weight_decay=0.01),
    "AdamW": lambda parameters: gv.optim.AdamW(parameters, lr=0.02),
    "NAdam": lambda parameters: gv.optim.NAdam(parameters, lr=0.02),
    "RAdam": lambda parameters: gv.optim.RAdam(parameters, lr=0.02),
    "Adamax": lambda parameters: gv.optim.Adamax(parameters, lr=0.02),
    "Adagrad": lambda parameters: gv.optim.Adagrad(parameters, lr=0.1, lr_decay=0.01),
    "Adadelta": lambda parameters: gv.optim.Adadelta(parameters),
    "RMSprop": lambda parameters: gv.optim.RMSprop(parameters, lr=0.01),
    "centered": lambda parameters: gv.optim.RMSprop(parameters, lr=0.01, centered=True, momentum=0.9),
    "Rprop": lambda parameters: gv.optim.Rprop(parameters),
    "ASGD": lambda parameters: gv.optim.ASGD(parameters, lr=0.1, t0=10),
}


COMMON = ("SGD", "momentum", "Adam", "AdamW", "RMSprop", "Adagrad")


def trained(optimizer, epochs=60, meddle=None, before=0, **recording):
    """A network with some more numbers than a page is rather told."""

    def step():
        optimiser.zero_grad()
        loss = gv.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()

    gv.manual_seed(0)
    x = gv.randn(20, 2)
    y = (x[:, 0] * x[:, 1] > 0).long()
    net = gv.nn.Sequential(gv.nn.Linear(2, 8), gv.nn.Tanh(), gv.nn.Linear(8, 2))
    optimiser = optimizer(net.parameters())
    for _ in range(before):
        step()
    with gv.record(progress=False, **recording) as run:
        for epoch in range(epochs):
            step()
            if meddle is not None:
                optimiser = meddle(epoch, net, optimiser) or optimiser
    return run


def whole(run, monkeypatch):
    """What a page would be told if it computed nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(rules, "FEW", float("inf"))
        return run_payload(run)


def differences(node, path, runs, monkeypatch):
    told = [
        {"name": name, "computed": run_payload(run), "recorded": whole(run, monkeypatch)} for name, run in runs.items()
    ]
    path.write_text(json.dumps(told))
    done = subprocess.run([node, str(PROGRAM), str(path)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def computed(run):
    """Of each parameter, whether a page computes the numbers of its rules."""
    return ["repeated" in told for told in run_payload(run)["steps"]["parameters"]]


def test_a_page_computes_what_an_optimiser_remembers(node, tmp_path, monkeypatch, sampled):
    others = sampled(sorted(OPTIMISERS.keys() - set(COMMON)), 4)
    runs = {name: trained(OPTIMISERS[name]) for name in (*COMMON, *others)}
    assert {name: computed(run)[::2] for name, run in runs.items()} == {name: [True, True] for name in runs}
    assert differences(node, tmp_path / "told.json", runs, monkeypatch) == []


class Hesitant(gv.optim.Adam):
    """Forgets a half of what it remembers, after each step."""

    def step(self, closure=None):
        super().step(closure)
        for memory in self.state.values():
            memory["exp_avg"] *= 0.5


Hesitant.__name__ = "Adam"


def falling(epoch, net, optimiser):
    for group in optimiser.param_groups:
        group["lr"] *= 0.97


def another(epoch, net, optimiser):
    return gv.optim.AdamW(net.parameters(), lr=0.01) if epoch == 30 else None


def forgetful(epoch, net, optimiser):
    if epoch % 20 == 10:
        for memory in optimiser.state.values():
            memory["exp_avg"].zero_()


def waiting(epoch, net, optimiser):
    net[0].weight.requires_grad_(epoch % 3 != 0)


def test_a_page_computes_it_whatever_a_loop_has_done_to_its_optimiser(node, tmp_path, monkeypatch):
    adam = OPTIMISERS["Adam"]
    runs = {meddle.__name__: trained(adam, meddle=meddle) for meddle in (falling, another, forgetful, waiting)}
    runs["thinned"] = trained(adam, epochs=120, budget=300_000)
    assert len(runs["thinned"].log.entries) < 70
    runs["hesitant"] = trained(Hesitant)
    runs["at work before"] = trained(adam, before=25)
    assert {name: computed(run)[0] for name, run in runs.items()} == dict.fromkeys(runs, True)
    assert differences(node, tmp_path / "told.json", runs, monkeypatch) == []


class Own(gv.optim.Optimizer):
    """No rule of it is known."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.1})

    def step(self, closure=None):
        with gv.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter -= group["lr"] * parameter.grad.sign()


def test_a_rule_that_nobody_knows_is_told_as_it_was_recorded(node, tmp_path, monkeypatch):
    runs = {"own": trained(Own)}
    assert not any(computed(runs["own"]))
    assert differences(node, tmp_path / "told.json", runs, monkeypatch) == []


def test_a_page_of_adam_is_not_much_larger_than_one_of_sgd():
    sizes = [len(training_page(trained(OPTIMISERS[name]))) for name in ("SGD", "Adam")]
    assert sizes[1] < 1.1 * sizes[0]


def test_few_numbers_are_told():
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.Adam([w])
    with gv.record(progress=False) as run:
        for _ in range(10):
            optimizer.zero_grad()
            loss = (w - 1) ** 2
            loss.backward()
            optimizer.step()
    assert not any(computed(run))
