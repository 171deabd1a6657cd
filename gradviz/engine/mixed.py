"""PyTorch's own tensors, modules and dtypes where gradviz's are meant, and the reverse: what is said then.

Nothing here imports PyTorch: what is its own is known by where its class comes from.
"""

from __future__ import annotations

from typing import Any

TWO_LIBRARIES = (
    "Here PyTorch itself and gradviz meet, and neither can compute with what is the other's. If gradviz shall compute, write "
    "`import gradviz.as_torch` in the first line: then every `import torch`, `import torch.nn as nn` and `from torch...` means "
    "gradviz. (With `import gradviz as torch` alone, `import torch.nn` still brings PyTorch: write nn = torch.nn.)"
)


def is_pytorchs(value: Any) -> bool:
    """Return True for a tensor, module, dtype, ... of PyTorch itself, which nothing here imports."""
    return any(base.__module__.partition(".")[0] == "torch" for base in type(value).__mro__)


def explained(words: str, *values: Any) -> str:
    """Add to an error's words, if one of the values, or of what is listed in them, is PyTorch's own."""
    listed = [each for value in values for each in (value if isinstance(value, list | tuple) else (value,))]
    return f"{words}\n\n{TWO_LIBRARIES}" if any(map(is_pytorchs, listed)) else words


def refuse(*values: Any) -> None:
    """Refuse what is PyTorch's own, where NumPy would read its numbers, and what they were computed from would be lost.

    Raises
    ------
    TypeError
        If one of the values, or of what is listed in them, is PyTorch's.
    """
    words = "expected gradviz's tensors, but got PyTorch's"
    if explained(words, *values) is not words:
        raise TypeError(explained(words, *values))


def met(error: Exception, *values: Any) -> TypeError | None:
    """Return the error to raise in the place of one that came of two libraries, ``None`` for all others."""
    if TWO_LIBRARIES in str(error) or explained("", *values) == "":
        return None
    # without a door of its own, the engine looks for what only its own tensors have
    named = isinstance(error, TypeError)
    words = str(error).partition("\n\n")[0] if named else "expected gradviz's tensors, but got PyTorch's"
    return TypeError(explained(words, *values))


def declined(other: Any) -> Any:
    """Return what an operator's method returns for what it cannot compute with, so that Python can say so.

    Raises
    ------
    TypeError
        If that is a tensor of PyTorch's: Python would say that 'Tensor' and 'Tensor' cannot be added.
    """
    if is_pytorchs(other):
        raise TypeError(
            explained(f"unsupported operand types: gradviz's Tensor and PyTorch's {type(other).__name__}", other)
        )
    return NotImplemented
