"""A long picture as lines of text are set: cut between what it shows, and its pieces stacked in rows.

Nothing is laid out anew. An arrow that crosses a cut leaves its row at the right, comes back between the rows and enters the next
from the left, as one line.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gradviz.drawing.clusters import Cluster
from gradviz.drawing.curves import point_at, rounded, samples, split
from gradviz.drawing.jumps import HIGH, Tag, key_of
from gradviz.drawing.layout import Box, Layout, Point
from gradviz.drawing.view import DOT, LABEL_SIZE, View

NARROWEST = 10.0
"""A gap between what is shown in which a picture may be cut."""

LANE, AIR, BETWEEN = 11.0, 12.0, 12.0
"""Between two arrows that turn, and around them; and between rows that nothing joins."""

STUB, OPEN = 8.0, 6.0
"""How far arrows go on before they turn; and how far a frame that is cut reaches beyond what is in it."""

MORE, CROSSING, FRAME, APART = 120.0, 30.0, 70.0, 90.0
"""What one more row costs, and to cut an arrow, a module's frame, or what is given for one operation off that, in pixels of height
that one would rather lose."""

NEAR = 3
"""An arrow that goes on in another row is a line if it leads so far at most, in places where a row might end."""

MOST_LANES = 3
"""Arrows that come back together from row to row, before a picture from top to bottom, or in less detail, is clearer."""

MOST_CROSSING = 14
"""No more arrows than this cross a cut: a reader could not follow them."""


@dataclass(frozen=True, slots=True)
class Slab:
    """What stands between two cuts: its extent, and how bad it is to cut before it."""

    left: float
    right: float
    top: float
    bottom: float
    start: float
    """Where the cut before it is."""
    cost: float


@dataclass(frozen=True, slots=True)
class Rows:
    """A picture in rows.

    Attributes
    ----------
    layout
        Where everything goes.
    before
        The same in one row.
    view
        What there is to draw.
    starts, cuts
        Where it might have been cut, and where it was.
    """

    layout: Layout
    before: Layout
    view: View
    starts: tuple[float, ...]
    cuts: tuple[float, ...]

    def far(self) -> frozenset[str]:
        """Return the keys of arrows that lead from one row to another, past what stands between: to follow them is hard."""
        ends = {arrow.key: (arrow.tail, arrow.head) for arrow in self.view.arrows}
        lines = [key for key in self.layout.turns if key in ends and key_of(key) not in self.before.tags]
        apart = {key: self._apart(*ends[key], self.starts) for key in lines}
        lines.sort(key=lambda key: apart[key])
        # Of those that lead to what is near only a few can be told from one another.
        crowded = lines[MOST_LANES - 1 :] if self.layout.lanes > MOST_LANES else []
        return frozenset([*crowded, *(key for key in lines if apart[key] > NEAR)])

    def together(self, jumps: Collection[str]) -> frozenset[str]:
        """Return of some arrows the keys of those that begin and end in one row."""
        return frozenset(
            arrow.key
            for arrow in self.view.arrows
            if arrow.key in jumps and not self._apart(arrow.tail, arrow.head, self.cuts)
        )

    def _apart(self, tail: str, head: str, places: Sequence[float]) -> int:
        """Return how many places there are between two things."""
        start, end = (bisect_left(places, self.before.centres[id][0]) for id in (tail, head))
        return end - start


def in_rows(layout: Layout, view: View, width: float, height: float) -> Rows | None:
    """Return a layout from left to right in as few rows as fit.

    Parameters
    ----------
    layout
        In one row.
    view
        What was laid out.
    width, height
        The room there is.

    Returns
    -------
    Rows or None
        ``None`` if something is wider than there is room. If there is no room for the rows, they are higher.
    """
    slabs = _slabs(layout, view)
    starts = tuple(slab.start for slab in slabs)
    found: tuple[_Stack, list[int]] | None = None
    rows = 0
    # As few rows as there can be; and of those the most even ones that cut no more.
    for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        cuts = _best(slabs, share * width)
        if cuts is None or (found is not None and len(cuts) > rows):
            break
        if found is not None and (cuts == found[1] or _torn(slabs, cuts) > _torn(slabs, found[1])):
            continue
        stack = _Stack(layout, view, slabs, cuts)
        fits = stack.width <= width and stack.height <= height
        if fits or found is None:
            found = stack, cuts
            rows = len(cuts) if fits else len(slabs)
    if found is None:
        return None
    stack, cuts = found
    return Rows(stack.layout(), layout, view, starts, tuple(starts[first] for first in cuts[1:]))


def _torn(slabs: Sequence[Slab], firsts: Sequence[int]) -> float:
    """Return how bad it is where rows end."""
    return sum(slabs[first].cost for first in firsts[1:])


# --- where to cut ------------------------------------------------------------------------------------------------------


def _slabs(layout: Layout, view: View) -> list[Slab]:
    """Divide a picture wherever it can be cut."""
    boxes = _boxes(layout, view)
    frames = [box for parts in layout.clusters.values() for box in parts]
    cuts = [min((box[0] for box in boxes), default=0.0), *_gaps(boxes, frames)]
    extents = [[float("inf"), float("-inf"), float("inf"), float("-inf")] for _ in cuts]

    def widen(x: float, left: float, right: float, top: float, bottom: float) -> None:
        now = extents[max(bisect_left(cuts, x) - 1, 0)]
        now[:] = min(now[0], left), max(now[1], right), min(now[2], top), max(now[3], bottom)

    for left, right, top, bottom in boxes:
        widen((left + right) / 2, left, right, top, bottom)
    for spline in layout.splines.values():
        for (x0, y0), (x1, y1) in pairwise(samples(spline)):
            for x in (x0, x1):  # a line that is cut goes on from where it was
                widen(x, float("inf"), float("-inf"), min(y0, y1), max(y0, y1))
    given = _given(view)
    alone = [(spline[0][0], spline[-1][0]) for key, spline in layout.splines.items() if key in given]
    reach = sorted((spline[0][0], spline[-1][0]) for spline in layout.splines.values())
    # A tag stays with what it stands at.
    short = [layout.splines[key if tag.leaves else key.removesuffix("_j")] for key, tag in layout.tags.items()]
    kept = [(spline[0][0], spline[-1][0]) for spline in short]
    slabs = []
    for cut, (left, right, top, bottom) in zip(cuts, extents, strict=True):
        crossing = sum(start < cut < end for start, end in reach)
        framed = sum(box.x < cut < box.x + box.width for box in frames)
        torn = any(start < cut < end for start, end in kept)
        bad = float("inf") if crossing > MOST_CROSSING or torn else 0.0
        apart = sum(start < cut < end for start, end in alone)
        cost = CROSSING * (crossing - 1) + FRAME * framed + APART * apart
        slabs.append(Slab(left, right, top, bottom, cut, bad + cost))
    return slabs


def _given(view: View) -> set[str]:
    """Return the keys of arrows from what is given for one operation only: a number, a weight, an input."""
    made, tails = {arrow.head for arrow in view.arrows}, [arrow.tail for arrow in view.arrows]
    once = {tail for tail, count in Counter(tails).items() if count == 1} - made
    return {arrow.key for arrow in view.arrows if arrow.tail in once}


def _boxes(layout: Layout, view: View) -> list[tuple[float, float, float, float]]:
    """Left, right, top and bottom of everything with a place, with the room that the frames around it take."""
    air = _air(layout, view)
    sizes = [(card.tensor.id, card.width, card.height) for card in view.cards]
    sizes += [(disc.operation.id, disc.width, disc.height) for disc in view.discs]
    sizes += [(key, tag.width, HIGH) for key, tag in layout.tags.items()]
    found = []
    for id, wide, high in sizes:
        (x, y), (left, right, top, bottom) = layout.centres[id], air.get(id, (0.0, 0.0, 0.0, 0.0))
        found.append((x - wide / 2 - left, x + wide / 2 + right, y - high / 2 - top, y + high / 2 + bottom))
    for arrow in view.arrows:
        if arrow.key in layout.labels:
            x, y = layout.labels[arrow.key]
            wide, high = arrow.label_width, LABEL_SIZE + 6
            found.append((x - wide / 2, x + wide / 2, y - high / 2, y + high / 2))
    return found


def _air(layout: Layout, view: View) -> dict[str, tuple[float, float, float, float]]:
    """For each member of a module, how much room the frames around it take above and below; at the sides cuts may come closer."""
    found: dict[str, tuple[float, float, float, float]] = {}
    for cluster in view.clusters:
        inside = members(cluster, view.clusters, layout.tags)
        box = layout.clusters.get(cluster.key, ())
        if not inside or not box:
            continue
        top, bottom = _extent(inside, layout, view)
        for id in inside:
            _, _, above, below = found.get(id, (0.0, 0.0, 0.0, 0.0))
            found[id] = 0.0, 0.0, max(above, top - box[0].y), max(below, box[0].y + box[0].height - bottom)
    return found


def _extent(ids: Iterable[str], layout: Layout, view: View) -> tuple[float, float]:
    heights = {card.tensor.id: card.height for card in view.cards}
    heights |= {disc.operation.id: disc.height for disc in view.discs}
    heights |= dict.fromkeys(layout.tags, HIGH)
    ends = [(layout.centres[id][1] - heights[id] / 2, layout.centres[id][1] + heights[id] / 2) for id in ids]
    return min(top for top, _ in ends), max(bottom for _, bottom in ends)


def members(cluster: Cluster, clusters: Sequence[Cluster], tags: Mapping[str, Tag]) -> list[str]:
    """Return the ids of all that stands in a module's frame, and in the frames inside of it."""
    found, waiting = list(cluster.members), [cluster.path]
    while waiting:
        path = waiting.pop()
        for other in clusters:
            if other.parent == path:
                found += other.members
                waiting.append(other.path)
    return found + [key for key, tag in tags.items() if tag.beside in set(found)]


def _gaps(boxes: Iterable[tuple[float, float, float, float]], frames: Sequence[Box]) -> list[float]:
    """Return where a picture can be cut from top to bottom without cutting what it shows; rather outside of frames."""
    cuts = []
    end = float("inf")
    for left, right, _, _ in sorted(boxes):
        if left - end >= NARROWEST:
            edges = [box.x for box in frames] + [box.x + box.width for box in frames]
            ends = sorted({end, left, *(edge for edge in edges if end < edge < left)})

            def around(piece: tuple[float, float]) -> tuple[int, float]:
                middle = sum(piece) / 2
                return sum(box.x < middle < box.x + box.width for box in frames), piece[0] - piece[1]

            best = min(pairwise(ends), key=around)
            cuts.append(sum(best) / 2)
        end = right if end == float("inf") else max(end, right)
    return cuts


def _best(slabs: Sequence[Slab], width: float) -> list[int] | None:
    """Return the first slabs of the rows that take the least height and cut the least; ``None`` if a slab alone is too wide."""
    costs, before = [0.0] + [float("inf")] * len(slabs), [0] * (len(slabs) + 1)
    for end in range(1, len(slabs) + 1):
        left, right, top, bottom = float("inf"), float("-inf"), float("inf"), float("-inf")
        for start in range(end - 1, -1, -1):
            slab = slabs[start]
            left, right = min(left, slab.left), max(right, slab.right)
            top, bottom = min(top, slab.top), max(bottom, slab.bottom)
            if right - left + 2 * (AIR + 2 * LANE) * (len(slabs) > 1) > width:
                break
            cost = costs[start] + bottom - top + BETWEEN + (slab.cost + AIR + MORE if start else 0.0)
            if cost < costs[end]:
                costs[end], before[end] = cost, start
    if costs[-1] == float("inf"):
        return None
    cuts, end = [], len(slabs)
    while end:
        end = before[end]
        cuts.append(end)
    return cuts[::-1]


# --- one above the other -----------------------------------------------------------------------------------------------


class _Stack:
    """The rows of one picture, and how far each has moved."""

    def __init__(self, layout: Layout, view: View, slabs: Sequence[Slab], firsts: Sequence[int]) -> None:
        self.before, self.view = layout, view
        self.cuts = [slabs[first].start for first in firsts[1:]]
        rows = [slabs[a:b] for a, b in pairwise([*firsts, len(slabs)])]
        self.left = [min(slab.left for slab in row) for row in rows]
        self.right = [max(slab.right for slab in row) for row in rows]
        top = [min(slab.top for slab in row) for row in rows]
        bottom = [max(slab.bottom for slab in row) for row in rows]
        self.lanes = [self._lanes(cut) for cut in self.cuts]
        most = max((len(set(lanes.values())) for lanes in self.lanes), default=0)
        self.margin = AIR + LANE * most if most else 0.0
        # How far each row moves, and where the first lane below it is.
        self.shifts: list[Point] = []
        self.channels: list[float] = []
        y = 0.0
        for row in range(len(rows)):
            self.shifts.append((self.margin - self.left[row], y - top[row]))
            y += bottom[row] - top[row]
            self.channels.append(y + AIR)
            if row < len(self.cuts):
                count = len(set(self.lanes[row].values()))
                y += (2 * AIR + LANE * (count - 1)) if count else BETWEEN
        self.height = y
        self.width = max(r - x for r, x in zip(self.right, self.left, strict=True)) + 2 * self.margin

    def _lanes(self, cut: float) -> dict[str, int]:
        """Number the lanes in which arrows turn at a cut, from the lowest arrow to the highest, so that none crosses another.

        Arrows from one tensor share a lane.
        """
        tails = {arrow.key: arrow.tail for arrow in self.view.arrows if key_of(arrow.key) not in self.before.tags}
        places: dict[str, list[float]] = {}
        keys: dict[str, list[str]] = {}
        for key, spline in self.before.splines.items():
            if spline[0][0] < cut < spline[-1][0]:
                tail = tails.get(key, key)
                places.setdefault(tail, []).append(point_at(spline, cut)[1])
                keys.setdefault(tail, []).append(key)
        order = sorted(places, key=lambda tail: -sum(places[tail]) / len(places[tail]))
        return {key: lane for lane, tail in enumerate(order) for key in keys[tail]}

    def layout(self) -> Layout:
        before = self.before
        splines, turns = {}, {}
        for key, spline in before.splines.items():
            splines[key], turned = self._joined(key, spline)
            if turned:
                turns[key] = tuple(turned)
        return Layout(
            self.width,
            self.height,
            {id: self._moved(point, self._row(point[0])) for id, point in before.centres.items()},
            splines,
            {key: self._moved(point, self._row(point[0])) for key, point in before.labels.items()},
            {key: tuple(self._frames(key, boxes)) for key, boxes in before.clusters.items()},
            turns,
            before.tags,
        )

    def _row(self, x: float) -> int:
        return bisect_left(self.cuts, x)

    def _moved(self, point: Point, row: int) -> Point:
        across, down = self.shifts[row]
        return point[0] + across, point[1] + down

    def _joined(self, key: str, spline: tuple[Point, ...]) -> tuple[tuple[Point, ...], list[Point]]:
        """Return an arrow as one line through all of its rows, and where it comes back to the left."""
        row, last = self._row(spline[0][0]), self._row(spline[-1][0])
        points: list[Point] = []
        turns: list[Point] = []
        rest = spline
        while row < last:
            piece, rest = split(rest, min(self.right[row] + STUB, self.cuts[row]))
            _, rest = split(rest, max(self.left[row + 1] - STUB, self.cuts[row]))
            points += [self._moved(point, row) for point in piece[bool(points) :]]
            lanes = self.lanes[row]
            count, lane = len(set(lanes.values())), lanes.get(key, 0)
            right = self.margin + self.right[row] - self.left[row] + AIR + LANE * lane
            left = self.margin - AIR - LANE * (count - 1 - lane)
            across = self.channels[row] + LANE * lane
            start, end = points[-1], self._moved(rest[0], row + 1)
            corners = [start, (right, start[1]), (right, across), (left, across), (left, end[1]), end]
            points += rounded(corners)[1:]
            turns.append(((left + right) / 2, across))
            row += 1
        points += [self._moved(point, row) for point in rest[bool(points) :]]
        return tuple(points), turns

    def _frames(self, key: str, boxes: Sequence[Box]) -> Iterable[Box]:
        """A module's frame, or its pieces: each around what is in its row."""
        cluster = next(cluster for cluster in self.view.clusters if cluster.key == key)
        inside = members(cluster, self.view.clusters, self.before.tags)
        (box,) = boxes
        if not inside:
            return
        top, bottom = _extent(inside, self.before, self.view)
        above, below = top - box.y, box.y + box.height - bottom
        rows: dict[int, list[str]] = {}
        for id in inside:
            rows.setdefault(self._row(self.before.centres[id][0]), []).append(id)
        dots = {card.tensor.id for card in self.view.cards if card.form == "chip" and card.height == DOT}
        for row, ids in sorted(rows.items()):
            if row and dots.issuperset(ids):
                continue  # the end of an arrow
            top, bottom = _extent(ids, self.before, self.view)
            # A little beyond what is in its row, where it goes on in another.
            left = max(box.x, self.left[row] - OPEN) if row else box.x
            right = min(box.x + box.width, self.right[row] + OPEN) if row < len(self.cuts) else box.x + box.width
            x, y = self._moved((left, top - above), row)
            yield Box(x, y, right - left, bottom - top + above + below)
