"""gradviz in PyTorch's place: ``import torch`` means gradviz, for the rest of a process or inside of a block.

Every path is one module, whichever name it is imported by: ``torch.nn.functional is gradviz.nn.functional``. What is built
on PyTorch itself is refused by name, for it would be given tensors that its compiled operators cannot read.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from gradviz import absent
from gradviz.absent import AbsentError, Alias, importing

TOO_LATE = (
    "PyTorch itself was imported before `import gradviz.as_torch`, and what holds its tensors already would meet gradviz's. Put "
    "the line first, before everything that imports torch; in a notebook, restart the kernel and begin with it."
)

INSTEAD = {
    "torchvision": "For a small data set of images, take scikit-learn's load_digits() and a TensorDataset",
    "lightning": "Write its loop out: zero_grad(), backward(), step()",
    "pytorch_lightning": "Write its loop out: zero_grad(), backward(), step()",
    "torchviz": "gradviz.draw(loss) draws the graph",
    "torchview": "gradviz.draw(model(x), depth=1) draws the modules",
    "torchlens": "gradviz.draw(model(x)) draws what flowed through the model",
    "torchinfo": "print(model) lists the modules, and gradviz.draw(model(x)) shows shapes and numbers of parameters",
    "torchsummary": "print(model) lists the modules, and gradviz.draw(model(x)) shows shapes and numbers of parameters",
    "functorch": "Its functions are in torch.func",
}
"""Packages that import PyTorch for themselves, and what a program can do in their place."""

BUILT_ON_PYTORCH = {
    *INSTEAD,
    "accelerate", "bitsandbytes", "botorch", "captum", "clip", "deepspeed", "detectron2", "dgl", "diffusers",
    "fairseq", "fastai", "flair", "gpytorch", "ignite", "kornia", "lightning_fabric", "monai", "open_clip", "peft",
    "pyro", "sentence_transformers", "skorch", "speechbrain", "stable_baselines3", "tensordict", "timm",
    "torch_cluster", "torch_geometric", "torch_scatter", "torch_sparse", "torchao", "torchaudio", "torchdata",
    "torchgen", "torchmetrics", "torchrl", "torchtext", "torchtune", "transformer_lens", "transformers", "triton",
    "ultralytics", "xformers",
}  # fmt: skip
"""What is known to be such a package. Others are found by what they say that they require."""


class Finder:
    """Stands at the beginning of `sys.meta_path`: finds PyTorch's modules among gradviz's."""

    @staticmethod
    @absent.unseen
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return gradviz's module for one of PyTorch's; refuse a package that is built on PyTorch."""
        top, _, below = name.partition(".")
        if top == "torch":
            ours = f"gradviz.{below}".rstrip(".")
            return Alias(ours).spec(name) if find_spec(ours) else None
        if not below and importing() and _is_built_on_pytorch(name):
            instead = f" {INSTEAD[name]}." if name in INSTEAD else ""
            raise AbsentError(
                f"{name} is built on PyTorch itself, and gradviz computes in its place here.{instead} With PyTorch: "
                f"{absent.with_pytorch()}",
                name=name,
            )
        return None


def _is_built_on_pytorch(name: str) -> bool:
    found = PathFinder.find_spec(name)
    if found is None or not (found.origin and {"site-packages", "dist-packages"} & set(Path(found.origin).parts)):
        return found is None and name in BUILT_ON_PYTORCH  # a file of the user's may have such a name
    if name in BUILT_ON_PYTORCH:
        return True
    try:
        needs = importlib.metadata.requires(name) or []
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False
    return any(re.match(r"torch\b(?![-_.])", need) and "extra ==" not in need for need in needs)


def install() -> None:
    """Let ``import torch`` mean gradviz until the process ends.

    Raises
    ------
    ImportError
        If PyTorch itself was imported before.
    """
    present = sys.modules.get("torch")
    if present is not None and not hasattr(present, "__gradviz__"):
        raise ImportError(TOO_LATE)
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)
        absent.standing = "as_torch"


@contextmanager
def standing_in() -> Iterator[None]:
    """Let ``import torch`` mean gradviz inside of a block; PyTorch itself, where it was imported, is back after it."""

    def torch_modules() -> dict[str, object]:
        return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "torch"}

    aside, before = torch_modules(), absent.standing
    absent.standing = "run"
    for name in aside:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(Finder)
        absent.standing = before
        for name in torch_modules():
            del sys.modules[name]
        sys.modules.update(aside)  # type: ignore[arg-type]
