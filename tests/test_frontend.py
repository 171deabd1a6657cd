"""The front end's pure parts, tested by Node's own test runner; and its numbers beside Python's."""

from __future__ import annotations

import json
import random
import struct
import subprocess
from pathlib import Path

import pytest

from gradviz.engine.notation import number

TESTS = Path(__file__).parent / "frontend"
SOURCES = Path(__file__).parents[1] / "gradviz" / "player" / "frontend" / "src"


def files():
    return sorted(TESTS.rglob("*.test.js"))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_frontend(node, path):
    done = subprocess.run([node, "--test", "--test-reporter=tap", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 0\n" not in done.stdout, "no test ran"


def test_numbers_are_written_as_python_writes_them(node):
    chance = random.Random(0)
    numbers = [
        0.0,
        1.0,
        -1.0,
        0.5,
        1e5,
        99999.0,
        123456.0,
        -0.012345,
        1e-7,
        9.9996,
        9999.6,
        0.00001,
        0.0001,
        1e22,
        -3e-40,
    ]
    numbers += [chance.uniform(-10, 10) * 10 ** chance.randint(-12, 12) for _ in range(2000)]
    numbers += [float(chance.randint(-200_000, 200_000)) for _ in range(200)]
    numbers = [
        struct.unpack("f", struct.pack("f", value))[0] if place % 2 else value for place, value in enumerate(numbers)
    ]
    program = (
        f"import {{ numberText }} from {json.dumps((SOURCES / 'number.js').as_uri())};"
        'let text = ""; process.stdin.on("data", part => { text += part; });'
        'process.stdin.on("end", () => process.stdout.write('
        "JSON.stringify(JSON.parse(text).map(([n, digits]) => numberText(n, digits)))));"
    )
    cases = [(value, digits) for value in numbers for digits in (2, 4, 6)]
    done = subprocess.run(
        [node, "--input-type=module", "-e", program],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    written = json.loads(done.stdout)
    differing = [
        (value, digits, mine, number(value, digits))
        for (value, digits), mine in zip(cases, written, strict=True)
        if mine != number(value, digits)
    ]
    assert differing == []
