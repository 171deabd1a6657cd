"""The notebooks, as a class meets them: run from top to bottom, read without being run, and their exercises answered."""

from __future__ import annotations

import base64
import copy
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import nbclient
import nbformat
import pytest

from gradviz.check import UNANSWERED
from notebooks import FOLDER, IMAGE, WIDGET, joined, settled, skip_without_pytorch

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
pytestmark = pytest.mark.sample(6)  # kernels are slow to start

EXERCISE = re.compile(r"((?:torch|gv)\.check\.(?!progress)\w+\(\s*)(?:\.\.\.|\"\.\.\.\")")
"""The call that judges an answer, with the dots in its place."""

# For each exercise, in order: what a learner types in place of the dots to be right, and a mistake that comes to mind.
ANSWERS = {
    "01_a_scalar": [("5", "17"), ("12", "-12"), ("40", "10"), ("'a'", "'b'")],
    "02_a_matrix": [
        ("[2, 4, 6]", "[1, 4, 9]"),
        ("[0.25, 0.25, 0.25, 0.25]", "[1, 1, 1, 1]"),
        ("[2, 1]", "[1, 1]"),
        ("(3, 3)", "(9,)"),
    ],
    "03_a_line": [("-3", "4"), ("4", "-3"), ("'b'", "'a'"), ("'a'", "'b'")],
    "04_a_hidden_layer": [("[0, 1, 1]", "[0, 0.5, 3]"), ("-6", "0"), ("(5, 1)", "(1, 5)"), ("'a'", "'b'")],
    "05_logits_and_no_grad": [("-0.5", "0.5"), ("1", "9"), ("4", "16")],
    "06_one_step": [("[1, -2]", "[0.5, -1]"), ("15", "12"), ("(3, 4)", "(4, 3)"), ("'a'", "'b'")],
    "07_epochs": [("1.5", "2.5"), ("1.125", "1"), ("15", "3"), ("'c'", "'b'")],
    "08_where_paths_meet": [("3", "1"), ("12", "4"), ("0", "2"), ("2", "8")],
    "09_broadcasting": [("6", "2"), ("[5, 5]", "[1, 1]"), ("(4, 3)", "(4, 1)"), ("(4, 1)", "(4, 3)")],
    "10_vanishing_and_exploding": [("0.75", "0.25"), ("'81'", "12"), ("[3, 4]", "[1, 3]")],
    "11_learning_rate_and_momentum": [("-0.5", "-3.5"), ("'b'", "'c'"), ("1.9", "2"), ("'c'", "'d'")],
    "12_second_derivatives": [("2", "6"), ("12", "4"), ("'c'", "'a'"), ("'b'", "'a'")],
    "13_convolution_and_attention": [("[6, 9]", "[3, 3]"), ("8", "10"), ("(5, 5)", "(5, 8)"), ("'1/4'", "0.5")],
    "14_your_own_function": [("-3", "3"), ("2", "0"), ("'c'", "'a'")],
    "15_the_engine": [("'a'", "'b'"), ("4", "2"), ("'b'", "'a'"), ("'b'", "'c'")],
    "16_your_own_pytorch": [("5", "2"), ("'b'", "'a'"), ("'c'", "'a'")],
}


@dataclass(frozen=True)
class Lesson:
    """A notebook as it is stored, the same just run, and the kernel in which it has run."""

    name: str
    stored: Any
    shown: Any
    client: nbclient.NotebookClient

    @property
    def exercises(self):
        """The sources of the cells that ask something."""
        return [cell.source for cell in code(self.stored) if EXERCISE.search(cell.source)]

    def run(self, source):
        """Run one more cell; return what it prints, and any error."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        return "".join(output.get("text") or output.get("evalue", "") for output in cell.outputs)


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def lesson(request):
    """Run a notebook from top to bottom, once for all tests of it, and keep its kernel."""
    skip_without_pytorch(request.param)
    stored = nbformat.read(request.param, as_version=4)
    shown = copy.deepcopy(stored)
    client = nbclient.NotebookClient(shown, timeout=600, kernel_name="python3", allow_errors=True)
    with client.setup_kernel(cwd=str(FOLDER)):
        for number, cell in enumerate(shown.cells):
            client.execute_cell(cell, number)
            if cell.cell_type == "code":
                cell.outputs = joined(cell.outputs)
        yield Lesson(request.param.stem, stored, copy.deepcopy(shown), client)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def pictures(output):
    """Every picture in an output that needs no script to be seen: its SVG text."""
    data = output.get("data", {})
    tags = IMAGE.findall(data.get("text/html", ""))
    return [data[kind] for kind in ["image/svg+xml"] if kind in data] + [base64.b64decode(tag).decode() for tag in tags]


def test_every_notebook_has_its_reference_answers():
    assert NOTEBOOKS
    assert ANSWERS.keys() == {path.stem for path in NOTEBOOKS}


def test_it_runs_without_an_error_or_a_warning(lesson):
    assert [output for output in outputs(lesson.shown) if output.output_type == "error"] == []
    assert [output.text for output in outputs(lesson.shown) if output.get("name") == "stderr"] == []
    # And the state in which it is stored is that of one run, in order.
    assert [cell.execution_count for cell in code(lesson.stored)] == list(range(1, len(code(lesson.stored)) + 1))


# --- what is stored -----------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"[-−]?\d+(?:\.\d*)?(?:e[-+−]?\d+)?")


def same(stored, shown):
    """Return True for two texts of the same words, and of numbers that differ by no more than another machine's rounding.

    That is one in the last decimal place that is written, or what a float32 may be off after a few operations.
    """
    if "".join(NUMBER.sub("#", stored).split()) != "".join(NUMBER.sub("#", shown).split()):
        return False
    return all(map(near, NUMBER.findall(stored), NUMBER.findall(shown)))


def near(stored, shown):
    one, other = (Decimal(text.replace("−", "-")) for text in (stored, shown))
    exponents = [int(number.as_tuple().exponent) for number in (one, other)]
    slack = max([10.0**exponent for exponent in exponents if exponent] + [1e-5 * max(1.0, abs(float(other)))])
    return math.isclose(one, other, rel_tol=0, abs_tol=1.01 * slack)


def as_text(kind, content):
    """What a reader sees of an output: the words and numbers in a picture, an HTML text without the bytes of its pictures."""
    if kind == "image/svg+xml":
        root = ElementTree.fromstring(content)
        return " | ".join(element.text or "" for element in root.iter() if not element.tag.endswith("style"))
    return IMAGE.sub("a picture", content)


@pytest.mark.parametrize(
    ("stored", "shown", "is_same"),
    [
        ("tensor([ 1.3755, -0.6023])", "tensor([ 1.3756, -0.6023])", True),
        ("tensor([ 1.3755, -0.6023])", "tensor([ 1.3765, -0.6023])", False),
        ("tensor([ 1.3755, -0.6023])", "tensor([ 1.3755])", False),
        ("52", "53", False),
        ("row sums: -7.1526e-07, 0", "row sums: 0.0000e+00, −0", True),
        ("loss 1.308319330215454", "loss 1.3083195686340332", True),
        ("loss 1.308319330215454", "loss 1.33", False),
        ("4.1e+11", "4.2e+11", True),
        ("4.1e+11", "4.1e+12", False),
        ("first loss", "last loss", False),
    ],
)
def test_numbers_may_differ_in_their_last_places_only(stored, shown, is_same):
    assert same(stored, shown) is is_same


def test_what_is_stored_is_what_a_run_shows(lesson):
    nbformat.validate(lesson.stored)
    shown = settled(copy.deepcopy(lesson.shown))
    for number, (kept, new) in enumerate(zip(code(lesson.stored), code(shown), strict=True), start=1):
        where = f"{lesson.name}, In [{number}]: python tests/notebooks.py --write {lesson.name[:2]}"
        assert [output.output_type for output in kept.outputs] == [output.output_type for output in new.outputs], where
        for stored, run in zip(kept.outputs, new.outputs, strict=True):
            assert same(stored.get("text", ""), run.get("text", "")), where
            assert stored.get("data", {}).keys() == run.get("data", {}).keys(), where
            for kind, content in stored.get("data", {}).items():
                assert same(as_text(kind, content), as_text(kind, run.data[kind])), f"{where} ({kind})"
    # Nothing in the file changes from one run to the next.
    assert nbformat.writes(settled(copy.deepcopy(lesson.stored))) == nbformat.writes(lesson.stored)


def test_every_picture_is_seen_where_no_script_runs(lesson):
    """As on a site that hosts code: it takes the stored outputs and drops every script."""
    players = 0
    for number, (kept, new) in enumerate(zip(code(lesson.stored), code(lesson.shown), strict=True), start=1):
        where = f"{lesson.name}, In [{number}]"
        players += any(WIDGET in output.get("data", {}) for output in new.outputs)
        if not any(output.get("data", {}).keys() - {"text/plain"} for output in new.outputs):
            continue  # it shows no more than text
        found = [picture for output in kept.outputs for picture in pictures(output)]
        assert found, where
        for picture in found:
            root = ElementTree.fromstring(picture)
            # Type is 13 px, and a picture wider than a window's 914 px is shrunk: this leaves 9 px of it.
            assert 50 < float(root.get("width", 0)) <= 1270, where
            assert [element.text for element in root.iter() if element.tag.endswith("text")], where
            assert not re.search(r"<script|<foreignObject|\son\w+=|(href|src)=\"(?!#)", picture), where
        assert not any("<script" in output.get("data", {}).get("text/html", "") for output in kept.outputs), where
    assert players, "there is a player in every notebook"


# --- exercises ----------------------------------------------------------------------------------------------------------


def test_it_ends_in_exercises_and_gives_no_answer_away(lesson):
    sources = [cell.source for cell in lesson.stored.cells]
    start = next(number for number, source in enumerate(sources) if "## Your turn" in source)
    assert len(lesson.exercises) >= 2
    assert not any(".check." in source for source in sources[:start])
    for notebook in (lesson.stored, lesson.shown):
        *asking, progress = [cell for cell in notebook.cells[start:] if cell.cell_type == "code"]
        assert [cell.source for cell in asking] == lesson.exercises
        assert [[output.get("text") for output in cell.outputs] for cell in asking] == [[UNANSWERED + "\n"]] * len(
            asking
        )
        assert progress.source in ("torch.check.progress()", "gv.check.progress()")
        assert "✓" not in progress.outputs[0].text


def test_every_exercise_takes_a_right_answer_and_no_wrong_one(lesson):
    """As a learner does it: run all cells, then answer one after the other; be wrong, read the hints, and try again."""
    answers = ANSWERS[lesson.name]
    assert len(lesson.exercises) == len(answers)
    for source, (right, wrong) in zip(lesson.exercises, answers, strict=True):
        said = lesson.run(EXERCISE.sub(rf"\g<1>{wrong}", source))
        assert said.startswith("✗ Not"), f"{wrong}: {said}"
        for _ in range(2):  # until all hints are told
            assert "\n  Hint: " in said, source
            assert not re.search(r"derivatives.*\btensor\b", said), f"a hint has no name for a tensor: {said}"
            said = lesson.run(EXERCISE.sub(rf"\g<1>{wrong}", source))
        assert "reveal=True" in said, said
        said = lesson.run(EXERCISE.sub(rf"\g<1>{right}", source))
        assert said.startswith("✓ Right"), f"{right}: {said}"
    said = lesson.run(code(lesson.stored)[-1].source)
    assert said.startswith(f"{len(answers)} of {len(answers)} solved\n"), said
    assert said.count("✓") == len(answers)
