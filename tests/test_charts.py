"""Charts go where they go in Python and in the page alike: both are given the same data."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
from pathlib import Path

import pytest

from gradviz.drawing.charts import geometry
from gradviz.drawing.charts.geometry import COLOURS, DASHES, Box, Scale

SOURCES = Path(__file__).parents[1] / "gradviz" / "player" / "frontend" / "src" / "training"
BOXES = [Box(62, 40, 620, 276), Box(54, 12, 586, 176), Box(54, 12, 300, 176)]


def curves():
    """Numbers of every kind that a run has brought, some of each by chance."""
    chance = random.Random(14)
    yield [1.0]
    yield [2.5, 2.5, 2.5]
    yield [0.0, 0.0]
    yield [3.0, 1.0, 0.5, math.nan, 0.25]
    yield [1.0, 1e3, 1e30, math.inf, math.nan]
    yield [math.nan, math.nan]
    yield [-4.0, -3.0, -3.5]
    yield [1.0, 0.0, 1e-9, 0.1]
    for length in (2, 7, 60, 900, 4000):
        start, rate = 10 ** chance.uniform(-6, 6), chance.uniform(0.8, 1.01)
        yield [start * rate ** min(k, 300) * chance.uniform(0.9, 1.1) for k in range(length)]
    for _ in range(20):
        kind = chance.choice([math.nan, math.inf, 0.0, -1.0, 1e6])
        numbers = [chance.gauss(0, 1) * 10 ** chance.randint(-3, 3) for _ in range(chance.randint(2, 1500))]
        yield [kind if chance.random() < 0.02 else number for number in numbers]


def lines():
    """Lines of one chart: each alone, and some together, of which some begin later or skip steps."""
    chance = random.Random(2)
    alone = [(list(range(len(numbers))), numbers) for numbers in curves()]
    yield from ([line] for line in alone)
    for _ in range(30):
        together = []
        for _, numbers in chance.sample(alone, chance.randint(2, 7)):
            start, stride = chance.choice([(0, 1), (1, 2), (3, 5)])
            together.append(([start + stride * k for k in range(len(numbers))], numbers))
        yield together


def plotted(drawn, box, log):
    made = geometry.plot(drawn, box, log=log)
    return {
        "paths": made.paths,
        "across": made.x.ticks,
        "up": made.y.ticks,
        "lost": made.lost and list(made.lost),
        "leaving": [list(pair) for pair in made.leaving.items()],
        "log": geometry.wants_log(drawn),
    }


def way(xs, ys, ends):
    x, y = Scale(*ends[0], 58, 408), Scale(*ends[1], 280, 10)
    return [geometry.path(geometry.way(xs, ys, x, y)), x.ticks, y.ticks, list(geometry.with_room(*ends[1]))]


PROGRAM = """
import {{ colourOf, dashOf, path, plot, scale, wantsLog, way, withRoom }} from {module};
let text = "";
// JSON has neither nan nor infinity: they come as texts.
const read = (key, value) => ({{ nan: NaN, inf: Infinity, "-inf": -Infinity }})[value] ?? value;
process.stdin.on("data", (part) => {{ text += part; }});
process.stdin.on("end", () => {{
  const {{ charts, ways }} = JSON.parse(text, read);
  const told = charts.map(([drawn, box, log]) => {{
    const lines = drawn.map(([xs, ys]) => ({{ xs, ys }}));
    const {{ x, y, paths, lost, leaving }} = plot(lines, box, log);
    return {{ paths, across: x.ticks, up: y.ticks, lost, leaving, log: wantsLog(lines) }};
  }});
  const over = ways.map(([xs, ys, ends]) => {{
    const [x, y] = [scale(ends[0], [58, 408]), scale(ends[1], [280, 10])];
    return [path(way(xs, ys, x, y)), x.ticks, y.ticks, withRoom(...ends[1])];
  }});
  const looks = Array.from({{ length: 40 }}, (_, n) => [colourOf(n), dashOf(n)]);
  process.stdout.write(JSON.stringify({{ told, over, looks }}));
}});
"""


def sent(value):
    if isinstance(value, list | tuple):
        return [sent(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def assert_near(mine, theirs, where):
    """The same to the last sign; numbers that are not rounded may differ by what logarithms differ."""
    if isinstance(mine, list):
        assert len(mine) == len(theirs), where
        for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            assert_near(one, other, (*where, place))
    elif isinstance(mine, float):
        assert mine == pytest.approx(theirs, rel=1e-12, abs=1e-12), where
    else:
        assert mine == theirs, where


def test_python_and_the_page_draw_the_same_data_alike(node):
    charts = [
        (drawn, box, log) for drawn in lines() for box in BOXES[: 2 if len(drawn) > 1 else 3] for log in (False, True)
    ]
    numbers = [curve for curve in curves() if len(curve) > 1]
    chance = random.Random(5)
    ways = []
    for one in numbers:
        other = [chance.gauss(0, 1) for _ in one]
        ways.append((one, other, [(-2.0, 5.0), (-3.0, 3.0)]))
    given = {
        "charts": [[sent(drawn), vars(box), log] for drawn, box, log in charts],
        "ways": sent(ways),
    }
    program = PROGRAM.format(module=json.dumps((SOURCES / "geometry.js").as_uri()))
    done = subprocess.run(
        [node, "--input-type=module", "-e", program], input=json.dumps(given), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    for place, (drawn, box, log) in enumerate(charts):
        for name, mine in plotted(drawn, box, log).items():
            assert_near(mine, theirs["told"][place][name], (place, name))
    for place, one in enumerate(ways):
        assert_near(way(*one), theirs["over"][place], (place,))
    assert theirs["looks"] == [[geometry.colour_of(n), geometry.dash_of(n)] for n in range(40)]


def test_the_page_has_the_colours_of_the_charts():
    style = (SOURCES / "training.css").read_text(encoding="utf-8")
    base = (SOURCES.parent / "player.css").read_text(encoding="utf-8")

    def colours(text, name):
        """What a variable is on light and on dark paper."""
        found = re.findall(rf"--{name}: ([^;]+);", text)
        inner = re.fullmatch(r"var\(--(\w+)\)", found[0])
        return colours(base, inner[1]) if inner else found

    assert [colours(style, f"c{number}")[:2] for number in range(len(COLOURS))] == COLOURS


def test_many_lines_are_all_told_apart():
    looks = [(geometry.colour_of(n), geometry.dash_of(n)) for n in range(len(COLOURS) * len(DASHES))]
    assert len(set(looks)) == len(looks)
