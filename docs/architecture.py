"""Write ``docs/_static/house.svg``: the folders of the package, and which reads which.

Boxes and arrows are read off the code, and placed and drawn by gradviz's own drawing layer. Run ``python docs/architecture.py``
after a folder has come or gone, or imports another; a test says when the picture is stale.
"""

from __future__ import annotations

import ast
from pathlib import Path

from gradviz.drawing.charts.paper import look, picture, text
from gradviz.drawing.layout import layout

PACKAGE = Path(__file__).parents[1] / "gradviz"
PICTURE = Path(__file__).parent / "_static" / "house.svg"
OUTSIDE = "show, runs, check, cli"
ROOMS = {
    "catalogue": "every sentence, by language",
    "engine": "tensors, operations, the backward pass",
    "nn": "modules, losses",
    "optim": "optimisers",
    "recording": "frozen facts about a computation",
    "drawing": "view → layout → SVG",
    "training": "a loop, step by step",
    "player": "one front end for notebook and page",
    OUTSIDE: "what a user calls",
}
"""The rooms that are drawn, with what is in each. Beside them stand small folders under PyTorch's names."""
WIDTH, HEIGHT, HEADING = 270.0, 50.0, 46.0


def room_of(path: Path) -> str:
    """Return the room in which a file stands; what lies beside the folders is what users call."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else OUTSIDE


def imported(path: Path) -> set[str]:
    """Return the rooms that a file reads."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} if node.module != "gradviz" else {f"gradviz.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("gradviz.")} & set(ROOMS)


def reads() -> dict[str, set[str]]:
    """Return for each room the rooms that it reads, without those that one of these reads already."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in PACKAGE.rglob("*.py"):
        if "node_modules" not in path.parts and room_of(path) in found:
            found[room_of(path)] |= imported(path) - {room_of(path)}
    return {
        room: {below for below in others if not any(below in found[other] for other in others)}
        for room, others in found.items()
    }


def house() -> str:
    """Return the picture as SVG text."""
    rooms = {room: f"r{place}" for place, room in enumerate(ROOMS)}
    arrows = [(below, room) for room, others in reads().items() for below in sorted(others)]
    size = f"width={WIDTH / 72} height={HEIGHT / 72}"
    dot = "\n".join([
        "digraph { rankdir=TB nodesep=0.4 ranksep=0.45 margin=0",
        f"node [shape=box fixedsize=true {size}] edge [dir=none]",
        *rooms.values(),
        *(f"{rooms[below]} -> {rooms[room]} [id=a{place}]" for place, (below, room) in enumerate(arrows)),
        "}",
    ])  # fmt: skip
    places = layout(dot)
    left = 20.0
    parts = [text("The house: a room reads only from rooms above it", left, 28, "gc-title")]
    for points in places.splines.values():
        shifted = [f"{x + left:.1f} {y + HEADING:.1f}" for x, y in points]
        end_x, end_y = points[-1][0] + left, points[-1][1] + HEADING
        parts.append(f'<path {look("gc-curve")} d="M{shifted[0]}C{" ".join(shifted[1:])}"/>')
        parts.append(f'<path {look("gc-curve")} d="M{end_x - 4:.1f} {end_y - 7:.1f}L{end_x:.1f} {end_y:.1f}l4 -7"/>')
    for room, words in ROOMS.items():
        x, y = places.centres[rooms[room]]
        x, y = x + left - WIDTH / 2, y + HEADING - HEIGHT / 2
        parts.append(f'<rect {look("gc-band")} x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>')
        parts.append(text(room, x + 12, y + 21, "gc-title"))
        parts.append(text(words, x + 12, y + 39, "gc-tick"))
    description = "; ".join(f"{room} reads {', '.join(sorted(others))}" for room, others in reads().items() if others)
    return picture("The house", description, parts, places.width + 2 * left, places.height + HEADING + 20)


if __name__ == "__main__":
    PICTURE.write_text(house() + "\n", encoding="utf-8", newline="\n")
