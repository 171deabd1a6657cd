"""Which entries an entry is made of: each edge's link is its Jacobian, as measured, as its own rule and as PyTorch has it."""

from __future__ import annotations

import json
import re
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from test_rows import DEFINED_AS_ZERO, IMPLICIT, ON_DEMAND, examples_of, function_of

import gradviz as gv
from gradviz.engine.arguments import normal_axes
from gradviz.engine.core.node import Gradients
from gradviz.engine.operation import TABLE
from gradviz.player.facts import facts
from gradviz.recording import Link, dumps, loads, record_graph
from gradviz.recording.codec import RecordingError, encode
from gradviz.recording.engine import ENGINE
from gradviz.recording.folding import as_written
from gradviz.recording.links import dense, sent_back

SOURCES = Path(__file__).parents[1] / "gradviz" / "player" / "frontend" / "src"


def factor_of(link, values):
    """The numbers that a link multiplies with, from what the recording knows of them."""
    value = values[link.tensor] if link.tensor else link.value
    return None if value is None else np.reshape(np.asarray(value.data, float), value.shape)


class Edge:
    """One edge of an example: its node, the argument's place, its link, and what is needed to read that."""

    def __init__(self, node, operation, argument, tensors, values):
        shapes, names = ({id: one.shape for id, one in tensors.items()}, {id: one.name for id, one in tensors.items()})
        self.node, self.link, self.argument, self.operation = node, argument.link, argument, operation
        self.place = int(argument.id.rpartition("_")[2])
        self.shape, self.made = shapes[argument.tensor], [shapes[output] for output in operation.outputs]
        self.names = [names[output] for output in operation.outputs]
        self.factor = factor_of(self.link, values) if self.link else None

    @property
    def jacobian(self):
        return dense(self.link, self.shape, self.made, self.factor)


def recorded(code, *, backwards=False):
    """The recording of an example, or of its gradient; with its nodes."""
    function, tensors = function_of(code)
    results = function(*tensors)
    results = [part for part in (results if isinstance(results, tuple) else (results,)) if isinstance(part, gv.Tensor)]
    moving = [part for part in results if part.grad_fn is not None]
    if backwards:
        starts = [gv.ones_like(part).requires_grad_() for part in moving]
        gradients = gv.autograd.grad(moving, tensors, starts, create_graph=True, allow_unused=True)
        moving = [part for part in gradients if part is not None and part.grad_fn is not None]
    return (record_graph(*moving, backward=False), ENGINE.operations_behind(moving)) if moving else None


def edges_of(recording, nodes):
    """Every edge of an example that has a derivative."""
    values = recording.at().values
    tensors = {tensor.id: tensor for tensor in recording.graph.tensors}
    for node, operation in zip(nodes, recording.graph.operations, strict=True):
        for argument in operation.inputs:
            if argument.slot in node.operation.derivatives:  # targets have no derivative, nor have masks
                yield Edge(node, operation, argument, tensors, values)


def of_the_row(name):
    """The edges in the examples of a row that are of the row, and not of another in the same example."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for code in [ON_DEMAND[name]] if name in ON_DEMAND else examples_of(name):
            for backwards in (False, True):
                told = recorded(code, backwards=backwards)
                found = [edge for edge in edges_of(*told) if type(edge.node).__name__ == name] if told else []
                if found:
                    break
            assert found, f"{code} has no edge of {name}"
            yield from found


def outputs_of(edge):
    """The numbers of a node's outputs that are in the recording, in order."""
    return [number_of_output(name) for name in edge.names] if edge.node.many else [0]


def number_of_output(name):
    """Which of several results is called so: ``"split(x)[1]"``, or ``"split(x)[1]⁽⁰⁾"`` where several are called so."""
    return int(re.findall(r"\[(\d+)\]", name)[-1])


def by_the_rule(edge):
    """The Jacobian of one edge, asked for entry by entry from the node itself."""
    node, rows = edge.node, []
    results = [np.asarray(result) for result in node.values[len(node.inputs) :][: len(node.operation.outputs)]]
    for at in outputs_of(edge):
        shape = results[at].shape if node.many else node.output_shape
        for entry in range(int(np.prod(shape))):
            one = np.zeros(shape)
            one.reshape(-1)[entry] = 1
            upstream = one[()]
            if node.many:
                upstream = Gradients(one if k == at else np.zeros(result.shape) for k, result in enumerate(results))
                upstream.arrived = tuple(k == at for k in range(len(results)))
            sent = node.contributions(upstream)[edge.place]
            rows.append(np.zeros(node.inputs[edge.place].array.size) if sent is None else np.ravel(sent))
    return np.array(rows)


def measured(edge):
    """The Jacobian of one edge, measured: each entry of the argument is moved a little, forth and back."""
    node, row = edge.node, edge.node.operation
    arrays = [None if value is None else np.array(value, order="C") for value in node.values[: len(node.inputs)]]
    settings = node.values[len(node.inputs) + len(row.outputs) :]
    if row.reduction:  # of these the forward takes the axes
        settings = (normal_axes(settings[0], arrays[0].ndim), *settings[2:])

    def run(array):
        given = [array if k == edge.place else one for k, one in enumerate(arrays)]
        result = row.forward(*(one[()] if one is not None else None for one in given), *settings)
        results = [np.ravel(part) for part in (result if len(row.outputs) > 1 else (result,))]
        return np.concatenate([results[at] for at in outputs_of(edge)]).astype(float)

    columns, step = [], 1e-6
    for entry in range(arrays[edge.place].size):
        ends = []
        for way in (step, -step):
            array = arrays[edge.place].astype(float)
            array.reshape(-1)[entry] += way
            ends.append(run(array))
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.array(columns).T


NO_DERIVATIVE = {("IgammaBackward0", "self"), ("IgammacBackward0", "self"), ("SpecialZetaBackward0", "self")}
"""Arguments in which PyTorch has no derivative either: it says so when it is asked for one."""

NOT_MEASURED = {
    **dict.fromkeys(DEFINED_AS_ZERO, "is defined as 0, whatever its slope"),
    **dict.fromkeys(IMPLICIT, "draws anew each time"),
    **dict.fromkeys(
        ("CholeskyBackward0", "LinalgCholeskyExBackward0"), "reads half of a matrix, and halves what it sends"
    ),
    **dict.fromkeys(
        ("CholeskyInverseBackward0", "CholeskySolveBackward0", "LinalgLuSolveBackward0"), "reads half a matrix"
    ),
    **dict.fromkeys(("LinalgEighBackward0", "LinalgSvdBackward0"), "leaves signs to chance"),
    "CtcLossBackward0": "takes its argument for normalised, as PyTorch does",
    "ToCopyBackward0": "rounds away a small step",
}


@pytest.mark.sample(100)
@pytest.mark.parametrize("name", sorted({**TABLE, **ON_DEMAND}))
def test_the_link_of_a_row_is_its_jacobian(name):
    for edge in of_the_row(name):
        if edge.link is None:
            assert (name, edge.argument.slot) in NO_DERIVATIVE
            continue
        if edge.node.edges[edge.place] is not None:
            np.testing.assert_allclose(edge.jacobian, by_the_rule(edge), rtol=1e-6, atol=1e-9)
        if name not in NOT_MEASURED:
            np.testing.assert_allclose(edge.jacobian, measured(edge), rtol=1e-4, atol=1e-5)


# --- programs ----------------------------------------------------------------------------------------------------------

PROGRAMS = {
    "dense": ("(torch.tanh(x @ w + b) @ v).sum(0)", {"x": (4, 3), "w": (3, 2), "b": (2,), "v": (2, 3)}),
    "linear": ("F.linear(F.relu(F.linear(x, w, b)), v)", {"x": (4, 3), "w": (2, 3), "b": (2,), "v": (3, 2)}),
    "scalars": ("x * w + x.exp() / b - w ** 3 + x * x", {"x": (), "w": (), "b": ()}),
    "stretched": ("(x - x.mean(1, keepdim=True)) / (x.var(0) + 1) * w", {"x": (4, 3), "w": (4, 1)}),
    "attention": (
        "F.softmax(q @ k.transpose(-2, -1) / 2, -1) @ v",
        {"q": (2, 3, 4), "k": (2, 3, 4), "v": (2, 3, 2)},
    ),
    "heads": (
        "F.scaled_dot_product_attention(x.view(3, 2, 2).permute(1, 0, 2), k.view(3, 2, 2).transpose(0, 1), x.view(2, 3, 2))",
        {"x": (3, 4), "k": (3, 4)},
    ),
    "convolution": (
        "F.max_pool2d(F.relu(F.conv2d(x, w, b, padding=1)), 2).flatten(1)",
        {"x": (1, 2, 4, 4), "w": (2, 2, 3, 3), "b": (2,)},
    ),
    "norms": ("F.layer_norm(x, (3,), w, b) + F.group_norm(x, 3)", {"x": (4, 3), "w": (3,), "b": (3,)}),
    "batch norm": ("F.batch_norm(x, None, None, w, b, training=True)", {"x": (4, 3), "w": (3,), "b": (3,)}),
    "cross-entropy": ("F.cross_entropy(x @ w, torch.tensor([0, 2, 1, 1]))", {"x": (4, 3), "w": (3, 3)}),
    "losses": (
        "F.mse_loss(x, y) + F.binary_cross_entropy_with_logits(x, y.sigmoid()) + F.huber_loss(x, y)",
        {"x": (4, 3), "y": (4, 3)},
    ),
    "places": (
        "torch.cat([x[1:, ::2], x[[0, 2, 0]][:, :2], F.embedding(torch.tensor([3, 3]), x)[:, :2]]).cumsum(0)",
        {"x": (4, 3)},
    ),
    "chosen": ("x.max(1)[0] + torch.where(x > 0, x, y).amin(1) + x.sort(1)[0][:, 1] + x.median()", {"x": (4, 3), "y": (3,)}),
    "parts": ("torch.stack([a * 2 for a in x.unbind(1)] + [b.sum(1) for b in x.split(2, 1)])", {"x": (4, 3)}),
    "in place": ("changed(x.clone(), w)", {"x": (4, 3), "w": (3,)}),
    "einsum": ("torch.einsum('bij,jk->bki', x, w) + torch.outer(w[0], w[1])[:2, :2].sum()", {"x": (2, 2, 3), "w": (3, 2)}),
    "vectors": ("(x @ w) * (w @ w) + torch.addmv(x[:, 0], x, w, beta=2, alpha=3) + torch.dot(w, w)", {"x": (4, 3), "w": (3,)}),
    "recurrence": (
        "rnn(x, u, w)",
        {"x": (4, 3), "u": (3, 2), "w": (2, 2)},
    ),
}  # fmt: skip


def changed(x, w):
    x[1] = w * 2
    x[:, 0] *= 3
    x += 1
    return x


def rnn(x, u, w):
    h = 0 * (x[0] @ u)
    for row in x:
        h = (row @ u + h @ w).tanh()
    return h


def run(library, code, arrays):
    space = {"torch": library, "F": library.nn.functional, "changed": changed, "rnn": rnn}
    return eval(code, {**space, **arrays})


def numbers_for(shapes):
    chance = np.random.default_rng(4)
    return {
        name: chance.permutation(np.linspace(-1.9, 2.1, int(np.prod(shape)))).reshape(shape)
        for name, shape in shapes.items()
    }


def along_links(recording, output, leaf, entry):
    """The gradient of one entry of the output with respect to a leaf, by links alone."""
    graph, values = recording.graph, recording.at().values
    gradients = {id: np.zeros(graph.tensor(id).shape) for id in values}
    gradients[output].reshape(-1)[entry] = 1
    for operation in reversed(graph.operations):
        made = [graph.tensor(id).shape for id in operation.outputs]
        upstream = np.concatenate([gradients[id].ravel() for id in operation.outputs])
        for argument in operation.inputs:
            if argument.link is not None:
                shape, factor = graph.tensor(argument.tensor).shape, factor_of(argument.link, values)
                gradients[argument.tensor] += sent_back(argument.link, shape, made, upstream, factor)
    return gradients[leaf]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_links_of_a_program_give_pytorchs_jacobian(torch, name):
    code, shapes = PROGRAMS[name]
    arrays = numbers_for(shapes)
    leaves = {key: gv.tensor(array, requires_grad=True) for key, array in arrays.items()}
    out = run(gv, code, leaves)
    recording = record_graph(out, backward=False, names=leaves)
    ids = {tensor.name: tensor.id for tensor in recording.graph.tensors if tensor.producer is None}
    (output,) = (tensor.id for tensor in recording.graph.tensors if tensor.role == "output")
    expected = torch.autograd.functional.jacobian(
        lambda *given: run(torch, code, dict(zip(arrays, given, strict=True))),
        tuple(torch.tensor(array) for array in arrays.values()),
    )
    for key, wanted in zip(arrays, expected, strict=True):
        rows = [along_links(recording, output, ids[key], entry) for entry in range(out.numel())]
        np.testing.assert_allclose(np.reshape(rows, wanted.shape), wanted.numpy(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("written", [False, True], ids=["every operation", "as written"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_an_edge_sends_is_its_link_times_what_arrived(name, written):
    code, shapes = PROGRAMS[name]
    leaves = {key: gv.tensor(array, dtype=gv.float32, requires_grad=True) for key, array in numbers_for(shapes).items()}
    out = run(gv, code, leaves)
    recording = record_graph(out, gradient=gv.ones_like(out) * 3, backward=True)
    if written:
        recording = as_written(recording)
    graph, values = recording.graph, recording.at().values
    arrived = {}
    for frame in recording.frames:
        if frame.phase == "backward" and frame.contributions:
            operation = graph.operation(frame.current)
            made = [graph.tensor(id).shape for id in operation.outputs]
            zeros = [np.zeros(shape) for shape in made]
            upstream = [arrived.get(id, zero) for id, zero in zip(operation.outputs, zeros, strict=True)]
            for contribution in frame.contributions:
                argument = next(one for one in operation.inputs if one.id == contribution.argument)
                assert argument.link is not None
                told = sent_back(
                    argument.link,
                    graph.tensor(argument.tensor).shape,
                    made,
                    np.concatenate([np.ravel(one) for one in upstream]),
                    factor_of(argument.link, values),
                )
                sent = np.reshape(contribution.value.data, contribution.value.shape)
                np.testing.assert_allclose(told, sent, rtol=1e-4, atol=1e-5)
        for gradient in frame.gradients:
            arrived[gradient.tensor] = np.reshape(gradient.value.data, gradient.value.shape)


# --- how they are written ------------------------------------------------------------------------------------------------


def links_of(result, **names):
    recording = record_graph(result, backward=False, names=names)
    return recording, [argument.link for _, argument in recording.graph.arguments()]


def test_products_are_told_by_letters_and_name_their_factor():
    x, w = gv.ones(4, 3), gv.ones(3, 2, requires_grad=True)
    recording, (of_x, of_w) = links_of(x @ w, x=x, w=w)
    ids = {tensor.name: tensor.id for tensor in recording.graph.tensors}
    assert of_w == Link("kj", "ij", "ik", ids["x"], text="x")
    assert of_x == Link("ik", "ij", "kj", ids["w"], text="w")


def test_a_stretched_bias_is_gathered_over_the_rows_and_a_mean_has_a_scale():
    h, b = gv.ones(4, 3), gv.ones(3, requires_grad=True)
    assert links_of((h + b).mean(), b=b)[1][1:] == [Link("j", "ij"), Link("ij", "", text="1/12", scale=1 / 12)]


def test_what_only_moves_has_no_factors():
    a = gv.arange(6.0).reshape(2, 3).requires_grad_()
    assert links_of(a.t())[1] == [Link("ij", "ji")]
    assert links_of(a.reshape(3, 2))[1] == [Link("*", "*")]
    assert links_of(a.unsqueeze(0).permute(2, 0, 1))[1] == [Link("*", "*"), Link(".jk", "k.j")]
    assert links_of(a[:, 1])[1] == [Link(starts=(0, 0, 1, 1, 1, 2, 2), results=(0, 1))]


def test_a_number_of_a_tensor_is_not_written_twice():
    x = gv.ones(3, 4, requires_grad=True)
    for made in (x * x, x.exp(), x / gv.ones(4), x * 2, x @ x.t(), gv.lerp(x, x, x)):
        for link in links_of(made)[1]:
            assert link.value is None or link.text not in ("x", "2")
    recording, (link,) = links_of(x.exp(), x=x)
    assert recording.graph.tensor(link.tensor).role == "output"


def test_what_would_take_too_long_or_too_much_room_has_no_link():
    large = gv.ones(70, 70, requires_grad=True)
    assert links_of(gv.softmax(large, 1))[1] == [None]
    assert links_of(large.flip(0))[1] == [None]
    (link,) = links_of(large.exp())[1]  # of these the page has no numbers either
    assert (link.argument, link.result, link.factor) == ("ij", "ij", "ij")
    assert links_of(gv.relu(gv.ones(200, 200, requires_grad=True)))[1] == [None]
    assert [link.factor for link in links_of(gv.ones(200, 200) @ gv.ones(200, 200, requires_grad=True))[1]] == [
        "kj",
        "ik",
    ]


def test_a_function_of_the_users_own_has_none():
    class Double(gv.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            raise AssertionError("it was called")

    assert links_of(Double.apply(gv.ones(2, requires_grad=True)))[1] == [None]


def test_links_are_found_when_they_are_read_and_not_for_a_picture(monkeypatch):
    from gradviz.recording import linking

    asked = []
    found = linking.link_of
    monkeypatch.setattr(linking, "link_of", lambda *given: asked.append(given) or found(*given))
    w = gv.ones(2, 2, requires_grad=True)
    drawing = gv.draw((w @ w).relu().sum())
    assert "svg" in drawing.to_svg()
    assert asked == []
    facts(drawing.recording)
    facts(drawing.recording)
    assert len(asked) == 4


def test_a_file_has_the_links_and_damage_is_told():
    w = gv.tensor([[1.0, -2.0], [3.0, 0.5]], requires_grad=True)
    recording = record_graph(gv.softmax((w @ w).relu(), 1)[0].sum(), backward=False)
    text = dumps(recording)
    assert loads(text) == recording
    for before, after, told in (
        ('"argument":"ik"', '"argument":"ikl"', "3 letters"),
        ('"factor":"kj"', '"factor":"kz"', "letter of its own"),
        ('"starts":[0,', '"starts":[1,', "entries that are not there"),
        ('"results":[0,', '"results":[9,', "entries that are not there"),
    ):
        assert before in text
        with pytest.raises(RecordingError, match=told):
            loads(text.replace(before, after, 1))


def test_the_page_reads_links_as_python_does(node):
    """Jacobians by JavaScript and by Python; and the other way round, which entries a result is made of."""
    cases, expected = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in sorted({**TABLE, **ON_DEMAND}):
            code = ON_DEMAND.get(name) or examples_of(name)[0]
            for edge in edges_of(*recorded(code)):
                if edge.link is not None and np.isfinite(edge.jacobian).all():
                    factor = edge.factor
                    shapes = {"argument": edge.shape, "results": edge.made}
                    if factor is not None:
                        shapes |= {"factor": factor.shape, "numbers": factor.ravel().tolist()}
                    cases.append([encode(edge.link), shapes])
                    expected.append(edge.jacobian)
    program = f"""
        import {{ dense, sources }} from {json.dumps((SOURCES / "links.js").as_uri())};
        const size = (shape) => shape.reduce((all, length) => all * length, 1);
        let text = ""; process.stdin.on("data", (part) => {{ text += part; }});
        process.stdin.on("end", () => process.stdout.write(JSON.stringify(JSON.parse(text).map(([link, shapes]) => [
          dense(link, shapes),
          shapes.results.flatMap((shape, output) => Array.from({{ length: size(shape) }}, (_, entry) =>
            sources(link, shapes, entry, output).map(({{ entry: from, factor }}) => [from, factor]))),
        ]))));
    """
    done = subprocess.run(
        [node, "--input-type=module", "-e", program],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(cases) > 300
    for (link, _), wanted, (matrix, made_of) in zip(cases, expected, json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(np.reshape(matrix, wanted.shape), wanted, rtol=1e-12, err_msg=str(link))
        turned = np.zeros_like(wanted)
        for result, pairs in enumerate(made_of):
            for entry, factor in pairs:
                turned[result, entry] = factor
        np.testing.assert_allclose(turned, wanted, rtol=1e-12, err_msg=str(link))
