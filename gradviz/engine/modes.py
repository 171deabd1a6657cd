"""Whether operations are recorded: `no_grad`, `enable_grad`, `set_grad_enabled`, `is_grad_enabled`."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from gradviz.engine.core.tensor import mode
from gradviz.engine.cut import Cut, line

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "mode",
    "no_grad",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])


INFERENCE = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation "
    "tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
    "`torch.no_grad()` instead of `torch.inference_mode()`."
)


class _Asked(threading.local):
    """Whether recording was switched on inside of inference mode, where nothing is recorded all the same."""

    enabled = False


asked = _Asked()


def barred() -> str | None:
    """Return why what is computed now may never be part of a graph, where that is so: in inference mode."""
    return None if mode.marks is None else mode.marks[1]


def is_grad_enabled() -> bool:
    """Return True if operations on tensors that require gradients are being recorded in this thread."""
    return mode.enabled or asked.enabled


class _GradSwitch:
    """A context manager, also usable as a decorator, that sets the mode and puts it back."""

    wanted: bool
    _of: Any = None  # the function that it decorates

    def __init__(self) -> None:
        self._before: list[tuple[bool, bool, tuple[Any, str | None] | None]] = []

    def __enter__(self) -> None:
        why = barred()
        self._before.append((mode.enabled, asked.enabled, mode.marks))
        mode.enabled, asked.enabled = self.wanted and not why, self.wanted and bool(why)
        if not why and self.wanted:
            mode.marks = None
        elif not why and mode.marks is None:  # a block in a block is the outer one's
            mode.marks = Cut("no_grad", (self._of.__code__, 0) if self._of is not None else line()), None

    def __exit__(self, *exc: object) -> None:
        mode.enabled, asked.enabled, mode.marks = self._before.pop()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            # The body of a generator runs at every next(), so that is where the mode has to be set.
            @functools.wraps(function)
            def stepping(*args: Any, **kwargs: Any) -> Any:
                generator = function(*args, **kwargs)
                sent = None
                while True:
                    with _once_more(self, function):
                        try:
                            value = generator.send(sent)
                        except StopIteration as stop:
                            return stop.value
                    sent = yield value

            return stepping  # type: ignore[return-value]

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with _once_more(self, function):
                return function(*args, **kwargs)

        return inside  # type: ignore[return-value]


def _once_more(switch: Any, function: Any) -> Any:
    """Return the same switch for one call: a function that it decorates may run in several threads at once."""
    again = object.__new__(type(switch))
    again.__dict__.update(switch.__dict__, _before=[], _of=function if hasattr(function, "__code__") else None)
    return again


class no_grad(_GradSwitch):  # noqa: N801 (PyTorch's name)
    """Switch recording off: results inside have ``requires_grad=False``.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = w * 3
    >>> y.requires_grad
    False
    """

    wanted = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Allow ``@no_grad`` without parentheses."""
        switch = super().__new__(cls)
        if function is None:
            return switch
        switch._before = []
        return switch(function)


class enable_grad(no_grad):  # noqa: N801 (PyTorch's name)
    """Switch recording on, inside a `no_grad` block."""

    wanted = True


class set_grad_enabled(_GradSwitch):  # noqa: N801 (PyTorch's name)
    """Switch recording on or off: at once when called as a function, and back again when used with ``with``.

    Examples
    --------
    >>> import gradviz as torch
    >>> with torch.set_grad_enabled(False):
    ...     torch.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.wanted = bool(mode)
        super().__enter__()
        self._acted = True  # the call itself has switched already; a following ``with`` must not note it twice

    def __enter__(self) -> None:
        if not self._acted:
            super().__enter__()
        self._acted = False

    def __call__(self, function: F) -> F:
        """Act on a function instead of on the code around it."""
        self.__exit__()
        self._acted = False
        return super().__call__(function)

    def __repr__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.wanted})"


class inference_mode:  # noqa: N801 (PyTorch's name)
    """Like `no_grad`, and for good: what is computed inside can never be part of a graph.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> with torch.inference_mode():
    ...     y = w * 3
    >>> y.requires_grad, y.is_inference()
    (False, True)
    """

    _before: list[tuple[bool, tuple[Any, str | None] | None, bool]]
    _wanted: bool
    _of: Any = None  # the function that it decorates

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        """Allow ``@inference_mode`` without parentheses."""
        switch = super().__new__(cls)
        switch._before, switch._wanted = [], True
        if isinstance(mode, bool):
            switch._wanted = mode
            return switch
        return switch(mode)

    def __enter__(self) -> None:
        self._before.append((mode.enabled, mode.marks, asked.enabled))
        mode.enabled, asked.enabled, mode.marks = not self._wanted, False, None
        if self._wanted:
            origin = (self._of.__code__, 0) if self._of is not None else line()
            mode.marks = Cut("no_grad", origin, word="inference_mode"), INFERENCE

    def __exit__(self, *exc: object) -> None:
        mode.enabled, mode.marks, asked.enabled = self._before.pop()

    def __call__(self, function: F) -> F:
        """Act on a function."""
        return _GradSwitch.__call__(self, function)  # type: ignore[arg-type]


def is_inference_mode_enabled() -> bool:
    """Return True inside of `inference_mode`."""
    return barred() is not None
