"""What the command line says when something is not as it should be: one sentence, safe for a terminal."""

from __future__ import annotations

import sys
import unicodedata
from typing import TextIO


class UsageError(Exception):
    """Something the user can mend, as one sentence; indented below it may be what else is known."""


def in_short(error: BaseException) -> str:
    """Return the first line of an error's message and, indented below it, the advice that gradviz has added."""
    try:
        said = str(error).strip()
    except Exception:
        said = "(its own text cannot be made)"
    words, _, advice = (said or type(error).__name__).partition("\n\n")
    return "\n  ".join([short(words.splitlines()[0], 1000), *advice.splitlines()])


def printable(text: str) -> str:
    r"""Write out what a terminal would obey instead of showing: escape sequences in a file's name, text that runs backwards.

    >>> printable("no such file: \x1b[2Jtrain.py")
    'no such file: \\x1b[2Jtrain.py'
    """
    return "".join(
        each
        if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf", "Cs")
        else each.encode("unicode_escape").decode()
        for each in text
    )


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line, by default on the standard output, as far as the terminal has its characters."""
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def short(text: str, most: int = 120) -> str:
    """Return a file's name for a sentence: the middle of a very long one is left out."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 3 :]}"
