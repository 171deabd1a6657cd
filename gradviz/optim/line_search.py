"""A line search: how far to go in a direction, so that the loss falls enough and its slope flattens enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

DECREASE, FLATTENING = 1e-4, 0.9  # the constants c1 and c2 of the Wolfe conditions, as everyone chooses them


class Trial(NamedTuple):
    """A place on the line, and what was found there.

    Attributes
    ----------
    length
        How far along the direction it is.
    loss
        The loss there.
    gradient
        Its gradient.
    slope
        The gradient along the direction.
    """

    length: Any
    loss: float
    gradient: np.ndarray[Any, Any]
    slope: Any


def strong_wolfe(
    evaluate: Callable[[Any], Trial],
    start: Trial,
    length: Any,
    steepest: Any,
    most_trials: int,
    tolerance_change: float = 1e-9,
) -> tuple[Trial, int]:
    """Look for a place that satisfies the strong Wolfe conditions.

    First take ever longer steps until such a place must lie in between; then close in on it by cubic interpolation.

    Parameters
    ----------
    evaluate
        Computes the trial at a length.
    start
        The trial at length 0.
    length
        The first to try.
    steepest
        The largest entry of the direction.
    most_trials
        Stop after so many, not counting the first.
    tolerance_change
        Stop when no entry would move by more than this.

    Returns
    -------
    Trial
        The best.
    int
        How many were made.

    References
    ----------
    Nocedal and Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6.
    """

    def too_high(trial: Trial) -> bool:
        return bool(trial.loss > start.loss + DECREASE * trial.length * start.slope)

    def flat_enough(trial: Trial) -> bool:
        return bool(abs(trial.slope) <= -FLATTENING * start.slope)

    previous, trial, trials = start, evaluate(length), 0
    while trials < most_trials:
        if too_high(trial) or (trials > 1 and trial.loss >= previous.loss):
            break
        if flat_enough(trial):
            return trial, trials + 1
        if trial.slope >= 0:
            break
        nearest, farthest = trial.length + 0.01 * (trial.length - previous.length), trial.length * 10
        longer = lowest_of_cubic(previous, trial, nearest, farthest)
        previous, trial, trials = trial, evaluate(longer), trials + 1
    else:
        previous = start

    bracket = [previous, trial]
    low = 0 if previous.loss <= trial.loss else 1
    crept = False
    while trials < most_trials:
        left, right = sorted(end.length for end in bracket)
        if (right - left) * steepest < tolerance_change:
            break
        length = lowest_of_cubic(bracket[0], bracket[1], left, right)
        # A second time close to an end, or on it, is no progress: keep a tenth of the bracket away.
        margin = 0.1 * (right - left)
        close = min(right - length, length - left) < margin
        if close and (crept or length >= right or length <= left):
            length = right - margin if abs(length - right) < abs(length - left) else left + margin
            close = False
        crept = bool(close)

        trial, trials = evaluate(length), trials + 1
        if too_high(trial) or trial.loss >= bracket[low].loss:
            bracket[1 - low] = trial
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if flat_enough(trial):
            return trial, trials + 1
        if trial.slope * (bracket[1 - low].length - bracket[low].length) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = trial
    return bracket[low], trials + 1


def lowest_of_cubic(one: Trial, other: Trial, nearest: Any, farthest: Any) -> Any:
    """Return where the cubic through two trials, with their slopes, is lowest; within bounds.

    References
    ----------
    Nocedal and Wright, "Numerical optimization" (2006), equation 3.59.
    """
    left, right = (one, other) if one.length <= other.length else (other, one)
    d1 = one.slope + other.slope - 3 * (one.loss - other.loss) / (one.length - other.length)
    square = d1**2 - one.slope * other.slope
    if not square >= 0:
        return (nearest + farthest) / 2
    d2 = np.sqrt(square)
    lowest = right.length - (right.length - left.length) * (
        (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
    )
    return min(max(lowest, nearest), farthest)
