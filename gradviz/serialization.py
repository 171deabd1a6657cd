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
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

import numpy as np

from gradviz.engine import devices, dtypes, mixed
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor, wrap
from gradviz.recording.check import shown
from gradviz.recording.files import write_file
from gradviz.recording.guards import AGAIN, NO_TEXT, Archive, DamageError, FileError, npy, packed, parse, reader_of

FORMAT, VERSION = "gradviz.tensors", 1

_STRUCTURE = "structure.json"
_DTYPES = {dtype.name: dtype for dtype in dtypes.ALL}
_SEQUENCES: dict[str, type] = {"list": list, "tuple": tuple, "Size": Size}
_MAPPINGS: dict[str, type[dict[Any, Any]]] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
BIG = 10**100
"""Whole numbers from here on are written in another way."""

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
    structure = json.dumps({"format": FORMAT, "version": VERSION, "content": content}, allow_nan=False)
    arrays = ((_name(number), npy(array)) for number, array in enumerate(writer.arrays))
    data = packed([(_STRUCTURE, structure.encode()), *arrays], deflate=False)
    if isinstance(f, str | os.PathLike):
        write_file(f, data)
    else:
        f.write(data)


def load(f: Path | IO[bytes], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what `save` wrote. Nothing in the file is run, whoever wrote it.

    A recording saved as ``.json`` is read too, and a recorded training run saved as ``.zip``. What a file unpacks to, and what
    stands in it, is bounded by its size.

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
    FileError
        If the file is not one that was saved here, is damaged, or was written by another version: a `RuntimeError`, as in
        PyTorch, and a `ValueError`.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import io
    >>> import gradviz as torch
    >>> file = io.BytesIO()
    >>> torch.save({"w": torch.tensor([1.0, 2.0])}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'w': tensor([1., 2.])}
    """
    if map_location is not None:
        devices.check_device(str(map_location))
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            return _loaded(file, f"{os.fspath(f)}: this")
    if not hasattr(f, "read"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'read' attribute")
    data = f.read()
    if not isinstance(data, bytes):
        raise TypeError("torch.load needs a file open for reading bytes: open(path, 'rb')")
    return _loaded(io.BytesIO(data), "this")


def _loaded(file: IO[bytes], where: str) -> Any:
    """Read what was saved, by its first bytes; `where` begins an error's sentence."""
    head = file.read(64)
    if head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"["):
        return _recording(head + file.read(), where)
    _refuse_foreign(head, where)
    file, worth = reader_of(file)
    with _refused(f"{where} file"):
        archive = Archive(file, worth)
    if any(name.endswith("data.pkl") for name in archive.names):
        raise FileError(f"{where} is a PyTorch checkpoint. {_CONVERT}")
    if _STRUCTURE in archive.names:
        with _refused(f"{where} file of tensors"):
            return _read(archive, where)
    return _run(archive, where)


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Make of damage what is said of a file."""
    try:
        yield
    except DamageError as damage:
        raise FileError(f"{what} is damaged: {damage}. {AGAIN}") from None
    except RecursionError:
        raise FileError(f"{what} is damaged: it is nested too deeply. {AGAIN}") from None


def _recording(data: bytes, where: str) -> Any:
    """Read a recorded computation."""
    from gradviz.recording import codec

    with _named(where):
        body = codec.document_of(data)
        if body.get("format") == "gradviz.run":
            codec.check_version(body, 2, "run")
        return codec.from_document(body)


def _run(archive: Archive, where: str) -> Any:
    """Read a recorded training run."""
    from gradviz.training.files import codec

    if codec.RUN not in archive.names:
        hint = " (numpy.load opens .npz files)" if any(name.endswith(".npy") for name in archive.names) else ""
        raise FileError(f"{where} is a zip file, but not one that gradviz.save wrote{hint}")
    with _named(where):
        return codec.from_archive(archive)


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Name the file in errors about what is in it."""
    try:
        yield
    except FileError as error:
        raise type(error)(f"{where.removesuffix('this')}{error}") from None


def _refuse_foreign(head: bytes, where: str) -> None:
    if not head:
        raise FileError(f"{where} file is empty")
    if head[:2] == b"\x1f\x8b":
        raise FileError(
            f"{where} is compressed with gzip, as gradviz 0.1 saved runs (.json.gz): record it again, and save it as .zip. "
            "Unpack any other with gunzip first"
        )
    if head[:1] == b"\x80":
        raise FileError(f"{where} is a Python pickle, perhaps an old PyTorch checkpoint. {_CONVERT}")
    if head[:6] == b"\x93NUMPY":
        raise FileError(f"{where} is a NumPy array: read it with gradviz.from_numpy(numpy.load(path))")
    if head.lstrip()[:1] == b"<":
        raise FileError(
            f"{where} is a page or a picture, for a browser. gradviz.load reads what was saved as .json, or by gradviz.save"
        )
    if head[:2] != b"PK":
        raise FileError(f"{where} is not a file of tensors: gradviz.save did not write it")


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
        if kind is int and abs(value) >= BIG:
            return {"int": hex(value)}  # JSON's readers know no such numbers
        if kind is str and NO_TEXT.search(value):
            raise TypeError(f"cannot save {where}, a text with half a character in it")
        if value is None or kind in (bool, int, str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": str(float(value))}
        if kind is Tensor:
            return {"tensor": self._array(value._writable()), "requires_grad": value.requires_grad}
        if kind is np.ndarray and _supported(value.dtype):
            return {"array": self._array(value)}
        if isinstance(value, np.number | np.bool_):
            return value.item()
        if isinstance(value, dtypes.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        for name, sequence in _SEQUENCES.items():
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


def _read(archive: Archive, where: str) -> Any:
    structure = parse(archive.read(_STRUCTURE), archive.worth)
    if not isinstance(structure, dict) or structure.get("format") != FORMAT:
        raise FileError(f"{where} is a zip file, but not one that gradviz.save wrote")
    if "version" not in structure:
        raise DamageError("'version' is missing")
    version = structure["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DamageError(f"its version is {shown(version)}")
    if version > VERSION:
        raise FileError(
            f"{where} file of tensors was written by a newer gradviz (format version {shown(version)}; this gradviz reads "
            f"{VERSION}). Install the newest gradviz to open it."
        )
    return _Reader(archive).decode(structure.get("content"))


class _Reader:
    """Makes values of what `_Writer` has written."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._arrays: dict[int, Any] = {}
        self._kinds: dict[str, Callable[[Any], Any]] = {
            "tensor": self._array,
            "array": self._array,
            "int": _big,
            "float": _float,
            "dtype": _dtype,
            **{name: partial(self._sequence, kind) for name, kind in _SEQUENCES.items()},
            **{name: partial(self._mapping, kind) for name, kind in _MAPPINGS.items()},
        }

    def decode(self, value: Any) -> Any:
        """Return the value that is described."""
        if isinstance(value, list):
            raise DamageError(f"{_STRUCTURE} has a list where there is none")
        if isinstance(value, str) and NO_TEXT.search(value):
            raise DamageError(f"{_STRUCTURE} has a text with half a character in it")
        if not isinstance(value, dict):
            return value
        (kind, content), *rest = value.items() or [("nothing", None)]
        if kind not in self._kinds or (rest and kind != "tensor"):
            raise DamageError(f"{shown(kind)} is nothing that is saved")
        made = self._kinds[kind](content)
        if kind != "tensor":
            return made
        tensor = wrap(made)
        wanted = dict(rest)
        if wanted.keys() - {"requires_grad"} or not isinstance(wanted.get("requires_grad", False), bool):
            raise DamageError(f"{_STRUCTURE} says of a tensor what none has")
        if wanted.get("requires_grad"):
            if made.dtype.kind != "f":
                raise DamageError(f"{_STRUCTURE} wants a gradient of a tensor of {made.dtype}")
            tensor.requires_grad_()
        return tensor

    def _array(self, number: Any) -> Any:
        """Return an array by its number; one asked for again is the same."""
        if not isinstance(number, int) or isinstance(number, bool):
            raise DamageError(f"{_STRUCTURE} calls an array {shown(number)}")
        if number not in self._arrays:
            self._arrays[number] = self._archive.array(_name(number), _DTYPES)
        return self._arrays[number]

    def _sequence(self, kind: type, content: Any) -> Any:
        if not isinstance(content, list):
            raise DamageError(f"{_STRUCTURE} has {shown(content)} for a {kind.__name__}")
        parts = [self.decode(item) for item in content]
        if kind is Size and not all(type(part) is int and 0 <= part < 2**63 for part in parts):
            raise DamageError(f"{_STRUCTURE} has a size of something else than lengths")
        return kind(parts)

    def _mapping(self, kind: type, content: Any) -> Any:
        if not isinstance(content, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in content):
            raise DamageError(f"{_STRUCTURE} has {shown(content)} for the pairs of a {kind.__name__}")
        made = kind()
        for key, item in content:
            name = self.decode(key)
            try:
                hash(name)
            except TypeError:
                raise DamageError(
                    f"{_STRUCTURE} has a {type(name).__name__} for the key of a {kind.__name__}"
                ) from None
            made[name] = self.decode(item)
        return made


def _big(text: Any) -> int:
    if not isinstance(text, str) or not re.fullmatch("-?0x[0-9a-f]+", text):
        raise DamageError(f"{_STRUCTURE} has {shown(text)} for a number")
    return int(text, 16)


def _float(text: Any) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise DamageError(f"{_STRUCTURE} has {shown(text)} for a number")
    return float(text)


def _dtype(name: Any) -> Any:
    if not isinstance(name, str) or name not in _DTYPES:
        raise DamageError(f"{_STRUCTURE} has {shown(name)} for a dtype")
    return _DTYPES[name]
