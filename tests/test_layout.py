"""How entries lie in memory: the strides of results, and random numbers that fill memory in its own order, are PyTorch's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from op_db import PASSING, entries, flat, resolve, to_gradviz

import gradviz as gv

LAYOUTS = {
    "in rows": lambda torch: torch.ones(5, 6),
    "transposed": lambda torch: torch.ones(6, 5).t(),
    "transposed, few": lambda torch: torch.ones(3, 4).t(),
    "permuted": lambda torch: torch.ones(2, 3, 4).permute(2, 0, 1),
    "two axes swapped": lambda torch: torch.ones(2, 3, 4).transpose(0, 1),
    "expanded": lambda torch: torch.ones(3, 1).expand(3, 7),
    "rows expanded": lambda torch: torch.ones(5).expand(4, 5),
    "expanded, permuted": lambda torch: torch.ones(1, 4, 1).expand(5, 4, 3).permute(1, 2, 0),
    "expanded, swapped": lambda torch: torch.ones(3, 1, 2).expand(3, 4, 2).transpose(0, 1),
    "sliced": lambda torch: torch.ones(6, 18)[:, ::2],
    "sliced, few": lambda torch: torch.ones(6, 8)[::2, 1::3],
    "sliced, transposed": lambda torch: torch.ones(6, 8)[::2, 1::2].t(),
    "transposed, sliced": lambda torch: torch.ones(3, 3).t()[1:],
    "channels last": lambda torch: torch.ones(2, 4, 5, 3).permute(0, 3, 1, 2),
    "an axis of one": lambda torch: torch.ones(4, 1, 3).permute(2, 1, 0),
    "patches": lambda torch: torch.ones(2, 3, 2, 2).flatten(2).transpose(1, 2),
    "a diagonal": lambda torch: torch.ones(5, 5).diagonal().expand(2, 5).t(),
    "nothing": lambda torch: torch.ones(0, 3).t(),
}

DRAWS = {
    "dropout": lambda torch, x: torch.nn.functional.dropout(x, 0.5),
    "dropout in place": lambda torch, x: torch.nn.functional.dropout(x.clone(), 0.5, inplace=True),
    "dropout1d": lambda torch, x: torch.nn.functional.dropout1d(x, 0.5),
    "dropout2d": lambda torch, x: torch.nn.functional.dropout2d(x, 0.5),
    "alpha_dropout": lambda torch, x: torch.nn.functional.alpha_dropout(x, 0.5, True),
    "feature_alpha_dropout": lambda torch, x: torch.nn.functional.feature_alpha_dropout(x, 0.5, True),
    "gumbel_softmax": lambda torch, x: torch.nn.functional.gumbel_softmax(x),
    "rand_like": lambda torch, x: torch.rand_like(x),
    "rand_like, in rows": lambda torch, x: torch.rand_like(x, memory_format=torch.contiguous_format),
    "randn_like": lambda torch, x: torch.randn_like(x),
    "randn_like, float64": lambda torch, x: torch.randn_like(x, dtype=torch.float64),
    "randint_like": lambda torch, x: torch.randint_like(x, 2, 9),
    "bernoulli": lambda torch, x: torch.bernoulli(x * 0.5),
    "multinomial": lambda torch, x: torch.multinomial(x, 2),
    "normal": lambda torch, x: torch.normal(x, 1.0),
    "uniform_": lambda torch, x: x.uniform_(1, 3),
    "normal_": lambda torch, x: x.normal_(1, 3),
    "normal_ of a clone": lambda torch, x: x.clone().normal_(),
    "exponential_": lambda torch, x: x.exponential_(),
    "cauchy_": lambda torch, x: x.cauchy_(),
    "log_normal_": lambda torch, x: x.log_normal_(),
    "geometric_": lambda torch, x: x.geometric_(0.3),
    "bernoulli_": lambda torch, x: x.bernoulli_(torch.full(tuple(x.shape), 0.4)),
    "bernoulli_ of each row": lambda torch, x: x.bernoulli_(torch.full((*x.shape[:-1], 1), 0.4)),
    "random_": lambda torch, x: x.random_(),
    "random_ below": lambda torch, x: x.random_(9),
    "init.uniform_": lambda torch, x: torch.nn.init.uniform_(x),
    "init.normal_": lambda torch, x: torch.nn.init.normal_(x, 2, 3),
    "init.trunc_normal_": lambda torch, x: torch.nn.init.trunc_normal_(x),
    "init.trunc_normal_, far out": lambda torch, x: torch.nn.init.trunc_normal_(x, 3.9, 1.0, -2, 2),
    "init.xavier_normal_": lambda torch, x: torch.nn.init.xavier_normal_(x),
    "init.kaiming_uniform_": lambda torch, x: torch.nn.init.kaiming_uniform_(x),
    "init.orthogonal_": lambda torch, x: torch.nn.init.orthogonal_(x),
    "init.sparse_": lambda torch, x: torch.nn.init.sparse_(x, 0.3),
}

MADE = {
    "empty_like": lambda torch, x: torch.empty_like(x).zero_(),
    "zeros_like": lambda torch, x: torch.zeros_like(x),
    "ones_like": lambda torch, x: torch.ones_like(x, dtype=torch.int64),
    "full_like": lambda torch, x: torch.full_like(x, 3),
    "full_like, in rows": lambda torch, x: torch.full_like(x, 3, memory_format=torch.contiguous_format),
}


def strides(tensor):
    """Return the steps in memory along the axes that have steps: those of two or more, where there are entries at all."""
    return [step for step, length in zip(tensor.stride(), tensor.shape, strict=True) if length > 1 and tensor.numel()]


def drawn(library, draw, layout):
    """Return what was drawn, how it lies, and the next number; or that it was refused."""
    tensor = LAYOUTS[layout](library)
    library.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = draw(library, tensor)
        except (RuntimeError, ValueError, IndexError, ZeroDivisionError) as error:
            return type(error).__name__
    return np.asarray(result.numpy()), strides(result), float(library.rand(1))


@pytest.mark.parametrize("name", [*DRAWS, *MADE])
def test_memory_is_filled_in_its_order(torch, name):
    draw = {**DRAWS, **MADE}[name]
    for layout in LAYOUTS:
        theirs, ours = drawn(torch, draw, layout), drawn(gv, draw, layout)
        if isinstance(theirs, str) or isinstance(ours, str):
            assert ours == theirs, layout
            continue
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5, err_msg=layout)
        assert ours[1:] == theirs[1:], layout


def test_bernoulli_with_one_probability_fills_memory_in_its_order():
    """(PyTorch draws these differently on processors by Intel.)"""
    gv.manual_seed(0)
    columns = gv.empty(6, 5).t().bernoulli_(0.3)
    gv.manual_seed(0)
    assert (columns.t() == gv.empty(6, 5).bernoulli_(0.3)).all()


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_transformer_in_training_drops_what_pytorchs_drops(torch, norm_first):
    def run(library):
        library.manual_seed(3)
        layer = library.nn.TransformerEncoderLayer(8, 2, 16, 0.4, batch_first=True, norm_first=norm_first)
        x = library.randn(2, 5, 8, requires_grad=True)
        out = layer(x)
        out.pow(2).sum().backward()
        return out.detach().numpy(), x.grad.numpy(), layer.linear1.weight.grad.numpy()

    for theirs, ours in zip(run(torch), run(gv), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-5)


# --- how results lie: PyTorch's operator database on transposed tensors -----------------------------------------------

DIFFERENT = {
    "cholesky_inverse": "of several results LAPACK's and NumPy's steps leave some transposed",
    "linalg.lstsq": "of several results LAPACK's and NumPy's steps leave some transposed",
    "linalg.lstsq.grad_oriented": "of several results LAPACK's and NumPy's steps leave some transposed",
    "linalg.matrix_power": "a power of 0 fills a copy of the matrix",
    "linalg.solve": "a batch of vectors lies column by column there",
    "linalg.solve_ex": "a batch of vectors lies column by column there",
    "linalg.svd": "of several results LAPACK's and NumPy's steps leave some transposed",
    "svd": "of several results LAPACK's and NumPy's steps leave some transposed",
    "triangular_solve": "of several results LAPACK's and NumPy's steps leave some transposed",
    "__rsub__": "where operands disagree, the first of them decides here, the second there",
    "rsub": "where operands disagree, the first of them decides here, the second there",
    "__rmod__": "where a broadcast operand in rows stands beside another that is not",
    "__rpow__": "where a broadcast operand in rows stands beside another that is not",
    "nn.functional.rms_norm": "one step there, several here",
    "nn.functional.scaled_dot_product_attention": "one step there, several here",
    "unsafe_chunk": "views there, copies here",
    "unsafe_split": "views there, copies here",
    "cat": "no channels_last",
    "nn.functional.interpolate.nearest": "no channels_last",
    "nn.functional.interpolate.nearest-exact": "no channels_last",
    "nn.functional.max_unpool2d": "no channels_last",
    "nn.functional.max_unpool2d.grad": "no channels_last",
    "to": "no channels_last",
}
"""Where results may lie otherwise than in PyTorch, and why."""

ORDERS = {
    "rows": lambda axes: axes,
    "reversed": lambda axes: axes[::-1],
    "swapped": lambda axes: [axes[1], axes[0], *axes[2:]],
}


def relaid(torch, value, order):
    """Return a sample's argument with its tensors of two or more axes laid out in memory in another order of their axes."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        if value.ndim < 2:
            return value
        axes = ORDERS[order](list(range(value.ndim)))
        return value.permute(axes).contiguous().permute(np.argsort(axes).tolist())
    if type(value) in (list, tuple):
        return type(value)(relaid(torch, item, order) for item in value)
    if isinstance(value, dict):
        return {key: relaid(torch, item, order) for key, item in value.items()}
    return value


@pytest.fixture(scope="module")
def database(torch):
    try:
        return dict(entries())
    except ImportError as error:
        from conftest import missing

        missing(f"PyTorch's operator database needs {error.name}: pip install {error.name}")


def different_layouts(torch, name, entry):
    """Tell which results of an entry's samples, on tensors that lie in several ways, lie otherwise than PyTorch's."""
    function = resolve(entry.name, name)
    for place, sample in enumerate(entry.sample_inputs("cpu", torch.float64, requires_grad=False)):
        if place == 20:
            return
        parts = (sample.input, sample.args, sample.kwargs)
        for first, others in [("rows", "rows"), ("reversed", "reversed"), ("reversed", "rows"), ("swapped", "swapped")]:
            input, args, kwargs = (
                relaid(torch, part, order) for part, order in zip(parts, (first, others, others), strict=True)
            )
            try:
                theirs = flat(entry(input, *args, **kwargs), torch.Tensor)
            except RuntimeError:  # a view that there is not in this layout, say
                continue
            mine, more, named = (to_gradviz(part, []) for part in (input, args, kwargs))
            try:
                found = flat(function(mine, *more, **named), gv.Tensor)
            except NotImplementedError:  # it is said, in other tests, what there is not
                continue
            for result, expected in zip(found, theirs, strict=False):
                if strides(result) != strides(expected):
                    yield f"sample {place}, {first} and {others}: {result.stride()} in place of {expected.stride()}"


@pytest.mark.sample(40)
@pytest.mark.parametrize("name", sorted(set(PASSING.read_text().split()) - set(DIFFERENT)))
def test_results_lie_as_pytorchs(torch, database, name):
    with warnings.catch_warnings(), torch.no_grad(), gv.no_grad():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        assert not list(different_layouts(torch, name, database[name]))


@pytest.mark.parametrize("name", ["to", "rsub", "linalg.svd"])
def test_a_result_that_lies_otherwise_is_found(torch, database, name):
    with torch.no_grad(), gv.no_grad():
        assert list(different_layouts(torch, name, database[name]))


VIEWED = {
    "cat": lambda torch, x: torch.cat([x, x]),
    "layer_norm": lambda torch, x: torch.nn.functional.layer_norm(x, x.shape[-1:]),
    "sum": lambda torch, x: x.sum(1),
    "cumsum": lambda torch, x: x.cumsum(0),
    "masked_fill": lambda torch, x: x.masked_fill(x > 0, 2.0),
    "roll": lambda torch, x: x.roll(1, 0),
    "stack": lambda torch, x: torch.stack([x, x]),
    "softmax": lambda torch, x: x.softmax(1),
    "zeros_like": lambda torch, x: torch.zeros_like(x),
    "flip": lambda torch, x: x.flip(0),
    "sort": lambda torch, x: x.sort(1)[0],
    "gelu": lambda torch, x: torch.nn.functional.gelu(x),
    "dropout": lambda torch, x: torch.nn.functional.dropout(x),
    "a sum with a row": lambda torch, x: x + torch.ones(tuple(x.shape)),
    "inv": lambda torch, x: torch.linalg.inv(torch.eye(3)),
}


@pytest.mark.parametrize("name", VIEWED)
@pytest.mark.parametrize("layout", ["transposed", "permuted", "rows expanded", "patches"])
def test_view_takes_what_pytorchs_takes(torch, name, layout):
    def viewed(library):
        try:
            return list(VIEWED[name](library, LAYOUTS[layout](library)).view(-1).shape)
        except RuntimeError as error:
            return str(error).partition("\n\n")[0]

    assert viewed(gv) == viewed(torch)
