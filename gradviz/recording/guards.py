"""Reading within bounds: what a file may cost is known before it is read, and every bad file gives one kind of error.

A file is worth what it takes on the disk. What it unpacks to, the values in its JSON and the entries of its arrays are counted
against that before any of them is made, so that a small file never makes the process large.
"""

from __future__ import annotations

import codecs
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

ROOM, RATIO = 4 * 2**20, 40
"""What is packed may become so many bytes, and so many times as long as the whole file."""

WEIGHT, WEIGHT_OF_A_BYTE = 40 * 2**20, 64
"""What JSON holds may take so many bytes in memory, and so many for each byte of the file."""

LONGEST_NUMBER = 300
"""Digits of a whole number in a document: what is longer fits into no other kind of number."""

AGAIN = "Save it anew from where it was made, or fetch it again"
"""What to do about a file that is damaged."""


class FileError(RuntimeError, ValueError):
    """A file that is not one of gradviz's, is damaged, or is of another version. Says what is wrong, where, and what to do.

    It is a `RuntimeError`, as PyTorch raises for such a file, and a `ValueError`, as Python's own readers do.
    """


class DamageError(Exception):
    """Says where a document is not as it was written; those who know which file it is make a `FileError` of it."""


@contextmanager
def damage() -> Iterator[None]:
    """Take whatever `zipfile`, NumPy or `json` trip over in a file for what it is: damage."""
    try:
        yield
    except (DamageError, FileError):
        raise
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise DamageError(words if len(words) <= 200 else f"{words[:199]}…") from None


def reader_of(file: IO[bytes]) -> tuple[IO[bytes], int]:
    """Return a file that can be read here and there, and its length."""
    if not file.seekable():
        file = io.BytesIO(file.read())
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    return file, length


# --- JSON -------------------------------------------------------------------------------------------------------------


def parse(data: bytes, worth: int | None = None, integer: Callable[[str], Any] | None = None) -> Any:
    """Read JSON, of which some editors leave a mark at the beginning.

    Parameters
    ----------
    data
        The text, in UTF-8.
    worth
        The size of the file that it was unpacked from; ``None`` if this is the file.
    integer
        Reads a whole number; by default only such as a computation can have.

    Raises
    ------
    DamageError
        If it is not JSON, is nested too deeply, or holds more than such a file can.
    """
    if worth is not None and weight_of(data) > WEIGHT + WEIGHT_OF_A_BYTE * worth:
        raise DamageError("it holds far more values than a file of its size can")
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
        return json.loads(text, parse_int=integer or _integer)
    except UnicodeDecodeError:
        raise DamageError("it is not text") from None
    except RecursionError:
        raise DamageError("it is not valid JSON (it is nested too deeply)") from None
    except json.JSONDecodeError as error:
        if _ends_early(text, error):
            raise DamageError("its end is missing") from None
        raise DamageError(f"it is not valid JSON ({error})") from None


def weight_of(data: bytes) -> int:
    """Return about how many bytes of memory the values in JSON take, texts aside: by the signs that begin or part them."""
    return 200 * data.count(b"{") + 64 * (data.count(b"[") + data.count(b","))


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise DamageError(f"it has a whole number of {len(text):,} digits ({text[:8]}…)")
    return int(text)


def _ends_early(text: str, error: json.JSONDecodeError) -> bool:
    """Say whether all is well up to the end, and more is needed there. It may end within a word, such as ``null``."""
    end = len(text.rstrip())
    return text.lstrip()[:1] == "{" and (
        error.msg.startswith("Unterminated string") or error.pos > end - len("-Infinity")
    )


# --- zip files and arrays ------------------------------------------------------------------------------------------------


class Archive:
    """A zip file of which nothing is unpacked that the file is not worth.

    Parameters
    ----------
    file
        Can be read here and there.
    worth
        The size of the file on the disk.

    Raises
    ------
    DamageError
        If it is no zip file, or would unpack to far more than it is worth.
    """

    def __init__(self, file: IO[bytes], worth: int) -> None:
        self.worth = worth
        with damage():
            self._zip = zipfile.ZipFile(file)
        members = self._zip.infolist()
        self._members = {member.filename: member for member in members}
        for member in members:
            # Of the other methods one asks for as much memory as the file says.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
                raise DamageError(
                    f"{_short(member.filename)} is encrypted, or compressed in a way that is not used here"
                )
        if len(self._members) < len(members):
            raise DamageError("it holds two files of one name")
        size = sum(member.file_size for member in members)
        if size > ROOM + RATIO * worth:
            raise DamageError(f"it would unpack to {size:,} bytes, far more than a file of {worth:,} bytes holds")

    @property
    def names(self) -> tuple[str, ...]:
        """What is in it."""
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        """Return what a member holds."""
        with damage(), self._opened(name) as member:
            return member.read()

    def array(self, name: str, allowed: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Return the array of an ``.npy`` member, if its dtype is one of those `allowed`, by their names."""
        with damage(), self._opened(name) as member:
            shape, columns, dtype = _header(member, name)
            if dtype.name not in allowed or dtype.names is not None:
                if dtype.hasobject:
                    raise DamageError("Object arrays cannot be loaded when allow_pickle=False")
                raise DamageError(f"{_short(name)} has entries of the dtype {dtype}")
            size, there = math.prod(shape) * dtype.itemsize, self._members[name].file_size - member.tell()
            if size != there:
                raise DamageError(f"{_short(name)} has {there:,} bytes of entries, not {size:,}")
            array = np.empty(shape[::-1] if columns else shape, dtype)
            entries = memoryview(array.reshape(-1).view(np.uint8).data)
            done = 0
            while done < size and (count := member.readinto(entries[done:])):  # type: ignore[attr-defined]
                done += count
            if done < size or member.read(1):
                raise DamageError(f"{_short(name)} has other entries than its header says")
            array = array.astype(dtype.newbyteorder("="), copy=False)
            return array.T if columns else array

    def _opened(self, name: str) -> IO[bytes]:
        return self._zip.open(name)


def _header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape of an ``.npy`` file, whether it is in columns, and the dtype."""
    version = np.lib.format.read_magic(member)
    if version not in ((1, 0), (2, 0)):
        raise DamageError(f"{_short(name)} has a header that is not used here")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        return read(member)
    except Exception:  # it is read as Python's text, and fails as that does
        raise DamageError(f"{_short(name)} has a header that is none") from None


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"


def packed(members: Iterable[tuple[str, bytes]], *, deflate: bool = True) -> bytes:
    """Return a zip file; the same content always gives the same bytes.

    Parameters
    ----------
    members
        Names and contents.
    deflate
        Compress it, but for what would shrink so much that `Archive` or `parse` did not believe it.
    """
    members = list(members)
    made, shrunk = _zipped(members, {name for name, _ in members} if deflate else set())
    doubted = {
        name
        for name, content in members
        if name in shrunk
        and (
            len(content) > RATIO * shrunk[name]
            or (name.endswith(".json") and weight_of(content) > WEIGHT + WEIGHT_OF_A_BYTE * shrunk[name])
        )
    }
    return _zipped(members, shrunk.keys() - doubted)[0] if doubted else made


def _zipped(members: list[tuple[str, bytes]], deflated: Collection[str]) -> tuple[bytes, dict[str, int]]:
    """Return a zip file, and how long those are in it that are compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.create_system = 3  # wherever it is written
            archive.writestr(info, content, zipfile.ZIP_DEFLATED if name in deflated else zipfile.ZIP_STORED)
    return file.getvalue(), {info.filename: info.compress_size for info in archive.infolist() if info.compress_type}


def npy(array: Any) -> bytes:
    """Return an array as the content of an ``.npy`` file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return file.getvalue()


# --- text -------------------------------------------------------------------------------------------------------------

NO_TEXT = re.compile("[\ud800-\udfff]")
"""Halves of characters, which JSON can spell and no file can hold."""
