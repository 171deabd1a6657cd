"""A picture that stays where it is while its numbers change: sizes, layouts found again, and a player that takes a new result."""

from __future__ import annotations

import sys
import types

import pytest

import gradviz as gv
import gradviz.notebook
from gradviz.drawing import layout
from gradviz.drawing.dot import dot
from gradviz.player import Player


def line(value):
    w, x = gv.tensor(value, requires_grad=True), gv.tensor(5.0)
    y = w * x + 3.0
    return y


def square(value):
    x = gv.tensor(value, requires_grad=True)
    y = x * x
    return y


def written(value):
    x = gv.tensor(2.0, requires_grad=True)
    y = (x * value + 1.0) ** 2
    return y


def curved(value):
    x = gv.tensor(value, requires_grad=True)
    y = gv.sigmoid(x).exp()
    return y


def matrix(value):
    x = gv.tensor([[1.0, 2.0], [3.0, 4.0]])
    w = gv.tensor([[value, -1.0], [2.0, 0.25]], requires_grad=True)
    return ((x @ w) ** 2).sum()


@pytest.mark.parametrize("of", [line, square, written, curved, matrix])
def test_a_slider_finds_the_layout_it_had(of):
    layout._laid_out.cache_clear()
    drawings = [gv.backprop(of(k / 10)).drawing for k in range(-30, 31)]
    assert len({dot(drawing.view, words=False) for drawing in drawings}) == 1
    assert layout._laid_out.cache_info().misses == 1


@pytest.mark.parametrize("value", [-0.001235, 1.234e-7, -2.5e-7, 123456.0, -99.25])
def test_signs_and_exponents_have_room(value):
    assert sizes(curved_input(value)) == sizes(curved_input(1.0))


def curved_input(value):
    x = gv.tensor(value, requires_grad=True)
    return gv.draw(x.abs())


def sizes(drawing):
    return [(card.width, card.height) for card in drawing.view.cards]


def test_what_does_not_fit_gets_more_room():
    usual, wide = (gv.draw(gv.tensor([[value, 1.0]], requires_grad=True) * 2) for value in (1.0, -1.2345e-10))
    assert all(one <= other for one, other in zip(sizes(usual), sizes(wide), strict=True))
    assert sizes(usual) != sizes(wide)


def test_a_player_takes_a_new_result_and_stays_where_it_is():
    player = gv.backprop(line(2.0))
    player.step, player.selected = 4, "t0"
    told = []
    player.observe(lambda change: told.append(change.name))
    player.update(line(-1.5))
    assert (player.step, player.selected) == (4, "t0")
    assert set(told) == {"payload"}
    assert player.recording.at().values["t0"].data == (-1.5,)
    assert player.drawing.to_svg().count("−1.5")
    assert "note" not in player.payload
    player.update(gv.draw(line(0.5)).recording)  # without a backward pass there are fewer steps
    assert player.step == 2


def test_of_another_computation_a_player_says_so_and_starts_anew():
    gv.manual_seed(0)
    net = gv.nn.Sequential(gv.nn.Linear(2, 2), gv.nn.ReLU())
    player = gv.backprop(net(gv.ones(1, 2)).sum(), depth=0)
    player.step, player.selected = 2, player.recording.graph.operations[0].id
    player.update(line(1.0))
    assert (player.step, player.selected, player.depth) == (0, "", None)
    assert player.payload["note"].startswith("operation 1 is ")
    player.update(line(2.0))
    assert "note" not in player.payload
    player.update(net(gv.ones(1, 2)).sum())
    assert player.depth == 0  # as it was asked for


def test_what_cannot_be_played_changes_nothing():
    player = gv.backprop(line(2.0))
    with pytest.raises(TypeError, match="pass the results of a computation"):
        player.update()
    with pytest.raises(ValueError, match="no graph"):
        player.update(gv.tensor(1.0))
    assert player.recording.at().values["t0"].data == (2.0,)


def test_names_are_those_of_the_caller():
    player = gv.backprop(line(2.0))
    bias = gv.tensor(1.0, requires_grad=True)
    result = bias * 2.0
    player.update(result)
    assert player.recording.graph.tensors[0].name == "bias"
    player.update(bias * 2.0, names={"c": bias})
    assert player.recording.graph.tensors[0].name == "c"


# --- boxes -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    """What IPython displays."""
    import IPython.display

    outputs = []

    def display(data, **_):
        outputs.append(data)
        return types.SimpleNamespace(update=lambda data, **_: outputs.append(data))

    monkeypatch.setattr(IPython.display, "display", display)
    return outputs


def test_ipython_asks_us_of_every_box():
    from IPython.core.formatters import DisplayFormatter

    formatter = DisplayFormatter()
    with pytest.MonkeyPatch.context() as patch:
        shell = types.SimpleNamespace(display_formatter=formatter)
        patch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
        gv.notebook.watch_boxes()
    import ipywidgets

    for kind in (ipywidgets.VBox, ipywidgets.HBox, ipywidgets.Accordion, ipywidgets.interactive):
        assert formatter.mimebundle_formatter.lookup_by_type(kind) is gv.notebook._bundle


def test_a_box_leaves_a_still_of_the_players_in_it(shown):
    import ipywidgets

    first, second = gv.backprop(line(2.0)), gv.backprop(square(3.0))
    box = ipywidgets.VBox([ipywidgets.IntSlider(), first, ipywidgets.HBox([second])])
    bundle = gv.notebook._bundle(box)
    assert "application/vnd.jupyter.widget-view+json" in bundle[0] if isinstance(bundle, tuple) else bundle
    (still,) = shown
    assert still["text/html"].count("<img") == 2
    assert all(f'class="{player.still}"' in still["text/html"] for player in (first, second))


def test_interact_leaves_a_still_of_the_last_drawing(shown):
    import ipywidgets

    for of in (lambda value: gv.draw(line(value)), lambda value: gv.backprop(line(value))):
        shown.clear()
        made = ipywidgets.interactive(of, value=(-3.0, 3.0))
        shown.clear()
        gv.notebook._bundle(made)
        assert shown[0]["text/html"].count("<img") == 1


def test_a_box_of_others_is_left_alone(shown):
    import ipywidgets

    box = ipywidgets.VBox([ipywidgets.IntSlider()])
    assert gv.notebook._bundle(box) == box._repr_mimebundle_()
    assert shown == []


def test_where_there_is_no_kernel_the_players_of_a_box_play(shown, monkeypatch):
    import ipywidgets

    monkeypatch.setenv("GRADVIZ_STATIC", "1")
    bundle = gv.notebook._bundle(ipywidgets.VBox([ipywidgets.IntSlider(), Player(gv.draw(line(2.0)))]))
    assert bundle["text/html"].count("<iframe") == 1
    assert shown == []
