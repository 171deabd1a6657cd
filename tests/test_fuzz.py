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


def agree(mine, theirs):
    """Return True if two arrays hold the same numbers, but for rounding."""
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        return False
    if mine.dtype.kind != "f":
        return bool(np.array_equal(mine, theirs))
    close = 1e-9 if mine.dtype == np.float64 else 2e-5
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


def facts(tensor, derived):
    """Return what must be the same of a tensor, besides its numbers."""
    return {
        "dtype": str(tensor.dtype),
        "shape": tuple(tensor.shape),
        "requires_grad": tensor.requires_grad,
        "leaf": tensor.is_leaf,
        "output": tensor.output_nr,
        "version": tensor._version,
        "retains": tensor.retains_grad,
        "graph": [] if derived else tree(tensor),
    }


def gradient(tensor):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading .grad of what is no leaf
        return tensor.grad


class Program:
    """The same statements in two namespaces."""

    def __init__(self, torch):
        self.theirs = {"torch": torch, "F": torch.nn.functional}
        self.mine = {"torch": gv, "F": gv.nn.functional}
        self.names = []
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
        theirs, mine = self.attempt(line, self.theirs), self.attempt(line, self.mine)
        if theirs is not None:
            self.lines[-1] += f"  # {theirs}"
        assert mine == theirs, f"{mine or 'no error'} in place of {theirs or 'no error'}"
        words = set(re.findall(r"\b[a-z]\d*\b", line))
        if "create_graph" in line or words & self.derived:
            self.derived |= words
        self.compare()
        return theirs is None

    def keep(self, name, expression):
        """Give what an expression returns a name; forget it if it is no tensor."""
        if not self.run(f"{name} = {expression}"):
            return
        self.names.append(name)
        self.compare()

    def compare(self):
        for name in self.names:
            a, b = self.mine[name], self.theirs[name]
            mine, theirs = facts(a, name in self.derived), facts(b, name in self.derived)
            assert mine == theirs, f"{name}: " + "; ".join(
                f"{key} {mine[key]}\nin place of {theirs[key]}" for key in mine if mine[key] != theirs[key]
            )
            assert agree(np.asarray(a.detach().numpy()), b.detach().numpy()), f"{name}: {a}\nin place of {b}"
            g, h = gradient(a), gradient(b)
            assert (g is None) == (h is None), f"{name}.grad: {g}\nin place of {h}"
            if g is not None:
                assert agree(np.asarray(g.numpy()), h.numpy()), f"{name}.grad: {g}\nin place of {h}"


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
        for name in "ab":
            shape = data.draw(st.sampled_from(SHAPES))
            numbers = data.draw(
                st.lists(st.sampled_from(NUMBERS), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
            )
            kind = data.draw(st.sampled_from(["float64", "float64", "float64", "float32"]))
            wanted = data.draw(st.sampled_from([True, True, True, False]))
            program.keep(
                name, f"torch.tensor({np.reshape(numbers, shape).tolist()}, dtype=torch.{kind}, requires_grad={wanted})"
            )
        for step in range(data.draw(st.integers(1, STATEMENTS))):
            kind = data.draw(st.sampled_from(["one", "one", "two", "two", "change", "grad", "no_grad", "end"]))
            x, y = (data.draw(st.sampled_from(program.names)) for _ in "xy")
            words = {
                "x": x,
                "y": y,
                "d": str(data.draw(st.sampled_from([0, -1, 1]))),
                "c": repr(data.draw(st.sampled_from(NUMBERS))),
            }
            if kind in ("one", "no_grad"):
                line = put(data.draw(st.sampled_from(OF_ONE)), words)
            elif kind == "two":
                line = put(data.draw(st.sampled_from(OF_TWO)), words)
            elif kind == "change":
                program.run(put(data.draw(st.sampled_from(CHANGES)), words))
                continue
            elif kind == "end":
                program.run(put(data.draw(st.sampled_from(ENDS)), words))
                continue
            else:
                line = put("torch.autograd.grad(x.sum(), y, create_graph=True)[0]", words)
            if kind == "no_grad":
                program.run(f"with torch.no_grad(): t{step} = {line}") and program.names.append(f"t{step}")
                program.compare()
            else:
                program.keep(f"t{step}", line)
        for _ in range(2):
            x = data.draw(st.sampled_from(program.names))
            program.run(put(data.draw(st.sampled_from(ENDS)), {"x": x}))
    except AssertionError:
        note("\n".join(program.lines))
        raise


def put(template, words):
    """Put names and numbers in the places of a template's one-letter words."""
    return re.sub(r"\b[xydc]\b", lambda match: words[match[0]], template)
