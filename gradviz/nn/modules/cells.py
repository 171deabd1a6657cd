"""One step of what reads a sequence: cells, to be called in a loop of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import creation, functions
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn import init
from gradviz.nn.module import Module
from gradviz.nn.parameter import Parameter

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]

State = tuple[Tensor, ...]
"""What a cell remembers from one step to the next: h; or h and c."""

Product = Callable[[], Tensor]
"""What a step gets from the input: the product with the weights, worked out when the step comes to it."""


# --- one step --------------------------------------------------------------------------------------------------------


def _plain_step(activation: Callable[[Tensor], Tensor]) -> Callable[..., State]:
    """Return the step of a simple cell: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``."""

    def step(from_input: Product, state: State, weight: Tensor, bias: Tensor | None) -> State:
        (h,) = state
        return (activation(F.linear(h, weight, bias) + from_input()),)

    return step


def _lstm_step(from_input: Product, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """What is remembered (c) is partly forgotten, partly written anew, and partly shown (h).

    Hochreiter and Schmidhuber, "Long short-term memory" (1997).
    """
    h, c = state
    gates = F.linear(h, weight, bias) + from_input()
    write, forget, candidate, show = functions.unsafe_chunk(gates, 4, 1)
    write, forget = functions.sigmoid(write), functions.sigmoid(forget)
    candidate, show = functions.tanh(candidate), functions.sigmoid(show)
    c = forget * c + write * candidate
    return show * functions.tanh(c), c


def _gru_step(from_input: Product, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """A mixture of the old h and a new one, which sees the old one through a gate.

    Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014).
    """
    (h,) = state
    input_reset, input_keep, input_new = functions.unsafe_chunk(from_input(), 3, 1)
    hidden_reset, hidden_keep, hidden_new = functions.unsafe_chunk(F.linear(h, weight, bias), 3, 1)
    reset = functions.sigmoid(hidden_reset + input_reset)
    keep = functions.sigmoid(hidden_keep + input_keep)
    new = functions.tanh(input_new + hidden_new * reset)
    return ((h - new) * keep + new,)


def known(product: Tensor) -> Product:
    """Return a product that has been worked out, for all steps at once, as a step wants it."""
    return lambda: product


GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
STEPS = {
    "LSTM": _lstm_step,
    "GRU": _gru_step,
    "RNN_TANH": _plain_step(functions.tanh),
    "RNN_RELU": _plain_step(functions.relu),
}


# --- cells -----------------------------------------------------------------------------------------------------------


class RNNCellBase(Module):
    """What all cells share: the weights and biases for input and state."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        for name, size in {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}.items():
            self.register_parameter(name, Parameter(creation.empty(size, device=device, dtype=dtype)))
        for name in ("bias_ih", "bias_hh"):
            parameter = Parameter(creation.empty(rows, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, parameter)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        draw_uniformly(self, self.hidden_size)

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the usual ones."""
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _stepped(self, input: Tensor, state: State | None, count: int, step: Callable[..., State]) -> State:
        """Take one step, for a batch or for a single example."""
        name = type(self).__name__
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        for place, part in enumerate(state or ()):
            if part.ndim not in (1, 2):
                what = "hidden" if count == 1 else f"hx[{place}]"
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {part.ndim}D instead")
        single = input.ndim == 1
        x = functions.unsqueeze(input, 0) if single else input
        if state is None:
            nothing = wrap(np.zeros((x.shape[0], self.hidden_size), x.array.dtype))
            state = (nothing,) * count
        elif single:
            state = tuple(functions.unsqueeze(part, 0) for part in state)
        if x.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {x.shape[1]} expected {self.input_size}")
        for place, part in enumerate(state):
            if part.shape[0] != x.shape[0]:
                raise RuntimeError(
                    f"Input batch size {x.shape[0]} doesn't match hidden{place} batch size {part.shape[0]}"
                )
            if part.shape[1] != self.hidden_size:
                raise RuntimeError(
                    f"hidden{place} has inconsistent hidden_size: got {part.shape[1]}, expected {self.hidden_size}"
                )
        after = step(lambda: F.linear(x, self.weight_ih, self.bias_ih), state, self.weight_hh, self.bias_hh)
        return tuple(functions.squeeze(part, 0) for part in after) if single else after


def draw_uniformly(module: Module, hidden_size: int) -> None:
    bound = 1.0 / math.sqrt(hidden_size) if hidden_size > 0 else 0
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)


class RNNCell(RNNCellBase):
    """One step of a simple recurrent network: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``.

    Parameters
    ----------
    input_size, hidden_size
        The lengths of x and h.
    bias
        Whether there are biases.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next h, (N, hidden_size), from the input (N, input_size) and the last h (zeros if not given)."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        step = STEPS[f"RNN_{self.nonlinearity.upper()}"]
        return self._stepped(input, None if hx is None else (hx,), 1, step)[0]


class LSTMCell(RNNCellBase):
    """One step of a long short-term memory.

    Parameters
    ----------
    input_size, hidden_size
        The lengths of x, and of h and c.
    bias
        Whether there are biases.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Return the next h and c from the input and the last h and c (zeros if not given)."""
        h, c = self._stepped(input, hx, 2, _lstm_step)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit.

    Parameters
    ----------
    input_size, hidden_size
        The lengths of x and h.
    bias
        Whether there are biases.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next h from the input and the last h (zeros if not given)."""
        return self._stepped(input, None if hx is None else (hx,), 1, _gru_step)[0]
