"""Steps for the player: each is what changes in the picture, and what is said about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gradviz.drawing.face import Face, show
from gradviz.drawing.view import Arrow, Card, View
from gradviz.recording.model import Equation, Frame, Part, RecordedOperation, Recording


def steps(recording: Recording, view: View) -> list[dict[str, Any]]:
    """Return a recording's steps as plain JSON data; the first holds the whole picture, the others what changes.

    Parameters
    ----------
    recording
        What was computed.
    view
        How it is shown.
    """
    operations = {operation.id: operation for operation in recording.graph.operations}
    arrows: dict[str, list[Arrow]] = {}
    for arrow in view.arrows:
        arrows.setdefault(arrow.operation, []).append(arrow)
    cards = {id: card for card in view.cards for id in _tensors_on(card)}
    discs = {disc.operation.id: disc for disc in view.discs}
    result = []
    so_far = Face()
    for moment in recording.moments():
        frame = moment.frame
        assert frame is not None
        now = Face()
        if moment.step == 0:
            show(now, view, moment, view.cards, view.discs, view.arrows)
        else:
            # A step changes the tensors it gives numbers to, and the operation it is about with its edges.
            ids = dict.fromkeys([*(id for id, _ in frame.values), *(g.tensor for g in frame.gradients)])
            disc = [discs[frame.current]] if frame.current in discs else []
            show(now, view, moment, [cards[id] for id in ids if id in cards], disc, arrows.get(frame.current, ()))
        operation = operations.get(frame.current)
        lit = _drawn(_highlights(frame, operation), view, cards)
        result.append({**_words(frame, operation), **lit, **so_far.take(now)})
    return result


def _tensors_on(card: Card) -> tuple[str, ...]:
    return (card.tensor.id,) if card.shared is None else card.shared.tensors


def _words(frame: Frame, operation: RecordedOperation | None) -> dict[str, Any]:
    source = operation.source if operation is not None else None
    return {
        "phase": frame.phase,
        "title": frame.title,
        "sentence": frame.sentence,
        "reason": frame.reason,
        "equation": [_line(equation) for equation in frame.equation],
        "source": None if source is None else asdict(source),
    }


def _line(equation: Equation) -> dict[str, Any]:
    """Return a line as plain JSON data. Of its parts those that show numbers say whose they are; the others are text."""
    line: dict[str, Any] = {"text": equation.text, "kind": equation.kind}
    if equation.argument:
        line["argument"] = equation.argument
    if equation.sides:
        line |= {"sides": [_side(side) for side in equation.sides], "relations": list(equation.relations)}
    return line


def _side(side: tuple[Part, ...]) -> list[str | dict[str, Any]]:
    found: list[str | dict[str, Any]] = []
    text = ""
    for part in side:
        if part.kind != "array" and not (part.kind == "number" and part.tensor):
            text += part.text
            continue
        found += [text] if text else []
        text = ""
        whose = {"tensor": part.tensor, "role": part.role} if part.tensor else {}
        turned = {"transposed": True} if part.transposed else {}
        found.append({"text": part.text, "kind": part.kind, **whose, **turned})
    return found + ([text] if text else [])


def _drawn(highlights: dict[str, list[str]], view: View, cards: dict[str, Card]) -> dict[str, list[str]]:
    """Return what is at work by where it is drawn: tensors that are drawn together have one card, and one arrow to each."""
    if not any(card.shared is not None for card in view.cards):
        return highlights
    arrows = {arrow.key for arrow in view.arrows}
    there = {*arrows, *(disc.operation.id for disc in view.discs)}
    where = {id: card.tensor.id for id, card in cards.items()}
    return {
        part: list(dict.fromkeys(where.get(id, id) for id in ids if id in there or id in where))
        for part, ids in highlights.items()
    }


def _highlights(frame: Frame, operation: RecordedOperation | None) -> dict[str, list[str]]:
    """What is at work in a step: the operation with the edges in use, and the tensors it reads and writes."""
    if operation is None:
        current = [frame.current] if frame.current else []
        return {"current": current, "touched": [] if current else [id for id, _ in frame.values]}
    if frame.phase == "forward":
        edges = [argument.id for argument in operation.inputs]
        tensors = [argument.tensor for argument in operation.inputs]
    else:
        edges = [contribution.argument for contribution in frame.contributions]
        tensors = [gradient.tensor for gradient in frame.gradients]
    out = [f"{operation.id}_{output}" for output in operation.outputs]
    return {
        "current": [operation.id, *edges, *out],
        "touched": list(dict.fromkeys([*tensors, *operation.outputs])),
    }
