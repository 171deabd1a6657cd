"""Why a parameter does not move, or moves oddly: what its optimiser does with its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as Collection
from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.finding.answer import Finding, found
from gradviz.finding.lines import line_of
from gradviz.finding.world import World


def of_optimizers(
    tensor: Tensor,
    name: str,
    world: World,
    optimizers: Sequence[Any],
    owned: Sequence[Tensor],
    besides: Collection[int],
    *,
    asked: bool,
    cleared: bool,
) -> list[Finding]:
    """Say what is wrong between a leaf and its optimisers; nothing if there is no optimiser at all.

    Parameters
    ----------
    tensor, name
        The leaf, and what it is called.
    world
        Whose program it is.
    optimizers
        Those that there are, or that were asked about.
    owned
        The parameters of the models that there are: an optimiser whose parameters no model has any more is left over.
    besides
        The leaves of the same result, by their ids: an optimiser that has none of them is for something else.
    asked
        Whether the question is about these optimisers.
    cleared
        Whether its gradient was taken away.
    """
    if not optimizers or not tensor._requires_grad or tensor._grad_fn is not None:
        return []
    mine = [one for one in optimizers if any(held is tensor for held in world.parameters_of(one))]
    if not mine:
        concerned = [one for one in optimizers if asked or not besides.isdisjoint(map(id, world.parameters_of(one)))]
        return [_had_by_none(tensor, name, world, concerned, owned)] if concerned else []
    told: list[Finding] = []
    for optimizer in mine:
        group = next(
            each for each in optimizer.param_groups if any(world.tensor(one) is tensor for one in each["params"])
        )
        if float(group.get("lr", 1)) == 0:
            made = _made(world, optimizer)
            told.append(found("lr 0", line_of(made), name=name))
        told += _steps(tensor, name, world, optimizer, cleared=cleared)
    return told


def _had_by_none(
    tensor: Tensor, name: str, world: World, optimizers: Sequence[Any], owned: Sequence[Tensor]
) -> Finding:
    models = {id(one) for one in owned}
    for optimizer in optimizers:
        left = [one for one in world.parameters_of(optimizer) if id(one) not in models and one.shape == tensor.shape]
        if left and id(tensor) in models:
            made = _made(world, optimizer)
            return found("optimizer", line_of(made), "optimizer too early", advice="optimizer too early", name=name)
    made = _made(world, optimizers[0])
    return found("optimizer", line_of(made), name=name)


def _made(world: World, optimizer: Any) -> Any:
    life = world.life_of(optimizer)
    return None if life is None else life.made


def _steps(tensor: Tensor, name: str, world: World, optimizer: Any, *, cleared: bool) -> list[Finding]:
    life, happened = world.life_of(optimizer), world.happened
    if life is None:
        return []
    if not life.steps:
        return [found("no step", line_of(life.made), name=name)] if happened.last else []
    (_, last), gone = life.steps[-1], tensor._forgotten
    if gone is not None and happened.last < gone[1] < last:
        return [found("zero_grad before step", line_of(gone[0]), name=name)]
    if len(life.steps) == 2 and not cleared and tensor._grad is not None:
        before = life.steps[0][1]
        if before < happened.last < last and (gone is None or gone[1] < before):
            return [found("no zero_grad", line_of(happened.origin), name=name)]
    return []
