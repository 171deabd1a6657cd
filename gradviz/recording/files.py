"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_file(path: str | os.PathLike[str], content: str | bytes) -> Path:
    r"""Write `content` beside `path`, then rename it into place, so that nobody ever sees half a file.

    Parameters
    ----------
    path
        Where to write. An existing file is replaced; its folder must exist.
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
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        _write_beside(target, data)
    except OSError as error:
        if error.errno is None:  # it names no file
            raise
        # Name the file that was asked for, not the one beside it.
        words = error.strerror
        if not target.parent.is_dir():
            words = f"there is no folder {os.fspath(target.parent)!r}: make it first"
        raise OSError(error.errno, words, os.fspath(target)) from None
    return target


def _write_beside(target: Path, data: bytes) -> None:
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp makes private files; give this one the permissions an ordinary open() would.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(aside, 0o666 & ~umask)
        os.replace(aside, target)
    except BaseException:
        os.unlink(aside)
        raise
