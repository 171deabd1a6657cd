"""`import torch` means gradviz: the lines as they are written, and what cannot be had that way."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys

import pytest

import gradviz
from gradviz import absent, standin

LINES = """\
import gradviz.as_torch
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
import torch.backends.cudnn as cudnn
import torch.utils.data.dataloader
from torch import Tensor, nn as again
from torch.autograd import Variable
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import StepLR, _LRScheduler
from torch.utils.data import DataLoader, Dataset
import gradviz, sys
from gradviz import as_torch

assert torch is gradviz and torch.__gradviz__ == gradviz.__version__ and Tensor is gradviz.Tensor
assert nn is again is gradviz.nn and F is gradviz.nn.functional and optim is gradviz.optim
assert DataLoader is gradviz.utils.data.DataLoader is torch.utils.data.dataloader.DataLoader
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] == "torch":
        assert module.__name__.partition(".")[0] == "gradviz" and module.__spec__.name == module.__name__, name
        assert sys.modules[module.__name__] is module, name
layer = nn.Linear(2, 1)
optim.SGD(layer.parameters(), lr=0.1)
F.mse_loss(layer(torch.ones(3, 2)), torch.zeros(3, 1)).backward()
print(layer.weight.grad is not None, isinstance(layer.weight, Variable))
"""


def test_pytorchs_lines_mean_gradviz():
    done = subprocess.run([sys.executable, "-c", LINES], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True True\n", "")


@pytest.fixture
def stands_in():
    with standin.standing_in():
        yield


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import torch.fft", "gradviz has no fft: Fourier transforms need complex numbers"),
        ("from torch import fft", "gradviz has no fft: Fourier transforms need complex numbers"),
        ("import torch.distributed.optim as x", "gradviz has no distributed: "),
        ("from torch.utils.tensorboard import SummaryWriter", "gradviz has no utils.tensorboard: "),
        ("from torch import tensr", "gradviz has no tensr. Did you mean tensor"),
        ("from torch.nn import Liner", "gradviz has no nn.Liner. Did you mean Linear"),
        ("import torch.nonsense", "gradviz has no nonsense. What there is: dir(gradviz)"),
        (
            "import torchvision",
            "torchvision is built on PyTorch itself, and gradviz computes in its place here. For a small",
        ),
        ("from torchvision import datasets, transforms", "torchvision is built on PyTorch itself"),
        (
            "import lightning as L",
            "Write its loop out: zero_grad(), backward(), step(). With PyTorch: gradviz run --torch=real",
        ),
        ("import pytorch_lightning", "pytorch_lightning is built on PyTorch itself"),
        ("from transformers import pipeline", "transformers is built on PyTorch itself"),
        ("import torchaudio", "torchaudio is built on PyTorch itself"),
    ],
)
def test_what_cannot_be_imported_says_why(stands_in, line, words):
    with pytest.raises(absent.AbsentError) as caught:
        exec(line)
    assert words in str(caught.value)
    with pytest.raises(ImportError):  # as programs that can do without it catch it
        exec(line)


@pytest.mark.parametrize("name", ["torch.fft", "torchvision", "torch"])
def test_a_refused_import_shows_the_line_that_asks_and_nothing_of_gradviz(name):
    """And says what fits: in a program that says `import gradviz.as_torch` itself."""
    first = "import gradviz.as_torch" if name != "torch" else "import sys, gradviz; sys.path = []"
    done = subprocess.run([sys.executable, "-c", f"{first}\nimport {name}"], capture_output=True, text=True)
    assert 'File "<string>", line 2' in done.stderr
    assert done.stderr.count("  File ") == 1
    assert "--torch=real" not in done.stderr
    if name != "torch":
        assert "leave out `import gradviz.as_torch`" in done.stderr


def test_in_a_notebook_the_kernel_is_restarted():
    lines = "import sys\nsys.modules['ipykernel'] = sys\nimport gradviz.as_torch\nimport torch\ntorch.fft"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert "leave out `import gradviz.as_torch`, and restart the kernel" in done.stderr


def test_a_question_is_answered_and_does_not_raise(stands_in):
    assert importlib.util.find_spec("torch") is not None
    assert importlib.util.find_spec("torch.nn.functional") is not None
    assert importlib.util.find_spec("torch.fft") is None
    assert not hasattr(importlib.import_module("torch"), "fft")
    importlib.util.find_spec("torchvision")  # whatever the answer is


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make an installed package, or a file of the user's, that imports torch."""

    def make(name, requires=None, folder="site-packages"):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / f"{name}.py").write_text("import torch\nwhich = torch.__name__\n")
        if requires is not None:
            (place / f"{name}-1.0.dist-info").mkdir()
            (place / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{requires}")
        monkeypatch.syspath_prepend(str(place))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return make


@pytest.mark.parametrize(
    ("requires", "refused"),
    [
        ("Requires-Dist: torch>=2\n", True),
        ("Requires-Dist: numpy\nRequires-Dist: torch (>=1.8)\n", True),
        ('Requires-Dist: torch; extra == "gpu"\n', False),
        ("Requires-Dist: torch-like\n", False),
        ("", False),
        (None, False),
    ],
)
def test_a_package_that_requires_pytorch_is_found_by_what_it_says(stands_in, package, requires, refused):
    package("some_layers", requires)
    if refused:
        with pytest.raises(absent.AbsentError, match="some_layers is built on PyTorch itself"):
            importlib.import_module("some_layers")
    else:
        assert importlib.import_module("some_layers").which == "gradviz"


def test_a_file_of_ones_own_may_have_such_a_name(stands_in, package):
    package("transformers", folder="mine")
    assert importlib.import_module("transformers").which == "gradviz"
    sys.modules.pop("transformers")


def test_the_line_comes_too_late_after_pytorch(torch, monkeypatch):
    assert sys.modules["torch"] is torch
    with pytest.raises(
        ImportError, match=r"PyTorch itself was imported before `import gradviz\.as_torch`.*restart the kernel"
    ):
        standin.install()
    assert standin.Finder not in sys.meta_path


def test_pytorch_itself_is_back_after_a_block(torch):
    with standin.standing_in():
        assert importlib.import_module("torch") is gradviz
        assert importlib.import_module("torch.nn.functional") is gradviz.nn.functional
    assert importlib.import_module("torch") is torch
    assert importlib.import_module("torch.nn.functional") is torch.nn.functional
    assert standin.Finder not in sys.meta_path


@pytest.fixture
def no_pytorch(monkeypatch):
    """As on a machine where it is not installed."""
    with standin.standing_in():  # which sets it aside
        monkeypatch.setattr("sys.meta_path", [finder for finder in sys.meta_path if finder is not standin.Finder])
        monkeypatch.setattr("sys.path", [])
        yield
        monkeypatch.undo()


def test_where_pytorch_is_not_installed_an_import_says_what_to_write(no_pytorch):
    for line in ("import torch", "import torch.nn as nn", "from torch.utils.data import DataLoader"):
        with pytest.raises(ModuleNotFoundError) as caught:
            exec(line)
        first, _, advice = str(caught.value).partition("\n\n")
        assert first == "No module named 'torch'"  # Python's own words
        assert "`import gradviz.as_torch` in the first line" in advice
        assert caught.value.name == "torch"
    assert importlib.util.find_spec("torch") is None  # a question is no import
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such_module'$"):
        importlib.import_module("no_such_module")


def test_missing_submodules_of_pytorch_itself_are_its_own_affair(torch):
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'torch\.nonsense'$"):
        importlib.import_module("torch.nonsense")
