"""The signs that are written for the functions in formulas."""

from __future__ import annotations

from collections.abc import Mapping

FUNCTIONS = {
    "sqrt": "√",
    "sigmoid": "σ",
    "Phi": "Φ",
    "phi": "φ",
    "sum": "Σ",
    "prod": "Π",
    "prod_of_others": "Π others",
    "sum_copies": "Σ copies",
    "sum_positions": "Σ positions",
    "add_windows": "Σ windows",
    "gelu_slope": "gelu′",
    "conv_transpose": "convᵀ",
    "joined": "cat",
    "abs": "|{}|",
    "taken": "{}[…]",
    "sum_taken": "Σ({}[…])",
    "fmod": "{} mod {}",
    "times_turned": "{} · {}ᵀ",
    "windows_product": "windows({}) · {}",
    "sum_of_products": "Σ({}·{}·{})",
    "sum_of_digammas": "Σ digamma({} − i/2)",
    "cholesky_inverse": "cholesky_inverse",
    **dict.fromkeys(("squeeze", "unsqueeze", "each", "per_matrix", "per_channel"), "{}"),
    "filled": "{1}",
}
"""What is written for a function: in front of its arguments in brackets, or around them."""

CONSTANTS = {"ones": "1", "zeros": "0", "identity": "I", "at_target": "target"}
"""What is written for a function and its arguments."""

ENDINGS = {"_T": "ᵀ", "_back": "′", "_inverse": "⁻¹"}
"""What is written for the end of a function's name: the way back of what is linear, the way back of others, and the inverse."""

ALONG_AXES = frozenset(["sum", "prod", "mean", "max", "min", "median", "nansum", "norm", "var", "std", "logsumexp"])
"""Functions that reduce axes: along which is written below them."""

_SUBSCRIPTS = str.maketrans("0123456789−-", "₀₁₂₃₄₅₆₇₈₉₋₋", "()[], ")

SHORT = {"softmax": "p"}
"""What is written for functions where there is little room: without their arguments."""


def sign_of(name: str, given: Mapping[str | None, str]) -> str:
    """Return what is written for a function, given its settings: before its arguments, or around them."""
    if name == "transpose" and "dim0" in given:  # not of an operation that only has the same name
        axes = {given["dim0"], given["dim1"]}
        if axes in ({"0", "1"}, {"−1", "−2"}):
            return "ᵀ"
        return name + "".join([axis.translate(_SUBSCRIPTS) for axis in given.values() if axis.lstrip("−").isdigit()])
    sign = FUNCTIONS.get(name)
    if sign is None:
        ending = next((end for end in ENDINGS if name.endswith(end)), "")
        sign = name.removesuffix(ending) + ENDINGS.get(ending, "")
    along = given.get("dim", "")
    if name in ALONG_AXES and any(letter.isdigit() for letter in along) and not any(map(str.isalpha, along)):
        sign += along.rstrip(",)").translate(_SUBSCRIPTS)
    return sign


def place_of(given: Mapping[str | None, str]) -> str:
    """Write which part is taken along an axis, as in Python: ``:, 1``."""
    axis, *place = given.values()
    if not axis.isdigit():
        return "…"
    if len(place) == 1:
        return ":, " * int(axis) + place[0]
    start, end, step = place
    start = "" if start == "0" else start
    return ":, " * int(axis) + f"{start}:{end}" + (f":{step}" if step != "1" else "")
