"""`save` and `load`: tensors, and what holds them, in a file that cannot run code.

PyTorch's own files are pickles, and to open a pickle is to run a program. Here a file is an ordinary zip: the numbers
as ``.npy`` files, which ``numpy.load`` opens too, and beside them ``structure.json``, which says what holds what.
"""

from __future__ import annotations

import codecs
import io
import json
import math
import os
import struct
import zipfile
import zlib
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from gradviz.engine import devices, dtypes, mixed
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor, wrap

FORMAT, VERSION = "gradviz.tensors", 1

_STRUCTURE = "structure.json"
_MAPPINGS: dict[str, type[dict[Any, Any]]] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ArithmeticError,
    AssertionError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What `zipfile`, `json`, NumPy and the decoding below raise for a file that is not as it was written."""

_CONVERT = (
    "gradviz does not open pickles, because that runs whatever is in them. Where PyTorch is installed, convert it once: "
    "state = torch.load(path, weights_only=True); "
    "gradviz.save({name: gradviz.from_numpy(tensor.numpy()) for name, tensor in state.items()}, new_path)"
)

Path = str | os.PathLike[str]


def save(obj: Any, f: Path | IO[bytes]) -> None:
    """Write tensors to a file: one, or dictionaries, lists and tuples of them, such as a state.

    The same array under two names is written once, and shared again when loaded.

    Parameters
    ----------
    obj
        Tensors, arrays, numbers, strings, bools, ``None``, and dictionaries, lists and tuples of such. Of a module,
        save ``module.state_dict()``.
    f
        A path, which is written whole or not at all; or a file open for writing bytes.

    Raises
    ------
    TypeError
        If there is something else in it.

    Examples
    --------
    >>> import io
    >>> import gradviz as torch
    >>> from gradviz.serialization import load, save
    >>> file = io.BytesIO()
    >>> save({"w": torch.tensor([1.0, 2.0]), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> load(file)
    {'w': tensor([1., 2.]), 'epoch': 3}
    """
    if not isinstance(f, str | os.PathLike) and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    writer = _Writer()
    try:
        content = writer.encode(obj, "obj")
    except RecursionError:
        raise TypeError("cannot save obj: it is nested too deeply, or holds itself") from None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        structure = {"format": FORMAT, "version": VERSION, "content": content}
        archive.writestr(zipfile.ZipInfo(_STRUCTURE), json.dumps(structure, allow_nan=False))
        for number, array in enumerate(writer.arrays):
            with archive.open(zipfile.ZipInfo(_name(number)), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    if isinstance(f, str | os.PathLike):
        from gradviz.recording.files import write_file

        write_file(f, packed.getvalue())
    else:
        f.write(packed.getvalue())


def load(f: Path | IO[bytes], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what `save` wrote. Nothing in the file is run, whoever wrote it.

    A recording saved as ``.json`` is read too, and a recorded training run saved as ``.json`` or ``.json.gz``.

    Parameters
    ----------
    f
        A path, or a file open for reading bytes.
    map_location
        ``None`` or ``"cpu"``; there is no other device.
    weights_only
        As in PyTorch. Without effect: there is nothing else to load.

    Raises
    ------
    RuntimeError
        If the file is not by `save`, is damaged, or was written by a newer gradviz.
    ValueError
        The same, of a recording or a run.
    OSError
        If the file cannot be read.
    """
    if map_location is not None:
        devices.check_device(str(map_location))
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            data, where = file.read(), f"{os.fspath(f)}: this"
    elif hasattr(f, "read"):
        data, where = f.read(), "this"
        if not isinstance(data, bytes):
            raise TypeError("torch.load needs a file open for reading bytes: open(path, 'rb')")
    else:
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'read' attribute")
    if data[:2] == b"\x1f\x8b" or data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"["):
        return _read_json(data, where)
    _refuse_foreign(data, where)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if any(name.endswith("data.pkl") for name in names):
                raise _RefusalError(f"{where} is a PyTorch checkpoint. {_CONVERT}")
            if _STRUCTURE not in names:
                hint = " (numpy.load opens .npz files)" if any(name.endswith(".npy") for name in names) else ""
                raise _RefusalError(f"{where} is a zip file, but not one that gradviz.save wrote{hint}")
            return _read(archive, where)
    except _RefusalError as refused:
        raise RuntimeError(str(refused)) from None
    except _DAMAGE as error:
        raise RuntimeError(f"{where} file of tensors is damaged: {str(error) or type(error).__name__}") from None


def _read_json(data: bytes, where: str) -> Any:
    """Read what was recorded: a computation, or a training run."""
    from gradviz.recording import codec as recordings
    from gradviz.training import codec as runs

    try:
        if data[:2] == b"\x1f\x8b":
            data = runs.unpacked(data)
        body = recordings.parse(data.decode("utf-8-sig"))  # some editors begin a file with a mark
        return (runs if body.get("format") == runs.FORMAT else recordings).from_document(body)
    except UnicodeDecodeError:
        raise recordings.RecordingError(f"{where} is not a recording: it is not text") from None
    except recordings.RecordingError as error:
        raise recordings.RecordingError(f"{where.removesuffix('this')}{error}") from None


class _RefusalError(Exception):
    """A file that is whole, but not for us; with the sentence to say."""


def _refuse_foreign(data: bytes, where: str) -> None:
    if not data:
        raise RuntimeError(f"{where} file is empty")
    if data[:1] == b"\x80":
        raise RuntimeError(f"{where} is a Python pickle, perhaps an old PyTorch checkpoint. {_CONVERT}")
    if data[:6] == b"\x93NUMPY":
        raise RuntimeError(f"{where} is a NumPy array: read it with gradviz.from_numpy(numpy.load(path))")
    if data.lstrip()[:1] == b"<":
        raise RuntimeError(
            f"{where} is a page or a picture, for a browser. gradviz.load reads what was saved as .json, or by gradviz.save"
        )
    if data[:2] != b"PK":
        raise RuntimeError(f"{where} is not a file of tensors: gradviz.save did not write it")


# --- writing ------------------------------------------------------------------------------------------------------------


def _name(number: int) -> str:
    return f"arrays/{number}.npy"


class _Writer:
    """Describes values in JSON's terms, and collects their arrays.

    What JSON has too, stands for itself; all else is a dictionary of what it is and what is in it.
    """

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self._numbers: dict[int, int] = {}

    def encode(self, value: Any, where: str) -> Any:
        """Describe a value; `where` is its place, for errors."""
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": str(float(value))}
        if kind is Tensor:
            return {"tensor": self._array(value.storage()), "requires_grad": value.requires_grad}
        if kind is np.ndarray and _supported(value.dtype):
            return {"array": self._array(value)}
        if isinstance(value, np.number | np.bool_):
            return value.item()
        if isinstance(value, dtypes.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        for name, sequence in (("list", list), ("tuple", tuple), ("Size", Size)):
            if kind is sequence:
                return {name: [self.encode(item, f"{where}[{place}]") for place, item in enumerate(value)]}
        for name, mapping in _MAPPINGS.items():
            if kind is mapping:
                items = ((key, item, f"{where}[{key!r}]") for key, item in value.items())
                return {name: [[self.encode(key, f"{at}'s key"), self.encode(item, at)] for key, item, at in items]}
        words = f"cannot save {where}, which is a {kind.__name__}: {_advice(value)}"
        raise TypeError(mixed.explained(words, value))

    def _array(self, array: Any) -> int:
        """Return an array's number; one met before keeps its own."""
        if id(array) not in self._numbers:
            self._numbers[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return self._numbers[id(array)]


def _supported(numpy_dtype: np.dtype[Any]) -> bool:
    return any(numpy_dtype == dtype.numpy for dtype in dtypes.ALL)


def _advice(value: Any) -> str:
    if isinstance(value, Tensor):
        return "save its numbers, parameter.detach(), or the whole module.state_dict()"
    if hasattr(value, "load_state_dict"):
        return "save its state, .state_dict(), and put it back with .load_state_dict()"
    if isinstance(value, Mapping):
        return "save it as a plain dictionary, dict(...)"
    if isinstance(value, np.ndarray):
        return f"gradviz has no tensors of dtype {value.dtype}"
    return "gradviz saves tensors, numbers, strings, bools and None, and dictionaries, lists and tuples of them"


# --- reading ------------------------------------------------------------------------------------------------------------


def _read(archive: zipfile.ZipFile, where: str) -> Any:
    structure = json.loads(archive.read(_STRUCTURE))
    if not isinstance(structure, dict) or structure.get("format") != FORMAT:
        raise _RefusalError(f"{where} is a zip file, but not one that gradviz.save wrote")
    version = structure["version"]
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"its version is {version!r}")
    if version > VERSION:
        raise _RefusalError(
            f"{where} file of tensors was written by a newer gradviz (format version {version}; this gradviz reads "
            f"{VERSION}). Install the newest gradviz to open it."
        )
    arrays: dict[int, Any] = {}

    def array(number: int) -> Any:
        if number not in arrays:
            with archive.open(_name(number)) as member:
                found = np.lib.format.read_array(member, allow_pickle=False)
                if member.read(1):
                    raise ValueError(f"{_name(number)} has more in it than its array")
            native = found.astype(found.dtype.newbyteorder("="), copy=False)
            if not _supported(native.dtype):
                raise ValueError(f"{_name(number)} has entries of the dtype {native.dtype}")
            arrays[number] = native
        return arrays[number]

    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            if isinstance(value, list):
                raise ValueError(f"{_STRUCTURE} has a list where there is none")
            return value
        (kind, content), *rest = value.items()
        if kind == "tensor":
            tensor = wrap(array(content))
            if dict(rest).get("requires_grad"):
                tensor.requires_grad_()
            return tensor
        if kind == "array":
            return array(content)
        if kind == "float":
            return float(content)
        if kind == "dtype":
            return dtypes.from_numpy(dtypes.to_numpy(content))
        if kind in _MAPPINGS:
            return _MAPPINGS[kind]({decode(key): decode(item) for key, item in content})
        sequence = {"list": list, "tuple": tuple, "Size": Size}[kind]
        return sequence(decode(item) for item in content)

    return decode(structure["content"])
