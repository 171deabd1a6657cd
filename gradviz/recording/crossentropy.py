"""A cross-entropy as it was written: one operation, and not a log_softmax and the negative log-likelihood of what it makes.

Its step on the way back says what the two do together: each score gets its probability minus the target, which is 1 for the
right class and 0 for the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.recording import equations, sentences, words
from gradviz.recording.formulas import Side, Term, array_of
from gradviz.recording.later import changed, later
from gradviz.recording.model import (
    Argument,
    Contribution,
    Equation,
    Frame,
    Link,
    Part,
    RecordedOperation,
    Recording,
    Value,
)
from gradviz.recording.products import STANDS_FOR
from gradviz.recording.values import value_of

NAME, SYMBOL = "cross_entropy", "cross-entropy"

LONGEST_TARGET = 8
"""So long may the targets' name be in the name of what they are as zeros and ones."""

MOST_EXAMPLES = 6
"""Of so many examples the probabilities of the right classes are written out."""

MEAN, SUM = "1", "2"
"""How a row's settings name the ways to reduce a loss."""


def softmax(scores: Any, axis: int) -> Any:
    """Turn scores into probabilities along an axis."""
    raised = np.exp(scores - np.max(scores, axis, keepdims=True))
    return raised / np.sum(raised, axis, keepdims=True)


def one_hot(target: Any, shape: tuple[int, ...], axis: int) -> Any:
    """Return a 1 at each right class and 0 elsewhere, for scores of a shape with an axis of classes."""
    classes = np.arange(shape[axis]).reshape([-1 if place == axis else 1 for place in range(len(shape))])
    wide = np.reshape(target, [length for place, length in enumerate(shape) if place != axis])
    return (np.expand_dims(wide, axis) == classes) * 1.0


def cross_entropies(recording: Recording) -> Recording:
    """Fold each log_softmax into the negative log-likelihood for which it was made, where all examples count alike.

    Parameters
    ----------
    recording
        What was computed.

    Returns
    -------
    Recording
        With one operation for each cross-entropy; the same recording if there is none.
    """
    graph, found = recording.graph, list[_Pair]()
    if "nll_loss" not in graph.outline.names:
        return recording
    known = {id: value for frame in recording.frames if frame.phase == "forward" for id, value in frame.values}
    users: dict[str, int] = {}
    for _, argument in graph.arguments():
        users[argument.tensor] = users.get(argument.tensor, 0) + 1
    for loss in graph.operations:
        between = graph.tensor(loss.inputs[0].tensor) if loss.name == "nll_loss" else None
        if between is None or between.producer is None or between.role != "intermediate" or users[between.id] > 1:
            continue
        first = graph.operation(between.producer)
        together = first.source == loss.source and first.source is not None and first.module == loss.module
        if first.name == "log_softmax" and together and not between.named:
            names = first.inputs[0].tensor, loss.inputs[-1].tensor
            pair = _pair(first, loss, known, (graph.tensor(names[0]).name, graph.tensor(names[1]).name))
            found += [pair] if pair is not None else []
    return _Folding(recording, found).recording() if found else recording


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two operations of a cross-entropy, and what they are about.

    Attributes
    ----------
    first, loss
        The log_softmax, and the negative log-likelihood.
    probabilities, targets
        In the scores' shape.
    count
        How many examples the loss is the mean of; 1 where they are summed.
    names
        Of the scores, and of what they are to say.
    """

    first: RecordedOperation
    loss: RecordedOperation
    probabilities: Value
    targets: Value
    count: int
    names: tuple[str, str]

    @property
    def one_hot(self) -> str:
        """What to call the targets as zeros and ones."""
        name = self.names[1]
        return f"onehot({name if len(name) <= LONGEST_TARGET else '…'})"

    @property
    def examples(self) -> int:
        return self.probabilities.shape[0] if len(self.probabilities.shape) > 1 else 1

    @property
    def sentence(self) -> str:
        """Say what it sends to its scores."""
        key = "cross entropy, mean" if self.count > 1 else "cross entropy"
        return text(key, scores=self.names[0], target=self.one_hot, examples=self.examples)

    @property
    def way_forward(self) -> str:
        """Say what it computes."""
        key = "cross entropy forward, mean" if self.count > 1 else "cross entropy forward, sum"
        return text(
            "cross entropy forward" if self.examples == 1 else key, scores=self.names[0], examples=self.examples
        )

    @property
    def scores(self) -> Argument:
        return self.first.inputs[0]

    @property
    def target(self) -> Argument:
        return self.loss.inputs[1]


def _pair(
    first: RecordedOperation, loss: RecordedOperation, known: Mapping[str, Value], names: tuple[str, str]
) -> _Pair | None:
    settings = dict(loss.attributes)
    scores, target = (known.get(argument.tensor) for argument in (first.inputs[0], loss.inputs[-1]))
    if len(loss.inputs) != 2 or settings.get("weight") != "None" or settings.get("reduction") not in (MEAN, SUM):
        return None
    if scores is None or scores.data is None or target is None or target.data is None:
        return None
    axis = len(scores.shape) - 1  # of a batch of scores, or of those of one example
    wanted, right = np.asarray(array_of(target)), np.asarray(array_of(scores))
    if len(scores.shape) not in (1, 2) or np.any((wanted < 0) | (wanted >= scores.shape[axis])):
        return None
    count = wanted.size if settings["reduction"] == MEAN else 1
    with np.errstate(all="ignore"):
        probabilities = value_of(np.asarray(softmax(right, axis), right.dtype))
    targets = value_of(one_hot(wanted, scores.shape, axis).astype(right.dtype))
    return _Pair(first, loss, probabilities, targets, count, names)


class _Folding:
    """A recording's parts, and those in which cross-entropies are one."""

    def __init__(self, recording: Recording, pairs: Sequence[_Pair]) -> None:
        self.before, self.graph = recording, recording.graph
        self.pair_of = {operation.id: pair for pair in pairs for operation in (pair.first, pair.loss)}
        self.hidden = {pair.first.outputs[0] for pair in pairs}

    def recording(self) -> Recording:
        """Return the recording with cross-entropies."""
        operations = []
        for operation in self.graph.operations:
            pair = self.pair_of.get(operation.id)
            if pair is None:
                operations.append(operation)
            elif operation is pair.loss:
                operations.append(_operation(pair))
        tensors = tuple(tensor for tensor in self.graph.tensors if tensor.id not in self.hidden)
        graph = replace(self.graph, tensors=tensors, operations=tuple(operations))
        return self.before.of(graph, self._frames)

    def _frames(self) -> Iterator[Frame]:
        values: dict[str, Value] = {}
        gradients: dict[str, Value] = {}
        for frame in self.before.frames:
            values.update(frame.values)
            pair = self.pair_of.get(frame.current)
            if pair is None:
                yield frame
            elif frame.phase == "forward" and frame.current == pair.loss.id:
                yield self._forward(pair, frame, values)
            elif frame.phase == "backward" and frame.current == pair.first.id:
                yield self._backward(pair, frame, gradients.get(pair.loss.outputs[0]))
            gradients.update((gradient.tensor, gradient.value) for gradient in frame.gradients)

    def _forward(self, pair: _Pair, frame: Frame, values: Mapping[str, Value]) -> Frame:
        result = self.graph.tensor(pair.loss.outputs[0])
        terms = [
            Term(name, values[argument.tensor], argument.tensor, "value")
            for name, argument in zip(pair.names, (pair.scores, pair.target), strict=True)
        ]
        made = Term(result.name, dict(frame.values)[result.id], result.id, "value")

        def told() -> Mapping[str, Any]:
            right = equations.of_function(NAME, terms, replace(made, symbol=""))
            symbols = right[0][0]
            if pair.examples <= MOST_EXAMPLES:
                right = _of_probabilities(pair, symbols, replace(made, symbol=""))
            return {
                "sentence": sentences.computed(result.name, pair.names, pair.way_forward),
                "equation": (equations.named(made, symbols, right),),
            }

        return later(
            Frame,
            (told,),
            phase="forward",
            current=pair.loss.id,
            title=result.name,
            reason="",
            values=frame.values,
            contributions=(),
            gradients=(),
        )

    def _backward(self, pair: _Pair, frame: Frame, upstream: Value | None) -> Frame:
        edge = pair.loss.inputs[0].id
        return later(
            Frame,
            (self._told, pair, frame, upstream),
            phase="backward",
            current=pair.loss.id,
            title=pair.loss.grad_fn or NAME,
            sentence=pair.sentence,
            values=(),
            contributions=tuple(Contribution(edge, contribution.value) for contribution in frame.contributions),
            gradients=frame.gradients,
        )

    def _told(self, pair: _Pair, frame: Frame, upstream: Value | None) -> Mapping[str, Any]:
        edge = pair.loss.inputs[0].id
        lines = []
        for line in frame.equation:
            if line.kind == "contribution" and upstream is not None:
                result = self.graph.tensor(pair.loss.outputs[0])
                name = words.gradient_name(line.sides[0][0].text[1:].partition("/")[0], result.name)
                lines.append(_sent(pair, edge, line, Term(name, upstream, result.id, "gradient"), frame))
            else:
                lines.append(equations.renamed(line, {pair.scores.id: edge}))
        between, made = (self.graph.tensor(operation.outputs[0]).name for operation in (pair.first, pair.loss))
        return {"reason": frame.reason.replace(between, made).partition(" For this")[0], "equation": tuple(lines)}


def _operation(pair: _Pair) -> RecordedOperation:
    told = f"(p − {pair.one_hot})/{pair.count}" if pair.count > 1 else f"p − {pair.one_hot}"
    letters = "ab"[: len(pair.probabilities.shape)]
    local = (np.asarray(array_of(pair.probabilities)) - np.asarray(array_of(pair.targets))) / pair.count
    argument = pair.loss.inputs[0]
    link = Link(letters, "", letters, value=value_of(local), text=told)
    changes = {"tensor": pair.scores.tensor, "local": told if argument.local else "", "local_number": "", "link": link}
    stands_for = ", ".join(each.grad_fn or each.name for each in (pair.first, pair.loss))
    return replace(
        pair.loss,
        name=NAME,
        symbol=SYMBOL,
        inputs=(changed(argument, **changes), *pair.loss.inputs[1:]),
        attributes=((STANDS_FOR, stands_for), *pair.loss.attributes),
        saved=tuple(
            (name, pair.scores.tensor if what == pair.first.outputs[0] else what) for name, what in pair.loss.saved
        ),
        sentence=pair.sentence,
    )


def _of_probabilities(pair: _Pair, symbols: Side, made: Term) -> equations.Right:
    """Write a cross-entropy with the probabilities of the right classes: ``−(ln(0.7) + ln(0.2))/2``."""
    probabilities = np.asarray(array_of(pair.probabilities))
    right = np.sum(probabilities * np.asarray(array_of(pair.targets)), -1, dtype=probabilities.dtype)
    terms = [Term("", value_of(np.asarray(one))) for one in np.ravel(right)]

    def compute(*ones: Any) -> Any:
        return -sum(np.log(one) for one in ones) / pair.count

    def numbers(*texts: Any) -> Side:
        logs: list[Part] = []
        for term, written in zip(terms, texts, strict=True):
            with np.errstate(divide="ignore"):
                value = value_of(np.asarray(np.log(term.array)))
            logs += [Part(" + ", "sign"), *equations.call("ln", (term.numeric(written),), value)]
        if len(terms) == 1:
            return Part("−", "sign"), *logs[1:]
        mean = (Part("/", "sign"), Part(f"{pair.count}", "number", value_of(np.asarray(float(pair.count)))))
        return Part("−", "sign"), Part("(", "sign"), *logs[1:], Part(")", "sign"), *(mean if pair.count > 1 else ())

    return equations.told(symbols, terms, made, compute, numbers)


def _sent(pair: _Pair, edge: str, line: Equation, above: Term, frame: Frame) -> Equation:
    """Write what a cross-entropy sends to its scores: ``∂L/∂logits = (p − onehot(y))/4``, with the numbers of both."""
    sent = next(each.value for each in frame.contributions if each.argument == pair.scores.id)
    made = Term("", sent, edge, "contribution")
    terms = [Term("p", pair.probabilities), Term(pair.one_hot, pair.targets)]
    more: tuple[Part, ...] = (Part(f"/{pair.count}", "sign"),) if pair.count > 1 else ()
    is_one = above.value.data == (1,)

    def side(gradient: Part, first: Part, second: Part) -> Side:
        difference: Side = (first, Part(" − ", "sign"), second)
        if more or not is_one:
            difference = (Part("(", "sign"), *difference, Part(")", "sign"), *more)
        return difference if is_one else (gradient, Part(" · ", "sign"), *difference)

    def compute(gradient: Any, first: Any, second: Any) -> Any:
        return gradient * (first - second) / pair.count

    def numbers(gradient: Any, first: Any, second: Any) -> Side:
        return side(above.numeric(gradient), terms[0].numeric(first), terms[1].numeric(second))

    symbols = side(above.symbolic(), *(term.symbolic() for term in terms))
    return equations.contribution(edge, line, equations.told(symbols, [above, *terms], made, compute, numbers))
