"""The widget as seen from Python; the browser's side of it is in test_player_lab.py."""

from __future__ import annotations

import base64
import json

import pytest
import traitlets

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.player import Player, page
from gradviz.player.payload import at_step
from gradviz.recording import dumps, loads, record_graph


@pytest.fixture
def recording():
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(5.0, requires_grad=True)
    y = w * x
    return record_graph(y, backward=True, names={"w": w, "x": x, "y": y}, title="<b>y</b>")


@pytest.fixture
def player(recording):
    player = Player(recording)
    yield player
    player.close()


def test_steps_are_checked(player):
    last = len(player.recording.frames) - 1
    player.step = 1
    player.step = -1
    assert player.step == last
    for wrong in (last + 1, -last - 2):
        with pytest.raises(
            traitlets.TraitError, match=rf"step {wrong} is out of range: this recording has {last + 1} steps"
        ):
            player.step = wrong
    assert player.step == last


def test_first_step_can_be_chosen(recording):
    assert Player(recording).step == 0
    assert Player(recording, step=-1).step == len(recording.frames) - 1
    with pytest.raises(traitlets.TraitError, match="out of range"):
        Player(recording, step=99)


def test_selection_is_checked(player):
    player.selected = player.recording.graph.tensors[0].id
    player.selected = ""
    with pytest.raises(traitlets.TraitError, match="no tensor or operation"):
        player.selected = "nonsense"


def test_payload_cannot_be_replaced(player):
    with pytest.raises(traitlets.TraitError):
        player.payload = {}


def test_drawing_is_the_one_at_the_step(player):
    player.step = 1
    assert player.drawing.to_svg() == at_step(player.recording, 1).to_svg()


def test_takes_a_drawing_too(recording):
    drawing = draw_recording(recording, step=1, direction="TB")
    player = Player(drawing)
    assert player.step == 0
    assert player.recording is recording
    player.step = 1
    assert player.drawing.dot == drawing.dot


def test_saves_a_page(player, tmp_path):
    player.step = 1
    path = player.save(tmp_path / "y.html")
    assert path.read_text(encoding="utf-8") == page(player.recording)


def test_a_drawing_saves_a_page_too(recording, tmp_path):
    path = draw_recording(recording).save(tmp_path / "y.html")
    assert path.read_text(encoding="utf-8") == page(recording)


def test_saves_the_picture_at_the_step(player, tmp_path):
    player.step = 1
    assert player.save(tmp_path / "y.svg").read_text(encoding="utf-8") == player.drawing.to_svg()
    assert loads(player.save(tmp_path / "y.json").read_text(encoding="utf-8")) == player.recording
    assert "digraph" in player.save(tmp_path / "y.dot").read_text(encoding="utf-8")


def test_unknown_suffix(player, tmp_path):
    with pytest.raises(ValueError, match=r"\.svg.*\.html"):
        player.save(tmp_path / "y.docx")


def test_shows_the_widget_and_pictures_for_where_there_is_none(player):
    data, _ = player._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == player.model_id
    picture = data["image/svg+xml"]
    assert picture.startswith("<svg")
    encoded = base64.b64encode(picture.encode()).decode()
    assert data["text/html"].startswith('<img alt="&lt;b&gt;y&lt;/b&gt;" style="max-width: 100%')
    assert data["text/html"].endswith(f' src="data:image/svg+xml;base64,{encoded}">')
    assert len(data["text/plain"]) < 200
    json.dumps(data)


def test_the_browser_gets_everything_at_once(player):
    state = player.get_state()
    assert set(state) >= {"payload", "step", "playing", "selected", "_esm", "_css"}
    assert len(state["payload"]["steps"]) == len(player.recording.frames)


def test_what_was_changed_in_the_browser_can_be_read_back(player):
    ids = {tensor.name: tensor.id for tensor in player.recording.graph.tensors}
    assert {name: array.item() for name, array in player.values.items()} == {"w": 2, "x": 5, "y": 10}
    player.held = [[ids["w"], 0, 3]]
    assert {name: array.item() for name, array in player.values.items()} == {"w": 3, "x": 5, "y": 15}
    assert {name: array.item() for name, array in player.gradients.items()} == {"w": 5, "x": 3, "y": 1}
    player.held = []
    assert player.values["y"].item() == 10


@pytest.mark.parametrize(
    "wrong", [["t0", 1, 1.0], ["t9", 0, 1.0], ["t0", 0, float("nan")], ["t0", 0, "1"], "t0", [], ["t2", 0, 1.0]]
)
def test_only_entries_of_leaves_can_be_changed(player, wrong):
    with pytest.raises(traitlets.TraitError, match="held has"):
        player.held = [wrong]


def test_the_front_end_gets_what_runs_the_computation(player):
    sent = []
    player.send = lambda content, buffers=None: sent.append(content)
    player._handle_custom_msg({"type": "laboratory", "at": "", "engine": True}, [])
    assert sent[0]["program"]["steps"]
    assert len(sent[0]["shown"]["places"]) == len(player.recording.frames)
    assert "gradvizEngine" in sent[0]["text"]
    player._handle_custom_msg({"type": "laboratory", "at": ""}, [])
    assert "text" not in sent[1]
    assert json.loads(json.dumps(sent, allow_nan=False)) == sent
    read = Player(loads(dumps(player.recording)))
    read.send = lambda content, buffers=None: sent.append(content)
    read._handle_custom_msg({"type": "laboratory", "at": "", "engine": True}, [])
    assert "read from a file" in sent[2]["program"]["missing"]
