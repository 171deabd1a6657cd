"""What users of gradviz call is documented in full: each parameter, what is raised, an example. Checked by numpydoc."""

from __future__ import annotations

import importlib

import pytest

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # numpydoc looks at every member, and numpydoc itself

FUNCTIONS = [
    "gradviz.show.draw", "gradviz.show.backprop",
    "gradviz.runs.record", "gradviz.runs.train", "gradviz.runs.compare", "gradviz.runs.sweep", "gradviz.runs.epochs",
    "gradviz.serialization.save", "gradviz.serialization.load",
    "gradviz.check.gradient", "gradviz.check.value", "gradviz.check.shape", "gradviz.check.choice", "gradviz.check.progress",
    "gradviz.engine.creation.data.tensor", "gradviz.engine.backward.grad",
]  # fmt: skip
"""What gradviz has beside PyTorch's functions, and PyTorch's that every lesson begins with, where they stand."""

CLASSES = [
    "gradviz.drawing.Drawing", "gradviz.drawing.Comparison", "gradviz.player.Player", "gradviz.recording.Recording",
    "gradviz.recording.Builder",
    "gradviz.training.Run", "gradviz.training.RunComparison", "gradviz.training.Trainer",
]  # fmt: skip

TEXT = {"GL08", "SS03", "PR02", "PR03", "PR07"}
"""There is a text, its first line is a sentence, and of its parameters all are there, are told of and stand in order."""


def methods():
    for name in CLASSES:
        module, _, last = name.rpartition(".")
        members = vars(getattr(importlib.import_module(module), last))
        yield from (
            f"{name}.{member}"
            for member, value in members.items()
            if not member.startswith("_") and callable(getattr(value, "__func__", value))
        )


def complaints(name, held):
    validate = pytest.importorskip(
        "numpydoc.validate", reason="numpydoc is not installed: pip install numpydoc"
    ).validate
    return [f"{name}: {text}" for code, text in validate(name)["errors"] if code in held]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_tell_of_each_parameter_and_show_an_example(name):
    assert complaints(name, TEXT | {"PR01", "EX01"}) == []


@pytest.mark.parametrize("name", CLASSES)
def test_classes_show_an_example(name):
    assert complaints(name, TEXT | {"EX01"}) == []


@pytest.mark.parametrize("name", list(methods()))
def test_methods_tell_of_each_parameter(name):
    assert complaints(name, TEXT | {"PR01"}) == []
