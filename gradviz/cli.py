"""The command line: ``gradviz demo``, ``draw``, ``play``, ``run``, ``lab`` and ``doctor``."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradviz
from gradviz import arguments
from gradviz.expression import evaluate, parse_value
from gradviz.recording import Recording, record_graph
from gradviz.script import TARGET, Script, run, tensor_of
from gradviz.usage import UsageError, in_short, say, short


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for what the user can mend.

    A script that is run may end with one of its own, as a `SystemExit`.
    """
    given = arguments.parse(sys.argv[1:] if words is None else words)
    try:
        return COMMANDS[given.command](given)
    except UsageError as error:
        say(f"gradviz: error: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gradviz: interrupted", file=sys.stderr)
        return 130


# --- draw and play ----------------------------------------------------------------------------------------------------


def _draw(given: argparse.Namespace) -> int:
    output = _checked_output(given.output, arguments.DRAW_SUFFIXES)
    drawing = _drawing(given, step=given.step, theme=given.theme)
    if output.suffix.lower() == ".html":
        return _write_page(drawing, output)
    return _write(output, lambda: drawing.save(output, animate=given.animate, scale=given.scale))


def _play(given: argparse.Namespace) -> int:
    output = _checked_output(given.output, arguments.PLAY_SUFFIXES)
    status = _write_sandbox(given, output) if given.edit else _write_page(_drawing(given), output)
    if status == 0 and not given.no_open:
        open_page(output)
    return status


def _write_sandbox(given: argparse.Namespace, output: Path) -> int:
    from gradviz.player.sandbox import sandbox_page
    from gradviz.player.sandbox.page import USUAL
    from gradviz.recording.files import write_file

    if TARGET.fullmatch(given.target):
        raise UsageError(f"--edit goes with an expression; {given.target} is a script")
    gradviz.manual_seed(given.seed)
    values = _values(given.arguments, given.constant)
    return _write(output, lambda: write_file(output, sandbox_page(given.target or USUAL, values)))


def _drawing(given: argparse.Namespace, **more: Any) -> Any:
    from gradviz.drawing import draw_recording

    recording = _record(given)
    try:
        return draw_recording(recording, **{name: getattr(given, name) for name in arguments.PICTURE}, **more)
    except (ValueError, TypeError, IndexError) as error:
        raise UsageError(str(error)) from None


def _write_page(shown: Any, output: Path) -> int:
    from gradviz.player import page
    from gradviz.recording.files import write_file

    return _write(output, lambda: write_file(output, page(shown)))


def _write(output: Path, write: Any) -> int:
    try:
        write()
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from None
    except (ValueError, ImportError) as error:
        raise UsageError(f"cannot write {output}: {error}") from None
    say(f"wrote {output}")
    return 0


def _checked_folder(name: str) -> Path:
    folder = Path(name)
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"cannot write to {name}: it is a file, not a folder")
    except OSError as error:
        raise UsageError(f"cannot write to {short(name)}: {error.strerror}") from None
    return folder


def _checked_output(name: str, suffixes: Sequence[str]) -> Path:
    """Look at the output's name before anything is computed."""
    output = Path(name)
    if output.suffix.lower() not in suffixes:
        raise UsageError(f"cannot write {name}: the name must end in {' or '.join(suffixes)}")
    try:
        if output.is_dir():
            raise UsageError(f"cannot write {name}: it is a folder")
        if not output.parent.is_dir():
            raise UsageError(f"cannot write {name}: there is no folder {output.parent}")
    except OSError as error:
        raise UsageError(f"cannot write {short(name)}: {error.strerror}") from None
    if not os.access(output.parent, os.W_OK):
        raise UsageError(f"cannot write {name}: no permission to write to {output.parent}")
    return output


def _record(given: argparse.Namespace) -> Recording:
    gradviz.manual_seed(given.seed)
    scripted = TARGET.fullmatch(given.target)
    if scripted:
        if given.constant:
            raise UsageError(f"--constant {given.constant[0]} goes with an expression; a script has its own")
        script = Script(scripted["file"], given.arguments, given.torch == "real")
        result, variables = tensor_of(script, scripted["name"])
    else:
        variables = _values(given.arguments, given.constant)
        result = evaluate(given.target, variables)
        if variables and not result.requires_grad:
            raise UsageError(f"cannot show {given.target!r}: {_why_no_gradient(variables)}")
    try:
        return record_graph(
            result,
            backward=False if given.forward else True if result.numel() == 1 else None,
            names={"y": result}
            if not scripted and "y" not in variables
            else None,  # so that equations can speak of ∂y/∂w
            variables=[variables],
        )
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"cannot show {given.target!r}: {in_short(error)}") from None


def _why_no_gradient(variables: dict[str, Any]) -> str:
    free = [name for name, value in variables.items() if value.requires_grad]
    if not free:
        return "every value is a --constant, and nothing is left that gets a gradient; leave one of them out"
    return f"no gradient comes back from it to {' or '.join(free)}: a comparison, an argmax or detach() passes none on"


def _values(texts: Sequence[str], constants: Sequence[str]) -> dict[str, Any]:
    pairs = []
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"{text!r} is not a value; give values as name=value, for example w=2")
        pairs.append((name.strip(), value))
    names = Counter(name for name, _ in pairs)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        given = " and ".join(f"{name}={value}" for name, value in pairs if name == twice)
        raise UsageError(f"{twice} is given more than once: {given}")
    unknown = [name for name in constants if name not in names]
    if unknown:
        raise UsageError(f"--constant {unknown[0]}: there is no value of that name")
    return {name: parse_value(name, value, name not in constants) for name, value in pairs}


# --- run --------------------------------------------------------------------------------------------------------------


def _run(given: argparse.Namespace) -> int:
    return run(Script(given.target, given.arguments, given.torch == "real"))


# --- demo -------------------------------------------------------------------------------------------------------------


def _demo(given: argparse.Namespace) -> int:
    from gradviz.demo import write_demo

    folder = _checked_folder(given.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        index = write_demo(folder, lambda path: say(f"wrote {path}"))
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from None
    if given.no_open or not open_page(index):
        print(f"\nOpen {index} in a browser to see them.")
    return 0


# --- lab and doctor ---------------------------------------------------------------------------------------------------


def _lab(given: argparse.Namespace) -> int:
    from gradviz import lab

    folder = _checked_folder(given.folder)
    try:
        copied = lab.copy_notebooks(folder)
    except OSError as error:
        if error.errno is None:  # not the system's: there are no notebooks to copy
            raise UsageError(str(error)) from None
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from None
    for what, names in (("copied", copied.new), ("renewed", copied.renewed), ("kept as you left it:", copied.kept)):
        for name in names:
            print(f"{what} {folder / name}")
    if copied.same:
        print(f"{len(copied.same)} are there already, in {folder}")
    if given.copy_only:
        return 0
    if not lab.is_there():
        raise UsageError(f"the notebooks are in {folder}, but {lab.MISSING}")
    sys.stdout.flush()
    status = lab.start(lab.command(folder, copied.names[0], browser=not given.no_browser, options=given.jupyter))
    if status != 0 and lab.refused_as_root(given.jupyter):
        raise UsageError("JupyterLab does not start as root, unless it is told to: gradviz lab --jupyter=--allow-root")
    return status


def _doctor(given: argparse.Namespace) -> int:
    from gradviz.doctor import report

    text, well = report(as_json=given.json)
    print(text)
    return 0 if well else 1


def open_page(page: Path) -> bool:
    """Open a page in a graphical browser, if there is one; return True if there was."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        return webbrowser.open(page.resolve().as_uri())
    except webbrowser.Error:
        return False


COMMANDS = {"demo": _demo, "draw": _draw, "play": _play, "run": _run, "lab": _lab, "doctor": _doctor}


if __name__ == "__main__":
    sys.exit(main())
