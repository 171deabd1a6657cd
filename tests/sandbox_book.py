"""What a page has to know of an operation to compute it, and to tell of it: forward and back, for each way in which shapes can meet.

Nothing of it is written down here. Each operation is run on a small example, and its recording is taken apart: the steps of its
program, the equations, the sentences. In their texts stand signs for the names of the arguments, and in the steps the names of
sizes, so that a page can put others in their places. ``python tests/sandbox_book.py --write`` writes it down for the page.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gradviz.nn.functional as F
from gradviz.drawing import draw_recording
from gradviz.engine import functions
from gradviz.engine.tensor import Tensor, wrap
from gradviz.player.insides import Insides
from gradviz.player.laboratory import runnable
from gradviz.player.payload import at_step, told
from gradviz.recording import record_graph
from gradviz.recording.program import Program, program_of
from gradviz.recording.program.model import SLOT

ARGUMENTS, RESULT, LOSS, COUNT = ("\u2c30", "\u2c31"), "\u2c32", "\u2c33", "\u2c34"
"""Signs that stand in the texts for the names of the arguments, the result, what is differentiated; and for how many entries there are."""

LARGE, SMALL = {"m": 7, "k": 11, "n": 13}, {"m": 2, "k": 4, "n": 3}
"""The sizes of examples: those that are seen again in a program, and those of which all numbers are written out."""

ENTRYWISE = "tanh sigmoid relu exp log sin cos tan sqrt square abs softplus gelu silu elu leaky_relu erf"
REDUCTIONS = "sum mean prod max min"
ROWWISE = "softmax log_softmax"
AVERAGES = ("mean", "mse_loss")
"""Operations whose words say how many entries there are."""

WRITTEN = Path(__file__).parents[1] / "gradviz" / "player" / "static" / "sandbox.json"
"""Where the page has it from."""

PAIRS = (
    ("", ""), ("n", "n"), ("mn", "mn"), ("n", ""), ("", "n"), ("mn", ""), ("", "mn"), ("mn", "n"), ("n", "mn"),
    ("mn", "m1"), ("m1", "mn"), ("mn", "1n"), ("1n", "mn"), ("m1", "1n"), ("1n", "m1"), ("m1", "n"), ("n", "m1"),
    ("n", "1"), ("1", "n"), ("mn", "1"), ("1", "mn"),
)  # fmt: skip
"""Shapes of two arguments that are computed entry by entry: equal letters are equal sizes."""

PRODUCTS = (("mk", "kn"), ("mk", "k"), ("k", "kn"), ("k", "k"))
"""Shapes of two arguments of a matrix product."""


@dataclass(frozen=True)
class Example:
    """An operation on arguments of some shapes.

    Attributes
    ----------
    name
        What a reader writes: an operator or a function.
    shapes
        A letter for each axis.
    run
        What is computed.
    """

    name: str
    shapes: tuple[str, ...]
    run: Callable[..., Any]

    @property
    def key(self) -> str:
        """Its name, and its shapes."""
        return " ".join((self.name, *(shape or "0" for shape in self.shapes)))


def examples() -> list[Example]:
    """Return all that a reader may write."""
    operators: dict[str, Callable[..., Any]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "**": lambda a, b: a**b,
        "maximum": lambda a, b: functions.maximum(a, b),
        "minimum": lambda a, b: functions.minimum(a, b),
    }
    found = [Example(name, pair, run) for name, run in operators.items() for pair in PAIRS]
    found += [Example("@", pair, lambda a, b: a @ b) for pair in PRODUCTS]
    found += [Example("neg", (shape,), lambda a: -a) for shape in ("", "n", "mn")]
    for name in (*ENTRYWISE.split(), *REDUCTIONS.split()):
        run = getattr(F, name, None) or getattr(functions, name)
        found += [Example(name, (shape,), run) for shape in ("", "n", "mn")]
    for name in ROWWISE.split():
        run = getattr(F, name)
        found += [Example(name, (shape,), lambda a, run=run: run(a, dim=-1)) for shape in ("n", "mn")]
    found.append(Example("t", ("mn",), lambda a: a.t()))
    found += [Example("mse_loss", (shape, shape), F.mse_loss) for shape in ("", "n", "mn")]
    return found


def book() -> dict[str, Any]:
    """Return, for each name and each way in which shapes meet (``"+ mn n"``), what a page has to know, as plain JSON data."""
    return {example.key: entry(example) for example in examples()}


def entry(example: Example) -> dict[str, Any]:
    """Return what a page has to know of one operation."""
    return {"shapes": list(example.shapes), **_program(example), **_words(example)}


def _given(example: Example, sizes: Mapping[str, int], wanting: tuple[int, ...] = (0, 1)) -> list[Tensor]:
    """Return arguments at which every operation is defined, and no two numbers are the same; those `wanting` want a gradient."""
    made = []
    for place, shape in enumerate(example.shapes):
        lengths = tuple(1 if letter == "1" else sizes[letter] for letter in shape)
        count = math.prod(lengths)
        numbers = 0.3 + 0.47 * np.arange(1, count + 1) / count + 0.11 * place
        made.append(wrap(numbers.reshape(lengths).astype(np.float32)))
        made[-1]._requires_grad = place in wanting
    return made


# --- how it is computed ------------------------------------------------------------------------------------------------


def _program(example: Example) -> dict[str, Any]:
    """Return its steps: what they read and make are numbers of slots, the arguments first, then the gradient that arrives."""
    given = _given(example, LARGE)
    result = example.run(*given)
    seed = wrap(np.full(result.shape, 0.5, np.float32))
    recording = record_graph(result, gradient=seed, backward=True)
    program = program_of(recording, runnable())
    if not isinstance(program, Program):
        raise AssertionError(f"{example} cannot be run by a page: {program}")
    # A product of a vector is several operations; what it is written with are their arguments that nobody computed.
    operations = recording.graph.operations
    made = {output for operation in operations for output in operation.outputs}
    inputs = [argument for operation in operations for argument in operation.inputs if argument.tensor not in made]
    (output,) = operations[-1].outputs
    slots: dict[int, int] = {}
    for place, argument in enumerate(inputs):
        slots[program.values[argument.tensor]] = place
    slots[program.sums[f":{output}"]] = len(example.shapes)
    constants = []
    for numbers in program.numbers:
        if numbers.slot in slots:
            continue
        flat = np.unique(numbers.array)
        if flat.size != 1:
            raise AssertionError(f"{example} needs numbers of its own")
        slots[numbers.slot] = len(slots)
        constants.append([slots[numbers.slot], float(flat[0]), _letters(numbers.array.shape), numbers.array.dtype.name])
    steps = []
    value = program.values[output]
    contributions = [program.contributions[argument.id] for argument in inputs]
    locals = [program.locals.get(argument.id) for argument in inputs]
    for step in _needed(program, {value, *contributions, *(slot for slot in locals if slot is not None)}):
        for slot in step.made:
            slots[slot] = len(slots)
        given_to = {name: _sized(one, slots) for name, one in step.arguments.items()}
        steps.append([step.name, given_to, [slots[slot] for slot in step.made]])
    return {
        "result": _letters(result.shape),
        "constants": constants,
        "steps": steps,
        "slots": len(slots),
        "value": slots[value],
        "contributions": [slots[slot] for slot in contributions],
        "locals": [None if slot is None else slots[slot] for slot in locals],
    }


def _needed(program: Program, wanted: set[int]) -> list[Any]:
    kept: list[Any] = []
    for step in reversed(program.steps):
        if wanted.isdisjoint(step.made):
            continue
        kept.append(step)
        waiting = list(step.arguments.values())
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict) and SLOT in one:
                wanted.add(one[SLOT])
            elif isinstance(one, list):
                waiting.extend(one)
    return kept[::-1]


def _letters(shape: tuple[int, ...]) -> str:
    names = {size: letter for letter, size in LARGE.items()}
    return "".join("1" if length == 1 else names[length] for length in shape)


def _sized(setting: Any, slots: Mapping[int, int]) -> Any:
    """Return a setting with its slots as they are numbered here, and sizes by their letters: ``{"sizes": "mn"}`` is their product."""
    if isinstance(setting, dict):
        return {SLOT: slots[setting[SLOT]]} if SLOT in setting else setting
    if isinstance(setting, list):
        return [_sized(one, slots) for one in setting]
    if isinstance(setting, int | float) and not isinstance(setting, bool):
        for letters in ("m", "k", "n", "mn", "mk", "kn"):
            size = math.prod(LARGE[letter] for letter in letters)
            if setting == size:
                return {"sizes": letters}
            if isinstance(setting, float) and setting == 1 / size:
                return {"sizes": letters, "share": True}
    return setting


# --- what is said of it ------------------------------------------------------------------------------------------------


def _words(example: Example) -> dict[str, Any]:
    """Return the operation as the player's facts have it, and the steps forward and back."""
    told_of = _told(example, (0, 1))
    if len(example.shapes) > 1:  # what is said where only one of them gets a gradient
        told_of["back"]["alone"] = [_told(example, (place,))["back"]["sentence"] for place in (0, 1)]
    return told_of


def _told(example: Example, wanting: tuple[int, ...]) -> dict[str, Any]:
    given = _given(example, SMALL, wanting)
    result = example.run(*given)
    loss = (result * wrap(np.float32(3))).sum() if result.shape else result * wrap(np.float32(3))
    names = {**dict(zip(ARGUMENTS, given, strict=False)), RESULT: result, LOSS: loss}
    drawing = at_step(draw_recording(record_graph(loss, backward=True, names=names), direction="LR"), -1)
    data = told(Insides(drawing), "")
    facts = data["facts"]["operations"][0]
    ids = {argument["tensor"]: str(place) for place, argument in enumerate(facts["inputs"])} | {
        facts["outputs"][0]: "r"
    }
    forward = next(step for step in data["steps"] if step["phase"] == "forward" and facts["id"] in step["current"])
    back = next(step for step in data["steps"] if step["phase"] == "backward" and facts["id"] in step["current"])
    count = math.prod(given[0].shape)
    told_of = {
        "operation": {
            "name": facts["name"],
            "grad_fn": facts["grad_fn"],
            "symbol": facts["symbol"],
            "inputs": [
                {key: argument[key] for key in ("slot", "local", "local_number") if key in argument}
                for argument in facts["inputs"]
            ],
            "attributes": facts.get("attributes", []),
            "sentence": facts.get("sentence", ""),
        },
        "forward": {
            "sentence": forward["sentence"],
            "equation": [_line(line, ids) for line in forward["equation"]],
            "labels": [forward["text"].get(f"{argument['id']}_l", "") for argument in facts["inputs"]],
        },
        "back": {
            "title": back["title"],
            "sentence": back["sentence"],
            "equation": [_line(line, ids) for line in back["equation"] if line.get("kind") == "contribution"],
        },
    }
    if example.name in AVERAGES and count > 1:
        told_of = _counted(told_of, count)
    if example.name == "**":
        told_of["forward"]["equation"] = [_with_exponent(line) for line in told_of["forward"]["equation"]]
    return told_of


def _counted(told: Any, count: int) -> Any:
    """Return texts in which a sign stands for the number of entries."""
    if isinstance(told, dict):
        return {
            key: one if key in ("text", "tensor") and "kind" in told else _counted(one, count)
            for key, one in told.items()
        }
    if isinstance(told, list):
        return [_counted(one, count) for one in told]
    return re.sub(rf"(?<![\d.]){count}(?![\d.])", COUNT, told) if isinstance(told, str) else told


def _with_exponent(line: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a power in which the exponent's numbers are said to be its own."""
    sides = []
    for side in line["sides"]:
        made: list[Any] = []
        for one in side:
            if isinstance(one, str) and re.fullmatch(r"\^[\d.]+", one):
                made += ["^", {"text": one[1:], "kind": "number", "tensor": "1", "role": "value"}]
            else:
                made.append(one)
        sides.append(made)
    return {**line, "sides": sides}


def _line(line: Any, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return a line of an equation whose parts say whose their numbers are: of argument 0 or 1, of the result (r), or sent to one."""
    line = asdict(line) if is_dataclass(line) and not isinstance(line, type) else dict(line)

    def part(one: Any) -> Any:
        if isinstance(one, str) or not one.get("tensor"):
            return one
        whose = one["tensor"]
        return {**one, "tensor": ids[whose] if whose in ids else f"_{whose.partition('_')[2]}"}

    line.pop("text", None)
    made = {**line, "sides": [[part(one) for one in side] for side in line.get("sides", [])]}
    if "argument" in made:
        made["argument"] = made["argument"].partition("_")[2]
    return made


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    WRITTEN.write_text(json.dumps(book(), separators=(",", ":"), ensure_ascii=True) + "\n", encoding="utf-8")
