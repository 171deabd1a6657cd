"""Whether a run trains a stack of linear layers with an activation after each; found in its program, not declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.training.analysis.fit import compared
from gradviz.training.run import Run
from gradviz.training.run.log import Entry
from gradviz.training.run.program import SLOT, FromSlot, Instruction, Program, Reference

Array = np.ndarray[Any, Any]

WIDEST = 16
"""Neurons in a layer, or inputs, of a network whose neurons are drawn one by one."""

MOST_LAYERS = 8
"""Layers of such a network."""


def _elu(z: Array, alpha: float = 1.0) -> Array:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


ACTIVATIONS: dict[str, Callable[..., Array]] = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z, slope=0.01: np.where(z > 0, z, slope * z),
    "elu": _elu,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softplus": lambda z, *_: np.logaddexp(z, 0),
    "sin": np.sin,
}
"""What may stand after a layer, by the name of its operation; the page has the same."""

SHAPED = ("view", "reshape", "squeeze", "unsqueeze", "flatten")
"""Operations between layers that only write a tensor's shape anew."""


@dataclass(frozen=True)
class Layer:
    """One linear layer.

    Attributes
    ----------
    weight, bias
        The numbers of its parameters in the run; no bias is ``None``.
    inputs, outputs
        How many neurons it comes from, and how many it has.
    transposed
        Whether the weight has a row for each input, as in ``x @ W``; else it has one for each neuron, as in ``nn.Linear``.
    activation
        What comes after it, as a name of `ACTIVATIONS`; ``""`` for nothing.
    setting
        The activation's own number, such as the slope of ``leaky_relu``; ``None`` for none.
    """

    weight: int
    bias: int | None
    inputs: int
    outputs: int
    transposed: bool
    activation: str
    setting: float | None = None


@dataclass(frozen=True)
class Network:
    """A stack of linear layers.

    Attributes
    ----------
    layers
        From the input on.
    x, y
        The inputs and the targets of the step that it was found in, of shapes ``(N, inputs)`` and ``(N,)`` or as they are.
    name
        What the input is called.
    kind
        What the output is: ``number``, ``logit``, ``probability`` or ``classes``.
    """

    layers: tuple[Layer, ...]
    x: Array
    y: Array
    name: str
    kind: str

    def forward(self, values: list[Array], x: Array) -> Array:
        """Compute the output.

        Parameters
        ----------
        values
            By the number of a parameter, its entries.
        x
            Of shape ``(N, inputs)``.

        Returns
        -------
        array
            Of shape ``(N, outputs)``.
        """
        with np.errstate(all="ignore"):
            for layer in self.layers:
                weight = values[layer.weight]
                x = x @ (weight if layer.transposed else weight.T)
                if layer.bias is not None:
                    x = x + values[layer.bias]
                if layer.activation:
                    given = () if layer.setting is None else (layer.setting,)
                    x = ACTIVATIONS[layer.activation](x, *given)
        return x


def network_of(run: Run) -> Network | None:
    """Find the network that a run trains.

    Returns
    -------
    Network or None
        ``None`` where the prediction is not made by a stack of linear layers, where its steps do not all compute the same, or
        where it is too wide to be drawn neuron by neuron.

    Examples
    --------
    >>> import gradviz as torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    >>> x, y = torch.rand(4, 2), torch.rand(4, 1)
    >>> with torch.record() as run:
    ...     torch.nn.functional.mse_loss(model(x), y).backward()
    >>> [(layer.inputs, layer.outputs, layer.activation) for layer in network_of(run).layers]
    [(2, 3, 'tanh'), (3, 1, '')]
    """
    complete = [entry for entry in run.log.entries if entry.complete]
    programs = {entry.program for entry in complete}
    if not complete:
        return None
    entry = complete[-1]
    assert entry.program is not None
    program = run.log.programs[entry.program]
    if any(_told(run.log.programs[other]) != _told(program) for other in programs if other is not None):
        return None
    found = compared(program, entry)
    if found is None:
        return None
    output, kind, target = found
    walk = _Walk(program, entry, run.owners[entry.program])
    layers = walk.back(output)
    if not layers or walk.input is None:
        return None
    x = np.asarray(entry.numbers()[walk.input], dtype=np.float64)
    x = x if x.ndim == 2 else x.reshape(-1, layers[0].inputs)
    y = np.asarray(entry.numbers()[target], dtype=np.float64)
    network = Network(layers, x, y, program.slots[walk.input].name or "x", kind)
    return network if _holds(run, entry, network, program, output) else None


def _told(program: Program) -> list[Any]:
    return [(told.operation.name, told.arguments) for told in program.instructions]


class _Walk:
    """The way from a prediction back to the input, layer by layer."""

    def __init__(self, program: Program, entry: Entry, owners: dict[int, int]) -> None:
        self._program, self._numbers, self._owners = program, entry.numbers(), owners
        self.input: int | None = None

    def back(self, output: Reference) -> tuple[Layer, ...]:
        """Return the layers, from the input on; none where something else is on the way."""
        layers: list[Layer] = []
        while len(layers) <= MOST_LAYERS:
            output = self._plain(output)
            if output[0] == SLOT:
                if self._program.slots[output[1]].kind != "input" or not layers:
                    return ()
                self.input = output[1]
                return tuple(reversed(layers))
            activation, setting = "", None
            told = self._made(output)
            if told.operation.name in ACTIVATIONS:
                activation = told.operation.name
                numbers = [given for given in told.settings if isinstance(given, int | float)]
                setting = float(numbers[0]) if numbers else None
                if any(isinstance(given, FromSlot) for given in told.settings):
                    return ()
                if activation == "softplus" and numbers[:1] not in ([], [1], [1.0]):
                    return ()
                output = self._plain(told.arguments[0])
                if output[0] == SLOT:
                    return ()
                told = self._made(output)
            layer = self._layer(told, activation, setting)
            if layer is None:
                return ()
            layers.append(layer[0])
            output = layer[1]
        return ()

    def _made(self, at: Reference) -> Instruction:
        return self._program.instructions[at[0]]

    def _plain(self, at: Reference) -> Reference:
        """Go back over what only writes a shape anew."""
        while at[0] != SLOT and self._made(at).operation.name in SHAPED:
            at = self._made(at).arguments[0]
        return at

    def _layer(self, told: Instruction, activation: str, setting: float | None) -> tuple[Layer, Reference] | None:
        """Read a product with a weight, and the bias that is added to it."""
        bias: Reference | None = None
        if told.operation.name == "addmm" and tuple(told.settings) in ((1, 1), (1.0, 1.0)):
            bias, x, weight = told.arguments
        elif told.operation.name == "add":
            one, other = told.arguments[:2]
            product, bias = (one, other) if one[0] != SLOT else (other, one)
            if product[0] == SLOT or self._made(product).operation.name not in ("mm", "matmul"):
                return None
            x, weight = self._made(product).arguments
        elif told.operation.name in ("mm", "matmul"):
            x, weight = told.arguments
        elif told.operation.name == "linear":
            x, weight, *rest = told.arguments
            bias = rest[0] if rest else None
        else:
            return None
        turned = told.operation.name != "linear"
        if weight[0] != SLOT and self._made(weight).operation.name in ("t", "transpose"):
            weight, turned = self._made(weight).arguments[0], not turned
        places = [weight] if bias is None else [weight, bias]
        if any(place[0] != SLOT or place[1] not in self._owners for place in places):
            return None
        shape = np.shape(self._numbers[weight[1]])
        if len(shape) != 2 or max(shape) > WIDEST:
            return None
        inputs, outputs = shape if turned else shape[::-1]
        if bias is not None and np.size(self._numbers[bias[1]]) != outputs:
            return None
        number = None if bias is None else self._owners[bias[1]]
        return Layer(self._owners[weight[1]], number, inputs, outputs, turned, activation, setting), x


def _holds(run: Run, entry: Entry, network: Network, program: Program, output: Reference) -> bool:
    """Say whether the layers make the prediction that the program makes."""
    values: list[Any] = [None] * len(run.parameters)
    for slot, number in run.owners[entry.program or 0].items():
        values[number] = np.asarray(entry.numbers()[slot], dtype=np.float64)
    try:
        _, results = program.run(entry.numbers())
        mine = network.forward(values, network.x)
    except ValueError:
        return False
    theirs = np.asarray(results[output[0]][output[1]].array)
    return bool(
        mine.size == theirs.size and np.allclose(mine.ravel(), theirs.ravel(), rtol=1e-3, atol=1e-5, equal_nan=True)
    )
