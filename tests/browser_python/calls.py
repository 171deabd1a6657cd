"""What a learner calls, where Python itself runs in a browser. `run.mjs` runs this; the test reads what it prints."""

import contextlib
import io
import json
import os
import sys

import gradviz_wasm

import gradviz as gv

assert sys.platform == "emscripten"
told = {}


def make():
    gv.manual_seed(0)
    x = gv.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    w = gv.randn(2, 2, requires_grad=True)
    return x, w, ((x @ w).tanh() ** 2).mean()


def train(lr):
    gv.manual_seed(0)
    model = gv.nn.Linear(1, 1)
    optimizer = gv.optim.SGD(model.parameters(), lr=lr)
    x = gv.linspace(-1, 1, 8).reshape(-1, 1)
    with gv.record() as run:
        for _epoch in range(5):
            optimizer.zero_grad()
            loss = ((model(x) - 2 * x) ** 2).mean()
            loss.backward()
            optimizer.step()
    return run


x, w, loss = make()
try:  # Graphviz is still being loaded, and Node cannot wait for it in the middle of a cell
    gv.draw(loss).to_svg()
    told["too early"] = ""
except gv.drawing.LayoutError as error:
    told["too early"] = str(error)

await gradviz_wasm.ready()  # noqa: F704  # type: ignore[top-level-await] (a cell may)

told["engine"] = [engine.name for engine in gv.drawing.layout.engines().values()]
told["svg"] = gv.draw(loss).to_svg()[:4]
player = gv.backprop(loss)
told["player"] = [player.payload["title"], len(player.payload["steps"])]
run = train(0.1)
told["run"] = [len(run), bool(run.losses[-1] < run.losses[0])]
told["sweep"] = repr(gv.sweep(train, {"lr": [0.1, 0.2]}))
gradient = gv.autograd.grad(loss, w, retain_graph=True)[0]
with contextlib.redirect_stdout(io.StringIO()) as said:
    gv.check.gradient(gradient, of=loss, to=w)
told["check"] = said.getvalue()

os.chdir("/tmp")
gv.save({"w": w}, "w.pt")
told["load"] = gv.equal(gv.load("w.pt")["w"], w)
files = [
    gv.draw(loss).save("y.svg"),
    gv.draw(loss).save("y.json"),
    player.save("y.html"),
    run.save("run.zip"),
    run.save("run.html"),
]
told["files"] = {str(path): len(path.read_bytes()) > 1000 for path in files}
print(json.dumps(told))
