"""The cards of folded modules: their counts, norms and histograms are those of the numbers; sharing and recurrence are seen."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.drawing.block import LINE, NUMBER, SIDE
from gradviz.drawing.cells import all_grids
from gradviz.drawing.steps import steps
from gradviz.drawing.text import mono_width, width
from gradviz.recording import dumps, loads, record_graph
from gradviz.recording.histogram import BINS, LEAST, sizes, spread

SVG = "{http://www.w3.org/2000/svg}"
nn, F = gv.nn, gv.nn.functional


def cards(drawing):
    return {disc.operation.id: disc.block for disc in drawing.view.discs if disc.block is not None}


def titled(drawing, title):
    (id,) = (id for id, card in cards(drawing).items() if card.title == title)
    return id


def norm(arrays):
    return math.sqrt(sum(float((array.numpy().astype(float) ** 2).sum()) for array in arrays))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.second(gv.relu(self.first(x)))


@pytest.fixture(scope="module")
def trained():
    gv.manual_seed(0)
    model, x = Model(), gv.randn(5, 6)
    loss = F.cross_entropy(model(x), gv.tensor([0, 1, 2, 0, 1]))
    loss.backward()
    return model, record_graph(loss, variables=[{"model": model, "x": x, "loss": loss}])


def test_a_card_says_path_class_shapes_and_parameters(trained):
    drawing = draw_recording(trained[1], depth=1, detail="compact")
    card = cards(drawing)[titled(drawing, "first")]
    assert (card.form, card.subtitle, card.parameters) == ("full", "Linear(6, 8)", "56 parameters")
    # The batch axis is said once for all, and of the others only what changes is bold.
    assert card.shapes == (("6 → ", False), ("8", True))
    assert "leave out their first number, 5 on all of them" in drawing.view.about
    assert "model : Model · 83 parameters" in drawing.to_svg()


def test_the_norm_is_that_of_all_gradients_beside_all_weights(trained):
    model, recording = trained
    drawing = draw_recording(recording, depth=1, detail="compact")
    numbers = cards(drawing)[titled(drawing, "second")].numbers
    assert numbers.norm == pytest.approx(norm(p.grad for p in model.second.parameters()), rel=1e-6)
    assert numbers.weight == pytest.approx(norm(p.detach() for p in model.second.parameters()), rel=1e-6)
    shown = drawing.face.text[f"{titled(drawing, 'second')}_n"]
    assert float(shown) == pytest.approx(numbers.ratio, rel=0.06)


def test_histograms_count_activations_and_gradients(trained):
    model, recording = trained
    drawing = draw_recording(recording, depth=1, detail="compact")
    numbers = cards(drawing)[titled(drawing, "first")].numbers
    whole = recording.at()
    (made,) = (
        disc.operation.outputs[-1] for disc in drawing.view.discs if disc.operation.id == titled(drawing, "first")
    )
    values = np.asarray(whole.values[made].data)
    assert numbers.activations.counts == tuple(np.histogram(values, BINS)[0])
    gradients = np.concatenate([p.grad.numpy().ravel() for p in model.first.parameters()]).astype(float)
    assert numbers.gradients.zeros == (gradients == 0).sum()
    powers = np.floor(np.log2(np.abs(gradients[gradients != 0]))).astype(int)
    assert numbers.gradients.counts == tuple(np.bincount(powers - LEAST, minlength=len(numbers.gradients.counts)))


def test_counts_of_a_large_tensor_are_kept_with_its_summary():
    values = np.random.default_rng(0).normal(size=(80, 80)).astype(np.float32)
    values[:3] = 0
    w = gv.tensor(values, requires_grad=True)
    recording = record_graph((w * 2).sum(), names={"w": w})
    summary = recording.at().values["t0"].summary
    assert summary.spread == spread(values) == tuple(np.histogram(values, BINS)[0])
    assert summary.sizes == sizes(values)
    assert sum(summary.sizes) == values.size - summary.zeros
    assert loads(dumps(recording)) == recording


def test_before_backward_a_card_has_no_gradient_numbers(trained):
    recording = trained[1]
    forward = draw_recording(recording, depth=1, detail="compact", step=3)
    last = draw_recording(recording, depth=1, detail="compact")
    id = titled(last, "first")
    assert forward.face.text[f"{id}_n"] == "·"
    assert (forward.face.path[f"{id}_b"], forward.face.path[f"{id}_hg"]) == ("", "")
    assert forward.face.path[f"{id}_ha"] == last.face.path[f"{id}_ha"] != ""
    assert last.face.path[f"{id}_b"] != ""
    start = draw_recording(recording, depth=1, detail="compact", step=0)
    assert start.face.path[f"{id}_ha"] == ""


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_a_card_is_drawn_in_every_theme_with_an_id_for_all_that_changes(trained, theme):
    drawing = draw_recording(trained[1], depth=1, detail="compact", theme=theme)
    root = ET.fromstring(drawing.to_svg())
    ids = {element.get("id") for element in root.iter()}
    for id in cards(drawing):
        assert {f"{drawing.prefix}_{id}_{part}" for part in ("ha", "hg", "b", "n")} <= ids
    # Its number says what the tint does, so the card can be read without colour.
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert all(drawing.face.text[f"{id}_n"] in texts for id in cards(drawing))


def test_structure_has_no_numbers_of_a_moment(trained):
    drawing = draw_recording(trained[1], depth=1, detail="structure")
    assert all(card.rows.band is None and card.rows.charts is None for card in cards(drawing).values())
    assert not draw_recording(trained[1], depth=1, show={"grads": False}).face.text.get(f"{titled(drawing, 'first')}_n")


def test_crowded_pictures_have_small_cards():
    gv.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(2 + i % 2, 3 - i % 2) for i in range(30)])
    loss = model(gv.ones(1, 2)).sum()
    loss.backward()
    drawing = draw_recording(record_graph(loss, variables=[{"model": model}]), depth=1, fit=False, detail="compact")
    assert {card.form for card in cards(drawing).values()} == {"small"}
    assert all(card.width < 150 and card.height < 60 for card in cards(drawing).values())


# --- skips, sharing ---------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, channels, made, skip):
        super().__init__()
        self.a, self.b = nn.Conv2d(channels, made, 3, padding=1), nn.Conv2d(made, made, 3, padding=1)
        self.down = nn.Conv2d(channels, made, 1) if channels != made else None
        self.skip = skip

    def forward(self, x):
        y = self.b(gv.relu(self.a(x)))
        if self.skip:
            y = y + (x if self.down is None else self.down(x))
        return gv.relu(y)


@pytest.mark.parametrize(
    ("module", "shape", "sign"),
    [
        (lambda: Residual(2, 2, True), (1, 2, 4, 4), "skip"),
        (lambda: Residual(2, 4, True), (1, 2, 4, 4), "skip: 1×1 conv"),
        (lambda: Residual(2, 2, False), (1, 2, 4, 4), ""),
        (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (1, 3, 4), "skip"),
        (lambda: nn.GRU(4, 4), (3, 1, 4), ""),
        (lambda: nn.LSTM(4, 4), (3, 1, 4), ""),
    ],
)
def test_a_skip_inside_a_block_is_a_sign_on_its_card(module, shape, sign):
    gv.manual_seed(0)
    module = module()
    out = module(gv.randn(*shape))
    loss = (out[0] if isinstance(out, tuple) else out).sum()
    drawing = draw_recording(record_graph(loss, variables=[{"module": module}]), depth=0)
    (card,) = cards(drawing).values()
    assert card.skip == sign
    assert (sign in drawing.to_svg()) if sign else ('class="gv-skip"' not in drawing.to_svg())


def test_a_module_that_is_called_twice_has_its_weights_once():
    gv.manual_seed(0)
    tower, left, right = nn.Linear(4, 3), gv.randn(2, 4), gv.randn(2, 4)
    loss = F.mse_loss(tower(left), tower(right))
    loss.backward()
    recording = record_graph(loss, variables=[{"tower": tower, "left": left, "right": right, "loss": loss}])
    drawing = draw_recording(recording, depth=0, detail="compact")
    (shared,) = (card for card in drawing.view.cards if card.shared is not None)
    assert (shared.name, shared.shared.size) == ("tower: the same weights", "15 parameters")
    joined = [arrow.head for arrow in drawing.view.arrows if arrow.tail == shared.tensor.id]
    assert sorted(joined) == sorted(cards(drawing))
    assert not [card for card in drawing.view.cards if card.tensor.role == "parameter" and card is not shared]
    ratio = norm(p.grad for p in tower.parameters()) / norm(p.detach() for p in tower.parameters())
    assert float(drawing.face.text[f"{shared.tensor.id}_n"]) == pytest.approx(ratio, rel=0.06)
    # One line says that they are the same: it turns nowhere, and has no lane for a gradient.
    root = ET.fromstring(drawing.to_svg())
    lines = [
        edge
        for arrow in drawing.view.arrows
        if arrow.tail == shared.tensor.id
        for edge in root.iter(f"{SVG}g")
        if edge.get("id", "").endswith(f"_{arrow.key}")
    ]
    assert [edge.get("class").split() for edge in lines] == [["gv-edge", "gv-forward"]] * 2
    # Each call says what came through it; together they are the gradient.
    known = [card.numbers for card in cards(drawing).values()]
    assert all(numbers.norm > 0 for numbers in known)
    assert all(card.form == "full" for card in cards(drawing).values())  # nothing here is a step through time


def test_tied_weights_name_the_modules_that_share_them():
    gv.manual_seed(0)

    class Language(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.position = nn.Embedding(7, 4), nn.Embedding(3, 4)
            self.decoder = nn.Linear(4, 7, bias=False)
            self.decoder.weight = self.embedding.weight

        def forward(self, x):
            return self.decoder(self.embedding(x) + self.position(gv.arange(3)))

    model, tokens = Language(), gv.tensor([1, 2, 3])
    loss = F.cross_entropy(model(tokens), gv.tensor([2, 3, 4]))
    loss.backward()
    drawing = draw_recording(
        record_graph(loss, variables=[{"model": model, "tokens": tokens}]), depth=1, detail="compact"
    )
    assert {"embedding", "position", "decoder"} == {card.title for card in cards(drawing).values()}
    (shared,) = (card for card in drawing.view.cards if card.shared is not None)
    assert shared.name == "model.embedding.weight"
    assert shared.shared.lines == ("the same in embedding, decoder",)
    assert "model : Language · 40 parameters" in drawing.to_svg()


# --- recurrence -------------------------------------------------------------------------------------------------------


def unrolled(kind, steps):
    gv.manual_seed(0)
    cell = kind(3, 4)
    x, h = gv.randn(steps, 2, 3), gv.zeros(2, 4)
    state = (h, gv.zeros(2, 4)) if kind is nn.LSTMCell else h
    states = []
    for t in range(steps):
        state = cell(x[t], state)
        states.append(state if isinstance(state, tuple) else (state,))
        for part in states[-1]:
            part.retain_grad()
    loss = (states[-1][0] ** 2).mean()
    loss.backward()
    return record_graph(loss, variables=[{"cell": cell, "x": x, "loss": loss}]), states


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_cell_is_unrolled_with_the_gradient_at_each_step(kind):
    recording, states = unrolled(kind, 4)
    drawing = draw_recording(recording, depth=0, detail="compact")
    steps = list(cards(drawing).values())
    assert [card.title for card in steps] == ["t = 0", "t = 1", "t = 2", "t = 3"]
    assert len({(card.form, card.width, card.height) for card in steps}) == 1
    for card, (h, *c) in zip(steps, states, strict=True):
        passed = dict(card.numbers.passed[0])
        assert passed["h"] == pytest.approx(norm([h.grad]), rel=1e-6)
        if c and "c" in passed:
            assert passed["c"] == pytest.approx(norm([c[0].grad]), rel=1e-6)
    (shared,) = (card for card in drawing.view.cards if card.shared is not None)
    assert shared.name == "cell: the same weights"
    (row,) = drawing.view.rows
    assert [id for id in row if id in cards(drawing)] == list(cards(drawing))
    heights = {round(drawing.layout.centres[id][1], 1) for id in cards(drawing)}
    assert drawing.view.direction == "TB" or len(heights) <= 2  # in one row, or in two lines of it


def test_what_is_said_of_the_gradient_comes_from_the_numbers():
    recording, states = unrolled(nn.LSTMCell, 4)
    drawing = draw_recording(recording, depth=0, detail="compact")
    times = norm([states[-1][0].grad]) / norm([states[0][0].grad])
    (told,) = (card.told for card in cards(drawing).values() if card.told)
    assert told.startswith(f"The gradient of h is {times:.2g} times smaller at t = 0 than at t = 3")
    assert told in drawing.to_svg()
    assert told not in draw_recording(recording, depth=0, detail="compact", step=3).to_svg()
    grows, h = nn.Linear(1, 1, bias=False), gv.ones(1)
    with gv.no_grad():
        grows.weight.fill_(2.0)
    for _ in range(4):
        h = grows(h)
    h.backward()
    drawing = draw_recording(record_graph(h, variables=[{"grows": grows}]), depth=0, detail="compact")
    (told,) = (card.told for card in cards(drawing).values() if card.told)
    assert told == "The gradient of h is 8 times larger at t = 0 than at t = 3."


def test_a_long_recurrence_folds_in_the_middle():
    recording, states = unrolled(nn.RNNCell, 30)
    drawing = draw_recording(recording, depth=0, detail="compact")
    titles = [card.title for card in cards(drawing).values()]
    assert titles == ["t = 0", "t = 1", "t = 2", "t = 3 … 27", "t = 28", "t = 29"]
    (middle,) = (card for card in cards(drawing).values() if "…" in card.title)
    norms = [dict(step)["h"] for step in middle.numbers.passed]
    assert norms == pytest.approx([norm([h.grad]) for (h,) in states[3:28]], rel=1e-6)
    (inputs,) = (card for card in drawing.view.cards if card.shared and card.tensor.role == "input")
    assert inputs.name == "x[3] … x[27]"
    ET.fromstring(drawing.to_svg())


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_layer_that_reads_a_sequence_opens_into_its_steps(kind):
    gv.manual_seed(0)
    rnn = kind(3, 4)
    out, _ = rnn(gv.randn(5, 2, 3))
    loss = (out[-1] ** 2).mean()
    loss.backward()
    recording = record_graph(loss, variables=[{"rnn": rnn}])
    closed = draw_recording(recording, depth=0)
    assert [card.title for card in cards(closed).values()] == ["rnn"]
    count = sum(p.numel() for p in rnn.parameters())
    assert [card.parameters for card in cards(closed).values()] == [f"{count} parameters"]
    opened = draw_recording(recording, depth=1, detail="compact")
    assert [card.title for card in cards(opened).values()] == [f"t = {t}" for t in range(5)]


def test_a_loop_by_hand_is_a_recurrence():
    gv.manual_seed(0)
    into, over = nn.Linear(3, 4), nn.Linear(4, 4)
    x, h = gv.randn(4, 2, 3), gv.zeros(2, 4)
    for t in range(4):
        h = gv.tanh(into(x[t]) + over(h))
    loss = h.sum()
    loss.backward()
    drawing = draw_recording(
        record_graph(loss, variables=[{"into": into, "over": over, "x": x}]), depth=0, detail="compact"
    )
    titles = [card.title for card in cards(drawing).values()]
    assert titles.count("into") == 4  # it is called again, but not with what it made
    assert [title for title in titles if title.startswith("t")] == [f"t = {t}" for t in range(4)]


def test_layers_that_repeat_show_the_norm_of_each():
    gv.manual_seed(0)
    model = nn.Sequential(*[Model2(4) for _ in range(5)])
    loss = (model(gv.randn(3, 4)) ** 2).mean()
    loss.backward()
    drawing = draw_recording(record_graph(loss, variables=[{"model": model}]), depth=1, detail="compact")
    (card,) = cards(drawing).values()
    assert (card.title, card.subtitle, card.parameters) == ("model.0 … 4", "Model2 × 5", "5 × 20 parameters")
    ratios = [norm(p.grad for p in b.parameters()) / norm(p.detach() for p in b.parameters()) for b in model]
    assert card.numbers.each == pytest.approx(ratios, rel=1e-6)
    assert card.rows.bars is not None
    ids = [element.get("id") for element in ET.fromstring(drawing.to_svg()).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {frame.title for frame in drawing.shown.frames} >= {"model.0 × 5"}


class Model2(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.a = nn.Linear(size, size)

    def forward(self, x):
        return gv.tanh(self.a(x))


def test_a_player_changesthrough_blocks():
    recording, _ = unrolled(nn.LSTMCell, 3)
    drawing = draw_recording(recording, depth=0, detail="compact")
    told = steps(drawing.shown, drawing.view)
    final = {}
    for step in told:
        final.update(step["text"])
    assert final == {key: drawing.face.text[key] for key in final}
    # Where entries stand, for the page: a card of weights has none.
    assert all(grid.body.count > 0 for grid in all_grids(drawing.view, drawing.layout).values())
    assert all(f"{id}_hn" in final for id in cards(drawing))


def test_in_a_training_the_norm_is_that_of_the_update():
    gv.manual_seed(0)
    model, x = Model(), gv.randn(5, 6)
    optimizer = gv.optim.SGD(model.parameters(), lr=0.1)
    with gv.record() as run:
        for _ in range(2):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            before = [p.detach().clone() for p in model.second.parameters()]
            optimizer.step()
    recording = run.at(step=1)
    assert loads(dumps(recording)) == recording
    drawing = draw_recording(recording, depth=1, detail="compact")
    numbers = cards(drawing)[titled(drawing, "second")].numbers
    changes = [p.detach() - old for p, old in zip(model.second.parameters(), before, strict=True)]
    assert numbers.update == pytest.approx(norm(changes), rel=1e-4)
    assert numbers.ratio == pytest.approx(norm(changes) / norm(before), rel=1e-4)
    assert "‖Δw‖/‖w‖" in drawing.to_svg()


def test_in_a_training_shared_weights_tell_their_update():
    gv.manual_seed(0)
    tower, left, right = nn.Linear(4, 3), gv.randn(2, 4), gv.randn(2, 4)
    optimizer = gv.optim.SGD(tower.parameters(), lr=0.1)
    with gv.record() as run:
        loss = F.mse_loss(tower(left), tower(right))
        loss.backward()
        before = [p.detach().clone() for p in tower.parameters()]
        optimizer.step()
    drawing = draw_recording(run.at(step=0), depth=0, detail="compact")
    (shared,) = (card for card in drawing.view.cards if card.shared is not None)
    changes = [p.detach() - old for p, old in zip(tower.parameters(), before, strict=True)]
    told = float(drawing.face.text[f"{shared.tensor.id}_n"])
    assert told == pytest.approx(norm(changes) / norm(before), rel=0.06)
    assert "‖∂‖/‖w‖" not in drawing.to_svg()


def test_norms_of_several_steps_stand_beside_their_name():
    """Of an ODE that is followed step by step, whose middle is folded: "h" and "0.32 … 0.26" on a card of its own width."""
    f, y = gv.nn.Sequential(gv.nn.Linear(2, 16), gv.nn.Tanh(), gv.nn.Linear(16, 2)), gv.tensor([[1.0, 0.0]])
    for _ in range(12):
        y = y + 0.1 * f(y)
    loss = (y**2).sum()
    loss.backward()
    drawing = gv.draw(loss)
    cards = {disc.operation.id: disc.block for disc in drawing.view.discs if disc.block is not None}
    (several,) = (id for id, card in cards.items() if len(card.numbers.passed) > 1)
    norms = drawing.face.text[f"{several}_hn"]
    assert " … " in norms
    assert mono_width(norms, LINE) + width("h", NUMBER, bold=True) + 2 * SIDE < cards[several].width


def test_a_parameter_of_a_module_that_no_variable_leads_to_stands_in_it():
    class Scaled(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.fc = gv.nn.Parameter(gv.randn(3)), gv.nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(x * self.scale)

    graph = gv.draw(Scaled()(gv.randn(4, 3)).sum()).recording.graph
    assert [tensor.module for tensor in graph.tensors if tensor.name == "self.scale"] == ["scaled"]
