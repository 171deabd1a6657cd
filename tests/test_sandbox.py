"""The page in which one writes an expression gives Python's numbers, from a table that is Python's; and nothing typed does harm."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from conftest import missing
from sandbox_book import ENTRYWISE, REDUCTIONS, WRITTEN, entry, examples

import gradviz as gv
import gradviz.nn.functional as F
from gradviz.cli import main
from gradviz.engine.numerals import number
from gradviz.player.sandbox import sandbox_page
from gradviz.player.sandbox.page import text_of
from gradviz.recording.codec import encode

HERE = Path(__file__).parent


# --- the book ----------------------------------------------------------------------------------------------------------


def test_the_book_is_what_the_table_says(sampled):
    written = json.loads(WRITTEN.read_text(encoding="utf-8"))
    all_of_them = {example.key: example for example in examples()}
    assert list(written) == list(all_of_them), "python tests/sandbox_book.py --write writes it anew"
    for key in sampled(sorted(all_of_them), 12):
        assert written[key] == json.loads(json.dumps(entry(all_of_them[key]))), key


# --- numbers -----------------------------------------------------------------------------------------------------------

SHAPES = [(), (2,), (3,), (2, 3), (3, 2), (2, 2), (1, 3), (2, 1)]
SIGNS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


def expression(draw, depth, leaves):
    """An expression, and what Python makes of it."""
    if depth == 0 or draw.random() < 0.15:
        if draw.random() < 0.2:
            constant = round(draw.uniform(0.5, 3), 2)
            return str(constant), gv.tensor(constant)
        if leaves and draw.random() < 0.35:
            name = draw.choice(sorted(leaves))
            return name, leaves[name]
        name = "abcdefghijkl"[len(leaves)] if len(leaves) < 12 else "a"
        if name not in leaves:
            shape = draw.choice(SHAPES)
            made = np.round(np.random.default_rng(draw.randrange(10**6)).uniform(-2, 2, shape), 3).astype("f")
            leaves[name] = gv.tensor(made, requires_grad=True)
        return name, leaves[name]
    kind = draw.random()
    if kind < 0.4:
        name = draw.choice([*ENTRYWISE.split(), *REDUCTIONS.split(), "neg", "t", "softmax", "log_softmax"])
        text, inner = expression(draw, depth - 1, leaves)
        if (name == "t" and inner.ndim != 2) or (name.endswith("softmax") and not inner.ndim):
            name = "tanh"
        if name == "neg":
            return f"-({text})", -inner
        if name == "t":
            return f"({text}).T", inner.t()
        run = getattr(F, name, None) or getattr(gv, name)
        return f"{name}({text})", run(inner, dim=-1) if name.endswith("softmax") else run(inner)
    left, a = expression(draw, depth - 1, leaves)
    right, b = expression(draw, depth - 1, leaves)
    if kind < 0.55 and a.ndim and b.ndim and a.shape[-1] == b.shape[0]:
        return f"({left}) @ ({right})", a @ b
    if kind < 0.6:
        return f"({left})**2", a ** gv.tensor(2.0)
    if kind < 0.68:
        try:
            return f"maximum({left}, {right})", gv.maximum(a, b)
        except RuntimeError:
            pass
    sign = draw.choice(sorted(SIGNS))
    try:
        return f"({left}) {sign} ({right})", SIGNS[sign](a, b)
    except RuntimeError:  # shapes that do not meet
        return f"tanh({left})", gv.tanh(a)


def chosen():
    """Expressions that a draw seldom has: equal entries that share a gradient, factors that are 0, products of vectors."""
    for name in ("max", "min", "prod"):
        for numbers in ([2.0, 3.0, 3.0, 1.0, 1.0], [[0.0, 3.0], [-1.0, 3.0]], [0.0, 2.0, 0.0], [1.5]):
            x = gv.tensor(numbers, requires_grad=True)
            yield f"{name}(x)*2", getattr(gv, name)(x) * 2, {"x": x}
    x, w, v = (
        gv.tensor(one, requires_grad=True)
        for one in ([1.0, -2.0], [[1.0, 2.0, 0.5], [4.0, 5.0, -6.0]], [3.0, 0.25, 1.0])
    )
    yield "x @ W", x @ w, {"x": x, "W": w}
    yield "(x @ W) @ v + x @ x", (x @ w) @ v + x @ x, {"x": x, "W": w, "v": v}


def drawn(count):
    """As many expressions of every kind."""
    draw = random.Random(7)
    while count:
        leaves = {}
        text, result = expression(draw, draw.randrange(2, 5), leaves)
        if not result.requires_grad or result._grad_fn is None or len(text) > 350 or result.numel() > 12:
            continue
        count -= 1
        yield text, result, leaves


def test_generated_expressions_give_pythons_numbers(node, tmp_path):
    cases = []
    for text, result, leaves in (*chosen(), *drawn(120)):
        for leaf in leaves.values():
            leaf.grad = None
        result.backward(gv.ones_like(result), retain_graph=True)
        cases.append(
            {
                "expression": text,
                "values": {name: text_of(name, one) for name, one in leaves.items() if one._grad is not None},
                "result": encode(tuple(result.detach().numpy().ravel().tolist())),
                "gradients": {
                    name: encode(tuple(one.grad.numpy().ravel().tolist()))
                    for name, one in leaves.items()
                    if one._grad is not None
                },
            }
        )
    path = tmp_path / "expressions.json"
    path.write_text(json.dumps(cases, allow_nan=False), encoding="utf-8")
    script = HERE / "frontend" / "expressions.js"
    done = subprocess.run([node, str(script), str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == []


# --- how it is asked for -----------------------------------------------------------------------------------------------


def test_it_is_asked_for_with_values(tmp_path):
    made = gv.sandbox("tanh(w*x + b)", w=0.5, x=[1.0, 2.0], b=gv.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert repr(made) == "Sandbox('tanh(w*x + b)')"
    assert made.save(tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "<iframe" in made.html
    with pytest.raises(TypeError, match="w must be a number, a vector or a matrix"):
        gv.sandbox("w", w="half")
    with pytest.raises(ValueError, match="finite numbers"):
        gv.sandbox("w", w=float("nan"))
    with pytest.raises(TypeError, match="an expression is text"):
        gv.sandbox(3)
    assert len(sandbox_page()) < 250_000


def test_the_command_line_writes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["play", "--edit", "w*x", "w=2", "x=[1, 2]", "-o", "mine.html", "--no-open"]) == 0
    assert 'data-gradviz-book=""' in (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert main(["play", "--edit", "--no-open"]) == 0
    assert (tmp_path / "graph.html").exists()
    with pytest.raises(SystemExit):
        main(["play", "--no-open"])
    assert main(["play", "--edit", "fit.py:loss", "--no-open"]) == 2
    assert "--edit goes with an expression" in capsys.readouterr().err


# --- in a browser ------------------------------------------------------------------------------------------------------


def typed(page, text):
    page.get_by_label("Expression").fill(text)


def at_the_end(page):
    page.locator(".gs-stage .gradviz-player").focus()
    page.keyboard.press("End")


def on_card(page, name, part):
    return page.locator(f'.gv-card[aria-label^="{name},"] text[id*="_{part}"]').all_text_contents()


@pytest.mark.browser
def test_an_expression_is_typed_and_stepped_through(open_html):
    page = open_html(sandbox_page("tanh(w*x + b)", {"w": 0.5, "x": 1.0, "b": 0.1}))
    w, x, b = (gv.tensor(n, requires_grad=True) for n in (0.5, 1.0, 0.1))
    y = gv.tanh(w * x + b)
    y.backward()
    at_the_end(page)
    for name, tensor in {"w": w, "x": x, "b": b}.items():
        assert float(on_card(page, name, "g")[0]) == pytest.approx(tensor.grad.item(), rel=1e-3)
    assert on_card(page, "y", "v") == [number(float(f"{y.item():.4g}"))]
    # Another expression, with a name that is new and one that keeps its value.
    typed(page, "L = sum((W @ x - w)**2)")
    field = page.get_by_label("W", exact=True)
    field.wait_for()
    assert field.input_value() == "[[1, 2], [3, 4]]"
    page.get_by_label("x", exact=True).fill("[1, -1]")
    page.locator('.gv-card[aria-label^="W @ x,"]').wait_for()
    at_the_end(page)
    assert on_card(page, "W", "v") == ["1", "2", "3", "4"]
    assert on_card(page, "w", "g") == ["6"]  # 2 · (1.5 + 1.5)
    assert "expression=" in page.url


@pytest.mark.browser
def test_a_number_is_taken_hold_of_and_its_field_follows(open_html):
    page = open_html(sandbox_page("w*x", {"w": 0.5, "x": 4.0}))
    at_the_end(page)
    page.locator('.gv-card[aria-label^="w,"] text[id*="_v"]').click()
    box = page.locator(".gp-hold input").first
    box.fill("3")
    box.press("Enter")
    page.wait_for_function("() => document.querySelector('.gs-values input').value === '3'")
    assert on_card(page, "y", "v") == ["12"]
    assert on_card(page, "x", "g") == ["3"]


@pytest.mark.browser
def test_what_is_wrong_is_pointed_at_and_nothing_runs(open_html):
    page = open_html(sandbox_page("w*x"))
    message, caret = page.locator(".gs-message"), page.locator(".gs-caret")
    for text, words, column in [
        ("tanh(w*x", "a ) is missing", 8),
        ("w @ x", "takes matrices", 2),
        ("alert(1)", "no function alert", 0),
        ("<img src=x onerror=alert(1)>", "cannot stand here", 0),
        ("x^2", "** for a power", 1),
        ("w + 1e400", "too large", 4),
    ]:
        typed(page, text)
        page.wait_for_function(
            "(words) => document.querySelector('.gs-message').textContent.includes(words)", arg=words
        ) if text[0] != "<" else page.wait_for_function("() => document.querySelector('[data-wrong]')")
        assert caret.text_content().index("^") == column
        assert page.get_by_label("Expression").get_attribute("aria-invalid") == "true"
    typed(page, "w*x")
    page.wait_for_function("() => !document.querySelector('[data-wrong]')")
    assert message.text_content() == ""
    for text in ("nan", "1e400", "[[1, 2], [3]]", "alert(1)", "", "<b>"):
        page.get_by_label("w", exact=True).fill(text)
        page.wait_for_function(
            "() => document.querySelector('.gs-message').textContent.startsWith('In the value of w: ')"
        )
    assert page.locator(".gv-card").count() == 3  # the last picture that there was


MESSAGE_SEEN = """() => {
    const message = document.querySelector(".gs-message");
    const { left, bottom, width } = message.getBoundingClientRect();
    return document.elementFromPoint(left + width / 2, bottom - 4) === message;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits(browser_page, open_html, scheme):
    if importlib.util.find_spec("axe_playwright_python") is None:
        missing("needs axe-core: pip install axe-playwright-python")
    from axe_playwright_python.sync_playwright import Axe

    browser_page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page = open_html(sandbox_page("tanh(W @ x + b)"))
    typed(page, "tanh(W @ x + ")
    page.wait_for_function("() => document.querySelector('[data-wrong]')")
    found = Axe().run(page)
    serious = [rule for rule in found.response["violations"] if rule["impact"] in ("serious", "critical")]
    assert not serious, json.dumps(serious, indent=1)[:3000]
    heights = []
    for text in ("tanh(W @ x + ", "tanh(W @ x + b)"):
        typed(page, text)
        page.wait_for_function(
            "(wrong) => wrong === Boolean(document.querySelector('[data-wrong]'))", arg=text[-1] == " "
        )
        for width, height in ((1280, 720), (600, 720), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            heights.append(page.evaluate("document.documentElement.scrollHeight"))
            if width == 390 and text[-1] == " ":  # it lies over the player, where it can be read
                assert page.evaluate(MESSAGE_SEEN)
    assert heights[:3] == heights[3:]  # nothing moves when something is wrong
    assert heights[0] <= 720 + 4


@pytest.mark.browser
def test_a_shared_address_opens_the_same(browser_page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(sandbox_page("w*x"), encoding="utf-8")
    browser_page.goto(f"{path.as_uri()}#expression={quote('exp(a) - 1')}&value.a=2")
    browser_page.locator('.gv-card[aria-label^="exp(a),"]').wait_for()
    assert browser_page.get_by_label("Expression").input_value() == "exp(a) - 1"
    assert browser_page.get_by_label("a", exact=True).input_value() == "2"
