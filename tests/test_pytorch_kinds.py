"""Real PyTorch of every kind: what is drawn as what it is, what as structure, what is refused by name; and what is left of a graph."""

import subprocess
import sys
import threading
import warnings

import pytest

import gradviz as gv
from gradviz.catalogue import text


def values_of(recording):
    return {id: value for frame in recording.frames for id, value in frame.values}


def names_of(recording):
    return [operation.name for operation in recording.graph.operations]


# --- after backward() ----------------------------------------------------------------------------------------------------


def test_what_a_backward_pass_has_left_is_drawn_with_its_gradients_and_a_sentence(torch):
    model, x = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2)), torch.randn(5, 4)
    loss = torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 1, 0, 1]))
    loss.backward()
    for shown in (gv.draw(loss), gv.backprop(loss)):
        recording = shown.recording
        assert recording.remarks == (text("left", "pytorch"),)
        gradients = {gradient.tensor: gradient.value for frame in recording.frames for gradient in frame.gradients}
        named = {tensor.name: tensor.id for tensor in recording.graph.tensors}
        for path, parameter in model.named_parameters():
            assert gradients[named[f"model.{path}"]].data == pytest.approx(parameter.grad.flatten().tolist())
        known = values_of(recording)
        assert [one for one in recording.graph.operations if one.outputs[0] in known] == [
            recording.graph.operations[-1]
        ]
    assert "call backward(retain_graph=True)" in gv.draw(loss)._repr_mimebundle_()["text/html"]


def test_a_graph_without_gradients_left_is_drawn_too(torch):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    torch.autograd.grad(loss, w)
    with torch.no_grad():
        w += 1  # what its values were is not to be worked out from what stands there now
    recording = gv.backprop(loss).recording
    made = {id for operation in recording.graph.operations for id in operation.outputs}
    assert {frame.phase for frame in recording.frames} == {"forward"}
    assert set(values_of(recording)) & made == {recording.graph.operations[-1].outputs[0]}


def test_a_backward_pass_after_the_watch_leaves_values_and_gradients(torch):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with gv.watch():
        loss = (w * 3).exp().sum()
    loss.backward()
    recording = gv.draw(loss).recording
    assert recording.remarks == (text("left, watched", "pytorch"),)
    assert len(values_of(recording)) == len(recording.graph.tensors)
    assert recording.frames[-1].gradients[0].value.data == pytest.approx(w.grad.tolist())


# --- draw(model, x) ------------------------------------------------------------------------------------------------------


def network(torch):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4)
            self.drop, self.out = torch.nn.Dropout(0.5), torch.nn.Linear(256, 3)
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            with torch.no_grad():
                self.out.bias.add_(1)
            return self.out(self.drop(self.norm(self.conv(x)).relu()).flatten(1))

    return Net()


def test_a_model_that_is_drawn_is_left_as_it_was(torch):
    torch.manual_seed(0)
    net, x = network(torch), torch.randn(2, 1, 8, 8)
    waiting = net.out(torch.randn(1, 256)).sum()  # somebody's graph, in which the parameters must not have changed
    before = {path: tensor.clone() for path, tensor in net.state_dict().items()}
    random = torch.get_rng_state()
    for recording in (
        gv.draw(net, x).recording,
        gv.backprop(net, x, gradient=torch.ones(2, 3)).recording,
        gv.draw(torch.compile(net, backend="eager"), x).recording,
    ):
        assert names_of(recording)[:3] == ["convolution", "batch_norm", "relu"]
        assert len(values_of(recording)) == len(recording.graph.tensors)
    assert all(torch.equal(tensor, before[path]) for path, tensor in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert net.calls == 0
    assert net.training
    assert all(parameter.grad is None for parameter in net.parameters())
    waiting.backward()


def test_a_frozen_model_is_drawn_in_inference_mode_too(torch):
    net = network(torch).requires_grad_(False).eval()
    with torch.inference_mode():
        x = torch.randn(2, 1, 8, 8)
        recording = gv.draw(net, x).recording
    assert recording.title == "net(x)"
    assert {tensor.role for tensor in recording.graph.tensors} == {"input", "intermediate", "output"}
    assert {tensor.name for tensor in recording.graph.tensors} >= {"x", "net.conv.weight", "net.out.bias"}


# --- kinds of tensors ----------------------------------------------------------------------------------------------------


def nested(torch, layout):
    rows = [torch.randn(2, 3), torch.randn(4, 3)]
    made = torch.nested.nested_tensor(rows, requires_grad=True, layout=layout) * 2
    return made.values().sum() if layout is torch.jagged else torch.nested.to_padded_tensor(made, 0.0).sum()


REFUSED = {
    "complex": lambda torch: torch.ones(3, dtype=torch.cfloat, requires_grad=True).abs().sum(),
    "nested": lambda torch: nested(torch, torch.strided),
    "nested, jagged": lambda torch: nested(torch, torch.jagged),
}


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_drawn_is_refused_by_name(torch, kind, watched):
    warnings.simplefilter("ignore")  # nested tensors are a prototype, they say
    with gv.watch() if watched else torch.enable_grad():
        out = REFUSED[kind](torch)
    with pytest.raises(TypeError, match=kind.partition(",")[0]):
        gv.draw(out)


def test_a_quantised_model_and_one_that_is_spread_are_named(torch):
    from torch.distributed.tensor import DTensor

    from gradviz.pytorch.refused import kind_of

    warnings.simplefilter("ignore")
    assert kind_of(torch.quantize_per_tensor(torch.randn(3), 0.1, 0, torch.quint8)) == "quantised"
    assert (
        kind_of(torch.Tensor._make_subclass(type("FlatParameter", (torch.nn.Parameter,), {}), torch.ones(2)))
        == "distributed"
    )
    assert DTensor.__name__ == "DTensor"  # by which it is known


def fake(torch):
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        return torch.nn.Linear(3, 2)(torch.randn(4, 3)).sum()


STRUCTURE = {
    "meta": lambda torch: torch.nn.Linear(3, 2, device="meta")(torch.randn(4, 3, device="meta")).sum(),
    "fake": fake,
}


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("kind", STRUCTURE)
def test_without_numbers_there_is_a_structure(torch, kind, watched):
    with gv.watch() if watched else torch.enable_grad():
        out = STRUCTURE[kind](torch)
    recording = gv.backprop(out).recording
    assert recording.remarks == (text("structure", "pytorch"),)
    assert names_of(recording) == ["t", "addmm", "sum"]
    assert recording.graph.tensors[-2].shape == (4, 2)
    assert not set(values_of(recording)) & {tensor.id for tensor in recording.graph.tensors if tensor.shape}


def custom(torch, w):
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    return Doubled.apply(w * 1).sum()


def in_place(torch, w):
    a = w * 2
    a[0] = 0
    a.relu_()
    return a.sum()


def hooked(torch, w):
    a = w * 2
    a.register_hook(lambda g: g * 3)
    return a.sum()


def autocast(torch, w):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return torch.nn.functional.linear(w, torch.ones(2, 3)).sum()


def sparse(torch, w):
    return torch.nn.Embedding(5, 3, sparse=True)(torch.tensor([1, 2, 1])).sum() + (w * 0).sum()


KINDS = {
    "custom": (custom, {"Doubled"}),
    "in place": (in_place, {"relu"}),
    "hooked": (hooked, {"mul"}),
    "autocast": (autocast, {"to"}),
    "half": (lambda torch, w: (w.half() * 2).sum(), {"to"}),
    "sparse": (sparse, {"embedding"}),
    "vmap": (lambda torch, w: torch.func.vmap(lambda a: a * w)(torch.randn(4, 3)).sum(), {"mul"}),
    "compiled": (lambda torch, w: torch.compile(lambda x: (x * 2).sin().sum(), backend="eager")(w), {"sin"}),
    "create_graph": (lambda torch, w: torch.autograd.grad((w**3).sum(), w, create_graph=True)[0].sum(), {"mul"}),
}


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_drawn_as_what_it_is(torch, kind, watched):
    run, wanted = KINDS[kind]
    w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    with gv.watch() if watched else torch.enable_grad():
        out = run(torch, w)
    player = gv.backprop(out)
    names = set(names_of(player.recording))
    assert {one.strip("_").replace("_copy", "") for one in names} | {
        "to" for one in names if "to_copy" in one
    } >= wanted, names
    out.backward()
    last = player.recording.at()
    for tensor in player.recording.graph.tensors:
        if tensor.name == "w":
            assert last.gradients[tensor.id].value.data == pytest.approx(w.grad.tolist(), rel=1e-2)


def test_a_checkpoint_is_not_run_for_a_picture_more_often_than_for_a_backward_pass(torch):
    from torch.utils.checkpoint import checkpoint

    runs = []

    def part(x):
        runs.append(1)
        return (x * x).sin()

    x = torch.randn(3, requires_grad=True)
    out = checkpoint(part, x, use_reentrant=False).sum()
    gv.draw(out)
    assert len(runs) == 1
    assert names_of(gv.backprop(out).recording) == ["mul", "sin", "sum"]
    assert len(runs) == 2


def test_a_compiled_function_is_compiled_again_after_the_watch(torch):
    import torch._dynamo

    torch._dynamo.reset()
    frames = torch._dynamo.utils.counters["frames"]
    compiled = torch.compile(lambda x: (x * 2).sin().sum(), backend="eager")
    w = torch.ones(3, requires_grad=True)
    with gv.watch():
        out = compiled(w)
    assert names_of(gv.draw(out).recording) == ["mul", "sin", "sum"]
    before = frames["ok"]
    compiled(w)
    assert frames["ok"] == before + 1


# --- other threads -------------------------------------------------------------------------------------------------------


def test_no_threads_nodes_are_taken_for_anothers(torch):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    found = {}

    def compute(factor):
        return ((w * factor) * w).sum(), w.sum()

    with gv.watch():
        watched = compute(2.0)
    number = watched[0].grad_fn._sequence_nr()

    def other():
        while torch._C._autograd._get_sequence_nr() < number - 2:
            _ = w * 1
        found["all"] = compute(5.0)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert [out.grad_fn._sequence_nr() for out in found["all"]] == [out.grad_fn._sequence_nr() for out in watched]
    for out in watched:
        assert gv.draw(out).recording.graph.operations[0].source is not None
    for out in found["all"]:
        recording = gv.draw(out).recording
        assert recording.graph.operations[0].source is None
        assert values_of(recording)[recording.graph.operations[-1].outputs[0]].data[0] == pytest.approx(out.item())


# --- devices and versions ------------------------------------------------------------------------------------------------


def test_a_watch_asks_no_tensor_for_a_number(torch):
    """On a GPU that would wait for it. What is asked is an operator that another mode, above the watch, sees."""
    from torch.utils._python_dispatch import TorchDispatchMode

    asked = []

    class Asked(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default):
                asked.append(function)
            return function(*args, **(kwargs or {}))

    net = network(torch)
    with Asked(), gv.watch(fused=True) as seen:
        loss = net(torch.randn(2, 1, 8, 8)).square().mean()
        loss.backward()
    assert not asked
    assert seen.passes


def test_a_pytorch_that_cannot_be_watched_is_drawn_after_the_fact(torch, monkeypatch):
    from gradviz.pytorch import needs

    monkeypatch.setattr(needs, "NEEDED", (*needs.NEEDED, "torch.autograd:not_there"))
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(UserWarning, match=r"has no torch\.autograd\.not_there"), gv.watch():
        loss = (w * w).sum()
    assert len(values_of(gv.backprop(loss).recording)) == len(gv.draw(loss).recording.graph.tensors)
    net = network(torch)
    with pytest.warns(UserWarning, match="after the fact"):
        gv.draw(net, torch.randn(2, 1, 8, 8))
    with gv.record() as run:
        ((w * w).sum()).backward()
    assert "after the fact" in run.notes[0]


PROCESSES = """
import os, sys, torch, torch.distributed as dist, gradviz as gv
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(3, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with gv.record() as run:
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
print(len(run), *run.notes)
dist.destroy_process_group()
"""


def test_of_several_processes_the_first_records_and_says_so(torch, tmp_path):
    command = [sys.executable, "-c", PROCESSES]
    running = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "store")], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    first, other = (one.communicate(timeout=120)[0] for one in running)
    assert "what rank 0 saw" in first
    assert other.startswith("0 nothing is recorded in this process")


# --- loops and models that cannot be told in full -----------------------------------------------------------------------


def recorded(loop):
    """Record a loop, and return what it warned of, too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with gv.record(progress=False) as run:
            loop()
    return run, [str(one.message) for one in caught]


def test_of_a_loop_with_complex_numbers_the_losses_are_kept(torch, tmp_path):
    w = torch.randn(4, requires_grad=True)
    run, warned = recorded(lambda: [torch.fft.rfft(w).abs().sum().backward() for _ in range(3)])
    assert (len(run), warned) == (3, [])
    assert [note.partition(",")[0] for note in run.notes] == ["there are complex tensors in this graph"]
    assert run.notes[0].endswith("Of these steps the losses are kept, but no graph")
    run.save(tmp_path / "run.html")


def test_a_loop_without_numbers_is_refused_and_goes_on(torch):
    w, count = torch.randn(4, device="meta", requires_grad=True), []
    run, warned = recorded(lambda: [((w * w).sum().backward(), count.append(1)) for _ in range(3)])
    assert (len(run), len(count)) == (0, 3)
    assert [text("structure, recorded", "pytorch") in one for one in (*run.notes, *warned)] == [True, True]
    assert "error" not in warned[0]
    with pytest.raises(ValueError, match='device "meta"'):
        gv.training.Run(run.log).save("run.html")


def test_a_structure_can_be_stepped_through_after_its_backward_pass(torch):
    with gv.watch():
        loss = torch.nn.Linear(3, 2, device="meta")(torch.randn(2, 3, device="meta")).sum()
        loss.backward()
    assert text("structure", "pytorch") in gv.backprop(loss).recording.remarks


def test_a_model_that_is_not_complete_says_so(torch):
    with pytest.raises(ValueError, match=r"Sequential is not complete yet: 0.weight, 0.bias .* Call model\(x\) once"):
        gv.draw(torch.nn.Sequential(torch.nn.LazyLinear(2)), torch.randn(2, 3))


def test_a_scripted_model_says_to_draw_what_it_was_made_of(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripting is deprecated
        model = torch.jit.script(torch.nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"this Linear was scripted or traced.*Draw the model that it was made of"):
        gv.draw(model, torch.randn(2, 3))


def test_what_only_spreads_a_model_is_looked_through(torch):
    model, x = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU()), torch.randn(2, 3)
    spread = gv.draw(torch.nn.DataParallel(model), x).recording
    assert names_of(spread) == names_of(gv.draw(model, x).recording)


def test_a_compiled_model_warns_of_nothing_that_the_watch_does(torch):
    model, x = torch.compile(torch.nn.Linear(3, 2), backend="eager"), torch.randn(2, 3)
    before = list(warnings.filters)
    run, warned = recorded(lambda: [model(x).sum().backward() for _ in range(2)])
    assert (len(run), warned, run.notes) == (2, [], ())
    assert warnings.filters == before


def test_a_loss_that_is_only_rounding_is_computed_again(torch):
    """Of what a layer norm made the mean is 0: two ways of adding up leave other digits of it."""
    model, x = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.LayerNorm(8)), torch.randn(4, 3)
    for cast in (torch.float32, torch.float16):
        run, _ = recorded(lambda cast=cast: model.to(cast)(x.to(cast)).mean().backward())
        assert run.notes == ()
