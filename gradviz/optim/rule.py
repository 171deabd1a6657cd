"""The text of an update rule: arithmetic on terms, stated once by each optimiser.

A rule is read twice. `compiled` makes array operations of its terms, which move a parameter; `written` prints them, with
the numbers of a step. So what a learner reads is what was computed. What a line computes is rounded; and within a line,
what is multiplied last and then added is rounded once, as PyTorch's fused multiply-add does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Term:
    """A quantity of a rule, as arithmetic on others.

    Parameters
    ----------
    operator
        What is done: ``"+"``, ``"·"``, ``"√"``, ...
    *parts
        With what.

    Attributes
    ----------
    whole
        Whether it is an array, with an entry for each entry of the parameter; else it is one number.
    """

    def __init__(self, operator: str, *parts: Term | float) -> None:
        self.operator = operator
        self.parts = tuple(part if isinstance(part, Term) else Number(part) for part in parts)
        self.whole: bool = any(part.whole for part in self.parts)

    def __add__(self, other: Term | float) -> Term:
        return Term("+", self, other)

    def __sub__(self, other: Term | float) -> Term:
        return Term("−", self, other)

    def __mul__(self, other: Term | float) -> Term:
        return Term("·", self, other)

    def __truediv__(self, other: Term | float) -> Term:
        return Term("/", self, other)

    def __pow__(self, other: Term | float) -> Term:
        return Term("^", self, other)

    def __radd__(self, other: float) -> Term:
        return Term("+", other, self)

    def __rsub__(self, other: float) -> Term:
        return Term("−", other, self)

    def __rmul__(self, other: float) -> Term:
        return Term("·", other, self)

    def __rtruediv__(self, other: float) -> Term:
        return Term("/", other, self)

    def __rpow__(self, other: float) -> Term:
        return Term("^", other, self)

    def __neg__(self) -> Term:
        return Term("negative", self)

    def __abs__(self) -> Term:
        return Term("||", self)

    def __lt__(self, other: Term | float) -> Term:
        return Term("<", self, other)

    def __gt__(self, other: Term | float) -> Term:
        return Term(">", self, other)

    def squared(self) -> Term:
        """Return its square."""
        return Term("²", self)

    def root(self) -> Term:
        """Return its square root."""
        return Term("√", self)

    def mentions(self, other: Term) -> bool:
        """Say whether it is computed from another, through whatever lines."""
        return self is other or any(part.mentions(other) for part in self.parts)


def largest(first: Term | float, second: Term | float) -> Term:
    """Return the larger of two terms."""
    return Term("max", first, second)


def smallest(first: Term | float, second: Term | float) -> Term:
    """Return the smaller of two terms."""
    return Term("min", first, second)


def sign(of: Term) -> Term:
    """Return 1, 0 or −1, as a term is positive, zero or negative."""
    return Term("sign", of)


def equal(first: Term, second: Term | float) -> Term:
    """Return the condition that two terms are equal."""
    return Term("=", first, second)


def choose(condition: Term, one: Term | float, other: Term | float) -> Term:
    """Return one term where a condition holds, and the other elsewhere."""
    return Term("if", condition, one, other)


def average(kept: Term, before: Term, new: Term) -> Term:
    """Return ``kept · before + (1 − kept) · new``, computed from the nearer end: `before` moves towards `new`."""
    return Term("average", kept * before + (1 - kept) * new, kept, before, new)


def rounded(product: Term) -> Term:
    """Return a product that is rounded before something is added to it, as PyTorch does it here."""
    return Term("rounded", product)


def abbreviation(symbol: str, of: Term) -> Quantity:
    """Return a term that is written with a sign of its own: ``β₁ᵗ``."""
    return Quantity("abbreviation", symbol, of)


class Number(Term):
    """A number that the rule itself names."""

    def __init__(self, value: float) -> None:
        super().__init__("number")
        self.value = value


class Quantity(Term):
    """A term with a name.

    Attributes
    ----------
    symbol
        How it is written.
    """

    def __init__(self, operator: str, symbol: str, *parts: Term, whole: bool = False) -> None:
        super().__init__(operator, *parts)
        self.symbol, self.whole = symbol, self.whole or whole


class Setting(Quantity):
    """A setting of the parameter's group, or a part of one; `first` is what counts in the first step instead."""

    def __init__(self, symbol: str, name: str, place: int | None, first: float | None) -> None:
        super().__init__("setting", symbol)
        self.name, self.place, self.first = name, place, first


class Memory(Quantity):
    """What the optimiser remembered under the name `state` before the step.

    `start` is what it begins with; if that is an array, then it stands for the whole line in the first step, as it is.
    `squares` says that it is made of squares, and never negative.
    """

    def __init__(self, symbol: str, state: str, start: Term | float, whole: bool, squares: bool) -> None:
        super().__init__("memory", symbol, whole=whole)
        self.state, self.start = state, start if isinstance(start, Term) else Number(start)
        self.squares = squares
        self.line: Result | None = None


class Told(Quantity):
    """What the optimiser remembers under the name `state` after the step."""

    def __init__(self, symbol: str, state: str) -> None:
        super().__init__("told", symbol, whole=True)
        self.state = state


class Result(Quantity):
    """What a line of a rule computes: ``symbol ← term``.

    `memory` is what remembers it. A `folded` line is for the reader: where it is used, its numbers that do not depend on
    the entry are first put together with others of their kind, so that an array is gone over once less.
    """

    def __init__(self, symbol: str, of: Term, sentence: str, memory: Memory | None, folded: bool) -> None:
        super().__init__("line", symbol, of)
        self.sentence, self.memory, self.folded = sentence, memory, folded

    @property
    def term(self) -> Term:
        """What is computed."""
        return self.parts[0]


class Sheet:
    """What a rule is written on: its quantities, and its lines so far.

    Parameters
    ----------
    settings
        Of the parameter's group. Only which of them are at work decides about the lines.

    Attributes
    ----------
    w, grad, t
        The parameter, its gradient, and the number of the step, counting from 1.
    lines, memories
        In the order in which they were written, and in which the optimiser makes them.
    asked
        Which settings the rule has asked about, with `has`.
    counts
        Whether the optimiser remembers how many steps it has made.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.w, self.grad = Quantity("w", "w", whole=True), Quantity("grad", "grad", whole=True)
        self.t = Quantity("t", "t")
        self.lines: list[Result] = []
        self.memories: list[Memory] = []
        self.asked: list[str] = []
        self.counts = True

    def has(self, name: str) -> bool:
        """Say whether a setting is at work: not 0, not False."""
        self.asked.append(name)
        return bool(self._settings.get(name))

    def setting(self, name: str, symbol: str = "", place: int | None = None, first: float | None = None) -> Setting:
        """Return a setting, or a part of one."""
        value = self._settings[name]
        if place is not None:
            value[place]  # another optimiser's, of the same name, may have no such part
        return Setting(symbol or name, name, place, first)

    def memory(
        self, symbol: str, state: str, start: Term | float = 0.0, whole: bool = True, squares: bool = False
    ) -> Memory:
        """Return what the optimiser has remembered: an array, or one number."""
        self.memories.append(Memory(symbol, state, start, whole, squares))
        return self.memories[-1]

    def change(self, symbol: str = "Δ") -> Quantity:
        """Return by how much the parameter has changed, where nothing more is known; only to be written."""
        return Quantity("change", symbol, whole=True)

    def told(self, symbol: str, state: str) -> Told:
        """Return what the optimiser tells about its step, where it is no rule that computes it; only to be written."""
        return Told(symbol, state)

    def line(self, symbol: str, of: Term, sentence: str, keep: Memory | None = None, folded: bool = False) -> Result:
        """Write a line, and return what it computes, which is remembered as `keep`."""
        written = Result(symbol, of, sentence, keep, folded)
        if keep is not None:
            keep.line = written
        self.lines.append(written)
        return written

    # --- what several rules say -----------------------------------------------------------------------------------

    def gradient(self) -> Term:
        """Return the gradient as an optimiser uses it: turned around, with weight decay."""
        grad: Term = self.grad
        if self.has("maximize"):
            grad = self.line("grad", -grad, "maximize: the gradient is turned around, so that the step goes uphill.")
        if self.has("weight_decay") and not self.has("decoupled_weight_decay"):
            decayed = grad + self.setting("weight_decay") * self.w
            grad = self.line(
                "grad", decayed, "Weight decay adds a share of w to the gradient, which pulls w towards 0."
            )
        return grad

    def decayed(self, lr: Term) -> Term:
        """Return w after weight decay that acts on w itself."""
        if self.has("weight_decay") and self.has("decoupled_weight_decay"):
            sentence = "Weight decay shrinks w itself and leaves the gradient alone."
            return self.line("w", (1 - lr * self.setting("weight_decay")) * self.w, sentence)
        return self.w

    def betas(self) -> tuple[Term, Term]:
        """Return how much of each average is kept."""
        return self.setting("betas", "β₁", 0), self.setting("betas", "β₂", 1)

    def average(self, memory: Memory, kept: Term, grad: Term) -> Result:
        """Write the line of the running average of the gradient."""
        sentence = f"{memory.symbol} is a running average of the gradient."
        return self.line(memory.symbol, average(kept, memory, grad), sentence, keep=memory)

    def average_square(self, memory: Memory, kept: Term, grad: Term) -> Result:
        """Write the line of the running average of the squared gradient."""
        sentence = f"{memory.symbol} is a running average of the squared gradient."
        return self.line(memory.symbol, kept * memory + (1 - kept) * grad.squared(), sentence, keep=memory)

    def corrected(self, symbol: str, kept_average: Term, beta: Term, power: str, folded: bool = True) -> Result:
        """Write the line of an average that makes up for its beginning at 0."""
        sentence = f"The average began at 0; {symbol} makes up for it. t counts the steps."
        missing = 1 - abbreviation(power, beta**self.t)
        return self.line(symbol, kept_average / missing, sentence, folded=folded)


Rule = Callable[[Sheet], None]
"""Writes the lines of an optimiser's rule."""
