"""Histograms are PyTorch's: what is counted where, the edges, the errors, and that no gradient goes through a count."""

from __future__ import annotations

import numpy as np
import pytest
from beside import outcome

import gradviz as gv

GIVEN = """
x = torch.tensor([1.0, 2.0, 1.0, 3.0, -1.0, 5.0]); w = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]); inf, nan = float("inf"), float("nan")
p = x.clone().requires_grad_(); e = torch.tensor([0.0, 1.0, 2.5])
"""

CODES = """
torch.histogram(x, 4)
torch.histogram(x)
torch.histogram(x, bins=4, range=(0.0, 3.0))
torch.histogram(input=x.view(2, 3), bins=4, range=[0, 3])
x.histogram(3, weight=w, density=True)
x.histogram(e, density=True)
torch.histogram(x, e, weight=w.view(2, 3))
torch.histogram(x, torch.tensor([0.0, 1.0, 1.0, 2.0]))
torch.histogram(x, torch.tensor([-inf, 1.0, inf]), density=True)
torch.histogram(x, 3, range=(1.0, 1.0))
torch.histogram(x, 3, range=None)
torch.histogram(torch.zeros(0), 3)
torch.histogram(torch.zeros(0), 3, density=True)
torch.histogram(torch.ones(3), 3)
torch.histogram(torch.tensor(2.0), 2)
torch.histogram(torch.tensor([1.0, nan, 2.0]), e)
torch.histogram(torch.tensor([1.0, nan, 2.0]), 3, range=(0.0, 3.0))
torch.histogram(torch.tensor([1.0, nan]), 3)
torch.histogram(torch.tensor([1.0, inf]), 3)
torch.histogram(x, 3, density=True, weight=w * 0)
torch.histogram(x.double(), 3), type(torch.histogram(x, 3)).__name__
torch.histogram(x, 3, out=(torch.zeros(0), torch.zeros(0)))
torch.histogram(x, True)
torch.histogram(x, 3, out=(torch.zeros(0).double(), torch.zeros(0)))
torch.histogram(x, 3, out=torch.zeros(0))
torch.histogram(x, 0)
torch.histogram(x, -1)
torch.histogram(x, 3, range=(3.0, 1.0))
torch.histogram(x, 3, range=(0.0, inf))
torch.histogram(x, 3, range=(0.0,))
torch.histogram(x, 3, range=(0.0, nan))
torch.histogram(x, 3, range=("a", 5.0))
torch.histogram(x, 3, range=(5.0, "a"))
torch.histogram(x, 3, range=5.0)
torch.histogram(x, e, range=(0.0, 1.0))
torch.histogram(x, [0.0, 1.0])
torch.histogram(x, "a")
torch.histogram(x, 2.5)
torch.histogram(x, 3, weight=3)
torch.histogram(x.int(), 3)
torch.histogram(x.int(), 3, range=(0, 3))
torch.histogram(x.half(), 3)
torch.histogram(x, torch.tensor([0, 1, 2]))
torch.histogram(x, e.double())
torch.histogram(x, e.view(1, 3))
torch.histogram(x, e[:1])
torch.histogram(x, e[:0])
torch.histogram(x, e[0])
torch.histogram(x, 3, weight=w[:2])
torch.histogram(x, 3, weight=w.double())
torch.histogram(p, 3)
torch.histogram(x, e.requires_grad_())
torch.histogram(x, 3, weight=p).bin_edges
torch.histogram(p, 3).hist.sum().backward()
[[type(n).__name__ for n, _ in h.grad_fn.next_functions] for h in torch.histogram(p, 3)], [h.output_nr for h in torch.histogram(p, 3)]
torch.histc(x, 4), torch.histc(x, 2, 0, 3), torch.histc(x, 2, out=torch.zeros(2))
""".strip().splitlines()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.sample(None)
def test_a_histogram_is_pytorchs(torch, code):
    assert outcome(gv, f"{GIVEN}\nr = {code}") == outcome(torch, f"{GIVEN}\nr = {code}")


def test_each_entry_is_counted_where_pytorch_counts_it(torch):
    """Entries that lie on edges, and where a division rounds to one side or the other."""
    draw = np.random.default_rng(0)
    for _ in range(300):
        kind = draw.choice([np.float32, np.float64])
        x, weight = (draw.integers(-5, 6, 20) / draw.choice([1, 3, 10])).astype(kind), draw.random(20).astype(kind)
        bins, (low, high) = int(draw.integers(1, 12)), sorted(map(float, draw.choice(x, 2)))
        for answer in (
            lambda t, x=x, bins=bins: t.histogram(t.tensor(x), bins),
            lambda t, x=x, bins=bins, low=low, high=high: [t.histc(t.tensor(x), bins, low, high)],
            lambda t, x=x, bins=bins, low=low, high=high, weight=weight: t.histogram(
                t.tensor(x), bins, range=(low, high), weight=t.tensor(weight)
            ),
        ):
            for ours, theirs in zip(answer(gv), answer(torch), strict=True):
                np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5 if kind is np.float32 else 1e-12)
