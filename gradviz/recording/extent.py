"""How many entries an operation makes, known before it is run: a file, or an expression, may ask for more than there is memory.

Most results are as large as their arguments, stretched to one shape. The tables tell of the others: of those whose size stands
in a setting, and of those that lay out more on the way than they return.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import numpy as np

from gradviz.engine.operation import BESIDE, FAMILIES, Operation, table
from gradviz.recording.model import MOST_AXES

Shape = tuple[int, ...]
Shapes = Sequence[Shape]
Settings = Mapping[str, Any]

INPUT_SHAPE = "self_sym_sizes"
"""The name of a setting that is always the shape of the first argument."""

AXES = {"dim", "dims", "dim0", "dim1", "dim2", "dimension", "axes"}
"""The names of settings that are axes."""


def result(operation: Operation, shapes: Shapes, settings: Sequence[Any]) -> int:
    """Return how many entries an operation's result has.

    Parameters
    ----------
    operation
        A row of the table.
    shapes
        Of its arguments; of a number ``()``.
    settings
        Its settings, with their arrays.

    Raises
    ------
    Exception
        Of any kind, if the settings are not such as the operation takes.
    """
    given = dict(zip(operation.settings, settings, strict=True))
    if tuple(given.get(INPUT_SHAPE, shapes[0] if shapes else ())) != (tuple(shapes[0]) if shapes else ()):
        raise ValueError("it is told of another shape than its argument's")
    for name in AXES & given.keys():
        if any(abs(axis) > MOST_AXES for axis in _whole_numbers(given[name])):
            raise ValueError(f"no tensor has the axis that its {name} says")
    return _RESULT.get(_name(operation), _stretched)(shapes, given)


def on_the_way(operation: Operation, shapes: Shapes, settings: Sequence[Any]) -> int:
    """Return how many entries it lays out in between, where these are more than those of its arguments and its result."""
    made = _ON_THE_WAY.get(_name(operation))
    return 0 if made is None else made(shapes, dict(zip(operation.settings, settings, strict=True)))


def of_shapes(name: str, shapes: Shapes) -> int | None:
    """Return how many entries the operation of a name lays out or makes; ``None`` if its settings say that, or there is none.

    Examples
    --------
    >>> of_shapes("mm", [(20, 3), (3, 30)]), of_shapes("relu", [(5,)]), of_shapes("pad", [(5,)])
    (600, 5, None)
    """
    if name not in _named():
        return None
    try:
        return max(_RESULT.get(name, _stretched)(shapes, {}), _ON_THE_WAY.get(name, _nothing)(shapes, {}))
    except (KeyError, IndexError):
        return None


def of_index(shape: Shape, parts: Sequence[Any]) -> int:
    """Return how many entries an index takes of a tensor of a shape; `parts` are NumPy's, a slice counts as all."""
    return _indexed([shape], {"indices": parts})


@lru_cache(maxsize=1)
def _named() -> frozenset[str]:
    """Name the operations: a family's where the tables tell of it."""
    return frozenset([*map(_name, (*table().values(), *BESIDE.values())), *(FAMILIES.keys() & _RESULT.keys())])


def _nothing(shapes: Shapes, given: Settings) -> int:
    return 0


def _name(operation: Operation) -> str:
    return operation.member[0] if operation.member is not None else operation.name


def _whole_numbers(value: Any) -> Iterator[int]:
    if isinstance(value, tuple | list):
        for part in value:
            yield from _whole_numbers(part)
    elif isinstance(value, int):
        yield value


def _size(lengths: Any) -> int:
    return math.prod(max(int(length), 0) for length in lengths)


def _stretched(shapes: Shapes, given: Settings) -> int:
    return max(math.prod(map(max, zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1))), 1)


def _with_settings(shapes: Shapes, given: Settings) -> int:
    """Of an operation some of whose settings are arrays that it is stretched with."""
    return _stretched([*shapes, *(np.shape(value) for value in given.values())], given)


def _sized(name: str) -> Callable[[Shapes, Settings], int]:
    return lambda shapes, given: _size(given[name])


def _expanded(shapes: Shapes, given: Settings) -> int:
    lengths = zip_longest(reversed(given["size"]), shapes[0][::-1], fillvalue=1)
    return math.prod(own if wanted == -1 else max(int(wanted), 0) for wanted, own in lengths)


def _repeated(shapes: Shapes, given: Settings) -> int:
    return math.prod(
        max(int(times), 0) * own for times, own in zip_longest(reversed(given["repeats"]), shapes[0][::-1], fillvalue=1)
    )


def _padded(shapes: Shapes, given: Settings) -> int:
    return _size(own + before + after for own, (before, after) in zip(shapes[0], given["pads"], strict=True))


def _windows(shapes: Shapes, given: Settings) -> int:
    axis, size, step = given["dimension"], given["size"], given["step"]
    length = shapes[0][axis] if shapes[0] else 1
    return math.prod(shapes[0]) // max(length, 1) * ((length - size) // step + 1) * size


def _diagonals(shapes: Shapes, given: Settings) -> int:
    *lead, length = shapes[0]
    return math.prod(lead) * (length + abs(given["offset"])) ** 2


def _indexed(shapes: Shapes, given: Settings) -> int:
    """Of NumPy's indexing: what the arrays make together, times the axes that none of them takes."""
    parts = given["indices"]
    parts = parts if isinstance(parts, tuple | list) else (parts,)
    arrays = [np.asarray(part) for part in parts if isinstance(part, np.ndarray | list)]
    taken = [
        1 if not isinstance(part, np.ndarray) or part.dtype != bool else part.ndim
        for part in parts
        if part is not None and part is not Ellipsis
    ]
    before = next((place for place, part in enumerate(parts) if part is Ellipsis), len(parts))
    rest = len(shapes[0]) - sum(taken)
    kept: list[int] = []
    axis = 0
    for place, part in enumerate(parts):
        if place == before:
            kept += shapes[0][axis : axis + rest]
            axis += rest
        elif part is not None:
            width = part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1
            kept += shapes[0][axis : axis + 1] if isinstance(part, slice) else ()
            axis += width
    kept += shapes[0][axis:]
    met = np.broadcast_shapes(*((int(a.sum()),) if a.dtype == bool else a.shape for a in arrays))
    return math.prod(kept) * math.prod(met)


def _selected(shapes: Shapes, given: Settings) -> int:
    length = shapes[0][given["dim"]] if shapes[0] else 1
    return math.prod(shapes[0]) // max(length, 1) * np.size(given["index"])


def _product(shapes: Shapes, given: Settings) -> int:
    """Of matrices, or batches of them: the last two arguments."""
    first, other = shapes[-2:]
    *lead, rows, inner = first if len(first) > 1 else (1, *first)
    *also, _, columns = other if len(other) > 1 else (*other, 1)
    made = (*np.broadcast_shapes(tuple(lead), tuple(also)), rows, columns)
    return max(_stretched([made, *shapes[:-2]], given), rows * inner)


def _outer(shapes: Shapes, given: Settings) -> int:
    return max(math.prod(map(math.prod, shapes[-2:])), *map(math.prod, shapes))


def _distances(shapes: Shapes, given: Settings) -> int:
    first, other = shapes
    return _size((*np.broadcast_shapes(first[:-2], other[:-2]), first[-2], other[-2]))


def _pairs(shapes: Shapes, given: Settings) -> int:
    return shapes[0][0] ** 2


def _squares(shapes: Shapes, given: Settings) -> int:
    """Of a factorisation that may be asked for more vectors than there are columns."""
    *lead, rows, columns = shapes[0]
    whole = given.get("full_matrices") or given.get("mode") == "complete"
    return math.prod(lead) * ((rows**2 + columns**2) if whole else 2 * rows * columns)


def _along_axes(shapes: Shapes, given: Settings) -> int:
    matrices = given["matrices"]
    lead = shapes[0][: len(shapes[0]) - len(matrices)]
    return math.prod(lead) * math.prod(max(np.shape(matrix)) for matrix in matrices)


def _convolved(shapes: Shapes, given: Settings) -> int:
    image, weight = shapes[:2]
    return image[0] * weight[0] * _size(given["geometry"].outputs(image[2:], weight[2:]))


def _images(shapes: Shapes, given: Settings) -> int:
    """Of a convolution backwards, which must come from that many windows."""
    windows, weight = shapes[:2]
    size, geometry = tuple(given["size"]), given["geometry"]
    most = geometry.outputs(size, weight[2:])
    if any(there > fit for there, fit in zip(windows[2:], most, strict=True)):
        raise ValueError("it has more windows than its image")
    return windows[0] * weight[1] * geometry.groups * _size(size)


def _kernels(shapes: Shapes, given: Settings) -> int:
    windows, image = shapes
    kernel, geometry = tuple(given["kernel"]), given["geometry"]
    most = geometry.outputs(image[2:], kernel)
    if any(there > fit for there, fit in zip(windows[2:], most, strict=True)):
        raise ValueError("it has more windows than its image")
    return windows[1] * image[1] * _size(kernel)


def _laid_out(shapes: Shapes, given: Settings) -> int:
    """Of a convolution: all windows beside each other."""
    image, weight = shapes[:2]
    outputs = given["geometry"].outputs(image[2:], weight[2:])
    return image[0] * image[1] * _size(weight[2:]) * _size(outputs)


def _laid_out_back(shapes: Shapes, given: Settings) -> int:
    windows, weight = shapes[:2]
    geometry = given["geometry"]
    padded = (n + 2 * p for n, p in zip(given["size"], geometry.padding, strict=True))
    return windows[0] * weight[1] * geometry.groups * max(_size(weight[2:]) * _size(windows[2:]), _size(padded))


def _columns(shapes: Shapes, given: Settings) -> int:
    image, kernel = shapes[0], tuple(given["kernel"])
    return image[0] * image[1] * _size(kernel) * _size(given["geometry"].outputs(image[2:], kernel))


def _from_columns(shapes: Shapes, given: Settings) -> int:
    size, kernel, geometry = tuple(given["size"]), tuple(given["kernel"]), given["geometry"]
    if _size(geometry.outputs(size, kernel)) != shapes[0][2]:
        raise ValueError("it has other windows than its image")
    return shapes[0][0] * (shapes[0][1] // max(_size(kernel), 1)) * _size(size)


def _padded_image(shapes: Shapes, given: Settings) -> int:
    padded = (n + 2 * p for n, p in zip(given["size"], given["geometry"].padding, strict=True))
    return shapes[0][0] * shapes[0][1] * _size(padded)


def _unpooled(shapes: Shapes, given: Settings) -> int:
    return math.prod(shapes[0][: len(shapes[0]) - given["axes"]]) * _size(given["size"])


def _pooled(shapes: Shapes, given: Settings) -> int:
    places = given["places"]
    return math.prod(shapes[0][: len(shapes[0]) - len(places)]) * math.prod(map(len, places))


def _in_windows(shapes: Shapes, given: Settings) -> int:
    places = given["places"]
    return math.prod(shapes[0][: len(shapes[0]) - len(places)]) * math.prod(map(np.size, places))


def _beside(shapes: Shapes, given: Settings) -> int:
    return sum(map(math.prod, shapes))


def _on_a_diagonal(shapes: Shapes, given: Settings) -> int:
    both = [(1, 1, *shape)[-2:] for shape in shapes]
    return sum(rows for rows, _ in both) * sum(columns for _, columns in both)


def _paths(shapes: Shapes, given: Settings) -> int:
    """Of the losses over alignments: a place for each label and each blank, at each moment."""
    steps, *batch, _ = shapes[-1]
    return steps * math.prod(batch) * (2 * int(np.max(given["target_lengths"], initial=0)) + 1)


def _as_the_first(shapes: Shapes, given: Settings) -> int:
    return math.prod(shapes[0])


_POOLS = ("max_pool2d", "max_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d")

_RESULT: dict[str, Callable[[Shapes, Settings], int]] = {
    **dict.fromkeys(("batch_norm", "group_norm", "layer_norm", "prelu"), _as_the_first),
    **dict.fromkeys(
        ("index_put", "index_add", "index_copy", "index_fill", "index_reduce", "put", "scatter", "scatter_add", "scatter_reduce",
         "select_scatter", "slice_scatter", "diagonal_scatter", "as_strided_scatter", "masked_scatter"), _as_the_first),
    **dict.fromkeys(("expand", "expand_copy"), _expanded),
    **dict.fromkeys(("unfold_backward", "select_backward", "slice_backward", "diagonal_backward"), _sized("sizes")),
    **dict.fromkeys(("view", "reshape", "view_copy"), _stretched),
    **dict.fromkeys(("masked_fill", "masked_select", "where"), _with_settings),
    **dict.fromkeys(("lerp", "rrelu"), _with_settings),
    **dict.fromkeys(("binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss"), _with_settings),
    **dict.fromkeys(("uniform", "normal", "exponential", "cauchy", "log_normal", "geometric", "random", "bernoulli"), _with_settings),
    **dict.fromkeys(("gather", "take"), lambda shapes, given: np.size(given["index"])),
    **dict.fromkeys(_POOLS, _pooled),
    **dict.fromkeys(("as_strided", "as_strided_copy"), lambda shapes, given: math.prod(given["size"])),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot", "addmm", "addmv", "baddbmm", "addbmm"), _product),
    **dict.fromkeys(("cdist", "_euclidean_dist"), _distances),
    **dict.fromkeys(("linalg_svd", "linalg_qr", "linalg_lstsq", "linalg_pinv"), _squares),
    **dict.fromkeys(
        ("along_axes", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "reflection_pad",
         "replication_pad", "circular_pad", "interpolate"), _along_axes),
    **dict.fromkeys(("max_unpool2d", "max_unpool3d"), _unpooled),
    **dict.fromkeys(("cat", "stack"), _beside),
    "repeat": _repeated,
    "unfold_copy": _windows,
    "unfold": lambda shapes, given: (_columns if "kernel" in given else _windows)(shapes, given),
    "diag_embed": _diagonals,
    "index": _indexed,
    "index_select": _selected,
    "embedding": lambda shapes, given: np.size(given["indices"]) * shapes[0][-1],
    "mvlgamma": lambda shapes, given: math.prod(shapes[0]) * int(given["p"]),
    "addr": _outer,
    "pdist": _pairs,
    "convolution": _convolved,
    "conv_transpose": _images,
    "convolution_backward": lambda shapes, given: (_kernels if "kernel" in given else _images)(shapes, given),
    "pad": _padded,
    "fold": _from_columns,
    "block_diag": _on_a_diagonal,
}  # fmt: skip

_ON_THE_WAY: dict[str, Callable[[Shapes, Settings], int]] = {
    "convolution": _laid_out,
    "conv_transpose": _laid_out_back,
    "fold": _padded_image,
    **dict.fromkeys(_POOLS, _in_windows),
    "cdist": lambda shapes, given: _distances(shapes, given) * shapes[0][-1],
    "pdist": lambda shapes, given: math.prod(shapes[0]) * shapes[0][0],
    "addbmm": lambda shapes, given: _product(shapes[-2:], given),
    "multilabel_margin_loss": lambda shapes, given: math.prod(shapes[0]) * shapes[0][-1],
    "ctc_loss": _paths,
    "ctc_loss_backward": _paths,
    "linalg_lstsq": lambda shapes, given: _product(shapes, given),
}
