"""Gradient flow, measured: the lengths of gradients, weights and updates, read off a run or a recording."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from gradviz.engine.mixed import is_pytorchs
from gradviz.engine.tensor import Tensor
from gradviz.finding.flow import Flow
from gradviz.recording import Recording, record_graph, variables_of
from gradviz.recording.model import Value
from gradviz.training.run import Run
from gradviz.training.run.history import gradient_norm, update_norm
from gradviz.training.run.log import Entry, ParameterEntry
from gradviz.training.run.walk import norm

MOST_COLUMNS = 40


def flow(what: Run | Recording | Tensor) -> Flow:
    """Show how gradients flow through the layers: where they vanish, where they explode, and what moves.

    Parameters
    ----------
    what
        A recorded training run; or a recording, or a result that ``backward()`` was called on (else a backward pass is tried
        for the picture, which changes nothing).

    Returns
    -------
    Flow
        Shows itself in Jupyter; ``.save("flow.svg")`` writes a file, ``.to_pandas()`` returns the numbers.

    Raises
    ------
    TypeError, ValueError
        If it is of another kind, or has no parameters with a gradient.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor([3.0, 4.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> print(gv.flow(loss))
    Gradients neither vanish nor explode: they are 2 times as long as the weights.
    """
    if isinstance(what, Run):
        return _of_a_run(what)
    if hasattr(what, "run") and isinstance(what.run, Run):  # a training player
        return _of_a_run(what.run)
    if hasattr(what, "recording"):
        what = what.recording
    if isinstance(what, Tensor) or is_pytorchs(what):
        variables = variables_of(sys._getframe(1))
        past = record_graph(what, variables=variables)
        what = past if past.at().gradients else record_graph(what, variables=variables, backward=True)
    if not isinstance(what, Recording):
        raise TypeError(f"flow() takes a run, a recording or a result, but got {type(what).__name__}")
    return _of_a_recording(what)


# --- a single pass -----------------------------------------------------------------------------------------------------


def _of_a_recording(recording: Recording) -> Flow:
    now = recording.at()
    order: dict[str, list[str]] = {}
    for operation in recording.graph.operations:
        for argument in operation.inputs:
            tensor = recording.graph.tensor(argument.tensor)
            if tensor.role == "parameter" and tensor.id in now.gradients:
                ids = order.setdefault(_layer(tensor.name), [])
                if tensor.id not in ids:
                    ids.append(tensor.id)
    if not order:
        raise ValueError("no parameter has a gradient here: call backward() first, or pass a result of parameters")
    lengths = np.array([[_together(now.gradients[id].value for id in ids)] for ids in order.values()])
    weights = np.array([[_together(now.values[id] for id in ids)] for ids in order.values()])
    with np.errstate(all="ignore"):
        ratios = lengths / weights
    return Flow(recording.title, tuple(order), ("1",), "", lengths, ratios, np.full_like(ratios, np.nan), ())


def _layer(name: str) -> str:
    """Return the layer of a parameter by its name: the module's path; the tensor's own where it has none."""
    return name.rpartition(".")[0] or name


def _together(values: Iterable[Value]) -> float:
    """Return the length of some values together."""
    return math.sqrt(sum(_squares(value) for value in values))


def _squares(value: Value) -> float:
    if value.data is not None:
        return float(sum(float(one) ** 2 for one in value.data))
    assert value.summary is not None
    if value.summary.nans or value.summary.infs:
        return math.nan
    return math.prod(value.shape) * (value.summary.mean**2 + value.summary.sd**2)


# --- a run -------------------------------------------------------------------------------------------------------------


def _of_a_run(run: Run) -> Flow:
    entries = [entry for entry in run.log.entries if entry.parameters]
    if not entries:
        raise ValueError("nothing was recorded of this run: call loss.backward() while the recording is on")
    layers: dict[str, list[int]] = {}
    for place, parameter in enumerate(run.parameters):
        layers.setdefault(_layer(parameter.name), []).append(place)
    epochs = run.log.epoch_of
    across = "epoch" if run.epochs > 1 else "step"
    groups = _grouped(
        entries, (lambda entry: epochs[entry.index]) if across == "epoch" else (lambda entry: entry.index)
    )
    gradients, ratios, updates = (np.full((len(layers), len(groups)), np.nan) for _ in range(3))
    for k, (_, inside) in enumerate(groups):
        for i, places in enumerate(layers.values()):
            found = [_ratios([entry.parameters[one] for one in places if one in entry.parameters]) for entry in inside]
            with np.errstate(all="ignore"):
                for table, numbers in zip((gradients, ratios, updates), zip(*found, strict=True), strict=True):
                    known = [one for one in numbers if one is not None]
                    table[i, k] = float(np.mean(known)) if known else np.nan
    losses = tuple(float(np.mean([run.log.losses[entry.index] for entry in inside])) for _, inside in groups)
    return Flow(run.title, tuple(layers), tuple(name for name, _ in groups), across, gradients, ratios, updates, losses)


def _grouped(entries: Sequence[Entry], key: Callable[[Entry], int]) -> list[tuple[str, list[Entry]]]:
    """Put steps together by their epoch; several epochs where there are too many."""
    groups: dict[int, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    numbers = list(groups)
    size = math.ceil(len(numbers) / MOST_COLUMNS)
    made = []
    for start in range(0, len(numbers), size):
        some = numbers[start : start + size]
        name = str(some[0]) if size == 1 else f"{some[0]}–{some[-1]}"
        made.append((name, [entry for one in some for entry in groups[one]]))
    return made


def _ratios(parts: Sequence[ParameterEntry]) -> tuple[float | None, float | None, float | None]:
    """Return ‖gradient‖, the same beside ‖weights‖, and ‖update‖ beside ‖weights‖ of one layer in one step."""
    weights = math.sqrt(sum(_weight(part) ** 2 for part in parts))
    known = [one for part in parts if (one := gradient_norm(part)) is not None]
    length = math.sqrt(sum(one**2 for one in known)) if known else None
    length = math.inf if length is not None and math.isnan(length) else length
    moved = [one for part in parts if not math.isnan(one := update_norm(part))]
    update = math.sqrt(sum(one**2 for one in moved)) if moved else None
    beside = weights or math.nan
    return length, None if length is None else length / beside, None if update is None else update / beside


def _weight(part: ParameterEntry) -> float:
    if isinstance(part.before, np.ndarray):
        return norm(part.before)
    summary = part.before.facts[0]
    return math.sqrt(math.prod(part.before.shape) * (summary.mean**2 + summary.sd**2))
