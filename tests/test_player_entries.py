"""One entry at a time: what it is made of, lit and worked out; nudges, paths, Jacobians; code and cards that light each other."""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path

import pytest
from test_player_page import button, place

import gradviz as gv
import gradviz.nn.functional as F
from gradviz.player import page
from gradviz.player.facts import facts
from gradviz.recording import record_graph

SOURCES = Path(__file__).parents[1] / "gradviz" / "player" / "frontend" / "src"


def design():
    """Two paths from L to W, and a broadcast bias: 75, −31, 110, −41.5 arrive at W."""
    X = gv.tensor([[1.0, 2.0], [3.0, 4.0]])
    W = gv.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    c = gv.tensor([1.0, -2.0], requires_grad=True)
    h = X @ W + c
    L = (h * h).sum() + (W * W).sum()
    return record_graph(L, backward=True, names={"X": X, "W": W, "c": c, "h": h, "L": L})


def leaves():
    gv.manual_seed(1)
    return {
        "x": gv.tensor([[1.0, 2.0, -1.0], [3.0, -4.0, 0.5]], requires_grad=True),
        "y": gv.tensor([[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]], requires_grad=True),
        "w": gv.tensor([[0.5, -1.0], [2.0, 0.25], [1.0, 3.0]], requires_grad=True),
        "b": gv.tensor([1.0, 2.0, 3.0], requires_grad=True),
        "c": gv.tensor([1.0, -1.0], requires_grad=True),
        "s": gv.tensor(3.0, requires_grad=True),
        "img": gv.arange(0.0, 32.0).reshape(1, 2, 4, 4).sin().requires_grad_(),
        "ker": gv.randn(2, 2, 2, 2).requires_grad_(),
        "q": gv.randn(2, 3, 2).requires_grad_(),
        "k": gv.randn(2, 3, 2).requires_grad_(),
        "emb": gv.randn(4, 2).requires_grad_(),
    }


USED = {
    "product": lambda x, w, **_: x @ w,
    "linear": lambda x, y, c, **_: F.linear(x, y, c),
    "addmm": lambda x, w, c, **_: gv.addmm(c, x, w),
    "batched": lambda q, k, **_: q @ k.transpose(-2, -1),
    "vector": lambda x, b, **_: x @ b,
    "dot": lambda b, **_: b @ b,
    "broadcast": lambda x, b, **_: x + b,
    "times": lambda x, y, **_: x * y,
    "itself": lambda x, **_: x * x,
    "scalar": lambda x, s, **_: x * s - 2 * x,
    "quotient": lambda x, y, **_: x / y,
    "power": lambda x, **_: x**3,
    "relu": lambda x, **_: x.relu(),
    "tanh": lambda x, **_: x.tanh(),
    "sigmoid": lambda x, **_: x.sigmoid(),
    "exp log": lambda x, y, **_: x.exp() + y.log(),
    "sqrt": lambda y, **_: y.sqrt(),
    "softmax": lambda x, **_: gv.softmax(x, -1),
    "log_softmax": lambda x, **_: gv.log_softmax(x, 0),
    "cross_entropy": lambda x, **_: F.cross_entropy(x, gv.tensor([0, 2])),
    "mse": lambda x, y, **_: F.mse_loss(x, y),
    "bce": lambda x, y, **_: F.binary_cross_entropy_with_logits(x, (y > 3).float()),
    "sum": lambda x, **_: x.sum(0),
    "mean": lambda x, **_: x.mean(1, keepdim=True),
    "max": lambda x, **_: x.max(1).values,
    "variance": lambda x, **_: x.var(1),
    "norm": lambda x, **_: x.norm(),
    "layer_norm": lambda x, b, **_: F.layer_norm(x, (3,), b, b),
    "batch_norm": lambda q, c, **_: F.batch_norm(q.reshape(6, 2), None, None, c, c, training=True),
    "transposed": lambda x, **_: x.t(),
    "reshaped": lambda x, **_: x.reshape(3, 2),
    "permuted": lambda q, **_: q.permute(2, 0, 1),
    "indexed": lambda x, **_: x[1],
    "picked": lambda x, **_: x[gv.tensor([1, 0, 1]), gv.tensor([0, 2, 0])],
    "gathered": lambda x, **_: x.gather(1, gv.tensor([[2], [0]])),
    "embedded": lambda emb, **_: F.embedding(gv.tensor([1, 3, 1]), emb),
    "joined": lambda x, y, **_: gv.cat([x, y]),
    "stacked": lambda x, y, **_: gv.stack([x, y], 1),
    "split": lambda x, **_: x.chunk(3, 1)[1],
    "where": lambda x, y, **_: gv.where(x > 0, x, y),
    "cumulated": lambda x, **_: x.cumsum(1),
    "expanded": lambda b, **_: b.expand(2, 3),
    "convolved": lambda img, ker, c, **_: F.conv2d(img, ker, c),
    "pooled": lambda img, **_: F.max_pool2d(img, 2),
    "averaged": lambda img, **_: F.avg_pool2d(img, 2),
    "attended": lambda q, k, **_: F.scaled_dot_product_attention(q, k, q),
}

EXPLAIN = """
import {{ Facts }} from "{0}/facts.js";
import {{ linksOf }} from "{0}/links.js";
import {{ explain }} from "{0}/explain.js";
import {{ textOf }} from "{0}/workings.js";
let text = "";
process.stdin.on("data", (part) => {{ text += part; }});
process.stdin.on("end", () => {{
  const all = JSON.parse(text).map((data) => {{
    const facts = new Facts(data, linksOf(data));
    const last = data.frames.length - 1;
    const about = (tensor, part, value) => value.data.map((_, index) => {{
      const found = explain(facts, {{ tensor, part, index }}, last);
      const terms = found.terms.map(({{ factors, sign, product }}) => [factors.map(({{ number }}) => number), sign, product]);
      return {{ id: tensor, part, index, terms, sum: found.sum, call: found.call, made: found.made.length, note: found.note, text: textOf(found) }};
    }});
    return [
      ...data.operations.flatMap(({{ outputs }}) => outputs.flatMap((id) => about(id, "v", facts.values.at(id, last)))),
      ...data.operations.flatMap(({{ inputs }}) => inputs.flatMap(({{ id }}) => {{
        const given = facts.contributions.at(id, last);
        return given ? about(id, "c", given.value) : [];
      }})),
    ];
  }});
  process.stdout.write(JSON.stringify(all));
}});
"""


def explained(node, recordings):
    program = EXPLAIN.format(SOURCES.as_uri())
    text = json.dumps([facts(recording) for recording in recordings])
    done = subprocess.run([node, "--input-type=module", "-e", program], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_entry_is_what_its_terms_add_up_to(node):
    """Every value and contribution of the operations that courses use: as recorded, which is as PyTorch has it."""
    recordings = []
    for make in USED.values():
        given = leaves()
        result = make(**given)
        loss = (result * gv.arange(1.0, result.numel() + 1).reshape(result.shape)).sum() if result.dim() else result * 1
        recordings.append(record_graph(loss, backward=True, names=given))
    for name, recording, found in zip(USED, recordings, explained(node, recordings), strict=True):
        given = {tensor: value for frame in recording.frames for tensor, value in frame.values}
        given |= {part.argument: part.value for frame in recording.frames for part in frame.contributions}
        assert found
        for entry in found:
            number = given[entry["id"]].data[entry["index"]]
            assert entry["sum"] == pytest.approx(number, rel=1e-6, abs=1e-30), (name, entry)
            if entry["terms"] and not entry["call"]:
                for factors, sign, product in entry["terms"]:
                    assert sign * math.prod(factors) == pytest.approx(product, rel=1e-5, abs=1e-12), (name, entry)
                size = max(abs(product) for _, _, product in entry["terms"])
                total = sum(product for _, _, product in entry["terms"])
                assert total == pytest.approx(number, abs=2e-4 * size + 1e-12), (name, entry)
            # Nothing is left unexplained: it is a sum, or something done with what is lit, or was not used.
            assert entry["terms"] or entry["note"], (name, entry)
            assert entry["made"] or entry["note"], (name, entry)


# --- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(open_html):
    def open_(recording, key="End", **options):
        shown = open_html(page(recording, **options))
        shown.locator(".gradviz-player").focus()
        shown.keyboard.press(key)
        return shown

    return open_


def lit(shown, what="gp-made"):
    """The entries of the equations that are lit, by what they show."""
    return shown.evaluate(
        "what => [...document.querySelectorAll(`.gp-equation .${what}`)].map(element => element.textContent)", what
    )


def cell(shown, number, nth=0):
    return shown.locator(".gp-equation [data-entry]").filter(has_text=number).nth(nth)


@pytest.mark.browser
def test_an_entry_in_an_equation_lights_what_it_is_made_of_there_and_in_the_picture(opened):
    shown = opened(design())
    cell(shown, "106").hover()
    assert sorted(lit(shown)) == ["11", "2", "21", "4"]
    assert set(lit(shown, "gp-picked")) == {"4", "106", "110"}  # so far, this step, and now
    assert shown.locator(".gv-made").count() == 2  # a column of X, and one of the gradient that arrived
    assert shown.locator(".gv-edge.gv-halo").count() == 3
    assert "22" in shown.locator(".gp-working").inner_text()
    shown.mouse.move(5, 5)
    assert lit(shown) == []
    cell(shown, "106").click()
    shown.mouse.move(5, 5)
    assert sorted(lit(shown)) == ["11", "2", "21", "4"]
    # It stays picked while one steps, and says what is known then.
    shown.locator(".gradviz-player").press("ArrowLeft")
    shown.locator(".gradviz-player").press("ArrowRight")
    assert sorted(lit(shown)) == ["11", "2", "21", "4"]


@pytest.mark.browser
def test_the_keyboard_alone_picks_nudges_and_goes_along_the_code(opened):
    shown = opened(design())
    shown.locator(".gp-equation").focus()
    status = shown.get_by_role("status")
    shown.keyboard.press("ArrowRight")
    first = status.text_content()
    shown.keyboard.press("ArrowDown")
    assert status.text_content() != first
    assert "=" in status.text_content()
    shown.keyboard.press("Enter")
    picked = set(lit(shown, "gp-picked"))
    assert picked
    assert place(shown) == "backward 8 / 8"  # no arrow has stepped
    less, more = button(shown, "Nudge it less"), button(shown, "Nudge it more")
    more.focus()
    shown.keyboard.press("Enter")
    assert shown.locator(".gp-nudge-head b").inner_text() == "1"
    assert more.is_disabled()
    less.focus()
    for _ in range(5):
        shown.keyboard.press("Enter")
    assert "fell by" in shown.locator(".gp-nudge").inner_text()


@pytest.mark.browser
def test_a_nudge_shows_what_the_gradient_says_beside_the_truth(opened):
    shown = opened(design())
    cell(shown, "106").click()
    told = shown.locator(".gp-nudge").inner_text()
    assert "110 × 0.1 = +11" in told
    assert "+11.21" in told
    assert "168.0625 → 179.2725" in told
    assert "0.21 apart" in told
    # Before all of the gradient has arrived, nothing is told of what is still to be computed.
    shown.locator(".gradviz-player").press("Home")
    told = shown.locator(".gp-nudge").inner_text()
    assert "comes with the last backward step" in told
    assert not {"168", "11.21", "110"} & set(re.findall(r"[\d.]+", told))
    button(shown, "Predict").click()
    assert shown.locator(".gp-nudge").is_hidden()


@pytest.mark.browser
def test_each_path_lights_up_with_its_product_and_they_add_up(opened):
    shown = opened(design())
    cell(shown, "106").click()
    chain = shown.locator(".gp-paths")
    routes = chain.get_by_role("button")
    numbers = [float(text.replace("−", "-")) for text in chain.locator(".gp-route b").all_inner_texts()]
    assert len(numbers) == routes.count() > 1
    assert sum(numbers) == 110
    assert chain.locator(".gp-route-sum b").inner_text() == "110"
    assert "Xᵀ" in chain.inner_text()
    lit = []
    for k in range(routes.count()):
        routes.nth(k).focus()
        lit.append(frozenset(shown.locator(".gv-edge.gv-path").evaluate_all("all => all.map(one => one.id)")))
        assert len(lit[-1]) >= 3
    assert len(set(lit)) == len(lit)  # each is another way
    routes.first.press("Enter")
    shown.locator(".gradviz-player").focus()
    assert routes.first.get_attribute("aria-pressed") == "true"
    assert shown.locator(".gv-edge.gv-path").count() == len(lit[0])
    # Another leaf; another entry of it.
    chain.get_by_role("combobox").select_option(label="c")
    assert chain.locator(".gp-route-sum b").inner_text() == "32"
    shown.locator(".gradviz-player").press("Home")
    assert chain.is_hidden()  # nothing has arrived yet


@pytest.mark.browser
def test_the_jacobian_of_an_edge_is_shown_on_demand(opened):
    gv.manual_seed(0)
    x = gv.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    p = gv.softmax(x, -1)
    loss = (p * gv.tensor([[1.0, 0.0, -1.0]])).sum()
    recording = record_graph(loss, backward=True, names={"x": x, "p": p, "loss": loss})
    shown = opened(recording)
    edge = next(argument for operation, argument in recording.graph.arguments() if operation.name == "softmax")
    shown.locator(f'[id$="_{edge.id}"] .gv-hit').click(force=True)
    details = shown.locator(".gp-inspect")
    details.get_by_text("Jacobian").click()
    table = details.get_by_role("table", name="Jacobian")
    table.wait_for()
    cells = [float(text.replace("−", "-")) for text in table.locator("td:not(:empty)").all_inner_texts()]
    p = p.detach().numpy()[0]
    wanted = [p[i] * ((i == j) - p[j]) for i in range(3) for j in range(3)]
    assert cells == pytest.approx(wanted, abs=5e-4)


@pytest.mark.browser
def test_code_and_cards_light_each_other(opened):
    w = gv.tensor(2.0, requires_grad=True)
    x = gv.tensor(3.0)
    player = gv.backprop(w * x + w)
    shown = opened(player.recording)
    code = shown.locator(".gp-code")
    product = code.get_by_text("w * x", exact=True)
    product.hover()
    coded = shown.locator(".gv-coded").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label').split(',')[0])"
    )
    assert sorted(coded) == ["mul", "w·x"]
    shown.mouse.move(5, 5)
    assert shown.locator(".gv-coded").count() == 0
    shown.locator('.gv-card[aria-label^="w·x,"]').hover()
    assert code.locator(".gp-lit").inner_text() == "w * x"
    shown.mouse.move(5, 5)
    assert code.locator(".gp-lit").count() == 0
    # By keyboard: up and down, Enter selects; and a card that has the focus lights its code.
    code.focus()
    for _ in range(3):
        shown.keyboard.press("ArrowUp")
    shown.keyboard.press("ArrowDown")
    assert shown.locator(".gv-coded").count() == 2
    shown.keyboard.press("Enter")
    assert shown.locator(".gp-inspect").is_visible()
    shown.locator('.gv-card[aria-label^="w·x,"]').focus()
    assert code.locator(".gp-lit").inner_text() == "w * x"


@pytest.mark.browser
def test_the_line_that_runs_is_in_view_in_the_code(opened):
    lines = "\n".join(f"a{k} = w * {k}.0" for k in range(30))
    given: dict = {"gv": gv}
    source = f"w = gv.tensor(2.0, requires_grad=True)\n{lines}\ntotal = {' + '.join(f'a{k}' for k in range(30))}\nplayer = gv.backprop(total)\n"
    import linecache

    linecache.cache["<long>"] = (len(source), None, source.splitlines(True), "<long>")
    exec(compile(source, "<long>", "exec"), given)
    shown = opened(given["player"].recording, key="Home")
    for _ in range(20):
        shown.keyboard.press("ArrowRight")
    seen = shown.evaluate(
        """() => {
            const [mark, code] = [document.querySelector(".gp-code mark"), document.querySelector(".gp-code")].map(e => e.getBoundingClientRect());
            return mark.top >= code.top && mark.bottom <= code.bottom && code.bottom <= innerHeight;
        }"""
    )
    assert seen


@pytest.mark.browser
def test_a_saved_page_asks_and_takes_apart_as_was_asked_for(open_html, tmp_path):
    w = gv.tensor(2.0, requires_grad=True)
    path = gv.backprop(w * 3, predict=True, grain="event").save(tmp_path / "kept.html")
    shown = open_html(path.read_text(encoding="utf-8"))
    assert button(shown, "Predict").get_attribute("aria-pressed") == "true"
    assert button(shown, "Take apart").get_attribute("aria-pressed") == "true"
    shown.locator(".gradviz-player").press("End")
    assert shown.locator(".gp-answer").is_visible()
    path = gv.backprop(w * 3).save(tmp_path / "plain.html")
    shown.goto("about:blank")
    shown = open_html(path.read_text(encoding="utf-8"))
    assert button(shown, "Predict").get_attribute("aria-pressed") == "false"
