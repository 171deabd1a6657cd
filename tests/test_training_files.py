"""Runs in files: what is saved comes back to the last bit, and every bad file gets a sentence."""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from browser import payload_of
from hypothesis import given
from hypothesis import strategies as st

import gradviz as torch
from gradviz import nn
from gradviz.recording.codec import RecordingError
from gradviz.recording.guards import FileError
from gradviz.training.files import codec
from gradviz.training.files.codec import dumps, loads
from gradviz.training.files.settings import pack, unpack

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3),
}


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


MODELS = {
    "linear": (lambda: nn.Linear(3, 2), (5, 3)),
    "mlp": (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 1), nn.Sigmoid()), (5, 3)),
    "conv": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten()), (2, 1, 4, 4)),
    "norm": (lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.GELU(), nn.BatchNorm1d(4)), (5, 3)),
    "attention": (Attention, (2, 3, 4)),
}


def trained(model="linear", optimizer="sgd", epochs=3, **recording):
    torch.manual_seed(0)
    make, shape = MODELS[model]
    net, x = make(), torch.randn(*shape)
    chosen = OPTIMIZERS[optimizer](net.parameters())
    with torch.record(progress=False, **recording) as run:
        for _epoch in range(epochs):

            def closure():
                chosen.zero_grad()
                loss = (net(x) ** 2).mean()
                loss.backward()
                return loss

            chosen.step(closure)
    return run


def same(a, b):
    """Everything a user can ask of a run."""
    assert (a.title, a.producer, a.parameters, a.notes, a.epochs) == (
        b.title,
        b.producer,
        b.parameters,
        b.notes,
        b.epochs,
    )
    assert a.losses.tobytes() == b.losses.tobytes()
    assert a.epoch_of.tobytes() == b.epoch_of.tobytes()
    assert a.kept.tolist() == b.kept.tolist()
    assert repr(list(a.steps)) == repr(list(b.steps))  # nan is like nan there
    first, second = a.to_dict(), b.to_dict()
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_what_goes_in_comes_out(model, optimizer):
    run = trained(model, optimizer)
    again = loads(dumps(run))
    same(run, again)
    assert dumps(again) == dumps(run)
    for epoch in range(run.epochs):
        assert repr(run.at(epoch=epoch)) == repr(again.at(epoch=epoch))


def test_a_file_gives_the_same_player(tmp_path):
    run = trained()
    path = run.save(tmp_path / "run.zip")
    again = torch.load(path)
    same(run, again)
    assert again.save(tmp_path / "again.html").read_text() == run.save(tmp_path / "run.html").read_text()
    assert path.read_bytes() == again.save(tmp_path / "second.zip").read_bytes()
    with open(path, "rb") as file:
        same(run, torch.load(file))


def test_a_loaded_run_has_its_surface_and_its_picture(tmp_path):
    again = torch.load(trained().save(tmp_path / "run.zip"))
    picture = torch.compare(again).paths("net.weight[0, 0]", "net.bias[0]")
    assert picture.surface.loss.shape == (49, 49)
    assert again.save(tmp_path / "epoch.svg", epoch=1).read_text().count("epoch 1") >= 1


def test_nothing_that_is_no_number_is_lost():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record(progress=False) as run:
        for _epoch in range(4):
            w.grad = None
            loss = (w**2).sum()
            loss.backward()
            w.data -= 1e30 * w.grad
    assert not np.isfinite(run.losses).all()
    same(run, loads(dumps(run)))


def test_large_tensors_thinned_steps_and_errors_come_back():
    torch.manual_seed(0)
    net, x = nn.Linear(100, 60), torch.randn(4, 100)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def one(epoch):
        optimizer.zero_grad()
        (net(x) ** 2).mean().backward()
        optimizer.step()
        if epoch == 30:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"), torch.record(progress=False, budget=150_000) as run:
        list(map(one, range(40)))
    assert len(run.notes) == 3
    again = loads(dumps(run))
    same(run, again)
    assert repr(run.at(epoch=-1)) == repr(again.at(epoch=-1))


def test_a_function_of_your_own_is_not_in_the_file_and_the_run_says_so(tmp_path):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * grad

    x = torch.tensor(2.0, requires_grad=True)
    with torch.record(progress=False) as run:
        for _epoch in range(3):
            x.grad = None
            loss = Cube.apply(x)
            loss.backward()
            x.data -= 0.01 * x.grad
    again = loads(dumps(run))
    assert again.parameter("x").values.tolist() == run.parameter("x").values.tolist()
    assert "holds no code" in again.notes[-1]
    with pytest.raises(ValueError, match="no graph was kept"):
        again.at(epoch=0)
    page = again.save(tmp_path / "run.html").read_text()
    assert '"graphs":' in payload_of(page)  # the rest can be looked at all the same


def test_an_empty_run_can_be_kept(tmp_path):
    with pytest.warns(UserWarning, match="nothing was recorded"), torch.record() as run:
        pass
    assert len(torch.load(run.save(tmp_path / "nothing.zip"))) == 0


def test_the_file_is_small():
    assert len(dumps(trained(epochs=10))) < 4_000
    assert len(dumps(trained(epochs=1000))) < 100_000


def test_a_file_is_a_json_and_arrays_that_numpy_opens(tmp_path):
    with zipfile.ZipFile(trained().save(tmp_path / "run.zip")) as file:
        assert file.namelist() == ["run.json", "arrays.npz"]
        assert json.loads(file.read("run.json"))["format"] == "gradviz.run"
        with np.load(io.BytesIO(file.read("arrays.npz"))) as arrays:
            assert arrays["0"].dtype == np.float64


def test_what_nobody_would_believe_is_not_compressed():
    """Arrays of zeros shrink a thousandfold, as a bomb does: they are written as they are, and can be read."""
    w = torch.zeros(2000, requires_grad=True)
    with torch.record(progress=False) as run:
        for _epoch in range(400):
            w.grad = None
            (w * w).sum().backward()
            w.data -= w.grad
    same(run, loads(dumps(run)))


def test_a_run_is_sent_to_other_processes():
    run = trained()
    same(run, pickle.loads(pickle.dumps(run)))


# --- settings ---------------------------------------------------------------------------------------------------------

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
kinds = st.sampled_from(
    [np.dtype("float32"), torch.int64, Ellipsis, slice(1, None, 2), torch.Size((2, 3)), np.float32(2.5)]
)
nested = st.recursive(plain | kinds, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner), max_leaves=6)


@given(nested)
def test_a_setting_comes_back_in_its_own_type(value):
    again = unpack(json.loads(json.dumps(pack(value))), "here")
    assert type(again) is type(value)
    assert again == value


# --- bad files --------------------------------------------------------------------------------------------------------


def taken_apart(data):
    """The document and the arrays of a file."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return json.loads(file.read("run.json")), file.read("arrays.npz")


DOCUMENT, ARRAYS = taken_apart(dumps(trained("mlp", "adam", 2)))


def file_of(document, arrays=ARRAYS):
    """A file with another document."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("run.json", document if isinstance(document, str) else json.dumps(document))
        file.writestr("arrays.npz", arrays)
    return data.getvalue()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not valid JSON"),
        ("[]", 'does not say "format": "gradviz.run"'),
        ('{"format": "gradviz.recording"}', 'does not say "format": "gradviz.run"'),
        ('{"format": "gradviz.run"}', "its version is None"),
        ('{"format": "gradviz.run", "version": 99}', "written by a newer gradviz"),
        ('{"format": "gradviz.run", "version": 1, "producer": "gradviz 0.1.0"}', "was written by gradviz 0.1.0"),
        ('{"format": "gradviz.run", "version": 2}', "has no producer"),
        ('{"format": "gradviz.run", "version": 2, "notes": ' + "[" * 100_000, "not valid JSON"),
        ('{"format": "gradviz.run", version: 1, "notes": ["a note that is longer than a word"]}', "not valid JSON"),
        ('{"format": "gradviz.run", "version": 2, "budget": ' + "9" * 5000 + "}", "a whole number of 5,000 digits"),
        ("null and void", "not valid JSON"),
    ],
)
def test_what_is_no_run_gets_a_sentence(text, sentence):
    with pytest.raises(RecordingError, match=sentence):
        loads(file_of(text))


def test_what_an_older_gradviz_has_written_is_called_so(tmp_path):
    path = tmp_path / "run.json"
    path.write_text('{"format": "gradviz.run", "version": 1, "producer": "gradviz 0.1.0", "losses": [0, 0]}')
    with pytest.raises(RecordingError, match=r"run\.json: this run was written by gradviz 0\.1\.0 .* Record it again"):
        torch.load(path)
    path.write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(ValueError, match=r"gradviz 0\.1 saved runs \(\.json\.gz\): record it again"):
        torch.load(path)


@pytest.mark.parametrize("how_much", [1, 2, 3, 7, 50, 1000, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_damaged(tmp_path, how_much):
    data = file_of(DOCUMENT)
    path = tmp_path / "run.zip"
    path.write_bytes(data[: -how_much if isinstance(how_much, int) else int(how_much * len(data))])
    with pytest.raises(FileError, match=r"run\.zip: this file is damaged: .*Save it anew"):
        torch.load(path)


@pytest.mark.parametrize(
    "ending", ['"after": tru', '"a": -', '"a": "a text', '"a": 12', '"a": [', '"a": -Infinit', '"a"', ""]
)
def test_a_document_that_was_cut_off_says_that_its_end_is_missing(ending):
    with pytest.raises(RecordingError, match="its end is missing"):
        loads(file_of(f'{{"format": "gradviz.run", {ending}'))


def test_a_step_without_what_became_of_a_parameter_is_damaged():
    broken = copy.deepcopy(DOCUMENT)
    del broken["steps"][-1]["parameters"][0]["after"]
    with pytest.raises(ValueError, match=r"run\.steps\[1\] does not tell what became of net\.0\.weight"):
        loads(file_of(broken))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        trained().save(tmp_path / "nodir" / "run.zip")
    assert caught.value.filename == str(tmp_path / "nodir" / "run.zip")
    assert f"there is no folder '{tmp_path / 'nodir'}': make it first" in str(caught.value)
    assert "part" not in str(caught.value)
    (tmp_path / "run.zip").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        trained().save(tmp_path / "run.zip")
    assert str(caught.value) == f"[Errno 21] Is a directory: '{tmp_path / 'run.zip'}'"


def test_damaged_files_name_the_file(tmp_path):
    path = tmp_path / "run.zip"
    path.write_bytes(file_of('{"format": "gradviz.run", "version": 2}'))
    with pytest.raises(RecordingError, match=r"run\.zip: this run is damaged: run has no producer"):
        torch.load(path)


def test_an_operation_that_is_not_in_the_table_is_named():
    broken = copy.deepcopy(DOCUMENT)
    broken["programs"][0]["instructions"][0]["operation"] = "os.system"
    with pytest.raises(ValueError, match=r"'os\.system', which this gradviz does not have"):
        loads(file_of(broken))


def test_a_failed_save_leaves_the_older_file(tmp_path, monkeypatch):
    run = trained()
    path = run.save(tmp_path / "run.zip")
    before = path.read_bytes()
    monkeypatch.setattr(codec, "dumps", lambda run: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.zip"]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.zip"):
        trained().save(tmp_path / "run.pickle")


@pytest.mark.parametrize("ending", [".json", ".json.gz"])
def test_asked_for_json_it_says_what_can_be_had(tmp_path, ending):
    with pytest.raises(ValueError, match=r"must end in \.zip.*of one epoch: gradviz\.draw"):
        trained().save(tmp_path / f"run{ending}")
