"""Inspect: whatever is clicked shows all that is known about it at this step."""

from __future__ import annotations

import numpy as np
import pytest
from test_player_page import button, line, network, place

import gradviz as gv
from gradviz.player import page
from gradviz.recording import record_graph

pytestmark = pytest.mark.browser


def details(browser_page):
    """The rows of the details, by their term."""
    return dict(
        browser_page.locator(".gp-inspect dl").evaluate(
            "list => [...list.querySelectorAll('dt')].map(term => [term.textContent, term.nextElementSibling.textContent])"
        )
    )


def numbers(browser_page, caption):
    """The block under this caption."""
    return browser_page.locator(".gp-block", has=browser_page.locator("h4", has_text=caption))


def title(browser_page):
    return browser_page.locator(".gp-inspect h3").text_content()


def at_the_end(open_html, recording, **options):
    browser_page = open_html(page(recording, **options))
    browser_page.locator(".gradviz-player").press("End")
    return browser_page


def code_of(browser_page):
    """What the copy button puts on the clipboard."""
    browser_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button(browser_page, "Copy as NumPy code").click()
    browser_page.get_by_role("button", name="Copied").wait_for()
    return browser_page.evaluate("navigator.clipboard.readText()")


def test_a_tensor(open_html):
    browser_page = at_the_end(open_html, line())
    browser_page.locator('.gv-card[aria-label^="w·x,"]').click()
    browser_page.locator(".gradviz-player").press("End")
    found = details(browser_page)
    assert title(browser_page) == "w·x · () · float32"
    assert found["made by"] == "mul (grad_fn MulBackward0)"
    assert found["used by"] == "add as self"
    assert found["source"].endswith(": y = w * x + b")
    assert found["when"] == "computed in step 2, gradient in step 5"
    assert numbers(browser_page, "value").locator(".gp-one").text_content() == "10"
    assert numbers(browser_page, "gradient").locator(".gp-one").text_content() == "1"
    # It follows the steps, and what is not known yet is not shown as a number.
    browser_page.locator(".gradviz-player").press("Home")
    assert "not computed yet" in numbers(browser_page, "value").text_content()
    browser_page.locator(".gradviz-player").press("ArrowRight")
    assert numbers(browser_page, "value").locator(".gp-one").text_content() == "10"
    assert "not computed yet" in numbers(browser_page, "gradient").text_content()
    browser_page.get_by_role("button", name="gradient in step 5").click()
    assert place(browser_page) == "backward 2 / 3"
    # From one thing to the next, by its links.
    browser_page.locator(".gp-inspect").get_by_role("button", name="add", exact=True).click()
    assert title(browser_page) == "add · grad_fn AddBackward0"


def test_what_was_saved_for_backward(open_html):
    browser_page = at_the_end(open_html, line())
    browser_page.locator('.gv-card[aria-label^="w,"]').click()
    assert details(browser_page)["saved by"] == "mul as _saved_self"
    browser_page.locator('.gv-disc[aria-label^="mul,"]').click()
    assert details(browser_page)["saved"] == "_saved_other: x, _saved_self: w"
    assert details(browser_page)["takes"] == "w as self, x as other"
    assert details(browser_page)["sends back"] == "to w, to x"


def test_an_edge(open_html):
    recording = line()
    browser_page = at_the_end(open_html, recording)
    multiply = recording.graph.operations[0].id
    edge = browser_page.locator(f'[id$="_{multiply}_0"] .gv-hit')
    point = edge.evaluate(
        "e => { const p = e.getPointAtLength(e.getTotalLength() / 2).matrixTransform(e.getScreenCTM()); return [p.x, p.y]; }"
    )
    browser_page.mouse.click(point[0], point[1] + 5)  # five pixels beside the line
    assert title(browser_page) == "w → mul as self"
    assert place(browser_page) == "backward 3 / 3"
    assert details(browser_page)["local derivative"] == "x = 5"
    assert numbers(browser_page, "upstream gradient").locator(".gp-one").text_content() == "1"
    assert numbers(browser_page, "contribution").locator(".gp-one").text_content() == "5"
    browser_page.locator(".gradviz-player").press("ArrowLeft")
    assert "not computed yet" in numbers(browser_page, "contribution").text_content()
    # By keyboard the same edge is reached from its operation.
    browser_page.locator('.gv-disc[aria-label^="mul,"]').focus()
    browser_page.keyboard.press("Enter")
    browser_page.get_by_role("button", name="to w", exact=True).focus()
    browser_page.keyboard.press("Enter")
    assert title(browser_page) == "w → mul as self"


def test_the_local_derivative_is_not_told_while_it_is_to_be_predicted(open_html):
    recording = line()
    browser_page = open_html(page(recording, predict=True))
    multiply = recording.graph.operations[0].id
    browser_page.locator(f'[id$="_{multiply}_0"] .gv-hit').click(force=True)
    assert "5" not in details(browser_page)["local derivative"]


def test_a_sum_over_broadcast_axes_and_an_earlier_gradient(open_html):
    w = gv.tensor([1.0, 2.0], requires_grad=True)
    w.sum().backward()
    loss = (w * gv.ones(3, 2)).sum()
    recording = record_graph(loss, backward=True, names={"w": w, "loss": loss})
    browser_page = at_the_end(open_html, recording)
    browser_page.locator('.gv-card[aria-label^="w,"]').click()
    browser_page.locator(".gradviz-player").press("End")
    assert details(browser_page)["before"] == ".grad held a gradient of shape 2 from an earlier backward()"
    assert numbers(browser_page, "gradient").locator("td").all_text_contents() == ["", "4", "4"]
    browser_page.locator(f'[id$="_{recording.graph.operations[0].id}_0"] .gv-hit').click(force=True)
    assert details(browser_page)["summed"] == "over axis 0, along which w was broadcast"


def test_a_matrix_in_numbers_and_in_colours(open_html):
    recording = network()
    browser_page = at_the_end(open_html, recording)
    browser_page.locator('.gv-card[aria-label^="w1,"]').click()
    browser_page.locator(".gradviz-player").press("End")
    tensor = next(tensor for tensor in recording.graph.tensors if tensor.name == "w1")
    gradient = np.reshape(recording.at(-1).gradients[tensor.id].value.data, tensor.shape)
    block = numbers(browser_page, "gradient")
    cells = block.locator("tbody td")
    assert cells.count() == gradient.size
    titles = [float(text.replace("−", "-")) for text in cells.evaluate_all("all => all.map(cell => cell.title)")]
    assert titles == pytest.approx(gradient.ravel().tolist())
    assert "40 numbers, mean" in block.text_content()
    assert (
        block.locator(".gp-histogram svg").get_attribute("aria-label").startswith("Histogram of gradient: 40 numbers")
    )
    block.get_by_role("button", name="Show colours").click()
    assert block.locator("table").count() == 0
    canvas = block.locator("canvas")
    assert canvas.get_attribute("aria-label") == "gradient as colours: 8 rows, 5 columns"
    drawn = canvas.evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    reds, greens = np.reshape(drawn, (8, 5, 4))[..., 0], np.reshape(drawn, (8, 5, 4))[..., 1]
    strong = np.abs(gradient) > 0.05 * np.abs(gradient).max()
    assert ((greens > reds) == (gradient > 0))[strong].all()
    # The choice stays while one steps, and the focus stays on the switch.
    assert block.get_by_role("button", name="Show numbers").evaluate("b => document.activeElement === b")
    browser_page.locator(".gradviz-player").press("ArrowLeft")
    browser_page.locator(".gradviz-player").press("ArrowRight")
    assert block.locator("canvas").count() == 1


def test_every_number_of_a_large_tensor_can_be_scrolled_to(open_html):
    gv.manual_seed(0)
    w = gv.randn(60, 60, requires_grad=True)
    x = gv.randn(2, 3, 4, requires_grad=True)
    loss = (w**2).sum() + x.sum()
    browser_page = at_the_end(open_html, record_graph(loss, backward=True, names={"w": w, "x": x, "loss": loss}))
    browser_page.locator('.gv-card[aria-label^="w,"]').click()
    block = numbers(browser_page, "value")
    assert block.locator("canvas").count() == 1  # colours first, where there are many
    block.get_by_role("button", name="Show numbers").click()
    assert block.locator("tbody td").count() == 3600
    grid = block.locator(".gp-grid")
    assert grid.evaluate("g => g.scrollHeight > g.clientHeight && g.scrollWidth > g.clientWidth")
    last = block.locator("tbody td").last
    last.scroll_into_view_if_needed()
    assert last.is_visible()
    # More than two axes: one matrix after the other.
    browser_page.locator('.gv-card[aria-label^="x,"]').click()
    assert numbers(browser_page, "value").locator(".gp-grid > .gp-muted").all_text_contents() == [
        "[0, :, :]",
        "[1, :, :]",
    ]


def test_a_tensor_too_large_to_be_kept(open_html):
    w = gv.randn(100, 100, requires_grad=True)
    loss = w.sum()
    browser_page = at_the_end(open_html, record_graph(loss, backward=True, names={"w": w, "loss": loss}))
    browser_page.locator('.gv-card[aria-label^="w,"]').click()
    assert "10000 numbers, too many to be kept one by one: mean" in numbers(browser_page, "value").text_content()
    assert "too large to be kept in full" in code_of(browser_page)


def test_copied_code_gives_the_same_numbers(open_html):
    recording = network()
    browser_page = at_the_end(open_html, recording)
    browser_page.locator('.gv-card[aria-label^="w1,"]').click()
    browser_page.locator(".gradviz-player").press("End")
    found: dict = {}
    exec(code_of(browser_page), found)
    moment = recording.at(-1)
    tensor = next(tensor for tensor in recording.graph.tensors if tensor.name == "w1")
    for name, value in {"w1": moment.values[tensor.id], "w1_grad": moment.gradients[tensor.id].value}.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], np.reshape(value.data, value.shape).astype(np.float32))
    # Of an operation: enough to check its derivative by hand.
    operation = next(operation for operation in recording.graph.operations if operation.name == "mm")
    browser_page.locator(f'[id$="_{operation.id}"]').click()
    browser_page.locator(".gradviz-player").press("End")
    found = {}
    exec(code_of(browser_page), found)
    np.testing.assert_allclose(found["x"].T @ found["upstream_x_w1"], found["contribution_to_w1"], rtol=1e-5)


def test_where_the_clipboard_is_closed_the_code_is_selected(open_html):
    browser_page = at_the_end(open_html, line())
    browser_page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    browser_page.locator('.gv-card[aria-label^="w,"]').click()
    button(browser_page, "Copy as NumPy code").click()
    field = browser_page.get_by_role("textbox", name="NumPy code")
    assert "w = np.array(2, dtype=np.float32)" in field.input_value()
    chosen = field.evaluate("f => f.value.slice(f.selectionStart, f.selectionEnd)")
    assert chosen == field.input_value()
    assert "Control or Command and C" in browser_page.get_by_role("status").text_content()


def test_escape_and_the_button_close_the_details(open_html):
    browser_page = at_the_end(open_html, line())
    panel = browser_page.locator(".gp-inspect")
    card = browser_page.locator('.gv-card[aria-label^="w,"]')
    picture = browser_page.evaluate("document.querySelector('svg.gv').getBoundingClientRect().height")
    for close in [
        lambda: browser_page.keyboard.press("Escape"),
        lambda: panel.get_by_role("button", name="Close").click(),
    ]:
        card.click()
        assert panel.is_visible()
        close()
        assert panel.is_hidden()
        browser_page.wait_for_function(
            f"Math.abs(document.querySelector('svg.gv').getBoundingClientRect().height - {picture}) < 2"
        )
    assert browser_page.locator(".gv-selected").count() == 0


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=["projector", "phone"])
def test_picture_and_details_both_have_room(browser_page, open_html, size):
    browser_page.set_viewport_size({"width": size[0], "height": size[1]})
    at_the_end(open_html, line())
    browser_page.locator('.gv-card[aria-label^="w,"]').click()
    browser_page.wait_for_timeout(300)
    figure, panel = (
        browser_page.locator(".gp-figure").bounding_box(),
        browser_page.locator(".gp-inspect").bounding_box(),
    )
    picture = browser_page.locator("svg.gv").bounding_box()
    assert figure["height"] >= 150
    assert panel["height"] >= 150
    assert panel["y"] >= figure["y"] + figure["height"] - 1
    assert picture["height"] >= 100
    assert browser_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
