"""`why`: the question that brings most people here, answered from what the engine, or PyTorch, knows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from gradviz.engine.mixed import is_pytorchs
from gradviz.finding.answer import Answer, Finding, found
from gradviz.finding.causes import Question, causes_of, listed, well
from gradviz.finding.optimizers import of_optimizers
from gradviz.finding.picture import picture_of
from gradviz.finding.reach import Reach, results_in
from gradviz.finding.registered import left_out
from gradviz.finding.world import EngineWorld, World
from gradviz.recording.names import variables_of

if TYPE_CHECKING:
    from gradviz.engine.tensor import Tensor

USUAL = ("loss", "cost", "error", "objective", "total", "out", "output", "y", "f", "z")
"""What a result is called most often."""


def why(subject: Any, loss: Any = None, *, optimizer: Any = None) -> Answer:
    """Say why a gradient is ``None``, or zero, or why nothing learns; or that nothing is wrong.

    Parameters
    ----------
    subject
        The tensor whose ``.grad`` is not what was expected; or a module, whose parameters are all looked at. One of gradviz's or
        of PyTorch's: of a program of PyTorch's the line that cuts is known if it ran inside of ``with gv.watch():``.
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
    frame = sys._getframe(1)
    return answer(subject, loss, optimizer, variables_of(frame), file=frame.f_code.co_filename)


def answer(
    subject: Any,
    loss: Any,
    optimizer: Any,
    variables: Sequence[Mapping[str, Any]],
    *,
    draw: bool = True,
    file: str = "",
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
    file
        Of the caller's code.
    """
    world = _world_of(subject, loss, variables, file)
    with world.aside():
        return _answer(world, subject, loss, optimizer, draw=draw)


def _answer(world: World, subject: Any, loss: Any, optimizer: Any, *, draw: bool) -> Answer:
    if loss is not None and (loss := world.tensor(given := loss)) is None:
        raise TypeError(f"loss has to be a tensor, but got {type(given).__name__}: pass what backward() is called on")
    if optimizer is not None and not world.is_optimizer(optimizer):
        raise TypeError(f"optimizer has to be one of the program's optimisers, but got {type(optimizer).__name__}")
    tensor = world.tensor(subject)
    if tensor is None and not world.is_module(subject):
        raise TypeError(
            f"why() is asked of a tensor or a module, but got {type(subject).__name__}: pass the parameter itself, "
            "as in why(w) or why(model.fc1.weight)"
        )
    if loss is None:
        loss = _result_for(tensor, world)
    optimizers = [optimizer] if optimizer is not None else world.optimizers()
    if tensor is None:
        return _of_a_module(subject, loss, optimizers, world, asked=optimizer is not None)
    owned = [
        world.tensor(one)
        for scope in world.variables
        for module in list(scope.values())
        if world.is_module(module)
        for one in module.parameters()
    ]
    return _of_a_tensor(tensor, loss, optimizers, world, owned, asked=optimizer is not None, draw=draw)


def _world_of(subject: Any, loss: Any, variables: Sequence[Mapping[str, Any]], file: str) -> World:
    if not is_pytorchs(subject):
        return EngineWorld(variables)
    # It stands above this, and is loaded where PyTorch is.
    made: Callable[..., World] = resolve_name("gradviz.pytorch.asked:TorchWorld")
    return made(subject, loss, variables, file)


def _of_a_tensor(
    tensor: Tensor,
    loss: Tensor | None,
    optimizers: Sequence[Any],
    world: World,
    owned: Sequence[Tensor],
    *,
    asked: bool,
    draw: bool = True,
) -> Answer:
    name = world.name_of(tensor) or "this tensor"
    called = "" if loss is None else world.name_of(loss) or "the result"
    question = Question(tensor, name, loss, called, world)
    told, way = causes_of(question)
    cleared = any(one.cause == "cleared" for one in told)
    if not told or cleared or told[0].cause in ("no backward", "dead", "saturated"):
        besides = set() if loss is None else set(Reach(loss, world).leaves)
        moved = of_optimizers(tensor, name, world, optimizers, owned, besides, asked=asked, cleared=cleared)
        told = [*moved, *told] if cleared or (told and told[0].cause in ("dead", "saturated")) else [*told, *moved]
    findings = tuple(told) or (well(question),)
    picture = picture_of(question, way, findings) if draw and loss is not None else None
    return Answer(name, findings, picture)


def _of_a_module(module: Any, loss: Tensor | None, optimizers: Sequence[Any], world: World, *, asked: bool) -> Answer:
    """Put together what is found of all of a module's parameters: what several share is told once."""
    owned = [world.tensor(one) for one in module.parameters()]
    groups: dict[tuple[str, str], tuple[list[str], Finding]] = {}
    name = world.module_name(module) or type(module).__name__
    for path, parameter in module.named_parameters():
        one = _of_a_tensor(world.tensor(parameter), loss, optimizers, world, owned, asked=asked, draw=False)
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


def _result_for(subject: Any, world: World) -> Tensor | None:
    """Return the result that is meant: what ``backward()`` was called on last, or the likeliest among the variables."""
    happened = world.happened
    last: Tensor | None = None if happened.output is None else happened.output()
    among = [
        (name, one)
        for scope in world.variables
        for name, value in list(scope.items())
        if (one := world.tensor(value)) is not None and one is not subject
    ]
    usual = [one for wanted in USUAL for name, one in among if name == wanted]
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
    results = results_in(one for _, one in among)
    single = [one for one in results if one.array.size == 1]
    named = [one for one in usual if one.array.size == 1]
    return next(iter([*named, *single, *results, *usual]), None)


__all__ = ["answer", "why"]
