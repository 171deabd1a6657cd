"""What a backward pass does to what is kept: retained gradients, hooks, passes that are only watched; and other threads."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from beside import outcome

import gradviz as gv
from gradviz.recording.codec import dumps, loads

# --- retained gradients, as in PyTorch ----------------------------------------------------------------------------------

GIVEN = "x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)\ny = x * 2\ny.retain_grad()\n"
RETAINED = {
    "several passes add up": "for _ in range(3): (y*3).sum().backward(retain_graph=True)\nr = y.grad, x.grad",
    "a new tensor each time": "y = x.exp(); y.retain_grad(); (y*3).sum().backward(retain_graph=True); g = y.grad; (y*3).sum().backward(); r = g is y.grad, g - y.grad",
    "one that was assigned": "y.grad = torch.ones(4); (y*3).sum().backward(); r = y.grad",
    "with a graph": "(y*y).sum().backward(create_graph=True); r = y.grad",
    "with a graph, twice": "(y*y).sum().backward(create_graph=True); (y*y).sum().backward(create_graph=True); r = y.grad",
    "autograd.grad as well": "torch.autograd.grad((y*3).sum(), x); r = y.grad, x.grad",
    "inputs": "(y*3).sum().backward(inputs=[x]); r = y.grad, x.grad",
    "itself among the inputs": "(y*3).sum().backward(inputs=[y, x]); r = y.grad, x.grad",
    "an input that did not retain": "z = x * 5; z.sum().backward(inputs=[z]); r = z.grad, z.retains_grad, x.grad",
    "an input that wants none": "y.sum().backward(inputs=[torch.ones(2)])",
    "the output": "z = y.sum(); z.retain_grad(); z.backward(); r = z.grad",
    "of one of several outputs": "a, b = y.chunk(2); a.retain_grad(); b.retain_grad(); (a*3).sum().backward(); r = a.grad, b.grad, y.grad",
    "changed in place": "y.mul_(5); (y*3).sum().backward(); r = y.grad, x.grad",
    "changed in place twice": "y.mul_(5); y.add_(1); (y*y).sum().backward(); r = y.grad, x.grad",
    "changed in part": "y[:2] = 7.0; (y*3).sum().backward(); r = y.grad, x.grad",
    "changed through a view": "v = y[:2]; v.retain_grad(); v.mul_(5); (y*3).sum().backward(); r = y.grad, v.grad, x.grad",
    "a view of what was changed": "v = y[:2]; v.retain_grad(); y.mul_(5); (v*3).sum().backward(); r = y.grad, v.grad, x.grad",
    "turned round": "y = (x*1).view(2, 2)*1; y.retain_grad(); y.t_(); (y * torch.tensor([[1., 2.], [3., 4.]])).sum().backward(); r = y.grad",
    "a hook beside it": "y.register_hook(lambda g: g*2); (y*3).sum().backward(); r = y.grad, x.grad",
    "hooks before and after": "y.register_hook(lambda g: g*2); z = y*1; z.register_hook(lambda g: g*10); z.retain_grad(); (z*3).sum().backward(); r = z.grad, y.grad",
    "a hook of the old place": "y.register_hook(lambda g: log.append(str(g))); y.mul_(5); (y*3).sum().backward(); r = y.grad, log",
    "a hook before the node": "y.grad_fn.register_prehook(lambda g: (g[0]*2,)); (y*3).sum().backward(); r = y.grad, x.grad",
    "what is wanted and goes on": "y.register_hook(lambda g: g*5); r = torch.autograd.grad((y*3).sum(), (x, y)), y.grad",
    "what is wanted and ends": "y.register_hook(lambda g: g*5); r = torch.autograd.grad((y*3).sum(), y), y.grad",
    "hooks after accumulation with inputs": "x.register_post_accumulate_grad_hook(lambda p: log.append(str(p.grad))); (y*3).sum().backward(inputs=[x]); r = log",
}


@pytest.mark.parametrize("title", RETAINED)
def test_retained_gradients_are_pytorchs(torch, title):
    (mine, _), (theirs, _) = (outcome(library, GIVEN + RETAINED[title]) for library in (gv, torch))
    assert mine == theirs


# --- a pass that is only watched ----------------------------------------------------------------------------------------


def test_a_player_changes_no_gradient():
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    x.grad = gv.ones(2)
    y = x * 2
    y.retain_grad()
    z = y.exp().sum()
    called = []
    x.register_post_accumulate_grad_hook(called.append)
    gv.backprop(z)
    assert y.grad is None
    assert x.grad.tolist() == [1.0, 1.0]
    assert not called
    z.backward()  # nothing was freed
    assert y.grad is not None
    kept = y.grad.tolist()
    gv.draw(z)
    gv.backprop(z)
    assert y.grad.tolist() == kept


# --- hooks, shown as they worked ----------------------------------------------------------------------------------------


@contextmanager
def hooked(watched):
    """y = w·x with hooks that double what arrives: a tensor's, a node's, a leaf's."""
    w, x = gv.tensor(0.5, requires_grad=True), gv.tensor(0.35)
    y = w * x
    {
        "a leaf": lambda: w.register_hook(lambda g: g * 2),
        "a result": lambda: y.register_hook(lambda g: g * 2),
        "before a node": lambda: y.grad_fn.register_prehook(lambda g: (g[0] * 2,)),
        "after a node": lambda: y.grad_fn.register_hook(lambda g, _: (g[0] * 2, None)),
        "before a leaf's node": lambda: y.grad_fn.next_functions[0][0].register_prehook(lambda g: (g[0] * 2,)),
    }[watched]()
    yield w, y


LINE = {
    "a leaf": "a hook on w made it 0.7",
    "a result": "a hook on y made it 2",
    "before a node": "a hook on MulBackward0 had made y's gradient 2",
    "after a node": "a hook on MulBackward0 made it 0.7",
    "before a leaf's node": "a hook on w made it 0.7",
}


@pytest.mark.parametrize("watched", LINE)
@pytest.mark.parametrize("past", [False, True], ids=["a trial", "a pass that was"])
def test_a_hook_that_changes_a_gradient_is_told(watched, past):
    with hooked(watched) as (w, y):
        if past:
            y.backward()
            recording = gv.draw(y).recording
            assert w.grad.item() == pytest.approx(0.7)
        else:
            recording = gv.backprop(y).recording
            assert w.grad is None
    lines = [line.text for frame in recording.frames for line in frame.equation]
    assert sum("a hook" in line for line in lines) == 1
    assert LINE[watched] in lines
    gradients = {tensor.name: None for tensor in recording.graph.tensors}
    for frame in recording.frames:
        for gradient in frame.gradients:
            gradients[recording.graph.tensor(gradient.tensor).name] = gradient
    assert gradients["w"].value.data == (pytest.approx(0.7),)
    product = next(line for line in lines if line.startswith("∂y/∂w"))
    _, factors, result = product.rsplit(" = ", 2)
    first, second = (float(number) for number in factors.split(" × "))
    assert first * second == pytest.approx(float(result))  # what is printed is what was computed


def test_the_picture_shows_what_arrived_and_what_is_kept():
    with hooked("a leaf") as (_, y):
        y.backward()
        drawing = gv.draw(y)
    text = drawing.to_svg()
    assert ">0.35 → 0.7<" in text
    assert drawing.recording.frames[-1].gradients[0].replaced[0].data == (pytest.approx(0.35),)
    again = gv.tensor(0.0, requires_grad=True)
    again.grad = gv.tensor(1.0)
    again.register_hook(lambda g: g * 2)
    z = again * 3
    z.backward()
    assert ">1 + (3 → 6) = 7<" in gv.draw(z).to_svg()


def test_the_label_of_a_tensor_says_what_a_hook_did():
    v = gv.tensor([1.0, 2.0], requires_grad=True)
    v.register_hook(lambda g: g * 5)
    y = (v * 3).sum()
    y.backward()
    assert "gradient 15 15, where 3 3 had arrived and a hook made it 15 15" in gv.draw(y).to_svg()


def test_what_a_hook_did_is_kept_in_a_file():
    with hooked("a result") as (_, y):
        recording = gv.backprop(y).recording
    assert loads(dumps(recording)) == recording


# --- threads --------------------------------------------------------------------------------------------------------------


class Slow(gv.nn.Module):
    """A module in which two threads are at once."""

    def __init__(self, meeting):
        super().__init__()
        self.weight = gv.nn.Parameter(gv.ones(2))
        self.meeting = meeting

    def forward(self, x):
        self.meeting.wait(10)
        result = x * self.weight
        self.meeting.wait(10)
        return result


def in_threads(*functions):
    """Run functions at once; return what they return."""
    results = [None] * len(functions)

    def run(place):
        results[place] = functions[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def modules_of(tensor):
    return [module.class_name for module in gv.draw(tensor).recording.graph.modules]


def test_modules_that_run_in_two_threads_do_not_meet():
    meeting = threading.Barrier(3)
    first, second = Slow(meeting), gv.nn.Sequential(Slow(meeting))
    x = gv.ones(2)

    def outside():
        meeting.wait(10)
        result = gv.ones(2, requires_grad=True) * 2
        meeting.wait(10)
        return result

    one, two, free = in_threads(lambda: first(x), lambda: second(x), outside)
    assert modules_of(one.sum()) == ["Slow"]
    assert sorted(modules_of(two.sum())) == ["Sequential", "Slow"]
    assert modules_of(free.sum()) == []
    assert modules_of((gv.ones(2, requires_grad=True) * 3).sum()) == []


def test_a_module_that_fails_is_left():
    class Fails(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = gv.nn.Linear(2, 2)

        def forward(self, x):
            return self.inner(x) @ gv.ones(7, 7)

    with pytest.raises(RuntimeError):
        Fails()(gv.ones(1, 2))
    assert modules_of((gv.ones(2, requires_grad=True) * 3).sum()) == []


def test_a_generator_is_left_where_it_stops():
    class Steps(gv.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = gv.nn.Linear(2, 2)

        def forward(self, x):
            while True:
                x = self.layer(x)
                yield x

    steps = Steps()(gv.ones(1, 2))
    first = next(steps)
    between = (gv.ones(2, requires_grad=True) * 3).sum()
    second = next(steps)
    assert modules_of(between) == []
    assert modules_of(first.sum()) == modules_of(second.sum()) == ["Linear"]


def test_a_function_without_gradients_may_run_in_several_threads():
    meeting = threading.Barrier(2)

    @gv.no_grad()
    def slow(first):
        if first:
            meeting.wait(10)  # the other is inside as well
            meeting.wait(10)  # and has gone
        else:
            meeting.wait(10)
        return gv.is_grad_enabled()

    def one():
        inside = slow(True)
        return inside, gv.is_grad_enabled()

    def other():
        with gv.no_grad():
            inside = slow(False)
            after = gv.is_grad_enabled()
        meeting.wait(10)
        return inside, after, gv.is_grad_enabled()

    assert in_threads(one, other) == [(False, True), (False, False, True)]


MODES = """
import threading
seen = []
def look():
    thread = threading.Thread(target=lambda: seen.append((
        torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled(), str(torch.get_default_dtype())
    )))
    thread.start(); thread.join()
look()
with torch.no_grad(): look()
with torch.inference_mode(): look()
with torch.autograd.set_detect_anomaly(True): look()
torch.set_default_dtype(torch.float64)
try: look()
finally: torch.set_default_dtype(torch.float32)
r = seen
"""


def test_modes_in_another_thread_are_as_in_pytorch(torch):
    assert outcome(gv, MODES) == outcome(torch, MODES)


def test_a_walkthrough_records_its_own_thread_only():
    from gradviz.examples import watching

    told = []
    with watching(told.append):
        in_threads(lambda: gv.tensor(1.0, requires_grad=True).exp().backward())
        gv.tensor(1.0, requires_grad=True).sin().backward()
    assert [type(outputs[0].grad_fn).__name__ for outputs in told] == ["SinBackward0"]
