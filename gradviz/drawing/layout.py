"""Where everything goes: the only module that runs another program.

The Graphviz that pip installs along with gradviz is used unless another is asked for. All engines answer in the same
form, Graphviz's ``json0``, and only places are read from it.

Another distribution can bring an engine by an entry point of the group ``gradviz.layout``: it names a function that takes
nothing and returns a `LayoutEngine`. Where Python runs in a browser, and no program can be run, ``gradviz-wasm`` does so.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from gradviz.drawing.jumps import Tag

TIMEOUT = 20.0
"""Seconds after which a layout is given up."""

PATIENCE = 2.0
"""Seconds after which a layout that goes on says so, on standard error."""

TOGETHER = 20.0
"""Pixels between arrows that come back in one gap between rows, at most."""

Point = tuple[float, float]
T = TypeVar("T")


class LayoutError(RuntimeError):
    """No layout could be made, with what to do about it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, by its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Places, in pixels from the top left corner.

    Attributes
    ----------
    width, height
        Of the whole picture.
    centres
        Of cards and discs, by their ids.
    splines
        Of arrows, by their keys: a start and then three points for each Bézier segment.
    labels
        Centres of the arrows' labels.
    clusters
        The frames of modules, by their keys: more than one where a frame goes on in another row.
    turns
        Where arrows come back to the left on their way to another row, by their keys.
    tags
        The ends of arrows that jump; their places are among the centres, and the way to where they leave among the splines.
    """

    width: float
    height: float
    centres: dict[str, Point]
    splines: dict[str, tuple[Point, ...]]
    labels: dict[str, Point]
    clusters: dict[str, tuple[Box, ...]]
    turns: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    tags: Mapping[str, Tag] = field(default_factory=dict)

    @property
    def lanes(self) -> int:
        """The most arrows that come back to the left together."""
        places = sorted({y for points in self.turns.values() for _, y in points})
        most = now = 0
        for before, y in zip([float("-inf"), *places], places, strict=False):
            now = now + 1 if y - before < TOGETHER else 1
            most = max(most, now)
        return most

    @property
    def apart(self) -> int:
        """How much of it has to be looked for elsewhere: the most arrows that come back together, and those that jump."""
        return self.lanes + len({tag.number for tag in self.tags.values()})


class LayoutEngine(Protocol):
    """Something that lays out DOT. The cache of layouts tells engines apart by identity, or by their own equality."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def __hash__(self) -> int: ...

    def run(self, dot: str, timeout: float) -> str:
        """Return Graphviz's ``json0`` for a DOT text, or raise `LayoutError`."""
        ...


@dataclass(frozen=True, slots=True)
class Program:
    """A Graphviz on this machine."""

    name: str
    path: str

    def run(self, dot: str, timeout: float) -> str:
        """Run it."""
        command = [self.path, "-Kdot", "-q", "-Tjson0"]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        try:
            with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
                try:
                    answer, said = _wait(process, dot.encode("utf-8"), timeout)
                finally:
                    process.kill()  # given up, or interrupted by the user; if it has ended, nothing happens
        except OSError as error:
            raise LayoutError(f"{self.path} does not run ({error.strerror}). {_ADVICE}") from None
        if process.returncode or not answer:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            raise LayoutError(f"{self.name} could not lay out the picture: {lines[-1] if lines else 'it said nothing'}")
        return answer.decode("utf-8")


def _wait(process: subprocess.Popen[bytes], question: bytes, timeout: float) -> tuple[bytes, bytes]:
    """Wait for an answer, and after a while say that something is happening."""
    start = time.monotonic()
    told = False
    to_send: bytes | None = question
    try:
        while True:
            left = timeout - (time.monotonic() - start)
            try:
                return process.communicate(to_send, timeout=min(1.0 if told else PATIENCE, max(left, 0.0)))
            except subprocess.TimeoutExpired:
                to_send = None  # what is left of it goes on being sent
                spent = time.monotonic() - start
                if spent >= timeout:
                    raise LayoutError(
                        f"laying out the picture took more than {timeout:g} seconds and was given up. Draw less of it: "
                        'depth=0 shows each module as one box, focus="name" what is near one tensor, detail="compact" '
                        'and "structure" show less of each.'
                    ) from None
                print(f"\rlaying out the picture: {spent:.0f} s of at most {timeout:g} s", end="", file=sys.stderr)
                sys.stderr.flush()
                told = True
    finally:
        if told:
            print(file=sys.stderr)


PURE = "pip install --force-reinstall 'graphviz-pure>=0.2.2,<0.3'"
IN_BROWSER = sys.platform == "emscripten"
"""True where Python itself runs in a browser: it can run no program there."""

_ADVICE = (
    "In a browser Graphviz is a package of its own, gradviz-wasm: install its wheel (docs/hosts.md), then run this again."
    if IN_BROWSER
    else f"Install the Graphviz that comes with gradviz anew: {PURE}"
)


def engines() -> dict[str, LayoutEngine]:
    """Return the layout engines on this machine by name, the preferred one first."""
    found: dict[str, LayoutEngine] = {} if IN_BROWSER else _programs()
    for name, engine in _brought().items():
        found.setdefault(name, engine)
    return found


@lru_cache(maxsize=1)
def _brought() -> dict[str, LayoutEngine]:
    """Return what other distributions bring. Nobody looks for them before a picture is drawn, but in a browser."""
    return {entry.name: entry.load()() for entry in entry_points(group="gradviz.layout")}


@cache
def _scripts() -> str:
    """Return where pip puts programs: beside the interpreter, in a folder that is often not on PATH."""
    return sysconfig.get_path(
        "scripts"
    )  # it takes longer than looking into the folder, and a slider draws 20 pictures a second


def _programs() -> dict[str, LayoutEngine]:
    found: dict[str, LayoutEngine] = {}
    pure = shutil.which("graphviz-pure", path=_scripts()) or shutil.which("graphviz-pure")
    if pure:
        found["graphviz-pure"] = Program("graphviz-pure", pure)
    system = shutil.which("dot")
    if system:
        found["dot"] = Program("dot", system)
    return found


def choose(name: str | None = None) -> LayoutEngine:
    """Return an engine by name, or the preferred one.

    Raises
    ------
    LayoutError
        If there is none.
    """
    found = engines()
    if name is not None and name not in found:
        have = ", ".join(found) or "none"
        raise LayoutError(f"there is no layout engine {name!r} on this machine (there is: {have}). {_ADVICE}")
    if not found:
        raise LayoutError(f"no Graphviz was found on this machine. {_ADVICE}")
    return found[name] if name is not None else next(iter(found.values()))


def layout(dot: str, *, engine: str | LayoutEngine | None = None, timeout: float = TIMEOUT) -> Layout:
    """Lay out a DOT text.

    What differs only in ids is laid out once: pictures of one computation differ in their numbers, not in their places, and so do
    the insides of modules that are alike.

    Parameters
    ----------
    dot
        As `gradviz.drawing.dot.dot` writes it.
    engine
        ``"graphviz-pure"``, ``"dot"``, an engine of one's own, or ``None`` for the preferred one.
    timeout
        In seconds.

    Raises
    ------
    LayoutError
        If there is no engine, it fails, or it takes too long.
    """
    if engine is None or isinstance(engine, str):
        own: dict[str, str] = {}
        common = _IDS.sub(lambda found: own.setdefault(found[0], f"n{len(own)}") if found[1] else found[0], dot)
        return _renamed(_laid_out(common, choose(engine), timeout), {new: old for old, new in own.items()})
    return parse(engine.run(dot, timeout))


_IDS = re.compile(r"""^\s*//.*$|"(?:[^"\\]|\\.)*"|\b([to]\d+(?:_\w+)?)\b""", re.MULTILINE)
"""The ids of tensors, operations and arrows in a DOT text; before them comments and strings, in which there are none."""


def _renamed(made: Layout, names: Mapping[str, str]) -> Layout:
    """Return a layout of which the parts are called otherwise."""

    def called(part: Mapping[str, T]) -> dict[str, T]:
        return {names.get(key, key): where for key, where in part.items()}

    return replace(made, centres=called(made.centres), splines=called(made.splines), labels=called(made.labels))


@lru_cache(maxsize=128)
def _laid_out(dot: str, engine: LayoutEngine, timeout: float) -> Layout:
    return parse(engine.run(dot, timeout))


def parse(answer: str) -> Layout:
    """Read Graphviz's ``json0``. Its y axis points up, ours down."""
    body = json.loads(answer)
    _, _, width, height = _numbers(body["bb"])
    objects = body.get("objects", [])
    centres: dict[str, Point] = {}
    clusters: dict[str, tuple[Box, ...]] = {}
    for thing in objects:
        if "pos" in thing:
            x, y = _numbers(thing["pos"])
            centres[thing["name"]] = (x, height - y)
        elif "bb" in thing:
            left, bottom, right, top = _numbers(thing["bb"])
            box = Box(left, height - top, right - left, top - bottom)
            clusters[thing["name"].removeprefix("cluster_")] = (box,)
    splines, labels = {}, {}
    for edge in body.get("edges", []):
        key = edge["id"]
        splines[key] = tuple((x, height - y) for x, y in (_numbers(point) for point in edge["pos"].split()))
        if "lp" in edge:
            x, y = _numbers(edge["lp"])
            labels[key] = (x, height - y)
    return Layout(width, height, centres, splines, labels, clusters)


def _numbers(text: str) -> list[Any]:
    return [float(number) for number in text.split(",")]
