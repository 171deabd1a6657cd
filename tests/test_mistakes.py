"""What a beginner does wrong, and what is answered: PyTorch's first line, then what happened, where, and what to do."""

from __future__ import annotations

import textwrap
import warnings

import pytest

import gradviz as gv

# What was done, the kind of the error, how PyTorch's line begins, and what the second paragraph has to name.
MISTAKES = {
    "forgot requires_grad": (
        "w = torch.tensor(2.0)\ny = w * 3\ny.backward()",
        RuntimeError,
        "element 0 of tensors does not require grad and does not have a grad_fn",
        ["`y` has no graph", "requires_grad=True"],
    ),
    "computed the loss under no_grad": (
        "w = torch.ones(2, requires_grad=True)\nwith torch.no_grad():\n    loss = (w * 2).sum()\nloss.backward()",
        RuntimeError,
        "element 0 of tensors does not require grad",
        ["`loss` has no graph", "no_grad()"],
    ),
    "detached the loss": (
        "w = torch.ones(2, requires_grad=True)\nloss = (w * 2).sum().detach()\nloss.backward()",
        RuntimeError,
        "element 0 of tensors does not require grad",
        ["`loss` has no graph", "detach()"],
    ),
    "a second derivative without create_graph": (
        "x = torch.tensor(2.0, requires_grad=True)\n(g,) = torch.autograd.grad(x**3, x)\ng.backward()",
        RuntimeError,
        "element 0 of tensors does not require grad",
        ["`g` has no graph"],
    ),
    "backward twice": (
        "w = torch.tensor(2.0, requires_grad=True)\ny = w * w\ny.backward()\ny.backward()",
        RuntimeError,
        "Trying to backward through the graph a second time",
        ["`y = w * w` (line 2)", "retain_graph=True", "training loop"],
    ),
    "backward from many numbers": (
        "w = torch.ones(3, requires_grad=True)\ny = w * 2\ny.backward()",
        RuntimeError,
        "grad can be implicitly created only for scalar outputs",
        ["`y` has shape [3]", "y.sum().backward()"],
    ),
    "a loss that is not reduced": (
        "x = torch.ones(4, 1, requires_grad=True)\n"
        "loss = F.mse_loss(x, torch.zeros(4, 1), reduction='none')\nloss.backward()",
        RuntimeError,
        "grad can be implicitly created only for scalar outputs",
        ["`loss` has shape [4, 1]", "loss.mean().backward()"],
    ),
    "a gradient of another shape": (
        "w = torch.ones(2, requires_grad=True)\ny = w * 2\ny.backward(torch.ones(3))",
        RuntimeError,
        "Mismatch in shape: grad_output[0] has a shape of torch.Size([3])",
        ["`y` has shape [2]", "torch.ones_like"],
    ),
    "assigning a gradient of another shape": (
        "W = torch.ones(2, requires_grad=True)\nW.grad = torch.ones(3)",
        RuntimeError,
        "attempting to assign a gradient of size '[3]' to a tensor of size '[2]'",
        ["`W` has shape [2]"],
    ),
    "the gradient of what was not used": (
        "w = torch.ones(2, requires_grad=True)\nv = torch.ones(2, requires_grad=True)\ntorch.autograd.grad(w.sum(), v)",
        RuntimeError,
        "The differentiated Tensor at index 0 appears to not have been used in the graph.",
        ["`v` plays no part", "draw("],
    ),
    "integers that require grad": (
        "x = torch.tensor([1, 2], requires_grad=True)",
        RuntimeError,
        "Only Tensors of floating point and complex dtype can require gradients",
        ["[1.0, 2.0]", ".float()"],
    ),
    "integers that are to require grad later": (
        "x = torch.tensor([1, 2])\nx.requires_grad_()",
        RuntimeError,
        "only Tensors of floating point dtype can require gradients",
        ["`x` holds int64 numbers", ".float()"],
    ),
    "the mean of integers": (
        "counts = torch.tensor([1, 2])\ncounts.mean()",
        RuntimeError,
        "mean(): could not infer output dtype.",
        ["`counts` holds int64 numbers", "counts.float().mean()"],
    ),
    "matrices that do not fit": (
        "x = torch.ones(4, 3)\nw = torch.ones(4, 2)\nx @ w",
        RuntimeError,
        "mat1 and mat2 shapes cannot be multiplied (4x3 and 4x2)",
        ["columns (3)", "rows (4)", "x.T @ w gives (3 × 2)"],
    ),
    "matrices that fit in no way": (
        "x = torch.ones(4, 3)\nw = torch.ones(5, 2)\nx @ w",
        RuntimeError,
        "mat1 and mat2 shapes cannot be multiplied (4x3 and 5x2)",
        ["`x` has shape [4, 3], `w` [5, 2]"],
    ),
    "a matrix of integers": (
        "x = torch.tensor([[1, 2]])\nw = torch.ones(2, 1)\nx @ w",
        RuntimeError,
        "expected m1 and m2 to have the same dtype, but got: long int != float",
        ["int64 and float32", "x.to(w.dtype)"],
    ),
    "adding what does not broadcast": (
        "x = torch.ones(3)\nb = torch.ones(4)\nx + b",
        RuntimeError,
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0",
        ["`x` has shape [3], `b` [4]", "equal or one of them is 1"],
    ),
    "updating a leaf in place": (
        "w = torch.ones(3, requires_grad=True)\nw -= 0.1",
        RuntimeError,
        "a leaf Variable that requires grad is being used in an in-place operation.",
        ["`w` is a leaf", "with torch.no_grad():"],
    ),
    "assigning into a leaf": (
        "w = torch.ones(3, requires_grad=True)\nw[0] = 5",
        RuntimeError,
        "a view of a leaf Variable that requires grad is being used in an in-place operation.",
        ["`w` is a leaf", "with torch.no_grad():"],
    ),
    "overwriting what is needed for backward": (
        "w = torch.ones(3, requires_grad=True)\ny = w.exp()\ny += 1\ny.sum().backward()",
        RuntimeError,
        "one of the variables needed for gradient computation has been modified by an inplace operation",
        ["`y = w.exp()` (line 2)", "`y += 1` (line 3)", "y = y + 1"],
    ),
    "many numbers as one": (
        "losses = torch.ones(2)\nfloat(losses)",
        ValueError,
        "only one element tensors can be converted to Python scalars",
        ["`losses` has shape [2]", "losses.mean()"],
    ),
    "item() of many numbers": (
        "losses = torch.ones(2)\nlosses.item()",
        RuntimeError,
        "a Tensor with 2 elements cannot be converted to Scalar",
        ["`losses` has shape [2]", "losses.sum()"],
    ),
    "if many numbers": (
        "x = torch.ones(2)\nif x > 0:\n    pass",
        RuntimeError,
        "Boolean value of Tensor with more than one value is ambiguous",
        ["shape [2]", ".any()", ".all()"],
    ),
    "numpy() of what requires grad": (
        "w = torch.ones(2, requires_grad=True)\nw.numpy()",
        RuntimeError,
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
        ["graph behind `w`", "w.detach().numpy()"],
    ),
    "an optimizer without parameters": (
        "torch.optim.SGD([], lr=0.1)",
        ValueError,
        "optimizer got an empty parameter list",
        ["nn.ModuleList"],
    ),
    "parameters gone through twice": (
        "model = nn.Linear(2, 1)\nparameters = model.parameters()\nprint(*[p.numel() for p in parameters])\n"
        "torch.optim.SGD(parameters, lr=0.1)",
        ValueError,
        "optimizer got an empty parameter list",
        ["gone through once", "model.parameters()"],
    ),
    "an optimizer for a tensor": (
        "w = torch.ones(2, requires_grad=True)\ntorch.optim.SGD(w, lr=0.1)",
        TypeError,
        "params argument given to the optimizer should be an iterable of Tensors or dicts",
        ["[w]"],
    ),
    "an optimizer for a result": (
        "w = torch.ones(2, requires_grad=True)\nv = w * 2\ntorch.optim.SGD([v], lr=0.1)",
        ValueError,
        "can't optimize a non-leaf Tensor",
        ["`v` was computed (by MulBackward0)", "v.detach().requires_grad_()"],
    ),
    "a model for other features": (
        "model = nn.Sequential(nn.Linear(3, 1))\nmodel(torch.ones(4, 2))",
        RuntimeError,
        "mat1 and mat2 shapes cannot be multiplied (4x2 and 3x1)",
        ["module Linear(3, 1)", "in_features=2"],
    ),
    "a list for a layer": (
        "nn.Linear(3, 1)([1.0, 2.0, 3.0])",
        TypeError,
        "linear(): argument 'input' (position 1) must be Tensor, not list",
        ["torch.tensor(...)"],
    ),
    "super().__init__() forgotten": (
        "class Net(nn.Module):\n    def __init__(self):\n        self.layer = nn.Linear(2, 1)\nNet()",
        AttributeError,
        "cannot assign module before Module.__init__() call",
        ["class Net", "super().__init__()", "self.layer"],
    ),
    "forward forgotten": (
        "class Net(nn.Module):\n    pass\nNet()(torch.ones(2))",
        NotImplementedError,
        'Module [Net] is missing the required "forward" function',
        ["def forward(self, x)", "class Net"],
    ),
    "one-hot integers": (
        "target = torch.tensor([[1, 0, 0], [0, 1, 0]])\nF.cross_entropy(torch.ones(2, 3), target)",
        RuntimeError,
        "Expected floating point type for target with class probabilities, got Long",
        ["target.float()", "target.argmax(dim=1)"],
    ),
    "class numbers with a decimal point": (
        "target = torch.tensor([1.0, 0.0])\nF.cross_entropy(torch.ones(2, 3), target)",
        RuntimeError,
        "expected target dtype to be Long or Byte, but got Float",
        ["target.long()", "nn.BCEWithLogitsLoss"],
    ),
    "classes counted from 1": (
        "F.cross_entropy(torch.ones(2, 3), torch.tensor([1, 3]))",
        IndexError,
        "Target 3 is out of bounds.",
        ["3 classes", "from 0 to 2"],
    ),
    "binary cross-entropy of scores": (
        "p = torch.tensor([1.5, -2.0])\nF.binary_cross_entropy(p, torch.tensor([1.0, 0.0]))",
        RuntimeError,
        "all elements of input should be between 0 and 1",
        ["from -2 to 1.5", "nn.BCEWithLogitsLoss"],
    ),
    "binary targets that are integers": (
        "target = torch.tensor([1])\nF.binary_cross_entropy_with_logits(torch.tensor([1.5]), target)",
        RuntimeError,
        "result type Float can't be cast to the desired output type Long",
        ["target.float()"],
    ),
    "scores (N, 1) and targets (N,)": (
        "target = torch.ones(4)\nF.binary_cross_entropy_with_logits(torch.ones(4, 1), target)",
        ValueError,
        "Target size (torch.Size([4])) must be the same as input size (torch.Size([4, 1]))",
        ["has shape [4]", "[4, 1]"],
    ),
}


def run(library, code):
    """Run a cell of a notebook."""
    import linecache

    linecache.cache["<cell>"] = (len(code), None, code.splitlines(True), "<cell>")
    exec(compile(code, "<cell>", "exec"), {"torch": library, "nn": library.nn, "F": library.nn.functional})


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_answer_names_the_thing_and_says_what_to_do(mistake, capsys):
    code, kind, first, named = MISTAKES[mistake]
    with pytest.raises(kind) as caught:
        run(gv, code)
    assert caught.type is kind
    torchs, empty, ours = str(caught.value).partition("\n\n")
    assert torchs.startswith(first)
    assert empty
    for name in named:
        assert name in ours
    assert "\n" not in ours
    assert len(ours) < 500


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_first_line_is_pytorchs(torch, mistake, capsys):
    code, kind, _, _ = MISTAKES[mistake]
    said = []
    for library in (torch, gv):
        with pytest.raises(kind) as caught:
            run(library, code)
        said.append((caught.type, str(caught.value).splitlines()[0]))
    assert said[0] == said[1]


# --- what PyTorch only warns of -------------------------------------------------------------------------------------------

WARNINGS = {
    "predictions (N, 1) and targets (N,)": (
        "x = torch.ones(4, 1)\ny = torch.ones(4)\nF.mse_loss(x, y)",
        "Using a target size (torch.Size([4])) that is different to the input size (torch.Size([4, 1])).",
        ["`x` has shape [4, 1], `y` [4]", "16 differences", "4 examples", "y.reshape(4, 1)"],
    ),
    "the gradient of a result": (
        "w = torch.ones(1, requires_grad=True)\ny = w * 2\ny.sum().backward()\ny.grad",
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed.",
        ["`y` was computed (by MulBackward0)", "y.retain_grad()"],
    ),
}


@pytest.mark.parametrize("mistake", WARNINGS)
def test_a_warning_names_the_thing_and_says_what_to_do(torch, mistake):
    code, first, named = WARNINGS[mistake]
    said = []
    for library in (torch, gv):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run(library, code)
        said += [str(warning.message) for warning in caught if warning.category is UserWarning]
    theirs, mine = said
    words, _, ours = mine.partition("\n\n")
    assert words.startswith(first)
    assert theirs.startswith(words)
    for name in named:
        assert name in ours


# --- what nothing warns of, in PyTorch or here: the numbers say it ---------------------------------------------------------


def test_without_zero_grad_gradients_add_up_and_the_picture_says_so():
    w = gv.tensor(2.0, requires_grad=True)
    (w * 3).backward()
    loss = w * 3
    loss.backward()
    assert w.grad.item() == 6
    assert ">6<" in gv.draw(loss).to_svg()


def test_a_step_before_backward_changes_nothing():
    w = gv.tensor(2.0, requires_grad=True)
    gv.optim.SGD([w], lr=0.1).step()
    assert w.item() == 2


# --- pictures: our own words -----------------------------------------------------------------------------------------------

LEAF = "w = torch.ones(2, requires_grad=True)\n"
PICTURES = {
    "a leaf": (LEAF + "torch.draw(w)", ValueError, ["it is a leaf, nothing was computed yet", "pass that result"]),
    "a result without a graph": (
        "y = torch.ones(2) * 3\ntorch.draw(y)",
        ValueError,
        ["nothing it was computed from has requires_grad=True"],
    ),
    "nothing": ("torch.draw()", TypeError, ["nothing to show", "draw(loss)"]),
    "None": (LEAF + "torch.draw((w * 2).sum().backward())", TypeError, ["but got None", "backward()"]),
    "a number": (LEAF + "torch.draw((w * 2).sum().item())", TypeError, ["float 4.0", ".item()"]),
    "a list": (LEAF + "torch.draw([w * 2])", TypeError, ["a list", "one by one"]),
    "a model": ("torch.draw(nn.Linear(2, 1))", TypeError, ["the module Linear", "draw(model(x))"]),
    "an array": (LEAF + "torch.draw((w * 2).detach().numpy())", TypeError, ["numpy.ndarray", "leaves the graph"]),
    "an unknown option": (LEAF + "torch.draw(w * 2, colour='red')", TypeError, ["'colour'", "theme"]),
    "an unknown theme": (LEAF + "torch.draw(w * 2, theme='blue')", ValueError, ["theme is 'blue'", "'dark'"]),
    "a tensor that is not in the picture": (LEAF + "torch.draw(w * 2, focus='v')", ValueError, ["'v'"]),
    "a step too far": (LEAF + "torch.draw(w * 2, step=99)", IndexError, ["step 99", "steps"]),
    "an ending": (LEAF + "torch.draw(w * 2).save('x.jpg')", ValueError, ["'x.jpg'", ".svg, .pdf, .png"]),
    "a folder": (LEAF + "torch.draw(w * 2).save('no/x.svg')", FileNotFoundError, ["there is no folder 'no'"]),
    "playing many numbers": (LEAF + "torch.backprop(w * 2)", RuntimeError, [".sum()", "gradient="]),
    "a recording that is not there": ("torch.load('none.json')", FileNotFoundError, ["none.json"]),
    "a name of no module": (
        "torch.fft",
        AttributeError,
        ["gradviz has no fft: Fourier transforms", "write `import torch`"],
    ),
    "a misspelt name": ("torch.tensr([1.0])", AttributeError, ["tensr", "Did you mean", "tensor"]),
    "a function that is not there": ("F.foo", AttributeError, ["gradviz has no nn.functional.foo", "dir("]),
    "a misspelt layer": ("nn.Liner(2, 1)", AttributeError, ["nn.Liner", "Did you mean Linear"]),
    "a misspelt method": (LEAF + "w.requires_gard", AttributeError, ["requires_gard", "Did you mean requires_grad"]),
    "a method that is not there": (LEAF + "w.foo", AttributeError, ["has no attribute 'foo'", "dir(tensor)"]),
    "a misspelt method of a model": ("nn.Linear(2, 1).zero_gard()", AttributeError, ["Did you mean zero_grad"]),
    "super().__init__() forgotten, seen when it runs": (
        "class Net(nn.Module):\n    def __init__(self):\n        self.n = 3\n\n    def forward(self, x):\n        return x\n"
        "Net()(torch.ones(2))",
        AttributeError,
        ["class Net", "super().__init__()"],
    ),
}


@pytest.mark.parametrize("mistake", PICTURES)
def test_our_own_answers(mistake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, kind, named = PICTURES[mistake]
    with pytest.raises(kind) as caught:
        run(gv, code)
    for name in named:
        assert name in str(caught.value)
    assert len(str(caught.value)) < 500
    assert not list(tmp_path.iterdir())


def test_pytorchs_own_tensors_are_drawn_alone(torch):
    theirs, ours = (lib.ones(2, requires_grad=True) * 2 for lib in (torch, gv))
    assert [tensor.name for tensor in gv.draw(theirs).recording.graph.tensors][-1] == "theirs"
    with pytest.raises(TypeError, match="PyTorch's"):
        gv.draw(theirs, ours)


@pytest.mark.slow
def test_a_notebook_shows_both_paragraphs(tmp_path):
    """In a real kernel: the message stands at the end of the traceback, whole."""
    import nbclient
    import nbformat

    code = textwrap.dedent("""\
        import gradviz as torch
        x, w = torch.ones(4, 3), torch.ones(4, 2)
        x @ w
    """)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", allow_errors=True).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "error"
    assert output.evalue.startswith("mat1 and mat2 shapes cannot be multiplied (4x3 and 4x2)\n\nIn a matrix product")
    assert "x.T @ w gives (3 × 2)" in output.traceback[-1]
