"""Exercises: what a learner types in place of the dots, and what is said to it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import gradviz as gv
from gradviz import check


@pytest.fixture(autouse=True)
def nothing_solved_yet():
    check._forget()
    yield
    check._forget()


@pytest.fixture
def said(capsys):
    """Return what has been said by the call in the parentheses."""
    return lambda _: capsys.readouterr().out


@pytest.fixture
def polynomial():
    """x² + x at 3, whose gradient is 7."""
    x = gv.tensor(3.0, requires_grad=True)
    return x**2 + x, x


@pytest.fixture
def matrix():
    """The sum of the squares of a 3×2 matrix, whose gradient is twice the matrix."""
    m = gv.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    return (m**2).sum(), m


ASK = "  To be told the answer, put reveal=True last in the brackets: check.{}(..., reveal=True)"
DOTS = "Not answered yet: put your prediction in place of the dots.\n"
DOUBLED = [[2, 4], [6, 8], [10, 12]]


# --- answers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [7, 7.0, "7", " 7 ", "14/2", "7e0", Fraction(7), np.float32(7), np.array(7), gv.tensor(7.0)]
)
def test_a_number_may_be_written_in_many_ways(said, polynomial, answer):
    y, x = polynomial
    assert said(check.gradient(answer, of=y, to=x)) == "✓ Right: ∂y/∂x = 7.\n"


@pytest.mark.parametrize(("answer", "right"), [(7.05, True), (6.94, True), (7.1, False), (6.9, False), (0, False)])
def test_a_rounded_number_is_right(said, polynomial, answer, right):
    y, x = polynomial
    assert said(check.gradient(answer, of=y, to=x)).startswith("✓" if right else "✗")


def test_a_third_may_be_rounded_and_zero_may_not(said):
    x = gv.tensor([1.0, 5.0, 3.0], requires_grad=True)
    assert said(check.gradient([0.333, 0.33, "1/3"], of=x.mean(), to=x)).startswith("✓")
    assert said(check.value(0.0, 0.0, name="nothing")).startswith("✓")
    assert said(check.value(0.001, 0.0, name="next to nothing")).startswith("✗")


@pytest.mark.parametrize("minus", ["-", "−"])
def test_a_minus_sign_may_come_from_a_keyboard_or_from_a_book(said, minus):
    x = gv.tensor(1.0, requires_grad=True)
    y = -2.5 * x
    assert said(check.gradient(f"{minus}2.5", of=y, to=x)) == "✓ Right: ∂y/∂x = −2.5.\n"


def test_a_wrong_sign_is_said(said, polynomial):
    y, x = polynomial
    assert said(check.gradient(-7, of=y, to=x)).startswith("✗ Not quite. The sign is the other one.")


@pytest.mark.parametrize("answer", [DOUBLED, (m := np.array(DOUBLED)), gv.tensor(m), [["2", "8/2"], [6, 8], [10, 12]]])
def test_a_matrix_is_a_list_of_its_rows(said, matrix, answer):
    s, m = matrix
    assert said(check.gradient(answer, of=s, to=m)).startswith("✓ Right: ∂s/∂m = [[ 2.,  4.]")


def test_it_is_said_how_many_entries_are_wrong_and_not_which(said, matrix):
    s, m = matrix
    assert said(check.gradient([[2, 4], [6, 8], [10, 36]], of=s, to=m)).startswith(
        "✗ Not quite. 1 of 6 entries is not right."
    )
    assert said(check.gradient([[1, 4], [9, 16], [25, 36]], of=s, to=m)).startswith(
        "✗ Not quite. 5 of 6 entries are not right."
    )


def test_one_number_stands_for_all_entries(said):
    x = gv.ones(2, 3, requires_grad=True)
    assert said(check.gradient(5, of=(5 * x).sum(), to=x)).startswith("✓")


def test_what_does_not_depend_has_the_gradient_zero(said, polynomial):
    y, _ = polynomial
    other = gv.tensor(1.0, requires_grad=True)
    assert "y does not depend on other at all." in said(check.gradient(1, of=y, to=other))
    assert said(check.gradient(0, of=y, to=other)) == "✓ Right: ∂y/∂other = 0.\n"


def test_nan_is_right_only_where_it_is_the_answer(said, polynomial):
    y, x = polynomial
    assert said(check.gradient(float("nan"), of=y, to=x)).startswith("✗")
    assert said(check.gradient(float("inf"), of=y, to=x)).startswith("✗")
    lost = gv.tensor(0.0, requires_grad=True)
    assert said(check.gradient(float("nan"), of=0 * gv.log(lost), to=lost)).startswith("✓")
    assert said(check.value(float("inf"), 1 / gv.tensor(0.0), name="one over nothing")).startswith("✓")


# --- answers that cannot be read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["abc", "", "7,0", "1/0", "[7]", "__import__('os')"])
def test_a_text_that_is_no_number(said, polynomial, answer):
    y, x = polynomial
    told = said(check.gradient(answer, of=y, to=x))
    assert told == f"✗ {answer!r} is not a number: write it like 2.5, or like '1/3'.\n"


@pytest.mark.parametrize(
    ("answer", "kind"), [(None, "NoneType"), ({}, "dict"), (1j, "complex"), ([None], "NoneType"), (print, "builtin")]
)
def test_what_is_no_number_at_all(said, polynomial, answer, kind):
    y, x = polynomial
    told = said(check.gradient(answer, of=y, to=x))
    assert told.startswith(f"✗ An answer is a number, a fraction as text, or a list of them, but got {kind}")


@pytest.mark.parametrize(
    ("answer", "shape"),
    [([2, 4], "2"), ([[2, 4], [6, 8]], "2×2"), ([], "0"), ([[2, 4, 0], [6, 8, 0], [0, 0, 0]], "3×3")],
)
def test_another_shape_is_said_to_be_another_one(said, matrix, answer, shape):
    s, m = matrix
    told = said(check.gradient(answer, of=s, to=m))
    assert told == f"✗ ∂s/∂m has shape 3×2, and your answer has shape {shape}.\n"


def test_a_list_for_a_number(said, polynomial):
    y, x = polynomial
    told = said(check.gradient([3, 4], of=y, to=x))
    assert told == "✗ ∂y/∂x is one number, and your answer has shape 2.\n"


def test_what_cannot_be_read_is_not_counted(said, polynomial):
    y, x = polynomial
    for answer in ("abc", None, [1, 2]):
        assert "Hint" not in said(check.gradient(answer, of=y, to=x))
    assert said(check.gradient(1, of=y, to=x)).count("Hint") == 1, "it was the first try"
    assert said(check.progress()) == "0 of 1 solved\n  · ∂y/∂x\n"


# --- names --------------------------------------------------------------------------------------------------------------


def test_the_learners_own_names_are_used(said):
    weight = gv.tensor(2.0, requires_grad=True)
    loss = weight * 4
    assert said(check.gradient(4, of=loss, to=weight)) == "✓ Right: ∂loss/∂weight = 4.\n"
    # Without a variable: y and x.
    held = [weight, weight * 6]
    told = said(check.gradient(6, of=held[1], to=weight))
    assert told == "✓ Right: ∂y/∂weight = 6.\n"
    del weight
    told = said(check.gradient(6, of=held[1], to=held[0]))
    assert told == "✓ Right: ∂y/∂x = 6.\n"


def test_a_name_that_is_taken_is_not_given_to_another_tensor(said):
    x, y = gv.tensor(1.0), gv.tensor(2.0)
    held = [gv.tensor(3.0, requires_grad=True)]
    told = said(check.gradient(5, of=5 * held[0], to=held[0]))
    assert told == "✓ Right: ∂result/∂input = 5.\n"
    assert (x, y) == (1, 2)


# --- hints --------------------------------------------------------------------------------------------------------------


def test_hints_come_one_by_one_and_the_answer_only_when_asked_for(said, polynomial):
    y, x = polynomial
    way = "  Hint: There are 2 ways from x to y: ( )² then +; +. Add what comes back along each."
    local = "  Hint: The local derivatives on the way are 2·x = 6, 1, 1: multiply along a way, add over ways."
    first, second, third = (said(check.gradient(wrong, of=y, to=x)).splitlines() for wrong in (1, 2, 3))
    assert first == ["✗ Not quite.", way]
    assert second == ["✗ Not quite.", way, local]
    assert third == ["✗ Not quite.", way, local, ASK.format("gradient")]
    assert said(check.gradient(..., of=y, to=x, reveal=True)) == "∂y/∂x = 7\n"


@pytest.mark.parametrize("form", ["value", "gradient"])
def test_hints_of_an_author_come_in_order(said, form):
    hints = ["think of a square", "a side of it is 3"]
    x = gv.tensor(2.0, requires_grad=True)
    area = 9 * x
    ask = {
        "value": lambda wrong: check.value(wrong, 9, hints=hints),
        "gradient": lambda wrong: check.gradient(wrong, of=area, to=x, hints=hints),
    }[form]
    shown = [said(ask(wrong)).splitlines() for wrong in (6, 12, 18)]
    assert shown[0] == ["✗ Not quite.", "  Hint: think of a square"]
    assert shown[1] == ["✗ Not quite.", "  Hint: think of a square", "  Hint: a side of it is 3"]
    assert shown[2] == [*shown[1], ASK.format(form)]


@pytest.mark.parametrize("form", ["gradient", "value", "shape", "choice"])
def test_a_hint_comes_before_it_is_said_how_to_be_told_the_answer(said, form):
    x = gv.tensor([1.0, 2.0], requires_grad=True)
    wrong = {
        "gradient": lambda: check.gradient(9, of=x.tanh().sum(), to=x),
        "value": lambda: check.value(9, 3),
        "shape": lambda: check.shape((9,), x),
        "choice": lambda: check.choice("c", key=check.key_of("it", "b"), name="it"),
    }[form]
    first, *later = (said(wrong()).splitlines() for _ in range(3))
    assert first[0].startswith("✗ Not")
    assert first[1].startswith("  Hint: ")
    assert ASK.format(form) not in first
    assert ASK.format(form) in later[-1]


@pytest.mark.parametrize(
    ("compute", "hint"),
    [
        (lambda x: (x**2 + 1) ** 2, "On the way from x to y there is ( )² then + then ( )²."),
        (
            lambda x: x + x + x,
            "There are 3 ways from x to y: + (2 times); + (2 times); +. Add what comes back along each.",
        ),
        (lambda x: x**2 + x.detach() ** 3, "On the way from x to y there is ( )² then +."),
        (
            lambda x: x * x * x * x,
            "There are 4 ways from x to y; one of them is × (3 times). Add what comes back along each.",
        ),
    ],
)
def test_a_hint_names_every_operation_of_a_way_in_order(said, compute, hint):
    x = gv.tensor(2.0, requires_grad=True)
    y = compute(x)
    assert said(check.gradient(-1, of=y, to=x)).splitlines()[1] == f"  Hint: {hint}"


def test_ways_that_part_after_the_first_operation(said):
    c = gv.tensor(0.5, requires_grad=True)
    k = gv.exp(c)
    k = k * 2 + k
    assert "There are 2 ways from c to k: exp then × then +; exp then +." in said(check.gradient(1, of=k, to=c))


def test_ways_without_number_are_not_listed_one_by_one(said):
    x = gv.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(200):
        y = y + y
    told = said(check.gradient(1, of=y, to=x))
    assert "There are many ways from x to y; one of them is + (200 times)." in told


def test_hints_call_every_tensor_what_the_learner_calls_it(said):
    price = gv.tensor(4.0, requires_grad=True)
    amount = gv.tensor(-3.0, requires_grad=True)
    cost = price * amount
    check.gradient(1, of=cost, to=price)
    assert "The local derivative on the way is amount." in said(check.gradient(1, of=cost, to=price))


def test_no_hint_gives_the_answer_away(said):
    x = gv.tensor(2.0, requires_grad=True)
    result = (3 * x + 1) ** 2  # 2·(3·2 + 1)·3 = 42
    assert not any("42" in said(check.gradient(wrong, of=result, to=x)) for wrong in (1, 2, 3, 4))
    moved = x**5 + 1  # there is one factor, and 5·2⁴ = 80
    assert not any("80" in said(check.gradient(wrong, of=moved, to=x)) for wrong in (1, 2, 3, 4))
    assert "5·x⁴" in said(check.gradient(1, of=moved, to=x))


def test_long_ways_have_short_hints(said):
    x = gv.tensor(0.5, requires_grad=True)
    deep = x
    for _ in range(15):
        deep = gv.tanh(gv.sin(deep))
    check.gradient(9, of=deep, to=x)
    assert "…" in said(check.gradient(9, of=deep, to=x))
    assert len(said(check.gradient(9, of=deep, to=x))) < 700


# --- what is left as it was ---------------------------------------------------------------------------------------------


def test_a_check_changes_nothing(polynomial):
    y, x = polynomial
    for answer in (..., 1, 7):
        check.gradient(answer, of=y, to=x)
    assert x.grad is None
    y.backward()
    assert x.grad == 7


def test_it_checks_under_no_grad_too(said, polynomial):
    y, x = polynomial
    with gv.no_grad():
        assert said(check.gradient(7, of=y, to=x)).startswith("✓")


# --- after backward() ---------------------------------------------------------------------------------------------------


def test_after_backward_it_is_said_what_to_do(said, polynomial):
    y, x = polynomial
    y.backward()
    for answer in (1, 7, ...):
        told = said(check.gradient(answer, of=y, to=x))
        assert told == "✗ backward() has used up the graph of y: compute it anew, and check before backward().\n"
    y = x**2 + x
    assert said(check.gradient(1, of=y, to=x)).count("Hint") == 1, "it was the first try"


def test_a_graph_that_backward_has_left_can_be_checked(said, polynomial):
    y, x = polynomial
    y.backward(retain_graph=True)
    assert said(check.gradient(7, of=y, to=x)) == "✓ Right: ∂y/∂x = 7.\n"


# --- values, shapes, choices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "right", [4, 4.0, "8/2", gv.tensor(4.0), lambda: gv.tensor(4.0, requires_grad=True), lambda: 4]
)
def test_a_value_may_be_given_or_worked_out(said, right):
    assert said(check.value(4, right, name="the side")) == "✓ Right: the side = 4.\n"
    assert said(check.value(5, right, name="the side")).startswith("✗ Not quite.")


def test_a_value_is_not_told_before_it_is_asked_for(said):
    assert said(check.value(..., 1234, name="secret")) == DOTS
    assert "1234" not in said(check.value(1, 1234, name="secret"))
    assert said(check.value(..., 1234, name="secret", reveal=True)) == "secret = 1234\n"


@pytest.mark.parametrize("answer", [(3, 2), [3, 2], "3×2", "3x2", "(3, 2)", "3, 2", gv.Size([3, 2])])
def test_a_shape_may_be_written_in_many_ways(said, matrix, answer):
    assert said(check.shape(answer, matrix[1], name="the shape of m")) == "✓ Right: the shape of m is 3×2.\n"


@pytest.mark.parametrize("answer", [(2, 3), (3,), 6, (3, 2, 1)])
def test_a_wrong_shape_is_not_told_the_right_one(said, matrix, answer):
    told = said(check.shape(answer, matrix[1]))
    assert told.startswith("✗ Not quite.")
    assert "3" not in told
    assert ("It has 2 axes." in told) is (answer != (2, 3))
    assert said(check.shape(answer, matrix[1], reveal=True)) == "the shape is 3×2.\n"


def test_the_shape_of_a_number_and_of_a_vector(said, polynomial):
    assert said(check.shape((), polynomial[0])) == "✓ Right: the shape is ().\n"
    assert said(check.shape(4, gv.zeros(4))) == "✓ Right: the shape is 4.\n"
    assert "It has 1 axis." in said(check.shape((2, 2), gv.zeros(4)))


def test_a_choice(said):
    key = check.key_of("the best letter", "b")
    ask = {"key": key, "name": "the best letter", "hint": "It comes after a."}
    assert said(check.choice(..., **ask)) == DOTS
    assert said(check.choice("a", **ask)) == "✗ Not that one.\n  Hint: It comes after a.\n"
    assert said(check.choice("b", **ask)) == "✓ Right: b.\n"
    assert said(check.choice(" B ", **ask)).startswith("✓")
    assert said(check.choice("...", **ask)) == DOTS, "as the cells of the notebooks have it"
    # Who reads the key does not read the answer, and the same letter has another key elsewhere.
    assert key not in ("b", check.key_of("another", "b"))
    assert said(check.choice(..., **ask, reveal=True)) == "the best letter: b\n"


def test_what_is_not_among_the_answers_is_no_try(said):
    ask = {"key": check.key_of("it", "b"), "name": "it", "hint": "Look again."}
    assert said(check.choice("z", **ask)) == "✗ 'z' is not among the answers: choose a, b or c.\n"
    assert said(check.choice("c", letters="ab", **ask)) == "✗ 'c' is not among the answers: choose a or b.\n"
    for _ in range(3):
        check.choice("z", **ask)
    assert "reveal" not in said(check.choice("a", **ask)), "it was the first try"
    assert said(check.choice("d", letters="abcd", **ask)).startswith("✗ Not that one.")


# --- progress -----------------------------------------------------------------------------------------------------------


def test_progress_is_what_has_been_solved(said, polynomial, matrix):
    assert said(check.progress()) == "No exercise has been answered yet. Run their cells.\n"
    (y, x), (s, m) = polynomial, matrix
    check.gradient(1, of=y, to=x)
    check.shape((3, 2), m, name="the shape of m")
    said(check.gradient(DOUBLED, of=s, to=m))
    assert said(check.progress()) == "2 of 3 solved\n  · ∂y/∂x\n  ✓ the shape of m\n  ✓ ∂s/∂m\n"
    check.gradient(7, of=y, to=x)
    said(check.gradient(8, of=y, to=x))  # what was solved stays solved
    assert said(check.progress()).startswith("3 of 3 solved\n")


def test_an_answer_that_was_told_is_not_solved(said, polynomial):
    y, x = polynomial
    said(check.gradient(..., of=y, to=x, reveal=True))
    assert said(check.progress()) == "0 of 1 solved\n  · ∂y/∂x\n"
    said(check.gradient(7, of=y, to=x))
    said(check.gradient(..., of=y, to=x, reveal=True))
    assert said(check.progress()) == "1 of 1 solved\n  ✓ ∂y/∂x\n"


def test_progress_is_kept_in_the_notebook(said):
    """The answers stand in the cells: after a restart of the kernel, to run them is to have solved them."""
    cells = [
        "a = gv.tensor(3.0, requires_grad=True); g = 5 * a; gv.check.gradient(5, of=g, to=a)",
        "b = gv.tensor(3.0, requires_grad=True); h = b**2; gv.check.gradient(7, of=h, to=b)",
        "gv.check.progress()",
    ]
    told = []
    for _ in range(2):
        check._forget()
        variables = {"gv": gv}
        told.append([said(exec(cell, variables)) for cell in cells])
    assert told[0] == told[1]
    assert told[0][-1] == "1 of 2 solved\n  ✓ ∂g/∂a\n  · ∂h/∂b\n"


@pytest.mark.parametrize("form", ["gradient", "value", "shape", "choice"])
def test_dots_are_not_wrong(said, polynomial, form):
    y, x = polynomial
    asked = {
        "gradient": lambda: check.gradient(..., of=y, to=x),
        "value": lambda: check.value(..., 3),
        "shape": lambda: check.shape(..., x),
        "choice": lambda: check.choice(..., key="12345678"),
    }
    assert said(asked[form]()) == DOTS


def test_axes_of_length_one_need_not_be_written(said, polynomial):
    y, x = polynomial
    assert said(check.gradient([7], of=y, to=x)).startswith("✓")
    row = gv.ones(1, 1, 2, requires_grad=True)
    assert said(check.gradient([3, 3], of=(3 * row).sum(), to=row)).startswith("✓")


def test_other_rows_of_the_same_numbers_are_another_shape(said, matrix):
    s, m = matrix
    told = said(check.gradient([[2, 4, 6], [8, 10, 12]], of=s, to=m))
    assert told == "✗ ∂s/∂m has shape 3×2, and your answer has shape 2×3.\n"
    told = said(check.gradient([2, 4, 6, 8, 10, 12], of=s, to=m))
    assert told == "✗ ∂s/∂m has shape 3×2, and your answer has shape 6.\n"


def test_rows_of_unequal_length(said, matrix):
    s, m = matrix
    told = said(check.gradient([[2, 4], [6], [10, 12]], of=s, to=m))
    assert told == "✗ The rows of your answer are not equally long.\n"


def test_some_dots_are_left(said, matrix):
    s, m = matrix
    assert said(check.gradient([[2, 4], [6, ...], [10, 12]], of=s, to=m)) == DOTS
    assert said(check.shape((3, ...), m)) == DOTS


@pytest.mark.parametrize("answer", [None, "abc", "", 1.5, -3, "three"])
def test_what_is_no_shape(said, polynomial, answer):
    assert said(check.shape(answer, polynomial[0])) == f"✗ {answer!r} is not a shape: write it like (3, 2).\n"


@pytest.mark.parametrize("answer", ["b)", "(b)", "b."])
def test_a_letter_may_stand_in_brackets(said, answer):
    assert said(check.choice(answer, key=check.key_of("it", "b"), name="it")) == "✓ Right: b.\n"


@pytest.mark.parametrize("answer", [None, 2, False, "", "1.4", "a or b"])
def test_what_is_no_letter(said, answer):
    told = said(check.choice(answer, key="12345678"))
    assert told == f"✗ {answer!r} is not one of the letters: write it like 'a'.\n"


def test_what_is_no_tensor(polynomial):
    y, x = polynomial
    with pytest.raises(TypeError, match="of is a tensor of the computation, but got NoneType"):
        check.gradient(7, of=None, to=x)
    with pytest.raises(TypeError, match="to is a tensor of the computation, but got float"):
        check.gradient(7, of=y, to=3.0)


def test_what_waits_for_an_answer_is_counted(said, polynomial):
    y, x = polynomial
    check.shape((), y, name="the shape of y")
    said(check.gradient(..., of=y, to=x))
    assert said(check.progress()) == "1 of 2 solved\n  ✓ the shape of y\n  · ∂y/∂x\n"
