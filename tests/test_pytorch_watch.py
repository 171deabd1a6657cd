"""Watching real PyTorch: everything is seen, and nothing is changed or left behind."""

import gc
import sys
import weakref

import numpy as np
import pytest

import gradviz as gv


@pytest.fixture
def watching(torch):
    from gradviz.pytorch.watch import Watch

    return Watch


def small_network(torch):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(6, 3))


def state_of(torch):
    hooks = torch.nn.modules.module
    return (
        torch.autograd.backward,
        torch.compile,
        dict(hooks._global_forward_hooks),
        dict(hooks._global_forward_pre_hooks),
        torch.backends.mkldnn.enabled,
        torch._C._get_mkldnn_enabled(),
        torch._C._get_cudnn_enabled(),
        torch.backends.cuda.flash_sdp_enabled(),
        torch.utils._python_dispatch._get_current_dispatch_mode(),
    )


def test_the_tutorials_line_is_told_as_by_the_engine(torch, watching):
    def line(lib):
        w, b, x = lib.tensor(2.0, requires_grad=True), lib.tensor(3.0, requires_grad=True), lib.tensor(5.0)
        y = w * x + b
        return y, {"w": w, "b": b, "x": x, "y": y}

    mine, scope = line(gv)
    with watching():
        theirs, others = line(torch)
    from gradviz.recording import record_graph

    first = record_graph(mine, backward=True, variables=[scope])
    other = record_graph(theirs, backward=True, variables=[others])
    assert first.graph == other.graph
    assert first.frames == other.frames


def test_what_runs_under_a_watch_comes_out_bit_for_bit_the_same(torch, watching):
    def run(watched):
        net = small_network(torch)
        x = torch.randn(8, 4)
        with watching(fused=True) if watched else torch.enable_grad():
            loss = net(x).square().mean()
            loss.backward()
        return [loss.detach(), *[p.grad for p in net.parameters()], torch.get_rng_state()]

    assert all(torch.equal(a, b) for a, b in zip(run(True), run(False), strict=True))


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_behind(torch, watching, fails):
    before = state_of(torch)
    lstm = torch.nn.LSTM(2, 3)
    gone = None
    try:
        with watching() as seen:
            out, _ = lstm(torch.randn(4, 1, 2))
            loss = out.sum()
            gone = weakref.ref(loss)
            if fails:
                lstm(torch.randn(4, 1, 7))
    except RuntimeError:
        assert fails
    assert state_of(torch) == before
    assert seen.operations
    del out, loss, seen
    gc.collect()
    assert gone() is None


def test_a_watch_does_not_keep_the_graph_alive(torch, watching):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with watching() as seen:
        y = (w * 3).sum()

    def hook(*_):
        pass

    y.grad_fn.register_hook(hook)  # it lives as long as the node
    held = weakref.ref(hook)
    del hook, y
    gc.collect()
    assert held() is None
    assert seen.operations


def test_values_are_those_of_their_moment(torch, watching):
    w = torch.tensor([2.0, -1.0], requires_grad=True)
    with watching():
        y = w * 3
        z = y.exp()
        y.mul_(10)
        loss = (y + z).sum()
    recording = gv.draw(loss).recording
    made = {op.name: op.outputs[0] for op in recording.graph.operations}
    known = {id: value for frame in recording.frames for id, value in frame.values}
    first = next(op for op in recording.graph.operations if op.name == "mul")
    np.testing.assert_allclose(known[first.outputs[0]].data, [6, -3])
    np.testing.assert_allclose(known[made["exp"]].data, np.exp([6, -3]), rtol=1e-6)
    np.testing.assert_allclose(known[made["add"]].data, np.array([60, -30]) + np.exp([6, -3]), rtol=1e-6)


def test_beyond_its_budget_the_oldest_values_are_told_by_their_statistics(torch, watching):
    w = torch.ones(100_000, requires_grad=True)
    with watching(budget=1_000_000) as seen:
        y = w
        for _ in range(6):
            y = y * 2
        loss = y.sum()
    assert seen.memory.held <= 1_000_000 + 400_000
    assert seen.memory.let_go > 0
    values = dict(pair for frame in gv.draw(loss).recording.frames for pair in frame.values)
    summaries = [value.summary.mean for value in values.values() if value.summary is not None]
    assert sorted(summaries) == [1, 2, 4, 8, 16, 32, 64]


def test_recurrent_layers_are_run_gate_by_gate_unless_asked(torch, watching):
    torch.manual_seed(0)
    lstm, x = torch.nn.LSTM(2, 3), torch.randn(4, 1, 2)

    def names(fused):
        with watching(fused=fused):
            loss = lstm(x)[0].sum()
        return [op.name for op in gv.draw(loss).recording.graph.operations]

    assert names(False).count("tanh") == 8
    assert len(names(True)) < 6


def test_a_graph_that_nobody_watched_is_drawn_from_what_was_saved(torch):
    w, x, b = torch.tensor(2.0, requires_grad=True), torch.tensor(5.0), torch.tensor(3.0, requires_grad=True)
    y = w * x + b
    player = gv.backprop(y)
    lines = [line.text for frame in player.recording.frames for line in frame.equation]
    assert "w·x = 2 · 5 = 10" in lines
    assert "∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5" in lines
    assert w.grad is None


def test_gradviz_alone_does_not_load_pytorch():
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", "import sys, gradviz as gv; gv.draw(gv.ones(2, requires_grad=True).sum()); print('torch' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"
