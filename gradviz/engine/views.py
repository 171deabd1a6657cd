"""Views: tensors that look at another's memory.

A change in place to either is a change to both, and the graph has to say so. Which entries of its base a view sees is read
off their strides, whatever chain of slicing, reshaping and transposing made it.
"""

from __future__ import annotations

import weakref

import numpy as np

from gradviz.engine.memory import counter_of
from gradviz.engine.modes import barred, mode
from gradviz.engine.tensor import Tensor


def view_of(base: Tensor, out: Tensor, creation: str = "") -> Tensor:
    """Let a view know whose memory it looks at, and its base that it is looked at.

    Parameters
    ----------
    base, out
        The tensor and a view of it; or of what it is itself a view of.
    creation
        Why a change in place to the view cannot be recorded, if so: see `Tensor`.
    """
    if out is base:
        return out
    if not isinstance(base.array, np.ndarray):  # a NumPy scalar has no memory to look at; an array of one entry has
        shape, held = out.array.shape, base._writable()
        out.array = held.reshape(shape) if out.array.size == 1 else np.broadcast_to(held, shape)
    root = base if base._base is None else base._base
    if barred() or root._barred:
        out._barred = root._barred
        if root._barred:
            return out  # nothing is recorded of it, so nobody has to know
    out._base = root
    if not mode.enabled:
        creation = "inference" if barred() else "no_grad"
        if root._requires_grad:
            out._requires_grad = out._inherits = True
    if creation or base._creation:
        out._creation = creation or base._creation
        counter_of(root).tells(out)
        return out
    if root._requires_grad and root._grad_fn is None:
        return out  # a leaf: it cannot be changed in place while gradients are recorded, so nothing has to follow
    if root._views is None:
        root._views = []
    elif len(root._views) > 16:
        root._views = [view for view in root._views if view() is not None]
    root._views.append(weakref.ref(out))
    return out


def living_views(root: Tensor) -> list[Tensor]:
    """Return the views of a tensor that still look at its memory."""
    alive = [view() for view in root._views or ()]
    return [
        view
        for view in alive
        if view is not None and (not view.array.size or np.may_share_memory(view.array, root.array))
    ]
