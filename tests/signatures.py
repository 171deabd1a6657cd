"""Write `gradviz/engine/signatures.txt`: how PyTorch's functions and methods may be called, asked of PyTorch itself.

``python -m tests.signatures`` writes the file anew; a test says when it is not what PyTorch has.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import gradviz

TABLE = Path(gradviz.__file__).parent / "engine" / "signatures.txt"
KINDS = {
    "Tensor": "Tensor", "Number": "Number", "Scalar": "Number", "_int": "int", "_int | SymInt": "int", "int": "int",
    "_bool": "bool", "bool": "bool", "_float": "float", "float": "float", "str": "str", "_dtype": "dtype", "_layout": "layout",
    "_device": "device", "DeviceLikeType": "device", "memory_format": "memory_format", "Generator": "Generator",
    "_size": "ints", "Sequence[_int]": "ints", "Sequence[_int | SymInt]": "ints", "_int | _size": "ints1",
    "_int | SymInt | Sequence[_int | SymInt]": "ints1", "Sequence[_float]": "floats", "Sequence[Number]": "Numbers",
    "tuple[Tensor, ...] | list[Tensor]": "Tensors", "Tensor | Number": "Tensor+", "Tensor | list": "Tensor",
    "List[int]": "ints", "List[float]": "floats", "List[Tensor]": "Tensors", "List[Scalar]": "Numbers", "Device": "device",
    "Any": "object", "number": "Number",
}  # fmt: skip
"""PyTorch's stubs and schemas, in the table's words."""

OWN_KINDS = {"memory_format": "memory_format?", "layout": "layout?", "device": "device?"}
WRITTEN = "Tensor? out=None"
DIVISIONS = ["", ", *, str? rounding_mode"]
FORMAT = "*, memory_format? memory_format=None"
BY_HAND = {
    "as_tensor": ["object data, *, dtype? dtype=None, device? device=None"],
    "true_divide": ["Tensor+ input, Tensor+ other, *, Tensor? out=None"],
    "Tensor.true_divide": ["Tensor+ other"],
    "Tensor.true_divide_": ["Tensor+ other"],
    "floor_divide": ["Tensor+ input, Tensor+ other, *, Tensor? out=None", "Tensor+ input, Number other"],
    "nonzero": ["Tensor input, *, Tensor? out=None", "Tensor input, *, bool as_tuple"],
    "tensor": [
        "object data, *, dtype? dtype=None, device? device=None, bool pin_memory=False, bool requires_grad=False, "
        "object names=None"
    ],
    "Tensor.copy_": ["Tensor+ other, bool non_blocking=False"],
    "Tensor.cpu": [FORMAT],
    "Tensor.floor_divide": ["Tensor+ other", "Number other"],
    "Tensor.is_contiguous": [FORMAT],
    "Tensor.contiguous": [FORMAT],
    "Tensor.nonzero": ["", "*, bool as_tuple"],
    "Tensor.numel": [""],
    "Tensor.requires_grad_": ["bool requires_grad=True"],
    "Tensor.size": ["int? dim=None"],
    "Tensor.stride": ["int? dim=None"],
    **{name: [f"Tensor+ input, Tensor+ other{more or ', *'}, Tensor? out=None" for more in DIVISIONS] for name in ("div", "divide")},
    **{f"Tensor.{name}": [f"Tensor+ other{more}" for more in DIVISIONS] for name in ("div", "divide", "div_", "divide_")},
    **{
        f"Tensor.{name}": [FORMAT]
        for name in ("bfloat16", "bool", "byte", "char", "double", "float", "half", "int", "long", "short")
    },
}  # fmt: skip
"""What stands in the stubs otherwise than in the parser."""

NOT_PARSED = ("asarray", "from_numpy", "get_default_dtype", "is_grad_enabled", "is_inference_mode_enabled")
"""Functions whose arguments are Python's business."""


def _kind(annotation: str) -> str:
    """Return the table's word for a type in PyTorch's stubs; a ``?`` where it may be None."""
    none = annotation.endswith(" | None")
    plain = annotation.removesuffix(" | None")
    for more in (" | torch.SymInt | torch.SymFloat", " | _complex"):
        plain = plain.replace(more, "")
    kind = KINDS.get(plain) or ("Tensors" if plain.startswith("tuple[Tensor") else None)
    if kind is None and plain.startswith("Tensor | tuple[Tensor"):
        kind = "Tensors"
    return (kind or "object") + ("?" if none else "")


def _of_stub(function: ast.FunctionDef, method: bool) -> str | None:
    """Return a stub's parameters in the table's words; ``None`` for the form with several sizes in a row."""
    arguments = function.args
    if arguments.vararg is not None:
        return None
    given = arguments.posonlyargs + arguments.args
    defaults: list[Any] = [None] * (len(given) - len(arguments.defaults)) + list(arguments.defaults)
    parts = [_part(argument, default) for argument, default in zip(given, defaults, strict=True)]
    keywords = [_part(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if method:
        parts = parts[1:]
        keywords = [part for part in keywords if not part.endswith(" out=None")]
    elif "Tensor self" in parts:
        parts[0] = f"!{parts[0]}"  # an old form, which PyTorch still takes and no longer names
        parts = [part.replace("Tensor self", "Tensor input") for part in parts]
        keywords = [WRITTEN if part == "Tensor out" else part for part in keywords]
    text = ", ".join([*parts, "*", *keywords] if keywords else parts)
    # Beside what its parser knows, the stubs hold a few forms by hand, and those with names for dimensions.
    return None if "bool pin_memory" in text or "object dim" in text or "object names" in text else text


def _part(argument: ast.arg, default: Any) -> str:
    kind = _kind(ast.unparse(argument.annotation)) if argument.annotation else "object"
    kind = OWN_KINDS.get(argument.arg, kind)
    return f"{kind} {argument.arg}" + ("" if default is None else f"={ast.unparse(default).replace(' ', '')}")


def _of_stubs(tree: list[ast.stmt], method: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in tree:
        if isinstance(node, ast.FunctionDef) and not any("property" in ast.unparse(d) for d in node.decorator_list):
            line = _of_stub(node, method)
            known = found.setdefault(node.name, [])
            if line is not None and line not in known:
                known.append(line)
    # What is there with `out` and without is one.
    return {name: [s for s in known if f"{s}, *, {WRITTEN}" not in known] for name, known in found.items()}


def _of_schemas(name: str) -> list[str]:
    """Return the signatures of an operator that has no stub, such as ``linalg_inv``."""
    import torch

    lines: list[str] = []
    writing: list[str] = []
    for schema in torch._C._jit_get_schemas_for_operator(f"aten::{name}"):
        if any(str(a.type) in ("Dimname", "Optional[Dimname]") for a in schema.arguments):
            continue
        parts, keyword_only, out = [], False, 0
        for argument in schema.arguments:
            if argument.is_out:
                out += 1
                continue
            if argument.kwarg_only and not keyword_only:
                keyword_only = True
                parts.append("*")
            text = str(argument.type)
            none = text.startswith("Optional[")
            text = text.removeprefix("Optional[").removesuffix("]" if none else "")
            if argument.name == "dtype":
                text = "_dtype"
            kind = KINDS.get(text, "object") + ("1" if argument.N and text == "List[int]" else "") + "?" * none
            label = {"self": "input"}.get(argument.name, argument.name)
            part = f"{OWN_KINDS.get(label, kind)} {label}"
            if argument.has_default_value():
                part += f"={str(argument.default_value).replace(' ', '')}"
            parts.append(part)
        line = ", ".join(parts)
        if out:
            writing.append(line)
            line += (", " if keyword_only else ", *, ") + ("Tensor? out=None" if out == 1 else "Tensors? out=None")
        lines.append(line)
    # A form that can be written into a given tensor stands for the same one without.
    return [line for line in dict.fromkeys(lines) if line not in writing]


def wanted() -> str:
    """Return what the table should say."""
    import torch

    folder = Path(torch.__file__).parent / "_C"
    functions = _of_stubs(ast.parse((folder / "_VariableFunctions.pyi").read_text()).body, False)
    classes = ast.parse((folder / "__init__.pyi").read_text()).body
    base = next(node for node in classes if isinstance(node, ast.ClassDef) and node.name == "TensorBase")
    methods = _of_stubs(base.body, True)
    for known in methods.values():
        known[:] = [line.replace(" from_", " from") for line in known]  # a word of Python, but for the parser a name
    for name, known in functions.items():
        old = [
            line.replace("Tensor input, ", "", 1).removesuffix(f", *, {WRITTEN}")
            for line in known
            if line.startswith("!")
        ]
        for method in (methods.get(name), methods.get(f"{name}_")):
            if method is not None:
                method += [line if line.startswith("!") else f"!{line}" for line in old]
    functions |= BY_HAND
    methods |= {name.removeprefix("Tensor."): lines for name, lines in BY_HAND.items() if name.startswith("Tensor.")}
    lines = []
    for name in sorted(n for n in dir(gradviz) if not n.startswith("_")):
        if name not in NOT_PARSED and isinstance(getattr(torch, name, None), type(torch.add)):
            lines += [f"{name}({line})" for line in functions.get(name) or _of_schemas(name)]
    for name in sorted(n for n in dir(gradviz.Tensor) if not n.startswith("_")):
        if isinstance(getattr(torch.Tensor, name, None), type(torch.Tensor.add)):
            lines += [f"Tensor.{name}({line})" for line in methods.get(name, [])]
    rooms = {"linalg": (torch.linalg, gradviz.linalg), "special": (torch.special, gradviz.special)}
    for room, (theirs, ours) in rooms.items():
        for name in sorted(n for n in dir(ours) if not n.startswith("_")):
            builtin = getattr(theirs, name, None)
            if isinstance(builtin, type(torch.add)):
                lines += [f"{room}.{name}({line})" for line in _of_schemas(builtin.__name__)]
    for name in sorted(n for n in dir(gradviz.nn.functional) if not n.startswith("_")):
        builtin = getattr(torch.nn.functional, name, None)
        if isinstance(builtin, type(torch.add)):
            found = functions.get(builtin.__name__) or _of_schemas(builtin.__name__)
            lines += [f"nn.functional.{name}({line})" for line in found]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(wanted())
