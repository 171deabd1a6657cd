"""Predict: the next gradient is nowhere on the page before it is answered."""

from __future__ import annotations

import re

import pytest
from test_player_page import button, line, modules, network, place, shown

import gradviz as gv
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
    assert answer(browser_page, "2") == "Not that."
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
    assert "a has 7.75 so far. What will the gradient of a be after this step?" in question(browser_page)
    assert answer(browser_page, "27.125") == "That is what this step adds; 7.75 was there already. Add the two."
    assert answer(browser_page, "7.75 + 3.5·7.75").startswith("Right.")


def test_tensors_are_asked_for_by_entry_or_by_shape(open_html):
    recording = network()
    browser_page = open_html(page(recording, predict=True))
    kinds = set()
    final = {gradient.tensor: gradient.value for frame in recording.frames for gradient in frame.gradients}
    names = {tensor.name: tensor.id for tensor in recording.graph.tensors}
    for _ in range(20):
        browser_page.locator(".gradviz-player").press("End")
        if browser_page.locator(".gp-answer").is_hidden():
            break
        text = question(browser_page)
        name = next(
            name
            for name in sorted(names, key=len, reverse=True)
            if f"gradient of {name} have" in text or f"gradient of {name}, " in text or f"gradient of {name} be" in text
        )
        value = final[names[name]]
        if "Which shape" in text:
            kinds.add("shape")
            assert answer(browser_page, "(9, 9)") == "Not that shape."
            given = str(value.shape)
        elif place_ := re.search(r"\[(\d+), (\d+)\]", text):
            kinds.add("entry")
            given = f"{value.data[int(place_[1]) * value.shape[1] + int(place_[2])]:.4g}"
        else:
            kinds.add("number")
            given = f"{value.data[0]:.4g}"
        assert answer(browser_page, given).startswith("Right."), text
    assert place(browser_page) == "backward 6 / 6"
    assert kinds == {"shape", "entry", "number"}


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
    assert field.evaluate("f => document.activeElement === f")
    assert field.get_attribute("aria-label") == question(browser_page)
    answer(browser_page, "3")
    assert "Not that." in browser_page.get_by_role("status").text_content()
    sign = "getComputedStyle(document.querySelector('.gp-feedback'), '::before').content"
    assert browser_page.evaluate(sign) == '"✗"'
    answer(browser_page, "1")
    status = browser_page.get_by_role("status").text_content()
    assert status.startswith("Right. The gradient of y is 1. Step 4 of 6")
    assert browser_page.evaluate(sign) == '"✓"'
