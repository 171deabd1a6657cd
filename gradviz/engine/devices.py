"""Devices, as values: gradviz computes on the CPU, but a program may speak of others.

``device("cuda:0")`` is a value like another; an error, and PyTorch's, is only to ask for a tensor there.
"""

from __future__ import annotations

import threading
from typing import Any

TYPES = (
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy", "vulkan",
    "mps", "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip
"""The kinds of devices that PyTorch knows, in the order of its error."""

ADVICE = (
    '\n\ngradviz computes on the CPU only: device = "cuda" if torch.cuda.is_available() else "cpu" gives "cpu" here.'
)
NO_ACCELERATOR = f"Cannot access accelerator device when none is available.{ADVICE}"
UNKNOWN = f"Expected one of {', '.join(TYPES)} device type at start of device string: {{}}"

ABSENT = {
    "cuda": AssertionError(f"Torch not compiled with CUDA enabled{ADVICE}"),
    "xpu": AssertionError(f"Torch not compiled with XPU enabled{ADVICE}"),
    "mps": RuntimeError(f"PyTorch is not linked with support for mps devices{ADVICE}"),
}


class _Chosen(threading.local):
    """Where tensors are made in this thread, if that has been said."""

    def __init__(self) -> None:
        self.default: device | None = None
        self.blocks: list[device] = []
        """Of the ``with`` blocks under way, the innermost last: it goes before the default."""


_chosen = _Chosen()


class device:  # noqa: N801 (PyTorch's name)
    """Where a tensor lives, or would: ``device("cpu")``, ``device("cuda:0")``, ``device("cuda", 1)``.

    In a ``with`` block, it is where tensors are made there.

    Attributes
    ----------
    type
        ``"cpu"``, ``"cuda"``, ...
    index
        Which of several, if that is said.

    Raises
    ------
    RuntimeError
        If PyTorch knows no such device, or a number alone is given: no accelerator has one here.
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any = None, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        if isinstance(type, int) and index is None:
            raise RuntimeError(NO_ACCELERATOR)
        if not isinstance(type, str):
            given = "" if type is None else type.__class__.__name__
            raise TypeError(
                f"device() received an invalid combination of arguments - got ({given}), but expected one of:\n"
                " * (torch.device device)\n * (str type, int index = -1)"
            )
        kind, colon, number = type.partition(":")
        counted = number.isascii() and number.isdecimal() and (number == "0" or not number.startswith("0"))
        if not (kind.isascii() and kind.isalpha() and kind.islower()) or (colon and not counted):
            raise RuntimeError(f"Invalid device string: '{type}'")
        if kind not in TYPES:
            raise RuntimeError(UNKNOWN.format(type))
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        self.type, self.index = kind, int(number) if colon else index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'{'' if self.index is None else f', index={self.index}'})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> Any:
        return device, (str(self),)

    def __enter__(self) -> device:
        _chosen.blocks.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        _chosen.blocks.pop()


CPU = device("cpu")


def check_device(wanted: Any = None) -> None:
    """Say that there is no device but the CPU, if another is asked for; in PyTorch's words.

    Parameters
    ----------
    wanted
        A `device`, or what one can be made of; ``None`` for the default.
    """
    if wanted is None:
        if not _chosen.blocks and _chosen.default is None:
            return
        wanted = get_default_device()
    wanted = wanted if isinstance(wanted, device) else device(wanted)
    if wanted.type != "cpu":
        error = ABSENT.get(wanted.type) or NotImplementedError(f"gradviz has no device {str(wanted)!r}{ADVICE}")
        raise type(error)(*error.args)


def set_default_device(device: Any) -> None:
    """Say where this thread makes tensors from now on; ``None`` for the CPU. That another is not here is said then."""
    chosen = None if device is None else globals()["device"](device)
    _chosen.default = None if chosen == CPU else chosen


def get_default_device() -> device:
    """Return where tensors are made."""
    if _chosen.blocks:
        return _chosen.blocks[-1]
    return CPU if _chosen.default is None else _chosen.default
