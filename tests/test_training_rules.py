"""The update rule as it is written out says what the optimiser did: in its symbols, in its numbers, and as PyTorch does it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.optim.rule import Sheet
from gradviz.training.analysis.rules import form_of, hand_rate, lines_of, numbers_of
from gradviz.training.run.model import BY_HAND, Rule

STEPS = 8

GRID = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "maximize": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("Adam", {"lr": 0.05, "betas": (0.0, 0.9)}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True}),
    ("NAdam", {"lr": 0.05}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "maximize": True}),
    ("Adadelta", {"lr": 1.0}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.1}),
    ("Rprop", {"lr": 0.01}),
]

STATES = {
    "momentum_buffer": "buffer",
    "exp_avg": "m",
    "exp_avg_sq": "v",
    "max_exp_avg_sq": "v_max",
    "exp_inf": "u",
    "sum": "G",
    "square_avg": "v",
    "grad_avg": "g",
    "acc_delta": "u",
    "mu_product": "Π",
    "prev": "g",
    "step_size": "step",
    "eta": "η",
    "mu": "μ",
    "ax": "ax",
}
"""What the optimiser calls what it remembers, and the symbol of its line."""


def train(library, optimizer, **settings):
    """Fit a line with two inputs; return the values of the weights after each step."""
    random = np.random.default_rng(0)
    x, y = (library.tensor(random.standard_normal(shape).astype("f")) for shape in ((10, 3), (10, 2)))
    w = library.tensor(random.standard_normal((3, 2)).astype("f"), requires_grad=True)
    made = getattr(library.optim, optimizer)([w], **settings)
    values = []
    for _ in range(STEPS):
        made.zero_grad()
        ((x @ w - y) ** 2).mean().backward()
        made.step()
        values.append(w.detach().numpy().copy())
    return np.stack(values)


def columns_of(run, *, name=None, thinned=False):
    """A run's numbers as the page's builder hands them over, with or without what was remembered before each step."""
    history = run.parameter(name or run.parameters[0].name)
    parts = history.parts()
    columns = {
        "before": history.values[:-1].astype(np.float64),
        "after": history.values[1:].astype(np.float64),
        "gradient": history.gradients.astype(np.float64),
    }
    for state in parts[-1].state:
        after = np.stack([np.asarray(part.state[state], dtype=np.float64) for part in parts])
        before = np.full_like(after, np.nan)
        if not thinned:
            before[1:] = after[:-1]
        columns[state], columns[f"{state}.before"] = after, before
    return columns


def recorded(optimizer, settings):
    with gv.record(progress=False) as run:
        train(gv, optimizer, **settings)
    return run, run.steps[0].parameters[run.parameters[0].name].rule


def texts(rule):
    return [f"{line.symbol} ← {' '.join(token.text for token in line.tokens)}" for line in lines_of(rule)]


def moved(lines):
    """The key of what the parameter has become."""
    return [line.key for line in lines if line.symbol == "w"][-1]


def agree(made, expected):
    np.testing.assert_allclose(np.broadcast_to(made, np.shape(expected)), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("thinned", [False, True], ids=["all steps", "thinned"])
@pytest.mark.parametrize(("optimizer", "settings"), GRID, ids=str)
def test_the_numbers_are_those_of_the_optimiser(torch, optimizer, settings, thinned):
    run, rule = recorded(optimizer, settings)
    columns = columns_of(run, thinned=thinned)
    lines, numbers = lines_of(rule), numbers_of(rule, columns)
    agree(numbers[moved(lines)], columns["after"])
    agree(numbers[moved(lines)], train(torch, optimizer, **settings))
    keys = {line.key for line in lines} | {token.key for line in lines for token in line.tokens} - {""}
    assert keys == set(numbers)
    assert all(number.dtype == np.float64 for number in numbers.values())
    results = {line.symbol: numbers[line.key] for line in lines}
    for state, symbol in STATES.items():
        if state in columns and symbol in results:
            expected = columns[state].reshape(-1, 1, 1) if columns[state].ndim == 1 else columns[state]
            agree(results[symbol], expected)


def worked(tokens, numbers, at):
    """Compute a line as someone would who reads it, with a step's numbers in their places."""
    python = {"−": "-", "·": "*", "²": "**2", "√": "root**", "^": "**", "=": "=="}
    parts, bar = [], 0
    for token in tokens:
        if token.key:
            value = np.broadcast_to(numbers[token.key], at[1])[at[0]]
            parts.append(f"({float(value)!r})")
        elif token.text == "|":
            parts.append(")" if bar else "abs(")
            bar = 1 - bar
        else:
            parts.append(python.get(token.text, token.text))
    return eval(" ".join(parts), NAMES)


class Root:
    """√ binds tighter than · and /, as ** does in Python."""

    def __pow__(self, value):
        return math.sqrt(value)


NAMES = {"max": max, "min": min, "abs": abs, "sign": np.sign, "root": Root(), "inf": math.inf, "nan": math.nan}


@pytest.mark.parametrize(("optimizer", "settings"), GRID, ids=str)
def test_the_symbols_say_what_the_numbers_are(optimizer, settings):
    run, rule = recorded(optimizer, settings)
    columns = columns_of(run)
    lines, numbers = lines_of(rule), numbers_of(rule, columns)
    shape = columns["before"].shape
    for line in lines:
        for place in ((0, 0, 0), (3, 1, 1), (7, 2, 0)):
            expected = np.broadcast_to(numbers[line.key], shape)[place]
            assert worked(line.tokens, numbers, (place, shape)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


# --- every optimiser, in every form of its settings ---------------------------------------------------------------------

OPTIMIZERS = sorted(
    name
    for name in gv.optim.__all__
    if name not in ("Optimizer", "LBFGS") and isinstance(getattr(gv.optim, name), type)
)
AT_WORK = {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1, "lr_decay": 0.2}
"""What a setting is when it is at work; those that are not here are True."""

HOW = {"foreach", "fused", "capturable", "differentiable"}
"""Settings that say how it is computed, not what."""


def forms(optimizer):
    """Return the settings of every form: each that the rule asks about is at work or not."""
    made = getattr(gv.optim, optimizer)
    defaults = made([gv.ones(1)]).defaults
    asked, found, before = [], [], None
    while asked != before:
        before, found = list(asked), []
        for at_work in itertools.product([False, True], repeat=len(before)):
            values = {name: AT_WORK.get(name, True) if on else 0 for name, on in zip(before, at_work, strict=True)}
            settings = {**defaults, **values}
            sheet = Sheet(settings)
            made._rule(sheet)
            found.append((settings, sheet))
            asked += dict.fromkeys(name for name in sheet.asked if name in defaults and name not in asked)
    return found


def stepped(optimizer, settings, steps=5):
    """Step along random gradients; return the columns that a recording has."""
    random = np.random.default_rng(3)
    w = gv.tensor(random.standard_normal((3, 2)).astype("f"), requires_grad=True)
    made = getattr(gv.optim, optimizer)([w])
    made.param_groups[0].update(settings)
    made.state.clear()
    rows = []
    for _ in range(steps):
        w.grad = gv.tensor(random.standard_normal((3, 2)).astype("f"))
        row = {"before": w.detach().numpy().copy(), "gradient": w.grad.numpy().copy()}
        made.step()
        state = {name: np.array(kept.array) for name, kept in made.state.get(w, {}).items()}
        rows.append({**row, "after": w.detach().numpy().copy(), **state})
    columns = {name: np.stack([row[name] for row in rows]).astype(np.float64) for name in rows[-1]}
    earlier = {f"{name}.before": np.full_like(columns[name], np.nan) for name in state}
    for name in state:
        earlier[f"{name}.before"][1:] = columns[name][:-1]
    return columns, earlier


def names_in(term):
    """Every setting that a term is computed from."""
    return {getattr(term, "name", None)}.union(*map(names_in, term.parts)) - {None}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_is_printed_is_what_was_computed(optimizer):
    found = forms(optimizer)
    assert len({lines_of(Rule(optimizer, given_settings)) for given_settings, _ in found}) >= 2
    for given_settings, sheet in found:
        rule = Rule(optimizer, given_settings)
        columns, earlier = stepped(optimizer, given_settings)
        lines, shape = lines_of(rule), columns["before"].shape
        for given_columns in ({**columns, **earlier}, columns):
            numbers = numbers_of(rule, given_columns)
            made, after = numbers[moved(lines)], columns["after"]
            assert (np.abs(made - after) <= 2e-6 * (np.abs(after) + np.abs(columns["before"]))).all(), given_settings
        numbers = numbers_of(rule, {**columns, **earlier})
        for line in lines:
            for place in ((0, 1, 1), (4, 2, 0)):
                expected = np.broadcast_to(numbers[line.key], shape)[place]
                assert worked(line.tokens, numbers, (place, shape)) == pytest.approx(expected, rel=1e-9, abs=1e-12)
        starts = [memory.start for memory in sheet.memories]
        mentioned = set().union(*map(names_in, [*sheet.lines, *starts])) | set(sheet.asked)
        at_work = {name for name, value in given_settings.items() if value} - HOW
        if not given_settings.get("momentum"):
            at_work -= {"dampening", "nesterov"}
        if not given_settings.get("weight_decay"):
            at_work -= {"decoupled_weight_decay"}
        assert at_work <= mentioned, given_settings


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_setting_that_the_rule_asks_about_is_written_where_it_is_at_work(optimizer):
    for given_settings, sheet in forms(optimizer):
        for name in set(sheet.asked):
            if given_settings.get(name):
                without = {**given_settings, name: 0}
                assert texts(Rule(optimizer, given_settings)) != texts(Rule(optimizer, without)), (given_settings, name)


def test_only_what_is_at_work_is_written():
    assert texts(Rule("SGD", {"lr": 0.1, "momentum": 0, "nesterov": False})) == ["w ← w − lr · grad"]
    assert texts(Rule("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1})) == [
        "grad ← grad + weight_decay · w",
        "buffer ← momentum · buffer + grad",
        "grad ← grad + momentum · buffer",
        "w ← w − lr · grad",
    ]
    adam = {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.1}
    averages = [
        "m ← β₁ · m + ( 1 − β₁ ) · grad",
        "v ← β₂ · v + ( 1 − β₂ ) · grad ²",
        "m̂ ← m / ( 1 − β₁ᵗ )",
        "v̂ ← v / ( 1 − β₂ᵗ )",
        "w ← w − lr · m̂ / ( √ v̂ + ε )",
    ]
    assert texts(Rule("Adam", {**adam, "weight_decay": 0})) == averages
    assert texts(Rule("Adam", adam)) == ["grad ← grad + weight_decay · w", *averages]
    decoupled = {**adam, "decoupled_weight_decay": True}
    assert texts(Rule("AdamW", decoupled)) == ["w ← ( 1 − lr · weight_decay ) · w", *averages]


def test_the_lines_stay_where_only_numbers_change():
    one, other = Rule("SGD", {"lr": 0.1, "momentum": 0.9}), Rule("SGD", {"lr": 0.2, "momentum": 0.5})
    assert lines_of(one) == lines_of(other)
    assert form_of(one) == form_of(other) != form_of(Rule("SGD", {"lr": 0.1, "momentum": 0.0}))


def test_every_line_has_a_sentence():
    for optimizer, given_settings in GRID:
        _, rule = recorded(optimizer, given_settings)
        for line in lines_of(rule):
            assert line.sentence.endswith(".")


def test_numbers_of_a_single_weight_and_a_scheduler():
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1, momentum=0.9)
    scheduler = gv.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with gv.record(progress=False) as run:
        for _ in range(4):
            optimizer.zero_grad()
            (w**2).backward()
            optimizer.step()
            scheduler.step()
    columns = columns_of(run)
    rules = [step.parameters["w"].rule for step in run.steps]
    assert len({form_of(rule) for rule in rules}) == 1
    together = numbers_of(rules, columns)
    agree(together["lr"], [0.1, 0.05, 0.025, 0.0125])
    agree(together[moved(lines_of(rules[0]))], columns["after"])
    for at, step in enumerate(run.steps):
        rule = step.parameters["w"].rule
        numbers = numbers_of(rule, {name: array[at : at + 1] for name, array in columns.items()})
        assert float(numbers["lr"]) == 0.1 * 0.5**at
        agree(numbers[moved(lines_of(rule))], columns["after"][at : at + 1])


def test_a_schedule_for_a_matrix_of_weights():
    x, y = gv.randn(10, 3), gv.randn(10, 2)
    net = gv.nn.Linear(3, 2)
    optimizer = gv.optim.Adam(net.parameters(), lr=0.1)
    scheduler = gv.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=6)  # changes lr and β₁
    with gv.record(progress=False) as run:
        for _ in range(6):
            optimizer.zero_grad()
            ((net(x) - y) ** 2).mean().backward()
            optimizer.step()
            scheduler.step()
    columns = columns_of(run, name="net.weight")
    rules = [step.parameters["net.weight"].rule for step in run.steps]
    assert len({rule.settings["betas"] for rule in rules}) > 1
    agree(numbers_of(rules, columns)[moved(lines_of(rules[0]))], columns["after"])


def test_an_optimiser_of_ones_own_shows_the_change():
    class Ours(gv.optim.SGD):
        def step(self, closure=None):
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.data -= group["lr"] * parameter.grad.sign()

    w = gv.tensor([2.0, 1.0], requires_grad=True)
    optimizer = Ours([w], lr=0.1)
    with gv.record(progress=False) as run:
        for _ in range(3):
            optimizer.zero_grad()
            (w**2).sum().backward()
            optimizer.step()
    rule = run.steps[0].parameters["w"].rule
    (line,) = lines_of(rule)
    assert (rule.name, line.symbol, [token.text for token in line.tokens]) == ("Ours", "w", ["w", "+", "Δ"])
    assert "not written out" in line.sentence
    columns = columns_of_values(run)
    np.testing.assert_array_equal(numbers_of(rule, columns)[line.key], columns["after"])
    # One that shares its name with ours, and nothing else:
    assert lines_of(Rule("Adam", {"lr": 0.1})) == lines_of(rule)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("moves", [1, 3])
def test_lbfgs_shows_its_last_direction_and_how_far_it_went(search, moves):
    w, b = gv.tensor([2.0, 1.0], requires_grad=True), gv.tensor([[0.5]], requires_grad=True)
    optimizer = gv.optim.LBFGS([w, b], lr=0.5, max_iter=moves, line_search_fn=search)

    def closure():
        optimizer.zero_grad()
        loss = (w**4).sum() + ((w * b) ** 2).sum()
        loss.backward()
        return loss

    with gv.record(progress=False) as run:
        for _ in range(4):
            optimizer.step(closure)
    by_name = {parameter.name: run.parameter(parameter.name) for parameter in run.parameters}
    for history in by_name.values():
        parts = [part for part in history.parts() if part.rule.name == "LBFGS" and "d" in part.state]
        assert len(parts) == 4
        rule = parts[0].rule
        assert texts(rule) == ["start ← w + Δ", "w ← start + t · d"]
        state = {name: np.stack([np.asarray(part.state[name]) for part in parts]) for name in ("earlier", "d", "t")}
        columns = {
            "before": np.stack([part.before for part in parts]).astype(np.float64),
            "after": np.stack([part.after for part in parts]).astype(np.float64),
            **state,
        }
        numbers = numbers_of(rule, columns)
        agree(numbers[moved(lines_of(rule))], columns["after"])
        assert not state["earlier"].any() if moves == 1 else state["earlier"].any()


def columns_of_values(run):
    values = run.parameter("w").values.astype(np.float64)
    return {"before": values[:-1], "after": values[1:], "gradient": run.parameter("w").gradients}


# --- updates by hand --------------------------------------------------------------------------------------------------


def test_an_update_by_hand_is_written_with_its_rate():
    w = gv.tensor([2.0, -1.0], requires_grad=True)
    with gv.record(progress=False) as run:
        for _ in range(5):
            w.grad = None
            (w**2).sum().backward()
            w.data -= 0.01 * w.grad
    columns = columns_of_values(run)
    rate = hand_rate(columns["before"], columns["gradient"], columns["after"])
    assert rate == 0.01
    assert texts(Rule(BY_HAND)) == ["w ← w + change"]
    rule = Rule(BY_HAND, {"rate": rate})
    assert texts(rule) == ["w ← w − rate · grad"]
    for form in (rule, Rule(BY_HAND)):
        agree(numbers_of(form, columns)[moved(lines_of(form))], columns["after"])


RATES = st.builds(lambda digits, power: digits * 10.0**power, st.integers(1, 999), st.integers(-6, 0))
ENTRIES = st.lists(st.tuples(st.floats(-10, 10, width=32), st.floats(-10, 10, width=32)), min_size=1, max_size=20)


@given(RATES, ENTRIES, st.sampled_from(["f4", "f8"]))
@settings(max_examples=200, deadline=None)
def test_the_rate_found_makes_the_same_step(rate, entries, dtype):
    before, gradient = (np.array(row, dtype=dtype) for row in zip(*entries, strict=True))
    after = before - np.array(rate, dtype) * gradient
    found = hand_rate(before, gradient, after)
    if (before == after).all():
        assert found is None
        return
    assert found is not None
    near = 4 * np.finfo(dtype).eps * np.maximum(np.abs(before), np.abs(after)) + 4 * np.finfo(dtype).eps * np.abs(
        rate * gradient
    )
    assert (np.abs(before - found * gradient.astype("f8") - after) <= near + np.finfo(dtype).tiny).all()


def test_what_is_no_plain_step_has_no_rate():
    w, grad = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    assert hand_rate(w, grad, w - np.array([0.1, 0.2])) is None  # another rate for each
    assert hand_rate(w, grad, w) is None  # it has not moved
    assert hand_rate(w, np.zeros(2), w + 1) is None  # it moved without a gradient
    assert hand_rate(w, grad, np.array([np.nan, 1.0])) is None


def test_a_run_that_diverges_still_has_its_rate():
    w = gv.tensor(2.0, requires_grad=True)
    with gv.record(progress=False) as run:
        for _ in range(200):
            w.grad = None
            (w**2).backward()
            w.data -= 2.5 * w.grad
    columns = columns_of_values(run)
    assert not np.isfinite(columns["after"][-1])
    assert hand_rate(columns["before"], columns["gradient"], columns["after"]) == 2.5
