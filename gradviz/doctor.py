"""``gradviz doctor``: what is installed, whether it works, and the command that mends what does not.

Nothing is believed because it is installed: each layout engine lays out a graph, a picture is drawn, and another is
converted. A check that fails, for whatever reason, is a line of the report and never a traceback.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradviz
from gradviz.engine.tensor import Tensor

if TYPE_CHECKING:
    from gradviz.drawing.layout import LayoutEngine

AGAIN = "pip install --force-reinstall"
REINSTALL = f"{AGAIN} .  (in the folder of gradviz's source)"
PLACES = "placing cards and arrows"


@dataclass(frozen=True)
class Check:
    """What one look at the machine found.

    Attributes
    ----------
    name
        Of what was looked at.
    purpose
        What it is there for.
    ok
        Whether it works.
    found
        The version, and what was seen to work; or what went wrong.
    needed
        Whether gradviz does not work without it.
    mend
        The command that brings it; empty if it works.
    """

    name: str
    purpose: str
    ok: bool
    found: str
    needed: bool
    mend: str = ""


def examine() -> list[Check]:
    """Look at everything that gradviz uses, and return what was found.

    Examples
    --------
    >>> from gradviz.doctor import examine
    >>> [check.name for check in examine()][:2]
    ['Python', 'numpy']
    """
    return [
        Check("Python", "running gradviz", True, platform.python_version(), True),
        _look("numpy", "computing", lambda: _version("numpy"), f"{AGAIN} numpy"),
        *_engines(),
        _look("picture", "pictures of computations", _draw, REINSTALL),
        _look("anywidget", "the player in notebooks", lambda: _imported("anywidget"), f"{AGAIN} anywidget"),
        _look("ipywidgets", "the player in notebooks", lambda: _imported("ipywidgets"), f"{AGAIN} ipywidgets"),
        _look("player", "stepping through a computation", _play, REINSTALL),
        _look("JupyterLab", "gradviz lab", _lab, "pip install jupyterlab", needed=False),
        _look("export", "pictures as .pdf and .png", _export, "pip install vl-convert-python", needed=False),
        _look("notebooks", "the course", _notebooks, REINSTALL, needed=False),
    ]


def report(as_json: bool = False) -> tuple[str, bool]:
    """Return the report as text or JSON, and whether everything that gradviz needs works."""
    checks = examine()
    well = all(check.ok for check in checks if check.needed)
    if as_json:
        body = {
            "gradviz": gradviz.__version__,
            "platform": platform.platform(),
            "python": sys.executable,
            "ok": well,
            "checks": [asdict(check) for check in checks],
        }
        return json.dumps(body, indent=2), well
    return "\n".join(_lines(checks, well)), well


def _lines(checks: list[Check], well: bool) -> Iterator[str]:
    yield f"gradviz {gradviz.__version__} in {Path(gradviz.__file__).parent}"
    yield f"{platform.platform()}, {sys.executable}\n"
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "ok     " if check.ok else "BROKEN " if check.needed else "missing"
        yield f"{mark}  {check.name:{width}}  {check.found}"
        if check.mend:
            yield f"{'':9}{'':{width}}  for {check.purpose}: {check.mend}"
    yield ""
    optional = [check.name for check in checks if not (check.ok or check.needed)]
    if not well:
        yield "gradviz does not work here yet: run the commands beside BROKEN."
    elif optional:
        yield f"What gradviz needs works. Not there, and only needed for what its line says: {', '.join(optional)}."
    else:
        yield "Everything works."


def _look(name: str, purpose: str, look: Callable[[], str], mend: str, needed: bool = True) -> Check:
    """Try something; whatever goes wrong is an answer too."""
    try:
        return Check(name, purpose, True, look(), needed)
    except Exception as error:  # a doctor does not fall ill of what the patient has
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Check(name, purpose, False, first, needed, mend)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise ImportError(f"{package} is not installed") from None


def _imported(package: str) -> str:
    found = _version(package)
    importlib.import_module(package)
    return found


# --- what is looked at -------------------------------------------------------------------------------------------------


def _engines() -> Iterator[Check]:
    """Let every layout engine lay out a graph. One has to be able to; a second is welcome."""
    from gradviz.drawing.layout import PURE, engines

    found = engines()
    tried = [_look(name, PLACES, partial(_lays_out, one), PURE, needed=False) for name, one in found.items()]
    if any(check.ok for check in tried):
        yield from tried
    else:
        yield from (replace(check, needed=True) for check in tried)
    if not tried:
        yield Check("Graphviz", PLACES, False, "no layout engine was found", True, PURE)


def _lays_out(engine: LayoutEngine) -> str:
    from gradviz.drawing.layout import parse

    places = parse(engine.run("digraph { a -> b [id=e, dir=none] }", 10.0)).centres
    if set(places) != {"a", "b"} or places["a"] == places["b"]:
        raise RuntimeError(f"{engine.name} places two nodes at {places}")
    return f"lays out a graph ({getattr(engine, 'path', 'in this process')})"


def _small() -> Tensor:
    w, x = gradviz.tensor(2.0, requires_grad=True), gradviz.tensor(5.0)
    return w * x + 3


def _draw() -> str:
    import xml.etree.ElementTree as ET

    picture = gradviz.draw(_small()).to_svg()
    ET.fromstring(picture)
    if ">13<" not in picture:
        raise RuntimeError("the picture of 2·5 + 3 does not show 13")
    return "drawn, and shows what was computed"


def _play() -> str:
    from gradviz.player import page

    if "</html>" not in page(gradviz.draw(_small())):
        raise RuntimeError("the player's page is not complete")
    return "its page can be saved"


def _lab() -> str:
    """JupyterLab shows widgets only if it has both of their extensions."""
    from jupyter_core.paths import jupyter_path

    found = _version("jupyterlab")
    _version("ipykernel")
    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    for extension in ("@jupyter-widgets/jupyterlab-manager", "anywidget"):
        if not any((folder / extension).is_dir() for folder in folders):
            raise RuntimeError(f"{found}, but its extension {extension} is missing")
    return f"{found}, with both extensions for widgets"


def _export() -> str:
    from gradviz.drawing import export

    found = _version("vl-convert-python")
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'
    if not export.png(square, 8, 8).startswith(b"\x89PNG") or not export.pdf(square).startswith(b"%PDF"):
        raise RuntimeError(f"vl-convert-python {found} does not convert a square")
    return f"vl-convert-python {found}, converts"


def _notebooks() -> str:
    from gradviz.lab import notebooks

    return f"{len(notebooks())} to copy with `gradviz lab`"
