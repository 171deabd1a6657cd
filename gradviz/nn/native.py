"""Functions of neural networks as ``torch`` itself has them: `gradviz.nn.functional`'s, called as PyTorch's core calls them.

Some are the same in both places (``torch.conv2d``). Others take their arguments in another order there, or a number for a
reduction: 0 for none, 1 for the mean, 2 for the sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine import calls
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (what everybody calls it)

SAME = [
    "adaptive_avg_pool1d", "avg_pool1d", "bilinear", "channel_shuffle", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "cosine_similarity", "hardshrink", "max_pool1d", "max_pool2d", "max_pool3d",
    "pairwise_distance", "pixel_shuffle", "pixel_unshuffle", "prelu", "rms_norm",
]  # fmt: skip
"""Functions that are the same in both places."""

INPLACE = ["celu", "rrelu", "selu", "threshold"]
"""Activations, which have a twin with an underscore."""

REDUCING = {
    "binary_cross_entropy_with_logits": "input target weight pos_weight reduction",
    "cosine_embedding_loss": "input1 input2 target margin reduction",
    "ctc_loss": "log_probs targets input_lengths target_lengths blank reduction zero_infinity",
    "hinge_embedding_loss": "input target margin reduction",
    "kl_div": "input target reduction",
    "margin_ranking_loss": "input1 input2 target margin reduction",
    "poisson_nll_loss": "input target log_input full eps reduction",
    "triplet_margin_loss": "anchor positive negative margin p eps swap reduction",
}
"""Losses, whose reduction is a number here, with the order of their arguments."""

__all__ = [
    *SAME, *INPLACE, *REDUCING, *(f"{name}_" for name in INPLACE), "adaptive_max_pool1d", "alpha_dropout", "alpha_dropout_",
    "batch_norm", "constant_pad_nd", "dropout", "dropout_", "embedding", "feature_alpha_dropout",
    "feature_alpha_dropout_", "feature_dropout", "feature_dropout_", "group_norm", "instance_norm", "layer_norm",
    "max_pool1d_with_indices",
]  # fmt: skip

REDUCTIONS = ("none", "mean", "sum")


def _dropping(name: str, drop: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def function(input: Tensor, p: float, train: bool) -> Tensor:
        if not 0 <= p <= 1:
            raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")
        return drop(input, p, train, name.endswith("_"))

    return _named(function, name, drop)


def _without_inplace(name: str, activate: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def function(input: Tensor, *settings: Any, **by_name: Any) -> Tensor:
        return activate(input, *settings, **by_name, inplace=False)

    return _named(function, name, activate)


def _reducing(name: str, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    names = REDUCING[name].split()

    def function(*args: Any, **settings: Any) -> Tensor:
        given = dict(zip(names, args, strict=False)) | settings
        return loss(**given | {"reduction": REDUCTIONS[given.get("reduction", 1)]})

    return _named(function, name, loss)


def _named(function: Callable[..., Tensor], name: str, of: Callable[..., Tensor]) -> Callable[..., Tensor]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{(of.__doc__ or '').partition(chr(10))[0]} See `gradviz.nn.functional.{of.__name__}`."
    return function


for _name in SAME:
    globals()[_name] = getattr(F, _name)
for _name in INPLACE:
    globals()[_name] = _without_inplace(_name, getattr(F, _name))
    globals()[f"{_name}_"] = getattr(F, f"{_name}_")
for _name in REDUCING:
    globals()[_name] = _reducing(_name, getattr(F, _name))
dropout, alpha_dropout = _dropping("dropout", F.dropout), _dropping("alpha_dropout", F.alpha_dropout)
dropout_, alpha_dropout_ = _dropping("dropout_", F.dropout), _dropping("alpha_dropout_", F.alpha_dropout)
feature_dropout, feature_dropout_ = (
    _dropping("feature_dropout", F.dropout2d),
    _dropping("feature_dropout_", F.dropout2d),
)
feature_alpha_dropout = _dropping("feature_alpha_dropout", F.feature_alpha_dropout)
feature_alpha_dropout_ = _dropping("feature_alpha_dropout_", F.feature_alpha_dropout)


def adaptive_max_pool1d(input: Tensor, output_size: Any) -> Any:
    """Return the largest entries of as many parts of an axis as are wanted, and where they stood."""
    return F.adaptive_max_pool1d(input, output_size, return_indices=True)


def max_pool1d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """Return the largest entry of every window, and where it stood."""
    return F.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Normalise every channel over the batch. See `gradviz.nn.functional.batch_norm`, whose order is another."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Normalise every channel of every example. See `gradviz.nn.functional.instance_norm`, whose order is another."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Normalise groups of channels. See `gradviz.nn.functional.group_norm`."""
    return F.group_norm(input, num_groups, weight, bias, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Normalise over the last axes. See `gradviz.nn.functional.layer_norm`."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    """Look up rows of a matrix. See `gradviz.nn.functional.embedding`, whose order is another."""
    return F.embedding(
        indices, weight, None if padding_idx == -1 else padding_idx, None, 2.0, scale_grad_by_freq, sparse
    )


def constant_pad_nd(input: Tensor, pad: Any, value: float = 0) -> Tensor:
    """Surround with a number. See `gradviz.nn.functional.pad`."""
    return F.pad(input, pad, "constant", value)


calls.open_to("", __all__, globals())
