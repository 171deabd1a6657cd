# ruff: noqa: B018
# A notebook of marimo's, which tests/test_hosts.py opens. (Written as marimo writes it.)
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    import gradviz as gv

    return gv, mo


@app.cell
def _(mo):
    value = mo.ui.slider(start=-3, stop=3, step=0.1, value=2)
    value
    return (value,)


@app.cell
def _(gv, value):
    w = gv.tensor(float(value.value), requires_grad=True)
    y = (w * 5.0 + 3.0) ** 2
    gv.draw(y)
    return w, y


@app.cell
def _(gv):
    v = gv.tensor([3.0, 4.0], requires_grad=True)
    z = (v * v).sum()
    gv.backprop(z)
    return


@app.cell
def _(gv):
    u = gv.tensor(1.0, requires_grad=True)
    with gv.record() as run:
        for _epoch in range(5):
            u.grad = None
            loss = (u - 3.0) ** 2
            loss.backward()
            u.data -= 0.1 * u.grad
    run
    return


@app.cell
def _(gv, w, y):
    gv.check.gradient(1.0, of=y, to=w)
    return


if __name__ == "__main__":
    app.run()
