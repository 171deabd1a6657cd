"""The cheat sheet, one page to print: ``python docs/cheatsheet.py`` writes docs/_static/cheatsheet.html and .pdf.

What it says stands here once. The page to read and the page to print are set from it; the picture is one that gradviz draws.
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path

import gradviz as torch
from gradviz.drawing.export import pdf
from gradviz.drawing.theme import SANS

FOLDER = Path(__file__).parent / "_static"
TITLE = "gradviz on one page"

READING = (
    "A card is a tensor: name, shape, numbers. Input, parameter and output differ in border and tint.",
    "Its value: what the forward pass computed.",
    "Its gradient: how much the output changes, to first order, per unit of change of this entry.",
    "A disc is an operation. The thin dark line is the flow of values.",
    "The thick line runs the other way: the gradient on its way back.",
    "The local derivative: the gradient that arrives is multiplied by it. Of matrices the product is written out; g is what arrives.",
    "The output, where it begins: its gradient with respect to itself is 1.",
)

CALLS = (
    ("gv.draw(y)", "the graph; after y.backward() with gradients"),
    ("gv.draw(model, x)", "a model, run once for its picture"),
    ('gv.draw(y, depth=1, focus="w")', "modules as boxes; what is near w"),
    ('gv.draw(y).save("y.svg")', ".pdf and .png too"),
    ("gv.backprop(y)", "the player: step by step"),
    ("gv.backprop(y, predict=True)", "asks for each gradient first"),
    ('gv.backprop(y).save("y.html")', "one file to hand out"),
    ("with gv.record() as run: ...", "a training; show it with run"),
    ("gv.compare(run, other)", "trainings side by side"),
    ('gv.sweep(train, {"lr": [0.1, 0.2]})', "several settings at once"),
    ("gv.why(w)", "why w has no gradient, or nan"),
    ("gv.flow(loss)", "each layer's gradient beside its weights"),
    ("gv.check.gradient(6, of=y, to=x)", "was my answer right?"),
    ("import gradviz.as_torch", "then import torch means gradviz"),
)

SHELL = (
    ("gradviz lab", "the course, in JupyterLab"),
    ("gradviz run train.py", "a PyTorch program as it is"),
    ('gradviz draw "w*x + b" w=2 x=5 b=3 -o y.svg', "a picture of an expression"),
)

KEYS = (
    ("→  ←", "next, previous step"),
    ("Space", "play, pause"),
    ("Home  End", "first, last step"),
    ("E", "take a step apart; Shift+→ ← go to the next and the previous one"),
    ("Tab", "to the next card or button"),
    ("Enter", "select: its details open"),
    ("↓", "from a card into its entries; arrows move, Enter keeps one"),
    ("Shift+Enter", "inside a module"),
    ("Backspace  Esc", "out again, close"),
    ("/", "search for a module, tensor or shape"),
    ("+  −  0", "larger, smaller, fit"),
    ("D", "turn the picture: down, or to the right"),
    ("U", "take the last changed number back"),
    ("F", "full screen"),
)

WIDE, HIGH, EDGE = 1123, 794, 32
"""A4, landscape, at 96 pixels to the inch; the page of a PDF is told in points, of which there are 72."""

MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def picture() -> str:
    """A layer and its loss, with its gradients."""
    x = torch.tensor([[1.0, 2.0]])
    w = torch.tensor([[3.0, 1.0], [1.0, -2.0]], requires_grad=True)
    loss = torch.relu(x @ w).sum()
    loss.backward()
    names = {"x": x, "w": w, "loss": loss}
    return torch.draw(loss, names=names, theme="print").to_svg()


def _numbers(pattern: str, text: str) -> tuple[float, ...]:
    found = re.search(pattern, text)
    assert found is not None, pattern
    return tuple(map(float, found.groups()))


def _places(drawn: str) -> list[tuple[float, float]]:
    """Say where on the picture each sentence of `READING` belongs."""
    box = r'<rect class="gv-box" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"'
    parameter, output = (drawn[drawn.index(f"gv-card gv-role-{role}") :] for role in ("parameter", "output"))
    left, top, _, _ = _numbers(box, parameter)
    x, y, wide, _ = _numbers(box, output)
    middle, centre, radius = _numbers(r'<circle class="gv-box" cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', drawn)
    label_x, label_y = _numbers(r'class="gv-local" x="([\d.]+)" y="([\d.]+)"', drawn)
    _, value_y = _numbers(r'class="gv-value" x="([\d.]+)" y="([\d.]+)"', parameter)
    _, grad_y = _numbers(r'class="gv-grad" x="([\d.]+)" y="([\d.]+)"', parameter)
    lane_x, lane_y = _numbers(r'class="gv-back" d="M([\d.]+),([\d.]+)', drawn[drawn.index("gv-lane") :])
    return [
        (left, top),
        (left, value_y + 6),
        (left, grad_y + 6),
        (middle, centre - radius - 12),
        (lane_x + 26, lane_y + 16),
        (label_x, label_y - 20),
        (x + wide, y),
    ]


def _badge(number: int, x: float, y: float, size: float = 9.5) -> str:
    return (
        f'<g class="sheet-badge"><circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="#1f2328"/><text x="{x:.1f}" y="{y + size * 0.38:.1f}" '
        f'font-size="{size * 1.2:.1f}" font-weight="700" fill="#ffffff" text-anchor="middle">{number}</text></g>'
    )


def annotated() -> tuple[str, float, float]:
    """Return the picture with its numbers, and its size."""
    drawn = picture()
    wide, high = _numbers(r'width="([\d.]+)" height="([\d.]+)"', drawn)
    shift_x, shift_y = _numbers(r"translate\(([\d.]+) ([\d.]+)\)", drawn)
    badges = [_badge(n, x + shift_x, y + shift_y) for n, (x, y) in enumerate(_places(drawn), start=1)]
    end = drawn.rindex("</svg>")
    return drawn[:end] + "".join(badges) + drawn[end:], wide, high


def _wrapped(text: str, most: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _text(x: float, y: float, text: str, size: float = 11.5, **more: str) -> str:
    given = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="#1f2328"{given}>{escape(text)}</text>'


def sheet() -> str:
    """Return the page to print, as SVG."""
    drawn, wide, high = annotated()
    scale = (WIDE - 2 * EDGE) / wide
    parts = [
        _text(EDGE, 50, TITLE, 24, font_weight="700"),
        _text(EDGE + 270, 50, "loss = gv.relu(x @ w).sum();  loss.backward();  gv.draw(loss)", 13, font_family=MONO),
        f'<g transform="translate({EDGE} 66) scale({scale:.4f})">{drawn}</g>',
    ]
    top = 66 + high * scale + 34

    def heading(x: float, y: float, text: str) -> None:
        parts.append(_text(x, y, text, 15, font_weight="700"))

    heading(EDGE, top, "How to read a picture")
    y = top + 26
    for number, sentence in enumerate(READING, start=1):
        parts.append(_badge(number, EDGE + 9, y - 4, 8.5))
        for line in _wrapped(sentence, 52):
            parts.append(_text(EDGE + 26, y, line))
            y += 16
        y += 9
    second = EDGE + 350
    heading(second, top, "The calls  (import gradviz as gv)")
    y = top + 26
    for call, says in CALLS:
        parts += [
            _text(second, y, call, 10.5, font_family=MONO, font_weight="700"),
            _text(second + 8, y + 13.5, says, 11),
        ]
        y += 31.5
    third = EDGE + 690
    heading(third, top, "The keys  (of a player that was clicked)")
    y = top + 26
    for key, says in KEYS:
        parts.append(_text(third, y, key, 11.5, font_weight="700"))
        for line in _wrapped(says, 42):
            parts.append(_text(third + 104, y, line))
            y += 16
        y += 4
    y += 14
    heading(third, y, "In a shell")
    y += 24
    for command, says in SHELL:
        parts += [
            _text(third, y, command, 10.5, font_family=MONO, font_weight="700"),
            _text(third + 8, y + 13.5, says, 11),
        ]
        y += 31.5
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE * 0.75:.1f}" height="{HIGH * 0.75:.1f}" viewBox="0 0 {WIDE} {HIGH}" '
        f'font-family="{escape(SANS)}"><rect width="{WIDE}" height="{HIGH}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


_HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
@page {{ size: A4 landscape; margin: 9mm; }}
body {{ max-width: 70em; margin: 0 auto; padding: 1em; font: 14px/1.4 Helvetica, Arial, sans-serif; color: #1f2328; background: #fff; }}
h1 {{ font-size: 1.6em; margin: 0 0 0.4em; }}
h2 {{ font-size: 1.1em; margin: 1em 0 0.4em; }}
main {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(18em, 1fr)); gap: 0 1.6em; }}
.picture {{ overflow-x: auto; }}
.picture svg {{ min-width: 52em; width: 100%; height: auto; }}
code {{ font: 600 0.9em ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }}
ol {{ padding-left: 1.5em; margin: 0; }} li {{ margin-bottom: 0.4em; }}
dl {{ margin: 0; }} dd {{ margin: 0 0 0.25em 0.6em; }}
.keys {{ display: grid; grid-template-columns: max-content 1fr; gap: 0.1em 0.9em; }} .keys dt {{ font-weight: 700; }} .keys dd {{ margin: 0; }}
@media print {{ body {{ font-size: 10.5px; padding: 0; }} main {{ grid-template-columns: 1fr 1.05fr 1fr; }} a {{ display: none; }} .picture {{ overflow: hidden; }} .picture svg {{ min-width: 0; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<div class="picture">{picture}</div>
<main>
<section><h2>How to read a picture</h2><ol>{reading}</ol></section>
<section><h2>The calls</h2><p><code>import gradviz as gv</code></p><dl>{calls}</dl></section>
<section><h2>The keys</h2><dl class="keys">{keys}</dl><h2>In a shell</h2><dl>{shell}</dl></section>
</main>
<p><a href="cheatsheet.pdf">To print: one page, PDF</a></p>
</body>
</html>
"""


def page() -> str:
    """Return the page to read, as HTML."""

    def terms(rows: tuple[tuple[str, str], ...], mark: str = "code") -> str:
        return "".join(f"<dt><{mark}>{escape(term)}</{mark}></dt><dd>{escape(says)}</dd>" for term, says in rows)

    return _HTML.format(
        title=TITLE,
        picture=annotated()[0],
        reading="".join(f"<li>{escape(sentence)}</li>" for sentence in READING),
        calls=terms(CALLS),
        keys=terms(KEYS, "kbd"),
        shell=terms(SHELL),
    )


def main(folder: Path = FOLDER) -> int:
    """Write both."""
    (folder / "cheatsheet.html").write_text(page(), encoding="utf-8")
    (folder / "cheatsheet.pdf").write_bytes(pdf(sheet(), TITLE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
