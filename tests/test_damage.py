"""Whatever is in a file: it is loaded and can be used, or there is one clear error, within bounds of memory and work."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import random
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from damage import Damages, members_of, ways, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz import nn, recording
from gradviz.drawing import draw_recording
from gradviz.player import page
from gradviz.recording.files import write_file
from gradviz.recording.guards import RATIO, ROOM, FileError
from gradviz.training.files import codec

MANY = settings(
    max_examples=int(os.environ.get("GRADVIZ_DAMAGES", "40")), deadline=None, suppress_health_check=list(HealthCheck)
)
"""More of them: ``GRADVIZ_DAMAGES=5000 pytest tests/test_damage.py``."""


def load(data):
    return gv.load(io.BytesIO(data))


def loaded_or_refused(data):
    """What a file holds, or ``None`` if it is refused as it should be: by one kind of error, with what to do about it."""
    try:
        return load(data)
    except FileError as error:
        text = str(error)
        assert len(text.splitlines()) == 1
        assert len(text) < 700
        if "damaged" in text:
            assert text.endswith("fetch it again")
        return None


# --- files to damage --------------------------------------------------------------------------------------------------


def recordings():
    gv.manual_seed(0)
    w, x = gv.tensor(2.0, requires_grad=True), gv.tensor(5.0)
    yield recording.record_graph(w * x + w, backward=True)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    yield recording.record_graph((net(gv.randn(5, 3)) ** 2).mean(), backward=True)
    large, deep = gv.randn(80, 90, requires_grad=True), gv.randn(3, 8, 20, 20, requires_grad=True)
    yield recording.record_graph((large + gv.ones(90)).sum(), backward=True)
    yield recording.record_graph((deep * deep).sum(), backward=True)


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.linear = nn.Embedding(5, 3), nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(self.embedding(gv.tensor([0, 1, 4]))).expand(2, 3, 2).repeat(1, 2, 1)[:, 1:3]


TRAININGS = [
    (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 3)), (5, 3), gv.optim.Adam),
    (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten()), (2, 1, 4, 4), gv.optim.SGD),
    (Embedded, (1,), gv.optim.AdamW),
    (lambda: nn.Linear(100, 60), (4, 100), gv.optim.RMSprop),
]


def run_of(make, shape, optimizer, epochs=2):
    gv.manual_seed(0)
    net, x = make(), gv.randn(*shape)
    chosen = optimizer(net.parameters(), lr=0.1)
    with gv.record(progress=False) as run:
        for _epoch in range(epochs):
            chosen.zero_grad()
            (net(x) ** 2).mean().backward()
            chosen.step()
    return run


STATE = {
    "w": gv.tensor([[1.5, -2.0]]),
    "n": 3,
    "big": 10**400,
    "x": (1.0, float("nan"), None, gv.float32),
    "o": {"a": [gv.Size((2,))]},
}

RECORDINGS = [recording.dumps(one).encode() for one in recordings()]
RUNS = [codec.dumps(run_of(*training)) for training in TRAININGS]
TENSORS = io.BytesIO()
gv.save(STATE, TENSORS)
FILES = {"recording": RECORDINGS[0], "run": RUNS[0], "tensors": TENSORS.getvalue()}


# --- flipped, cut off, mixed up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_a_file_with_flipped_bytes_or_cut_off_anywhere(kind):
    data, chance = FILES[kind], random.Random(kind)
    refused = 0
    for place in sorted(chance.sample(range(len(data)), 150)):
        for broken in (
            data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :],
            data[:place],
        ):
            refused += loaded_or_refused(broken) is None
    assert refused > 150


def use(one):
    """Draw it, step it, play it, save it."""
    assert recording.loads(recording.dumps(one)).graph == one.graph
    drawing = draw_recording(one)
    drawing.to_svg()
    draw_recording(one, depth=0, step=0).to_svg()
    page(one)


def test_a_number_that_was_not_given_and_a_huge_one_come_back():
    x = gv.randn(4, 3, requires_grad=True)
    for compute in (
        lambda: x.clamp(None, gv.zeros(3, requires_grad=True)).sum(),
        lambda: nn.functional.conv1d(x[None], gv.ones(2, 4, 2), None).sum(),
        lambda: (x * 10**30).sum(),
        lambda: gv.linalg.svd(x)[1].sum(),
    ):
        use(recording.loads(recording.dumps(recording.record_graph(compute(), backward=True))))
        with gv.record(progress=False) as run:
            for _epoch in range(2):
                x.grad = None
                compute().backward()
        again = load(codec.dumps(run))
        assert again.log.entries[0].complete
        use_run(again)


OF_RECORDINGS = Damages(*map(json.loads, RECORDINGS))


@MANY
@given(st.data())
def test_a_damaged_recording_is_refused_or_can_be_used(data):
    _, document = OF_RECORDINGS.one(data.draw)
    found = loaded_or_refused(json.dumps(document).encode())
    if found is not None:
        use(found)


def use_run(run):
    """Look at all of it, and save it."""
    assert len(codec.loads(codec.dumps(run))) == len(run)
    run.to_dict(), run.notes, run.losses_by_name, list(run.steps), run.plot().svg
    for entry in run.log.entries:
        if entry.complete:
            run.at(step=entry.index)
    for parameter in run.parameters:
        history = run.parameter(parameter.name)
        assert len(history.update_norms) == len(history.gradient_norms)
        if history.full and len(history.steps):
            assert history.values.shape[1:] == parameter.shape


OF_RUNS = Damages(*(json.loads(members_of(data)["run.json"]) for data in RUNS))
ARRAYS = [members_of(data)["arrays.npz"] for data in RUNS]


@MANY
@given(st.data())
def test_a_damaged_run_is_refused_or_can_be_used(data):
    number, document = OF_RUNS.one(data.draw)
    found = loaded_or_refused(zipped({"run.json": document, "arrays.npz": ARRAYS[number]}))
    if found is not None:
        use_run(found)


@MANY
@given(st.data())
def test_a_run_with_other_arrays_is_refused_or_can_be_used(data):
    number = data.draw(st.integers(0, len(RUNS) - 1))
    members = members_of(ARRAYS[number])
    name = data.draw(st.sampled_from(list(members)))
    array = np.load(io.BytesIO(members[name]))
    match data.draw(st.integers(0, 4)):
        case 0:
            array.reshape(-1)[data.draw(st.integers(0, array.size - 1))] = data.draw(
                st.sampled_from([0, -1, 1, 7, 100])
            )
        case 1:
            array = array.astype(data.draw(st.sampled_from(["int64", "float32", "bool", "uint8", "float16", "U3"])))
        case 2:
            array = array[:-1]
        case 3:
            array = array.reshape(-1)
        case 4:
            array = array[..., None]
    file = io.BytesIO()
    np.save(file, array)
    arrays = zipped({**members, name: file.getvalue()}, zipfile.ZIP_STORED)
    found = loaded_or_refused(zipped({"run.json": members_of(RUNS[number])["run.json"], "arrays.npz": arrays}))
    if found is not None:
        use_run(found)


OF_TENSORS = Damages(json.loads(members_of(FILES["tensors"])["structure.json"]))
ARRAY = members_of(FILES["tensors"])["arrays/0.npy"]


@MANY
@given(st.data())
def test_damaged_tensors_are_refused_or_can_be_used(data):
    _, document = OF_TENSORS.one(data.draw)
    found = loaded_or_refused(zipped({"structure.json": document, "arrays/0.npy": ARRAY}))
    gv.save(found, io.BytesIO())
    assert repr(found)


@MANY
@given(st.data())
def test_an_array_with_another_header_is_refused_or_is_an_array(data):
    place = data.draw(st.integers(0, 127))
    header = ARRAY[:place] + data.draw(st.binary(max_size=3)) + ARRAY[place + data.draw(st.integers(0, 3)) :]
    structure = {"format": "gradviz.tensors", "version": 1, "content": {"tensor": 0}}
    found = loaded_or_refused(zipped({"structure.json": structure, "arrays/0.npy": header}))
    assert found is None or found.numpy().nbytes <= len(header)


# --- bombs ------------------------------------------------------------------------------------------------------------


def npy(header, content=b""):
    """An array's file with a header of one's own."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def header(shape, descr="<f4"):
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"


def tensors(array=ARRAY, structure=None, method=zipfile.ZIP_DEFLATED):
    given = structure or {"format": "gradviz.tensors", "version": 1, "content": {"tensor": 0}}
    return zipped({"structure.json": given, "arrays/0.npy": array}, method)


def run(document=None, arrays=None):
    found = members_of(RUNS[0])
    return zipped({"run.json": document or found["run.json"], "arrays.npz": arrays or found["arrays.npz"]})


def one_member_a_thousand_times():
    """The directory names the same content again and again."""
    data = bytearray(zipped({"structure.json": "{}", "arrays/0000.npy": bytes(8 * 2**20)}))
    start = data.rindex(b"PK\x01\x02")
    entry, end = bytes(data[start : data.rindex(b"PK\x05\x06")]), data[data.rindex(b"PK\x05\x06") :]
    entries = b"".join(entry.replace(b"arrays/0000", b"arrays/%04d" % number) for number in range(1000))
    first = data[data.index(b"PK\x01\x02") : start]
    struct.pack_into("<HHL", end, 8, 1001, 1001, len(first) + len(entries))
    return bytes(data[: data.index(b"PK\x01\x02")] + first + entries + end)


def with_size(data, size):
    """A zip file that lies about how long its last member is."""
    changed = bytearray(data)
    struct.pack_into("<L", changed, data.rindex(b"PK\x01\x02") + 24, size)
    return bytes(changed)


def document(text):
    return '{"format": "gradviz.run", "version": 2, "notes": ' + text


MEGABYTE = 2**20
BOMBS = {
    "json of lists": lambda: b"[" + b"[]," * 33_000,
    "json that is deep": lambda: b'{"a":' * 20_000,
    "json of brackets": lambda: b"[" * 100_000,
    "a number of 90,000 digits": lambda: b'{"format": "gradviz.recording", "version": ' + b"9" * 90_000 + b"}",
    "a shape of many axes": lambda: RECORDINGS[0].replace(b'"shape":[]', b'"shape":[' + b"9007199254740992," * 5_000 + b"1]", 1),
    "gzip": lambda: gzip.compress(bytes(80 * MEGABYTE)),
    "zeros": lambda: tensors(npy(header((20 * MEGABYTE,)), bytes(80 * MEGABYTE))),
    "zeros, bzip2": lambda: tensors(npy(header((20 * MEGABYTE,)), bytes(80 * MEGABYTE)), method=zipfile.ZIP_BZIP2),
    "zeros, lzma": lambda: tensors(npy(header((20 * MEGABYTE,)), bytes(80 * MEGABYTE)), method=zipfile.ZIP_LZMA),
    "a header alone": lambda: tensors(npy(header((10**9, 10**6)))),
    "entries of no size": lambda: tensors(npy(header((10**12,), "|V0"))),
    "a header of brackets": lambda: tensors(npy("(" * 60_000)),
    "a header that does not end": lambda: tensors(npy("{'descr': '<f4', 'shape': (1,\n")),
    "half a text in a header": lambda: tensors(npy("{'descr': '''<f4")),
    "a structure of spaces": lambda: tensors(structure=" " * 60 * MEGABYTE),
    "a structure of lists": lambda: tensors(structure="[" + "[]," * MEGABYTE),
    "a structure of characters": lambda: tensors(structure='["\U0001f600' + "x" * 3 * MEGABYTE),
    "one member a thousand times": lambda: one_member_a_thousand_times(),
    "a member longer than it says": lambda: with_size(tensors(npy(header((MEGABYTE,)), bytes(4 * MEGABYTE))), 100),
    "a member shorter than it says": lambda: with_size(tensors(npy(header((MEGABYTE,)), bytes(4 * 1000))), 5 * MEGABYTE),
    "a member that says it is huge": lambda: with_size(tensors(), 2**32 - 2),
    "a run of spaces": lambda: run(document(" " * 60 * MEGABYTE)),
    "a run of dictionaries": lambda: run(document("[" + '{"a":0},' * 500_000)),
    "a run of numbers": lambda: run(document("[" + "1," * 2_000_000)),
    "a run of notes": lambda: run(document("[" + '"",' * 1_000_000 + '""]}')),
    "arrays of zeros in a run": lambda: run(arrays=zipped({"0.npy": npy(header((20 * MEGABYTE,)), bytes(80 * MEGABYTE))})),
    "arrays within arrays": lambda: run(arrays=zipped({f"{n}.npy": npy(header((MEGABYTE,)), bytes(4 * MEGABYTE)) for n in range(20)})),
    "many rows of no size": lambda: run(arrays=zipped({"0.npy": npy(header((10**9, 0)))})),
}  # fmt: skip


def cost_of(work):
    """The largest number of bytes that was held beside what was there before, and how many functions were called."""
    calls = 0

    def count(*_):
        nonlocal calls
        calls += 1

    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak - before, calls


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_bounds(name):
    data = BOMBS[name]()
    assert len(data) < 250_000
    memory, calls = cost_of(lambda: loaded_or_refused(data))
    assert loaded_or_refused(data) is None
    assert memory < 100 * MEGABYTE
    assert calls < 20 * len(data) + 100_000


def test_there_is_one_error_for_all_files():
    """As PyTorch raises it, and as Python's own readers do."""
    assert issubclass(FileError, RuntimeError)
    assert issubclass(FileError, ValueError)
    assert issubclass(recording.codec.RecordingError, FileError)


def test_no_file_of_100_kilobytes_is_worth_more_than_is_promised():
    assert ROOM + RATIO * 100_000 < 10 * MEGABYTE


@pytest.mark.parametrize("number", range(len(RUNS)))
def test_settings_that_ask_for_too_much_are_refused_within_bounds(number):
    """Every whole number among the settings of a run's operations, made large."""
    members = members_of(RUNS[number])
    text = members["run.json"].decode()
    places = [
        way
        for way in ways(json.loads(text))
        if way[0] == "programs" and "settings" in way and isinstance(_at(json.loads(text), way), int)
    ]
    chosen = random.Random(number).sample(places, min(len(places), 8))
    for way in chosen:
        for large in (20_011, 10**9):
            changed = json.loads(text)
            _at(changed, way[:-1])[way[-1]] = large
            data = zipped({"run.json": changed, "arrays.npz": members["arrays.npz"]})
            memory, _ = cost_of(lambda data=data: use_or_refuse(data))
            assert memory < 100 * MEGABYTE, way


def use_or_refuse(data):
    found = loaded_or_refused(data)
    if found is not None:
        use_run(found)


def _at(tree, way):
    for step in way:
        tree = tree[step]
    return tree


# --- saving -----------------------------------------------------------------------------------------------------------

unix = pytest.mark.skipif(os.name != "posix", reason="permissions, links and pipes are those of Unix")


@unix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_a_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "state.pt"
    path.write_text("before")
    path.chmod(mode)
    gv.save({"epoch": 1}, path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert gv.load(path) == {"epoch": 1}


@unix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_file(tmp_path / "new", b"content")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask
    assert (tmp_path / "new").stat().st_size == 7
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]


@unix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    real, link, dangling = tmp_path / "there" / "state.pt", tmp_path / "link.pt", tmp_path / "dangling.pt"
    real.write_text("before")
    link.symlink_to(real)
    dangling.symlink_to(tmp_path / "there" / "new.pt")
    for path in (link, dangling):
        gv.save(1, path)
        assert path.is_symlink()
        assert gv.load(path) == 1
    assert sorted(entry.name for entry in real.parent.iterdir()) == ["new.pt", "state.pt"]
    (tmp_path / "lost.pt").symlink_to(tmp_path / "nowhere" / "new.pt")
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*nowhere'"):
        gv.save(1, tmp_path / "lost.pt")


@unix
def test_what_is_no_file_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]
    write_file(os.devnull, b"content")


@pytest.mark.parametrize("failing", ["os.replace", "os.chmod"])
def test_nothing_half_written_stays(tmp_path, monkeypatch, failing):
    path = tmp_path / "state.pt"
    gv.save(1, path)
    monkeypatch.setattr(failing, lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        gv.save(2, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]
    assert gv.load(path) == 1


# --- whatever was imported before --------------------------------------------------------------------------------------

LOOP = """
import gradviz as gv
w = gv.tensor(2.0, requires_grad=True)
with {record}(progress=False) as run:
    for epoch in range(2):
        w.grad = None
        loss = (w - 1.0) ** 2
        loss.backward()
        w.data -= 0.25 * w.grad
"""
ALONE = {
    "a run as a page": "from gradviz.training import record" + LOOP.format(record="record") + "run.save('r.html')",
    "a run as a file": "from gradviz.training.loop.record import record\nimport pickle" + LOOP.format(record="record")
    + "gv.load(run.save('r.zip'))\npickle.dumps(run)",
    "a run, shown": "from gradviz.training import record" + LOOP.format(record="record") + "run.show()",
    "a drawing as a page": (
        "from gradviz.recording import record_graph\nfrom gradviz.drawing import draw_recording\nimport gradviz as gv\n"
        "draw_recording(record_graph(gv.tensor(1.0, requires_grad=True) * 2)).save('d.html')"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ALONE)
def test_showing_and_saving_do_not_depend_on_what_was_imported(tmp_path, what):
    path = os.pathsep.join([*sys.path])
    done = subprocess.run(
        [sys.executable, "-c", ALONE[what]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert math.prod(entry.stat().st_size for entry in tmp_path.iterdir()) > 0
