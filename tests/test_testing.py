"""`torch.testing`: what is close, what is said where it is not, and random tensors to try things on."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from beside import outcome

import gradviz as gv

PAIRS = {
    "equal": "torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])",
    "rounded": "torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.000001])",
    "far": "torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])",
    "matrix": "torch.arange(6.0).reshape(2, 3), torch.arange(6.0).reshape(2, 3) ** 2",
    "double": "torch.tensor([1.0]).double(), torch.tensor([1.0 + 1e-6]).double()",
    "double, rounded": "torch.tensor([1.0]).double(), torch.tensor([1.0 + 1e-8]).double()",
    "half": "torch.tensor([1.0]).half(), torch.tensor([1.002]).half()",
    "integers": "torch.tensor([1, 2, 3]), torch.tensor([1, 2, 5])",
    "bytes": "torch.tensor([1, 2, 3], dtype=torch.uint8), torch.tensor([1, 2, 5], dtype=torch.uint8)",
    "bools": "torch.tensor([True, False]), torch.tensor([True, True])",
    "scalars": "torch.tensor(1.0), torch.tensor(2.0)",
    "scalar zero": "torch.tensor(1.0), torch.tensor(0.0)",
    "zeros": "torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.0])",
    "shape": "torch.ones(2), torch.ones(3)",
    "dtype": "torch.ones(2), torch.ones(2).double()",
    "dtype unchecked": "torch.ones(2), torch.ones(2).double(), check_dtype=False",
    "integer and float": "torch.tensor([1, 2]), torch.tensor([1.0, 3.0]), check_dtype=False",
    "stride": "torch.ones(2, 2), torch.ones(2, 2).t().contiguous().t(), check_stride=True",
    "nan": "torch.tensor([float('nan')]), torch.tensor([float('nan')])",
    "nan is nan": "torch.tensor([float('nan')]), torch.tensor([float('nan')]), equal_nan=True",
    "inf": "torch.tensor([float('inf'), 1.0]), torch.tensor([1.0, 1.0])",
    "same inf": "torch.tensor([float('inf')]), torch.tensor([float('inf')])",
    "tolerances": "torch.tensor([1.0]), torch.tensor([1.4]), rtol=0.5, atol=0",
    "exact": "torch.tensor([1.0]), torch.tensor([1.0000001]), rtol=0, atol=0",
    "one tolerance": "torch.ones(1), torch.ones(1), rtol=0.5",
    "numbers": "1.0, 2.0",
    "integers, Python's": "1, 2",
    "number types": "1, 1.0",
    "number types unchecked": "1, 1.0, check_dtype=False",
    "nan, Python's": "float('nan'), float('nan')",
    "nan is nan, Python's": "float('nan'), float('nan'), equal_nan=True",
    "None": "None, None",
    "None and one": "None, 1",
    "truth": "True, False",
    "same truth": "True, True",
    "arrays": "np.array([1.0, 2.0]), np.array([1.0, 3.0])",
    "array and tensor": "np.array([1.0, 2.0]), torch.tensor([1.0, 2.0])",
    "number and tensor": "1.0, torch.tensor(1.0)",
    "lists": "[torch.ones(2), 3.0], [torch.ones(2), 4.0]",
    "lists of other lengths": "[1, 2], [1]",
    "nested lists": "[[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.5]]",
    "nested lengths": "[[1.0], [3.0]], [[1.0, 2.0], [3.0]]",
    "mappings": "{'a': torch.ones(2)}, {'a': torch.zeros(2)}",
    "other keys": "{'a': 1, 'c': 3}, {'b': 2, 'c': 3}",
    "deep": "{'a': [1.0, {'b': torch.ones(1)}]}, {'a': [1.0, {'b': torch.zeros(1)}]}",
    "texts": "'a', 'b'",
    "message": "torch.ones(1), torch.zeros(1), msg='no'",
    "function of the message": "torch.ones(1), torch.zeros(1), msg=lambda text: 'Look: ' + text",
    "with graph": "torch.ones(1, requires_grad=True), torch.ones(1)",
    "parameter": "nn.Parameter(torch.ones(1)), torch.ones(1)",
    "parameter, strictly": "nn.Parameter(torch.ones(1)), torch.ones(1), allow_subclasses=False",
}

SNIPPETS = {name: f"r = torch.testing.assert_close({given})" for name, given in PAIRS.items()}
SNIPPETS |= {
    "allclose": "r = torch.testing.assert_allclose([1.0, 2.0], torch.tensor([1.0, 2.1]))",
    "allclose, close": "r = torch.testing.assert_allclose(torch.ones(2), torch.ones(2).double())",
    "make_tensor": "torch.manual_seed(0); r = torch.testing.make_tensor(2, 3, dtype=torch.float32, device='cpu')",
    "make_tensor of a tuple": "torch.manual_seed(0); r = torch.testing.make_tensor((2, 3), dtype=torch.float64, device='cpu', low=0, high=1)",
    "make_tensor with grad": "torch.manual_seed(0); r = torch.testing.make_tensor(2, dtype=torch.float32, device='cpu', requires_grad=True)",
    "make_tensor of integers": "torch.manual_seed(0); r = torch.testing.make_tensor(5, dtype=torch.int64, device='cpu')",
    "make_tensor of bytes": "torch.manual_seed(0); r = torch.testing.make_tensor(5, dtype=torch.uint8, device='cpu')",
    "make_tensor of bools": "torch.manual_seed(0); r = torch.testing.make_tensor(5, dtype=torch.bool, device='cpu')",
    "make_tensor without zeros": "torch.manual_seed(0); r = torch.testing.make_tensor(9, dtype=torch.int64, device='cpu', low=0, high=2, exclude_zero=True)",
    "make_tensor noncontiguous": "torch.manual_seed(0); x = torch.testing.make_tensor(2, 3, dtype=torch.float32, device='cpu', noncontiguous=True); r = x, x.stride()",
    "make_tensor, wrong": "r = torch.testing.make_tensor(2, dtype=torch.float32, device='cpu', low=2, high=1)",
    "make_tensor, integer with grad": "r = torch.testing.make_tensor(2, dtype=torch.int64, device='cpu', requires_grad=True)",
    "make_tensor, nan": "r = torch.testing.make_tensor(2, dtype=torch.float32, device='cpu', low=float('nan'))",
    "make_tensor, out of range": "r = torch.testing.make_tensor(2, dtype=torch.uint8, device='cpu', low=300, high=400)",
}


def whole(library, code):
    """The outcome, with the whole text of an error."""
    answer = outcome(
        library,
        textwrap.dedent(f"""
        try:
            {code}
        except Exception as error:
            r = type(error).__name__ + ": " + str(error)"""),
    )
    return answer[0].replace("gradviz.engine.tensor.", "torch.").replace("gradviz.", "torch."), answer[1]


@pytest.mark.parametrize("name", SNIPPETS)
def test_as_in_pytorch(torch, name):
    assert whole(gv, SNIPPETS[name]) == whole(torch, SNIPPETS[name])


def test_it_is_imported_when_first_used():
    code = """
import sys, gradviz
later = ("testing", "distributions", "optim.swa_utils", "nn.utils.parametrize", "nn.utils.parametrizations", "utils.checkpoint")
print(*[name for name in later if f"gradviz.{name}" in sys.modules])
gradviz.testing.assert_close(1.0, 1.0)
from gradviz.testing import assert_close
import gradviz.optim.swa_utils, gradviz.nn.utils.parametrize as P, gradviz.utils.checkpoint
assert P is gradviz.nn.utils.parametrize
assert callable(gradviz.nn.utils.spectral_norm) and callable(gradviz.nn.utils.parametrizations.spectral_norm)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
