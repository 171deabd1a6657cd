"""A step taken apart: every event, and every number in it, beside PyTorch and in a real browser."""

from __future__ import annotations

import io
import json
import math
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import gradviz as gv
from gradviz import examples
from gradviz.drawing import draw_recording
from gradviz.player import Player, page
from gradviz.player.payload import payload
from gradviz.recording import dumps, loads, record_graph

SOURCES = Path(__file__).parents[1] / "gradviz" / "player" / "frontend" / "src"


def two_paths():
    """y = x·x + w·x, in which three gradients meet in x."""
    x, w = gv.tensor(3.0, requires_grad=True), gv.tensor(2.0, requires_grad=True)
    y = x * x + w * x
    return record_graph(y, backward=True, names={"x": x, "w": w, "y": y})


def broadcast():
    x, b = gv.ones(3, 2), gv.tensor([1.0, 2.0], requires_grad=True)
    z = ((x + b) ** 2).sum()
    return record_graph(z, backward=True, names={"x": x, "b": b, "z": z})


@pytest.fixture
def events(node):
    """The events inside each step of a drawing, as the page cuts them; and what the page was given for it."""

    def cut(drawing):
        given = payload(drawing)
        program = (
            f"import {{ eventsOf }} from {json.dumps((SOURCES / 'events.js').as_uri())};"
            "let text = ''; for await (const part of process.stdin) text += part;"
            "process.stdout.write(JSON.stringify(eventsOf(JSON.parse(text))));"
        )
        done = subprocess.run(
            [node, "--input-type=module", "--eval", program],
            input=json.dumps(given), capture_output=True, text=True, check=True, encoding="utf-8",
        )  # fmt: skip
        return json.loads(done.stdout), given

    return cut


def printed(event):
    return [line["text"] for line in event["equation"]]


def test_a_step_is_upstream_then_for_each_argument_local_product_and_accumulation(events):
    one = ["local", "product", "accumulate"]
    forward = [[]] * 4
    found, _ = events(draw_recording(two_paths()))
    assert [[event["kind"] for event in group] for group in found] == [
        *forward,
        [],
        ["upstream", *one, *one],
        ["upstream", *one, *one],
        ["upstream", *one, *one],
    ]


def test_what_was_broadcast_is_summed_in_an_event_of_its_own(events):
    found, _ = events(draw_recording(broadcast()))
    assert [event["kind"] for event in found[-1]] == ["upstream", "local", "product", "summed", "accumulate"]
    assert "summed over the rows" in found[-1][3]["sentence"]
    assert printed(found[-1][2]) == ["∂z/∂(x + b) = [[4, 6], [4, 6], [4, 6]]"]
    (line,) = printed(found[-1][3])
    assert line == "∂z/∂b = Σ rows (∂z/∂(x + b)) = Σ rows ([[4, 6], [4, 6], [4, 6]]) = [12, 18]"
    assert [text for key, text in found[-1][4]["text"].items() if "_g" in key] == ["12", "18"]


def test_gradients_that_meet_are_added_one_by_one(events):
    recording = two_paths()
    x = next(tensor.id for tensor in recording.graph.tensors if tensor.name == "x")
    found, _ = events(draw_recording(recording))
    added = [
        (event["text"][f"{x}_g0"], printed(event)[0], event["sentence"])
        for group in found
        for event in group
        if event["kind"] == "accumulate" and event["current"][0] == x
    ]
    assert [text for text, _, _ in added] == ["2", "2 + 3 = 5", "2 + 3 + 3 = 8"]
    assert added[1][1] == "∂y/∂x so far = 2 + 3 = 5"
    assert [text.rpartition(". ")[2] for _, _, text in added[:2]] == ["2 more to come.", "1 more to come."]


def test_a_tensor_in_both_slots_is_summed_on_the_way_in_every_look(events):
    """Numbers, colours and means, and a gradient left over from before."""
    for shape in ((), (3,), (5, 7), (20, 20)):
        x = gv.ones(*shape, requires_grad=True)
        x.grad = gv.full(shape, 10.0)
        y = (x * x).sum()
        y.backward()
        drawing = draw_recording(record_graph(y, names={"x": x, "y": y}))
        found, _ = events(drawing)
        first, last = (event for event in found[-1] if event["kind"] == "accumulate")
        (one,) = (tensor.id for tensor in drawing.shown.graph.tensors if tensor.name == "x")
        assert first["state"] == {one: "partial"}, shape
        assert last["state"] == {one: "done"}, shape
        part = "fill" if shape == (5, 7) else "text"
        assert {key: text for key, text in first[part].items() if "_g" in key} != {
            key: text for key, text in last[part].items() if "_g" in key
        }, shape
        assert "held a gradient already" in first["sentence"]


def test_a_gradient_left_over_from_before_is_said(events):
    w = gv.tensor(2.0, requires_grad=True)
    (w * 3).backward()
    y = w * 5
    y.backward()
    found, _ = events(draw_recording(record_graph(y, names={"w": w, "y": y})))
    assert "held a gradient already" in found[-1][-1]["sentence"]
    assert "3 + 5 = 8" in printed(found[-1][-1])[0]


def test_all_that_a_step_changes_is_told_by_one_of_its_events(events):
    for recording in (two_paths(), broadcast(), examples.run(examples.EXAMPLES[5]).recording):
        found, given = events(draw_recording(recording))
        assert any(found)
        for step, inside in zip(given["steps"], found, strict=True):
            if not inside:
                continue
            for part in ("text", "fill", "state", "width", "path", "label"):
                told = {}
                for event in inside:
                    told.update(event.get(part, {}))
                assert told == step[part], part


def test_folded_pictures_can_be_taken_apart_too(events):
    gv.manual_seed(0)
    net = gv.nn.Sequential(gv.nn.Linear(3, 2), gv.nn.ReLU(), gv.nn.Linear(2, 1))
    loss = net(gv.ones(4, 3)).sum()
    recording = record_graph(loss, backward=True, variables=[{"net": net, "loss": loss}])
    found, _ = events(draw_recording(recording, depth=0))
    assert any(found)


def test_names_are_put_in_brackets_as_in_the_equations_of_a_step(events):
    """What an event says of its gradient is said in the same words by the step that had it."""
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(3.0)
    y = (w * x + 1) ** 2
    y.backward()
    found, _ = events(draw_recording(record_graph(y, names={"w": w, "x": x, "y": y})))
    lines = [line for group in found for event in group for line in printed(event)]
    assert "∂y/∂(w·x + 1) = 14" in lines
    assert "∂y/∂(w·x) = 14" in lines
    assert "∂y/∂w = 42" in lines


def test_what_hooks_detaching_and_freeing_do_is_said(events):
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(3.0)
    h = w * x
    cut = h.detach()
    y = cut * w
    w.register_hook(lambda gradient: gradient * 10)
    y.backward()
    recording = record_graph(y, variables=[{"w": w, "x": x, "h": h, "cut": cut, "y": y}])
    assert "cut was cut off by detach()" in recording.frames[0].sentence
    last = recording.frames[-1]
    assert last.equation[-1].text == "a hook on w made it 60"
    assert "saved cut: that is freed now, but retain_graph=True would have kept it." in last.reason
    found, _ = events(draw_recording(recording))
    assert printed(found[-1][-1])[-1] == "a hook on w made it 60"
    assert "6 → 60" in found[-1][-1]["text"].values()
    kept = record_graph(gv.tensor(2.0, requires_grad=True) ** 2, backward=True)
    assert "freed" not in kept.frames[-1].reason
    assert record_graph(h.detach() * w, variables=[{"h": h, "w": w}]).graph.tensors[0].name == "h.detach()"


# --- beside PyTorch ----------------------------------------------------------------------------------------------------


def same(value, array, tolerance=1e-5):
    np.testing.assert_allclose(np.array(value.data).reshape(value.shape), array, rtol=tolerance, atol=1e-6)


def pytorchs_passes(torch, example):
    """Run an example in PyTorch, and watch every node of every backward pass by a hook of its own."""
    passes = []
    original = torch.Tensor.backward

    def watched(self, *args, **kwargs):
        nodes, waiting = set(), [self.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in nodes and not hasattr(node, "variable"):
                nodes.add(node)
                waiting += [following for following, _ in node.next_functions]
        told = []
        for node in sorted(nodes, key=lambda node: node._sequence_nr()):
            entry = {"name": node.name()}
            told.append(entry)

            def hook(sent, arrived, entry=entry, goes=node.next_functions):
                entry["arrived"] = [gradient.numpy().copy() for gradient in arrived]
                ends = zip(sent, goes, strict=True)
                entry["sent"] = [gradient.numpy().copy() for gradient, (end, _) in ends if end is not None]

            node.register_hook(hook)
        passes.append(told)
        return original(self, *args, **kwargs)

    variables = {"torch": torch, "__name__": "__main__"}
    torch.manual_seed(examples.SEED)
    torch.Tensor.backward = watched
    try:
        with redirect_stdout(io.StringIO()):
            for name in example.cells:
                source = examples.cell(name).replace("import gradviz as torch", "import torch")
                exec(compile(source.replace("import gradviz.nn", "import torch.nn"), name, "exec"), variables)
    finally:
        torch.Tensor.backward = original
    return passes[example.shows]


@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda example: example.name)
def test_every_number_of_the_tutorial_is_pytorchs(torch, events, example):
    """What arrives at each operation, each contribution it sends on, and each product the player takes apart."""
    theirs = pytorchs_passes(torch, example)
    recording = examples.run(example).recording
    operations = recording.graph.operations
    assert [operation.grad_fn for operation in operations] == [entry["name"] for entry in theirs]
    by_operation = dict(zip((operation.id for operation in operations), theirs, strict=True))
    compared = 0
    found, _ = events(draw_recording(recording, depth=99, every_operation=True))
    for moment, group in zip(recording.moments(), found, strict=True):
        if not group:
            continue
        entry = by_operation[moment.frame.current]
        result = recording.graph.operation(moment.frame.current).outputs[0]
        same(moment.gradients[result].value, entry["arrived"][0])
        products = [event["current"] for event in group if event["kind"] == "product"]
        assert products == [[contribution.argument] for contribution in moment.frame.contributions]
        for contribution, gradient in zip(moment.frame.contributions, entry["sent"], strict=True):
            same(contribution.value, gradient)
            compared += 1
    assert compared >= len(operations)


def test_local_derivatives_of_tensors_are_kept_entry_by_entry():
    x = gv.tensor([[1.0, -2.0], [3.0, 0.5]], requires_grad=True)
    y = (gv.relu(x) ** 2).sum()
    recording = record_graph(y, backward=True, names={"x": x})
    locals_ = [c.local.data for frame in recording.frames for c in frame.contributions if c.local is not None]
    assert locals_ == [(2.0, 0.0, 6.0, 1.0), (1.0, 0.0, 1.0, 1.0)]
    assert loads(dumps(recording)) == recording


# --- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(browser_page, tmp_path):
    def open_(recording):
        path = tmp_path / "page.html"
        path.write_text(page(recording), encoding="utf-8")
        browser_page.set_viewport_size({"width": 1280, "height": 720})
        browser_page.goto(path.as_uri())
        browser_page.locator(".gradviz-player").wait_for()
        return browser_page

    return open_


@pytest.mark.browser
def test_steps_are_taken_apart_forwards_and_backwards(opened):
    shown = opened(two_paths())
    player = shown.locator(".gradviz-player")
    player.focus()
    shown.keyboard.press("e")
    assert shown.get_by_role("button", name="Take apart").get_attribute("aria-pressed") == "true"
    shown.keyboard.press("Shift+ArrowRight")
    shown.keyboard.press("ArrowRight")
    told = []
    for _ in range(21):
        shown.keyboard.press("ArrowRight")
        told.append(shown.locator(".gp-event[aria-current]").inner_text())
    assert told == ["upstream", "local", "× product", "+ add", "local", "× product", "+ add"] * 3
    back = []
    for _ in range(21):
        back.append(shown.locator(".gp-event[aria-current]").inner_text())
        shown.keyboard.press("ArrowLeft")
    assert back == told[::-1]
    assert shown.locator(".gp-events").is_hidden()
    assert "event" not in shown.locator(".gp-status").inner_text()


@pytest.mark.browser
def test_inside_a_step_the_picture_shows_what_is_known_so_far(opened):
    shown = opened(two_paths())
    shown.locator(".gradviz-player").focus()
    for key in ("e", "End", "Home"):
        shown.keyboard.press(key)
    grads = []
    x = 'svg.gv [id$="_t0_g0"]'
    for _ in range(30):
        shown.keyboard.press("ArrowRight")
        text = shown.locator(x).text_content()
        if not grads or grads[-1] != text:
            grads.append(text)
    assert grads[:2] == ["·", "2"]
    assert grads[-1].endswith("= 8")
    assert any("5" in text for text in grads[2:])


@pytest.mark.browser
def test_equations_are_mathml(opened):
    shown = opened(two_paths())
    shown.locator(".gradviz-player").focus()
    shown.keyboard.press("End")
    maths = shown.locator(".gp-equation math")
    assert maths.count() > 4
    assert shown.locator(".gp-equation mfrac").count() >= 2
    assert "∂y/∂(x·x)" in maths.nth(1).get_attribute("alttext")
    sizes = shown.evaluate(
        "[...document.querySelectorAll('.gp-equation mfrac')].map(e => e.getBoundingClientRect().height)"
    )
    assert all(size > 15 for size in sizes)


def products():
    """h = x @ w + b for two examples, and a layer of eight: small arrays and larger ones."""
    x, w = gv.tensor([[1.0, 2.0], [3.0, 4.0]]), gv.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    b = gv.tensor([1.0, -2.0], requires_grad=True)
    h = x @ w + b
    wide = gv.ones(2, 8, requires_grad=True)
    out = (h * h).sum() + (h @ wide).sum()
    return record_graph(out, backward=True, names={"x": x, "w": w, "b": b, "h": h, "wide": wide, "out": out})


@pytest.mark.browser
def test_arrays_stand_in_equations_with_their_numbers(opened):
    """Each cell is the entry that it says it is, also where an array stands transposed."""
    recording = products()
    moments = [{**moment.values} for moment in recording.moments()]
    gradients = [{key: gradient.value for key, gradient in moment.gradients.items()} for moment in recording.moments()]
    sent = [{key: given.value for key, given in moment.contributions.items()} for moment in recording.moments()]
    shown = opened(recording)
    shown.locator(".gradviz-player").focus()
    cells, turned = 0, 0
    for step, frame in enumerate(recording.frames):
        rows = shown.locator(".gp-equation > .gp-formula")
        assert [row.get_attribute("aria-label") for row in rows.all()] == [line.text for line in frame.equation]
        for cell in shown.locator(".gp-equation mtable [data-entry]").all():
            key, part, index = cell.get_attribute("data-entry").split(":")
            known = {"v": moments, "g": gradients, "c": sent}[part][step][key]
            number = float(cell.text_content().replace("−", "-"))
            if part != "g" or len(frame.contributions) == 1:  # else it may be what had come before this step's sum
                assert number == pytest.approx(known.data[int(index)], rel=1e-3), (frame.title, key, part, index)
            cells += 1
        turned += "[[1, 3], [2, 4]] ·" in " ".join(line.text for line in frame.equation)
        shown.keyboard.press("ArrowRight")
    assert cells > 100
    assert turned == 1


@pytest.mark.browser
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=["wide", "narrow"])
def test_larger_arrays_are_heatmaps_in_the_same_place(opened, size):
    shown = opened(products())
    shown.set_viewport_size({"width": size[0], "height": size[1]})
    shown.locator(".gradviz-player").focus()
    pictures = []
    for _ in range(20):
        for array in shown.locator(".gp-equation .gp-array").all():
            pictures.append((array.locator("svg").count(), array.locator("math").get_attribute("alttext")))
            box = array.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size[0]
        shown.keyboard.press("ArrowRight")
    assert (1, "wide (2×8)") in pictures
    assert (1, "wideᵀ (8×2)") in pictures
    assert {name for count, name in pictures if count != 1} <= {"ones (2×8)"}  # which is no tensor


def test_the_widget_takes_steps_apart():
    player = Player(two_paths(), grain="event", step=5)
    assert (player.grain, player.event) == ("event", 0)
    player.event = 3
    with pytest.raises(Exception, match="operation"):
        player.grain = "atom"
    assert not math.isnan(player.step)


# --- gv.backprop -------------------------------------------------------------------------------------------------------


def test_backprop_leaves_the_graph_as_it_was():
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(3.0)
    w.grad = gv.tensor(7.0)
    y = w * x
    player = gv.backprop(y)
    assert w.grad.item() == 7
    y.backward()
    assert w.grad.item() == 10
    assert player.recording.frames[-1].gradients[0].before.data == (7.0,)


def test_backprop_applied_is_one_backward_and_no_more():
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(3.0)
    calls = []
    w.register_hook(calls.append)
    y = w * x
    gv.backprop(y, apply=True)
    assert w.grad.item() == 3
    assert len(calls) == 1
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_backprop_takes_a_gradient_a_look_and_a_way_to_play():
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    y = w * 3
    player = gv.backprop(y, gradient=gv.tensor([1.0, 10.0]), grain="event", predict=True, direction="TB", theme="dark")
    assert (player.grain, player.predict) == ("event", True)
    assert player.drawing.view.direction == "TB"
    assert player.drawing.options.theme == "dark"
    assert player.recording.frames[-1].gradients[0].value.data == (3.0, 30.0)
    with pytest.raises(RuntimeError, match=r"\.sum\(\)"):
        gv.backprop(y)
    with pytest.raises(TypeError, match="nothing to show"):
        gv.backprop()


def test_a_players_traits_can_be_linked():
    from ipywidgets import IntSlider, jslink

    player = gv.backprop(gv.tensor(2.0, requires_grad=True) ** 2)
    slider = IntSlider(max=3)
    assert jslink((player, "step"), (slider, "value")).source == (player, "step")
    for name in ("step", "playing", "selected", "grain", "event", "predict"):
        assert player.trait_metadata(name, "sync")


def test_a_folded_drawing_plays():
    gv.manual_seed(0)
    net = gv.nn.Sequential(gv.nn.Linear(3, 2), gv.nn.ReLU(), gv.nn.Linear(2, 1))
    loss = net(gv.ones(4, 3)).sum()
    player = gv.backprop(loss, depth=0)
    assert player.drawing.shown.graph.operations[0].name == "fold"
    player.step = -1
    assert player.step == len(player.drawing.shown.frames) - 1
