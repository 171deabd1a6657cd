"""What happens inside one backward step, one event at a time.

A step of the recording is an operation that runs. Inside it, a gradient arrives, is multiplied with a local derivative for
each argument, perhaps summed along what was broadcast, and added to what has come before. These events are frames
themselves, cut from the step's own: nothing is computed here that the recording does not hold, but for the sums on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from gradviz.drawing import View, steps
from gradviz.recording.model import Argument, Contribution, Frame, Gradient, Moment, Operation, Recording, Value
from gradviz.recording.words import gradient_name, shape_text, summed_text

Kind = Literal["upstream", "local", "product", "summed", "accumulate"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens inside a step.

    Attributes
    ----------
    kind
        ``upstream``: the gradient of the result arrives; ``local``: the local derivative for one argument; ``product``:
        both multiplied; ``summed``: along the axes that had been broadcast; ``accumulate``: added to what came before.
    frame
        What it makes known, in words and numbers.
    marks
        The edges and tensors it is about, by their ids.
    """

    kind: Kind
    frame: Frame
    marks: tuple[str, ...]


def events(recording: Recording) -> Iterator[tuple[Event, ...]]:
    """Go through a recording's steps, and return the events inside each; a step without any has none.

    Parameters
    ----------
    recording
        What was computed, and what the backward pass did.
    """
    expected: dict[str, int] = {}
    for frame in recording.frames:
        for contribution in frame.contributions:
            tensor = _argument(recording, frame.current, contribution.argument).tensor
            expected[tensor] = expected.get(tensor, 0) + 1
    output = _output(recording)
    so_far: dict[str, Value] = {}
    left = dict(expected)
    for moment in recording.moments():
        now = moment.frame
        assert now is not None
        if now.phase == "backward" and now.contributions:
            yield tuple(_inside(recording, now, moment, output, so_far, left))
            so_far.update((gradient.tensor, gradient.value) for gradient in now.gradients)
        else:
            yield ()


def event_steps(recording: Recording, view: View) -> list[list[dict[str, Any]]]:
    """Return the events inside each step as plain JSON data, with what each changes in the picture.

    Parameters
    ----------
    recording
        What was computed.
    view
        How it is shown.

    Returns
    -------
    list
        For each step its events, each as `gradviz.drawing.steps` writes a step, with its ``kind``. After the last of them
        the picture is that of the whole step.
    """
    groups = list(events(recording))
    frames: list[Frame] = []
    for frame, group in zip(recording.frames, groups, strict=True):
        if not group:
            frames.append(frame)
            continue
        frames += [event.frame for event in group[:-1]]
        frames.append(replace(group[-1].frame, contributions=frame.contributions, gradients=frame.gradients))
    written = iter(steps(replace(recording, frames=tuple(frames)), view))
    result: list[list[dict[str, Any]]] = []
    for group in groups:
        if not group:
            next(written)
            result.append([])
            continue
        inside = []
        for event in group:
            # The phase and the line of code are those of the whole step.
            step = {key: value for key, value in next(written).items() if value and key not in ("phase", "source")}
            inside.append(step | {"kind": event.kind, "current": list(event.marks), "touched": []})
        result.append(inside)
    return result


def _argument(recording: Recording, operation: str, id: str) -> Argument:
    return next(argument for argument in recording.graph.operation(operation).inputs if argument.id == id)


def _output(recording: Recording) -> str:
    """What is differentiated, by its name; ``L`` where the gradient came from outside of the picture."""
    seed = next((frame for frame in recording.frames if frame.phase == "backward"), None)
    if seed is None or not seed.gradients:
        return "L"
    data = seed.gradients[0].value.data
    ones = data is not None and all(number == 1 for number in data)
    return recording.graph.tensor(seed.gradients[0].tensor).name if ones else "L"


def _inside(
    recording: Recording, frame: Frame, moment: Moment, output: str, so_far: dict[str, Value], left: dict[str, int]
) -> Iterator[Event]:
    graph = recording.graph
    operation = graph.operation(frame.current)
    results = [graph.tensor(id) for id in operation.outputs if id in moment.gradients]
    result = results[0] if results else graph.tensor(operation.outputs[0])
    upstream = moment.gradients.get(result.id)
    lines = list(frame.equation)
    final = {gradient.tensor: gradient for gradient in frame.gradients}
    here = dict(so_far)
    above = gradient_name(output, result.name)

    def made(
        kind: Kind, title: str, sentence: str, equation: tuple[str, ...], marks: tuple[str, ...],
        contributions: tuple[Contribution, ...] = (), gradients: tuple[Gradient, ...] = (),
    ) -> Event:  # fmt: skip
        known = replace(frame, title=title, sentence=sentence, reason="", equation=equation, values=())
        return Event(kind, replace(known, contributions=contributions, gradients=gradients), marks)

    yield made(
        "upstream",
        "Upstream gradient",
        f"The gradient of {result.name} has arrived from above.",
        (f"{above} = {_number(upstream.value)}",) if upstream is not None else (),
        (*(tensor.id for tensor in results), *(f"{operation.id}_{tensor.id}" for tensor in results)),
    )
    for contribution in frame.contributions:
        argument = _argument(recording, frame.current, contribution.argument)
        target = graph.tensor(argument.tensor)
        line = lines.pop(0) if lines else ""
        more = _sum_lines(lines)
        yield made(
            "local",
            "Local derivative",
            _local_sentence(operation, argument, target.name, result.name),
            _local_line(argument, target.name, result.name),
            (argument.id,),
        )
        yield made(
            "product",
            "Contribution",
            f"The upstream gradient times the local derivative: what {result.name} sends to {target.name}.",
            (line,) if line else (),
            (argument.id,),
            contributions=(contribution,),
        )
        if contribution.summed_axes:
            yield made(
                "summed",
                "Summed where it was broadcast",
                f"{target.name} was stretched to the shape of {result.name}, so each of its entries was used several "
                f"times: their gradients are {summed_text(contribution.summed_axes)}.",
                (f"→ {shape_text(contribution.value.shape) if contribution.value.shape else 'one number'}",),
                (argument.id, target.id),
            )
        left[target.id] -= 1
        gradient = final[target.id]
        again = any(
            _argument(recording, frame.current, other.argument).tensor == target.id
            for other in frame.contributions[frame.contributions.index(contribution) + 1 :]
        )
        before = here.get(target.id)
        if again:  # the same tensor in a later slot: the step's own sum is not there yet
            value = contribution.value if before is None else _sum(before, contribution.value)
            gradient = Gradient(target.id, value, complete=False)
        here[target.id] = gradient.value
        yield made(
            "accumulate",
            "Accumulated",
            _accumulate_sentence(target.name, target.producer is None, before is not None, gradient, left[target.id]),
            tuple(more) or (f"{gradient_name(output, target.name)} = {_number(gradient.value)}",),
            (target.id, argument.id),
            gradients=(gradient,),
        )


def _sum_lines(lines: list[str]) -> list[str]:
    """Take the lines that say how the last contribution was added up."""
    found = []
    while lines and (" so far: " in lines[0] or lines[0].startswith("a hook on ")):
        found.append(lines.pop(0))
    return found


def _local_sentence(operation: Operation, argument: Argument, target: str, result: str) -> str:
    if argument.local and (argument.local.startswith("· ") or argument.local.endswith(" ·")):
        return f"How {result} depends on {target}: the upstream gradient is multiplied with this matrix."
    return f"How much {result} changes for a small change of {target}."


def _local_line(argument: Argument, target: str, result: str) -> tuple[str, ...]:
    if not argument.local:
        return ()
    parts = [gradient_name(result, target), argument.local, argument.local_number]
    return (" = ".join(part for part in parts if part),)


def _accumulate_sentence(name: str, leaf: bool, others: bool, gradient: Gradient, left: int) -> str:
    where = f"{name}.grad" if leaf else f"the gradient of {name}"
    if gradient.before is not None:
        text = f"Added to {where}, which held a gradient already, from an earlier backward()."
    elif others:
        text = f"Added to what has reached {name} along another path: gradients add up in {where}."
    elif left:
        text = f"The first gradient to reach {name}."
    else:
        text = f"This is {where}: nothing else reaches {name}."
    return f"{text} {left} more to come." if left else text


def _number(value: Value) -> str:
    from gradviz.recording import number_text

    if value.shape == () and value.data is not None:
        return number_text(value.data[0])
    return f"a gradient of shape {shape_text(value.shape)}"


def _sum(first: Value, second: Value) -> Value:
    if first.data is None or second.data is None:
        return second  # of large tensors, what the picture shows until the step is over
    return replace(first, data=tuple(a + b for a, b in zip(first.data, second.data, strict=True)))
