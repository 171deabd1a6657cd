"""Programs that are run by gradviz and by PyTorch, written once: what the one records, the other has to record too.

Each gets the library as ``torch`` and returns its variables, the result among them as ``loss``; where its backward pass has run
already, that one is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Variables = dict[str, Any]

PROGRAMS: dict[str, Callable[[Any], Variables]] = {}


def program(make: Callable[[Any], Variables]) -> Callable[[Any], Variables]:
    """Enter a function under its name."""
    PROGRAMS[make.__name__.replace("_", " ")] = make
    return make


# --- numbers ---------------------------------------------------------------------------------------------------------


@program
def a_line(torch):
    w, x, b = torch.tensor(2.0, requires_grad=True), torch.tensor(5.0), torch.tensor(3.0, requires_grad=True)
    y = w * x + b
    loss = (y - 10) ** 2
    return locals()


@program
def a_number_used_twice(torch):
    x = torch.tensor(3.0, requires_grad=True)
    square = x * x
    loss = square * x + square
    return locals()


@program
def functions_of_a_number(torch):
    x = torch.tensor(0.7, requires_grad=True)
    a, b, c = torch.sin(x), torch.exp(-x), torch.log(x + 2)
    d = a.tanh() / b.sqrt() - c.abs() + torch.atan(x) * x.sigmoid()
    loss = d**3
    return locals()


@program
def powers(torch):
    x, p = torch.tensor([1.5, 2.0, 0.5], requires_grad=True), torch.tensor([2.0, -1.0, 3.0], requires_grad=True)
    loss = (x**p + 2**x + x**0.5 + 1 / x).sum()
    return locals()


@program
def broadcasting(torch):
    column, row = torch.randn(3, 1, requires_grad=True), torch.randn(4, requires_grad=True)
    scale = torch.tensor(2.0, requires_grad=True)
    table = column * row + scale
    loss = (table / (row.abs() + 1)).mean()
    return locals()


@program
def reductions(torch):
    x = torch.randn(3, 4, requires_grad=True)
    a, b, c = x.sum(1), x.mean(0, keepdim=True), x.amax(-1)
    d, e, f = x.std(), x.var(1, correction=0), x.prod(0)
    loss = a.sum() + b.sum() + c.mean() + d + e.sum() + f.sum() + x.logsumexp(1).sum()
    return locals()


@program
def largest_and_smallest(torch):
    x = torch.tensor([[3.0, 1.0, 2.0], [0.5, 4.0, 1.5]], requires_grad=True)
    best, where = x.max(1)
    least = x.min(0).values
    loss = best.sum() * least.sum() + torch.maximum(x[0], x[1]).sum() + x.max() - x.median(1).values.sum()
    return locals()


@program
def running_sums(torch):
    x = torch.rand(2, 5, requires_grad=True)
    loss = (x.cumsum(1) * x.cumprod(0)).sum() + torch.cummax(x, 1).values.sum() + x.diff(dim=1).abs().sum()
    return locals()


@program
def comparing_and_choosing(torch):
    x, y = torch.randn(6, requires_grad=True), torch.randn(6, requires_grad=True)
    chosen = torch.where(x > y, x, y * 2)
    bounded = torch.clamp(chosen, -0.5, 0.5)
    loss = bounded.sum() + torch.clamp(x, min=0.1).sum() + y.masked_fill(y > 0, 0.0).sum()
    return locals()


@program
def in_order(torch):
    x = torch.tensor([[0.3, 2.0, -1.0, 0.9], [1.0, 0.1, 5.0, -2.0]], requires_grad=True)
    ordered, places = torch.sort(x, dim=1, descending=True)
    top = torch.topk(x, 2, dim=1)
    loss = (ordered * torch.arange(4.0)).sum() + top.values.prod() + x.kthvalue(2).values.sum() + x.flip(0)[0].sum()
    return locals()


@program
def of_two_numbers(torch):
    x, y = torch.randn(4, requires_grad=True), torch.rand(4, requires_grad=True)
    loss = (torch.atan2(x, y) + torch.hypot(x, y) + torch.lerp(x, y, 0.3) + torch.addcmul(x, y, y, value=0.5)).sum()
    loss = loss + torch.logaddexp(x, y).sum() + torch.fmod(x, 0.7).sum() + torch.minimum(x, y).sum()
    return locals()


@program
def double_precision(torch):
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    w = torch.randn(3, requires_grad=True)
    loss = (x * w.double()).sum().float() * 2
    return locals()


# --- shapes and places -----------------------------------------------------------------------------------------------


@program
def shapes(torch):
    x = torch.randn(2, 3, 4, requires_grad=True)
    a = x.reshape(6, 4).t()
    b = x.transpose(0, 2).reshape(4, -1)
    c = x.permute(2, 0, 1).contiguous().view(4, 6)
    d = x.flatten(1).unsqueeze(0).squeeze(0)
    loss = (a * b).sum() + (c * a).sum() + d.pow(2).sum() + x.mT.sum()
    return locals()


@program
def views(torch):
    x = torch.arange(12.0).reshape(3, 4).requires_grad_()
    first, rest = x[0], x[1:]
    corner = rest[:, ::2]
    loss = (first * corner.sum()).sum() + x[:, -1].prod() + x.diagonal().sum() + x[None, ..., 1].sum()
    return locals()


@program
def looking_up(torch):
    x = torch.randn(4, 3, requires_grad=True)
    index = torch.tensor([2, 0, 2])
    rows, cells = x[index], x[index, torch.tensor([0, 1, 2])]
    taken = x.gather(1, torch.tensor([[0], [2], [1], [1]])) + x.index_select(1, torch.tensor([1]))
    loss = rows.sum() + (cells**2).sum() + taken.mean() + x.take(torch.tensor([0, 5, 5])).sum()
    return locals()


@program
def masks(torch):
    x = torch.tensor([1.0, -2.0, 3.0, -4.0], requires_grad=True)
    mask = x > 0
    loss = x[mask].sum() + torch.masked_select(x, ~mask).prod() + x.masked_scatter(mask, x * 2).sum()
    return locals()


@program
def joining_and_taking_apart(torch):
    x, y = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    both, pile = torch.cat([x, y], dim=1), torch.stack((x, y, x))
    left, right = both.split(3, 1)
    first, second = pile.chunk(3)[0], pile.unbind(0)[1]
    loss = (left * right).sum() + (first * second).sum() + torch.hstack([x, y]).mean()
    return locals()


@program
def results_of_unbind(torch):
    x = torch.randn(3, 2, requires_grad=True)
    a, b, c = x.unbind()
    loss = (a * b).sum()  # the third gets nothing
    return locals()


@program
def repeating(torch):
    x = torch.randn(2, requires_grad=True)
    loss = (
        (x.repeat(3).view(3, 2) * x.expand(3, 2)).sum() + x.repeat_interleave(2).sum() + x.tile(2).prod() + x.roll(1)[0]
    )
    return locals()


@program
def putting(torch):
    x, source = torch.zeros(3, 3, requires_grad=True), torch.randn(3, 3, requires_grad=True)
    index = torch.tensor([[0, 1, 2], [2, 0, 1], [1, 1, 0]])
    loss = (x.scatter(0, index, source) ** 2).sum() + (x.scatter_add(1, index, source) ** 2).sum()
    loss = (
        loss
        + x.index_add(0, torch.tensor([0, 0, 2]), source).exp().sum()
        + x.index_fill(1, torch.tensor([1]), 2.0).sum()
    )
    return locals()


@program
def triangles(torch):
    x = torch.randn(3, 3, requires_grad=True)
    loss = (
        (x.tril() @ x.triu(1)).sum() + torch.diag(x[0]).sum() + x.diagonal().prod() + torch.trace(x) + x.rot90()[0, 0]
    )
    return locals()


@program
def windows(torch):
    x = torch.arange(6.0, requires_grad=True)
    loss = (x.unfold(0, 3, 1).mean(1) ** 2).sum()
    return locals()


# --- in place ---------------------------------------------------------------------------------------------------------


@program
def changes_in_place(torch):
    w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    y = w * 2
    y.add_(1).mul_(w)
    y.relu_()
    loss = y.sum()
    return locals()


@program
def a_row_is_written(torch):
    w = torch.randn(3, requires_grad=True)
    table = torch.zeros(2, 3)
    table[0] = w
    table[1] = w * 2
    loss = (table**2).sum()
    return locals()


@program
def a_view_is_changed(torch):
    w = torch.randn(2, 3, requires_grad=True)
    y = w * 1.0
    y[0].mul_(3)
    y[:, 1:] += 1
    loss = y.pow(2).sum()
    return locals()


# --- matrices ---------------------------------------------------------------------------------------------------------


@program
def products(torch):
    a, b, v = (torch.randn(*size, requires_grad=True) for size in ((2, 3), (3, 4), (4,)))
    c = a @ b
    loss = (c @ v).sum() + torch.dot(v, v) + torch.outer(v, v).sum() + torch.addmm(c, a, b, beta=0.5, alpha=2).sum()
    return locals()


@program
def batches_of_products(torch):
    a, b = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 4, 2, requires_grad=True)
    w = torch.randn(2, 5, requires_grad=True)
    loss = (torch.bmm(a, b) @ w).sum() + torch.baddbmm(torch.zeros(2, 3, 2), a, b).pow(2).mean()
    return locals()


@program
def einsum(torch):
    a, b = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 5, 4, requires_grad=True)
    scores = torch.einsum("bqd,bkd->bqk", a, b)
    loss = scores.softmax(-1).pow(2).sum() + torch.einsum("bqd->b", a).sum()
    return locals()


@program
def equations(torch):
    a = torch.tensor([[4.0, 1.0], [1.0, 3.0]], requires_grad=True)
    b = torch.tensor([[1.0], [2.0]], requires_grad=True)
    x = torch.linalg.solve(a, b)
    loss = x.sum() + torch.linalg.inv(a).sum() + torch.linalg.det(a) + torch.logdet(a)
    return locals()


@program
def decompositions(torch):
    m = torch.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]], requires_grad=True)
    factor = torch.linalg.cholesky(m)
    values = torch.linalg.eigvalsh(m)
    loss = factor.sum() + values.log().sum() + torch.linalg.svdvals(m).max() + torch.linalg.matrix_norm(m)
    return locals()


@program
def norms(torch):
    x = torch.randn(3, 4, requires_grad=True)
    loss = x.norm() + torch.linalg.vector_norm(x, 1, dim=1).sum() + torch.linalg.norm(x[0], 3)
    loss = loss + torch.nn.functional.normalize(x, dim=1).sum() + torch.cdist(x, x[:2] * 2).sum()
    return locals()


# --- losses -----------------------------------------------------------------------------------------------------------


@program
def losses_of_numbers(torch):
    F = torch.nn.functional
    prediction, target = torch.randn(5, requires_grad=True), torch.randn(5)
    loss = F.mse_loss(prediction, target) + F.l1_loss(prediction, target, reduction="sum")
    loss = loss + F.smooth_l1_loss(prediction, target) + F.huber_loss(prediction, target, delta=0.5)
    return locals()


@program
def losses_of_classes(torch):
    F = torch.nn.functional
    logits, target = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 2, 1, 2])
    loss = F.cross_entropy(logits, target, weight=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)
    loss = loss + F.nll_loss(F.log_softmax(logits, dim=1), target, ignore_index=1) + F.multi_margin_loss(logits, target)
    return locals()


@program
def losses_of_probabilities(torch):
    F = torch.nn.functional
    logits, target = torch.randn(6, requires_grad=True), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    loss = F.binary_cross_entropy(logits.sigmoid(), target) + F.binary_cross_entropy_with_logits(logits, target)
    loss = (
        loss
        + F.kl_div(F.log_softmax(logits, 0), target.softmax(0), reduction="sum")
        + F.poisson_nll_loss(logits, target)
    )
    return locals()


@program
def losses_of_pairs(torch):
    F = torch.nn.functional
    a, b, c = (torch.randn(3, 4, requires_grad=True) for _ in range(3))
    sign = torch.tensor([1.0, -1.0, 1.0])
    loss = F.triplet_margin_loss(a, b, c) + F.cosine_embedding_loss(a, b, sign) + F.cosine_similarity(a, c).sum()
    loss = loss + F.margin_ranking_loss(a[:, 0], b[:, 0], sign) + F.hinge_embedding_loss(a[:, 1], sign)
    loss = (
        loss + F.soft_margin_loss(a[:, 2], sign) + F.gaussian_nll_loss(a, b, c.exp()) + F.pairwise_distance(a, b).sum()
    )
    return locals()


@program
def a_loss_by_hand(torch):
    logits = torch.randn(4, 3, requires_grad=True)
    shifted = logits - logits.max(1, keepdim=True).values
    logprobs = shifted - shifted.exp().sum(1, keepdim=True).log()
    loss = -logprobs[range(4), torch.tensor([0, 1, 2, 0])].mean()
    return locals()


@program
def a_gradient_to_start_with(torch):
    x = torch.randn(2, 2, requires_grad=True)
    loss = x.exp()
    loss.backward(torch.tensor([[1.0, 0.0], [0.5, 2.0]]), retain_graph=True)
    return locals()


# --- activations ------------------------------------------------------------------------------------------------------


@program
def activations(torch):
    F = torch.nn.functional
    x = torch.tensor([-2.0, -0.3, 0.4, 1.7], requires_grad=True)
    bent = F.relu(x) + F.leaky_relu(x, 0.1) + F.elu(x) + F.selu(x) + F.gelu(x) + F.gelu(x, approximate="tanh")
    smooth = F.silu(x) + F.mish(x) + F.softplus(x) + F.logsigmoid(x) + F.softsign(x) + F.tanhshrink(x) + F.celu(x, 0.5)
    hard = (
        F.hardtanh(x)
        + F.hardswish(x)
        + F.hardsigmoid(x)
        + F.relu6(x)
        + F.softshrink(x)
        + F.hardshrink(x)
        + F.threshold(x, 0.1, 0.0)
    )
    loss = (bent + smooth + hard).sum()
    return locals()


@program
def softmaxes(torch):
    F = torch.nn.functional
    x = torch.randn(3, 4, requires_grad=True)
    loss = (F.softmax(x, -1) * F.log_softmax(x, 0)).sum() + F.softmin(x, 1)[0].max() + F.glu(x, 1).sum()
    return locals()


@program
def activations_with_parameters(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.PReLU(4), nn.Linear(4, 4), nn.GLU(), nn.Softplus())
    x = torch.randn(5, 3)
    loss = model(x).mean()
    return locals()


# --- layers -----------------------------------------------------------------------------------------------------------


@program
def a_linear_layer(torch):
    model = torch.nn.Linear(3, 2)
    x, y = torch.randn(4, 3), torch.randn(4, 2)
    prediction = model(x)
    loss = ((prediction - y) ** 2).mean()
    return locals()


@program
def a_bilinear_layer(torch):
    model = torch.nn.Bilinear(3, 4, 2)
    x, y = torch.randn(5, 3), torch.randn(5, 4)
    loss = model(x, y).tanh().sum()
    return locals()


@program
def convolutions(torch):
    nn = torch.nn
    line, image = torch.randn(2, 3, 10), torch.randn(2, 4, 9, 9)
    conv1, conv2 = nn.Conv1d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 6, 3, dilation=2, groups=2, bias=False)
    up = nn.ConvTranspose2d(6, 2, 3, stride=2, output_padding=1)
    loss = conv1(line).relu().mean() + up(conv2(image).relu()).pow(2).mean()
    return locals()


@program
def a_volume(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Conv3d(1, 2, 2), nn.ReLU(), nn.MaxPool3d(2), nn.Flatten(), nn.Linear(2, 1))
    x = torch.randn(1, 1, 3, 3, 3)
    loss = model(x).sum()
    return locals()


@program
def pooling(torch):
    F = torch.nn.functional
    x = torch.randn(1, 2, 6, 6, requires_grad=True)
    loss = F.max_pool2d(x, 2).sum() + F.avg_pool2d(x, 3, 2, 1, count_include_pad=False).pow(2).sum()
    loss = (
        loss + F.adaptive_avg_pool2d(x, (2, 3)).max() + F.adaptive_max_pool2d(x, 2).sum() + F.lp_pool2d(x, 2, 2).sum()
    )
    values, places = F.max_pool2d(x, 2, return_indices=True)
    loss = (
        loss + F.max_unpool2d(values, places, 2).sum() + F.avg_pool1d(x[0], 2).sum() + F.adaptive_avg_pool2d(x, 1).sum()
    )
    return locals()


@program
def padding_and_resizing(torch):
    F = torch.nn.functional
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    loss = (
        F.pad(x, (1, 1, 0, 2), value=3.0).pow(2).sum()
        + F.pad(x, (1, 2, 1, 1), "reflect").sum()
        + F.pad(x, (1, 1, 1, 1), "replicate").mean()
    )
    loss = (
        loss
        + F.interpolate(x, scale_factor=2).sum()
        + F.interpolate(x, (3, 5), mode="bilinear", align_corners=False).pow(2).sum()
    )
    loss = (
        loss
        + F.interpolate(x, scale_factor=1.5, mode="bicubic").sum()
        + F.pixel_shuffle(x.reshape(1, 8, 2, 2), 2).max()
    )
    return locals()


@program
def windows_as_columns(torch):
    F = torch.nn.functional
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    columns = F.unfold(x, 2, stride=2)
    loss = F.fold(columns**2, (4, 4), 2, stride=2).sum()
    return locals()


@program
def a_bent_image(torch):
    F = torch.nn.functional
    image = torch.randn(1, 1, 4, 4, requires_grad=True)
    turn = torch.tensor([[[0.8, -0.5, 0.1], [0.5, 0.8, 0.0]]], requires_grad=True)
    places = F.affine_grid(turn, (1, 1, 3, 3), align_corners=False)
    loss = F.grid_sample(image, places, align_corners=False).sum()
    return locals()


@program
def batch_norm_in_training(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU())
    x = torch.randn(4, 1, 5, 5)
    loss = model(x).pow(2).mean()
    return locals()


@program
def batch_norm_in_eval(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    x = torch.randn(6, 3)
    model(x)
    model.eval()
    loss = model(x).pow(2).mean()
    return locals()


@program
def norms_of_layers(torch):
    nn = torch.nn
    x = torch.randn(2, 4, 3).double().requires_grad_()
    layer, group = nn.LayerNorm(3).double(), nn.GroupNorm(2, 4).double()
    plain, root = nn.LayerNorm(3, elementwise_affine=False), nn.RMSNorm(3).double()
    loss = layer(x).exp().sum() + group(x).exp().mean() + plain(x).exp().sum() + nn.InstanceNorm1d(4)(x).exp().mean()
    loss = loss + root(x).exp().sum()
    return locals()


@program
def dropout(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    x = torch.randn(4, 3)
    loss = model(x).sum()
    return locals()


@program
def words(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Embedding(7, 4, padding_idx=0), nn.Flatten(), nn.Linear(12, 5))
    tokens = torch.tensor([[1, 2, 0], [3, 3, 6]])
    loss = nn.functional.cross_entropy(model(tokens), torch.tensor([4, 0]))
    return locals()


@program
def weights_that_are_shared(torch):
    nn = torch.nn

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(6, 4)
            self.head = nn.Linear(4, 6, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, tokens):
            return self.head(torch.tanh(self.embedding(tokens)))

    model = Tied()
    tokens = torch.tensor([1, 4, 2])
    loss = nn.functional.cross_entropy(model(tokens), torch.tensor([4, 2, 0]))
    return locals()


@program
def attention(torch):
    x = torch.randn(2, 3, 4)
    model = torch.nn.MultiheadAttention(4, 2, batch_first=True)
    out, weights = model(x, x, x)
    loss = out.pow(2).mean()
    return locals()


@program
def attention_by_the_function(torch):
    q, k, v = (torch.randn(1, 2, 3, 4, requires_grad=True) for _ in range(3))
    loss = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).pow(2).sum()
    return locals()


@program
def an_encoder_layer(torch):
    model = torch.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    x = torch.randn(2, 3, 4)
    loss = model(x).exp().mean()
    return locals()


@program
def recurrent_cells(torch):
    nn = torch.nn
    rnn, gru, lstm = nn.RNNCell(3, 4), nn.GRUCell(3, 4), nn.LSTMCell(3, 4)
    x, h = torch.randn(2, 3), torch.zeros(2, 4)
    h = gru(x, rnn(x, h))
    h, c = lstm(x, (h, h))
    loss = (h * c).sum()
    return locals()


@program
def an_rnn(torch):
    model = torch.nn.RNN(2, 3, nonlinearity="relu")
    out, h = model(torch.randn(3, 2, 2))
    loss = out.pow(2).mean() + h.sum()
    return locals()


@program
def an_lstm(torch):
    model = torch.nn.LSTM(2, 3)
    out, (h, c) = model(torch.randn(3, 2, 2))
    loss = out.pow(2).mean() + c.sum()
    return locals()


@program
def a_gru_both_ways(torch):
    model = torch.nn.GRU(2, 3, bidirectional=True, batch_first=True)
    out, h = model(torch.randn(2, 3, 2))
    loss = out.pow(2).mean()
    return locals()


# --- the backward pass ------------------------------------------------------------------------------------------------


@program
def a_pass_that_has_run(torch):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w**2).sum()
    loss.backward()
    return locals()


@program
def accumulation(torch):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    for scale in (1.0, 2.0):
        loss = (w * scale).pow(2).sum()
        loss.backward()
    return locals()


@program
def a_second_derivative(torch):
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3
    (slope,) = torch.autograd.grad(y, x, create_graph=True)
    loss = slope * 2 + y
    return locals()


@program
def a_gradient_penalty(torch):
    critic = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    x = torch.randn(4, 2, requires_grad=True)
    (slopes,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    loss = ((slopes.norm(dim=1) - 1) ** 2).mean()
    return locals()


@program
def hooks(torch):
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = w * 2
    y.register_hook(lambda grad: grad.clamp(max=1))
    w.register_hook(lambda grad: grad * 10)
    loss = (y**2).sum()
    return locals()


@program
def a_function_of_ones_own(torch):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * 3 * x**2

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = Cube.apply(x)
    loss = (y * x).sum()
    return locals()


@program
def cut_off(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    frozen = y.detach()
    with torch.no_grad():
        offset = x + 1
    loss = (y * frozen + offset * x).sum()
    return locals()


@program
def straight_through(torch):
    x = torch.tensor([0.2, 0.7, 0.9], requires_grad=True)
    rounded = x + (x.round() - x).detach()
    loss = (rounded * torch.tensor([1.0, 2.0, 3.0])).sum()
    return locals()


@program
def something_that_learns_nothing(torch):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    x = torch.randn(4, 2)
    loss = model(x).mean()
    return locals()


# --- what is trained --------------------------------------------------------------------------------------------------


@program
def a_classifier(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
    x, target = torch.randn(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
    return locals()


@program
def a_step_of_a_gan(torch):
    nn = torch.nn
    generator = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    discriminator = nn.Sequential(nn.Linear(2, 4), nn.LeakyReLU(0.2), nn.Linear(4, 1))
    fake = generator(torch.randn(3, 2))
    judged = discriminator(fake)
    loss = nn.functional.binary_cross_entropy_with_logits(judged, torch.ones(3, 1))
    return locals()


@program
def a_vae(torch):
    nn = torch.nn
    encoder, decoder = nn.Linear(4, 4), nn.Linear(2, 4)
    x = torch.rand(3, 4)
    mu, logvar = encoder(x).chunk(2, dim=1)
    z = mu + (0.5 * logvar).exp() * torch.randn(3, 2)
    reconstruction = decoder(z).sigmoid()
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
    loss = nn.functional.binary_cross_entropy(reconstruction, x, reduction="sum") + kl
    return locals()


@program
def a_step_of_maml(torch):
    w = torch.randn(2, 1, requires_grad=True)
    x, y = torch.randn(4, 2), torch.randn(4, 1)
    inner = ((x @ w - y) ** 2).mean()
    (slope,) = torch.autograd.grad(inner, w, create_graph=True)
    adapted = w - 0.1 * slope
    loss = ((x @ adapted - y) ** 2).mean()
    return locals()


@program
def lora(torch):
    nn = torch.nn
    base = nn.Linear(4, 3).requires_grad_(False)
    A, B = torch.randn(2, 4, requires_grad=True), torch.zeros(3, 2, requires_grad=True)
    x = torch.randn(5, 4)
    loss = (base(x) + x @ A.T @ B.T).pow(2).mean()
    return locals()


@program
def a_policy(torch):
    policy = torch.nn.Linear(3, 2)
    state, reward = torch.randn(4, 3), torch.tensor([1.0, -1.0, 0.5, 2.0])
    chances = torch.distributions.Categorical(logits=policy(state))
    action = torch.tensor([0, 1, 1, 0])
    loss = -(chances.log_prob(action) * reward).mean() - 0.01 * chances.entropy().mean()
    return locals()


@program
def a_physical_law(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    t = torch.linspace(0, 1, 5).reshape(-1, 1).requires_grad_()
    y = model(t)
    (slope,) = torch.autograd.grad(y.sum(), t, create_graph=True)
    loss = ((slope + y) ** 2).mean()
    return locals()


@program
def weight_norm(torch):
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    loss = layer(torch.randn(4, 3)).pow(2).sum()
    return locals()
