"""dtypes: their names, their identity, and what mixing them gives."""

from __future__ import annotations

import copy
import itertools
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz.engine import dtypes
from gradviz.engine.size import Size

NAMES = [d.name for d in dtypes.ALL]
NUMBERS = [True, 2, 2.5]
ALIASES = {
    "double": "float64",
    "float": "float32",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
}


@pytest.fixture(autouse=True)
def _same_default_afterwards():
    before = dtypes.get_default_dtype()
    yield
    dtypes.set_default_dtype(before)


@pytest.mark.parametrize("name", NAMES)
def test_a_dtype_looks_like_pytorchs(torch, name):
    ours, theirs = getattr(dtypes, name), getattr(torch, name)
    assert repr(ours) == repr(theirs)
    assert ours.itemsize == theirs.itemsize
    assert ours.is_floating_point == theirs.is_floating_point
    assert ours.numpy == torch.zeros(1, dtype=theirs).numpy().dtype
    assert dtypes.tensor_type_name(ours) == torch.zeros(1, dtype=theirs).type()
    assert dtypes.tensor_type_name(ours) == f"torch.{dtypes.scalar_type_name(ours)}Tensor"


def test_two_names_are_one_object():
    for alias, name in ALIASES.items():
        assert getattr(dtypes, alias) is getattr(dtypes, name)


@pytest.mark.parametrize("name", NAMES)
def test_copies_are_the_same_object(name):
    d = getattr(dtypes, name)
    assert pickle.loads(pickle.dumps(d)) is d
    assert copy.copy(d) is d
    assert copy.deepcopy([d])[0] is d


@pytest.mark.parametrize("name", NAMES)
def test_to_and_from_numpy(name):
    d = getattr(dtypes, name)
    assert dtypes.from_numpy(np.dtype(name)) is d
    for spec in (d, d.numpy, d.numpy.type, name, f"torch.{name}"):
        assert dtypes.to_numpy(spec) == np.dtype(name)


def test_names_mean_what_they_mean_in_pytorch():
    for alias, name in ALIASES.items():
        assert dtypes.to_numpy(alias) == np.dtype(name)
    assert dtypes.to_numpy(float) == np.float64  # Python's own types, as in torch.tensor(1, dtype=float)
    assert dtypes.to_numpy(int) == np.int64
    assert dtypes.to_numpy(bool) == np.bool_


@pytest.mark.parametrize("unsupported", ["complex128", "object", "U3", "datetime64[s]", "uint32", "V8"])
def test_an_unsupported_dtype_says_what_is_supported(unsupported):
    for convert in (dtypes.from_numpy, dtypes.to_numpy, dtypes.category):
        with pytest.raises(
            TypeError, match=r"can't convert np\.ndarray of type numpy\.\w+\. .*float64, .*, and bool\."
        ):
            convert(np.dtype(unsupported))


def test_another_byte_order_says_how_to_convert():
    foreign = np.dtype("float32").newbyteorder()
    with pytest.raises(TypeError, match=r"float32 in a byte order .*newbyteorder"):
        dtypes.from_numpy(foreign)


@pytest.mark.parametrize("nonsense", ["floaty", None, 3, np.ones(2), list])
def test_what_is_not_a_dtype_is_refused(nonsense):
    with pytest.raises(TypeError):
        dtypes.to_numpy(nonsense)


def test_default_dtype():
    assert dtypes.get_default_dtype() is dtypes.float32
    for d in (dtypes.float64, dtypes.float16):
        dtypes.set_default_dtype(d)
        assert dtypes.get_default_dtype() is d
        assert dtypes.result_type(np.ones(2, np.int64), 1.5) == d.numpy
    for wrong in (dtypes.int64, dtypes.bool, "float32", np.dtype("float32"), float):
        with pytest.raises(TypeError, match="only floating-point types are supported as the default type"):
            dtypes.set_default_dtype(wrong)
    assert dtypes.get_default_dtype() is dtypes.float16


# --- promotion --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (np.ones(2, np.int64), np.ones(2, np.float32), "float32"),  # NumPy: float64
        (np.ones(2, np.float32), np.ones((), np.float64), "float32"),
        (np.ones(2, np.float32), np.ones(1, np.float64), "float64"),
        (np.ones(2, np.int8), np.ones((), np.int64), "int8"),
        (np.ones(2, np.int64), np.ones((), np.float16), "float16"),
        (np.ones(2, np.uint8), np.ones(2, np.int8), "int16"),
        (np.ones(2, np.bool_), 1, "int64"),
        (np.ones((), np.int16), 2.5, "float32"),
        (np.ones((), np.float16), 2.5, "float16"),
        (np.float64(1.5), np.ones(2, np.int32), "float64"),
        (True, 2, "int64"),
        (1, 2.5, "float32"),
    ],
)
def test_promotion(a, b, expected):
    assert dtypes.result_type(a, b) == np.dtype(expected)
    assert dtypes.result_type(b, a) == np.dtype(expected)


@pytest.mark.parametrize("default", ["float32", "float64", "float16"])
def test_promotion_of_every_pair_is_pytorchs(torch, default):
    """Every dtype with dimensions and without, and every kind of number, with every other."""
    arrays = [np.ones(shape, name) for name in NAMES for shape in ((2,), ())]
    dtypes.set_default_dtype(getattr(dtypes, default))
    torch.set_default_dtype(getattr(torch, default))
    try:
        for a, b in itertools.product([*arrays, *NUMBERS], repeat=2):
            theirs = torch.result_type(*(torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in (a, b)))
            assert repr(dtypes.from_numpy(dtypes.result_type(a, b))) == repr(theirs), (a, b)
    finally:
        torch.set_default_dtype(torch.float32)


def test_promote_types_is_pytorchs(torch):
    for a, b in itertools.product(NAMES, repeat=2):
        theirs = torch.promote_types(getattr(torch, a), getattr(torch, b))
        assert f"torch.{dtypes.promote_types(np.dtype(a), np.dtype(b))}" == repr(theirs)


operands = st.one_of(
    st.sampled_from(NUMBERS), st.builds(np.ones, st.sampled_from([(), (1,), (2, 3)]), st.sampled_from(NAMES))
)


@given(st.lists(operands, min_size=1, max_size=5).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_promotion_of_many_does_not_depend_on_their_order(pair):
    some, shuffled = pair
    assert dtypes.result_type(*some) == dtypes.result_type(*shuffled)


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))
def test_promotion_of_many_is_that_of_concatenation(torch, names):
    together = torch.cat([torch.ones(1, dtype=getattr(torch, name)) for name in names])
    assert f"torch.{dtypes.result_type(*(np.ones(1, name) for name in names))}" == repr(together.dtype)


@pytest.mark.parametrize("wrong", ["1", None, 1j, [1.0], np.ones(1, np.complex64), np.array(["a"])])
def test_an_operand_that_is_not_a_number_is_refused(wrong):
    with pytest.raises(TypeError):
        dtypes.result_type(np.ones(2), wrong)


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_size_is_a_tuple_with_a_name():
    size = Size((2, 3))
    assert repr(size) == str(size) == f"{size}" == "torch.Size([2, 3])"
    assert repr(Size()) == "torch.Size([])"
    assert size == (2, 3)
    assert hash(size) == hash((2, 3))
    assert (size[0], size[-1]) == (2, 3)
    assert (size.numel(), Size().numel(), Size((2, 0)).numel()) == (6, 1, 0)
    assert copy.deepcopy(size) == size
    assert type(pickle.loads(pickle.dumps(size))) is Size


@pytest.mark.parametrize(
    "expression",
    ["S[1:]", "S[:0]", "S[::-1]", "S + (4,)", "S + S", "(1,) + S", "S * 2", "2 * S", "S[0]", "S.numel()", "S + ()"],
)
def test_what_is_made_of_a_size_is_a_size(torch, expression):
    ours = eval(expression, {"S": Size((2, 3))})
    theirs = eval(expression, {"S": torch.Size((2, 3))})
    assert repr(ours) == repr(theirs)


def test_a_size_and_a_list_do_not_mix():
    with pytest.raises(TypeError, match=r"can only concatenate tuple \(not list\) to torch\.Size"):
        operator.add(Size((2,)), [3])
    with pytest.raises(TypeError):
        operator.add([3], Size((2,)))
