"""What a product of matrices says of its factors: what its entries are made of, and what each factor gathers on the way back."""

from __future__ import annotations

from collections.abc import Collection

from gradviz.catalogue import text
from gradviz.engine.core.unbroadcast import summed_axes
from gradviz.recording import sentences
from gradviz.recording.products import Factor, Product


def stretched(product: Product, factor: Factor) -> tuple[int, ...]:
    """Return the axes of the result along which what is added was stretched."""
    if factor is not product.added:
        return ()
    return summed_axes(product.result.shape, factor.tensor.shape)


def _words(product: Product) -> dict[str, str] | None:
    """Return what to call a product's factors, and what of each is multiplied; ``None`` if it is none of two matrices."""
    left, right = product.left, product.right
    shapes = {len(tensor.shape) for tensor in (left.tensor, right.tensor, product.result)}
    if not product.matrices or shapes != {2} or left.tensor.id == right.tensor.id:
        return None
    return {"left": left.tensor.name, "right": right.tensor.name}


def way_forward(product: Product) -> str:
    """Say what the entries of a product of matrices are, and to what its bias is added."""
    words_of, added = _words(product), product.added
    if words_of is None:
        return ""
    words_of["left unit"] = text("column" if product.left.turned else "row")
    words_of["right unit"] = text("row" if product.right.turned else "column")
    if added is None:
        return text("product", **words_of)
    axes, dimensions = stretched(product, added), len(product.result.shape)
    words_of["added"] = sentences.broadcast(added.tensor.name, axes, dimensions, added=True)
    return text("product, added" if axes else "product", **words_of)


def way_back(product: Product, sent: Collection[str]) -> str:
    """Say what each factor of a product of matrices gathers, and what was added; nothing if it is none of matrices."""
    words_of, added = _words(product), product.added
    if words_of is None:
        return ""
    words_of["left unit"] = text("row" if product.left.turned else "column")
    words_of["right unit"] = text("column" if product.right.turned else "row")
    to = [name for name in ("left", "right") if getattr(product, name).edge in sent]
    key = "to both" if len(to) == 2 else "to left" if to == ["left"] else "to right"
    told = [text(key, **words_of)] if to else []
    if added is not None and added.edge in sent:
        name, axes = added.tensor.name, stretched(product, added)
        of_axes = sentences.summed({name: axes}, len(product.result.shape))
        told.append(of_axes if axes else text("to added", added=name))
    return " ".join(told)
