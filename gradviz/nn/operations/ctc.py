"""Connectionist temporal classification: all the ways in which a sequence can be read as a shorter one, at once.

A reading says a label or "blank" at each step; repeated labels count once, then blanks are dropped. So a target ``ab`` is
laid out as ``_a_b_``, and a reading walks through this from left to right: at each step it stays, goes on by one, or by two
where that skips a blank between two different labels. The probability of arriving somewhere is a sum over where one came
from, which is carried along step by step, once from the front (alpha) and once from the back (beta).

Graves et al., "Connectionist temporal classification" (2006).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import not_differentiable


class _Walk:
    """A batch of targets laid out with blanks between, and what each step says about their places.

    Parameters
    ----------
    log_probs
        Of shape (T, N, C).
    targets
        Of shape (N, S).
    input_lengths, target_lengths
        Of shape (N).
    blank
        The number of the class "blank".
    """

    def __init__(
        self,
        log_probs: np.ndarray,
        targets: np.ndarray,
        input_lengths: np.ndarray,
        target_lengths: np.ndarray,
        blank: int,
    ) -> None:
        self.log_probs, self.input_lengths = log_probs, input_lengths
        count, longest = targets.shape
        self.places = np.full((count, 2 * longest + 1), blank)
        self.places[:, 1::2] = targets
        self.ends = 2 * target_lengths
        # One may go on by two where that skips a blank between two different labels.
        self.skips = np.zeros(self.places.shape, bool)
        self.skips[:, 2:] = (self.places[:, 2:] != blank) & (self.places[:, 2:] != self.places[:, :-2])
        self.emitted = np.take_along_axis(log_probs, self.places[None], 2)  # (T, N, places)

    def forwards(self) -> np.ndarray:
        """Return alpha: the log-probability of everything up to a step that ends in a place (T, N, places)."""
        alpha = np.full_like(self.emitted, -np.inf)
        alpha[:1, :, :2] = self.emitted[:1, :, :2]
        alpha[:1, self.ends == 0, 1:] = -np.inf
        for step in range(1, len(alpha)):
            before = alpha[step - 1]
            by_two = np.where(self.skips, _moved(before, 2), -np.inf)
            alpha[step] = np.logaddexp(np.logaddexp(before, _moved(before, 1)), by_two) + self.emitted[step]
        return alpha

    def backwards(self) -> np.ndarray:
        """Return beta: the log-probability of everything from a step on that starts in a place."""
        beta = np.full_like(self.emitted, -np.inf)
        # From the last place, or from the last label.
        place = np.arange(self.places.shape[1])
        final = (place == self.ends[:, None]) | (place == self.ends[:, None] - 1)
        for step in range(len(beta))[::-1]:
            if step + 1 < len(beta):
                after = beta[step + 1]
                by_two = _moved(np.where(self.skips, after, -np.inf), -2)
                beta[step] = np.logaddexp(np.logaddexp(after, _moved(after, -1)), by_two) + self.emitted[step]
            last = self.input_lengths == step + 1
            beta[step, last] = np.where(final, self.emitted[step], -np.inf)[last]
        return beta

    def loss(self, alpha: np.ndarray) -> np.ndarray:
        """Return −log of the probability that the sequence is read as the target, for each example."""
        examples = np.arange(len(self.ends))
        arrived = alpha[np.maximum(self.input_lengths, 1) - 1, examples]
        end = arrived[examples, self.ends]
        label = np.where(self.ends > 0, arrived[examples, self.ends - 1], -np.inf)
        of_nothing = np.where(self.ends > 0, np.inf, 0.0)  # no steps read as no labels, and as nothing else
        return np.where(self.input_lengths > 0, -np.logaddexp(end, label), of_nothing).astype(alpha.dtype)


def _moved(row: np.ndarray, by: int) -> np.ndarray:
    """Move what stands in places along; what comes in is impossible."""
    moved = np.full_like(row, -np.inf)
    if by > 0:
        moved[:, by:] = row[:, :-by]
    else:
        moved[:, :by] = row[:, -by:]
    return moved


def _ctc(
    log_probs: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    blank: int,
    zero_infinity: bool,
) -> np.ndarray:
    walk = _Walk(log_probs, targets, input_lengths, target_lengths, blank)
    loss = walk.loss(walk.forwards())
    return loss


def _ctc_back(
    grad: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int, zero_infinity: bool
) -> Any:
    settings = targets, input_lengths, target_lengths, blank, zero_infinity
    return (_slope if isinstance(log_probs, np.ndarray) else _recorded_slope)(grad, log_probs, *settings)


def _slope(
    grad: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int, zero_infinity: bool
) -> Any:
    walk = _Walk(log_probs, targets, input_lengths, target_lengths, blank)
    alpha = walk.forwards()
    loss = walk.loss(alpha)
    # How likely it is that the reading is in a place at a step (what is emitted there is in alpha and in beta).
    with np.errstate(invalid="ignore"):
        inside = np.exp(alpha + walk.backwards() - walk.emitted + loss[:, None])
    steps, count, _ = log_probs.shape
    said = np.zeros_like(log_probs)
    step, example = np.ogrid[:steps, :count]
    np.add.at(said, (step[..., None], example[..., None], walk.places[None]), np.nan_to_num(inside))
    gradient = (np.exp(log_probs) - said) * grad[:, None]
    gradient = np.where(np.arange(steps)[:, None, None] < input_lengths[:, None], gradient, 0)
    gradient[:, np.isnan(loss)] = np.nan
    gradient[:, np.isinf(loss)] = 0 if zero_infinity else np.nan
    return np.where(np.arange(steps)[:, None, None] < input_lengths[:, None], gradient, 0)


_recorded_slope = not_differentiable(
    "_ctc_loss_backward",
    "CTC ∂",
    _slope,
    "grad log_probs",
    "targets input_lengths target_lengths blank zero_infinity",
)
ctc_loss = general(
    "ctc_loss",
    "CtcLossBackward0",
    "CTC",
    _ctc,
    "log_probs",
    {"log_probs": _ctc_back},
    settings="targets input_lengths target_lengths blank zero_infinity",
    tensors="targets",
    expression="ctc(log_probs)",
    local={"log_probs": "ctc_back(grad, log_probs)"},
)
