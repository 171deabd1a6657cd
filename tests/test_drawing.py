"""Pictures: what is in them, where it is, and that no text is ever anything but text."""

from __future__ import annotations

import base64
import dataclasses
import re
import sys
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz import examples
from gradviz.drawing import draw_recording, face, steps
from gradviz.drawing.face import PARTS, THICKEST, THINNEST, cells, line_width
from gradviz.drawing.layout import LayoutError, Program, choose, engines, layout
from gradviz.drawing.palette import NOTHING, STRANGE, colours, shades
from gradviz.drawing.statistics import statistics
from gradviz.drawing.theme import BACK, GRADIENT, INK, LINE, MUTED, PENDING, ROLES, VALUE
from gradviz.engine.operation import TABLE
from gradviz.recording import dumps, loads, record_graph, variables_of
from gradviz.recording.values import value_of

SVG = "{http://www.w3.org/2000/svg}"


def record(*outputs, **options):
    return record_graph(*outputs, variables=variables_of(sys._getframe(1)), **options)


@pytest.fixture(scope="module")
def line():
    w, x, b = gv.tensor(2.0, requires_grad=True), gv.tensor(5.0), gv.tensor(3.0, requires_grad=True)
    y = w * x + b
    return record(y, backward=True)


def parse(svg):
    return ET.fromstring(svg)


def by_key(drawing, svg=None):
    root = parse(svg or drawing.to_svg())
    start = f"{drawing.prefix}_"
    return {e.get("id")[len(start) :]: e for e in root.iter() if (e.get("id") or "").startswith(start)}


def text_of(element):
    return "".join(element.itertext())


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_cards_show_values_and_gradients_and_edges_their_local_derivatives(line):
    parts = by_key(draw_recording(line))
    names = {
        text_of(e.find(f"{SVG}text[@class='gv-name']")): key for key, e in parts.items() if re.fullmatch(r"t\d+", key)
    }
    assert set(names) == {"w", "x", "w·x", "b", "y"}
    shown = {
        name: [text_of(parts[f"{key}_{p}0"]) for p in "vg" if f"{key}_{p}0" in parts] for name, key in names.items()
    }
    assert shown == {"w": ["2", "5"], "x": ["5"], "w·x": ["10", "1"], "b": ["3", "1"], "y": ["13", "1"]}
    assert text_of(parts["o0_0_l"]) == "∂/∂w = x = 5"
    assert text_of(parts["o1_1_l"]) == "1"
    assert "o0_1_l" not in parts  # no gradient flows to x


def test_before_backward_gradients_are_pending_and_not_zero():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x
    parts = by_key(draw_recording(record(y)))
    assert text_of(parts["t0_g0"]) == "·"
    assert text_of(parts["t1_g0"]) == "·"
    assert "gv-backward" not in parts["o0_0"].get("class")


def test_x_times_x_has_two_edges():
    x = gv.tensor(3.0, requires_grad=True)
    y = x * x
    drawing = draw_recording(record(y))
    parts = by_key(drawing)
    lines = [parts[key].find(f"{SVG}path[@class='gv-line']").get("d") for key in ("o0_0", "o0_1")]
    assert lines[0] != lines[1]


def test_constants_are_pills_with_their_number():
    x = gv.tensor(3.0, requires_grad=True)
    y = x + 10
    parts = by_key(draw_recording(record(y)))
    assert "gv-role-constant" in parts["t1"].get("class")
    assert [text_of(e) for e in parts["t1"].iter(f"{SVG}text")] == ["10"]


def test_a_vector_in_a_matrix_product_says_that_it_is_a_row():
    x, w = gv.ones(5), gv.ones(5, 3, requires_grad=True)
    loss = (x @ w).sum()
    recording = record(loss, backward=True)
    cards = {card.name: card.shape for card in draw_recording(recording, every_operation=True).view.cards}
    assert cards["x as a row"] == "1×5"
    assert "x" not in cards
    equations = [line.text for frame in recording.frames for line in frame.equation]
    assert "mm(x, w) = x @ w = [[1, 1, 1, 1, 1]] @ w (5×3) = [[5, 5, 5]]" in equations
    drawing = draw_recording(recording)  # where a product is one operation, it is itself
    assert {card.name: card.shape for card in drawing.view.cards}["x"] == "5"
    equations = [line.text for frame in drawing.shown.frames for line in frame.equation]
    assert "x @ w = [1, 1, 1, 1, 1] @ w (5×3) = [5, 5, 5]" in equations


def test_part_of_a_tensor_does_not_go_by_the_name_of_all_of_it():
    x, w = gv.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), gv.ones(3, requires_grad=True)
    y, v = gv.zeros(4, 1, 6), gv.ones((), requires_grad=True)
    parts = [
        *[(x[1], w, "x[1]"), (x.T[:, 0], w, "x[0]"), (x[:1], w, "x[:1]"), (x, w, "x")],
        *[(y[3], v, "y[3]"), (y[2, 0], v, "y[2, 0]"), (y[1, 0, 4], v, "y[1, 0, 4]"), (y[1:3], v, "y[1:3]")],
        *[(x[:, 1], v, "x[:, 1]"), (x[:, 1:], v, "x[:, 1:]"), (x[:, ::2], v, "x[…]"), (y[..., 1:3], v, "y[:, :, 1:3]")],
    ]
    for part, factor, name in parts:
        names = {"x": x, "y": y}
        cards = {card.name for card in draw_recording(record_graph((part * factor).sum(), names=names)).view.cards}
        assert name in cards, (name, cards)
    assert "xᵀ" in {card.name for card in draw_recording(record_graph((w @ x.T).sum(), names={"x": x})).view.cards}


def test_a_disc_says_what_is_done_and_names_no_operand():
    q = gv.tensor([[2.0, 3.0]], requires_grad=True)
    for result, symbol in [
        (q**2, "( )²"),
        (q**-1.5, "( )^(−1.5)"),
        (q.T, "( )ᵀ"),
        (1 / q, "1/( )"),
        (2.0**q, "2^( )"),
        (q.exp(), "exp"),
        (q.abs(), "abs"),
    ]:
        symbols = [disc.symbol for disc in draw_recording(record(result)).view.discs]
        assert symbols[0] == symbol
    written = {row.symbol for row in TABLE.values() if isinstance(row.symbol, str)}
    assert not [symbol for symbol in written if re.search(r"(?<![a-z])[xy](?![a-z])|[ˣʸ]", symbol)]


@pytest.mark.parametrize(
    "shape",
    [
        *[(*lead, *last) for lead in [(), (1,), (1, 1, 1), (9, 1), (1, 3)]
          for last in [(100, 100), (8, 600), (1, 5000), (13, 13), (9, 9)]],
        (5000,), (4097,), (17, 241), (1, 1, 5000), (5000, 1, 1), (1, 512, 768), (1, 0, 5000), (0,), (3, 0, 2, 1), (1, 1, 1, 1, 1),
    ],
)  # fmt: skip
def test_a_tensor_of_any_shape_has_a_picture(shape):
    """Each cell shows a mean of something: what is drawn has no more cells than what is kept of a large tensor."""
    x = gv.full(shape, 3.0, requires_grad=True)
    recording = record((x * 2).sum(), backward=True)
    drawing = draw_recording(recording, detail="full")
    assert face(recording, drawing.view).label
    for card in drawing.view.cards:
        if card.body.kind in ("heatmap", "preview"):
            moment = recording.at()
            value, gradient = moment.values[card.tensor.id], moment.gradients[card.tensor.id].value
            for shown, number in [(value, 3 if card.name == "x" else 6), (gradient, 2 if card.name == "x" else 1)]:
                assert list(cells(shown, card.body)) == [number] * card.body.count


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((), "numbers"), ((4, 4), "numbers"), ((5,), "numbers"), ((8,), "numbers"), ((5, 1), "numbers"), ((8, 2), "numbers"), ((5, 4), "heatmap"), ((9,), "heatmap"), ((10, 2), "heatmap"), ((13,), "preview"), ((784, 128), "preview"), ((2, 3, 4, 5), "heatmap"), ((4, 16, 28, 28), "preview"), ((0, 3), "empty")],
)  # fmt: skip
def test_a_tensor_shows_numbers_then_colours_then_statistics(shape, kind):
    x = gv.ones(*shape, requires_grad=True)
    y = (x * 2).sum()
    drawing = draw_recording(record(y, backward=True))
    card = next(card for card in drawing.view.cards if card.name == "x")
    assert card.body.kind == kind
    parts = by_key(drawing)
    if kind in ("heatmap", "preview") and not card.body.raster:
        (path,) = parts[f"{card.tensor.id}_v"]  # all entries are 1, and of one shade
        assert path.get("d").count("M") == card.body.count
    else:
        assert f"{card.tensor.id}_v0" in parts
    if kind == "preview":
        lines = [text_of(parts[f"{card.tensor.id}_vs{place}"]) for place in (0, 1)]
        assert lines == ["all 1", ""]
        assert card.body.rows <= 12
        assert card.body.columns <= 12


def test_a_heatmap_is_a_few_paths_whatever_its_size():
    x = gv.randn(12, 12, requires_grad=True)
    drawing = draw_recording(record((x * x).sum(), backward=True))
    cells = [path for path in by_key(drawing)["t0_v"] if not path.get("stroke-width")]  # without the minuses
    assert len(cells) <= len(shades("purple-teal"))
    strokes = [path.get("stroke") for path in cells]
    assert len(set(strokes)) == len(strokes)
    drawn = "".join(path.get("d") for path in cells)
    assert drawn.count("M") == 144
    assert len(drawn) < 14 * 144
    # Each cell is where it would be alone, in the colour of its number.
    corners = drawing.view.cards[0].body.corners()
    wanted = dict(
        zip(corners, colours(x.detach().numpy().ravel().tolist(), drawing.view.scales["weights"]), strict=True)
    )
    found = {
        tuple(map(float, place.split())): path.get("stroke")
        for path in cells
        for place in re.findall(r"M([\d.]+ [\d.]+)h", path.get("d"))
    }
    assert found == {tuple(float(f"{side:.4g}") for side in corner): colour for corner, colour in wanted.items()}


def test_what_is_not_a_number_is_said_on_the_card():
    x = gv.tensor([float("nan"), float("inf")] + [1.0] * 20, requires_grad=True)
    y = (x * 2).sum()
    drawing = draw_recording(record(y, backward=True))
    assert text_of(by_key(drawing)["t0_vs0"]) == "⚠ 1 nan 1 inf"


def test_modules_are_framed_and_hold_their_parameters():
    class Net(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = gv.nn.Sequential(gv.nn.Linear(3, 4), gv.nn.ReLU(), gv.nn.Linear(4, 1))

        def forward(self, x):
            return self.body(x)

    net = Net()
    loss = net(gv.ones(2, 3)).sum()
    drawing = draw_recording(record(loss, backward=True), fit=False)
    paths = [cluster.path for cluster in drawing.view.clusters]
    assert paths == ["net", "net.body", "net.body.0", "net.body.2"]
    boxes = drawing.layout.clusters
    (outer,), (inner,) = boxes["m0"], boxes["m2"]
    assert outer.x < inner.x
    assert outer.x + outer.width > inner.x + inner.width
    for cluster in drawing.view.clusters:
        (box,) = boxes[cluster.key]
        for member in cluster.members:
            x, y = drawing.layout.centres[member]
            assert box.x < x < box.x + box.width
            assert box.y < y < box.y + box.height


def test_nothing_overlaps_in_the_tutorials_pictures():
    for example in examples.EXAMPLES:
        drawing = draw_recording(examples.run(example).recording)
        places = drawing.layout.centres
        boxes = [(c.name, *places[c.tensor.id], c.width, c.height) for c in drawing.view.cards]
        boxes += [(d.symbol, *places[d.operation.id], d.width, d.height) for d in drawing.view.discs]
        boxes += [
            (a.label, *drawing.layout.labels[a.key], a.label_width - 8, 14) for a in drawing.view.arrows if a.label
        ]
        for i, (name, x, y, w, h) in enumerate(boxes):
            assert x - w / 2 >= -1
            assert x + w / 2 <= drawing.layout.width + 1
            assert y - h / 2 >= -1
            assert y + h / 2 <= drawing.layout.height + 1
            for other, x2, y2, w2, h2 in boxes[:i]:
                apart = abs(x - x2) >= (w + w2) / 2 or abs(y - y2) >= (h + h2) / 2
                assert apart, f"{example.name}: {name!r} overlaps {other!r}"


def test_labels_of_products_say_where_the_gradient_stands():
    """No sign hangs in the air: the gradient that is multiplied is called g."""
    x, w = gv.ones(2, 3, requires_grad=True), gv.ones(3, 1, requires_grad=True)
    drawing = draw_recording(record((x @ w).sum(), backward=True))
    labels = {
        arrow.tail: arrow.label for arrow in drawing.view.arrows if arrow.head == drawing.view.discs[0].operation.id
    }
    assert sorted(labels.values()) == ["g·wᵀ", "xᵀ·g"]


def test_a_card_is_as_exact_as_the_equation_that_made_it():
    a, b = gv.tensor(162.75, requires_grad=True), gv.tensor(5.3125, requires_grad=True)
    total = a + b
    recording = record_graph(total, backward=True, names={"a": a, "b": b, "total": total})
    shown = face(recording, draw_recording(recording).view).text
    assert [shown[f"{tensor.id}_v0"] for tensor in recording.graph.tensors] == ["162.75", "5.3125", "168.0625"]


def test_what_is_nothing_but_rounding_error_is_shown_as_such():
    x = gv.tensor([0.1, 0.2, 0.3, 0.4], requires_grad=True)
    total = (x - x.mean()).sum()
    recording = record_graph(total, backward=True, names={"x": x, "total": total})
    drawing = draw_recording(recording)
    id = next(tensor.id for tensor in recording.graph.tensors if tensor.name == "total")
    value = recording.at().values[id]
    assert value.data[0] != 0
    assert value.dust == (0,)
    assert face(recording, drawing.view).text[f"{id}_v0"] == "≈ 0"
    assert "value ≈ 0" in face(recording, drawing.view).label[id]
    assert loads(dumps(recording)).at().values[id].dust == (0,)
    # Who asked for a format gets it.
    plain = draw_recording(recording, number_format="%.2e")
    assert "e" in face(recording, plain.view).text[f"{id}_v0"]


def test_the_gradient_of_a_layer_norm_that_is_zero_is_shown_as_one():
    x = gv.tensor([[1.0, 2.0, 4.0]], requires_grad=True)
    recording = record_graph(gv.nn.functional.layer_norm(x, (3,)).sum(), backward=True, names={"x": x})
    shown = face(recording, draw_recording(recording).view).text
    id = next(tensor.id for tensor in recording.graph.tensors if tensor.name == "x")
    assert {shown[f"{id}_g{place}"] for place in range(3)} <= {"0", "≈ 0"}


def test_the_mean_of_a_centred_tensor_is_zero():
    centred = gv.randn(20, 20, generator=gv.Generator().manual_seed(0)).double()
    centred = centred - centred.mean()
    assert float(centred.mean()) != 0
    assert statistics(value_of(centred.numpy()))[0].startswith("mean ≈ 0 ± ")


def test_of_equal_entries_one_number_is_said():
    assert statistics(value_of(gv.full((20, 20), 0.1).numpy())) == ("all 0.1", "")
    # The mean of so many is not rounded as they are: 0.00624999 beside 0.00625.
    assert statistics(value_of(gv.full((2, 5, 16), 1 / 160).numpy())) == ("all 0.00625", "")
    assert statistics(value_of(gv.full((80, 80), 1 / 6400).numpy())) == ("all 0.0001562", "")
    assert statistics(value_of((gv.rand(20, 20) * 1e-9 + 0.3).numpy()))[0] in ("all 0.3", "all ≈ 0.3")
    assert statistics(value_of(gv.zeros(20, 20).numpy())) == ("all 0", "")


def test_a_sum_of_gradients_is_right_as_it_is_printed():
    """Each term by itself is written with four digits; together they get as many as the sum takes."""
    x = gv.tensor(0.7, dtype=gv.float64, requires_grad=True)
    y = gv.sin(x) + x * 1.23456
    recording = record_graph(y, backward=True, names={"x": x, "y": y})
    drawing = draw_recording(recording)
    id = next(tensor.id for tensor in recording.graph.tensors if tensor.name == "x")
    told = face(recording, drawing.view).text[f"{id}_g0"]
    terms, sign, total = re.fullmatch(r"(.*) ([=≈]) (.*)", told).groups()
    assert sign == "="
    worked_out = sum(float(term) for term in terms.split(" + "))
    assert f"{worked_out:.4g}" == total


def test_the_layout_does_not_change_from_step_to_step(line):
    drawings = [draw_recording(line, step=step) for step in range(len(line.frames))]
    assert len({drawing.dot for drawing in drawings}) == 1
    assert all(drawing.layout == drawings[0].layout for drawing in drawings)


def test_steps_add_up_to_the_face_of_each_moment(line):
    drawing = draw_recording(line)
    so_far = {part: {} for part in PARTS}
    for place, step in enumerate(steps(line, drawing.view)):
        for part, shown in so_far.items():
            shown.update(step[part])
        assert so_far == dataclasses.asdict(face(line, drawing.view, place))


def test_every_key_of_a_face_is_a_part_of_the_picture(line):
    for recording in (line, examples.run(examples.EXAMPLES[5]).recording):
        drawing = draw_recording(recording)
        parts = by_key(drawing)
        for shown in dataclasses.asdict(face(recording, drawing.view)).values():
            for key in shown:
                if not (
                    key.startswith("t") and key.endswith("_v0") and "gv-role-constant" in parts[key[:-3]].get("class")
                ):
                    assert key in parts, key


def test_lines_widen_with_the_size_of_the_gradient():
    widths = [line_width(value_of(gv.tensor(10.0**n).array)) for n in range(-5, 6)]
    assert widths == sorted(widths)
    assert widths[0] == THINNEST
    assert widths[-1] == THICKEST
    assert line_width(value_of(gv.tensor(0.0).array)) == THINNEST


# --- colours ----------------------------------------------------------------------------------------------------------


def luminance(code):
    channels = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_on_every_card():
    for fill, *_ in ROLES.values():
        for ink in (INK, MUTED, VALUE, GRADIENT):
            assert contrast(ink, fill) >= 4.5, (ink, fill)
    for ink in (GRADIENT, MUTED):
        assert contrast(ink, "#ffffff") >= 4.5
    for ink in (LINE, BACK, PENDING[1]):
        assert contrast(ink, "#ffffff") >= 3


def test_what_is_not_known_yet_does_not_look_like_a_zero():
    """An empty cell with a dot in it, in the picture of any theme; a zero has its shade."""
    x = gv.zeros(10, 10, requires_grad=True)
    recording = record((x * 2).sum(), backward=True)
    for theme in ("light", "dark", "print"):
        first = draw_recording(recording, step=0, theme=theme).to_svg()
        strokes = set(re.findall(r'<path stroke="(#\w+)"( stroke-width="2")? d="M', first))
        zero = colours([0.0], 1.0, "grey" if theme == "print" else "purple-teal")[0]
        assert strokes == {(zero, ""), (NOTHING, ' stroke-width="2"')}


def test_dark_text_can_be_read_too():
    from gradviz.drawing.theme import _DARK, INK, TINTS

    look = {name: dict(rule.split(":") for rule in rules.split(";")) for name, rules in _DARK.items()}
    look.pop(".gv-cells")
    outline, page = look.pop(".gv-pending .gv-box"), look[".gv-panel"]["fill"]
    assert outline["fill"] == "none"
    assert contrast(outline["stroke"], page) >= 3
    fills = [rules["fill"] for name, rules in look.items() if ".gv-box" in name or "panel" in name]
    inks = [
        rules["fill"]
        for name, rules in look.items()
        if not (".gv-box" in name or "panel" in name or "head" in name or "bar" in name or "tint" in name)
        and "fill" in rules
    ]
    tints = [rules["fill"] for name, rules in look.items() if "tint" in name]
    assert len(tints) == len(TINTS)
    assert all(contrast(look[".gv-name,.gv-symbol,.gv-number"]["fill"], tint) >= 4.5 for tint in tints)
    assert all(contrast(INK, tint) >= 4.5 for tint in TINTS)
    for fill in fills:
        for ink in inks:
            assert contrast(ink, fill) >= 4.5, (ink, fill)


def test_the_palette_is_centred_on_zero_and_symmetric():
    assert colours([0.0, 3.0, 99.0, -3.0], 3.0) == ["#f7f7f7", "#007a6c", "#007a6c", "#40126b"]
    assert colours([float("nan"), 1.0, float("inf"), -float("inf")], 1.0) == [STRANGE, "#007a6c", STRANGE, STRANGE]


# --- text is never code -----------------------------------------------------------------------------------------------

ELEMENTS = {"svg", "style", "g", "rect", "circle", "path", "text"}
ATTRIBUTES = {
    "id",
    "class",
    "width",
    "height",
    "viewBox",
    "role",
    "aria-label",
    "font-family",
    "transform",
    "tabindex",
    "opacity",
    "x",
    "y",
    "rx",
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "cx",
    "cy",
    "r",
    "d",
    "font-size",
    "text-anchor",
    "font-weight",
    "visibility",
    "display",
}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><svg onload="alert(1)">',
    "]]>&amp;<!--",
    "a\nb\r\tc",
    "‮drow‬",
    "🙂" * 40,
    "\x00\x01\ud800",
    "\\N \\G {x|y} <B>b</B>",
    "x" * 10_000,
    '";',
]


def with_names(recording, text):
    graph = recording.graph
    tensors = tuple(dataclasses.replace(t, name=text, module="m" if t.named else "") for t in graph.tensors)
    operations = tuple(
        dataclasses.replace(
            o,
            name=text,
            grad_fn=text,
            symbol=text,
            sentence=text,
            module="m",
            inputs=tuple(dataclasses.replace(a, local=text, local_number=text) for a in o.inputs),
        )
        for o in graph.operations
    )
    from gradviz.recording import RecordedModule

    return dataclasses.replace(
        recording,
        title=text,
        graph=dataclasses.replace(
            graph, tensors=tensors, operations=operations, modules=(RecordedModule("m", text, text),)
        ),
    )


LOOKS = [
    {},
    {"detail": "compact", "show": ["values", "grads", "saved", "source"]},
    {"detail": "structure", "theme": "print", "direction": "TB"},
    {"depth": 0},
]


def check_harmless(recording, **look):
    drawing = draw_recording(recording, **look)
    root = parse(drawing.to_svg(panel=True))
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES
    width = float(root.get("width"))
    assert width < 6000
    return drawing


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("look", LOOKS, ids=["auto", "compact", "structure", "folded"])
def test_hostile_text_is_shown_as_text(line, text, look):
    check_harmless(with_names(line, text), names={text: text}, **look)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_plays_by_itself_as_text(line, text):
    root = parse(draw_recording(with_names(line, text)).to_animated_svg())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= ELEMENTS
    assert {name for element in root.iter() for name in element.attrib} <= ATTRIBUTES


@settings(max_examples=80, deadline=None)
@given(text=st.text(max_size=60), look=st.sampled_from(LOOKS))
def test_any_text_is_shown_as_text(line, text, look):
    check_harmless(with_names(line, text), **look)


# --- files and notebooks ----------------------------------------------------------------------------------------------


def test_the_same_recording_gives_the_same_bytes(line, tmp_path):
    for suffix in (".svg", ".dot", ".json"):
        first = draw_recording(line).save(tmp_path / f"a{suffix}").read_bytes()
        assert first == draw_recording(line).save(tmp_path / f"b{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 6


def test_saving_says_what_is_wrong(line, tmp_path):
    drawing = draw_recording(line)
    with pytest.raises(ValueError, match=r"the name must end in \.svg, \.pdf, \.png, \.dot, \.json"):
        drawing.save(tmp_path / "y.bmp")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        drawing.save(tmp_path / "no" / "y.svg")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="theme is 'pink'"):
        draw_recording(line, theme="pink")
    with pytest.raises(ValueError, match="direction is 'UP'"):
        draw_recording(line, direction="UP")
    with pytest.raises(IndexError, match="has 6 steps"):
        draw_recording(line, step=6)


def test_a_notebook_gets_the_picture_and_two_fallbacks(line):
    drawing = draw_recording(line)
    first, second = drawing._repr_mimebundle_(), drawing._repr_mimebundle_()
    assert set(first) == {"image/svg+xml", "text/html", "text/plain"}
    ids = [set(re.findall(r'id="([^"]+)"', bundle["image/svg+xml"])) for bundle in (first, second)]
    assert not ids[0] & ids[1]
    embedded = re.search(r"base64,([^\"]+)", first["text/html"]).group(1)
    assert base64.b64decode(embedded).decode() == first["image/svg+xml"]


def test_light_needs_no_style_sheet_and_dark_is_one(line):
    drawing = draw_recording(line)
    assert "<style>" not in drawing.to_svg("light")
    assert "prefers-color-scheme" in drawing.to_svg("auto")
    assert "prefers-color-scheme" not in drawing.to_svg("dark")


# --- layout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["graphviz-pure", "dot"])
def test_every_layout_engine_keeps_the_contract(line, name):
    if name not in engines():
        from conftest import missing

        missing(
            f"needs the layout engine {name}: {'apt-get install graphviz' if name == 'dot' else 'pip install graphviz-pure'}"
        )
    for recording in (line, examples.run(examples.EXAMPLES[5]).recording):
        drawing = draw_recording(recording)
        found = layout(drawing.dot, engine=name)
        assert set(found.centres) == {c.tensor.id for c in drawing.view.cards} | {
            d.operation.id for d in drawing.view.discs
        }
        assert set(found.splines) == {arrow.key for arrow in drawing.view.arrows}
        assert set(found.labels) == {arrow.key for arrow in drawing.view.arrows if arrow.label}
        assert set(found.clusters) == {cluster.key for cluster in drawing.view.clusters}
        for points in found.splines.values():
            assert len(points) % 3 == 1
            assert all(-1 <= x <= found.width + 1 and -1 <= y <= found.height + 1 for x, y in points)


def test_a_layout_that_takes_too_long_is_given_up_with_advice(tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    with pytest.raises(LayoutError, match=r"took more than 0\.2 seconds and was given up\. Draw less of it: depth=0"):
        Program("slow", str(slow)).run("digraph {}", 0.2)


def test_a_long_layout_says_that_it_goes_on(tmp_path, monkeypatch, capsys):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nsleep 0.5\necho done\n")
    slow.chmod(0o755)
    monkeypatch.setattr("gradviz.drawing.layout.PATIENCE", 0.1)
    assert Program("slow", str(slow)).run("digraph {}", 20) == "done\n"
    assert capsys.readouterr().err == "\rlaying out the picture: 0 s of at most 20 s\n"
    assert Program("slow", str(slow)).run("digraph {}", 20) == "done\n"


def test_one_tensor_used_a_hundred_times_draws():
    """Its arrows reach far; Graphviz alone would take minutes over their labels."""
    x = gv.tensor(1.0, requires_grad=True)
    total = 0
    for factor in range(100):
        total = total + x * float(factor + 2)
    total.backward()
    picture = draw_recording(record_graph(total), detail="full", fit=False).to_svg()
    assert picture.count('class="gv-local"') >= 100


def test_no_engine_says_what_to_install(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
    with pytest.raises(LayoutError, match="pip install"):
        choose()
    with pytest.raises(LayoutError, match="there is no layout engine 'neato'"):
        choose("neato")
    with pytest.raises(LayoutError, match="does not run"):
        Program("gone", "/nowhere/gone").run("digraph {}", 1)


@pytest.mark.browser
def test_text_fits_its_card_as_a_browser_measures_it(browser_page):
    """Every text lies within the card, disc or label box it was made for, with room to spare."""
    for example in examples.EXAMPLES:
        drawing = draw_recording(examples.run(example).recording)
        browser_page.set_content(drawing.to_svg("light"))
        outside = browser_page.evaluate(
            """() => [...document.querySelectorAll(".gv-card, .gv-disc")].flatMap(group => {
                const box = group.querySelector(".gv-box").getBBox();
                return [...group.querySelectorAll("text")].filter(text => {
                    const t = text.getBBox();
                    return t.x < box.x + 3 || t.x + t.width > box.x + box.width - 3
                        || t.y < box.y - 1 || t.y + t.height > box.y + box.height + 1;
                }).map(text => text.textContent);
            })"""
        )
        assert outside == [], example.name


# --- labels -----------------------------------------------------------------------------------------------------------


def attention():
    words = gv.ones(3, 4)
    query, key, value = (gv.ones(4, 2, requires_grad=True) for _ in range(3))
    weights = gv.softmax((words @ query) @ (words @ key).T / 2**0.5, -1)
    return draw_recording(
        record(((weights @ (words @ value)) ** 2).sum(), backward=True), direction="LR", every_operation=True, fit=False
    )


def crossings(layout, drawing):
    """The labels that an arrow runs through, found by small steps along each arrow."""
    found = []
    for arrow in drawing.view.arrows:
        if arrow.key not in layout.labels:
            continue
        x, y = layout.labels[arrow.key]
        for key, spline in layout.splines.items():
            for start in range(0, len(spline) - 1, 3):
                for t in (step / 200 for step in range(201)):
                    weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
                    px, py = (
                        sum(w * p[axis] for w, p in zip(weights, spline[start : start + 4], strict=True))
                        for axis in (0, 1)
                    )
                    if abs(px - x) < arrow.label_width / 2 - 6 and abs(py - y) < 6 and key != arrow.key:
                        found.append((arrow.label, key))
    return found


def test_no_arrow_runs_through_the_label_of_another():
    drawing = attention()
    assert crossings(layout(drawing.dot), drawing)
    assert not crossings(drawing.layout, drawing)


def test_labels_that_nothing_crosses_stay_where_they_are(line):
    drawing = draw_recording(line)
    assert drawing.layout.labels == layout(drawing.dot).labels
