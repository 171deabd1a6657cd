"""How the learner wrote what was computed: the expression of an instruction, the variable it was assigned to, its operands."""

from __future__ import annotations

import ast
import linecache
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from gradviz.engine.notation import formula
from gradviz.engine.signs import CONSTANTS, FUNCTIONS

LARGEST_FILE = 20_000
"""Lines of a file that is parsed to learn what its author called things."""

REMEMBERED = 32
"""Files whose expressions are remembered."""

LONGEST = 60
"""Characters of an expression that is worth to be known as a whole."""

LONGEST_OPERAND = 24
"""And of one that may name a tensor that was made in it."""

LIBRARIES = ("torch", "F", "nn", "nn.functional", "torch.nn.functional", "gv", "gradviz", "np", "math")
"""What stands before the dot of a function."""

PRODUCTS = ("matmul", "mm", "bmm", "mv")
"""Functions that are written as an operator too."""

RESHAPED = ", reshaped"
"""After the name of a tensor: it has the same entries, which lie otherwise."""

_RESHAPES = {
    "view", "reshape", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "permute", "transpose", "swapaxes", "movedim", "t",
}  # fmt: skip
_LEAVES = {"contiguous", "clone", "float", "double", "half", "to", "cpu", "cuda"}
"""Functions that leave the entries what they are: they lie otherwise, or nothing is to be said of it."""

DERIVING = (
    "grad",
    "backward",
    "jacobian",
    "hessian",
    "vjp",
    "jvp",
    "hvp",
    "vhp",
    "jacrev",
    "jacfwd",
    "draw",
    "backprop",
    "flow",
)
"""Functions that compute with other tensors than those between their brackets: these say nothing of the result."""

MIXING = (
    "bilinear",
    "cosine_similarity",
    "gaussian_nll_loss",
    "kl_div",
    "margin_ranking_loss",
    "scaled_dot_product_attention",
    "triplet_margin_loss",
)
"""Functions that compute with what stands between their brackets in another order, or with what they make of it first."""

Span = tuple[int, int, int, int]
"""First line and column, last line and column; columns in bytes, as Python counts them."""


@dataclass(frozen=True, slots=True)
class Written:
    """One expression of a program.

    Attributes
    ----------
    target
        The variable (``"h"``) or attribute (``"self.h"``) that its value was assigned to; empty for none.
    function
        Of a call, what was called: ``"cross_entropy"``, ``"fc1"``; empty for an operator.
    sign
        Of an operator with two operands, that sign: ``"@"``; empty for everything else.
    operands
        What stands where tensors may: for ``x @ p[0]`` ``("x", "p[0]")``, for ``exp(a) * randn(2)`` ``("", "randn(2)")``, for
        ``fc(x.flatten(1))`` ``("x, reshaped",)``. Empty for one that is computed from others.
    received
        Whether the first of these stands before a dot: a method's tensor, or a module with functions.
    text, entrywise
        All of it in the signs of mathematics, where its variables are numbers, and where they are arrays; empty where it is
        long, or has no form in them.
    variables
        Those in `text`.
    span
        Where it stands.
    """

    target: str = ""
    function: str = ""
    sign: str = ""
    operands: tuple[str, ...] = ()
    received: bool = False
    text: str = ""
    entrywise: str = ""
    variables: frozenset[str] = frozenset()
    span: Span = (0, 0, 0, 0)


NOTHING = Written()

_OF_THE_TABLE = {*CONSTANTS, *FUNCTIONS, "transpose"} - {"sqrt", "sigmoid", "sum", "prod", "abs"}
"""Functions that mean something else in the table's formulas, or are not written there as they are called."""

_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**", ast.Mod: "%",
}  # fmt: skip


class Expressions:
    """Finds what was written at an instruction; each place is looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[CodeType, Written]] = {}
        self._spans: dict[int, tuple[CodeType, list[tuple[int | None, ...]]]] = {}

    def at(self, origin: tuple[CodeType, int]) -> Written:
        """Return what stands at an instruction, as a node remembers it; `NOTHING` where there is no source to read."""
        code, offset = origin
        known = self._known.get((id(code), offset))
        if known is None:
            known = self._known[id(code), offset] = code, self._written(code, offset)
        return known[1]

    def _written(self, code: CodeType, offset: int) -> Written:
        if id(code) not in self._spans:
            self._spans[id(code)] = code, list(code.co_positions())
        spans = self._spans[id(code)][1]
        line, end, column, end_column = spans[offset // 2] if offset // 2 < len(spans) else (None,) * 4
        if line is None or end is None or column is None or end_column is None:
            return NOTHING
        tree = _tree_of(code.co_filename)
        return NOTHING if tree is None else tree.written((line, column, end, end_column))


class _Tree:
    """The expressions of a file, by where they stand."""

    def __init__(self, text: str) -> None:
        self._at: dict[Span, ast.AST] = {}
        self._ending: dict[tuple[int, int], ast.AST] = {}
        self._around: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(ast.parse(text)):
            for child in ast.iter_child_nodes(node):
                self._around[child] = node
            if isinstance(node, ast.expr | ast.AugAssign):
                self._at.setdefault(_span(node), node)
            if isinstance(node, ast.Call):
                # The place of a call whose chain goes over several lines begins at the last of them; no two calls end together.
                self._ending[_span(node)[2:]] = node

    def written(self, span: Span) -> Written:
        node = self._at.get(span) or self._ending.get(span[2:])
        if node is None:
            return NOTHING
        function = _called(node.func) if isinstance(node, ast.Call) else ""
        sign = _SIGNS.get(type(node.op), "") if isinstance(node, ast.BinOp | ast.AugAssign) else ""
        received = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        parts = [each for each in _operands(node) if not isinstance(each, ast.Constant)]
        # Where one of them is several, as in cell(x, (h, c)), their number says nothing of which is which.
        several = any(isinstance(each, ast.Tuple | ast.List | ast.Dict | ast.Starred) for each in parts)
        operands = () if several else tuple(map(_variable, parts))
        if (
            received and operands and operands[0] in (*LIBRARIES, "self")
        ):  # a module's own layer, whose tensors are the others
            received, operands = False, operands[1:]
        if function in PRODUCTS and len(operands) == 2:
            sign, received = "@", False
        text, entrywise, variables = _in_signs(node)
        return Written(self._target(node), function, sign, operands, received, text, entrywise, variables, _span(node))

    def _target(self, node: ast.AST) -> str:
        if isinstance(node, ast.AugAssign):
            return _public(node.target)
        around = self._around.get(node)
        if isinstance(around, ast.Assign):
            return next(filter(None, map(_public, around.targets)), "")
        if isinstance(around, ast.AnnAssign | ast.NamedExpr):
            return _public(around.target)
        if isinstance(around, ast.Tuple) and isinstance(outer := self._around.get(around), ast.Assign):
            targets = outer.targets[0]  # a, b = x * 2, y * 3
            if isinstance(targets, ast.Tuple) and len(targets.elts) == len(around.elts):
                return _public(targets.elts[[id(each) for each in around.elts].index(id(node))])
        return ""


def _span(node: ast.AST) -> Span:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def _variable(node: ast.AST) -> str:
    """Write a variable, its attribute or its entry, or what is made of numbers: ``x``, ``self.w``, ``p['w']``, ``randn(2, 3)``."""
    if not isinstance(node, ast.expr) or not _is_short(node):
        return ""
    if isinstance(node, ast.Call) and (reshaped := _reshaped(node)):
        return reshaped
    if isinstance(node, ast.Call) and all(isinstance(each, ast.Constant) for each in node.args) and not node.keywords:
        text = f"{_called(node.func)}({', '.join(map(ast.unparse, node.args))})"
        return text if len(text) <= LONGEST_OPERAND and node.args else ""
    inner = node
    while isinstance(inner, ast.Attribute | ast.Subscript):
        if isinstance(inner, ast.Subscript) and not isinstance(inner.slice, ast.Constant):
            return ""  # which one depends on when it was
        inner = inner.value
    return ast.unparse(node) if isinstance(inner, ast.Name) else ""


def _reshaped(call: ast.Call) -> str:
    """Write a variable of which only the shape is changed: ``x, reshaped`` for ``x.view(2, -1)`` and ``torch.flatten(x, 1)``."""
    inner: ast.expr = call
    changed = False
    while isinstance(inner, ast.Call):
        name, function = _called(inner.func), inner.func
        if name not in _RESHAPES | _LEAVES:
            return ""
        changed |= name in _RESHAPES
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) not in LIBRARIES:
            inner = function.value
        elif inner.args:
            inner = inner.args[0]
        else:
            return ""
    text = "" if isinstance(inner, ast.Name) and inner.id == "self" else _variable(inner)
    return text + RESHAPED if text and changed else text


def _public(node: ast.AST) -> str:
    """Write what was assigned to, unless it is an entry of something, or has a name that says that nobody is to look at it."""
    inner = node.value if isinstance(node, ast.Attribute) else node
    if not isinstance(inner, ast.Name) or (node.attr if isinstance(node, ast.Attribute) else inner.id).startswith("_"):
        return ""
    return ast.unparse(node)


def _called(function: ast.expr) -> str:
    """Write what was called: ``relu`` for ``torch.relu`` and ``self.relu``, ``MSELoss`` for ``nn.MSELoss()(…)``."""
    while isinstance(function, ast.Call):
        function = function.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _in_signs(node: ast.AST) -> tuple[str, str, frozenset[str]]:
    """Write an expression as formulas are written, of numbers and of arrays, and return the variables in it."""
    nothing = "", "", frozenset[str]()
    if not isinstance(node, ast.expr) or not _is_short(node):
        return nothing
    plain = _Bare().visit(ast.parse(ast.unparse(node), mode="eval").body)
    parts = list(ast.walk(plain))
    called = {each.func for each in parts if isinstance(each, ast.Call)}
    names = frozenset(each.id for each in parts if isinstance(each, ast.Name) and each not in called)
    if any(isinstance(each, ast.Subscript) or isinstance(getattr(each, "value", None), str) for each in parts):
        return nothing
    if any(isinstance(each, ast.Name) and each.id in _OF_THE_TABLE for each in called):
        return nothing
    try:
        text, entrywise = formula(ast.unparse(plain), {}), formula(ast.unparse(plain), {}, arrays=tuple(names))
    except (ValueError, SyntaxError):  # it has a part that formulas have not
        return nothing
    return nothing if max(len(text), len(entrywise)) > LONGEST else (text, entrywise, names)


def _is_short(node: ast.expr) -> bool:
    return node.end_lineno == node.lineno and (node.end_col_offset or 0) - node.col_offset <= 2 * LONGEST


class _Bare(ast.NodeTransformer):
    """Writes functions as mathematics does: ``relu(x)`` for ``F.relu(x)`` and ``x.relu()``."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = _called(node.func)
        if node.keywords or not name:
            return node
        method = isinstance(node.func, ast.Attribute) and _variable(node.func.value) not in LIBRARIES
        received = [node.func.value] if method and isinstance(node.func, ast.Attribute) else []
        if received and _variable(received[0]) == "self":
            received = []  # a module's own layer
        call = ast.Call(ast.Name(name, ast.Load()), [*received, *node.args], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))


def _operands(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.BinOp(left=first, right=second) | ast.AugAssign(target=first, value=second):
            yield from (first, second)
        case ast.UnaryOp(operand=inner) | ast.Subscript(value=inner) | ast.Attribute(value=inner):
            yield inner
        case ast.Compare(left=first, comparators=others):
            yield from (first, *others)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            if isinstance(function, ast.Attribute):
                yield function.value  # a method's tensor; or a module, which is none of the operands
            yield from arguments
            yield from (keyword.value for keyword in keywords)


_trees: OrderedDict[str, tuple[list[str], _Tree | None]] = OrderedDict()


def _tree_of(file: str) -> _Tree | None:
    lines = linecache.getlines(file)
    known = _trees.get(file)
    if known is None or known[0] is not lines:
        tree = None
        if 0 < len(lines) <= LARGEST_FILE:
            try:
                tree = _Tree("".join(lines))
            except (SyntaxError, ValueError, MemoryError, RecursionError):
                tree = None  # it has been changed since, or a notebook's magic is not Python
        known = _trees[file] = lines, tree
        while len(_trees) > REMEMBERED:
            _trees.popitem(last=False)
    return known[1]
