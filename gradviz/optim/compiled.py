"""A rule computed: the lines of a `Sheet` become a Python function of array operations in place, made once per form.

A function's source can be read: ``compiled(Adam._rule, group).source``. Of a large array it computes one block of entries
after the other, so that what it computes on the way stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.tensor import wrap
from gradviz.optim import arithmetic
from gradviz.optim.arithmetic import Array, number
from gradviz.optim.rule import Memory, Number, Result, Rule, Setting, Sheet, Term

BLOCK = 131072
"""How many entries are computed at a time."""

SCALARS = {"+": "+", "−": "-", "·": "*", "/": "/", "^": "**", "<": "<", ">": ">", "=": "=="}
ARRAYS = {"√": "sqrt", "||": "absolute", "sign": "sign", "negative": "negative", "max": "maximum", "min": "minimum"}


def compiled(rule: Rule, settings: Mapping[str, Any]) -> Compiled:
    """Return the function of a rule in the form it has with these settings."""
    asked, forms = _known.setdefault(rule, ([], {}))
    found = forms.get(tuple(map(bool, map(settings.get, asked))))
    if found is None:
        sheet = Sheet(settings)
        rule(sheet)
        found = Compiled(sheet)
        if not set(sheet.asked) <= set(asked):
            asked += dict.fromkeys(name for name in sheet.asked if name not in asked)
            forms.clear()
        forms[tuple(map(bool, map(settings.get, asked)))] = found
    return found


_known: dict[Rule, tuple[list[str], dict[tuple[bool, ...], Compiled]]] = {}
"""By rule: the settings that decide about its form, and the forms that were made."""


class Compiled:
    """A rule in one of its forms.

    Attributes
    ----------
    move
        ``move(group, moved)`` moves parameters in place, and updates what is remembered of them. Of each is given its array,
        its gradient's, its memory, and what else goes along.
    source
        Its source.
    states
        The names under which it remembers.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._memories = sheet.memories
        writer = _Writer(sheet)
        self._counts = writer.counts
        self.states = frozenset([memory.state for memory in sheet.memories] + ["step"] * writer.counts)
        self.source = writer.source()
        names = {**_NAMES, "begin": self.begin, "states": self.states}
        exec(compile(self.source, "<an optimiser's rule>", "exec"), names)
        self.move: Callable[[Mapping[str, Any], Iterable[tuple[Array, Any, dict[str, Any], Any]]], None] = names["move"]

    def begin(self, memory: dict[str, Any], w: Array, group: Mapping[str, Any]) -> None:
        """Put into a parameter's memory what it has before the first step."""
        if self._counts and "step" not in memory:
            memory["step"] = scalar(0.0)
        for kept in self._memories:
            if memory.get(kept.state) is None:
                start = kept.start
                value = number(group[start.name]) if isinstance(start, Setting) else getattr(start, "value", 0.0)
                memory[kept.state] = wrap(np.full_like(w, value)) if kept.whole else scalar(value)


def scalar(value: float) -> Any:
    """Return a number to be remembered: a tensor without dimensions."""
    return wrap(np.array(value, np.float64 if dtypes.get_default_dtype() is dtypes.float64 else np.float32))


def blocks(*arrays: Array) -> Iterable[Any]:
    """Cut arrays of one shape into blocks of entries; those that are not in order in memory are one block."""
    size, shape = arrays[0].size, arrays[0].shape
    if not all(array.flags.c_contiguous and array.shape == shape for array in arrays):
        return (arrays,)
    flat = [array.reshape(-1) for array in arrays]
    return ([array[start : start + BLOCK] for array in flat] for start in range(0, size, BLOCK))


_NAMES: dict[str, Any] = {
    **{name: getattr(np, name) for name in (*ARRAYS.values(), "add", "subtract", "multiply", "divide", "reciprocal")},
    **{name: getattr(np, name) for name in ("copyto", "empty", "where")},
    **{name: getattr(arithmetic, name) for name in ("fused", "move_towards", "number")},
    "blocks": blocks,
    "BLOCK": BLOCK,
    "FEW": arithmetic.FEW,
}
"""What a function that was made calls."""


class _Writer:
    """Writes the function: the numbers of a step first, then what is done with each block."""

    def __init__(self, sheet: Sheet) -> None:
        self.settings: list[str] = []
        self.of_a_kind: list[str] = []
        self.numbers: list[str] = []
        self.body: list[str] = []
        self.indent = ""
        self.names: dict[Term, str] = {sheet.w: "w", sheet.grad: "grad", sheet.t: "t"}
        self.constants: dict[str, str] = {}
        self.registers: list[str] = []
        self.free: list[str] = []
        self.counts, self.memories = sheet.counts, sheet.memories
        for memory in self.memories:
            if memory.whole:
                self.names[memory] = memory.state
        for line in sheet.lines:
            if line.folded:
                continue
            if line.whole:
                self._array_line(line, sheet)
            else:
                self._number_line(line)

    def source(self) -> str:
        """Return all of it."""
        whole = [memory.state for memory in self.memories if memory.whole]
        lines = []
        if self.memories or self.counts:
            fresh = [memory for memory in self.memories if memory.start.whole]
            lines += [f"fresh = memory.get({memory.state!r}) is None" for memory in fresh]
            lines += [f"if {'fresh or ' * bool(fresh)}not states <= memory.keys():", "    begin(memory, w, group)"]
        if self.counts:
            lines += ["steps = memory['step']._writable()", "steps += 1", "t = steps.item()"]
        lines += [f"{memory.state} = memory[{memory.state!r}].item()" for memory in self.memories if not memory.whole]
        lines += [f"{state} = memory[{state!r}]._writable()" for state in whole]
        lines += [
            "if kind is not w.dtype.type:",
            "    kind = w.dtype.type",
            *[f"    {line}" for line in self.of_a_kind],
        ]
        arrays = ", ".join(["w", "grad", *whole])
        lines += [*self.numbers, f"for {arrays} in [({arrays})] if w.size <= BLOCK else blocks({arrays}):"]
        lines += [f"    {register} = empty(w.shape, w.dtype)" for register in self.registers]
        if any("wide" in line for line in self.body):
            lines += ["    wide = empty(w.shape) if w.size > FEW else None"]
        lines += [f"    {line}" for line in self.body]
        head = ["def move(group, moved):", *self.settings, "kind = None", "for w, grad, memory, _ in moved:"]
        return "\n".join(["\n    ".join(head), *[f"        {line}" for line in lines], ""])

    def emit(self, line: str) -> None:
        """Write a line of what is done with a block."""
        self.body.append(self.indent + line)

    # --- lines ----------------------------------------------------------------------------------------------------

    def _array_line(self, line: Result, sheet: Sheet) -> None:
        memory = line.memory
        target = "w" if line.symbol == "w" else memory.state if memory else None
        if memory is not None and memory.start.whole:
            self.emit(f"if fresh: copyto({target}, {self.array(memory.start)})")
            self.emit("else:")
            self.indent += "    "
        name = self.array(line.term, target)
        self.indent = ""
        if target is not None:  # what stood there is gone
            self.names = {term: known for term, known in self.names.items() if known != target}
        self.names[line] = name

    def _number_line(self, line: Result) -> None:
        memory = line.memory
        if memory is None:
            value = self.number(line.term)
            self.names[line] = f"x{len(self.numbers)}"
            self.numbers.append(f"{self.names[line]} = {value}")
            return
        # Its own line is computed in the precision in which it is remembered.
        place = f"memory[{memory.state!r}]"
        self.names[memory] = f"{place}._writable()[()]"
        value = self.number(line.term)
        del self.names[memory]
        self.names[line] = f"{place}.item()"
        self.numbers.append(f"{place}._writable()[...] = {value}")

    # --- numbers --------------------------------------------------------------------------------------------------

    def number(self, term: Term) -> str:
        """Return a number as an expression of Python."""
        if term in self.names:
            return self.names[term]
        if isinstance(term, Number):
            return repr(term.value)
        if isinstance(term, Memory):
            return term.state
        if isinstance(term, Setting):
            name = self.names[term] = term.name + ("" if term.place is None else str(term.place))
            place = "" if term.place is None else f"[{term.place}]"
            self.settings.append(f"{name} = number(group[{term.name!r}]{place})")
            return name
        parts = [self.number(part) for part in term.parts]
        if term.operator in ("abbreviation", "line"):
            return parts[0]
        if term.operator in SCALARS:
            return f"({parts[0]} {SCALARS[term.operator]} {parts[1]})"
        if term.operator in ("max", "min"):
            return f"{term.operator}({parts[0]}, {parts[1]})"
        return {
            "√": "({0} ** 0.5)",
            "²": "({0} ** 2)",
            "negative": "(-{0})",
            "||": "abs({0})",
            "if": "({1} if {0} else {2})",
        }[term.operator].format(*parts)

    def constant(self, term: Term, minus: bool = False, exact: bool = False) -> str:
        """Return a number, or minus it, as it stands beside arrays: in their precision, or with its digits in float64."""
        text = f"kind({'-' * minus}{self.number(term)})"
        text = f"float({text})" if exact else text
        if text not in self.constants:
            self.constants[text] = f"c{len(self.constants)}"
            (self.numbers if _varies(term) else self.of_a_kind).append(f"{self.constants[text]} = {text}")
        return self.constants[text]

    # --- arrays ---------------------------------------------------------------------------------------------------

    def operand(self, term: Term) -> str:
        """Return an array or a number."""
        return self.array(term) if term.whole else self.constant(term)

    def array(self, term: Term, out: str | None = None) -> str:
        """Write what computes an array, and return its name."""
        if term in self.names:
            name = self.names[term]
            if out is not None and out != name:
                self.emit(f"copyto({out}, {name})")
            return out or name
        term = _unfolded(term)
        if term.operator == "rounded":
            return self.array(term.parts[0], out)
        if term.operator == "average":
            return self._average(term, out)
        if term.operator == "if":
            return self._choice(term, out)
        if term.operator in "+−":
            return self._sum(term, out)
        if term.operator == "²":
            return self._apply("multiply", [self.array(term.parts[0])] * 2, out)
        if term.operator == "·":
            # A number comes second, so that the precision is the array's.
            first, second = term.parts if term.parts[0].whole else term.parts[::-1]
            return self._apply("multiply", [self.array(first), self.operand(second)], out)
        if term.operator == "/":
            above, below = term.parts
            if above.whole:
                return self._apply("divide", [self.array(above), self.operand(below)], out)
            share = self._apply("reciprocal", [self.array(below)])
            return self._apply("multiply", [share, self.constant(above)], out)
        return self._apply(ARRAYS[term.operator], [self.operand(part) for part in term.parts], out)

    def _sum(self, term: Term, out: str | None) -> str:
        """Write a sum: if what is added is a product, it is not rounded before."""
        minus = term.operator == "−"
        first, right = term.parts[0], _unfolded(term.parts[1])
        if first.whole and first not in self.names and not self._reads(right, out):
            left = self.array(first, out)
        else:
            left = self.operand(first)
        if right.operator == "²" and right.whole:
            factors = [self.array(right.parts[0])] * 2
        elif right.operator == "·" and right.whole:
            one, other = right.parts
            if not one.whole and other.operator == "²":  # (number · array) · array
                root, scaled = self.array(other.parts[0]), self._register()
                self.emit(f"multiply({root}, {self.constant(one, minus)}, out={scaled})")
                factors, minus = [scaled, root], False
            elif one.whole and other.whole:
                factors = [self.array(one), self.array(other)]
            else:
                whole, single = (one, other) if one.whole else (other, one)
                factors = [self.array(whole), self.constant(single, minus, exact=True)]
                minus = False
        else:
            return self._apply("subtract" if minus else "add", [left, self.operand(right)], out)
        if minus:
            self.emit(f"negative({factors[0]}, out={(negated := self._register())})")
            factors[0] = negated
        return self._apply("fused", [*factors, left], out, "wide=wide")

    def _average(self, term: Term, out: str | None) -> str:
        _, kept, before, new = term.parts
        arrays = [self.array(before), self.array(new)]
        distance = self._register()
        name = self._apply("move_towards", [*arrays, self.constant(1 - kept)], out, f"distance={distance}, wide=wide")
        self._release(distance)
        return name

    def _choice(self, term: Term, out: str | None) -> str:
        condition, one, other = term.parts
        if condition.whole:
            first, second = (self.array(part) if part.whole else self.number(part) for part in condition.parts)
            test = f"{first} {SCALARS[condition.operator]} {second}"
            chosen = [self.operand(one), self.operand(other)]
            target = out or self._register()
            self.emit(f"{target}{'[...]' * bool(out)} = where({test}, {chosen[0]}, {chosen[1]})")
            for name in (first, second, *chosen):
                self._release(name)
            return target
        target, indent = out or self._register(), self.indent
        for word, part in ((f"if {self.number(condition)}:", one), ("else:", other)):
            self.emit(word)
            self.indent += "    "
            if part.whole:
                self.array(part, target)
            else:
                self.emit(f"copyto({target}, {self.constant(part)})")
            self.indent = indent
        return target

    def _apply(self, function: str, operands: list[str], out: str | None = None, scratch: str = "") -> str:
        for name in operands:
            self._release(name)
        target = out or self._register()
        self.emit(f"{function}({', '.join([*operands, f'out={target}', *[scratch] * bool(scratch)])})")
        return target

    def _reads(self, term: Term, name: str | None) -> bool:
        """Say whether what is in some memory is needed to compute a term."""
        return (
            self.names.get(term) == name if term in self.names else any(self._reads(part, name) for part in term.parts)
        )

    def _register(self) -> str:
        if not self.free:
            self.registers.append(f"r{len(self.registers)}")
            return self.registers[-1]
        return self.free.pop()

    def _release(self, name: str) -> None:
        """Let memory be used again, if it is not that of a line."""
        if name in self.registers and name not in self.free and name not in self.names.values():
            self.free.append(name)


def _varies(term: Term) -> bool:
    """Say whether a number differs between parameters with the same settings."""
    return isinstance(term, Memory | Result) or term.operator == "t" or any(map(_varies, term.parts))


def _unfolded(term: Term) -> Term:
    """Put numbers together that stand around a folded line: ``lr · (m / c)`` is ``(lr / c) · m``."""
    if isinstance(term, Result) and term.folded:
        return _unfolded(term.term)
    inner = term.parts[-1] if term.parts else term
    if isinstance(inner, Result) and inner.folded and inner.term.operator == "/" and not inner.term.parts[1].whole:
        above, below = inner.term.parts
        if term.operator == "√":
            return above.root() / below.root()
        if term.operator == "·" and not term.parts[0].whole:
            return term.parts[0] / below * above
    return term
