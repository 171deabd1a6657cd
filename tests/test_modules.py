"""Modules, their hooks, states and containers, and starting values: beside PyTorch."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from beside import assert_same, assert_same_module, outcome

import gradviz as gv

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 3); self.b = nn.Linear(3, 1, bias=False)
        self.scale = nn.Parameter(torch.ones(2)); self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("hidden", torch.ones(1), persistent=False); self.register_parameter("none", None)
    def forward(self, x, times=1):
        return self.b(self.a(x * self.scale).relu()) * times
torch.manual_seed(0); net = Net(); x = torch.ones(4, 2)
"""

SNIPPETS = {
    "printing": NET + "r = net",
    "names": NET
    + """
r = [[n for n, _ in net.named_parameters()], [n for n, _ in net.named_buffers()], [n for n, _ in net.named_modules()],
     [n for n, _ in net.named_children()], [n for n, _ in net.named_parameters("p", recurse=False)], list(net.state_dict()),
     list(net.state_dict(prefix="x.")), net.state_dict()._metadata]
""",
    "shared parts come once": """
a = nn.Linear(2, 2); s = nn.Sequential(a, nn.Sequential(a)); log = []
s.apply(lambda m: log.append(type(m).__name__))
r = ([n for n, _ in s.named_parameters()], [n for n, _ in s.named_parameters(remove_duplicate=False)],
     [n for n, _ in s.named_modules()], [n for n, _ in s.named_modules(remove_duplicate=False)], list(s.state_dict()), log)
""",
    "apply goes from the inside out": """
s = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Tanh())); s.apply(lambda m: log.append(type(m).__name__))
r = log
""",
    "dir": NET
    + "r = [n for n in dir(nn.Sequential(net)) if n in ('0', 'forward')], {'a', 'seen', 'scale'} <= set(dir(net))",
    "getting by path": NET
    + "s = nn.Sequential(net); r = s.get_submodule('0.a'), s.get_parameter('0.a.bias').shape, s.get_buffer('0.seen')",
    "no such module": NET + "net.get_submodule('a.c')",
    "not a module": NET + "net.get_submodule('seen')",
    "no such parameter": NET + "net.get_parameter('a.c')",
    "not a parameter": NET + "net.get_parameter('seen')",
    "not a buffer": NET + "net.get_buffer('scale')",
    "setting by path": NET + "s = nn.Sequential(net); s.set_submodule('0.a', nn.Tanh()); r = s",
    "a name with a dot": NET + "net.register_buffer('a.b', None)",
    "an empty name": NET + "net.register_parameter('', None)",
    "a name that is taken": NET + "net.register_buffer('scale', None)",
    "a module's name that is taken": NET + "net.add_module('forward', None)",
    "a buffer that is none": NET + "net.register_buffer('c', 3)",
    "a parameter that is none": NET + "net.register_parameter('c', 3)",
    "a parameter that was computed": NET + "net.register_parameter('c', net.scale * 2)",
    "a module that is none": NET + "net.add_module('c', 3)",
    "a number for a parameter": NET + "net.scale = 3",
    "a tensor for a parameter": NET + "net.scale = torch.ones(2)",
    "a number for a module": NET + "net.a = 3",
    "a number for a buffer": NET + "net.seen = 3",
    "None for all of them": NET + "net.a = None; net.seen = None; net.scale = None; r = net, list(net.state_dict())",
    "parts change their kind": NET
    + "net.seen = nn.Parameter(torch.ones(1)); net.a = nn.Parameter(torch.ones(1)); r = net, list(net.state_dict())",
    "parts are deleted": NET + "del net.a, net.seen; net.x = 1; del net.x; r = net, list(net.state_dict()); net.a",
    "buffers by assignment": "m = nn.Module(); m.b = nn.Buffer(torch.ones(2)); m.c = nn.Buffer(torch.ones(1), persistent=False)\n"
    "r = list(m.state_dict()), [n for n, _ in m.named_buffers()], m.b",
    "before init": "class M(nn.Module):\n  def __init__(self): self.a = nn.Buffer(torch.ones(1))\nM()",
    "a parameter before init": "class M(nn.Module):\n  def __init__(self): self.a = nn.Parameter(torch.ones(1))\nM()",
    "a module before init": "class M(nn.Module):\n  def __init__(self): self.a = nn.ReLU()\nM()",
    "register before init": "class M(nn.Module):\n  def __init__(self): self.register_parameter('a', None)\nM()",
    "no forward": "nn.Module()(1)",
    "training": NET + "r = net.eval().a.training, net.train().a.training; net.train(3)",
    "zero_grad": NET
    + "net(x).sum().backward(); net.zero_grad(set_to_none=False); r = net.a.bias.grad; net.zero_grad(); r = r, net.a.bias.grad",
    "requires_grad_": NET + "net.requires_grad_(False); r = net(x).requires_grad, net.a.weight.requires_grad",
    "double": NET
    + "net(x).sum().backward(); net.double(); r = net.a.weight.dtype, net.a.weight.grad.dtype, net.seen.dtype, net.a.weight.is_leaf",
    "to half": NET
    + "r = net.to(torch.float16).a.bias.dtype, net.float().a.bias.dtype, net.to('cpu', torch.float64).a.bias.dtype",
    "to a tensor's dtype": NET
    + "r = net.to(torch.ones(1, dtype=torch.float64)).a.bias.dtype, net.type(torch.float32).a.bias.dtype",
    "to integers": NET + "net.to(torch.int64)",
    "integer buffers stay": "m = nn.BatchNorm1d(2).double(); r = m.num_batches_tracked.dtype, m.running_mean.dtype",
    # --- states
    "a state is loaded": NET
    + """
s = {k: v + 1 for k, v in net.state_dict().items()}; w = net.a.weight
r = net.load_state_dict(s), net.a.weight is w, net.a.bias
""",
    "a state is assigned": NET
    + """
s = {k: torch.zeros(v.shape) for k, v in net.state_dict().items()}; w = net.a.weight; net.a.requires_grad_(False)
r = net.load_state_dict(s, assign=True), net.a.weight is w, net.a.bias, net.seen is s["seen"], net.scale
""",
    "missing and unexpected": NET + "net.load_state_dict({'a.weight': torch.ones(3, 2), 'z': 1, 'y.x': 2})",
    "missing is allowed": NET + "r = net.load_state_dict({'a.weight': torch.ones(3, 2), 'z': 1}, strict=False)",
    "shapes that do not match": NET
    + "s = net.state_dict(); s['a.weight'] = torch.ones(2, 2); s['q'] = 1; net.load_state_dict(s)",
    "shapes count without strict": NET + "net.load_state_dict({'a.weight': torch.ones(2, 2)}, strict=False)",
    "not a tensor in a state": NET + "s = net.state_dict(); s['seen'] = 3; net.load_state_dict(s)",
    "not a state": NET + "net.load_state_dict(3)",
    "state_dict into": NET
    + "d = {}; net.state_dict(destination=d, prefix='n.', keep_vars=True); r = list(d), d['n.scale'] is net.scale",
    "extra state": """
class M(nn.Linear):
    def get_extra_state(self): return {"epoch": 3}
    def set_extra_state(self, state): self.epoch = state["epoch"] + 1
m = nn.Sequential(M(1, 1)); s = m.state_dict(); r = list(s), m.load_state_dict(s), m[0].epoch
""",
    # --- hooks
    "forward hooks": NET
    + """
net.register_forward_pre_hook(lambda m, a: log.append(("before", len(a))))
net.register_forward_pre_hook(lambda m, a: a[0] * 2)
net.register_forward_pre_hook(lambda m, a, k: ((a[0] + 1,), {"times": 3}), with_kwargs=True)
net.register_forward_hook(lambda m, a, y: log.append(("after", a, y)))
h = net.register_forward_hook(lambda m, a, y: y * 0)
net.register_forward_hook(lambda m, a, k, y: log.append(k), with_kwargs=True)
net.register_forward_hook(lambda m, a, y: log.append("first"), prepend=True)
r = net(x), log; h.remove(); r = r, net(x)
""",
    "a hook on every call of a part": NET
    + "net.a.register_forward_hook(lambda m, a, y: log.append(y.shape)); net(x); net(x[:1]); r = log",
    "a bad answer of a pre-hook": NET + "net.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True); net(x)",
    "always_call": NET
    + """
net.register_forward_hook(lambda m, a, y: log.append(y), always_call=True); net.register_forward_hook(lambda m, a, y: log.append(1))
def bad(m, a, y): raise ValueError("again")
net.register_forward_hook(bad, always_call=True)
try: net(torch.ones(1, 7))
except RuntimeError as e: r = type(e).__name__, log
""",
    "full backward hooks": NET
    + """
x.requires_grad_()
net.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
net.register_full_backward_pre_hook(lambda m, go: (go[0] * 3,))
net.register_full_backward_pre_hook(lambda m, go: log.append(go), prepend=True)
y = net(x); y.sum().backward(); r = log, x.grad, net.a.bias.grad, type(y.grad_fn).__name__
""",
    "backward hooks where no input wants a gradient": NET
    + "net.register_full_backward_hook(lambda m, gi, go: log.append((gi, go))); net(x).sum().backward(); r = log",
    "an answer where there can be none": NET
    + "net.register_full_backward_hook(lambda m, gi, go: (gi[0], 1)); net(x).sum().backward()",
    "backward hooks with several results": """
class M(nn.Module):
    def forward(self, a, b, c): return a * b, 3, b + c
m = M(); m.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
a, b, c = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True), torch.ones(2)
y, _, z = m(a, b, c); (y.sum() + 2 * z.sum()).backward(); r = log, a.grad, b.grad
""",
    "too many from a backward hook": NET
    + "x.requires_grad_(); net.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0])); net(x).sum().backward()",
    "backward hooks in no_grad": NET
    + "net.register_full_backward_hook(lambda *a: log.append(a))\nwith torch.no_grad(): r = net(x).requires_grad, log",
    "backward hooks see no list": NET
    + "net.forward = lambda x: [x * 2]; x.requires_grad_(); net.register_full_backward_hook(lambda *a: log.append(1)); net(x)[0].sum().backward(); r = log",
    "backward hooks and second derivatives": NET
    + """
x.requires_grad_(); net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
g, = torch.autograd.grad((net(x) ** 2).sum(), x, create_graph=True); g.sum().backward(); r = g, net.b.weight.grad
""",
    # --- containers
    "Sequential": """
s = nn.Sequential(nn.ReLU(), nn.Tanh()); r = [s * 2, s + s, 2 * s, s[0], s[-1], s[:1], len(s), list(s)]
r.append(s.pop(0)); s.insert(0, nn.Sigmoid()); s.append(nn.ReLU()); s.extend(nn.Sequential(nn.Tanh())); r.append(repr(s))
del s[1:3]; r.append(repr(s)); s[0] = nn.Identity(); s *= 2; r.append(s)
""",
    "Sequential with names": """
s = nn.Sequential({"a": nn.ReLU(), "b": nn.Tanh(), "c": nn.ReLU()}) if False else nn.Sequential(
    __import__("collections").OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.ReLU()))
r = [s.a, s[1:], repr(s)]; s[1] = nn.Identity(); r.append(repr(s)); del s[0]; r.append(s)
""",
    "Sequential out of range": "nn.Sequential(nn.ReLU())[3]",
    "Sequential insert out of range": "nn.Sequential(nn.ReLU()).insert(3, nn.ReLU())",
    "ModuleList": """
m = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU()]); r = [repr(m), m[-1], m[:2], len(m), list(m.state_dict())]
m.append(nn.Tanh()).extend([nn.ReLU()]); m.insert(1, nn.Sigmoid()); del m[0]; m[0] = nn.Tanh(); m += [nn.ReLU()]
r += [repr(m), m + [nn.Tanh()], m.pop(1), m, nn.ModuleList()]
""",
    "ModuleList called": "nn.ModuleList([nn.ReLU()])(1)",
    "ModuleList extended by a module": "nn.ModuleList().extend(3)",
    "ModuleDict": """
m = nn.ModuleDict({"a": nn.ReLU()}); m["b"] = nn.Tanh(); m.update([("c", nn.Sigmoid())]); r = [repr(m), "b" in m, list(m.items()), len(m), m["a"]]
r.append(m.pop("a")); del m["c"]; r.append((list(m), list(m.values()))); m.clear(); r.append(m)
""",
    "ModuleDict of triples": "nn.ModuleDict([('a', nn.ReLU(), 1)])",
    "ModuleDict of a number": "nn.ModuleDict(3)",
    "ParameterList": """
p = nn.ParameterList([torch.zeros(2, 3), nn.Parameter(torch.ones(2))]); p.append(5).extend([torch.ones(1)]); p[0] = torch.ones(1)
r = repr(p), p[1], p[-1], p[:2], len(p), list(p.state_dict()), nn.Sequential(p), nn.ParameterList()
""",
    "ParameterList called": "nn.ParameterList()()",
    "ParameterDict": """
p = nn.ParameterDict({"a": torch.zeros(2), "b": nn.Parameter(torch.ones(3))}); p["c"] = torch.ones(1)
r = [repr(p), p["a"], list(p), len(p), "b" in p, list(p.items()), p | nn.ParameterDict({"z": torch.ones(1)}), p.get("q", 3)]
r += [p.pop("a"), p.popitem(), p.setdefault("d", torch.zeros(1)), p.copy(), list(p.state_dict()), list(reversed(p))]
del p["b"]; r.append(p); p.clear(); r.append(p); p["x"]
""",
    "a parameter": "r = nn.Parameter(torch.ones(2)), nn.Parameter(), nn.Parameter(torch.ones(1), requires_grad=False)",
    "Identity": "r = nn.Identity(3, b=2), nn.Identity()(5)",
    "Unflatten": "r = nn.Unflatten(1, (2, -1)), nn.Unflatten(1, (2, -1))(torch.zeros(3, 6)).shape",
    "Unflatten by a number": "nn.Unflatten(1, 'ab')",
    "Unflatten by texts": "nn.Unflatten(1, ('a', 2))",
    "Bilinear of nothing": "nn.Bilinear(0, 1, 1)",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_same_as_in_pytorch(torch, name):
    assert outcome(gv, SNIPPETS[name]) == outcome(torch, SNIPPETS[name])


def test_deepcopy_shares_nothing_but_keeps_what_is_shared():
    layer = gv.nn.Linear(2, 2)
    model = gv.nn.Sequential(layer, gv.nn.ReLU(), layer)
    model(gv.ones(1, 2)).sum().backward()
    twin = copy.deepcopy(model)
    assert twin[0] is twin[2]
    assert twin[0].weight is not layer.weight
    assert twin[0].weight.grad is None  # as in PyTorch
    assert not np.shares_memory(twin[0].weight.detach().numpy(), layer.weight.detach().numpy())
    assert twin(gv.ones(1, 2)).tolist() == model(gv.ones(1, 2)).tolist()


def test_a_copied_hook_is_not_removed_with_the_original():
    model = gv.nn.Identity()
    calls = []
    handle = model.register_forward_hook(lambda *a: calls.append(1))
    twin = copy.deepcopy(model)
    handle.remove()
    model(1)
    assert calls == []
    twin(1)
    assert calls == [1]


def test_what_pytorch_gave_up_is_refused_by_name():
    with pytest.raises(NotImplementedError, match="register_full_backward_hook"):
        gv.nn.ReLU().register_backward_hook(print)
    with pytest.raises(NotImplementedError, match="bfloat16"):
        gv.nn.Linear(1, 1).bfloat16()
    with pytest.raises(AssertionError, match="CPU only"):
        gv.nn.Linear(1, 1).cuda()
    with pytest.raises(AssertionError, match="CPU only"):
        gv.nn.Linear(1, 1).to("cuda")


# --- starting values -------------------------------------------------------------------------------------------------

INITS = [
    ("uniform_", ()), ("uniform_", (-1, 2)), ("normal_", (1, 2)), ("xavier_uniform_", (2,)), ("xavier_normal_", ()),
    ("kaiming_uniform_", (0.1, "fan_out")), ("kaiming_normal_", (0, "fan_in", "relu")), ("trunc_normal_", ()),
    ("trunc_normal_", (0, 1, -1, 1)), ("trunc_normal_", (0, 1, 1.0, 2.0)), ("orthogonal_", (2,)), ("sparse_", (0.3,)),
    ("eye_", ()), ("ones_", ()), ("zeros_", ()), ("constant_", (3,)), ("dirac_", ()), ("dirac_", (2,)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3,), (3, 4), (20, 17), (4, 2, 3), (4, 3, 3, 3)], ids=str)
@pytest.mark.parametrize(("name", "arguments"), INITS)
def test_starting_values_have_pytorchs_digits(torch, name, arguments, shape, dtype):
    def drawn(library):
        library.manual_seed(3)
        tensor = library.empty(*shape, dtype=getattr(library, dtype))
        try:
            numbers = getattr(library.nn.init, name)(tensor, *arguments).numpy()
        except ValueError as error:
            numbers = str(error)
        return numbers, library.rand(1).item()  # the next number shows that as many were drawn

    (mine, next_mine), (theirs, next_theirs) = drawn(gv), drawn(torch)
    assert next_mine == next_theirs
    if isinstance(theirs, str) or name not in ("orthogonal_", "trunc_normal_"):
        np.testing.assert_array_equal(mine, theirs)
    else:
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu", "elephant"])
def test_gains(torch, name):
    code = f"r = nn.init.calculate_gain({name!r})"
    assert outcome(gv, code) == outcome(torch, code)
    code = f"r = nn.init.calculate_gain({name!r}, 0.3)"
    assert outcome(gv, code) == outcome(torch, code)


@pytest.mark.parametrize(
    "code",
    [
        "nn.init.kaiming_uniform_(torch.empty(3))",
        "nn.init.kaiming_uniform_(torch.empty(3, 2), mode='fan')",
        "r = nn.init.kaiming_uniform_(torch.empty(0, 2))",
        "nn.init.dirac_(torch.empty(3, 2, 1), 2)",
        "nn.init.calculate_gain('leaky_relu', 'a')",
    ],
)
def test_bad_starting_values(torch, code):
    assert outcome(gv, code) == outcome(torch, code)


# --- layers ----------------------------------------------------------------------------------------------------------


def numbers(*shape, kind="float32"):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(kind)


@pytest.mark.parametrize(
    ("make", "arrays"),
    [
        (lambda t: t.nn.Linear(3, 2), [numbers(4, 3)]),
        (lambda t: t.nn.Linear(3, 2, bias=False), [numbers(4, 5, 3)]),
        (lambda t: t.nn.Linear(3, 2), [numbers(3)]),
        (lambda t: t.nn.Bilinear(3, 4, 2), [numbers(5, 3), numbers(5, 4)]),
        (lambda t: t.nn.Bilinear(3, 4, 2, bias=False), [numbers(2, 5, 3), numbers(2, 5, 4)]),
        (lambda t: t.nn.Flatten(), [numbers(5, 3, 2)]),
        (lambda t: t.nn.Flatten(0, 1), [numbers(5, 3, 2)]),
        (lambda t: t.nn.Unflatten(-1, (3, 2)), [numbers(5, 6)]),
        (lambda t: t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 1)), [numbers(5, 3)]),
    ],
)
def test_layers(torch, make, arrays):
    assert_same_module(torch, make, *arrays)


def test_second_derivatives_of_bilinear(torch):
    def function(t, x, y, weight, bias):
        return t.nn.functional.bilinear(x, y, weight, bias)

    assert_same(torch, function, *(numbers(*shape, kind="float64") for shape in [(5, 3), (5, 4), (2, 3, 4), (2,)]))


OLD_NAMES = {
    "constant": "constant(w, 0.5)",
    "dirac": "dirac(torch.empty(2, 2, 3))",
    "eye": "eye(w)",
    "kaiming_normal": "kaiming_normal(w)",
    "kaiming_uniform": "kaiming_uniform(w, a=1)",
    "normal": "normal(w, std=0.1)",
    "orthogonal": "orthogonal(w)",
    "sparse": "sparse(w, 0.5)",
    "uniform": "uniform(w)",
    "xavier_normal": "xavier_normal(w)",
    "xavier_uniform": "xavier_uniform(w, gain=2)",
}


@pytest.mark.parametrize("name", OLD_NAMES)
def test_starting_values_by_their_old_names(torch, name):
    """They end in an underscore now; the old ones still do the same, and say so."""
    code = f"""
import warnings
torch.manual_seed(0)
w = torch.empty(3, 4)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = nn.init.{OLD_NAMES[name]}
r = result, [(w.category.__name__, str(w.message)) for w in caught]"""
    assert outcome(gv, code) == outcome(torch, code)
