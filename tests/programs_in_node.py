"""Programs of computations, run by Node in the page's own engine, and what Python computes beside them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.recording import record_graph
from gradviz.recording.codec import encode
from gradviz.recording.program import Program, program_of

HERE = Path(__file__).parent
STATIC = HERE.parents[0] / "gradviz" / "player" / "static"
RUNNABLE = frozenset(json.loads((STATIC / "engine.json").read_text(encoding="utf-8")))

TOLERANCE = {"float32": 3e-6, "float64": 1e-12}
"""Of the largest number in an array, and of each: a few roundings."""


def recorded(function: Any, tensors: Any) -> Any:
    """Record what is computed, backward pass and all."""
    return record_graph(function(*tensors), backward=True)


def expected(recording: Any, program: Program) -> list[dict[str, Any]]:
    """Return what stands in each slot that a picture shows, by the recording."""
    found = []
    for frame in recording.frames:
        told = [(program.values.get(id), value, f"value of {id}") for id, value in frame.values]
        told += [(program.contributions[c.argument], c.value, f"sent along {c.argument}") for c in frame.contributions]
        told += [(program.locals.get(c.argument), c.local, f"local of {c.argument}") for c in frame.contributions]
        for gradient in frame.gradients:
            key = f"{frame.current}:{gradient.tensor}"
            slot = program.sums.get(key, program.sums.get(f":{gradient.tensor}"))
            told.append((slot, gradient.value, f"gradient of {gradient.tensor} after {frame.current}"))
        found += [
            {"slot": slot, "what": what, "shape": value.shape, "data": encode(value.data), "dtype": value.dtype}
            for slot, value, what in told
            if slot is not None and value is not None and value.data is not None
        ]
    return found


def case(name: str, function: Any, tensors: Any, others: Any) -> dict[str, Any] | str:
    """Return a fixture: a program, what it gives, and what it gives with other numbers in its leaves; or what is missing."""
    recording = recorded(function, tensors)
    program = program_of(recording, RUNNABLE)
    if not isinstance(program, Program):
        return f"{program.kind}: {', '.join(program.names)}"
    moved = recorded(function, others)
    values = dict(recording.frames[0].values)
    leaves: dict[str, Any] = {}
    for tensor, other in zip(tensors, others, strict=True):
        # By its numbers: of a tensor that is only multiplied with, a view may stand in the graph.
        numbers = [float(str(one)) for one in tensor.detach().numpy().ravel()]
        same = [id for id, value in values.items() if value.data is not None and list(value.data) == numbers]
        leaves |= {id: encode(tuple(other.detach().numpy().ravel().tolist())) for id in same[:1]}
    return {
        "name": name,
        "program": json.loads(json.dumps(program.encoded(), allow_nan=False)),
        "expected": expected(recording, program),
        "leaves": leaves,
        "moved": expected(moved, program),
        "tolerance": TOLERANCE,
    }


def problems(node: str, cases: list[dict[str, Any]], tmp_path: Path) -> list[str]:
    """Run fixtures in Node, and return what differs."""
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases, allow_nan=False), encoding="utf-8")
    script = HERE / "frontend" / "programs.js"
    done = subprocess.run([node, str(script), str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return [str(line) for line in json.loads(done.stdout)]


def shuffled(tensor: Any, seed: int = 1) -> Any:
    """Return a tensor with the same numbers in another order, so that whatever they must be, they are."""
    import gradviz as gv

    array = tensor.detach().numpy()
    if array.dtype.kind != "f":
        return tensor
    if array.size == 1:
        moved = array * 0.93
    else:
        moved = np.random.default_rng(seed).permutation(array.ravel()).reshape(array.shape)
    return gv.tensor(moved.astype(array.dtype), requires_grad=tensor.requires_grad)
