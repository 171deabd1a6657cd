"""How PyTorch's functions are called: ``out=``, wrong arguments, classes of tensors, devices, settings."""

from __future__ import annotations

import random
import warnings
import zlib

import numpy as np
import pytest
from beside import all_warnings

import gradviz as gv
from gradviz.engine import signatures

ARRAY = np.arange(1, 7, dtype=np.float32).reshape(2, 3)


def outcome(library, code, **more):
    """What a few lines leave in `r`, in print, or the error by its type and first line; and the warnings' first words."""
    space = {
        "torch": library,
        "F": library.nn.functional,
        "nn": library.nn,
        "x": library.tensor(ARRAY.tolist()),
        **more,
    }
    with all_warnings(library) as caught:
        try:
            exec(code, space)
            answer = str(space["r"])
        except Exception as error:
            answer = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return answer, [str(warning.message)[:60] for warning in caught]


# --- out= ----------------------------------------------------------------------------------------------------------------

OUT = """\
torch.add(x, 1, out=o)|torch.exp(x, out=o)|torch.sum(x, 0, out=o)|torch.matmul(x, x.T, out=o)|torch.cat([x, x], out=o)
torch.stack([x, x], dim=1, out=o)|torch.eq(x, 2, out=o)|torch.mean(x, 1, True, out=o)|torch.cumsum(x, 0, out=o)
torch.var(x, out=o)|torch.tril(x, out=o)|torch.clamp(x, min=2, out=o)|torch.round(x, out=o)|torch.index_select(x, 1, i, out=o)
torch.gather(x, 1, i[None], out=o)|torch.where(x > 2, x, x * 0, out=o)|torch.softmax(x, 0, out=o)|torch.argmax(x, out=o)
torch.prod(x, 1, out=o)|torch.norm(x, out=o)|torch.nonzero(x > 3, out=o)|torch.all(x > 0, out=o)|torch.zeros(4, out=o)
torch.arange(4, out=o)|torch.full((2,), 7.0, out=o)|torch.linspace(0, 1, 3, out=o)|torch.eye(2, out=o)|torch.isposinf(x, out=o)
torch.linalg.norm(x, out=o)|torch.special.entr(x, out=o)|F.normalize(x, out=o)|torch.hstack([x, x], out=o)|torch.sub(x, 1, alpha=2, out=o)
torch.mul(x1=x, x2=x, out=o)|torch.amax(x, axis=1, keepdims=True, out=o)|torch.diag(x[0], out=o)|torch.outer(x[0], x[1], out=o)
torch.logical_and(x > 1, x < 5, out=o)|torch.bmm(x[None], x.T[None], out=o)|torch.take(x, i, out=o)|torch.lerp(x, x + 1, 0.5, out=o)""".replace(
    "\n", "|"
).split("|")
KINDS = ["torch.empty(0)", "torch.zeros(7)", "torch.empty(0, dtype=torch.long)", "torch.empty(0, dtype=torch.double)", "torch.empty(0, dtype=torch.bool)"]  # fmt: skip
KNOWN_APART = {
    ("torch.arange(4, out=o)", "torch.zeros(7)"),  # resized with words of its own
    *(("torch.softmax(x, 0, out=o)", kind) for kind in KINDS[4:]),
    *((f"torch.{name}", "torch.empty(0, dtype=torch.bool)") for name in ("cumsum(x, 0, out=o)", "arange(4, out=o)", "linspace(0, 1, 3, out=o)")),
    ("torch.diag(x[0], out=o)", KINDS[3]),
    *((code, kind) for code in ("torch.lerp(x, x + 1, 0.5, out=o)", "torch.norm(x, out=o)") for kind in KINDS[2:]),
}  # fmt: skip
"""What PyTorch says in words of one function's own."""


@pytest.mark.parametrize("code", OUT)
def test_a_result_is_written_by_pytorchs_rules(torch, code):
    """Where it is resized, with a warning or without, and what it may be converted to; the tensor given is what is returned."""
    for kind in KINDS:
        if (code, kind) not in KNOWN_APART:
            lines = f"i = torch.tensor([2, 0]); o = {kind}\nv = {code}\nr = v is o, o, o.shape, o.dtype"
            assert outcome(gv, lines) == outcome(torch, lines), kind


@pytest.mark.parametrize(
    "code",
    [
        "w = x.requires_grad_(); torch.exp(w, out=torch.empty(0)); r = 0",
        "o = torch.zeros(2, 3, requires_grad=True); torch.add(x, 1, out=o); r = 0",
        "w = x.requires_grad_(); o = torch.zeros(2, 3)\nwith torch.no_grad(): torch.exp(w, out=o)\nr = o",
        "torch.add(x, 1, out=x); r = x, x._version",
        "torch.add(x[0], 1, out=x[1]); r = x",  # a view is written through
        "torch.mul(x[:, :2], 2, out=x[:, 1:]); r = 0",
        "o = torch.zeros(5); torch.add(o[:4], 1, out=o[1:]); r = 0",
        "o = torch.zeros(1, 3).expand(2, 3); torch.add(x, 1, out=o); r = 0",
        "o = torch.zeros(2), torch.zeros(2, dtype=torch.long); v = torch.max(x, 1, out=o); r = v, o[0] is v[0], type(v).__name__",
        "o = torch.zeros(0), torch.zeros(0, dtype=torch.long); r = torch.sort(x, 0, descending=True, out=o), o",
        "torch.max(x, 1, out=torch.zeros(2)); r = 0",
        "torch.exp(x, out=3); r = 0",
        "x.add(1, out=x); r = 0",
        "r = torch.add(x, 1, out=None)",
    ],
)
def test_out_and_gradients_views_and_tuples(torch, code):
    assert outcome(gv, code) == outcome(torch, code)


# --- wrong arguments -----------------------------------------------------------------------------------------------------

TENSORS = {
    "f": lambda t: t.tensor(ARRAY.tolist()),
    "sq": lambda t: t.tensor([[2.0, 1.0], [1.0, 3.0]]),
    "v": lambda t: t.tensor([1.0, 2.0, 3.0]),
    "s": lambda t: t.tensor(2.0),
    "i": lambda t: t.tensor([[0, 1, 1], [1, 0, 1]]),
    "b": lambda t: t.tensor([[True, False, True], [False, True, True]]),
    "x": lambda t: t.ones(3, 5),
}
GOOD = {
    "int": [0, 1, -1, 7], "Number": [0, 2.5], "float": [0.5], "bool": [True], "str": ["mean", "none"],
    "ints": [(0, 1), (2, 3), (7,), ()], "ints1": [0, -1, (0, 1), 7],
}  # fmt: skip
BAD = ["a", None, [1, 2], 1.5, 3, ..., {"k": 1}, object]

SKIPPED = {
    "Tensor.new", "Tensor.set_", "empty", "manual_seed", "rand", "randn", "seed", "set_rng_state", "get_rng_state", "initial_seed",
    "tensor", "as_tensor", "Tensor.apply_", "Tensor.map_", "Tensor.numpy", "Tensor.to", "Tensor.type", "Tensor.data_ptr",
    "Tensor.is_pinned", "Tensor.pin_memory", "frombuffer", "result_type", "can_cast", "promote_types", "nn.functional.bilinear",
    "bilinear", "is_autocast_enabled", "get_autocast_dtype", "Tensor.get_device", "get_device", "linalg.eig", "linalg.eigvals",
    "get_num_interop_threads", "get_num_threads", "set_flush_denormal", "set_num_interop_threads", "set_num_threads", "range",
    "nonzero", "nn.functional.logsigmoid", "Tensor.index_put", "Tensor.index_put_",
    *(f"{room}{name}" for room in ("", "Tensor.") for name in ("div", "div_", "divide", "divide_", "true_divide", "true_divide_",
                                                                "floor_divide", "floor_divide_")),
}  # fmt: skip
"""What makes numbers at random or answers with an address; and what is known to be said otherwise."""


def always(value):
    return lambda library: value


def several(make):
    return lambda library: [make(library), make(library)]


def a_call(draw, signature):
    """Arguments for a call, one of which is mostly wrong; each as a function of the library."""
    args = []
    for parameter in signature.parameters:
        if parameter.by_keyword or (parameter.default is not None and draw.random() < 0.6):
            break
        if parameter.kind in ("Tensor", "Tensor+"):
            args.append(TENSORS[draw.choice(list(TENSORS))])
        elif parameter.kind == "Tensors":
            args.append(several(TENSORS[draw.choice(list(TENSORS))]))
        else:
            args.append(always(draw.choice(GOOD.get(parameter.kind, [None]))))
    wrong = draw.random()
    bad = draw.choice(BAD)
    if wrong < 0.6 and args:
        args[draw.randrange(len(args))] = always(bad)
    elif wrong < 0.8:
        args.append(always(bad))
    elif args:
        args.pop()
    return args, ({"foo": 1} if wrong > 0.95 else {})


def refusal(library, name, args, keywords):
    """The type and first line of the TypeError that a call with wrong arguments raises; ``None`` if it raises none."""
    room, _, last = name.rpartition(".")
    place = TENSORS["f"](library) if room == "Tensor" else library
    for part in room.split(".") if room not in ("", "Tensor") else ():
        place = getattr(place, part)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            getattr(place, last)(*(make(library) for make in args), **keywords)
        except TypeError as error:
            words = str(error).splitlines()[0].replace(f"Tensor.{last}() takes no", f"TensorBase.{last}() takes no")
            return words.replace("!", "")
        except Exception:
            return None
    return None


RAW = ("operands could not be broadcast", "tuple index", "has no attribute", "zip()", "unpack", "read-only", "not iterable",
       "not subscriptable", "truth value", "axes don't match", "cannot reshape", "ufunc", "inhomogeneous")  # fmt: skip
"""Words of NumPy's or Python's own, which say nothing to who calls PyTorch's functions."""


@pytest.mark.parametrize("part", range(8))
def test_arguments_that_do_not_fit_are_refused_in_pytorchs_words(torch, part):
    """Every function and method, with a wrong type, number or name of arguments, drawn anew for each of them."""
    wrong = []
    for name in [name for name in signatures._lines() if name not in SKIPPED][part::8]:
        draw = random.Random(zlib.crc32(name.encode()))
        for _ in range(3):
            signature = draw.choice(signatures.of(name))
            args, keywords = a_call(draw, signature)
            theirs = refusal(torch, name, args, keywords)
            ours = refusal(gv, name, args, keywords)
            if theirs is not None and ours is not None and theirs != ours and "failed to unpack" not in theirs:
                wrong.append((name, theirs, ours))
            if ours is not None and theirs is None and any(words in ours for words in RAW):
                wrong.append((name, "", ours))
    assert wrong == []


@pytest.mark.parametrize(
    "code",
    [
        "torch.where(x, x, x)", "torch.isclose(x, x[:, :2])", "x.bernoulli_(x[0, :2])", "x.shape[7]", "x.size(7)",
        "x.stride(7)", "x.expand(2, 4)", "x.broadcast_to(2, 4)", "x.broadcast_to(7)", "torch.trapz(torch.tensor(1.0))",
        "F.channel_shuffle(x, 1)", "F.conv1d(x, x[0])", "F.conv2d(x, x)", "torch.bincount(x)", "x[7]", "x[0, 0, 0]",
        "torch.bitwise_and(x, x[:, :2])", "x.view(1, 'a')", "torch.cat([x, 1])", "torch.cat([])", "x.float('a')", "torch.exp(np)",
        "torch.LongTensor(x)", "torch.FloatTensor(1.5)", "torch.set_num_threads(0)", "torch.set_default_tensor_type('torch.LongTensor')",
        "torch.zeros(4).fill_diagonal_(1)", "torch.zeros(2, 3, 2).fill_diagonal_(1)", "x.sum_to_size(2)", "torch.dropout(x, 2.0, True)",
        "torch.embedding(x, torch.tensor([0]), foo=1)", "torch.device('foo')", "torch.device('cuda:a')", "torch.device('cpu', -1)",
        "torch.zeros(1, device='cuda')", "x.to('cuda:0')", "x.cuda()", "nn.Linear(2, 2).to('cuda')", "torch.zeros(1, device='xpu')",
        "torch.cuda.current_device()", "torch.cuda.get_device_name(0)", "x.pin_memory()", "x.values()", "torch.imag(x)",
    ],
)  # fmt: skip
def test_a_mistake_is_said_in_pytorchs_words(torch, code):
    numbers = {"np": np.ones(2, np.float32)}
    theirs, ours = outcome(torch, f"r = {code}", **numbers), outcome(gv, f"r = {code}", **numbers)
    assert ours[0] == theirs[0]


# --- names that answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "torch.pi, torch.e, torch.inf, torch.nan, torch.newaxis", "x[:, torch.newaxis].shape",
        "torch.LongTensor(range(3)), torch.FloatTensor((1, 2)), torch.FloatTensor(2, 3).shape, torch.Tensor(range(2))",
        "isinstance(x, torch.FloatTensor), isinstance(x, torch.LongTensor), x.type(torch.LongTensor), torch.FloatTensor.dtype",
        "torch.device('cuda:0'), torch.device('cuda', 1).index, str(torch.device('cuda:0')), torch.device('cpu') == torch.device('cpu:0')",
        "x.is_cuda, x.is_sparse, x.is_cpu, x.layout, x.get_device(), x.device, x.ndimension(), x.name, x.is_shared(), x.dim_order()",
        "torch.zeros(4, 3).fill_diagonal_(5, wrap=True), torch.zeros(5, 2).fill_diagonal_(5, wrap=True), torch.zeros(2, 2, 2).fill_diagonal_(1)",
        "x.clone().cumsum_(1), x.clone().apply_(lambda n: n + 1), x.clone().map_(x, lambda a, b: a * b), x.new(2).shape, x.new([1, 2])",
        "x.clone().resize_(4), x.clone().resize_as_(torch.zeros(1)), x.to_dense(), x.sum_to_size(1, 3), x.nextafter(x + 1)",
        "torch.relu_(x - 2), torch.sqrt_(x.clone()), torch.fill_(x.clone(), 3), torch.detach(x), F.relu_(x - 2), F.elu_(x - 3)",
        "torch.cuda.memory_allocated(), torch.cuda.max_memory_reserved(), torch.cuda.device_count(), torch.cuda.is_bf16_supported()",
        "torch.cuda.empty_cache(), torch.cuda.manual_seed_all(0), torch.cuda.get_rng_state_all(), torch.cuda.is_initialized()",
        "torch.set_num_threads(3), torch.get_num_threads(), torch.set_float32_matmul_precision('high'), torch.get_float32_matmul_precision()",
        "torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled(), torch.use_deterministic_algorithms(False)",
        "torch.get_default_device(), torch.typename(x), torch.typename(1), torch.typename(nn.Linear)[:8], torch.is_warn_always_enabled()",
        "torch.conv2d(x[None, None], x[None, None, :1, :2]), torch.layer_norm(x, (3,)), torch.celu(-x), torch.selu(x), torch.threshold(x, 2, 0)",
        "torch.embedding(x, torch.tensor([1, 0])), torch.group_norm(x[None], 1), torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, True)",
        "torch.kl_div(x.log(), x, 2), torch.hinge_embedding_loss(x, x, 1.0, 0), torch.dropout(x, 0.5, False), torch.pixel_shuffle(torch.ones(1, 4, 1, 1), 2)",
        "torch.cosine_embedding_loss(x, x, torch.ones(2), 0.0, 1), torch.adaptive_max_pool1d(x, 1), torch.constant_pad_nd(x, (1, 0), 7)",
        "torch.binary_cross_entropy_with_logits(x, x / 9, None, x, 2), torch.max_pool2d(x[None, None], 2), torch.rms_norm(x, (3,))",
        "torch.hann_window(5), torch.hamming_window(4, False), torch.bartlett_window(6), torch.blackman_window(1)",
        "torch.channels_last, torch.strided, x.is_contiguous(memory_format=torch.channels_last), x.clone(memory_format=torch.contiguous_format)",
        "torch.is_signed(x), torch.is_conj(x), torch.get_device(x)",
        "torch.random.initial_seed() == torch.initial_seed(), torch.default_generator.device",
    ],
)  # fmt: skip
def test_a_name_answers_as_in_pytorch(torch, code):
    assert outcome(gv, f"r = {code}")[0] == outcome(torch, f"r = {code}")[0]


def test_what_is_compiled_is_what_it_was():
    """Compiling is not tried in PyTorch itself here: it would start a compiler of C++."""
    net = gv.nn.Linear(1, 1)
    assert gv.compile(gv.exp) is gv.exp
    assert gv.compile(net, mode="max-autotune") is net

    @gv.compile(fullgraph=True)
    def double(value):
        return value * 2

    assert double(3) == 6


LINES = {
    "a default device": "with torch.device('cpu'): a = torch.ones(1)\ntorch.set_default_device('cuda')\n"
    "try: torch.ones(1)\nexcept AssertionError as error: r = str(error).splitlines()[0], a\nfinally: torch.set_default_device(None)",
    "a default class": "torch.set_default_tensor_type(torch.DoubleTensor); r = torch.ones(1).dtype, torch.get_default_dtype()\n"
    "torch.set_default_tensor_type('torch.FloatTensor')",
    "mixed precision for a card": "w = x.requires_grad_(); s = torch.cuda.amp.GradScaler(); o = torch.optim.SGD([w], 0.1)\n"
    "with torch.cuda.amp.autocast(): l = (w * 2).sum()\ns.scale(l).backward(); s.unscale_(o); s.step(o); s.update(); r = w, s.get_scale(), s.state_dict()",
    "a scale on the CPU": "w = x.requires_grad_(); s = torch.amp.GradScaler('cpu', growth_interval=2); o = torch.optim.SGD([w], 0.1); r = []\n"
    "for k in (2.0, 3.0, float('inf'), 1.0):\n    o.zero_grad(); s.scale((w * k).sum()).backward(); s.step(o); s.update(); r.append((str(w), s.get_scale()))",
    "a class keeps its class": "class Named(torch.Tensor): pass\na = Named(torch.ones(2, requires_grad=True))\n"
    "r = [type(v).__name__ for v in (a, a * 2, 2 * a, a + x[0, :2], torch.add(a, 1), a.sum(), a[0], a.max(0)[0], torch.cat([a, a]), -a, a > 0)], "
    "a.requires_grad, (a * 2).sum().grad_fn is not None, a",
    "a class gets its gradient": "class Named(torch.Tensor): pass\nw = torch.ones(2, requires_grad=True); (w.as_subclass(Named) * 3).sum().backward(); r = w.grad",
    "a class with more": "class Tagged(torch.Tensor):\n    @staticmethod\n    def __new__(cls, data, tag): return super().__new__(cls, data)\n"
    "    def __init__(self, data, tag): self.tag = tag\nt = Tagged(torch.ones(2), 'hi'); r = t.tag, type(t * 2).__name__, t.shape, t",
    "a class that listens": "log = []\nclass Loud(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, func, types, args=(), kwargs=None):\n"
    "        log.append(func.__name__); return super().__torch_function__(func, types, args, kwargs or {})\n"
    "d = torch.ones(2).as_subclass(Loud); torch.add(d, 1); d.mul(2); torch.stack([d, d]); r = log",
    "a tensor of a tensor": "w = torch.ones(2, requires_grad=True); t = torch.Tensor(w); r = t.requires_grad, t.is_leaf, t.grad_fn.name()",
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_lines_do_what_they_do_in_pytorch(torch, lines):
    assert outcome(gv, lines) == outcome(torch, lines)


def test_other_tensors_pay_nothing_for_classes_that_are_not_there():
    from gradviz.engine import subclasses

    class Named(gv.Tensor):
        pass

    try:
        assert type(gv.ones(2) + 1) is gv.Tensor
        assert type(gv.nn.Parameter(gv.ones(2)) * 2) is gv.Tensor
    finally:
        subclasses.kept.discard(Named)


BOUND = {  # calls of one function one after the other, of which none may take the other's way
    "sum": ["x.sum(axis=0)", "x.sum(axis=1)", "x.sum(axis=(0, 1))", "x.sum(axis=0, keepdims=True)", "x.sum(keepdims=True, axis=1)",
            "x.sum(axis=None)", "torch.sum(x, axis=1)", "torch.sum(input=x, axis=1)", "torch.sum(axis=1, a=x)", "x.sum(axis=True)"],
    "a tensor or a number": ["torch.add(x=x, x2=x)", "torch.add(x=x, x2=2)", "torch.add(x=x, x2=torch.tensor(2))",
            "torch.add(x=x, x2=x, alpha=2)", "torch.add(x=x, x2=torch.tensor(2.), alpha=3)", "torch.add(x=x, x2='2')"],
    "max": ["torch.max(x, axis=0)", "torch.max(a=x)", "torch.max(x=x, x2=x)", "torch.max(x, axis=1.0)",
            "torch.max(x, axis=1)"],
    "ints in a row": ["x.reshape(shape=(3, 2))", "x.permute(dims=(1, 0))", "x.permute(1, 0)", "x.permute(dims=[1, 0])"],
    "std": ["x.std(axis=0)", "x.std(axis=1, correction=0)", "x.std(axis=0, unbiased=False)", "x.std(axis=None)", "x.std(axis=1)"],
    "a mistake between": ["x.mean(axis=0)", "x.mean(axis='0')", "x.mean(axis=5)", "x.mean(axis=0, bias=1)", "x.mean(axis=1)"],
    "where it is written": ["torch.sum(x, axis=0, out=y)", "torch.sum(x, axis=0)", "torch.sum(x, axis=0, out=y)"],
}  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("name", BOUND)
def test_a_call_goes_its_own_way_whatever_was_called_before(torch, name, order):
    """Where arguments go is remembered by their kinds; a call of another kind is looked at anew."""
    for call in 2 * BOUND[name][::order]:
        program = f"x = torch.arange(6.).reshape(2, 3); y = torch.zeros(3); r = {call}"
        assert outcome(gv, program) == outcome(torch, program), call


def test_the_way_of_a_call_is_looked_up_once(monkeypatch):
    from gradviz.engine import signatures

    x = gv.ones(2, 3)
    x.sum(axis=0)
    monkeypatch.setattr(signatures, "bound", lambda *given: pytest.fail("looked up again"))
    assert x.sum(axis=1).tolist() == [3, 3]


def test_a_programs_classes_of_tensors_can_go(monkeypatch):
    """A class costs only the calls that are about it, and is forgotten with its last use."""
    import gc
    import weakref

    from gradviz.engine import calls, subclasses

    class Named(gv.Tensor):
        pass

    named = gv.ones(3).as_subclass(Named)
    assert type(named * 2) is type(gv.exp(named)) is type(gv.stack([named, named])) is type(named.sum(axis=0)) is Named
    gone = weakref.ref(Named)
    assert gone in subclasses.kept
    with monkeypatch.context() as patch:
        patch.setattr(calls, "dispatch", lambda *given: pytest.fail("not about it"))
        assert type(gv.exp(gv.ones(3))) is type(gv.stack([gv.ones(3)])) is gv.Tensor
    del Named, named
    gc.collect()
    assert gone() is None
    assert gone not in subclasses.kept
