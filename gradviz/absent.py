"""What PyTorch has and gradviz has not, said by name; and what stands here under another path.

A program meets such a name in two ways: it asks a module for it (``torch.fft``), which is an `AttributeError`, or it imports
it (``import torch.fft``), which is an `ImportError`. Both say the same sentence. Nothing here imports gradviz, so that every
module may ask: the last line of each is ``def __getattr__(name): return absent.attribute("nn", name, __all__)``.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

REFUSED = {
    "ao": "quantization works on PyTorch's own compiled kernels",
    "distributed": "gradviz computes in one process, on one machine",
    "export": "there is no compiler to export to: the graph is what was recorded",
    "fft": "Fourier transforms need complex numbers, which are not here",
    "fx": "nothing rewrites a program here: the graph is what was recorded",
    "hub": "nothing is downloaded, and models of PyTorch's hub are not here",
    "jit": "there is no compiler: every line runs as it is written",
    "multiprocessing": "tensors are not shared between processes; Python's own multiprocessing sends copies of them",
    "onnx": "there is no export to ONNX",
    "quantization": "quantization works on PyTorch's own compiled kernels",
    "sparse": "every tensor is dense",
}
"""Public paths of PyTorch's that are not here, each with its reason, as the end of a sentence. A path includes what is below it."""

SAME: dict[str, str] = {}
"""Public paths of PyTorch's whose names stand in another module of gradviz: there, the path is that module."""

NO_PYTORCH = (
    "No module named 'torch'\n\nPyTorch is not installed here. If gradviz shall compute in its place, write "
    "`import gradviz.as_torch` in the first line: from there on `import torch`, `import torch.nn as nn` and "
    "`from torch.utils.data import DataLoader` mean gradviz. (A script needs no change: gradviz run script.py.)"
)


class AbsentError(ModuleNotFoundError):
    """An import of what PyTorch has and gradviz has not. Programs that can do without catch it as an ImportError."""


def refusal(path: str) -> str | None:
    """Return the sentence that refuses a path such as ``"distributed.optim"``, or ``None`` if none does."""
    part = path
    while part:
        if part in REFUSED:
            return f"gradviz has no {path}: {REFUSED[part]}. Real PyTorch does that: gradviz run --torch=real script.py"
        part = part.rpartition(".")[0]
    return None


def attribute(module: str, name: str, names: Iterable[str]) -> ModuleType:
    """Answer for a name that is not in a module: with the module that has this path in PyTorch, or with an error.

    Parameters
    ----------
    module, name
        ``"nn.functional"``, ``"grid_sample"``; the package itself is ``""``.
    names
        What there is.

    Raises
    ------
    AttributeError
        Which says why the name is not here, if it is known, or which names come close.
    """
    path = f"{module}.{name}".lstrip(".")
    if path in SAME:
        return importlib.import_module(f"gradviz.{path}")
    raise AttributeError(refusal(path) or _not_there(module, path, name, sorted(names)))


def _not_there(module: str, path: str, name: str, names: Sequence[str]) -> str:
    if len(names) <= 30:
        return f"gradviz has no {path}; there are: {', '.join(names)}"
    # programs ask for private names often, to see what a module can do
    close = [] if name.startswith("_") else difflib.get_close_matches(name, names, n=3, cutoff=0.7)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"gradviz has no {path}.{hint} What there is: dir({f'gradviz.{module}'.rstrip('.')})"


class Finder:
    """Stands at the end of `sys.meta_path`, where Python asks for modules that nobody has found."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return where one of PyTorch's paths stands; say why there is none, where an import statement asks."""
        top, _, below = name.partition(".")
        if top == "gradviz" and below in SAME:
            return spec_from_loader(name, Alias(f"gradviz.{SAME[below]}"))
        if top not in ("gradviz", "torch") or not importing():
            return None
        if not below:
            raise ModuleNotFoundError(NO_PYTORCH, name="torch")
        if not hasattr(sys.modules[top], "__gradviz__"):  # PyTorch itself, which speaks for itself
            return None
        words = refusal(below)
        if words is None:
            parent, _, last = name.rpartition(".")
            try:
                getattr(sys.modules[parent], last)
            except AttributeError as error:
                words = str(error)
        # Its name is PyTorch's: `from torch import fft` lets an error pass that has the name which was looked for.
        raise AbsentError(words, name=f"torch.{below}")


class Alias:
    """Loads a module that is there already, under a second name: one object, run once.

    Parameters
    ----------
    name
        The name under which it stands.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module itself."""
        module = importlib.import_module(self.name)
        self.own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own `__spec__`, which Python has just replaced by the alias's; it has run before."""
        module.__spec__ = self.own


def importing() -> bool:
    """Return whether a finder, which asks this, was asked by an import: `importlib.util.find_spec` wants a plain ``None``."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == "<frozen importlib._bootstrap>":
        if frame.f_code.co_name == "_find_and_load_unlocked":
            return True
        frame = frame.f_back
    return False


sys.meta_path.append(Finder())
