"""The programs of `test_why`, written for real PyTorch: watched, the answers are the engine's, with their lines."""

from __future__ import annotations

import pytest
from test_why import PROGRAMS, WELL, _alone, _frozen, run  # noqa: F401  # fixtures of theirs that ours need as well

import gradviz as gv

DIFFERENT: dict[str, str] = {}
"""Programs whose cause PyTorch does not let one know, with what is answered instead."""


def ask(torch, code, tmp_path):
    """Run a program with PyTorch, watched."""
    code = code.replace("torch.why(", "gv.why(").replace('assert "gone by now" in str(answer)', "")
    lines = [line[8:] for line in code.strip("\n").splitlines()]
    path = tmp_path / "program.py"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    space = {"torch": torch, "nn": torch.nn, "gv": gv, "__name__": "__main__"}
    with gv.watch():
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    return space["answer"]


@pytest.mark.sample(None)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_answer_is_the_engines(torch, name, tmp_path):
    space, line = run(PROGRAMS[name], tmp_path)
    answer, mine = ask(torch, PROGRAMS[name], tmp_path), space["answer"]
    assert answer.cause == DIFFERENT.get(name, space.get("cause", name)), str(answer)
    if line is not None and name not in DIFFERENT:
        assert answer.line is not None, str(answer)
        assert (answer.line.file, answer.line.number) == ("program.py", line), str(answer)
    assert answer.findings[0].sentence
    assert mine is not answer


@pytest.mark.parametrize("name", ["detach", "item, made a tensor again", "no_grad, in the forward of a module"])
def test_the_picture_of_a_cut_begins_at_what_was_asked_about(torch, name, tmp_path):
    picture = ask(torch, PROGRAMS[name], tmp_path).picture
    cut = next(operation for operation in picture.shown.graph.operations if operation.symbol == "✂")
    before = picture.shown.graph.tensor(cut.inputs[0].tensor)
    assert before.name in ("w", "net.first.weight", "model.0.weight")
    values = dict(value for frame in picture.shown.frames for value in frame.values)
    assert values[before.id].data  # and shows its numbers: nothing is drawn as empty


@pytest.mark.sample(None)
@pytest.mark.parametrize("name", WELL)
def test_where_nothing_is_wrong_it_says_so(torch, name, tmp_path):
    answer = ask(torch, WELL[name], tmp_path)
    assert answer.cause == "well", str(answer)
