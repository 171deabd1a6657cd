"""From a view to DOT, the language Graphviz reads.

Graphviz only decides where things go: every node is a box of a fixed size, every edge label an empty box of one. The
text in the nodes is for those who open the DOT file elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from gradviz.drawing.clusters import Cluster
from gradviz.drawing.jumps import HIGH, Tag, key_of
from gradviz.drawing.text import clean
from gradviz.drawing.view import Arrow, View

if TYPE_CHECKING:
    import graphviz

DPI = 72
"""Graphviz measures in inches of 72 points; a point of its is a pixel of ours."""

LABEL_HEIGHT = 24

FEW = 24
"""Arrows up to which a picture is not a long one."""

FARTHEST = 2500
"""Graphviz takes minutes for arrows that reach far and have labels, such as those of one weight used a hundred times. Above
this, it is given less time to improve its layout and no labels to find room for: they are written beside the arrows."""


def dot(view: View, *, title: str = "", words: bool = True, tags: Mapping[str, Tag] = MappingProxyType({})) -> str:
    """Write a view as DOT text.

    Parameters
    ----------
    view
        What is to be laid out.
    title
        A comment for readers of the file.
    words
        Whether what is in the boxes is written; it has no part in where they go.
    tags
        Of arrows that are drawn as their two ends.
    """
    import graphviz  # not needed before there is something to draw

    graph = graphviz.Digraph("gradviz", comment=clean(title) or None)
    # Where there are labels, they need their room; else chips and discs may follow one another closely, and more so where there are many.
    close = "0.3" if len(view.arrows) <= FEW else "0.22"
    between = "0.32" if view.direction == "TB" else "0.42" if any(arrow.label for arrow in view.arrows) else close
    graph.attr(rankdir=view.direction, nodesep="0.3", ranksep=between, margin="0")
    graph.attr("node", shape="box", fixedsize="true", fontname="Helvetica", fontsize="10", margin="0")
    graph.attr("edge", dir="none", fontname="Helvetica", fontsize="10")
    clustered = {member for cluster in view.clusters for member in cluster.members}
    texts = _node_texts(view, words)
    for key, tag in tags.items():
        texts[key] = f"{key} [{_size(tag.width, HIGH)}]"
        clustered |= {key} if tag.beside in clustered else set()
    for cluster in view.clusters:
        if cluster.parent is None:
            _add_cluster(graph, cluster, view, texts, tags)
    for key, statement in texts.items():
        if key not in clustered:
            graph.body.append(f"\t{statement}\n")
    far = _reach(view) > FARTHEST
    if far:
        graph.attr(nslimit="0.5")
    for step, input in view.beside:
        if not clustered & {step, input}:  # Graphviz does not put what is in a frame beside what is not
            graph.body.append(f"\t{{rank=same; {step} {input}}}\n")
    for arrow in view.arrows:
        label = _label_box(arrow) if arrow.label and not far else ""
        if key_of(arrow.key) in tags:
            graph.body.append(f"\t{key_of(arrow.key)} -> {arrow.head} [id={arrow.key}{label}]\n")
            continue
        graph.body.append(f"\t{arrow.tail} -> {arrow.head} [id={arrow.key}{label}]\n")
    for key, tag in tags.items():
        if tag.leaves:
            graph.body.append(f"\t{tag.beside} -> {key} [id={key}]\n")
    return graph.source


def _node_texts(view: View, words: bool) -> dict[str, str]:
    """The statements of the nodes, in the order of the view.

    The ids are ours, letters and digits, and need no quotes; of what a user wrote, only the labels are.
    """
    from graphviz import escape
    from graphviz.quoting import quote

    def label(text: str) -> str:
        return f"label={quote(escape(text))} " if words else ""

    nodes = {}
    row = {id: f" group=r{place}" for place, ids in enumerate(view.rows) for id in ids}
    for card in view.cards:
        text = label(f"{card.name} {card.shape}".strip())
        key = card.tensor.id
        nodes[key] = f"{key} [{text}{_size(card.width, card.height)}{row.get(key, '')}]"
    for disc in view.discs:
        shape = " shape=circle" if disc.round else ""
        text, key = label(disc.symbol), disc.operation.id
        nodes[key] = f"{key} [{text}{_size(disc.width, disc.height)}{shape}{row.get(key, '')}]"
    return nodes


def _size(width: float, height: float) -> str:
    return f"width={width / DPI:.4f} height={height / DPI:.4f}"


def _reach(view: View) -> int:
    """Return how many rows of the picture all arrows together reach across."""
    row: dict[str, int] = {}  # counted from the end: everything stands just before what uses it first
    for arrow in reversed(view.arrows):  # against the order of the computation
        row[arrow.tail] = max(row.get(arrow.tail, 0), row.setdefault(arrow.head, 0) + 1)
    return sum(row[arrow.tail] - row[arrow.head] for arrow in view.arrows)


def _label_box(arrow: Arrow) -> str:
    return (
        ' label=<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE" '
        f'WIDTH="{arrow.label_width:.0f}" HEIGHT="{LABEL_HEIGHT}"><TR><TD></TD></TR></TABLE>>'
    )


def _add_cluster(
    graph: graphviz.Digraph, cluster: Cluster, view: View, texts: dict[str, str], tags: Mapping[str, Tag]
) -> None:
    """Write a cluster and those inside it; modules nest as deep as the user's classes do."""
    import graphviz

    stack = [(graph, cluster)]
    children: dict[str | None, list[Cluster]] = {}
    for other in view.clusters:
        children.setdefault(other.parent, []).append(other)
    opened: list[tuple[graphviz.Digraph, graphviz.Digraph]] = []
    while stack:
        parent, current = stack.pop()
        inside = graphviz.Digraph(f"cluster_{current.key}")
        inside.attr(
            label=graphviz.escape(current.label),
            labeljust="l",
            fontname="Helvetica",
            fontsize="14.5",
            margin="14",
            id=current.key,
        )
        for member in current.members:
            inside.body.append(f"\t\t{texts[member]}\n")
        for key, tag in tags.items():
            if tag.beside in current.members:
                inside.body.append(f"\t\t{texts[key]}\n")
        opened.append((parent, inside))
        stack.extend((inside, child) for child in children.get(current.path, ()))
    # A subgraph is copied into its parent as text, so the innermost have to be closed first.
    for parent, inside in reversed(opened):
        parent.subgraph(inside)
