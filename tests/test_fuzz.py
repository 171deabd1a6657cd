"""Programs that nobody wrote, run statement by statement under PyTorch and here.

Hypothesis draws a program: leaves, then statements out of the lists below, on whatever tensors there are by then. After
each statement both libraries must agree: on whether it raised, and what; on every tensor's numbers, dtype, shape, version
and place in the graph. At the end gradients are taken, more than once, and compared: those of leaves, those retained, and
what `autograd.grad` returns with a graph of its own. A failure prints the shortest program that still fails.

Two hundred programs on each run; ``GRADVIZ_GRAPHS=5000 pytest tests/test_fuzz.py`` for more.
"""

from __future__ import annotations

import os
import re
import warnings

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import gradviz as gv

GRAPHS = int(os.environ.get("GRADVIZ_GRAPHS", "200"))
STATEMENTS = 12

NUMBERS = [0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 0.25, 1.5]
SHAPES = [(), (1,), (2,), (3,), (2, 2), (2, 3), (3, 1), (1, 3), (2, 1, 2)]

# One tensor, `x`; a dimension, `d`; a number, `c`.
OF_ONE = """
-x|x.abs()|x.exp()|x.expm1()|(x.abs() + 1).log()|(x.abs() + 1).sqrt()|(x * x + 1).rsqrt()|x.sin()|x.cos()|x.tanh()|x.sigmoid()
x.relu()|F.leaky_relu(x, 0.1)|F.elu(x)|F.gelu(x)|F.silu(x)|F.softplus(x)|F.hardtanh(x)|F.relu6(x)|F.hardswish(x)|F.logsigmoid(x)
x.clamp(-1, 1)|x.clamp(min=0.5)|x.square()|x**2|x**3|(x.abs() + 0.5) ** 1.5|c ** x|x + c|x - c|c - x|x * c|x / 4|c / (x.abs() + 1)
x.erf()|x.atan()|x.sign()|x.floor()|x.reciprocal() * 0 + x|x.detach()|x.clone()|x.float()|x.double()|x.long()
x.sum()|x.mean()|x.prod()|x.max()|x.min()|x.amax()|x.norm()|x.std()|x.var()|x.logsumexp(0)|x.sum(d)|x.mean(d)|x.sum(d, keepdim=True)
x.amax(d)|x.amin(d, keepdim=True)|x.max(d).values|x.min(d)[0]|x.var(d, unbiased=False)|x.std(d, keepdim=True)|x.prod(d)
x.norm(dim=d)|x.norm(1, dim=d)|x.softmax(d)|x.log_softmax(d)|x.cumsum(d)|x.cumprod(d)|x.logsumexp(d)|x.median()|x.median(d).values
x.sort(d)[0]|x.argsort(d)|x.argmax()|x.topk(1, dim=d)[0]|x.flip(d)|x.roll(1, d)|x.diff(dim=d)|x.unique()
x.view(-1)|x.reshape(-1)|x.flatten()|x.unsqueeze(d)|x.squeeze()|x.squeeze(d)|x.t()|x.T|x.mT|x.transpose(0, -1)|x.expand(2, *x.shape)
x.permute(*range(x.dim()))|x.contiguous()|x.select(d, 0)|x.narrow(d, 0, 1)|x.unbind(d)[0]|x.chunk(2, d)[-1]|x.split(1, d)[0]|x.tile(2)
x.repeat(2, *[1] * x.dim())|x.diagonal()|x.tril()|x.triu(1)|x.trace()|x.view_as(x)|x.reshape(x.numel(), 1)|x.swapaxes(0, d)
x[0]|x[-1]|x[..., 0]|x[None]|x[:1]|x[1:]|x[::2]|x[[0, 0]]|x[x > 0]|x[torch.tensor([0, 0])]|x[..., [0]]|x[True]|x[x.shape[0]]
x.index_select(d, torch.tensor([0, 0]))|x.gather(d, torch.zeros_like(x).long())|x.masked_fill(x > 0, c)|x.masked_select(x < 1)
x.where(x > 0, x * c)|torch.where(x > 0, x, c)|x.take(torch.tensor([0]))|x.nan_to_num()|x.addcmul(x, x, value=2)|x.lerp(x * c, 0.25)
x.type(torch.float32)|x.to(torch.float64)|x.data|x.heaviside(x)|torch.zeros_like(x)|torch.ones_like(x) * x|F.pad(x, (1, 1))
""".replace("\n", "|").split("|")[1:-1]

# Two tensors.
OF_TWO = """
x + y|x - y|x * y|x / (y.abs() + 1)|x @ y|x @ y.t()|torch.maximum(x, y)|torch.minimum(x, y)|torch.add(x, y, alpha=2)|x.sub(y, alpha=0.5)
torch.rsub(x, y)|(x.abs() + 1) ** y|torch.atan2(x, y)|torch.hypot(x, y)|torch.where(x > 0, x, y)|torch.where(x > y, x, y)
torch.cat([x, y])|torch.cat((x, y), -1)|torch.stack([x, y])|torch.stack((x, y), dim=-1)|torch.hstack([x, y])|x.dot(y)|x.mm(y)|x.mv(y)
torch.matmul(x, y)|torch.outer(x, y)|F.mse_loss(x, y)|F.l1_loss(x, y)|F.smooth_l1_loss(x, y)|F.mse_loss(x, y, reduction="sum")
F.linear(x, y)|x.lerp(y, 0.5)|x.addcmul(x, y)|torch.einsum("i,j->ij", x, y)|x.fmod(y)|x > y|x == y|x.expand_as(y)|x.view_as(y)
torch.broadcast_tensors(x, y)[0]|x.masked_fill(y > 0, 1.0)|x[y > 0]|F.cosine_similarity(x, y, -1)|x.clamp(max=y)|torch.logaddexp(x, y)
x.scatter(0, torch.zeros_like(y).long(), y)|x.index_add(0, torch.tensor([0]), y)|x.type_as(y)|torch.addmm(x, y, y)|x.copysign(y)
""".replace("\n", "|").split("|")[1:-1]

# Statements that change something.
CHANGES = """
x.add_(c)|x.mul_(c)|x.sub_(y)|x.mul_(y)|x.add_(y, alpha=2)|x.div_(2)|x.exp_()|x.tanh_()|x.relu_()|x.sigmoid_()|x.neg_()|x.zero_()
x.fill_(c)|x.clamp_(-1, 1)|x.copy_(y)|x.pow_(2)|x.sqrt_()|x[0] = c|x[0] = y|x[..., 0] = 1.0|x[x > 0] = 0.0|x[0] += 1|x += y|x *= c
x -= y|x /= 2|x.detach().mul_(2)|x.detach().zero_()|x.data.mul_(2)|x.data.add_(1)|x.view(-1).add_(1)|x.detach().view(-1)[:1].zero_()
x[:1].mul_(2)|x.t_()|x.unsqueeze_(0)|x.squeeze_()|x.requires_grad_()|x.detach_()|x.masked_fill_(x > 0, 1.0)|x.retain_grad()
x.transpose_(0, -1)|x.select(0, 0).copy_(y)|x.diagonal().add_(1)|x.expand(2, *x.shape).add_(1)|x.index_fill_(0, torch.tensor([0]), 2.0)
x.addcmul_(x, y)|x.lerp_(y, 0.5)|x.clone().add_(1)|x.requires_grad = False|x.grad = None|x.bernoulli_(0)|F.relu(x, inplace=True)
F.leaky_relu(x, 0.5, inplace=True)|F.elu(x, inplace=True)|F.hardtanh_(x)|torch.nn.init.zeros_(x)
""".replace("\n", "|").split("|")[1:-1]

ENDS = [
    "x.sum().backward()",
    "x.sum().backward(retain_graph=True)",
    "(x * x).sum().backward()",
    "x.backward()",
    "x.backward(torch.ones_like(x))",
    "x.mean().backward(retain_graph=True)",
]


GRADS = ["torch.autograd.grad(x.sum(), y, create_graph=True)[0]"]

KINDS = {"one": OF_ONE, "two": OF_TWO, "change": CHANGES, "grad": GRADS, "no_grad": OF_ONE, "end": ENDS}


FLOAT32 = 2e-5
"""How close two numbers in float32 have to be, or what came of some."""


def agree(mine, theirs, close):
    """Return True if two arrays hold the same numbers, but for rounding."""
    if theirs.dtype == np.float32:
        close = FLOAT32
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        return False
    if mine.dtype.kind != "f":
        return bool(np.array_equal(mine, theirs))
    return bool(np.allclose(mine, theirs, rtol=close, atol=close, equal_nan=True))


def tree(tensor):
    """Return the nodes behind a tensor, from the output on: each with where its gradients go."""
    if tensor.grad_fn is None:
        return []
    order, number, edges = [tensor.grad_fn], {tensor.grad_fn: 0}, []
    for node in order:  # grows as it goes
        after = []
        for function, output in node.next_functions:
            if function is not None and function not in number:
                number[function] = len(order)
                order.append(function)
            after.append((number.get(function), output))
        edges.append((node.name(), after))
    return edges


def told(read, *given):
    """Return what something says, or the name of the error that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading .grad of what is no leaf
        try:
            return read(*given)
        except Exception as error:
            return type(error).__name__


FACTS = {
    "dtype": lambda tensor: str(tensor.dtype),
    "shape": lambda tensor: tuple(tensor.shape),
    "requires_grad": lambda tensor: tensor.requires_grad,
    "leaf": lambda tensor: tensor.is_leaf,
    "output": lambda tensor: tensor.output_nr,
    "version": lambda tensor: tensor._version,
    "retains": lambda tensor: tensor.retains_grad,
    "graph": tree,
    "numbers": lambda tensor: np.asarray(tensor.detach().numpy()),
    "grad": lambda tensor: None if tensor.grad is None else np.asarray(tensor.grad.numpy()),
    "grad's graph": lambda tensor: tensor.grad is not None and tensor.grad.requires_grad,
}
"""What must be the same of a tensor."""


def same(mine, theirs, close):
    """Return True if two facts are the same, but for rounding where they are numbers."""
    if isinstance(theirs, list) and any("AsStrided" in name for name, _ in theirs):
        return True
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        return agree(mine, theirs, close)
    return type(mine) is type(theirs) and mine == theirs


class Program:
    """The same statements in two namespaces."""

    def __init__(self, torch):
        self.theirs = {"torch": torch, "F": torch.nn.functional}
        self.mine = {"torch": gv, "F": gv.nn.functional}
        self.names = []
        self.born = {}  # the versions that tensors started with
        self.close = 1e-9  # 2e-5 as soon as anything is computed in float32
        self.lines = []
        self.derived = set()  # computed from a gradient with a graph: PyTorch's formulas for that are its own

    def attempt(self, line, space):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                exec(line, space)
            except Exception as error:
                return type(error).__name__
        return None

    def run(self, line):
        """Run a line in both, and compare; return True if it did something."""
        self.lines.append(line)
        if "float" in line and "float64" not in line:
            self.close = FLOAT32
        theirs, mine = self.attempt(line, self.theirs), self.attempt(line, self.mine)
        if theirs is not None:
            self.lines[-1] += f"  # {theirs}"
        assert mine == theirs, f"{mine or 'no error'}\nin place of {theirs or 'no error'}"
        words = set(re.findall(r"\b[a-z]\d*\b", line))
        if "create_graph" in line or words & self.derived:
            self.derived |= words
        self.compare()
        return theirs is None

    def keep(self, name, expression):
        """Give what an expression returns a name; forget it if it is no tensor."""
        if not self.run(f"{name} = {expression}"):
            return
        self.named(name)

    def named(self, name):
        """Compare the tensor of this name from now on."""
        self.names.append(name)
        self.born[name] = self.mine[name]._version, self.theirs[name]._version
        self.compare()

    def compare(self):
        for name in self.names:
            for fact, read in FACTS.items():
                if fact == "graph" and name in self.derived:
                    continue
                mine, theirs = told(read, self.mine[name]), told(read, self.theirs[name])
                if (
                    fact == "version"
                ):  # what counts are the changes since: some kernels make their result by changing it
                    mine, theirs = mine - self.born[name][0], theirs - self.born[name][1]
                assert same(mine, theirs, self.close), f"{name}'s {fact}: {mine!r}\nin place of {theirs!r}"


def write(program, pick):
    """Run a program that is made of choices."""
    for name in "ab":
        shape = pick(SHAPES)
        numbers = np.reshape([pick(NUMBERS) for _ in range(int(np.prod(shape)))], shape).tolist()
        dtype, wanted = pick(["float64", "float64", "float64", "float32"]), pick([True, True, True, False])
        program.keep(name, f"torch.tensor({numbers}, dtype=torch.{dtype}, requires_grad={wanted})")
    for step in range(pick(range(STATEMENTS)) + 1):
        kind = pick(["one", "one", "two", "two", "change", "grad", "no_grad", "end"])
        template = pick(KINDS[kind])
        line = put(template, pick, program.names)
        program.last = template
        if kind == "no_grad":
            if program.run(f"with torch.no_grad(): t{step} = {line}"):
                program.named(f"t{step}")
        elif kind in ("change", "end"):
            program.run(line)
        else:
            program.keep(f"t{step}", line)
    for _ in range(2):
        program.last = pick(ENDS)
        program.run(put(program.last, pick, program.names))


@settings(
    max_examples=GRAPHS,
    deadline=None,
    derandomize="GRADVIZ_GRAPHS" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_program_that_nobody_wrote_runs_the_same(torch, data):
    program = Program(torch)
    try:
        write(program, lambda many: data.draw(st.sampled_from(many)))
    except AssertionError:
        note("\n".join(program.lines))
        raise


def put(template, pick, names):
    """Put names and numbers in the places of a template's one-letter words."""
    words = {"x": pick(names), "y": pick(names), "d": str(pick([0, -1, 1])), "c": repr(pick(NUMBERS))}
    return re.sub(r"\b[xydc]\b", lambda match: words[match[0]], template)
