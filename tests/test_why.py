"""Why is my gradient None, or zero, or unchanged? Programs that somebody despairs of, the cause, and the line."""

from __future__ import annotations

import gc
import weakref

import pytest

import gradviz as gv
from gradviz.engine import cut

PROGRAMS = {
    "detach": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        h = w * 3
        z = h.detach()  #!
        loss = (z ** 2).sum()
        answer = torch.why(w, loss)
    """,
    "detach, of what is gone": """
        w, v = (torch.randn(3, requires_grad=True) for _ in range(2))
        def net(x):
            x = x * w
            x = x.detach()
            return (x * v).sum()
        loss = net(torch.ones(3))
        loss.backward()
        answer = torch.why(w)
        assert "gone by now" in str(answer)
        cause = "detach"
    """,
    "detach, named in its line": """
        w, v = (torch.randn(3, requires_grad=True) for _ in range(2))
        h = (w * 2).detach()  #!
        loss = (h * v).sum()
        loss.backward()
        answer = torch.why(w)
        cause = "detach"
    """,
    "no_grad": """
        w, v = (torch.randn(3, requires_grad=True) for _ in range(2))
        with torch.no_grad():  #!
            h = w * 2
        loss = (h * v).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "no_grad, as a decorator": """
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
        @torch.no_grad()  #!
        def encode(x):
            return model[0](x)
        loss = model[1](encode(torch.ones(1, 2))).sum()
        loss.backward()
        answer = torch.why(model[0].weight)
        cause = "no_grad"
    """,
    "no_grad, in the forward of a module": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.second = nn.Linear(2, 3), nn.Linear(3, 1)
            def forward(self, x):
                with torch.no_grad():  #!
                    h = self.first(x).relu()
                return self.second(h)
        net = Net()
        loss = net(torch.ones(4, 2)).sum()
        loss.backward()
        answer = torch.why(net.first.weight)
        cause = "no_grad"
    """,
    "data": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        h = w.data * 3  #!
        loss = h.sum()
        answer = torch.why(w, loss)
    """,
    "item": """
        w, v = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        h = w * w
        number = h.item()  #!
        loss = v * number
        loss.backward()
        answer = torch.why(w)
    """,
    "item, made a tensor again": """
        w, v = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        s = torch.tensor((w * 0.1).item())  #!
        loss = v * s
        loss.backward()
        answer = torch.why(w)
        cause = "item"
    """,
    "tensor": """
        w, v = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        both = torch.tensor([w, v])  #!
        loss = both.sum()
        answer = torch.why(w, loss)
    """,
    "integers": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        k = torch.arange(2.0, requires_grad=True)
        whole = w.long()  #!
        loss = (k * whole).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "choice": """
        model = nn.Linear(2, 3)
        x = torch.ones(4, 2)
        logits = model(x)
        loss = logits.argmax(1).float().mean()  #!
        answer = torch.why(model.weight, loss)
    """,
    "comparison": """
        w = torch.tensor([0.3, 0.8], requires_grad=True)
        right = (w > 0.5).float()  #!
        loss = right.mean()
        answer = torch.why(w, loss)
    """,
    "numpy": """
        import numpy as np
        w, v = (torch.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
        with torch.no_grad():
            array = np.sin(w.numpy())  #!
        loss = (torch.from_numpy(array) * v).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "parameter": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        p = nn.Parameter(w * 2)  #!
        loss = (p ** 2).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "dead": """
        model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
        with torch.no_grad():
            model[0].bias.fill_(-100.0)
        loss = model(torch.randn(8, 2)).sum()  #!
        loss.backward()
        answer = torch.why(model[0].weight)
    """,
    "dead, in part": """
        w = torch.tensor([[1.0, -1.0, 1.0]], requires_grad=True)
        x = torch.tensor([[1.0], [2.0], [0.5]])
        loss = (x @ w).relu().sum()  #!
        loss.backward()
        answer = torch.why(w)
        assert "units 1" in str(answer) or "unit 1" in str(answer)
        cause = "dead"
    """,
    "saturated": """
        w = torch.tensor([40.0, -35.0], requires_grad=True)
        loss = torch.sigmoid(w * 3).sum()  #!
        loss.backward()
        answer = torch.why(w)
    """,
    "flat": """
        w = torch.tensor([1.2, 2.7], requires_grad=True)
        loss = torch.round(w).sum()  #!
        loss.backward()
        answer = torch.why(w)
    """,
    "masked": """
        w = torch.tensor([1.2, 2.7], requires_grad=True)
        mask = torch.zeros(2)
        loss = (w * mask).sum()  #!
        loss.backward()
        answer = torch.why(w)
        assert "mask" in str(answer)
    """,
    "clamped": """
        w = torch.tensor([5.0, 7.0], requires_grad=True)
        loss = w.clamp(0.0, 1.0).sum()  #!
        loss.backward()
        answer = torch.why(w)
    """,
    "optimizer": """
        w, v = (torch.randn(3, requires_grad=True) for _ in range(2))
        optimizer = torch.optim.SGD([v], lr=0.1)  #!
        loss = (w * v).sum()
        loss.backward()
        optimizer.step()
        answer = torch.why(w)
    """,
    "optimizer, made too early": """
        model = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  #!
        model[1] = nn.Linear(4, 1)
        loss = model(torch.ones(1, 2)).sum()
        loss.backward()
        optimizer.step()
        answer = torch.why(model[1].weight)
        assert "before" in str(answer)
        cause = "optimizer"
    """,
    "replaced": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w ** 2).sum()
        loss.backward()
        w = w - 0.1 * w.grad  #!
        loss = (w ** 2).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "replaced, under no_grad": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w ** 2).sum()
        loss.backward()
        with torch.no_grad():
            w = w - 0.1 * w.grad  #!
        answer = torch.why(w)
        cause = "replaced"
    """,
    "replaced, and made anew": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w ** 2).sum()
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss.backward()
        answer = torch.why(w)
        cause = "replaced"
    """,
    "unused": """
        w, v = (torch.randn(3, requires_grad=True) for _ in range(2))
        loss = (v * 2).sum()
        loss.backward()
        answer = torch.why(w)
        assert "v" in str(answer)
    """,
    "not a leaf": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        h = w * 2  #!
        loss = h.sum()
        loss.backward()
        answer = torch.why(h)
    """,
    "not a leaf, as it is made": """
        w = torch.randn(3, requires_grad=True) * 0.1  #!
        loss = (w ** 2).sum()
        loss.backward()
        answer = torch.why(w)
        cause = "not a leaf"
    """,
    "late": """
        w = torch.tensor([1.0, 2.0])
        v = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w * v).sum()  #!
        w.requires_grad_()
        loss.backward()
        answer = torch.why(w)
    """,
    "late, and nothing else wants one": """
        w = torch.tensor([1.0, 2.0])
        loss = (w * 2).sum()  #!
        w.requires_grad_()
        answer = torch.why(w, loss)
        cause = "late"
    """,
    "no zero_grad": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for epoch in range(3):
            loss = (w ** 2).sum()
            loss.backward()  #!
            optimizer.step()
        answer = torch.why(w)
    """,
    "no backward": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w ** 2).sum()  #!
        answer = torch.why(w)
    """,
    "no backward, but grad()": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w ** 2).sum()
        torch.autograd.grad(loss, w)
        answer = torch.why(w)
        assert "returns" in str(answer)
        cause = "no backward"
    """,
    "frozen": """
        model = nn.Linear(2, 1)
        model.weight.requires_grad_(False)  #!
        loss = model(torch.ones(1, 2)).sum()
        loss.backward()
        answer = torch.why(model.weight)
    """,
    "frozen, as nobody asked": """
        w = torch.tensor([1.0, 2.0])
        v = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w * v).sum()
        loss.backward()
        answer = torch.why(w)
        cause = "frozen"
    """,
    "lr 0": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.0)  #!
        loss = (w ** 2).sum()
        loss.backward()
        optimizer.step()
        answer = torch.why(w)
    """,
    "zero_grad before step": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for epoch in range(2):
            loss = (w ** 2).sum()
            loss.backward()
            optimizer.zero_grad()  #!
            optimizer.step()
        answer = torch.why(w)
    """,
    "cleared": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w ** 2).sum()
        loss.backward()
        w.grad = None  #!
        answer = torch.why(w)
    """,
    "no step": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)  #!
        loss = (w ** 2).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "integers, as a leaf": """
        w = torch.tensor([1, 2])
        answer = torch.why(w)
        cause = "integers"
    """,
    "not finite": """
        w = torch.tensor([0.0, 4.0], requires_grad=True)
        loss = w.sqrt().sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "unregistered": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
                self.out = nn.Linear(2, 1)
            def forward(self, x):
                for layer in self.layers:
                    x = layer(x)
                return self.out(x)
        net = Net()
        loss = net(torch.ones(1, 2)).sum()
        loss.backward()
        answer = torch.why(net)
        assert "net.layers" in str(answer) and "ModuleList" in str(answer)
    """,
}

WELL = {
    "a line": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        loss = (w ** 2).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "a loop": """
        model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        x, y = torch.randn(16, 2), torch.randn(16, 1)
        for epoch in range(3):
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            print(f"{loss.item():.3f}")
        answer = torch.why(model)
        assert torch.why(model[0].weight).cause == "well"
        with torch.no_grad():
            print(model(x).mean().item())
        assert torch.why(model[2].bias, loss, optimizer=optimizer).cause == "well"
    """,
    "a retained gradient": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        h = w * 2
        h.retain_grad()
        loss = h.sum()
        loss.backward()
        answer = torch.why(h)
    """,
    "a target that is cut off": """
        w, t = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
        loss = ((w - t.detach()) ** 2).sum()
        loss.backward()
        answer = torch.why(w)
    """,
    "steps by hand": """
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        for epoch in range(3):
            loss = (w ** 2).sum()
            w.grad = None
            loss.backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
        answer = torch.why(w)
    """,
}


def run(code, tmp_path, name="program.py"):
    """Run a program, and return its variables and the line that is marked in it."""
    lines = [line[8:] for line in code.strip("\n").splitlines()]
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    space = {"torch": gv, "nn": gv.nn, "__name__": "__main__"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    marked = [number for number, line in enumerate(lines, start=1) if line.endswith("#!")]
    return space, marked[0] if marked else None


@pytest.fixture(scope="module", autouse=True)
def _frozen():
    """What there is already stays, and is not looked through for garbage before each test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _alone():
    """Optimisers and numbers of other tests are none of ours."""
    gc.collect()
    cut.escapes.clear()
    cut.happened.output = None


@pytest.mark.sample(15)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_cause_is_named_and_its_line(name, tmp_path):
    space, line = run(PROGRAMS[name], tmp_path)
    answer = space["answer"]
    assert answer.cause == space.get("cause", name), str(answer)
    if line is not None:
        assert answer.line is not None, str(answer)
        assert (answer.line.file, answer.line.number) == ("program.py", line), str(answer)
    assert answer.findings[0].sentence.endswith(".")
    assert "{" not in str(answer).replace("{...}", "").replace('{"params": [w]}', "")


@pytest.mark.sample(None)
@pytest.mark.parametrize("name", WELL)
def test_where_nothing_is_wrong_it_says_so(name, tmp_path):
    answer = run(WELL[name], tmp_path)[0]["answer"]
    assert answer.cause == "well", str(answer)
    assert "Nothing is wrong" in str(answer)


def test_what_is_remembered_keeps_nothing_alive():
    w = gv.randn(4, requires_grad=True)
    source = w * 2
    cut_off, gone = source.detach(), weakref.ref(source)
    number = source.sum().item()
    with gv.no_grad():
        inside = source + 1
    del source
    gc.collect()
    assert gone() is None
    assert cut_off._cut.source() is None
    assert inside._cut.kind == "no_grad"
    assert isinstance(number, float)
    for _ in range(1000):
        cut_off = (cut_off + w.detach()) * 0.5
    assert len(cut.escapes) <= cut.MOST_ESCAPES


def test_bad_questions_get_clear_answers():
    with pytest.raises(TypeError, match="a tensor or a module"):
        gv.why(3.0)
    with pytest.raises(TypeError, match="backward"):
        gv.why(gv.ones(1), 3.0)
    with pytest.raises(TypeError, match="optimiser"):
        gv.why(gv.ones(1), optimizer="adam")
