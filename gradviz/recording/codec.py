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
from gradviz.recording.check import checked, shown
from gradviz.recording.files import write_file
from gradviz.recording.guards import AGAIN, NO_TEXT, DamageError, FileError, parse
from gradviz.recording.later import Row
from gradviz.recording.model import Recording

FORMAT = "gradviz.recording"
VERSION = 2

Document = TypeVar("Document")
Made = TypeVar("Made")


class RecordingError(FileError):
    """A file that is not a recording or a run, is damaged, or was written by another version of gradviz."""


def dumps(recording: Recording) -> str:
    """Write a recording as JSON text.

    Numbers that JSON does not know are written as ``"nan"``, ``"inf"`` and ``"-inf"``.
    """
    body = {"format": FORMAT, "version": VERSION, **encode(recording)}
    return json.dumps(body, allow_nan=False, separators=(",", ":"))


def encode(value: Any) -> Any:
    """Return a part of a recording as plain JSON data: dataclasses as dictionaries without what has its default."""
    if isinstance(value, tuple | Row):
        items = list(value)
        if items and set(map(type, items)) <= _NUMBERS and math.isfinite(sum(items)):
            return items  # a tensor's entries: most of what there is
        return [encode(item) for item in items]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            name: encode(inner)
            for name, default in _fields_of(type(value))
            if (inner := getattr(value, name)) != default
        }
    return value


_NUMBERS = {float, int, bool}


@cache
def _fields_of(kind: type) -> tuple[tuple[str, Any], ...]:
    """Return a dataclass's fields, by name, with their defaults."""
    return tuple((field.name, field.default) for field in dataclasses.fields(kind) if field.init)


def loads(text: str) -> Recording:
    """Read a recording from JSON text.

    Raises
    ------
    RecordingError
        If it is not a recording, is damaged, or was written by another version of gradviz.
    """
    return from_document(document_of(text.encode("utf-8", "surrogatepass")))


def document_of(data: bytes) -> dict[str, Any]:
    """Read the JSON of a recording, or of something else that gradviz may have written."""
    try:
        body = parse(data)
    except DamageError as damage:
        raise RecordingError(f"this file is damaged: {damage}. {AGAIN}") from None
    if not isinstance(body, dict):
        raise RecordingError("this is not a recording: it is JSON, but of something else")
    return body


def from_document(body: dict[str, Any]) -> Recording:
    """Do the same for JSON that has been parsed."""
    if body.get("format") != FORMAT:
        raise RecordingError('this is not a recording: it is JSON, but does not say "format": "gradviz.recording"')
    return read(body, Recording, VERSION, "recording", checked)


def read(body: dict[str, Any], kind: type[Document], version: int, what: str, make: Callable[[Document], Made]) -> Made:
    """Read a document into the dataclass it was made of, and make of it what it describes.

    Parameters
    ----------
    body
        The document, with its format and version.
    kind
        The dataclass.
    version
        The one that is read.
    what
        What to call it: ``"recording"``.
    make
        Takes the document, looks at the things that types do not say, and raises `DamageError`; what it returns is returned.

    Raises
    ------
    RecordingError
        If it is damaged, or of another version.
    """
    check_version(body, version, what)
    try:
        return make(decode(kind, {k: v for k, v in body.items() if k not in ("format", "version")}, what))
    except DamageError as damage:
        raise RecordingError(f"this {what} is damaged: {damage}. {AGAIN}") from None
    except RecursionError:
        raise RecordingError(f"this {what} is damaged: it is nested too deeply. {AGAIN}") from None


def check_version(body: dict[str, Any], version: int, what: str) -> None:
    """See that a document is of the version that is read here.

    Raises
    ------
    RecordingError
        If it is of another, or says none.
    """
    found, made_by = body.get("version"), body.get("producer")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise RecordingError(f"this {what} is damaged: its version is {shown(found)}, not a number. {AGAIN}")
    if found > version:
        raise RecordingError(
            f"this {what} was written by a newer gradviz (format version {shown(found)}; this gradviz reads {version}). "
            "Install the newest gradviz to open it."
        )
    if found < version:
        by = made_by if isinstance(made_by, str) and made_by.isprintable() and len(made_by) < 40 else "an older gradviz"
        raise RecordingError(
            f"this {what} was written by {by} (format version {found}; this gradviz reads {version}). Record it again, or "
            "open it with the gradviz that wrote it."
        )


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
        return from_document(document_of(Path(path).read_bytes()))
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
    if origin is typing.Annotated:
        return _limited_reader(*parts)
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if origin in (types.UnionType, typing.Union):
        return _union_reader(parts)
    if origin is typing.Literal:
        return _literal_reader(parts)
    if origin is tuple:
        return _list_reader(parts[0]) if parts[1:] == (Ellipsis,) else _tuple_reader(parts)
    return {float: _float, int: _integer, str: _text}.get(kind) or _plain_reader(kind)


def _plain_reader(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        raise _WrongError(f"is {shown(value)}, not {kind.__name__}")

    return read


def _float(value: Any) -> float:
    return value if type(value) is float else float(_number(value))


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise _WrongError(f"is {shown(value)}, not int")
    if abs(value) > model.MOST_ENTRIES:
        raise _WrongError(f"is {shown(value)}, far from anything that is counted")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError(f"is {shown(value)}, not str")
    if not value.isascii() and NO_TEXT.search(value):
        raise _WrongError(f"is {shown(value)}, with half a character in it")
    return value


def _limited_reader(kind: Any, *limits: model.Must) -> Reader:
    inner = _reader_of(kind)

    def read(value: Any) -> Any:
        found = inner(value)
        for limit in limits:
            if not limit.holds(found):
                raise _WrongError(f"is {shown(value)}, not {limit.be}")
        return found

    return read


def _literal_reader(allowed: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, str) and value in allowed:
            return value
        raise _WrongError(f"is {shown(value)}, not one of {', '.join(map(str, allowed))}")

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
        return tuple([reader(item) for reader, item in zip(readers, value, strict=True)])

    return read


@cache
def _field_readers(kind: Any) -> dict[str, Reader]:
    """Return what reads each field of a dataclass. Asked for late: a dataclass may have a field of its own type."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: _reader_of(hints[field.name]) for field in dataclasses.fields(kind) if field.init}


def _dataclass_reader(kind: Any) -> Reader:
    needed = [field.name for field in dataclasses.fields(kind) if field.init and field.default is dataclasses.MISSING]

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _WrongError(f"is {shown(value)}, not a {kind.__name__}")
        found, readers = {}, _field_readers(kind)
        for name, inner in value.items():
            reader = readers.get(name)
            if reader is None:
                raise _WrongError(f"has a field {shown(name)} that a {kind.__name__} does not have")
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
        raise _WrongError(f"is {shown(value)}, not a list")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    raise _WrongError(f"has {shown(value)} where a number should be")
