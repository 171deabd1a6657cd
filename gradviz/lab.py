"""``gradviz lab``: the notebooks, copied to where one can write in them, and JupyterLab opened on them.

Beside the copies lies a list of what was copied, by its hash. A copy that still is what was copied is replaced when a
newer gradviz brings a newer notebook; one that anybody worked in is left alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradviz.recording.files import write_file
from gradviz.recording.guards import DamageError, parse

MANIFEST = ".gradviz-notebooks.json"
MISSING = "JupyterLab is not installed. Install it with: pip install jupyterlab"


@dataclass(frozen=True)
class Copied:
    """What `copy_notebooks` did, by the names of the files.

    Attributes
    ----------
    new
        Were not there.
    renewed
        Were there as an older gradviz had copied them.
    same
        Were there already.
    kept
        Were there and have been worked in, or came from elsewhere: not touched.
    """

    new: tuple[str, ...]
    renewed: tuple[str, ...]
    same: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted((*self.new, *self.renewed, *self.same, *self.kept))


def notebooks() -> dict[str, Path]:
    """Return the notebooks that came with gradviz: their names, and where they are.

    Raises
    ------
    FileNotFoundError
        If this installation has none.
    """
    package = Path(__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):  # from a wheel, from a checkout
        found = sorted(folder.glob("*.ipynb"))
        if found:
            return {path.name: path for path in found}
    raise FileNotFoundError(
        "this installation of gradviz has no notebooks; in the folder of its source: pip install --force-reinstall ."
    )


def copy_notebooks(folder: Path) -> Copied:
    """Copy the notebooks into a folder, without touching what has been edited there.

    Parameters
    ----------
    folder
        Made if it does not exist.

    Raises
    ------
    OSError
        If it cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = _read_manifest(folder / MANIFEST)
    after = dict(before)
    done: dict[str, list[str]] = {"new": [], "renewed": [], "same": [], "kept": []}
    for name, source in notebooks().items():
        content, target = source.read_bytes(), folder / name
        state = _state(target, content, before.get(name))
        done[state].append(name)
        if state in ("new", "renewed"):
            write_file(target, content)
        if state != "kept":
            after[name] = _hash(content)
    write_file(folder / MANIFEST, json.dumps(after, indent=1, sort_keys=True) + "\n")
    return Copied(**{state: tuple(names) for state, names in done.items()})


def _state(target: Path, content: bytes, copied: str | None) -> str:
    """Say what is to be done about one file: ``new``, ``renewed``, ``same`` or ``kept``."""
    if target.is_symlink() or (target.exists() and not target.is_file()):
        return "kept"
    if not target.exists():
        return "new"
    there = target.read_bytes()
    if there == content:
        return "same"
    return "renewed" if _hash(there) == copied else "kept"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_manifest(path: Path) -> dict[str, str]:
    """Read what was copied before; if that cannot be known, every file counts as edited."""
    try:
        body = parse(path.read_bytes())
    except (OSError, DamageError):
        return {}
    return {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else {}


# --- JupyterLab ----------------------------------------------------------------------------------------------------------


def command(folder: Path, first: str, *, browser: bool = True, options: Sequence[str] = ()) -> list[str]:
    """Return the command that starts JupyterLab in a folder and shows one of its notebooks.

    It runs on the interpreter that runs gradviz, so that the notebooks find gradviz too.
    """
    return [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{first}",
        *(() if browser else ("--no-browser",)),
        *options,
    ]


def is_there() -> bool:
    """Return True if JupyterLab is installed."""
    return importlib.util.find_spec("jupyterlab") is not None


def refused_as_root(options: Sequence[str]) -> bool:
    """Return True if JupyterLab may have stopped because it was started as root, as in a container."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and not any("allow-root" in option for option in options)


def start(command: Sequence[str]) -> int:
    """Run JupyterLab until it is stopped, and return its exit status."""
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # Ctrl-C reaches JupyterLab as well, which asks whether to stop
                continue
