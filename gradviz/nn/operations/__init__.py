"""The rows of the operations table that only networks use, by family."""

from gradviz.nn.operations import (
    activations,
    attention,
    bilinear,
    convolution,
    ctc,
    embedding,
    gridding,
    losses,
    normalization,
    padding,
    pooling,
)

__all__ = [
    "activations", "attention", "bilinear", "convolution", "ctc", "embedding", "gridding", "losses", "normalization",
    "padding", "pooling",
]  # fmt: skip
