"""Taking entries out, putting them in, and taking tensors apart: the same lines of code run in PyTorch and here."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_shapes import assert_same, failure

import gradviz as gv

LINES = """
A[0]
A[-1]
A[0, 1]
A[1:]
A[1:, 1:]
A[:, 1]
A[..., 1]
A[...]
A[:]
A[:, :]
A[()]
A[None]
A[None, 0]
A[0, None]
A[:, None]
A[::2]
A[1:1]
A[5:, 2:-1]
A[I]
A[:, I]
A[I, I]
A[0, I]
A[I, 1:]
A[1:, I]
A[I.tolist(), 0]
A[i2]
A[I[:, None], I]
A[m]
A[m,]
A[m.any(1)]
A[:, m.any(0)]
A[m.any(1), 1]
A[torch.tensor(1)]
A[:, torch.tensor(1)]
A[torch.tensor(True)]
A[True]
A[False]
A[True, False]
A[[0, 1]]
A[[]]
A[[True, False, True]]
A[np.array([0, -1])]
A[np.int64(1)]
A[np.array([True, False, True])]
A[range(2)]
A[[[0, 1], [1, 0]]]
A[[0, slice(None)]]
A[torch.tensor([1, 0], dtype=torch.int32)]
A[torch.tensor([1, 0, 1], dtype=torch.uint8)]
A[slice(torch.tensor(1), torch.tensor(2))]
T3[:, 0, I]
T3[0, :, I]
T3[..., None, 0]
T3[I[:1], :, I[1:]]
T3[torch.tensor(0), :, I]
T3[:, m]
T3[0, m]
T3[m[:2, :3], 0]
T3[m[:2, :3], torch.tensor(1)]
T3[I[:1], None, I]
T3[..., I, None, :]
T4[:, I[:1], 1:, I]
s[None]
s[...]
s[()]
s[True]
n[1, 2], n[I], n[n > 3]
torch.select(A, 0, 1)
A.select(-1, -2)
torch.select_copy(A, 0, 1)
torch.select_scatter(A, x, 0, -1)
torch.slice_copy(A, 1, 1, 4, 2)
torch.slice_scatter(A, B[:1], 0, 1, 2)
torch.slice_scatter(A, B[:, :2], 1, 0, None, 2)
torch.narrow(A, 1, 1, 2)
A.narrow(0, torch.tensor(-2), 1)
torch.narrow_copy(A, 1, 1, 2)
torch.index_select(A, 0, I)
A.index_select(1, torch.tensor(1))
torch.index_select(s, 0, torch.tensor([0]))
torch.index_add(A, 0, I, B[:2])
torch.index_add(A, 1, torch.tensor([1, 1]), B[:, :2], alpha=2)
torch.index_add(s, 0, torch.tensor(0), y[0])
torch.index_copy(A, 0, I, B[:2])
torch.index_fill(A, 0, I, 1.5)
torch.index_fill(A, 1, torch.tensor([-1, 0]), 2.5)
torch.index_fill(A, 1, torch.tensor([3, 3, 0]), s)
torch.index_put(A, (I,), B[:2])
torch.index_put(A, (I, I), s)
torch.index_put(A, (m,), s)
torch.index_put(A, [torch.tensor([0, 0])], B[:2], accumulate=True)
torch.index_put(A, (I, torch.tensor([1, 1])), y[:1], True)
torch.index_reduce(A, 0, torch.tensor([2, 2]), B[:2], "prod")
torch.index_reduce(A, 1, torch.tensor([2, 2, 0, 1]), B, "mean", include_self=False)
torch.index_reduce(A, 1, torch.tensor([2, 2, 0, 1]), B, "amax")
torch.gather(A, 0, i2)
A.gather(1, i2[:1])
torch.gather(s, 0, torch.tensor([0, 0]))
torch.gather(x, 0, torch.tensor(2))
torch.gather(A, 1, torch.zeros(0, dtype=torch.int64))
torch.scatter(A, 0, i2, B[1:, 2:])
torch.scatter(A, 1, i2, 1.5)
torch.scatter(A, 1, i2[:1], value=2.0)
torch.scatter(A.detach(), 0, i2, B.detach(), reduce="add")
torch.scatter(A.detach(), 0, i2, 3.0, reduce="multiply")
torch.scatter_add(A, 0, i2[:, :1].expand(2, 4), B[:2])
torch.scatter_reduce(A, 0, i2, B[:2, :2], "sum")
torch.scatter_reduce(A, 1, torch.tensor([[0, 0, 1, 1]] * 3), B, "mean")
torch.scatter_reduce(A, 1, torch.tensor([[0, 0, 1, 1]] * 3), B, "prod")
torch.scatter_reduce(A, 1, torch.tensor([[0, 0, 1, 1]] * 3), B, "amax", include_self=False)
torch.scatter_reduce(A, 1, torch.tensor([[0, 0, 1, 1]] * 3), B, "amin")
torch.scatter_reduce(n, 1, torch.tensor([[0, 0, 1, 1]] * 3), n, "mean")
torch.scatter_reduce(n, 1, torch.tensor([[0, 0, 1, 1]] * 3), n, "amax", include_self=False)
torch.take(A, i2)
torch.take(A.T, torch.tensor([-1, 5, 5]))
torch.take_along_dim(A, i2)
torch.take_along_dim(A, torch.tensor([[0], [-1], [2]]), 1)
torch.take_along_dim(x[None], i2[:, :1], 1)
A.put(i2, B[:2, :2])
A.put(torch.tensor([1, 1]), y[:2], accumulate=True)
torch.masked_select(A, m)
torch.masked_select(x, m)
torch.masked_fill(A, m, 1.5)
torch.masked_fill(x, m, s)
torch.masked_fill(n, m, 1.9)
torch.masked_scatter(A, m, B)
torch.masked_scatter(x, m, B)
torch.fill(A, 2.0)
torch.fill(A, s)
torch.split(A, 2)
torch.split(A, 3, 1)
torch.split(A, [1, 0, 2])
A.split((1, 3), dim=-1)
torch.split_with_sizes(x, [1, 3])
torch.split_copy(x, 3)
torch.split_with_sizes_copy(x, [1, 3])
torch.unsafe_split(x, 3)
torch.unsafe_split_with_sizes(x, [1, 3])
torch.unsafe_chunk(x, 3)
torch.chunk(x, 3)
torch.chunk(E, 3)
E.split(2), E.split(0)
torch.tensor_split(x, 3)
torch.tensor_split(A, (1, 3), 1)
torch.tensor_split(x, (3, 1, 9, -1))
torch.tensor_split(x, torch.tensor([1, 3]))
torch.tensor_split(x, torch.tensor(2))
torch.hsplit(A, 2)
torch.hsplit(x, [1, 3])
torch.vsplit(A, 3)
torch.dsplit(T3, 2)
A.unbind()
A.unbind(1)
x.unbind()
E.unbind(), x[:1].unbind()
torch.unbind_copy(A, 1)
list(A)
torch.msort(A)
A.sort(0, descending=True)
torch.topk(A, 2, 1)
torch.nonzero(m), [x.clone() for x in torch.nonzero(m, as_tuple=True)], torch.argwhere(n - 3), torch.nonzero(s.detach())
[x.clone() for x in torch.unravel_index(torch.tensor([5, 0]), (2, 3))]
torch.unique(torch.tensor([3, 1, 3]))
torch.unique(torch.tensor([[3, 1], [1, 9]]), return_inverse=True, return_counts=True)
torch.unique(torch.tensor([[3, 1], [3, 1], [0, 7]]), return_inverse=True, dim=0)
torch.unique(torch.tensor([float("nan"), 1.0, float("nan")]))
torch.unique_consecutive(torch.tensor([3, 3, 1, 3]), True, True)
torch.unique_consecutive(torch.tensor([[3, 3, 1], [0, 0, 1]]), True, True, dim=1)
torch.unique_consecutive(torch.tensor([]))
torch.searchsorted(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([[2.0, 3.0], [9.0, 0.0]]))
torch.searchsorted(torch.tensor([1, 3, 5]), 3, right=True)
torch.searchsorted(torch.tensor([[1, 3, 5], [2, 4, 6]]), torch.tensor([[3, 4], [3, 4]]), side="right", out_int32=True)
torch.searchsorted(torch.tensor([5, 1, 3]), torch.tensor([4]), sorter=torch.tensor([1, 2, 0]))
torch.bucketize(torch.tensor([[0.0, 3.0]]), torch.tensor([1.0, 3.0, 5.0]))
torch.bucketize(3, torch.tensor([1, 3, 5]), right=True)
""".strip().splitlines()


@pytest.mark.parametrize("code", LINES)
def test_a_line_does_what_it_does_in_pytorch(torch, code):
    """The same numbers, the same graph, the same derivatives, and a view where PyTorch returns one."""
    assert_same(torch, code)


ERRORS = """
x[5]
x[-5]
A[0, 7]
A[0, 0, 0]
s[0]
s[0, 0]
s[1:]
s[torch.tensor([0])]
x[1.5]
x[torch.tensor([0.5])]
x[torch.tensor([7])]
A[:, torch.tensor([7])]
A[I, torch.tensor([7])]
x[torch.tensor([-5])]
x[::-1]
x[::0]
A[torch.tensor([True, False])]
A[torch.tensor([[True, False]])]
A[:, torch.tensor([True, False])]
A[torch.tensor([0, 1]), torch.tensor([0, 1, 2])]
A[slice(1.5, 2)]
torch.select(A, 0, 5)
torch.select(s, 0, 0)
torch.select_scatter(A, x[:2], 0, 0)
torch.slice_scatter(A, x)
torch.narrow(A, 0, 2, 5)
torch.narrow(A, 0, 7, 1)
torch.narrow(A, 0, 0, -1)
torch.narrow(s, 0, 0, 1)
torch.index_select(A, 0, i2)
torch.index_select(A, 0, torch.tensor([5]))
torch.index_select(A, 0, torch.tensor([0.5]))
torch.index_select(A, 3, I)
torch.index_add(A, 0, I, A)
torch.index_add(A, 0, I, A[:2].float())
torch.index_add(A, 0, torch.tensor([0, 7]), A[:2])
torch.index_copy(A, 0, I, A)
torch.index_copy(A, 0, I, A[:2, :2])
torch.index_copy(A, 0, torch.tensor([0, 7]), A[:2])
torch.index_fill(A, 0, I, x)
torch.index_fill(A, 0, torch.tensor([7]), 0.0)
torch.index_put(A, (I,), x[:3])
torch.index_put(A, (I, I, I), x[:2])
torch.index_put(A, (I,), x.float())
torch.gather(A, 0, x)
torch.gather(A, 0, I)
torch.gather(A, 0, torch.tensor([[7]]))
torch.gather(A, 0, torch.tensor([[-1]]))
torch.gather(A, 1, torch.tensor([[0]] * 5))
torch.scatter(A, 0, I, 1.0)
torch.scatter(A, 0, torch.tensor([[7]]), 1.0)
torch.scatter(A, 0, i2, A.float())
torch.scatter_add(A, 0, i2, A.float())
torch.scatter_reduce(A, 0, i2, A, "median")
torch.take(A, torch.tensor([20]))
torch.take(A, x.float())
torch.take_along_dim(A, I, 0)
torch.masked_select(A, x)
torch.masked_select(A, torch.tensor([True, False]))
torch.masked_fill(A, x.float(), 0.0)
torch.masked_fill(A, m, x)
torch.masked_scatter(A, m, x[:1])
torch.masked_scatter(A, n.float(), x)
torch.masked_scatter(A, m, A.float())
A.put(torch.tensor([20]), x[:1])
A.put(I, x)
A.put(I, x[:2].float())
torch.split(A, 0)
torch.split(A, -1)
torch.split(A, [1, 1])
torch.split(s, 1)
torch.chunk(A, 0)
torch.chunk(s, 1)
torch.tensor_split(A, 0)
torch.tensor_split(s, 1)
torch.tensor_split(A, torch.tensor([[1]]))
torch.hsplit(A, 3)
torch.hsplit(s, 3)
torch.vsplit(x, 2)
torch.vsplit(A, 2)
torch.dsplit(A, 2)
torch.dsplit(T3, 3)
torch.unbind(s)
torch.searchsorted(torch.tensor([[1.0, 2.0]]), torch.tensor([2.0, 5.0]))
torch.searchsorted(torch.tensor([1.0, 2.0]), torch.tensor([2.0]), right=True, side="left")
torch.topk(x, 9)
""".strip().splitlines()


@pytest.mark.parametrize("code", ERRORS)
def test_what_does_not_work_says_so_in_pytorchs_words(torch, code):
    assert failure(gv, code) == failure(torch, code)


# --- any index at all ----------------------------------------------------------------------------------------------------

SHAPE = (3, 4, 2)
ends = st.one_of(st.none(), st.integers(-5, 5))
numbers = st.integers(-4, 4)
parts = st.one_of(
    numbers.map(str),
    st.builds(lambda a, b, c: f"slice({a}, {b}, {c})", ends, ends, st.sampled_from([None, 1, 2, 3])),
    st.sampled_from(["None", "...", ":", "True", "False", "torch.tensor(1)", "torch.tensor(True)"]).map(
        lambda part: "slice(None)" if part == ":" else part
    ),
    st.lists(st.integers(-2, 1), min_size=1, max_size=3).map(lambda places: f"torch.tensor({places})"),
    st.integers(-2, 1).map(lambda place: f"torch.tensor([[{place}], [0]])"),
    st.lists(st.booleans(), min_size=2, max_size=4).map(lambda mask: f"torch.tensor({mask})"),
    st.just("mask34"),
    st.just("mask42"),
)


@given(st.lists(parts, min_size=1, max_size=4).filter(lambda index: index.count("...") < 2))
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_index_takes_what_it_takes_in_pytorch(torch, index):
    """Numbers, slices, masks and lists in any combination: the same entries, gradient, graph; or the same error."""
    code = f"x[{', '.join(index)},]"
    found = []
    for library in (torch, gv):
        x = library.arange(24.0, dtype=library.float64).reshape(SHAPE).requires_grad_()
        space = {
            "torch": library,
            "x": x,
            "mask34": library.arange(12).reshape(3, 4) % 3 == 0,
            "mask42": library.arange(8).reshape(4, 2) % 3 != 0,
        }
        try:
            out = eval(code, space)
        except IndexError as error:
            found.append(re.sub(r"for dimension \d ", "", str(error)))  # behind a mask, PyTorch counts another way
            continue
        (out**2).sum().backward()
        names, node = [], out.grad_fn
        while node is not None and type(node).__name__ != "AccumulateGrad":
            names.append(type(node).__name__)
            node = node.next_functions[0][0]
        found.append((tuple(out.shape), out.tolist(), x.grad.tolist(), names, out._is_view()))
    assert found[0] == found[1], code


def test_an_index_is_saved_and_changing_it_is_noticed(torch):
    for take in (
        lambda x, i: x[i],
        lambda x, i: x.index_select(0, i),
        lambda x, i: x.gather(0, i),
        lambda x, i: x.take(i),
    ):
        for library in (torch, gv):
            x, index = library.arange(4.0, requires_grad=True), library.tensor([0, 1])
            out = take(x, index)
            index.fill_(3)
            with pytest.raises(RuntimeError, match=r"LongTensor \[2\]\] is at version 1; expected version 0"):
                out.sum().backward()


def test_a_source_larger_than_the_index_has_a_gradient_too():
    """In PyTorch the backward pass fails there."""
    x, src = gv.zeros(3, 4, requires_grad=True), gv.ones(3, 4, requires_grad=True)
    x.scatter(0, gv.tensor([[2, 1]]), src).sum().backward()
    assert src.grad.tolist() == [[1, 1, 0, 0], [0] * 4, [0] * 4]
    assert x.grad.sum() == 10


def test_what_is_saved_is_named_as_in_pytorch(torch):
    for library in (torch, gv):
        x = library.arange(12.0).reshape(3, 4).requires_grad_()
        chosen = x[1]
        assert (chosen.grad_fn._saved_dim, chosen.grad_fn._saved_index) == (0, 1)
        assert tuple(chosen.grad_fn._saved_self_sym_sizes) == (3, 4)
        cut = x[:, 1:3].grad_fn
        assert (cut._saved_dim, cut._saved_start, cut._saved_end, cut._saved_step) == (1, 1, 3, 1)


@pytest.mark.filterwarnings("ignore:index_reduce:UserWarning")  # PyTorch says it once in a process
def test_in_place_twins(torch):
    """Each function that puts entries has a twin with an underscore that changes the tensor itself."""
    lines = [
        "x.index_add_(0, i, v)", "x.index_copy_(0, i, v)", "x.index_fill_(0, i, 7.0)", "x.index_put_((i,), v)",
        "x.masked_fill_(x > 2, 0.0)", "x.masked_scatter_(x > 1, v)", "x.put_(i, v)", "x.scatter_(0, i, v)",
        "x.scatter_add_(0, i, v)", "x.scatter_reduce_(0, i, v, 'amax')", "x.index_reduce_(0, i, v, 'prod')",
        "x.scatter_(0, i, 3.0)",
    ]  # fmt: skip
    for line in lines:
        left = []
        for library in (torch, gv):
            start = library.arange(4.0, requires_grad=True)
            x, i, v = start * 1, library.tensor([3, 0]), library.tensor([5.0, 6.0], requires_grad=True)
            assert eval(line, {"x": x, "i": i, "v": v}) is x
            (x * library.arange(1.0, 5.0)).sum().backward()
            left.append(
                (x.tolist(), start.grad.tolist(), None if v.grad is None else v.grad.tolist(), x.grad_fn.name())
            )
        assert left[0] == left[1], line


def test_advice_where_pytorch_will_change_its_mind():
    with pytest.warns(UserWarning, match="non-tuple sequence for multidimensional indexing is deprecated"):
        gv.zeros(2, 2)[[[0, 1], [1, 0]]]
    with pytest.warns(UserWarning, match=r"use a dtype torch\.bool instead"):
        gv.zeros(2)[gv.tensor([1, 0], dtype=gv.uint8)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gv.zeros(2, 2)[[0, 1]]


def test_what_is_not_supported_says_so_by_name():
    x = gv.zeros(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match="gradviz has no sparse gradients"):
        x.gather(0, gv.tensor([0]), sparse_grad=True)
    with pytest.raises(NotImplementedError, match=r"'scatter' with reduce= is not implemented; use scatter_reduce"):
        x.scatter(0, gv.tensor([0]), 1.0, reduce="add")


def test_taking_from_a_large_tensor_is_not_done_entry_by_entry():
    """Gradients of many entries that were taken many times add up, in one go."""
    x = gv.zeros(1000, requires_grad=True)
    places = gv.tensor(np.arange(200_000) % 1000)
    x[places].sum().backward()
    assert (x.grad.numpy() == 200).all()
