"""Every row of the operations table is checked against measured slopes: its derivative, and the derivative of that.

An example is a line of code on the tensors below, in which `torch` is gradviz and `N` is ``nn.functional``. For most rows
one can be guessed from the name; for the others it stands in `EXAMPLES`, by the name of the ``grad_fn``. A row without an
example fails here, so that none can be added unchecked.
"""

from __future__ import annotations

import ast
import itertools
import warnings

import numpy as np
import pytest

import gradviz as gv
import gradviz.nn.functional
from gradviz.autograd import gradcheck, gradgradcheck
from gradviz.engine.operation import TABLE, unary

random = np.random.default_rng(7)


def spread(*shape, low=-1.9, high=1.9):
    """Numbers in any order that are all different and keep away from each other, from zero and from whole numbers."""
    count = int(np.prod(shape))
    numbers = np.linspace(low, high, count) if count > 1 else np.array([low + 0.35 * (high - low)])
    near = np.abs(numbers - np.round(numbers)) < 0.04
    return random.permutation(numbers + 0.07 * near).reshape(shape)


TENSORS = {
    "a": spread(2, 3),
    "a2": spread(2, 3, low=-1.7, high=2.3),
    "b": spread(3, low=0.3, high=2.2),  # stretched along the first axis of `a`
    "c": spread(2, 1, low=0.4, high=1.3),  # stretched along the second
    "u": spread(2, 3, low=-0.85, high=0.9),  # between -1 and 1
    "q": spread(2, 3, low=0.15, high=0.88),  # between 0 and 1
    "q2": spread(2, 3, low=0.2, high=0.8),
    "p": spread(2, 3, low=0.3, high=2.8),  # positive
    "s": spread(low=0.4, high=1.4),  # a number
    "v": spread(3),
    "m": spread(3, 3) + 2.5 * np.eye(3),  # matrices
    "m2": spread(3, 2),
    "t": spread(2, 2, 3),  # two matrices
    "t2": spread(2, 3, 2),
    "line": spread(1, 2, 6),  # a batch of one, two channels
    "image": spread(1, 2, 4, 4),
    "volume": spread(1, 1, 3, 3, 3),
    "kernel1": spread(2, 2, 3),
    "kernel2": spread(2, 2, 2, 2),
    "kernel3": spread(1, 1, 2, 2, 2),
    "channels": spread(2, low=0.5, high=1.5),
}

POSITIVE = "(m @ m.T + torch.eye(3).double())"  # a matrix with positive eigenvalues
SEEDED = "(torch.manual_seed(1), {})[1]"

EXAMPLES: dict[str, str] = {
    # arithmetic
    "PowBackward0": "torch.pow(p, 2.5) + a**3 + a**0 + p ** (-2)",
    "PowBackward1": "torch.pow(c, b)",
    "PowBackward2": "torch.pow(3, a)",
    "DivBackward2": 'torch.div(a, b, rounding_mode="floor") + torch.div(a, b, rounding_mode="trunc")',
    "RsubBackward1": "2 - a",
    "AddBackward1": "N.pairwise_distance(a, a2)",
    "SubBackward1": "N.cosine_embedding_loss(v, b, torch.tensor(-1), margin=-1.5)",
    "MulBackward1": "torch.special.ndtr(a)",
    "DivBackward1": "torch.trapezoid(a, a2)",
    "AddcmulBackward0": "torch.addcmul(a, b, c, value=3)",
    "AddcdivBackward0": "torch.addcdiv(a, b, c, value=3)",
    "LerpBackward0": "torch.lerp(a, b, 0.3)",
    "LerpBackward1": "torch.lerp(a, b, c)",
    "ClampBackward0": "torch.clamp(a, c - 1, b)",
    "ClampBackward1": "torch.clamp(a, -0.5, 1.2) + torch.clamp(a, min=0.1) + torch.clamp(a, max=0.1)",
    "WhereBackward0": "torch.where(torch.tensor([True, False, True]), a, c)",
    "ToCopyBackward0": "a.float().double()",
    "XlogyBackward1": "torch.xlogy(2.0, b)",
    "XlogyBackward2": "torch.xlogy(a, 2.0)",
    "SpecialXlog1PyBackward1": "torch.special.xlog1py(2.0, b)",
    "SpecialXlog1PyBackward2": "torch.special.xlog1py(a, 2.0)",
    "SpecialZetaBackward0": "torch.special.zeta(torch.tensor(3.0).double(), p)",
    "SpecialZetaBackward1": "torch.special.zeta(3.0, p)",
    "LogSigmoidBackward0": "N.logsigmoid(a)",
    "MvlgammaBackward0": "torch.mvlgamma(p + 1, 2)",
    "PolygammaBackward0": "torch.polygamma(1, p)",
    "RoundBackward1": "torch.round(a, decimals=1)",
    "GeluBackward0": 'N.gelu(a) + N.gelu(a, approximate="tanh")',
    "CeluBackward0": "N.celu(a, 1.3)",
    "EluBackward0": "N.elu(a, 1.3)",
    "SoftplusBackward0": "N.softplus(a, 2.0, 3.0)",
    "RreluWithNoiseBackward0": "N.rrelu(a) + (torch.manual_seed(1), N.rrelu(a, training=True))[1]",
    "PreluKernelBackward0": "N.prelu(t.reshape(2, 3, 2), b) + N.prelu(t.reshape(2, 3, 2), s)",
    # shapes and places
    "ViewBackward0": "a.view(3, 2)",
    "ViewBackward0_copy": "torch.view_copy(a, (3, 2))",
    "ReshapeAliasBackward0": "a.t()[:, :, None].reshape(3, 1, 2)",
    "UnsafeViewBackward0": "m2.t().reshape(6)",
    "SqueezeBackward0": "torch.squeeze(c)",
    "SqueezeBackward1": "torch.squeeze(c, 1)",
    "SqueezeBackward2": "torch.squeeze(c, (0, 1))",
    "SqueezeBackward4": "v @ m2",
    "ExpandBackward0": "c.expand(2, 3) * s.expand(2, 3)",
    "ExpandBackward0_copy": "torch.expand_copy(c, (2, 3))",
    "RepeatBackward0": "a.repeat(2, 1, 2)",
    "PermuteBackward0": "t.permute(2, 0, 1)",
    "PermuteBackward0_copy": "torch.permute_copy(t, (2, 0, 1))",
    "FlipBackward0": "torch.flip(t, (0, 2))",
    "RollBackward0": "torch.roll(a, 1) + torch.roll(a, (1, -1), (0, 1))",
    "UnfoldBackward0": "a.unfold(1, 2, 1)",
    "UnfoldBackward0_copy": "torch.unfold_copy(a, 1, 2, 1)",
    "UnfoldBackwardBackward0": "a.unfold(1, 2, 1) ** 2",
    "SliceBackward0": "a[:, 1:] * a[::2].sum()",
    "SliceBackwardBackward0": "a[:, 1:] ** 2",
    "SliceScatterBackward0": "torch.slice_scatter(a, m2[:2, :1], 1, 1, 2)",
    "SelectBackwardBackward0": "a[:, 1] ** 2",
    "DiagonalBackwardBackward0": "torch.diagonal(m, 1) ** 2",
    "NarrowCopyBackward0": "torch.narrow_copy(a, 1, 1, 2)",
    "AliasBackward0": "a[...]",
    "AsStridedBackward0": "torch.as_strided(a, (2, 2), (1, 2))",
    "AsStridedBackward0_copy": "torch.as_strided_copy(a, (2, 2), (1, 2))",
    "AsStridedScatterBackward0": "torch.as_strided_scatter(a, m[:2, :2], (2, 2), (1, 2))",
    "IndexBackward0": "a[torch.tensor([0, 1, 0]), torch.tensor([2, 1, 2])] + m[[0, 1, 1]].sum(0) + m[m.detach() > 0].sum()",
    "IndexPutBackward0": "torch.index_put(a, (torch.tensor([0, 1]),), b) + torch.index_put(a, (torch.tensor([0, 0]),), b, True)",
    "IndexSelectBackward0": "torch.index_select(a, 1, torch.tensor([2, 0, 2]))",
    "IndexAddBackward0": "torch.index_add(a, 1, torch.tensor([2, 0, 2]), u, alpha=2)",
    "IndexCopyBackward0": "torch.index_copy(a, 1, torch.tensor([2, 0, 1]), u)",
    "IndexFillBackward0": "torch.index_fill(a, 1, torch.tensor([2, 0]), 3.0)",
    "IndexFillBackward1": "torch.index_fill(a, 1, torch.tensor([2, 0]), s)",
    "IndexReduceBackward0": """sum(
        torch.index_reduce(p, 1, torch.tensor([2, 0, 2]), q, reduce, include_self=itself)
        for reduce in ("prod", "mean", "amax", "amin") for itself in (True, False)
    )""",
    "GatherBackward0": "torch.gather(a, 1, torch.tensor([[0, 0], [2, 1]]))",
    "ScatterBackward0": "torch.scatter(a, 1, torch.tensor([[0, 1], [2, 1]]), u[:, :2])",
    "ScatterBackward1": "torch.scatter(a, 1, torch.tensor([[0, 1], [2, 1]]), 3.0)",
    "ScatterAddBackward0": "torch.scatter_add(a, 1, torch.tensor([[0, 0], [2, 1]]), u[:, :2])",
    "ScatterReduceBackward0": """sum(
        torch.scatter_reduce(p, 1, torch.tensor([[0, 0, 1], [2, 1, 1]]), q, reduce, include_self=itself)
        for reduce in ("sum", "prod", "mean", "amax", "amin") for itself in (True, False)
    )""",
    "TakeBackward0": "torch.take(a, torch.tensor([5, 0, 5]))",
    "PutBackward0": "a.put(torch.tensor([5, 0, 1]), b) + a.put(torch.tensor([5, 0, 5]), b, True)",
    "MaskedFillBackward0": "torch.masked_fill(a, torch.tensor([True, False, True]), 3.0)",
    "MaskedFillBackward1": "torch.masked_fill(a, torch.tensor([True, False, True]), s)",
    "MaskedSelectBackward0": "torch.masked_select(a, torch.tensor([True, False, True]))",
    "MaskedScatterBackward0": "torch.masked_scatter(a, torch.tensor([True, False, True]), u)",
    "EmbeddingBackward0": "N.embedding(torch.tensor([[0, 2], [2, 1]]), m)",
    "SortBackward0": "torch.sort(a)[0] + torch.sort(a, 0, True)[0]",
    "TopkBackward0": "torch.topk(a, 2)[0] + torch.topk(a, 2, 1, False)[0]",
    "KthvalueBackward0": "torch.kthvalue(a, 2, 1)[0]",
    "SortBackward1": "torch.sort(a, stable=True)[0] + torch.sort(a, dim=0, descending=True, stable=True)[0]",
    # in place
    "CopyBackwards": "a.clone().copy_(b)",
    "FillBackward1": "torch.fill(a, s)",
    "FillBackward2": "a.clone().fill_(2.0)",
    "FillBackward3": "a.clone().fill_(s)",
    "ZeroBackward0": "a.clone().zero_() + a",
    # by chance
    "UniformBackward0": SEEDED.format("a.clone().uniform_()"),
    "NormalBackward0": SEEDED.format("a.clone().normal_()"),
    "ExponentialBackward0": SEEDED.format("a.clone().exponential_()"),
    "CauchyBackward0": SEEDED.format("a.clone().cauchy_()"),
    "GeometricBackward0": SEEDED.format("a.clone().geometric_(0.5)"),
    "LogNormalBackward0": SEEDED.format("a.clone().log_normal_()"),
    "RandomBackward0": SEEDED.format("a.clone().random_(1, 5)"),
    "RandomBackward1": SEEDED.format("a.clone().random_(5)"),
    "RandomBackward2": SEEDED.format("a.clone().random_()"),
    "BernoulliBackward0": SEEDED.format("torch.bernoulli(q)"),
    "BernoulliBackward1": SEEDED.format("a.clone().bernoulli_(q.detach())"),
    "BernoulliBackward2": SEEDED.format("a.clone().bernoulli_(0.5)"),
    "NormalBackward1": SEEDED.format("torch.normal(a, 1.0)"),
    "NormalBackward2": SEEDED.format("torch.normal(1.0, p)"),
    "NormalBackward3": SEEDED.format("torch.normal(a, p)"),
    "StandardGammaBackward0": SEEDED.format("torch.distributions.Gamma(p, 1.0).rsample()"),
    "_DirichletBackward": SEEDED.format("torch.distributions.Dirichlet(p).rsample()"),
    "IgammaBackward0": "torch.special.gammainc(torch.tensor([0.5, 1.0, 2.5]).double(), p)",
    # reductions
    "NormBackward1": "N.pairwise_distance(a, a2) + N.pairwise_distance(a, a2, 3) + N.pairwise_distance(a, a2, 1)",
    "LogsumexpBackward0": "torch.logsumexp(t, (0, 2)).sum() + torch.logsumexp(a, 1, True)",
    "RenormBackward0": "torch.renorm(a, 2, 0, 1.5)",
    "DistBackward0": "torch.dist(a, b) + torch.dist(a, b, 3) + torch.dist(a, b, 1) + torch.dist(a, b, float('inf'))",
    # products
    "AddmmBackward0": "torch.addmm(b, a, m, beta=2, alpha=3)",
    "AddmvBackward0": "torch.addmv(s, a, v, beta=2, alpha=3)",
    "AddrBackward0": "torch.addr(v, v, b, beta=2, alpha=3)",
    "AddbmmBackward0": "torch.addbmm(s, t, t2, beta=2, alpha=3)",
    "BaddbmmBackward0": "torch.baddbmm(s, t, t2, beta=2, alpha=3)",
    "TrilinearBackward0": "N.bilinear(a, m2.T @ m2 @ a2, t2[:, :, :1].expand(2, 3, 3) * m)",
    "LinalgCrossBackward0": "torch.cross(a, a2, 1)",
    "CdistBackward0": "torch.cdist(a, m, 1.0) + torch.cdist(a, m, 3.0) + torch.cdist(a, m, float('inf'))",
    "EuclideanDistBackward0": "torch.cdist(a, m, compute_mode='use_mm_for_euclid_dist')",
    "PdistBackward0": "torch.pdist(m) + torch.pdist(m, 3.0)",
    # linear algebra
    "LinalgVectorNormBackward0": "torch.linalg.vector_norm(a, 3) + torch.linalg.vector_norm(a, 1, (1,)).sum()",
    "LinalgDetBackward0": "torch.linalg.det(m)",
    "LinalgSlogdetBackward0": "torch.linalg.slogdet(m)[1]",
    "LinalgInvExBackward0": "torch.linalg.inv(m)",
    "LinalgSolveExBackward0": "(torch.linalg.solve(m, m2), torch.linalg.solve(m, v))",
    "LinalgSolveTriangularBackward0": "(torch.linalg.solve_triangular(m, m2, upper=True), "
    "torch.linalg.solve_triangular(m, a, upper=False, left=False, unitriangular=True))",
    "TriangularSolveBackward0": "(*torch.triangular_solve(m2, m), torch.triangular_solve(m2, m, False, True, True)[0])",
    "LinalgCholeskyExBackward0": f"torch.linalg.cholesky({POSITIVE})",
    "CholeskyBackward0": f"torch.cholesky({POSITIVE})",
    "CholeskySolveBackward0": f"torch.cholesky_solve(m2, torch.linalg.cholesky({POSITIVE}))",
    "CholeskyInverseBackward0": f"torch.cholesky_inverse(torch.linalg.cholesky({POSITIVE}))",
    "LinalgQrBackward0": "(*torch.linalg.qr(m), *torch.linalg.qr(m2), *torch.linalg.qr(a))",
    "LinalgSvdBackward0": "(torch.linalg.svdvals(m), torch.linalg.svd(m)[0] ** 2, torch.linalg.svd(a)[2][:2] ** 2, "
    "torch.linalg.svd(m2, full_matrices=False)[0] ** 2)",
    "LinalgEighBackward0": f"(torch.linalg.eigvalsh({POSITIVE}), torch.linalg.eigh({POSITIVE})[1] ** 2)",
    "LinalgLuFactorExBackward0": "torch.linalg.lu_factor(m)[0]",
    "LinalgLuSolveBackward0": "(torch.linalg.lu_solve(*torch.linalg.lu_factor(m), m2), "
    "torch.linalg.lu_solve(*torch.linalg.lu_factor(m), a, left=False, adjoint=True))",
    "LuUnpackBackward0": "torch.lu_unpack(*torch.linalg.lu_factor(a2))[1:]",
    "LinalgLuBackward0": "(*torch.linalg.lu(m)[1:], *torch.linalg.lu(a2.T)[1:], *torch.linalg.lu(a2)[1:])",
    "LinalgMatrixExpBackward0": "torch.linalg.matrix_exp(m / 3)",
    "LinalgPinvBackward0": "(torch.linalg.pinv(m2), torch.linalg.pinv(a))",
    "LinalgLstsqBackward0": "(*torch.linalg.lstsq(m2, v[:, None], driver='gels')[:2], torch.linalg.lstsq(a, c)[0])",
    # convolutions, pooling, padding, resizing
    "ConvolutionBackward0": """(
        N.conv1d(line, kernel1, channels, 2, 1), N.conv2d(image, kernel2, None, 1, (0, 1), 2),
        N.conv2d(image, kernel2[:, :1], groups=2), N.conv3d(volume, kernel3),
        N.conv_transpose1d(line, kernel1, channels, 2, 1, 1), N.conv_transpose2d(image[..., :2, :2], kernel2[:, :1], groups=2),
    )""",
    "ConvolutionBackwardBackward0": "N.conv_transpose1d(line, kernel1)",
    "ConvolutionBackwardBackward1": "N.conv1d(line, kernel1, channels)",
    "ConvolutionBackwardBackward2": "N.conv1d(line, kernel1, channels)",
    "MaxPool2DWithIndicesBackward0": "N.max_pool2d(image, 2, 1, 1, 2)",
    "MaxPool3DWithIndicesBackward0": "N.max_pool3d(volume, 2, 1)",
    "AvgPool2DBackward0": "N.avg_pool2d(image, 2, 1, 1, count_include_pad=False) + N.avg_pool2d(image, 2, 1, 1)",
    "AvgPool3DBackward0": "N.avg_pool3d(volume, 2, 1)",
    "AdaptiveAvgPool2DBackward0": "N.adaptive_avg_pool2d(image, (2, 3))",
    "AdaptiveAvgPool3DBackward0": "N.adaptive_avg_pool3d(volume, (2, 1, 2))",
    "AdaptiveMaxPool2DBackward0": "N.adaptive_max_pool2d(image, (2, 3))",
    "AdaptiveMaxPool3DBackward0": "N.adaptive_max_pool3d(volume, (2, 1, 2))",
    "FractionalMaxPool2DBackward0": SEEDED.format("N.fractional_max_pool2d(image, 2, 3)"),
    "FractionalMaxPool3DBackward0": SEEDED.format("N.fractional_max_pool3d(volume, (2, 1, 1), (1, 2, 2))"),
    "MaxUnpool2DBackward0": "N.max_unpool2d(*N.max_pool2d(image, 2, return_indices=True), 2)",
    "ConstantPadNdBackward0": "N.pad(a, (1, 2, 0, 1), value=3.0)",
    "ReflectionPad1DBackward0": 'N.pad(line, (2, 1), "reflect")',
    "ReflectionPad2DBackward0": 'N.pad(image, (1, 2, 0, 1), "reflect")',
    "ReflectionPad3DBackward0": 'N.pad(volume, (1, 1, 0, 1, 2, 0), "reflect")',
    "ReplicationPad1DBackward0": 'N.pad(line, (2, 1), "replicate")',
    "ReplicationPad2DBackward0": 'N.pad(image, (1, 2, 0, 1), "replicate")',
    "ReplicationPad3DBackward0": 'N.pad(volume, (1, 1, 0, 1, 2, 0), "replicate")',
    "UpsampleNearest1DBackward0": "N.interpolate(line, 9)",
    "UpsampleNearest2DBackward0": "N.interpolate(image, (5, 3))",
    "UpsampleNearest3DBackward0": "N.interpolate(volume, (2, 4, 3))",
    "UpsampleLinear1DBackward0": 'N.interpolate(line, 9, mode="linear")',
    "UpsampleBilinear2DBackward0": 'N.interpolate(image, (5, 3), mode="bilinear", align_corners=True)',
    "UpsampleBicubic2DBackward0": 'N.interpolate(image, (5, 3), mode="bicubic")',
    "UpsampleTrilinear3DBackward0": 'N.interpolate(volume, (2, 4, 3), mode="trilinear")',
    "GridSampler2DBackward0": """sum(
        N.grid_sample(image, (t * 0.45).reshape(1, 2, 3, 2) + 0.013, mode, padding, corners)
        for mode in ("bilinear", "bicubic") for padding in ("zeros", "border", "reflection") for corners in (True, False)
    ) + N.grid_sample(image, (t * 0.45).reshape(1, 2, 3, 2), "nearest", align_corners=True)""",
    "GridSampler3DBackward0": "N.grid_sample(volume, (t * 0.45).reshape(1, 2, 1, 2, 3) + 0.013, align_corners=True)",
    "AffineGridGeneratorBackward0": "N.affine_grid(a[None], (1, 1, 3, 2), False) + N.affine_grid(a[None], (1, 1, 3, 2), True)",
    "Im2ColBackward0": "N.unfold(image, 2, 2, 1)",
    "Col2ImBackward0": "N.fold(t, (3, 2), (1, 2))",
    "AlongAxesBackward0": "N.interpolate(line, 9)",
    "CircularPadBackward0": 'N.pad(image, (1, 2, 0, 1), "circular")',
    "MaxUnpool3DBackward0": "N.max_unpool3d(*N.max_pool3d(volume, 3, return_indices=True), 3)",
    "UpsampleNearestExact1DBackward0": 'N.interpolate(line, 9, mode="nearest-exact")',
    "UpsampleNearestExact2DBackward0": 'N.interpolate(image, (5, 3), mode="nearest-exact")',
    "UpsampleNearestExact3DBackward0": 'N.interpolate(volume, (2, 4, 3), mode="nearest-exact")',
    "PixelShuffleBackward0": "N.pixel_shuffle(torch.cat([image, image]).reshape(1, 4, 4, 4), 2)",
    "PixelUnshuffleBackward0": "N.pixel_unshuffle(image, 2)",
    "ChannelShuffleBackward0": "N.channel_shuffle(t2.reshape(1, 6, 2), 3)",
    # layers and losses
    "SafeSoftmaxBackward0": "N.scaled_dot_product_attention(t, t, t)",
    "SoftmaxBackward0": "torch.softmax(a, 0)",
    "LogSoftmaxBackward0": "torch.log_softmax(a, 0)",
    "NativeLayerNormBackward0": "N.layer_norm(a, (3,), b, v)",
    "NativeGroupNormBackward0": "N.group_norm(line, 2, channels, channels)",
    "NativeBatchNormBackward0": "N.batch_norm(t2, None, None, b, v, training=True) + N.batch_norm(t2, torch.zeros(3).double(), torch.ones(3).double(), b)",
    "NllLossBackward0": "N.nll_loss(a, torch.tensor([2, 0]), torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64))",
    "NllLoss2DBackward0": "N.nll_loss(t2[..., None], torch.tensor([[[2], [0]], [[1], [1]]]))",
    "CtcLossBackward0": """N.ctc_loss(
        torch.log_softmax(t2, 2), torch.tensor([[1], [1], [1]])[:3], torch.tensor([2, 2, 1]), torch.tensor([1, 1, 1])
    )""",
    "SoftMarginLossBackward0": "N.soft_margin_loss(a, torch.tensor([1.0, -1.0, 1.0]).double().expand(2, 3))",
    "MultiMarginLossBackward0": "N.multi_margin_loss(a, torch.tensor([2, 0])) + N.multi_margin_loss(a, torch.tensor([2, 0]), p=2)",
    "MultilabelMarginLossBackward0": "N.multilabel_margin_loss(a, torch.tensor([[2, 0, -1], [1, -1, 0]]))",
    "BinaryCrossEntropyBackward0": "N.binary_cross_entropy(q, q2, torch.tensor([0.5, 1.0, 2.0]).double())",
    "BinaryCrossEntropyWithLogitsBackward0": """N.binary_cross_entropy_with_logits(
        a, q, torch.tensor([0.5, 1.0, 2.0]).double(), pos_weight=torch.tensor([3.0, 1.0, 2.0]).double()
    )""",
    "MseLossBackward0": "N.mse_loss(a, u) + N.mse_loss(a, u, reduction='none')",
    "HuberLossBackward0": "N.huber_loss(a, a2, delta=0.7) + N.huber_loss(a, a2, reduction='sum')",
    "SmoothL1LossBackward0": "N.smooth_l1_loss(a, a2, beta=0.7) + N.smooth_l1_loss(a, a2, reduction='sum')",
}
"""A line for each row whose line cannot be guessed, or deserves better than the guess."""

ON_DEMAND = {
    "UnbindBackward0": "torch.unbind(a, 1)",
    "SplitBackward0": "torch.split(a, 2, 1)",
    "CatBackward0": "torch.cat([a, u, c], 1)",
    "StackBackward0": "torch.stack([a, u], 1)",
}
"""A line for each row that is not in the table."""

ONCE = {
    "CdistBackward0", "CtcLossBackward0", "HardsigmoidBackward0",
    "MultiMarginLossBackward0", "MultilabelMarginLossBackward0", "PdistBackward0",
}  # fmt: skip
"""What has no second derivative, in PyTorch either."""

COARSE = {"ToCopyBackward0": {"eps": 1e-2, "atol": 1e-4}}
"""What cannot be measured with the smallest steps."""

PLACES = ("torch.{}", "N.{}", "torch.special.{}", "torch.linalg.{}")
ONE = ("a", "u", "q", "p", "p + 1", "m", "t")
TWO = ("c, b", "q, q2", "a, a2", "v, b", "m, m2", "m, v", "t, t2")
SETTINGS = ("", ", 1", ", 0, 1", ", (1,)", ", 1.5")
REDUCED = ("t, 1", "t, (0, 2)", "a, 0, True", "a, 1, keepdim=True", "s")
FOREIGN = {"torch": gv, "N": gv.nn.functional, "np": np}


def guesses(row):
    """Lines that may be an example of a row."""
    arguments = ONE if len(row.inputs) == 1 else TWO if len(row.inputs) == 2 else ()
    paths = [path for place in PLACES if is_there(path := place.format(row.name))]
    for path, given, more in itertools.product(paths, arguments, SETTINGS):
        yield f"{path}({given}{more})"


def is_there(path):
    try:
        return callable(eval(path, dict(FOREIGN)))
    except AttributeError:
        return False


def function_of(code, given=TENSORS):
    """Return an example as a function, and its tensors, made from the arrays that are `given`."""
    tree = ast.parse(code, code, "eval")
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names = [name for name in TENSORS if name in used]
    compiled = compile(tree, code, "eval")

    def function(*tensors):
        result = eval(compiled, {**FOREIGN, **dict(zip(names, tensors, strict=True))})
        return tuple(result) if isinstance(result, tuple | list) else result

    return function, tuple(gv.tensor(given[name], requires_grad=True) for name in names)


def nodes_behind(*tensors):
    """The names of all nodes that made these tensors."""
    seen, waiting = set(), [tensor.grad_fn for tensor in tensors]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(before for before, _ in node.next_functions)
    return {type(node).__name__ for node in seen}


def nodes_of(code):
    """The names of all nodes of an example and of its gradient; empty where it makes no sense."""
    function, tensors = function_of(code)
    results = function(*tensors)
    results = [part for part in (results if isinstance(results, tuple) else (results,)) if isinstance(part, gv.Tensor)]
    moving = [part for part in results if part.requires_grad]
    if not moving or not all(np.isfinite(part.detach().numpy()).all() for part in moving):
        return set()
    names = nodes_behind(*moving)
    if names & ONCE:
        return names
    starts = [gv.ones_like(part).requires_grad_() for part in moving]
    gradients = gv.autograd.grad(moving, tensors, starts, create_graph=True, allow_unused=True)
    return names | nodes_behind(*[part for part in gradients if part is not None])


def examples_of(name):
    """The lines for a row: its own, or the first guess that uses it; for a reduction also along some axes."""
    if name in EXAMPLES:
        return [EXAMPLES[name]]
    if "BackwardBackward" in name:  # the derivative of another row
        return examples_of(name.replace("BackwardBackward", "Backward"))
    found = next((code for code in guesses(TABLE[name]) if uses(code, name)), None)
    reduced = [f"torch.{TABLE[name].name}({given})" for given in REDUCED] if TABLE[name].reduction else []
    return ([] if found is None else [found]) + [code for code in reduced if uses(code, name)]


def uses(code, name):
    try:
        return name in nodes_of(code)
    except Exception:  # as a guess, it was not a good one
        return False


DEFINED_AS_ZERO = {"NormalBackward1", "NormalBackward2", "NormalBackward3"}
"""Random numbers: PyTorch lets no gradient through to the distribution they were drawn from, whatever their slope."""


@pytest.mark.parametrize("name", sorted(DEFINED_AS_ZERO))
def test_no_gradient_flows_through_a_draw(name):
    function, tensors = function_of(examples_of(name)[0])
    for gradient in gv.autograd.grad(function(*tensors).sum(), tensors):
        assert not gradient.numpy().any()


IMPLICIT = {"StandardGammaBackward0", "_DirichletBackward"}
"""Random numbers that move along when their distribution changes, keeping their place in it; there is no second derivative."""


@pytest.mark.parametrize("name", sorted(IMPLICIT))
def test_a_draw_moves_with_its_distribution(name):
    """The contribution, summed over many draws, is the slope of their mean (the first share's, for Dirichlet)."""
    alpha, draws = TENSORS["p"], 20000
    start = gv.tensor(alpha, requires_grad=True)
    gv.manual_seed(3)
    if name == "StandardGammaBackward0":  # the mean is the concentration
        x = gv.distributions.Gamma(start, 1.0).rsample((draws,))
        expected = np.ones_like(alpha)
    else:  # the mean is the concentration over the total
        x = gv.distributions.Dirichlet(start).rsample((draws,))[..., :1]
        total = alpha.sum(-1, keepdims=True)
        expected = (np.array([1.0, 0.0, 0.0]) * total - alpha[:, :1]) / total**2
    assert name in nodes_behind(x)
    (slope,) = gv.autograd.grad(x.mean(0).sum(), start)
    np.testing.assert_allclose(slope.numpy(), expected, atol=0.02)


@pytest.mark.sample(100)
@pytest.mark.parametrize("name", sorted(set(TABLE) - DEFINED_AS_ZERO - IMPLICIT))
def test_row(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        examples = examples_of(name)
        assert examples, f"{name} has no example: add a line of code that uses it to EXAMPLES in tests/test_rows.py"
        for code in examples:
            assert name in nodes_of(code), f"{code} does not use {name}"
            function, tensors = function_of(code)
            assert gradcheck(function, tensors, **COARSE.get(name, {}))
            if name in ONCE:
                continue
            assert gradgradcheck(function, tensors, **COARSE.get(name, {}))


@pytest.mark.parametrize("name", ON_DEMAND)
def test_row_made_on_demand(name):
    """Those of any number of tensors have a row for each number, which is not in the table."""
    code = ON_DEMAND[name]
    assert uses(code, name)
    function, tensors = function_of(code)
    assert gradcheck(function, tensors)
    assert gradgradcheck(function, tensors)


def spoil(monkeypatch, row, formula):
    """Give a row of one argument another formula, in every place where a walk looks for it."""
    monkeypatch.setitem(row.__dict__, "derivatives", {"self": formula})
    monkeypatch.setitem(row.__dict__, "rules", (row.rule(formula),))
    monkeypatch.setattr(row.node_type, "plan", None)


def test_a_wrong_row_would_be_found(monkeypatch):
    """The check itself: a row whose derivative is off by a little fails, and so does one without an example."""
    row = TABLE["SinBackward0"]
    right = row.derivatives["self"]
    spoil(monkeypatch, row, lambda grad, self: right(grad, self) * 1.01)
    with pytest.raises(gradcheck.GradcheckError):
        test_row("SinBackward0")
    monkeypatch.setitem(TABLE, "UnknownBackward0", TABLE["WhereBackward0"])
    with pytest.raises(AssertionError, match="UnknownBackward0 has no example"):
        test_row("UnknownBackward0")


def test_a_formula_that_reads_what_there_is_not_is_refused_when_the_row_is_made():
    words = {"expression": "2 * self", "local": "2"}
    with pytest.raises(ValueError, match=r"the derivative of twice for self reads x: .* may be called self, result"):
        unary("twice", "TwiceBackward0", "2·", lambda self: 2 * self, lambda grad, x: grad * 2, **words)
