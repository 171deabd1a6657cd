"""What marimo is given: one format of each thing, and the learner's own code."""

from __future__ import annotations

import linecache
import sys
import types

import pytest

import gradviz as gv
from gradviz.recording.cells import Cell, cells_of

NOTEBOOK = """\
import marimo

app = marimo.App()


@app.cell
def _():
    import gradviz as gv
    return (gv,)


@app.cell(hide_code=True)
def _(gv):
    w = gv.tensor(2.0, requires_grad=True)

    é = w * w; y = é * 3
    gv.draw(y)
    return w, y


@app.cell
def _():
    return


@app.function
def helper(x):
    return x


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def notebook():
    """A notebook as ``marimo run`` compiles it: the whole file, of which a cell is a function."""
    linecache.cache["notebook.py"] = len(NOTEBOOK), None, NOTEBOOK.splitlines(keepends=True), "notebook.py"
    yield "notebook.py"
    del linecache.cache["notebook.py"]


def test_the_cells_of_a_notebook(notebook):
    assert cells_of(notebook) == (Cell(8, 8, 4), Cell(14, 17, 4))
    assert cells_of(__file__) == ()


def test_a_player_shows_the_learners_code_without_the_function_around_it(notebook):
    lines = NOTEBOOK.splitlines()
    cell = "\n" * 12 + "\n".join(lines[12:18])
    defined = {}
    exec(compile(cell.replace("gv.draw(y)", "return y"), notebook, "exec"), defined)
    y = defined["_"](gv)
    graph = gv.draw(y).recording.graph
    (code,) = graph.code
    assert code.first_line == 14
    assert code.lines == ("w = gv.tensor(2.0, requires_grad=True)", "", "é = w * w; y = é * 3", "gv.draw(y)")
    marked = [code.lines[o.source.line - 14][o.source.column : o.source.end_column] for o in graph.operations]
    assert marked == ["w * w", "é * 3"]


def test_each_thing_has_one_format():
    w = gv.tensor(2.0, requires_grad=True)
    optimizer = gv.optim.SGD([w], lr=0.1)
    with gv.record() as run:
        for _epoch in range(3):
            optimizer.zero_grad()
            (w**2).backward()
            optimizer.step()
    drawing = gv.draw(w * 3)
    for shown in (drawing, gv.draw(drawing.recording, drawing.recording)):
        kind, text = shown._mime_()
        assert kind == "text/html"
        assert text.startswith("<img")
    kind, text = gv.compare(run, run, labels=["a", "b"])._mime_()
    assert kind == "text/html"
    assert "<table>" in text
    assert gv.backprop(w * 3).static()._mime_()[0] == "text/html"
    assert type(run._display_()).__name__ == "TrainingPlayer"


def test_checks_are_among_a_cells_outputs(monkeypatch, capsys):
    said = []
    output = types.SimpleNamespace(append=said.append)
    marimo = types.SimpleNamespace(
        running_in_notebook=lambda: True, output=output, plain_text=lambda text: ("text", text)
    )
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    w = gv.tensor(2.0, requires_grad=True)
    y = w * 3
    gv.check.gradient(3.0, of=y, to=w)
    assert said[0][0] == "text"
    assert said[0][1].startswith("✓ Right")
    assert capsys.readouterr().out == ""
