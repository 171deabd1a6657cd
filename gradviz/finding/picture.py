"""The path from a result back to a tensor, with the place where it is cut: a recording that is drawn as any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradviz.drawing import Drawing, draw_recording
from gradviz.drawing.alarms import ALARMED, CUT
from gradviz.drawing.part import part
from gradviz.engine.tensor import Tensor
from gradviz.finding.answer import Finding
from gradviz.recording.later import changed
from gradviz.recording.model import Argument, Frame, Graph, RecordedOperation, RecordedTensor, Recording, Role
from gradviz.recording.values import dtype_text, value_of

if TYPE_CHECKING:
    from gradviz.finding.causes import Question
    from gradviz.finding.reach import Way

MOST_WHOLE = 24
"""Tensors and operations that a picture shows all of; of more only those on the path."""

OF_THE_LOOP = {"optimizer", "lr 0", "no step", "no zero_grad", "zero_grad before step", "cleared", "well"}
"""Causes that no path shows."""

ID = "x0"
"""The id of the cut in the recording."""


def picture_of(question: Question, way: Way | None, findings: Sequence[Finding]) -> Drawing | None:
    """Draw the path from a result to a tensor.

    Parameters
    ----------
    question
        What was asked.
    way
        Where the path is cut, if it is.
    findings
        What was found: the first is written at the cut.

    Returns
    -------
    Drawing or None
        ``None`` if there is nothing to draw.
    """
    output = question.output
    if output is None or (way is None and findings[0].cause in OF_THE_LOOP):
        return None
    if way is None:
        if output._grad_fn is None:
            return None
        recording = _marked(_recorded([output], question), findings)
        return draw_recording(
            _on_the_path(recording, _ids(recording, question, [question.tensor]), _ids(recording, question, [output]))
        )
    # Of what is gone there is nothing to draw: the cut then stands behind the tensor that was asked about.
    source = question.tensor if way.source is None or not way.source.array.size else way.source
    results = [one for one in dict.fromkeys((output, source)) if one._grad_fn is not None]
    recording = _recorded(results, question) if results else _nothing()
    recording = _joined(recording, question, way, source, findings[0])
    start = _ids(recording, question, [question.tensor]) or _ids(recording, question, [source]) or {"x1"}
    return draw_recording(_on_the_path(recording, start, _ids(recording, question, [output]) or {"x2"}))


def _marked(recording: Recording, findings: Sequence[Finding]) -> Recording:
    """Mark the operations that pass nothing on."""
    where = {one.operation: one for one in findings if one.operation}
    if not where:
        return recording
    graph = recording.graph
    operations = tuple(
        replace(one, attributes=(*one.attributes, (ALARMED, where[one.id].cause))) if one.id in where else one
        for one in graph.operations
    )
    return replace_keeping(recording, graph=replace(graph, operations=operations))


def _recorded(results: Sequence[Tensor], question: Question) -> Recording:
    recording = question.world.recorded(results)
    return replace_keeping(recording, title=f"{question.output_name} → {question.name}")


def replace_keeping(recording: Recording, **changes: object) -> Recording:
    """Return a recording with other fields, which can still be computed again."""
    other = replace(recording, **changes)  # type: ignore[arg-type]
    object.__setattr__(other, "again", recording.again)
    return other


def _nothing() -> Recording:
    return Recording(Graph((), ()), (Frame("forward", "", "", ""),))


def _ids(recording: Recording, question: Question, tensors: Sequence[Tensor]) -> set[str]:
    return {id for one in tensors if (id := question.world.id_in(recording, one)) is not None}


def _joined(recording: Recording, question: Question, way: Way, source: Tensor, finding: Finding) -> Recording:
    """Put the cut between what it was cut off from and what it made, as an operation through which no gradient flows."""
    graph, end = recording.graph, way.end.tensor
    tensors = list(graph.tensors)
    values = []
    ids = {one: next(iter(_ids(recording, question, [one])), "") for one in (source, end)}
    if way.cut.value is not None and (constant := _constant(recording, way.cut.value)):
        ids[end] = constant
    for one, id in ((source, "x1"), (end, "x2")):
        if not ids[one]:
            ids[one] = id
            role: Role = "output" if one is question.output else "parameter" if one._requires_grad else "input"
            name = question.world.name_of(one) or ("a copy" if one is end else "what was computed")
            tensors.append(
                RecordedTensor(id, name, True, role, one.array.shape, dtype_text(one.array.dtype), one._requires_grad)
            )
            values.append((id, value_of(one.array)))
    if ids[source] == ids[end]:
        return recording
    where = f"line {finding.line.number}" if finding.line is not None else ""
    cut = RecordedOperation(
        ID,
        CUT,
        None,
        "✂",
        (Argument(f"{ID}_0", "self", ids[source]),),
        (ids[end],),
        0,
        tuple((name, told) for name, told in (("why", _word(way)), ("where", where)) if told),
        sentence=finding.sentence,
    )
    tensors = [_as_joined(one, ids[source], ids[end], question, source) for one in tensors]
    users = [place for place, one in enumerate(graph.operations) if any(a.tensor == ids[end] for a in one.inputs)]
    made = [place + 1 for place, one in enumerate(graph.operations) if ids[source] in one.outputs]
    at = max([min(users, default=len(graph.operations)), *made])
    operations = (*graph.operations[:at], cut, *graph.operations[at:])
    first, *others = recording.frames
    frames = (changed(first, values=(*first.values, *values)), *others)
    return replace_keeping(
        recording,
        graph=replace(graph, tensors=tuple(tensors), operations=operations),
        frames=frames,
        title=f"{question.output_name} → {question.name}",
    )


def _constant(recording: Recording, number: float) -> str:
    """Return the id of a plain number in a computation, as which a tensor's number came back."""
    values = dict(recording.frames[0].values)
    same = (one for one in recording.graph.tensors if one.role == "constant" and one.id in values)
    return next((one.id for one in same if values[one.id].data == (number,)), "")


def _as_joined(one: RecordedTensor, source: str, end: str, question: Question, cut_off: Tensor) -> RecordedTensor:
    """Give the two tensors at a cut the roles that they have in the whole."""
    if one.id == end:
        return replace(one, producer=ID, role="intermediate" if one.role == "input" else one.role)
    if one.id == source and one.role == "output" and cut_off is not question.output:
        return replace(one, role="intermediate")
    return one


WORDS: Mapping[str, str] = {
    "data": ".data", "item": ".item()", "float": "float()", "tolist": ".tolist()", "numpy": ".numpy()",
    "tensor": "torch.tensor()",
}  # fmt: skip


def _word(way: Way) -> str:
    cut = way.cut
    return WORDS.get(cut.kind, cut.word if cut.kind in ("integers", "comparison") else f"{cut.word}()")


def _on_the_path(recording: Recording, starts: set[str], ends: set[str]) -> Recording:
    """Cut a large recording down to what lies between two tensors."""
    graph = recording.graph
    if len(graph.tensors) + len(graph.operations) <= MOST_WHOLE or not starts:
        return recording
    after, before = set(starts), set(ends)
    for operation in graph.operations:
        if any(argument.tensor in after for argument in operation.inputs):
            after.update(operation.outputs)
    for operation in reversed(graph.operations):
        if any(output in before for output in operation.outputs):
            before.update(argument.tensor for argument in operation.inputs)
    on = after & before
    places = {
        place
        for place, one in enumerate(graph.operations)
        if on.intersection(one.outputs) and any(argument.tensor in on for argument in one.inputs)
    }
    if not places:
        return recording
    tensors = {
        id
        for place in places
        for id in (*(a.tensor for a in graph.operations[place].inputs), *graph.operations[place].outputs)
    }
    return part(recording, tensors, places)


__all__ = ["picture_of"]
