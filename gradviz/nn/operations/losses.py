"""Losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import advice
from gradviz.engine.arguments import promoting
from gradviz.engine.layout import as_operands, in_rows
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import not_differentiable, recorded
from gradviz.engine.operations.piecewise import straight
from gradviz.nn.operations import activations
from gradviz.nn.operations.activations import sigma
from gradviz.nn.operations.ctc import ctc_loss as ctc_loss

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
"""How PyTorch numbers the ways to reduce a loss."""


def _reduce(losses: np.ndarray, reduction: int) -> np.ndarray:
    if reduction == 0:
        return losses
    total = np.add.reduce(losses, axis=None)
    return total / losses.dtype.type(losses.size) if reduction == 1 else total


def _per_entry(self: np.ndarray, reduction: int) -> float:
    """Return how much of the loss one entry makes up."""
    return 1 / max(np.size(self), 1) if reduction == 1 else 1.0


mse_loss = general(
    "mse_loss",
    "MseLossBackward0",
    "MSE",
    as_operands(promoting(2, lambda self, target, reduction: _reduce((self - target) ** 2, reduction))),
    "self target",
    {
        "self": lambda grad, self, target, reduction: grad * ((self - target) * (2 * _per_entry(self, reduction))),
        "target": lambda grad, self, target, reduction: grad * ((target - self) * (2 * _per_entry(self, reduction))),
    },
    settings="reduction",
    expression="mse(self, target)",
    local={"self": "2 * (self - target) / n", "target": "2 * (target - self) / n"},
)


smooth_l1_loss = general(
    "smooth_l1_loss",
    "SmoothL1LossBackward0",
    "smooth L1",
    as_operands(
        promoting(2, lambda self, target, reduction, beta: _reduce(_smooth_l1(np.abs(self - target), beta), reduction))
    ),
    "self target",
    {
        "self": lambda grad, self, target, reduction, beta: (
            grad * (_smooth_l1_slope(self - target, beta) * _per_entry(self, reduction))
        ),
        "target": lambda grad, self, target, reduction, beta: (
            grad * (_smooth_l1_slope(target - self, beta) * _per_entry(self, reduction))
        ),
    },
    settings="reduction beta",
    expression="smooth_l1(self, target)",
    local={"self": "clip((self - target) / beta, -1, 1) / n", "target": "clip((target - self) / beta, -1, 1) / n"},
)


def _smooth_l1(distance: np.ndarray, beta: float) -> np.ndarray:
    return np.where(distance < beta, 0.5 * distance * distance / beta, distance - 0.5 * beta)


def _smooth_l1_slope(difference: Any, beta: float) -> Any:
    return np.where(difference <= -beta, -1, np.where(difference >= beta, 1, difference / beta))


huber_loss = general(
    "huber_loss",
    "HuberLossBackward0",
    "Huber",
    as_operands(
        lambda self, target, reduction, delta: _reduce(_huber(np.abs(self - target), delta), reduction).astype(
            self.dtype
        )
    ),
    "self target",
    {
        "self": lambda grad, self, target, reduction, delta: (
            grad * (_huber_slope(self - target, delta) * _per_entry(self, reduction))
        ),
        "target": lambda grad, self, target, reduction, delta: (
            grad * (_huber_slope(target - self, delta) * _per_entry(self, reduction))
        ),
    },
    settings="reduction delta",
    expression="huber(self, target)",
    local={"self": "clip(self - target, -delta, delta) / n", "target": "clip(target - self, -delta, delta) / n"},
)


def _huber(distance: np.ndarray, delta: float) -> np.ndarray:
    return np.where(distance <= delta, 0.5 * distance * distance, delta * (distance - 0.5 * delta))


def _huber_slope(difference: Any, delta: float) -> Any:
    return np.where(difference < -delta, -delta, np.where(difference > delta, delta, difference))


def _weighted(losses: Any, weight: np.ndarray | None) -> Any:
    return losses if weight is None else losses * weight


def _bce(self: np.ndarray, target: np.ndarray, weight: np.ndarray | None, reduction: int) -> np.ndarray:
    # PyTorch stops the logarithm at −100, so that a prediction of exactly 0 or 1 gives a finite loss.
    losses = -(target * np.maximum(np.log(self), -100) + (1 - target) * np.maximum(np.log1p(-self), -100))
    return _reduce(_weighted(losses, weight), reduction).astype(self.dtype)


binary_cross_entropy = general(
    "binary_cross_entropy",
    "BinaryCrossEntropyBackward0",
    "BCE",
    as_operands(_bce),
    "self target",
    {
        "self": lambda grad, self, target, weight, reduction: (
            grad
            * _weighted((self - target) / np.maximum(self * (1 - self), 1e-12) * _per_entry(self, reduction), weight)
        ),
        "target": lambda grad, self, target, weight, reduction: (
            grad * _weighted((np.log1p(-self) - np.log(self)) * _per_entry(self, reduction), weight)
        ),
    },
    settings="weight reduction",
    tensors="weight",
    expression="bce(self, target)",
    local={
        "self": "weight * (self - target) / (self * (1 - self)) / n",
        "target": "weight * (log(1 - self) - log(self)) / n",
    },
)


def _log_sigma(x: Any) -> Any:
    """Return the logarithm of the sigmoid of an array or, recorded, of a tensor."""
    if isinstance(x, np.ndarray | np.generic):
        return activations.log_sigmoid.operation.forward(x)  # type: ignore[attr-defined]
    return activations.log_sigmoid(x)


@as_operands  # (of which the target comes first)
def _bce_with_logits(
    target: np.ndarray, self: np.ndarray, weight: np.ndarray | None, pos_weight: np.ndarray | None, reduction: int
) -> np.ndarray:
    scale = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    losses = _weighted((1 - target) * self - scale * _log_sigma(self), weight)
    return _reduce(losses, reduction).astype(np.result_type(self, target))


def _logits_slope(self: Any, target: Any, pos_weight: np.ndarray | None) -> Any:
    if pos_weight is None:
        return sigma(self) - target
    hits = target * pos_weight
    return (hits + 1 - target) * sigma(self) - hits


def _logits_target_slope(self: Any, pos_weight: np.ndarray | None) -> Any:
    return -self if pos_weight is None else _log_sigma(-self) - _log_sigma(self) * pos_weight


binary_cross_entropy_with_logits = general(
    "binary_cross_entropy_with_logits",
    "BinaryCrossEntropyWithLogitsBackward0",
    "BCE σ",
    lambda self, target, *settings: _bce_with_logits(target, self, *settings),
    "self target",
    {
        "self": lambda grad, self, target, weight, pos_weight, reduction: (
            grad * _weighted(_logits_slope(self, target, pos_weight) * _per_entry(self, reduction), weight)
        ),
        "target": lambda grad, self, target, weight, pos_weight, reduction: (
            grad * _weighted(_logits_target_slope(self, pos_weight) * _per_entry(self, reduction), weight)
        ),
    },
    settings="weight pos_weight reduction",
    tensors="weight pos_weight",
    expression="bce_with_logits(self, target)",
    local={
        "self": "weight * (sigmoid(self) - target if pos_weight is None else "
        "(1 - target + pos_weight * target) * sigmoid(self) - pos_weight * target) / n",
        "target": "weight * (-self if pos_weight is None else log(sigmoid(-self)) - pos_weight * log(sigmoid(self))) / n",
    },
)
soft_margin_loss = general(
    "soft_margin_loss",
    "SoftMarginLossBackward0",
    "soft margin",
    as_operands(
        lambda self, target, reduction: _reduce(np.log1p(np.exp(-(target * self))), reduction).astype(self.dtype)
    ),
    "self",
    {
        "self": lambda grad, self, target, reduction: (
            grad * (sigma(-(self * target)) * (target * -_per_entry(self, reduction)))
        )
    },
    settings="target reduction",
    tensors="target",
    expression="soft_margin(self, target)",
    local={"self": "-target * sigmoid(-target * self) / n"},
)


def _hits(self: Any, target: np.ndarray, axis: int) -> np.ndarray:
    """Return, for scores with an axis of classes, a 1 at the right class of each and 0 elsewhere."""
    classes = np.shape(self)[axis]
    shape = [1] * np.ndim(self)
    shape[axis] = classes
    return (np.arange(classes).reshape(shape) == np.expand_dims(target, axis)) * 1.0


def _class_axis(self: Any) -> int:
    return 0 if np.ndim(self) == 1 else 1


def _target_weight(self: Any, target: np.ndarray, weight: np.ndarray | None, ignore_index: int) -> np.ndarray:
    """Return how much each target counts: nothing if it is to be ignored, else the weight of its class."""
    counts = target != ignore_index
    return counts * 1.0 if weight is None else np.where(counts, weight[np.where(counts, target, 0)], 0)


def _nll(
    self: np.ndarray, target: np.ndarray, weight: np.ndarray | None, reduction: int, ignore_index: int
) -> np.ndarray:
    axis = _class_axis(self)
    counts = target != ignore_index
    wrong = target[counts & ((target < 0) | (target >= self.shape[axis]))]
    if wrong.size:
        raise IndexError(advice.class_out_of_bounds(f"Target {wrong[0]} is out of bounds.", self.shape[axis]))
    places = np.where(counts, target, 0)
    if self.ndim == 2:
        picked = self[np.arange(len(self)), places]
    else:
        picked = np.take_along_axis(self, np.expand_dims(places, axis), axis).squeeze(axis)
    share = _target_weight(self, target, weight, ignore_index).astype(self.dtype)
    losses = np.where(counts, -picked * share, self.dtype.type(0))
    if reduction == 0:
        return losses
    total = np.add.reduce(losses, axis=None)
    return total / np.add.reduce(share, axis=None) if reduction == 1 else total


def _nll_back(grad: Any, self: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    axis = _class_axis(self)
    share = _target_weight(self, target, weight, ignore_index)
    if reduction == 1:
        share = share / (np.sum(share) or 1)  # with nothing but ignored targets, no gradient flows
    if reduction == 0:
        grad = np.expand_dims(grad, axis)
    hits = (_hits(self, target, axis) > 0) & np.expand_dims(target != ignore_index, axis)
    return np.where(hits, grad * -np.expand_dims(share, axis), 0)


_NLL: dict[str, Any] = {
    "symbol": "NLL",
    "forward": in_rows(_nll),
    "inputs": "self",
    "settings": "target weight reduction ignore_index",
    "tensors": "target weight",
    "expression": "nll(self, target)",
    "local": {"self": "each(grad, self) * (-w / rows if at_target(self, target) else 0)"},
}


def _nll_loss(name: str, grad_fn: str) -> Any:
    back = straight(
        f"{name}_backward",
        grad_fn.replace("Backward", "BackwardBackward"),
        _nll_back,
        lambda grad, target, weight, reduction, ignore_index: recorded(loss)(
            grad, target, weight, reduction, ignore_index
        ),
        local=f"{name}(grad)",
    )
    loss = general(name, grad_fn, derivatives={"self": back}, **_NLL)
    return loss


nll_loss = _nll_loss("nll_loss", "NllLossBackward0")
nll_loss_2d = _nll_loss("nll_loss2d", "NllLoss2DBackward0")


def _multi_margin(
    self: np.ndarray, target: np.ndarray, p: int, margin: float, weight: np.ndarray | None, reduction: int
) -> np.ndarray:
    excess, right, share = _excess(self, target, margin, weight)
    losses = np.add.reduce(np.where((excess > 0) & ~right, excess**p * share, 0), axis=-1, dtype=self.dtype)
    return _reduce(losses, reduction)


def _excess(self: np.ndarray, target: np.ndarray, margin: float, weight: np.ndarray | None) -> tuple[Any, Any, Any]:
    """Return by how much each class comes within the margin of the right one's score, which is right, how much it counts."""
    place = np.expand_dims(target, -1)
    excess = self - np.take_along_axis(self, place, -1) + margin
    share = 1 if weight is None else weight[place]
    return excess, np.arange(self.shape[-1]) == place, share / self.shape[-1]


def _multi_margin_slope(
    grad: np.ndarray, self: np.ndarray, target: np.ndarray, p: int, margin: float, weight: Any, reduction: int
) -> np.ndarray:
    excess, right, share = _excess(self, target, margin, weight)
    slope = np.where((excess > 0) & ~right, (1 if p == 1 else 2 * excess) * share, 0)
    slope = np.where(right, -np.add.reduce(slope, axis=-1, keepdims=True), slope)
    if reduction == 1 and self.ndim > 1:
        slope = slope / self.shape[0]
    return (np.expand_dims(grad, -1) if reduction == 0 else grad) * slope


_multi_margin_back = recorded(
    not_differentiable(
        "multi_margin_loss_backward",
        "slope",
        _multi_margin_slope,
        "grad self",
        "target p margin weight reduction",
    )
)


multi_margin_loss = general(
    "multi_margin_loss",
    "MultiMarginLossBackward0",
    "margin",
    _multi_margin,
    "self",
    {
        "self": lambda grad, self, target, p, margin, weight, reduction: _multi_margin_back(
            grad, self, target, p, margin, weight, reduction
        )
    },
    settings="target p margin weight reduction",
    tensors="target weight",
    expression="multi_margin(self, target)",
    local={"self": "multi_margin_back(grad, self, target)"},
)


def _label_pairs(self: Any, target: np.ndarray) -> np.ndarray:
    """Return, for each pair of a label (last axis but one) and another class (last), how often it counts."""
    classes = np.shape(self)[-1]
    listed = np.logical_and.accumulate(target >= 0, axis=-1)  # the list of labels ends at the first −1
    named = (target[..., None] == np.arange(classes)) & listed[..., None]
    times = named.sum(-2)
    return times[..., :, None] * (times == 0)[..., None, :] / classes


def _gaps(self: Any) -> Any:
    """Return 1 − (score of one − score of the other) for each pair."""
    last = np.ndim(self)
    return np.expand_dims(self, last - 1) - np.expand_dims(self, last) + 1


def _multilabel_margin(self: np.ndarray, target: np.ndarray, reduction: int) -> np.ndarray:
    gaps, pairs = _gaps(self), _label_pairs(self, target)
    counted = np.where((gaps > 0) & (pairs > 0), gaps * pairs, 0)
    return _reduce(np.add.reduce(counted, (-2, -1), dtype=self.dtype), reduction)


def _multilabel_margin_slope(grad: np.ndarray, self: np.ndarray, target: np.ndarray, reduction: int) -> np.ndarray:
    last = np.ndim(self)
    active = (_gaps(self) > 0) * _label_pairs(self, target)
    slope = np.sum(active, axis=last - 1) - np.sum(active, axis=last)
    if reduction == 1 and last > 1:
        slope = slope / np.shape(self)[0]
    return (np.expand_dims(grad, last - 1) if reduction == 0 else grad) * slope


_multilabel_margin_back = recorded(
    not_differentiable(
        "multilabel_margin_loss_backward", "slope", _multilabel_margin_slope, "grad self", "target reduction"
    )
)
multilabel_margin_loss = general(
    "multilabel_margin_loss",
    "MultilabelMarginLossBackward0",
    "margin",
    _multilabel_margin,
    "self",
    {"self": lambda grad, self, target, reduction: _multilabel_margin_back(grad, self, target, reduction)},
    settings="target reduction",
    tensors="target",
    expression="multilabel_margin(self, target)",
    local={"self": "multilabel_margin_back(grad, self, target)"},
)
