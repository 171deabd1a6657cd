"""What colour says can be told without it: in black and white, on a copier, and with the common kinds of colour blindness."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.drawing.palette import LEVELS, PALETTES, shades
from gradviz.drawing.theme import _DARK, _PRINT, BACK, GRADIENT, LINE, ROLES, VALUE
from gradviz.recording import record_graph

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
BLINDNESS = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(code):
    channels = np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    ratio = TO_XYZ @ np.clip(rgb, 0, 1) / (0.9505, 1.0, 1.089)
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(first, other, blindness=None):
    """CIE 1976 colour difference, of which about 2.3 can just be seen."""
    how = np.array(BLINDNESS[blindness]) if blindness else np.eye(3)
    return math.dist(lab(how @ linear(first)), lab(how @ linear(other)))


def look(rules, selector, what):
    """A property in a style sheet's rules."""
    found = [
        dict(rule.split(":") for rule in text.split(";")) for name, text in rules.items() if selector in name.split(",")
    ]
    return next(rule[what] for rule in found if what in rule)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_values_and_gradients_differ_for_every_eye(blindness):
    pairs = [(VALUE, GRADIENT), (LINE, BACK)]
    pairs += [(look(_DARK, ".gv-value", "fill"), look(_DARK, ".gv-grad", "fill"))]
    pairs += [(look(_DARK, ".gv-line", "stroke"), look(_DARK, ".gv-backward .gv-line", "stroke"))]
    for first, other in pairs:
        assert difference(first, other, blindness) > 15, (first, other)


@pytest.mark.parametrize("palette", ["purple-teal", "purple-green"])
@pytest.mark.parametrize("blindness", ["deuteranopia", "protanopia"])
def test_both_ends_of_a_palette_differ_for_every_eye(palette, blindness):
    low, middle, high = shades(palette)[0], shades(palette)[LEVELS], shades(palette)[-1]
    for first, other in itertools.combinations((low, middle, high), 2):
        assert difference(first, other, blindness) > 15


def test_the_palette_for_print_tells_the_sign_by_lightness():
    lightness = [lab(linear(code))[0] for code in shades("grey")]
    assert lightness == sorted(lightness)
    assert lightness[-1] - lightness[LEVELS] > 25
    assert lightness[LEVELS] - lightness[0] > 25
    assert all(len(set(colour)) == 1 for _, colour in PALETTES["grey"])


def recorded():
    x, w = gv.randn(4, 6), gv.randn(6, 5, requires_grad=True)
    return record_graph((gv.relu(x @ w) * 2).sum(), backward=True, names={"x": x, "w": w})


def test_print_uses_the_palette_for_print_unless_told_otherwise():
    recording = recorded()
    assert draw_recording(recording, theme="print").options.palette == "grey"
    assert draw_recording(recording, theme="print", palette="purple-teal").options.palette == "purple-teal"
    assert draw_recording(recording).options.palette == "purple-teal"


def test_print_has_only_greys():
    picture = draw_recording(recorded(), theme="print").to_svg()
    codes = {part[:7] for rules in _PRINT.values() for part in rules.split(":")[1:] if part.startswith("#")}
    cells = [part.split("</g>")[0] for part in picture.split('class="gv-cells"')[1:]]
    codes |= {"#" + part[:6] for cell in cells for part in re.split('(?:fill|stroke)="#', cell)[1:]}
    for code in codes:
        assert len({code[1:3], code[3:5], code[5:7]}) == 1, code


def test_roles_differ_by_their_borders():
    """Whatever the colours become, the border's width or its dashes or its darkness tell the roles of leaves and results."""
    borders = {role: (width, dashes) for role, (_, _, width, dashes) in ROLES.items()}
    assert len({borders[role] for role in ("parameter", "input", "output")}) == 3
    printed = {
        role: look(_PRINT, f".gv-role-{role} .gv-box", "stroke-width") for role in ("parameter", "input", "output")
    }
    assert len(set(printed.values())) == 3


def test_states_differ_without_colour():
    """What is not computed yet is an outline in dashes; a gradient's arrow points the other way."""
    recording = recorded()
    first, last = (draw_recording(recording, step=step).to_svg() for step in (0, -1))
    pending = 'fill="none" stroke="#818b98" stroke-width="1.2" stroke-dasharray="4 3"'
    assert pending in first
    assert pending not in last
    assert "opacity" not in first  # quiet, but as easy to read
    edges = sum(arrow.carries_gradient for arrow in draw_recording(recording).view.arrows)
    assert edges > 0
    assert last.count("gv-edge gv-backward") == edges


@pytest.mark.parametrize("theme", ["light", "print"])
def test_the_steps_of_a_role_are_seen_in_grey(theme):
    """A card's fill never makes its text hard to read, whatever the colour is turned into."""
    for fill, *_ in ROLES.values():
        paper = fill if theme == "light" else "#ffffff"
        for ink in (VALUE, GRADIENT) if theme == "light" else ("#000000",):
            assert lab(linear(paper))[0] - lab(linear(ink))[0] > 45
