"""Exercises that check themselves: predict, then see.

The answer stands in the learner's own cell, so a notebook keeps what has been solved: run its cells, and what was solved is
solved again. Nothing here tells an answer that was not given or asked for. A wrong answer gets a hint, another one the next;
when all hints are told, it is said how to ask for the answer.

>>> import gradviz as gv
>>> x = gv.tensor(3.0, requires_grad=True)
>>> y = x**2
>>> gv.check.gradient("6", of=y, to=x)
✓ Right: ∂y/∂x = 6.
>>> gv.check.gradient(..., of=y, to=x)
Not answered yet: put your prediction in place of the dots.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import string
import sys
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gradviz.engine.advice import SECOND_TIME
from gradviz.engine.backward import grad
from gradviz.engine.modes import no_grad
from gradviz.engine.numerals import number
from gradviz.engine.tensor import Tensor
from gradviz.recording import record_graph, variables_of
from gradviz.recording.model import Argument, Graph

__all__ = ["choice", "gradient", "progress", "shape", "value"]

UNANSWERED = "Not answered yet: put your prediction in place of the dots."
SLACK = 0.01
"""How far a number may be off, as a share of the right one: learners round."""

SHOWN_WAYS, SHOWN_STEPS = 3, 10
"""How many ways a hint tells of, and how many operations of each."""

_solved: dict[str, bool] = {}
_tries: dict[str, int] = {}


def gradient(answer: Any, *, of: Tensor, to: Tensor, hints: Sequence[str] = (), reveal: bool = False) -> None:
    """Check a prediction of a gradient.

    Parameters
    ----------
    answer
        A number, a fraction as text (``"1/3"``), a list or tensor of the gradient's shape; ``...`` for no answer yet.
        Axes of length 1 need not be written.
    of, to
        What is differentiated, and with respect to what. Both stay as they are.
    hints
        What to say after the first wrong answer, the second, ...; by default what lies on the way back.
    reveal
        Tell the answer.

    Raises
    ------
    TypeError
        If `of` or `to` is not a tensor. An answer that cannot be read raises nothing: what is wrong with it is printed.

    Examples
    --------
    >>> import gradviz as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.check.gradient(..., of=x**2, to=x)
    Not answered yet: put your prediction in place of the dots.
    >>> y = x**2
    >>> torch.check.gradient(6, of=y, to=x)
    ✓ Right: ∂y/∂x = 6.
    """
    for argument, given in (("of", of), ("to", to)):
        if not isinstance(given, Tensor):
            raise TypeError(f"{argument} is a tensor of the computation, but got {type(given).__name__}")
    scopes = variables_of(sys._getframe(1))
    names = _names(scopes, of, to)
    what = f"∂{names[0]}/∂{names[1]}"
    try:
        (right,) = grad(of, to, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        if not str(error).startswith(SECOND_TIME):
            raise
        _say(
            what,
            False,
            f"✗ backward() has used up the graph of {names[0]}: compute it anew, and check before backward().",
        )
        return
    with no_grad():
        expected = np.zeros(to.shape) if right is None else np.asarray(right.detach().numpy(), np.float64)
    _judge(what, answer, expected, lambda: hints or _hints(of, to, names, scopes), reveal, "gradient")


def value(
    answer: Any, expected: Any, *, name: str = "the value", hints: Sequence[str] = (), reveal: bool = False
) -> None:
    """Check a prediction of a number or a tensor.

    Parameters
    ----------
    answer
        As for `gradient`.
    expected
        The right one: a number, list or tensor; or a function that works it out.
    name
        What is asked for.
    hints
        What to say after the first wrong answer, the second, ...
    reveal
        Tell the answer.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.check.value(7, lambda: torch.tensor(3.0) + 4, name="the sum")
    ✓ Right: the sum = 7.
    """
    right = expected() if callable(expected) else expected
    told = hints or ["Write it out with its numbers, one step at a time."]
    _judge(name, answer, _array(right), lambda: told, reveal, "value")


def shape(
    answer: Any,
    of: Tensor,
    *,
    name: str = "the shape",
    hint: str = "A gradient has the shape of its tensor.",
    reveal: bool = False,
) -> None:
    """Check a prediction of a shape: ``(3, 2)``, ``"3×2"``.

    Parameters
    ----------
    answer
        The lengths of the axes; ``...`` for no answer yet.
    of
        The tensor whose shape is asked for.
    name
        What is asked for.
    hint
        What to say after the first wrong answer.
    reveal
        Tell the answer.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.check.shape((3, 2), of=torch.ones(3, 2))
    ✓ Right: the shape is 3×2.
    """
    right = tuple(of.shape)
    written = "×".join(map(str, right)) or "()"
    if reveal:
        _say(name, False, f"{name} is {written}.")
    elif _blank(answer):
        _say(name, False, UNANSWERED)
    elif not re.fullmatch(r"(torch\.Size)?[\d\s,×x()\[\]]+", str(answer)):
        _say(name, False, f"✗ {answer!r} is not a shape: write it like (3, 2).")
    elif (given := tuple(int(part) for part in re.findall(r"\d+", str(answer)))) == right:
        _say(name, True, f"✓ Right: {name} is {written}.")
    else:
        axes = f" It has {len(right)} ax{'is' if len(right) == 1 else 'es'}." if len(given) != len(right) else ""
        _wrong(name, f"Not quite.{axes}", [hint], "shape")


def choice(
    answer: Any,
    *,
    key: str,
    name: str = "your choice",
    letters: str = "abc",
    hint: str = "Try it, in a cell of your own.",
    reveal: bool = False,
) -> None:
    """Check a choice among letters, of which the right one is only known by its `key`.

    Parameters
    ----------
    answer
        A letter in quotes, ``"a"``; ``"..."`` for no answer yet.
    key
        `key_of` the right letter.
    name
        What is asked for.
    letters
        All that there is to choose from. Another letter is no try.
    hint
        What to say after the first wrong answer.
    reveal
        Tell the answer.

    Examples
    --------
    >>> import gradviz as torch
    >>> key = torch.check.key_of("your choice", "b")
    >>> torch.check.choice("b", key=key)
    ✓ Right: b.
    """
    letter = str(answer).strip(" ().").lower()
    if reveal:
        right = (one for one in string.ascii_lowercase if key_of(name, one) == key)
        _say(name, False, f"{name}: {next(right, 'no letter has this key')}")
    elif _blank(answer):
        _say(name, False, UNANSWERED)
    elif len(letter) != 1 or not letter.isalpha():
        _say(name, False, f"✗ {answer!r} is not one of the letters: write it like 'a'.")
    elif key_of(name, letter) == key:
        _say(name, True, f"✓ Right: {letter}.")
    elif letter not in letters:
        _say(name, False, f"✗ {answer!r} is not among the answers: choose {', '.join(letters[:-1])} or {letters[-1]}.")
    else:
        _wrong(name, "Not that one.", [hint], "choice")


def key_of(name: str, letter: str) -> str:
    """Return the key by which `choice` knows a letter without telling it."""
    return hashlib.sha256(f"{name}:{letter}".encode()).hexdigest()[:8]


def progress() -> None:
    """Say which of the exercises that have been run are solved.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.check.shape((2,), of=torch.ones(2), name="a row")
    ✓ Right: a row is 2.
    >>> torch.check.progress()  # doctest: +SKIP
    1 of 1 solved
      ✓ a row
    """
    if not _solved:
        print("No exercise has been answered yet. Run their cells.")
        return
    print(f"{sum(_solved.values())} of {len(_solved)} solved")
    for name, solved in _solved.items():
        print(f"  {'✓' if solved else '·'} {name}")


# --- judging -----------------------------------------------------------------------------------------------------------


def _judge(
    what: str, answer: Any, right: np.ndarray, hints: Callable[[], Sequence[str]], reveal: bool, form: str
) -> None:
    written = number(right.item()) if right.ndim == 0 else np.array2string(right, precision=4, separator=", ")
    if reveal:
        _say(what, False, f"{what} = {written}")
        return
    if _blank(answer):
        _say(what, False, UNANSWERED)
        return
    try:
        given = _array(answer)
    except (TypeError, ValueError) as error:
        _say(what, False, f"✗ {error}.")
        return
    if given.size != 1 and given.squeeze().shape != right.squeeze().shape:
        _say(what, False, f"✗ {what} {_shape_text(right)}, and your answer {_shape_text(given)}.")
        return
    given = np.full(right.shape, given.item()) if given.size == 1 else given.reshape(right.shape)
    close = np.isclose(given, right, rtol=SLACK, atol=1e-6) | (np.isnan(given) & np.isnan(right))
    if close.all():
        _say(what, True, f"✓ Right: {what} = {written}.")
        return
    how = ""
    if right.size > 1:
        wrong = int((~close).sum())
        how = f" {wrong} of {right.size} entries {'is' if wrong == 1 else 'are'} not right."
    elif np.isclose(given, -right, rtol=SLACK).all():
        how = " The sign is the other one."
    _wrong(what, f"Not quite.{how}", hints(), form)


def _wrong(what: str, verdict: str, hints: Sequence[str], form: str) -> None:
    """Say that an answer is wrong, with as many hints as there were tries; after all of them, how to ask for the answer."""
    _tries[what] = _tries.get(what, 0) + 1
    lines = [f"✗ {verdict}", *(f"  Hint: {hint}" for hint in hints[: _tries[what]])]
    if _tries[what] > len(hints):
        lines.append(f"  To be told the answer, put reveal=True last in the brackets: check.{form}(..., reveal=True)")
    _say(what, False, "\n".join(lines))


def _say(what: str, solved: bool, text: str) -> None:
    _solved[what] = solved or _solved.get(what, False)
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():  # there what is printed is not among a cell's outputs
        marimo.output.append(marimo.plain_text(text))
    else:
        print(text)


def _blank(answer: Any) -> bool:
    """Whether dots are left: all of the answer, or a part of it."""
    if isinstance(answer, str):
        return answer.strip() in ("...", "…")
    return answer is ... or (isinstance(answer, list | tuple) and any(map(_blank, answer)))


def _array(answer: Any) -> np.ndarray:
    """Read an answer: numbers, fractions as text, lists of them, tensors."""
    if isinstance(answer, Tensor):
        return np.asarray(answer.detach().numpy(), np.float64)
    if isinstance(answer, list | tuple):
        parts = [_array(part) for part in answer]
        if len({part.shape for part in parts}) > 1:
            raise ValueError("The rows of your answer are not equally long")
        return np.array(parts)
    if isinstance(answer, str):
        text = answer.strip().replace("−", "-").replace(" ", "")
        try:
            return np.array(float(Fraction(text)))
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"{answer!r} is not a number: write it like 2.5, or like '1/3'") from None
    if isinstance(answer, bool | int | float | Fraction | np.generic | np.ndarray):
        return np.asarray(answer, np.float64)
    raise TypeError(f"An answer is a number, a fraction as text, or a list of them, but got {type(answer).__name__}")


def _shape_text(array: np.ndarray) -> str:
    return f"has shape {'×'.join(map(str, array.shape))}" if array.ndim else "is one number"


# --- names and hints ---------------------------------------------------------------------------------------------------


def _names(scopes: Sequence[Mapping[str, Any]], of: Tensor, to: Tensor) -> tuple[str, str]:
    """What the learner calls these tensors; where no variable holds them, a name that no other tensor has."""

    def name(tensor: Tensor, *fallbacks: str) -> str:
        variables = [item for scope in scopes for item in list(scope.items())]
        own = (name for name, held in variables if held is tensor and name[0] != "_")
        taken = {name for name, held in variables if isinstance(held, Tensor)}
        return next(own, next((one for one in fallbacks if one not in taken), fallbacks[-1]))

    return name(of, "y", "result"), name(to, "x", "input")


def _hints(of: Tensor, to: Tensor, names: tuple[str, str], scopes: Sequence[Mapping[str, Any]]) -> list[str]:
    """First which operations lie between, then their local derivatives: taken from the recorded graph."""
    graph = record_graph(of, backward=False, names={names[0]: of, names[1]: to}, variables=scopes).graph
    start = next((tensor.id for tensor in graph.tensors if tensor.name == names[1]), "")
    ways, many, steps = _ways(graph, start)
    if not steps:
        return [f"{names[0]} does not depend on {names[1]} at all."]
    if many == 1:
        first = f"On the way from {names[1]} to {names[0]} there is {ways[0]}."
    else:
        count = str(many) if many < 100 else "many"
        listed = f": {'; '.join(ways)}" if many == len(ways) else f"; one of them is {ways[0]}"
        first = f"There are {count} ways from {names[1]} to {names[0]}{listed}. Add what comes back along each."
    known = [argument for argument in steps if argument.local]
    if not known:
        return [first]
    if many == 1 and sum(argument.local != "1" for argument in known) <= 1:  # its number would be the answer
        shown = [argument.local for argument in known]
    else:
        shown = [" = ".join(filter(None, (argument.local, argument.local_number))) for argument in known]
    if len(shown) == 1:
        return [first, f"The local derivative on the way is {shown[0]}."]
    if len(shown) > 8:
        shown = [*shown[:8], "…"]
    return [first, f"The local derivatives on the way are {', '.join(shown)}: multiply along a way, add over ways."]


def _ways(graph: Graph, start: str) -> tuple[list[str], int, list[Argument]]:
    """The first few ways from a tensor to the result in words, how many there are, and the edges that they take."""
    # A way is its last operation and the way up to there: ways that begin alike share their beginnings.
    ways: dict[str, list[Any]] = {start: [None]}
    count = {start: 1}
    steps = []
    for operation in graph.operations:
        taken = [argument for argument in operation.inputs if argument.tensor in count]
        steps += taken
        for output in operation.outputs if taken else ():
            ways[output] = [(operation.symbol, way) for argument in taken for way in ways[argument.tensor]][:SHOWN_WAYS]
            count[output] = sum(count[argument.tensor] for argument in taken)
    end = next(tensor.id for tensor in graph.tensors if tensor.role == "output")
    return [_in_words(way) for way in ways.get(end, ())], count.get(end, 0), steps


def _in_words(way: Any) -> str:
    """Name the operations of a way in order: what comes often in a row once, and of a long way the two ends."""
    symbols = []
    while way is not None:
        symbol, way = way
        symbols.append(symbol)
    rows = [(symbol, len(list(row))) for symbol, row in itertools.groupby(reversed(symbols))]
    words = [f"{symbol} ({times} times)" if times > 1 else symbol for symbol, times in rows]
    if len(words) > SHOWN_STEPS:
        words = [*words[: SHOWN_STEPS // 2], "…", *words[-SHOWN_STEPS // 2 :]]
    return " then ".join(words)


def _forget() -> None:
    """Start over, for tests."""
    _solved.clear()
    _tries.clear()
