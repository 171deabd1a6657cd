"""How a picture looks: its inks and fonts, and the sheets of rules that make it dark or fit for a copier.

The light look stands in the marks themselves; the others are laid over it by class.
"""

from __future__ import annotations

from gradviz.drawing.alarms import DARK_ALARM

SANS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
SERIF = "'Times New Roman', Times, 'Liberation Serif', 'DejaVu Serif', serif"
MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

INK, MUTED = "#1f2328", "#59636e"
VALUE, GRADIENT = "#0550ae", "#9a3412"
LINE, BACK = "#57606a", "#cf6a0c"


def family(font: str | None) -> str:
    """Return the stack of families for what was asked for: ``"serif"``, a family, or nothing."""
    if font is None:
        return SANS
    return SERIF if font == "serif" else f"'{font}', {SANS}"


# Fill, border, border width and dashes: a role shows in all of them, so that it can be told without colour.
ROLES = {
    "parameter": ("#fff4d6", "#b58105", 1.8, ""),
    "input": ("#eaf2ff", "#6e8fc7", 1.2, ""),
    "constant": ("#ffffff", "#77818c", 1.2, ""),
    "intermediate": ("#ffffff", "#858f9a", 1.2, ""),
    "output": ("#e6f7ec", "#2f8a4c", 2.6, ""),
}
DISC = ("#f6f8fa", "#77818c", 1.3)
PENDING = ("none", "#818b98", 1.2, "4 3")
"""Of what is not computed yet: an outline without a fill, that can be read."""

BARS = {"p": "#4f8fd0", "d": "#c8742c"}
"""Of predictions, and of predictions minus targets."""

BLOCK = ("#ffffff", "#858f9a", 1.3)
VALUES, TINT = "#4a86d0", BACK
"""Of histograms of values and of gradients."""

FAINT = "#858f9a"
"""Of arrows along which nothing has come yet."""

MODULE = ("#f6f8fa", "#858f9a")

LEVELS = 7


def _mixed(low: str, high: str) -> tuple[str, ...]:
    """Return colours from one to another, as many as there are levels."""
    ends = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in (low, high)]
    shares = [level / (LEVELS - 1) for level in range(LEVELS)]
    return tuple("#" + "".join(f"{round(a + (b - a) * s):02x}" for a, b in zip(*ends, strict=True)) for s in shares)


TINTS = _mixed("#fdf3e9", "#eaa866")
"""Of a gradient norm's ground, from the smallest in a picture to the largest. Dark ink can be read on all of them."""

# The same marks on a dark page, by class.
_DARK = {
    ".gv-role-parameter .gv-box": "fill:#33290f;stroke:#c9991f",
    ".gv-role-input .gv-box": "fill:#14243d;stroke:#5f88c9",
    ".gv-role-constant .gv-box": "fill:#161b22;stroke:#8b949e",
    ".gv-role-intermediate .gv-box": "fill:#161b22;stroke:#6e7681",
    ".gv-role-output .gv-box": "fill:#10301c;stroke:#46a565",
    ".gv-disc .gv-box": "fill:#21262d;stroke:#8b949e",
    ".gv-alarm .gv-box": DARK_ALARM,
    ".gv-pending .gv-box": "fill:none;stroke:#818b98",
    ".gv-module .gv-box": "fill:#11161d;stroke:#656d76",
    ".gv-name,.gv-symbol,.gv-number": "fill:#e6edf3",
    ".gv-shape,.gv-caption,.gv-stat,.gv-module-name,.gv-note": "fill:#9da7b1",
    ".gv-value": "fill:#79b8ff",
    ".gv-grad,.gv-local": "fill:#ffb077",
    ".gv-pending .gv-name,.gv-pending .gv-symbol": "fill:#9da7b1",
    ".gv-line": "stroke:#9da7b1",
    ".gv-head": "fill:#9da7b1",
    ".gv-pending .gv-line": "stroke:#6e7681",
    ".gv-pending .gv-head": "fill:#6e7681",
    ".gv-backward .gv-line": "stroke:#f0883e",
    ".gv-backward .gv-head": "fill:#f0883e",
    ".gv-two .gv-line": "stroke:#9da7b1",
    ".gv-two .gv-head": "fill:#9da7b1",
    ".gv-two.gv-pending .gv-line": "stroke:#6e7681",
    ".gv-two.gv-pending .gv-head": "fill:#6e7681",
    ".gv-two .gv-back": "stroke:#f0883e",
    ".gv-two .gv-lane .gv-head": "fill:#f0883e",
    ".gv-key-back .gv-line": "stroke:#f0883e",
    ".gv-key-back .gv-head": "fill:#f0883e",
    ".gv-tag .gv-box": "fill:#161b22;stroke:#9da7b1",
    ".gv-panel": "fill:#0d1117",
    ".gv-bar-p": "fill:#4f8fd0",
    ".gv-bar-d": "fill:#c8742c",
    ".gv-bar-y": "stroke:#e6edf3",
    ".gv-axis": "stroke:#6e7681",
    ".gv-bar-v": "fill:#5b9bea",
    ".gv-bar-g": "fill:#f0883e",
    **{f".gv-tint{level}": f"fill:{tint}" for level, tint in enumerate(_mixed("#30291f", "#9a5a20"))},
    ".gv-mark": "stroke:#e6edf3",
    ".gv-skip": "stroke:#9da7b1",
    ".gv-ring-forward": "stroke:#79b8ff",
    ".gv-ring-backward": "stroke:#f0883e",
    # Turns the palette over, so that zero is dark: white cells would glare. The hues stay. Images stay what they are.
    ".gv-cells": "filter:invert(1) hue-rotate(180deg)",
}


# And in black on white: what colour says is said by the width and the dashes of lines, and by slanted gradients.
_PRINT = {
    ".gv-box": "fill:#ffffff;stroke:#000000",
    ".gv-role-parameter .gv-box": "stroke-width:2.2",
    ".gv-role-input .gv-box": "stroke-width:1",
    ".gv-role-intermediate .gv-box": "stroke:#777777;stroke-width:1",
    ".gv-role-output .gv-box": "stroke-width:3.4",
    ".gv-alarm .gv-box": "stroke-width:4;stroke-dasharray:7 3",
    ".gv-module .gv-box,.gv-pending .gv-box": "stroke:#777777",
    ".gv-name,.gv-symbol,.gv-number,.gv-value,.gv-shape,.gv-caption,.gv-stat,.gv-module-name,.gv-note": "fill:#000000",
    ".gv-grad,.gv-local": "fill:#000000;font-style:italic",
    ".gv-line": "stroke:#000000",
    ".gv-head": "fill:#000000",
    ".gv-ring": "stroke:#000000",
    ".gv-bar-p": "fill:#8c8c8c",
    ".gv-bar-d": "fill:#444444",
    ".gv-bar-y": "stroke:#000000",
    ".gv-bar-v": "fill:#8c8c8c",
    ".gv-bar-g": "fill:#444444",
    **{f".gv-tint{level}": f"fill:{tint}" for level, tint in enumerate(_mixed("#f7f7f7", "#b0b0b0"))},
    ".gv-mark,.gv-skip": "stroke:#000000",
    ".gv-backward .gv-line": "stroke:#000000",
    ".gv-back": "stroke:#000000",
    ".gv-two .gv-line": "stroke:#777777",
    ".gv-two .gv-head": "fill:#777777",
    ".gv-two .gv-lane .gv-head": "fill:#000000",
    ".gv-key:not(.gv-key-back) .gv-line": "stroke:#777777",
    ".gv-key:not(.gv-key-back) .gv-head": "fill:#777777",
    ".gv-forward .gv-line": "stroke:#777777",
    ".gv-forward .gv-head": "fill:#777777",
}


def _style(rules: dict[str, str], scope: str) -> str:
    return "".join(
        ",".join(f"{scope} {selector}" for selector in selectors.split(",")) + "{" + look + "}"
        for selectors, look in rules.items()
    )


def dark_style(scope: str) -> str:
    """Return the dark look as CSS rules below a selector."""
    return _style(_DARK, scope)


def print_style(scope: str) -> str:
    """Return the look for paper as CSS rules below a selector."""
    return _style(_PRINT, scope)
