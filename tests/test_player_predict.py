"""Predict: the next gradient is nowhere on the page before it is answered."""

from __future__ import annotations

import re

import pytest
from test_player_page import button, line, modules, place, shown

import gradviz as gv
from gradviz.drawing import draw_recording
from gradviz.player import page
from gradviz.recording import number_text, record_graph

pytestmark = pytest.mark.browser


def odd():
    """Numbers that occur nowhere else on the page: y = (a·b + a)·c with a gradient of a that comes in two parts."""
    a, b, c = (gv.tensor(value, requires_grad=True) for value in (1.25, 3.5, 7.75))
    y = (a * b + a) * c
    return record_graph(y, backward=True, names={"a": a, "b": b, "c": c, "y": y})


def answer(browser_page, text):
    field = browser_page.locator(".gp-answer input")
    field.fill(text)
    field.press("Enter")
    return browser_page.locator(".gp-feedback").text_content()


def question(browser_page):
    return browser_page.locator(".gp-question").text_content()


def forward(browser_page):
    browser_page.locator(".gradviz-player").press("ArrowRight")


def everything(browser_page):
    """All text on the page, and every attribute that somebody may read or hear."""
    return browser_page.evaluate(
        """() => [...document.querySelectorAll("body, body *:not(script):not(noscript)")].flatMap(element => [
            ...[...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data),
            ...["aria-label", "aria-valuetext", "title", "alt", "placeholder", "value"].map(name => element.getAttribute(name) ?? ""),
        ]).join("\\n")"""
    )


def test_an_answer_shows_the_step_and_counts(open_html):
    browser_page = open_html(page(line()))
    button(browser_page, "Predict").click()
    for _ in range(2):
        forward(browser_page)
    assert not browser_page.locator(".gp-answer").is_visible()  # nothing is asked going forward
    forward(browser_page)
    assert place(browser_page) == "forward 3 / 3"
    assert question(browser_page) == "Backward starts here. What will the gradient of y be?"
    assert browser_page.locator(".gv-asked").get_attribute("aria-label").startswith("y,")
    assert answer(browser_page, "2") == "Not that. How does y change, if y changes by a little?"
    assert place(browser_page) == "forward 3 / 3"
    assert answer(browser_page, "1") == "Right. The gradient of y is 1."
    assert place(browser_page) == "backward 1 / 3"
    assert shown(browser_page, "y", "g") == "1"
    assert browser_page.locator(".gp-score").text_content() == "Score: 0 of 1 at once and without a hint"
    forward(browser_page)
    assert answer(browser_page, "2/2").startswith("Right.")
    assert place(browser_page) == "backward 1 / 3"  # the step brings two gradients
    assert answer(browser_page, "1,0").startswith("Right.")
    assert place(browser_page) == "backward 2 / 3"
    forward(browser_page)
    assert answer(browser_page, "−5") == "The size is right; look at the sign."
    assert answer(browser_page, "10/2") == "Right. The gradient of w is 5."
    assert answer(browser_page, "five") == "Write a number, such as 0.5, −3 or 1/3."
    assert answer(browser_page, "2") == "Right. The gradient of x is 2."
    assert browser_page.locator(".gp-score").text_content() == "Score: 3 of 5 at once and without a hint"
    assert place(browser_page) == "backward 3 / 3"
    assert not browser_page.locator(".gp-answer").is_visible()
    # The keys go on working.
    browser_page.keyboard.press("ArrowLeft")
    assert place(browser_page) == "backward 2 / 3"
    browser_page.keyboard.press("ArrowRight")
    assert place(browser_page) == "backward 3 / 3"  # answered before: not asked again


def test_the_next_gradient_is_nowhere_before_it_is_answered(open_html):
    recording = odd()
    browser_page = open_html(page(recording, predict=True))
    graph, seen = recording.graph, []
    for k, frame in enumerate(recording.frames):
        for gradient in frame.gradients if k else ():
            while browser_page.locator(".gp-answer").is_hidden():
                forward(browser_page)
            name, number = graph.tensor(gradient.tensor).name, gradient.value.data[0]
            assert f"gradient of {name} " in question(browser_page)
            seen.append(name)
            text = everything(browser_page)
            assert question(browser_page) in text
            if number not in (1.0, 3.5, 7.75, 1.25, 5.625):  # not a value as well
                for written in {number_text(number), f"{number:g}"}:
                    assert not re.search(rf"(?<![\d.]){re.escape(written)}(?![\d.])", text), (name, number)
            assert answer(browser_page, repr(number)).startswith("Right.")
            assert number_text(number) in everything(browser_page)
    assert seen == ["y", "a·b + a", "c", "a·b", "a", "a", "b"]
    assert place(browser_page) == "backward 4 / 4"


def test_no_way_leads_past_a_question(open_html):
    recording = line()
    browser_page = open_html(page(recording, predict=True))
    player, track = browser_page.locator(".gradviz-player"), browser_page.locator(".gp-track").bounding_box()

    def click_the_end_of_the_track():
        browser_page.mouse.click(track["x"] + track["width"] - 3, track["y"] + track["height"] / 2)

    ways = [
        lambda: player.press("End"),
        lambda: player.press("Shift+ArrowRight"),
        lambda: player.press("ArrowRight"),
        lambda: button(browser_page, "Last step").click(),
        click_the_end_of_the_track,
    ]
    for way in ways:
        way()
        assert place(browser_page) == "forward 3 / 3"
        assert shown(browser_page, "y", "g") == "·"
        assert browser_page.locator(".gp-answer").is_visible()
    # Clicking a tensor shows what is known of it, and no more.
    browser_page.locator('.gv-card[aria-label^="w,"]').click()
    assert place(browser_page) == "forward 3 / 3"
    assert "not computed yet" in browser_page.locator(".gp-inspect .gp-of-grad").text_content()
    # Going back takes the question away; it comes again.
    player.press("Home")
    assert browser_page.locator(".gp-answer").is_hidden()
    player.press("End")
    assert browser_page.locator(".gp-answer").is_visible()


def test_playing_stops_at_the_question(browser_page, open_html):
    browser_page.clock.install()
    open_html(page(line(), predict=True))
    button(browser_page, "Play").click()
    browser_page.clock.run_for(10_000)
    assert place(browser_page) == "forward 3 / 3"
    assert button(browser_page, "Play").is_visible()
    assert browser_page.evaluate("document.activeElement.matches('.gp-answer input')")


def test_hints_show_the_local_derivative_and_reveal_the_answer(open_html):
    browser_page = open_html(page(odd(), predict=True))
    labels = browser_page.locator(".gv-local")
    assert all(
        label == "hidden" for label in labels.evaluate_all("all => all.map(l => getComputedStyle(l).visibility)")
    )
    for text in ["1"]:
        forward(browser_page)
        browser_page.locator(".gradviz-player").press("End")
        answer(browser_page, text)
    forward(browser_page)
    assert "gradient of a·b + a " in question(browser_page)
    button(browser_page, "Hint").click()
    assert browser_page.locator(".gp-feedback").text_content() == "The local derivative is c = 7.75."
    visible = labels.evaluate_all(
        "all => all.filter(l => getComputedStyle(l).visibility === 'visible').map(l => l.textContent)"
    )
    assert len(visible) == 2
    assert any("7.75" in label for label in visible)
    button(browser_page, "Hint").click()
    assert "The upstream gradient is 1." in browser_page.locator(".gp-feedback").text_content()
    assert button(browser_page, "Hint").is_disabled()
    button(browser_page, "Reveal").click()
    assert browser_page.locator(".gp-feedback").text_content() == "The gradient of a·b + a is 7.75."
    assert browser_page.locator(".gp-score").text_content() == "Score: 1 of 2 at once and without a hint"
    assert "gradient of c " in question(browser_page)


def test_a_gradient_that_comes_in_parts_is_asked_for_as_a_sum(open_html):
    recording = odd()
    browser_page = open_html(page(recording, predict=True))
    for text in ["1", "7.75", "5.625", "7.75", "7.75"]:
        browser_page.locator(".gradviz-player").press("End")
        assert answer(browser_page, text).startswith("Right.")
    browser_page.locator(".gradviz-player").press("End")
    assert "The gradient of a is 7.75 so far. What will it be after this step?" in question(browser_page)
    assert answer(browser_page, "27.125") == "That is what this step adds; 7.75 was there already. Add the two."
    assert answer(browser_page, "7.75 + 3.5·7.75").startswith("Right.")


def matrices():
    """Products, a broadcast bias, a relu; a loss of more entries than a card has numbers for."""
    gv.manual_seed(3)
    x = gv.tensor([[1.0, 2.0], [3.0, -4.0], [0.5, 1.0]])
    w1, w2 = (gv.randn(2, 2, requires_grad=True) for _ in range(2))
    b = gv.tensor([1.0, -2.0], requires_grad=True)
    wide = gv.randn(2, 9, requires_grad=True)
    loss = ((((x @ w1 + b).relu() @ w2).tanh() @ wide) ** 2).mean()
    return record_graph(loss, backward=True, names={"x": x, "w1": w1, "w2": w2, "b": b, "wide": wide, "loss": loss})


def test_of_tensors_an_entry_its_sign_what_feeds_it_or_the_shape_is_asked_for(open_html):
    recording = matrices()
    browser_page = open_html(page(recording, predict=True))
    kinds = set()
    final = {gradient.tensor: gradient.value for frame in recording.frames for gradient in frame.gradients}
    ids = {f"gradient of {tensor.name}": tensor.id for tensor in recording.graph.tensors}
    for _ in range(40):
        browser_page.locator(".gradviz-player").press("End")
        if browser_page.locator(".gp-predict form").is_hidden():
            break
        text = question(browser_page)
        asked = text.rsplit("Which entries", 1)[-1].rsplit("go into the ", 1)[-1]
        value = final[
            max((id for name, id in ids.items() if name in asked), key=lambda id: len(recording.graph.tensor(id).name))
        ]
        choices = browser_page.locator(".gp-choice")
        if choices.count():
            # Each on a line of its own; a wrong one gets a reason, the right one is among them.
            lefts = choices.evaluate_all("all => all.map(one => one.getBoundingClientRect().left)")
            assert len(set(lefts)) == 1
            kinds.add("feeds" if "Which entries" in text else "sign")
            for k in range(choices.count()):
                choices.nth(k).click()
                told = browser_page.locator(".gp-feedback").text_content()
                if told.startswith("Right."):
                    break
                assert len(told) > 25
            assert told.startswith("Right."), text
            continue
        if "Which shape" in text:
            kinds.add("shape")
            assert answer(browser_page, "(9, 7)").startswith("Not that shape. ")
            given = str(value.shape)
        elif place_ := re.search(r"\[([\d, ]+)\]", text):
            kinds.add("entry")
            index = [int(part) for part in place_[1].split(",")]
            given = f"{value.data[index[0] * value.shape[1] + index[1] if len(index) == 2 else index[0]]:.4g}"
        else:
            kinds.add("number")
            given = f"{value.data[0]:.4g}"
        assert answer(browser_page, given).startswith("Right."), text
    assert kinds == {"shape", "sign", "feeds", "entry", "number"}


def test_what_is_asked_for_as_a_number_stands_on_its_card_as_numbers(open_html):
    drawing = draw_recording(matrices(), fit=False)  # a compact picture has chips, whose numbers are among the details
    browser_page = open_html(page(drawing, predict=True))
    for _ in range(40):
        browser_page.locator(".gradviz-player").press("End")
        if browser_page.locator(".gp-predict form").is_hidden():
            break
        if browser_page.locator(".gp-answer input").is_visible() and "Which shape" not in question(browser_page):
            assert browser_page.locator(".gv-asked text").count() > 3  # a name, a shape, a caption, and numbers
            assert browser_page.locator('.gv-asked [id$="_g"].gv-cells').count() == 0
        button(browser_page, "Reveal").click()


def test_predicting_from_the_end_begins_where_backward_does(open_html):
    browser_page = open_html(page(line()))
    browser_page.locator(".gradviz-player").press("End")
    button(browser_page, "Predict").click()
    assert place(browser_page) == "forward 3 / 3"
    assert "5" not in [shown(browser_page, name, "g") for name in "wxb"]
    button(browser_page, "Predict").click()
    browser_page.locator(".gradviz-player").press("End")
    assert place(browser_page) == "backward 3 / 3"
    assert browser_page.locator(".gp-predict").is_hidden()


def test_folded_modules_can_be_predicted_too(open_html):
    browser_page = open_html(page(modules(), predict=True))
    while button(browser_page, "Fold modules").is_enabled():
        button(browser_page, "Fold modules").click()
    for _ in range(20):
        browser_page.locator(".gradviz-player").press("End")
        if browser_page.locator(".gp-answer").is_hidden():
            break
        button(browser_page, "Hint").click()
        button(browser_page, "Reveal").click()
    assert button(browser_page, "Next step").is_disabled()
    assert place(browser_page).startswith("backward")


def test_the_question_is_read_out_and_the_verdict_is_not_by_colour_alone(open_html):
    browser_page = open_html(page(line(), predict=True))
    browser_page.locator(".gradviz-player").press("End")
    field = browser_page.locator(".gp-answer input")
    assert field.get_attribute("placeholder") == "a number"  # and not one that looks like an answer
    assert field.evaluate("f => document.activeElement === f")
    assert field.get_attribute("aria-label") == question(browser_page)
    answer(browser_page, "3")
    assert "Not that. How does y change" in browser_page.get_by_role("status").text_content()
    sign = "getComputedStyle(document.querySelector('.gp-feedback'), '::before').content"
    assert browser_page.evaluate(sign) == '"✗"'
    answer(browser_page, "1")
    status = browser_page.get_by_role("status").text_content()
    assert status.startswith("Right. The gradient of y is 1. Step 4 of 6")
    assert browser_page.evaluate(sign) == '"✓"'
