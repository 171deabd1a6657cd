"""A rule written out: the lines of a `Sheet` as tokens, and the numbers that stand in them, in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.optim.rule import Memory, Number, Quantity, Result, Setting, Sheet, Term, Told

Array = np.ndarray[Any, Any]
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a line.

    Attributes
    ----------
    text
        What is written: ``"lr"``, ``"−"``.
    key
        Whose number stands here; empty for an operator, a bracket or a literal number.
    """

    text: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a rule: ``symbol ← tokens``.

    Attributes
    ----------
    symbol, key
        What is computed, and the key of its numbers.
    tokens
        What it is computed from.
    sentence
        What the line does, in words.
    """

    symbol: str
    key: str
    tokens: tuple[Token, ...]
    sentence: str


CHOICE, COMPARISON, SUM, PRODUCT, POWER, ATOM = range(6)
"""How tightly a term holds together: what needs brackets inside of what."""

INFIX = {
    "+": (SUM, SUM, SUM),
    "−": (SUM, SUM, PRODUCT),
    "·": (PRODUCT, PRODUCT, PRODUCT),
    "/": (PRODUCT, PRODUCT, POWER),
    "^": (POWER, ATOM, ATOM),
    **dict.fromkeys("<>=", (COMPARISON, SUM, SUM)),
}
"""How tightly each holds, and how tightly what stands on its left and right has to."""

AROUND = {"||": ("|", "|"), "max": ("max(", ")"), "min": ("min(", ")"), "sign": ("sign(", ")")}


class Writing:
    """A rule while it is written out.

    Parameters
    ----------
    sheet
        The rule.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.keys: dict[Quantity, str] = {}
        self._taken: set[str] = set()
        self._key(sheet.w)
        self._key(sheet.grad)
        self.lines = tuple(self._line(result) for result in sheet.lines)
        used = {line.key for line in self.lines} | {token.key for line in self.lines for token in line.tokens}
        self.keys = {quantity: key for quantity, key in self.keys.items() if key in used}

    def _line(self, result: Result) -> Line:
        tokens, _ = self._written(result.term)
        return Line(result.symbol, self._key(result), tokens, result.sentence)

    def _key(self, quantity: Quantity) -> str:
        if quantity not in self.keys:
            key = quantity.symbol
            while key in self._taken:
                key += "′"
            self._taken.add(key)
            self.keys[quantity] = key
        return self.keys[quantity]

    def _within(self, term: Term, needed: int) -> tuple[Token, ...]:
        """Return a term's tokens, in brackets if it does not hold together as tightly as needed."""
        tokens, holds = self._written(term)
        return tokens if holds >= needed else (Token("("), *tokens, Token(")"))

    def _written(self, term: Term) -> tuple[tuple[Token, ...], int]:
        """Return a term's tokens, and how tightly it holds together."""
        if isinstance(term, Quantity):
            return (Token(term.symbol, self._key(term)),), ATOM
        if isinstance(term, Number):
            return (Token(f"{term.value:g}"),), ATOM
        if term.operator in ("rounded", "average"):
            return self._written(term.parts[0])
        if term.operator in INFIX:
            holds, left, right = INFIX[term.operator]
            before, after = self._within(term.parts[0], left), self._within(term.parts[1], right)
            return (*before, Token(term.operator), *after), holds
        if term.operator in AROUND:
            start, end = AROUND[term.operator]
            parts = [self._within(part, SUM) for part in term.parts]
            inner = [token for part in parts for token in (Token(","), *part)][1:]
            return (Token(start), *inner, Token(end)), ATOM
        if term.operator == "if":
            condition, one, other = term.parts
            chosen = self._within(one, SUM), self._within(condition, COMPARISON), self._within(other, CHOICE)
            return (*chosen[0], Token("if"), *chosen[1], Token("else"), *chosen[2]), CHOICE
        if term.operator == "negative":
            return (Token("−"), *self._within(term.parts[0], PRODUCT)), SUM
        inner_tokens = self._within(term.parts[0], ATOM)
        return ((*inner_tokens, Token("²")) if term.operator == "²" else (Token("√"), *inner_tokens)), POWER


class Numbers:
    """The numbers of a rule in some steps.

    Parameters
    ----------
    sheet
        The rule.
    settings
        One for all steps, or one for each.
    columns
        As for `gradviz.training.analysis.rules.numbers_of`.
    assumed
        Numbers of terms that are taken as given.
    """

    def __init__(
        self,
        sheet: Sheet,
        settings: Sequence[Settings],
        columns: Mapping[str, Array],
        assumed: Mapping[Term, Any] | None = None,
    ) -> None:
        self._sheet, self._settings, self._columns, self._assumed = sheet, settings, columns, assumed or {}
        self._found: dict[Term, Any] = dict(self._assumed)

    def of(self, term: Term) -> Any:
        """Return the numbers of a term; NaN where they are not known."""
        if term not in self._found:
            self._found[term] = self._computed(term)
        return self._found[term]

    def _computed(self, term: Term) -> Any:
        if isinstance(term, Number):
            return term.value
        if isinstance(term, Setting):
            value = self._setting(term)
            return value if term.first is None else np.where(self._first(), term.first, value)
        if isinstance(term, Memory):
            return self._before(term)
        if isinstance(term, Result):
            value = self.of(term.term)
            if term.memory is None or self._assumed:
                return value
            return np.where(np.isnan(value), self._column(term.memory.state), value)
        if isinstance(term, Told):
            return self._column(term.state)
        if term.operator in COLUMNS:
            return self._column(COLUMNS[term.operator])
        if term.operator == "change":
            return self._column("after") - self._column("before")
        if term.operator in ("max", "min") and any(term.parts[0].mentions(memory) for memory in self._assumed):
            return self.of(term.parts[0])  # where earlier numbers are looked for, it was they that counted
        if term.operator in ("abbreviation", "rounded", "average"):
            return self.of(term.parts[0])
        parts = [self.of(part) for part in term.parts]
        if term.operator == "if":
            return np.where(np.isnan(parts[0]), np.nan, np.where(parts[0] == 1, parts[1], parts[2]))
        return OPERATORS[term.operator](*parts)

    def _column(self, name: str) -> Any:
        return self._down(np.asarray(self._columns.get(name, np.nan), dtype=np.float64))

    def _down(self, numbers: Array) -> Array:
        """Let numbers of the steps broadcast against those of the parameter's entries."""
        missing = np.ndim(self._columns.get("before", 0)) - numbers.ndim
        return numbers.reshape(numbers.shape + (1,) * missing) if numbers.ndim and missing > 0 else numbers

    def _setting(self, setting: Setting) -> Any:
        values = [settings[setting.name] for settings in self._settings]
        values = [float(value if setting.place is None else value[setting.place]) for value in values]
        return values[0] if len(values) == 1 else self._down(np.array(values))

    # --- what was there before the step ---------------------------------------------------------------------------

    def _first(self) -> Any:
        """Say which steps are the optimiser's first."""
        if self._sheet.counts:
            return self._column("step") == 1
        for memory in self._sheet.memories:
            if memory.start.whole:  # it does not count its steps; but in the first it remembers this as it is
                unknown = np.isnan(self._column(f"{memory.state}.before"))
                fresh = unknown & np.isclose(self._column(memory.state), self.of(memory.start), rtol=1e-5, atol=0)
                return np.all(fresh, axis=tuple(range(1, np.ndim(fresh))), keepdims=True)
        return np.False_

    def _before(self, memory: Memory) -> Any:
        """Return what was remembered before each step: as it was kept, as it begins, or worked out backwards."""
        known = self._column(f"{memory.state}.before")
        if not np.isnan(known).any():
            return known
        start = 0.0 if memory.start.whole else self.of(memory.start)
        return np.where(np.isnan(known), np.where(self._first(), start, self._backwards(memory)), known)

    def _backwards(self, memory: Memory) -> Any:
        """Work out what was remembered before, from what is after: a line is linear in what it remembers."""
        result, after = memory.line, self._column(memory.state)
        if result is None or np.isnan(after).all() or _decides(memory, result.term):
            return np.nan
        if not result.term.mentions(memory):
            if result.whole or any(result.term.mentions(other) for other in self._sheet.memories):
                return np.nan
            return self._assuming(self._sheet.t, self.of(self._sheet.t) - 1).of(result.term)
        zero, one = (self._assuming(memory, value).of(result.term) for value in (0.0, 1.0))
        # If nothing of it was kept, it does not matter.
        before = (after - zero) / np.where(one == zero, np.inf, one - zero)
        return np.maximum(before, 0) if memory.squares else before

    def _assuming(self, term: Term, value: Any) -> Numbers:
        return Numbers(self._sheet, self._settings, self._columns, {**self._assumed, term: value})


def _decides(memory: Memory, term: Term) -> bool:
    """Say whether it depends on a memory which way a line goes."""
    if term.operator == "if" and term.parts[0].mentions(memory):
        return True
    return any(_decides(memory, part) for part in term.parts)


COLUMNS = {"w": "before", "grad": "gradient", "t": "step"}


def _compared(compare: Any) -> Any:
    return lambda one, other: np.where(np.isnan(one) | np.isnan(other), np.nan, compare(one, other))


OPERATORS: dict[str, Any] = {
    "+": np.add,
    "−": np.subtract,
    "·": np.multiply,
    "/": np.divide,
    "^": np.power,
    "√": np.sqrt,
    "²": np.square,
    "||": np.abs,
    "negative": np.negative,
    "max": np.maximum,
    "min": np.minimum,
    "sign": np.sign,
    "<": _compared(np.less),
    ">": _compared(np.greater),
    "=": _compared(np.equal),
}
