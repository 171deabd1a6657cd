"""The update rules, written out: what an optimiser made of a gradient, line by line, with the numbers of a step.

A rule is written once, as arithmetic on terms, and read twice: as the symbols of its lines, and as their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.training.model import BY_HAND, UNMOVED, Rule

Array = np.ndarray[Any, Any]


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


def lines_of(rule: Rule) -> tuple[Line, ...]:
    """Return the lines of a rule: only what is at work with its settings, in the order in which it is computed.

    Rules that differ only in numbers have the same lines.

    Examples
    --------
    >>> from gradviz.training.model import Rule
    >>> for line in lines_of(Rule("SGD", {"lr": 0.01, "momentum": 0.9})):
    ...     print(line.symbol, "←", *(token.text for token in line.tokens))
    buffer ← momentum · buffer + grad
    w ← w − lr · buffer
    """
    return tuple(_worked_out([rule], {}).lines)


def form_of(rule: Rule) -> tuple[Any, ...]:
    """Return what rules with the same lines have in common: the optimiser, and which settings are at work."""
    return (rule.name, *((name, bool(value)) for name, value in rule.settings.items()))


def numbers_of(rule: Rule | Sequence[Rule], columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return the numbers of every key in the lines of a rule.

    Parameters
    ----------
    rule
        Of all these steps; or, where a scheduler changes its numbers, one for each step, all of the same form.
    columns
        ``"before"``, ``"gradient"`` and ``"after"``, one row for each step; the optimiser's state after each step under its
        name (``"exp_avg"``, ``"step"``); and with ``".before"`` at the end the state before it. Where that is NaN or left out
        it is what the optimiser starts with, in its first step, and is else worked out backwards from the state after.

    Returns
    -------
    dict
        By key, arrays that broadcast against the steps, in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from gradviz.training.model import Rule
    >>> rule = Rule("SGD", {"lr": 0.01})
    >>> columns = {"before": np.array([2.0]), "gradient": np.array([5.0]), "after": np.array([1.95])}
    >>> numbers_of(rule, columns)[lines_of(rule)[-1].key]
    array([1.95])
    """
    sheet = _worked_out([rule] if isinstance(rule, Rule) else rule, columns)
    used = {line.key for line in sheet.lines} | {token.key for line in sheet.lines for token in line.tokens}
    return {key: number for key, number in sheet.numbers.items() if key in used}


def hand_rate(before: Array, gradient: Array, after: Array) -> float | None:
    """Return the learning rate with which a loop has moved a parameter itself.

    Parameters
    ----------
    before, gradient, after
        Of one step or of several, of the same shape.

    Returns
    -------
    float or None
        The shortest decimal number ``c`` with ``after == before − c · gradient``, up to rounding; ``None`` if there is none,
        or nothing moved.

    Examples
    --------
    >>> import numpy as np
    >>> hand_rate(np.array([2.0, 1.0]), np.array([5.0, -4.0]), np.array([1.95, 1.04]))
    0.01
    """
    arrays = [np.asarray(array, dtype=np.float64) for array in (before, gradient, after)]
    with np.errstate(all="ignore"):
        # Where a run diverges, and in a step without a gradient, there is nothing to compare.
        known = np.isfinite(arrays[0]) & np.isfinite(arrays[1]) & ~np.isinf(arrays[2])
        before, gradient, after = arrays = [array[known] for array in arrays]
        if np.isnan(after).any() or not (before != after).any():
            return None
        # Numbers of a float32 parameter, however they are stored here, are rounded as float32.
        narrow = all((array == array.astype(np.float32)).all() for array in arrays)
        kind = np.finfo(np.float32 if narrow else np.float64)
        moved = before - after
        rounding = float(kind.eps) * (np.abs(after) + np.abs(moved)) + float(kind.smallest_subnormal)
        if (np.abs(moved) > rounding)[gradient == 0].any():
            return None
        # Every entry says between which two numbers the rate must be.
        ends = np.stack([moved - rounding, moved + rounding])[:, gradient != 0] / gradient[gradient != 0]
        if not ends.size:
            return None
        low, high = float(ends.min(axis=0).max()), float(ends.max(axis=0).min())
        for digits in range(1, 18):
            rate = float(f"{(low + high) / 2:.{digits}g}")
            if low <= rate <= high and rate:
                return rate
    return None


# --- terms ------------------------------------------------------------------------------------------------------------

SUM, PRODUCT, ATOM = range(3)
"""How tightly a term holds together: what needs brackets inside of what."""


class Term:
    """A formula and its numbers. Arithmetic on terms makes longer ones, with brackets where they are needed."""

    __slots__ = ("holds", "number", "tokens")

    def __init__(self, tokens: tuple[Token, ...], number: Any, holds: int = ATOM) -> None:
        self.tokens, self.number, self.holds = tokens, number, holds

    def within(self, needed: int) -> tuple[Token, ...]:
        """Return its tokens, in brackets if it does not hold together as tightly as needed."""
        return self.tokens if self.holds >= needed else (Token("("), *self.tokens, Token(")"))

    def __add__(self, other: Term) -> Term:
        return Term((*self.tokens, Token("+"), *other.tokens), self.number + other.number, SUM)

    def __sub__(self, other: Term) -> Term:
        return Term((*self.tokens, Token("−"), *other.within(PRODUCT)), self.number - other.number, SUM)

    def __rsub__(self, other: int) -> Term:
        return Term((Token(str(other)),), other) - self

    def __neg__(self) -> Term:
        return Term((Token("−"), *self.within(PRODUCT)), -self.number, SUM)

    def __mul__(self, other: Term) -> Term:
        return Term((*self.within(PRODUCT), Token("·"), *other.within(PRODUCT)), self.number * other.number, PRODUCT)

    def __truediv__(self, other: Term) -> Term:
        return Term((*self.within(PRODUCT), Token("/"), *other.within(ATOM)), self.number / other.number, PRODUCT)

    def squared(self) -> Term:
        """Return its square."""
        return Term((*self.within(ATOM), Token("²")), self.number**2)

    def root(self) -> Term:
        """Return its square root."""
        return Term((Token("√"), *self.within(ATOM)), np.sqrt(self.number))

    def size(self) -> Term:
        """Return its absolute value."""
        return Term((Token("|"), *self.tokens, Token("|")), np.abs(self.number))


def largest(first: Term, second: Term) -> Term:
    """Return the larger of two terms."""
    tokens = (Token("max("), *first.tokens, Token(","), *second.tokens, Token(")"))
    return Term(tokens, np.maximum(first.number, second.number))


class Sheet:
    """A rule while it is written out: the lines so far, and the numbers of all that stands in them."""

    def __init__(self, rules: Sequence[Rule], columns: Mapping[str, Array]) -> None:
        self._rules, self._columns = rules, columns
        self.lines: list[Line] = []
        self.numbers: dict[str, Array] = {}
        self.w = self.term("w", self.column("before"))
        self.grad = self.term("grad", self.column("gradient"))
        self.first = self.column("step") == 1

    def has(self, name: str) -> bool:
        """Say whether a setting is at work: not 0, not False."""
        return bool(self._rules[0].settings.get(name))

    def column(self, name: str) -> Any:
        """Return numbers of each step; NaN where none are known."""
        return self._down(np.asarray(self._columns.get(name, np.nan), dtype=np.float64))

    def _down(self, numbers: Array) -> Array:
        """Let numbers of the steps broadcast against those of the parameter's entries."""
        missing = np.ndim(self._columns.get("before", 0)) - numbers.ndim
        return numbers.reshape(numbers.shape + (1,) * missing) if numbers.ndim and missing > 0 else numbers

    def value(self, name: str, place: int | None = None) -> Any:
        """Return the numbers of a setting, or of a part of one."""
        values = [rule.settings[name] if place is None else rule.settings[name][place] for rule in self._rules]
        return float(values[0]) if len(values) == 1 else self._down(np.array([float(value) for value in values]))

    def term(self, text: str, number: Any) -> Term:
        """Return a term of its own, with a key that no other has."""
        key = text
        while key in self.numbers:
            key += "′"
        self.numbers[key] = np.asarray(number, dtype=np.float64)
        return Term((Token(text, key),), self.numbers[key])

    def setting(self, name: str, text: str = "", place: int | None = None) -> Term:
        """Return a setting, or a part of one."""
        return self.term(text or name, self.value(name, place))

    def memory(self, text: str, state: str, backwards: Callable[[Any], Any], start: Any = 0.0) -> Term:
        """Return what the optimiser remembered before the step.

        Parameters
        ----------
        text, state
            What it is called here, and by the optimiser.
        backwards
            Works it out from the state after the step.
        start
            What stood there before the first step.
        """
        known, after = self.column(f"{state}.before"), self.column(state)
        unknown = np.where(self.first, start, backwards(after))
        return self.term(text, np.where(np.isnan(known), unknown, known))

    def line(self, symbol: str, term: Term, sentence: str) -> Term:
        """Write a line, and return what it computes."""
        result = self.term(symbol, term.number)
        self.lines.append(Line(symbol, result.tokens[0].key, term.tokens, sentence))
        return result


def _worked_out(rules: Sequence[Rule], columns: Mapping[str, Array]) -> Sheet:
    sheet = Sheet(rules, columns)
    with np.errstate(all="ignore"):  # training may diverge, and what is not known is NaN
        try:
            RULES.get(rules[0].name, _other)(sheet)
        except (KeyError, TypeError):  # an optimiser of the user's, with one of these names and other settings
            sheet = Sheet(rules, columns)
            _other(sheet)
    return sheet


# --- what several rules begin with ------------------------------------------------------------------------------------


def _gradient(sheet: Sheet) -> Term:
    """Return the gradient as an optimiser uses it: turned around, with weight decay."""
    grad = sheet.grad
    if sheet.has("maximize"):
        grad = sheet.line("grad", -grad, "maximize: the gradient is turned around, so that the step goes uphill.")
    if sheet.has("weight_decay") and not sheet.has("decoupled_weight_decay"):
        decayed = grad + sheet.setting("weight_decay") * sheet.w
        grad = sheet.line("grad", decayed, "Weight decay adds a share of w to the gradient, which pulls w towards 0.")
    return grad


def _decayed(sheet: Sheet, lr: Term) -> Term:
    """Return w after weight decay that acts on w itself."""
    if sheet.has("weight_decay") and sheet.has("decoupled_weight_decay"):
        sentence = "Weight decay shrinks w itself and leaves the gradient alone."
        return sheet.line("w", sheet.w - lr * sheet.setting("weight_decay") * sheet.w, sentence)
    return sheet.w


def _average(sheet: Sheet, symbol: str, state: str, kept: Term, grad: Term) -> Term:
    """Write the line of the running average of the gradient, and return it."""
    share, keep = 1 - kept.number, _not_zero(kept.number)
    before = sheet.memory(symbol, state, lambda after: (after - share * grad.number) / keep)
    return sheet.line(symbol, kept * before + (1 - kept) * grad, f"{symbol} is a running average of the gradient.")


def _average_square(sheet: Sheet, symbol: str, state: str, kept: Term, grad: Term) -> Term:
    """Write the line of the running average of the squared gradient, and return it."""
    share, keep, square = 1 - kept.number, _not_zero(kept.number), grad.squared()
    before = sheet.memory(symbol, state, lambda after: np.maximum(after - share * square.number, 0) / keep)
    sentence = f"{symbol} is a running average of the squared gradient."
    return sheet.line(symbol, kept * before + (1 - kept) * square, sentence)


def _not_zero(kept: Any) -> Any:
    """Return what to divide by, to find an average before a step: if nothing of it was kept, it does not matter."""
    return np.where(kept == 0, np.inf, kept)


def _betas(sheet: Sheet) -> tuple[Term, Term]:
    return sheet.setting("betas", "β₁", 0), sheet.setting("betas", "β₂", 1)


def _to_the(sheet: Sheet, text: str, beta: Term) -> Term:
    """Return a beta to the power of the number of steps."""
    return sheet.term(text, beta.number ** sheet.column("step"))


def _corrected(sheet: Sheet, symbol: str, average: Term, beta: Term, power: str) -> Term:
    sentence = f"The average began at 0; {symbol} makes up for it. t counts the steps."
    return sheet.line(symbol, average / (1 - _to_the(sheet, power, beta)), sentence)


# --- the rules --------------------------------------------------------------------------------------------------------


def _by_hand(sheet: Sheet) -> None:
    if sheet.has("rate"):
        sheet.line("w", sheet.w - sheet.setting("rate") * sheet.grad, "The loop itself moves w against its gradient.")
    else:
        change = sheet.term("change", sheet.column("after") - sheet.column("before"))
        sheet.line("w", sheet.w + change, "The loop itself changes w.")


def _unmoved(sheet: Sheet) -> None:
    sheet.line("w", sheet.w, "Nothing has moved w in this step: it stays as it is.")


def _other(sheet: Sheet) -> None:
    change = sheet.term("Δ", sheet.column("after") - sheet.column("before"))
    sheet.line("w", sheet.w + change, "What the optimiser adds to w. Its own rule is not written out here.")


def _sgd(sheet: Sheet) -> None:
    grad, lr = _gradient(sheet), sheet.setting("lr")
    if not sheet.has("momentum"):
        sheet.line("w", sheet.w - lr * grad, "w moves against its gradient, lr times as far.")
        return
    momentum = sheet.setting("momentum")
    after = sheet.column("momentum_buffer")
    # SGD does not count its steps. Its first one puts the gradient into the buffer as it is.
    fresh = np.isnan(sheet.column("momentum_buffer.before")) & np.isclose(after, grad.number, rtol=1e-5, atol=0)
    sheet.first = np.all(fresh, axis=tuple(range(1, np.ndim(fresh))), keepdims=True)
    damped = np.where(sheet.first, 0, sheet.value("dampening")) if sheet.has("dampening") else 0.0
    before = sheet.memory(
        "buffer", "momentum_buffer", lambda after: (after - (1 - damped) * grad.number) / momentum.number
    )
    if sheet.has("dampening"):
        dampening = sheet.term("dampening", damped)
        sentence = "The buffer remembers earlier gradients. In the first step nothing is dampened."
        buffer = sheet.line("buffer", momentum * before + (1 - dampening) * grad, sentence)
    else:
        sentence = "The buffer remembers earlier gradients: each counts momentum times as much a step later."
        buffer = sheet.line("buffer", momentum * before + grad, sentence)
    if sheet.has("nesterov"):
        grad = sheet.line("grad", grad + momentum * buffer, "Nesterov: look ahead to where the buffer leads.")
        sheet.line("w", sheet.w - lr * grad, "w moves against it, lr times as far.")
    else:
        sheet.line("w", sheet.w - lr * buffer, "w moves against the buffer, lr times as far.")


def _adam(sheet: Sheet) -> None:
    grad, lr, (beta1, beta2) = _gradient(sheet), sheet.setting("lr"), _betas(sheet)
    w = _decayed(sheet, lr)
    m = _average(sheet, "m", "exp_avg", beta1, grad)
    v = _average_square(sheet, "v", "exp_avg_sq", beta2, grad)
    m_hat = _corrected(sheet, "m̂", m, beta1, "β₁ᵗ")
    if sheet.has("amsgrad"):
        # Where the largest of earlier steps is not known, it was at most what it is now.
        earlier = sheet.memory("v_max", "max_exp_avg_sq", lambda after: after)
        v = sheet.line("v_max", largest(earlier, v), "amsgrad: the largest v so far, so that steps do not grow again.")
    v_hat = _corrected(sheet, "v̂", v, beta2, "β₂ᵗ")
    step = w - lr * m_hat / (v_hat.root() + sheet.setting("eps", "ε"))
    sheet.line("w", step, "w moves about lr where gradients agree, however large they are.")


def _nadam(sheet: Sheet) -> None:
    grad, lr, (beta1, beta2) = _gradient(sheet), sheet.setting("lr"), _betas(sheet)
    w, t = _decayed(sheet, lr), sheet.column("step")
    m = _average(sheet, "m", "exp_avg", beta1, grad)
    v = _average_square(sheet, "v", "exp_avg_sq", beta2, grad)
    half, decay = Term((Token("0.5"),), 0.5), sheet.value("momentum_decay")

    def share(symbol: str, steps: Any, text: str, sentence: str) -> Term:
        power = sheet.term(f"0.96^({text} · momentum_decay)", 0.96 ** (steps * decay))
        return sheet.line(symbol, beta1 * (1 - half * power), sentence)

    now = share("μ", t, "t", "The share of momentum in step t; it grows towards β₁.")
    ahead = share("μ′", t + 1, "(t + 1)", "The share of momentum in the next step.")
    before = sheet.memory("Π", "mu_product", lambda after: after / now.number, start=1.0)
    product = sheet.line("Π", before * now, "The product of all shares so far.")
    looked = ahead * m / (1 - product * ahead) + (1 - now) * grad / (1 - product)
    m_hat = sheet.line("m̂", looked, "Nesterov: the average as the next step will see it, and the gradient itself.")
    v_hat = _corrected(sheet, "v̂", v, beta2, "β₂ᵗ")
    step = w - lr * m_hat / (v_hat.root() + sheet.setting("eps", "ε"))
    sheet.line("w", step, "w moves about lr where gradients agree, however large they are.")


def _radam(sheet: Sheet) -> None:
    grad, lr, (beta1, beta2) = _gradient(sheet), sheet.setting("lr"), _betas(sheet)
    w, t, eps = _decayed(sheet, lr), sheet.column("step"), sheet.value("eps")
    m = _average(sheet, "m", "exp_avg", beta1, grad)
    v = _average_square(sheet, "v", "exp_avg_sq", beta2, grad)
    m_hat = _corrected(sheet, "m̂", m, beta1, "β₁ᵗ")
    power = beta2.number**t
    long_run = 2 / (1 - beta2.number) - 1
    length = long_run - 2 * t * power / (1 - power)
    trust = np.sqrt((length - 4) * (length - 2) * long_run / ((long_run - 4) * (long_run - 2) * length))
    adapted = np.where(length > 5, trust * np.sqrt(1 - power) / (np.sqrt(v.number) + eps), 1.0)
    sentence = "1 in the first steps, while v is an average of too few; then about 1 / √v, carefully at first."
    rate = sheet.line("r", sheet.term("adapted(v, t)", adapted), sentence)
    sheet.line("w", w - lr * m_hat * rate, "w moves against the average gradient.")


def _adamax(sheet: Sheet) -> None:
    grad, lr, (beta1, beta2) = _gradient(sheet), sheet.setting("lr"), _betas(sheet)
    m = _average(sheet, "m", "exp_avg", beta1, grad)
    before = sheet.memory("u", "exp_inf", lambda after: after / _not_zero(beta2.number))
    size = grad.size() + sheet.setting("eps", "ε")
    u = sheet.line("u", largest(beta2 * before, size), "u is the largest gradient of late.")
    m_hat = _corrected(sheet, "m̂", m, beta1, "β₁ᵗ")
    sheet.line("w", sheet.w - lr * m_hat / u, "w moves at most about lr, however large the gradients are.")


def _adagrad(sheet: Sheet) -> None:
    grad, lr = _gradient(sheet), sheet.setting("lr")
    start = sheet.value("initial_accumulator_value")
    before = sheet.memory("G", "sum", lambda after: np.maximum(after - grad.number**2, 0), start)
    total = sheet.line("G", before + grad.squared(), "G is the sum of all squared gradients so far.")
    if sheet.has("lr_decay"):
        earlier = sheet.term("steps before", sheet.column("step") - 1)
        one = Term((Token("1"),), 1.0)
        lr = sheet.line(
            "lr", lr / (one + earlier * sheet.setting("lr_decay")), "lr_decay makes lr smaller with every step."
        )
    step = sheet.w - lr * grad / (total.root() + sheet.setting("eps", "ε"))
    sheet.line("w", step, "The larger the gradients have been, the smaller the step.")


def _rmsprop(sheet: Sheet) -> None:
    grad, lr, alpha = _gradient(sheet), sheet.setting("lr"), sheet.setting("alpha")
    spread = v = _average_square(sheet, "v", "square_avg", alpha, grad)
    if sheet.has("centered"):
        mean = _average(sheet, "g", "grad_avg", alpha, grad)
        spread = sheet.line("s", v - mean.squared(), "centered: how much the gradient varies around its average.")
    scaled = grad / (spread.root() + sheet.setting("eps", "ε"))
    if not sheet.has("momentum"):
        sheet.line("w", sheet.w - lr * scaled, "The gradient is divided by how large it has been of late.")
        return
    momentum = sheet.setting("momentum")
    before = sheet.memory("buffer", "momentum_buffer", lambda after: (after - scaled.number) / momentum.number)
    sentence = "The gradient, divided by how large it has been of late, joins what is left of earlier ones."
    buffer = sheet.line("buffer", momentum * before + scaled, sentence)
    sheet.line("w", sheet.w - lr * buffer, "w moves against the buffer, lr times as far.")


def _adadelta(sheet: Sheet) -> None:
    grad, lr, rho, eps = _gradient(sheet), sheet.setting("lr"), sheet.setting("rho", "ρ"), sheet.setting("eps", "ε")
    v = _average_square(sheet, "v", "square_avg", rho, grad)
    # Backwards: after = ρ · u + (1 − ρ) · (u + ε) / (v + ε) · grad²
    share = (1 - rho.number) * grad.number**2 / (v.number + eps.number)
    u = sheet.memory("u", "acc_delta", lambda after: np.maximum(after - share * eps.number, 0) / (rho.number + share))
    change = (u + eps).root() / (v + eps).root() * grad
    delta = sheet.line("Δ", change, "The gradient, scaled to the size of the changes so far.")
    sentence = "u is a running average of the squared change; the next step uses it."
    sheet.line("u", rho * u + (1 - rho) * delta.squared(), sentence)
    sheet.line("w", sheet.w - lr * delta, "w moves against it, lr times as far.")


RULES: dict[str, Callable[[Sheet], None]] = {
    BY_HAND: _by_hand,
    UNMOVED: _unmoved,
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": _adam,
    "NAdam": _nadam,
    "RAdam": _radam,
    "Adamax": _adamax,
    "Adagrad": _adagrad,
    "RMSprop": _rmsprop,
    "Adadelta": _adadelta,
}
"""How each optimiser's rule is written, by the name of its class."""
