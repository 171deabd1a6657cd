"""Rearranging, repeating, joining and making tensors: the same lines of code run in PyTorch and here."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import gradviz as gv


def tree(node):
    """A graph in one line, ``AG`` for a leaf."""
    if node is None:
        return "None"
    if type(node).__name__ == "AccumulateGrad":
        return "AG"
    return f"{type(node).__name__}({','.join(tree(before) for before, _ in node.next_functions)})"


def names(library):
    """The tensors that a line of code may use."""
    random = np.random.default_rng(5)

    def tensor(*shape):
        return library.tensor(random.standard_normal(shape), requires_grad=True)

    leaves = {
        "A": tensor(3, 4), "B": tensor(3, 4), "S": tensor(3, 3), "x": tensor(4), "y": tensor(4), "s": tensor(),
        "T3": tensor(2, 3, 4), "T4": tensor(2, 2, 3, 4), "E": tensor(0, 3), "one": tensor(1, 3, 1),
    }  # fmt: skip
    plain = {
        "torch": library,
        "np": np,
        "I": library.tensor([0, 2]),
        "i2": library.tensor([[0, 1], [2, 0]]),
        "m": library.tensor(random.standard_normal((3, 4)) > 0),
        "n": library.arange(12).reshape(3, 4),
    }
    return leaves, {**plain, **leaves}


def flat(result, kind):
    if isinstance(result, kind):
        return [result]
    return [part for item in result for part in flat(item, kind)] if isinstance(result, list | tuple) else []


def answers(library, code):
    """What a line of code computes: values, the graph, and first and second derivatives of a number made of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _answers(library, code)


def _answers(library, code):
    leaves, space = names(library)
    results = flat(eval(code, space), library.Tensor)
    random = np.random.default_rng(9)
    told = [
        (str(x.dtype), tuple(x.shape), tree(x.grad_fn), x._is_view(), x.requires_grad, x.detach().numpy())
        for x in results
    ]
    moving = [x for x in results if x.requires_grad]
    if not moving:
        return told, [], []
    total = sum((x**2 * library.tensor(np.asarray(random.standard_normal(tuple(x.shape))))).sum() for x in moving)
    wanted = list(leaves.values())
    first = library.autograd.grad(total, wanted, create_graph=True, allow_unused=True)
    pushed = sum((g * library.tensor(random.standard_normal(g.shape))).sum() for g in first if g is not None)
    second = library.autograd.grad(pushed, wanted, allow_unused=True) if pushed.requires_grad else [None] * len(wanted)
    return told, *([None if g is None else g.detach().numpy() for g in order] for order in (first, second))


def assert_same(torch, code):
    ours, theirs = answers(gv, code), answers(torch, code)
    assert len(ours[0]) == len(theirs[0])
    for mine, other in zip(ours[0], theirs[0], strict=True):
        assert mine[:-1] == other[:-1]
        np.testing.assert_allclose(mine[-1], other[-1], rtol=1e-12)
    for order in (1, 2):
        for mine, other in zip(ours[order], theirs[order], strict=True):
            if mine is None or other is None:
                assert mine is None or not mine.any()
                assert other is None or not other.any()
            else:
                np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-12)


LINES = """
A.view(12)
A.view(2, -1)
A.view((2, 2, 3))
A.view_as(torch.zeros(2, 6))
A.T.view(4, 3)
A[:, :2].view(3, 2, 1)
A.reshape(12)
A.reshape_as(torch.zeros(2, 6))
A.T.reshape(12)
A.T.reshape(2, 2, 3)
A[:, ::2].reshape(3, 2, 1)
E.reshape(-1)
E.reshape(3, 0)
s.reshape(1, 1)
torch.reshape(A, (6, 2))
A.flatten()
T3.flatten(1)
T4.flatten(1, 2)
T3.mT.flatten(1)
x.flatten()
s.flatten()
A.unflatten(1, (2, 2))
A.unflatten(1, (-1, 2))
torch.unflatten(x, 0, (2, 2))
A.ravel()
A.T.ravel()
x.ravel()
one.squeeze()
one.squeeze(0)
one.squeeze(1)
one.squeeze((0, 2))
s.squeeze(0)
A.unsqueeze(0)
A.unsqueeze(-1)
s.unsqueeze(0)
torch.atleast_1d(s)
torch.atleast_1d(s, x, A)
torch.atleast_2d(s)
torch.atleast_2d(x)
torch.atleast_3d(s)
torch.atleast_3d(x)
torch.atleast_3d((A, T3))
T3.permute(2, 0, 1)
torch.permute(T3, (0, -1, 1))
A.transpose(0, 1)
s.transpose(0, -1)
torch.swapaxes(T3, 0, 2)
A.swapdims(0, 1)
A.t()
x.t()
A.T
A.mT
T3.mT
A.mH
T3.mH
A.H
A.adjoint()
torch.movedim(T3, 0, 2)
torch.moveaxis(T3, (0, 1), (1, 2))
A.flip(0)
torch.flip(T3, (0, -1))
torch.fliplr(A)
torch.flipud(x)
torch.roll(x, 1)
torch.roll(A, 5)
torch.roll(A, (1, -2), (0, 1))
torch.roll(s, 1)
torch.rot90(A)
torch.rot90(A, 2)
torch.rot90(A, -1, (1, 0))
torch.rot90(T3, 5, (0, 2))
x.expand(3, 4)
one.expand(2, 3, -1)
s.expand(2, 2)
x.expand_as(A)
torch.broadcast_to(x, (3, 4))
torch.broadcast_tensors(x, A, s)
x.repeat(2)
x.repeat(2, 1, 3)
A.repeat(1, 0)
torch.tile(A, (2,))
torch.repeat_interleave(A, 2)
torch.repeat_interleave(A, 2, dim=1)
torch.repeat_interleave(A, 0, dim=1)
torch.repeat_interleave(A, torch.tensor([1, 0, 3]), dim=0)
x.repeat_interleave(torch.tensor([2]))
torch.repeat_interleave(torch.tensor([2, 0, 1]))
torch.diag(x)
torch.diag(x, -1)
torch.diag(A)
torch.diag(A, 1)
torch.diag(A, 9)
A.diagonal()
torch.diagonal(T3, 1, 2, 0)
torch.diag_embed(A)
torch.diag_embed(A, 1, 0, -1)
torch.diagflat(A, -1)
torch.diagonal_copy(A, -1)
torch.diagonal_scatter(S, x[:3])
torch.diagonal_scatter(S, x[:2], -1)
A.tril()
T3.tril(1)
A.triu(-1)
torch.tril(n)
torch.tril_indices(3, 4, -1)
torch.triu_indices(3, 4, 1)
torch.cat([x, y])
torch.cat((A, B, A), 1)
torch.cat([A, torch.zeros(0), B])
torch.cat([n, torch.zeros(3, 4)])
torch.concat([A, B], -1)
torch.concatenate([A], 1)
torch.stack([x, y])
torch.stack([A, B], -1)
torch.stack([s, s])
torch.hstack([x, y])
torch.hstack([A, B])
torch.hstack([s, x])
torch.vstack([x, A])
torch.row_stack([x, y])
torch.dstack([x, y])
torch.dstack([A, B])
torch.column_stack([x, y])
torch.column_stack([A, S])
torch.column_stack([s, s])
torch.block_diag(A, x, s)
torch.block_diag(n, A)
torch.cartesian_prod(x, y)
torch.cartesian_prod(x)
torch.combinations(x)
torch.combinations(x, 3, with_replacement=True)
torch.combinations(x, 0)
torch.combinations(x, 5)
torch.meshgrid(x, y)
torch.meshgrid(x, S[0], s, indexing="ij")
torch.meshgrid([x, S[0]], indexing="xy")
x.unfold(0, 2, 1)
A.unfold(1, 3, 1)
A.unfold(0, 2, 2)
A.unfold(-1, 0, 2)
s.unfold(0, 1, 1)
torch.as_strided(A, (2, 3), (1, 2))
torch.as_strided(A, (2, 2), (1, 1), 3)
torch.as_strided_copy(A, (2, 2), (1, 2))
torch.view_copy(A, (12,))
torch.transpose_copy(A, 0, 1)
torch.permute_copy(T3, (2, 0, 1))
torch.t_copy(A)
torch.expand_copy(x, (3, 4))
torch.squeeze_copy(one)
torch.squeeze_copy(one, 0)
torch.squeeze_copy(one, (0, 2))
torch.unsqueeze_copy(A, 1)
torch.alias_copy(A)
torch.unfold_copy(x, 0, 2, 2)
A.contiguous()
A.T.contiguous()
A.clone()
A.float()
A.double()
A.half()
A.to(torch.float32)
A.to("cpu")
A.to(torch.zeros(1))
A.to(torch.float64, copy=True)
A.type(torch.float32)
A.type("torch.FloatTensor")
A.type_as(torch.zeros(1))
n.byte(), n.char(), n.short(), n.int(), n.long(), n.bool()
""".strip().splitlines()


@pytest.mark.parametrize("code", LINES)
def test_a_line_does_what_it_does_in_pytorch(torch, code):
    """The same numbers, the same graph, the same derivatives, and a view where PyTorch returns one."""
    assert_same(torch, code)


VIEWS = [
    "x.view(2, 2)", "x.reshape(2, 2)", "x.flatten(0)", "x[1:]", "x[2]", "x.unsqueeze(0)", "x.view(1, 4).squeeze(0)",
    "x.view(2, 2).t()", "x.view(2, 2).T", "x.view(2, 2).transpose(0, 1)", "x.view(2, 2).permute(1, 0)",
    "x.view(2, 2).diagonal()", "x.split(2)[1]", "x.chunk(2)[0]", "x.unbind()[3]", "x.tensor_split(2)[1]",
    "x.unfold(0, 2, 2)", "x.narrow(0, 1, 2)", "x.select(0, 1)", "x.as_strided((2, 2), (1, 2))", "x.detach()", "x[...]",
    "x.view(2, 2)[:, None, 1]", "x.view_as(x)", "x.expand(4)", "x.ravel()", "x.contiguous()", "torch.atleast_2d(x)",
    "x.unflatten(0, (2, 2))", "x.movedim(0, 0)", "x.view(2, 2).mT",
]  # fmt: skip


@pytest.mark.parametrize("code", VIEWS)
def test_a_view_shares_memory(torch, code):
    """What is written into a view stands in its base, at the same places as in PyTorch."""
    left = []
    for library in (torch, gv):
        x = library.arange(4.0)
        view = eval(code, {"torch": library, "x": x})
        view.fill_(9.0)
        left.append(x.tolist())
    assert left[0] == left[1]
    assert 9.0 in left[1]


@pytest.mark.parametrize(
    "code", ["x.clone()", "x.flip(0)", "x.repeat(1)", "x.tril()", "torch.diag(x)", "x[[0, 1]]", "x[m]"]
)
def test_a_copy_does_not(code):
    x = gv.arange(16.0).reshape(4, 4)
    before = x.tolist()
    copy = eval(code, {"torch": gv, "x": x if "repeat" not in code else x[0], "m": x > 3})
    copy.fill_(9.0)
    assert x.tolist() == before


ERRORS = """
A.view(5)
A.view(-1, -1)
A.view(-1, 5)
A.t().view(12)
A.reshape(5)
A.reshape(-2, 6)
E.view(0, -1)
torch.transpose(A, 0, 5)
A.permute(0, 0)
A.permute(0)
A.unsqueeze(5)
A.squeeze(5)
A.squeeze((0, 0))
A.flatten(1, 0)
A.unflatten(1, (3, 2))
A.unflatten(1, ())
A.expand(2, 4)
A.expand(-1, 3, 4)
torch.cat([])
torch.cat([A, x])
torch.cat([A, A[:2]], 1)
torch.cat([A, 1])
torch.cat([s, s])
torch.stack([])
torch.stack([A, x])
torch.hstack([A, x])
torch.dstack([A, x])
torch.column_stack([A, x])
torch.hstack([])
torch.t(T3)
x.mT
x.H
T3.H
x.mH
torch.movedim(A, (0, 0), (0, 1))
torch.movedim(A, (0, 1), (0, 0))
torch.broadcast_tensors(A, torch.arange(3.0))
torch.broadcast_shapes((3, 4), (3,))
A.repeat(2)
A.repeat(-1, 2)
torch.repeat_interleave(A, torch.tensor([1, 2]), dim=0)
torch.repeat_interleave(A, torch.tensor([1.0, 2.0, 3.0]), dim=0)
torch.repeat_interleave(A, -1)
torch.diag(T3)
torch.diag(s)
torch.diagonal(x)
torch.diagonal(A, dim1=1, dim2=1)
torch.diagonal_scatter(A, x)
torch.tril(x)
torch.roll(A, (1, 2), 0)
torch.roll(A, ())
torch.rot90(x)
torch.rot90(A, 1, (0, 0))
torch.rot90(A, 1, (0, 5))
torch.rot90(A, 1, (0,))
torch.flip(A, (0, 0))
torch.fliplr(x)
torch.flipud(s)
x.unfold(0, 5, 1)
x.unfold(0, 2, 0)
x.unfold(0, -1, 1)
torch.block_diag(T3, A)
torch.cartesian_prod(A, x)
torch.combinations(A)
torch.combinations(x, -1)
torch.meshgrid(x, x, indexing="zz")
torch.meshgrid()
torch.as_strided(A, (2, 2), (1,))
torch.as_strided(A, (9, 9), (1, 4))
torch.zeros(2.5)
torch.zeros(-1)
torch.ones(2, -1)
torch.zeros(2, dtype=torch.int64, requires_grad=True)
torch.full(2, 1)
torch.eye(-1)
torch.arange(1, 5, -1)
torch.arange(0, 5, 0)
torch.arange(float("inf"))
torch.linspace(0, 1, -1)
torch.tensor([[1, 2], [3]])
torch.tensor([1, "a"])
torch.tensor(None)
torch.tensor([torch.tensor([1.0, 2.0])])
torch.tensor(2**63)
torch.tensor(300, dtype=torch.uint8)
torch.from_numpy([1])
torch.randint(0, (3,))
torch.randperm(-1)
torch.normal(x.detach(), -1.0)
torch.normal(x.detach(), -torch.ones(4))
torch.normal(x.detach(), torch.ones(3))
torch.multinomial(torch.tensor([0.1, 0.2]), 3)
torch.multinomial(torch.tensor([-1.0, 2.0]), 1)
torch.multinomial(torch.zeros(3), 1)
torch.multinomial(torch.tensor([1, 2]), 1)
torch.multinomial(torch.ones(2, 2, 2), 1)
torch.multinomial(torch.ones(3), 0)
torch.empty(3).exponential_(-1)
torch.arange(3).exponential_()
torch.empty(3).bernoulli_(2)
torch.empty(3).random_(5, 3)
torch.empty(3).uniform_(1, 0)
torch.is_nonzero(A)
torch.iinfo(torch.float32)
torch.finfo(torch.int32)
""".strip().splitlines()


def failure(library, code):
    """The type and the first line of the error that a line of code ends in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = eval(code, names(library)[1])
        except Exception as error:
            return type(error), str(error).splitlines()[0]
    raise AssertionError(f"{code} is {result}")


@pytest.mark.parametrize("code", ERRORS)
def test_what_does_not_work_says_so_in_pytorchs_words(torch, code):
    assert failure(gv, code) == failure(torch, code)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("A.bfloat16()", "gradviz has no bfloat16; supported: float64, float32"),
        ("A.cdouble()", "gradviz has no complex128"),
        ("A.view(torch.float32)", r"gradviz has no view\(dtype\); supported: .*to\(dtype\)"),
        ("A.T.as_strided((2,), (1,))", "gradviz has no as_strided of part of a tensor's memory"),
    ],
)
def test_what_is_not_supported_says_so_by_name(code, words):
    with pytest.raises(NotImplementedError, match=words):
        eval(code, names(gv)[1])


@pytest.mark.parametrize(
    "code", ["torch.zeros(2, device='cuda')", "A.to('cuda')", "A.cuda()", "torch.rand(2, device='mps')"]
)
def test_there_is_no_other_device(code):
    with pytest.raises((AssertionError, RuntimeError), match="gradviz computes on the CPU only"):
        eval(code, names(gv)[1])


def test_meshgrid_advises_to_say_which_way_the_axes_run():
    with pytest.warns(UserWarning, match="it will be required to pass the indexing argument"):
        gv.meshgrid(gv.arange(2), gv.arange(3))


# --- making tensors ----------------------------------------------------------------------------------------------------

MADE = """
torch.zeros(2, 3, dtype=torch.int64)
torch.zeros(())
torch.zeros(size=(2,))
torch.ones([2])
torch.full((2,), True)
torch.full((2,), 1)
torch.full((2,), 1.5, dtype=torch.int64)
torch.eye(3)
torch.eye(2, 3, dtype=torch.bool)
torch.scalar_tensor(3)
torch.arange(5)
torch.arange(1.0, 5)
torch.arange(0, 1, 0.3)
torch.arange(5, 1, -2)
torch.arange(torch.tensor(3))
torch.arange(0.1, 0.9, 0.1).tolist()
torch.arange(2.5)
torch.arange(start=1, end=7, step=2, dtype=torch.float32)
torch.linspace(0, 1, 5)
torch.linspace(0.1, 0.7, 7).tolist()
torch.linspace(0.3, 7.7, 9, dtype=torch.float64).tolist()
torch.linspace(-3, 10, 1000).tolist()
torch.linspace(0, 10, 4, dtype=torch.int64)
torch.linspace(5, 1, 3)
torch.linspace(0, 1, 0), torch.linspace(0, 1, 1)
torch.logspace(0, 2, 3)
torch.logspace(0, 3, 4, base=2)
torch.logspace(-1, 1, 5, dtype=torch.float64)
torch.zeros_like(n), torch.zeros_like(n, dtype=torch.float32)
torch.ones_like(torch.zeros(2), requires_grad=True)
torch.full_like(n, 1.5), torch.empty_like(n).shape
torch.tensor([1, 2.5]), torch.tensor([]), torch.tensor([[], []]).shape
torch.tensor([True, 2]), torch.tensor(2**40), torch.tensor([1e400])
torch.tensor(np.float32(2.5)), torch.tensor([np.float64(1.5)]), torch.tensor(np.array([1.5]))
torch.tensor([torch.tensor(1.0), torch.tensor(2.0)])
torch.tensor(-1, dtype=torch.uint8), torch.tensor(1.7, dtype=torch.int64)
torch.as_tensor([1, 2]), torch.asarray([1.0, 2.0], dtype=torch.float64)
torch.FloatTensor([1, 2]), torch.LongTensor([1.5]), torch.FloatTensor(2, 3).shape, torch.BoolTensor([0, 1])
torch.zeros(1).new_tensor([1, 2]), n.new_zeros(2, 3), n.new_full((2,), 7), n.new_ones((2,), dtype=torch.float32)
n.new_empty(0), torch.zeros(2, pin_memory=False)
torch.rand(2, 2), torch.rand_like(torch.zeros(3)), torch.rand(3, generator=torch.Generator().manual_seed(1))
torch.randn(3), torch.randn_like(torch.zeros(2)), torch.randn(2, 2, dtype=torch.float64)
torch.randint(10, (3,)), torch.randint(3, 5, (3,)), torch.randint(high=4, size=(5,), low=1)
torch.randint_like(torch.zeros(3), 10), torch.randint_like(n, 3, 9)
torch.randperm(5), torch.randperm(4, dtype=torch.int32)
torch.normal(2.0, 3.0, (2, 2)), torch.normal(torch.arange(3.0), 1.0), torch.normal(torch.arange(3.0))
torch.normal(torch.arange(3.0), torch.ones(3)), torch.normal(0.0, torch.arange(1.0, 20.0))
torch.normal(torch.arange(3.0)[:, None], torch.arange(1.0, 3.0)), torch.normal(torch.arange(3.0).double(), 1.0)
torch.bernoulli(torch.full((9,), 0.5)), torch.bernoulli(torch.zeros(9), 0.3)
torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 2), torch.multinomial(torch.arange(1.0, 31.0), 8)
torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 9, replacement=True)
torch.multinomial(torch.tensor([[0.1, 0.2, 0.7], [1.0, 3.0, 0.0]]), 1)
torch.multinomial(torch.tensor([[0.1, 0.2, 0.7], [1.0, 3.0, 0.0]]).double(), 7, True)
torch.empty(3).uniform_(2, 5), torch.empty(20).normal_(2, 5), torch.empty(3, dtype=torch.float64).uniform_()
torch.empty(30).exponential_(2.0), torch.empty(3, dtype=torch.float16).exponential_()
torch.empty(30).cauchy_(), torch.empty(30).log_normal_(), torch.empty(30).geometric_(0.3)
torch.empty(9).bernoulli_(0.5), torch.empty(3).bernoulli_(torch.tensor([0.1, 0.5, 0.9])), torch.arange(9).bernoulli_(0.3)
torch.empty(3).random_(10), torch.arange(3).random_(3, 10), torch.empty(3).random_(), torch.arange(3).random_()
torch.zeros(4, dtype=torch.uint8).random_(), torch.zeros(4, dtype=torch.int8).random_(), torch.zeros(4, dtype=torch.int32).random_()
torch.zeros(4, dtype=torch.float64).random_(), torch.zeros(4, dtype=torch.float16).random_(), torch.zeros(9).bool().random_()
torch.manual_seed(3).initial_seed(), torch.initial_seed()
torch.result_type(x, 1), torch.result_type(n, 1.5), torch.result_type(1, 2.0), torch.result_type(s, torch.zeros(1))
torch.promote_types(torch.int8, torch.uint8), torch.promote_types(torch.int64, torch.float16)
[torch.can_cast(a, b) for a in (torch.bool, torch.uint8, torch.int64, torch.float16) for b in (torch.bool, torch.int8, torch.float32)]
torch.is_floating_point(x), torch.is_floating_point(n), torch.is_complex(x), n.is_signed(), n.bool().is_signed()
torch.is_nonzero(torch.tensor(2.0)), A.is_same_size(B), A.is_same_size(x)
torch.iinfo(torch.int32), torch.iinfo(torch.uint8).max, torch.iinfo(torch.int64).bits
torch.finfo(torch.float32), torch.finfo(torch.float16).eps, torch.finfo().tiny, torch.finfo(torch.float64).resolution
A.type(), n.type(), A.element_size(), A.nbytes, A.itemsize, n.int().nbytes
A.stride(), A.T.stride(), T3.mT.stride(1), one.stride(), x.expand(3, 4).stride(), A[:, ::2].stride()
A.storage_offset(), A[1].storage_offset(), A[1:, 2].storage_offset(), A.T.storage_offset()
A.is_contiguous(), A.T.is_contiguous(), A[:, 1].is_contiguous(), A[1].is_contiguous(), A.T.clone().is_contiguous()
A.data_ptr() == A[0].data_ptr(), A.data_ptr() == A.clone().data_ptr(), A[1].data_ptr() - A.data_ptr()
torch.broadcast_shapes((3, 1), (4,), 1), A.cpu() is A, A.to("cpu") is A, A.contiguous() is A
""".strip().splitlines()


@pytest.mark.parametrize("code", MADE)
def test_what_is_made_prints_as_in_pytorch(torch, code):
    """Digits drawn at random included."""
    printed = []
    for library in (torch, gv):
        _, space = names(library)
        library.manual_seed(0)
        printed.append(repr(eval(code, space)))
    assert printed[0] == printed[1]


@pytest.mark.parametrize("start", [0.0, 0.3, -7.25, 1e-3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_linspace_has_pytorchs_digits(torch, start, dtype):
    for steps in (2, 3, 10, 33, 200):
        theirs = torch.linspace(start, 9.7, steps, dtype=getattr(torch, dtype))
        assert gv.linspace(start, 9.7, steps, dtype=getattr(gv, dtype)).tolist() == theirs.tolist()


DRAWN = {
    "uniform_()": "UniformBackward0", "normal_()": "NormalBackward0", "exponential_()": "ExponentialBackward0",
    "cauchy_()": "CauchyBackward0", "log_normal_()": "LogNormalBackward0", "geometric_(0.5)": "GeometricBackward0",
    "bernoulli_(0.5)": "BernoulliBackward2", "bernoulli_(x.detach())": "BernoulliBackward1",
    "random_(1, 4)": "RandomBackward0", "random_(4)": "RandomBackward1", "random_()": "RandomBackward2",
}  # fmt: skip


@pytest.mark.parametrize("code", DRAWN)
def test_nothing_flows_back_through_chance(torch, code):
    for library in (torch, gv):
        x = library.full((3,), 0.5, requires_grad=True)
        drawn = eval(f"(x * 1).{code}", {"x": x})
        assert drawn.grad_fn.name() == DRAWN[code]
        drawn.sum().backward()
        assert x.grad.tolist() == [0, 0, 0]


def test_numbers_drawn_around_a_mean_have_a_gradient_of_zero_as_in_pytorch(torch):
    for library in (torch, gv):
        mean, std = (library.full((3,), 0.5, requires_grad=True) for _ in range(2))
        for drawn, name in (
            (library.normal(mean, 1.0), "NormalBackward1"),
            (library.normal(0.0, std), "NormalBackward2"),
            (library.normal(mean, std), "NormalBackward3"),
            (library.bernoulli(mean), "BernoulliBackward0"),
        ):
            assert drawn.grad_fn.name() == name
            drawn.sum().backward()
        assert mean.grad.tolist() == std.grad.tolist() == [0, 0, 0]


def test_the_state_of_chance_can_be_kept():
    state = gv.get_rng_state()
    first = gv.rand(3)
    gv.set_rng_state(state)
    assert gv.rand(3).tolist() == first.tolist()


def test_from_numpy_shares_memory_and_asarray_copies_when_told():
    array = np.zeros(3)
    shared, other = gv.asarray(array), gv.asarray(array, copy=True)
    array[0] = 5
    assert shared[0] == 5
    assert other[0] == 0


def test_a_gradient_that_is_wrong_in_pytorch_is_right_here():
    """PyTorch sends the gradient of what was replaced to the replaced numbers; by its slope it belongs to the others."""
    x, src = gv.arange(4.0, requires_grad=True), gv.ones(2, requires_grad=True)
    out = gv.as_strided_scatter(x, src, (2,), (2,), 1)
    assert out.tolist() == [0, 1, 2, 1]
    (out * gv.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [1, 0, 3, 0]
    assert src.grad.tolist() == [2, 4]
