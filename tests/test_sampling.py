"""A run of the whole suite takes a sample of what is many of a kind; whoever names a test gets all of it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import sampling

CASES = """
import pytest

@pytest.mark.parametrize("case", range(100))
def test_many(case): pass

@pytest.mark.sample(3)
@pytest.mark.parametrize("case", range(100))
def test_expensive(case): pass

@pytest.mark.sample(3)
@pytest.mark.parametrize("case", range(100))
def test_of_the_same_kind(case): pass

@pytest.mark.sample(None)
@pytest.mark.parametrize("case", range(100))
def test_all(case): pass

@pytest.mark.costly
@pytest.mark.parametrize("case", range(4))
def test_costly(case): pass

@pytest.mark.costly("site")
def test_costly_first(): pass

@pytest.mark.costly("site")
def test_costly_second(): pass

@pytest.mark.browser
@pytest.mark.parametrize("case", range(10))
def test_clicks(case): pass

@pytest.mark.browser
def test_looks(): pass

def test_many_inside(sampled):
    print("inside", sampled(range(100), 5))
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run these cases; return what was run, by test, and what was printed."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    pytester.makeconftest('pytest_plugins = ["sampling"]')
    pytester.makeini("[pytest]\nmarkers = browser")
    pytester.makepyfile(CASES)

    def run(*arguments):
        done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-v", "-rP", *arguments)
        assert done.ret == 0
        text = done.stdout.str()
        ran = {}
        for name, case in sorted(set(re.findall(r"::(test_\w+)(?:\[(\d+)\])?", text))):
            ran.setdefault(name, []).append(case)
        return ran, text

    return run


def counts(ran):
    return [len(ran[name]) for name in ("test_many", "test_expensive", "test_of_the_same_kind", "test_all")]


def test_a_whole_run_is_a_sample_that_can_be_taken_again(run):
    ran, text = run()
    assert counts(ran) == [16, 3, 3, 100]
    assert ran["test_expensive"] == ran["test_of_the_same_kind"]
    assert len(ran.get("test_clicks", [])) + len(ran.get("test_looks", [])) == 6
    costly = len(ran.get("test_costly", [])), "test_costly_first" in ran, "test_costly_second" in ran
    assert costly in {(2, False, False), (1, True, True)}  # two of five, where two tests are one
    assert f"a sample: {131 - 2 + sum(costly)} of 418 cases" in text
    seed = re.search(r"--sample=(\d+)", text)[1]
    again, same_text = run(f"--sample={seed}", "-n2")  # in whatever processes
    assert again == ran
    inside = re.search(r"^inside .*", text, re.MULTILINE)[0]
    assert inside in same_text
    assert inside.count(",") == 4
    other, other_text = run("--sample=7")
    assert counts(other) == counts(ran)
    assert other != ran
    assert inside not in other_text


def test_of_each_test_there_may_be_fewer_cases(run):
    ran, _ = run("--cases=2")
    assert counts(ran) == [2, 2, 2, 100]


@pytest.mark.parametrize("arguments", [["--all"], ["test_whoever_names_tests_gets_all_of_them.py"], ["-k", "test"]])
def test_whoever_names_tests_gets_all_of_them(run, arguments):
    ran, text = run(*arguments)
    assert counts(ran) == [100] * 4
    assert (
        len(
            ran["test_costly"]
            + ran["test_costly_first"]
            + ran["test_costly_second"]
            + ran["test_clicks"]
            + ran["test_looks"]
        )
        == 17
    )
    assert "a sample" not in text


def test_a_worker_that_crashed_leaves_the_counts_as_they_are():
    config = SimpleNamespace(stash=pytest.Stash())
    config.stash[sampling.COUNTS] = []
    for output in ({"sampled": [3, 10]}, {}):
        sampling.pytest_testnodedown(SimpleNamespace(config=config, workeroutput=output))
    assert config.stash[sampling.COUNTS] == [3, 10]
