"""What colour says can be told without it: in black and white, on a copier, and with the common kinds of colour blindness."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.drawing.palette import (
    DARK,
    LEVELS,
    MINUS_ON_DARK,
    MINUS_ON_PALE,
    PALE,
    PALETTE,
    PALETTES,
    inks,
    number_at,
    shaded,
    shades,
)
from gradviz.drawing.theme import (
    _DARK,
    _PRINT,
    BACK,
    BARS,
    DISC,
    FAINT,
    GRADIENT,
    INK,
    LINE,
    MODULE,
    MUTED,
    PENDING,
    ROLES,
    VALUE,
)
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


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_both_ends_of_a_palette_differ_for_every_eye(blindness):
    codes = shades(PALETTE)
    for first, other in itertools.combinations((codes[0], codes[LEVELS], codes[-1]), 2):
        assert difference(first, other, blindness) > 15
    for level in range(LEVELS // 4, LEVELS + 1):  # from a quarter of the colour on, a number differs from its negative
        assert difference(codes[LEVELS - level], codes[LEVELS + level], blindness) > 15


def hue(code):
    _, a, b = lab(linear(code))
    return math.degrees(math.atan2(b, a)) % 360


def test_signs_have_other_hues_than_values_and_gradients():
    """Blue is a value and brown a gradient, whatever its sign; purple is negative and teal positive, whatever it is a number of."""
    signs = [shades(PALETTE)[0], shades(PALETTE)[-1]]
    for roles in ((VALUE, GRADIENT), (look(_DARK, ".gv-value", "fill"), look(_DARK, ".gv-grad", "fill"))):
        for sign, role in itertools.product(signs, roles):
            apart = abs(hue(sign) - hue(role))
            assert min(apart, 360 - apart) > 15, (sign, role)
            assert difference(sign, role) > 30


def test_a_negative_number_is_darker_and_has_a_minus():
    codes = shades(PALETTE)
    for level in range(1, LEVELS + 1):
        assert lab(linear(codes[LEVELS - level]))[0] <= lab(linear(codes[LEVELS + level]))[0] + 0.5
    inked = inks(PALETTE)
    for signs, minus in ((PALE, MINUS_ON_PALE), (DARK, MINUS_ON_DARK)):
        for sign in signs:
            assert contrast(inked[minus], inked[sign]) >= 3, sign
    x = gv.tensor([[-2.0, 2.0, 0.0] * 3] * 2)
    cells = draw_recording(record_graph((x * gv.ones(9, requires_grad=True)).sum(), names={"x": x})).to_svg()
    drawn = cells.split('class="gv-cells"')[1].split("</g>")[0]
    (minus,) = re.findall(r'stroke="#ffffff" stroke-width="1.2" d="([^"]+)"', drawn)
    assert minus.count("M") == 6


def luminance(code):
    return float(linear(code) @ (0.2126, 0.7152, 0.0722))


def contrast(first, other):
    """As WCAG 2 counts it, from 1 to 21."""
    dark, bright = sorted((luminance(first), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_lines_and_borders_stand_out_from_what_they_stand_on():
    """WCAG 1.4.11: what is not text reaches 3:1, in every theme."""
    grounds = ["#ffffff", MODULE[0]]
    lines = [LINE, BACK, FAINT, MODULE[1], DISC[1], PENDING[1], *(border for _, border, *_ in ROLES.values())]
    for line, ground in itertools.product(lines, grounds):
        assert contrast(line, ground) >= 3, (line, ground)
    for bar in BARS.values():
        assert contrast(bar, DISC[0]) >= 3, bar
    for rules, pages in ((_DARK, ["#0d1117", look(_DARK, ".gv-module .gv-box", "fill")]), (_PRINT, ["#ffffff"])):
        drawn = [
            part.split(":")[1]
            for name, text in rules.items()
            for part in text.split(";")
            if (part.startswith("stroke:") and part != "stroke:none")
            or (part.startswith("fill:") and ("gv-head" in name or "gv-bar" in name))
        ]
        for line, page in itertools.product(drawn, pages):
            assert contrast(line, page) >= 3, (line, page)


def test_text_can_be_read():
    """4.5:1, on a page, in a frame, on a card and on a disc."""
    grounds = ["#ffffff", MODULE[0], DISC[0], *(fill for fill, *_ in ROLES.values())]
    for ink, ground in itertools.product((INK, MUTED, VALUE, GRADIENT), grounds):
        assert contrast(ink, ground) >= 4.5, (ink, ground)


def test_the_ticks_of_a_scale_are_true():
    """Half of the colour is a quarter of the number, and the legend says so."""
    for place in (-1.0, -0.5, 0.0, 0.5, 1.0):
        assert shaded([number_at(place, 3.0)], 3.0) == shaded([math.copysign(place * place * 3, place)], 3.0)
    assert number_at(-0.5, 4.0) == -1
    picture = draw_recording(recorded(), number_format="%.4f")
    for role in ("values", "weights", "gradients"):
        legend = picture.to_svg().split(f">{role}</text>")[1].split('class="gv-legend"')[0]
        ticks = [float(tick.replace("−", "-")) for tick in re.findall(r">(−?[\d.]+)</text>", legend)]
        top = picture.view.scales[role]
        assert ticks == pytest.approx([-top, -top / 4, 0, top / 4, top], abs=1e-4)
        fills = re.findall(r'fill="(#\w{6})"/>', legend)
        assert [fills[place] for place in (0, 3, 6, 9, 12)] == [shades(PALETTE)[place] for place in (0, 12, 24, 36, 48)]


def test_each_role_has_a_scale_and_one_is_for_all_on_request():
    recording = recorded()
    scales = draw_recording(recording).view.scales
    assert list(scales) == ["values", "weights", "gradients"]
    assert len(set(scales.values())) == 3
    one = draw_recording(recording, scale="one").view.scales
    assert set(one.values()) == {max(scales.values())}
    with pytest.raises(ValueError, match="scale is 'log'; it can be 'role' or 'one'"):
        draw_recording(recording, scale="log")


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


def test_the_pages_lines_and_words_stand_out_too():
    """Of the player's own colours, in the light and in the dark."""
    sheet = (Path(__file__).parents[1] / "gradviz/player/frontend/src/player.css").read_text(
        encoding="utf-8"
    )  # no wheel has it
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in sheet.split('[data-theme="dark"] {')[:2])
    for names in (light, {**light, **dark}):
        for ground in (names["paper"], names["soft"]):
            for line in ("line", "grad", "faint", "pending", "bar-value", "bar-grad"):
                assert contrast(names[line], ground) >= 3, line
            for ink in ("ink", "muted", "value", "grad-ink"):
                assert contrast(names[ink], ground) >= 4.5, ink
