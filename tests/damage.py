"""Ways to damage a file: what every reader must stand."""

from __future__ import annotations

import copy
import io
import json
import zipfile

from hypothesis import strategies as st

JUNK = [
    None, True, False, 0, 1, -1, 7, 10**4, 10**9, 2**60, 10**25, 10**200, 0.5, 1e308, float("nan"), float("inf"), "", "x", "nan",
    "t0", "o1", "o0_0", "fold", "\ud800", "\x00\x1b", "<b>&", "a" * 500, [], {}, [[]], [0], [1, 2], {"tuple": [10**5, 10**5]},
    {"slot": 0}, {"slice": [None, None, None]}, "float32", "int64", "bool", "backward", "constant", "parameter", "output",
    "setting", "number", "input", "SGD", "Adam", "MulBackward0",
]  # fmt: skip


def ways(tree, way=()):
    """The ways to all parts of a tree of JSON; of a long list to its first parts."""
    if way:
        yield way
    if isinstance(tree, dict):
        for key, inner in tree.items():
            yield from ways(inner, (*way, key))
    elif isinstance(tree, list):
        for place, inner in enumerate(tree[:40]):
            yield from ways(inner, (*way, place))


def at(tree, way):
    for step in way:
        tree = tree[step]
    return tree


class Damages:
    """Documents with a part or two replaced, left out, doubled, or mixed up."""

    def __init__(self, *documents):
        self.documents = documents
        self.kinds = []  # by document: the ways to its parts, by the names on the way
        for document in documents:
            found = {}
            for way in ways(document):
                found.setdefault(tuple(step for step in way if isinstance(step, str)), []).append(way)
            self.kinds.append(list(found.values()))

    def one(self, draw):
        """Return the number of a document, and a damaged copy of it."""
        number = draw(st.integers(0, len(self.documents) - 1))
        document, kinds = copy.deepcopy(self.documents[number]), self.kinds[number]
        for _ in range(draw(st.integers(1, 2))):
            like = draw(st.sampled_from(kinds))
            way = draw(st.sampled_from(like))
            try:
                self.damage(document, way, like, kinds, draw)
            except (KeyError, IndexError, TypeError):
                continue  # the part was lost in the damage before
        return number, document

    @staticmethod
    def damage(document, way, like, kinds, draw):
        inner, last = at(document, way[:-1]), way[-1]
        match draw(st.integers(0, 5)):
            case 0:
                inner[last] = draw(st.sampled_from(JUNK))
            case 1:
                del inner[last]
            case 2:
                inner[last] = copy.deepcopy(at(document, draw(st.sampled_from(like))))
            case 3 if isinstance(inner, list):
                inner.insert(last, copy.deepcopy(inner[last]))
            case 4 if isinstance(inner, list):
                inner.reverse()
            case _:
                inner[last] = copy.deepcopy(at(document, draw(st.sampled_from(draw(st.sampled_from(kinds))))))


def zipped(members, method=zipfile.ZIP_DEFLATED):
    """A zip file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content if isinstance(content, bytes | str) else json.dumps(content))
    return data.getvalue()


def members_of(data):
    """What is in a zip file."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}
