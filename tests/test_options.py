"""What an author can choose about a picture, and what is said about choices that do not exist."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

import gradviz as gv
from gradviz.drawing import Options, draw_recording
from gradviz.drawing.options import options
from gradviz.drawing.palette import shades
from gradviz.recording import record_graph

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def line():
    w, b, x = gv.tensor(2.0, requires_grad=True), gv.tensor(3.0, requires_grad=True), gv.tensor(5.0)
    y = (w * x + b) ** 2
    y.backward()
    return record_graph(y, variables=[{"w": w, "b": b, "x": x, "y": y}])


@pytest.fixture(scope="module")
def layer():
    gv.manual_seed(0)
    linear, x = gv.nn.Linear(3, 5), gv.randn(20, 3)
    loss = (linear(x) ** 2).mean()
    loss.backward()
    return record_graph(loss, variables=[{"linear": linear, "x": x, "loss": loss}])


def texts(drawing):
    return ["".join(element.itertext()) for element in ET.fromstring(drawing.to_svg()).iter(f"{SVG}text")]


def test_full_pictures_name_every_result(line):
    shown = texts(draw_recording(line, detail="full"))
    assert "w·x" in shown
    assert "grad" in shown


def test_compact_pictures_have_numbers_on_the_line(line):
    shown = texts(draw_recording(line, detail="compact"))
    assert "w·x" not in shown
    assert {"10", "26"} <= set(shown)  # w·x, and its gradient
    assert "w" in shown


def test_structure_has_no_numbers(layer):
    shown = texts(draw_recording(layer, detail="structure"))
    assert "linear.weight" in shown
    assert "5×3" in shown
    assert "value" not in shown
    assert not any(re.search(r"\d\.\d", text) for text in shown)


@pytest.mark.parametrize(
    ("show", "there", "gone"),
    [
        ({"grads": False}, "value", "grad"),
        ({"values": False}, "grad", "value"),
        ({"local": False}, "value", "∂/∂w = x = 5"),
        (["values", "grads"], "grad", "∂/∂w = x = 5"),
        ("values", "value", "grad"),
        ({"saved": True}, "saves w, x", "nothing"),
    ],
)
def test_parts_are_shown_or_not(line, show, there, gone):
    shown = texts(draw_recording(line, show=show))
    if there == "saves w, x":
        assert any(text.startswith("saves ") for text in shown)
    else:
        assert there in shown
    assert gone not in shown


def test_shapes_and_source_lines(layer):
    assert "5×3" in texts(draw_recording(layer))
    assert "5×3" not in texts(draw_recording(layer, show={"shapes": False}))
    assert any(re.fullmatch(r"line \d+", text) for text in texts(draw_recording(layer, show={"source": True})))


def test_other_names(line):
    shown = texts(draw_recording(line, names={"w": "slope"}))
    assert "slope" in shown


def test_number_formats(line):
    shown = texts(draw_recording(line, number_format="%.3f"))
    assert "2.000" in shown
    assert "26.000" in shown


@pytest.mark.parametrize("palette", ["purple-teal", "grey"])
def test_palettes_colour_the_cells(layer, palette):
    root = ET.fromstring(draw_recording(layer, palette=palette).to_svg())
    strokes = {e.get("stroke") for cells in root.iter(f"{SVG}g") if cells.get("class") == "gv-cells" for e in cells}
    assert len(strokes & set(shades(palette))) > 8


def test_gradients_that_meet_are_written_as_a_sum():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x + x
    y.backward()
    assert "1 + 3 + 3 = 7" in texts(gv.draw(y))
    z = x * 2
    z.backward()
    assert "7 + 2 = 9" in texts(gv.draw(z))  # what an earlier backward() left is part of the sum


def test_negative_terms_are_subtracted():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x - x
    y.backward()
    assert any("− 1" in text and "= 5" in text for text in texts(gv.draw(y))) or "−1 + 3 + 3 = 5" in texts(gv.draw(y))


def test_an_axis_that_was_broadcast_is_named():
    x, b = gv.ones(4, 2), gv.zeros(2, requires_grad=True)
    y = (x + b).sum()
    y.backward()
    assert "Σ rows" in texts(gv.draw(y))


def test_a_legend_says_once_what_colours_mean(layer):
    root = ET.fromstring(draw_recording(layer).to_svg())
    legends = [e for e in root.iter(f"{SVG}g") if e.get("class") == "gv-legend"]
    assert len(legends) == 2
    assert not [
        e
        for e in ET.fromstring(draw_recording(layer, detail="structure").to_svg()).iter()
        if e.get("class") == "gv-legend"
    ]


def test_layers_of_an_image_are_small_multiples():
    image = gv.randn(2, 3, 20, 20, requires_grad=True)
    y = image.relu().sum()
    y.backward()
    card = gv.draw(y).view.cards[0]
    assert (card.body.layers, card.body.across) == (6, 3)
    many = gv.randn(4, 16, 9, 9, requires_grad=True)
    z = many.relu().sum()
    body = gv.draw(z).view.cards[0].body
    assert (body.layers, body.note) == (8, "8 of 64")


def test_print_is_black_on_white(line):
    svg = draw_recording(line, theme="print").to_svg()
    assert "prefers-color-scheme" not in svg
    assert "#000000" in svg


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"detial": "full"}, "there is no option 'detial'"),
        ({"detail": "everything"}, "detail is 'everything'; it can be 'auto', 'full', 'compact' or 'structure'"),
        ({"direction": "UP"}, "direction is 'UP'"),
        ({"theme": "neon"}, "theme is 'neon'"),
        ({"palette": "rainbow"}, "palette is 'rainbow'; it can be 'purple-teal'"),
        ({"show": ["value"]}, "show has 'value'; it can have values, grads"),
        ({"show": {"gradients": True}}, "show has 'gradients'"),
        ({"depth": -1}, "depth is -1"),
        ({"depth": True}, "depth is True"),
        ({"depth": 1.5}, "depth is 1.5"),
        ({"hops": 0}, "hops is 0"),
        ({"focus": 3}, "focus is a int"),
        ({"number_format": "%d %d"}, "number_format is '%d %d'"),
        ({"number_format": "%.40f"}, "24 is the most"),
        ({"font": "x'><script>"}, "font is"),
        ({"names": ["w"]}, "names is a list"),
    ],
)
def test_what_cannot_be_is_said(given, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        options(**given)
    assert message in str(caught.value)


def test_options_are_frozen_and_none_means_the_usual():
    assert options(direction=None, depth=None) == Options()
    with pytest.raises(AttributeError):
        Options().detail = "full"
