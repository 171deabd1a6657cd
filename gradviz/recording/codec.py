"""Recordings as JSON, and back.

The format is the dataclasses, field by field; fields that have their default are left out. A file says its format and
version. What is read is checked against the dataclasses' own types, so that a damaged file gives one clear sentence
and never half a recording.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import types
import typing
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gradviz.recording import model
from gradviz.recording.files import write_file
from gradviz.recording.model import Recording

FORMAT = "gradviz.recording"
VERSION = 1

Document = TypeVar("Document")
Made = TypeVar("Made")


class RecordingError(ValueError):
    """A file that is not a recording, is damaged, or is too new."""


class DamageError(Exception):
    """Says where a document is not as it was written."""


def dumps(recording: Recording) -> str:
    """Write a recording as JSON text.

    Numbers that JSON does not know are written as ``"nan"``, ``"inf"`` and ``"-inf"``.
    """
    body = {"format": FORMAT, "version": VERSION, **encode(recording)}
    return json.dumps(body, allow_nan=False, separators=(",", ":"))


def encode(value: Any) -> Any:
    """Return a part of a recording as plain JSON data: dataclasses as dictionaries without what has its default."""
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            name: encode(inner)
            for name, default in _fields_of(type(value))
            if (inner := getattr(value, name)) != default
        }
    return value


@cache
def _fields_of(kind: type) -> tuple[tuple[str, Any], ...]:
    """Return a dataclass's fields, by name, with their defaults."""
    return tuple((field.name, field.default) for field in dataclasses.fields(kind) if field.init)


def loads(text: str) -> Recording:
    """Read a recording from JSON text.

    Raises
    ------
    RecordingError
        If it is not a recording, is damaged, or was written by a newer gradviz.
    """
    return from_document(parse(text))


def from_document(body: dict[str, Any]) -> Recording:
    """Do the same for JSON that has been parsed."""
    if body.get("format") != FORMAT:
        raise RecordingError('this is not a recording: it is JSON, but does not say "format": "gradviz.recording"')
    return read(body, Recording, VERSION, "recording", _checked)


def parse(text: str) -> dict[str, Any]:
    """Read the JSON of a recording, or of another document of gradviz."""
    try:
        body = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and _ends_early(text, error):
            raise RecordingError("this file is damaged: its end is missing") from None
        raise RecordingError(f"this is not a recording: it is not valid JSON ({error})") from None
    if not isinstance(body, dict):
        raise RecordingError("this is not a recording: it is JSON, but of something else")
    return body


def _ends_early(text: str, error: json.JSONDecodeError) -> bool:
    """Say whether all is well up to the end, and more is needed there. It may end within a word, such as ``null``."""
    end = len(text.rstrip())
    return text.lstrip()[:1] == "{" and (
        error.msg.startswith("Unterminated string") or error.pos > end - len("-Infinity")
    )


def read(body: dict[str, Any], kind: type[Document], newest: int, what: str, make: Callable[[Document], Made]) -> Made:
    """Read a document into the dataclass it was made of, and make of it what it describes.

    Parameters
    ----------
    body
        The document, with its format and version.
    kind
        The dataclass.
    newest
        The newest version that can be read.
    what
        What to call it: ``"recording"``.
    make
        Takes the document, looks at the things that types do not say, and raises `DamageError`; what it returns is returned.

    Raises
    ------
    RecordingError
        If it is damaged, or was written by a newer gradviz.
    """
    version = body.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RecordingError(f"this {what} is damaged: its version is {version!r}, not a number")
    if version > newest:
        raise RecordingError(
            f"this {what} was written by a newer gradviz (format version {version}; this gradviz reads {newest}). "
            "Install the newest gradviz to open it."
        )
    try:
        return make(decode(kind, {k: v for k, v in body.items() if k not in ("format", "version")}, what))
    except DamageError as damage:
        raise RecordingError(f"this {what} is damaged: {damage}") from None
    except RecursionError:
        raise RecordingError(f"this {what} is damaged: it is nested too deeply") from None


def save(recording: Recording, path: str | os.PathLike[str]) -> Path:
    """Write a recording to a ``.json`` file, whole or not at all."""
    return write_file(path, dumps(recording))


def load(path: str | os.PathLike[str]) -> Recording:
    """Read a recording from a file.

    Raises
    ------
    RecordingError
        As `loads`, naming the file.
    OSError
        If the file cannot be read.
    """
    try:
        return loads(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise RecordingError(f"{path}: this is not a recording: it is not text") from None
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from None


# --- reading ---------------------------------------------------------------------------------------------------------

Reader = Callable[[Any], Any]
"""Reads one value of a declared type, or says that it is wrong."""


class _WrongError(Exception):
    """Says what is wrong with a value. Where it is, those say whose part it is, the innermost first."""

    def __init__(self, what: str) -> None:
        self.what, self.path = what, [""]

    def __str__(self) -> str:
        return f"{''.join(reversed(self.path))} {self.what}"


def _damaged(where: str, what: str) -> DamageError:
    return DamageError(f"{where} {what}")


def decode(kind: Any, value: Any, where: str) -> Any:
    """Read one value of a declared type. Goes as deep as the dataclasses do, which is not deep."""
    try:
        return _reader_of(kind)(value)
    except _WrongError as wrong:
        raise DamageError(f"{where}{wrong}") from None


@cache
def _reader_of(kind: Any) -> Reader:
    """Return what reads a type. A document has thousands of values of a few types, so each type is looked at once."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return lambda value: value
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if origin in (types.UnionType, typing.Union):
        return _union_reader(parts)
    if origin is typing.Literal:
        return _literal_reader(parts)
    if origin is tuple:
        return _list_reader(parts[0]) if parts[1:] == (Ellipsis,) else _tuple_reader(parts)
    if kind is float:
        return lambda value: float(_number(value))
    return _plain_reader(kind)


def _plain_reader(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        raise _WrongError(f"is {_shown(value)}, not {kind.__name__}")

    return read


def _literal_reader(allowed: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if value in allowed:
            return value
        raise _WrongError(f"is {_shown(value)}, not one of {', '.join(map(str, allowed))}")

    return read


def _union_reader(parts: tuple[Any, ...]) -> Reader:
    """Read something that may be missing; or a number, which is the only thing that comes in several types."""
    options = [part for part in parts if part is not type(None)]
    read = _reader_of(options[0]) if len(options) == 1 else _number
    if len(options) == len(parts):
        return read
    return lambda value: None if value is None else read(value)


def _list_reader(part: Any) -> Reader:
    read = _number if part == model.Number else _reader_of(part)

    def read_all(value: Any) -> Any:
        place = 0
        found = []
        try:
            for place, item in enumerate(_list(value)):  # noqa: B007 (it says where)
                found.append(read(item))
        except _WrongError as wrong:
            if isinstance(value, list):
                wrong.path.append(f"[{place}]")
            raise
        return tuple(found)

    return read_all


def _tuple_reader(parts: tuple[Any, ...]) -> Reader:
    readers = [_reader_of(part) for part in parts]

    def read(value: Any) -> Any:
        if len(_list(value)) != len(readers):
            raise _WrongError(f"has {len(value)} parts, not {len(readers)}")
        return tuple([read(item) for read, item in zip(readers, value, strict=True)])

    return read


@cache
def _field_readers(kind: Any) -> dict[str, Reader]:
    """Return what reads each field of a dataclass. Asked for late: a dataclass may have a field of its own type."""
    hints = typing.get_type_hints(kind)
    return {field.name: _reader_of(hints[field.name]) for field in dataclasses.fields(kind) if field.init}


def _dataclass_reader(kind: Any) -> Reader:
    needed = [field.name for field in dataclasses.fields(kind) if field.init and field.default is dataclasses.MISSING]

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _WrongError(f"is {_shown(value)}, not a {kind.__name__}")
        found, readers = {}, _field_readers(kind)
        for name, inner in value.items():
            reader = readers.get(name)
            if reader is None:
                raise _WrongError(f"has a field {_shown(name)} that a {kind.__name__} does not have")
            try:
                found[name] = reader(inner)
            except _WrongError as wrong:
                wrong.path.append(f".{name}")
                raise
        for name in needed:
            if name not in found:
                raise _WrongError(f"has no {name}")
        return kind(**found)

    return read


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _WrongError(f"is {_shown(value)}, not a list")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if value in ("nan", "inf", "-inf"):
        return float(value)
    raise _WrongError(f"has {_shown(value)} where a number should be")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def check_graph(graph: model.Graph, where: str) -> None:
    """See that every id that a graph mentions exists: the drawing relies on it."""
    tensors, operations = {t.id for t in graph.tensors}, {o.id for o in graph.operations}
    for id in (*tensors, *operations):
        if not id.isalnum() or not id.isascii():
            raise _damaged(where, f"has an id {_shown(id)}; ids are letters and digits")
    if len(tensors) < len(graph.tensors) or len(operations) < len(graph.operations):
        raise _damaged(where, "uses an id twice")
    for operation in graph.operations:
        for place, argument in enumerate(operation.inputs):
            if argument.tensor not in tensors:
                raise _damaged(
                    f"operation {operation.id}", f"uses a tensor {_shown(argument.tensor)} that is not there"
                )
            if argument.id != f"{operation.id}_{place}":
                raise _damaged(f"operation {operation.id}", f"calls argument {place} {_shown(argument.id)}")
        for output in operation.outputs:
            if output not in tensors:
                raise _damaged(f"operation {operation.id}", f"makes a tensor {_shown(output)} that is not there")
    for tensor in graph.tensors:
        if tensor.producer is not None and tensor.producer not in operations:
            raise _damaged(f"tensor {tensor.id}", f"is made by {_shown(tensor.producer)}, which is not there")


def _checked(recording: Recording) -> Recording:
    """Return a recording whose graph is whole, and whose shapes fit its numbers."""
    graph = recording.graph
    check_graph(graph, "recording.graph")
    tensors, operations = {t.id for t in graph.tensors}, {o.id for o in graph.operations}
    arguments = {argument.id for _, argument in graph.arguments()}
    for place, frame in enumerate(recording.frames):
        where = f"frame {place}"
        if frame.current and frame.current not in tensors and frame.current not in operations:
            raise _damaged(where, f"is about {_shown(frame.current)}, which is not there")
        for id, value in (*frame.values, *((g.tensor, g.value) for g in frame.gradients)):
            if id not in tensors:
                raise _damaged(where, f"gives a value to {_shown(id)}, which is not there")
            _check_value(value, where)
        for contribution in frame.contributions:
            if contribution.argument not in arguments:
                raise _damaged(where, f"has a contribution along {_shown(contribution.argument)}, which is not there")
            _check_value(contribution.value, where)
            if contribution.local is not None:
                _check_value(contribution.local, where)
    return recording


def _check_value(value: model.Value, where: str) -> None:
    if value.data is not None and len(value.data) != math.prod(value.shape):
        raise _damaged(where, f"has {len(value.data)} numbers for a tensor of shape {list(value.shape)}")
    if value.data is None and (value.summary is None or value.preview is None or value.preview.data is None):
        raise _damaged(where, "has a tensor with neither numbers nor a summary")
    if value.preview is not None:
        _check_value(value.preview, where)
