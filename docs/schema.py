"""Write ``docs/_static/recording.schema.json``: what a recording is as JSON, as a JSON Schema (draft 2020-12).

It is read off the dataclasses and their docstrings. Run ``python docs/schema.py`` after a field has changed; a test says when
the file is stale.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

from gradviz.recording import model
from gradviz.recording.codec import FORMAT, VERSION

FILE = Path(__file__).parent / "_static" / "recording.schema.json"
NUMBER = {"$ref": "#/$defs/Number"}
PLAIN = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": -model.MOST_ENTRIES, "maximum": model.MOST_ENTRIES},
    float: NUMBER,
    types.NoneType: {"type": "null"},
}


def schema() -> dict[str, Any]:
    """The whole schema."""
    kinds: dict[str, Any] = {}
    found = _of_dataclass(model.Recording, kinds)
    versioned = {
        "format": {"const": FORMAT, "description": "What this file is."},
        "version": {
            "const": VERSION,
            "description": "Rises when files of before can be read no more. Each gradviz reads one.",
        },
    }
    number = {
        "description": 'Of a tensor of bools `true` or `false`. What JSON has no number for is written as a text: `"nan"`, `"inf"`, `"-inf"`.',
        "anyOf": [{"type": ["number", "boolean"]}, {"enum": ["nan", "inf", "-inf"]}],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{FORMAT}:{VERSION}",
        "title": f"A recording of a computation, format version {VERSION}",
        "$comment": "Written by docs/schema.py from gradviz/recording/model.py.",
        **found,
        "required": [*versioned, *found["required"]],
        "properties": {**versioned, **found["properties"]},
        "$defs": {"Number": number, **dict(sorted(kinds.items()))},
    }


def _of(kind: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    """The schema of a declared type, as `gradviz.recording.codec` reads it."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        found = dict(_of(parts[0], kinds))
        for must in parts[1:]:
            found |= must.schema
        return found
    if dataclasses.is_dataclass(kind):
        if kind.__name__ not in kinds:
            kinds[kind.__name__] = {}  # it may have a field of its own type
            kinds[kind.__name__] = _of_dataclass(kind, kinds)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if kind == model.Number:
        return NUMBER
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_of(part, kinds) for part in parts]}
    if origin is typing.Literal:
        return {"enum": list(parts)}
    if origin is tuple and parts[1:] == (Ellipsis,):
        return {"type": "array", "items": _of(parts[0], kinds)}
    if origin is tuple:
        return {
            "type": "array",
            "prefixItems": [_of(part, kinds) for part in parts],
            "items": False,
            "minItems": len(parts),
        }
    return PLAIN[kind]


def _of_dataclass(kind: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    hints, (summary, told) = typing.get_type_hints(kind, include_extras=True), _told(kind)
    fields = [field for field in dataclasses.fields(kind) if field.init]
    properties = {}
    for field in fields:
        found = dict(_of(hints[field.name], kinds))
        if field.name in told:
            found["description"] = told[field.name]
        if field.default is not dataclasses.MISSING:
            found["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
        properties[field.name] = found
    return {
        "description": summary,
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields if field.default is dataclasses.MISSING],
        "additionalProperties": False,
    }


def _told(kind: Any) -> tuple[str, dict[str, str]]:
    """What a docstring says of a dataclass, and of each of its fields."""
    text, _, rest = (inspect.getdoc(kind) or "").partition("\n\nAttributes\n----------\n")
    found = {}
    for part in re.split(r"\n(?=\S)", re.split(r"\n\n\w+\n-+\n", rest)[0]):
        names, _, said = part.partition("\n")
        found.update(dict.fromkeys(names.split(", "), _plain(said)))
    return _plain(text), found


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("`None`", "`null`").split())


def written() -> str:
    """The file's text."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
