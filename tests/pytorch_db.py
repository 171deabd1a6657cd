"""PyTorch's operator database, recorded from PyTorch itself: are the gradients right, and which nodes does the table tell of?

``python tests/pytorch_db.py`` reports, ``python tests/pytorch_db.py --write`` updates ``pytorch_rows.txt``: by node, whether it is told in
the words of a row, or drawn as a box with its name.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import op_db

from gradviz.recording.model import Recording
from gradviz.recording.observe import record_graph

ROWS = Path(__file__).with_name("pytorch_rows.txt")

ROW, BOX, BOTH = "row", "box", "row or box"
"""What is known of a node: its row, its name, or, by its arguments, the one or the other."""


def listed() -> dict[str, str]:
    """Return what is held of each node."""
    return dict(line.split(" ", 1) for line in ROWS.read_text(encoding="utf-8").splitlines())


def leaves_in(value: Any) -> Iterator[Any]:
    """Go through the tensors of a sample that want a gradient."""
    import torch

    if isinstance(value, torch.Tensor):
        if value.requires_grad:
            yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves_in(one)
    elif isinstance(value, dict):
        yield from leaves_in([*value.values()])


def recorded(entry: Any, sample: Any) -> tuple[Recording, dict[str, Any], dict[str, bool]] | None:
    """Record one sample.

    Returns
    -------
    tuple or None
        The recording; by name the gradients that PyTorch finds; and for each node whether it has a row. ``None`` for what has no
        gradient, or is complex or sparse.
    """
    import torch

    from gradviz.pytorch.source import PyTorch
    from gradviz.pytorch.watch import Watch

    leaves = {f"leaf{place}": one for place, one in enumerate(leaves_in([sample.input, sample.args, sample.kwargs]))}
    torch.manual_seed(42)
    with Watch() as watch:
        made = entry(sample.input, *sample.args, **sample.kwargs)
        results = op_db.flat(sample.output_process_fn_grad(made), torch.Tensor)
        results = [one for one in results if one.requires_grad and one.numel()]
        if not results or any(
            one.is_complex() or one.layout is not torch.strided for one in (*results, *leaves.values())
        ):
            return None
        random = np.random.default_rng(0)
        seeds = [torch.as_tensor(np.asarray(random.standard_normal(tuple(one.shape)))) for one in results]
        total = torch.stack([(one * seed.to(one.dtype)).sum() for one, seed in zip(results, seeds, strict=True)]).sum()
    wanted = torch.autograd.grad(total, [*leaves.values()], retain_graph=True, allow_unused=True)
    try:
        source = PyTorch((total,), watch)
    except TypeError as refusal:
        if "complex" in str(refusal):
            return None
        raise
    rows: dict[str, bool] = {}
    for told in source.told.values():
        rows[told.name] = rows.get(told.name, True) and told.operation.forward is not None
    recording = record_graph(total, backward=True, variables=[leaves])
    return recording, dict(zip(leaves, wanted, strict=True)), rows


def problems(recording: Recording, wanted: dict[str, Any]) -> Iterator[str]:
    """Say where a recording's gradients are not PyTorch's, or not what was sent."""
    graph, end = recording.graph, recording.at()
    names = {tensor.name: tensor.id for tensor in graph.tensors}
    for name, gradient in wanted.items():
        if gradient is None or gradient.is_sparse:
            continue
        found = end.gradients.get(names.get(name, ""))
        if found is None:
            yield f"no gradient at {name}"
        elif found.value.data is not None and not _near(found.value.data, gradient.numpy(force=True).ravel()):
            yield f"another gradient at {name}"
    targets = {argument.id: argument.tensor for _, argument in graph.arguments()}
    sent: dict[str, list[Any]] = {}
    for id, contribution in end.contributions.items():
        if contribution.value.data is not None:
            sent.setdefault(targets[id], []).append(np.array(contribution.value.data, float))
    for id, parts in sent.items():
        gradient, size = end.gradients[id], max(np.abs(part[np.isfinite(part)]).max(initial=0) for part in parts)
        if gradient.replaced is None and gradient.before is None and not _near(sum(parts), gradient.value.data, size):
            yield f"contributions to {graph.tensor(id).name} do not add up to its gradient"


def _near(first: Any, other: Any, size: float = 0.0) -> bool:
    """Return True for the same numbers, but for rounding: of what is as large as they are, or as `size`."""
    one, its = np.asarray(first, float), np.asarray(other, float)
    least = 1e-6 * max(size, np.abs(its[np.isfinite(its)]).max(initial=0))
    return one.shape == its.shape and bool(np.allclose(one, its, rtol=1e-6, atol=1e-9 + least, equal_nan=True))


def samples_of(entry: Any, most: int | None = None) -> Iterator[tuple[int, Any]]:
    """Go through an entry's samples."""
    import torch

    torch.manual_seed(0)
    yield from itertools.islice(enumerate(entry.sample_inputs("cpu", torch.float64, requires_grad=True)), most)


def check(entry: Any, most: int | None = None) -> tuple[list[str], dict[str, set[bool]], int]:
    """Record an entry's samples; return what is wrong, which of its nodes have rows, and how many were recorded."""
    wrong: list[str] = []
    rows: dict[str, set[bool]] = {}
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place, sample in samples_of(entry, most):
            found = recorded(entry, sample)
            if found is None:
                continue
            recording, wanted, known = found
            count += 1
            wrong += [f"sample {place}: {problem}" for problem in problems(recording, wanted)]
            for name, row in known.items():
                rows.setdefault(name, set()).add(row)
    return wrong, rows, count


def word(found: set[bool]) -> str:
    """Return what is to be written of a node."""
    return BOTH if len(found) == 2 else ROW if True in found else BOX


def main() -> None:
    """Print a report."""
    import traceback

    most = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else None
    rows: dict[str, set[bool]] = {}
    count = 0
    for name, entry in op_db.entries():
        try:
            wrong, found, recordings = check(entry, most)
        except Exception as error:
            print(
                f"{name:40} {type(error).__name__}: {str(error)[:120]!r}",
                traceback.format_exc(limit=-1)[:300].replace("\n", " "),
                flush=True,
            )
            continue
        count += recordings
        for node, known in found.items():
            rows.setdefault(node, set()).update(known)
        for problem in wrong[:2]:
            print(f"{name:40} {problem}", flush=True)
    boxes = sorted(node for node, found in rows.items() if word(found) != ROW)
    print(f"{count} recorded; {len(rows)} nodes, {len(boxes)} of them boxes, some or all: {', '.join(boxes)}")
    if "--write" in sys.argv:
        ROWS.write_text("".join(f"{node} {word(found)}\n" for node, found in sorted(rows.items())), encoding="utf-8")


if __name__ == "__main__":
    main()
