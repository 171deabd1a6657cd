"""Training in a real JupyterLab: a loop that is watched while it runs, and one that is driven from the page."""

from __future__ import annotations

import os
import re

import pytest
from test_player_lab import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.costly("training_lab")]

LOOP = """\
import pathlib
import time
import gradviz as gv
gv.manual_seed(0)
x, y = gv.randn(10, 3), gv.randn(10, 2)
linear = gv.nn.Linear(3, 2)
criterion = gv.nn.MSELoss()
optimizer = gv.optim.SGD(linear.parameters(), lr=0.05)
with gv.record(epochs=40) as run:
    display(run)
    for epoch in range(40):
        pred = linear(x)
        loss = criterion(pred, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        time.sleep(0.1)
        while epoch == 10 and not pathlib.Path("seen").exists():
            time.sleep(0.1)"""

LIVE = """\
import gradviz as gv
w = gv.tensor(3.0, requires_grad=True)
b = gv.tensor(-2.0, requires_grad=True)
trap = {"epoch": None, "asked": 0}
def closure():
    trap["asked"] += 1
    if trap["asked"] == trap["epoch"]:
        raise RuntimeError("<b>no more data</b>")
    return (w * 2 - 1) ** 2 + 0.1 * (w + b) ** 2
player = gv.train(closure, gv.optim.SGD([w, b], lr=0.01, momentum=0.0), epochs=60)
player"""


@pytest.fixture
def notebook(lab, browser_page):
    """Write cells into a notebook, open it; return a way to run one of them, and the cells."""
    errors: list[str] = []
    browser_page.on("pageerror", lambda error: errors.append(str(error)))
    browser_page.set_viewport_size({"width": 1600, "height": 1000})

    def opened(name, cells):
        write_notebook(lab.folder / name, cells)
        lab.open(browser_page, name)
        cell = browser_page.locator(".jp-CodeCell")

        def run(number):
            cell.nth(number).locator(".jp-InputArea").click()
            lab.command(browser_page, "notebook:run-cell", wait=False)

        return run, cell

    yield opened
    assert errors == []
    browser_page.problems.clear()


def at_rest(place):
    """What is shown once the epochs that were under way have come: for two seconds nothing else."""
    shown, since = place.inner_text(), 0
    while since < 10:
        place.page.wait_for_timeout(200)
        before, shown = shown, place.inner_text()
        since = since + 1 if shown == before else 0
    return shown


def test_a_loop_is_watched_while_its_cell_runs(lab, notebook, browser_page):
    from playwright.sync_api import expect

    run, cell = notebook("loop.ipynb", [LOOP, "print(len(run), run.finished)"])
    run(0)
    player = browser_page.locator(".gradviz-training")
    place = player.locator(".gt-place b")
    expect(place).to_have_text(re.compile(r"epoch ([3-9]|10) / "))  # in the middle of it
    expect(cell.nth(0).locator(".jp-InputPrompt")).to_have_text("[*]:")
    (lab.folder / "seen").touch()
    expect(place).to_have_text("epoch 39 / 39")
    # Now the kernel is free, and computes what it is asked for.
    expect(player.locator(".gt-graph .gv-card").first).to_be_visible()
    expect(player.locator(".gt-surface .gt-band").first).to_be_visible()
    loss = player.locator(".gt-graph .gv-card[aria-label^='loss,']")
    last = loss.get_attribute("aria-label")
    player.get_by_role("button", name="First epoch").click()
    expect(place).to_have_text("epoch 0 / 39")
    expect(player.locator(".gt-graph")).to_contain_text("Step through the backpropagation of epoch 0")
    expect(loss).not_to_have_attribute("aria-label", last)  # the picture follows when the kernel has drawn it
    first = loss.get_attribute("aria-label")
    player.locator(".gp-bar .gt-range").fill("20")
    expect(player.locator(".gt-graph")).to_contain_text("Step through the backpropagation of epoch 20")
    expect(loss).not_to_have_attribute("aria-label", first)
    # From any epoch into its backpropagation, and back.
    player.get_by_role("button", name="Step through the backpropagation of epoch 20").click()
    inside = player.locator(".gt-inside .gradviz-player")
    expect(inside.locator(".gp-place")).to_have_text(re.compile("forward 1 / "))
    inside.get_by_role("button", name="Last step").click()
    expect(inside.locator(".gp-place")).to_have_text(re.compile("backward"))
    player.get_by_role("button", name="Back to the training").click()
    expect(player.locator(".gt-graph")).to_be_visible()
    run(1)
    expect(cell.nth(1).locator(".jp-OutputArea-output")).to_have_text("40 True")


def test_training_is_driven_from_the_page(notebook, browser_page):
    from playwright.sync_api import expect

    asked = "print(player.run.epochs, player.live['lr'], player.live['momentum'], round(w.item(), 3))"
    run, cell = notebook("live.ipynb", [LIVE, asked, "trap.update(epoch=trap['asked'] + 3)", asked])
    run(0)
    player = browser_page.locator(".gradviz-training")
    place = player.locator(".gt-place b")
    expect(place).to_have_text("no epoch yet")
    # One epoch, really computed.
    player.get_by_role("button", name="Next epoch").click()
    expect(place).to_have_text("epoch 0 / 0")
    player.get_by_role("button", name="Next epoch").click()
    expect(place).to_have_text("epoch 1 / 1")
    # The learning rate and the momentum of the next ones.
    rate = player.get_by_role("slider", name="learning rate")
    rate.focus()
    for _ in range(3):
        browser_page.keyboard.press("ArrowRight")
    expect(player.locator(".gt-slider output").first).to_have_text("0.03")
    player.get_by_role("slider", name="momentum").fill("0.5")
    player.get_by_role("button", name="Next epoch").click()
    expect(place).to_have_text("epoch 2 / 2")
    expect(player.locator(".gt-rule")).to_contain_text("buffer")
    run(1)
    expect(cell.nth(1).locator(".jp-OutputArea-output")).to_contain_text("3 0.03 0.5")
    # Play, and pause before the end.
    player.get_by_role("button", name="Play").click()
    expect(place).not_to_have_text("epoch 2 / 2")
    player.get_by_role("button", name=re.compile("Pause|Play")).click()
    # Back to the weights of the beginning, with what is set now.
    player.get_by_role("button", name="Start again").click()
    expect(place).to_have_text("no epoch yet")
    expect(player.locator(".gt-slider output").first).to_have_text("0.03")
    # An error stops it, and is text.
    run(2)
    player.get_by_role("button", name="Play").click()
    message = player.locator(".gt-message")
    expect(message).to_contain_text("Epoch 2 was stopped by RuntimeError: <b>no more data</b>")
    expect(message.locator("b")).to_have_count(0)
    expect(place).to_have_text("epoch 1 / 1")
    # A learning rate with which it diverges is a message too.
    player.get_by_role("button", name="Start again").click()
    expect(place).to_have_text("no epoch yet")
    rate.fill("46")
    player.get_by_role("button", name="Play").click()
    expect(message).to_contain_text("training has diverged")
    if picture := os.environ.get("GRADVIZ_SHOTS"):
        player.screenshot(path=f"{picture}/live.png")


def test_a_loop_that_is_interrupted_leaves_what_it_has_done(notebook, lab, browser_page):
    from playwright.sync_api import expect

    run, cell = notebook("stop.ipynb", [LOOP.replace("40", "4000"), "print(run.finished, len(run) < 4000, run.notes)"])
    run(0)
    player = browser_page.locator(".gradviz-training")
    place = player.locator(".gt-place b")
    expect(place).to_have_text(re.compile(r"epoch (?:[3-9]|\d\d+) / "))
    lab.command(browser_page, "notebook:interrupt-kernel")
    expect(cell.nth(0).locator(".jp-OutputArea-output").last).to_contain_text("KeyboardInterrupt")
    expect(player.locator(".gt-notes")).to_contain_text("stopped by KeyboardInterrupt in epoch")
    # What was recorded can be looked at, from the first epoch to the last.
    expect(player.locator(".gt-graph .gv-card").first).to_be_visible()
    player.get_by_role("button", name="First epoch").click()
    expect(place).to_have_text(re.compile("epoch 0 / "))
    run(1)
    expect(cell.nth(1).locator(".jp-OutputArea-output")).to_contain_text("True True ('stopped by KeyboardInterrupt")
    if picture := os.environ.get("GRADVIZ_SHOTS"):
        player.screenshot(path=f"{picture}/interrupted.png")


def test_playing_goes_on_from_one_answer_to_the_next_and_can_be_stopped(notebook, browser_page):
    from playwright.sync_api import expect

    slow = LIVE.replace("def closure():", "import time\ndef closure():\n    time.sleep(0.05)").replace("=60", "=600")
    run, cell = notebook("slow.ipynb", [slow, "print(player.run.epochs)"])
    run(0)
    player = browser_page.locator(".gradviz-training")
    place = player.locator(".gt-place b")
    expect(place).to_have_text("no epoch yet")
    player.get_by_role("button", name="Play").click()
    expect(place).to_have_text(re.compile(r"epoch [2-9]\d / "))
    # The page answers while the kernel trains.
    player.get_by_role("slider", name="momentum").fill("0.2")
    player.get_by_role("button", name="Pause").click()
    expect(player.get_by_role("button", name="Play")).to_be_visible()
    stopped = at_rest(place)
    run(1)
    trained = int(cell.nth(1).locator(".jp-OutputArea-output").inner_text())
    assert f"epoch {trained - 1} / {trained - 1}" == stopped


def test_playing_goes_by_at_the_pace_of_the_speed_menu(notebook, browser_page):
    from playwright.sync_api import expect

    quick = LIVE.replace("=60", "=40")
    run, cell = notebook("quick.ipynb", [quick, "print(player.run.epochs)"])
    run(0)
    player = browser_page.locator(".gradviz-training")
    place = player.locator(".gt-place b")
    expect(place).to_have_text("no epoch yet")
    player.get_by_label("Speed").select_option("0.5")
    player.get_by_role("button", name="Play").click()
    expect(place).to_have_text("epoch 0 / 0")
    browser_page.wait_for_timeout(1000)
    player.get_by_role("button", name="Pause").click()
    # 40 epochs in 48 s at half speed: by now one or two, even on a slow machine not most of them, though all of them would take
    # Python a moment.
    before = int(re.search(r"\d+", at_rest(place))[0])
    assert before < 30
    # Every press counts, also while Python is at work.
    for _ in range(8):
        browser_page.keyboard.press("ArrowRight")
    expect(place).to_have_text(f"epoch {before + 8} / {before + 8}")
    run(1)
    expect(cell.nth(1).locator(".jp-OutputArea-output")).to_have_text(str(before + 9))


FIT = """\
import gradviz as gv
gv.manual_seed(0)
x = gv.randn(40, 2)
y = (x[:, 0] > 0).long()
net = gv.nn.Sequential(gv.nn.Linear(2, 4), gv.nn.Tanh(), gv.nn.Linear(4, 2))
optimizer = gv.optim.Adam(net.parameters(), lr=0.1)
with gv.record() as run:
    display(run)
    for epoch in range(12):
        loss = gv.nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
w = gv.tensor(0.0, requires_grad=True)
t = gv.linspace(0, 1, 10)"""

LINE = """\
gv.train(lambda: ((w * t - 3 * t) ** 2).mean(), gv.optim.SGD([w], lr=0.5), epochs=20, panels=["fit", "loss"])"""


NEXT = """\
losses = []
for _ in range(3):
    loss = gv.nn.functional.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(*losses)"""


def test_the_models_fit_is_seen_in_a_notebook_and_trained_on(notebook, browser_page):
    from playwright.sync_api import expect

    run, cell = notebook("fit.ipynb", [FIT, LINE, NEXT])
    run(0)
    player = cell.nth(0).locator(".gradviz-training")
    player.press("End")  # a loop so short may be over before the player is there
    expect(player.locator(".gt-place b")).to_have_text("epoch 11 / 11")
    # A network and its classes: both change from epoch to epoch.
    field = player.locator(".gt-fit .gt-regions")
    expect(field).to_be_visible()
    expect(player.locator(".gt-neuron")).to_have_count(2 + 4 + 2)
    wrong = player.locator(".gt-fit .gt-reading")
    last = wrong.text_content()
    player.get_by_role("button", name="First epoch").click()
    expect(wrong).not_to_have_text(last)
    assert player.bounding_box()["height"] <= 720
    # The page trains on by itself, as Python does; with another rate it comes to another loss.
    run(2)
    printed = cell.nth(2).locator(".jp-OutputArea-output")
    expect(printed).to_have_text(re.compile(r"\d \d.*\d"))
    wanted = [float(loss) for loss in printed.inner_text().split()]
    player.press("End")
    train, stop = (player.get_by_role("button", name=name) for name in ("Train on", "Stop"))
    place = player.locator(".gt-place")
    losses = {}
    for rate in ("0.1", "0.3"):
        player.get_by_label("lr", exact=True).fill(rate)
        train.click()
        expect(place.locator("b")).to_have_text(re.compile(r"epoch (1[4-9]|[2-9]\d) / "))
        stop.click()
        own = []
        for epoch in (12, 13, 14):
            player.locator(".gp-bar .gt-range").fill(str(epoch))
            expect(place).to_contain_text(f"epoch {epoch} / ")
            own.append(float(place.inner_text().split("loss ")[1].replace("−", "-")))
        losses[rate] = own
        player.get_by_role("button", name="Back to the recording").click()
        expect(place).to_contain_text("epoch 11 / 11")
    assert losses["0.1"] == pytest.approx(wanted, rel=1e-3)  # as many digits as are shown
    assert losses["0.3"] != pytest.approx(wanted, rel=1e-2)
    # A line, trained from the page.
    run(1)
    live = cell.nth(1).locator(".gradviz-training")
    live.get_by_role("button", name="Next epoch").click()
    line = live.locator(".gt-fit .gt-fitted")
    expect(line).to_have_attribute("d", re.compile("^M"))
    expect(live.locator(".gt-panel")).to_have_count(2)
    first = line.get_attribute("d")
    live.get_by_role("button", name="Next epoch").click()
    expect(line).not_to_have_attribute("d", first)
    if picture := os.environ.get("GRADVIZ_SHOTS"):
        player.screenshot(path=f"{picture}/fit.png")
        live.screenshot(path=f"{picture}/line.png")
