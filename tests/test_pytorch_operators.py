"""PyTorch's operator database, recorded from PyTorch: gradients are right, and it is held which nodes have a row."""

from __future__ import annotations

import pytest
from conftest import missing
from op_db import entries
from pytorch_db import BOTH, BOX, ROW, check, listed


@pytest.fixture(scope="module")
def database(torch):
    try:
        return dict(entries())
    except ImportError as error:
        missing(f"PyTorch's operator database needs {error.name}: pip install {error.name}")


MOST_SAMPLES = 3
"""So many of an operator's samples are recorded, unless all are asked for. From these the list was written."""


def test_samples_are_recorded_with_their_gradients_and_in_the_words_of_rows(database, sampled, pytestconfig):
    most = None if pytestconfig.option.all else MOST_SAMPLES
    wrong, unknown, lost = [], set(), set()
    held = listed()
    for name in sampled(sorted(database), 50):
        problems, rows, _ = check(database[name], most)
        wrong += [f"{name}, {problem}" for problem in problems]
        for node, known in rows.items():
            if node not in held:
                unknown |= {node} if most else set()
            elif (False in known and held[node] == ROW) or (True in known and held[node] == BOX):
                lost.add(f"{node}: {held[node]}")
    assert not wrong
    assert not unknown, "write them down: python tests/pytorch_db.py --write"
    assert not lost


def test_most_of_pytorchs_nodes_are_told_in_the_words_of_a_row():
    held = listed()
    assert set(held.values()) <= {ROW, BOX, BOTH}
    assert sum(word != BOX for word in held.values()) > 0.9 * len(held)
