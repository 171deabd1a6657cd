"""Weights that are computed: weight norm, spectral norm, orthogonal weights, and parametrizations of one's own."""

from __future__ import annotations

import copy
import pickle
import textwrap
import warnings

import pytest
from beside import in_pytorchs_words, outcome

import gradviz as gv

SYMMETRIC = """
P = nn.utils.parametrize
class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)
class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x
    def right_inverse(self, x):
        return x / 2
class Sum(nn.Module):
    def forward(self, x, y):
        return x + y
    def right_inverse(self, z):
        return z / 4, z * 3 / 4
"""

TRAINED = """
x = torch.rand(4, 3)
optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    m(x).pow(2).mean().backward()
    optimizer.step()
log += [m, m.weight, list(m.named_parameters()), list(m.state_dict().items()), m.eval()(x), m.weight]
"""

SNIPPETS = {
    "weight_norm": "m = nn.utils.weight_norm(nn.Linear(3, 2))" + TRAINED,
    "weight_norm of a whole": "m = nn.utils.weight_norm(nn.Linear(3, 2), dim=None)" + TRAINED,
    "weight_norm along columns": "m = nn.utils.weight_norm(nn.Linear(3, 2), dim=1)" + TRAINED,
    "weight_norm of a convolution": "m = nn.utils.weight_norm(nn.Conv1d(2, 3, 2)); r = log + [m(torch.ones(1, 2, 4)), m.weight_g, m.weight_v.shape]",
    "weight_norm of a name": "m = nn.utils.weight_norm(nn.LSTM(2, 3), 'weight_hh_l0'); r = m(torch.ones(1, 1, 2))[0], list(m.state_dict())",
    "weight_norm removed": """
        m = nn.utils.weight_norm(nn.Linear(3, 2))
        m(torch.ones(1, 3))
        r = nn.utils.remove_weight_norm(m), list(m.named_parameters()), m(torch.ones(1, 3))""",
    "weight_norm twice": "m = nn.utils.weight_norm(nn.Linear(3, 2)); nn.utils.weight_norm(m)",
    "weight_norm of a lazy layer": "nn.utils.weight_norm(nn.LazyLinear(2))",
    "nothing to remove": "nn.utils.remove_weight_norm(nn.Linear(3, 2))",
    "spectral_norm": "m = nn.utils.spectral_norm(nn.Linear(3, 2))" + TRAINED,
    "spectral_norm, many steps": "m = nn.utils.spectral_norm(nn.Linear(3, 2), n_power_iterations=5, eps=1e-6)" + TRAINED,
    "spectral_norm of a convolution": "m = nn.utils.spectral_norm(nn.Conv2d(2, 3, 2)); r = m(torch.ones(1, 2, 4, 4)), m.weight_u, m.weight_v",
    "spectral_norm of a transposed convolution": "m = nn.utils.spectral_norm(nn.ConvTranspose2d(2, 3, 2)); r = m(torch.ones(1, 2, 4, 4)), m.weight_u",
    "spectral_norm removed": """
        m = nn.utils.spectral_norm(nn.Linear(3, 2))
        m(torch.ones(1, 3))
        r = nn.utils.remove_spectral_norm(m), list(m.named_parameters()), list(m.buffers()), m(torch.ones(1, 3))""",
    "spectral_norm twice": "m = nn.utils.spectral_norm(nn.Linear(3, 2)); nn.utils.spectral_norm(m)",
    "spectral_norm, no steps": "nn.utils.spectral_norm(nn.Linear(3, 2), n_power_iterations=0)",
    "spectral_norm of nothing": "nn.utils.spectral_norm(nn.Linear(3, 2, bias=False), 'bias')",
    "spectral_norm of a lazy layer": "nn.utils.spectral_norm(nn.LazyLinear(2))",
    "no spectral norm to remove": "nn.utils.remove_spectral_norm(nn.Linear(3, 2))",
    "parametrized weight_norm": "m = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))" + TRAINED,
    "parametrized weight_norm, whole": "m = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2), dim=None)" + TRAINED,
    "parametrized spectral_norm": "m = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4))" + TRAINED,
    "parametrized spectral_norm of a bias": "m = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2), 'bias')" + TRAINED,
    "parametrized spectral_norm, transposed": "m = nn.utils.parametrizations.spectral_norm(nn.ConvTranspose1d(2, 3, 2)); r = m(torch.ones(1, 2, 3)), m",
    "parametrized spectral_norm, no name": "nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2), 'other')",
    "parametrized spectral_norm, no steps": "nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2), n_power_iterations=0)",
    "parametrized spectral_norm, no axis": "nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2), dim=3)",
    "orthogonal": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))" + TRAINED,
    "orthogonal rows": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 2))" + TRAINED,
    "orthogonal columns": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 5))" + TRAINED,
    "orthogonal, cayley": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 2), orthogonal_map='cayley')" + TRAINED,
    "orthogonal, matrix_exp": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 4), orthogonal_map='matrix_exp')" + TRAINED,
    "orthogonal from anything": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3), use_trivialization=False)" + TRAINED,
    "orthogonal from anything, rows": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 2), use_trivialization=False)" + TRAINED,
    "orthogonal from anything, columns": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 5), use_trivialization=False)" + TRAINED,
    "orthogonal from anything, reflections": "m = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3), orthogonal_map='householder', use_trivialization=False)" + TRAINED,
    "orthogonal, assigned": """
        m = nn.utils.parametrizations.orthogonal(nn.Linear(2, 2))
        m.weight = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        r = m.weight, list(m.state_dict())""",
    "orthogonal, assigned another shape": "m = nn.utils.parametrizations.orthogonal(nn.Linear(2, 2)); m.weight = torch.ones(3, 3)",
    "orthogonal bias": "nn.utils.parametrizations.orthogonal(nn.Linear(2, 2), 'bias')",
    "orthogonal, no name": "nn.utils.parametrizations.orthogonal(nn.Linear(2, 2), 'other')",
    "orthogonal, no map": "nn.utils.parametrizations.orthogonal(nn.Linear(2, 2), orthogonal_map='other')",
    "one's own": SYMMETRIC + "m = nn.Sequential(nn.Linear(3, 3)); P.register_parametrization(m[0], 'weight', Symmetric()); m.weight = m[0].weight" + TRAINED,
    "one's own, assigned": SYMMETRIC + """
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Doubled())
m.weight = torch.ones(2, 2)
r = m.weight, m.parametrizations.weight.original, m, list(m.state_dict()), type(m).__name__""",
    "one's own, not assignable": SYMMETRIC + "m = P.register_parametrization(nn.Linear(2, 2), 'weight', Symmetric()); m.weight = torch.ones(2, 2)",
    "two in a row": SYMMETRIC + """
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Doubled())
P.register_parametrization(m, 'weight', Symmetric())
r = m, m.weight, m.parametrizations.weight.original, P.is_parametrized(m), P.is_parametrized(m, 'bias'), P.type_before_parametrizations(m).__name__""",
    "of a sequence": SYMMETRIC + """
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Sum())
m.weight = torch.ones(2, 2)
r = m.weight, list(m.named_parameters()), m""",
    "of a buffer": SYMMETRIC + "m = P.register_parametrization(nn.BatchNorm1d(2), 'running_mean', Doubled()); r = m.running_mean, list(m.state_dict())",
    "of nothing": SYMMETRIC + "P.register_parametrization(nn.Linear(2, 2), 'other', Doubled())",
    "another shape": SYMMETRIC + """
class Wide(nn.Module):
    def forward(self, x):
        return torch.cat([x, x])
P.register_parametrization(nn.Linear(2, 2), 'weight', Wide())""",
    "another dtype": SYMMETRIC + """
class Double(nn.Module):
    def forward(self, x):
        return x.double()
P.register_parametrization(nn.Linear(2, 2), 'weight', Double())""",
    "another shape, second": SYMMETRIC + """
class Wide(nn.Module):
    def forward(self, x):
        return torch.cat([x, x])
P.register_parametrization(P.register_parametrization(nn.Linear(2, 2), 'weight', Doubled()), 'weight', Wide())""",
    "no tensor": SYMMETRIC + """
class Nothing(nn.Module):
    def forward(self, x):
        return 3
P.register_parametrization(nn.Linear(2, 2), 'weight', Nothing())""",
    "removed": SYMMETRIC + """
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Symmetric())
w = m.parametrizations.weight.original
r = P.remove_parametrizations(m, 'weight'), m.weight, m.weight is w, type(m).__name__, list(m.state_dict())""",
    "removed, as it was": SYMMETRIC + """
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Symmetric())
r = P.remove_parametrizations(m, 'weight', leave_parametrized=False), m.weight""",
    "removed, of a sequence": SYMMETRIC + "m = P.register_parametrization(nn.Linear(2, 2), 'weight', Sum()); r = P.remove_parametrizations(m, 'weight'), m.weight",
    "removed, of a sequence, as it was": SYMMETRIC + "m = P.register_parametrization(nn.Linear(2, 2), 'weight', Sum()); P.remove_parametrizations(m, 'weight', False)",
    "removed, not there": SYMMETRIC + "P.remove_parametrizations(nn.Linear(2, 2), 'weight')",
    "transferred": SYMMETRIC + """
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Symmetric())
k = P.transfer_parametrizations_and_params(m, nn.Linear(2, 2))
r = torch.equal(k.weight, m.weight), k, k.parametrizations.weight.original is m.parametrizations.weight.original""",
    "cached": SYMMETRIC + """
class Counted(nn.Module):
    def forward(self, x):
        log.append("computed")
        return x * 1
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Counted())
log.clear()
with P.cached():
    m.weight, m.weight
m.weight
r = log""",
    "double": SYMMETRIC + "m = P.register_parametrization(nn.Linear(2, 2), 'weight', Doubled()).double(); r = m.weight.dtype",
    "copied": SYMMETRIC + """
import copy
m = P.register_parametrization(nn.Linear(2, 2), 'weight', Doubled())
k = copy.deepcopy(m)
k.weight = torch.zeros(2, 2)
r = m.weight, k.weight, k""",
    "loaded": SYMMETRIC + """
m, k = (P.register_parametrization(nn.Linear(2, 2), 'weight', Doubled()) for _ in range(2))
r = k.load_state_dict(m.state_dict()), torch.equal(k.weight, m.weight)""",
}  # fmt: skip


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    code = "torch.manual_seed(0)\nr = log\n" + textwrap.dedent(SNIPPETS[name]).strip()
    outcomes = []
    for library in (gv, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer, told = outcome(library, code)
        outcomes.append((without_graph(answer), told))
    assert outcomes[0] == outcomes[1]


def without_graph(text):
    """A print without the names of nodes: PyTorch has nodes of its own for some of these norms."""
    import re

    return re.sub(r",\s+grad_fn=<\w+>", "", text)


def test_a_parametrized_module_is_saved_by_its_state_only(torch):
    texts = []
    for library in (gv, torch):
        module = library.nn.utils.parametrizations.weight_norm(library.nn.Linear(2, 2))
        with pytest.raises(RuntimeError) as caught:
            pickle.dumps(module)
        texts.append(in_pytorchs_words(caught.value))
    assert texts[0] == texts[1]


def test_copies_do_not_share():
    first = gv.nn.utils.parametrizations.spectral_norm(gv.nn.Linear(3, 2))
    second = copy.deepcopy(first)
    with gv.no_grad():
        first.parametrizations.weight.original.zero_()
    assert second.weight.abs().sum() > 0
    old = gv.nn.utils.spectral_norm(gv.nn.Linear(3, 2))
    new = copy.deepcopy(old)
    gv.nn.utils.remove_spectral_norm(new)
    assert "weight_orig" in dict(old.named_parameters())
    assert "weight_orig" not in dict(new.named_parameters())
