"""Anomaly mode: find the line of the forward pass to which a gradient that went wrong belongs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine import advice, scope

if TYPE_CHECKING:
    from gradviz.engine.node import Node

ENABLED = (
    "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging."
)


class _Anomaly:
    """The switches: for all threads, as PyTorch's."""

    enabled = False
    check_nan = True


anomaly = _Anomaly()


class set_detect_anomaly:  # noqa: N801 (PyTorch's name)
    """Switch anomaly mode on or off: at once when called, and back again when used with ``with``.

    Parameters
    ----------
    mode
        While on, an error during the backward pass says which line of the forward pass it belongs to.
    check_nan
        Whether a gradient that is not a number is such an error.

    Examples
    --------
    >>> import gradviz as torch
    >>> with torch.autograd.set_detect_anomaly(True):
    ...     torch.is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = anomaly.enabled, anomaly.check_nan
        anomaly.enabled, anomaly.check_nan = bool(mode), bool(check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        anomaly.enabled, anomaly.check_nan = self._before


class detect_anomaly(set_detect_anomaly):  # noqa: N801 (PyTorch's name)
    """Anomaly mode for a ``with`` block; as PyTorch's, it warns that it costs time."""

    def __init__(self, check_nan: bool = True) -> None:
        warnings.warn(ENABLED, UserWarning, stacklevel=2)
        self._wanted = check_nan

    def __enter__(self) -> None:
        super().__init__(True, self._wanted)


def is_anomaly_enabled() -> bool:
    """Return True in anomaly mode."""
    return anomaly.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Return True if anomaly mode takes a gradient that is not a number for an error."""
    return anomaly.check_nan


def check(node: Node, contributions: list[Any]) -> None:
    """Raise PyTorch's error for a contribution that is not a number, if `check_nan` is set."""
    for place, gradient in enumerate(contributions if anomaly.check_nan else ()):
        array = getattr(gradient, "array", gradient)
        if array is not None and np.isnan(array).any():
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {place}th output.")


def warn_of(node: Node) -> None:
    """Say which line of the forward pass a node belongs to that has failed."""
    scope.warn(
        f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
        + advice.traceback_line(node.origin)
    )
