"""Every public path of PyTorch's is a module here, or refused by name with a reason."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

import pytest

import gradviz
from gradviz import absent


def public_paths(folder, above=""):
    """Every public module below a package's folder, by its path."""
    for module in pkgutil.iter_modules([str(folder)]):
        if not module.name.startswith("_"):
            yield above + module.name
            if module.ispkg:
                yield from public_paths(Path(folder) / module.name, f"{above}{module.name}.")


def test_every_public_path_of_pytorchs_is_here_or_refused_by_name(torch):
    unknown = {}
    for path in public_paths(torch.__path__[0]):
        try:
            importlib.import_module(f"gradviz.{path}")
        except absent.AbsentError as error:
            if not absent.refusal(path):
                unknown[path] = str(error)
    assert unknown == {}


def test_a_path_has_the_names_that_it_has_in_pytorch(torch):
    """What PyTorch has under a path and above it, too, and gradviz has above it, is found under the path."""
    missing = []
    for path in public_paths(torch.__path__[0]):
        theirs = sys.modules.get(f"torch.{path}")  # what `import torch` has imported, and programs can therefore reach
        if theirs is None or absent.refusal(path):
            continue
        above = path.rpartition(".")[0]
        for name in getattr(theirs, "__all__", None) or []:
            for place in (f".{above}".rstrip("."), ""):
                both = getattr(sys.modules[f"torch{place}"], name, None)
                if (
                    both is not None
                    and both is getattr(theirs, name)
                    and hasattr(importlib.import_module(f"gradviz{place}"), name)
                    and not hasattr(importlib.import_module(f"gradviz.{path}"), name)
                ):
                    missing.append(f"{path}.{name}")
    assert missing == []


@pytest.mark.parametrize("path", sorted(absent.SAME))
def test_a_second_path_is_the_same_module(path):
    module = importlib.import_module(f"gradviz.{path}")
    assert module is importlib.import_module(f"gradviz.{absent.SAME[path]}".rstrip("."))
    assert module.__spec__.name == module.__name__  # its own again
    above, _, name = path.rpartition(".")
    assert getattr(importlib.import_module(f"gradviz.{above}".rstrip(".")), name) is module


def test_no_path_is_both_here_and_refused():
    for path in absent.REFUSED:
        assert importlib.util.find_spec(f"gradviz.{path}") is None
        with pytest.raises(absent.AbsentError, match=rf"gradviz has no {path}: \w.* PyTorch itself has it"):
            importlib.import_module(f"gradviz.{path}")


def test_names_that_are_not_in_the_lists_of_their_modules(torch):
    """What PyTorch's code imports all the same."""
    for path, names in {
        "nn.modules.batchnorm": ["_BatchNorm", "_NormBase"],
        "nn.modules.conv": ["_ConvNd", "_ConvTransposeNd"],
        "nn.modules.dropout": ["_DropoutNd"],
        "nn.modules.instancenorm": ["_InstanceNorm"],
        "nn.modules.loss": ["_Loss", "_WeightedLoss"],
        "nn.modules.module": ["Module"],
        "nn.modules.pooling": ["_AdaptiveMaxPoolNd", "_AvgPoolNd", "_MaxPoolNd"],
        "nn.modules.utils": ["_pair", "_single", "_triple"],
        "optim.lr_scheduler": ["_LRScheduler"],
        "utils.data.dataloader": ["DataLoader", "default_collate"],
        "utils.data.dataset": ["Dataset", "TensorDataset", "random_split"],
        "utils.hooks": ["RemovableHandle"],
        "autograd.variable": ["Variable"],
    }.items():
        for name in names:
            assert hasattr(importlib.import_module(f"torch.{path}"), name)
            assert hasattr(importlib.import_module(f"gradviz.{path}"), name), f"{path}.{name}"


def test_a_path_is_found_without_an_import():
    for path in (
        "utils.data.dataset.Dataset",
        "nn.modules.conv.Conv2d",
        "optim.adamw.AdamW",
        "utils.hooks.RemovableHandle",
    ):
        found = gradviz
        for name in path.split("."):
            found = getattr(found, name)
        assert isinstance(found, type)
