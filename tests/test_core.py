"""The core alone, and the fast paths beside it: both give the same results, bit for bit."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import gradviz as gv
from gradviz.engine.core.backward import Listener, Pass
from gradviz.engine.core.operation import Operation, apply
from gradviz.engine.operation import TABLE

CORE = Path(gv.__file__).parent / "engine" / "core"

ALONE = """
import sys, types
for name, folder in (("gradviz", {package!r}), ("gradviz.engine", {engine!r})):
    sys.modules[name] = package = types.ModuleType(name)
    package.__path__ = [folder]
import numpy as np
from gradviz.engine.core.backward import Listener, Pass
from gradviz.engine.core.operation import Operation, apply
from gradviz.engine.core.tensor import wrap
mul = Operation("mul", np.multiply, ("self", "other"), {{"self": lambda grad, other: grad * other, "other": lambda grad, self: grad * self}})
x, b = wrap(np.array([1.0, 2.0, 3.0])), wrap(np.array(10.0))
x._requires_grad = b._requires_grad = True
y = apply(mul, (apply(mul, (x, x)), b))
Pass([y], Listener(), accumulating=True).run([np.ones(3)])
print(x._grad.array.tolist(), b._grad.array.tolist())
print(*sorted(name for name in sys.modules if name.startswith("gradviz.")))
"""


def test_the_core_is_short_enough_to_be_read_aloud():
    assert sum(len(path.read_text("utf-8").splitlines()) for path in CORE.glob("*.py")) <= 600


def test_the_core_stands_alone():
    """A whole autograd without anything of what is around it: rows, nodes, un-broadcasting, a backward pass."""
    code = ALONE.format(package=str(CORE.parents[1]), engine=str(CORE.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    numbers, modules = done.stdout.splitlines()
    assert numbers == "[20.0, 40.0, 60.0] 14.0"
    names = ("backward", "clock", "node", "operation", "tensor", "unbroadcast")
    assert modules.split() == [
        "gradviz.engine",
        "gradviz.engine.core",
        *(f"gradviz.engine.core.{one}" for one in names),
    ]


def test_a_row_of_ones_own_is_differentiated_twice():
    cube = Operation("cube", lambda self: self**3, ("self",), {"self": lambda grad, self: 3 * grad * self**2})
    x = gv.tensor(3.0, requires_grad=True)
    y = apply(cube, (x,))
    (slope,) = Pass([y], Listener(), create_graph=True, wanted=[x]).run([gv.tensor(1.0)], retain_graph=True)
    (curve,) = Pass([slope], Listener(), wanted=[x]).run([np.float32(1)])
    assert (y.item(), slope.item(), curve.item()) == (27.0, 27.0, 18.0)


def test_a_row_of_ones_own_may_be_written_with_numpys_functions():
    """Wherever its formulas stand: in the table, in a program, in a notebook."""
    wave = Operation("wave", np.sin, ("self",), {"self": lambda grad, self: grad * np.cos(self)})
    x = gv.tensor(0.5, requires_grad=True)
    (slope,) = Pass([apply(wave, (x,))], Listener(), create_graph=True, wanted=[x]).run([gv.tensor(1.0)])
    (curve,) = gv.autograd.grad(slope, [x])
    assert curve.item() == pytest.approx(-np.sin(0.5))
    with pytest.raises(RuntimeError, match="requires grad"):
        np.cos(x)  # a program's own is refused, as before: what it computes would not be recorded in PyTorch


def test_a_listener_is_told_of_each_step_and_may_change_what_passes():
    class Doubling(Listener):
        def __init__(self):
            self.heard = []

        def complete(self, node, place, gradient):
            self.heard.append(("complete", type(node).__name__))
            return gradient * 2

        def starts(self, node, upstream):
            self.heard.append(("starts", float(upstream)))
            return upstream

        def ran(self, node, upstream, contributions):
            self.heard.append(("ran", [float(one) for one in contributions]))
            return contributions

        def ends(self, end, gradient, arrived, giver):
            self.heard.append(("ends", float(gradient), float(arrived), type(giver).__name__))
            return gradient

        def added(self, end, gradient):
            self.heard.append(("added", end.variable.grad.item()))

    x = gv.tensor(3.0, requires_grad=True)
    listener = Doubling()
    Pass([x * x], listener, accumulating=True).run([np.float32(1)])
    assert listener.heard == [
        ("complete", "MulBackward0"),
        ("starts", 2.0),
        ("ran", [6.0, 6.0]),
        ("complete", "AccumulateGrad"),
        ("ends", 24.0, 12.0, "MulBackward0"),
        ("added", 24.0),
    ]


def test_a_listener_hears_which_node_failed():
    class Ear(Listener):
        failed_nodes = ()

        def failed(self, node):
            self.failed_nodes += (type(node).__name__,)

    x = gv.tensor(3.0, requires_grad=True)
    y = x.exp()
    y.backward()
    ear = Ear()
    with pytest.raises(RuntimeError, match="second time"):
        Pass([y], ear).run([np.float32(1)])
    assert ear.failed_nodes == ("ExpBackward0",)


# --- both ways -----------------------------------------------------------------------------------------------------------


def digest(*values) -> str:
    """Bits, shapes and dtypes of some tensors, and errors, as one word."""
    found = hashlib.sha256()
    for value in values:
        array = getattr(value, "array", value)
        found.update(repr((np.shape(array), str(getattr(array, "dtype", "")))).encode())
        found.update(np.ascontiguousarray(array).tobytes() if hasattr(array, "dtype") else repr(value).encode())
    return found.hexdigest()[:16]


def tell() -> None:
    """Print, for the examples of every row and those of the engine's tests, what they compute: run in both modes."""
    import test_engine
    import test_rows

    warnings.simplefilter("ignore")
    for expression in test_engine.EXPRESSIONS:
        names = test_engine.names_for(gv)
        out = eval(expression, names)
        (out * out).sum().backward()
        print(expression, test_engine.tree(out.grad_fn), digest(out, *(names[name].grad for name in "xyAB")))
    for name in sorted(TABLE):
        for code in test_rows.examples_of(name):
            print(name, code, digest(*computed(test_rows, code)))


def computed(rows, code):
    """An example's results, its gradients with a graph and without, and the gradients of those."""
    gv.manual_seed(0)
    function, tensors = rows.function_of(code)
    try:
        results = function(*tensors)
        moving = [one for one in (results if isinstance(results, tuple) else (results,)) if one.requires_grad]
        starts = [gv.full_like(one, 1.25) for one in moving]
        first = gv.autograd.grad(moving, tensors, starts, create_graph=True, allow_unused=True)
        twice = [one for one in first if one is not None and one.requires_grad]
        second = gv.autograd.grad(twice, tensors, twice, retain_graph=True, allow_unused=True) if twice else ()
        gv.autograd.backward(moving, starts)
        return [*moving, *first, *second, *(tensor.grad for tensor in tensors)]
    except Exception as error:
        return [str(error).partition("\n")[0]]


def test_both_ways_give_the_same_bits():
    code = "import test_core; test_core.tell()"
    modes = [{**os.environ, "GRADVIZ_FAST": fast, "PYTHONPATH": os.pathsep.join(sys.path)} for fast in ("0", "1")]
    home = Path(__file__).parent
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=mode, cwd=home)
        for mode in modes
    ]
    plain, fast = (one.communicate()[0].splitlines() for one in running)
    assert [one.returncode for one in running] == [0, 0]
    assert len(plain) > len(TABLE)
    assert plain == fast


STEPS = """
import resource
import gradviz as gv
w = gv.randn(100_000, requires_grad=True)
w.grad = gv.randn(100_000)
step = gv.optim.Adam([w]).step
for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 100)
"""


@pytest.mark.skipif(
    not platform.libc_ver()[0].startswith("glibc"), reason="how memory is kept is a matter of Linux's C library"
)
def test_what_a_step_frees_is_there_for_the_next():
    """Pages that the system gives anew cost three quarters of such a step: 359 were given."""
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 20
