"""How entries lie in memory, as values that a program can name: ``torch.strided``, ``torch.channels_last``."""

from __future__ import annotations


class _Named:
    """A value that has only a name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(_Named):  # noqa: N801 (PyTorch's name)
    """How a tensor is kept: every tensor here is ``torch.strided``."""


class memory_format(_Named):  # noqa: N801 (PyTorch's name)
    """In which order the entries of a tensor lie in memory."""


strided = layout("strided")
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
