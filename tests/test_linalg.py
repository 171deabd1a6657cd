"""Products and linear algebra against PyTorch: graphs, error texts, named results; and what PyTorch does not say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import gradviz as gv
from gradviz.autograd import gradcheck, gradgradcheck
from gradviz.engine.linalg import arrays

random = np.random.default_rng(11)


def numbers(*shape):
    return random.standard_normal(shape)


def tree(node):
    """A graph as nested names, as PyTorch's and ours have it."""
    if node is None:
        return "None"
    name = type(node).__name__
    if name == "AccumulateGrad":
        return "leaf"
    return f"{name}({', '.join(tree(following) for following, _ in node.next_functions)})"


def leaves(library, shapes):
    values = [np.sin(np.arange(1, math.prod(shape) + 1) ** 2 + place) for place, shape in enumerate(shapes)]
    return [library.tensor(x.reshape(shape), requires_grad=True) for x, shape in zip(values, shapes, strict=True)]


def both(torch, code, *shapes):
    """Run a line of code on the same tensors in both libraries."""
    return [eval(code, {"torch": library, "x": leaves(library, shapes), "inf": math.inf}) for library in (gv, torch)]


GRAPHS = [
    ("x[0] @ x[1]", (3,), (3,)),
    ("x[0] @ x[1]", (2, 3), (3,)),
    ("x[0] @ x[1]", (3,), (3, 2)),
    ("x[0] @ x[1]", (2, 3), (3, 4)),
    ("x[0] @ x[1]", (2, 3, 4), (4,)),
    ("x[0] @ x[1]", (2, 3, 4), (4, 2)),
    ("x[0] @ x[1]", (4,), (2, 4, 3)),
    ("x[0] @ x[1]", (3, 4), (2, 4, 3)),
    ("x[0].detach() @ x[1]", (3, 4), (2, 4, 3)),
    ("x[0].detach() @ x[1]", (4,), (2, 4, 3)),
    ("x[0] @ x[1].detach()", (2, 3, 4), (4, 2)),
    ("x[0].transpose(0, 1) @ x[1].detach()", (3, 2, 4), (4, 2)),
    ("x[0] @ x[1]", (2, 3, 4), (2, 4, 2)),
    ("x[0] @ x[1]", (1, 3, 4), (2, 4, 2)),
    ("x[0] @ x[1]", (2, 3, 4), (1, 4, 2)),
    ("x[0] @ x[1].transpose(-2, -1)", (2, 2, 3, 4), (2, 2, 3, 4)),
    ("x[0] @ x[1]", (2, 1, 3, 4), (5, 4, 2)),
    ("torch.outer(x[0], x[1])", (3,), (2,)),
    ("torch.kron(x[0], x[1])", (2, 2), (3,)),
    ("torch.tensordot(x[0], x[1], 1)", (2, 3), (3, 2)),
    ("torch.tensordot(x[0], x[1], ([0, 1], [1, 2]))", (2, 3, 2), (3, 2, 3)),
    ("torch.inner(x[0], x[1])", (3,), (3,)),
    ("torch.einsum('ij,jk->ik', *x)", (2, 3), (3, 4)),
    ("torch.einsum('ij,jk->ki', *x)", (2, 3), (3, 4)),
    ("torch.einsum('bqd,bkd->bqk', *x)", (2, 3, 4), (2, 5, 4)),
    ("torch.einsum('ij,ij->', *x)", (2, 3), (2, 3)),
    ("torch.einsum('ii', *x)", (3, 3)),
    ("torch.einsum('ij->ji', *x)", (2, 3)),
    ("torch.einsum('i,ij,j->', *x)", (2,), (2, 3), (3,)),
    ("torch.einsum('a,b,c->abc', *x)", (2,), (3,), (4,)),
    ("torch.einsum('...ij,...jk->...ik', *x)", (2, 3, 4), (2, 4, 5)),
    ("torch.einsum('ij,kl->', *x)", (2, 3), (2, 2)),
    ("torch.linalg.multi_dot(x)", (2, 2), (2, 2), (2, 2)),
    ("torch.linalg.multi_dot(x)", (2, 2), (2, 2), (2, 2), (2, 2)),
    ("torch.linalg.multi_dot(x)", (2, 4), (4, 3), (3, 5), (5, 3), (3, 2)),
    ("torch.linalg.multi_dot(x)", (3,), (3, 2), (2,)),
    ("torch.matrix_power(x[0], 3)", (2, 2)),
    ("torch.matrix_power(x[0], 6)", (2, 2)),
    ("torch.matrix_power(x[0], -5)", (2, 2)),
    ("torch.linalg.matrix_norm(x[0], 'nuc', keepdim=True)", (2, 3)),
    ("torch.linalg.matrix_norm(x[0], -inf)", (2, 3)),
    ("torch.norm(x[0])", (2, 3)),
    ("torch.linalg.cond(x[0])", (3, 2)),
    ("torch.linalg.cond(x[0], 1)", (2, 2)),
    ("torch.linalg.vander(x[0])", (3,)),
    ("torch.linalg.vecdot(x[0], x[1])", (3,), (3,)),
    ("torch.cdist(x[0], x[1], compute_mode='use_mm_for_euclid_dist')", (2, 3), (4, 3)),
    ("torch.svd(x[0])[2]", (2, 2)),
    ("torch.linalg.tensorsolve(x[0], x[1])", (2, 3, 6), (2, 3)),
]


@pytest.mark.parametrize("case", GRAPHS, ids=lambda case: f"{case[0]} {case[1:]}")
def test_the_graph_is_pytorchs(torch, case):
    mine, theirs = both(torch, *case)
    assert tree(mine.grad_fn) == tree(theirs.grad_fn)
    if "svd" not in case[0]:
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


REFUSED = [
    "torch.mm(ones(2), ones(2, 2))",
    "torch.mm(ones(2, 3), ones(2, 3))",
    "torch.mm(ones(2, 2), 3)",
    "torch.mm(ones(2, 3), ones(3, 2).double())",
    "torch.mm(ones(2, 2) > 0, ones(2, 2) > 0)",
    "torch.mv(ones(2, 3), ones(2))",
    "torch.mv(ones(2, 2), ones(2, 2))",
    "torch.mv(ones(2, 3), ones(3).double())",
    "torch.dot(ones(2), ones(3))",
    "torch.dot(ones(2, 2), ones(2))",
    "torch.dot(ones(2), ones(2).long())",
    "torch.bmm(ones(2, 2), ones(2, 2, 2))",
    "torch.bmm(ones(2, 3, 4), ones(3, 4, 4))",
    "torch.bmm(ones(2, 3, 4), ones(2, 4, 4).double())",
    "torch.outer(ones(2, 2), ones(2))",
    "torch.addmm(ones(2, 2), ones(2, 3), ones(2, 3))",
    "torch.addmm(ones(3), ones(2, 3), ones(3, 2))",
    "torch.addmm(ones(2, 2, 2), ones(2, 3), ones(3, 2))",
    "torch.addmm(ones(2, 2).double(), ones(2, 3), ones(3, 2))",
    "torch.addmv(ones(3), ones(2, 3), ones(3))",
    "torch.addmv(ones(2), ones(3), ones(3))",
    "torch.addbmm(ones(2, 2), ones(3, 2, 3), ones(2, 3, 2))",
    "torch.baddbmm(ones(2, 2), ones(3, 2, 3), ones(2, 3, 2))",
    "torch.baddbmm(ones(2, 2).double(), ones(2, 2, 3), ones(2, 3, 2))",
    "torch.addr(ones(2, 2).long(), ones(2).long(), ones(2).long(), alpha=0.5)",
    "torch.matmul(torch.tensor(1.0), ones(2))",
    "ones(2) @ 3",
    "3 @ ones(2)",
    "torch.matmul(ones(2, 3, 4), ones(3))",
    "torch.matmul(ones(2, 3, 4), ones(3, 4))",
    "torch.matmul(ones(2, 3, 4), ones(2, 3, 4))",
    "torch.matmul(ones(2, 3, 4), ones(3, 4, 3))",
    "torch.matmul(ones(2, 2), ones(2, 3, 4))",
    "torch.inner(ones(2, 3), ones(2, 2))",
    "torch.tensordot(ones(2, 3), ones(2, 3), dims=1)",
    "torch.tensordot(ones(2, 3), ones(2, 3), dims=3)",
    "torch.tensordot(ones(2, 3), ones(2, 3), dims=([0, 1], [0]))",
    "torch.tensordot(ones(2, 2), ones(2, 2), dims=([0, 0], [0, 1]))",
    "torch.cross(ones(2, 2), ones(2, 2))",
    "torch.linalg.cross(ones(3, 2), ones(3, 2))",
    "torch.linalg.cross(ones(3), ones(2, 3))",
    "torch.linalg.multi_dot([ones(2, 2)])",
    "torch.linalg.multi_dot([ones(2, 2), ones(2), ones(2, 2)])",
    "torch.linalg.multi_dot([ones(2, 2), ones(3, 2), ones(2, 2)])",
    "torch.linalg.multi_dot([ones(2, 2), ones(2, 2).double()])",
    "torch.chain_matmul(ones(2), ones(2, 2))",
    "torch.matrix_power(ones(2, 3), 2)",
    "torch.matrix_power(ones(2, 2), -1)",
    "torch.matrix_power(ones(2, 2), 2.5)",
    "torch.trace(ones(2))",
    "torch.cdist(ones(2, 3), ones(2, 2))",
    "torch.cdist(ones(2, 3), ones(2, 3), p=-1)",
    "torch.cdist(ones(2, 3), ones(2, 3), compute_mode='x')",
    "torch.det(ones(2, 3))",
    "torch.det(ones(2))",
    "torch.det(ones(2, 2).long())",
    "torch.logdet(ones(2, 3))",
    "torch.linalg.inv(ones(3, 2, 2))",
    "torch.linalg.inv_ex(ones(2, 2), check_errors=True)",
    "torch.inverse(ones(2, 2).half())",
    "torch.linalg.solve(ones(2, 2), ones(2))",
    "torch.linalg.solve(ones(3, 2, 2), ones(3, 2, 1))",
    "torch.linalg.solve(torch.eye(2), ones(3))",
    "torch.linalg.solve(torch.eye(2), ones(2), left=False)",
    "torch.linalg.solve(ones(3, 2, 2), ones(2, 2, 1))",
    "torch.linalg.solve(torch.eye(2), ones(2).double())",
    "torch.linalg.cholesky(-torch.eye(2))",
    "torch.linalg.cholesky(torch.tensor([[1.0, 2.0], [2.0, 1.0]]))",
    "torch.linalg.cholesky(-torch.eye(2).expand(3, 2, 2))",
    "torch.linalg.cholesky_ex(-torch.eye(2), check_errors=True)",
    "torch.cholesky_solve(ones(2, 2), torch.eye(3))",
    "torch.cholesky_inverse(ones(2, 3))",
    "torch.linalg.qr(ones(2, 2), mode='x')",
    "torch.linalg.qr(ones(2, 2).requires_grad_(), mode='r').R.sum().backward()",
    "torch.linalg.qr(ones(3, 2).requires_grad_(), mode='complete').R.sum().backward()",
    "torch.linalg.svd(ones(2))",
    "torch.linalg.svd(ones(2, 2) * float('nan'))",
    "torch.linalg.eigh(ones(2, 3))",
    "torch.linalg.eigh(ones(2, 2), UPLO='x')",
    "torch.linalg.lstsq(ones(2, 2), ones(3, 2))",
    "torch.linalg.lstsq(ones(2, 2), ones(2, 2), driver='x')",
    "torch.linalg.lstsq(ones(3, 2), ones(3, 1), driver='gels')",
    "torch.linalg.solve_triangular(torch.eye(2), ones(2, 2))",
    "torch.linalg.solve_triangular(torch.eye(2), ones(3, 2), upper=True)",
    "torch.linalg.pinv(ones(2))",
    "torch.linalg.matrix_rank(ones(2))",
    "torch.linalg.cond(ones(2, 2), p=3)",
    "torch.linalg.cond(ones(2, 3), p=1)",
    "torch.linalg.vector_norm(ones(2).long())",
    "torch.linalg.vector_norm(ones(2), ord='fro')",
    "torch.linalg.vector_norm(ones(2, 0), ord=float('inf'), dim=1)",
    "torch.linalg.vector_norm(ones(0), ord=-1)",
    "torch.linalg.vector_norm(ones(2), dtype=torch.float16)",
    "torch.linalg.matrix_norm(ones(2, 2), 3)",
    "torch.linalg.matrix_norm(ones(2, 2), dim=(0, 0))",
    "torch.linalg.norm(ones(2, 2, 2), 2)",
    "torch.linalg.norm(ones(2, 2, 2), dim=(0, 1, 2))",
    "torch.norm(ones(2), 'nuc')",
    "torch.einsum('ij')",
    "torch.einsum('i,j->ij', ones(2))",
    "torch.einsum('i->i', ones(2), ones(2))",
    "torch.einsum('ij->i*', ones(2, 3))",
    "torch.einsum('ij-i', ones(2, 3))",
    "torch.einsum('ij->ij', ones(2))",
    "torch.einsum('...ij->ij', ones(2))",
    "torch.einsum('i->j', ones(2))",
    "torch.einsum('i->ii', ones(2))",
    "torch.einsum('ij,jk->ik', ones(2, 3), ones(2, 3))",
    "torch.einsum('ii->i', ones(2, 3))",
    "torch.einsum('..i->i', ones(2, 3))",
    "torch.einsum('...i...->i', ones(2, 3))",
    "torch.einsum('ij->i.', ones(2, 3))",
    "torch.einsum('...,...', ones(2, 3), ones(4, 3))",
    "torch.einsum(ones(2, 3), [0, 60])",
    "torch.linalg.vecdot(ones(3), ones(3).double())",
    "torch.linalg.vander(ones(3), N=1)",
    "torch.linalg.tensorinv(ones(2, 3), ind=1)",
    "torch.linalg.tensorsolve(ones(2, 3), ones(2))",
    "torch.linalg.lu_factor(torch.zeros(2, 2))",
    "torch.linalg.lu_solve(torch.eye(2), torch.tensor([1, 2]), ones(2, 2))",
]


@pytest.mark.parametrize("code", REFUSED)
def test_bad_input_is_refused_in_pytorchs_words(torch, code):
    said = []
    for library in (gv, torch):
        with pytest.raises(Exception) as caught:  # noqa: PT011 (which error it is, is what is compared)
            eval(code, {"torch": library, "ones": lambda *size, t=library: t.ones(size)})
        said.append((caught.type.__name__.lstrip("_"), str(caught.value).partition("\n\n")[0]))
    assert said[0] == said[1]


def test_a_matrix_without_inverse_is_an_error_of_its_own_kind():
    with pytest.raises(gv.linalg.LinAlgError):
        gv.linalg.inv(gv.ones(2, 2))
    assert issubclass(gv.linalg.LinAlgError, RuntimeError)


def test_what_needs_complex_numbers_is_refused_by_name():
    with pytest.raises(NotImplementedError, match=r"gradviz has no linalg\.eig: .* supported: linalg\.eigh"):
        gv.linalg.eig(gv.eye(2))


def test_a_name_that_is_not_there_is_answered():
    with pytest.raises(AttributeError, match=r"gradviz has no linalg\.ldl_factor: it is seldom needed"):
        gv.linalg.ldl_factor  # noqa: B018
    with pytest.raises(AttributeError, match=r"gradviz has no linalg\.lu_facto\. Did you mean lu_factor"):
        gv.linalg.lu_facto  # noqa: B018


PRINTED = [
    "torch.linalg.eigh(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))",
    "torch.linalg.slogdet(torch.tensor([[2.0, 0.0], [0.0, -3.0]]))",
    "torch.slogdet(torch.ones(2, 2))",
    "torch.linalg.inv_ex(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))",
    "torch.linalg.inv_ex(torch.ones(2, 2)).info",
    "torch.linalg.solve_ex(torch.eye(2), torch.ones(2))",
    "torch.linalg.cholesky_ex(torch.tensor([[4.0, 2.0], [2.0, 1.0]]))",
    "torch.linalg.lu(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))",
    "torch.linalg.lu_factor_ex(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))",
    "torch.lu_unpack(*torch.linalg.lu_factor(torch.tensor([[1.0, 2.0], [3.0, 4.0]])))",
    "torch.linalg.lstsq(torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]]), torch.ones(3, 1), driver='gelsd')",
    "torch.linalg.lstsq(torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]]), torch.ones(3))",
    "torch.linalg.svd(torch.eye(2))",
    "torch.svd(torch.eye(2), compute_uv=False)",
    "torch.linalg.qr(torch.eye(2), mode='r')",
    "torch.linalg.matrix_rank(torch.ones(3, 3))",
    "torch.linalg.eigh(torch.ones(2, 2) * float('nan'))",
    "torch.linalg.cond(torch.ones(2, 2), p=1)",
    "torch.linalg.solve_triangular(torch.zeros(2, 2), torch.ones(2, 2), upper=True)",
    "torch.vander(torch.tensor([1, 2, 3]))",
    "torch.linalg.vander(torch.tensor([1, 2, 3]))",
    "torch.trace(torch.ones(2, 2, dtype=torch.int32))",
    "torch.addmm(torch.ones(2, 2) * float('nan'), torch.ones(2, 3), torch.ones(3, 2), beta=0)",
    "torch.addmm(torch.ones(2, 2).long(), torch.ones(2, 3).long(), torch.ones(3, 2).long(), alpha=1.5)",
    "torch.addr(torch.ones(2, 2), torch.ones(2).long(), torch.ones(2))",
    "torch.mm(torch.ones(2, 1), -torch.zeros(1, 2))",
    "torch.ones(2, 2).addmm_(torch.ones(2, 2), torch.eye(2), alpha=3)",
    "torch.einsum('ij,jk', torch.ones(2, 2).long(), torch.ones(2, 3).long())",
    "torch.einsum(torch.ones(2, 3), [0, 1], [1])",
    "torch.einsum('i->', torch.ones(0))",
]


@pytest.mark.parametrize("code", PRINTED)
def test_results_print_as_pytorchs(torch, code):
    assert repr(eval(code, {"torch": gv})) == repr(eval(code, {"torch": torch}))


# --- numbers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64"])
@pytest.mark.parametrize("code", ["x @ y", "torch.bmm(x[None], y[None])", "torch.addmm(x[:, :5], x, y)", "x @ y[:, 0]"])
def test_products_in_other_dtypes(torch, dtype, code):
    x, y = random.integers(-3, 4, (5, 300)), random.integers(-3, 4, (300, 5))
    results = []
    for library in (gv, torch):
        kind = getattr(library, dtype)
        results.append(eval(code, {"torch": library, "x": library.tensor(x).to(kind), "y": library.tensor(y).to(kind)}))
    assert str(results[0].dtype) == str(results[1].dtype)
    np.testing.assert_array_equal(results[0].numpy(), results[1].numpy())


def test_float32_stays_float32_through_decompositions():
    A = gv.tensor(numbers(3, 3).astype(np.float32), requires_grad=True)
    S = A @ A.T + gv.eye(3)
    for out in (
        gv.linalg.inv(S), gv.linalg.det(S), gv.linalg.cholesky(S), *gv.linalg.eigh(S), *gv.linalg.svd(A), *gv.linalg.qr(A),
        *gv.linalg.slogdet(A), gv.linalg.pinv(A), gv.linalg.matrix_exp(A), *gv.linalg.lu(A), gv.linalg.solve(S, A),
        gv.linalg.vector_norm(A, 3), gv.cdist(A, A + 1), gv.linalg.lstsq(A, A)[0],
    ):  # fmt: skip
        assert out.dtype is gv.float32
        if out.requires_grad:
            (slope,) = gv.autograd.grad(out.sum(), A, create_graph=True)
            assert slope.dtype is gv.float32


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 4)])
def test_decompositions_multiply_to_what_they_came_from(shape):
    A = numbers(*shape)
    S = A @ A.swapaxes(-2, -1) + np.eye(shape[-1])
    a, s = gv.tensor(A), gv.tensor(S)

    def same(x, y):
        np.testing.assert_allclose(x.numpy(), y, atol=1e-12)

    P, L, U = gv.linalg.lu(a)
    same(P @ L @ U, A)
    Q, R = gv.linalg.qr(a)
    same(Q @ R, A)
    same(Q.mT @ Q, np.broadcast_to(np.eye(shape[-1]), shape))
    U, S_, Vh = gv.linalg.svd(a)
    same(U * S_.unsqueeze(-2) @ Vh, A)
    values, vectors = gv.linalg.eigh(s)
    same(vectors * values.unsqueeze(-2) @ vectors.mT, S)
    lower = gv.linalg.cholesky(s)
    same(lower @ lower.mT, S)
    same(gv.linalg.cholesky(s, upper=True), lower.mT.numpy())
    same(gv.linalg.inv(a) @ a, np.broadcast_to(np.eye(shape[-1]), shape))
    same(gv.linalg.lu_solve(*gv.linalg.lu_factor(a), s), np.linalg.solve(A, S))


def test_the_determinant_has_a_gradient_where_there_is_no_inverse():
    """It is a polynomial: the slopes are the cofactors. (PyTorch 2.13 returns zeros here, which is wrong.)"""
    A = gv.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [1.0, 3.0, 0.0]], dtype=gv.float64, requires_grad=True)
    det = gv.linalg.det(A)
    (slope,) = gv.autograd.grad(det, A, create_graph=True)
    cofactors = [[0.0, 0.0, -1.0], [0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(slope.detach().numpy(), cofactors, atol=1e-12)
    for size in (1, 2, 3, 4):  # no entry, no second derivative exists of a smaller one: all of them are polynomials
        zeros = gv.zeros(size, size, dtype=gv.float64, requires_grad=True)
        assert gradcheck(gv.linalg.det, zeros)
        assert gradgradcheck(gv.linalg.det, zeros)
    assert gradgradcheck(gv.linalg.det, A)
    rank_one = gv.tensor(np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 2.0]), requires_grad=True)
    assert gradgradcheck(gv.linalg.det, rank_one)


def test_singular_values_that_are_equal_have_a_gradient(torch):
    """Only their vectors have none."""
    for library in (gv, torch):
        x = library.eye(3, dtype=library.float64).requires_grad_()
        library.linalg.svdvals(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)
        x.grad = None
        library.linalg.eigvalsh(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("ord", [0.5, 1, 1.5, 2, 3, math.inf, -math.inf])
def test_norms_of_zeros_and_ties(torch, ord):
    for values in ([0.0, 0.0, 0.0], [2.0, -2.0, 2.0], [0.0, 3.0, -1.0]):
        slopes = []
        for library in (gv, torch):
            x = library.tensor([values, values[::-1]], dtype=library.float64, requires_grad=True)
            out = library.linalg.vector_norm(x, ord, dim=1)
            out.sum().backward()
            slopes.append((out.detach().numpy(), x.grad.numpy()))
        for mine, theirs in zip(*slopes, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, math.inf])
def test_distances_between_equal_rows_have_no_direction(torch, p):
    rows = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 2.0]])
    slopes = []
    for library in (gv, torch):
        x, y = (library.tensor(rows, requires_grad=True) for _ in range(2))
        out = library.cdist(x, y, p=float(p))
        (out * library.tensor(np.arange(9.0).reshape(3, 3))).sum().backward()
        slopes.append((out.detach().numpy(), x.grad.numpy(), y.grad.numpy()))
        pairs = library.pdist(x, p=float(p))
        x.grad = None
        pairs.sum().backward()
        slopes[-1] += (pairs.detach().numpy(), x.grad.numpy())
    for mine, theirs in zip(*slopes, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


def test_einsum_agrees_with_numpy():
    """Over all ways to choose what two and three operands of up to three axes have in common."""
    sizes = dict(zip("abcd", (2, 3, 4, 1), strict=True))
    terms = ["", "a", "ab", "ba", "abc", "cad", "bb"]
    for count in (1, 2, 3):
        for chosen in itertools.combinations_with_replacement(terms, count):
            seen = sorted(set("".join(chosen)))
            for kept in {"".join(seen), "".join(seen[::2][::-1]), ""}:
                equation = f"{','.join(chosen)}->{kept}"
                arrays = [numbers(*(sizes[letter] for letter in term)) for term in chosen]
                result = gv.einsum(equation, *(gv.tensor(np.asarray(array)) for array in arrays))
                np.testing.assert_allclose(result.numpy(), np.einsum(equation, *arrays), atol=1e-12, err_msg=equation)


def test_einsum_has_second_derivatives():
    x, y, z = (gv.tensor(numbers(*shape), requires_grad=True) for shape in ((2, 3, 3), (3, 1), (2, 4)))
    assert gradcheck(lambda x, y, z: gv.einsum("bii,ij,bk->kj", x, y, z), (x, y, z))
    assert gradgradcheck(lambda x, y, z: gv.einsum("bii,ij,bk->kj", x, y, z), (x, y, z))


def test_a_long_chain_of_matrices_needs_no_recursion():
    chain = [gv.tensor(np.eye(2)) for _ in range(60)]
    np.testing.assert_array_equal(gv.linalg.multi_dot(chain).numpy(), np.eye(2))


NUMPY = [
    "np.einsum('ij,kj->ik', x, y)", "np.tensordot(x, y, 2)", "np.kron(x, y)", "np.inner(x, y)", "np.trace(x)",
    "np.linalg.norm(x)", "np.linalg.norm(x, 'nuc')", "np.linalg.norm(x, 1, axis=0, keepdims=True)", "np.linalg.det(x)",
    "np.linalg.inv(x)", "np.linalg.pinv(x[:, :2])", "np.linalg.cholesky(x @ np.transpose(x))", "np.linalg.matrix_power(x, 3)",
]  # fmt: skip


@pytest.mark.parametrize("code", NUMPY)
def test_numpys_functions_are_recorded(code):
    x, y = numbers(3, 3) + 2 * np.eye(3), numbers(3, 3)
    result = eval(code, {"np": np, "x": gv.tensor(x, requires_grad=True), "y": gv.tensor(y)})
    assert result.grad_fn is not None
    np.testing.assert_allclose(result.detach().numpy(), eval(code, {"np": np, "x": x, "y": y}), atol=1e-12)


# --- what NumPy lacks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 5, 4), (0, 3, 3), (3, 0), (0, 0)])
def test_elimination(shape):
    matrix = numbers(*shape)
    packed, pivots = arrays.lu(matrix)
    lower, upper = arrays.unpacked(packed)
    assert pivots.shape == (*shape[:-2], min(shape[-2:]))
    np.testing.assert_allclose(arrays.permutation(pivots, shape[-2]) @ lower @ upper, matrix, atol=1e-12)
    assert not lower.size or np.abs(lower).max() <= 1  # the largest entry of a column was divided by


def test_elimination_finds_the_first_zero():
    matrices = np.array([np.eye(3), np.ones((3, 3)), np.zeros((3, 3)), np.diag([1.0, 2.0, 0.0])])
    assert arrays.first_zero_pivot(matrices).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize("upper", [True, False])
def test_substitution_reads_one_side_only(upper):
    full, right = numbers(2, 4, 4) + 4 * np.eye(4), numbers(4, 3)
    side = np.triu(full) if upper else np.tril(full)
    np.testing.assert_allclose(side @ arrays.substituted(full, right, upper), np.broadcast_to(right, (2, 4, 3)))
    one = side - np.einsum("bij,ij->bij", side, np.eye(4)) + np.eye(4)
    np.testing.assert_allclose(
        one @ arrays.substituted(full, right, upper, unitriangular=True),
        np.broadcast_to(right, (2, 4, 3)),
        atol=1e-12,
    )


def test_a_factor_as_far_as_it_goes():
    good = np.array([[4.0, 2.0], [2.0, 5.0]])
    lower, stopped = arrays.cholesky_as_far_as_it_goes(np.array([good, [[4.0, 2.0], [2.0, 1.0]], -good]))
    assert stopped.tolist() == [0, 2, 1]
    np.testing.assert_allclose(lower[0], np.linalg.cholesky(good))
    np.testing.assert_allclose(lower[1], [[2.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_the_exponential_of_a_matrix(torch, scale):
    matrix = numbers(5, 4, 4) * scale
    matrix -= 30 * (scale > 1) * np.eye(4)
    theirs = torch.linalg.matrix_exp(torch.tensor(matrix)).numpy()
    np.testing.assert_allclose(arrays.exponential(matrix), theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_cofactors_of_matrices_of_any_rank(rank):
    matrix = numbers(4, rank) @ numbers(rank, 4)
    minors = np.empty((4, 4))
    for i, j in np.ndindex(4, 4):
        minors[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(matrix, i, 0), j, 1))
    np.testing.assert_allclose(arrays.gradients_of_det(matrix), minors, atol=1e-10)
