"""How entries lie in memory: the strides of results, and random numbers that fill memory in its own order, are PyTorch's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

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
