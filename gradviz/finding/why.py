"""`why`: the question that brings most people here, answered from what the engine knows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradviz.engine.cut import happened
from gradviz.engine.tensor import Tensor
from gradviz.finding.answer import Answer, Finding, found
from gradviz.finding.causes import Question, causes_of, listed, well
from gradviz.finding.optimizers import alive, of_optimizers
from gradviz.finding.picture import picture_of
from gradviz.finding.reach import Reach, results_in
from gradviz.finding.registered import left_out
from gradviz.nn.module import Module
from gradviz.optim.optimizer import Optimizer
from gradviz.recording.engine import ENGINE
from gradviz.recording.names import Names, find_names, variables_of

USUAL = ("loss", "cost", "error", "objective", "total", "out", "output", "y", "f", "z")
"""What a result is called most often."""


def why(subject: Tensor | Module, loss: Tensor | None = None, *, optimizer: Optimizer | None = None) -> Answer:
    """Say why a gradient is ``None``, or zero, or why nothing learns; or that nothing is wrong.

    Parameters
    ----------
    subject
        The tensor whose ``.grad`` is not what was expected; or a module, whose parameters are all looked at.
    loss
        The result that was, or is to be, differentiated. By default what ``backward()`` was called on last, or else the
        youngest result among your variables.
    optimizer
        The optimiser that should move it. By default all that there are.

    Returns
    -------
    Answer
        Print it, or evaluate it in a notebook cell: what was found, with the line of your program, what to do about it, and a
        picture of the path with the place where it is cut.

    Raises
    ------
    TypeError
        If it is asked of something else than a tensor or a module.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> loss = (w * 3.0 - 1.0) ** 2
    >>> gv.why(w, loss).cause
    'no backward'
    """
    variables = variables_of(sys._getframe(1))
    return answer(subject, loss, optimizer, variables)


def answer(
    subject: Any, loss: Any, optimizer: Optimizer | None, variables: Sequence[Mapping[str, Any]], *, draw: bool = True
) -> Answer:
    """Answer as `why` does, for a caller whose variables are given.

    Parameters
    ----------
    subject, loss, optimizer
        As for `why`.
    variables
        The caller's variables, the nearest scope first.
    draw
        Whether to draw the path, too.
    """
    if loss is not None and not isinstance(loss, Tensor):
        raise TypeError(f"loss has to be a tensor, but got {type(loss).__name__}: pass what backward() is called on")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer has to be an optimiser of gradviz.optim, but got {type(optimizer).__name__}")
    names = find_names(ENGINE, variables)
    values = [value for scope in variables for value in list(scope.values())]
    modules = [value for value in values if isinstance(value, Module)]
    if loss is None:
        loss = _result_for(subject, variables)
    optimizers = [optimizer] if optimizer is not None else alive()
    if isinstance(subject, Module):
        return _of_a_module(subject, loss, optimizers, names, asked=optimizer is not None)
    if type(subject).__module__.partition(".")[0] == "torch":
        raise TypeError(
            "this is PyTorch's own: why() is asked of what was computed with gradviz, `import gradviz as torch`"
        )
    if not isinstance(subject, Tensor):
        raise TypeError(
            f"why() is asked of a tensor or a module, but got {type(subject).__name__}: pass the parameter itself, "
            "as in why(w) or why(model.fc1.weight)"
        )
    owned = [one for module in modules for one in module.parameters()]
    return _of_a_tensor(subject, loss, optimizers, names, owned, asked=optimizer is not None, draw=draw)


def _of_a_tensor(
    tensor: Tensor,
    loss: Tensor | None,
    optimizers: Sequence[Optimizer],
    names: Names,
    owned: Sequence[Tensor],
    *,
    asked: bool,
    draw: bool = True,
) -> Answer:
    name = names.of(tensor) or "this tensor"
    called = "" if loss is None else names.of(loss) or "the result"
    question = Question(tensor, name, loss, called, names)
    told, way = causes_of(question)
    cleared = any(one.cause == "cleared" for one in told)
    if not told or cleared or told[0].cause in ("no backward", "dead", "saturated"):
        besides = set() if loss is None else set(Reach(loss).leaves)
        moved = of_optimizers(tensor, name, optimizers, owned, besides, asked=asked, cleared=cleared)
        told = [*moved, *told] if cleared or (told and told[0].cause in ("dead", "saturated")) else [*told, *moved]
    findings = tuple(told) or (well(question),)
    picture = picture_of(question, way, findings) if draw and loss is not None else None
    return Answer(name, findings, picture)


def _of_a_module(
    module: Module, loss: Tensor | None, optimizers: Sequence[Optimizer], names: Names, *, asked: bool
) -> Answer:
    """Put together what is found of all of a module's parameters: what several share is told once."""
    owned = list(module.parameters())
    groups: dict[tuple[str, str], tuple[list[str], Finding]] = {}
    name = names.modules.get(id(module._tag())) or type(module).__name__
    for path, parameter in module.named_parameters():
        one = _of_a_tensor(parameter, loss, optimizers, names, owned, asked=asked, draw=False)
        for finding in one.findings[:1]:
            key = finding.cause, str(finding.line)
            groups.setdefault(key, ([], finding))[0].append(path)
    told = [*left_out(module, name)]
    for (cause, _), (paths, finding) in groups.items():
        if cause == "well":
            continue
        if len(paths) == 1:
            told.append(finding)
        else:
            together = found(
                cause,
                finding.line,
                "several",
                names=listed(paths),
                count=len(paths),
                total=len(owned),
                first=finding.sentence,
            )
            told.append(Finding(cause, together.sentence, finding.line, finding.advice))
    if not told:
        told.append(found("well", None, "well, all" if owned else "no parameters", name=name, count=len(owned)))
    return Answer(name, tuple(told))


def _result_for(subject: Any, variables: Sequence[Mapping[str, Any]]) -> Tensor | None:
    """Return the result that is meant: what ``backward()`` was called on last, or the likeliest among the variables."""
    last = None if happened.output is None else happened.output()
    usual = [scope[name] for name in USUAL for scope in variables if isinstance(scope.get(name), Tensor)]
    usual = [one for one in usual if one is not subject]
    if last is not None and last is not subject:
        # One that was computed anew since, under a usual name, is what is looked at now.
        younger = [
            one
            for one in usual
            if one._grad_fn is not None
            and last._grad_fn is not None
            and one._grad_fn.made > last._grad_fn.made
            and one.array.size == 1
        ]
        return younger[0] if younger else last
    results = [one for one in results_in(_values(variables)) if one is not subject]
    single = [one for one in results if one.array.size == 1]
    named = [one for one in usual if one.array.size == 1]
    return next(iter([*named, *single, *results, *usual]), None)


def _values(variables: Sequence[Mapping[str, Any]]) -> Iterator[object]:
    for scope in variables:
        yield from list(scope.values())


__all__ = ["answer", "why"]
