"""Layers that read a sequence step by step.

What one step computes stands in three functions, one for each kind of cell. A layer is a loop over the steps. Nothing is
fused: in a picture every step, and every gate in it, can be seen.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from gradviz.engine import creation, functions, scope
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn.module import Module
from gradviz.nn.modules.cells import GATES, STEPS, State, draw_uniformly, known
from gradviz.nn.parameter import Parameter
from gradviz.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]


class RNNBase(Module):
    """Several layers of cells that read a sequence, forwards or both ways.

    Parameters
    ----------
    mode
        ``"LSTM"``, ``"GRU"``, ``"RNN_TANH"`` or ``"RNN_RELU"``.
    input_size, hidden_size
        The lengths of the inputs and of the states.
    num_layers
        How many layers, one above the other.
    bias
        Whether there are biases.
    batch_first
        Inputs and outputs have the shape (N, L, ...); by default (L, N, ...).
    dropout
        The probability of leaving out a number between two layers, in training.
    bidirectional
        Read the sequence backwards, too, by cells with parameters of their own, and join both outputs.
    proj_size
        For an LSTM: project h to this length.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        dropout = float(dropout)
        _check_settings(input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        if mode not in GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.proj_size = bidirectional, proj_size
        rows, shown = GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else shown * (1 + bidirectional)
            for ending in self._endings(layer):
                sizes: dict[str, Any] = {"weight_ih": (rows, width), "weight_hh": (rows, shown)}
                if bias:
                    sizes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    sizes["weight_hr"] = (proj_size, hidden_size)
                for name, size in sizes.items():
                    parameter = Parameter(creation.empty(size, device=device, dtype=dtype))
                    self.register_parameter(name + ending, parameter)
        self.reset_parameters()

    def _endings(self, layer: int) -> list[str]:
        """How the names of a layer's parameters end: those for reading forwards, those for reading backwards."""
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def reset_parameters(self) -> None:
        """Draw the starting values anew."""
        draw_uniformly(self, self.hidden_size)

    def flatten_parameters(self) -> None:
        """Do nothing: this is for graphics cards."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        endings = [ending for layer in range(self.num_layers) for ending in self._endings(layer)]
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        named = dict(self.named_parameters())
        return [[named[kind + ending] for kind in kinds if kind + ending in named] for ending in endings]

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the usual ones."""
        text = f"{self.input_size}, {self.hidden_size}"
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        for name, value in usual.items():
            if getattr(self, name) != value:
                text += f", {name}={getattr(self, name)}"
        return text

    # --- reading ------------------------------------------------------------------------------------------------

    def _read(self, input: Any, state: State | None) -> tuple[Any, State]:
        """Read a sequence, or a batch of them; return the outputs of all steps and the state after the last."""
        if isinstance(input, PackedSequence):
            return self._read_packed(input, state)
        name = "RNN" if self.mode.startswith("RNN") else self.mode
        if input.ndim not in (2, 3):
            ending = "D tensor instead" if name == "RNN" else "D instead"
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.ndim}{ending}")
        single = input.ndim == 2
        axis = 0 if self.batch_first else 1
        x = functions.unsqueeze(input, axis) if single else input
        if state is not None:
            state = self._with_batch(state, single)
        count = x.shape[axis]
        if state is None:
            state = tuple(wrap(np.zeros(size, x.array.dtype)) for size in self._sizes(count))
        self._check(x, state, count)
        steps_first = functions.transpose(x, 0, 1) if self.batch_first else x
        output, state = self._layers(steps_first, state)
        if self.batch_first:  # as PyTorch: one of them turns round what it has, the other makes a view of it
            output = functions.transpose(output, 0, 1) if self.mode == "LSTM" else output.transpose_(0, 1)
        if single:
            return functions.squeeze(output, axis), tuple(functions.squeeze(part, 1) for part in state)
        return output, state

    def _read_packed(self, packed: PackedSequence, state: State | None) -> tuple[PackedSequence, State]:
        """Read sequences of different lengths, each to its own end."""
        count = int(packed.batch_sizes.array[0])
        if packed.data.ndim != 2:
            raise RuntimeError(f"input must have 2 dimensions, got {packed.data.ndim}")
        if state is None:
            state = tuple(wrap(np.zeros(size, packed.data.array.dtype)) for size in self._sizes(count))
        elif packed.sorted_indices is not None:
            state = tuple(functions.index_select(part, 1, packed.sorted_indices) for part in state)
        self._check(packed.data, state, count)
        output, state = self._layers(packed.data, state, packed.batch_sizes.tolist())
        if packed.unsorted_indices is not None:
            state = tuple(functions.index_select(part, 1, packed.unsorted_indices) for part in state)
        return packed._replace(data=output), state

    def _sizes(self, count: int) -> list[tuple[int, int, int]]:
        """The shapes of the states: (layers · directions, N, length)."""
        cells = self.num_layers * (1 + self.bidirectional)
        h = (cells, count, self.proj_size or self.hidden_size)
        return [h, (cells, count, self.hidden_size)] if self.mode == "LSTM" else [h]

    def _with_batch(self, state: State, single: bool) -> State:
        wanted, kind = (2, "unbatched 2-D") if single else (3, "batched 3-D")
        if any(part.ndim != wanted for part in state):
            if self.mode == "LSTM":
                got = ", ".join(f"{part.ndim}-D" for part in state)
                raise RuntimeError(f"For {kind} input, hx and cx should also be {wanted}-D but got ({got}) tensors")
            raise RuntimeError(f"For {kind} input, hx should also be {wanted}-D but got {state[0].ndim}-D tensor")
        return tuple(functions.unsqueeze(part, 1) for part in state) if single else state

    def _check(self, x: Tensor, state: State, count: int) -> None:
        weight = next(iter(self.parameters()))
        if x.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({x.dtype}) does not match weight dtype ({weight.dtype}). Convert input: "
                f"input.to({weight.dtype}), or convert model: model.to({x.dtype})"
            )
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {x.shape[-1]}"
            )
        names = [f"hidden[{place}]" for place in range(2)] if self.mode == "LSTM" else ["hidden"]
        for what, part, wanted in zip(names, state, self._sizes(count), strict=True):
            if part.shape != wanted:
                raise RuntimeError(f"Expected {what} size {wanted}, got {list(part.shape)}")

    def _layers(self, x: Tensor, state: State, counts: list[int] | None = None) -> tuple[Tensor, State]:
        """Send a sequence through all layers. x has the shape (L, N, ...); or, with `counts`, is packed."""
        last: list[State] = []
        starts = list(zip(*(functions.unbind(part) for part in state), strict=True))
        for layer in range(self.num_layers):
            directions = []
            for ending in self._endings(layer):
                outputs, end = self._direction(x, starts[len(last)], ending, counts)
                directions.append(functions.stack(outputs) if counts is None else functions.cat(outputs))
                last.append(end)
            x = directions[0] if len(directions) == 1 else functions.cat(directions, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        ends = [functions.stack(parts) for parts in reversed(list(zip(*last, strict=True)))]
        return x, tuple(reversed(ends))

    def _cell(self, ending: str) -> scope.ModuleTag:
        """Return what stands for the cell of a layer, so that a picture knows each of its steps."""
        kind = f"{self.mode.partition('_')[0]}Cell"
        return scope.ModuleTag(kind, f"{kind}({self.hidden_size})", True, ending.removeprefix("_"))

    def _direction(self, x: Tensor, state: State, ending: str, counts: list[int] | None) -> tuple[list[Tensor], State]:
        """Read a sequence in one direction, step by step; `counts` says how many of a batch are there at each step."""
        weight_ih, weight_hh = getattr(self, f"weight_ih{ending}"), getattr(self, f"weight_hh{ending}")
        bias_ih, bias_hh = (getattr(self, f"bias_{kind}{ending}") if self.bias else None for kind in ("ih", "hh"))
        step, cell = STEPS[self.mode], self._cell(ending)
        # What comes from the inputs depends on no state, so it is one product for all steps.
        products = F.linear(x, weight_ih, bias_ih)
        from_inputs = list(functions.unbind(products) if counts is None else functions.split(products, counts))
        outputs = []
        if counts is not None and ending.endswith("reverse"):
            first, state = state, tuple(part[: counts[-1]] for part in state)  # only the longest go on to the last step
        ended: list[State] = []
        for from_input in from_inputs[::-1] if ending.endswith("reverse") else from_inputs:
            now, before = from_input.shape[0], state[0].shape[0]
            if now < before:  # the shorter sequences, which come last, have ended
                ended.append(tuple(part[now:] for part in state))
                state = tuple(part[:now] for part in state)
            elif now > before:  # backwards, they begin later
                new = zip(state, first, strict=True)
                state = tuple(functions.cat([part, start[before:now]]) for part, start in new)
            with scope.called(cell):
                state = step(known(from_input), state, weight_hh, bias_hh)
                if self.proj_size:
                    state = (F.linear(state[0], getattr(self, f"weight_hr{ending}")), *state[1:])
            outputs.append(state[0])
        if ended:
            state = tuple(functions.cat(list(parts)) for parts in zip(state, *reversed(ended), strict=True))
        return (outputs[::-1] if ending.endswith("reverse") else outputs), state


def _check_settings(
    input_size: int, hidden_size: int, num_layers: int, bias: bool, batch_first: bool, dropout: float, proj_size: int
) -> None:
    if not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    for name, value, kind in (
        ("bias", bias, bool),
        ("batch_first", batch_first, bool),
        ("input_size", input_size, int),
        ("hidden_size", hidden_size, int),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNN(RNNBase):
    """Simple recurrent layers: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`` at each step.

    Parameters
    ----------
    input_size, hidden_size
        The lengths of the inputs and of the states.
    num_layers
        How many layers, one above the other.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    bias, batch_first, dropout, bidirectional
        As for `RNNBase`.

    Examples
    --------
    >>> import gradviz as torch
    >>> output, h = torch.nn.RNN(3, 4)(torch.zeros(5, 1, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 1, 4]), torch.Size([1, 1, 4]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity, args = args[3], (*args[:3], *args[4:])
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Read (L, N, input_size), starting with hx (layers · directions, N, hidden_size); zeros if not given.

        Returns
        -------
        tuple
            The last layer's h at each step, (L, N, directions · hidden_size); and all layers' h after the last step.
        """
        output, (h,) = self._read(input, None if hx is None else (hx,))
        return output, h


class GRU(RNNBase):
    """Layers of gated recurrent units; the parameters are those of `RNNBase` without `mode` and `proj_size`.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Read a sequence, or a `PackedSequence` of several; as for `RNN`."""
        output, (h,) = self._read(input, None if hx is None else (hx,))
        return output, h


class LSTM(RNNBase):
    """Layers of long short-term memories; the parameters are those of `RNNBase` without `mode`.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory" (1997).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Read a sequence; as for `RNN`, with states h and c."""
        output, (h, c) = self._read(input, hx)
        return output, (h, c)
