"""A run of the whole suite takes a sample of what is many of a kind.

Of a test with many cases `MOST` are run, or as many as its marker says: ``@pytest.mark.sample(3)`` where a case is expensive,
``@pytest.mark.sample(None)`` where every case has to be run. Which they are follows from a seed: the commit's hash, or
``--sample=N``. Cases of the same name are chosen alike, so that tests of the same notebook run in the same kernel. Where the
many are inside of a test, the fixture ``sampled`` chooses. Hypothesis gets the same seed.

A test that takes half a minute is marked ``@pytest.mark.costly``, or ``costly("site")`` where several need the same preparation:
of these a run takes a third. Of the tests of one file that click in a real browser it takes `MOST_IN_A_BROWSER`.

Whoever names files, tests or ``-k`` gets all of them, and ``--all`` runs everything. ``--cases=5`` takes at most five cases of each
test: enough to see whether another Python or NumPy does as this one.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

MOST = 16
"""Of the cases of one test so many are run, unless it is marked otherwise."""

MOST_IN_A_BROWSER = 6
"""Of the tests of a file that need a browser."""

ONE_COSTLY_IN = 3
"""Of the costly ones every third is run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sampling", "what is many of a kind")
    group.addoption("--all", action="store_true", help="run every case of every test")
    group.addoption("--cases", type=int, metavar="N", default=MOST, help=f"of a test with many cases run N, not {MOST}")
    group.addoption(
        "--sample", type=int, metavar="N", help="of tests with many cases run those that this number chooses"
    )


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its seed
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sample(most): of the cases of this test run so many; None for all of them")
    config.addinivalue_line(
        "markers", "costly(name): takes long, as all of that name together: a third of these is run"
    )
    config.stash[COUNTS] = []
    option = config.option
    if option.all and option.sample is not None:
        raise pytest.UsageError("--all runs everything, --sample a part of it: give one of them")
    if hasattr(config, "workerinput"):
        option.sample = config.workerinput["sample"]  # settled in the process that started this one
    elif not option.all and option.sample is None and _is_whole(config):
        option.sample = _seed_of_commit(config.rootpath)
    if option.sample is not None and option.hypothesis_seed is None:
        option.hypothesis_seed = option.sample


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["sample"] = node.config.option.sample


def _is_whole(config: pytest.Config) -> bool:
    """Whether nobody has said which tests to run."""
    named = [argument for argument in config.args if not (config.invocation_params.dir / argument).is_dir()]
    return not (named or config.option.keyword or getattr(config.option, "lf", False))


def _seed_of_commit(folder: Path) -> int:
    try:
        command = ["git", "rev-parse", "HEAD"]
        found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0  # no repository: what is sampled is the same each time
    return int(found[:8], 16)


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.option.sample
    return None if seed is None else f"sample: --sample={seed} runs the same cases again, --all runs every case"


# --- choosing --------------------------------------------------------------------------------------------------------


def _place(seed: int, name: str) -> bytes:
    """Return what a case is ordered by."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def _left_out(items: Sequence[pytest.Item], seed: int, many: int) -> set[pytest.Item]:
    """Return what a run does not take: of the cases of a test, of what is costly, and of a file's tests in a browser."""
    cases, costly, in_browser = (defaultdict[str, list[pytest.Item]](list) for _ in range(3))
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for same in cases.values():
        marker = same[0].get_closest_marker("sample")
        most = many if marker is None else marker.args[0] and min(marker.args[0], many)
        if most is not None and len(same) > most:
            left_out.update(sorted(same, key=lambda item: _place(seed, item.nodeid.partition("[")[2]))[most:])
    for item in items:
        if (marker := item.get_closest_marker("costly")) is not None:
            costly[marker.args[0] if marker.args else item.nodeid].append(item)
        elif item.get_closest_marker("browser") is not None and item not in left_out:
            in_browser[item.nodeid.partition("::")[0]].append(item)
    for name in sorted(costly, key=lambda name: _place(seed, name))[-(-len(costly) // ONE_COSTLY_IN) :]:
        left_out.update(costly[name])
    for same in in_browser.values():
        left_out.update(sorted(same, key=lambda item: _place(seed, item.nodeid))[MOST_IN_A_BROWSER:])
    return left_out


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.option.sample
    if seed is None:
        return
    left_out = _left_out(items, seed, config.option.cases)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        config.stash[COUNTS] = [len(items) - len(left_out), len(items)]
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def sampled(request: pytest.FixtureRequest) -> Callable[[Sequence[T], int], list[T]]:
    """A function that chooses so many of a sequence, in their order; with ``--all``, and where the test is named, all."""
    seed = request.config.option.sample

    def choose(many: Sequence[T], most: int) -> list[T]:
        if seed is None or len(many) <= most:
            return list(many)
        places = random.Random(f"{seed} {request.node.nodeid}").sample(range(len(many)), most)
        return [many[place] for place in sorted(places)]

    return choose


# --- saying so -------------------------------------------------------------------------------------------------------

COUNTS = pytest.StashKey[list[int]]()
"""How many cases are run, of how many."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["sampled"] = session.config.stash[COUNTS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    if counts := getattr(node, "workeroutput", {}).get("sampled"):  # all have the same; one that crashed has none
        node.config.stash[COUNTS] = counts


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if counts := config.stash[COUNTS]:
        run, of = counts
        terminalreporter.write_line(
            f"a sample: {run} of {of} cases, by --sample={config.option.sample}; --all runs every case"
        )
