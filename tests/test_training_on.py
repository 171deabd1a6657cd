"""A run trained on without Python gives Python's numbers: in Node by the page's own code, and in a page in a browser."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import gradviz as gv
import gradviz.nn.functional as F
from gradviz.player.training.onward import onward_payload
from gradviz.player.training.steps import entries_of

HERE = Path(__file__).parent
STEPS = 100
TOLERANCE = 1e-4
"""Of the largest number in a parameter, after a hundred steps."""


def moons(count=60):
    random = np.random.default_rng(0)
    side, t = np.arange(count) % 2, random.uniform(0, np.pi, count)
    x = np.stack([np.cos(t) * (1 - 2 * side) + side, np.sin(t) * (1 - 2 * side) + 0.5 * side], 1)
    return gv.tensor((x + random.normal(0, 0.12, (count, 2))).astype("f")), gv.tensor(side.astype("f"))


class Line:
    """A line through twenty points: two numbers, all data at once."""

    def __init__(self):
        gv.manual_seed(0)
        self.x = gv.linspace(-1, 1, 20)
        self.y = 2 * self.x - 0.5 + 0.2 * gv.randn(20)
        self.w, self.b = (gv.tensor(0.0, requires_grad=True) for _ in range(2))
        self.parameters = [self.w, self.b]
        self.columns = [self.x, self.y]

    def batches(self, step):
        return slice(None)

    def loss(self, at):
        return ((self.w * self.x[at] + self.b - self.y[at]) ** 2).mean()


class Moons(Line):
    """Two moons in batches that are drawn anew in each epoch; the last one is smaller."""

    def __init__(self):
        gv.manual_seed(0)
        self.x, self.y = moons()
        self.net = gv.nn.Sequential(gv.nn.Linear(2, 8), gv.nn.Tanh(), gv.nn.Linear(8, 1))
        self.parameters = list(self.net.parameters())
        self.columns = [self.x, self.y]
        self.orders = [np.random.default_rng(epoch).permutation(60) for epoch in range(STEPS)]

    def batches(self, step):
        epoch, batch = divmod(step, 4)
        return gv.tensor(self.orders[epoch][16 * batch : 16 * batch + 16])

    def loss(self, at):
        return F.binary_cross_entropy_with_logits(self.net(self.x[at]).squeeze(1), self.y[at])


class Classes(Line):
    """Three classes."""

    def __init__(self):
        gv.manual_seed(1)
        self.x = gv.randn(60, 2)
        self.y = (self.x[:, 0] * self.x[:, 1] > 0).long() + (self.x[:, 0] > 1).long()
        self.net = gv.nn.Sequential(gv.nn.Linear(2, 6), gv.nn.ReLU(), gv.nn.Linear(6, 3))
        self.parameters = list(self.net.parameters())
        self.columns = [self.x, self.y]

    def loss(self, at):
        return F.cross_entropy(self.net(self.x[at]), self.y[at])


def train(made, optimizer, first, last, scheduler=None):
    """Some steps; what stood in the parameters after each, and the losses."""
    found = []
    for step in range(first, last):
        loss = made.loss(made.batches(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        found.append({"loss": loss.item(), "after": [p.detach().numpy().ravel().tolist() for p in made.parameters]})
    return found


def fixture(name, task, optimizer, at=0, change=None, then=None, data=(), start=(), count=STEPS, scheduler=None):
    """A run of a task; and from a step on what Python makes of it with something changed."""
    made = task()
    with gv.record() as run:
        optimiser = optimizer(made.parameters)
        train(made, optimiser, 0, STEPS, scheduler and scheduler(optimiser))
    told, onward = onward_payload(run, 500, False)
    assert "missing" not in told, told
    again = task()
    optimiser = optimizer(again.parameters)
    plan = scheduler and scheduler(optimiser)
    train(again, optimiser, 0, at, plan)
    with gv.no_grad():
        for column, example, offset, number in data:
            again.columns[column].view(-1)[example * again.columns[column][0].numel() + offset] = number
        for parameter, entry, number in start:
            again.parameters[parameter].view(-1)[entry] = number
    if isinstance(then, dict):
        for group in optimiser.param_groups:
            group.update(then)
    elif then is not None:
        optimiser = then(again.parameters)
    # Data is numbered as it comes in the batches of the run.
    first = np.concatenate(
        [
            np.arange(60 if task is not Line else 20)[made.batches(step).numpy() if task is Moons else slice(None)]
            for step in range(4 if task is Moons else 1)
        ]
    )
    return {
        "name": name,
        "told": json.loads(json.dumps(onward, allow_nan=False)),
        "parameters": [
            {"size": parameter.size, "entries": [[place, ""] for place in entries_of(run, number)]}
            for number, parameter in enumerate(run.parameters)
        ],
        "from": at,
        "change": change or {},
        "data": [
            [column, int(np.flatnonzero(first == example)[0]), offset, number]
            for column, example, offset, number in data
        ],
        "start": list(start),
        "steps": train(again, optimiser, at, min(at + count, STEPS), plan),
        "tolerance": TOLERANCE,
    }


def labels(optimizer):
    """What a page offers in an optimiser's place, by name."""
    with gv.record() as run:
        made = Line()
        train(made, optimizer(made.parameters), 0, 2)
    return [one["label"] for one in onward_payload(run, 500, False)[0]["choices"]]


def sgd(**settings):
    return lambda parameters: gv.optim.SGD(parameters, **{"lr": 0.1, **settings})


def adam(**settings):
    return lambda parameters: gv.optim.Adam(parameters, **{"lr": 0.05, **settings})


def rmsprop(**settings):
    return lambda parameters: gv.optim.RMSprop(parameters, **{"lr": 0.01, **settings})


def problems(node, cases, tmp_path):
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(cases, allow_nan=False), encoding="utf-8")
    done = subprocess.run(
        [node, str(HERE / "frontend" / "trains.js"), str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_a_hundred_steps_are_pythons(node, tmp_path):
    cases = [
        fixture("a line by SGD", Line, sgd()),
        fixture("two moons by Adam, in batches", Moons, adam()),
        fixture("three classes by RMSprop", Classes, rmsprop()),
        fixture("three classes by Nesterov", Classes, sgd(momentum=0.9, nesterov=True, weight_decay=0.01)),
        fixture("AdamW", Moons, lambda p: gv.optim.AdamW(p, lr=0.02, weight_decay=0.1, amsgrad=True)),
        fixture(
            "a learning rate that falls",
            Classes,
            sgd(momentum=0.5, dampening=0.2),
            scheduler=lambda made: gv.optim.lr_scheduler.StepLR(made, 20, 0.5),
        ),
    ]
    assert problems(node, cases, tmp_path) == []


def test_from_any_step_with_something_else(node, tmp_path):
    offered = {name: labels(one) for name, one in {"sgd": sgd(), "adam": adam()}.items()}
    cases = [
        fixture("lr", Classes, adam(), 37, {"lr": 0.2}, {"lr": 0.2}, count=40),
        fixture("momentum", Line, sgd(momentum=0.9), 11, {"momentum": 0.5}, {"momentum": 0.5}, count=40),
        fixture("to Adam", Line, sgd(), 20, {"choice": offered["sgd"].index("Adam"), "lr": 0.3}, adam(lr=0.3), count=40),
        fixture(
            "to Nesterov", Moons, adam(), 50, {"choice": offered["adam"].index("SGD, Nesterov"), "lr": 0.1},
            sgd(momentum=0.9, nesterov=True), count=40,
        ),
        fixture("to RMSprop", Classes, adam(), 5, {"choice": offered["adam"].index("RMSprop")}, rmsprop(), count=40),
        fixture("a point moved", Moons, adam(), 30, data=[(0, 7, 1, 2.5), (1, 9, 0, 1.0)], count=40),
        fixture("another start", Moons, adam(), 30, start=[(0, 3, -1.5), (2, 0, 4.0)], count=40),
    ]  # fmt: skip
    assert problems(node, cases, tmp_path) == []


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("dropout", "dropout draws other neurons"),
        ("functional dropout", "dropout draws other neurons"),
        ("clipping", "something changes the gradient of net.0.weight, such as clipping"),
        ("LBFGS", "the rule of LBFGS"),
        ("large", "numbers, and a page carries at most 100,000"),
        ("by hand", "the loop itself changes w"),
        ("graphs", "the graph changes from step to step"),
        ("operation", "it cannot run digamma"),
        ("cut", "is computed outside of the graph"),
    ],
)
def test_what_cannot_be_repeated_is_refused_by_name(why, words):
    x, y = moons()
    layers = [gv.nn.Linear(2, 8), gv.nn.Tanh(), *([gv.nn.Dropout(0.5)] if why == "dropout" else []), gv.nn.Linear(8, 1)]
    net = gv.nn.Sequential(*layers)
    w = gv.tensor(1.0, requires_grad=True) if why != "large" else gv.zeros(100_000, requires_grad=True)
    optimizer = gv.optim.LBFGS(net.parameters()) if why == "LBFGS" else gv.optim.SGD([*net.parameters(), w], lr=0.1)

    def closure(step=0):
        optimizer.zero_grad()
        made = net(x)
        if why == "functional dropout":
            made = F.dropout(made, 0.3)
        if why == "operation":
            made = made + gv.lgamma(made.exp())
        if why == "cut":
            made = made * (made > 0)
        if why == "graphs":
            for _ in range(step + 1):
                made = made * w
        loss = F.binary_cross_entropy_with_logits(made.squeeze(1), y) + w.mean()
        loss.backward()
        return loss

    with gv.record() as run:
        for step in range(6):
            if why == "LBFGS":
                optimizer.step(closure)
                continue
            closure(step)
            if why == "clipping":
                gv.nn.utils.clip_grad_norm_(net.parameters(), 0.01)
            if why == "by hand":
                with gv.no_grad():
                    w.data += 0.01 * step
            else:
                optimizer.step()
    told, onward = onward_payload(run, 500, False)
    assert onward is None
    assert words in told["missing"]


def test_a_notebook_gets_it_when_it_asks(monkeypatch):
    pytest.importorskip("anywidget")
    from gradviz.player.training import TrainingPlayer

    made = Line()
    with gv.record() as run:
        train(made, sgd()(made.parameters), 0, 5)
    player = TrainingPlayer(run)
    assert player.payload["onward"]["optimizer"] == "SGD"
    sent = []
    monkeypatch.setattr(player, "send", sent.append)
    player._heard(None, {"ask": "onward", "run": player.payload["id"]}, None)
    assert sent[0]["told"] == "onward"
    assert len(sent[0]["onward"]["programs"]) == 1
    assert sent[0]["engine"].startswith("/* gradviz")


# --- other loops -------------------------------------------------------------------------------------------------------


def repeated(name, run):
    """A run that is to be repeated as it was."""
    told, onward = onward_payload(run, 500, False)
    assert onward is not None, told
    values = [run.parameter(parameter.name).values for parameter in run.parameters]
    kept = {entry.index: entry for entry in run.log.entries}
    steps, place = [], [0] * len(values)
    for index, loss in enumerate(run.losses):
        for number in kept[index].parameters:
            place[number] += 1
        steps.append(
            {"loss": float(loss), "after": [v[k].ravel().tolist() for v, k in zip(values, place, strict=True)]}
        )
    sizes = [{"size": parameter.size, "entries": []} for parameter in run.parameters]
    data = {"from": 0, "change": {}, "data": [], "start": [], "tolerance": TOLERANCE}
    return {"name": name, "told": json.loads(json.dumps(onward)), "parameters": sizes, "steps": steps, **data}


def gan():
    first, second = gv.nn.Linear(1, 1), gv.nn.Linear(1, 1)
    one, other = (gv.optim.Adam(net.parameters(), lr=0.05) for net in (first, second))
    with gv.record() as run:
        for _ in range(6):
            noise = gv.randn(4, 1)
            other.zero_grad()
            ((second(gv.randn(4, 1)) - 1) ** 2).mean().backward()
            other.step()
            one.zero_grad()
            ((second(first(noise)) - 1) ** 2).mean().backward()
            one.step()
    return run


def in_two_parts():
    """Gradients of two batches are added up before a step."""
    w = gv.tensor([1.0, -2.0], requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1, momentum=0.9)
    targets = gv.tensor([[0.0, 3.0], [1.0, -1.0]])
    with gv.record() as run:
        for step in range(8):
            ((w - targets[step % 2]) ** 2).mean().backward()
            if step % 2:
                optimizer.step()
                optimizer.zero_grad()
    return run


def words():
    table, linear = gv.nn.Embedding(5, 3), gv.nn.Linear(3, 5)
    optimizer = gv.optim.Adagrad([*table.parameters(), *linear.parameters()], lr=0.1)
    given, wanted = gv.tensor([0, 1, 2, 3]), gv.tensor([1, 2, 3, 4])
    with gv.record() as run:
        for step in range(6):
            at = slice(step % 2, step % 2 + 2)
            optimizer.zero_grad()
            F.cross_entropy(linear(table(given[at])), wanted[at]).backward()
            optimizer.step()
    return run


def convolutions():
    net = gv.nn.Sequential(
        gv.nn.Conv2d(1, 2, 3),
        gv.nn.BatchNorm2d(2),
        gv.nn.ReLU(),
        gv.nn.MaxPool2d(2),
        gv.nn.Flatten(),
        gv.nn.Linear(8, 2),
    )
    optimizer = gv.optim.SGD(net.parameters(), lr=0.1)
    images, kinds = gv.randn(4, 1, 6, 6), gv.tensor([0, 1, 0, 1])
    with gv.record() as run:
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(net(images), kinds).backward()
            optimizer.step()
    return run


def by_hand():
    w = gv.tensor(2.0, requires_grad=True)
    with gv.record() as run:
        for _ in range(6):
            (1.25 * w**2).backward()
            w.data -= 0.05 * w.grad
            w.grad = None
    return run


def test_other_loops_are_repeated_too(node, tmp_path):
    assert (
        problems(
            node,
            [repeated(make.__name__, make()) for make in (gan, in_two_parts, words, convolutions, by_hand)],
            tmp_path,
        )
        == []
    )


def test_a_loop_of_pytorchs_is_repeated(node, tmp_path, torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    x, y = torch.randn(8, 2), torch.randn(8, 1)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=0.01, momentum=0.5)
    with gv.record() as run:
        for _ in range(20):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(net(x), y).backward()
            optimizer.step()
    assert problems(node, [repeated("PyTorch", run)], tmp_path) == []
