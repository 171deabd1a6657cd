"""Every formula that the table of operations prints is true: worked out, it is what the operation computes.

The forward of each row, and what it sends to each argument, are compared in shape and value with what the row says of
them, on the examples of `tests/test_rows.py` and on more shapes of arguments. A word that stands for an operation's own way
back (``put(g)``) is worked out by measuring slopes, and not by the row's formula.
"""

from __future__ import annotations

import numpy as np
import pytest
from test_rows import ON_DEMAND, TENSORS, examples_of, function_of

import gradviz as gv
from gradviz.engine.core.unbroadcast import summed_axes
from gradviz.engine.evaluating import contribution, expression
from gradviz.engine.notation import is_factor
from gradviz.engine.operation import TABLE
from gradviz.recording import record_graph

BY_CONVENTION = {
    "cholesky_back": "its matrix is symmetric: both halves share what the one that is read would get",
    "eigh_back": "its matrix is symmetric: both halves share what the one that is read would get",
    "cholesky_inverse_back": "PyTorch's formula also fills the half of the factor that is not read",
    "cholesky_solve_back": "PyTorch's formula also fills the half of the factor that is not read",
    "svd_back": "the vectors beyond the rank, and the signs of all, are free",
    "ctc_back": "it takes its argument to come from a log-softmax, as PyTorch does",
    "embedding_back": "a row of padding gets nothing, and a row may get less the more often it was looked up",
    "dirichlet_draw_back": "a draw moves with its distribution, which no second draw shows: test_rows looks at their mean",
}
"""Words for a way back that is not the slope that can be measured, and why. They are held to the shape alone."""

UNKNOWN = {
    ("SpecialZetaBackward0", "self"): "PyTorch knows no derivative either: a gradient that comes here is an error",
    ("IgammaBackward0", "self"): "PyTorch knows no derivative either: a gradient that comes here is an error",
}
"""Arguments of which nothing is ever printed, and why."""


def nodes_of(result):
    """All nodes behind a result."""
    waiting = [part.grad_fn for part in (result if isinstance(result, tuple | list) else (result,))]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen and hasattr(node, "values"):
            seen.add(node)
            yield node
            waiting.extend(before for before, _ in node.next_functions)


def nodes_in(code, name, given):
    """The nodes of one kind in an example, and in its gradient's."""
    function, tensors = function_of(code, given)
    found = function(*tensors)
    nodes = list(nodes_of(found))
    if not any(type(node).__name__ == name for node in nodes):
        results = [part for part in (found if isinstance(found, tuple) else (found,)) if part.requires_grad]
        starts = [gv.ones_like(part).requires_grad_() for part in results]
        gradients = gv.autograd.grad(results, tensors, starts, create_graph=True, allow_unused=True)
        nodes = list(nodes_of([part for part in gradients if part is not None]))
    return [node for node in nodes if type(node).__name__ == name]


def slopes_of(row, values, slot):
    """The derivative of a row's result with respect to an argument, measured: (result entries, argument entries)."""
    given = {name: values[name] for name in (*row.inputs, *row.settings)}
    start = np.array(given[slot], float)

    def at(entries):
        found = row.forward(*(given | {slot: entries}).values())
        if row.reduction:
            return np.ravel(found)
        return np.concatenate([np.ravel(part) for part in found]) if row.many else np.ravel(first_of(row, found))

    columns = []
    for place in np.ndindex(start.shape):
        step = 1e-6
        up, down = start.copy(), start.copy()
        up[place] += step
        down[place] -= step
        columns.append((at(up) - at(down)) / (2 * step))
    return np.stack(columns, -1) if columns else np.zeros((np.size(at(start)), 0))


def first_of(row, found):
    return found[0] if len(row.outputs) > 1 else found


def check(node):
    """Compare what a node did with what its row says, for each argument."""
    row = node.operation
    values = dict(zip(row.fields, node.values, strict=True))
    given = {name: values[name] for name in (*row.inputs, *row.settings)}
    results = [values[name] for name in row.outputs]
    with np.errstate(all="ignore"):
        said = expression(row, given)
    said = said if isinstance(said, tuple) else (said,)
    if row.reduction:
        assert np.shape(said[0]) == node.output_shape, f"{row.expression}: {np.shape(said[0])}, not {node.output_shape}"
        said = [np.reshape(said[0], np.shape(results[0]))]
    for one, computed in zip(said, results, strict=False):
        assert np.shape(one) == np.shape(computed), f"{row.expression}: {np.shape(one)}, not {np.shape(computed)}"
        close = 1e-6 if np.asarray(computed).dtype == np.float32 else 1e-10
        np.testing.assert_allclose(one, computed, rtol=close, atol=close, err_msg=row.expression, equal_nan=True)
    random = np.random.default_rng(3)
    grads = tuple(random.uniform(0.5, 1.5, np.shape(one)).astype(np.asarray(one).dtype) for one in results)
    grad = grads if row.many else grads[0]
    for place, slot in enumerate(row.inputs):
        if row.rules[place] is None or values[slot] is None or not isinstance(node.inputs[place], gv.Tensor):
            continue
        if (row.grad_fn, slot) in UNKNOWN:
            with pytest.raises(NotImplementedError):
                row.rules[place](grad, node.values)
            continue
        shape = np.shape(values[slot])
        sent = row.rules[place](grad, node.values)
        sent = np.zeros(shape) if sent is None else np.asarray(sent)
        sent = unbroadcast(np.broadcast_to(sent, np.broadcast_shapes(sent.shape, shape)), shape)

        def measured(word, grad, slot=slot, shape=shape, rule=row.rules[place]):
            if word in BY_CONVENTION:
                return rule(grad, node.values)
            slopes = slopes_of(row, values, slot)
            return np.reshape(
                np.concatenate([np.ravel(one) for one in (grads if row.many else grads[:1])]) @ slopes, shape
            )

        said = np.asarray(contribution(row, slot, grad, values, measured))
        if is_factor(row.local[slot]):
            said = np.broadcast_to(said, shape)
        assert said.shape == shape, f"{row.local[slot]}: {said.shape}, not {shape}"
        np.testing.assert_allclose(said, sent, rtol=1e-5, atol=1e-6, err_msg=f"{slot}: {row.local[slot]}")


def unbroadcast(array, shape):
    return np.reshape(array.sum(summed_axes(array.shape, shape), keepdims=True), shape)


# --- on the examples, in several shapes ------------------------------------------------------------------------------

SHAPES = {
    "as it is": lambda array: array,
    "numbers": lambda array: array.reshape(-1)[0],
    "vectors": lambda array: array.reshape(-1, array.shape[-1])[0] if array.ndim else array,
    "batches": lambda array: np.stack([array, array[::-1] + 0.013]) if array.ndim else array,
}


def check_all(code, name, tensors, *, strict):
    """Compare what each node of one kind in an example did with what its row says; return how many there were."""
    try:
        nodes = nodes_in(code, name, tensors)
    except Exception:
        assert not strict
        return 0
    for node in nodes:
        check(node)
    return len(nodes)


@pytest.mark.sample(120)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted([*TABLE, *ON_DEMAND]))
def test_a_rows_formulas_are_what_it_computes(name):
    for code in [ON_DEMAND[name]] if name in ON_DEMAND else examples_of(name):
        assert check_all(code, name, TENSORS, strict=True), f"no {name} in {code}"
        for shape in ("numbers", "vectors", "batches"):
            check_all(code, name, {key: SHAPES[shape](array) for key, array in TENSORS.items()}, strict=False)


# --- on all the ways in which a row is used ----------------------------------------------------------------------------

WAYS = """
a + b|a + c|s + a|t + a|c + b|a - b|s - a|c - b|b - 1|2 - c|a * b|s * a|c * b|t * b|a / b|s / c|c / b|b ** 2|b ** c|2 ** a
torch.add(a, b, alpha=3)|torch.sub(a, c, alpha=3)|torch.where(a > 0, b, c)|torch.maximum(a, b)|torch.clamp(a, b - 1, c)
a.sum()|a.sum(0)|a.sum(-1)|a.sum(1, keepdim=True)|t.sum((0, 2))|t.sum((0, 2), keepdim=True)|s.sum()|v.sum(0)|(a * b).sum()
a.mean()|a.mean(0)|a.mean(-1, keepdim=True)|t.mean((0, 2))|v.mean()|s.mean()|a.prod()|a.prod(0)|(a * torch.tensor([0., 1., 1.])).prod(1)
a.prod(1) + 0 * (a * 0).prod(1)|a.max()|a.max(0)[0]|a.max(1, keepdim=True)[0]|torch.tensor([1., 2., 2.]).double().mul(s).max()
torch.amax(N.relu(a - 5), 1)|N.relu(a - 5).max()|a.min()|a.min(1)[0]|a.median()|a.median(1)[0]|a.std()|a.std(0)|a.var(1, keepdim=True)|a.var(correction=0)
a.norm()|a.norm(dim=1)|torch.linalg.norm(m)|torch.linalg.vector_norm(a, float("inf"), 1)|torch.logsumexp(a, 0)|torch.logsumexp(t, (0, 1))
m @ m2|v @ m|m @ v|v @ v|t @ t2|t @ m2|m2.T @ t2|m @ t2|torch.dot(v, b)|torch.outer(v, b)|torch.addmm(b, a, m)|torch.addmm(c, a, m, beta=0.5)
torch.addmm(s, a, m, alpha=2)|torch.addmv(s, m, v)|torch.baddbmm(b[:2], t, t2)|torch.matmul(t, v)|torch.einsum("ij,jk->ik", a, m)
a.T|t.mT|t.transpose(0, 1)|t.transpose(-2, -1)|t.permute(1, 2, 0)|a.reshape(3, 2)|a.reshape(-1)|a.view(6)|s.reshape(1, 1)|t.flatten(1)
v[:, None]|v.unsqueeze(0)|c.squeeze()|c.squeeze(1)|c.expand(2, 4)|v.expand(2, 3)|s.expand(2, 2)|v.repeat(2)|v.repeat(2, 2)|t.movedim(0, 2)
torch.cat([a, c], 1)|torch.cat([a, b[None]], 0)|torch.cat([a, a2, u])|torch.stack([a, a2])|torch.stack([a, a2], 2)|torch.stack([s, s])|torch.hstack([v, b])
a[0]|a[:, 1]|a[0, 1]|a[1:]|a[:, :2]|a[:, ::2]|a[-1]|t[..., 0]|a[[0, 0, 1]]|a[a > 0]|a[:, [0, 2]]|a[torch.tensor([0, 1]), torch.tensor([1, 1])]
torch.gather(a, 1, torch.tensor([[0, 0], [2, 1]]))|torch.index_select(a, 0, torch.tensor([1, 1]))|a.diagonal()|torch.diag(v)|torch.diag(m)
torch.tril(m)|torch.triu(m, 1)|torch.trace(m)|a.flip(1)|a.roll(1, 0)|a.split(2, 1)[0]|a.unbind(0)[1]|a.chunk(2)[0]|torch.cumsum(a, 1)|torch.cumprod(a, 0)
torch.softmax(v, 0)|torch.softmax(a, -1)|torch.softmax(t, 1)|torch.log_softmax(v, 0)|torch.log_softmax(a, 1)|torch.log_softmax(t, -1)|torch.softmax(s, 0)
N.mse_loss(a, u)|N.mse_loss(v, b)|N.mse_loss(s, s * 2)|N.mse_loss(a, u, reduction="sum")|N.mse_loss(a, u, reduction="none")
N.nll_loss(a, torch.tensor([2, 0]))|N.nll_loss(v, torch.tensor(1))|N.nll_loss(a, torch.tensor([2, -100]))|N.nll_loss(a, torch.tensor([2, 0]), reduction="none")
N.nll_loss(a, torch.tensor([2, 0]), reduction="sum")|N.nll_loss(a, torch.tensor([2, 0]), p[0].detach())|N.nll_loss(a, torch.tensor([2, 1]), p[0].detach(), reduction="none")
N.nll_loss(t2[..., None], torch.tensor([[[2], [0]], [[1], [1]]]), reduction="none")|N.cross_entropy(a, torch.tensor([2, 0]))|N.cross_entropy(a, q)
N.cross_entropy(a, torch.tensor([2, 0]), label_smoothing=0.1)|N.cross_entropy(v, torch.tensor(1))|N.cross_entropy(a, torch.tensor([2, 0]), p[0].detach())
N.binary_cross_entropy(q, q2)|N.binary_cross_entropy(q, q2, reduction="sum")|N.binary_cross_entropy(q, q2, p.detach(), reduction="none")
N.binary_cross_entropy_with_logits(a, q)|N.binary_cross_entropy_with_logits(a, q, reduction="none")|N.binary_cross_entropy_with_logits(v, q[0], pos_weight=p[0].detach())
N.smooth_l1_loss(a, a2, reduction="none")|N.huber_loss(a, a2, reduction="none")|N.l1_loss(a, a2)|N.kl_div(a, q)|N.cosine_similarity(a, a2)
N.linear(a, m, v)|N.linear(t, m)|N.linear(v, m, b)|N.layer_norm(a, (3,))|N.layer_norm(t, (3,), b, v)|N.layer_norm(t, (2, 3))|N.layer_norm(v, (3,), b, v)
N.batch_norm(a, None, None, b, v, training=True)|N.batch_norm(a, torch.zeros(3).double(), torch.ones(3).double(), b, v)|N.batch_norm(a, None, None, training=True)
N.batch_norm(image, None, None, channels, channels, training=True)|N.group_norm(image, 1, channels, channels)|N.group_norm(line, 2)|N.instance_norm(image)
N.conv1d(line, kernel1)|N.conv1d(line, kernel1, channels)|N.conv1d(line[0], kernel1, padding=1)|N.conv2d(image, kernel2, channels, stride=2)
N.conv_transpose1d(line, kernel1, channels)|N.max_pool1d(line, 2)|N.max_pool2d(image, 2)|N.max_pool2d(image[0], 2, 1)|N.avg_pool1d(line, 2)|N.avg_pool2d(image, 2)
N.embedding(torch.tensor([0, 2, 2]), m)|N.embedding(torch.tensor([[0, 2]]), m, padding_idx=0)|N.embedding(torch.tensor(1), m)|N.pad(a, (1, 1))|N.pad(a, (-1, 1))
N.scaled_dot_product_attention(t, t, t)|N.scaled_dot_product_attention(a, a2, u)|N.interpolate(line, scale_factor=2)|N.unfold(image, 2)|N.glu(t2, 0)|N.gelu(v, approximate="tanh")
N.relu(v)|N.leaky_relu(a)|N.elu(s)|N.softplus(v)|N.silu(t)|N.prelu(t.reshape(2, 3, 2), b)|N.prelu(a, s)|N.dropout(a, 0.5)|torch.sigmoid(v)|torch.tanh(t)|torch.exp(s)
torch.cov(a)|torch.corrcoef(a)|torch.cov(v)|torch.linalg.det(t @ t2)|torch.linalg.inv(m)|torch.linalg.solve(m, v)|torch.linalg.solve(m, m2)|torch.linalg.solve(m, a, left=False)
torch.linalg.slogdet(m)[1]|torch.linalg.eigvalsh(m @ m.T)|torch.linalg.cholesky(m @ m.T)|torch.dist(a, b)|torch.cdist(a, m)|torch.kron(a, c)|torch.cross(a, a2, 1)
torch.lerp(a, b, c)|torch.addcmul(a, b, c)|torch.addcdiv(a, b, c, value=2)|torch.hypot(a, b)|torch.atan2(a, b)|torch.logaddexp(a, b)|torch.remainder(a, b)|torch.fmod(a, b)
""".strip()


def rows_below(code):
    """All nodes of an example, by the names of their rows."""
    function, tensors = function_of(code, TENSORS)
    return list(nodes_of(function(*tensors)))


@pytest.mark.sample(60)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", [code for line in WAYS.splitlines() for code in line.split("|")])
def test_formulas_are_true_in_all_the_ways_that_a_row_is_used(code):
    nodes = rows_below(code)
    assert nodes
    for node in nodes:
        check(node)


def test_a_false_formula_would_be_found(monkeypatch):
    """The check itself: a wrong factor, a wrong shape, and a wrong expression fail."""
    for name, part, text in (
        ("MulBackward0", "local", {"self": "self", "other": "self"}),
        ("TBackward0", "local", {"self": "1"}),
        ("SumBackward0", "expression", "sum(self) / 2"),
        ("LogSoftmaxBackward0", "local", {"self": "grad - softmax(self, dim=dim)"}),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(TABLE[name].__dict__, part, text)
            with pytest.raises(AssertionError):
                test_a_rows_formulas_are_what_it_computes(name)


@pytest.mark.sample(60)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", [code for line in WAYS.splitlines() for code in line.split("|")])
def test_what_stands_on_an_arrow_is_short_and_written_out(code):
    function, tensors = function_of(code, TENSORS)
    result = function(*tensors)
    names = [name for name in TENSORS if name in code]
    variables = dict(zip(names, tensors, strict=False))
    labels = [
        (operation.name, argument.local)
        for operation in record_graph(
            *(result if isinstance(result, tuple) else (result,)), variables=(variables,)
        ).graph.operations
        for argument in operation.inputs
        if argument.local
    ]
    assert labels
    for name, label in labels:
        assert len(label) <= 40, label
        assert "None" not in label
        assert "\0" not in label
        assert not label.endswith("′") or name in WITHOUT_A_FORMULA, f"{label} on an arrow of {name}"


WITHOUT_A_FORMULA = {
    "linalg_eigh", "linalg_cholesky_ex", "linalg_solve_ex", "batch_norm", "group_norm", "layer_norm", "var_mean", "std", "gelu",
    "glu", "cumprod", "cdist", "clamp", "binary_cross_entropy", "binary_cross_entropy_with_logits", "embedding", "max", "amax",
}  # fmt: skip
"""Operations of which an arrow says no more than their name, at least where their formula gets long: the step has it in full."""
