"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path


def write_file(path: str | os.PathLike[str], content: str | bytes) -> Path:
    r"""Write `content` beside `path`, then rename it into place, so that nobody ever sees half a file.

    Parameters
    ----------
    path
        Where to write; its folder must exist. A file that is there is replaced, and its permissions stay. Of a link, the
        file that it leads to is written. What is no file, such as a pipe or ``/dev/stdout``, is written to.
    content
        Text (written as UTF-8 with ``\n`` line ends) or bytes.

    Returns
    -------
    pathlib.Path
        The path, for messages.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written; nothing is left behind.
    """
    asked = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    target = Path(os.path.realpath(asked))
    try:
        _write(asked, target, data)
    except OSError as error:
        if error.errno is None:  # it names no file
            raise
        # Name the file that was asked for, not the one beside it.
        words, folder = error.strerror, (target if asked.is_symlink() else asked).parent
        if not folder.is_dir():
            words = f"there is no folder {os.fspath(folder)!r}: make it first"
        raise OSError(error.errno, words, os.fspath(asked)) from None
    return asked


def _write(asked: Path, target: Path, data: bytes) -> None:
    try:
        there = asked.stat()
    except FileNotFoundError:
        there = None
    if there is not None and not stat.S_ISREG(there.st_mode) and not stat.S_ISDIR(there.st_mode):
        asked.write_bytes(data)  # there is nothing to rename to
        return
    aside = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
    file = open(aside, "xb")  # noqa: SIM115 (a new file, with the permissions that any new file gets here)
    try:
        with file:
            file.write(data)
        if sys.platform == "emscripten":
            os.chmod(aside, 0o644)  # in a browser a new file has no permissions at all
        if there is not None:
            _give(aside, there)
        os.replace(aside, target)
    except BaseException:
        os.unlink(aside)
        raise


def _give(path: Path, like: os.stat_result) -> None:
    """Give a file the permissions of another, and its owner where that is allowed."""
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(path, like.st_uid, like.st_gid)
    os.chmod(path, stat.S_IMODE(like.st_mode))
