"""The command line, as a user types it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

import gradviz
from gradviz.cli import main, open_page
from gradviz.script import TARGET


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaint(capsys, *arguments):
    """Run a command that must fail; return what it says."""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse's own errors
        status = stop.code
    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    return said.err


def test_an_expression_with_no_python_file_at_all(here, capsys):
    assert main(["draw", "w*x + b", "w=2", "x=5", "b=3", "-o", "y.svg"]) == 0
    assert capsys.readouterr().out == "wrote y.svg\n"
    svg = (here / "y.svg").read_text()
    assert svg.startswith(("<svg", "<?xml"))
    for text in (">13<", ">10<", ">5<", ">2<"):
        assert text in svg
    assert files_in(here) == ["y.svg"]


@pytest.mark.parametrize("suffix", ["svg", "dot", "json", "html"])
def test_every_format(here, suffix):
    assert main(["draw", "relu(x @ w).sum()", "x=[[1, 2]]", "w=randn(2, 3)", "-o", f"g.{suffix}"]) == 0
    assert (here / f"g.{suffix}").stat().st_size > 200


def test_values_may_be_constants_and_gradients_are_there(here):
    assert main(["draw", "w*x", "w=2", "x=5", "--constant", "x", "-o", "g.json"]) == 0
    recording = json.loads((here / "g.json").read_text())
    roles = {t["name"]: t["role"] for t in recording["graph"]["tensors"]}
    assert (roles["w"], roles["x"]) == ("parameter", "input")
    assert any(frame["phase"] == "backward" for frame in recording["frames"])


def test_play_writes_a_page(here):
    assert main(["play", "w*x + b", "w=2", "x=5", "b=3", "-o", "y.html", "--no-open"]) == 0
    assert "<script" in (here / "y.html").read_text()


def test_a_script_names_the_tensor(here, capsys):
    (here / "fit.py").write_text(
        "import gradviz as torch\nw = torch.tensor(2.0, requires_grad=True)\nloss = (w * 3 - 1) ** 2\n"
    )
    assert main(["draw", "fit.py:loss", "-o", "loss.json"]) == 0
    recording = json.loads((here / "loss.json").read_text())
    assert recording["title"].startswith("loss = ")
    operation = recording["graph"]["operations"][0]
    assert (operation["source"]["file"], operation["source"]["line"]) == ("fit.py", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw", "w*x", "w=2"], "unknown name 'x': give it a value, as in x=2 (known are w)"),
        (["draw", "w*x", "w=2", "x=two"], "cannot read x=two: 'two' is no number"),
        (["draw", "w*x", "w=2", "x=[1, [2]]"], "cannot read x=[1, [2]]"),
        (["draw", "w*x", "w=2", "x"], "'x' is not a value; give values as name=value"),
        (["draw", "w*x", "w=2", "2x=3"], "'2x' is not a name"),
        (["draw", "w*", "w=2"], "cannot read the expression 'w*'"),
        (
            ["draw", "3*4"],
            "is not a gradviz tensor but int; numbers alone have no gradients: write a name and give it a",
        ),
        (["draw", "w*x", "w=2", "x=1", "q=5"], "there is no q in 'w*x' (its variables are w, x)"),
        (["draw", "3*4", "q=5"], "there is no q in '3*4' (it has no variables)"),
        (["draw"], "the following arguments are required: EXPR|SCRIPT.py:NAME\n"),
        (["draw", "w", "w=2"], "it is a leaf, nothing was computed yet"),
        (["draw", "w + v", "w=[1,2]", "v=[1,2,3]"], "The size of tensor a (2) must match the size of tensor b (3)"),
        (["draw", "w.__class__", "w=2"], "may not use the private name '__class__'"),
        (["draw", "(lambda: w)()", "w=2"], "but no lambda"),
        (["draw", "__import__('os')", "w=2"], "there is no function __import__"),
        (["draw", "nothing.py:loss"], "no such file: nothing.py"),
        (["draw", "here.py"], "Name it after a colon: here.py:loss"),
        (["draw", "here.py:loss"], "here.py has no variable 'loss' (tensors with a graph are y)"),
        (["draw", "here.py:n"], "here.py:n is not a gradviz tensor but int; tensors with a graph are y"),
        (["draw", "here.py:y", "--constant", "w"], "--constant w goes with an expression; a script has its own"),
        (["draw", "here.py:y.z"], "'y.z' is not the name of a variable"),
        (
            ["draw", "stops.py:y"],
            "stops.py has no variable 'y' (it has no tensor with a graph; it ended with sys.exit(3))",
        ),
        (["draw", "bad.py:y"], "bad.py failed in line 2: ZeroDivisionError: division by zero"),
        (["draw", "syntax.py:y"], "syntax.py failed in line 1: SyntaxError: '(' was never closed"),
        (["draw", "latin.py:y"], "latin.py failed in line 1: SyntaxError: (unicode error) 'utf-8' codec can't decode"),
        (["draw", "escape.py:y"], r"escape.py failed in line 1: ValueError: \x1b[31mred\x07"),
        (["draw", "mute.py:y"], "mute.py failed in line 5: Mute: (its own text cannot be made)"),
        (["draw", "\x1b[2Jno.py:y"], r"no such file: \x1b[2Jno.py"),
        (["draw", "w*w", "w=2", "--\x1b[2J"], r"unrecognized arguments: --\x1b[2J"),
        (["draw", "here.py:y", "-o", "a" * 300 + ".svg"], "cannot write aaaaa"),
        (["draw", "a" * 300 + ".py:y"], "cannot read aaaaa"),
        (["run", "a" * 300 + ".py"], "cannot read aaaaa"),
        (["run", "no.py"], "no such file: no.py"),
        (["run", "folder.svg"], "cannot read folder.svg: "),
        (["run"], "the following arguments are required: SCRIPT.py"),
        (["demo", "a" * 300], "cannot write to aaaaa"),
        (
            ["draw", "w*w", "w=2", "-o", "g.bmp"],
            "cannot write g.bmp: the name must end in .svg or .pdf or .png or .dot or .json or .html",
        ),
        (["play", "w*w", "w=2", "-o", "g.svg"], "cannot write g.svg: the name must end in .html"),
        (["draw", "w*w", "w=2", "-o", "no/g.svg"], "cannot write no/g.svg: there is no folder no"),
        (["draw", "w*w", "w=2", "-o", "folder.svg"], "cannot write folder.svg: it is a folder"),
        (["draw", "w*x", "w=2", "x=1", "w=3"], "w is given more than once: w=2 and w=3"),
        (["draw", "-w", "w=2"], "an expression that begins with a minus sign goes into parentheses: '(-w)'"),
        (["draw", "w*w", "w=2", "--constant", "v"], "--constant v: there is no value of that name"),
        (["demo", "here.py"], "cannot write to here.py: it is a file, not a folder"),
        (["lab", "here.py"], "cannot write to here.py: it is a file, not a folder"),
        (["lab", "here.py/x"], "cannot write to here.py/x: Not a directory"),
        (["lab", "--allow-root"], "unrecognized arguments: --allow-root (for JupyterLab: --jupyter=--allow-root)"),
        (["demo", "--allow-root"], "unrecognized arguments: --allow-root\n"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["drwa", "w*x"], "; did you mean draw?"),
        (["draw", "w*w", "w=2", "--theme", "drak"], "; did you mean dark?"),
    ],
)
def test_what_goes_wrong_is_one_line_and_leaves_nothing_behind(here, capsys, arguments, message):
    (here / "here.py").write_text("import gradviz as torch\nn = 3\ny = torch.ones(1, requires_grad=True) * n\n")
    (here / "bad.py").write_text("x = 1\ny = x / 0\n")
    (here / "syntax.py").write_text("y = (\n")
    (here / "stops.py").write_text("import sys\nsys.exit(3)\ny = 1\n")
    (here / "latin.py").write_bytes(b"y = '\xe9'\n")
    (here / "escape.py").write_text("raise ValueError('\\x1b[31mred\\x07')\n")
    (here / "mute.py").write_text(
        "class Mute(BaseException):\n    def __str__(self):\n        return 1 / 0\n\nraise Mute\n"
    )
    (here / "folder.svg").mkdir()
    before = files_in(here)
    said = complaint(capsys, *arguments)
    assert message in said
    lines = [line for line in said.splitlines() if not line.startswith(("usage:", " "))]
    assert len(lines) == 1
    assert files_in(here) == before


def test_the_advice_of_an_error_is_shown(here, capsys):
    (here / "train.py").write_text("import gradviz as torch\ny = torch.ones(2, requires_grad=True) * 2\ny.backward()\n")
    for arguments, words, advice in (
        (["train.py:y"], "train.py failed in line 3: RuntimeError: grad can be", "  `y` has shape [2]: 2 numbers"),
        (["x @ w", "x=[[1, 2]]", "w=[[1, 2]]"], "mat1 and mat2 shapes", "  In a matrix product each row of"),
    ):
        first, second = complaint(capsys, "draw", *arguments).splitlines()
        assert words in first
        assert second.startswith(advice)


# --- likely mistakes in an expression --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sigmod(w)", "w=2"], "there is no function sigmod; did you mean sigmoid?"),
        (["Relu(w)", "w=2"], "there is no function Relu; did you mean relu?"),
        (["ReLU()(w)", "w=2"], "there is no function ReLU; did you mean relu?"),
        (["w*2", "w=rnadn(3)"], "there is no function rnadn; did you mean randn?"),
        (["w*2", "w=abc"], "cannot read w=abc: 'abc' is no number; give a number, or lists of numbers, as in w='[1, 2]'"),
        (["w*2", "w=zeors"], "did you mean zeros?"),
        (["w*v", "w=2"], "unknown name 'v': give it a value, as in v=2 (known are w)"),
        (["nn.ReLU()(w)", "w=2"], "it has no nn; functions are written bare, as in relu(w)"),
        (["np.exp(w)", "w=2"], "it has no np; functions are written bare, as in relu(w)"),
        (["torch.linalg.norm(w)", "w=2"], "it has no linalg; functions are written bare"),
        (["w.exp", "w=2"], "exp is a function, and is called with parentheses: exp()"),
        (["relu(w).sum", "w=2"], "sum is a function, and is called with parentheses: sum()"),
        (["w*relu", "w=2"], "relu is a function, and is called with parentheses: relu()"),
        (["w*2", "w=randn"], "randn is a function, and is called with parentheses: randn()"),
        (["max(w, 0)", "w=2"], "max() has several results: take one, as in max(...).values; the larger of w and 0 is relu(w)"),
        (["2*min(w, 0)", "w=[1, 2]"], "min() has several results: take one, as in min(...).values; the smaller of w and 0"),
        (["svd(w)", "w=[[1, 2]]"], "svd() has several results: take one, as in svd(...).U"),
        (["split(w, 1)", "w=[1, 2]"], "it is several tensors: take one, as in (...)[0]"),
        (["[w, w]", "w=2"], "join them with stack([...])"),
        (["w*x", "w=2", "x=3", "--constant", "w", "--constant", "x"], "every value is a --constant"),
        (["w*x > 1", "w=2", "x=3", "--constant", "x"], "no gradient comes back from it to w: a comparison, an argmax or"),
    ],
)  # fmt: skip
def test_a_likely_mistake_has_its_own_sentence(here, capsys, arguments, message):
    assert message in complaint(capsys, "draw", *arguments, "-o", "y.dot")


@pytest.mark.parametrize(
    "arguments",
    [
        ["torch.relu(w) + F.relu(w) + nn.functional.relu(w) + torch.nn.functional.relu(w)", "w=2"],
        ["torch.relu(gv.exp(torch.tanh(w)))", "w=2"],
        ["w*pi + e + torch.pi", "w=2"],
        ["e*F", "e=2", "F=3"],
        ["w*x", "w=nan", "x=-inf"],
        ["w*2", "w=[pi, inf]"],
        ["max(w, 0).values", "w=[1, 2]"],
    ],
)
def test_what_is_written_as_in_a_script_is_understood(here, arguments):
    assert main(["draw", *arguments, "-o", "y.dot"]) == 0


# --- expressions within bounds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        *(
            (expression, "a whole number in it would have more than 3,000 digits")
            for expression in (
                "w*9**9**9",
                "9**9**9*w",
                "w**9**9**9",
                "w*2**2**2**2**2**2",
                "w*(1 << 10**10)",
                "w*-9**9**9",
            )
        ),
        *(
            (expression, "a tensor in it would have more than 10,000,000 entries")
            for expression in (
                "w*ones(10**12)",
                "w*ones(10**6, 10**6)",
                "w*zeros((10**5, 10**5))",
                "w*randn(10**400)",
                "w*full((10**9,), 1)",
                "w*eye(10**6)",
                "w*arange(10**12)",
                "w*arange(0, 1, 1e-12)",
                "w*linspace(0, 1, steps=10**10)",
                "w*randint(0, 9, (10**9,))",
                "w.expand(10**12).sum()",
                "w.repeat(10**5, 10**5).sum()",
                "w*w.new_zeros(10**10)",
                "(ones(10**5, 1)*w + ones(1, 10**5)).sum()",
                "(ones(10**5, 1)*w @ ones(1, 10**5)).sum()",
                "w*(ones(10**5, 1) < ones(1, 10**5)).sum()",
                "maximum(ones(10**5, 1)*w, ones(1, 10**5)).sum()",
                "matmul(ones(10**5, 1)*w, ones(1, 10**5)).sum()",
                "outer(ones(10**5)*w, ones(10**5)).sum()",
            )
        ),
        *(
            (expression, f"{expression.partition('(')[0].rpartition('*')[2]}() may need more than 10,000,000 entries")
            for expression in (
                "w*one_hot(tensor([1]), 10**10)",
                "conv1d(ones(1, 1, 3)*w, ones(1, 1, 3)*w, padding=10**9)",
                "interpolate(ones(1, 1, 3)*w, scale_factor=10**8)",
                "tril_indices(30000, 30000).sum()*w",
                "pad(ones(3)*w, (10**9, 0))",
                "vander(ones(3)*w, N=10**8)",
                "diag(ones(20000)*w)",
            )
        ),
        *(
            (expression, "than 10,000,000 entries")
            for expression in (
                "cdist(ones(20000, 1)*w, ones(20000, 1))",
                "combinations(ones(100)*w, 4)",
                "(ones(10**5)*w)[zeros(10**5, 1).long() + arange(10**5)]",
                "einsum('a,b->ab', ones(10**5)*w, ones(10**5))",
            )
        ),
        ("'{:1000000000d}'.format(5)", "it calls gradviz's functions and the methods of tensors only"),
        ("ones(10**5, 1) < ones(1, 10**5) < w", "tensors are compared two at a time, as in (0 < w) & (w < 1)"),
        *(
            (expression, "a number in it is too large; the largest in a tensor is 3.4e38")
            for expression in ("w*1e400", "w*10**400", "w*9.0**9**9", "(-1e400)*w")
        ),
        *(
            (expression, "its operators take numbers and tensors only")
            for expression in ("w*[1]*10**9", "w*'a'*10**9", "'%1000000000d' % 5 * w")
        ),
        *((expression, "a power is written `**` in Python") for expression in ("w^2", "w*(2^3)", "w^w", "w^-1")),
        ("2w", "a product is written with `*`, as in 2*w"),
        ("w.detach().numpy().tofile('x')", "may not leave them for NumPy's arrays"),
        ("(" * 300 + "w" + ")" * 300, "too many nested parentheses"),
        ("w*" + "1*" * 2000 + "w", "put it into a script instead"),
    ],
)
def test_what_nobody_means_is_refused_before_it_is_computed(here, capsys, expression, message):
    assert message in complaint(capsys, "draw", expression, "w=2", "-o", "y.dot")
    assert files_in(here) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1e400", "cannot compute '1e400': a number in it is too large"),
        ("1e39", "w=1e39: a number in it is too large"),
        ("10**400", "cannot read w=10**400"),
        ("9**9**9", "cannot compute 'w=9**9**9': a whole number in it"),
        ("[1]*10**9", "cannot compute 'w=[1]*10**9': its operators take"),
        ("ones(10**12)", "cannot compute 'w=ones(10**12)': a tensor in it"),
        ("2^3", "a power is written `**`"),
        ("'abc'", "cannot read w='abc'"),
        ("1j", "cannot read w=1j"),
        ("", "cannot read the value of w ''"),
    ],
)
def test_values_have_bounds_too(here, capsys, value, message):
    assert message in complaint(capsys, "draw", "w*2", f"w={value}", "-o", "y.dot")


@pytest.mark.parametrize(
    "expression",
    ["w*10**30", "w*linspace(0, 10**9, 5).sum()", "w*randint(0, 10**9, (3,)).sum()", "w*eye(3).sum()", "w/0", "w*(3 ^ w.dim())",
     "w*arange(10**9, 10**9 + 3).sum()", "w" + "+w" * 300, "w*sum(ones(3, 4), dim=(0, 1))", "w.repeat(2, 3).sum()",
     "mm(ones(1, 10**5)*w, ones(10**5, 1)).sum()", "w*(w < 3)", "w*(w == 2)"],
)  # fmt: skip
def test_what_is_meant_is_computed(here, expression):
    assert main(["draw", expression, "w=2", "-o", "y.dot", "--detail", "structure"]) == 0


# --- scripts --------------------------------------------------------------------------------------------------------------

PROGRAM = """\
import argparse
import os
import sys

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

import beside


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("-o")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    print(given.epochs, given.o, given.names, __name__, os.path.basename(__file__), os.path.basename(sys.path[0]))
    w = torch.tensor(2.0, requires_grad=True)
    for epoch in range(given.epochs):
        loss = (w * beside.k - 1) ** 2
    os.chdir("..")
    print(hasattr(torch, "__gradviz__"), loss.item(), nn.ReLU())
    return 0


if __name__ == "__main__":
    sys.exit(main())
"""

WHO = f"gradviz {gradviz.__version__} computes: import torch means gradviz (PyTorch itself: --torch=real)\n"


@pytest.fixture
def program(here, monkeypatch):
    folder = here / "work"
    folder.mkdir()
    (folder / "train.py").write_text(PROGRAM)
    (folder / "beside.py").write_text("k = 3\n")
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    return folder


def state_of_the_process():
    torch_modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "torch"}
    return sys.argv, sys.path, sys.modules["__main__"], sys.meta_path[:], os.getcwd(), sys.getprofile(), torch_modules


@pytest.mark.parametrize(
    ("command", "arguments", "printed"),
    [
        (["run"], ["--epochs", "2", "-o", "x", "a", "--", "b"], "2 x ['a', 'b']"),
        (["run", "--torch=gradviz"], ["--epochs=3"], "3 None []"),
        (["run", "--torch", "gradviz"], [], "1 None []"),
        ([], ["a"], "1 None ['a']"),
        (["--torch=gradviz"], ["a"], "1 None ['a']"),
    ],
)
def test_a_program_is_run_as_python_runs_it(program, capsys, command, arguments, printed):
    before = state_of_the_process()
    with pytest.raises(SystemExit) as stop:
        main([*command, "work/train.py", *arguments])
    assert stop.value.code == 0
    said = capsys.readouterr()
    assert said.err == WHO
    assert said.out == f"{printed} __main__ train.py work\nTrue 25.0 ReLU()\n"
    assert state_of_the_process() == before


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["-o", "loss.json", "--epochs", "2", "a"], "2 None ['a']"),
        (["--epochs=2", "--output=loss.json", "a"], "2 None ['a']"),
        (["-o", "loss.json", "--", "-o", "mine", "c"], "1 mine ['c']"),
    ],
)
def test_a_tensor_inside_a_function_of_a_program_is_drawn(program, here, capsys, arguments, printed):
    before = state_of_the_process()
    assert main(["draw", "work/train.py:loss", *arguments]) == 0
    said = capsys.readouterr()
    assert said.err == WHO
    assert said.out == f"{printed} __main__ train.py work\nTrue 25.0 ReLU()\nwrote loss.json\n"
    recording = json.loads((here / "loss.json").read_text())
    assert {"w", "loss"} <= {tensor["name"] for tensor in recording["graph"]["tensors"]}
    assert [code["file"] for code in recording["graph"]["code"]] == [
        "train.py"
    ]  # found although the program went elsewhere
    assert state_of_the_process() == before


def test_what_a_program_raises_is_shown_as_python_shows_it(program, capsys):
    (program / "bad.py").write_text("def f():\n    raise ValueError('\\x1b[31mred\\n\\nmore')\n\n\nf()\n")
    assert main(["run", "work/bad.py"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(WHO + "Traceback (most recent call last):\n  File ")
    assert said.count("  File ") == 2
    assert said.endswith("ValueError: \\x1b[31mred\n\nmore\n")


def test_a_program_may_come_from_the_standard_input(here, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(b"import sys, torch\nprint(sys.argv, torch.__name__)\n"))
    )
    assert main(["run", "-", "a"]) == 0
    assert capsys.readouterr().out == "['-', 'a'] gradviz\n"


def test_a_program_has_a_main_module_of_its_own(here, capsys):
    """Pickles, dataclasses and `inspect` look there; another encoding is read as it is declared."""
    (here / "own.py").write_bytes(
        b"# -*- coding: latin-1 -*-\nimport inspect, pickle\nfrom dataclasses import dataclass\n\n\n@dataclass\nclass A:\n"
        b"    x: 'int'\n\n\nprint(pickle.loads(pickle.dumps(A(1))), ascii('\xe9'), inspect.getsource(A).count('x'))\n"
    )
    assert main(["run", "own.py"]) == 0
    assert capsys.readouterr().out == "A(x=1) '\\xe9' 1\n"


def test_pytorch_itself_computes_where_it_is_asked_to(torch, program, capsys):
    with pytest.raises(SystemExit):
        main(["run", "--torch=real", "work/train.py"])
    said = capsys.readouterr()
    assert said.err == f"PyTorch {torch.__version__} computes (--torch=real)\n"
    assert said.out.endswith("False 25.0 ReLU()\n")
    assert main(["draw", "work/train.py:loss", "--torch=real"]) == 2
    assert "is not a gradviz tensor but PyTorch's own Tensor; leave out --torch=real" in capsys.readouterr().err


def test_pytorch_itself_has_to_be_installed(program, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert '--torch=real: PyTorch is not installed here. Install it with: pip install "torch' in complaint(
        capsys, "run", "--torch=real", "work/train.py"
    )


@pytest.mark.parametrize(
    ("target", "file", "name"),
    [
        ("train.py:loss", "train.py", "loss"),
        (r"C:\course\train.py:loss", r"C:\course\train.py", "loss"),
        (r"C:\course\train.py", r"C:\course\train.py", None),
        ("C:/a.py:b/train.py:loss", "C:/a.py:b/train.py", "loss"),
        ("train.pyw:loss", "train.pyw", "loss"),
    ],
)
def test_a_script_and_its_tensor_are_told_apart_on_windows_too(target, file, name):
    match = TARGET.fullmatch(target)
    assert (match["file"], match["name"]) == (file, name)


def test_an_expression_is_not_a_script():
    for expression in ("w*x", "x[1:2]", "x.pow(2)"):
        assert TARGET.fullmatch(expression) is None


def test_a_failing_write_leaves_the_old_file(here, monkeypatch, capsys):
    (here / "y.svg").write_text("old")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert "No space left on device" in complaint(capsys, "draw", "w*w", "w=2", "-o", "y.svg")
    assert (here / "y.svg").read_text() == "old"
    assert files_in(here) == ["y.svg"]


def test_demo_writes_a_gallery(here, capsys):
    assert main(["demo", "out", "--no-open"]) == 0
    said = capsys.readouterr().out
    names = files_in(here / "out")
    assert len(names) == 7 * 3 + 1
    assert "index.html" in names
    for name in names:
        assert name in said
    index = (here / "out" / "index.html").read_text()
    for name in names:
        if name != "index.html":
            assert f'"{name}"' in index


def test_a_browser_is_opened_only_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not open_page(tmp_path / "index.html")
    monkeypatch.setenv("DISPLAY", ":0")
    assert open_page(tmp_path / "index.html")
    assert opened == [(tmp_path / "index.html").as_uri()]


def test_the_command_is_installed_and_has_help():
    done = subprocess.run([sys.executable, "-m", "gradviz.cli", "--help"], capture_output=True, text=True, check=True)
    for command in ("demo", "draw", "play", "run"):
        assert command in done.stdout


def test_python_runs_the_package(program):
    (program / "many.py").write_text("import torch\nfor i in range(5000):\n    print(i)\nprint(input())\n")
    command = [sys.executable, "-m", "gradviz", "work/many.py"]
    done = subprocess.run(command, input="hello\n", capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [*map(str, range(5000)), "hello"]
    assert done.stderr == WHO


def test_a_program_has_gradviz_until_its_threads_have_ended(here, capsys):
    (here / "late.py").write_text(
        "import threading, time\n\ndef late():\n    time.sleep(0.3)\n    import torch\n"
        "    print(hasattr(torch, '__gradviz__'))\n\nthreading.Thread(target=late).start()\n"
    )
    assert main(["run", "late.py"]) == 0
    assert capsys.readouterr().out == "True\n"


def test_an_error_of_any_kind_shows_the_programs_lines_only(here, capsys):
    (here / "stop.py").write_text("class Stop(BaseException):\n    pass\n\nraise Stop('enough')\n")
    assert main(["run", "stop.py"]) == 1
    said = capsys.readouterr().err
    assert said.count("  File ") == 1
    assert "Stop: enough" in said
