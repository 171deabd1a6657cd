"""Pictures that can be read where they are seen: on a slide, in a column, in a cell; and what is said of those that were folded."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest
from networks import COMPUTATIONS, made

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.drawing.curves import rounded, samples
from gradviz.drawing.svg import size
from gradviz.drawing.target import SLIDE, target
from gradviz.recording import record_graph

SVG = "{http://www.w3.org/2000/svg}"

LOOK = """svg => {
    const box = element => element.getBoundingClientRect();
    const whole = box(svg);
    const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim());
    const plain = ({ x, y, width, height }) => [x, y, x + width, y + height];
    // A line of text is about 1.15 times as high as its size, whatever is in it.
    const scale = whole.width / svg.viewBox.baseVal.width;
    const sizes = texts.map(text => parseFloat(getComputedStyle(text).fontSize) * scale);
    const parts = [...svg.querySelectorAll(".gv-card > .gv-box, .gv-disc > .gv-box, .gv-chip")];
    const owner = text => text.closest(".gv-card, .gv-disc, .gv-chip");
    const free = texts.filter(text => !owner(text) && !text.matches(".gv-module-name"));
    const outside = texts.filter(text => {
        const [left, top, right, bottom] = plain(box(text));
        return left < whole.left - 0.5 || top < whole.top - 0.5 || right > whole.right + 0.5 || bottom > whole.bottom + 0.5;
    });
    const spilled = texts.filter(text => {
        const around = owner(text)?.matches(".gv-chip") ? null : owner(text)?.querySelector(".gv-box");
        if (!around) return false;
        const [a, b] = [box(text), box(around)];
        return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 2 || a.bottom > b.bottom + 2;
    });
    return {
        smallest: Math.min(...sizes),
        shown: [whole.width, whole.height],
        parts: parts.map(part => plain(box(part))),
        labels: free.map(text => [text.textContent, ...plain(box(text))]),
        outside: outside.map(text => text.textContent),
        spilled: spilled.map(text => text.textContent),
    };
}"""


def overlap(one, other, least=1.0):
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > least and down > least


def seen(page, picture):
    """Show a picture on a slide, as large as it is or smaller, and measure it."""
    page.set_content(
        "<style>body { margin: 0 } svg { display: block; max-width: 1280px; max-height: 720px }</style>" + picture
    )
    return page.locator("svg").evaluate(LOOK)


@pytest.mark.browser
@pytest.mark.sample(12)
@pytest.mark.sample(10)
@pytest.mark.parametrize("name", COMPUTATIONS)
def test_a_default_picture_can_be_read_on_a_slide(browser_page, name):
    *_, loss = made(name, gv)
    picture = gv.draw(loss).to_svg(theme="light")
    assert len(picture.encode()) < 1_000_000
    found = seen(browser_page, picture)
    assert found["smallest"] >= 9, found["smallest"]
    assert found["shown"][0] <= 1280.5
    assert found["shown"][1] <= 720.5
    assert not found["outside"]
    assert not found["spilled"]
    parts, labels = found["parts"], found["labels"]
    assert not [(a, b) for k, a in enumerate(parts) for b in parts[:k] if overlap(a, b)]
    assert not [(text, b) for text, *a in labels for b in parts if overlap(a, b)]
    assert not [(a, b) for k, a in enumerate(labels) for b in labels[:k] if overlap(a[1:], b[1:])]


def small(drawing):
    """The size of the smallest text on a slide."""
    root = ET.fromstring(drawing.to_svg())
    smallest = min(float(text.get("font-size")) for text in root.iter(f"{SVG}text"))
    wide, high = size(drawing.view, drawing.layout)
    return smallest * min(1, 1280 / wide, 720 / high)


def chain(count):
    y = x = gv.tensor(0.5, requires_grad=True)
    for _ in range(count):
        y = y.sin().exp()
    y.backward()
    return record_graph(y, names={"x": x, "y": y})


@pytest.fixture(scope="module")
def long():
    return chain(40)


def said(drawing):
    root = ET.fromstring(drawing.to_svg())
    lines = [text for text in root.iter(f"{SVG}text") if "gv-fitted" in text.get("class", "")]
    return " ".join(line.text or "".join(title.tail for title in line) for line in lines)


def hints(drawing):
    return [title.text for title in ET.fromstring(drawing.to_svg()).iter(f"{SVG}title")]


def test_what_was_folded_is_said_and_one_option_takes_it_back(long):
    folded = draw_recording(long)
    assert len(folded.view.discs) < 80
    assert re.match(r"Folded to fit: 1 box stands for \d+ of 80 operations\.$", said(folded))
    assert hints(folded) == ["fit=False draws all operations."]
    whole = draw_recording(long, fit=False)
    assert len(whole.view.discs) == 80
    assert said(whole) == ""
    assert small(folded) >= 9 > small(whole)


def test_nothing_is_said_of_a_picture_that_fits():
    w = gv.tensor(2.0, requires_grad=True)
    drawing = gv.draw(w * 3 + 1)
    assert said(drawing) == ""
    assert drawing.view.options.detail == "full"
    assert drawing.view.direction == "LR"


@pytest.mark.parametrize("detail", ["full", "compact", "structure"])
def test_a_detail_that_was_asked_for_is_kept_and_folds_what_it_must(long, detail):
    drawing = draw_recording(long, detail=detail)
    assert drawing.view.options.detail == detail
    assert small(drawing) >= 9


def test_a_depth_that_was_asked_for_is_kept():
    *_, loss = made("ResNet-18-like", gv)
    shallow, deep = gv.draw(loss, depth=1), gv.draw(loss, depth=2)
    assert sum("Sequential" in disc.symbol for disc in shallow.view.discs) == 4
    assert sum("BasicBlock" in disc.symbol for disc in deep.view.discs) > 0


def test_the_rounds_of_a_loop_fold_and_its_ends_stay():
    b = gv.tensor(1.0, requires_grad=True)
    for _ in range(100):
        b = b + b
    symbols = [disc.symbol for disc in gv.draw(b).view.discs]
    assert symbols == ["+", "+", "the same × 96", "+", "+"]
    assert small(gv.draw(b)) >= 9


def test_very_many_tensors_fold_into_what_takes_them():
    drawing = gv.draw(gv.stack([gv.ones(2, requires_grad=True) for _ in range(70)]).sum())
    assert any("70 tensors" in disc.symbol for disc in drawing.view.discs)


# --- rows ----------------------------------------------------------------------------------------------------------------


def test_a_chain_wraps_into_rows_and_its_arrows_stay_whole():
    *_, loss = made("MLP, cross-entropy", gv)
    drawing = gv.draw(loss)
    layout = drawing.layout
    assert layout.turns
    centres = layout.centres
    assert set(layout.splines) == {arrow.key for arrow in drawing.view.arrows}
    boxes = {card.tensor.id: (card.width, card.height) for card in drawing.view.cards}
    boxes |= {disc.operation.id: (disc.width, disc.height) for disc in drawing.view.discs}
    for arrow in drawing.view.arrows:
        points = layout.splines[arrow.key]
        assert len(points) % 3 == 1
        for end, id in ((points[0], arrow.tail), (points[-1], arrow.head)):
            (x, y), (wide, high) = centres[id], boxes[id]
            assert abs(end[0] - x) <= wide / 2 + 3
            assert abs(end[1] - y) <= high / 2 + 3
        for x, y in samples(points):
            assert -1 <= x <= layout.width + 1
            assert -1 <= y <= layout.height + 1


def test_a_skip_over_rows_is_a_numbered_tag_at_both_ends():
    *_, loss = made("U-Net-like", gv)
    drawing = gv.draw(loss)
    layout = drawing.layout
    leaving = {tag.number: tag for tag in layout.tags.values() if tag.leaves}
    arriving = {tag.number: tag for tag in layout.tags.values() if not tag.leaves}
    assert leaving.keys() == arriving.keys() == {1, 2}
    names = {card.tensor.id: card.name for card in drawing.view.cards}
    assert [names[leaving[number].beside] for number in (1, 2)] == ["first", "second"]
    symbols = {disc.operation.id: disc.symbol for disc in drawing.view.discs}
    assert [symbols[arriving[number].beside] for number in (1, 2)] == ["cat", "cat"]
    assert layout.lanes == 1
    picture = ET.fromstring(drawing.to_svg())
    said = [text.text for text in picture.iter(f"{SVG}text")]
    assert [word for word in said if word in ("to cat", "from first", "from second")].count("to cat") == 2
    assert "from first" in said
    # Both pieces are one arrow, which the player finds by its id.
    key = next(arrow.key for arrow in drawing.view.arrows if f"{arrow.key}_j" in layout.tags)
    line = next(group for group in picture.iter(f"{SVG}g") if group.get("id", "").endswith(f"_{key}"))
    assert all(path.get("d").count("M") == 2 for path in line.iter(f"{SVG}path"))
    assert "goes on where its number comes again" in " ".join(filter(None, said))


def test_a_jump_begins_and_ends_in_different_rows_where_it_can():
    for name in ("U-Net-like", "MAML inner step", "autoencoder, 12 layers deep"):
        *_, loss = made(name, gv)
        layout = gv.draw(loss).layout
        for number in {tag.number for tag in layout.tags.values()}:
            ends = {tag.leaves: layout.centres[key][1] for key, tag in layout.tags.items() if tag.number == number}
            assert ends[False] > ends[True]


def dense(layers):
    """Each layer reads all before it."""
    gv.manual_seed(0)
    features = [gv.randn(2, 4, requires_grad=True).tanh()]
    for k in range(layers):
        features.append(gv.nn.Linear(4 + 3 * k, 3)(gv.cat(features, 1)).relu())
    return gv.cat(features, 1).sum()


def test_what_many_layers_read_is_a_number_at_each():
    """Not a bundle of lines past all that stands between."""
    loss = dense(6)
    loss.backward()
    drawing = gv.draw(loss)
    tags = drawing.layout.tags.values()
    assert len({tag.number for tag in tags}) >= 4
    symbols = {disc.operation.id: disc.symbol for disc in drawing.view.discs}
    assert {symbols[tag.beside] for tag in tags if not tag.leaves} == {"cat"}
    # Of the 28 arrows to them only those stay lines that lead to what stands close by.
    assert sum(not tag.leaves for tag in tags) >= 14


def test_what_is_given_for_one_operation_stands_in_its_row():
    *_, loss = made("a long chain of matrices", gv)
    drawing = gv.draw(loss)
    turned = [arrow.tail for arrow in drawing.view.arrows if arrow.key in drawing.layout.turns]
    assert turned
    given = {tensor.id for tensor in drawing.shown.graph.tensors if tensor.producer is None}
    assert not given.intersection(turned)


def test_a_shape_is_said_where_it_changes():
    x = gv.randn(4, 6, requires_grad=True)
    drawing = gv.draw((x.exp().tanh().sigmoid() @ gv.randn(6, 2)).relu().sum(), detail="compact")
    shapes = [card.shape for card in drawing.view.cards if card.form == "chip"]
    assert shapes == ["", "", "", "4×2", ""]


@pytest.mark.parametrize("name", ["polynomial", "a wide fan out"])
def test_where_many_arrows_would_come_back_few_do(name):
    *_, loss = made(name, gv)
    drawing = gv.draw(loss)
    assert drawing.layout.apart <= 3


def test_corners_are_rounded_and_ends_stay():
    line = rounded([(0, 0), (50, 0), (50, 80)])
    assert line[0] == (0, 0)
    assert line[-1] == (50, 80)
    assert len(line) % 3 == 1
    assert (50, 0) in line  # as a control point, which the line does not touch


# --- where it is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "size_"),
    [
        ({"width": "slide"}, (1280, 720)),
        ({"width": "column"}, (317, 756)),
        ({"width": 600}, (600, 720)),
        ({"height": "100mm"}, (1280, 378)),
        ({"width": "4in", "height": "9cm"}, (384, 340)),
    ],
)
def test_targets_are_pixels_millimetres_or_names(given, size_):
    found = target(**given)
    assert (round(found.width), round(found.height)) == size_
    assert target() is None
    assert target("slide") == SLIDE


@pytest.mark.parametrize("given", ["wide", 10, 10**6, True, "12 parsecs", float("nan"), []])
def test_a_target_that_cannot_be_is_said(given):
    with pytest.raises(ValueError, match="width is"):
        gv.draw(gv.ones(2, requires_grad=True).sum(), width=given)


def test_a_picture_for_a_column_is_as_wide_as_one_and_can_be_read_there(long):
    drawing = draw_recording(long, width="column")
    root = ET.fromstring(drawing.to_svg())
    wide = float(root.get("width"))
    assert wide <= 318
    smallest = min(float(text.get("font-size")) for text in root.iter(f"{SVG}text"))
    assert smallest * wide / float(root.get("viewBox").split()[2]) >= 9


def test_serif_and_sans_are_fonts(long):
    assert "Times" in ET.fromstring(draw_recording(long, font="serif").to_svg()).get("font-family")
    assert draw_recording(long, font="sans").to_svg() == draw_recording(long).to_svg()


# --- which way arrows lead -----------------------------------------------------------------------------------------------


def states(drawing):
    return {
        kind for group in ET.fromstring(drawing.to_svg()).iter(f"{SVG}g") for kind in group.get("class", "").split()
    }


def test_the_flow_of_data_never_turns_round_in_a_network():
    *_, loss = made("nn.Linear + MSE", gv)
    drawing = gv.draw(loss)
    root = ET.fromstring(drawing.to_svg())
    edges = [group for group in root.iter(f"{SVG}g") if "gv-edge" in group.get("class", "")]
    for edge in edges:
        kinds = [path.get("class") for path in edge.iter(f"{SVG}path")]
        assert "gv-head gv-head-backward" not in kinds
        assert "gv-head gv-head-forward" in kinds
    back = [edge for edge in edges if "gv-backward" in edge.get("class")]
    assert back
    for edge in back:
        (lane,) = [group for group in edge.iter(f"{SVG}g") if group.get("class") == "gv-lane"]
        assert lane.get("display") is None


def test_arrows_turn_where_all_is_numbers():
    w = gv.tensor(2.0, requires_grad=True)
    y = w * 3
    y.backward()
    assert gv.draw(y).view.back == "turned"
    assert "gv-two" not in states(gv.draw(y))


def test_structure_keeps_its_flow_after_backward():
    *_, loss = made("nn.Linear + MSE", gv)
    assert states(gv.draw(loss, detail="structure")).isdisjoint({"gv-backward", "gv-two"})
    assert states(gv.draw(loss, show={"grads": False})).isdisjoint({"gv-backward", "gv-two"})


def test_a_player_of_a_large_network_is_folded_too():
    *_, loss = made("TransformerEncoder, 6 layers", gv, backward=False)
    player = gv.backprop(loss)
    assert len(json.dumps(player.payload["steps"])) < 1_000_000
    assert len(player.drawing.view.discs) < 60
