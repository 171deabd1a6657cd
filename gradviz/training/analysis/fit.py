"""The data of a run, and what the model makes of it: a curve over one feature, or classes over two.

The program of a run is replayed up to its prediction, with a grid of inputs in place of the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.engine.tensor import Tensor
from gradviz.training.run import Run
from gradviz.training.run.log import Entry
from gradviz.training.run.program import SLOT, FromSlot, Instruction, Program, Reference

Array = np.ndarray[Any, Any]

CURVE_POINTS = 48
"""Inputs of a grid over one feature."""

CLASS_POINTS = 32
"""Inputs along each axis of a grid over two features."""

MARGIN = 0.1
"""How far a grid goes beyond the data, as a share of its extent."""

POWERS = (2, 3, 4, 5)
"""Powers of the feature that a loop may have computed beforehand, for a polynomial."""

DISTANCES = ("mse_loss", "smooth_l1_loss", "huber_loss", "sub")
"""Operations that compare a prediction, a number, with a target."""

PASSED = ("mean", "sum", "pow", "abs", "neg", "mul", "div", "add", "sqrt", "square")
"""Operations between such a comparison and the loss: they make one number of the distances."""


@dataclass(frozen=True)
class Prediction:
    """Where a program has its prediction, and what it is compared with.

    Attributes
    ----------
    output
        The prediction: a number, a logit, a probability, or a logit for each class.
    kind
        ``number``, ``logit``, ``probability`` or ``classes``.
    target
        The slot of the targets.
    inputs
        By slot: which power of the feature goes in there.
    """

    output: Reference
    kind: str
    target: int
    inputs: dict[int, int]


@dataclass(frozen=True)
class Fit:
    """The data of a run, and the model's predictions in any kept step.

    Attributes
    ----------
    kind
        ``"curve"`` over one feature, ``"classes"`` over two.
    x
        The inputs: of shape ``(N,)`` for a curve, ``(N, 2)`` for classes.
    y
        The targets, of shape ``(N,)``: numbers, or the numbers of classes.
    grid
        The inputs for which `values` predicts: ``(48,)``, or ``(1024, 2)``: 32 rows, from the lowest second feature to the
        highest, of 32 values of the first.
    names
        Of the feature and the target, or of both features.
    classes
        How many there are; 0 for a curve.
    sentence
        What is shown, in words.
    levels
        By which two numbers the program tells two classes apart: 0 and 1 where it predicts a probability.
    """

    kind: str
    x: Array
    y: Array
    grid: Array
    names: tuple[str, str]
    classes: int
    sentence: str
    _run: Run = field(repr=False, compare=False)
    _known: dict[int, Prediction | None] = field(repr=False, compare=False)
    levels: tuple[float, float] = (0.0, 1.0)

    def prediction(self, entry: Entry) -> Prediction | None:
        """Return where a kept step has its prediction, and what goes into it; ``None`` where that cannot be told."""
        return _prediction_of(self._run, entry, self._known)

    def values(self, entry: Entry) -> Array | None:
        """Predict for the grid, with the parameters as they were before a kept step.

        Returns
        -------
        array or None
            Of shape ``(len(grid),)``: a number; of two classes the probability of the second; of more, the number of the
            likeliest. ``None`` where that step cannot be computed again.
        """
        found = _prediction_of(self._run, entry, self._known)
        if found is None:
            return None
        made = _predicted(self._run, entry, found, self.grid)
        if made is None or self.kind == "curve":
            return made
        # Two classes may be told apart by any two numbers.
        low, high = self.levels
        return np.clip((made - low) / (high - low), 0, 1) if self.classes == 2 else made


def fit_of(run: Run) -> Fit | None:
    """Return the data of a run and the model's fit, where the input is of one or two features.

    The data are those of the last epoch, as far as its steps are kept in full.

    Returns
    -------
    Fit or None
        ``None`` where inputs or predictions cannot be told for certain, or cannot be drawn: more than two features, several
        outputs, or a model that treats an example differently when others are beside it (batch normalisation).

    Examples
    --------
    >>> import gradviz as torch
    >>> x = torch.tensor([0.0, 1.0, 2.0])
    >>> y = torch.tensor([0.0, 3.0, 6.0])
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> with torch.record() as run:
    ...     ((w * x - y) ** 2).mean().backward()
    >>> fit = fit_of(run)
    >>> fit.kind, fit.names
    ('curve', ('x', 'y'))
    >>> fit.values(run.log.entries[0])[[0, -1]].round(3)
    array([-0.4,  4.4])
    """
    complete = [entry for entry in run.log.entries if entry.complete]
    if not complete:
        return None
    epochs = run.log.epoch_of
    last = [entry for entry in complete if epochs[entry.index] == epochs[complete[-1].index]]
    known: dict[int, Prediction | None] = {}
    batches = []
    for entry in last:
        found = _prediction_of(run, entry, known)
        if found is None:
            return None
        batches.append(_data(entry, found))
    if len({x.ndim for x, _ in batches}) > 1 or len({found.kind for found in known.values() if found}) > 1:
        return None
    x, y = (np.concatenate([batch[place] for batch in batches]) for place in (0, 1))
    if len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    entry = last[-1]
    assert entry.program is not None
    found = known[entry.program]
    assert found is not None
    slots = run.log.programs[entry.program].slots
    feature = next(slots[slot].name for slot, power in found.inputs.items() if power == 1) or "input"
    data = text("data of epoch", "training") if len(batches) > 1 else _of_which_step(complete[0], entry, found)
    if x.ndim == 1:
        names = (feature, slots[found.target].name or "target")
        fit = Fit(
            kind="curve",
            x=x,
            y=y,
            grid=_grid(x),
            names=names,
            classes=0,
            sentence=text("curve", "training", data=data, shown=text(f"curve of {found.kind}", "training")),
            _run=run,
            _known=known,
        )
    else:
        levels = np.unique(y)
        if found.kind == "number" and len(levels) != 2:
            return None  # a surface over two features
        low, high = (float(levels[0]), float(levels[1])) if found.kind == "number" else (0.0, 1.0)
        names = (f"{feature}[:, 0]", f"{feature}[:, 1]")
        sentence = text("classes", "training", data=data)
        fit = Fit(
            kind="classes",
            x=x,
            y=(y - low) / (high - low),
            grid=_grid(x),
            names=names,
            classes=_classes(run, entry, found),
            sentence=sentence,
            _run=run,
            _known=known,
            levels=(low, high),
        )
    return fit if fit.values(entry) is not None else None


def _of_which_step(first: Entry, last: Entry, found: Prediction) -> str:
    """Say what data it is, and whose, unless all steps have the same."""
    same = first.program == last.program and all(
        np.array_equal(one, other) for one, other in zip(_data(first, found), _data(last, found), strict=True)
    )
    return text("data" if same else "data of step", "training")


def _classes(run: Run, entry: Entry, found: Prediction) -> int:
    if found.kind != "classes":
        return 2
    raw = _replayed(run, entry, found, {})
    assert raw is not None  # `_prediction_of` has seen it
    return int(raw.shape[1])


def _grid(x: Array) -> Array:
    def axis(values: Array, count: int) -> Array:
        low, high = float(values.min()), float(values.max())
        beyond = MARGIN * (high - low) or 1.0
        return np.linspace(low - beyond, high + beyond, count)

    if x.ndim == 1:
        return axis(x, CURVE_POINTS)
    across, up = np.meshgrid(axis(x[:, 0], CLASS_POINTS), axis(x[:, 1], CLASS_POINTS))
    return np.stack([across.ravel(), up.ravel()], axis=1)


# --- where the prediction is ------------------------------------------------------------------------------------------


def _prediction_of(run: Run, entry: Entry, known: dict[int, Prediction | None]) -> Prediction | None:
    """Return where a step's program has its prediction, if replaying it is known to be right: by program, found out once."""
    if entry.program is None or not entry.complete:
        return None
    if entry.program not in known:
        known[entry.program] = _found_in(run, entry, run.log.programs[entry.program])
    return known[entry.program]


def _found_in(run: Run, entry: Entry, program: Program) -> Prediction | None:
    told = compared(program, entry)
    if told is None:
        return None
    output, kind, target = told
    inputs = _inputs(program, entry, output, target)
    if inputs is None:
        return None
    found = Prediction(output, kind, target, inputs)
    return found if _holds(run, entry, found) else None


def compared(program: Program, entry: Entry) -> tuple[Reference, str, int] | None:
    """Walk from the loss back to where a prediction is compared with a target."""
    trained, fed = _reaches(program, "parameter"), _reaches(program, "input")
    at, _ = program.output
    while True:
        told = program.instructions[at]
        name, arguments = told.operation.name, told.arguments
        moving = [argument for argument in dict.fromkeys(arguments) if _of(trained, argument)]
        still = [argument for argument in dict.fromkeys(arguments) if not _of(trained, argument)]
        if name == "nll_loss" and isinstance(told.settings[0], FromSlot):
            (above,) = arguments
            if above[0] == SLOT or program.instructions[above[0]].operation.name != "log_softmax":
                return None
            return program.instructions[above[0]].arguments[0], "classes", told.settings[0].number
        if len(moving) == len(still) == 1 and still[0][0] == SLOT and _is_data(program, entry, still[0][1]):
            kinds = {"binary_cross_entropy_with_logits": "logit", "binary_cross_entropy": "probability"}
            kind = kinds.get(name, "number" if name in DISTANCES else "")
            if kind:
                return moving[0], kind, still[0][1]
        # With a penalty on the weights added to it, the loss has one part that is made from data.
        data = [argument for argument in moving if _of(fed, argument)]
        if name not in PASSED or len(data) != 1 or data[0][0] == SLOT:
            return None
        at = data[0][0]


def _is_data(program: Program, entry: Entry, slot: int) -> bool:
    return program.slots[slot].kind == "input" and np.ndim(_number(entry, slot)) <= 2


def _number(entry: Entry, slot: int) -> Any:
    return entry.numbers()[slot]


def _reaches(program: Program, kind: str) -> tuple[list[bool], list[bool]]:
    """Return which slots are of a kind, and which instructions depend on one."""
    slots = [slot.kind == kind for slot in program.slots]
    made: list[bool] = []
    for told in program.instructions:
        made.append(any(_of((slots, made), argument) for argument in told.arguments))
    return slots, made


def _of(reach: tuple[list[bool], list[bool]], argument: Reference) -> bool:
    slots, made = reach
    return slots[argument[1]] if argument[0] == SLOT else made[argument[0]]


def _inputs(program: Program, entry: Entry, output: Reference, target: int) -> dict[int, int] | None:
    """Return the slots that hold the feature, or a power of it; ``None`` if there are others with as many rows."""
    numbers, rows = entry.numbers(), np.shape(_number(entry, target))[:1]  # a single example may have no rows
    slots = [
        slot
        for slot in sorted(_slots_behind(program, output))
        if program.slots[slot].kind in ("input", "setting") and np.shape(numbers[slot])[:1] == rows
    ]
    for first in slots:
        x = numbers[first]
        if np.shape(x) not in ({rows, (*rows, 1), (*rows, 2)} if rows else {()}):
            continue
        told = POWERS if np.unique(x).size > 2 else ()  # of fewer numbers one could not tell
        powers = {first: 1}
        for other in set(slots) - {first}:
            same = np.shape(numbers[other]) == np.shape(x)
            fitting = [power for power in told if same and np.allclose(numbers[other], x**power, rtol=1e-4)]
            powers |= {other: fitting[0]} if fitting else {}
        if len(powers) == len(slots):
            return powers
    return None


def _slots_behind(program: Program, output: Reference) -> set[int]:
    found: set[int] = set()
    waiting, seen = [output], {output}
    while waiting:
        at, place = waiting.pop()
        if at == SLOT:
            found.add(place)
            continue
        told = program.instructions[at]
        found |= _settings_slots(told)
        waiting += [argument for argument in told.arguments if argument not in seen]
        seen.update(told.arguments)
    return found


def _settings_slots(told: Instruction) -> set[int]:
    return {setting.number for setting in told.settings if isinstance(setting, FromSlot)}


def _data(entry: Entry, found: Prediction) -> tuple[Array, Array]:
    """Return the feature or features of a step's examples, and its targets."""
    slot = next(slot for slot, power in found.inputs.items() if power == 1)
    x, y = (np.asarray(_number(entry, number), dtype=np.float64) for number in (slot, found.target))
    return (x if x.ndim == 2 and x.shape[1] == 2 else x.reshape(-1)), y.reshape(-1)


# --- computing it -----------------------------------------------------------------------------------------------------


def _predicted(run: Run, entry: Entry, found: Prediction, x: Array) -> Array | None:
    """Return what the model predicts for inputs, one number for each; ``None`` if it cannot be computed for these."""
    raw = _replayed(run, entry, found, given_for(entry, found, x))
    if raw is None or raw.ndim == 0 or len(raw) != len(x):
        return None
    if found.kind == "classes":
        if raw.ndim != 2:
            return None
        if raw.shape[1] != 2:
            return raw.argmax(axis=1).astype(np.float64)
        raw = raw[:, 1] - raw[:, 0]
    if raw.size != len(x):
        return None
    raw = raw.reshape(-1).astype(np.float64)
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-raw)) if found.kind in ("logit", "classes") else raw


def given_for(entry: Entry, found: Prediction, x: Array) -> dict[int, Array]:
    """Return what goes into the slots of a prediction, for some inputs."""
    given = {}
    for slot, power in found.inputs.items():
        as_it_was = _number(entry, slot)
        dtype = as_it_was.dtype if as_it_was.dtype.kind == "f" else np.dtype(np.float32)
        given[slot] = (x**power).astype(dtype).reshape(len(x), *np.shape(as_it_was)[1:])
    return given


def _replayed(run: Run, entry: Entry, found: Prediction, given: dict[int, Array]) -> Array | None:
    """Compute a step's prediction anew, with other inputs."""
    assert entry.program is not None
    program, (at, place) = run.log.programs[entry.program], found.output
    if at == SLOT:
        return None
    part = replace(program, instructions=program.instructions[: at + 1], output=found.output)
    numbers = [given.get(slot, number) for slot, number in enumerate(entry.numbers())]
    try:
        with np.errstate(all="ignore"):
            _, results = part.run(numbers)
    except Exception:  # a program may be written for just so many examples; then there is no picture of it
        return None
    made: Tensor = results[at][place]
    return np.asarray(made.array)


def _holds(run: Run, entry: Entry, found: Prediction) -> bool:
    """Say whether each example's prediction is its own: the same whether others are beside it or not."""
    x, _ = _data(entry, found)
    fewer = x[:-1] if len(x) > 1 else np.concatenate([x, x])
    whole, part = (_predicted(run, entry, found, given) for given in (x, fewer))
    if whole is None or part is None:
        return False
    expected = whole[:-1] if len(x) > 1 else np.concatenate([whole, whole])
    return bool(np.allclose(part, expected, rtol=1e-4, atol=1e-6, equal_nan=True))
