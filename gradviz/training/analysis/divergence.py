"""Why a run of plain gradient descent diverges: its steps are longer than the curvature of its loss allows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.engine.numerals import number
from gradviz.training.analysis.rules import hand_rate
from gradviz.training.analysis.surface import far_above
from gradviz.training.run import Run
from gradviz.training.run.log import Entry, Large, ParameterEntry
from gradviz.training.run.model import BY_HAND

Array = np.ndarray[Any, Any]

LOOKED_AT = 20
"""Steps at the beginning of a run in which the curvature is looked for."""


def why_it_diverged(run: Run) -> str:
    """Say why a run diverged, if its learning rate was too large for the curvature that it met.

    Along its own way the curvature of a loss is how much the gradient changes for each unit of the step: with `g` the gradients and
    `w` the values of two steps, one after the other, ``(g2 − g1) · (w2 − w1) / ‖w2 − w1‖²``. Gradient descent on a parabola goes
    farther beyond the minimum with every step, if its learning rate is more than 2 / curvature.

    Returns
    -------
    str
        A sentence; nothing where the run does not diverge, where its rule is another one (momentum, Adam), or where its gradients
        are not those of the loss at one place.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> with torch.record() as run:
    ...     for epoch in range(6):
    ...         w.grad = None
    ...         (20.0 * w**2).backward()
    ...         w.data -= 0.075 * w.grad
    >>> why_it_diverged(run)
    'The learning rate 0.075 is more than 2 / curvature = 0.05: each step ends farther beyond the minimum than it began before it.'
    """
    far = far_above(run.losses)
    if len(run) < 3 or not far[-1]:
        return ""
    # Far from where it began the curvature is that of another place.
    near = [entry for entry in run.log.entries[:LOOKED_AT] if entry.index < 2 or not far[entry.index]]
    found = [_curvature(*pair) for pair in pairwise(near)]
    known = [pair for pair in found if pair is not None]
    if not known:
        return ""
    rate = known[0][0]
    curvature = float(np.median([bent for _, bent in known]))
    if any(other != rate for other, _ in known) or not rate * curvature > 2:
        return ""
    return text("diverged", "training", rate=number(rate), limit=number(2 / curvature, 3))


def _curvature(first: Entry, second: Entry) -> tuple[float, float] | None:
    """Return the learning rate of a step, and the curvature between it and the next one."""
    if second.index != first.index + 1 or first.program != second.program or first.earlier or second.earlier:
        return None
    rates = {_rate(part) for part in first.parameters.values()}
    if len(rates) != 1 or None in rates:
        return None
    ways: list[Array] = []
    bends: list[Array] = []
    for name, part in first.parameters.items():
        following = second.parameters.get(name)
        numbers = None if following is None else (part.before, following.before, part.gradient, following.gradient)
        if numbers is None or any(one is None or isinstance(one, Large) for one in numbers):
            return None
        w1, w2, g1, g2 = (np.asarray(one, dtype=np.float64).ravel() for one in numbers)
        ways.append(w2 - w1)
        bends.append(g2 - g1)
    way, bent = np.concatenate(ways), np.concatenate(bends)
    with np.errstate(all="ignore"):
        curvature = float(way @ bent / (way @ way))
    (rate,) = rates
    return (float(rate), curvature) if rate is not None and np.isfinite(curvature) else None


def _rate(part: ParameterEntry) -> float | None:
    """Return the learning rate of plain gradient descent; ``None`` for any other rule."""
    if part.rule.name == BY_HAND:
        if any(one is None or isinstance(one, Large) for one in (part.before, part.gradient, part.after)):
            return None
        return hand_rate(np.asarray(part.before), np.asarray(part.gradient), np.asarray(part.after))
    settings = part.rule.settings
    plain = part.rule.name == "SGD" and not any(settings.get(name) for name in ("momentum", "weight_decay", "maximize"))
    return float(settings["lr"]) if plain else None
