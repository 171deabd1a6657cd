"""Why a tensor's gradient is what it is: each cause looked for in turn, the plainest first."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradviz.engine.cut import Cut
from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor
from gradviz.finding.answer import WELL, Finding, found
from gradviz.finding.lines import Line, assignments, line_of, replaces_itself
from gradviz.finding.reach import End, Reach, Way, ways
from gradviz.finding.world import World
from gradviz.finding.zeros import zeros_on_the_way
from gradviz.recording.told import Pass

PLAIN = {"weight", "bias", "self", "data", "grad"}
"""Parts of a name that say nothing of which tensor is meant."""

TINY = 1e-7
"""A gradient this small beside its tensor moves nothing that a float32 could show."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes
    ----------
    tensor, name
        Of which tensor, and what it is called.
    output, output_name
        Of which result the gradient would be; ``None`` if there is none to be found.
    world
        Whose program it is.
    """

    tensor: Tensor
    name: str
    output: Tensor | None
    output_name: str
    world: World

    def called(self, tensor: Tensor) -> str:
        """Return the name of a tensor, or a word for one without."""
        return self.world.name_of(tensor) or "a tensor without a name"


def causes_of(question: Question) -> tuple[list[Finding], Way | None]:
    """Look for what keeps a tensor from having a useful gradient.

    Returns
    -------
    list of Finding
        Nothing if all is well.
    Way or None
        Where the path is cut, if it is.
    """
    tensor = question.tensor
    if tensor.array.dtype.kind != "f":
        return [
            found("integers", line_of(_origin(tensor._cut)), "not floating", name=question.name, dtype=_kind(tensor))
        ], None
    if tensor._grad_fn is not None:
        return _of_a_result(question)
    if not tensor._requires_grad:
        return [_wants_none(question)], None
    if question.output is None:
        return _without_a_result(question), None
    reach = Reach(question.output, question.world)
    if not reach.reaches(tensor):
        return _unreached(question, reach)
    return _reached(question, reach), None


# --- tensors that collect no gradient ----------------------------------------------------------------------------------


def _wants_none(question: Question) -> Finding:
    tensor, name = question.tensor, question.name
    if tensor._switched is not None:
        return found("frozen", line_of(tensor._switched), name=name)
    cut = tensor._cut
    if cut is not None:
        line = _made_line(cut, question)
        if line is not None and replaces_itself(line.code):
            return found("replaced", line, name=name)
        return found(cut.kind, line, f"made by {cut.kind}", advice=f"made by {cut.kind}", name=name, word=cut.word)
    return found("frozen", None, "never asked", name=name)


def _made_line(cut: Cut, question: Question) -> Line | None:
    """Return the line that made a tensor: of one made in a `no_grad` block the line in it that gives it its name."""
    line = line_of(cut.origin)
    if cut.kind != "no_grad" or cut.origin is None or not question.name.isidentifier():
        return line
    file, first = cut.origin[0].co_filename, line.number if line else 0
    later = [number for number in assignments(file, question.name) if number > first]
    if not later:
        return line
    from gradviz.finding.lines import statement
    from gradviz.recording.source import shown_name

    number, code = statement(file, later[0])
    return Line(shown_name(file), number, code)


def _of_a_result(question: Question) -> tuple[list[Finding], Way | None]:
    tensor, name = question.tensor, question.name
    assert tensor._grad_fn is not None
    line = line_of(tensor._grad_fn.origin)
    if tensor._retains_grad:
        if tensor._grad is None:
            return _without_a_pass(question), None
        return [], None
    code = "" if line is None else line.code
    if replaces_itself(code) and ".grad" in code:
        return [found("replaced", line, "replaced result", advice="replaced", name=name)], None
    if "requires_grad=True" in code.replace(" ", ""):
        return [found("not a leaf", line, "made of a leaf", advice="made of a leaf", name=name)], None
    return [found("not a leaf", line, name=name, operation=tensor._grad_fn.operation.name)], None


def _without_a_result(question: Question) -> list[Finding]:
    tensor, name = question.tensor, question.name
    if tensor._grad is not None:
        return _of_the_gradient(question, tensor._grad.array, None, None)
    if (finding := _forgotten(question)) is not None:
        return [finding]
    return [found("no backward", None, "nothing computed", name=name)]


# --- not reached ---------------------------------------------------------------------------------------------------------


def _unreached(question: Question, reach: Reach) -> tuple[list[Finding], Way | None]:
    name, output, tensor = question.name, question.output_name, question.tensor
    for end in reach.ends:
        if end.tensor is tensor and end.node is not None:
            if end.place >= 0 and end.node.operation.differentiable[end.place]:
                return [_late(question, end.node)], None
            line, operation = line_of(end.node.origin), end.node.operation.name
            return [found("no derivative", line, name=name, operation=operation)], None
    all_ways = [*ways(reach, tensor), *_escaped(reach, tensor)]
    known = [way for way in all_ways if way.sure or _mentions(way.cut, name)]
    told = []
    for way in (known or all_ways)[:3]:
        line = line_of(way.cut.origin)
        sentence = f"cut by {way.cut.kind}" if known else f"perhaps cut by {way.cut.kind}"
        at = output if way.end.node is None else question.called(way.end.tensor)
        told.append(
            found(
                way.cut.kind, line, sentence, advice=way.cut.kind, name=name, output=output, end=at, word=way.cut.word
            )
        )
    told = list({(one.cause, str(one.line)): one for one in told}.values())
    if known:
        return told, known[0]
    others = _replaced(question, reach)
    if others is not None:
        return [others, *told], None
    if output_is_bare := (question.output is not None and question.output._grad_fn is None and not told):
        late = _too_late_for(question)
        if late is not None:
            return [late], None
    used = [question.world.name_of(leaf) for leaf in reach.leaves.values()]
    listed = ", ".join(one for one in used[:6] if one) or "no tensor that wants a gradient"
    sentence = "unused" if not output_is_bare else "no graph"
    advice = sentence if question.world.sees_cuts else "unwatched"
    unused = found("unused", None, sentence, advice, name=name, output=output, used=listed)
    return [*told, unused], all_ways[0] if all_ways else None


def _late(question: Question, node: Node) -> Finding:
    since, used = line_of(question.tensor._switched), line_of(node.origin)
    when = f"line {since.number}" if since is not None else "later"
    return found("late", used, name=question.name, since=when)


def _too_late_for(question: Question) -> Finding | None:
    """Return that a gradient was asked for only after the result had been computed, if the program's lines say so."""
    switched = question.tensor._switched
    if switched is None or not question.output_name.isidentifier():
        return None
    since = line_of(switched)
    file = switched[0].co_filename
    made = [number for number in assignments(file, question.output_name) if since is None or number < since.number]
    if since is None or not made:
        return None
    from gradviz.finding.lines import statement
    from gradviz.recording.source import shown_name

    number, code = statement(file, made[-1])
    when = f"line {since.number}"
    return found("late", Line(shown_name(file), number, code), name=question.name, since=when)


def _replaced(question: Question, reach: Reach) -> Finding | None:
    """Return that the result was computed from an older tensor of the same name, if that is how it looks."""
    tensor = question.tensor
    for leaf in reach.leaves.values():
        nameless = question.world.name_of(leaf) is None
        if nameless and leaf.shape == tensor.shape and leaf.array.dtype == tensor.array.dtype:
            return found("replaced", None, "another leaf", name=question.name, output=question.output_name)
    return None


def _escaped(reach: Reach, tensor: Tensor) -> list[Way]:
    """Return the places where numbers left the graph as plain numbers, and may have come back as constants."""
    code = {id(node.origin[0]) for node in reach.nodes if node.origin is not None}
    found: list[Way] = []
    for cut in reversed(reach.world.escapes()):
        source = None if cut.source is None else cut.source()
        end = _came_back(reach, cut)
        if end is None and cut.origin is not None and id(cut.origin[0]) in code:
            end = next((one for one in reach.ends if one.tensor._cut is None), End(reach.output))
        elif end is None:
            continue
        if source is None:
            found.append(Way(cut, end, None, False))
        elif source is tensor or Reach(source, reach.world).reaches(tensor):
            found.append(Way(cut, end, source, True))
        elif source._cut is not None and ways(Reach(source, reach.world), tensor):
            way = ways(Reach(source, reach.world), tensor)[0]
            found.append(Way(way.cut, end, way.source, way.sure))
    return found


def _came_back(reach: Reach, cut: Cut) -> End | None:
    """Return the constant that a number came back as: one with the same value."""
    if cut.value is None:
        return None
    for end in reach.ends:
        if end.tensor.array.size == 1 and float(end.tensor.array.reshape(())) == float(np.float32(cut.value)):
            return end
    for node in reach.nodes:
        for one in node.inputs:
            if isinstance(one, int | float) and one == cut.value:
                return End(reach.output, node)
    return None


def _mentions(cut: Cut, name: str) -> bool:
    """Return whether the line that cut names a tensor: what was cut there is gone, but the program says what it was."""
    parts = {part for part in name.replace("[", ".").replace("]", "").split(".") if part and part not in PLAIN}
    return bool(parts & set(_words_of(cut)))


def _words_of(cut: Cut) -> Iterator[str]:
    if cut.origin is None:
        return
    from gradviz.finding import lines

    file, line = cut.origin[0].co_filename, line_of(cut.origin)
    if line is None:
        return
    for one in lines.statements(file):
        whole = cut.kind == "no_grad"  # what stands in the block counts
        last = (one.end_lineno or one.lineno) if whole else lines._end(one)
        first = min([one.lineno, *(each.lineno for each in getattr(one, "decorator_list", ()))])
        if first <= line.number <= last and (not whole or first == line.number):
            for node in ast.walk(one):
                if isinstance(node, ast.Name):
                    yield node.id
                elif isinstance(node, ast.Attribute):
                    yield node.attr


# --- reached -------------------------------------------------------------------------------------------------------------


def _reached(question: Question, reach: Reach) -> list[Finding]:
    tensor = question.tensor
    if tensor._grad is None:
        finding = _forgotten(question)
        return [finding] if finding is not None else _without_a_pass(question)
    return _of_the_gradient(question, tensor._grad.array, reach, question.world.pass_through(reach.output, reach.nodes))


def _without_a_pass(question: Question) -> list[Finding]:
    output, name = question.output, question.name
    node = None if output is None else output._grad_fn
    if node is not None and node.seen is not None:
        return [found("no backward", None, "gradient returned", name=name, output=question.output_name)]
    return [
        found("no backward", line_of(node.origin) if node is not None else None, name=name, output=question.output_name)
    ]


def _forgotten(question: Question) -> Finding | None:
    """Return that the gradient was there, and was taken away after the last ``backward()``."""
    noted = question.tensor._forgotten
    if noted is None or noted[1] < question.world.happened.last:
        return None
    return found("cleared", line_of(noted[0]), name=question.name)


def _of_the_gradient(question: Question, gradient: np.ndarray, reach: Reach | None, ran: Pass | None) -> list[Finding]:
    """Say what is odd about a gradient that there is."""
    name, output = question.name, question.output_name
    strange = int(np.count_nonzero(~np.isfinite(gradient)))
    if strange:
        return [found("not finite", None, name=name, count=strange, size=gradient.size)]
    zeros = gradient.size - int(np.count_nonzero(gradient))
    length = float(np.linalg.norm(np.asarray(gradient, np.float64)))
    told: list[Finding] = []
    if reach is not None and ran is not None:
        told = zeros_on_the_way(question, reach, ran, zeros, gradient.size, length)
    if zeros == gradient.size and not told:
        told.append(found("zero", None, name=name, output=output))
    own = float(np.linalg.norm(np.asarray(question.tensor.array, np.float64)))
    if 0 < length < TINY * max(own, 1e-30) and not told:
        told.append(found("tiny", None, name=name, length=f"{length:.2g}", own=f"{own:.2g}"))
    return told


# --- helpers -------------------------------------------------------------------------------------------------------------


def _origin(cut: Cut | None) -> tuple[object, int] | None:
    return None if cut is None else cut.origin


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def well(question: Question) -> Finding:
    """Say that nothing is wrong, and what there is."""
    gradient = question.tensor._grad
    if gradient is None:
        return found(WELL, None, "well, none yet", name=question.name)
    length = float(np.linalg.norm(np.asarray(gradient.array, np.float64)))
    told = f"{length:.3g}" if math.isfinite(length) else str(length)
    return found(WELL, None, name=question.name, length=told, count=gradient.array.size)


def listed(names: Sequence[str], most: int = 6) -> str:
    """Put names in a row: the first few, and how many more there are."""
    told = list(names[:most])
    if len(names) > most:
        return f"{', '.join(told)} and {len(names) - most} more"
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else "".join(told)
