"""Every public name of PyTorch's is here, or is refused by name with a reason; and takes what it takes in PyTorch."""

from __future__ import annotations

import importlib.util
import inspect
import types
import warnings

import pytest

import gradviz as gv
from gradviz import absent
from gradviz.engine import signatures

PLACES = [
    "",
    "Tensor",
    "nn.functional",
    "nn.init",
    "special",
    "linalg",
    "cuda",
    "cuda.amp",
    "amp",
    "accelerator",
    "cpu",
    "version",
]

ELSEWHERE = {"BFloat16Tensor", "FatalError", "distributions", "testing", "version.rocm"}
"""Names that other tests answer for."""

TYPING = ("typing", "typing_extensions", "collections", "functools", "dataclasses", "enum", "contextlib")
"""Modules whose names lie about in PyTorch's, without being its own."""


def place_in(library, path):
    for part in path.split(".") if path else ():
        library = getattr(library, part)
    return library


def its_own(torch, place, name):
    """Whether a public name is one of PyTorch's for programs: no module of Python's, no class of its C++ parts."""
    value = getattr(place, name, None)
    if isinstance(value, types.ModuleType):
        return value.__name__.startswith("torch.")
    module = getattr(value, "__module__", "") or ""
    if module.split(".")[0] in TYPING or name in ("TYPE_CHECKING", "annotations"):
        return False
    kind = type(value).__name__
    return not (
        isinstance(value, type) and (kind == "pybind11_type" or module == "torch.storage" or hasattr(torch._C, name))
    )


@pytest.mark.parametrize("path", PLACES)
def test_each_name_is_here_or_refused_with_a_reason(torch, path):
    theirs, ours = place_in(torch, path), place_in(gv, path)
    names = [name for name in dir(theirs) if not name.startswith("_") and its_own(torch, theirs, name)]
    assert names
    lost = [n for n in names if n not in dir(ours) and absent.refusal(f"{path}.{n}".lstrip(".")) is None]
    still = {f"{path}.{name}".lstrip(".") for name in lost} - set(absent.SAME) - ELSEWHERE
    assert [name for name in still if importlib.util.find_spec(f"gradviz.{name}") is None] == []


@pytest.mark.parametrize("path", ["", "Tensor", "nn.functional", "cuda"])
def test_nothing_that_is_here_is_refused(path):
    ours = place_in(gv, path)
    listed = [f"{path}.{name}".lstrip(".") for name in dir(ours) if not name.startswith("_")]
    assert [name for name in listed if name in absent.REFUSED] == []


def test_what_is_refused_says_why():
    for name in ("fft", "distributed", "jit", "hub", "sparse", "onnx", "fx", "multiprocessing"):
        with pytest.raises(AttributeError, match=rf"gradviz has no {name}: .*PyTorch itself has it"):
            getattr(gv, name)
    with pytest.raises(AttributeError, match=r"no Tensor\.to_sparse: every tensor is dense"):
        gv.ones(2).to_sparse()


# --- arguments by name ---------------------------------------------------------------------------------------------------

OTHERWISE = {
    "mm", "bmm", "addmm", "baddbmm",  # out_dtype, for graphics cards
    "rsub", "subtract", "Tensor.subtract",  # a third number by its place
    "Tensor.new", "Tensor.set_",  # storages
    "tensor",  # names of dimensions, which PyTorch itself has given up
}  # fmt: skip


def forms():
    """Every way to call every function and method that is here, with the fewest arguments and with each of the others."""
    for name in signatures._lines():
        room, _, last = name.rpartition(".")
        function = getattr(place_in(gv, room), last)
        for signature in signatures.of(name):
            needed = [p.name for p in signature.parameters if p.default is None]
            for more in (None, *(p.name for p in signature.parameters if p.default is not None)):
                if not signature.old:
                    yield name, function, signature, {*needed, more} - {None, "out"}


def test_each_argument_may_be_given_by_pytorchs_name():
    wrong = set()
    for name, function, signature, given in forms():
        by_place, by_name, gap = ([0] if name.startswith("Tensor.") else []), {}, False
        for parameter in signature.parameters:
            if parameter.name not in given:
                gap = True
            elif parameter.by_keyword or gap:
                by_name[parameter.name] = 0
            else:
                by_place.append(0)
        try:
            inspect.signature(inspect.unwrap(function)).bind(*by_place, **by_name)
        except TypeError:
            wrong.add(name)
    assert wrong == OTHERWISE


def test_the_table_of_signatures_is_pytorchs(torch):
    from signatures import TABLE, wanted

    assert TABLE.read_text(encoding="utf-8") == wanted(), "run python -m tests.signatures"


@pytest.mark.parametrize(
    "code",
    [
        "x.sum(axis=0), x.mean(1, keepdims=True), torch.cat([x, x], axis=1), x.mean(axis=(0, 1))",
        "torch.sum(x=x, axis=1), torch.sum(a=x), torch.add(x1=x, x2=x), torch.maximum(x, x2=x * 2)",
        "x.max(axis=1, keepdims=True), x.argmax(axis=-1), x.std(axis=0, keepdims=True), x.cumsum(axis=1)",
        "torch.stack([x, x], axis=-1), torch.flip(x, dims=(0,)), torch.squeeze(x, axis=0), x.unsqueeze(axis=0)",
        "x.reshape(shape=(3, 2)), x.view(size=(3, 2)), x.permute(dims=(1, 0)), x.repeat(repeats=(1, 2)), x.expand(size=(2, 3))",
        "x.softmax(axis=1), x.norm(dim=1), torch.softmax(input=x, dim=0), x.sort(axis=0), x.topk(2, axis=1)",
        "torch.zeros(size=(2,)), torch.full(size=(2,), fill_value=1.5), torch.arange(start=1, end=4, step=2), torch.rand(size=(0,))",
        "x.broadcast_to(4, 2, 3).shape, x.broadcast_to((2, 3)), torch.tile(x, dims=(2, 1)), x.sum_to_size(1, 3)",
        "torch.clamp(x, min=1, max=2), x.clip(max=2), torch.where(condition=x > 2, input=x, other=x * 0)",
        "torch.linalg.norm(x, axis=1), torch.special.expit(input=x), torch.nn.functional.softplus(x, beta=2)",
    ],
)
def test_numpys_names_and_pytorchs_give_the_same(torch, code):
    def answer(library):
        return str(eval(code, {"torch": library, "x": library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])}))

    assert answer(gv) == answer(torch)


OLD = """
torch.add(x, 2, x)
torch.add(x, 2, x, out=x.clone())
torch.addcmul(x, 2, x, x)
torch.addmm(1, x, 1, x, x)
torch.addbmm(2, x, 1, x[None], x[None])
torch.addr(1, x, x[0], x[0])
x.add(2, x)
x.sub_(2, x)
x.addcdiv_(2, x, x)
x.addmm(1, x, x)
x.addmm(1, 1, x, x)
""".strip().splitlines()


@pytest.mark.parametrize("code", OLD)
def test_an_old_form_is_taken_with_pytorchs_warning(torch, code):
    """Only the first time in a process, in PyTorch: it is asked to warn always."""
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        answers = []
        for library in (gv, torch):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                answer = str(eval(code, {"torch": library, "x": library.ones(3, 3)}))
            answers.append((answer, [str(warning.message).partition(" (Triggered")[0] for warning in caught]))
    finally:
        torch.set_warn_always(always)
    assert answers[0] == answers[1]
