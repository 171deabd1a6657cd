"""`save` and `load`: what goes in comes out, nothing is run, and every bad file gets a sentence."""

from __future__ import annotations

import copy
import doctest
import io
import json
import math
import pickle
import zipfile
from collections import Counter, OrderedDict
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.serialization import VERSION, load, save


def packed(value) -> bytes:
    file = io.BytesIO()
    save(value, file)
    return file.getvalue()


def unpacked(data: bytes):
    return load(io.BytesIO(data))


def same(a, b):
    """Equal in type and content, all the way down; nan equals nan."""
    if type(a) is not type(b):
        return False
    if isinstance(a, gv.Tensor):
        return a.requires_grad == b.requires_grad and same(a.detach().numpy(), b.detach().numpy())
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return same(list(a), list(b)) and same(list(a.values()), list(b.values()))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
arrays = st.builds(
    lambda shape, name: (np.arange(math.prod(shape)) % 2).astype(name).reshape(shape),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from([dtype.name for dtype in gv.engine.dtypes.ALL]),
)
leaves = numbers | arrays | st.builds(gv.tensor, arrays) | st.sampled_from([gv.float32, gv.int64, gv.Size((2, 3))])
keys = numbers | st.tuples(numbers, numbers)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=3)
        | st.builds(OrderedDict, st.dictionaries(keys, inner, max_size=3))
    ),
    max_leaves=8,
)


@given(values)
@settings(max_examples=150, deadline=None)
def test_what_goes_in_comes_out(value):
    assert same(unpacked(packed(value)), value)


def test_a_file(tmp_path):
    path = tmp_path / "state.pt"
    module = gv.nn.Linear(3, 2)
    save(module.state_dict(), path)
    other = gv.nn.Linear(3, 2)
    other.load_state_dict(load(str(path), map_location="cpu", weights_only=True))
    x = gv.ones(1, 3)
    assert other(x).tolist() == module(x).tolist()
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_the_same_content_is_the_same_file():
    state = gv.nn.Linear(3, 2).state_dict()
    assert packed(state) == packed(state)


def test_numpy_opens_it_too(tmp_path):
    path = tmp_path / "state.npz"
    save({"w": gv.tensor([1.0, 2.0])}, path)
    with np.load(path) as arrays:
        assert arrays["arrays/0"].tolist() == [1, 2]


def test_what_was_shared_is_shared_again():
    w = gv.ones(2)
    loaded = unpacked(packed({"encoder": w, "decoder": w.detach(), "other": gv.ones(2)}))
    loaded["encoder"].mul_(3)
    assert loaded["decoder"].tolist() == [3, 3]
    assert loaded["other"].tolist() == [1, 1]


def test_what_is_loaded_can_be_changed_and_trained():
    w = unpacked(packed(gv.tensor([1.0, 2.0], requires_grad=True)))
    (w * w).sum().backward()
    assert w.grad.tolist() == [2, 4]
    with gv.no_grad():
        w.sub_(w.grad)
    assert w.tolist() == [-1, -2]


def test_a_result_is_saved_without_its_graph():
    x = gv.tensor(3.0, requires_grad=True)
    loaded = unpacked(packed(x * x))
    assert loaded.item() == 9
    assert loaded.is_leaf
    assert loaded.requires_grad


def test_training_goes_on_from_a_file():
    def trained(interrupted):
        gv.manual_seed(0)
        model = gv.nn.Linear(2, 1)
        optimizer = gv.optim.Adam(model.parameters(), lr=0.1)
        schedule = gv.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
        x, y = gv.randn(8, 2), gv.randn(8, 1)
        for epoch in range(8):
            if interrupted and epoch == 4:
                data = packed(
                    {
                        "epoch": epoch,
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "schedule": schedule.state_dict(),
                    }
                )
                model = gv.nn.Linear(2, 1)
                optimizer = gv.optim.Adam(model.parameters())
                schedule = gv.optim.lr_scheduler.MultiStepLR(optimizer, [])
                state = unpacked(data)
                model.load_state_dict(state["model"])
                optimizer.load_state_dict(state["optimizer"])
                schedule.load_state_dict(state["schedule"])
                assert schedule.milestones == Counter([2, 5])
            optimizer.zero_grad()
            ((model(x) - y) ** 2).mean().backward()
            optimizer.step()
            schedule.step()
        return model.weight.tolist(), model.bias.tolist(), schedule.get_last_lr()

    assert trained(True) == trained(False)


def test_an_array_in_columns_and_one_of_another_machine():
    column = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert unpacked(packed(gv.from_numpy(column))).tolist() == [[0, 1, 2], [3, 4, 5]]
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed(gv.ones(2)))) as old, zipfile.ZipFile(data, "w") as new:
        new.writestr("structure.json", old.read("structure.json"))
        member = io.BytesIO()
        np.save(member, np.array([1.0, 2.0], ">f4"))
        new.writestr("arrays/0.npy", member.getvalue())
    loaded = unpacked(data.getvalue())
    assert loaded.dtype is gv.float32
    assert loaded.tolist() == [1, 2]


def test_recordings_are_loaded_too(tmp_path):
    from gradviz import recording

    x = gv.tensor(2.0, requires_grad=True)
    recorded = recording.record_graph(x * x)
    path = tmp_path / "square.json"
    recording.save(recorded, path)
    assert load(path) == recorded
    assert load(io.BytesIO(path.read_bytes())) == recorded


# --- pickles, for other processes -----------------------------------------------------------------------------------------


def sent(value):
    """What arrives in another process."""
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("space", ["gv", "nn.functional", "linalg", "special", "Tensor"])
def test_functions_are_sent_by_their_names(space):
    holder = gv if space == "gv" else attrgetter(space)(gv)
    names = [name for name in dir(holder) if not name.startswith("_") and callable(getattr(holder, name))]
    assert len(names) > 10
    refused = []
    for name in names:
        try:
            assert sent(getattr(holder, name)) is getattr(holder, name)
        except pickle.PicklingError:
            refused.append(name)
    assert refused == []


def states(torch):
    """Tensors and what holds some, in ways that make them remember more than their numbers."""
    torch.manual_seed(0)
    leaf = torch.tensor([1.0, 2.0], requires_grad=True)
    (leaf * 2).sum().backward()
    part = torch.arange(6.0).reshape(2, 3)[1]
    part += 1
    linear = torch.nn.Linear(2, 2)
    linear(torch.ones(1, 2)).sum().backward()
    return {"leaf": leaf, "result": leaf * 2, "part": part, "weight": linear.weight, "bias": linear.bias}


@pytest.mark.parametrize("how", [sent, copy.copy], ids=["pickle", "copy"])
def test_a_tensor_is_sent_without_its_graph_and_its_gradient_as_in_pytorch(torch, how):
    for (name, ours), theirs in zip(states(gv).items(), states(torch).values(), strict=True):
        ours, theirs = how(ours), how(theirs)
        assert (type(ours).__name__, ours.requires_grad) == (type(theirs).__name__, theirs.requires_grad), name
        assert (ours.grad_fn, ours.grad, theirs.grad_fn, theirs.grad) == (None,) * 4, name
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize("how", [sent, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_a_model_that_was_trained_goes_on_elsewhere(how):
    gv.manual_seed(0)
    x = gv.randn(6, 3)
    model = gv.nn.Sequential(gv.nn.Linear(3, 4), gv.nn.BatchNorm1d(4), gv.nn.ReLU(), gv.nn.Linear(4, 4))
    model[3].bias = model[0].bias  # one parameter in two places
    optimizer = gv.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(model, optimizer):
        optimizer.zero_grad()
        loss = model(x).pow(2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    step(model, optimizer)
    again, other = how((model, optimizer))
    assert again[3].bias is again[0].bias
    assert other.param_groups[0]["params"][0] is again[0].weight
    assert [step(again, other) for _ in range(3)] == [step(model, optimizer) for _ in range(3)]
    assert model[0].weight is not again[0].weight


# --- what cannot be saved -------------------------------------------------------------------------------------------------


class Box:
    pass


class Bag(dict):
    pass


LOOP: list = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (gv.nn.Linear(1, 1), r"cannot save obj, which is a Linear: save its state, \.state_dict\(\)"),
        (
            {"w": gv.nn.Parameter(gv.ones(1))},
            r"cannot save obj\['w'\], which is a Parameter: save its numbers, parameter\.detach\(\), or the whole "
            r"module\.state_dict\(\)",
        ),
        ([1, (2, Box())], r"cannot save obj\[1\]\[1\], which is a Box: gradviz saves tensors, numbers, strings"),
        ({"f": len}, r"cannot save obj\['f'\], which is a builtin_function_or_method"),
        (Bag(), r"which is a Bag: save it as a plain dictionary, dict\(\.\.\.\)"),
        (np.array(["a"]), "which is a ndarray: gradviz has no tensors of dtype <U1"),
        (LOOP, "it is nested too deeply, or holds itself"),
    ],
)
def test_what_cannot_be_saved(tmp_path, value, sentence):
    path = tmp_path / "file"
    path.write_text("what was there")
    with pytest.raises(TypeError, match=sentence):
        save(value, path)
    assert path.read_text() == "what was there"


def test_an_optimiser_says_to_save_its_state():
    with pytest.raises(TypeError, match=r"which is a SGD: save its state, \.state_dict\(\)"):
        packed(gv.optim.SGD([gv.ones(1, requires_grad=True)]))


def test_not_a_file(torch):
    for t, write, read in ((torch, torch.save, torch.load), (gv, save, load)):
        with pytest.raises(
            AttributeError, match="expected 'f' to be string, path, or a file-like object with a 'write'"
        ):
            write(t.ones(1), 3)
        with pytest.raises(AttributeError):
            read(3)
        with pytest.raises(FileNotFoundError):
            read("there/is/no/such.file")
    with pytest.raises(TypeError, match="a file open for reading bytes"):
        load(io.StringIO("text"))
    with pytest.raises(AssertionError, match="gradviz computes on the CPU only"):
        load(io.BytesIO(packed(1)), map_location="cuda")


# --- what cannot be loaded ------------------------------------------------------------------------------------------------


class Trap:
    """Runs when unpickled."""

    sprung = False

    def __reduce__(self):
        return spring, ()


def spring():
    Trap.sprung = True


def zipped(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return data.getvalue()


def with_structure(change):
    """A saved file with another structure."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed({"w": gv.ones(2)}))) as old, zipfile.ZipFile(data, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, json.dumps(change(json.loads(content))) if name == "structure.json" else content)
    return data.getvalue()


def with_array(array):
    member = io.BytesIO()
    np.save(member, array, allow_pickle=True)
    structure = {"format": "gradviz.tensors", "version": 1, "content": {"tensor": 0, "requires_grad": False}}
    return zipped(structure_DOT_json=json.dumps(structure), arrays__0_DOT_npy=member.getvalue())


def an_npz():
    data = io.BytesIO()
    np.savez(data, a=np.ones(2))
    return data.getvalue()


def an_npy():
    data = io.BytesIO()
    np.save(data, np.ones(2))
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "this file is empty"),
        (b"hello", "this is not a file of tensors: gradviz.save did not write it"),
        (b"\x00\x01\x02", "this is not a file of tensors: gradviz.save did not write it"),
        (
            b"<!doctype html>\n<html>",
            "this is a page or a picture, for a browser. gradviz.load reads what was saved as .json",
        ),
        (b"\x80\x02", "this is a Python pickle, perhaps an old PyTorch checkpoint. gradviz does not open pickles"),
        (pickle.dumps(Trap()), "this is a Python pickle"),
        (zipped(archive__data_DOT_pkl=b""), "this is a PyTorch checkpoint. gradviz does not open pickles"),
        (an_npz(), "not one that gradviz.save wrote (numpy.load opens .npz files)"),
        (an_npy(), "this is a NumPy array: read it with gradviz.from_numpy(numpy.load(path))"),
        (zipped(a=b""), "this is a zip file, but not one that gradviz.save wrote"),
        (zipped(structure_DOT_json=b"{}"), "this is a zip file, but not one that gradviz.save wrote"),
        (zipped(structure_DOT_json=b"[]"), "this is a zip file, but not one that gradviz.save wrote"),
        (zipped(structure_DOT_json=b"{"), "this file of tensors is damaged: "),
        (zipped(structure_DOT_json=b"[" * 10**6), "this file of tensors is damaged: "),
        (
            with_structure(lambda s: {**s, "version": VERSION + 1}),
            f"this file of tensors was written by a newer gradviz (format version {VERSION + 1}; this gradviz reads "
            f"{VERSION}). Install the newest gradviz to open it.",
        ),
        (with_structure(lambda s: {**s, "version": "1"}), "damaged: its version is '1'"),
        (with_structure(lambda s: {"format": s["format"]}), "damaged: 'version'"),
        (with_structure(lambda s: {**s, "content": {"tensor": 7}}), "damaged: \"There is no item named 'arrays/7.npy'"),
        (with_structure(lambda s: {**s, "content": {}}), "damaged: "),
        (with_structure(lambda s: {**s, "content": [1]}), "damaged: "),
        (with_structure(lambda s: {**s, "content": {"object": 1}}), "damaged: 'object'"),
        (with_structure(lambda s: {**s, "content": {"dict": 1}}), "damaged: "),
        (with_structure(lambda s: {**s, "content": {"dict": [[{"list": []}, 1]]}}), "damaged: "),
        (with_structure(lambda s: {**s, "content": {"dtype": "complex64"}}), "damaged: "),
        (with_array(np.array([Trap()], object)), "damaged: Object arrays cannot be loaded when allow_pickle=False"),
        (with_array(np.array(["a"])), "arrays/0.npy has entries of the dtype <U1"),
        (with_array(np.array([1j])), "arrays/0.npy has entries of the dtype complex128"),
    ],
    ids=lambda given: str(len(given)) if isinstance(given, bytes) else None,  # a zip file has the time in it
)
def test_what_cannot_be_loaded(tmp_path, data, sentence):
    with pytest.raises(RuntimeError) as caught:
        unpacked(data)
    assert sentence in str(caught.value)
    path = tmp_path / "some.file"
    path.write_bytes(data)
    with pytest.raises(RuntimeError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: this ")
    assert not Trap.sprung


def test_json_of_something_else_is_called_so(tmp_path):
    path = tmp_path / "some.json"
    path.write_text("[1]")
    with pytest.raises(ValueError, match=r"some\.json: this is not a recording: it is JSON, but of something else"):
        load(path)


def test_a_pytorch_checkpoint_says_how_to_convert_it(torch, tmp_path):
    path, new_path = tmp_path / "model.pt", tmp_path / "model.gv"
    torch.save(torch.nn.Linear(2, 1).state_dict(), path)
    with pytest.raises(RuntimeError, match="is a PyTorch checkpoint") as caught:
        load(path)
    recipe = str(caught.value).split("convert it once: ")[1].replace("gradviz.save(", "save(")
    exec(recipe, {"torch": torch, "gradviz": gv, "save": save, "path": path, "new_path": new_path})
    state = load(new_path)
    assert {name: tensor.tolist() for name, tensor in state.items()} == {
        name: tensor.tolist() for name, tensor in torch.load(path).items()
    }
    torch.save(torch.ones(1), path, _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="an old PyTorch checkpoint"):
        load(path)


def test_no_damage_goes_unnoticed():
    """Flip every byte, and cut everywhere: a sentence, or the very same numbers."""
    state = {"w": gv.tensor([[1.5, -2.0]]), "n": 3}
    data = packed(state)
    noticed = []
    for place in range(len(data)):
        for broken in (data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :], data[:place]):
            try:
                loaded = unpacked(broken)
            except RuntimeError as error:
                noticed.append(str(error))
            else:
                assert same(loaded, state)
    assert all(sentence.startswith("this ") for sentence in noticed)
    assert len(noticed) > len(data) * 1.5


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = Path(tmp_path / "state.pt")
    save({"epoch": 1}, path)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save({"epoch": 2}, path)
    assert load(path) == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_examples():
    from gradviz import serialization

    assert doctest.testmod(serialization).failed == 0
