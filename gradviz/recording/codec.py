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
from pathlib import Path
from typing import Any, TypeVar

from gradviz.recording import model
from gradviz.recording.files import write_file
from gradviz.recording.model import Recording

FORMAT = "gradviz.recording"
VERSION = 1

Document = TypeVar("Document")
Check = Callable[[Document], None]


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
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: encode(inner)
            for field in dataclasses.fields(value)
            if field.init and (inner := getattr(value, field.name)) != field.default
        }
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


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
    return read(body, Recording, VERSION, "recording", _check_references)


def parse(text: str) -> dict[str, Any]:
    """Read the JSON of a recording, or of another document of gradviz."""
    try:
        body = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise RecordingError(f"this is not a recording: it is not valid JSON ({error})") from None
    if not isinstance(body, dict):
        raise RecordingError("this is not a recording: it is JSON, but of something else")
    return body


def read(body: dict[str, Any], kind: type[Document], newest: int, what: str, check: Check[Document]) -> Document:
    """Read a document into the dataclass it was made of.

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
    check
        What looks at the things that types do not say, and raises `DamageError`.

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
        made = decode(kind, {k: v for k, v in body.items() if k not in ("format", "version")}, what)
        check(made)
    except DamageError as damage:
        raise RecordingError(f"this {what} is damaged: {damage}") from None
    except RecursionError:
        raise RecordingError(f"this {what} is damaged: it is nested too deeply") from None
    return made


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


def _damaged(where: str, what: str) -> DamageError:
    return DamageError(f"{where} {what}")


def decode(kind: Any, value: Any, where: str) -> Any:
    """Read one value of a declared type. Goes as deep as the dataclasses do, which is not deep."""
    if kind is Any:
        return value
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in parts:
            return None
        options = [part for part in parts if part is not type(None)]
        if len(options) == 1:
            return decode(options[0], value, where)
        return _decode_number(value, where)
    if origin is typing.Literal:
        if value not in parts:
            raise _damaged(where, f"is {_shown(value)}, not one of {', '.join(map(str, parts))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise _damaged(where, f"is {_shown(value)}, not a list")
        if len(parts) == 2 and parts[1] is Ellipsis:
            if parts[0] == model.Number:
                return tuple([_decode_number(item, where) for item in value])
            return tuple(decode(parts[0], item, f"{where}[{place}]") for place, item in enumerate(value))
        if len(value) != len(parts):
            raise _damaged(where, f"has {len(value)} parts, not {len(parts)}")
        return tuple(decode(part, item, where) for part, item in zip(parts, value, strict=True))
    if kind is float:
        return float(_decode_number(value, where))
    is_plain = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    if is_plain:
        return value
    raise _damaged(where, f"is {_shown(value)}, not {getattr(kind, '__name__', kind)}")


def _decode_number(value: Any, where: str) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if value in ("nan", "inf", "-inf"):
        return float(value)
    raise _damaged(where, f"has {_shown(value)} where a number should be")


_HINTS: dict[type, dict[str, Any]] = {}


def _decode_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _damaged(where, f"is {_shown(value)}, not a {kind.__name__}")
    if kind not in _HINTS:
        _HINTS[kind] = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    unknown = [name for name in value if name not in fields]
    if unknown:
        raise _damaged(where, f"has a field {_shown(unknown[0])} that a {kind.__name__} does not have")
    missing = [name for name, field in fields.items() if name not in value and field.default is dataclasses.MISSING]
    if missing:
        raise _damaged(where, f"has no {missing[0]}")
    return kind(**{name: decode(_HINTS[kind][name], inner, f"{where}.{name}") for name, inner in value.items()})


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


def _check_references(recording: Recording) -> None:
    """Look at the graph, and that shapes fit numbers."""
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


def _check_value(value: model.Value, where: str) -> None:
    if value.data is not None and len(value.data) != math.prod(value.shape):
        raise _damaged(where, f"has {len(value.data)} numbers for a tensor of shape {list(value.shape)}")
    if value.data is None and (value.summary is None or value.preview is None or value.preview.data is None):
        raise _damaged(where, "has a tensor with neither numbers nor a summary")
    if value.preview is not None:
        _check_value(value.preview, where)
