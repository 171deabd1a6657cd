"""Recordings told by hand: what they say is what a recording of the engine says of the same, and what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as gv
from gradviz.recording import Builder, Unknown, Words, dumps, loads, nudge, record_graph


def array_in(value):
    array = np.array(value.data, value.dtype).reshape(value.shape)
    return array if value.shape else array[()]


def retold(recording, settings):
    """Tell a recording of the engine again, by hand."""
    builder, known = Builder(recording.title, recording.producer), {}
    graph, at = recording.graph, recording.at(-1)
    name = {tensor.id: tensor.name if tensor.named else "" for tensor in graph.tensors}
    for tensor in graph.tensors:
        if tensor.role == "constant":
            known[tensor.id] = array_in(at.values[tensor.id]).item()
        elif tensor.producer is None:
            numbers = array_in(at.values[tensor.id])
            known[tensor.id] = builder.leaf(numbers, name[tensor.id], requires_grad=tensor.requires_grad)
    for operation in graph.operations:
        (made,) = operation.outputs
        inputs = [known[argument.tensor] for argument in operation.inputs]
        own = {key: one for key, one in settings.items() if key in dict(operation.attributes)}
        known[made] = builder.operation(operation.grad_fn, inputs, array_in(at.values[made]), name[made], settings=own)
    back = [frame for frame in recording.frames if frame.phase == "backward"]
    builder.seed(known[back[0].current], array_in(back[0].gradients[0].value))
    for frame in back[1:]:
        operation = graph.operation(frame.current)
        slots = {argument.id: argument.slot for argument in operation.inputs}
        sent = {slots[one.argument]: array_in(one.value) for one in frame.contributions}
        builder.send(known[operation.outputs[0]], sent)
    return builder.recording()


def a_line():
    w, x, b = gv.tensor(2.0, requires_grad=True), gv.tensor(5.0), gv.tensor(3.0, requires_grad=True)
    y = w * x + b
    return record_graph(y, backward=True, variables=(locals(),)), {}


def a_square_used_twice():
    x = gv.tensor([3.0, -1.0], requires_grad=True)
    loss = (x * x + x**2 * 2).sum()
    return record_graph(loss, backward=True, variables=(locals(),)), {"exponent": 2, "dim": None}


def a_layer():
    w, b = gv.randn(3, 2, requires_grad=True), gv.randn(2, requires_grad=True)
    x = gv.randn(4, 3)
    loss = ((x @ w + b).tanh() - 1).sum(0).exp().mean()
    return record_graph(loss, backward=True, variables=(locals(),)), {"dim": (0,), "keepdim": False}


@pytest.mark.parametrize("program", [a_line, a_square_used_twice, a_layer], ids=lambda program: program.__name__)
def test_what_is_told_by_hand_is_what_the_engine_tells(program):
    recording, settings = program()
    other = retold(recording, settings)
    assert other.title == recording.title
    assert [(t.id, t.name, t.role, t.shape, t.dtype) for t in other.graph.tensors] == [
        (t.id, t.name, t.role, t.shape, t.dtype) for t in recording.graph.tensors
    ]
    assert [argument for _, argument in other.graph.arguments()] == [one for _, one in recording.graph.arguments()]
    for mine, theirs in zip(other.frames, recording.frames, strict=True):
        assert (mine.phase, mine.current, mine.sentence) == (theirs.phase, theirs.current, theirs.sentence)
        assert mine.equation == theirs.equation
        assert mine.values == theirs.values
        assert (mine.contributions, mine.gradients) == (theirs.contributions, theirs.gradients)
    assert loads(dumps(other)) == other


def product():
    """Return a builder that was told of w·x, and its three tensors."""
    builder = Builder()
    w, x = builder.leaf(2.0, "w", requires_grad=True), builder.leaf(5.0, "x")
    return builder, w, x, builder.operation("mul", [w, x], 10.0)


def names(recording):
    return {tensor.name: tensor for tensor in recording.graph.tensors}


def lines(recording):
    return [equation.text for frame in recording.frames for equation in frame.equation]


def test_gradients_are_added_up_and_complete_with_the_last():
    builder = Builder(producer="pencil 1.0")
    x = builder.leaf(3.0, "x", requires_grad=True)
    y = builder.operation("mul", [x, x], 9.0, "y")
    z = builder.operation("add", [y, x], 12.0, "z")
    builder.seed(z)
    builder.send(z, {"other": 1.0, "self": 1.0})
    assert builder.gradient_of(x) == 1.0
    builder.send(y, [3.0, 3.0])
    recording = builder.recording()
    assert recording.producer == "pencil 1.0"
    seen = [[(g.value.data[0], g.complete) for g in f.gradients if g.tensor == "t0"] for f in recording.frames]
    assert [one for one in seen if one] == [[(1.0, False)], [(7.0, True)]]
    assert "x is both factors, so it gets the gradient times x twice." in recording.frames[-1].sentence
    assert lines(recording)[-1] == "∂z/∂x = 4 + 3 = 7"


def test_a_pass_may_be_half_done_and_there_may_be_none():
    builder, _, _, product_ = product()
    y = builder.operation("add", [product_, 1.0], 11.0, "y")
    assert [frame.phase for frame in builder.recording().frames] == ["forward"] * 3
    builder.seed(y, 2.0)
    assert lines(builder.recording())[-1] == "∂L/∂y = 2"
    builder.send(y, [2.0])
    recording = builder.recording()
    assert set(recording.at(-1).gradients) == {"t2", "t4"}
    assert loads(dumps(recording)) == recording


def test_words_of_its_own_are_said():
    builder = Builder()
    x = builder.leaf(np.float32(0.5), "x", requires_grad=True)
    y = builder.operation(
        "swish", {"x": x}, np.float32(0.3112297), "y",
        words=Words("sw", "x * sigmoid(x)", {"x": "sigmoid(x) * (1 + x * (1 - sigmoid(x)))"}, "Swish is smooth."),
    )  # fmt: skip
    z = builder.operation("wobble!", [y, y], np.float32(4.0), "z")
    builder.seed(z)
    builder.send(z, [np.float32(1.0), np.float32(0.5)])
    builder.send(y, [np.float32(1.1100)])
    recording = builder.recording()
    swish, wobble = recording.graph.operations
    assert (swish.symbol, swish.sentence, swish.grad_fn) == ("sw", "Swish is smooth.", "swish backward")
    assert recording.frames[1].equation[0].text.startswith("y = x·σ(x) = 0.5·σ(0.5)")
    assert lines(recording)[-1].startswith("∂z/∂x = ∂z/∂y · σ(x)·(1 + x·(1 − σ(x)))")
    assert wobble.sentence == "wobble! passes the gradient on by a formula of its own."
    assert [argument.slot for argument in wobble.inputs] == ["input0", "input1"]
    gv.draw(recording)
    assert loads(dumps(recording)) == recording


def test_a_name_of_the_table_with_words_is_another_operation():
    builder = Builder()
    x = builder.leaf([1.0, 5.0], "x", requires_grad=True)
    y = builder.operation("max", [x, x], [1.0, 5.0], words=Words(symbol="∨"))
    assert builder.recording(y).graph.operations[0].symbol == "∨"


def test_several_results_get_their_gradients_apart():
    builder = Builder()
    x = builder.leaf([1.0, 2.0, 3.0], "x", requires_grad=True)
    first, rest = builder.operation(
        "split", [x], ([1.0], [2.0, 3.0]), ("a", "b"), settings={"split_sizes": (1, 2), "dim": 0}
    )
    low, place = builder.operation("lowest", [x], (np.float64(1.0), np.int64(0)))
    total = builder.operation("sum", [rest], 5.0, "total")
    builder.seed(total)
    builder.send(total, [[1.0, 1.0]])
    assert builder.gradient_of(first) is None
    builder.send((first, rest), [[0.0, 1.0, 1.0]])
    recording = builder.recording()
    assert recording.at(-1).gradients["t0"].value.data == (0.0, 1.0, 1.0)
    assert "b" in names(recording)
    assert low.requires_grad
    assert not place.requires_grad
    assert loads(dumps(recording)) == recording


def test_a_loss_knows_its_targets():
    builder = Builder()
    scores = builder.leaf([[1.0, 2.0]], "scores", requires_grad=True)
    wanted = builder.leaf([1], "wanted")
    logs = builder.operation("log_softmax", [scores], [[-1.3132617, -0.3132617]], settings={"dim": 1})
    where = {"target": wanted, "weight": None, "reduction": 1, "ignore_index": -100}
    builder.operation("nll_loss", [logs], 0.3132617, "loss", settings=where)
    recording = builder.recording()
    assert [argument.slot for argument in recording.graph.operations[1].inputs] == ["self", "target"]
    assert "wanted" in names(recording)


def test_what_needs_no_gradient_is_an_input():
    builder, w, x, _ = product()
    twice = builder.operation("mul", [x, 2.0], 10.0)
    both = builder.operation("iota", [], np.arange(2.0))
    y = builder.operation("mul", [w, twice], 20.0)
    z = builder.operation("mul", [y, both], [0.0, 20.0])
    recording = builder.recording(z)
    assert {tensor.name: tensor.role for tensor in recording.graph.tensors} == {
        "w": "parameter",
        "10": "constant",
        "10·w": "intermediate",
        "iota(…)": "input",
        "10·w·iota(…)": "output",
    }


def test_what_is_unknown_is_absent():
    builder = Builder()
    w, x = builder.leaf(Unknown((2, 3), "bfloat16"), "w", requires_grad=True), builder.leaf(np.ones((4, 2)), "x")
    y = builder.operation("mm", [x, w], Unknown((4, 3), "bfloat16"), "y")
    builder.seed(y, np.ones((4, 3)))
    builder.send(y, [np.full((2, 3), 4.0)])
    recording = builder.recording()
    assert set(recording.at(-1).values) == {names(recording)["x"].id}
    assert names(recording)["w"].dtype == "bfloat16"
    gv.draw(recording)
    assert loads(dumps(recording)) == recording


def test_modules_names_and_copies():
    builder = Builder(title="A net")
    w = np.ones((3, 2), np.float32)
    weight, x = builder.leaf(w, "fc.weight", requires_grad=True), builder.leaf(np.ones((1, 3), np.float32), "h")
    with builder.module("fc", "Linear(3, 2)"):
        h = builder.operation("mm", [x, weight], np.full((1, 2), 3.0, np.float32))
    builder.name(h, "h")
    w[:] = 7.0
    recording = builder.recording()
    assert recording.title == "A net"
    (module,) = recording.graph.modules
    assert (module.path, module.class_name, module.label) == ("fc", "Linear", "Linear(3, 2)")
    assert recording.graph.operations[0].module == names(recording)["fc.weight"].module == "fc"
    assert {"h⁽⁰⁾", "h⁽¹⁾"} <= set(names(recording))
    assert set(recording.at(0).values["t1"].data) == {1.0}


def test_it_can_be_nudged():
    builder, w, _, result = product()
    builder.seed(result)
    builder.send(result, [5.0])
    found = nudge(builder.recording(), w, (), 0.1)
    assert found.predicted == pytest.approx(0.5)
    assert found.change == pytest.approx(0.5)


def test_a_long_computation_is_built_without_recursion():
    builder = Builder()
    tensor = builder.leaf(1.0, "x", requires_grad=True)
    made = [tensor]
    for number in range(3000):
        made.append(builder.operation("add", [made[-1], 1.0], 2.0 + number))
    builder.seed(made[-1])
    for result in made[:0:-1]:
        builder.send(result, [1.0])
    assert len(builder.recording().frames) == 6002


# --- what cannot be ---------------------------------------------------------------------------------------------------


def sent(contributions, *, before=()):
    def tell(builder, w, x, result):
        builder.seed(result)
        for one in before:
            builder.send(result, one)
        builder.send(result, contributions)

    return tell


def told(name, inputs, result, **options):
    return lambda builder, w, x, made: builder.operation(
        name,
        [{"w": w, "x": x, "y": made}.get(one, one) if isinstance(one, str) else one for one in inputs],
        result,
        **options,
    )


@pytest.mark.sample(None)
@pytest.mark.parametrize(
    ("tell", "kind", "said"),
    [
        (told("mul", ["w", Builder().leaf(1.0)], 2.0), ValueError, "mul got a tensor of another builder"),
        (told("mul", ["w", [1.0]], 2.0), TypeError, "an argument of mul is list: give what leaf"),
        (told("mul", ["w", "x"], [[1.0], [2.0, 3.0]]), ValueError, "the result of mul has rows of different lengths"),
        (told("mul", ["w", "x"], "ten"), TypeError, "it must be bools, whole numbers or floating point"),
        (told("mul", ["w", "x"], 1j), TypeError, "the result of mul is of complex128"),
        (told("mul", ["w", "x"], ()), ValueError, "mul has no result"),
        (told("mul", ["w"], 2.0), ValueError, r"mul of the table takes self, other; or self, with the settings other\. If"),
        (told("sum", ["w"], 2.0, settings={"axis": 1}), ValueError, "sum of the table takes self, with the settings dim, keepdim"),
        (told("mul", ["w", "x"], [10.0]), ValueError, r"mul of the table, of \[\], \[\], makes the shape \[\], not \[1\]"),
        (told("div", ["w", "x"], 2.5), ValueError, r"makes other numbers of these than 2\.5\. If this is another operation"),
        (told("mm", ["w", "x"], 2.5), ValueError, "mm of the table, of .* cannot be computed: "),
        (told("mine", ["w"], 1.0, words=Words(local={"y": "1"})), ValueError, "there are words for 'y', but"),
        (told("mine", ["w"], 1.0, words=Words(expression="2 x")), ValueError, "no formula in Python's notation: '2 x'"),
        (lambda b, w, x, y: b.operation("mine", {"grad": w}, 1.0), ValueError, "called 'grad', which cannot stand"),
        (lambda b, w, x, y: b.leaf(3, "n", requires_grad=True), ValueError, "n is of int64: only floating point"),
        (lambda b, w, x, y: b.seed(w), ValueError, "starts from a result that needs a gradient"),
        (lambda b, w, x, y: b.seed(3.0), TypeError, r"seed\(\) takes what leaf\(\) and operation\(\) return"),
        (lambda b, w, x, y: b.seed(y, [1.0]), ValueError, r"starts a gradient of shape \[1\], but the result of mul has"),
        (lambda b, w, x, y: (b.seed(y), b.seed(y)), ValueError, "has been started already"),
        (lambda b, w, x, y: b.send(y, [5.0]), ValueError, "no gradient has arrived at the result of mul yet"),
        (lambda b, w, x, y: b.send(w, [5.0]), ValueError, "w is a leaf: no operation has made it"),
        (sent([5.0, 2.0]), ValueError, "mul sends to its other, which has no gradient"),
        (sent({"third": 5.0}), ValueError, "mul has no argument 'third': its arguments are self, other"),
        (sent([1.0, 2.0, 3.0]), ValueError, r"has 2 arguments \(self, other\), 1 of them with a gradient, but 3"),
        (sent([[5.0]]), ValueError, r"mul sends to its self a gradient of shape \[1\], but w has the shape \[\]"),
        (sent([Unknown((), "float32")]), TypeError, "must be known: gradients are added up"),
        (sent([5.0], before=[[5.0]]), ValueError, "has sent the gradient of the result of mul on already"),
        (lambda b, w, x, y: b.recording(w), ValueError, "w has no graph to show"),
        (lambda b, w, x, y: (b.seed(y), b.recording(b.operation("neg", [y], -10.0))), ValueError, "name it first"),
        (lambda b, w, x, y: Builder().recording(), ValueError, "there is no operation to show"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tell, kind, said):
    with pytest.raises(kind, match=said):
        tell(*product())


def test_a_gradient_that_comes_too_late_is_refused():
    builder, _, _, result = product()
    first, second = builder.operation("neg", [result], -10.0), builder.operation("exp", [result], np.exp(10.0))
    total = builder.operation("add", [first, second], np.exp(10.0) - 10.0)
    builder.seed(total)
    builder.send(total, [1.0, 1.0])
    builder.send(first, [-1.0])
    builder.send(result, [-5.0])
    with pytest.raises(
        ValueError, match="exp sends to its self too late: the gradient of the result of mul has been sent"
    ):
        builder.send(second, [np.exp(10.0)])
