"""The catalogue of sentences: all of it is used, filled in, short, and reached; and nothing else is said."""

from __future__ import annotations

import ast
import json
import re
import string
from pathlib import Path

import pytest

import gradviz as gv
import gradviz.nn.functional
from gradviz.catalogue import catalogue, meaning, text
from gradviz.engine.copyslices import of_a_part
from gradviz.engine.evaluating import FUNCTIONS
from gradviz.engine.operation import BESIDE, TABLE, Operation
from gradviz.engine.operations import joining
from gradviz.nn.hooks import _identity
from gradviz.recording import record_graph
from gradviz.recording.folding import as_written

PACKAGE = Path(gv.__file__).parent
ROWS = [
    *TABLE.values(),
    *BESIDE.values(),
    *(of(2).operation for of in (joining.cat, joining.stack, joining.block_diag, joining.unbind)),
    joining.split(2, "SplitBackward0").operation,
    _identity(1).operation,
    of_a_part(TABLE["MulBackward1"]),
]
MOST_SENTENCES, LONGEST = 2, 145


def keys_of(row):
    return row.grad_fn.removesuffix("_copy"), row.name.removesuffix("_copy")


def names_in(written):
    return {name for _, name, _, _ in string.Formatter().parse(written) if name is not None}


def sentences_in(written):
    return [part for part in written.replace("q + 1, ...;", "").split(". ") if part]


# --- rows ------------------------------------------------------------------------------------------------------------


def test_every_row_is_in_the_catalogue_and_all_of_the_catalogue_is_used():
    entries, used = catalogue()["rows"], set()
    for row in ROWS:
        key = next((key for key in keys_of(row) if key in entries), None)
        assert key, f"nothing is said of {row.name} ({row.grad_fn})"
        while isinstance(entries[key], dict) and "same" in entries[key]:
            used.add(key)
            key = entries[key]["same"]
        used.add(key)
    assert set(entries) - used == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.grad_fn}-{row.name}")
def test_what_a_row_says_is_short_and_of_its_arguments(row):
    inputs = {name for other in ROWS if other.cases is row.cases or other is row for name in other.inputs}
    for case, written in row.cases.items():
        assert written.endswith(".")
        assert written[0].isupper() or written[0] in "{x"
        assert len(sentences_in(written)) <= MOST_SENTENCES
        assert len(written) <= LONGEST, f"{len(written)}: {written}"
        known = {"name"} if not case or case == "scaled" else {*inputs, "n"}
        assert names_in(written) <= known, written
        if "to " in case:
            assert set(case.rpartition("to ")[2].split("+")) <= inputs, case


def test_a_row_of_ones_own_says_what_it_brings():
    row = Operation(
        "mine", lambda self: self, ("self",), {}, grad_fn="MineBackward", symbol="m", sentence="It is mine."
    )
    assert row.told(["twice", "to self"], {"self": "x"}) == row.sentence == "It is mine."
    assert Operation("mine", lambda self: self, ("self",), {}, grad_fn="MineBackward", symbol="m").sentence == ""


PROGRAMS = """
a + b|a + c|a + k|k + a|k + v|v + k|v + k2|a + a|torch.add(a, b, alpha=2)
a - b|a - k|k - a|a - a|torch.sub(a, b, alpha=2)|torch.rsub(a, b, alpha=2)|torch.rsub(a, b)
a * b|a * k|k * a|a * a|a / b|a / k|k / a|a / a|p ** q|p ** q.detach()|p.detach() ** q
torch.maximum(a, b)|torch.maximum(a, k)|torch.maximum(k, a)|torch.minimum(a, b)|torch.minimum(a, k)|torch.minimum(k, a)
torch.where(m, a, b)|torch.where(m, a, k)|torch.where(m, k, a)
a @ b|a @ k|k @ a|a @ a|t @ t2|t @ t2.detach()|t.detach() @ t2|a @ v|k @ v|a @ v.detach()
torch.dot(v, w)|torch.dot(v, k2)|torch.dot(k2, v)|torch.dot(v, v)|torch.vdot(v, w)|torch.vdot(v, k2)|torch.vdot(k2, v)|torch.vdot(v, v)
torch.addmm(v, a, b)|torch.addmm(v, k, k)|torch.addmm(k2, a, k)|torch.addmm(k2, k, a)|torch.addmm(v, a, k)|torch.addmm(v, k, a)|torch.addmm(k2, a, b)
torch.addmv(v, a, w)|torch.addmv(v, k, k2)|torch.addmv(k2, a, k2)|torch.addmv(k2, k, v)|torch.addmv(v, a, k2)|torch.addmv(v, k, w)|torch.addmv(k2, a, v)
torch.baddbmm(t, t, t)|torch.baddbmm(t, T, T)|torch.baddbmm(T, t, T)|torch.baddbmm(T, T, t)|torch.baddbmm(t, t2, T)|torch.baddbmm(t, T, t2)|torch.baddbmm(T, t, t2)
a.sum()|a.sum(0)|a.mean()|a.mean(1)|a.prod()|a.prod(1)|a.amax()|a.amax(1)|a.amin()|a.amin(1)
N.conv1d(x, h, v)|N.conv1d(x, h)|N.conv1d(X, h)|N.conv1d(X, h, v)|N.conv1d(x, H)|N.conv1d(x, H, v)|N.conv1d(X, H, v)|N.conv1d(x, h)
N.mse_loss(a, b)|N.mse_loss(a, k)|N.mse_loss(k, a)
t + v|t + a|t + t2[:, :, :1]|t + s|a + s
""".strip()

GIVEN = {
    "a": [[1.0, 2.0], [3.0, 4.0]], "b": [[0.5, -1.0], [2.0, 0.25]], "c": [[1.0], [2.0]], "v": [1.0, -2.0], "w": [3.0, 0.5],
    "p": [1.5, 2.0], "q": [2.0, 3.0], "s": 2.0,
    "t": [[[1.0, 2.0], [3.0, 4.0]], [[0.5, 1.0], [1.0, 2.0]]], "t2": [[[1.0, 2.0], [0.0, 1.0]], [[0.5, 1.0], [1.0, 2.0]]],
    "x": [[[1.0, 2.0, 3.0, 4.0]]], "h": [[[1.0, -1.0]], [[2.0, 0.5]]],
}  # fmt: skip


def told_in(code):
    """Run a program, and return its recording."""
    names = {name: gv.tensor(numbers, requires_grad=True) for name, numbers in GIVEN.items()}
    known = {"k": gv.tensor(GIVEN["a"]), "k2": gv.tensor(GIVEN["v"]), "m": gv.tensor([[True, False], [False, True]])}
    known |= {"T": gv.tensor(GIVEN["t"]), "X": gv.tensor(GIVEN["x"]), "H": gv.tensor(GIVEN["h"])}
    result = eval(code, {"torch": gv, "N": gv.nn.functional, **names, **known})
    total = result if result.shape == () else result.sum()
    total.backward()
    return record_graph(total, variables=({**names, **known},))


ALL = [code for line in PROGRAMS.splitlines() for code in line.split("|")]


@pytest.mark.parametrize("code", ALL)
def test_what_a_step_says_is_short_and_filled_in(code):
    for frame in told_in(code).frames:
        assert frame.sentence.endswith(".")
        for said in (frame.sentence, frame.reason):
            assert len(sentences_in(said)) <= MOST_SENTENCES, said
            assert "{" not in said
            assert "}" not in said
            assert len(said) <= 220, said


def test_each_case_of_each_row_is_reached(monkeypatch):
    reached = set()
    told = Operation.told

    def noted(row, cases=(), given=None):
        said = told(row, cases, given)
        texts = row.cases
        scaled = ["scaled"] if "alpha" in row.settings else []
        reached.add((id(texts), next((case for case in (*scaled, *cases) if case in texts), "")))
        return said

    monkeypatch.setattr(Operation, "told", noted)
    for code in ALL:
        for frame in told_in(code).frames:
            frame.sentence  # noqa: B018
    for row in ROWS:
        texts = row.cases
        if len(texts) > 1:
            missing = {case for case in texts if (id(texts), case) not in reached}
            every = {"all", "along"} <= set(texts) or f"to {'+'.join(row.inputs)}" in texts
            missing -= {""} if every else set()  # that is for the page of all operations
            assert not missing, f"{row.name}: {missing} in no program"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("a + b", "A sum passes the gradient that arrives on to each of its terms, unchanged."),
        ("a + k", "A sum passes the gradient that arrives on to a, unchanged."),
        ("a + v", "A sum passes the gradient that arrives on to its terms. v was used for every row, so its gradients are summed over the rows."),
        ("a + c", "A sum passes the gradient that arrives on to its terms. c was used for every column, so its gradients are summed over the columns."),
        ("k + v", "A sum passes the gradient that arrives on to v. v was used for every row, so its gradients are summed over the rows."),
        ("a + s", "A sum passes the gradient that arrives on to its terms. s was used for every entry, so all its gradients are added up."),
        ("a * a", "a is both factors, so it gets the gradient times a twice."),
        ("k @ a", "Each entry of a gathers a column of k times a column of the gradient that arrives."),
        ("torch.atan2(a, k)", "The angle of a point turns with a step across, and the less the farther away the point is. Only a needs a gradient here."),
        ("t.sum(0)", "Every entry adds 1 for 1 to its own sum, so it gets the gradient of that sum."),
        ("a.mean(0)", "Each of 2 entries moves its own mean by 1/2, so it gets 1/2 of the gradient of that mean."),
    ],
)  # fmt: skip
def test_a_step_says_what_happened(code, said):
    recording = told_in(f"({code}).exp()")
    last = next(frame for frame in recording.frames[::-1] if frame.phase == "backward")
    assert last.sentence == said


def test_why_now_is_told_where_it_is_news():
    x = gv.tensor(2.0, requires_grad=True)
    y = x * x
    z = y.exp() + y.sin()
    z.backward()
    reasons = [
        frame.reason
        for frame in record_graph(z, variables=({"x": x, "y": y, "z": z},)).frames
        if frame.phase == "backward"
    ]
    assert reasons == [
        "",
        "All of z's gradient has arrived, so this operation can pass it on.",
        "It had saved y: that is freed now, but retain_graph=True would have kept it.",
        "It had saved its own result: that is freed now.",
        "Both contributions to y's gradient have arrived, so this operation can pass it on. It had saved x: that is freed now.",
    ]


# --- steps, and the words of formulas ----------------------------------------------------------------------------------


def literals(*folders):
    """All texts in the code, outside of docstrings."""
    found = set()
    for folder in folders:
        for path in (PACKAGE / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return found


def test_what_is_said_of_a_way_forward_is_short_and_of_arguments():
    rows = {row.name: row for row in ROWS}
    for name, written in catalogue()["forward"].items():
        assert len(sentences_in(written)) == 1
        assert len(written) <= LONGEST
        assert names_in(written) <= {*rows[name].inputs, "group"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("a @ b", "y is computed from a and b. Each entry is a row of a times a column of b."),
        ("a + v", "y is computed from a and v, entry by entry. v is added to every row."),
        ("a * c", "y is computed from a and c, entry by entry. c is used for every column."),
        ("c * v", "y is computed from c and v, entry by entry. c is used for every column and v is used for every row."),
        ("a.exp()", "y is computed from a, entry by entry."),
        ("a.sum()", "y is computed from a."),
        ("s * s", "y is computed from s."),
        ("a.softmax(1)", "y is computed from a. In each row, each x becomes eˣ over the sum of all eˣ, so that they add up to 1."),
        ("N.linear(a, b, v)", "y is computed from a, b and v. Each entry is a row of a times a row of b; v is added to every row."),
    ],
)  # fmt: skip
def test_a_way_forward_says_how(code, said):
    names = {name: gv.tensor(numbers, requires_grad=True) for name, numbers in GIVEN.items()}
    y = eval(code, {"torch": gv, "N": gv.nn.functional, **names})
    steps = as_written(record_graph(y, variables=({"y": y, **names},))).frames
    assert [frame.sentence for frame in steps if frame.title == "y"] == [said]


def test_everything_that_can_be_said_at_a_step_is_said():
    assert set(catalogue()["step"]) - literals("recording", "drawing", "autograd", "engine", "pytorch") == set()
    made = {f"curve of {kind}" for kind in ("number", "classes", "logit", "probability")}
    assert set(catalogue()["training"]) - literals("training", "drawing") == made


def test_a_text_that_is_not_there_or_not_filled_in_is_an_error():
    with pytest.raises(KeyError):
        text("what nobody says")
    with pytest.raises(KeyError):
        text("computed", name="y")


def test_every_word_of_a_way_back_has_a_meaning():
    for row in TABLE.values():
        for slot, written in row.local.items():
            for node in ast.walk(ast.parse(written)):
                if isinstance(node, ast.Call) and node.func.id not in {*FUNCTIONS, *(other.name for other in ROWS)}:
                    assert meaning(node.func.id), f"{row.name}, {slot}: what is {node.func.id}?"


def test_every_meaning_is_of_a_word_that_is_used():
    used = {
        node.id
        for row in TABLE.values()
        for text in (row.expression, *row.local.values())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name)
    }
    endings = {word.rpartition("_")[2] for word in used}
    assert set(catalogue()["meaning"]) <= used | endings | {"changed"}


def test_the_file_is_as_json_writes_it():
    path = PACKAGE / "catalogue" / "en.json"
    written = path.read_text(encoding="utf-8")
    assert written == json.dumps(json.loads(written), indent=2, ensure_ascii=False) + "\n"


# --- the pages ---------------------------------------------------------------------------------------------------------

FRONT_END = Path(__file__).parents[1] / "gradviz" / "player" / "frontend" / "src"  # of the repository: no wheel has it
SAID = re.compile(r'\bphrase\("([^"]+)"(?:, \{((?:[^{}]|\{[^{}]*\})*)\})?')
SENTENCE = re.compile(r"""["`][A-Z][a-z']+(?: [A-Za-z']+){2,}[^"`]*["`]""")


def pages():
    return json.loads((PACKAGE / "catalogue" / "pages.en.json").read_text(encoding="utf-8"))


def code_of_the_front_end():
    """The front end's sources, without what is said to those who read them."""
    assert FRONT_END.is_dir()
    for path in sorted(FRONT_END.rglob("*.js")):
        code = path.read_text(encoding="utf-8")
        yield path.name, re.sub(r"/\*.*?\*/|(?m:^\s*//[^\n]*$)", "", code, flags=re.DOTALL)


def test_all_of_the_pages_words_are_said_and_filled_in():
    texts, said = pages(), set()
    for name, code in code_of_the_front_end():
        for key, given in SAID.findall(code):
            assert key in texts, f"{name}: nothing stands under {key!r}"
            said.add(key)
            fills = set(re.findall(r"(?:^|, |\{ ?)\s*(\w+)(?=\s*[:,}]|\s*$)", given))
            assert names_in(texts[key]) <= fills, f"{name}: {texts[key]!r} is not filled in by {given!r}"
    assert set(texts) - said == set()


def test_no_sentence_stands_in_the_front_end_itself():
    for name, code in code_of_the_front_end():
        if name == "numpy.js":  # what that one writes is Python
            continue
        assert not SENTENCE.findall(code), f"{name}: {SENTENCE.search(code)[0]}"


def test_what_the_pages_say_is_short():
    for key, written in pages().items():
        assert len(written) <= 180, key
        assert len(sentences_in(written)) <= 3, key


def test_the_pages_file_is_as_json_writes_it():
    written = (PACKAGE / "catalogue" / "pages.en.json").read_text(encoding="utf-8")
    assert written == json.dumps(json.loads(written), indent=2, ensure_ascii=False) + "\n"
